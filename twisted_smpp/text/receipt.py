"""Delivery receipts: what a message centre says about the fate of a message.

The text is a custom, not a rule: SMPP 3.4 shows an example in its appendix B and 5.0 has
none. So reading it never fails: whatever is there is returned, with what is missing and what
cannot be read, and where the TLVs receipted_message_id and message_state are present, they
count. How vendors write the text is said in :mod:`twisted_smpp.text.receipt_forms`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from twisted_smpp.errors import FieldError
from twisted_smpp.text import times
from twisted_smpp.text.receipt_forms import STANDARD, STAT, Form
from twisted_smpp.text.udh import UserDataHeader
from twisted_smpp.values import EsmClass, MessageState
from twisted_smpp.wire.pdus import DataSM, DeliverSM
from twisted_smpp.wire.sealed import SealedDeliverSM
from twisted_smpp.wire.tlv import TLV
from twisted_smpp.wire.tlvs import (
    message_payload,
    message_state,
    network_error_code,
    receipted_message_id,
)

__all__ = ["STAT", "NetworkErrorCode", "Receipt", "is_receipt"]

#: The fields of the text, in the order of the standard.
FIELDS = ("id", "sub", "dlvrd", "submit date", "done date", "stat", "err", "text")
#: Octets of a message id, of the message in a receipt, and of an error in words of its own.
MOST_ID = 64
MOST_TEXT = 20
MOST_ERROR = 10

# By the standard; it leaves open whether UNKNOWN is one.
_FINAL = frozenset(
    {
        MessageState.DELIVERED,
        MessageState.EXPIRED,
        MessageState.DELETED,
        MessageState.UNDELIVERABLE,
        MessageState.ACCEPTED,
        MessageState.REJECTED,
        MessageState.SKIPPED,
    }
)
# Making a member of an enumeration takes longer than all else about a TLV.
_STATES = tuple(MessageState(value) for value in range(256))
_TAGS = {
    tlv.tag: tlv
    for tlv in (receipted_message_id, message_state, network_error_code, message_payload)
}
_NO_TLVS: Mapping[TLV[Any], Any] = MappingProxyType({})
# The bits of esm_class that say what kind of message it is.
_KIND = 0x3C
_INTERMEDIATE = EsmClass.INTERMEDIATE_NOTIFICATION
# As integers: the operators of an enumeration take longer than all else about a receipt.
_UDHI = int(EsmClass.UDHI)
_RECEIPT_KINDS = (int(EsmClass.MC_DELIVERY_RECEIPT), int(_INTERMEDIATE))
_LAST_STATE = int(MessageState.SKIPPED)
# UCS-2, and UCS-2 to be shown at once.
_UCS2 = (0x08, 0x18)
_BYTE_ORDER_MARK = "\ufeff"
# receipted_message_id of printable ASCII, and message_state.
_USUAL = re.compile(rb"\0\x1e\0(.)([!-~]{1,64})\0\x04\x27\0\x01(.)", re.DOTALL)
# Of latin-1 without white space and controls of ASCII.
_WORD = re.compile("[!-\x84\x86-\x9f\xa1-\xff]+")


class NetworkErrorCode(NamedTuple):
    """Why the network did not deliver (SMPP 5.0, 4.8.4.42).

    Attributes:
        network_type: the kind of network, a
            :class:`~twisted_smpp.values.NetworkErrorCodeType`; 0 to 255.
        error_code: the network's own code, 0 to 65535.
    """

    network_type: int
    error_code: int


class Receipt:
    """One delivery receipt, or intermediate notification. The text is read when first needed.

    :meth:`of` reads one from a PDU, :meth:`parse` from a text, and :meth:`build` makes one.

    Args:
        message_id, stat, message_state, network_error_code: what is known of them otherwise
            than by the text; it counts before what the text says.
        raw: the text.
        form: how it is written.
        esm_class: that of the PDU.

    Attributes:
        raw: the octets of the text as they came, without a user data header.
        esm_class: that of the PDU; 0 when there was none.
        network_error_code: a :class:`NetworkErrorCode`, or None when the TLV is missing.
        matched: whether an ESME has found the message that it is about; a receipt that came
            before the response to its message is matched later.
    """

    # What the usual ones have alike is of the class.
    network_error_code: NetworkErrorCode | None = None
    matched = False
    _stat = ""
    _fields: dict[str, str] | None = None
    _text_at = -1
    _wide = False
    _broken: tuple[str, ...] = ()

    def __init__(
        self,
        message_id: str = "",
        stat: str = "",
        message_state: int | None = None,
        *,
        network_error_code: NetworkErrorCode | None = None,
        raw: bytes = b"",
        form: Form = STANDARD,
        esm_class: int = 0,
    ) -> None:
        self._message_id = message_id
        if stat:
            self._stat = stat
        if message_state is not None and not isinstance(message_state, MessageState):
            message_state = MessageState(message_state)
        self._message_state = message_state
        if network_error_code is not None:
            self.network_error_code = network_error_code
        self.raw = raw
        self.esm_class = esm_class
        self._form = form

    # Reading.

    @classmethod
    def of(cls, pdu: DeliverSM | DataSM, form: Form = STANDARD) -> Receipt:
        """What a deliver_sm or data_sm says; never raises.

        Args:
            pdu: its text is the short_message or, if that is empty, the message_payload. A user
                data header in front of it is skipped; text in UCS-2 is recognised by its
                octets, as some message centres only repeat the data_coding of the message.
            form: how this message centre writes the text.
        """
        if type(pdu) is SealedDeliverSM:
            return cls._known(pdu, form)
        # Where the TLVs were looked at before, they are read the other way.
        usual = _USUAL.fullmatch(pdu._tail) if pdu._tail.__class__ is bytes else None
        if usual is not None and usual[1][0] == len(usual[2]) + 1:
            return cls._usual(pdu, form, usual)
        found, broken = _tlvs(pdu)
        state = found.get(message_state)
        raw = pdu.short_message if isinstance(pdu, DeliverSM) else b""
        raw = raw or found.get(message_payload) or b""
        if pdu.esm_class & _UDHI:
            raw = UserDataHeader.split(raw)[1]
        self = cls(
            found.get(receipted_message_id) or "",
            "",
            None if state is None else _STATES[state],
            network_error_code=found.get(network_error_code),
            raw=raw,
            form=form,
            esm_class=pdu.esm_class,
        )
        self._broken = broken
        self._wide = _is_wide(pdu, raw)
        return self

    @classmethod
    def _known(cls, pdu: SealedDeliverSM, form: Form) -> Receipt:
        """What :meth:`of` returns for one that was seen to be as usual before."""
        self = cls.__new__(cls)
        self._message_id, state, self.raw = pdu.known
        self._message_state = _STATES[state]
        self.esm_class = pdu.esm_class
        self._form = form
        return self

    @classmethod
    def _usual(cls, pdu: DeliverSM | DataSM, form: Form, found: re.Match[bytes]) -> Receipt:
        """What :meth:`of` returns for the two TLVs of nearly all receipts, in half of its time."""
        self = cls.__new__(cls)
        raw = pdu.short_message if pdu.__class__ is DeliverSM else b""
        esm_class = pdu.esm_class
        if esm_class & _UDHI:
            raw = UserDataHeader.split(raw)[1]
        self._message_id = found[2].decode("ascii")
        self._message_state = _STATES[found[3][0]]
        self.raw = raw
        self.esm_class = esm_class
        self._form = form
        if pdu.data_coding in _UCS2:
            self._wide = _is_wide(pdu, raw)
        return self

    @classmethod
    def parse(cls, octets: bytes, form: Form = STANDARD) -> Receipt:
        """What a text says, one octet a character; never raises.

        Args:
            octets: the text, without a user data header.
            form: how this message centre writes it.
        """
        return cls(raw=octets, form=form)

    def _read(self) -> dict[str, str]:
        if self._fields is None:
            octets = self.raw
            if self._wide:
                text = octets.decode("utf-16-be", "replace")
                octets = text.replace(_BYTE_ORDER_MARK, " ").encode("latin-1", "replace")
            else:
                text = octets.decode("latin-1")
            self._fields, at = self._form.scan(octets, text)
            if at >= 0 and self._wide:
                at = len(text[:at].encode("utf-16-be"))
            self._text_at = at
        return self._fields

    @property
    def fields(self) -> Mapping[str, str]:
        """Every value of the text, as it is but for the spaces around it.

        The keys are the standard's names, and a vendor's own for other fields, in lower case.
        The value of ``text`` is part of the message.
        """
        return MappingProxyType(self._read())

    @property
    def message_id(self) -> str:
        """The id that the response to the submission gave, or nearly so; "" when unknown.

        It is the TLV's, or else the text's, and never changed. A message centre may write it
        otherwise than in its response: see :mod:`twisted_smpp.text.message_id`.
        """
        return self._message_id or self._read().get("id", "")

    @property
    def stat(self) -> str:
        """The word of the text for the state, such as ``DELIVRD``; "" when there is none."""
        return self._stat or self._read().get("stat", "")

    @property
    def message_state(self) -> MessageState | None:
        """The state, by TLV or by the word; None when neither says.

        A reserved value in the TLV says less than a word that is known.
        """
        by_tlv = self._message_state
        if by_tlv is not None and by_tlv <= _LAST_STATE:
            return by_tlv
        word = self.stat.upper()
        state = self._form.states.get(word)
        if state is None:
            # A vendor may say more about it.
            state = self._form.states.get(_first_word(word))
        return by_tlv if state is None else state

    @property
    def delivered(self) -> bool:
        """Whether the message reached its destination."""
        return self.message_state == MessageState.DELIVERED

    @property
    def final(self) -> bool:
        """Whether the state is a final one by the standard (SMPP 5.0, 4.7.15).

        ACCEPTED is, but many message centres send it on the way, so that one who waits for
        the end had better not take it for that. UNKNOWN is not: more may come.
        """
        return self.message_state in _FINAL

    @property
    def intermediate(self) -> bool:
        """Whether the PDU calls it an intermediate notification, not a receipt."""
        return self.esm_class & _KIND == _INTERMEDIATE

    @property
    def submit_date(self) -> datetime | None:
        """When the message was submitted, in the message centre's own time; None if not said.

        10 digits are YYMMDDhhmm, 14 are YYYYMMDDhhmmss. 12 are YYMMDDhhmmss if that is a
        time, else YYYYMMDDhhmm: from 2013 on only one of them is. The standard's 16 characters
        and ISO 8601 are read too; their distance to UTC is left out. Only zeros are no time.
        """
        return self._date("submit date")

    @property
    def done_date(self) -> datetime | None:
        """When the message got its state, read as :attr:`submit_date` is."""
        return self._date("done date")

    @property
    def sub(self) -> int | None:
        """How many messages were submitted; None if that is not said in digits."""
        return self._count("sub")

    @property
    def dlvrd(self) -> int | None:
        """How many messages were delivered; None if that is not said in digits."""
        return self._count("dlvrd")

    @property
    def err(self) -> str:
        """The network's or message centre's code of the error, as it is; "" if there is none."""
        return self._read().get("err", "")

    @property
    def text(self) -> bytes:
        """All octets that follow ``text:``; the beginning of the message, more or less."""
        self._read()
        return b"" if self._text_at < 0 else self.raw[self._text_at :]

    @property
    def missing(self) -> tuple[str, ...]:
        """Which of the standard's fields the text does not have, or has without a value.

        The text of a message may be empty. What TLVs say is not looked at.
        """
        fields = self._read()
        return tuple(
            name
            for name in FIELDS
            if not fields.get(name) and not (name == "text" and name in fields)
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """What is there but cannot be read, in words; without any of the message."""
        return (*self._broken, *self._problems())

    def _problems(self) -> Iterator[str]:
        fields = self._read()
        for name in ("sub", "dlvrd"):
            if fields.get(name) and self._count(name) is None:
                yield f"{name}: not a number{_shown_number(fields[name])}"
        for name in ("submit date", "done date"):
            value = fields.get(name, "")
            if value.strip("0") and self._date(name) is None:
                yield f"{name}: not a time{_shown_number(value)}"
        if self.stat and self.message_state is None:
            yield f"stat: not a word for a state{_shown_word(self.stat)}"

    def _count(self, name: str) -> int | None:
        value = self._read().get(name, "")
        return int(value) if value.isdecimal() and len(value) < 10 else None

    def _date(self, name: str) -> datetime | None:
        try:
            return _datetime(self._read().get(name, ""))
        except ValueError:
            return None

    # Building.

    @classmethod
    def build(
        cls,
        message_id: str,
        state: int,
        *,
        submitted: datetime,
        done: datetime,
        seconds: bool = False,
        sub: int = 1,
        dlvrd: int | None = None,
        error: int | str = 0,
        text: bytes = b"",
        network_error_code: tuple[int, int] | None = None,
        intermediate: bool = False,
    ) -> Receipt:
        """The receipt that a message centre sends.

        Args:
            message_id: as in the response to the submission, at most 64 characters of latin-1
                without white space. One with a colon, comma, semicolon or bar in it may be
                misread in the text, by this package too, but never in the TLV.
            state: where the message is: a MessageState. The text has no words for SCHEDULED,
                SKIPPED and reserved ones: it says UNKNOWN, and only the TLV tells.
            submitted, done: when it was submitted and got this state.
            seconds: whether the dates have 12 digits, with seconds, instead of 10.
            sub, dlvrd: how many messages were submitted and delivered, 0 to 999; None for
                ``sub`` if the state is DELIVERED, else 0.
            error: network specific: a number of 0 to 999, or at most 10 characters.
            text: the message; its first 20 octets go into the receipt.
            network_error_code: network type, 0 to 255, and error code, 0 to 65535.
            intermediate: whether it is an intermediate notification.

        Raises:
            ValueError: a value does not fit; it names the field, the value and the limit.
        """
        _check_word("message_id", message_id, MOST_ID)
        _check_range("state", state, 0xFF)
        if dlvrd is None:
            dlvrd = sub if state == MessageState.DELIVERED else 0
        self = cls(message_id, "", state, network_error_code=_code(network_error_code))
        counts = _three("sub", sub), _three("dlvrd", dlvrd)
        dates = date(submitted, seconds), date(done, seconds)
        self.raw = receipt_text(message_id, *counts, *dates, state, _error(error), text)
        self.esm_class = _INTERMEDIATE if intermediate else EsmClass.MC_DELIVERY_RECEIPT
        return self

    def tlvs(self) -> dict[TLV[Any], Any]:
        """The TLVs that say the same: receipted_message_id, message_state, network_error_code.

        There is none for what is not known.
        """
        tlvs: dict[TLV[Any], Any] = {}
        if self.message_id:
            tlvs[receipted_message_id] = self.message_id
        if self.message_state is not None:
            tlvs[message_state] = self.message_state
        if self.network_error_code is not None:
            kind, code = self.network_error_code
            tlvs[network_error_code] = bytes((kind,)) + code.to_bytes(2, "big")
        return tlvs

    def fields_of_pdu(self) -> dict[str, Any]:
        """What a deliver_sm needs to carry a receipt that was built: its keyword arguments.

        Returns:
            esm_class, short_message and tlvs; the addresses are those of the message, swapped.
        """
        return {
            "esm_class": self.esm_class,
            "short_message": self.raw,
            "tlvs": self.tlvs(),
        }

    def __repr__(self) -> str:
        stat = self.stat if _is_code(self.stat) else f"<{len(self.stat)} characters>"
        state = self.message_state
        return f"Receipt({_shown(self.message_id)}, {stat!r}, message_state={state!r})"

    def _all(self) -> tuple[Any, ...]:
        return (
            self.message_id,
            self.stat,
            self.message_state,
            self.network_error_code,
            self.esm_class,
            self.raw,
        )

    def __eq__(self, other: object) -> bool:
        return self._all() == other._all() if isinstance(other, Receipt) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all())


def date(moment: datetime, seconds: bool) -> str:
    """A time as the text of a receipt has it, with its seconds or without."""
    return f"{moment:{'%y%m%d%H%M%S' if seconds else '%y%m%d%H%M'}}"


def receipt_text(
    message_id: str,
    sub: str,
    dlvrd: str,
    submitted: str,
    done: str,
    state: int,
    error: str,
    text: bytes,
) -> bytes:
    """The standard's text of values that fit: see :meth:`Receipt.build`, which looks at them."""
    fields = (
        f"id:{message_id} sub:{sub} dlvrd:{dlvrd} submit date:{submitted} done date:{done} "
        f"stat:{STAT.get(_STATES[state], 'UNKNOWN')} err:{error} text:"
    )
    return fields.encode("latin-1") + text[:MOST_TEXT]


def _is_wide(pdu: DeliverSM | DataSM, raw: bytes) -> bool:
    """Whether the text is in UCS-2: then nearly all high octets are zero."""
    return pdu.data_coding in _UCS2 and raw[:32:2].count(0) > raw[1:32:2].count(0)


def is_receipt(pdu: DeliverSM | DataSM) -> bool:
    """Whether a delivery is a receipt or an intermediate notification (by esm_class)."""
    return pdu.esm_class & _KIND in _RECEIPT_KINDS


def _tlvs(pdu: DeliverSM | DataSM) -> tuple[Mapping[TLV[Any], Any], tuple[str, ...]]:
    """The first of each TLV that says something about a message; and those that cannot be read."""
    tlvs = pdu.tlvs
    if not tlvs:
        return _NO_TLVS, ()
    found: dict[TLV[Any], Any] = {}
    broken: tuple[str, ...] = ()
    for tag, octets in tlvs.items():
        tlv = _TAGS.get(tag)
        if tlv is None or tlv in found:
            continue
        try:
            found[tlv] = tlv.decode(octets)
        except FieldError as error:
            found[tlv] = None
            broken += (str(error),)
    code = found.get(network_error_code)
    if code is not None:
        found[network_error_code] = NetworkErrorCode(code[0], code[1] << 8 | code[2])
    return found, broken


def _datetime(value: str) -> datetime:
    """A date of a receipt; ValueError if it is none."""
    if not value.isdecimal():
        if len(value) == 16 and value[-1:] in "+-":
            return cast(datetime, times.decode(value, "final_date")).replace(tzinfo=None)
        return datetime.fromisoformat(value).replace(tzinfo=None)
    if len(value) == 10 or len(value) == 12:
        try:
            return datetime(*_pairs("20" + value))
        except ValueError:
            if len(value) == 10:
                raise
    elif len(value) != 14:
        raise ValueError(f"{len(value)} digits")
    return datetime(*_pairs(value))


def _pairs(digits: str) -> Any:
    """Year, month, and so on."""
    return int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, len(digits), 2))


def _first_word(value: str) -> str:
    return "".join(value.split(None, 1)[:1])


def _shown(value: str) -> str:
    """The first word of a value; where a vendor has no key for the message, it may follow."""
    word = _first_word(value[: MOST_ID + 1])[:MOST_ID]
    return repr(word) if word == value else repr(word) + "..."


def _shown_number(value: str) -> str:
    """What stands where digits should, unless it may be words of the message."""
    has_digits = any(each.isdigit() for each in _first_word(value)[:MOST_ID])
    return f": {_shown(value)}" if has_digits else ""


def _shown_word(value: str) -> str:
    return f": {value!r}" if _is_code(value) else ""


def _is_code(value: str) -> bool:
    """Whether a value looks like a code of a machine: few letters, all of them capital."""
    return len(value) <= 10 and value.isascii() and value == value.upper()


def _error(error: int | str) -> str:
    if isinstance(error, str):
        _check_word("error", error, MOST_ERROR)
        return error
    return _three("error", error)


def _code(code: tuple[int, int] | None) -> NetworkErrorCode | None:
    if code is None:
        return None
    _check_range("network_error_code: network_type", code[0], 0xFF)
    _check_range("network_error_code: error_code", code[1], 0xFFFF)
    return NetworkErrorCode(*code)


def _three(name: str, value: int) -> str:
    _check_range(name, value, 999)
    return f"{value:03d}"


def _check_range(name: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise ValueError(f"{name}: {value!r} is not within 0 to {most}")


def _check_word(name: str, value: str, most: int) -> None:
    """What would end the value in the text may not be in it."""
    if not 1 <= len(value) <= most:
        raise ValueError(f"{name}: {value!r} has {len(value)} characters, 1 to {most} are allowed")
    if _WORD.fullmatch(value) is None:
        raise ValueError(f"{name}: {value!r} is not of latin-1 without white space and controls")
