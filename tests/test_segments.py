# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Plans and segments by example: capacities, previews, limits, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from segment_kit import DATA

from twisted_smpp.text.coding import codings
from twisted_smpp.text.data_coding import MessageWaiting, Waiting
from twisted_smpp.text.gsm0338 import Language
from twisted_smpp.text.parts import Part, join
from twisted_smpp.text.rules import Method, TextRules
from twisted_smpp.text.segments import MOST_PARTS, NotText, Plan, TextTooLong, plan, segments
from twisted_smpp.text.udh import (
    Concatenation,
    LockingShift,
    MessageIndication,
    Ports,
    SingleShift,
    Unknown,
    UserDataHeader,
    header_of,
)
from twisted_smpp.values import EsmClass
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import SubmitSM
from twisted_smpp.wire.tlvs import message_payload

ROWS = {row["udh"]: row for row in DATA["capacity"]["per_part"]}
TURKISH = (Language.TURKISH,)
PORTUGUESE = (Language.PORTUGUESE,)
FAMILY = "👩\u200d👩\u200d👧\u200d👦"  # 11 UTF-16 units, one cluster

#: What a row's header has besides the concatenation, languages, and characters that make it so.
HEADERS: dict[str, tuple[tuple[Any, ...], tuple[Language, ...], str]] = {
    "": ((), (), ""),
    "ports_8bit": ((Ports(1, 2, 8),), (), ""),
    "ports_16bit": ((Ports(1, 2),), (), ""),
    # "Á" only Spanish can write with one shift; "ğ" is one septet in the Turkish locking table.
    "single_shift": ((), (Language.SPANISH,), "Á"),
    "locking_shift": ((), TURKISH, "ğ" * 10),
    # The letter needs the locking table, the digit the other one.
    "single_and_locking_shift": ((), (Language.HINDI,), "क१"),
}
METHODS = {"concat_8bit": Method.UDH_8, "concat_16bit": Method.UDH_16}


def made(row: str) -> tuple[Method | None, tuple[Any, ...], tuple[Language, ...], str]:
    names = ["" if name == "none" else name for name in row.split("+")]
    method = METHODS.get(names[0])
    rest = names[1:] if method else names
    return method, *HEADERS[rest[0] if rest else ""]


def planned(row: str, text: str, **options: Any) -> Plan:
    method, elements, languages, _ = made(row)
    rules = TextRules(languages=languages, method=method or Method.UDH_8, **options)
    found = plan(text, rules, elements=elements)
    assert join(found.segments(1), rules).text == text
    return found


def check_capacity(row: str, text: str, filler: str, capacity: int, **options: Any) -> None:
    """``text``, filled up, is just as much as fits, and with one more character it is not."""
    times = 1 if made(row)[0] is None else 2
    full = planned(row, text, **options)
    assert (full.parts, full.used, full.left) == (times, capacity, 0)
    assert full.capacity == capacity
    assert full.units == times * capacity
    header = full.segments(1)[0].short_message
    if row == "none":
        assert full.segments()[0].esm_class == 0
    else:
        assert header[0] + 1 == ROWS[row]["udh_octets"]
    over = planned(row, text + filler, **options)
    assert over.parts == times + 1
    if times == 2:
        assert over.used == 1


@pytest.mark.parametrize("row", ROWS)
def test_capacity_in_septets(row: str) -> None:
    method, _, languages, special = made(row)
    capacity = ROWS[row]["gsm7_septets"]
    # In two parts the special characters are in the first: the header is that of all parts.
    used = len(special) + ("single" in row)
    text = special + "a" * ((capacity if method is None else 2 * capacity) - used)
    assert bool(languages) is ("shift" in row)
    assert planned(row, text).unit == "septets"
    check_capacity(row, text, "a", capacity)


@pytest.mark.parametrize("row", [row for row in ROWS if "shift" not in row])
def test_capacity_in_octets(row: str) -> None:
    capacity = ROWS[row]["octets"]
    text = "þ" * (capacity if made(row)[0] is None else 2 * capacity)
    assert planned(row, text, latin_1=True).data_coding == 3
    check_capacity(row, text, "þ", capacity, latin_1=True)


@pytest.mark.parametrize("row", [row for row in ROWS if "shift" not in row])
def test_capacity_in_utf_16_units(row: str) -> None:
    capacity = ROWS[row]["ucs2_characters"]
    text = "ж" * (capacity if made(row)[0] is None else 2 * capacity)
    assert planned(row, text).data_coding == 8
    check_capacity(row, text, "ж", capacity)


@pytest.mark.parametrize("row", ROWS)
def test_capacity_behind_a_header_of_that_size(row: str) -> None:
    gsm, latin_1, ucs2 = codings("gsm0338", latin_1=True)
    said = ROWS[row]
    assert gsm.capacity(said["udh_octets"]) == said["gsm7_septets"]
    assert latin_1.capacity(said["udh_octets"]) == said["octets"]
    assert ucs2.capacity(said["udh_octets"]) == said["ucs2_characters"]


def test_capacity_of_sar_leaves_room_for_a_16_bit_reference() -> None:
    for text, name in (("a", "gsm7_septets"), ("ж", "ucs2_characters")):
        capacity = ROWS["concat_16bit"][name]
        assert plan(text * 2 * capacity, method=Method.SAR).parts == 2
        assert plan(text * (2 * capacity + 1), method=Method.SAR).parts == 3


def test_capacity_of_a_payload_is_that_of_8_bits() -> None:
    """The message centre does the cutting; 8 bits is what all of them do."""
    found = plan("a" * 306, method=Method.PAYLOAD)
    assert (found.parts, found.pdus, found.left) == (2, 1, 0)
    assert plan("a" * 307, method=Method.PAYLOAD).parts == 3


# The preview.


def test_what_a_plan_says() -> None:
    found = plan("Grüße aus Łódź, Łukasz")
    assert (found.coding.name, found.data_coding) == ("UCS-2", 8)
    assert (found.parts, found.pdus, found.method) == (1, 1, None)
    assert (found.unit, found.capacity, found.used, found.left) == ("UTF-16 units", 70, 22, 48)
    assert [(each.character, each.positions) for each in found.culprits] == [
        ("Ł", (10, 16)),
        ("ó", (11,)),
        ("ź", (13,)),
    ]
    assert found.culprits[0].name == "LATIN CAPITAL LETTER L WITH STROKE"
    assert found.reason == "GSM 7-bit lacks 3 of the characters"
    assert plan("ł").reason == "GSM 7-bit lacks one of the characters"
    assert plan("ok").reason == "GSM 7-bit has every character"
    assert plan("\x85").culprits[0].name == "U+0085", "it has no name"


def test_the_reason_for_a_national_table() -> None:
    """Of the letters that both have, one septet a letter needs fewer parts."""
    rules = TextRules(languages=PORTUGUESE)
    found = plan("€" * 90, rules)
    assert (found.coding.name, found.parts) == ("GSM 7-bit (Portuguese)", 1)
    assert found.culprits == ()
    assert found.reason == "it needs the fewest parts, although GSM 7-bit has every character"
    assert plan("€" * 90).parts == 2


def test_of_codings_alike_the_preferred_one_is_taken() -> None:
    rules = TextRules(languages=tuple(Language), latin_1=True)
    assert plan("Hello é", rules).coding.name == "GSM 7-bit"
    assert plan("ğ", rules).coding.name == "GSM 7-bit (Turkish)"
    assert plan("Á", rules).coding.name == "GSM 7-bit (Spanish)"
    assert plan("þ", rules).coding.name == "LATIN-1"
    assert plan("þ", TextRules(languages=tuple(Language))).coding.name == "UCS-2"
    assert plan("þğ", rules).coding.name == "UCS-2"
    assert plan("", rules).coding.name == "GSM 7-bit"


def test_latin_1_may_need_fewer_parts_than_the_preferred_coding() -> None:
    text = "^~|{}[]" * 20
    assert plan(text).parts == 2
    found = plan(text, TextRules(latin_1=True))
    assert (found.coding.name, found.parts) == ("LATIN-1", 1)


def test_ucs2_may_need_fewer_parts_than_utf_8() -> None:
    rules = TextRules(default_alphabet="utf-8")
    assert plan("é" * 70, rules).coding.name == "UTF-8"
    assert (plan("中" * 70, rules).coding.name, plan("中" * 70, rules).parts) == ("UCS-2", 1)
    assert plan("中" * 40, rules).coding.name == "UTF-8"


def test_ucs2_may_need_fewer_parts_than_a_language_behind_a_large_header() -> None:
    """The shifts take six octets, and each letter two septets."""
    rules = TextRules(languages=(Language.HINDI,))
    header = (Unknown(0x0A, bytes(106)),)
    text = "क" + "१" * 23  # the digit takes an escape
    found = plan(text, rules, elements=header)
    assert (found.coding.name, found.parts) == ("UCS-2", 2)
    assert plan(text, rules).coding.name == "GSM 7-bit (Hindi)"


def test_a_language_without_room_does_not_hide_the_coding_that_has_some() -> None:
    rules = TextRules(languages=TURKISH)
    header = (Unknown(0x0A, bytes(123)),)
    found = plan("a" * 30, rules, elements=header)
    assert found.coding.name == "GSM 7-bit"
    assert join(found.segments(1)).text == "a" * 30


@pytest.mark.parametrize("alphabet", ["gsm0338", "gsm0338-packed", "latin-1", "ascii", "utf-8"])
def test_the_default_alphabet_is_data_coding_0(alphabet: str) -> None:
    rules = TextRules(default_alphabet=alphabet)
    (segment,) = segments("plain", rules)
    assert (segment.data_coding, segment.esm_class) == (0, 0)
    packed = bytes.fromhex("70 76 38 ed 06")  # 5 septets in 35 bits
    assert segment.short_message == (packed if "packed" in alphabet else b"plain")


@pytest.mark.parametrize("message_class", range(4))
def test_a_message_class(message_class: int) -> None:
    rules = TextRules(default_alphabet="latin-1", latin_1=True)
    assert plan("é", rules, message_class=message_class).data_coding == 0xF0 | message_class
    assert plan("þ", rules, message_class=message_class).data_coding == 0x18 | message_class
    sent = segments("þ", rules, message_class=message_class)
    assert join(sent, rules).text == "þ"


@pytest.mark.parametrize("message_class", [-1, 4])
def test_a_message_class_that_does_not_exist(message_class: int) -> None:
    with pytest.raises(ValueError, match=f"message_class: {message_class} is not"):
        plan("a", message_class=message_class)


@pytest.mark.parametrize("active", [False, True])
def test_a_message_waiting_indication(active: bool) -> None:
    kept = MessageWaiting(Waiting.FAX, active, store=True)
    gone = MessageWaiting(Waiting.FAX, active, store=False)
    bit = 8 * active
    assert plan("a", waiting=gone).data_coding == 0xC1 | bit
    assert plan("a", waiting=kept).data_coding == 0xD1 | bit
    assert plan("ж", waiting=kept).data_coding == 0xE1 | bit
    # Latin-1 has no such value, nor has UCS-2 that is to be discarded.
    rules = TextRules(default_alphabet="latin-1", latin_1=True)
    assert plan("þ", rules, waiting=kept).coding.name == "UCS-2"
    assert plan("é", rules, waiting=gone).coding.name == "GSM 7-bit"
    assert join(segments("é" * 200, rules, waiting=gone, reference=1), rules).text == "é" * 200
    with pytest.raises(ValueError, match="waiting: no coding that is discarded has every"):
        plan("ж", waiting=gone)
    with pytest.raises(ValueError, match="a message class or message waiting, not both"):
        plan("a", waiting=kept, message_class=0)


# Cuts.


def texts(text: str, **rules: Any) -> list[str]:
    """What each part says alone."""
    found = plan(text, TextRules(**rules))
    said = [Part.of(each).decode(TextRules(**rules)) for each in found.segments(1)]
    assert [each.text for each in said] == found.texts
    assert not any(each.damaged for each in said)
    return found.texts


def test_T01_a_surrogate_pair_is_not_cut() -> None:
    text = "ж" * 66 + "👋" + "ж" * 10
    assert texts(text) == ["ж" * 66, "👋" + "ж" * 10]
    assert texts(text, graphemes=False) == ["ж" * 66, "👋" + "ж" * 10]
    assert texts("ж" * 65 + "👋" + "ж" * 10) == ["ж" * 65 + "👋", "ж" * 10]


def test_T01_an_escape_pair_is_not_cut() -> None:
    text = "a" * 152 + "€" + "a" * 10
    assert texts(text) == ["a" * 152, "€" + "a" * 10]
    assert texts("a" * 151 + "€" + "a" * 10) == ["a" * 151 + "€", "a" * 10]
    wide = texts("a" * 151 + "€" + "a" * 10, method=Method.UDH_16)
    assert wide == ["a" * 151, "€" + "a" * 10]


def test_T01_what_a_reader_sees_is_not_cut() -> None:
    before, behind = "ж" * 60, "ж" * 10
    assert texts(before + FAMILY + behind) == [before, FAMILY + behind]
    assert texts(before + FAMILY + behind, graphemes=False) == [
        before + FAMILY[:4],
        FAMILY[4:] + behind,
    ]
    assert texts("ж" * 66 + "e\u0301" + behind) == ["ж" * 66, "e\u0301" + behind]
    assert texts("ж" * 65 + "🇩🇪" + behind) == ["ж" * 65, "🇩🇪" + behind]
    assert texts("ж" * 61 + "🇩🇪🇫🇷" + behind) == ["ж" * 61 + "🇩🇪", "🇫🇷" + behind]
    assert texts("a" * 152 + "\r\n" + "a" * 10) == ["a" * 152, "\r\n" + "a" * 10]
    assert texts("a" * 152 + "\r\n" + "a" * 10, graphemes=False)[0] == "a" * 152 + "\r"


def test_T01_a_cluster_larger_than_a_part_is_cut_between_characters() -> None:
    text = "ж" + "\u0301" * 200
    assert [len(part) for part in texts(text)] == [67, 67, 67]
    assert [len(part) for part in texts("жж" + text)] == [2, 67, 67, 67]
    huge = "\u200d".join(["👩"] * 60)
    assert join(segments(huge, reference=1)).text == huge
    for part in texts(huge):
        part.encode("utf-16-be")


def test_T01_utf_8_is_not_cut_inside_of_a_sequence() -> None:
    utf_8: dict[str, Any] = {"default_alphabet": "utf-8", "graphemes": False}
    assert texts("a" * 133 + "é" * 10, **utf_8) == ["a" * 133, "é" * 10]
    assert texts("a" * 131 + "👋" * 10, **utf_8) == ["a" * 131, "👋" * 10]
    assert texts("a" * 132 + "é" * 10, **utf_8) == ["a" * 132 + "é", "é" * 9]


@pytest.mark.parametrize("last", ["@", "\r", "a"])
@pytest.mark.parametrize("method", Method)
def test_packed_text_comes_back_whatever_a_part_ends_with(last: str, method: Method) -> None:
    rules = TextRules(default_alphabet="gsm0338-packed", method=method)
    for size in range(135, 165):
        for text in (
            "a" * size + last,
            "a" * size + last + "b" * 300,
            "a" * size + last * 3,
            "a" * size + last * 2 + "€" * 200,
        ):
            parts = segments(text, rules, reference=9)
            assert join(parts, rules).text == text
            if method is not Method.PAYLOAD:
                taken = 7 if method is Method.SAR and len(parts) > 1 else 0
                assert max(len(each.short_message) for each in parts) <= 140 - taken


def test_what_packing_cannot_say_is_sent_otherwise() -> None:
    """A carriage return behind another one looks like the mark of the end."""
    rules = TextRules(default_alphabet="gsm0338-packed")
    assert plan("1234567\r\r", rules).coding.name == "UCS-2"
    assert plan("123456\r\r", rules).coding.name == "GSM 7-bit, packed"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("€" * 152, 2),
        ("€" * 153, 3),  # 76 a part: an escape is never the last septet
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("👋" * 35, 1),
        ("👋" * 36, 2),
        ("👋" * 66, 2),
        ("👋" * 67, 3),
        (FAMILY * 6, 1),
        (FAMILY * 7, 2),
        (FAMILY * 13, 3),
    ],
)
def test_field_33_numbers_of_parts(text: str, parts: int) -> None:
    assert plan(text).parts == parts
    assert len(segments(text, reference=0)) == parts


# What is sent.


def test_field_36_a_text_of_any_length_needs_no_more_than_a_reference() -> None:
    """In each of the four ways; short_message alone holds 254 octets in SMPP 3.4."""
    text = "The quick brown fox jumps over the lazy dog. " * 20
    for method in Method:
        sent = [
            SubmitSM(destination_addr="2", **each.fields)
            for each in segments(text, method=method, reference=0x1FE)
        ]
        assert max(len(pdu.short_message) for pdu in sent) <= 160
        assert join([decode(pdu.encode()) for pdu in sent]).text == text
        first = sent[0]
        number = Part.of(first).concatenation
        if method is Method.UDH_8:
            assert first.short_message.startswith(b"\x05\x00\x03\xfe\x06\x01")
            assert number == (0xFE, 6, 1, 8)
        elif method is Method.UDH_16:
            assert first.short_message.startswith(b"\x06\x08\x04\x01\xfe\x06\x01")
            assert number == (0x1FE, 6, 1, 16)
        elif method is Method.SAR:
            assert number == (0x1FE, 6, 1, 0)
            assert first.esm_class == 0
        else:
            assert number is None
            assert len(sent) == 1
            assert first.tlvs[message_payload] == text.encode("ascii")


def test_field_39_a_header_is_announced_and_nothing_else_is() -> None:
    esm_class = EsmClass.UDHI | EsmClass.STORE_AND_FORWARD | EsmClass.REPLY_PATH
    (plain,) = segments("hello", esm_class=esm_class)
    assert plain.esm_class == EsmClass.STORE_AND_FORWARD | EsmClass.REPLY_PATH
    (ported,) = segments("hello", elements=[Ports(1, 2)], esm_class=3)
    assert ported.esm_class == 0x43
    assert ported.short_message == header_of([Ports(1, 2)]) + b"hello"
    for method in (Method.SAR, Method.PAYLOAD):
        for segment in segments("a" * 200, method=method, reference=1, esm_class=0xC3):
            assert segment.esm_class == 0x83
    for segment in segments("a" * 200, reference=1):
        assert segment.esm_class == 0x40


def test_elements_are_in_every_part() -> None:
    elements = (MessageIndication(0x80, 3), Ports(1, 2, 8), Unknown(0x70, b"x"))
    for segment in segments(
        "ğ" * 300, TextRules(languages=TURKISH), elements=elements, reference=7
    ):
        header, _ = UserDataHeader.split(segment.short_message)
        assert header is not None
        number = Concatenation(7, segment.total, segment.number)
        assert header.elements == (number, *elements, LockingShift(1))


def test_the_method_given_counts_more_than_that_of_the_rules() -> None:
    rules = TextRules(method=Method.SAR)
    assert plan("a" * 200, rules).method is Method.SAR
    assert plan("a" * 200, rules, method=Method.UDH_16).method is Method.UDH_16
    assert plan("a", rules, method=Method.UDH_16).method is None


# What is refused.


def test_a_method_is_one() -> None:
    with pytest.raises(ValueError, match="method: 'sar' is not one of"):
        plan("a", method="sar")  # type: ignore[arg-type]


def test_several_parts_need_a_reference() -> None:
    for method in (Method.UDH_8, Method.UDH_16, Method.SAR):
        with pytest.raises(ValueError, match="a text of 2 parts needs a reference"):
            segments("a" * 161, method=method)
    assert len(segments("a" * 161, method=Method.PAYLOAD)) == 1
    assert len(segments("a" * 160)) == 1


@pytest.mark.parametrize("method", [Method.UDH_8, Method.UDH_16, Method.SAR])
def test_more_parts_than_can_be_numbered(method: Method) -> None:
    capacity = plan("a" * 200, method=method).capacity
    most = "a" * capacity * MOST_PARTS
    found = plan(most, method=method)
    assert found.parts == 255
    assert [each.number for each in found.segments(1)] == [*range(1, 256)]
    assert join(found.segments(1)).text == most
    with pytest.raises(TextTooLong, match="takes 256 parts in GSM 7-bit, at most 255"):
        plan(most + "a", method=method)


def test_a_text_too_long_for_one_coding_may_fit_another() -> None:
    text = "€" * 153 * 200
    with pytest.raises(TextTooLong, match="in GSM 7-bit"):
        plan(text)
    assert plan(text, TextRules(languages=PORTUGUESE)).coding.name == "GSM 7-bit (Portuguese)"


def test_more_octets_than_a_payload_holds() -> None:
    assert plan("a" * 65535, method=Method.PAYLOAD).parts > 255
    with pytest.raises(TextTooLong, match=r"65536 octets in GSM 7-bit, .* at most 65535"):
        plan("a" * 65536, method=Method.PAYLOAD)
    assert plan("ж" * 32767, method=Method.PAYLOAD).pdus == 1
    with pytest.raises(TextTooLong, match="65536 octets in UCS-2"):
        plan("ж" * 32768, method=Method.PAYLOAD)
    packed = TextRules(default_alphabet="gsm0338-packed", method=Method.PAYLOAD)
    assert plan("a" * 74897, packed).pdus == 1
    with pytest.raises(TextTooLong):
        plan("a" * 74898, packed)


@pytest.mark.parametrize("method", [Method.SAR, Method.PAYLOAD])
def test_a_method_without_a_header_takes_elements_only_of_a_short_text(method: Method) -> None:
    assert plan("a" * 152, method=method, elements=[Ports(1, 2)]).parts == 1
    with pytest.raises(ValueError, match=f"method: {method.value} has no place for elements"):
        plan("a" * 153, method=method, elements=[Ports(1, 2)])


@pytest.mark.parametrize("method", [Method.SAR, Method.PAYLOAD])
def test_a_method_without_a_header_cannot_name_a_language_of_a_long_text(method: Method) -> None:
    rules = TextRules(languages=TURKISH, method=method)
    assert plan("ğ" * 155, rules).coding.name == "GSM 7-bit (Turkish)"
    assert plan("ğ" * 156, rules).coding.name == "UCS-2"


@pytest.mark.parametrize(
    "element",
    [
        Concatenation(1, 2, 1),
        Concatenation(1, 2, 1, 16),
        LockingShift(1),
        SingleShift(1),
        Unknown(0x00, b"\1\2\1"),
    ],
)
def test_elements_that_the_plan_writes_itself_are_not_taken(element: Any) -> None:
    """The last one of a kind counts: a reader would take this for the truth."""
    with pytest.raises(ValueError, match=f"elements: {type(element).__name__} is written where"):
        plan("a", elements=[Ports(1, 2), element])


def test_a_header_that_leaves_no_room() -> None:
    header = [Unknown(0x0A, bytes(130))]
    assert plan("a" * 8, elements=header).parts == 1
    with pytest.raises(ValueError, match="header of 138 octets leaves no room for text"):
        plan("a" * 9, elements=header)
    with pytest.raises(ValueError, match="header of 143 octets leaves no room"):
        plan("", elements=[Unknown(0x0A, bytes(140))])
    with pytest.raises(ValueError, match="length of data is 300"):
        plan("", elements=[Unknown(0x0A, bytes(300))])


def test_T02_a_lone_surrogate_is_not_sent() -> None:
    for text in ("\ud83d", "a\udc4b", "ж" * 100 + "\ud83d"):
        with pytest.raises(NotText) as caught:
            plan(text, TextRules(languages=tuple(Language), latin_1=True))
        assert caught.value.position == len(text) - 1
        assert text not in repr(caught.value)


# Transliteration.


def test_transliteration_is_not_used_when_it_does_not_help() -> None:
    rules = TextRules(transliterate=True)
    found = plan("“Grüße” — …", rules)
    assert (found.coding.name, found.text) == ("GSM 7-bit", '"Grüße" - ...')
    assert len(found.changes) == 4
    kept = plan("“жук”", rules)
    assert (kept.text, kept.changes, kept.coding.name) == ("“жук”", (), "UCS-2")


def test_transliteration_that_makes_a_text_longer_is_not_used() -> None:
    rules = TextRules(transliterate=True)
    text = "©" * 70  # would be 210 septets
    assert (plan(text, rules).parts, plan(text, rules).text) == (1, text)
    assert plan("©" * 10, rules).text == "(c)" * 10
    assert plan("ж" + "©" * 60, rules).parts == 1


def test_a_text_may_be_too_long_without_transliteration_or_with_it() -> None:
    rules = TextRules(transliterate=True)
    long = "“" + "a" * 20_000
    with pytest.raises(TextTooLong):
        plan(long)
    assert plan(long, rules).text == '"' + "a" * 20_000
    dots = "…" * 17_000
    assert plan(dots, rules).text == dots
    with pytest.raises(TextTooLong, match="in UCS-2"):
        plan("…" * 20_000, rules)


def test_texts_are_not_shown_by_repr() -> None:
    found = plan("secret" * 40)
    assert repr(found) == "Plan(GSM 7-bit, parts=2, udh8)"
    assert repr(found.segments(1)[1]) == "Segment(2 of 2, 93 octets)"
    assert repr(plan("secret")) == "Plan(GSM 7-bit, parts=1)"
    (payload,) = segments("secret" * 40, method=Method.PAYLOAD)
    assert repr(payload) == "Segment(1 of 1, 240 octets)"
