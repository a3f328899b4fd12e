"""Text and data_coding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_smpp.text import coding
from twisted_smpp.values import DataCoding


def test_the_cheapest_coding_is_chosen() -> None:
    assert coding.encode("Hello {€}") == (0, b"Hello \x1b\x28\x1b\x65\x1b\x29")
    assert coding.encode("Zażółć") == (8, "Zażółć".encode("utf-16-be"))
    assert coding.encode("👋") == (8, b"\xd8\x3d\xdc\x4b")
    assert coding.encode("") == (0, b"")


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("a" * 160, True),
        ("a" * 161, False),
        ("€" * 80, True),
        ("€" * 81, False),
        ("ż" * 70, True),
        ("ż" * 71, False),
        ("👋" * 35, True),
        ("👋" * 36, False),
    ],
)
def test_what_fits_into_one_message(text: str, fits: bool) -> None:
    assert coding.encode(text).fits is fits


@given(st.text(st.characters(codec="utf-8")))
def test_text_comes_back(text: str) -> None:
    coded = coding.encode(text)
    assert coding.decode(coded.octets, coded.data_coding) == text


def test_a_lone_surrogate_is_kept() -> None:
    assert coding.encode("\ud83d") == (8, b"\xd8\x3d")


@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (DataCoding.MC_DEFAULT, b"\x00\x11", "@_"),
        (DataCoding.ASCII, b"@_", "@_"),
        (DataCoding.LATIN_1, b"\xe9", "é"),
        (DataCoding.CYRILLIC, b"\xb0", "А"),
        (DataCoding.LATIN_HEBREW, b"\xe0", "א"),
        (DataCoding.UCS2, b"\x20\xac", "€"),
        (DataCoding.ASCII, b"\xff", "\ufffd"),
        (DataCoding.UCS2, b"\x20", "\ufffd"),
    ],
)
def test_what_peers_send_is_read(data_coding: int, octets: bytes, text: str) -> None:
    assert coding.decode(octets, data_coding) == text
    assert coding.decode(octets, int(data_coding)) == text


@pytest.mark.parametrize("data_coding", [2, 4, 0xF5, 0xFF])
def test_octets_that_are_no_text(data_coding: int) -> None:
    assert coding.decode(b"\x01\x02", data_coding) is None


@given(st.binary(), st.integers(0, 255))
def test_any_octets_of_any_coding_can_be_looked_at(octets: bytes, data_coding: int) -> None:
    text = coding.decode(octets, data_coding)
    assert text is None or isinstance(text, str)
