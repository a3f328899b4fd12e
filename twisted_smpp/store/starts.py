"""Starts that did not last, and the records that may be why.

A record may bring the process down: by a defect in C, or by taking all memory. A supervisor starts
it again, the record comes again, and so on for ever. So the file counts the starts in a row that
have not lasted. After some of them the records of earlier processes are handled one at a time, and
which one it is, is on the disk before it begins (:class:`~twisted_smpp.store.caution.Caution`).
If that start does not last either, that record is put aside when the next one begins.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from twisted.logger import Logger

from twisted_smpp.store.schema import put_aside

__all__ = ["begin", "lasted", "mark"]

log = Logger()

#: More starts in a row than that are a damaged number.
_MOST_STARTS = 1_000_000


def begin(connection: sqlite3.Connection, most: int) -> int:
    """Counts a start, and puts aside what a careful one before it did not get past.

    Args:
        connection: to a store that was just opened.
        most: starts in a row that may fail before one is careful.

    Returns:
        how many starts before it, in a row, have not lasted.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        failed = _failed(connection)
        if failed > most:
            for number, message_id in _suspects(connection):
                _quarantine(connection, number, message_id, failed)
        mark(connection, ())
        _count(connection, failed + 1)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return failed


def _failed(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT value FROM meta WHERE name = 'starts'").fetchall()
    if len(found) == 1 and isinstance(found[0][0], int) and 0 <= found[0][0] <= _MOST_STARTS:
        return int(found[0][0])
    # It is worth no refusal: nobody loses a message by it.
    log.warn("the number of failed starts is damaged, and counts as 0")
    return 0


def _count(connection: sqlite3.Connection, failed: int) -> None:
    connection.execute("REPLACE INTO meta VALUES ('starts', ?)", (failed,))


def _suspects(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Those that were being handled and have not come to their end."""
    return connection.execute(
        "SELECT number, CAST(message_id AS BLOB) FROM message "
        "WHERE done IS NULL AND number IN (SELECT number FROM handled)"
    ).fetchall()


def _quarantine(
    connection: sqlite3.Connection, number: int, message_id: bytes, failed: int
) -> None:
    reason = f"the last of {failed} starts in a row ended while it was handled"
    log.error(
        "record {number}, message {message_id}, is put aside: {reason}",
        number=number,
        message_id=ascii(message_id.decode("utf-8", "replace"))[1:-1] or "without an id",
        reason=reason,
    )
    put_aside(connection, number, reason)


def mark(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """The records with these numbers are about to be handled, and no others."""
    connection.execute("DELETE FROM handled")
    connection.executemany("INSERT INTO handled VALUES (?)", [(each,) for each in numbers])


def lasted(connection: sqlite3.Connection) -> None:
    """This start has lasted."""
    _count(connection, 0)
    mark(connection, ())
