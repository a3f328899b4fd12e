"""What a message centre listens at: one endpoint or several, which begin and end together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from zope.interface import implementer

from twisted_smpp.daemon.certificate import ServerCertificate
from twisted_smpp.endpoints import server_endpoint

__all__ = ["Listeners"]


@implementer(IStreamServerEndpoint)
class Listeners:
    """Endpoints as one: it listens at all of them, or at none.

    Args:
        descriptions: of the endpoints.
        reactor: listens, and is the clock.
        now: returns seconds since 1970.
        client_ca: see :class:`~twisted_smpp.daemon.certificate.ServerCertificate`.

    Attributes:
        certificates: of those that are ``ssl:`` endpoints.

    Raises:
        ValueError: an endpoint cannot be used.
    """

    log = Logger()

    def __init__(
        self,
        descriptions: Sequence[str],
        reactor: Any,
        now: Callable[[], float],
        client_ca: str | None = None,
    ) -> None:
        self.certificates: list[ServerCertificate] = []
        self._endpoints: dict[str, Any] = {}
        for each in descriptions:
            if each in self._endpoints:
                raise ValueError(f"--listen {each}: it is there twice")
            if each.startswith("ssl:"):
                self.certificates.append(ServerCertificate(each, reactor, now, client_ca))
                self._endpoints[each] = self.certificates[-1].endpoint
            else:
                self._endpoints[each] = server_endpoint(reactor, each)

    def listen(self, factory: Any) -> Deferred[Any]:
        """Twisted: begins to listen; fires with an ``IListeningPort``.

        Errbacks with what kept one of the endpoints from listening; then none does.
        """
        return Deferred.fromCoroutine(self._listen(factory))

    async def _listen(self, factory: Any) -> Any:
        ports: list[Any] = []
        try:
            for description, endpoint in self._endpoints.items():
                ports.append(await endpoint.listen(factory))
                self.log.info("listening at {endpoint}", endpoint=description)
        except Exception:
            for port in ports:
                port.stopListening()  # nobody waits for its end: the reactor may not run yet
            raise
        return ports[0] if len(ports) == 1 else _Ports(ports)


@implementer(IListeningPort)
class _Ports:
    """Several ports as one."""

    def __init__(self, ports: list[Any]) -> None:
        self._ports = ports

    def startListening(self) -> None:  # noqa: N802
        """Twisted: they do."""

    def stopListening(self) -> Deferred[Any]:  # noqa: N802
        """Twisted: none listens any more."""
        return DeferredList([maybeDeferred(port.stopListening) for port in self._ports])

    def getHost(self) -> Any:
        """Twisted: the address of the first."""
        return self._ports[0].getHost()
