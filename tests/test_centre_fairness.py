"""One account with very much that waits is no burden to the others; work is counted, not timed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from centre_kit import V5_0, Sinking, World, both_stores, routes, to_account
from twisted.internet.defer import Deferred

from twisted_smpp.smsc import Route, RouteKind, Terms
from twisted_smpp.smsc.dispatch import MOST_AT_ONCE, MOST_READY, READY_OCTETS, ROOM_SECONDS
from twisted_smpp.smsc.kinds import MESSAGE
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.store import Record
from twisted_smpp.testing import Pair, failure
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire.lists import SMEAddress
from twisted_smpp.wire.pdus import SubmitSM
from twisted_smpp.wire.tlvs import (
    broadcast_area_identifier,
    broadcast_content_type,
    broadcast_frequency_interval,
    broadcast_rep_num,
    congestion_state,
    message_payload,
)

TABLE = routes(p49=to_account("bank"), p48=to_account("news"), p47=Route(RouteKind.SINK, "app"))


def fill(world: World, queue: str, to: str, count: int) -> None:
    """So many messages of the shop wait in a queue, as after a start."""
    now = world.now()
    pdu = SubmitSM(destination_addr=to, source_addr="100", short_message=b"old").encode()
    record = Record(1, MESSAGE, queue, owner="shop", state=M.ENROUTE, due=now, at=now, pdu=pdu)
    record.source, record.destination, record.expires = "100", to, now + 1e6
    if world.kind == "sqlite":
        row = list(record.row())
        columns = ", ".join("?" * len(row))
        world.store._connection.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
            f" INSERT INTO message SELECT {columns.replace('?', 'i + ?', 1)} FROM n",
            [row[0], *row[1:]],
        )
        world.store._number += count + 1
    else:
        for _ in range(count):
            world.store.save(Record.of((world.store.next_number(), *record.row()[1:])))
    dispatch = world.centre.dispatches.get(queue) or world.centre.customer("bank").dispatch
    dispatch.count += count
    dispatch.expect(now)


class Work:
    """What is done until something has happened."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.turns = 0
        self.steps = 0
        self.octets = 0
        if world.kind == "sqlite":
            world.store._connection.set_progress_handler(self._step, 100)

    def _step(self) -> None:
        self.steps += 1

    def until(self, happened: Any) -> None:
        while not happened():
            self.turns += 1
            assert self.turns < 1000, "it does not happen"
            self.world.flush()
            self.world.clock.turn_once()


def one_message(world: World, shop: Pair) -> Work:
    """What it takes until one message is with its receiver."""
    work, before = Work(world), len(world.messages("news"))
    shop.esme.submit_sm(destination_addr="481", source_addr="100", short_message=b"new")
    work.until(lambda: len(world.messages("news")) > before)
    if world.kind == "sqlite":
        world.store._connection.set_progress_handler(None, 0)
    return work


@both_stores
@pytest.mark.parametrize("is_awake", [False, True], ids=["asleep", "awake"])
def test_what_waits_for_one_account_is_no_work_for_another(
    kind: str, is_awake: bool, tmp_path: Path
) -> None:
    works = []
    for count in (1000, 100_000):
        path = tmp_path / str(count)
        path.mkdir()
        world = World(kind, path, routes=TABLE)
        shop, _ = world.bound(), world.bound("news")
        world.turn()
        fill(world, "account:bank", "491", count)
        if is_awake:
            bank = world.bound("bank")
            world.answers["bank"] = None
            assert bank.esme.bound
        before = len(world.messages("bank"))
        work = one_message(world, shop)
        assert work.turns <= 8
        # While it is awake it gets its own share meanwhile, and no more than that.
        assert len(world.messages("bank")) - before <= (MOST_AT_ONCE if is_awake else 0) * 8
        works.append(work)
        world.kill()
    few, many = works
    assert many.turns <= few.turns + 1
    assert many.steps <= few.steps * 1.2 + 20


@both_stores
def test_a_sink_that_takes_all_it_gets_holds_up_nobody(kind: str, tmp_path: Path) -> None:
    sink = Sinking()
    world = World(kind, tmp_path, routes=TABLE, sinks={"app": sink})
    shop, _ = world.bound(), world.bound("news")
    world.turn()
    fill(world, "sink:app", "471", 20_000)
    work = one_message(world, shop)
    assert work.turns <= 8
    assert 0 < len(sink.got) <= MOST_AT_ONCE * 8
    world.kill()


def test_of_what_waits_only_so_much_is_in_memory(tmp_path: Path) -> None:
    world = World("sqlite", tmp_path, routes=TABLE)
    world.answers["bank"] = lambda _: Deferred()
    fill(world, "account:bank", "491", 10_000)
    world.bound("bank")
    world.turn(5)
    dispatch = world.centre.customer("bank").dispatch
    assert 0 < len(dispatch._here) <= MOST_READY + 10
    assert dispatch._octets <= READY_OCTETS + 100
    world.kill()


def test_an_account_has_a_bound_and_the_others_have_theirs(tmp_path: Path) -> None:
    terms = {"bank": Terms(most_waiting=3)}
    world = World("memory", tmp_path, routes=TABLE, terms=lambda name: terms.get(name, Terms()))
    shop = world.bound()
    for _ in range(3):
        world.submit(shop, "491")
    refused = shop.esme.submit_sm(destination_addr="491")
    world.turn()
    assert failure(refused).command_status == S.ESME_RMSGQFUL  # type: ignore[attr-defined]
    assert world.submit(shop, "481")
    world.end()


# A transport that is full, and empties.


def test_delivery_goes_on_as_soon_as_the_peer_has_read(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=TABLE)
    shop, bank = world.bound(), world.bound("bank")
    world.answers["bank"] = lambda _: Deferred()  # no response wakes it
    bank.smsc_transport.buffer_size = 1000
    bank.esme_transport.reading = False
    for _ in range(8):
        world.submit(shop, "491", short_message=b"x" * 250)
    sent = bank.smsc.session.in_flight
    assert 0 < sent < 8
    begin = world.clock.seconds()
    bank.esme_transport.reading = True
    world.turn()
    assert world.clock.seconds() == begin
    assert len(world.messages("bank")) == 8
    world.end()


def test_it_goes_on_without_the_look_that_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ROOM_SECONDS == 1.0
    monkeypatch.setattr("twisted_smpp.smsc.dispatch.ROOM_SECONDS", 1e6)
    world = World("memory", tmp_path, routes=TABLE)
    shop = world.bound()
    world.bound("bank")
    session = next(each for each in world.service.sessions if each is not shop.smsc)
    session.pauseProducing()
    world.submit(shop, "491")
    world.turn(5)
    assert world.messages("bank") == []
    session.resumeProducing()
    world.turn()
    assert len(world.messages("bank")) == 1
    world.end()


def test_who_is_told_of_an_empty_transport_and_fails_ends_nothing(
    tmp_path: Path, logged_errors: Any
) -> None:
    world = World("memory", tmp_path)
    shop = world.bound()
    shop.smsc.on_drained = lambda: 1 / 0
    shop.smsc.pauseProducing()
    shop.smsc.resumeProducing()
    assert logged_errors.flush(ZeroDivisionError)
    assert world.submit(shop)
    world.end()


# congestion_state


def described() -> dict[Any, Any]:
    return {
        broadcast_area_identifier: [b"\x00alpha"],
        broadcast_content_type: b"\x01\x00\x10",
        broadcast_frequency_interval: b"\x09\x00\x01",
        broadcast_rep_num: 1,
    }


def told(world: World, pair: Pair) -> list[int | None]:
    """What the responses to one submission of each kind tell."""
    to, esme = {"destination_addr": "491"}, pair.esme
    found = [
        world.ask(esme.submit_sm(**to)),
        world.ask(esme.data_sm(tlvs={message_payload: b"x"}, **to)),
        world.ask(esme.submit_multi(dest_address=[SMEAddress(1, 1, "491")])),
    ]
    if pair.smsc.session.version >= InterfaceVersion.V5_0:
        found.append(world.ask(esme.broadcast_sm(tlvs=described())))
    return [each.tlvs.get(congestion_state) for each in found]


@both_stores
def test_congestion_rises_with_the_load_and_falls_again(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=TABLE, terms=lambda name: Terms(most_waiting=20))
    new, old = world.bound(interface_version=V5_0), world.bound("news")
    levels = [told(world, new) for _ in range(5)]
    *submissions, broadcasts = zip(*levels, strict=True)
    # 20 may wait, and each time there are three more.
    assert submissions[0] == (0, 15, 30, 45, 60)
    assert all(b - a == 15 for each in submissions[1:] for a, b in pairwise(each))
    assert broadcasts == (0,) * 5  # they go elsewhere
    assert told(world, old) == [None] * 3
    world.bound("bank")
    world.turn(1)
    assert max(told(world, new)) <= 5  # that of submit_multi counts itself
    world.end()


def test_the_congestion_of_an_account_is_that_of_its_receipts_too(tmp_path: Path) -> None:
    world = World("memory", tmp_path, terms=lambda name: Terms(most_waiting=10))
    sender = world.bound(bind="transmitter", interface_version=V5_0)
    states = []
    for _ in range(5):
        response = world.ask(sender.esme.submit_sm(destination_addr="1", registered_delivery=1))
        states.append(response.tlvs[congestion_state])
    assert states == [0, 10, 20, 30, 40]
    world.bound(bind="receiver")
    world.turn(1)
    response = world.ask(sender.esme.submit_sm(destination_addr="1"))
    assert response.tlvs[congestion_state] == 0
    world.end()


@pytest.mark.parametrize("delay", [0.0, 1.0])
def test_a_submission_that_came_before_tells_it_too(delay: float, tmp_path: Path) -> None:
    world = World("sqlite", tmp_path, routes=TABLE, terms=lambda name: Terms(dedup_seconds=60))
    shop = world.bound(interface_version=V5_0)
    asked = []
    for _ in range(2):
        asked.append(shop.esme.submit_sm(destination_addr="491", short_message=b"x"))
        world.turn(delay)
    first, again = (world.ask(each) for each in asked)
    assert first.message_id == again.message_id
    assert congestion_state in again.tlvs
    world.end()
