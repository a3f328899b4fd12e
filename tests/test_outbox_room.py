# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Receipts while the disk is full: what cannot be written, the message centre keeps."""

from __future__ import annotations

import pytest
from outbox_kit import Memory, Process
from store_kit import MUCH, World
from twisted.logger import capturedLogs

from twisted_smpp.esme.message import Progress
from twisted_smpp.status import CommandStatus
from twisted_smpp.testing import failure, success

P = Progress


@pytest.fixture
def process(tmp_path):
    process = Process(World(tmp_path / "store"))
    process.store._seconds = process.clock.seconds
    process.bind()
    yield process
    process.stores.abandon()


def answers(process, *ids):
    """What each receipt is answered, at once."""
    sent = [process.receipt(each) for each in ids]
    process.settle()
    found = []
    for each in sent:
        results = []
        each.addBoth(results.append)
        (result,) = results
        error = getattr(result, "value", None)
        found.append(result.command_status if error is None else error.command_status)
    return found


def fill(process):
    """From now on nothing more can be written."""
    connection = process.store._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


def stuck(process):
    """A process whose store waits for room."""
    fill(process)
    count = 0
    while not process.store.waits_for_room:
        count += 1
        process.receipt(f"{count:x}beef").addErrback(lambda _: None)
        process.settle()
        assert count < 1000


def make_room(process):
    process.store._connection.execute("PRAGMA max_page_count = 1000000")
    process.passes(2)


OK, LATER = CommandStatus.ESME_ROK, CommandStatus.ESME_RX_T_APPN


def test_R11_on_a_disk_that_is_low_what_fits_no_message_is_kept_by_the_message_centre(
    process, logged_errors
):
    heard = []
    process.service._on_receipt = lambda receipt, pdu: heard.append(receipt.message_id)
    messages = [process.send() for _ in range(2)]
    process.settle()
    process.stores.free = (0, MUCH)
    process.passes(2)
    process.receipt("A1")  # the store looks at the disk when it writes
    process.settle()
    assert process.store.full
    assert not process.store.waits_for_room
    before = len(process.records())

    assert answers(process, "77", "A2", "77") == [LATER, OK, LATER]

    assert [each.progress for each in messages] == [P.DELIVERED] * 2
    assert heard == ["A1", "A2"]
    assert len(process.records()) == before - 1
    process.stores.free = (MUCH, 2 * MUCH)
    process.passes(2)
    assert answers(process, "77") == [OK]
    assert heard == ["A1", "A2", "77"]
    assert len(process.records()) == 1
    assert len(logged_errors.flush()) == 1
    process.stop()


def test_R11_a_memory_that_is_full_takes_no_more_either(tmp_path):
    process = Process(Memory(tmp_path))
    process.bind()
    message = process.send()
    process.settle()
    process.store._most = 1
    assert answers(process, "77", "A1") == [LATER, OK]
    assert message.progress is P.DELIVERED
    assert answers(process, "77") == [OK]
    process.passes(90)
    process.stop()


def test_R11_on_a_disk_that_is_full_no_receipt_waits_for_room(process, logged_errors):
    heard = []
    process.service._on_receipt = lambda receipt, pdu: heard.append(receipt.message_id)
    messages = [process.send() for _ in range(3)]
    process.settle()
    stuck(process)
    # The one that has found it out was answered at once, too.
    session = process.service.session
    assert session._answering == {}
    heard.clear()
    with capturedLogs() as logs:
        for _ in range(30):
            assert answers(process, "A1", "77", "A2") == [LATER] * 3
            process.passes(1)
    assert [each for each in logs if "log_failure" in each] == []
    assert [each.progress for each in messages] == [P.ACCEPTED] * 3
    assert heard == []
    assert process.service.session is session
    make_room(process)
    assert answers(process, "A1", "77", "A2") == [OK] * 3
    assert heard == ["A1", "77", "A2"]
    assert [each.progress for each in messages] == [P.DELIVERED, P.DELIVERED, P.ACCEPTED]
    assert len(logged_errors.flush()) >= 1
    process.stop()


def test_R11_what_was_on_its_way_to_the_disk_when_it_got_full(process, logged_errors):
    messages = [process.send() for _ in range(3)]
    process.settle()
    fill(process)
    together = [process.receipt(each) for each in ("A1", *map(str, range(100_000, 100_300)), "A2")]
    process.settle()
    assert process.store.waits_for_room
    statuses = set()
    for each in together:
        results = []
        each.addBoth(results.append)
        statuses.add(getattr(results[0], "value", results[0]).command_status)
    assert LATER in statuses
    assert process.service.session._answering == {}
    assert process.outbox._impatient == {}
    make_room(process)
    assert answers(process, "A1", "A2", "A3") == [OK] * 3
    assert [each.progress for each in messages] == [P.DELIVERED] * 3
    logged_errors.flush()
    process.stop()


def test_R11_what_was_refused_for_want_of_room_is_there_after_a_crash(process, logged_errors):
    process.send()
    process.settle()
    stuck(process)
    assert answers(process, "A1") == [LATER]
    after = process.crash()
    after.bind()
    assert [each.progress for each in after.recovered] == [P.ACCEPTED]
    assert answers(after, "A1") == [OK]
    assert [each.progress for each in after.recovered] == [P.DELIVERED]
    logged_errors.flush()
    after.stop()


def test_R11_who_waits_for_the_disk_by_choice_hears_when_there_is_room(process, logged_errors):
    message = process.send()
    process.settle()
    stuck(process)
    patient, impatient = process.outbox.settled(), process.outbox.settled(patient=False)
    assert failure(impatient).command_status == CommandStatus.ESME_RMSGQFUL
    assert not patient.called
    make_room(process)
    assert success(patient) is None
    assert message.progress is P.ACCEPTED
    logged_errors.flush()
    process.stop()
