"""One account of the message centre: what it submits, and its sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredList, fail, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_smpp.answering import Accepted, Later, give
from twisted_smpp.errors import RequestRefused, StoreError
from twisted_smpp.interfaces import IAccount
from twisted_smpp.protocol import Answer, SMPPProtocol
from twisted_smpp.smsc.broadcasts import Broadcasts
from twisted_smpp.smsc.dispatch import Dispatch
from twisted_smpp.smsc.enquiries import Enquiries
from twisted_smpp.smsc.forwarding import NOT_USUAL, check_message, schedule_and_expiry
from twisted_smpp.smsc.kinds import MESSAGE
from twisted_smpp.smsc.outlets import Sessions
from twisted_smpp.smsc.policy import Policy
from twisted_smpp.smsc.repeats import Repeats
from twisted_smpp.smsc.routes import Route, RouteKind
from twisted_smpp.status import CommandStatus
from twisted_smpp.store import Record
from twisted_smpp.store.intents import Told
from twisted_smpp.values import InterfaceVersion, MessageState, RegisteredDelivery
from twisted_smpp.wire.lists import SMEAddress, UnsuccessSME
from twisted_smpp.wire.pdu import Response
from twisted_smpp.wire.pdus import BroadcastSM, QueryBroadcastSM, SubmitMulti, SubmitSM
from twisted_smpp.wire.tlv import TLVs
from twisted_smpp.wire.tlvs import congestion_state

if TYPE_CHECKING:
    from twisted_smpp.smsc.centre import MessageCentre

__all__ = ["Customer"]

#: Of registered_delivery: that there may be a receipt.
_RECEIPTS = int(
    RegisteredDelivery.RECEIPT
    | RegisteredDelivery.RECEIPT_ON_FAILURE
    | RegisteredDelivery.INTERMEDIATE
)


#: Plain numbers, which a file takes faster, and what is looked up for each message.
_DELIVERED, _ENROUTE = int(MessageState.DELIVERED), int(MessageState.ENROUTE)
_AT_ONCE, _LOOPBACK, _V5_0 = RouteKind.AT_ONCE, RouteKind.LOOPBACK, InterfaceVersion.V5_0


@implementer(IAccount)
class Customer:
    """An account, with all its sessions and what waits for it.

    Made by :meth:`twisted_smpp.smsc.MessageCentre.customer`.

    Attributes:
        name: its system_id.
        sessions: those of its sessions that receive.
        dispatch: the queue of what waits for it.
        terms: what is agreed with it.
        policy: the rules of its accounts file, once it has bound; None without one.
        accepted: messages that were accepted from it, since the process began.
        accepted_at: when the last of them was, in seconds of the reactor; None: none was.
    """

    #: For the service: each destination of a submit_multi is judged here.
    checks_destinations = True

    def __init__(
        self, centre: MessageCentre, name: str, sessions: Sessions, dispatch: Dispatch
    ) -> None:
        self._centre = centre
        self.name = name
        self.terms = centre.terms(name)
        self.policy: Policy | None = None
        self._repeats = Repeats()
        self.accepted = 0
        self.accepted_at: float | None = None
        self.sessions = sessions
        self.dispatch = dispatch
        self._enquiries = Enquiries(centre, self)
        self._broadcasts = Broadcasts(centre, self)

    # Sessions.

    def bind(self, session: SMPPProtocol, request: Any) -> Answer:
        """Accepts every kind of bind."""
        self.terms = self._centre.terms(self.name)
        return None

    def bound(self, session: SMPPProtocol) -> None:
        """What waits is delivered, if the session receives."""
        self.sessions.add(session)
        session.on_drained = self.dispatch.go_on
        self.dispatch.go_on()

    def unbound(self, session: SMPPProtocol, reason: str) -> None:
        """One session less."""
        self.sessions.remove(session)
        if not self.sessions.is_open():
            self.dispatch.closed()
            self.dispatch.nobody_is_there()

    # Messages.

    def submit_sm(self, session: SMPPProtocol, request: Any) -> Answer:
        """Accepts a message; answered once it is in the store."""
        if request._tail or request.esm_class & NOT_USUAL:
            check_message(request)
        if self.terms.dedup_seconds:
            return self._submit_once(session, request, self._submit)
        return self._submit(session, request, self._give)

    data_sm = submit_sm

    def _give(self, laters: list[Later], error: StoreError | None) -> None:
        """Some messages are kept, or not: all of them are answered and counted at once."""
        if error is None:
            self._count(len(laters))
        give(laters, error)

    def counted(self, response: Any) -> Any:
        """The response to a message that was accepted by another way."""
        self._count(1)
        return response

    def _count(self, messages: int) -> None:
        self.accepted += messages
        self.accepted_at = self._centre.clock.seconds()

    def _submit(self, session: SMPPProtocol, request: Any, told: Told) -> Answer:
        if request.__class__ is SubmitSM and not (
            request.registered_delivery
            or request.schedule_delivery_time
            or request.validity_period
            or self._centre.routes.find(request.destination_addr).kind is not _AT_ONCE
        ):
            return self._submit_at_once(session, request, told)
        record = self._record(session, request, request.destination_addr)
        response = self.answer(session, request, record.message_id, record.queue)
        if getattr(request, "replace_if_present_flag", 0) == 1 and record.due is not None:
            replaced = self._enquiries.replace_present(request, record, response)
            return replaced.addCallback(self.counted)
        later = Later()
        later.answer = response
        if not self._centre.keep(record, request, record.done is not None, told, later):
            return later
        self._count(1)
        return response

    def _submit_at_once(self, session: SMPPProtocol, request: SubmitSM, told: Told) -> Answer:
        """What ends as it begins, without a receipt: a row, as the Record would give it."""
        if not request.destination_addr:
            raise RequestRefused(CommandStatus.ESME_RINVDSTADR, "there is none")
        centre = self._centre
        store, now = centre.store, centre.now()
        number = store.next_number()
        version = session.session.version
        message_id = centre.ids.make(number, version, self.terms.id_style)
        source, destination = request.source_addr, request.destination_addr
        # fmt: off
        row = (
            number, MESSAGE, "", self.name, _DELIVERED, None, None, message_id,
            source, destination, 0, b"", "", now, now,
        )
        # fmt: on
        answer = (
            Accepted(message_id) if version < _V5_0 else self.answer(session, request, message_id)
        )
        later = Later()
        later.answer = answer
        if not store.keep(row, None, told, later):
            return later
        self._count(1)
        return answer

    def answer(
        self, session: SMPPProtocol, request: Any, message_id: str, queue: str = "", **fields: Any
    ) -> Response | Accepted:
        """What a submission is answered with; in 5.0 it tells the congestion of ``queue``."""
        if session.session.version < _V5_0:
            if not fields:
                return Accepted(message_id)
            return request.answer(message_id=message_id, **fields)  # type: ignore[no-any-return]
        tlvs = {congestion_state: self.congestion(queue)}
        return request.answer(  # type: ignore[no-any-return]
            message_id=message_id, tlvs=tlvs, **fields
        )

    def congestion(self, queue: str = "") -> int:
        """How full the queues are that a message needs, in percent (SMPP 5.0, 4.8.4.18).

        It is that of what waits for the account itself, its receipts above all, or of the
        queue that the message goes to, whichever is more: 100 times what waits, by
        ``most_waiting`` of the terms, rounded down.
        """
        state = self.dispatch.count * 100 // self.terms.most_waiting
        if queue:
            count, most = self._room(queue)
            state = max(state, count * 100 // most)
        return min(max(state, 0), 100)

    def _room(self, queue: str) -> tuple[int, int]:
        """What waits in a queue, and how much may."""
        centre = self._centre
        kind, _, name = queue.partition(":")
        terms = centre.terms_of(name) if kind == "account" else self.terms
        return centre.dispatches[queue].count, terms.most_waiting

    def _submit_once(
        self,
        session: SMPPProtocol,
        request: Any,
        submit: Callable[[SMPPProtocol, Any, Told], Answer],
    ) -> Answer:
        """Accepts a message unless the same one was submitted just now."""
        repeats, now = self._repeats, self._centre.clock.seconds()
        key = repeats.key(request, session.session.version)
        found = repeats.find(key, now)
        if isinstance(found, Deferred):
            return found.addCallback(lambda fields: self.answer(session, request, **fields))
        if found is not None:
            return self.answer(session, request, **found)

        def kept(response: Any) -> Any:
            repeats.kept(key, _fields_of(response))
            return response

        def failed(failure: Failure) -> Failure:
            repeats.failed(key, failure)
            return failure

        def told(laters: list[Later], error: StoreError | None) -> None:
            for later in laters:
                if error is None:
                    kept(later.answer)
                else:
                    failed(Failure(error))
            self._give(laters, error)

        answer: Any = submit(session, request, told)
        if isinstance(answer, int):
            return answer  # it is refused
        repeats.begin(key, now, self.terms.dedup_seconds)
        if isinstance(answer, Deferred):
            return answer.addCallbacks(kept, failed)
        return answer if isinstance(answer, Later) else kept(answer)

    def _record(
        self, session: SMPPProtocol, request: Any, destination: str, message_id: str = ""
    ) -> Record:
        """The record of a message to one destination."""
        if not destination:
            raise RequestRefused(CommandStatus.ESME_RINVDSTADR, "there is none")
        centre, terms = self._centre, self.terms
        route = centre.routes.find(destination)
        now = centre.now()
        scheduled, expires = schedule_and_expiry(
            request, now, terms.default_validity, terms.longest_validity
        )
        if self.dispatch.count >= terms.most_waiting and request.registered_delivery & _RECEIPTS:
            raise RequestRefused(CommandStatus.ESME_RMSGQFUL, "too many receipts wait")
        is_done = route.kind is _AT_ONCE and scheduled is None
        queue = "" if is_done else self._queue(route)
        number = centre.store.next_number()
        if not message_id:
            message_id = centre.ids.make(number, session.session.version, terms.id_style)
        record = Record(
            number,
            MESSAGE,
            queue,
            owner=self.name,
            source=request.source_addr,
            destination=destination,
            message_id=message_id,
            at=now,
        )
        if is_done:
            record.state, record.done = _DELIVERED, now
            return record
        record.state = _ENROUTE if scheduled is None else MessageState.SCHEDULED
        record.due = now if scheduled is None else scheduled
        record.expires = expires
        record.pdu = request.encode()
        if route.kind is _LOOPBACK:
            record.data = {"loopback": 1}
        return record

    def _queue(self, route: Route) -> str:
        queue = self._centre.queue_of(route, self.name)
        count, most = self._room(queue)
        if count >= most:
            raise RequestRefused(CommandStatus.ESME_RMSGQFUL, "too many messages wait")
        return queue

    def submit_multi(self, session: SMPPProtocol, request: Any) -> Answer:
        """Accepts a message to addresses; each is a message of its own with the same id.

        Distribution lists are not known here. Destinations that are refused are named in the
        response; when none is accepted, the request is refused like the first of them.
        """
        check_message(request)
        if self.terms.dedup_seconds:
            return self._submit_once(session, request, self._submit_multi)
        return self._submit_multi(session, request)

    def _submit_multi(
        self, session: SMPPProtocol, request: Any, _told: Told | None = None
    ) -> Answer:
        accepted: list[tuple[SMEAddress, SubmitSM, Record]] = []
        refused: list[tuple[SMEAddress, int]] = []
        for address in request.dest_address:
            if not isinstance(address, SMEAddress):
                return CommandStatus.ESME_RINVDLNAME
            if self.policy is not None:
                status = self.policy.refusal_of_destination(address.destination_addr)
                if status:
                    refused.append((address, status))
                    continue
            single = _single(request, address)
            message_id = accepted[0][2].message_id if accepted else ""
            try:
                record = self._record(session, single, address.destination_addr, message_id)
            except RequestRefused as error:
                refused.append((address, error.command_status))
            else:
                accepted.append((address, single, record))
        if not accepted:
            return refused[0][1] if refused else CommandStatus.ESME_RINVNUMDESTS
        if len(accepted) > 1:
            for _, _, record in accepted:
                record.data = {**(record.data or {}), "of": len(accepted)}
        kept = [self._keep_one(single, record) for _, single, record in accepted]
        if all(each is None for each in kept):
            return self._multi_answer(session, request, accepted, refused)
        outcome = DeferredList([each or succeed(None) for each in kept], consumeErrors=True)
        return outcome.addCallback(self._kept_some, session, request, accepted, refused)

    def _keep_one(self, single: SubmitSM, record: Record) -> Deferred[None] | None:
        try:
            return self._centre.accept(record, single, record.done is not None)
        except StoreError:
            return fail(Failure())

    def _kept_some(
        self,
        results: Any,
        session: SMPPProtocol,
        request: Any,
        accepted: list[tuple[SMEAddress, SubmitSM, Record]],
        refused: list[tuple[SMEAddress, int]],
    ) -> Any:
        kept = []
        for each, (is_kept, result) in zip(accepted, results, strict=True):
            if is_kept:
                kept.append(each)
            else:
                refused.append((each[0], result.value.command_status))
        if not kept:
            return results[0][1]
        return self._multi_answer(session, request, kept, refused)

    def _multi_answer(
        self,
        session: SMPPProtocol,
        request: Any,
        kept: list[tuple[SMEAddress, SubmitSM, Record]],
        refused: list[tuple[SMEAddress, int]],
    ) -> Response | Accepted:
        self._count(len(kept))
        unsuccess = [UnsuccessSME(*address, status) for address, status in refused]
        first = kept[0][2]
        return self.answer(session, request, first.message_id, first.queue, unsuccess_sme=unsuccess)

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
        """Accepts a broadcast, says where one is, or cancels one."""
        if isinstance(request, BroadcastSM):
            return self._broadcasts.accept(session, request)
        if isinstance(request, QueryBroadcastSM):
            return self._broadcasts.query(request)
        return self._broadcasts.cancel(request)

    def other(self, session: SMPPProtocol, request: Any) -> Answer:
        """It knows no other command."""
        return CommandStatus.ESME_RINVCMDID


def _fields_of(answer: Response | Accepted) -> dict[str, Any]:
    """What the answer to a submission says, but for TLVs."""
    if isinstance(answer, Accepted):
        return {"message_id": str(answer)}
    return {field.name: getattr(answer, field.name) for field in answer.fields}


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
