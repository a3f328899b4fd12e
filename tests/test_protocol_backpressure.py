# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""A peer that does not read is not read either, and cannot grow our memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pairs import PENDING, Held, bound_pair, ignore, outcome, submit
from sessions import frames, message, pdus
from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from twisted_smpp.events import Timers
from twisted_smpp.states import Role
from twisted_smpp.testing import Pair, failure, success
from twisted_smpp.unread import unwritten
from twisted_smpp.wire.pdus import EnquireLink, EnquireLinkResp, SubmitSMResp

SUBMIT = message(Role.ESME, number=7).encode()
#: Nothing but the stalled writing ends these sessions.
PATIENT = Timers(response=1e6, enquire_interval=None)
#: What one read of a TCP transport gives at most.
CHUNK = 65_536
#: What a session may hold for a peer that does not read.
MOST_WRITTEN = 4 * CHUNK


def deaf_pair(**settings: Any) -> Pair:
    """A pair whose message centre is not read by the test until it wants to."""
    settings.setdefault("smsc", {}).setdefault("timers", PATIENT)
    settings.setdefault("esme", {}).setdefault("timers", PATIENT)
    return bound_pair(**settings)


def pour(pair: Pair, octets: bytes, most: int = 1000) -> int:
    """Reads of the message centre as long as it reads; how many it took."""
    for count in range(most):
        if not pair.smsc_transport.reading:
            return count
        pair.smsc.dataReceived(octets)
    return most


@pytest.mark.parametrize("what", ["submit_sm", "unknown"])
def test_S01_S03_a_peer_that_does_not_read_is_not_read(what: str) -> None:
    pair = deaf_pair()
    pdu = {
        "submit_sm": SUBMIT,
        "unknown": bytes.fromhex("00000010 00000999 00000000 00000005"),
    }[what]
    taken = pour(pair, pdu * (CHUNK // len(pdu)))
    assert taken < 10
    assert len(pair.smsc_transport.written) <= MOST_WRITTEN
    assert pair.smsc.bound
    # What arrives while it does not read is kept, not processed.
    before = len(pair.smsc_transport.written)
    pair.smsc.dataReceived(SUBMIT)
    assert len(pair.smsc_transport.written) == before
    # And once the peer reads, everything goes on.
    answers = len(frames(pair.smsc_transport.taken(before)))
    assert pair.smsc_transport.reading
    assert len(frames(pair.smsc_transport.written)) == 1
    assert answers == taken * (CHUNK // len(pdu))


def test_S01_requests_wait_while_the_peer_does_not_read() -> None:
    pair = deaf_pair(smsc={"window": 2000, "max_waiting": 30})
    answers = [pair.smsc.deliver_sm(short_message=b"x" * 250) for _ in range(400)]
    held_back = 400 - pair.smsc.session.in_flight
    assert CHUNK < len(pair.smsc_transport.written) <= CHUNK + 300
    assert held_back > 0
    # Those that wait are bounded, too.
    refused = [failure(answer) for answer in answers[pair.smsc.session.in_flight + 30 :]]
    assert len(refused) == held_back - 30
    pair.flush()
    for answer in answers[: 400 - len(refused)]:
        success(answer)


def test_requests_that_waited_for_the_transport_keep_their_order() -> None:
    asked: list[int] = []
    pair = deaf_pair(
        smsc={"window": 5000},
        on_deliver=lambda s, r: asked.append(int(r.short_message)),
    )
    for n in range(3000):
        pair.smsc.deliver_sm(short_message=b"%050d" % n).addErrback(ignore)
    pair.flush()
    assert asked == sorted(asked)
    assert len(asked) > 1000


ENQUIRY = EnquireLink(sequence_number=5).encode()


def answered(pair: Pair) -> int:
    """How many responses the message centre has written; it is read then."""
    return len(frames(pair.smsc_transport.taken(len(pair.smsc_transport.written))))


def test_S03_a_flood_of_enquire_links_is_read_ten_a_second() -> None:
    pair = deaf_pair()
    with capturedLogs() as logs:
        pair.smsc.dataReceived(ENQUIRY * 45)
    assert [each["log_format"] for each in logs] == [
        "{peer}: too many enquire_links; it is not read for a moment"
    ]
    assert answered(pair) == 21  # twenty at once, and the one that is too many
    assert not pair.smsc_transport.reading
    for answers in (0, 11, 0, 11, 0, 2):
        pair.clock.advance(0.5)
        assert answered(pair) == answers
    assert pair.smsc_transport.reading
    assert pair.smsc.bound
    pair.drop()
    assert pair.clock.getDelayedCalls() == []


def test_S03_ten_a_second_are_no_flood() -> None:
    pair = deaf_pair()
    for _ in range(300):
        pair.smsc.dataReceived(ENQUIRY)
        assert pair.smsc_transport.reading
        assert answered(pair) == 1
        pair.clock.advance(0.1)
    pair.drop()


def test_S03_a_flood_that_goes_on_ends_the_session() -> None:
    lost: list[str] = []
    pair = deaf_pair(smsc={"on_lost": lambda session, why: lost.append(why)})
    pair.smsc.dataReceived(ENQUIRY * 4000)
    while not pair.smsc_transport.disconnecting:
        pair.clock.advance(1)
    assert 8 < pair.clock.seconds() < 14
    assert pair.smsc.session.framing.partial > 0  # the rest is never looked at
    pair.advance(1)
    assert lost == ["too many enquire_links"]
    assert pair.clock.getDelayedCalls() == []


def test_S03_what_is_held_otherwise_stays_held() -> None:
    pair = deaf_pair()
    pair.smsc.dataReceived(ENQUIRY * 30)
    pair.smsc.pause_reading()
    pair.clock.advance(2)
    assert answered(pair) == 21
    pair.smsc.resume_reading()
    assert answered(pair) == 9
    pair.drop()


def test_S03_enquiries_are_sent_and_answered_beyond_a_full_buffer_within_bounds() -> None:
    pair = deaf_pair(on_request=Held(), smsc={"max_unanswered": 3})
    pour(pair, SUBMIT * (CHUNK // len(SUBMIT)))
    assert not pair.smsc_transport.reading
    assert len(pair.smsc_transport.written) == 0  # three answers are owed: no more is read
    pair.esme_transport.written = b""
    pair.drop()


def test_S01_a_peer_that_reads_nothing_for_30_seconds_is_cut() -> None:
    lost: list[str] = []
    pair = deaf_pair(smsc={"on_lost": lambda session, why: lost.append(why)})
    pour(pair, SUBMIT * (CHUNK // len(SUBMIT)))
    pair.clock.pump([1.0] * 29 + [0.9])
    assert not pair.smsc_transport.disconnecting
    pair.clock.advance(0.2)
    pair.clock.advance(0)
    assert lost == ["the peer does not read"]
    assert pair.clock.getDelayedCalls() == []


def test_S01_a_peer_that_reads_late_but_in_time_is_not_cut() -> None:
    pair = deaf_pair()
    for _ in range(3):
        pour(pair, SUBMIT * (CHUNK // len(SUBMIT)))
        pair.clock.advance(29)
        pair.smsc_transport.taken(len(pair.smsc_transport.written))
    pair.clock.advance(31)
    assert pair.smsc.bound


def test_S02_a_peer_that_reads_an_octet_a_second_is_cut() -> None:
    pair = deaf_pair()
    pour(pair, SUBMIT * (CHUNK // len(SUBMIT)))
    for _ in range(31):
        pair.clock.advance(1)
        pair.smsc_transport.taken(1)
    pair.clock.advance(0)
    assert pair.smsc_transport.lost


def owes(pair: Pair, octets: int) -> None:
    """The message centre has so many octets for a peer that does not read them."""
    while len(pair.smsc_transport.written) < octets:
        assert pair.smsc.bound
        pair.smsc.dataReceived(SUBMIT)
    assert pair.smsc_transport.reading


@pytest.mark.parametrize("waiting", [200, 2000, 20_000, 60_000])
@pytest.mark.parametrize("enquire_interval", [None, 30.0])
def test_S02_also_with_less_than_what_fills_a_transport(
    waiting: int, enquire_interval: float | None
) -> None:
    lost: list[str] = []
    timers = PATIENT._replace(enquire_interval=enquire_interval)
    pair = deaf_pair(smsc={"timers": timers, "on_lost": lambda session, why: lost.append(why)})
    owes(pair, waiting)
    for second in range(130):
        if lost:
            break
        pair.clock.advance(1)
        if not second % 9:
            # It is not dead: it says something, and reads an octet a second.
            pair.smsc.dataReceived(ENQUIRY)
        pair.smsc_transport.taken(1)
    assert lost == ["the peer does not read"]
    # It is looked at once in a minute at least, and has half a minute then.
    assert 30 <= pair.clock.seconds() <= 92
    assert pair.clock.getDelayedCalls() == []


def test_S02_nothing_read_at_all_is_too_slow_too_however_much_is_written() -> None:
    lost: list[str] = []
    pair = deaf_pair(smsc={"on_lost": lambda session, why: lost.append(why)})
    for _ in range(100):
        pair.smsc.dataReceived(SUBMIT)
        pair.clock.advance(1)
    assert lost == ["the peer does not read"]


@pytest.mark.parametrize(("waiting", "a_second"), [(30_000, 40), (600, 25), (50_000, 60_000)])
def test_S02_who_reads_slowly_but_reads_stays(waiting: int, a_second: int) -> None:
    pair = deaf_pair()
    for _ in range(600):
        if len(pair.smsc_transport.written) < waiting // 2:
            owes(pair, waiting)
        pair.clock.advance(1)
        pair.smsc_transport.taken(a_second)
    assert pair.smsc.bound
    pair.drop()
    assert pair.clock.getDelayedCalls() == []


def test_S02_an_esme_looks_as_well() -> None:
    lost: list[str] = []
    pair = deaf_pair(esme={"window": 2000, "on_lost": lambda session, why: lost.append(why)})
    for _ in range(400):
        submit(pair).addErrback(ignore)
    pair.clock.pump([1.0] * 92)
    assert lost == ["the peer does not read"]


def test_what_waits_in_a_transport_is_known_also_below_tls_and_unknown_to_others() -> None:
    below = SimpleNamespace(dataBuffer=b"abcdef", offset=2, _tempDataLen=10)

    class TLS:
        def __getattr__(self, name: str) -> Any:
            return getattr(below, name)

    assert unwritten(below) == unwritten(TLS()) == 14
    assert unwritten(object()) == 0
    assert unwritten(None) == 0


def test_what_is_left_of_a_tcp_transport_is_what_its_socket_did_not_take() -> None:
    transport = Partial(Clock())
    transport.connected = True
    transport.write(b"x" * 100)
    assert unwritten(transport) == 100
    transport.doWrite()
    assert unwritten(transport) == 90
    transport.write(b"y" * 5)
    assert unwritten(transport) == 95
    while unwritten(transport):
        transport.doWrite()
    assert transport.taken == b"x" * 100 + b"y" * 5


class Partial(FileDescriptor):
    """A descriptor whose socket takes ten octets at a time."""

    taken = b""

    def writeSomeData(self, data: bytes) -> int:
        self.taken += bytes(data[:10])
        return len(data[:10])

    def startWriting(self) -> None:
        """There is no reactor."""

    def stopWriting(self) -> None:
        """There is no reactor."""


def fill(pair: Pair) -> None:
    """Deliveries until the transport is full."""
    while len(pair.smsc_transport.written) <= CHUNK:
        pair.smsc.deliver_sm(short_message=b"x" * 250).addErrback(ignore)


def test_a_request_that_waited_for_the_transport_has_its_own_deadline() -> None:
    timers = Timers(response=5, enquire_interval=None)
    pair = deaf_pair(smsc={"timers": timers, "write_timeout": 1000})
    pair.smsc.pauseProducing()
    late = pair.smsc.deliver_sm()
    pair.clock.advance(60)
    assert outcome(late) == PENDING
    assert pair.smsc.session.in_flight == 0
    pair.smsc.resumeProducing()
    assert pair.smsc.session.in_flight == 1
    pair.clock.advance(4.9)
    assert outcome(late) == PENDING
    pair.clock.advance(0.2)
    failure(late)


def test_cancelling_what_waits_for_the_transport_frees_its_place() -> None:
    pair = deaf_pair(smsc={"max_waiting": 1, "window": 5000})
    fill(pair)
    first = pair.smsc.deliver_sm()
    first.cancel()
    failure(first)
    second = pair.smsc.deliver_sm(short_message=b"second")
    assert outcome(second) == PENDING
    pair.flush()
    success(second)


def test_what_was_read_before_the_stop_is_processed_when_it_ends() -> None:
    asked: list[Any] = []
    pair = deaf_pair(on_request=lambda s, r: asked.append(r.sequence_number))
    pair.smsc.pause_reading()
    assert not pair.smsc_transport.reading
    for number in (1, 2, 3):
        pair.smsc.dataReceived(message(Role.ESME, number=number).encode())
    assert asked == []
    pair.smsc.resume_reading()
    assert asked == [1, 2, 3]
    assert pair.smsc_transport.reading
    pair.flush()


def test_the_application_may_stop_the_reading_between_two_messages() -> None:
    asked: list[Any] = []

    def application(session: Any, request: Any) -> None:
        asked.append(request.sequence_number)
        if request.sequence_number == 2:
            session.pause_reading()

    pair = deaf_pair(on_request=application)
    pair.smsc.dataReceived(
        b"".join(message(Role.ESME, number=number).encode() for number in (1, 2, 3))
    )
    assert asked == [1, 2]
    assert len(frames(pair.smsc_transport.written)) == 2
    pair.smsc.resume_reading()
    assert asked == [1, 2, 3]
    pair.flush()


def test_several_reasons_not_to_read_all_have_to_end() -> None:
    pair = deaf_pair()
    pour(pair, SUBMIT * (CHUNK // len(SUBMIT)))
    pair.smsc.pause_reading()
    pair.smsc_transport.taken(len(pair.smsc_transport.written))
    assert not pair.smsc_transport.reading
    pair.smsc.resume_reading()
    assert pair.smsc_transport.reading
    pair.smsc.resumeProducing()
    pair.smsc.resume_reading()
    assert pair.smsc_transport.reading


def test_half_a_pdu_is_not_late_while_it_is_not_read() -> None:
    pair = deaf_pair()
    pair.smsc.dataReceived(SUBMIT[:20])
    pair.smsc.pause_reading()
    pair.clock.advance(25)
    assert pair.smsc.bound
    pair.smsc.resume_reading()
    pair.clock.advance(9)
    assert pair.smsc.bound
    pair.clock.advance(2)
    pair.clock.advance(0)
    assert pair.smsc_transport.lost


def test_F07_half_a_pdu_is_late_otherwise() -> None:
    lost: list[str] = []
    pair = deaf_pair(smsc={"timers": PATIENT, "on_lost": lambda s, why: lost.append(why)})
    for second in range(9):
        pair.smsc.dataReceived(SUBMIT[second * 2 : second * 2 + 2])
        pair.clock.advance(1)
    assert pair.smsc.bound
    pair.clock.advance(1.1)
    pair.clock.advance(0)
    assert lost == ["a PDU was begun and not finished in time"]
    assert pair.smsc_transport.writes == 1  # the bind response, and no farewell


def test_a_write_while_it_is_full_leaves_in_the_order_of_the_session() -> None:
    answer: Deferred[Any] = Deferred()
    pair = deaf_pair(on_request=lambda s, r: answer)
    submit(pair).addErrback(ignore)
    pair.smsc.dataReceived(pair.esme_transport.taken(1000))
    pour(pair, EnquireLink(sequence_number=5).encode() * (CHUNK // 16))
    assert not pair.smsc_transport.reading
    answer.callback(None)
    kinds = [type(pdu) for pdu in pdus(pair.smsc_transport.written)]
    assert set(kinds[:-1]) == {EnquireLinkResp}
    assert kinds[-1] is SubmitSMResp


def test_F06_a_thousand_pdus_in_one_read_are_handled_in_order() -> None:
    asked: list[int] = []
    pair = deaf_pair(on_request=lambda s, r: asked.append(r.sequence_number))
    pair.smsc.dataReceived(b"".join(message(Role.ESME, number=n).encode() for n in range(1000)))
    assert asked == list(range(1000))
    assert [pdu.sequence_number for pdu in pdus(pair.smsc_transport.written)] == asked
    pair.flush()
