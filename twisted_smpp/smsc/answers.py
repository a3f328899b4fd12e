"""What the answers of receivers mean: which are final, and what to do with one that is late."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.errors import FieldError, PDUError, RequestRefused, StoreError
from twisted_smpp.smsc.outlets import is_consent, to_session
from twisted_smpp.status import CommandStatus
from twisted_smpp.store import Record
from twisted_smpp.values import MessageState

if TYPE_CHECKING:
    from twisted_smpp.events import LateResponse
    from twisted_smpp.protocol import SMPPProtocol
    from twisted_smpp.smsc.centre import MessageCentre

__all__ = ["LateAnswers", "is_final"]

#: What a receiver may say of a delivery so that it is tried again.
_TEMPORARY = frozenset(
    {
        CommandStatus.ESME_RX_T_APPN,
        CommandStatus.ESME_RMSGQFUL,
        CommandStatus.ESME_RTHROTTLED,
        CommandStatus.ESME_RSYSERR,
    }
)


def is_final(error: BaseException | None) -> bool:
    """Whether a delivery that has failed so would fail again."""
    return isinstance(error, PDUError) or (
        isinstance(error, RequestRefused) and error.command_status not in _TEMPORARY
    )


class LateAnswers:
    """Answers to deliveries that had been given up, and are planned again or under way again.

    ESME_ROK settles what waits for its next try. If that is under way already, it settles it
    whatever comes of that. A refusal that is final settles what waits; one that is temporary
    changes nothing, and so does any refusal of what is under way again. An answer to a text that
    was replaced meanwhile is about nothing that waits.

    Args:
        centre: whose deliveries they are.
        taken: called with a record that was taken.
        refused: called with a record that was refused for good, and why.
        early: of records that are under way, the ends that they come to when they are back.
    """

    log = Logger()

    def __init__(
        self,
        centre: MessageCentre,
        taken: Callable[[Record, Any], object],
        refused: Callable[[Record, str], object],
        early: dict[int, tuple[int, int]],
    ) -> None:
        self._centre = centre
        self._taken = taken
        self._refused = refused
        self._early = early

    def came(self, session: SMPPProtocol, number: int, event: LateResponse) -> None:
        """An answer that came late.

        Args:
            session: where it came.
            number: of the record.
            event: the delivery and the response.
        """
        found = self._centre.fresh.get(number)
        found.addCallback(self._found, session, event)
        found.addErrback(self._not_found)

    def _found(self, record: Record | None, session: SMPPProtocol, event: LateResponse) -> None:
        if record is None or record.due is None or not _is_about(record, session, event):
            return
        dispatch = self._centre.dispatches.get(record.queue)
        is_under_way = dispatch is not None and dispatch.is_in_flight(record.number)
        response = event.response
        if is_consent(response):
            if is_under_way:
                self._early.setdefault(record.number, (MessageState.DELIVERED, 0))
            elif self._centre.withdraw(record):
                self._taken(record, None)
        elif response.command_status and dispatch is not None and not is_under_way:
            error = RequestRefused.from_response(event.pending.request, response)
            if is_final(error) and self._centre.withdraw(record):
                self._refused(record, str(error))

    def _not_found(self, failure: Failure) -> None:
        """The store tells itself when it has failed; the delivery is tried again."""
        if not failure.check(StoreError):
            self.log.failure("a late answer was not looked at", failure)


def _is_about(record: Record, session: SMPPProtocol, event: LateResponse) -> bool:
    """Whether what waits is what was sent then."""
    try:
        pdu = to_session(record, session.session.version)
    except FieldError:
        return False
    sent: Any = event.pending.request
    return pdu.__class__ is sent.__class__ and pdu.encode()[16:] == sent.encode()[16:]
