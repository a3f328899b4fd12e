# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The user data header: every element, both ways, and what peers make of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_kit import text_examples
from wire_data import load

from twisted_smpp.text.data_coding import Waiting
from twisted_smpp.text.udh import (
    Concatenation,
    LockingShift,
    MessageIndication,
    Ports,
    SingleShift,
    Unknown,
    UserDataHeader,
    header_of,
)

#: By identifier, what the tests' data say of an element.
DATA = {int(each["iei"], 16): each for each in load("gsm0338.json")["udh"]["elements"]}

EXAMPLES: list[tuple[Any, bytes]] = [
    (Concatenation(0xAB, 3, 2), b"\x00\x03\xab\x03\x02"),
    (Concatenation(0xABCD, 255, 254, 16), b"\x08\x04\xab\xcd\xff\xfe"),
    (Ports(0x23F0, 0x23F4), b"\x05\x04\x23\xf0\x23\xf4"),
    (Ports(1, 2, 8), b"\x04\x02\x01\x02"),
    (SingleShift(13), b"\x24\x01\x0d"),
    (LockingShift(3), b"\x25\x01\x03"),
    (MessageIndication(0x81, 7), b"\x01\x02\x81\x07"),
    (Unknown(0x70, b"abc"), b"\x70\x03abc"),
    (Unknown(0x0A, b""), b"\x0a\x00"),
]

OCTET, WORD = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
#: Only what is not read as something better is unknown.
UNKNOWN = st.builds(Unknown, OCTET, st.binary(max_size=12)).filter(
    lambda element: (
        (element.iei, len(element.data))
        not in {(0x00, 3), (0x08, 4), (0x01, 2), (0x04, 2), (0x05, 4), (0x24, 1), (0x25, 1)}
    )
)
ELEMENT = st.one_of(
    st.builds(Concatenation, OCTET, OCTET, OCTET, st.just(8)),
    st.builds(Concatenation, WORD, OCTET, OCTET, st.just(16)),
    st.builds(Ports, OCTET, OCTET, st.just(8)),
    st.builds(Ports, WORD, WORD, st.just(16)),
    st.builds(SingleShift, OCTET),
    st.builds(LockingShift, OCTET),
    st.builds(MessageIndication, OCTET, OCTET),
    UNKNOWN,
)
HEADER = st.lists(ELEMENT, max_size=12).map(tuple).map(UserDataHeader)


def split(octets: bytes) -> UserDataHeader:
    header, rest = UserDataHeader.split(octets)
    assert rest == b""
    assert header is not None
    return header


# Both ways.


@pytest.mark.parametrize(("element", "octets"), EXAMPLES, ids=lambda each: repr(each)[:40])
def test_an_element_on_the_wire(element: Any, octets: bytes) -> None:
    assert element.encode() == octets
    header = UserDataHeader((element,))
    assert header.encode() == bytes([len(octets)]) + octets == header_of([element])
    assert split(header.encode()) == header
    assert type(split(header.encode()).elements[0]) is type(element)
    assert UserDataHeader.split(header.encode() + b"text") == (header, b"text")


def test_the_lengths_are_those_of_the_standard() -> None:
    seen = set()
    for element, octets in EXAMPLES:
        if isinstance(element, Unknown | MessageIndication):
            continue
        said = DATA[octets[0]]
        assert octets[1] == said["data_length"]
        assert len(octets) == said["element_length"]
        assert len(header_of([element])) == said["udh_length_alone"]
        seen.add(octets[0])
    assert seen == set(DATA)


def test_all_elements_in_any_order_come_back() -> None:
    @text_examples
    @given(st.permutations([element for element, _ in EXAMPLES]))
    def check(elements: list[Any]) -> None:
        header = UserDataHeader(tuple(elements))
        assert split(header.encode()) == header
        assert header.concatenation in elements
        assert header.ports in elements
        assert (header.locking, header.single) == (3, 13)

    check()


def test_any_header_comes_back() -> None:
    @text_examples
    @given(HEADER, st.binary(max_size=20))
    def check(header: UserDataHeader, rest: bytes) -> None:
        octets = header.encode()
        assert octets[0] == len(octets) - 1
        assert UserDataHeader.split(octets + rest) == (header, rest)

    check()


def test_any_octets_that_are_a_header_are_written_alike() -> None:
    @text_examples
    @given(st.binary(max_size=60))
    def check(octets: bytes) -> None:
        header, rest = UserDataHeader.split(octets)
        if header is None:
            assert rest == octets
        else:
            assert header.encode() + rest == octets

    check()


def test_an_element_of_another_length_is_kept_as_it_is() -> None:
    for iei, said in DATA.items():
        for size in range(12):
            octets = bytes([size + 2, iei, size]) + bytes(range(0x40, 0x40 + size))
            (element,) = split(octets).elements
            is_known = size == said["data_length"]
            assert isinstance(element, Unknown) is not is_known
            assert split(octets).encode() == octets


def test_every_identifier_is_kept() -> None:
    for iei in range(256):
        octets = bytes([9, iei, 7]) + b"1234567"
        assert split(octets) == ((Unknown(iei, b"1234567"),),)
        assert split(octets).encode() == octets


def test_the_largest_header() -> None:
    header = UserDataHeader((Unknown(0x70, bytes(253)),))
    assert header.encode() == b"\xff\x70\xfd" + bytes(253)
    assert UserDataHeader.split(header.encode() + b"x") == (header, b"x")
    with pytest.raises(ValueError, match="256 octets of elements, at most 255"):
        header_of([Unknown(0x70, bytes(250)), Unknown(0x70, bytes(2))])


# What counts.


def test_of_elements_that_exclude_each_other_the_last_one_counts() -> None:
    header = UserDataHeader(
        (
            Concatenation(1, 3, 1),
            Ports(1, 2, 8),
            LockingShift(1),
            SingleShift(2),
            Concatenation(0x102, 4, 2, 16),
            Ports(3, 4, 16),
            LockingShift(3),
            SingleShift(4),
        )
    )
    assert header.concatenation == (0x102, 4, 2, 16)
    assert header.ports == (3, 4, 16)
    assert (header.locking, header.single) == (3, 4)
    assert header.last(MessageIndication) is None
    backwards = UserDataHeader(header.elements[::-1])
    assert backwards.concatenation == (1, 3, 1, 8)
    assert backwards.ports == (1, 2, 8)
    assert (backwards.locking, backwards.single) == (1, 2)


def test_an_empty_header_says_nothing() -> None:
    header = UserDataHeader()
    assert header.encode() == b"\0"
    assert UserDataHeader.split(b"\0text") == (header, b"text")
    assert (header.concatenation, header.ports) == (None, None)
    assert (header.locking, header.single) == (0, 0)


def test_message_waiting() -> None:
    indication = MessageIndication(0x81, 7)
    assert indication.store
    assert indication.kind == Waiting.FAX
    assert not MessageIndication(0x03, 7).store
    assert MessageIndication(0x03, 7).kind == Waiting.OTHER
    assert MessageIndication(0x80, 7).kind == Waiting.VOICEMAIL


@pytest.mark.parametrize(
    ("total", "number", "is_valid"),
    [
        (0, 0, False),
        (0, 1, False),
        (1, 0, False),
        (1, 1, True),
        (1, 2, False),
        (3, 3, True),
        (3, 4, False),
        (255, 255, True),
        (254, 255, False),
    ],
)
@pytest.mark.parametrize("width", [8, 16])
def test_T04_a_concatenation_that_makes_no_sense_is_none(
    total: int, number: int, is_valid: bool, width: int
) -> None:
    element = Concatenation(7, total, number, width)
    assert element.is_valid is is_valid
    header = split(header_of([element]))
    assert header.elements == (element,), "it is kept"
    assert header.concatenation == (element if is_valid else None)
    before = Concatenation(9, 2, 1)
    assert UserDataHeader((before, element)).concatenation == (element if is_valid else before)


@pytest.mark.parametrize(
    "octets",
    [
        "06 08 04 12 34 03 02",
        "0b 08 04 12 34 03 02 05 03 00 01 02",
        "0c 05 04 00 01 00 02 08 04 12 34 03 02",
    ],
)
def test_field_9_a_16_bit_reference_is_found_wherever_it_is(octets: str) -> None:
    assert split(bytes.fromhex(octets)).concatenation == (0x1234, 3, 2, 16)


@pytest.mark.parametrize(
    "octets",
    ["05 00 03 12 03 02", "0b 05 04 00 01 00 02 00 03 12 03 02", "08 25 01 01 00 03 12 03 02"],
)
def test_field_9_an_8_bit_reference_is_found_wherever_it_is(octets: str) -> None:
    assert split(bytes.fromhex(octets)).concatenation == (0x12, 3, 2, 8)


# What is none.


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "05",
        "05 00 03 01 02",  # one octet short
        "ff 00 03 01 02 01",
        "01 00",  # half of an element
        "06 00 03 01 02 01 00",  # a whole one, then half of one
        "05 00 04 01 02 01 41",  # longer than the header, not than the message
        "05 00 ff 01 02 01 41",
        "02 00 01 41",
        "03 70 02 41 42",
    ],
)
def test_T03_what_is_cut_off_is_no_header(octets: str) -> None:
    raw = bytes.fromhex(octets)
    assert UserDataHeader.split(raw) == (None, raw)


def test_T03_a_header_may_be_all_there_is() -> None:
    assert split(b"\0") == UserDataHeader()
    assert split(bytes.fromhex("050003010201")).concatenation == (1, 2, 1, 8)


def test_T03_every_cut_of_every_header_is_no_header() -> None:
    @text_examples
    @given(HEADER)
    def check(header: UserDataHeader) -> None:
        octets = header.encode()
        for size in range(len(octets)):
            assert UserDataHeader.split(octets[:size]) == (None, octets[:size])

    check()


def test_T03_a_length_that_lies_never_raises() -> None:
    @text_examples
    @given(HEADER, OCTET, st.integers(0, 200), st.binary(max_size=8))
    def check(header: UserDataHeader, value: int, place: int, rest: bytes) -> None:
        octets = bytearray(header.encode() + rest)
        octets[place % len(octets)] = value
        found, left = UserDataHeader.split(bytes(octets))
        if found is None:
            assert left == octets
        else:
            assert found.encode() + left == octets
            assert len(left) == len(octets) - 1 - octets[0]

    check()


# What cannot be written.


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (Concatenation(256, 1, 1), "reference is 256, allowed is 0 to 255"),
        (Concatenation(-1, 1, 1), "reference is -1"),
        (Concatenation(65536, 1, 1, 16), "reference is 65536, allowed is 0 to 65535"),
        (Concatenation(1, 256, 1), "total is 256"),
        (Concatenation(1, 256, 1, 16), "total is 256"),
        (Concatenation(1, 1, 256), "number is 256"),
        (Concatenation(1, 1, -1, 16), "number is -1"),
        (Ports(256, 0, 8), "destination is 256"),
        (Ports(0, 256, 8), "source is 256"),
        (Ports(65536, 0), "destination is 65536"),
        (Ports(0, 65536), "source is 65536"),
        (SingleShift(256), "language is 256"),
        (LockingShift(-1), "language is -1"),
        (MessageIndication(256, 0), "indication is 256"),
        (MessageIndication(0, 256), "messages is 256"),
        (Unknown(256, b""), "iei is 256"),
        (Unknown(0, bytes(254)), "length of data is 254, allowed is 0 to 253"),
    ],
)
def test_what_does_not_fit_is_refused(element: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"user data header: {message}"):
        header_of([element])
    with pytest.raises(ValueError, match=message):
        UserDataHeader((element,)).encode()


def test_what_just_fits() -> None:
    for element in (
        Concatenation(0xFFFF, 255, 255, 16),
        Concatenation(255, 255, 255),
        Ports(0xFFFF, 0xFFFF),
        Ports(255, 255, 8),
        SingleShift(255),
        LockingShift(255),
        MessageIndication(255, 255),
    ):
        assert split(header_of([element])).elements == (element,)


def test_texts_are_not_shown_by_repr() -> None:
    assert repr(Unknown(0x70, b"secret")) == "Unknown(iei=0x70, data=<6 octets>)"
