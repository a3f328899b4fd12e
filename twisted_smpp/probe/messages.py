"""The checks that send messages, and what becomes of those."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from twisted_smpp.probe.check import NotTried, came_wrong
from twisted_smpp.probe.findings import (
    Result,
    inconclusive,
    not_supported,
    supported,
    violation,
)
from twisted_smpp.probe.inbox import Arrival
from twisted_smpp.probe.visit import Reply
from twisted_smpp.status import CommandStatus
from twisted_smpp.text import Method, TextRules, segments
from twisted_smpp.values import DataCoding, MessageState, RegisteredDelivery
from twisted_smpp.wire.lists import SMEAddress
from twisted_smpp.wire.pdus import DataSM, QuerySM, SubmitMulti, SubmitSM
from twisted_smpp.wire.tlvs import message_payload, user_message_reference

if TYPE_CHECKING:
    from twisted_smpp.probe.probe import Probe

__all__ = [
    "LONG_PARTS",
    "coded",
    "data_sm",
    "long_text",
    "no_destination",
    "plain",
    "query_sm",
    "receipt",
    "submit_multi",
    "too_long",
    "with_tlvs",
]

TEXT = b"Probe"
#: Of the vendors' tags, one that nobody has registered.
UNKNOWN_TLV = 0x3FFA
#: A text of two parts, and the parts that each method makes of it.
_LONG = "Probe of a long text. " * 8
LONG_PARTS = {Method.UDH_8: 2, Method.UDH_16: 2, Method.SAR: 2, Method.PAYLOAD: 1}
_REFERENCE = 77
#: More than a short_message of 3.4 may have.
_TOO_LONG = b"x" * 255
_BUSY = frozenset({CommandStatus.ESME_RTHROTTLED, CommandStatus.ESME_RMSGQFUL})


def _judged(reply: Reply, good: str) -> Result:
    """What the reply to a message says."""
    wrong = came_wrong(reply)
    if wrong is not None:
        return wrong
    if reply.status in _BUSY:
        return inconclusive(f"It has no room for it now: {reply.status_name}.", reply.status)
    if reply.status or reply.nacked:
        return not_supported(f"It refused with {reply.status_name}.", reply.status)
    return supported(good, reply.status)


async def plain(probe: Probe) -> Result:
    """A submit_sm of GSM text, with a receipt asked for; what its message_id looks like."""
    request = SubmitSM(
        short_message=TEXT,
        registered_delivery=RegisteredDelivery.RECEIPT,
        **probe.fields,
    )
    reply = await probe.submit(request)
    result = _judged(reply, "")
    if result.said:
        return result
    message_id = getattr(reply.pdu, "message_id", "")
    if not message_id:
        return violation("It accepted the message and gave it no message_id.", reply.status)
    probe.receipted = (message_id, probe.clock.seconds())
    form = form_of(message_id)
    facts = {"message_id": message_id, "length": len(message_id), "form": form}
    said = f"It accepted it; the message_id has {len(message_id)} characters, {form}."
    return supported(said, reply.status, seconds=round(reply.seconds, 3), **facts)


#: Forms of a message_id, the strictest first.
_FORMS = (
    ("decimal", re.compile(r"\d+", re.ASCII)),
    ("hexadecimal", re.compile(r"[\da-f]+|[\dA-F]+", re.ASCII)),
    ("a UUID", re.compile(r"[\da-fA-F]{8}(-[\da-fA-F]{4}){3}-[\da-fA-F]{12}", re.ASCII)),
)


def form_of(message_id: str) -> str:
    """What a message_id looks like, in a word."""
    return next((name for name, form in _FORMS if form.fullmatch(message_id)), "of no known form")


def with_tlvs(tlvs: Mapping[Any, Any], optional: bool) -> Callable[[Probe], Awaitable[Result]]:
    """A message with TLVs that change nothing.

    Args:
        tlvs: what it has.
        optional: whether the message centre may refuse them.
    """

    async def check(probe: Probe) -> Result:
        reply = await probe.submit(SubmitSM(short_message=TEXT, tlvs=tlvs, **probe.fields))
        result = _judged(reply, "It accepted the message.")
        refused = came_wrong(reply) is None and reply.status and reply.status not in _BUSY
        if refused and not optional:
            return violation(f"It refused with {reply.status_name}.", reply.status)
        return result

    return check


#: The TLVs of two of the checks.
UNKNOWN = {UNKNOWN_TLV: b"\x01"}
REPEATED = {user_message_reference: [1, 2]}


def long_text(method: Method) -> Callable[[Probe], Awaitable[Result]]:
    """A long text, sent by one of the methods."""

    async def check(probe: Probe) -> Result:
        parts = segments(_LONG, TextRules(method=method), reference=_REFERENCE)
        ids = []
        for part in parts:
            reply = await probe.submit(SubmitSM(**probe.fields, **part.fields))
            result = _judged(reply, "")
            if result.said:
                return result
            ids.append(getattr(reply.pdu, "message_id", ""))
        if len(set(ids)) < len(ids):
            return violation("It gave the same message_id to two messages.", 0, message_ids=ids)
        many = "the message" if len(parts) == 1 else f"all {len(parts)} parts"
        said = f"It accepted {many}; only the phone shows whether the text is whole."
        return supported(said, 0, message_ids=ids)

    return check


def coded(data_coding: DataCoding, octets: bytes) -> Callable[[Probe], Awaitable[Result]]:
    """A text in another coding."""

    async def check(probe: Probe) -> Result:
        request = SubmitSM(short_message=octets, data_coding=data_coding, **probe.fields)
        said = "It accepted the message; only the phone shows what becomes of the characters."
        return _judged(await probe.submit(request), said)

    return check


async def data_sm(probe: Probe) -> Result:
    """A message by data_sm."""
    request = DataSM(tlvs={message_payload: TEXT}, **probe.fields)
    return _judged(await probe.submit(request), "It accepted the message.")


async def submit_multi(probe: Probe) -> Result:
    """A message by submit_multi, to one destination."""
    fields = dict(probe.fields)
    names = ("dest_addr_ton", "dest_addr_npi", "destination_addr")
    destination = SMEAddress(*(fields.pop(name) for name in names))
    reply = await probe.submit(
        SubmitMulti(short_message=TEXT, dest_address=[destination], **fields)
    )
    result = _judged(reply, "It accepted the message.")
    failed = list(getattr(reply.pdu, "unsuccess_sme", ()))
    if failed and not reply.status:
        status = int(failed[0].error_status_code)
        name = CommandStatus(status).name
        return not_supported(f"It accepted the request and refused the address: {name}.", status)
    return result


async def query_sm(probe: Probe) -> Result:
    """What became of the message that was just sent."""
    message_id, _ = _receipted(probe)
    visit = await probe.session("transceiver", "transmitter")
    source = {name: probe.fields[name] for name in probe.fields if name.startswith("source")}
    reply = await visit.ask(QuerySM(message_id=message_id, **source))
    wrong = came_wrong(reply)
    if wrong is not None:
        return wrong
    if reply.status or reply.nacked:
        return not_supported(f"It refused with {reply.status_name}.", reply.status)
    given = getattr(reply.pdu, "message_id", "")
    state = MessageState(getattr(reply.pdu, "message_state", 0)).name
    facts = {"message_id": given, "message_state": state}
    if given != message_id:
        return violation("It answered about another message_id.", reply.status, **facts)
    return supported(f"It says that the message is {state}.", reply.status, **facts)


def _receipted(probe: Probe) -> tuple[str, float]:
    if probe.receipted is None:
        raise NotTried("No message with a receipt was accepted.")
    return probe.receipted


async def no_destination(probe: Probe) -> Result:
    """A message to nobody wants ESME_RINVDSTADR."""
    fields = {**probe.fields, "dest_addr_ton": 0, "dest_addr_npi": 0, "destination_addr": ""}
    reply = await probe.submit(SubmitSM(short_message=TEXT, **fields))
    return _refused(reply, CommandStatus.ESME_RINVDSTADR, "a message to nobody")


async def too_long(probe: Probe) -> Result:
    """A short_message of 255 octets is none in 3.4, which wants ESME_RINVMSGLEN."""
    request = SubmitSM(short_message=_TOO_LONG, **probe.fields)
    reply = await probe.submit(request, raw=True)
    return _refused(reply, CommandStatus.ESME_RINVMSGLEN, "a short_message of 255 octets")


def _refused(reply: Reply, wanted: CommandStatus, what: str) -> Result:
    wrong = came_wrong(reply)
    if wrong is not None:
        return wrong
    if reply.status in _BUSY:
        return inconclusive(f"It has no room for it now: {reply.status_name}.", reply.status)
    if not reply.status and not reply.nacked:
        return violation(f"It accepted {what}.", reply.status)
    if reply.status == wanted:
        return supported("It refused.", reply.status)
    return supported(f"It refused, with {reply.status_name}, not {wanted.name}.", reply.status)


async def receipt(probe: Probe) -> Result:
    """The receipt of the first message: when it came, what it is like, how it names the id."""
    message_id, since = _receipted(probe)
    if await probe.inbox.final(message_id, 0.0) is None:
        # Somebody has to be there who receives.
        await probe.session("transceiver", "receiver")
    arrival = await probe.inbox.final(message_id, probe.receipt_timeout)
    if arrival is None:
        return _no_receipt(probe)
    facts = _facts(arrival, since)
    found = arrival.receipt
    if not found.final:
        return inconclusive(
            f"Within {probe.receipt_timeout:g} s there was none of a final state, "
            f"the last one said {found.stat or found.message_state or 'nothing'}.",
            **facts,
        )
    same = "as in the response" if arrival.strategy == "verbatim" else arrival.strategy
    said = f"It came after {facts['seconds']:g} s, its id {same}."
    if found.problems:
        return violation(f"{said} It cannot be read: {'; '.join(found.problems)}.", **facts)
    return supported(said, **facts)


def _no_receipt(probe: Probe) -> Result:
    unmatched = probe.inbox.unmatched
    if unmatched:
        said = "Receipts came, but their ids are not those of the messages."
        return inconclusive(said, ids_of_receipts=unmatched, message_ids=probe.inbox.ids)
    return inconclusive(f"None came within {probe.receipt_timeout:g} s.")


def _facts(arrival: Arrival, since: float) -> dict[str, Any]:
    found = arrival.receipt
    state = found.message_state
    return {
        "seconds": round(max(arrival.at - since, 0.0), 3),  # both may come in one read
        "command": arrival.command,
        "id": found.message_id,
        "id_form": arrival.strategy,
        "message_state": None if state is None else state.name,
        "stat": found.stat,
        "by_tlv": arrival.tlv,
        "missing": list(found.missing),
        "problems": list(found.problems),
        "esm_class": found.esm_class,
    }
