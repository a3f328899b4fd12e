"""The receipts of messages, as records.

Nearly all of them are of a submit_sm without TLVs, and differ in a few values only: their octets
are put together here, in an eighth of the time that it takes by way of a Receipt and a DeliverSM.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from twisted_smpp.smsc.forwarding import receipt_fields, wants_receipt
from twisted_smpp.smsc.kinds import RECEIPT, account_queue
from twisted_smpp.store import Record
from twisted_smpp.text.receipt import MOST_ID, date, receipt_text
from twisted_smpp.values import EsmClass, MessageState
from twisted_smpp.wire.pdus import DeliverSM, SubmitSM

__all__ = ["Receipts"]

_RECEIPT, _INTERMEDIATE = int(EsmClass.MC_DELIVERY_RECEIPT), int(EsmClass.INTERMEDIATE_NOTIFICATION)
_DELIVERED, _LAST = int(MessageState.DELIVERED), int(MessageState.SKIPPED)
#: Dates that are kept: all messages of a second have the same.
_MOST_DATES = 100
#: A deliver_sm behind its command_length: header, the addresses with their ton and npi,
#: esm_class, short_message, and the TLVs receipted_message_id and message_state.
_OCTETS = (
    b"\0\0\0\5\0\0\0\0\0\0\0\0\0%c%c%b\0%c%c%b\0%c\0\0\0\0\0\0\0\0%c%b\0\x1e\0%c%b\0\x04\x27\0\1%c"
)


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
        self._dates: dict[tuple[int, bool], str] = {}

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
        pdu = None
        if submitted.__class__ is SubmitSM and not submitted.octets_of_tail():
            pdu = self._octets(record, submitted, state, now, error, seconds, intermediate)
        if pdu is None:
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
            pdu = DeliverSM(**fields).encode()
        return Record(
            self._next_number(),
            RECEIPT,
            account_queue(record.owner),
            owner=record.owner,
            due=now,
            expires=now + self._seconds,
            message_id=record.message_id,
            pdu=pdu,
            at=now,
        )

    def _octets(
        self,
        record: Record,
        submitted: SubmitSM,
        state: int,
        now: float,
        error: int,
        seconds: bool,
        intermediate: bool,
    ) -> bytes | None:
        """The deliver_sm; None where a value is not as usual, and has to be looked at."""
        message_id = record.message_id
        is_usual = message_id.isalnum() and message_id.isascii() and len(message_id) <= MOST_ID
        if not (is_usual and 0 <= state <= _LAST and 0 <= error <= 999):
            return None
        text = receipt_text(
            message_id,
            "001",
            "001" if state == _DELIVERED else "000",
            self._date(record.at, seconds),
            self._date(now, seconds),
            state,
            f"{error:03d}",
            submitted.short_message,
        )
        octets = _OCTETS % (
            submitted.dest_addr_ton,
            submitted.dest_addr_npi,
            submitted.destination_addr.encode("latin-1"),
            submitted.source_addr_ton,
            submitted.source_addr_npi,
            submitted.source_addr.encode("latin-1"),
            _INTERMEDIATE if intermediate else _RECEIPT,
            len(text),
            text,
            len(message_id) + 1,
            message_id.encode("ascii"),
            state,
        )
        return (len(octets) + 4).to_bytes(4, "big") + octets

    def _date(self, at: float, seconds: bool) -> str:
        key = (int(at), seconds)
        known = self._dates.get(key)
        if known is None:
            if len(self._dates) >= _MOST_DATES:
                self._dates.clear()
            known = self._dates[key] = date(self._local(at), seconds)
        return known
