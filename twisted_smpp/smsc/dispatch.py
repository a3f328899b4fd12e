"""What waits for one receiver: a few records in memory, the rest in the store.

A record is in one of three places: in the store only, ``ready`` here, or in flight. Only so
many are kept here, however many wait; they leave in the order in which they are due.

What is due is said by the wall clock, which may be set. A record that is scheduled obeys it.
Any other is due at once, or so many seconds after it was refused: if it seems to be due
later than that, the clock was set back, and it is not kept waiting.
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
from twisted_smpp.smsc.kinds import RECEIPT
from twisted_smpp.store import Record
from twisted_smpp.values import MessageState

__all__ = ["Dispatch", "Outlet"]

#: Records that are fetched at a time, and that may be ready; and the octets of their PDUs,
#: but for the first of them.
FETCHED, MOST_READY, READY_OCTETS = 100, 150, 65_536
#: Seconds until a receiver is looked at again that had no room, if nobody tells before.
ROOM_SECONDS = 1.0
#: Seconds until the store is asked again that could not answer, and until what has failed
#: is tried again.
STORE_SECONDS = 5.0
#: Records that are sent before other work gets its turn.
MOST_AT_ONCE = 100
_EVER = 1e18


class Outlet(Protocol):
    """A way to the receiver."""

    def is_open(self) -> bool:
        """Whether anybody is there."""

    def has_room(self, record: Record) -> bool:
        """Whether a record would be sent at once."""

    def send(self, record: Record, told: Callable[[Any, Record], object]) -> None:
        """Sends a record; tells what came of it, or a Failure when it was not taken."""

    def flush(self) -> None:
        """Nothing more is sent at the moment."""


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
        expire: called with a record that is due and has expired; it settles it.
        delay: of a number of tries, the seconds before the next one.

    Attributes:
        count: records that wait here and in the store; whoever settles them says so.
        fell_asleep: called when records wait and nobody is there: at the first of them, when
            the last receiver goes, and when who asks by :meth:`nobody_is_there` hears of it.
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
        expire: Callable[[Record], object],
        delay: Callable[[int], float],
    ) -> None:
        self.queue = queue
        self.outlet = outlet
        self._store: Any = store
        self._clock = clock
        self._now = now
        self._sent = sent
        self._expire = expire
        self._delay = delay
        self.count = 0
        self.fell_asleep: Callable[[], object] | None = None
        self._ready: deque[Record] = deque()
        self._octets = 0
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

    def start(self) -> None:
        """Sends again after :meth:`stop`."""
        self._stopped = False

    def offer(self, record: Record) -> None:
        """A new record of this queue is in the store."""
        if record.due is None:
            return
        if self.count == 1:
            self.nobody_is_there()
        if record.state == MessageState.SCHEDULED and record.due > self._now():
            self._later = min(self._later, record.due)
        elif self._has_more or self._is_full() or not self.outlet.is_open():
            self._has_more = True
        elif not self._is_asking:
            self._take(record)
        elif len(self._offered) < MOST_READY:
            self._offered.append(record)
        else:
            self._has_more = True
        self.go_on()

    @property
    def is_asleep(self) -> bool:
        """Whether something waits and nobody is there, although it would be sent."""
        return self.count > 0 and not (self._stopped or self.outlet.is_open())

    def nobody_is_there(self) -> None:
        """Says so to whom it may concern, if something waits and it is true."""
        if self.is_asleep and self.fell_asleep is not None:
            self.fell_asleep()

    def has_due(self) -> Deferred[bool] | None:
        """Whether a record is due for somebody who is not there.

        What is scheduled, or was refused and has to wait, is not.

        Returns:
            a Deferred of it, which may errback with a StoreError; None when nothing waits at
            all, or somebody is there.
        """
        if not self.is_asleep:
            return None
        asked: Deferred[list[Record]] = self._store.due(self.queue, _EVER, 1)
        return asked.addCallback(
            lambda found: any(not self._is_early(each, self._now()) for each in found)
        )

    def _is_full(self) -> bool:
        return len(self._ready) >= MOST_READY or self._octets >= READY_OCTETS

    def _take(self, record: Record) -> None:
        self._here[record.number] = record
        self._ready.append(record)
        self._octets += len(record.pdu)

    def expect(self, due: float) -> None:
        """The store has records of this queue, the first due at ``due``."""
        self._later = min(self._later, due)
        self._has_more = True
        self.go_on()

    def withdraw(self, number: int) -> bool:
        """Takes a record out that is not to be sent any more; False when it is in flight."""
        if number in self._in_flight:
            return False
        record = self._here.pop(number, None)
        if record is not None:
            self._ready.remove(record)
            self._octets -= len(record.pdu)
        if self._is_asking:
            self._left.add(number)
        return True

    def hold(self, record: Record) -> None:
        """A record that comes into the store is treated as in flight until :meth:`let_go`."""
        self._here[record.number] = record
        self._in_flight.add(record.number)

    def let_go(self, record: Record) -> None:
        """Ends :meth:`hold`; a record that is to be sent is offered afterwards."""
        self._in_flight.discard(record.number)
        self._here.pop(record.number, None)

    def is_in_flight(self, number: int) -> bool:
        """Whether a record was sent and has no answer yet."""
        return number in self._in_flight

    def look(self) -> None:
        """The wall clock was set: what is due has to be found out anew."""
        self._later = _EVER
        self._has_more = True
        self.go_on()

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
        self._octets = 0
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
        try:
            if not self._stopped and self.outlet.is_open():
                self._take_turn()
        except Exception:
            self.log.failure("{queue}: not delivered, but again soon", queue=self.queue)
            self._wake(STORE_SECONDS)

    def _take_turn(self) -> None:
        if self._later <= self._now():
            self._later = _EVER
            self._has_more = True
        for _ in range(MOST_AT_ONCE):
            if not (self._ready and self.outlet.has_room(self._ready[0])):
                break
            self._send(self._ready.popleft())
        self.outlet.flush()
        is_low = len(self._ready) < FETCHED // 2 and not self._is_full()
        if self._has_more and not self._is_asking and is_low:
            self._fetch()
        if self._ready:
            # Without room a response wakes it, or the transport that is empty again.
            self._wake(0.0 if self.outlet.has_room(self._ready[0]) else ROOM_SECONDS)
        elif not self._has_more and self._later < _EVER:
            self._wake(max(0.0, self._later - self._now()))

    def _send(self, record: Record) -> None:
        self._octets -= len(record.pdu)
        if record.expires is not None and record.expires <= self._now():
            del self._here[record.number]
            if self._is_asking:
                self._left.add(record.number)
            try:
                self._expire(record)
            except Exception:
                self._broken(Failure(), record)
            return
        self._in_flight.add(record.number)
        try:
            self.outlet.send(record, self._settle)
        except Exception:
            self._settle(Failure(), record)

    def _settle(self, result: Any, record: Record) -> None:
        try:
            self._done(result, record)
        except Exception:
            self._broken(Failure(), record)

    def _done(self, result: Any, record: Record) -> None:
        self._in_flight.discard(record.number)
        self._here.pop(record.number, None)
        if self._is_asking:
            self._left.add(record.number)
        self._sent(record, result)
        if record.due is not None:
            if self._is_early(record, self._now()):
                self._later = min(self._later, record.due)
            else:
                self._has_more = True
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
        now = self._now()
        # Unless there is something new to find, it would find the same again, without end.
        is_new = bool(self._has_more or offered or left)
        if not self._has_more and len(records) < most:
            records += offered
        elif offered or not (records and self._is_early(records[-1], now)):
            self._has_more = True  # what was offered comes with the next ones, in their order
        is_open = self.outlet.is_open()
        for record in records:
            if record.due is None or record.number in self._here or record.number in left:
                continue
            if self._is_early(record, now):
                self._later = min(self._later, record.due)
            elif is_open and not self._is_full():
                self._take(record)
                is_new = True
            else:
                self._has_more = is_new = True
                break
        if not is_new and self._later < _EVER:
            # Behind what has its time to come may be more: that is looked for when it has.
            self._has_more = False
        self.go_on()

    def _is_early(self, record: Record, now: float) -> bool:
        seconds = (record.due or now) - now
        if seconds <= 0:
            return False
        # A receipt has no state: its 0 is not that of SCHEDULED.
        if record.state == MessageState.SCHEDULED and record.kind != RECEIPT:
            return True
        return record.tries > 0 and seconds <= self._delay(record.tries)

    def _not_fetched(self, failure: Failure) -> None:
        self._is_asking = False
        self._left.clear()
        self._offered.clear()
        if not failure.check(StoreError):
            self.log.failure("{queue}: not read", failure, queue=self.queue)
        self._later = min(self._later, self._now() + STORE_SECONDS)
        self.go_on()
