"""Runs the C tools against servers or clients, several in turn, and prints medians.

    python measure.py server 'python server.py --port {port}'
    python measure.py server 'OURS --port {port}' 'THEIRS --port {port}'     A B A B ...
    python measure.py client 'python client.py --port {port} --window {window} --count {count}'
    python measure.py limit                          smpp_pump against smpp_sink

A server command listens on 127.0.0.1:{port}, accepts any bind and stays in the foreground. A
client command prints JSON lines with msgs_per_s, cpu_us_per_msg and, where it has them, p50_us
and p99_us; the last line counts. Shown are messages per second and CPU microseconds per
message of the process under test as median [min-max], and the medians of the round trip's
p50 and p99 in microseconds. Each further command is compared with the first.
"""

import argparse
import contextlib
import os
import shlex
import statistics
import sys

from bench_common import (
    TOOLS,
    Listener,
    end_on_sigterm,
    free_port,
    run_json,
    spread,
)

WINDOWS = (1, 10, 100, 1000)
MOST = 3_000_000


def pump(port, pid, window, count, warmup=1000, more=()):
    """One run of the pump against a server."""
    command = [TOOLS / "smpp_pump", "--port", port, "--peer-pid", pid, "--window", window]
    command += ["--count", count, "--warmup", warmup, *more]
    figures, well = run_json(command)
    figures["cpu_us_per_msg"] = figures["peer_cpu_us_per_msg"]
    return _checked(figures, well, "smpp_pump")


def client(command, port, window, count):
    """One run of a client command against the sink."""
    values = {"port": port, "window": window, "count": count}
    figures, well = run_json(part.format(**values) for part in shlex.split(command))
    return _checked(figures, well, command)


def _checked(figures, well, what):
    if not well or figures.get("failed"):
        sys.exit(f"messages were refused or lost: {what}: {figures}")
    return figures


class Contender:
    """A command with what its process talks to."""

    def __init__(self, role, label, command, stack, more=()):
        self.role, self.label, self.command = role, label, command
        port = free_port()
        if role == "server":
            argv = shlex.split(command.format(port=port))
        else:
            argv = [TOOLS / "smpp_sink", "--port", port, *more]
        self.listener = stack.enter_context(Listener(argv, port))
        self.runs, self.more = [], more

    def run(self, window, count, warmup=1000):
        if self.role == "server":
            return pump(self.listener.port, self.listener.pid, window, count, warmup, self.more)
        return client(self.command, self.listener.port, window, count)

    def calibrate(self, window, seconds):
        rate = self.run(window, 3000, 3000)["msgs_per_s"]
        self.count = max(5000, min(MOST, int(rate * seconds)))


def alternate(role, commands, window, runs=5, seconds=1.5, more=None):
    """Measures commands (label -> command) in turn; label -> figures.

    ``more`` are further options (label -> list) of the tools that they talk to.
    """
    more = more or {}
    with contextlib.ExitStack() as stack:
        contenders = [
            Contender(role, label, command, stack, more.get(label, ()))
            for label, command in commands.items()
        ]
        for contender in contenders:
            contender.calibrate(window, seconds)
        for _ in range(runs):
            for contender in contenders:
                contender.runs.append(contender.run(window, contender.count))
    return {contender.label: summary(contender.runs) for contender in contenders}


def summary(runs):
    """Of each figure the median, the extremes and every run's value."""
    keys = ("msgs_per_s", "cpu_us_per_msg", "p50_us", "p99_us")
    return {key: spread([run[key] for run in runs]) for key in keys if key in runs[0]}


def compared(ours, theirs):
    """Our speed as a part of theirs: by the rate, and by the CPU time of a message.

    The median of the ratios of neighbouring runs: a shared machine changes its speed by half
    within a minute, and two runs side by side see the same one.
    """
    rates = zip(ours["msgs_per_s"]["each"], theirs["msgs_per_s"]["each"], strict=True)
    costs = zip(ours["cpu_us_per_msg"]["each"], theirs["cpu_us_per_msg"]["each"], strict=True)
    return {
        "rate": round(statistics.median(mine / other for mine, other in rates), 3),
        "cpu": round(statistics.median(other / mine for mine, other in costs), 3),
    }


def limit(window, runs=3, seconds=1.0):
    """What the machine and the two tools can do, with nothing of Python in between."""
    command = f"{TOOLS / 'smpp_sink'} --port {{port}}"
    return alternate("server", {"limit": command}, window, runs, seconds)["limit"]


def line(label, window, figures):
    def wide(key, form):
        values = figures[key]
        return f"{values['median']:{form}} [{values['min']:{form}}-{values['max']:{form}}]"

    text = f"{label:12} {window:6}  {wide('msgs_per_s', '.0f'):>26}"
    text += f"  {wide('cpu_us_per_msg', '.2f'):>22}"
    for key in ("p50_us", "p99_us"):
        text += f" {figures[key]['median']:10.0f}" if key in figures else f"{'-':>11}"
    return text


HEADING = f"{'':12} {'window':>6}  {'msgs/s':>26}  {'CPU us/msg':>22} {'p50 us':>10} {'p99 us':>10}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("role", choices=["server", "client", "limit"])
    parser.add_argument("commands", nargs="*", metavar="command")
    parser.add_argument("--windows", default=",".join(map(str, WINDOWS)))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="aimed at for each run")
    options = parser.parse_args()
    if (options.role == "limit") == bool(options.commands):
        parser.error("server and client need a command, limit has none")
    end_on_sigterm()
    print(HEADING)
    for window in map(int, options.windows.split(",")):
        if options.role == "limit":
            print(line("limit", window, limit(window, options.runs, options.seconds)), flush=True)
            continue
        commands = {chr(ord("A") + i): command for i, command in enumerate(options.commands)}
        results = alternate(options.role, commands, window, options.runs, options.seconds)
        for label, figures in results.items():
            print(line(label, window, figures), flush=True)
        for label in list(results)[1:]:
            parts = compared(results["A"], results[label])
            print(f"  A is {parts['rate']:.0%} of {label} by rate, {parts['cpu']:.0%} by CPU time")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(os.EX_TEMPFAIL)
