"""Peers that do not read, and many that never bind."""

import os
import resource
import socket
import time
from contextlib import ExitStack

import pytest
from chaos_kit import ROUTES, Gone, Peer, SinkESME, message, wait_until

from twisted_smpp.wire.pdus import BindReceiver
from twisted_smpp.wire.tlvs import message_payload

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

MIB = 1024 * 1024
CONNECTIONS = 1000


def test_s01_peers_that_never_read_are_cut_and_cost_little(smsc):
    # Which of the two times is up first depends on what the system takes unread.
    seconds = ("--write-timeout", "2", "--response-timeout", "2")
    daemon = smsc(*ROUTES, *seconds, "--window", "5000").up()
    text = bytes(20_000)
    with Peer(daemon.port) as source, ExitStack() as readers:
        for _ in range(50):  # 20 MB wait: more than the system's buffers take
            requests = [message("", tlvs={message_payload: text}) for _ in range(20)]
            assert {int(each.command_status) for each in source.ask(requests)} == {0}
        before = daemon.resident()
        for _ in range(3):
            readers.enter_context(Peer(daemon.port, "sink", BindReceiver, octets=4096))
        most = [before]

        def all_are_cut():
            most.append(daemon.resident())
            log = daemon.log.read_text()
            return log.count("does not read") + log.count("were not answered") >= 3

        wait_until(all_are_cut)
        assert max(most) - before < 48 * MIB
        assert source.ask([message("still there")])[0].command_status == 0
    assert daemon.stop() == 0


def test_a03_s18_a_thousand_connections_that_never_bind_disturb_nobody(smsc):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CONNECTIONS + 200:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CONNECTIONS + 200), hard))
    daemon = smsc().up()
    crowd = []
    try:
        with Peer(daemon.port) as source:
            threads = daemon.threads()
            for _ in range(CONNECTIONS):
                crowd.append(connected(daemon.port))
                if len(crowd) % 100 == 0:
                    begin = time.monotonic()
                    assert source.ask([message("Hi")])[0].command_status == 0
                    assert time.monotonic() - begin < 1
            answers = source.ask([message("Hi") for _ in range(100)])
            assert daemon.threads() == threads
            assert {int(each.command_status) for each in answers} == {0}
            # Those that say nothing are cut, after 5 s at most.
            for each in crowd:
                each.settimeout(15)
                assert ended(each)
            assert source.ask([message("Hi")])[0].command_status == 0
    finally:
        for each in crowd:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.log.read_text()


def connected(port):
    try:
        return socket.create_connection(("127.0.0.1", port), 5)
    except ConnectionResetError:  # it was cut before we knew that it was made
        ours, theirs = socket.socketpair()
        theirs.close()
        return ours


def ended(connection):
    try:
        return connection.recv(1000) == b""
    except ConnectionError:
        return True


def test_o08_out_of_memory_loses_nothing_acknowledged(smsc, ledger):
    """Little memory, many messages: it may die, but what it acknowledged is there."""
    daemon = smsc(*ROUTES).up()
    limit = daemon_virtual(daemon) + 4 * MIB
    resource.prlimit(daemon.process.pid, resource.RLIMIT_AS, (limit, limit))
    accepted = set()
    try:
        with Peer(daemon.port) as source:
            for number in range(60):
                texts = [f"{number}-{each} ".ljust(240, "x") for each in range(100)]
                answers = source.ask([message(text) for text in texts])
                accepted |= {
                    text
                    for text, answer in zip(texts, answers, strict=True)
                    if answer.command_status == 0
                }
    except Gone:
        pass  # whatever came of it: what counts is below
    daemon.kill()
    daemon.up()
    sink = SinkESME(daemon, ledger("delivered"))
    with sink:
        wait_until(lambda: accepted <= sink.got.keys())
    assert accepted
    assert daemon.stop() == 0


def daemon_virtual(daemon):
    with open(f"/proc/{daemon.process.pid}/statm") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
