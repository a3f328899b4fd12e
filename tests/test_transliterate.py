"""Transliteration: what is replaced by what, and that every change is told."""

from __future__ import annotations

import string
import time
from unicodedata import category, name, normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from text_kit import text_examples
from wire_data import load

from twisted_smpp.text import gsm0338
from twisted_smpp.text.gsm0338 import Language, alphabet
from twisted_smpp.text.transliterate import (
    _GREEK,
    _INVISIBLE,
    _LETTERS,
    _NAMED,
    _TYPOGRAPHY,
    Change,
    Transliteration,
    transliterate,
)

TABLE = load("gsm0338.json")
GSM = frozenset(
    chr(int(code[2:], 16))
    for part in ("default_alphabet", "default_extension")
    for code in TABLE[part]["codes"].values()
)
ASCII = frozenset(map(chr, range(128)))
LATIN_1 = frozenset(map(chr, range(256)))
HINDI = alphabet(Language.HINDI, Language.HINDI).characters

SIGNS = sorted(_TYPOGRAPHY.keys() - GSM)
INVISIBLE = sorted(_INVISIBLE)
MARKS = "\u0300\u0301\u0302\u0303\u0304\u0308\u0323\u0328\u0338\u034f\u20e3\ufe0e\ufe0f"
#: Characters that have rules, and some that have none.
CHARACTERS = st.sampled_from(
    [
        *SIGNS,
        *INVISIBLE,
        *_LETTERS,
        *_GREEK,
        *MARKS,
        *sorted(GSM),
        *"0123456789aeinouAEINOU" * 3,
        *"½⅓①⑴²³⁻ⁿ₂㎏ﬁＡ１Ⅳ℃№™µμΩ°ΐάᾳǘếąłđǆǣŉøК日ひがﷺé٣क्षまอ😀👍🏽",
    ]
)
TEXTS = st.text(CHARACTERS, max_size=20) | st.text(max_size=10)
ALPHABETS = st.sampled_from([GSM, ASCII, LATIN_1, HINDI]) | st.frozensets(CHARACTERS, max_size=80)


def to_gsm(text: str) -> str:
    result = transliterate(text)
    assert replayed(text, result) == result.text
    return result.text


def replayed(text: str, result: Transliteration) -> str:
    """The changes made to the original."""
    pieces, end = [], 0
    for position, original, replacement in result.changes:
        assert position >= end
        assert text[position : position + len(original)] == original != ""
        assert replacement != original
        pieces += [text[end:position], replacement]
        end = position + len(original)
    return "".join(pieces) + text[end:]


def test_the_alphabet_is_the_default_one_with_its_extension() -> None:
    assert gsm0338.CHARACTERS == GSM


# The tables.


@pytest.mark.parametrize("table", [_TYPOGRAPHY, _LETTERS, _GREEK])
def test_what_is_put_in_is_gsm(table: dict[str, str]) -> None:
    assert {key for key, value in table.items() if not set(value) <= GSM} == set()
    assert all(len(key) == 1 for key in table)
    assert all(key == normalize("NFC", key) for key in table)


def test_each_entry_is_used() -> None:
    merged = _TYPOGRAPHY | _LETTERS | _GREEK
    assert {key for key in merged if key not in GSM and to_gsm(key) != merged[key]} == set()
    kept = {key: merged[key] for key in merged if key in GSM}
    assert kept == {"£": "GBP", "€": "EUR", "Æ": "AE", "æ": "ae", "ß": "ss"}
    for key, value in kept.items():
        assert to_gsm(key) == key
        assert transliterate(key, ASCII).text == value


def test_the_letters_have_no_other_rule() -> None:
    for letter in _LETTERS:
        assert normalize("NFKD", letter) == letter
        assert name(letter).startswith("LATIN ")
        assert not _NAMED.fullmatch(name(letter))


def test_every_quotation_mark_of_general_punctuation_has_a_rule() -> None:
    for code in range(0x2000, 0x2070):
        if category(chr(code)) in ("Pi", "Pf", "Pd", "Zs", "Zl", "Zp"):
            assert set(to_gsm(chr(code))) <= set("\"'- \n")
    # Low ones are "open punctuation" to Unicode.
    assert to_gsm("‚„") == "'\""


@pytest.mark.parametrize(
    "block", [range(0xC0, 0x180), range(0x1E00, 0x1E97), range(0x1EA0, 0x1EFA)]
)
def test_every_letter_of_europe_and_vietnam_has_a_rule(block: range) -> None:
    for character in map(chr, block):
        assert set(to_gsm(character)) <= GSM
        # Without case, it may be two letters.
        if character not in GSM and character not in "×÷ĸẞÞŊ":
            assert to_gsm(character).isupper() == character.isupper(), character


def test_the_greek_alphabet_has_rules() -> None:
    for code in [*range(0x391, 0x3A2), *range(0x3A3, 0x3CF), 0x386, *range(0x388, 0x38B)]:
        assert set(to_gsm(chr(code))) <= set(string.ascii_uppercase + "ΓΔΘΛΞΠΣΦΨΩ"), chr(code)


# Examples.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“Hello” — it’s…", '"Hello" - it\'s...'),
        ("„Guten Tag“ «oui» ‹non›", '"Guten Tag" "oui" \'non\''),
        ("5′ 7″", "5' 7\""),
        ("no\u00a0break\u2009thin\u3000wide", "no break thin wide"),
        ("a\tb\u2028c\u2029d", "a b\nc\nd"),
        ("1–2 −3 non‑stop", "1-2 -3 non-stop"),
        ("3 × 4 ÷ 2 ± 1 ≤ 7 ≠ 8", "3 x 4 / 2 +/- 1 <= 7 != 8"),
        ("• one\n• two", "* one\n* two"),
        ("© ® Ⓒ Brand™ №5 ﬁne", "(c) (r) C Brand(tm) No5 fine"),
        ("10 ₽, 5 £, 3 €", "10 RUB, 5 £, 3 €"),
        ("col·lecció", "col.leccio"),
        ("A → B ⇒ C", "A -> B => C"),
        # What GSM has stays, though its neighbours do not.
        ("Ärger @ café Ñandú ¿qué?", "Ärger @ café Ñandu ¿qué?"),
        ("Zażółć gęślą jaźń", "Zazolc gesla jazn"),
        ("Příliš žluťoučký kůň", "Prilis zlutoucky kun"),
        ("İstanbul ışık ğ ş ç", "Istanbul isik g s c"),
        ("Tiếng Việt", "Tieng Viet"),
        ("Œuvre, Þór, Ðuro, đak, ħ", "OEuvre, Thor, Duro, dak, h"),
        ("Azərbaycan", "Azerbaycan"),
        ("ɓ ɗ ƙ ƴ", "b d k y"),
        # No more is taken off than has to be.
        ("lǘ nǚ ǟ ǿ ǻ", "lü nü ä ø å"),
        ("ĳ ŀ ŉ ǆ ǅ", "ij l. 'n dz Dz"),
        ("Καλημέρα κόσμε", "KAΛHMEPA KOΣME"),
        ("ΑΒΓ ΐ ς ᾳ ϕ", "ABΓ I Σ A Φ"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert to_gsm(text) == expected
    assert gsm0338.decode(gsm0338.encode(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Привет, мир",
        "й и\u0306",
        "日本語 がか\u3099",
        "مرحبا \u064e",
        "हिन्दी क\u093c",
        "😀👍🏽🇩🇪",
        "∞ √ ☎ ⇐",
        "≮ <\u0338 P\u20e0",
        "\u0301",
        "\x00\x07\x7f\x92",
        "\ud800",
    ],
)
def test_what_has_no_replacement_stays(text: str) -> None:
    assert transliterate(text) == (text, ())


def test_around_what_stays_the_rest_is_changed() -> None:
    assert to_gsm("“Привет” ż") == '"Привет" z'


def test_changes_are_told_with_their_positions() -> None:
    text = "A“e\u0301”…\xadą"
    assert transliterate(text) == Transliteration(
        'A"é"...a',
        (
            Change(1, "“", '"'),
            Change(2, "e\u0301", "é"),
            Change(4, "”", '"'),
            Change(5, "…", "..."),
            Change(6, "\xad", ""),
            Change(7, "ą", "a"),
        ),
    )


def test_nothing_to_do() -> None:
    assert transliterate("") == ("", ())
    assert transliterate("{Grüße}\r\n€") == ("{Grüße}\r\n€", ())


def test_its_repr_does_not_show_the_text() -> None:
    assert repr(transliterate("“secret”")) == "Transliteration(<8 characters>, <2 changes>)"


# Numbers stay the same numbers.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("½", "1/2"),
        ("1½ 2¾", "1 1/2 2 3/4"),
        ("m² 10² 10¹²", "m2 10^2 10^12"),
        ("10⁻³ s⁻¹ 2ⁿ", "10^-3 s-1 2^n"),
        ("H₂O 10₂ 10²₃", "H2O 10_2 10^2_3"),
        ("①② 1① ½½", "1 2 1 1 1/2 1/2"),
        ("１２", "12"),
        ("1²\u200d³ 1\u200d½", "1^23 1 1/2"),
        ("1ª 2º ⅳ", "1a 2o iv"),
        ("5‰", "5 0/00"),
        ("20° 20°C 20℃", "20deg 20degC 20degC"),
        ("n° 5, N°5", "no 5, No5"),
        ("5 µg 5 μg 3 μℓ 1 μΩ", "5 ug 5 ug 3 ul 1 uΩ"),
        ("μ' μου μ", "M' MOY M"),
        ("5️⃣ #️⃣ ©️", "5 # (c)"),
    ],
)
def test_numbers_and_units(text: str, expected: str) -> None:
    assert to_gsm(text) == expected


def test_a_number_that_would_become_another_one_stays() -> None:
    assert transliterate("1½ 10² ½", GSM - {" ", "^"}).text == "1½ 10² 1/2"


# Composition, and invisible characters.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e\u0301 o\u0308 A\u030a c\u0327", "é ö Å c"),
        ("u\u0308\u0301 a\u0328\u0301", "ü a"),
        ("\u212a \u2126 \u212b \u037e \u1fef", "K Ω Å ; '"),
        ("a\u0336b\u0336 q\u0323", "ab q"),
        ("1\u0332", "1"),
    ],
)
def test_marks(text: str, expected: str) -> None:
    assert to_gsm(text) == expected


def test_a_letter_and_its_marks_stay_where_all_of_them_are_kept() -> None:
    keep = frozenset('e\u0301é"')
    assert transliterate("“e\u0301”", keep).text == '"e\u0301"'


def test_marks_on_what_is_no_letter_stay() -> None:
    assert transliterate("“\u0301 <\u0338 \u0308") == ("“\u0301 <\u0338 \u0308", ())
    assert to_gsm("=\u0338") == "!="


def test_more_marks_than_text_has_stay_and_cost_no_time() -> None:
    usual = "a" + "\u0323\u0301" * 15
    assert to_gsm(usual) == "a"
    assert to_gsm(usual + "\u0301") == usual + "\u0301"
    begun = time.process_time()
    unusual = "a" + "\u0301\u0323" * 50_000
    assert transliterate(unusual).text == unusual
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("invisible", INVISIBLE)
def test_invisible_characters_are_removed_only_if_the_rest_fits(invisible: str) -> None:
    assert category(invisible) == "Cf"
    assert to_gsm(f"a{invisible}b “{invisible}”") == 'ab ""'
    assert to_gsm(f"a{invisible}b “ж”") == f'a{invisible}b "ж"'
    assert to_gsm(f"a{invisible}\u0301") == f"a{invisible}\u0301"


def test_sequences_of_emoji_stay_whole() -> None:
    for text in ("👩\u200d❤\ufe0f\u200d👨", "❤\ufe0f", "می\u200cخواهم"):
        assert transliterate(text) == (text, ())


def test_joiners_stay_where_they_shape_letters_even_if_the_rest_fits() -> None:
    text = "क\u094d\u200dष"
    assert set(text) - HINDI == {"\u200d"}
    assert transliterate(text, HINDI) == (text, ())
    assert transliterate("a\u200db", HINDI).text == "ab"


def test_soft_hyphens_are_always_removed() -> None:
    assert to_gsm("\ufeffза\xadпад\u2060") == "запад"


# Other alphabets, and no letters.


def test_other_alphabets() -> None:
    text = "Ærø “ñandú” 5 € 20°C µ ½ 2²"
    assert transliterate(text, ASCII).text == 'AEro "nandu" 5 EUR 20degC u 1/2 2^2'
    assert transliterate(text, LATIN_1).text == 'Ærø "ñandú" 5 EUR 20°C µ ½ 2²'
    assert transliterate("n° ½ “", LATIN_1).text == 'n° ½ "'
    assert transliterate("ğ ş ı “ã”", alphabet(Language.TURKISH).characters).text == 'ğ ş ı "a"'


def test_an_alphabet_without_greek_capitals_stays_without_greek() -> None:
    assert transliterate("Αθήνα “α”", ASCII).text == 'Αθήνα "α"'


def test_a_replacement_that_does_not_fit_is_none() -> None:
    assert transliterate("… “ ą ½", frozenset(" /1")).text == "… “ ą ½"


def test_typography_only() -> None:
    text = "“Zażółć” ½ ﬁ e\u0301 ę\u0301 œ ł α Ａ"
    result = transliterate(text, letters=False)
    assert result.text == '"Zażółć" 1/2 fi é ę\u0301 œ ł α A'
    assert replayed(text, result) == result.text


# Properties.


@text_examples
@given(TEXTS, ALPHABETS, st.booleans())
@example("e\xad\u0301", GSM, True)
@example("ﬁ\u0300", GSM, False)
@example("1\u200d½", GSM, True)
def test_changes_made_to_the_original_give_the_result(
    text: str, keep: frozenset[str], letters: bool
) -> None:
    result = transliterate(text, keep, letters=letters)
    assert replayed(text, result) == result.text
    for change in result.changes:
        assert set(change.replacement) <= keep
        # Of what is kept, nothing is touched but a letter with marks that are not kept.
        assert not set(change.original) <= keep
        if change.original[0] in keep:
            assert {category(character)[0] for character in change.original[1:]} == {"M"}


@text_examples
@given(TEXTS, ALPHABETS, st.booleans())
@example("e\xad\u0301", GSM, True)
@example("ﬁ\u0300", GSM, False)
@example("ⁿ₂", GSM - {"_"}, True)
@example("①₂", GSM - {"_"}, True)
def test_what_has_been_done_needs_not_be_done_again(
    text: str, keep: frozenset[str], letters: bool
) -> None:
    once = transliterate(text, keep, letters=letters).text
    assert transliterate(once, keep, letters=letters) == (once, ())


@text_examples
@given(TEXTS)
def test_what_fits_is_not_touched(text: str) -> None:
    assert transliterate(text, frozenset(text)) == (text, ())


@text_examples
@given(st.text(st.sampled_from([*SIGNS, *INVISIBLE, *sorted(GSM)])))
def test_typography_can_be_written_in_gsm(text: str) -> None:
    result = transliterate(text, letters=False)
    assert gsm0338.decode(gsm0338.encode(result.text)) == result.text
    assert transliterate(text) == result or "μ" in text


@text_examples
@given(TEXTS)
def test_letters_are_only_left_out_when_asked(text: str) -> None:
    without = {c.position for c in transliterate(text, letters=False).changes}
    assert without <= {c.position for c in transliterate(text).changes}
