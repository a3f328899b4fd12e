"""Records that were put aside go back to work, or for ever."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted_smpp.store.file import StoreFile, errors_of
from twisted_smpp.store.questions import text_or_octets
from twisted_smpp.store.record import COLUMNS, Record
from twisted_smpp.store.schema import put_back

__all__ = ["drop", "release"]

_ALL = ", ".join(COLUMNS)
#: To open it was to look it through, if it was not stopped in order before.
_CLEAN = "UPDATE meta SET value = 1 WHERE name = 'clean'"
_SELECT = f"SELECT {_ALL} FROM quarantine "  # noqa: S608


def release(path: Path, number: int) -> list[int]:
    """Puts a record back where it was, with all other parts of its message.

    Args:
        path: of the store; no process may have it.
        number: of the record.

    Returns:
        the numbers of all that were put back.

    Raises:
        LookupError: there is none with this number.
        ValueError: it cannot be read, or is there again.
        StoreError: the store is in use, or cannot be opened or written.
    """
    with _transaction(path) as connection:
        rows = _group(connection, number)
        for row in rows:
            Record.of(row)
            found = connection.execute("SELECT 1 FROM message WHERE number = ?", row[:1])
            if found.fetchone() is not None:
                raise ValueError(f"record {row[0]}: there is one with this number again")
        for row in rows:
            put_back(connection, row[0])
        return [row[0] for row in rows]


def drop(path: Path, number: int) -> list[int]:
    """Forgets a record that was put aside, with all other parts of its message.

    Args:
        path: of the store; no process may have it.
        number: of the record.

    Returns:
        the numbers of all that are forgotten.

    Raises:
        LookupError: there is none with this number.
        StoreError: the store is in use, or cannot be opened or written.
    """
    with _transaction(path) as connection:
        numbers = [row[0] for row in _group(connection, number)]
        connection.executemany(
            "DELETE FROM quarantine WHERE number = ?", [(each,) for each in numbers]
        )
        return numbers


@contextlib.contextmanager
def _transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """The store, opened as a daemon does; all or nothing is done."""
    with errors_of(path):
        if not path.is_file():
            raise FileNotFoundError(2, "there is no such file")
        file = StoreFile(path)
        connection = file.open()
        try:
            connection.text_factory = text_or_octets
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except (LookupError, ValueError):
                connection.execute("ROLLBACK")
                connection.execute(_CLEAN)
                raise
            connection.execute(_CLEAN)
            connection.execute("COMMIT")
        finally:
            connection.close()
            file.release()


def _group(connection: sqlite3.Connection, number: int) -> list[tuple[Any, ...]]:
    row = connection.execute(f"{_SELECT} WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise LookupError(f"no record {number} was put aside")
    first = _first(row)
    if first is None:
        return [row]
    # They were numbered one after another.
    found = connection.execute(
        f"{_SELECT} WHERE queue = ? AND number BETWEEN ? AND ? ORDER BY number",
        (row[2], first, first + 255),
    )
    return [each for each in found if _first(each) == first]


def _first(row: tuple[Any, ...]) -> int | None:
    """The number of the first part of a message of an outbox."""
    try:
        data = json.loads(row[COLUMNS.index("data")])
    except (ValueError, TypeError, RecursionError):
        return None
    first = data.get("first") if isinstance(data, dict) else None
    return first if isinstance(first, int) and 0 <= first <= row[0] else None
