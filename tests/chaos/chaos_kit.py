"""``twistd smpp smsc`` in a process of its own, ESMEs on plain blocking sockets, and ledgers.

Nothing here shares code with the daemon's roles: only the wire format is the package's.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from twisted_smpp.smsc.kinds import MESSAGE
from twisted_smpp.wire.framing import Framing
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import BindReceiver, BindTransmitter, DeliverSM, SubmitSM

SECONDS = 30
IN_CI = bool(os.environ.get("CI"))
ROUTES = ("--route", "49=account:sink", "--default-route", "nowhere")
AUTH = ("--auth", "memory:source:secret:sink:secret")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(folder):
    return {**os.environ, "PYTHONUNBUFFERED": "1", "STATE_DIRECTORY": str(folder)}


FOREGROUND = ("--nodaemon", "--pidfile=")


def raise_fd_limit(count):
    """So many files may be open in this process from now on, or the test is skipped."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        pytest.skip(f"only {hard} files may be open here, and not {count}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def command(port, store, *arguments, twistd=FOREGROUND):
    return [
        str(Path(sys.executable).with_name("twistd")),
        *twistd,
        "smpp",
        "smsc",
        *("--listen", f"tcp:{port}:interface=127.0.0.1", "--store", str(store)),
        # Who kills it again and again within a minute does not mean the messages.
        *("--failed-starts", "-1"),
        *AUTH,
        *arguments,
    ]


def run(folder, port, store, *arguments):
    """A daemon that ends by itself; returns the finished process and its seconds."""
    begin = time.monotonic()
    done = subprocess.run(
        command(port, store, *arguments),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=folder,
        env=environment(folder),
        check=False,
    )
    return done, time.monotonic() - begin


class Smsc:
    """A message centre that may be started, killed and started again on one store."""

    def __init__(self, folder, *arguments, store=None):
        self.folder = folder
        self.port = free_port()
        self.store = store or folder / "smsc.db"
        self.log = folder / "twistd.log"
        self._arguments = arguments or ROUTES
        self.process = None

    def start(self, limits=None):
        """Starts it, without waiting until it listens."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command(self.port, self.store, *self._arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment(self.folder),
                preexec_fn=limits,
            )
        return self

    def up(self, limits=None):
        """Starts it, and waits until it listens."""
        self.start(limits)
        end = time.monotonic() + SECONDS
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                pytest.fail(f"the daemon does not listen:\n{self.tail()}")
            time.sleep(0.02)
        return self

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        return self.process and self.process.wait()

    def unfinished(self):
        """The texts of messages that have no end on the disk; asked of one that was killed."""
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("", "-wal"):
                file = Path(f"{self.store}{suffix}")
                if file.exists():
                    shutil.copy(file, folder)
            with closing(sqlite3.connect(Path(folder) / self.store.name)) as connection:
                statement = "SELECT pdu FROM message WHERE kind = ? AND done IS NULL"
                try:
                    found = connection.execute(statement, (MESSAGE,)).fetchall()
                except sqlite3.OperationalError:
                    return Counter()  # it was killed before it had made its tables
        return Counter(decode(octets).short_message.decode() for (octets,) in found)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Ends it as an operator does; returns its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self, seconds=SECONDS):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"the daemon did not end:\n{self.tail()}")

    def tail(self):
        return self.log.read_text()[-6000:]

    def resident(self):
        """Octets of memory that it has now."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def threads(self):
        """How many it has now."""
        return len(os.listdir(f"/proc/{self.process.pid}/task"))


class Gone(Exception):
    """The daemon is not there, or not any more."""


class Peer:
    """An ESME that is bound: writes requests, reads PDUs.

    ``octets`` are what its system takes before it is read.
    """

    def __init__(self, port, system_id="source", bind=BindTransmitter, octets=None):
        self._framing = Framing()
        self._number = 0
        self._there = []
        try:
            self.socket = socket.socket()
            self.socket.settimeout(SECONDS)
            if octets is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
            self.socket.connect(("127.0.0.1", port))
            self.send([bind(system_id=system_id, password="secret")])
            answer, *self._there = self.read()  # deliveries may come right behind it
        except BaseException as error:
            self.socket.close()
            raise Gone(str(error)) from None
        assert answer.command_status == 0, answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, requests):
        """Numbers the requests and writes them at once."""
        octets = []
        for request in requests:
            self._number += 1
            request.sequence_number = self._number
            octets.append(request.encode())
        self.write(b"".join(octets))

    def write(self, octets):
        try:
            self.socket.sendall(octets)
        except OSError as error:
            raise Gone(str(error)) from None

    def read(self):
        """Waits for PDUs; enquire_link and unbind are answered here."""
        if self._there:
            there, self._there = self._there, []
            return there
        while True:
            try:
                data = self.socket.recv(1 << 16)
            except OSError as error:
                raise Gone(str(error)) from None
            if not data:
                raise Gone("closed")
            pdus = list(self._framing.receive(data))
            links = [each for each in pdus if each.command in ("enquire_link", "unbind")]
            for each in links:
                self.write(answer_to(each))
            found = [each for each in pdus if each not in links]
            if found:
                return found

    def ask(self, requests):
        """Writes requests, and returns the responses by the order of the requests."""
        self.send(requests)
        found = {}
        while len(found) < len(requests):
            for pdu in self.read():
                found[pdu.sequence_number] = pdu
        return [found[request.sequence_number] for request in requests]


def answer_to(request, **fields):
    response = request.answer(**fields)
    response.sequence_number = request.sequence_number
    return response.encode()


class Ledger:
    """Lines of a file that are on the disk before anybody goes on."""

    def __init__(self, path):
        self._file = path.open("a")
        self.path = path

    def write(self, lines):
        self._file.writelines(f"{line}\n" for line in lines)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self):
        self._file.close()

    def lines(self):
        return self.path.read_text().splitlines()


class Source:
    """Submits without an end, in a thread, and writes down what was acknowledged.

    ``tried`` are the texts whose outcome may be unknown; the ledger has "text message_id".
    """

    def __init__(self, smsc, ledger, burst=20, statuses=None):
        self.smsc = smsc
        self.ledger = ledger
        self.tried = set()
        self.statuses = statuses if statuses is not None else Counter()
        self.error = None
        self._burst = burst
        self._count = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._end.clear()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error

    def _run(self):
        while not self._end.is_set():
            try:
                with Peer(self.smsc.port) as peer:
                    while not self._end.is_set():
                        self._submit(peer)
            except Gone:
                self._end.wait(0.02)
            except BaseException as error:
                self.error = error
                return

    def _submit(self, peer):
        texts = []
        for _ in range(self._burst):
            self._count += 1
            texts.append(f"{id(self):x}-{self._count}")
        self.tried.update(texts)
        requests = [message(text) for text in texts]
        peer.send(requests)
        numbers = {each.sequence_number: text for each, text in zip(requests, texts, strict=True)}
        while numbers:
            accepted = []
            for pdu in peer.read():
                text = numbers.pop(pdu.sequence_number, None)
                self.statuses[int(pdu.command_status)] += 1
                if pdu.command_status == 0 and text is not None:
                    accepted.append(f"{text} {pdu.message_id}")
            self.ledger.write(accepted)


def message(text, **fields):
    fields = {"destination_addr": "491701234567", "short_message": text.encode(), **fields}
    return SubmitSM(source_addr="1", **fields)


class SinkESME:
    """Receives, in a thread, and writes down each text before it answers."""

    def __init__(self, smsc, ledger):
        self.smsc = smsc
        self.ledger = ledger
        self.got = Counter()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()

    def _run(self):
        while not self._end.is_set():
            try:
                with Peer(self.smsc.port, "sink", BindReceiver) as peer:
                    peer.socket.settimeout(0.5)
                    self._receive(peer)
            except Gone:
                self._end.wait(0.02)

    def _receive(self, peer):
        while not self._end.is_set():
            came = [each for each in peer.read() if isinstance(each, DeliverSM)]
            texts = [each.short_message.decode() for each in came]
            self.ledger.write(texts)
            self.got.update(texts)
            peer.write(b"".join(map(answer_to, came)))


def wait_until(condition, seconds=SECONDS, what="it"):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


def wait_for_more(counts, status, more=1, seconds=SECONDS):
    """Until so many more answers had a status."""
    before = counts[status]
    wait_until(lambda: counts[status] >= before + more, seconds, f"status {status:#x}")


def ledgers_agree(source, sink, unknown=None, duplicates=0):
    """Everything acknowledged was delivered, nothing else, and not more often than allowed.

    ``unknown`` has how often the outcome of each text was unknown; ``duplicates`` says how many
    more there may be in all.
    """
    unknown = Counter() if unknown is None else unknown
    accepted = {line.split()[0] for line in source.ledger.lines()}
    delivered = Counter(sink.ledger.lines())
    assert accepted - delivered.keys() == set(), "acknowledged, and lost"
    assert delivered.keys() - source.tried == set(), "delivered, and never submitted"
    too_often = {text: n - 1 for text, n in delivered.items() if n > 1 + unknown[text]}
    assert sum(too_often.values()) <= duplicates, "delivered too often"
