"""Ways to a receiver: the sessions of an account, or an object of the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.errors import FieldError, ResponseTimeout, SessionLost
from twisted_smpp.events import LateResponse
from twisted_smpp.interfaces import IMessageSink
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.smsc.forwarding import delivery
from twisted_smpp.smsc.kinds import FINAL, MESSAGE, RECEIPT
from twisted_smpp.smsc.submitted import Submitted
from twisted_smpp.states import State
from twisted_smpp.store import Record
from twisted_smpp.values import InterfaceVersion, MessageState
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import AlertNotification, DataSM, DeliverSM, EnquireLink, GenericNack
from twisted_smpp.wire.tlv import TLVs
from twisted_smpp.wire.tlvs import message_payload

__all__ = ["AtOnce", "Sessions", "Sink", "is_consent", "to_session"]

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
#: Octets that are sent before a transport is asked whether its peer reads.
_MOST_UNFLUSHED = 16_384
#: Octets of a short_message before 5.0.
_MOST_OF_3_3 = 254


Told = Callable[[Any, Record], object]


class _Delivery:
    """What becomes of a record that was sent to a session, in place of a Deferred."""

    __slots__ = ("called", "record", "session", "sessions", "told")

    def __init__(
        self, sessions: Sessions, session: SMPPProtocol, record: Record, told: Told
    ) -> None:
        self.sessions = sessions
        self.session = session
        self.record = record
        self.told = told
        self.called = False

    def callback(self, response: Any) -> None:
        """It was taken."""
        self.called = True
        self.sessions.taken(self.session)
        self.told(response, self.record)

    def errback(self, error: Exception) -> None:
        """It was not, or nobody knows."""
        self.called = True
        self.sessions.answered(self.session, error)
        self.told(Failure(error), self.record)

    def late(self, event: LateResponse) -> None:
        """The response came after all, when nobody waited for it any more."""
        self.sessions.late(self.session, self.record.number, event)


class Sessions:
    """The sessions of an account that receive, each with its window."""

    log = Logger()

    def __init__(self) -> None:
        self.sessions: list[SMPPProtocol] = []
        #: One of them for each version of SMPP.
        self._versions: dict[int, SMPPProtocol] = {}
        self._timeouts: dict[SMPPProtocol, int] = {}
        self._next = 0
        #: Deliveries that were taken, and when the last one was, in seconds of the reactor.
        self.delivered = 0
        self.delivered_at: float | None = None
        #: Called with the session, the number of the record, and the event.
        self.on_late: Callable[[SMPPProtocol, int, LateResponse], object] | None = None
        self._unflushed: dict[SMPPProtocol, None] = {}
        self._octets = 0

    def add(self, session: SMPPProtocol) -> None:
        """A session was bound."""
        if session.state in _RECEIVING:
            self.sessions.append(session)
            self._count_versions()

    def remove(self, session: SMPPProtocol) -> None:
        """A session has ended."""
        if session in self.sessions:
            self.sessions.remove(session)
            self._count_versions()
        self._timeouts.pop(session, None)

    def _count_versions(self) -> None:
        self._versions = {each.session.version: each for each in self.sessions}

    def is_open(self) -> bool:
        """Whether a session receives."""
        return bool(self.sessions)

    def has_room(self, record: Record) -> bool:
        """Whether the window of a session that can take it has room, and its peer reads."""
        takers = self._takers(record) if len(self._versions) > 1 else self.sessions
        for session in takers:  # noqa: SIM110  any() takes three times as long
            if session.has_room:
                return True
        return False

    def _takers(self, record: Record) -> list[SMPPProtocol]:
        """The sessions whose SMPP has a way to say it; all of them where there is none."""
        able = {version for version, each in self._versions.items() if _fits(record, each)}
        return [each for each in self.sessions if each.session.version in able] or self.sessions

    def send(self, record: Record, told: Told) -> None:
        """Delivers to the sessions in turn, those that have room."""
        session = self._choose(record)
        if session is None:
            error = SessionLost("no session receives; it was never sent", sent=False)
            told(Failure(error), record)
            return
        version, octets = session.session.version, None
        pdu = to_session(record, version)
        if version >= InterfaceVersion.V3_4 and record.kind == RECEIPT:
            octets = record.pdu  # it was made here, and fits
        session.request(pdu, octets, _Delivery(self, session, record, told), flush=False)
        self._unflushed[session] = None
        self._octets += len(record.pdu)
        if self._octets >= _MOST_UNFLUSHED:
            self.flush()

    def flush(self) -> None:
        """Writes what was sent."""
        self._octets = 0
        while self._unflushed:
            session, _ = self._unflushed.popitem()
            session.flush()

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

    def _choose(self, record: Record) -> SMPPProtocol | None:
        count = len(self.sessions)
        takers = self._takers(record) if len(self._versions) > 1 else None
        for step in range(count):
            session = self.sessions[(self._next + step) % count]
            if session.has_room and (takers is None or session in takers):
                self._next = (self._next + step + 1) % count
                return session
        return None

    def taken(self, session: SMPPProtocol) -> None:
        """A session has taken a delivery."""
        self.delivered += 1
        self.delivered_at = session.session.heard_at
        if self._timeouts:
            self._timeouts.pop(session, None)

    def answered(self, session: SMPPProtocol, error: Exception) -> None:
        """A session has refused a delivery, or has not answered within its time."""
        if not isinstance(error, ResponseTimeout):
            self._timeouts.pop(session, None)
        elif session in self.sessions:
            count = self._timeouts[session] = self._timeouts.get(session, 0) + 1
            if count == MOST_TIMEOUTS:
                self._probe(session)

    def late(self, session: SMPPProtocol, number: int, event: LateResponse) -> None:
        """A session has answered a delivery that had been given up."""
        if is_consent(event.response):
            self.taken(session)
        if self.on_late is not None:
            self.on_late(session, number, event)

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


def is_consent(response: Any) -> bool:
    """Whether a receiver has taken a delivery.

    Some peers refuse with generic_nack and forget to say why: that is none.
    """
    return not response.command_status and response.__class__ is not GenericNack


def to_session(record: Record, version: int) -> DeliverSM | DataSM:
    """The PDU that brings a record to a session.

    Args:
        record: of a message or a receipt.
        version: the SMPP version of the session.

    Raises:
        FieldError: it is too long for SMPP 3.3.
    """
    pdu: Any = decode(record.pdu)
    if record.kind == MESSAGE:
        pdu = delivery(pdu, swap=bool(record.data and record.data.get("loopback")))
    return pdu if version >= InterfaceVersion.V3_4 else _without_tlvs(pdu)


def _fits(record: Record, session: SMPPProtocol) -> bool:
    """Whether the SMPP version of a session can carry a record."""
    try:
        session.session.check(to_session(record, session.session.version))
    except Exception:  # one that cannot be read fits nowhere: sending it tells why
        return False
    return True


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

    def has_room(self, record: Record) -> bool:
        """Always."""
        return True

    def send(self, record: Record, told: Told) -> None:
        """Tells of DELIVERED."""
        told(MessageState.DELIVERED, record)

    def flush(self) -> None:
        """Nothing waits."""


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

    def has_room(self, record: Record) -> bool:
        """Whether it may be given one more message."""
        return len(self._in_flight) < self._window

    def send(self, record: Record, told: Told) -> None:
        """Gives it a message; tells what it makes of it, None being DELIVERED.

        It tells of a TypeError when that is neither None nor an end nor ACCEPTED.
        """
        deferred = maybeDeferred(self._sink.deliver, Submitted.of(record))
        if not deferred.called:
            deferred.addTimeout(self._seconds, self._clock, _too_late)
            self._in_flight.add(deferred)
            deferred.addBoth(self._done, deferred)
        deferred.addCallback(_state).addBoth(told, record)

    def flush(self) -> None:
        """Nothing waits."""

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
