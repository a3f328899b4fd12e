"""What holds for every PDU and for all octets, tried with whatever hypothesis thinks of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutator import Mutator
from wire_data import CLASSES, SAMPLES, frame, outcome
from wire_strategies import cuts_of, pdus, tlv_mappings, tlv_octets, unknown_pdus

from twisted_smpp.errors import FieldError, PDUError
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.framing import Framing, Malformed
from twisted_smpp.wire.pdu import ALL_VERSIONS, PDU, decode, decoders, encoders
from twisted_smpp.wire.tlv import TLVs, scan

each_class = pytest.mark.parametrize("cls", CLASSES, ids=[cls.command for cls in CLASSES])
each_version = pytest.mark.parametrize("version", ALL_VERSIONS, ids=["3.3", "3.4", "5.0"])


def check(*strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], None]:
    """Runs a function at once with examples, in a test that is called for each command.

    pytest-twisted wraps a hypothesis test anew for each set of parameters and then fails, so
    such a test holds the hypothesis function instead of being one. There are so many of them
    that each needs only a part of the usual number of examples.
    """

    def run(function: Callable[..., None]) -> None:
        few = settings(max_examples=max(10, settings().max_examples // 5))
        few(given(*strategies)(function))()

    return run


@each_class
def test_what_is_encoded_decodes_to_the_same_pdu(cls: type[PDU]) -> None:
    @check(pdus(cls))
    def _(pdu: PDU) -> None:
        octets = pdu.encode()
        again = decode(octets)
        assert again == pdu
        assert type(again) is type(pdu)
        assert again.encode() == octets
        assert int.from_bytes(octets[:4], "big") == len(octets)


@given(st.data(), st.sampled_from(ALL_VERSIONS))
def test_what_is_sent_to_a_peer_of_a_version_is_read_under_its_limits(
    data: st.DataObject, version: InterfaceVersion
) -> None:
    pdu = data.draw(pdus(version=version, tlvs=version >= InterfaceVersion.V3_4))
    octets = encoders(version)[type(pdu)](pdu)
    assert octets == pdu.encode()
    read = decoders(version)[pdu.command_id]
    assert (
        read(
            octets,
            octets.decode("latin-1"),
            16,
            len(octets),
            pdu.command_status,
            pdu.sequence_number,
        )
        == pdu
    )


@given(pdus())
def test_tlvs_are_left_out_for_a_peer_of_3_3(pdu: PDU) -> None:
    if pdu.octets_of_tail() is None:
        return
    octets = outcome(encoders(InterfaceVersion.V3_3)[type(pdu)], pdu)
    if isinstance(octets, FieldError):  # longer than 3.3 allows
        return
    assert not list(decode(octets).tlvs)
    pdu.tlvs = {}
    assert octets == pdu.encode()


@given(unknown_pdus())
def test_a_command_that_nobody_declared_is_kept(pdu: PDU) -> None:
    octets = pdu.encode()
    assert decode(octets) == pdu
    assert decode(octets).encode() == octets
    assert PDU.from_dict(json.loads(json.dumps(pdu.to_dict()))).encode() == octets


@given(pdus() | unknown_pdus())
def test_json_carries_every_pdu(pdu: PDU) -> None:
    again = PDU.from_dict(json.loads(json.dumps(pdu.to_dict())))
    assert again == pdu
    assert again.encode() == pdu.encode()


@given(st.sampled_from(SAMPLES), tlv_octets())
def test_tlvs_pass_through_in_their_order(sample: bytes, more: bytes) -> None:
    octets = (len(sample + more)).to_bytes(4, "big") + (sample + more)[4:]
    pdu = outcome(decode, octets)
    if isinstance(pdu, PDUError):
        # A sample without a body now begins with a TLV, which may be no body.
        assert len(sample) == 16
        return
    assert pdu.encode() == octets
    list(pdu.tlvs.items())
    assert pdu.encode() == octets


@given(tlv_mappings())
def test_a_mapping_of_tlvs_gives_back_what_was_put_in(given_tlvs: dict[Any, Any]) -> None:
    tlvs = TLVs(given_tlvs)
    octets = tlvs.encode()
    scan(octets)
    for again in (tlvs, TLVs.from_octets(octets)):
        for key, value in given_tlvs.items():
            values = value if isinstance(value, list) else [value]
            assert again.all(key) == values
            assert again[key] == values[0]
    assert TLVs.from_octets(octets).encode() == octets


def plainly(
    cls: type[PDU], octets: bytes, version: InterfaceVersion
) -> tuple[dict[str, Any], bytes] | FieldError:
    """The judge of the generated decoder: field by field, as they are declared."""
    strict = not cls.is_response
    pos, values = 16, {}
    try:
        for field in cls.fields:
            values[field.name], pos = field.read(octets, pos, len(octets), version, strict)
        if strict and cls.fields:
            scan(octets[pos:])
    except FieldError as error:
        return error
    return values, octets[pos:]


def assert_both_agree(cls: type[PDU], octets: bytes, version: InterfaceVersion) -> None:
    status = int.from_bytes(octets[8:12], "big")
    if cls.is_response and len(octets) == 16:
        return  # no body, no fields
    wanted = plainly(cls, octets, version)
    # As in a stream, more PDUs follow: a string must not be ended by the NUL of the next one.
    buf = octets + frame(0x15) + b"\0" * 300
    pdu = outcome(
        decoders(version)[cls.command_id], buf, buf.decode("latin-1"), 16, len(octets), status, 1
    )
    if isinstance(pdu, PDUError):
        assert isinstance(wanted, FieldError), f"only the generated decoder refuses: {pdu}"
        assert isinstance(pdu, FieldError)
        assert (pdu.field, pdu.command_status) == (wanted.field, wanted.command_status)
        assert str(pdu) == str(wanted)
        return
    if isinstance(wanted, FieldError):
        assert cls.is_response, f"only the plain decoder refuses: {wanted}"
        assert status, f"only the plain decoder refuses: {wanted}"
        assert pdu.octets_of_tail() == octets[16:]
        return
    values, tail = wanted
    assert {field.name: getattr(pdu, field.name) for field in cls.fields} == values
    assert pdu.octets_of_tail() == tail


@each_version
@each_class
def test_the_generated_decoder_and_the_plain_one_agree(
    cls: type[PDU], version: InterfaceVersion
) -> None:
    @check(st.data(), pdus(cls), st.sampled_from([0, 8]))
    def _(data: st.DataObject, pdu: PDU, status: int) -> None:
        body = bytearray(pdu.encode()[16:])
        for place in data.draw(st.lists(st.integers(0, max(0, len(body) - 1)), max_size=3)):
            body[place : place + 1] = data.draw(st.binary(max_size=2))
        assert_both_agree(cls, frame(cls.command_id, bytes(body), status), version)


@each_version
@each_class
def test_the_two_decoders_agree_on_noise(cls: type[PDU], version: InterfaceVersion) -> None:
    @check(st.binary(max_size=80), st.sampled_from([0, 0x45]))
    def _(body: bytes, status: int) -> None:
        assert_both_agree(cls, frame(cls.command_id, body, status), version)


ANYTHING = st.sampled_from(
    [None, -1, 256, "", "x" * 300, "\0", "\u20ac", b"", b"x" * 300, b"\0", [], [1], {}, object()]
)


@each_version
@each_class
def test_the_generated_encoder_and_the_plain_one_agree(
    cls: type[PDU], version: InterfaceVersion
) -> None:
    @check(st.data(), pdus(cls, tlvs=False))
    def _(data: st.DataObject, pdu: PDU) -> None:
        if pdu.octets_of_tail() is None:
            return
        for field in cls.fields:
            if data.draw(st.integers(0, 9)) == 0:
                setattr(pdu, field.name, data.draw(ANYTHING))
        wanted = outcome(
            lambda: "".join([f.write(getattr(pdu, f.name), version) for f in cls.fields])
        )
        sent = outcome(encoders(version)[cls], pdu)
        if isinstance(wanted, PDUError):
            assert isinstance(sent, FieldError)
            assert str(sent) == str(wanted)
        else:
            assert sent[16:] == wanted.encode("latin-1")


@given(st.integers(0, 2**32))
def test_accepted_octets_are_written_again_however_they_came_about(seed: int) -> None:
    mutator = Mutator(seed)
    for _ in range(20):
        octets = mutator.frame()
        pdu = outcome(decode, octets)
        assert isinstance(pdu, PDUError) or pdu.encode() == octets


def results_of(reads: list[bytes], max_pdu: int) -> tuple[list[Any], str, int]:
    framing = Framing(max_pdu)
    results: list[Any] = []
    for read in reads:
        for result in framing.receive(read):
            malformed = isinstance(result, Malformed)
            results.append((str(result.error), *result[1:]) if malformed else result)
    return results, str(framing.error), framing.partial if framing.error is None else 0


@given(st.data())
def test_the_same_pdus_come_out_however_the_stream_is_cut(data: st.DataObject) -> None:
    mutator = Mutator(data.draw(st.integers(0, 2**32)))
    stream = b"".join([mutator.frame() for _ in range(data.draw(st.integers(1, 6)))])
    stream += data.draw(st.binary(max_size=20) | st.sampled_from([b"\0\0\0\x0f", b"GET / HTTP"]))
    max_pdu = data.draw(st.sampled_from([64, 512, 73_728]))
    whole = results_of([stream], max_pdu)
    assert results_of(data.draw(cuts_of(stream)), max_pdu) == whole
    assert results_of([stream[at : at + 1] for at in range(len(stream))], max_pdu) == whole
