"""TLVs: their declaration, and the mapping of them that a PDU carries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from wire_data import frame
from wire_data import tlv as octets_of

from twisted_smpp.errors import FieldError
from twisted_smpp.status import CommandStatus
from twisted_smpp.wire import tlv as tlv_module
from twisted_smpp.wire.pdu import PDU, decode
from twisted_smpp.wire.pdus import DataSM, DeliverSM, EnquireLink, SubmitSM, SubmitSMResp
from twisted_smpp.wire.tlv import MAX_TLVS, TLV, TLVs, by_name, by_tag, register, scan
from twisted_smpp.wire.tlvs import (
    STANDARD,
    additional_status_info_text,
    alert_on_message_delivery,
    broadcast_area_identifier,
    broadcast_error_status,
    callback_num,
    destination_port,
    message_payload,
    message_state,
    ms_validity,
    network_error_code,
    receipted_message_id,
    source_port,
    source_telematics_id,
)


@pytest.fixture
def vendor_tlv() -> Iterator[TLV[str]]:
    """A vendor's TLV, registered for the time of a test."""
    tlv: TLV[str] = TLV("dlt_entity_id", 0x1400, "cstring", 1, 31, aliases=("pe_id",))
    yield register(tlv)
    del by_tag[tlv.tag]
    for name in (tlv.name, *tlv.aliases):
        del by_name[name]


def submit_with(area: bytes) -> bytes:
    return frame(SubmitSM.command_id, SubmitSM().encode()[16:] + area)


def failure(call: Any, *args: Any) -> FieldError:
    with pytest.raises(FieldError) as caught:
        call(*args)
    return caught.value


# Declarations


def test_values_are_typed() -> None:
    assert source_port.encode(0x1234) == b"\x12\x34"
    assert source_port.decode(b"\x12\x34") == 0x1234
    assert receipted_message_id.encode("id") == b"id\0"
    assert receipted_message_id.decode(b"id\0") == "id"
    assert message_payload.encode(b"\0\xff") == message_payload.decode(b"\0\xff") == b"\0\xff"


def test_a_string_without_its_nul_is_read() -> None:
    assert receipted_message_id.decode(b"id") == "id"
    assert receipted_message_id.decode(b"id\0rest") == "id"


def test_none_is_an_empty_value_where_that_is_allowed() -> None:
    assert alert_on_message_delivery.encode(None) == b""
    assert alert_on_message_delivery.encode(2) == b"\2"
    assert alert_on_message_delivery.decode(b"") == 0
    assert "0 octets, 2 are allowed" in failure(source_port.encode, None).reason


def test_sizes_that_are_no_range() -> None:
    assert ms_validity.encode(b"\0") == b"\0"
    assert ms_validity.encode(b"\4\1\0\2") == b"\4\1\0\2"
    assert "2 octets, 1 or 4 are allowed" in failure(ms_validity.encode, b"ab").reason
    assert "3 octets, 1 or 4 are allowed" in failure(ms_validity.decode, b"abc").reason


def test_a_tolerated_size_is_read_and_never_written() -> None:
    assert source_telematics_id.decode(b"\0\5") == 5
    assert source_telematics_id.encode(5) == b"\5"
    failure(source_telematics_id.encode, 0x100)


@pytest.mark.parametrize(
    ("tlv", "value", "status"),
    [
        (source_port, 0x10000, CommandStatus.ESME_RINVOPTPARAMVAL),
        (source_port, "5", CommandStatus.ESME_RINVOPTPARAMVAL),
        (receipted_message_id, b"id", CommandStatus.ESME_RINVOPTPARAMVAL),
        (receipted_message_id, "a\0b", CommandStatus.ESME_RINVOPTPARAMVAL),
        (receipted_message_id, "x" * 65, CommandStatus.ESME_RINVPARLEN),
        (callback_num, b"abc", CommandStatus.ESME_RINVPARLEN),
        (message_payload, "text", CommandStatus.ESME_RINVOPTPARAMVAL),
    ],
)
def test_a_value_that_cannot_be_written(tlv: TLV[Any], value: Any, status: int) -> None:
    error = failure(tlv.encode, value)
    assert (error.field, error.command_status) == (tlv.name, status)


def test_how_a_value_is_shown() -> None:
    assert message_state.show(b"\2") == "DELIVERED"
    assert broadcast_error_status.show(b"\0\0\0\x0b") == "ESME_RINVDSTADR"
    assert source_port.show(b"\0\5") == "5"
    assert receipted_message_id.show(b"id\0") == "'id'"
    assert network_error_code.show(b"\3\0\x0a") == "03000a"
    assert network_error_code.show(b"\3") == "<1 octets, a wrong size>"
    assert message_payload.show(b"hello") == "<5 octets>"
    assert message_payload.show(b"hello", True) == "b'hello'"
    assert repr(source_port) == "<TLV source_port 0x020a>"


def test_a_registered_tlv_of_a_vendor_is_typed(vendor_tlv: TLV[str]) -> None:
    pdu = SubmitSM(tlvs={vendor_tlv: "1101"})
    again = decode(pdu.encode())
    assert again.encode().endswith(octets_of(0x1400, b"1101\0"))
    for key in (vendor_tlv, 0x1400, "dlt_entity_id", "pe_id"):
        assert again.tlvs[key] == "1101"
    assert "dlt_entity_id: '1101'" in repr(again)
    assert again.to_dict()["tlvs"] == [
        {"tag": "0x1400", "name": "dlt_entity_id", "value": "3131303100"}
    ]
    with pytest.raises(FieldError, match="dlt_entity_id"):
        decode(submit_with(octets_of(0x1400, b"x" * 40)))


def test_the_fixture_leaves_no_trace() -> None:
    assert 0x1400 not in by_tag
    assert "dlt_entity_id" not in by_name
    assert by_tag == STANDARD


def test_a_tlv_of_a_vendor_need_not_be_registered() -> None:
    pdu = decode(SubmitSM(tlvs={0x1400: b"1101\0"}).encode())
    assert pdu.tlvs[0x1400] == b"1101\0"
    assert "0x1400: <5 octets>" in repr(pdu)


@pytest.mark.parametrize(
    ("name", "tag", "aliases"),
    [
        ("new", 0x0424, ()),
        ("source_port", 0x1400, ()),
        ("dest_port", 0x1400, ()),
        ("new", 0x1400, ("source_port",)),
    ],
)
def test_a_tag_and_a_name_belong_to_one_tlv(name: str, tag: int, aliases: tuple[str, ...]) -> None:
    before = dict(by_tag), dict(by_name)
    with pytest.raises(ValueError, match="tag 0x"):
        register(TLV(name, tag, "int", 1, 1, aliases=aliases))
    assert (by_tag, by_name) == before


# The structure


def test_scan_accepts_what_is_well_formed() -> None:
    scan(b"")
    scan(octets_of(0x020A, b"\0\5") + octets_of(0x1400) + octets_of(0xFFFF, b"x" * 300))
    scan(octets_of(0x1400) * MAX_TLVS)


@pytest.mark.parametrize(
    ("area", "status"),
    [
        (b"\0", CommandStatus.ESME_RINVOPTPARSTREAM),
        (b"\x14\0\0", CommandStatus.ESME_RINVOPTPARSTREAM),
        (b"\x14\0\0\1", CommandStatus.ESME_RINVOPTPARSTREAM),
        (octets_of(0x1400) + b"\0\0\0", CommandStatus.ESME_RINVOPTPARSTREAM),
        (octets_of(0x1400) * (MAX_TLVS + 1), CommandStatus.ESME_RINVOPTPARSTREAM),
        (octets_of(0x020A, b"\5"), CommandStatus.ESME_RINVPARLEN),
    ],
)
def test_scan_refuses_what_is_not(area: bytes, status: CommandStatus) -> None:
    assert failure(scan, area).command_status == status


# The mapping


def test_a_key_may_be_a_tlv_a_tag_or_a_name() -> None:
    for key in (destination_port, 0x020B, "destination_port", "dest_port"):
        tlvs = TLVs({key: 5})
        assert tlvs.encode() == octets_of(0x020B, b"\0\5")
        for other in (destination_port, 0x020B, "destination_port", "dest_port"):
            assert tlvs[other] == 5
            assert other in tlvs
            assert tlvs.get(other) == 5
            assert tlvs.all(other) == [5]


def test_what_is_not_there() -> None:
    tlvs = TLVs({source_port: 5})
    assert destination_port not in tlvs
    assert tlvs.get(destination_port) is None
    assert tlvs.get(destination_port, 7) == 7
    assert tlvs.all(destination_port) == []
    for key in (destination_port, 0x1400):
        with pytest.raises(KeyError):
            tlvs[key]
        with pytest.raises(KeyError):
            del tlvs[key]


@pytest.mark.parametrize("key", ["no_such_name", -1, 0x10000, None, 1.5, b"x"])
def test_a_key_that_is_none(key: Any) -> None:
    tlvs = TLVs()
    for call in (tlvs.__getitem__, tlvs.get, tlvs.all, tlvs.__contains__, tlvs.__delitem__):
        failure(call, key)
    failure(tlvs.__setitem__, key, b"")


def test_order_is_kept() -> None:
    tlvs = TLVs({0x1402: b"b", source_port: 1, 0x1401: b"a"})
    assert [tag for tag, _ in tlvs.items()] == [0x1402, 0x020A, 0x1401]
    assert list(tlvs) == [0x1402, 0x020A, 0x1401]
    tlvs[0x1400] = b"last"
    assert list(tlvs)[-1] == 0x1400


def test_a_list_sets_a_repeated_tlv() -> None:
    for several in ([b"a", b"bc"], (b"a", b"bc")):
        tlvs = TLVs({broadcast_area_identifier: several})
        assert tlvs.encode() == octets_of(0x0606, b"a") + octets_of(0x0606, b"bc")
        assert tlvs[broadcast_area_identifier] == b"a"
        assert tlvs.all(broadcast_area_identifier) == [b"a", b"bc"]
        assert len(tlvs) == 2
        assert list(tlvs) == [0x0606]


def test_setting_replaces_all_of_a_tag_and_moves_it_to_the_end() -> None:
    area = octets_of(0x1400, b"a") + octets_of(0x1401, b"b") + octets_of(0x1400, b"c")
    tlvs = TLVs.from_octets(area)
    tlvs[0x1400] = b"d"
    assert tlvs.encode() == octets_of(0x1401, b"b") + octets_of(0x1400, b"d")
    tlvs[0x1401] = []
    assert tlvs.encode() == octets_of(0x1400, b"d")


def test_deleting_takes_all_of_a_tag() -> None:
    tlvs = TLVs.from_octets(octets_of(0x1400, b"a") * 2 + octets_of(0x1401))
    del tlvs[0x1400]
    assert tlvs.encode() == octets_of(0x1401)
    assert 0x1400 not in tlvs


def test_a_failed_change_changes_nothing() -> None:
    tlvs = TLVs({source_port: [1, 2]})
    before = tlvs.encode()
    failure(tlvs.__setitem__, source_port, [3, "4"])
    assert tlvs.encode() == before


def test_a_value_that_is_read_wrongly_is_found_when_it_is_asked_for() -> None:
    tlvs = TLVs.from_octets(octets_of(0x020A, b"\5"))
    assert failure(tlvs.__getitem__, source_port).field == "source_port"
    assert dict(tlvs.items()) == {0x020A: b"\5"}
    assert repr(tlvs) == "{source_port: <1 octets, a wrong size>}"


@pytest.mark.parametrize("stray", [b"\1", b"\1\2\3", b"\x14\0\0\5abc"])
def test_octets_behind_the_last_tlv_are_kept_until_something_changes(stray: bytes) -> None:
    tlvs = TLVs.from_octets(octets_of(0x1400, b"a") + stray)
    assert tlvs.trailing() == stray
    assert tlvs.encode() == octets_of(0x1400, b"a") + stray
    assert repr(tlvs) == f"{{0x1400: <1 octets>, <{len(stray)} stray octets>}}"
    tlvs[0x1401] = b"b"
    assert tlvs.trailing() == b""
    assert tlvs.encode() == octets_of(0x1400, b"a") + octets_of(0x1401, b"b")


def test_equality_is_by_octets() -> None:
    tlvs = TLVs({source_port: 5, 0x1400: b"a"})
    assert tlvs == TLVs.from_octets(tlvs.encode())
    assert tlvs == {source_port: 5, 0x1400: b"a"}
    assert tlvs != {0x1400: b"a", source_port: 5}
    assert tlvs != {source_port: 5}
    assert tlvs != "tlvs"
    with pytest.raises(TypeError):
        hash(tlvs)


def test_a_copy_is_independent() -> None:
    one = TLVs({source_port: 5})
    other = TLVs(one)
    other[source_port] = 6
    assert one[source_port] == 5
    assert TLVs(None).encode() == TLVs({}).encode() == TLVs().encode() == b""


@pytest.mark.parametrize("wrong", [5, "x", [(0x1400, b"")], {0x1400}])
def test_only_a_mapping_becomes_tlvs(wrong: Any) -> None:
    assert "a mapping wanted" in failure(TLVs, wrong).reason


# As part of a PDU


def test_tlvs_of_a_pdu_can_be_changed_in_place() -> None:
    pdu = decode(DeliverSM(tlvs={source_port: 5}, short_message=b"x").encode())
    pdu.tlvs[message_state] = 2
    del pdu.tlvs[source_port]
    assert pdu == DeliverSM(tlvs={message_state: 2}, short_message=b"x")
    assert decode(pdu.encode()).tlvs[message_state] == 2


def test_tlvs_of_a_pdu_can_be_replaced() -> None:
    pdu = SubmitSM(tlvs={source_port: 5})
    pdu.tlvs = {0x1400: b"a"}
    assert pdu.encode() == SubmitSM(tlvs={0x1400: b"a"}).encode()
    pdu.tlvs = None
    assert pdu == SubmitSM()
    other = SubmitSM(tlvs=TLVs({source_port: 6}))
    pdu.tlvs = other.tlvs
    pdu.tlvs[source_port] = 7
    assert other.tlvs[source_port] == 6


def test_what_was_given_may_change_afterwards() -> None:
    given = {source_port: 5}
    pdu = SubmitSM(tlvs=given)
    given[source_port] = 6
    assert pdu.tlvs[source_port] == 5


def test_a_tlv_gives_a_body_to_a_refusal() -> None:
    refusal = SubmitSMResp(command_status=0x45)
    assert len(refusal.encode()) == 16
    refusal.tlvs[additional_status_info_text] = "no credit"
    assert decode(refusal.encode()).tlvs[additional_status_info_text] == "no credit"
    assert len(refusal.encode()) > 17


def test_a_tlv_of_a_pdu_that_is_only_a_header() -> None:
    pdu = EnquireLink(tlvs={0x1400: b"x"})
    assert decode(pdu.encode()) == pdu
    assert pdu.encode()[16:] == octets_of(0x1400, b"x")


def test_looking_costs_nothing_until_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(cls: Any, octets: Any) -> TLVs:
        raise AssertionError("nobody asked")

    octets = DataSM(tlvs={message_payload: b"x"}).encode()
    monkeypatch.setattr(TLVs, "from_octets", classmethod(never))
    assert decode(octets).encode() == octets
    with pytest.raises(AssertionError, match="nobody asked"):
        decode(octets).tlvs  # noqa: B018 - looking is the point


def test_the_class_has_the_descriptor() -> None:
    assert PDU.tlvs is SubmitSM.tlvs


def test_a_tlv_that_passed_before_it_was_registered_is_checked_from_then_on() -> None:
    octets = octets_of(0x1401, b"\1\2")
    scan(octets)
    tlv: TLV[int] = register(TLV("late_one", 0x1401, "int", 1, 1))
    try:
        assert failure(scan, octets).field == "late_one"
    finally:
        del by_tag[tlv.tag], by_name[tlv.name]


def test_what_is_remembered_of_tlvs_that_passed_is_bounded() -> None:
    for number in range(70_000):
        scan(octets_of(0x3000 + number % 5000, bytes(number // 5000)))
    assert len(tlv_module._passed) <= 4096
