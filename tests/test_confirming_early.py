# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Receipts ahead of their responses: none finds the message of another."""

from __future__ import annotations

from collections import Counter
from math import inf
from random import Random
from typing import Any

import pytest
from message_centre_kit import message_of, receipt_of

from twisted_smpp.esme.confirming import Confirming
from twisted_smpp.esme.message import Message, Progress

#: How a message centre writes its ids: into the response, and into the receipt.
WRITINGS: dict[str, tuple[str, str]] = {
    "decimal": ("d", "d"),
    "hex": ("x", "x"),
    "hex, then decimal": ("x", "d"),
    "decimal, then hex": ("d", "x"),
    "hex, then in capitals": ("x", "X"),
    "with zeros, then without": ("010d", "d"),
}


class Account:
    """Messages under way to a message centre that counts them."""

    def __init__(
        self, random: Random, writing: str, first: int, early: float, strategy: str = "learn"
    ) -> None:
        self.random = random
        self.of_response, self.of_receipt = WRITINGS[writing]
        self.early = early
        self.number = first
        self.now = 0.0
        self.confirming = Confirming(strategy)
        self.confirming.senders.append(self)
        self.sent: list[int] = []
        self.receipts: list[int] = []
        self.messages: dict[int, Message] = {}

    @property
    def unanswered_since(self) -> float:
        sent = [self.messages[number].parts[0].sent_at for number in self.sent]
        return min(sent, default=inf)

    def run(self, count: int, window: int) -> None:
        last = self.number + count
        while self.number < last or self.sent or self.receipts:
            self.now += 0.01
            if self.number < last and len(self.sent) < window and self.random.random() < 0.6:
                self.send()
            elif self.sent and self.random.random() < 0.6:
                self.answer()
            elif self.receipts:
                self.tell(self.receipts.pop(self.random.randrange(len(self.receipts))))
        for _ in range(3):
            self.now += 61.0
            self.confirming.expire(self.now)

    def send(self) -> None:
        number, self.number = self.number, self.number + 1
        message = self.messages[number] = message_of()
        message.parts[0].sent_at = self.now
        self.sent.append(number)
        if self.random.random() < self.early:
            self.tell(number)
        else:
            self.receipts.append(number)

    def answer(self) -> None:
        number = self.sent.pop(0)
        part = self.messages[number].parts[0]
        message_id = format(number, self.of_response)
        part.message_ids += (message_id,)
        part.progress = Progress.ACCEPTED
        self.confirming.accepted(part, message_id, self.now)

    def tell(self, number: int) -> None:
        # What it says is which message it is about, whatever it is called.
        receipt = receipt_of(
            format(number, self.of_receipt), network_error_code=(3, number % 65536)
        )
        self.confirming.receipt(receipt, self.now)

    def fates(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for number, message in self.messages.items():
            receipt: Any = message.parts[0].receipt
            if receipt is None:
                found["none"] += 1
            elif receipt.network_error_code.error_code == number % 65536:
                found["its own"] += 1
            else:
                found["another's"] += 1
        return found


SEEDS = 4
ALL_ITS_OWN = {"its own": SEEDS * 600}
each_first = pytest.mark.parametrize("first", [1, 100, 0x10000])
each_early = pytest.mark.parametrize("early", [0.0, 0.02, 0.34, 1.0])


def outcome(writing: str, first: int, early: float, strategy: str = "learn") -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in range(SEEDS):
        account = Account(Random(seed), writing, first, early, strategy)
        account.run(600, 20)
        found += account.fates()
    return found


@each_early
@each_first
@pytest.mark.parametrize("writing", WRITINGS)
def test_R03_ids_are_learnt_in_any_writing(writing: str, first: int, early: float) -> None:
    assert outcome(writing, first, early) == ALL_ITS_OWN


@each_early
@each_first
@pytest.mark.parametrize(
    ("strategy", "writing"),
    [
        ("hex to decimal", "hex, then decimal"),
        ("decimal to hex", "decimal, then hex"),
        ("leading zeros", "with zeros, then without"),
    ],
)
def test_R03_ids_are_found_by_the_strategy_that_was_named(
    strategy: str, writing: str, first: int, early: float
) -> None:
    assert outcome(writing, first, early, strategy) == ALL_ITS_OWN


@each_early
@pytest.mark.parametrize("first", [1, 100])
@pytest.mark.parametrize("writing", ["hex, then decimal", "decimal, then hex", "decimal"])
def test_R02_rather_none_than_the_wrong_one(writing: str, first: int, early: float) -> None:
    # A short number may be meant either way, and nothing is learnt.
    found = outcome(writing, first, early, "hex-decimal")
    assert not found["another's"]
    assert found["its own"]
