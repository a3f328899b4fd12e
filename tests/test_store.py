"""What every store of messages does, in memory of time: the same tests for both."""

import sqlite3
import sys

import pytest
from store_kit import PENDING, MemoryWorld, World, columns, fired, record
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from twisted_smpp.errors import StoreFailed, StoreFull
from twisted_smpp.interfaces import IMessageStore
from twisted_smpp.store import MemoryStore, Record, SQLiteStore, questions
from twisted_smpp.testing import success


@pytest.fixture(params=[World, MemoryWorld], ids=["sqlite", "memory"])
def world(request, tmp_path):
    world = request.param(tmp_path / "store")
    world.open()
    yield world
    world.abandon() if request.param is World else None


@pytest.fixture
def file(tmp_path):
    world = World(tmp_path / "store")
    world.open()
    yield world
    world.abandon()


def numbers(records):
    return [each.number for each in records]


# Both.


def test_it_is_a_store(world):
    verifyObject(IMessageStore, world.store)


def test_a_record_comes_back_as_it_was(world):
    kept = Record(
        world.store.next_number(),
        3,
        "łink",
        owner="me",
        state=-1,
        due=1.5,
        expires=2.0,
        message_id="id",
        source="a",
        destination="b\0c",
        tries=7,
        pdu=bytes(range(256)),
        data={"a": [1, None, "\ud800"]},
        done=0.25,
        at=9.0,
    )

    world.get(world.store.add(kept))

    assert columns(world.get(world.store.get(1))) == kept.row()
    assert world.get(world.store.get(2)) is None


def test_numbers_grow_by_one(world):
    assert [world.store.next_number() for _ in range(3)] == [1, 2, 3]


def test_what_was_written_is_found_by_who_asks_next(world):
    world.store.add(record(1, state=1))
    first = world.store.get(1)
    world.store.remove(1)
    second = world.store.get(1)
    world.store.save(record(1, state=2))
    third = world.store.get(1)

    assert world.get(first).state == 1
    assert world.get(second) is None
    assert world.get(third).state == 2


def test_the_last_of_several_writes_counts(world):
    written = [world.store.save(record(1, state=state)) for state in range(5)]
    for each in written:
        world.get(each)

    assert world.get(world.store.get(1)).state == 4

    world.store.save(record(1, state=9))
    world.store.remove(1)
    assert world.get(world.store.get(1)) is None

    world.store.remove(1)
    world.store.save(record(1, state=8))
    assert world.get(world.store.get(1)).state == 8


def test_due_gives_the_earliest_first(world):
    for number, due in enumerate([5.0, 3.0, None, 3.0, 7.0, 1.0], 1):
        world.store.add(record(number, due=due))
    world.store.add(record(9, "other", due=0.0))

    assert numbers(world.get(world.store.due("link", 5.0, 10))) == [6, 2, 4, 1]
    assert numbers(world.get(world.store.due("link", 5.0, 2))) == [6, 2]
    assert numbers(world.get(world.store.due("link", 0.5, 10))) == []
    assert numbers(world.get(world.store.due("none", 9.0, 10))) == []
    # Nothing was taken by asking.
    assert numbers(world.get(world.store.due("link", 5.0, 10))) == [6, 2, 4, 1]


def test_due_follows_what_is_saved(world):
    world.store.add(record(1, due=1.0))
    world.store.add(record(2, due=2.0))
    world.store.save(record(1, due=3.0))
    assert numbers(world.get(world.store.due("link", 9.0, 10))) == [2, 1]
    world.store.save(record(1, due=1.0))
    assert numbers(world.get(world.store.due("link", 9.0, 10))) == [1, 2]
    world.store.save(record(2, due=None))
    assert numbers(world.get(world.store.due("link", 9.0, 10))) == [1]


def test_a_record_that_moves_to_another_queue_has_left_the_first(world):
    moving = record(1, "a", due=1.0)
    world.store.add(moving)
    moving.queue = "b"
    world.store.save(moving)

    assert world.get(world.store.due("a", 9.0, 10)) == []
    assert numbers(world.get(world.store.due("b", 9.0, 10))) == [1]
    assert world.get(world.store.waiting()) == {"b": (1, 1.0)}

    moving.queue = "c"
    world.store.remove(1)
    assert world.get(world.store.waiting()) == {}


def test_expired_is_what_waits_in_vain(world):
    for number, (due, expires) in enumerate(
        [(1.0, 5.0), (9.0, 3.0), (None, 1.0), (1.0, None), (1.0, 6.0)], 1
    ):
        world.store.add(record(number, due=due, expires=expires))

    assert numbers(world.get(world.store.expired(5.0, 10))) == [2, 1]
    assert numbers(world.get(world.store.expired(5.0, 1))) == [2]


def test_expired_is_as_it_was_saved_last(world):
    for number in range(1, 6):
        world.store.add(record(number, due=1.0, expires=5.0))
    world.store.save(record(1, due=1.0, expires=9.0))
    world.store.save(record(2, due=1.0))
    world.store.save(record(3, due=None, expires=5.0))
    world.store.remove(4)

    assert numbers(world.get(world.store.expired(5.0, 10))) == [5]
    assert numbers(world.get(world.store.expired(9.0, 10))) == [5, 1]
    world.store.save(record(5, due=None, done=6.0, expires=5.0))
    assert numbers(world.get(world.store.expired(9.0, 10))) == [1]


def steps_of(function):
    """How many steps Python takes for it."""
    steps = 0

    def count(frame, event, _):
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        function()
    finally:
        sys.settrace(before)
    return steps


def test_to_look_for_what_has_expired_costs_as_much_as_has_expired():
    def work(waiting, expired):
        store = MemoryStore()
        for number in range(1, waiting + 1):
            has_expired = number % (waiting // expired) == 0
            store.add(record(number, due=1.0, expires=5.0 if has_expired else 99.0 + number))
        found = []
        steps = steps_of(lambda: found.extend(success(store.expired(5.0, 500))))
        assert len(found) == expired
        return steps

    few = work(100, 10)
    assert work(10_000, 10) == few
    assert 5 * few < work(10_000, 100) < 11 * few


def test_waiting_counts_by_queue(world):
    assert world.get(world.store.waiting()) == {}
    for number, (queue, due) in enumerate([("a", 4.0), ("a", 2.0), ("b", None), ("c", 8.0)], 1):
        world.store.add(record(number, queue, due=due))

    assert world.get(world.store.waiting()) == {"a": (2, 2.0), "c": (1, 8.0)}


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63) - 1, 2**200])
def test_there_is_no_record_of_an_odd_number(world, number):
    world.store.add(record(1))
    assert world.get(world.store.get(number)) is None
    assert world.store.failed is None
    assert world.get(world.store.get(1)) is not None


def test_unfinished_goes_by_number(world):
    for number in range(1, 7):
        world.store.add(record(number, due=None, done=1.0 if number == 3 else None))
    world.store.add(record(7, "other"))

    assert numbers(world.get(world.store.unfinished("link", 0, 3))) == [1, 2, 4]
    assert numbers(world.get(world.store.unfinished("link", 4, 10))) == [5, 6]


def test_by_address_finds_what_waits_between_two(world):
    for number, (owner, source, destination, due) in enumerate(
        [
            ("me", "a", "b", 1.0),
            ("me", "a", "b", None),
            ("you", "a", "b", 1.0),
            ("me", "b", "a", 1.0),
            ("me", "a", "b", 0.0),
        ],
        1,
    ):
        world.store.add(
            record(number, owner=owner, source=source, destination=destination, due=due)
        )

    assert numbers(world.get(world.store.by_address("me", "a", "b", 10))) == [1, 5]
    assert numbers(world.get(world.store.by_address("me", "a", "b", 1))) == [1]


def test_d31_purge_forgets_what_is_done_and_old(world):
    for number, done in enumerate([5.0, 1.0, None, 3.0, 2.0], 1):
        world.store.add(record(number, done=done, due=None))

    assert world.get(world.store.purge(3.0, 0, 1)) == 1
    assert world.get(world.store.get(2)) is None
    assert world.get(world.store.purge(3.0, 0, 100)) == 1
    assert world.get(world.store.get(5)) is None
    assert world.get(world.store.purge(3.0, 0, 100)) == 0
    assert world.get(world.store.purge(3.0, -5, 100)) == 0
    assert world.get(world.store.get(4)) is not None


def test_d31_purge_forgets_a_number_of_them_and_nothing_that_is_not_done(world):
    for number, done in enumerate([5.0, None, 4.0, 3.0, 2.0], 1):
        world.store.add(record(number, done=done, due=None))

    assert world.get(world.store.ended()) == 4
    assert world.get(world.store.purge(0.0, 2, 1)) == 1
    assert world.get(world.store.purge(0.0, 1, 100)) == 1
    assert world.get(world.store.ended()) == 2
    left = [number for number in range(1, 6) if world.get(world.store.get(number))]
    assert left == [1, 2, 3]
    world.store.save(record(1, done=None))
    assert world.get(world.store.ended()) == 1
    assert world.get(world.store.purge(9.0, 0, 100)) == 1
    assert world.get(world.store.ended()) == 0
    assert world.get(world.store.get(1)) is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"due": float("nan")},
        {"due": "soon"},
        {"at": None},
        {"tries": 2**63},
        {"state": "new"},
        {"source": "\ud800"},
        {"queue": None},
        {"pdu": bytearray(b"x")},
        {"pdu": "text"},
    ],
    ids=str,
)
def test_a_record_that_no_file_can_keep_is_refused_and_harms_no_other(world, fields):
    world.store.add(record(1))
    (name,) = fields
    bad = record(2)
    setattr(bad, name, fields[name])

    with pytest.raises(ValueError, match=f"record 2: {name} has to be"):
        world.store.add(bad)

    world.get(world.store.add(record(3)))
    assert numbers(world.get(world.store.due("link", 99.0, 10))) == [1, 3]


def test_a_refusal_does_not_say_what_a_text_was():
    with pytest.raises(ValueError, match="not str") as caught:
        record(1, source="secret\ud800").row()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("data", [{"a": float("nan")}, {"a": b"x"}], ids=str)
def test_data_has_to_be_fit_for_json(file, data):
    with pytest.raises((ValueError, TypeError)):
        file.store.add(record(1, data=data))


def test_when_failed_may_be_cancelled(world):
    waiting = world.store.when_failed()
    waiting.cancel()
    assert fired(waiting).check(CancelledError)


def test_memory_takes_so_many_and_no_more():
    store = MemoryStore(2)
    store.add(record(1))
    assert not store.full
    store.add(record(2))
    assert store.full
    with pytest.raises(StoreFull):
        store.add(record(3))
    store.save(record(2, state=5))
    assert len(store) == 2
    store.remove(1)
    store.add(record(3))


# In a file.


def test_d01_nobody_hears_of_it_before_it_is_committed(file):
    steps = file.steps
    written = file.store.add(record(1))
    steps.turn()
    assert fired(written) is PENDING
    assert not file.store._connection.in_transaction
    steps.work()
    assert fired(written) is PENDING
    steps.hear()
    assert fired(written) is None


def test_what_comes_while_it_commits_goes_into_the_next_transaction(file):
    done = []
    for number in range(1, 4):
        file.store.add(record(number)).addCallback(lambda _, number=number: done.append(number))
    file.steps.turn()
    file.store.add(record(4)).addCallback(lambda _: done.append(4))
    assert len(file.steps.in_thread) == 1
    file.steps.work()
    file.steps.hear()
    assert done == [1, 2, 3]
    file.steps.run()
    assert done == [1, 2, 3, 4]


def test_a_batch_has_an_end(file):
    done = []
    for number in range(1, 1201):
        file.store.add(record(number)).addCallback(lambda _: done.append(1))
    counts = []
    file.steps.turn()
    while file.steps.in_thread:
        file.steps.work()
        file.steps.hear()
        counts.append(len(done))
    assert counts == [512, 1024, 1200]


def test_close_waits_for_all_that_was_given(file):
    done = []
    for number in range(1, 1000):
        file.store.add(record(number)).addCallback(lambda _, number=number: done.append(number))
    first, second = file.store.close(), file.store.close()
    first.cancel()
    assert fired(first).check(CancelledError)

    file.get(second)

    assert done == list(range(1, 1000))
    assert not file.steps.is_started
    assert fired(file.store.close()) is None
    assert len(file.get(file.open().unfinished("link", 0, 2000))) == 999


def test_close_inside_of_a_callback(file):
    closed = []
    file.store.add(record(1)).addCallback(lambda _: closed.append(file.store.close()))
    late = file.store.add(record(2))
    file.steps.run()
    assert fired(late) is None
    assert fired(closed[0]) is None


def test_after_close_nothing_is_taken(file):
    file.close()
    for attempt in (
        file.store.add(record(1)),
        file.store.save(record(1)),
        file.store.remove(1),
        file.store.get(1),
        file.store.purge(0.0, 0, 1),
    ):
        with pytest.raises(StoreFailed, match="closed"):
            file.get(attempt)
    with pytest.raises(StoreFailed, match="closed"):
        file.store.open()


def test_before_open_nothing_is_taken(tmp_path):
    world = World(tmp_path / "store")
    store = world.make()
    with pytest.raises(StoreFailed, match="closed"):
        world.get(store.add(record(1)))
    assert fired(store.close()) is None
    assert repr(store) == f"<SQLiteStore {world.path}>"


def test_cancelling_does_not_undo(file):
    waiting = file.store.add(record(1))
    asking = file.store.get(1)
    waiting.cancel()
    asking.cancel()
    assert fired(waiting).check(CancelledError)
    assert fired(asking).check(CancelledError)
    assert file.get(file.store.get(1)).number == 1


def test_numbers_go_on_after_a_stop_in_order(file):
    for _ in range(5):
        number = file.store.next_number()
    file.store.add(record(number))
    file.store.remove(number)
    assert file.restart().next_number() == 6
    assert file.restart().next_number() == 7


@pytest.mark.parametrize("count", [0, 1, 3, 60_000, 200_000])
def test_numbers_are_never_used_twice_after_a_crash(file, count):
    given = [file.store.next_number() for _ in range(count)]
    for number in given[-1:] + [count // 2] * (count > 9):
        file.get(file.store.add(record(number)))
        file.get(file.store.remove(number))
        given += [file.store.next_number() for _ in range(5)]
    for _ in range(3):
        store = file.crash()
        given += [store.next_number() for _ in range(2)]
        assert len(given) == len(set(given))
        assert given[-1] == max(given)


def test_numbers_of_a_transaction_that_was_rolled_back_stay_reserved(file, logged_errors):
    file.store._number = number = 150_000
    full(file, pages=0)
    with pytest.raises(StoreFull):
        file.get(file.store.add(record(number, pdu=bytes(100_000))))
    full(file, pages=None)
    file.steps.after(1)
    file.get(file.store.remove(number + 1))
    given = file.store.next_number()
    assert file.crash().next_number() > given
    assert len(logged_errors.flush()) == 1


def full(world, pages):
    """Lets the file grow by so many pages only."""
    (now,) = world.store._connection.execute("PRAGMA page_count").fetchone()
    limit = 2**30 if pages is None else now + pages
    world.store._connection.execute(f"PRAGMA max_page_count = {limit}")


def test_it_has_the_settings_that_it_needs(file):
    def setting(name):
        return file.store._connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert setting("journal_mode") == "wal"
    assert setting("synchronous") == 2
    assert setting("mmap_size") == 0
    assert setting("trusted_schema") == 0
    assert setting("journal_size_limit") == 64 * 1024 * 1024
    assert setting("wal_autocheckpoint") == 4000


def test_the_default_is_a_thread_that_keeps_no_process_alive(tmp_path):
    store = SQLiteStore(tmp_path / "store.db", reactor=object())
    assert store._pool.threadFactory.keywords == {"daemon": True}


# It fails.


@pytest.fixture
def broken(file, logged_errors):
    """A store whose disk breaks at the next COMMIT."""
    connection = file.store._connection

    class Broken:
        def __getattr__(self, name):
            return getattr(connection, name)

        def execute(self, statement, *values):
            if statement == "COMMIT":
                raise OSError("disk I/O error")
            return connection.execute(statement, *values)

    file.get(file.store.add(record(1)))
    file.store._connection = Broken()
    yield file
    logged_errors.flush()


def test_d05_when_it_fails_all_are_told_and_nothing_more_is_taken(broken):
    store = broken.store
    told = store.when_failed()
    attempts = [store.add(record(2)), store.save(record(1, state=5)), store.get(1)]
    broken.steps.turn()
    attempts.append(store.save(record(3)))
    broken.steps.run()

    for each in attempts:
        assert fired(each).check(StoreFailed)
    assert fired(told) is store.failed
    assert isinstance(store.failed, StoreFailed)
    assert fired(store.when_failed()) is store.failed
    with pytest.raises(StoreFailed, match="takes nothing more"):
        broken.get(store.add(record(4)))
    with pytest.raises(StoreFailed):
        broken.get(store.get(1))
    assert broken.steps.clock.getDelayedCalls() == []


def test_d05_after_it_failed_it_can_be_closed_and_opened_again(broken):
    broken.store.add(record(2)).addErrback(lambda _: None)
    broken.steps.run()
    broken.close()

    store = broken.open()
    assert broken.get(store.get(1)).number == 1
    assert broken.get(store.get(2)) is None


def test_d02_what_was_begun_when_it_failed_is_rolled_back(file, monkeypatch, logged_errors):
    def malformed(*_):
        raise sqlite3.DatabaseError("malformed")

    monkeypatch.setattr(questions, "get", malformed)
    written, asked = file.store.add(record(1)), file.store.get(1)
    file.steps.run()
    assert fired(written).check(StoreFailed)
    assert fired(asked).check(StoreFailed)
    file.close()
    assert file.get(file.open().unfinished("link", 0, 9)) == []
    assert len(logged_errors.flush()) == 1


def test_when_failed_cancelled_by_another_one_that_fired(broken):
    first, second = broken.store.when_failed(), broken.store.when_failed()
    first.addCallback(lambda _: second.cancel())
    broken.store.add(record(2)).addErrback(lambda _: None)
    broken.steps.run()
    assert fired(second).check(CancelledError)
    assert not isinstance(fired(first), Failure)


def test_an_error_while_it_closes_is_told_and_the_lock_given_back(file):
    connection = file.store._connection
    closed = []

    class Broken:
        def execute(self, *_):
            raise OSError("disk I/O error")

        def close(self):
            closed.append(connection.close())

    file.store._connection = Broken()
    with pytest.raises(StoreFailed, match="disk I/O"):
        file.close()
    assert closed == [None]
    file.open()
