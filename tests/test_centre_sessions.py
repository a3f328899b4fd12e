# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The message centre and its sessions: receipts, restarts, slow readers, paging."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from centre_kit import V3_3, V5_0, WANTED, Sinking, World, both_stores, routes, to_account
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from zope.interface.verify import verifyClass

from twisted_smpp.errors import FieldError
from twisted_smpp.interfaces import IAccount
from twisted_smpp.smsc import (
    Customer,
    Defence,
    DefenceLimits,
    Keeping,
    MessageCentre,
    Pager,
    Route,
    RouteKind,
    Terms,
)
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import MemoryTransport, success
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import BindReceiver, Outbind
from twisted_smpp.wire.tlvs import message_payload, ms_availability_status

BANK = to_account("bank")


def test_an_account_is_an_account() -> None:
    verifyClass(IAccount, Customer)


@both_stores
def test_no_receipt_overtakes_the_response(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path)
    shop = world.bound()
    order: list[str] = []
    shop.esme.add_tap(lambda direction, pdu, octets, time: order.append(pdu.command))
    for _ in range(30):
        shop.esme.submit_sm(destination_addr="1", **WANTED)
        world.turn()
    count = answered = 0
    for command in order:
        answered += command == "submit_sm_resp"
        count += command == "deliver_sm"
        assert count <= answered
    assert count == 30
    world.end()


@both_stores
def test_receipts_wait_for_a_receiver_and_keep_their_order(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path)
    sender = world.bound("shop", "transmitter")
    ids = [world.submit(sender, **WANTED) for _ in range(230)]
    world.turn(30)
    assert world.got == []
    world.restart()
    world.bound("shop", "receiver")
    world.turn(1)
    assert [each.message_id for each in world.receipts()] == ids
    world.turn(60)
    assert len(world.got) == 230
    world.end()


@both_stores
def test_D29_a_receipt_that_is_not_wanted_is_a_dead_letter(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path)
    shop = world.bound()
    world.answers["shop"] = S.ESME_RX_P_APPN
    with capturedLogs() as logs:
        message_id = world.submit(shop, **WANTED)
        world.turn(60)
    assert sum("put aside" in event["log_format"] for event in logs) == 1
    assert len(world.got) == 1
    world.restart()
    world.turn(2 * 86_400 // 1000)
    dead = world.centre.dead_letters("shop")
    world.turn()
    (letter,) = success(dead)
    assert letter.message_id == message_id
    assert "RX_P_APPN" in letter.data["why"]
    world.answers["shop"] = None
    shop = world.bound()
    revived = world.centre.revive("shop")
    world.turn(1)
    assert success(revived) == 1
    assert [each.message_id for each in world.receipts()] == [message_id] * 2
    dead = world.centre.dead_letters("shop")
    world.turn()
    assert success(dead) == []
    world.end()


@both_stores
def test_D29_D31_dead_letters_and_ended_messages_are_forgotten(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path)
    shop = world.bound()
    world.answers["shop"] = S.ESME_RX_R_APPN
    with capturedLogs():
        message_id = world.submit(shop, **WANTED)
        for _ in range(600):
            shop.esme.submit_sm(destination_addr="1")
        world.turn(1)
    world.step += 86_400 - 60
    world.turn(10)
    assert world.query(shop, message_id) == M.DELIVERED
    world.step += 120
    world.turn(10)
    asked = world.centre.find(message_id)
    dead = world.centre.dead_letters("shop")
    world.turn()
    assert success(asked) == []
    assert len(success(dead)) == 1
    world.step += 6 * 86_400 + 60
    world.turn(10)
    dead = world.centre.dead_letters("shop")
    world.turn()
    assert success(dead) == []
    if kind == "memory":
        assert len(world.store) == 0
    world.end()


@both_stores
def test_D01_a_restart_in_the_middle_loses_nothing(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    world.bound("bank")
    held: list[Deferred[Any]] = []
    world.answers["bank"] = lambda request: held.append(Deferred()) or held[-1]
    ids = [
        world.submit(shop, short_message=str(n).encode(), registered_delivery=1) for n in range(30)
    ]
    for deferred in held[:5]:
        deferred.callback(None)
    world.turn()
    in_flight = len(world.messages("bank")) - 5
    assert 0 < in_flight <= 10
    world.restart()
    world.answers["bank"] = None
    shop = world.bound()
    world.bound("bank")
    world.turn(1)
    texts = [each.short_message for each in world.messages("bank")]
    assert set(texts) == {str(n).encode() for n in range(30)}
    assert len(texts) == 30 + in_flight
    assert {world.query(shop, each) for each in ids} == {M.DELIVERED}
    assert sorted({each.message_id for each in world.receipts()}) == sorted(ids)
    world.end()


@both_stores
def test_S10_a_session_that_ends_hands_on_what_was_in_flight(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    first = world.bound("bank")
    world.answers[first.esme] = lambda request: Deferred()
    for n in range(12):
        world.submit(shop, short_message=str(n).encode())
    assert len(world.messages("bank")) == 10
    world.bound("bank", "receiver")
    world.turn()
    assert len(world.messages("bank")) == 12
    first.drop()
    world.turn()
    assert len(world.messages("bank")) == 22
    assert {each.short_message for each in world.messages("bank")} == {
        str(n).encode() for n in range(12)
    }
    assert world.centre.customer("bank").dispatch.count == 0
    world.end()


@both_stores
def test_S01_a_slow_reader_costs_little_and_holds_up_nobody(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK, p48=to_account("news")))
    shop = world.bound()
    slow = world.bound("bank")
    world.bound("news")
    slow.esme_transport.reading = False
    for n in range(400):
        long = {"short_message": b"", "tlvs": {message_payload: b"x" * 20_000}}
        shop.esme.submit_sm(destination_addr="491", **(long if n % 2 else {}))
        shop.esme.submit_sm(destination_addr="481")
        if not n % 20:
            world.turn()
    world.turn(5)
    assert len(world.messages("news")) == 400
    assert world.messages("bank") == []
    dispatch = world.centre.customer("bank").dispatch
    in_memory = sum(len(each.pdu) + 500 for each in dispatch._here.values())
    assert in_memory + len(slow.smsc_transport.written) <= 262_144
    slow.esme_transport.reading = True
    world.turn(10)
    assert len(world.messages("bank")) == 400
    assert dispatch.count == 0
    world.end()


def test_what_has_no_room_and_no_response_to_wait_for_goes_on(tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    shop = world.bound()
    world.turn()
    shop.smsc.pauseProducing()  # the transport is full of other things
    shop.esme.submit_sm(destination_addr="1", **WANTED)
    world.turn(3)
    assert world.got == []
    shop.smsc.resumeProducing()
    world.turn(1)
    assert len(world.got) == 1
    world.end()


def test_a_receiver_of_3_3_gets_receipts_without_tlvs(tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    receiver = world.bound("shop", "receiver", interface_version=V3_3)
    sender = world.bound("shop", "transmitter", interface_version=V3_3)
    message_id = world.submit(sender, **WANTED)
    world.turn()
    assert len(message_id) == 8
    ((_, pdu),) = world.got
    assert len(pdu.tlvs) == 0
    assert world.receipts()[0].message_id == message_id
    assert world.query(sender, message_id) == M.DELIVERED
    assert receiver.esme.bound
    world.end()


def test_terms_are_asked_for_at_each_bind(tmp_path: Path) -> None:
    terms = {"shop": Terms()}
    world = World("memory", tmp_path, terms=lambda name: terms.get(name, Terms()))
    shop = world.bound()
    assert len(world.submit(shop, **WANTED)) == 32
    terms["shop"] = Terms(id_style="decimal", seconds_in_receipts=True, longest_validity=60)
    shop = world.bound()
    message_id = world.submit(shop, **WANTED)
    world.turn()
    assert message_id.isdecimal()
    assert [each.fields["submit date"] for each in world.receipts()] == [
        "2603040506",
        "260304050600",
    ]
    assert world.query(shop, message_id) == M.DELIVERED
    for wrong in ({"id_style": "octal"}, {"default_validity": 0}, {"most_waiting": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Terms(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dead_seconds"):
        Keeping(dead_seconds=-1)
    world.end()


def test_an_alert_goes_to_the_receivers_of_the_account(tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    world.bound("shop", "receiver", interface_version=V3_3)
    world.bound("shop", "transmitter")
    world.bound("shop", "receiver")
    world.bound("shop", interface_version=V5_0)
    world.bound("bank")
    told = world.centre.alert("shop", "491", tlvs={ms_availability_status: 0})
    world.turn()
    assert told == 2
    assert [(name, pdu.command, pdu.source_addr) for name, pdu in world.got] == [
        ("shop", "alert_notification", "491")
    ] * 2
    assert world.centre.alert("news", "491") == 0
    with pytest.raises(FieldError, match="source_addr"):
        world.centre.alert("shop", "4" * 70)
    world.end()


def test_as_a_service_it_starts_and_stops(tmp_path: Path) -> None:
    clock = Clock()
    centre = MessageCentre(clock=clock)
    centre.startService()
    assert len(clock.getDelayedCalls()) == 1
    centre.stopService()
    assert clock.getDelayedCalls() == []
    centre.startService()
    centre.stopService()


def test_what_waits_for_a_sink_that_is_gone_is_told(tmp_path: Path, logged_errors: Any) -> None:
    route = routes(p49=Route(RouteKind.SINK, "app"))
    world = World("sqlite", tmp_path, routes=route, sinks={"app": Sinking(lambda _: Deferred())})
    message_id = world.submit(world.bound(), validity_period="000000000100000R")
    world.settings["sinks"] = {}
    world.restart()
    (event,) = logged_errors.flush()
    assert "nobody takes" in event["log_format"]
    world.turn(70)
    assert world.query(world.bound(), message_id) == M.EXPIRED
    world.end()


# Paging.


class Sleeper(Protocol):
    """An ESME that is paged: it keeps what it reads."""

    def __init__(self) -> None:
        self.read = b""

    def dataReceived(self, data: bytes) -> None:
        self.read += data


class SleepersEndpoint:
    """Where the ESME listens."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.connected: list[tuple[Sleeper, MemoryTransport]] = []
        self.error: Exception | None = None
        self.tries = 0

    def connect(self, factory: Any) -> Deferred[Any]:
        self.tries += 1
        if self.error is not None:
            return fail(self.error)
        ours, theirs = (MemoryTransport(self.clock, name) for name in ("SMSC", "ESME"))
        ours.other, theirs.other = theirs, ours
        session, sleeper = factory.buildProtocol(ours.getPeer()), Sleeper()
        ours.protocol, theirs.protocol = session, sleeper
        session.makeConnection(ours)
        self.connected.append((sleeper, theirs))
        return succeed(session)

    def carry(self) -> None:
        for sleeper, theirs in self.connected:
            ours = theirs.other
            while ours.written or theirs.written:
                sleeper.dataReceived(ours.taken(len(ours.written)))
                ours.protocol.dataReceived(theirs.taken(len(theirs.written)))


def paged(world: World) -> SleepersEndpoint:
    endpoint = SleepersEndpoint(world.clock)
    world.centre.pager = Pager(
        world.service.factory,
        {"bank": endpoint},
        system_id="centre",
        password="wake",
        clock=world.clock,
    )
    return endpoint


@both_stores
def test_an_esme_that_sleeps_is_paged(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK, p48=to_account("news")))
    endpoint = paged(world)
    shop = world.bound()
    for _ in range(3):
        world.submit(shop)
    world.submit(shop, "481")  # has no endpoint
    assert endpoint.tries == 1
    endpoint.carry()
    ((sleeper, transport),) = endpoint.connected
    page: Any = decode(sleeper.read)
    assert isinstance(page, Outbind)
    assert (page.system_id, page.password) == ("centre", "wake")
    sleeper.read = b""
    transport.write(
        BindReceiver(
            sequence_number=1, system_id="bank", password="secret", interface_version=0x34
        ).encode()
    )
    for _ in range(5):
        endpoint.carry()
        world.turn()
    assert sleeper.read.count(b"text") == 3
    transport.cut()
    world.end()


def test_a_page_comes_once_and_not_too_often(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes(p49=BANK))
    endpoint = paged(world)
    endpoint.error = OSError("nobody listens")
    shop = world.bound()
    with capturedLogs() as logs:
        ids = [world.submit(shop) for _ in range(2)]
        world.turn(20)
    assert endpoint.tries == 1
    assert any("could not be paged" in event["log_format"] for event in logs)
    for each in ids:  # empty, and not empty again
        shop.esme.cancel_sm(message_id=each, source_addr="100")
    world.submit(shop)
    world.turn(35)
    assert endpoint.tries == 1
    world.turn(6)
    assert endpoint.tries == 2
    world.bound("bank").drop()
    world.submit(shop)
    world.turn(1)
    bank = world.bound("bank")
    world.turn(61)
    assert endpoint.tries == 2  # it is awake by then
    bank.drop()
    world.submit(shop)
    assert endpoint.tries == 3
    world.end()


def test_who_does_not_answer_a_page_is_paged_again_less_and_less_often(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes(p49=BANK))
    endpoint = paged(world)
    endpoint.error = OSError("nobody listens")
    shop = world.bound()
    with capturedLogs():
        message_id = world.submit(shop)
        counts = []
        for seconds in (59, 2, 118, 3, 236, 5):
            world.turn(seconds)
            counts.append(endpoint.tries)
        assert counts == [1, 2, 2, 3, 3, 4]
        endpoint.error = None
        world.turn(479)
        assert endpoint.tries == 5
        world.turn(20_000)  # a page alone, without a bind, changes nothing
        assert endpoint.tries == 11  # an hour at most
    shop.esme.cancel_sm(message_id=message_id, source_addr="100")
    world.turn(8_000)
    assert endpoint.tries == 11
    for _, transport in endpoint.connected:
        transport.cut()
    world.end()


def test_a_page_needs_nobody_to_admit_it(tmp_path: Path) -> None:
    defence = Defence(Clock(), DefenceLimits(), (ip_network("192.0.2.1/32"),))
    world = World("memory", tmp_path, routes=routes(p49=BANK), service={"defence": defence})
    assert not defence.admits(IPv4Address("TCP", "127.0.0.1", 5))  # no proxy that is listed
    endpoint = paged(world)
    assert world.centre.pager is not None
    world.centre.pager.page("bank", lambda: succeed(True))
    endpoint.carry()
    ((sleeper, transport),) = endpoint.connected
    assert isinstance(decode(sleeper.read), Outbind)
    transport.cut()
    world.end()


def test_a_pager_says_at_once_what_cannot_be_sent(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match="password"):
        Pager(Any, {}, system_id="x", password="too long for it", clock=Clock())  # type: ignore[arg-type]


@both_stores
def test_O01_a_receipt_does_not_wait_for_a_clock_that_was_set_back(
    kind: str, tmp_path: Path
) -> None:
    world = World(kind, tmp_path)
    sender = world.bound("shop", "transmitter")
    world.submit(sender, **WANTED)
    world.turn(1)
    world.step -= 3600
    world.turn(6)
    world.bound("shop", "receiver")
    world.turn(1)
    assert len(world.receipts()) == 1
    world.end()
