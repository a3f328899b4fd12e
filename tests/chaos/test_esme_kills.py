"""kill -9 of either side while an ESME daemon sends: nothing that it answered stored is lost.

The ledger of the message centre is its store; that of the program that hands over messages is
what it was answered. ``CHAOS_SEED`` chooses when the kills are.
"""

import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from chaos_kit import IN_CI, SECONDS, environment, wait_until

from twisted_smpp.smsc.kinds import MESSAGE

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

SEED = int(os.environ.get("CHAOS_SEED", "0")) or (21 if IN_CI else random.randrange(1, 1 << 32))
KILLS_OF_CENTRE = 25 if IN_CI else 5
KILLS_OF_ESME = 10 if IN_CI else 3
WINDOW = 20


class Esme:
    """``twistd smpp esme`` with a store and a control socket, killed and started again."""

    def __init__(self, folder, smsc, *options):
        self.folder, self.smsc, self.options = folder, smsc, options
        self.path = folder / "control"
        self.log = folder / "esme.log"
        (folder / "password").write_text("secret")
        self.process = None

    def up(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    str(Path(sys.executable).with_name("twistd")),
                    *("--nodaemon", "--pidfile=", "smpp", "esme"),
                    *("--connect", f"tcp:127.0.0.1:{self.smsc.port}"),
                    *("--system-id", "source", "--password-file", "password"),
                    *("--window", str(WINDOW), "--response-timeout", "2"),
                    *("--longest-delay", "0.3"),
                    *("--store", "esme.db", "--control", "control"),
                    *("--failed-starts", "-1"),
                    *self.options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment(self.folder),
            )
        return self

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        return self.process and self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(SECONDS)


class Program:
    """Hands over messages, in a thread, and writes down what it is answered."""

    def __init__(self, esme, burst=10):
        self.esme = esme
        self.stored = {}
        #: The last that was heard of each, by its key.
        self.events = {}
        self.count = 0
        self.error = None
        self._burst = burst
        self._end = threading.Event()
        self._sends = True
        #: Requests whose answers have not come; with the lock nobody sees it between two states.
        self._unanswered = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error

    def ends(self):
        """Hands over nothing more; returns once all that was handed over is answered."""
        with self._lock:
            self._sends = False
        wait_until(lambda: not self._unanswered, what="the last answers")

    def _run(self):
        while not self._end.is_set():
            try:
                self._talk()
            except OSError:
                self._end.wait(0.02)
            except BaseException as error:
                self.error = error
                return

    def _talk(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(0.2)
            connection.connect(str(self.esme.path))
            connection.sendall(b'{"follow": true}\n')
            rest, self._unanswered = b"", 0
            while not self._end.is_set():
                with self._lock:
                    if self._sends and not self._unanswered:
                        self._unanswered = self._burst
                        connection.sendall(b"".join(self._request() for _ in range(self._burst)))
                try:
                    data = connection.recv(1 << 16)
                except TimeoutError:
                    continue
                if not data:
                    raise ConnectionError("closed")
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._unanswered -= self._hear(json.loads(line))

    def _request(self):
        self.count += 1
        key = f"{self.count:08}"
        request = {"to": f"49{key}", "text": "Hello", "key": key, "id": key}
        return json.dumps({**request, "receipt": self.count % 2 == 0}).encode() + b"\n"

    def _hear(self, answer):
        if "stored" in answer:
            self.stored[answer["id"]] = answer["number"]
        elif "progress" in answer:
            self.events[answer["key"]] = answer
        elif "error" in answer:
            assert "wait to be sent" in answer["error"], answer
        return "id" in answer


def status(esme):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        try:
            connection.connect(str(esme.path))
            connection.sendall(b'{"status": true}\n')
            return json.loads(connection.makefile().readline())["status"]
        except (OSError, ValueError):
            return None


def is_empty(esme):
    now = status(esme)
    return now is not None and now["recovered"] and now["parts"] == 0


def deliveries(smsc):
    """How often each destination is in the ledger of the message centre, which has ended."""
    found = Counter()
    connection = sqlite3.connect(smsc.store)
    try:
        statement = "SELECT destination FROM message WHERE kind = ?"
        for (destination,) in connection.execute(statement, (MESSAGE,)):
            found[destination] += 1
    finally:
        connection.close()
    return found


@pytest.fixture
def both(smsc, tmp_path):
    (tmp_path / "esme").mkdir()
    centre = smsc("--default-route", "at-once").up()
    esme = Esme(tmp_path / "esme", centre).up()
    yield centre, esme
    esme.kill()


def test_d16_kill_9_of_the_message_centre(both):
    print(f"CHAOS_SEED={SEED}")
    chance = random.Random(SEED)
    centre, esme = both
    with Program(esme) as program:
        for number in range(KILLS_OF_CENTRE):
            before = len(program.events)
            if number % 3 == 0:  # the others come wherever they come, while it binds, too
                wait_until(lambda before=before: len(program.events) > before, what="an event")
            time.sleep(chance.uniform(0, 0.3))
            centre.kill()
            centre.up()
        program.ends()
        wait_until(lambda: is_empty(esme), 60, "the end of all messages")
        wait_until(
            lambda: all(program.events.get(key, {}).get("final") for key in program.stored),
            what="the events",
        )
    assert esme.stop() == 0
    assert centre.stop() == 0

    there = deliveries(centre)
    assert len(program.stored) >= 100
    for key in program.stored:
        event = program.events[key]
        assert event["progress"] in ("sent", "delivered"), event
        assert 1 <= there[f"49{key}"] <= 1 + event["possible_duplicates"], event


def test_d17_kill_9_of_the_esme(both):
    print(f"CHAOS_SEED={SEED}")
    chance = random.Random(SEED)
    centre, esme = both
    with Program(esme) as program:
        for _ in range(KILLS_OF_ESME):
            before = len(program.events)
            wait_until(lambda before=before: len(program.events) > before, what="an event")
            time.sleep(chance.uniform(0, 0.3))
            esme.kill()
            esme.up()
        program.ends()
        wait_until(lambda: is_empty(esme), 60, "the end of all messages")
    assert esme.stop() == 0
    assert centre.stop() == 0

    there = deliveries(centre)
    lost = [key for key in program.stored if not there[f"49{key}"]]
    assert (lost, len(program.stored) >= 10 * KILLS_OF_ESME) == ([], True)
    # What was heard of a message was on the disk: no later process sends it once more.
    answered = [each for each in program.events.values() if each["message_ids"] != [None]]
    assert len(answered) >= KILLS_OF_ESME
    for event in answered:
        assert 1 <= there[f"49{event['key']}"] <= 1 + event["possible_duplicates"], event
    # Of the others at most a window was in flight at each kill.
    assert sum(there.values()) - len(there) <= KILLS_OF_ESME * WINDOW
