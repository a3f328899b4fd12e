"""What of a submit_sm an application may ask for, where the octets would take more.

A PDU can carry every value that fits its octets, and :meth:`ESMEService.submit_sm` sends it. What
:meth:`ESMEService.send` is asked for has to be in the standard too: a message centre that gets what
the standard reserves does what it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from twisted_smpp.errors import FieldError
from twisted_smpp.text import times
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdus import SubmitSM
from twisted_smpp.wire.tlvs import (
    message_payload,
    sar_msg_ref_num,
    sar_segment_seqnum,
    sar_total_segments,
)

__all__ = ["Validity", "check_fields", "check_names", "check_tlvs", "wanted"]

Validity = datetime | timedelta | times.Relative | None

_V5_0 = InterfaceVersion.V5_0
#: The greatest values of fields, before SMPP 5.0 and in it.
_MOST = {
    "priority_flag": (3, 4),
    "registered_delivery": (0x1F, 0x1F),
    "replace_if_present_flag": (1, 1),
    "sm_default_msg_id": (254, 255),
}
_TIMES = ("schedule_delivery_time", "validity_period")
_FIELDS = {each.name: each for each in SubmitSM.fields}
#: What is no keyword of send(), with what it comes from.
_NOT_GIVEN = {
    "destination_addr": "send() takes it from to",
    "source_addr": "send() takes it from source",
    "short_message": "send() makes it of the text",
    "data_coding": "send() makes it of the text, see TextRules",
    "esm_class": "send() makes it of the text, see method",
    "sequence_number": "the session numbers what it sends",
    "command_status": "a request has none",
}
#: The names of TLVs that are made of the text, by all that they may be given by.
_OWN_TLVS: Mapping[Any, str] = {
    key: tlv.name
    for tlv in (message_payload, sar_msg_ref_num, sar_segment_seqnum, sar_total_segments)
    for key in (tlv, tlv.tag, tlv.name)
}


def wanted(
    usual: Mapping[str, Any],
    receipt: bool,
    validity: Validity,
    schedule: Validity,
    priority: int,
    fields: Mapping[str, Any],
) -> dict[str, Any]:
    """The fields that the profile, or who sends, wants to be other than usual.

    Args:
        usual: those of each message.
        receipt, validity, schedule, priority: what ``send()`` was given.
        fields: what more it was given.

    Raises:
        TypeError: one of the fields is not to be given.
        ValueError: a time cannot be written.
    """
    check_names(fields)
    found = dict(usual)
    if not receipt:
        found["registered_delivery"] = 0
    if validity is not None:
        found["validity_period"] = times.encode(validity)
    if schedule is not None:
        found["schedule_delivery_time"] = times.encode(schedule)
    if priority:
        found["priority_flag"] = priority
    return {**found, **fields}


def check_names(fields: Iterable[str]) -> None:
    """
    Raises:
        TypeError: one of the fields is not to be given.
    """
    for name in fields:
        if name in _NOT_GIVEN:
            raise TypeError(f"{name}: {_NOT_GIVEN[name]}")


def check_fields(fields: Mapping[str, Any], version: InterfaceVersion) -> None:
    """
    Args:
        fields: of a submit_sm.
        version: of the session that it is for.

    Raises:
        FieldError: the standard has no such value; it names the field, the value and the limit.
    """
    for name, limits in _MOST.items():
        value = fields.get(name, 0)
        if not isinstance(value, int):
            raise _FIELDS[name].fail(f"{type(value).__name__} given, an integer wanted")
        most = limits[version >= _V5_0]
        if not 0 <= value <= most:
            since = f", or to {limits[1]} in SMPP 5.0" if most < limits[1] else ""
            raise _FIELDS[name].fail(f"{int(value)} is not within 0 to {most}{since}")
    for name in _TIMES:
        if isinstance(text := fields.get(name), str):
            times.decode(text, name)
    if fields.get("destination_addr") == "":
        raise _FIELDS["destination_addr"].fail("it is empty, 1 to 20 octets are needed")


def check_tlvs(tlvs: Mapping[Any, Any]) -> None:
    """
    Raises:
        FieldError: one of them is where the text goes, or part of it.
    """
    for key in tlvs:
        if key in _OWN_TLVS:
            raise FieldError(_OWN_TLVS[key], "send() makes it of the text, see method")
