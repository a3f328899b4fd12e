"""Ten minutes of bad luck, many times: deliveries to an application with moods.

The message centre sends the parts of messages in any order and again until each was accepted;
the application takes, refuses, thinks, or never answers; links break. What the message centre
was told to be accepted must have been accepted, whole, by the application. For how to see a
schedule again see ``test_esme_schedules.py``.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import Any

import pytest
from esme_kit import ServiceWorld
from twisted.internet.defer import Deferred

from twisted_smpp.errors import RequestRefused
from twisted_smpp.esme.receiving import Received
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import success
from twisted_smpp.text.rules import Method
from twisted_smpp.text.segments import segments

SEEDS = range(300 if os.environ.get("CI") else 40)
TEN_MINUTES = 600.0
MOODS = ("takes", "takes later", "refuses", "raises", "refuses later", "thinks too long", "hangs")


class Application:
    """Takes some things, and remembers which."""

    def __init__(self, world: ServiceWorld, random: Random) -> None:
        self._clock = world.clock
        self._random = random
        self.moods = random.sample(MOODS, k=random.randrange(1, len(MOODS)))
        self.taken: Counter[str] = Counter()
        self.too_late: Counter[str] = Counter()
        self.in_pieces = 0

    def on_message(self, received: Received) -> Any:
        text = received.text
        assert text is not None
        self.in_pieces += bool(received.missing)
        match self._random.choice([*self.moods, "takes"]):
            case "takes":
                return self._takes(text)
            case "refuses":
                return self._random.choice([S.ESME_RX_T_APPN, S.ESME_RX_P_APPN])
            case "raises":
                raise RequestRefused(S.ESME_RX_T_APPN)
            case "hangs":
                return Deferred()
            case "refuses later":
                return self._later(0.1, 9, S.ESME_RX_T_APPN, "")
            case "thinks too long":
                self.too_late[text] += 1
                return self._later(10.5, 40, None, text)
        return self._later(0.1, 9, None, text)

    def _takes(self, text: str) -> None:
        self.taken[text] += 1

    def _later(self, least: float, most: float, answer: Any, text: str) -> Deferred[Any]:
        deferred: Deferred[Any] = Deferred()
        if text:
            deferred.addCallback(lambda result: self._takes(text))
        self._clock.callLater(self._random.uniform(least, most), deferred.callback, answer)
        return deferred


class Schedule:
    """What happens, by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        settings = {"max_unanswered": random.choice([2, 10, 100]), "random": random.random}
        self.world = ServiceWorld(on_message=lambda each: self.app.on_message(each), **settings)
        self.clock = self.world.clock
        self.app = Application(self.world, random)
        self.world.endpoint.smsc.window = random.choice([1, 10, 100])
        #: The parts that are to be delivered.
        self.parts: list[Any] = []
        self.texts: set[str] = set()
        self.losses = 0
        for number in range(random.randrange(5, 40)):
            self.clock.callLater(random.uniform(0, TEN_MINUTES), self.new_message, number)
        for action in (self.world.endpoint.drops, self.loses, self.restart):
            for _ in range(random.choice([0, 0, 2, 5])):
                self.clock.callLater(random.uniform(0, TEN_MINUTES), self.breaks, action)
        self.world.service.startService()

    def new_message(self, number: int) -> None:
        text = f"{number:05d}" + "x" * self.random.choice([10, 200, 400])
        self.texts.add(text)
        method = self.random.choice(list(Method)[:3])
        pdus = [each.fields for each in segments(text, reference=number, method=method)]
        self.random.shuffle(pdus)
        for fields in pdus:
            self.parts.append({"source_addr": "49171", "destination_addr": "Shop", **fields})

    # Links.

    @property
    def session(self) -> Any:
        ends = self.world.endpoint.ends
        return ends[-1][1].protocol if ends and not ends[-1][1].lost else None

    def breaks(self, action: Any) -> None:
        if self.session is not None and self.session.bound:
            self.losses += 1
            action()

    def loses(self) -> None:
        """What was written last, by either side, does not arrive."""
        self.deliver()
        for end in self.world.endpoint.ends[-1]:
            if self.random.random() < 0.5 and not end.other.lost and end.other.reading:
                end.other.protocol.dataReceived(end.taken(len(end.written)))
            end.written = b""
        self.world.endpoint.drops()

    def restart(self) -> None:
        self.world.service.stopService()
        self.clock.callLater(self.random.uniform(0, 60), self.world.service.startService)

    # The message centre.

    def deliver(self) -> None:
        session = self.session
        if session is None or not session.bound:
            return
        parts, self.parts = self.parts, []
        for fields in parts:
            response = session.deliver_sm(**fields)
            response.addErrback(lambda _, again: self._again(again), fields)

    def _again(self, fields: Any) -> None:
        self.clock.callLater(self.random.uniform(0, 20), lambda: self.parts.append(fields))

    def step(self) -> None:
        due = min(call.getTime() for call in self.clock.getDelayedCalls())
        self.clock.advance(max(0.0, due - self.clock.seconds()))
        self.deliver()
        if self.world.endpoint.waiting:
            self.world.endpoint.accepts()
        self.carry()

    def carry(self) -> None:
        for ends in self.world.endpoint.ends[-1:]:
            moved = True
            while moved:
                moved = False
                for end in ends:
                    if end.written and end.other.reading and not end.other.lost:
                        size = self.random.choice([40, 1000, len(end.written)])
                        end.other.protocol.dataReceived(end.taken(size))
                        moved = True
                    if end.disconnecting and not (end.aborting or end.written or end.lost):
                        end.closed()
                        moved = True

    def run(self) -> None:
        while self.clock.seconds() < TEN_MINUTES:
            self.step()
        self.app.moods = ["takes"]
        self.world.service.startService()
        while self.clock.seconds() < TEN_MINUTES + 1000:
            self.step()
        self.judge()
        stopping = self.world.service.stopService()
        for _ in range(10):
            self.carry()
            self.clock.advance(1)
        assert success(stopping) is None
        assert self.clock.getDelayedCalls() == []

    def judge(self) -> None:
        app = self.app
        assert self.parts == []
        assert set(app.taken) == self.texts, "accepted, and not there"
        assert app.in_pieces == 0
        for text, count in app.taken.items():
            # When the answers to all parts were lost with a link, all come again.
            assert count <= 1 + app.too_late[text] + self.losses, "there once more"
        receiving = self.world.service._receiving
        assert receiving.idle
        assert len(receiving._reassembly) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_schedule(seed: int, logged_errors: Any) -> None:
    try:
        Schedule(seed).run()
    except BaseException:
        print(f"the seed is {seed}")
        raise
    logged_errors.flush(TimeoutError)  # of who hangs or thinks for too long
