# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The GSM 7-bit default alphabet and its extension against their table, and another codec."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator

import gsm0338 as other
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from text_kit import text_examples
from wire_data import load

from twisted_smpp.text import gsm0338
from twisted_smpp.text.gsm0338 import CHARACTERS, ESCAPE, alphabet

TABLE = load("gsm0338.json")


def codes(name: str) -> dict[int, str]:
    return {int(c, 16): chr(int(u[2:], 16)) for c, u in TABLE[name]["codes"].items()}


DEFAULT, EXTENSION = codes("default_alphabet"), codes("default_extension")
WRITTEN = {character: bytes([code]) for code, character in DEFAULT.items()} | {
    character: bytes([ESCAPE, code]) for code, character in EXTENSION.items()
}
TEXTS = st.text(st.sampled_from(sorted(WRITTEN)))
#: Rich in characters that the alphabet has, and not without others.
MIXED = st.text(st.sampled_from([*sorted(WRITTEN), *"`çĞшあ한\x00\x1b\x7f\xa0\ufffd😀\ud83d"]))
#: Rich in escapes, and in octets that are no septets.
OCTETS = st.lists(
    st.sampled_from([ESCAPE, ESCAPE, 0, 0x0A, 0x0D, 0x14, 0x28, 0x41, 0x65, 0x80, 0xFF])
    | st.integers(0, 255)
).map(bytes)


def test_field_34_the_table_is_whole() -> None:
    assert set(DEFAULT) == set(range(128)) - {ESCAPE}
    assert len(EXTENSION) == 10
    assert len(WRITTEN) == 137, "no character is there twice"


@pytest.mark.parametrize("code", sorted(DEFAULT))
def test_field_34_the_default_alphabet(code: int) -> None:
    assert gsm0338.decode(bytes([code])) == DEFAULT[code]
    assert gsm0338.encode(DEFAULT[code]) == bytes([code])


@pytest.mark.parametrize("code", range(128))
def test_T08_the_extension(code: int) -> None:
    # A code that the extension does not have stands for that of the default alphabet.
    expected = EXTENSION.get(code) or (" " if code == ESCAPE else DEFAULT[code])
    assert gsm0338.decode(bytes([ESCAPE, code])) == expected
    if code in EXTENSION:
        assert gsm0338.encode(EXTENSION[code]) == bytes([ESCAPE, code])


def test_field_34_letters_that_look_alike_are_not_mixed_up() -> None:
    assert gsm0338.encode("Ç@_$¤§") == b"\x09\x00\x11\x02\x24\x5f"
    # Alpha and Beta of Greek, the increment, ohm and micro signs, the broken bar.
    for missing in "ç`´\u0391\u0392\u2206\u2126\u00b5\u00a6\x1b\xa0\ufffd\ufffe":
        with pytest.raises(UnicodeEncodeError, match="not in the alphabet"):
            gsm0338.encode(missing)


def test_field_34_of_all_code_points_it_writes_those_of_the_table() -> None:
    foreign = "".join(map(chr, sorted(set(range(sys.maxunicode + 1)) - set(map(ord, WRITTEN)))))
    assert frozenset(WRITTEN) == CHARACTERS
    assert gsm0338.encode(foreign, "ignore") == b""
    assert not any(map(alphabet().has_all_of, foreign[:0x10000]))
    assert alphabet().has_all_of("".join(WRITTEN))


# Texts.


@text_examples
@given(TEXTS)
def test_T08_text_comes_back(text: str) -> None:
    octets = gsm0338.encode(text)
    assert octets == b"".join(map(WRITTEN.__getitem__, text))
    assert gsm0338.decode(octets) == text
    assert len(octets) == len(text) + sum(c in EXTENSION.values() for c in text)


@given(MIXED)
@example("ÿ")
@example("\x1b")
def test_both_ways_to_encode_agree(text: str) -> None:
    """Texts within Latin-1 take a short cut, and so does the question whether all is there."""
    known = all(character in WRITTEN for character in text)
    assert alphabet().has_all_of(text) is known
    if known:
        assert gsm0338.encode(text) == gsm0338.encode(text, "ignore")
    else:
        with pytest.raises(UnicodeEncodeError):
            gsm0338.encode(text)


@given(MIXED)
@example("ab日本c")
@example("😀")
def test_the_first_foreign_character_is_named_by_its_place(text: str) -> None:
    first = next((at for at, c in enumerate(text) if c not in WRITTEN), None)
    if first is None:
        gsm0338.encode(text)
        return
    end = next((at for at in range(first, len(text)) if text[at] in WRITTEN), len(text))
    for errors in ("strict", "surrogatepass"):
        with pytest.raises(UnicodeEncodeError) as caught:
            gsm0338.encode(text, errors)
        assert (caught.value.start, caught.value.end) == (first, end)
        assert caught.value.object == text
        assert caught.value.encoding == "gsm0338"
        assert caught.value.reason == "not in the alphabet"


@given(
    MIXED,
    st.sampled_from(["ignore", "replace", "xmlcharrefreplace", "backslashreplace", "namereplace"]),
)
@example("naïve 日本 €", "xmlcharrefreplace")
def test_errors_are_handled_as_python_does(text: str, errors: str) -> None:
    handler = codecs.lookup_error(errors)
    pieces = [c if c in WRITTEN else handler(UnicodeEncodeError("x", c, 0, 1, ""))[0] for c in text]
    assert gsm0338.encode(text, errors) == gsm0338.encode("".join(map(str, pieces)))


def test_errors_that_are_written_out() -> None:
    text = "1ç日€"
    assert gsm0338.encode(text, "ignore") == b"1\x1be"
    assert gsm0338.encode(text, "replace") == b"1??\x1be"
    assert gsm0338.encode(text, "xmlcharrefreplace") == b"1&#231;&#26085;\x1be"
    assert gsm0338.encode(text, "backslashreplace") == b"1\x1b/xe7\x1b/u65e5\x1be"
    with pytest.raises(LookupError):
        gsm0338.encode(text, "no such handler")


# Octets.


def characters_of(octets: bytes) -> Iterator[tuple[int, str | None]]:
    """A plain reader: where each character's code is, and the character, if it is one."""
    at = 0
    while at < len(octets):
        if octets[at] != ESCAPE:
            yield at, DEFAULT.get(octets[at])
            at += 1
        elif octets[at + 1 : at + 2] in (b"", b"\x1b"):
            yield at, " "
            at += 2
        else:
            code = octets[at + 1]
            yield at + 1, EXTENSION.get(code) or DEFAULT.get(code)
            at += 2


@text_examples
@given(OCTETS)
@example(b"\x1b\xe5\x1b")
@example(b"\x1b\x1be")
@example(b"\x1b\x1b\x1be")
def test_field_37_any_octets_are_read(octets: bytes) -> None:
    read = list(characters_of(octets))
    assert gsm0338.decode(octets, "replace") == "".join(c or "\ufffd" for _, c in read)
    assert gsm0338.decode(octets, "ignore") == "".join(c or "" for _, c in read)
    assert gsm0338.decode(octets, "backslashreplace") == "".join(
        c or f"\\x{octets[at]:02x}" for at, c in read
    )
    wrong = next((at for at, c in read if c is None), None)
    if wrong is None:
        assert gsm0338.decode(octets) == gsm0338.decode(octets, "replace")
        return
    for errors in ("strict", "surrogatepass"):
        with pytest.raises(UnicodeDecodeError) as caught:
            gsm0338.decode(octets, errors)
        assert (caught.value.start, caught.value.end) == (wrong, wrong + 1)
        assert caught.value.object == octets
        assert caught.value.encoding == "gsm0338"
        assert caught.value.reason == "not a septet"


@given(st.binary())
def test_octets_above_a_septet_are_replaced_one_by_one(octets: bytes) -> None:
    text = gsm0338.decode(octets, "replace")
    assert len(text) <= len(octets)
    assert text.count("\ufffd") == sum(octet > 0x7F for octet in octets)
    # As everywhere in Python, they can be carried through text unharmed.
    carried = gsm0338.decode(octets.replace(b"\x1b", b""), "surrogateescape")
    assert gsm0338.encode(carried, "surrogateescape") == octets.replace(b"\x1b", b"")


def test_an_escape_that_announces_nothing_is_a_space() -> None:
    assert gsm0338.decode(bytes([0x41, ESCAPE])) == "A "
    assert gsm0338.decode(bytes([ESCAPE, ESCAPE, 0x41])) == " A"
    assert gsm0338.decode(bytes([ESCAPE, ESCAPE, ESCAPE, 0x65])) == " €"
    assert gsm0338.decode(bytes([ESCAPE, 0x0D, ESCAPE, 0x41])) == "\rA"


# Another implementation.

CODEC = other.Codec()


@given(TEXTS)
def test_T08_another_codec_writes_and_reads_the_same(text: str) -> None:
    octets = gsm0338.encode(text)
    assert CODEC.encode(text)[0] == octets
    assert CODEC.decode(octets) == (text, len(octets))


@given(MIXED)
def test_another_codec_finds_the_same_fault(text: str) -> None:
    if all(c in WRITTEN or c == "\x1b" for c in text):
        return  # it takes an escape for a character
    text = text.replace("\x1b", "")
    with pytest.raises(UnicodeEncodeError) as theirs:
        CODEC.encode(text)
    with pytest.raises(UnicodeEncodeError) as ours:
        gsm0338.encode(text)
    assert ours.value.start == theirs.value.start
