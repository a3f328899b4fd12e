"""What a submit_sm costs the message centre that is refused, beside one that is accepted.

    python refused.py
    python refused.py --window 1000 --store /var/tmp/bench

``twistd smpp smsc`` with an accounts file and a store (SQLite in a new folder in ``--store``, or
``memory``). One account may send as fast as it likes, the other once in a hundred seconds: all but
its first message are answered ESME_RTHROTTLED. smpp_pump sends with each in turn; what is told is
the CPU time of the message centre for a message, and for how much of an accepted one a refused one
stands. One JSON line; the folder is removed.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from bench_common import TOOLS, Listener, end_on_sigterm, free_port, run_json, spread

from twisted_smpp.smsc.hashes import PasswordHash

ACCOUNTS = """\
[accounts.free]
password = "{password}"
[accounts.slow]
password = "{password}"
rate = 0.01
burst = 1
"""


def accounts_file(folder):
    path = folder / "accounts.toml"
    path.write_text(ACCOUNTS.format(password=PasswordHash.of(b"secret", os.urandom(16)).text()))
    path.chmod(0o600)
    return path


def pump(port, pid, account, options):
    command = [options.pump, "--port", port, "--peer-pid", pid, "--system-id", account]
    command += ["--password", "secret", "--window", options.window, "--count", options.count]
    command += ["--registered-delivery", int(options.receipts)]
    figures, _ = run_json([*command, "--warmup", options.window])
    # The account that is slow has one message in the beginning that is not too much.
    if figures["failed" if account == "slow" else "ok"] < options.count - 1:
        sys.exit(f"not as expected: {figures}")
    return figures["peer_cpu_us_per_msg"]


def measure(options, folder):
    store = "memory" if options.store == "memory" else folder / "smsc.db"
    port = free_port()
    command = [
        *(Path(sys.executable).with_name("twistd"), "--nodaemon", "--pidfile="),
        *("smpp", "smsc", "--listen", f"tcp:{port}:interface=127.0.0.1"),
        *("--store", store, "--accounts", accounts_file(folder)),
        *("--max-unanswered", 2000),
    ]
    accepted, refused = [], []
    with Listener(command, port) as server:
        for _ in range(options.rounds):
            accepted.append(pump(port, server.pid, "free", options))
            refused.append(pump(port, server.pid, "slow", options))
    parts = [one / other for one, other in zip(refused, accepted, strict=True)]
    return {
        "tool": "refused",
        "window": options.window,
        "receipts": options.receipts,
        "accepted_cpu_us": spread(accepted),
        "refused_cpu_us": spread(refused),
        "part": spread([round(part, 3) for part in parts]),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", default=tempfile.gettempdir(), help='a folder, or "memory"')
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--count", type=int, default=50_000, help="messages of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--receipts", action="store_true", help="accepted ones have a receipt")
    parser.add_argument("--pump", default=TOOLS / "smpp_pump", help="the C tool")
    options = parser.parse_args()
    end_on_sigterm()
    parent = None if options.store == "memory" else options.store
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        print(json.dumps(measure(options, Path(folder))))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(os.EX_TEMPFAIL)
