"""Ways to a receiver: the sessions of an account, or an object of the application."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.errors import FieldError, ResponseTimeout, SessionLost
from twisted_smpp.interfaces import IMessageSink
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.smsc.forwarding import delivery
from twisted_smpp.smsc.kinds import MESSAGE
from twisted_smpp.smsc.submitted import Submitted
from twisted_smpp.states import State
from twisted_smpp.store import Record
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import DataSM, DeliverSM, EnquireLink
from twisted_smpp.wire.tlv import TLVs
from twisted_smpp.wire.tlvs import message_payload

__all__ = ["Sessions", "Sink"]

_RECEIVING = (State.BOUND_RX, State.BOUND_TRX)
#: Deliveries in a row without a response, after which a session is asked whether it is there.
MOST_TIMEOUTS = 3


class Sessions:
    """The sessions of an account that receive, each with its window.

    Args:
        loopback: whether what is delivered comes from the account itself, and goes back with
            the addresses swapped.
    """

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
            if isinstance(pdu, DataSM) or message_payload in pdu.tlvs:
                return fail(FieldError("message_payload", "SMPP 3.3 has no place for it"))
            pdu.tlvs = TLVs()
        deferred: Deferred[Any] = session.request(pdu)
        return deferred.addCallbacks(
            self._taken, self._not_taken, callbackArgs=(session,), errbackArgs=(session,)
        )

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


class Sink:
    """An object of the application.

    Args:
        sink: an :class:`~twisted_smpp.interfaces.IMessageSink`.
        window: messages that it may have at a time.
    """

    def __init__(self, sink: IMessageSink, window: int = 100) -> None:
        self._sink: Any = sink
        self._window = window
        self._in_flight = 0

    def is_open(self) -> bool:
        """It is always there."""
        return True

    def has_room(self) -> bool:
        """Whether it may be given one more message."""
        return self._in_flight < self._window

    def send(self, record: Record) -> Deferred[Any]:
        """Gives it a message; fires with what it makes of it."""
        self._in_flight += 1
        deferred = maybeDeferred(self._sink.deliver, Submitted.of(record))
        return deferred.addBoth(self._done)

    def _done(self, result: Any) -> Any:
        self._in_flight -= 1
        return result
