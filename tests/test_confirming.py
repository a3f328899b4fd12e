# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Receipts and their parts: which belong together, in what order, and for how long."""

from __future__ import annotations

import gc
from itertools import permutations
from math import inf
from random import Random
from typing import Any

import pytest
from message_centre_kit import message_of, receipt_of
from pairs import PENDING, outcome

from twisted_smpp.esme.confirming import DONE_SECONDS, Confirming
from twisted_smpp.esme.message import Message, MessagePart, Progress
from twisted_smpp.testing import success
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.values import MessageState

DELIVERED, ACCEPTED = Progress.DELIVERED, Progress.ACCEPTED
DAY = 86_400.0


class Account:
    """The parts of an account, and the time."""

    def __init__(self, strategy: str = "learn", **settings: Any) -> None:
        self.confirming = Confirming(strategy, **settings)
        self.unanswered_since = inf
        self.confirming.senders.append(self)
        self.now = 0.0
        self.messages: list[Message] = []

    def accepted(self, message_id: str, part: MessagePart | None = None, **more: Any) -> Message:
        """A part gets an id; without one, that of a new message does."""
        if part is None:
            self.messages.append(message_of(**more))
            part = self.messages[-1].parts[0]
        part.message_ids += (message_id,)
        if not part.progress.final:
            part.progress = ACCEPTED if part.message.wants_receipt else Progress.SENT
        if part.wants_receipt:
            self.confirming.accepted(part, message_id, self.now)
        return part.message

    def says(self, message_id: str, state: int = MessageState.DELIVERED, **more: Any) -> Any:
        return self.confirming.receipt(receipt_of(message_id, state, **more), self.now)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.confirming.expire(self.now)


def is_empty(confirming: Confirming) -> bool:
    things = (
        confirming._waiting,
        confirming._done,
        confirming._parked,
        confirming.ids,
        confirming._parked_ids,
    )
    return not any(len(each) for each in things) and confirming.idle


# Receipts that find their part.


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (MessageState.DELIVERED, Progress.DELIVERED),
        (MessageState.EXPIRED, Progress.EXPIRED),
        (MessageState.DELETED, Progress.DELETED),
        (MessageState.UNDELIVERABLE, Progress.UNDELIVERABLE),
        (MessageState.REJECTED, Progress.REJECTED),
        (MessageState.SKIPPED, Progress.SKIPPED),
    ],
)
def test_a_final_receipt_is_the_end(state: int, expected: Progress) -> None:
    account = Account()
    message = account.accepted("a")
    waiting = message.final
    assert account.confirming.waiting == 1
    assert account.says("a", state) is message.parts[0]
    assert message.progress is expected
    assert success(waiting) is message
    assert message.parts[0].receipt == receipt_of("a", state)
    assert account.confirming.waiting == 0


@pytest.mark.parametrize(
    "state",
    [
        MessageState.ENROUTE,
        MessageState.ACCEPTED,
        MessageState.UNKNOWN,
        MessageState.SCHEDULED,
    ],
)
def test_what_is_said_on_the_way_is_not_the_end(state: int) -> None:
    account = Account()
    message = account.accepted("a")
    seen: list[Any] = []
    message.on_progress = lambda each: seen.append(each.parts[0].receipt)
    assert account.says("a", state, intermediate=True) is message.parts[0]
    assert message.progress is ACCEPTED
    assert [receipt.message_state for receipt in seen] == [state]
    account.says("a")
    assert message.progress is DELIVERED
    assert seen[-1] is message.parts[0].receipt


def test_a_receipt_that_does_not_say_what_became_of_it_is_not_the_end() -> None:
    account = Account()
    message = account.accepted("a")
    receipt = Receipt.parse(b"id:a stat:WHATEVER")
    assert account.confirming.receipt(receipt, 0.0) is message.parts[0]
    assert message.progress is ACCEPTED
    assert message.parts[0].receipt is receipt


def test_7_every_part_of_a_long_message_has_its_own_receipt() -> None:
    account = Account()
    message = message_of(3)
    for part, message_id in zip(message.parts, "abc", strict=True):
        account.accepted(message_id, part)
    account.says("b")
    account.says("c")
    assert message.progress is ACCEPTED
    account.says("a", MessageState.UNDELIVERABLE)
    assert message.progress is Progress.UNDELIVERABLE
    states = [part.progress for part in message.parts]
    assert states == [Progress.UNDELIVERABLE, DELIVERED, DELIVERED]


@pytest.mark.parametrize(
    ("response", "receipt"),
    [("7B", "7b"), ("7b", "123"), ("123", "7B"), ("0123", "123"), ("007b", "7B")],
)
def test_4_5_the_same_id_may_be_written_in_another_way(response: str, receipt: str) -> None:
    account = Account()
    message = account.accepted(response)
    assert account.says(receipt) is message.parts[0]
    assert message.message_ids == (response,)
    strict = Account("verbatim")
    strict.accepted(response)
    assert strict.says(receipt) is None


def test_R04_receipts_of_another_account_change_nothing() -> None:
    one, other = Account(), Account()
    message = one.accepted("a")
    assert other.says("a", MessageState.UNDELIVERABLE) is None
    assert message.progress is ACCEPTED
    one.says("a")
    assert message.progress is DELIVERED


def test_R02_rather_none_than_the_wrong_one() -> None:
    account = Account()
    messages = [account.accepted("12"), account.accepted("C")]
    assert account.says("012") is None
    assert [message.progress for message in messages] == [ACCEPTED, ACCEPTED]


# Again, and in any order.


def test_R06_final_stays_final_and_what_comes_later_is_noted() -> None:
    account = Account()
    message = account.accepted("a")
    (part,) = message.parts
    account.says("a", MessageState.EXPIRED)
    first = part.receipt
    assert account.says("a", MessageState.EXPIRED) is part
    assert account.says("a", MessageState.ENROUTE) is part
    assert part.late is None
    assert account.says("a", MessageState.DELIVERED) is part
    assert part.progress is Progress.EXPIRED
    assert part.receipt is first
    assert part.late is not None
    assert part.late.message_state == MessageState.DELIVERED


def test_R06_in_any_order_there_is_one_end() -> None:
    said = [
        MessageState.ENROUTE,
        MessageState.ACCEPTED,
        MessageState.DELIVERED,
        MessageState.DELIVERED,
    ]
    for order in permutations(said):
        account = Account()
        message = account.accepted("a")
        ends = [message.final for _ in range(2)]
        for state in order:
            account.says("a", state)
        assert message.progress is DELIVERED
        assert [success(end) for end in ends] == [message, message]
        assert message.parts[0].late is None


def test_R06_a_part_is_known_for_a_while_after_its_end() -> None:
    account = Account()
    message = account.accepted("a")
    account.says("a")
    account.passes(DONE_SECONDS - 1)
    assert account.says("a") is message.parts[0]
    assert not account.confirming.idle
    account.passes(1)
    assert is_empty(account.confirming)
    assert account.says("a") is None


# Before the response.


def test_R03_a_receipt_may_come_first() -> None:
    account = Account()
    assert account.says("a") is None
    assert account.confirming.parked == 1
    account.passes(DAY - 1)
    message = message_of()
    waiting = message.final
    account.accepted("a", message.parts[0])
    assert message.progress is DELIVERED
    assert success(waiting) is message
    assert account.confirming.parked == account.confirming.waiting == 0
    account.passes(DONE_SECONDS)
    assert is_empty(account.confirming)
    assert account.confirming.dropped == 0


@pytest.mark.parametrize(("response", "receipt"), [("7b", "123"), ("123", "7b"), ("7B", "007b")])
def test_R03_and_in_another_writing(response: str, receipt: str) -> None:
    account = Account()
    account.unanswered_since = account.now
    account.says(receipt)
    account.unanswered_since = inf
    assert account.accepted(response).progress is DELIVERED
    assert account.confirming.parked == 0


@pytest.mark.parametrize(
    ("strategy", "response", "receipt"),
    [("hex to decimal", "7b", "123"), ("decimal to hex", "123", "7b")],
)
def test_R03_and_only_in_the_writing_that_was_named(
    strategy: str, response: str, receipt: str
) -> None:
    account = Account(strategy)
    account.says(receipt)
    assert account.accepted(response).progress is DELIVERED
    account.says("7b" if receipt == "123" else "124")
    assert account.accepted("123" if receipt == "123" else "7c").progress is ACCEPTED


def test_R03_several_of_one_message_keep_their_order() -> None:
    account = Account()
    for state in (MessageState.ENROUTE, MessageState.EXPIRED, MessageState.DELIVERED):
        account.says("a", state)
        account.says("a", state)
    assert account.confirming.parked == 1
    (part,) = account.accepted("a").parts
    assert part.progress is Progress.EXPIRED
    assert part.late is not None
    assert part.late.delivered


def test_R03_one_on_the_way_leaves_it_waiting() -> None:
    account = Account()
    account.says("a", MessageState.ENROUTE)
    message = account.accepted("a")
    assert message.progress is ACCEPTED
    assert account.confirming.waiting == 1
    account.says("a")
    assert message.progress is DELIVERED


def test_R03_those_of_others_stay() -> None:
    account = Account()
    account.says("a")
    account.says("b")
    assert account.accepted("c").progress is ACCEPTED
    assert account.confirming.parked == 2
    assert account.accepted("b").progress is DELIVERED
    assert account.confirming.parked == 1


def test_R03_which_one_is_open_then_none() -> None:
    account = Account()
    account.says("0a")
    account.says("00a")
    assert account.accepted("a").progress is ACCEPTED
    assert account.confirming.parked == 2


def test_R10_a_flood_of_unknown_ids_is_bounded() -> None:
    account = Account(most_parked=100)
    for number in range(1000):
        account.says(f"id-{number}")
    assert account.confirming.parked == 100
    assert account.confirming.dropped == 900
    assert len(account.confirming._parked_ids) == 100
    assert account.accepted("id-899").progress is ACCEPTED
    assert account.accepted("id-900").progress is DELIVERED


def test_R10_a_flood_of_one_id_is_bounded() -> None:
    account = Account()
    for number in range(1000):
        account.says("a", MessageState.ENROUTE, error=number)
    _, receipts = account.confirming._parked["a"]
    assert len(receipts) == 10
    assert account.accepted("a").parts[0].receipt == receipts[-1]


def test_R10_what_is_only_repeated_takes_no_room() -> None:
    account = Account()
    for _ in range(20):
        account.says("a", MessageState.ENROUTE)
    account.says("a")
    assert account.accepted("a").progress is DELIVERED


def test_R10_what_has_no_id_is_not_kept() -> None:
    account = Account()
    assert account.confirming.receipt(Receipt.parse(b"stat:DELIVRD"), 0.0) is None
    assert account.confirming.parked == 0
    assert account.confirming.dropped == 1
    assert is_empty(account.confirming)


def test_R10_nobody_comes_for_them() -> None:
    account = Account(parked_seconds=100.0)
    account.says("a")
    account.passes(50)
    account.says("a", MessageState.ENROUTE)
    account.says("b")
    account.passes(49.9)
    assert account.confirming.parked == 2
    account.passes(0.1)
    assert account.confirming.parked == 1
    assert account.confirming.dropped == 2
    account.passes(50)
    assert account.confirming.dropped == 3
    assert is_empty(account.confirming)
    assert account.accepted("a").progress is ACCEPTED


# Never.


def test_a_receipt_that_does_not_come_leaves_it_unconfirmed() -> None:
    account = Account(receipt_seconds=100.0)
    first = account.accepted("a")
    account.passes(50)
    second = account.accepted("b")
    ends = [first.final, second.final]
    account.passes(50)
    assert success(ends[0]) is first
    assert outcome(ends[1]) == PENDING
    assert (first.progress, second.progress) == (Progress.UNCONFIRMED, ACCEPTED)
    account.passes(50)
    assert second.progress is Progress.UNCONFIRMED
    assert is_empty(account.confirming)
    assert first.error is None


def test_one_on_the_way_does_not_give_it_more_time() -> None:
    account = Account(receipt_seconds=100.0)
    message = account.accepted("a")
    account.passes(99)
    account.says("a", MessageState.ENROUTE)
    account.passes(1)
    assert message.progress is Progress.UNCONFIRMED


def test_an_id_that_is_empty_waits_like_any() -> None:
    account = Account(receipt_seconds=100.0)
    message = account.accepted("")
    assert success(message.submitted) is message
    account.passes(100)
    assert message.progress is Progress.UNCONFIRMED
    assert is_empty(account.confirming)


def test_too_many_that_wait_are_unconfirmed_the_oldest_first() -> None:
    account = Account(most_parts=2)
    messages = [account.accepted(each) for each in "abc"]
    assert [message.progress for message in messages] == [
        Progress.UNCONFIRMED,
        ACCEPTED,
        ACCEPTED,
    ]
    assert len(account.confirming.ids) == account.confirming.waiting == 2


def test_what_wants_no_receipt_is_not_kept() -> None:
    account = Account()
    assert account.accepted("a", receipt=False).progress is Progress.SENT
    assert is_empty(account.confirming)


# Two ids of one part, and one id of two.


def test_D16_a_part_that_was_accepted_twice_is_known_by_both_ids() -> None:
    for first, second in permutations("ab"):
        account = Account()
        message = account.accepted("a")
        account.accepted("b", message.parts[0])
        assert account.confirming.waiting == 1
        account.says(first)
        assert message.progress is DELIVERED
        account.says(second, MessageState.UNDELIVERABLE)
        assert message.progress is DELIVERED
        assert message.parts[0].late == receipt_of(second, MessageState.UNDELIVERABLE)
        account.passes(DONE_SECONDS)
        assert is_empty(account.confirming)


def test_D16_the_second_id_may_come_after_the_end() -> None:
    account = Account()
    message = account.accepted("a")
    account.says("a")
    account.passes(DONE_SECONDS - 1)
    account.accepted("b", message.parts[0])
    account.passes(1)
    account.says("b", MessageState.REJECTED)
    assert message.progress is DELIVERED
    account.passes(DAY)
    account.passes(DAY)
    assert is_empty(account.confirming)


def test_D16_an_id_of_what_counts_as_lost_is_known_for_a_while() -> None:
    account = Account()
    (part,) = message_of().parts
    part.progress = Progress.LOST
    account.accepted("a", part)
    assert account.confirming.waiting == 0
    assert account.says("a") is part
    assert part.progress is Progress.LOST
    assert part.late is not None
    account.passes(DONE_SECONDS)
    assert is_empty(account.confirming)


def test_D16_a_second_id_gives_more_time_and_holds_up_nobody() -> None:
    account = Account(receipt_seconds=100.0)
    twice = account.accepted("a")
    account.passes(10)
    once = account.accepted("b")
    account.passes(80)
    account.accepted("c", twice.parts[0])
    account.passes(20)
    assert once.progress is Progress.UNCONFIRMED
    assert twice.progress is ACCEPTED
    account.passes(80)
    assert twice.progress is Progress.UNCONFIRMED
    assert is_empty(account.confirming)


def test_D27_two_messages_with_one_id_get_no_receipt() -> None:
    account = Account(receipt_seconds=100.0)
    messages = [account.accepted("a"), account.accepted("a")]
    assert account.says("a") is None
    assert [message.progress for message in messages] == [ACCEPTED, ACCEPTED]
    account.passes(100)
    assert [message.progress for message in messages] == [Progress.UNCONFIRMED] * 2
    account.passes(DAY)
    assert is_empty(account.confirming)


def test_S16_what_on_progress_raises_loses_nothing(logged_errors: Any) -> None:
    account = Account()
    message = account.accepted("a")
    message.on_progress = lambda _: 1 / 0
    account.says("a")
    assert message.progress is DELIVERED
    assert account.confirming.waiting == 0
    assert len(logged_errors.flush(ZeroDivisionError)) == 1


# What is left.


def test_Q13_nothing_is_left_of_10000_messages() -> None:
    """In hexadecimal and decimal, early and late, twice and never."""
    account, random = Account(receipt_seconds=1000.0, parked_seconds=1000.0), Random(5)
    live = []
    for number in range(0xF0000, 0xF0000 + 10_000):
        kind = random.randrange(10)
        if kind == 0:
            account.says(str(number))
        live.append(account.accepted(f"{number:X}"))
        if kind == 1:
            account.accepted(f"again-{number}", live[-1].parts[0])
            account.says(f"again-{number}", MessageState.EXPIRED)
        if kind in (2, 3) or kind > 4:
            account.says(str(number))
        if kind == 2:
            account.says(str(number))
        if kind == 3:
            account.says(f"unknown-{number}")
        account.passes(0.1)
    assert account.confirming.ids.settled == "hex to decimal"
    account.passes(1000)
    account.passes(DONE_SECONDS)
    # It looks on until it can tell that those of unknown messages are too many no more.
    assert account.confirming.unmatched.too_many
    account.passes(3600)
    assert {message.progress for message in live} == {
        DELIVERED,
        Progress.EXPIRED,
        Progress.UNCONFIRMED,
    }
    assert is_empty(account.confirming)
    live.clear()
    account.messages.clear()
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, Message)]


def test_field_6_what_fitted_two_messages_is_matched_once_it_is_known_how_ids_are_written() -> None:
    account = Account()
    sixteen = account.accepted("10")
    other = account.accepted("16")
    account.says("16")
    assert (sixteen.progress, other.progress) == (ACCEPTED, ACCEPTED)
    for number in range(0x7000, 0x700A):
        account.accepted(str(number))
        account.says(str(number))
    assert account.confirming.ids.settled == "verbatim"
    assert (sixteen.progress, other.progress) == (ACCEPTED, DELIVERED)
    assert account.confirming.parked == 0
