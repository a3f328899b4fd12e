"""What trial checks after a test, and pytest-twisted does not.

No test may leave a delayed call, a port, a connection or a process in the reactor, nor an
error in Twisted's log, an unhandled error in a Deferred included. The test that does so gets
an error in its teardown, and what it left is removed, so that the next test starts clean.

What a fixture of a wider scope holds open is not blamed on a test: only what is new counts.
Such a fixture may not hold delayed calls that are re-armed meanwhile; run it in a process.
"""

from __future__ import annotations

import contextlib
import gc
import os
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import pytest_twisted
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.task import deferLater
from twisted.logger import LogLevel, eventAsText, globalLogBeginner, globalLogPublisher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from twisted.logger import LogEvent

# On a developer's machine other examples each time find more; in CI the same ones each time,
# so that a red run is the change's fault.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile(
    "ci", deadline=None, max_examples=300, derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")

# Closing a connection takes each of its ends some turns of the reactor.
TURNS_TO_SETTLE = 10


class LoggedErrors:
    """The errors that Twisted's log has received during the present test."""

    def __init__(self) -> None:
        self._events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        """Observe the log."""
        level = event.get("log_level")
        # Of an unhandled error in a Deferred, Twisted logs a heading, then the failure.
        heading = event.get("log_format") == "Unhandled error in Deferred:"
        if level is not None and level >= LogLevel.error and not heading:
            self._events.append(event)

    def flush(self, *types: type[BaseException]) -> list[LogEvent]:
        """Take out, and return, the expected errors: those of the types, or else all."""
        # An unhandled error in a Deferred is logged when the Deferred is collected.
        gc.collect()
        taken, kept = [], []
        for event in self._events:
            failure = event.get("log_failure") or event.get("failure")
            expected = not types or (failure is not None and failure.check(*types))
            (taken if expected else kept).append(event)
        self._events = kept
        return taken

    def check(self, leftovers: Iterable[Any] = ()) -> None:
        """Fail when there are leftovers or errors that nobody has flushed."""
        found = sorted(f"left in the reactor: {leftover}" for leftover in leftovers)
        for event in self.flush():
            found.append("logged: " + eventAsText(event, includeTimestamp=False))
        if found:
            pytest.fail("\n".join(found), pytrace=False)


class Reactor:
    """What is in the real reactor, apart from its own internals."""

    def __init__(self) -> None:
        # Importing it installs it, and which one is pytest-twisted's option.
        from twisted.internet import reactor

        self._reactor: Any = reactor
        # Running for the first time is what makes the reactor add its internals.
        self._turn()
        self._internals = self._selectables()

    def _turn(self) -> None:
        pytest_twisted.blockon(deferLater(self._reactor, 0))

    def _selectables(self) -> set[Any]:
        return {*self._reactor.getReaders(), *self._reactor.getWriters()}

    def contents(self) -> set[Any]:
        """Return all delayed calls and selectables that somebody put there."""
        return {*self._reactor.getDelayedCalls(), *self._selectables()} - self._internals

    def leftovers(self, before: set[Any]) -> set[Any]:
        """Return what came since, and stays after a chance to finish what is being closed."""
        for _ in range(TURNS_TO_SETTLE):
            if self.contents() <= before:
                break
            self._turn()
        return self.contents() - before

    def remove(self, leftovers: set[Any]) -> None:
        """Close and forget each."""
        before = self.contents() - leftovers
        for leftover in leftovers:
            close(leftover)
        for leftover in self.leftovers(before) & self._selectables():
            self._reactor.removeReader(leftover)
            self._reactor.removeWriter(leftover)


def close(leftover: Any) -> None:
    """End a delayed call, a port, a connection, or the process at the other end of a pipe."""
    if hasattr(leftover, "proc"):
        with contextlib.suppress(ProcessExitedAlready):
            leftover.proc.signalProcess("KILL")
    for name in ("cancel", "stopListening", "abortConnection", "loseConnection"):
        if hasattr(leftover, name):
            getattr(leftover, name)()
            return


@pytest.fixture(scope="session")
def _log() -> Iterator[LoggedErrors]:
    log = LoggedErrors()
    # As long as nobody begins it, the log keeps every event, and all that a failure refers to.
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    globalLogPublisher.addObserver(log)
    yield log
    gc.unfreeze()
    log.check()


@pytest.fixture(scope="session")
def _reactor() -> Reactor:
    return Reactor()


@pytest.fixture(autouse=True)
def _nothing_left(_reactor: Reactor, _log: LoggedErrors) -> Iterator[None]:
    before = _reactor.contents()
    # A collection takes as long as there are objects in its sight. With those from before the
    # test frozen, one collection a test costs 0.1 ms, and otherwise 100 times as much.
    gc.freeze()
    yield
    leftovers = _reactor.leftovers(before)
    if leftovers:
        _reactor.remove(leftovers)
    _log.check(leftovers)


@pytest.fixture
def logged_errors(_log: LoggedErrors) -> LoggedErrors:
    """Give access to the logged errors, for a test that expects some: ``flush(ValueError)``."""
    return _log
