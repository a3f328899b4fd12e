"""Text with other characters in it, so that a smaller alphabet can write it.

One typographic quotation mark makes a whole message UCS-2, where 70 characters are as many as
160 of the GSM alphabet. What can be replaced without a loss for the reader is replaced here,
and each change is told. Nothing does this unasked.

Only characters that the target alphabet lacks are touched, in this order:

1. A letter and its combining marks become the one character for them, if there is that.
2. Typography: quotation marks, dashes, spaces, ellipsis, bullets, arrows and signs by a table;
   ligatures, fractions, full-width and other variants of characters by Unicode's own data.
3. Letters: accents are taken off from the outermost on, as far as it takes (``ǘ`` is ``ü``,
   ``ą`` is ``a``); Latin letters that are none with an accent, by a table or their name in
   Unicode (``œ`` is ``oe``, ``ł`` is ``l``). Greek as phones wrote it: of its capitals the GSM
   alphabet has just those that no Latin letter looks like, so small letters become capitals,
   and these the Latin ones of the same look. An alphabet without those stays without Greek.

What is left stays: Cyrillic, CJK, Arabic, emoji and so on. Then the text needs UCS-2 all the
same, and the caller who only wanted to fit had better send the original.

Soft hyphens and word joiners are removed. Other invisible characters (joiners, zero width
spaces, marks of direction) carry meaning in Hebrew, Arabic, Indic or Thai text and in emoji,
so they are removed only if all the rest fits and no letter of such a script is in it.

Unidecode and anyascii were considered; they are too eager, as they turn every script, CJK
included, into Latin letters.

Source: 3GPP TS 23.038, 6.2.1; Unicode Standard Annex 15 (normalization forms).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import NamedTuple
from unicodedata import category, name, normalize

from twisted_smpp.text.gsm0338 import CHARACTERS

__all__ = ["Change", "Transliteration", "transliterate"]

# fmt: off
_TYPOGRAPHY: dict[str, str] = {
    # Quotation marks, primes, and what is typed in their place.
    **dict.fromkeys("“”„‟«»″‶ʺˮ〝〞〟❝❞❠⹂˝¨", '"'),
    **dict.fromkeys("‘’‚‛‹›′‵`´ʹʻʼʽʾʿˈˊˋ❛❜❟ꞌ", "'"),
    # Dashes and what looks like them.
    **dict.fromkeys("‐‒–—―−⁃⸺⸻", "-"), "⸺": "--", "⸻": "---",
    **dict.fromkeys("˜∼〜≈", "~"), "ˆ": "^", "‗": "_",
    # Spaces and ends of lines; the other spaces are in Unicode's data.
    "\t": " ", "\v": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n",
    # Soft hyphen, word joiner, and the same as a byte order mark.
    "\xad": "", "\u2060": "", "\ufeff": "",
    # Dots, bullets and stars.
    "⋯": "...", "·": ".", "∙": ".",
    **dict.fromkeys("•‣◦∘●○■□▪▫◾◽⬤⁎∗⁕★☆✱", "*"),
    # Lines.
    **dict.fromkeys("⁄∕", "/"), "¦": "|", "∣": "|", "‖": "||", "∶": ":",
    # Arithmetic.
    "×": "x", "÷": "/", "±": "+/-", "∓": "-/+", "⋅": "*", "≠": "!=", "≪": "<<", "≫": ">>",
    **dict.fromkeys("≤≦⩽", "<="), **dict.fromkeys("≥≧⩾", ">="), "‰": " 0/00",
    "∆": "Δ", "∏": "Π", "∑": "Σ",
    # Arrows.
    **dict.fromkeys("→⟶➔➜➝➞➡", "->"), **dict.fromkeys("←⟵⬅", "<-"),
    **dict.fromkeys("↔⟷", "<->"), "⇒": "=>", "⇔": "<=>",
    # Signs.
    "©": "(c)", "®": "(r)", "™": "(tm)", "℠": "(sm)", "℗": "(p)",
    "°": "deg", "ª": "a", "º": "o", "µ": "u", "μ": "u",
    # Currencies, by their codes of ISO 4217.
    "¢": "c", "£": "GBP", "€": "EUR", "₡": "CRC", "₦": "NGN", "₩": "KRW", "₪": "ILS", "₫": "VND",
    "₭": "LAK", "₮": "MNT", "₱": "PHP", "₲": "PYG", "₴": "UAH", "₵": "GHS", "₸": "KZT",
    "₹": "INR", "₺": "TRY", "₼": "AZN", "₽": "RUB", "₾": "GEL", "฿": "THB",
}

# Latin letters that are no letter with an accent, neither by decomposition nor by name.
_LETTERS: dict[str, str] = {
    "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "ẞ": "SS", "ß": "ss",
    "Þ": "Th", "þ": "th", "Ð": "D", "ð": "d", "Ŋ": "Ng", "ŋ": "ng", "ĸ": "q",
    "ı": "i", "ȷ": "j", "Ə": "E", "ə": "e", "Ǝ": "E", "ǝ": "e", "Ɛ": "E", "ɛ": "e",
    "Ɔ": "O", "ɔ": "o", "Ɩ": "I", "ɩ": "i", "Ʊ": "U", "ʊ": "u", "Ʒ": "Z", "ʒ": "z",
    "Ɖ": "D",
}
# fmt: on

_GREEK_OF_GSM = "ΓΔΘΛΞΠΣΦΨΩ"
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True))
_GREEK |= {small: _GREEK.get(small.upper(), small.upper()) for small in "αβγδεζηθικλμνξοπρσςτυφχψω"}

# A superscript after a digit is no further digit: 10² is 10^2, though m² is m2.
_SEPARATORS = dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁱⁿ", "^") | dict.fromkeys("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", "_")

# Zero width space and joiners, marks of direction.
_INVISIBLE = frozenset("\u200b\u200c\u200d\u061c\u200e\u200f") | frozenset(
    map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)

# Scripts in whose text they carry meaning: Hebrew to the last one before the phonetic letters.
_SHAPED = re.compile("[\u0590-\u1cff]")

# Combining grapheme joiner, key cap and variation selectors, which are combining marks.
_DECORATION = re.compile("[\u034f\u20e3\ufe00-\ufe0f]")

# Elsewhere marks are vowels, or make another letter, as in Cyrillic.
_ACCENTED = ("LATIN ", "GREEK ", "DIGIT ")

_NAMED = re.compile("LATIN (CAPITAL|SMALL) LETTER ([A-Z]) WITH .*")

# Real text has fewer marks on a letter (UAX 15, "Stream-Safe Text Format"); sorting many is slow.
_LONGEST = 31
_MOST_MARKS_COMPOSED = 3


class Change(NamedTuple):
    """Something that was replaced.

    Attributes:
        position: its index in the original text.
        original: what was there, a character or one with its combining marks.
        replacement: what is there now; "" when it was removed.
    """

    position: int
    original: str
    replacement: str


class Transliteration(NamedTuple):
    """Text, and what was changed in it.

    Attributes:
        text: the result.
        changes: in the order of their positions, which do not overlap.
    """

    text: str
    changes: tuple[Change, ...]

    def __repr__(self) -> str:
        return f"Transliteration(<{len(self.text)} characters>, <{len(self.changes)} changes>)"


def transliterate(
    text: str, keep: Container[str] = CHARACTERS, *, letters: bool = True
) -> Transliteration:
    """``text`` with replacements for what an alphabet lacks, as far as there are any.

    Args:
        text: any.
        keep: the characters of the alphabet: the ``characters`` of a
            :class:`~twisted_smpp.text.gsm0338.Alphabet`, or another frozenset. None of them
            is changed, but one with combining marks that are not in it may be, with those.
        letters: whether letters may be replaced, by others or by the ones without accents.
            False leaves it at typography.

    Returns:
        The new text, and each change. Characters without a replacement are still there.
    """
    rules = _Rules(keep, letters)
    if rules.fit(text):
        return Transliteration(text, ())
    pieces = rules.without_invisible(list(rules.pieces(text)))
    return Transliteration(
        "".join([piece.replacement for piece in pieces]),
        tuple([piece for piece in pieces if piece.original != piece.replacement]),
    )


def _sequences(text: str) -> Iterator[tuple[int, str]]:
    """Each character with the combining marks that follow it, and where."""
    start = 0
    for at, character in enumerate(text):
        if at > start and category(character)[0] != "M":
            yield start, text[start:at]
            start = at
    yield start, text[start:]


def _separator(original: str) -> str:
    """What has to be between a digit and the replacement of ``original``."""
    return _SEPARATORS.get(original[0], " " if category(original[0]) == "No" else "")


class _Rules:
    """How characters that are not to be kept are replaced.

    ``replacement`` and those that it calls return None when nothing fits.
    """

    def __init__(self, keep: Container[str], letters: bool) -> None:
        self.keep = keep
        self.letters = letters
        self.tables = [_TYPOGRAPHY]
        if letters:
            self.tables.append(_LETTERS)
            if self.fit(_GREEK_OF_GSM):
                self.tables.insert(0, _GREEK)

    def fit(self, text: str) -> bool:
        return all(character in self.keep for character in text)

    def fitting(self, text: str | None) -> str | None:
        return text if text is not None and self.fit(text) else None

    def pieces(self, text: str) -> Iterator[Change]:
        """All of ``text``, with the same replacement where nothing is to be changed."""
        before = separator = ""
        for at, old in _sequences(text):
            following = text[at + len(old) : at + len(old) + 1]
            new = self.replacement(self.meant(old, before, following))
            if new is not None and new != old:
                # Superscripts, and subscripts, need it only before the first one.
                joined = _separator(old) in ("", separator.strip())
                if before.isdecimal() and not joined:
                    new = self.fitting(_separator(old) + new)
            new = old if new is None else new
            yield Change(at, old, new)
            if new and old not in _INVISIBLE:
                before, separator = new[-1], _separator(old)

    def without_invisible(self, pieces: list[Change]) -> list[Change]:
        """``pieces``, less the invisible ones if they alone do not fit and carry no meaning."""
        for _, old, new in pieces:
            if old not in _INVISIBLE and (not self.fit(new) or _SHAPED.search(new)):
                return pieces
        return [piece if self.fit(piece[2]) else piece._replace(replacement="") for piece in pieces]

    def meant(self, old: str, before: str, following: str) -> str:
        """The character that stands for what ``old`` means where it is."""
        if self.fit(old):
            return old
        if old == "°" and before.isalpha() and self.fitting("o"):
            # French n°, not a degree.
            return "º"
        unit = normalize("NFKD", following)[:1]
        if old == "μ" and unit and (unit == "Ω" or name(unit, "").startswith("LATIN ")):
            # The prefix of a unit; as a Greek letter it would make it a million.
            return "µ"
        return old

    def replacement(self, sequence: str) -> str | None:
        """What fits for a character and its combining marks."""
        if self.fit(sequence):
            return sequence
        if len(sequence) > _LONGEST:
            return None
        bare = normalize("NFC", _DECORATION.sub("", sequence))
        if self.fit(bare):
            return bare
        found = self.by_table(bare)
        if found is None and self.letters:
            found = self.without_marks(bare)
        if found is None and len(bare) == 1:
            found = self.by_unicode(bare)
        return found

    def by_table(self, character: str) -> str | None:
        for table in self.tables:
            found = self.fitting(table.get(character))
            if found is not None:
                return found
        return None

    def without_marks(self, sequence: str) -> str | None:
        """What fits of a Latin or Greek letter when its last marks are taken off."""
        base, *marks = list(normalize("NFD", sequence))
        if not marks or not name(base, "").startswith(_ACCENTED):
            return None
        if any(category(mark) != "Mn" for mark in marks):
            # Such as the sign of what is forbidden, around a letter.
            return None
        for count in range(min(len(marks) - 1, _MOST_MARKS_COMPOSED), 0, -1):
            found = self.fitting(normalize("NFC", base + "".join(marks[:count])))
            if found is not None:
                return found
        return self.replacement(base)

    def by_unicode(self, character: str) -> str | None:
        """By the characters that it is a variant of, else by the letter in its name."""
        variant = normalize("NFKD", character)
        if variant != normalize("NFD", character):
            found = [self.replacement(sequence) for _, sequence in _sequences(variant)]
            return None if None in found else "".join(filter(None, found))
        named = _NAMED.fullmatch(name(character, "")) if self.letters else None
        if named is None:
            return None
        return self.fitting(named[2] if named[1] == "CAPITAL" else named[2].lower())
