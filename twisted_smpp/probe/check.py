"""What checks are made of, and the judgements that they share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from twisted_smpp.probe.findings import Result, violation
from twisted_smpp.probe.visit import Reply
from twisted_smpp.wire.pdu import PDU

if TYPE_CHECKING:
    from twisted_smpp.probe.probe import Probe

__all__ = ["Check", "NotTried", "came_wrong", "said"]


class NotTried(Exception):
    """Raised by a check that cannot be made; its text says why."""


class Check(NamedTuple):
    """One thing to find out.

    Attributes:
        name: for machines.
        title: for people.
        run: called with the :class:`~twisted_smpp.probe.Probe`, returns the result.
        messages: how many messages it sends; such a check needs an address to send to.
        waits: whether it waits for a receipt.
        wrong_password: whether it binds with a wrong password.
    """

    name: str
    title: str
    run: Callable[[Probe], Awaitable[Result]]
    messages: int = 0
    waits: bool = False
    wrong_password: bool = False


def came_wrong(reply: Reply) -> Result | None:
    """The violation that a reply is whatever was asked; None for a response that fits."""
    if reply.pdu is None:
        if reply.number is not None:
            return violation(
                f"It answered with sequence_number {reply.number} "
                f"instead of {reply.request.sequence_number}."
            )
        return violation(f"It {reply.why}.")
    if not isinstance(reply.pdu, PDU):
        return violation(f"Its answer cannot be read: {reply.pdu}.")
    if not reply.fits:
        command = getattr(reply.pdu, "command", "") or f"{reply.pdu.command_id:#010x}"
        asked = getattr(reply.request, "command", "") or f"{reply.request.command_id:#010x}"
        return violation(f"It answered {asked} with {command}.", reply.status)
    return None


def said(reply: Reply) -> str:
    """What came, in a few words without a full stop."""
    return reply.status_name if reply.status is not None else f"it {reply.why}"
