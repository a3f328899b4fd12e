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
from itertools import chain
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from twisted_smpp.errors import StoreFailed, StoreFull
from twisted_smpp.interfaces import IMessageStore
from twisted_smpp.store import questions
from twisted_smpp.store.file import StoreFile
from twisted_smpp.store.record import COLUMNS, Record
from twisted_smpp.store.space import RESERVE_OCTETS, Space

__all__ = ["SQLiteStore"]

#: Intents of one transaction, at most.
MOST_OF_A_BATCH = 512
#: Numbers that are reserved at a time: none is used twice, even if it was never written.
NUMBERS = 1_000_000
#: Seconds until what could not be written for want of room is tried again.
ROOM_SECONDS = 1.0

_UPDATE = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])
_ROW = f"({', '.join('?' * len(COLUMNS))})"


def _put_statement(rows: int) -> str:
    """Puts so many rows at once."""
    return (
        f"INSERT INTO message ({', '.join(COLUMNS)}) "  # noqa: S608
        f"VALUES {', '.join([_ROW] * rows)} ON CONFLICT (number) DO UPDATE SET {_UPDATE}"
    )


#: By the number of rows, the most first. Each statement that is executed gives up Python's lock
#: and has to get it back from a busy reactor, so few of them are executed.
_PUT = {rows: _put_statement(rows) for rows in (64, 16, 4, 1)}
_REMOVE = "DELETE FROM message WHERE number = ?"

_FULL = sqlite3.SQLITE_FULL


class _Write:
    """A row to be put, or a number whose row is to go."""

    __slots__ = ("deferred", "is_new", "number", "row")

    def __init__(self, number: int, row: tuple[Any, ...] | None, is_new: bool) -> None:
        self.number = number
        self.row = row
        self.is_new = is_new
        self.deferred: Deferred[Any] = Deferred(_never_mind)


class _Read:
    """A question."""

    __slots__ = ("ask", "deferred", "result")

    def __init__(self, ask: Callable[[sqlite3.Connection], Any]) -> None:
        self.ask = ask
        self.result: Any = None
        self.deferred: Deferred[Any] = Deferred(_never_mind)


def _never_mind(deferred: Deferred[Any]) -> None:
    """Cancelling does not undo what was given to the store; it is not waited for any more."""


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
        most_octets: how large the file may become; None for as large as the disk allows.
        seconds: a clock for asking the disk how full it is, once a second.
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
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self.path = Path(path)
        self._reactor = reactor
        self._pool = pool or _one_thread()
        self._file = StoreFile(self.path, most_octets)
        self._space = Space(self.path, floor, reserve)
        self._seconds = seconds
        self._connection: sqlite3.Connection | None = None
        self._number = self._reserved = 0
        self._next: list[_Write | _Read] = []
        self._is_writing = self._has_to_wait = False
        self._closing: Deferred[None] | None = None
        self._failing: list[Deferred[StoreFailed]] = []
        self.failed: StoreFailed | None = None
        self.full = False

    def __repr__(self) -> str:
        return f"<SQLiteStore {self.path}>"

    # Open and close.

    def open(self) -> None:
        """Locks the file, looks it through, makes it ready.

        After a stop that was none in order every page is read: some seconds for a gigabyte.

        Raises:
            StoreInUse: another process has it.
            StoreDamaged: it is damaged, foreign or newer.
            StoreFailed: it cannot be opened or made.
        """
        self._connection = connection = self._file.open()
        (last,) = connection.execute("SELECT max(number) FROM message").fetchone()
        (reserved,) = connection.execute("SELECT value FROM meta WHERE name = 'numbers'").fetchone()
        self._number = self._reserved = max(last or 0, reserved)
        self.full = self._space.look(self._seconds())
        self._pool.start()

    def close(self) -> Deferred[None]:
        """Writes what waits, and closes; fires when it is done."""
        if self._connection is None and self._closing is None:
            return succeed(None)
        if self._closing is None:
            self._closing = Deferred()
            if not self._is_writing:
                self._write_next()
        return self._closing

    def when_failed(self) -> Deferred[StoreFailed]:
        """Fires when the store has failed; may be cancelled."""
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
        if self.full:
            return fail(StoreFull(str(self.path), "the disk is full"))
        return self._later(_Write(record.number, record.row(), True))

    def save(self, record: Record) -> Deferred[None]:
        """Keeps a record as it is now; fires once that is on the disk."""
        return self._later(_Write(record.number, record.row(), False))

    def remove(self, number: int) -> Deferred[None]:
        """Forgets a record; fires once that is on the disk."""
        return self._later(_Write(number, None, False))

    def _later(self, intent: _Write | _Read) -> Deferred[Any]:
        if self.failed is not None:
            return fail(self.failed)
        if self._connection is None or self._closing is not None:
            return fail(StoreFailed(str(self.path), "it is closed"))
        self._next.append(intent)
        if not self._is_writing:
            # What else this turn of the reactor gives goes into the same transaction.
            self._is_writing = True
            self._reactor.callLater(0, self._write_next)
        return intent.deferred

    def _write_next(self) -> None:
        batch, self._next = self._next[:MOST_OF_A_BATCH], self._next[MOST_OF_A_BATCH:]
        if batch and self.failed is None:
            self._is_writing = True
            self._pool.callInThread(self._write, batch)
            return
        self._is_writing = False
        if self._closing is not None and not self._closing.called:
            self._is_writing = True
            self._pool.callInThread(self._shut)

    # In the thread.

    def _write(self, batch: list[_Write | _Read]) -> None:
        """One transaction; the reactor hears of it after the commit."""
        error: BaseException | None = None
        try:
            self._commit(batch)
            low = self._space.look(self._seconds())
        except BaseException as raised:  # whatever it is, nobody may take it for written
            error, low = raised, True
        self._reactor.callFromThread(self._written, batch, error, low)

    def _commit(self, batch: list[_Write | _Read]) -> None:
        try:
            self._transaction(batch)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != _FULL:
                raise
            if not self._space.give_reserve():
                raise
            self._transaction(batch)

    def _transaction(self, batch: list[_Write | _Read]) -> None:
        connection = cast(sqlite3.Connection, self._connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            # The last of several writes of a record is the one that counts.
            rows: dict[int, tuple[Any, ...] | None] = {}
            for intent in batch:
                if isinstance(intent, _Write):
                    rows[intent.number] = intent.row
                else:
                    self._put(connection, rows)
                    rows = {}
                    intent.result = intent.ask(connection)
            self._put(connection, rows)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _put(self, connection: sqlite3.Connection, rows: dict[int, tuple[Any, ...] | None]) -> None:
        if not rows:
            return
        self._reserve(connection, max(rows))
        written = [row for row in rows.values() if row is not None]
        _put_rows(connection, written)
        if len(written) < len(rows):
            gone = [(number,) for number, row in rows.items() if row is None]
            connection.executemany(_REMOVE, gone)

    def _reserve(self, connection: sqlite3.Connection, number: int) -> None:
        if number > self._reserved:
            self._reserved = number + NUMBERS
            connection.execute(
                "UPDATE meta SET value = ? WHERE name = 'numbers'", (self._reserved,)
            )

    def _shut(self) -> None:
        error: BaseException | None = None
        connection = self._connection
        try:
            if connection is not None:
                if self.failed is None:
                    connection.execute(
                        "UPDATE meta SET value = ? WHERE name = 'numbers'", (self._number,)
                    )
                    connection.execute("UPDATE meta SET value = 1 WHERE name = 'clean'")
                connection.close()
        except sqlite3.Error as raised:
            error = raised
        self._reactor.callFromThread(self._shut_down, error)

    # Questions.

    def get(self, number: int) -> Deferred[Record | None]:
        """Fires with the record, or None."""
        return self._later(_Read(lambda connection: questions.get(connection, number)))

    def due(self, queue: str, now: float, most: int) -> Deferred[list[Record]]:
        """Fires with what is due."""
        return self._later(_Read(lambda connection: questions.due(connection, queue, now, most)))

    def expired(self, now: float, most: int) -> Deferred[list[Record]]:
        """Fires with what waits although its time is over."""
        return self._later(_Read(lambda connection: questions.expired(connection, now, most)))

    def waiting(self) -> Deferred[dict[str, tuple[int, float]]]:
        """Fires with how many wait in each queue, and until when the first."""
        return self._later(_Read(questions.waiting))

    def unfinished(self, queue: str, after: int, most: int) -> Deferred[list[Record]]:
        """Fires with what is not done, by number."""
        return self._later(
            _Read(lambda connection: questions.unfinished(connection, queue, after, most))
        )

    def by_address(
        self, owner: str, source: str, destination: str, most: int
    ) -> Deferred[list[Record]]:
        """Fires with what waits between two addresses, by number."""
        return self._later(
            _Read(
                lambda connection: questions.by_address(
                    connection, owner, source, destination, most
                )
            )
        )

    def purge(self, before: float, keep: int, most: int) -> Deferred[int]:
        """Forgets what is done and old; fires with how many."""
        return self._later(
            _Read(lambda connection: questions.purge(connection, before, keep, most))
        )

    # Back in the reactor's thread.

    def _written(self, batch: list[_Write | _Read], error: BaseException | None, low: bool) -> None:
        if error is not None:
            self._not_written(batch, error)
        else:
            self._is_low(low)
            for intent in batch:
                if not intent.deferred.called:
                    intent.deferred.callback(intent.result if isinstance(intent, _Read) else None)
        if not self._has_to_wait:
            self._write_next()

    def _is_low(self, low: bool) -> None:
        if low and not self.full:
            self.log.error("{path}: the disk is full, no new messages", path=str(self.path))
        elif self.full and not low:
            self.log.info("{path}: there is room again", path=str(self.path))
        self.full = low

    def _not_written(self, batch: list[_Write | _Read], error: BaseException) -> None:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == _FULL:
            self._no_room(batch)
            return
        self.failed = StoreFailed(str(self.path), f"{error}; it takes nothing more")
        self.log.critical("{error}", error=str(self.failed))
        waiting, self._next = self._next, []
        for intent in [*batch, *waiting]:
            if not intent.deferred.called:
                intent.deferred.errback(self.failed)
        failing, self._failing = self._failing, []
        for deferred in failing:
            deferred.callback(self.failed)

    def _no_room(self, batch: list[_Write | _Read]) -> None:
        """The reserve was not enough: what is new is refused, the rest waits for room."""
        self._is_low(True)
        kept: list[_Write | _Read] = []
        for intent in batch:
            if isinstance(intent, _Write) and intent.is_new:
                if not intent.deferred.called:
                    intent.deferred.errback(StoreFull(str(self.path), "the disk is full"))
            else:
                kept.append(intent)
        self._next = kept + self._next
        if kept:
            self._has_to_wait = True
            self._reactor.callLater(ROOM_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._has_to_wait = False
        self._write_next()

    def _shut_down(self, error: BaseException | None) -> None:
        self._connection = None
        self._file.release()
        self._pool.stop()
        closing = cast("Deferred[None]", self._closing)
        if error is None:
            closing.callback(None)
        else:
            closing.errback(StoreFailed(str(self.path), str(error)))


def _put_rows(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    begin = 0
    for count, statement in _PUT.items():
        while len(rows) - begin >= count:
            values = list(chain.from_iterable(rows[begin : begin + count]))
            connection.execute(statement, values)
            begin += count


def _one_thread() -> Any:
    """A pool whose thread does not keep a process alive that has failed to close the store."""
    pool: Any = ThreadPool(1, 1, "store")
    pool.threadFactory = partial(threading.Thread, daemon=True)
    return pool
