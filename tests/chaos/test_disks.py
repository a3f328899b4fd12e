"""A disk that is full, and one that nothing can be written to any more."""

import os
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from chaos_kit import (
    ROUTES,
    Peer,
    SinkESME,
    Source,
    ledgers_agree,
    message,
    wait_for_more,
    wait_until,
)

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

MIB = 1024 * 1024
ROK, RSYSERR, RMSGQFUL = 0, 8, 0x14


def mount(*arguments):
    return subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder))
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def free(folder):
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def fill(path, octets):
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, octets)


def fill_all(path):
    """Takes what there is, while others take some of it too."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_d04_below_the_floor_rmsgqful_and_it_resumes_by_itself(smsc, ledger, small_disk):
    store = small_disk / "smsc.db"
    daemon = smsc(*ROUTES, "--free-space", "8", store=store).up()
    statuses = Counter()
    source = Source(daemon, ledger("accepted"), statuses=statuses)
    sink = SinkESME(daemon, ledger("delivered"))
    with sink:
        with source:
            for _ in range(2):
                wait_for_more(statuses, ROK, 100)
                fill(small_disk / "ballast", free(small_disk) - 7 * MIB)
                begin = time.monotonic()
                wait_for_more(statuses, RMSGQFUL)
                assert time.monotonic() - begin < 3  # it looks once a second
                (small_disk / "ballast").unlink()
                wait_for_more(statuses, ROK, seconds=10)
        accepted = {line.split()[0] for line in source.ledger.lines()}
        wait_until(lambda: accepted <= sink.got.keys())
    assert statuses.keys() <= {ROK, RMSGQFUL}
    ledgers_agree(source, sink)
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.log.read_text()


def test_d04_really_full_disk_loses_nothing(smsc, ledger, small_disk):
    """The floor is not seen in time: something else took all there is, the reserve helps."""
    store = small_disk / "smsc.db"
    daemon = smsc(*ROUTES, "--free-space", "0", store=store).up()
    statuses = Counter()
    source = Source(daemon, ledger("accepted"), statuses=statuses)
    sink = SinkESME(daemon, ledger("delivered"))
    with sink:
        with source:
            wait_until(lambda: statuses[ROK] > 100)
            fill_all(small_disk / "ballast")
            wait_until(lambda: not Path(f"{store}.reserve").exists(), what="the reserve")
            fill_all(small_disk / "more")
            wait_for_more(statuses, RMSGQFUL)
            (small_disk / "ballast").unlink()
            wait_for_more(statuses, ROK, seconds=15)
        accepted = {line.split()[0] for line in source.ledger.lines()}
        wait_until(lambda: accepted <= sink.got.keys())
    ledgers_agree(source, sink)
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.log.read_text()


def test_d05_disk_that_becomes_read_only_ends_it_with_74(smsc, small_disk, ledger):
    store = small_disk / "smsc.db"
    daemon = smsc(*ROUTES, "--free-space", "1", store=store).up()
    with Peer(daemon.port) as source:
        assert source.ask([message("before")])[0].command_status == ROK
        wal = Path(f"{store}-wal")
        # Too large for the limit from now on: the system refuses to write, as on a bad disk.
        subprocess.run(
            ["prlimit", "--pid", str(daemon.process.pid), f"--fsize={wal.stat().st_size}"],
            check=True,
        )
        assert source.ask([message("after")])[0].command_status == RSYSERR
        assert daemon.wait() == 74
    assert "it takes nothing more" in daemon.log.read_text()
    daemon.up()
    sink = SinkESME(daemon, ledger("delivered"))
    with sink:
        wait_until(lambda: sink.got)
    assert daemon.stop() == 0
    assert "before" in sink.got
