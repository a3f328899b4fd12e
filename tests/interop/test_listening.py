"""What the message centre listens at: either family, and the same port again at once (O12)."""

import signal
import socket
import subprocess
from pathlib import Path

import pytest
from accounts_kit import account
from interop_daemon import free_port, script

from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import BindTransceiver, Unbind

pytestmark = pytest.mark.interop

AUTH = ("--auth", "memory:me:secret", "--store", "memory")


def bind(connection):
    connection.sendall(BindTransceiver(system_id="me", password="secret").encode())
    return decode(connection.recv(1000))


def connects(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        return probe.connect_ex((address, port)) == 0


def test_o12_only_ipv6(daemon):
    port = free_port()
    listen = rf"tcp6:{port}:interface=\:\:1"
    centre = daemon("smsc", "--listen", listen, *AUTH)
    centre.wait_until(lambda: connects("::1", port))
    with socket.create_connection(("::1", port), 10) as connection:
        assert bind(connection).command_status == 0
    assert not connects("127.0.0.1", port)


def test_o12_both_families_with_a_listener_each(daemon):
    port = free_port()
    arguments = ("--listen", f"tcp:{port}:interface=127.0.0.1")
    arguments += ("--listen", rf"tcp6:{port}:interface=\:\:1")
    centre = daemon("smsc", *arguments, *AUTH, port=port)
    for address in ("127.0.0.1", "::1"):
        with socket.create_connection((address, port), 10) as connection:
            assert bind(connection).command_status == 0
    log = centre.log.read_text()
    assert f"listening at tcp:{port}:interface=127.0.0.1" in log
    assert rf"listening at tcp6:{port}:interface=\:\:1" in log


def test_o12_one_listener_for_both_families(daemon, tmp_path):
    if Path("/proc/sys/net/ipv6/bindv6only").read_text().strip() != "0":
        pytest.skip("this system keeps the families apart")
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(account("me", networks=["127.0.0.0/8"]))
    accounts.chmod(0o600)
    port = free_port()
    listen = ("--listen", rf"tcp6:{port}:interface=\:\:")
    daemon("smsc", *listen, "--accounts", str(accounts), "--store", "memory", port=port)
    statuses = []
    for address in ("127.0.0.1", "::1"):
        with socket.create_connection((address, port), 10) as connection:
            statuses.append(bind(connection).command_status)
    assert statuses == [0, 0x0E]  # the other is no IPv4 address, and not in the network


def test_o12_a_port_that_is_taken_ends_the_start_with_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free, port = free_port(), taken.getsockname()[1]
        listen = [f"--listen=tcp:{each}:interface=127.0.0.1" for each in (free, port)]
        command = [script("twistd"), "--nodaemon", "--pidfile=", "smpp", "smsc", *listen, *AUTH]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, timeout=30, check=False
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"twistd smpp smsc: Couldn't listen on 127.0.0.1:{port}: ")


def test_o12_the_same_port_at_once_after_connections_that_it_has_ended(daemon):
    port = free_port()
    arguments = ("smsc", "--listen", f"tcp:{port}:interface=127.0.0.1", *AUTH)
    for _ in range(3):
        centre = daemon(*arguments, port=port)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                bind(connection)
                # The end of the centre comes first, which has it wait in TIME_WAIT.
                connection.sendall(Unbind(sequence_number=2).encode())
                while connection.recv(100):
                    pass
        centre.process.send_signal(signal.SIGTERM)
        assert centre.stop() == 0
