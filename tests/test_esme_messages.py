# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Messages through the service: out, with their receipts, over links that come and go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from message_centre_kit import Centre
from pairs import PENDING, outcome
from twisted.internet.defer import Deferred

from twisted_smpp.errors import FieldError, ResponseTimeout, WindowFull
from twisted_smpp.esme.addresses import Address
from twisted_smpp.esme.message import Progress
from twisted_smpp.esme.profile import Profile
from twisted_smpp.esme.retries import Retries
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.esme.sending import Sending
from twisted_smpp.events import Timers
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import failure, success
from twisted_smpp.text.rules import Method, TextRules
from twisted_smpp.text.segments import TextTooLong
from twisted_smpp.text.times import Relative
from twisted_smpp.values import RegisteredDelivery
from twisted_smpp.wire.tlvs import sar_total_segments, user_message_reference

QUEUED, SENDING, UNKNOWN, HELD, ACCEPTED = list(Progress)[:5]
DELIVERED = Progress.DELIVERED


def started(**settings: Any) -> Centre:
    centre = Centre(**settings)
    centre.start()
    return centre


# What is sent.


def test_a_text_is_sent_and_its_receipt_comes() -> None:
    centre = started()
    message = centre.send("+49 176 1234567", "Hello", source="Shop")
    (pdu,) = centre.submitted
    assert (pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr) == (1, 1, "491761234567")
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == (5, 0, "Shop")
    assert (pdu.short_message, pdu.data_coding, pdu.esm_class) == (b"Hello", 0, 0)
    assert pdu.registered_delivery == RegisteredDelivery.RECEIPT
    assert (pdu.validity_period, pdu.schedule_delivery_time, pdu.priority_flag) == ("", "", 0)
    assert (message.source, message.destination) == ("Shop", "491761234567")
    assert success(message.submitted) is message
    assert message.progress is ACCEPTED
    assert message.message_ids == ("1",)
    waiting = message.final
    assert success(centre.says("1")).command_status == 0
    assert success(waiting).progress is DELIVERED
    centre.stops()


def test_36_a_long_text_is_sent_in_parts() -> None:
    centre = started()
    message = centre.send(text="Привет! " * 20)
    assert len(message.parts) == message.plan.pdus == len(centre.submitted) == 3
    assert message.message_ids == ("1", "2", "3")
    assert {pdu.short_message[3] for pdu in centre.submitted} == {
        centre.submitted[0].short_message[3]
    }
    for message_id in "312":
        assert not message.progress.final
        centre.says(message_id)
    assert message.progress is DELIVERED
    centre.stops()


def test_D26_two_long_messages_have_two_references() -> None:
    centre = started(text=TextRules(method=Method.SAR))
    for _ in range(50):
        centre.send(text="x" * 200, source="Shop")
    references = [pdu.tlvs["sar_msg_ref_num"] for pdu in centre.submitted]
    assert references[::2] == references[1::2]
    assert len(set(references)) == 50
    centre.stops()


def test_what_may_be_asked_for() -> None:
    now = datetime(2026, 11, 23, 18, 12, tzinfo=UTC)
    centre = started(now=lambda: now)
    centre.send(
        Address(2, 8, "123"),
        "x" * 200,
        source=Address(0, 0, "999"),
        receipt=False,
        validity=timedelta(hours=1),
        schedule=datetime(2026, 11, 23, 20, 0, tzinfo=timezone(timedelta(hours=1))),
        priority=2,
        method=Method.SAR,
        message_class=1,
        tlvs={user_message_reference: 7, 0x1400: b"1101"},
        service_type="CMT",
    )
    assert len(centre.submitted) == 2
    for pdu in centre.submitted:
        assert (pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr) == (2, 8, "123")
        assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == (0, 0, "999")
        assert (pdu.registered_delivery, pdu.priority_flag, pdu.service_type) == (0, 2, "CMT")
        assert pdu.validity_period == "000000010000000R"
        assert pdu.schedule_delivery_time == "261123200000004+"
        assert pdu.data_coding == 0xF1
        assert pdu.tlvs[sar_total_segments] == 2
        assert (pdu.tlvs[user_message_reference], pdu.tlvs[0x1400]) == (7, b"1101")
    centre.stops()


@pytest.mark.parametrize(
    "asked",
    [
        {"schedule": timedelta(hours=1)},
        {"schedule_delivery_time": "000000010000000R"},
    ],
    ids=list,
)
@pytest.mark.parametrize(("waited", "left"), [(0, "000000010000000R"), (5400, "")])
def test_D22_what_waits_for_a_bind_is_not_put_off_by_it(asked: Any, waited: int, left: str) -> None:
    centre = Centre()
    centre.service.send("+491761234567", "Hi", validity=timedelta(hours=2), **asked)
    centre.clock.advance(waited)
    centre.start()
    (pdu,) = centre.submitted
    assert pdu.schedule_delivery_time == left
    centre.stops()


def test_D22_what_waits_for_the_window_is_sent_with_what_is_left_of_its_validity() -> None:
    centre = started(window=1)
    answer: Deferred[Any] = Deferred()
    centre.script.append(answer)
    first, second = centre.send(), centre.send(validity=timedelta(hours=1))
    assert (first.progress, second.progress) == (SENDING, QUEUED)
    centre.clock.advance(5)
    answer.callback(centre.accept(centre.submitted[0]))
    centre.flush()
    assert centre.submitted[1].validity_period == "000000005955000R"
    centre.stops()


def test_without_a_receipt_it_is_final_once_it_is_accepted() -> None:
    centre = started()
    message = centre.send(receipt=False)
    assert success(message.final).progress is Progress.SENT
    assert centre.service.confirming.waiting == 0
    centre.stops()


def profile(**settings: Any) -> Profile:
    return Profile("test", **settings)


def test_the_profile_says_what_is_usual_and_who_sends_what_is_not() -> None:
    fields = {"priority_flag": 1, "registered_delivery": 17, "service_type": "CMT"}
    centre = started(profile=profile(fields=fields, tlvs={0x1400: b"a", 0x1401: b"b"}))
    centre.send()
    centre.send(priority=3, receipt=False, tlvs={0x1400: b"c"}, service_type="")
    first, second = centre.submitted
    assert (first.priority_flag, first.registered_delivery, first.service_type) == (1, 17, "CMT")
    assert (first.tlvs[0x1400], first.tlvs[0x1401]) == (b"a", b"b")
    assert (second.priority_flag, second.registered_delivery, second.service_type) == (3, 0, "")
    assert (second.tlvs[0x1400], second.tlvs[0x1401]) == (b"c", b"b")
    centre.stops()


def test_a_receipt_that_nobody_was_asked_for_is_not_waited_for() -> None:
    centre = started(profile=profile(fields={"registered_delivery": 0}))
    assert centre.send().progress is Progress.SENT
    assert centre.send(registered_delivery=1).progress is ACCEPTED
    assert centre.send(registered_delivery=RegisteredDelivery.INTERMEDIATE).progress.final
    centre.stops()


def test_the_profile_says_how_the_link_is_used() -> None:
    settings = {
        "link": {"rate": 2.0, "burst": 1.0, "window": 3, "system_type": "VMA"},
        "ids": "verbatim",
        "receipt_seconds": 60.0,
        "timers": Timers(response=7.0),
    }
    centre = Centre(profile=profile(**settings))
    service = centre.service
    assert service.sender.pace.rate == 2.0
    assert (service.factory.window, service.factory.timers.response) == (3, 7.0)
    assert service.confirming.ids.strategy == "verbatim"
    sending = Sending(ids="learn")
    service = Centre(profile=profile(**settings), window=5, sending=sending).service
    assert service.sender.pace.rate is None
    assert service.factory.window == 5
    assert service.confirming.ids.strategy == "learn"


@pytest.mark.parametrize(
    ("error", "more"),
    [
        (TextTooLong, {"text": "x" * 50_000}),
        (FieldError, {"to": "+" + "1" * 30}),
        (FieldError, {"service_type": "too long"}),
        (ValueError, {"validity": timedelta(days=40)}),
        (ValueError, {"validity": datetime(2027, 1, 1)}),
        (TypeError, {"no_such_field": 1}),
        (FieldError, {"tlvs": {user_message_reference: "x"}}),
    ],
)
def test_a_mistake_is_heard_of_at_once(error: type[Exception], more: dict[str, Any]) -> None:
    centre = started()
    with pytest.raises(error):
        centre.send(**more)
    assert centre.submitted == []
    assert centre.service.sender.idle
    centre.stops()


def test_Q12_who_sends_too_much_waits_for_a_slot() -> None:
    centre = Centre(window=1, sending=Sending(most_waiting=2))
    for _ in range(2):
        centre.send()
    with pytest.raises(WindowFull):
        centre.send()
    slots = [centre.service.slot() for _ in range(2)]
    slots[0].addCallback(lambda _: centre.service.send("+491761234567", "x" * 400))
    assert outcome(slots[0]) == PENDING
    centre.script.extend([Deferred(), Deferred()])
    centre.start()
    assert len(success(slots[0]).parts) == 3
    assert outcome(slots[1]) == PENDING
    centre.stops_by_force()


# Refused, unknown, late.


def test_40_D18_a_throttled_part_and_not_the_message_is_sent_again() -> None:
    centre = started(window=1)
    centre.script.extend([centre.accept, S.ESME_RTHROTTLED])
    message = centre.send(text="x" * 400)
    assert message.message_ids == ("1", None, None)
    centre.send(text="next")
    centre.passes(1)
    assert message.message_ids == ("1", "2", "3")
    texts = [pdu.short_message for pdu in centre.submitted]
    assert texts[1] == texts[2]
    assert (len(texts), texts[4]) == (5, b"next")
    centre.stops()


def test_Q09_Q08_a_late_response_correlates_and_cancels_the_next_attempt() -> None:
    centre = started(timers=Timers(enquire_interval=None))
    answer: Deferred[Any] = Deferred()
    centre.script.append(answer)
    message = centre.send()
    centre.passes(30)
    assert message.progress is UNKNOWN
    assert isinstance(message.parts[0].error, ResponseTimeout)
    answer.callback(centre.submitted[0].answer(message_id="late"))
    centre.flush()
    assert message.message_ids == ("late",)
    centre.says("late")
    assert message.progress is DELIVERED
    centre.passes(10)
    assert len(centre.submitted) == 1
    assert message.possible_duplicates == 0
    centre.stops()


def test_Q09_without_one_it_is_sent_again_on_the_same_session() -> None:
    centre = started(timers=Timers(enquire_interval=None))
    centre.script.append(Deferred())
    message = centre.send()
    centre.passes(36)
    assert message.message_ids == ("1",)
    assert message.possible_duplicates == 1
    assert len(centre.endpoint.attempts) == 1
    centre.stops()


def test_S08_a_message_centre_that_answers_no_submission_is_left() -> None:
    centre = started()
    centre.script.extend(Deferred() for _ in range(5))
    messages = [centre.send(text=str(number)) for number in range(5)]
    centre.passes(30)
    assert centre.service.session is None
    assert [message.progress for message in messages] == [UNKNOWN] * 5
    centre.rebinds()
    centre.passes(5)
    assert [message.progress for message in messages] == [ACCEPTED] * 5
    assert [message.possible_duplicates for message in messages] == [1] * 5
    centre.stops()


def test_D16_what_was_in_flight_when_the_link_broke_is_sent_again_in_order() -> None:
    centre = started(window=3)
    centre.script.extend([Deferred(), centre.accept, Deferred()])
    messages = [centre.send(text=str(number)) for number in range(4)]
    centre.drops()
    assert [message.progress for message in messages] == [UNKNOWN, ACCEPTED, UNKNOWN, ACCEPTED]
    centre.send(text="4")
    del centre.submitted[:]
    centre.rebinds()
    assert [pdu.short_message for pdu in centre.submitted] == [b"0", b"2", b"4"]
    assert [message.progress for message in messages] == [ACCEPTED] * 4
    centre.stops()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [(UnknownPolicy.FAIL, Progress.LOST), (UnknownPolicy.HOLD, HELD)],
)
def test_D16_the_service_has_a_policy(policy: UnknownPolicy, expected: Progress) -> None:
    centre = started(sending=Sending(unknown=policy))
    centre.script.append(Deferred())
    message = centre.send()
    centre.drops()
    assert message.progress is expected
    centre.rebinds()
    assert len(centre.submitted) == 1
    if expected is HELD:
        centre.service.sender.resend(message.parts[0])
        centre.flush()
        assert message.progress is ACCEPTED
    centre.stops()


def test_a_session_that_is_bound_for_us_only_is_made_anew() -> None:
    centre = started(window=2)
    centre.script.extend([S.ESME_RINVBNDSTS, S.ESME_RINVBNDSTS])
    messages = [centre.service.send("491761234567", str(number)) for number in range(20)]
    centre.flush()
    assert centre.service.session is None
    assert [message.progress for message in messages] == [QUEUED] * 20
    centre.rebinds()
    assert [message.progress for message in messages] == [ACCEPTED] * 20
    assert [int(pdu.short_message) for pdu in centre.submitted] == [0, 1, *range(20)]
    centre.stops()


def test_23_own_requests_in_the_window_hold_up_nothing() -> None:
    """With no room at all in the session, a message is tried again a little later."""
    centre = started(window=2, max_waiting=0)
    answers = [Deferred() for _ in range(2)]
    centre.script.extend(answers)
    own = [centre.service.submit_sm(destination_addr="1") for _ in range(2)]
    message = centre.send()
    assert message.progress is QUEUED
    for answer in answers:
        answer.callback(None)
    centre.flush()
    assert [success(each).command_status for each in own] == [0, 0]
    centre.passes(1)
    assert message.progress is ACCEPTED
    assert message.parts[0].attempts == 1
    centre.stops()


# Stopping and starting.


def test_D23_messages_wait_for_the_first_start() -> None:
    centre = Centre()
    message = centre.send()
    assert centre.clock.getDelayedCalls() == []
    centre.passes(100)
    centre.start()
    assert message.progress is ACCEPTED
    centre.stops()


def test_a_stop_waits_for_what_is_in_flight_and_sends_nothing_more() -> None:
    centre = started(window=1)
    answer: Deferred[Any] = Deferred()
    centre.script.append(answer)
    messages = [centre.send(text=str(number)) for number in range(3)]
    stopping = centre.service.stopService()
    centre.flush()
    assert outcome(stopping) == PENDING
    answer.callback(centre.accept(centre.submitted[0]))
    centre.stopped(stopping)
    assert [message.progress for message in messages] == [ACCEPTED, QUEUED, QUEUED]
    centre.send(text="3")
    assert len(centre.submitted) == 1
    centre.start()
    assert [int(pdu.short_message) for pdu in centre.submitted] == [0, 1, 2, 3]
    assert [message.progress for message in messages] == [ACCEPTED] * 3
    for message_id in "123":
        centre.says(message_id)
    assert [message.progress for message in messages] == [DELIVERED] * 3
    centre.stops()


def test_what_is_not_answered_until_the_stop_is_unknown() -> None:
    centre = started(drain=3.0)
    centre.script.append(Deferred())
    message = centre.send()
    stopping = centre.service.stopService()
    centre.passes(20)
    assert message.progress is UNKNOWN
    centre.stopped(stopping)
    centre.start()
    assert message.progress is ACCEPTED
    assert message.possible_duplicates == 1
    centre.stops()


def test_a_stop_does_not_spin_while_the_message_centre_is_stuck() -> None:
    """It gives the session up before what was to be awaited is over."""
    centre = started(drain=3.0, timers=Timers(response=1.0, enquire_interval=None))
    centre.script.extend(Deferred() for _ in range(3))
    for _ in range(3):
        centre.send()
    stopping = centre.service.stopService()
    for _ in range(4):
        centre.clock.advance(1)
    soonest = min(call.getTime() for call in centre.clock.getDelayedCalls())
    assert soonest - centre.clock.seconds() >= 1
    centre.passes(10)
    centre.stopped(stopping)


def test_what_is_throttled_during_the_stop_waits_for_the_next_start() -> None:
    centre = started(sending=Sending(retries=Retries(delays=(5.0,))))
    answers = [Deferred() for _ in range(2)]
    centre.script.extend(answers)
    messages = [centre.send() for _ in range(2)]
    stopping = centre.service.stopService()
    answers[0].callback(S.ESME_RTHROTTLED)
    answers[1].callback(S.ESME_RSYSERR)
    centre.stopped(stopping)
    assert [message.progress for message in messages] == [QUEUED] * 2
    centre.start()
    centre.passes(5)
    assert [message.progress for message in messages] == [ACCEPTED] * 2
    centre.stops()


def test_who_hears_of_an_end_may_stop_the_service() -> None:
    centre = Centre()
    stopping: list[Any] = []
    expired = centre.send(validity=timedelta(seconds=1))
    expired.final.addCallback(lambda _: stopping.append(centre.service.stopService()))
    kept = centre.send()
    centre.clock.advance(1)
    centre.start()
    assert expired.progress is Progress.EXPIRED
    assert (kept.progress, centre.submitted) == (QUEUED, [])
    centre.stopped(stopping[0])


# Time.


def test_D22_what_waits_expires_although_nothing_is_bound() -> None:
    centre = Centre(sending=Sending(most_waiting=3))
    centre.service.startService()
    messages = [
        centre.send(validity=timedelta(minutes=1)),
        centre.send(validity=datetime.now(UTC) + timedelta(minutes=1)),
        centre.send(validity=Relative(minutes=1)),
    ]
    slot = centre.service.slot()
    centre.clock.advance(30)
    assert [message.progress for message in messages] == [QUEUED] * 3
    assert outcome(slot) == PENDING
    for _ in range(3):
        centre.clock.advance(30)
    assert [message.progress for message in messages] == [Progress.EXPIRED] * 3
    assert success(slot) is None
    assert isinstance(failure(messages[0].submitted), Exception)
    stopping = centre.service.stopService()
    centre.clock.advance(0)
    centre.stopped(stopping)


def test_D22_and_although_the_service_had_nothing_to_do_before() -> None:
    centre = started()
    centre.passes(100)
    centre.drops()
    message = centre.send(validity=timedelta(seconds=1))
    centre.clock.advance(31)
    assert message.progress is Progress.EXPIRED
    centre.stops()


def test_Q13_nothing_is_awaited_from_a_session_that_is_gone() -> None:
    sending = Sending(unknown=UnknownPolicy.FAIL)
    centre = started(sending=sending, timers=Timers(enquire_interval=None))
    centre.script.append(Deferred())
    message = centre.send()
    centre.passes(30)
    assert message.progress is Progress.LOST
    assert not centre.service.sender.idle
    centre.drops()
    assert centre.service.sender.idle
    centre.stops()


def test_D22_the_clock_on_the_wall_does_not_matter_once_it_is_sent_off() -> None:
    times = [datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)]
    centre = Centre(now=lambda: times[0])
    message = centre.send(validity=times[0] + timedelta(hours=1))
    del times[0]
    centre.clock.advance(3599)
    late = centre.send(validity=timedelta(hours=1))
    centre.start()
    assert message.progress is ACCEPTED
    assert centre.submitted[0].validity_period == "260329013000000+"
    assert centre.submitted[1].validity_period == "000000010000000R"
    assert late.progress is ACCEPTED
    centre.stops()


def test_D22_what_is_sent_again_has_the_validity_that_is_left() -> None:
    centre = started()
    centre.script.append(S.ESME_RSYSERR)
    centre.send(validity=timedelta(hours=1))
    centre.passes(5)
    assert [pdu.validity_period for pdu in centre.submitted] == [
        "000000010000000R",
        "000000005955000R",
    ]
    centre.stops()


def test_D22_a_validity_in_the_past_is_over() -> None:
    now = datetime(2026, 11, 23, 18, 12, tzinfo=UTC)
    centre = started(now=lambda: now)
    message = centre.send(validity=now - timedelta(seconds=1))
    assert message.progress is Progress.EXPIRED
    assert centre.submitted == []
    centre.stops()


def test_a_receipt_that_does_not_come_is_not_waited_for_for_ever() -> None:
    centre = started(sending=Sending(receipt_seconds=100.0))
    message = centre.send()
    waiting = message.final
    centre.passes(99)
    assert outcome(waiting) == PENDING
    centre.passes(31)
    assert success(waiting).progress is Progress.UNCONFIRMED
    centre.stops()


def test_a_restart_forgets_nobody() -> None:
    """What gets old does so after it as well, without any new message."""
    centre = started(sending=Sending(receipt_seconds=100.0))
    message = centre.send()
    centre.says("unknown")
    centre.stops()
    centre.clock.advance(1000)
    assert message.progress is ACCEPTED
    centre.start()
    centre.passes(30)
    assert message.progress is Progress.UNCONFIRMED
    centre.stops()


def test_an_idle_service_has_only_the_timer_of_its_session() -> None:
    centre = started(timers=Timers(enquire_interval=None), sending=Sending(receipt_seconds=50.0))
    centre.passes(60)
    before = len(centre.clock.getDelayedCalls())
    centre.send()
    centre.script.append(Deferred())
    centre.send()
    assert len(centre.clock.getDelayedCalls()) == before + 1
    centre.passes(700)
    assert len(centre.clock.getDelayedCalls()) == before
    assert centre.service.sender.idle
    assert centre.service.confirming.idle
    centre.stops()
