"""The receipts of one account that are on their way to it.

They leave in the order in which they were made, to any session that receives, and as many
at a time as the window takes. One that got lost with its link goes again first; one that
the ESME refuses for now goes again later and holds nobody up meanwhile.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.errors import FieldError, RequestRefused, SessionLost, SMPPError
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdus import DeliverSM

__all__ = ["MOST_RECEIPTS", "MOST_TRIES", "RETRY_SECONDS", "Receipts"]

#: Receipts kept while nobody receives; the oldest are dropped.
MOST_RECEIPTS = 10_000
#: Seconds until a receipt is tried again, and how often one that is refused.
RETRY_SECONDS = 5.0
MOST_TRIES = 20

_RECEIVING = (State.BOUND_RX, State.BOUND_TRX)
_FOR_GOOD = frozenset({CommandStatus.ESME_RX_P_APPN, CommandStatus.ESME_RX_R_APPN})


class Receipts:
    """A queue of deliver_sm for the sessions of one account.

    Args:
        clock: an ``IReactorTime``.
        sessions: those of the account; the list is looked at anew each time.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, sessions: list[SMPPProtocol]) -> None:
        self._clock = clock
        self._sessions = sessions
        # Both are heaps: by the number of the receipt, and by the time of its next try.
        self._ready: list[tuple[int, int, dict[str, Any]]] = []
        self._later: list[tuple[float, int, int, dict[str, Any]]] = []
        self._made = 0
        self._in_flight = 0
        self._dropped = 0
        self._call: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._ready) + len(self._later)

    def add(self, fields: dict[str, Any]) -> None:
        """Takes the fields of a deliver_sm."""
        if len(self) >= MOST_RECEIPTS:
            if self._ready:
                heappop(self._ready)
            else:
                heappop(self._later)
            self._dropped += 1
            if self._dropped % 1000 == 1:
                self.log.warn(
                    "more than {most} receipts wait for a receiver: {dropped} dropped so far",
                    most=MOST_RECEIPTS,
                    dropped=self._dropped,
                )
        self._made += 1
        heappush(self._ready, (self._made, 0, fields))
        self.go_on()

    def go_on(self, seconds: float = 0.0) -> None:
        """Delivers, in ``seconds``: never at once, so as not to overtake a response."""
        if not self._sessions or not len(self):
            return
        if self._call is None:
            self._call = self._clock.callLater(seconds, self._deliver)
        elif self._call.getTime() > self._clock.seconds() + seconds:
            self._call.reset(seconds)

    def pause(self) -> None:
        """Nobody is there any more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _deliver(self) -> None:
        self._call = None
        now = self._clock.seconds()
        while self._later and self._later[0][0] <= now:
            _, number, tries, fields = heappop(self._later)
            heappush(self._ready, (number, tries, fields))
        for session in list(self._sessions):
            while self._ready and self._has_room(session):
                self._send(session, *heappop(self._ready))
        receiving = any(session.state in _RECEIVING for session in self._sessions)
        if self._ready and receiving and not self._in_flight:
            self.go_on(RETRY_SECONDS)  # the window is full of what is not ours
        elif self._later:
            self.go_on(max(0.0, self._later[0][0] - now))

    @staticmethod
    def _has_room(session: SMPPProtocol) -> bool:
        conversation = session.session
        receiving = session.bound and session.state in _RECEIVING
        return receiving and conversation.in_flight < conversation.window

    def _send(self, session: SMPPProtocol, number: int, tries: int, fields: Any) -> None:
        if session.session.version < InterfaceVersion.V3_4:
            sent = session.request(DeliverSM(**{**fields, "tlvs": None}))
        else:
            sent = session.request(DeliverSM(**fields))
        self._in_flight += 1
        sent.addBoth(self._done, number, tries, fields)
        sent.addErrback(lambda failure: self.log.failure("a receipt is lost", failure))

    def _done(self, result: Any, number: int, tries: int, fields: Any) -> None:
        """A receipt was taken, or not: then it is kept, unless it never has a chance."""
        self._in_flight -= 1
        if not isinstance(result, Failure):
            self.go_on()
            return
        result.trap(SMPPError)
        error: Any = result.value
        if isinstance(error, RequestRefused):
            tries += 1
            hopeless = error.command_status in _FOR_GOOD or tries >= MOST_TRIES
        else:
            hopeless = isinstance(error, FieldError)
        if hopeless:
            self.log.warn("a receipt is dropped for good: {error}", error=str(error))
        else:
            # Its number puts it before those that were made after it.
            wait = 0.0 if isinstance(error, SessionLost) else RETRY_SECONDS
            again = self._clock.seconds() + wait
            heappush(self._later, (again, number, tries, fields))
        self.go_on()
