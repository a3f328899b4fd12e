"""The benchmarks still run: nothing is timed here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from twisted_smpp import SubmitSM, decode

BENCH = Path(__file__).parent.parent / "bench"
COMPILER = os.environ.get("CC", "cc")
PATIENCE = 60
MESSAGES = 500


def run(*command):
    """The JSON line that a command prints, which has to end well."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def serving(*command):
    """The port and the id of a process that prints its port and then serves until the end."""
    with subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """The folder of smpp_pump and smpp_sink."""
    for needed in ("make", COMPILER):
        if shutil.which(needed) is None:
            pytest.skip(f"the C tools cannot be built: there is no {needed}")
    if not sys.platform.startswith("linux"):
        pytest.skip("the C tools need Linux")
    folder = tmp_path_factory.mktemp("bin")
    flags = "CFLAGS=-O1 -std=gnu11 -Wall -Wextra -Werror"
    done = subprocess.run(
        ["make", "-C", BENCH, f"OUT={folder}", f"CC={COMPILER}", flags],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def bench(monkeypatch):
    """Lets the modules of bench/ be imported."""
    monkeypatch.syspath_prepend(BENCH)
    yield
    for name in ("bench_common", "codec_cases"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("window", [1, 100])
def test_server(tools, window):
    with serving(sys.executable, BENCH / "server.py", "--port", 0, "--print-port") as (port, pid):
        figures = run(
            *(tools / "smpp_pump", "--port", port, "--peer-pid", pid, "--window", window),
            *("--count", MESSAGES, "--warmup", 10),
        )
    assert (figures["ok"], figures["failed"], figures["unexpected"]) == (MESSAGES, 0, 0)


def test_server_holds_idle_sessions(tools):
    with serving(sys.executable, BENCH / "server.py", "--port", 0, "--print-port") as (port, pid):
        figures = run(
            *(tools / "smpp_pump", "--port", port, "--peer-pid", pid),
            *("--sessions", 20, "--hold", 0.2),
        )
    assert figures["still_open"] == 20
    assert figures["peer_rss_kb"] > 0


def test_s04_refused_and_accepted_ones_are_compared(tools):
    figures = run(
        *(sys.executable, BENCH / "refused.py", "--store", "memory"),
        *("--pump", tools / "smpp_pump", "--count", 20_000, "--rounds", 1, "--window", 10),
    )
    assert figures["accepted_cpu_us"]["runs"] == figures["refused_cpu_us"]["runs"] == 1
    assert figures["part"]["median"] >= 0


@pytest.mark.parametrize("window", [1, 100])
@pytest.mark.parametrize("client", ["client", "prototype"])
def test_client(tools, client, window):
    arguments = ["--window", window, "--count", MESSAGES]
    with serving(tools / "smpp_sink", "--port", 0, "--print-port", "--check") as (port, _):
        if client == "prototype":
            arguments = ["client", port, window, MESSAGES]
        else:
            arguments += ["--port", port]
        figures = run(sys.executable, BENCH / f"{client}.py", *arguments)
    assert (figures["ok"], figures["failed"]) == (MESSAGES, 0)
    assert figures["msgs_per_s"] > 0
    assert figures["cpu_us_per_msg"] > 0


def test_client_reports_a_refusal(tools):
    sink = (tools / "smpp_sink", "--port", 0, "--print-port", "--fail-every", 100)
    with serving(*sink) as (port, _):
        done = subprocess.run(
            [sys.executable, BENCH / "client.py", "--port", str(port), "--count", "500"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert done.returncode == 1
    assert json.loads(done.stdout)["failed"] == 5


@pytest.mark.parametrize("library", ["twisted_smpp", "smpplib", "aiosmpplib"])
def test_cases_make_the_reference_octets(bench, library):
    import codec_cases

    if library not in codec_cases.available():
        pytest.skip(f"{library} is not installed")
    assert codec_cases.check(library) == []


def test_our_cases_are_exact(bench):
    import codec_cases

    for name, case in codec_cases.twisted_smpp().items():
        reference = codec_cases.PDUS[name]
        assert case["encode"]() == reference
        assert case["decode"]() == decode(reference)


def test_the_submit_sm_that_is_measured(bench):
    import codec_cases

    octets = codec_cases.PDUS["submit_sm"]
    assert len(octets) == 92
    assert isinstance(decode(octets), SubmitSM)
