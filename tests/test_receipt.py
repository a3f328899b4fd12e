# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Delivery receipts: built by the standard's example, read in any dialect."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_data import load

from twisted_smpp.text.receipt import STAT, Receipt, is_receipt
from twisted_smpp.values import EsmClass, MessageState
from twisted_smpp.wire.pdu import PDU
from twisted_smpp.wire.pdus import DataSM, DeliverSM
from twisted_smpp.wire.tlvs import message_payload, message_state, receipted_message_id

FORM = load("values.json")["values"]["delivery_receipt_text"]
SUBMITTED, DONE = datetime(2026, 1, 2, 3, 4), datetime(2026, 1, 2, 5, 6)


def receipt(text: bytes, **tlvs: Any) -> Receipt:
    return Receipt.of(
        DeliverSM(esm_class=EsmClass.MC_DELIVERY_RECEIPT, short_message=text, tlvs=tlvs or None)
    )


def built(state: MessageState = MessageState.DELIVERED, **more: Any) -> Receipt:
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
    made = built(state, error=7, text=b"x")
    got = receipt(made.raw)
    assert got.message_id == "42"
    assert got.stat == STAT.get(state, "UNKNOWN")
    assert got.fields["err"] == "007"
    assert got.fields["dlvrd"] == ("001" if state == MessageState.DELIVERED else "000")
    assert got.delivered is (state == MessageState.DELIVERED)
    assert {**got.fields, "text": "x"} == {**made.fields, "text": "x"}


def test_twenty_octets_of_the_text_are_in_it() -> None:
    raw = built(text=bytes(range(200, 256))).raw
    assert raw.endswith(b" text:" + bytes(range(200, 220)))


# Reading.


@pytest.mark.parametrize(
    ("text", "message_id", "stat", "state"),
    [
        (b"id:1 stat:DELIVRD", "1", "DELIVRD", MessageState.DELIVERED),
        (b"id:1 stat:delivrd text:", "1", "delivrd", MessageState.DELIVERED),
        (b"ID:abc STAT:UNDELIV ERR:0x1A", "abc", "UNDELIV", MessageState.UNDELIVERABLE),
        (b"stat:EXPIRED id:1", "1", "EXPIRED", MessageState.EXPIRED),
        (b"id: 1 stat: REJECTD ", "1", "REJECTD", MessageState.REJECTED),
        (b"id:1 stat:STRANGE", "1", "STRANGE", None),
        (b"id:1\nstat:ENROUTE", "1", "ENROUTE", MessageState.ENROUTE),
        (b"sub:001 dlvrd:001", "", "", None),
        (b"", "", "", None),
        (b"nothing of the kind", "", "", None),
        (b"\xff\x00\xfe", "", "", None),
        (b"id:9f9e-uuid stat:ACCEPTD", "9f9e-uuid", "ACCEPTD", MessageState.ACCEPTED),
    ],
)
def test_R01_receipts_in_many_dialects(
    text: bytes, message_id: str, stat: str, state: int | None
) -> None:
    got = receipt(text)
    assert (got.message_id, got.stat, got.message_state) == (message_id, stat, state)
    assert got.raw == text


def test_R01_dates_of_10_or_12_digits_and_the_text_as_it_is() -> None:
    got = receipt(
        b"id:1 sub:001 dlvrd:001 submit date:260102030405 done date:2601020304 "
        b"stat:DELIVRD err:000 Text:id:2 stat:EXPIRED \xe9"
    )
    assert got.fields["submit date"] == "260102030405"
    assert got.fields["done date"] == "2601020304"
    assert got.fields["text"] == "id:2 stat:EXPIRED é"
    assert (got.message_id, got.stat) == ("1", "DELIVRD")


def test_R01_the_first_of_two_counts() -> None:
    assert receipt(b"id:1 id:2 stat:DELIVRD").message_id == "1"


def test_R01_a_key_within_a_word_is_none() -> None:
    assert receipt(b"id:grid:5 stat:DELIVRD").message_id == "grid:5"


def test_R01_tlvs_come_before_the_text() -> None:
    got = receipt(b"id:1 stat:EXPIRED", receipted_message_id="ab", message_state=2)
    assert (got.message_id, got.message_state, got.stat) == ("ab", 2, "EXPIRED")
    assert got.delivered


def test_R01_tlvs_of_a_wrong_size_are_as_good_as_none() -> None:
    fields = {"command": "deliver_sm", "esm_class": 4, "short_message": b"id:7 stat:DELIVRD".hex()}
    wrong = [{"tag": "0x0427", "value": "0102"}, {"tag": "0x001e", "value": "41" * 80 + "00"}]
    pdu = PDU.from_dict({**fields, "tlvs": wrong})
    assert isinstance(pdu, DeliverSM)
    got = Receipt.of(pdu)
    assert (got.message_id, got.message_state) == ("7", MessageState.DELIVERED)


def test_data_sm_carries_it_in_the_payload() -> None:
    pdu = DataSM(esm_class=4, tlvs={message_payload: b"id:7 stat:DELIVRD"})
    assert Receipt.of(pdu).message_id == "7"
    bare = DataSM(esm_class=4, tlvs={receipted_message_id: "8", message_state: 5})
    assert Receipt.of(bare)[:3] == ("8", "", 5)


@given(st.binary(max_size=300))
def test_R01_reading_never_fails(text: bytes) -> None:
    assert receipt(text[:254]).raw == text[:254]


@given(st.lists(st.sampled_from([b"id:", b"stat:", b"text:", b" ", b"x", b"\n", b"date:"])))
def test_R01_nor_for_what_looks_like_one(parts: list[bytes]) -> None:
    got = receipt(b"".join(parts)[:254])
    assert set(got.fields) <= {"id", "stat", "text"}


# Which deliveries are receipts.


@pytest.mark.parametrize("esm_class", range(256))
def test_a_receipt_is_known_by_its_class(esm_class: int) -> None:
    kind = esm_class & 0x3C
    expected = kind in (0x04, 0x20)
    assert is_receipt(DeliverSM(esm_class=esm_class)) is expected
    assert is_receipt(DataSM(esm_class=esm_class)) is expected
