"""When to try again: after a connection that failed, a bind that was refused, a link lost.

Delays double from attempt to attempt, each drawn at random so that many clients of one
message centre do not come back together. A refused bind is another matter than a failed
connection: a message centre that is asked with a wrong password every second shuts the door.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from twisted_smpp.errors import BindRefused
from twisted_smpp.status import CommandStatus

__all__ = ["Backoff"]

#: A bind that held for so many seconds makes the next attempt an early one again.
STABLE_SECONDS = 60.0


class _Delays(NamedTuple):
    """Seconds of the first delay and of the longest, and what part of it is certain."""

    first: float
    longest: float
    certain: float = 0.0


#: Wrong credentials: somebody has to change them, at one of the two ends.
_CREDENTIALS = _Delays(60.0, 900.0, 0.5)
#: Sessions that are still there: they go when the message centre notices. Never below 60 s.
_ALREADY_BOUND = _Delays(90.0, 120.0, 2 / 3)
_REFUSED = _Delays(5.0, 60.0, 0.5)
#: Who waits to be called storms nobody, and has to be there for the next call.
_AT_ONCE = _Delays(0.0, 0.0)
_BY_STATUS = {
    CommandStatus.ESME_RINVPASWD: _CREDENTIALS,
    CommandStatus.ESME_RINVSYSID: _CREDENTIALS,
    CommandStatus.ESME_RINVSYSTYP: _CREDENTIALS,
    CommandStatus.ESME_RALYBND: _ALREADY_BOUND,
}


class Backoff:
    """The delay before the next attempt.

    Args:
        first, longest: seconds, for connections that fail or are lost.
        random: returns a number from 0 to 1.
    """

    def __init__(self, first: float, longest: float, random: Callable[[], float]) -> None:
        self._lost = _Delays(first, longest)
        self.random = random
        self._failures = 0
        self._refusals = 0
        self._delays = self._lost

    def bound_for(self, seconds: float, listens: bool = False) -> bool:
        """A link has ended that had been bound for so long.

        Args:
            seconds: how long.
            listens: whether the message centre had called, and may call again.

        Returns:
            whether that was long enough for the next attempt to be an early one.
        """
        stable = listens or seconds >= STABLE_SECONDS
        self._refusals = 0
        self._delays = _AT_ONCE if listens else self._lost
        self._failures = 0 if stable else self._failures + 1
        return stable

    def refused(self, error: BaseException) -> None:
        """A bind has failed."""
        self._failures += 1
        if isinstance(error, BindRefused):
            self._refusals += 1
            self._delays = _BY_STATUS.get(CommandStatus(error.command_status), _REFUSED)
        else:
            self._delays = self._lost

    def delay(self, failed: int) -> float:
        """Seconds before the next attempt.

        Args:
            failed: how many connections have failed in a row.
        """
        if failed > 1:
            # The message centre cannot even be reached any more: that is another matter.
            self._delays = self._lost
        delays = self._delays
        refused = delays is not self._lost
        attempts = self._refusals if refused else max(failed, self._failures, 1)
        longest = min(delays.longest, delays.first * 2.0 ** min(attempts - 1, 30))
        return longest * (delays.certain + (1 - delays.certain) * self.random())
