"""What most messages are: one short text, to one number, with nothing special about it.

They differ in the number and the text only. So the octets of their submit_sm are put together
from pieces that all messages of one sender have in common, and were encoded once: a third of the
time that it takes by way of a plan, a dict of fields and an encoder. Whatever is not as usual goes
the general way, and what comes of both is the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from twisted_smpp.esme.addresses import MOST_SHORT_CODE, Address
from twisted_smpp.esme.message import RECEIPTS, Message, MessagePart, Progress, share_names
from twisted_smpp.esme.permitted import check_fields, check_tlvs
from twisted_smpp.text.coding import GSM, codings
from twisted_smpp.text.rules import TextRules
from twisted_smpp.text.segments import Plan, Segment, plan
from twisted_smpp.values import NPI, TON, InterfaceVersion
from twisted_smpp.wire.pdu import encoders
from twisted_smpp.wire.pdus import SubmitSM

__all__ = ["Envelope", "Envelopes", "UsualMessage"]

#: Digits of the longest number that a submit_sm has room for.
_MOST_DIGITS = 20
#: What :meth:`Address.guess` takes for an international number, if it is written plainly.
_is_number = re.compile(rf"\+?([1-9][0-9]{{{MOST_SHORT_CODE},{_MOST_DIGITS - 1}}})").fullmatch
#: Senders, kinds and versions whose pieces are kept.
_MOST_ENVELOPES = 1024
_NO_TLVS: Mapping[Any, Any] = {}
_QUEUED = Progress.QUEUED
_NUMBER = {"dest_addr_ton": int(TON.INTERNATIONAL), "dest_addr_npi": int(NPI.ISDN)}


class Envelope:
    """What the usual messages of one sender have in common.

    Args:
        source: where they come from.
        wanted: their other fields.
        tlvs: those of each.
        rules: how the link takes text.
        version: of the session that they are for.

    Raises:
        FieldError: a value cannot be sent.
    """

    def __init__(
        self,
        source: Address,
        wanted: Mapping[str, Any],
        tlvs: Mapping[Any, Any],
        rules: TextRules,
        version: InterfaceVersion,
    ) -> None:
        self.source = source.addr
        self.fields = {
            "source_addr_ton": source.ton,
            "source_addr_npi": source.npi,
            "source_addr": source.addr,
            **_NUMBER,
            **wanted,
        }
        check_fields(self.fields, version)
        check_tlvs(tlvs)
        self.tlvs = tlvs
        self.rules = rules
        self.wants_receipt = bool(self.fields["registered_delivery"] & RECEIPTS)
        coding = codings(rules.default_alphabet, rules.languages, rules.latin_1)[0]
        self.data_coding = coding.data_coding
        #: Septets of a text, at most; -1 where there are no usual messages.
        self.most = -1
        if coding.__class__ is GSM:
            self.most = coding.capacity(0)
            self._encode = coding.alphabet.encode_latin_1
            self._try_encode = coding.try_encode
        self._cut(version)

    def _cut(self, version: InterfaceVersion) -> None:
        """Encodes one message, and takes its number and its text out again."""
        digits = "1" * _MOST_DIGITS
        fields = {**self.fields, "destination_addr": digits}
        pdu = SubmitSM(**fields, data_coding=self.data_coding, tlvs=self.tlvs)
        octets = encoders(version)[SubmitSM](pdu)
        tail = pdu.octets_of_tail() or b"" if version >= InterfaceVersion.V3_4 else b""
        behind = len(octets) - len(tail)
        at = octets.rindex(digits.encode("ascii") + b"\0", 0, behind)
        self._size = len(octets) - len(digits)
        self._before = octets[4:at]
        self._between = octets[at + len(digits) : behind - 1]  # sm_length is the last
        self._tail = tail

    def message(self, to: str | Address, text: str) -> tuple[UsualMessage, bytes] | None:
        """The message and its submit_sm; None when it is not as usual."""
        if to.__class__ is not str or text.__class__ is not str or len(text) > self.most:
            return None
        number = _is_number(to)
        if number is None:
            return None
        octets = self._encode(text)
        if octets is None:
            octets = self._try_encode(text)
        if octets is None or len(octets) > self.most:
            return None
        digits = number[1]
        message, part = UsualMessage(), UsualPart()
        message.source = self.source
        message.destination = digits
        message.wants_receipt = part.wants_receipt = self.wants_receipt
        message.tlvs = self.tlvs
        message._envelope = self
        message._text = text
        message.parts = (part,)
        # What is asked for more than once costs less of the instance than of its class.
        message.outbox = message.on_progress = message._submitted = message._final = None
        part.message = message
        part.progress = _QUEUED
        part.attempts = part.unknowns = 0
        part.message_ids = ()
        part.expires_at = None
        part._octets = octets
        part._data_coding = self.data_coding
        return message, self.octets(digits, octets)

    def octets(self, digits: str, text: bytes) -> bytes:
        """The submit_sm to a number, with sequence_number 0.

        Args:
            digits: at most 20.
            text: at most 160 septets, each in an octet.
        """
        return b"%b%b%b%b%c%b%b" % (
            (self._size + len(digits) + len(text)).to_bytes(4, "big"),
            self._before,
            digits.encode("ascii"),
            self._between,
            len(text),
            text,
            self._tail,
        )


class Envelopes:
    """The envelopes of a link.

    Args:
        wanted: fields of each message besides the addresses and the text, those of a profile.
        tlvs: those of each message.
    """

    def __init__(self, wanted: Mapping[str, Any], tlvs: Mapping[Any, Any]) -> None:
        self._wanted = wanted
        self._tlvs = tlvs
        self._known: dict[Any, Envelope] = {}

    def of(
        self, source: str | Address, receipt: bool, rules: TextRules, version: InterfaceVersion
    ) -> Envelope:
        """That for the messages of a sender, with receipts or without.

        Raises:
            FieldError: a value cannot be sent.
        """
        key = source, receipt, version
        envelope = self._known.get(key)
        if envelope is None or envelope.rules is not rules:
            if len(self._known) >= _MOST_ENVELOPES:
                self._known.clear()
            address = source if isinstance(source, Address) else Address.guess(source)
            wanted = self._wanted if receipt else {**self._wanted, "registered_delivery": 0}
            envelope = Envelope(address, wanted, self._tlvs, rules, version)
            self._known[key] = envelope
        return envelope


class UsualPart(MessagePart):
    """The only part of such a message; :meth:`Envelope.message` fills it in."""

    # That of ``object``, which takes a third of the time of any other.
    __init__ = object.__init__

    #: The septets of its text, and the field data_coding.
    _octets: bytes
    _data_coding: int

    @cached_property
    def segment(self) -> Segment:  # type: ignore[override]
        """How it is sent."""
        return Segment(1, 1, self._octets, 0, self._data_coding, _NO_TLVS)


class UsualMessage(Message):
    """The handle of such a message; what is rarely asked for is found out when it is.

    :meth:`Envelope.message` fills it in.
    """

    __init__ = object.__init__

    _envelope: Envelope
    _text: str

    @cached_property
    def fields(self) -> Mapping[str, Any]:  # type: ignore[override]
        """The fields of the submit_sm."""
        return {**self._envelope.fields, "destination_addr": self.destination}

    @cached_property
    def plan(self) -> Plan:  # type: ignore[override]
        """How the text is sent."""
        return plan(self._text, self._envelope.rules)


share_names(UsualPart, "_octets", "_data_coding")
share_names(UsualMessage, "_envelope", "_text")
