"""Receipts find their messages: on any link of an account, early, late, twice or never."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from math import inf
from typing import Protocol

from twisted_smpp.esme.message import BY_RECEIPT, FIRST_FINAL, MessagePart, Progress
from twisted_smpp.esme.unmatched import Unmatched
from twisted_smpp.text.message_id import MessageIds
from twisted_smpp.text.receipt import Receipt

__all__ = ["Confirming"]

#: How long a part is known after its final receipt, for those that come again.
DONE_SECONDS = 600.0
#: How many such parts are known, at most; the oldest are forgotten then.
MOST_DONE = 250_000
#: Seconds that a receipt waits for what was in flight when it came, at most.
_RIPE_SECONDS = 60.0
_BY_RECEIPT = BY_RECEIPT.get


class Sends(Protocol):
    """Who sends messages, and knows since when the oldest without a response waits for it."""

    @property
    def unanswered_since(self) -> float: ...


class Confirming:
    """The parts that await receipts, and the receipts that await their parts.

    A receipt that came before the response to its message might fit another one, if it is not
    known how ids are written, or if they are converted. Such a receipt waits until what was in
    flight when it came is answered.

    Args:
        strategy: how ids are compared, see :mod:`twisted_smpp.text.message_id`.
        receipt_seconds: how long a part waits for its final receipt.
        parked_seconds: how long a receipt waits for its message.
        most_parts: parts that may wait; the oldest are unconfirmed then.
        most_parked: receipts that may wait; the oldest are dropped then.
        name: of the account, for the log.

    Attributes:
        ids: the ids of the parts that wait, and what was learnt of how they are written.
        dropped: how many receipts were dropped for lack of room, or because their message
            did not come in time.
        unmatched: those that found no message, and whether they are too many.
    """

    def __init__(
        self,
        strategy: str = "learn",
        *,
        receipt_seconds: float = 3 * 86_400.0,
        parked_seconds: float = 86_400.0,
        most_parts: int = 1_000_000,
        most_parked: int = 100_000,
        name: str = "",
    ) -> None:
        self.ids: MessageIds[MessagePart] = MessageIds(strategy)
        self._receipt_seconds = receipt_seconds
        self._parked_seconds = parked_seconds
        self._most_parts = most_parts
        self._most_parked = most_parked
        #: Parts with an id, the oldest first: until when they wait.
        self._waiting: OrderedDict[MessagePart, float] = OrderedDict()
        self._done: deque[tuple[float, MessagePart]] = deque()
        self._parked: OrderedDict[str, tuple[float, list[Receipt]]] = OrderedDict()
        self._parked_ids: MessageIds[str] = MessageIds(strategy, of_receipts=True)
        #: Those whose requests may be answered with an id.
        self.senders: list[Sends] = []
        #: Of the receipts that are parked, those that came when a response was due; and when.
        self._unripe: OrderedDict[str, float] = OrderedDict()
        self.dropped = 0
        self.unmatched = Unmatched(name)
        #: Called with the id of receipts that wait no more: they have found their message, or
        #: were dropped.
        self.unparked: Callable[[str], object] | None = None
        #: Called when it was learnt how ids are written, or forgotten.
        self.on_lesson: Callable[[], object] | None = None

    @property
    def waiting(self) -> int:
        """Parts that wait for their final receipt."""
        return len(self._waiting)

    @property
    def parked(self) -> int:
        """Ids of receipts that wait for their message."""
        return len(self._parked)

    @property
    def idle(self) -> bool:
        """Whether :meth:`expire` has nothing to do, now or later."""
        return not (self._waiting or self._done or self._parked or self.unmatched.too_many)

    def accepted(self, part: MessagePart, message_id: str, now: float) -> None:
        """A part that awaits a receipt has got an id; the receipt may have come before."""
        self.ids.add(message_id, part)
        if part.progress >= FIRST_FINAL:
            self._is_done(part, now)
            return
        self._waiting[part] = now + self._receipt_seconds
        if len(part.message_ids) > 1:
            self._waiting.move_to_end(part)
        if self._parked:
            self._match_parked(part, message_id, now)
        if self._unripe:
            self._ripen(now)
        if len(self._waiting) > self._most_parts:
            self._unconfirmed(next(iter(self._waiting)))

    def _match_parked(self, part: MessagePart, message_id: str, now: float) -> None:
        ids = self.ids
        receipt_id: str | None = message_id
        if ids.settled not in (None, "verbatim"):
            self._parked_ids.learn_from(ids)
            receipt_id = self._parked_ids.match(message_id)
        if receipt_id is None or receipt_id not in self._parked or self._has_to_wait(receipt_id):
            return
        before = ids.lessons
        # It may fit a message that was there before as well.
        if ids.match(receipt_id) is part:
            self._found_parked(receipt_id, part, now)
        if ids.lessons != before:
            self._has_learnt(now)

    def _found_parked(self, receipt_id: str, part: MessagePart, now: float) -> None:
        self.unmatched.found(receipt_id)
        for receipt in self._unpark(receipt_id):
            self._confirm(part, receipt, now)
        self._tell(receipt_id)

    def receipt(self, receipt: Receipt, now: float) -> MessagePart | None:
        """A receipt has come.

        Returns:
            the part that it is about; None when it is parked, or is about nothing.
        """
        ids = self.ids
        before = ids.lessons
        part = None
        if not (ids.is_open and self._may_be_early(now) and ids.may_change(receipt.message_id)):
            part = ids.match(receipt.message_id)
        if part is None:
            if self._park(receipt, now) and self._may_be_early(now):
                self._unripe[receipt.message_id] = now
        else:
            self._confirm(part, receipt, now)
        if ids.lessons != before:
            self._has_learnt(now)
        return part

    def _may_be_early(self, at: float) -> bool:
        """Whether a response is due to what was sent by that time: it may bring the very id."""
        return any(sender.unanswered_since <= at for sender in self.senders)

    def _has_to_wait(self, receipt_id: str) -> bool:
        return receipt_id in self._unripe and self.ids.may_change(receipt_id)

    def _ripen(self, now: float) -> None:
        """All that was in flight when a receipt came is answered: it is of none of those."""
        before = self.ids.lessons
        due = min([sender.unanswered_since for sender in self.senders], default=inf)
        while self._unripe:
            receipt_id, since = next(iter(self._unripe.items()))
            if due <= since and now < since + _RIPE_SECONDS:
                break
            del self._unripe[receipt_id]
            self._retry(receipt_id, now)
        if self.ids.lessons != before:
            self._has_learnt(now)

    def _has_learnt(self, now: float) -> None:
        """How ids are written is known now, or no more."""
        if self.ids.settled is not None:
            self._retry_parked(now)
        if self.on_lesson is not None:
            self.on_lesson()

    def told(self, part: MessagePart, receipt: Receipt, now: float) -> None:
        """The message centre was asked for a part, and says this."""
        self._confirm(part, receipt, now)

    def oldest(self) -> Iterator[tuple[MessagePart, float]]:
        """Parts that wait for their receipts, the oldest first, with when they were accepted."""
        for part, until in self._waiting.items():
            yield part, until - self._receipt_seconds

    def _retry_parked(self, now: float) -> None:
        """How ids are written is known now: what fitted two messages may fit one."""
        for receipt_id in list(self._parked):
            self._retry(receipt_id, now)

    def _retry(self, receipt_id: str, now: float) -> None:
        if self._has_to_wait(receipt_id):
            return
        part = self.ids.match(receipt_id)
        if part is not None and receipt_id in self._parked:
            self._found_parked(receipt_id, part, now)

    def _confirm(self, part: MessagePart, receipt: Receipt, now: float) -> None:
        receipt.matched = True
        progress = _BY_RECEIPT(receipt.message_state)
        if part.progress >= FIRST_FINAL:
            if progress is not None and progress is not part.progress:
                part.late = receipt
            return
        part.receipt = receipt
        if progress is not None:
            part.progress = progress
            self._waiting.pop(part, None)
            self._is_done(part, now)
        part.message.changed()

    def _is_done(self, part: MessagePart, now: float) -> None:
        self._done.append((now + DONE_SECONDS, part))
        if len(self._done) > MOST_DONE:
            self._forget(self._done.popleft()[1])

    def _park(self, receipt: Receipt, now: float) -> bool:
        """Keeps a receipt for its message; returns whether it is the first of its id."""
        message_id = receipt.message_id
        if not message_id:
            self.dropped += 1
            self.unmatched.count += 1
            return False
        if message_id in self._parked:
            self.unmatched.came_again(message_id)
            receipts = self._parked[message_id][1]
            if receipt not in receipts and len(receipts) < 10:
                receipts.append(receipt)
            return False
        self._parked[message_id] = now + self._parked_seconds, [receipt]
        self._parked_ids.add(message_id, message_id)
        self.unmatched.came(message_id, now)
        if len(self._parked) > self._most_parked:
            self._drop_parked()
        return message_id in self._parked

    def _drop_parked(self) -> None:
        message_id = next(iter(self._parked))
        self.dropped += len(self._unpark(message_id))
        self.unmatched.dropped(message_id)
        self._tell(message_id)

    def _unpark(self, message_id: str) -> list[Receipt]:
        self._parked_ids.discard(message_id, message_id)
        self._unripe.pop(message_id, None)
        return self._parked.pop(message_id)[1]

    def _tell(self, message_id: str) -> None:
        # After what its receipts said is known: until then they may not be forgotten.
        if self.unparked is not None:
            self.unparked(message_id)

    def expire(self, now: float) -> None:
        """Gives up what has waited for too long."""
        while self._waiting:
            part, until = next(iter(self._waiting.items()))
            if until > now:
                break
            self._unconfirmed(part)
        while self._done and self._done[0][0] <= now:
            self._forget(self._done.popleft()[1])
        if self._unripe:
            self._ripen(now)
        while self._parked and next(iter(self._parked.values()))[0] <= now:
            self._drop_parked()
        self.unmatched.look(self.ids.matched, now)

    def _unconfirmed(self, part: MessagePart) -> None:
        del self._waiting[part]
        self._forget(part)
        if not part.progress.final:
            part.progress = Progress.UNCONFIRMED
            part.message.changed()

    def _forget(self, part: MessagePart) -> None:
        for message_id in part.message_ids:
            self.ids.discard(message_id, part)
