# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What the message centre delivers: joined, read, and answered as the application answers."""

from __future__ import annotations

from typing import Any

import pytest
from pairs import PENDING, outcome
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from twisted_smpp.errors import RequestRefused
from twisted_smpp.esme.receiving import Received, Receiving
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.text.parts import Part
from twisted_smpp.text.reassembly import Reassembly
from twisted_smpp.text.rules import Method, TextRules
from twisted_smpp.text.segments import segments
from twisted_smpp.text.udh import Ports
from twisted_smpp.values import EsmClass
from twisted_smpp.wire.pdus import DataSM, DeliverSM, DeliverSMResp
from twisted_smpp.wire.tlvs import destination_port, message_payload, source_port

RX_T = S.ESME_RX_T_APPN
TEXT = "0123456789" * 40


class Inbox:
    """An application that answers by a script; without one, nothing, which is ESME_ROK."""

    def __init__(self, **limits: Any) -> None:
        self.clock = Clock()
        self.got: list[Received] = []
        self.script: list[Any] = []
        self.reassembly = Reassembly(**limits)
        self.receiving = Receiving(
            self._message, TextRules(), self.reassembly, "esme", self.clock.seconds, 10.0
        )

    def _message(self, received: Received) -> Any:
        self.got.append(received)
        answer = self.script.pop(0) if self.script else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def take(self, pdu: Any) -> Any:
        """What a delivery is answered, or what it failed with."""
        answer = self.receiving.take(pdu)
        if not isinstance(answer, Deferred):
            return answer
        result = outcome(answer)
        answer.addErrback(lambda _: None)  # the protocol would answer and log it
        return result

    def passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.receiving.expire()


def parts(text: str = TEXT, reference: int = 7, **more: Any) -> list[DeliverSM]:
    addresses = {"source_addr": "49171", "destination_addr": "Shop"}
    method = more.pop("method", None)
    return [
        DeliverSM(**{**addresses, **more}, **each.fields)
        for each in segments(text, reference=reference, method=method)
    ]


# One part.


@pytest.mark.parametrize("cls", [DeliverSM, DataSM])
def test_a_text_is_read(cls: Any) -> None:
    inbox = Inbox()
    octets = "Grüße".encode("utf-16-be")
    pdu = cls(
        source_addr="49171",
        destination_addr="Shop",
        data_coding=8,
        tlvs={message_payload: octets, source_port: 5, destination_port: 6},
    )
    assert inbox.take(pdu) is None
    (received,) = inbox.got
    assert (received.source, received.destination) == ("49171", "Shop")
    assert (received.text, received.octets, received.data_coding) == ("Grüße", octets, 8)
    assert (received.damaged, received.missing) == (False, ())
    assert received.ports == Ports(6, 5, 16)
    assert received.parts == (Part.of(pdu),)
    assert received.pdu is pdu
    assert inbox.receiving.idle


def test_what_cannot_be_read_is_handed_over_all_the_same() -> None:
    inbox = Inbox()
    inbox.take(DeliverSM(short_message=b"\x00a\x00", data_coding=8))
    inbox.take(DeliverSM(short_message=b"\x00\xff", data_coding=4))
    inbox.take(DeliverSM(short_message=b"\xff\x00", esm_class=EsmClass.UDHI))
    damaged, binary, broken = inbox.got
    assert damaged.damaged
    assert (binary.text, binary.octets) == (None, b"\x00\xff")
    assert (broken.text, broken.damaged, broken.octets) == (None, True, b"\xff\x00")


def test_how_it_looks_has_no_text_in_it() -> None:
    inbox = Inbox()
    inbox.take(DeliverSM(source_addr="1", destination_addr="2", short_message=b"secret"))
    inbox.take(DeliverSM(source_addr="1", short_message=b"secret", data_coding=4))
    assert repr(inbox.got[0]) == "<Received from '1' to '2': 6 characters>"
    assert repr(inbox.got[1]) == "<Received from '1' to '': octets>"


def test_the_answer_of_the_application_is_the_answer() -> None:
    inbox = Inbox()
    waiting: Deferred[Any] = Deferred()
    response = DeliverSMResp()
    inbox.script = [S.ESME_RX_P_APPN, waiting, response, ZeroDivisionError()]
    pdu = DeliverSM(short_message=b"hi")
    assert inbox.take(pdu) == S.ESME_RX_P_APPN
    assert inbox.receiving.take(pdu) is waiting
    assert inbox.take(pdu) is response
    with pytest.raises(ZeroDivisionError):
        inbox.take(pdu)
    assert len(inbox.got) == 4


# Several parts.


@pytest.mark.parametrize("method", list(Method)[:3])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_8_9_parts_in_any_order_are_one_message(method: Method, order: tuple[int, ...]) -> None:
    inbox = Inbox()
    pdus = parts(method=method)
    assert len(pdus) == 3
    answers = [inbox.take(pdus[index]) for index in order]
    assert answers == [None] * 3
    (received,) = inbox.got
    assert received.text == TEXT
    assert len(received.octets) == 400
    assert received.pdu is pdus[order[-1]]
    assert [part.concatenation.number for part in received.parts] == [1, 2, 3]  # type: ignore[union-attr]
    assert received.missing == ()
    assert inbox.receiving.idle


def test_8_a_part_that_comes_twice_counts_once() -> None:
    inbox = Inbox()
    first, second, third = parts()
    for pdu in (first, first, third, second, second):
        assert inbox.take(pdu) is None
    assert [received.text for received in inbox.got] == [TEXT]


def test_10_35_messages_of_others_are_not_mixed() -> None:
    inbox = Inbox()
    one, two, three, four = (
        parts("1" * 400),
        parts("2" * 400, source_addr="49172"),
        parts("3" * 400, destination_addr="Bank"),
        parts("4" * 400, source_addr_ton=1),
    )
    for pdus in zip(one, two, three, four, strict=True):
        for pdu in pdus:
            inbox.take(pdu)
    assert [(each.source, each.destination, each.text) for each in inbox.got] == [
        ("49171", "Shop", "1" * 400),
        ("49172", "Shop", "2" * 400),
        ("49171", "Bank", "3" * 400),
        ("49171", "Shop", "4" * 400),
    ]


def test_8_what_stays_incomplete_is_handed_over_with_its_gaps() -> None:
    inbox = Inbox()
    first, _, third = parts(source_addr="49:171")
    inbox.take(third)
    inbox.take(first)
    assert not inbox.receiving.idle
    inbox.passes(599)
    assert inbox.got == []
    inbox.passes(1)
    assert [each.text for each in inbox.got] == [TEXT[:153], TEXT[306:]]
    for received in inbox.got:
        assert (received.source, received.destination) == ("49:171", "Shop")
        assert (received.missing, received.pdu) == ((2,), None)
        assert len(received.parts) == 1
    assert inbox.receiving.idle


def test_what_has_become_too_old_is_handed_over_with_the_next_part() -> None:
    inbox = Inbox()
    inbox.take(parts()[0])
    inbox.clock.advance(600)
    inbox.take(parts(reference=8)[0])
    assert [each.missing for each in inbox.got] == [(2, 3)]


def test_what_the_application_says_to_a_rest_harms_nothing(logged_errors: Any) -> None:
    inbox = Inbox()
    inbox.script = [ZeroDivisionError(), RequestRefused(RX_T), RX_T]
    for reference in range(3):
        inbox.take(parts(reference=reference)[0])
    inbox.passes(600)
    assert len(inbox.got) == 3
    assert len(logged_errors.flush(ZeroDivisionError)) == 1


# The whole is refused.


def refused_later() -> Deferred[Any]:
    deferred: Deferred[Any] = Deferred()
    deferred.errback(RequestRefused(RX_T))
    return deferred


REFUSALS: dict[str, Any] = {
    "status": RX_T,
    "other status": S.ESME_RX_P_APPN,
    "response": DeliverSMResp(command_status=RX_T),
    "RequestRefused": RequestRefused(RX_T),
    "exception": ZeroDivisionError(),
    "no answer": "what is no answer",
    "False, which is 0": False,
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=list(REFUSALS))
@pytest.mark.parametrize("last", [0, 1, 2])
def test_who_refuses_the_last_part_gets_the_whole_again(last: int, refusal: Any) -> None:
    inbox = Inbox()
    pdus = parts()
    pdus.append(pdus.pop(last))
    inbox.script = [refusal, refused_later(), None]
    answers = [inbox.take(pdu) for pdu in pdus]
    assert answers == [None, None, refusal]
    assert isinstance(inbox.take(pdus[2]), RequestRefused)
    assert inbox.take(pdus[2]) is None
    assert [received.text for received in inbox.got] == [TEXT] * 3
    assert inbox.take(pdus[2]) is None  # its answer was lost
    assert len(inbox.got) == 3


@pytest.mark.parametrize("consent", [None, 0, S.ESME_ROK, DeliverSMResp()])
def test_who_takes_it_gets_it_once(consent: Any) -> None:
    inbox = Inbox()
    inbox.script = [consent]
    pdus = parts()
    answers = [inbox.take(pdu) for pdu in [*pdus, pdus[2]]]
    assert answers == [None, None, consent, None]
    assert len(inbox.got) == 1


async def in_a_coroutine(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer


def test_the_application_may_answer_with_a_coroutine() -> None:
    inbox = Inbox()
    inbox.script = [in_a_coroutine(ZeroDivisionError()), in_a_coroutine(S.ESME_ROK)]
    pdus = parts()
    answers = [inbox.take(pdu) for pdu in [*pdus, pdus[2]]]
    assert isinstance(answers[2], ZeroDivisionError)
    assert answers[3] == S.ESME_ROK
    assert len(inbox.got) == 2


class AwaitMe:
    """An awaitable that is no coroutine."""

    def __await__(self) -> Any:
        return S.ESME_RX_T_APPN
        yield


def test_the_application_may_answer_with_any_awaitable() -> None:
    inbox = Inbox()
    inbox.script = [AwaitMe()]
    answers = [inbox.take(pdu) for pdu in parts()]
    assert answers == [None, None, S.ESME_RX_T_APPN]


def test_a_refused_whole_that_never_comes_again_is_handed_over_in_parts() -> None:
    inbox = Inbox()
    inbox.script = [RX_T]
    inbox.clock.advance(100)
    for pdu in parts():
        inbox.take(pdu)
    assert not inbox.receiving.idle
    inbox.passes(599)
    assert len(inbox.got) == 1
    inbox.passes(1)
    assert [(received.text, received.missing) for received in inbox.got[1:]] == [
        (TEXT[:153], (3,)),
        (TEXT[153:306], (3,)),
    ]


def test_while_the_application_thinks_the_message_centre_is_asked_to_wait() -> None:
    """It sends the part again on another link; nobody must believe that it was taken."""
    inbox = Inbox()
    thinking: Deferred[Any] = Deferred()
    inbox.script = [thinking]
    pdus = parts()
    assert [inbox.take(pdu) for pdu in pdus] == [None, None, PENDING]
    assert inbox.take(pdus[2]) == RX_T
    assert inbox.take(pdus[0]) is None
    thinking.callback(RX_T)
    assert len(inbox.got) == 1
    assert inbox.take(pdus[2]) is None
    assert [received.text for received in inbox.got] == [TEXT, TEXT]


def test_what_was_taken_after_some_thinking_is_not_handed_over_again() -> None:
    inbox = Inbox()
    thinking: Deferred[Any] = Deferred()
    inbox.script = [thinking]
    pdus = parts()
    for pdu in [*pdus, pdus[2]]:
        inbox.take(pdu)
    thinking.callback(None)
    assert inbox.take(pdus[2]) is None
    inbox.passes(600)
    assert len(inbox.got) == 1
    assert inbox.receiving.idle


def test_other_messages_do_not_wait_meanwhile() -> None:
    inbox = Inbox()
    inbox.script = [Deferred()]
    for pdu in parts():
        inbox.take(pdu)
    for pdu in parts(reference=8):
        assert inbox.take(pdu) is None
    assert inbox.take(DeliverSM(short_message=b"hi")) is None
    assert len(inbox.got) == 3


def test_S16_who_never_answers_has_refused() -> None:
    inbox = Inbox()
    thinking: Deferred[Any] = Deferred()
    inbox.script = [thinking]
    pdus = parts()
    for pdu in pdus:
        inbox.take(pdu)
    inbox.passes(9.9)
    assert inbox.take(pdus[2]) == RX_T
    inbox.clock.advance(0.1)
    assert inbox.take(pdus[2]) is None
    assert [received.text for received in inbox.got] == [TEXT, TEXT]
    thinking.callback(RX_T)
    inbox.passes(600)
    assert len(inbox.got) == 2
    assert inbox.receiving.idle


def test_S16_who_answers_too_late_has_taken_it_if_nobody_came_meanwhile() -> None:
    inbox = Inbox()
    thinking: Deferred[Any] = Deferred()
    inbox.script = [thinking]
    pdus = parts()
    for pdu in pdus:
        inbox.take(pdu)
    inbox.clock.advance(20)
    thinking.callback(None)
    assert inbox.take(pdus[2]) is None
    inbox.passes(600)
    assert len(inbox.got) == 1


def test_S16_nothing_is_kept_of_who_never_answers() -> None:
    inbox = Inbox()
    for reference in range(100):
        inbox.script = [Deferred()]
        for pdu in parts(reference=reference):
            inbox.take(pdu)
    assert not inbox.receiving.idle
    inbox.passes(10)
    assert inbox.receiving._asked == {}
    assert len(inbox.reassembly) == 100
    inbox.passes(600)
    assert inbox.receiving.idle
    assert len(inbox.got) == 300


def test_a_refused_whole_whose_reference_is_in_use_again_is_handed_over_in_parts() -> None:
    inbox = Inbox()
    thinking: Deferred[Any] = Deferred()
    inbox.script = [thinking]
    for pdu in parts():
        inbox.take(pdu)
    anew = parts("9876543210" * 40)
    assert inbox.take(anew[0]) is None
    thinking.callback(RX_T)
    assert [(received.text, received.missing) for received in inbox.got[1:]] == [
        (TEXT[:153], (3,)),
        (TEXT[153:306], (3,)),
    ]
    assert [inbox.take(pdu) for pdu in anew[1:]] == [None, None]
    assert inbox.got[-1].text == "9876543210" * 40
    assert inbox.receiving.idle


@pytest.mark.parametrize("by", ["the next part", "the time"])
def test_a_whole_of_parts_that_were_all_answered_needs_no_answer(
    by: str, logged_errors: Any
) -> None:
    """Another link, with a memory of its own, has taken the part that was refused here."""
    inbox = Inbox()
    thinking: Deferred[Any] = Deferred()
    inbox.script = [thinking, ZeroDivisionError()]
    other = Receiving(
        inbox.got.append, TextRules(), inbox.reassembly, "esme", inbox.clock.seconds, 10.0
    )
    for pdu in parts():
        inbox.take(pdu)
    assert other.take(parts()[2]) is None
    thinking.callback(RX_T)
    assert len(inbox.got) == 1
    if by == "the time":
        inbox.passes(1)
    else:
        assert inbox.take(parts(reference=8)[0]) is None
    assert [(received.text, received.missing) for received in inbox.got] == [(TEXT, ())] * 2
    assert inbox.got[1].pdu is None
    assert (inbox.got[1].source, inbox.got[1].destination) == ("49171", "Shop")
    assert len(logged_errors.flush(ZeroDivisionError)) == 1


def test_S16_who_refuses_too_late_says_nothing_about_the_next_time() -> None:
    inbox = Inbox()
    first: Deferred[Any] = Deferred()
    second: Deferred[Any] = Deferred()
    inbox.script = [first, second]
    pdus = parts()
    for pdu in pdus:
        inbox.take(pdu)
    inbox.clock.advance(10)
    assert inbox.take(pdus[2]) == PENDING
    first.callback(RX_T)
    assert inbox.take(pdus[2]) == RX_T
    second.callback(None)
    assert inbox.take(pdus[2]) is None
    assert len(inbox.got) == 2
