# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""I12: what one account is sent one at a time comes in the order in which it was submitted."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from centre_kit import World, routes, to_account
from twisted.internet.defer import Deferred

from twisted_smpp.smsc.dispatch import Dispatch


class Life:
    """Messages of two accounts to a third one, which answers when it likes, and never no."""

    def __init__(self, seed: int, kind: str, path: Path) -> None:
        self.random = Random(seed)
        self.world = World(kind, path, routes=routes(p2=to_account("bank")), service={"window": 1})
        self.senders = [self.world.bound("shop"), self.world.bound("news")]
        self.open: list[Deferred[Any]] = []
        self.world.answers["bank"] = self.answer
        self.receiver: Any = None
        self.sent: dict[str, list[bytes]] = defaultdict(list)

    def answer(self, request: Any) -> Any:
        if self.random.random() < 0.5:
            return None
        self.open.append(Deferred())
        return self.open[-1]

    def submit(self) -> None:
        for _ in range(self.random.choice([1, 1, 5, 130])):
            to = self.random.choice(["21", "22"])
            token = b"%d" % sum(map(len, self.sent.values()))
            self.random.choice(self.senders).esme.submit_sm(
                destination_addr=to, short_message=token
            )
            self.world.turn()
            self.sent[to].append(token)

    def fire(self) -> None:
        while self.open:
            self.open.pop().callback(None)
        self.world.turn()

    def comes_and_goes(self) -> None:
        """Nothing is under way when it goes: that would be tried again, behind others."""
        if self.receiver is None:
            self.receiver = self.world.bound("bank", "receiver")
        elif not self.open:
            self.receiver.esme.unbind()
            self.receiver = None
        self.world.turn()

    def run(self, moves: int) -> None:
        for _ in range(moves):
            self.random.choice(
                [self.submit, self.submit, self.fire, self.comes_and_goes, self.pass_time]
            )()
        if self.receiver is None:
            self.comes_and_goes()
        for _ in range(2 * sum(map(len, self.sent.values())) + 1):
            self.fire()
        came: dict[str, list[bytes]] = defaultdict(list)
        for _, request in self.world.got:
            came[request.destination_addr].append(request.short_message)
        assert came == self.sent

    def pass_time(self) -> None:
        """What has no answer for ten seconds is refused, and comes again."""
        self.fire()
        if not self.open:
            self.world.turn(self.random.choice([0.0, 1.0, 5.0]))


def live(seed: int, kind: str, path: Path) -> None:
    life = Life(seed, kind, path)
    life.run(25)
    life.world.end()


def lives(kind: str, folder: Path) -> None:
    for seed in range(10):
        path = folder / str(seed)
        path.mkdir()
        live(seed, kind, path)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_I12_messages_come_in_their_order(kind: str, tmp_path: Path) -> None:
    lives(kind, tmp_path)


def test_I12_another_order_would_be_seen(tmp_path: Path, monkeypatch: Any) -> None:
    take = Dispatch._take

    def takes(self: Any, record: Any) -> None:
        take(self, record)
        if len(self._ready) > 3:
            self._ready.rotate()

    monkeypatch.setattr(Dispatch, "_take", takes)
    with pytest.raises(AssertionError):
        lives("memory", tmp_path)
