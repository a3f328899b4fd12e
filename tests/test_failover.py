# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""An endpoint that is the first of several that can be reached."""

from __future__ import annotations

from typing import Any

import pytest
from pairs import PENDING, outcome
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer
from zope.interface.verify import verifyObject

from twisted_smpp.esme.failover import FailOver
from twisted_smpp.testing import failure, success


@implementer(IStreamClientEndpoint)
class Way:
    """One endpoint, which the test makes fail or succeed."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self.name = name
        self.asked = asked
        self.factories: list[Any] = []
        self.cancelled = 0
        self.connecting: Deferred[Any] = Deferred()

    def _cancelled(self, _: object) -> None:
        self.cancelled += 1

    def connect(self, protocolFactory: Any) -> Deferred[Any]:  # noqa: N803
        self.asked.append(self.name)
        self.factories.append(protocolFactory)
        self.connecting = Deferred(self._cancelled)
        return self.connecting

    def refuses(self, error: Exception | None = None) -> None:
        self.connecting.errback(error or ConnectionRefusedError())

    def accepts(self) -> None:
        self.connecting.callback(f"protocol of {self.name}")


def ways(count: int) -> tuple[FailOver, list[Way], list[str]]:
    """An endpoint of several, those, and the names of those that were asked."""
    asked: list[str] = []
    made = [Way("abcdef"[number], asked) for number in range(count)]
    return FailOver(made), made, asked


def test_it_is_an_endpoint() -> None:
    assert verifyObject(IStreamClientEndpoint, ways(1)[0])


@pytest.mark.parametrize("endpoints", [[], ()])
def test_it_needs_one(endpoints: Any) -> None:
    with pytest.raises(ValueError, match=r"^endpoint: none given$"):
        FailOver(endpoints)


def test_S13_the_first_that_can_be_reached_is_taken() -> None:
    it, (a, b, c), asked = ways(3)
    connecting = it.connect("factory")  # type: ignore[arg-type]
    assert (asked, outcome(connecting)) == (["a"], PENDING)
    a.refuses()
    assert (asked, outcome(connecting)) == (["a", "b"], PENDING)
    b.accepts()
    assert success(connecting) == "protocol of b"
    assert asked == ["a", "b"]
    assert a.factories == b.factories == ["factory"]
    assert c.factories == []
    assert it.error is None


def connect(it: FailOver) -> Deferred[Any]:
    return it.connect(None)  # type: ignore[arg-type]


def test_S13_it_stays_with_the_one_that_worked() -> None:
    it, (a, b, _), asked = ways(3)
    for _ in range(3):
        connecting = connect(it)
        if asked == ["a"]:
            a.refuses()
        b.accepts()
        assert success(connecting) == "protocol of b"
    assert asked == ["a", "b", "b", "b"]


def test_S13_behind_the_one_that_was_no_good_comes_the_next_and_around() -> None:
    it, every, asked = ways(3)
    by_name = {each.name: each for each in every}
    for _ in range(4):
        connecting = connect(it)
        by_name[asked[-1]].accepts()
        success(connecting)
        it.failed()
    assert asked == ["a", "b", "c", "a"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_S13_when_all_fail_it_fails_as_the_last_did(count: int) -> None:
    it, every, asked = ways(count)
    for number in range(3):
        connecting = connect(it)
        for each in every[:-1]:
            each.refuses()
        error = DNSLookupError(str(number))
        every[-1].refuses(error)
        assert failure(connecting) is error
        assert it.error is error
    # Each attempt begins with the preferred one again.
    assert asked == [each.name for each in every] * 3


def test_S13_the_round_begins_behind_the_one_that_was_no_good() -> None:
    it, (a, b, c), asked = ways(3)
    it.failed()
    connecting = connect(it)
    for each in (b, c, a):
        each.refuses()
    assert isinstance(failure(connecting), ConnectionRefusedError)
    assert asked == ["b", "c", "a"]
    connect(it)
    assert asked[3:] == ["b"]
    b.accepts()


def test_the_error_is_that_of_the_present_attempt() -> None:
    it, (a, b), _ = ways(2)
    connecting = connect(it)
    error = DNSLookupError("no such name")
    a.refuses(error)
    assert it.error is None  # another one is tried
    b.refuses(error)
    failure(connecting)
    assert it.error is error
    connecting = connect(it)
    assert it.error is None
    a.accepts()
    success(connecting)
    assert it.error is None


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_connection_attempt_may_be_cancelled(number: int) -> None:
    it, every, asked = ways(3)
    connecting = connect(it)
    for each in every[:number]:
        each.refuses()
    connecting.cancel()
    assert isinstance(failure(connecting), CancelledError)
    assert [each.cancelled for each in every] == [number == each for each in range(3)]
    assert asked == ["a", "b", "c"][: number + 1]
    assert it.error is None
    # That was no fault of the endpoint: it goes on there.
    connect(it)
    assert asked[-1] == every[number].name
    every[number].accepts()


def test_an_endpoint_that_raises_is_one_that_fails() -> None:
    asked: list[str] = []
    way = Way("b", asked)

    class Broken:
        def connect(self, factory: Any) -> Deferred[Any]:
            raise ZeroDivisionError

    it = FailOver([Broken(), way])
    connecting = connect(it)
    way.accepts()
    assert success(connecting) == "protocol of b"
    assert isinstance(failure(connect(FailOver([Broken(), Broken()]))), ZeroDivisionError)
