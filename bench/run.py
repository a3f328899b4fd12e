"""Makes every figure of docs/topics/speed.md again: one command, about twelve minutes.

    python run.py                    everything
    python run.py --quick            the same steps in about two minutes, with coarser figures
    python run.py --only e2e         one part: codec, e2e, centre, service, peers or memory

It builds the C tools, then measures: the codec beside other libraries; the message centre and
the ESME beside the prototype, in turn, at each window; the message centre with its stores, with
receipts and without; an ESMEService with handles, receipts
and an outbox beside the prototype; other libraries as clients and as servers; the memory of
idle sessions. The figures go to results/<date>.json, and a table in Markdown is printed.
Ctrl-C ends it and what it started.
"""

import argparse
import contextlib
import datetime
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import codec
import idle
import measure
import pyperf
from bench_common import BENCH, TOOLS, Child, end_on_sigterm, load, machine, spread

PARTS = ("codec", "e2e", "centre", "service", "peers", "memory")
PYTHON = sys.executable
COMMANDS = {
    "server": {
        "twisted_smpp": f"{PYTHON} {BENCH}/server.py --port {{port}}",
        "prototype": f"{PYTHON} {BENCH}/prototype.py server {{port}}",
    },
    "client": {
        "twisted_smpp": f"{PYTHON} {BENCH}/client.py --port {{port}} --window {{window}}"
        " --count {count}",
        "prototype": f"{PYTHON} {BENCH}/prototype.py client {{port}} {{window}} {{count}}",
    },
}
# Other libraries have an environment of their own (make peers): one wants an older Twisted.
PEERS_PYTHON = BENCH / "peers" / "bin" / "python"
PEERS = {
    "client": ("smpplib", "aiosmpplib", "smpp.twisted3", "smpp34"),
    "server": ("smpp.twisted3", "smpp34"),
}
PEERS_WINDOW = SERVICE_WINDOW = 100
SENDER = f"{PYTHON} {BENCH}/sender.py --port {{port}} --window {{window}} --count {{count}}"
SERVICE = {
    "request": "`request()` of a PDU",
    "send": "`send()` of a text of one part, until it is accepted",
    "receipts": "`send()`, until its receipt came and was matched",
    "outbox": "`send()` with an outbox in SQLite, synchronous=FULL",
}
CENTRE = f"{PYTHON} {BENCH}/centre.py --port {{port}} --store"
STORES = {
    "memory": ("in memory", 100, 0),
    "sqlite": ("in SQLite, synchronous=FULL", 1000, 0),
    "memory receipts": ("in memory, each with its receipt", 100, 1),
    "sqlite receipts": ("in SQLite, each with its receipt", 1000, 1),
}
ROLES = {"server": "as message centre", "client": "as ESME"}

# What is aimed at.
CODEC_GOALS = {
    ("submit_sm", "decode"): {"smpplib": 15, "aiosmpplib": 10},
    ("submit_sm", "encode"): {"smpplib": 20, "aiosmpplib": 6},
}
E2E_GOALS = {1: 0.85, 10: 0.60, 100: 0.60, 1000: 0.60}
SERVICE_GOALS = {"request": 0.55, "send": 0.30, "receipts": 0.15, "outbox": 0.10}
MEMORY_GOAL = 6.0
#: Of the prototype's rate at window 100; of SQLite also the part of the rate in memory. With
#: receipts, conversations a second: submit_sm, deliver_sm and both of their responses.
CENTRE_GOALS = {"memory": 0.40, "sqlite": 0.20}
CENTRE_SQLITE, CENTRE_RECEIPTS = 0.50, 12_000


class Steps:
    """Says before each step which it is, and how long it has been running."""

    def __init__(self, total):
        self.total, self.done = total, 0
        self.begin = time.monotonic()

    def __call__(self, what):
        self.done += 1
        seconds = time.monotonic() - self.begin
        print(f"[{self.done}/{self.total}] {seconds:5.0f} s  {what}", file=sys.stderr, flush=True)


def build():
    subprocess.run(["make", "--quiet", "-C", BENCH], check=True)
    for tool in ("smpp_pump", "smpp_sink"):
        if not (TOOLS / tool).exists():
            sys.exit(f"{tool} was not built")


def run_codec(options):
    """ "pdu operation" -> library -> microseconds, and how many times ours they are.

    Several passes over all libraries, each with a process for each: the ratios are those
    within a pass, because the machine changes its speed between them.
    """
    passes = [codec_pass(options) for _ in range(options.runs)]
    table = {}
    for key, libraries in passes[0].items():
        row = table[" ".join(key)] = {}
        for library in libraries:
            row[library] = spread([each[key][library]["median"] for each in passes])
            row[library]["ratio"] = statistics.median(
                each[key][library]["median"] / each[key][codec.OURS]["median"] for each in passes
            )
    return table


def codec_pass(options):
    """(pdu, operation) -> library -> the figures of one run of codec.py."""
    with tempfile.TemporaryDirectory() as folder:
        kept = os.path.join(folder, "codec.json")
        command = [PYTHON, BENCH / "codec.py", "--quiet", "-o", kept]
        command += ["--processes", "1", "--values", "3", "--min-time", "0.04"]
        if options.quick:
            command += ["--pdu", "submit_sm"]
        child = Child(command, stdout=subprocess.DEVNULL)
        try:
            if child.process.wait():
                sys.exit("codec.py failed")
        except BaseException:
            child.stop(signal.SIGINT)  # it has workers of its own, and ends them on SIGINT
            raise
        return codec.medians(pyperf.BenchmarkSuite.load(kept).get_benchmarks())


def run_e2e(options, step):
    results = {}
    for role, commands in COMMANDS.items():
        for window in options.windows:
            step(f"{ROLES[role]}, window {window}, beside the prototype")
            figures = measure.alternate(role, commands, window, options.runs, options.seconds)
            figures["ratio"] = measure.compared(*(figures[label] for label in commands))
            results.setdefault(role, {})[str(window)] = figures
    return results


def run_service(options, step):
    """ "prototype" and modes of sender.py -> figures, with the ratios to the prototype."""
    step("an ESMEService beside the prototype")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # /tmp may be in memory
        commands = {mode: f"{SENDER} --mode {mode} --store {folder}" for mode in SERVICE}
        commands["prototype"] = COMMANDS["client"]["prototype"]
        figures = measure.alternate(
            *("client", commands, SERVICE_WINDOW, options.runs, options.seconds),
            more={"receipts": ["--receipts"]},
        )
    for mode in SERVICE:
        figures[mode]["ratio"] = measure.compared(figures[mode], figures["prototype"])
    return figures


def run_centre(options, step):
    """ "prototype" and stores -> figures, with the ratios to the prototype."""
    step("a message centre with its stores, beside the prototype")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # /tmp may be in memory
        commands = {
            name: f"{CENTRE} {'memory' if name.startswith('memory') else f'{folder}/{number}'}"
            for number, name in enumerate(STORES)
        }
        commands["prototype"] = COMMANDS["server"]["prototype"]
        more = {
            name: ["--window", window, "--registered-delivery", receipts]
            for name, (_, window, receipts) in STORES.items()
        }
        figures = measure.alternate("server", commands, 100, options.runs, options.seconds, more)
    for name in STORES:
        figures[name]["ratio"] = measure.compared(figures[name], figures["prototype"])
    for name in ("sqlite", "sqlite receipts"):
        memory = figures[name.replace("sqlite", "memory")]
        figures[name]["of_memory"] = measure.compared(figures[name], memory)
    return figures


def run_peers(options, step):
    """Role -> library -> figures."""
    results = {}
    if not PEERS_PYTHON.exists():
        print("    other libraries are left out: make -C bench peers", file=sys.stderr)
    for role, names in PEERS.items():
        step(f"other libraries {ROLES[role]}")
        commands = {"twisted_smpp": COMMANDS[role]["twisted_smpp"]}
        for name in names if PEERS_PYTHON.exists() else ():
            command = f"{PEERS_PYTHON} {BENCH}/peers_e2e.py {role} {name} --port {{port}}"
            if role == "client":
                command += " --window {window} --count {count}"
            commands[name] = command
        figures = measure.alternate(role, commands, PEERS_WINDOW, options.runs, options.seconds)
        results[role] = figures
    return results


def run_memory(options, step):
    results = {}
    for label, command in COMMANDS["server"].items():
        for sessions in options.sessions:
            step(f"memory of {sessions} idle sessions, {label}")
            figures = idle.memory(command, sessions, 2 if options.quick else 5)
            if figures is None:
                print("    left out: too few files may be open (ulimit -Hn)", file=sys.stderr)
            else:
                results.setdefault(label, {})[str(sessions)] = figures
    return results


# The table.


def verdict(good):
    return "met" if good else "**missed**"


def codec_rows(table):
    yield "| codec, CPU µs | twisted_smpp | smpplib | aiosmpplib | goal |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for key, row in table.items():
        ours = row["twisted_smpp"]["median"]
        cells, goals = [f"{ours:.2f}"], []
        for library in ("smpplib", "aiosmpplib"):
            if library not in row:
                cells.append("-")
                continue
            ratio = row[library]["ratio"]
            cells.append(f"{row[library]['median']:.1f} ({ratio:.1f} ×)")
            goal = CODEC_GOALS.get(tuple(key.split()), {}).get(library)
            if goal:
                goals.append(f"≥ {goal} × {library}: {verdict(ratio >= goal)}")
        yield f"| {key.replace(' ', ', ')} | {' | '.join(cells)} | {'; '.join(goals)} |"


def spread_of(figures, key, form):
    values = figures[key]
    return f"{values['median']:{form}} ({values['min']:{form}}–{values['max']:{form}})"


def e2e_rows(results):
    yield (
        "| role, window | messages/s | of the prototype | CPU µs a message | of the prototype's"
        " speed | p50 / p99 µs | goal |"
    )
    yield "| --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for role, windows in results.items():
        for window, figures in windows.items():
            ours, theirs, ratio = (figures[k] for k in ("twisted_smpp", "prototype", "ratio"))
            goal = E2E_GOALS.get(int(window))
            aim = f"≥ {goal:.0%}: {verdict(ratio['rate'] >= goal)}" if goal else ""
            yield (
                f"| {ROLES[role]}, {window} | {spread_of(ours, 'msgs_per_s', ',.0f')}"
                f" | {ratio['rate']:.0%} of {theirs['msgs_per_s']['median']:,.0f}"
                f" | {spread_of(ours, 'cpu_us_per_msg', '.2f')}"
                f" | {ratio['cpu']:.0%} ({theirs['cpu_us_per_msg']['median']:.2f})"
                f" | {ours['p50_us']['median']:,.0f} / {ours['p99_us']['median']:,.0f} | {aim} |"
            )


def service_rows(results):
    yield (
        f"| `ESMEService`, window {SERVICE_WINDOW} | messages/s | of the prototype"
        " | CPU µs a message | of the prototype's speed | goal |"
    )
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    beside = results["prototype"]
    for mode, what in SERVICE.items():
        figures, goal = results[mode], SERVICE_GOALS[mode]
        ratio = figures["ratio"]
        yield (
            f"| {what} | {spread_of(figures, 'msgs_per_s', ',.0f')}"
            f" | {ratio['rate']:.0%} of {beside['msgs_per_s']['median']:,.0f}"
            f" | {spread_of(figures, 'cpu_us_per_msg', '.1f')}"
            f" | {ratio['cpu']:.0%} ({beside['cpu_us_per_msg']['median']:.2f})"
            f" | ≥ {goal:.0%}: {verdict(ratio['rate'] >= goal)} |"
        )


def centre_rows(results):
    yield (
        "| message centre, messages kept | window | messages/s | of the prototype"
        " | CPU µs a message | of the prototype's speed | of that in memory | goal |"
    )
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
    beside = results["prototype"]
    for name, (what, window, _) in STORES.items():
        figures = results[name]
        ratio, of_memory = figures["ratio"], figures.get("of_memory")
        yield (
            f"| {what} | {window} | {spread_of(figures, 'msgs_per_s', ',.0f')}"
            f" | {ratio['rate']:.0%} of {beside['msgs_per_s']['median']:,.0f}"
            f" | {spread_of(figures, 'cpu_us_per_msg', '.1f')}"
            f" | {ratio['cpu']:.0%} ({beside['cpu_us_per_msg']['median']:.2f})"
            f" | {format(of_memory['rate'], '.0%') if of_memory else ''}"
            f" | {'; '.join(centre_goals(name, figures))} |"
        )


def centre_goals(name, figures):
    if name not in CENTRE_GOALS:
        good = figures["msgs_per_s"]["median"] >= CENTRE_RECEIPTS
        yield f"≥ {CENTRE_RECEIPTS:,}/s: {verdict(good)}"
        return
    goal = CENTRE_GOALS[name]
    yield f"≥ {goal:.0%}: {verdict(figures['ratio']['rate'] >= goal)}"
    if "of_memory" in figures:
        good = figures["of_memory"]["rate"] >= CENTRE_SQLITE
        yield f"≥ {CENTRE_SQLITE:.0%} of memory: {verdict(good)}"


def peer_rows(results):
    yield f"| library, window {PEERS_WINDOW} | messages/s | CPU µs a message | p50 / p99 µs |"
    yield "| --- | ---: | ---: | ---: |"
    for role, libraries in results.items():
        for name, figures in libraries.items():
            yield (
                f"| {name} {ROLES[role]} | {spread_of(figures, 'msgs_per_s', ',.0f')}"
                f" | {spread_of(figures, 'cpu_us_per_msg', '.1f')}"
                f" | {figures['p50_us']['median']:,.0f} / {figures['p99_us']['median']:,.0f} |"
            )


def memory_rows(results):
    yield "| idle bound sessions | KiB each | the prototype | goal |"
    yield "| ---: | ---: | ---: | --- |"
    bare = results.get("prototype", {})
    for sessions, figures in results.get("twisted_smpp", {}).items():
        each = figures["peer_bytes_per_session"] / 1024
        beside = bare[sessions]["peer_bytes_per_session"] / 1024 if sessions in bare else 0
        good = verdict(each <= MEMORY_GOAL)
        yield f"| {int(sessions):,} | {each:.2f} | {beside:.2f} | ≤ {MEMORY_GOAL:g} KiB: {good} |"


ROWS = {
    "codec": codec_rows,
    "e2e": e2e_rows,
    "centre": centre_rows,
    "service": service_rows,
    "peers": peer_rows,
    "memory": memory_rows,
}


def markdown(results):
    """The tables of all parts that were measured."""
    about = results["machine"]
    versions = ", ".join(f"{name} {v}" for name, v in about["versions"].items() if v)
    yield (
        f"{results['date']}, {about['cpu']}, {about['cores']} cores, {about['system']}, "
        f"{about['python']}; {versions}. Load average before and after: "
        f"{results['load_before'][0]} and {results['load_after'][0]}."
    )
    for part, rows in ROWS.items():
        if part in results:
            yield ""
            yield from rows(results[part])


def save(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{results['date'][:10]}.json"
    for number in itertools.count(2):
        if not path.exists():
            break
        path = folder / f"{results['date'][:10]}-{number}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    return path


def measure_all(options):
    steps = 1 + sum(part in options.only for part in ("codec", "centre", "service"))
    steps += len(PEERS) * ("peers" in options.only)
    steps += 2 * len(options.windows) * ("e2e" in options.only)
    steps += 2 * len(options.sessions) * ("memory" in options.only)
    step = Steps(steps)
    step("building the C tools")
    build()
    results = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "quick": options.quick,
        "machine": machine(),
        "load_before": load(),
    }
    if "codec" in options.only:
        step("the codec beside other libraries")
        results["codec"] = run_codec(options)
    if "e2e" in options.only:
        results["e2e"] = run_e2e(options, step)
    if "centre" in options.only:
        results["centre"] = run_centre(options, step)
    if "service" in options.only:
        results["service"] = run_service(options, step)
    if "peers" in options.only:
        results["peers"] = run_peers(options, step)
    if "memory" in options.only:
        results["memory"] = run_memory(options, step)
    results["load_after"] = load()
    return results


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--runs", type=int, help="of each figure (9; quick: 3)")
    parser.add_argument("--seconds", type=float, help="of each run (1.5; quick: 0.5)")
    parser.add_argument("--windows", default="1,10,100,1000")
    parser.add_argument("--sessions", default="1000,5000")
    parser.add_argument("--no-save", action="store_true", help="only print")
    parser.add_argument("--show", metavar="FILE", help="only print the table of earlier results")
    options = parser.parse_args()
    options.only = options.only or PARTS
    options.runs = options.runs or (3 if options.quick else 9)
    options.seconds = options.seconds or (0.5 if options.quick else 1.5)
    options.windows = [int(window) for window in options.windows.split(",")]
    options.sessions = [int(sessions) for sessions in options.sessions.split(",")]
    return options


def main():
    options = arguments()
    if options.show:
        with open(options.show) as kept:
            print("\n".join(markdown(json.load(kept))))
        return 0
    end_on_sigterm()
    if load()[0] > 0.5:
        print(f"the machine is busy (load {load()[0]}): rates will be low", file=sys.stderr)
    results = measure_all(options)
    print("\n".join(markdown(results)))
    if not options.no_save:
        path = save(results, BENCH / "results")
        print(f"kept in {path.relative_to(BENCH.parent)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    print("interrupted", file=sys.stderr)
    sys.exit(130)
