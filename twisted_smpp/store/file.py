"""The file of a SQLite store: locked, created, looked at, opened.

One process has it at a time, by a lock on a file beside it. It is never overwritten when
something is wrong with it, and never read with ``mmap``, which turns an I/O error into a signal.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from twisted_smpp.errors import StoreDamaged, StoreError, StoreFailed, StoreFull, StoreInUse
from twisted_smpp.store.schema import (
    APPLICATION_ID,
    META,
    SCHEMA_VERSION,
    STEPS,
    create,
    schema_of,
    tables,
)

__all__ = [
    "StoreFile",
    "check_header",
    "check_kind",
    "connect_read_only",
    "errors_of",
    "in_peace",
    "is_want_of_room",
    "sync_folder",
]

#: The first with STRICT tables.
_OLDEST_SQLITE = (3, 37)

#: What every SQLite file begins with, and how long that header is.
_MAGIC = b"SQLite format 3\0"
_HEADER_OCTETS = 100
#: Above it, numbers would soon not fit into SQLite's 64 bits.
_MOST_NUMBER = 2**62

#: Octets of the write-ahead log that are kept between checkpoints.
_JOURNAL_OCTETS = 64 * 1024 * 1024
#: Pages of it after which it is copied into the database.
_CHECKPOINT_PAGES = 4000


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def connect_read_only(path: Path, *, at_rest: bool) -> sqlite3.Connection:
    """Opens a store that is neither written nor checkpointed, so that a daemon may have it, too.

    Args:
        path: of the file.
        at_rest: whether nobody has it. Without a log not even an index of it is made then.
    """
    log = Path(f"{path.resolve()}-wal")
    is_alone = at_rest and not _size(log)
    mode = "mode=ro&immutable=1" if is_alone else "mode=ro"
    uri = f"{path.resolve().as_uri()}?{mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA mmap_size = 0")
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def in_peace(path: Path) -> Iterator[None]:
    """No daemon opens the store meanwhile; nothing is written.

    Raises:
        StoreInUse: a process has it.
    """
    try:
        lock = os.open(f"{path.resolve()}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield  # whoever has had it open has left a lock behind
        return
    try:
        _lock(path, lock, fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)


def _lock(path: Path, lock: int, kind: int) -> None:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(lock, 20).decode("ascii", "replace").strip()
        raise StoreInUse(str(path), f"in use by process {owner or 'unknown'}") from None


@contextlib.contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Makes a StoreError of what the disk, SQLite or a damaged file raise inside."""
    try:
        yield
    except sqlite3.Error as error:
        raise _as_store_error(path, error) from None
    except OSError as error:
        raise StoreFailed(str(path), error.strerror or str(error)) from None
    except UnicodeError:
        # Some messages of SQLite quote the damaged file.
        raise StoreDamaged(str(path), "a text in it is no UTF-8") from None
    except MemoryError:
        raise StoreFailed(str(path), "out of memory") from None


class StoreFile:
    """One file, for one process.

    Args:
        path: of the file; it and its folder are made when there are none, for this user only.
        connect: opens a SQLite file, as ``sqlite3.connect`` does.
    """

    log = Logger()

    def __init__(self, path: str | Path, connect: Callable[[Path], Any] | None = None) -> None:
        self.path = Path(path)
        self._real = self.path
        self._connect = connect or _connect
        self._lock: int | None = None

    def open(self) -> sqlite3.Connection:
        """Locks and opens it; may be used in one thread at a time.

        Raises:
            StoreInUse: another process has it.
            StoreDamaged: it is no store, or damaged.
            StoreFull: the disk is.
            StoreFailed: it cannot be opened or made.
        """
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise StoreFailed(str(self.path), f"SQLite {sqlite3.sqlite_version} is too old")
        try:
            with self.errors():
                # By another name it would have another lock.
                self._real = self.path.resolve()
                self._make_folder()
                self._take_lock()
                self._create()
                return self._open()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Gives the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def errors(self) -> contextlib.AbstractContextManager[None]:
        """See :func:`errors_of`."""
        return errors_of(self.path)

    def _beside(self, suffix: str) -> Path:
        return Path(f"{self._real}{suffix}")

    def _make_folder(self) -> None:
        """Makes it, and makes sure that it is still there when the power has failed."""
        folder = self._real.parent
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in missing:
            sync_folder(each.parent)

    def _take_lock(self) -> None:
        self._lock = lock = os.open(
            self._beside(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        _lock(self.path, lock, fcntl.LOCK_EX)
        # A full disk must not keep a store from being opened whose records make room.
        with contextlib.suppress(OSError):
            os.ftruncate(lock, 0)
            os.write(lock, b"%d\n" % os.getpid())

    def _create(self) -> None:
        """Makes the file, readable for nobody else, and makes sure that its folder knows it."""
        log = self._beside("-wal")
        if log.exists() and log.stat().st_size and not _size(self._real):
            # SQLite would throw the log away, with all that is in it.
            raise StoreDamaged(str(self.path), "it is missing or empty, but its log is there")
        if not self._real.exists():
            os.close(os.open(self._real, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            sync_folder(self._real.parent)

    def _open(self) -> sqlite3.Connection:
        is_new = not self._real.stat().st_size
        if not is_new:
            self._check_header()
        connection: sqlite3.Connection = self._connect(self._real)
        version = SCHEMA_VERSION
        try:
            if not is_new:
                (kind,) = connection.execute("PRAGMA application_id").fetchone()
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                is_new = not self._has_tables(connection)
                check_kind(self.path, kind, version, is_new)
            self._configure(connection)
            if is_new:
                connection.executescript(f"BEGIN IMMEDIATE; {create()} COMMIT;")
            elif version < SCHEMA_VERSION:
                self._bring_up_to_date(connection, version)
            self._check_content(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_header(self) -> None:
        """Refuses what is foreign before SQLite sees it, which might write what is in its log."""
        check_header(self._real, self.path)

    def _bring_up_to_date(self, connection: sqlite3.Connection, version: int) -> None:
        """Makes the tables of this format, in one transaction; a copy of the old file stays."""
        # What is damaged is neither copied nor changed.
        self._check_tables(connection, version)
        self._check_pages(connection)
        copy = self._copy(connection, version)
        steps = "".join(STEPS[each] for each in range(version, SCHEMA_VERSION))
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        except sqlite3.Error:
            # The file is as it was; a copy for each time that this is tried would fill the disk.
            copy.unlink()
            raise
        self.log.info(
            "{path}: brought from format {old} to {new}; as it was, it is in {copy}",
            path=str(self.path),
            old=version,
            new=SCHEMA_VERSION,
            copy=str(copy),
        )

    def _copy(self, connection: sqlite3.Connection, version: int) -> Path:
        """A whole copy beside the file, or none; under a name that nothing has."""
        names = (f".format-{version}{each}" for each in chain([""], (f".{n}" for n in count(2))))
        path = next(each for each in map(self._beside, names) if not os.path.lexists(each))
        part = self._beside(".copying")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            connection.execute("VACUUM INTO ?", (str(part),))
            os.fsync(descriptor)
            os.replace(part, path)
            sync_folder(path.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return path

    def _configure(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA busy_timeout = 5000")
        for setting in (
            "mmap_size = 0",
            # Also for the change to WAL, which is a transaction.
            "synchronous = FULL",
            "trusted_schema = OFF",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {setting}")
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreFailed(str(self.path), f"its journal is {mode}, and has to be wal")
        connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_OCTETS}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")

    @staticmethod
    def _has_tables(connection: sqlite3.Connection) -> bool:
        return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None

    def _check_content(self, connection: sqlite3.Connection) -> None:
        """After a stop that was none in order, the whole file is looked through."""
        self._check_tables(connection, SCHEMA_VERSION)
        found = dict(connection.execute("SELECT name, value FROM meta").fetchall())
        if found.get("clean") not in (0, 1) or not all(_is_number(found.get(n)) for n in META):
            raise StoreDamaged(str(self.path), "its table meta lacks values")
        (last,) = connection.execute("SELECT max(number) FROM message").fetchone()
        if not _is_number(last or 0):
            raise StoreDamaged(str(self.path), f"{last} is too large a number")
        if not found["clean"]:
            self._check_pages(connection)
        connection.execute("UPDATE meta SET value = 0 WHERE name = 'clean'")

    def _check_tables(self, connection: sqlite3.Connection, version: int) -> None:
        if schema_of(connection) != tables(version):
            raise StoreDamaged(str(self.path), "its tables are not those of a store")

    def _check_pages(self, connection: sqlite3.Connection) -> None:
        (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise StoreDamaged(str(self.path), f"damaged: {result}")


def check_header(path: Path, name: Path) -> None:
    """Refuses a file that is no store, by its first octets.

    Args:
        path: of the file.
        name: of it, for the error.

    Raises:
        StoreDamaged: it is none, or a newer one.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_OCTETS)
    if len(header) < _HEADER_OCTETS or not header.startswith(_MAGIC):
        raise StoreDamaged(str(name), "this is no SQLite database")
    version, kind = (int.from_bytes(header[at : at + 4], "big", signed=True) for at in (60, 68))
    # Those of a new store may still be in its log.
    check_kind(name, kind, version, is_empty=True)


def check_kind(path: Path, kind: int, version: int, is_empty: bool) -> None:
    """Refuses a database that is no store, or a newer one.

    Args:
        path: of the file, for the error.
        kind, version: its ``application_id`` and ``user_version``.
        is_empty: whether it may have neither.

    Raises:
        StoreDamaged: it is refused.
    """
    if is_empty and not kind and not version:
        return
    if kind != APPLICATION_ID:
        raise StoreDamaged(str(path), "this is a database of another program")
    if version > SCHEMA_VERSION:
        raise StoreDamaged(
            str(path),
            f"written by a newer version (format {version}, this one reads {SCHEMA_VERSION})",
        )
    if version < 1:
        raise StoreDamaged(str(path), f"there is no format {version}")


def _is_number(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= _MOST_NUMBER


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def sync_folder(path: Path) -> None:
    """Makes sure that what was made in a folder is still there when the power has failed."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def is_want_of_room(error: BaseException) -> bool:
    """Whether SQLite could not write because the disk is full."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE


#: Faults of the file and not of the disk; 0 is a text that is no UTF-8.
_FAULTS_OF_THE_FILE = frozenset(
    {
        0,
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_SCHEMA,
    }
)


def _as_store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """What SQLite says when a file cannot be opened: the file's fault, or the disk's."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    if is_want_of_room(error):
        return StoreFull(str(path), str(error))
    if code & 0xFF == sqlite3.SQLITE_BUSY:
        return StoreInUse(str(path), "in use by another program")
    if code & 0xFF in _FAULTS_OF_THE_FILE:
        # What it says of a text that is no UTF-8 has the text in it.
        return StoreDamaged(str(path), str(error) if code else "a text in it is no UTF-8")
    return StoreFailed(str(path), str(error))
