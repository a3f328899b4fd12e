"""Who pages whom, and when: one ESME that sleeps, in random lives."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from centre_kit import V5_0, World, both_stores, routes, to_account
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import Protocol
from twisted.logger import LogLevel, capturedLogs

from twisted_smpp.errors import StoreFailed
from twisted_smpp.smsc import Keeping
from twisted_smpp.smsc.paging import Pager
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import MemoryTransport

SEEDS = int(os.environ.get("CENTRE_SCHEDULES", "60"))
SECONDS = 60.0
#: A look may come a turn of the clock after its time.
STEP = 1.0


class Telephone:
    """Where the ESME is called; whether it is reached is up to the test."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls: list[float] = []
        self.how = "taken"
        self.open: list[Deferred[Any]] = []
        self.lines: list[MemoryTransport] = []

    def connect(self, factory: Any) -> Deferred[Any]:
        self.calls.append(self.world.clock.seconds())
        if self.how == "refused":
            return fail(OSError("nobody listens"))
        if self.how == "never":
            self.open.append(Deferred())
            return self.open[-1]
        ours, theirs = (MemoryTransport(self.world.clock, name) for name in ("SMSC", "ESME"))
        ours.other, theirs.other = theirs, ours
        ours.protocol, theirs.protocol = factory.buildProtocol(ours.getPeer()), Protocol()
        ours.protocol.makeConnection(ours)
        self.lines.append(ours)
        return succeed(ours.protocol)

    def hang_up(self) -> None:
        for line in self.lines:
            line.cut()


class Night:
    """An account whose ESME sleeps, and is woken."""

    def __init__(self, seed: int, kind: str, path: Path) -> None:
        self.random = Random(seed)
        self.longest = SECONDS if seed % 2 else 3600.0
        keeping = Keeping(delays=(5.0, 200.0), attempts=1000)
        self.world = World(kind, path, routes=routes(p49=to_account("bank")), keeping=keeping)
        self.telephone = Telephone(self.world)
        self.begin()
        self.sleeper: Any = None
        self.ids: list[str] = []
        self.count, self.freed = 0, 0.0
        self.world.answers["bank"] = lambda _: self.random.choice([None, S.ESME_RX_T_APPN])
        #: Since when something has been due without anybody there; None: it is not so.
        self.since: float | None = None
        #: The same, whether due or not.
        self.asleep: float | None = None

    def begin(self) -> None:
        world = self.world
        world.centre.pager = Pager(
            world.service.factory,
            {"bank": self.telephone},
            system_id="centre",
            clock=world.clock,
            longest=self.longest,
        )
        for dispatch in world.centre.dispatches.values():
            dispatch.nobody_is_there()  # as at a start with a pager
        self.shop = world.bound()
        self.looked = world.clock.seconds()

    def submit(self) -> None:
        fields: dict[str, Any] = {}
        if self.random.random() < 0.3:
            fields["schedule_delivery_time"] = "000000000230000R"
        if self.random.random() < 0.3:
            fields["validity_period"] = "000000000500000R"
        self.ids.append(self.world.submit(self.shop, **fields))

    def cancel(self) -> None:
        if self.ids:
            number = self.random.randrange(len(self.ids))
            asked = self.shop.esme.cancel_sm(message_id=self.ids.pop(number), source_addr="100")
            asked.addErrback(lambda _: None)

    def wake(self) -> None:
        if self.sleeper is None or self.sleeper.esme_transport.lost:
            self.sleeper = self.world.bound("bank", "receiver")

    def sleep(self) -> None:
        if self.sleeper is not None and not self.sleeper.esme_transport.lost:
            self.sleeper.drop()

    def answer(self) -> None:
        self.telephone.how = self.random.choice(["taken", "refused", "never"])
        if self.telephone.open:
            self.freed = self.world.clock.seconds()
        for deferred in self.telephone.open:
            if not deferred.called:
                deferred.errback(OSError("it rang for too long"))
        self.telephone.open.clear()

    def crash(self) -> None:
        if self.random.random() < 0.3:
            self.telephone.hang_up()
            self.world.restart()
            self.since = None
            self.asleep = None
            self.count += len(self.telephone.calls)
            self.telephone.calls.clear()
            self.begin()

    def pass_time(self) -> None:
        for _ in range(self.random.choice([1, 5, 70])):
            self.world.turn(STEP)
            self.look()

    def is_due(self) -> bool:
        """By what the store has, and the states that its records are in."""
        dispatch, now = self.world.centre.customer("bank").dispatch, self.world.now()
        if dispatch.outlet.is_open():
            return False
        found: list[Any] = []
        self.world.store.due(dispatch.queue, now, 1).addCallback(found.extend)
        self.world.turn()
        return bool(found)

    def look(self) -> None:
        """It is paged once in every interval in which it sleeps, and the intervals grow."""
        now, calls = self.world.clock.seconds(), self.telephone.calls
        assert all(b - a >= SECONDS for a, b in pairwise(calls)), calls
        was_due = self.since is not None
        dispatch = self.world.centre.customer("bank").dispatch
        if not dispatch.is_asleep:
            self.asleep = None
        elif self.asleep is None:
            self.asleep = now
        if any(each > self.looked for each in calls):
            assert was_due or self.is_due() or now - self.looked > STEP, "paged for nothing"
        if not self.is_due():
            self.since = None
        elif self.since is None:
            self.since = now
        elif not self.telephone.open:  # one call at a time
            last = max([self.since, self.freed, *calls])
            assert now - last <= self.most(last) + 2 * STEP, f"not paged for {now - last:g} s"
        self.looked = now

    def most(self, last: float) -> float:
        """Seconds until the next page: each takes twice as long as the one before."""
        if self.longest == SECONDS or self.asleep is None:
            return SECONDS
        return min(max(last - self.asleep, 0) + SECONDS, self.longest) + SECONDS

    def run(self, moves: int) -> None:
        known = [self.submit, self.submit, self.cancel, self.wake, self.sleep, self.answer]
        known += [self.crash, *[self.pass_time] * 5]
        for _ in range(moves):
            self.random.choice(known)()
            self.world.turn()
            self.look()
        self.world.answers["bank"] = None
        self.answer()
        self.sleep()
        self.wake()
        self.world.turn(600)
        assert self.world.centre.pager is not None
        assert self.world.centre.pager._calls == {}, "it is paged although it is there"
        self.telephone.hang_up()
        self.world.end()


@both_stores
@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_an_esme_that_sleeps_is_paged_again_and_again(
    kind: str, first: int, tmp_path: Path
) -> None:
    calls = 0
    for seed in range(first, first + 20):
        path = tmp_path / str(seed)
        path.mkdir()
        night = Night(seed, kind, path)
        with capturedLogs() as logs:
            try:
                night.run(30)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}: {error}") from error
        calls += night.count + len(night.telephone.calls)
        assert [each for each in logs if each["log_level"] >= LogLevel.error] == []
    assert calls > 20


def paged(world: World, **settings: Any) -> Telephone:
    telephone = Telephone(world)
    world.centre.pager = Pager(
        world.service.factory,
        {"bank": telephone},
        system_id="centre",
        clock=world.clock,
        **settings,
    )
    return telephone


def test_a_thousand_messages_are_one_page(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes(p49=to_account("bank")))
    telephone = paged(world)
    shop = world.bound()
    for _ in range(1000):
        shop.esme.submit_sm(destination_addr="491")
    world.turn(59)
    assert len(telephone.calls) == 1
    world.turn(121)
    assert len(telephone.calls) == 3
    telephone.hang_up()
    world.end()


def test_whoever_goes_before_all_is_delivered_is_paged(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes(p49=to_account("bank")))
    telephone = paged(world, seconds=10)
    shop = world.bound()
    bank = world.bound("bank")
    world.answers["bank"] = lambda _: Deferred()
    for _ in range(3):
        world.submit(shop)
    bank.drop()
    world.turn()
    assert len(telephone.calls) == 1
    telephone.hang_up()
    world.end()


def test_what_is_scheduled_wakes_nobody_before_its_time(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes(p49=to_account("bank")))
    telephone = paged(world)
    world.submit(world.bound(), schedule_delivery_time="000000010000000R")
    world.turn(3590)
    assert telephone.calls == []
    world.turn(30)
    assert len(telephone.calls) == 1
    telephone.hang_up()
    world.end()


def test_who_cannot_be_reached_is_told_once(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes(p49=to_account("bank")))
    telephone = paged(world, longest=60)
    telephone.how = "refused"
    with capturedLogs() as logs:
        world.submit(world.bound())
        world.turn(300)
        assert len(telephone.calls) == 6
        telephone.how = "taken"
        world.turn(60)
        telephone.how = "refused"
        world.turn(120)
    told = [each for each in logs if "could not be paged" in each["log_format"]]
    assert len(told) == 2
    telephone.hang_up()
    world.end()


def test_a_store_that_does_not_answer_is_asked_again(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes(p49=to_account("bank")))
    telephone = paged(world)
    shop = world.bound()
    due = world.store.due
    world.store.due = lambda *_: fail(StoreFailed("", "not now"))
    world.submit(shop)
    world.turn(30)
    assert telephone.calls == []
    world.store.due = due
    world.turn(31)
    assert len(telephone.calls) == 1
    telephone.hang_up()
    world.end()


def test_alerts_do_not_pile_up_behind_a_peer_that_does_not_read(tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    bank = world.bound("bank", interface_version=V5_0)
    bank.esme_transport.reading = False
    with capturedLogs():
        for _ in range(20_000):
            world.centre.alert("bank", "491")
        assert (
            len(bank.smsc_transport.written)
            + sum(len(octets) for _, octets, _ in bank.smsc._waiting or ())
            <= 262_144
        )
    bank.esme_transport.reading = True
    world.turn(1)
    assert bank.esme.bound
    world.end()
