"""What the tests of protocols share: pairs in memory, and applications for them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from twisted_smpp.testing import Pair, connect

PENDING = "pending"


def bound_pair(**settings: Any) -> Pair:
    pair = connect(**settings)
    pair.bind()
    return pair


def submit(pair: Pair, text: bytes = b"text") -> Deferred[Any]:
    return pair.esme.submit_sm(destination_addr="2", short_message=text)


def outcome(deferred: Deferred[Any]) -> Any:
    """What a Deferred fired with, or its exception, or that it waits."""
    results: list[Any] = []

    def keep(result: Any) -> Any:
        results.append(result)
        return result

    deferred.addBoth(keep)
    if not results:
        return PENDING
    return getattr(results[0], "value", results[0])


def silent(session: Any, request: Any) -> Deferred[Any]:
    """An application that never answers."""
    return Deferred()


def ignore(*_: object) -> None:
    """Nobody wants to know."""


class Held:
    """An application whose answers are given by the test, in any order."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Deferred[Any]]] = []

    def __call__(self, session: Any, request: Any) -> Deferred[Any]:
        deferred: Deferred[Any] = Deferred()
        self.asked.append((request, deferred))
        return deferred


def beats_at(pair: Pair) -> list[float]:
    """When the timers fire, in seconds from now."""
    now = pair.clock.seconds()
    return sorted(call.getTime() - now for call in pair.clock.getDelayedCalls())
