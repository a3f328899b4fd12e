"""From what a PDU carries to text: one part, and parts put together.

Source: SMPP 5.0, 4.8.4 (sar TLVs, ports, message_payload); 3GPP TS 23.040, 9.2.3.24.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from twisted_smpp.errors import FieldError
from twisted_smpp.text import coding, packed
from twisted_smpp.text.coding import Decoded
from twisted_smpp.text.rules import TextRules
from twisted_smpp.text.udh import Concatenation, Ports, UserDataHeader
from twisted_smpp.values import EsmClass
from twisted_smpp.wire.tlvs import (
    destination_port,
    message_payload,
    sar_msg_ref_num,
    sar_segment_seqnum,
    sar_total_segments,
    source_port,
)

__all__ = ["Carrier", "Part", "join"]

_DEFAULT_RULES = TextRules()


class Carrier(Protocol):
    """What has the fields of a message: submit_sm, deliver_sm, data_sm, or a segment."""

    @property
    def esm_class(self) -> int: ...
    @property
    def data_coding(self) -> int: ...
    @property
    def tlvs(self) -> Any: ...


class Part(NamedTuple):
    """What one PDU carries.

    Attributes:
        data_coding: the field of that name.
        body: the octets of the text, behind the header.
        header: the user data header; None when there is none.
        concatenation: which part of what; None for a message of its own. Of the sar TLVs
            the width is 0.
        ports: the applications, by header or by TLV; None when it is for a person.
        broken_header: whether a header was announced and is none; then ``body`` begins
            with what should have been it.
        octets: header and body, as they came.
    """

    data_coding: int
    body: bytes
    header: UserDataHeader | None
    concatenation: Concatenation | None
    ports: Ports | None
    broken_header: bool
    octets: bytes

    def __repr__(self) -> str:
        which = self.concatenation
        numbers = "" if which is None else f", {which.number} of {which.total}"
        return f"Part(data_coding={self.data_coding:#04x}, <{len(self.body)} octets>{numbers})"

    @classmethod
    def of(cls, carrier: Carrier) -> Part:
        """The part that a PDU or a segment carries; it never raises.

        A concatenation that makes no sense, by header or by TLVs, counts as none.
        """
        octets: bytes = getattr(carrier, "short_message", b"")
        if not octets:
            octets = _tlv(carrier, message_payload) or b""
        sar = ports = None
        if carrier.tlvs:
            sar, ports = _sar(carrier), _ports(carrier)
        return cls.made(
            carrier.data_coding, octets, bool(carrier.esm_class & EsmClass.UDHI), sar, ports
        )

    @classmethod
    def made(
        cls,
        data_coding: int,
        octets: bytes,
        has_header: bool,
        sar: Concatenation | None = None,
        ports: Ports | None = None,
    ) -> Part:
        """A part of what its PDU says; what its header says goes first.

        Args:
            data_coding: the field of that name.
            octets: user data, with its header.
            has_header: whether esm_class announces one.
            sar, ports: what TLVs say.
        """
        header, body, concatenation = None, octets, sar
        if has_header:
            header, body = UserDataHeader.split(octets)
            if header is not None:
                concatenation = header.concatenation or sar
                ports = header.ports or ports
        broken = has_header and header is None
        return cls(data_coding, body, header, concatenation, ports, broken, octets)

    def units(self, rules: TextRules = _DEFAULT_RULES) -> bytes:
        """The octets of the text, one a septet when they came packed."""
        if not coding.is_packed(self.data_coding, rules):
            return self.body
        header_octets = len(self.octets) - len(self.body)
        return packed.unpack(self.body, packed.fill_bits(header_octets))

    def decode(self, rules: TextRules = _DEFAULT_RULES) -> Decoded:
        """What it says, alone; it never raises. See :func:`twisted_smpp.text.coding.decode`."""
        if self.broken_header:
            return Decoded(None, self.octets, damaged=True)
        return self._decode(self.units(rules), rules)

    def _decode(self, units: bytes, rules: TextRules) -> Decoded:
        locking = single = 0
        if self.header is not None:
            locking, single = self.header.locking, self.header.single
        return coding.decode(units, self.data_coding, rules, locking=locking, single=single)


def join(carriers: Iterable[Part | Carrier], rules: TextRules = _DEFAULT_RULES) -> Decoded:
    """What the parts of one message say together; it never raises.

    A character that a peer has cut in two comes back whole. When a part is no text, the
    octets of all of them are joined and the text is None.

    Args:
        carriers: parts, or what carries them, in any order; none of them twice.
        rules: how the link writes text.
    """
    parts = [each if isinstance(each, Part) else Part.of(each) for each in carriers]
    parts.sort(key=lambda part: part.concatenation.number if part.concatenation else 0)
    if len(parts) == 1:
        return parts[0].decode(rules)
    octets = b"".join([part.body for part in parts])
    if any(part.broken_header for part in parts):
        return Decoded(None, octets, damaged=True)
    if len({_reading(part) for part in parts}) == 1:
        units = b"".join([part.units(rules) for part in parts])
        return parts[0]._decode(units, rules)._replace(octets=octets)
    texts = [part.decode(rules) for part in parts]
    text = None
    if all(each.text is not None for each in texts):
        text = "".join([each.text or "" for each in texts])
    return Decoded(text, octets, any(each.damaged for each in texts))


def _reading(part: Part) -> tuple[int, int, int]:
    header = part.header or UserDataHeader()
    return part.data_coding, header.locking, header.single


def _tlv(carrier: Carrier, tlv: Any) -> Any:
    try:
        return carrier.tlvs.get(tlv)
    except FieldError:
        return None


def _sar(carrier: Carrier) -> Concatenation | None:
    """The three TLVs count together or not at all."""
    reference = _tlv(carrier, sar_msg_ref_num)
    total = _tlv(carrier, sar_total_segments)
    number = _tlv(carrier, sar_segment_seqnum)
    if reference is None or total is None or number is None:
        return None
    found = Concatenation(reference, total, number, 0)
    return found if found.is_valid else None


def _ports(carrier: Carrier) -> Ports | None:
    destination, source = _tlv(carrier, destination_port), _tlv(carrier, source_port)
    if destination is None and source is None:
        return None
    return Ports(destination or 0, source or 0, 16)
