"""What happens from time to time: what has expired ends, what is old is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.errors import StoreError
from twisted_smpp.interfaces import IMessageStore
from twisted_smpp.smsc.freshness import Freshness
from twisted_smpp.smsc.terms import Keeping
from twisted_smpp.store import Record

__all__ = ["Sweep"]

#: Records that it handles at a time; with as many, the next ones follow at once.
SLICE = 500
#: Seconds by which the wall clock and the reactor's may drift apart between two looks.
DRIFT = 1.0
#: Such a step is told.
STEP_TOLD = 60.0


class Sweep:
    """Looks at the store every few seconds, and at the wall clock.

    Args:
        store: an :class:`~twisted_smpp.interfaces.IMessageStore`.
        fresh: what has changed while it was asked.
        keeping: how often, and how long what has ended is kept.
        clock: an ``IReactorTime``.
        now: returns seconds since 1970.
        withdraw: takes a record from where it is delivered; returns whether it may end.
        expire: ends a record whose time is over.
        stepped: called when the wall clock was set.
    """

    log = Logger()

    def __init__(
        self,
        store: IMessageStore,
        fresh: Freshness,
        keeping: Keeping,
        clock: IReactorTime,
        now: Callable[[], float],
        withdraw: Callable[[Record], bool],
        expire: Callable[[Record], object],
        stepped: Callable[[], object],
    ) -> None:
        self._store: Any = store
        self._fresh = fresh
        self._keeping = keeping
        self._clock = clock
        self._now = now
        self._withdraw = withdraw
        self._expire = expire
        self._stepped = stepped
        self._call: IDelayedCall | None = None
        self._is_running = self._is_asking = False
        self._offset = 0.0
        #: Of what has ended, how many there are too many; and when they are counted again.
        self._surplus, self._count_at = 0, 0.0

    def start(self) -> None:
        """Looks in some seconds for the first time."""
        self._is_running = True
        self._offset = self._now() - self._clock.seconds()
        self._later(self._keeping.sweep)

    def stop(self) -> None:
        """Looks no more."""
        self._is_running = False
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _later(self, seconds: float) -> None:
        if self._is_running and self._call is None and not self._is_asking:
            self._call = self._clock.callLater(seconds, self._look)

    def _look(self) -> None:
        self._call = None
        self._is_asking = True
        looked: Deferred[Any] = maybeDeferred(self._begin_to_look, self._now())
        looked.addErrback(self._failed)
        looked.addCallback(self._looked)

    def _begin_to_look(self, now: float) -> Deferred[bool]:
        self._compare_clocks(now)
        expired: Deferred[Any] = self._fresh.of(self._store.expired(now, SLICE))
        expired.addCallback(self._expired)
        return expired.addCallback(self._purge, now - self._keeping.final_seconds)

    def _compare_clocks(self, now: float) -> None:
        offset = now - self._clock.seconds()
        step, self._offset = offset - self._offset, offset
        if abs(step) >= STEP_TOLD:
            self.log.warn("the wall clock was set by {step:+.0f} s", step=step)
        if abs(step) >= DRIFT:
            self._stepped()

    def _expired(self, records: list[Record]) -> bool:
        ended = [self._ends(record) for record in records]
        return len(ended) >= SLICE and any(ended)

    def _ends(self, record: Record) -> bool:
        """One that cannot be ended is no reason for the others to stay."""
        try:
            return self._is_over(record)
        except StoreError:
            raise
        except Exception:
            self.log.failure("record {number} could not be ended", number=record.number)
            return False

    def _is_over(self, record: Record) -> bool:
        expires = record.expires
        if record.due is None or expires is None or expires > self._now():
            return False
        if not self._withdraw(record):
            return False
        self._expire(record)
        return True

    def _purge(self, has_more: bool, before: float) -> Deferred[bool]:
        """Forgets what is old, or too much.

        How many have ended is counted once a sweep: to count a million takes a file fifty times as
        long as to forget a slice of them.
        """
        counted: Deferred[Any] = succeed(None)
        if self._surplus <= 0 and self._count_at <= self._clock.seconds():
            self._count_at = self._clock.seconds() + self._keeping.sweep
            counted = self._store.ended().addCallback(self._ended)
        counted.addCallback(lambda _: self._store.purge(before, self._surplus, SLICE))
        return counted.addCallback(self._purged, has_more)

    def _ended(self, count: int) -> None:
        self._surplus = max(0, count - self._keeping.most_final)

    def _purged(self, count: int, has_more: bool) -> bool:
        self._surplus = max(0, self._surplus - count)
        return has_more or count >= SLICE

    def _failed(self, failure: Failure) -> bool:
        if not failure.check(StoreError):
            self.log.failure("old messages were not looked for", failure)
        return False

    def _looked(self, has_more: bool) -> None:
        self._is_asking = False
        self._later(0.0 if has_more else self._keeping.sweep)
