# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Receipts that nobody should send: reading them neither raises nor takes long.

The mutator of PDUs changes the texts of real receipts: pieces are dropped, doubled, cut,
replaced by noise; octets and bits are changed. In CI a million of them are read.
"""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutator import EDGES, Mutator
from text_kit import text_examples

from twisted_smpp.text.message_id import STRATEGIES, MessageIds
from twisted_smpp.text.receipt import FIELDS, NetworkErrorCode, Receipt
from twisted_smpp.text.receipt_forms import STANDARD, VODAFONE, Form
from twisted_smpp.values import MessageState
from twisted_smpp.wire.pdus import DataSM, DeliverSM
from twisted_smpp.wire.tlv import TLVs

CI = bool(os.environ.get("CI"))
INPUTS = 1_000_000 if CI else 20_000

#: As message centres sent them, and as they are said to.
SEEDS = (
    b"id:5200012 sub:001 dlvrd:001 submit date:2611230619 done date:2611230619 stat:DELIVRD "
    b"err:000 text:with receipt",
    b"id:9 sub:001 dlvrd:001 submit date:2611230618 done date:2611230618 stat:DELIVRD err:000 "
    b"Text:with receipt",
    b"id:1000426 sub:001 dlvrd:001 submit date:2611230612 done date:2611230612 stat:DELIVRD "
    b"err:000 text:\x01\x06\x00\x03",
    b"id:0A1B2C7 sub:001 dlvrd:000 submit date:2611230612 done date:2611230613 stat:ENROUTE "
    b"err:017 text:Hello",
    b"id:2b4c1378-8684-4c13-a5ba-40969fd383b0 sub:001 dlvrd:001 submit date:2611230625 "
    b"done date:2611230625 stat:DELIVRD err:000 text:with receipt",
    b"id:7504504064263669287 sub:001 dlvrd:001 submit date:2611230621 done date:2611230621 "
    b"stat:DELIVRD err:000 Text:...",
    b"id:c87c2273-7edb-4bc7-8d3a-7f57f21b625e submit date:201506201641 done date:201506201641 "
    b"stat:DELIVRD err:000",
    b"id:1216080510463401720 sub:001 dlvrd:001 submit date:1608051046 done date:0000000000 "
    b"stat:FAILED err:002 Text:",
    b"id:rdwjwxns18krxr9936ey96ymcw sub:000 dlvrd:000 submit date:180711070003912+ "
    b"done date:180711070000012+ stat:UNDELIV err:000",
    b"id:abc sub:001 dlvrd:001 submit date:2026-01-02 03:04:05 done date:2026-01-02 03:04:05 "
    b"stat:DELIVERED err:600 TEXT:",
    b"ID:149994-11658328384691 STAT:Delivered id:28d2e34e sub:001 dlvrd:001 "
    b"submit date:0612111127 done date:0612111147 err:000 text:12345678901234567890",
    b"id:1891273321 sub:001 dlvrd:001 submit date:1305050826 done date:1305050826 stat:DELIVRD "
    b"err:000 Text:DLVRD TO MOBILE\x00",
    b"id:abc123 sub:001 dlvrd:000 submit date:2401010000 done date: stat:ENROUTE err:000 text:x",
    b"id:117062714244798261 sub:001 dlvrd:001 submit date:20170627162405 done date:1706271624 "
    b"stat:DELIVRD err:0000 text:Hllo world",
    b"id: 123 sub: 001 dlvrd: 001 stat: REJECTD err: 0x1A",
    b"id:123,sub:001,dlvrd:001,stat:EXPIRED,err:000",
    b"message id:5\nfinal date:2601020304\nstatus:UNDELIVERABLE\nerror:none of 9\nmccmnc:26201",
    b"00,0210021543,0210021500,,447887123456,10110200000000,we2345678i9o03er45ty67u",
    b"ACK/",
    "id:7 stat:DELIVRD done date:2601020304 text:\u0416".encode("utf-16-be"),
    b"\x05\x00\x03\x84\x01\x01id:7 stat:DELIVRD submit date:2601020304 err:000 text:x",
)
FORMS = (STANDARD, STANDARD, VODAFONE, Form("columns", columns=("id", "stat", "done date", "text")))


class ReceiptMutator(Mutator):
    """Makes receipts out of :data:`SEEDS`."""

    def text(self) -> bytes:
        """One text."""
        random = self.random
        text = random.choice(SEEDS)
        for _ in range(random.choice((1, 1, 2, 3))):
            kind, place = random.randrange(8), random.randrange(len(text) + 1)
            if kind < 3:  # a piece, from one separator to the next
                separator = random.choice((b" ", b":", b","))
                pieces = text.split(separator)
                index = random.randrange(len(pieces))
                pieces[index] = self.changed(pieces[index])
                text = separator.join(pieces)
            elif kind < 5:
                octet = random.choice(EDGES) if kind == 3 else random.choice(b": ,;\0\tidtx0")
                text = text[:place] + bytes((octet,)) + text[place + random.randrange(2) :]
            elif kind == 5:
                text = text[:place] + random.choice(SEEDS)[random.randrange(8, 100) :]
            elif kind == 6:
                text = text[place:] + text[:place]
            else:
                text = text[:place].swapcase() + text[place:]
        return text

    def receipt(self) -> Receipt:
        """One receipt: every fourth is read of a PDU with TLVs, the others are only text."""
        random, text, form = self.random, self.text(), self.random.choice(FORMS)
        if random.random() < 0.75:
            return Receipt.parse(text, form)
        pdu: Any = random.choice((DeliverSM, DataSM))(esm_class=random.choice((4, 0x44, 0x20, 4)))
        tlvs = b"".join(self.known_tlv() for _ in range(random.randrange(4)))
        if isinstance(pdu, DeliverSM) and random.random() < 0.8:
            pdu.short_message = text
        else:
            tlvs += b"\x04\x24" + len(text).to_bytes(2, "big") + text
        pdu.tlvs = TLVs.from_octets(tlvs)
        pdu.data_coding = random.choice((0, 8, 0x18, 3, 0xF5))
        return Receipt.of(pdu, form)

    def known_tlv(self) -> bytes:
        """One that a receipt has, or another, with a length that may be a lie."""
        tag = self.random.choice((0x001E, 0x0427, 0x0423))
        size = self.random.choice((0, 1, 1, 3, 3, 9, 65, 66))
        value = self.random.randbytes(size)
        known = tag.to_bytes(2, "big") + size.to_bytes(2, "big") + value
        return known if self.random.random() < 0.8 else self.tlv()


def look_at(receipt: Receipt) -> None:
    """Asks for everything: nothing raises, and all is of its type."""
    assert isinstance(receipt.message_id, str)
    assert isinstance(receipt.stat, str)
    assert isinstance(receipt.err, str)
    assert isinstance(receipt.message_state, MessageState | None)
    for date in (receipt.submit_date, receipt.done_date):
        assert date is None or (isinstance(date, datetime) and date.tzinfo is None)
    for count in (receipt.sub, receipt.dlvrd):
        assert count is None or 0 <= count < 10**9
    assert isinstance(receipt.network_error_code, NetworkErrorCode | None)
    assert receipt.raw.endswith(receipt.text)
    assert ("text" in receipt.fields) or not receipt.text
    assert set(receipt.missing) <= set(FIELDS)
    problems = receipt.problems
    assert len(problems) <= 8
    assert max(map(len, problems), default=0) < 400
    assert len(repr(receipt)) < 800
    assert receipt.delivered <= receipt.final <= (receipt.message_state is not None)


def run(seed: int, count: int) -> dict[str, int]:
    """Reads ``count`` receipts; returns how many of those looked at closely had what."""
    mutator = ReceiptMutator(seed)
    seen = dict.fromkeys(("all", "id", "state", "date", "text", "problem", "code", "wide"), 0)
    for number in range(count):
        receipt = mutator.receipt()
        # Asking for everything takes long; its problems are of all that is read.
        closely = number % 4 == 0
        try:
            if closely:
                look_at(receipt)
            else:
                _ = receipt.message_id, receipt.missing, receipt.problems
        except Exception as error:
            raise AssertionError(
                f"seed {seed}, receipt {number}: {type(error).__name__}: {error}: {receipt.raw!r}"
            ) from error
        if closely:
            seen["all"] += 1
            seen["id"] += bool(receipt.message_id)
            seen["state"] += receipt.message_state is not None
            seen["date"] += receipt.done_date is not None
            seen["text"] += bool(receipt.text)
            seen["problem"] += bool(receipt.problems)
            seen["code"] += receipt.network_error_code is not None
            seen["wide"] += receipt._wide
    return seen


def test_R01_no_receipt_raises() -> None:
    seed = 1 if CI else secrets.randbits(32)
    print(f"replay: run({seed}, {INPUTS})")
    seen = run(seed, INPUTS)
    # It would show nothing if they were not receipts any more, or still whole.
    assert seen["id"] > 0.5 * seen["all"]
    assert seen["state"] > 0.5 * seen["all"]
    assert seen["date"] > 0.3 * seen["all"]
    assert seen["text"] > 0.2 * seen["all"]
    assert seen["problem"] > 0.1 * seen["all"]
    assert min(seen["code"], seen["wide"]) > 0.001 * seen["all"]


def test_its_inputs_can_be_made_again() -> None:
    one, same = ReceiptMutator(5), ReceiptMutator(5)
    assert [one.receipt() for _ in range(200)] == [same.receipt() for _ in range(200)]


def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: Receipt, name: str) -> int:
        return int(self.fields.get(name, "0"))

    monkeypatch.setattr(Receipt, "_count", careless)
    with pytest.raises(AssertionError, match=r"seed 3, receipt \d+: ValueError"):
        run(3, 1000)


@given(st.binary(max_size=300), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40))
@text_examples
def test_R01_reading_never_fails(
    text: bytes, esm_class: int, data_coding: int, tlvs: bytes
) -> None:
    for pdu in (DeliverSM(), DataSM()):
        pdu.esm_class, pdu.data_coding = esm_class, data_coding
        pdu.tlvs = TLVs.from_octets(tlvs)
        if isinstance(pdu, DeliverSM):
            pdu.short_message = text
        look_at(Receipt.of(pdu))
    got = Receipt.parse(text)
    look_at(got)
    assert got.raw == text


PARTS = [b"id:", b"stat:", b"text:", b"submit ", b"done ", b"date:", b"sub:", b" ", b"x", b"\n"]


@given(st.lists(st.sampled_from([*PARTS, b":", b",", b"\0", b"\xe9", b"2601020304", b"0"])))
@text_examples
def test_R01_nor_for_what_looks_like_one(parts: list[bytes]) -> None:
    for form in FORMS:
        look_at(Receipt.parse(b"".join(parts), form))


@given(st.text(max_size=80), st.text(max_size=80))
@text_examples
def test_R01_nor_in_ucs_2(before: str, text: str) -> None:
    octets = f"id:7 err:{before} text:{text}".encode("utf-16-be", "surrogatepass")
    got = Receipt.of(DeliverSM(esm_class=4, data_coding=8, short_message=octets))
    look_at(got)
    assert got.message_id == "7"
    assert got.text.endswith(text.encode("utf-16-be", "surrogatepass"))


@given(st.text(), st.text())
@text_examples
def test_R02_no_id_raises(submitted: str, received: str) -> None:
    for strategy in STRATEGIES:
        ids: MessageIds[int] = MessageIds(strategy)
        ids.add(submitted, 1)
        ids.find(received)
        assert ids.match(submitted) == (1 if submitted else None)


# How long it takes.


def seconds(text: bytes, times: int) -> float:
    """For reading a text and asking for everything; the best of five."""
    best = []
    for _ in range(5):
        start = process_time()
        for _ in range(times):
            look_at(Receipt.parse(text))
        best.append((process_time() - start) / times)
    return min(best)


def in_proportion(begin: bytes, unit: bytes) -> bool:
    """Whether 64 times as much takes 64 times as long, or a little longer."""
    small, large = ((begin + unit * size)[:size] for size in (1_024, 65_536))
    return seconds(large, 4) <= 80 * seconds(small, 64)


REPEATED = b"id:|id: | a:|submit date:|done date: |date |stat:x |text:|id:1 text:x |,|a "


@pytest.mark.parametrize("unit", [*REPEATED.split(b"|"), b" ", b":", b" :", b"\0", b"0", b"\xe9"])
def test_R12_the_time_is_in_proportion_to_the_size(unit: bytes) -> None:
    assert in_proportion(b"", unit)


@pytest.mark.parametrize("key", ["id", "stat", "sub", "err", "done date", "text"])
def test_R12_of_a_value_too(key: str) -> None:
    """What is found is looked at again: dates, numbers, words and ids."""
    for unit in (b"9", b"a ", b" ", b"-1", b"\0"):
        assert in_proportion(key.encode() + b":", unit), unit


def test_R12_in_a_pdu_too() -> None:
    text = (b"id:" * 30_000)[:65_000]
    pdu = DataSM(esm_class=0x44, data_coding=8, tlvs={"message_payload": text})
    start = process_time()
    look_at(Receipt.of(pdu))
    assert process_time() - start < 0.1  # it is less than a millisecond, on an idle machine


def test_R12_ids_too() -> None:
    ids: MessageIds[int] = MessageIds()
    ids.add("1", 1)
    start = process_time()
    for unit in ("1", "f", "0", "x", "\xe9"):
        ids.add(unit * 65_536, 2)
        ids.match(unit * 65_537)
    assert process_time() - start < 0.1
