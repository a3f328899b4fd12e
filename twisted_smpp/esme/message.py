"""The handle of a message: one object from ``send()`` to its last receipt."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import IntEnum
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger

from twisted_smpp.errors import SMPPError
from twisted_smpp.text import times
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.text.segments import Plan, Segment
from twisted_smpp.values import MessageState
from twisted_smpp.wire.pdus import SubmitSM

__all__ = ["Message", "MessagePart", "Progress", "SendFailed"]


class Progress(IntEnum):
    """Where a message or a part of it is; from ``DELIVERED`` on it is final.

    ``QUEUED`` waits to be sent; ``SENDING`` waits for the response; ``UNKNOWN`` was sent and
    its response is lost, so that nobody knows; ``HELD`` is the same, and stays so until
    somebody decides; ``ACCEPTED`` has an id and waits for its receipt.

    Of the final ones the best come first, so that the greatest of several parts is the worst.
    ``DELIVERED`` to ``REJECTED`` are what a receipt said; ``SENT`` was accepted and no receipt
    was asked for; ``UNCONFIRMED`` was accepted and its receipt did not come in time; ``LOST``
    was sent, and nobody will ever know; ``FAILED`` was never accepted.
    """

    QUEUED = 0
    SENDING = 1
    UNKNOWN = 2
    HELD = 3
    ACCEPTED = 4
    DELIVERED = 10
    SENT = 11
    SKIPPED = 12
    UNCONFIRMED = 13
    DELETED = 14
    EXPIRED = 15
    UNDELIVERABLE = 16
    REJECTED = 17
    LOST = 18
    FAILED = 19

    @property
    def final(self) -> bool:
        """Whether it stays so."""
        return self >= FIRST_FINAL


# An integer, looked up once: members of an enumeration are slow at it.
FIRST_FINAL = int(Progress.DELIVERED)

#: The bits of registered_delivery that ask for a receipt.
RECEIPTS = 0x03
#: What a final receipt makes of a part. ACCEPTED is said on the way, by custom.
BY_RECEIPT: Mapping[int | None, Progress] = {
    MessageState.DELIVERED: Progress.DELIVERED,
    MessageState.EXPIRED: Progress.EXPIRED,
    MessageState.DELETED: Progress.DELETED,
    MessageState.UNDELIVERABLE: Progress.UNDELIVERABLE,
    MessageState.REJECTED: Progress.REJECTED,
    MessageState.SKIPPED: Progress.SKIPPED,
}


class Keeper(Protocol):
    """What a message tells of its changes."""

    def changed(self, message: Message) -> None: ...


class SendFailed(SMPPError):
    """A message was not accepted, or not all of its parts.

    Attributes:
        message: the :class:`Message`; its parts say what became of each.
        reason: why, in words.
    """

    def __init__(self, message: Message, reason: str) -> None:
        super().__init__(reason)
        self.message = message
        self.reason = reason


def share_names(cls: type[MessagePart] | type[Message], *more: str) -> None:
    """Has the instances of a class keep their attributes without a dict.

    CPython does if one of the first thirty had them; those of messages get many when that is over.

    Args:
        cls: a class of parts, or of messages.
        more: names of its own.
    """
    first: Any = cls.__new__(cls)
    for name in (*(_OF_PARTS if issubclass(cls, MessagePart) else _OF_MESSAGES), *more):
        setattr(first, name, None)


class MessagePart:
    """One part of a message: a submit_sm, perhaps sent more than once.

    Attributes:
        message: the whole; a weak proxy of it once all of it is final.
        wants_receipt: whether a receipt was asked for.
        progress: where it is.
        message_id: what the message centre calls it; None before it was accepted.
        message_ids: every id that it got: more than one when it was sent again because a
            response was lost, and came in the end.
        attempts: how often it was sent.
        refusals: how often it was refused for the time being.
        unknowns: how often its response was lost.
        resends: how often it was sent after a response was lost.
        error: the last :class:`~twisted_smpp.errors.SMPPError`, or None.
        receipt: the last :class:`~twisted_smpp.text.receipt.Receipt`, or None.
        late: a final receipt that came when the part was final already, and said otherwise.
    """

    progress: Progress
    # What most parts never change is of the class. Not so what is an object of a class in Python:
    # CPython then looks there each time, before it looks into the instance.
    message_ids: tuple[str, ...] = ()
    attempts = refusals = session_faults = unknowns = resends = 0
    error: SMPPError | None = None
    receipt: Receipt | None = None
    late: Receipt | None = None
    expires_at: float | None = None
    #: The request of the last attempt, as long as its response may come, and when it was sent.
    pdu: SubmitSM | None = None
    sent_at = 0.0
    #: The request of the first attempt and its octets for a session, once made.
    ready: tuple[SubmitSM, bytes, Any] | None = None
    #: Its place among all parts of the link, for keeping their order.
    order = 0

    def __init__(self, message: Message, segment: Segment, order: int) -> None:
        self.message = message
        self.wants_receipt = message.wants_receipt
        self.segment = segment
        self.order = order
        self.progress = Progress.QUEUED

    @property
    def number(self) -> int:
        """1 for the first part."""
        return self.segment.number

    def __repr__(self) -> str:
        return f"<part {self.number} of {self.segment.total}: {self.progress.name}>"

    def __lt__(self, other: MessagePart) -> bool:
        return self.order < other.order

    def make_pdu(self, now: float) -> SubmitSM:
        """The request for one attempt; it has the validity that is left, and the schedule.

        Args:
            now: the time, in seconds.

        Raises:
            FieldError: a value cannot be sent, when it is encoded.
        """
        message, segment = self.message, self.segment
        fields = message.fields
        if message.has_relative_validity and self.expires_at is not None:
            fields = {**fields, "validity_period": _relative(self.expires_at - now)}
        if message.due_at is not None:
            left = message.due_at - now
            fields = {**fields, "schedule_delivery_time": _relative(left) if left > 0 else ""}
        return SubmitSM(
            **fields,
            short_message=segment.short_message,
            esm_class=segment.esm_class,
            data_coding=segment.data_coding,
            tlvs={**segment.tlvs, **message.tlvs} if message.tlvs else segment.tlvs,
        )

    @property
    def message_id(self) -> str | None:
        """What the message centre calls it."""
        return self.message_ids[0] if self.message_ids else None

    @property
    def failed(self) -> bool:
        """Whether it is final without having been accepted, as far as anybody knows."""
        progress = self.progress
        return progress is Progress.LOST or (progress.final and not self.message_ids)


class Message:
    """What was given to ``send()``, and what became of it.

    Attributes:
        source, destination: the addresses, as they were given.
        plan: how the text is sent; None for a message of an earlier process.
        key: what the application calls it, kept with it in an outbox; or None.
        parts: the :class:`MessagePart` of each.
        wants_receipt: whether a receipt was asked for.
        fields: the other fields of each submit_sm.
        tlvs: those of each submit_sm, besides what its part needs.
        on_progress: called with the message when a part was answered, got a receipt or has
            come to an end; None when nobody wants to know.
    """

    log = Logger()

    # What most messages never change is of the class.
    parts: tuple[MessagePart, ...] = ()
    #: Whether it is valid for a time, not until a moment.
    has_relative_validity = False
    #: When it is due, by the clock, if it is scheduled for a time, not for a moment.
    due_at: float | None = None
    on_progress: Callable[[Message], object] | None = None
    key: str | None = None
    #: Where it is kept, and how many of its parts are not written yet; see the outbox.
    outbox: Keeper | None = None
    unwritten = 0
    _not_written: SMPPError | None = None
    _stored: list[Deferred[Message]] | None = None
    _submitted: list[Deferred[Message]] | None = None
    _final: list[Deferred[Message]] | None = None

    def __init__(
        self,
        source: str,
        destination: str,
        plan: Plan | None,
        wants_receipt: bool,
        fields: Mapping[str, Any],
        tlvs: Mapping[Any, Any],
    ) -> None:
        self.source = source
        self.destination = destination
        self.plan = plan
        self.wants_receipt = wants_receipt
        self.fields = fields
        self.tlvs = tlvs

    def __repr__(self) -> str:
        parts = f", {len(self.parts)} parts" if len(self.parts) > 1 else ""
        return f"<Message to {self.destination!r}: {self.progress.name}{parts}>"

    @property
    def progress(self) -> Progress:
        """Where it is: the worst end that a part has come to, else where the last part is."""
        parts = self.parts
        if len(parts) == 1:
            return parts[0].progress
        worst = max(part.progress for part in parts)
        if worst > Progress.UNCONFIRMED:
            return worst
        least = min(part.progress for part in parts)
        return worst if least.final else least

    @property
    def message_ids(self) -> tuple[str | None, ...]:
        """What the message centre calls each part."""
        return tuple(part.message_id for part in self.parts)

    @property
    def error(self) -> SMPPError | None:
        """What the first part that has failed failed with; None while none has."""
        for part in self.parts:
            if part.failed:
                return part.error
        return None

    @property
    def possible_duplicates(self) -> int:
        """How often a part was sent again although it may have been accepted before."""
        return sum(min(part.unknowns, part.resends) for part in self.parts)

    @property
    def stored(self) -> Deferred[Message]:
        """A new Deferred: fires with the message once it is in the outbox, on the disk.

        At once where there is no outbox. Errbacks with :class:`SendFailed` when it could not be
        written: then it is not sent.
        """
        if not self.unwritten:
            error = self._not_written
            return succeed(self) if error is None else fail(SendFailed(self, str(error)))
        stored: Deferred[Message] = Deferred(self._forget)
        if self._stored is None:
            self._stored = []
        self._stored.append(stored)
        return stored

    def written(self, error: SMPPError | None) -> None:
        """A part was written to the outbox, or could not be."""
        self.unwritten -= 1
        if error is not None and self._not_written is None:
            self._not_written = error
        if not self.unwritten and self._stored is not None:
            waiting, self._stored = self._stored, None
            error = self._not_written
            _fire(waiting, self if error is None else SendFailed(self, str(error)))

    @property
    def submitted(self) -> Deferred[Message]:
        """A new Deferred: fires with the message once every part has an id.

        Errbacks with :class:`SendFailed` when a part was refused for good, is lost, or was not
        sent while it was valid.
        """
        if self._is_submitted():
            return succeed(self)
        failure = self._failure()
        if failure is not None:
            return fail(failure)
        deferred: Deferred[Message] = Deferred(self._forget)
        if self._submitted is None:
            self._submitted = []
        self._submitted.append(deferred)
        return deferred

    @property
    def final(self) -> Deferred[Message]:
        """A new Deferred: fires with the message once every part is final, however."""
        for part in self.parts:
            if part.progress < FIRST_FINAL:
                break
        else:
            return succeed(self)
        deferred: Deferred[Message] = Deferred(self._forget)
        if self._final is None:
            self._final = [deferred]
        else:
            self._final.append(deferred)
        return deferred

    def changed(self) -> None:
        """A part has moved: tells whoever waits for it."""
        if self.outbox is not None:
            self.outbox.changed(self)
        if self.on_progress is not None:
            try:
                self.on_progress(self)
            except Exception:
                self.log.failure("a callback of the application failed")
        waiting = self._submitted
        if waiting is not None:
            failure = self._failure()
            if failure is not None or self._is_submitted():
                self._submitted = None
                _fire(waiting, self if failure is None else failure)
        for part in self.parts:
            if part.progress < FIRST_FINAL:
                return
        waiting = self._final
        # Parts that keep the whole alive, and it them, are work for the garbage collector.
        whole = weakref.proxy(self)
        for part in self.parts:
            part.message = whole
        if waiting is not None:
            self._final = None
            for deferred in waiting:
                if not deferred.called:  # the callback of another may have cancelled it
                    deferred.callback(self)

    def _is_submitted(self) -> bool:
        return all(part.message_ids for part in self.parts)

    def _failure(self) -> SendFailed | None:
        for part in self.parts:
            if part.failed:
                which = f"part {part.number}: " if len(self.parts) > 1 else ""
                return SendFailed(self, f"{which}{part.error or part.progress.name.lower()}")
        return None

    def _forget(self, deferred: Deferred[Message]) -> None:
        for waiting in (self._submitted, self._final, self._stored):
            if waiting is not None and deferred in waiting:
                waiting.remove(deferred)


def useless(part: MessagePart) -> SMPPError | None:
    """Why a part that nobody has need not be sent: another of its message has failed."""
    for other in part.message.parts:
        if other.progress is Progress.FAILED:
            return SMPPError(f"not sent: part {other.number} was refused ({other.error})")
    return None


def due_at(schedule: Any, said_at: float) -> float | None:
    """When a message is due that is scheduled by a relative time; None if it is by another.

    Args:
        schedule: its schedule_delivery_time.
        said_at: when that was said, in seconds.
    """
    if not (isinstance(schedule, str) and schedule.endswith("R")):
        return None
    relative = times.decode(schedule, "schedule_delivery_time")
    if not isinstance(relative, times.Relative) or relative.years or relative.months:
        return None  # how long a month is only the message centre knows
    days, hours, minutes = relative.days, relative.hours, relative.minutes
    return said_at + ((24 * days + hours) * 60 + minutes) * 60 + relative.seconds


def _relative(left: float) -> str:
    """So many seconds, as a time of the standard."""
    # The time is a float: what is left of an hour may be a little more than an hour.
    return times.encode(timedelta(seconds=max(1, math.ceil(left - 0.001))))


def _fire(waiting: list[Deferred[Message]], result: Message | SendFailed) -> None:
    """All that wait; the callback of one may cancel another."""
    for deferred in waiting:
        if deferred.called:
            continue
        if isinstance(result, SendFailed):
            deferred.errback(result)
        else:
            deferred.callback(result)


_OF_PARTS = (
    "message",
    "wants_receipt",
    "progress",
    "message_ids",
    "attempts",
    "unknowns",
    "expires_at",
    "ready",
    "order",
    "sent_at",
    "pdu",
    "receipt",
    "refusals",
    "resends",
    "error",
)
_OF_MESSAGES = (
    "source",
    "destination",
    "wants_receipt",
    "tlvs",
    "parts",
    "outbox",
    "on_progress",
    "key",
    "unwritten",
    "_submitted",
    "_final",
    "_stored",
)
share_names(MessagePart, "segment")
share_names(Message, "plan", "fields")
