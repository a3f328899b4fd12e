"""Messages that were submitted twice, because the first answer was lost."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_smpp.values import InterfaceVersion

__all__ = ["Repeats"]

#: Messages of one account that are remembered; the oldest are forgotten.
MOST = 100_000


class _First:
    """A message that was submitted, and those who wait for its answer."""

    __slots__ = ("fields", "until", "waiting")

    def __init__(self, until: float) -> None:
        self.until = until
        #: Of the answer; None while it is not kept yet.
        self.fields: dict[str, Any] | None = None
        self.waiting: list[Deferred[dict[str, Any]]] = []


class Repeats:
    """The messages of one account that are younger than some seconds.

    They are in memory only: after a restart a message that is repeated is a new one. One that is
    being kept is remembered for as long as that takes.
    """

    def __init__(self) -> None:
        self._firsts: OrderedDict[bytes, _First] = OrderedDict()

    def __len__(self) -> int:
        return len(self._firsts)

    @staticmethod
    def key(request: Any, version: int) -> bytes:
        """All of a submission but its sequence_number, as a digest.

        Args:
            request: the submission.
            version: of the session; what 3.4 calls a message by is too long for 3.3.
        """
        return blake2b(
            request.encode()[16:],
            digest_size=16,
            person=request.command.encode(),
            salt=b"3.3" if version < InterfaceVersion.V3_4 else b"",
        ).digest()

    def find(self, key: bytes, now: float) -> dict[str, Any] | Deferred[dict[str, Any]] | None:
        """What the first one was answered: a Deferred while it is not kept yet, None for none.

        The Deferred errbacks with what the first one failed with.
        """
        first = self._firsts.get(key)
        if first is None:
            return None
        if first.fields is not None:
            return first.fields if first.until > now else None
        waiter: Deferred[dict[str, Any]] = Deferred(first.waiting.remove)
        first.waiting.append(waiter)
        return waiter

    def begin(self, key: bytes, now: float, seconds: float) -> None:
        """A message is about to be kept."""
        while self._firsts:
            oldest = next(iter(self._firsts.values()))
            if oldest.fields is None or (oldest.until > now and len(self._firsts) < MOST):
                break
            self._firsts.popitem(last=False)
        self._firsts.pop(key, None)
        self._firsts[key] = _First(now + seconds)

    def kept(self, key: bytes, fields: dict[str, Any]) -> None:
        """It is, and is answered so."""
        first = self._firsts.get(key)
        if first is not None:
            first.fields = fields
            waiting, first.waiting = first.waiting, []
            for waiter in waiting:
                waiter.callback(fields)

    def failed(self, key: bytes, failure: Failure) -> None:
        """It is not: the next one is a first one."""
        first = self._firsts.pop(key, None)
        if first is not None:
            for waiter in first.waiting:
                waiter.errback(failure)
