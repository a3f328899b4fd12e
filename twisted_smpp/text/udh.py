"""The user data header: elements in front of the text of a message.

What is read is written alike, octet for octet: elements keep their order, and one that is
not known, or does not have the length that its kind has, is kept as :class:`Unknown`.

Source: 3GPP TS 23.040, 9.2.3.24.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

__all__ = [
    "Concatenation",
    "Element",
    "LockingShift",
    "MessageIndication",
    "Ports",
    "SingleShift",
    "Unknown",
    "UserDataHeader",
    "header_of",
]

#: Octets of elements that the length octet can announce.
MOST_OCTETS = 255


class Concatenation(NamedTuple):
    """This is part ``number`` of ``total`` that have a reference in common (IEI 00, 08).

    Attributes:
        reference: 0 to 255, or 65535 when ``width`` is 16.
        total: 1 to 255.
        number: 1 to ``total``.
        width: bits of the reference, 8 or 16.
    """

    reference: int
    total: int
    number: int
    width: int = 8

    @property
    def is_valid(self) -> bool:
        """Whether it makes sense; one that does not is to be ignored."""
        return 1 <= self.number <= self.total

    def encode(self) -> bytes:
        """The element; ValueError for what does not fit."""
        wide = self.width == 16
        _check("reference", self.reference, 0xFFFF if wide else 0xFF)
        _check("total", self.total, 0xFF)
        _check("number", self.number, 0xFF)
        numbers = bytes((self.total, self.number))
        if wide:
            return b"\x08\x04" + self.reference.to_bytes(2, "big") + numbers
        return b"\x00\x03" + bytes((self.reference,)) + numbers


class Ports(NamedTuple):
    """The applications that a message is between (IEI 04, 05).

    Attributes:
        destination: 0 to 255, or 65535 when ``width`` is 16.
        source: likewise.
        width: bits of each, 8 or 16.
    """

    destination: int
    source: int
    width: int = 16

    def encode(self) -> bytes:
        """The element; ValueError for what does not fit."""
        wide = self.width == 16
        _check("destination", self.destination, 0xFFFF if wide else 0xFF)
        _check("source", self.source, 0xFFFF if wide else 0xFF)
        if wide:
            octets = self.destination.to_bytes(2, "big") + self.source.to_bytes(2, "big")
            return b"\x05\x04" + octets
        return b"\x04\x02" + bytes((self.destination, self.source))


class SingleShift(NamedTuple):
    """The language of the table behind an escape (IEI 24).

    Attributes:
        language: the national language identifier, 0 to 255.
    """

    language: int

    def encode(self) -> bytes:
        """The element; ValueError for what does not fit."""
        _check("language", self.language, 0xFF)
        return b"\x24\x01" + bytes((self.language,))


class LockingShift(NamedTuple):
    """The language of the table that is used without an escape (IEI 25).

    Attributes:
        language: the national language identifier, 0 to 255.
    """

    language: int

    def encode(self) -> bytes:
        """The element; ValueError for what does not fit."""
        _check("language", self.language, 0xFF)
        return b"\x25\x01" + bytes((self.language,))


class MessageIndication(NamedTuple):
    """Messages wait elsewhere (IEI 01; 3GPP TS 23.040, 9.2.3.24.2).

    Attributes:
        indication: bit 7: the message is to be stored; the others: what kind waits, 0
            voicemail, 1 fax, 2 electronic mail, 3 other; 0 to 255.
        messages: how many wait, 0 to 255.
    """

    indication: int
    messages: int

    @property
    def store(self) -> bool:
        """Whether the telephone is to keep this message."""
        return bool(self.indication & 0x80)

    @property
    def kind(self) -> int:
        """What waits: a :class:`~twisted_smpp.text.data_coding.Waiting`."""
        return self.indication & 0x03

    def encode(self) -> bytes:
        """The element; ValueError for what does not fit."""
        _check("indication", self.indication, 0xFF)
        _check("messages", self.messages, 0xFF)
        return b"\x01\x02" + bytes((self.indication, self.messages))


class Unknown(NamedTuple):
    """An element that is carried along as it is.

    Attributes:
        iei: the information element identifier, 0 to 255.
        data: 0 to 253 octets.
    """

    iei: int
    data: bytes

    def __repr__(self) -> str:
        return f"Unknown(iei={self.iei:#04x}, data=<{len(self.data)} octets>)"

    def encode(self) -> bytes:
        """The element; ValueError for what does not fit."""
        _check("iei", self.iei, 0xFF)
        _check("length of data", len(self.data), MOST_OCTETS - 2)
        return bytes((self.iei, len(self.data))) + self.data


Element = Concatenation | Ports | SingleShift | LockingShift | MessageIndication | Unknown

E = TypeVar("E", Concatenation, Ports, SingleShift, LockingShift, MessageIndication)

#: By identifier and length of the data: how the data is read.
_READ: dict[tuple[int, int], Callable[[bytes], Element]] = {
    (0x00, 3): lambda data: Concatenation(data[0], data[1], data[2], 8),
    (0x08, 4): lambda data: Concatenation(int.from_bytes(data[:2], "big"), data[2], data[3], 16),
    (0x01, 2): lambda data: MessageIndication(data[0], data[1]),
    (0x04, 2): lambda data: Ports(data[0], data[1], 8),
    (0x05, 4): lambda data: Ports(
        int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big"), 16
    ),
    (0x24, 1): lambda data: SingleShift(data[0]),
    (0x25, 1): lambda data: LockingShift(data[0]),
}


def _check(name: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise ValueError(f"user data header: {name} is {value}, allowed is 0 to {most}")


class UserDataHeader(NamedTuple):
    """The elements in front of a text, in order.

    Of several elements that exclude each other the last one counts.
    """

    elements: tuple[Element, ...] = ()

    def encode(self) -> bytes:
        """The header with its length octet.

        Raises:
            ValueError: a value, or all of them together, do not fit.
        """
        return header_of(self.elements)

    @classmethod
    def split(cls, octets: bytes) -> tuple[UserDataHeader | None, bytes]:
        """The header that ``octets`` begin with, and what follows it.

        Returns:
            None and all of ``octets`` when the header is longer than they are, or an
            element is longer than the header. It never raises.
        """
        if not octets or octets[0] >= len(octets):
            return None, octets
        end = octets[0] + 1
        elements = []
        at = 1
        while at < end:
            if at + 1 == end or at + 2 + octets[at + 1] > end:
                return None, octets
            iei, start = octets[at], at + 2
            at = start + octets[at + 1]
            data = octets[start:at]
            read = _READ.get((iei, len(data)))
            elements.append(Unknown(iei, data) if read is None else read(data))
        return cls(tuple(elements)), octets[end:]

    def last(self, kind: type[E]) -> E | None:
        """The last element of a kind."""
        for element in reversed(self.elements):
            if isinstance(element, kind):
                return element
        return None

    @property
    def concatenation(self) -> Concatenation | None:
        """Which part this is; None also when what the header says makes no sense."""
        for element in reversed(self.elements):
            if isinstance(element, Concatenation) and element.is_valid:
                return element
        return None

    @property
    def ports(self) -> Ports | None:
        """The applications."""
        return self.last(Ports)

    @property
    def locking(self) -> int:
        """The language of the locking shift table, 0 for the default alphabet."""
        found = self.last(LockingShift)
        return 0 if found is None else found.language

    @property
    def single(self) -> int:
        """The language of the single shift table, 0 for the default extension."""
        found = self.last(SingleShift)
        return 0 if found is None else found.language


def header_of(elements: Iterable[Element]) -> bytes:
    """The header of these elements, with its length octet.

    Raises:
        ValueError: a value, or all of them together, do not fit.
    """
    octets = b"".join([element.encode() for element in elements])
    if len(octets) > MOST_OCTETS:
        raise ValueError(
            f"user data header: {len(octets)} octets of elements, at most {MOST_OCTETS}"
        )
    return bytes((len(octets),)) + octets
