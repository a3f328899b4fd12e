"""The messages of one account on their way: what is sent next, and what became of it.

Parts wait in order. Each is given to a session while the window and the rate allow it; what
is refused because of load comes back to the head of the queue, what is refused for the time
being waits for its next attempt, and what was sent when a link broke is ``UNKNOWN`` until the
policy of the service decides. Every part ends in exactly one final state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import chain
from math import inf
from typing import Any

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
from twisted_smpp.esme.attempts import Attempt, Journal, Link, UnknownPolicy
from twisted_smpp.esme.message import FIRST_FINAL, Message, MessagePart, Progress, useless
from twisted_smpp.esme.pace import Pace
from twisted_smpp.esme.retries import Retries, RetryClass
from twisted_smpp.esme.waiting import TO_SEND, Waiting
from twisted_smpp.wire.pdus import SubmitSMResp
from twisted_smpp.wire.tlvs import congestion_state

__all__ = ["Sender", "UnknownPolicy"]

_UNKNOWN = (Progress.HELD, Progress.UNKNOWN)
# Looked up once: an enumeration is slow at it.
_SENDING, _ACCEPTED, _SENT = Progress.SENDING, Progress.ACCEPTED, Progress.SENT
#: Overdue responses that are still recognised.
_MOST_OVERDUE = 1024
#: Seconds that a part whose response is overdue waits for it before it is sent again.
LATE_SECONDS = 5.0
#: Seconds until the next attempt when the session has no room, or says that it takes none.
BUSY_SECONDS = 1.0


class Sender(Waiting):
    """A queue of parts, and the sessions that take them.

    Args:
        clock: an ``IReactorTime``.
        pace: how fast the link may be driven.
        retries: what to do with refusals.
        unknown: what to do with lost responses.
        most_waiting: when so many parts wait to be sent or are held, no more messages are taken.
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
        super().__init__(clock.seconds, most_waiting)
        self._clock = clock
        self.pace = pace
        self._retries = retries
        self._unknown_policy = unknown
        self._accepted_part = accepted
        self._link: Link | None = None
        self._in_flight: set[MessagePart] = set()
        #: Parts whose response may still come, by the PDU that was sent; with it, until when.
        self._overdue: dict[int, tuple[Any, MessagePart, float]] = {}
        self._call: IDelayedCall | None = None
        self._order = 0
        self._pumping = False
        self._stopped = True
        self._busy_until = float("-inf")
        #: Where it is written that a part is about to be sent.
        self.outbox: Journal | None = None
        #: How often a part was sent again although its outcome was unknown.
        self.resends = 0
        #: Called when something may have changed; all senders that may have a part of ours.
        self.on_change: Callable[[], object] | None = None
        self.peers: Sequence[Sender] = (self,)

    # What there is.

    @property
    def in_flight(self) -> int:
        """Parts that were sent and have no response yet."""
        return len(self._in_flight)

    @property
    def unanswered_since(self) -> float:
        """When the oldest of what has no response yet, but may get one, was sent; inf for none."""
        overdue = (part for _, part, _ in self._overdue.values())
        return min((part.sent_at for part in chain(self._in_flight, overdue)), default=inf)

    @property
    def last_order(self) -> int:
        """The order of the last part there was."""
        return self._order

    @property
    def idle(self) -> bool:
        """Whether :meth:`expire` has nothing to do, now or later."""
        return not (self.waiting or self._in_flight or self._overdue or self._held)

    def parts(self) -> Iterator[MessagePart]:
        """Every part that has not been accepted and has not failed."""
        # Of those that are final the message may be gone. It is a list: who looks may decide.
        found = [*self._in_flight, *(part for _, part in self._all())]
        return iter([part for part in found if part.progress < _ACCEPTED])

    # In.

    def add(self, message: Message) -> None:
        """Queues the parts of a message.

        Raises:
            WindowFull: there is no room for one more message: see :meth:`slot`.
        """
        parts = message.parts
        has_place = len(self._in_flight) < self.pace.window
        if has_place and len(parts) == 1 and self._send_at_once(parts[0]):
            return
        self.check_room()
        for part in parts:
            self._order += 1
            part.order = self._order
            self._new.append(part)
        if has_place or self._call is not None or self.on_change is not None:
            self._pump()

    def _send_at_once(self, part: MessagePart) -> bool:
        """Sends a part that has nobody before it; returns whether it did."""
        if self._pumping or self._new or self._returned or self._later:
            return False
        if len(self._held) >= self._most_waiting:
            return False
        now = self._seconds()
        if part.expires_at is not None and part.expires_at <= now:
            return False
        if not self._may_send(now):
            return False
        self.begin(part, now)
        return True

    def begin(self, part: MessagePart, now: float) -> None:
        """Sends the only part of a message now, for which :meth:`is_free` has to hold."""
        self._order += 1
        part.order = self._order
        self._pumping = True
        try:
            self._send(part, now)
        finally:
            self._pumping = False
        self._pump()

    def is_free(self, now: float) -> bool:
        """Whether one more message would be sent at once, without any count of how many."""
        if self._pumping or self._new or self._returned or self._later:
            return False
        if len(self._held) >= self._most_waiting:
            return False
        return len(self._in_flight) < self.pace.window and (
            self.able and now >= self._busy_until and self.pace.is_free(now)
        )

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
        # After most responses nothing waits; or all waits for the next.
        if self._later or (
            (self._new or self._returned) and len(self._in_flight) < self.pace.window
        ):
            self._send_waiting()
            if self._later or self._call is not None or len(self._in_flight) < self.pace.window:
                self._arm()
        elif self._call is not None:
            self._arm()
        if self._slots:
            self._give_slots()
        if self.on_change is not None:
            self.on_change()

    def _send_waiting(self) -> None:
        self._pumping = True
        try:
            now, in_flight = self._seconds(), self._in_flight
            while self._later and self._later[0][0] <= now:
                heappush(self._returned, heappop(self._later)[1])
            # Callbacks of the application may have stopped it, or ended the session.
            while len(in_flight) < self.pace.window and self._has_next(now) and self._may_send(now):
                part = heappop(self._returned) if self._returned else self._new.popleft()
                try:
                    self._send(part, now)
                except Exception:
                    self._broken(Failure(), part)
        finally:
            self._pumping = False

    def _may_send(self, now: float) -> bool:
        link = self._link
        if link is None or self._stopped or now < self._busy_until or not link.bound:
            return False
        return self.pace.may_send(now)

    def _send(self, part: MessagePart, now: float) -> None:
        part.attempts += 1
        if part.unknowns:
            part.resends += 1
            self.resends += 1
        part.sent_at = now
        part.progress = _SENDING
        self._in_flight.add(part)
        if self.outbox is None or self.outbox.attempting(part, self._written):
            self._transmit(part, now)

    def _written(self, part: MessagePart, error: SMPPError | None) -> None:
        """It is written that a part is being sent: now it may be."""
        try:
            self._send_written(part, error)
        except Exception:
            self._broken(Failure(), part)

    def _send_written(self, part: MessagePart, error: SMPPError | None) -> None:
        if error is None and self.able and part.progress is _SENDING:
            self._transmit(part, self._seconds(), self.outbox.telling)  # type: ignore[union-attr]
            return
        self._in_flight.discard(part)
        if part.progress is not Progress.SENDING:
            pass  # it was withdrawn
        elif error is None:
            self._not_sent(part)
        elif part.unknowns:
            self._end(part, Progress.LOST, error)
        else:
            self._fail(part, error)
        self._pump()

    def withdraw(self, message: Message, error: SMPPError) -> None:
        """A message could not be written: what of it was not sent yet is not sent."""
        for part in message.parts:
            if part.progress is Progress.QUEUED or (
                part.progress is Progress.SENDING and part.pdu is None
            ):
                part.error = error
                part.progress = Progress.FAILED
        message.changed()

    def _transmit(self, part: MessagePart, now: float, together: set[Link] | None = None) -> None:
        """Gives it to the session, which writes it at once if not ``together`` with others."""
        link: Any = self._link
        pdu, octets, ready = None, None, part.ready
        if ready is not None:
            part.ready = None
            if ready[2] is link:
                pdu, octets, _ = ready
        if pdu is None:
            # A new one for each attempt: a late response is known by the request it is for.
            pdu = part.make_pdu(now)
        part.pdu = pdu
        attempt = Attempt()
        attempt.part, attempt.sender, attempt.called = part, self, False
        link.request(pdu, octets, attempt, together is None)
        if together is not None:
            together.add(link)

    def _arm(self) -> None:
        """One timer, for the next moment at which something may be sent."""
        has_place = len(self._in_flight) < self.pace.window
        if self._call is None and not (self._later or has_place):
            return  # an answer comes first
        waits = self._new or self._returned or self._later
        if not waits or self._link is None or self._stopped or not self._link.bound:
            self._cancel()
            return
        now = self._seconds()
        due = []
        if self._later:
            due.append(self._later[0][0] - now)
        if (self._returned or self._new) and has_place:
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
        try:
            self._pump()
        except Exception:
            self.log.failure("nothing was sent, but is again soon")
            self._call = self._call or self._clock.callLater(BUSY_SECONDS, self._due)

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    # What the message centre says.

    def accepted(self, response: Any, part: MessagePart) -> None:
        """The session tells that a part was accepted."""
        try:
            self._in_flight.discard(part)
            part.pdu = None
            if self.pace.slowed or response._tail:
                now = self._seconds()
                self.pace.accepted(now)
                if response.octets_of_tail():
                    self._congestion(response, now)
            self.take(part, response.message_id)
            self._pump()
        except Exception:
            self._broken(Failure(), part)

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
        is_news = part.progress < FIRST_FINAL
        progress = _ACCEPTED if part.wants_receipt else _SENT
        if is_news:
            part.progress = progress
        # Its id is known before anybody is told: a receipt may follow at once.
        self._accepted_part(part, message_id)
        # If its receipt has come before, it has told of the end already.
        if is_news and part.progress is progress:
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

    def refused(self, error: BaseException, part: MessagePart) -> None:
        """The session tells that a part was refused, or that nobody knows."""
        try:
            self._in_flight.discard(part)
            if not isinstance(error, SMPPError):
                raise error
            self._not_accepted(error, part)
            self._pump()
        except Exception:
            self._broken(Failure(), part)

    def _not_accepted(self, error: Any, part: MessagePart) -> None:
        if part.message_ids:
            pass  # an earlier attempt was accepted after all
        elif isinstance(error, RequestRefused):
            self._refuse(error, part)
        elif isinstance(error, ResponseTimeout) or (isinstance(error, SessionLost) and error.sent):
            self._unknown(error, part)
        elif isinstance(error, SessionLost | NotPermitted | WindowFull):
            self._busy_until = self._seconds() + BUSY_SECONDS
            self._not_sent(part)
        else:
            self._fail(part, error)

    def _not_sent(self, part: MessagePart) -> None:
        """It never left: nothing has happened to it."""
        part.attempts -= 1
        part.resends -= bool(part.unknowns)
        self.resends -= bool(part.unknowns)
        self._again(part, progress=Progress.UNKNOWN if part.unknowns else Progress.QUEUED)

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
        self._decide(part, error)

    def _decide(self, part: MessagePart, error: SMPPError) -> None:
        """What becomes of a part that may have been accepted."""
        part.error = error
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
        error = None if part.unknowns or progress is not Progress.QUEUED else useless(part)
        if error is not None:
            self._end(part, Progress.FAILED, error)
            return
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
            if part.progress in TO_SEND and part.expires_at is not None and part.expires_at <= now:
                self._over(part)
        self._returned = [part for part in self._returned if part.progress in TO_SEND]
        self._later = [each for each in self._later if each[1].progress in TO_SEND]
        self._new = deque(part for part in self._new if part.progress in TO_SEND)
        heapify(self._returned)
        heapify(self._later)
        self._pump()

    @property
    def able(self) -> bool:
        """Whether there is a session to send with."""
        link = self._link
        return link is not None and not self._stopped and link.bound

    def recover(self, part: MessagePart) -> None:
        """A part of an earlier process.

        What that was sending has an error that says so, and the policy decides about it.
        """
        self._order += 1
        part.order = self._order
        if part.progress is Progress.QUEUED and part.refusals:
            # It is not known how much of its delay is over: it begins anew.
            again = self._seconds() + self._retries.delay(part.refusals)
            heappush(self._later, (again, part))
        elif part.progress is Progress.QUEUED:
            self._new.append(part)
        elif part.progress is Progress.HELD:
            self._held.add(part)
        elif part.progress is Progress.UNKNOWN and part.error is not None:
            self._decide(part, part.error)
        elif part.progress is Progress.UNKNOWN:
            self._again(part, progress=Progress.UNKNOWN)  # that was decided before
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
            self._pump()

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
