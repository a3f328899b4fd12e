"""query_sm, cancel_sm and replace_sm: an account asks about its own messages.

A message of another account, or with another source address, is answered like one that does
not exist. All destinations of a submit_multi have one id: the state that is told is that of
the destination which is least far, or the worst end when all have come to one; cancelled and
replaced is what still waits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

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
    from twisted_smpp.smsc.customer import Customer

__all__ = ["MOST_CANCELLED", "Enquiries", "cancel", "final_date", "present_state"]

#: Messages that one cancel_sm cancels by their addresses.
MOST_CANCELLED = 1000


#: Which state is told first of several.
_RANK: dict[int, int] = {
    state: rank
    for rank, state in enumerate(
        (
            MessageState.SCHEDULED,
            MessageState.ENROUTE,
            MessageState.REJECTED,
            MessageState.UNDELIVERABLE,
            MessageState.EXPIRED,
            MessageState.DELETED,
            MessageState.SKIPPED,
            MessageState.DELIVERED,
        )
    )
}


def present_state(record: Record, now: float) -> int:
    """The MessageState of a message: one that is scheduled is on its way when it is due."""
    if record.state == MessageState.SCHEDULED and (record.due or 0.0) <= now:
        return MessageState.ENROUTE
    return record.state


def final_date(record: Record) -> str:
    """When a message came to its end, as PDUs say it; empty while it has not."""
    if record.done is None:
        return ""
    return times.encode(datetime.fromtimestamp(record.done, UTC))


class Enquiries:
    """What an account may ask about its messages.

    Args:
        centre: which has them.
        account: whose they are, a :class:`~twisted_smpp.smsc.customer.Customer`.
    """

    def __init__(self, centre: MessageCentre, account: Customer) -> None:
        self._centre = centre
        self._account = account

    def _find(self, request: Any) -> Deferred[list[Record]]:
        """The messages of the request, if they are the account's own."""
        found = self._centre.find(request.message_id, self._account.name, request.source_addr)
        return found.addCallback(self._messages)

    @staticmethod
    def _messages(records: list[Record]) -> list[Record]:
        if not records or records[0].kind != MESSAGE:
            raise RequestRefused(CommandStatus.ESME_RINVMSGID)
        return records

    # query_sm

    def query(self, request: Any) -> Answer:
        """Answers where a message is."""
        return self._find(request).addCallback(self._queried, request)

    def _queried(self, records: list[Record], request: Any) -> Any:
        now = self._centre.now()
        record = min(records, key=lambda each: _RANK.get(present_state(each, now), 0))
        error = (record.data or {}).get("error", 0)
        return request.answer(
            message_id=request.message_id,
            final_date=final_date(record),
            message_state=present_state(record, now),
            error_code=min(error, 0xFF),
        )

    # cancel_sm

    def cancel(self, request: Any) -> Answer:
        """Cancels one message, or with an empty id those between two addresses."""
        if request.message_id:
            return self._find(request).addCallback(self._cancel_all, "")
        if not request.destination_addr:
            return CommandStatus.ESME_RINVDSTADR
        found = self._between(request.source_addr, request.destination_addr)
        return found.addCallback(self._cancel_all, request.service_type)

    def _between(self, source: str, destination: str) -> Deferred[list[Record]]:
        centre = self._centre
        asked = centre.store.by_address(self._account.name, source, destination, MOST_CANCELLED)
        return centre.fresh.of(asked)

    def _cancel_all(self, records: list[Record], service_type: str) -> Any:
        chosen = [each for each in records if each.kind == MESSAGE and _is_of(each, service_type)]
        return cancel(self._centre, chosen, CommandStatus.ESME_RCANCELFAIL)

    # replace_sm

    def replace(self, request: Any) -> Answer:
        """Puts another text into a message that waits."""
        return self._find(request).addCallback(self._replace, request)

    def _replace(self, records: list[Record], request: Any) -> Any:
        centre, terms = self._centre, self._account.terms
        scheduled, expires = schedule_and_expiry(
            request, centre.now(), terms.default_validity, terms.longest_validity
        )
        # All are looked at before any is changed: one that is refused leaves all as they are.
        found = [
            (record, self._replacement(record, request, scheduled, expires)) for record in records
        ]
        replaced = [
            record
            for record, new in found
            if new is not None and self._replace_one(record, request, scheduled, *new)
        ]
        if not replaced:
            return CommandStatus.ESME_RREPLACEFAIL
        kept = [centre.save(record) for record in replaced]
        if kept[-1] is None:
            return self._expect(None, replaced)
        for each in kept[:-1]:
            each.addErrback(lambda _: None)  # type: ignore[union-attr]  # the last one tells
        return kept[-1].addCallback(self._expect, replaced)

    def _replacement(
        self, record: Record, request: Any, scheduled: float | None, expires: float
    ) -> tuple[bytes, float] | None:
        """The octets and the end of what takes the place of a message; None if nothing may."""
        if record.due is None or record.queue not in self._centre.dispatches:
            return None
        submitted: Any = decode(record.pdu)
        if not hasattr(submitted, "short_message"):
            return None
        if not request.validity_period:
            expires = record.expires or expires
        if scheduled is not None and scheduled >= expires:
            raise RequestRefused(CommandStatus.ESME_RINVSCHED, "it has expired by then")
        return _replaced(submitted, request).encode(), expires

    def _replace_one(
        self, record: Record, request: Any, scheduled: float | None, octets: bytes, expires: float
    ) -> bool:
        if not self._centre.withdraw(record):
            return False
        if request.schedule_delivery_time:
            record.due = self._centre.now() if scheduled is None else scheduled
            record.state = MessageState.ENROUTE if scheduled is None else MessageState.SCHEDULED
        record.expires = expires
        record.pdu = octets
        return True

    def _expect(self, _: object, records: list[Record]) -> None:
        for record in records:
            self._centre.dispatches[record.queue].expect(record.due or 0.0)

    # replace_if_present_flag

    def replace_present(self, request: Any, record: Record, response: Any) -> Deferred[Any]:
        """Accepts a message in the place of one that waits between the same addresses.

        The one that is replaced becomes DELETED; the new one has an id of its own. Without
        one to replace it is a message like any other (SMPP 5.0, 4.7.22).
        """
        centre, dispatch = self._centre, self._centre.dispatches[record.queue]
        found: Deferred[Any] = self._between(record.source, record.destination)

        def accept(records: list[Record]) -> Any:
            kept = centre.store.add(record)
            if kept is None:
                return records
            # What is old goes once the new one is there, and may have gone meanwhile.
            return kept.addCallback(lambda _: self._between(record.source, record.destination))

        def accepted(_: object) -> Any:
            dispatch.let_go(record)
            centre.offer(record)
            return response

        def not_accepted(failure: Failure) -> Failure:
            dispatch.let_go(record)
            return failure

        dispatch.hold(record)  # it must not come to anybody before its submitter hears of it
        found.addCallback(accept)
        found.addCallback(self._replace_all, request, record.number)
        return found.addCallbacks(accepted, not_accepted)

    def _replace_all(self, records: list[Record], request: Any, number: int) -> Any:
        old = [
            record
            for record in records
            if record.kind == MESSAGE
            and record.number < number
            and decode_service_type(record) == request.service_type
        ]
        return cancel(self._centre, old)


def decode_service_type(record: Record) -> str:
    """The service_type of a message that has come to no end."""
    return decode(record.pdu).service_type if record.pdu else ""  # type: ignore[attr-defined]


def _is_of(record: Record, service_type: str) -> bool:
    return not service_type or decode_service_type(record) == service_type


def cancel(centre: MessageCentre, records: list[Record], otherwise: int = 0) -> Any:
    """Ends the messages that are not on their way yet.

    Args:
        centre: which has them.
        records: of them.
        otherwise: a command_status.

    Returns:
        ``otherwise`` when each is on its way or has come to its end; else None once the end of
        those that were cancelled is in the store, or a Deferred that fires with None then.
    """
    kept: list[Deferred[None] | None] = []
    for record in records:
        is_waiting = record.due is not None and record.queue in centre.dispatches
        if is_waiting and centre.withdraw(record):
            kept.append(centre.end(record, MessageState.DELETED))
    if not kept:
        return otherwise
    *others, last = kept
    for each in others:
        centre.watch(each)  # the last one tells: a store fails for all that follows
    return last


def _replaced(submitted: Any, request: Any) -> Any:
    """A submission with the text of a replace_sm."""
    submitted.registered_delivery = request.registered_delivery
    submitted.sm_default_msg_id = request.sm_default_msg_id
    submitted.short_message = request.short_message
    if request.tlvs and tlvs.message_payload in request.tlvs:
        submitted.tlvs[tlvs.message_payload] = request.tlvs[tlvs.message_payload]
    elif tlvs.message_payload in submitted.tlvs:
        del submitted.tlvs[tlvs.message_payload]
    return submitted
