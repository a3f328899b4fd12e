"""The log of a daemon: nothing that happens to what it is written to holds anything up (O09)."""

from __future__ import annotations

import errno
import os
import signal
import syslog
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import Application, IService, Service
from twisted.logger import ILogObserver, Logger, LogPublisher

from twisted_smpp.daemon import logs
from twisted_smpp.daemon.health import Health
from twisted_smpp.daemon.logs import MOST_LINES, LogWriter, log_of
from twisted_smpp.daemon.open_files import take_standard_files
from twisted_smpp.daemon.process import Process


class Thread:
    """Runs when it is joined, and only if it is allowed to."""

    def __init__(self, target: Any, **_: Any) -> None:
        self._target = target
        self.started = self.hangs = False
        self.waited: list[float] = []

    def start(self) -> None:
        self.started = True

    def join(self, seconds: float) -> None:
        self.waited.append(seconds)
        if not self.hangs:
            self._target()
            self.started = False

    def is_alive(self) -> bool:
        return self.started


class Disk:
    """Takes lines, or does not."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.full_for = 0

    def write(self, line: Any) -> None:
        if self.full_for:
            self.full_for -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        self.lines.append(line)

    def tell(self, count: int) -> None:
        self.write(("lost", count))


class Kit:
    def __init__(self, most: int = MOST_LINES) -> None:
        self.disk = Disk()
        self.threads: list[Thread] = []
        self.writer = LogWriter(self.disk.tell, most, self._thread)

    def _thread(self, **arguments: Any) -> Thread:
        self.threads.append(Thread(**arguments))
        return self.threads[-1]

    def puts(self, count: int, first: int = 0) -> None:
        for number in range(first, first + count):
            self.writer.put(self.disk.write, number)

    def written(self) -> list[Any]:
        """Everything that could be, in its order."""
        self.writer.start()
        assert self.writer.close()
        return self.disk.lines


def test_o09_lines_wait_for_the_thread_and_keep_their_order() -> None:
    kit = Kit()
    kit.puts(3)
    assert kit.disk.lines == []
    assert kit.written() == [0, 1, 2]
    assert kit.writer.lost == 0


def test_o09_ten_thousand_lines_wait_and_no_more() -> None:
    kit = Kit()
    kit.puts(MOST_LINES + 700)
    assert MOST_LINES == 10_000
    assert kit.writer._queue.qsize() == MOST_LINES
    assert kit.writer.lost == 700
    assert kit.written() == [*range(MOST_LINES), ("lost", 700)]


def test_o09_the_gap_is_told_where_it_is_and_ends_when_there_is_room_again() -> None:
    kit = Kit(most=10)
    kit.puts(14)
    for _ in range(4):
        kit.writer._queue.get()
    kit.puts(1, first=14)  # one goes, one comes, and each would be told of: not yet
    kit.writer._queue.get()
    kit.puts(2, first=15)
    assert kit.writer.lost == 5
    assert kit.written() == [*range(5, 10), ("lost", 5), 15, 16]


def test_o09_the_gap_is_told_without_another_line() -> None:
    kit = Kit(most=10)
    kit.puts(12)
    seen: list[Any] = []

    def is_last() -> None:
        kit.writer.soon(lambda: seen.extend(kit.disk.lines))
        kit.writer._queue.put(None)

    kit.writer.soon(is_last)
    kit.writer._run()
    assert seen == [*range(10), ("lost", 2)]


def test_o09_a_full_disk_loses_lines_and_goes_on_by_itself() -> None:
    kit = Kit()
    kit.disk.full_for = 3  # the first line, and twice what says so
    kit.puts(6)
    assert kit.written() == [("lost", 3), 3, 4, 5]
    assert kit.writer.lost == 3


def test_o09_what_is_lost_at_the_very_end_is_told_too() -> None:
    kit = Kit(most=5)
    kit.puts(7)
    assert kit.written() == [0, 1, 2, 3, 4, ("lost", 2)]


def test_o09_gaps_of_both_kinds_are_counted_once() -> None:
    kit = Kit(most=4)
    kit.disk.full_for = 100
    kit.puts(6)
    assert kit.written() == []
    assert kit.writer.lost == 6
    assert kit.writer._untold == 6


def test_o09_errors_of_any_kind_do_not_end_the_thread() -> None:
    kit = Kit()

    def fails(_: Any) -> None:
        raise ValueError("I/O operation on closed file")

    kit.writer.put(fails, 0)
    kit.writer.soon(lambda: fails(None))
    kit.puts(1)
    assert kit.written() == [("lost", 1), 0]


def test_o09_a_rotation_is_made_however_full_disk_and_queue_are() -> None:
    kit = Kit(most=2)
    kit.disk.full_for = 2
    kit.puts(5)
    kit.writer.soon(lambda: kit.disk.lines.append("rotated"))
    assert kit.written() == ["rotated", ("lost", 5)]


def test_o09_the_end_waits_for_so_long_and_no_longer() -> None:
    kit = Kit()
    kit.puts(2)
    kit.writer.start()
    kit.writer.start()
    (thread,) = kit.threads
    thread.hangs = True
    assert not kit.writer.close()
    assert thread.waited == [logs.CLOSE_SECONDS] == [5.0]


def test_o09_without_a_thread_the_end_writes_by_itself() -> None:
    kit = Kit()
    kit.puts(2)
    assert kit.writer.close()
    assert kit.disk.lines == [0, 1]


# What twistd was told.


@pytest.fixture
def opened() -> Any:
    """Opens logs; their files are closed in the end."""
    made: list[Any] = []

    def make(options: Any) -> Any:
        made.append(log_of(options))
        return made[-1]

    yield make
    for log in made:
        log.observer._sink.close()


def shown(log: Any, *texts: str) -> None:
    """Logs, and ends."""
    logger = Logger(namespace="test", observer=LogPublisher(log.observer))
    for text in texts:
        logger.info("{text}", text=text)
    assert log.writer.close()


def test_o09_the_file_of_twistd(tmp_path: Path, opened: Any) -> None:
    log = opened({"logfile": str(tmp_path / "my.log")})
    shown(log, "hello", "two\nlines", "\udcff")
    lines = (tmp_path / "my.log").read_text().splitlines()
    assert [each.partition("[")[2] for each in lines] == [
        "test#info] hello",
        "test#info] two",
        "",
        "test#info] \\udcff",
    ]
    assert lines[2] == "\tlines"


def test_o09_in_the_background_it_is_twistd_log(
    tmp_path: Path, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown(opened({}), "hello")
    assert "hello" in (tmp_path / "twistd.log").read_text()


def test_o09_sigusr1_rotates_as_it_does_with_twistd(
    tmp_path: Path, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(signal, "getsignal", handlers.get)
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    path = tmp_path / "log"
    log = opened({"logfile": str(path)})
    logger = Logger(observer=LogPublisher(log.observer))
    logger.info("before")
    handlers[signal.SIGUSR1](signal.SIGUSR1, None)
    logger.info("after")
    assert log.writer.close()
    assert "before" in Path(f"{path}.1").read_text()
    assert "after" in path.read_text()


def test_o09_a_rotation_that_has_failed_half_way_is_made_up_for(
    tmp_path: Path, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    log = opened({"logfile": str(path)})
    file = log.observer._sink
    logger = Logger(observer=LogPublisher(log.observer))
    with monkeypatch.context() as patched:
        patched.setattr(file, "_openFile", lambda: None)
        file.rotate()
    assert file._file.closed
    logger.info("after")
    assert log.writer.close()
    assert "after" in path.read_text()
    assert log.lost == 0


def test_o09_a_line_that_was_cut_by_a_full_disk_does_not_swallow_the_next(
    tmp_path: Path, opened: Any
) -> None:
    log = opened({"logfile": str(tmp_path / "log")})
    sink, room = log.observer._sink, [5]
    real = sink.write_some

    def write_some(octets: bytes) -> int:
        if not room:
            return int(real(octets))
        if room[0] == 0:
            room.clear()
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] = 0
        return int(real(octets[:5]))

    sink.write_some = write_some
    shown(log, "cut", "next")
    first, lost, following = (tmp_path / "log").read_text().splitlines()
    assert len(first) == 5
    assert lost.endswith("lines of the log that were lost here: 1")
    assert following.endswith("next")


def test_o09_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()

    class Output:
        def fileno(self) -> int:
            return writing

    monkeypatch.setattr("sys.stdout", Output())
    shown(log_of({"nodaemon": True}), "hello")
    assert os.read(reading, 1000).endswith(b"[test#info] hello\n")
    os.close(reading)
    log = log_of({"nodaemon": True, "logfile": "-"})
    shown(log, "nobody", "reads")  # EPIPE
    assert log.lost == 2
    os.close(writing)


def test_o09_standard_output_that_does_not_block_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[Any] = []

    class Poll:
        def register(self, *what: Any) -> None:
            waited.append(what)

        def poll(self) -> None:
            os.read(reading, 1 << 20)

    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    monkeypatch.setattr("select.poll", Poll)
    sink = logs._Descriptor(writing)
    sink.put(b"x" * (1 << 17) + b"\n")
    assert waited
    assert {number for number, _ in waited} == {writing}
    os.close(reading)
    os.close(writing)


def test_o09_standard_output_that_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    log = log_of({"nodaemon": True})
    shown(log, "hello")
    assert log.lost == 1


def test_o09_the_log_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(logs._Syslog, "openlog", lambda self, *args: asked.append(args))
    monkeypatch.setattr(syslog, "syslog", lambda *args: asked.append(args))
    log = log_of({"syslog": True, "prefix": "smsc"})
    logger = Logger(namespace="test", observer=LogPublisher(log.observer))
    logger.info("two\nlines")
    assert asked == [("smsc", 0, syslog.LOG_USER)]
    assert log.writer.close()
    assert asked[1:] == [
        (syslog.LOG_INFO, "[-] two"),
        (syslog.LOG_INFO, "[-] \tlines"),
    ]


def test_o09_the_log_of_the_system_tells_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def fails_once(*args: Any) -> None:
        monkeypatch.setattr(
            log.observer.legacyObserver.__self__, "_call", lambda *a: asked.append(a)
        )
        raise OSError

    monkeypatch.setattr(logs._Syslog, "openlog", lambda self, *args: None)
    log = log_of({"syslog": True})
    log.observer.legacyObserver.__self__._call = fails_once
    shown(log, "one", "two")
    assert [line for _, line in asked] == ["[-] lines of the log that were lost here: 1", "[-] two"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"logfile": "-"}, "--logfile -: a process in the background has no standard output"),
        ({"logfile": "/no/where"}, "--logfile /no/where: No such file or directory"),
    ],
)
def test_o09_a_log_that_cannot_be_opened_is_an_error(options: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        log_of(options)


# The process.


class Role(Service):
    """Notes when it is started."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit

    def privilegedStartService(self) -> None:
        assert [each.started for each in self.kit.threads] == [True]


def test_o09_twistd_finds_the_log_and_the_thread_begins_behind_the_fork() -> None:
    kit = Kit()
    application: Any = Application("smpp")  # type: ignore[no-untyped-call]
    observer = object()
    process = Process(Role(kit), logs.DaemonLog(observer, kit.writer))
    process.setServiceParent(application)
    assert application.getComponent(ILogObserver) is observer
    assert kit.threads == []
    IService(application).privilegedStartService()
    assert len(kit.threads) == 1


def test_o09_a_log_of_the_users_choice_is_left_alone() -> None:
    application: Any = Application("smpp")  # type: ignore[no-untyped-call]
    process = Process(Service(), None)  # type: ignore[no-untyped-call]
    process.setServiceParent(application)
    assert application.getComponent(ILogObserver, None) is None
    process.privilegedStartService()


def test_o09_the_status_has_what_was_lost() -> None:
    kit = Kit(most=2)
    health = Health(lambda: 0.0, lost=lambda: kit.writer.lost)
    kit.puts(5)
    assert health.status()["log_lines_lost"] == 3
    assert health.status()["healthy"]


def test_o09_no_file_of_ours_becomes_the_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers, closed, inherited = [1, 2, 17], [], []
    monkeypatch.setattr(os, "open", lambda *_: numbers.pop(0))
    monkeypatch.setattr(os, "close", closed.append)
    monkeypatch.setattr(os, "set_inheritable", lambda number, _: inherited.append(number))
    take_standard_files()
    assert closed == [17]
    assert inherited == [1, 2]
