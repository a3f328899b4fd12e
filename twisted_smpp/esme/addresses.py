"""Type of number and numbering plan, by the look of an address."""

from __future__ import annotations

import re
from typing import NamedTuple

from twisted_smpp.values import NPI, TON

__all__ = ["MOST_SHORT_CODE", "Address"]

#: Digits of the longest short code.
MOST_SHORT_CODE = 6


class Address(NamedTuple):
    """An address as a PDU has it.

    Attributes:
        ton, npi: type of number and numbering plan indicator.
        addr: the digits or the name, at most 20 octets of Latin-1.
    """

    ton: int
    npi: int
    addr: str

    @classmethod
    def guess(cls, text: str) -> Address:
        """What people write: ``+491761234567``, ``00491761234567``, ``12345``, ``Shop``.

        Up to six digits are a short code, of unknown type and plan; more, or a ``+`` in
        front, are an international number of ISDN; anything else is a name. Spaces, hyphens
        and brackets between digits go, and so does ``(0)`` behind a country code. What begins
        with ``0`` is no international number, since no country code does: it is of unknown
        type, of the plan of ISDN, and the message centre reads it as it would be dialled. ``00``
        and a country code is one, and whatever has a ``+``.

        Args:
            text: an address; "" leaves the choice to the message centre.

        Raises:
            TypeError: it is no str.
        """
        try:
            usual = text.isdecimal() and text.isascii() and len(text) > MOST_SHORT_CODE
        except AttributeError:
            raise TypeError(f"an address is a str or an Address, not {text!r}") from None
        if usual and text[0] != "0":
            return cls(_INTERNATIONAL, _ISDN, text)
        text = digits = text.strip()
        if "(0)" in text and text.startswith(("+", "00")):
            digits = text.replace("(0)", "")  # dialled within the country only
        # To translate takes longer than all the rest.
        digits = digits if digits.isalnum() else digits.translate(_PUNCTUATION)
        number = digits.removeprefix("+")
        international = number != digits
        if _dials_abroad(number) and len(digits) > MOST_SHORT_CODE and not international:
            number, international = number[2:], True
        if not (number.isascii() and number.isdecimal()):
            return cls(_ALPHANUMERIC if text else _UNKNOWN, _NO_PLAN, text)
        if len(number) <= MOST_SHORT_CODE and not international:
            return cls(_UNKNOWN, _NO_PLAN, number)
        if number[0] == "0" and not international:
            # A national number would go without its 0; which 0 that is differs by country.
            return cls(_UNKNOWN, _ISDN, number)
        return cls(_INTERNATIONAL, _ISDN, number)


#: The prefix of most countries for calls abroad, and the first digit of a country code.
_dials_abroad = re.compile("00[1-9]").match
# Looked up once: an enumeration is slow at it.
_UNKNOWN, _INTERNATIONAL = int(TON.UNKNOWN), int(TON.INTERNATIONAL)
_ALPHANUMERIC = int(TON.ALPHANUMERIC)
_NO_PLAN, _ISDN = int(NPI.UNKNOWN), int(NPI.ISDN)
_PUNCTUATION = {ord(each): None for each in " -()./\u00a0"}
