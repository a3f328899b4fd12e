# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What accounts ask the message centre: query, cancel, replace, and the same of broadcasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from centre_kit import V5_0, WANTED, Sinking, World, both_stores, routes, to_account
from twisted.internet.defer import Deferred

from twisted_smpp.smsc import Route, RouteKind
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import Pair, failure, success
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire import tlvs
from twisted_smpp.wire.lists import DistributionList, SMEAddress

BANK = to_account("bank")
NOWHERE = Route(RouteKind.NOWHERE)
LATER = "000000010000000R"


def status(world: World, deferred: Deferred[Any]) -> int:
    """What a request was refused with, or ESME_ROK."""
    world.turn()
    results: list[Any] = []
    deferred.addBoth(results.append)
    error = getattr(results[0], "value", None)
    return S.ESME_ROK if error is None else error.command_status  # type: ignore[no-any-return]


@both_stores
def test_R07_the_message_of_another_is_like_one_that_does_not_exist(
    kind: str, tmp_path: Path
) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop, news = world.bound(), world.bound("news")
    message_id = world.submit(shop)
    unknown = message_id[:-1] + ("0" if message_id[-1] != "0" else "1")
    for pair, asked, source in (
        (news, message_id, "100"),
        (shop, unknown, "100"),
        (shop, message_id, "101"),
        (shop, "", "100"),
        (shop, "no id at all", "100"),
        (shop, "9" * 64, "100"),
        # Numbers that are greater than any file can keep.
        (shop, "f" * 32, "100"),
        (shop, "8" + "0" * 31, "100"),
        (shop, "9" * 39, "100"),
        (shop, "ffffffff", "100"),
    ):
        fields: Any = {"message_id": asked, "source_addr": source}
        assert status(world, pair.esme.query_sm(**fields)) == S.ESME_RINVMSGID
        assert status(world, pair.esme.replace_sm(**fields)) == S.ESME_RINVMSGID
        if asked:
            assert status(world, pair.esme.cancel_sm(**fields)) == S.ESME_RINVMSGID
    assert world.query(shop, message_id) == M.ENROUTE
    world.end()


@both_stores
def test_R09_ids_cannot_be_guessed_and_D27_are_unique(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path)
    ids = {world.submit(world.bound()) for _ in range(20)}
    world.step -= 86_400
    world.restart() if kind == "sqlite" else None
    ids |= {world.submit(world.bound()) for _ in range(20)}
    assert len(ids) == 40
    assert len({each[16:] for each in ids}) == 40
    world.end()


@both_stores
def test_a_message_that_waits_is_cancelled(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    message_id = world.submit(shop, **WANTED)
    fields: Any = {"message_id": message_id, "source_addr": "100"}
    assert status(world, shop.esme.cancel_sm(**fields)) == S.ESME_ROK
    assert status(world, shop.esme.cancel_sm(**fields)) == S.ESME_RCANCELFAIL
    assert status(world, shop.esme.replace_sm(**fields)) == S.ESME_RREPLACEFAIL
    response = world.ask(shop.esme.query_sm(**fields))
    assert (response.message_state, response.final_date) == (M.DELETED, "260304050600000+")
    assert [each.stat for each in world.receipts()] == ["DELETED"]
    world.bound("bank")
    world.turn(10)
    assert world.messages("bank") == []
    world.end()


@both_stores
def test_what_is_on_its_way_is_neither_cancelled_nor_replaced(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    world.bound("bank")
    held: Deferred[Any] = Deferred()
    world.answers["bank"] = lambda request: held
    message_id = world.submit(shop)
    fields: Any = {"message_id": message_id, "source_addr": "100"}
    assert status(world, shop.esme.cancel_sm(**fields)) == S.ESME_RCANCELFAIL
    assert status(world, shop.esme.replace_sm(**fields)) == S.ESME_RREPLACEFAIL
    held.callback(None)
    world.turn()
    assert world.query(shop, message_id) == M.DELIVERED
    world.end()


def test_R06_a_message_that_ends_while_it_is_asked_for_stays_at_its_end(tmp_path: Path) -> None:
    world = World("sqlite", tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    world.bound("bank")
    held: Deferred[Any] = Deferred()
    world.answers["bank"] = lambda request: held
    message_id = world.submit(shop, **WANTED)
    # The store is asked; before its answer is here, the receiver takes the message.
    cancelled = shop.esme.cancel_sm(message_id=message_id, source_addr="100")
    shop.flush()
    world.clock.advance(0)
    held.callback(None)
    world.flush()
    world.turn()
    assert failure(cancelled).command_status == S.ESME_RCANCELFAIL  # type: ignore[attr-defined]
    assert world.query(shop, message_id) == M.DELIVERED
    assert [each.stat for each in world.receipts()] == ["DELIVRD"]
    world.end()


@both_stores
def test_R08_cancelled_by_addresses(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop, news = world.bound(), world.bound("news")
    ids = [world.submit(shop, service_type="A") for _ in range(3)]
    other_type = world.submit(shop, service_type="B")
    elsewhere = world.submit(shop, "492")
    foreign = world.submit(news)
    fields: Any = {"source_addr": "100", "destination_addr": "491"}
    assert status(world, shop.esme.cancel_sm(service_type="A", **fields)) == S.ESME_ROK
    assert {world.query(shop, each) for each in ids} == {M.DELETED}
    assert {world.query(shop, each) for each in (other_type, elsewhere)} == {M.ENROUTE}
    assert world.query(news, foreign) == M.ENROUTE
    assert status(world, shop.esme.cancel_sm(**fields)) == S.ESME_ROK
    assert world.query(shop, other_type) == M.DELETED
    assert status(world, shop.esme.cancel_sm(**fields)) == S.ESME_RCANCELFAIL
    refused = shop.esme.cancel_sm(source_addr="100")
    assert status(world, refused) == S.ESME_RINVDSTADR
    world.end()


@both_stores
def test_a_text_is_replaced(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    message_id = world.submit(shop, short_message=b"", tlvs={tlvs.message_payload: b"old"})
    replaced = shop.esme.replace_sm(
        message_id=message_id, source_addr="100", short_message=b"new", registered_delivery=1
    )
    assert status(world, replaced) == S.ESME_ROK
    scheduled = shop.esme.replace_sm(
        message_id=message_id,
        source_addr="100",
        short_message=b"newer",
        registered_delivery=1,
        schedule_delivery_time="000000000100000R",
    )
    assert status(world, scheduled) == S.ESME_ROK
    world.bound("bank")
    world.turn(50)
    assert world.messages("bank") == []
    world.turn(12)
    (message,) = world.messages("bank")
    assert (message.short_message, len(message.tlvs)) == (b"newer", 0)
    assert len(world.receipts()) == 1
    world.end()


@both_stores
def test_a_schedule_behind_the_end_is_refused_and_changes_nothing(
    kind: str, tmp_path: Path
) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    message_id = world.submit(shop, validity_period="000000000500000R")
    refused = shop.esme.replace_sm(
        message_id=message_id, source_addr="100", schedule_delivery_time=LATER
    )
    assert status(world, refused) == S.ESME_RINVSCHED
    world.bound("bank")
    world.turn(1)
    assert [each.short_message for each in world.messages("bank")] == [b"text"]
    world.end()


@both_stores
def test_a_replacement_that_is_refused_leaves_all_destinations_as_they_are(
    kind: str, tmp_path: Path
) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK, p48=to_account("news")))
    shop, bank = world.bound(), world.bound("bank")
    world.answers["bank"] = lambda _: Deferred()
    fields: Any = {"source_addr": "100", "validity_period": "000000010000000R"}
    asked = shop.esme.submit_multi(dest_address=addresses("481", "491"), **fields)
    fields["message_id"] = world.ask(asked).message_id
    fields["validity_period"] = "000000100000000R"
    # One is on its way, and keeps its end.
    assert status(world, shop.esme.replace_sm(short_message=b"new", **fields)) == S.ESME_ROK
    bank.drop()
    del fields["validity_period"]
    fields["schedule_delivery_time"] = "000000020000000R"
    late = shop.esme.replace_sm(short_message=b"late", **fields)
    assert status(world, late) == S.ESME_RINVSCHED
    world.bound("news")
    world.turn(1)
    assert [each.short_message for each in world.messages("news")] == [b"new"]
    world.end()


@both_stores
def test_replace_if_present(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    first = world.submit(shop, **WANTED)
    other = world.submit(shop, service_type="X")
    second = world.submit(shop, short_message=b"second", replace_if_present_flag=1)
    assert world.query(shop, first) == M.DELETED
    assert world.query(shop, other) == M.ENROUTE
    world.bound("bank")
    world.turn(1)
    assert {each.short_message for each in world.messages("bank")} == {b"text", b"second"}
    assert world.query(shop, second) == M.DELIVERED
    world.end()


def test_a_full_store_replaces_nothing(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    first = world.submit(shop)
    world.store._most = 1
    refused = shop.esme.submit_sm(
        source_addr="100", destination_addr="491", replace_if_present_flag=1
    )
    assert status(world, refused) == S.ESME_RMSGQFUL
    assert world.query(shop, first) == M.ENROUTE
    world.end()


# submit_multi


def addresses(*numbers: str) -> Any:
    return [SMEAddress(1, 1, number) for number in numbers]


@both_stores
def test_submit_multi_names_exactly_what_is_refused(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK, p40=NOWHERE))
    shop = world.bound()
    response = world.ask(
        shop.esme.submit_multi(
            source_addr="100", dest_address=addresses("401", "491", "1", "402", "492"), **WANTED
        )
    )
    told = [(each.destination_addr, each.error_status_code) for each in response.unsuccess_sme]
    assert told == [("401", S.ESME_RINVDSTADR), ("402", S.ESME_RINVDSTADR)]
    message_id = response.message_id
    # One is delivered, two wait.
    assert world.query(shop, message_id) == M.ENROUTE
    assert [each.stat for each in world.receipts()] == ["DELIVRD"]
    cancelled = shop.esme.cancel_sm(message_id=message_id, source_addr="100")
    assert status(world, cancelled) == S.ESME_ROK
    assert world.query(shop, message_id) == M.DELETED
    assert [each.stat for each in world.receipts()] == ["DELIVRD", "DELETED", "DELETED"]
    assert {each.message_id for each in world.receipts()} == {message_id}
    world.end()


@both_stores
@pytest.mark.parametrize(
    ("dest", "expected"),
    [
        (addresses("401", "402"), S.ESME_RINVDSTADR),
        ([*addresses("491"), DistributionList("friends")], S.ESME_RINVDLNAME),
    ],
)
def test_submit_multi_that_is_refused(kind: str, dest: Any, expected: int, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes(p49=BANK, p40=NOWHERE))
    shop = world.bound()
    assert status(world, shop.esme.submit_multi(dest_address=dest)) == expected
    world.bound("bank")
    world.turn(1)
    assert world.messages("bank") == []
    world.end()


def test_P15_a_store_that_gets_full_in_the_middle(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes(p49=BANK))
    shop = world.bound()
    world.store._most = 2
    response = world.ask(shop.esme.submit_multi(dest_address=addresses("491", "492", "493")))
    (refused,) = response.unsuccess_sme
    assert (refused.destination_addr, refused.error_status_code) == ("493", S.ESME_RMSGQFUL)
    refused = shop.esme.submit_multi(dest_address=addresses("491"))
    assert status(world, refused) == S.ESME_RMSGQFUL
    world.bound("bank")
    world.turn(1)
    assert [each.destination_addr for each in world.messages("bank")] == ["491", "492"]
    world.end()


# Broadcasts


AREAS = [b"\x00alpha", b"\x00beta"]


def broadcast(pair: Pair, **fields: Any) -> Deferred[Any]:
    described = {
        tlvs.broadcast_area_identifier: AREAS,
        tlvs.broadcast_content_type: b"\x01\x00\x10",
        tlvs.broadcast_frequency_interval: b"\x09\x00\x01",
        tlvs.broadcast_rep_num: 3,
        tlvs.user_message_reference: 5,
    }
    return pair.esme.broadcast_sm(source_addr="100", tlvs=described, **fields)


def query(world: World, pair: Pair, message_id: str) -> Any:
    return world.ask(pair.esme.query_broadcast_sm(message_id=message_id, source_addr="100"))


@both_stores
def test_a_broadcast_is_done_at_once(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path)
    shop = world.bound(interface_version=V5_0)
    message_id = world.ask(broadcast(shop)).message_id
    told = query(world, shop, message_id)
    assert told.message_id == message_id
    assert told.tlvs[tlvs.message_state] == M.DELIVERED
    assert told.tlvs.all(tlvs.broadcast_area_identifier) == AREAS
    assert told.tlvs.all(tlvs.broadcast_area_success) == [100, 100]
    assert told.tlvs[tlvs.broadcast_end_time] == "260304050600000+"
    assert told.tlvs[tlvs.user_message_reference] == 5
    fields: Any = {"message_id": message_id, "source_addr": "100"}
    refused = shop.esme.cancel_broadcast_sm(**fields)
    assert status(world, refused) == S.ESME_RBCASTCANCELFAIL
    # It is no message, and a message is no broadcast.
    assert status(world, shop.esme.query_sm(**fields)) == S.ESME_RINVMSGID
    fields["message_id"] = world.submit(shop)
    assert status(world, shop.esme.query_broadcast_sm(**fields)) == S.ESME_RINVMSGID
    world.end()


@both_stores
def test_a_sink_broadcasts(kind: str, tmp_path: Path) -> None:
    sink = Sinking(M.ACCEPTED)
    world = World(kind, tmp_path, sinks={"cells": sink}, broadcast_sink="cells")
    shop = world.bound(interface_version=V5_0)
    message_id = world.ask(broadcast(shop)).message_id
    world.turn()
    told = query(world, shop, message_id)
    assert told.tlvs[tlvs.message_state] == M.ENROUTE
    assert told.tlvs.all(tlvs.broadcast_area_success) == [255, 255]
    assert tlvs.broadcast_end_time not in told.tlvs
    assert sink.got[0].pdu.command == "broadcast_sm"
    world.centre.report(message_id, M.UNDELIVERABLE)
    world.turn()
    assert query(world, shop, message_id).tlvs.all(tlvs.broadcast_area_success) == [0, 0]
    assert world.got == []
    with pytest.raises(ValueError, match="no sink 'none'"):
        World(kind, tmp_path / "other", broadcast_sink="none")
    world.end()


@both_stores
def test_broadcasts_are_cancelled_and_replaced(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path)
    shop, news = (world.bound(name, interface_version=V5_0) for name in ("shop", "news"))
    kinds: Any = {"service_type": "CBS", "schedule_delivery_time": LATER}
    first, second = (world.ask(broadcast(shop, **kinds)).message_id for _ in range(2))
    other = world.ask(broadcast(shop, schedule_delivery_time=LATER)).message_id
    again = broadcast(shop, message_id=first, replace_if_present_flag=1, **kinds)
    assert world.ask(again).message_id == first
    foreign = broadcast(news, message_id=first, replace_if_present_flag=1, **kinds)
    assert status(world, foreign) == S.ESME_RINVMSGID
    failed = broadcast(news, replace_if_present_flag=1, service_type="CBS")
    assert status(world, failed) == S.ESME_RREPLACEFAIL
    assert status(world, broadcast(shop, message_id=first)) == S.ESME_RINVMSGID
    content = {tlvs.broadcast_content_type: b"\x00\x00\x00"}
    fields: Any = {"service_type": "CBS", "source_addr": "100"}
    none = shop.esme.cancel_broadcast_sm(tlvs=content, **fields)
    assert status(world, none) == S.ESME_RBCASTCANCELFAIL
    assert status(world, shop.esme.cancel_broadcast_sm(**fields)) == S.ESME_ROK
    states = [query(world, shop, each).tlvs[tlvs.message_state] for each in (first, second, other)]
    assert states == [M.DELETED, M.DELETED, M.SCHEDULED]
    world.turn(3610)
    assert query(world, shop, other).tlvs[tlvs.message_state] == M.DELIVERED
    world.end()


@both_stores
def test_a_broadcast_whose_replacement_is_refused_is_sent_all_the_same(
    kind: str, tmp_path: Path
) -> None:
    answers: list[Deferred[Any]] = []

    def later(_: Any) -> Deferred[Any]:
        answers.append(Deferred())
        return answers[-1]

    sink = Sinking(later)
    world = World(kind, tmp_path, sinks={"cells": sink}, broadcast_sink="cells")
    shop = world.bound(interface_version=V5_0)
    ids = [world.ask(broadcast(shop)).message_id for _ in range(101)]
    assert len(sink.got) == 100
    fields: Any = {"message_id": ids[-1], "replace_if_present_flag": 1}
    wrong = broadcast(shop, schedule_delivery_time="261399000000000+", **fields)
    assert status(world, wrong) == S.ESME_RINVSCHED
    for each in answers[:100]:
        each.callback(None)
    world.turn(1)
    assert [each.message_id for each in sink.got[100:]] == ids[-1:]
    answers[-1].callback(None)
    world.turn()
    world.end()


def test_the_oldest_answers_are_no_secrets(tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    found = world.centre.find("1" * 32)
    assert success(found) == []
    world.end()
