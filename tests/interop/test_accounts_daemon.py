# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""A message centre with an accounts file, and peers that are no good, over real sockets."""

import contextlib
import os
import select
import signal
import socket
import ssl
import sys
import time
from pathlib import Path

import pytest
from interop_certificate import certificate
from interop_daemon import free_port

from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import BindTransceiver, SubmitSM

sys.path.insert(0, str(Path(__file__).parents[1]))
from accounts_kit import PASSWORD, account

pytestmark = pytest.mark.interop


@pytest.fixture
def accounts(tmp_path):
    path = tmp_path / "accounts.toml"
    path.write_text(account("shop") + account("bank"))
    path.chmod(0o600)
    return path


@pytest.fixture
def centre(daemon, accounts):
    port = free_port()
    listen = f"tcp:{port}:interface=127.0.0.1"
    return daemon("smsc", "--listen", listen, "--accounts", str(accounts), port=port)


@pytest.fixture
def sockets():
    """Makes connections, and closes them at the end."""
    made = []

    def connect(port, source="127.0.0.1", wait=10):
        try:
            made.append(socket.create_connection(("127.0.0.1", port), wait, (source, 0)))
        except ConnectionResetError:  # it was cut before we knew that it was made
            ours, theirs = socket.socketpair()
            theirs.close()
            made.append(ours)
        return made[-1]

    yield connect
    for each in made:
        each.close()


def ask(connection, pdu):
    """Sends a request; the response."""
    connection.sendall(pdu.encode())
    head = exactly(connection, 4)
    return decode(head + exactly(connection, int.from_bytes(head, "big") - 4))


def exactly(connection, count):
    octets = b""
    while len(octets) < count:
        some = connection.recv(count - len(octets))  # TLS knows no MSG_WAITALL
        assert some, "closed"
        octets += some
    return octets


def bind(connection, system_id="shop", password=PASSWORD):
    return ask(connection, BindTransceiver(system_id=system_id, password=password)).command_status


def is_closed(connection, seconds):
    """Whether the other end closes, and says nothing before."""
    poll = select.poll()  # select() takes no more than 1,024
    poll.register(connection, select.POLLIN)
    if not poll.poll(1000 * seconds):
        return False
    try:
        return connection.recv(100) == b""
    except ConnectionError:
        return True


def times(connection, count):
    """How long so many messages take, in seconds, shortest first."""
    found = []
    for _ in range(count):
        start = time.perf_counter()
        assert ask(connection, SubmitSM(destination_addr="49")).command_status == 0
        found.append(time.perf_counter() - start)
    return sorted(found)


def test_A03_a_thousand_unbound_connections_do_not_disturb_a_bound_one(centre, sockets):
    bound = sockets(centre.port)
    assert bind(bound) == 0
    before = times(bound, 200)[-20]

    crowd = [sockets(centre.port, f"127.0.0.{2 + n // 24}") for n in range(1200)]
    during = times(bound, 200)[-20]

    # Twenty of each twenty-four may stay, a thousand in all.
    closed = sum(is_closed(each, 0) for each in crowd)
    assert closed >= 200
    assert during < max(20 * before, 0.1)
    time.sleep(5.5)
    assert sum(is_closed(each, 0) for each in crowd) >= 1200 - closed
    assert bind(sockets(centre.port)) == 0
    assert times(bound, 1)
    lines = [line for line in centre.log.read_text().splitlines() if "closed at once" in line]
    assert 1 <= len(lines) <= 3


def test_A10_the_second_bind_with_a_password_is_not_hashed(centre, sockets):
    def seconds():
        start = time.perf_counter()
        assert bind(sockets(centre.port)) == 0
        return time.perf_counter() - start

    first = seconds()
    assert min(seconds() for _ in range(5)) < first / 2


def test_A08_five_wrong_passwords_ban_the_address_for_that_account(centre, sockets):
    for _ in range(5):
        connection = sockets(centre.port)
        start = time.monotonic()
        assert bind(connection, password="wrong") == 0x0E
        assert time.monotonic() - start >= 1
    assert bind(sockets(centre.port)) == 0x0E
    assert bind(sockets(centre.port), "bank") == 0
    assert bind(sockets(centre.port, "127.0.0.2")) == 0
    assert "'shop' from 127.0.0.1 is banned for 300 s" in centre.log.read_text()


def test_O04_sighup(centre, sockets, accounts):
    shop, bank = sockets(centre.port), sockets(centre.port)
    assert (bind(shop), bind(bank, "bank")) == (0, 0)
    accounts.write_text("[accounts.shop]\nwindow = 0\n")
    os.kill(centre.process.pid, signal.SIGHUP)
    centre.wait_for_line("the old accounts stay in force: accounts.toml: accounts.shop.window")
    assert times(shop, 1)
    accounts.write_text(account("shop", destinations=["43*"]))
    os.kill(centre.process.pid, signal.SIGHUP)
    centre.wait_for_line("1 accounts are in force")
    assert ask(shop, SubmitSM(destination_addr="49")).command_status == 0x0B
    assert int.from_bytes(bank.recv(16)[4:8], "big") == 6  # unbind


# TLS.


@pytest.fixture
def secure(daemon, accounts, tmp_path):
    certificate(tmp_path)
    port = free_port()
    keys = f"privateKey={tmp_path}/key.pem:certKey={tmp_path}/cert.pem"
    listen = f"ssl:{port}:interface=127.0.0.1:{keys}"
    return daemon("smsc", "--listen", listen, "--accounts", str(accounts), port=port)


def client(*, newest=None):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if newest is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = newest
    return context


def of_client(folder):
    """A context that shows the certificate in a folder."""
    context = client()
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_a_certificate_is_enough_and_must_be_of_an_authority(daemon, accounts, tmp_path, sockets):
    for name in ("bank", "thief"):
        (tmp_path / name).mkdir()
        certificate(tmp_path / name)
    certificate(tmp_path)
    accounts.write_text(account("shop") + '[accounts.bank]\ncertificate_name = "localhost"\n')
    port = free_port()
    keys = f"privateKey={tmp_path}/key.pem:certKey={tmp_path}/cert.pem"
    listen = ["--listen", f"ssl:{port}:interface=127.0.0.1:{keys}"]
    ca = ["--client-ca", str(tmp_path / "bank" / "cert.pem")]
    daemon("smsc", *listen, *ca, "--accounts", str(accounts), port=port)

    with of_client(tmp_path / "bank").wrap_socket(sockets(port)) as good:
        assert bind(good, "bank", "") == 0
    with client().wrap_socket(sockets(port)) as without:
        assert bind(without, "bank", "") == 0x0E
    with client().wrap_socket(sockets(port)) as without:
        assert bind(without, "shop") == 0
    thief = of_client(tmp_path / "thief")
    with (
        pytest.raises((ssl.SSLError, ConnectionError)),
        thief.wrap_socket(sockets(port)) as other,
    ):
        bind(other, "bank", "")


def test_A19_a_handshake_that_does_not_come_or_crawls_has_five_seconds(secure, sockets):
    silent, crawling = sockets(secure.port), sockets(secure.port)
    start = time.monotonic()
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    for octet in hello[:4]:
        crawling.send(bytes([octet]))
        time.sleep(1)
    assert is_closed(silent, 3)
    assert is_closed(crawling, 3)
    assert 4 < time.monotonic() - start < 8


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_A19_old_tls_is_refused(secure, sockets, version):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        client(newest=version).wrap_socket(sockets(secure.port))


def test_A19_there_is_no_compression_and_no_renegotiation(secure, sockets):
    from OpenSSL import SSL

    with client().wrap_socket(sockets(secure.port)) as good:
        assert good.version() in ("TLSv1.2", "TLSv1.3")
        assert good.compression() is None
        good.sendall(BindTransceiver(system_id="shop", password=PASSWORD).encode())
        assert decode(good.recv(1000)).command_status == 0

    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    plain = sockets(secure.port)
    plain.settimeout(None)
    again = SSL.Connection(context, plain)
    again.set_connect_state()
    again.do_handshake()
    again.renegotiate()
    with pytest.raises(SSL.Error):
        again.do_handshake()


def test_A19_smpp_without_tls_is_cut(secure, sockets):
    connection = sockets(secure.port)
    connection.sendall(BindTransceiver(system_id="shop", password=PASSWORD).encode())
    connection.settimeout(10)
    answer = b""
    while chunk := connection.recv(1000):
        answer += chunk
    assert answer == b"" or answer[0] == 0x15  # a TLS alert, never a response


def test_o10_a_new_certificate_is_taken_up_and_no_session_dropped(secure, sockets, tmp_path):
    made = contextlib.ExitStack()

    def connect():
        return made.enter_context(client().wrap_socket(sockets(secure.port)))

    with made:
        check_new_certificate(secure, connect, tmp_path)


def check_new_certificate(secure, connect, tmp_path):
    bound = connect()
    assert bind(bound) == 0
    before = bound.getpeercert(True)
    certificate(tmp_path)
    secure.process.send_signal(signal.SIGHUP)
    secure.wait_for_line("the certificate was read")
    new = connect()
    after = new.getpeercert(True)
    assert after != before
    assert bind(new, "bank") == 0
    (tmp_path / "cert.pem").write_text("broken")
    secure.process.send_signal(signal.SIGHUP)
    secure.wait_for_line("the old one stays")
    assert connect().getpeercert(True) == after
    sent = SubmitSM(destination_addr="49", short_message=b"x", sequence_number=2)
    assert ask(bound, sent).command_status == 0
