"""Whether a peer reads what is written to it, if slowly.

A transport tells only when it keeps a lot. Less than that may lie there as long as the peer
says something now and then; so it is looked at whenever a session wakes up.
"""

from __future__ import annotations

from typing import Any

__all__ = ["LEAST_READ", "Unread", "unwritten"]

#: Of what waits for it a peer reads so many octets in time, or all of them if they are fewer.
LEAST_READ = 1024


def unwritten(transport: Any) -> int:
    """Octets that a transport keeps because the peer does not read; 0 if it does not tell.

    One of TLS tells of the transport below it.
    """
    kept = getattr(transport, "dataBuffer", b"")
    return len(kept) - getattr(transport, "offset", 0) + getattr(transport, "_tempDataLen", 0)


class Unread:
    """What a peer has not read yet, looked at now and then.

    Args:
        seconds: the peer has for :data:`LEAST_READ` octets.

    Attributes:
        by: when it has to have read them; None while nothing waits.
    """

    __slots__ = ("_gone", "_least", "_seconds", "by")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._gone = self._least = 0
        self.by: float | None = None

    def is_too_slow(self, written: int, waiting: int, now: float) -> bool:
        """A look.

        Args:
            written: octets that were written since the session began.
            waiting: those of them that have not left.
            now: the present time, in seconds.
        """
        gone = written - waiting
        if not waiting:
            self.by = None
        elif self.by is None or gone - self._gone >= self._least:
            self._gone, self._least = gone, min(waiting, LEAST_READ)
            self.by = now + self._seconds
        return self.by is not None and self.by <= now
