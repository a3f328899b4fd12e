# ruff: noqa: N802 - the names begin with the rows of the catalogue.
"""Bodies and TLVs that should not be: rows P01 to P24 of the catalogue of hostile peers.

Each test is named after its row. P06, P07 and P21 are for the roles and the session to
decide, P22 beyond sizes for the module of times.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_data import (
    BY_COMMAND,
    CLASSES,
    REQUESTS,
    frame,
    parts,
    refusal,
    sample_of,
    tlv,
    with_field,
)

from twisted_smpp.errors import FieldError
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire import tlv as tlv_module
from twisted_smpp.wire.fields import U8, CString
from twisted_smpp.wire.lists import SMEAddress, UnsuccessSME
from twisted_smpp.wire.pdu import PDU, decode, decoders, encoders
from twisted_smpp.wire.pdus import (
    BindTransceiver,
    DeliverSM,
    DeliverSMResp,
    EnquireLinkResp,
    QuerySMResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSM,
    SubmitSMResp,
)
from twisted_smpp.wire.tlv import MAX_TLVS
from twisted_smpp.wire.tlvs import (
    additional_status_info_text,
    source_port,
    user_message_reference,
)

V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0

SUBMIT = SubmitSM(source_addr="1", destination_addr="2", short_message=b"hello").encode()
MULTI = SubmitMulti(dest_address=[SMEAddress(1, 1, "2")], short_message=b"hello").encode()

#: What the answer says when one of these is wrong.
STATUS = {
    "service_type": S.ESME_RINVSERTYP,
    "source_addr": S.ESME_RINVSRCADR,
    "destination_addr": S.ESME_RINVDSTADR,
    "dl_name": S.ESME_RINVDLNAME,
    "schedule_delivery_time": S.ESME_RINVSCHED,
    "validity_period": S.ESME_RINVEXPIRY,
    "short_message": S.ESME_RINVMSGLEN,
    "message_id": S.ESME_RINVMSGID,
    "system_id": S.ESME_RINVSYSID,
    "password": S.ESME_RINVPASWD,
    "system_type": S.ESME_RINVSYSTYP,
    "dest_address": S.ESME_RINVNUMDESTS,
    "esme_addr": S.ESME_RINVDSTADR,
}

STRINGS = [(cls, field) for cls in REQUESTS for field in cls.fields if isinstance(field, CString)]
each_string = pytest.mark.parametrize(
    ("cls", "field"), STRINGS, ids=[f"{cls.command}-{field.name}" for cls, field in STRINGS]
)


def with_tlvs(octets: bytes, area: bytes) -> bytes:
    return frame(int.from_bytes(octets[4:8], "big"), octets[16:] + area)


# Mandatory fields


@each_string
def test_P01_a_string_that_does_not_end(cls: type[PDU], field: CString) -> None:
    _, cut, _ = parts(sample_of(cls))
    index = [each.name for each in cls.fields].index(field.name)
    for text in (b"", b"x", b"x" * 8):
        error = refusal(frame(cls.command_id, b"".join(cut[:index]) + text))
        assert error.field == field.name
        assert error.command_status == STATUS.get(field.name, S.ESME_RINVPARLEN)
        assert "NUL" in error.reason


@each_string
def test_P01_the_nul_of_the_next_pdu_does_not_end_it(cls: type[PDU], field: CString) -> None:
    _, cut, _ = parts(sample_of(cls))
    index = [each.name for each in cls.fields].index(field.name)
    octets = frame(cls.command_id, b"".join(cut[:index]) + b"x")
    read = decoders(V5_0)[cls.command_id]
    buf = octets + frame(0x15) * 20
    with pytest.raises(FieldError) as caught:
        read(buf, buf.decode("latin-1"), 16, len(octets), 0, 1)
    assert caught.value.field == field.name


@each_string
def test_P02_a_string_that_is_too_long(cls: type[PDU], field: CString) -> None:
    most = field.max if isinstance(field.max, int) else field.max[None]
    error = refusal(with_field(sample_of(cls), field.name, b"x" * most + b"\0"))
    assert error.field == field.name
    assert error.command_status == STATUS.get(field.name, S.ESME_RINVPARLEN)
    assert str(most) in error.reason


@each_string
def test_P02_a_string_that_is_too_long_is_not_sent(cls: type[PDU], field: CString) -> None:
    for version in cls.versions:
        pdu = decode(sample_of(cls))
        setattr(pdu, field.name, "x" * 300)
        for encode in (encoders(version)[cls], cls.encode):
            with pytest.raises(ValueError, match=f"^{field.name}: takes 301 octets") as caught:
                encode(pdu)
            assert isinstance(caught.value, FieldError)


@pytest.mark.parametrize("cls", [SubmitSM, DeliverSM, BY_COMMAND["replace_sm"], SubmitMulti])
def test_P03_sm_length_beyond_the_end(cls: type[PDU]) -> None:
    octets = sample_of(cls)
    _, cut, _ = parts(octets)
    for claimed, there in ((1, 0), (6, 5), (255, 254), (200, 0)):
        body = b"".join(cut[:-1]) + bytes([claimed]) + b"x" * there
        error = refusal(frame(cls.command_id, body))
        assert (error.field, error.command_status) == ("short_message", S.ESME_RINVMSGLEN)
        # The octets of the next PDU are not its text.
        read = decoders(V5_0)[cls.command_id]
        buf = frame(cls.command_id, body) + SUBMIT
        with pytest.raises(FieldError):
            read(buf, buf.decode("latin-1"), 16, 16 + len(body), 0, 1)


def test_P04_what_follows_a_short_text_is_read_as_tlvs() -> None:
    area = tlv(0x0204, b"\x12\x34")
    pdu = decode(with_field(SUBMIT, "short_message", b"\x02hi" + area))
    assert pdu.short_message == b"hi"
    assert pdu.tlvs[user_message_reference] == 0x1234


@pytest.mark.parametrize("left", [b"o", b"lo", b"llo", b"\x05\x06\x07\x08\x09", b"hello, world"])
def test_P04_what_is_no_tlv_behind_the_text_is_refused(left: bytes) -> None:
    error = refusal(with_field(SUBMIT, "short_message", b"\x01h" + left))
    assert error.command_status == S.ESME_RINVOPTPARSTREAM


@pytest.mark.parametrize("version", [V3_3, V3_4])
def test_P05_255_octets_of_text_are_refused_before_5_0(version: InterfaceVersion) -> None:
    octets = with_field(SUBMIT, "short_message", b"\xff" + b"x" * 255)
    error = refusal(octets, version)
    assert (error.field, error.command_status) == ("short_message", S.ESME_RINVMSGLEN)
    assert "254" in error.reason
    with pytest.raises(FieldError, match="short_message: 255 octets, at most 254"):
        encoders(version)[SubmitSM](SubmitSM(short_message=b"x" * 255))
    at_limit = with_field(SUBMIT, "short_message", b"\xfe" + b"x" * 254)
    assert decode(at_limit, version).short_message == b"x" * 254


def test_P05_255_octets_of_text_are_allowed_since_5_0() -> None:
    octets = with_field(SUBMIT, "short_message", b"\xff" + b"x" * 255)
    pdu = decode(octets, V5_0)
    assert pdu.short_message == b"x" * 255
    assert encoders(V5_0)[SubmitSM](pdu) == octets
    with pytest.raises(FieldError, match="short_message: 256 octets, at most 255"):
        SubmitSM(short_message=b"x" * 256).encode()


# TLVs


@pytest.mark.parametrize("size", [1, 2, 255, 0x7FFF, 0xFFFF])
def test_P08_a_tlv_that_claims_more_than_is_there(size: int) -> None:
    head = b"\x14\x01" + size.to_bytes(2, "big")
    for area in (head, head + b"x" * (size - 1), tlv(0x0204, b"ab") + head):
        error = refusal(with_tlvs(SUBMIT, area))
        assert error.command_status == S.ESME_RINVOPTPARSTREAM
        assert str(size) in error.reason


@pytest.mark.parametrize("stray", [b"\0", b"\0\0", b"\0\0\0", b"\x14\x01\0"])
def test_P09_stray_octets_behind_the_tlvs_of_a_request_are_refused(stray: bytes) -> None:
    for area in (stray, tlv(0x0204, b"ab") + stray):
        error = refusal(with_tlvs(SUBMIT, area))
        assert error.command_status == S.ESME_RINVOPTPARSTREAM
        assert str(len(stray)) in error.reason


@pytest.mark.parametrize("stray", [b"\0", b"\0\0", b"\0\0\0"])
@pytest.mark.parametrize("area", [b"", tlv(0x0423, b"\x03\0\x0a")])
def test_P09_stray_octets_of_a_response_are_kept(stray: bytes, area: bytes) -> None:
    """Nobody can be told that a response is wrong."""
    octets = frame(0x80000004, b"id\0" + area + stray)
    pdu = decode(octets)
    assert pdu.message_id == "id"
    assert pdu.tlvs.trailing() == stray
    assert len(pdu.tlvs) == bool(area)
    assert f"<{len(stray)} stray octets>" in repr(pdu)
    assert pdu.to_dict()["trailing"] == stray.hex()
    assert PDU.from_dict(pdu.to_dict()).encode() == octets
    assert pdu.encode() == octets


@pytest.mark.parametrize("command_id", [0x15, 0x06, 0x80000015, 0x80000000, 0x80000008])
def test_P09_octets_behind_a_pdu_that_is_only_a_header_are_kept(command_id: int) -> None:
    for body in (b"\0", b"\0\0\0", b"\xff" * 9, tlv(0x1400, b"x")):
        octets = frame(command_id, body)
        pdu = decode(octets)
        repr(pdu)
        assert pdu.encode() == octets


def test_P09_stray_octets_are_never_sent_when_a_tlv_is_set() -> None:
    pdu = decode(frame(0x80000004, b"id\0\0\0\0"))
    pdu.tlvs[additional_status_info_text] = "late"
    assert pdu.encode() == frame(0x80000004, b"id\0" + tlv(0x1D, b"late\0"))


@pytest.mark.parametrize(
    ("tag", "value"),
    [(0x0204, b""), (0x0204, b"abc"), (0x0426, b"xx"), (0x0423, b"\3\0"), (0x001E, b"x" * 66)],
)
def test_P10_a_known_tlv_of_a_wrong_size_is_refused(tag: int, value: bytes) -> None:
    error = refusal(with_tlvs(SUBMIT, tlv(tag, value)))
    assert error.command_status == S.ESME_RINVPARLEN
    assert error.field == tlv_module.by_tag[tag].name
    assert f"{len(value)} octets" in error.reason


def test_P10_an_unknown_tlv_of_any_size_is_kept() -> None:
    for size in (0, 1, 5, 300):
        octets = with_tlvs(SUBMIT, tlv(0x1400, b"x" * size))
        pdu = decode(octets)
        assert pdu.tlvs[0x1400] == b"x" * size
        assert pdu.encode() == octets


def test_P10_a_wrong_size_in_a_response_shows_when_it_is_looked_at() -> None:
    octets = frame(0x80000103, b"id\0" + tlv(0x0423, b"\3"))
    pdu = decode(octets)
    assert "wrong size" in repr(pdu)
    assert pdu.encode() == octets
    with pytest.raises(FieldError) as caught:
        pdu.tlvs["network_error_code"]
    assert caught.value.command_status == S.ESME_RINVPARLEN


def test_P11_as_many_tlvs_as_allowed_and_one_more() -> None:
    at_limit = with_tlvs(SUBMIT, tlv(0x1400) * MAX_TLVS)
    assert len(decode(at_limit).tlvs) == MAX_TLVS == 256
    error = refusal(with_tlvs(SUBMIT, tlv(0x1400) * (MAX_TLVS + 1)))
    assert error.command_status == S.ESME_RINVOPTPARSTREAM
    assert "257" in error.reason


def test_P11_eighteen_thousand_empty_tlvs_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_up = 0

    class Counting(dict[bytes, int]):
        def get(self, head: bytes, default: Any = None) -> Any:
            nonlocal looked_up
            looked_up += 1
            return super().get(head, default)

    monkeypatch.setattr(tlv_module, "_passed", Counting())
    octets = with_tlvs(SUBMIT, tlv(0x1400) * 18_000)
    assert refusal(octets).command_status == S.ESME_RINVOPTPARSTREAM
    # Once to notice, once to name the culprit.
    assert 0 < looked_up <= 2 * 18_000


def test_P12_of_a_repeated_tlv_the_first_counts_and_all_are_kept() -> None:
    area = tlv(0x0204, b"\0\1") + tlv(0x020A, b"\0\5") + tlv(0x0204, b"\0\2")
    octets = with_tlvs(SUBMIT, area)
    pdu = decode(octets)
    assert pdu.tlvs[user_message_reference] == 1
    assert pdu.tlvs.all(user_message_reference) == [1, 2]
    assert pdu.tlvs[source_port] == 5
    assert pdu.encode() == octets


@given(st.integers(0, 0xFFFF), st.binary(max_size=40))
def test_P13_an_unknown_tlv_passes_through(tag: int, value: bytes) -> None:
    if tag in tlv_module.by_tag:
        return
    octets = with_tlvs(SUBMIT, tlv(0x0204, b"ab") + tlv(tag, value) + tlv(0x0204, b"cd"))
    pdu = decode(octets)
    assert pdu.tlvs[tag] == value
    assert pdu.encode() == octets
    # Passed on in a message of our own, it is the same again.
    assert DeliverSM(tlvs={tag: pdu.tlvs[tag]}).encode().endswith(tlv(tag, value))


# Lists


def with_dests(count: int, elements: bytes) -> bytes:
    return with_field(MULTI, "dest_address", bytes([count]) + elements)


@pytest.mark.parametrize(
    ("count", "elements"),
    [(0, b""), (2, b"\2a\0"), (255, b"\2a\0" * 254), (1, b"")],
    ids=["none", "one-missing", "the-last-missing", "all-missing"],
)
def test_P14_a_number_of_destinations_that_is_wrong(count: int, elements: bytes) -> None:
    _, cut, _ = parts(MULTI)
    # Where the list ends the PDU ends, else what follows would be read as destinations.
    octets = frame(0x21, b"".join(cut[:4]) + bytes([count]) + elements)
    error = refusal(octets)
    assert (error.field, error.command_status) == ("dest_address", S.ESME_RINVNUMDESTS)


def test_P14_255_destinations_are_allowed_since_5_0_only() -> None:
    octets = with_dests(255, b"\2a\0" * 255)
    assert len(decode(octets, V5_0).dest_address) == 255
    for version in (V3_3, V3_4):
        error = refusal(octets, version)
        assert (error.field, error.command_status) == ("dest_address", S.ESME_RINVNUMDESTS)
        assert len(decode(with_dests(254, b"\2a\0" * 254), version).dest_address) == 254


@pytest.mark.parametrize("flag", [0, 3, 4, 0x7F, 0xFF])
def test_P14_a_destination_that_is_neither_address_nor_list(flag: int) -> None:
    error = refusal(with_dests(2, b"\2a\0" + bytes([flag]) + b"\1\0012\0"))
    assert (error.field, error.command_status) == ("dest_flag", S.ESME_RINVDESTFLAG)
    assert str(flag) in error.reason


@pytest.mark.parametrize(
    ("element", "field"),
    [(b"\2" + b"x" * 21 + b"\0", "dl_name"), (b"\1\1\1" + b"x" * 21 + b"\0", "destination_addr")],
)
def test_P14_an_element_that_is_too_long(element: bytes, field: str) -> None:
    error = refusal(with_dests(1, element))
    assert (error.field, error.command_status) == (field, STATUS[field])


@pytest.mark.parametrize("size", range(1, 6))
def test_P14_an_element_that_is_cut_off(size: int) -> None:
    _, cut, _ = parts(MULTI)
    octets = frame(0x21, b"".join(cut[:4]) + b"\2\2a\0" + b"\1\1\x01234\0"[:size])
    assert refusal(octets).field in ("dest_addr_ton", "dest_addr_npi", "destination_addr")


def test_P15_a_partial_success_is_read_exactly() -> None:
    failed = [
        UnsuccessSME(1, 1, "491761234567", 0x0B),
        UnsuccessSME(5, 0, "ACME", 0x400),
        UnsuccessSME(0, 0, "", 0xFFFFFFFF),
    ]
    response = SubmitMultiResp(message_id="id", unsuccess_sme=failed, sequence_number=3)
    pdu = decode(response.encode())
    assert pdu.command_status == 0
    assert pdu.unsuccess_sme == failed
    assert pdu == response
    assert PDU.from_dict(pdu.to_dict()) == response


@pytest.mark.parametrize("body", [b"id\0", b"id\0\2\1\1\x32\0\0\0\0\x0b", b"id\0\1\1\1\x32\0\0"])
def test_P15_a_list_of_failures_that_is_cut_off_names_no_foreign_error(body: bytes) -> None:
    refusal(frame(0x80000021, body))
    # In a refusal nobody needs it.
    pdu = decode(frame(0x80000021, body, status=0x45))
    assert pdu.unsuccess_sme == []
    assert pdu.encode() == frame(0x80000021, body, status=0x45)


# Values


OCTETS = [(cls, field) for cls in CLASSES for field in cls.fields if isinstance(field, U8)]


@pytest.mark.parametrize(
    ("cls", "field"), OCTETS, ids=[f"{cls.command}-{field.name}" for cls, field in OCTETS]
)
def test_P16_a_reserved_value_is_decoded_and_shown(cls: type[PDU], field: U8) -> None:
    for value in (7, 99, 0xE0, 255):
        octets = with_field(sample_of(cls), field.name, bytes([value]))
        pdu = decode(octets)
        assert getattr(pdu, field.name) == value
        assert type(getattr(pdu, field.name)) is int
        assert f"{field.name}=" in repr(pdu)
        assert pdu.encode() == octets


@pytest.mark.parametrize("name", ["system_id", "password", "system_type", "address_range"])
def test_P17_octets_that_are_not_ascii_do_not_stop_a_bind(name: str) -> None:
    octets = with_field(BindTransceiver().encode(), name, b"\x80\xe9\xff\0")
    pdu = decode(octets)
    assert getattr(pdu, name) == "\x80\xe9\xff"
    assert pdu.encode() == octets
    repr(pdu), pdu.to_dict()


@given(st.binary(max_size=20).filter(lambda octets: 0 not in octets))
def test_P17_an_address_of_any_octets_is_kept(address: bytes) -> None:
    octets = with_field(SUBMIT, "source_addr", address + b"\0")
    pdu = decode(octets)
    assert pdu.source_addr.encode("latin-1") == address
    assert pdu.encode() == octets
    assert PDU.from_dict(pdu.to_dict()).encode() == octets


def test_P17_what_is_outside_latin_1_is_not_sent() -> None:
    for text in ("\u20ac", "\U0001f44b", "\ud800"):
        with pytest.raises(FieldError, match="source_addr: holds a character outside latin-1"):
            SubmitSM(source_addr=text).encode()


# Responses


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls.is_response])
def test_P18_a_refusal_with_any_body_is_accepted_and_kept(cls: type[PDU]) -> None:
    for body in (b"\0", b"id\0", b"x" * 100, b"\xff" * 7, b"id\0" + tlv(0x001D, b"no\0")):
        octets = frame(cls.command_id, body, status=0x45)
        pdu = decode(octets)
        assert pdu.command_status == 0x45
        assert type(pdu) is cls
        repr(pdu)
        assert pdu.encode() == octets
        assert PDU.from_dict(pdu.to_dict()).encode() == octets


def test_P18_a_body_of_a_refusal_that_makes_no_sense_leaves_the_defaults() -> None:
    pdu = decode(frame(0x80000003, b"id\0never\0\2", status=0x67))
    assert pdu.message_id == ""
    assert (pdu.final_date, pdu.message_state) == ("", 0)
    assert dict(pdu.tlvs) == {}
    assert "body=<10 octets>" in repr(pdu)


def test_P18_a_refusal_may_say_more_in_its_body() -> None:
    pdu = decode(frame(0x80000004, b"id\0" + tlv(0x001D, b"no credit\0"), status=0x45))
    assert pdu.message_id == "id"
    assert pdu.tlvs[additional_status_info_text] == "no credit"


@pytest.mark.parametrize("status", [0, 0x0E, 0x58, 0x400])
@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls.is_response])
def test_P19_a_response_without_a_body_is_accepted(cls: type[PDU], status: int) -> None:
    octets = frame(cls.command_id, b"", status)
    pdu = decode(octets)
    assert pdu.command_status == status
    for field in cls.fields:
        assert getattr(pdu, field.name) in (field.default, [])
    assert pdu.encode() == octets
    assert dict(pdu.tlvs) == {}
    assert pdu.encode() == octets, "looking at its TLVs gives it no body"
    assert PDU.from_dict(pdu.to_dict()).encode() == octets


def test_P19_a_success_with_an_empty_message_id_is_accepted() -> None:
    octets = frame(0x80000004, b"\0")
    assert decode(octets) == SubmitSMResp(sequence_number=1)
    assert decode(octets).encode() == octets


def test_P20_a_deliver_sm_resp_with_a_message_id_is_accepted() -> None:
    octets = frame(0x80000005, b"12345\0")
    for version in InterfaceVersion:
        pdu = decode(octets, version)
        assert isinstance(pdu, DeliverSMResp)
        assert pdu.message_id == "12345"
        assert pdu.encode() == octets


def test_P20_before_5_0_a_deliver_sm_resp_with_a_message_id_is_not_sent() -> None:
    for version in (V3_3, V3_4):
        with pytest.raises(FieldError, match="message_id"):
            encoders(version)[DeliverSMResp](DeliverSMResp(message_id="1"))
        assert encoders(version)[DeliverSMResp](DeliverSMResp()).endswith(b"\0")


@pytest.mark.parametrize("body", [b"\0", b"hello", tlv(0x0428, b"\x50")])
def test_P20_an_enquire_link_resp_with_a_body_is_accepted(body: bytes) -> None:
    octets = frame(0x80000015, body)
    pdu = decode(octets)
    assert isinstance(pdu, EnquireLinkResp)
    assert pdu.encode() == octets


def test_P20_a_response_of_too_many_tlvs_is_accepted() -> None:
    octets = frame(0x80000004, b"id\0" + tlv(0x1400) * 1000)
    assert decode(octets).encode() == octets
    assert len(decode(octets).tlvs) == 1000


TIMES = [
    (cls, field)
    for cls in REQUESTS
    for field in cls.fields
    if field.name in ("schedule_delivery_time", "validity_period")
]


@pytest.mark.parametrize(
    ("cls", "field"), TIMES, ids=[f"{cls.command}-{field.name}" for cls, field in TIMES]
)
def test_P22_a_time_is_empty_or_sixteen_characters(cls: type[PDU], field: Any) -> None:
    for size in range(1, 20):
        octets = with_field(sample_of(cls), field.name, b"0" * (size - 1) + b"\0")
        if size in (1, 17):
            assert len(getattr(decode(octets), field.name)) == size - 1
        else:
            error = refusal(octets)
            assert (error.field, error.command_status) == (field.name, STATUS[field.name])


def test_P22_a_time_in_a_response_may_have_any_size() -> None:
    octets = frame(0x80000003, b"id\x00261231\0\2\0")
    pdu = decode(octets)
    assert isinstance(pdu, QuerySMResp)
    assert pdu.final_date == "261231"
    assert pdu.encode() == octets
