"""One row of a store: a message, a part of one or a receipt, and where it is."""

from __future__ import annotations

import json
from typing import Any, NoReturn

__all__ = ["COLUMNS", "Record", "Row", "marked"]

#: What :meth:`Record.row` gives.
Row = tuple[Any, ...]

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


#: What a column takes, by its place: whole numbers, texts, octets, and times.
_WHOLE = (0, 1, 4, 10)
_TEXTS = (2, 3, 7, 8, 9, 12)
_OCTETS = 11
_STATE, _TRIES = COLUMNS.index("state"), COLUMNS.index("tries")
_TIMES = (5, 6, 13, 14)
_LIMIT = 2**63
_FAR = float(_LIMIT)


def _is_plain(row: tuple[Any, ...]) -> bool:
    """Whether it is as nearly all are, which takes a fifth of the time of :func:`_check`."""
    (
        number,
        kind,
        queue,
        owner,
        state,
        due,
        expires,
        message_id,
        source,
        destination,
        tries,
        pdu,
        _,
        done,
        at,
    ) = row
    try:
        # One that is negative or too large leaves its bits in all of them together.
        numbers = number | kind | state | tries
        return (
            numbers.__class__ is int
            and 0 <= numbers < _LIMIT
            and "".join((queue, owner, message_id, source, destination)).isascii()
            and pdu.__class__ is bytes
            and at.__class__ is float
            and -_FAR < at < _FAR
            and (due is None or (due.__class__ is float and -_FAR < due < _FAR))
            and (expires is None or (expires.__class__ is float and -_FAR < expires < _FAR))
            and (done is None or (done.__class__ is float and -_FAR < done < _FAR))
        )
    except TypeError:
        return False


def _check(row: tuple[Any, ...]) -> None:
    """Refuses what a file could not keep, before it is in one transaction with others."""
    for place in _WHOLE:
        value = row[place]
        if not isinstance(value, int) or not -_LIMIT <= value < _LIMIT:
            _refuse(row, place, "a whole number of 64 bits")
    for place in _TEXTS:
        value = row[place]
        if not isinstance(value, str) or not (value.isascii() or _is_utf8(value)):
            _refuse(row, place, "a text fit for UTF-8")
    for place in _TIMES:
        value = row[place]
        if value is None:
            if place == _TIMES[-1]:
                _refuse(row, place, "a time in seconds")
        elif not isinstance(value, (int, float)) or value != value or abs(value) >= _LIMIT:
            _refuse(row, place, "a time in seconds")
    if not isinstance(row[_OCTETS], bytes):
        _refuse(row, _OCTETS, "octets")


def _refuse(row: tuple[Any, ...], place: int, wanted: str) -> NoReturn:
    # A text, or octets, may be what a subscriber wrote.
    value = row[place]
    given = (
        repr(value) if value is None or isinstance(value, (int, float)) else type(value).__name__
    )
    raise ValueError(f"record {row[0]}: {COLUMNS[place]} has to be {wanted}, not {given}")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def marked(row: Row, state: int, tries: int) -> Row:
    """A row with another ``state`` and ``tries``, and otherwise as it was."""
    return *row[:_STATE], state, *row[_STATE + 1 : _TRIES], tries, *row[_TRIES + 1 :]


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
        """The values of :data:`COLUMNS`, as they are now.

        Raises:
            ValueError: one of them is none that a file can keep.
            TypeError: ``data`` is not fit for JSON.
        """
        data = self.data
        return self._row(json.dumps(data, separators=(",", ":"), allow_nan=False) if data else "")

    def check(self) -> None:
        """Looks at everything but ``data``.

        Raises:
            ValueError: a value is none that a file can keep.
        """
        self._row("")

    def _row(self, data: str) -> tuple[Any, ...]:
        row = (
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
            data,
            self.done,
            self.at,
        )
        if not _is_plain(row):
            _check(row)
        return row

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Record:
        """The record of a row.

        Raises:
            ValueError: it is none that :meth:`row` writes.
        """
        _check(row)
        record = cls.__new__(cls)
        for name, value in zip(COLUMNS, row, strict=True):
            setattr(record, name, value)
        record.data = None
        if row[12]:
            try:
                record.data = json.loads(row[12])
            except RecursionError:
                raise ValueError(f"record {record.number}: data is nested too deep") from None
            if not isinstance(record.data, dict):
                raise ValueError(f"record {record.number}: data is no JSON object")
        return record
