# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The handle of a message: what its parts come to, and who is told."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_centre_kit import message_of
from pairs import PENDING, outcome
from twisted.internet.defer import CancelledError

from twisted_smpp.errors import RequestRefused, SMPPError
from twisted_smpp.esme.message import Message, MessagePart, Progress, SendFailed, due_at
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import failure, success
from twisted_smpp.text.rules import Method
from twisted_smpp.text.segments import plan
from twisted_smpp.wire.tlvs import message_payload, user_message_reference

QUEUED, SENDING, UNKNOWN, HELD, ACCEPTED = list(Progress)[:5]
FINAL = list(Progress)[5:]
BAD = (
    Progress.DELETED,
    Progress.EXPIRED,
    Progress.UNDELIVERABLE,
    Progress.REJECTED,
    Progress.LOST,
    Progress.FAILED,
)


def put(message: Message, *progress: Progress) -> Message:
    """Brings the parts where they shall be, and tells it."""
    for part, each in zip(message.parts, progress, strict=True):
        part.progress = each
    message.changed()
    return message


def accepted(part: MessagePart, message_id: str = "1") -> None:
    part.message_ids += (message_id,)
    part.progress = ACCEPTED
    part.message.changed()


def ended(part: MessagePart, progress: Progress, error: SMPPError | None = None) -> None:
    part.progress = progress
    part.error = error
    part.message.changed()


# The state.


def test_from_DELIVERED_on_a_state_is_final() -> None:
    assert not any(each.final for each in (QUEUED, SENDING, UNKNOWN, HELD, ACCEPTED))
    assert FINAL[0] is Progress.DELIVERED
    assert all(each.final for each in FINAL)


@pytest.mark.parametrize("progress", list(Progress))
def test_a_message_of_one_part_is_where_that_is(progress: Progress) -> None:
    assert put(message_of(), progress).progress is progress


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((QUEUED, QUEUED), QUEUED),
        ((ACCEPTED, SENDING), SENDING),
        ((ACCEPTED, UNKNOWN), UNKNOWN),
        ((Progress.DELIVERED, ACCEPTED), ACCEPTED),
        ((Progress.UNCONFIRMED, QUEUED), QUEUED),
        ((Progress.DELIVERED, Progress.DELIVERED), Progress.DELIVERED),
        ((Progress.DELIVERED, Progress.UNCONFIRMED), Progress.UNCONFIRMED),
        ((Progress.SENT, Progress.DELIVERED), Progress.SENT),
        ((Progress.EXPIRED, SENDING), Progress.EXPIRED),
        ((QUEUED, Progress.FAILED), Progress.FAILED),
        ((Progress.LOST, Progress.FAILED), Progress.FAILED),
        ((Progress.LOST, Progress.UNDELIVERABLE), Progress.LOST),
        ((Progress.DELIVERED, Progress.DELETED), Progress.DELETED),
    ],
)
def test_D25_the_state_of_several_parts(parts: tuple[Progress, ...], expected: Progress) -> None:
    assert put(message_of(2), *parts).progress is expected
    assert put(message_of(2), *reversed(parts)).progress is expected


def test_D25_of_parts_that_are_final_it_is_the_worst() -> None:
    for parts in product(FINAL, repeat=2):
        assert put(message_of(2), *parts).progress is max(parts)


def test_D25_one_bad_end_is_told_at_once() -> None:
    for bad, other in product(BAD, list(Progress)):
        assert put(message_of(2), bad, other).progress.final


@given(st.permutations([0, 1, 2]), st.lists(st.sampled_from(FINAL), min_size=3, max_size=3))
def test_D25_the_state_gets_worse_or_stays_while_parts_come_to_their_ends(
    order: list[int], ends: list[Progress]
) -> None:
    message = put(message_of(3), ACCEPTED, ACCEPTED, ACCEPTED)
    before = message.progress
    for index, end in zip(order, ends, strict=True):
        ended(message.parts[index], end)
        assert message.progress >= before
        before = message.progress
    assert before is max(ends)


# What is known of the parts.


def test_ids_and_errors() -> None:
    message = message_of(3)
    assert message.message_ids == (None, None, None)
    assert message.error is None
    accepted(message.parts[1], "b")
    accepted(message.parts[1], "again")
    assert message.message_ids == (None, "b", None)
    assert message.parts[1].message_id == "b"
    assert message.parts[1].message_ids == ("b", "again")
    error = SMPPError("no")
    ended(message.parts[2], Progress.LOST, error)
    assert message.error is error
    message.parts[0].error = SMPPError("for the time being")
    assert message.error is error


def test_a_part_that_a_receipt_calls_expired_has_not_failed() -> None:
    message = message_of()
    accepted(message.parts[0])
    ended(message.parts[0], Progress.EXPIRED)
    assert not message.parts[0].failed
    assert message.error is None
    never_sent = message_of()
    error = SMPPError("too late")
    ended(never_sent.parts[0], Progress.EXPIRED, error)
    assert never_sent.parts[0].failed
    assert never_sent.error is error


@pytest.mark.parametrize(
    ("unknowns", "resends", "expected"),
    [(0, 0, 0), (1, 0, 0), (1, 1, 1), (1, 3, 1), (3, 2, 2), (0, 1, 0)],
)
def test_D16_possible_duplicates_are_counted(unknowns: int, resends: int, expected: int) -> None:
    message = message_of(2)
    message.parts[0].unknowns, message.parts[0].resends = unknowns, resends
    message.parts[1].unknowns = message.parts[1].resends = 1
    assert message.possible_duplicates == expected + 1


def test_how_they_look() -> None:
    message = message_of(2)
    assert repr(message) == "<Message to '491761234567': QUEUED, 2 parts>"
    assert repr(message.parts[1]) == "<part 2 of 2: QUEUED>"
    assert repr(message_of()) == "<Message to '491761234567': QUEUED>"


def test_parts_are_sorted_by_their_order() -> None:
    first, second = message_of(2).parts
    first.order, second.order = 2, 1
    assert sorted([first, second]) == [second, first]


# What is sent.


def test_the_request_of_a_part() -> None:
    found = plan("x" * 200)
    fields = {"source_addr": "Shop", "destination_addr": "49", "priority_flag": 2}
    message = Message("Shop", "49", found, True, fields, {user_message_reference: 7})
    message.parts = tuple(MessagePart(message, each, 0) for each in found.segments(5))
    pdu = message.parts[1].make_pdu(0.0)
    segment = message.parts[1].segment
    assert (pdu.source_addr, pdu.destination_addr, pdu.priority_flag) == ("Shop", "49", 2)
    assert (pdu.short_message, pdu.esm_class) == (segment.short_message, segment.esm_class)
    assert pdu.tlvs[user_message_reference] == 7
    assert message.parts[1].make_pdu(0.0) is not pdu


def test_the_tlvs_of_a_part_and_those_of_all_go_together() -> None:
    found = plan("x" * 200, method=Method.PAYLOAD)
    message = Message("Shop", "49", found, True, {}, {user_message_reference: 7})
    (part,) = [MessagePart(message, each, 0) for each in found.segments()]
    tlvs = part.make_pdu(0.0).tlvs
    assert tlvs[message_payload] == b"x" * 200
    assert tlvs[user_message_reference] == 7


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (100.0, "000000010000000R"),
        (100.4, "000000010000000R"),
        (130.0, "000000005930000R"),
        (3699.5, "000000000001000R"),
        (3800.0, "000000000001000R"),
    ],
)
def test_D22_an_attempt_has_the_validity_that_is_left(now: float, expected: str) -> None:
    message = message_of()
    message.has_relative_validity = True
    message.parts[0].expires_at = 100.0 + 3600.0
    assert message.parts[0].make_pdu(now).validity_period == expected


def test_D22_the_clock_of_a_reactor_lengthens_no_validity() -> None:
    whole = timedelta(days=31, hours=23, minutes=59, seconds=59)
    for now in (since + each / 997 for since in (0, 1_700_000_000) for each in range(1000)):
        message = message_of()
        message.has_relative_validity = True
        message.parts[0].expires_at = now + whole.total_seconds()
        assert message.parts[0].make_pdu(now).validity_period == "000031235959000R"


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("000000010000000R", ["000000010000000R", "000000005930000R", "", ""]),
        ("000001000001000R", ["000001000001000R", "000000235931000R", "000000230001000R", ""]),
        # How long a month is only the message centre knows.
        ("000100000000000R", ["000100000000000R"] * 4),
        ("261123181200000+", ["261123181200000+"] * 4),
        ("", [""] * 4),
    ],
)
def test_D22_an_attempt_has_the_schedule_that_is_left(schedule: str, expected: list[str]) -> None:
    message = message_of(schedule_delivery_time=schedule)
    message.due_at = due_at(schedule, 100.0)
    made = [message.parts[0].make_pdu(100.0 + later) for later in (0, 30, 3600, 86_401)]
    assert [pdu.schedule_delivery_time for pdu in made] == expected


def test_D22_a_moment_stays_the_same() -> None:
    message = message_of(validity_period="261123181200000+")
    message.parts[0].expires_at = 3600.0
    assert message.parts[0].make_pdu(1800.0).validity_period == "261123181200000+"


# Who waits.


def test_submitted_fires_once_every_part_has_an_id() -> None:
    message = message_of(2)
    waiting = message.submitted
    accepted(message.parts[1])
    assert outcome(waiting) == outcome(message.submitted) == PENDING
    accepted(message.parts[0])
    assert success(waiting) is success(message.submitted) is message
    ended(message.parts[0], Progress.UNDELIVERABLE)
    assert success(message.submitted) is message


@pytest.mark.parametrize("progress", [Progress.FAILED, Progress.LOST, Progress.EXPIRED])
def test_submitted_fails_once_a_part_was_not_accepted_and_will_not_be(progress: Progress) -> None:
    message = message_of(2)
    waiting = message.submitted
    accepted(message.parts[0])
    ended(message.parts[1], progress, SMPPError("no use"))
    for each in (waiting, message.submitted):
        error = failure(each)
        assert isinstance(error, SendFailed)
        assert error.message is message
        assert str(error) == error.reason == "part 2: no use"


def test_the_reason_of_a_message_of_one_part() -> None:
    refused = message_of()
    ended(refused.parts[0], Progress.FAILED, RequestRefused(S.ESME_RINVDSTADR))
    assert "ESME_RINVDSTADR" in str(failure(refused.submitted))
    assert not str(failure(refused.submitted)).startswith("part")
    no_reason = message_of()
    ended(no_reason.parts[0], Progress.LOST)
    assert str(failure(no_reason.submitted)) == "lost"


def test_final_fires_once_every_part_is_however() -> None:
    message = message_of(2)
    waiting = message.final
    ended(message.parts[0], Progress.FAILED)
    assert message.progress is Progress.FAILED
    assert outcome(waiting) == outcome(message.final) == PENDING
    accepted(message.parts[1])
    assert outcome(waiting) == PENDING
    ended(message.parts[1], Progress.DELIVERED)
    assert success(waiting) is success(message.final) is message


def test_each_is_a_new_deferred() -> None:
    message = message_of()
    assert message.submitted is not message.submitted
    assert message.final is not message.final
    results: list[Any] = []
    message.final.addCallback(lambda _: "changed").addCallback(results.append)
    message.final.addCallback(results.append)
    accepted(message.parts[0])
    ended(message.parts[0], Progress.SENT)
    assert results == ["changed", message]


@pytest.mark.parametrize("which", ["submitted", "final"])
def test_who_waits_may_cancel(which: str) -> None:
    message = message_of()
    first, second = getattr(message, which), getattr(message, which)
    first.cancel()
    assert isinstance(failure(first), CancelledError)
    accepted(message.parts[0])
    ended(message.parts[0], Progress.DELIVERED)
    assert success(second) is message


@pytest.mark.parametrize("which", ["submitted", "final"])
def test_the_callback_of_one_may_cancel_those_behind_it(which: str) -> None:
    message = message_of()
    waiting = [getattr(message, which) for _ in range(3)]
    waiting[0].addCallback(lambda _: waiting[1].cancel())
    accepted(message.parts[0])
    ended(message.parts[0], Progress.DELIVERED)
    assert isinstance(failure(waiting[1]), CancelledError)
    assert success(waiting[2]) is message


def test_the_errback_of_one_may_cancel_those_behind_it() -> None:
    message = message_of()
    waiting = [message.submitted for _ in range(3)]
    waiting[0].addErrback(lambda _: waiting[1].cancel())
    ended(message.parts[0], Progress.FAILED)
    assert isinstance(failure(waiting[1]), CancelledError)
    assert isinstance(failure(waiting[2]), SendFailed)


def test_the_callback_of_one_may_wait_again() -> None:
    message = message_of()
    again: list[Any] = []
    message.final.addCallback(lambda _: message.final.addCallback(again.append))
    ended(message.parts[0], Progress.SENT)
    assert again == [message]


def test_on_progress_is_told_of_every_change() -> None:
    message = message_of()
    seen: list[Progress] = []
    message.on_progress = lambda each: seen.append(each.progress)
    accepted(message.parts[0])
    ended(message.parts[0], Progress.DELIVERED)
    assert seen == [ACCEPTED, Progress.DELIVERED]


def test_S16_what_on_progress_raises_is_logged_and_harms_nothing(logged_errors: Any) -> None:
    message = message_of()
    message.on_progress = lambda _: 1 / 0
    waiting = [message.submitted, message.final]
    accepted(message.parts[0])
    ended(message.parts[0], Progress.DELIVERED)
    assert [success(each) for each in waiting] == [message, message]
    assert len(logged_errors.flush(ZeroDivisionError)) == 2
