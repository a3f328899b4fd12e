"""An ``IService`` that stays bound to a message centre.

Twisted's own ``ClientService`` does the connecting. A bind is no part of it: the protocol
binds when it is connected and closes the connection when that is refused, and the delays
between attempts count refused binds as well as failed connections.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.application.internet import ClientService
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.logger import Logger

from twisted_smpp.endpoints import client_endpoint
from twisted_smpp.errors import SessionLost
from twisted_smpp.factory import ESMEFactory
from twisted_smpp.protocol import Answer, SMPPProtocol
from twisted_smpp.shorthands import Shorthands
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus
from twisted_smpp.text.receipt import Receipt, is_receipt
from twisted_smpp.wire.pdu import Request, Response
from twisted_smpp.wire.pdus import AlertNotification, DataSM, DeliverSM

__all__ = ["ESMEService"]

R = TypeVar("R", bound=Response | None)

#: A bind that held for so many seconds makes the next attempt an early one again.
STABLE_SECONDS = 60.0


class ESMEService(Shorthands, Service):
    """One link to a message centre.

    It connects, binds, and when the link is lost connects again after a delay that
    doubles from ``first_delay`` to ``longest_delay`` seconds, each drawn at random from
    zero to that (full jitter). Names are resolved anew for every attempt.

    Args:
        endpoint: an ``IStreamClientEndpoint`` or a description such as
            ``"tcp:smsc.example:2775"`` or ``"tls:smsc.example:3550"``.
        system_id, password: of the bind.
        bind: ``"transceiver"``, ``"transmitter"`` or ``"receiver"``.
        on_message: called with each deliver_sm or data_sm that is no receipt; answers
            like ``on_request`` of :class:`~twisted_smpp.factory.SMPPFactory`. Without it
            messages are refused with ESME_RX_T_APPN, so that the message centre keeps
            them.
        on_receipt: called with a :class:`~twisted_smpp.text.receipt.Receipt` and its PDU;
            answers likewise. Without it receipts go to ``on_message``.
        on_alert: called with each alert_notification.
        reactor: for endpoints and time; None for the global one.
        random: a function that returns a number from 0 to 1, for the jitter.
        first_delay, longest_delay: seconds.
        settings: those of :class:`~twisted_smpp.factory.ESMEFactory`.

    Raises:
        ValueError: the endpoint description or a value of the bind cannot be used.
    """

    log = Logger()

    def __init__(
        self,
        endpoint: str | IStreamClientEndpoint,
        system_id: str,
        password: str = "",
        *,
        on_message: Callable[[Any], Answer] | None = None,
        on_receipt: Callable[[Receipt, Any], Answer] | None = None,
        on_alert: Callable[[Any], Answer] | None = None,
        reactor: Any = None,
        random: Callable[[], float] = random.random,
        first_delay: float = 1.0,
        longest_delay: float = 60.0,
        **settings: Any,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        if isinstance(endpoint, str):
            endpoint = client_endpoint(reactor, endpoint)
        self._clock = IReactorTime(reactor)
        self._on_message = on_message
        self._on_receipt = on_receipt
        self._on_alert = on_alert
        self._random = random
        self._first_delay = first_delay
        self._longest_delay = longest_delay
        self._failures = 0
        self._bound_at = 0.0
        self._waiting: list[Deferred[SMPPProtocol]] = []
        #: The session that is bound, or None.
        self.session: SMPPProtocol | None = None
        self.factory = ESMEFactory(
            system_id,
            password,
            on_request=self._requested,
            on_bound=self._bound,
            on_lost=self._lost,
            on_refused=self._refused,
            clock=self._clock,
            **settings,
        )
        self._client = ClientService(
            endpoint, self.factory, retryPolicy=self._delay, clock=self._clock
        )

    # IService.

    def startService(self) -> None:
        """Starts to connect; while it still stops, it goes on afterwards."""
        super().startService()  # type: ignore[no-untyped-call]
        if not self._client.running:
            self._client.startService()

    def stopService(self) -> Deferred[None]:
        """Awaits what is in flight, unbinds and disconnects; fires when it is done."""
        super().stopService()  # type: ignore[no-untyped-call]
        ended = DeferredList([each.unbind() for each in list(self.factory.connections)])
        return ended.addCallback(self._unbound)

    def _unbound(self, _: Any) -> Any:
        if self.running:
            return None  # it was started again meanwhile
        self._fail_waiting()
        return maybeDeferred(self._client.stopService).addCallback(lambda _: None)

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
            return fail(SessionLost("not bound; it was never sent"))
        return self.session.request(pdu)

    # What the factory tells.

    def _bound(self, session: SMPPProtocol) -> None:
        self.session = session
        self._bound_at = self._clock.seconds()
        self.log.info("bound to {peer} in {state}", peer=session.peer, state=session.state.name)
        while self._waiting and self.session is session:
            self._waiting.pop(0).callback(session)

    def _lost(self, session: SMPPProtocol, why: str) -> None:
        if session is self.session:
            self.session = None
            stable = self._clock.seconds() - self._bound_at >= STABLE_SECONDS
            self._failures = 0 if stable else self._failures + 1
            self.log.info("the link to {peer} ended: {why}", peer=session.peer, why=why)

    def _refused(self, session: SMPPProtocol, error: BaseException) -> None:
        self._failures += 1
        self.log.error("bind to {peer} failed: {error}", peer=session.peer, error=str(error))

    def _delay(self, failed: int) -> float:
        attempts = max(failed, self._failures, 1)
        longest = min(self._longest_delay, self._first_delay * 2.0 ** min(attempts - 1, 30))
        return longest * self._random()

    def _fail_waiting(self) -> None:
        # Only those of now: a caller that tries again at once waits for the next start.
        for deferred in list(self._waiting):
            if deferred in self._waiting:
                self._waiting.remove(deferred)
                deferred.errback(SessionLost("the service was stopped"))

    def _requested(self, session: SMPPProtocol, request: Any) -> Answer:
        if isinstance(request, AlertNotification):
            return None if self._on_alert is None else self._on_alert(request)
        if not isinstance(request, DeliverSM | DataSM):
            return CommandStatus.ESME_RINVCMDID
        if is_receipt(request) and self._on_receipt is not None:
            return self._on_receipt(Receipt.of(request), request)
        if self._on_message is None:
            return CommandStatus.ESME_RX_T_APPN
        return self._on_message(request)
