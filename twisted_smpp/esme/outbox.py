"""An outbox that outlives the process: what ``send()`` has taken is sent, whatever happens.

Each part of a message is a record of a store. Before a part is sent, it is written that it is;
so that after a crash nobody takes for unsent what the message centre may have. A message that
has come to its end leaves the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.errors import PDUError, SMPPError, StoreFull
from twisted_smpp.esme.message import Message, MessagePart, Progress
from twisted_smpp.interfaces import IMessageStore
from twisted_smpp.store import Record
from twisted_smpp.text.segments import Segment
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import SubmitSM

__all__ = ["Outbox"]

#: What the records are.
PART, PARKED = 3, 4
#: Records that are read at a time.
_PAGE = 500
#: Counters of a part that are kept with it, by the names they have in the store.
_COUNTERS = {"refused": "refusals", "unknown": "unknowns", "resent": "resends"}
_RECEIPTS = 0x03
_OF_A_PART = ("short_message", "esm_class", "data_coding")
_FIELDS = tuple(field.name for field in SubmitSM.fields)


class Outbox:
    """The messages of one account in a store.

    Args:
        store: an open :class:`~twisted_smpp.interfaces.IMessageStore`; several outboxes and a
            message centre may share one.
        name: of the account or link; the same after a restart.
        parked_seconds: how long a receipt is kept that fits no message.
        on_recovered: called with each :class:`~twisted_smpp.esme.message.Message` that an
            earlier process has left, before it goes on.
        now: returns seconds since 1970.

    Attributes:
        store: the store.
    """

    log = Logger()

    def __init__(
        self,
        store: IMessageStore,
        name: str,
        *,
        parked_seconds: float = 86_400.0,
        on_recovered: Callable[[Message], object] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.store: Any = store
        self._queue = f"outbox:{name}"
        self._parked_seconds = parked_seconds
        self._on_recovered = on_recovered
        self._now = now
        self._records: dict[MessagePart, Record] = {}
        #: What was written last of each part, so that the same is not written again.
        self._written: dict[MessagePart, tuple[Any, ...]] = {}
        self._parked: dict[int, float] = {}
        self._last: Deferred[Any] | None = None

    def __len__(self) -> int:
        """Parts in it."""
        return len(self._records)

    # New messages.

    def keep(self, message: Message, seconds: float) -> None:
        """Writes a new message; its ``stored`` fires when that is done.

        Args:
            message: with its parts; from now on what becomes of them is written.
            seconds: the time of the clock by which parts expire.

        Raises:
            StoreFull: there is no room.
        """
        if self.store.full:
            raise StoreFull("", "there is no room for one more message")
        now = self._now()
        first = 0
        stored: Deferred[Any] | None = None
        for part in message.parts:
            number = self.store.next_number()
            first = first or number
            pdu = part.make_pdu(seconds) if part.ready is None else part.ready[0]
            record = Record(
                number,
                PART,
                self._queue,
                owner=message.key or "",
                source=message.source,
                destination=message.destination,
                pdu=pdu.encode(),
                at=now,
            )
            if part.expires_at is not None:
                record.expires = now + part.expires_at - seconds
            if len(message.parts) > 1 or message.has_relative_validity:
                record.data = {"first": first, "part": part.number, "of": len(message.parts)}
                if message.has_relative_validity:
                    record.data["relative"] = 1
            self._records[part] = record
            self._written[part] = _image(part)
            stored = self._wait(self.store.add(record))
        message.outbox = self
        message.keeping = stored

    def attempting(self, part: MessagePart) -> Deferred[Any] | None:
        """A part is about to be sent.

        Returns:
            None when that is written, or a Deferred that fires when it is: with None, or with
            the error for which it could not be.
        """
        return self._write(part)

    def changed(self, message: Message) -> None:
        """Something has become of a message."""
        parts = message.parts
        if all(part.progress.final for part in parts):
            for part in parts:
                self._forget(part)
            return
        for part in parts:
            if part in self._records and self._written[part] != _image(part):
                self._write(part)

    def _write(self, part: MessagePart) -> Deferred[Any] | None:
        record = self._records.get(part)
        if record is None:
            return None
        self._written[part] = _image(part)
        record.state = part.progress
        record.tries = part.attempts
        record.message_id = part.message_ids[0] if part.message_ids else ""
        extra = {name: value for name, key in _COUNTERS.items() if (value := getattr(part, key))}
        if len(part.message_ids) > 1:
            extra["ids"] = list(part.message_ids)
        if extra or record.data:
            record.data = {**_lasting(record.data), **extra}
        return self._wait(self.store.save(record))

    def _forget(self, part: MessagePart) -> None:
        record = self._records.pop(part, None)
        self._written.pop(part, None)
        if record is not None:
            self._wait(self.store.remove(record.number))

    def _wait(self, written: Deferred[Any] | None) -> Deferred[Any] | None:
        """What is written; it fires with the error when it is not, and the store says why."""
        if written is not None:
            self._last = written
            written.addErrback(_error)
        return written

    # Receipts.

    def park(self, pdu: Any) -> None:
        """Keeps a receipt that fits no message yet."""
        now = self._now()
        record = Record(self.store.next_number(), PARKED, self._queue, pdu=pdu.encode(), at=now)
        self._parked[record.number] = now + self._parked_seconds
        self._wait(self.store.save(record))

    def settled(self) -> Deferred[None] | None:
        """None when all that was given to it is written, or a Deferred that fires when it is."""
        last, self._last = self._last, None
        if last is None or last.called:
            return None
        settled: Deferred[None] = Deferred()

        def pass_on(error: SMPPError | None) -> SMPPError | None:
            if error is None:
                settled.callback(None)
            else:
                settled.errback(error)
            return error

        last.addCallback(pass_on)
        return settled

    def expire(self) -> None:
        """Forgets receipts that have waited for too long."""
        now = self._now()
        for number in [number for number, until in self._parked.items() if until <= now]:
            del self._parked[number]
            self._wait(self.store.remove(number))

    # After a restart.

    def load(self, seconds: float) -> Deferred[tuple[list[Message], list[Any]]]:
        """Reads what an earlier process has left.

        Args:
            seconds: the time of the clock by which parts expire.

        Returns:
            a Deferred of the messages, the oldest first, and the PDUs of the receipts that
            fit none. A part that was being sent is ``UNKNOWN``.
        """
        return self._load_page(0, [], seconds)

    def _load_page(self, after: int, found: list[Record], seconds: float) -> Deferred[Any]:
        page: Deferred[Any] = self.store.unfinished(self._queue, after, _PAGE)
        return page.addCallback(self._loaded, found, seconds)

    def _loaded(self, page: list[Record], found: list[Record], seconds: float) -> Any:
        found += page
        if len(page) == _PAGE:
            return self._load_page(page[-1].number, found, seconds)
        groups: dict[int, list[tuple[Record, Any]]] = {}
        parked: list[Any] = []
        for record, pdu in self._readable(found):
            if record.kind == PARKED:
                self._parked[record.number] = record.at + self._parked_seconds
                parked.append(pdu)
            else:
                first = (record.data or {}).get("first", record.number)
                groups.setdefault(first, []).append((record, pdu))
        return [self._message(group, seconds) for group in groups.values()], parked

    def _readable(self, records: list[Record]) -> Iterator[tuple[Record, Any]]:
        known = {record.number for record in self._records.values()}
        for record in records:
            if record.number in known or record.number in self._parked:
                continue  # of this process: it was given to us while the store was read
            try:
                yield record, decode(record.pdu)
            except PDUError as error:
                self.log.error(
                    "record {number} cannot be read: {error}",
                    number=record.number,
                    error=str(error),
                )

    def _message(self, group: list[tuple[Record, Any]], seconds: float) -> Message:
        pdu = group[0][1]
        fields = {name: getattr(pdu, name) for name in _FIELDS if name not in _OF_A_PART}
        record = group[0][0]
        message = Message(
            record.source,
            record.destination,
            None,
            bool(pdu.registered_delivery & _RECEIPTS),
            fields,
            {},
        )
        message.key = record.owner or None
        message.has_relative_validity = bool((record.data or {}).get("relative"))
        message.parts = tuple(self._part(message, *each, seconds) for each in group)
        message.outbox = self
        for part in message.parts:
            self._written[part] = _image(part)
        return message

    def _part(self, message: Message, record: Record, pdu: Any, seconds: float) -> MessagePart:
        data = record.data or {}
        segment = Segment(
            data.get("part", 1),
            data.get("of", 1),
            pdu.short_message,
            pdu.esm_class,
            pdu.data_coding,
            pdu.tlvs,
        )
        part = MessagePart(message, segment, 0)
        part.progress = Progress(record.state)
        if part.progress is Progress.SENDING:
            part.progress = Progress.UNKNOWN
        part.attempts = record.tries
        if record.message_id:
            part.message_ids = tuple(data.get("ids", [record.message_id]))
        for name, key in _COUNTERS.items():
            setattr(part, key, data.get(name, 0))
        if record.state == Progress.SENDING:
            part.unknowns += 1
        if record.expires is not None:
            part.expires_at = seconds + record.expires - self._now()
        self._records[part] = record
        return part

    def tell(self, message: Message) -> None:
        """Tells the application of a message that an earlier process has left."""
        if self._on_recovered is not None:
            try:
                self._on_recovered(message)
            except Exception:
                self.log.failure("a callback of the application failed")

    def close(self) -> Deferred[None]:
        """Fires when all that was given to it is written; the store stays open."""
        settled = self.settled()
        return succeed(None) if settled is None else settled.addErrback(lambda _: None)


def _error(failure: Failure) -> SMPPError:
    failure.trap(SMPPError)
    return failure.value  # type: ignore[return-value]


def _image(part: MessagePart) -> tuple[Any, ...]:
    """What of a part is worth writing."""
    return part.progress, part.attempts, part.message_ids, part.refusals, part.unknowns


def _lasting(data: dict[str, Any] | None) -> dict[str, Any]:
    return {
        name: value
        for name, value in (data or {}).items()
        if name in ("first", "part", "of", "relative")
    }
