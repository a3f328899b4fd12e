"""A submit_sm that was put together as octets, and has no fields before somebody looks.

Of a million messages that are accepted nobody ever reads the request again. But an error says
which request it is about, and shows it. So it is a SubmitSM for whoever asks, by ``isinstance``
or by ``__class__``, and it reads its fields from its octets when the first of them is wanted.
"""

from __future__ import annotations

from typing import Any

from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import SubmitSM

__all__ = ["SealedSubmitSM"]

_READ = (*(field.name for field in SubmitSM.fields), "_tail", "command_status", "sequence_number")


class SealedSubmitSM(SubmitSM):
    """One whose octets were made before it.

    Args:
        octets: the whole PDU, which can be decoded.
    """

    __slots__ = ("_octets",)

    # What sessions look at. Its own class is no other command.
    __class__ = SubmitSM  # type: ignore[assignment]

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def __getattr__(self, name: str) -> Any:
        """Python calls it for what is not there: then all that is not there is read."""
        if name in _READ:
            read = decode(self._octets)
            for each in _READ:
                try:
                    object.__getattribute__(self, each)
                except AttributeError:
                    setattr(self, each, getattr(read, each))
        return object.__getattribute__(self, name)
