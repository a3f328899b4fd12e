"""Messages that were submitted twice, because the first answer was lost."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["Repeats"]

#: Messages of one account that are remembered; the oldest are forgotten.
MOST = 100_000


class _First:
    """A message that was submitted, and those who wait for its answer."""

    __slots__ = ("message_id", "until", "waiting")

    def __init__(self, until: float) -> None:
        self.until = until
        self.message_id: str | None = None
        self.waiting: list[Deferred[str]] = []


class Repeats:
    """The messages of one account that are younger than some seconds.

    They are in memory only: after a restart a message that is repeated is a new one.
    """

    def __init__(self) -> None:
        self._firsts: OrderedDict[bytes, _First] = OrderedDict()

    def __len__(self) -> int:
        return len(self._firsts)

    @staticmethod
    def key(request: Any) -> bytes:
        """All of a submission but its sequence_number, as a digest."""
        return blake2b(
            request.encode()[16:], digest_size=16, person=request.command.encode()
        ).digest()

    def find(self, key: bytes, now: float) -> str | Deferred[str] | None:
        """The id of the first one: a Deferred while it is not kept yet, None for none.

        The Deferred errbacks with what the first one failed with.
        """
        first = self._firsts.get(key)
        if first is None or first.until <= now:
            return None
        if first.message_id is not None:
            return first.message_id
        waiter: Deferred[str] = Deferred(first.waiting.remove)
        first.waiting.append(waiter)
        return waiter

    def begin(self, key: bytes, now: float, seconds: float) -> None:
        """A message is about to be kept."""
        while self._firsts:
            oldest = next(iter(self._firsts.values()))
            if oldest.waiting or (oldest.until > now and len(self._firsts) < MOST):
                break
            self._firsts.popitem(last=False)
        self._firsts.pop(key, None)
        self._firsts[key] = _First(now + seconds)

    def kept(self, key: bytes, message_id: str) -> None:
        """It is."""
        first = self._firsts.get(key)
        if first is not None:
            first.message_id = message_id
            waiting, first.waiting = first.waiting, []
            for waiter in waiting:
                waiter.callback(message_id)

    def failed(self, key: bytes, failure: Failure) -> None:
        """It is not: the next one is a first one."""
        first = self._firsts.pop(key, None)
        if first is not None:
            for waiter in first.waiting:
                waiter.errback(failure)
