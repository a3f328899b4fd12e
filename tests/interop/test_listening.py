"""What the message centre listens at: either family, and the same port again at once (O12)."""

import signal
import socket

import pytest
from interop_daemon import free_port

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
