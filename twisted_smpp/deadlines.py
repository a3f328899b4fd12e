"""When something of a session is overdue: its bind, a PDU, a response, or any sign of life.

A part of :class:`~twisted_smpp.session.Session`, which says how it is driven.
"""

from __future__ import annotations

from typing import Any

from twisted_smpp import limits
from twisted_smpp.events import Close, Event, Pending, TimedOut, Timers
from twisted_smpp.matrix import BINDS
from twisted_smpp.states import BOUND, State
from twisted_smpp.wire.pdu import Request
from twisted_smpp.wire.pdus import EnquireLink, Unbind

__all__ = ["Deadlines"]


class Deadlines:
    """What a session knows of time."""

    __slots__ = (
        "_bind_by",
        "_enquiry",
        "_frame_by",
        "_link",
        "_pending",
        "_timeouts",
        "_used_at",
        "binding",
        "heard_at",
        "held",
        "state",
        "timers",
    )

    state: State
    timers: Timers
    binding: Request[Any] | None
    heard_at: float
    held: bool
    _pending: dict[int, Pending]
    _link: dict[int, Pending]
    _bind_by: float | None
    _frame_by: float | None
    _used_at: float
    _timeouts: int
    _enquiry: Pending | None

    def request(self, pdu: Request[Any], now: float) -> Pending | None:
        """Queues a request."""
        raise NotImplementedError

    def give_up(self, pending: Pending) -> bool:
        """Frees the place of a request in the window."""
        raise NotImplementedError

    def deadline(self) -> float | None:
        """When :meth:`tick` is due next; None when nothing can become due."""
        timers = self.timers
        due = [self._due(pending) for pending in self._link.values()]
        if oldest := next(iter(self._pending.values()), None):
            due.append(self._due(oldest))
        bind_by = self._bind_by if self.binding is None else None
        due += [by for by in (bind_by, self._frame_by) if by is not None]
        if self.state in BOUND:
            if timers.enquire_interval is not None and self._enquiry is None:
                due.append(self.heard_at + timers.enquire_interval)
            if timers.idle is not None:
                due.append(self._used_at + timers.idle)
        return min(due, default=None)

    def seconds_for(self, request: Request[Any]) -> float:
        """How long the response to a request is awaited."""
        cls = request.__class__
        if cls is EnquireLink or cls is Unbind:
            return self.timers.enquire
        return self.timers.bind if cls in BINDS else self.timers.response

    def _due(self, pending: Pending) -> float:
        return pending.sent_at + self.seconds_for(pending.request)

    def tick(self, now: float) -> list[Event]:
        """What became due; call it at :meth:`deadline` or whenever you like."""
        now += limits.SLACK
        events: list[Event] = []
        if self._bind_by is not None and self._bind_by <= now and self.binding is None:
            self._bind_by = None
            events.append(Close(f"not bound within {self.timers.bind:g} s"))
        if self._frame_by is not None and self._frame_by <= now:
            self._frame_by = None
            events.append(Close("a PDU was begun and not finished in time", grace=0))
        self._requests_due(now, events)
        self._links_due(now, events)
        if self.state in BOUND:
            self._silence_due(now, events)
        return events

    def _requests_due(self, now: float, events: list[Event]) -> None:
        for pending in list(self._pending.values()):
            if self._due(pending) > now:
                break
            self.give_up(pending)
            self._timeouts += 1
            events.append(TimedOut(pending))
        if self._timeouts >= limits.TIMEOUTS_IN_A_ROW:
            self._timeouts = 0
            why = f"{limits.TIMEOUTS_IN_A_ROW} requests in a row were not answered"
            events.append(Close(why, unbind=True))

    def _links_due(self, now: float, events: list[Event]) -> None:
        for pending in list(self._link.values()):
            if self._due(pending) > now:
                continue
            self.give_up(pending)
            if pending is self._enquiry:
                self._enquiry = None
            events.append(TimedOut(pending))
            # Any PDU is a sign of life, not only enquire_link_resp.
            if pending.request.__class__ is not EnquireLink:
                events.append(Close(f"{pending.request.command} was not answered"))
            elif self.heard_at < pending.sent_at and not self.held:
                events.append(Close("the peer does not answer enquire_link", grace=0))

    def _silence_due(self, now: float, events: list[Event]) -> None:
        timers = self.timers
        if timers.idle is not None and self._used_at + timers.idle <= now:
            self._used_at = now
            events.append(Close(f"no message for {timers.idle:g} s", unbind=True))
        elif (
            timers.enquire_interval is not None
            and self._enquiry is None
            and self.heard_at + timers.enquire_interval <= now
        ):
            self._enquiry = self.request(EnquireLink(), now - limits.SLACK)
