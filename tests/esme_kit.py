"""What the tests of links share: a message centre in memory that the test plays, on a clock."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from twisted_smpp.esme import ESMEService
from twisted_smpp.esme.link import Link, LinkChange, LinkState
from twisted_smpp.factory import SMSCFactory
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.testing import MemoryTransport, success


class FakeReactor(Clock):
    """A clock that runs at once what a signal asks for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.triggers: list[Any] = []

    def callFromThread(self, function: Any, *values: Any) -> None:  # noqa: N802
        function(*values)

    def addSystemEventTrigger(self, phase: str, event: str, function: Any) -> Any:  # noqa: N802
        assert (phase, event) == ("before", "shutdown")
        self.triggers.append(function)
        return function

    def removeSystemEventTrigger(self, trigger: Any) -> None:  # noqa: N802
        self.triggers.remove(trigger)

    def terminates(self) -> Any:
        """SIGTERM has come; what the reactor waits for before it stops."""
        return self.triggers[-1]()


@implementer(IStreamClientEndpoint)
class Endpoint:
    """A message centre, or none, that the test plays."""

    def __init__(self, clock: Clock, name: str = "way 1") -> None:
        self.clock = clock
        self.name = name
        self.attempts: list[float] = []
        self.waiting: list[tuple[Any, Deferred[Any]]] = []
        self.ends: list[tuple[MemoryTransport, MemoryTransport]] = []
        self.binds_seen: list[Any] = []
        self.bind_status = 0
        self.smsc = SMSCFactory(self._bind, on_request=lambda s, r: self.answer, clock=clock)
        self.answer: Any = None

    def __str__(self) -> str:
        return self.name

    def _bind(self, session: Any, request: Any) -> int:
        self.binds_seen.append(request)
        return self.bind_status

    def connect(self, factory: Any) -> Deferred[Any]:
        self.attempts.append(self.clock.seconds())
        deferred: Deferred[Any] = Deferred(lambda _: self.waiting.remove(attempt))
        attempt = factory, deferred
        self.waiting.append(attempt)
        return deferred

    def refuses(self, error: Exception | None = None) -> None:
        self.waiting.pop()[1].errback(error or ConnectionRefusedError())

    def accepts(self) -> None:
        factory, deferred = self.waiting.pop()
        esme, smsc = MemoryTransport(self.clock, "ESME"), MemoryTransport(self.clock, "SMSC")
        esme.other, smsc.other = smsc, esme
        esme.protocol = factory.buildProtocol(None)
        smsc.protocol = self.smsc.buildProtocol(None)
        self.ends.append((esme, smsc))
        for end in (smsc, esme):
            end.protocol.makeConnection(end)
        deferred.callback(esme.protocol)

    def flush(self) -> None:
        moved = True
        while moved:
            moved = False
            for end in [end for ends in self.ends for end in ends]:
                if end.written and not end.other.lost:
                    moved = True
                    end.other.protocol.dataReceived(end.taken(len(end.written)))
                if end.disconnecting and not end.aborting and not end.written and not end.lost:
                    end.closed()
                    moved = True

    def binds(self) -> SMPPProtocol:
        """The whole way from the attempt to the bind; the message centre's side."""
        self.accepts()
        self.flush()
        protocol = self.ends[-1][1].protocol
        assert isinstance(protocol, SMPPProtocol)
        return protocol

    def drops(self) -> None:
        self.ends[-1][0].cut()


class World:
    """A link with what is around it: one message centre, or several ways to it."""

    service_class: type[Link] = Link

    def __init__(self, password: Any = "pw", ways: int = 1, **settings: Any) -> None:
        self.clock = Clock()
        self.endpoints = [Endpoint(self.clock, f"way {number + 1}") for number in range(ways)]
        self.endpoint = self.endpoints[0]
        self.changes: list[LinkChange] = []
        settings.setdefault("random", lambda: 1.0)
        settings.setdefault("on_state", self.changes.append)
        endpoint: Any = self.endpoint if ways == 1 else self.endpoints
        self.service: Any = self.service_class(
            endpoint, "esme", password, reactor=self.clock, **settings
        )

    @property
    def states(self) -> list[LinkState]:
        return [change.state for change in self.changes]

    def start(self) -> Any:
        self.service.startService()
        return self.endpoint.binds()

    def flush(self) -> None:
        for endpoint in self.endpoints:
            endpoint.flush()

    def attempts(self) -> int:
        return sum(len(endpoint.attempts) for endpoint in self.endpoints)

    def next_attempt(self) -> float:
        """Seconds until it connects again."""
        before = self.clock.seconds()
        calls = sorted(call.getTime() for call in self.clock.getDelayedCalls())
        count = self.attempts()
        for at in calls:
            self.clock.advance(max(0.0, at - self.clock.seconds()))
            if self.attempts() > count:
                return self.clock.seconds() - before
        raise AssertionError("it does not try again")

    def passes(self, seconds: float) -> None:
        """Time passes, and both ends read what the other wrote."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.flush()
        self.clock.advance(seconds % 1)
        self.flush()

    def stopped(self, deferred: Deferred[None]) -> None:
        """It has stopped and nothing is left of it."""
        self.flush()
        self.clock.advance(0)
        assert success(deferred) is None
        assert self.clock.getDelayedCalls() == []
        assert self.service.session is None
        assert all(end.lost for each in self.endpoints for ends in each.ends for end in ends)


class ServiceWorld(World):
    """The same with an ESMEService."""

    service_class = ESMEService


class Log:
    """A log that keeps its errors for the test."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def error(self, format: str, **values: Any) -> None:
        self.errors.append(values["error"])

    def info(self, format: str, **values: Any) -> None:
        """Not kept."""


def quiet(**settings: Any) -> World:
    """A world whose link may log errors."""
    world = World(**settings)
    world.service.log = Log()
    return world
