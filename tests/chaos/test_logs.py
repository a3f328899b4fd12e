"""Logs that cannot be written: the daemon goes on as if nothing was (O09)."""

import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
from chaos_kit import FOREGROUND, SECONDS, Gone, Peer, command, environment, free_port, wait_until
from test_disks import fill_all, mount

from twisted_smpp.wire.pdus import BindTransmitter, EnquireLink

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

#: Connections of one address, before there are too many in too short a time.
OF_AN_ADDRESS = 40


class Logging:
    """A message centre whose log goes where the test says."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.control = folder / "control"
        self.process = None
        self._addresses = 0

    def start(self, *twistd, **settings):
        arguments = ("--control", str(self.control), "--max-sessions", "100")
        self.process = subprocess.Popen(
            command(self.port, "memory", *arguments, twistd=twistd or FOREGROUND),
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env=environment(self.folder),
            **settings,
        )
        wait_until(self.listens, what="listening")
        return self

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def status(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(SECONDS)
            connection.connect(str(self.control))
            connection.sendall(b'{"status": true}\n')
            return json.loads(connection.makefile().readline())["status"]

    def logs(self, lines):
        """Sessions come and go, two lines of the log for each; the address of the last ones."""
        octets = BindTransmitter(system_id="source", password="secret").encode()
        for _ in range(0, lines // 2, OF_AN_ADDRESS):
            self._addresses += 1
            source = f"127.1.{self._addresses // 250}.{self._addresses % 250 + 1}"
            for _ in range(OF_AN_ADDRESS):
                with socket.create_connection(
                    ("127.0.0.1", self.port), SECONDS, (source, 0)
                ) as connection:
                    connection.sendall(octets)
                    assert connection.recv(1000)[4:12] == bytes.fromhex("8000000200000000")
        return source

    def stop(self):
        """Ends it as an operator does; the exit code, and how many seconds that took."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS), time.monotonic() - begin


@pytest.fixture
def centre(tmp_path):
    made = Logging(tmp_path)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder))
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def is_answered_at_once(peer):
    begin = time.monotonic()
    (answer,) = peer.ask([EnquireLink()])
    assert answer.command == "enquire_link_resp"
    return time.monotonic() - begin < 1


def test_o09_a_pipe_that_nobody_reads(centre):
    reading, writing = os.pipe()
    centre.start(stdout=writing, stderr=writing)
    os.close(writing)
    with Peer(centre.port) as peer:
        for _ in range(7):
            centre.logs(2000)
            assert is_answered_at_once(peer)
    status = centre.status()
    assert status["log_lines_lost"] > 1000  # of 14,000, but for 10,000 and what a pipe holds
    assert status["healthy"]
    code, seconds = centre.stop()
    assert code == 0
    assert 5 <= seconds < 10  # the log has five seconds, and not more
    assert b"twistd" in os.read(reading, 1 << 16)
    os.close(reading)


def test_o09_a_pipe_that_is_read_late_has_everything_and_the_gap(centre):
    reading, writing = os.pipe()
    centre.start(stdout=writing, stderr=writing)
    os.close(writing)
    centre.logs(14_000)
    lost = centre.status()["log_lines_lost"]
    watchdog = threading.Timer(SECONDS, centre.process.kill)
    watchdog.start()
    with open(reading, "rb") as file:
        octets = bytearray()
        while b"that were lost here" not in octets:
            octets += file.read1() or pytest.fail("nothing was told")
        centre.process.send_signal(signal.SIGTERM)
        octets += file.read()
    watchdog.cancel()
    assert centre.process.wait(SECONDS) == 0
    lines = octets.decode().splitlines()
    told = [each for each in lines if "lines of the log that were lost here" in each]
    assert sum(int(each.rpartition(" ")[2]) for each in told) >= lost > 1000
    assert sum("bound from" in each for each in lines) > 4500
    assert lines[-1].endswith("Server Shut Down.")


def test_o09_a_full_disk_and_room_again(centre, tiny_disk):
    log = tiny_disk / "smsc.log"
    centre.start(*FOREGROUND, "--logfile", str(log))
    with Peer(centre.port) as peer:
        wait_until(lambda: "bound from 127.0.0.1" in log.read_text())
        fill_all(tiny_disk / "ballast")
        centre.logs(200)
        wait_until(lambda: centre.status()["log_lines_lost"] > 100)
        assert is_answered_at_once(peer)
        (tiny_disk / "ballast").unlink()
        last = centre.logs(80)
        wait_until(lambda: f"the session of {last}" in log.read_text())
        lost = centre.status()["log_lines_lost"]
    lines = log.read_text().splitlines()
    told = [each for each in lines if "that were lost here" in each]
    assert sum(int(each.rpartition(" ")[2]) for each in told) == lost
    assert all(each[:2] == "20" for each in lines if each)  # no line behind half of another
    assert centre.stop()[0] == 0


def test_o09_without_standard_output_and_error(centre):
    def close_all():
        for number in (0, 1, 2):
            os.close(number)

    centre.start(preexec_fn=close_all)
    with Peer(centre.port) as peer:
        centre.logs(80)
        assert is_answered_at_once(peer)
    files = f"/proc/{centre.process.pid}/fd"
    names = {number: os.readlink(f"{files}/{number}") for number in "012"}
    assert not any(str(centre.folder) in each for each in names.values()), names
    assert centre.status()["log_lines_lost"] > 80
    assert centre.stop()[0] == 0


def test_o09_a_standard_error_that_nobody_has_any_more(centre):
    reading, writing = os.pipe()
    centre.start(stdout=writing, stderr=writing)
    os.close(writing)
    os.close(reading)
    with Peer(centre.port) as peer:
        centre.logs(80)
        assert is_answered_at_once(peer)
    assert centre.status()["log_lines_lost"] > 80
    code, seconds = centre.stop()
    assert code == 0
    assert seconds < 5


def test_o09_in_the_background_with_a_file_that_is_rotated(centre):
    log, pidfile = centre.folder / "smsc.log", centre.folder / "pid"
    centre.start("--logfile", str(log), "--pidfile", str(pidfile))
    assert centre.process.wait(SECONDS) == 0  # the parent
    pid = int(pidfile.read_text())
    try:
        centre.logs(80)
        os.kill(pid, signal.SIGUSR1)
        rotated = centre.folder / "smsc.log.1"
        wait_until(rotated.exists, what="the rotation")
        centre.logs(80)
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not pidfile.exists())
    wait_until(lambda: log.read_text().endswith("Server Shut Down.\n"))
    first, second = rotated.read_text(), log.read_text()
    assert first.count("starting up") == 1
    assert (first + second).count("bound from 127.1.") == 80
    assert "bound from 127.1.0.3" in second
    with pytest.raises(Gone):
        Peer(centre.port)
