"""A store in one SQLite file: what is written is on the disk before anybody is told.

All of SQLite happens in one thread, by one connection (with two, SQLite before 3.51.3 can damage
its write-ahead log). What comes while a transaction is committed goes together into the next
one, so that the wait for the disk is shared: one fsync for hundreds of messages under load.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from twisted_smpp.errors import StoreError, StoreFailed, StoreFull
from twisted_smpp.interfaces import IMessageStore
from twisted_smpp.store import questions, starts
from twisted_smpp.store.caution import Caution
from twisted_smpp.store.file import StoreFile, is_want_of_room
from twisted_smpp.store.intents import (
    Intent,
    Mark,
    Read,
    Told,
    Write,
    last_of,
    never_mind,
    tell,
    written,
)
from twisted_smpp.store.record import Record, Row
from twisted_smpp.store.space import RESERVE_OCTETS, Space
from twisted_smpp.store.statements import MOST_ROWS, put

__all__ = ["SQLiteStore"]

#: Intents of one transaction, at most.
MOST_OF_A_BATCH = MOST_ROWS
#: Numbers that are reserved at a time: none is used twice, even if it was never written.
NUMBERS = 100_000
#: Seconds until what could not be written for want of room is tried again.
ROOM_SECONDS = 1.0

_FILE = (
    "SELECT page_count, freelist_count, page_size "
    "FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_CLEAN = "UPDATE meta SET value = CASE name WHEN 'numbers' THEN ? WHEN 'clean' THEN 1 ELSE 0 END"


@implementer(IMessageStore)
class SQLiteStore:
    """Records in a file.

    Args:
        path: of the file; made, for this user only, when there is none.
        reactor: for ``callFromThread``; None for the global one.
        pool: a pool of one thread with ``start``, ``stop`` and ``callInThread``; None for a
            Twisted ``ThreadPool`` of its own.
        floor: octets of the disk that have to stay free, or new records are refused with
            StoreFull; None for 512 MiB or 5 % of the disk, whichever is less.
        reserve: octets of a file beside it that are freed when the disk is full all the same.
        most_octets: octets that records may take in the file, or new ones are refused with
            StoreFull; None for as many as the disk allows. What is under way when they are
            reached comes on top.
        seconds: a clock for asking the disk how full it is, once a second.
        connect: opens a SQLite file; None for ``sqlite3.connect``.
        failed_starts: starts in a row that may end without :meth:`close` before they have
            lasted. The next one handles the records of earlier processes one at a time, and one
            that was being handled when it ends, too, is put aside. None: nobody counts.
        lasting_seconds: how long a start has to last.

    Attributes:
        caution: how records of earlier processes are handled while it is to be feared that one
            of them ends the process; None when it is not.
        put_aside: records that were put aside, when it was opened and since.
    """

    log = Logger()

    def __init__(
        self,
        path: str | Path,
        *,
        reactor: Any = None,
        pool: Any = None,
        floor: int | None = None,
        reserve: int = RESERVE_OCTETS,
        most_octets: int | None = None,
        seconds: Callable[[], float] = time.monotonic,
        connect: Callable[[Path], Any] | None = None,
        failed_starts: int | None = None,
        lasting_seconds: float = 60.0,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self.path = Path(path)
        self._reactor = reactor
        self._pool = pool or _one_thread()
        self._file = StoreFile(self.path, connect)
        self._space = Space(self.path, floor, reserve, most_octets)
        self._seconds = seconds
        self._connection: sqlite3.Connection | None = None
        self._number = self._reserved = 0
        self._next: list[Intent] = []
        self._is_writing = self._has_to_wait = self._is_closing = False
        self._closing: list[Deferred[None]] = []
        self._timer: Any = None
        #: Octets inside of the file: taken, and free.
        self._sizes = (0, 0)
        self._failed_starts = failed_starts
        self._lasting_seconds = lasting_seconds
        self._lasting: Any = None
        self.caution: Caution | None = None
        self.put_aside = 0
        self._failing: list[Deferred[StoreFailed]] = []
        self.failed: StoreFailed | None = None
        self.full = False
        self.when_stuck: list[Callable[[], object]] = []

    @property
    def waits_for_room(self) -> bool:
        """Whether what is written of old records waits for room, too."""
        return self._has_to_wait

    def __repr__(self) -> str:
        return f"<SQLiteStore {self.path}>"

    # Open and close.

    def open(self) -> None:
        """Locks the file, looks it through, makes it ready.

        After a stop that was none in order every page is read: some seconds for a gigabyte.

        Raises:
            StoreInUse: another process has it.
            StoreDamaged: it is damaged, foreign or newer.
            StoreFailed: it cannot be opened or made, or was closed.
        """
        if self._is_closing:
            raise StoreFailed(str(self.path), "it was closed")
        try:
            self._open()
        except StoreFull as error:
            if not self._space.give_reserve():
                raise StoreFailed(str(self.path), error.reason) from None
            try:
                self._open()
            except StoreFull as again:
                raise StoreFailed(str(self.path), again.reason) from None
        self._is_low(self._space.look(self._seconds(), *self._sizes))

    def _open(self) -> None:
        connection = self._file.open()
        try:
            with self._file.errors():
                (last,) = connection.execute("SELECT max(number) FROM message").fetchone()
                ((reserved,),) = connection.execute(
                    "SELECT value FROM meta WHERE name = 'numbers'"
                ).fetchall()
                self._number = max(last or 0, reserved)
                self._reserved = self._reserve(connection, self._number)
                most, failed = self._failed_starts, 0
                if most is not None:
                    failed = starts.begin(connection, most)
                self.put_aside = _count_put_aside(connection)
                self._sizes = _sizes(connection)
            self._pool.start()
        except BaseException:
            connection.close()
            self._file.release()
            raise
        self._connection = connection
        if most is not None:
            self._lasting = self._reactor.callLater(self._lasting_seconds, self._lasted)
            if failed >= most:
                self._take_care(failed)

    def _take_care(self, failed: int) -> None:
        self.log.warn(
            "{path}: {failed} starts in a row did not last; what is old goes one by one for "
            "{seconds:g} s",
            path=str(self.path),
            failed=failed,
            seconds=self._lasting_seconds,
        )
        self.caution = Caution(self._mark, self._reactor, self._number)

    def _mark(self, numbers: tuple[int, ...]) -> Deferred[None]:
        return self._ask(lambda connection: starts.mark(connection, numbers))

    def _lasted(self) -> None:
        self._lasting = None
        # A store that has failed says so itself.
        self._ask(starts.lasted).addErrback(lambda failure: failure.trap(StoreError) and None)
        caution, self.caution = self.caution, None
        if caution is not None:
            caution.lasted()

    def _stop_timers(self) -> None:
        for timer in (self._timer, self._lasting):
            if timer is not None:
                timer.cancel()
        self._timer = self._lasting = None
        if self.caution is not None:
            self.caution.stop()

    def close(self) -> Deferred[None]:
        """Writes what waits, and closes; fires when it is done.

        What cannot be written even now for want of room is given up, with StoreFull.
        """
        if self._connection is None:
            return succeed(None)
        deferred: Deferred[None] = Deferred(self._closing.remove)
        self._closing.append(deferred)
        if not self._is_closing:
            self._is_closing = True
            self._stop_timers()
            if self._has_to_wait or not self._is_writing:
                self._has_to_wait = False
                self._write_next()
        return deferred

    def when_failed(self) -> Deferred[StoreFailed]:
        """Fires when the store has failed; may be cancelled."""
        if self.failed is not None:
            return succeed(self.failed)
        deferred: Deferred[StoreFailed] = Deferred(self._failing.remove)
        self._failing.append(deferred)
        return deferred

    # Writing.

    def next_number(self) -> int:
        """One more than the last."""
        self._number += 1
        return self._number

    def add(self, record: Record) -> Deferred[None]:
        """Keeps a new record; fires once it is on the disk."""
        row = record.row()
        if self._refuses_new():
            return fail(self._no_room_for_new())
        return self._write_later(record.number, row, True)

    def keep(self, record: Record | Row, also: Record | None, told: Told, context: Any) -> bool:
        """Keeps a new record, and another with it; ``told`` hears when they are on the disk."""
        row = record if isinstance(record, tuple) else record.row()
        other = None if also is None else also.row()
        if self._refuses_new():
            raise self._no_room_for_new()
        self._check_open()
        self._later(Write(row[0], row, True, told, context, other))
        return False

    def save(self, record: Record) -> Deferred[None]:
        """Keeps a record as it is now; fires once that is on the disk."""
        return self._write_later(record.number, record.row(), False)

    def remove(self, number: int) -> Deferred[None]:
        """Forgets a record; fires once that is on the disk."""
        return self._write_later(number, None, False)

    def change(self, number: int, record: Record | Row | None, told: Told, context: Any) -> bool:
        """Keeps a record as it is now, or forgets it; ``told`` hears when that is on the disk."""
        row = record if record is None or isinstance(record, tuple) else record.row()
        self._check_open()
        self._later(Write(number, row, False, told, context))
        return False

    def mark(self, number: int, state: int, tries: int, told: Told, context: Any) -> bool:
        """Changes these two of a record; ``told`` hears when that is on the disk."""
        self._check_open()
        self._later(Mark(number, state, tries, told, context))
        return False

    def _write_later(
        self, number: int, row: tuple[Any, ...] | None, is_new: bool
    ) -> Deferred[None]:
        if (error := self._closed()) is not None:
            return fail(error)
        deferred: Deferred[None] = Deferred(never_mind)
        self._later(Write(number, row, is_new, written, deferred))
        return deferred

    def _ask(self, ask: Callable[[sqlite3.Connection], Any]) -> Deferred[Any]:
        if (error := self._closed()) is not None:
            return fail(error)
        question = Read(ask)
        self._later(question)
        return question.deferred

    def _refuses_new(self) -> bool:
        return self.full and self.failed is None and not self._is_closing

    def _check_open(self) -> None:
        if self.failed is not None or self._connection is None or self._is_closing:
            raise cast(StoreFailed, self._closed())

    def _closed(self) -> StoreFailed | None:
        """Why nothing can be done any more."""
        if self.failed is not None:
            return self.failed
        if self._connection is None or self._is_closing:
            return StoreFailed(str(self.path), "it is closed")
        return None

    def _later(self, intent: Intent) -> None:
        self._next.append(intent)
        if not self._is_writing:
            # What else this turn of the reactor gives goes into the same transaction.
            self._is_writing = True
            self._reactor.callLater(0, self._write_next)

    def _write_next(self) -> None:
        batch, self._next = self._next[:MOST_OF_A_BATCH], self._next[MOST_OF_A_BATCH:]
        if batch and self.failed is None:
            self._is_writing = True
            self._pool.callInThread(self._write, batch)
            return
        self._is_writing = self._is_closing
        if self._is_closing:
            self._pool.callInThread(self._shut)

    # In the thread.

    def _write(self, batch: list[Intent]) -> None:
        """One transaction; the reactor hears of it after the commit."""
        error: BaseException | None = None
        try:
            self._commit(batch)
            low = self._space.look(self._seconds(), *self._sizes)
        except BaseException as raised:  # whatever it is, nobody may take it for written
            error, low = raised, True
        self._reactor.callFromThread(self._written, batch, error, low)

    def _commit(self, batch: list[Intent]) -> None:
        try:
            self._transaction(batch)
        except sqlite3.Error as error:
            if not is_want_of_room(error):
                raise
            self._space.give_reserve()
            self._give_log()
            self._transaction(batch)

    def _give_log(self) -> None:
        """Frees the room of the write-ahead log, if there is enough for what is in it."""
        try:
            cast(sqlite3.Connection, self._connection).execute(
                "PRAGMA wal_checkpoint(TRUNCATE)"
            ).fetchall()
        except sqlite3.Error as error:
            if not is_want_of_room(error):
                raise

    def _transaction(self, batch: list[Intent]) -> None:
        connection = cast(sqlite3.Connection, self._connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            highest, done = self._number, 0
            for place, intent in enumerate(batch):
                if isinstance(intent, Read):
                    highest = max(highest, put(connection, *last_of(batch[done:place])))
                    self._answer(connection, intent)
                    done = place + 1
            highest = max(highest, put(connection, *last_of(batch[done:])))
            reserved = self._reserve(connection, highest)
            self._sizes = _sizes(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._reserved = reserved

    def _answer(self, connection: sqlite3.Connection, question: Read) -> None:
        before = connection.total_changes
        question.result = question.ask(connection)
        if connection.total_changes != before:
            self.put_aside = _count_put_aside(connection)

    def _reserve(self, connection: sqlite3.Connection, number: int) -> int:
        """Makes sure that more numbers than are given out meanwhile are reserved; up to which."""
        if number <= self._reserved - NUMBERS // 2:
            return self._reserved
        reserved = number + NUMBERS
        connection.execute("UPDATE meta SET value = ? WHERE name = 'numbers'", (reserved,))
        return reserved

    def _shut(self) -> None:
        error: BaseException | None = None
        connection = cast(sqlite3.Connection, self._connection)
        try:
            try:
                if self.failed is None:
                    connection.execute(_CLEAN, (self._number,))
            finally:
                connection.close()
        except Exception as raised:
            # Without room for the mark, the next start looks the whole file through: no harm.
            error = None if is_want_of_room(raised) else raised
        self._reactor.callFromThread(self._shut_down, error)

    # Questions.

    def get(self, number: int) -> Deferred[Record | None]:
        """Fires with the record, or None."""
        return self._ask(lambda connection: questions.get(connection, number))

    def due(self, queue: str, now: float, most: int) -> Deferred[list[Record]]:
        """Fires with what is due."""
        return self._ask(lambda connection: questions.due(connection, queue, now, most))

    def expired(self, now: float, most: int) -> Deferred[list[Record]]:
        """Fires with what waits although its time is over."""
        return self._ask(lambda connection: questions.expired(connection, now, most))

    def waiting(self) -> Deferred[dict[str, tuple[int, float]]]:
        """Fires with how many wait in each queue, and until when the first."""
        return self._ask(questions.waiting)

    def unfinished(self, queue: str, after: int, most: int) -> Deferred[list[Record]]:
        """Fires with what is not done, by number."""
        return self._ask(lambda connection: questions.unfinished(connection, queue, after, most))

    def by_address(
        self, owner: str, source: str, destination: str, most: int
    ) -> Deferred[list[Record]]:
        """Fires with what waits between two addresses, by number."""
        return self._ask(
            lambda connection: questions.by_address(connection, owner, source, destination, most)
        )

    def ended(self) -> Deferred[int]:
        """Fires with how many are done."""
        return self._ask(questions.ended)

    def purge(self, before: float, surplus: int, most: int) -> Deferred[int]:
        """Forgets what is done and old, or too much; fires with how many."""
        return self._ask(lambda connection: questions.purge(connection, before, surplus, most))

    # Back in the reactor's thread.

    def _written(self, batch: list[Intent], error: BaseException | None, low: bool) -> None:
        if error is not None:
            self._not_written(batch, error)
        else:
            self._is_low(low)
            tell(batch)
        if not self._has_to_wait:
            self._write_next()

    def _is_low(self, low: bool) -> None:
        if low and not self.full:
            self.log.error("{path}: the disk is full, no new messages", path=str(self.path))
        elif self.full and not low:
            self.log.info("{path}: there is room again", path=str(self.path))
        self.full = low
        if low and self._timer is None and not self._is_closing:
            # Nobody else may ask: what is new is refused, and nothing old may be left to do.
            self._timer = self._reactor.callLater(ROOM_SECONDS, self._try_again)

    def _not_written(self, batch: list[Intent], error: BaseException) -> None:
        if is_want_of_room(error):
            self._no_room(batch)
            return
        self._stop_timers()
        self.failed = StoreFailed(str(self.path), f"{error}; it takes nothing more")
        self.log.critical("{error}", error=str(self.failed))
        waiting, self._next = self._next, []
        tell([*batch, *waiting], self.failed)
        while self._failing:
            self._failing.pop(0).callback(self.failed)

    def _no_room(self, batch: list[Intent]) -> None:
        """The reserve was not enough: what is new is refused, the rest waits for room."""
        self._is_low(True)
        refused = [*batch, *self._next]
        self._next = []
        if not self._is_closing:
            refused, self._next = _new_and_old(refused)
        tell(refused, self._no_room_for_new())
        # Somebody who was told may have closed it.
        self._has_to_wait = bool(self._next) and not self._is_closing
        if self._has_to_wait:
            for each in self.when_stuck:
                each()

    def _no_room_for_new(self) -> StoreFull:
        return StoreFull(str(self.path), "there is no room")

    def _try_again(self) -> None:
        self._timer = None
        if self._has_to_wait:
            self._has_to_wait = False
            self._write_next()
        else:
            self._ask(_nothing)

    def _shut_down(self, error: BaseException | None) -> None:
        self._connection = None
        self._file.release()
        self._pool.stop()
        while self._closing:
            deferred = self._closing.pop(0)
            if error is None:
                deferred.callback(None)
            else:
                deferred.errback(StoreFailed(str(self.path), str(error)))


def _new_and_old(
    intents: list[Intent],
) -> tuple[list[Intent], list[Intent]]:
    """What writes records that were never written, and everything else.

    A later write of a record that is new here would bring it back after it was refused.
    """
    numbers: set[int] = set()
    for each in intents:
        if isinstance(each, Write) and each.is_new:
            numbers.add(each.number)
            if each.also is not None:
                numbers.add(each.also[0])
    new: list[Intent] = []
    old: list[Intent] = []
    for each in intents:
        is_write = isinstance(each, Mark) or (isinstance(each, Write) and each.row is not None)
        is_new = is_write and each.number in numbers  # type: ignore[union-attr]
        (new if is_new else old).append(each)
    return new, old


def _sizes(connection: sqlite3.Connection) -> tuple[int, int]:
    """Octets of the file that are taken, and that are free inside of it."""
    pages, free, octets = connection.execute(_FILE).fetchone()
    return (pages - free) * octets, free * octets


def _count_put_aside(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM quarantine").fetchone()
    return int(count)


def _nothing(_connection: sqlite3.Connection) -> None:
    """Asks for nothing, so that only the room is looked at."""


def _one_thread() -> Any:
    """A pool whose thread does not keep a process alive that has failed to close the store."""
    pool: Any = ThreadPool(1, 1, "store")
    pool.threadFactory = partial(threading.Thread, daemon=True)
    return pool
