"""Where a session meets a Twisted transport, Deferreds and a clock.

:class:`SMPPProtocol` drives a :class:`~twisted_smpp.session.Session` and adds

- a Deferred for each request, and a bounded queue of requests that wait for the window;
- one write per read: all that one ``dataReceived`` causes leaves in one
  ``transport.write``;
- one timer: the heartbeat is a ``LoopingCall`` whose interval is the time to the next
  deadline, so that an idle session wakes up only for its enquire_link;
- backpressure: it is the transport's streaming producer. While the transport is full it
  sends no requests, and once the answers that it still has to give are too many it stops
  reading, so that a peer that does not read cannot grow our memory. It does not stop
  reading at once: a TLS transport is full until its handshake is over, which needs
  reading, and two full ends that both stop would wait for each other;
- answers that come later: an application may return a Deferred or a coroutine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_smpp.answering import BINDING, Answer, Answering, Later, Outcome
from twisted_smpp.errors import (
    NotPermitted,
    RequestRefused,
    ResponseTimeout,
    SessionLost,
    SMPPError,
    WindowFull,
)
from twisted_smpp.events import Close, Event, Flood, LateResponse, Pending, TimedOut, Violation
from twisted_smpp.limits import READ_FIRST, STANDSTILL, UNBOUND_BUFFER
from twisted_smpp.matrix import LINK
from twisted_smpp.noting import Noting, in_words
from twisted_smpp.session import Session
from twisted_smpp.shorthands import Shorthands
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus
from twisted_smpp.tap import Watch
from twisted_smpp.unread import Unread, unwritten
from twisted_smpp.wire.pdu import Request, Response
from twisted_smpp.wire.pdus import Unbind

if TYPE_CHECKING:
    from twisted_smpp.factory import SMPPFactory

__all__ = ["Answer", "SMPPProtocol"]

R = TypeVar("R", bound=Response | None)

_OTHER_EVENTS = frozenset({Close, Flood, LateResponse, TimedOut, Violation})

# Why reading is paused; several may hold at once.
_WRITING, _ASKED, _FLOODED = 1, 2, 16

#: Octets that are written to a transport which is full before the peer is read no more.
_OVERFLOW = 65_536
#: After a close that should be orderly the connection is cut.
_ABORT_AFTER = 10.0
#: However quiet a session is, so often it is looked whether the peer reads.
_LOOK_SECONDS = 60.0


@implementer(IPushProducer)
class SMPPProtocol(Noting, Answering, Shorthands, Protocol):
    """One connection, either role.

    Made by a :class:`~twisted_smpp.factory.SMPPFactory`, which has the settings.

    Attributes:
        session: the conversation; its ``state``, ``window`` and ``in_flight`` may be read.
        bind_request: the bind that was accepted, or None.
        on_drained: called when the transport was full and is empty again; None: nobody is.
    """

    log = Logger()
    factory: SMPPFactory

    def __init__(self) -> None:
        self.session: Session = cast(Session, None)
        self.bind_request: Any = None
        self.on_drained: Callable[[], object] | None = None
        self._waiting: deque[tuple[Request[Any], bytes, Deferred[Any]]] | None = None
        self._answering: dict[Later, None] | None = None
        self._watch: Watch | None = None
        self._paused = self._overflow = self._written = 0
        self._full = self._reading = self._writes_now = False
        self._now = 0.0
        self._closing: str | None = None
        self._abort_at: float | None = None
        self._stalled_at: float | None = None
        self._unread: Unread | None = None
        self._lost = False
        self._ending = False
        self._drain_by: float | None = None
        self._unbind_asked: Request[Any] | None = None
        self._ended: list[Deferred[None]] | None = None
        self._beat_at = 0.0
        self._resume_at: float | None = None

    # The connection.

    def connectionMade(self) -> None:
        """Twisted: the connection is there."""
        factory = self.factory
        self._seconds = factory.clock.seconds
        now = self._seconds()
        self.session = factory.make_session(now)
        self._on_request = factory.on_request
        self._response_seconds = factory.timers.response
        if factory.taps:
            self._watch = Watch(list(factory.taps), factory.max_pdu)
        transport: Any = self.transport
        if ITCPTransport.providedBy(transport):
            transport.setTcpNoDelay(True)
        # A TLS transport is no descriptor: it has to see the octets first.
        self._writes_now = isinstance(transport, FileDescriptor)
        transport.registerProducer(self, True)
        self._heartbeat = LoopingCall(self._beat)
        self._heartbeat.clock = factory.clock
        self._heartbeat.start(self._time_to_beat(now), now=False).addErrback(self._broken)
        factory.connected(self)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        """Twisted: the connection is gone; whatever waited fails with SessionLost."""
        if self._heartbeat.running:
            self._heartbeat.stop()
        self._lost = True
        self._log_hidden()
        why = self._closing or in_words(reason)
        if self.session.framing.partial:
            format = "{peer}: {octets} octets of an unfinished PDU are dropped"
            self.log.debug(format, peer=self.peer, octets=self.session.framing.partial)
        self._answering = None
        for pending in self.session.lost():
            if pending.context is not None:
                _fail(pending.context, SessionLost(why))
        self._fail_waiting(why)
        ended, self._ended = self._ended or (), None
        for deferred in ended:
            deferred.callback(None)
        self.factory.disconnected(self, why)

    @property
    def state(self) -> State:
        """The state of the session."""
        return self.session.state

    @property
    def bound(self) -> bool:
        """Whether messages may pass."""
        return self.session.bound and self._closing is None and not self._ending

    # Reading.

    def dataReceived(self, data: bytes) -> None:
        """Twisted: octets came."""
        if self._watch is not None:
            self._show("received", data)
        if self._reading or self._paused & ~BINDING:
            self.session.framing.push(data)
        else:
            self._read(data)

    def _read(self, data: bytes) -> None:
        if self._closing is not None:
            return
        self._reading = True
        session = self.session
        self._now = self._seconds()
        events = session.receive(data, self._now)
        try:
            for event in events:
                # By class, not isinstance: that is slow for classes with a metaclass.
                kind = event.__class__
                if kind is Pending:
                    self._answered(event)  # type: ignore[arg-type]
                elif kind in _OTHER_EVENTS:
                    self._happened(event)
                else:
                    self._requested(event)  # type: ignore[arg-type]
                if self._paused or self._closing is not None:
                    break
        finally:
            events.close()  # type: ignore[attr-defined]
            self._reading = False
        if self._ending:
            self._drained()
        if self._flush() and self._writes_now and self._closing is None:
            # What a read has caused is written before the reactor's next turn, which saves
            # two calls of epoll and half of the time to an answer. The end of a connection
            # that the application closes is the reactor's: doWrite tells it by its result.
            transport: Any = self.transport
            if not transport.disconnecting:
                transport.doWrite()
        if session.framing.partial:
            self._left_over()

    def _left_over(self) -> None:
        """Octets are left: of a PDU that is not whole, or behind one that made us pause."""
        if not self._paused:
            self._rearm_sooner()
        elif self._paused & BINDING and self.session.framing.partial > UNBOUND_BUFFER:
            self._close("more than a bind before the bind was answered", grace=0)

    def _flush(self) -> bool:
        data = self.session.data_to_send()
        if data and self.transport is not None:
            if self._watch is not None:
                self._show("sent", data)
            self.transport.write(data)
            self._written += len(data)
            if self._full:
                self._overflow += len(data)
                if self._overflow > _OVERFLOW:
                    self._pause(_WRITING)
            return True
        return False

    def _pause(self, why: int) -> None:
        if not self._paused and self.transport is not None:
            cast(Any, self.transport).pauseProducing()
            self.session.hold()
        self._paused |= why

    def _resume(self, why: int) -> None:
        if not self._paused & why:
            return
        self._paused &= ~why
        if self._paused or self._closing is not None:
            return
        cast(Any, self.transport).resumeProducing()
        # Not only when octets come: a peer that says nothing ever after is dead, too.
        self.session.held, self.session.heard_at = False, self._seconds()
        if not self._reading and self.session.framing.partial:
            self._read(b"")

    def pause_reading(self) -> None:
        """Stops reading from the peer until :meth:`resume_reading`."""
        self._pause(_ASKED)

    def resume_reading(self) -> None:
        """Ends :meth:`pause_reading`."""
        self._resume(_ASKED)

    # IPushProducer: the transport tells when its buffer is full.

    def pauseProducing(self) -> None:
        """Twisted: the write buffer is full; said again at every write while it is."""
        if self._full:
            return
        self._full = True
        self._stalled_at = self._seconds() + self.factory.write_timeout
        self._rearm_sooner()

    def resumeProducing(self) -> None:
        """Twisted: the write buffer is empty again."""
        self._full = False
        self._overflow = 0
        self._stalled_at = None
        self._resume(_WRITING)
        self._send_waiting()
        self._flush()
        self._rearm_sooner()
        self.factory.drained(self)

    def stopProducing(self) -> None:
        """Twisted: nothing can be written any more; connectionLost follows."""

    # Requests of ours.

    def request(
        self,
        pdu: Request[R],
        octets: bytes | None = None,
        told: Outcome | None = None,
        flush: bool = True,
    ) -> Deferred[R]:
        """Sends a request.

        Where the window is full it waits, in order. ``octets`` are what ``session.check`` gave;
        ``told`` is told and returned instead of a Deferred, if it is given. Without ``flush``
        whoever sends calls :meth:`flush` behind the last of them.

        Returns:
            a Deferred that fires with the response when that says ESME_ROK; with None,
            once written, for the two PDUs that have no response. Cancelling it frees
            the place in the window or in the queue. It errbacks with

            - :class:`~twisted_smpp.errors.FieldError`: a value cannot be sent;
            - :class:`~twisted_smpp.errors.NotPermitted`: not in this state or version;
            - :class:`~twisted_smpp.errors.WindowFull`: too many wait already;
            - :class:`~twisted_smpp.errors.RequestRefused`: the peer said no;
            - :class:`~twisted_smpp.errors.ResponseTimeout`,
              :class:`~twisted_smpp.errors.SessionLost`: the outcome is unknown.
        """
        deferred: Deferred[Any] = told or Deferred(self._cancelled)  # type: ignore[assignment]
        link = pdu.__class__ in LINK
        if (self._full or self._waiting or self._ending) and not link:
            self._enqueue(pdu, deferred, octets)
            return deferred
        now = self._now if self._reading else self._seconds()
        try:
            pending = self.session.request(pdu, now, deferred, octets)
        except WindowFull:
            self._enqueue(pdu, deferred, octets)
            return deferred
        except SMPPError as error:
            deferred.errback(error)
            return deferred
        if flush and not self._reading:
            self._flush()
        if pending is None:
            deferred.callback(None)
        elif link or now + self._response_seconds < self._beat_at:
            self._rearm_sooner()
        return deferred

    def flush(self) -> None:
        """Writes what was requested without doing so."""
        if not self._reading:
            self._flush()

    def _enqueue(self, pdu: Request[Any], deferred: Deferred[Any], octets: bytes | None) -> None:
        """Keeps a request until the window or the transport has room for it."""
        session = self.session
        if self._waiting is None:
            self._waiting = deque()
        try:
            if self._ending or not session.bound:
                state = "UNBINDING" if session.bound else session.state.name
                raise NotPermitted(pdu.command, pdu.command_id, state)
            if len(self._waiting) >= self.factory.max_waiting:
                raise WindowFull(
                    f"{session.in_flight} requests are in the window of {session.window} "
                    f"and {len(self._waiting)} wait for it"
                )
            self._waiting.append((pdu, octets or session.check(pdu), deferred))
        except SMPPError as error:
            deferred.errback(error)

    def _send_waiting(self) -> None:
        session, waiting = self.session, self._waiting
        now = self._seconds()
        while waiting and session.in_flight < session.window and not self._full:
            pdu, octets, deferred = waiting.popleft()
            try:
                pending = session.request(pdu, now, deferred, octets)
            except SMPPError as error:
                deferred.errback(error)
                continue
            if pending is None:
                deferred.callback(None)

    def _cancelled(self, deferred: Deferred[Any]) -> None:
        for item in self._waiting or ():
            if item[2] is deferred:
                cast(Any, self._waiting).remove(item)
                return
        pending = self.session.pending_for(deferred)
        if pending is not None:
            self.session.give_up(pending)
            self._send_waiting()
            if not self._reading:
                self._flush()
            if self._ending:
                self._drained()

    def _answered(self, pending: Pending) -> None:
        if self._waiting:
            self._send_waiting()
        deferred = pending.context
        if deferred is not None:
            response: Any = pending.response
            if pending.error is not None:
                deferred.errback(pending.error)
            elif response.command_status:
                deferred.errback(RequestRefused.from_response(pending.request, response))
            else:
                deferred.callback(response)
        else:
            self._rearm_sooner()

    def _broken(self, failure: Failure) -> None:
        """A defect of ours: it is logged and the connection ends, nothing hangs."""
        self.log.failure("{peer}: the session failed", failure, peer=self.peer)
        self._close("internal error", grace=0)

    # What else happens.

    def _happened(self, event: Event) -> None:
        if isinstance(event, TimedOut):
            self._timed_out(event.pending)
        elif isinstance(event, Close):
            if event.unbind and self.session.bound:
                self.session.request(Unbind(), self._seconds())
            self._close(event.reason, event.grace)
        elif isinstance(event, Violation):
            status = event.answered
            self._note(
                "{peer}: {reason} (command_id {command_id:#010x}, sequence_number "
                "{sequence_number}, {size} octets; answered {said})",
                said="nothing" if status is None else CommandStatus(status).name,
                **event._asdict(),
            )
            self.factory.violation(self, event)
        elif isinstance(event, Flood):
            self._note("{peer}: too many enquire_links; it is not read for a moment")
            self._resume_at = self._seconds() + event.seconds
            self._pause(_FLOODED)
            self._rearm_sooner()
        else:
            self.factory.late_response(self, cast(LateResponse, event))

    def _timed_out(self, pending: Pending) -> None:
        if self._waiting:
            self._send_waiting()
        if pending.context is not None:
            seconds = self.session.seconds_for(pending.request)
            _fail(pending.context, ResponseTimeout(pending.request, seconds))

    # Time.

    def _beat(self) -> None:
        now = self._seconds()
        if now - self._beat_at > STANDSTILL:
            # The process stood still: what came meanwhile is read before anybody is late.
            self._beat_at, self._heartbeat.interval = now + READ_FIRST, READ_FIRST
        else:
            for event in self.session.tick(now):
                self._happened(event)
            self._overdue(now)
            self._flush()
            self._heartbeat.interval = self._time_to_beat(now)
        self._heartbeat.starttime = now

    def _time_to_beat(self, now: float) -> float:
        """Seconds to the next deadline of the session or of this protocol."""
        due = [self._abort_at, self._stalled_at, self._drain_by, self._resume_at]
        due += [self.session.deadline(), now + _LOOK_SECONDS]
        if self._unread is not None:
            due.append(self._unread.by)
        if self._answering:
            due.append(next(iter(self._answering)).by)
        soonest = min(by for by in due if by is not None)
        seconds = max(soonest - now, 0.001)
        self._beat_at = now + seconds
        return seconds

    def _rearm_sooner(self) -> None:
        heartbeat, before = self._heartbeat, self._beat_at
        seconds = self._time_to_beat(self._seconds())
        if self._beat_at >= before:
            self._beat_at = before
        elif heartbeat.running and heartbeat.call is not None:
            heartbeat.interval = seconds
            heartbeat.reset()

    def _overdue(self, now: float) -> None:
        now += 0.001
        if self._abort_at is not None and self._abort_at <= now:
            self._abort_at = None
            cast(Any, self.transport).abortConnection()
        if self._resume_at is not None and self._resume_at <= now:
            self._resume_at = None
            self._resume(_FLOODED)
        stalled = self._stalled_at is not None and self._stalled_at <= now
        if stalled or self._reads_too_little(now):
            self._stalled_at = None
            self._close("the peer does not read", grace=0)
        for later in list(self._answering or ()):
            if later.by > now:
                break
            error = TimeoutError(f"no answer within {self.factory.answer_timeout:g} s")
            self._came(Failure(error), later)
        if self._ending:
            self._drained(by_force=self._drain_by is not None and self._drain_by <= now)

    def _reads_too_little(self, now: float) -> bool:
        waiting = unwritten(self.transport)
        if waiting and self._unread is None:
            self._unread = Unread(self.factory.write_timeout)
        return self._unread is not None and self._unread.is_too_slow(self._written, waiting, now)

    # The end.

    def unbind(self, drain: float | None = None) -> Deferred[None]:
        """Ends the session in good order.

        What was sent is awaited, what the peer asked is answered, then unbind is sent and
        the connection closed when it was answered. New requests are refused meanwhile.

        Args:
            drain: seconds to wait for responses and answers; None for the factory's.

        Returns:
            a Deferred that fires with None when the connection is gone.
        """
        ended = self._when_ended()
        if self._closing is None and not self._ending:
            if self.session.bound:
                seconds = self.factory.drain if drain is None else drain
                self._ending = True
                self._drain_by = self._seconds() + seconds
                self._drained()
                self._rearm_sooner()
            else:
                self._close("ended here")
        return ended

    def abort(self) -> Deferred[None]:
        """Cuts the connection; fires with None when it is gone."""
        ended = self._when_ended()
        self._close("aborted here", grace=0)
        return ended

    def _when_ended(self) -> Deferred[None]:
        if self._lost:
            return succeed(None)
        deferred: Deferred[None] = Deferred()
        if self._ended is None:
            self._ended = []
        self._ended.append(deferred)
        return deferred

    def _drained(self, by_force: bool = False) -> None:
        """Goes on with the end once nothing is in flight, or the time is up."""
        busy = self._answering or (
            self._unbind_asked is None and (self.session.in_flight or self._waiting)
        )
        if (busy and not by_force) or self._drain_by is None or self._closing is not None:
            return
        if self._reading:
            return  # what is being answered goes first; this is called again behind it
        self._drain_by = None
        if self._unbind_asked is not None:
            self._answer(self._unbind_asked, None)
            self._close("the peer has unbound")
        elif self.session.bound:
            unbound: Deferred[Any] = Deferred()
            unbound.addBoth(lambda _: self._close("unbound"))
            self._fail_waiting("the session is unbound")
            self.session.request(Unbind(), self._seconds(), unbound)
            self._flush()
            self._rearm_sooner()

    def _fail_waiting(self, why: str) -> None:
        waiting, self._waiting = self._waiting or (), None
        for _, _, deferred in waiting:
            _fail(deferred, SessionLost(f"{why}; it was never sent", sent=False))

    def _peer_unbinds(self, request: Request[Any]) -> None:
        """Finishes what was begun, then answers and closes (at most 5 s)."""
        if self._ending and self._drain_by is None:
            # Both unbind together. Behind the answer to ours there could be none any more.
            self._answer(request, None)
            self._close("the peer has unbound")
            return
        self._unbind_asked = request
        self._ending = True
        self._drain_by = self._seconds() + 5.0
        self._drained()
        self._rearm_sooner()

    def _close(self, reason: str, grace: float = _ABORT_AFTER) -> None:
        if self._closing is None:
            self._closing = reason
            self._drain_by = None  # what was not finished until now will not be
            self.log.debug("{peer}: closing: {reason}", peer=self.peer, reason=reason)
        self._flush()
        transport: Any = self.transport
        if self._lost:
            return
        if not grace:
            transport.abortConnection()
            return
        by = self._seconds() + grace
        # A second reason to close does not put off the end of the first.
        self._abort_at = by if self._abort_at is None else min(by, self._abort_at)
        transport.unregisterProducer()
        transport.loseConnection()
        self._rearm_sooner()


def _fail(deferred: Deferred[Any], error: SMPPError) -> None:
    """Fails one of several that end together; an errback may have cancelled the next."""
    if not deferred.called:
        deferred.errback(error)
