"""The short way of reading the TLVs of most receipts says what the long one does."""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from twisted_smpp.text import receipt as module
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import DataSM, DeliverSM
from twisted_smpp.wire.tlvs import message_state, receipted_message_id

ids = st.binary(min_size=0, max_size=66)
texts = st.sampled_from(
    [
        b"",
        b"id:7 sub:001 dlvrd:001 stat:DELIVRD err:000 text:hello",
        "id:7 stat:UNDELIV".encode("utf-16-be"),
        b"\x03\x08\x01\x02id:7 stat:EXPIRED",
    ]
)


def tlv(tag, value):
    return tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


@st.composite
def tails(draw):
    first = tlv(0x001E, draw(ids) + draw(st.sampled_from([b"\0", b""])))
    second = tlv(0x0427, bytes([draw(st.integers(0, 255))]))
    more = draw(st.sampled_from([b"", b"", tlv(0x0423, b"\x03\0\x01"), tlv(0x001E, b"other\0")]))
    return draw(st.sampled_from([first + second, second + first])) + more


def seen(receipt):
    names = ("message_id", "stat", "message_state", "network_error_code", "raw", "text", "err")
    names += ("esm_class", "fields", "problems", "delivered", "final", "intermediate")
    return {name: getattr(receipt, name) for name in names}


@given(
    st.sampled_from([DeliverSM, DataSM]),
    tails(),
    texts,
    st.sampled_from([0x04, 0x44, 0x20]),
    st.sampled_from([0, 8, 0x18]),
)
def test_both_ways_say_the_same(kind, tail, text, esm_class, data_coding):
    fields = {"short_message": text} if kind is DeliverSM else {}
    octets = kind(esm_class=esm_class, data_coding=data_coding, **fields).encode()[4:] + tail
    octets = (len(octets) + 4).to_bytes(4, "big") + octets
    try:
        pdu = decode(octets)
    except ValueError:
        return  # the decoder has refused a value already
    with patch.object(module, "_USUAL") as usual:
        usual.fullmatch.return_value = None
        long_way = Receipt.of(decode(octets))

    assert seen(Receipt.of(pdu)) == seen(long_way)


def test_the_short_way_is_taken():
    octets = DeliverSM(esm_class=4, tlvs={receipted_message_id: "abc", message_state: 2}).encode()
    with patch.object(module, "_tlvs", side_effect=AssertionError):
        assert Receipt.of(decode(octets)).message_id == "abc"
