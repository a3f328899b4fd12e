"""python-smpplib as two ESMEs of one message centre: from an application to a phone, and back."""

import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm
from interop_daemon import free_port

from twisted_smpp.text import join
from twisted_smpp.values import MessageState
from twisted_smpp.wire.pdus import DeliverSM

pytestmark = pytest.mark.interop

PHONE, SHORT_CODE = "491761234567", "1000"


class Client:
    """One bind; keeps what it is sent."""

    def __init__(self, port, system_id, mode="transceiver"):
        self.ids, self.received, self.states = [], [], []
        self.smpp = smpplib.client.Client(
            "127.0.0.1", port, timeout=10, allow_unknown_opt_params=True
        )
        self.smpp.connect()
        self.smpp.set_message_sent_handler(lambda pdu: self.ids.append(pdu.message_id.decode()))
        self.smpp.set_message_received_handler(self._take)
        self.smpp.set_query_resp_handler(lambda pdu: self.states.append(pdu.message_state))
        getattr(self.smpp, f"bind_{mode}")(system_id=system_id, password="secret")

    def _take(self, pdu):
        self.received.append(pdu)
        return smpplib.consts.SMPP_ESME_ROK

    def send(self, source, destination, text, **fields):
        """In as many parts as python-smpplib makes of it."""
        parts, data_coding, esm_class = smpplib.gsm.make_parts(text)
        before = len(self.ids)
        for part in parts:
            self.smpp.send_message(
                source_addr=source,
                destination_addr=destination,
                short_message=part,
                data_coding=data_coding,
                esm_class=esm_class,
                **fields,
            )
        self.read(self.ids, before + len(parts))
        return self.ids[before:]

    def read(self, kept, count):
        while len(kept) < count:
            self.smpp.read_once()

    @property
    def text(self):
        """What was received, as the text wing reads it."""
        return join(
            DeliverSM(
                short_message=pdu.short_message or b"",
                esm_class=pdu.esm_class,
                data_coding=pdu.data_coding,
            )
            for pdu in self.received
        ).text


@pytest.fixture
def bind(daemon):
    port = free_port()
    daemon(
        *("smsc", "--listen", f"tcp:{port}:interface=127.0.0.1"),
        *("--auth", "memory:app:secret:phone:secret"),
        *("--route", "49=account:phone", "--route", "1=account:app"),
        port=port,
    )
    clients = []

    def bind(*arguments):
        clients.append(Client(port, *arguments))
        return clients[-1]

    yield bind
    for client in clients:
        client.smpp.disconnect()


TEXTS = {
    "gsm": "Hello {world}",
    "ucs2": "你好",
    "long": "Zażółć gęślą jaźń. " * 12,
    "long_gsm": "It costs 5 € today. " * 20,
}


@pytest.mark.parametrize("kind", list(TEXTS))
@pytest.mark.parametrize(
    ("sender", "receiver", "source", "destination"),
    [("app", "phone", SHORT_CODE, PHONE), ("phone", "app", PHONE, SHORT_CODE)],
    ids=["mobile_terminated", "mobile_originated"],
)
def test_a_text_and_its_receipts(bind, sender, receiver, source, destination, kind):
    to, by = bind(receiver), bind(sender)
    ids = by.send(source, destination, TEXTS[kind], registered_delivery=1)
    to.read(to.received, len(ids))
    by.read(by.received, len(ids))

    assert to.text == TEXTS[kind]
    assert {pdu.source_addr.decode() for pdu in to.received} == {source}
    assert sorted(pdu.receipted_message_id.decode() for pdu in by.received) == sorted(ids)
    assert all(b" stat:DELIVRD " in pdu.short_message for pdu in by.received)


def test_a_message_waits_for_its_receiver_and_its_receipt_for_its_sender(bind):
    app = bind("app")
    (message_id,) = app.send(SHORT_CODE, PHONE, "Are you there?", registered_delivery=1)
    app.smpp.query_message(message_id=message_id, source_addr=SHORT_CODE)
    app.read(app.states, 1)
    app.smpp.unbind()
    phone = bind("phone", "receiver")
    phone.read(phone.received, 1)
    again = bind("app")
    again.read(again.received, 1)
    again.smpp.query_message(message_id=message_id, source_addr=SHORT_CODE)
    again.read(again.states, 1)

    assert app.states + again.states == [MessageState.ENROUTE, MessageState.DELIVERED]
    assert phone.text == "Are you there?"
    assert again.received[0].receipted_message_id.decode() == message_id


def test_the_message_of_another_account_is_unknown(bind):
    app, phone = bind("app"), bind("phone")
    (message_id,) = app.send(SHORT_CODE, PHONE, "secret")
    phone.smpp.query_message(message_id=message_id, source_addr=SHORT_CODE)
    with pytest.raises(smpplib.exceptions.PDUError) as refusal:
        phone.read(phone.states, 1)

    assert refusal.value.args[1] in (
        smpplib.consts.SMPP_ESME_RQUERYFAIL,
        smpplib.consts.SMPP_ESME_RINVMSGID,
    )
