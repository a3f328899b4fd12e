"""One row of a store: a message, a part of one or a receipt, and where it is."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["COLUMNS", "Record"]

#: The columns of a row, in the order of :meth:`Record.row`.
COLUMNS = (
    "number",
    "kind",
    "queue",
    "owner",
    "state",
    "due",
    "expires",
    "message_id",
    "source",
    "destination",
    "tries",
    "pdu",
    "data",
    "done",
    "at",
)


class Record:
    """What a store keeps of one message.

    The store looks at ``number``, ``queue``, ``owner``, ``source``, ``destination``, ``due`` and
    ``done``; what ``kind``, ``state`` and ``data`` mean is the affair of the role that made it.
    It may be changed at will and is written as it is when it is given to the store.

    Attributes:
        number: its own, of :meth:`~twisted_smpp.interfaces.IMessageStore.next_number`.
        kind: what it is.
        queue: what it waits for: the name of a link or of an account.
        owner: the account that it belongs to.
        state: where it is.
        due: when something is to be done with it, in seconds since 1970; None: nothing is.
        expires: until when it is worth delivering, in seconds since 1970, or None.
        message_id: what the peer calls it, if that is not made of its number.
        source, destination: the addresses.
        tries: how often it was tried.
        pdu: the message itself, as octets of a PDU.
        data: what else is to be known of it; has to be fit for JSON.
        done: since when it is in its final state, in seconds since 1970; None while it is not.
        at: when it was made, in seconds since 1970.
    """

    __slots__ = COLUMNS

    def __init__(
        self,
        number: int,
        kind: int,
        queue: str,
        *,
        owner: str = "",
        state: int = 0,
        due: float | None = None,
        expires: float | None = None,
        message_id: str = "",
        source: str = "",
        destination: str = "",
        tries: int = 0,
        pdu: bytes = b"",
        data: dict[str, Any] | None = None,
        done: float | None = None,
        at: float = 0.0,
    ) -> None:
        self.number = number
        self.kind = kind
        self.queue = queue
        self.owner = owner
        self.state = state
        self.due = due
        self.expires = expires
        self.message_id = message_id
        self.source = source
        self.destination = destination
        self.tries = tries
        self.pdu = pdu
        self.data = data
        self.done = done
        self.at = at

    def __repr__(self) -> str:
        return f"<Record {self.number} of {self.queue!r}: kind {self.kind}, state {self.state}>"

    def row(self) -> tuple[Any, ...]:
        """The values of :data:`COLUMNS`, as they are now."""
        data = self.data
        return (
            self.number,
            self.kind,
            self.queue,
            self.owner,
            self.state,
            self.due,
            self.expires,
            self.message_id,
            self.source,
            self.destination,
            self.tries,
            self.pdu,
            json.dumps(data, separators=(",", ":")) if data else "",
            self.done,
            self.at,
        )

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Record:
        """The record of a row.

        Raises:
            ValueError: ``data`` is not what :meth:`row` writes.
        """
        record = cls.__new__(cls)
        for name, value in zip(COLUMNS, row, strict=True):
            setattr(record, name, value)
        record.data = None
        if row[12]:
            record.data = json.loads(row[12])
            if not isinstance(record.data, dict):
                raise ValueError(f"record {record.number}: data is no JSON object")
        return record
