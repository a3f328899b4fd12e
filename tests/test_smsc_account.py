# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The account that there is when nobody has another: ids, refusals and receipts."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import pytest
from sessions import V3_3, V3_4, V5_0
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from zope.interface.verify import verifyClass

from twisted_smpp.errors import RequestRefused
from twisted_smpp.factory import ESMEFactory
from twisted_smpp.interfaces import IAccount
from twisted_smpp.smsc import Account, AccountRealm, SMSCService
from twisted_smpp.smsc import receipts as receipts_module
from twisted_smpp.smsc.account import MessageIds, check_message
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import Pair, failure, success
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.values import EsmClass, MessageState, RegisteredDelivery
from twisted_smpp.wire.lists import DistributionList, SMEAddress
from twisted_smpp.wire.pdus import DataSM, SubmitMulti, SubmitSM
from twisted_smpp.wire.tlvs import message_payload, message_state, receipted_message_id

NOW = datetime(2026, 3, 4, 5, 6)


class World:
    """A message centre with one account, and the ESMEs of it."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()

        def make(clock: Any, ids: Any) -> Account:
            return Account(clock, ids, now=lambda: NOW)

        self.realm = AccountRealm(self.clock, random=random.Random(5), make=make)
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        checker.addUser(b"esme", b"secret")
        self.service = SMSCService(
            NoEndpoint(), Portal(self.realm, [checker]), reactor=self.clock, **settings
        )
        self.service.running = True
        #: What each ESME was delivered, and how it answers.
        self.got: list[tuple[Any, Any]] = []
        self.answers: dict[Any, Any] = {}
        self.pairs: list[Pair] = []

    def bound(self, bind: str = "transceiver", **settings: Any) -> Pair:
        def delivered(session: Any, request: Any) -> Any:
            self.got.append((session, request))
            answer = self.answers.get(session, self.answers.get(None))
            return answer() if callable(answer) else answer

        client = ESMEFactory(
            "esme", "secret", bind=bind, on_request=delivered, clock=self.clock, **settings
        )
        pair = Pair(client, self.service.factory, self.clock)
        pair.bind()
        self.pairs.append(pair)
        return pair

    def turn(self, seconds: float = 0.0) -> None:
        """Time passes, in seconds, and octets with it."""
        while True:
            for pair in self.pairs:
                pair.flush()
            step = min(1.0, seconds)
            self.clock.advance(step)
            for pair in self.pairs:
                pair.flush()
            seconds -= step
            if seconds <= 0:
                break

    @property
    def account(self) -> Any:
        return self.realm.accounts[b"esme"]

    @property
    def receipts(self) -> list[Receipt]:
        return [Receipt.of(request) for _, request in self.got]


class NoEndpoint:
    """A service that is not listened to."""


def submit(pair: Pair, **fields: Any) -> Deferred[Any]:
    fields.setdefault("registered_delivery", RegisteredDelivery.RECEIPT)
    return pair.esme.submit_sm(destination_addr="491761234567", **fields)


def test_it_is_an_account() -> None:
    verifyClass(IAccount, Account)


# Ids.


def test_ids_are_unique_and_short_for_3_3() -> None:
    ids = MessageIds(random.Random(1))
    made = [ids.make(V3_4) for _ in range(1000)]
    assert len(set(made)) == 1000
    assert {len(each) for each in made} == {16}
    assert len(ids.make(V3_3)) == 8


def test_the_counter_of_ids_rolls_over() -> None:
    ids = MessageIds(random.Random(1))
    ids._next = 0xFFFFFFFFFFFFFFFE
    assert [ids.make(V5_0) for _ in range(3)] == ["f" * 16, "0" * 16, "0" * 15 + "1"]


def test_two_starts_do_not_share_their_ids() -> None:
    first, second = (AccountRealm(Clock())._ids for _ in range(2))
    assert first.make(V3_4) != second.make(V3_4)


def test_each_message_gets_its_id() -> None:
    world = World()
    pair = world.bound()
    responses = [submit(pair, registered_delivery=0) for _ in range(3)]
    responses.append(pair.esme.data_sm(destination_addr="1"))
    responses.append(pair.esme.submit_multi(dest_address=[SMEAddress(1, 1, "2")]))
    world.turn()
    ids = [success(response).message_id for response in responses]
    assert len(set(ids)) == 5
    assert all(len(each) == 16 for each in ids)
    assert world.got == []
    pair.drop()


def test_an_esme_of_3_3_gets_ids_of_8_characters_and_receipts_without_tlvs() -> None:
    world = World()
    receiver = world.bound("receiver", interface_version=V3_3)
    pair = world.bound("transmitter", interface_version=V3_3)
    response = submit(pair)
    world.turn()
    message_id = success(response).message_id
    assert len(message_id) == 8
    ((session, receipt),) = world.got
    assert session is receiver.esme
    assert len(receipt.tlvs) == 0
    assert world.receipts[0].message_id == message_id
    pair.drop()
    receiver.drop()


# What it does not do.


@pytest.mark.parametrize(
    ("method", "fields", "status"),
    [
        ("query_sm", {"message_id": "1"}, S.ESME_RQUERYFAIL),
        ("cancel_sm", {"message_id": "1"}, S.ESME_RCANCELFAIL),
        ("replace_sm", {"message_id": "1"}, S.ESME_RREPLACEFAIL),
        ("query_broadcast_sm", {"message_id": "1"}, S.ESME_RBCASTFAIL),
        ("submit_multi", {"dest_address": [DistributionList("list")]}, S.ESME_RINVDLNAME),
    ],
)
def test_what_it_cannot_do_is_refused(method: str, fields: Any, status: int) -> None:
    world = World()
    pair = world.bound(interface_version=V5_0)
    response = getattr(pair.esme, method)(**fields)
    world.turn()
    assert failure(response).command_status == status
    pair.drop()


def test_other_commands_are_unknown() -> None:
    assert Account(Clock(), MessageIds(random.Random(1))).other(None, None) == S.ESME_RINVCMDID


UDHI = EsmClass.UDHI
PAYLOAD = {message_payload: b"x"}


@pytest.mark.parametrize("cls", [SubmitSM, SubmitMulti, DataSM])
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"esm_class": UDHI}, S.ESME_RINVESMCLASS),
        ({"esm_class": UDHI, "tlvs": PAYLOAD}, None),
        ({"esm_class": UDHI, "short_message": b"\x05"}, None),
        ({"short_message": b"x", "tlvs": PAYLOAD}, S.ESME_ROPTPARNOTALLWD),
        ({"short_message": b"", "tlvs": PAYLOAD}, None),
        ({"esm_class": EsmClass.MC_DELIVERY_RECEIPT}, S.ESME_RINVESMCLASS),
        ({"esm_class": EsmClass.MC_DELIVERY_RECEIPT | UDHI}, S.ESME_RINVESMCLASS),
        ({"esm_class": EsmClass.INTERMEDIATE_NOTIFICATION}, S.ESME_RINVESMCLASS),
        ({"esm_class": 0x03}, None),
        ({}, None),
    ],
)
def test_P06_P07_R05_what_nobody_may_submit(cls: Any, fields: Any, status: int | None) -> None:
    if cls is DataSM and "short_message" in fields:
        return
    request = cls(**fields)
    if status is None:
        check_message(request)
    else:
        with pytest.raises(RequestRefused) as caught:
            check_message(request)
        assert caught.value.command_status == status


def test_R05_a_customer_cannot_submit_a_receipt() -> None:
    world = World()
    pair = world.bound()
    response = submit(pair, esm_class=EsmClass.MC_DELIVERY_RECEIPT, short_message=b"id:1")
    world.turn()
    assert failure(response).command_status == S.ESME_RINVESMCLASS
    assert world.got == []
    pair.drop()


# Receipts.


def test_a_receipt_says_delivered() -> None:
    world = World()
    pair = world.bound()
    response = submit(
        pair, source_addr_ton=5, source_addr="Demo", dest_addr_ton=1, short_message=b"x" * 30
    )
    world.turn()
    message_id = success(response).message_id
    ((_, pdu),) = world.got
    assert pdu.esm_class == EsmClass.MC_DELIVERY_RECEIPT
    assert (pdu.source_addr_ton, pdu.source_addr) == (1, "491761234567")
    assert (pdu.dest_addr_ton, pdu.destination_addr) == (5, "Demo")
    assert pdu.tlvs[receipted_message_id] == message_id
    assert pdu.tlvs[message_state] == MessageState.DELIVERED
    (receipt,) = world.receipts
    assert receipt.message_id == message_id
    assert receipt.delivered
    assert receipt.fields["done date"] == "2603040506"
    assert receipt.fields["text"] == "x" * 20
    pair.drop()


@pytest.mark.parametrize(("wanted", "count"), [(0, 0), (1, 1), (2, 0), (3, 1), (17, 1), (16, 0)])
def test_a_receipt_is_sent_when_it_is_asked_for(wanted: int, count: int) -> None:
    world = World()
    pair = world.bound()
    success_of = submit(pair, registered_delivery=wanted)
    world.turn()
    success(success_of)
    assert len(world.got) == count
    pair.drop()


def test_a_receipt_never_overtakes_the_response() -> None:
    world = World()
    pair = world.bound()
    order: list[str] = []
    pair.esme.add_tap(lambda direction, pdu, octets, time: order.append(pdu.command))
    for _ in range(3):
        submit(pair)
    world.turn()
    world.turn()
    received = [c for c in order if c in {"submit_sm_resp", "deliver_sm"}]
    assert received == ["submit_sm_resp"] * 3 + ["deliver_sm"] * 3
    pair.drop()


def test_each_destination_has_its_receipt() -> None:
    world = World()
    pair = world.bound()
    addresses = [SMEAddress(1, 1, str(n)) for n in range(3)]
    pair.esme.submit_multi(dest_address=addresses, registered_delivery=1)
    world.turn()
    assert [pdu.source_addr for _, pdu in world.got] == ["0", "1", "2"]
    pair.drop()


def test_receipts_go_to_a_receiver() -> None:
    world = World()
    sender, receiver = world.bound("transmitter"), world.bound("receiver")
    submit(sender)
    world.turn()
    assert [session for session, _ in world.got] == [receiver.esme]
    sender.drop()
    receiver.drop()


def test_receipts_are_kept_until_somebody_receives() -> None:
    world = World()
    sender = world.bound("transmitter")
    for _ in range(25):
        submit(sender)
    world.turn(30)
    assert world.got == []
    sender.drop()
    assert world.clock.getDelayedCalls() == []
    receiver = world.bound("receiver")
    world.turn(4)
    assert len(world.got) == 25
    ids = [receipt.message_id for receipt in world.receipts]
    assert ids == sorted(ids)
    receiver.drop()


def test_no_more_than_the_window_is_under_way() -> None:
    world = World(window=2)
    pair = world.bound()
    held: list[Deferred[Any]] = []
    world.answers[None] = lambda: held.append(Deferred()) or held[-1]
    for _ in range(5):
        submit(pair)
    world.turn()
    assert len(world.got) == 2
    for n in range(5):
        held[n].callback(None)
        world.turn()
        assert len(world.got) == min(n + 3, 5)
    pair.drop()


def test_a_receipt_that_is_refused_for_now_comes_again() -> None:
    world = World()
    pair = world.bound()
    world.answers[None] = S.ESME_RX_T_APPN
    submit(pair)
    world.turn(1)
    assert len(world.got) == 1
    world.turn(3)
    assert len(world.got) == 1
    world.turn(2)
    assert len(world.got) == 2
    world.answers[None] = None
    world.turn(6)
    assert len(world.got) == 3
    world.turn(60)
    assert len(world.got) == 3
    assert {receipt.message_id for receipt in world.receipts} == {world.receipts[0].message_id}
    pair.drop()


@pytest.mark.parametrize("status", [S.ESME_RX_P_APPN, S.ESME_RX_R_APPN])
def test_a_receipt_that_is_refused_for_good_is_dropped(status: int) -> None:
    world = World()
    pair = world.bound()
    world.answers[None] = status
    with capturedLogs() as logs:
        for _ in range(12):
            submit(pair)
        world.turn(3)
        assert len(world.got) == 12  # one does not hold up the next
        world.turn(60)
    assert len(world.got) == 12
    assert sum("dropped" in event["log_format"] for event in logs) == 12
    pair.drop()


def test_a_receipt_without_an_answer_comes_again_on_the_next_session() -> None:
    world = World()
    pair = world.bound()
    world.answers[None] = Deferred
    submit(pair)
    world.turn()
    assert len(world.got) == 1
    pair.drop()
    assert world.clock.getDelayedCalls() == []
    world.answers[None] = None
    again = world.bound("receiver")
    world.turn(1)
    assert len(world.got) == 2
    again.drop()


def test_a_receipt_that_cannot_be_sent_is_dropped_and_holds_up_nothing() -> None:
    # data_sm takes longer addresses than deliver_sm.
    world = World()
    pair = world.bound()
    response = pair.esme.data_sm(destination_addr="1" * 30, registered_delivery=1)
    other = submit(pair)
    with capturedLogs() as logs:
        world.turn(1)
    success(response)
    success(other)
    assert len(world.got) == 1
    assert any("dropped for good" in event["log_format"] for event in logs)
    pair.drop()


def test_receipts_wait_while_the_only_receiver_unbinds() -> None:
    world = World(window=1)
    pair = world.bound()
    held: Deferred[Any] = Deferred()
    world.answers[None] = lambda: held
    for _ in range(3):
        submit(pair)
    world.turn()
    assert len(world.got) == 1
    ended = pair.smsc.unbind()
    held.callback(S.ESME_RX_T_APPN)
    world.account._receipts._deliver()
    world.turn(1)
    success(ended)
    assert len(world.got) == 1
    world.answers[None] = None
    receiver = world.bound("receiver")
    world.turn(8)
    assert len(world.got) == 4
    receiver.drop()


def test_receipts_wait_while_nothing_can_be_written() -> None:
    world = World(max_waiting=0)
    pair = world.bound()
    submit(pair)
    pair.flush()
    pair.smsc.pauseProducing()
    world.clock.advance(0)  # the attempt: nobody may wait for the transport
    (retry,) = world.clock.getDelayedCalls()[:1]
    assert len(world.account._receipts) == 1
    assert retry.getTime() - world.clock.seconds() == pytest.approx(5.0)
    pair.smsc.resumeProducing()
    world.turn(6)
    assert len(world.got) == 1
    pair.drop()


def test_so_many_receipts_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts_module, "MOST_RECEIPTS", 3)
    world = World()
    sender = world.bound("transmitter")
    responses = [submit(sender) for _ in range(5)]
    with capturedLogs() as logs:
        world.turn()
    ids = [success(response).message_id for response in responses]
    # The first is told of at once, the others by the thousand.
    assert [event["dropped"] for event in logs if "dropped" in event] == [1]
    receiver = world.bound("receiver")
    world.turn(1)
    assert [receipt.message_id for receipt in world.receipts] == ids[2:]
    sender.drop()
    receiver.drop()


def test_no_timer_outlives_the_sessions() -> None:
    world = World()
    pair = world.bound()
    world.answers[None] = S.ESME_RX_T_APPN
    submit(pair)
    world.turn(1)
    pair.drop()
    assert world.clock.getDelayedCalls() == []


# The realm.


def test_the_realm_has_one_account_for_each_name() -> None:
    realm = AccountRealm(Clock(), random=random.Random(1))
    first = realm.requestAvatar(b"a", None, IAccount)
    again = realm.requestAvatar(b"a", None, IAccount)
    other = realm.requestAvatar(b"b", None, IAccount)
    assert first[0] is IAccount
    assert first[1] is again[1] is not other[1]
    assert first[2]() is None
    assert set(realm.accounts) == {b"a", b"b"}


def test_the_realm_knows_no_other_interface() -> None:
    with pytest.raises(NotImplementedError):
        AccountRealm(Clock()).requestAvatar(b"a", None)


def test_receipts_of_a_lost_link_come_again_in_their_order() -> None:
    world = World()
    pair = world.bound()
    world.answers[None] = Deferred
    for _ in range(4):
        submit(pair)
    world.turn()
    lost = [pdu.tlvs[receipted_message_id] for _, pdu in world.got]
    assert len(lost) == 4
    pair.drop()
    world.got.clear()
    world.answers[None] = None
    again = world.bound("receiver")
    world.turn(1)
    assert [pdu.tlvs[receipted_message_id] for _, pdu in world.got] == lost
    again.drop()


def test_a_receipt_that_is_refused_for_now_holds_nobody_up_and_is_given_up() -> None:
    world = World()
    pair = world.bound()
    world.answers[None] = lambda: S.ESME_RX_T_APPN
    submit(pair)
    world.turn()
    stubborn = world.got[0][1].tlvs[receipted_message_id]

    def answer() -> Any:
        refused = world.got[-1][1].tlvs[receipted_message_id] == stubborn
        return S.ESME_RX_T_APPN if refused else None

    world.answers[None] = answer
    submit(pair)
    world.turn()
    assert len(world.got) == 2  # the second did not wait for the first
    world.turn(receipts_module.RETRY_SECONDS * (receipts_module.MOST_TRIES + 5))
    assert len(world.got) == 1 + receipts_module.MOST_TRIES
    pair.drop()


def test_receipts_go_on_when_the_window_was_full_of_other_things() -> None:
    world = World(window=1)
    pair = world.bound()
    held: Deferred[Any] = Deferred()
    world.answers[None] = lambda: held
    own = pair.smsc.deliver_sm()
    pair.flush()
    submit(pair)
    world.turn()
    world.answers[None] = None
    held.callback(None)
    pair.flush()
    success(own)
    world.turn(receipts_module.RETRY_SECONDS + 1)
    assert len(world.got) == 2
    pair.drop()
