"""What the tests of outbind share: a port in memory on which the test calls."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from twisted_smpp.esme import ESMEService, LinkChange, OutbindEndpoint
from twisted_smpp.factory import SMSCFactory
from twisted_smpp.states import State
from twisted_smpp.testing import MemoryTransport, success

HOST = "192.0.2.1"


class Transport(MemoryTransport):
    """One end of a connection with somebody of whom the test says where he is."""

    address: Any = IPv4Address("TCP", HOST, 40000)

    def getPeer(self) -> Any:
        return self.address


@implementer(IStreamServerEndpoint)
class Port:
    """A port on which the test calls."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.factory: Any = None
        self.listened = 0
        self.error: Exception | None = None
        #: How long it takes to close it; None for no time.
        self.closing: Deferred[None] | None = None
        self.ends: list[tuple[Transport, MemoryTransport]] = []
        self.smsc = SMSCFactory(lambda s, r: self.bind_status, clock=clock)
        self.bind_status = 0

    def __str__(self) -> str:
        return "tcp:2775"

    def listen(self, factory: Any) -> Deferred[Any]:
        if self.error is not None:
            return fail(self.error)
        self.listened += 1
        self.factory = factory
        return succeed(self)

    def stopListening(self) -> Deferred[None] | None:  # noqa: N802
        self.factory = None
        return self.closing

    def called(self, host: Any = HOST) -> tuple[Transport, Any]:
        """Somebody has connected; our end, and his protocol."""
        ours, theirs = Transport(self.clock, "ESME"), MemoryTransport(self.clock, "SMSC")
        ours.address = IPv4Address("TCP", host, 40000) if isinstance(host, str) else host
        ours.other, theirs.other = theirs, ours
        ours.protocol = self.factory.buildProtocol(ours.address)
        theirs.protocol = self.smsc.buildProtocol(None)
        self.ends.append((ours, theirs))
        for end in (theirs, ours):
            end.protocol.makeConnection(end)
        return ours, theirs.protocol

    def flush(self) -> None:
        moved = True
        while moved:
            moved = False
            for end in [end for ends in self.ends for end in ends]:
                if end.written and not end.other.lost and end.other.reading:
                    moved = True
                    end.other.protocol.dataReceived(end.taken(len(end.written)))
                if end.disconnecting and not end.aborting and not end.written and not end.lost:
                    end.closed()
                    moved = True

    def outbinds(self, system_id: str = "mc", password: str = "secret", **where: Any) -> Any:
        """The whole way from the call to the bind; the protocol of who has called."""
        _, smsc = self.called(**where)
        smsc.outbind(system_id=system_id, password=password)
        self.flush()
        return smsc


class World:
    """A service that waits to be called."""

    def __init__(self, password: Any = "secret", peers: Any = HOST, **settings: Any) -> None:
        self.clock = Clock()
        self.port = Port(self.clock)
        self.changes: list[LinkChange] = []
        self.endpoint = OutbindEndpoint(self.port, "mc", password, peers=peers, reactor=self.clock)
        settings.setdefault("bind", "receiver")
        self.service = ESMEService(
            self.endpoint,
            "esme",
            "pw",
            reactor=self.clock,
            random=lambda: 1.0,
            on_state=self.changes.append,
            **settings,
        )
        self.service.startService()

    @property
    def state(self) -> State:
        return self.service.state

    def turn(self) -> None:
        self.clock.advance(0)
        self.port.flush()

    def stops(self) -> None:
        stopping = self.service.stopService()
        self.port.flush()
        self.clock.advance(0)
        success(stopping)
        assert self.clock.getDelayedCalls() == []
        assert self.port.factory is None
        assert all(end.lost for ends in self.port.ends for end in ends)
