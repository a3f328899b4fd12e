"""The GSM alphabets as codecs of Python: ``"text".encode("gsm0338")``.

Names, in which ``-`` and ``_`` are the same:

- ``gsm0338``: the default alphabet and its extension, one character an octet;
- ``gsm0338-turkish``: with both shift tables of a language, ``gsm0338-turkish-locking`` and
  ``gsm0338-turkish-single`` with one of them;
- ``-packed`` behind any of them: eight characters in seven octets.
"""

from __future__ import annotations

import codecs
from functools import lru_cache
from typing import TYPE_CHECKING

from twisted_smpp.text import packed
from twisted_smpp.text.gsm0338 import ESCAPE, Alphabet, Language, alphabet

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

__all__ = ["find"]


@lru_cache(maxsize=128)
def find(name: str) -> codecs.CodecInfo | None:
    """The codec of a name; None when it is not one of ours."""
    words = name.lower().replace("-", "_").split("_")
    if words[0] != "gsm0338":
        return None
    is_packed = words[-1] == "packed"
    tables = _tables(words[1:-1] if is_packed else words[1:])
    if tables is None:
        return None
    return _packed(name, tables) if is_packed else _unpacked(name, tables)


def _tables(words: list[str]) -> Alphabet | None:
    if not words:
        return alphabet()
    language = next((each for each in Language if each.name.lower() == words[0]), None)
    if language is None:
        return None
    match words[1:]:
        case []:
            return alphabet(language, language)
        case ["locking"] if language.has_locking_shift:
            return alphabet(locking=language)
        case ["single"]:
            return alphabet(single=language)
    return None


def _unpacked(name: str, tables: Alphabet) -> codecs.CodecInfo:
    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        return tables.encode(text, errors), len(text)

    def decode(octets: Buffer, errors: str = "strict") -> tuple[str, int]:
        return tables.decode(bytes(octets), errors), len(bytes(octets))

    class Encoder(codecs.IncrementalEncoder):
        def encode(self, text: str, final: bool = False) -> bytes:
            return tables.encode(text, self.errors)

    class Decoder(codecs.BufferedIncrementalDecoder):
        def _buffer_decode(self, input: Buffer, errors: str, final: bool) -> tuple[str, int]:
            """Waits for what an escape announces."""
            octets = bytes(input)
            end = len(octets)
            escapes = end - len(octets.rstrip(bytes([ESCAPE])))
            if escapes % 2 and not final:
                end -= 1
            return tables.decode(octets[:end], errors), end

    return codecs.CodecInfo(
        encode, decode, incrementalencoder=Encoder, incrementaldecoder=Decoder, name=name
    )


def _packed(name: str, tables: Alphabet) -> codecs.CodecInfo:
    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        return packed.pack(tables.encode(text, errors)), len(text)

    def decode(octets: Buffer, errors: str = "strict") -> tuple[str, int]:
        return tables.decode(packed.unpack(bytes(octets)), errors), len(bytes(octets))

    return codecs.CodecInfo(encode, decode, name=name)


codecs.register(find)
