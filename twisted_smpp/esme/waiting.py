"""The parts that wait to be sent, in their order, and who waits for room among them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import NoReturn

from twisted.internet.defer import Deferred

from twisted_smpp.errors import WindowFull
from twisted_smpp.esme.message import FIRST_FINAL, MessagePart, Progress

__all__ = ["TO_SEND", "Waiting"]

#: Where a part is that is to be sent.
TO_SEND = (Progress.QUEUED, Progress.UNKNOWN)


class Waiting:
    """What of a sender is the same for any link.

    Args:
        seconds: returns the time, in seconds.
        most_waiting: when so many parts wait to be sent or are held, no more messages are taken.
    """

    def __init__(self, seconds: Callable[[], float], most_waiting: int) -> None:
        self._seconds = seconds
        self._most_waiting = most_waiting
        #: New parts; those that came back and go first; those whose time has not come.
        self._new: deque[MessagePart] = deque()
        self._returned: list[MessagePart] = []
        self._later: list[tuple[float, MessagePart]] = []
        self._held: set[MessagePart] = set()
        self._slots: deque[Deferred[None]] = deque()
        self._giving = False

    def _pump(self) -> None:
        """Sends what may be sent now."""
        raise NotImplementedError

    def _over(self, part: MessagePart) -> None:
        """The validity of a part is over."""
        raise NotImplementedError

    @property
    def waiting(self) -> int:
        """Parts that wait to be sent, now or later."""
        return len(self._new) + len(self._returned) + len(self._later)

    @property
    def held(self) -> int:
        """Parts whose outcome is unknown, and that wait for a decision."""
        return len(self._held)

    @property
    def first_order(self) -> int | None:
        """The order of the first part that waits to be sent now; None when none does."""
        first = [each[0].order for each in (self._returned, self._new) if each]
        return min(first, default=None)

    @property
    def _occupied(self) -> int:
        """Parts that take up room."""
        return self.waiting + self.held

    def check_room(self) -> None:
        """Raises WindowFull when there is no room for one more message."""
        waiting = len(self._new) + len(self._returned) + len(self._later)
        if waiting + len(self._held) >= self._most_waiting:
            self._no_room(self.waiting, self.held)

    def _no_room(self, waiting: int, held: int) -> NoReturn:
        and_held = f" and {held} are held until it is decided about them" if held else ""
        raise WindowFull(
            f"{waiting} message parts wait to be sent{and_held}, at most {self._most_waiting} may"
        )

    def slot(self) -> Deferred[None]:
        """Fires, in order, when there is room for one more message; may be cancelled.

        Nobody keeps the room: who gets it should send at once.
        """
        deferred: Deferred[None] = Deferred(self._slots.remove)
        self._slots.append(deferred)
        self._give_slots()
        return deferred

    def _give_slots(self) -> None:
        if self._giving or not self._slots:
            return
        self._giving = True
        try:
            while self._slots and self._occupied < self._most_waiting:
                self._slots.popleft().callback(None)
        finally:
            self._giving = False

    def _has_next(self, now: float) -> bool:
        """Whether a part waits; those that are done meanwhile are dropped on the way."""
        while self._returned or self._new:
            part = self._returned[0] if self._returned else self._new[0]
            if part.expires_at is not None and part.expires_at <= now:
                self._over(part)
            if part.progress in TO_SEND:
                return True
            if self._returned and self._returned[0] is part:
                heappop(self._returned)
            elif self._new and self._new[0] is part:
                self._new.popleft()
        return False

    def _drop(self, part: MessagePart) -> None:
        self._held.discard(part)
        if part.progress in TO_SEND and part.attempts:
            self._new = deque(each for each in self._new if each is not part)
            self._returned = [each for each in self._returned if each is not part]
            self._later = [each for each in self._later if each[1] is not part]
            heapify(self._returned)
            heapify(self._later)

    # Parts that move from one sender to another, see :class:`~twisted_smpp.esme.pool.ESMEPool`.

    @property
    def ready(self) -> int:
        """Parts that wait to be sent, and not for a later time."""
        return len(self._new) + len(self._returned)

    def first(self, now: float) -> MessagePart | None:
        """The part that is next; None when none is due."""
        while self._later and self._later[0][0] <= now:
            self._queue(heappop(self._later)[1])
        if not self._has_next(now):
            return None
        return self._returned[0] if self._returned else self._new[0]

    def shift(self, now: float) -> list[tuple[float, MessagePart]]:
        """Gives away the parts of the message that is next, for :meth:`adopt`."""
        shifted: list[tuple[float, MessagePart]] = []
        while (part := self.first(now)) is not None:
            if shifted and part.message is not shifted[0][1].message:
                break
            shifted.append((now, part))
            if self._returned:
                heappop(self._returned)
            else:
                self._new.popleft()
        return shifted

    def _all(self) -> list[tuple[float, MessagePart]]:
        """What waits, now, for later or for a decision, with the time from which it may be sent."""
        now = self._seconds()
        waiting = [(now, part) for part in (*self._returned, *self._new, *self._held)]
        return waiting + self._later

    def release(
        self, wanted: Callable[[MessagePart], bool] = lambda part: True
    ) -> list[tuple[float, MessagePart]]:
        """Gives away what waits, now, for later or for a decision, but not what is in flight.

        Args:
            wanted: whether a part is to go; without it all do.

        Returns:
            the parts in their order, each with the time from which it may be sent.
        """
        waiting = self._all()
        # Those that are done meanwhile are dropped: the message of one may be gone.
        done = {part for _, part in waiting if part.progress >= FIRST_FINAL}
        released = [each for each in waiting if each[1] not in done and wanted(each[1])]
        gone = done.union(part for _, part in released)
        self._returned = [part for part in self._returned if part not in gone]
        self._new = deque(part for part in self._new if part not in gone)
        self._later = [each for each in self._later if each[1] not in gone]
        self._held -= gone
        heapify(self._returned)
        heapify(self._later)
        return sorted(released, key=lambda each: each[1].order)

    def adopt(self, released: Iterable[tuple[float, MessagePart]]) -> None:
        """Takes over what another sender gave away; each part keeps its place by its order."""
        now = self._seconds()
        for at, part in released:
            if part.progress is Progress.HELD:
                self._held.add(part)
            elif part.progress in TO_SEND and at > now:
                heappush(self._later, (at, part))
            elif part.progress in TO_SEND:
                self._queue(part)
        self._pump()

    def _queue(self, part: MessagePart) -> None:
        """To its place: all that have come back stay in front of all new ones."""
        if self._new and part < self._new[-1]:
            self._returned += self._new
            self._new.clear()
            heapify(self._returned)
        if self._new or not self._returned:
            self._new.append(part)
        else:
            heappush(self._returned, part)
