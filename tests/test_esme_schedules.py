"""Ten minutes of bad luck, many times: messages through a service, and what must stay true.

A schedule is made of a number, the seed. It draws the settings of a service, the vices of a
message centre, and what happens when; then the message centre becomes good, and everything has
to come to an end. To see one again: ``pytest "tests/test_esme_schedules.py::test_schedule[17]"``,
or ``Schedule(12345).run()`` for one that is not among them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from esme_kit import ServiceWorld
from message_centre_kit import receipt_of
from twisted.internet.defer import Deferred

from twisted_smpp.esme.message import BY_RECEIPT, Message, MessagePart, Progress
from twisted_smpp.esme.retries import Retries
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.esme.sending import Sending
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import success
from twisted_smpp.text.references import References
from twisted_smpp.values import MessageState

SEEDS = range(400 if os.environ.get("CI") else 40)
MINUTES_10 = 600.0
#: More than this in a second, of the simulation, is a loop.
MOST_EVENTS_AT_ONCE = 500

WAITS = (Progress.QUEUED, Progress.UNKNOWN)
ENDS = (
    MessageState.DELIVERED,
    MessageState.DELIVERED,
    MessageState.DELIVERED,
    MessageState.UNDELIVERABLE,
    MessageState.EXPIRED,
)
#: How a message centre writes an id in its responses and in its receipts.
WRITINGS: dict[str, tuple[Callable[[int], str], Callable[[int], str]]] = {
    "alike": (str, str),
    "hexadecimal, then decimal": (lambda number: f"{number:x}", str),
    "decimal, then hexadecimal": (str, lambda number: f"{number:x}"),
    "upper case, then lower": (lambda number: f"Q{number:X}", lambda number: f"q{number:x}"),
    "with zeros, then without": (lambda number: f"00{number}", str),
}

Key = tuple[str, bytes]


class Vices:
    """What a message centre does wrong, and how often; a good one has none."""

    NAMES = (
        "throttles",
        "is full",
        "refuses for now",
        "refuses for good",
        "forgets the bind",
        "loses a response",
        "loses a request",
        "answers slowly",
        "answers late",
        "refuses late",
        "answers twice",
        "loses a receipt",
        "sends a receipt early",
        "sends a receipt twice",
        "says something on the way",
    )

    def __init__(self, random: Random) -> None:
        self._random = random
        self._chances = {
            name: random.random() * 0.3 if random.random() < 0.4 else 0.0 for name in self.NAMES
        }
        # It makes every message in the window begin anew, with a new session.
        self._chances["forgets the bind"] *= 0.1

    def has(self, name: str) -> bool:
        return self._random.random() < self._chances[name]

    def end(self) -> None:
        self._chances = dict.fromkeys(self.NAMES, 0.0)


class MessageCentre:
    """Remembers what was delivered, whatever it answers."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._clock = world.clock
        self._random = random
        self.vices = Vices(random)
        self.delivered: Counter[Key] = Counter()
        self.said: dict[str, set[int]] = {}
        self.submissions = 0
        #: Sessions that it knows no more, and how much was still sent on them.
        self._left: dict[Any, int] = {}
        self._number = 0xA0000000
        self._writes, self._writes_in_receipts = random.choice(list(WRITINGS.values()))
        self._receipts: list[Any] = []

    def on_request(self, session: Any, request: Any) -> Any:
        self.submissions += 1
        if session in self._left:
            self._left[session] += 1
            most = self._world.service.factory.window
            assert self._left[session] < most, "it goes on with a session at fault"
        has = self.vices.has
        if has("throttles"):
            return S.ESME_RTHROTTLED
        if has("is full"):
            return S.ESME_RMSGQFUL
        if has("refuses for now"):
            return self._random.choice([S.ESME_RSYSERR, S.ESME_RSUBMITFAIL, 0x0400])
        if has("refuses for good"):
            return self._random.choice([S.ESME_RINVDSTADR, S.ESME_RX_P_APPN])
        if has("forgets the bind"):
            self._left.setdefault(session, 0)
            return self._random.choice([S.ESME_RINVBNDSTS, S.ESME_RINVCMDID])
        if has("loses a request"):
            return Deferred()
        if has("refuses late"):
            status = self._random.choice([S.ESME_RINVDSTADR, S.ESME_RTHROTTLED, S.ESME_RSYSERR])
            return self._later(status, 30, 40)
        return self._accept(session, request)

    def _accept(self, session: Any, request: Any) -> Any:
        self.delivered[request.destination_addr, request.short_message] += 1
        self._number += self._random.randrange(1, 100)
        message_id = self._writes(self._number)
        has = self.vices.has
        response = request.answer(message_id=message_id)
        if request.registered_delivery:
            self._plan_receipts(message_id, self._writes_in_receipts(self._number))
        if has("loses a response"):
            return Deferred()
        if has("answers late"):
            return self._later(response, 30, 45)
        if has("answers slowly"):
            return self._later(response, 0, 5)
        if has("answers twice"):
            response.sequence_number = request.sequence_number
            session.transport.write(response.encode())
        return response

    def _later(self, answer: Any, least: float, most: float) -> Deferred[Any]:
        deferred: Deferred[Any] = Deferred()
        self._clock.callLater(self._random.uniform(least, most), deferred.callback, answer)
        return deferred

    def _plan_receipts(self, message_id: str, in_receipts: str) -> None:
        end = self._random.choice(ENDS)
        self.said[message_id] = {end}
        early = self.vices.has("sends a receipt early")
        seconds = 0.0 if early else self._random.uniform(0, 120)
        if self.vices.has("says something on the way"):
            self._receipt(seconds / 2, "", in_receipts, MessageState.ENROUTE)
        if self.vices.has("loses a receipt"):
            return
        self._receipt(seconds, message_id, in_receipts, end)
        if self.vices.has("sends a receipt twice"):
            other = self._random.choice(ENDS)
            self.said[message_id].add(other)  # when the first is lost, this one comes first
            seconds += self._random.uniform(0, 60)
            self._receipt(seconds, message_id, in_receipts, other)

    def _receipt(self, seconds: float, *receipt: Any) -> None:
        """The id in the response, that in the receipt, and the state."""
        if seconds:
            self._clock.callLater(seconds, self._receipt, 0.0, *receipt)
        else:
            self._receipts.append(receipt)

    def deliver(self) -> None:
        """Sends the receipts that wait, on whatever link there is; again if they are lost."""
        session = self._world.session
        if session is None or not session.bound:
            return
        receipts, self._receipts = self._receipts, []
        for receipt in receipts:
            in_receipts, state = receipt[1:]
            fields = receipt_of(in_receipts, state).fields_of_pdu()
            # Without the TLV on some days: then the text has to do.
            if self._random.random() < 0.5:
                fields["tlvs"] = {}
            response = session.deliver_sm(**fields)
            response.addCallbacks(
                self._heard, self._again, callbackArgs=receipt[:1], errbackArgs=[receipt]
            )

    def _heard(self, _: Any, message_id: str) -> None:
        self._world.heard.add(message_id)

    def _again(self, _: Any, receipt: Any) -> None:
        self._receipts.append(receipt)


class Recorder(SMPPProtocol):
    """A session that tells what is sent on it."""

    world: World

    def request(
        self, pdu: Any, octets: bytes | None = None, told: Any = None, flush: bool = True
    ) -> Any:
        if pdu.command == "submit_sm":
            assert self.world.service.running, "sent after the stop"
            self.world.sent((pdu.destination_addr, pdu.short_message))
        return super().request(pdu, octets, told, flush)


class World(ServiceWorld):
    """The service, the connections, and what is known of every part."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.parts: dict[Key, MessagePart] = {}
        self.ends: dict[MessagePart, Progress] = {}
        self.finals: Counter[Message] = Counter()
        #: The ids whose last receipts were taken.
        self.heard: set[str] = set()
        #: In the order of their first attempts.
        self.attempted: dict[Key, None] = {}
        self._in_order = 0
        self._dead: set[int] = set()
        self.service.factory.protocol = type("Protocol", (Recorder,), {"world": self})

    @property
    def session(self) -> Any:
        """The message centre's end of the present connection."""
        if not self.endpoint.ends or self.endpoint.ends[-1][1].lost:
            return None
        return self.endpoint.ends[-1][1].protocol

    def sent(self, key: Key) -> None:
        self.attempted.setdefault(key)

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
        """Octets between the ends of the connection, unless it is dead; there is one at a time."""
        for ends in self.endpoint.ends[-1:]:
            moved = id(ends) not in self._dead
            while moved:
                moved = False
                for end in ends:
                    if end.written and end.other.reading and not end.other.lost:
                        end.other.protocol.dataReceived(end.taken(len(end.written)))
                        moved = True
                    if end.disconnecting and not (end.aborting or end.written or end.lost):
                        end.closed()
                        moved = True

    def dies(self) -> None:
        """The connection is half-open: nobody is told, and nothing arrives any more."""
        if self.endpoint.ends:
            self._dead.add(id(self.endpoint.ends[-1]))

    # What must be true after every event.

    def check(self) -> None:
        sender, window = self.service.sender, self.service.factory.window
        session = self.service.session
        used = 0
        if session is not None:
            used = session.session.in_flight + len(session._waiting or ())
            assert session.session.in_flight <= window
        assert sender.in_flight == used <= window, "a place in the window is lost"
        on_their_way = set(sender.parts())
        for part in self.parts.values():
            progress = part.progress
            if part in self.ends:
                assert progress is self.ends[part], f"{part} was {self.ends[part]!r}"
            elif progress.final:
                self.ends[part] = progress
                if progress is Progress.UNCONFIRMED:
                    heard = self.heard.intersection(part.message_ids)
                    assert not heard, f"{part}, and its receipt was taken"
            elif progress is not Progress.ACCEPTED:
                assert part in on_their_way, f"{part} is forgotten"
        assert sender.held == sum(part.progress is Progress.HELD for part in on_their_way)
        assert sender.waiting >= sum(part.progress in WAITS for part in on_their_way)
        if len(self.attempted) > self._in_order:
            orders = [self.parts[key].order for key in self.attempted]
            assert orders == sorted(orders), "first attempts out of order"
            self._in_order = len(orders)


class Schedule:
    """What happens, by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.policy = policy = random.choice([*UnknownPolicy, UnknownPolicy.RESEND])
        self.most_resends = random.choice([0, 1, 3, 3])
        self.world = World(
            random=random.random,
            window=random.choice([1, 2, 5, 10, 20]),
            drain=random.choice([2.0, 30.0]),
            references=References(random=random),
            sending=Sending(
                rate=random.choice([None, None, 5.0, 50.0]),
                retries=Retries(
                    delays=(1.0, 5.0, 20.0),
                    attempts=random.choice([3, 20]),
                    unknown_resends=self.most_resends,
                ),
                unknown=policy,
                receipt_seconds=300.0,
                parked_seconds=200.0,
            ),
        )
        self.clock = self.world.clock
        self.service = self.world.service
        self.centre = MessageCentre(self.world, random)
        smsc = self.world.endpoint.smsc
        smsc.on_request = self.centre.on_request
        smsc.answer_timeout, smsc.max_unanswered, smsc.window = 1e6, 1_000_000, 1_000_000
        self.messages: list[Message] = []
        self.unreachable = random.choice([0.0, 0.0, 0.3])
        self._stopping: Deferred[Any] | None = None
        self._plan()

    def _plan(self) -> None:
        random = self.random
        at = self.clock.callLater
        self.clock.callLater(random.uniform(0, 5), self.service.startService)
        for _ in range(random.randrange(5, 40)):
            at(random.uniform(0, MINUTES_10), self.send, random.choice([1, 1, 1, 2, 5]))
        breaks = (self.world.endpoint.drops, self.drop_in_the_midst, self.world.dies, self.unbind)
        for action in (*breaks, self.restart):
            if random.random() < 0.5:
                for _ in range(random.randrange(1, 5)):
                    at(random.uniform(0, MINUTES_10), self._if_bound, action)
        for seconds in range(20, int(MINUTES_10), 20):
            at(float(seconds), self.decide)

    # What may happen.

    def _if_bound(self, action: Callable[[], object]) -> None:
        if self.world.session is not None and self.world.session.bound:
            action()

    def send(self, count: int) -> None:
        random = self.random
        for _ in range(count):
            validity = random.choice([None, None, None, random.randrange(1, 120)])
            message = self.service.send(
                f"49{len(self.messages):08d}",
                f"{len(self.messages):05d}" + "x" * random.choice([10, 10, 10, 200, 400]),
                receipt=random.random() < 0.8,
                validity=None if validity is None else timedelta(seconds=validity),
            )
            self.messages.append(message)
            self.world.watch(message)
            if random.random() < 0.1:
                message.on_progress = lambda message: message.progress

    def drop_in_the_midst(self) -> None:
        """What was just written, by either side, does not arrive."""
        self.send(3)
        self.centre.deliver()
        for end in self.world.endpoint.ends[-1]:
            end.written = b""
        self.world.endpoint.drops()

    def unbind(self) -> None:
        self.world.session.unbind(drain=1.0)

    def restart(self) -> None:
        self._stopping = self.service.stopService()
        self.clock.callLater(self.random.uniform(0, 60), self.service.startService)

    def decide(self) -> None:
        """About what is held."""
        for part in sorted(self.service.sender._held):
            if self.random.random() < 0.5:
                self.service.sender.resend(part)
            elif self.random.random() < 0.3:
                self.service.sender.give_up(part)

    def connect(self) -> None:
        if self.world.endpoint.waiting:
            if self.random.random() < self.unreachable:
                self.world.endpoint.refuses()
            else:
                self.world.endpoint.accepts()

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
        self.service.startService()
        assert self.clock.seconds() < MINUTES_10 + 60
        self.until(lambda: self.clock.seconds() >= MINUTES_10 + 61)
        self._give_up()
        deadline = self.clock.seconds() + 2000
        self.until(lambda: self.is_quiet() or self.clock.seconds() > deadline)
        self.judge()
        self.stop()

    def _give_up(self) -> None:
        for part in sorted(self.service.sender._held):
            self.service.sender.give_up(part)

    def is_quiet(self) -> bool:
        self._give_up()
        return bool(self.service.sender.idle and self.service.confirming.idle)

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
        confirming, sender = self.service.confirming, self.service.sender
        assert len(confirming.ids) == len(confirming._parked_ids) == 0
        assert not list(sender.parts())

    def _judge_part(self, part: MessagePart, delivered: int) -> None:
        progress = part.progress
        assert delivered - 1 <= part.unknowns, f"{part}: {delivered} times there"
        if self.policy is UnknownPolicy.FAIL:
            assert delivered <= 1
        if self.policy is UnknownPolicy.RESEND:
            assert part.unknowns <= 1 + self.most_resends
        assert part.session_faults <= 3
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
            said = {BY_RECEIPT[state] for each in part.message_ids for state in self._said(each)}
            assert progress in said, f"{part}: the receipt of another"

    def _said(self, message_id: str) -> set[int]:
        return self.centre.said[message_id]

    def stop(self) -> None:
        stopping = self.service.stopService()
        for _ in range(10):
            self.world.carry()
            self.clock.advance(1)
        assert success(stopping) is None
        assert self.clock.getDelayedCalls() == [], "a timer is left"
        assert self._stopping is None or self._stopping.called


@pytest.mark.parametrize("seed", SEEDS)
def test_schedule(seed: int) -> None:
    try:
        Schedule(seed).run()
    except BaseException:
        print(f"the seed is {seed}")
        raise
