"""Destinations, failed destinations and message ids: the repeated structures."""

from __future__ import annotations

from typing import Any

import pytest
from wire_data import frame, parts

from twisted_smpp.errors import FieldError
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.lists import DistributionList, SMEAddress, UnsuccessSME, repeated
from twisted_smpp.wire.pdu import PDU, decode, encoders
from twisted_smpp.wire.pdus import QueryLastMsgsResp, SubmitMulti, SubmitMultiResp

V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0
ONE = SMEAddress(1, 1, "491761234567")


def octets_of(pdu: PDU, name: str) -> bytes:
    _, cut, _ = parts(pdu.encode())
    return cut[[field.name for field in pdu.fields].index(name)]


def test_an_address_and_a_distribution_list() -> None:
    both = [SMEAddress(1, 2, "12"), DistributionList("friends")]
    pdu = SubmitMulti(dest_address=both)
    assert octets_of(pdu, "dest_address") == b"\2\1\1\x0212\0\2friends\0"
    assert decode(pdu.encode()).dest_address == both


def test_any_iterable_may_be_given() -> None:
    for given in ([ONE], (ONE,), iter([ONE]), {ONE}):
        pdu = SubmitMulti(dest_address=given)
        assert pdu.dest_address == [ONE]
        pdu.dest_address.append(DistributionList("more"))
        assert len(decode(pdu.encode()).dest_address) == 2


def test_each_pdu_has_a_list_of_its_own() -> None:
    one, other = SubmitMultiResp(), SubmitMultiResp()
    one.unsuccess_sme.append(UnsuccessSME(error_status_code=1))
    assert other.unsuccess_sme == []
    bodiless = decode(frame(0x80000021))
    bodiless.unsuccess_sme.append(UnsuccessSME())
    assert decode(frame(0x80000021)).unsuccess_sme == []


def test_a_failure_has_a_status_of_four_octets() -> None:
    pdu = SubmitMultiResp(message_id="x", unsuccess_sme=[UnsuccessSME(0, 0, "5", 0xFFFFFFFF)])
    assert octets_of(pdu, "unsuccess_sme") == b"\1\0\x005\0\xff\xff\xff\xff"
    for wrong in (-1, 1 << 32, "1", None):
        pdu.unsuccess_sme = [UnsuccessSME(0, 0, "5", wrong)]  # type: ignore[arg-type]
        with pytest.raises(FieldError, match="error_status_code"):
            pdu.encode()


@pytest.mark.parametrize(
    ("element", "named"),
    [
        (SMEAddress(256, 0, ""), "dest_addr_ton"),
        (SMEAddress(0, -1, ""), "dest_addr_npi"),
        (SMEAddress(0, 0, "1" * 21), "destination_addr"),
        (SMEAddress(0, 0, None), "destination_addr"),  # type: ignore[arg-type]
        (DistributionList("x" * 21), "dl_name"),
        (DistributionList(b"x"), "dl_name"),  # type: ignore[arg-type]
        (UnsuccessSME(), "dest_address"),
        ("491761234567", "dest_address"),
        ((1, 1, "2"), "dest_address"),
        (None, "dest_address"),
    ],
)
def test_an_element_that_cannot_be_written_is_named(element: Any, named: str) -> None:
    with pytest.raises(FieldError) as caught:
        SubmitMulti(dest_address=[ONE, element]).encode()
    assert caught.value.field == named


@pytest.mark.parametrize("element", [ONE, "x", None, (1, 1, "2", 5)])
def test_only_a_failure_is_a_failure(element: Any) -> None:
    with pytest.raises(FieldError, match=r"unsuccess_sme: .* UnsuccessSME wanted"):
        SubmitMultiResp(unsuccess_sme=[element]).encode()


def test_the_number_of_destinations_has_limits() -> None:
    with pytest.raises(FieldError, match="0 elements, 1 to 255 are allowed") as caught:
        SubmitMulti().encode()
    assert caught.value.command_status == CommandStatus.ESME_RINVNUMDESTS
    with pytest.raises(FieldError, match="256 elements"):
        SubmitMulti(dest_address=[ONE] * 256).encode()
    with pytest.raises(FieldError, match="255 elements, 1 to 254 are allowed"):
        encoders(V3_4)[SubmitMulti](SubmitMulti(dest_address=[ONE] * 255))
    assert decode(SubmitMulti(dest_address=[ONE] * 255).encode()).dest_address == [ONE] * 255


@pytest.mark.parametrize("wrong", [5, None, 1.5, object()])
def test_what_is_no_list_is_refused_when_it_is_sent(wrong: Any) -> None:
    with pytest.raises(FieldError, match=f"dest_address: {type(wrong).__name__} given"):
        SubmitMulti(dest_address=wrong).encode()


def test_a_count_in_a_response_is_read_leniently() -> None:
    octets = frame(0x80000023, b"\x65" + b"1\0" * 101)
    pdu = decode(octets)
    assert isinstance(pdu, QueryLastMsgsResp)
    assert len(pdu.message_ids) == 101
    assert pdu.encode() == octets
    with pytest.raises(FieldError):
        encoders(V3_3)[QueryLastMsgsResp](pdu)


@pytest.mark.parametrize(
    "elements",
    [
        [],
        [SMEAddress(1, 2, "\xe9"), DistributionList("x"), SMEAddress()],
    ],
)
def test_json_of_destinations(elements: list[Any]) -> None:
    field = next(field for field in SubmitMulti.fields if field.name == "dest_address")
    data = field.to_json(elements)
    assert [each["dest_flag"] for each in data] == [1, 2, 1][: len(elements)]
    assert field.from_json(data) == elements


def test_json_of_failures_and_ids() -> None:
    failures = [UnsuccessSME(1, 2, "3", 4)]
    field = SubmitMultiResp.fields[1]
    assert field.to_json(failures) == [
        {"dest_addr_ton": 1, "dest_addr_npi": 2, "destination_addr": "3", "error_status_code": 4}
    ]
    assert field.from_json(field.to_json(failures)) == failures
    ids = QueryLastMsgsResp.fields[0]
    assert ids.from_json(ids.to_json(["a", "b"])) == ["a", "b"]


def test_rows_have_the_count_first() -> None:
    field = repeated("message_ids", count="n", most={None: 9, V3_4: 3})
    field.name = "ids"
    assert [(row.name, row.type, row.max) for row in field.rows()] == [
        ("n", "int1", 1),
        ("ids", "message_ids", 9),
    ]


def test_the_limit_of_a_list_holds_for_reading_in_each_version() -> None:
    field = repeated("message_ids", count="n", most={None: 9, V3_4: 3})
    field.name = "ids"
    octets = b"\4" + b"1\0" * 4
    assert field.read(octets, 0, len(octets), V5_0, True) == (["1"] * 4, 9)
    assert field.read(octets, 0, len(octets), V3_4, False) == (["1"] * 4, 9)
    with pytest.raises(FieldError, match="n is 4, 0 to 3 are allowed"):
        field.read(octets, 0, len(octets), V3_4, True)
    assert field.decode_source(V3_4, True) != field.decode_source(V5_0, True)
