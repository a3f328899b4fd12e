# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Packed septets: against one big number, another library, and octets of the field.

Wherever the last octet has seven bits to spare, a reader cannot know whether there is one
more septet; every way in which a text can end there is looked at.
"""

from __future__ import annotations

from itertools import product

import pygsm7
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from text_kit import text_examples
from wire_data import load

from twisted_smpp.text import gsm0338
from twisted_smpp.text.packed import FILLING, ambiguous, fill_bits, pack, unpack

CR, AT = 0x0D, 0x00
FILLS = range(7)

SEPTETS = st.lists(st.sampled_from([CR, AT, CR, AT, 0x1B, 0x7F, 0x41]) | st.integers(0, 127)).map(
    bytes
)
FILL = st.sampled_from(FILLS)


def plain(septets: bytes, fill: int = 0) -> bytes:
    """Septets in octets as in one big number, whose lowest bits come first; nothing added."""
    number = sum(septet << (fill + 7 * at) for at, septet in enumerate(septets))
    return number.to_bytes((fill + 7 * len(septets) + 7) // 8, "little")


def spare(septets: bytes, fill: int) -> int:
    """Bits of the last octet that are not used."""
    return -(fill + 7 * len(septets)) % 8


def plainly_read(octets: bytes, fill: int = 0) -> bytes:
    """As many septets as there are, nothing taken away."""
    number = int.from_bytes(octets, "little") >> fill
    many = max(0, (8 * len(octets) - fill) // 7)
    return bytes(number >> 7 * at & 0x7F for at in range(many))


# Known octets.

KNOWN = [
    ("hellohello", "E8329BFD4697D9EC37"),
    ("hello", "E8329BFD06"),
    ("Test", "D4F29C0E"),
    ("How are you?", "C8F71D14969741F977FD07"),
    ("2 € par mois", "32D0A60C8287E5A0F63B3D07"),
    ("1234567", "31D98C56B3DD1A"),
    ("*115*5#", "AA58ACA6AA8D1A"),
    ("12345678", "31D98C56B3DD70"),
    ("@", "00"),
    ("A", "41"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "octets"), KNOWN)
def test_T08_known_octets(text: str, octets: str) -> None:
    septets = gsm0338.encode(text)
    assert pack(septets).hex().upper() == octets
    assert unpack(bytes.fromhex(octets)) == septets


def test_T08_known_octets_behind_a_header() -> None:
    # One bit is left free behind six octets, so a character is as if doubled.
    assert pack(b"A", fill_bits(6)) == b"\x82"
    assert pack(b"hello", 1) == bytes.fromhex("d06536fb0d")
    assert unpack(bytes.fromhex("d06536fb0d"), 1) == b"hello"


# Fill bits.


def test_T08_fill_bits_of_every_header() -> None:
    assert [fill_bits(octets) for octets in range(1, 15)] == [
        6, 5, 4, 3, 2, 1, 0, 6, 5, 4, 3, 2, 1, 0,
    ]  # fmt: skip
    for octets in range(257):
        fill = fill_bits(octets)
        assert fill in FILLS
        assert (8 * octets + fill) % 7 == 0


def test_T08_a_full_message_is_full() -> None:
    """What the table of capacities allows fills the 140 octets, and no bit is left over."""
    for row in load("gsm0338.json")["capacity"]["per_part"]:
        header = row["udh_octets"]
        septets = b"x" * row["gsm7_septets"]
        assert len(pack(septets, fill_bits(header))) == 140 - header
        assert spare(septets, fill_bits(header)) == 0
        assert unpack(pack(septets, fill_bits(header)), fill_bits(header)) == septets
        assert len(pack(septets + b"x", fill_bits(header))) > 140 - header


# All lengths.

PATTERNS = {
    "ones": b"\x7f" * 171,
    "at": bytes(171),
    "cr": b"\r" * 171,
    "all": bytes((45 * at + 17) % 128 for at in range(171)),
}


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("fill", FILLS)
def test_T08_every_length_and_fill(fill: int, name: str) -> None:
    for length in range(171):
        septets = PATTERNS[name][:length]
        left = spare(septets, fill)
        is_marked = left == 7 or (left == 0 and length > 0 and septets[-1] in FILLING)
        octets = plain(septets + b"\r" if is_marked else septets, fill)
        assert pack(septets, fill) == octets, length
        is_lost = left == 1 and length > 1 and septets[-1] == CR and septets[-2] in FILLING
        assert ambiguous(septets, fill) is is_lost, length
        assert unpack(octets, fill) == (septets[:-1] if is_lost else septets), length


ENDS = [bytes(end) for end in product((AT, CR, 0x41), repeat=3)]


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("length", range(3, 19))
def test_T08_every_end_at_every_alignment(length: int, fill: int) -> None:
    for end in ENDS:
        septets = b"x" * (length - 3) + end
        octets = pack(septets, fill)
        # What a reader that takes nothing away sees: the text and perhaps one more CR.
        read = plainly_read(octets, fill)
        assert read in (septets, septets + b"\r")
        assert len(octets) - len(plain(septets, fill)) == (
            spare(septets, fill) == 0 and end[-1] in FILLING
        )
        back = unpack(octets, fill)
        assert back == septets or ambiguous(septets, fill)
        assert back in (septets, septets[:-1])


def test_a_carriage_return_at_the_end_of_an_octet_is_doubled() -> None:
    assert pack(b"1234567\r") == plain(b"1234567\r\r")
    assert unpack(plain(b"1234567\r\r")) == b"1234567\r"
    # An "@" would be lost like one, so it is marked likewise.
    assert pack(b"1234567\0") == plain(b"1234567\0\r")
    assert unpack(plain(b"1234567\0\r")) == b"1234567\0"
    # Nowhere else are they touched.
    for end in (b"\r", b"\0"):
        assert pack(b"123456" + end) == plain(b"123456" + end + b"\r")
        assert pack(b"12345" + end) == plain(b"12345" + end)


def test_what_peers_leave_in_seven_spare_bits() -> None:
    for peer in (plain(b"1234567"), plain(b"1234567\r")):
        assert unpack(peer) == b"1234567"
    # Anything else there is a character.
    assert unpack(plain(b"1234567x")) == b"1234567x"
    # So is a zero, or a carriage return, that ends elsewhere.
    for end in (b"\0", b"\r"):
        assert unpack(plain(b"123456" + end)) == b"123456" + end
        assert unpack(plain(b"12345" + end)) == b"12345" + end
    # An "@" there that its writer did not mark cannot be told from zeros.
    assert unpack(plain(b"1234567\0")) == b"1234567"


def test_two_carriage_returns_may_become_one() -> None:
    assert ambiguous(b"1234567\r\r")
    assert ambiguous(b"1234567\0\r")
    assert not ambiguous(b"1234567x\r")
    assert not ambiguous(b"12345678\r\r")
    assert not ambiguous(b"")
    assert unpack(pack(b"1234567\r\r")) == b"1234567\r"


# Properties.


ENDINGS = st.sampled_from([b"", b"\r\r", b"\0\r", b"\r\0", b"\0\0"])


@text_examples
@given(st.builds(bytes.__add__, SEPTETS, ENDINGS), FILL)
@example(b"\r", 1)
@example(b"", 1)
def test_T08_packed_septets_come_back_unless_ambiguous(septets: bytes, fill: int) -> None:
    octets = pack(septets, fill)
    assert plainly_read(octets, fill)[: len(septets)] == septets
    assert plainly_read(octets, fill)[len(septets) :] in (b"", b"\r")
    assert not octets or octets[0] & ((1 << fill) - 1) == 0, "the fill bits are zero"
    is_lost = spare(septets, fill) == 1 and septets.endswith((b"\r\r", b"\0\r"))
    assert ambiguous(septets, fill) is is_lost
    assert unpack(octets, fill) == (septets[:-1] if is_lost else septets)


@text_examples
@given(st.binary(max_size=200), FILL)
@example(b"\x00", 1)
@example(b"\x1a", 1)
def test_field_37_any_octets_are_read(octets: bytes, fill: int) -> None:
    septets = unpack(octets, fill)
    read = plainly_read(octets, fill)
    assert septets in (read, read[:-1])
    assert septets == read or read[-1] in FILLING
    # Written again, no more is lost than what was only filling.
    assert unpack(pack(septets, fill), fill) == septets or ambiguous(septets, fill)


@given(SEPTETS, st.integers(1, 6), st.integers(0, 63))
def test_what_is_in_the_fill_bits_is_not_looked_at(septets: bytes, fill: int, bits: int) -> None:
    octets = bytearray(pack(septets, fill))
    if octets:
        octets[0] |= bits & ((1 << fill) - 1)
    assert unpack(bytes(octets), fill) == unpack(pack(septets, fill), fill)


@given(st.text(st.sampled_from(sorted(gsm0338.CHARACTERS)), min_size=1))
def test_T08_another_library_packs_the_same(text: str) -> None:
    septets = gsm0338.encode(text)
    theirs = bytes.fromhex(pygsm7.encode_gsm7(text))
    octets = pack(septets)
    if spare(septets, 0) == 7 or (spare(septets, 0) == 0 and septets[-1] in FILLING):
        # It marks no end, but is told how many septets there are.
        octets = plain(septets)
        assert pack(septets)[: len(septets) * 7 // 8] == theirs[: len(septets) * 7 // 8]
    assert octets == theirs
    assert pygsm7.decode_gsm7(pack(septets).hex(), len(septets)) == text
    if spare(septets, 0) or septets[-1] not in FILLING:
        assert unpack(theirs) == septets or ambiguous(septets)
