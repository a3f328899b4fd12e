"""What waits for one receiver: a few records in memory, the rest in the store.

A record is in one of three places: in the store only, ``ready`` here, or in flight. Only so
many are kept here, however many wait; they leave in the order in which they are due.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.errors import StoreError
from twisted_smpp.interfaces import IMessageStore
from twisted_smpp.store import Record

__all__ = ["Dispatch", "Outlet"]

#: Records that are fetched at a time, and that may be ready.
FETCHED, MOST_READY = 200, 1000
#: Seconds until the store is asked again that could not answer.
STORE_SECONDS = 5.0
#: Records that are sent before other work gets its turn.
MOST_AT_ONCE = 100
_EVER = 1e18


class Outlet(Protocol):
    """A way to the receiver."""

    def is_open(self) -> bool:
        """Whether anybody is there."""

    def has_room(self) -> bool:
        """Whether a record would be sent at once."""

    def send(self, record: Record) -> Deferred[Any]:
        """Sends a record; fires when it was taken, errbacks when it was not."""


class Dispatch:
    """The queue of one receiver.

    Args:
        queue: its name in the store.
        outlet: the way to the receiver.
        store: an :class:`~twisted_smpp.interfaces.IMessageStore`.
        clock: an ``IReactorTime``.
        now: returns seconds since 1970.
        sent: called with a record and what came of it: the result, or a Failure. It settles
            the record, or sets when it is ``due`` again, and saves it.
    """

    log = Logger()

    def __init__(
        self,
        queue: str,
        outlet: Outlet,
        store: IMessageStore,
        clock: IReactorTime,
        now: Callable[[], float],
        sent: Callable[[Record, Any], object],
    ) -> None:
        self.queue = queue
        self.outlet = outlet
        self._store: Any = store
        self._clock = clock
        self._now = now
        self._sent = sent
        self._ready: deque[Record] = deque()
        #: Numbers of the records that are here, ready or in flight.
        self._here: dict[int, Record] = {}
        self._in_flight: set[int] = set()
        #: Numbers that left while the store was asked: its answer may still have them.
        self._left: set[int] = set()
        #: Whether the store may have records that are due and not here.
        self._has_more = True
        self._is_asking = False
        #: What was offered while the store was asked.
        self._offered: list[Record] = []
        self._later = _EVER
        self._call: IDelayedCall | None = None
        self._stopped = False

    @property
    def in_flight(self) -> int:
        """Records that were sent and have no answer yet."""
        return len(self._in_flight)

    @property
    def idle(self) -> bool:
        """Whether nothing is here and nothing is expected."""
        return not (self._here or self._has_more or self._is_asking or self._later < _EVER)

    def offer(self, record: Record) -> None:
        """A new record of this queue is in the store."""
        due = record.due
        if due is None:
            return
        if due > self._now():
            self._later = min(self._later, due)
        elif self._has_more or len(self._ready) >= MOST_READY:
            self._has_more = True
        elif self._is_asking:
            self._offered.append(record)
        elif self.outlet.is_open():
            self._here[record.number] = record
            self._ready.append(record)
        else:
            self._has_more = True
        self.go_on()

    def expect(self, due: float) -> None:
        """The store has records of this queue, the first due at ``due``."""
        self._later = min(self._later, due)
        self._has_more = True
        self.go_on()

    def withdraw(self, number: int) -> bool:
        """Takes a record out that is not to be sent any more; False when it is in flight."""
        if number in self._in_flight:
            return False
        if self._here.pop(number, None) is not None:
            self._ready = deque(each for each in self._ready if each.number != number)
        if self._is_asking:
            self._left.add(number)
        return True

    def go_on(self) -> None:
        """Sends, a turn of the reactor later, so as not to overtake a response."""
        if self._stopped or not self.outlet.is_open():
            return
        has_work = self._ready or self._has_more
        at = 0.0 if has_work else self._later - self._now()
        if not has_work and self._later >= _EVER:
            return
        self._wake(max(0.0, at))

    def closed(self) -> None:
        """Nobody is there any more: what is ready waits in the store."""
        if self._ready:
            self._has_more = True
        for record in self._ready:
            del self._here[record.number]
        self._ready.clear()
        self._cancel()

    def stop(self) -> None:
        """Sends nothing more."""
        self._stopped = True
        self.closed()

    def _wake(self, seconds: float) -> None:
        # An hour at most: the wall clock, which says what is due, may be set.
        seconds = min(seconds, 3600.0)
        if self._call is None:
            self._call = self._clock.callLater(seconds, self._turn)
        elif self._call.getTime() > self._clock.seconds() + seconds:
            self._call.reset(seconds)

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _turn(self) -> None:
        self._call = None
        if self._stopped or not self.outlet.is_open():
            return
        if self._later <= self._now():
            self._later = _EVER
            self._has_more = True
        count = 0
        while self._ready and count < MOST_AT_ONCE and self.outlet.has_room():
            self._send(self._ready.popleft())
            count += 1
        if self._has_more and not self._is_asking and len(self._ready) < FETCHED // 2:
            self._fetch()
        if self._ready and self.outlet.has_room():
            self._wake(0.0)
        elif not self._ready and not self._has_more and self._later < _EVER:
            self._wake(max(0.0, self._later - self._now()))

    def _send(self, record: Record) -> None:
        self._in_flight.add(record.number)
        deferred = self.outlet.send(record)
        deferred.addBoth(self._done, record)
        deferred.addErrback(self._broken, record)

    def _done(self, result: Any, record: Record) -> None:
        self._in_flight.discard(record.number)
        self._here.pop(record.number, None)
        if self._is_asking:
            self._left.add(record.number)
        self._sent(record, result)
        if record.due is not None:
            if record.due <= self._now():
                self._has_more = True
            else:
                self._later = min(self._later, record.due)
        self.go_on()

    def _broken(self, failure: Failure, record: Record) -> None:
        """A defect, or the store: the record is still there, and is tried again later."""
        if not failure.check(StoreError):
            self.log.failure("record {number} failed", failure, number=record.number)
        self._later = min(self._later, self._now() + STORE_SECONDS)
        self.go_on()

    # The store.

    def _fetch(self) -> None:
        self._is_asking = True
        self._has_more = False
        most = FETCHED + len(self._here)
        asked = self._store.due(self.queue, _EVER, most)
        asked.addCallback(self._fetched, most)
        asked.addErrback(self._not_fetched)

    def _fetched(self, records: list[Record], most: int) -> None:
        self._is_asking = False
        left, self._left = self._left, set()
        offered, self._offered = self._offered, []
        if self._has_more or len(records) >= most:
            self._has_more = True  # they come with the next ones, in their order
        else:
            records += offered
        now = self._now()
        is_open = self.outlet.is_open()
        for record in records:
            due = record.due
            if due is None or record.number in self._here or record.number in left:
                continue
            if due > now:
                self._later = min(self._later, due)
                break
            if not is_open:
                self._has_more = True
                break
            self._here[record.number] = record
            self._ready.append(record)
        self.go_on()

    def _not_fetched(self, failure: Failure) -> None:
        self._is_asking = False
        self._left.clear()
        self._offered.clear()
        if not failure.check(StoreError):
            self.log.failure("{queue}: not read", failure, queue=self.queue)
        self._later = min(self._later, self._now() + STORE_SECONDS)
        self.go_on()
