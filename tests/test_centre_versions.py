"""An account that receives by sessions of several SMPP versions at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from centre_kit import V3_3, V5_0, World, both_stores, routes, to_account
from twisted.internet.defer import Deferred

from twisted_smpp.errors import PDUError
from twisted_smpp.smsc import Terms, outlets
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.tlvs import message_payload

V3_4 = InterfaceVersion.V3_4
BANK = to_account("bank")
LONG = {"short_message": b"", "tlvs": {message_payload: b"x" * 1000}}


def world_of(kind: str, path: Path, *versions: InterfaceVersion, **settings: Any) -> Any:
    """What each session of the bank got is noted by its version."""
    world: Any = World(kind, path, routes=routes(p49=BANK), **settings)
    world.shop = world.bound(interface_version=V5_0)
    world.by_version = {}
    for version in versions:
        got = world.by_version[version] = []
        pair = world.bound("bank", "receiver", interface_version=version)
        world.answers[pair.esme] = got.append
    return world


@both_stores
@pytest.mark.parametrize("versions", [(V3_3, V3_4), (V3_4, V3_3)], ids=str)
def test_what_is_too_long_for_3_3_goes_to_the_others(
    kind: str, versions: tuple[InterfaceVersion, ...], tmp_path: Path
) -> None:
    world = world_of(kind, tmp_path, *versions)
    ids = [world.submit(world.shop, **(LONG if at % 2 else {})) for at in range(8)]
    world.turn(1)
    assert [world.query(world.shop, each) for each in ids] == [M.DELIVERED] * 8
    assert all(pdu.short_message == b"text" for pdu in world.by_version[V3_3])
    assert len(world.by_version[V3_3]) >= 2
    assert sum(map(len, world.by_version.values())) == 8
    world.end()


def test_one_octet_too_many_for_3_4_goes_to_5_0(tmp_path: Path) -> None:
    world = world_of("memory", tmp_path, V3_4, V5_0)
    ids = [world.submit(world.shop, short_message=b"x" * 255) for _ in range(4)]
    world.turn(1)
    assert [world.query(world.shop, each) for each in ids] == [M.DELIVERED] * 4
    assert len(world.by_version[V5_0]) == 4
    world.end()


def test_it_waits_for_room_and_what_is_behind_it_keeps_its_place(tmp_path: Path) -> None:
    world = world_of("sqlite", tmp_path, V3_3)
    held: list[Deferred[Any]] = []
    pair = world.bound("bank", "receiver", interface_version=V3_4)
    world.answers[pair.esme] = lambda request: held.append(Deferred()) or held[-1]
    ids = [world.submit(world.shop, **LONG) for _ in range(30)]
    ids.append(world.submit(world.shop))
    before = world.clock.seconds()
    world.turn(3)
    assert 0 < len(held) < 30
    assert world.by_version[V3_3] == []
    assert world.clock.seconds() == before + 3
    while len(held) < 30 or not all(each.called for each in held):
        next(each for each in held if not each.called).callback(None)
        world.turn()
    world.turn()
    assert [world.query(world.shop, each) for each in ids] == [M.DELIVERED] * 31
    assert len(world.by_version[V3_3]) == 1
    world.end()


def test_where_nobody_can_take_it_that_is_said_at_once(tmp_path: Path) -> None:
    world = world_of("memory", tmp_path, V3_3, V3_4, terms=lambda name: Terms())
    message_id = world.submit(world.shop, short_message=b"x" * 255)
    world.turn(1)
    assert world.query(world.shop, message_id) == M.UNDELIVERABLE
    assert world.by_version == {V3_3: [], V3_4: []}
    world.end()


def test_one_that_cannot_be_read_does_not_hold_up_what_is_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of("memory", tmp_path, V3_3, V3_4)

    def unreadable(octets: bytes) -> Any:
        pdu = decode(octets)
        if b"odd" in octets:
            raise PDUError("octets that an older version has left")
        return pdu

    monkeypatch.setattr(outlets, "decode", unreadable)
    odd = world.submit(world.shop, short_message=b"odd")
    others = [world.submit(world.shop) for _ in range(3)]
    world.turn(1)
    assert [world.query(world.shop, each) for each in others] == [M.DELIVERED] * 3
    assert world.query(world.shop, odd) != M.DELIVERED
    world.end()
