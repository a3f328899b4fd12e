"""Binds by the thousand: after a restart, again and again, and wrong ones by the clock."""

import asyncio
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from accounts_kit import HASH, account
from chaos_kit import AUTH, SECONDS, environment, free_port, raise_fd_limit, wait_until
from twisted.internet.defer import execute
from twisted.internet.task import Clock

from twisted_smpp.smsc import AccountsFile
from twisted_smpp.smsc.checking import BindCredentials
from twisted_smpp.smsc.hashes import PasswordHash
from twisted_smpp.smsc.verifying import Verifier
from twisted_smpp.wire.pdus import BindTransceiver, Unbind

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

SESSIONS = int(os.environ.get("CHAOS_SESSIONS", "1000"))
CYCLES = int(os.environ.get("CHAOS_CYCLES", "2000"))
TRIES = int(os.environ.get("CHAOS_TRIES", "0"))
#: Sessions of one account.
OF_AN_ACCOUNT = 100


class Centre:
    """A message centre on a store in memory."""

    def __init__(self, folder, *arguments):
        self.port = free_port()
        self.log = folder / "twistd.log"
        listen = f"tcp:{self.port}:interface=127.0.0.1:backlog=4096"
        twistd = str(Path(sys.executable).with_name("twistd"))
        command = [twistd, "--nodaemon", "--pidfile=", "smpp", "smsc", "--listen", listen]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--store", "memory", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment(folder),
            )
        wait_until(self.listens, what="listening")

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def resident(self):
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def seconds(self):
        """CPU time that it has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(2 * SECONDS)


@pytest.fixture
def centre(tmp_path):
    made = []

    def make(*arguments):
        made.append(Centre(tmp_path, *arguments))
        return made[-1]

    yield make
    for each in made:
        each.process.kill()
        each.process.wait()


def address(number):
    return f"127.{2 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"


async def session(port, number, name, statuses, deadline):
    """Binds, again after a second and ever longer until it is bound; the connection."""
    delay = 1.0
    octets = BindTransceiver(system_id=name, password="secret").encode()
    while time.monotonic() < deadline:
        writer = None
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(address(number), 0)
            )
            writer.write(octets)
            header = await reader.readexactly(16)
            status = int.from_bytes(header[8:12], "big")
        except (OSError, asyncio.IncompleteReadError):
            status = "closed"
        statuses[status] += 1
        if status == 0:
            return writer
        if writer is not None:
            writer.close()
        await asyncio.sleep(random.uniform(0.5, 1) * delay)
        delay = min(2 * delay, 8.0)
    raise AssertionError(f"not bound in time: {statuses}")


async def storm(port, count, seconds):
    """All bind at once; how long that took, and how they were answered."""
    statuses, begin = Counter(), time.monotonic()
    made = await asyncio.gather(
        *(
            session(port, each, f"a{each // OF_AN_ACCOUNT}", statuses, begin + seconds)
            for each in range(count)
        )
    )
    took = time.monotonic() - begin
    for writer in made:
        writer.transport.abort()
    return took, statuses


def test_a10_all_sessions_bind_at_once_after_a_restart(centre, tmp_path, capsys):
    raise_fd_limit(SESSIONS + 200)
    accounts = tmp_path / "accounts.toml"
    names = range(-(-SESSIONS // OF_AN_ACCOUNT))
    hashes = [PasswordHash.of(b"secret", os.urandom(16)).text() for _ in names]
    tables = (account(f"a{each}", password=hashes[each], max_binds=OF_AN_ACCOUNT) for each in names)
    accounts.write_text("\n".join(tables))
    accounts.chmod(0o600)
    # With no more than 1,000 places most of 10,000 would have to come again and again.
    most = ("--max-sessions", str(SESSIONS), "--max-unbound", str(min(SESSIONS, 9_800)))
    daemon = centre("--accounts", str(accounts), *most)
    figures = []
    for what in ("after a restart", "again"):
        before = daemon.seconds()
        took, statuses = asyncio.run(storm(daemon.port, SESSIONS, 60))
        cpu = daemon.seconds() - before
        figures.append(f"{what}: {took:.1f} s, {cpu:.1f} s of CPU, answers {dict(statuses)}")
        assert statuses[0] == SESSIONS
        assert statuses.keys() <= {0, 0x58, "closed"}  # ESME_RTHROTTLED, or the crowd
        wait_until(lambda: daemon.files() < 100, what="the end of the sessions")
    with capsys.disabled():
        print(f"\nA10: {SESSIONS} sessions of {len(names)} accounts;", "; ".join(figures))
    assert "is banned for" not in daemon.log.read_text()
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.log.read_text()


async def churn(port, cycles, at_once=20):
    """Sessions come, are bound, and go."""
    bind = BindTransceiver(system_id="source", password="secret").encode()
    unbind = Unbind(sequence_number=2).encode()
    numbers = iter(range(cycles))

    async def come_and_go():
        for number in numbers:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(address(number % 60_000), 0)
            )
            writer.write(bind)
            assert (await reader.readexactly(16))[8:12] == bytes(4)
            if number % 2:
                writer.write(unbind)
                with suppress(ConnectionError):
                    await reader.read()
            writer.close()

    await asyncio.gather(*(come_and_go() for _ in range(at_once)))


def test_s20_sessions_that_come_and_go_leave_nothing(centre, capsys):
    """``CHAOS_CYCLES=1000000`` takes some twenty minutes."""
    daemon = centre(*AUTH, "--connect-rate", "10000", "--connect-burst", "10000")
    daemon.log.unlink()  # a million sessions are 200 MB of it
    asyncio.run(churn(daemon.port, CYCLES // 4))  # until what is there once is there
    wait_until(lambda: daemon.files() < 40, what="the end of the sessions")
    before = daemon.resident(), daemon.files()
    begin = time.monotonic()
    asyncio.run(churn(daemon.port, CYCLES))
    rate = CYCLES / (time.monotonic() - begin)
    wait_until(lambda: daemon.files() <= before[1], what="the end of the sessions")
    grown = daemon.resident() - before[0]
    with capsys.disabled():
        print(f"\nS20: {CYCLES} cycles, {rate:.0f}/s; {grown / 1024:.0f} KiB more")
    # Tables of addresses are bounded by 10,000 entries of some 400 octets.
    assert grown < 8 * 1024 * 1024
    assert daemon.stop() == 0


@pytest.mark.skipif(not TRIES, reason="takes minutes: make chaos, or CHAOS_TRIES=1000")
def test_a09_mean_times_of_wrong_binds_differ_by_less_than_five_percent(tmp_path, capsys):
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(
        account("right")
        + account("elsewhere", networks=["198.51.100.0/24"])
        + account("disabled", disabled=True)
    )
    accounts.chmod(0o600)
    assert HASH in accounts.read_text()
    file = AccountsFile(accounts, verifier=Verifier(Clock(), execute, os.urandom(32)))
    binds = [
        ("unknown id", b"nobody", b"secret"),
        ("wrong password", b"right", b"wrong"),
        ("wrong network", b"elsewhere", b"secret"),
        ("disabled", b"disabled", b"secret"),
    ]
    times = {what: [] for what, *_ in binds}
    for _ in range(TRIES):
        random.shuffle(binds)
        for what, name, password in binds:
            begin = time.process_time()
            verdict = file.requestAvatarId(BindCredentials(name, password))
            times[what].append(time.process_time() - begin)
            verdict.addErrback(lambda _: None)
    means = {what: statistics.fmean(each) for what, each in times.items()}
    spread = max(means.values()) / min(means.values()) - 1
    with capsys.disabled():
        shown = ", ".join(f"{what} {mean * 1e3:.2f} ms" for what, mean in means.items())
        print(f"\nA09: {TRIES} tries of each: {shown}; {spread:.1%} between them")
    assert spread < 0.05
