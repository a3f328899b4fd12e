"""smpp34, which is written in Rust: as the message centre of our ESME, and as the ESME of ours."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from interop_daemon import Daemon, free_port, script

from twisted_smpp.text import join
from twisted_smpp.wire.pdus import DeliverSM

smpp34 = pytest.importorskip("smpp34")

pytestmark = pytest.mark.interop

TEXTS = {
    "gsm": "Hello from {Köln}",
    "ucs2": "你好",
    "long": "Grüße aus Köln. " * 20,
    "long_ucs2": "你好世界" * 40,
}
PARTS = {"gsm": 1, "ucs2": 1, "long": 3, "long_ucs2": 3}


class Centre(Daemon):
    """smpp34_smsc.py in a process of its own."""

    def __init__(self, folder):
        self.port = free_port()
        self.log = folder / "smpp34.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("smpp34_smsc.py")), str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            )
        self.wait_for_line("listening")

    def told(self, key):
        """The lines that have a key."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if key in line]

    def text(self):
        """What it was sent, joined and decoded."""
        names = ("esm_class", "data_coding")
        return join(
            DeliverSM(
                short_message=bytes.fromhex(line["short_message"]),
                **{name: line[name] for name in names},
            )
            for line in self.told("short_message")
        ).text


@pytest.fixture
def centre(tmp_path):
    centre = Centre(tmp_path)
    yield centre
    centre.process.kill()
    centre.process.wait()


def smpp(command, port, *arguments, system_id="me"):
    done = subprocess.run(
        [
            *(script("smpp"), command, "-c", f"tcp:127.0.0.1:{port}", "-u", system_id),
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "SMPP_PASSWORD": "secret", "PYTHONIOENCODING": "utf-8"},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("kind", list(TEXTS))
def test_its_centre_takes_our_messages_and_its_receipts_are_matched(centre, kind):
    code, out, err = smpp("send", centre.port, "--to", "491761234567", TEXTS[kind])

    assert (code, err) == (0, "")
    assert out.count("DELIVRD") >= 1
    assert len(centre.told("short_message")) == PARTS[kind]
    assert centre.text() == TEXTS[kind]


@pytest.mark.parametrize("bind", ["transmitter", "transceiver"])
def test_its_centre_takes_each_kind_of_bind(centre, bind):
    code, _, err = smpp(
        "send", centre.port, "--bind", bind, "--no-receipt", "--to", "491761234567", "Hello"
    )

    assert (code, err) == (0, "")
    assert centre.told("bound") == [{"bound": "me", "receives": bind == "transceiver"}]


def test_a_text_from_its_centre_reaches_our_receiver(centre):
    code, out, _ = smpp(
        *("listen", centre.port, "--bind", "receiver", "--json", "--count", "1"),
        system_id="listener",
    )

    assert code == 0
    assert json.loads(out.splitlines()[-1])["text"] == "你好"


@pytest.fixture
def ours(daemon):
    """Our message centre with two accounts; what begins with 1 goes to "phone"."""
    port = free_port()
    return daemon(
        *("smsc", "--listen", f"tcp:{port}:interface=127.0.0.1"),
        *("--auth", "memory:app:secret:phone:secret"),
        *("--route", "1=account:phone"),
        port=port,
    )


async def bound(smsc, system_id, bind_type="TRX", password="secret"):
    client = smpp34.Client(
        host="127.0.0.1",
        port=smsc.port,
        system_id=system_id,
        password=password,
        bind_type=bind_type,
        connect_timeout_ms=5000,
    )
    return client, await client.connect()


async def event(session):
    return await asyncio.wait_for(session.next(), 10)


@pytest.mark.parametrize(
    ("octets", "data_coding", "esm_class"),
    [
        (b"Hello", 0, 0),
        ("你好".encode("utf-16-be"), 8, 0),
        (b"\x05\0\x03\x2a\x02\x01" + b"x" * 140, 0, 0x40),
    ],
    ids=["gsm", "ucs2", "part"],
)
def test_its_esme_sends_to_another_and_gets_the_receipt(ours, octets, data_coding, esm_class):
    async def run():
        sender, app = await bound(ours, "app")
        receiver, phone = await bound(ours, "phone", "RX")
        answer = await app.submit_sm(
            destination_addr="1000",
            source_addr="491761234567",
            source_addr_ton=1,
            short_message=octets,
            data_coding=data_coding,
            esm_class=esm_class,
            registered_delivery=1,
        )
        delivered, receipt = await event(phone), await event(app)
        for session, client in ((app, sender), (phone, receiver)):
            await session.unbind()
            await client.stop()
        return answer, delivered, receipt

    answer, delivered, receipt = asyncio.run(run())

    assert answer.is_success
    assert (bytes(delivered.short_message), delivered.data_coding) == (octets, data_coding)
    assert (delivered.esm_class, delivered.source_addr) == (esm_class, "491761234567")
    assert receipt.esm_class == 4
    tlvs = {tlv.tag: tlv for tlv in receipt.tlvs}
    assert tlvs[smpp34.TLV_RECEIPTED_MESSAGE_ID].as_string() == answer.message_id
    assert tlvs[smpp34.TLV_MESSAGE_STATE].as_int() == 2


def test_its_esme_is_refused_with_a_wrong_password(ours):
    with pytest.raises((smpp34.SmppError, OSError)):
        asyncio.run(bound(ours, "app", password="wrong"))


def test_a_long_payload_of_its_esme_arrives_whole(ours):
    async def run():
        sender, app = await bound(ours, "app", "TX")
        receiver, phone = await bound(ours, "phone", "RX")
        await app.submit_sm(
            destination_addr="1000",
            tlvs=[smpp34.Tlv(smpp34.TLV_MESSAGE_PAYLOAD, b"x" * 1000)],
        )
        delivered = await event(phone)
        for session, client in ((app, sender), (phone, receiver)):
            await session.unbind()
            await client.stop()
        return delivered

    delivered = asyncio.run(run())

    (payload,) = [t for t in delivered.tlvs if t.tag == smpp34.TLV_MESSAGE_PAYLOAD]
    assert bytes(payload.value) == b"x" * 1000
