"""Receipts that are read from their octets at once: what comes of it is what decoding gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_receipt_usual import seen, tails

from twisted_smpp.errors import PDUError
from twisted_smpp.text.receipt import Receipt, is_receipt
from twisted_smpp.text.receipt_octets import receipt_decoders
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.framing import Framing, Malformed
from twisted_smpp.wire.pdu import decoders
from twisted_smpp.wire.pdus import DeliverSM
from twisted_smpp.wire.sealed import SealedDeliverSM

VERSIONS = list(InterfaceVersion)
TEXT = (
    b"id:7 sub:001 dlvrd:001 submit date:2611302230 done date:2611302230 stat:DELIVRD err:000 text:"
)


def octets_of(tail=b"\0\x1e\0\x02A\0\x04\x27\0\x01\x02", **fields):
    body = DeliverSM(**{"esm_class": 4, "short_message": TEXT, **fields}).encode()[4:] + tail
    return (len(body) + 4).to_bytes(4, "big") + body


USUAL = octets_of(source_addr="491761234567", destination_addr="Shop", sequence_number=9)


def read(table, octets):
    """What a framing makes of octets, and whether it was read at once."""
    framing = Framing()
    framing.decoders = table
    pdus = list(framing.receive(octets))
    return pdus, [type(pdu) is SealedDeliverSM for pdu in pdus]


def said(pdu):
    if isinstance(pdu, Malformed):
        return str(pdu.error), pdu[1:]
    receipt = Receipt.of(pdu) if isinstance(pdu, DeliverSM) else None
    told = None if receipt is None else seen(receipt)
    return pdu.to_dict(), pdu.encode(), repr(pdu), told, pdu == pdu


def check(octets, version):
    """Both ways say the same; returns whether the short one was taken."""
    short, at_once = read(receipt_decoders(version), octets)
    plain, _ = read(decoders(version), octets)
    told = [None if isinstance(pdu, Malformed) else seen(Receipt.of(pdu)) for pdu in short]
    assert told == [None if isinstance(pdu, Malformed) else seen(Receipt.of(pdu)) for pdu in plain]
    assert [said(pdu) for pdu in short] == [said(pdu) for pdu in plain]
    return any(at_once)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_usual_receipt_is_read_at_once(version):
    assert check(USUAL, version)
    (pdu,), _ = read(receipt_decoders(version), USUAL)
    assert is_receipt(pdu)
    assert pdu.__class__ is DeliverSM
    assert Receipt.of(pdu).message_id == "A"
    assert (pdu.destination_addr, pdu.short_message, pdu.sequence_number) == ("Shop", TEXT, 9)


@pytest.mark.parametrize(
    "fields",
    [
        {"esm_class": 0},
        {"esm_class": 0x44},
        {"data_coding": 8},
        {"validity_period": "260101000000000+"},
        {"short_message": b"x" * 255},
        {"tail": b""},
        {"tail": b"\0\x1e\0\x03A\0\x04\x27\0\x01\x02"},
        {"tail": b"\0\x1e\0\x02A\0\x04\x27\0\x02\x02\x02"},
        {"tail": b"\x04\x27\0\x01\x02\0\x1e\0\x02A\0"},
        {"short_message": TEXT + b"\0\x1e\0\x02B\0\x04\x27\0\x01\x05", "tail": b""},
    ],
)
def test_what_is_not_as_usual_is_decoded(fields):
    for version in VERSIONS:
        assert not check(octets_of(**fields), version)


@given(
    st.sampled_from(VERSIONS),
    tails(),
    st.binary(max_size=255) | st.just(TEXT),
    st.sampled_from([0, 4, 0x20, 0x24, 0x44]),
    st.integers(0, 255),
    st.sampled_from(["", "CMT"]),
    st.sampled_from(["", "49176", "x" * 20]),
    st.sampled_from(["", "260101000000000+"]),
)
def test_both_ways_say_the_same(version, tail, text, esm_class, coding, service, address, time):
    octets = octets_of(
        tail,
        short_message=text,
        esm_class=esm_class,
        data_coding=coding,
        service_type=service,
        source_addr=address,
        schedule_delivery_time=time,
    )
    check(octets, version)


@given(st.sampled_from(VERSIONS), st.data())
def test_both_ways_say_the_same_of_octets_that_were_changed(version, data):
    octets = bytearray(USUAL)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(16, len(octets) - 1))
        octets[at] = data.draw(
            st.sampled_from([0, 1, 4, 0x1E, 0x27, 0x40, 0xFF]) | st.integers(0, 255)
        )
    cut = data.draw(st.integers(17, len(octets)))
    for whole in (bytes(octets), len(octets[:cut]).to_bytes(4, "big") + bytes(octets[4:cut])):
        check(whole + USUAL, version)


def test_a_lone_decoder_raises_what_the_plain_one_does():
    octets = octets_of(source_addr="x" * 20).replace(b"x" * 20 + b"\0", b"x" * 21 + b"\0")
    for table in (decoders, receipt_decoders):
        with pytest.raises(PDUError, match="source_addr"):
            table(InterfaceVersion.V3_4)[5](octets, octets.decode("latin-1"), 16, len(octets), 0, 1)
