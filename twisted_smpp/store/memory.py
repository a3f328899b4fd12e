"""A store that ends with the process: for tests, simulators and what may be lost."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from typing import Any

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from twisted_smpp.errors import StoreFailed, StoreFull
from twisted_smpp.interfaces import IMessageStore
from twisted_smpp.store.intents import Told
from twisted_smpp.store.record import COLUMNS, Record, Row, marked

__all__ = ["MemoryStore"]

_DONE = COLUMNS.index("done")
#: Records that are done, and make room at once besides those that have to, at most.
_TOGETHER = 100


class _Queue:
    """Numbers by a time: when they are due, until when they are worth something, or since when
    they are done.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.due: dict[int, float] = {}
        # With entries of the past; they are dropped when they come to the top.
        self.heap: list[tuple[float, int]] = []

    def put(self, number: int, due: float | None) -> None:
        if due is None:
            self.due.pop(number, None)
        elif self.due.get(number) != due:
            self.due[number] = due
            heappush(self.heap, (due, number))
            if len(self.heap) > 2 * len(self.due) + 100:
                self.heap = sorted((at, each) for each, at in self.due.items())

    def put_new(self, number: int, due: float) -> None:
        """As :meth:`put`, for a number that is not here."""
        self.due[number] = due
        heappush(self.heap, (due, number))

    def earliest(self, now: float, most: int) -> list[int]:
        found: list[tuple[float, int]] = []
        while self.heap and len(found) < most:
            due, number = self.heap[0]
            if due > now:
                break
            heappop(self.heap)
            if self.due.get(number) == due and (not found or found[-1][1] != number):
                found.append((due, number))
        for each in found:
            heappush(self.heap, each)
        return [number for _, number in found]


@implementer(IMessageStore)
class MemoryStore:
    """Records in a dict. All methods are done at once.

    A record that is not done is kept as it is, not as a copy: what is changed afterwards is
    changed here, too, but for ``queue``, ``due`` and ``expires``, which count as they were when it
    was last saved. One that is done is kept as a row: hundreds of thousands of them, which nobody
    may ever ask for, are nothing that the garbage collector has to look through again and again.

    Args:
        most: records that it keeps, done ones too. The oldest of those make room for new ones;
            when there are none, new ones are refused with StoreFull.
    """

    #: Records that it keeps if nobody says.
    MOST = 1_000_000

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._number = 0
        self._records: dict[int, Record] = {}
        #: Those that are done and not due.
        self._rows: dict[int, tuple[Any, ...]] = {}
        self._queues: dict[str, _Queue] = {}
        #: In which of them a record is, whatever its ``queue`` has become since.
        self._places: dict[int, _Queue] = {}
        self._done = _Queue()
        #: Those that wait, by when their time is over.
        self._expiring = _Queue()
        self._failing: list[Deferred[StoreFailed]] = []
        self.failed: StoreFailed | None = None
        self.when_stuck: list[Callable[[], object]] = []

    def __repr__(self) -> str:
        return "<MemoryStore>"

    def __len__(self) -> int:
        return len(self._records) + len(self._rows)

    @property
    def full(self) -> bool:
        """Whether it takes no new records."""
        return len(self) - len(self._done.due) >= self._most

    @property
    def waits_for_room(self) -> bool:
        """It has room for what is old."""
        return False

    def open(self) -> None:
        """Nothing is to be made ready."""

    def close(self) -> None:
        """Nothing waits to be written."""

    def when_failed(self) -> Deferred[StoreFailed]:
        """It never fails."""
        deferred: Deferred[StoreFailed] = Deferred(self._failing.remove)
        self._failing.append(deferred)
        return deferred

    def next_number(self) -> int:
        """One more than the last."""
        self._number += 1
        return self._number

    def add(self, record: Record) -> None:
        """Keeps a new record.

        Raises:
            StoreFull: there are too many.
            ValueError: a file could not keep it; nor could :class:`SQLiteStore`.
        """
        if len(self._records) + len(self._rows) >= self._most:
            self._make_room(1)
        self.save(record)

    def _make_room(self, count: int) -> None:
        """What has come to its end makes room for so many new ones, the oldest first."""
        size = len(self)
        if size + count - len(self._done.due) > self._most:
            raise StoreFull("", f"{size} records, at most {self._most} are kept")
        more = min(_TOGETHER, self._most // 10)
        for number in self._done.earliest(inf, size + count + more - self._most):
            self.remove(number)

    def keep(self, record: Record | Row, also: Record | None, told: Told, context: Any) -> bool:
        """Keeps a new record, and another with it; True, and nobody is told.

        Raises:
            StoreFull: there are too many.
            ValueError: a file could not keep one of them.
        """
        if isinstance(record, tuple):
            done = record[_DONE]
            if done is not None:
                if len(self._records) + len(self._rows) >= self._most:
                    self._make_room(1)
                number = record[0]
                self._rows[number] = record
                self._done.put_new(number, done)
                return True
            record = Record.of(record)
        if also is not None:
            also.check()
            if len(self) + 2 > self._most:
                self._make_room(2)
        self.add(record)
        if also is not None:
            self.save(also)
        return True

    def save(self, record: Record) -> None:
        """Keeps a record as it is now."""
        number, done = record.number, record.done
        if done is not None and record.due is None:
            self._rows[number] = record.row()
            self._done.put(number, done)
            if self._records.pop(number, None) is not None:
                self._leave(self._places.pop(number, None), number)
                self._expiring.put(number, None)
            return
        record.check()
        self._records[number] = record
        self._rows.pop(number, None)
        self._done.put(number, done)
        self._expiring.put(number, None if record.due is None else record.expires)
        place = self._places.pop(number, None)
        if record.due is not None:
            queue = self._queues.get(record.queue)
            if queue is None:
                queue = self._queues[record.queue] = _Queue(record.queue)
            queue.put(number, record.due)
            self._places[number] = queue
            if place is queue:
                place = None
        self._leave(place, number)

    def remove(self, number: int) -> None:
        """Forgets a record."""
        self._records.pop(number, None)
        self._rows.pop(number, None)
        self._leave(self._places.pop(number, None), number)
        self._expiring.put(number, None)
        self._done.put(number, None)

    def change(self, number: int, record: Record | Row | None, told: Told, context: Any) -> bool:
        """Keeps a record as it is now, or forgets it; True, and nobody is told."""
        if record is None:
            self.remove(number)
        else:
            self.save(Record.of(record) if isinstance(record, tuple) else record)
        return True

    def mark(self, number: int, state: int, tries: int, told: Told, context: Any) -> bool:
        """Changes these two of a record; True, and nobody is told."""
        record = self._records.get(number)
        if record is not None:
            record.state, record.tries = state, tries
        elif number in self._rows:
            self._rows[number] = marked(self._rows[number], state, tries)
        return True

    def _leave(self, queue: _Queue | None, number: int) -> None:
        if queue is not None:
            queue.put(number, None)
            if not queue.due:
                del self._queues[queue.name]

    def get(self, number: int) -> Deferred[Record | None]:
        """Fires with the record, or None."""
        row = self._rows.get(number)
        return succeed(self._records.get(number) if row is None else Record.of(row))

    def due(self, queue: str, now: float, most: int) -> Deferred[list[Record]]:
        """Fires with what is due."""
        waiting = self._queues.get(queue)
        numbers = [] if waiting is None else waiting.earliest(now, most)
        return succeed([self._records[number] for number in numbers])

    def expired(self, now: float, most: int) -> Deferred[list[Record]]:
        """Fires with what waits although its time is over."""
        numbers = self._expiring.earliest(now, most)
        return succeed([self._records[number] for number in numbers])

    def waiting(self) -> Deferred[dict[str, tuple[int, float]]]:
        """Fires with how many wait in each queue, and until when the first."""
        return succeed(
            {
                name: (len(queue.due), min(queue.due.values()))
                for name, queue in self._queues.items()
            }
        )

    def unfinished(self, queue: str, after: int, most: int) -> Deferred[list[Record]]:
        """Fires with what is not done, by number."""
        found = (
            record
            for number, record in sorted(self._records.items())
            if number > after and record.queue == queue and record.done is None
        )
        return succeed([record for record, _ in zip(found, range(most), strict=False)])

    def by_address(
        self, owner: str, source: str, destination: str, most: int
    ) -> Deferred[list[Record]]:
        """Fires with what waits between two addresses, by number."""
        found = (
            record
            for _, record in sorted(self._records.items())
            if record.due is not None
            and (record.owner, record.source, record.destination) == (owner, source, destination)
        )
        return succeed([record for record, _ in zip(found, range(most), strict=False)])

    def ended(self) -> Deferred[int]:
        """Fires with how many are done."""
        return succeed(len(self._done.due))

    def purge(self, before: float, surplus: int, most: int) -> Deferred[int]:
        """Forgets what is done and old, or too much; fires with how many."""
        done = self._done.due
        old = [
            number
            for place, number in enumerate(self._done.earliest(inf, most))
            if done[number] < before or place < surplus
        ]
        for number in old:
            self.remove(number)
        return succeed(len(old))
