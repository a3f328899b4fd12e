"""The package against the tables of the standard, row by row.

The tables are in tests/data and know nothing of the package: what they say is right.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from wire_data import (
    BY_COMMAND,
    CLASSES,
    COMMANDS,
    STRUCTURES,
    VERSIONS,
    parts,
    with_field,
)

from twisted_smpp.errors import FieldError
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.lists import DistributionList, SMEAddress, UnsuccessSME
from twisted_smpp.wire.pdu import PDU, Request, Response, decode, decoders, encoders
from twisted_smpp.wire.tlv import by_name

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
