"""The receipts that the message centre puts together are those of Receipt and DeliverSM."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_smpp.smsc.receipts import Receipts
from twisted_smpp.store import Record
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.values import MessageState
from twisted_smpp.wire import tlvs
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import DataSM, SubmitSM

AT = 1_790_000_000.25


class ByReceipt(Receipts):
    """Makes each by way of a Receipt and a DeliverSM."""

    def _octets(self, *_):
        return None


def both(record, submitted, *arguments):
    def local(at):
        return datetime.fromtimestamp(at, UTC)

    return [
        each(lambda: 7, 3600.0, local)._record(record, submitted, *arguments)
        for each in (Receipts, ByReceipt)
    ]


def record(message_id="1", at=AT):
    return Record(1, 0, "q", owner="app", message_id=message_id, at=at)


addresses = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)
numbers = st.integers(0, 255)
submitted = st.builds(
    SubmitSM,
    source_addr_ton=numbers,
    source_addr_npi=numbers,
    source_addr=addresses,
    dest_addr_ton=numbers,
    dest_addr_npi=numbers,
    destination_addr=addresses,
    esm_class=st.sampled_from([0, 0x40]),
    data_coding=numbers,
    short_message=st.binary(max_size=254),
    tlvs=st.sampled_from([{}, {}, {tlvs.user_message_reference: 513}]),
)


@given(
    submitted,
    st.text("0123456789abcdefXYZ", min_size=1, max_size=64),
    st.sampled_from(MessageState),
    st.floats(0, 86_400),
    st.sampled_from([0, 1, 99, 255, 999]),
    st.booleans(),
    st.booleans(),
)
def test_all_are_the_same(pdu, message_id, state, later, error, seconds, intermediate):
    fast, slow = both(record(message_id), pdu, state, AT + later, error, seconds, intermediate)

    assert fast.pdu == slow.pdu
    assert fast.row() == slow.row()


@pytest.mark.parametrize("message_id", ["a-b", "a:b", "\xe4"])
def test_an_id_that_is_not_plain_is_looked_at(message_id):
    fast, slow = both(record(message_id), SubmitSM(), 2, AT, 0, False, False)

    assert fast.pdu == slow.pdu


@pytest.mark.parametrize("message_id", ["1 2", "x" * 65])
def test_an_id_that_does_not_fit_is_refused(message_id):
    with pytest.raises(ValueError, match="message_id"):
        both(record(message_id), SubmitSM(), 2, AT, 0, False, False)


def test_a_data_sm_has_the_same():
    fast, slow = both(record(), DataSM(destination_addr="49"), 2, AT, 0, False, False)

    assert fast.pdu == slow.pdu


def test_the_dates_that_are_kept_are_bounded():
    receipts = Receipts(lambda: 1, 60.0, lambda at: datetime.fromtimestamp(at, UTC))
    for second in range(500):
        made = receipts._record(record(at=AT + second), SubmitSM(), 2, AT + second, 0, True, False)
        receipt = Receipt.of(decode(made.pdu))
        moment = datetime.fromtimestamp(AT + second, UTC)
        assert receipt.fields["done date"] == f"{moment:%y%m%d%H%M%S}"

    assert len(receipts._dates) <= 100
