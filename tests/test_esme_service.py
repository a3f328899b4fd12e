# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What the message centre sends, through the service: messages, alerts, and slow applications."""

from __future__ import annotations

from typing import Any

import pytest
from esme_kit import Log
from message_centre_kit import Centre
from pairs import PENDING, outcome
from twisted.internet.defer import Deferred

from twisted_smpp.errors import RequestRefused
from twisted_smpp.esme.confirming import Confirming
from twisted_smpp.esme.message import Progress
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import success
from twisted_smpp.text.reassembly import Reassembly
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.text.rules import TextRules
from twisted_smpp.text.segments import segments
from twisted_smpp.values import EsmClass
from twisted_smpp.wire.pdus import AlertNotification

TEXT = "Привет! " * 20
RECEIPT = b"id:42 sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:DELIVRD"


def started(**settings: Any) -> Centre:
    centre = Centre(**settings)
    centre.start()
    return centre


def status(response: Deferred[Any]) -> Any:
    """What a delivery was answered."""
    result = outcome(response)
    response.addErrback(lambda _: None)
    return getattr(result, "command_status", result)


def delivered(centre: Centre, command: str = "deliver_sm", **fields: Any) -> Any:
    fields = {"source_addr": "49171", "destination_addr": "Shop", **fields}
    response = getattr(centre.session, command)(**fields)
    centre.flush()
    return response


def parts(centre: Centre, numbers: tuple[int, ...] = (1, 2, 3), reference: int = 7) -> list[Any]:
    pdus = segments(TEXT, reference=reference)
    assert len(pdus) == 3
    return [status(delivered(centre, **pdus[number - 1].fields)) for number in numbers]


# Messages.


@pytest.mark.parametrize("command", ["deliver_sm", "data_sm"])
def test_messages_are_for_on_message(command: str) -> None:
    got: list[Any] = []
    centre = started(on_message=got.append, on_receipt=lambda *what: got.append(what))
    assert status(delivered(centre, command, data_coding=4)) == 0
    (received,) = got
    assert (received.source, received.destination, received.text) == ("49171", "Shop", None)
    assert received.pdu.command == command
    centre.stops()


def test_texts_are_read_as_the_link_writes_them() -> None:
    got: list[Any] = []
    centre = started(on_message=got.append, text=TextRules(default_alphabet="latin-1"))
    delivered(centre, short_message="Grüße".encode("latin-1"))
    assert got[0].text == "Grüße"
    centre.stops()


def test_8_a_long_message_comes_as_one() -> None:
    got: list[Any] = []
    centre = started(on_message=got.append)
    assert parts(centre, (3, 1)) == [0, 0]
    centre.drops()
    centre.rebinds()
    assert parts(centre, (2,)) == [0]
    assert [received.text for received in got] == [TEXT]
    centre.stops()


def test_8_what_is_missing_is_not_waited_for_for_ever() -> None:
    got: list[Any] = []
    centre = started(on_message=got.append, reassembly=Reassembly(seconds=100.0))
    parts(centre, (3, 1))
    centre.passes(90)
    assert got == []
    centre.passes(40)
    assert [received.missing for received in got] == [(2,), (2,)]
    assert centre.service._sweep.call is None
    centre.stops()


def test_8_nor_after_a_restart() -> None:
    got: list[Any] = []
    centre = started(on_message=got.append)
    parts(centre, (1,))
    centre.stops()
    centre.start()
    centre.passes(630)
    assert [received.missing for received in got] == [(2, 3)]
    centre.stops()


def test_the_answer_of_on_message_counts() -> None:
    async def later(received: Any) -> int:
        return int(S.ESME_RX_P_APPN)

    def refuses(received: Any) -> None:
        raise RequestRefused(S.ESME_RX_R_APPN)

    for on_message, expected in (
        (lambda received: S.ESME_RX_R_APPN, S.ESME_RX_R_APPN),
        (later, S.ESME_RX_P_APPN),
        (refuses, S.ESME_RX_R_APPN),
    ):
        centre = started(on_message=on_message)
        assert status(delivered(centre)) == expected
        assert parts(centre) == [0, 0, expected]
        centre.stops()


def test_without_on_message_the_message_centre_keeps_them() -> None:
    centre = started()
    assert status(delivered(centre)) == S.ESME_RX_T_APPN
    assert parts(centre, (1,)) == [S.ESME_RX_T_APPN]
    centre.stops()


def test_S16_what_on_message_raises_is_try_again(logged_errors: Any) -> None:
    got: list[Any] = []

    def fails_at_first(received: Any) -> None:
        got.append(received.text)
        if len(got) in (1, 3):
            raise ZeroDivisionError

    centre = started(on_message=fails_at_first)
    answers = [status(delivered(centre, short_message=b"hi")) for _ in range(2)]
    assert answers == [S.ESME_RX_T_APPN, 0]
    assert parts(centre, (1, 2, 3, 3)) == [0, 0, S.ESME_RX_T_APPN, 0]
    assert got == ["hi", "hi", TEXT, TEXT]
    assert len(logged_errors.flush(ZeroDivisionError)) == 2
    centre.stops()


# Slow applications.


def test_S16_an_answer_may_take_ten_seconds(logged_errors: Any) -> None:
    answers: list[Deferred[Any]] = []

    def slow(received: Any) -> Deferred[Any]:
        answers.append(Deferred())
        return answers[-1]

    centre = started(on_message=slow)
    one = delivered(centre, short_message=b"hi")
    for number in (1, 2):
        parts(centre, (number,))
    long = delivered(centre, **segments(TEXT, reference=7)[2].fields)
    centre.passes(9.5)
    assert (outcome(one), outcome(long)) == (PENDING, PENDING)
    centre.passes(1)
    assert [status(one), status(long)] == [S.ESME_RX_T_APPN] * 2
    assert len(logged_errors.flush(TimeoutError)) == 2
    again = delivered(centre, **segments(TEXT, reference=7)[2].fields)
    assert len(answers) == 3
    answers[2].callback(None)
    centre.flush()
    assert status(again) == 0
    answers[0].callback(None)
    answers[1].callback(S.ESME_RX_T_APPN)
    assert parts(centre, (3,)) == [0]
    assert len(answers) == 3
    centre.stops()


def test_the_limit_is_that_of_the_link() -> None:
    centre = started(on_message=lambda received: Deferred(), answer_timeout=100.0)
    for number in (1, 2):
        parts(centre, (number,))
    pending = delivered(centre, **segments(TEXT, reference=7)[2].fields)
    centre.passes(29)
    assert outcome(pending) == PENDING
    assert parts(centre, (3,)) == [S.ESME_RX_T_APPN]
    pending.addErrback(lambda _: None)
    centre.stops_by_force()


def test_D16_a_link_that_breaks_while_the_application_thinks_loses_nothing() -> None:
    answers: list[Deferred[Any]] = []

    def slow(received: Any) -> Deferred[Any]:
        answers.append(Deferred())
        return answers[-1]

    centre = started(on_message=slow)
    parts(centre, (1, 2))
    lost = delivered(centre, **segments(TEXT, reference=7)[2].fields)
    centre.drops()
    lost.addErrback(lambda _: None)
    centre.rebinds()
    assert parts(centre, (3,)) == [S.ESME_RX_T_APPN]
    answers[0].callback(S.ESME_RX_T_APPN)
    pending = delivered(centre, **segments(TEXT, reference=7)[2].fields)
    answers[1].callback(None)
    centre.flush()
    assert status(pending) == 0
    assert len(answers) == 2
    centre.stops()


def test_26_enquire_link_is_answered_meanwhile_and_receipts_are_taken() -> None:
    centre = Centre(on_message=lambda received: Deferred())
    centre.endpoint.smsc.window = 100
    centre.start()
    message = centre.send()
    for number in range(99):
        delivered(centre, short_message=b"%d" % number).addErrback(lambda _: None)
    enquiry = centre.session.enquire_link()
    centre.flush()
    assert success(enquiry).command_status == 0
    assert status(centre.says("1")) == 0
    assert message.progress is Progress.DELIVERED
    centre.stops_by_force()


def test_a_slow_application_is_not_read_for(logged_errors: Any) -> None:
    got: list[Any] = []

    def slow(received: Any) -> Deferred[Any]:
        got.append(received)
        return Deferred()

    centre = Centre(on_message=slow, max_unanswered=5)
    centre.endpoint.smsc.window = 100
    centre.start()
    responses = [centre.session.deliver_sm(short_message=b"%d" % number) for number in range(20)]
    centre.flush()
    assert len(got) == 5
    esme_end, _ = centre.endpoint.ends[-1]
    assert not esme_end.reading
    centre.passes(10.5)
    assert len(got) == 10
    assert [status(each) for each in responses[:6]] == [S.ESME_RX_T_APPN] * 5 + [PENDING]
    for response in responses:
        response.addErrback(lambda _: None)
    centre.stops_by_force()
    logged_errors.flush(TimeoutError)


# Receipts.


@pytest.mark.parametrize("kind", [EsmClass.MC_DELIVERY_RECEIPT, EsmClass.INTERMEDIATE_NOTIFICATION])
@pytest.mark.parametrize("command", ["deliver_sm", "data_sm"])
def test_receipts_are_for_on_receipt(kind: int, command: str) -> None:
    got: list[Any] = []
    centre = started(
        on_message=lambda received: got.append("message"),
        on_receipt=lambda receipt, pdu: got.append((receipt, pdu)),
    )
    text = {"short_message": RECEIPT} if command == "deliver_sm" else {}
    tlvs = {} if text else {"message_payload": RECEIPT}
    assert status(delivered(centre, command, esm_class=kind, tlvs=tlvs, **text)) == 0
    ((receipt, pdu),) = got
    assert isinstance(receipt, Receipt)
    assert (receipt.message_id, receipt.stat, receipt.delivered) == ("42", "DELIVRD", True)
    assert pdu.command == command
    centre.stops()


def test_without_on_receipt_they_are_accepted_once_something_was_sent() -> None:
    got: list[Any] = []
    centre = started(on_message=got.append)
    kind = EsmClass.MC_DELIVERY_RECEIPT
    assert status(delivered(centre, esm_class=kind, short_message=RECEIPT)) == 0x64
    assert centre.service.confirming.parked == 0
    centre.service.send("491761234567", "Hi")
    centre.flush()
    assert status(delivered(centre, esm_class=kind, short_message=RECEIPT)) == 0
    assert got == []
    assert centre.service.confirming.parked == 1
    centre.stops()


@pytest.mark.parametrize("octets", [b"", b"\xff" * 200, b"id:" * 50, b"stat:" + b"9" * 190])
def test_31_a_receipt_that_cannot_be_read_is_accepted(octets: bytes) -> None:
    centre = started(confirming=Confirming())
    kind = EsmClass.MC_DELIVERY_RECEIPT
    assert status(delivered(centre, esm_class=kind, short_message=octets)) == 0
    centre.stops()


# Alerts.


def test_alerts_are_for_on_alert(logged_errors: Any) -> None:
    got: list[Any] = []
    for on_alert in (got.append, None, lambda alert: 1 / 0):
        centre = started(on_alert=on_alert)
        centre.session.alert_notification(source_addr="5")
        centre.flush()
        assert centre.service.session is not None
        centre.stops()
    (alert,) = got
    assert isinstance(alert, AlertNotification)
    assert alert.source_addr == "5"
    assert len(logged_errors.flush(ZeroDivisionError)) == 1


def test_A17_an_outbind_is_no_alert_and_binds_nothing() -> None:
    got: list[Any] = []
    centre = Centre(on_alert=got.append, on_message=got.append)
    centre.service.startService()
    centre.endpoint.accepts()
    esme, smsc = centre.endpoint.ends[0]
    esme.written = b""
    smsc.protocol.outbind(system_id="mc")
    centre.flush()
    assert got == []
    assert esme.written == b""
    centre.service.log = Log()
    centre.drops()
    centre.stopped(centre.service.stopService())
