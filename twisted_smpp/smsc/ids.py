"""The ids that a message centre gives: unique for ever, and not to be guessed.

An id is made of the number of the message in the store, so that it is found without an index,
and of 64 random bits, so that nobody finds the messages of others by counting.
"""

from __future__ import annotations

from collections.abc import Callable
from random import SystemRandom

from twisted_smpp.values import InterfaceVersion

__all__ = ["ID_STYLES", "MessageIds", "numbers_of"]

#: How ids may be written: 32 hexadecimal digits, or up to 39 decimal ones.
ID_STYLES = ("hex", "decimal")

_RANDOM_BITS = 64
#: Digits of an id of 3.3, which has room for no more.
_SHORT = 8


class MessageIds:
    """Makes ids.

    Args:
        getrandbits: as that of ``random.Random``; the system's for ids that cannot be guessed.
    """

    def __init__(self, getrandbits: Callable[[int], int] | None = None) -> None:
        self._getrandbits = getrandbits or SystemRandom().getrandbits

    def make(self, number: int, version: int, style: str = "hex") -> str:
        """The id of a message.

        Args:
            number: of the message in the store.
            version: interface_version of the session: before 3.4 an id has 8 digits, and
                nothing in it is random.
            style: one of :data:`ID_STYLES`.
        """
        if version < InterfaceVersion.V3_4:
            return f"{number & 0xFFFFFFFF:0{_SHORT}x}"
        tail = self._getrandbits(_RANDOM_BITS)
        if style == "decimal":
            return str(number << _RANDOM_BITS | tail)
        return f"{number:016x}{tail:016x}"


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
    return [number for number in found if number > 0]
