"""The checks of binds: in each mode and version, twice, and with a wrong password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from twisted_smpp.errors import FieldError
from twisted_smpp.factory import BIND_MODES
from twisted_smpp.probe.check import NotTried, came_wrong, said
from twisted_smpp.probe.findings import (
    Result,
    inconclusive,
    not_supported,
    supported,
    violation,
)
from twisted_smpp.probe.visit import Reply
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdu import Response
from twisted_smpp.wire.tlvs import sc_interface_version

if TYPE_CHECKING:
    from twisted_smpp.probe.probe import Probe

__all__ = ["bind_as", "second_bind", "wrong_password"]

#: At most 8 characters are a password; this one is nobody's.
_WRONG = "!wrong!"


def bind_as(mode: str, version: InterfaceVersion) -> Callable[[Probe], Awaitable[Result]]:
    """The check of one kind of bind."""

    async def check(probe: Probe) -> Result:
        if mode not in probe.binds:
            raise NotTried(f"Binds as {mode} were not asked for.")
        if version not in probe.versions:
            raise NotTried(f"SMPP {version.text} was not asked for.")
        visit = await probe.open(mode, version)
        if visit.bind_reply.lost and not visit.bind_reply.number:
            return inconclusive(f"It {visit.bind_reply.why}.")
        return _bound(visit.bind_reply, version)

    return check


def _bound(reply: Reply, version: InterfaceVersion) -> Result:
    wrong = came_wrong(reply)
    if wrong is not None:
        return wrong
    if reply.status or reply.nacked:
        return not_supported(f"It refused with {reply.status_name}.", reply.status)
    response: Response = reply.pdu  # type: ignore[assignment]
    says = _announced(response)
    facts = {
        "system_id": getattr(response, "system_id", ""),
        "sc_interface_version": says,
        "tlvs": [f"{tag:#06x}" for tag in response.tlvs],
        "seconds": round(reply.seconds, 3),
    }
    if version < InterfaceVersion.V3_4 and response.tlvs:
        return violation(
            "It put TLVs into the response to a bind of SMPP 3.3.", reply.status, **facts
        )
    if says is not None:
        how = f"It says that it speaks {InterfaceVersion(says).text}."
    elif version < InterfaceVersion.V3_4:
        how = "It sends no TLVs."
    else:
        how = "It names no version, so that TLVs are not to be relied on."
    return supported(how, reply.status, **facts)


def _announced(response: Response) -> int | None:
    try:
        value = response.tlvs.get(sc_interface_version)
    except FieldError:
        return None
    return None if value is None else int(value)


async def second_bind(probe: Probe) -> Result:
    """A bind on a session that is bound wants ESME_RALYBND, and the session goes on."""
    visit = await probe.session("transceiver", "transmitter", "receiver")
    bind = BIND_MODES[visit.mode](
        password=probe.password,
        interface_version=int(visit.version),
        **probe.account,
    )
    reply = await visit.ask(bind, raw=True)
    wrong = came_wrong(reply)
    if wrong is not None:
        return wrong
    if reply.status != CommandStatus.ESME_RALYBND or reply.nacked:
        what = "with generic_nack and " if reply.nacked else ""
        return violation(
            f"It answered {what}{reply.status_name} instead of ESME_RALYBND.", reply.status
        )
    if not await visit.lives(probe.enquires):
        return violation("It ended the session afterwards.", reply.status)
    return supported("It refused, and the session went on.", reply.status)


async def wrong_password(probe: Probe) -> Result:
    """A wrong password is refused."""
    if not probe.accepted:
        raise NotTried("No bind was accepted with the right one.")
    visit = await probe.open(*probe.accepted[0], password=_WRONG)
    reply = visit.bind_reply
    if visit.bound:
        return not_supported("It accepts any password.", reply.status)
    if reply.lost:
        return inconclusive("It closed the connection instead of answering.")
    wrong = came_wrong(reply)
    return wrong or supported(f"It refused: {said(reply)}.", reply.status)
