"""Pages ESMEs that sleep: connects to them, and asks them to bind (outbind).

Source: SMPP 5.0, 4.1.1.7 and 2.2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.factory import SMSCFactory
from twisted_smpp.wire.pdus import Outbind

__all__ = ["Pager"]


class _Calling(Factory):
    """Makes the protocols of connections that are made from here: none has to be admitted."""

    noisy = False

    def __init__(self, factory: SMSCFactory) -> None:
        self._factory = factory

    def buildProtocol(self, addr: Any) -> Any:
        """Twisted: the protocol of a new connection."""
        return self._factory.build_calling(addr)


class Pager:
    """Where accounts are reached that do not bind by themselves.

    The connection that it makes is one of the service like those that ESMEs make: who binds
    on it has to show the password of an account.

    Args:
        factory: of the service, :attr:`twisted_smpp.smsc.SMSCService.factory`.
        endpoints: an ``IStreamClientEndpoint`` for each account that is paged; asked again
            each time.
        system_id, password: of the message centre, as the ESME expects them.
        clock: an ``IReactorTime``.
        seconds: between two pages of an account, at least. While it sleeps and something waits
            for it, it is paged again: after that time, then after twice as much, and so on.
        longest: seconds between two pages, at most.

    Raises:
        FieldError: the system_id or the password cannot be sent.
    """

    log = Logger()

    def __init__(
        self,
        factory: SMSCFactory,
        endpoints: Mapping[str, Any],
        *,
        system_id: str,
        password: str = "",
        clock: IReactorTime,
        seconds: float = 60.0,
        longest: float = 3600.0,
    ) -> None:
        self._factory = _Calling(factory)
        self._endpoints = endpoints
        self._fields: dict[str, Any] = {"system_id": system_id, "password": password}
        Outbind(**self._fields).encode()  # wrong: said here, not when somebody is paged
        self._clock = clock
        self._seconds = seconds
        self._longest = longest
        self._delays: dict[str, float] = {}
        self._paged: dict[str, float] = {}
        self._calls: dict[str, IDelayedCall] = {}
        self._connecting: dict[str, Deferred[Any]] = {}

    def page(self, name: str, is_asleep: Callable[[], bool]) -> None:
        """Something has come to wait for an account and nobody receives it.

        Args:
            name: of the account; without an endpoint it is left alone.
            is_asleep: whether it is still so, asked before it is paged later.
        """
        if name not in self._endpoints or name in self._connecting:
            return
        self._delays.pop(name, None)
        wait = self._paged.get(name, -self._seconds) + self._seconds - self._clock.seconds()
        if wait <= 0:
            self._connect(name, is_asleep)
        else:
            self._look_in(wait, name, is_asleep)

    def _look_in(self, seconds: float, name: str, is_asleep: Callable[[], bool]) -> None:
        if (call := self._calls.pop(name, None)) is not None:
            call.cancel()
        self._calls[name] = self._clock.callLater(seconds, self._look, name, is_asleep)

    def _look(self, name: str, is_asleep: Callable[[], bool]) -> None:
        del self._calls[name]
        if name in self._endpoints and is_asleep():
            self._connect(name, is_asleep)
        else:
            self._delays.pop(name, None)

    def _connect(self, name: str, is_asleep: Callable[[], bool]) -> None:
        delay = self._delays.get(name, self._seconds)
        self._delays[name] = min(2 * delay, max(self._longest, self._seconds))
        self._look_in(delay, name, is_asleep)
        self._paged[name] = self._clock.seconds()
        connecting = maybeDeferred(lambda: self._endpoints[name].connect(self._factory))
        self._connecting[name] = connecting
        connecting.addCallback(lambda session: session.outbind(**self._fields))
        connecting.addBoth(self._connected, name)

    def _connected(self, result: Any, name: str) -> None:
        self._connecting.pop(name, None)
        if isinstance(result, Failure) and not result.check(CancelledError):
            self.log.warn(
                "{name} could not be paged: {why}", name=ascii(name), why=result.getErrorMessage()
            )

    def stop(self) -> None:
        """Pages nobody more; sessions that have begun go on."""
        for call in self._calls.values():
            call.cancel()
        self._calls.clear()
        for connecting in list(self._connecting.values()):
            connecting.cancel()
