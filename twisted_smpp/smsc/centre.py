"""The message centre: what becomes of a message from its acceptance to its last receipt.

A message is in the store before its submitter hears of ESME_ROK, and stays there until it has
come to one final state; its receipt is in the store before the state is. What is to be
delivered waits in queues, one for each receiver; see :mod:`twisted_smpp.smsc.dispatch`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_smpp.errors import (
    FieldError,
    RequestRefused,
    SessionLost,
    SMPPError,
    StoreError,
)
from twisted_smpp.interfaces import IAccount, IMessageSink, IMessageStore
from twisted_smpp.smsc.customer import Customer
from twisted_smpp.smsc.dispatch import Dispatch
from twisted_smpp.smsc.forwarding import receipt_fields, wants_receipt
from twisted_smpp.smsc.ids import MessageIds, numbers_of
from twisted_smpp.smsc.kinds import MESSAGE, RECEIPT, account_queue, sink_queue
from twisted_smpp.smsc.outlets import Sessions, Sink
from twisted_smpp.smsc.routes import Route, RouteKind, Routes
from twisted_smpp.status import CommandStatus
from twisted_smpp.store import MemoryStore, Record
from twisted_smpp.values import MessageState, RegisteredDelivery
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import DeliverSM

__all__ = ["Keeping", "MessageCentre"]

#: What a receiver may say of a delivery so that it is tried again.
_TEMPORARY = frozenset(
    {
        CommandStatus.ESME_RX_T_APPN,
        CommandStatus.ESME_RMSGQFUL,
        CommandStatus.ESME_RTHROTTLED,
        CommandStatus.ESME_RSYSERR,
    }
)
_FINAL = frozenset(
    {
        MessageState.DELIVERED,
        MessageState.EXPIRED,
        MessageState.DELETED,
        MessageState.UNDELIVERABLE,
        MessageState.REJECTED,
        MessageState.SKIPPED,
    }
)
#: Records that a sweep handles at a time.
_SLICE = 500


@dataclass(frozen=True)
class Keeping:
    """How long messages are kept and tried.

    Attributes:
        default_validity: seconds that a message is worth delivering that does not say.
        longest_validity: seconds, at most, after it was submitted or scheduled.
        delays: seconds before the next try after the first, second, ... refusal; the last
            one goes on.
        attempts: how often a delivery may be refused.
        receipt_seconds: how long a receipt is tried.
        final_seconds: how long a message is known that has come to its end.
        most_final: how many of those, at most.
        sweep: seconds between two looks for what has expired or is old.
    """

    default_validity: float = 2 * 86_400.0
    longest_validity: float = 63 * 86_400.0
    delays: tuple[float, ...] = (5.0, 30.0, 120.0, 600.0, 1800.0)
    attempts: int = 20
    receipt_seconds: float = 7 * 86_400.0
    final_seconds: float = 86_400.0
    most_final: int = 1_000_000
    sweep: float = 5.0

    def __post_init__(self) -> None:
        if not self.delays or min(self.delays) < 1:
            raise ValueError(f"delays: {self.delays!r}, at least one of 1 s or more is needed")
        for name in ("default_validity", "longest_validity", "attempts", "sweep"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: {getattr(self, name)!r}, more than 0 is needed")

    def delay(self, tries: int) -> float:
        """Seconds before the next try after so many."""
        return self.delays[min(tries, len(self.delays)) - 1]


@implementer(IRealm)
class MessageCentre:
    """The messages of all accounts; the realm of the portal that lets them in.

    Args:
        store: an :class:`~twisted_smpp.interfaces.IMessageStore`; None for one in memory.
        routes: where messages go; None for all delivered at once.
        sinks: objects of the application by the names that routes give them.
        keeping: see :class:`Keeping`.
        clock: an ``IReactorTime``; None for the global reactor.
        ids: makes the ids of messages.
        id_style: how ids are written, of :data:`~twisted_smpp.smsc.ids.ID_STYLES`.
        now: returns seconds since 1970.
        local: makes the local time of them, for receipts.

    Attributes:
        customers: the :class:`~twisted_smpp.smsc.customer.Customer` of each account that has
            been bound or has something to come.
    """

    log = Logger()

    def __init__(
        self,
        store: IMessageStore | None = None,
        *,
        routes: Routes | None = None,
        sinks: dict[str, IMessageSink] | None = None,
        keeping: Keeping | None = None,
        clock: Any = None,
        ids: MessageIds | None = None,
        id_style: str = "hex",
        now: Callable[[], float] = time.time,
        local: Callable[[float], datetime] = datetime.fromtimestamp,
    ) -> None:
        if clock is None:
            from twisted.internet import reactor as clock
        self.store: Any = MemoryStore() if store is None else store
        self.routes = routes or Routes()
        self.keeping = keeping or Keeping()
        self.clock = IReactorTime(clock)
        self.ids = ids or MessageIds()
        self.id_style = id_style
        self.now = now
        self._local = local
        self.customers: dict[str, Customer] = {}
        self.dispatches: dict[str, Dispatch] = {}
        for name, sink in (sinks or {}).items():
            self._dispatch(sink_queue(name), Sink(sink))
        self._sinks = frozenset(sinks or ())
        self._sweep_call: IDelayedCall | None = None
        self._is_running = False

    # Begin and end.

    def start(self) -> Deferred[None]:
        """Finds what waits in the store, which has to be open; fires when that is done."""
        self._is_running = True
        self._sweep_later()
        found: Deferred[Any] = self.store.waiting()
        return found.addCallback(self._found)

    def _found(self, waiting: dict[str, tuple[int, float]]) -> None:
        for queue, (count, due) in waiting.items():
            self.log.info("{count} records wait for {queue}", count=count, queue=ascii(queue))
            kind, _, name = queue.partition(":")
            if kind == "account":
                self.customer(name)
            if queue in self.dispatches:
                self.dispatches[queue].expect(due)
            else:
                self.log.error("nobody takes what waits for {queue}", queue=ascii(queue))

    def stop(self) -> None:
        """Delivers nothing more; what waits stays in the store."""
        self._is_running = False
        if self._sweep_call is not None:
            self._sweep_call.cancel()
            self._sweep_call = None
        for dispatch in self.dispatches.values():
            dispatch.stop()

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        """Twisted: the account of a system_id that has shown its password."""
        if IAccount not in interfaces:
            raise NotImplementedError("only IAccount is known here")
        name = avatarId.decode("latin-1") if isinstance(avatarId, bytes) else str(avatarId)
        return IAccount, self.customer(name), lambda: None

    def customer(self, name: str) -> Customer:
        """The account of a name."""
        customer = self.customers.get(name)
        if customer is None:
            sessions = Sessions()
            dispatch = self._dispatch(account_queue(name), sessions)
            customer = self.customers[name] = Customer(self, name, sessions, dispatch)
        return customer

    def _dispatch(self, queue: str, outlet: Any) -> Dispatch:
        dispatch = Dispatch(queue, outlet, self.store, self.clock, self.now, self._sent)
        self.dispatches[queue] = dispatch
        return dispatch

    # Acceptance.

    def queue_of(self, route: Route, account: str) -> str:
        """The queue that a route leads to.

        Raises:
            RequestRefused: ESME_RINVDSTADR when it leads nowhere.
        """
        kind = route.kind
        if kind is RouteKind.ACCOUNT:
            self.customer(route.name)
            return account_queue(route.name)
        if kind is RouteKind.LOOPBACK:
            return account_queue(account)
        if kind is RouteKind.SINK and route.name in self._sinks:
            return sink_queue(route.name)
        raise RequestRefused(CommandStatus.ESME_RINVDSTADR, "no route leads there")

    def accept(self, record: Record, submitted: Any, at_once: bool) -> Deferred[None] | None:
        """Keeps a message; one that is delivered at once, with its receipt.

        Args:
            record: its record, ready.
            submitted: the submission.
            at_once: whether nothing is to be done but to say that it was delivered.

        Returns:
            None when it is kept, or a Deferred that fires when it is.
        """
        kept: Deferred[None] | None = self.store.add(record)
        if not at_once:
            if kept is None:
                self._offer(record)
            else:
                kept.addCallback(lambda _: self._offer(record))
            return kept
        receipt = self._receipt(record, submitted, record.state, record.at)
        if receipt is None:
            return kept
        also: Deferred[None] | None = self.store.save(receipt)
        if kept is None:
            self._offer(receipt)
            return None
        if also is not None:
            also.addCallbacks(lambda _: self._offer(receipt), lambda _: None)
        return kept

    def _offer(self, record: Record) -> None:
        dispatch = self.dispatches.get(record.queue)
        if dispatch is not None:
            dispatch.offer(record)

    # Delivery.

    def _sent(self, record: Record, result: Any) -> None:
        """What came of a delivery; the record has to be settled, or due again."""
        if record.due is None:
            return  # it was settled meanwhile
        if not isinstance(result, Failure):
            self._taken(record, result)
            return
        error = result.value
        if isinstance(error, SessionLost):
            return  # it goes to the next session that is there, at once
        record.tries += 1
        is_final = isinstance(error, RequestRefused) and error.command_status not in _TEMPORARY
        if is_final or isinstance(error, FieldError) or record.tries >= self.keeping.attempts:
            self._hopeless(record, str(error))
        else:
            if not isinstance(error, SMPPError | TimeoutError):
                self.log.failure("a message was not taken", result)
            self._again(record)

    def _taken(self, record: Record, result: Any) -> None:
        if record.kind == RECEIPT:
            record.due = None
            self._watch(self.store.remove(record.number))
            return
        state = result if isinstance(result, MessageState) else MessageState.DELIVERED
        if state in _FINAL:
            self.finish(record, state)
        else:
            record.due = None  # whoever took it will report
            record.state = MessageState.ENROUTE
            self._watch(self.store.save(record))

    def _again(self, record: Record) -> None:
        record.due = self.now() + self.keeping.delay(record.tries)
        if record.kind == MESSAGE and record.tries == 1:
            submitted: Any = decode(record.pdu)
            if submitted.registered_delivery & RegisteredDelivery.INTERMEDIATE:
                self._notify(record, submitted)
        self._watch(self.store.save(record))

    def _notify(self, record: Record, submitted: Any) -> None:
        """The first attempt has failed: whoever asked for it hears of that."""
        fields = self._fields(record, submitted, MessageState.ENROUTE, self.now(), 0, True)
        self._keep_receipt(self._receipt_record(record, fields, self.now()))

    def _hopeless(self, record: Record, why: str) -> None:
        if record.kind == MESSAGE:
            record.data = {**(record.data or {}), "why": why}
            self.finish(record, MessageState.UNDELIVERABLE)
            return
        # A dead letter: kept for a while, for whoever looks for it.
        self.log.warn("a receipt is not wanted: {why}", why=why)
        record.due, record.done = None, self.now()
        record.state = MessageState.REJECTED
        record.data = {**(record.data or {}), "why": why}
        self._watch(self.store.save(record))

    def finish(self, record: Record, state: int, error: int = 0) -> None:
        """A message has come to its end; whoever asked for a receipt gets one.

        Args:
            record: of the message; it has not come to an end before.
            state: a final MessageState.
            error: network specific, 0 to 999.
        """
        now = self.now()
        receipt = None
        if record.pdu:
            receipt = self._receipt(record, decode(record.pdu), state, now, error)
        record.state, record.due, record.done = state, None, now
        record.pdu = b""  # nobody needs the text of the message any more
        if error:
            record.data = {**(record.data or {}), "error": error}
        if receipt is not None:
            self._keep_receipt(receipt)  # first: a message without an end comes again
        self._watch(self.store.save(record))

    def report(self, message_id: str, state: int, error: int = 0) -> Deferred[bool]:
        """A sink has learnt what became of a message that it took.

        Args:
            message_id: of the message.
            state: a final MessageState.
            error: network specific, 0 to 999.

        Returns:
            a Deferred of whether there was such a message without an end.

        Raises:
            ValueError: the state is not final.
        """
        if state not in _FINAL:
            raise ValueError(f"state {state!r} is not final")
        return self.find(message_id).addCallback(self._reported, state, error)

    def _reported(self, record: Record | None, state: int, error: int) -> bool:
        if record is None or record.done is not None or record.due is not None:
            return False
        self.finish(record, state, error)
        return True

    def find(self, message_id: str) -> Deferred[Record | None]:
        """Fires with the message of an id, or None."""
        numbers = numbers_of(message_id)
        found: Deferred[Record | None] = succeed(None)
        for number in numbers:
            found.addCallback(self._or_get, number, message_id)
        return found

    def _or_get(self, found: Record | None, number: int, message_id: str) -> Any:
        if found is not None:
            return found
        asked: Deferred[Record | None] = self.store.get(number)
        return asked.addCallback(
            lambda record: (
                record
                if record is not None and record.kind == MESSAGE and record.message_id == message_id
                else None
            )
        )

    def withdraw(self, record: Record) -> bool:
        """Takes a message out of its queue; False when it is on its way."""
        dispatch = self.dispatches.get(record.queue)
        return dispatch is None or dispatch.withdraw(record.number)

    # Receipts.

    def _receipt(
        self, record: Record, submitted: Any, state: int, now: float, error: int = 0
    ) -> Record | None:
        """The record of a receipt, if one is wanted."""
        if not wants_receipt(submitted.registered_delivery, state):
            return None
        fields = self._fields(record, submitted, state, now, error)
        return self._receipt_record(record, fields, now)

    def _fields(
        self,
        record: Record,
        submitted: Any,
        state: int,
        now: float,
        error: int,
        intermediate: bool = False,
    ) -> dict[str, Any]:
        return receipt_fields(
            submitted,
            record.message_id,
            state,
            at=self._local(record.at),
            done=self._local(now),
            error=error,
            intermediate=intermediate,
        )

    def _receipt_record(self, record: Record, fields: dict[str, Any], now: float) -> Record:
        return Record(
            self.store.next_number(),
            RECEIPT,
            account_queue(record.owner),
            owner=record.owner,
            due=now,
            expires=now + self.keeping.receipt_seconds,
            message_id=record.message_id,
            pdu=DeliverSM(**fields).encode(),
            at=now,
        )

    def _keep_receipt(self, receipt: Record) -> None:
        self.customer(receipt.owner)
        kept = self.store.save(receipt)
        if kept is None:
            self._offer(receipt)
        else:
            kept.addCallbacks(lambda _: self._offer(receipt), lambda _: None)

    def _watch(self, written: Deferred[Any] | None) -> None:
        """What is written without anybody waiting: the store says itself when it has failed."""
        if written is not None:
            written.addErrback(lambda failure: failure.trap(StoreError) and None)

    # What gets old.

    def _sweep_later(self) -> None:
        if self._is_running and self._sweep_call is None:
            self._sweep_call = self.clock.callLater(self.keeping.sweep, self._sweep)

    def _sweep(self) -> None:
        self._sweep_call = None
        now = self.now()
        expired: Deferred[Any] = self.store.expired(now, _SLICE)
        expired.addCallback(self._expire)
        before = now - self.keeping.final_seconds
        expired.addCallback(lambda _: self.store.purge(before, self.keeping.most_final, _SLICE))
        expired.addErrback(self._not_swept)
        expired.addCallback(lambda _: self._sweep_later())

    def _expire(self, records: list[Record]) -> None:
        for record in records:
            if record.due is None or not self.withdraw(record):
                continue
            if record.kind == RECEIPT:
                self._hopeless(record, "its time is over")
            else:
                self.finish(record, MessageState.EXPIRED)

    def _not_swept(self, failure: Failure) -> None:
        if not failure.check(StoreError):
            self.log.failure("old messages were not looked for", failure)
