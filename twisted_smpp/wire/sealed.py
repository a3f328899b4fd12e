"""PDUs that are kept as their octets, and have no fields before somebody looks.

Of a million messages that are accepted nobody ever reads the request again, and of most receipts
nothing but the id and the state. But an error says which request it is about, and shows it. So
these are a SubmitSM or a DeliverSM for whoever asks, by ``isinstance`` or by ``__class__``, and
read their fields from their octets when the first of them is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import DeliverSM, SubmitSM

__all__ = ["SealedDeliverSM", "SealedSubmitSM"]


class _Sealed:
    """What those of all commands have in common."""

    __slots__ = ()

    # That of ``object``, which takes a third of the time of any other, and no arguments.
    __init__ = object.__init__

    if TYPE_CHECKING:
        octets: bytes
        fields: Any

    def __getattr__(self, name: str) -> Any:
        """Python calls it for what is not there: then all that is not there is read."""
        names = [field.name for field in self.fields]
        names += ["_tail", "command_status", "sequence_number"]
        if name in names:
            read = decode(self.octets)
            for each in names:
                try:
                    object.__getattribute__(self, each)
                except AttributeError:
                    setattr(self, each, getattr(read, each))
        return object.__getattribute__(self, name)


# ``__class__`` is what sessions look at: the class itself is no other command.


class SealedSubmitSM(_Sealed, SubmitSM):
    """A submit_sm whose octets were made before it.

    Attributes:
        octets: the whole PDU, which can be decoded; whoever makes it sets them.
    """

    __slots__ = ("octets",)
    __class__ = SubmitSM  # type: ignore[assignment]


class SealedDeliverSM(_Sealed, DeliverSM):
    """A deliver_sm of which more is known than its fields.

    Attributes:
        octets: the whole PDU, which can be decoded; whoever makes it sets them.
        known: what whoever has made it knows; None if nothing.
    """

    __slots__ = ("known", "octets")
    __class__ = DeliverSM  # type: ignore[assignment]

    if TYPE_CHECKING:
        known: Any = None
