"""A disk that takes 5 seconds for each sync, by strace: the daemon goes on answering (D06)."""

import shutil
import subprocess
import time
from contextlib import suppress

import pytest
from chaos_kit import SECONDS, Gone, Peer, message, wait_until

from twisted_smpp.wire.pdus import EnquireLink, EnquireLinkResp

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

SYNC_SECONDS = 5


def tracer_of(pid):
    """The process that traces it, by its id, or 0."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("TracerPid"))


@pytest.fixture
def slowed():
    """Slows the syncs of a process, until the end."""
    tracers = []

    def slow(pid):
        strace = shutil.which("strace")
        if strace is None:
            pytest.skip("there is no strace here")
        syncs = "fsync,fdatasync"
        inject = f"inject={syncs}:delay_enter={SYNC_SECONDS * 1_000_000}"
        tracer = subprocess.Popen(
            [strace, "-f", "-qq", "-p", str(pid), "-e", f"trace={syncs}", "-e", inject],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        tracers.append(tracer)
        wait_until(lambda: tracer_of(pid) or tracer.poll() is not None, what="the tracing")
        if tracer.poll() is not None:
            pytest.skip("processes may not be traced here")

    yield slow
    for each in tracers:
        each.terminate()
        each.wait(SECONDS)


def test_d06_enquire_link_is_answered_while_a_sync_of_5_seconds_lasts(smsc, slowed):
    daemon = smsc("--default-route", "at-once").up()
    with Peer(daemon.port) as busy, Peer(daemon.port, "sink") as other:
        begin = time.monotonic()
        slowed(daemon.process.pid)
        busy.send([message(f"text {n}") for n in range(50)])
        busy.socket.settimeout(0.05)
        slowest, answers = 0.0, []
        while not answers and time.monotonic() - begin < SECONDS:
            asked = time.monotonic()
            assert isinstance(other.ask([EnquireLink()])[0], EnquireLinkResp)
            slowest = max(slowest, time.monotonic() - asked)
            answers += read_if_any(busy)
        assert time.monotonic() - begin >= SYNC_SECONDS - 0.5  # nobody was told before
        assert slowest < 1.0
        while len(answers) < 50 and time.monotonic() - begin < SECONDS:
            answers += read_if_any(busy)
    assert [each.command_status for each in answers] == [0] * 50


def read_if_any(peer):
    """What it was sent, or nothing within its time."""
    with suppress(Gone):
        return peer.read()
    return []
