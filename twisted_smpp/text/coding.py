"""Ways to write text as octets, and the reading of what peers write.

Source: SMPP 5.0, 4.7.7 (data_coding); 3GPP TS 23.038, 4; 3GPP TS 23.040, 9.2.3.24.15 and 16
(national language shifts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from twisted_smpp.text import gsm0338, packed
from twisted_smpp.text.data_coding import Charset, MessageWaiting, data_coding, scheme
from twisted_smpp.text.gsm0338 import ESCAPE, Language
from twisted_smpp.text.rules import TextRules
from twisted_smpp.text.udh import Element, LockingShift, SingleShift

__all__ = ["LATIN_1", "SURROGATE", "USER_DATA_OCTETS", "Coding", "Decoded", "codings", "decode"]

#: What one message holds (3GPP TS 23.040), its user data header included.
USER_DATA_OCTETS = 140

_DEFAULT_RULES = TextRules()
#: Half of a character, alone.
SURROGATE = re.compile("[\ud800-\udfff]")


class Decoded(NamedTuple):
    """What octets of a peer say.

    Attributes:
        text: None when they are no text.
        octets: as they came.
        damaged: whether something could not be read: ``text`` has U+FFFD for it, or is None
            where a header was announced and there is none.
    """

    text: str | None
    octets: bytes
    damaged: bool = False

    def __repr__(self) -> str:
        text = "None" if self.text is None else f"<{len(self.text)} characters>"
        return f"Decoded({text}, <{len(self.octets)} octets>, damaged={self.damaged})"


class Coding:
    """A way to write text: one octet a character, in some codec of Python.

    The octets of a text are cut into parts before the last step, :meth:`finish`: so all that
    has to be known here is where they may be cut.

    Attributes:
        name: for people.
        unit: what its capacity counts, for people.
        unit_octets: how many octets a unit is, before :meth:`finish`.
        data_coding: the field of that name.
        elements: those of the user data header that a reader needs.
    """

    unit = "octets"
    unit_octets = 1
    elements: tuple[Element, ...] = ()

    def __init__(self, name: str, codec: str, data_coding: int) -> None:
        self.name = name
        self.data_coding = data_coding
        self._codec = codec

    def encode(self, text: str) -> bytes:
        """The octets of ``text``; raises UnicodeEncodeError when it cannot be written."""
        return text.encode(self._codec)

    def try_encode(self, text: str) -> bytes | None:
        """The octets of ``text``; None when it cannot be written."""
        try:
            return self.encode(text)
        except UnicodeEncodeError:
            return None

    def capacity(self, header_octets: int) -> int:
        """Units that one message holds behind a header of so many octets."""
        return USER_DATA_OCTETS - header_octets

    def retreat(self, octets: bytes, end: int) -> int:
        """The last place up to ``end`` that is not inside of a character."""
        return end

    def count(self, octets: bytes, start: int, end: int) -> int:
        """How many characters there are between two such places."""
        return end - start

    def fits(self, octets: bytes, start: int, most: int) -> bool:
        """Whether the octets from ``start`` on are not more than ``most``."""
        return len(octets) - start <= most

    def finish(self, octets: bytes, header_octets: int) -> bytes:
        """The octets as they travel behind a header of so many octets."""
        return octets

    def is_faithful(self, octets: bytes, header_octets: int) -> bool:
        """Whether a reader gets back exactly these octets."""
        return True


#: Western European text, which only some message centres take.
LATIN_1 = Coding("LATIN-1", "latin-1", data_coding(Charset.LATIN_1))


class UTF8(Coding):
    """UTF-8, which some message centres have behind data_coding 0."""

    def retreat(self, octets: bytes, end: int) -> int:
        """Not inside of a sequence."""
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        return end

    def count(self, octets: bytes, start: int, end: int) -> int:
        """Sequences."""
        return len(octets[start:end].decode("utf-8"))


class UCS2(Coding):
    """UTF-16, big-endian: what telephones make of UCS-2."""

    unit = "UTF-16 units"
    unit_octets = 2

    def __init__(self, data_coding: int) -> None:
        super().__init__("UCS-2", "utf-16-be", data_coding)

    def capacity(self, header_octets: int) -> int:
        """Two octets each."""
        return (USER_DATA_OCTETS - header_octets) // 2

    def retreat(self, octets: bytes, end: int) -> int:
        """Not between the halves of a surrogate pair."""
        return end - 2 if octets[end - 2] & 0xFC == 0xD8 else end

    def count(self, octets: bytes, start: int, end: int) -> int:
        """Pairs count once."""
        return len(octets[start:end].decode("utf-16-be"))


class GSM(Coding):
    """The GSM 7-bit alphabet, perhaps with national tables; a septet an octet."""

    unit = "septets"

    def __init__(self, data_coding: int, locking: int = 0, single: int = 0) -> None:
        shifts = [Language(each).name.capitalize() for each in (locking, single) if each]
        name = "GSM 7-bit" + (f" ({' + '.join(dict.fromkeys(shifts))})" if shifts else "")
        super().__init__(name, "gsm0338", data_coding)
        self.alphabet = gsm0338.alphabet(locking, single)
        self.locking, self.single = locking, single
        if locking:
            self.elements += (LockingShift(locking),)
        if single:
            self.elements += (SingleShift(single),)

    def encode(self, text: str) -> bytes:
        """The septets of ``text``; raises UnicodeEncodeError when it cannot be written."""
        return self.alphabet.encode(text)

    def try_encode(self, text: str) -> bytes | None:
        """The septets of ``text``; None when it cannot be written."""
        octets = self.alphabet.encode_latin_1(text)
        if octets is None and self.alphabet.has_all_of(text):
            octets = self.alphabet.encode(text)
        return octets

    def capacity(self, header_octets: int) -> int:
        """Eight in seven octets, from the next septet boundary on."""
        return (USER_DATA_OCTETS - header_octets) * 8 // 7

    def retreat(self, octets: bytes, end: int) -> int:
        """Not between an escape and what it announces."""
        return end - 1 if octets[end - 1] == ESCAPE else end

    def count(self, octets: bytes, start: int, end: int) -> int:
        """An escape is no character of its own."""
        return end - start - octets.count(ESCAPE, start, end)


class PackedGSM(GSM):
    """The GSM 7-bit alphabet, packed: what only some message centres want."""

    def __init__(self, data_coding: int, locking: int = 0, single: int = 0) -> None:
        super().__init__(data_coding, locking, single)
        self.name += ", packed"

    def retreat(self, octets: bytes, end: int) -> int:
        """A full part has no room to mark a last character that looks like filling."""
        if octets[end - 1] in packed.FILLING:
            end -= 1
        return super().retreat(octets, end)

    def fits(self, octets: bytes, start: int, most: int) -> bool:
        """A full part has no room to mark a last character that looks like filling."""
        rest = len(octets) - start
        return rest < most or (rest == most and octets[-1] not in packed.FILLING)

    def finish(self, octets: bytes, header_octets: int) -> bytes:
        """Packed, from the next septet boundary on."""
        return packed.pack(octets, packed.fill_bits(header_octets))

    def is_faithful(self, octets: bytes, header_octets: int) -> bool:
        """Not for some texts that end in a carriage return."""
        return not packed.ambiguous(octets, packed.fill_bits(header_octets))


@lru_cache(maxsize=64)
def codings(
    default_alphabet: str,
    languages: tuple[Language, ...] = (),
    latin_1: bool = False,
    message_class: int | None = None,
    waiting: MessageWaiting | None = None,
) -> tuple[Coding, ...]:
    """The ways in which a link takes text, in order of preference.

    Args:
        default_alphabet, languages, latin_1: see :class:`~twisted_smpp.text.rules.TextRules`.
        message_class: 0 to 3, or None.
        waiting: a message waiting indication, or None.

    Raises:
        ValueError: the message class is not one, or there are both.
    """
    return tuple(_codings(default_alphabet, languages, latin_1, message_class, waiting))


def _codings(
    default_alphabet: str,
    languages: tuple[Language, ...],
    latin_1: bool,
    message_class: int | None,
    waiting: MessageWaiting | None,
) -> Iterator[Coding]:
    default = data_coding(Charset.DEFAULT, message_class, waiting)
    is_marked = not (message_class is None and waiting is None)
    if default_alphabet.startswith("gsm0338") or is_marked:
        kind = PackedGSM if default_alphabet.endswith("packed") else GSM
        yield kind(default)
        locking = [0, *(each for each in languages if each.has_locking_shift)]
        shifts = sorted(product(locking, [0, *languages]), key=lambda pair: _shifts(*pair))
        for pair in shifts[1:]:
            yield kind(default, *pair)
    elif default_alphabet == "utf-8":
        yield UTF8("UTF-8", "utf-8", default)
    else:
        yield Coding(default_alphabet.upper(), default_alphabet, default)
    if latin_1 and not is_marked:
        yield LATIN_1
    if waiting is None or waiting.store:  # there is no value for UCS-2 that is discarded
        yield UCS2(data_coding(Charset.UCS2, message_class, waiting))


def _shifts(locking: int, single: int) -> int:
    return bool(locking) + bool(single)


def decode(
    octets: bytes,
    data_coding: int,
    rules: TextRules = _DEFAULT_RULES,
    *,
    locking: int = 0,
    single: int = 0,
) -> Decoded:
    """What ``octets`` say; what cannot be read becomes U+FFFD. It never raises.

    Args:
        octets: without a user data header; those of packed GSM text unpacked.
        data_coding: the field of that name, 0 to 255.
        rules: what data_coding 0 stands for, and exceptions.
        locking, single: the languages of the national tables, by the header.
    """
    codec = rules.codecs.get(data_coding) or _codec(data_coding, rules)
    if codec is None:
        return Decoded(None, octets)
    if codec == "gsm0338":
        read = gsm0338.alphabet(locking, single).decode
    else:

        def read(octets: bytes, errors: str = "strict") -> str:
            return octets.decode(codec, errors)

    try:
        text = read(octets)
    except UnicodeDecodeError:
        return Decoded(read(octets, "replace"), octets, damaged=True)
    if data_coding in rules.codecs and SURROGATE.search(text):
        # Some codecs of Python let through what is no text.
        return Decoded(SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text), octets, damaged=True)
    return Decoded(text, octets)


#: Where Python's name is not the one of the character set.
_PYTHON = {
    Charset.UCS2: "utf-16-be",
    Charset.JIS: "shift_jis",
    Charset.ISO_2022_JP: "iso2022_jp",
    Charset.KANJI: "euc_jp",
    Charset.KOREAN: "euc_kr",
}


def _codec(data_coding: int, rules: TextRules) -> str | None:
    charset = scheme(data_coding).charset
    if charset is Charset.OCTETS:
        return None
    if charset is Charset.DEFAULT:
        return rules.default_alphabet.removesuffix("-packed")
    name: str = charset.value
    return _PYTHON.get(charset, name)


def is_packed(data_coding: int, rules: TextRules) -> bool:
    """Whether text of a data_coding comes with eight characters in seven octets."""
    if rules.default_alphabet != "gsm0338-packed" or data_coding in rules.codecs:
        return False
    return scheme(data_coding).charset in (Charset.DEFAULT, Charset.GSM)
