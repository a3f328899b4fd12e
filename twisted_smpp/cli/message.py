"""What a message says, for ``smpp decode``: header, text, ports and receipt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted_smpp.cli.text_options import plain
from twisted_smpp.text.coding import Decoded
from twisted_smpp.text.gsm0338 import Language
from twisted_smpp.text.parts import Part
from twisted_smpp.text.receipt import Receipt, is_receipt
from twisted_smpp.text.rules import TextRules
from twisted_smpp.text.udh import Concatenation, Element, LockingShift, SingleShift, Unknown
from twisted_smpp.wire.pdu import PDU
from twisted_smpp.wire.pdus import DataSM, DeliverSM, SubmitMulti, SubmitSM
from twisted_smpp.wire.tlvs import message_payload

__all__ = ["as_dict", "lines", "receipt_dict"]


def lines(pdu: PDU, rules: TextRules) -> Iterator[tuple[str, str]]:
    """Names and values to show below the fields of a PDU; none when it is no message."""
    part = _part(pdu)
    if part is None:
        return
    if part.broken_header:
        yield "user data header", "announced by esm_class, but there is none"
    if part.header is not None:
        yield "user data header", "; ".join(map(_element, part.header.elements)) or "empty"
    elif part.concatenation is not None:
        yield "concatenation", _element(part.concatenation)
    decoded = part.decode(rules)
    yield "text", _text(decoded)
    if isinstance(pdu, DeliverSM | DataSM) and is_receipt(pdu):
        yield "receipt", _receipt(Receipt.of(pdu))


def as_dict(pdu: PDU, rules: TextRules) -> dict[str, Any] | None:
    """The same as JSON has it; None when it is no message."""
    part = _part(pdu)
    if part is None:
        return None
    decoded = part.decode(rules)
    found: dict[str, Any] = {"text": decoded.text, "damaged": decoded.damaged}
    if part.header is not None:
        found["user_data_header"] = [_element_dict(each) for each in part.header.elements]
    if part.concatenation is not None:
        found["concatenation"] = part.concatenation._asdict()
    if part.ports is not None:
        found["ports"] = part.ports._asdict()
    if isinstance(pdu, DeliverSM | DataSM) and is_receipt(pdu):
        found["receipt"] = receipt_dict(Receipt.of(pdu))
    return found


def _part(pdu: PDU) -> Part | None:
    if not isinstance(pdu, SubmitSM | DeliverSM | DataSM | SubmitMulti):
        return None
    if pdu.octets_of_tail() is None:
        return None
    if not getattr(pdu, "short_message", b"") and message_payload not in pdu.tlvs:
        return None
    return Part.of(pdu)


def _text(decoded: Decoded) -> str:
    if decoded.text is None:
        return f"none: {len(decoded.octets)} octets of data"
    damage = "  (some octets cannot be read)" if decoded.damaged else ""
    return f'"{plain(decoded.text)}"{damage}'


def _element(element: Element) -> str:
    if isinstance(element, Concatenation):
        width = f"{element.width}-bit reference" if element.width else "reference"
        return f"part {element.number} of {element.total}, {width} {element.reference}"
    if isinstance(element, LockingShift | SingleShift):
        table = "locking" if isinstance(element, LockingShift) else "single"
        return f"{table} shift table: {_language(element.language)}"
    if isinstance(element, Unknown):
        return f"element {element.iei:#04x}: {element.data.hex() or 'empty'}"
    values = ", ".join(f"{name} {value}" for name, value in element._asdict().items())
    return f"{type(element).__name__}: {values}"


def _language(identifier: int) -> str:
    try:
        return Language(identifier).name.capitalize()
    except ValueError:
        return f"unknown language {identifier}"


def _element_dict(element: Element) -> dict[str, Any]:
    values = element._asdict()
    if isinstance(element, Unknown):
        values["data"] = element.data.hex()
    return {"element": type(element).__name__, **values}


def _receipt(receipt: Receipt) -> str:
    data = receipt_dict(receipt)
    said = [
        f"{name} {plain(str(value))}" for name, value in data.items() if value not in (None, "", [])
    ]
    return ", ".join(said)


def receipt_dict(receipt: Receipt) -> dict[str, Any]:
    """A receipt as JSON has it."""
    state, code = receipt.message_state, receipt.network_error_code
    submitted, done = receipt.submit_date, receipt.done_date
    return {
        "message_id": receipt.message_id,
        "message_state": None if state is None else state.name,
        "stat": receipt.stat,
        "submit_date": None if submitted is None else submitted.isoformat(),
        "done_date": None if done is None else done.isoformat(),
        "sub": receipt.sub,
        "dlvrd": receipt.dlvrd,
        "err": receipt.err,
        "network_error_code": None if code is None else list(code),
        "missing": list(receipt.missing),
        "problems": list(receipt.problems),
    }
