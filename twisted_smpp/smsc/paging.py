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

from twisted_smpp.errors import StoreError
from twisted_smpp.factory import SMSCFactory
from twisted_smpp.wire.pdus import Outbind

__all__ = ["Pager"]

HasDue = Callable[[], "Deferred[bool] | None"]
_EVER = 1e18


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
        seconds: between two pages of an account, at least. While it sleeps and something is
            due, it is paged again: after that time, then after twice as much, and so on.
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
        self._longest = max(longest, seconds)
        self._paged: dict[str, float] = {}
        #: Seconds from the last page to the next one, where they are more than usual.
        self._delays: dict[str, float] = {}
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
        if name not in self._endpoints:
            return
        self._leave(name)
        self._looks[name] = has_due
        wait = self._paged.get(name, -_EVER) + self._seconds - self._clock.seconds()
        if wait > 0:
            self._calls[name] = self._clock.callLater(wait, self._look, name)
        else:
            self._look(name)

    def pages(self, name: str) -> bool:
        """Whether an account is being paged, or will be."""
        return name in self._looks

    def _leave(self, name: str) -> None:
        self._looks.pop(name, None)
        self._delays.pop(name, None)
        if (call := self._calls.pop(name, None)) is not None and call.active():
            call.cancel()

    def _look(self, name: str) -> None:
        asked = self._looks[name]() if name in self._endpoints else None
        if asked is None:
            self._leave(name)
            return
        now = self._clock.seconds()
        self._calls[name] = self._clock.callLater(self._seconds, self._look, name)
        asked.addCallback(self._connect_if, name, now).addErrback(self._not_known)

    def _connect_if(self, is_due: bool, name: str, now: float) -> None:
        if not is_due:
            self._delays.pop(name, None)
        elif name in self._looks and name in self._endpoints and name not in self._connecting:
            delay = self._delays.get(name, self._seconds)
            # Looks are a whole number of intervals apart, to within what the clock rounds.
            if now > self._paged.get(name, -_EVER) + delay - self._seconds / 2:
                is_first = name not in self._delays
                self._delays[name] = delay if is_first else min(2 * delay, self._longest)
                self._paged[name] = now
                self._connect(name)

    def _not_known(self, failure: Failure) -> None:
        if not failure.check(StoreError):  # the store says itself when it has failed
            self.log.failure("nobody is paged", failure)

    def _connect(self, name: str) -> None:
        connecting = maybeDeferred(lambda: self._endpoints[name].connect(self._factory))
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
