"""Hypothesis strategies for everything the wire layer carries, made from its declarations."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from wire_data import CLASSES, TLVS

from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.fields import U8, CountedOctets, CString, Field, limit
from twisted_smpp.wire.lists import DistributionList, Repeated, SMEAddress, UnsuccessSME
from twisted_smpp.wire.pdu import PDU, UnknownPDU, registry
from twisted_smpp.wire.tlv import TLV, by_tag

LATEST = InterfaceVersion.V5_0
OCTET = st.integers(0, 255)
WORD = st.integers(0, 0xFFFFFFFF)
#: Any octet but NUL, as the character that stands for it.
CHARACTERS = st.characters(min_codepoint=1, max_codepoint=255)


def text_of(size: int) -> st.SearchStrategy[str]:
    """Strings that take at most ``size`` octets with their NUL."""
    return st.text(CHARACTERS, max_size=size - 1)


SME_ADDRESSES = st.builds(SMEAddress, OCTET, OCTET, text_of(21))
ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "dest_addresses": SME_ADDRESSES | st.builds(DistributionList, text_of(21)),
    "unsuccess_smes": st.builds(UnsuccessSME, OCTET, OCTET, text_of(21), WORD),
    "message_ids": text_of(9),
}


def values_of(
    field: Field, version: InterfaceVersion | None = LATEST, strict: bool = True
) -> st.SearchStrategy[Any]:
    """The legal values of a field under the limits of a version."""
    if isinstance(field, U8):
        return OCTET
    if isinstance(field, CString):
        most = limit(field.max, version)
        if not (strict and field.sizes):
            return text_of(most)
        sizes = [size - 1 for size in field.sizes if size <= most]
        return st.sampled_from(sizes).flatmap(
            lambda size: st.text(CHARACTERS, min_size=size, max_size=size)
        )
    if isinstance(field, CountedOctets):
        return st.binary(max_size=limit(field.max, version))
    assert isinstance(field, Repeated)
    elements = ELEMENTS[field.type]
    few = st.lists(elements, min_size=field.least, max_size=4)
    most = limit(field.most, version)
    # The longest list as well, of one element many times: it is quickly made.
    return few | elements.map(lambda element: [element] * most)


def values_of_tlv(tlv: TLV[Any]) -> st.SearchStrategy[Any]:
    """The legal values of a TLV, a long one cut at 300 octets."""
    most = min(tlv.most, 300)
    if tlv.kind == "int":
        return st.integers(0, (1 << 8 * tlv.most) - 1)
    if tlv.kind == "cstring":
        return st.text(CHARACTERS, min_size=tlv.least - 1, max_size=most - 1)
    if tlv.sizes:
        return st.sampled_from(tlv.sizes).flatmap(lambda n: st.binary(min_size=n, max_size=n))
    return st.binary(min_size=tlv.least, max_size=most)


UNREGISTERED = st.integers(0, 0xFFFF).filter(lambda tag: tag not in by_tag)


@st.composite
def tlv_mappings(draw: st.DrawFn) -> dict[Any, Any]:
    """What a caller gives as ``tlvs``: known and unknown, keyed in every way, some repeated."""
    given: dict[Any, Any] = {}
    for tlv in draw(st.lists(st.sampled_from(TLVS), unique=True, max_size=4)):
        key = draw(st.sampled_from([tlv, tlv.tag, tlv.name]))
        values = values_of_tlv(tlv)
        given[key] = draw(values | st.lists(values, min_size=1, max_size=3))
    for tag in draw(st.lists(UNREGISTERED, unique=True, max_size=2)):
        given[tag] = draw(st.binary(max_size=20))
    return given


def tlv_octets() -> st.SearchStrategy[bytes]:
    """The TLV part of a PDU as a peer may send it: any order, repetitions, unknown tags."""
    known = st.sampled_from(TLVS).flatmap(
        lambda tlv: values_of_tlv(tlv).map(lambda value: (tlv.tag, tlv.encode(value)))
    )
    unknown = st.tuples(UNREGISTERED, st.binary(max_size=20))
    return st.lists(known | unknown, max_size=6).map(
        lambda items: b"".join(
            tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for tag, value in items
        )
    )


@st.composite
def pdus(
    draw: st.DrawFn,
    cls: type[PDU] | None = None,
    version: InterfaceVersion | None = LATEST,
    tlvs: bool = True,
) -> PDU:
    """Any PDU with legal values; a refusal has no body, or TLVs and then all of it."""
    cls = cls or draw(st.sampled_from(CLASSES))
    given: dict[str, Any] = {"command_status": draw(st.just(0) | WORD)}
    if tlvs:
        given["tlvs"] = draw(tlv_mappings())
    if not (cls.is_response and given["command_status"]) or given.get("tlvs"):
        strict = not cls.is_response or version is not None
        for field in cls.fields:
            given[field.name] = draw(values_of(field, version, strict))
    return cls(sequence_number=draw(WORD), **given)


@st.composite
def unknown_pdus(draw: st.DrawFn) -> UnknownPDU:
    """A PDU that nobody has declared."""
    command_id = draw(WORD.filter(lambda value: value not in registry))
    return UnknownPDU(
        command_id,
        draw(st.binary(max_size=64)),
        command_status=draw(WORD),
        sequence_number=draw(WORD),
    )


def cuts_of(octets: bytes) -> st.SearchStrategy[list[bytes]]:
    """Every way in which the network may cut ``octets`` into reads."""
    places = st.sets(st.integers(1, max(1, len(octets) - 1)), max_size=40)
    return places.map(lambda chosen: _cut(octets, sorted(chosen)))


def _cut(octets: bytes, places: list[int]) -> list[bytes]:
    ends = [*places, len(octets)]
    return [octets[a:b] for a, b in zip([0, *places], ends, strict=True)]
