"""All checks, in the order in which they are made."""

from __future__ import annotations

from twisted_smpp.probe import binds, links, messages
from twisted_smpp.probe.check import Check
from twisted_smpp.text import Method
from twisted_smpp.values import DataCoding, InterfaceVersion

__all__ = ["CHECKS"]

V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0
#: The usual first: if the account is refused, only that one has been tried.
_BINDS = (
    *((mode, V3_4) for mode in ("transceiver", "transmitter", "receiver")),
    *((mode, V5_0) for mode in ("transceiver", "transmitter", "receiver")),
    *((mode, V3_3) for mode in ("transmitter", "receiver")),
)
_METHODS = {
    Method.UDH_8: ("long_udh8", "long text, UDH with 8-bit reference"),
    Method.UDH_16: ("long_udh16", "long text, UDH with 16-bit reference"),
    Method.SAR: ("long_sar", "long text, sar TLVs"),
    Method.PAYLOAD: ("long_payload", "long text, message_payload"),
}

#: What is found out.
CHECKS: tuple[Check, ...] = (
    *(
        Check(
            f"bind_{mode}_{version.text}",
            f"bind_{mode}, SMPP {version.text}",
            binds.bind_as(mode, version),
        )
        for mode, version in _BINDS
    ),
    Check("enquire_link", "enquire_link", links.enquire_link),
    Check("second_bind", "second bind on a session", binds.second_bind),
    Check("unknown_command", "unknown command_id", links.unknown_command),
    Check("query_on_receiver", "query_sm on a receiver", links.query_on_receiver),
    Check("submit_on_receiver", "submit_sm on a receiver", links.submit_on_receiver, messages=1),
    Check("window", "many requests at once", links.window),
    Check("submit_sm", "submit_sm, GSM 7-bit", messages.plain, messages=1),
    Check("query_sm", "query_sm of that message", messages.query_sm),
    Check(
        "unknown_tlv",
        "unknown TLV",
        messages.with_tlvs(messages.UNKNOWN, optional=False),
        messages=1,
    ),
    Check(
        "repeated_tlv",
        "repeated TLV",
        messages.with_tlvs(messages.REPEATED, optional=True),
        messages=1,
    ),
    *(
        Check(name, title, messages.long_text(method), messages=messages.LONG_PARTS[method])
        for method, (name, title) in _METHODS.items()
    ),
    Check(
        "latin_1",
        "data_coding Latin-1",
        messages.coded(DataCoding.LATIN_1, "Probe àé".encode("latin-1")),
        messages=1,
    ),
    Check(
        "ucs_2",
        "data_coding UCS-2",
        messages.coded(DataCoding.UCS2, "Probe жλ".encode("utf-16-be")),
        messages=1,
    ),
    Check("data_sm", "data_sm", messages.data_sm, messages=1),
    Check("submit_multi", "submit_multi", messages.submit_multi, messages=1),
    Check("no_destination", "message to nobody", messages.no_destination, messages=1),
    Check("too_long", "short_message too long", messages.too_long, messages=1),
    Check("receipt", "delivery receipt", messages.receipt, waits=True),
    Check("congestion_state", "congestion_state", links.congestion),
    Check("unbind", "unbind", links.unbind),
    Check("wrong_password", "wrong password", binds.wrong_password, wrong_password=True),
)
