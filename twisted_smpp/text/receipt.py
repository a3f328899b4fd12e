"""Delivery receipts: what a message centre says about the fate of a message.

The text is a custom, not a rule: SMPP 3.4 shows an example in its appendix B and 5.0 has
none. So reading it never fails: whatever is there is returned, and where the TLVs
receipted_message_id and message_state are present, they count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from twisted_smpp.errors import FieldError
from twisted_smpp.values import EsmClass, MessageState
from twisted_smpp.wire.pdus import DataSM, DeliverSM
from twisted_smpp.wire.tlv import TLV
from twisted_smpp.wire.tlvs import message_payload, message_state, receipted_message_id

__all__ = ["STAT", "Receipt", "is_receipt"]

T = TypeVar("T")

#: The word for each state in the text of a receipt.
STAT: dict[MessageState, str] = {
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
}
_STATE = {word: state for state, word in STAT.items()}

_KEY = re.compile(rb"(?:^|(?<=\s))(id|sub|dlvrd|submit date|done date|stat|err|text):", re.I)


class Receipt(NamedTuple):
    """One delivery receipt.

    Attributes:
        message_id: the id that the response to the submission gave; "" when unknown.
        stat: the word of the text, such as ``DELIVRD``; "" when there is none.
        message_state: the state, by TLV or by the word; None when neither says.
        fields: every ``key:value`` of the text, keys in lower case.
        raw: the text as it came.
    """

    message_id: str
    stat: str = ""
    message_state: int | None = None
    fields: Mapping[str, str] = MappingProxyType({})
    raw: bytes = b""

    def __repr__(self) -> str:
        return f"Receipt({self.message_id!r}, {self.stat!r}, message_state={self.message_state!r})"

    @property
    def delivered(self) -> bool:
        """Whether the message reached its destination."""
        return self.message_state == MessageState.DELIVERED

    @classmethod
    def build(
        cls,
        message_id: str,
        state: MessageState,
        *,
        submitted: datetime,
        done: datetime,
        error: int = 0,
        text: bytes = b"",
    ) -> Receipt:
        """The receipt that a message centre sends.

        Args:
            message_id: as in the response to the submission.
            state: where the message is.
            submitted, done: when it was submitted and became final.
            error: network specific, 0 to 999.
            text: the message; its first 20 octets go into the receipt.
        """
        delivered = 1 if state is MessageState.DELIVERED else 0
        fields = {
            "id": message_id,
            "sub": "001",
            "dlvrd": f"{delivered:03d}",
            "submit date": f"{submitted:%y%m%d%H%M}",
            "done date": f"{done:%y%m%d%H%M}",
            "stat": STAT.get(state, "UNKNOWN"),
            "err": f"{error:03d}",
        }
        line = " ".join(f"{key}:{value}" for key, value in fields.items())
        raw = line.encode("latin-1", "replace") + b" text:" + text[:20]
        return cls(message_id, fields["stat"], state, fields, raw)

    @classmethod
    def of(cls, pdu: DeliverSM | DataSM) -> Receipt:
        """What a receipt says; never raises."""
        raw = pdu.short_message if isinstance(pdu, DeliverSM) else b""
        payload = _tlv(pdu, message_payload)
        raw = raw or payload or b""
        fields = _scan(raw)
        stat = fields.get("stat", "")
        state = _tlv(pdu, message_state)
        if state is None:
            state = _STATE.get(stat.upper())
        message_id = _tlv(pdu, receipted_message_id) or fields.get("id", "")
        return cls(message_id, stat, state, fields, raw)


def _tlv(pdu: DeliverSM | DataSM, tlv: TLV[T]) -> T | None:
    try:
        return pdu.tlvs.get(tlv)
    except FieldError:
        return None


def _scan(raw: bytes) -> dict[str, str]:
    """Every ``key:value``; ``text`` takes all that follows it."""
    fields: dict[str, str] = {}
    key, start = "", 0
    for match in _KEY.finditer(raw):
        if key:
            fields.setdefault(key, raw[start : match.start()].decode("latin-1").strip())
        key, start = match[1].decode("ascii").lower(), match.end()
        if key == "text":
            break
    if key:
        fields.setdefault(key, raw[start:].decode("latin-1").strip())
    return fields


def is_receipt(pdu: DeliverSM | DataSM) -> bool:
    """Whether a delivery is a receipt or an intermediate notification (by esm_class)."""
    kind = pdu.esm_class & 0x3C
    return kind in (EsmClass.MC_DELIVERY_RECEIPT, EsmClass.INTERMEDIATE_NOTIFICATION)
