"""TLVs, statuses and enumerations are those of the standard, row by row."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from wire_data import (
    BY_COMMAND,
    COMMANDS,
    TLVS,
    VERSIONS,
    frame,
    load,
)

from twisted_smpp import values
from twisted_smpp.errors import FieldError
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.tlv import by_name
from twisted_smpp.wire.tlvs import STANDARD

# TLVs

TLV_ROWS = load("tlvs.json")["tlvs"]
each_tlv = pytest.mark.parametrize("row", TLV_ROWS, ids=[row["name"] for row in TLV_ROWS])

INT_SIZES = {"int1": 1, "int2": 2, "int4": 4}

#: Sizes that are read although the standard does not allow them: peers in the field send them.
TOLERATED = {
    "source_telematics_id": {2},
    "callback_num_atag": {0},
    "broadcast_content_type_info": {0},
    "billing_identification": {0},
    "source_network_id": {66},
    "dest_network_id": {66},
    "dest_addr_np_information": {0},
}


def test_the_package_has_the_tlvs_of_the_standard_and_no_others() -> None:
    assert len(TLV_ROWS) == 64
    assert {(row["name"], int(row["tag"], 16)) for row in TLV_ROWS} == {
        (tlv.name, tlv.tag) for tlv in TLVS
    }


@each_tlv
def test_tlv_declaration(row: dict[str, Any]) -> None:
    tlv = STANDARD[int(row["tag"], 16)]
    assert tlv.name == row["name"]
    assert tlv.kind == ("int" if row["type"] in INT_SIZES else row["type"])
    if row["type"] in INT_SIZES:
        assert tlv.most == INT_SIZES[row["type"]]
    assert (tlv.least, tlv.most) == (row["min_length"], row["max_length"])
    assert tlv.since is VERSIONS[row["since"]]
    assert tlv.repeatable is row["repeatable"]
    assert by_name[row["name"]] is tlv
    for alias in row.get("aliases", []):
        assert by_name[alias] is tlv
    assert sorted(tlv.aliases) == sorted(row.get("aliases", []))


@each_tlv
def test_tlv_lengths(row: dict[str, Any]) -> None:
    tlv = STANDARD[int(row["tag"], 16)]
    least, most = row["min_length"], row["max_length"]
    allowed = set(row.get("allowed_lengths", range(least, most + 1)))
    tolerated = TOLERATED.get(row["name"], set())
    assert not tolerated or row["length_disagreements"], "a tolerance needs its reason"
    # Every size up to a little more than the largest; of a huge range its ends.
    sizes = set(range(most + 3)) if most <= 1024 else {0, 1, 2, most - 1, most}
    for size in sizes:
        octets = b"1" * size
        if size in allowed or size in tolerated:
            tlv.decode(octets)
        else:
            with pytest.raises(FieldError) as caught:
                tlv.decode(octets)
            assert caught.value.command_status == CommandStatus.ESME_RINVPARLEN
            assert caught.value.field == row["name"]
        if tlv.kind == "octets":
            if size in allowed:
                assert tlv.encode(octets) == octets
            else:
                with pytest.raises(FieldError):
                    tlv.encode(octets)


@each_tlv
def test_tlv_lengths_are_checked_in_a_request(row: dict[str, Any]) -> None:
    """As the TLV of a data_sm: what is wrong is refused when the PDU is read."""
    tlv = STANDARD[int(row["tag"], 16)]
    head = b"\0" * 10
    allowed = set(row.get("allowed_lengths", range(row["min_length"], row["max_length"] + 1)))
    allowed |= TOLERATED.get(row["name"], set())
    for size in {0, 1, row["min_length"], row["max_length"], row["max_length"] + 1} & set(
        range(0x10000)
    ):
        octets = frame(
            0x103, head + tlv.tag.to_bytes(2, "big") + size.to_bytes(2, "big") + b"1" * size
        )
        if size in allowed:
            assert decode(octets).encode() == octets
        else:
            with pytest.raises(FieldError) as caught:
                decode(octets)
            assert caught.value.command_status == CommandStatus.ESME_RINVPARLEN


@each_tlv
def test_tlv_values_are_what_was_given(row: dict[str, Any]) -> None:
    tlv = STANDARD[int(row["tag"], 16)]
    least = row["min_length"]
    if tlv.kind == "int":
        given: list[Any] = [0, 1, (1 << 8 * tlv.most) - 1]
    elif tlv.kind == "cstring":
        given = ["x" * (least - 1), "x" * (tlv.most - 1), "\xff" * (tlv.most - 1)]
    else:
        given = [b"\0" * least, b"\xff" * tlv.most]
    for value in given:
        assert tlv.decode(tlv.encode(value)) == value
    wrong = [-1, 1 << 8 * tlv.most, "1", b"1", 1.5] if tlv.kind == "int" else [1, [], 1.5]
    wrong += [b"x" * tlv.most, "x" * tlv.most, "x\0", "\u20ac"] if tlv.kind == "cstring" else []
    wrong += ["x" * tlv.most, bytearray(tlv.most)] if tlv.kind == "octets" else []
    for value in wrong:
        with pytest.raises(FieldError) as caught:
            tlv.encode(value)
        assert caught.value.field == row["name"]


OTHERWISE_IN_3_4 = [row for row in TLV_ROWS if "in_3_4" in row]


@pytest.mark.parametrize("row", OTHERWISE_IN_3_4, ids=[row["name"] for row in OTHERWISE_IN_3_4])
def test_tlv_forms_of_3_4_are_read_and_written(row: dict[str, Any]) -> None:
    tlv, form = STANDARD[int(row["tag"], 16)], row["in_3_4"]
    for size in range(form["min_length"], form["max_length"] + 1):
        octets = b"\x01" * size
        tlv.decode(octets)
        value: Any = octets or None
        assert tlv.encode(value) == octets


@each_tlv
def test_tlv_enumeration(row: dict[str, Any]) -> None:
    tlv = STANDARD[int(row["tag"], 16)]
    table = row.get("values_ref")
    if tlv.kind != "int" or table in (None, "broadcast_area_success"):
        assert tlv.enum is (CommandStatus if row["name"] == "broadcast_error_status" else None)
    else:
        assert tlv.enum is ENUMERATIONS[table]


# command_status

STATUSES = load("status.json")["statuses"]


def test_the_package_has_the_statuses_of_the_standard_and_no_others() -> None:
    assert len(STATUSES) == 67
    assert {(row["name"], int(row["value"], 16)) for row in STATUSES} == {
        (status.name, status.value) for status in CommandStatus
    }
    assert set(CommandStatus.__members__) == {
        name for row in STATUSES for name in (row["name"], *row["names"].values())
    }


@pytest.mark.parametrize("row", STATUSES, ids=[row["name"] for row in STATUSES])
def test_status(row: dict[str, Any]) -> None:
    status = CommandStatus(int(row["value"], 16))
    assert status.name == row["name"]
    assert status.description.endswith(".")
    for name in row["names"].values():
        assert CommandStatus[name] is status
    assert row["renamed_in_5_0"] is (len(set(row["names"].values())) > 1)


def test_vendor_and_reserved_statuses_pass_through() -> None:
    reserved = load("status.json")["reserved"]
    known = {status.value for status in CommandStatus}
    least, most = (int(end, 16) for end in reserved["vendor"])
    for first, last in [("0x00000009", "0x00000009"), *reserved["3.4"], reserved["vendor"]]:
        for value in {int(first, 16), int(last, 16)} - known:
            status = CommandStatus(value)
            assert status == value
            assert status.name.startswith("VENDOR" if least <= value <= most else "RESERVED")
            assert status.description
            assert f"{value:08x}" in status.name
    assert {status.value for status in CommandStatus} == known, "they are not kept"


# Enumerations

VALUES = load("values.json")["values"]

#: Each enumeration of the package with its table.
ENUMERATIONS: dict[str, Any] = {
    "addr_subunit": values.AddrSubunit,
    "alert_on_message_delivery": values.AlertOnMessageDelivery,
    "bearer_type": values.BearerType,
    "bind_mode": values.BindMode,
    "broadcast_area_format": values.BroadcastAreaFormat,
    "broadcast_channel_indicator": values.BroadcastChannelIndicator,
    "broadcast_frequency_interval_unit": values.BroadcastFrequencyUnit,
    "broadcast_message_class": values.BroadcastMessageClass,
    "callback_num_pres_ind": values.CallbackNumPresInd,
    "congestion_state": values.CongestionState,
    "data_coding": values.DataCoding,
    "delivery_failure_reason": values.DeliveryFailureReason,
    "dest_addr_np_resolution": values.DestAddrNpResolution,
    "dest_flag": values.DestFlag,
    "display_time": values.DisplayTime,
    "dpf_result": values.DpfResult,
    "esm_class": values.EsmClass,
    "interface_version": values.InterfaceVersion,
    "its_reply_type": values.ItsReplyType,
    "language_indicator": values.LanguageIndicator,
    "message_state": values.MessageState,
    "more_messages_to_send": values.MoreMessagesToSend,
    "ms_availability_status": values.MsAvailabilityStatus,
    "ms_msg_wait_facilities": values.MsMsgWaitFacilities,
    "ms_validity": values.MsValidity,
    "network_error_code_network_type": values.NetworkErrorCodeType,
    "network_type": values.NetworkType,
    "npi": values.NPI,
    "payload_type": values.PayloadType,
    "privacy_indicator": values.PrivacyIndicator,
    "registered_delivery": values.RegisteredDelivery,
    "replace_if_present_flag": values.ReplaceIfPresentFlag,
    "set_dpf": values.SetDpf,
    "subaddress_type": values.SubaddressType,
    "ton": values.TON,
    "ussd_service_op": values.UssdServiceOp,
}
#: Of these the table has another form; each has a test of its own.
OTHER_FORMS = {
    "callback_num_pres_ind",
    "congestion_state",
    "data_coding",
    "esm_class",
    "interface_version",
    "ms_msg_wait_facilities",
    "registered_delivery",
}


def constant(name: str) -> str:
    """The name of a value as Python writes a constant, without what is in parentheses."""
    return re.sub(r"\W+", "_", re.sub(r" \(.*\)", "", name)).upper()


def test_every_enumeration_has_its_table() -> None:
    ours = {
        cls
        for cls in vars(values).values()
        if inspect.isclass(cls) and issubclass(cls, values.OpenEnum | values.Bits)
    } - {values.OpenEnum, values.Bits}
    of_broadcasts = {values.BroadcastNetwork, values.BroadcastContentType}
    assert ours == set(ENUMERATIONS.values()) | of_broadcasts


def test_every_table_of_values_has_its_enumeration() -> None:
    with_values = {key for key, table in VALUES.items() if table.get("values") or "5.0" in table}
    strings_or_levels = {"service_type", "priority_flag"}
    ranges = {"sm_default_msg_id", "sm_length", "number_of_dests"}
    assert with_values - strings_or_levels - ranges <= set(ENUMERATIONS)


@pytest.mark.parametrize("key", sorted(set(ENUMERATIONS) - OTHER_FORMS))
def test_enumeration(key: str) -> None:
    table = VALUES[key].get("values") or VALUES[key]["5.0"]
    assert {constant(row["name"]): row["value"] for row in table} == {
        member.name: member.value for member in ENUMERATIONS[key]
    }


def test_open_enumerations_name_every_octet() -> None:
    for key in set(ENUMERATIONS) - {"callback_num_pres_ind", "esm_class"}:
        enum = ENUMERATIONS[key]
        for value in range(256):
            assert enum(value) == value
            assert enum(value).name


def test_bind_mode_is_the_command_id_of_the_bind() -> None:
    for row in VALUES["bind_mode"]["values"]:
        assert BY_COMMAND[row["command"]].command_id == row["value"]


def test_message_states_are_those_of_the_protocol() -> None:
    assert [state.name for state in values.MessageState] == [
        row["name"] for row in VALUES["message_state"]["values"]
    ]


@pytest.mark.parametrize(
    ("value", "version"),
    [(0x00, "3.3"), (0x33, "3.3"), (0x34, "3.4"), (0x4F, "3.4"), (0x50, "5.0"), (0xFF, "5.0")],
)
def test_interface_version(value: int, version: str) -> None:
    ranges = VALUES["interface_version"]["ranges"]
    assert InterfaceVersion.of(value) is VERSIONS[version]
    for row in ranges:
        if int(row["from"], 16) <= value <= int(row["to"], 16):
            assert row["since"] == version


def test_data_coding() -> None:
    names = {
        "MC default alphabet": "MC_DEFAULT",
        "IA5 / ASCII": "ASCII",
        "Latin 1": "LATIN_1",
        "JIS": "JIS",
        "Cyrillic": "CYRILLIC",
        "Latin/Hebrew": "LATIN_HEBREW",
        "UCS-2": "UCS2",
        "pictogram": "PICTOGRAM",
        "ISO-2022-JP": "ISO_2022_JP",
        "extended Kanji JIS": "EXTENDED_KANJI_JIS",
        "KS C 5601": "KS_C_5601",
    }
    wanted = {}
    for row in VALUES["data_coding"]["smpp_table"]:
        value = int(row["from"], 16)
        name = row["name"].partition(" (")[0].partition(", ")[0]
        if name == "octets":
            wanted["OCTETS_2" if value == 2 else "OCTETS"] = value
        elif row["name"] != "reserved" and value < 0xC0:
            wanted[names[name]] = value
    assert {member.name: member.value for member in values.DataCoding} == wanted


#: Names of the package for the values of fields that are packed into an octet.
PACKED_NAMES = {
    "esm_class": {
        0x01: "DATAGRAM",
        0x02: "FORWARD",
        0x03: "STORE_AND_FORWARD",
        0x04: "MC_DELIVERY_RECEIPT",
        0x08: "DELIVERY_ACKNOWLEDGEMENT",
        0x10: "USER_ACKNOWLEDGEMENT",
        0x18: "CONVERSATION_ABORT",
        0x20: "INTERMEDIATE_NOTIFICATION",
        0x40: "UDHI",
        0x80: "REPLY_PATH",
        0xC0: "UDHI|REPLY_PATH",
    },
    "registered_delivery": {
        0x01: "RECEIPT",
        0x02: "RECEIPT_ON_FAILURE",
        0x03: "RECEIPT_ON_SUCCESS",
        0x04: "SME_DELIVERY_ACK",
        0x08: "SME_USER_ACK",
        0x0C: "SME_BOTH_ACKS",
        0x10: "INTERMEDIATE",
    },
    "ms_msg_wait_facilities": {0x80: "ACTIVE", 0x01: "FAX", 0x02: "ELECTRONIC_MAIL", 0x03: "OTHER"},
    "callback_num_pres_ind": {
        0x04: "RESTRICTED",
        0x08: "NUMBER_NOT_AVAILABLE",
        0x01: "VERIFIED_PASSED",
        0x02: "VERIFIED_FAILED",
        0x03: "NETWORK_PROVIDED",
        0x0C: "0x0c",
    },
}


@pytest.mark.parametrize("key", PACKED_NAMES)
def test_packed_octet(key: str) -> None:
    cls, names = ENUMERATIONS[key], PACKED_NAMES[key]
    in_table: set[int] = set()
    masks = 0
    for field in VALUES[key]["fields"].values():
        mask = int(field["mask"], 16)
        masks |= mask
        # Where the table gives values before they are shifted into place.
        shift = 2 if key == "callback_num_pres_ind" and mask == 0x0C else 0
        for row in field["values"]:
            value = row["value"] if isinstance(row["value"], int) else int(row["value"], 16)
            assert value << shift & ~mask == 0
            in_table.add(value << shift)
    assert in_table - {0} == set(names)
    for value, name in names.items():
        assert cls(value).name == name
        if hasattr(cls, name):
            assert getattr(cls, name) == value
    constants = {getattr(cls, name) for name in vars(cls) if name.isupper()}
    assert constants <= in_table
    assert cls(0).name == "0"
    own_masks = 0
    for mask in cls.masks:
        assert not own_masks & mask
        own_masks |= mask
    assert own_masks == masks


def test_congestion_state_is_named_by_the_start_of_each_band() -> None:
    assert {constant(row["name"]): row["from"] for row in VALUES["congestion_state"]["ranges"]} == {
        member.name: member.value for member in values.CongestionState
    }


def test_broadcast_content_type() -> None:
    table = VALUES["broadcast_content_type"]
    assert {constant(row["name"]): row["value"] for row in table["network_tag"]} == {
        member.name: member.value for member in values.BroadcastNetwork
    }
    assert {
        constant(row["name"]): int(row["value"], 16) for row in table["generic_content_types"]
    } == {member.name: member.value for member in values.BroadcastContentType}


NAMED = [
    (command, field)
    for command in COMMANDS
    for field in command["fields"]
    if field["type"] == "int1" and "values_ref" in field
]


@pytest.mark.parametrize(
    ("command", "field"), NAMED, ids=[f"{c['name']}-{f['name']}" for c, f in NAMED]
)
def test_enumeration_of_a_field(command: dict[str, Any], field: dict[str, Any]) -> None:
    ours = next(each for each in BY_COMMAND[command["name"]].fields if each.name == field["name"])
    # Of some the table only says which values are reserved.
    assert ours.enum is ENUMERATIONS.get(field["values_ref"])
