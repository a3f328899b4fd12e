"""The functions that are generated for each PDU, and that a person can find their way in them."""

from __future__ import annotations

import inspect
import linecache
import traceback
from typing import Any

import pytest
from wire_data import CLASSES, frame

from twisted_smpp.errors import FieldError, PDUError
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire import codec
from twisted_smpp.wire.codec import (
    HEADER,
    Opaque,
    compile_method,
    decode_source,
    encode_source,
    init_source,
    tail_octets,
)
from twisted_smpp.wire.pdu import PDU, decode, decoders, encoders
from twisted_smpp.wire.pdus import DeliverSM, EnquireLink, SubmitMulti, SubmitSM, SubmitSMResp
from twisted_smpp.wire.tlv import TLVs

V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0

each_class = pytest.mark.parametrize("cls", CLASSES, ids=[cls.command for cls in CLASSES])


@each_class
def test_the_source_of_every_generated_function_can_be_read(cls: type[PDU]) -> None:
    assert inspect.getsource(cls.__init__) == init_source(cls)
    assert inspect.getsource(cls.encode) == encode_source(cls, None)
    read = decoders(V5_0)[cls.command_id]
    assert inspect.getsource(read) == decode_source(cls, V5_0)
    for version in InterfaceVersion:
        inspect.getsource(decoders(version)[cls.command_id])
        inspect.getsource(encoders(version)[cls])


@each_class
def test_a_generated_function_has_a_name_of_its_own(cls: type[PDU]) -> None:
    assert cls.encode.__qualname__ == f"{cls.__name__}.encode"
    assert cls.__init__.__qualname__ == f"{cls.__name__}.__init__"
    assert cls.encode.__doc__
    filename = cls.encode.__code__.co_filename
    assert cls.__name__ in filename
    assert filename in linecache.cache


def test_the_source_outlives_a_check_of_the_cache() -> None:
    linecache.checkcache()
    assert inspect.getsource(SubmitSM.encode) == encode_source(SubmitSM, None)


def test_a_traceback_shows_the_generated_line() -> None:
    class Stubborn(bytes):
        def __len__(self) -> int:
            raise RuntimeError("no length")

    with pytest.raises(RuntimeError) as caught:
        SubmitSM(short_message=Stubborn(b"x")).encode()
    shown = "".join(traceback.format_exception(caught.value))
    assert "<twisted_smpp SubmitSM.encode>" in shown
    assert "size = len(short_message)" in shown


def test_constructor_has_the_signature_of_the_declaration() -> None:
    parameters = inspect.signature(SubmitSM).parameters
    names = [field.name for field in SubmitSM.fields]
    assert list(parameters) == [*names, "tlvs", "command_status", "sequence_number"]
    assert parameters["short_message"].default == b""
    assert inspect.signature(SubmitMulti).parameters["dest_address"].default == ()


def test_constructor_refuses_what_is_no_field() -> None:
    with pytest.raises(TypeError, match="destination"):
        SubmitSM(destination="1")  # type: ignore[call-arg]


def test_a_pdu_has_no_other_attributes() -> None:
    with pytest.raises(AttributeError):
        SubmitSM().destination = "1"  # type: ignore[attr-defined]


def test_one_decoder_serves_all_versions_with_the_same_limits() -> None:
    assert decoders(V3_4)[EnquireLink.command_id] is decoders(V5_0)[EnquireLink.command_id]
    assert decoders(V3_4)[SubmitSM.command_id] is not decoders(V5_0)[SubmitSM.command_id]


def test_an_encoder_for_a_version_is_made_once() -> None:
    assert encoders(V3_4)[SubmitSM] is encoders(V3_4)[SubmitSM]
    assert encoders(V5_0)[EnquireLink] is EnquireLink.encode
    assert "3.4" in encode_source(SubmitSM, V3_3)


def test_for_a_peer_of_3_3_there_are_no_tlvs() -> None:
    pdu = SubmitSM(tlvs={"source_port": 5})
    assert encoders(V3_3)[SubmitSM](pdu) == SubmitSM().encode()
    assert encoders(V3_4)[SubmitSM](pdu) == pdu.encode()
    assert pdu.tlvs["source_port"] == 5, "the PDU itself keeps them"


def test_for_a_peer_of_3_3_message_ids_are_short() -> None:
    assert encoders(V3_3)[SubmitSMResp](SubmitSMResp(message_id="12345678"))
    with pytest.raises(FieldError, match="message_id: takes 10 octets"):
        encoders(V3_3)[SubmitSMResp](SubmitSMResp(message_id="123456789"))


def test_what_was_read_against_the_standard_can_be_written_again() -> None:
    """smscsim sends a service_type of seven characters."""
    octets = frame(0x05, b"smscsim\0" + b"\0" * 16)
    pdu = decode(octets)
    assert isinstance(pdu, DeliverSM)
    assert pdu.service_type == "smscsim"
    assert pdu.encode() == octets
    for version in InterfaceVersion:
        with pytest.raises(FieldError, match="service_type"):
            encoders(version)[DeliverSM](pdu)


def test_a_decoder_reads_where_it_is_told() -> None:
    octets = SubmitSM(source_addr="1", short_message=b"hi", sequence_number=9).encode()
    buf = b"\xff" * 100 + octets + b"\xff" * 100
    read = decoders(V5_0)[SubmitSM.command_id]
    assert read(buf, buf.decode("latin-1"), 116, 100 + len(octets), 0, 9) == decode(octets)


def test_tail_octets() -> None:
    assert tail_octets(None) is None
    assert tail_octets(b"abc") == b"abc"
    assert tail_octets(TLVs.from_octets(None)) is None
    assert tail_octets(TLVs()) == b""
    assert tail_octets(TLVs({0x1400: b"x"})) == b"\x14\0\0\1x"
    opaque = Opaque(b"x")
    assert tail_octets(opaque) is opaque


def test_the_header_is_four_words() -> None:
    assert HEADER.size == 16
    assert HEADER.pack(1, 2, 3, 4).hex() == "00000001000000020000000300000004"


def test_a_decoder_that_refuses_without_reason_is_found_out() -> None:
    """Were the generated decoder stricter than the plain one, that would be said."""
    source = decode_source(SubmitSM, V5_0)
    source = source.replace("    try:\n", "    try:\n        raise ValueError\n")
    wrong: Any = compile_method(SubmitSM, "wrong", source, V5_0)
    octets = SubmitSM().encode()
    with pytest.raises(PDUError, match="the generated and the plain decoder disagree"):
        wrong(octets, octets.decode("latin-1"), 16, len(octets), 0, 1)
    del linecache.cache["<twisted_smpp SubmitSM.wrong>"]


def test_an_encoder_that_refuses_without_reason_is_found_out() -> None:
    error = codec.blame_encode(SubmitSM(), None, True)
    assert isinstance(error, PDUError)
    assert "the generated and the plain encoder disagree" in str(error)
