"""``twistd smpp`` in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

SECONDS = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def script(name):
    """A command that is installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


class Daemon:
    """``twistd --nodaemon smpp ...``; its log is kept for the failures."""

    def __init__(self, folder, arguments, port=None, plugin=("smpp",)):
        self.port = port
        self.log = folder / "twistd.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [script("twistd"), "--nodaemon", "--pidfile=", *plugin, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                # Its store is in the folder of the test, not in that of whoever runs it.
                env={**os.environ, "PYTHONUNBUFFERED": "1", "STATE_DIRECTORY": str(folder)},
            )
        if port is not None:
            self.wait_until(self.listening)

    def listening(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def wait_until(self, condition):
        end = time.monotonic() + SECONDS
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                pytest.fail(f"the daemon did not get there:\n{self.log.read_text()}")
            time.sleep(0.02)

    def wait_for_line(self, text):
        self.wait_until(lambda: text in self.log.read_text())

    def stop(self):
        """Ends it as an operator does; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                pytest.fail(f"the daemon did not end:\n{self.log.read_text()}")
        return self.process.wait()
