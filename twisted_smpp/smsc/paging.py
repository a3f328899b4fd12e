"""Pages ESMEs that sleep: connects to them, and asks them to bind (outbind).

Source: SMPP 5.0, 4.1.1.7 and 2.2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IProtocolFactory, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.wire.pdus import Outbind

__all__ = ["Pager"]


class Pager:
    """Where accounts are reached that do not bind by themselves.

    The connection that it makes is one of the service like those that ESMEs make: who binds
    on it has to show the password of an account.

    Args:
        factory: of the service, :attr:`twisted_smpp.smsc.SMSCService.factory`.
        endpoints: an ``IStreamClientEndpoint`` for each account that is paged.
        system_id, password: of the message centre, as the ESME expects them.
        clock: an ``IReactorTime``.
        seconds: between two pages of an account, at least.

    Raises:
        FieldError: the system_id or the password cannot be sent.
    """

    log = Logger()

    def __init__(
        self,
        factory: IProtocolFactory,
        endpoints: dict[str, Any],
        *,
        system_id: str,
        password: str = "",
        clock: IReactorTime,
        seconds: float = 60.0,
    ) -> None:
        self._factory = factory
        self._endpoints = dict(endpoints)
        self._fields: dict[str, Any] = {"system_id": system_id, "password": password}
        Outbind(**self._fields).encode()  # wrong: said here, not when somebody is paged
        self._clock = clock
        self._seconds = seconds
        self._paged: dict[str, float] = {}
        self._calls: dict[str, IDelayedCall] = {}
        self._connecting: dict[str, Deferred[Any]] = {}

    def page(self, name: str, is_asleep: Callable[[], bool]) -> None:
        """Something waits for an account and nobody receives it.

        Args:
            name: of the account; without an endpoint it is left alone.
            is_asleep: whether it is still so, asked when it has to wait for its turn.
        """
        if name not in self._endpoints or name in self._calls or name in self._connecting:
            return
        wait = self._paged.get(name, -self._seconds) + self._seconds - self._clock.seconds()
        if wait <= 0:
            self._connect(name)
        else:
            self._calls[name] = self._clock.callLater(wait, self._page_now, name, is_asleep)

    def _page_now(self, name: str, is_asleep: Callable[[], bool]) -> None:
        del self._calls[name]
        if is_asleep():
            self._connect(name)

    def _connect(self, name: str) -> None:
        self._paged[name] = self._clock.seconds()
        connecting = maybeDeferred(self._endpoints[name].connect, self._factory)
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
