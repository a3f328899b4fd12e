"""What a message centre delivers to a probe: its own receipts, and what is for others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout

from twisted_smpp.status import CommandStatus
from twisted_smpp.text.message_id import MessageIds
from twisted_smpp.text.receipt import Receipt, is_receipt
from twisted_smpp.wire.pdus import DataSM, DeliverSM
from twisted_smpp.wire.tlvs import receipted_message_id

__all__ = ["Arrival", "Inbox"]

#: Receipts that are kept.
_MOST_ARRIVALS = 100


class Arrival(NamedTuple):
    """A receipt of one of our messages.

    Attributes:
        receipt: what it says.
        message_id: the id that the response to the submission gave.
        strategy: how the two ids are the same, see :mod:`twisted_smpp.text.message_id`.
        at: when it came, in seconds of the reactor.
        command: the PDU that brought it.
        tlv: whether the PDU names the id in receipted_message_id.
    """

    receipt: Receipt
    message_id: str
    strategy: str
    at: float
    command: str
    tlv: bool


class Inbox:
    """Takes the receipts of the probe's messages and refuses everything else for now.

    A receipt may come before the response that tells the id: what comes while a message is
    being submitted is answered afterwards.

    Attributes:
        refused: how many deliveries were left to others.
        unmatched: the ids of receipts that fitted no message.
        arrivals: the receipts of our messages.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._ids: MessageIds[str] = MessageIds()
        self._submitting = 0
        self._held: list[Deferred[None]] = []
        self._watching: list[Deferred[None]] = []
        self.ids: list[str] = []
        self.refused = 0
        self.unmatched: list[str] = []
        self.arrivals: list[Arrival] = []

    @contextmanager
    def submitting(self) -> Iterator[None]:
        """While a message is on its way."""
        self._submitting += 1
        try:
            yield
        finally:
            self._submitting -= 1
            if not self._submitting:
                held, self._held = self._held, []
                for each in held:
                    each.callback(None)

    def submitted(self, message_id: str) -> None:
        """A message was accepted with that id."""
        self.ids.append(message_id)
        self._ids.add(message_id, message_id)

    async def take(self, protocol: Any, request: Any) -> int | None:
        """The answer to what the message centre delivers."""
        at = self._clock.seconds()
        if isinstance(request, DeliverSM | DataSM) and is_receipt(request) and self._expects():
            if self._submitting:
                held: Deferred[None] = Deferred()
                self._held.append(held)
                await held
            receipt = Receipt.of(request)
            match = self._ids.find(receipt.message_id)
            if match.item is not None:
                by_tlv = receipted_message_id in request.tlvs
                self._arrived(
                    Arrival(receipt, match.item, match.strategy, at, request.command, by_tlv)
                )
                return None
            if len(self.unmatched) < _MOST_ARRIVALS:
                self.unmatched.append(receipt.message_id)
        self.refused += 1
        return CommandStatus.ESME_RX_T_APPN

    def _expects(self) -> bool:
        return bool(self._submitting or self.ids)

    def _arrived(self, arrival: Arrival) -> None:
        if len(self.arrivals) < _MOST_ARRIVALS:
            self.arrivals.append(arrival)
        watching, self._watching = self._watching, []
        for each in watching:
            each.callback(None)

    async def final(self, message_id: str, seconds: float) -> Arrival | None:
        """The first final receipt of a message; else the last one, or None, after ``seconds``."""
        by = self._clock.seconds() + seconds
        while True:
            mine = [each for each in self.arrivals if each.message_id == message_id]
            found = next((each for each in mine if each.receipt.final), None)
            left = by - self._clock.seconds()
            if found is not None or left <= 0:
                return found or (mine[-1] if mine else None)
            came: Deferred[None] = Deferred()
            self._watching.append(came)
            came.addTimeout(left, self._clock)
            try:
                await came
            except DeferredTimeout:
                self._watching.remove(came)
