"""After starts that did not last: what earlier processes have left is handled one at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_smpp.errors import StoreError

__all__ = ["ALONE_SECONDS", "Caution"]

#: A record is past its danger when its outcome is known, or the process has lived on for so many
#: seconds: a peer that does not answer holds up nobody.
ALONE_SECONDS = 1.0


class Caution:
    """Lets one record be handled at a time, and says which to the disk before.

    Only records that an earlier process has left are meant.

    Args:
        mark: writes numbers; a Deferred that fires when that is done.
        reactor: for ``callLater``.
        last: the highest number of an earlier process.

    Attributes:
        when_free: called without arguments whenever no record is handled any more.
    """

    def __init__(
        self, mark: Callable[[tuple[int, ...]], Deferred[Any]], reactor: Any, last: int
    ) -> None:
        self._mark = mark
        self._reactor = reactor
        self._last = last
        self._alone: int | None = None
        self._timer: Any = None
        self._waiting: deque[tuple[int, Callable[[], object], tuple[int, ...]]] = deque()
        self._is_over = False
        self.when_free: list[Callable[[], object]] = []

    @property
    def is_busy(self) -> bool:
        """Whether one is being handled, and another one would wait."""
        return self._alone is not None

    def concerns(self, number: int) -> bool:
        """Whether a record has to wait for its :meth:`turn`."""
        return number <= self._last and not self._is_over

    def turn(
        self, number: int, begin: Callable[[], object], together: tuple[int, ...] = ()
    ) -> None:
        """Calls ``begin`` when no other is handled and the disk knows that this one is.

        Args:
            number: of the record; it is given to :meth:`leave` when it was handled.
            begin: handles it; what it raises is its caller's affair.
            together: the numbers of all records that are put aside with it, if it is.
        """
        self._waiting.append((number, begin, together or (number,)))
        if self._alone is None:
            self._next()

    def leave(self, number: int) -> None:
        """A record was handled, and nothing has happened."""
        if number == self._alone and self._timer is not None:  # it has begun
            self._cancel()
            # What it brings in this turn of the reactor belongs to it.
            self._timer = self._reactor.callLater(0, self._over)

    def lasted(self) -> None:
        """Nothing is to be feared any more: all go on."""
        waiting = self._waiting
        self.stop()
        for _, begin, _ in waiting:
            begin()
        self._tell()

    def stop(self) -> None:
        """The process ends: whoever waits stays in the store."""
        self._is_over = True
        self._cancel()
        self._alone = None
        self._waiting = deque()

    def _next(self) -> None:
        number, begin, together = self._waiting[0]
        self._alone = number
        marked = self._mark(together)
        # A store that has failed says so to whoever begins, too.
        marked.addErrback(_never_mind)
        marked.addCallback(self._marked, begin)

    def _marked(self, _: object, begin: Callable[[], object]) -> None:
        if self._is_over:  # it has begun, or stays in the store
            return
        self._waiting.popleft()
        self._timer = self._reactor.callLater(ALONE_SECONDS, self._over)
        begin()

    def _over(self) -> None:
        self._timer = None
        self._alone = None
        if self._waiting:
            self._next()
        else:
            self._mark(()).addErrback(_never_mind)
            self._tell()

    def _tell(self) -> None:
        for call in self.when_free:
            call()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _never_mind(failure: Failure) -> None:
    """The store says itself when it has failed; what is saved there fails, too."""
    failure.trap(StoreError)
