# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What PDUs of peers carry, alone and joined, however odd it is."""

from __future__ import annotations

from itertools import pairwise, permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segment_kit import TEXTS
from text_kit import text_examples
from wire_data import tlv

from twisted_smpp.text import packed
from twisted_smpp.text.coding import Decoded
from twisted_smpp.text.gsm0338 import Language, alphabet
from twisted_smpp.text.parts import Part, join
from twisted_smpp.text.rules import Method, TextRules
from twisted_smpp.text.segments import Segment, segments
from twisted_smpp.text.udh import (
    Concatenation,
    LockingShift,
    Ports,
    SingleShift,
    Unknown,
    UserDataHeader,
    header_of,
)
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import DataSM, DeliverSM, SubmitSM
from twisted_smpp.wire.tlv import TLVs
from twisted_smpp.wire.tlvs import (
    destination_port,
    message_payload,
    sar_msg_ref_num,
    sar_segment_seqnum,
    sar_total_segments,
    source_port,
)

RULES = TextRules()
PACKED = TextRules(default_alphabet="gsm0338-packed")


def deliver(octets: bytes, data_coding: int = 0, esm_class: int = 0, tlvs: Any = None) -> Part:
    """The part of a deliver_sm that has been on the wire."""
    pdu = DeliverSM(
        short_message=octets, data_coding=data_coding, esm_class=esm_class, tlvs=tlvs or {}
    )
    return Part.of(decode(pdu.encode()))  # type: ignore[arg-type]


def with_header(elements: list[Any], body: bytes, data_coding: int = 0) -> Part:
    return deliver(header_of(elements) + body, data_coding, 0x40)


def sar(reference: int | None, total: int | None, number: int | None) -> dict[Any, Any]:
    tlvs = {
        sar_msg_ref_num: reference,
        sar_total_segments: total,
        sar_segment_seqnum: number,
    }
    return {tlv: value for tlv, value in tlvs.items() if value is not None}


# One part.


def test_a_plain_message() -> None:
    part = deliver(b"hello")
    assert part == (0, b"hello", None, None, None, False, b"hello")
    assert part.decode() == Decoded("hello", b"hello")
    assert join([part]) == part.decode()


@pytest.mark.parametrize("cls", [SubmitSM, DeliverSM, DataSM])
def test_text_in_a_payload(cls: Any) -> None:
    pdu: Any = decode(cls(data_coding=8, tlvs={message_payload: b"\x04\x36"}).encode())
    assert Part.of(pdu).decode().text == "ж"
    header = header_of([Ports(1, 2)])
    pdu = decode(cls(esm_class=0x40, tlvs={message_payload: header + b"x"}).encode())
    assert Part.of(pdu).ports == (1, 2, 16)
    assert Part.of(pdu).decode().text == "x"


def test_a_short_message_counts_more_than_a_payload() -> None:
    assert deliver(b"short", tlvs={message_payload: b"long"}).body == b"short"
    assert deliver(b"", tlvs={message_payload: b"long"}).body == b"long"
    assert deliver(b"").decode() == Decoded("", b"")
    assert Part.of(DataSM()).octets == b""


def test_a_segment_is_read_like_the_pdu_that_it_becomes() -> None:
    for method in Method:
        for segment in segments("a{b}" * 100, method=method, reference=5):
            pdu: Any = decode(SubmitSM(**segment.fields).encode())
            assert Part.of(segment) == Part.of(pdu)


def test_a_header_counts_only_when_it_is_announced() -> None:
    octets = header_of([Concatenation(1, 2, 1)]) + b"x"
    assert deliver(octets, esm_class=0x40).concatenation == (1, 2, 1, 8)
    part = deliver(octets)
    assert (part.header, part.concatenation, part.body) == (None, None, octets)
    assert not part.broken_header
    for esm_class in range(256):
        assert (deliver(octets, esm_class=esm_class).header is not None) is bool(esm_class & 64)


@pytest.mark.parametrize(
    "octets", [b"", b"\x05", b"\x05\x00\x03\x01\x02", b"\x05\x00\x09\x01\x02\x01text", b"\xffxyz"]
)
def test_T03_a_broken_header_is_kept_as_octets(octets: bytes) -> None:
    part = deliver(octets, 8, 0x40, sar(7, 2, 1))
    assert part.broken_header
    assert part.header is None
    assert part.body == octets == part.octets
    assert part.decode() == Decoded(None, octets, damaged=True)
    assert part.concatenation == (7, 2, 1, 0), "what the TLVs say is no part of it"
    assert deliver(octets, 8, 0x40).concatenation is None


def test_T03_a_header_of_no_length() -> None:
    part = deliver(b"\0text", esm_class=0x40)
    assert part.header == UserDataHeader()
    assert not part.broken_header
    assert part.decode().text == "text"


@pytest.mark.parametrize(("total", "number"), [(0, 0), (0, 1), (2, 0), (2, 3), (255, 0)])
def test_T04_numbers_that_make_no_sense_are_a_message_of_its_own(total: int, number: int) -> None:
    for part in (
        with_header([Concatenation(1, total, number)], b"x"),
        with_header([Concatenation(1, total, number, 16)], b"x"),
        deliver(b"x", tlvs=sar(1, total, number)),
    ):
        assert part.concatenation is None
        assert part.decode().text == "x"


def test_the_sar_tlvs_count_together_or_not_at_all() -> None:
    assert deliver(b"x", tlvs=sar(0x1234, 3, 2)).concatenation == (0x1234, 3, 2, 0)
    assert deliver(b"x", tlvs=sar(0, 1, 1)).concatenation == (0, 1, 1, 0)
    for missing in range(3):
        numbers: list[Any] = [1, 3, 2]
        numbers[missing] = None
        assert deliver(b"x", tlvs=sar(*numbers)).concatenation is None


def test_a_header_counts_more_than_tlvs() -> None:
    octets = header_of([Concatenation(1, 2, 1), Ports(1, 2)]) + b"x"
    tlvs = {**sar(9, 3, 3), source_port: 7, destination_port: 8}
    part = deliver(octets, 0, 0x40, tlvs)
    assert (part.concatenation, part.ports) == ((1, 2, 1, 8), (1, 2, 16))
    senseless = deliver(header_of([Concatenation(1, 2, 9)]), 0, 0x40, tlvs)
    assert (senseless.concatenation, senseless.ports) == ((9, 3, 3, 0), (8, 7, 16))


def test_ports_of_tlvs() -> None:
    assert deliver(b"x", tlvs={source_port: 7, destination_port: 8}).ports == (8, 7, 16)
    assert deliver(b"x", tlvs={destination_port: 8}).ports == (8, 0, 16)
    assert deliver(b"x", tlvs={source_port: 7}).ports == (0, 7, 16)
    assert deliver(b"x", tlvs=sar(1, 2, 1)).ports is None


@pytest.mark.parametrize("tag", [0x020C, 0x020E, 0x020F, 0x020A, 0x020B, 0x0424])
@pytest.mark.parametrize("value", [b"", b"12345"])
def test_a_tlv_of_a_wrong_size_is_none(tag: int, value: bytes) -> None:
    """Decoding refuses most of them in requests; what an application carries may have them."""
    rest = b"".join(tlv(each, bytes(size)) for each, size in ((0x20C, 2), (0x20E, 1), (0x20F, 1)))
    part = Part.of(_Carrier(0, 0, b"x", TLVs.from_octets(tlv(tag, value) + rest)))
    assert part.body == b"x"
    assert part.concatenation is None
    assert part.ports is None
    alone = Part.of(_Carrier(0, 0, b"", TLVs.from_octets(tlv(tag, value))))
    assert alone.body == (value if tag == 0x0424 else b"")


class _Carrier:
    """Whatever has the attributes will do."""

    def __init__(self, esm_class: int, data_coding: int, short_message: bytes, tlvs: Any) -> None:
        self.esm_class = esm_class
        self.data_coding = data_coding
        self.short_message = short_message
        self.tlvs = tlvs


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("d83d", "\ufffd"),
        ("dc4b", "\ufffd"),
        ("0061d83d", "a\ufffd"),
        ("d83d0061", "\ufffda"),
        ("dc4bd83d", "\ufffd\ufffd"),
        ("006100", "a\ufffd"),
        ("00", "\ufffd"),
        ("d83ddc4b00", "👋\ufffd"),
    ],
)
def test_T02_halves_of_ucs2_are_shown_and_told(octets: str, text: str) -> None:
    raw = bytes.fromhex(octets)
    for data_coding in (0x08, 0x18, 0x19, 0xE0):
        assert deliver(raw, data_coding).decode() == Decoded(text, raw, damaged=True)


def test_octets_are_no_text() -> None:
    for data_coding in (2, 4, 0xF4, 0xF5):
        assert deliver(b"\x01\xff", data_coding).decode() == Decoded(None, b"\x01\xff")


def test_the_languages_of_a_header() -> None:
    part = with_header([LockingShift(1)], b"\x07\x0c")
    assert part.decode().text == "ığ"
    assert with_header([SingleShift(1)], b"\x1bg").decode().text == "ğ"
    assert with_header([SingleShift(99), LockingShift(77)], b"\x00").decode().text == "@"


def test_a_codec_of_the_rules() -> None:
    rules = TextRules(codecs={1: "gsm0338", 8: "utf-16-le"})
    assert deliver(b"\x00", 1).decode(rules).text == "@"
    assert deliver(b"\x36\x04", 8).decode(rules).text == "ж"
    assert join([deliver(b"\x36", 8), deliver(b"\x04", 8)], rules).text == "ж"


def test_packed_text_behind_headers_of_every_length() -> None:
    for size in range(20):
        elements = [Unknown(0x70, bytes(size))]
        header = header_of(elements)
        for text in ("hello", "1234567", "12345678", "a@", "1234567@", "x€"):
            septets = alphabet().encode(text)
            body = packed.pack(septets, packed.fill_bits(len(header)))
            part = deliver(header + body, 0, 0x40)
            assert part.decode(PACKED).text == text
            assert part.units(PACKED) == septets
            assert part.units(RULES) == body


def test_only_the_gsm_alphabet_comes_packed() -> None:
    assert deliver(b"\0a", 8).units(PACKED) == b"\0a"
    assert deliver(b"a", 3).decode(PACKED).text == "a"
    assert deliver(b"\xe1", 0xF1).decode(PACKED).text == "a"
    rules = TextRules(default_alphabet="gsm0338-packed", codecs={0: "ascii"})
    assert deliver(b"abc", 0).decode(rules).text == "abc"


# Several.


def sent(text: str, method: Method = Method.UDH_8, **rules: Any) -> list[Segment]:
    return segments(text, TextRules(**rules), method=method, reference=3)


@pytest.mark.parametrize("method", [Method.UDH_8, Method.UDH_16, Method.SAR])
def test_field_35_more_than_nine_parts_are_in_order(method: Method) -> None:
    """10 is not between 1 and 2."""
    text = "".join(f"{number:05}" for number in range(700))
    parts = sent(text, method)
    assert len(parts) > 20
    for seed in range(20):
        Random(seed).shuffle(parts)
        assert join(parts).text == text


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_parts_in_every_order(order: tuple[int, ...]) -> None:
    parts = sent("Здравствуй, мир! " * 10)
    assert join([parts[index] for index in order]).text == "Здравствуй, мир! " * 10


def test_T01_a_character_that_a_peer_cut_is_whole_again() -> None:
    """In every coding, at every octet."""
    cases = [
        ("a👋ж", 8, "utf-16-be", RULES),
        ("a€{", 0, "gsm0338", RULES),
        ("éж👋", 0, "utf-8", TextRules(default_alphabet="utf-8")),
        ("漢字", 5, "shift_jis", RULES),
    ]
    for text, data_coding, codec, rules in cases:
        octets = text.encode(codec)
        for cut in range(len(octets) + 1):
            one = with_header([Concatenation(1, 2, 1)], octets[:cut], data_coding)
            two = with_header([Concatenation(1, 2, 2)], octets[cut:], data_coding)
            assert join([two, one], rules) == Decoded(text, octets)


def test_a_cut_anywhere_comes_back() -> None:
    @text_examples
    @given(TEXTS, st.lists(st.integers(0, 3000), max_size=4))
    def check(text: str, places: list[int]) -> None:
        octets = text.encode("utf-16-be")
        cuts = sorted({0, len(octets), *(place % (len(octets) + 1) for place in places)})
        pieces = [octets[a:b] for a, b in pairwise(cuts)] or [b""]
        parts = [
            Part.made(8, header_of([Concatenation(1, len(pieces), number)]) + piece, True)
            for number, piece in enumerate(pieces, 1)
        ]
        assert join(parts) == Decoded(text, octets)

    check()


def test_parts_in_different_codings_are_read_one_by_one() -> None:
    parts = [
        with_header([Concatenation(1, 3, 1)], b"\x00\x1be", 0),
        with_header([Concatenation(1, 3, 2)], b"\x04\x36", 8),
        with_header([Concatenation(1, 3, 3), LockingShift(1)], b"\x07", 0),
    ]
    assert join(parts) == Decoded("@€жı", b"\x00\x1be\x04\x36\x07")
    parts[1] = with_header([Concatenation(1, 3, 2)], b"\x04", 8)
    assert join(parts) == Decoded("@€\ufffdı", b"\x00\x1be\x04\x07", damaged=True)
    parts[1] = with_header([Concatenation(1, 3, 2)], b"\x04", 4)
    assert join(parts) == Decoded(None, b"\x00\x1be\x04\x07")


def test_parts_with_different_shifts_are_read_one_by_one() -> None:
    for element, octets, text in (
        (LockingShift(1), b"\x07", "ıì"),
        (SingleShift(1), b"\x1bi", "ıi"),
    ):
        one = with_header([Concatenation(1, 2, 1), element], octets)
        two = with_header([Concatenation(1, 2, 2)], octets)
        assert join([one, two]).text == text


def test_two_parts_in_different_codings() -> None:
    one = with_header([Concatenation(1, 2, 1)], b"\x00", 0)
    two = with_header([Concatenation(1, 2, 2)], b"\x04\x36", 8)
    assert join([two, one]).text == "@ж"
    assert join([one, with_header([Concatenation(1, 2, 2)], b"\xe9", 3)]).text == "@é"


def test_octets_are_joined() -> None:
    one = with_header([Concatenation(1, 2, 1)], b"\x01\xff", 4)
    two = with_header([Concatenation(1, 2, 2)], b"\x00", 4)
    assert join([two, one]) == Decoded(None, b"\x01\xff\x00")


def test_T03_a_broken_header_among_parts() -> None:
    good = deliver(b"\0a", 8, 0, sar(1, 2, 1))
    broken = deliver(b"\xff\0b", 8, 0x40, sar(1, 2, 2))
    assert join([good, broken]) == Decoded(None, b"\0a\xff\0b", damaged=True)


def test_packed_parts_are_unpacked_one_by_one() -> None:
    text = "0123456789@€" * 40
    for method in (Method.UDH_8, Method.UDH_16, Method.SAR):
        parts = segments(text, PACKED, method=method, reference=1)
        assert len(parts) == 4
        assert join(parts[::-1], PACKED).text == text
        assert join(parts, PACKED).octets == b"".join(Part.of(part).body for part in parts)


def test_national_text_of_several_parts() -> None:
    rules = TextRules(languages=(Language.HINDI,))
    text = "नमस्ते १२३ " * 40
    parts = segments(text, rules, reference=3)
    assert {part.data_coding for part in parts} == {0}
    assert join(parts[::-1], RULES).text == text, "a reader needs no rules for it"


def test_joining_nothing() -> None:
    assert join([]) == Decoded("", b"")


def test_texts_are_not_shown_by_repr() -> None:
    part = with_header([Concatenation(1, 2, 1)], b"secret", 0)
    assert repr(part) == "Part(data_coding=0x00, <6 octets>, 1 of 2)"
    assert repr(deliver(b"secret", 4)) == "Part(data_coding=0x04, <6 octets>)"
    assert repr(part.decode()) == "Decoded(<6 characters>, <6 octets>, damaged=False)"
