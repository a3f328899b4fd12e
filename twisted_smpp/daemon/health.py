"""Whether the process is well: what has failed that should not have.

Everything that fails unforeseen ends as a failure in the log: what a timer or a Deferred raised
that nobody has caught, and what was caught so that its task goes on. It is counted here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer

from twisted_smpp.stalls import StallWatch

__all__ = ["Health"]

#: Seconds for which a process counts as unwell after something has failed.
UNWELL_SECONDS = 600.0


@implementer(ILogObserver)
class Health:
    """Counts what fails in the process, from :meth:`start` to :meth:`stop`.

    Args:
        seconds: returns the time of the reactor.
        store: whose ``full`` and ``failed`` count, too; or None.
        publisher: of the log.
        lost: returns how many lines of the log were lost.
        watch: of the reactor, or None.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        store: Any = None,
        publisher: Any = globalLogPublisher,
        lost: Callable[[], int] = int,
        watch: StallWatch | None = None,
    ) -> None:
        self._seconds = seconds
        self._store = store
        self._publisher = publisher
        self._lost = lost
        self._watch = watch
        self._failed_at: float | None = None
        self._what = ""
        self.failures = 0

    def start(self) -> None:
        """Listens to the log."""
        self._publisher.addObserver(self)

    def stop(self) -> None:
        """Listens no more."""
        self._publisher.removeObserver(self)

    def __call__(self, event: LogEvent) -> None:
        """Twisted: a line of the log."""
        failure = event.get("log_failure")
        if failure is None and event.get("log_level") is not LogLevel.critical:
            return
        self.failures += 1
        self._failed_at = self._seconds()
        # The kind of it only: the words of an error may be those of a message.
        kind = "critical" if failure is None else failure.type.__name__
        self._what = f"{kind} in {event.get('log_namespace', '?')}"

    def status(self) -> dict[str, Any]:
        """For the control socket: ``healthy``, and why it is not."""
        since = None if self._failed_at is None else self._seconds() - self._failed_at
        is_full = getattr(self._store, "full", False)
        has_failed = getattr(self._store, "failed", None) is not None
        is_well = since is None or since >= UNWELL_SECONDS
        return {
            "healthy": is_well and not is_full and not has_failed,
            "failures": self.failures,
            "last_failure": self._what or None,
            "last_failure_ago": None if since is None else round(since, 3),
            "store": "failed" if has_failed else "full" if is_full else "ok",
            "log_lines_lost": self._lost(),
            "stalls": 0 if self._watch is None else self._watch.count,
            "longest_stall": 0.0 if self._watch is None else round(self._watch.longest, 3),
        }
