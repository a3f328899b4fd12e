"""Messages whose receipts do not come: the message centre is asked for them by query_sm."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.errors import RequestRefused, ResponseTimeout, SMPPError
from twisted_smpp.esme.confirming import Confirming
from twisted_smpp.esme.message import BY_RECEIPT, Message, MessagePart
from twisted_smpp.status import CommandStatus
from twisted_smpp.text.receipt import STAT, Receipt
from twisted_smpp.values import MessageState
from twisted_smpp.wire.pdus import QuerySM

__all__ = ["Asking"]

#: Parts that are asked for in one go, one after the other, so that sending hardly notices.
MOST_ASKED = 500
#: Parts that are looked at for that, the oldest first.
MOST_LOOKED_AT = 50_000
_SOURCE = ("source_addr_ton", "source_addr_npi", "source_addr")
#: With these a message centre says that it has no query_sm, and not that it lacks a message.
_NOT_THERE = (CommandStatus.ESME_RINVCMDID, CommandStatus.ESME_RINVCMDLEN)


class Asking:
    """Asks what became of parts that were accepted.

    Only of those: query_sm needs the id that the message centre gave the message.

    Args:
        request: sends a request and returns a Deferred of its response.
        confirming: the parts that await receipts.
        seconds: returns the time in seconds.
        after: seconds without a final receipt until a part is asked for; None for never.
    """

    log = Logger()

    def __init__(
        self,
        request: Callable[[Any], Deferred[Any]],
        confirming: Confirming,
        seconds: Callable[[], float],
        after: float | None,
    ) -> None:
        self._request = request
        self._confirming = confirming
        self._seconds = seconds
        self._after = after
        #: When those that were asked for in vain are asked for again.
        self._again: dict[MessagePart, float] = {}
        self._is_busy = False

    async def ask(self, message: Message) -> Message:
        """Asks for each part that has an id, one after the other.

        Raises:
            SMPPError: a part cannot be asked for; those before it have their answers.
        """
        for part in message.parts:
            await self._ask(part)
        return message

    async def _ask(self, part: MessagePart) -> None:
        fields = part.message.fields
        source = {name: fields[name] for name in _SOURCE if name in fields}
        for message_id in part.message_ids:
            response = await self._request(QuerySM(message_id=message_id, **source))
            receipt = _receipt_of(message_id, response)
            self._confirming.told(part, receipt, self._seconds())
            if receipt.message_state in BY_RECEIPT:
                break  # of one that was sent twice, one end is enough, as with receipts

    def sweep(self) -> None:
        """Asks for those that have waited for long enough; to be called once in a while."""
        if self._after is None or self._is_busy:
            return
        due = self._due(self._seconds(), self._after)
        if due:
            self._is_busy = True
            Deferred.fromCoroutine(self._ask_all(due)).addErrback(self._broken)

    def _due(self, now: float, after: float) -> list[tuple[MessagePart, float]]:
        """Parts to ask for now, and when to ask for them again: they have waited twice as long."""
        again = {part: at for part, at in self._again.items() if not part.progress.final}
        self._again = again
        due: list[tuple[MessagePart, float]] = []
        for part, accepted_at in islice(self._confirming.oldest(), MOST_LOOKED_AT):
            if accepted_at + after > now or len(due) == MOST_ASKED:
                break
            if again.get(part, now) <= now:
                due.append((part, now + (now - accepted_at)))
        return due

    async def _ask_all(self, due: list[tuple[MessagePart, float]]) -> None:
        try:
            for part, again in due:
                if part.progress.final:
                    continue
                try:
                    await self._ask(part)
                except RequestRefused as error:
                    if error.command_status in _NOT_THERE:
                        self._stop("has no query_sm")
                        return
                except ResponseTimeout:
                    # Three in a row would end the session.
                    self._stop("does not answer query_sm")
                    return
                self._again[part] = again
        except SMPPError as error:
            self.log.info("messages are asked for later: {error}", error=str(error))
        finally:
            self._is_busy = False

    def _stop(self, why: str) -> None:
        self._after = None
        self.log.warn("the message centre {why}; it is not asked again", why=why)

    def _broken(self, failure: Failure) -> None:
        self.log.failure("messages were not asked for, but are again soon", failure)


def _receipt_of(message_id: str, response: Any) -> Receipt:
    """What a query_sm_resp says, as a receipt would."""
    state = MessageState(response.message_state)
    words = [f"id:{message_id}"]
    date = response.final_date[:12]
    if len(date) == 12 and date.isascii() and date.isdecimal():
        words.append(f"done date:{date}")
    words += [f"stat:{STAT.get(state, 'UNKNOWN')}", f"err:{response.error_code:03}"]
    return Receipt(message_id, "", state, raw=" ".join(words).encode("latin-1"))
