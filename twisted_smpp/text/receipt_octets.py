"""Usual receipts, read from their octets at once.

Nearly all receipts are a deliver_sm without times, whose TLVs are receipted_message_id and
message_state. To see that it is one, and what it says, takes one look with a regular expression:
an eighth of the steps of reading twenty fields and two TLVs. Those are read when somebody wants
them. Whatever is not as usual is decoded as always, and what comes of both is the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdu import decoders
from twisted_smpp.wire.pdus import DeliverSM
from twisted_smpp.wire.sealed import SealedDeliverSM

__all__ = ["receipt_decoders"]

_COMMAND = DeliverSM.command_id

#: The body: service_type, both addresses with their ton and npi; esm_class that says receipt, and
#: no header; neither time; data_coding that is not UCS-2; short_message, and the two TLVs.
_USUAL = re.compile(
    rb"[^\0]{0,5}\0..[^\0]{0,20}\0..[^\0]{0,20}\0"
    rb"([\x04\x20])..\0\0..[^\x08\x18].([\0-\xfe])(.*)"
    rb"\0\x1e\0(.)([!-~]{1,64})\0\x04\x27\0\x01(.)",
    re.DOTALL,
)


@cache
def receipt_decoders(version: InterfaceVersion) -> Mapping[int, Any]:
    """As :func:`~twisted_smpp.wire.pdu.decoders`, for who takes more receipts than anything else.

    What is known of a usual one is its receipted_message_id, its message_state as an integer, and
    its short_message.

    Args:
        version: whose limits count.
    """
    usual = decoders(version)
    plain = usual[_COMMAND]
    match = _USUAL.fullmatch

    def decode(
        buf: bytes, text: str, pos: int, end: int, command_status: int, sequence_number: int
    ) -> Any:
        found = match(buf, pos, end)
        if found is None:
            return plain(buf, text, pos, end, command_status, sequence_number)
        esm_class, size, raw, length, message_id, state = found.groups()
        if len(raw) != size[0] or len(message_id) + 1 != length[0]:
            return plain(buf, text, pos, end, command_status, sequence_number)
        pdu = SealedDeliverSM()
        pdu.octets = buf[pos - 16 : end]
        pdu.command_status = command_status
        pdu.sequence_number = sequence_number
        pdu.esm_class = esm_class[0]
        pdu.known = message_id.decode("ascii"), state[0], raw
        return pdu

    return {**usual, _COMMAND: decode}
