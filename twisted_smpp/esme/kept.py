"""What of a message is kept with its parts in an outbox."""

from __future__ import annotations

from typing import Any

from twisted_smpp.esme.message import Message, MessagePart
from twisted_smpp.store import Record
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import SubmitSM

__all__ = ["differs", "first_of", "lasting", "submit_sm"]


def differs(part: MessagePart, record: Record) -> bool:
    """Whether something is to be written of a part."""
    return (
        part.progress != record.state
        or part.attempts != record.tries
        or len(part.message_ids) > 1
        or part.unknowns > 0
    )


def lasting(message: Message, first: int, part: MessagePart) -> dict[str, Any]:
    """What is known of a part from the beginning."""
    data: dict[str, Any] = {}
    if len(message.parts) > 1:
        data = {"first": first, "part": part.number, "of": len(message.parts)}
    if message.has_relative_validity:
        data["relative"] = 1
    return data


def first_of(record: Record) -> Any:
    """What the parts of one message have in common."""
    return (record.data or {}).get("first", record.number)


def submit_sm(record: Record) -> SubmitSM:
    """The request of a part.

    Raises:
        ValueError: the record has none.
    """
    pdu = decode(record.pdu)
    if not isinstance(pdu, SubmitSM):
        raise ValueError(f"a {pdu.command} where a submit_sm was kept")
    return pdu
