"""What an earlier process has left in an outbox goes on; if it cannot be read, some time later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.errors import SessionLost, StoreFailed
from twisted_smpp.esme.lessons import Lessons
from twisted_smpp.esme.message import Message
from twisted_smpp.esme.outbox import Outbox

__all__ = ["FIRST_DELAY", "LONGEST_DELAY", "Recovering"]

#: Seconds until an outbox is read again; they double each time, up to the longest.
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0


class Recovering:
    """Reads an outbox to its end, in as many attempts as that takes.

    Each attempt goes on behind the last message that was read, so that none is sent twice.

    Args:
        clock: an ``IReactorTime``.
        outbox: where the messages are.
        lessons: what was learnt of how ids are written; it is read first.
        found, receipt: as those of :meth:`~twisted_smpp.esme.outbox.Outbox.load`.
        done: called once, with the number of messages.
    """

    log = Logger()

    def __init__(
        self,
        clock: Any,
        outbox: Outbox,
        lessons: Lessons,
        found: Callable[[Message, float], object],
        receipt: Callable[[Any, int, float], object],
        done: Callable[[int], object],
    ) -> None:
        self._clock = clock
        self._outbox = outbox
        self._lessons = lessons
        self._found = found
        self._receipt = receipt
        self._done = done
        self._is_reading = self._is_stopped = False
        self._delay = FIRST_DELAY
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Reads, unless that is done, or under way."""
        self._is_stopped = False
        if not self._is_reading and self._call is None and not self._outbox.recovered:
            self._read()

    def stop(self) -> None:
        """Does not try again, until the next start."""
        self._is_stopped = True
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if not self._is_reading:
            self._tell_stopped()

    def _tell_stopped(self) -> None:
        if not self._outbox.recovered:
            why = "the service was stopped before all messages of before went on"
            self._outbox.tell_recovered(Failure(SessionLost(why, sent=False)))

    def _read(self) -> None:
        self._call = None
        self._is_reading = True
        Deferred.fromCoroutine(self._load()).addCallbacks(self._was_read, self._was_not)

    async def _load(self) -> int:
        await self._lessons.read()
        return await self._outbox.load(self._clock.seconds, self._found, self._receipt)

    def _was_read(self, count: int) -> None:
        self._is_reading = False
        self._done(count)
        self._outbox.tell_recovered(count)

    def _was_not(self, failure: Failure) -> None:
        self._is_reading = False
        # That a store has failed it tells itself, and to close it is no mistake.
        if not failure.check(StoreFailed):
            self.log.failure("the outbox is not read yet", failure)
            if not self._is_stopped:
                self._call = self._clock.callLater(self._delay, self._read)
                self._delay = min(2 * self._delay, LONGEST_DELAY)
        self._outbox.tell_recovered(failure)
