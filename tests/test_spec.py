"""The package against the tables of the standard, row by row.

The tables are in tests/data and know nothing of the package: what they say is right.
"""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import pytest
from wire_data import (
    BY_COMMAND,
    CLASSES,
    COMMANDS,
    STRUCTURES,
    TLVS,
    VERSIONS,
    frame,
    load,
    parts,
    with_field,
)

from twisted_smpp import values
from twisted_smpp.errors import FieldError
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.lists import DistributionList, SMEAddress, UnsuccessSME
from twisted_smpp.wire.pdu import PDU, Request, Response, decode, decoders, encoders
from twisted_smpp.wire.tlv import by_name
from twisted_smpp.wire.tlvs import STANDARD

V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0

each_command = pytest.mark.parametrize(
    "command", COMMANDS, ids=[command["name"] for command in COMMANDS]
)
FIELDS = [(command, field) for command in COMMANDS for field in command["fields"]]


def fields_where(wanted: Any) -> Any:
    """Runs a test for each field of each command of which ``wanted(command, field)`` is true."""
    chosen = [(command, field) for command, field in FIELDS if wanted(command, field)]
    ids = [f"{command['name']}-{field['name']}" for command, field in chosen]
    return pytest.mark.parametrize(("command", "field"), chosen, ids=ids)


each_field = fields_where(lambda command, field: True)
each_string = fields_where(lambda command, field: field["type"] == "cstring")
#: An octet that is the count of what follows it is no field of ours.
each_octet = fields_where(
    lambda command, field: (
        field["type"] == "int1"
        and field["name"] in [ours.name for ours in BY_COMMAND[command["name"]].fields]
    )
)

#: Wider than the standard on purpose when reading, because peers in the field are.
READ_WIDER = {("deliver_sm", "service_type"): 8}
#: Octets that count nothing in their own PDU: a value out of range is not for the codec to refuse.
PLAIN_COUNTS = {("query_last_msgs", "no_of_msgs"), ("query_msg_details", "sm_length")}


def example(command: dict[str, Any]) -> bytes:
    return bytes.fromhex(command["example"]["hex"])


def rows(cls: type[PDU]) -> list[Any]:
    return [row for field in cls.fields for row in field.rows()]


# Commands


def test_the_package_has_the_commands_of_the_standard_and_no_others() -> None:
    assert len(COMMANDS) == 39
    assert {command["name"] for command in COMMANDS} == set(BY_COMMAND)


@each_command
def test_command_id_kind_and_answer(command: dict[str, Any]) -> None:
    cls = BY_COMMAND[command["name"]]
    assert cls.command_id == int(command["command_id"], 16)
    assert cls.is_response is (command["kind"] == "response")
    if cls.is_response:
        assert issubclass(cls, Response)
        assert (cls.request and cls.request.command) == command["request"]
    else:
        assert issubclass(cls, Request)
        assert (cls.answer and cls.answer.command) == command["response"]
        assert (cls.answer is None) is (command["kind"] == "notification")


@each_command
def test_versions(command: dict[str, Any]) -> None:
    cls = BY_COMMAND[command["name"]]
    assert list(cls.versions) == [VERSIONS[version] for version in command["versions"]]
    assert cls.versions[0] is VERSIONS[command["since"]]


@each_command
def test_mandatory_tlvs(command: dict[str, Any]) -> None:
    cls = BY_COMMAND[command["name"]]
    wanted = {name for table in command["tlvs"].values() for name in table["mandatory"]}
    assert {tlv.name for tlv in cls.requires} == wanted


@each_command
def test_every_tlv_that_the_command_may_carry_is_known(command: dict[str, Any]) -> None:
    for table in command["tlvs"].values():
        for name in [*table["mandatory"], *table["optional"]]:
            assert name in by_name
    for tag_name, here in (command.get("tlv_names_in_this_pdu") or {}).items():
        assert by_name[here] is by_name[tag_name]


# Fields


@each_command
def test_the_fields_are_in_the_order_of_the_standard(command: dict[str, Any]) -> None:
    cls = BY_COMMAND[command["name"]]
    assert [row.name for row in rows(cls)] == [field["name"] for field in command["fields"]]


@each_field
def test_type_and_size_of_a_field(command: dict[str, Any], field: dict[str, Any]) -> None:
    row = next(row for row in rows(BY_COMMAND[command["name"]]) if row.name == field["name"])
    assert row.type == field["type"]
    assert list(row.sizes) == field.get("sizes", [])
    if "structure" in field:
        counts = STRUCTURES[field["structure"]]["max_count_by_version"]
        assert row.max == max(counts.values())
    else:
        assert row.max == field.get("max", field.get("size"))


def sizes_sendable(field: dict[str, Any], version: str) -> tuple[set[int], int]:
    """The sizes that a string may take in a version, and the first one that is too much."""
    most = field.get("max_by_version", {}).get(version, field["max"])
    sizes = field.get("sizes_by_version", {}).get(version, field.get("sizes"))
    return set(sizes or range(1, most + 1)), most + 1


def versions_with_limits(command: dict[str, Any], field: dict[str, Any]) -> list[str]:
    """No text of 3.3 was at hand: where the later versions differ, its own limit is open."""
    differ = "sizes_by_version" in field or "3.3" not in field.get("max_by_version", {"3.3": 0})
    return [version for version in command["versions"] if version != "3.3" or not differ]


@each_string
def test_sizes_that_can_be_sent_to_a_peer_of_each_version(
    command: dict[str, Any], field: dict[str, Any]
) -> None:
    for version in versions_with_limits(command, field):
        pdu = decode(example(command))
        encode = encoders(VERSIONS[version])[type(pdu)]
        allowed, too_much = sizes_sendable(field, version)
        for size in range(1, too_much + 2):
            value = "x" * (size - 1)
            setattr(pdu, field["name"], value)
            if size in allowed:
                assert getattr(decode(encode(pdu)), field["name"]) == value
            else:
                with pytest.raises(FieldError) as caught:
                    encode(pdu)
                assert caught.value.field == field["name"]
                assert str(size) in str(caught.value)


@each_string
def test_sizes_of_a_string_that_are_read(command: dict[str, Any], field: dict[str, Any]) -> None:
    name = field["name"]
    most = READ_WIDER.get((command["name"], name), field["max"])
    # Nobody can be told that a response is wrong: its sizes in between are tolerated.
    strict = command["kind"] != "response"
    for size in range(1, most + 3):
        octets = with_field(example(command), name, b"x" * (size - 1) + b"\0")
        if size <= most and not (strict and "sizes" in field and size not in field["sizes"]):
            pdu = decode(octets)
            assert getattr(pdu, name) == "x" * (size - 1)
            assert pdu.encode() == octets
        else:
            with pytest.raises(FieldError) as caught:
                decode(octets)
            assert caught.value.field == name


@each_octet
def test_every_octet_is_read_and_written(command: dict[str, Any], field: dict[str, Any]) -> None:
    for value in range(256):
        octets = with_field(example(command), field["name"], bytes([value]))
        pdu = decode(octets)
        assert getattr(pdu, field["name"]) == value
        assert pdu.encode() == octets


def counted(command: dict[str, Any], field: dict[str, Any]) -> str:
    """The name of the field whose octets or elements ``field`` counts."""
    for other in command["fields"]:
        if field["name"] in (other.get("length_field"), other.get("count_field")):
            return str(other["name"])
    raise AssertionError(f"{field['name']} counts nothing")


RANGES = [
    (command, field, version, least, most)
    for command in COMMANDS
    for field in command["fields"]
    for version, (least, most) in field.get("allowed", {}).items()
    if (command["name"], field["name"]) not in PLAIN_COUNTS
]


@pytest.mark.parametrize(
    ("command", "field", "version", "least", "most"),
    RANGES,
    ids=[f"{c['name']}-{f['name']}-{v}" for c, f, v, _, _ in RANGES],
)
def test_range_of_a_count_in_each_version(
    command: dict[str, Any], field: dict[str, Any], version: str, least: int, most: int
) -> None:
    name = counted(command, field)
    is_text = field["name"] == "sm_length"
    one = b"x" if is_text else b"\x02\0"
    read = decoders(VERSIONS[version])[int(command["command_id"], 16)]
    for count in {0, 1, least, most, most + 1} & set(range(256)):
        octets = with_field(example(command), name, bytes([count]) + one * count)
        pdu = decode(example(command))
        setattr(pdu, name, one * count if is_text else [DistributionList("")] * count)
        write = encoders(VERSIONS[version])[type(pdu)]
        if least <= count <= most:
            assert (
                len(getattr(read(octets, octets.decode("latin-1"), 16, len(octets), 0, 1), name))
                == count
            )
            assert write(pdu) == octets
        else:
            with pytest.raises(FieldError, match=str(most)) as caught:
                read(octets, octets.decode("latin-1"), 16, len(octets), 0, 1)
            assert caught.value.field == name
            with pytest.raises(FieldError, match=str(most)) as caught:
                write(pdu)
            assert caught.value.field == name


def test_ranges_are_there_for_all_texts_and_destinations() -> None:
    assert len(RANGES) == 10


@pytest.mark.parametrize(("name", "field"), sorted(PLAIN_COUNTS))
def test_counts_that_count_nothing_in_their_pdu_are_octets(name: str, field: str) -> None:
    """That they are decoded for every value, test_every_octet_is_read_and_written shows."""
    declared = next(each for each in BY_COMMAND[name].fields if each.name == field)
    assert [row.type for row in declared.rows()] == ["int1"]


# Repeated structures


def elements(structure: str) -> list[tuple[Any, dict[str, Any]]]:
    """Our class of an element (None for a string) with its form in the standard."""
    element = STRUCTURES[structure]["element"]
    if structure == "dest_addresses":
        return list(zip((SMEAddress, DistributionList), element["variants"], strict=True))
    return [(UnsuccessSME if structure == "unsuccess_smes" else None, element)]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_fields_and_sizes_of_a_repeated_structure(structure: str) -> None:
    holder = next(
        (cls, field)
        for cls in CLASSES
        for field in cls.fields
        if field.rows()[-1].type == structure
    )
    cls, field = holder
    assert field.rows()[0].name == STRUCTURES[structure]["count_field"]
    for ours, form in elements(structure):
        fields = [each for each in form["fields"] if each["name"] != "dest_flag"]
        if ours is not None:
            assert list(ours._fields) == [each["name"] for each in fields]
        for over in (0, 1):
            longest = ["x" * (each["max"] - 1 + over) if "max" in each else 1 for each in fields]
            value = [longest[0] if ours is None else ours(*longest)]
            pdu = cls(**{field.name: value})
            if over:
                with pytest.raises(FieldError) as caught:
                    pdu.encode()
                assert caught.value.field == next(each["name"] for each in fields if "max" in each)
                continue
            _, cut, _ = parts(pdu.encode())
            octets = cut[[each.name for each in cls.fields].index(field.name)]
            assert len(octets) == 1 + form["max_octets"]
            assert getattr(decode(pdu.encode()), field.name) == value
        shortest = ["" if "max" in each else 0 for each in fields]
        pdu = cls(**{field.name: ["" if ours is None else ours(*shortest)]})
        _, cut, _ = parts(pdu.encode())
        octets = cut[[each.name for each in cls.fields].index(field.name)]
        assert len(octets) == 1 + form["min_octets"]


def test_the_flag_of_a_destination_tells_its_form() -> None:
    for ours, form in elements("dest_addresses"):
        pdu = BY_COMMAND["submit_multi"](dest_address=[ours()])
        flag = parts(pdu.encode())[1][4][1]
        assert flag == form["dest_flag"]


@pytest.mark.parametrize(
    ("name", "field"),
    [("submit_multi_resp", "unsuccess_sme"), ("query_last_msgs_resp", "message_ids")],
)
def test_a_list_in_a_response_may_be_empty(name: str, field: str) -> None:
    pdu = decode(BY_COMMAND[name](**{field: []}).encode())
    assert getattr(pdu, field) == []


def test_at_most_100_message_ids_are_sent() -> None:
    most = STRUCTURES["message_ids"]["max_count_by_version"]["3.3"]
    cls = BY_COMMAND["query_last_msgs_resp"]
    write = encoders(V3_3)[cls]
    assert len(decode(write(cls(message_ids=["1"] * most))).message_ids) == most
    with pytest.raises(FieldError, match="0 to 100 are allowed"):
        write(cls(message_ids=["1"] * (most + 1)))


# Examples


def value_in_example(pdu: PDU, row: str, fields: dict[str, Any]) -> Any:
    """The value of a row of the table, as the example writes it."""
    for field in pdu.fields:
        value = getattr(pdu, field.name)
        if field.name == row:
            return value.decode("ascii") if isinstance(value, bytes) else field.to_json(value)
        if field.rows()[0].name == row:
            return len(value)
    raise AssertionError(f"{pdu.command} has no {row}")


@each_command
def test_example_is_decoded(command: dict[str, Any]) -> None:
    wanted = command["example"]
    pdu = decode(example(command))
    assert type(pdu) is BY_COMMAND[command["name"]]
    assert pdu.command_status == wanted["command_status"]
    assert pdu.sequence_number == wanted["sequence_number"]
    assert {
        row.name: value_in_example(pdu, row.name, wanted["fields"]) for row in rows(type(pdu))
    } == wanted["fields"]
    assert [(tag, value.hex()) for tag, value in pdu.tlvs.items()] == [
        (int(tlv["tag"], 16), tlv["value_hex"]) for tlv in wanted["tlvs"]
    ]
    for tlv in wanted["tlvs"]:
        assert by_name[tlv["name"]].tag == int(tlv["tag"], 16)


@each_command
def test_example_is_encoded(command: dict[str, Any]) -> None:
    wanted = command["example"]
    decoded = decode(example(command))
    assert decoded.encode() == example(command)
    given = {field.name: getattr(decoded, field.name) for field in decoded.fields}
    tlvs: dict[str, list[Any]] = {}
    for tlv in wanted["tlvs"]:
        value = by_name[tlv["name"]].decode(bytes.fromhex(tlv["value_hex"]))
        tlvs.setdefault(tlv["name"], []).append(value)
    built = type(decoded)(
        **given,
        tlvs=tlvs,
        command_status=wanted["command_status"],
        sequence_number=wanted["sequence_number"],
    )
    assert built.encode() == example(command)
    assert built == decoded


@each_command
def test_example_in_json_has_the_names_of_the_standard(command: dict[str, Any]) -> None:
    wanted = command["example"]
    pdu = decode(example(command))
    data = json.loads(json.dumps(pdu.to_dict()))
    assert data["command"] == command["name"]
    assert int(data["command_id"], 16) == int(command["command_id"], 16)
    names = {field.name for field in pdu.fields}
    for name, value in wanted["fields"].items():
        if name in names:
            shown = bytes.fromhex(data[name]).decode() if name == "short_message" else data[name]
            assert shown == value
    assert PDU.from_dict(data).encode() == example(command)


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
    [(0x00, V3_3), (0x33, V3_3), (0x34, V3_4), (0x4F, V3_4), (0x50, V5_0), (0xFF, V5_0)],
)
def test_interface_version(value: int, version: InterfaceVersion) -> None:
    ranges = VALUES["interface_version"]["ranges"]
    assert InterfaceVersion.of(value) is version
    for row in ranges:
        if int(row["from"], 16) <= value <= int(row["to"], 16):
            assert VERSIONS[row["since"]] is version


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


@fields_where(lambda command, field: field["type"] == "int1" and "values_ref" in field)
def test_enumeration_of_a_field(command: dict[str, Any], field: dict[str, Any]) -> None:
    ours = next(each for each in BY_COMMAND[command["name"]].fields if each.name == field["name"])
    # Of some the table only says which values are reserved.
    assert ours.enum is ENUMERATIONS.get(field["values_ref"])
