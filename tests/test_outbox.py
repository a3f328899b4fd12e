# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The outbox: what is written when, and what goes on in the next process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from message_centre_kit import text_of
from outbox_kit import WALL, Memory, Process, silent
from store_kit import World
from twisted.internet.defer import Deferred

from twisted_smpp.errors import RequestRefused
from twisted_smpp.esme.message import Progress, SendFailed
from twisted_smpp.esme.retries import Retries
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.esme.sending import Sending
from twisted_smpp.status import CommandStatus
from twisted_smpp.testing import failure, success
from twisted_smpp.values import MessageState

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


# What is written when.


def test_stored_fires_once_it_is_on_the_disk_and_not_before(sqlite):
    sqlite.start()
    message = sqlite.send(text_of(3))
    stored = message.stored
    sqlite.steps.turn()

    sqlite.steps.work()

    assert not stored.called
    sqlite.steps.hear()
    assert success(stored) is message
    assert success(message.stored) is message
    assert [record.state for record in sqlite.records()] == [P.QUEUED] * 3


def test_what_was_written_together_is_sent_by_one_write(sqlite):
    sqlite.bind()
    transport = sqlite.session.transport.other
    before = transport.writes
    messages = [sqlite.send(str(number), receipt=False) for number in range(7)]

    sqlite.settle()

    assert transport.writes == before + 1
    assert [message.progress for message in messages] == [P.SENT] * 7
    assert not sqlite.records()


def test_an_attempt_at_a_usual_message_is_written_before_it_is_sent(sqlite):
    sqlite.bind()
    sqlite.centre.answer = silent
    sqlite.service.sender.pace.window = 1
    sqlite.send("first")
    waiting = sqlite.send("second")
    sqlite.settle()
    assert [(each.state, each.tries) for each in sqlite.records()] == [
        (P.SENDING, 1),
        (P.QUEUED, 0),
    ]
    seen = []
    sqlite.centre.look = lambda request: seen.append(
        [(each.state, each.tries) for each in sqlite.records()]
    )
    sqlite.service.sender.pace.window = 2

    sqlite.service.sender._pump()
    sqlite.settle()

    assert seen == [[(P.SENDING, 1), (P.SENDING, 1)]]
    assert waiting.progress is P.SENDING


def test_without_an_outbox_a_message_is_stored_at_once(process):
    process.service.outbox = process.service.sender.outbox = None

    assert success(process.send().stored).outbox is None


def test_D16_no_pdu_leaves_before_its_attempt_is_on_the_disk(sqlite):
    sqlite.bind()
    sqlite.centre.look = lambda request: seen.append([record.state for record in copy_of(sqlite)])
    seen = []

    message = sqlite.send(text_of(2))
    sqlite.world.flush()
    sqlite.steps.turn()
    sqlite.steps.work()
    sqlite.world.flush()
    assert (progress(message), seen) == ([P.SENDING] * 2, [])
    sqlite.settle()

    assert seen == [[P.SENDING] * 2, [P.SENDING] * 2]


def test_D16_what_is_sent_at_once_is_written_with_its_attempt(sqlite):
    sqlite.bind()
    states, given = [], sqlite.store._later
    sqlite.centre.look = lambda request: states.append([record.state for record in copy_of(sqlite)])

    def later(intent):
        writes.append(intent.row[4] if intent.row else None)
        given(intent)

    writes = []
    sqlite.store._later = later
    sqlite.send(receipt=False)
    assert writes == [P.SENDING]
    sqlite.settle()
    assert (writes, states) == ([P.SENDING, None], [[P.SENDING]])
    sqlite.stop()


def test_what_waits_is_written_as_waiting(sqlite):
    sqlite.bind()
    sqlite.service.sender.pace.window = 1
    sqlite.send("first")
    sqlite.send("second")
    sqlite.steps.turn()
    sqlite.steps.work()
    assert [record.state for record in copy_of(sqlite)] == [P.SENDING, P.QUEUED]
    sqlite.settle()
    assert [record.state for record in copy_of(sqlite)] == [P.ACCEPTED, P.ACCEPTED]
    sqlite.stop()


def copy_of(process):
    """What the next process would find, if this one ended now."""
    connection = process.store._connection
    rows = connection.execute("SELECT state FROM message ORDER BY number").fetchall()
    assert not connection.in_transaction
    return [type("Row", (), {"state": state}) for (state,) in rows]


def test_what_is_final_leaves_the_store(process):
    process.bind()
    first, second = process.send("a", receipt=False), process.send("b")
    process.settle()

    assert (progress(first), progress(second)) == ([P.SENT], [P.ACCEPTED])
    (record,) = process.records()
    assert (record.state, record.message_id) == (P.ACCEPTED, "A2")
    process.receipt("A2")
    process.settle()

    assert progress(second) == [P.DELIVERED]
    assert process.records() == []
    assert len(process.outbox) == 0
    process.stop()


def test_a_part_that_is_final_stays_as_long_as_another_is_not(process):
    process.bind()
    message = process.send(text_of(3))
    process.settle()
    process.receipt("A2", MessageState.UNDELIVERABLE)
    process.settle()

    after = process.crash()
    after.bind()

    (again,) = after.recovered
    assert message.progress is again.progress is P.UNDELIVERABLE
    assert progress(again) == [P.ACCEPTED, P.UNDELIVERABLE, P.ACCEPTED]
    assert again.message_ids == ("A1", "A2", "A3")
    after.receipt("A3")
    after.receipt("A1")
    after.settle()
    assert progress(again) == [P.DELIVERED, P.UNDELIVERABLE, P.DELIVERED]
    assert after.records() == []
    after.stop()


# What goes on.


def test_a_queued_message_is_sent_once_by_the_next_process(process):
    process.start()
    process.send(text_of(1), key="order 17", priority=2, tlvs={0x1400: b"vendor"})
    process.send(text_of(3), source="Shop", schedule=timedelta(hours=1))
    process.settle()
    want = [
        (part.segment.short_message, part.segment.esm_class)
        for message in (process.service.sender._new)
        for part in [message]
    ]

    after = process.crash()
    after.bind()

    one, three = after.recovered
    assert (one.key, three.key) == ("order 17", None)
    assert (one.destination, three.source, one.plan) == ("491761234567", "Shop", None)
    accepted = after.centre.accepted
    assert [(each.short_message, each.esm_class) for each in accepted] == want
    assert accepted[0].tlvs[0x1400] == b"vendor"
    assert (accepted[0].priority_flag, accepted[1].priority_flag) == (2, 0)
    assert accepted[1].schedule_delivery_time == "000000005959000R"  # a second later
    assert after.service.sender.resends == 0
    assert [part.number for part in three.parts] == [1, 2, 3]
    after.stop()


def test_a_message_of_before_is_told_before_it_goes_on(process):
    process.start()
    process.send()
    process.settle()
    seen = []

    after = process.crash()
    after.outbox._on_recovered = lambda message: seen.append(progress(message))
    after.bind()

    assert seen == [[P.QUEUED]]
    assert len(after.centre.accepted) == 1
    after.stop()


def test_a_callback_that_fails_stops_nothing(process, logged_errors):
    process.start()
    process.send()
    process.settle()

    after = process.crash()
    after.outbox._on_recovered = lambda message: 1 / 0
    after.bind()

    assert len(after.centre.accepted) == 1
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    after.stop()


@pytest.mark.parametrize("parts", [1, 3])
def test_D17_what_was_being_sent_is_sent_again_and_counted(process, parts):
    process.bind()
    process.centre.answer = lambda request: process.centre.accept(request) and Deferred()
    process.send(text_of(parts))
    process.settle()
    assert len(process.centre.accepted) == parts

    after = process.crash()
    after.centre.answer = lambda request: None
    after.bind()

    (message,) = after.recovered
    assert len(after.centre.accepted) == 2 * parts
    assert progress(message) == [P.ACCEPTED] * parts
    assert [(part.unknowns, part.resends) for part in message.parts] == [(1, 1)] * parts
    assert message.possible_duplicates == after.service.sender.resends == parts
    after.stop()


def test_D16_it_is_sent_again_three_times_at_most(process):
    for _ in range(4):
        process.centre.answer = silent
        process.bind()
        process.send() if not process.recovered else None
        process.settle()
        process = process.crash()

    process.bind()

    (message,) = process.recovered
    assert progress(message) == [P.LOST]
    assert (message.parts[0].unknowns, message.parts[0].resends) == (4, 3)
    assert process.records() == []
    process.stop()


def test_held_parts_wait_for_a_decision_in_every_process(process):
    process.settings = {"sending": Sending(unknown=UnknownPolicy.HOLD)}
    process.centre.answer = silent
    process.bind()
    process.send("a")
    process.send("b")
    process.settle()

    between = process.crash()
    between.bind()
    between.passes(1)
    assert [progress(each) for each in between.recovered] == [[P.HELD], [P.HELD]]
    after = between.crash()
    after.centre.answer = lambda request: None
    after.bind()

    one, other = after.recovered
    assert after.service.sender.held == 2
    assert after.centre.accepted == []
    after.service.sender.resend(one.parts[0])
    after.service.sender.give_up(other.parts[0])
    after.settle()
    assert (progress(one), progress(other)) == ([P.ACCEPTED], [P.LOST])
    assert len(after.records()) == 1
    after.stop()


def test_what_was_being_sent_is_lost_by_the_policy_FAIL(process):
    process.settings = {"sending": Sending(unknown=UnknownPolicy.FAIL)}
    process.centre.answer = silent
    process.bind()
    process.send()
    process.settle()

    after = process.crash()
    after.bind()

    assert [progress(each) for each in after.recovered] == [[P.LOST]]
    assert after.records() == []
    after.stop()


def test_a_refusal_is_counted_over_processes(process):
    process.settings = {"sending": Sending(retries=Retries(delays=(5.0,), attempts=2))}
    process.centre.answer = lambda request: CommandStatus.ESME_RSYSERR
    process = process.crash()
    process.bind()
    message = process.send()
    process.settle()
    assert (message.parts[0].refusals, progress(message)) == (1, [P.QUEUED])

    after = process.crash()
    after.bind()

    # Its delay begins anew: a restart is no reason to ask a busy message centre at once.
    after.passes(3.0)
    assert [progress(each) for each in after.recovered] == [[P.QUEUED]]
    after.passes(3.0)
    assert [progress(each) for each in after.recovered] == [[P.FAILED]]
    assert after.records() == []
    after.stop()


# Receipts.


@pytest.mark.parametrize("written", ["A1", "a1", "161", "00A1"])
def test_a_receipt_finds_its_message_in_the_next_process(process, written):
    process.bind()
    process.send()
    process.settle()

    after = process.crash()
    session = after.bind()
    answered = after.receipt(written)
    after.settle()

    assert success(answered).command_status == 0
    assert [progress(each) for each in after.recovered] == [[P.DELIVERED]]
    assert after.records() == []
    assert session.bound
    after.stop()


def test_R03_a_receipt_before_its_response_survives_too(process):
    process.bind()
    process.centre.answer = silent
    process.send()
    process.settle()
    answered = process.receipt("A1")
    process.settle()
    assert success(answered).command_status == 0
    assert len(process.records()) == 2

    after = process.crash()
    after.centre.answer = lambda request: None
    after.bind()

    (message,) = after.recovered
    assert (progress(message), message.message_ids) == ([P.DELIVERED], ("A1",))
    assert after.records() == []
    after.stop()


def test_R03_a_receipt_that_comes_before_the_outbox_is_read_finds_its_message(sqlite):
    sqlite.bind()
    sqlite.send()
    sqlite.settle()

    after = sqlite.crash()
    after.service.startService()
    after.world.endpoint.binds()
    answered = after.receipt("A1")
    after.world.flush()
    assert after.recovered == []
    after.settle()

    assert success(answered).command_status == 0
    assert [progress(each) for each in after.recovered] == [[P.DELIVERED]]
    assert after.records() == []
    after.stop()


def test_R10_receipts_of_one_id_and_of_none_take_little_room(process):
    process.bind()
    for _ in range(20):
        process.receipt("FF")
        process.session.deliver_sm(esm_class=4, short_message=b"stat:DELIVRD")
        process.settle()

    assert len(process.records()) == 10
    after = process.crash()
    after.bind()
    assert len(after.records()) == 10
    after.passes(86_400 // 100)
    assert len(after.records()) == 10
    after.clock.pump([100.0] * 864)
    after.settle()
    assert after.records() == []
    after.stop()


def test_R11_a_receipt_is_answered_once_it_is_on_the_disk(sqlite):
    sqlite.bind()
    sqlite.send()
    sqlite.settle()
    answered, again = sqlite.receipt("A1"), sqlite.receipt("A1")
    stray = sqlite.receipt("77")
    sqlite.world.flush()
    sqlite.steps.turn()
    sqlite.steps.work()
    sqlite.world.flush()
    assert not any(each.called for each in (answered, again, stray))

    sqlite.settle()

    assert [success(each).command_status for each in (answered, again, stray)] == [0, 0, 0]
    sqlite.stop()


def test_R11_on_receipt_may_be_a_coroutine(stores):
    heard, refusal = [], []

    async def on_receipt(receipt, pdu):
        heard.append(receipt.message_id)
        if refusal:
            raise RequestRefused(refusal[0])

    process = Process(stores, on_receipt=on_receipt)
    process.bind()
    process.send()
    process.settle()
    answered = process.receipt("A1")
    assert heard == []  # it is not written yet
    process.settle()
    assert success(answered).command_status == 0
    refusal.append(CommandStatus.ESME_RX_P_APPN)
    again = process.receipt("A1")
    process.settle()
    assert failure(again).command_status == CommandStatus.ESME_RX_P_APPN
    assert heard == ["A1", "A1"]
    stores.abandon()


def test_R11_the_message_centre_keeps_a_receipt_that_could_not_be_written(sqlite, logged_errors):
    sqlite.bind()
    sqlite.send()
    sqlite.settle()
    breaks(sqlite)

    one, two, stray = sqlite.receipt("A1"), sqlite.receipt("A1"), sqlite.receipt("77")
    sqlite.settle()
    later = sqlite.receipt("A1")
    sqlite.settle()

    for each in (one, two, stray, later):
        assert failure(each).command_status == CommandStatus.ESME_RX_T_APPN
    assert len(logged_errors.flush()) == 1


def breaks(process):
    """From now on its disk fails."""

    def no(*_):
        raise OSError(5, "Input/output error")

    process.store._transaction = no


def test_the_time_for_a_receipt_goes_on_in_the_next_process(process):
    process.settings = {"sending": Sending(receipt_seconds=200.0)}
    process = process.crash()
    process.start()
    process.send()
    process.passes(500)  # it is not sent yet
    if not process.world.endpoint.waiting:
        process.world.next_attempt()
    process.bind()
    process.passes(60)

    after = process.crash()
    after.bind()
    after.passes(70)
    assert [progress(each) for each in after.recovered] == [[P.ACCEPTED]]
    after.passes(120)

    assert [progress(each) for each in after.recovered] == [[P.UNCONFIRMED]]
    assert after.records() == []
    after.stop()


# Validity.


def test_a_relative_validity_runs_on(process):
    process.start()
    process.send("short", validity=timedelta(seconds=50))
    process.send("long", validity=timedelta(hours=1))
    process.settle()
    process.passes(59)

    after = process.crash()
    after.bind()

    short, long = after.recovered
    assert (progress(short), progress(long)) == ([P.EXPIRED], [P.ACCEPTED])
    assert [each.validity_period for each in after.centre.accepted] == ["000000005900000R"]
    after.stop()


def test_an_absolute_validity_stays(process):
    process.service._now = lambda: datetime.fromtimestamp(process.now(), UTC)
    process.start()
    process.send("short", validity=datetime.fromtimestamp(WALL + 50, UTC))
    process.send("long", validity=datetime.fromtimestamp(WALL + 3600, UTC))
    process.settle()
    period = process.service.sender._new[1].message.fields["validity_period"]
    process.passes(59)

    after = process.crash()
    after.bind()

    short, long = after.recovered
    assert (progress(short), progress(long)) == ([P.EXPIRED], [P.ACCEPTED])
    assert [each.validity_period for each in after.centre.accepted] == [period]
    after.passes(30)
    after.stop()
