"""A disk that takes 5 seconds for a sync (D06), and one connection that writes (D08)."""

from __future__ import annotations

import ast
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from centre_kit import AtOncePool, World
from store_kit import World as StoreWorld
from store_kit import record

from twisted_smpp.store.file import connect_read_only
from twisted_smpp.store.intents import Write
from twisted_smpp.store.sqlite import MOST_OF_A_BATCH
from twisted_smpp.testing import success

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
#: Submissions of a session that may wait for the disk, when nobody says otherwise.
UNANSWERED = 100


class Stuck:
    """A pool whose thread does not come back before the test lets it."""

    def __init__(self) -> None:
        self.work: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    def callInThread(self, function: Callable[..., object], *args: Any) -> None:  # noqa: N802
        self.work.append((function, args))

    def start(self) -> None:
        """It was started."""

    stop = start

    def goes_on(self) -> None:
        """What it has, and what comes of that, is done at once."""
        while self.work:
            function, args = self.work.pop(0)
            function(*args)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World("sqlite", tmp_path)
    yield world
    world.store._pool = AtOncePool()
    world.end()


def stick(world: World) -> Stuck:
    pool = Stuck()
    world.store._pool = pool
    return pool


def submit(pair: Any, count: int) -> tuple[list[Any], list[Any]]:
    """Submits; the requests, and what was answered so far."""
    answered: list[Any] = []
    requests = [
        pair.esme.submit_sm(source_addr="1", destination_addr="491", short_message=b"x")
        for _ in range(count)
    ]
    for each in requests:
        each.addCallback(answered.append)
    return requests, answered


def release(world: World, pool: Stuck) -> None:
    """The disk works again."""
    while pool.work:
        pool.goes_on()
        world.turn()


def test_d06_the_window_of_a_session_is_not_read_while_a_sync_lasts(world: World) -> None:
    pairs = [world.bound("shop", window=1000), world.bound("bank", window=1000)]
    pool = stick(world)
    answered = [submit(pair, 300)[1] for pair in pairs]
    world.turn(5.0)
    assert answered == [[], []]
    assert [pair.smsc_transport.reading for pair in pairs] == [False, False]
    # One transaction is under way, and what waits for the next one is bounded by the windows.
    assert len(pool.work) == 1
    ((_, (batch,)),) = pool.work
    assert len(batch) <= MOST_OF_A_BATCH
    writes = [each for each in (*batch, *world.store._next) if isinstance(each, Write)]
    assert len(writes) == len(pairs) * UNANSWERED
    release(world, pool)
    assert [len(each) for each in answered] == [300, 300]
    assert {each.command_status for both in answered for each in both} == {0}
    assert all(pair.smsc_transport.reading for pair in pairs)


def test_d06_enquire_link_is_answered_while_a_sync_lasts(world: World) -> None:
    busy, other = world.bound("shop", window=1000), world.bound("bank")
    pool = stick(world)
    submit(busy, UNANSWERED - 1)
    world.turn()
    for _ in range(5):
        asked = [pair.esme.enquire_link() for pair in (busy, other)]
        world.turn()
        assert [success(each).command_status for each in asked] == [0, 0]
        world.turn(1.0)
    assert pool.work
    assert world.clock.seconds() >= 5.0
    # Others are let in, too.
    assert world.bound("news").esme.bound
    release(world, pool)


def test_d06_the_enquire_link_of_a_full_session_is_answered_behind_its_window(
    world: World,
) -> None:
    """It stands behind submissions that are not read; the session is not cut for that."""
    pair = world.bound("shop", window=1000)
    pool = stick(world)
    _, answered = submit(pair, UNANSWERED + 1)
    world.turn()
    asked = pair.esme.enquire_link()
    world.turn(5.0)
    assert answered == []
    assert not asked.called
    assert pair.smsc.bound
    release(world, pool)
    assert success(asked).command_status == 0
    assert len(answered) == UNANSWERED + 1


def test_d06_what_waits_for_a_sync_goes_together_into_the_next(tmp_path: Path) -> None:
    store_world = StoreWorld(tmp_path / "folder")
    store = store_world.open()
    kept = [store.add(record(store.next_number()))]
    store_world.steps.turn()
    # The first is being written; 600 more come meanwhile.
    assert len(store_world.steps.in_thread) == 1
    kept += [store.add(record(store.next_number())) for _ in range(600)]
    store_world.steps.turn()
    commits = 0
    while store_world.steps.in_thread:
        store_world.steps.work()
        commits += 1
        store_world.steps.hear()
        store_world.steps.turn()
    assert commits == 3  # one, then MOST_OF_A_BATCH, then the rest
    assert all(each.called for each in kept)
    store_world.close()


# One connection that writes.


def calls_of_connect(tree: ast.AST) -> list[str]:
    """How SQLite is opened in a module: what is given, as it is written."""
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("sqlite3.connect", "sqlite3.Connection", "apsw.Connection")
    ]


def test_d08_there_is_one_place_that_opens_a_store_for_writing() -> None:
    found = {
        str(path.relative_to(ROOT)): calls
        for path in sorted((ROOT / "twisted_smpp").rglob("*.py"))
        if (calls := calls_of_connect(ast.parse(path.read_text("utf-8"))))
    }
    assert found == {
        "twisted_smpp/store/file.py": [
            "sqlite3.connect(path, isolation_level=None, check_same_thread=False)",
            # Read-only: the next test.
            "sqlite3.connect(uri, uri=True, isolation_level=None)",
        ],
        "twisted_smpp/store/schema.py": ["sqlite3.connect(':memory:')"],
    }


def test_d08_nobody_takes_sqlite3_apart() -> None:
    """Or the test above would not see it."""
    for path in (ROOT / "twisted_smpp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("sqlite3", "apsw", "sqlite3.dbapi2"), path
            elif isinstance(node, ast.Import):
                names = {(each.name, each.asname) for each in node.names}
                assert not {each for each in names if each[0] == "apsw"}, path
                assert ("sqlite3", None) in names or not any(n == "sqlite3" for n, _ in names)


@pytest.mark.parametrize("at_rest", [True, False])
def test_d08_mmap_is_off_and_a_reader_cannot_write(tmp_path: Path, at_rest: bool) -> None:
    store_world = StoreWorld(tmp_path / "folder")
    store = store_world.open()
    assert store._connection.execute("PRAGMA mmap_size").fetchall() == [(0,)]
    if at_rest:
        store_world.close()
    with contextlib.closing(connect_read_only(store_world.path, at_rest=at_rest)) as reader:
        assert reader.execute("PRAGMA mmap_size").fetchall() == [(0,)]
        assert reader.execute("SELECT count(*) FROM message").fetchall() == [(0,)]
        for statement in ("DELETE FROM message", "CREATE TABLE more (a)", "VACUUM"):
            with pytest.raises(Exception, match="readonly"):
                reader.execute(statement)
    store_world.abandon()


def test_d08_how_to_open_a_store_read_only_is_documented() -> None:
    page = (ROOT / "docs/topics/store.md").read_text("utf-8")
    assert "sqlite3 'file:store.db?mode=ro'" in page
    assert "A second connection that writes or checkpoints can damage" in page
