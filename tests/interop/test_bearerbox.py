"""Kannel's bearerbox as the ESME, ``twistd smpp smsc`` in the middle, python-smpplib as the phone.

The tests need bearerbox and smsbox; Debian has them in its package "kannel".
"""

import os
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import smpplib.client
import smpplib.consts
from interop_daemon import SECONDS, free_port

from twisted_smpp.text import join
from twisted_smpp.wire.pdus import DeliverSM

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
BEARERBOX, SMSBOX = (shutil.which(name, path=PATH) for name in ("bearerbox", "smsbox"))

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        not (BEARERBOX and SMSBOX), reason="bearerbox and smsbox (Kannel) are not installed"
    ),
]

CONF = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = secret
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-level = 1

group = smsc
smsc = smpp
smsc-id = ours
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
interface-version = 34
enquire-link-interval = 1
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {boxes}
sendsms-port = {http}
sendsms-interface = 127.0.0.1
log-level = 1

group = sendsms-user
username = tester
password = secret
concatenation = true
max-messages = 10

group = sms-service
keyword = default
get-url = "http://127.0.0.1:{calls}/mo?text=%b&from=%p&to=%P&coding=%c"
max-messages = 0
"""


class Calls:
    """What Kannel asks of a web server: the paths and the arguments."""

    def __init__(self):
        calls = self.found = []

        class Page(BaseHTTPRequestHandler):
            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                query = urllib.parse.parse_qs(url.query, encoding="latin-1")
                calls.append((url.path, {name: value[0] for name, value in query.items()}))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                """Nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def to(self, path, count=1):
        """The arguments of the calls to a path, once there are so many."""
        wait_until(lambda: len([1 for there, _ in self.found if there == path]) >= count, path)
        return [arguments for there, arguments in self.found if there == path]

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def wait_until(condition, what):
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen within {SECONDS} s")
        time.sleep(0.02)


class Kannel:
    """bearerbox and smsbox with one connection to our message centre."""

    def __init__(self, folder, smsc, calls):
        self.http, self.admin = free_port(), free_port()
        ports = {
            "admin": self.admin,
            "boxes": free_port(),
            "smsc": smsc.port,
            "http": self.http,
            "calls": calls.port,
        }
        self._calls = calls
        self._conf = folder / "kannel.conf"
        self._conf.write_text(CONF.format(**ports))
        self._boxes = []

    def start(self):
        self._start(BEARERBOX)
        wait_until(lambda: "(online" in self.status(), "the bind of bearerbox")
        self._start(SMSBOX)
        wait_until(lambda: "smsbox:" in self.status(), "the connection of smsbox")

    def _start(self, program):
        with self._conf.with_name(f"{os.path.basename(program)}.log").open("wb") as log:
            box = subprocess.Popen(
                [program, str(self._conf)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._conf.parent,
            )
        self._boxes.append(box)

    def status(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/status.txt") as page:
                return page.read().decode("latin-1")
        except OSError:
            return ""

    def get(self, **arguments):
        query = urllib.parse.urlencode(arguments)
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.http}/cgi-bin/sendsms?{query}"
        ) as page:
            return page.read()

    def send(self, **arguments):
        """Sends a message, and asks for all its receipts."""
        told = f"http://127.0.0.1:{self._calls.port}/receipt?type=%d&status=%A"
        answer = self.get(
            **{"username": "tester", "password": "secret", "from": "1000", "to": "491761234567"},
            **{"dlr-mask": "31", "dlr-url": told, **arguments},
        )
        assert answer.startswith((b"0: Accepted", b"3: Queued")), answer

    def stop(self):
        for box in reversed(self._boxes):
            box.terminate()
        for box in reversed(self._boxes):
            try:
                box.wait(SECONDS)
            except subprocess.TimeoutExpired:
                box.kill()
                box.wait()


class Phone:
    """Binds as the account to which numbers of Germany are routed."""

    def __init__(self, port):
        self.received = []
        self.client = smpplib.client.Client(
            "127.0.0.1", port, timeout=SECONDS, allow_unknown_opt_params=True
        )
        self.client.connect()
        self.client.set_message_received_handler(self._take)
        self.client.set_message_sent_handler(lambda pdu: None)
        self.client.bind_transceiver(system_id="phone", password="secret")

    def _take(self, pdu):
        self.received.append(pdu)
        return smpplib.consts.SMPP_ESME_ROK

    def wait_for(self, count):
        while len(self.received) < count:
            self.client.read_once()

    def text(self):
        """What was received, joined and decoded by the rules of the text wing."""
        return join(
            DeliverSM(
                short_message=pdu.short_message or b"",
                esm_class=pdu.esm_class,
                data_coding=pdu.data_coding,
            )
            for pdu in self.received
        ).text

    def send(self, text, **fields):
        self.client.send_message(
            source_addr_ton=smpplib.consts.SMPP_TON_INTL,
            source_addr="491761234567",
            destination_addr="1000",
            short_message=text,
            **fields,
        )
        self.client.read_once()


@pytest.fixture
def world(daemon, tmp_path):
    port = free_port()
    smsc = daemon(
        *("smsc", "--listen", f"tcp:{port}:interface=127.0.0.1"),
        *("--auth", "memory:kannel:secret:phone:secret"),
        *("--route", "49=account:phone", "--route", "1=account:kannel"),
        port=port,
    )
    calls, phone = Calls(), Phone(port)
    kannel = Kannel(tmp_path, smsc, calls)
    try:
        kannel.start()
        yield kannel, phone, calls
    finally:
        kannel.stop()
        calls.stop()
        phone.client.disconnect()


def test_message_and_its_receipt(world):
    kannel, phone, calls = world
    kannel.send(text="Hello from Kannel")
    phone.wait_for(1)

    assert phone.text() == "Hello from Kannel"
    assert phone.received[0].source_addr == b"1000"
    # 8: the message centre has accepted it; 1: it was delivered.
    assert sorted(each["type"] for each in calls.to("/receipt", 2)) == ["1", "8"]


def test_text_of_two_octets_a_character(world):
    kannel, phone, _ = world
    kannel.send(text="你好, Welt", coding="2", charset="UTF-8")
    phone.wait_for(1)

    assert phone.received[0].data_coding == 8
    assert phone.text() == "你好, Welt"


@pytest.mark.parametrize(
    ("text", "coding", "count"),
    [("Hello from Kannel. " * 20, "0", 3), ("你好世界" * 40, "2", 3)],
    ids=["gsm", "ucs2"],
)
def test_long_messages_come_in_their_parts(world, text, coding, count):
    kannel, phone, calls = world
    kannel.send(text=text, coding=coding, charset="UTF-8")
    phone.wait_for(count)

    assert len(phone.received) == count
    assert phone.text() == text
    # Kannel asks for the receipt of one part.
    assert sorted(each["type"] for each in calls.to("/receipt", 2)) == ["1", "8"]


def test_message_from_the_phone_reaches_the_service(world):
    _, phone, calls = world
    phone.send("你好".encode("utf-16-be"), data_coding=8)
    phone.send(b"Hello")

    chinese, hello = calls.to("/mo", 2)

    assert (hello["text"], hello["from"], hello["to"]) == ("Hello", "+491761234567", "1000")
    assert chinese["text"].encode("latin-1") == "你好".encode("utf-16-be")
    assert chinese["coding"] == "2"
