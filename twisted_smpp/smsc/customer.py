"""One account of the message centre: what it submits, and its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from twisted_smpp.errors import RequestRefused
from twisted_smpp.interfaces import IAccount
from twisted_smpp.protocol import Answer, SMPPProtocol
from twisted_smpp.smsc.dispatch import Dispatch
from twisted_smpp.smsc.enquiries import Enquiries
from twisted_smpp.smsc.forwarding import check_message, schedule_and_expiry
from twisted_smpp.smsc.kinds import MESSAGE
from twisted_smpp.smsc.outlets import Sessions
from twisted_smpp.smsc.routes import RouteKind
from twisted_smpp.status import CommandStatus
from twisted_smpp.store import Record
from twisted_smpp.values import MessageState
from twisted_smpp.wire.lists import SMEAddress, UnsuccessSME
from twisted_smpp.wire.pdu import Response
from twisted_smpp.wire.pdus import SubmitMulti, SubmitSM
from twisted_smpp.wire.tlv import TLVs

if TYPE_CHECKING:
    from twisted_smpp.smsc.centre import MessageCentre

__all__ = ["Customer"]


@implementer(IAccount)
class Customer:
    """An account, with all its sessions and what waits for it.

    Made by :meth:`twisted_smpp.smsc.MessageCentre.customer`.

    Attributes:
        name: its system_id.
        sessions: those of its sessions that receive.
        dispatch: the queue of what waits for it.
    """

    def __init__(
        self, centre: MessageCentre, name: str, sessions: Sessions, dispatch: Dispatch
    ) -> None:
        self._centre = centre
        self.name = name
        self.sessions = sessions
        self.dispatch = dispatch
        self._enquiries = Enquiries(centre, name)

    # Sessions.

    def bind(self, session: SMPPProtocol, request: Any) -> Answer:
        """Accepts every kind of bind."""
        return None

    def bound(self, session: SMPPProtocol) -> None:
        """What waits is delivered, if the session receives."""
        self.sessions.add(session)
        self.dispatch.go_on()

    def unbound(self, session: SMPPProtocol, reason: str) -> None:
        """One session less."""
        self.sessions.remove(session)
        if not self.sessions.is_open():
            self.dispatch.closed()

    # Messages.

    def submit_sm(self, session: SMPPProtocol, request: Any) -> Answer:
        """Accepts a message; answered once it is in the store."""
        check_message(request)
        record = self._record(session, request, request.destination_addr)
        if getattr(request, "replace_if_present_flag", 0) == 1 and record.due is not None:
            return self._enquiries.replace_present(request, record, self._answer(request, record))
        return self._accept(request, record)

    data_sm = submit_sm

    def _accept(self, request: Any, record: Record) -> Answer:
        response = self._answer(request, record)
        kept = self._centre.accept(record, request, record.done is not None)
        if kept is None:
            return response
        return kept.addCallback(lambda _: response)

    @staticmethod
    def _answer(request: Any, record: Record) -> Response:
        return request.answer(message_id=record.message_id)  # type: ignore[no-any-return]

    def _record(
        self, session: SMPPProtocol, request: Any, destination: str, message_id: str = ""
    ) -> Record:
        """The record of a message to one destination."""
        centre = self._centre
        route = centre.routes.find(destination)
        now = centre.now()
        keeping = centre.keeping
        scheduled, expires = schedule_and_expiry(
            request, now, keeping.default_validity, keeping.longest_validity
        )
        number = centre.store.next_number()
        if not message_id:
            message_id = centre.ids.make(number, session.session.version, centre.id_style)
        record = Record(
            number,
            MESSAGE,
            "",
            owner=self.name,
            source=request.source_addr,
            destination=destination,
            message_id=message_id,
            at=now,
        )
        if route.kind is RouteKind.AT_ONCE and scheduled is None:
            record.state, record.done = MessageState.DELIVERED, now
            return record
        record.state = MessageState.ENROUTE if scheduled is None else MessageState.SCHEDULED
        record.due = now if scheduled is None else scheduled
        record.expires = expires
        record.queue = centre.queue_of(route, self.name)
        record.pdu = request.encode()
        if route.kind is RouteKind.LOOPBACK:
            record.data = {"loopback": 1}
        return record

    def submit_multi(self, session: SMPPProtocol, request: Any) -> Answer:
        """Accepts a message to addresses; each is a message of its own with the same id.

        Distribution lists are not known here. Destinations that are refused are named in the
        response; when none is accepted, the request is refused like the first of them.
        """
        check_message(request)
        accepted: list[tuple[SubmitSM, Record]] = []
        refused: list[tuple[SMEAddress, int]] = []
        for address in request.dest_address:
            if not isinstance(address, SMEAddress):
                return CommandStatus.ESME_RINVDLNAME
            single = _single(request, address)
            message_id = accepted[0][1].message_id if accepted else ""
            try:
                record = self._record(session, single, address.destination_addr, message_id)
            except RequestRefused as error:
                refused.append((address, error.command_status))
            else:
                accepted.append((single, record))
        if not accepted:
            return refused[0][1] if refused else CommandStatus.ESME_RINVNUMDESTS
        if len(request.dest_address) > 1:
            for _, record in accepted:
                record.data = {**(record.data or {}), "of": len(accepted)}
        response = request.answer(
            message_id=accepted[0][1].message_id,
            unsuccess_sme=[UnsuccessSME(*address, status) for address, status in refused],
        )
        kept: Deferred[None] | None = None
        for single, record in accepted:
            kept = self._centre.accept(record, single, record.done is not None)
        return response if kept is None else kept.addCallback(lambda _: response)

    # Enquiries.

    def query_sm(self, session: SMPPProtocol, request: Any) -> Answer:
        """Where a message of this account is."""
        return self._enquiries.query(request)

    def cancel_sm(self, session: SMPPProtocol, request: Any) -> Answer:
        """Cancels messages of this account that are not on their way yet."""
        return self._enquiries.cancel(request)

    def replace_sm(self, session: SMPPProtocol, request: Any) -> Answer:
        """Replaces a message of this account that is not on its way yet."""
        return self._enquiries.replace(request)

    def broadcast(self, session: SMPPProtocol, request: Any) -> Answer:
        """It has no cells."""
        return CommandStatus.ESME_RBCASTFAIL

    def other(self, session: SMPPProtocol, request: Any) -> Answer:
        """It knows no other command."""
        return CommandStatus.ESME_RINVCMDID


def _single(request: SubmitMulti, address: SMEAddress) -> SubmitSM:
    """The submit_sm to one destination of a submit_multi."""
    return SubmitSM(
        service_type=request.service_type,
        source_addr_ton=request.source_addr_ton,
        source_addr_npi=request.source_addr_npi,
        source_addr=request.source_addr,
        dest_addr_ton=address.dest_addr_ton,
        dest_addr_npi=address.dest_addr_npi,
        destination_addr=address.destination_addr,
        esm_class=request.esm_class,
        protocol_id=request.protocol_id,
        priority_flag=request.priority_flag,
        schedule_delivery_time=request.schedule_delivery_time,
        validity_period=request.validity_period,
        registered_delivery=request.registered_delivery,
        data_coding=request.data_coding,
        sm_default_msg_id=request.sm_default_msg_id,
        short_message=request.short_message,
        tlvs=TLVs(request.tlvs),
    )
