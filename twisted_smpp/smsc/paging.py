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

from twisted_smpp.errors import StoreError
from twisted_smpp.wire.pdus import Outbind

__all__ = ["Pager"]

HasDue = Callable[[], "Deferred[bool] | None"]
_EVER = 1e18


class Pager:
    """Where accounts are reached that do not bind by themselves.

    The connection that it makes is one of the service like those that ESMEs make: who binds
    on it has to show the password of an account.

    Args:
        factory: of the service, :attr:`twisted_smpp.smsc.SMSCService.factory`.
        endpoints: an ``IStreamClientEndpoint`` for each account that is paged.
        system_id, password: of the message centre, as the ESME expects them.
        clock: an ``IReactorTime``.
        seconds: between two pages of an account that sleeps and has something due.

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
        #: Who may sleep, and what tells whether anything is due for it.
        self._looks: dict[str, HasDue] = {}
        self._calls: dict[str, IDelayedCall] = {}
        self._connecting: dict[str, Deferred[Any]] = {}
        self._unreachable: set[str] = set()

    def page(self, name: str, has_due: HasDue) -> None:
        """Something waits for an account and nobody receives it: pages until that is over.

        Args:
            name: of the account; without an endpoint it is left alone.
            has_due: asked before each page: a Deferred of whether anything is due for it, or
                None when nothing waits any more or somebody receives.
        """
        if name in self._endpoints and name not in self._looks:
            self._looks[name] = has_due
            wait = self._paged.get(name, -_EVER) + self._seconds - self._clock.seconds()
            if wait > 0:
                self._calls[name] = self._clock.callLater(wait, self._look, name)
            else:
                self._look(name)

    def _look(self, name: str) -> None:
        self._calls[name] = self._clock.callLater(self._seconds, self._look, name)
        asked = self._looks[name]()
        if asked is None:
            del self._looks[name]
            self._calls.pop(name).cancel()
            return
        asked.addCallback(self._connect_if, name).addErrback(self._not_known)

    def _connect_if(self, is_due: bool, name: str) -> None:
        if is_due and name in self._looks:
            self._connect(name)

    def _not_known(self, failure: Failure) -> None:
        if not failure.check(StoreError):  # the store says itself when it has failed
            self.log.failure("nobody is paged", failure)

    def _connect(self, name: str) -> None:
        if name in self._connecting:
            return
        self._paged[name] = self._clock.seconds()
        connecting = maybeDeferred(self._endpoints[name].connect, self._factory)
        self._connecting[name] = connecting
        connecting.addCallback(lambda session: session.outbind(**self._fields))
        connecting.addBoth(self._connected, name)

    def _connected(self, result: Any, name: str) -> None:
        self._connecting.pop(name, None)
        if not isinstance(result, Failure):
            self._unreachable.discard(name)
        elif not result.check(CancelledError) and name not in self._unreachable:
            self._unreachable.add(name)  # said once, and not every minute
            self.log.warn(
                "{name} could not be paged: {why}", name=ascii(name), why=result.getErrorMessage()
            )

    def stop(self) -> None:
        """Pages nobody more; sessions that have begun go on."""
        for call in self._calls.values():
            call.cancel()
        self._calls.clear()
        self._looks.clear()
        for connecting in list(self._connecting.values()):
            connecting.cancel()
