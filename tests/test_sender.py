# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The queue of parts: what is sent when, what waits, and what is left at the end."""

from __future__ import annotations

from typing import Any

import pytest
from message_centre_kit import Outbox, Session, message_of, numbers, states
from pairs import PENDING, outcome
from twisted.internet.defer import CancelledError, Deferred

from twisted_smpp.errors import FieldError, NotPermitted, SessionLost, WindowFull
from twisted_smpp.esme.message import Progress, SendFailed
from twisted_smpp.esme.sender import BUSY_SECONDS, UnknownPolicy
from twisted_smpp.testing import failure, success
from twisted_smpp.wire.tlv import TLVs
from twisted_smpp.wire.tlvs import congestion_state

QUEUED, SENDING, UNKNOWN = Progress.QUEUED, Progress.SENDING, Progress.UNKNOWN


# In order, as many as may be in flight.


def test_parts_wait_for_a_session_and_go_in_order() -> None:
    outbox = Outbox()
    messages = [outbox.send(), outbox.send(2), outbox.send()]
    assert (outbox.sender.waiting, outbox.sender.in_flight) == (4, 0)
    session = outbox.binds()
    assert numbers(session) == ["1", "2/1", "2/2", "3"]
    assert states(*messages) == [SENDING] * 3
    assert (outbox.sender.waiting, outbox.sender.in_flight) == (0, 4)
    outbox.send()
    assert numbers(session)[4:] == ["4"]


def test_what_was_made_for_one_session_is_not_sent_on_another() -> None:
    outbox = Outbox()
    message = outbox.send()
    made = message.parts[0].make_pdu(0.0)
    message.parts[0].ready = made, b"for a session of another version", object()
    session = outbox.binds()
    assert session.sent == [made]
    assert session.sent[0] is not made
    assert message.parts[0].ready is None


def test_Q12_the_window_is_kept() -> None:
    outbox = Outbox(window=2)
    session = outbox.binds()
    for _ in range(5):
        outbox.send()
    assert numbers(session) == ["1", "2"]
    session.accepts(1, "b")
    assert numbers(session) == ["1", "2", "3"]
    session.accepts(0, "a")
    session.refuses(2, 0x0B)
    assert numbers(session) == ["1", "2", "3", "4", "5"]
    assert (outbox.sender.in_flight, outbox.sender.waiting) == (2, 0)


def test_the_rate_is_kept() -> None:
    outbox = Outbox(rate=10.0, window=100)
    session = outbox.binds()
    for _ in range(30):
        outbox.send()
    assert len(session.sent) == 1
    for second in (1, 2):
        for _ in range(20):
            outbox.clock.advance(0.05)
        assert 10 * second <= len(session.sent) <= 1 + 10 * second
    (seconds,) = outbox.timers
    assert 0 < seconds <= 0.1 + 1e-9


def test_an_accepted_part_is_known_by_its_id() -> None:
    outbox = Outbox()
    session = outbox.binds()
    with_receipt, without = outbox.send(), outbox.send(receipt=False)
    session.accepts(1, "b")
    session.accepts(0, "a")
    assert states(with_receipt, without) == [Progress.ACCEPTED, Progress.SENT]
    assert outbox.ids == [(without.parts[0], "b"), (with_receipt.parts[0], "a")]
    assert with_receipt.message_ids == ("a",)
    assert with_receipt.parts[0].attempts == 1
    assert success(without.final) is without
    assert outbox.is_empty()


def test_Q11_a_response_may_come_before_request_has_returned() -> None:
    outbox = Outbox(window=1)
    session = Session()
    request = session.request

    def answered_at_once(pdu: Any, octets: bytes | None, told: Any, flush: bool) -> Deferred[Any]:
        deferred = request(pdu, octets, told, flush)
        session.accepts(len(session.sent) - 1, pdu.service_type)
        return deferred

    session.request = answered_at_once  # type: ignore[method-assign]
    messages = [outbox.send(receipt=False) for _ in range(50)]
    outbox.sender.bound(session)
    assert [message.message_ids for message in messages] == [(str(n),) for n in range(1, 51)]
    assert outbox.is_empty()


def test_a_value_that_cannot_be_sent_is_a_failure_of_its_own() -> None:
    outbox = Outbox()
    session = outbox.binds()
    session.error = lambda: FieldError("destination_addr", "too long")
    message = outbox.send()
    assert message.progress is Progress.FAILED
    assert "destination_addr" in str(failure(message.submitted))
    session.error = None
    assert outbox.send().progress is SENDING


def test_what_no_session_should_fail_with_is_logged_and_hangs_nothing(logged_errors: Any) -> None:
    outbox = Outbox(window=1)
    session = outbox.binds()
    first, second = outbox.send(), outbox.send()
    session.fails(0, ZeroDivisionError())
    assert states(first, second) == [Progress.LOST, SENDING]
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    assert outbox.sender.in_flight == 1


def test_what_hears_of_an_id_may_fail_and_nothing_hangs(logged_errors: Any) -> None:
    outbox = Outbox(window=1)
    outbox.sender._accepted_part = lambda part, message_id: 1 / 0
    session = outbox.binds()
    first, second = outbox.send(), outbox.send()
    session.accepts(0, "a")
    assert states(first, second) == [Progress.ACCEPTED, SENDING]
    assert len(logged_errors.flush(ZeroDivisionError)) == 1


# The session comes and goes.


def test_nothing_is_sent_on_a_session_that_ends() -> None:
    outbox = Outbox()
    session = outbox.binds()
    session.bound = False
    message = outbox.send()
    assert session.sent == []
    assert numbers(outbox.binds()) == ["1"]
    assert message.progress is SENDING


def test_a_session_that_is_gone_is_not_used_again() -> None:
    outbox = Outbox(rate=1.0)
    first = outbox.binds()
    outbox.send()
    outbox.send()
    first.accepts(0, "a")
    assert len(outbox.timers) == 1
    outbox.breaks()
    assert outbox.timers == []
    outbox.clock.advance(100)
    assert numbers(first) == ["1"]
    second = outbox.binds()
    outbox.sender.unbound(first)
    assert numbers(second) == ["2"]
    outbox.send()
    outbox.clock.advance(1)
    assert numbers(second) == ["2", "3"]


def test_what_waits_stays_over_a_stop_and_goes_on_after_it() -> None:
    outbox = Outbox(window=1, delays=(5.0,))
    session = outbox.binds()
    messages = [outbox.send() for _ in range(3)]
    session.refuses(0, 0x08)
    outbox.sender.stop()
    session.accepts(1, "b")
    outbox.breaks()
    assert outbox.timers == []
    assert states(*messages) == [QUEUED, Progress.ACCEPTED, QUEUED]
    assert outbox.sender.waiting == 2
    outbox.send()
    assert outbox.timers == []
    outbox.clock.advance(1000)
    assert numbers(session) == ["1", "2"]
    assert numbers(outbox.binds()) == ["1"]


def test_a_stop_keeps_what_comes_back() -> None:
    outbox = Outbox(window=3)
    session = outbox.binds()
    messages = [outbox.send() for _ in range(3)]
    outbox.sender.stop()
    session.refuses(0, 0x58)
    session.refuses(1, 0x08)
    outbox.breaks()
    assert states(*messages) == [QUEUED, QUEUED, UNKNOWN]
    assert outbox.timers == []
    assert outbox.sender.waiting == 3
    assert set(outbox.sender.parts()) == {message.parts[0] for message in messages}


@pytest.mark.parametrize(
    "error",
    [
        lambda: WindowFull("no room"),
        lambda: NotPermitted("submit_sm", 4, "UNBINDING"),
        lambda: SessionLost("it was never sent", sent=False),
    ],
)
def test_what_never_left_goes_back_to_its_place_and_is_not_tried_at_once(error: Any) -> None:
    outbox = Outbox()
    session = outbox.binds()
    session.error = error
    messages = [outbox.send() for _ in range(3)]
    assert states(*messages) == [QUEUED] * 3
    assert [message.parts[0].attempts for message in messages] == [0, 0, 0]
    assert outbox.timers == [BUSY_SECONDS]
    outbox.clock.advance(BUSY_SECONDS)
    assert outbox.timers == [BUSY_SECONDS]
    session.error = None
    outbox.clock.advance(BUSY_SECONDS / 2)
    assert session.sent == []
    outbox.clock.advance(BUSY_SECONDS / 2)
    assert numbers(session) == ["1", "2", "3"]
    assert [message.parts[0].attempts for message in messages] == [1, 1, 1]


def test_another_session_is_tried_at_once() -> None:
    outbox = Outbox()
    outbox.binds().error = lambda: SessionLost("it was never sent", sent=False)
    outbox.send()
    outbox.breaks()
    assert numbers(outbox.binds()) == ["1"]


def test_what_never_left_the_second_time_is_as_unknown_as_before() -> None:
    outbox = Outbox()
    session = outbox.binds()
    message = outbox.send()
    session.times_out(0)
    session.error = lambda: WindowFull("no room")
    outbox.clock.advance(5)
    (part,) = message.parts
    assert (part.progress, part.attempts, part.resends) == (UNKNOWN, 1, 0)
    assert message.possible_duplicates == 0
    session.error = None
    outbox.clock.advance(1)
    assert (part.progress, part.attempts, part.resends) == (SENDING, 2, 1)


# Room.


def test_Q12_the_queue_is_bounded() -> None:
    outbox = Outbox(most_waiting=2)
    outbox.send()
    outbox.send()
    refused = message_of()
    with pytest.raises(WindowFull, match="2 message parts wait to be sent, at most 2 may"):
        outbox.sender.add(refused)
    assert refused.progress is QUEUED
    assert outbox.sender.waiting == 2
    outbox.binds()
    outbox.send()


def test_Q12_a_slot_is_there_at_once_or_in_time() -> None:
    outbox = Outbox(window=1, most_waiting=1)
    session = outbox.binds()
    outbox.send()
    assert success(outbox.sender.slot()) is None
    outbox.send()
    slots = [outbox.sender.slot() for _ in range(2)]
    assert [outcome(slot) for slot in slots] == [PENDING] * 2
    slots[0].addCallback(lambda _: outbox.send())
    session.accepts(0, "a")
    assert [outcome(slot) for slot in slots][1] == PENDING
    assert success(slots[0]).progress is QUEUED
    session.accepts(1, "b")
    assert success(slots[1]) is None


def test_Q12_a_slot_has_room_for_a_long_message() -> None:
    outbox = Outbox(most_waiting=3)
    outbox.send(2)
    assert success(outbox.sender.slot()) is None
    outbox.send(5)
    assert outcome(outbox.sender.slot()) == PENDING


def test_Q12_who_gets_a_slot_and_does_not_use_it_keeps_nobody_waiting() -> None:
    outbox = Outbox(window=1, most_waiting=2)
    session = outbox.binds()
    for _ in range(3):
        outbox.send()
    slots = [outbox.sender.slot() for _ in range(3)]
    session.accepts(0, "a")
    assert [outcome(slot) for slot in slots] == [None] * 3


def test_Q12_a_slot_may_be_cancelled() -> None:
    outbox = Outbox(most_waiting=1)
    outbox.send()
    slots = [outbox.sender.slot() for _ in range(3)]
    slots[0].addCallback(lambda _: slots[1].cancel())
    slots[2].addCallback(lambda _: outbox.send())
    outbox.binds()
    assert success(slots[0]) is None
    assert isinstance(failure(slots[1]), CancelledError)
    assert success(slots[2]).progress is SENDING


def test_Q12_many_who_wait_are_served_one_after_the_other() -> None:
    """Each sends at once, which must not go deeper and deeper."""
    outbox = Outbox(window=10_000, most_waiting=5000)
    first = [outbox.send(receipt=False) for _ in range(5000)]
    order: list[int] = []

    def send(_: object, index: int) -> None:
        order.append(index)
        outbox.send(receipt=False)

    for index in range(5000):
        outbox.sender.slot().addCallback(send, index)
    assert order == []
    outbox.binds()
    assert order == list(range(5000))
    assert len(outbox.session.sent) == 10_000
    assert states(*first) == [SENDING] * 5000


def test_Q12_parts_that_are_of_no_use_any_more_take_no_room() -> None:
    outbox = Outbox(window=1, most_waiting=2)
    session = outbox.binds()
    message = outbox.send(3)
    slot = outbox.sender.slot()
    assert outcome(slot) == PENDING
    outbox.sender.stop()
    session.refuses(0, 0x0B)
    assert success(slot) is None
    assert outbox.sender.waiting == 0
    assert message.progress is Progress.FAILED


def test_Q12_parts_that_expire_while_nothing_is_bound_make_room() -> None:
    outbox = Outbox(most_waiting=2)
    for _ in range(2):
        outbox.send(validity=10.0)
    slot = outbox.sender.slot()
    outbox.clock.advance(10)
    assert outcome(slot) == PENDING
    outbox.sender.expire(outbox.clock.seconds())
    assert success(slot) is None
    assert outbox.is_empty()


# Time.


def test_D22_what_is_too_late_is_not_sent() -> None:
    outbox = Outbox()
    late, soon = outbox.send(validity=10.0), outbox.send(validity=10.1)
    outbox.clock.advance(10)
    session = outbox.binds()
    assert numbers(session) == ["2"]
    assert states(late, soon) == [Progress.EXPIRED, SENDING]
    assert (late.parts[0].attempts, late.message_ids) == (0, (None,))
    assert "before it was sent" in str(failure(late.submitted))
    assert success(late.final) is late


def test_D22_what_expires_costs_nothing_of_the_rate() -> None:
    outbox = Outbox(rate=1.0)
    for _ in range(5):
        outbox.send(validity=1.0)
    outbox.clock.advance(1)
    outbox.send()
    assert numbers(outbox.binds()) == ["6"]


def test_D22_of_a_long_message_the_rest_is_not_sent() -> None:
    outbox = Outbox(window=1)
    message = outbox.send(3, validity=10.0)
    session = outbox.binds()
    outbox.clock.advance(10)
    session.accepts(0, "a")
    assert numbers(session) == ["1/1"]
    assert message.progress is Progress.EXPIRED
    assert isinstance(failure(message.submitted), SendFailed)
    assert outcome(message.final) == PENDING


def test_D22_what_was_sent_is_lost_and_not_expired() -> None:
    outbox = Outbox()
    session = outbox.binds()
    message = outbox.send(validity=10.0)
    outbox.breaks()
    outbox.clock.advance(10)
    assert numbers(outbox.binds()) == []
    assert numbers(session) == ["1"]
    assert message.progress is Progress.LOST
    assert "outcome unknown" in str(message.error)


@pytest.mark.parametrize("at", ["new", "returned", "later"])
def test_D23_what_waits_expires_without_a_session(at: str) -> None:
    outbox = Outbox(delays=(1000.0,))
    kept = outbox.send()
    message = outbox.send(validity=10.0)
    if at != "new":
        session = outbox.binds()
        session.accepts(0, "a")
        session.refuses(1, 0x58 if at == "returned" else 0x08)
        outbox.breaks()
    outbox.clock.advance(9.9)
    outbox.sender.expire(outbox.clock.seconds())
    assert message.progress is QUEUED
    assert not outbox.sender.idle
    outbox.clock.advance(0.1)
    outbox.sender.expire(outbox.clock.seconds())
    assert message.progress is Progress.EXPIRED
    assert outbox.sender.waiting == (at == "new")
    assert not kept.progress.final


def test_D23_what_has_no_validity_waits_for_ever() -> None:
    outbox = Outbox()
    message = outbox.send()
    for _ in range(100):
        outbox.clock.advance(86_400)
        outbox.sender.expire(outbox.clock.seconds())
    assert message.progress is QUEUED
    assert numbers(outbox.binds()) == ["1"]


def test_D22_the_validity_says_how_long_what_is_held_is_kept() -> None:
    """It is for the application to decide: the message may have arrived."""
    outbox = Outbox(unknown=UnknownPolicy.HOLD)
    outbox.binds()
    message = outbox.send(validity=10.0)
    outbox.breaks()
    outbox.clock.advance(100)
    outbox.sender.expire(outbox.clock.seconds())
    assert message.progress is Progress.HELD
    outbox.sender.resend(message.parts[0])
    assert numbers(outbox.binds()) == []
    assert message.progress is Progress.LOST


def test_one_timer_for_all() -> None:
    outbox = Outbox(rate=1.0, window=3, delays=(5.0,))
    session = outbox.binds()
    for _ in range(4):
        outbox.send()
    assert outbox.timers == [1.0]
    session.refuses(0, 0x08)
    assert outbox.timers == [1.0]
    for _ in range(3):
        outbox.clock.advance(1)
    assert numbers(session) == ["1", "2", "3", "4"]
    assert outbox.timers == [2.0]
    session.accepts(1, "b")
    outbox.clock.advance(2)
    assert numbers(session) == ["1", "2", "3", "4", "1"]
    assert outbox.timers == []


def test_D18_congestion_slows_the_link_down() -> None:
    outbox = Outbox(window=8)
    session = outbox.binds()
    outbox.clock.advance(10)
    outbox.send()
    session.accepts(0, "a", tlvs={congestion_state: 79})
    assert outbox.sender.pace.window == 8
    outbox.send()
    session.accepts(1, "b", tlvs={congestion_state: 80})
    assert outbox.sender.pace.window == 4
    outbox.send()
    session.accepts(2, "c", tlvs=TLVs.from_octets(b"\x04\x28\x00\x02PP"))
    assert outbox.sender.pace.window == 4
