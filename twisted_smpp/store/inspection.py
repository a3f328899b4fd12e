"""A store looked at without a change: is it sound, what is in it, what was put aside."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from twisted_smpp.errors import StoreDamaged, StoreInUse
from twisted_smpp.store.file import (
    check_header,
    check_kind,
    connect_read_only,
    errors_of,
    in_peace,
)
from twisted_smpp.store.questions import text_or_octets
from twisted_smpp.store.record import COLUMNS, Record
from twisted_smpp.store.schema import schema_of, tables

__all__ = [
    "Aside",
    "Findings",
    "inspect",
    "list_aside",
    "nobody_asks",
    "opened",
    "rows_aside",
]

#: Problems that are told; a damaged file may have thousands.
_MOST_PROBLEMS = 20
#: Steps of SQLite between two signs of life.
_STEPS = 1_000_000
#: Rows between two signs of life.
_ROWS = 50_000


def nobody_asks() -> None:
    """Tells nobody that the work goes on."""


@dataclass
class Findings:
    """What was found in a store.

    Attributes:
        version: its format; 0 when nobody knows.
        in_use: whether a process had it.
        problems: what is wrong with it, a line each, without anything that a subscriber wrote.
        records: how many there are of each (queue kind, kind, state, done): the part of the
            queue before ``":"``, the ``kind`` and ``state`` of the record, and whether it is done.
        put_aside: records in the quarantine.
    """

    version: int = 0
    in_use: bool = False
    problems: list[str] = field(default_factory=list)
    records: Counter[tuple[str, int, int, bool]] = field(default_factory=Counter)
    put_aside: int = 0

    def add(self, problem: str) -> None:
        """One more problem, unless there are enough."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(ascii(problem)[1:-1])


@dataclass(frozen=True)
class Aside:
    """A record that was put aside.

    Attributes:
        number: of it.
        reason: why.
        columns: all that it has, by the names of :data:`~twisted_smpp.store.record.COLUMNS`;
            values may be anything, and ``pdu`` and ``data`` are what a subscriber wrote.
    """

    number: int
    reason: str
    columns: dict[str, Any]

    def __repr__(self) -> str:
        return f"<Aside {self.number}: {self.reason}>"


@contextlib.contextmanager
def opened(
    path: Path, *, at_rest: bool, alive: Callable[[], object] = nobody_asks
) -> Iterator[tuple[sqlite3.Connection, int]]:
    """A connection that can only read, and the format of the store.

    Args:
        path: of the store.
        at_rest: whether nobody has it.
        alive: called now and then while SQLite works.

    Raises:
        StoreError: it is no store, or cannot be read.
    """
    with errors_of(path):
        check_header(path, path)
        with contextlib.closing(connect_read_only(path, at_rest=at_rest)) as connection:
            connection.set_progress_handler(partial(_go_on, alive), _STEPS)
            connection.text_factory = text_or_octets
            (kind,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            check_kind(path, kind, version, is_empty=False)
            yield connection, version


def _go_on(alive: Callable[[], object]) -> int:
    alive()
    return 0


def inspect(path: Path, alive: Callable[[], object] = nobody_asks) -> Findings:
    """Reads all of a store, and writes nothing.

    Args:
        path: of the store; a daemon may have it.
        alive: called now and then.

    Raises:
        StoreFailed: it cannot be read at all.
    """
    findings = Findings()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(in_peace(path))
        except StoreInUse:
            findings.in_use = True
        try:
            with opened(path, at_rest=not findings.in_use, alive=alive) as (connection, version):
                findings.version = version
                # One moment of it, however long it takes.
                connection.execute("BEGIN")
                _inspect(connection, findings, alive)
        except StoreDamaged as error:
            findings.add(error.reason)
    return findings


def _inspect(
    connection: sqlite3.Connection, findings: Findings, alive: Callable[[], object]
) -> None:
    if schema_of(connection) != tables(findings.version):
        findings.add("its tables are not those of a store")
    for (said,) in connection.execute(f"PRAGMA integrity_check({_MOST_PROBLEMS})"):
        # SQLite puts several problems into one row, a line each, below a title.
        for line in str(said).splitlines():
            if line != "ok" and not line.startswith("***"):
                findings.add(line)
    rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM message")  # noqa: S608
    for count, row in enumerate(rows):
        if not count % _ROWS:
            alive()
        try:
            record = Record.of(row)
        except ValueError as error:
            findings.add(f"{error}; a daemon would put it aside")
        else:
            queue = record.queue.partition(":")[0]
            findings.records[queue, record.kind, record.state, record.done is not None] += 1
    ((findings.put_aside,),) = connection.execute("SELECT count(*) FROM quarantine").fetchall()


def list_aside(path: Path) -> list[Aside]:
    """What was put aside, by its numbers.

    Args:
        path: of the store.

    Raises:
        StoreInUse: a process has it.
        StoreError: it cannot be read.
    """
    with in_peace(path), opened(path, at_rest=True) as (connection, version):
        if schema_of(connection) != tables(version):
            raise StoreDamaged(str(path), "its tables are not those of a store")
        return [aside_of(row) for row in rows_aside(connection)]


def rows_aside(connection: sqlite3.Connection) -> Iterator[tuple[tuple[str, Any], ...]]:
    """The names and values of each; those of format 1 have few."""
    cursor = connection.execute("SELECT * FROM quarantine ORDER BY number")
    names = [each[0] for each in cursor.description]
    for row in cursor:
        yield tuple(zip(names, row, strict=True))


def aside_of(row: tuple[tuple[str, Any], ...]) -> Aside:
    """One of :func:`rows_aside`."""
    values = dict(row)
    columns = {name: values.get(name) for name in COLUMNS}
    return Aside(values["number"], str(values["reason"]), columns)
