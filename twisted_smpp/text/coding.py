"""Between text and the octets of a short message, by data_coding.

Source: SMPP 5.0, 4.7.7 (data_coding); 3GPP TS 23.038, 4.
"""

from __future__ import annotations

from typing import NamedTuple

from twisted_smpp.text import gsm0338
from twisted_smpp.values import DataCoding

__all__ = ["MOST_OCTETS", "Coded", "decode", "encode"]

#: What fits into one message: 140 octets, which are 160 characters of 7 bits.
MOST_OCTETS = {DataCoding.MC_DEFAULT: 160, DataCoding.UCS2: 140}

_CODECS = {
    DataCoding.ASCII: "ascii",
    DataCoding.LATIN_1: "latin-1",
    DataCoding.CYRILLIC: "iso8859-5",
    DataCoding.LATIN_HEBREW: "iso8859-8",
    DataCoding.UCS2: "utf-16-be",
}


class Coded(NamedTuple):
    """Text as it travels.

    Attributes:
        data_coding: the field of that name.
        octets: one octet a character for the default alphabet, two for UCS-2.
    """

    data_coding: int
    octets: bytes

    def __repr__(self) -> str:
        return f"Coded(data_coding={self.data_coding!r}, octets=<{len(self.octets)} octets>)"

    @property
    def fits(self) -> bool:
        """Whether one message holds it."""
        return len(self.octets) <= MOST_OCTETS[DataCoding(self.data_coding)]


def encode(text: str) -> Coded:
    """``text`` in the GSM default alphabet if that has all of it, else in UCS-2.

    Characters beyond the basic plane (emoji) become the two units of UTF-16, as phones
    expect. A lone surrogate, which is no text, is kept as it is.
    """
    try:
        return Coded(DataCoding.MC_DEFAULT, gsm0338.encode(text))
    except UnicodeEncodeError:
        return Coded(DataCoding.UCS2, text.encode("utf-16-be", "surrogatepass"))


def decode(octets: bytes, data_coding: int) -> str | None:
    """The text of ``octets``; what cannot be read becomes U+FFFD.

    Returns:
        None when the data_coding stands for octets that are no text.
    """
    if data_coding == DataCoding.MC_DEFAULT:
        return gsm0338.decode(octets)
    codec = _CODECS.get(DataCoding(data_coding))
    return None if codec is None else octets.decode(codec, "replace")
