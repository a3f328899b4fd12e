# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Passwords: two at a time, so many that wait, and those that were right remembered."""

from __future__ import annotations

from typing import Any

import pytest
from accounts_kit import PASSWORD, Hashing
from pairs import PENDING, outcome
from twisted.internet.task import Clock

from twisted_smpp.errors import RequestRefused
from twisted_smpp.smsc import verifying
from twisted_smpp.smsc.hashes import DUMMY, PasswordHash
from twisted_smpp.smsc.verifying import (
    AHEAD,
    MOST_SECONDS,
    MOST_WAITING,
    THREADS,
    Verifier,
    in_threads,
)
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import failure

KNOWN = PasswordHash(b"s" * 16, b"d" * 32)
RIGHT = PASSWORD.encode()


class Kit:
    def __init__(self, at_once: bool = False) -> None:
        self.clock = Clock()
        self.hashing = Hashing()
        self.hashing.at_once = at_once
        self.verifier = Verifier(self.clock, self.hashing, b"k" * 32)

    def verify(self, name: str = "esme", password: bytes = RIGHT, known: Any = KNOWN) -> Any:
        return self.verifier.verify(name.encode(), password, known)


def test_right_and_wrong() -> None:
    kit = Kit(at_once=True)
    assert outcome(kit.verify()) is True
    assert outcome(kit.verify(password=b"wrong")) is False
    assert outcome(kit.verify(known=None)) is False


def test_A09_nobody_costs_what_somebody_costs() -> None:
    kit = Kit(at_once=True)
    for _ in range(3):
        kit.verify(password=b"wrong")
        kit.verify("nobody", known=None)
    assert kit.hashing.asked == [(KNOWN, b"wrong"), (DUMMY, RIGHT)] * 3


def test_A10_what_was_right_is_not_hashed_again() -> None:
    kit = Kit(at_once=True)
    assert outcome(kit.verify()) is True
    assert [kit.verify() for _ in range(1000)] == [True] * 1000
    assert len(kit.hashing.asked) == 1
    for other in (
        {"name": "other"},
        {"password": b"secret2"},
        {"known": PasswordHash(b"s" * 16, b"e" * 32)},
    ):
        assert kit.verify(**other) is not True
    assert len(kit.hashing.asked) == 4


def test_A10_what_was_wrong_is_not_remembered() -> None:
    kit = Kit(at_once=True)
    for _ in range(2):
        assert outcome(kit.verify(password=b"wrong")) is False
    assert len(kit.hashing.asked) == 2


def test_name_and_password_are_not_run_together() -> None:
    kit = Kit(at_once=True)
    assert outcome(kit.verify("a", RIGHT)) is True
    assert kit.verify("as", b"ecret") is not True


def test_A10_a_reload_forgets_them() -> None:
    kit = Kit(at_once=True)
    kit.verify()
    kit.verifier.forget()
    assert outcome(kit.verify()) is True
    assert len(kit.hashing.asked) == 2


def test_A10_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "MOST_REMEMBERED", 2)
    kit = Kit(at_once=True)
    for name in ("a", "b", "a", "c"):  # b was used longest ago
        kit.verify(name)
    kit.hashing.asked.clear()
    assert [kit.verify(name) is True for name in ("a", "c", "b")] == [True, True, False]


@pytest.mark.parametrize("known", [KNOWN, None], ids=["somebody", "nobody"])
def test_A09_A10_what_comes_while_the_same_is_hashed_waits_for_it(known: Any) -> None:
    kit = Kit()
    verdicts = [kit.verify(known=known) for _ in range(1000)]
    others = [kit.verify(password=b"wrong", known=known) for _ in range(1000)]
    assert [password for _, password in kit.hashing.asked] == [RIGHT, b"wrong"]
    assert {outcome(each) for each in verdicts} == {PENDING}
    kit.hashing.finish()
    kit.hashing.finish()
    assert {outcome(each) for each in verdicts} == {known is KNOWN}
    assert {outcome(each) for each in others} == {False}
    assert kit.verifier._same == {}
    assert (kit.verify(known=known) is True) is (known is KNOWN)


def test_A10_who_waits_for_the_same_hears_of_an_error_too() -> None:
    kit = Kit()
    verdicts = [kit.verify() for _ in range(3)]
    kit.hashing.waiting.pop()[0].errback(MemoryError("no 16 MiB"))
    assert [type(failure(each)) for each in verdicts] == [MemoryError] * 3
    kit.verify()
    assert len(kit.hashing.asked) == 2


def test_A10_A11_two_at_a_time_in_order() -> None:
    assert (THREADS, MOST_WAITING) == (2, 256)
    kit = Kit()
    verdicts = [kit.verify(str(n)) for n in range(5)]
    assert len(kit.hashing.asked) == 2
    for done in range(1, 6):
        kit.hashing.finish()
        assert [outcome(each) for each in verdicts] == [True] * done + [PENDING] * (5 - done)
        assert len(kit.hashing.waiting) == min(2, 5 - done)


def test_A10_A11_so_many_wait_and_the_next_hears_that_it_is_too_much() -> None:
    kit = Kit()
    waiting = [kit.verify(str(n)) for n in range(THREADS + MOST_WAITING)]
    refused = failure(kit.verify("one more"))
    assert isinstance(refused, RequestRefused)
    assert refused.command_status == S.ESME_RTHROTTLED
    assert RIGHT.decode() not in str(refused)
    assert len(kit.hashing.asked) == THREADS
    kit.hashing.finish()
    assert outcome(kit.verify("now there is room")) is PENDING
    while kit.hashing.waiting:
        kit.hashing.finish()
    assert {outcome(each) for each in waiting} == {True}


def test_A10_who_has_waited_too_long_is_not_hashed_for_nothing() -> None:
    kit = Kit()
    verdicts = [kit.verify(str(n)) for n in range(4)]
    kit.clock.advance(MOST_SECONDS + 0.1)
    fresh = kit.verify("fresh")
    kit.hashing.finish()
    refused: list[Any] = [failure(each) for each in verdicts[2:]]
    assert [each.command_status for each in refused] == [S.ESME_RTHROTTLED] * 2
    assert kit.hashing.asked[-1][0] is KNOWN
    assert len(kit.hashing.asked) == 3
    kit.hashing.finish()
    kit.hashing.finish()
    assert outcome(fresh) is True


def test_what_fails_fails_one_only() -> None:
    kit = Kit()
    first, second = kit.verify("a"), kit.verify("b")
    kit.hashing.waiting.pop(0)[0].errback(MemoryError("no 16 MiB"))
    assert isinstance(failure(first), MemoryError)
    kit.hashing.finish()
    assert outcome(second) is True
    third = kit.verify("c")
    kit.hashing.finish()
    assert outcome(third) is True


class Pool:
    """Threads, without any."""

    def __init__(self, *made: Any) -> None:
        assert made == (0, 2, "passwords")
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")

    def callInThreadWithCallback(self, done: Any, function: Any, *values: Any) -> None:
        self.calls.append("hash")
        done(True, function(*values))


class Reactor:
    def __init__(self) -> None:
        self.triggers: list[Any] = []

    def addSystemEventTrigger(self, *trigger: Any) -> None:
        self.triggers.append(trigger)

    def callFromThread(self, function: Any, *values: Any) -> None:
        function(*values)


def test_threads_hash_for_real() -> None:
    known = PasswordHash.of(RIGHT, b"s" * 16)
    pools: list[Pool] = []

    def make_pool(*made: Any) -> Pool:
        pools.append(Pool(*made))
        return pools[-1]

    reactor = Reactor()
    verifier = Verifier(Clock(), in_threads(reactor, make_pool), b"k" * 32)
    assert pools == []
    assert outcome(verifier.verify(b"esme", b"wrong", known)) is False
    assert outcome(verifier.verify(b"esme", RIGHT, known)) is True
    assert verifier.verify(b"esme", RIGHT, known) is True
    (pool,) = pools
    assert reactor.triggers == [("during", "shutdown", pool.stop)]
    assert pool.calls == ["start", "hash", "hash"]


def test_A10_the_threads_have_work_while_the_reactor_is_busy() -> None:
    kit = Kit()
    kit.verifier = Verifier(kit.clock, kit.hashing, b"k" * 32, AHEAD)
    for n in range(100):
        kit.verify(str(n))
    assert len(kit.hashing.asked) == AHEAD == 16
