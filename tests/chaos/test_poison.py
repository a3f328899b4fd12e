"""A message that ends the process at each start is put aside, and all others go on (O05)."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from chaos_kit import SECONDS

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

COUNT = 20
POISON = 7
EXIT = 9
FAILED_STARTS = 2

APPLICATION = """
import os, sys
from twisted.internet import reactor
from twisted_smpp.smsc import MessageCentre, Route, RouteKind, Routes
from twisted_smpp.store import Record, SQLiteStore
from twisted_smpp.wire.pdus import SubmitSM
from zope.interface import implementer
from twisted_smpp.interfaces import IMessageSink

path, ledger, is_first = sys.argv[1], sys.argv[2], len(sys.argv) > 3

@implementer(IMessageSink)
class Sink:
    def deliver(self, message):
        text = message.pdu.short_message
        if text == b"poison":
            os._exit(9)
        with open(ledger, "ab") as file:
            file.write(text + b"\\n")

store = SQLiteStore(path, reserve=0, floor=0, failed_starts=2, lasting_seconds=30.0)
store.open()
centre = MessageCentre(store, sinks={"sink": Sink()}, clock=reactor)

def look(waiting):
    if waiting:
        reactor.callLater(0.02, watch)
    else:
        store.close().addCallback(lambda _: reactor.stop())

def watch():
    store.waiting().addCallback(look)

def fill():
    for number in range(1, 21):
        text = b"poison" if number == 7 else b"text %d" % number
        pdu = SubmitSM(destination_addr="1", short_message=text)
        record = Record(
            store.next_number(), 1, "sink:sink", state=1, due=1.0, pdu=pdu.encode(), at=1.0,
            expires=4e9,
        )
        store.add(record)

if is_first:
    fill()
    store.close().addCallback(lambda _: reactor.stop())
else:
    centre.start().addCallback(lambda _: watch())
reactor.run()
"""


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-c", APPLICATION, folder / "store.db", folder / "ledger", *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=folder,
        check=False,
    )


def test_o05_a_message_that_kills_is_put_aside_after_the_third_start(tmp_path):
    first = run(tmp_path, "first")
    assert first.returncode == 0, first.stderr
    codes = [run(tmp_path).returncode for _ in range(FAILED_STARTS + 1)]
    assert codes == [EXIT] * 3
    last = run(tmp_path)
    assert last.returncode == 0, last.stderr
    delivered = set((tmp_path / "ledger").read_text().splitlines())
    assert delivered == {f"text {n}" for n in range(1, COUNT + 1) if n != POISON}
    with closing(sqlite3.connect(tmp_path / "store.db")) as store:
        aside = store.execute("SELECT number, queue, reason FROM quarantine").fetchall()
    reason = "the last of 3 starts in a row ended while it was handled"
    assert aside == [(POISON, "sink:sink", reason)]
    assert run(tmp_path).returncode == 0
