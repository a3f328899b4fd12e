"""How much memory an idle bound session takes in a server's process.

    python idle.py                                 server.py, 1,000 and 5,000 sessions
    python idle.py --sessions 1000 --command 'python prototype.py server {port}'
    python idle.py --sessions 10000 --hold 65 \
        --command 'python centre.py --port {port} --store /var/tmp/bench'

A fresh process for each number: its resident memory before the first connection and while
smpp_pump --hold keeps the sessions bound, divided by their number; and the CPU time that it takes
meanwhile, for which it should be held for two enquire_link of each session, 60 seconds.
"""

import argparse
import os
import shlex
import sys

from bench_common import (
    BENCH,
    TOOLS,
    Listener,
    end_on_sigterm,
    free_port,
    raise_fd_limit,
    run_json,
)

SESSIONS = (1000, 5000)
OURS = f"{sys.executable} {BENCH / 'server.py'} --port {{port}}"
LIMIT = 6 * 1024


def memory(command, sessions, hold=4):
    """The figures of the pump, or None when so many files may not be open."""
    if raise_fd_limit() < sessions + 100:
        return None
    port = free_port()
    with Listener(shlex.split(command.format(port=port)), port) as server:
        pump = [TOOLS / "smpp_pump", "--port", port, "--sessions", sessions]
        figures, well = run_json([*pump, "--hold", hold, "--peer-pid", server.pid])
    if not well or figures["still_open"] != sessions:
        sys.exit(f"not all sessions stayed: {figures}")
    keys = (
        *("sessions", "peer_bytes_per_session", "peer_rss_kb_before", "peer_rss_kb"),
        *("peer_idle_cpu_us_per_s", "held_seconds", "enquire_links"),
    )
    return {key: figures[key] for key in keys}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", default=",".join(map(str, SESSIONS)))
    parser.add_argument("--hold", type=float, default=4, help="seconds")
    parser.add_argument("--command", default=OURS, help="with {port}")
    options = parser.parse_args()
    end_on_sigterm()
    for sessions in map(int, options.sessions.split(",")):
        figures = memory(options.command, sessions, options.hold)
        if figures is None:
            print(f"{sessions} sessions: not measured, too few files may be open (ulimit -Hn)")
            continue
        per_session = figures["peer_bytes_per_session"] / 1024
        core = figures["peer_idle_cpu_us_per_s"] / 1e4
        print(
            f"{sessions:6} sessions: {per_session:5.2f} KiB each, {core:4.1f} % of a core for "
            f"{figures['enquire_links']} enquire_link in {figures['held_seconds']:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(os.EX_TEMPFAIL)
