# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The process ends in any moment: nothing that was stored is lost, and duplicates are counted.

First in every moment of the life of a message; then in random moments of many. To see a schedule
again: ``pytest "tests/test_outbox_crashes.py::test_schedule[17]"``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from esme_kit import Log
from message_centre_kit import text_of
from outbox_kit import Centre, Process
from store_kit import World
from twisted.internet.defer import Deferred

from twisted_smpp.esme.message import Message, Progress
from twisted_smpp.esme.retries import Retries
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.esme.sending import Sending
from twisted_smpp.status import CommandStatus

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = range(300 if os.environ.get("CI") else 100)
# Longer than octets of a schedule can be on their way: a receipt that has waited for longer is
# forgotten by design.
PARKED_SECONDS = 310.0
#: More than this without any time passing is a loop.
MOST_STEPS = 20_000
#: Resends of what is unknown; a schedule crashes far more often.
MOST_RESENDS = 10_000
ACCEPTED = (Progress.DELIVERED, Progress.SENT)


class Honest(Centre):
    """It sends a receipt for what it accepted until one is taken."""

    def __init__(self, random: Random | None = None) -> None:
        super().__init__()
        self.random = random
        self.receipts: list[str] = []
        #: When one was refused: others are tried later.
        self._refused_at: Any = None

    def accept(self, request: Any) -> Any:
        response = super().accept(request)
        if request.registered_delivery:
            self.receipts.append(response.message_id)
        return response

    def send_receipts(self, process: Process) -> bool:
        ends = process.world.endpoint.ends
        if not self.receipts or not ends or ends[-1][1].lost or not process.session.bound:
            return False
        if self._refused_at == process.now():
            return False
        receipts, self.receipts = self.receipts, []
        for message_id in receipts:
            process.receipt(message_id).addErrback(self._again, message_id, process)
        return True

    def _again(self, _: object, message_id: str, process: Process) -> None:
        self._refused_at = process.now()
        self.receipts.append(message_id)


class Life:
    """Messages over several processes."""

    def __init__(self, folder: Path, centre: Honest, **settings: Any) -> None:
        self.centre = centre
        settings.setdefault("sending", Sending(parked_seconds=PARKED_SECONDS))
        self.process = Process(World(folder), centre, **settings)
        self.process.service.log = Log()
        #: By their keys: what was promised, and the present handles.
        self.stored: set[str] = set()
        self.handles: dict[str, Message] = {}
        self.process.service.startService()

    def send(self, parts: int = 1, **more: Any) -> None:
        key = f"{len(self.handles)}"
        message = self.process.send(text_of(parts), to=f"49{key:0>8}", key=key, **more)
        self.handles[key] = message
        message.stored.addCallbacks(lambda _: self.stored.add(key), lambda _: None)

    def step(self) -> bool:
        """One thing that happens next; False when nothing is left but to wait."""
        steps, endpoint = self.process.steps, self.process.world.endpoint
        steps.turn()
        if steps.in_thread:
            steps.work()
        elif steps.back:
            steps.hear()
        elif endpoint.waiting:
            endpoint.accepts()
        else:
            return self._octets() or self.centre.send_receipts(self.process)
        return True

    def _octets(self) -> bool:
        for end in [end for ends in self.process.world.endpoint.ends for end in ends]:
            if end.written and not end.other.lost:
                end.other.protocol.dataReceived(end.taken(len(end.written)))
                return True
            if end.disconnecting and not (end.aborting or end.written or end.lost):
                end.closed()
                return True
        return False

    def crash(self) -> None:
        ends = self.process.world.endpoint.ends
        self.process = self.process.crash()
        for esme, smsc in ends:
            esme.lost = True  # the process is no more, and hears of nothing
            if not smsc.lost:
                smsc.closed()
        self.process.service.log = Log()
        self.process.outbox._on_recovered = self._recovered
        self.process.service.startService()

    def _recovered(self, message: Message) -> None:
        assert message.key in self.handles
        self.handles[message.key] = message

    def rest(self) -> None:
        for _ in range(MOST_STEPS):
            if not self.step():
                return
        raise AssertionError("a loop")

    def finish(self) -> None:
        """Everything becomes good."""
        for _ in range(4000):
            self.rest()
            if self.process.service.sender.idle and not self.centre.receipts:
                break
            self.process.clock.advance(1)
        for _ in range(4):  # receipts of what was accepted, and nobody heard of it
            self.process.clock.advance(PARKED_SECONDS / 2)
            self.rest()

    def judge(self) -> None:
        deliveries = self.centre.deliveries
        for key, message in self.handles.items():
            if key not in self.stored and not message.parts[0].progress.final:
                continue  # the process ended before it was stored: nobody was promised anything
            assert message.progress in ACCEPTED, f"{message}: {message.error}"
            for part in message.parts:
                count = deliveries[message.destination, part.segment.short_message]
                assert count >= 1, f"{part} is lost"
                assert count - 1 <= part.unknowns, f"{part}: {count} times there"
        assert self.process.records() == []
        assert len(self.process.outbox) == len(self.process.outbox._parked) == 0
        self.process.stop()


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("receipt", [True, False], ids=["receipt", "no receipt"])
def test_D17_a_crash_in_every_moment_of_a_message(
    tmp_path: Path, parts: int, receipt: bool
) -> None:
    moments = 0
    ended = False
    while not ended:
        life = Life(tmp_path / f"moment{moments}", Honest())
        life.rest()
        life.send(parts, receipt=receipt)
        for _ in range(moments):
            ended = not life.step()
        life.crash()
        life.finish()
        life.judge()
        moments += 1
    assert moments > (10 if receipt else 7)


class Vices:
    """What a message centre does with a request, by chance."""

    def __init__(self, random: Random, centre: Honest) -> None:
        self.random = random
        self.centre = centre
        self.chances = [random.choice([0.0, 0.2]) for _ in range(5)]

    def __call__(self, request: Any) -> Any:
        accepts, loses, throttles, fails, slow = [
            self.random.random() < chance for chance in self.chances
        ]
        if accepts:
            self.centre.accept(request)
            return Deferred()
        if loses:
            return Deferred()
        if throttles:
            return CommandStatus.ESME_RTHROTTLED
        if fails:
            return CommandStatus.ESME_RSYSERR
        if slow:
            response = self.centre.accept(request)
            later: Deferred[Any] = Deferred()
            self.clock.callLater(self.random.uniform(0, 20), later.callback, response)
            return later
        return None

    clock: Any = None


class Schedule:
    """What happens, by a seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random = Random(seed)
        centre = Honest(random)
        sending = Sending(
            unknown=random.choice([UnknownPolicy.RESEND, UnknownPolicy.RESEND, UnknownPolicy.HOLD]),
            retries=Retries(delays=(1.0, 5.0), attempts=MOST_RESENDS, unknown_resends=MOST_RESENDS),
            parked_seconds=PARKED_SECONDS,
        )
        window = random.choice([1, 3, 10])
        self.life = Life(folder, centre, sending=sending, window=window, random=random.random)
        self.vices = Vices(random, centre)
        centre.answer = self.vices
        self.crashes = random.choice([0.0, 0.05, 0.2])

    def run(self) -> None:
        random, life = self.random, self.life
        events: list[Callable[[], object]] = [
            self.send, self.send, self.drop, self.crash, self.restart, self.decide, self.advance,
            self.advance, self.advance,
        ]  # fmt: skip
        for _ in range(80):
            random.choice(events)()
            self.vices.clock = life.process.clock
            for _ in range(random.randrange(12)):
                life.step()
        life.centre.answer = lambda request: None
        life.rest()
        while life.process.service.sender.held or not life.process.service.sender.idle:
            for part in sorted(life.process.service.sender._held):
                life.process.service.sender.resend(part)
            life.process.clock.advance(5)
            life.rest()
        life.finish()
        life.judge()

    def send(self) -> None:
        for _ in range(self.random.randrange(1, 5)):
            self.life.send(self.random.choice([1, 1, 3]), receipt=self.random.random() < 0.7)

    def drop(self) -> None:
        ends = self.life.process.world.endpoint.ends
        if ends and not ends[-1][0].lost:
            self.life.process.world.endpoint.drops()

    def crash(self) -> None:
        if self.random.random() < 0.7:
            self.life.crash()

    def restart(self) -> None:
        """A stop in order; the process stays."""
        self.life.process.service.stopService()
        for _ in range(self.random.randrange(5)):
            self.life.step()
        self.life.process.service.startService()

    def decide(self) -> None:
        for part in sorted(self.life.process.service.sender._held):
            if self.random.random() < 0.5:
                self.life.process.service.sender.resend(part)

    def advance(self) -> None:
        self.life.process.clock.advance(self.random.choice([0.1, 1.0, 10.0, 31.0]))


@pytest.mark.parametrize("seed", SEEDS)
def test_schedule(seed: int, tmp_path: Path, logged_errors: Any) -> None:
    Schedule(seed, tmp_path / "store").run()
    logged_errors.flush(TimeoutError)  # time may pass while the disk works
