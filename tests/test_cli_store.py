"""``smpp store``: a file that is looked at, saved from damage, set right (D09, O05)."""

import fcntl
import json
import os
import sqlite3
from random import Random

import pytest
from click.testing import CliRunner
from store_kit import World, record

from twisted_smpp.cli.main import main
from twisted_smpp.store import Record, schema
from twisted_smpp.store.salvage import salvage

SECRET = b"nobody may read this"
PAGE = 4096


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "folder")
    yield world
    world.abandon()


def filled(world, count=30, **fields):
    store = world.open()
    for _ in range(count):
        fields = {"state": 1, "pdu": SECRET, "owner": "shop", **fields}
        world.get(store.add(record(store.next_number(), "account:a", **fields)))


def closed(world, count=30, **fields):
    filled(world, count, **fields)
    world.close()


def crashed(world):
    """The files of a process that has ended before its log was copied into the database."""
    filled(world)
    files = octets(world)
    world.abandon()
    world.folder = world.folder.with_name("crashed")
    world.folder.mkdir()
    for name, content in files.items():
        (world.folder / name).write_bytes(content)


def edit(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return [connection.execute(each).fetchall() for each in statements][-1]
    finally:
        connection.close()


def put_aside(world, *numbers):
    connection = sqlite3.connect(world.path, isolation_level=None)
    for number in numbers:
        schema.put_aside(connection, number, "three starts ended")
    connection.close()


def smpp(*arguments, code=0):
    done = CliRunner().invoke(main, ["store", *map(str, arguments)])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    assert SECRET.decode() not in done.output
    return done.output


def octets(world):
    return {
        each.name: each.read_bytes()
        for each in world.folder.iterdir()
        if not each.name.endswith("-shm")
    }


# smpp store check


def test_d09_a_sound_store(world):
    closed(world)
    put_aside(world, 7)
    before = octets(world)
    lines = smpp("check", world.path).splitlines()
    assert lines == [
        "format 3",
        "      29  message for account, enroute",
        "       1  put aside",
        "sound",
    ]
    assert octets(world) == before


def test_what_an_outbox_has_in_it_is_named(world):
    store = world.open()
    for kind, queue in ((3, "outbox:link"), (4, "outbox:link"), (5, "ids:link"), (6, "ids:link")):
        number = store.next_number()
        world.get(store.add(Record(number, kind, queue)))
    world.close()
    assert smpp("check", world.path).splitlines()[1:-2] == [
        "       1  lesson of an outbox: how ids are written",
        "       1  kind 6 for ids, state 0",
        "       1  part of an outbox, queued",
        "       1  receipt of an outbox",
    ]


def test_d09_after_a_crash_its_log_is_read_and_nothing_written(world):
    crashed(world)
    before = octets(world)
    assert any(name.endswith("-wal") and each for name, each in before.items())
    assert "      30  message" in smpp("check", world.path)
    assert octets(world) == before


def test_d09_a_store_that_a_daemon_has(world):
    filled(world)
    before = octets(world)
    output = smpp("check", world.path)
    assert "a process has it open" in output
    assert output.endswith("sound\n")
    assert octets(world) == before
    world.get(world.store.add(record(world.store.next_number())))


def test_d09_an_old_format_is_no_damage(world):
    world.folder.mkdir()
    edit(world.path, "PRAGMA journal_mode = WAL")
    connection = sqlite3.connect(world.path, isolation_level=None)
    connection.executescript(f"BEGIN; {schema.create(1)} COMMIT;")
    connection.execute(
        "INSERT INTO quarantine VALUES (900, 'unreadable', CAST('nobody may read this' AS BLOB))"
    )
    connection.close()
    assert smpp("check", world.path).startswith("format 1 (this version: 3)\n")
    assert smpp("quarantine", world.path).startswith("number 900, reason unreadable, octets 20")
    assert edit(world.path, "PRAGMA user_version") == [(1,)]
    assert "900: kind has to be" in smpp("quarantine", world.path, "--release", 900, code=1)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP INDEX message_due", "tables are not those"),
        ("UPDATE message SET data = '[1]' WHERE number = 5", "record 5: data is no JSON object"),
        ("PRAGMA user_version = 9", "newer version"),
        ("PRAGMA application_id = 9", "another program"),
    ],
)
def test_d09_what_is_wrong_is_told(world, statement, words):
    closed(world)
    edit(world.path, statement)
    assert words in smpp("check", world.path, code=1)


@pytest.mark.parametrize("content", [b"", b"hello", bytes(9000), b"SQLite format 3\0" + bytes(200)])
def test_d09_what_is_no_store(world, content):
    world.folder.mkdir()
    world.path.write_bytes(content)
    new = world.folder / "new.db"
    assert "damaged: " in smpp("check", world.path, code=1)
    assert len(smpp("salvage", world.path, new, code=1).splitlines()) == 1
    assert len(smpp("quarantine", world.path, code=1).splitlines()) == 1
    assert world.path.read_bytes() == content
    assert [each.name for each in world.folder.iterdir()] == ["store.db"]


def test_d09_wrong_usage(world):
    closed(world)
    smpp("check", world.folder / "nothing", code=2)
    smpp("check", code=2)
    smpp("salvage", world.path, code=2)
    smpp("quarantine", world.path, "--release", 1, "--drop", 2, code=2)
    smpp("quarantine", world.path, "--release", 0, code=2)
    smpp("quarantine", world.path, "--drop", 2**63, code=2)


# smpp store salvage


def saved(path):
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute("SELECT number FROM message ORDER BY number").fetchall()
    finally:
        connection.close()


def damage(path, *pages):
    """Overwrites pages."""
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(b"\xa5" * PAGE)


def rows_of(path, page):
    """How many rows a page of a table has."""
    return int.from_bytes(path.read_bytes()[(page - 1) * PAGE + 3 : (page - 1) * PAGE + 5], "big")


def pages_of_rows(path):
    """The leaves of the tables with many rows, without an extension of SQLite."""
    data = path.read_bytes()
    return [
        number + 1
        for number in range(1, len(data) // PAGE)
        if data[number * PAGE] == 0x0D and rows_of(path, number + 1) > 3
    ]


def test_d09_all_of_a_sound_store(world):
    closed(world, 1200)
    put_aside(world, 7)
    before = octets(world)
    new = world.folder / "new.db"
    assert smpp("salvage", world.path, new).splitlines() == [
        "    1199  records read",
        "       0  unreadable, in the quarantine now",
        "       1  in the quarantine as before",
        "       0  lost",
    ]
    assert {name: each for name, each in octets(world).items() if name in before} == before
    assert sorted(each.name for each in world.folder.iterdir()) == [
        "new.db",
        "store.db",
        "store.db.lock",
    ]
    assert len(saved(new)) == 1199
    columns = "SELECT * FROM message ORDER BY number"
    assert edit(new, columns) == edit(world.path, columns)
    assert edit(new, "SELECT * FROM quarantine") == edit(world.path, "SELECT * FROM quarantine")
    assert edit(new, "SELECT * FROM meta WHERE name = 'numbers'") == edit(
        world.path, "SELECT * FROM meta WHERE name = 'numbers'"
    )


@pytest.mark.parametrize("places", [[0], [3], [-1], [1, 2, 5]], ids=str)
def test_d09_all_but_what_stood_on_damaged_pages(world, places):
    closed(world, 1200)
    pages = pages_of_rows(world.path)
    hurt = {pages[place] for place in places}
    gone = sum(rows_of(world.path, page) for page in hurt)
    damage(world.path, *hurt)
    before = world.path.read_bytes()
    told = smpp("check", world.path, code=1).splitlines()
    assert any(line.startswith("damaged: ") for line in told)
    assert not [line for line in told if "\\n" in line or "***" in line]
    new = world.folder / "new.db"
    output = smpp("salvage", world.path, new, code=1)
    assert f"{1200 - gone:>8}  records read\n" in output
    assert f"{gone:>8}  lost for certain; there may have been more\n" in output
    assert world.path.read_bytes() == before
    assert len(saved(new)) == 1200 - gone
    assert smpp("check", new).endswith("sound\n")


@pytest.mark.parametrize("is_known", [True, False])
def test_d09_no_number_is_given_out_twice_after_a_salvage(world, is_known):
    """The last records are lost, and no index knows their numbers."""
    closed(world, 1200, due=None)
    if not is_known:
        edit(world.path, "DELETE FROM meta WHERE name = 'numbers'")
    damage(world.path, pages_of_rows(world.path)[-1])
    new = world.folder / "new.db"
    smpp("salvage", world.path, new, code=1)
    assert saved(new)[-1][0] < 1200
    ((numbers,),) = edit(new, "SELECT value FROM meta WHERE name = 'numbers'")
    assert numbers >= 1200


def test_d09_when_the_table_cannot_be_read_at_all(world, monkeypatch):
    closed(world, 1200)
    (root,) = edit(world.path, "SELECT rootpage FROM sqlite_schema WHERE name = 'message'")
    damage(world.path, root[0])
    monkeypatch.setattr("twisted_smpp.store.salvage._MOST_FAILURES", 100)
    result = salvage(world.path, world.folder / "new.db")
    assert (result.read, result.lost, result.complete) == (0, 1200, False)


def test_d09_what_is_no_record_comes_into_the_quarantine(world):
    closed(world)
    edit(world.path, "UPDATE message SET data = '[1]' WHERE number = 5")
    edit(world.path, "UPDATE message SET number = -5 WHERE number = 6")
    new = world.folder / "new.db"
    assert "       2  unreadable" in smpp("salvage", world.path, new)
    assert [each for (each,) in edit(new, "SELECT number FROM quarantine")] == [-5, 5]
    assert len(saved(new)) == 28


def test_d09_a_salvage_takes_no_place_that_is_taken(world):
    closed(world)
    for name in ("new.db", "new.db-wal"):
        taken = world.folder / name
        taken.write_bytes(b"mine")
        assert "is there already" in smpp("salvage", world.path, world.folder / "new.db", code=2)
        assert taken.read_bytes() == b"mine"
        taken.unlink()
    (world.folder / "new.db.salvaging").write_bytes(b"half of an earlier one")
    smpp("salvage", world.path, world.folder / "new.db")


def test_d09_a_salvage_of_a_store_in_use_is_refused(world):
    filled(world)
    output = smpp("salvage", world.path, world.folder / "new.db", code=1)
    assert output == (f"smpp store salvage: store {world.path}: in use by process {os.getpid()}\n")
    assert not (world.folder / "new.db").exists()


def test_d09_what_is_only_in_the_log_is_saved(world):
    crashed(world)
    new = world.folder / "new.db"
    smpp("salvage", world.path, new)
    assert len(saved(new)) == 30


# smpp store quarantine


def test_o05_the_list_has_no_text(world):
    closed(world, message_id="id\x1b[2J")
    put_aside(world, 4, 9)
    lines = smpp("quarantine", world.path).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("number 4, reason three starts ended, queue account:a, owner shop")
    assert "octets 20" in lines[0]
    assert "\x1b" not in lines[0]
    rows = json.loads(smpp("quarantine", world.path, "--json"))
    assert [each["number"] for each in rows] == [4, 9]
    assert "pdu" not in rows[0]
    (row, _) = json.loads(smpp("quarantine", world.path, "--json", "--pdu"))
    assert bytes.fromhex(row["pdu"]) == SECRET


def test_o05_nothing_was_put_aside(world):
    closed(world)
    assert smpp("quarantine", world.path) == "nothing is put aside\n"
    assert smpp("quarantine", world.path, "--json") == "[]\n"
    for option in ("--release", "--drop"):
        output = smpp("quarantine", world.path, option, 4, code=1)
        assert output == "smpp store quarantine: no record 4 was put aside\n"
    assert edit(world.path, "SELECT value FROM meta WHERE name = 'clean'") == [(1,)]


def test_o05_a_record_goes_back_to_work(world):
    closed(world)
    before = edit(world.path, "SELECT * FROM message WHERE number = 4")
    put_aside(world, 4, 9)
    assert smpp("quarantine", world.path, "--release", 4) == "put back: 4\n"
    assert edit(world.path, "SELECT * FROM message WHERE number = 4") == before
    assert edit(world.path, "SELECT number FROM quarantine") == [(9,)]
    assert edit(world.path, "SELECT value FROM meta WHERE name = 'clean'") == [(1,)]
    store = world.open()
    assert len(world.get(store.due("account:a", 99.0, 99))) == 29
    assert store.put_aside == 1


def test_o05_a_record_is_forgotten(world):
    closed(world)
    put_aside(world, 4, 9)
    assert smpp("quarantine", world.path, "--drop", 9) == "forgotten: 9\n"
    assert edit(world.path, "SELECT number FROM quarantine") == [(4,)]
    assert edit(world.path, "SELECT count(*) FROM message") == [(28,)]


@pytest.mark.parametrize(("option", "word"), [("--release", "put back"), ("--drop", "forgotten")])
def test_o05_all_parts_of_a_message_go_together(world, option, word):
    store = world.open()
    for data in ({"first": 1, "of": 2}, {"first": 1, "of": 2}, {"first": 3, "of": 2}, None):
        number = store.next_number()
        world.get(store.add(record(number, "outbox:link", data=data, pdu=SECRET)))
    world.close()
    put_aside(world, 1, 2, 3, 4)
    assert smpp("quarantine", world.path, option, 2) == f"{word}: 1, 2\n"
    assert edit(world.path, "SELECT number FROM quarantine") == [(3,), (4,)]


def test_o05_what_cannot_be_read_or_is_there_does_not_go_back(world):
    closed(world)
    put_aside(world, 4, 9)
    edit(world.path, "UPDATE quarantine SET data = '[1]' WHERE number = 4")
    edit(world.path, "UPDATE message SET number = 9 WHERE number = 10")
    assert "no JSON object" in smpp("quarantine", world.path, "--release", 4, code=1)
    assert "with this number again" in smpp("quarantine", world.path, "--release", 9, code=1)
    assert edit(world.path, "SELECT number FROM quarantine") == [(4,), (9,)]


@pytest.mark.parametrize("arguments", [[], ["--release", 4], ["--drop", 4]], ids=str)
def test_o05_a_store_in_use_is_refused(world, arguments):
    filled(world)
    output = smpp("quarantine", world.path, *arguments, code=1)
    assert f"in use by process {os.getpid()}" in output
    assert len(output.splitlines()) == 1


def test_no_daemon_opens_it_while_it_is_read(world):
    closed(world)
    with open(f"{world.path}.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert smpp("quarantine", world.path) == "nothing is put aside\n"
        assert "in use" in smpp("quarantine", world.path, "--drop", 4, code=1)


@pytest.mark.parametrize("command", ["check", "salvage", "quarantine"])
def test_help_has_an_example(command):
    output = smpp(command, "--help")
    assert f"  smpp store {command} /var/lib/smpp/smsc.db" in output
    assert "Exit codes:" in output


@pytest.mark.parametrize("seed", range(60))
def test_d09_whatever_is_in_the_file_there_is_no_traceback(world, seed, monkeypatch):
    monkeypatch.setattr("twisted_smpp.store.salvage._MOST_FAILURES", 200)
    closed(world, 60)
    put_aside(world, 5)
    random = Random(seed)
    octets = bytearray(world.path.read_bytes())
    for _ in range(random.choice([1, 5, 50, 500])):
        octets[random.randrange(len(octets))] = random.randrange(256)
    if seed % 4 == 0:
        del octets[random.randrange(len(octets)) :]
    world.path.write_bytes(octets)
    for command in (["check"], ["quarantine"], ["salvage", f"{world.path}.new"]):
        done = CliRunner().invoke(main, ["store", command[0], str(world.path), *command[1:]])
        assert done.exit_code in (0, 1)
        assert isinstance(done.exception, SystemExit | None)
    assert world.path.read_bytes() == octets
    if (world.folder / "store.db.new").exists():
        assert smpp("check", world.folder / "store.db.new").endswith("sound\n")
    assert not (world.folder / "store.db.new.salvaging").exists()
