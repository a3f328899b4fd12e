"""The GSM 7-bit default alphabet against its table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_data import load

from twisted_smpp.text import gsm0338
from twisted_smpp.text.gsm0338 import ESCAPE

TABLE = load("gsm0338.json")


def codes(name: str) -> dict[int, str]:
    return {int(c, 16): chr(int(u[2:], 16)) for c, u in TABLE[name]["codes"].items()}


DEFAULT, EXTENSION = codes("default_alphabet"), codes("default_extension")
CHARACTERS = [*DEFAULT.values(), *EXTENSION.values()]


def test_the_table_is_whole() -> None:
    assert set(DEFAULT) == set(range(128)) - {ESCAPE}
    assert len(EXTENSION) == 10


@pytest.mark.parametrize("code", sorted(DEFAULT))
def test_the_default_alphabet(code: int) -> None:
    assert gsm0338.decode(bytes([code])) == DEFAULT[code]
    assert gsm0338.encode(DEFAULT[code]) == bytes([code])


@pytest.mark.parametrize("code", range(128))
def test_the_extension(code: int) -> None:
    # A code that the extension does not have stands for that of the default alphabet.
    expected = EXTENSION.get(code) or (" " if code == ESCAPE else DEFAULT[code])
    assert gsm0338.decode(bytes([ESCAPE, code])) == expected
    if code in EXTENSION:
        assert gsm0338.encode(EXTENSION[code]) == bytes([ESCAPE, code])


@given(st.text(st.sampled_from(CHARACTERS)))
def test_text_comes_back(text: str) -> None:
    octets = gsm0338.encode(text)
    assert gsm0338.decode(octets) == text
    assert len(octets) == len(text) + sum(c in EXTENSION.values() for c in text)


@given(st.binary())
def test_any_octets_can_be_read(octets: bytes) -> None:
    text = gsm0338.decode(octets)
    assert len(text) <= len(octets)
    assert text.count("\ufffd") == sum(octet > 0x7F for octet in octets)


def test_a_last_escape_is_a_space() -> None:
    assert gsm0338.decode(bytes([0x41, ESCAPE])) == "A "
    assert gsm0338.decode(bytes([ESCAPE, ESCAPE, 0x41])) == " A"


@given(st.text())
def test_other_characters_are_named_by_their_place(text: str) -> None:
    first = next((at for at, c in enumerate(text) if c not in CHARACTERS), None)
    if first is None:
        assert gsm0338.encode(text)[:0] == b""
    else:
        with pytest.raises(UnicodeEncodeError) as caught:
            gsm0338.encode(text)
        assert (caught.value.start, caught.value.end) == (first, first + 1)
        assert caught.value.object == text
