"""What the drivers share: processes, the facts about the machine, one measured round."""

import json
import os
import platform
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time
from importlib import metadata, util
from pathlib import Path

BENCH = Path(__file__).resolve().parent
TOOLS = BENCH / "bin"

# The message that everybody sends: with it a submit_sm has 92 octets.
TEXT = b"The quick brown fox jumps over the lazy "


def raise_fd_limit():
    """As many open files as the system lets us have; returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


# Processes. Each that is started here is ended here, by its id.


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port):
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, _, state = line.split()[:4]
            if state == "0A" and int(local.rsplit(":", 1)[1], 16) == port:
                return True
    return False


class Child:
    """A process of ours, for a ``with`` statement: it does not outlive the block."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen([str(part) for part in command], **options)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, signal_number=signal.SIGTERM):
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal_number)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass  # it gets no further chance
        finally:  # also when Ctrl-C comes meanwhile
            self.process.kill()
            self.process.wait()


class Listener(Child):
    """A server that listens on ``port`` before the block begins."""

    def __init__(self, command, port):
        super().__init__(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.port = port
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self):
        until = time.monotonic() + 30
        while not listening(self.port):
            if self.process.poll() is not None:
                sys.exit(f"{self.process.args[0]} ended:\n{self.process.stderr.read()[-2000:]}")
            if time.monotonic() > until:
                sys.exit(f"not listening after 30 s: {' '.join(self.process.args)}")
            time.sleep(0.02)
        time.sleep(0.2)

    def stop(self, signal_number=signal.SIGTERM):
        super().stop(signal_number)
        self.process.stderr.close()


def run_json(command, timeout=600):
    """The last JSON line that a command prints, and whether it ended well."""
    command = [str(part) for part in command]
    with Child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        out, err = child.process.communicate(timeout=timeout)
        lines = [line for line in out.splitlines() if line.startswith("{")]
        if not lines:
            sys.exit(f"no JSON line from {' '.join(command)}:\n{out[-500:]}{err[-1500:]}")
        return json.loads(lines[-1]), child.process.returncode == 0


def end_on_sigterm():
    """SIGTERM ends a driver like Ctrl-C: what it started is stopped on the way out."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell starts what runs in the background with SIGINT ignored, and children inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Figures.


def spread(values):
    """The median, the extremes and the values themselves."""
    return {
        "each": values,
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "runs": len(values),
    }


def version(distribution):
    """The installed version, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def installed(module):
    return util.find_spec(module) is not None


def load():
    return [round(value, 2) for value in os.getloadavg()]


def machine():
    """What a figure depends on, without naming the machine."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": {
            name: version(name) for name in ("twisted_smpp", "Twisted", "smpplib", "aiosmpplib")
        },
    }


# One measured round of a client of another library.


def cpu_us():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1e6


def quantile(ordered, part):
    """In microseconds, from sorted nanoseconds."""
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))] / 1000, 1)


class Round:
    """Counts ``count`` answers with at most ``window`` outstanding.

    The driver calls start(), then send(key) for each request and done(key) for each answer;
    done() says True at the last.
    """

    def __init__(self, name, window, count):
        self.name, self.window, self.count = name, window, count

    def start(self):
        self.sent = self.answered = 0
        self.sent_at = {}
        self.latencies = []
        self.wall, self.cpu = time.perf_counter(), cpu_us()

    @property
    def free(self):
        return min(self.window - (self.sent - self.answered), self.count - self.sent)

    def send(self, key):
        self.sent += 1
        self.sent_at[key] = time.perf_counter_ns()

    def done(self, key):
        self.latencies.append(time.perf_counter_ns() - self.sent_at.pop(key))
        self.answered += 1
        return self.answered >= self.count

    def report(self):
        wall, cpu = time.perf_counter() - self.wall, cpu_us() - self.cpu
        ordered = sorted(self.latencies)
        figures = {
            "client": self.name,
            "window": self.window,
            "count": self.count,
            "ok": self.answered,
            "failed": 0,
            "msgs_per_s": round(self.count / wall),
            "cpu_us_per_msg": round(cpu / self.count, 3),
            "p50_us": quantile(ordered, 0.5),
            "p99_us": quantile(ordered, 0.99),
        }
        print(json.dumps(figures), flush=True)
