"""Many rows to a statement, in values that the sqlite3 module binds at once.

Each statement that is executed, and each row of ``executemany``, gives up Python's lock and has to
get it back from a busy reactor: so all go into one. And for a value that is None or ``bytes`` the
module first asks whether somebody adapts it, which raises and forgets an error each time: with
four of them a row took two and a half times as long. So NULL is given as minus infinity, which is
no time, and octets as a ``bytearray``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from itertools import chain
from typing import Any

from twisted_smpp.store.record import COLUMNS, Row

__all__ = ["MOST_ROWS", "put"]

#: Rows of one statement, at most.
MOST_ROWS = 512
_SIZES = (1, 4, 16, 64, 128, 256, 384, MOST_ROWS)
_WIDTH = len(COLUMNS)
_PDU = COLUMNS.index("pdu")
#: Columns that may be NULL.
_TIMES = tuple(COLUMNS.index(name) for name in ("due", "expires", "done"))
_NULL = float("-inf")
_SQL_NULL = "-9e999"


def _put_statement(rows: int) -> str:
    """Puts up to so many rows; those that are left over have no number."""
    row = f"({', '.join('?' * _WIDTH)})"
    names = [f"column{place + 1}" for place in range(_WIDTH)]
    columns = [
        f"NULLIF({name}, {_SQL_NULL})" if place in _TIMES else name
        for place, name in enumerate(names)
    ]
    return (
        f"REPLACE INTO message ({', '.join(COLUMNS)}) SELECT {', '.join(columns)} "  # noqa: S608
        f"FROM (VALUES {', '.join([row] * rows)}) WHERE column1 > {_SQL_NULL}"
    )


def _remove_statement(rows: int) -> str:
    return f"DELETE FROM message WHERE number IN ({', '.join('?' * rows)})"  # noqa: S608


def _mark_statement(rows: int) -> str:
    numbers = ", ".join("?" * rows)
    return f"UPDATE message SET state = ?, tries = ? WHERE number IN ({numbers})"  # noqa: S608


#: By the number of rows.
_PUT = {rows: _put_statement(rows) for rows in _SIZES}
_REMOVE = {rows: _remove_statement(rows) for rows in _SIZES}
_MARK = {rows: _mark_statement(rows) for rows in _SIZES}


def put(
    connection: sqlite3.Connection,
    rows: Mapping[int, Row | None],
    marks: Mapping[int, tuple[int, int]],
) -> int:
    """Marks rows, then puts rows, and removes those that are None.

    Args:
        connection: within a transaction.
        rows: by their numbers, with the values of :data:`~twisted_smpp.store.record.COLUMNS`.
        marks: the state and tries of rows that are there, by their numbers.

    Returns:
        the highest number; 0 when there is none.
    """
    if marks:
        _mark(connection, marks)
    if not rows:
        return 0
    written = [row for row in rows.values() if row is not None]
    for begin in range(0, len(written), MOST_ROWS):
        some = written[begin : begin + MOST_ROWS]
        size = _fitting(len(some))
        connection.execute(_PUT[size], _values(some, size))
    gone = [number for number, row in rows.items() if row is None]
    _for_numbers(connection, _REMOVE, [], gone)
    return max(rows)


def _mark(connection: sqlite3.Connection, marks: Mapping[int, tuple[int, int]]) -> None:
    alike: dict[tuple[int, int], list[int]] = {}
    for number, mark in marks.items():
        alike.setdefault(mark, []).append(number)
    for mark, numbers in alike.items():
        _for_numbers(connection, _MARK, list(mark), numbers)


def _for_numbers(
    connection: sqlite3.Connection,
    statements: Mapping[int, str],
    before: list[int],
    numbers: list[int],
) -> None:
    """Executes what takes some values, and the numbers of as many rows as it has place for."""
    for begin in range(0, len(numbers), MOST_ROWS):
        some = numbers[begin : begin + MOST_ROWS]
        size = _fitting(len(some))
        connection.execute(statements[size], before + some + some[:1] * (size - len(some)))


def _values(rows: list[tuple[Any, ...]], size: int) -> list[Any]:
    values: list[Any] = list(chain.from_iterable(rows))
    for place in _TIMES:
        times = values[place::_WIDTH]
        values[place::_WIDTH] = [_NULL if time is None else time for time in times]
    values[_PDU::_WIDTH] = map(bytearray, values[_PDU::_WIDTH])
    values += [_NULL] * ((size - len(rows)) * _WIDTH)
    return values


def _fitting(rows: int) -> int:
    return next(size for size in _SIZES if size >= rows)
