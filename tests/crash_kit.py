"""What a disk may hold after a crash: every write recorded, and replayed up to any instant.

A VFS of apsw logs each write, truncation, sync, creation and removal of the files of a store
while the real store code works on it. From that log the files are built as a crash at any
instant could leave them; what was not synced may be there, missing, torn or out of order.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import apsw

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

SECTOR = 512
CODES = {apsw.IOError: sqlite3.SQLITE_IOERR, apsw.FullError: sqlite3.SQLITE_FULL}


@dataclass
class Event:
    """One thing that was done to a file."""

    what: str
    name: str
    at: int = 0
    octets: bytes = b""


@dataclass
class Recording:
    """What was done, in its order; ``marks`` says what was acknowledged before which event."""

    events: list[Event] = field(default_factory=list)
    marks: list[tuple[int, Any]] = field(default_factory=list)
    #: Raises when it likes, with the kind of the event.
    fault: Any = None

    def note(self, event: Event) -> None:
        if self.fault is not None:
            self.fault(event)
        self.events.append(event)

    def acknowledge(self, what: Any) -> None:
        self.marks.append((len(self.events), what))


class RecordingVFS(apsw.VFS):
    def __init__(self, name: str, recording: Recording) -> None:
        self.recording = recording
        self.vfs_name = name
        super().__init__(name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802
        return RecordingFile(self.recording, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802
        super().xDelete(name, sync)
        self.recording.note(Event("delete", short(name), int(sync)))


class RecordingFile(apsw.VFSFile):
    def __init__(self, recording: Recording, name: Any, flags: list[int]) -> None:
        self.recording = recording
        self.short = short(name.filename() if isinstance(name, apsw.URIFilename) else name)
        super().__init__("", name, flags)
        if flags[0] & apsw.SQLITE_OPEN_CREATE:
            recording.note(Event("create", self.short))

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self.recording.note(Event("write", self.short, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self.recording.note(Event("truncate", self.short, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self.recording.note(Event("sync", self.short))
        super().xSync(flags)


def short(name: str | None) -> str:
    return (name or "").rsplit("/", 1)[-1]


# An apsw connection that the store takes for one of sqlite3.


class Cursor:
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __iter__(self) -> Any:
        return iter(self.fetchall())

    def fetchone(self) -> Any:
        return translated(self._cursor.fetchone)

    def fetchall(self) -> Any:
        return translated(self._cursor.fetchall)


class Connection:
    """With its index of the log in memory: the VFS of apsw shares none between processes."""

    def __init__(self, path: Path, vfs: str) -> None:
        self._connection = translated(lambda: apsw.Connection(str(path), vfs=vfs))
        self.execute("PRAGMA locking_mode = EXCLUSIVE")

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    @property
    def total_changes(self) -> int:
        return self._connection.total_changes()

    def execute(self, statement: str, values: Any = ()) -> Cursor:
        return Cursor(translated(lambda: self._connection.execute(statement, values)))

    def executemany(self, statement: str, rows: Any) -> None:
        translated(lambda: self._connection.executemany(statement, rows))

    def executescript(self, script: str) -> None:
        translated(lambda: self._connection.execute(script))

    def close(self) -> None:
        # As sqlite3's, which does not tell what failed while the last connection went.
        with contextlib.suppress(apsw.Error):
            self._connection.close()


def translated(function: Any) -> Any:
    try:
        return function()
    except apsw.Error as error:
        raised = sqlite3.OperationalError(str(error))
        # One that a test has made has no code of its own.
        raised.sqlite_errorcode = getattr(error, "extendedresult", CODES.get(type(error), 1))
        raise raised from None


# After the crash.


@dataclass
class Disk:
    """Files with what is safely on the disk, and what may or may not be."""

    safe: dict[str, bytearray] = field(default_factory=dict)
    pending: dict[str, list[Event]] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        name = event.name
        if event.what == "create":
            self.safe.setdefault(name, bytearray())
        elif event.what == "delete":
            # The name may come back with a crash; that it is gone is no worse than that.
            self.safe.pop(name, None)
            self.pending.pop(name, None)
        elif event.what == "sync":
            for each in self.pending.pop(name, []):
                apply(self.safe[name], each)
        else:
            self.pending.setdefault(name, []).append(event)

    def after(self, mode: str, random: Random) -> dict[str, bytearray]:
        """The files as they may be found; ``mode`` is kept, dropped, torn or subset."""
        files = {name: bytearray(octets) for name, octets in self.safe.items()}
        for name, events in self.pending.items():
            for event in survivors(events, mode, random):
                apply(files[name], event)
        return files


def survivors(events: list[Event], mode: str, random: Random) -> list[Event]:
    if mode == "kept":
        return events
    if mode == "dropped":
        return []
    if mode == "torn":
        # All but the last, of which a part of the sectors came to the disk.
        return [*events[:-1], *sectors(events[-1], random)]
    found = [event for event in events if random.random() < 0.7]
    return [part for event in found for part in (sectors(event, random) or [event])]


def sectors(event: Event, random: Random) -> list[Event]:
    if event.what != "write":
        return [event] if random.random() < 0.5 else []
    parts = []
    at, end = event.at, event.at + len(event.octets)
    while at < end:
        upto = min(end, at // SECTOR * SECTOR + SECTOR)
        if random.random() < 0.6:
            begin = at - event.at
            parts.append(Event("write", event.name, at, event.octets[begin : upto - event.at]))
        at = upto
    return parts


def apply(octets: bytearray, event: Event) -> None:
    if event.what == "truncate":
        del octets[event.at :]
        octets.extend(bytes(event.at - len(octets)))
    else:
        octets.extend(bytes(max(0, event.at - len(octets))))
        octets[event.at : event.at + len(event.octets)] = event.octets
