"""The ids that a message centre gives: unique for ever, and not to be guessed.

An id is made of the number of the message in the store, so that it is found without an index,
and of 64 random bits, so that nobody finds the messages of others by counting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from os import urandom

from twisted_smpp.values import InterfaceVersion

__all__ = ["ID_STYLES", "MessageIds", "numbers_of"]

#: How ids may be written: 32 hexadecimal digits, or up to 39 decimal ones.
ID_STYLES = ("hex", "decimal")

_RANDOM_BITS = 64
#: No store has a greater one.
_MOST_NUMBER = 2**63 - 1
_TAILS = 512
#: Digits of an id of 3.3, which has room for no more.
_SHORT = 8
_V3_4 = int(InterfaceVersion.V3_4)


class MessageIds:
    """Makes ids.

    Args:
        randbytes: as that of ``random.Random``; None for the system's, which cannot be guessed.
    """

    def __init__(self, randbytes: Callable[[int], bytes] | None = None) -> None:
        self._randbytes = randbytes or urandom
        # To ask the system for each id alone would take longer than all the rest of it.
        self._tails: Iterator[str] = iter(())

    def make(self, number: int, version: int, style: str = "hex") -> str:
        """The id of a message.

        Args:
            number: of the message in the store.
            version: interface_version of the session: before 3.4 an id has 8 digits, and
                nothing in it is random.
            style: one of :data:`ID_STYLES`.
        """
        if version < _V3_4:
            return f"{number & 0xFFFFFFFF:0{_SHORT}x}"
        tail = next(self._tails, None)
        if tail is None:
            # As digits at once: to format each number takes longer than all the rest.
            digits = self._randbytes(8 * _TAILS).hex()
            self._tails = iter([digits[at : at + 16] for at in range(0, 16 * _TAILS, 16)])
            tail = next(self._tails)
        if style == "decimal":
            return str(number << _RANDOM_BITS | int(tail, 16))
        return number.to_bytes(8, "big").hex() + tail


def numbers_of(message_id: str) -> list[int]:
    """The numbers that an id may stand for: the record says whether it is its own."""
    found = []
    if len(message_id) <= 39 and message_id.isascii() and message_id.isdecimal():
        found.append(int(message_id) >> _RANDOM_BITS)
    if len(message_id) == 32 or len(message_id) == _SHORT:
        try:
            value = int(message_id, 16)
        except ValueError:
            return found
        found.append(value >> _RANDOM_BITS if len(message_id) == 32 else value)
    return [number for number in found if 0 < number <= _MOST_NUMBER]
