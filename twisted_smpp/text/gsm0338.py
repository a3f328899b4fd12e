"""The GSM 7-bit alphabets, one character an octet: default, extension, national tables.

Text is encoded with a table for what takes one septet and a second one, behind an escape,
for what takes two. A language may put a table of its own in the place of the first (locking
shift), of the second (single shift) or of both; the user data header says so.

Source: 3GPP TS 23.038, 6.2.1 and annex A.
"""

from __future__ import annotations

import codecs
import re
from enum import IntEnum
from functools import lru_cache

from twisted_smpp.text.national import LOCKING, SINGLE

__all__ = ["CHARACTERS", "ESCAPE", "Alphabet", "Language", "alphabet", "decode", "encode"]

#: Announces a character of the extension, or single shift, table.
ESCAPE = 0x1B

_NONE = "\ufffd"  # in the tables
_UNMAPPED = "\ufffe"  # to Python's charmap functions
_FOREIGN = b"\xff"  # where a septet is expected

# fmt: off
_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0a: "\f", 0x14: "^", 0x28: "{}", 0x2f: "\\", 0x3c: "[~]", 0x40: "|", 0x65: "€",
}
# fmt: on


class Language(IntEnum):
    """The national language identifier (3GPP TS 23.038, 6.2.1.2.4)."""

    TURKISH = 1
    SPANISH = 2
    PORTUGUESE = 3
    BENGALI = 4
    GUJARATI = 5
    HINDI = 6
    KANNADA = 7
    MALAYALAM = 8
    ORIYA = 9
    PUNJABI = 10
    TAMIL = 11
    TELUGU = 12
    URDU = 13

    @property
    def has_locking_shift(self) -> bool:
        """Whether it has a locking shift table; Spanish uses the default alphabet."""
        return self.name.lower() in LOCKING


class Alphabet:
    """Two tables: what a septet stands for alone, and what it stands for after an escape.

    Args:
        main: 128 characters; U+FFFD where a code has none.
        extension: runs of characters, by the code of the first one.
    """

    __slots__ = (
        "_decoding",
        "_encoding",
        "_extension",
        "_foreign",
        "_latin_1",
        "_pairs",
        "characters",
    )

    #: Every character that it can write.
    characters: frozenset[str]

    def __init__(self, main: str, extension: dict[int, str]) -> None:
        plain = main.replace(_NONE, _UNMAPPED).replace("\x1b", _UNMAPPED)
        self._decoding = plain + _UNMAPPED * 128
        self._extension = {
            first + at: character
            for first, run in extension.items()
            for at, character in enumerate(run)
        }
        self._encoding = self._encoding_map(plain)
        self.characters = frozenset(map(chr, self._encoding))
        self._latin_1_map()
        self._foreign = re.compile("[^" + re.escape("".join(sorted(self.characters))) + "]")

    def _encoding_map(self, plain: str) -> dict[int, bytes]:
        """Of two codes for a character the shorter is written, of equals the lower."""
        codes: dict[int, bytes] = {}
        for code, character in enumerate(plain):
            if character != _UNMAPPED:
                codes.setdefault(ord(character), bytes([code]))
        for code, character in self._extension.items():
            codes.setdefault(ord(character), bytes([ESCAPE, code]))
        return codes

    def _latin_1_map(self) -> None:
        """Septets for the characters of Latin-1; marks for what takes two of them."""
        table = bytearray(_FOREIGN * 256)
        self._pairs: list[tuple[bytes, bytes]] = []
        for code in range(256):
            septets = self._encoding.get(code, _FOREIGN)
            if len(septets) == 2:
                mark = bytes([0x80 + len(self._pairs)])
                self._pairs.append((mark, septets))
                septets = mark
            table[code] = septets[0]
        self._latin_1 = bytes(table)

    def has_all_of(self, text: str) -> bool:
        """Whether it can write ``text``."""
        return self._foreign.search(text) is None

    def encode(self, text: str, errors: str = "strict") -> bytes:
        """The septets of ``text``, each in an octet.

        Args:
            text: what to write.
            errors: the name of an error handler, as for ``str.encode``.

        Raises:
            UnicodeEncodeError: a character is not in the alphabet; ``start`` is where.
        """
        if errors == "strict":
            septets = self.encode_latin_1(text)
            if septets is not None:
                return septets
        try:
            return codecs.charmap_encode(text, errors, self._encoding)[0]
        except UnicodeEncodeError as error:
            error.encoding, error.reason = "gsm0338", "not in the alphabet"
            raise

    def encode_latin_1(self, text: str) -> bytes | None:
        """The septets of ``text`` if all of it is in Latin-1 too; else None.

        Several times as fast as the general way, for what most texts are made of.
        """
        try:
            septets = text.encode("latin-1").translate(self._latin_1)
        except UnicodeEncodeError:
            return None
        if septets.isascii():
            return septets
        if _FOREIGN in septets:
            return None
        for mark, pair in self._pairs:
            if mark in septets:
                septets = septets.replace(mark, pair)
        return septets

    def decode(self, octets: bytes, errors: str = "strict") -> str:
        """The text of ``octets``, each of them a septet.

        An escape before a code that the second table does not have stands for the
        character of the first one at that code. An escape before another one, or at the
        end, is shown as a space.

        Args:
            octets: any.
            errors: the name of an error handler, as for ``bytes.decode``.

        Raises:
            UnicodeDecodeError: an octet above 0x7F, or a code without a character.
        """
        at = octets.find(ESCAPE)
        if at < 0:
            return self._plain(octets, 0, len(octets), errors)
        pieces = []
        start = 0
        while at >= 0:
            if at > start:
                pieces.append(self._plain(octets, start, at, errors))
            code = octets[at + 1] if at + 1 < len(octets) else ESCAPE
            start = at + 2
            if code == ESCAPE:
                pieces.append(" ")
            else:
                shifted = self._extension.get(code)
                pieces.append(shifted or self._plain(octets, at + 1, start, errors))
            at = octets.find(ESCAPE, start)
        if start < len(octets):
            pieces.append(self._plain(octets, start, len(octets), errors))
        return "".join(pieces)

    def _plain(self, octets: bytes, start: int, end: int, errors: str) -> str:
        try:
            return codecs.charmap_decode(octets[start:end], errors, self._decoding)[0]
        except UnicodeDecodeError as error:
            start += error.start
            reason = "not a septet" if octets[start] > 0x7F else "not in the alphabet"
            raise UnicodeDecodeError("gsm0338", octets, start, start + 1, reason) from None


@lru_cache(maxsize=256)
def alphabet(locking: int = 0, single: int = 0) -> Alphabet:
    """The alphabet with the tables of these languages.

    Args:
        locking, single: a :class:`Language` each; 0 for the default table. A language
            without such a table, or one that is not known, gets the default one too.
    """
    names = {language.value: language.name.lower() for language in Language}
    return Alphabet(
        LOCKING.get(names.get(locking, ""), _DEFAULT),
        SINGLE.get(names.get(single, ""), _EXTENSION),
    )


_default = alphabet()

#: All of the default alphabet and its extension.
CHARACTERS: frozenset[str] = _default.characters

encode = _default.encode
decode = _default.decode
