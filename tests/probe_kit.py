"""What the tests of the probe share: a network in memory, and message centres that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esme_kit import FakeReactor
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from zope.interface import implementer

from twisted_smpp import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    CommandStatus,
    DataSM,
    DeliverSM,
    EnquireLink,
    GenericNack,
    InterfaceVersion,
    MessageCentre,
    QuerySM,
    SMSCService,
    State,
    SubmitMulti,
    SubmitSM,
    Unbind,
    UnknownPDU,
)
from twisted_smpp.probe import Probe, Report
from twisted_smpp.probe.findings import Finding, Verdict
from twisted_smpp.testing import MemoryTransport, success
from twisted_smpp.wire.framing import Framing
from twisted_smpp.wire.tlvs import sc_interface_version

BINDS = {
    BindReceiver: State.BOUND_RX,
    BindTransmitter: State.BOUND_TX,
    BindTransceiver: State.BOUND_TRX,
}
#: What a script returns instead of a PDU.
CLOSE = object()


class Centre(Protocol):
    """A message centre that does as the standard says, but for what ``script`` says.

    A script is called with the centre and the PDU; it returns a PDU, octets, a list of them,
    :data:`CLOSE`, or None to be silent.
    """

    def __init__(self, script: dict[type, Callable[[Centre, Any], Any]], seen: list[Any]) -> None:
        self.script = script
        self.seen = seen
        self.framing = Framing()
        self.state: State | None = None

    def dataReceived(self, data: bytes) -> None:
        for pdu in self.framing.receive(data):
            self.seen.append(pdu)
            own = self.script.get(pdu.__class__)
            self.say(own(self, pdu) if own is not None else self.proper(pdu))

    def say(self, answer: Any) -> None:
        for each in answer if isinstance(answer, list) else [answer]:
            if each is CLOSE:
                self.transport.loseConnection()
            elif isinstance(each, bytes):
                self.transport.write(each)
            elif each is not None:
                self.transport.write(each.encode())

    def proper(self, pdu: Any) -> Any:
        """The right answer."""
        if pdu.is_response:
            return None
        if isinstance(pdu, UnknownPDU):
            return nack(pdu, CommandStatus.ESME_RINVCMDID)
        return self.bind(pdu) if pdu.__class__ in BINDS else self.message(pdu)

    def bind(self, pdu: Any) -> Any:
        if self.state is not None:
            return answer(pdu, CommandStatus.ESME_RALYBND)
        self.state = BINDS[pdu.__class__]
        response = answer(pdu, system_id="centre")
        if pdu.interface_version >= InterfaceVersion.V3_4:
            response.tlvs[sc_interface_version] = 0x34
        return response

    def message(self, pdu: Any) -> Any:
        if isinstance(pdu, EnquireLink):
            return answer(pdu)
        if isinstance(pdu, Unbind):
            return [answer(pdu), CLOSE]
        if self.state is State.BOUND_RX:
            return answer(pdu, CommandStatus.ESME_RINVBNDSTS)
        if isinstance(pdu, QuerySM):
            return self.query(pdu)
        if getattr(pdu, "destination_addr", "x") == "":
            return answer(pdu, CommandStatus.ESME_RINVDSTADR)
        if len(getattr(pdu, "short_message", b"")) > 254:
            return answer(pdu, CommandStatus.ESME_RINVMSGLEN)
        return answer(pdu, message_id=f"{len(self.seen):x}")

    def query(self, pdu: Any) -> Any:
        if pdu.message_id == "0":
            return answer(pdu, CommandStatus.ESME_RQUERYFAIL)
        return answer(pdu, message_id=pdu.message_id, message_state=1)


def answer(pdu: Any, status: int = 0, **fields: Any) -> Any:
    """The response to a request."""
    return pdu.answer(command_status=status, sequence_number=pdu.sequence_number, **fields)


def nack(pdu: Any, status: int = 0) -> GenericNack:
    return GenericNack(command_status=status, sequence_number=pdu.sequence_number)


def receipt(message_id: str, text: str = "stat:DELIVRD", number: int = 1) -> DeliverSM:
    return DeliverSM(
        sequence_number=number,
        esm_class=4,
        short_message=f"id:{message_id} {text}".encode(),
    )


@implementer(IStreamClientEndpoint)
class Network:
    """Connects a probe to servers in memory.

    Attributes:
        attempts: how often somebody connected, and when.
        limit: after so many connections nobody listens any more.
    """

    def __init__(self, clock: Clock, server: Factory) -> None:
        self.clock = clock
        self.server = server
        self.attempts: list[float] = []
        self.limit: int | None = None
        self.silent = False
        self.ends: list[MemoryTransport] = []

    def connect(self, factory: Any) -> Deferred[Any]:
        if self.silent:
            return Deferred()
        if self.limit is not None and len(self.attempts) >= self.limit:
            return fail(ConnectionRefusedError())
        self.attempts.append(self.clock.seconds())
        esme, smsc = MemoryTransport(self.clock, "ESME"), MemoryTransport(self.clock, "SMSC")
        esme.other, smsc.other = smsc, esme
        for end, maker in ((esme, factory), (smsc, self.server)):
            end.protocol = maker.buildProtocol(None)
            self.ends.append(end)
        for end in (smsc, esme):
            end.protocol.makeConnection(end)
        return succeed(esme.protocol)

    def flush(self) -> None:
        moved = True
        while moved:
            moved = False
            for end in self.ends:
                if end.written and not end.other.lost and end.other.reading:
                    moved = True
                    end.other.protocol.dataReceived(end.taken(len(end.written)))
                if end.disconnecting and not end.aborting and not end.written and not end.lost:
                    end.closed()
                    moved = True


class World:
    """A probe and a message centre.

    Args:
        script: what the message centre does its own way, by the class of the PDU.
        own: whether it is our own service instead.
        settings: of the probe.
    """

    def __init__(
        self, script: dict[type, Any] | None = None, own: bool = False, **settings: Any
    ) -> None:
        self.clock = FakeReactor()
        self.seen: list[Any] = []
        self.network = Network(self.clock, self._own() if own else self._scripted(script or {}))
        settings = {"timeout": 5.0, "receipt_timeout": 20.0, "pause": 1.0, **settings}
        self.settings = settings

    def probe(self) -> Probe:
        return Probe(self.network, "me", "pw", reactor=self.clock, **self.settings)

    def _own(self) -> Factory:
        checker = InMemoryUsernamePasswordDatabaseDontUse(me=b"pw")
        portal = Portal(MessageCentre(clock=self.clock), [checker])
        service = SMSCService("tcp:0", portal, reactor=self.clock)
        service.running = True
        return service.factory

    def _scripted(self, script: dict[type, Any]) -> Factory:
        factory = Factory()
        factory.noisy = False
        factory.buildProtocol = lambda addr: Centre(script, self.seen)
        return factory

    def passes(self, done: Deferred[Any], seconds: float = 3600.0) -> None:
        """Time passes until it is done."""
        until = self.clock.seconds() + seconds
        self.network.flush()
        while not done.called:
            assert self.clock.seconds() < until, "it hangs"
            self.clock.advance(0.05)
            self.network.flush()

    def run(self) -> Report:
        """The whole run; nothing is left of it."""
        report: Report = self.finished(self.probe().run())
        return report

    def finished(self, done: Deferred[Any]) -> Any:
        """What a run has come to; nothing is left of it."""
        self.passes(done)
        self.clock.advance(0)
        assert self.clock.getDelayedCalls() == []
        assert all(end.lost for end in self.network.ends)
        return success(done)


def verdicts(report: Report) -> dict[str, Verdict]:
    return {finding.name: finding.verdict for finding in report.findings}


def found(name: str, script: dict[type, Any] | None = None, **settings: Any) -> Finding:
    """What one check finds with such a message centre."""
    return World(script, **settings).run()[name]


ALL_MESSAGES = (SubmitSM, SubmitMulti, DataSM)
