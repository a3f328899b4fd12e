"""An ESMEService that keeps its window full: by request(), or by send() and a handle each.

    bin/smpp_sink --port 2775 --receipts &
    python sender.py --port 2775 --window 100 --count 50000 --mode receipts
    python sender.py --port 2775 --window 100 --count 50000 --mode outbox --store /var/tmp/bench

Modes: ``request``: submit_sm requests on the session that the service holds; ``send``: texts
with a message handle, no receipts asked for; ``receipts``: the same until the receipt of
each has come and was matched; ``outbox``: as ``send``, with an outbox in a SQLite file in the
folder ``--store``, which should be on a real disk. One JSON line:
messages per second, CPU microseconds per message (user and system).
Exit status 1 when a message was refused or lost.
"""

import argparse
import cProfile
import json
import shutil
import tempfile
import time
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_smpp import ESMEService, Progress, SQLiteStore, SubmitSM
from twisted_smpp.daemon.collector import settle
from twisted_smpp.esme.outbox import Outbox

TEXT = "x" * 40


def by_request(service, count, window, done):
    sent = answered = 0
    request = service.request

    def send():
        nonlocal sent
        sent += 1
        request(
            SubmitSM(
                source_addr_ton=5,
                source_addr="TestApp",
                dest_addr_ton=1,
                dest_addr_npi=1,
                destination_addr="491761234567",
                registered_delivery=0,
                short_message=TEXT.encode(),
            )
        ).addCallbacks(ok, done.errback)

    def ok(_):
        nonlocal answered
        answered += 1
        if sent < count:
            send()
        elif answered == count:
            done.callback(None)

    for _ in range(min(window, count)):
        send()


def by_send(service, count, window, done, mode):
    sent = ended = 0
    receipts = mode == "receipts"

    def send():
        nonlocal sent
        sent += 1
        message = service.send("491761234567", TEXT, source="TestApp", receipt=receipts)
        message.final.addCallbacks(ok, done.errback)

    def ok(message):
        nonlocal ended
        if message.progress not in (Progress.SENT, Progress.DELIVERED):
            done.errback(RuntimeError(str(message)))
            return
        ended += 1
        if sent < count:
            send()
        elif ended == count:
            done.callback(None)

    # With receipts, twice the window, so that it stays full while some await their receipt.
    # With an outbox likewise, while some are being written.
    for _ in range(min((2 if receipts or mode == "outbox" else 1) * window, count)):
        send()


def outbox_in(folder, reactor):
    folder = Path(tempfile.mkdtemp(dir=folder))
    store = SQLiteStore(folder / "esme.db", reactor=reactor)
    store.open()
    return Outbox(store, "bench"), folder


async def main(reactor, options):
    outbox = folder = None
    if options.mode == "outbox":
        outbox, folder = outbox_in(options.store, reactor)
    service = ESMEService(
        f"tcp:127.0.0.1:{options.port}",
        "bench",
        "pw",
        window=options.window,
        outbox=outbox,
        reactor=reactor,
    )
    service.startService()
    await service.when_bound()
    settle()  # as docs/topics/speed.md advises, and the daemon does
    done = Deferred()
    profile = cProfile.Profile() if options.profile else None
    if profile:
        profile.enable()
    wall, cpu = time.perf_counter(), time.process_time()
    if options.mode == "request":
        by_request(service, options.count, options.window, done)
    else:
        by_send(service, options.count, options.window, done, options.mode)
    await done
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if profile:
        profile.disable()
        profile.dump_stats(options.profile)
    await service.stopService()
    if outbox is not None:
        await outbox.store.close()
        shutil.rmtree(folder)
    figures = {
        "mode": options.mode,
        "msgs_per_s": round(options.count / wall),
        "cpu_us_per_msg": round(cpu / options.count * 1e6, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--mode", choices=["request", "send", "receipts", "outbox"], default="send")
    parser.add_argument("--store", default=".", help="the folder of the outbox")
    parser.add_argument("--profile")
    options = parser.parse_args()
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, options)))
