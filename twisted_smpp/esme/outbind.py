"""Waiting for a message centre that calls: outbind (SMPP 5.0, 2.2.1 and 4.1.1.7).

A message centre that has something for an ESME which is not bound may connect to it and send
outbind. The ESME looks at who that is, and answers by its bind on the same connection; from
then on it is a session like any other.

:class:`OutbindEndpoint` is an endpoint, so that all of a
:class:`~twisted_smpp.esme.link.Link` works as usual: where another link connects, this one
waits to be connected.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_smpp.endpoints import server_endpoint
from twisted_smpp.limits import Budget
from twisted_smpp.wire.framing import MAX_PDU_UNBOUND, Framing
from twisted_smpp.wire.pdus import Outbind

__all__ = ["OutbindEndpoint"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Connections that may be there at once without an outbind.
_MOST_CALLERS = 10
#: Log lines about callers in a minute.
_LINES_PER_MINUTE = 10


@implementer(IStreamClientEndpoint)
class OutbindEndpoint:
    """An endpoint that waits until a message centre connects and sends a good outbind.

    It listens only while somebody waits for it: while a session is bound, or about to be,
    nobody else can connect. A caller that is not allowed, that says anything but outbind
    first, or that comes with wrong credentials is disconnected, and the wait goes on.

    Args:
        endpoint: an ``IStreamServerEndpoint`` or a description such as ``"tcp:2775"`` or
            ``"ssl:3550:privateKey=key.pem:certKey=cert.pem"``.
        system_id: that the message centre has to call itself in its outbind.
        password: that it has to know, or a function that returns it and is called for each
            outbind.
        peers: addresses and networks of those who may call, such as ``"192.0.2.7"`` or
            ``"2001:db8::/32"``.
        timeout: seconds that a caller has from the connection to the end of its outbind.
        reactor: for the endpoint and time; None for the global one.

    Raises:
        ValueError: the endpoint description, a peer, the timeout or a credential cannot be
            used.
    """

    log = Logger()

    def __init__(
        self,
        endpoint: str | IStreamServerEndpoint,
        system_id: str,
        password: str | Callable[[], str],
        *,
        peers: Iterable[str | Network],
        timeout: float = 10.0,
        reactor: Any = None,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self._networks = _networks(peers)
        if not 0 < timeout < float("inf"):
            raise ValueError(f"timeout is {timeout!r}, more than 0 seconds are needed")
        self._name = str(endpoint)
        self._endpoint: Any = (
            server_endpoint(reactor, endpoint) if isinstance(endpoint, str) else endpoint
        )
        self._system_id = system_id
        self._password = password
        self.timeout = timeout
        self.clock = IReactorTime(reactor)
        self._lines = Budget(_LINES_PER_MINUTE, 60.0, self.clock.seconds())
        # Values that no outbind can have are a mistake: it is heard of here.
        Outbind(system_id=system_id, password=self._expected()).encode()

    def __str__(self) -> str:
        return f"outbind on {self._name}"

    def _expected(self) -> str:
        return self._password() if callable(self._password) else self._password

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:  # noqa: N803
        """Twisted: fires with the protocol once somebody has called; may be cancelled.

        Errbacks as the endpoint does when it cannot listen.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: Any) -> Any:
        callers = _Callers(self)
        port = await self._endpoint.listen(callers)
        caller: _Caller | None = None
        try:
            try:
                caller = await callers.first
            finally:
                callers.dismiss()
                await maybeDeferred(port.stopListening)
            return caller.becomes(factory)
        except BaseException:
            if caller is not None:  # it was stopped while the port was being closed
                caller.abort()
            raise

    # What its callers ask.

    def allows(self, host: object) -> bool:
        """Whether a peer may call; one that has no IP address may not."""
        try:
            address = ipaddress.ip_address(str(host))
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._networks)

    def knows(self, outbind: Outbind) -> bool:
        """Whether the credentials are right; how long that takes tells nothing of them."""
        is_name = _same(outbind.system_id, self._system_id)
        is_password = _same(outbind.password, self._expected())
        return is_name and is_password

    def note(self, host: object, what: str) -> None:
        """A log line about a caller; only so many a minute."""
        if self._lines.spend(self.clock.seconds()):
            self.log.warn("{name}: {host} {what}", name=str(self), host=host, what=what)


class _Callers(Factory):
    """Who calls while a link waits; the first with a good outbind is the one."""

    noisy = False

    def __init__(self, endpoint: OutbindEndpoint) -> None:
        self.endpoint = endpoint
        self.first: Deferred[_Caller] = Deferred()
        self.present: set[_Caller] = set()

    def buildProtocol(self, addr: Any) -> _Caller:
        """Twisted: somebody has connected."""
        return _Caller(self)

    def dismiss(self) -> None:
        """Ends the connections of all others."""
        for caller in list(self.present):
            caller.abort()


class _Caller(Protocol):
    """A connection that somebody has made to us; behind a good outbind it is a session's."""

    transport: Any

    def __init__(self, callers: _Callers) -> None:
        self._callers = callers
        self._endpoint = callers.endpoint
        self._framing = Framing(MAX_PDU_UNBOUND)
        self._octets = b""
        self._timer: IDelayedCall | None = None
        self._good = self._refused = self._lost = False

    def connectionMade(self) -> None:
        """Twisted: the connection is there."""
        self._host = getattr(self.transport.getPeer(), "host", None)
        if not self._endpoint.allows(self._host):
            self._refuse("is not allowed to call")
        elif self._callers.first.called:
            self.abort()  # the port is about to be closed
        elif len(self._callers.present) >= _MOST_CALLERS:
            self._refuse(f"is one too many: {_MOST_CALLERS} have connected and say nothing")
        else:
            self._callers.present.add(self)
            self._timer = self._endpoint.clock.callLater(
                self._endpoint.timeout,
                self._refuse,
                f"has sent no outbind within {self._endpoint.timeout:g} s",
            )

    def dataReceived(self, data: bytes) -> None:
        """Twisted: octets came."""
        if self._refused:
            return
        self._octets += data
        if self._good:
            self._framing.push(data)
            return
        pdus = self._framing.receive(data)
        pdu = next(pdus, None)
        pdus.close()  # type: ignore[attr-defined]
        if pdu is not None:
            self._judge(pdu)
        elif self._framing.error is not None:
            self._refuse(f"speaks no SMPP: {self._framing.error}")

    def _judge(self, pdu: Any) -> None:
        if not isinstance(pdu, Outbind):
            self._refuse("has sent something else than outbind")
            return
        try:
            good = self._endpoint.knows(pdu)
        except Exception as error:  # of the function that knows the password
            self._refuse(f"has sent outbind, and the password is not known: {error}")
            return
        if not good:
            self._refuse("has sent outbind with wrong credentials")
        else:
            self._leave()
            self._good = True
            # It is read again when there is a session to read it.
            self.transport.pauseProducing()
            self._callers.first.callback(self)

    def becomes(self, factory: Any) -> Any:
        """Makes it a session of that factory, and returns the protocol.

        Raises:
            ConnectionLost: it is gone.
        """
        protocol = None if self._lost else factory.buildProtocol(self.transport.getPeer())
        if protocol is None:
            self.abort()
            raise ConnectionLost
        # From now on the transport talks to the session, without a detour.
        self.dataReceived = protocol.dataReceived  # type: ignore[method-assign]
        self.connectionLost = protocol.connectionLost  # type: ignore[method-assign]
        protocol.makeConnection(self.transport)
        self.transport.resumeProducing()
        behind = self._octets[len(self._octets) - self._framing.partial :]
        if behind:
            protocol.dataReceived(behind)
        return protocol

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        """Twisted: the connection is gone."""
        self._lost = True
        self._leave()

    def _refuse(self, why: str) -> None:
        self._endpoint.note(self._host, why)
        self.abort()

    def abort(self) -> None:
        """Cuts the connection."""
        self._leave()
        self._refused = True
        if not self._lost:
            self.transport.abortConnection()

    def _leave(self) -> None:
        self._callers.present.discard(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


def _same(given: str, expected: str) -> bool:
    given_octets, octets = (each.encode("utf-8", "surrogatepass") for each in (given, expected))
    return hmac.compare_digest(given_octets, octets)


def _networks(peers: Iterable[str | Network]) -> list[Network]:
    peers = [peers] if isinstance(peers, str) else list(peers)
    if not peers:
        raise ValueError("peers: none given, so nobody could call")
    try:
        return [ipaddress.ip_network(str(each)) for each in peers]
    except ValueError as error:
        raise ValueError(f"peers: {error}") from None
