"""Several ways to one message centre."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IProtocolFactory, IReactorTime, IStreamClientEndpoint
from zope.interface import implementer

from twisted_smpp.esme.outbind import OutbindEndpoint

__all__ = ["FailOver"]

#: After so many short sessions in a row the next endpoint is tried.
SHORT_SESSIONS = 3


@implementer(IStreamClientEndpoint)
class FailOver:
    """An endpoint that is the first of several that can be reached.

    It stays with the one that worked last, and begins behind it once that was no good.

    Args:
        endpoints: in order of preference.
        names: what they are called; None for what ``str`` makes of them.
        clock: an ``IReactorTime``; None for attempts that may last for ever.
        seconds: after which an attempt to connect is given up; one that waits for an outbind
            is not.
        trying: called before each attempt with the name of the endpoint.

    Attributes:
        error: why the last attempt failed; None when it did not.
        tried: the name of the endpoint that was tried last.
        is_called: whether :meth:`connect` is being called just now.
    """

    def __init__(
        self,
        endpoints: Sequence[Any],
        names: Sequence[str] | None = None,
        clock: IReactorTime | None = None,
        seconds: float = 10.0,
        trying: Callable[[str], object] = lambda name: None,
    ) -> None:
        if not endpoints:
            raise ValueError("endpoint: none given")
        self._endpoints = list(endpoints)
        self._names = [str(each) for each in names or endpoints]
        self._clock = clock
        self._seconds = seconds
        self._trying = trying
        self._present = 0
        self._short = 0
        self.error: Exception | None = None
        self.tried = self.name
        self.is_called = False

    def __repr__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Of the endpoint that is tried next, or was tried last."""
        return self._names[self._present]

    @property
    def listens(self) -> bool:
        """Whether that endpoint waits to be called, so that nobody is stormed by it."""
        return isinstance(self._endpoints[self._present], OutbindEndpoint)

    def failed(self) -> None:
        """What was connected last is no good: the next one is tried first."""
        self._present = (self._present + 1) % len(self._endpoints)
        self._short = 0

    def ended(self, stable: bool) -> None:
        """A session has ended; where it is a short one again and again, the next is tried."""
        self._short = 0 if stable else self._short + 1
        if self._short >= SHORT_SESSIONS:
            self.failed()

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:  # noqa: N803
        """Twisted: tries one after the other; fails as the last of them fails."""
        self.is_called = True
        try:
            return Deferred.fromCoroutine(self._connect(protocolFactory))
        finally:
            self.is_called = False

    async def _connect(self, factory: Any) -> Any:
        left = len(self._endpoints)
        while True:
            left -= 1
            self.error = None
            self.tried = self.name
            self._trying(self.name)
            try:
                return await self._attempt(factory)
            except CancelledError:
                raise
            except Exception as error:
                self.error = error
                self.failed()
                if not left:
                    raise

    def _attempt(self, factory: Any) -> Deferred[Any]:
        connecting: Deferred[Any] = self._endpoints[self._present].connect(factory)
        if self._clock is None or self.listens:
            return connecting
        return connecting.addTimeout(self._seconds, self._clock, self._timed_out)

    def _timed_out(self, result: Any, seconds: float) -> Any:
        raise TimeoutError(f"no connection within {seconds:g} s")
