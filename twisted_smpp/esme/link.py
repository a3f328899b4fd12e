"""An ``IService`` that stays bound to a message centre.

Twisted's own ``ClientService`` does the connecting. A bind is no part of it: the protocol
binds when it is connected and closes the connection when that is refused, and the delays
between attempts count refused binds as well as failed connections.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from twisted.application.internet import ClientService
from twisted.application.service import Service
from twisted.internet.defer import (
    Deferred,
    DeferredList,
    ensureDeferred,
    fail,
    maybeDeferred,
    succeed,
)
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.endpoints import client_endpoint
from twisted_smpp.errors import SessionLost
from twisted_smpp.esme.backoff import Backoff
from twisted_smpp.esme.failover import FailOver
from twisted_smpp.events import LateResponse
from twisted_smpp.factory import ESMEFactory
from twisted_smpp.protocol import Answer, SMPPProtocol
from twisted_smpp.shorthands import Shorthands
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdu import Request, Response

__all__ = ["Link", "LinkChange", "LinkState"]

R = TypeVar("R", bound=Response | None)

Endpoint = str | IStreamClientEndpoint


class LinkState(Enum):
    """Where a link is."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    BOUND = "bound"
    WAITING = "waiting"
    STOPPING = "stopping"


class LinkChange(NamedTuple):
    """What a link tells when its state changes.

    Attributes:
        state: where it is now.
        reason: why, in words.
        seconds: until the next attempt, when it is ``WAITING``; else 0.0.
        endpoint: which one is tried, when it is ``CONNECTING``, which is told for each
            attempt; else empty.
    """

    state: LinkState
    reason: str
    seconds: float = 0.0
    endpoint: str = ""


class Link(Shorthands, Service):
    """One link to a message centre.

    It connects, binds, and when the link is lost connects again after a delay that doubles
    from ``first_delay`` to ``longest_delay`` seconds, each drawn at random from zero to that
    (full jitter). After a refused bind the delays are longer, and at random for a half of each
    at most: 5 to 60 s, 90 to 120 s (and never below 60) while the message centre holds the
    link for bound, and one to fifteen minutes after wrong credentials. Names are resolved anew
    for every attempt. Of several endpoints the next is tried when one cannot be reached,
    refuses the bind, or loses the link within a minute of the bind three times in a row.

    Args:
        endpoint: an ``IStreamClientEndpoint`` or a description such as
            ``"tcp:smsc.example:2775"`` or ``"tls:smsc.example:3550"``; or several of them,
            tried in turn. An :class:`~twisted_smpp.esme.outbind.OutbindEndpoint` waits for
            the message centre to connect.
        system_id: of the bind.
        password: of the bind, or a function that returns it and is called for each bind.
        bind: ``"transceiver"``, ``"transmitter"`` or ``"receiver"``.
        on_request: called with the session and each request of the message centre; answers
            like ``on_request`` of :class:`~twisted_smpp.factory.SMPPFactory`.
        on_state: called with a :class:`LinkChange`; may be a coroutine.
        reactor: for endpoints and time; None for the global one.
        random: a function that returns a number from 0 to 1, for the jitter.
        first_delay, longest_delay: seconds.
        connect_timeout: seconds after which an attempt to connect is given up.
        settings: those of :class:`~twisted_smpp.factory.ESMEFactory`.

    Raises:
        ValueError: the endpoint description, a delay or a value of the bind cannot be used.
        TypeError: an endpoint is none.
    """

    log = Logger()
    #: What decodes the PDUs of the message centre, see the factory.
    decoders: Callable[[InterfaceVersion], Mapping[int, Any]] | None = None

    def __init__(
        self,
        endpoint: Endpoint | Sequence[Endpoint],
        system_id: str,
        password: str | Callable[[], str] = "",
        *,
        on_request: Callable[[SMPPProtocol, Any], Answer] | None = None,
        on_state: Callable[[LinkChange], object] | None = None,
        reactor: Any = None,
        random: Callable[[], float] = random.random,
        first_delay: float = 1.0,
        longest_delay: float = 60.0,
        connect_timeout: float = 10.0,
        **settings: Any,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        _check_seconds(first_delay, longest_delay, connect_timeout)
        self._clock = IReactorTime(reactor)
        self._endpoint = _fail_over(reactor, endpoint, connect_timeout, self._trying)
        self._on_request = on_request
        self._on_state = on_state
        self._backoff = Backoff(first_delay, longest_delay, random)
        self._bound_at = 0.0
        self._why = ""
        self._in_step = False
        self._waiting: list[Deferred[SMPPProtocol]] = []
        #: What was told last.
        self.change = LinkChange(LinkState.STOPPED, "not started")
        #: The session that is bound, or None.
        self.session: SMPPProtocol | None = None
        self.factory = ESMEFactory(
            system_id,
            password,
            on_request=self._requested,
            on_bound=self._bound,
            on_lost=self._lost,
            on_refused=self._refused,
            on_late_response=self._late,
            clock=self._clock,
            **{"decoders": self.decoders, **settings},
        )
        self._client = ClientService(
            self._endpoint, self.factory, retryPolicy=self._delay, clock=self._clock
        )

    # IService.

    def startService(self) -> None:
        """Starts to connect; while it still stops, it goes on afterwards."""
        if self.running:
            return
        super().startService()  # type: ignore[no-untyped-call]
        self._tell(LinkState.CONNECTING, "started", endpoint=self._endpoint.name)
        if self.running and not self._client.running:  # on_state may have stopped it
            self._client.startService()

    def stopService(self) -> Deferred[None]:
        """Awaits what is in flight, unbinds and disconnects; fires when it is done."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._tell(LinkState.STOPPING, "asked to stop")
        ended = DeferredList([each.unbind() for each in list(self.factory.connections)])
        return ended.addCallback(self._unbound)

    def _unbound(self, _: Any) -> Any:
        if self._in_step or self._endpoint.is_called:
            # It is stopped in the midst of a step of ClientService, which cannot stop now.
            return deferLater(self._clock, 0, self._unbound, None)
        if not self.running:
            self._fail_waiting()
        if self.running:
            return None  # it was started again meanwhile
        stopping = maybeDeferred(self._client.stopService)
        return stopping.addCallbacks(self._stopped, self._stop_behind)

    def _stop_behind(self, failure: Failure) -> Deferred[Any]:
        """As :meth:`_unbound`, behind the step of ClientService that tells of an earlier stop."""
        failure.trap(RuntimeError)
        return deferLater(self._clock, 0, self._unbound, None)

    def _stopped(self, _: Any) -> None:
        if not self.running:
            self._tell(LinkState.STOPPED, "asked to stop")

    # For the application.

    @property
    def state(self) -> State:
        """State of the present session; CLOSED when there is none."""
        return State.CLOSED if self.session is None else self.session.state

    def when_bound(self) -> Deferred[SMPPProtocol]:
        """Fires with the session once it is bound, at once when it is already.

        Errbacks with :class:`~twisted_smpp.errors.SessionLost` when the service stops
        before; one that is not running yet, or no more, is waited for. May be cancelled.
        """
        if self.session is not None and self.session.bound:
            return succeed(self.session)
        deferred: Deferred[SMPPProtocol] = Deferred(self._waiting.remove)
        self._waiting.append(deferred)
        return deferred

    def request(self, pdu: Request[R]) -> Deferred[R]:
        """Sends a request on the bound session; see
        :meth:`twisted_smpp.protocol.SMPPProtocol.request`.

        Errbacks with :class:`~twisted_smpp.errors.SessionLost` when none is bound: the
        request was not sent. Wait for :meth:`when_bound` first.
        """
        if self.session is None:
            return fail(SessionLost("not bound; it was never sent", sent=False))
        return self.session.request(pdu)

    # What the factory tells.

    def _bound(self, session: SMPPProtocol) -> None:
        self.session = session
        self._bound_at = self._clock.seconds()
        self.log.info("bound to {peer} in {state}", peer=session.peer, state=session.state.name)
        self._tell(LinkState.BOUND, f"bound to {session.peer}")
        while self._waiting and session.bound:
            self._waiting.pop(0).callback(session)

    def _lost(self, session: SMPPProtocol, why: str) -> None:
        if session is self.session:
            self.session = None
            seconds = self._clock.seconds() - self._bound_at
            stable = self._backoff.bound_for(seconds, self._endpoint.listens)
            self._endpoint.ended(stable)
            why = why.rstrip(".")
            self._why = f"the link to {session.peer} ended: {why}"
            self.log.info("the link to {peer} ended: {why}", peer=session.peer, why=why)

    def _refused(self, session: SMPPProtocol, error: BaseException) -> None:
        if not self.running:
            return  # it was stopped before it was bound
        self._backoff.refused(error)
        self._endpoint.failed()
        why = error.reason if isinstance(error, SessionLost) else str(error)
        self._why = f"bind to {session.peer} failed: {why}"
        self.log.error("bind to {peer} failed: {error}", peer=session.peer, error=why)

    def _late(self, session: SMPPProtocol, event: LateResponse) -> None:
        """A response came after its request was given up."""

    def _requested(self, session: SMPPProtocol, request: Any) -> Answer:
        if self._on_request is None:
            return CommandStatus.ESME_RX_T_APPN
        return self._on_request(session, request)

    def _delay(self, failed: int) -> float:
        seconds = self._backoff.delay(failed)
        error = self._endpoint.error
        if error is not None:
            where = self._endpoint.tried
            self._why = f"the message centre at {where} cannot be reached: {str(error).rstrip('.')}"
            self.log.info("{why}", why=self._why)
        self._tell_in_step(LinkState.WAITING, self._why, seconds)
        return seconds

    def _trying(self, endpoint: str) -> None:
        before = self.change
        if before.state is not LinkState.CONNECTING or before.endpoint != endpoint:
            reason = f"connecting to {endpoint}"
            self._tell_in_step(LinkState.CONNECTING, reason, endpoint=endpoint)

    def _tell_in_step(
        self, state: LinkState, reason: str, seconds: float = 0.0, endpoint: str = ""
    ) -> None:
        self._in_step = True
        try:
            self._tell(state, reason, seconds, endpoint)
        finally:
            self._in_step = False

    def _tell(
        self, state: LinkState, reason: str, seconds: float = 0.0, endpoint: str = ""
    ) -> None:
        self.change = LinkChange(state, reason, seconds, endpoint)
        if self._on_state is None:
            return
        try:
            told = self._on_state(self.change)
        except Exception:
            self._failed(Failure())
        else:
            if isinstance(told, Coroutine):
                ensureDeferred(told).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self.log.failure("a callback of the application failed", failure)

    def _fail_waiting(self) -> None:
        # Only those of now: a caller that tries again at once waits for the next start.
        for deferred in list(self._waiting):
            if deferred in self._waiting:
                self._waiting.remove(deferred)
                deferred.errback(SessionLost("the service was stopped", sent=False))


def _fail_over(
    reactor: Any,
    endpoint: Endpoint | Sequence[Endpoint],
    seconds: float,
    trying: Callable[[str], object],
) -> FailOver:
    several = isinstance(endpoint, Sequence) and not isinstance(endpoint, str)
    given: Any = endpoint if several else [endpoint]
    for each in given:
        if not isinstance(each, str) and not hasattr(each, "connect"):
            raise TypeError(f"endpoint {each!r} is neither a description nor an endpoint")
    endpoints = [
        client_endpoint(reactor, each) if isinstance(each, str) else each for each in given
    ]
    return FailOver(
        endpoints, [str(each) for each in given], IReactorTime(reactor), seconds, trying
    )


def _check_seconds(first_delay: float, longest_delay: float, connect_timeout: float) -> None:
    """
    Raises:
        ValueError: one of them is out of bounds.
    """
    for name, value in (("first_delay", first_delay), ("connect_timeout", connect_timeout)):
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} is {value!r}, more than 0 seconds are needed")
    if not first_delay <= longest_delay < float("inf"):
        raise ValueError(
            f"longest_delay is {longest_delay!r}, "
            f"at least the {first_delay:g} seconds of first_delay are needed"
        )
