"""Several ways to one message centre."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from zope.interface import implementer

__all__ = ["FailOver"]


@implementer(IStreamClientEndpoint)
class FailOver:
    """An endpoint that is the first of several that can be reached.

    It stays with the one that worked last, and begins behind it once that was no good.

    Args:
        endpoints: in order of preference.

    Attributes:
        error: why the last attempt failed; None when it did not.
    """

    def __init__(self, endpoints: Sequence[Any]) -> None:
        if not endpoints:
            raise ValueError("endpoint: none given")
        self._endpoints = list(endpoints)
        self._present = 0
        self.error: Exception | None = None

    def failed(self) -> None:
        """What was connected last is no good: the next one is tried first."""
        self._present = (self._present + 1) % len(self._endpoints)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:  # noqa: N803
        """Twisted: tries one after the other; fails as the last of them fails."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: Any) -> Any:
        left = len(self._endpoints)
        while True:
            left -= 1
            self.error = None
            try:
                return await self._endpoints[self._present].connect(factory)
            except CancelledError:
                raise
            except Exception as error:
                self.error = error
                self.failed()
                if not left:
                    raise
