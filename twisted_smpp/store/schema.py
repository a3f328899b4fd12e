"""The tables of a store, in this format and in earlier ones, and the way from one to the next.

A file says its format (``user_version``). An older one is brought up to date in one transaction,
after a copy was made; a newer one is refused.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from twisted_smpp.store.record import COLUMNS

__all__ = [
    "APPLICATION_ID",
    "META",
    "SCHEMA_VERSION",
    "STEPS",
    "create",
    "put_aside",
    "put_back",
    "schema_of",
    "tables",
]

#: "SMPP": says that a SQLite file is ours.
APPLICATION_ID = 0x534D5050
SCHEMA_VERSION = 3
#: What the table meta has to hold: the numbers that are reserved, and whether the last stop was in
#: order. It holds the number of starts in a row that did not last, too.
META = ("numbers", "clean")

_MESSAGE = """
CREATE TABLE message (
    number INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    queue TEXT NOT NULL,
    owner TEXT NOT NULL,
    state INTEGER NOT NULL,
    due REAL,
    expires REAL,
    message_id TEXT NOT NULL,
    source TEXT NOT NULL,
    destination TEXT NOT NULL,
    tries INTEGER NOT NULL,
    pdu BLOB NOT NULL,
    data TEXT NOT NULL,
    done REAL,
    at REAL NOT NULL
) STRICT;
CREATE INDEX message_due ON message (queue, due, number) WHERE due IS NOT NULL;
CREATE INDEX message_address ON message (owner, destination) WHERE due IS NOT NULL;
CREATE INDEX message_expires ON message (expires) WHERE due IS NOT NULL AND expires IS NOT NULL;
CREATE INDEX message_done ON message (done) WHERE done IS NOT NULL;
"""
_META = "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;\n"
#: Of format 1 only the octets were kept of what was put aside.
_OCTETS_ONLY = (
    "CREATE TABLE quarantine (number INTEGER PRIMARY KEY, reason TEXT NOT NULL, pdu BLOB) STRICT;\n"
)
#: With the values as they are, even those that no record may have.
_QUARANTINE = (
    "CREATE TABLE quarantine (number INTEGER PRIMARY KEY, reason TEXT NOT NULL, "
    f"{', '.join(f'{name} ANY' for name in COLUMNS[1:])}) STRICT;\n"
)
#: The numbers of records that were handled when the process ended, while it was careful.
_HANDLED = "CREATE TABLE handled (number INTEGER PRIMARY KEY) STRICT;\n"

_TABLES = {
    1: f"{_MESSAGE}{_OCTETS_ONLY}{_META}",
    2: f"{_MESSAGE}{_QUARANTINE}{_META}",
    3: f"{_MESSAGE}{_QUARANTINE}{_META}{_HANDLED}",
}

#: What meta holds at first.
_VALUES = {
    1: "('numbers', 0), ('clean', 1)",
    2: "('numbers', 0), ('clean', 1)",
    3: "('numbers', 0), ('clean', 1), ('starts', 0)",
}

#: From each format to the next one.
STEPS = {
    1: f"""
ALTER TABLE quarantine RENAME TO octets_only;
{_QUARANTINE}
INSERT INTO quarantine (number, reason, pdu) SELECT number, reason, pdu FROM octets_only;
DROP TABLE octets_only;
""",  # noqa: S608
    2: f"""
{_HANDLED}
INSERT OR REPLACE INTO meta VALUES ('starts', 0);
""",  # noqa: S608
}

_ALL = ", ".join(COLUMNS[1:])


def create(version: int = SCHEMA_VERSION) -> str:
    """The statements that make a new store, inside of a transaction.

    Args:
        version: its format; an earlier one for tests of the way to this one.
    """
    return (
        f"{_TABLES[version]} INSERT INTO meta VALUES {_VALUES[version]};"  # noqa: S608
        f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"
    )


def schema_of(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """What tables and indices it has, but for SQLite's own."""
    return connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema "
        "WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()


def tables(version: int) -> list[tuple[Any, ...]]:
    """What :func:`schema_of` gives of a store of this format."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(_TABLES[version])
        return schema_of(connection)
    finally:
        connection.close()


def put_aside(connection: sqlite3.Connection, number: int, reason: str) -> None:
    """Moves a record to where nobody stumbles over it again.

    Args:
        connection: to the store.
        number: of the record.
        reason: why, without anything that a subscriber wrote.
    """
    connection.execute(
        f"INSERT OR REPLACE INTO quarantine (number, reason, {_ALL}) "  # noqa: S608
        f"SELECT number, ?, {_ALL} FROM message WHERE number = ?",
        (reason, number),
    )
    connection.execute("DELETE FROM message WHERE number = ?", (number,))


def put_back(connection: sqlite3.Connection, number: int) -> None:
    """Moves a record that was put aside to where it was.

    Args:
        connection: to the store.
        number: of the record, of whose values a record can be made.
    """
    connection.execute(
        f"INSERT INTO message (number, {_ALL}) "  # noqa: S608
        f"SELECT number, {_ALL} FROM quarantine WHERE number = ?",
        (number,),
    )
    connection.execute("DELETE FROM quarantine WHERE number = ?", (number,))
