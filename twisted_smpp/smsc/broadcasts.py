"""broadcast_sm, query_broadcast_sm and cancel_broadcast_sm of one account (SMPP 5.0, 4.4, 4.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from twisted_smpp.errors import RequestRefused
from twisted_smpp.protocol import Answer, SMPPProtocol
from twisted_smpp.smsc.enquiries import MOST_CANCELLED, cancel, final_date, present_state
from twisted_smpp.smsc.forwarding import schedule_and_expiry
from twisted_smpp.smsc.kinds import BROADCAST, sink_queue
from twisted_smpp.status import CommandStatus
from twisted_smpp.store import Record
from twisted_smpp.values import MessageState, ReplaceIfPresentFlag
from twisted_smpp.wire import tlvs
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import BroadcastSM
from twisted_smpp.wire.tlv import TLVs

if TYPE_CHECKING:
    from twisted_smpp.smsc.centre import MessageCentre
    from twisted_smpp.smsc.customer import Customer

__all__ = ["Broadcasts"]

#: broadcast_area_success in percent; the last one: that is not known.
_ALL, _NOTHING, _NOT_KNOWN = 100, 0, 255


class Broadcasts:
    """The broadcasts of an account.

    They are kept like messages, and go to the sink that broadcasts, or count as done at once.

    Args:
        centre: which has them.
        account: whose they are.
    """

    def __init__(self, centre: MessageCentre, account: Customer) -> None:
        self._centre = centre
        self._account = account

    # broadcast_sm

    def accept(self, session: SMPPProtocol, request: BroadcastSM) -> Answer:
        """Accepts a broadcast, or one in the place of another that waits.

        One that cannot be replaced is an error and broadcasts nothing (4.4.1.1).
        """
        if request.replace_if_present_flag != ReplaceIfPresentFlag.YES:
            if request.message_id:
                return CommandStatus.ESME_RINVMSGID
            return self._accept(session, request)
        if request.message_id:
            found = self._find(request.message_id, request.source_addr)
        else:
            found = self._of(request.source_addr).addCallback(_of_type, request.service_type)
        return found.addCallback(self._replace, request)

    def _accept(self, session: SMPPProtocol, request: BroadcastSM) -> Answer:
        centre = self._centre
        number = centre.store.next_number()
        message_id = centre.ids.make(number, session.session.version, self._account.terms.id_style)
        record = Record(
            number,
            BROADCAST,
            centre.broadcast_queue,
            owner=self._account.name,
            source=request.source_addr,
            message_id=message_id,
            at=centre.now(),
        )
        self._fill(record, request, *self._times(request))
        is_done = record.queue == sink_queue("") and record.state == MessageState.ENROUTE
        if is_done:
            record.state, record.done, record.due = MessageState.DELIVERED, record.at, None
        kept = centre.accept(record, request, is_done)
        response = self._account.answer(session, request, message_id, centre.broadcast_queue)
        if kept is None:
            return self._account.counted(response)  # type: ignore[no-any-return]
        return kept.addCallback(lambda _: self._account.counted(response))

    def _times(self, request: BroadcastSM) -> tuple[float | None, float]:
        terms = self._account.terms
        return schedule_and_expiry(
            request, self._centre.now(), terms.default_validity, terms.longest_validity
        )

    def _fill(
        self, record: Record, request: BroadcastSM, scheduled: float | None, expires: float
    ) -> None:
        record.state = MessageState.ENROUTE if scheduled is None else MessageState.SCHEDULED
        record.due = self._centre.now() if scheduled is None else scheduled
        record.expires = expires
        record.pdu = request.encode()

    def _replace(self, records: list[Record], request: BroadcastSM) -> Answer:
        centre = self._centre
        waiting = [each for each in records if each.due is not None]
        if not waiting or waiting[0].queue not in centre.dispatches:
            return CommandStatus.ESME_RREPLACEFAIL
        record, times = waiting[0], self._times(request)
        if not centre.withdraw(record):
            return CommandStatus.ESME_RREPLACEFAIL
        self._fill(record, request, *times)
        return self._replaced(record, request)  # type: ignore[no-any-return]

    def _replaced(self, record: Record, request: BroadcastSM) -> Any:
        dispatch = self._centre.dispatches[record.queue]
        response = request.answer(message_id=record.message_id)
        kept = self._centre.save(record)
        if kept is None:
            dispatch.expect(record.due or 0.0)
            return response
        kept.addCallback(lambda _: dispatch.expect(record.due or 0.0))
        return kept.addCallback(lambda _: response)

    # query_broadcast_sm

    def query(self, request: Any) -> Answer:
        """Answers where a broadcast is, with the areas that it was for."""
        return self._find(request.message_id, request.source_addr).addCallback(
            self._queried, request
        )

    def _queried(self, records: list[Record], request: Any) -> Any:
        record = records[0]
        submitted: Any = decode(record.pdu)
        state = present_state(record, self._centre.now())
        success = _NOT_KNOWN
        if record.done is not None:
            success = _ALL if state == MessageState.DELIVERED else _NOTHING
        areas = submitted.tlvs.all(tlvs.broadcast_area_identifier)
        told = TLVs({tlvs.message_state: state})
        told[tlvs.broadcast_area_identifier] = areas
        told[tlvs.broadcast_area_success] = [success] * len(areas)
        if record.done is not None:
            told[tlvs.broadcast_end_time] = final_date(record)
        for passed in (request.tlvs, submitted.tlvs):
            reference = passed.get(tlvs.user_message_reference) if passed else None
            if reference is not None:
                told[tlvs.user_message_reference] = reference
                break
        return request.answer(message_id=record.message_id, tlvs=told)

    # cancel_broadcast_sm

    def cancel(self, request: Any) -> Answer:
        """Cancels one broadcast, or with an empty id those of a source and service_type."""
        if request.message_id:
            found = self._find(request.message_id, request.source_addr)
        else:
            found = self._of(request.source_addr).addCallback(_of_type, request.service_type)
        content = request.tlvs.get(tlvs.broadcast_content_type) if request.tlvs else None
        return found.addCallback(self._cancel, content)

    def _cancel(self, records: list[Record], content: bytes | None) -> Any:
        chosen = [each for each in records if content is None or _content_type(each) == content]
        return cancel(self._centre, chosen, CommandStatus.ESME_RBCASTCANCELFAIL)

    # Which ones.

    def _find(self, message_id: str, source: str) -> Deferred[list[Record]]:
        found = self._centre.find(message_id, self._account.name, source)
        return found.addCallback(_broadcasts)

    def _of(self, source: str) -> Deferred[list[Record]]:
        """Those that wait; a broadcast has no destination."""
        centre = self._centre
        asked = centre.store.by_address(self._account.name, source, "", MOST_CANCELLED)
        return centre.fresh.of(asked)


def _broadcasts(records: list[Record]) -> list[Record]:
    if not records or records[0].kind != BROADCAST:
        raise RequestRefused(CommandStatus.ESME_RINVMSGID)
    return records


def _of_type(records: list[Record], service_type: str) -> list[Record]:
    """The broadcasts of a service_type."""
    return [
        record
        for record in records
        if record.kind == BROADCAST and _service_type(record) == service_type
    ]


def _service_type(record: Record) -> str:
    submitted: Any = decode(record.pdu)
    return submitted.service_type  # type: ignore[no-any-return]


def _content_type(record: Record) -> bytes:
    submitted: Any = decode(record.pdu)
    return submitted.tlvs[tlvs.broadcast_content_type]  # type: ignore[no-any-return]
