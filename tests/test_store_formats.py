"""A file of another format: an older one is brought up to date, a newer one refused (O11)."""

import json
import sqlite3
import stat

import pytest
from store_kit import World, record

from twisted_smpp.errors import StoreDamaged, StoreFailed
from twisted_smpp.store import schema


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "folder" / "store")
    yield world
    world.abandon()


def old_store(world, count=20, version=1):
    """A closed store of an old format, with records and one that was put aside."""
    world.folder.mkdir(parents=True)
    connection = sqlite3.connect(world.path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN; {schema.create(version)} COMMIT;")
        for number in range(1, count + 1):
            row = record(number, data={"n": number}).row()
            places = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO message VALUES ({places})", row)
        connection.execute("UPDATE meta SET value = ? WHERE name = 'numbers'", (count,))
        connection.execute(
            "INSERT INTO quarantine (number, reason, pdu) VALUES (900, 'unreadable', x'0102')"
        )
    finally:
        connection.close()


def rows(path, statement):
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def names(world):
    return sorted(each.name for each in world.folder.iterdir())


@pytest.mark.parametrize("version", [1, 2])
def test_o11_an_old_file_is_brought_up_to_date(world, version):
    old_store(world, version=version)
    store = world.open()
    found = world.get(store.unfinished("link", 0, 99))
    assert [(each.number, each.data) for each in found] == [(n, {"n": n}) for n in range(1, 21)]
    assert store.next_number() > 20
    world.close()
    assert rows(world.path, "PRAGMA user_version") == [(schema.SCHEMA_VERSION,)]
    kept = rows(world.path, "SELECT number, reason, pdu, queue FROM quarantine")
    assert kept == [(900, "unreadable", b"\1\2", None)]
    assert rows(world.path, "SELECT value FROM meta WHERE name = 'starts'") == [(0,)]
    assert rows(world.path, "PRAGMA integrity_check") == [("ok",)]
    world.open()


def test_o11_the_file_as_it_was_stays_beside_it(world):
    old_store(world)
    world.open()
    copy = world.path.with_name("store.db.format-1")
    assert not world.path.with_name("store.db.format-2").exists()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert rows(copy, "PRAGMA user_version") == [(1,)]
    assert rows(copy, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]
    assert rows(copy, "SELECT count(*) FROM message") == [(20,)]
    assert rows(copy, "SELECT * FROM quarantine") == [(900, "unreadable", b"\1\2")]
    assert not world.path.with_name("store.db.copying").exists()


def test_o11_what_is_only_in_the_log_is_in_the_copy(world):
    old_store(world)
    writer = sqlite3.connect(world.path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("DELETE FROM message WHERE number > 5")
    world.open()
    writer.close()
    copy = world.path.with_name("store.db.format-1")
    assert rows(copy, "SELECT count(*) FROM message") == [(5,)]


def test_o11_no_copy_is_overwritten(world):
    old_store(world)
    first = world.path.with_name("store.db.format-1")
    first.write_bytes(b"of an earlier time")
    world.path.with_name("store.db.format-1.2").symlink_to("/nowhere")
    world.open()
    assert first.read_bytes() == b"of an earlier time"
    assert rows(world.path.with_name("store.db.format-1.3"), "PRAGMA user_version") == [(1,)]


def test_o11_a_file_of_this_format_is_not_copied(world):
    world.open()
    world.restart()
    assert not any("format" in each for each in names(world))


@pytest.mark.parametrize("place", range(4))
def test_o11_it_is_one_transaction(world, place, monkeypatch):
    """It fails behind each of its statements: the file is as before, and no copy is left."""
    old_store(world)
    steps = schema.STEPS[1].strip().split(";\n")
    broken = ";\n".join([*steps[:place], "INSERT INTO nowhere VALUES (1)", *steps[place:]])
    monkeypatch.setitem(schema.STEPS, 1, f"{broken};\n")
    with pytest.raises(StoreDamaged, match="nowhere"):
        world.open()
    assert rows(world.path, "PRAGMA user_version") == [(1,)]
    assert rows(world.path, "SELECT count(*), sum(number) FROM message") == [(20, 210)]
    assert rows(world.path, "SELECT * FROM quarantine") == [(900, "unreadable", b"\1\2")]
    assert not any("format" in each or "copying" in each for each in names(world))
    monkeypatch.undo()
    assert len(world.get(world.open().unfinished("link", 0, 99))) == 20


def test_o11_without_a_copy_nothing_is_changed(world):
    old_store(world)
    world.path.with_name("store.db.copying").mkdir()
    with pytest.raises(StoreFailed):
        world.open()
    assert rows(world.path, "PRAGMA user_version") == [(1,)]


def test_o11_a_copy_that_was_not_finished_gives_way(world):
    old_store(world)
    world.path.with_name("store.db.copying").write_bytes(b"half")
    world.open()
    copy = world.path.with_name("store.db.format-1")
    assert rows(copy, "SELECT count(*) FROM message") == [(20,)]


def test_o11_a_damaged_old_file_is_neither_copied_nor_changed(world):
    old_store(world)
    connection = sqlite3.connect(world.path, isolation_level=None)
    connection.execute("DROP INDEX message_done")
    connection.close()
    before = world.path.read_bytes()
    with pytest.raises(StoreDamaged, match="tables are not those"):
        world.open()
    assert world.path.read_bytes() == before
    assert not any("format" in each for each in names(world))


def test_o11_a_newer_file_is_refused_with_78_and_not_touched(world):
    world.open()
    world.close()
    rows(world.path, f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    before = world.path.read_bytes()
    with pytest.raises(StoreDamaged, match="newer version") as caught:
        world.open()
    assert caught.value.exit_code == 78
    assert "\n" not in str(caught.value)
    assert world.path.read_bytes() == before


def test_an_unreadable_record_is_put_aside_with_all_it_has(world, logged_errors):
    store = world.open()
    world.get(store.add(record(store.next_number(), owner="shop", message_id="abc")))
    store._connection.execute("UPDATE message SET data = '[1]'")
    assert world.get(store.get(1)) is None
    assert len(logged_errors._events) == 1
    logged_errors._events.clear()
    ((columns),) = store._connection.execute(
        "SELECT json_array(number, owner, message_id, data, queue) FROM quarantine"
    ).fetchall()
    assert json.loads(columns[0]) == [1, "shop", "abc", "[1]", "link"]
