"""The log of a daemon, written so that nothing that happens to it holds the reactor up.

What is logged becomes text at once, where it is logged; one thread writes it. When that thread
does not get on (a pipe that nobody reads, a disk that hangs), a queue fills, and what is more is
dropped; so is what cannot be written (a full disk, a closed descriptor). As soon as lines can be
written again they are, and one of them says how many were lost.

Where the log goes is what ``twistd`` was told: ``--logfile``, ``--syslog``, ``--nodaemon``.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import syslog
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from threading import RLock, Thread
from typing import Any, cast

from twisted.logger import (
    ILogObserver,
    LegacyLogObserverWrapper,
    LogEvent,
    LogLevel,
    formatEventAsClassicLogText,
)
from twisted.python.logfile import LogFile
from twisted.python.syslog import SyslogObserver
from zope.interface import implementer

__all__ = ["MOST_LINES", "DaemonLog", "LogWriter", "log_of"]

#: Lines that may wait to be written.
MOST_LINES = 10_000
#: Seconds that they have at the end of the process.
CLOSE_SECONDS = 5.0

Write = Callable[[Any], object]


class LogWriter:
    """Calls functions that may block or fail in a thread, one after the other.

    :meth:`put` never waits, from whatever thread, signal handler or finalizer it is called.

    Args:
        tell: called in the thread with the number of lines that were lost, to write that down.
        most: lines that may wait.
        make_thread: makes the thread, as ``threading.Thread``.
    """

    def __init__(
        self,
        tell: Callable[[int], object],
        most: int = MOST_LINES,
        make_thread: Callable[..., Any] = Thread,
    ) -> None:
        self._tell = tell
        self._most = most
        self._make_thread = make_thread
        self._thread: Any = None
        # Of all queues only this one may be put to while it is being put to: by a signal
        # handler, or by what the garbage collector finalizes in between.
        self._queue: SimpleQueue[tuple[str, Any, Any] | None] = SimpleQueue()
        self._lock = RLock()
        #: Whether it is not taken from fast enough; it has to be half empty first.
        self._is_full = False
        self._crowded_out = self._crowded_out_told = 0
        #: Of the thread alone.
        self._failed = self._untold = 0

    @property
    def lost(self) -> int:
        """How many lines were not written, since the start."""
        return self._crowded_out + self._failed

    def put(self, write: Write, line: Any) -> None:
        """Has ``write(line)`` called, or drops the line when too many wait."""
        self._end_gap()
        if self._is_full or self._queue.qsize() >= self._most:
            with self._lock:
                self._is_full = True
                self._crowded_out += 1
            return
        self._queue.put(("line", write, line))

    def soon(self, function: Callable[[], object]) -> None:
        """Has ``function()`` called between two lines, however many wait."""
        self._queue.put(("call", lambda _: function(), None))

    def _end_gap(self, at_once: bool = False) -> None:
        """When there is room again, says how many are missing, at the place where they are."""
        if not self._is_full or (self._queue.qsize() > self._most // 2 and not at_once):
            return
        with self._lock:
            count = self._crowded_out - self._crowded_out_told
            self._crowded_out_told = self._crowded_out
            self._is_full = False
        if count:
            self._queue.put(("gap", None, count))

    def start(self) -> None:
        """Starts the thread; until then everything waits. To be called behind every fork."""
        if self._thread is None:
            self._thread = self._make_thread(target=self._run, name="log", daemon=True)
            self._thread.start()

    def close(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Waits until what was put is written, but not for ever.

        Returns:
            whether it is.
        """
        self._end_gap(at_once=True)
        self._queue.put(None)
        if self._thread is None:
            self._run()
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # In the thread.

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            kind, function, argument = work
            self._end_gap()
            if kind == "gap":
                self._untold += argument
                self._has_told()
            elif kind == "call":
                _works(function, argument)
            elif not (self._has_told() and _works(function, argument)):
                self._failed += 1
                self._untold += 1
        self._has_told()

    def _has_told(self) -> bool:
        """Says how many lines were lost, before the next is written; whether that worked."""
        if self._untold and _works(self._tell, self._untold):
            self._untold = 0
        return not self._untold


def _works(function: Write, argument: Any) -> bool:
    """Calls it. An error is the caller's to count: to log it is what has failed."""
    try:
        function(argument)
    except Exception:
        return False
    return True


class _Sink:
    """Writes whole lines to what may take a part of them."""

    _is_cut = False

    def write_some(self, octets: bytes) -> int:
        """Writes the beginning; returns how many octets that were."""
        raise NotImplementedError

    def put(self, octets: bytes) -> None:
        """Writes a line, behind the end of one that was cut by an error."""
        if self._is_cut:
            octets = b"\n" + octets
        while octets:
            count = self.write_some(octets)
            self._is_cut = octets[count - 1 : count] != b"\n"
            octets = octets[count:]


class _Descriptor(_Sink):
    """A file that others have opened.

    Args:
        number: of its descriptor; -1 for one that was closed, where every write fails.
    """

    def __init__(self, number: int) -> None:
        self._number = number

    def write_some(self, octets: bytes) -> int:
        while True:
            try:
                return os.write(self._number, octets)
            except BlockingIOError:  # whoever has it too, wants it so
                poll = select.poll()
                poll.register(self._number, select.POLLOUT)
                poll.poll()


class _RotatedFile(_Sink, LogFile):
    """The file of ``--logfile``."""

    def write_some(self, octets: bytes) -> int:
        if self._file.closed:  # in the middle of a rotation that has failed
            self._openFile()  # type: ignore[no-untyped-call]
        if self.shouldRotate():  # type: ignore[no-untyped-call]
            self.rotate()  # type: ignore[no-untyped-call]
        count = self._file.write(octets)
        self.size += count
        return count


@implementer(ILogObserver)
class _Lines:
    """Lines of text, as twistd writes them.

    Args:
        sink: takes them, in the thread.
        now: returns seconds since 1970.
    """

    def __init__(self, sink: _Sink, now: Callable[[], float]) -> None:
        self._sink = sink
        self._now = now
        self.writer = LogWriter(self._tell)

    def __call__(self, event: LogEvent) -> None:
        """Twisted: a line of the log."""
        octets = _octets(event)
        if octets:
            self.writer.put(self._sink.put, octets)

    def _tell(self, count: int) -> None:
        event = {"log_format": _lost_text(count), "log_level": LogLevel.warn}
        self._sink.put(_octets({**event, "log_namespace": __name__, "log_time": self._now()}))


class _Syslog(SyslogObserver):
    """Has the calls of the system's log made in the thread."""

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)  # type: ignore[no-untyped-call]
        self._call: Any = syslog.syslog
        self.writer = LogWriter(self._tell)

    def syslog(self, priority: int, line: str) -> None:
        """Twisted: one line of an event."""
        self.writer.put(self._put, (priority, line))

    def _put(self, line: tuple[int, str]) -> None:
        self._call(*line)

    def _tell(self, count: int) -> None:
        self._call(syslog.LOG_WARNING, f"[-] {_lost_text(count)}")


def _octets(event: LogEvent) -> bytes:
    text = formatEventAsClassicLogText(event) or ""
    return text.encode("utf-8", "backslashreplace")


def _lost_text(count: int) -> str:
    return f"lines of the log that were lost here: {count}"


class DaemonLog:
    """Where the log of the process goes.

    Attributes:
        observer: of Twisted's log.
    """

    def __init__(self, observer: Any, writer: LogWriter) -> None:
        self.observer = observer
        self.writer = writer

    @property
    def lost(self) -> int:
        """How many lines were not written, since the start."""
        return self.writer.lost


def log_of(options: Mapping[str, Any], now: Callable[[], float] = time.time) -> DaemonLog:
    """The log that the options of ``twistd`` ask for.

    Args:
        options: of ``twistd``.
        now: returns seconds since 1970.

    Raises:
        ValueError: the file cannot be opened, or this process will have no standard output.
    """
    if options.get("syslog"):
        system = _Syslog(options.get("prefix") or "")
        return DaemonLog(LegacyLogObserverWrapper(cast(Any, system.emit)), system.writer)
    name, in_foreground = options.get("logfile"), options.get("nodaemon")
    if name == "-" and not in_foreground:
        raise ValueError("--logfile -: a process in the background has no standard output")
    if name == "-" or (in_foreground and not name):
        lines = _Lines(_Descriptor(-1 if sys.stdout is None else sys.stdout.fileno()), now)
        return DaemonLog(lines, lines.writer)
    name = name or "twistd.log"
    try:
        file: Any = _RotatedFile.fromFullPath(name)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise ValueError(f"--logfile {name}: {error.strerror}") from None
    lines = _Lines(file, now)
    if not signal.getsignal(signal.SIGUSR1):  # as twistd does, and as little where it is taken
        signal.signal(signal.SIGUSR1, lambda *_: lines.writer.soon(file.rotate))
    return DaemonLog(lines, lines.writer)
