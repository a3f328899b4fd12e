# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Receipts that were put aside, at the moment in which their time is over."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from centre_kit import WANTED, World, both_stores
from twisted.logger import capturedLogs

from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import success


def dead(world: World) -> list[str]:
    """The ids of the messages whose receipts are dead letters."""
    shop = world.bound()
    world.answers["shop"] = S.ESME_RX_P_APPN
    with capturedLogs():
        ids = [world.submit(shop, **WANTED) for _ in range(2)]
        world.turn(2)
    world.answers["shop"] = None
    world.got.clear()
    return ids


@both_stores
@pytest.mark.parametrize("when", list(product((-1, 0, 1), repeat=2)), ids=str)
def test_D29_what_is_over_does_not_come_back_to_life(
    kind: str, when: tuple[int, int], tmp_path: Path
) -> None:
    """Who revives them asks before the sweep, with it or after it, and twice."""
    world = World(kind, tmp_path)
    ids = dead(world)
    world.step += world.centre.keeping.dead_seconds
    sweep = world.centre._sweep._call
    assert sweep is not None
    revived = []

    def revive() -> None:
        revived.append(world.centre.revive("shop"))

    seconds = sweep.getTime() - world.clock.seconds()
    # Calls of one moment are made in the order of their times.
    for each in when:
        world.clock.callLater(seconds + each * 1e-6, revive)
    world.turn(seconds + 2)
    counts = [success(each) for each in revived]
    delivered = [each.message_id for each in world.receipts()]
    assert len(delivered) == sum(counts)
    assert delivered in ([], ids)
    if min(when) >= 0:
        assert delivered == []
    world.turn(100)
    assert len(world.receipts()) == len(delivered)
    letters = world.centre.dead_letters("shop")
    world.turn()
    assert success(letters) == []
    world.end()
