# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Ways to write text, where the octets of each may be cut, and reading what peers write."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from text_kit import text_examples
from wire_data import CAPTURED, load

from twisted_smpp.text import gsm0338, packed
from twisted_smpp.text.coding import (
    GSM,
    UCS2,
    USER_DATA_OCTETS,
    UTF8,
    Coding,
    Decoded,
    PackedGSM,
    codings,
    decode,
    is_packed,
)
from twisted_smpp.text.data_coding import Charset, scheme
from twisted_smpp.text.gsm0338 import Language
from twisted_smpp.text.rules import DEFAULT_ALPHABETS, Method, TextRules
from twisted_smpp.text.udh import LockingShift, SingleShift, UserDataHeader
from twisted_smpp.values import DataCoding, EsmClass
from twisted_smpp.wire.pdu import decode as decode_pdu

TURKISH, SPANISH, HINDI = Language.TURKISH, Language.SPANISH, Language.HINDI


def text_of(octets: bytes, data_coding: int, **settings: Any) -> str | None:
    """The text, of octets that can be read."""
    found = decode(octets, data_coding, TextRules(**settings))
    assert found == (found.text, octets, False)
    return found.text


# Which codings a link takes.


def offered(*args: Any, **kwargs: Any) -> list[tuple[str, int]]:
    return [(each.name, each.data_coding) for each in codings(*args, **kwargs)]


def test_the_codings_of_a_link_in_order() -> None:
    assert offered("gsm0338") == [("GSM 7-bit", 0), ("UCS-2", 8)]
    assert offered("gsm0338-packed") == [("GSM 7-bit, packed", 0), ("UCS-2", 8)]
    assert offered("latin-1") == [("LATIN-1", 0), ("UCS-2", 8)]
    assert offered("ascii") == [("ASCII", 0), ("UCS-2", 8)]
    assert offered("utf-8") == [("UTF-8", 0), ("UCS-2", 8)]
    assert offered("gsm0338", latin_1=True) == [("GSM 7-bit", 0), ("LATIN-1", 3), ("UCS-2", 8)]


def test_one_national_table_comes_before_two() -> None:
    assert offered("gsm0338", (TURKISH, SPANISH)) == [
        ("GSM 7-bit", 0),
        ("GSM 7-bit (Turkish)", 0),
        ("GSM 7-bit (Spanish)", 0),
        ("GSM 7-bit (Turkish)", 0),
        ("GSM 7-bit (Turkish)", 0),
        ("GSM 7-bit (Turkish + Spanish)", 0),
        ("UCS-2", 8),
    ]
    shifts = [each.elements for each in codings("gsm0338", (TURKISH, SPANISH))]
    assert shifts == [
        (),
        (SingleShift(1),),
        (SingleShift(2),),
        (LockingShift(1),),
        (LockingShift(1), SingleShift(1)),
        (LockingShift(1), SingleShift(2)),
        (),
    ]
    packed = codings("gsm0338-packed", (TURKISH,))
    assert [each.name for each in packed[1:-1]] == ["GSM 7-bit (Turkish), packed"] * 3
    # Where data_coding 0 is something else there is no place for them.
    assert offered("utf-8", (TURKISH,)) == [("UTF-8", 0), ("UCS-2", 8)]


@pytest.mark.parametrize("number", range(4))
def test_a_message_class_leaves_gsm_and_ucs2(number: int) -> None:
    gsm, ucs2 = 0xF0 + number, 0x18 + number
    for alphabet in ("gsm0338", "latin-1", "ascii", "utf-8"):
        found = offered(alphabet, latin_1=True, message_class=number)
        assert found == [("GSM 7-bit", gsm), ("UCS-2", ucs2)]
    found = offered("gsm0338-packed", message_class=number)
    assert found == [("GSM 7-bit, packed", gsm), ("UCS-2", ucs2)]
    with pytest.raises(ValueError, match="message_class: 4 is not 0, 1, 2 or 3"):
        codings("gsm0338", message_class=4)


def test_what_they_are_called_and_count() -> None:
    units = {each.name: (each.unit, each.unit_octets) for each in codings("gsm0338", (), True)}
    assert units == {
        "GSM 7-bit": ("septets", 1),
        "LATIN-1": ("octets", 1),
        "UCS-2": ("UTF-16 units", 2),
    }
    assert codings("utf-8")[0].unit == "octets"


# Writing.

#: Every kind of coding, and characters that it has.
KINDS: list[tuple[Coding, str]] = [
    (Coding("LATIN-1", "latin-1", 3), "aÿ\x00\n"),
    (Coding("ASCII", "ascii", 0), "a~\x00\n"),
    (UTF8("UTF-8", "utf-8", 0), "aÿ€あ\U0001f44d\n\x00"),
    (UCS2(8), "aÿ€あ\U0001f44d\U0001f1e6\n\x00\ufffd"),
    (GSM(0), "a@\n\ré[€^"),
    (GSM(0, TURKISH, SPANISH), "a@\rğÇç€á["),
    (GSM(0, HINDI, HINDI), "a@\rन् A€।"),
    (PackedGSM(0), "a@\n\r@\ré[€^"),
    (PackedGSM(0, 0, HINDI), "a@\r@\r$£।A"),
]
IDS = [f"{coding.name} {coding.elements}" for coding, _ in KINDS]
each_kind = pytest.mark.parametrize("number", range(len(KINDS)), ids=IDS)


@pytest.mark.parametrize(("coding", "characters"), KINDS, ids=IDS)
def test_writing(coding: Coding, characters: str) -> None:
    octets = coding.encode(characters)
    assert coding.try_encode(characters) == octets
    assert octets == b"".join(map(coding.encode, characters))
    assert coding.is_faithful(b"", 0)
    missing = "\ud83d" if isinstance(coding, UTF8 | UCS2) else "日"
    for text in (missing, characters + missing, missing + characters):
        assert coding.try_encode(text) is None
        with pytest.raises(UnicodeEncodeError) as caught:
            coding.encode(text)
        assert text[caught.value.start] == missing


def test_ascii_that_gsm_lacks() -> None:
    for character in "`\x00\x1b\x7f\t":
        assert GSM(0).try_encode(character) is None
    assert GSM(0).try_encode("[") == b"\x1b<"


@pytest.mark.parametrize("row", load("gsm0338.json")["capacity"]["per_part"], ids=str)
def test_what_a_message_holds_behind_a_header(row: dict[str, Any]) -> None:
    header = row["udh_octets"]
    assert USER_DATA_OCTETS == 140
    assert GSM(0).capacity(header) == PackedGSM(0).capacity(header) == row["gsm7_septets"]
    assert UCS2(8).capacity(header) == row["ucs2_characters"]
    assert Coding("LATIN-1", "latin-1", 3).capacity(header) == row["octets"]
    assert UTF8("UTF-8", "utf-8", 0).capacity(header) == row["octets"]


@st.composite
def written(draw: st.DrawFn) -> tuple[Coding, str, int]:
    coding, characters = draw(st.sampled_from(KINDS))
    text = draw(st.text(st.sampled_from(characters), min_size=2, max_size=30))
    most = len(coding.encode(text)) // coding.unit_octets - 1
    return coding, text, draw(st.integers(1, most)) * coding.unit_octets


@text_examples
@given(written())
def test_field_33_no_character_is_cut(case: tuple[Coding, str, int]) -> None:
    coding, text, end = case
    octets = coding.encode(text)
    places = [len(coding.encode(text[:at])) for at in range(len(text) + 1)]
    last = max(at for at in places if at <= end)
    if isinstance(coding, PackedGSM) and octets[end - 1] in packed.FILLING:
        last = max(at for at in places if at < end)
    assert coding.retreat(octets, end) == last
    for start in (at for at in places if at <= last):
        assert coding.count(octets, start, last) == places.index(last) - places.index(start)


@given(written(), st.integers(0, 40))
def test_what_fits(case: tuple[Coding, str, int], spare: int) -> None:
    coding, text, start = case
    octets = coding.encode(text)
    rest = len(octets) - start
    assert not coding.fits(octets, start, rest - 1)
    assert coding.fits(octets, start, rest + 1 + spare)
    is_marked = isinstance(coding, PackedGSM) and octets[-1] in packed.FILLING
    assert coding.fits(octets, start, rest) is not is_marked


@each_kind
@pytest.mark.parametrize("header", [0, 4, 6, 7, 12, 13])
def test_T08_a_part_as_it_travels(number: int, header: int) -> None:
    """Filled up to any of its last places, it fits and comes back."""
    coding, characters = KINDS[number]
    room = coding.capacity(header) * coding.unit_octets
    for character in characters:
        octets = coding.encode("a" * 20 + character * room)
        for end in range(room - 4 * coding.unit_octets, room + 1, coding.unit_octets):
            part = octets[: coding.retreat(octets, end)]
            finished = coding.finish(part, header)
            if isinstance(coding, PackedGSM):
                if coding.fits(part, 0, room):
                    assert len(finished) <= USER_DATA_OCTETS - header
                back = packed.unpack(finished, packed.fill_bits(header))
                assert coding.is_faithful(part, header) is (back == part)
                assert back == part or part.endswith((b"\r\r", b"\0\r"))
            else:
                assert finished == part
                assert coding.is_faithful(part, header)


def test_field_37_a_full_packed_part_leaves_room_for_the_mark() -> None:
    coding = PackedGSM(0)
    assert coding.fits(b"x" * 160, 0, 160)
    assert not coding.fits(b"x" * 159 + b"\0", 0, 160)
    assert not coding.fits(b"x" * 159 + b"\r", 0, 160)
    assert coding.fits(b"x" * 158 + b"\r", 0, 160)
    assert coding.retreat(b"x" * 159 + b"\0x", 160) == 159
    # Neither is an escape left alone by that.
    assert coding.retreat(b"x" * 158 + b"\x1b\0x", 160) == 158
    assert coding.retreat(b"x" * 159 + b"\x1be", 160) == 159
    assert coding.is_faithful(b"x" * 6 + b"\r", 0)
    assert not coding.is_faithful(b"1234567\r\r", 0)
    assert coding.is_faithful(b"1234567\r\r", 6)


# Reading.


@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (DataCoding.MC_DEFAULT, b"\x00\x11", "@_"),
        (DataCoding.ASCII, b"@_", "@_"),
        (DataCoding.LATIN_1, b"\xe9", "é"),
        (DataCoding.CYRILLIC, b"\xb0", "А"),
        (DataCoding.LATIN_HEBREW, b"\xe0", "א"),
        (DataCoding.UCS2, b"\x20\xac", "€"),
        (DataCoding.UCS2, b"\xd8\x3d\xdc\x4b", "👋"),
        (DataCoding.JIS, b"\x93\xfa\x96\x7b", "日本"),
        (DataCoding.ISO_2022_JP, b"\x1b$BF|K\\\x1b(B", "日本"),
        (DataCoding.EXTENDED_KANJI_JIS, b"\xc6\xfc\xcb\xdc", "日本"),
        (DataCoding.KS_C_5601, b"\xc7\xd1", "한"),
        (0x10, b"\x1be", "€"),
        (0x18, b"\x20\xac", "€"),
        (0x40, b"\x02", "$"),
        (0xC8, b"\x02", "$"),
        (0xDB, b"\x02", "$"),
        (0xE8, b"\x20\xac", "€"),
        (0xF0, b"\x02", "$"),
        (0xFB, b"\x02", "$"),
    ],
)
def test_what_peers_send_is_read(data_coding: int, octets: bytes, text: str) -> None:
    assert text_of(octets, data_coding) == text
    assert text_of(octets, int(data_coding)) == text
    assert text_of(b"", data_coding) == ""


def test_octets_that_are_no_text() -> None:
    for data_coding in range(256):
        found = decode(b"\x01\x02", data_coding)
        assert (found.text is None) is (scheme(data_coding).charset is Charset.OCTETS)
        assert found.octets == b"\x01\x02"
        if found.text is None:
            assert not found.damaged


def test_the_alphabet_behind_zero_is_a_setting() -> None:
    octets = b"\x40\xc3\xa9"
    assert decode(octets, 0) == ("¡\ufffd\ufffd", octets, True)
    assert decode(octets, 0, TextRules("gsm0338-packed")) == ("¡\ufffd\ufffd", octets, True)
    assert decode(octets, 0, TextRules("ascii")) == ("@\ufffd\ufffd", octets, True)
    assert text_of(octets, 0, default_alphabet="latin-1") == "@Ã©"
    assert text_of(octets, 0, default_alphabet="utf-8") == "@é"
    # It is a setting of that value alone.
    for alphabet in DEFAULT_ALPHABETS:
        assert text_of(b"\x02", 0xF0, default_alphabet=alphabet) == "$"
        assert text_of(b"\xe9", 3, default_alphabet=alphabet) == "é"
        assert text_of(b"\x00\xe9", 8, default_alphabet=alphabet) == "é"


def test_peers_that_do_not_go_by_the_standard() -> None:
    codecs = {1: "gsm0338", 3: "cp1252", 4: "utf-8", 8: "utf-16-le", 0: "gsm0338-turkish"}
    assert text_of(b"\x02", 1, codecs=codecs) == "$"
    assert text_of(b"\x80", 3, codecs=codecs) == "€"
    assert text_of(b"\xc3\xa9", 4, codecs=codecs) == "é"
    assert text_of(b"\xac\x20", 8, codecs=codecs) == "€"
    assert text_of(b"\x07", 0, codecs=codecs) == "ı"
    assert text_of(b"\x02", 0xF0, codecs=codecs) == "$"
    assert decode(b"\x81", 3, TextRules(codecs=codecs)) == ("\ufffd", b"\x81", True)


def test_T08_national_tables_by_the_header() -> None:
    assert decode(b"\x07\x1bg", 0, locking=1, single=1).text == "ığ"
    assert decode(b"\x07\x1bg", 0, locking=1).text == "ıg"
    assert decode(b"\x07\x1bg", 0xF1, single=1).text == "ìğ"
    # Also where another codec is spelled as this alphabet; what is unknown is left out.
    assert decode(b"\x07", 1, TextRules(codecs={1: "gsm0338"}), locking=1).text == "ı"
    assert decode(b"\x07\x1bg", 0, locking=200, single=14).text == "ìg"
    # Other alphabets have none.
    assert decode(b"\x67", 3, locking=1, single=1).text == "g"
    # A table may have gaps.
    assert decode(b"\x0ea", 0, locking=Language.BENGALI) == ("\ufffda", b"\x0ea", True)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x20", "\ufffd"),
        (b"\x00A\x20", "A\ufffd"),
        (b"\xd8\x3d", "\ufffd"),
        (b"\xdc\x4b", "\ufffd"),
        (b"\x00A\xd8\x3d\x00B", "A\ufffdB"),
        (b"\xdc\x4b\xd8\x3d", "\ufffd\ufffd"),
    ],
)
def test_T02_lone_surrogates_and_odd_octets(octets: bytes, text: str) -> None:
    assert decode(octets, 8) == (text, octets, True)
    assert decode(octets, 8).damaged
    assert decode(octets, 0xE0) == decode(octets, 0x1A) == decode(octets, 8)


@pytest.mark.parametrize(
    "text", ["\r\n", "a\r\nb\r", "\n\r", "\x00", "a\x1a\x00b\x1a", "=1+1,\t\"'"]
)
def test_T09_control_characters_are_kept(text: str) -> None:
    for coding in (*codings("gsm0338", (), True), *(codings(a)[0] for a in DEFAULT_ALPHABETS)):
        octets = coding.try_encode(text)
        if octets is None:
            assert isinstance(coding, GSM)
            assert set(text) & set("\x00\x1a\t")
            continue
        rules = TextRules("utf-8" if isinstance(coding, UTF8) else "gsm0338")
        if type(coding) is Coding:
            rules = TextRules("latin-1")
        assert decode(octets, coding.data_coding, rules) == (text, octets, False)
        if isinstance(coding, PackedGSM):
            assert packed.unpack(coding.finish(octets, 0)) == octets


def test_which_text_comes_packed() -> None:
    rules = TextRules("gsm0338-packed")
    found = {value for value in range(256) if is_packed(value, rules)}
    assert found == {
        value for value in range(256) if scheme(value).charset in (Charset.DEFAULT, Charset.GSM)
    }
    assert {0, 0x10, 0xC0, 0xD8, 0xF0} <= found
    assert not {1, 3, 4, 8, 0x18, 0xE0, 0xF4} & found
    assert not is_packed(0, TextRules("gsm0338-packed", codecs={0: "ascii"}))
    assert is_packed(0xF0, TextRules("gsm0338-packed", codecs={0: "ascii"}))
    for alphabet in set(DEFAULT_ALPHABETS) - {"gsm0338-packed"}:
        assert not any(is_packed(value, TextRules(alphabet)) for value in range(256))


def test_texts_are_not_shown() -> None:
    assert repr(decode(b"secret", 0)) == "Decoded(<6 characters>, <6 octets>, damaged=False)"
    assert repr(decode(b"\xe7", 0)) == "Decoded(<1 characters>, <1 octets>, damaged=True)"
    assert repr(Decoded(None, b"\x01")) == "Decoded(None, <1 octets>, damaged=False)"


# Properties.

PYTHON_CODECS = ["gsm0338", "gsm0338-hindi", "utf-7", "utf-8", "utf-16", "cp1252", "hz"]
RULES = st.builds(
    TextRules,
    default_alphabet=st.sampled_from(DEFAULT_ALPHABETS),
    languages=st.lists(st.sampled_from(Language), max_size=2).map(tuple),
    latin_1=st.booleans(),
    method=st.sampled_from(Method),
    codecs=st.dictionaries(st.integers(0, 255), st.sampled_from(PYTHON_CODECS), max_size=3),
)
#: Rich in what begins something: escapes, surrogates, sequences.
OCTETS = st.lists(
    st.sampled_from(list(b"\x1b\x1b$B(J\x00\x0d\xd8\x3d\xdc\x4b\xc3\xa9\xf0\x9f\x8f\xfe\xff~{"))
    | st.integers(0, 255),
    max_size=40,
).map(bytes)


@text_examples
@given(OCTETS, st.integers(0, 255), RULES, st.integers(0, 255), st.integers(0, 255))
@example(b"\x1b$B\x21", 10, TextRules(), 0, 0)
def test_field_37_any_octets_of_any_coding_are_read(
    octets: bytes, data_coding: int, rules: TextRules, locking: int, single: int
) -> None:
    found = decode(octets, data_coding, rules, locking=locking, single=single)
    assert found.octets == octets
    if found.text is None:
        assert not found.damaged
        assert data_coding not in rules.codecs
    elif found.damaged:
        assert "\ufffd" in found.text


@text_examples
@given(st.text(), st.sampled_from(DEFAULT_ALPHABETS), st.sampled_from([None, 0, 1]))
@example("\ud83d", "utf-8", None)
def test_T08_text_comes_back(text: str, alphabet: str, message_class: int | None) -> None:
    rules = TextRules(alphabet)
    found = 0
    for coding in codings(alphabet, (TURKISH, HINDI), True, message_class):
        octets = coding.try_encode(text)
        if octets is None:
            continue
        found += 1
        header = UserDataHeader(coding.elements)
        read = decode(
            octets, coding.data_coding, rules, locking=header.locking, single=header.single
        )
        assert read == (text, octets, False)
    assert found or any("\ud800" <= c <= "\udfff" for c in text)


# Octets of real peers.

SHOWN = [item for item in CAPTURED if "smpp.message_text" in item["wireshark"]]
DEFAULT = [
    item
    for item in CAPTURED
    if item["raw"].get("smpp.data_coding") == "00" and "smpp.message" in item["raw"]
]


@pytest.mark.parametrize("item", SHOWN, ids=[item["id"] for item in SHOWN])
def test_what_wireshark_shows_is_what_is_read(item: dict[str, Any]) -> None:
    octets = bytes.fromhex(item["raw"]["smpp.message_text"])
    found = decode(octets, int(item["raw"]["smpp.data_coding"], 16))
    assert found.text is not None
    # It shows control characters by their numbers, and nothing behind a NUL.
    text = re.sub("[\x01-\x1f]", lambda c: f"\\x{ord(c[0]):x}", found.text.partition("\0")[0])
    shown = item["wireshark"]["smpp.message_text"]
    assert text == shown or (len(shown) > 200 and text.startswith(shown))
    assert found.damaged is ("\ufffd" in shown)


def test_there_is_something_of_every_sort() -> None:
    codings = {item["raw"]["smpp.data_coding"] for item in SHOWN}
    assert codings == {"01", "03", "06", "07", "08", "0e", "c8", "f0", "f1"}
    assert len(DEFAULT) > 40
    assert len({item["peer"] for item in DEFAULT}) >= 10


@pytest.mark.parametrize("item", DEFAULT, ids=[item["id"] for item in DEFAULT])
def test_what_peers_send_without_a_coding(item: dict[str, Any]) -> None:
    """All of it is letters, digits and punctuation, which ASCII and GSM have at one place."""
    pdu = decode_pdu(bytes.fromhex(item["hex"]))
    text = octets = pdu.short_message
    if pdu.esm_class & EsmClass.UDHI:
        header, text = UserDataHeader.split(octets)
        assert header is not None
    assert re.fullmatch(rb"[A-Za-z0-9 .,:-]+", text)
    assert decode(text, pdu.data_coding) == (text.decode("ascii"), text, False)
    assert gsm0338.encode(text.decode("ascii")) == text
