"""An outbox that outlives the process: what ``send()`` has taken is sent, whatever happens.

Each part of a message is a record of a store. Before a part is sent, it is written that it is;
so that after a crash nobody takes for unsent what the message centre may have. A receipt that
fits no message yet is a record, too. A message that has come to its end leaves the store.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from twisted_smpp.errors import SessionLost, SMPPError, StoreFull
from twisted_smpp.esme.attempts import Link
from twisted_smpp.esme.kept import differs, first_of, lasting, submit_sm
from twisted_smpp.esme.message import (
    FIRST_FINAL,
    RECEIPTS,
    Keeper,
    Message,
    MessagePart,
    Progress,
    due_at,
)
from twisted_smpp.esme.recoverable import Recoverable
from twisted_smpp.interfaces import IMessageStore
from twisted_smpp.store import Record
from twisted_smpp.store.record import Row, marked
from twisted_smpp.text.segments import Segment
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import SubmitSM

__all__ = ["Outbox"]

#: What the records are.
PART, PARKED = 3, 4
#: Records that are read at a time.
PAGE = 500
#: Receipts of one id that are kept while they fit no message.
MOST_PARKED = 10
#: Counters of a part that are kept with it, and the names they have in the store.
_COUNTERS = (("refusals", "refused"), ("unknowns", "unknown"), ("resends", "resent"))
_QUEUED, _SENDING = int(Progress.QUEUED), int(Progress.SENDING)
_OF_A_PART = ("short_message", "esm_class", "data_coding")
_FIELDS = tuple(field.name for field in SubmitSM.fields if field.name not in _OF_A_PART)


class Outbox(Recoverable):
    """The messages of one account in a store.

    Args:
        store: an open :class:`~twisted_smpp.interfaces.IMessageStore`; several outboxes and a
            message centre may share one.
        name: of the account or link; the same after a restart.
        on_recovered: called with each :class:`~twisted_smpp.esme.message.Message` that an
            earlier process has left, before it goes on.
        now: returns seconds since 1970.

    Attributes:
        store, name: as given.
        recovered: whether all that an earlier process has left was read, see
            :meth:`when_recovered`.
        on_refused: called with a message and a :class:`~twisted_smpp.errors.StoreFull` or
            :class:`~twisted_smpp.errors.StoreFailed` when it could not be written.
    """

    log = Logger()

    def __init__(
        self,
        store: IMessageStore,
        name: str,
        *,
        on_recovered: Callable[[Message], object] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(store, name)
        self.on_refused: Callable[[Message, SMPPError], object] | None = None
        #: While several are told of what was written: the links that have something to write
        #: when all are. None when nobody is.
        self.telling: set[Link] | None = None
        #: Hears of the changes of messages that an earlier process has left.
        self.keeper: Keeper = self
        self._queue = f"outbox:{name}"
        self._on_recovered = on_recovered
        self._now = now
        #: The first number that is not of an earlier process.
        self._since = 0
        #: Where reading what it has left goes on.
        self._read_to = 0
        self._records: dict[MessagePart, Record | Row] = {}
        #: Parts that are being written as being sent, and who waits for that.
        self._begun: dict[MessagePart, Callable[[MessagePart, SMPPError | None], object] | None]
        self._begun = {}
        #: The numbers of receipts that fit no message yet, by the ids in them.
        self._parked: dict[str, list[int]] = {}
        #: How many changes of records were given to the store, and are written. All are made in
        #: their order; so whoever waits knows by a number which one to wait for.
        self._given = self._written = 0
        self._waiting: deque[tuple[int, Deferred[None]]] = deque()
        #: Of those the ones that do not wait for room.
        self._impatient: dict[Deferred[None], None] = {}
        store.when_stuck.append(self._stuck)

    def __len__(self) -> int:
        """Parts in it."""
        return len(self._records)

    def _next_number(self) -> int:
        number: int = self.store.next_number()
        self._since = self._since or number
        return number

    # New messages.

    def keep(self, message: Message, seconds: float) -> None:
        """Writes a new message; its ``stored`` fires when that is done.

        Args:
            message: with its parts; from now on what becomes of them is written.
            seconds: the time of the clock by which parts expire.

        Raises:
            StoreFull: there is no room.
            StoreFailed: the store takes nothing more.
            ValueError: the key is none that a store can keep.
        """
        self._check_room()
        parts = message.parts
        first, many = self._next_number(), len(parts) > 1
        try:
            for part in parts:
                number = first if part is parts[0] else self._next_number()
                record = self._new_record(number, part, seconds)
                if many or message.has_relative_validity:
                    record.data = lasting(message, first, part)
                self._records[part] = record
                if not self.store.keep(record, None, self._told, (self._kept, message)):
                    self._given += 1
                    message.unwritten += 1
        except BaseException:
            for part in parts:
                self._forget(part)
            raise
        message.outbox = self

    def keep_usual(self, message: Message, at_once: bool) -> None:
        """As :meth:`keep`, in less time.

        Args:
            message: of one part, with its octets made; it has no key, and does not expire.
            at_once: whether it is sent as soon as it is written. Then that is written with it,
                and :meth:`attempting`, which has to follow, writes nothing more.

        Raises:
            StoreFull, StoreFailed: as for :meth:`keep`.
        """
        self._check_room()
        part = message.parts[0]
        row = self._row(part, _SENDING if at_once else _QUEUED)
        told = self._has_begun if at_once else self._kept
        if not self.store.keep(row, None, self._told, (told, message)):
            self._given += 1
            message.unwritten = 1
            if at_once:
                self._begun[part] = None
        self._records[part] = row
        message.outbox = self

    def _check_room(self) -> None:
        store = self.store
        if store.failed is not None:
            raise store.failed
        if store.full:
            raise StoreFull("", "there is no room for one more message")

    def _row(self, part: MessagePart, state: int) -> Row:
        """The row of its record: nobody may ever need more."""
        # What can be encoded can be kept, too; to look at each value takes longer than all this.
        message = part.message
        return (
            self._next_number(),
            PART,
            self._queue,
            "",
            state,
            None,
            None,
            "",
            message.source,
            message.destination,
            int(state == _SENDING),
            part.ready[1],  # type: ignore[index]
            "",
            None,
            self._now(),
        )

    def _new_record(self, number: int, part: MessagePart, seconds: float) -> Record:
        message, ready, now = part.message, part.ready, self._now()
        record = Record(
            number,
            PART,
            self._queue,
            owner=message.key or "",
            source=message.source,
            destination=message.destination,
            # The session numbers a request when it sends it.
            pdu=part.make_pdu(seconds).encode() if ready is None else ready[1],
            at=now,
        )
        if part.expires_at is not None:
            record.expires = now + part.expires_at - seconds
        return record

    def _kept(self, message: Message, error: SMPPError | None) -> None:
        if error is not None and self.on_refused is not None:
            self.on_refused(message, error)
        message.written(error)

    def _has_begun(self, message: Message, error: SMPPError | None) -> None:
        self._kept(message, error)
        part = message.parts[0]
        told = self._begun.pop(part, None)
        if told is not None:
            told(part, error)

    def number(self, message: Message) -> int | None:
        """What the store calls a message; the same after a restart. None when it is gone."""
        return self.number_of(message.parts[0])

    def number_of(self, part: MessagePart) -> int | None:
        """What the store calls a part; None when it is gone."""
        kept = self._records.get(part)
        if kept.__class__ is tuple:
            return kept[0]  # type: ignore[no-any-return]
        return None if kept is None else kept.number  # type: ignore[union-attr]

    def taken_at(self, message: Message) -> float | None:
        """When it was taken, or its first part accepted, in seconds since 1970."""
        record = self._record_of(message.parts[0])
        return None if record is None else record.at

    def _record_of(self, part: MessagePart) -> Record | None:
        kept = self._records.get(part)
        if isinstance(kept, tuple):
            kept = self._records[part] = Record.of(kept)
        return kept

    def attempting(
        self, part: MessagePart, told: Callable[[MessagePart, SMPPError | None], object]
    ) -> bool:
        """A part is about to be sent.

        Returns:
            whether that is written already; else ``told`` is called with the part when it is,
            and with the error for which it could not be, or None.
        """
        if part in self._begun:
            self._begun[part] = told
            return False
        row = self._records.get(part)
        if isinstance(row, tuple) and not (part.unknowns or part.refusals):
            return self._mark(part, row, (told, part))
        record = self._record_of(part)
        return record is None or self._write(part, record, (told, part))

    def changed(self, message: Message) -> None:
        """Something has become of a message."""
        parts = message.parts
        for part in parts:
            if part.progress < FIRST_FINAL:
                break
        else:
            for part in parts:
                self._forget(part)
            return
        for part in parts:
            record = self._record_of(part)
            if record is not None and differs(part, record):
                self._write(part, record)

    def _write(self, part: MessagePart, record: Record, context: Any = None) -> bool:
        record.state = int(part.progress)
        record.tries = part.attempts
        ids = part.message_ids
        if ids and not record.message_id:
            record.message_id = ids[0]
            record.at = self._now()  # the time for its receipt begins
        if part.unknowns or part.refusals or len(ids) > 1 or record.data:
            data = dict(record.data or {})
            data.update({key: getattr(part, name) for name, key in _COUNTERS})
            if len(ids) > 1:
                data["ids"] = list(ids)
            record.data = data
        return self._change(record.number, record, context)

    def _forget(self, part: MessagePart) -> None:
        number = self.number_of(part)
        if number is not None:
            del self._records[part]
            if self._begun:
                self._begun.pop(part, None)
            self._change(number, None)

    def _change(self, number: int, record: Record | None, context: Any = None) -> bool:
        """Gives a change to the store; whether it is made already.

        ``context`` is a function and its argument, for :meth:`_told`.
        """
        try:
            done: bool = self.store.change(number, record, self._told, context)
        except SMPPError as error:
            return self._not_changed(context, error)
        if not done:
            self._given += 1
        return done

    def _mark(self, part: MessagePart, row: Row, context: Any) -> bool:
        """As :meth:`_change`, for a part whose progress and attempts only are other than before."""
        state, tries = int(part.progress), part.attempts
        self._records[part] = marked(row, state, tries)
        try:
            done: bool = self.store.mark(row[0], state, tries, self._told, context)
        except SMPPError as error:
            return self._not_changed(context, error)
        if not done:
            self._given += 1
        return done

    def _not_changed(self, context: Any, error: SMPPError) -> bool:
        """The store has failed, and says so itself."""
        if context is not None:
            self._given += 1
            self._told([context], error)
        return False

    def _told(self, contexts: list[Any], error: SMPPError | None) -> None:
        """Changes are written, or cannot be."""
        links: set[Link] | None = None
        if self.telling is None:
            self.telling = links = set()
        try:
            for context in contexts:
                self._written += 1
                if context is not None:
                    try:
                        context[0](context[1], error)
                    except Exception:
                        self.log.failure("whoever was told of what was written has failed")
                if self._waiting:
                    self._settle(error)
        finally:
            if links is not None:
                self.telling = None
                for link in links:
                    try:
                        link.flush()
                    except Exception:
                        self.log.failure("a link has failed to send what was written")

    def _settle(self, error: SMPPError | None) -> None:
        while self._waiting and self._waiting[0][0] <= self._written:
            settled = self._waiting.popleft()[1]
            self._impatient.pop(settled, None)
            if error is None:
                settled.callback(None)
            else:
                settled.errback(error)

    # Receipts.

    def park(self, message_id: str, pdu: Any) -> bool:
        """Keeps a receipt that fits no message yet.

        Args:
            message_id: the id in it.
            pdu: the receipt.

        Returns:
            whether it is kept, or need not be; False: there is no room for it.
        """
        numbers = self._parked.get(message_id, [])
        if not message_id or len(numbers) >= MOST_PARKED:
            return True  # it is dropped, or said before
        if self.store.full:
            return False
        number = self._next_number()
        self._parked.setdefault(message_id, []).append(number)
        record = Record(number, PARKED, self._queue, pdu=pdu.encode(), at=self._now())
        self._change(number, record)
        return True

    def parked(self, message_id: str, number: int) -> None:
        """A receipt of an earlier process has this id."""
        self._parked.setdefault(message_id, []).append(number)

    def unpark(self, message_id: str) -> None:
        """Receipts with this id have found their message, or have waited for too long."""
        for number in self._parked.pop(message_id, ()):
            self._change(number, None)

    def settled(self, patient: bool = True) -> Deferred[None] | None:
        """None when all changes are written, or a Deferred that fires when they are.

        It errbacks with :class:`~twisted_smpp.errors.StoreFailed` when that cannot be.

        Args:
            patient: whether it waits for room on a disk that is full; or else it errbacks with
                :class:`~twisted_smpp.errors.StoreFull`.
        """
        store = self.store
        if self._written >= self._given:
            return None if store.failed is None else fail(store.failed)
        if store.waits_for_room and not patient:
            return fail(_no_room())
        settled: Deferred[None] = Deferred()
        self._waiting.append((self._given, settled))
        if not patient:
            self._impatient[settled] = None
        return settled

    def _stuck(self) -> None:
        """The disk is so full that even what is old waits for room."""
        impatient, self._impatient = self._impatient, {}
        self._waiting = deque(each for each in self._waiting if each[1] not in impatient)
        for settled in impatient:
            settled.errback(_no_room())

    # After a restart.

    async def load(
        self,
        seconds: Callable[[], float],
        found: Callable[[Message, float], object],
        receipt: Callable[[Any, int, float], object],
    ) -> int:
        """Reads what an earlier process has left, some at a time.

        A part that was being sent is ``UNKNOWN``. A record that cannot be read is logged and
        left where it is, with the other parts of its message. When the store could not be read
        for a while, another call goes on behind the last message that was found.

        Args:
            seconds: returns the time of the clock by which parts expire.
            found: called with each message, the oldest first, and with the seconds since it was
                accepted.
            receipt: called with the PDU of each receipt that fits none, its number for
                :meth:`parked`, and the seconds since it came.

        Returns:
            the number of messages, those of earlier calls included.

        Raises:
            StoreFailed: the store failed, or was closed.
        """
        if not self._since:
            self._next_number()
        group: list[Record] = []
        after = self._read_to
        page: list[Record] = [Record(0, 0, "")]
        while page and after < self._since:
            page = await self.store.unfinished(self._queue, after, PAGE)
            for record in page:
                after = record.number
                if after >= self._since:
                    break
                if group and first_of(record) != first_of(group[0]):
                    self._take(group, seconds(), found)
                    group = []
                if record.kind == PART:
                    group.append(record)
                else:
                    self._take_receipt(record, receipt)
        self._take(group, seconds(), found)
        self.recovered = True
        return self._read_count

    def _take(
        self, group: list[Record], seconds: float, found: Callable[[Message, float], object]
    ) -> None:
        """One message: it goes on."""
        if not group:
            return
        # Whatever becomes of it, nothing may be taken twice.
        self._read_to = group[-1].number
        try:
            pdus = [submit_sm(record) for record in group]
            if len(group) < (group[0].data or {}).get("of", 1):
                self._sweep(group)
                return
            message = self._message(group, pdus, seconds)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._unreadable(group[0], error)
            return
        self._read_count += 1
        accepted = max([record.at for record in group if record.message_id], default=self._now())
        self._tell(message)
        found(message, self._now() - accepted)

    def _sweep(self, group: list[Record]) -> None:
        """The process has ended while a message was written, or taken out: nobody awaits it."""
        self.log.warn(
            "message {number} is not whole, and is not sent: {parts} parts are there",
            number=group[0].number,
            parts=len(group),
        )
        for record in group:
            self._change(record.number, None)

    def _take_receipt(self, record: Record, receipt: Callable[[Any, int, float], object]) -> None:
        self._read_to = record.number
        try:
            pdu = decode(record.pdu)
        except ValueError as error:
            self._unreadable(record, error)
        else:
            receipt(pdu, record.number, self._now() - record.at)

    def _unreadable(self, record: Record, error: Exception) -> None:
        self.log.error(
            "record {number} cannot be read: {error}", number=record.number, error=str(error)
        )

    def _message(self, group: list[Record], pdus: list[SubmitSM], seconds: float) -> Message:
        record, pdu = group[0], pdus[0]
        message = Message(
            record.source,
            record.destination,
            None,
            bool(pdu.registered_delivery & RECEIPTS),
            {name: getattr(pdu, name) for name in _FIELDS},
            {},
        )
        message.key = record.owner or None
        message.has_relative_validity = bool((record.data or {}).get("relative"))
        said_at = seconds + min(each.at for each in group) - self._now()
        message.due_at = due_at(pdu.schedule_delivery_time, said_at)
        parts = [self._part(message, *each, seconds) for each in zip(group, pdus, strict=True)]
        message.parts = tuple(parts)
        message.outbox = self.keeper
        self._records.update(zip(parts, group, strict=True))
        return message

    def _part(self, message: Message, record: Record, pdu: SubmitSM, seconds: float) -> MessagePart:
        data = record.data or {}
        tlvs: Any = pdu.tlvs
        number, total = data.get("part", 1), data.get("of", 1)
        segment = Segment(number, total, pdu.short_message, pdu.esm_class, pdu.data_coding, tlvs)
        part = MessagePart(message, segment, 0)
        part.progress = Progress(record.state)
        part.attempts = record.tries
        if record.message_id:
            part.message_ids = tuple(data.get("ids", [record.message_id]))
        for name, key in _COUNTERS:
            setattr(part, name, data.get(key, 0))
        if part.progress is Progress.SENDING:
            part.progress = Progress.UNKNOWN
            part.unknowns += 1
            part.error = SessionLost("the process ended while it was sent", sent=True)
        if record.expires is not None:
            part.expires_at = seconds + record.expires - self._now()
        return part

    def _tell(self, message: Message) -> None:
        if self._on_recovered is not None:
            try:
                self._on_recovered(message)
            except Exception:
                self.log.failure("a callback of the application failed")


def _no_room() -> StoreFull:
    return StoreFull("", "there is no room, not even for what is old")
