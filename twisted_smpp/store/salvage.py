"""What can still be read of a damaged store goes into a new one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted_smpp.store.file import StoreFile, errors_of, in_peace, sync_folder
from twisted_smpp.store.inspection import nobody_asks, opened, rows_aside
from twisted_smpp.store.record import COLUMNS, Record

__all__ = ["Salvaged", "salvage"]

#: Rows that are read at a time.
_PAGE = 500
#: Questions that may fail: each costs some microseconds, and numbers may be far apart.
_MOST_FAILURES = 1_000_000
#: Numbers that are left out behind the last one that is known, so that none is given out twice.
_GAP = 1_000_000
_MOST_NUMBER = 2**62

_ALL = ", ".join(COLUMNS)
_ROW = ", ".join("?" * len(COLUMNS))
_PUT = f"INSERT OR IGNORE INTO message ({_ALL}) VALUES ({_ROW})"  # noqa: S608
_PUT_ASIDE = f"INSERT OR IGNORE INTO quarantine (reason, {_ALL}) VALUES (?, {_ROW})"  # noqa: S608
#: The indices know numbers of rows that cannot be read.
_INDICES = (
    "SELECT number FROM message INDEXED BY message_due WHERE due IS NOT NULL",
    "SELECT number FROM message INDEXED BY message_done WHERE done IS NOT NULL",
)


@dataclass
class Salvaged:
    """What came of it.

    Attributes:
        read: records that are in the new store.
        unreadable: records of which no message can be made; they are in its quarantine.
        put_aside: records that were in the quarantine before, and are again.
        lost: records that are known to have been there, and could not be read.
        complete: whether all of the old store was read; if not, there may have been more.
    """

    read: int = 0
    unreadable: int = 0
    put_aside: int = 0
    lost: int = 0
    complete: bool = True


def salvage(path: Path, new: Path, alive: Callable[[], object] = nobody_asks) -> Salvaged:
    """Makes a new store of what can be read of an old one, which stays as it is.

    Args:
        path: of the old one; no process may have it.
        new: of the new one; nothing may be there.
        alive: called now and then.

    Raises:
        FileExistsError: something is at ``new``.
        StoreInUse: a process has the old one.
        StoreDamaged: nothing at all can be read.
        StoreFailed: the new one cannot be written.
    """
    beside = [Path(f"{new}{suffix}") for suffix in ("", "-wal", ".lock")]
    for each in beside:
        if os.path.lexists(each):
            raise FileExistsError(f"{each} is there already")
    part = Path(f"{new}.salvaging")
    with in_peace(path), opened(path, at_rest=True, alive=alive) as (connection, _):
        # It has to be readable even when a line of its list of tables is not.
        connection.execute("PRAGMA writable_schema = ON")
        with errors_of(new):
            result = _salvage(_Old(connection, alive), part)
            # Unlike a change of its name this takes no place that is taken.
            os.link(part, new)
            _remove(part)
            sync_folder(new.resolve().parent)
    return result


def _remove(part: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".lock"):
        Path(f"{part}{suffix}").unlink(missing_ok=True)


def _salvage(old: _Old, part: Path) -> Salvaged:
    _remove(part)
    file = StoreFile(part)
    result = Salvaged()
    try:
        with contextlib.closing(file.open()) as connection:
            _copy(old, connection, result)
    except BaseException:
        _remove(part)
        raise
    finally:
        file.release()
    return result


class _Old:
    """A damaged store.

    Args:
        connection: to it.
        alive: called for each page.
    """

    def __init__(self, connection: sqlite3.Connection, alive: Callable[[], object]) -> None:
        self._connection = connection
        self._alive = alive
        self._failures = 0
        self.complete = True

    def known(self) -> set[int]:
        """The numbers that the indices have."""
        found: set[int] = set()
        for statement in _INDICES:
            try:
                for (number,) in self._connection.execute(statement):
                    if isinstance(number, int) and 0 < number < _MOST_NUMBER:
                        found.add(number)
            except sqlite3.DatabaseError:
                self.complete = False
        return found

    def reserved(self) -> int:
        """Up to which number they may have been given out."""
        with contextlib.suppress(sqlite3.DatabaseError):
            found = self._connection.execute("SELECT value FROM meta WHERE name = 'numbers'")
            for (value,) in found:
                if isinstance(value, int) and 0 <= value < _MOST_NUMBER:
                    return value
        self.complete = False
        return 0

    def rows(self, last: int) -> Iterator[tuple[Any, ...]]:
        """The rows of all records that can be read.

        Args:
            last: the highest number that is known.
        """
        # Those outside are tried once: nothing should be there.
        spans = [(-(2**63), 0), (last + 1, 2**63 - 1), (1, last)]
        while spans:
            low, high = spans.pop()
            try:
                rows = self._page(low, high)
            except sqlite3.DatabaseError:
                self.complete = False
                self._failures += 1
                if self._failures < _MOST_FAILURES and 1 <= low < high <= last:
                    middle = (low + high) // 2
                    spans += [(middle + 1, high), (low, middle)]
                continue
            yield from rows
            if len(rows) == _PAGE:
                spans.append((rows[-1][0] + 1, high))

    def _page(self, low: int, high: int) -> list[tuple[Any, ...]]:
        self._alive()
        # The end of a span is only found with a look at the row behind it, which may be damaged.
        where = "number = ? AND ?" if low == high else "number BETWEEN ? AND ?"
        return self._connection.execute(
            f"SELECT {_ALL} FROM message NOT INDEXED "  # noqa: S608
            f"WHERE {where} ORDER BY number LIMIT {_PAGE}",
            (low, high),
        ).fetchall()

    def aside(self) -> Iterator[dict[str, Any]]:
        """What was put aside, as far as it can be read."""
        try:
            for row in rows_aside(self._connection):
                yield dict(row)
        except sqlite3.DatabaseError:
            self.complete = False


def _copy(old: _Old, connection: sqlite3.Connection, result: Salvaged) -> None:
    known = old.known()
    reserved = old.reserved()
    last = max(known, default=0)
    connection.execute("BEGIN IMMEDIATE")
    highest = 0
    for row in old.rows(max(last, reserved, _PAGE)):
        known.discard(row[0])
        highest = max(highest, row[0])
        try:
            if not 0 < row[0] < _MOST_NUMBER:
                raise ValueError(f"{row[0]} is no number of a record")
            Record.of(row)
        except ValueError as error:
            connection.execute(_PUT_ASIDE, (str(error), *row))
            result.unreadable += 1
        else:
            connection.execute(_PUT, row)
            result.read += 1
    for each in old.aside():
        values = [each.get(name) for name in COLUMNS]
        connection.execute(_PUT_ASIDE, (str(each.get("reason")), *values))
        result.put_aside += 1
    result.lost = len(known)
    result.complete = old.complete and not known
    highest = min(max(highest, last), _MOST_NUMBER)
    numbers = max(reserved, highest + (0 if result.complete else _GAP))
    connection.execute("UPDATE meta SET value = ? WHERE name = 'numbers'", (numbers,))
    connection.execute("UPDATE meta SET value = 1 WHERE name = 'clean'")
    connection.execute("COMMIT")
