"""The checks that need a session and send no message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, gatherResults

from twisted_smpp.probe.check import came_wrong
from twisted_smpp.probe.findings import (
    Result,
    inconclusive,
    not_supported,
    supported,
    violation,
)
from twisted_smpp.probe.visit import Reply, Visit
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import CongestionState, InterfaceVersion
from twisted_smpp.wire.pdu import UnknownPDU
from twisted_smpp.wire.pdus import EnquireLink, QuerySM, SubmitSM

if TYPE_CHECKING:
    from twisted_smpp.probe.probe import Probe

__all__ = [
    "congestion",
    "enquire_link",
    "query_on_receiver",
    "submit_on_receiver",
    "unbind",
    "unknown_command",
    "window",
]

#: Reserved by every version.
_UNKNOWN_COMMAND = 0x0000_7F01
#: An id that no message of anybody's has, and that even 3.3 can ask for.
_NO_ID = "0"
_BOTH = ("transceiver", "transmitter", "receiver")
_BUSY = frozenset({CommandStatus.ESME_RTHROTTLED, CommandStatus.ESME_RMSGQFUL})


async def enquire_link(probe: Probe) -> Result:
    """enquire_link is answered: by its response, with its number and nothing else."""
    visit = await probe.session(*_BOTH)
    reply = await visit.ask(EnquireLink())
    wrong = came_wrong(reply)
    if wrong is not None:
        probe.enquires = False
        return wrong
    facts = {"seconds": round(reply.seconds, 3)}
    if reply.nacked or reply.status:
        return violation(f"It refused with {reply.status_name}.", reply.status, **facts)
    if len(reply.octets) != 16:
        return violation(
            f"Its response has a body of {len(reply.octets) - 16} octets.", reply.status, **facts
        )
    return supported(f"It answered after {reply.seconds * 1000:.0f} ms.", reply.status, **facts)


async def unknown_command(probe: Probe) -> Result:
    """An unknown command wants generic_nack with ESME_RINVCMDID, and the session goes on."""
    visit = await probe.session(*_BOTH)
    reply = await visit.ask(UnknownPDU(_UNKNOWN_COMMAND), raw=True)
    wrong = came_wrong(reply)
    if wrong is not None:
        return wrong
    if not reply.nacked or reply.status != CommandStatus.ESME_RINVCMDID:
        what = "" if reply.nacked else "a response of that command and "
        return violation(
            f"It answered {what}{reply.status_name} instead of generic_nack with ESME_RINVCMDID.",
            reply.status,
        )
    if not await visit.lives(probe.enquires):
        return violation("It ended the session afterwards.", reply.status)
    return supported("It refused by generic_nack, and the session went on.", reply.status)


async def query_on_receiver(probe: Probe) -> Result:
    """query_sm is not for a receiver: it wants query_sm_resp with ESME_RINVBNDSTS."""
    return await _on_receiver(probe, QuerySM(message_id=_NO_ID))


async def submit_on_receiver(probe: Probe) -> Result:
    """submit_sm is not for a receiver; a message centre that accepts it sends it."""
    return await _on_receiver(probe, SubmitSM(short_message=b"Probe", **probe.fields))


async def _on_receiver(probe: Probe, request: Any) -> Result:
    visit = await probe.session("receiver")
    reply = await visit.ask(request, raw=True)
    wrong = came_wrong(reply)
    if wrong is not None:
        return wrong
    if reply.nacked and reply.status == CommandStatus.ESME_RINVCMDID:
        return inconclusive(f"It does not know {request.command} at all.", reply.status)
    if reply.status != CommandStatus.ESME_RINVBNDSTS or reply.nacked:
        what = "generic_nack with " if reply.nacked else ""
        return violation(
            f"It answered {what}{reply.status_name} instead of ESME_RINVBNDSTS.", reply.status
        )
    if not await visit.lives(probe.enquires):
        return violation("It ended the session afterwards.", reply.status)
    return supported("It refused, and the session went on.", reply.status)


async def window(probe: Probe) -> Result:
    """So many requests at once: whether all are answered, and in which order."""
    visit = await probe.session("transceiver", "transmitter", newest=True)
    order: list[int] = []
    replies: list[Reply] = await gatherResults(
        [_in_window(visit, order) for _ in range(probe.window)], consumeErrors=True
    )
    answered = [reply for reply in replies if reply.pdu is not None]
    busy = [reply for reply in answered if reply.status in _BUSY]
    facts: dict[str, Any] = {
        "outstanding": probe.window,
        "answered": len(answered),
        "refused_as_too_many": len(busy),
        "in_order": order == sorted(order),
        "seconds": round(max((reply.seconds for reply in answered), default=0.0), 3),
    }
    silent = next((reply for reply in replies if reply.pdu is None), None)
    if silent is not None:
        how = f"answered {len(answered)} of {probe.window} requests; then it {silent.why}"
        return violation(f"It {how}.", **facts)
    if busy:
        return not_supported(
            f"It refused {len(busy)} of {probe.window} outstanding requests.",
            busy[0].status,
            **facts,
        )
    how = "in order" if facts["in_order"] else "in another order"
    return supported(f"It answered all {probe.window} outstanding requests, {how}.", **facts)


def _in_window(visit: Visit, order: list[int]) -> Deferred[Reply]:
    """A query; its number goes to ``order`` when it is answered."""

    async def ask() -> Reply:
        reply = await visit.ask(QuerySM(message_id=_NO_ID))
        if reply.pdu is not None:
            order.append(reply.request.sequence_number)
        return reply

    return Deferred.fromCoroutine(ask())


async def congestion(probe: Probe) -> Result:
    """Whether a response had the TLV congestion_state, which SMPP 5.0 has."""
    if probe.congestion is not None:
        name = CongestionState(probe.congestion).name
        return supported(f"The highest was {name}.", highest=probe.congestion)
    if not any(version >= InterfaceVersion.V5_0 for _, version in probe.accepted):
        return inconclusive("No session of SMPP 5.0 was there to see it.")
    return not_supported("No response had it.")


async def unbind(probe: Probe) -> Result:
    """An unbind is answered; who closes the connection then."""
    visit = await probe.session(*_BOTH)
    reply, closed = await visit.unbind()
    wrong = came_wrong(reply)
    if wrong is not None:
        return wrong
    if reply.status or reply.nacked:
        return violation(f"It refused with {reply.status_name}.", reply.status, closes=closed)
    how = "closed the connection" if closed else "left the closing to the ESME"
    return supported(f"It answered and {how}.", reply.status, closes=closed)
