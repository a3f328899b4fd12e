"""Addresses as people write them, and what a PDU makes of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twisted_smpp.esme.addresses import MOST_SHORT_CODE, Address
from twisted_smpp.values import NPI, TON
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import SubmitSM

INTERNATIONAL, SHORT, NAME = (1, 1), (0, 0), (5, 0)
#: A number as it is dialled, with a prefix that only the country knows.
DIALLED = (0, 1)


@pytest.mark.parametrize(
    ("text", "kind", "addr"),
    [
        # International numbers.
        ("+491761234567", INTERNATIONAL, "491761234567"),
        ("00491761234567", INTERNATIONAL, "491761234567"),
        ("491761234567", INTERNATIONAL, "491761234567"),
        (" +49 176 123-45 67 ", INTERNATIONAL, "491761234567"),
        ("+1 (212) 555.0123", INTERNATIONAL, "12125550123"),
        ("0049/176/1234567", INTERNATIONAL, "491761234567"),
        ("+49\u00a0176\u00a01234567", INTERNATIONAL, "491761234567"),
        ("1234567", INTERNATIONAL, "1234567"),
        ("0012345", INTERNATIONAL, "12345"),
        ("+0049176", INTERNATIONAL, "0049176"),
        # No country code begins with 0: this is how one dials at home.
        ("01761234567", DIALLED, "01761234567"),
        ("+49 (0)176 1234567", INTERNATIONAL, "491761234567"),
        ("0049 (0) 176 1234567", INTERNATIONAL, "491761234567"),
        ("(0)176 1234567", DIALLED, "01761234567"),
        ("0176 1234567", DIALLED, "01761234567"),
        ("(0176) 123-45-67", DIALLED, "01761234567"),
        ("0123456", DIALLED, "0123456"),
        ("00012345", DIALLED, "00012345"),
        ("0000000", DIALLED, "0000000"),
        # A plus makes an international number of the shortest.
        ("+123456", INTERNATIONAL, "123456"),
        ("+12345", INTERNATIONAL, "12345"),
        ("+ 1", INTERNATIONAL, "1"),
        # Short codes.
        ("12345", SHORT, "12345"),
        ("1", SHORT, "1"),
        ("0", SHORT, "0"),
        ("123456", SHORT, "123456"),
        ("123-456", SHORT, "123456"),
        ("001234", SHORT, "001234"),
        ("000000", SHORT, "000000"),
        # Names.
        ("Shop", NAME, "Shop"),
        (" Shop 24 ", NAME, "Shop 24"),
        ("My-Shop", NAME, "My-Shop"),
        ("1-800-FLOWERS", NAME, "1-800-FLOWERS"),
        ("+49 (0)800 FLOWERS", NAME, "+49 (0)800 FLOWERS"),
        ("00(0)Shop", NAME, "00(0)Shop"),
        ("Café", NAME, "Café"),
        ("+", NAME, "+"),
        ("++49176", NAME, "++49176"),
        ("49+176", NAME, "49+176"),
        ("*100#", NAME, "*100#"),
        ("-", NAME, "-"),
        ("１２３４５", NAME, "１２３４５"),
        ("²³", NAME, "²³"),
        # The message centre chooses.
        ("", SHORT, ""),
        ("  ", SHORT, ""),
    ],
)
def test_what_people_write(text: str, kind: tuple[int, int], addr: str) -> None:
    assert Address.guess(text) == Address(*kind, addr)


def test_the_kinds_are_those_of_the_standard() -> None:
    assert (TON.INTERNATIONAL, NPI.ISDN) == INTERNATIONAL
    assert (TON.UNKNOWN, NPI.UNKNOWN) == SHORT
    assert (TON.ALPHANUMERIC, NPI.UNKNOWN) == NAME
    assert (TON.UNKNOWN, NPI.ISDN) == DIALLED
    for text in ("+491761234567", "12345", "Shop", ""):
        guess = Address.guess(text)
        assert (type(guess.ton), type(guess.npi)) == (int, int)


@pytest.mark.parametrize("digits", range(1, 16))
def test_the_digits_of_a_number_tell_short_codes(digits: int) -> None:
    number = "987654321987654321"[:digits]
    expected = SHORT if digits <= MOST_SHORT_CODE else INTERNATIONAL
    assert Address.guess(number) == Address(*expected, number)


written = st.text() | st.text("0123456789+-() ./") | st.from_regex(r"(\+|00)?[0-9]{1,20}")


@given(written)
@example("\x00")
@example("+" * 100)
@example("00" * 100)
@example("\ud800")
def test_any_text_has_an_address(text: str) -> None:
    guess = Address.guess(text)
    assert (guess.ton, guess.npi) in (INTERNATIONAL, SHORT, NAME, DIALLED)
    assert len(guess.addr) <= len(text)
    if (guess.ton, guess.npi) != NAME:
        assert guess.addr.strip("0123456789") == ""
    if (guess.ton, guess.npi) == INTERNATIONAL and "+" not in text:
        assert not guess.addr.startswith("0")


@given(st.text(st.characters(min_codepoint=1, max_codepoint=0xFF), max_size=20))
def test_what_20_octets_hold_can_be_sent(text: str) -> None:
    guess = Address.guess(text)
    octets = SubmitSM(
        source_addr_ton=guess.ton,
        source_addr_npi=guess.npi,
        source_addr=guess.addr,
        dest_addr_ton=guess.ton,
        dest_addr_npi=guess.npi,
        destination_addr=guess.addr,
        sequence_number=1,
    ).encode()
    pdu = decode(octets)
    assert isinstance(pdu, SubmitSM)
    assert (pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr) == guess
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == guess


@pytest.mark.parametrize("number", [491761234567, None, b"49176"])
def test_what_is_no_text_is_no_address(number: Any) -> None:
    with pytest.raises(TypeError, match="an address is a str or an Address, not "):
        Address.guess(number)
