# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The GSM alphabets as codecs of Python: names, error handlers, streams."""

from __future__ import annotations

import codecs
import io
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from text_kit import text_examples

import twisted_smpp.text  # noqa: F401 - importing it registers the codecs
from twisted_smpp.text import gsm0338, packed
from twisted_smpp.text.gsm0338 import ESCAPE, Alphabet, Language, alphabet
from twisted_smpp.text.python_codecs import find

#: Every name, without -packed, and its tables.
NAMES: dict[str, Alphabet] = {"gsm0338": alphabet()}
for each in Language:
    NAMES[f"gsm0338-{each.name.lower()}"] = alphabet(each, each)
    NAMES[f"gsm0338-{each.name.lower()}-single"] = alphabet(0, each)
    if each is not Language.SPANISH:
        NAMES[f"gsm0338-{each.name.lower()}-locking"] = alphabet(each, 0)

TEXTS = st.text(st.sampled_from(sorted(gsm0338.CHARACTERS)))
#: Rich in escapes that announce nothing.
OCTETS = st.lists(st.sampled_from([ESCAPE, ESCAPE, 0x65, 0x41, 0x00, 0x9B])).map(bytes)


# Names.


@pytest.mark.parametrize("name", NAMES)
def test_T08_every_name_is_an_alphabet(name: str) -> None:
    tables = NAMES[name]
    text = "".join(sorted(tables.characters))
    for spelling in (name, name.upper(), name.replace("-", "_"), name.title()):
        assert text.encode(spelling) == tables.encode(text)
        assert tables.encode(text).decode(spelling) == text
        assert text.encode(f"{spelling}-packed") == packed.pack(tables.encode(text))
        assert text.encode(f"{spelling}_packed").decode(f"{spelling}-PACKED") == text


@pytest.mark.parametrize(
    "name",
    [
        "gsm0338-klingon",
        "gsm0338-spanish-locking",
        "gsm0338-turkish-double",
        "gsm0338-turkish-locking-single",
        "gsm0338-locking",
        "gsm0338-packed-packed",
        "gsm0338-packed-turkish",
        "gsm03",
        "turkish",
        "packed",
    ],
)
def test_other_names_are_not_ours(name: str) -> None:
    assert find(name) is None
    with pytest.raises(LookupError, match="unknown encoding"):
        codecs.lookup(name)


def test_those_of_other_packages_are_not_ours() -> None:
    assert find("gsm03.38") is None
    assert find("gsm23.038") is None
    assert find("utf-8") is None


def test_a_codec_knows_its_name() -> None:
    for name in ("gsm0338", "gsm0338-turkish", "gsm0338-packed"):
        assert codecs.lookup(name).name.replace("_", "-") == name
        assert codecs.lookup(name) is codecs.lookup(name)


IN_ANY_ORDER = """
import {}
import {}
import twisted_smpp.text
assert b"\\x1be".decode("gsm0338") == "\\u20ac"
assert b"E".decode("gsm0338-packed") == "E"
import codecs
assert codecs.lookup("gsm0338").incrementaldecoder.__module__ == "twisted_smpp.text.python_codecs"
assert codecs.lookup("gsm03.38").encode("\\u20ac")[0] == b"\\x1be"
assert codecs.lookup("gsm23.038").encode("\\u20ac")[0] == b"\\x1be"
"""


@pytest.mark.parametrize(
    "modules",
    [("gsm0338", "gsmcodecs, twisted_smpp.text"), ("twisted_smpp.text", "gsm0338, gsmcodecs")],
)
def test_other_packages_with_such_codecs_do_no_harm(modules: tuple[str, str]) -> None:
    program = IN_ANY_ORDER.format(*modules)
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


# Errors.


def test_errors_are_honoured_when_encoding() -> None:
    text = "1ç日€"
    assert text.encode("gsm0338", "ignore") == b"1\x1be"
    assert text.encode("gsm0338", "replace") == b"1??\x1be"
    assert text.encode("gsm0338", "xmlcharrefreplace") == b"1&#231;&#26085;\x1be"
    assert text.encode("gsm0338", "backslashreplace") == b"1\x1b/xe7\x1b/u65e5\x1be"
    assert text.encode("gsm0338-packed", "replace") == packed.pack(b"1??\x1be")
    assert text.encode("gsm0338-turkish", "replace") == b"1\x60?\x04"
    with pytest.raises(
        UnicodeEncodeError, match="'gsm0338' codec can't encode characters"
    ) as caught:
        text.encode("gsm0338")
    assert (caught.value.start, caught.value.end, caught.value.object) == (1, 3, text)
    with pytest.raises(UnicodeEncodeError) as caught:
        text.encode("gsm0338-packed")
    assert (caught.value.start, caught.value.end, caught.value.object) == (1, 3, text)
    with pytest.raises(LookupError):
        text.encode("gsm0338", "no such handler")


def test_errors_are_honoured_when_decoding() -> None:
    octets = b"1\xe7\x1b\x80\x1be"
    assert octets.decode("gsm0338", "ignore") == "1€"
    assert octets.decode("gsm0338", "replace") == "1\ufffd\ufffd€"
    assert octets.decode("gsm0338", "backslashreplace") == "1\\xe7\\x80€"
    assert octets.decode("gsm0338", "surrogateescape") == "1\udce7\udc80€"
    with pytest.raises(
        UnicodeDecodeError, match="'gsm0338' codec can't decode byte 0xe7"
    ) as caught:
        octets.decode("gsm0338")
    assert (caught.value.start, caught.value.end, caught.value.object) == (1, 2, octets)
    # Every septet is one of the default alphabet; other main tables have gaps.
    with pytest.raises(UnicodeDecodeError, match="not in the alphabet"):
        packed.pack(b"\x0d\x0e\x0f").decode("gsm0338-bengali-packed")
    assert packed.pack(b"1\x0e2").decode("gsm0338-bengali-packed", "replace") == "1\ufffd2"


def test_whatever_has_octets_is_decoded() -> None:
    for octets in (b"A\x1be", bytearray(b"A\x1be"), memoryview(b"A\x1be")):
        assert codecs.decode(octets, "gsm0338") == "A€"
        assert codecs.lookup("gsm0338").decode(octets) == ("A€", 3)
    for octets in (b"A", bytearray(b"A"), memoryview(b"A")):
        assert codecs.lookup("gsm0338-packed").decode(octets) == ("A", 1)
    assert codecs.lookup("gsm0338").encode("A€") == (b"A\x1be", 2)
    assert codecs.lookup("gsm0338-packed").encode("A€") == (packed.pack(b"A\x1be"), 2)


@pytest.mark.parametrize(
    ("text", "octets"), [("", b""), ("@" * 8, bytes(7) + b"\r"), ("x\r", b"\xf8\x06")]
)
def test_T08_packed_ends(text: str, octets: bytes) -> None:
    assert text.encode("gsm0338-packed") == octets
    assert octets.decode("gsm0338-packed") == text


# Streams.


def decoded(pieces: list[bytes], errors: str = "strict", name: str = "gsm0338") -> str:
    decoder = codecs.getincrementaldecoder(name)(errors)
    return "".join(map(decoder.decode, pieces)) + decoder.decode(b"", final=True)


@text_examples
@given(TEXTS | OCTETS.map(lambda octets: octets.decode("gsm0338", "ignore")))
@example("€€")
def test_T08_text_in_two_pieces(text: str) -> None:
    octets = text.encode("gsm0338")
    for at in range(len(octets) + 1):
        assert decoded([octets[:at], octets[at:]]) == text
    assert decoded([octets[at : at + 1] for at in range(len(octets))]) == text
    encoder = codecs.getincrementalencoder("gsm0338")()
    assert b"".join(map(encoder.encode, text)) + encoder.encode("", final=True) == octets


@given(OCTETS, st.sampled_from(["replace", "ignore", "backslashreplace", "surrogateescape"]))
@example(b"\x1b\x1b\x1be", "replace")
@example(b"A\x1b", "replace")
def test_any_octets_in_two_pieces(octets: bytes, errors: str) -> None:
    text = octets.decode("gsm0338", errors)
    for at in range(len(octets) + 1):
        assert decoded([octets[:at], octets[at:]], errors) == text
    assert decoded([octets[at : at + 1] for at in range(len(octets))], errors) == text
    assert "".join(codecs.iterdecode([octets], "gsm0338", errors)) == text


def test_nothing_is_held_back_without_need() -> None:
    decoder = codecs.getincrementaldecoder("gsm0338")()
    assert decoder.decode(b"A") == "A"
    assert decoder.decode(b"\x1b") == ""
    assert decoder.decode(b"\x1b") == " "
    assert decoder.decode(b"\x1b") == ""
    assert decoder.getstate() == (b"\x1b", 0)
    assert decoder.decode(b"e\x1b") == "€"
    assert decoder.decode(b"", final=True) == " "


def test_a_decoder_is_reset_and_restored() -> None:
    decoder = codecs.getincrementaldecoder("gsm0338-turkish")()
    decoder.decode(b"\x1b")
    state = decoder.getstate()
    assert decoder.decode(b"g") == "ğ"
    decoder.setstate(state)
    assert decoder.decode(b"i") == "ı"
    decoder.setstate(state)
    decoder.reset()
    assert decoder.decode(b"g") == "g"


def test_errors_in_a_stream() -> None:
    decoder = codecs.getincrementaldecoder("gsm0338")()
    assert decoder.decode(b"ab\x1b") == "ab"
    with pytest.raises(UnicodeDecodeError) as caught:
        decoder.decode(b"\xe7")
    assert (caught.value.object, caught.value.start) == (b"\x1b\xe7", 1)
    encoder = codecs.getincrementalencoder("gsm0338")("replace")
    assert encoder.encode("a日") == b"a?"
    with pytest.raises(UnicodeEncodeError):
        codecs.getincrementalencoder("gsm0338")().encode("日")


@given(TEXTS, st.sampled_from(["gsm0338", "gsm0338-portuguese", "gsm0338-turkish-single"]))
def test_T08_files(text: str, name: str) -> None:
    text = "".join(c for c in text if c in NAMES[name].characters)
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=name, newline="", write_through=True)
    for start in range(0, len(text), 3):
        file.write(text[start : start + 3])
    assert raw.getvalue() == text.encode(name)
    file.seek(0)
    pieces = list(iter(lambda: file.read(1), ""))
    assert "".join(pieces) == text
    assert set(map(len, pieces)) <= {1}


def test_files_of_lines() -> None:
    text = "A€\r\n[B]\n\n€"
    raw = io.BytesIO(text.encode("gsm0338"))
    with io.TextIOWrapper(raw, encoding="gsm0338") as file:
        # An escape is where a small buffer ends, sooner or later.
        assert list(file) == ["A€\n", "[B]\n", "\n", "€"]
    raw = io.BytesIO(b"A\x9b\x1b")
    with io.TextIOWrapper(raw, encoding="gsm0338", errors="replace") as file:
        assert file.read() == "A\ufffd "


def test_packed_septets_are_no_stream() -> None:
    """Where the text ends decides what its last bits are, so it cannot be read in pieces."""
    with pytest.raises(LookupError):
        codecs.getincrementaldecoder("gsm0338-packed")
    with pytest.raises(LookupError):
        codecs.getincrementalencoder("gsm0338-packed")
