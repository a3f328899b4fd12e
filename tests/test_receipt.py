# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Delivery receipts: built by the standard's example, read from PDUs of any kind."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_kit import text_examples
from wire_data import CAPTURED, load

from twisted_smpp.text.receipt import STAT, NetworkErrorCode, Receipt, is_receipt
from twisted_smpp.text.receipt_forms import VODAFONE
from twisted_smpp.values import EsmClass, MessageState
from twisted_smpp.wire.pdu import PDU, decode
from twisted_smpp.wire.pdus import DataSM, DeliverSM
from twisted_smpp.wire.tlv import TLVs
from twisted_smpp.wire.tlvs import (
    message_payload,
    message_state,
    network_error_code,
    receipted_message_id,
)

VALUES = load("values.json")["values"]
FORM = VALUES["delivery_receipt_text"]
FIELDS = tuple(field["key"] for field in FORM["fields"])
SUBMITTED, DONE = datetime(2026, 1, 2, 3, 4, 5), datetime(2026, 1, 2, 5, 6, 7)
FULL = (
    b"id:42 sub:003 dlvrd:002 submit date:2601020304 done date:260102050607 "
    b"stat:UNDELIV err:1A7 text: Hello: you, \xe9\0 "
)


def receipt(text: bytes, **tlvs: Any) -> Receipt:
    return Receipt.of(
        DeliverSM(esm_class=EsmClass.MC_DELIVERY_RECEIPT, short_message=text, tlvs=tlvs or None)
    )


def built(state: int = MessageState.DELIVERED, **more: Any) -> Receipt:
    return Receipt.build("42", state, submitted=SUBMITTED, done=DONE, **more)


# Building.


def test_it_has_the_form_of_the_standard() -> None:
    values = {
        "id": "42",
        "sub": "001",
        "dlvrd": "001",
        "submit_date": "2601020304",
        "done_date": "2601020506",
        "stat": "DELIVRD",
        "err": "000",
        "text": "Hello",
    }
    assert built(text=b"Hello").raw.decode() == FORM["template"].format(**values)


def test_the_words_are_those_of_the_standard() -> None:
    words = {word: state for state, word in STAT.items()}
    assert words == FORM["stat_to_message_state"] | FORM["stat_de_facto"]


@pytest.mark.parametrize("state", list(MessageState))
def test_what_is_built_is_read(state: MessageState) -> None:
    made = built(state, error=7, text=b"x", network_error_code=(3, 0x1234))
    got = Receipt.of(DeliverSM(**made.fields_of_pdu()))
    assert got == made
    assert got.message_id == "42"
    assert got.stat == STAT.get(state, "UNKNOWN")
    assert got.message_state is state
    assert got.err == "007"
    assert (got.sub, got.dlvrd) == (1, 1 if state == MessageState.DELIVERED else 0)
    assert got.delivered is (state == MessageState.DELIVERED)
    assert (got.submit_date, got.done_date) == tuple(
        date.replace(second=0) for date in (SUBMITTED, DONE)
    )
    assert got.text == b"x"
    assert got.network_error_code == NetworkErrorCode(3, 0x1234)
    assert (got.missing, got.problems) == ((), ())


def test_dates_may_have_seconds() -> None:
    got = built(seconds=True)
    assert b" submit date:260102030405 done date:260102050607 " in got.raw
    assert (got.submit_date, got.done_date) == (SUBMITTED, DONE)


def test_counts_and_errors() -> None:
    got = built(sub=5, error="E12")
    assert got.raw.startswith(b"id:42 sub:005 dlvrd:005 ")
    assert b" err:E12 " in got.raw
    assert built(MessageState.EXPIRED, sub=5, dlvrd=3, error=999).raw.startswith(
        b"id:42 sub:005 dlvrd:003 "
    )


def test_twenty_octets_of_the_text_are_in_it() -> None:
    raw = built(text=bytes(range(200, 256))).raw
    assert raw.endswith(b" text:" + bytes(range(200, 220)))


def test_what_a_deliver_sm_needs() -> None:
    fields = built(network_error_code=(3, 258)).fields_of_pdu()
    assert fields["esm_class"] == EsmClass.MC_DELIVERY_RECEIPT
    assert fields["short_message"] == built().raw
    assert fields["tlvs"] == {
        receipted_message_id: "42",
        message_state: 2,
        network_error_code: b"\x03\x01\x02",
    }
    assert network_error_code not in built().fields_of_pdu()["tlvs"]
    pdu = DeliverSM(**built(1, intermediate=True).fields_of_pdu())
    assert pdu.esm_class == EsmClass.INTERMEDIATE_NOTIFICATION
    assert Receipt.of(pdu).intermediate
    assert Receipt.parse(b"").tlvs() == {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"message_id": "x" * 65}, "message_id: .* has 65 characters, 1 to 64 are allowed"),
        ({"message_id": ""}, "message_id: '' has 0 characters, 1 to 64 are allowed"),
        ({"message_id": "1 stat:DELIVRD"}, "message_id: '1 stat:DELIVRD' is not of latin-1"),
        ({"message_id": "1\0"}, "message_id: .* is not of latin-1"),
        ({"message_id": "1\xa0"}, "message_id: .* is not of latin-1"),
        ({"message_id": "\u0416"}, "message_id: .* is not of latin-1"),
        ({"state": 256}, "state: 256 is not within 0 to 255"),
        ({"state": -1}, "state: -1 is not within 0 to 255"),
        ({"sub": 1000}, "sub: 1000 is not within 0 to 999"),
        ({"dlvrd": -1}, "dlvrd: -1 is not within 0 to 999"),
        ({"error": 1000}, "error: 1000 is not within 0 to 999"),
        ({"error": "12345678901"}, "error: .* has 11 characters, 1 to 10 are allowed"),
        ({"error": "1 2"}, "error: '1 2' is not of latin-1"),
        ({"network_error_code": (256, 0)}, "network_type: 256 is not within 0 to 255"),
        ({"network_error_code": (3, 65536)}, "error_code: 65536 is not within 0 to 65535"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    good = {"message_id": "1", "state": 2, "submitted": SUBMITTED, "done": DONE}
    with pytest.raises(ValueError, match=message):
        Receipt.build(**{**good, **wrong})


@given(
    st.text(
        st.characters(codec="latin-1", categories=("L", "N", "P", "S")), min_size=1, max_size=64
    ),
    st.integers(0, 255),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),
    st.binary(max_size=30),
    st.booleans(),
)
@text_examples
def test_whatever_is_built_is_read(
    message_id: str, state: int, date: datetime, text: bytes, seconds: bool
) -> None:
    made = Receipt.build(message_id, state, submitted=date, done=date, text=text, seconds=seconds)
    assert len(made.raw) <= 254
    got = Receipt.parse(made.raw)
    assert Receipt.of(DeliverSM(**made.fields_of_pdu())).message_id == message_id
    # What may stand between fields, or behind a key, makes an id unsafe in the text.
    assert set(message_id) & set(",;|:") or got.message_id == message_id
    assert got.done_date == date.replace(microsecond=0, second=date.second if seconds else 0)
    assert got.text == text[:20]
    assert got.problems == ()


# Reading.


def test_R01_every_attribute() -> None:
    got = receipt(FULL, network_error_code=b"\x03\x00\x07")
    assert got.message_id == "42"
    assert (got.sub, got.dlvrd) == (3, 2)
    assert got.submit_date == datetime(2026, 1, 2, 3, 4)
    assert got.done_date == datetime(2026, 1, 2, 5, 6, 7)
    assert (got.stat, got.message_state) == ("UNDELIV", MessageState.UNDELIVERABLE)
    assert got.err == "1A7"
    assert got.text == b" Hello: you, \xe9\0 "
    assert got.network_error_code == NetworkErrorCode(network_type=3, error_code=7)
    assert tuple(got.fields) == FIELDS
    assert got.fields["text"] == "Hello: you, é"
    assert got.raw == FULL
    assert (got.missing, got.problems) == ((), ())
    assert not got.delivered


def test_R01_nothing_of_it() -> None:
    got = receipt(b"ACK/")
    assert (got.message_id, got.stat, got.err, got.text) == ("", "", "", b"")
    assert got.sub is got.dlvrd is got.submit_date is got.done_date is None
    assert got.message_state is got.network_error_code is None
    assert got.fields == {}
    assert got.missing == FIELDS
    assert got.problems == ()


def test_R01_an_empty_value_is_missing_but_an_empty_text_is_a_text() -> None:
    got = receipt(b"id:1 done date: stat:ENROUTE err:000 text:")
    assert got.missing == ("sub", "dlvrd", "submit date", "done date")
    assert receipt(b"id:1 text").missing[-1] == "text"


def test_R01_tlvs_come_before_the_text() -> None:
    got = receipt(b"id:1 stat:EXPIRED", receipted_message_id="ab", message_state=2)
    assert (got.message_id, got.message_state, got.stat) == ("ab", 2, "EXPIRED")
    assert got.delivered
    assert got.fields["id"] == "1"


def test_R01_an_empty_tlv_says_nothing() -> None:
    assert receipt(b"id:1 stat:EXPIRED", receipted_message_id="").message_id == "1"


def test_R01_of_repeated_tlvs_the_first_counts() -> None:
    fields = {"command": "deliver_sm", "esm_class": 4}
    twice = [{"tag": "0x0427", "value": value} for value in ("05", "02")]
    pdu = PDU.from_dict({**fields, "tlvs": twice})
    assert isinstance(pdu, DeliverSM)
    assert Receipt.of(pdu).message_state == 5
    pdu.tlvs = TLVs.from_octets((b"\x04\x27\0\0" * 9) + b"\x04\x27\0\1\2")
    assert Receipt.of(pdu).message_state is None
    assert Receipt.of(pdu).problems == ("message_state: 0 octets, 1 are allowed",)


def test_R01_tlvs_of_a_wrong_size_are_as_good_as_none() -> None:
    fields = {"command": "deliver_sm", "esm_class": 4, "short_message": b"id:7 stat:DELIVRD".hex()}
    wrong = [
        {"tag": "0x0427", "value": "0102"},
        {"tag": "0x001e", "value": "41" * 80 + "00"},
        {"tag": "0x0423", "value": "03"},
    ]
    pdu = PDU.from_dict({**fields, "tlvs": wrong})
    assert isinstance(pdu, DeliverSM)
    got = Receipt.of(pdu)
    assert (got.message_id, got.message_state) == ("7", MessageState.DELIVERED)
    assert got.network_error_code is None
    assert [problem.partition(":")[0] for problem in got.problems] == [
        "message_state",
        "receipted_message_id",
        "network_error_code",
    ]


def test_an_unknown_state_of_a_tlv_is_kept() -> None:
    got = receipt(b"id:1", message_state=200)
    assert got.message_state == 200
    assert not got.final
    assert got.problems == ()
    assert receipt(b"stat:oops", message_state=200).message_state == 200


def test_a_known_word_says_more_than_a_reserved_state() -> None:
    assert receipt(b"stat:DELIVRD", message_state=200).delivered
    assert receipt(b"stat:DELIVRD", message_state=5).message_state == 5


def test_no_word_of_the_message_is_shown() -> None:
    got = receipt(b"id:1 stat:Hallo Schatz done date:secret thing sub:many")
    shown = repr(got) + " ".join(got.problems)
    assert not {"Hallo", "Schatz", "secret", "thing", "many"} & set(re.findall(r"\w+", shown))
    assert "'<12 characters>'" in repr(got)
    assert got.problems == (
        "sub: not a number",
        "done date: not a time",
        "stat: not a word for a state",
    )


@pytest.mark.parametrize(
    "entry", VALUES["message_state"]["values"], ids=lambda entry: entry["name"]
)
def test_final_states_are_the_standards(entry: dict[str, Any]) -> None:
    assert Receipt("1", "", entry["value"]).final is (entry["final"] is True)


def test_data_sm_carries_it_in_the_payload() -> None:
    pdu = DataSM(esm_class=4, tlvs={message_payload: b"id:7 stat:DELIVRD"})
    assert Receipt.of(pdu).message_id == "7"
    bare = Receipt.of(DataSM(esm_class=4, tlvs={receipted_message_id: "8", message_state: 5}))
    assert (bare.message_id, bare.stat, bare.message_state) == ("8", "", 5)
    assert bare.raw == b""


def test_so_may_deliver_sm() -> None:
    payload = {message_payload: b"id:8 stat:EXPIRED"}
    assert Receipt.of(DeliverSM(esm_class=4, tlvs=payload)).message_id == "8"
    both = DeliverSM(esm_class=4, short_message=b"id:7", tlvs=payload)
    assert Receipt.of(both).message_id == "7"


@pytest.mark.parametrize("state", [None, *range(10)])
def test_a_form_is_taken_from_the_caller(state: int | None) -> None:
    tlvs = None if state is None else {message_state: state}
    pdu = DeliverSM(esm_class=4, short_message=b"00,0210021543,0210021500,,1,2,x", tlvs=tlvs)
    got = Receipt.of(pdu, VODAFONE)
    assert got.message_state == (MessageState.DELIVERED if state is None else state)
    assert Receipt.parse(pdu.short_message, VODAFONE).done_date == datetime(2002, 10, 2, 15, 43)


def test_what_real_peers_sent() -> None:
    seen = 0
    for item in CAPTURED:
        pdu = decode(bytes.fromhex(item["hex"]))
        if not isinstance(pdu, DeliverSM | DataSM) or not is_receipt(pdu):
            continue
        got = Receipt.of(pdu)
        tlv = pdu.tlvs.get(receipted_message_id)
        if b"stat:" in getattr(pdu, "short_message", b""):
            seen += 1
            assert got.fields["id"] == got.message_id
            assert got.missing == ()
            assert STAT[got.message_state] == got.stat  # type: ignore[index]
            assert got.done_date is not None
            assert got.done_date.year == 2026
        else:
            assert got.message_id == tlv
        assert tlv in (None, got.message_id)
        assert got.problems == ()
    assert seen >= 10


# In front of the text, and in other octets.


@pytest.mark.parametrize("header", [b"\x05\x00\x03\x84\x01\x01", b"\x00", b"\x04\x24\x01\x01\x24"])
def test_a_user_data_header_is_skipped_or_was_none(header: bytes) -> None:
    pdu = DeliverSM(esm_class=0x44, short_message=header + b"id:7 stat:DELIVRD")
    got = Receipt.of(pdu)
    if header[-1] == 0x24:  # an element that is longer than the header
        assert got.raw == pdu.short_message
    else:
        assert (got.message_id, got.raw) == ("7", b"id:7 stat:DELIVRD")


def test_a_header_that_is_announced_but_not_there() -> None:
    """Some message centres repeat the esm_class of the message."""
    for text in (FULL, b"id:1 stat:DELIVRD", b""):
        got = Receipt.of(DeliverSM(esm_class=0x44, short_message=text))
        assert got.raw == text
    assert got.message_id == ""


def test_without_the_bit_there_is_no_header() -> None:
    got = Receipt.of(DeliverSM(esm_class=4, short_message=b"\x00id:7"))
    assert got.raw == b"\x00id:7"


@pytest.mark.parametrize("data_coding", [0x08, 0x18])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_text_in_ucs_2(data_coding: int, mark: str) -> None:
    octets = (mark + FULL[:-5].decode() + "\u0416\U0001f600").encode("utf-16-be")
    pdu = DeliverSM(
        esm_class=4,
        data_coding=data_coding,
        tlvs={message_payload: octets + b"\xd8\x00\x41"},  # half a pair, and half a unit
    )
    got = Receipt.of(pdu)
    assert got.message_id == "42"
    assert got.done_date == datetime(2026, 1, 2, 5, 6, 7)
    assert got.message_state == MessageState.UNDELIVERABLE
    assert got.text == octets[octets.index(b"\0H") - 2 :] + b"\xd8\x00\x41"
    assert got.fields["text"] == "Hello: you\u0416\U0001f600\ufffd"
    assert got.raw == octets + b"\xd8\x00\x41"


def test_where_the_text_begins_in_ucs_2() -> None:
    """Characters are not octets, nor always two of them."""
    octets = "id:1 err:\U0001f600\u0416 text:x".encode("utf-16-be")
    got = Receipt.of(DeliverSM(esm_class=4, data_coding=8, short_message=octets))
    assert (got.err, got.text) == ("\U0001f600\u0416", b"\0x")


def test_data_coding_alone_does_not_make_it_ucs_2() -> None:
    """Some message centres repeat the data_coding of the message."""
    got = Receipt.of(DeliverSM(esm_class=4, data_coding=8, short_message=FULL))
    assert got.message_id == "42"
    assert got.text == b" Hello: you, \xe9\0 "


def test_without_the_data_coding_it_is_not_ucs_2() -> None:
    octets = "id:7 stat:DELIVRD".encode("utf-16-be")
    assert Receipt.of(DeliverSM(esm_class=4, short_message=octets)).message_id == ""


# What it shows, and what it is equal to.


def test_the_message_is_not_in_its_repr_nor_in_its_problems() -> None:
    texts = [
        b"text:secret",
        b"stat:FOO secret",
        b"stat:FOO\nsecret",
        b"id:1\tsecret",
        b"sub:x secret",
    ]
    for text in texts:
        got = receipt(b"dlvrd:- " + text)
        assert "secret" not in repr(got)
        assert "secret" not in str(got)
        assert "secret" not in "".join(got.problems)
    assert repr(receipt(FULL, message_state=2)) == (
        "Receipt('42', 'UNDELIV', message_state=<MessageState.DELIVERED: 2>)"
    )
    assert len(repr(Receipt.parse(b"id:" + b"x" * 9_999))) < 200


def test_receipts_that_say_the_same_are_equal() -> None:
    one, same = receipt(FULL), receipt(FULL)
    assert one == same
    assert hash(one) == hash(same)
    assert one != receipt(FULL, message_state=2)
    assert one != receipt(FULL + b"x")
    assert one != Receipt.parse(FULL)  # it came with no esm_class
    assert one != FULL


def test_one_made_by_hand_says_what_it_was_given() -> None:
    got = Receipt("1", "DELIVRD", 5, raw=b"id:2 stat:EXPIRED err:003")
    assert (got.message_id, got.stat, got.message_state, got.err) == ("1", "DELIVRD", 5, "003")
    assert Receipt("1", "DELIVRD").delivered


# Which deliveries are receipts.


@pytest.mark.parametrize("esm_class", range(256))
def test_a_receipt_is_known_by_its_class(esm_class: int) -> None:
    kind = esm_class & 0x3C
    expected = kind in (0x04, 0x20)
    for pdu in (DeliverSM(esm_class=esm_class), DataSM(esm_class=esm_class)):
        assert is_receipt(pdu) is expected
        assert Receipt.of(pdu).intermediate is (kind == 0x20)
