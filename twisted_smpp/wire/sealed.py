"""PDUs that are kept as their octets, and have no fields before somebody looks.

Of a million messages that are accepted nobody ever reads the request again, and of most receipts
nothing but the id and the state. But an error says which request it is about, and shows it. So
these are a SubmitSM or a DeliverSM for whoever asks, by ``isinstance`` or by ``__class__``, and
read their fields from their octets when the first of them is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted_smpp.wire.pdu import PDU, decode
from twisted_smpp.wire.pdus import DeliverSM, SubmitSM

__all__ = ["SealedDeliverSM", "SealedSubmitSM"]


class _Sealed:
    """What those of all commands have in common."""

    __slots__ = ()

    # That of ``object``, which takes a third of the time of any other, and no arguments.
    __init__ = object.__init__

    if TYPE_CHECKING:
        octets: bytes

    def _open(self) -> None:
        read = decode(self.octets)
        for name in _names(read.__class__):
            try:
                getattr(read.__class__, name).__get__(self)
            except AttributeError:
                setattr(self, name, getattr(read, name))


def _names(cls: type[PDU]) -> list[str]:
    return [*(field.name for field in cls.fields), "_tail"]


def _unread(slot: Any) -> Any:
    """A field that is read, with all others, when it is wanted first."""

    def get(self: _Sealed) -> Any:
        try:
            return slot.__get__(self)
        except AttributeError:
            self._open()
            return slot.__get__(self)

    return property(get, slot.__set__)


# ``__class__`` is what sessions look at: the class itself is no other command.


class SealedSubmitSM(_Sealed, SubmitSM):
    """A submit_sm whose octets were made before it.

    Whoever makes it sets ``command_status`` and ``sequence_number``, and:

    Attributes:
        octets: the whole PDU, which can be decoded.
    """

    __slots__ = ("octets",)
    __class__ = SubmitSM  # type: ignore[assignment]


class SealedDeliverSM(_Sealed, DeliverSM):
    """A deliver_sm of which more is known than its fields.

    Whoever makes it sets ``command_status``, ``sequence_number``, ``esm_class``, and:

    Attributes:
        octets: the whole PDU, which can be decoded.
        known: what whoever has made it knows.
    """

    __slots__ = ("known", "octets")
    __class__ = DeliverSM  # type: ignore[assignment]

    if TYPE_CHECKING:
        known: Any = None


for _cls, _sealed in ((SubmitSM, SealedSubmitSM), (DeliverSM, SealedDeliverSM)):
    for _name in _names(_cls):
        if (_cls, _name) != (DeliverSM, "esm_class"):
            setattr(_sealed, _name, _unread(getattr(_cls, _name)))
