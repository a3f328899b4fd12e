"""Room: the floor, the reserve, a limit of the file, and a disk that is full (D04, D31)."""

import contextlib
import os
import subprocess

import pytest
from store_kit import MUCH, PENDING, World, fired, record
from twisted.python.failure import Failure

from twisted_smpp.errors import StoreFull
from twisted_smpp.store import SQLiteStore
from twisted_smpp.store.space import RESERVE_OCTETS, Space


@pytest.fixture
def world(tmp_path, logged_errors):
    world = World(tmp_path / "store", floor=1000, reserve=10_000)
    world.open()
    yield world
    world.abandon()
    logged_errors.flush()


def refused(world, number):
    with pytest.raises(StoreFull, match="no room"):
        world.get(world.store.add(record(number)))


def test_d04_below_the_floor_only_what_is_new_is_refused(world):
    world.get(world.store.add(record(1)))
    world.free = (999 - MUCH, MUCH)
    world.steps.after(1)
    world.get(world.store.save(record(1, state=1)))
    assert world.store.full
    refused(world, 2)
    world.get(world.store.save(record(1, state=2)))
    assert world.get(world.store.get(1)).state == 2
    world.get(world.store.remove(1))
    assert world.get(world.store.get(1)) is None
    assert world.get(world.store.get(2)) is None


def test_d04_it_takes_new_ones_again_although_nobody_asks(world):
    world.free = (-MUCH, MUCH)
    world.steps.after(1)
    world.get(world.store.save(record(1)))
    assert world.store.full
    world.steps.after(1)
    assert world.store.full
    world.free = (MUCH, MUCH)
    world.steps.after(1)
    assert not world.store.full
    world.get(world.store.add(record(2)))
    assert world.steps.clock.getDelayedCalls() == []


def test_full_at_the_start(tmp_path, logged_errors):
    world = World(tmp_path / "store")
    world.free = (0, MUCH)
    world.open()
    assert world.store.full
    refused(world, 1)
    world.close()
    assert world.steps.clock.getDelayedCalls() == []
    assert len(logged_errors.flush()) == 1


def test_d31_a_limit_for_the_file(tmp_path, logged_errors):
    world = World(tmp_path / "store", most_octets=1_000_000)
    store = world.open()
    count = 0
    while not store.full:
        count += 1
        world.get(store.add(record(count, pdu=bytes(10_000))))
    assert 80 < count < 100
    refused(world, 999)
    for number in range(1, count + 1):
        world.get(store.save(record(number, pdu=bytes(10_000), due=None, done=1.0)))
    assert store.full
    assert world.get(store.purge(2.0, 0, 50)) == 50
    assert not store.full
    size = world.path.stat().st_size
    world.get(store.add(record(999)))
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert world.path.stat().st_size <= max(size, 1_100_000)
    world.close()
    assert len(logged_errors.flush()) == 1


def limit(world, pages):
    (now,) = world.store._connection.execute("PRAGMA page_count").fetchone()
    world.store._connection.execute(f"PRAGMA max_page_count = {now + pages}")


def test_d04_a_full_disk_costs_the_reserve_then_holds_what_is_old(world):
    reserve = world.path.with_name("store.db.reserve")
    assert reserve.stat().st_size == 10_000
    world.get(world.store.add(record(1)))
    limit(world, 0)
    new = world.store.add(record(2, pdu=bytes(50_000)))
    again = world.store.save(record(2, pdu=bytes(50_000)))
    old = world.store.save(record(1, pdu=bytes(50_000)))
    ask = world.store.get(1)
    world.steps.run()

    assert not reserve.exists()
    assert fired(new).check(StoreFull)
    assert fired(again).check(StoreFull)
    assert fired(old) is PENDING
    assert fired(ask) is PENDING
    assert world.store.failed is None
    world.steps.after(1)
    assert fired(old) is PENDING
    limit(world, 10_000)
    world.steps.after(1)

    assert len(world.get(world.store.get(1)).pdu) == 50_000
    assert world.get(world.store.get(2)) is None
    world.steps.after(1)
    assert reserve.exists()
    assert not world.store.full


def test_d04_close_gives_up_what_has_no_room(world):
    world.get(world.store.add(record(1)))
    limit(world, 0)
    old = world.store.save(record(1, pdu=bytes(50_000)))
    world.steps.run()
    closed = world.store.close()
    world.steps.run()
    assert fired(old).check(StoreFull)
    assert fired(closed) is None
    assert world.steps.clock.getDelayedCalls() == []


def test_d04_close_by_somebody_who_is_told_that_it_is_full(world):
    world.get(world.store.add(record(1)))
    limit(world, 0)
    closed = []
    old = world.store.save(record(1, pdu=bytes(50_000)))
    new = world.store.add(record(2, pdu=bytes(50_000)))
    new.addErrback(lambda _: closed.append(world.store.close()))
    world.steps.run()
    assert isinstance(fired(old), Failure)
    assert fired(closed[0]) is None


# The disk.


def space(tmp_path, free, **options):
    return Space(tmp_path / "store.db", free=lambda _: free.pop(0), **options)


def test_the_disk_is_asked_once_a_second(tmp_path):
    asked = []

    def free(folder):
        asked.append(folder)
        return 0, 100

    space = Space(tmp_path / "store.db", 10, 0, None, free)
    assert [space.look(now) for now in (0.0, 0.5, 0.99, 1.0)] == [True] * 4
    assert asked == [tmp_path] * 2


@pytest.mark.parametrize(
    ("total", "floor"), [(2**40, 512 * 2**20), (2**30, int(2**30 * 0.05))], ids=["much", "little"]
)
def test_the_floor_is_a_part_of_the_disk_or_half_a_gigabyte(tmp_path, total, floor):
    looked = space(tmp_path, [(floor, total), (floor - 1, total)], reserve=0)
    assert looked.look(0.0) is False
    assert looked.look(1.0) is True


def test_what_is_free_inside_of_the_file_counts(tmp_path):
    looked = space(tmp_path, [(5, 100), (5, 100)], floor=10, reserve=0)
    assert looked.look(0.0, 0, 5) is False
    assert looked.look(1.0, 0, 4) is True


def test_the_reserve_is_only_taken_where_there_is_room_for_it(tmp_path):
    looked = space(tmp_path, [(109, 0), (110, 0)], floor=10, reserve=100)
    assert looked.look(0.0) is False
    assert not (tmp_path / "store.db.reserve").exists()
    assert looked.look(1.0) is False
    assert (tmp_path / "store.db.reserve").stat().st_size == 100
    assert looked.give_reserve()
    assert not looked.give_reserve()
    assert looked.look(1.5) is True


def test_half_a_reserve_is_made_whole(tmp_path):
    (tmp_path / "store.db.reserve").write_bytes(b"x")
    assert not space(tmp_path, [(MUCH, MUCH)], reserve=100).look(0.0)
    assert (tmp_path / "store.db.reserve").stat().st_size == 100


def test_a_disk_that_does_not_answer_has_no_room(tmp_path):
    def free(_):
        raise OSError("I/O error")

    assert Space(tmp_path / "store.db", free=free).look(0.0)


def test_a_reserve_that_cannot_be_made_does_no_harm(tmp_path):
    (tmp_path / "store.db.reserve").mkdir()
    looked = space(tmp_path, [(MUCH, MUCH)], reserve=RESERVE_OCTETS)
    assert looked.look(0.0) is False


# A real one.


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_d04_a_real_full_disk_ends_nothing(small_disk, logged_errors):
    world = World(small_disk / "store", floor=0, reserve=1_000_000)
    world.make = lambda: SQLiteStore(
        world.path,
        reactor=world.steps,
        pool=world.steps,
        seconds=world.steps.clock.seconds,
        floor=0,
        reserve=1_000_000,
    )
    store = world.open()
    kept = []
    for number in range(1, 4000):
        try:
            world.get(store.add(record(number, pdu=bytes(3000))))
        except StoreFull:
            break
        kept.append(number)
    assert 100 < len(kept) < 2000
    # Its reserve, and the room of its log, are there for what is under way.
    for number in kept[:10]:
        world.get(store.remove(number))
    fill(small_disk / "hog")
    new = store.add(record(5000, pdu=bytes(20_000)))
    old = store.remove(kept[10])
    world.steps.run()
    world.steps.after(1)
    assert fired(new).check(StoreFull)
    assert fired(old) is PENDING
    assert store.failed is None

    (small_disk / "hog").unlink()
    world.steps.after(1)

    assert fired(old) is None
    world.steps.after(1)
    assert not store.full
    left = [each.number for each in world.get(store.unfinished("link", 0, 9999))]
    assert left == kept[11:]
    world.close()
    assert len(world.get(world.open().unfinished("link", 0, 9999))) == len(left)
    world.close()
    logged_errors.flush()


def fill(path):
    """Takes all the room that there is."""
    with path.open("wb", 0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_d04_no_half_of_a_transaction_is_kept(world):
    world.get(world.store.add(record(1)))
    limit(world, 0)
    small = world.store.add(record(2))
    # Its answer parts what is written before from what is written after.
    ask = world.store.get(2)
    large = world.store.save(record(1, pdu=bytes(50_000)))
    world.steps.run()
    assert fired(small).check(StoreFull)
    found = world.store._connection.execute("SELECT number FROM message").fetchall()
    assert found == [(1,)]
    limit(world, 10_000)
    world.steps.after(1)
    assert fired(ask) is None
    assert fired(large) is None
