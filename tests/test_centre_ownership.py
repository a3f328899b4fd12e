# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Whose a message is: nobody makes receipts, nor hears of or touches what is another's."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from centre_kit import V5_0, WANTED, World, both_stores, routes, to_account
from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from twisted_smpp.smsc import Terms
from twisted_smpp.smsc.ids import MessageIds, numbers_of
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import Pair, success
from twisted_smpp.text import is_receipt
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire import tlvs
from twisted_smpp.wire.lists import SMEAddress
from twisted_smpp.wire.pdus import BroadcastSM, DeliverSM, ReplaceSM

BANK = to_account("bank")
LATER = "000000010000000R"
#: Bits 2 and 5 of esm_class: receipts and intermediate notifications (SMPP 5.0, 4.7.12).
RECEIPT_BITS = 0x24


def status(world: World, deferred: Deferred[Any]) -> int:
    """What a request was refused with, or ESME_ROK."""
    world.turn()
    results: list[Any] = []
    deferred.addBoth(results.append)
    error = getattr(results[0], "value", None)
    return S.ESME_ROK if error is None else error.command_status  # type: ignore[no-any-return]


def rows(world: World) -> dict[int, Any]:
    """All that the store has of messages."""
    found = {}
    for number in range(1, world.store._number + 1):
        asked = world.store.get(number)
        world.turn()
        record = success(asked)
        found[number] = None if record is None else record.row()
    return found


# Receipts.


def submits(pair: Pair, esm_class: int, text: bytes) -> list[Deferred[Any]]:
    """Every way to submit something with an esm_class."""
    fields: Any = {"source_addr": "100", "esm_class": esm_class, **WANTED}
    return [
        pair.esme.submit_sm(destination_addr="491", short_message=text, **fields),
        pair.esme.submit_multi(
            dest_address=[SMEAddress(1, 1, "491"), SMEAddress(1, 1, "1")],
            short_message=text,
            **fields,
        ),
        pair.esme.data_sm(destination_addr="491", tlvs={tlvs.message_payload: text}, **fields),
    ]


@both_stores
def test_R05_a_customer_cannot_submit_a_receipt(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop, bank = world.bound(), world.bound("bank")
    world.answers["bank"] = lambda request: S.ESME_RX_T_APPN
    waiting = world.submit(shop, **WANTED)
    before, number = rows(world), world.store._number
    shop_account, text = world.centre.customer("shop"), f"id:{waiting} stat:DELIVRD".encode()
    accepted, got = shop_account.accepted, len(world.got)
    forged = [each for each in range(256) if each & RECEIPT_BITS]
    assert len(forged) == 192
    for esm_class in forged:
        for pair in (shop, bank):
            for refused in submits(pair, esm_class, text):
                assert status(world, refused) == S.ESME_RINVESMCLASS
    assert rows(world) == before
    assert world.store._number == number
    assert shop_account.accepted == accepted
    assert len(world.got) == got
    assert world.query(shop, waiting) == M.ENROUTE
    world.end()


def test_R05_whatever_else_is_submitted_is_no_receipt_for_its_receiver(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    world.bound("bank")
    # A header of user data, so that none is refused for the lack of it.
    text = b"\x02\x70\x00id:1 stat:DELIVRD"
    claims: Any = {
        tlvs.receipted_message_id: "1",
        tlvs.message_state: int(M.DELIVERED),
        tlvs.network_error_code: b"\x03\x00\x01",
        tlvs.user_message_reference: 7,
    }
    for esm_class in range(256):
        if not esm_class & RECEIPT_BITS:
            fields: Any = {"destination_addr": "491", "esm_class": esm_class}
            submit, data = (
                shop.esme.submit_sm(short_message=text, tlvs=dict(claims), **fields),
                shop.esme.data_sm(tlvs={**claims, tlvs.message_payload: text}, **fields),
            )
            assert [status(world, each) for each in (submit, data)] == [S.ESME_ROK] * 2
    assert [each.command for each in world.messages("bank")] == ["deliver_sm", "data_sm"] * 64
    for delivered in world.messages("bank"):
        assert not is_receipt(delivered)
        assert not delivered.esm_class & RECEIPT_BITS
        assert set(delivered.tlvs) <= {
            tlvs.user_message_reference.tag,
            tlvs.message_payload.tag,
        }
    world.end()


def test_R05_no_other_pdu_of_an_esme_has_an_esm_class(tmp_path: Path) -> None:
    for pdu in (BroadcastSM, ReplaceSM):
        assert "esm_class" not in {field.name for field in pdu.fields}
    # And deliver_sm is none of them.
    world = World("memory", tmp_path)
    shop = world.bound()
    forged = DeliverSM(esm_class=4, short_message=b"id:1 stat:DELIVRD", sequence_number=77)
    answers: list[Any] = []
    shop.esme.add_tap(lambda direction, pdu, octets, time: answers.append(pdu))
    shop.esme.transport.write(forged.encode())  # type: ignore[union-attr]
    world.turn()
    (refused,) = answers
    assert (refused.command, refused.command_status) == ("deliver_sm_resp", S.ESME_RINVBNDSTS)
    world.end()


# The messages of others.


class Population(World):
    """The messages of the shop in all their states, and all that others may ask."""

    def __init__(self, kind: str, path: Path, style: str) -> None:
        terms = Terms(id_style=style)
        super().__init__(kind, path, routes=routes(p49=BANK), terms=lambda name: terms)
        shop = self.bound(interface_version=V5_0)
        self.ids = [
            self.submit(shop),
            self.submit(shop, "1", **WANTED),
            self.submit(shop, schedule_delivery_time=LATER),
        ]
        cancelled = self.submit(shop)
        self.ask(shop.esme.cancel_sm(message_id=cancelled, source_addr="100"))
        everybody = [SMEAddress(1, 1, each) for each in ("491", "492", "493", "1")]
        multi = shop.esme.submit_multi(source_addr="100", dest_address=everybody)
        self.ids += [cancelled, self.ask(multi).message_id]
        for schedule in ("", LATER):
            described = {
                tlvs.broadcast_area_identifier: [b"\x00alpha"],
                tlvs.broadcast_content_type: b"\x01\x00\x10",
                tlvs.broadcast_frequency_interval: b"\x09\x00\x01",
                tlvs.broadcast_rep_num: 3,
            }
            broadcast = shop.esme.broadcast_sm(
                source_addr="100", schedule_delivery_time=schedule, tlvs=described
            )
            self.ids.append(self.ask(broadcast).message_id)
        self.shop = shop
        self.news = self.bound("news", interface_version=V5_0)
        self.calls: list[str] = []
        for name in ("get", "by_address", "save", "keep", "change", "due", "add", "remove"):
            setattr(self.store, name, self._counted(name, getattr(self.store, name)))

    def _counted(self, name: str, method: Any) -> Any:
        def counted(*args: Any) -> Any:
            self.calls.append(name)
            return method(*args)

        return counted

    def answer(self, pair: Pair, command: str, fields: Any) -> tuple[bytes, list[str]]:
        """The response, without its sequence_number, and what the store was asked."""
        seen: list[bytes] = []
        watch = pair.esme.factory.taps
        assert watch == []
        pair.esme.add_tap(lambda direction, pdu, octets, time: seen.append(octets))
        self.calls.clear()
        getattr(pair.esme, command)(**fields).addErrback(lambda _: None)
        self.turn()
        pair.esme._watch = None
        assert len(seen) == 2
        return seen[1][:12] + seen[1][16:], list(self.calls)


COMMANDS = {
    "query_sm": {},
    "cancel_sm": {"destination_addr": "491"},
    "replace_sm": {"short_message": b"mine", "validity_period": "000000000500000R"},
    "query_broadcast_sm": {},
    "cancel_broadcast_sm": {},
    "broadcast_sm": {"replace_if_present_flag": 1},
}


@both_stores
@pytest.mark.parametrize("style", ["hex", "decimal"])
def test_R07_what_is_anothers_is_as_what_does_not_exist(
    kind: str, style: str, tmp_path: Path
) -> None:
    world = Population(kind, tmp_path, style)
    before = rows(world)

    @given(
        asked=st.sampled_from(world.ids),
        command=st.sampled_from(sorted(COMMANDS)),
        asker=st.sampled_from(["news", "news, from the address", "shop, from another address"]),
        number=st.none() | st.integers(1, 2**63 - 1),
        tail=st.integers(0, 2**64 - 1),
    )
    def check(asked: str, command: str, asker: str, number: int | None, tail: int) -> None:
        pair = world.shop if asker.startswith("shop") else world.news
        source = "100" if asker == "news, from the address" else "101"
        if number is None:  # that of the message
            number = numbers_of(asked)[-1]
        unknown = f"{number:016x}{tail:016x}" if style == "hex" else str(number << 64 | tail)
        # The digits alone may say that two numbers are looked for, whatever there is.
        assume(len(numbers_of(unknown)) == len(numbers_of(asked)))
        assume(unknown not in world.ids)
        described: Any = {}
        if command == "broadcast_sm":
            described["tlvs"] = {
                tlvs.broadcast_area_identifier: [b"\x00alpha"],
                tlvs.broadcast_content_type: b"\x01\x00\x10",
                tlvs.broadcast_frequency_interval: b"\x09\x00\x01",
                tlvs.broadcast_rep_num: 3,
            }
        fields: Any = {"source_addr": source, **COMMANDS[command], **described}
        foreign = world.answer(pair, command, {"message_id": asked, **fields})
        nothing = world.answer(pair, command, {"message_id": unknown, **fields})
        assert foreign == nothing
        octets, calls = foreign
        assert int.from_bytes(octets[8:12], "big") == S.ESME_RINVMSGID
        assert set(calls) == {"get"}

    check()
    assert rows(world) == before
    world.end()


def test_R07_what_is_ones_own_is_found(tmp_path: Path) -> None:
    """The test above would be worth nothing if nobody got an answer."""
    world = Population("memory", tmp_path, "hex")
    states = [world.query(world.shop, each) for each in world.ids[:5]]
    assert states == [M.ENROUTE, M.DELIVERED, M.SCHEDULED, M.DELETED, M.ENROUTE]
    for each in world.ids[5:]:
        fields: Any = {"message_id": each, "source_addr": "100"}
        assert status(world, world.shop.esme.query_broadcast_sm(**fields)) == S.ESME_ROK
    world.end()


# By addresses.


@both_stores
def test_R08_of_another_account_nothing_is_cancelled_and_nothing_counts(
    kind: str, tmp_path: Path
) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop, news = world.bound(), world.bound("news")
    for _ in range(1010):
        news.esme.submit_sm(source_addr="100", destination_addr="491")
        news.flush()
    world.turn()
    fields: Any = {"source_addr": "100", "destination_addr": "491"}
    assert status(world, shop.esme.cancel_sm(**fields)) == S.ESME_RCANCELFAIL
    own = [world.submit(shop) for _ in range(3)]
    assert status(world, shop.esme.cancel_sm(**fields)) == S.ESME_ROK
    assert {world.query(shop, each) for each in own} == {M.DELETED}
    assert world.centre.customer("bank").dispatch.count == 1010
    world.end()


@both_stores
def test_R08_only_what_is_not_sent_yet(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK), service={"window": 2})
    shop = world.bound()
    world.bound("bank")
    held: list[Deferred[Any]] = []

    def hold(request: Any) -> Any:
        held.append(Deferred())
        return held[-1]

    world.answers["bank"] = hold
    done = world.submit(shop, "1")
    sent = [world.submit(shop) for _ in range(2)]
    waiting = [world.submit(shop) for _ in range(3)]
    fields: Any = {"source_addr": "100", "destination_addr": "491"}
    assert status(world, shop.esme.cancel_sm(**fields)) == S.ESME_ROK
    assert {world.query(shop, each) for each in waiting} == {M.DELETED}
    assert {world.query(shop, each) for each in sent} == {M.ENROUTE}
    assert status(world, shop.esme.cancel_sm(**fields)) == S.ESME_RCANCELFAIL
    for each in held:
        each.callback(None)
    world.turn(1)
    assert {world.query(shop, each) for each in [done, *sent]} == {M.DELIVERED}
    assert len(world.messages("bank")) == 2
    world.end()


@both_stores
def test_R08_a_thousand_at_a_time_and_the_next_ones_after_them(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    for _ in range(1005):
        shop.esme.submit_sm(source_addr="100", destination_addr="491")
        shop.flush()
    world.turn()
    fields: Any = {"source_addr": "100", "destination_addr": "491"}
    for left in (5, 0):
        assert status(world, shop.esme.cancel_sm(**fields)) == S.ESME_ROK
        assert world.centre.customer("bank").dispatch.count == left
    assert status(world, shop.esme.cancel_sm(**fields)) == S.ESME_RCANCELFAIL
    world.end()


# Ids.


@pytest.mark.parametrize("style", ["hex", "decimal"])
def test_R09_an_id_says_nothing_of_the_next_one(style: str) -> None:
    ids, again = MessageIds(), MessageIds()
    base = 16 if style == "hex" else 10
    tails = [
        int(each.make(number, 0x34, style), base) & (1 << 64) - 1
        for number in range(1, 5001)
        for each in (ids, again)
    ]
    assert len(set(tails)) == 10_000
    # Each of the 64 bits, and each difference to the one before, is set in half of them: eight
    # standard deviations are allowed.
    changes = [one ^ two for one, two in pairwise(tails)]
    for values in (tails, changes):
        for bit in range(64):
            assert abs(sum(each >> bit & 1 for each in values) - 5000) < 400
