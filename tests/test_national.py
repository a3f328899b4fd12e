# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The shift tables of 13 languages, code by code, and two other codecs that have them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import gsm0338 as other
import gsmcodecs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from text_kit import text_examples
from wire_data import load

from twisted_smpp.text.gsm0338 import CHARACTERS, ESCAPE, Alphabet, Language, alphabet
from twisted_smpp.text.national import LOCKING, SINGLE

TABLE = load("gsm0338.json")
ROWS: list[dict[str, Any]] = TABLE["national_language_tables"]
#: What the notes of the table forbid to assert.
UNCERTAIN = {("kannada", "locking_shift", 0x24), ("telugu", "single_shift", 0x65)}
#: The characters that are read there, by one source or another.
DOUBTFUL = set("\u0ca1\u0caa€")

each_language = pytest.mark.parametrize("row", ROWS, ids=[row["language"] for row in ROWS])


def codes(table: dict[str, str]) -> dict[int, str]:
    return {int(c, 16): chr(int(u[2:], 16)) for c, u in table.items()}


DEFAULT = codes(TABLE["default_alphabet"]["codes"])
EXTENSION = codes(TABLE["default_extension"]["codes"])


def table(row: dict[str, Any], kind: str) -> dict[int, str]:
    """A table of a language, without what is uncertain; Spanish has one only."""
    if row[kind] is None:
        return DEFAULT
    known = codes(row[kind]).items()
    return {code: c for code, c in known if (row["language"], kind, code) not in UNCERTAIN}


MAIN = {0: DEFAULT} | {
    row["national_language_identifier"]: table(row, "locking_shift") for row in ROWS
}
SECOND = {0: EXTENSION} | {
    row["national_language_identifier"]: table(row, "single_shift") for row in ROWS
}


def certain(row: dict[str, Any], kind: str, read: dict[int, Any]) -> dict[int, Any]:
    return {code: c for code, c in read.items() if (row["language"], kind, code) not in UNCERTAIN}


def read(tables: Alphabet, *septets: int) -> str | None:
    """One character; None when it is none."""
    text = tables.decode(bytes(septets), "replace")
    assert len(text) == 1
    return None if text == "\ufffd" else text


def test_the_languages_are_those_of_the_standard() -> None:
    assert {each.name.lower(): each.value for each in Language} == {
        row["language"]: row["national_language_identifier"] for row in ROWS
    }
    assert len(ROWS) == 13
    for row in ROWS:
        language = Language[row["language"].upper()]
        assert language.has_locking_shift is (row["locking_shift"] is not None)
    assert [each.name for each in Language if not each.has_locking_shift] == ["SPANISH"]


def test_the_tables_have_their_form() -> None:
    assert set(SINGLE) == set(LOCKING) | {"spanish"} == {row["language"] for row in ROWS}
    for main in LOCKING.values():
        assert len(main) == 128
        assert (main[0x0A], main[0x0D], main[0x1B]) == ("\n", "\r", "\x1b")
    for second in SINGLE.values():
        taken = [first + at for first, run in second.items() for at in range(len(run))]
        assert len(taken) == len(set(taken)), "no code is given twice"
        # An escape is never behind an escape: whoever cuts septets relies on it.
        assert set(taken) <= set(range(128)) - {0x0D, ESCAPE}


@each_language
def test_T08_the_locking_shift_table(row: dict[str, Any]) -> None:
    language = row["national_language_identifier"]
    ours = {code: read(alphabet(language), code) for code in range(128) if code != ESCAPE}
    expected = {code: MAIN[language].get(code) for code in ours}
    assert certain(row, "locking_shift", ours) == certain(row, "locking_shift", expected)


@each_language
def test_T08_the_single_shift_table(row: dict[str, Any]) -> None:
    language = row["national_language_identifier"]
    ours = {code: read(alphabet(0, language), ESCAPE, code) for code in range(128)}
    expected = {code: SECOND[language].get(code, DEFAULT.get(code, " ")) for code in ours}
    assert certain(row, "single_shift", ours) == certain(row, "single_shift", expected)


@each_language
def test_codes_without_a_character(row: dict[str, Any]) -> None:
    language = row["national_language_identifier"]
    tables = alphabet(language, language)
    for code in set(range(128)) - set(MAIN[language]) - {ESCAPE, 0x24}:
        # Behind an escape too, unless the second table has it.
        second = code in SECOND[language]
        for octets in [bytes([code])] + ([] if second else [bytes([ESCAPE, code])]):
            with pytest.raises(UnicodeDecodeError) as caught:
                tables.decode(b"ab" + octets)
            assert caught.value.start == len(octets) + 1
            assert caught.value.reason == "not in the alphabet"
            assert tables.decode(octets, "ignore") == ""
            assert tables.decode(octets, "replace") == "\ufffd"


@pytest.mark.parametrize("locking", range(14))
def test_T08_every_character_of_every_pair_of_tables(locking: int) -> None:
    for single in range(14):
        tables = alphabet(locking, single)
        written: dict[str, bytes] = {}
        for code, character in sorted(MAIN[locking].items()):
            written.setdefault(character, bytes([code]))
        for code, character in sorted(SECOND[single].items()):
            written.setdefault(character, bytes([ESCAPE, code]))
        assert tables.characters >= set(written)
        assert tables.characters - set(written) <= DOUBTFUL
        for character, septets in written.items():
            assert tables.encode(character) == septets, (single, character)
            assert tables.decode(septets) == character
        for character in tables.characters:
            assert tables.decode(tables.encode(character)) == character


def test_languages_that_are_not_known_get_the_default_tables() -> None:
    for unknown in (14, 100, 255, -1):
        assert alphabet(unknown, unknown).characters == CHARACTERS
        assert alphabet(1, unknown).characters == alphabet(1).characters
        assert alphabet(unknown, 1).characters == alphabet(0, 1).characters
    assert alphabet(Language.SPANISH).characters == CHARACTERS


def test_examples() -> None:
    turkish = alphabet(Language.TURKISH, Language.TURKISH)
    assert turkish.encode("ığdır €") == b"\x07\x0cd\x07r \x04"
    assert alphabet(0, Language.TURKISH).encode("ığ") == b"\x1bi\x1bg"
    assert alphabet(0, Language.SPANISH).encode("Ñandú ó") == b"\x5dand\x1bu \x1bo"
    assert alphabet(Language.PORTUGUESE).decode(b"n\x7bo \x12") == "não ª"
    hindi = alphabet(Language.HINDI, Language.HINDI)
    assert hindi.encode("नमस्ते A") == b"\x2f\x42\x4c\x5f\x27\x59 \x1bA"
    urdu = alphabet(Language.URDU, Language.URDU)
    assert urdu.decode(urdu.encode("سلام ۱۲؟")) == "سلام ۱۲؟"


# Properties.

LANGUAGES = st.tuples(st.integers(0, 13), st.integers(0, 13))


@lru_cache
def characters_of(tables: Alphabet) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(tables.characters))


@st.composite
def texts(draw: st.DrawFn) -> tuple[Alphabet, str]:
    tables = alphabet(*draw(LANGUAGES))
    return tables, draw(st.text(characters_of(tables)))


@text_examples
@given(texts())
def test_T08_text_comes_back(case: tuple[Alphabet, str]) -> None:
    tables, text = case
    septets = tables.encode(text)
    assert septets.isascii()
    assert tables.decode(septets) == text
    assert tables.has_all_of(text)
    assert b"".join(map(tables.encode, text)) == septets


@given(LANGUAGES, st.text(st.sampled_from("aç€Ğ日न؟@,' \n\x1b\ufffd\ufffe😀")))
@example((0, 1), "ğ\ufffe")
def test_whether_it_has_all_of_a_text(languages: tuple[int, int], text: str) -> None:
    tables = alphabet(*languages)
    known = set(text) <= tables.characters
    assert tables.has_all_of(text) is known
    if known:
        assert tables.encode(text) == tables.encode(text, "ignore")
    else:
        with pytest.raises(UnicodeEncodeError) as caught:
            tables.encode(text)
        assert text[caught.value.start] not in tables.characters
        assert set(text[: caught.value.start]) <= tables.characters


@given(st.binary(), st.integers(0, 255), st.integers(0, 255))
def test_field_37_any_octets_are_read_by_any_tables(
    octets: bytes, locking: int, single: int
) -> None:
    text = alphabet(locking, single).decode(octets, "replace")
    assert len(text) <= len(octets)
    assert text.count("\ufffd") >= sum(octet > 0x7F for octet in octets)


# Other implementations.

#: gsmcodecs has an apostrophe in the place of the comma of ten locking shift tables, where
#: every other source has the comma.
DISPUTED = DOUBTFUL | {",", "'"}


@pytest.mark.parametrize("locking", range(14))
def test_T08_another_codec_has_the_same_tables(locking: int) -> None:
    for single in range(14):
        theirs, ours = gsmcodecs.Codec(locking, single), alphabet(locking, single)
        text = "".join(sorted(ours.characters - DISPUTED))
        assert theirs.decode(ours.encode(text))[0] == text
        assert ours.decode(theirs.encode(text)[0]) == text
        assert len(theirs.encode(text)[0]) == len(ours.encode(text))
        for code in set(range(128)) - {ESCAPE}:
            main, second = theirs._lockDecode.get(code), theirs._shiftDecode.get(code)
            if main is not None and code not in (0x24, 0x2C):
                assert read(ours, code) == chr(main)
            if second is not None and code != 0x65:
                assert read(ours, ESCAPE, code) == chr(second)


def test_T08_one_more_codec_has_the_same_spanish() -> None:
    theirs = other.Codec(single_shift_decode_map=other.SINGLE_SHIFT_CHARACTER_SET_SPANISH)
    ours = alphabet(0, Language.SPANISH)
    text = "".join(sorted(ours.characters))
    assert theirs.encode(text)[0] == ours.encode(text)
    assert theirs.decode(ours.encode(text))[0] == text
