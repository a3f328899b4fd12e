"""A crash at every write and sync of a run: what was acknowledged is there (D01-D03, G06)."""

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from random import Random

import pytest
from store_kit import World, record

from twisted_smpp.errors import StoreError
from twisted_smpp.store import SQLiteStore

crash_kit = pytest.importorskip("crash_kit", reason="needs apsw", exc_type=ImportError)

#: How much more than usual: every instant so often, of so long a run.
THOROUGH = int(os.environ.get("STORE_CRASH_ROUNDS", "1"))
MODES = ("kept", "dropped", "torn", "subset")


class Run:
    """A run of the real store over the recording disk, and what it acknowledged when."""

    def __init__(self, folder, seed, turns, fault=None):
        self.recording = crash_kit.Recording(fault=fault)
        self.vfs = crash_kit.RecordingVFS(f"recording{id(self)}", self.recording)
        self.world = World(folder, connect=self._connect)
        self.random = Random(seed)
        #: By number: the states that were given to the store; None for removed.
        self.given = {}
        self.refused = []
        try:
            self.world.open()
            for turn in range(turns):
                self._turn()
                if turn == turns // 2:
                    # In the middle of the run the log goes into the file.
                    self.world.store._connection.execute("PRAGMA wal_autocheckpoint = 20")
            self.world.close()
        except StoreError as error:
            self.refused.append(error)
        finally:
            if self.world.store._connection is not None:
                self.world.abandon()
            self.vfs.unregister()

    def _connect(self, path):
        return crash_kit.Connection(path, self.vfs.vfs_name)

    def _turn(self):
        store, random = self.world.store, self.random
        for _ in range(random.randint(1, 6)):
            known = list(self.given)
            if not known or random.random() < 0.6:
                number = store.next_number()
            else:
                number = random.choice(known)
            versions = self.given.setdefault(number, [])
            gone = bool(versions) and random.random() < 0.2
            versions.append(not gone)
            version = len(versions)
            if gone:
                given = store.remove(number)
            else:
                write = store.add if version == 1 else store.save
                given = write(
                    record(
                        number,
                        state=version,
                        due=random.choice([None, random.random()]),
                        done=random.choice([None, random.random()]),
                        pdu=bytes([version % 256]) * random.choice([20, 300, 6000]),
                    )
                )
            given.addCallbacks(
                lambda _, what=(number, version): self.recording.acknowledge(what),
                lambda failure: self.refused.append(failure.value),
            )
        self.world.steps.run()

    def acknowledged(self, at):
        """By number: the last version that was acknowledged before an event."""
        found = {}
        for place, (number, version) in self.recording.marks:
            if place <= at:
                found[number] = max(version, found.get(number, 0))
        return found


@pytest.fixture
def folder():
    """In memory where there is such a place: what these tests lose is no power."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as name:
        yield Path(name)


def check(folder, files, run, acknowledged):
    """Opens what the crash left, with the real store, and compares."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    world = World(folder)
    store = world.open()
    try:
        connection = store._connection
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = connection.execute("SELECT number, state, pdu FROM message").fetchall()
        found = {number: (state, pdu) for number, state, pdu in rows}
        for number, version in acknowledged.items():
            versions = run.given[number]
            if number in found:
                assert found[number][0] >= version, f"{number} is older than acknowledged"
            else:
                later = versions[version - 1 :]
                assert not all(later), f"{number} was acknowledged and is lost"
        for number, (state, pdu) in found.items():
            assert run.given[number][state - 1], f"{number} was never like this"
            assert set(pdu) == {state % 256}
        assert store.next_number() > max([*found, *acknowledged], default=0)
    finally:
        world.abandon()


@pytest.mark.parametrize("mode", MODES)
def test_d03_a_crash_at_any_instant_loses_nothing_acknowledged(folder, mode):
    turns = 40 * THOROUGH
    for seed in range(THOROUGH):
        run = Run(folder / "run", seed, turns)
        assert not run.refused
        events = run.recording.events
        assert len(events) >= 300
        assert {each.what for each in events} >= {"write", "sync", "create"}
        # The log went into the file more than once.
        assert sum(each.what == "sync" and each.name == "store.db" for each in events) > 3
        disk = crash_kit.Disk()
        random = Random(seed)
        for at in range(len(events) + 1):
            if at:
                disk.take(events[at - 1])
            files = disk.after(mode, random)
            # The file itself is made, and its folder synced, before SQLite sees it.
            files.setdefault("store.db", bytearray())
            check(folder / "crash", files, run, run.acknowledged(at))
        shutil.rmtree(folder / "run")


def test_the_recording_holds_what_the_files_hold(folder):
    run = Run(folder / "run", 0, 10)
    disk = crash_kit.Disk()
    for event in run.recording.events:
        disk.take(event)
    assert disk.after("kept", Random(0))["store.db"] == run.world.path.read_bytes()


def test_the_check_finds_a_loss(folder):
    run = Run(folder / "run", 0, 10)
    disk = crash_kit.Disk()
    for event in run.recording.events:
        disk.take(event)
    files = disk.after("kept", Random(0))
    number = next(iter(run.acknowledged(10**9)))
    with pytest.raises(AssertionError, match="acknowledged"):
        check(folder / "crash", files, run, {number: 99})


# The disk says no (D04, D05, G07).


class Fault:
    """Breaks the n-th thing that is done to a file; from then on all, if ``stays``."""

    def __init__(self, at, error, stays):
        self.at, self.error, self.stays = at, error, stays
        self.count = 0
        self.hit = False

    def __call__(self, event):
        if event.what not in ("write", "sync", "truncate"):
            return
        self.count += 1
        if self.count == self.at or (self.stays and self.count > self.at):
            self.hit = True
            raise self.error()


# apsw reports a fault also where SQLite goes on regardless: while it checkpoints or rolls back.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("stays", [False, True], ids=["once", "for_good"])
@pytest.mark.parametrize("error", ["IOError", "FullError"])
def test_d05_an_error_at_any_io_is_never_taken_for_success(folder, error, stays, logged_errors):
    apsw = pytest.importorskip("apsw")
    hits = failures = 0
    for at in range(1, 260, 1 if THOROUGH > 1 else 4):
        fault = Fault(at, getattr(apsw, error), stays)
        run = Run(folder / "run", at, 14, fault)
        hits += fault.hit
        failures += run.world.store.failed is not None
        if error == "IOError":
            assert all(each.path for each in run.refused)
        path = run.world.path
        files = {
            each.name: bytearray(each.read_bytes())
            for each in path.parent.iterdir()
            if each.name in ("store.db", "store.db-wal", "store.db-journal")
        }
        files.setdefault("store.db", bytearray())
        check(folder / "crash", files, run, run.acknowledged(10**9))
        shutil.rmtree(folder / "run")
    assert hits > 20
    assert failures if error == "IOError" else not failures
    logged_errors.flush()


def test_apsw_or_not_the_file_is_the_same(folder):
    run = Run(folder / "run", 3, 5)
    connection = sqlite3.connect(run.world.path)
    count = connection.execute("SELECT count(*) FROM message").fetchone()[0]
    connection.close()
    assert count
    store = SQLiteStore(run.world.path, reactor=run.world.steps, pool=run.world.steps, reserve=0)
    store.open()
    assert not store.full
    run.world.store = store
    run.world.close()
