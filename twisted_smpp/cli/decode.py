"""``smpp decode``: a PDU field by field."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import click

from twisted_smpp.cli import message
from twisted_smpp.cli.text_options import alphabet_option, standard_input
from twisted_smpp.errors import PDUError
from twisted_smpp.status import CommandStatus
from twisted_smpp.text.rules import TextRules
from twisted_smpp.wire.pdu import PDU
from twisted_smpp.wire.pdu import decode as decode_pdu
from twisted_smpp.wire.tlv import by_tag

__all__ = ["decode"]


@click.command(
    epilog="""Examples:

\b
  smpp decode 00000010000000150000000000000001
  smpp decode '00 00 00 10 80 00 00 04 00 00 00 0b 00 00 00 02'
  xxd -p one.bin | smpp decode -
"""
)
@click.argument("hex", metavar="HEX|-", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the PDU as JSON.")
@click.option("--show-password", is_flag=True, help="Show the password of a bind.")
@alphabet_option
def decode(hex: tuple[str, ...], as_json: bool, show_password: bool, alphabet: str) -> None:
    """Print one or more PDUs, given as HEX, field by field, and what a message says.

    White space, colons and 0x are ignored; - reads from standard input. Exits with 1
    when the octets are not a PDU, saying what is wrong and which status a peer gets.
    """
    text = standard_input() if hex == ("-",) else " ".join(hex)
    digits = re.sub(r"0[xX]|[\s:,]", "", text)
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        raise click.UsageError("HEX is not hexadecimal, or not a whole number of octets") from None
    if not octets:
        raise click.UsageError("no octets given")
    rules = TextRules(default_alphabet=alphabet)
    for frame in _frames(octets):
        try:
            pdu = decode_pdu(frame)
        except PDUError as error:
            status = CommandStatus(error.command_status)
            click.echo(f"smpp decode: {error} ({status.name}: {status.description})", err=True)
            sys.exit(1)
        if as_json:
            click.echo(json.dumps(_as_dict(pdu, show_password, rules), indent=2))
        else:
            click.echo("\n".join(_lines(pdu, show_password, rules)))


def _frames(octets: bytes) -> list[bytes]:
    """The PDUs that follow each other; the last one may be incomplete."""
    frames = []
    at = 0
    while at < len(octets):
        length = int.from_bytes(octets[at : at + 4], "big")
        if not 16 <= length <= len(octets) - at:
            length = len(octets) - at
        frames.append(octets[at : at + length])
        at += length
    return frames


def _as_dict(pdu: PDU, show_password: bool, rules: TextRules) -> dict[str, Any]:
    data = pdu.to_dict()
    for field in pdu.fields:
        if field.secret and not show_password and field.name in data:
            data[field.name] = None
    said = message.as_dict(pdu, rules)
    return data if said is None else {**data, "message": said}


def _lines(pdu: PDU, show_password: bool, rules: TextRules) -> list[str]:
    status = CommandStatus(pdu.command_status)
    rows = [
        ("command_length", str(len(pdu.encode()))),
        ("command_id", f"{pdu.command_id:#010x} {pdu.command or 'unknown'}"),
        ("command_status", f"{pdu.command_status:#010x} {status.name}: {status.description}"),
        ("sequence_number", str(pdu.sequence_number)),
    ]
    tail = pdu.octets_of_tail()
    if tail is None:
        rows.append(("(no body)", ""))
    else:
        for field in pdu.fields:
            rows.append((field.name, _value(pdu, field, show_password)))
        for tag, octets in pdu.tlvs.items():
            tlv = by_tag.get(tag)
            name = f"TLV {tag:#06x}" if tlv is None else f"TLV {tag:#06x} {tlv.name}"
            rows.append((name, octets.hex() if tlv is None else tlv.show(octets, text=True)))
        if pdu.tlvs.trailing():
            rows.append(("stray octets", pdu.tlvs.trailing().hex()))
        rows += message.lines(pdu, rules)
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}".rstrip() for name, value in rows]


def _value(pdu: PDU, field: Any, show_password: bool) -> str:
    value = getattr(pdu, field.name)
    if field.secret and show_password:
        return repr(value)
    shown = field.show(value, text=True)
    if isinstance(value, int) and field.enum is not None:
        return f"{value:#04x} {shown}"
    if field.name == "short_message":
        return f"{len(value)} octets{': ' * bool(value)}{value.hex()}"
    if isinstance(value, bytes):
        return f"{shown} ({len(value)} octets: {value.hex()})"
    return str(shown)
