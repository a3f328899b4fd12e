"""A PDU as one readable line."""

from __future__ import annotations

from datetime import datetime

from twisted_smpp.errors import PDUError
from twisted_smpp.status import CommandStatus
from twisted_smpp.tap import Direction
from twisted_smpp.wire.pdu import PDU

__all__ = ["line"]

_ARROWS = {"sent": "->", "received": "<-"}


def line(
    direction: Direction, pdu: PDU | PDUError, time: float | None = None, *, text: bool = False
) -> str:
    """Direction, command, sequence_number, status of a response, what is not default.

    Args:
        direction: ``"sent"`` or ``"received"``.
        pdu: the PDU, or the error that it caused.
        time: seconds since the epoch, shown as the local time of day.
        text: whether the octets of messages are shown. A password never is.
    """
    parts = [_ARROWS[direction]]
    if time is not None:
        parts.insert(0, f"{datetime.fromtimestamp(time):%H:%M:%S.%f}"[:-3])
    if isinstance(pdu, PDUError):
        return " ".join([*parts, f"malformed ({pdu})"])
    command = pdu.command or f"{pdu.command_id:#010x}"
    parts.append(f"{command:<21} {pdu.sequence_number:<4}")
    if pdu.is_response or pdu.command_status:
        parts.append(CommandStatus(pdu.command_status).name)
    return " ".join(parts + pdu.details(text)).rstrip()
