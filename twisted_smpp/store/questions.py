"""What is asked of a SQLite store, as functions of the connection."""

from __future__ import annotations

import sqlite3
from typing import Any

from twisted.logger import Logger

from twisted_smpp.store.record import COLUMNS, Record
from twisted_smpp.store.schema import put_aside

__all__ = [
    "by_address",
    "due",
    "ended",
    "expired",
    "get",
    "purge",
    "text_or_octets",
    "unfinished",
    "waiting",
]

log = Logger()

#: No record has a greater one.
MOST_NUMBER = 2**63 - 1

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM message "  # noqa: S608


def text_or_octets(octets: bytes) -> str | bytes:
    """What a column of text holds; a ``text_factory`` for what may be damaged."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets


def _rows(connection: sqlite3.Connection, statement: str, *values: Any) -> list[Any]:
    """The rows; a text that is no UTF-8 comes as octets, and does not hide the others."""
    try:
        return connection.execute(statement, values).fetchall()
    except sqlite3.OperationalError as error:
        # Those of SQLite itself have a code.
        if getattr(error, "sqlite_errorcode", 0):
            raise
    connection.text_factory = text_or_octets
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.text_factory = str


def _records(connection: sqlite3.Connection, where: str, *values: Any) -> list[Record]:
    """The records of the rows; one that cannot be read is put aside and nobody stumbles again."""
    while True:
        rows = _rows(connection, _SELECT + where, *values)
        found = []
        for row in rows:
            try:
                found.append(Record.of(row))
            except ValueError as error:
                _put_aside(connection, row[0], str(error))
        # Those that were put aside took the places of others.
        if len(found) == len(rows):
            return found


def _put_aside(connection: sqlite3.Connection, number: int, reason: str) -> None:
    log.error("record {number} is put aside: {reason}", number=number, reason=reason)
    put_aside(connection, number, reason)


def get(connection: sqlite3.Connection, number: int) -> Record | None:
    """The record of a number."""
    if abs(number) > MOST_NUMBER:
        return None  # SQLite takes no such number; who asks for it may be anybody
    found = _records(connection, "WHERE number = ?", number)
    return found[0] if found else None


def due(connection: sqlite3.Connection, queue: str, now: float, most: int) -> list[Record]:
    """What is due in a queue, the earliest first."""
    where = "WHERE queue = ? AND due <= ? ORDER BY due, number LIMIT ?"
    return _records(connection, where, queue, now, most)


def expired(connection: sqlite3.Connection, now: float, most: int) -> list[Record]:
    """What waits although it is worth nothing any more, the oldest first."""
    where = "WHERE due IS NOT NULL AND expires <= ? ORDER BY expires, number LIMIT ?"
    return _records(connection, where, now, most)


def waiting(connection: sqlite3.Connection) -> dict[str, tuple[int, float]]:
    """How many wait in each queue, and until when the first."""
    rows = _rows(
        connection,
        "SELECT queue, count(*), min(due) FROM message WHERE due IS NOT NULL GROUP BY queue",
    )
    return {
        queue: (count, earliest)
        for queue, count, earliest in rows
        if isinstance(queue, str) and isinstance(earliest, float)
    }


def unfinished(connection: sqlite3.Connection, queue: str, after: int, most: int) -> list[Record]:
    """What is not done in a queue, by number."""
    where = "WHERE number > ? AND queue = ? AND done IS NULL ORDER BY number LIMIT ?"
    return _records(connection, where, after, queue, most)


def by_address(
    connection: sqlite3.Connection, owner: str, source: str, destination: str, most: int
) -> list[Record]:
    """What waits between two addresses, by number."""
    where = (
        "WHERE owner = ? AND destination = ? AND source = ? AND due IS NOT NULL "
        "ORDER BY number LIMIT ?"
    )
    return _records(connection, where, owner, destination, source, most)


def ended(connection: sqlite3.Connection) -> int:
    """How many are done; it takes longer the more there are."""
    (count,) = connection.execute("SELECT count(*) FROM message WHERE done IS NOT NULL").fetchone()
    return int(count)


def purge(connection: sqlite3.Connection, before: float, surplus: int, most: int) -> int:
    """Forgets what is done and old, or too much."""
    old = connection.execute(
        "SELECT number, done < ? FROM message WHERE done IS NOT NULL ORDER BY done, number LIMIT ?",
        (before, most),
    ).fetchall()
    gone = [(number,) for place, (number, is_old) in enumerate(old) if is_old or place < surplus]
    connection.executemany("DELETE FROM message WHERE number = ?", gone)
    return len(gone)
