"""The GSM 7-bit default alphabet and its extension table, one character an octet.

Source: 3GPP TS 23.038, 6.2.1 and 6.2.1.1.
"""

from __future__ import annotations

__all__ = ["ESCAPE", "decode", "encode"]

#: Announces a character of the extension table.
ESCAPE = 0x1B

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
    0x0a: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2f: "\\",
    0x3c: "[",
    0x3d: "~",
    0x3e: "]",
    0x40: "|",
    0x65: "€",
}
# fmt: on

_CODES = {character: bytes([code]) for code, character in enumerate(_DEFAULT) if code != ESCAPE} | {
    character: bytes([ESCAPE, code]) for code, character in _EXTENSION.items()
}


def encode(text: str) -> bytes:
    """The octets of ``text``, one for a character and two for one of the extension.

    Raises:
        UnicodeEncodeError: a character is not in the alphabet; ``start`` is where.
    """
    try:
        return b"".join([_CODES[character] for character in text])
    except KeyError as error:
        at = text.index(error.args[0])
        raise UnicodeEncodeError("gsm0338", text, at, at + 1, "not in the alphabet") from None


def decode(octets: bytes) -> str:
    """The text of ``octets``; one above 0x7F becomes U+FFFD.

    An escape before a code that the extension does not have stands for the character of
    the default alphabet at that code; a last one alone is shown as a space.
    """
    characters = []
    escaped = False
    for code in octets:
        if escaped:
            escaped = False
            characters.append(_EXTENSION.get(code) or _character(code))
        elif code == ESCAPE:
            escaped = True
        else:
            characters.append(_character(code))
    return "".join(characters) + (" " if escaped else "")


def _character(code: int) -> str:
    if code > 0x7F:
        return "\N{REPLACEMENT CHARACTER}"
    return " " if code == ESCAPE else _DEFAULT[code]
