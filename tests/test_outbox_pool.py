"""A pool with an outbox: what an earlier process has left goes on, on any of its links."""

from __future__ import annotations

from typing import Any

import pytest
from pool_kit import PoolWorld
from store_kit import Steps, World
from twisted.internet.defer import fail

from twisted_smpp.esme.message import Message, Progress
from twisted_smpp.esme.outbox import Outbox
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.testing import success

P = Progress


class Process:
    """A pool over the files of a store, in one process."""

    def __init__(self, stores: World, **settings: Any) -> None:
        self.stores = stores
        self.steps = stores.steps = Steps()
        self.store = stores.store = stores.make()
        self.recovered: list[Message] = []
        self.outbox = Outbox(self.store, "pool", on_recovered=self.recovered.append)
        self.world = PoolWorld(outbox=self.outbox, **settings)
        self.pool = self.world.pool
        self.steps.clock = self.world.clock
        self.steps.callLater = self.world.clock.callLater
        self.store.open()

    def start(self) -> Process:
        self.pool.startService()
        return self.settle()

    def settle(self) -> Process:
        for _ in range(4):
            self.steps.run()
            for endpoint in self.world.endpoints:
                if endpoint.waiting:
                    endpoint.accepts()
                endpoint.flush()
        self.steps.run()
        return self

    def records(self) -> list[Any]:
        asked = self.store.unfinished("outbox:pool", 0, 1000)
        self.steps.run()
        found: list[Any] = success(asked)
        return found


@pytest.fixture
def stores(tmp_path):
    worlds = []

    def make(folder="store"):
        worlds.append(World(tmp_path / folder))
        return worlds[-1]

    yield make
    for world in worlds:
        world.abandon()


def test_what_waits_goes_on_on_all_links(stores):
    before = Process(stores())
    for number in range(8):
        before.pool.send(f"49{number}", "x", key=f"{number}")
    before.steps.run()
    assert len(before.records()) == 8
    before.stores.abandon()

    after = Process(before.stores, window=4).start()

    assert [message.key for message in after.recovered] == [f"{number}" for number in range(8)]
    assert {at for at, _ in after.world.submitted} == {0, 1}
    assert {each.destination_addr for _, each in after.world.submitted} == {
        f"49{number}" for number in range(8)
    }
    assert [message.progress for message in after.recovered] == [P.ACCEPTED] * 8


def test_it_is_read_once_however_many_links_there_are(stores):
    process = Process(stores(), binds=3)
    asked = []
    ask = process.store.unfinished
    process.store.unfinished = lambda *given: asked.append(given) or ask(*given)

    process.start()
    process.pool.add()
    process.settle()

    assert [queue for queue, *_ in asked] == ["ids:pool", "outbox:pool"]


def test_o14_it_is_read_later_when_it_cannot_be_and_not_after_a_stop(stores, logged_errors):
    before = Process(stores()).start()
    before.pool.send("49", "x")
    before.settle()
    before.stores.abandon()
    process = Process(before.stores)
    ask, failing = process.store.unfinished, [True, True]
    process.store.unfinished = lambda *given: fail(ValueError()) if failing else ask(*given)

    process.start()
    process.pool.stopService()
    assert process.pool._desk._recovering._call is None
    process.start()
    failing.clear()
    process.world.clock.advance(2)
    process.settle()

    assert len(process.recovered) == 1
    assert len(logged_errors.flush(ValueError)) == 2


def test_no_link_sends_before_its_attempt_is_written(stores):
    process = Process(stores()).start()
    process.pool.send("49", "x")
    process.steps.turn()
    process.steps.work()
    for endpoint in process.world.endpoints:
        endpoint.flush()
    assert process.world.submitted == []

    process.settle()

    assert len(process.world.submitted) == 1


def test_what_is_being_written_for_a_link_that_is_removed_goes_to_another(stores):
    process = Process(stores()).start()
    message = process.pool.send("49", "x")
    process.steps.turn()
    (taken,) = [link for link in process.pool.links if link.sender.in_flight]
    removing = process.pool.remove(taken)
    for endpoint in process.world.endpoints:
        endpoint.flush()
    process.world.clock.advance(0)
    assert taken not in process.pool.links

    process.settle()

    assert success(removing) is None
    assert message.progress is P.ACCEPTED
    assert (message.parts[0].attempts, len(process.world.submitted)) == (1, 1)


def test_a_link_that_cannot_write_keeps_nothing_from_the_others(stores, monkeypatch, logged_errors):
    process = Process(stores(), window=2).start()
    tried = []

    def fails(link):
        tried.append(link)
        raise ZeroDivisionError

    monkeypatch.setattr(SMPPProtocol, "flush", fails)
    for number in range(4):
        process.pool.send(f"49{number}", "x")
    process.settle()
    assert len(set(tried)) == 2
    assert len(logged_errors.flush(ZeroDivisionError)) == len(tried)
