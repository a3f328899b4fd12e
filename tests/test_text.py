"""Texts as people send them, and mistakes as people make them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_kit import text_examples

from twisted_smpp.text import (
    Concatenation,
    Language,
    MessageWaiting,
    Method,
    Part,
    Reassembly,
    TextRules,
    Unknown,
    Waiting,
    decode,
    join,
    plan,
    segments,
)
from twisted_smpp.wire.pdus import DataSM
from twisted_smpp.wire.tlvs import message_payload

FRENCH = "Où est le café ? Ça va très bien, à bientôt – Zoë â ê î"


def test_transliteration_leaves_what_latin_1_has() -> None:
    found = plan(FRENCH, TextRules(transliterate=True, latin_1=True))
    assert found.coding.name == "LATIN-1"
    assert found.text == FRENCH.replace("–", "-")
    assert plan(FRENCH, TextRules(transliterate=True)).text.endswith("bientot - Zoe a e i")


def test_only_alphabets_that_help_are_tried() -> None:
    rules = TextRules(transliterate=True, languages=tuple(Language))
    assert plan("“ışık”", rules).text == '"ışık"'
    assert plan("“a”", rules).coding.name == "GSM 7-bit"


def test_a_header_cannot_be_smuggled_in() -> None:
    for iei in (0x00, 0x08, 0x24, 0x25):
        with pytest.raises(ValueError, match="elements: Unknown is written where it is needed"):
            plan("Hi", elements=[Unknown(iei, b"\1")])


def test_a_method_is_a_method() -> None:
    with pytest.raises(ValueError, match="method: 'sar' is not one of"):
        plan("Hi", method="sar")  # type: ignore[arg-type]


def test_a_codec_needs_no_header() -> None:
    with pytest.raises(ValueError, match="codecs: 'gsm0338-packed' needs the header"):
        TextRules(codecs={0: "gsm0338-packed"})


def test_what_is_no_text_is_damage() -> None:
    got = decode(b"+2BBUuw-", 0, TextRules(codecs={0: "utf-7"}))
    assert got.damaged
    assert got.text is not None
    got.text.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "kind", "store", "data_coding"),
    [
        ("3 new", Waiting.VOICEMAIL, False, 0xC8),
        ("3 new", Waiting.EMAIL, True, 0xDA),
        ("żółw", Waiting.FAX, True, 0xE9),
    ],
)
def test_message_waiting(text: str, kind: Waiting, store: bool, data_coding: int) -> None:
    found = plan(text, TextRules(latin_1=True), waiting=MessageWaiting(kind, True, store))
    assert found.data_coding == data_coding
    assert join(found.segments()).text == text


def test_message_waiting_that_is_discarded_has_no_ucs_2() -> None:
    with pytest.raises(ValueError, match="waiting: no coding that is discarded"):
        plan("żółw", waiting=MessageWaiting(Waiting.FAX, True, False))


@given(st.text(max_size=400))
@text_examples
def test_data_sm_carries_each_part(text: str) -> None:
    for method in (Method.UDH_8, Method.SAR, Method.PAYLOAD):
        parts = segments(text, reference=1, method=method)
        pdus = [DataSM(**part.data_sm_fields) for part in parts]
        assert all(message_payload in pdu.tlvs for pdu in pdus)
        assert join(pdus).text == text


def test_what_is_taken_back_too_late_is_handed_over() -> None:
    def part(number: int, octets: bytes) -> Part:
        return Part.made(0, octets, False, Concatenation(1, 2, number, 8))

    made = Reassembly()
    made.add("a", "s", "d", part(1, b"old1"), 0)
    (joined,) = made.add("a", "s", "d", part(2, b"old2"), 1)
    made.add("a", "s", "d", part(1, b"new1"), 2)
    (old,) = made.reopen(joined, part(2, b"old2"), 3)
    assert [each.octets for each in old.parts] == [b"old1"]
    assert (old.missing, old.reason) == ((2,), "its reference is used anew")
    (new,) = made.add("a", "s", "d", part(2, b"new2"), 4)
    assert new.decode()[0].text == "new1new2"


def test_a_state_without_parts_is_none() -> None:
    state = {"open": [{"key": ["a", "s", "d", 1, 2, 8], "since": 0, "echo": None, "parts": []}]}
    with pytest.raises(ValueError, match="a message without parts"):
        Reassembly.restored({**state, "complete": []})
