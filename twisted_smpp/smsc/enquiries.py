"""query_sm, cancel_sm and replace_sm: an account asks about its own messages.

A message of another account, or with another source address, is answered like one that does
not exist.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from twisted_smpp.errors import RequestRefused
from twisted_smpp.protocol import Answer
from twisted_smpp.smsc.forwarding import schedule_and_expiry
from twisted_smpp.smsc.kinds import MESSAGE
from twisted_smpp.status import CommandStatus
from twisted_smpp.store import Record
from twisted_smpp.text import times
from twisted_smpp.values import MessageState
from twisted_smpp.wire import tlvs
from twisted_smpp.wire.pdu import decode

if TYPE_CHECKING:
    from twisted_smpp.smsc.centre import MessageCentre

__all__ = ["Enquiries"]

#: Messages that one cancel_sm cancels by their addresses.
MOST_CANCELLED = 1000


class Enquiries:
    """What an account may ask about its messages.

    Args:
        centre: which has them.
        account: whose they are.
    """

    def __init__(self, centre: MessageCentre, account: str) -> None:
        self._centre = centre
        self._account = account

    def _find(self, request: Any) -> Deferred[Record]:
        """The message of the request, if it is the account's own."""
        return self._centre.find(request.message_id).addCallback(self._own, request)

    def _own(self, record: Record | None, request: Any) -> Record:
        if record is None or record.owner != self._account or record.source != request.source_addr:
            raise RequestRefused(CommandStatus.ESME_RINVMSGID)
        return record

    # query_sm

    def query(self, request: Any) -> Answer:
        """Answers where a message is."""
        return self._find(request).addCallback(self._queried, request)

    def _queried(self, record: Record, request: Any) -> Any:
        state = record.state
        if state == MessageState.SCHEDULED and (record.due or 0.0) <= self._centre.now():
            state = MessageState.ENROUTE
        final = ""
        if record.done is not None:
            final = times.encode(datetime.fromtimestamp(record.done, UTC))
        error = (record.data or {}).get("error", 0)
        return request.answer(
            message_id=request.message_id,
            final_date=final,
            message_state=state,
            error_code=min(error, 0xFF),
        )

    # cancel_sm

    def cancel(self, request: Any) -> Answer:
        """Cancels one message, or with an empty id those between two addresses."""
        if request.message_id:
            return self._find(request).addCallback(self._cancel_one)
        if not request.destination_addr:
            return CommandStatus.ESME_RINVDSTADR
        found: Deferred[Any] = self._centre.store.by_address(
            self._account, request.source_addr, request.destination_addr, MOST_CANCELLED
        )
        return found.addCallback(self._cancel_all, request.service_type)

    def _cancel_one(self, record: Record) -> int | None:
        return None if self._cancel(record) else CommandStatus.ESME_RCANCELFAIL

    def _cancel_all(self, records: list[Record], service_type: str) -> int | None:
        count = 0
        for record in records:
            if record.kind != MESSAGE or record.due is None:
                continue
            submitted: Any = decode(record.pdu)
            if not service_type or submitted.service_type == service_type:
                count += self._cancel(record)
        return None if count else CommandStatus.ESME_RCANCELFAIL

    def _cancel(self, record: Record) -> bool:
        if record.due is None or not self._centre.withdraw(record):
            return False
        self._centre.finish(record, MessageState.DELETED)
        return True

    # replace_sm

    def replace(self, request: Any) -> Answer:
        """Puts another text into a message that waits."""
        return self._find(request).addCallback(self._replace, request)

    def _replace(self, record: Record, request: Any) -> Any:
        centre = self._centre
        if record.due is None:
            return CommandStatus.ESME_RREPLACEFAIL
        now = centre.now()
        keeping = centre.keeping
        scheduled, expires = schedule_and_expiry(
            request, now, keeping.default_validity, keeping.longest_validity
        )
        submitted: Any = decode(record.pdu)
        if not hasattr(submitted, "short_message") or not centre.withdraw(record):
            return CommandStatus.ESME_RREPLACEFAIL
        submitted.registered_delivery = request.registered_delivery
        submitted.sm_default_msg_id = request.sm_default_msg_id
        submitted.short_message = request.short_message
        if request.tlvs and tlvs.message_payload in request.tlvs:
            submitted.tlvs[tlvs.message_payload] = request.tlvs[tlvs.message_payload]
        elif tlvs.message_payload in submitted.tlvs:
            del submitted.tlvs[tlvs.message_payload]
        if request.schedule_delivery_time:
            record.due = now if scheduled is None else scheduled
            record.state = MessageState.ENROUTE if scheduled is None else MessageState.SCHEDULED
        if request.validity_period:
            record.expires = expires
        record.pdu = submitted.encode()
        return self._replaced(record)

    def _replaced(self, record: Record) -> Any:
        centre = self._centre
        kept = centre.store.save(record)
        dispatch = centre.dispatches[record.queue]
        if kept is None:
            dispatch.expect(record.due or 0.0)
            return None
        return kept.addCallback(lambda _: dispatch.expect(record.due or 0.0))

    # replace_if_present_flag

    def replace_present(self, request: Any, record: Record, response: Any) -> Answer:
        """Accepts a message in the place of one that waits between the same addresses.

        The one that is replaced becomes DELETED; the new one has an id of its own. Without
        one to replace it is a message like any other (SMPP 5.0, 4.7.22).
        """
        found: Deferred[Any] = self._centre.store.by_address(
            self._account, record.source, record.destination, MOST_CANCELLED
        )
        found.addCallback(self._replace_all, request)
        found.addCallback(lambda _: self._centre.accept(record, request, False))
        return found.addCallback(lambda _: response)

    def _replace_all(self, records: list[Record], request: Any) -> None:
        for record in records:
            if record.kind == MESSAGE and record.due is not None:
                old: Any = decode(record.pdu)
                if old.service_type == request.service_type:
                    self._cancel(record)
