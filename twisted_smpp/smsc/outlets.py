"""Ways to a receiver: the sessions of an account, or an object of the application."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.errors import FieldError, ResponseTimeout, SessionLost
from twisted_smpp.interfaces import IMessageSink
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.smsc.forwarding import delivery
from twisted_smpp.smsc.kinds import FINAL, MESSAGE
from twisted_smpp.smsc.submitted import Submitted
from twisted_smpp.states import State
from twisted_smpp.store import Record
from twisted_smpp.values import InterfaceVersion, MessageState
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import AlertNotification, DataSM, DeliverSM, EnquireLink
from twisted_smpp.wire.tlv import TLVs
from twisted_smpp.wire.tlvs import message_payload

__all__ = ["AtOnce", "Sessions", "Sink"]

_RECEIVING = (State.BOUND_RX, State.BOUND_TRX)
#: Deliveries in a row without a response, after which a session is asked whether it is there.
MOST_TIMEOUTS = 3
#: What data_sm and deliver_sm have both.
_SHARED = (
    "service_type",
    "source_addr_ton",
    "source_addr_npi",
    "source_addr",
    "dest_addr_ton",
    "dest_addr_npi",
    "destination_addr",
    "esm_class",
    "registered_delivery",
    "data_coding",
)
#: Octets of a short_message before 5.0.
_MOST_OF_3_3 = 254


class Sessions:
    """The sessions of an account that receive, each with its window."""

    log = Logger()

    def __init__(self) -> None:
        self.sessions: list[SMPPProtocol] = []
        self._timeouts: dict[SMPPProtocol, int] = {}
        self._next = 0

    def add(self, session: SMPPProtocol) -> None:
        """A session was bound."""
        if session.state in _RECEIVING:
            self.sessions.append(session)

    def remove(self, session: SMPPProtocol) -> None:
        """A session has ended."""
        if session in self.sessions:
            self.sessions.remove(session)
        self._timeouts.pop(session, None)

    def is_open(self) -> bool:
        """Whether a session receives."""
        return bool(self.sessions)

    def has_room(self) -> bool:
        """Whether the window of a session has room, and its peer reads."""
        return any(session.has_room for session in self.sessions)

    def send(self, record: Record) -> Deferred[Any]:
        """Delivers to the sessions in turn, those that have room."""
        session = self._choose()
        if session is None:
            return fail(SessionLost("no session receives; it was never sent", sent=False))
        pdu = _pdu(record)
        if session.session.version < InterfaceVersion.V3_4:
            pdu = _without_tlvs(pdu)
        deferred: Deferred[Any] = session.request(pdu)
        return deferred.addCallbacks(
            self._taken, self._not_taken, callbackArgs=(session,), errbackArgs=(session,)
        )

    def alert(self, **fields: Any) -> int:
        """Sends an alert_notification to each that knows it; to how many it was.

        Raises:
            FieldError: a value cannot be sent.
        """
        pdu = AlertNotification(**fields)
        pdu.encode()
        told = [each for each in self.sessions if each.session.version >= InterfaceVersion.V3_4]
        for session in told:
            session.request(AlertNotification(**fields)).addErrback(self._not_alerted, session)
        return len(told)

    def _not_alerted(self, failure: Failure, session: SMPPProtocol) -> None:
        self.log.info("{peer}: no alert: {why}", peer=session.peer, why=failure.getErrorMessage())

    def _choose(self) -> SMPPProtocol | None:
        count = len(self.sessions)
        for step in range(count):
            session = self.sessions[(self._next + step) % count]
            if session.has_room:
                self._next = (self._next + step + 1) % count
                return session
        return None

    def _taken(self, response: Any, session: SMPPProtocol) -> Any:
        self._timeouts.pop(session, None)
        return response

    def _not_taken(self, failure: Failure, session: SMPPProtocol) -> Failure:
        if not failure.check(ResponseTimeout):
            self._timeouts.pop(session, None)
        elif session in self.sessions:
            count = self._timeouts[session] = self._timeouts.get(session, 0) + 1
            if count == MOST_TIMEOUTS:
                self._probe(session)
        return failure

    def _probe(self, session: SMPPProtocol) -> None:
        """It answers no deliveries: then it is ended, in good order if it is there at all."""
        self.log.warn(
            "{peer}: {count} deliveries without a response", peer=session.peer, count=MOST_TIMEOUTS
        )
        probe: Deferred[Any] = session.request(EnquireLink())
        probe.addBoth(
            lambda result: session.abort() if isinstance(result, Failure) else session.unbind(0)
        )
        probe.addErrback(lambda failure: self.log.failure("probe failed", failure))


def _pdu(record: Record) -> DeliverSM | DataSM:
    pdu: Any = decode(record.pdu)
    if record.kind == MESSAGE:
        pdu = delivery(pdu, swap=bool(record.data and record.data.get("loopback")))
    return pdu  # type: ignore[no-any-return]


def _without_tlvs(pdu: DeliverSM | DataSM) -> DeliverSM:
    """What a receiver of SMPP 3.3 can take, which knows neither data_sm nor TLVs.

    Raises:
        FieldError: it is too long for that.
    """
    payload = pdu.tlvs.get(message_payload) if pdu.tlvs else None
    if isinstance(pdu, DataSM):
        pdu = DeliverSM(**{name: getattr(pdu, name) for name in _SHARED})
    if payload is not None:
        if len(payload) > _MOST_OF_3_3:
            raise FieldError(
                "message_payload", f"{len(payload)} octets, at most {_MOST_OF_3_3} fit in SMPP 3.3"
            )
        pdu.short_message = payload
    pdu.tlvs = TLVs()
    return pdu


class AtOnce:
    """Nobody: what goes there counts as delivered."""

    def is_open(self) -> bool:
        """Always."""
        return True

    def has_room(self) -> bool:
        """Always."""
        return True

    def send(self, record: Record) -> Deferred[Any]:
        """Fires with DELIVERED."""
        return succeed(MessageState.DELIVERED)


class Sink:
    """An object of the application.

    Args:
        sink: an :class:`~twisted_smpp.interfaces.IMessageSink`.
        clock: an ``IReactorTime``.
        window: messages that it may have at a time.
        seconds: that it has for one; then it is tried again.
    """

    def __init__(
        self, sink: IMessageSink, clock: IReactorTime, window: int = 100, seconds: float = 600.0
    ) -> None:
        self._sink: Any = sink
        self._clock = clock
        self._window = window
        self._seconds = seconds
        self._in_flight: set[Deferred[Any]] = set()

    def is_open(self) -> bool:
        """It is always there."""
        return True

    def has_room(self) -> bool:
        """Whether it may be given one more message."""
        return len(self._in_flight) < self._window

    def send(self, record: Record) -> Deferred[Any]:
        """Gives it a message; fires with what it makes of it, None for DELIVERED.

        Errbacks with a TypeError when that is neither None nor an end nor ACCEPTED.
        """
        deferred = maybeDeferred(self._sink.deliver, Submitted.of(record))
        if not deferred.called:
            deferred.addTimeout(self._seconds, self._clock, _too_late)
            self._in_flight.add(deferred)
            deferred.addBoth(self._done, deferred)
        return deferred.addCallback(_state)

    def _done(self, result: Any, deferred: Deferred[Any]) -> Any:
        self._in_flight.discard(deferred)
        if isinstance(result, Failure) and result.check(CancelledError):
            return Failure(SessionLost("stopped"))
        return result

    def stop(self) -> None:
        """Waits no longer for what it has; that comes again at the next start."""
        for deferred in list(self._in_flight):
            deferred.cancel()


def _too_late(result: Any, seconds: float) -> Any:
    raise TimeoutError(f"a sink has not answered within {seconds:g} s")


def _state(result: Any) -> MessageState:
    if result is None:
        return MessageState.DELIVERED
    if result in FINAL or result == MessageState.ACCEPTED:
        return MessageState(result)
    raise TypeError(f"a sink returned {type(result).__name__}, not None or the end of a message")
