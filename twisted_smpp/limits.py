"""What a session puts up with before it ends: bounds on time, count and size."""

from __future__ import annotations

__all__ = [
    "ENQUIRIES_PER_SECOND",
    "FRAME_OCTETS_PER_SECOND",
    "FRAME_SECONDS",
    "FRAME_SECONDS_UNBOUND",
    "LATE_MOST",
    "LATE_SECONDS",
    "MALFORMED_PER_MINUTE",
    "MAX_SEQUENCE_NUMBER",
    "READ_FIRST",
    "SLACK",
    "STANDSTILL",
    "TIMEOUTS_IN_A_ROW",
    "UNBOUND_BUFFER",
    "UNBOUND_ENQUIRIES",
    "UNBOUND_ERRORS",
    "UNMATCHED_PER_MINUTE",
    "Budget",
    "Budgets",
]

#: The sequence_number that 1 comes after.
MAX_SEQUENCE_NUMBER = 0x7FFFFFFF
#: Late responses are recognised for so long, and so many of them.
LATE_SECONDS, LATE_MOST = 600.0, 1024
#: What a peer may get wrong in a minute before the connection ends.
MALFORMED_PER_MINUTE, UNMATCHED_PER_MINUTE = 10, 100
#: Before it is bound a peer gets so many enquire_links answered, and may err so often.
UNBOUND_ENQUIRIES, UNBOUND_ERRORS = 5, 3
#: So many enquire_links a second are borne, and twice as many at once.
ENQUIRIES_PER_SECOND = 10
#: Octets that may wait behind a bind which is not answered yet.
UNBOUND_BUFFER = 4096
#: So many requests in a row without a response mean that the peer is stuck.
TIMEOUTS_IN_A_ROW = 3
#: A PDU that has begun must be whole in so many seconds, more for a long one.
FRAME_SECONDS, FRAME_SECONDS_UNBOUND, FRAME_OCTETS_PER_SECOND = 10.0, 5.0, 1024
#: A deadline this near is due: timers of a reactor are not exact to the last bit.
SLACK = 0.001
#: A timer that is so many seconds late tells that the process stood still (a suspended machine,
#: SIGSTOP, a callback that blocks); then there are so many to read before anything is overdue.
STANDSTILL, READ_FIRST = 5.0, 1.0


class Budget:
    """So many in so many seconds, refilled evenly."""

    __slots__ = ("_at", "_left", "_most", "_seconds")

    def __init__(self, most: int, seconds: float, now: float) -> None:
        self._most = self._left = float(most)
        self._seconds = seconds
        self._at = now

    def spend(self, now: float) -> bool:
        """Takes one; False when none is left."""
        grown = (now - self._at) * self._most / self._seconds
        self._left = min(self._most, self._left + grown) - 1
        self._at = now
        if self._left < 0:
            self._left = 0.0
            return False
        return True


class Budgets:
    """Those of one session; each is made when it is needed first."""

    __slots__ = ("_before_bind", "_enquiries", "_malformed", "_unmatched")

    def __init__(self) -> None:
        self._before_bind = 0
        self._enquiries: Budget | None = None
        self._malformed: Budget | None = None
        self._unmatched: Budget | None = None

    def enquiry(self, now: float) -> bool:
        """Whether the peer may ask once more."""
        if self._enquiries is None:
            self._enquiries = Budget(2 * ENQUIRIES_PER_SECOND, 2.0, now)
        return self._enquiries.spend(now)

    def enquiry_before_bind(self) -> bool:
        """Whether a peer that is not bound gets one more answer."""
        self._before_bind += 1
        return self._before_bind <= UNBOUND_ENQUIRIES

    def malformed(self, now: float) -> bool:
        """Whether the peer may err once more."""
        if self._malformed is None:
            self._malformed = Budget(MALFORMED_PER_MINUTE, 60.0, now)
        return self._malformed.spend(now)

    def unmatched(self, now: float) -> bool:
        """Whether one more response to no request is borne."""
        if self._unmatched is None:
            self._unmatched = Budget(UNMATCHED_PER_MINUTE, 60.0, now)
        return self._unmatched.spend(now)
