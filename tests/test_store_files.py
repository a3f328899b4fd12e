"""Files that are damaged, foreign, newer, locked, or that nobody may write (D07-D09, G08)."""

import fcntl
import gc
import json
import os
import sqlite3
import stat
import weakref
from random import Random

import pytest
from store_kit import World, record

from twisted_smpp.errors import StoreDamaged, StoreError, StoreFailed, StoreInUse
from twisted_smpp.store.intents import Read, tell

MUTATIONS = int(os.environ.get("STORE_MUTATIONS", "2000"))


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "folder" / "store")
    yield world
    world.abandon()


def filled(world, count=30):
    store = world.open()
    for number in range(1, count + 1):
        world.get(store.add(record(store.next_number(), data={"n": number}, pdu=bytes(300))))
    return store


def edit(world, *statements):
    """Changes a closed store behind its back."""
    connection = sqlite3.connect(world.path, isolation_level=None)
    try:
        for each in statements:
            connection.execute(each)
    finally:
        connection.close()


def refuses(world, kind, words):
    before = world.path.read_bytes()
    with pytest.raises(kind, match=words) as caught:
        world.open()
    assert world.path.read_bytes() == before
    assert caught.value.path == str(world.path)
    # It has given its lock back.
    with open(f"{world.path}.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return caught.value


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_its_files_are_for_its_user_only(world):
    world.options["reserve"] = 1000
    filled(world)
    assert mode(world.folder) == 0o700
    files = sorted(each.name for each in world.folder.iterdir())
    assert files == [f"store.db{each}" for each in ("", "-shm", "-wal", ".lock", ".reserve")]
    assert all(mode(each) == 0o600 for each in world.folder.iterdir())


def test_d07_a_store_in_use_names_the_process(world):
    filled(world)
    other = world.make()
    with pytest.raises(StoreInUse, match=f"in use by process {os.getpid()}$") as caught:
        other.open()
    assert caught.value.exit_code == 75
    world.close()
    world.open()


def test_d07_another_name_of_the_file_is_no_way_round(world, tmp_path):
    filled(world)
    (tmp_path / "name").mkdir()
    other = World(tmp_path / "name")
    other.path.symlink_to(world.path)
    with pytest.raises(StoreInUse):
        other.open()


def test_d07_a_store_that_another_program_holds(world):
    filled(world)
    world.close()
    connection = sqlite3.connect(world.path, isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    held = world.make()
    held._file._connect = Impatient
    with pytest.raises(StoreInUse, match="another program"):
        held.open()
    connection.close()


def test_a_backup_by_a_read_only_connection_changes_nothing(world, tmp_path):
    filled(world)
    log = world.path.with_name("store.db-wal").read_bytes()
    reader = sqlite3.connect(f"{world.path.as_uri()}?mode=ro", uri=True)
    copy = World(tmp_path / "copy")
    copy.folder.mkdir()
    target = sqlite3.connect(copy.path)
    reader.backup(target)
    reader.close()
    target.close()
    assert world.path.with_name("store.db-wal").read_bytes() == log
    assert len(world.get(world.store.unfinished("link", 0, 99))) == 30
    assert len(copy.get(copy.open().unfinished("link", 0, 99))) == 30
    copy.close()


class Impatient(sqlite3.Connection):
    """Does not wait for a lock."""

    def __init__(self, path):
        super().__init__(path, isolation_level=None, timeout=0, check_same_thread=False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello", "no SQLite"),
        (b"a line of a log\n" * 1000, "no SQLite"),
        (bytes(8192), "no SQLite"),
        (b"SQLite format 3\0" + bytes(20), "no SQLite"),
        (b"SQLite format 3\0" + bytes(8000), "no|not|another|malformed"),
    ],
)
def test_d09_a_file_that_is_no_database(world, content, words):
    world.folder.mkdir(parents=True)
    world.path.write_bytes(content)
    assert refuses(world, StoreDamaged, words).exit_code == 78


def test_d09_a_database_of_another_program(world):
    world.folder.mkdir(parents=True)
    edit(world, "CREATE TABLE message (number INTEGER)")
    refuses(world, StoreDamaged, "another program")
    edit(world, "PRAGMA application_id = 7")
    refuses(world, StoreDamaged, "another program")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("PRAGMA user_version = 4", r"newer version \(format 4, this one reads 3\)"),
        ("PRAGMA user_version = 0", "no format 0"),
        ("PRAGMA user_version = -1", "no format -1"),
        ("DROP TABLE quarantine", "tables are not those"),
        ("ALTER TABLE message RENAME COLUMN tries TO tryes", "tables are not those"),
        ("DROP INDEX message_due", "tables are not those"),
        ("DELETE FROM meta WHERE name = 'clean'", "lacks values"),
        ("DELETE FROM meta WHERE name = 'numbers'", "lacks values"),
        ("UPDATE meta SET value = -1 WHERE name = 'numbers'", "lacks values"),
        ("UPDATE meta SET value = 5 WHERE name = 'clean'", "lacks values"),
        ("UPDATE meta SET value = 9223372036854775807 WHERE name = 'numbers'", "lacks values"),
        ("UPDATE message SET number = 9223372036854775807 WHERE number = 3", "too large"),
    ],
)
def test_d09_a_store_that_is_not_as_it_has_to_be(world, statement, words):
    filled(world)
    world.close()
    edit(world, statement)
    refuses(world, StoreDamaged, words)


def test_statistics_of_an_administrator_do_no_harm(world):
    filled(world)
    world.close()
    edit(world, "ANALYZE", "VACUUM")
    assert len(world.get(world.open().unfinished("link", 0, 99))) == 30


def test_d09_a_log_without_its_database(world):
    filled(world)
    world.abandon_files = world.path.with_name("store.db-wal").read_bytes()
    world.close()
    world.path.unlink()
    world.path.with_name("store.db-wal").write_bytes(world.abandon_files)
    with pytest.raises(StoreDamaged, match="its log is there"):
        world.open()
    world.path.touch()
    refuses(world, StoreDamaged, "its log is there")
    assert world.path.with_name("store.db-wal").read_bytes() == world.abandon_files


@pytest.mark.parametrize("place", ["file", "missing"])
def test_a_place_where_nothing_can_be_made(tmp_path, place):
    parent = tmp_path / "file"
    if place == "file":
        parent.touch()
    else:
        parent = type(tmp_path)("/proc/none")
    with pytest.raises(StoreFailed) as caught:
        World(parent / "store").open()
    assert caught.value.exit_code == 74


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    folder.chmod(0o500)
    with pytest.raises(StoreFailed, match="denied"):
        World(folder).open()
    folder.chmod(0o700)


def test_a_folder_in_the_place_of_the_file(world):
    world.path.mkdir(parents=True)
    with pytest.raises(StoreError):
        world.open()


def test_an_unclean_stop_is_noticed_and_looked_through(world, monkeypatch):
    filled(world)
    world.crash()
    connection = world.store._connection
    (clean,) = connection.execute("SELECT value FROM meta WHERE name = 'clean'").fetchone()
    assert clean == 0
    world.close()
    edit(world, "CREATE TABLE x (y)", "DROP TABLE x")
    connection = sqlite3.connect(world.path)
    (root,) = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'message_done'"
    ).fetchone()
    (clean,) = connection.execute("SELECT value FROM meta WHERE name = 'clean'").fetchone()
    assert clean == 1
    connection.execute("UPDATE meta SET value = 0 WHERE name = 'clean'")
    connection.commit()
    connection.close()
    with open(world.path, "r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(bytes([0x55]) * 100)
    refuses(world, StoreDamaged, "damaged|malformed")


# Rows.


@pytest.mark.parametrize(
    "damage",
    [
        "data = '{'",
        "data = '[]'",
        "data = CAST(X'7bff7d' AS TEXT)",
        "source = CAST(X'73656372657480ff' AS TEXT)",
        f"data = '{'[' * 200_000}'",
    ],
    ids=["cut", "list", "no UTF-8", "source", "deep"],
)
def test_d02_a_row_that_cannot_be_read_is_put_aside(world, damage, logged_errors):
    filled(world, 5)
    world.close()
    edit(world, f"UPDATE message SET {damage} WHERE number = 1")
    store = world.open()

    # The one in its place comes at once: nobody waits for nothing.
    assert [each.number for each in world.get(store.due("link", 99.0, 1))] == [2]
    assert world.get(store.waiting()) == {"link": (4, 10.0)}
    assert world.get(store.get(1)) is None
    (event,) = logged_errors.flush()
    assert "secret" not in str(event)
    kept = store._connection.execute("SELECT number, pdu FROM quarantine").fetchall()
    assert kept == [(1, bytes(300))]
    assert len(world.get(world.restart().unfinished("link", 0, 99))) == 4


def test_a_queue_whose_name_cannot_be_read_hides_no_other(world):
    filled(world, 5)
    world.close()
    edit(world, "UPDATE message SET queue = CAST(X'ff' AS TEXT) WHERE number = 1")
    assert world.get(world.open().waiting()) == {"link": (4, 10.0)}


# Any damage.


def read_all(world):
    store = world.store
    for ask in (
        lambda: store.waiting(),
        lambda: store.unfinished("link", 0, 1000),
        lambda: store.due("link", 99.0, 1000),
        lambda: store.expired(99.0, 1000),
        lambda: store.by_address("", "", "", 1000),
        lambda: store.get(7),
        lambda: store.save(record(7, state=5)),
        lambda: store.purge(0.0, 5, 10),
    ):
        world.get(ask())
    world.close()


def mutated(octets, random):
    octets = bytearray(octets)
    kind = random.randrange(4)
    if kind == 0:
        for _ in range(random.choice([1, 1, 8])):
            octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)
    elif kind == 1:
        at = random.randrange(len(octets))
        octets[at : at + random.choice([4, 100, 4096])] = random.randbytes(4)
    elif kind == 2:
        del octets[random.randrange(len(octets)) :]
    else:
        at = random.randrange(4096) if random.random() < 0.7 else random.randrange(len(octets))
        octets[at] = random.randrange(256)
    return bytes(octets)


def test_g08_no_damage_raises_anything_but_a_store_error(tmp_path, logged_errors):
    source = World(tmp_path / "source")
    filled(source)
    wal = source.path.with_name("store.db-wal").read_bytes()
    source.close()
    clean = source.path.read_bytes()
    source = World(tmp_path / "source2")
    filled(source)
    source.store._connection.execute("PRAGMA wal_checkpoint")
    unclean = source.path.read_bytes()
    source.abandon()
    random = Random(1)
    folder = tmp_path / "store"
    counts = {"good": 0, "refused": 0, "failed": 0}
    for turn in range(MUTATIONS):
        world = World(folder)
        folder.mkdir(exist_ok=True)
        log = world.path.with_name("store.db-wal")
        for each in folder.iterdir():
            each.unlink()
        if turn % 5 == 4:
            world.path.write_bytes(unclean[:4096])
            log.write_bytes(mutated(wal, random))
        else:
            world.path.write_bytes(mutated((clean, unclean)[turn % 2], random))
        try:
            world.open()
        except StoreError:
            counts["refused"] += 1
            continue
        try:
            read_all(world)
            counts["good"] += 1
        except StoreError:
            counts["failed"] += 1
        finally:
            world.abandon()
            for call in world.steps.clock.getDelayedCalls():
                call.cancel()
    logged_errors.flush()
    assert all(counts.values()), json.dumps(counts)


def test_d03_each_folder_that_is_made_is_known_to_the_one_above(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda number: synced.append(os.readlink(f"/proc/self/fd/{number}"))
    )
    world = World(tmp_path / "one" / "two")
    world.open()
    world.close()
    assert {str(tmp_path), str(tmp_path / "one"), str(tmp_path / "one" / "two")} <= set(synced)


def test_an_answer_is_freed_when_it_was_taken():
    """Not when the collector comes: it may be megabytes."""
    gc.collect()
    gc.disable()
    try:
        question = Read(lambda connection: ["answer"])
        alive = weakref.ref(question.deferred)
        tell([question])
        del question
        assert alive() is None
    finally:
        gc.enable()
