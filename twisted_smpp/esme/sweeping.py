"""What gets old is looked for while there is something that may."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["SECONDS", "Sweep"]

#: How often old parts and receipts are looked for.
SECONDS = 30.0


class Sweep:
    """Looks every half minute, from :meth:`later` until there is nothing to look for.

    Args:
        clock: an ``IReactorTime``.
        expire: called with the time, in seconds; returns whether nothing is left that could
            become too old.

    Attributes:
        call: the timer; None while there is none.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, expire: Callable[[float], bool]) -> None:
        self._clock = clock
        self._expire = expire
        self.call: IDelayedCall | None = None
        self._is_stopped = False

    def later(self) -> None:
        """There may be something to look for."""
        self._is_stopped = False
        if self.call is None:
            self.call = self._clock.callLater(SECONDS, self._look)

    def stop(self) -> None:
        """Looks no more, until :meth:`later` is called again."""
        self._is_stopped = True
        if self.call is not None:
            self.call.cancel()
            self.call = None

    def _look(self) -> None:
        self.call = None
        try:
            is_idle = self._expire(self._clock.seconds())
        except Exception:
            self.log.failure("what is too old was not looked for, but is again soon")
            is_idle = False
        if not (is_idle or self._is_stopped):  # what was too old may have stopped it
            self.later()
