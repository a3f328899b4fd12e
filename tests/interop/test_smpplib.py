"""python-smpplib as the ESME, ``twistd smpp smsc`` as the message centre, over real TCP."""

import subprocess
import sys
from pathlib import Path

import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm
from interop_daemon import free_port

pytestmark = pytest.mark.interop

GOOD = {"system_id": "smppclient1", "password": "password"}


class Received(list):
    """Collects what the client is handed; answers with ESME_ROK."""

    def __call__(self, pdu):
        self.append(pdu)
        return smpplib.consts.SMPP_ESME_ROK


@pytest.fixture
def connect(smsc):
    clients = []

    def connect():
        client = smpplib.client.Client(
            "127.0.0.1", smsc.port, timeout=5, allow_unknown_opt_params=True
        )
        clients.append(client)
        client.connect()
        return client

    yield connect
    for client in clients:
        client.disconnect()


@pytest.fixture
def client(connect):
    return connect()


def submit(client, **fields):
    client.send_message(
        source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
        source_addr="Test",
        dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
        dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
        destination_addr="491761234567",
        **fields,
    )


@pytest.mark.parametrize("mode", ["transmitter", "receiver", "transceiver"])
def test_binds_in_every_mode_and_unbinds(client, mode):
    response = getattr(client, f"bind_{mode}")(**GOOD)

    assert response.command == f"bind_{mode}_resp"
    assert response.status == smpplib.consts.SMPP_ESME_ROK
    assert response.system_id == b"twisted_smpp"
    assert client.unbind().status == smpplib.consts.SMPP_ESME_ROK


@pytest.mark.parametrize(
    "credentials",
    [{**GOOD, "password": "wrong"}, {"system_id": "nobody", "password": "password"}],
)
def test_wrong_credentials_are_refused_with_rinvpaswd(client, credentials):
    with pytest.raises(smpplib.exceptions.PDUError) as refusal:
        client.bind_transceiver(**credentials)

    assert refusal.value.args[1] == smpplib.consts.SMPP_ESME_RINVPASWD


def test_message_in_parts_is_accepted_and_each_part_has_its_receipt(client):
    parts, data_coding, esm_class = smpplib.gsm.make_parts("Zażółć gęślą jaźń. " * 12)
    assert len(parts) > 1
    sent, received = Received(), Received()
    client.set_message_sent_handler(lambda pdu: sent.append(pdu.message_id.decode()))
    client.set_message_received_handler(received)
    client.bind_transceiver(**GOOD)

    for part in parts:
        submit(
            client,
            short_message=part,
            data_coding=data_coding,
            esm_class=esm_class,
            registered_delivery=True,
        )
    while len(received) < len(parts):
        client.read_once()

    assert len(set(sent)) == len(parts)
    assert [pdu.receipted_message_id.decode() for pdu in received] == sent
    assert {pdu.esm_class for pdu in received} == {0x04}
    for message_id, pdu in zip(sent, received, strict=True):
        assert pdu.short_message.startswith(b"id:" + message_id.encode())
        assert b" stat:DELIVRD " in pdu.short_message
        assert pdu.source_addr == b"491761234567"
        assert pdu.destination_addr == b"Test"


def test_no_receipt_comes_when_none_is_asked_for(client):
    received = Received()
    client.set_message_sent_handler(lambda pdu: None)
    client.set_message_received_handler(received)
    client.bind_transceiver(**GOOD)
    submit(client, short_message=b"no receipt", registered_delivery=False)
    client.read_once()  # submit_sm_resp

    client.send_pdu(smpplib.smpp.make_pdu("enquire_link", client=client))
    answer = client.read_pdu()

    assert answer.command == "enquire_link_resp"
    assert received == []


def test_enquire_link_of_the_client_is_answered_with_its_number(client):
    client.bind_transceiver(**GOOD)
    enquiry = smpplib.smpp.make_pdu("enquire_link", client=client)
    client.send_pdu(enquiry)

    answer = client.read_pdu()

    assert answer.command == "enquire_link_resp"
    assert answer.sequence == enquiry.sequence


def test_enquire_link_of_the_message_centre_is_answered_by_the_client(daemon):
    port = free_port()
    daemon(
        "smsc",
        "--listen",
        f"tcp:{port}:interface=127.0.0.1",
        "--auth",
        "memory:smppclient1:password",
        "--enquire-interval",
        "0.2",
        port=port,
    )
    client = smpplib.client.Client("127.0.0.1", port, timeout=5, allow_unknown_opt_params=True)
    client.connect()
    client.bind_transceiver(**GOOD)

    for _ in range(3):
        client.read_once()  # the next enquire_link comes only when this one was answered

    assert client.unbind().status == smpplib.consts.SMPP_ESME_ROK
    client.disconnect()


def test_transmitter_and_receiver_share_an_account(connect, client):
    receiver = connect()
    received = Received()
    receiver.set_message_received_handler(received)
    receiver.bind_receiver(**GOOD)
    client.set_message_sent_handler(lambda pdu: None)
    client.bind_transmitter(**GOOD)

    submit(client, short_message=b"to the other bind", registered_delivery=True)
    client.read_once()
    receiver.read_once()

    assert b"stat:DELIVRD" in received[0].short_message


def test_tutorial_script_runs_as_it_is(smsc):
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("tutorial.py")), "127.0.0.1", str(smsc.port)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    accepted = [line.split()[2] for line in lines if line.startswith("submit_sm_resp")]
    delivered = [line.split()[1] for line in lines if line.startswith("delivered")]
    assert len(accepted) == 3
    assert delivered == accepted
