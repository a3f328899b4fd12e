"""The messages of one account on their way: what is sent next, and what became of it.

Parts wait in order. Each is given to a session while the window and the rate allow it; what
is refused because of load comes back to the head of the queue, what is refused for the time
being waits for its next attempt, and what was sent when a link broke is ``UNKNOWN`` until the
policy of the service decides. Every part ends in exactly one final state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp import limits
from twisted_smpp.errors import (
    NotPermitted,
    RequestRefused,
    ResponseTimeout,
    SessionLost,
    SMPPError,
    WindowFull,
)
from twisted_smpp.esme.message import Message, MessagePart, Progress
from twisted_smpp.esme.pace import Pace
from twisted_smpp.esme.retries import Retries, RetryClass
from twisted_smpp.wire.pdus import SubmitSMResp
from twisted_smpp.wire.tlvs import congestion_state

__all__ = ["Sender", "UnknownPolicy"]

_TO_SEND = (Progress.QUEUED, Progress.UNKNOWN)
_UNKNOWN = (Progress.HELD, Progress.UNKNOWN)
#: Overdue responses that are still recognised.
_MOST_OVERDUE = 1024
#: Seconds that a part whose response is overdue waits for it before it is sent again.
LATE_SECONDS = 5.0
#: Seconds until the next attempt when the session has no room, or says that it takes none.
BUSY_SECONDS = 1.0


class UnknownPolicy(Enum):
    """What becomes of a message whose response is lost.

    ``RESEND`` sends it again, a few times: the receiver may get it twice. ``HOLD`` keeps it
    until the application decides by :meth:`Sender.resend` or :meth:`Sender.give_up`.
    ``FAIL`` counts it as lost.
    """

    RESEND = "resend"
    HOLD = "hold"
    FAIL = "fail"


class Link(Protocol):
    """What the sender needs of a session."""

    @property
    def bound(self) -> bool: ...
    def request(self, pdu: Any) -> Deferred[Any]: ...
    def unbind(self) -> Deferred[None]: ...


class Sender:
    """A queue of parts, and the sessions that take them.

    Args:
        clock: an ``IReactorTime``.
        pace: how fast the link may be driven.
        retries: what to do with refusals.
        unknown: what to do with lost responses.
        most_waiting: when so many parts wait to be sent, no more messages are taken.
        accepted: called with a part that has just been accepted, and with its new id.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        pace: Pace,
        retries: Retries,
        unknown: UnknownPolicy,
        most_waiting: int,
        accepted: Callable[[MessagePart, str], object],
    ) -> None:
        self._clock = clock
        self._seconds = clock.seconds
        self.pace = pace
        self._retries = retries
        self._unknown_policy = unknown
        self._most_waiting = most_waiting
        self._accepted_part = accepted
        self._link: Link | None = None
        #: New parts; those that came back and go first; those whose time has not come.
        self._new: deque[MessagePart] = deque()
        self._returned: list[MessagePart] = []
        self._later: list[tuple[float, MessagePart]] = []
        self._in_flight: set[MessagePart] = set()
        #: Parts whose response may still come, by the PDU that was sent; with it, until when.
        self._overdue: dict[int, tuple[Any, MessagePart, float]] = {}
        self._held: set[MessagePart] = set()
        self._slots: deque[Deferred[None]] = deque()
        self._call: IDelayedCall | None = None
        self._order = 0
        self._pumping = self._giving = False
        self._stopped = True
        self._busy_until = float("-inf")
        #: Called when something may have changed; all senders that may have a part of ours.
        self.on_change: Callable[[], object] | None = None
        self.peers: Sequence[Sender] = (self,)

    # What there is.

    @property
    def waiting(self) -> int:
        """Parts that wait to be sent, now or later."""
        return len(self._new) + len(self._returned) + len(self._later)

    @property
    def in_flight(self) -> int:
        """Parts that were sent and have no response yet."""
        return len(self._in_flight)

    @property
    def held(self) -> int:
        """Parts whose outcome is unknown, and that wait for a decision."""
        return len(self._held)

    @property
    def idle(self) -> bool:
        """Whether :meth:`expire` has nothing to do, now or later."""
        return not (self.waiting or self._in_flight or self._overdue or self._held)

    def parts(self) -> Iterator[MessagePart]:
        """Every part that has not been accepted and has not failed."""
        yield from self._in_flight
        yield from self._returned
        yield from self._new
        yield from (part for _, part in self._later)
        yield from self._held

    # In.

    def add(self, message: Message) -> None:
        """Queues the parts of a message.

        Raises:
            WindowFull: there is no room for one more message: see :meth:`slot`.
        """
        if self.waiting >= self._most_waiting:
            raise WindowFull(
                f"{self.waiting} message parts wait to be sent, at most {self._most_waiting} may"
            )
        for part in message.parts:
            self._order += 1
            part.order = self._order
            self._new.append(part)
        self._pump()

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
            while self._slots and self.waiting < self._most_waiting:
                self._slots.popleft().callback(None)
        finally:
            self._giving = False

    # The link.

    def bound(self, link: Link) -> None:
        """There is a session to send with."""
        self._link = link
        self._stopped = False
        self._busy_until = float("-inf")
        self._pump()

    def unbound(self, link: Link) -> None:
        """A session is gone."""
        if link is self._link:
            self._link = None
            self._overdue.clear()
            self._cancel()

    def stop(self) -> None:
        """Sends nothing more; what waits stays."""
        self._stopped = True
        self._cancel()

    # Out.

    def _pump(self) -> None:
        """Sends what may be sent now, and is back when more may."""
        if self._pumping:
            return
        self._pumping = True
        try:
            now = self._seconds()
            while self._later and self._later[0][0] <= now:
                heappush(self._returned, heappop(self._later)[1])
            # Callbacks of the application may have stopped it, or ended the session.
            while self._has_next(now) and self._may_send(now):
                part = heappop(self._returned) if self._returned else self._new.popleft()
                self._send(part, now)
        finally:
            self._pumping = False
        self._give_slots()
        self._arm()
        if self.on_change is not None:
            self.on_change()

    def _has_next(self, now: float) -> bool:
        """Whether a part waits; those that are done meanwhile are dropped on the way."""
        while self._returned or self._new:
            part = self._returned[0] if self._returned else self._new[0]
            if part.expires_at is not None and part.expires_at <= now:
                self._over(part)
            if part.progress in _TO_SEND:
                return True
            if self._returned and self._returned[0] is part:
                heappop(self._returned)
            elif self._new and self._new[0] is part:
                self._new.popleft()
        return False

    def _may_send(self, now: float) -> bool:
        link = self._link
        if link is None or self._stopped or not link.bound or now < self._busy_until:
            return False
        return len(self._in_flight) < self.pace.window and self.pace.may_send(now)

    def _send(self, part: MessagePart, now: float) -> None:
        part.attempts += 1
        if part.unknowns:
            part.resends += 1
        part.sent_at = now
        part.progress = Progress.SENDING
        self._in_flight.add(part)
        # A new one for each attempt: a late response is known by the request that it is for.
        part.pdu = part.make_pdu(now)
        link: Any = self._link
        link.request(part.pdu).addCallbacks(
            self._accepted, self._refused, callbackArgs=(part,), errbackArgs=(part,)
        ).addErrback(self._broken, part)

    def _arm(self) -> None:
        """One timer, for the next moment at which something may be sent."""
        if self._link is None or self._stopped or not self._link.bound:
            self._cancel()
            return
        now = self._seconds()
        due = []
        if self._later:
            due.append(self._later[0][0] - now)
        if (self._returned or self._new) and len(self._in_flight) < self.pace.window:
            due.append(max(self.pace.seconds_left(now), self._busy_until - now))
        if not due:
            self._cancel()
            return
        seconds = max(0.001, min(due))
        if self._call is None:
            self._call = self._clock.callLater(seconds, self._due)
        else:
            self._call.reset(seconds)

    def _due(self) -> None:
        self._call = None
        self._pump()

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    # What the message centre says.

    def _accepted(self, response: Any, part: MessagePart) -> None:
        self._in_flight.discard(part)
        now = self._seconds()
        pace = self.pace
        pace.accepted(now)
        if response.tlvs:
            self._congestion(response, now)
        self.take(part, response.message_id)
        self._pump()

    def _congestion(self, response: Any, now: float) -> None:
        try:
            state = response.tlvs.get(congestion_state)
        except SMPPError:
            return
        if state is not None:
            self.pace.congested(state, now)

    def take(self, part: MessagePart, message_id: str) -> None:
        """A part was accepted, perhaps late, perhaps once more."""
        part.message_ids += (message_id,)
        is_news = not part.progress.final
        if is_news:
            part.progress = Progress.ACCEPTED if part.message.wants_receipt else Progress.SENT
        # Its id is known before anybody is told: a receipt may follow at once.
        self._accepted_part(part, message_id)
        if is_news:
            part.message.changed()

    def late(self, pdu: Any, response: Any) -> None:
        """The response to a request that had been given up."""
        _, part, _ = self._overdue.pop(id(pdu), (None, None, None))
        if part is None:
            return
        if isinstance(response, SubmitSMResp) and not response.command_status:
            self._take_out(part)
            self.take(part, response.message_id)
        else:
            part.unknowns -= 1
            if part.progress in _UNKNOWN and not part.unknowns:
                # Now it is known: it was refused, and sending it again repeats nothing.
                place = next((each for each in self.peers if part in each.parts()), self)
                self._take_out(part)
                self._refuse(RequestRefused.from_response(pdu, response), part)
                if place is not self:  # it has moved on meanwhile, and stays there
                    place.adopt(self.release(lambda each: each is part))
        self._pump()

    def _take_out(self, part: MessagePart) -> None:
        """A part that waits does so no longer, wherever it does."""
        for sender in self.peers:
            sender._drop(part)

    def _drop(self, part: MessagePart) -> None:
        self._held.discard(part)
        if part.progress in _TO_SEND and part.attempts:
            self._new = deque(each for each in self._new if each is not part)
            self._returned = [each for each in self._returned if each is not part]
            self._later = [each for each in self._later if each[1] is not part]
            heapify(self._returned)
            heapify(self._later)

    def _refused(self, failure: Failure, part: MessagePart) -> None:
        self._in_flight.discard(part)
        failure.trap(SMPPError)
        error: Any = failure.value
        if part.message_ids:
            pass  # an earlier attempt was accepted after all
        elif isinstance(error, RequestRefused):
            self._refuse(error, part)
        elif isinstance(error, ResponseTimeout) or (isinstance(error, SessionLost) and error.sent):
            self._unknown(error, part)
        elif isinstance(error, SessionLost | NotPermitted | WindowFull):
            # It never left: nothing has happened to it.
            part.attempts -= 1
            part.resends -= bool(part.unknowns)
            self._busy_until = self._seconds() + BUSY_SECONDS
            self._again(part, progress=Progress.UNKNOWN if part.unknowns else Progress.QUEUED)
        else:
            self._fail(part, error)
        self._pump()

    def _refuse(self, error: RequestRefused, part: MessagePart) -> None:
        part.error = error
        kind = self._retries.class_of(error.command_status)
        if kind is RetryClass.BACK_PRESSURE:
            self.pace.too_much(part.sent_at, self._seconds())
            self._again(part)
        elif kind is RetryClass.SESSION:
            part.session_faults += 1
            if self._link is not None:
                self._link.unbind()  # it is of no use any more; the service makes another
            if part.session_faults >= self._retries.session_attempts:
                self._fail(part, error)
            else:
                self._again(part)
        elif kind is RetryClass.PERMANENT:
            self._fail(part, error)
        else:
            part.refusals += 1
            if part.refusals >= self._retries.most_attempts(kind):
                self._fail(part, error)
            else:
                self._again(part, self._retries.delay(part.refusals))

    def _unknown(self, error: SMPPError, part: MessagePart) -> None:
        part.error = error
        part.unknowns += 1
        if part.pdu is not None and isinstance(error, ResponseTimeout):
            until = self._seconds() + limits.LATE_SECONDS
            self._overdue[id(part.pdu)] = part.pdu, part, until
            if len(self._overdue) > _MOST_OVERDUE:
                del self._overdue[next(iter(self._overdue))]
        policy = self._unknown_policy
        if policy is UnknownPolicy.HOLD:
            self._held.add(part)
            self._to(part, Progress.HELD)
        elif policy is UnknownPolicy.FAIL or part.unknowns > self._retries.unknown_resends:
            self._end(part, Progress.LOST, error)
        else:
            late = LATE_SECONDS if isinstance(error, ResponseTimeout) else 0.0
            self._again(part, late, Progress.UNKNOWN)

    def _again(
        self, part: MessagePart, seconds: float = 0.0, progress: Progress = Progress.QUEUED
    ) -> None:
        """Back into the queue: to its place in it, or for later."""
        part.progress = progress
        if seconds:
            heappush(self._later, (self._seconds() + seconds, part))
        else:
            heappush(self._returned, part)
        part.message.changed()

    def _fail(self, part: MessagePart, error: SMPPError) -> None:
        """Refused for good: then the parts that nobody has are of no use either."""
        for other in part.message.parts:
            if other.progress is Progress.QUEUED and not other.unknowns and other is not part:
                self._take_out(other)
                other.error = SMPPError(f"not sent: part {part.number} was refused ({error})")
                other.progress = Progress.FAILED
        self._end(part, Progress.FAILED, error)

    def _over(self, part: MessagePart) -> None:
        """Its validity is over, and it waits to be sent."""
        if part.unknowns:
            self._end(part, Progress.LOST, SMPPError("its validity was over, its outcome unknown"))
        else:
            self._end(part, Progress.EXPIRED, SMPPError("its validity was over before it was sent"))

    def _end(self, part: MessagePart, progress: Progress, error: SMPPError) -> None:
        part.error = error
        self._to(part, progress)

    def _to(self, part: MessagePart, progress: Progress) -> None:
        if part.progress is not progress and not part.progress.final:
            part.progress = progress
            part.message.changed()

    def _broken(self, failure: Failure, part: MessagePart) -> None:
        """A defect of ours, or of a callback: the part does not hang because of it."""
        self.log.failure("a part of a message failed", failure)
        self._in_flight.discard(part)
        if not part.message_ids:
            self._end(part, Progress.LOST, SMPPError("internal error"))
        self._pump()

    def expire(self, now: float) -> None:
        """Ends what is not worth sending any more; forgets responses that come no more."""
        while self._overdue:
            number, (_, _, until) = next(iter(self._overdue.items()))
            if until > now:
                break
            del self._overdue[number]
        for part in [*self._returned, *self._new, *(part for _, part in self._later)]:
            if part.progress in _TO_SEND and part.expires_at is not None and part.expires_at <= now:
                self._over(part)
        self._returned = [part for part in self._returned if part.progress in _TO_SEND]
        self._later = [each for each in self._later if each[1].progress in _TO_SEND]
        self._new = deque(part for part in self._new if part.progress in _TO_SEND)
        heapify(self._returned)
        heapify(self._later)
        self._pump()

    # Decisions about what is held.

    def resend(self, part: MessagePart) -> None:
        """Sends a held part again; it may arrive twice."""
        if part in self._held:
            self._held.discard(part)
            self._again(part, progress=Progress.UNKNOWN)
            self._pump()

    def give_up(self, part: MessagePart) -> None:
        """Counts a held part as lost."""
        if part in self._held:
            self._held.discard(part)
            self._end(part, Progress.LOST, part.error or SMPPError("given up"))

    # Parts that move from one sender to another, see :class:`~twisted_smpp.esme.pool.ESMEPool`.

    @property
    def able(self) -> bool:
        """Whether there is a session to send with."""
        link = self._link
        return link is not None and not self._stopped and link.bound

    @property
    def ready(self) -> int:
        """Parts that wait to be sent, and not for a later time."""
        return len(self._new) + len(self._returned)

    def rests_for(self, now: float) -> float:
        """Seconds for which nothing is sent because of what was refused before."""
        return max(self.pace.paused_for(now), self._busy_until - now, 0.0)

    def room(self, now: float) -> int:
        """How many parts more it would send soon."""
        if not self.able or self.rests_for(now):
            return 0
        if self.ready and self.pace.seconds_left(now):
            return 0  # the rate says how fast; one more would only wait here
        return max(0, self.pace.window - len(self._in_flight) - self.ready)

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

    def release(
        self, wanted: Callable[[MessagePart], bool] = lambda part: True
    ) -> list[tuple[float, MessagePart]]:
        """Gives away what waits, now, for later or for a decision, but not what is in flight.

        Args:
            wanted: whether a part is to go; without it all do.

        Returns:
            the parts in their order, each with the time from which it may be sent.
        """
        now = self._seconds()
        waiting = [*self._returned, *self._new, *self._held]
        released = [(now, part) for part in waiting if wanted(part)]
        released += [each for each in self._later if wanted(each[1])]
        gone = {part for _, part in released}
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
            elif part.progress in _TO_SEND and at > now:
                heappush(self._later, (at, part))
            elif part.progress in _TO_SEND:
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
