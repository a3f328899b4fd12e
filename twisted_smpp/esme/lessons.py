"""What was learnt of how a message centre writes its ids outlives the process."""

from __future__ import annotations

from contextlib import suppress

from twisted.logger import Logger

from twisted_smpp.errors import SMPPError
from twisted_smpp.esme.confirming import Confirming
from twisted_smpp.esme.outbox import Outbox
from twisted_smpp.store import Record
from twisted_smpp.text.message_id import MessageIds

__all__ = ["LESSON", "QUEUE", "Lessons"]

#: What the record is, and the queue of those of an outbox, behind which its name follows.
LESSON, QUEUE = 5, "ids"


class Lessons:
    """Keeps what receipts have taught in the store of an outbox, as one record.

    Args:
        outbox: in whose store, and under whose name.
        confirming: where receipts find their messages.
    """

    log = Logger()

    def __init__(self, outbox: Outbox, confirming: Confirming) -> None:
        self._store = outbox.store
        self._queue = f"{QUEUE}:{outbox.name}"
        self._ids = confirming.ids
        #: Of the record; 0 while there is none, None while that is not known.
        self._number: int | None = None
        confirming.on_lesson = self._keep

    async def read(self) -> None:
        """Goes on from what an earlier process has learnt, unless this one has learnt already.

        Raises:
            StoreFailed: the store failed, or was closed.
        """
        records = await self._store.unfinished(self._queue, 0, 1)
        self._number = records[0].number if records else 0
        if not self._ids.is_learning:
            self._keep()
        elif records:
            try:
                before = MessageIds[object](self._ids.strategy, state=records[0].data or {})
            except ValueError as error:
                self.log.warn("how ids are written is learnt anew: {error}", error=str(error))
            else:
                self._ids.learn_from(before)

    def _keep(self) -> None:
        if self._ids.strategy != "learn" or self._number is None or self._store.full:
            return
        with suppress(SMPPError):  # that it has failed the store tells itself
            self._number = self._number or self._store.next_number()
            record = Record(self._number, LESSON, self._queue, data=self._ids.state())
            self._store.change(self._number, record, _told, None)


def _told(contexts: list[object], error: SMPPError | None) -> None:
    """Nobody waits for it: what is lost with a crash is learnt once more."""
