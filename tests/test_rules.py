"""The settings of a link: what is allowed, and what an error says."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from twisted_smpp.text.gsm0338 import Language
from twisted_smpp.text.rules import DEFAULT_ALPHABETS, Method, TextRules


def test_without_settings_it_is_what_most_links_take() -> None:
    rules = TextRules()
    assert rules.default_alphabet == "gsm0338"
    assert rules.languages == ()
    assert rules.latin_1 is False
    assert rules.method is Method.UDH_8
    assert rules.graphemes is True
    assert rules.transliterate is False
    assert rules.codecs == {}
    assert rules == TextRules()


@pytest.mark.parametrize("name", DEFAULT_ALPHABETS)
def test_every_default_alphabet_is_allowed(name: str) -> None:
    assert TextRules(default_alphabet=name).default_alphabet == name
    assert "x".encode(name).decode(name) == "x", "Python has a codec of that name"


def test_methods() -> None:
    assert [(each.value, each.reference_bits, each.element_octets) for each in Method] == [
        ("udh8", 8, 5),
        ("udh16", 16, 6),
        ("sar", 16, 6),
        ("payload", 0, 5),
    ]
    assert Method("sar") is Method.SAR
    for each in Method:
        assert TextRules(method=each).method is each


def test_languages_may_be_given_by_number() -> None:
    rules = TextRules(languages=(1, Language.HINDI))  # type: ignore[arg-type]
    assert rules.languages == (Language.TURKISH, Language.HINDI)
    assert all(isinstance(each, Language) for each in rules.languages)
    assert TextRules(languages=[3]).languages == (Language.PORTUGUESE,)  # type: ignore[arg-type]
    assert TextRules(languages=tuple(Language)).languages == tuple(Language)


def test_codecs_that_read_everything_are_allowed() -> None:
    codecs = {0: "cp1252", 1: "gsm0338", 255: "gsm0338-turkish", 3: "utf-8", 8: "utf-16-le"}
    assert TextRules(codecs=codecs).codecs == codecs


LANGUAGES = ", ".join(f"{each.value} ({each.name.lower()})" for each in Language)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"default_alphabet": "gsm"},
            "default_alphabet: 'gsm' is not one of gsm0338, gsm0338-packed, latin-1, ascii, utf-8",
        ),
        (
            {"default_alphabet": None},
            "default_alphabet: None is not one of gsm0338, gsm0338-packed, latin-1, ascii, utf-8",
        ),
        ({"languages": (Language.TURKISH, 14)}, f"languages: 14 is not one of {LANGUAGES}"),
        ({"languages": (0,)}, f"languages: 0 is not one of {LANGUAGES}"),
        ({"languages": ("turkish",)}, f"languages: 'turkish' is not one of {LANGUAGES}"),
        (
            {"method": "udh8"},
            "method: 'udh8' is not one of Method.UDH_8, Method.UDH_16, Method.SAR, Method.PAYLOAD",
        ),
        ({"codecs": {256: "ascii"}}, "codecs: 256 is not a data_coding, 0 to 255"),
        ({"codecs": {-1: "ascii"}}, "codecs: -1 is not a data_coding, 0 to 255"),
        ({"codecs": {"0": "ascii"}}, "codecs: '0' is not a data_coding, 0 to 255"),
        ({"codecs": {1: "klingon"}}, "codecs: Python has no text codec 'klingon'"),
        ({"codecs": {1: ""}}, "codecs: Python has no text codec ''"),
        ({"codecs": {1: "a\0b"}}, "codecs: Python has no text codec 'a\\x00b'"),
        ({"codecs": {1: None}}, "codecs: Python has no text codec None"),
        ({"codecs": {1: "ascii", 2: "base64"}}, "codecs: Python has no text codec 'base64'"),
        ({"codecs": {1: "rot13"}}, "codecs: Python has no text codec 'rot13'"),
        ({"codecs": {1: "idna"}}, "codecs: 'idna' cannot read every octet"),
        ({"codecs": {1: "undefined"}}, "codecs: 'undefined' cannot read every octet"),
    ],
    ids=str,
)
def test_errors_name_the_field_and_what_is_allowed(settings: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        TextRules(**settings)
    assert str(caught.value) == message


def test_rules_do_not_change() -> None:
    rules = TextRules()
    with pytest.raises(dataclasses.FrozenInstanceError):
        rules.latin_1 = True  # type: ignore[misc]
    changed = dataclasses.replace(rules, latin_1=True)
    assert changed.latin_1
    assert changed != rules
    with pytest.raises(ValueError, match="default_alphabet"):
        dataclasses.replace(rules, default_alphabet="ebcdic")
