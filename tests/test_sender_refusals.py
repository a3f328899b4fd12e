# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What the message centre refuses, and what it does not answer: the states of a part."""

from __future__ import annotations

from itertools import pairwise

import pytest
from message_centre_kit import Outbox, numbers, states
from pairs import PENDING, outcome

from twisted_smpp import limits
from twisted_smpp.errors import RequestRefused, ResponseTimeout, SessionLost
from twisted_smpp.esme.message import Progress, SendFailed
from twisted_smpp.esme.retries import RetryClass
from twisted_smpp.esme.sender import LATE_SECONDS, UnknownPolicy
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import failure, success
from twisted_smpp.wire.pdus import GenericNack

QUEUED, SENDING, UNKNOWN, HELD, ACCEPTED = list(Progress)[:5]
LOST, FAILED = Progress.LOST, Progress.FAILED
HOLD, FAIL = UnknownPolicy.HOLD, UnknownPolicy.FAIL


# Back-pressure.


@pytest.mark.parametrize("status", [S.ESME_RTHROTTLED, S.ESME_RMSGQFUL])
def test_D18_D19_what_is_throttled_goes_back_to_the_head_of_the_queue(status: int) -> None:
    outbox = Outbox(window=4)
    session = outbox.binds()
    messages = [outbox.send() for _ in range(6)]
    for index in (2, 1, 0):
        session.refuses(index, status)
    assert states(*messages) == [QUEUED, QUEUED, QUEUED, SENDING, QUEUED, QUEUED]
    assert outbox.timers == [1.0]
    session.accepts(3, "d")
    assert len(session.sent) == 4
    outbox.clock.advance(0.9)
    assert len(session.sent) == 4
    outbox.clock.advance(0.1)
    assert numbers(session)[4:] == ["1", "2"]
    session.accepts(4, "a")
    session.accepts(5, "b")
    session.accepts(6, "c")
    assert numbers(session) == ["1", "2", "3", "4", "1", "2", "3", "5", "6"]
    assert messages[0].parts[0].attempts == 2
    assert isinstance(messages[0].parts[0].error, RequestRefused)


def test_D18_a_window_of_refusals_is_one_reason_to_slow_down() -> None:
    outbox = Outbox(window=16)
    session = outbox.binds()
    for _ in range(16):
        outbox.send()
    for index in range(16):
        session.refuses(index, S.ESME_RTHROTTLED)
    assert outbox.sender.pace.window == 8
    assert outbox.timers == [1.0]
    assert outbox.sender.pace.throttled == 16


def test_D18_no_storm() -> None:
    """A message centre that throttles for an hour is asked less and less often."""
    outbox = Outbox()
    session = outbox.binds()
    messages = [outbox.send() for _ in range(100)]
    at, asked = 0, []
    while outbox.clock.seconds() < 3600:
        while at < len(session.sent):
            session.refuses(at, S.ESME_RTHROTTLED)
            asked.append(outbox.clock.seconds())
            at += 1
        outbox.clock.advance(max(outbox.timers[0], 0.001))
    assert len(asked) < 100
    pauses = sorted({round(later - soon) for soon, later in pairwise(asked)})
    assert pauses == [0, 1, 2, 4, 8, 16, 32, 60]
    assert states(*messages)[1:] == [QUEUED] * 99
    assert messages[0].parts[0].refusals == 0
    assert set(numbers(session)) == {str(number) for number in range(1, 11)}


def test_D18_a_throttled_message_is_not_given_up() -> None:
    outbox = Outbox(attempts=1, session_attempts=1, unlisted_attempts=1)
    session = outbox.binds()
    message = outbox.send()
    for index in range(30):
        session.refuses(index, S.ESME_RTHROTTLED)
        outbox.clock.advance(60)
    session.accepts(30, "a")
    assert message.progress is ACCEPTED
    assert message.parts[0].attempts == 31


# For the time being.


def test_D20_a_temporary_refusal_waits_longer_and_longer() -> None:
    outbox = Outbox()
    session = outbox.binds()
    message, other = outbox.send(), outbox.send()
    session.accepts(1, "b")
    waited = []
    for index in [0, *range(2, 7)]:
        session.refuses(index, S.ESME_RSYSERR)
        assert message.progress is QUEUED
        (seconds,) = outbox.timers
        waited.append(seconds)
        outbox.clock.advance(seconds - 0.5)
        assert message.progress is QUEUED
        outbox.clock.advance(0.5)
        assert message.progress is SENDING
    assert waited == pytest.approx([5, 30, 120, 600, 1800, 1800])
    assert other.progress is ACCEPTED
    assert (message.parts[0].refusals, message.parts[0].attempts) == (6, 7)


def test_D20_others_do_not_wait_for_it() -> None:
    outbox = Outbox(window=1)
    session = outbox.binds()
    messages = [outbox.send() for _ in range(3)]
    session.refuses(0, S.ESME_RSYSERR)
    session.accepts(1, "b")
    assert states(*messages) == [QUEUED, ACCEPTED, SENDING]
    outbox.clock.advance(5)
    assert numbers(session) == ["1", "2", "3"]
    outbox.send()
    session.accepts(2, "c")
    assert numbers(session) == ["1", "2", "3", "1"]


@pytest.mark.parametrize(
    ("status", "attempts"), [(S.ESME_RSYSERR, 20), (0x0400, 5), (0xDEADBEEF, 5)]
)
def test_D20_D15_it_is_given_up_after_so_many_attempts(status: int, attempts: int) -> None:
    outbox = Outbox(delays=(1.0,))
    session = outbox.binds()
    message = outbox.send()
    index = 0
    while not message.progress.final:
        session.refuses(index, status)
        index += 1
        outbox.clock.advance(1)
    assert index == len(session.sent) == attempts
    error = message.error
    assert isinstance(error, RequestRefused)
    assert error.command_status == status
    assert isinstance(failure(message.submitted), SendFailed)
    assert outbox.is_empty()


def test_D20_classes_may_be_changed() -> None:
    outbox = Outbox(classes={0x0400: RetryClass.PERMANENT, 0x0B: RetryClass.TEMPORARY})
    session = outbox.binds()
    first, second = outbox.send(), outbox.send()
    session.refuses(0, 0x0400)
    session.refuses(1, 0x0B)
    assert states(first, second) == [FAILED, QUEUED]


# For good.


def test_D21_a_permanent_refusal_is_the_end() -> None:
    outbox = Outbox()
    session = outbox.binds()
    message = outbox.send()
    session.refuses(0, S.ESME_RINVDSTADR)
    assert message.progress is FAILED
    assert success(message.final) is message
    assert "ESME_RINVDSTADR" in str(failure(message.submitted))
    assert outbox.is_empty()


def test_D25_after_a_permanent_refusal_the_other_parts_are_not_sent() -> None:
    outbox = Outbox(window=2)
    session = outbox.binds()
    message, other = outbox.send(4), outbox.send()
    session.refuses(1, S.ESME_RINVDSTADR)
    assert message.progress is FAILED
    assert [part.progress for part in message.parts] == [SENDING, FAILED, FAILED, FAILED]
    assert "not sent: part 2 was refused" in str(message.parts[3].error)
    assert outcome(message.final) == PENDING
    session.accepts(0, "a")
    assert numbers(session) == ["1/1", "1/2", "2"]
    assert message.parts[0].progress is ACCEPTED
    assert other.progress is SENDING


@pytest.mark.parametrize("status", [S.ESME_RTHROTTLED, S.ESME_RSYSERR, S.ESME_RINVBNDSTS])
def test_D25_what_is_refused_for_now_behind_a_permanent_refusal_is_not_sent_again(
    status: int,
) -> None:
    outbox = Outbox()
    session = outbox.binds()
    message = outbox.send(parts=3)
    session.refuses(0, S.ESME_RINVDSTADR)
    session.refuses(1, status)
    session.accepts(2, "c")
    assert [part.progress for part in message.parts] == [FAILED, FAILED, ACCEPTED]
    assert str(message.parts[1].error).startswith("not sent: part 1 was refused (submit_sm")
    outbox.binds()
    outbox.clock.advance(3600)
    assert outbox.session.sent == []
    assert outbox.is_empty()


def test_D25_parts_that_may_have_arrived_are_tried_again_all_the_same() -> None:
    """Nobody knows of the first; but the second and third are known not to be there."""
    outbox = Outbox(window=5, delays=(1000.0,))
    session = outbox.binds()
    message = outbox.send(5)
    session.times_out(0)
    session.refuses(1, S.ESME_RSYSERR)
    session.refuses(2, S.ESME_RTHROTTLED)
    session.refuses(3, S.ESME_RINVDSTADR)
    expected = [UNKNOWN, FAILED, FAILED, FAILED, SENDING]
    assert [part.progress for part in message.parts] == expected
    assert outbox.sender.waiting == 1
    outbox.clock.advance(LATE_SECONDS)
    assert numbers(session)[5:] == ["1/1"]


def test_D25_no_part_that_is_accepted_is_sent_again() -> None:
    outbox = Outbox(delays=(1.0,), attempts=3)
    session = outbox.binds()
    outbox.send(2)
    session.accepts(0, "a")
    for index in (1, 2, 3):
        session.refuses(index, S.ESME_RSYSERR)
        outbox.clock.advance(1)
    assert numbers(session) == ["1/1", "1/2", "1/2", "1/2"]


# The session is at fault.


@pytest.mark.parametrize("status", [S.ESME_RINVBNDSTS, S.ESME_RINVCMDLEN, S.ESME_RINVCMDID])
def test_a_session_at_fault_is_left_and_the_message_sent_on_the_next(status: int) -> None:
    outbox = Outbox(window=2)
    session = outbox.binds()
    messages = [outbox.send() for _ in range(50)]
    session.refuses(0, status)
    assert session.unbinds == 1
    session.refuses(1, status)
    assert len(session.sent) == 2
    assert states(*messages) == [QUEUED] * 50
    outbox.breaks()
    assert numbers(outbox.binds()) == ["1", "2"]


def test_a_message_that_three_sessions_refuse_has_failed() -> None:
    outbox = Outbox(window=1)
    poison, other = outbox.send(), outbox.send()
    for _ in range(3):
        assert poison.progress is QUEUED
        outbox.binds().refuses(0, S.ESME_RINVCMDLEN)
        outbox.breaks()
    assert states(poison, other) == [FAILED, QUEUED]
    assert numbers(outbox.binds()) == ["2"]


# The outcome is unknown.


def test_D16_what_was_in_flight_is_sent_again_first_and_in_order() -> None:
    outbox = Outbox(window=3)
    session = outbox.binds()
    messages = [outbox.send() for _ in range(5)]
    session.accepts(1, "b")
    outbox.breaks()
    assert states(*messages) == [UNKNOWN, ACCEPTED, UNKNOWN, UNKNOWN, QUEUED]
    assert isinstance(messages[0].parts[0].error, SessionLost)
    again = outbox.binds()
    assert numbers(again) == ["1", "3", "4"]
    again.accepts(0, "a")
    assert numbers(again) == ["1", "3", "4", "5"]
    part = messages[0].parts[0]
    assert (part.attempts, part.unknowns, part.resends) == (2, 1, 1)
    assert messages[0].possible_duplicates == 1
    assert messages[1].possible_duplicates == messages[4].possible_duplicates == 0


def test_D16_no_more_than_three_are_sent_again() -> None:
    outbox = Outbox()
    message = outbox.send()
    for resends in range(4):
        assert message.possible_duplicates == resends - (resends > 0)
        assert numbers(outbox.binds()) == ["1"]
        outbox.breaks()
    assert message.progress is LOST
    assert message.possible_duplicates == 3
    assert isinstance(message.error, SessionLost)
    assert numbers(outbox.binds()) == []
    assert isinstance(failure(message.submitted), SendFailed)


def test_D16_none_when_that_is_wanted() -> None:
    outbox = Outbox(unknown_resends=0)
    outbox.binds()
    message = outbox.send()
    outbox.breaks()
    assert message.progress is LOST
    assert message.possible_duplicates == 0


def test_D16_policy_fail_sends_nothing_again() -> None:
    outbox = Outbox(unknown=FAIL)
    session = outbox.binds()
    first, second, third = (outbox.send() for _ in range(3))
    session.times_out(0)
    session.refuses(2, S.ESME_RTHROTTLED)
    outbox.breaks()
    assert states(first, second, third) == [LOST, LOST, QUEUED]
    assert first.possible_duplicates == 0
    outbox.clock.advance(1)
    assert numbers(outbox.binds()) == ["3"]


def test_D16_a_refusal_before_is_no_possible_duplicate() -> None:
    outbox = Outbox(unknown=FAIL)
    session = outbox.binds()
    message = outbox.send()
    session.refuses(0, S.ESME_RTHROTTLED)
    outbox.clock.advance(1)
    session.times_out(1)
    part = message.parts[0]
    assert (part.progress, part.attempts, part.unknowns) == (LOST, 2, 1)
    assert message.possible_duplicates == 0


def test_D16_policy_hold_waits_for_a_decision() -> None:
    outbox = Outbox(unknown=HOLD)
    session = outbox.binds()
    messages = [outbox.send() for _ in range(3)]
    session.times_out(0)
    outbox.breaks()
    assert states(*messages) == [HELD] * 3
    session = outbox.binds()
    outbox.clock.advance(86_400)
    assert numbers(session) == []
    assert outbox.sender.held == 3
    sender = outbox.sender
    sender.resend(messages[0].parts[0])
    sender.resend(messages[0].parts[0])
    sender.give_up(messages[1].parts[0])
    sender.give_up(messages[0].parts[0])
    assert numbers(session) == ["1"]
    assert states(*messages) == [SENDING, LOST, HELD]
    assert isinstance(messages[1].error, SessionLost)
    sender.resend(messages[1].parts[0])
    assert outbox.sender.held == 1
    assert messages[0].possible_duplicates == 1
    outbox.breaks()
    assert messages[0].progress is HELD


def test_D16_what_is_held_is_sent_again_as_often_as_it_is_wanted() -> None:
    outbox = Outbox(unknown=HOLD)
    outbox.binds()
    message = outbox.send()
    for _ in range(6):
        outbox.breaks()
        assert message.progress is HELD
        outbox.binds()
        outbox.sender.resend(message.parts[0])
    outbox.session.accepts(0, "a")
    assert message.progress is ACCEPTED
    assert message.possible_duplicates == 6
    assert outbox.is_empty()


def test_Q09_after_a_timeout_there_is_time_for_a_late_response() -> None:
    outbox = Outbox()
    session = outbox.binds()
    message = outbox.send()
    session.times_out(0)
    assert message.progress is UNKNOWN
    assert isinstance(message.parts[0].error, ResponseTimeout)
    assert outbox.timers == [LATE_SECONDS]
    outbox.clock.advance(LATE_SECONDS)
    assert numbers(session) == ["1", "1"]
    assert session.sent[0] is not session.sent[1]


# Late responses.


@pytest.mark.parametrize("bound", [True, False])
def test_Q08_a_late_response_cancels_the_next_attempt(bound: bool) -> None:
    outbox = Outbox()
    session = outbox.binds()
    message = outbox.send()
    session.times_out(0)
    if not bound:
        session.bound = False
    outbox.late(0, "a")
    assert message.progress is ACCEPTED
    assert message.message_ids == ("a",)
    assert outbox.ids == [(message.parts[0], "a")]
    assert outbox.sender.waiting == 0
    outbox.clock.advance(100)
    assert numbers(session) == ["1"]
    assert message.possible_duplicates == 0
    outbox.breaks()
    assert outbox.is_empty()


def test_Q08_a_late_response_is_in_time_while_the_next_attempt_waits_for_its_turn() -> None:
    outbox = Outbox(window=1)
    session = outbox.binds()
    first, second = outbox.send(), outbox.send()
    session.times_out(0)
    outbox.clock.advance(LATE_SECONDS)
    assert states(first, second) == [UNKNOWN, SENDING]
    outbox.late(0, "a")
    assert outbox.sender.waiting == 0
    session.accepts(1, "b")
    assert states(first, second) == [ACCEPTED, ACCEPTED]
    assert numbers(session) == ["1", "2"]


def test_Q08_a_late_response_of_the_first_attempt_during_the_second() -> None:
    outbox = Outbox(window=1)
    session = outbox.binds()
    message = outbox.send()
    session.times_out(0)
    outbox.clock.advance(LATE_SECONDS)
    outbox.late(0, "a")
    assert message.progress is ACCEPTED
    assert outbox.sender.in_flight == 1
    session.accepts(1, "b")
    assert message.parts[0].message_ids == ("a", "b")
    assert message.parts[0].message_id == "a"
    assert [message_id for _, message_id in outbox.ids] == ["a", "b"]
    assert message.possible_duplicates == 1
    assert outbox.sender.in_flight == 0


@pytest.mark.parametrize("how", ["refuses", "times_out", "breaks"])
def test_Q08_once_it_is_accepted_the_second_attempt_matters_no_more(how: str) -> None:
    outbox = Outbox()
    session = outbox.binds()
    message = outbox.send()
    session.times_out(0)
    outbox.clock.advance(LATE_SECONDS)
    outbox.late(0, "a")
    if how == "refuses":
        session.refuses(1, S.ESME_RINVDSTADR)
    elif how == "times_out":
        session.times_out(1)
    else:
        outbox.breaks()
    assert message.progress is ACCEPTED
    assert outbox.sender.in_flight == outbox.sender.waiting == 0


def test_Q08_a_late_response_decides_about_what_is_held() -> None:
    outbox = Outbox(unknown=HOLD)
    session = outbox.binds()
    messages = [outbox.send() for _ in range(3)]
    for index in range(3):
        session.times_out(index)
    outbox.late(0, "a")
    outbox.late(1, status=S.ESME_RINVDSTADR)
    outbox.late(2, status=S.ESME_RTHROTTLED)
    assert states(*messages) == [ACCEPTED, FAILED, QUEUED]
    assert outbox.sender.held == 0
    outbox.clock.advance(1)
    assert numbers(session) == ["1", "2", "3", "3"]
    assert messages[2].possible_duplicates == 0


def test_Q08_a_late_refusal_decides_about_what_waits() -> None:
    outbox = Outbox()
    session = outbox.binds()
    messages = [outbox.send() for _ in range(3)]
    for index in range(3):
        session.times_out(index)
    outbox.late(0, status=S.ESME_RINVDSTADR)
    outbox.late(1, status=S.ESME_RSYSERR)
    outbox.late(2, status=S.ESME_RTHROTTLED)
    assert states(*messages) == [FAILED, QUEUED, QUEUED]
    assert [message.parts[0].unknowns for message in messages] == [0, 0, 0]
    assert outbox.sender.waiting == 2
    outbox.clock.advance(1)
    assert numbers(session)[3:] == ["3"]
    outbox.clock.advance(4)
    assert numbers(session)[3:] == ["3", "2"]
    assert [message.possible_duplicates for message in messages] == [0, 0, 0]


def test_Q08_a_late_refusal_does_not_say_what_became_of_another_attempt() -> None:
    outbox = Outbox(unknown=HOLD)
    session = outbox.binds()
    message = outbox.send()
    session.times_out(0)
    outbox.sender.resend(message.parts[0])
    session.times_out(1)
    outbox.late(0, status=S.ESME_RINVDSTADR)
    assert message.progress is HELD
    assert outbox.sender.held == 1
    outbox.late(1, "b")
    assert message.progress is ACCEPTED


def test_Q08_a_late_refusal_during_the_next_attempt_leaves_that_alone() -> None:
    outbox = Outbox()
    session = outbox.binds()
    message = outbox.send()
    session.times_out(0)
    outbox.clock.advance(LATE_SECONDS)
    outbox.late(0, status=S.ESME_RINVDSTADR)
    assert message.progress is SENDING
    assert message.possible_duplicates == 0
    session.accepts(1, "b")
    assert message.progress is ACCEPTED


def test_Q08_a_late_generic_nack_accepts_nothing() -> None:
    outbox = Outbox(delays=(5.0,))
    session = outbox.binds()
    message = outbox.send()
    session.times_out(0)
    outbox.sender.late(session.sent[0], GenericNack())
    assert message.progress is QUEUED
    assert message.message_ids == (None,)
    outbox.clock.advance(5)
    assert numbers(session) == ["1", "1"]


def test_Q08_what_is_lost_stays_so_and_its_id_is_noted() -> None:
    outbox = Outbox(unknown=FAIL)
    session = outbox.binds()
    message = outbox.send()
    session.times_out(0)
    outbox.late(0, "a")
    assert message.progress is LOST
    assert message.message_ids == ("a",)
    assert outbox.ids == [(message.parts[0], "a")]


def test_Q08_a_response_comes_late_once() -> None:
    outbox = Outbox()
    session = outbox.binds()
    message = outbox.send()
    session.times_out(0)
    outbox.late(0, "a")
    outbox.late(0, "b")
    assert message.parts[0].message_ids == ("a",)


def test_Q08_a_late_response_to_somebody_elses_request_is_nothing() -> None:
    outbox = Outbox()
    session = outbox.binds()
    outbox.send()
    outbox.late(0, "a")
    assert outbox.ids == []
    session.accepts(0, "a")


def test_Q08_only_so_many_are_remembered_and_only_for_so_long() -> None:
    outbox = Outbox(window=2000, most_waiting=2000, unknown=FAIL)
    session = outbox.binds()
    messages = [outbox.send() for _ in range(1100)]
    for index in range(1100):
        session.times_out(index)
        outbox.clock.advance(0.125)
    assert len(outbox.sender._overdue) == 1024
    outbox.late(75, "no")
    outbox.late(76, "yes")
    assert [message.message_ids for message in messages[75:77]] == [(None,), ("yes",)]
    # The 501st was given up at 62.5 s.
    outbox.clock.advance(62.5 + limits.LATE_SECONDS - outbox.clock.seconds())
    outbox.sender.expire(outbox.clock.seconds())
    outbox.late(500, "no")
    outbox.late(501, "yes")
    assert [message.message_ids for message in messages[500:502]] == [(None,), ("yes",)]
    outbox.breaks()
    outbox.late(502, "no")
    assert messages[502].message_ids == (None,)
    assert outbox.is_empty()


def test_D25_a_part_that_was_throttled_may_have_arrived_before() -> None:
    outbox = Outbox(window=2)
    session = outbox.binds()
    message = outbox.send(2)
    session.times_out(0)
    outbox.clock.advance(LATE_SECONDS)
    session.refuses(2, S.ESME_RTHROTTLED)
    assert [part.progress for part in message.parts] == [QUEUED, SENDING]
    session.refuses(1, S.ESME_RINVDSTADR)
    assert [part.progress for part in message.parts] == [QUEUED, FAILED]
    outbox.clock.advance(1)
    session.accepts(3, "a")
    assert message.message_ids == ("a", None)
