"""Two hundred PDUs that thirteen real peers sent, as Wireshark read them.

Wireshark's octets of each item are compared, not what it shows: it shows an empty
service_type as ``(Default)``. Where it takes an octet apart, its parts are compared.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from wire_data import CAPTURED

from twisted_smpp.wire.pdu import PDU, UnknownPDU, decode
from twisted_smpp.wire.tlvs import callback_num, callback_num_atag, message_payload

each_captured = pytest.mark.parametrize("item", CAPTURED, ids=[item["id"] for item in CAPTURED])

#: Bits of an octet that Wireshark shows as items of their own: field, shift, mask.
BITS = {
    "esm.submit.msg_mode": ("esm_class", 0, 0x03),
    "esm.submit.msg_type": ("esm_class", 2, 0x0F),
    "esm.submit.features": ("esm_class", 6, 0x03),
    "regdel.receipt": ("registered_delivery", 0, 0x03),
    "regdel.acks": ("registered_delivery", 2, 0x03),
    "regdel.notif": ("registered_delivery", 4, 0x01),
    "dcs.sms_coding_group": ("data_coding", 4, 0x0F),
    "dcs.charset": ("data_coding", 2, 0x01),
    "dcs.class": ("data_coding", 0, 0x03),
    "dcs.wait_ind": ("data_coding", 3, 0x01),
    "dcs.wait_type": ("data_coding", 0, 0x03),
    "replace_if_present_flag": ("replace_if_present_flag", 0, 0x01),
}
CALLBACK_NUMBER = (callback_num.tag, callback_num_atag.tag)
#: Headings without octets of their own.
HEADINGS = {"dlist", "dlist_resp"}
#: Names of Wireshark for fields that we call otherwise.
RENAMED = {
    "schedule_delivery_time_r": "schedule_delivery_time",
    "validity_period_r": "validity_period",
    "message": "short_message",
}


def octets_of(value: Any) -> str:
    """A value of a field as the hex of its octets."""
    if isinstance(value, str):
        return (value.encode("latin-1") + b"\0").hex()
    return value.hex() if isinstance(value, bytes) else f"{value:02x}"


def as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def expected_of(pdu: PDU, name: str, octets: bytes) -> Any:
    """What Wireshark must have read for its item ``name``, if we decoded the PDU right."""
    if name == "command_length":
        return f"{len(octets):08x}"
    if name in ("command_id", "command_status", "sequence_number"):
        return f"{getattr(pdu, name):08x}"
    if name == "sm_length":
        return f"{len(pdu.short_message):02x}"
    if name == "error_status_code":
        return [f"{failed.error_status_code:08x}" for failed in pdu.unsuccess_sme]
    elements = getattr(pdu, "dest_address", None) or getattr(pdu, "unsuccess_sme", None)
    if elements and name in ("dest_addr_ton", "dest_addr_npi", "destination_addr", "dl_name"):
        return [octets_of(getattr(each, name)) for each in elements if hasattr(each, name)]
    if name == "schedule_delivery_time_r" and pdu.command == "submit_multi":
        # It gives both times of a submit_multi this name.
        return [octets_of(pdu.schedule_delivery_time), octets_of(pdu.validity_period)]
    return octets_of(getattr(pdu, RENAMED.get(name, name)))


def test_there_are_two_hundred_from_many_peers() -> None:
    assert len(CAPTURED) == 200
    assert len({item["peer"] for item in CAPTURED}) >= 12


@each_captured
def test_every_field_is_what_wireshark_read(item: dict[str, Any]) -> None:
    octets = bytes.fromhex(item["hex"])
    pdu = decode(octets)
    seen = set()
    for key, raw in item["raw"].items():
        name = key.removeprefix("smpp.")
        if name in HEADINGS:
            continue
        if name == "dcs.reserved":
            # Bit 3 of a message class; bit 2 of an indication of waiting messages.
            bit = 3 if pdu.data_coding >= 0xF0 else 2
            assert pdu.data_coding >> bit & 1 == int(raw, 16)
        elif name in BITS:
            field, shift, mask = BITS[name]
            assert getattr(pdu, field) >> shift & mask == int(raw, 16), name
            seen.add(field)
        elif name == "message_text":
            text = getattr(pdu, "short_message", b"") or pdu.tlvs[message_payload]
            assert bytes.fromhex(raw) in text
        else:
            expected = expected_of(pdu, name, octets)
            assert as_list(raw) == as_list(expected), name
            seen.add(RENAMED.get(name, name))
    for field in pdu.fields:
        if field.name not in seen and field.name not in ("dest_address", "unsuccess_sme"):
            # It has no item for an empty string, except for a service_type.
            missed = getattr(pdu, field.name)
            only_multi = field.name == "validity_period" and pdu.command == "submit_multi"
            assert missed in ("", b"") or only_multi or pdu.command_status, field.name


@each_captured
def test_every_tlv_is_what_wireshark_read(item: dict[str, Any]) -> None:
    pdu = decode(bytes.fromhex(item["hex"]))
    ours = list(pdu.tlvs.items())
    # Where it lost step, as the item's note says, its last TLV is not one.
    theirs = item["tlvs"][:-1] if item["malformed"] else item["tlvs"]
    if not item["malformed"]:
        assert len(ours) == len(theirs)
    assert [(tag, len(value)) for tag, value in ours[: len(theirs)]] == [
        (tlv["tag"], tlv["len"]) for tlv in theirs
    ]
    for (_, value), tlv in zip(ours, theirs, strict=False):
        if len(tlv["raw"]) % 2:
            assert value[0] >> 2 & 3 == int(tlv["raw"], 16)  # callback_num_pres_ind
        else:
            # Of a TLV with several parts this is the first one, or of a callback number none.
            assert value.hex().startswith(tlv["raw"])
            assert tlv["raw"] or not value or tlv["tag"] in CALLBACK_NUMBER
        for shown in tlv.get("more", {}).values():
            if ":" in shown:
                assert value.hex(":") == shown


@each_captured
def test_it_is_written_again_octet_for_octet(item: dict[str, Any]) -> None:
    octets = bytes.fromhex(item["hex"])
    pdu = decode(octets)
    assert pdu.encode() == octets
    # Looking at a PDU does not change it.
    repr(pdu), pdu.show(text=True), [pdu.tlvs.get(tag) for tag in pdu.tlvs]
    assert pdu.encode() == octets


@each_captured
def test_its_json_is_it(item: dict[str, Any]) -> None:
    pdu = decode(bytes.fromhex(item["hex"]))
    data = json.loads(json.dumps(pdu.to_dict()))
    again = PDU.from_dict(data)
    assert again == pdu
    assert again.encode() == bytes.fromhex(item["hex"])


def test_unknown_operations_are_kept_whole() -> None:
    unknown = [item for item in CAPTURED if item["command"].startswith("(Unknown")]
    assert len(unknown) == 2
    for item in unknown:
        pdu = decode(bytes.fromhex(item["hex"]))
        assert isinstance(pdu, UnknownPDU)
        assert pdu.body.hex() == item["hex"][32:]
