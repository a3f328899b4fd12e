# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What has ended is known for a while, and no more than so many: under load, in both stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from centre_kit import World, both_stores
from store_kit import World as Files
from store_kit import record
from twisted.python import usage

from twisted_smpp.daemon.tap import SMSCOptions
from twisted_smpp.smsc import Keeping
from twisted_smpp.smsc.sweep import SLICE
from twisted_smpp.store import MemoryStore
from twisted_smpp.testing import success
from twisted_smpp.wire.framing import MAX_PDU

MIB = 2**20


class Loaded(World):
    """Messages that end at once, as many as the test wants, and a look at every slice."""

    def __init__(self, kind: str, path: Path, **keeping: Any) -> None:
        super().__init__(kind, path, keeping=Keeping(**keeping))
        self.shop = self.bound(window=1000)
        self.slices: list[tuple[int, int]] = []
        self.counts = 0
        self._purge, self._ended = self.store.purge, self.store.ended
        self.store.purge, self.store.ended = self._purging, self._counting

    def _purging(self, before: float, surplus: int, most: int) -> Any:
        def purged(count: int) -> int:
            self.slices.append((most, count))
            return count

        return self._purge(before, surplus, most).addCallback(purged)

    def _counting(self) -> Any:
        self.counts += 1
        return self._ended()

    def load(self, messages: int) -> list[str]:
        sent = []
        for begin in range(0, messages, 500):
            some = range(begin, min(begin + 500, messages))
            sent += [self.shop.esme.submit_sm(destination_addr="1") for _ in some]
            self.turn()
        return [success(each).message_id for each in sent]

    @property
    def ended(self) -> int:
        asked = self._ended()
        self.turn()
        return success(asked)  # type: ignore[no-any-return]


@both_stores
def test_D31_no_more_than_so_many_are_known_under_load(kind: str, tmp_path: Path) -> None:
    world = Loaded(kind, tmp_path, most_final=1000)
    for _ in range(12):
        ids = world.load(1700)
        assert world.ended <= 1000 + 1700
        world.slices.clear()
        world.counts = 0
        world.turn(5)
        assert world.ended == 1000
        # In slices, and counted once for all of them.
        assert {most for most, _ in world.slices} == {SLICE}
        assert max(count for _, count in world.slices) <= SLICE
        assert world.counts == 1
    # It is the youngest that are known.
    known = [len(_found(world, each)) for each in ids]
    assert known == [0] * 700 + [1] * 1000
    world.end()


def _found(world: World, message_id: str) -> list[Any]:
    found = world.centre.find(message_id)
    world.turn()
    return success(found)


@both_stores
def test_D31_what_is_old_goes_under_load_however_few_there_are(kind: str, tmp_path: Path) -> None:
    world = Loaded(kind, tmp_path, most_final=100_000, final_seconds=20)
    for _ in range(12):
        world.load(1200)
        world.turn(5)
        assert world.ended <= 5 * 1200
    assert {most for most, _ in world.slices} == {SLICE}
    assert max(count for _, count in world.slices) <= SLICE
    world.turn(30)
    assert world.ended == 0
    world.end()


@both_stores
def test_D31_what_waits_is_not_forgotten(kind: str, tmp_path: Path) -> None:
    world = Loaded(kind, tmp_path, most_final=0)
    waiting = world.submit(world.shop, schedule_delivery_time="000000010000000R")
    world.load(1300)
    world.turn(5)
    assert world.ended == 0
    assert len(_found(world, waiting)) == 1
    world.end()


def test_D31_a_store_in_memory_takes_messages_for_as_long_as_they_end(tmp_path: Path) -> None:
    world = Loaded("memory", tmp_path, most_final=500)
    world.store._most = 2000
    for _ in range(10):
        world.load(1400)
        world.turn(5)
    assert world.ended == len(world.store) == 500
    world.end()
    assert Keeping().most_final <= MemoryStore.MOST // 2


def test_D31_a_file_does_not_grow_for_what_has_ended(tmp_path: Path) -> None:
    world = Loaded("sqlite", tmp_path, most_final=1000)
    sizes = []
    for _ in range(10):
        world.load(2000)
        world.turn(5)
        (pages,) = world.store._connection.execute("PRAGMA page_count").fetchone()
        sizes.append(pages)
    assert max(sizes[2:]) <= 1.1 * sizes[1]
    world.end()


def test_D31_the_log_has_64_MiB_at_most(tmp_path: Path) -> None:
    """The greatest transaction that there can be, behind as much as is not copied yet."""
    files = Files(tmp_path / "store")
    store = files.open()
    log = files.path.with_name("store.db-wal")
    sizes, number = [], 0
    for messages in (200, 512) * 3:
        for _ in range(messages):
            number += 2
            new = record(number, pdu=bytes(MAX_PDU), expires=1e9, message_id="f" * 32)
            receipt = record(number + 1, pdu=bytes(300))
            store.keep(new, receipt, lambda contexts, error: None, None)
        files.steps.run()
        sizes.append(log.stat().st_size)
    assert store.failed is None
    assert files.path.stat().st_size > 2 * max(sizes)
    assert 48 * MIB < max(sizes) <= 64 * MIB
    files.close()


@pytest.mark.parametrize("count", [0, 5, 500_000])
def test_D31_the_option_of_the_daemon(count: int) -> None:
    options = SMSCOptions()
    options.parseOptions(["--auth", "memory:a:b", "--retention-count", str(count)])
    assert options["retention-count"] == count
    assert Keeping(most_final=count).most_final == count
    with pytest.raises(ValueError, match="most_final: -1, 0 or more"):
        Keeping(most_final=-1)


def test_D31_more_than_fits_into_memory_is_said_at_once() -> None:
    options: Any = SMSCOptions()
    options["credCheckers"], options["store"] = [], "memory"
    options["accounts"], options["retention-count"] = "accounts.toml", 1_000_000
    with pytest.raises(usage.UsageError, match="less than 1000000 are possible in memory"):
        options.postOptions()
    options["retention-count"] = 999_999
    options.postOptions()
