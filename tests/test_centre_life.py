# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The life of a message: accepted, on its way, at its end, with its receipts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from centre_kit import (
    V3_3,
    V5_0,
    WANTED,
    Sinking,
    World,
    both_stores,
    routes,
    to_account,
)
from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs

from twisted_smpp.errors import RequestRefused
from twisted_smpp.smsc import Keeping, Route, RouteKind, Terms
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.store import MemoryStore
from twisted_smpp.testing import failure, success
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire.tlvs import congestion_state, message_payload, user_message_reference

BANK = to_account("bank")
SINK = Route(RouteKind.SINK, "app")


@both_stores
def test_a_message_is_delivered_to_another_account(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    message_id = world.submit(shop, **WANTED)
    assert world.query(shop, message_id) == M.ENROUTE
    assert world.messages("bank") == []
    bank = world.bound("bank", "receiver")
    world.turn()
    (delivered,) = world.messages("bank")
    assert (delivered.source_addr, delivered.destination_addr) == ("100", "491")
    assert delivered.short_message == b"text"
    assert world.query(shop, message_id) == M.DELIVERED
    (receipt,) = world.receipts()
    assert (receipt.message_id, receipt.stat) == (message_id, "DELIVRD")
    assert world.record(message_id).pdu == b""
    assert bank.esme.bound
    world.end()


@both_stores
def test_D30_what_waits_goes_only_to_its_owner_and_within_a_second(
    kind: str, tmp_path: Path
) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    for _ in range(120):
        shop.esme.submit_sm(destination_addr="491", short_message=b"x")
    world.turn(60)
    world.bound("news")
    world.bound("bank", "transmitter")
    world.turn(10)
    assert world.got == []
    world.bound("bank", "receiver")
    world.turn(1)
    assert len(world.messages("bank")) == 120
    assert {name for name, _ in world.got} == {"bank"}
    world.end()


@both_stores
def test_T09_octets_pass_unchanged(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop, octets = world.bound(), bytes(range(254))
    world.submit(shop, short_message=octets, data_coding=4)
    long = b"\r\n\x00\x1a" * 1000
    world.submit(shop, short_message=b"", tlvs={message_payload: long})
    world.restart()
    world.bound("bank")
    world.turn()
    first, second = world.messages("bank")
    assert (first.short_message, first.data_coding) == (octets, 4)
    assert second.tlvs[message_payload] == long
    world.end()


@both_stores
def test_loopback_swaps_the_addresses(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=Route(RouteKind.LOOPBACK)))
    world.submit(world.bound())
    world.turn()
    (delivered,) = world.messages("shop")
    assert (delivered.source_addr, delivered.destination_addr) == ("491", "100")
    world.end()


@both_stores
def test_a_schedule_is_kept_on_the_default_route_too(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path)
    shop = world.bound()
    relative = world.submit(shop, schedule_delivery_time="000000000100000R", **WANTED)
    absolute = world.submit(shop, schedule_delivery_time="260304050800000+", **WANTED)
    assert world.query(shop, relative) == M.SCHEDULED
    world.turn(59)
    assert world.query(shop, relative) == M.SCHEDULED
    world.turn(2)
    assert world.query(shop, relative) == M.DELIVERED
    assert world.query(shop, absolute) == M.SCHEDULED
    world.turn(60)
    assert [each.message_id for each in world.receipts()] == [relative, absolute]
    world.end()


@both_stores
def test_many_scheduled_messages_cost_no_turns(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    world.bound("bank")
    for _ in range(250):
        shop.esme.submit_sm(destination_addr="491", schedule_delivery_time="000000010000000R")
    world.turn()
    assert world.messages("bank") == []
    world.submit(shop)  # one that is due goes past them
    assert len(world.messages("bank")) == 1
    world.turn(3601)
    assert len(world.messages("bank")) == 251
    world.end()


@both_stores
def test_D22_what_waits_longer_than_it_is_worth_expires(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    short = world.submit(shop, validity_period="000000000100000R", **WANTED)
    default = world.submit(shop, **WANTED)
    world.turn(66)
    assert world.query(shop, short) == M.EXPIRED
    assert world.query(shop, default) == M.ENROUTE
    assert [(each.message_id, each.stat) for each in world.receipts()] == [(short, "EXPIRED")]
    world.step += 2 * 86_400
    world.bound("bank")
    world.turn(6)
    assert world.messages("bank") == []
    assert world.query(shop, default) == M.EXPIRED
    world.end()


@both_stores
def test_D22_it_is_not_sent_a_moment_too_late(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK), keeping=Keeping(sweep=1000.0))
    shop = world.bound()
    message_id = world.submit(shop, validity_period="000000000001000R")
    world.turn(1.5)
    world.bound("bank")
    world.turn()
    assert world.messages("bank") == []
    assert world.query(shop, message_id) == M.EXPIRED
    world.end()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"schedule_delivery_time": "nonsense........"}, S.ESME_RINVSCHED),
        ({"schedule_delivery_time": "000500000000000R"}, S.ESME_RINVSCHED),
        ({"validity_period": "251231000000000+"}, S.ESME_RINVEXPIRY),
        (
            {
                "schedule_delivery_time": "000000010000000R",
                "validity_period": "000000000100000R",
            },
            S.ESME_RINVEXPIRY,
        ),
    ],
)
def test_times_that_make_no_sense(fields: Any, status: int, tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    shop = world.bound()
    refused = shop.esme.submit_sm(destination_addr="1", **fields)
    world.turn()
    assert failure(refused).command_status == status  # type: ignore[attr-defined]
    world.end()


@both_stores
@pytest.mark.parametrize("step", [-3600.0, 3600.0, -86_400.0])
def test_O01_the_wall_clock_is_set(kind: str, step: float, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    world.bound("bank")
    world.answers["bank"] = S.ESME_RX_T_APPN
    retried = world.submit(shop)
    world.turn(1)
    with capturedLogs() as logs:
        world.step += step
        world.turn(6)
        assert any("clock was set" in event["log_format"] for event in logs)
    world.answers["bank"] = None
    waiting = world.submit(shop)
    world.turn(31)
    assert {world.query(shop, each) for each in (retried, waiting)} == {M.DELIVERED}
    assert len({retried, waiting}) == 2
    world.end()


@both_stores
def test_O01_a_schedule_follows_the_wall_clock(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path)
    shop = world.bound()
    message_id = world.submit(shop, schedule_delivery_time="000000020000000R")
    world.step -= 3600.0
    world.turn(2 * 3600 + 10)
    assert world.query(shop, message_id) == M.SCHEDULED
    world.step += 3600.0
    world.turn(6)
    assert world.query(shop, message_id) == M.DELIVERED
    world.end()


@both_stores
def test_D21_a_final_refusal_ends_it(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    world.bound("bank")
    world.answers["bank"] = S.ESME_RX_R_APPN
    message_id = world.submit(shop, **WANTED)
    world.turn()
    assert world.query(shop, message_id) == M.UNDELIVERABLE
    assert [each.stat for each in world.receipts()] == ["UNDELIV"]
    assert "RX_R_APPN" in world.record(message_id).data["why"]
    assert len(world.messages("bank")) == 1
    world.end()


@both_stores
def test_D29_S06_refused_for_now_is_tried_by_the_table(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    world.bound("bank")
    times: list[float] = []

    def refuse(request: Any) -> int:
        times.append(world.clock.seconds())
        return S.ESME_RX_T_APPN

    world.answers["bank"] = refuse
    begin = world.clock.seconds()
    message_id = world.submit(shop, registered_delivery=0x11)
    world.turn(3000)
    assert [round(each - begin) for each in times] == [0, 5, 35, 155, 755, 2555]
    assert [each.stat for each in world.receipts()] == ["ENROUTE"]
    assert world.receipts()[0].intermediate
    assert world.query(shop, message_id) == M.ENROUTE
    world.end()


@both_stores
def test_D15_a_message_that_nobody_can_take_is_given_up(
    kind: str, tmp_path: Path, logged_errors: Any
) -> None:
    sink = Sinking(lambda message: 1 / 0)
    keeping = Keeping(delays=(1.0,))
    world = World(kind, tmp_path, routes=routes(p49=SINK), sinks={"app": sink}, keeping=keeping)
    shop = world.bound()
    message_id = world.submit(shop, **WANTED)
    world.turn(60)
    assert len(logged_errors.flush(ZeroDivisionError)) == 19
    assert len(sink.got) == 20
    assert world.query(shop, message_id) == M.UNDELIVERABLE
    world.end()


def test_D15_a_message_that_ends_sessions_is_given_up(tmp_path: Path) -> None:
    world = World("sqlite", tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    world.answers["bank"] = lambda request: Deferred()
    message_id = world.submit(shop)
    for _ in range(25):
        bank = world.bound("bank")
        world.turn()
        bank.drop()
    assert len(world.messages("bank")) == 20
    assert world.query(shop, message_id) == M.UNDELIVERABLE
    world.end()


@both_stores
def test_S06_deliveries_without_an_answer_end_the_session(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    bank = world.bound("bank")
    world.answers["bank"] = lambda request: Deferred()
    bank.esme.factory.answer_timeout = 1e6
    with capturedLogs():
        for _ in range(4):
            world.submit(shop)
        world.turn(45)
    assert bank.esme_transport.lost
    assert len(world.messages("bank")) >= 4
    world.end()


# Sinks.


async def coroutine(message: Any) -> M:
    return M.DELIVERED


@both_stores
@pytest.mark.parametrize(
    ("answer", "state", "stat"),
    [
        (None, M.DELIVERED, "DELIVRD"),
        (M.REJECTED, M.REJECTED, "REJECTD"),
        (coroutine, M.DELIVERED, "DELIVRD"),
        (lambda message: fail(RequestRefused(S.ESME_RINVDSTADR)), M.UNDELIVERABLE, "UNDELIV"),
    ],
)
def test_a_sink_says_what_became_of_it(
    kind: str, answer: Any, state: int, stat: str, tmp_path: Path
) -> None:
    sink = Sinking(answer)
    world = World(kind, tmp_path, routes=routes(p49=SINK), sinks={"app": sink})
    shop = world.bound()
    message_id = world.submit(shop, **WANTED)
    world.turn()
    assert world.query(shop, message_id) == state
    assert [each.stat for each in world.receipts()] == [stat]
    (message,) = sink.got
    assert (message.account, message.message_id) == ("shop", message_id)
    world.end()


@both_stores
def test_R06_a_sink_reports_later_and_the_first_report_counts(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=SINK), sinks={"app": Sinking(M.ACCEPTED)})
    shop = world.bound()
    message_id = world.submit(shop, **WANTED)
    world.turn()
    assert world.query(shop, message_id) == M.ENROUTE
    refused = shop.esme.cancel_sm(message_id=message_id, source_addr="100")
    world.turn()
    assert failure(refused).command_status == S.ESME_RCANCELFAIL  # type: ignore[attr-defined]
    world.restart()
    shop = world.bound()
    reported = [world.centre.report(message_id, each) for each in (M.DELIVERED, M.UNDELIVERABLE)]
    world.turn(1)
    assert [success(each) for each in reported] == [True, False]
    assert world.query(shop, message_id) == M.DELIVERED
    assert [each.stat for each in world.receipts()] == ["DELIVRD"]
    with pytest.raises(ValueError, match="not final"):
        world.centre.report(message_id, M.ENROUTE)
    world.end()


@both_stores
def test_R03_a_report_before_the_sink_has_returned(kind: str, tmp_path: Path) -> None:
    later: Deferred[Any] = Deferred()
    world = World(kind, tmp_path, routes=routes(p49=SINK), sinks={"app": Sinking(lambda _: later)})
    shop = world.bound()
    message_id = world.submit(shop, **WANTED)
    reported = world.centre.report(message_id, M.UNDELIVERABLE, 7)
    world.turn()
    assert success(reported)
    later.callback(M.ACCEPTED)
    world.turn()
    assert world.query(shop, message_id) == M.UNDELIVERABLE
    assert [each.fields["err"] for each in world.receipts()] == ["007"]
    world.end()


@both_stores
def test_what_a_sink_took_and_never_reports_expires(kind: str, tmp_path: Path) -> None:
    sink = Sinking(M.ACCEPTED)
    world = World(kind, tmp_path, routes=routes(p49=SINK), sinks={"app": sink})
    shop = world.bound()
    message_id = world.submit(shop, validity_period="000000000100000R")
    world.turn(70)
    assert world.query(shop, message_id) == M.EXPIRED
    assert len(sink.got) == 1
    world.end()


def test_a_sink_that_never_answers_is_asked_again(tmp_path: Path) -> None:
    sink = Sinking(lambda message: Deferred())
    world = World("memory", tmp_path, routes=routes(p49=SINK), sinks={"app": sink})
    world.submit(world.bound())
    world.turn(610)
    assert len(sink.got) == 2
    world.end()


# What else may be submitted.


@both_stores
def test_data_sm_both_ways_and_to_3_3(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    bank = world.bound("bank")
    world.ask(shop.esme.data_sm(destination_addr="491", tlvs={message_payload: b"data"}))
    (delivered,) = world.messages("bank")
    assert (delivered.command, delivered.tlvs[message_payload]) == ("data_sm", b"data")
    bank.drop()
    world.bound("bank", "receiver", interface_version=V3_3)
    world.ask(shop.esme.data_sm(destination_addr="491", tlvs={message_payload: b"data"}))
    world.turn()
    last = world.messages("bank")[-1]
    assert (last.command, last.short_message, len(last.tlvs)) == ("deliver_sm", b"data", 0)
    long = world.submit(shop, short_message=b"", tlvs={message_payload: b"x" * 255})
    world.turn()
    assert world.query(shop, long) == M.UNDELIVERABLE
    world.end()


@pytest.mark.parametrize(
    ("wanted", "on_success", "on_failure"), [(0, 0, 0), (1, 1, 1), (2, 0, 1), (3, 1, 0)]
)
def test_receipts_by_the_bits(
    wanted: int, on_success: int, on_failure: int, tmp_path: Path
) -> None:
    for answer, count in ((None, on_success), (S.ESME_RX_P_APPN, on_failure)):
        world = World("memory", tmp_path, routes=routes(p49=BANK))
        shop = world.bound()
        world.bound("bank")
        world.answers["bank"] = answer
        world.submit(shop, registered_delivery=wanted | 0x0C)
        world.turn()
        assert world.messages("bank")[0].registered_delivery == 0x0C
        assert len(world.receipts()) == count
        world.end()


def test_the_reference_of_the_user_comes_back(tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    world.submit(world.bound(), tlvs={user_message_reference: 77}, **WANTED)
    world.turn()
    assert world.got[0][1].tlvs[user_message_reference] == 77
    world.end()


@both_stores
def test_queues_have_a_bound_and_5_0_hears_of_it(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK), terms=lambda name: Terms(most_waiting=4))
    shop = world.bound(interface_version=V5_0)
    told = []
    for _ in range(4):
        response = world.ask(shop.esme.submit_sm(destination_addr="491"))
        told.append(response.tlvs[congestion_state])
    assert told == [0, 25, 50, 75]
    refused = shop.esme.submit_sm(destination_addr="491")
    world.turn()
    assert failure(refused).command_status == S.ESME_RMSGQFUL  # type: ignore[attr-defined]
    world.bound("bank")
    world.turn(1)
    response = world.ask(shop.esme.submit_sm(destination_addr="491"))
    assert response.tlvs[congestion_state] == 0
    old = world.bound("news")
    assert congestion_state not in world.ask(old.esme.submit_sm(destination_addr="1")).tlvs
    world.end()


def test_a_full_store_refuses_and_recovers(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes(p49=BANK), keeping=Keeping(final_seconds=10))
    world.store._most = 3
    shop = world.bound()
    for _ in range(3):
        world.submit(shop)
    refused = shop.esme.submit_sm(destination_addr="491")
    world.turn()
    assert failure(refused).command_status == S.ESME_RMSGQFUL  # type: ignore[attr-defined]
    world.bound("bank")
    world.turn(20)
    world.submit(shop)
    world.end()


def test_a_full_disk_refuses_and_no_receipt_is_made(tmp_path: Path) -> None:
    world = World("sqlite", tmp_path)
    shop = world.bound()
    world.store.full = True
    refused = shop.esme.submit_sm(destination_addr="1", **WANTED)
    world.turn(5)
    assert failure(refused).command_status == S.ESME_RMSGQFUL  # type: ignore[attr-defined]
    assert world.got == []
    world.store.full = False
    world.submit(shop, **WANTED)
    world.turn()
    assert len(world.receipts()) == 1
    world.end()


def test_D01_a_store_that_fails_promises_nothing(tmp_path: Path, logged_errors: Any) -> None:
    world = World("sqlite", tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    message_id = world.submit(shop)
    world.store._connection.execute("DROP TABLE message")
    world.store._connection.commit()
    refused = shop.esme.submit_sm(destination_addr="491")
    world.turn(1)
    assert failure(refused).command_status == S.ESME_RSYSERR  # type: ignore[attr-defined]
    asked = shop.esme.query_sm(message_id=message_id, source_addr="100")
    world.turn()
    assert failure(asked).command_status == S.ESME_RSYSERR  # type: ignore[attr-defined]
    logged_errors.flush()
    world.kill()


def test_what_a_memory_store_says_is_the_default(tmp_path: Path) -> None:
    assert isinstance(World("memory", tmp_path).centre.store, MemoryStore)
