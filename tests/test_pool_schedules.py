"""Ten minutes of bad luck on several links, many times, and what must stay true.

As in test_esme_schedules: a seed draws everything, then the message centre becomes good, and
everything has to come to an end. Links drop, are refused, are throttled, drained and restarted
in turn, are added and taken away; receipts come on any of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from esme_kit import Endpoint
from pool_kit import PoolWorld
from test_esme_schedules import MINUTES_10, MessageCentre
from twisted.internet.defer import Deferred

from twisted_smpp.errors import SessionLost
from twisted_smpp.esme.message import BY_RECEIPT, Message, MessagePart, Progress
from twisted_smpp.esme.retries import Retries
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.esme.sending import Sending
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.testing import success
from twisted_smpp.text.references import References

SEEDS = range(100)
MOST_EVENTS_AT_ONCE = 2000
WAITS = (Progress.QUEUED, Progress.UNKNOWN)

Key = tuple[str, bytes]


class Recorder(SMPPProtocol):
    """A session that tells what is sent on it."""

    world: World
    link: Any

    def request(
        self, pdu: Any, octets: bytes | None = None, told: Any = None, flush: bool = True
    ) -> Any:
        if pdu.command == "submit_sm":
            assert self.link.running, "sent after the stop"
            self.world.sent(self.link, (pdu.destination_addr, pdu.short_message))
        return super().request(pdu, octets, told, flush)


class World(PoolWorld):
    """The pool, the connections, and what is known of every part."""

    def __init__(self, random: Random, **settings: Any) -> None:
        self.random = random
        #: What the message centre of the other schedules asks for.
        #: An answer that it gives twice overtakes others, so that there may be more in a window.
        window = 2 * settings["window"]
        self.service = SimpleNamespace(factory=SimpleNamespace(window=window))
        self.parts: dict[Key, MessagePart] = {}
        self.ends: dict[MessagePart, Progress] = {}
        self.finals: Counter[Message] = Counter()
        self.heard: set[str] = set()
        #: First attempts to each destination, by the order of the parts.
        self.attempted: dict[str, dict[Key, None]] = defaultdict(dict)
        self._dead: set[int] = set()
        super().__init__(random=random.random, **settings)
        for link in self.links:
            self.record(link)

    def record(self, link: Any) -> None:
        link.factory.protocol = type("Protocol", (Recorder,), {"world": self, "link": link})

    def new_endpoint(self) -> Endpoint:
        endpoint = super().new_endpoint()
        smsc = endpoint.smsc
        smsc.on_request = lambda session, request: self.centre.on_request(session, request)
        smsc.answer_timeout, smsc.max_unanswered, smsc.window = 1e6, 1_000_000, 1_000_000
        return endpoint

    @property
    def session(self) -> Any:
        """The message centre's end of some connection."""
        ends = [each.ends[-1] for each in self.endpoints if each.ends and not each.ends[-1][1].lost]
        bound = [end.protocol for _, end in ends if end.protocol.bound]
        return self.random.choice(bound) if bound else None

    def sent(self, link: Any, key: Key) -> None:
        self.attempted[key[0]].setdefault(key)
        if self.ordered:
            for other in self.links:
                if other is not link:
                    for part in other.sender._in_flight:
                        same = part.message.destination == key[0]
                        assert not (same and part.progress is Progress.SENDING), "on two links"

    def watch(self, message: Message) -> None:
        for part in message.parts:
            key = message.destination, part.segment.short_message
            assert key not in self.parts
            self.parts[key] = part
        message.final.addCallback(self._final)
        message.submitted.addBoth(lambda _: None)

    def _final(self, message: Message) -> None:
        assert all(part.progress.final for part in message.parts)
        self.finals[message] += 1

    def carry(self) -> None:
        """Octets between the ends of the connections, unless they are dead."""
        moved = True
        while moved:
            moved = False
            for endpoint in self.endpoints:
                for ends in endpoint.ends[-1:]:
                    if id(ends) in self._dead:
                        continue
                    for end in ends:
                        if end.written and end.other.reading and not end.other.lost:
                            end.other.protocol.dataReceived(end.taken(len(end.written)))
                            moved = True
                        if end.disconnecting and not (end.aborting or end.written or end.lost):
                            end.closed()
                            moved = True

    def dies(self, endpoint: Endpoint) -> None:
        self._dead.add(id(endpoint.ends[-1]))

    # What must be true after every event.

    def check(self) -> None:
        pool = self.pool
        for link in self.links:
            self._check_link(link)
        on_their_way = Counter(pool.parts())
        for part in self.parts.values():
            progress = part.progress
            if part in self.ends:
                assert progress is self.ends[part], f"{part} was {self.ends[part]!r}"
            elif progress.final:
                self.ends[part] = progress
            elif progress is not Progress.ACCEPTED:
                assert on_their_way[part] == 1, f"{part} is in {on_their_way[part]} places"
        assert pool.held == sum(part.progress is Progress.HELD for part in on_their_way)
        assert pool.waiting >= sum(part.progress in WAITS for part in on_their_way)

    def _check_link(self, link: Any) -> None:
        sender, session, used = link.sender, link.session, 0
        if session is not None:
            used = session.session.in_flight + len(session._waiting or ())
        assert sender.in_flight == used <= link.factory.window, "a place in the window is lost"
        if session is None or not link.running:
            assert not sender.waiting, "it waits with a link that sends nothing"

    def check_order(self) -> None:
        for destination, attempted in self.attempted.items():
            orders = [self.parts[key].order for key in attempted]
            assert orders == sorted(orders), f"first attempts to {destination} out of order"

    ordered = False
    centre: Any = None


class Schedule:
    """What happens, by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.policy = random.choice([*UnknownPolicy, UnknownPolicy.RESEND])
        self.most_resends = random.choice([0, 1, 3, 3])
        self.ordered = random.random() < 0.5
        rate = random.choice([None, None, 5.0, 50.0])
        each = random.choice([None, None, 5.0])
        binds = random.choice([1, 2, 2, 3, 4, {"transmitter": 2, "receiver": 1}])
        self.world = World(
            random,
            binds=binds,
            ordered=self.ordered,
            rate=rate,
            window=random.choice([1, 2, 5, 10, 20]),
            drain=random.choice([2.0, 30.0]),
            references=References(random=random),
            sending=Sending(
                rate=each,
                retries=Retries(
                    delays=(1.0, 5.0, 20.0),
                    attempts=random.choice([3, 20]),
                    unknown_resends=self.most_resends,
                ),
                unknown=self.policy,
                receipt_seconds=300.0,
                parked_seconds=200.0,
            ),
        )
        self.world.ordered = self.ordered
        self.pool, self.clock = self.world.pool, self.world.clock
        self.centre = self.world.centre = MessageCentre(self.world, random)
        self.messages: list[Message] = []
        self.unreachable = random.choice([0.0, 0.0, 0.3])
        self.most_links = len(self.world.links) + 2
        self.waits: list[Deferred[Any]] = []
        self.leaving = 0
        self._plan()

    def _plan(self) -> None:
        random, at = self.random, self.clock.callLater
        at(random.uniform(0, 5), self.pool.startService)
        for _ in range(random.randrange(5, 40)):
            at(random.uniform(0, MINUTES_10), self.send, random.choice([1, 1, 2, 5, 20]))
        losses = (self.drop, self.drop_in_the_midst, self.die, self.unbind)
        ours = (self.drain, self.restart, self.roll, self.add, self.remove, self.stop_and_start)
        for action in (*losses, *ours):
            if random.random() < 0.4:
                for _ in range(random.randrange(1, 5)):
                    at(random.uniform(0, MINUTES_10), action)
        for seconds in range(20, int(MINUTES_10), 20):
            at(float(seconds), self.decide)

    # What may happen.

    def send(self, count: int) -> None:
        random = self.random
        for _ in range(count):
            validity = random.choice([None, None, None, random.randrange(1, 120)])
            message = self.pool.send(
                f"49{random.randrange(8):08d}",
                f"{len(self.messages):05d}" + "x" * random.choice([10, 10, 10, 200, 400]),
                receipt=random.random() < 0.8,
                validity=None if validity is None else timedelta(seconds=validity),
            )
            self.messages.append(message)
            self.world.watch(message)
            if random.random() < 0.1:
                message.on_progress = lambda message: message.progress

    def _endpoint(self) -> Any:
        """One that somebody is bound to; None when nobody is."""
        bound = [
            endpoint
            for endpoint in self.world.endpoints
            if endpoint.ends and endpoint.ends[-1][1].protocol.bound
        ]
        return self.random.choice(bound) if bound else None

    def drop(self) -> None:
        endpoint = self._endpoint()
        if endpoint is not None:
            endpoint.drops()

    def drop_in_the_midst(self) -> None:
        endpoint = self._endpoint()
        if endpoint is not None:
            self.send(3)
            self.centre.deliver()
            for end in endpoint.ends[-1]:
                end.written = b""
            endpoint.drops()

    def die(self) -> None:
        endpoint = self._endpoint()
        if endpoint is not None:
            self.world.dies(endpoint)

    def unbind(self) -> None:
        endpoint = self._endpoint()
        if endpoint is not None:
            endpoint.ends[-1][1].protocol.unbind(drain=1.0)

    def stop_and_start(self) -> None:
        self.waits.append(self.pool.stopService())
        self.clock.callLater(self.random.uniform(0, 60), self.pool.startService)

    def _link(self) -> Any:
        return self.random.choice(self.world.links)

    def drain(self) -> None:
        link = self._link()
        drained = self.pool.drain(link)
        self.waits.append(drained)
        self.clock.callLater(self.random.uniform(0, 60), self._again, link)

    def _again(self, link: Any) -> None:
        if link in self.world.links:
            self._may_fail(self.pool.restart(link, timeout=20))

    def restart(self) -> None:
        self._again(self._link())

    def roll(self) -> None:
        if not self.pool._rolling:
            self._may_fail(self.pool.rolling_restart(timeout=self.random.choice([5, 60])))

    def _may_fail(self, restarted: Deferred[Any]) -> None:
        restarted.addErrback(lambda failure: failure.trap(TimeoutError, SessionLost) and None)
        self.waits.append(restarted)

    def add(self) -> None:
        if len(self.world.links) < self.most_links:
            self.world.record(self.pool.add(endpoint=self.world.new_endpoint()))

    def remove(self) -> None:
        if len(self.world.links) - self.leaving > 1:
            self.leaving += 1
            self.waits.append(self.pool.remove(self._link()).addCallback(self._left))

    def _left(self, _: None) -> None:
        self.leaving -= 1

    def decide(self) -> None:
        """About what is held."""
        held = [part for part in self.pool.parts() if part.progress is Progress.HELD]
        for part in sorted(held):
            if self.random.random() < 0.5:
                self.pool.resend(part)
            elif self.random.random() < 0.3:
                self.pool.give_up(part)

    def connect(self) -> None:
        for endpoint in self.world.endpoints:
            # An attempt that was cancelled comes to nothing.
            endpoint.waiting = [each for each in endpoint.waiting if not each[1].called]
            if endpoint.waiting:
                if self.random.random() < self.unreachable:
                    endpoint.refuses()
                else:
                    endpoint.accepts()

    # The course of time.

    def step(self) -> None:
        clock = self.clock
        due = min(call.getTime() for call in clock.getDelayedCalls())
        clock.advance(max(0.0, due - clock.seconds()))
        self.centre.deliver()
        self.connect()
        self.world.carry()
        self.world.check()

    def until(self, done: Callable[[], bool]) -> None:
        """Goes on; a second with too much in it is a loop."""
        second, events = -1, 0
        while not done():
            self.step()
            events = events + 1 if int(self.clock.seconds()) == second else 0
            second = int(self.clock.seconds())
            assert events < MOST_EVENTS_AT_ONCE, f"a loop at {self.clock.seconds()} s"

    def run(self) -> None:
        self.until(lambda: self.clock.seconds() >= MINUTES_10)
        self.centre.vices.end()
        self.unreachable = 0.0
        self.pool.startService()
        self.until(lambda: self.clock.seconds() >= MINUTES_10 + 61)
        if not any(link.bind != "receiver" for link in self.world.links):
            self.add()
        for link in self.world.links:
            if not link.running:
                self._may_fail(self.pool.restart(link))
        for part in sorted(self.pool.parts()):
            self.pool.give_up(part)
        deadline = self.clock.seconds() + 3000
        self.until(lambda: self.is_quiet() or self.clock.seconds() > deadline)
        self.judge()
        self.stop()

    def is_quiet(self) -> bool:
        idle = all(sender.idle for sender in self.pool._senders)
        return idle and bool(self.pool.confirming.idle)

    def judge(self) -> None:
        assert all(message.progress.final for message in self.messages), "no end"
        assert self.world.finals == dict.fromkeys(self.messages, 1)
        for key, part in self.world.parts.items():
            self._judge_part(part, self.centre.delivered[key])
        for message in self.messages:
            surplus = sum(
                max(0, self.centre.delivered[message.destination, part.segment.short_message] - 1)
                for part in message.parts
            )
            assert surplus <= message.possible_duplicates, "a duplicate that was not counted"
        confirming = self.pool.confirming
        assert len(confirming.ids) == len(confirming._parked_ids) == 0
        assert not list(self.pool.parts())
        assert self.pool.waiting == self.pool.in_flight == self.pool.held == 0
        if self.ordered:
            self.world.check_order()
        assert all(each.called for each in self.waits), "somebody waits for ever"

    def _judge_part(self, part: MessagePart, delivered: int) -> None:
        progress = part.progress
        assert delivered - 1 <= part.unknowns, f"{part}: {delivered} times there"
        if self.policy is UnknownPolicy.FAIL:
            assert delivered <= 1
        assert len(part.message_ids) <= delivered, f"{part} has ids that nobody gave it"
        assert part.attempts >= delivered
        if part.failed and not part.unknowns:
            assert not delivered, f"{part} is there"
        if progress in (Progress.FAILED, Progress.LOST):
            return
        if progress is Progress.SENT:
            assert not part.message.wants_receipt
        elif progress is Progress.UNCONFIRMED or not part.message_ids:
            assert progress in (Progress.UNCONFIRMED, Progress.EXPIRED)
        else:
            said = {
                BY_RECEIPT[state] for each in part.message_ids for state in self.centre.said[each]
            }
            assert progress in said, f"{part}: the receipt of another"

    def stop(self) -> None:
        stopping = self.pool.stopService()
        for _ in range(10):
            self.world.carry()
            self.clock.advance(1)
        success(stopping)
        assert self.clock.getDelayedCalls() == [], "a timer is left"
        for each in self.waits:
            success(each)


@pytest.mark.parametrize("seed", SEEDS)
def test_schedule(seed: int) -> None:
    try:
        Schedule(seed).run()
    except BaseException:
        print(f"the seed is {seed}")
        raise
