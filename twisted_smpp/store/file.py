"""The file of a SQLite store: locked, created, looked at, opened.

One process has it at a time, by a lock on a file beside it. It is never overwritten when
something is wrong with it, and never read with ``mmap``, which turns an I/O error into a signal.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from twisted_smpp.errors import StoreDamaged, StoreFailed, StoreInUse

__all__ = ["SCHEMA_VERSION", "StoreFile"]

#: "SMPP": says that a SQLite file is ours.
APPLICATION_ID = 0x534D5050
SCHEMA_VERSION = 1

#: Octets of the write-ahead log that are kept between checkpoints.
_JOURNAL_OCTETS = 64 * 1024 * 1024
#: Pages of it after which it is copied into the database.
_CHECKPOINT_PAGES = 4000

_SCHEMA = """
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
CREATE TABLE quarantine (number INTEGER PRIMARY KEY, reason TEXT NOT NULL, pdu BLOB) STRICT;
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO meta VALUES ('numbers', 0), ('clean', 1);
"""


class StoreFile:
    """One file, for one process.

    Args:
        path: of the file; it and its folder are made when there are none, for this user only.
        most_octets: how large it may become; None for as large as the disk lets it.
    """

    def __init__(self, path: str | Path, most_octets: int | None = None) -> None:
        self.path = Path(path)
        self._most_octets = most_octets
        self._lock: int | None = None

    def open(self) -> sqlite3.Connection:
        """Locks and opens it; may be used in one thread at a time.

        Raises:
            StoreInUse: another process has it.
            StoreDamaged: it is no store, or damaged.
            StoreFailed: it cannot be opened or made.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_lock()
            self._create()
        except OSError as error:
            self.release()
            raise StoreFailed(str(self.path), error.strerror or str(error)) from None
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            self.release()
            raise _as_store_error(self.path, error) from None
        except StoreDamaged:
            self.release()
            raise

    def release(self) -> None:
        """Gives the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> None:
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(lock, 20).decode("ascii", "replace").strip()
            os.close(lock)
            raise StoreInUse(str(self.path), f"in use by process {owner or 'unknown'}") from None
        os.ftruncate(lock, 0)
        os.write(lock, b"%d\n" % os.getpid())
        self._lock = lock

    def _create(self) -> None:
        """Makes the file, readable for nobody else, and makes sure that its folder knows it."""
        if self.path.exists():
            return
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _connect(self) -> sqlite3.Connection:
        is_new = self.path.stat().st_size == 0
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            if not is_new:
                self._check_kind(connection)
            self._configure(connection)
            if is_new or not self._has_tables(connection):
                connection.executescript(
                    f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {APPLICATION_ID};"
                    f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
                )
            self._check_content(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_kind(self, connection: sqlite3.Connection) -> None:
        (kind,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if kind != APPLICATION_ID and (kind or version or self._has_tables(connection)):
            raise StoreDamaged(str(self.path), "this is a database of another program")
        if version > SCHEMA_VERSION:
            raise StoreDamaged(
                str(self.path),
                f"written by a newer version (format {version}, this one reads {SCHEMA_VERSION})",
            )

    def _configure(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA busy_timeout = 5000")
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreDamaged(str(self.path), f"its journal is {mode}, and has to be wal")
        for setting in (
            "synchronous = FULL",
            "mmap_size = 0",
            f"journal_size_limit = {_JOURNAL_OCTETS}",
            f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
            "trusted_schema = OFF",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {setting}")
        if self._most_octets is not None:
            (page,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA max_page_count = {max(64, self._most_octets // page)}")

    @staticmethod
    def _has_tables(connection: sqlite3.Connection) -> bool:
        return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None

    def _check_content(self, connection: sqlite3.Connection) -> None:
        """After a stop that was none in order, the whole file is looked through."""
        found = dict(connection.execute("SELECT name, value FROM meta"))
        if not {"numbers", "clean"} <= found.keys():
            raise StoreDamaged(str(self.path), "its table meta lacks values")
        if not found["clean"]:
            (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if result != "ok":
                raise StoreDamaged(str(self.path), f"damaged: {result}")
        connection.execute("UPDATE meta SET value = 0 WHERE name = 'clean'")


def _as_store_error(path: Path, error: sqlite3.DatabaseError) -> StoreDamaged | StoreFailed:
    """What SQLite says when a file cannot be opened: the file's fault, or the disk's."""
    if isinstance(error, sqlite3.OperationalError) and getattr(
        error, "sqlite_errorcode", sqlite3.SQLITE_ERROR
    ) & 0xFF not in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreFailed(str(path), str(error))
    return StoreDamaged(str(path), str(error))
