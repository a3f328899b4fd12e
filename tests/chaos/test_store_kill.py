"""kill -9 of a process that writes to a store: what it acknowledged is there (D01, D02, G05)."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_kit import World

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

KILLS = int(os.environ.get("STORE_KILLS", "10"))
ROOT = Path(__file__).parent.parent.parent

WRITER = """
import sys
from twisted.internet import reactor
from twisted_smpp.store import Record, SQLiteStore

store = SQLiteStore(sys.argv[1], floor=0, reserve=0)
store.open()

def write():
    for _ in range(20):
        number = store.next_number()
        given = store.add(Record(number, 1, "link", due=1.0, pdu=b"x" * (number % 3000)))
        given.addCallback(lambda _, number=number: sys.stdout.write(f"{number}\\n"))
    given.addCallback(lambda _: sys.stdout.flush())
    given.addCallback(lambda _: reactor.callLater(0, write))

reactor.callWhenRunning(write)
reactor.run()
"""


def test_g05_kill_9_loses_nothing_acknowledged(tmp_path):
    world = World(tmp_path / "store", floor=0)
    ledger = set()
    for turn in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(world.path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        # The ledger is what came out of the process before it was killed.
        lines = [process.stdout.readline() for _ in range(20 + 37 * turn)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().splitlines(keepends=True)
        process.stdout.close()
        assert process.wait(30) == -signal.SIGKILL
        new = {int(line) for line in lines if line.endswith(b"\n")}
        assert new
        assert not new & ledger, "a number was used twice"
        ledger |= new

        began = time.monotonic()
        store = world.open()
        assert time.monotonic() - began < 5
        rows = store._connection.execute("SELECT number, length(pdu) FROM message").fetchall()
        found = dict(rows)
        assert ledger <= found.keys(), sorted(ledger - found.keys())
        assert all(length == number % 3000 for number, length in rows)
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert store.next_number() > max(found)
        world.abandon()
