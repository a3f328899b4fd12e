"""What tests of messages share: a message centre with a script, and a sender without a session."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from esme_kit import ServiceWorld
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from twisted_smpp.errors import RequestRefused, ResponseTimeout, SessionLost
from twisted_smpp.esme.message import Message, MessagePart, Progress
from twisted_smpp.esme.pace import Pace
from twisted_smpp.esme.retries import Retries
from twisted_smpp.esme.sender import Sender, UnknownPolicy
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.text.segments import plan
from twisted_smpp.values import MessageState
from twisted_smpp.wire.pdus import SubmitSMResp

MOMENT = datetime(2026, 11, 23, 18, 12)


def text_of(parts: int) -> str:
    """A text that needs so many parts."""
    return "x" * (160 if parts == 1 else 153 * parts)


def message_of(parts: int = 1, receipt: bool = True, **fields: Any) -> Message:
    """A message that nobody has sent yet."""
    found = plan(text_of(parts))
    message = Message("Shop", "491761234567", found, receipt, fields, {})
    segments = found.segments(1 if parts > 1 else None)
    message.parts = tuple(MessagePart(message, each, 0) for each in segments)
    assert len(message.parts) == parts
    return message


def receipt_of(message_id: str, state: int = MessageState.DELIVERED, **more: Any) -> Receipt:
    return Receipt.build(message_id, state, submitted=MOMENT, done=MOMENT, **more)


class Session:
    """A session that only keeps what it is given; the test answers."""

    def __init__(self) -> None:
        self.bound = True
        self.unbinds = 0
        self.sent: list[Any] = []
        self._answers: list[Deferred[Any]] = []
        #: What the next request fails with at once, without being sent.
        self.error: Callable[[], Exception] | None = None

    def request(self, pdu: Any, octets: bytes | None, told: Any, flush: bool) -> Deferred[Any]:
        deferred: Deferred[Any] = Deferred()
        deferred.addCallbacks(told.callback, lambda failure: told.errback(failure.value))
        if self.error is not None:
            deferred.errback(self.error())
            return deferred
        self.sent.append(pdu)
        self._answers.append(deferred)
        return deferred

    def unbind(self) -> Deferred[None]:
        self.unbinds += 1
        self.bound = False
        return succeed(None)

    def forget(self) -> None:
        self.sent.clear()
        self._answers.clear()

    def accepts(self, index: int, message_id: str, **more: Any) -> None:
        self._answers[index].callback(SubmitSMResp(message_id=message_id, **more))

    def refuses(self, index: int, status: int) -> None:
        response = SubmitSMResp(command_status=status)
        self._answers[index].errback(RequestRefused.from_response(self.sent[index], response))

    def times_out(self, index: int) -> None:
        self._answers[index].errback(ResponseTimeout(self.sent[index], 30.0))

    def fails(self, index: int, error: Exception) -> None:
        self._answers[index].errback(error)

    def breaks(self) -> None:
        """The connection is gone, as a protocol tells it."""
        self.bound = False
        for deferred in self._answers:
            if not deferred.called:
                deferred.errback(SessionLost("gone"))


class Outbox:
    """A sender, on a clock, with sessions that the test answers."""

    def __init__(
        self,
        window: int = 10,
        rate: float | None = None,
        unknown: UnknownPolicy = UnknownPolicy.RESEND,
        most_waiting: int = 1000,
        random: Callable[[], float] = lambda: 1.0,
        **retries: Any,
    ) -> None:
        self.clock = Clock()
        self.ids: list[tuple[MessagePart, str]] = []
        self.sender = Sender(
            self.clock,
            Pace(window, rate, None, random, 0.0),
            Retries(**retries),
            unknown,
            most_waiting,
            lambda part, message_id: self.ids.append((part, message_id)),
        )
        self.session = Session()
        self.count = 0

    def binds(self) -> Session:
        self.session = Session()
        self.sender.bound(self.session)
        return self.session

    def breaks(self) -> None:
        session = self.session
        session.breaks()
        self.sender.unbound(session)

    def send(self, parts: int = 1, validity: float | None = None, **more: Any) -> Message:
        self.count += 1
        message = message_of(parts, service_type=str(self.count), **more)
        for part in message.parts:
            part.expires_at = None if validity is None else self.clock.seconds() + validity
        self.sender.add(message)
        return message

    def late(self, index: int, message_id: str = "", status: int = 0) -> None:
        """The response to a request that had timed out."""
        response = SubmitSMResp(message_id=message_id, command_status=status)
        self.sender.late(self.session.sent[index], response)

    @property
    def timers(self) -> list[float]:
        """Seconds until each timer."""
        now = self.clock.seconds()
        return sorted(call.getTime() - now for call in self.clock.getDelayedCalls())

    def is_empty(self) -> bool:
        """Whether the sender has forgotten everything."""
        sender = self.sender
        things = (
            sender._new,
            sender._returned,
            sender._later,
            sender._in_flight,
            sender._overdue,
            sender._held,
            sender._slots,
        )
        return not any(things) and not self.clock.getDelayedCalls()


def states(*messages: Message) -> list[Progress]:
    return [message.progress for message in messages]


def numbers(session: Session) -> list[str]:
    """What was sent, in order: messages by their numbers, parts of long ones behind a slash."""
    return [
        f"{pdu.service_type}/{pdu.short_message[5]}" if pdu.esm_class else pdu.service_type
        for pdu in session.sent
    ]


class Centre(ServiceWorld):
    """A service, and a message centre that answers by a script: a status, a Deferred, or a
    function of the request; without one it accepts, with ids that count up in hexadecimal."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        smsc = self.endpoint.smsc
        smsc.on_request = self._submitted
        smsc.answer_timeout = 1e6
        self.script: deque[Any] = deque()
        self.submitted: list[Any] = []
        self.count = 0
        self.session: Any = None

    def start(self) -> Any:
        self.session = super().start()
        return self.session

    def _submitted(self, session: Any, request: Any) -> Any:
        self.submitted.append(request)
        answer = self.script.popleft() if self.script else self.accept
        return answer(request) if callable(answer) else answer

    def accept(self, request: Any) -> Any:
        self.count += 1
        return request.answer(message_id=f"{self.count:x}")

    def send(self, to: str = "+491761234567", text: str = "Hi", **more: Any) -> Message:
        """Sends, and carries it to the message centre and back."""
        message: Message = self.service.send(to, text, **more)
        self.flush()
        return message

    def says(self, message_id: str, state: int = MessageState.DELIVERED, **more: Any) -> Any:
        """A receipt; what its deliver_sm is answered."""
        fields = receipt_of(message_id, state, **more).fields_of_pdu()
        return self.delivers(source_addr="49", destination_addr="Shop", **fields)

    def delivers(self, **fields: Any) -> Any:
        """A deliver_sm of the message centre; a Deferred for its response."""
        response = self.session.deliver_sm(**fields)
        self.flush()
        return response

    def drops(self) -> None:
        self.endpoint.drops()
        self.clock.advance(0)

    def rebinds(self) -> Any:
        self.next_attempt()
        self.session = self.endpoint.binds()
        return self.session

    def stops(self) -> None:
        stopping = self.service.stopService()
        self.flush()
        if not stopping.called:
            self.passes(6)  # it has not answered everything, and unbinds all the same
        self.stopped(stopping)

    def stops_by_force(self) -> None:
        """Although the message centre does not answer."""
        stopping = self.service.stopService()
        self.drops()
        self.stopped(stopping)
