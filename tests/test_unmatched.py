# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Receipts that fit no message: counted, and warned of when they are 1 % of all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from message_centre_kit import Centre, receipt_of
from test_confirming import Account
from twisted.logger import LogLevel, capturedLogs, formatEvent

from twisted_smpp.esme import Confirming, Sending
from twisted_smpp.testing import success
from twisted_smpp.text.receipt import Receipt

HOUR, SWEEP = 3600, 30.0


class Watched(Account):
    """An account that looks every 30 s, and what it logged of that."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(name="shop", **settings)
        self.number = 0
        self.told: list[Any] = []

    def match(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            self.accepted(f"known-{self.number}")
            self.says(f"known-{self.number}")

    def stray(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            self.says(f"unknown-{self.number}")

    def sweeps(self, seconds: float = 90.0) -> None:
        """From then on nobody can say that what came before is only early."""
        with capturedLogs() as logs:
            for _ in range(int(seconds / SWEEP)):
                self.passes(SWEEP)
        self.told += [each for each in logs if "receipts" in each.get("log_format", "")]

    @property
    def alarm(self) -> bool:
        return self.confirming.unmatched.too_many

    @property
    def count(self) -> int:
        return self.confirming.unmatched.count

    def lines(self) -> list[tuple[Any, str]]:
        return [(each["log_level"], formatEvent(each)) for each in self.told]


@pytest.fixture
def account() -> Iterator[Watched]:
    return Watched()


@pytest.mark.parametrize(
    ("matched", "strays", "alarm"),
    [
        (990, 10, True),
        (991, 10, False),
        (990, 9, False),
        (0, 10, True),
        (0, 9, False),
        (9_900, 100, True),
        (9_910, 99, False),
        (5000, 0, False),
    ],
)
def test_R10_the_alarm_comes_at_one_in_a_hundred_and_ten_at_least(
    matched: int, strays: int, alarm: bool, account: Watched
) -> None:
    account.match(matched)
    account.stray(strays)
    account.sweeps()
    assert account.count == strays
    assert account.alarm is alarm
    line = f"'shop': {strays} of {matched + strays} receipts of the last hour fit no message"
    assert account.lines() == ([(LogLevel.warn, line)] if alarm else [])


def test_R10_one_line_when_it_begins_and_one_when_it_is_over(account: Watched) -> None:
    for _ in range(20):
        account.stray(10)
        account.match(10)
        account.sweeps(60)
    assert [level for level, _ in account.lines()] == [LogLevel.warn]
    account.sweeps(60)  # the last ones are judged
    # Less than one in a hundred, and still more than one in two hundred.
    account.match(25_000)
    account.sweeps(60)
    assert account.alarm
    assert len(account.told) == 1
    account.match(15_000)
    account.sweeps(60)
    assert not account.alarm
    assert [level for level, _ in account.lines()] == [LogLevel.warn, LogLevel.info]
    assert "(200 of 40400 did not)" in account.lines()[1][1]
    # Not back for as few as were not enough to be over; but for as many as at first.
    account.stray(100)
    account.sweeps()
    assert not account.alarm
    account.stray(110)
    account.sweeps()
    assert account.alarm
    assert len(account.told) == 3


def test_R10_it_is_over_after_an_hour_without_any(account: Watched) -> None:
    account.stray(50)
    account.sweeps()
    assert account.alarm
    assert not account.confirming.idle
    account.sweeps(HOUR - 90)
    assert account.alarm
    account.sweeps(120)
    assert not account.alarm
    assert len(account.told) == 2
    assert account.count == 50
    account.passes(86_400.0)
    assert account.confirming.idle


def test_R10_what_is_only_early_is_matched(account: Watched) -> None:
    for number in range(1000):
        account.says(f"early-{number}")
    account.sweeps(30)
    for number in range(1000):
        account.accepted(f"early-{number}")
    account.sweeps(300)
    assert (account.count, account.alarm) == (0, False)
    assert account.confirming.unmatched._early == {}


def test_R10_what_is_early_by_more_than_a_minute_is_unmatched_once(account: Watched) -> None:
    account.stray(20)
    account.sweeps()
    account.accepted("unknown-1")
    account.passes(86_400.0)  # the rest is dropped
    assert account.confirming.parked == 0
    assert account.count == 20
    assert account.confirming.dropped == 19


def test_R10_ids_that_were_not_told_apart_at_first_are_matched(account: Watched) -> None:
    """What fitted two messages waits until it is known how ids are written."""
    account.accepted("10")
    account.accepted("16")
    account.says("16")
    for number in range(0x7000, 0x700A):
        account.accepted(str(number))
        account.says(str(number))
    account.sweeps()
    assert account.count == 0


def test_R10_each_receipt_counts_however_few_ids_there_are(account: Watched) -> None:
    for _ in range(20):
        account.says("same", error=1)
    account.sweeps()
    assert (account.count, account.alarm) == (20, True)
    account.says("same", error=2)
    assert account.count == 21


def test_R10_what_has_no_id_or_no_room_is_unmatched_at_once() -> None:
    account = Watched(most_parked=5)
    account.confirming.receipt(Receipt.parse(b"stat:DELIVRD"), 0.0)
    assert account.count == 1
    account.stray(25)
    assert (account.count, account.confirming.parked) == (21, 5)
    assert len(account.confirming.unmatched._early) == 5
    account.sweeps()
    assert (account.count, account.alarm) == (26, True)


def test_R10_a_flood_takes_no_more_room_than_what_is_parked() -> None:
    account = Watched(most_parked=100)
    for _ in range(50):
        account.stray(1000)
        account.passes(1.0)
    unmatched = account.confirming.unmatched
    assert len(unmatched._early) == 100
    for _ in range(3 * HOUR // int(SWEEP)):
        account.passes(SWEEP)
    assert len(unmatched._looks) <= HOUR / SWEEP + 1


def test_R10_those_of_an_earlier_process_are_not_of_this_hour(account: Watched) -> None:
    for number in range(100):
        account.confirming.receipt(receipt_of(f"old-{number}"), account.now - HOUR - 100)
    account.sweeps()
    assert (account.count, account.alarm) == (0, False)
    assert account.confirming.parked == 100


def test_R10_all_of_them_are_acknowledged_and_the_figures_show_it() -> None:
    confirming = Confirming(name="esme")
    centre = Centre(confirming=confirming, sending=Sending())
    centre.start()
    session: Any = centre.session
    answers = [
        session.deliver_sm(**receipt_of(f"unknown-{number}").fields_of_pdu())
        for number in range(20)
    ]
    centre.flush()
    assert {success(each).command_status for each in answers} == {0}
    before = centre.service.figures()
    assert (before.parked, before.unmatched, before.too_many_unmatched) == (20, 0, False)
    with capturedLogs() as logs:
        for _ in range(3):
            centre.passes(SWEEP)
    after = centre.service.figures()
    assert (after.parked, after.unmatched, after.too_many_unmatched) == (20, 20, True)
    assert sum("fit no message" in each.get("log_format", "") for each in logs) == 1
    centre.stops()
