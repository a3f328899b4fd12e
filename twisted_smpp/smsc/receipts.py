"""The receipts of messages, as records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from twisted_smpp.smsc.forwarding import receipt_fields, wants_receipt
from twisted_smpp.smsc.kinds import RECEIPT, account_queue
from twisted_smpp.store import Record
from twisted_smpp.values import MessageState
from twisted_smpp.wire.pdus import DeliverSM

__all__ = ["Receipts"]


class Receipts:
    """Makes the records of receipts.

    Args:
        next_number: returns the number of the next record.
        seconds: how long a receipt is tried.
        local: makes the local time of seconds since 1970.
    """

    def __init__(
        self,
        next_number: Callable[[], int],
        seconds: float,
        local: Callable[[float], datetime],
    ) -> None:
        self._next_number = next_number
        self._seconds = seconds
        self._local = local

    def final(
        self, record: Record, submitted: Any, state: int, now: float, error: int, seconds: bool
    ) -> Record | None:
        """The receipt of a message that comes to its end, if one is wanted.

        Args:
            record: of the message.
            submitted: the submission.
            state: the final MessageState.
            now: seconds since 1970.
            error: network specific, 0 to 999.
            seconds: whether the dates of its text have seconds.
        """
        if not wants_receipt(getattr(submitted, "registered_delivery", 0), state):
            return None
        return self._record(record, submitted, state, now, error, seconds, False)

    def intermediate(self, record: Record, submitted: Any, now: float, seconds: bool) -> Record:
        """The notification that the first attempt has failed, and that more follow."""
        return self._record(record, submitted, MessageState.ENROUTE, now, 0, seconds, True)

    def _record(
        self,
        record: Record,
        submitted: Any,
        state: int,
        now: float,
        error: int,
        seconds: bool,
        intermediate: bool,
    ) -> Record:
        fields = receipt_fields(
            submitted,
            record.message_id,
            state,
            at=self._local(record.at),
            done=self._local(now),
            error=error,
            seconds=seconds,
            intermediate=intermediate,
        )
        return Record(
            self._next_number(),
            RECEIPT,
            account_queue(record.owner),
            owner=record.owner,
            due=now,
            expires=now + self._seconds,
            message_id=record.message_id,
            pdu=DeliverSM(**fields).encode(),
            at=now,
        )
