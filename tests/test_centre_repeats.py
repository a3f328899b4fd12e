# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Messages that are submitted again because the answer to the first one was lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from centre_kit import V3_3, World, both_stores, routes, to_account
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_smpp.daemon.keeping import terms_of
from twisted_smpp.smsc import Accounts, AccountsError, Route, RouteKind, Terms, repeats
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import failure, success
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire import tlvs
from twisted_smpp.wire.lists import SMEAddress
from twisted_smpp.wire.pdus import SubmitSM

V3_4 = InterfaceVersion.V3_4
BANK = to_account("bank")
NOWHERE = Route(RouteKind.NOWHERE)


def world_of(kind: str, path: Path, **settings: Any) -> World:
    """Messages are the same for a minute."""
    usual: Any = {"routes": routes(p49=BANK, p40=NOWHERE)}
    return World(kind, path, terms=lambda name: Terms(dedup_seconds=60), **{**usual, **settings})


@both_stores
def test_D28_what_is_submitted_again_is_the_same_message(kind: str, tmp_path: Path) -> None:
    world = world_of(kind, tmp_path)
    shop = world.bound()
    world.bound("bank")
    fields = {"destination_addr": "491", "short_message": b"once"}
    together = [shop.esme.submit_sm(**fields) for _ in range(2)]
    world.turn()
    ids = {success(each).message_id for each in together}
    ids.add(world.ask(shop.esme.submit_sm(**fields)).message_id)
    assert len(ids) == 1
    assert len(world.messages("bank")) == 1
    world.turn(61)
    ids.add(world.ask(shop.esme.submit_sm(**fields)).message_id)
    ids.add(world.submit(shop))
    world.turn()
    assert len(ids) == 3
    assert len(world.messages("bank")) == 3
    world.end()


def test_D28_dedup_is_off_unless_it_is_agreed(tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    shop = world.bound()
    assert world.submit(shop) != world.submit(shop)
    with pytest.raises(ValueError, match="0 to 600"):
        Terms(dedup_seconds=601)
    world.end()


@both_stores
def test_D28_in_another_session_of_the_same_account(kind: str, tmp_path: Path) -> None:
    world = world_of(kind, tmp_path)
    world.bound("bank")
    fields: Any = {"source_addr": "100", "destination_addr": "491", "short_message": b"once"}
    first = world.bound()
    lost = first.esme.submit_sm(**fields)
    first.flush()
    first.drop()  # it is accepted, and nobody hears of it
    lost.addErrback(lambda _: None)
    world.turn()
    again = world.ask(world.bound().esme.submit_sm(**fields))
    assert world.record(again.message_id).number == 1
    other = world.ask(world.bound("news").esme.submit_sm(**fields))
    assert other.message_id != again.message_id
    world.turn()
    assert len(world.messages("bank")) == 2
    world.end()


def test_D28_one_octet_makes_another_message(tmp_path: Path) -> None:
    world = world_of("memory", tmp_path)
    shop = world.bound()
    usual: Any = {"source_addr": "100", "destination_addr": "1", "short_message": b"x"}
    different: list[dict[str, Any]] = [
        {},
        {"source_addr": "101"},
        {"source_addr_ton": 1},
        {"destination_addr": "2"},
        {"short_message": b"y"},
        {"data_coding": 8},
        {"registered_delivery": 1},
        {"tlvs": {tlvs.user_message_reference: 1}},
        {"tlvs": {tlvs.user_message_reference: 2}},
    ]
    ids = {world.ask(shop.esme.submit_sm(**{**usual, **each})).message_id for each in different}
    again = {world.ask(shop.esme.submit_sm(**{**usual, **each})).message_id for each in different}
    assert len(ids) == len(different)
    assert again == ids
    old = world.bound(interface_version=V3_3, bind="transmitter")
    short = {world.ask(old.esme.submit_sm(**usual)).message_id for _ in range(2)}
    assert [len(each) for each in short] == [8]
    world.end()


@both_stores
def test_D28_to_many_destinations(kind: str, tmp_path: Path) -> None:
    world = world_of(kind, tmp_path)
    shop = world.bound()
    world.bound("bank")
    to = [SMEAddress(1, 1, each) for each in ("491", "401", "492")]
    together = [shop.esme.submit_multi(dest_address=to, short_message=b"once") for _ in range(2)]
    world.turn()
    answers = [success(each) for each in together]
    answers.append(world.ask(shop.esme.submit_multi(dest_address=to, short_message=b"once")))
    assert len({each.message_id for each in answers}) == 1
    for each in answers:
        (refused,) = each.unsuccess_sme
        assert (refused.destination_addr, refused.error_status_code) == ("401", S.ESME_RINVDSTADR)
    assert world.centre.customer("shop").accepted == 2
    world.turn()
    assert sorted(each.destination_addr for each in world.messages("bank")) == ["491", "492"]
    # What is refused as a whole may be tried again, and be accepted then.
    for _ in range(2):
        refused = shop.esme.submit_multi(dest_address=to[1:2])
        world.turn()
        assert failure(refused).command_status == S.ESME_RINVDSTADR  # type: ignore[attr-defined]
    world.centre.routes.remove("40")
    assert world.ask(shop.esme.submit_multi(dest_address=to[1:2])).unsuccess_sme == []
    world.end()


def test_D28_a_message_that_is_not_kept_may_be_submitted_again(tmp_path: Path) -> None:
    world = world_of("memory", tmp_path)
    shop = world.bound()
    world.store._most = 0
    for _ in range(2):
        refused = shop.esme.submit_sm(destination_addr="1")
        world.turn()
        assert failure(refused).command_status == S.ESME_RMSGQFUL  # type: ignore[attr-defined]
    world.store._most = 10
    assert world.ask(shop.esme.submit_sm(destination_addr="1")).message_id
    assert len(world.store) == 1
    world.end()


def test_D28_what_takes_long_to_be_kept_is_the_same_meanwhile() -> None:
    known = repeats.Repeats()
    key = known.key(SubmitSM(short_message=b"x"), V3_4)
    known.begin(key, 0.0, 5.0)
    waiting = known.find(key, 9.0)
    assert isinstance(waiting, Deferred)
    known.begin(known.key(SubmitSM(), V3_4), 9.0, 5.0)
    later = known.find(key, 99.0)
    assert isinstance(later, Deferred)
    known.kept(key, {"message_id": "1"})
    assert success(waiting) == success(later) == {"message_id": "1"}
    assert known.find(key, 4.9) == {"message_id": "1"}
    assert known.find(key, 5.0) is None
    known.begin(key, 9.0, 5.0)
    failing = known.find(key, 9.0)
    assert isinstance(failing, Deferred)
    known.failed(key, Failure(OSError()))
    failing.addErrback(lambda why: why.trap(OSError))
    assert known.find(key, 9.0) is None


def test_D28_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST", 3)
    known = repeats.Repeats()
    keys = [known.key(SubmitSM(short_message=bytes([each])), V3_4) for each in range(10)]
    for number, key in enumerate(keys):
        known.begin(key, 0.0, 60.0)
        known.kept(key, {"message_id": str(number)})
    assert len(known) == 3
    assert [known.find(key, 1.0) is not None for key in keys] == [False] * 7 + [True] * 3
    known.begin(keys[0], 61.0, 60.0)
    assert len(known) == 1


@pytest.mark.parametrize(("said", "seconds"), [("60", 60), ("0", 0), ("false", 0), (None, 0)])
def test_D28_the_accounts_file_says_for_how_long(said: str | None, seconds: float) -> None:
    class File:
        accounts = Accounts.parse(
            '[accounts.shop]\ncertificate_name = "shop"\n' + (f"dedup = {said}\n" if said else "")
        )

        def settings(self, name: str) -> Any:
            return self.accounts.get(name)

    terms = terms_of({"validity": 60.0}, File())  # type: ignore[arg-type]
    assert terms("shop").dedup_seconds == seconds
    assert terms("nobody").dedup_seconds == 0


def test_D28_ten_minutes_are_the_most() -> None:
    with pytest.raises(AccountsError, match=r"shop\.dedup: 601 is not a number, 0 to 600"):
        Accounts.parse('[accounts.shop]\ncertificate_name = "shop"\ndedup = 601\n')
