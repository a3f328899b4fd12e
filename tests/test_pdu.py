"""What all PDUs have in common: text, JSON, equality, secrets, and vendors' own commands."""

from __future__ import annotations

import base64
import copy
import json
import linecache
import secrets
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from wire_data import BY_COMMAND, CLASSES, SAMPLES, frame

from twisted_smpp.errors import FieldError, PDUError
from twisted_smpp.states import BOUND, State
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire import pdu as pdu_module
from twisted_smpp.wire.codec import Opaque
from twisted_smpp.wire.fields import counted_octets, cstring, u8
from twisted_smpp.wire.framing import Framing
from twisted_smpp.wire.lists import SMEAddress, UnsuccessSME
from twisted_smpp.wire.pdu import (
    ALL_VERSIONS,
    PDU,
    Request,
    Response,
    UnknownPDU,
    decode,
    decoders,
    encoders,
    registry,
)
from twisted_smpp.wire.pdus import (
    BindTransceiver,
    BroadcastSM,
    DataSM,
    DeliverSM,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    QuerySMResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSM,
    SubmitSMResp,
)
from twisted_smpp.wire.tlvs import message_payload, message_state, source_port

each_class = pytest.mark.parametrize("cls", CLASSES, ids=[cls.command for cls in CLASSES])
each_response = pytest.mark.parametrize(
    "cls", [cls for cls in CLASSES if cls.is_response], ids=lambda cls: cls.command
)


# Text


def test_repr_shows_what_differs_from_the_default() -> None:
    assert repr(SubmitSM()) == "SubmitSM(sequence_number=0)"
    assert repr(SubmitSM(source_addr="1", esm_class=0, sequence_number=5)) == (
        "SubmitSM(sequence_number=5, source_addr='1')"
    )
    assert repr(BindTransceiver()) == "BindTransceiver(sequence_number=0)"
    assert "interface_version=V5_0" in repr(BindTransceiver(interface_version=0x50))


def test_repr_names_enumerations() -> None:
    pdu = SubmitSM(
        source_addr_ton=5,
        dest_addr_npi=1,
        esm_class=0x44,
        registered_delivery=1,
        data_coding=8,
        priority_flag=3,
    )
    assert repr(pdu) == (
        "SubmitSM(sequence_number=0, source_addr_ton=ALPHANUMERIC, dest_addr_npi=ISDN, "
        "esm_class=MC_DELIVERY_RECEIPT|UDHI, priority_flag=3, registered_delivery=RECEIPT, "
        "data_coding=UCS2)"
    )
    assert "command_status=ESME_RTHROTTLED" in repr(SubmitSMResp(command_status=0x58))
    assert "command_status=VENDOR_0x00000400" in repr(SubmitSMResp(command_status=0x400))
    assert "message_state=DELIVERED" in repr(QuerySMResp(message_state=2))
    assert "tlvs={message_state: EXPIRED}" in repr(DeliverSM(tlvs={message_state: 3}))


def test_repr_of_reserved_values() -> None:
    assert "source_addr_ton=RESERVED_9" in repr(SubmitSM(source_addr_ton=9))
    assert "registered_delivery=0xe0" in repr(SubmitSM(registered_delivery=0xE0))
    assert "command_status=RESERVED_0xffffffff" in repr(SubmitSMResp(command_status=0xFFFFFFFF))


def test_repr_of_lists() -> None:
    shown = repr(SubmitMulti(dest_address=[SMEAddress(1, 1, "12")]))
    assert "destination_addr='12'" in shown
    assert "unsuccess_sme" not in repr(SubmitMultiResp(message_id="1"))


def test_the_text_of_a_message_is_shown_only_when_asked_for() -> None:
    pdu = SubmitSM(short_message=b"hello", tlvs={message_payload: b"world"})
    for shown in (repr(pdu), str(pdu), pdu.show(), f"{pdu}"):
        assert "short_message=<5 octets>" in shown
        assert "message_payload: <5 octets>" in shown
    assert "short_message=b'hello'" in pdu.show(text=True)
    assert "message_payload: b'world'" in pdu.show(text=True)


def test_repr_of_an_unknown_pdu() -> None:
    assert repr(UnknownPDU(0x10203, b"secret", sequence_number=4)) == (
        "UnknownPDU(0x00010203, sequence_number=4, body=<6 octets>)"
    )
    shown = UnknownPDU(0x80010203, command_status=3).show(text=True)
    assert "command_status=ESME_RINVCMDID" in shown


def test_whatever_was_set_can_be_shown() -> None:
    for wrong in (None, -1, 1 << 40, "x", b"x", [], object()):
        for cls in CLASSES:
            pdu = cls()
            for name in ("command_status", "sequence_number", *(f.name for f in cls.fields)):
                setattr(pdu, name, wrong)
            repr(pdu), pdu.show(text=True)
        repr(UnknownPDU(1, command_status=wrong, sequence_number=wrong))


def hidden_forms(secret: str) -> list[str]:
    """A secret as it is, in hex and in base64 at each offset, in whole and in good part."""
    octets = secret.encode("latin-1")
    forms = [secret, octets.hex(), octets.hex(" "), octets.hex(":")]
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + octets).decode()
        forms.append(encoded[4 if offset else 0 : -4])
    return forms


def everything_said_about(pdu: PDU) -> str:
    said = [repr(pdu), str(pdu), pdu.show(), f"{pdu}", "%r %s" % (pdu, pdu)]  # noqa: UP031
    said += pdu.details()
    for encode in (type(pdu).encode, *(encoders(version)[type(pdu)] for version in ALL_VERSIONS)):
        try:
            encode(pdu)
        except PDUError as error:
            said += [repr(error), *traceback.format_exception(error)]
            said += [str(vars(error)), str(error.__context__), repr(error.args)]
    try:
        octets = pdu.encode()
    except PDUError:
        return "\n".join(said)
    for end in range(16, len(octets)):
        # A PDU that is cut off anywhere, and one with an octet too many.
        for part in (octets[16:end], octets[16:end] + b"\xff" + octets[end:]):
            try:
                cut = decode(frame(pdu.command_id, part))
            except PDUError as error:
                said += [repr(error), str(vars(error)), *traceback.format_exception(error)]
            else:
                said += [repr(cut), str(cut)]
    return "\n".join(said)


@each_class
def test_no_password_is_ever_said(cls: type[PDU]) -> None:
    names = [field.name for field in cls.fields if field.secret]
    assert names == (["password"] if "password" in {f.name for f in cls.fields} else [])
    for length in (8, 12):
        for name in names:
            secret = "".join(secrets.choice("bcdfghjkmqvwxz") for _ in range(length))
            for value in (secret, secret + "\0", secret + "\u20ac", secret.encode()):
                pdu = cls(**{name: value})
                said = everything_said_about(pdu) + pdu.show(text=True)
                for form in hidden_forms(secret):
                    assert form not in said


TEXTS = [(cls, "short_message") for cls in CLASSES if "short_message" in vars(cls)]
TEXTS += [(cls, "message_payload") for cls in (SubmitSM, DeliverSM, DataSM, BroadcastSM)]


@pytest.mark.parametrize(("cls", "name"), TEXTS, ids=lambda value: getattr(value, "command", value))
def test_no_text_of_a_message_is_said(cls: type[PDU], name: str) -> None:
    secret = "".join(secrets.choice("bcdfghjkmqvwxz") for _ in range(24))
    given: dict[str, Any] = {"dest_address": [SMEAddress()]} if cls is SubmitMulti else {}
    if name == "message_payload":
        said = everything_said_about(cls(tlvs={message_payload: secret.encode()}, **given))
        with pytest.raises(FieldError) as caught:
            cls(tlvs={message_payload: secret}, **given)
        said += "".join(traceback.format_exception(caught.value))
    else:
        said = ""
        for value in (secret.encode(), secret, secret.encode() * 11):
            said += everything_said_about(cls(short_message=value, **given))
    for form in hidden_forms(secret):
        assert form not in said
    shown = cls(short_message=secret.encode(), **given) if name == "short_message" else None
    assert shown is None or secret in shown.show(text=True)


def test_there_are_texts_in_all_pdus_that_have_them() -> None:
    fields = {cls for cls in CLASSES if any(field.text for field in cls.fields)}
    assert {cls for cls, name in TEXTS if name == "short_message"} == fields
    assert len(fields) == 5
    assert message_payload.text


# Equality


def test_equal_pdus() -> None:
    assert SubmitSM(source_addr="1") == SubmitSM(source_addr="1")
    assert SubmitSM(tlvs={source_port: 5}) == decode(SubmitSM(tlvs={"source_port": 5}).encode())
    assert EnquireLinkResp(sequence_number=1) == decode(frame(0x80000015))
    assert UnknownPDU(1 << 20, b"x") == UnknownPDU(1 << 20, b"x")


@pytest.mark.parametrize(
    "other",
    [
        SubmitSM(source_addr="2"),
        SubmitSM(source_addr="1", sequence_number=1),
        SubmitSM(source_addr="1", command_status=1),
        SubmitSM(source_addr="1", tlvs={source_port: 5}),
        DeliverSM(source_addr="1"),
        "SubmitSM",
        None,
    ],
)
def test_different_pdus(other: Any) -> None:
    assert SubmitSM(source_addr="1") != other


def test_unknown_pdus_differ_by_command_and_body() -> None:
    one = UnknownPDU(1 << 20, b"x")
    assert one != UnknownPDU(1 << 21, b"x")
    assert one != UnknownPDU(1 << 20, b"y")


def test_a_response_without_body_is_not_one_with_an_empty_one() -> None:
    assert decode(frame(0x80000004)) != decode(frame(0x80000004, b"\0"))


def test_a_pdu_has_no_hash() -> None:
    with pytest.raises(TypeError):
        hash(SubmitSM())


@each_class
def test_a_copy_is_equal_and_independent(cls: type[PDU]) -> None:
    pdu = decode(next(o for o in SAMPLES if int.from_bytes(o[4:8], "big") == cls.command_id))
    other = copy.deepcopy(pdu)
    assert other == pdu
    other.sequence_number += 1
    other.tlvs[0x1400] = b"x"
    assert 0x1400 not in pdu.tlvs
    assert other != pdu


# JSON


def test_json_of_a_pdu() -> None:
    pdu = SubmitSM(
        source_addr="\xe9", short_message=b"\0\xff", sequence_number=3, tlvs={0x1400: b"x"}
    )
    data = json.loads(json.dumps(pdu.to_dict()))
    assert data["command"] == "submit_sm"
    assert data["command_id"] == "0x00000004"
    assert data["sequence_number"] == 3
    assert data["source_addr"] == "\xe9"
    assert data["short_message"] == "00ff"
    assert data["tlvs"] == [{"tag": "0x1400", "name": None, "value": "78"}]
    assert PDU.from_dict(data) == pdu


def test_what_is_left_out_takes_its_default() -> None:
    assert PDU.from_dict({"command": "submit_sm"}) == SubmitSM()
    assert PDU.from_dict({"command_id": "0x00000004"}) == SubmitSM()
    assert PDU.from_dict({"command": "bind_transceiver", "system_id": "a"}) == BindTransceiver(
        system_id="a"
    )
    refusal = PDU.from_dict({"command": "submit_sm_resp", "command_status": 8})
    assert refusal == SubmitSMResp(command_status=8)
    assert len(refusal.encode()) == 16
    assert PDU.from_dict({"command": "submit_sm_resp", "command_status": 8, "body": ""}).encode()


def test_json_of_a_tlv_by_name() -> None:
    data = {"command": "submit_sm", "tlvs": [{"name": "source_port", "value": "0005"}]}
    assert PDU.from_dict(data) == SubmitSM(tlvs={source_port: 5})


@each_response
def test_json_of_a_refusal_with_and_without_body(cls: type[PDU]) -> None:
    for body in (b"", b"\0", b"x" * 9, b"\0\0\0"):
        octets = frame(cls.command_id, body, status=8)
        data = json.loads(json.dumps(decode(octets).to_dict()))
        assert PDU.from_dict(data).encode() == octets


def test_json_of_an_unknown_pdu() -> None:
    pdu = UnknownPDU(0x10203, b"\0\xff", command_status=4, sequence_number=5)
    data = json.loads(json.dumps(pdu.to_dict()))
    assert data == {
        "command": None,
        "command_id": "0x00010203",
        "command_status": 4,
        "sequence_number": 5,
        "body": "00ff",
    }
    assert PDU.from_dict(data) == pdu


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"command": "no_such_command"},
        {"command": 5},
        {"command_id": "four"},
        {"command_id": 4},
        {"command": "submit_sm", "command_id": "0x00000005"},
        {"command": "submit_sm", "destination": "1"},
        {"command": "submit_sm", "short_message": "text"},
        {"command": "submit_sm", "short_message": 5},
        {"command": "submit_sm", "tlvs": 5},
        {"command": "submit_sm", "tlvs": [5]},
        {"command": "submit_sm", "tlvs": [{}]},
        {"command": "submit_sm", "tlvs": [{"tag": "0x1400"}]},
        {"command": "submit_sm", "tlvs": [{"tag": "0x10000", "value": ""}]},
        {"command": "submit_sm", "tlvs": [{"tag": "-1", "value": ""}]},
        {"command": "submit_sm", "tlvs": [{"tag": "0x1400", "value": "00" * 65_536}]},
        {"command": "submit_sm", "tlvs": [{"name": "no_such_tlv", "value": ""}]},
        {"command": "submit_sm", "trailing": "x"},
        {"command": "submit_sm", "body": "x"},
        {"command": "submit_multi", "dest_address": [{"dest_flag": 3}]},
        {"command": "submit_multi", "dest_address": [{"dest_flag": 1, "dl_name": "x"}]},
        {"command": "submit_multi", "dest_address": [{}]},
        {"command": "submit_multi", "dest_address": 5},
        {"command": "submit_multi_resp", "unsuccess_sme": [{"status": 5}]},
        {"command_id": "0x00010203", "body": 5},
        [],
        5,
        None,
    ],
)
def test_json_that_is_no_pdu(data: Any) -> None:
    with pytest.raises(PDUError):
        PDU.from_dict(data)


@pytest.mark.parametrize(
    "data",
    [
        {"command": "submit_sm", "sequence_number": "1"},
        {"command": "submit_sm", "source_addr": 5},
        {"command": "submit_sm", "esm_class": 256},
        {"command_id": "0x100000000"},
        {"command_id": "0x00010203", "command_status": -1},
    ],
)
def test_values_of_json_are_checked_when_they_are_sent(data: Any) -> None:
    pdu = PDU.from_dict(data)
    with pytest.raises(PDUError):
        pdu.encode()


def test_from_dict_leaves_its_argument_alone() -> None:
    data = {"command": "submit_sm", "tlvs": [], "source_addr": "1"}
    PDU.from_dict(data)
    assert data == {"command": "submit_sm", "tlvs": [], "source_addr": "1"}


# Responses


@each_response
def test_a_refusal_that_we_make_is_only_a_header(cls: type[PDU]) -> None:
    """The standard wants a refusal without a body, whatever its fields say."""
    given: dict[str, Any] = {"message_id": "x"} if "message_id" in vars(cls) else {}
    refusal = cls(command_status=CommandStatus.ESME_RSYSERR, sequence_number=1, **given)
    for encode in (cls.encode, *(encoders(version)[cls] for version in ALL_VERSIONS)):
        assert encode(refusal) == frame(cls.command_id, status=8)


@each_response
def test_a_success_that_we_make_has_its_fields(cls: type[PDU]) -> None:
    assert len(cls().encode()) >= 16 + len(cls.fields)
    assert decode(cls().encode()) == cls()


def test_the_body_of_a_refusal_that_was_not_understood_is_opaque() -> None:
    pdu = decode(frame(0x80000003, b"no nul", status=8))
    assert pdu.octets_of_tail() == b"no nul"
    assert isinstance(pdu.octets_of_tail(), Opaque)
    assert list(pdu.tlvs) == []
    assert pdu.encode() == frame(0x80000003, b"no nul", status=8)


def test_each_request_has_the_class_of_its_answer() -> None:
    for cls in CLASSES:
        if cls.is_response:
            assert cls.request is None or cls.request.answer is cls
        elif cls.answer is None:
            assert cls in (Outbind, BY_COMMAND["alert_notification"])
        else:
            assert cls.answer.request is cls
            assert cls.answer.command_id == cls.command_id | 0x80000000
            assert cls.answer.command == f"{cls.command}_resp"
    assert GenericNack.request is None


# Vendors' commands


@pytest.fixture
def registries() -> Iterator[None]:
    """Whatever a test registers is forgotten after it."""
    tables = [registry, *(decoders(version) for version in ALL_VERSIONS)]
    before = [dict(table) for table in tables]
    lines = set(linecache.cache)
    yield
    for table, saved in zip(tables, before, strict=True):
        table.clear()
        table.update(saved)
    for name in set(linecache.cache) - lines:
        del linecache.cache[name]


@pytest.fixture
def vendor(registries: None) -> tuple[Any, Any]:
    """A vendor's request and its response."""

    class AuthAccResp(Response, command_id=0x81000001):
        """The answer."""

        grade: int = u8()

    class AuthAcc(
        Request[AuthAccResp],
        command_id=0x01000001,
        esme_in=BOUND,
        versions=(InterfaceVersion.V3_4,),
        requires=(source_port,),
    ):
        """Asks about an account."""

        account: str = cstring(16, status=CommandStatus.ESME_RINVSYSID)
        pin: str = cstring(9, secret=True)
        note: bytes = counted_octets(10, count="note_length")

    return AuthAcc, AuthAccResp


def test_a_command_of_a_vendor_is_a_pdu_like_others(vendor: tuple[Any, Any]) -> None:
    request, response = vendor
    assert (request.command, response.command) == ("auth_acc", "auth_acc_resp")
    assert request.answer is response
    assert response.request is request
    assert request.versions == (InterfaceVersion.V3_4,)
    assert request.esme_in == {InterfaceVersion.V3_4: BOUND}
    assert request.mc_in == {InterfaceVersion.V3_4: ()}
    assert request.requires == (source_port,)
    pdu = request(account="a", pin="1234", note=b"hi", sequence_number=2, tlvs={source_port: 1})
    octets = pdu.encode()
    assert octets[16:] == b"a\x001234\0\2hi\x02\x0a\0\2\0\1"
    (again,) = Framing().receive(octets)
    assert again == pdu
    assert PDU.from_dict(pdu.to_dict()) == pdu
    assert repr(pdu) == (
        "AuthAcc(sequence_number=2, account='a', pin=<hidden>, note=<2 octets>, "
        "tlvs={source_port: 1})"
    )
    with pytest.raises(FieldError) as caught:
        decode(frame(0x01000001, b"a" * 20))
    assert caught.value.command_status == CommandStatus.ESME_RINVSYSID
    assert decode(frame(0x81000001)) == decode(frame(0x81000001))


def test_a_command_may_be_named(registries: None) -> None:
    class Ping(Request[None], command_id=0x01000009, command="x_ping"):  # type: ignore[type-var]
        """No field and no answer."""

    assert Ping.command == "x_ping"
    assert Ping.answer is None
    assert PDU.from_dict({"command": "x_ping"}) == Ping()


def test_a_command_id_belongs_to_one_command(registries: None) -> None:
    with pytest.raises(ValueError, match="command_id 0x00000004 is submit_sm"):

        class Mine(Request[SubmitSMResp], command_id=0x00000004):
            """Clashes."""

    assert registry[0x00000004] is SubmitSM
    assert SubmitSMResp.request is SubmitSM
    assert type(decode(SubmitSM().encode())) is SubmitSM


def test_a_subclass_inherits_fields(registries: None) -> None:
    class Base(Request[None]):  # type: ignore[type-var]
        """Not a command by itself."""

        account: str = cstring(16)

    class Derived(Base, command_id=0x0100000A):
        """A command."""

        extra: int = u8()

    assert Base not in registry.values()
    assert [field.name for field in Derived.fields] == ["account", "extra"]
    assert decode(Derived(account="a", extra=5).encode()) == Derived(account="a", extra=5)


def test_nothing_of_a_vendor_is_left() -> None:
    assert set(registry.values()) == set(CLASSES)
    assert isinstance(decode(frame(0x01000001, b"a\0")), UnknownPDU)


def test_where_a_command_may_be_sent_can_differ_by_version() -> None:
    bind = BindTransceiver.esme_in
    assert set(bind) == {InterfaceVersion.V3_4, InterfaceVersion.V5_0}
    assert State.OUTBOUND in bind[InterfaceVersion.V5_0]
    assert State.OUTBOUND not in bind[InterfaceVersion.V3_4]
    # What is not said of 3.3 is as in 3.4.
    assert EnquireLink.esme_in[InterfaceVersion.V3_3] == EnquireLink.esme_in[InterfaceVersion.V3_4]


# Unknown PDUs


@pytest.mark.parametrize("body", ["text", None, 5, [1], bytearray(b"x")])
def test_the_body_of_an_unknown_pdu_is_bytes(body: Any) -> None:
    with pytest.raises(FieldError, match="body"):
        UnknownPDU(1, body)


@pytest.mark.parametrize("command_id", [-1, 1 << 32])
def test_an_unknown_pdu_has_a_command_id_of_four_octets(command_id: int) -> None:
    with pytest.raises(PDUError):
        UnknownPDU(command_id).encode()


def test_an_unknown_pdu_is_encoded_alike_for_every_version() -> None:
    pdu = UnknownPDU(0x01000001, b"\0\1\2", sequence_number=1)
    for version in ALL_VERSIONS:
        assert encoders(version)[UnknownPDU](pdu) == frame(0x01000001, b"\0\1\2")


def test_the_base_cannot_encode() -> None:
    with pytest.raises(NotImplementedError):
        PDU.encode(SubmitSM())
    assert pdu_module.PDU.fields == ()
    assert UnsuccessSME().error_status_code == 0
