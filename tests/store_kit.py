"""A store without threads: what its thread would do waits in a list until a test lets it run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from twisted_smpp.store import MemoryStore, Record, SQLiteStore
from twisted_smpp.store.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MUCH = 2**40


class Steps:
    """A reactor and a pool of one thread; ``run`` lets both go on until nothing is left to do."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.callLater = self.clock.callLater
        self.in_thread: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.back: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.is_started = False

    def start(self) -> None:
        self.is_started = True

    def stop(self) -> None:
        self.is_started = False

    def callInThread(self, function: Callable[..., None], *arguments: Any) -> None:  # noqa: N802
        assert self.is_started
        self.in_thread.append((function, arguments))

    def callFromThread(self, function: Callable[..., None], *arguments: Any) -> None:  # noqa: N802
        self.back.append((function, arguments))

    def turn(self) -> None:
        """Lets the reactor turn once."""
        self.clock.advance(0)

    def work(self) -> None:
        """Lets the thread do one thing, of which the reactor has not heard yet."""
        function, arguments = self.in_thread.pop(0)
        function(*arguments)

    def hear(self) -> None:
        """Lets the reactor hear of one thing."""
        function, arguments = self.back.pop(0)
        function(*arguments)

    def run(self) -> None:
        """Goes on until nothing is left but what waits for a later time."""
        self.turn()
        while self.in_thread or self.back:
            (self.work if self.in_thread else self.hear)()
            self.turn()

    def after(self, seconds: float) -> None:
        """Lets time pass, and all that it brings happen."""
        self.clock.advance(seconds)
        self.run()


class World:
    """One store at a time, and where its files are."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.options = {"reserve": 0, **options}
        self.free = (MUCH, 2 * MUCH)
        self.steps = Steps()
        self.store: Any = None

    @property
    def path(self) -> Path:
        return self.folder / "store.db"

    def make(self) -> SQLiteStore:
        store = SQLiteStore(
            self.path,
            reactor=self.steps,
            pool=self.steps,
            seconds=self.steps.clock.seconds,
            **self.options,
        )
        store._space = Space(
            self.path,
            self.options.get("floor"),
            self.options["reserve"],
            self.options.get("most_octets"),
            lambda _: self.free,
        )
        return store

    def open(self) -> Any:
        self.store = self.make()
        self.store.open()
        return self.store

    def get(self, deferred: Deferred[Any] | None) -> Any:
        """What a Deferred fires with; it must have, when nothing is left to do."""
        if deferred is None:
            return None
        self.steps.run()
        result = fired(deferred)
        assert result is not PENDING, "it has not fired"
        if isinstance(result, Failure):
            result.raiseException()
        return result

    def close(self) -> None:
        self.get(self.store.close())

    def restart(self) -> Any:
        """Ends it in order, and begins again."""
        self.close()
        return self.open()

    def crash(self) -> Any:
        """Goes on with a copy of the files as they are, as after the end of the process."""
        copy = self.folder.with_name(f"{self.folder.name}x")
        copy.mkdir()
        for suffix in ("", "-wal"):
            source = self.path.with_name(self.path.name + suffix)
            if source.exists():
                shutil.copy(source, copy)
        self.abandon()
        self.folder, self.steps = copy, Steps()
        return self.open()

    def abandon(self) -> None:
        """Closes what this process has of it, and nothing else."""
        if self.store is not None and self.store._connection is not None:
            self.store._connection.close()
            self.store._file.release()
            self.store._connection = None


class MemoryWorld(World):
    """The same for what is only in memory."""

    def make(self) -> Any:
        return MemoryStore()


PENDING = object()


def fired(deferred: Deferred[Any]) -> Any:
    """What a Deferred has fired with, a Failure included, or PENDING."""
    found = [PENDING]

    def keep(result: Any) -> None:
        found[0] = result

    deferred.addBoth(keep)
    return found[0]


def record(number: int, queue: str = "link", **fields: Any) -> Record:
    """A record that is due, unless it says otherwise."""
    return Record(number, 1, queue, **{"due": 10.0, "pdu": b"\0" * 20, **fields})


def columns(each: Record | None) -> tuple[Any, ...] | None:
    return None if each is None else each.row()
