"""What a session tells: its events, and the deadlines it is given."""

from __future__ import annotations

from typing import Any, NamedTuple

from twisted_smpp.errors import SMPPError
from twisted_smpp.wire.pdu import Request, Response

__all__ = [
    "Close",
    "Event",
    "Flood",
    "LateResponse",
    "Pending",
    "TimedOut",
    "Timers",
    "Violation",
]


class Timers(NamedTuple):
    """The deadlines of a session, in seconds; None switches one off.

    Attributes:
        bind: from the connection to an accepted bind (session_init_timer).
        response: from a request to its response (response_timer).
        enquire_interval: silence after which enquire_link is sent (enquire_link_timer).
        enquire: from enquire_link to any sign of life; then the peer is dead.
        idle: without any message, after which the session ends (inactivity_timer).
    """

    bind: float = 10.0
    response: float = 30.0
    enquire_interval: float | None = 30.0
    enquire: float = 10.0
    idle: float | None = None


class Pending:
    """A request of ours that awaits its response.

    Attributes:
        request: the PDU that was sent.
        response: what came, None before.
        error: why what came cannot be used, or None: it was not readable, or it was a
            generic_nack that does not say what is wrong.
        sent_at: when it was sent, in the seconds of the caller.
        context: whatever the caller gave along; the session does not look at it.
    """

    # The session fills it in: an ``__init__`` would take twice as long as all of that.
    __slots__ = ("context", "error", "request", "response", "sent_at")

    request: Request[Any]
    sent_at: float
    context: Any
    response: Response | None
    error: SMPPError | None


class TimedOut(NamedTuple):
    """No response came in time; the outcome of the request is unknown."""

    pending: Pending


class LateResponse(NamedTuple):
    """The response to a request that had been given up."""

    pending: Pending
    response: Response


class Violation(NamedTuple):
    """Something that the peer should not have said.

    Attributes:
        reason: what, in words without any value of the PDU.
        command_id, sequence_number, size: of the PDU; size in octets, 0 when unknown.
        answered: the command_status that the peer got, or None when it got no answer.
    """

    reason: str
    command_id: int
    sequence_number: int
    size: int
    answered: int | None


class Close(NamedTuple):
    """The connection has to end.

    Attributes:
        reason: why, in words.
        grace: seconds that the peer has to read what is queued; 0 when it is not
            expected to.
        unbind: whether an unbind may still go first.
    """

    reason: str
    grace: float = 10.0
    unbind: bool = False


class Flood(NamedTuple):
    """The peer says so much that it should not be read for so many seconds."""

    seconds: float = 1.0


Event = Request[Any] | Pending | TimedOut | LateResponse | Violation | Flood | Close
