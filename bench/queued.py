"""How long a message centre takes to start when many messages wait in its store, and its memory.

    python queued.py --messages 1000000 --folder /var/tmp/bench

Fills a SQLite store in a new folder in ``--folder`` (some 300 MB for 1,000,000 messages; on a real
disk), all for one account; starts ``twistd smpp smsc`` on it, and measures until the bind of that
account is answered; then it takes messages for a while. One JSON line; the folder is removed.
"""

import argparse
import json
import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

from bench_common import TEXT, Child, end_on_sigterm, free_port
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_smpp import SQLiteStore
from twisted_smpp.smsc.kinds import MESSAGE
from twisted_smpp.store import Record
from twisted_smpp.values import MessageState
from twisted_smpp.wire.framing import Framing
from twisted_smpp.wire.pdus import BindReceiver, DeliverSM, SubmitSM

#: Messages that are written at a time, while the store is filled.
GROUP = 5_000


async def fill(reactor, path, count):
    """Messages that wait for the account "sink"."""
    store = SQLiteStore(path)
    store.open()
    now = time.time()
    octets = SubmitSM(source_addr="1", destination_addr="491701234567", short_message=TEXT).encode()
    for begin in range(0, count, GROUP):
        for _ in range(begin, min(begin + GROUP, count)):
            number = store.next_number()
            written = store.add(
                Record(
                    number,
                    MESSAGE,
                    "account:sink",
                    owner="source",
                    state=MessageState.ENROUTE,
                    due=now,
                    expires=now + 1e6,
                    message_id=f"{number:X}",
                    source="1",
                    destination="491701234567",
                    pdu=octets,
                    at=now,
                )
            )
        await written
        progress(begin + GROUP, count)
    closed = store.close()
    if isinstance(closed, Deferred):
        await closed


def progress(done, count):
    if sys.stderr.isatty():
        print(f"\r{min(done, count):,} of {count:,} written", end="", file=sys.stderr, flush=True)


def resident_mib(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def bound(port, seconds):
    """A bound receiver: a socket, and what has come on it."""
    until = time.monotonic() + seconds
    while True:
        try:
            peer = socket.create_connection(("127.0.0.1", port), timeout=seconds)
            break
        except ConnectionRefusedError:
            if time.monotonic() > until:
                sys.exit(f"the message centre does not listen after {seconds} s")
            time.sleep(0.01)
    peer.sendall(BindReceiver(system_id="sink", password="secret", sequence_number=1).encode())
    framing, there = Framing(), []
    while not there:
        there = list(framing.receive(peer.recv(65536)))
    if there[0].command_status:
        sys.exit(f"the bind was refused: {there[0]!r}")
    return peer, framing, there[1:]


def receive(peer, framing, there, count):
    """Takes so many messages; returns how many a second came."""
    begin, got = time.perf_counter(), 0
    while True:
        came = [pdu for pdu in there if isinstance(pdu, DeliverSM)]
        got += len(came)
        answers = []
        for pdu in came:
            answer = pdu.answer()
            answer.sequence_number = pdu.sequence_number
            answers.append(answer.encode())
        peer.sendall(b"".join(answers))
        if got >= count:
            return round(got / (time.perf_counter() - begin))
        data = peer.recv(65536)
        if not data:
            sys.exit(f"the message centre ended the session after {got} messages")
        there = list(framing.receive(data))


def measure(store, messages):
    port = free_port()
    begin = time.perf_counter()
    command = [
        *(Path(sys.executable).with_name("twistd"), "--nodaemon", "--pidfile="),
        *("smpp", "smsc", "--listen", f"tcp:{port}:interface=127.0.0.1"),
        *("--store", store, "--auth", "memory:sink:secret"),
        *("--route", "49=account:sink"),
    ]
    with open(store.with_name("log"), "w") as log, Child(command, stdout=log, stderr=log) as child:
        peer, framing, there = bound(port, 120)
        ready = time.perf_counter() - begin
        with peer:
            first = resident_mib(child.pid)
            rate = receive(peer, framing, there, min(messages, 20_000))
            return {
                "tool": "queued",
                "messages": messages,
                "ready_seconds": round(ready, 2),
                "rss_mib_at_bind": first,
                "rss_mib_after_deliveries": resident_mib(child.pid),
                "deliveries_per_s": rate,
            }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on a real disk")
    options = parser.parse_args()
    end_on_sigterm()
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        store = folder / "messages.db"
        try:
            react(fill, (store, options.messages))
        except SystemExit as ended:
            if ended.code:
                raise
        progress(options.messages, options.messages)
        print(json.dumps(measure(store, options.messages)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(os.EX_TEMPFAIL)
