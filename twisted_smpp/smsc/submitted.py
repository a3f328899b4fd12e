"""A submitted message, as an application sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted_smpp.store import Record
from twisted_smpp.text.parts import Part
from twisted_smpp.wire.pdu import decode

__all__ = ["Submitted"]


@dataclass(frozen=True, repr=False)
class Submitted:
    """A message that an account has submitted.

    Attributes:
        account: the system_id of the account.
        message_id: what the account was told.
        source, destination: the addresses.
        expires: until when it is worth delivering, in seconds since 1970.
        tries: how often it was tried before.
        pdu: the submit_sm or data_sm; for one of several destinations of a submit_multi a
            submit_sm of its own.
    """

    account: str
    message_id: str
    source: str
    destination: str
    expires: float | None
    tries: int
    pdu: Any

    def __repr__(self) -> str:
        return f"<Submitted {self.message_id} of {self.account!r} to {self.destination!r}>"

    @property
    def part(self) -> Part:
        """Its headers and octets."""
        return Part.of(self.pdu)

    @classmethod
    def of(cls, record: Record) -> Submitted:
        """The message of a record."""
        return cls(
            record.owner,
            record.message_id,
            record.source,
            record.destination,
            record.expires,
            record.tries,
            decode(record.pdu),
        )
