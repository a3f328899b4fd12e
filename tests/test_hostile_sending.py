# ruff: noqa: N802 - the names begin with the rows of the catalogue.
"""What we are asked to send, and what is as short as it can be."""

from __future__ import annotations

from typing import Any

import pytest
from wire_data import CLASSES, REQUESTS, frame, refusal, sample_of

from twisted_smpp.errors import FieldError
from twisted_smpp.wire.fields import U8, CountedOctets, CString
from twisted_smpp.wire.lists import DistributionList, Repeated
from twisted_smpp.wire.pdu import PDU, decode, encoders
from twisted_smpp.wire.pdus import (
    DataSM,
    SubmitMulti,
    SubmitSM,
)
from twisted_smpp.wire.tlvs import (
    callback_num,
    message_payload,
    receipted_message_id,
    source_port,
)

# What we are asked to send

FIELDS = [(cls, field) for cls in CLASSES for field in cls.fields]
WRONG: dict[type, list[Any]] = {
    U8: [-1, 256, 1 << 64, "1", b"1", None, [], {}, 1.5, object()],
    CString: ["x" * 300, "a\0b", "\0", "\u20ac", b"x", b"", 1, 0, None, [], ["x"], {}, object()],
    CountedOctets: [b"x" * 256, "x", "", 1, 0, None, [], [1], {}, object()],
    Repeated: [1, 0, None, "x", [1], [None], [b"x"], [("x",)], ["x" * 300], object(), ["\u20ac"]],
}


@pytest.mark.parametrize(
    ("cls", "field"), FIELDS, ids=[f"{cls.command}-{field.name}" for cls, field in FIELDS]
)
def test_P23_a_value_that_cannot_be_sent_is_refused_by_name(cls: type[PDU], field: Any) -> None:
    good = decode(sample_of(cls))
    given_fields = {each.name: getattr(good, each.name) for each in cls.fields}
    for wrong in WRONG[type(field)]:
        if wrong == "x" and field.name == "message_ids":
            continue  # one id, as the sequence that a string is
        pdu = cls(**{**given_fields, field.name: wrong})
        for encode in (cls.encode, *(encoders(version)[cls] for version in cls.versions)):
            with pytest.raises(FieldError) as caught:
                encode(pdu)
            assert caught.value.reason
            of_element = isinstance(field, Repeated)
            assert of_element or caught.value.field == field.name
        repr(pdu), pdu.show(text=True)


@pytest.mark.parametrize("name", ["sequence_number", "command_status"])
@pytest.mark.parametrize("wrong", [-1, 1 << 32, "1", None, 1.5, [], b"1"])
def test_P23_a_header_that_cannot_be_sent_is_refused_by_name(name: str, wrong: Any) -> None:
    for cls in CLASSES:
        good = decode(sample_of(cls))
        setattr(good, name, wrong)
        with pytest.raises(FieldError) as caught:
            good.encode()
        assert caught.value.field == name
        repr(good)


@pytest.mark.parametrize(
    "wrong",
    [
        {source_port: -1},
        {source_port: 0x10000},
        {source_port: "1"},
        {source_port: None},
        {callback_num: b"abc"},
        {callback_num: "abcd"},
        {receipted_message_id: "x" * 65},
        {receipted_message_id: "a\0"},
        {receipted_message_id: "\u20ac"},
        {message_payload: b"x" * 0x10000},
        {message_payload: "text"},
        {message_payload: bytearray(b"x")},
        {0x1400: "text"},
        {0x1400: 5},
        {0x1400: b"x" * 0x10000},
        {0x10000: b""},
        {-1: b""},
        {"no_such_tlv": b""},
        {1.5: b""},
        {None: b""},
        {source_port: [1, "2"]},
        5,
        "x",
        [(0x1400, b"")],
        {1},
    ],
    ids=repr,
)
def test_P23_tlvs_that_cannot_be_sent_are_refused_at_once(wrong: Any) -> None:
    with pytest.raises(FieldError):
        DataSM(tlvs=wrong)
    pdu = DataSM()
    with pytest.raises(FieldError):
        pdu.tlvs = wrong
    assert pdu.encode() == DataSM().encode()


def test_P23_an_attribute_that_was_deleted_is_a_pdu_error() -> None:
    pdu = SubmitSM()
    del pdu.source_addr
    with pytest.raises(ValueError, match="source_addr"):
        pdu.encode()


def test_P24_a_submit_sm_of_nothing_is_legal() -> None:
    octets = frame(0x04, b"\0" * 17)
    pdu = decode(octets)
    assert pdu == SubmitSM(sequence_number=1)
    assert (pdu.source_addr, pdu.destination_addr, pdu.short_message) == ("", "", b"")
    assert pdu.encode() == octets


@pytest.mark.parametrize("cls", REQUESTS)
def test_P24_a_request_without_its_body_is_refused_by_its_first_field(cls: type[PDU]) -> None:
    octets = frame(cls.command_id)
    if not cls.fields:
        assert decode(octets) == cls(sequence_number=1)
        return
    assert refusal(octets).field == cls.fields[0].name


@pytest.mark.parametrize("cls", CLASSES)
def test_P24_each_pdu_may_be_as_short_as_its_fields_allow(cls: type[PDU]) -> None:
    least = {"dest_address": [DistributionList()]} if cls is SubmitMulti else {}
    pdu = cls(**least)
    assert decode(pdu.encode()) == pdu
