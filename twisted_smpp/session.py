"""One SMPP conversation, without a socket, a clock or a callback.

Octets and the present time go in, events and octets come out::

    session = Session(Role.ESME, now=0.0)
    session.request(BindTransceiver(system_id="esme", password="secret"), now=0.0)
    transport.write(session.data_to_send())
    for event in session.receive(octets, now=0.1):
        ...

An event is one of

- a :class:`~twisted_smpp.wire.pdu.Request`: the peer asks something; the application
  answers with :meth:`Session.answer`, now or later;
- a :class:`Pending`: one of our requests got its ``response``, or an unreadable one;
- :class:`TimedOut`: one of our requests got none in time;
- :class:`LateResponse`: the response to a request that had timed out or was given up;
- :class:`Violation`: the peer said something it should not have, and what it was told;
- :class:`Flood`: the peer asks too often and should not be read for a while;
- :class:`Close`: the connection has to end, after what is queued is written.

enquire_link is answered here and not reported. The session never looks at the time by
itself: :meth:`Session.deadline` says when :meth:`Session.tick` is due next. Requests
have one timeout for all, so the dict of those that wait is sorted by deadline already.

Requests that keep the link (binds, enquire_link, unbind) are held apart from the window:
they never wait for a place in it. Numbers of the two directions never meet: an answer is
made from its request, a response is looked up among our requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twisted_smpp import limits
from twisted_smpp.deadlines import Deadlines
from twisted_smpp.errors import FramingError, Nacked, NotPermitted, WindowFull
from twisted_smpp.events import (
    Close,
    Event,
    Flood,
    LateResponse,
    Pending,
    Timers,
    Violation,
)
from twisted_smpp.limits import MAX_SEQUENCE_NUMBER
from twisted_smpp.matrix import (
    BINDS,
    LINK,
    Moves,
    announced,
    answers,
    consents,
    may_receive,
    may_receive_messages,
    may_send,
    message_answers,
    windowed,
)
from twisted_smpp.states import BOUND, Role, State
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.framing import MAX_PDU, MAX_PDU_UNBOUND, Framing, Malformed
from twisted_smpp.wire.pdu import PDU, RESPONSE_BIT, Request, Response, decoders, encoders, registry
from twisted_smpp.wire.pdus import EnquireLink, EnquireLinkResp, GenericNack
from twisted_smpp.wire.tlvs import sc_interface_version

__all__ = ["Session"]


class Session(Deadlines):
    """The state of one conversation; see the module for how it is driven.

    Args:
        role: the side that this end is on.
        now: the present time in seconds, of any clock that only goes forward.
        version: the newest version that this end speaks.
        window: how many requests of ours may wait for their responses.
        timers: the deadlines.
        max_pdu: the longest PDU accepted, in octets.
        first_sequence_number: that of our first request.
        decoders: returns for a version what decodes each command_id.
    """

    __slots__ = (
        "_answers",
        "_budgets",
        "_consents",
        "_decoders",
        "_late",
        "_max_pdu",
        "_messages",
        "_next_number",
        "_out",
        "_receives",
        "_sends",
        "_windowed",
        "_wrapped",
        "bound",
        "encoders",
        "framing",
        "link_round_trip",
        "role",
        "round_trip",
        "version",
        "violations",
        "window",
    )

    def __init__(
        self,
        role: Role,
        *,
        now: float,
        version: InterfaceVersion = InterfaceVersion.V5_0,
        window: int = 10,
        timers: Timers = Timers(),  # noqa: B008  a named tuple does not change
        max_pdu: int = MAX_PDU,
        first_sequence_number: int = 1,
        decoders: Callable[[InterfaceVersion], Mapping[int, Any]] = decoders,
    ) -> None:
        self.role = role
        #: Whether a bind was accepted and not yet ended.
        self.bound = False
        self.window = window
        self.timers = timers
        self.framing = Framing(MAX_PDU_UNBOUND if role is Role.MC else max_pdu)
        #: The bind request of the peer that is not answered yet.
        self.binding: Request[Any] | None = None
        #: How often the peer broke the rules.
        self.violations = 0
        #: Seconds to the last answer of bind or enquire_link; to those of messages, smoothed.
        self.link_round_trip = self.round_trip = 0.0
        self.state = State.OPEN
        self.version = version
        self._max_pdu = max_pdu
        self._next_number = first_sequence_number
        self._decoders = decoders
        self._wrapped = False
        self._pending: dict[int, Pending] = {}
        self._link: dict[int, Pending] = {}
        self._late: dict[int, Pending] | None = None
        self._out: list[bytes] = []
        self.heard_at = self._used_at = now
        self._bind_by: float | None = now + timers.bind
        self._frame_by: float | None = None
        self.held = False
        self._enquiry: Pending | None = None
        self._timeouts = 0
        self._budgets = limits.Budgets()
        self._tables()

    def __repr__(self) -> str:
        return f"<Session {self.role.name} {self.state.name} in_flight={self.in_flight}>"

    @property
    def in_flight(self) -> int:
        """How many requests of ours are in the window."""
        return len(self._pending)

    def _tables(self) -> None:
        self.bound = self.state in BOUND
        self._sends: Moves = may_send(self.role, self.version, self.state)
        self._receives: Moves = may_receive(self.role, self.version, self.state)
        self._messages = may_receive_messages(self.role, self.version, self.state)
        self._windowed = windowed(self.role, self.version, self.state)
        self._consents = consents(self.role, self.version, self.state)
        self._answers = message_answers(self.role, self.version, self.state)
        self.framing.decoders = self._decoders(self.version)
        self.encoders = encoders(self.version)

    def _move(self, state: State) -> None:
        self.state = state
        if state in BOUND:
            self._bind_by = None
            self.framing.max_pdu = self._max_pdu
        self._tables()

    # What this end sends.

    def request(
        self, pdu: Request[Any], now: float, context: Any = None, octets: bytes | None = None
    ) -> Pending | None:
        """Queues a request and gives it its sequence_number.

        Args:
            pdu: the request.
            now: the present time.
            context: kept in the :class:`Pending`.
            octets: what :meth:`check` returned for it, if it was called before.

        Returns:
            what awaits the response; None for the two PDUs that have none.

        Raises:
            NotPermitted: not in this state, or not in the version in use.
            WindowFull: the window has no place for it.
            FieldError: a value cannot be sent; nothing was queued.
        """
        cls = pdu.__class__
        waiting: dict[int, Pending] | None = self._pending
        if cls not in self._windowed:
            waiting = self._outside_window(pdu)
        elif len(self._pending) >= self.window:
            raise WindowFull(f"{len(self._pending)} requests wait for their responses")
        else:
            self._used_at = now
        number = self._next_number
        if self._wrapped:
            number = self._free_number(number)
        pdu.sequence_number = number
        if octets is None:
            octets = self.encoders[cls](pdu)
        else:
            octets = b"%b%b%b" % (octets[:12], number.to_bytes(4, "big"), octets[16:])
        self._out.append(octets)
        if number < MAX_SEQUENCE_NUMBER:
            self._next_number = number + 1
        else:
            self._wrapped, self._next_number = True, 1
        if waiting is not None:
            pending = waiting[number] = Pending()
            pending.request, pending.sent_at, pending.context = pdu, now, context
            pending.response = pending.error = None
            return pending
        if (move := self._sends[pdu.command_id]) is not None:
            self._move(move)
        return None

    def _outside_window(self, pdu: Request[Any]) -> dict[int, Pending] | None:
        """Where a request waits that needs no place in the window; None: it has no response.

        Raises:
            NotPermitted: it may not be sent at all.
        """
        if pdu.command_id not in self._sends:
            raise NotPermitted(pdu.command, pdu.command_id, self.state.name)
        return None if pdu.answer is None else self._link

    def check(self, pdu: PDU) -> bytes:
        """The octets of a PDU for this peer, without sending it.

        Raises:
            FieldError: a value cannot be sent.
        """
        return self.encoders[pdu.__class__](pdu)

    def _free_number(self, number: int) -> int:
        late = self._late or {}
        while number in self._pending or number in self._link or number in late:
            number = number + 1 if number < MAX_SEQUENCE_NUMBER else 1
        return number

    def answer(self, request: PDU, response: Response) -> bool:
        """Queues the response to a request of the peer.

        Returns:
            False when it cannot be sent any more because the session has moved on.

        Raises:
            FieldError: a value cannot be sent; nothing was queued.
        """
        cls = response.__class__
        if cls in self._answers and request is not self.binding:
            response.sequence_number = request.sequence_number
            self._out.append(self.encoders[cls](response))
            return True
        move = self._sends.get(response.command_id, response)
        if move is response:
            # What was accepted by a looser rule than that of sending is answered, too.
            accepted = request.command_id in self._messages or request is self.binding
            fitting = (request.command_id | RESPONSE_BIT, GenericNack.command_id)
            if not accepted or response.command_id not in fitting:
                return False
            move = None
        response.sequence_number = request.sequence_number
        if request is self.binding:
            self._answer_bind(request, response)
        else:
            self._out.append(self.encoders[cls](response))
            if move is not None:
                self._move(move)  # type: ignore[arg-type]
        return True

    def consent(self, request: PDU) -> bool:
        """Queues the response to a message that says ESME_ROK and nothing more.

        Returns:
            False when that is not so simple; then :meth:`answer` does it.
        """
        pieces = self._consents.get(request.__class__)
        if pieces is None:
            return False
        number = request.sequence_number.to_bytes(4, "big")
        self._out.append(b"%b%b%b" % (pieces[0], number, pieces[1]))
        return True

    def _answer_bind(self, request: Any, response: Response) -> None:
        accepted = not response.command_status and response.__class__ is not GenericNack
        if accepted:
            version = min(self.version, InterfaceVersion.of(request.interface_version))
            if version >= InterfaceVersion.V3_4 and sc_interface_version not in response.tlvs:
                response.tlvs[sc_interface_version] = int(version)
            self._out.append(encoders(version)[response.__class__](response))
            self.version = version
            self._move(self._sends[response.command_id])  # type: ignore[arg-type]
        else:
            self._out.append(self.encoders[response.__class__](response))
        self.binding = None

    def give_up(self, pending: Pending) -> bool:
        """Frees the place of a request in the window; its response will be late.

        Returns:
            whether it was still waiting.
        """
        # By identity: an application may send the same PDU object once more meanwhile.
        for waiting in (self._pending, self._link):
            for number, each in waiting.items():
                if each is pending:
                    del waiting[number]
                    self._remember(number, pending)
                    return True
        return False

    def _remember(self, number: int, pending: Pending) -> None:
        late = self._late = self._late or {}
        late[number] = pending
        if len(late) > limits.LATE_MOST:
            del late[next(iter(late))]

    def pending_for(self, context: Any) -> Pending | None:
        """The request that waits with that context."""
        waiting = (*self._pending.values(), *self._link.values())
        return next((pending for pending in waiting if pending.context is context), None)

    def data_to_send(self) -> bytes:
        """The octets that are queued, all of them; the queue is empty afterwards."""
        out = self._out
        if not out:
            return b""
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return data

    def hold(self) -> None:
        """Nothing is read for now: nobody is late or dead whom we do not listen to."""
        self._frame_by = None
        self.held = True

    def lost(self) -> list[Pending]:
        """The connection is gone: everything that still waited, in the order it was sent."""
        unanswered = [*self._link.values(), *self._pending.values()]
        self._link.clear()
        self._pending.clear()
        self._out.clear()
        self._late = self._enquiry = self.binding = None
        self._bind_by = self._frame_by = None
        self._move(State.CLOSED)
        return sorted(unanswered, key=lambda pending: pending.sent_at)

    # What the peer sends.

    def receive(self, data: bytes, now: float) -> Iterator[Event]:
        """What happens when ``data`` arrives, one event at a time.

        Closing the iterator early keeps the octets behind the last event: go on with ``b""``.
        It ends by itself behind a bind that is not answered: go on when it is.

        Args:
            data: octets from the peer; empty to go on with those kept.
            now: the present time.
        """
        if self.binding is not None:
            self.framing.push(data)
            if self.framing.partial > limits.UNBOUND_BUFFER:
                yield Close("more than a bind before the bind was answered", grace=0)
            return
        if self.held:
            self.held, self.heard_at = False, now
        frame_by, self._frame_by = self._frame_by, None
        frames = self.framing.receive(data)
        waiting = self._pending
        try:
            for pdu in frames:
                frame_by = None
                self.heard_at = now
                if pdu.__class__ is Malformed:
                    yield from self._malformed(pdu, now)
                elif pdu.is_response:  # type: ignore[union-attr]
                    pending = waiting.get(pdu.sequence_number)
                    # pdu.request is the class of the requests that it answers.
                    if pending is not None and pdu.request is pending.request.__class__:  # type: ignore[union-attr]
                        del waiting[pdu.sequence_number]
                        self._timeouts = 0
                        pending.response = pdu  # type: ignore[assignment]
                        self.round_trip += (now - pending.sent_at - self.round_trip) / 8
                        yield pending
                    else:
                        yield from self._odd_response(pdu, now)  # type: ignore[arg-type]
                elif pdu.command_id in self._messages:
                    self._used_at = now
                    yield pdu  # type: ignore[misc]
                else:
                    yield from self._odd_request(pdu, now)  # type: ignore[arg-type]
                    if self.binding is not None:
                        return
        finally:
            frames.close()  # type: ignore[attr-defined]
        if self.framing.error is not None:
            yield self._framing_failed(self.framing.error)
        elif self.framing.partial:
            self._frame_by = self._frame_deadline(now) if frame_by is None else frame_by

    def _frame_deadline(self, now: float) -> float:
        seconds = limits.FRAME_SECONDS if self.bound else limits.FRAME_SECONDS_UNBOUND
        return now + seconds + self.framing.missing / limits.FRAME_OCTETS_PER_SECOND

    def _framing_failed(self, error: FramingError) -> Close:
        self.violations += 1
        self._nack(error.command_status, error.sequence_number)
        return Close(str(error), grace=1.0)

    def _nack(self, status: int, sequence_number: int) -> None:
        nack = GenericNack(command_status=status, sequence_number=sequence_number)
        self._out.append(nack.encode())

    def _odd_request(self, pdu: Request[Any], now: float) -> Iterator[Event]:
        """A request that keeps the link, or that is not permitted, or not known."""
        cls = pdu.__class__
        if pdu.command_id not in self._receives:
            yield self._not_permitted(pdu)
            if not self.bound and self.violations >= limits.UNBOUND_ERRORS:
                yield Close("operations before a bind")
        elif cls is EnquireLink:
            if self.state not in BOUND and not self._budgets.enquiry_before_bind():
                return
            # In every state: 3.4 lets nobody send it before a bind, and peers ask then.
            self._out.append(EnquireLinkResp(sequence_number=pdu.sequence_number).encode())
            if not self._budgets.enquiry(now):
                patient = self._budgets.malformed(now)
                yield Flood() if patient else Close("too many enquire_links", unbind=True)
        else:
            move = self._receives[pdu.command_id]
            if move is not None:
                self._move(move)
            elif cls in BINDS:
                self.binding = pdu
            yield pdu

    def _not_permitted(self, pdu: Request[Any]) -> Violation:
        known = registry.get(pdu.command_id)
        if known is None or (self.bound and self.version not in known.versions):
            self._nack(CommandStatus.ESME_RINVCMDID, pdu.sequence_number)
            return self._violation("unknown command", pdu, CommandStatus.ESME_RINVCMDID)
        status = CommandStatus.ESME_RINVBNDSTS
        if self.bound and pdu.__class__ in BINDS:
            status = CommandStatus.ESME_RALYBND
        answered = None
        if known.answer is not None and self.state is not State.CLOSED:
            answered = status
            refusal = known.answer(command_status=status, sequence_number=pdu.sequence_number)
            self._out.append(refusal.encode())
        return self._violation(f"not permitted in state {self.state.name}", pdu, answered)

    def _malformed(self, frame: Malformed, now: float) -> Iterator[Event]:
        known = registry[frame.command_id]
        answered: int | None = None
        number = frame.sequence_number
        if known.is_response:
            pending = self._pending.get(number) or self._link.get(number)
            if pending is not None and pending.request.answer is known:
                self._forget(number)
                pending.error = frame.error
                yield pending
        elif self.bound and self.version not in known.versions:
            answered = CommandStatus.ESME_RINVCMDID
            self._nack(answered, number)
        elif known.answer is not None:
            answered = frame.error.command_status
            refusal = known.answer(command_status=answered, sequence_number=number)
            self._out.append(refusal.encode())
        self.violations += 1
        yield Violation(str(frame.error), frame.command_id, number, frame.size, answered)
        if not self._budgets.malformed(now):
            yield Close("too many malformed PDUs", unbind=self.bound)

    def _forget(self, number: int) -> None:
        self._pending.pop(number, None)
        self._link.pop(number, None)

    def _odd_response(self, pdu: Response, now: float) -> Iterator[Event]:
        """A response that is not simply that of a request in the window."""
        number = pdu.sequence_number
        pending = self._pending.get(number) or self._link.get(number)
        if pending is not None and answers(pdu, pending.request):
            self._forget(number)
            pending.response = pdu
            if pending is self._enquiry:
                self._enquiry = None
            elif pending.request.__class__ not in LINK:
                self._timeouts = 0
            if pdu.command_status == 0 and pdu.__class__ is GenericNack:
                # Some peers refuse with it and forget to say why: it is no consent.
                pending.error = Nacked(0, "no reason", request=pending.request, response=pdu)
            elif pending.request.__class__ in LINK and not pdu.command_status:
                self._link_answered(pending, pdu, now)
            yield pending
            return
        late = self._late.get(number) if self._late else None
        oldest = now - limits.LATE_SECONDS - self.timers.response
        if late is not None and answers(pdu, late.request) and late.sent_at >= oldest:
            del self._late[number]  # type: ignore[union-attr]
            late.response = pdu
            yield LateResponse(late, pdu)
            return
        reason = "response of another command" if pending else "response to no request"
        yield self._violation(reason, pdu, None)
        if not self._budgets.unmatched(now):
            yield Close("too many responses to no request", unbind=self.bound)

    def _link_answered(self, pending: Pending, response: Response, now: float) -> None:
        request: Any = pending.request
        self.link_round_trip = now - pending.sent_at
        if request.__class__ in BINDS:
            self.round_trip = self.link_round_trip  # until there are messages
            version = min(self.version, InterfaceVersion.of(request.interface_version))
            self.version = min(version, announced(response, version))
        move = request.answer.moves_to[max(self.version, request.versions[0])]
        if move is not None and self.state is not State.CLOSED:
            self._move(move)

    def _violation(self, reason: str, pdu: PDU, answered: int | None) -> Violation:
        self.violations += 1
        return Violation(reason, pdu.command_id, pdu.sequence_number, 0, answered)
