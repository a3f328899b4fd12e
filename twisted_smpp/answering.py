"""The half of the protocol that answers what the peer asks.

An application answers at once, which costs no Deferred, or later; in any order. One bad
message never ends a session: whatever an application does, its request gets one answer.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, cast

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.errors import RequestRefused, SMPPError, StoreError
from twisted_smpp.matrix import LINK, answers
from twisted_smpp.session import Session
from twisted_smpp.states import Role
from twisted_smpp.status import CommandStatus
from twisted_smpp.wire.pdu import Request, Response
from twisted_smpp.wire.pdus import DataSM, DeliverSM, Unbind

if TYPE_CHECKING:
    from twisted_smpp.factory import SMPPFactory

__all__ = [
    "ANSWERING",
    "BINDING",
    "Accepted",
    "Answer",
    "Answering",
    "Later",
    "Outcome",
    "awaited",
    "give",
]


class Accepted(str):
    """The message_id of a message that is accepted, for an answer that says nothing more.

    To a submit_sm it is the same as ``SubmitSMResp(message_id=...)``, in a third of the time.
    """

    __slots__ = ()


class Later:
    """An answer to come, for who gives so many that a Deferred for each would cost too much.

    An application returns it, and hands it to :func:`give` later, once.

    Attributes:
        answer: what is answered then, unless an error comes between; set by who makes it.
        session, request: whom it answers, and what; set when it is returned.
        by: until when, by the clock of the session.
    """

    # It is filled in: an ``__init__`` would take twice as long as that.
    __slots__ = ("answer", "by", "request", "session")

    answer: Response | int | Accepted | None
    session: Answering
    request: Request[Any]
    by: float


#: What an application may answer a request with: a response; its command_status; None for
#: ESME_ROK, or :class:`Accepted` for that with a message_id; or any of them later.
Answer = (
    Response
    | int
    | Accepted
    | None
    | Later
    | Deferred[Any]
    | Coroutine[Any, Any, Any]
    | Awaitable[Any]
)

_AT_ONCE = (Response, int, Accepted)

# Why reading is paused; the other reasons are in the protocol.
ANSWERING, BINDING = 4, 8


class Outcome(Protocol):
    """What takes the place of a Deferred, for who sends so many that those cost too much.

    One that also has a method ``late`` hears of a response that comes after it was failed: it is
    called with the :class:`~twisted_smpp.events.LateResponse`.
    """

    called: bool

    def callback(self, result: Any, /) -> None:
        """The peer said ESME_ROK: its response."""

    def errback(self, error: Exception, /) -> None:
        """It said something else, or nothing."""


class Answering:
    """What :class:`~twisted_smpp.protocol.SMPPProtocol` does with requests of the peer."""

    log: Logger
    factory: SMPPFactory
    session: Session
    bind_request: Any
    _answering: dict[Later, None] | None
    _beat_at: float
    _ending: bool
    _full: bool
    _waiting: Any
    _reading: bool
    _now: float
    _paused: int
    _on_request: Callable[[Any, Any], Answer]
    _seconds: Callable[[], float]
    _pause: Callable[[int], None]
    _resume: Callable[[int], None]
    _flush: Callable[[], bool]
    _may_log: Callable[[], bool]
    _drained: Callable[[], None]
    _rearm_sooner: Callable[[], None]
    _peer_unbinds: Callable[[Request[Any]], None]
    _broken: Callable[[Failure], None]

    @property
    def bound(self) -> bool:
        """Whether messages may pass."""
        raise NotImplementedError

    @property
    def peer(self) -> str:
        """The other end as text, for logs."""
        raise NotImplementedError

    @property
    def has_room(self) -> bool:
        """Whether a request would be sent at once: the window has room, and the peer reads."""
        session = self.session
        return (
            session.in_flight < session.window and not (self._full or self._waiting) and self.bound
        )

    def _requested(self, request: Request[Any]) -> None:
        if self._ending or request.__class__ in LINK:
            self._link_requested(request)
            return
        try:
            answer = self._on_request(self, request)
        except Exception:
            answer = self._failed(request, Failure())
        kind = answer.__class__
        if kind is Accepted:
            if not self.session.accept(request, answer):  # type: ignore[arg-type]
                self._take(request, answer)
        elif kind is request.answer:
            self._answer_at_once(request, answer)
        elif kind is CommandStatus and request.answer is not None:
            # Who floods is refused like this: it has to be cheap.
            self._answer_at_once(request, request.answer(command_status=int(cast(int, answer))))
        elif answer is not None or not self.session.consent(request):
            self._take(request, answer)

    def _answer_at_once(self, request: Request[Any], response: Any) -> None:
        """With a response that is of the class of those to this message."""
        try:
            self.session.answer(request, response)
        except SMPPError:  # this says what is wrong with it
            self._send_answer(request, response)

    def _link_requested(self, request: Request[Any]) -> None:
        """A bind, an unbind, or any request while the session ends."""
        if request.__class__ is Unbind:
            self._peer_unbinds(request)
        elif request.__class__ not in LINK:
            self._answer(request, self._try_again(request))
        else:
            try:
                answer = self.factory.on_bind(cast(Any, self), request)
            except Exception:
                answer = self._failed(request, Failure())
            self._take(request, answer)

    def _take(self, request: Request[Any], answer: Answer) -> None:
        """Answers at once, or when the answer comes."""
        if answer is None or isinstance(answer, _AT_ONCE):
            self._answer(request, answer)
        else:
            self._answer_later(request, answer)

    def _answer(self, request: Request[Any], answer: Any) -> None:
        """Sends a response, or makes it from a status or None."""
        response = self._as_response(request, answer)
        if response is not None:
            self._send_answer(request, response)

    def _send_answer(self, request: Request[Any], response: Response) -> None:
        session = self.session
        try:
            session.answer(request, response)
        except SMPPError as error:
            self.log.error(
                "{peer}: the application's answer to {command} cannot be sent: {error}",
                peer=self.peer,
                command=request.command,
                error=str(error),
            )
            session.answer(request, request.answer(command_status=self._try_again(request)))
            return
        if self.bind_request is None and session.bound:
            self.bind_request = request
            self.factory.bound(cast(Any, self))
            self._rearm_sooner()

    def _as_response(self, request: Request[Any], answer: Any) -> Response | None:
        """What an application meant; None for a request that has no response."""
        if request.answer is None:
            return None
        if isinstance(answer, Response):
            if answers(answer, request):
                return answer
            failure = Failure(TypeError(f"{answer.command} does not answer {request.command}"))
            answer = self._failed(request, failure)
        elif isinstance(answer, Accepted):
            if _has_message_id(request.answer):
                return request.answer(message_id=str(answer))  # type: ignore[no-any-return]
            failure = Failure(TypeError(f"{request.answer.command} has no message_id"))
            answer = self._failed(request, failure)
        elif isinstance(answer, bool):  # False is 0, which would be ESME_ROK
            failure = Failure(TypeError(f"{answer} is no answer, None or a command_status is"))
            answer = self._failed(request, failure)
        return request.answer(command_status=int(answer or 0))  # type: ignore[no-any-return]

    def _failed(self, request: Request[Any], failure: Failure) -> int:
        """The status for an application that raised."""
        if failure.check(RequestRefused, StoreError):
            return cast(SMPPError, failure.value).command_status
        if self._may_log():
            self.log.failure(
                "{peer}: the application failed to answer {command}",
                failure,
                peer=self.peer,
                command=request.command,
            )
        return self._try_again(request)

    def _try_again(self, request: Request[Any]) -> int:
        """The status that makes the peer keep a message."""
        if self.session.role is Role.ESME and isinstance(request, (DeliverSM, DataSM)):
            return CommandStatus.ESME_RX_T_APPN
        return CommandStatus.ESME_RSYSERR

    def _answer_later(self, request: Request[Any], answer: Any) -> None:
        if answer.__class__ is Later:
            self._expect(request, answer)
            return
        later = Later()
        self._expect(request, later)
        answer = awaited(answer)
        if not isinstance(answer, Deferred):  # of a wrong type
            answer = succeed(answer)
        answer.addBoth(self._came, later)

    def _expect(self, request: Request[Any], later: Later) -> None:
        if self._answering is None:
            self._answering = {}
        by = (self._now if self._reading else self._seconds()) + self.factory.answer_timeout
        later.session, later.request, later.by = self, request, by
        self._answering[later] = None
        if len(self._answering) >= self.factory.max_unanswered:
            self._pause(ANSWERING)
        if request is self.session.binding:
            self._pause(BINDING)
        if by < self._beat_at:
            self._rearm_sooner()

    def _came(self, answer: Any, later: Later) -> None:
        """A later answer came, or its time was up."""
        try:
            if isinstance(answer, Failure):
                answer = self._failed(later.request, answer)
            self._answer_late(answer, later)
            self._answered_late()
            if later.request.__class__ in LINK:
                self._rearm_sooner()
        except Exception:
            self._broken(Failure())

    def _answer_late(self, answer: Any, later: Later) -> None:
        if self._answering is None or later not in self._answering:
            self.log.info("{peer}: an answer of the application came too late", peer=self.peer)
            return
        del self._answering[later]
        request = later.request
        if not (answer is None or isinstance(answer, _AT_ONCE)):
            failure = Failure(TypeError(f"{type(answer).__name__} is no answer"))
            answer = self._failed(request, failure)
        if answer.__class__ is Accepted and self.session.accept(request, answer):
            return
        if answer.__class__ is request.answer and request.__class__ not in LINK:
            self._answer_at_once(request, answer)
        else:
            self._answer(request, answer)

    def _answered_late(self) -> None:
        """Some answers came: what they have held up goes on."""
        if self._paused and self._answering is not None:
            if len(self._answering) < self.factory.max_unanswered:
                self._resume(ANSWERING)
            self._resume(BINDING)
        if not self._reading:
            self._flush()
        if self._ending:
            self._drained()


def _has_message_id(response: type[Response]) -> bool:
    return any(field.name == "message_id" for field in response.fields)


def give(laters: list[Later], error: Exception | None = None) -> None:
    """Gives the prepared answers of some, in one write for each session.

    Args:
        laters: in the order in which they are answered.
        error: refuses all of them, like an exception of the application.
    """
    failure = None if error is None else Failure(error)
    sessions: dict[Answering, None] = {}
    for later in laters:
        session = later.session
        sessions[session] = None
        try:
            if failure is None:
                session._answer_late(later.answer, later)
            else:
                session._answer_late(session._failed(later.request, failure), later)
        except Exception:
            session._broken(Failure())
    for session in sessions:
        try:
            session._answered_late()
        except Exception:
            session._broken(Failure())


def awaited(answer: Any) -> Any:
    """What an application has returned, for the callback of a Deferred.

    Args:
        answer: what it returned.

    Returns:
        a Deferred in the place of a coroutine, or of another awaitable; all else as it is.
    """
    if isinstance(answer, Deferred) or not inspect.isawaitable(answer):
        return answer
    return ensureDeferred(answer if isinstance(answer, Coroutine) else _result_of(answer))


async def _result_of(answer: Awaitable[Any]) -> Any:
    return await answer
