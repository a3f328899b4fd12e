"""What was learnt of how ids are written is there after a restart, where there is an outbox."""

from __future__ import annotations

from typing import Any

import pytest
from outbox_kit import Process
from store_kit import World
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from twisted_smpp.errors import StoreFailed
from twisted_smpp.esme.sending import Sending
from twisted_smpp.store import Record
from twisted_smpp.testing import success

QUEUE = "ids:link"


@pytest.fixture
def process(tmp_path: Any) -> Any:
    process = Process(World(tmp_path / "store"))
    yield process
    process.stores.abandon()


def learns(process: Any, messages: int = 10) -> None:
    """Its ids are hexadecimal, and those of the receipts decimal."""
    for _ in range(messages):
        message = process.send()
        process.settle()
        process.receipt(str(int(message.message_ids[0], 16)))
        process.settle()


def settled(process: Any) -> str | None:
    found: str | None = process.service.confirming.ids.settled
    return found


def records(process: Any) -> list[Record]:
    asked = process.store.unfinished(QUEUE, 0, 10)
    process.settle()
    found: list[Record] = success(asked)
    return found


def test_it_is_known_after_a_crash(process: Any) -> None:
    process.bind()
    learns(process, 9)
    assert records(process) == []
    learns(process, 1)
    assert settled(process) == "hex to decimal"
    after = process.crash()
    after.start()
    assert settled(after) == "hex to decimal"
    assert len(records(after)) == 1
    after.stop()


def test_what_was_wrong_is_forgotten_there_too(process: Any) -> None:
    process.bind()
    learns(process)
    process.service.confirming.ids.forget()
    process.service.confirming._has_learnt(process.clock.seconds())
    process.settle()
    assert len(records(process)) == 1
    after = process.crash()
    after.start()
    assert settled(after) is None
    after.stop()


def test_what_is_learnt_before_that_could_be_read_is_kept(process: Any) -> None:
    ask, waits = process.store.unfinished, Deferred()
    process.store.unfinished = lambda *given: waits.addCallback(lambda _: ask(*given))
    process.bind()
    learns(process)
    del process.store.unfinished
    assert records(process) == []
    waits.callback(None)
    process.settle()
    assert [record.data["settled"] for record in records(process)] == ["hex to decimal"]


def test_each_outbox_has_its_own(process: Any) -> None:
    process.bind()
    learns(process)
    after = process.crash()
    after.outbox.name = "another"
    after.start()
    assert settled(after) is None
    after.stop()


@pytest.mark.parametrize("data", [None, {}, {"settled": "by chance", "for": {}, "against": -1}])
def test_what_is_none_is_said_and_learnt_anew(process: Any, data: Any) -> None:
    process.store.add(Record(process.store.next_number(), 5, QUEUE, data=data))
    with capturedLogs() as logs:
        process.bind()
    assert [each for each in logs if "learnt anew" in (each["log_format"] or "")]
    learns(process)
    assert [record.data["settled"] for record in records(process)] == ["hex to decimal"]


def test_where_it_is_said_nothing_is_learnt(process: Any) -> None:
    process.bind()
    learns(process)
    after = process.crash(sending=Sending(ids="hex-decimal"))
    after.bind()
    learns(after)
    assert settled(after) == "hex-decimal"
    assert [record.data["settled"] for record in records(after)] == ["hex to decimal"]
    after.stop()


def test_a_full_disk_is_not_made_fuller(process: Any) -> None:
    process.bind()
    learns(process, 9)
    message = process.send()
    process.settle()
    process.store.full = True
    process.receipt(str(int(message.message_ids[0], 16)))
    process.settle()
    assert settled(process) == "hex to decimal"
    assert records(process) == []


def test_a_store_that_has_failed_says_so_itself(process: Any) -> None:
    process.bind()
    change = process.store.change

    def fails(number: int, record: Any, told: Any, context: Any) -> Any:
        if record is not None and record.queue == QUEUE:
            raise StoreFailed("store", "no more")
        return change(number, record, told, context)

    process.store.change = fails
    learns(process)
    assert settled(process) == "hex to decimal"
    assert len(process.outbox) == 0
