"""Messages that wait too long to be sent, and why they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

if TYPE_CHECKING:
    from twisted_smpp.esme.sender import Sender

__all__ = ["TOO_LONG", "Stuck", "why_waiting"]

#: Seconds that a message may wait to be sent, unwarned; and those below which all is well again.
TOO_LONG, SHORT_AGAIN = 300.0, 150.0
#: Looks that are remembered; of more, every second one is.
_MOST_MARKS = 1000


class Stuck:
    """Whether the messages of an account wait too long to be sent.

    It is warned of, with the reason, when the first has waited for five minutes, and again each
    time that it has waited twice as long; and told when it is less than half of that again. How
    long is known by what was there at the looks before, so messages carry no times.

    Args:
        name: of the account, for the log.

    Attributes:
        seconds: how long the first part that waits had waited at the last look, at least;
            0.0 when none waited.
        too_long: whether it was warned of, and is not over.
    """

    log = Logger()

    def __init__(self, name: str) -> None:
        self._name = name
        self.seconds = 0.0
        self.too_long = False
        self._warn_at = TOO_LONG
        #: Of the looks before, the oldest first: when it was, and the last part there was.
        self._marks: list[tuple[float, int]] = []

    def look(
        self, first: int | None, last: int, waiting: int, why: Callable[[], str], now: float
    ) -> None:
        """Looks how long the first part waits.

        Args:
            first: the order of the first part that waits to be sent; None when none does.
            last: the order of the last part there was.
            waiting: how many parts wait.
            why: says why the first does.
            now: the time, in seconds.
        """
        self.seconds = self._waits_for(first, now)
        marks = self._marks
        if first is not None and (not marks or marks[-1][1] < last):
            marks.append((now, last))
            if len(marks) > _MOST_MARKS:
                del marks[1::2]
        if self.seconds >= self._warn_at:
            self.too_long = True
            self._warn_at = 2 * self.seconds
            self.log.warn(
                "{name}: {waiting} message parts wait to be sent, the first for {minutes:.0f} "
                "min: {why}",
                name=ascii(self._name),
                waiting=waiting,
                minutes=self.seconds / 60,
                why=why(),
            )
        elif self.too_long and self.seconds < SHORT_AGAIN:
            self.too_long = False
            self._warn_at = TOO_LONG
            self.log.info("{name}: messages do not wait long any more", name=ascii(self._name))

    def _waits_for(self, first: int | None, now: float) -> float:
        """Since the first look at which it was there."""
        marks = self._marks
        if first is None:
            marks.clear()
            return 0.0
        gone = 0
        while gone < len(marks) and marks[gone][1] < first:
            gone += 1
        del marks[:gone]
        return now - marks[0][0] if marks else 0.0


def why_waiting(sender: Sender, unbound: str, now: float) -> str:
    """Why a part waits to be sent, in words.

    Args:
        sender: where it waits.
        unbound: why the link has no session that can send, if it has none.
        now: the time, in seconds.
    """
    pace = sender.pace
    if not sender.able:
        return f"no session that can send ({unbound})"
    if sender.rests_for(now) or pace.slowed:
        return f"the message centre has said {pace.throttled} times that it is too much"
    if sender.in_flight >= pace.window:
        return f"{sender.in_flight} requests wait for their responses, which is the window"
    rate = pace.rate if pace.shared is None else pace.shared.rate
    if rate is not None:
        return f"no more than {rate:g} messages/s may be sent"
    return "more come than are sent"
