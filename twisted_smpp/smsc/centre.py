"""The message centre: what becomes of a message from its acceptance to its last receipt.

A message is in the store before its submitter hears of ESME_ROK, and stays there until it has
come to one final state; its receipt is in the store before the state is. What is to be
delivered waits in queues, one for each receiver; see :mod:`twisted_smpp.smsc.dispatch`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from twisted.application.service import Service
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_smpp.errors import PDUError, RequestRefused, SessionLost, SMPPError, StoreError
from twisted_smpp.interfaces import IAccount, IMessageSink, IMessageStore
from twisted_smpp.smsc.answers import LateAnswers, is_final
from twisted_smpp.smsc.care import take_care
from twisted_smpp.smsc.customer import Customer
from twisted_smpp.smsc.dispatch import Dispatch
from twisted_smpp.smsc.finding import find
from twisted_smpp.smsc.freshness import Freshness
from twisted_smpp.smsc.ids import MessageIds
from twisted_smpp.smsc.kinds import (
    FINAL,
    MESSAGE,
    RECEIPT,
    account_queue,
    dead_queue,
    sink_queue,
    taken_queue,
)
from twisted_smpp.smsc.outlets import AtOnce, Sessions, Sink
from twisted_smpp.smsc.paging import Pager
from twisted_smpp.smsc.receipts import Receipts
from twisted_smpp.smsc.routes import Route, RouteKind, Routes
from twisted_smpp.smsc.sweep import Sweep
from twisted_smpp.smsc.terms import Keeping, Terms
from twisted_smpp.status import CommandStatus
from twisted_smpp.store import MemoryStore, Record
from twisted_smpp.store.intents import Told, nobody, written
from twisted_smpp.values import MessageState, RegisteredDelivery
from twisted_smpp.wire.pdu import decode

__all__ = ["MessageCentre"]

_TERMS = Terms()


@implementer(IRealm)
class MessageCentre(Service):
    """The messages of all accounts; the realm of the portal that lets them in.

    As a service it starts and stops like :meth:`start` and :meth:`stop`; its store has to be
    opened before and closed afterwards.

    Args:
        store: an :class:`~twisted_smpp.interfaces.IMessageStore`; None for one in memory.
        routes: where messages go; None for all delivered at once.
        sinks: objects of the application by the names that routes give them.
        keeping: see :class:`Keeping`.
        clock: an ``IReactorTime``; None for the global reactor.
        ids: makes the ids of messages.
        terms: returns the :class:`Terms` of an account; asked again at each bind, and by
            :meth:`renew_terms`.
        make: makes an account, as :class:`~twisted_smpp.smsc.customer.Customer` is made.
        broadcast_sink: the name of the sink that broadcasts; None: they count as done at once.
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
        terms: Callable[[str], Terms] = lambda name: _TERMS,
        make: Callable[..., Customer] = Customer,
        broadcast_sink: str | None = None,
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
        self.terms = terms
        self.now = now
        self.fresh = Freshness(self.store)
        self.pager: Pager | None = None
        self.customers: dict[str, Customer] = {}
        self.dispatches: dict[str, Dispatch] = {}
        self._make = make
        self._receipts = Receipts(self.store.next_number, self.keeping.receipt_seconds, local)
        self._sinks = {name: Sink(sink, self.clock) for name, sink in (sinks or {}).items()}
        for name, sink in self._sinks.items():
            self._dispatch(sink_queue(name), sink)
        self._dispatch(sink_queue(""), AtOnce())
        if broadcast_sink is not None and broadcast_sink not in self._sinks:
            raise ValueError(f"broadcast_sink: there is no sink {broadcast_sink!r}")
        self.broadcast_queue = sink_queue(broadcast_sink or "")
        #: What is known of messages that are under way: what sinks have reported that have not
        #: returned yet, and what receivers said late of an earlier try.
        self._early: dict[int, tuple[int, int]] = {}
        self._late = LateAnswers(self, self._taken, self._hopeless, self._early)
        self._sweep = self._make_sweep()

    def _make_sweep(self) -> Sweep:
        what, told = (self.store, self.fresh, self.keeping), (self.withdraw, self._expired)
        return Sweep(*what, self.clock, self.now, *told, self._look)

    # Begin and end.

    def startService(self) -> None:
        """Twisted: :meth:`start`; an error of the store is logged."""
        super().startService()  # type: ignore[no-untyped-call]
        self.start().addErrback(lambda failure: self.log.failure("nothing was found", failure))

    def stopService(self) -> None:
        """Twisted: :meth:`stop`."""
        super().stopService()  # type: ignore[no-untyped-call]
        self.stop()

    def start(self) -> Deferred[None]:
        """Finds what waits in the store, which has to be open; fires when that is done."""
        self._sweep.start()
        for dispatch in self.dispatches.values():
            take_care(dispatch, self.store)
            dispatch.start()
        found: Deferred[Any] = self.store.waiting()
        return found.addCallback(self._found)

    def _found(self, waiting: dict[str, tuple[int, float]]) -> None:
        for queue, (count, due) in waiting.items():
            kind, _, name = queue.partition(":")
            if kind in ("dead", "taken"):
                continue
            self.log.info("{count} records wait for {queue}", count=count, queue=ascii(queue))
            if kind == "account":
                self.customer(name)
            dispatch = self.dispatches.get(queue)
            if dispatch is None:
                self.log.error("nobody takes what waits for {queue}", queue=ascii(queue))
                continue
            dispatch.count = count
            dispatch.nobody_is_there()
            dispatch.expect(due)

    def stop(self) -> None:
        """Delivers nothing more; what waits stays in the store."""
        self._sweep.stop()
        for dispatch in self.dispatches.values():
            dispatch.stop()
        for sink in self._sinks.values():
            sink.stop()
        if self.pager is not None:
            self.pager.stop()

    def _look(self) -> None:
        for dispatch in self.dispatches.values():
            dispatch.look()

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
            sessions.on_late = self._late.came
            dispatch = self._dispatch(account_queue(name), sessions)
            dispatch.fell_asleep = lambda: self._page(name, dispatch)
            customer = self.customers[name] = self._make(self, name, sessions, dispatch)
        return customer

    def renew_terms(self) -> None:
        """Asks for the terms of every account again: others may be in force.

        An account that sleeps while something waits for it may be one to page now.
        """
        for name, customer in self.customers.items():
            customer.terms = self.terms(name)
            if self.pager is not None and not self.pager.pages(name):
                customer.dispatch.nobody_is_there()

    def _page(self, name: str, dispatch: Dispatch) -> None:
        if self.pager is not None:
            self.pager.page(name, dispatch.has_due)

    def alert(self, account: str, source: str, **fields: Any) -> int:
        """Tells the receivers of an account that a mobile station can be reached again.

        Args:
            account: its system_id.
            source: the address of the mobile station.
            fields: more of the alert_notification: ``source_addr_ton``, ``esme_addr``, ``tlvs``.

        Returns:
            to how many sessions it was sent.

        Raises:
            FieldError: a value cannot be sent.
        """
        return self.customer(account).sessions.alert(source_addr=source, **fields)

    def _dispatch(self, queue: str, outlet: Any) -> Dispatch:
        dispatch = Dispatch(
            queue,
            outlet,
            self.store,
            self.clock,
            self.now,
            self._sent,
            self._expired,
            self.keeping.delay,
        )
        take_care(dispatch, self.store)
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
        if kind is RouteKind.AT_ONCE:
            return sink_queue("")
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

        Raises:
            StoreError: it is not kept.
        """
        kept: Deferred[None] = Deferred()
        return None if self.keep(record, submitted, at_once, written, kept) else kept

    def keep(self, record: Record, submitted: Any, at_once: bool, told: Told, context: Any) -> bool:
        """As :meth:`accept`, without a Deferred.

        Args:
            record, submitted, at_once: as for that.
            told, context: as for :meth:`~twisted_smpp.interfaces.IMessageStore.keep`.

        Returns:
            whether it is kept already; else ``told`` is called later.

        Raises:
            StoreError: it is not kept.
        """
        receipt = None
        if not at_once:
            offered = record
        else:
            receipt = self._receipt(record, submitted, record.state, record.at, 0)
            if receipt is None:
                return self.store.keep(record, None, told, context)  # type: ignore[no-any-return]
            offered = receipt
        if not self.store.keep(record, receipt, self._kept, (offered, told, context)):
            return False
        self.offer(offered)
        return True

    def _kept(self, accepted: list[tuple[Record, Told, Any]], error: StoreError | None) -> None:
        """Some messages are on the disk, or not: their submitters hear first."""
        for told, group in groupby(accepted, itemgetter(1)):
            told([context for _, _, context in group], error)
        if error is None:
            for record, _, _ in accepted:
                self.offer(record)

    def offer(self, record: Record) -> None:
        """A new record is in the store, and comes to whoever it is for."""
        dispatch = self.dispatches.get(record.queue)
        if dispatch is not None:
            dispatch.count += 1
            dispatch.offer(record)

    def _gone(self, queue: str) -> None:
        """A record does not wait in its queue any more."""
        dispatch = self.dispatches.get(queue)
        if dispatch is not None:
            dispatch.count -= 1

    def save(self, record: Record) -> Deferred[None] | None:
        """Keeps a record as it is now; who asks for it at the moment asks again."""
        self.fresh.changed(record.number)
        kept: Deferred[None] | None = self.store.save(record)
        return kept

    def _move(self, record: Record, queue: str, due: float) -> None:
        """Puts a record into another queue; it has to leave the first one before."""
        record.due = None
        self.watch(self.save(record))
        self._gone(record.queue)
        record.queue, record.due = queue, due
        self.watch(self.save(record))

    # Delivery.

    def _sent(self, record: Record, result: Any) -> None:
        """What came of a delivery; the record has to be settled, or due again."""
        early = self._early.pop(record.number, None)
        if early is not None and record.kind != RECEIPT:
            self.finish(record, *early)
        elif early is not None or not isinstance(result, Failure):
            self._taken(record, result)
        elif not (isinstance(result.value, SessionLost) and not result.value.sent):
            self._not_taken(record, result)

    def _not_taken(self, record: Record, failure: Failure) -> None:
        error = failure.value
        record.tries += 1
        if is_final(error) or record.tries >= self.keeping.attempts:
            self._hopeless(record, str(error))
        elif isinstance(error, SessionLost):
            self.watch(self.save(record))  # to the next session that is there, at once
        else:
            if not isinstance(error, SMPPError | TimeoutError):
                self.log.failure("a message was not taken", failure)
            self._again(record)

    def _taken(self, record: Record, result: Any) -> None:
        if record.kind == RECEIPT:
            self._gone(record.queue)
            record.due = None
            self.fresh.changed(record.number)
            self._forget(record.number)
        elif result == MessageState.ACCEPTED:
            # Whoever took it will report; if not, it expires.
            record.state = MessageState.ENROUTE
            name = record.queue.partition(":")[2]
            self._move(record, taken_queue(name), record.expires or self.now())
        else:
            state = result if isinstance(result, MessageState) else MessageState.DELIVERED
            self.finish(record, state)

    def _forget(self, number: int) -> None:
        """Nobody waits for that: the store says itself when it has failed."""
        try:
            self.store.change(number, None, nobody, None)
        except StoreError as error:
            self.log.debug("{number} is not forgotten: {error}", number=number, error=str(error))

    def _again(self, record: Record) -> None:
        record.due = self.now() + self.keeping.delay(record.tries)
        if record.kind != RECEIPT:
            record.state = MessageState.ENROUTE
            if record.tries == 1:
                self._notify(record)
        self.watch(self.save(record))

    def _notify(self, record: Record) -> None:
        """The first attempt has failed: whoever asked for it hears of that."""
        submitted: Any = decode(record.pdu)
        if getattr(submitted, "registered_delivery", 0) & RegisteredDelivery.INTERMEDIATE:
            seconds = self.terms_of(record.owner).seconds_in_receipts
            self._keep_receipt(self._receipts.intermediate(record, submitted, self.now(), seconds))

    def _hopeless(self, record: Record, why: str) -> None:
        record.data = {**(record.data or {}), "why": why}
        if record.kind != RECEIPT:
            self.finish(record, MessageState.UNDELIVERABLE)
            return
        self.log.warn(
            "{account}: the receipt of {message_id} was not taken and is put aside: {why}",
            account=ascii(record.owner),
            message_id=record.message_id,
            why=why,
        )
        record.state = MessageState.REJECTED
        record.expires = self.now() + self.keeping.dead_seconds
        self._move(record, dead_queue(record.owner), record.expires)

    def dead_letters(self, account: str, most: int = 1000) -> Deferred[list[Record]]:
        """Fires with the receipts that an account did not take, the oldest first.

        ``data["why"]`` of each says why. They are kept for :attr:`Keeping.dead_seconds`.
        """
        found: Deferred[list[Record]] = self.store.due(dead_queue(account), 1e18, most)
        return found

    def revive(self, account: str, most: int = 1000) -> Deferred[int]:
        """Delivers receipts again that an account did not take; fires with how many."""
        found = self.fresh.of(self.dead_letters(account, most))
        return found.addCallback(self._revive)

    def _revive(self, records: list[Record]) -> int:
        dead = [record for record in records if record.queue == dead_queue(record.owner)]
        for record in dead:
            self.customer(record.owner)
            record.tries, record.state = 0, 0
            record.data = None
            record.expires = self.now() + self.keeping.receipt_seconds
            self._move(record, account_queue(record.owner), self.now())
            self.offer(record)
        return len(dead)

    def finish(self, record: Record, state: int, error: int = 0) -> None:
        """As :meth:`end`, where nobody waits for it to be in the store."""
        self.watch(self.end(record, state, error))

    def end(self, record: Record, state: int, error: int = 0) -> Deferred[None] | None:
        """A message has come to its end; whoever asked for a receipt gets one.

        Args:
            record: of the message; it has not come to an end before.
            state: a final MessageState.
            error: network specific, 0 to 999.

        Returns:
            None when that is in the store, or a Deferred that fires when it is.
        """
        now = self.now()
        receipt = None
        if record.pdu:
            try:
                receipt = self._receipt(record, decode(record.pdu), state, now, error)
            except PDUError as problem:
                self.log.error("no receipt can be made: {problem}", problem=str(problem))
        self._gone(record.queue)
        record.state, record.due, record.done = state, None, now
        if record.kind == MESSAGE:
            record.pdu = b""  # nobody needs the text of the message any more
        if error:
            record.data = {**(record.data or {}), "error": error}
        if receipt is not None:
            self._keep_receipt(receipt)  # first: a message without an end comes again
        return self.save(record)

    def report(
        self, message_id: str, state: int, error: int = 0, *, destination: str | None = None
    ) -> Deferred[bool]:
        """A sink has learnt what became of a message that it took; the first report counts.

        Args:
            message_id: of the message.
            state: a final MessageState.
            error: network specific, 0 to 999.
            destination: which one of a submit_multi, whose messages have one id; None for
                the first of them that a sink has.

        Returns:
            a Deferred of whether there was such a message without an end. True comes when its
            end is in the store; or at once while the sink has not returned from the message,
            which comes again if the process ends before it has. It errbacks with a
            :class:`~twisted_smpp.errors.StoreError` when the store has failed.

        Raises:
            ValueError: the state is not final.
        """
        if state not in FINAL:
            raise ValueError(f"state {state!r} is not final")
        found = self.find(message_id)
        return found.addCallback(self._reported, state, error, destination)

    def _reported(
        self, records: list[Record], state: int, error: int, destination: str | None
    ) -> Any:
        for record in records:
            if destination is not None and record.destination != destination:
                continue
            kind = record.queue.partition(":")[0]
            if kind == "sink" and self.dispatches[record.queue].is_in_flight(record.number):
                # The sink has not returned yet.
                is_first = record.number not in self._early
                self._early.setdefault(record.number, (state, error))
                return is_first
            if kind == "taken" and record.done is None:
                kept = self.end(record, state, error)
                return True if kept is None else kept.addCallback(lambda _: True)
        return False

    def find(
        self, message_id: str, owner: str | None = None, source: str = ""
    ) -> Deferred[list[Record]]:
        """Finds the messages of an id.

        Args:
            message_id: the id.
            owner: the account that they have to belong to; None for any.
            source: the source address that they have to have then. What is another's takes no
                more steps than what does not exist.

        Returns:
            a Deferred of them: one for each destination, none for an unknown id.
        """
        return find(self.store, self.fresh, message_id, owner, source)

    def withdraw(self, record: Record) -> bool:
        """Takes a message out of its queue; False when it is on its way."""
        dispatch = self.dispatches.get(record.queue)
        return dispatch is None or dispatch.withdraw(record.number)

    # Receipts.

    def terms_of(self, account: str) -> Terms:
        """What is agreed with an account."""
        return self.customer(account).terms

    def _receipt(
        self, record: Record, submitted: Any, state: int, now: float, error: int
    ) -> Record | None:
        """The record of a receipt, if one is wanted."""
        if not getattr(submitted, "registered_delivery", 0):
            return None
        seconds = self.terms_of(record.owner).seconds_in_receipts
        return self._receipts.final(record, submitted, state, now, error, seconds)

    def _keep_receipt(self, receipt: Record) -> None:
        self.customer(receipt.owner)
        kept = self.store.save(receipt)
        if kept is None:
            self.offer(receipt)
        else:
            self.watch(kept.addCallback(lambda _: self.offer(receipt)))

    def watch(self, written: Deferred[Any] | None) -> None:
        """What is written without anybody waiting: the store says itself when it has failed."""
        if written is not None:
            written.addErrback(_never_mind)

    # What gets old.

    def _expired(self, record: Record) -> None:
        if record.queue.startswith("dead:"):
            self.fresh.changed(record.number)  # who is about to revive it finds it no more
            self._forget(record.number)
        elif record.kind == RECEIPT:
            self._hopeless(record, "its time is over")
        else:
            self.finish(record, MessageState.EXPIRED)


def _never_mind(failure: Failure) -> None:
    failure.trap(StoreError)
