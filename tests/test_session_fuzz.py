"""Random sessions of both roles with a peer that says anything, in memory, on a clock.

The invariants, whatever the peer says, however it is cut and whenever it stops reading:

- nothing raises out of the protocol and nothing but what applications raise is logged;
- each request of the peer gets exactly one response with its number, or the connection
  ends; no number ever gets more responses than it had requests;
- every Deferred of ours fires exactly once;
- what is held of the peer's octets and for the peer is bounded;
- after the end no timer is left.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import Any

import pytest
from mutator import Mutator
from pairs import ignore
from sessions import BIND_FOR, V3_3, V3_4, V5_0, frames, message
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, eventAsText
from wire_data import SAMPLES, frame

from twisted_smpp.errors import RequestRefused
from twisted_smpp.events import Timers
from twisted_smpp.factory import ESMEFactory, SMSCFactory
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.states import BOUND, Role, State
from twisted_smpp.testing import MemoryTransport
from twisted_smpp.wire.framing import MAX_PDU
from twisted_smpp.wire.pdu import decode, registry
from twisted_smpp.wire.pdus import (
    AlertNotification,
    DataSMResp,
    EnquireLink,
    GenericNack,
    SubmitSMResp,
    Unbind,
)

SESSIONS = 3000 if os.environ.get("CI") else 300
BATCHES = 10
STEPS = 40
#: A full buffer, as much beyond it, and what one read may add.
MOST_WRITTEN = 256 * 1024
MOST_READ = MAX_PDU + 64 * 1024


class AppError(Exception):
    """What the application of these sessions raises."""


class Peer:
    """The protocol at the other end: it only keeps what it gets."""

    def __init__(self) -> None:
        self.lost = 0

    def connectionLost(self, reason: Any) -> None:
        self.lost += 1


class FuzzedSession:
    """One connection under test, and what passed on it."""

    def __init__(self, seed: int) -> None:
        self.chance = chance = Random(seed)
        self.mutator = Mutator(seed)
        self.clock = Clock()
        self.role = chance.choice(list(Role))
        self.calm = False
        self.promised: list[list[Any]] = []
        self.owed: list[Deferred[Any]] = []
        self.stream = b""
        self.answers: list[tuple[int, int]] = []
        self.ours: list[tuple[int, int]] = []
        self.unbound_enquiries: Counter[int] = Counter()
        settings: dict[str, Any] = {
            "on_request": self.application,
            "clock": self.clock,
            "window": chance.choice([1, 3, 10]),
            "max_waiting": chance.choice([0, 5, 1000]),
            "max_unanswered": chance.choice([1, 4, 100]),
            "timers": chance.choice([Timers(), Timers(response=3, enquire_interval=5, idle=60)]),
            "interface_version": chance.choice([V3_3, V3_4, V5_0]),
            "taps": chance.choice([[], [ignore]]),
        }
        factory: Any
        if self.role is Role.MC:
            factory = SMSCFactory(self.application, **settings)
        else:
            modes = ["transmitter", "receiver", "transceiver"]
            mode = chance.choice(modes[:2] if settings["interface_version"] is V3_3 else modes)
            factory = ESMEFactory("esme", "pw", bind=mode, on_refused=ignore, **settings)
        self.protocol: SMPPProtocol = factory.buildProtocol(None)
        self.transport = MemoryTransport(self.clock, "fuzzed")
        self.other = MemoryTransport(self.clock, "peer")
        self.transport.other, self.other.other = self.other, self.transport
        self.transport.protocol, self.other.protocol = self.protocol, Peer()
        self.protocol.makeConnection(self.transport)

    # The application.

    def application(self, session: Any, request: Any) -> Any:
        pick = self.chance.randrange(12)
        if self.calm or pick < 5:
            return None
        if pick == 5:
            raise RequestRefused(self.chance.choice([0x08, 0x58, 0x0B]))
        if pick == 6:
            raise AppError
        if pick == 7:
            return self.chance.choice([0, 0x0B, 1 << 40, "text", DataSMResp(), object()])
        if pick == 8 and request.answer is not None:
            return request.answer()
        if pick == 9:
            return self.coroutine()
        deferred: Deferred[Any] = Deferred()
        self.owed.append(deferred)
        return deferred

    async def coroutine(self) -> Any:
        if self.chance.random() < 0.3:
            raise AppError
        return None

    # What may happen.

    def step(self) -> None:
        choices = [
            (self.good, 8),
            (self.bind, 3),
            (self.respond, 6),
            (self.malformed, 1.0),
            (self.garbage, 0.1),
            (self.part, 0.3),
            (self.flood, 0.5),
            (self.read, 5),
            (self.wait, 4),
            (self.ask, 5),
            (self.cancel, 1),
            (self.pay, 4),
            (self.pause, 0.5),
            (self.end, 0.1),
        ]
        what = self.chance.choices([c for c, _ in choices], [w for _, w in choices])[0]
        what()
        self.check()

    def give(self, octets: bytes) -> None:
        """Octets of the peer arrive, in pieces, as long as they are read."""
        for piece in self.mutator.cut(octets) if len(octets) < 2000 else [octets]:
            if self.transport.lost or not self.transport.reading or self.transport.disconnecting:
                return
            self.stream += piece
            self.protocol.dataReceived(piece)
            if self.protocol.state not in BOUND:
                self.note_enquiries(piece)

    def note_enquiries(self, piece: bytes) -> None:
        # Before the bind only five are answered: those numbers may lack an answer.
        for octets in whole_frames(self.stream)[0]:
            if octets[4:8] == b"\0\0\0\x15":
                self.unbound_enquiries[int.from_bytes(octets[12:16], "big")] += 1

    def number(self) -> int:
        return self.chance.choice([self.chance.randrange(1, 9), self.chance.getrandbits(32), 0])

    def good(self) -> None:
        octets = self.chance.choice(SAMPLES)
        if self.chance.random() < 0.6:
            octets = message(self.role.peer).encode()
        self.give(octets[:12] + self.number().to_bytes(4, "big") + octets[16:])

    def bind(self) -> None:
        if self.role is Role.MC:
            cls = self.chance.choice(list(BIND_FOR.values()))
            version = self.chance.choice([0, 0x33, 0x34, 0x50, 0xFF])
            self.give(cls(interface_version=version, sequence_number=self.number()).encode())
        else:
            self.respond()

    def respond(self) -> None:
        """To a request of ours, mostly rightly."""
        self.read()
        if not self.ours:
            return
        command_id, number = self.ours.pop(self.chance.randrange(len(self.ours)))
        cls: Any = registry[command_id].answer
        if cls is None:
            return
        pick = self.chance.randrange(12)
        status = 0 if pick < 9 else self.chance.choice([0x58, 0x0D, 0xFFFFFFFF])
        if pick == 8:
            cls = self.chance.choice([GenericNack, SubmitSMResp, DataSMResp])
        octets = cls(command_status=status, sequence_number=number).encode()
        self.give(octets * self.chance.choice([1, 1, 1, 2]))

    def malformed(self) -> None:
        self.give(self.mutator.frame())

    def garbage(self) -> None:
        self.give(self.chance.randbytes(self.chance.randrange(1, 60)))

    def part(self) -> None:
        octets = message(self.role.peer).encode()
        self.give(octets[: self.chance.randrange(1, len(octets))])

    def flood(self) -> None:
        octets = self.chance.choice([frame(0x15, number=3), message(self.role.peer).encode()])
        self.give(octets * self.chance.randrange(100, 1000))

    def read(self) -> None:
        count = self.chance.choice([len(self.transport.written), 10])
        self.take(count)

    def take(self, count: int) -> None:
        # Whole PDUs, so that each can be looked at.
        whole, _ = whole_frames(self.transport.written)
        taken = 0
        for octets in whole:
            if taken >= count:
                break
            taken += len(octets)
            pdu = decode(octets)
            note = (pdu.command_id, pdu.sequence_number)
            (self.answers if pdu.is_response else self.ours).append(note)
        self.transport.taken(taken)

    def wait(self) -> None:
        self.clock.advance(self.chance.choice([0, 0.1, 1, 3, 11]))

    def ask(self) -> None:
        pdu: Any = self.chance.choice(
            [message(self.role), message(self.role), EnquireLink(), AlertNotification()]
        )
        fired: list[Any] = []
        deferred = self.protocol.request(pdu)
        deferred.addBoth(fired.append)
        self.promised.append([deferred, fired])

    def cancel(self) -> None:
        waiting = [deferred for deferred, fired in self.promised if not fired]
        if waiting:
            self.chance.choice(waiting).cancel()

    def pay(self) -> None:
        if self.owed:
            deferred = self.owed.pop(self.chance.randrange(len(self.owed)))
            if self.chance.random() < 0.2:
                deferred.errback(AppError())
            else:
                deferred.callback(self.chance.choice([None, 0, 8, "text"]))

    def pause(self) -> None:
        self.protocol.pause_reading()
        if self.chance.random() < 0.8:
            self.protocol.resume_reading()

    def end(self) -> None:
        pick = self.chance.randrange(4)
        if pick == 0:
            self.protocol.unbind()
        elif pick == 1:
            self.protocol.abort()
        elif pick == 2:
            self.give(Unbind(sequence_number=self.number()).encode())
        else:
            self.other.cut()

    # What must hold.

    def check(self) -> None:
        assert len(self.transport.written) <= MOST_WRITTEN
        session = self.protocol.session
        assert session.framing.partial <= MOST_READ
        assert 0 <= session.in_flight <= session.window
        assert isinstance(session.state, State)
        assert len(self.clock.getDelayedCalls()) <= 2  # the heartbeat, and an abort

    def settle(self) -> None:
        """The peer behaves; everything that is owed must come."""
        self.calm = True
        self.protocol.resume_reading()
        for _ in range(40):
            while self.owed:
                self.owed.pop().callback(None)
            if self.transport.lost:
                return
            self.take(len(self.transport.written))
            for command_id, number in self.ours:
                if command_id == EnquireLink.command_id and self.transport.reading:
                    self.give(frame(0x80000015, number=number))
            self.ours.clear()
            if self.transport.disconnecting and not self.transport.aborting:
                self.transport.closed()
                return
            self.clock.advance(0.5)

    def finish(self) -> None:
        self.settle()
        ended = self.transport.lost or self.protocol._closing is not None
        self.count(ended)
        self.other.cut()
        self.clock.advance(0)
        assert self.clock.getDelayedCalls() == []
        for deferred, fired in self.promised:
            assert len(fired) == 1, f"{deferred} fired {len(fired)} times"
        assert self.other.protocol.lost == 1
        for deferred in self.owed:
            deferred.callback(None)
        self.clock.advance(1000)

    def count(self, ended: bool) -> None:
        """Exactly one response for each request, or at most one once it has ended."""
        whole, broken = whole_frames(self.stream)
        asked: Counter[int] = Counter()
        # outbind and alert_notification have no response, but in 3.3 they are unknown.
        nacked: Counter[int] = Counter()
        for octets in whole:
            command_id = int.from_bytes(octets[4:8], "big")
            known = registry.get(command_id)
            if command_id < 0x80000000:
                has_response = known is None or known.answer is not None
                (asked if has_response else nacked)[int.from_bytes(octets[12:16], "big")] += 1
        answered = Counter(number for _, number in self.answers)
        for number, count in answered.items():
            # One generic_nack may be for the octets that no boundary is known of.
            spare = nacked[number] + (1 if ended else 0)
            assert count <= asked[number] + spare, f"number {number} was answered {count} times"
        if not ended and not broken:
            for number, count in asked.items():
                lacking = count - answered[number]
                assert lacking <= self.unbound_enquiries[number], f"number {number}: no answer"


def whole_frames(stream: bytes) -> tuple[list[bytes], bool]:
    """The PDUs of a stream up to its end or its first wrong length."""
    whole = []
    while len(stream) >= 16:
        length = int.from_bytes(stream[:4], "big")
        if not 16 <= length <= MAX_PDU:
            return whole, True
        if length > len(stream):
            break
        whole.append(stream[:length])
        stream = stream[length:]
    return whole, False


def run(seed: int) -> FuzzedSession:
    session = FuzzedSession(seed)
    # Most begin with a bind, and then have something to say.
    if session.chance.random() < 0.8:
        session.bind()
    for _ in range(STEPS):
        if session.transport.lost:
            break
        session.step()
    session.finish()
    return session


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_sessions_keep_the_invariants(batch: int, logged_errors: Any) -> None:
    reached: Counter[str] = Counter()
    for seed in range(batch, SESSIONS, BATCHES):
        with capturedLogs() as logs:
            try:
                session = run(seed)
            except BaseException:
                print(f"seed {seed}: run({seed}) does it again")
                raise
        reached[f"{session.role.name} {session.protocol.bind_request is not None}"] += 1
        for event in logs:
            if event["log_level"] >= LogLevel.error:
                assert expected(event), f"seed {seed}: {eventAsText(event)}"
    logged_errors.flush()
    # Both roles, and most of them bound: else this would test little.
    assert reached["MC True"] >= 1
    assert reached["ESME True"] >= 1


def expected(event: Any) -> bool:
    """Whether it is the application's fault that something was logged as an error."""
    failure = event.get("log_failure")
    if failure is None:
        return "the application's answer" in event["log_format"]
    by_application = "the application failed to answer" in (event["log_format"] or "")
    return by_application and bool(failure.check(AppError, TypeError, TimeoutError))


def test_the_same_seed_gives_the_same_session(logged_errors: Any) -> None:
    streams = [(s.stream, s.answers, s.ours) for s in (run(7), run(7))]
    assert streams[0] == streams[1]
    assert frames(frame(0x15)) == [frame(0x15)]
    logged_errors.flush()
