"""An application can wait until all that an earlier process has left goes on."""

from __future__ import annotations

import pytest
from outbox_kit import Memory, Process
from pairs import PENDING, outcome
from store_kit import World
from test_outbox_pool import Process as PoolProcess
from twisted.internet.defer import fail

from twisted_smpp.errors import SessionLost, StoreFailed
from twisted_smpp.esme import ESMEPool, ESMEService
from twisted_smpp.testing import failure, success


@pytest.fixture(params=[World, Memory], ids=["sqlite", "memory"])
def process(request, tmp_path):
    process = Process(request.param(tmp_path / "store"))
    yield process
    if request.param is World:
        process.stores.abandon()


def with_messages(process, count):
    process.start()
    for number in range(count):
        process.send(to=f"49170{number:07}")
    process.settle()
    return process.crash()


def unreadable(process, monkeypatch, times):
    """Its store fails to be read so often."""
    left = [ZeroDivisionError("no")] * times
    unfinished = process.store.unfinished

    def maybe(*asked):
        return fail(left.pop()) if left else unfinished(*asked)

    monkeypatch.setattr(process.store, "unfinished", maybe)


def test_it_fires_with_how_many_go_on_once_all_of_them_do(process):
    after = with_messages(process, 1_200)  # more than are read at a time
    seen = []
    first, second = after.outbox.when_recovered(), after.outbox.when_recovered()
    assert first is not second
    first.addCallback(lambda count: seen.append((count, after.service.sender.waiting)))

    after.start()

    assert seen == [(1_200, 1_200)]
    assert success(second) == 1_200
    # Who comes later need not wait.
    assert success(after.outbox.when_recovered()) == 1_200
    after.stop()


def test_where_nothing_was_left_it_fires_with_none(process):
    waits = process.outbox.when_recovered()
    process.start()
    assert success(waits) == 0
    process.stop()


def test_who_has_cancelled_is_not_told_and_the_others_are(process):
    after = with_messages(process, 1)
    first, second, third = (after.outbox.when_recovered() for _ in range(3))
    first.addErrback(lambda _: None)
    first.cancel()
    third.addErrback(lambda _: "cancelled")
    second.addCallback(lambda count: third.cancel() or count)  # while it is being told
    after.start()
    assert (success(second), success(third)) == (1, "cancelled")
    after.stop()


def test_what_it_cannot_be_read_for_is_told_and_the_next_attempt_to_who_asks_again(
    process, monkeypatch, logged_errors
):
    after = with_messages(process, 2)
    unreadable(after, monkeypatch, 2)
    first, again = after.outbox.when_recovered(), []
    first.addErrback(
        lambda why: (why.trap(ZeroDivisionError), again.append(after.outbox.when_recovered()))
    )
    after.start()
    (second,) = again
    assert outcome(second) is PENDING
    after.passes(1)
    assert isinstance(failure(second), ZeroDivisionError)
    third = after.outbox.when_recovered()
    after.passes(2)
    assert success(third) == 2
    assert len(logged_errors.flush(ZeroDivisionError)) == 2
    after.stop()


def test_a_store_that_has_failed_is_told(process, logged_errors):
    after = with_messages(process, 1)
    waits = after.outbox.when_recovered()
    error = StoreFailed("p", "the disk is gone")
    after.store.unfinished = lambda *_: fail(error)
    after.start()
    assert failure(waits) is error
    after.store.failed = error
    assert failure(after.outbox.when_recovered()) is error
    del after.store.unfinished
    after.store.failed = None
    after.stop()


@pytest.mark.parametrize("is_trying", [False, True])
def test_a_stop_before_all_goes_on_is_told(process, monkeypatch, logged_errors, is_trying):
    after = with_messages(process, 1)
    unreadable(after, monkeypatch, 1)
    if is_trying:
        after.start()
        waits = after.outbox.when_recovered()  # for the attempt in a second
        stopping = after.service.stopService()
        after.settle()
        success(stopping)
        error = failure(waits)
        assert isinstance(error, SessionLost)
        assert "the service was stopped" in str(error)
    else:
        after.start()
    # One that is not running is waited for.
    waits = after.outbox.when_recovered()
    after.start()
    after.passes(1)
    assert success(waits) == 1
    logged_errors.flush(ZeroDivisionError)
    after.stop()


def test_a_stop_while_it_is_read_lets_it_be_read(tmp_path):
    process = Process(World(tmp_path / "store"))
    after = with_messages(process, 3)
    waits = after.outbox.when_recovered()
    after.service.startService()
    stopping = after.service.stopService()
    assert outcome(waits) is PENDING
    after.settle()
    assert (success(waits), success(stopping)) == (3, None)
    after.stores.abandon()


def test_a_pool_tells_likewise(tmp_path):
    stores = World(tmp_path / "store")
    before = PoolProcess(stores)
    before.start()
    before.pool.send("491761234567", "Hello")
    before.settle()
    count = len(before.records())
    stopping = before.pool.stopService()
    before.settle()
    success(stopping)
    before.store.close()
    before.steps.run()
    after = PoolProcess(stores)
    waits = after.outbox.when_recovered()
    after.start()
    assert success(waits) == count
    stores.abandon()


def test_an_outbox_is_of_one_service(tmp_path):
    process = Process(Memory(tmp_path))
    why = "outbox: another service has it; links that share one are an ESMEPool"
    for make in (ESMEService, ESMEPool):
        with pytest.raises(ValueError, match=why):
            make(process.world.endpoint, "esme", outbox=process.outbox, reactor=process.clock)
    assert process.outbox.on_refused == process.service.sender.withdraw
