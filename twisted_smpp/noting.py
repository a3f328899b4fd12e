"""Log lines about a peer: only so many a minute, whatever it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

__all__ = ["Noting"]

#: So many log lines about a peer in a minute; the rest is counted.
_LINES_PER_MINUTE = 10


class Noting:
    """What :class:`~twisted_smpp.protocol.SMPPProtocol` tells the log about its peer."""

    log: Logger
    peer: Any
    _seconds: Callable[[], float]
    _lines = 0
    _lines_since = 0.0

    def _note(self, format: str, **values: Any) -> None:
        """One log line about the peer; only so many a minute."""
        if self._may_log():
            self.log.warn(format, peer=self.peer, **values)

    def _may_log(self) -> bool:
        now = self._seconds()
        if now - self._lines_since >= 60:
            self._log_hidden()
            self._lines, self._lines_since = 0, now
        self._lines += 1
        return self._lines <= _LINES_PER_MINUTE

    def _log_hidden(self) -> None:
        hidden = self._lines - _LINES_PER_MINUTE
        if hidden > 0:
            self.log.warn(
                "{peer}: {count} more lines about it were left out", peer=self.peer, count=hidden
            )
