"""The outbox when the disk, the link or a record is bad."""

from __future__ import annotations

import pytest
from message_centre_kit import text_of
from outbox_kit import Memory, Process, silent
from store_kit import World
from twisted.internet.defer import Deferred, fail

from twisted_smpp.daemon.health import Health
from twisted_smpp.errors import StoreFailed, StoreFull
from twisted_smpp.esme.message import Progress, SendFailed
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.esme.sending import Sending
from twisted_smpp.store import MemoryStore
from twisted_smpp.testing import failure, success

P = Progress


@pytest.fixture
def stores(tmp_path):
    return World(tmp_path / "store")


@pytest.fixture(params=[World, Memory], ids=["sqlite", "memory"])
def process(request, tmp_path):
    process = Process(request.param(tmp_path / "store"))
    yield process
    if request.param is World:
        process.stores.abandon()


@pytest.fixture
def sqlite(stores):
    process = Process(stores)
    yield process
    process.stores.abandon()


def failure_of(stored):
    error = failure(stored)
    assert isinstance(error, SendFailed)
    return error


def progress(message):
    return [part.progress for part in message.parts]


def breaks(process):
    """From now on its disk fails."""

    def no(*_):
        raise OSError(5, "Input/output error")

    process.store._transaction = no


# Bad luck with the disk.


@pytest.mark.parametrize("parts", [1, 3])
def test_a_full_store_is_heard_of_at_once_and_leaves_nothing_behind(tmp_path, parts):
    stores = Memory(tmp_path)
    stores.kept = MemoryStore(most=2 if parts == 3 else 0)
    process = Process(stores)
    process.start()

    with pytest.raises(StoreFull):
        process.send(text_of(parts))

    assert process.records() == []
    assert (len(process.outbox), process.service.sender.waiting) == (0, 0)
    process.stop()


def test_a_key_that_cannot_be_kept_is_an_error_at_once(process):
    process.start()
    with pytest.raises(ValueError, match="owner"):
        process.send(key=17)

    assert (len(process.outbox), process.records()) == (0, [])
    process.stop()


@pytest.mark.parametrize("is_bound", [False, True])
def test_a_disk_that_is_full_when_it_is_written_fails_the_message(sqlite, is_bound):
    sqlite.bind() if is_bound else sqlite.start()
    message = sqlite.send(text_of(2))
    stored = message.stored

    batch, sqlite.store._next = sqlite.store._next, []
    sqlite.store._next = [each for each in batch if not each.is_new]
    for each in batch:
        if each.is_new:
            each.told([each.context], StoreFull("", "no room"))
    sqlite.settle()

    assert failure_of(stored).message is message
    assert progress(message) == [P.FAILED] * 2
    assert isinstance(message.error, StoreFull)
    assert sqlite.centre.accepted == []
    assert sqlite.records() == []
    assert (sqlite.service.sender.in_flight, len(sqlite.outbox)) == (0, 0)
    failure_of(message.stored)
    sqlite.passes(31)
    sqlite.stop()


def test_a_message_of_which_one_part_found_no_room_is_failed(sqlite):
    sqlite.start()
    message = sqlite.send(text_of(2))

    refused = sqlite.store._next.pop(0)
    refused.told([refused.context], StoreFull("", "no room"))
    sqlite.settle()

    failure_of(message.stored)
    assert progress(message) == [P.FAILED] * 2
    assert sqlite.records() == []
    sqlite.stop()


def test_when_the_store_fails_every_message_comes_to_an_end(sqlite, logged_errors):
    sqlite.centre.answer = silent
    sqlite.bind()
    sent = sqlite.send("sent")
    sqlite.settle()
    sqlite.world.endpoint.drops()
    sqlite.settle()
    queued = sqlite.send("queued")
    sqlite.settle()
    breaks(sqlite)
    torn = sqlite.send("torn")
    stored = torn.stored
    sqlite.settle()
    sqlite.world.next_attempt()

    sqlite.bind()

    assert failure_of(stored).message is torn
    assert (progress(sent), progress(queued), progress(torn)) == ([P.LOST], [P.FAILED], [P.FAILED])
    for message in (sent, queued, torn):
        assert isinstance(message.error, StoreFailed)
        assert success(message.final) is message
    with pytest.raises(StoreFailed):
        sqlite.send("later")
    assert len(sqlite.outbox) == 0
    assert len(logged_errors.flush()) == 1


# Bad luck with the link, while an attempt is written.


@pytest.mark.parametrize("event", ["lost", "stopped"])
def test_an_attempt_that_was_written_for_nothing_is_none(sqlite, event):
    sqlite.bind()
    message = sqlite.send()
    sqlite.steps.turn()
    stopping = None
    if event == "lost":
        sqlite.world.endpoint.drops()
    else:
        stopping = sqlite.service.stopService()
    sqlite.settle()

    assert progress(message) == [P.QUEUED]
    assert (message.parts[0].attempts, message.parts[0].unknowns) == (0, 0)
    assert [(each.state, each.tries) for each in sqlite.records()] == [(P.QUEUED, 0)]
    assert sqlite.service.sender.in_flight == 0
    if stopping is not None:
        assert success(stopping) is None
        sqlite.service.startService()
    else:
        sqlite.world.next_attempt()
    sqlite.bind()
    assert progress(message) == [P.ACCEPTED]
    assert sqlite.service.sender.resends == 0
    sqlite.stop()


def test_an_attempt_is_written_while_the_link_changes(sqlite):
    sqlite.bind()
    message = sqlite.send()
    sqlite.steps.turn()
    sqlite.world.endpoint.drops()
    sqlite.world.next_attempt()
    sqlite.world.endpoint.binds()

    sqlite.settle()

    assert progress(message) == [P.ACCEPTED]
    assert message.parts[0].attempts == len(sqlite.centre.accepted) == 1
    sqlite.stop()


def test_a_late_response_is_written(process):
    waiting = Deferred()
    process.settings = {"sending": Sending(unknown=UnknownPolicy.HOLD)}
    process = process.crash()
    process.bind()
    process.centre.answer = lambda request: waiting
    message = process.send()
    process.passes(31)
    assert progress(message) == [P.HELD]

    waiting.callback(process.centre.accept(message.parts[0].pdu))
    process.settle()

    assert progress(message) == [P.ACCEPTED]
    assert [(each.state, each.message_id) for each in process.records()] == [(P.ACCEPTED, "A1")]
    process.stop()


# Much, and what cannot be read.


def test_ten_thousand_messages_are_read_in_pages(sqlite):
    sqlite.settings = {"sending": Sending(most_waiting=20_000), "window": 1000}
    process = sqlite.crash()
    process.start()
    for number in range(4_000):
        process.send("short", to=f"49{number:08}")
        process.send("x" * 200, to=f"48{number:08}")
    process.settle()
    process.steps.run()

    after = process.crash()
    pages = []
    ask = after.store.unfinished
    after.store.unfinished = lambda *given: pages.append(given) or ask(*given)
    after.bind()
    for _ in range(100):
        after.settle()

    assert len(after.recovered) == 8_000
    assert pages.pop(0) == ("ids:link", 0, 1)
    assert len(pages) == 12_000 // 500 + 1
    assert {most for *_, most in pages} == {500}
    assert len(after.centre.accepted) == 12_000
    assert set(after.centre.deliveries.values()) == {1}
    assert [len(each.parts) for each in after.recovered[:4]] == [1, 2, 1, 2]
    after.stores.abandon()


def test_what_this_process_has_sent_meanwhile_is_not_taken_for_old(sqlite):
    sqlite.start()
    sqlite.send("old")
    sqlite.settle()

    after = sqlite.crash()
    after.service.startService()
    new = after.send("new")
    after.settle()
    after.bind()

    assert [progress(each) for each in [*after.recovered, new]] == [[P.ACCEPTED]] * 2
    assert sorted(after.centre.texts) == [b"new", b"old"]
    after.stop()


@pytest.mark.parametrize(
    "change",
    [
        {"pdu": b"\0\0\0\x10"},
        {"pdu": bytes.fromhex("00000010000000150000000000000001")},
        {"state": 99},
        {"data": '{"part":[],"of":"x"}'},
        {"data": '{"ids":3}', "message_id": "x"},
    ],
    ids=str,
)
def test_a_record_that_cannot_be_read_does_not_stop_the_others(sqlite, change, logged_errors):
    sqlite.start()
    for text in ("a", "b", "c"):
        sqlite.send(text)
    sqlite.settle()
    second = sqlite.records()[1].number
    for name, value in change.items():
        sqlite.store._connection.execute(
            f"UPDATE message SET {name} = ? WHERE number = ?", (value, second)
        )

    after = sqlite.crash()
    after.bind()

    assert after.centre.texts == [b"a", b"c"]
    assert len(logged_errors.flush()) == 1
    assert second in [each.number for each in after.records()]
    assert len(after.records()) == 3
    after.stop()


def test_a_receipt_that_cannot_be_read_does_not_stop_the_others(sqlite, logged_errors):
    sqlite.bind()
    sqlite.receipt("F1")
    sqlite.receipt("F2")
    sqlite.settle()
    first = sqlite.records()[0].number
    sqlite.store._connection.execute("UPDATE message SET pdu = x'00' WHERE number = ?", (first,))

    after = sqlite.crash()
    after.bind()

    assert after.service.confirming.parked == 1
    assert len(logged_errors.flush()) == 1
    after.stop()


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_message_that_is_not_whole_is_not_sent(sqlite, gone):
    sqlite.start()
    sqlite.send(text_of(3))
    sqlite.send("whole")
    sqlite.settle()
    number = sqlite.records()[gone].number
    sqlite.store._connection.execute("DELETE FROM message WHERE number = ?", (number,))

    after = sqlite.crash()
    after.bind()

    assert after.centre.texts == [b"whole"]
    assert len(after.records()) == 1
    after.stop()


def test_a_store_that_fails_while_it_is_read_is_logged_once(sqlite, logged_errors):
    sqlite.service.startService()
    breaks(sqlite)

    sqlite.settle()

    assert len(logged_errors.flush()) == 1


def test_a_stop_while_it_is_read_is_quiet(sqlite):
    sqlite.start()
    sqlite.send()
    sqlite.settle()

    after = sqlite.crash()
    after.service.startService()
    after.stop()

    third = Process(after.stores, after.centre)
    third.bind()
    assert len(third.centre.accepted) == 1
    third.stop()


# An outbox that cannot be read at first.


def unreadable(process, monkeypatch, attempts):
    """Its store cannot be asked in these attempts, counted from 1; pages are small."""
    monkeypatch.setattr("twisted_smpp.esme.outbox.PAGE", 2)
    ask, asked = process.store.unfinished, []

    def unfinished(*args):
        if not args[0].startswith("outbox:"):
            return ask(*args)
        asked.append(args)
        return fail(ZeroDivisionError()) if len(asked) in attempts else ask(*args)

    process.store.unfinished = unfinished
    return asked


def test_o14_an_outbox_that_cannot_be_read_is_read_later(process, monkeypatch, logged_errors):
    process.start()
    for number in range(3):
        process.send(text_of(2), to=f"49170{number}")
    process.settle()
    after = process.crash()
    asked = unreadable(after, monkeypatch, {1, 3, 4, 6})
    health = Health(after.clock.seconds)
    health.start()

    after.bind()
    new = after.send("new")
    after.settle()
    assert (len(asked), after.recovered, after.outbox.recovered) == (1, [], False)
    assert not health.status()["healthy"]
    assert new.progress is P.ACCEPTED

    after.passes(1)
    assert len(asked) == 3  # a page of two parts, whose message may have more
    after.passes(1)
    assert len(asked) == 3
    after.passes(1)
    assert len(asked) == 4
    after.passes(60)
    health.stop()

    assert not health.status()["healthy"]
    assert after.outbox.recovered
    assert len(after.recovered) == 3
    assert set(after.centre.deliveries.values()) == {1}
    assert len(after.centre.accepted) == 7
    assert len(logged_errors.flush(ZeroDivisionError)) == 4
    after.stop()


def test_o14_an_outbox_is_tried_at_least_once_a_minute(process, monkeypatch, logged_errors):
    process.start()
    process.send()
    process.settle()
    after = process.crash()
    asked = unreadable(after, monkeypatch, range(1, 100))
    after.bind()
    times = []
    for second in range(400):
        times += [second] * (len(asked) - len(times))
        after.passes(1)
    assert times == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363]
    assert len(logged_errors.flush(ZeroDivisionError)) == len(times)
    after.stop()
    assert after.centre.accepted == []
    del after.store.unfinished  # a store in memory stays the same
    assert len(after.crash().start().recovered) == 1


def test_o14_a_stop_ends_the_attempts_and_a_start_begins_them_anew(
    process, monkeypatch, logged_errors
):
    process.start()
    process.send()
    process.settle()
    after = process.crash()
    asked = unreadable(after, monkeypatch, {1, 2})
    after.start()
    stopping = after.service.stopService()
    after.settle()
    assert success(stopping) is None
    assert after.clock.getDelayedCalls() == []
    after.start()
    assert len(asked) == 2
    after.passes(5)
    assert len(after.recovered) == 1
    logged_errors.flush(ZeroDivisionError)
    after.stop()


def test_o14_a_message_that_cannot_go_on_holds_up_no_other(process, monkeypatch, logged_errors):
    process.start()
    for number in range(3):
        process.send(f"{number}")
    process.settle()
    after = process.crash()
    recover = after.service.sender.recover

    def fails_once(part):
        after.service.sender.recover = recover
        raise ZeroDivisionError

    after.service.sender.recover = fails_once
    after.bind()
    after.passes(5)
    assert after.centre.texts == [b"1", b"2"]
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    again = after.crash()
    again.bind()
    assert again.centre.texts == [b"1", b"2", b"0"]
    again.stop()
