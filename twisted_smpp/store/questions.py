"""What is asked of a SQLite store, as functions of the connection."""

from __future__ import annotations

import sqlite3
from typing import Any

from twisted.logger import Logger

from twisted_smpp.store.record import COLUMNS, Record

__all__ = ["by_address", "due", "expired", "get", "purge", "unfinished", "waiting"]

log = Logger()

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM message "  # noqa: S608


def _records(connection: sqlite3.Connection, where: str, *values: Any) -> list[Record]:
    """The records of the rows; one that cannot be read is put aside and nobody stumbles again."""
    found = []
    for row in connection.execute(_SELECT + where, values).fetchall():
        try:
            found.append(Record.of(row))
        except ValueError as error:
            log.error("record {number} is put aside: {error}", number=row[0], error=str(error))
            connection.execute(
                "INSERT OR REPLACE INTO quarantine SELECT number, ?, pdu FROM message "
                "WHERE number = ?",
                (str(error), row[0]),
            )
            connection.execute("DELETE FROM message WHERE number = ?", (row[0],))
    return found


def get(connection: sqlite3.Connection, number: int) -> Record | None:
    """The record of a number."""
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
    rows = connection.execute(
        "SELECT queue, count(*), min(due) FROM message WHERE due IS NOT NULL GROUP BY queue"
    )
    return {queue: (count, earliest) for queue, count, earliest in rows}


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


def purge(connection: sqlite3.Connection, before: float, keep: int, most: int) -> int:
    """Forgets what is done and old."""
    (count,) = connection.execute("SELECT count(*) FROM message WHERE done IS NOT NULL").fetchone()
    surplus = max(0, count - keep)
    old = connection.execute(
        "SELECT number, done FROM message WHERE done IS NOT NULL ORDER BY done, number LIMIT ?",
        (most,),
    ).fetchall()
    gone = [
        (number,) for place, (number, done) in enumerate(old) if done < before or place < surplus
    ]
    connection.executemany("DELETE FROM message WHERE number = ?", gone)
    return len(gone)
