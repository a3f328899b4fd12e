"""Two ends of an SMPP connection in memory, on a clock that you move.

For tests of applications: real protocols and sessions, no socket, no waiting::

    pair = connect(on_request=lambda session, request: None)
    pair.bind()
    response = pair.esme.submit_sm(destination_addr="491761234567", short_message=b"Hi")
    pair.flush()
    assert success(response).command_status == 0

What one side writes reaches the other with :meth:`Pair.flush`; time passes with
:meth:`Pair.advance`. A :class:`MemoryEndpoint` is the same for an application that is made of
an :class:`~twisted_smpp.ESMEService`.
"""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import IPushProducer, IStreamClientEndpoint, ITransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_smpp.factory import ESMEFactory, OnRequest, SMPPFactory, SMSCFactory
from twisted_smpp.protocol import SMPPProtocol

__all__ = ["MemoryEndpoint", "MemoryTransport", "Pair", "connect", "failure", "success"]

T = TypeVar("T")


@implementer(ITransport)
class MemoryTransport:
    """One end of a connection in memory, with the flow control of a TCP transport.

    Attributes:
        written: octets that the other end has not read yet.
        writes: how often ``write`` was called with something.
        buffer_size: so many octets may be written before the producer is paused.
        reading: whether the protocol wants to read.
        lost: whether ``connectionLost`` was called.
    """

    buffer_size = 65_536
    #: Where in ``dataBuffer`` begins what is not read yet.
    offset = 0

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._producer: Any = None
        self._paused = False
        self.protocol: Any = None
        self.other: Any = None
        self.written = b""
        self.writes = 0
        self.reading = True
        self.disconnecting = False
        self.aborting = False
        self.lost = False

    @property
    def dataBuffer(self) -> bytes:  # noqa: N802  its name in Twisted
        """Twisted: what was written and not read yet."""
        return self.written

    def write(self, data: bytes) -> None:
        """Keeps octets for the other end; pauses the producer when they are too many."""
        if self.lost or self.disconnecting or not data:
            return
        self.writes += 1
        self.written += data
        full = len(self.written) > self.buffer_size
        if full and self._producer is not None and not self._paused:
            self._paused = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        """Writes all of it."""
        self.write(b"".join(data))

    def taken(self, count: int) -> bytes:
        """Takes ``count`` octets that were written; resumes the producer at the last."""
        data, self.written = self.written[:count], self.written[count:]
        if not self.written and self._paused and self._producer is not None:
            self._paused = False
            self._producer.resumeProducing()
        return data

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Twisted: who is paused when too much waits."""
        self._producer = producer

    def unregisterProducer(self) -> None:
        """Twisted: the end of :meth:`registerProducer`."""
        self._producer = None

    def pauseProducing(self) -> None:
        """Twisted: the protocol wants nothing to read."""
        self.reading = False

    def resumeProducing(self) -> None:
        """Twisted: the protocol reads again."""
        self.reading = True

    def stopProducing(self) -> None:
        """Twisted: closes."""
        self.loseConnection()

    def loseConnection(self) -> None:
        """Closes once everything was read by the other end."""
        self.disconnecting = True

    def abortConnection(self) -> None:
        """Cuts the connection at the next turn of the clock."""
        if self.aborting or self.lost:
            return
        self.written = b""
        self.disconnecting = self.aborting = True
        self._clock.callLater(0, self.cut, Failure(ConnectionAborted()))

    def cut(self, reason: Failure | None = None) -> None:
        """Ends the connection at both ends, as a reset does."""
        for end in (self, self.other):
            if end is not None and not end.lost:
                end.lost = True
                why = reason if reason is not None and end is self else None
                end.protocol.connectionLost(why or Failure(ConnectionLost()))

    def closed(self) -> None:
        """The orderly end: called by the pair when all was read."""
        for end in (self, self.other):
            if end is not None and not end.lost:
                end.lost = True
                end.protocol.connectionLost(Failure(ConnectionDone()))

    def getPeer(self) -> IPv4Address:
        """An address that stands for the other end."""
        return IPv4Address("TCP", "192.0.2.1", 2775)

    def getHost(self) -> IPv4Address:
        """An address that stands for this end."""
        return IPv4Address("TCP", "192.0.2.2", 2775)

    def __repr__(self) -> str:
        return f"<MemoryTransport of the {self._name}>"


class Pair:
    """An ESME and a message centre, connected.

    Attributes:
        esme, smsc: the two protocols.
        esme_transport, smsc_transport: their ends of the connection.
        clock: the time of both.
    """

    def __init__(self, esme: SMPPFactory, smsc: SMPPFactory, clock: Clock) -> None:
        self.clock = clock
        self.esme_transport = MemoryTransport(clock, "ESME")
        self.smsc_transport = MemoryTransport(clock, "SMSC")
        self.esme_transport.other = self.smsc_transport
        self.smsc_transport.other = self.esme_transport
        self.esme: SMPPProtocol = self._connect(esme, self.esme_transport)
        self.smsc: SMPPProtocol = self._connect(smsc, self.smsc_transport)
        for transport in (self.smsc_transport, self.esme_transport):
            transport.protocol.makeConnection(transport)

    @staticmethod
    def _connect(factory: SMPPFactory, transport: MemoryTransport) -> Any:
        protocol = factory.buildProtocol(transport.getPeer())
        transport.protocol = protocol
        return protocol

    def flush(self, chunk: int | None = None) -> int:
        """Carries octets in both directions until none are left.

        Args:
            chunk: the most octets of one read; None for all that was written.

        Returns:
            how many octets passed.
        """
        passed = 0
        moved = True
        while moved:
            moved = False
            for source in (self.esme_transport, self.smsc_transport):
                target = source.other
                if source.written and target.reading and not target.lost:
                    data = source.taken(chunk or len(source.written))
                    passed += len(data)
                    moved = True
                    target.protocol.dataReceived(data)
                closing = source.disconnecting and not source.aborting
                if closing and not source.written and not source.lost:
                    source.closed()
        return passed

    def bind(self) -> None:
        """Carries the bind and its response.

        Raises:
            AssertionError: the two are not bound afterwards.
        """
        self.flush()
        if not (self.esme.bound and self.smsc.bound):
            raise AssertionError(f"{self.esme.session}, {self.smsc.session}")

    def advance(self, seconds: float) -> None:
        """Lets time pass in steps of at most a second, carrying octets in between."""
        self.flush()
        while seconds > 0:
            step = min(1.0, seconds)
            self.clock.advance(step)
            seconds -= step
            self.flush()

    def drop(self) -> None:
        """Cuts the connection; what was written and not yet read is lost."""
        self.esme_transport.written = self.smsc_transport.written = b""
        self.esme_transport.cut()


def accept(session: SMPPProtocol, request: Any) -> None:
    """An application that answers everything with ESME_ROK."""


def connect(
    *,
    on_request: OnRequest = accept,
    on_deliver: OnRequest = accept,
    on_bind: OnRequest = accept,
    clock: Clock | None = None,
    esme: dict[str, Any] | None = None,
    smsc: dict[str, Any] | None = None,
) -> Pair:
    """An ESME that has sent its bind to a message centre; :meth:`Pair.bind` carries it.

    Args:
        on_request: the application of the message centre.
        on_deliver: the application of the ESME.
        on_bind: accepts binds.
        clock: the time of both; None for a new one.
        esme: settings of :class:`~twisted_smpp.factory.ESMEFactory`.
        smsc: settings of :class:`~twisted_smpp.factory.SMSCFactory`.
    """
    clock = clock or Clock()
    settings = {"system_id": "esme", "password": "secret", **(esme or {})}
    client = ESMEFactory(on_request=on_deliver, clock=clock, **settings)
    server = SMSCFactory(on_bind, on_request=on_request, clock=clock, **(smsc or {}))
    return Pair(client, server, clock)


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """A message centre in memory, in the place of an address: an ESMEService connects to it.

    Args:
        clock: the time; the ``reactor`` of the service, too.
        on_request: the application of the message centre.
        on_bind: accepts binds.
        smsc: settings of :class:`~twisted_smpp.factory.SMSCFactory`.

    Attributes:
        pair: the newest connection; there is none before the service was started.
        is_down: whether connections are refused from now on.
    """

    pair: Pair

    def __init__(
        self,
        clock: Clock,
        *,
        on_request: OnRequest = accept,
        on_bind: OnRequest = accept,
        smsc: dict[str, Any] | None = None,
    ) -> None:
        self._clock = clock
        self._smsc = SMSCFactory(on_bind, on_request=on_request, clock=clock, **(smsc or {}))
        self.is_down = False

    def __str__(self) -> str:
        return "memory"

    def connect(self, protocolFactory: Any) -> Deferred[Any]:  # noqa: N803
        """Twisted: a new connection, or a refusal."""
        if self.is_down:
            return fail(ConnectionRefusedError())
        self.pair = Pair(protocolFactory, self._smsc, self._clock)
        return succeed(self.pair.esme)


def success(deferred: Deferred[T]) -> T:
    """The result of a Deferred that has fired.

    Raises:
        AssertionError: it has not.
        Exception: what it failed with.
    """
    result = _result(deferred)
    if isinstance(result, Failure):
        result.raiseException()
    return result  # type: ignore[no-any-return]


def failure(deferred: Deferred[Any]) -> BaseException:
    """The exception of a Deferred that has failed.

    Raises:
        AssertionError: it has not fired, or with a result.
    """
    result = _result(deferred)
    if not isinstance(result, Failure) or result.value is None:
        raise AssertionError(f"it fired with {result!r}")
    return result.value


def _result(deferred: Deferred[Any]) -> Any:
    results: list[Any] = []
    deferred.addBoth(results.append)
    if not results:
        raise AssertionError("the Deferred has not fired")
    return results[0]
