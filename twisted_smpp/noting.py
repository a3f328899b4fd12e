"""What is told of a peer: to taps all that passes, to the log so many lines a minute."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.tap import Direction, Tap, Watch

if TYPE_CHECKING:
    from twisted_smpp.factory import SMPPFactory

__all__ = ["Noting", "in_words"]

#: So many log lines about a peer in a minute; the rest is counted.
_LINES_PER_MINUTE = 10


def in_words(reason: Failure) -> str:
    """Why a connection ended; what TLS finds wrong is by itself no sentence."""
    error: Any = reason.value
    mismatches = getattr(error, "errors", None)  # of service_identity
    if mismatches and hasattr(mismatches[0], "mismatched_id"):
        wanted = mismatches[0].mismatched_id
        name = getattr(wanted, "hostname", b"").decode("latin-1") or getattr(wanted, "ip", wanted)
        return f"TLS: the certificate is not one of {name}"
    what = error.args[0] if error.args else None
    if isinstance(what, list):  # of OpenSSL: library, function and reason of each error
        return f"TLS: {', '.join(str(each[-1]) for each in what)}"
    return reason.getErrorMessage()


class Noting:
    """What :class:`~twisted_smpp.protocol.SMPPProtocol` tells of its peer."""

    log: Logger
    factory: SMPPFactory
    transport: Any
    _watch: Watch | None
    _seconds: Callable[[], float]
    _lines = 0
    _lines_since = 0.0

    @property
    def peer(self) -> str:
        """The other end as text, for logs."""
        address: Any = self.transport.getPeer() if self.transport else None
        host = getattr(address, "host", None)
        return f"{host}:{address.port}" if host is not None else str(address)

    def add_tap(self, tap: Tap) -> None:
        """Shows every PDU from now on to ``tap``; see :mod:`twisted_smpp.tap`."""
        if self._watch is None:
            self._watch = Watch([], self.factory.max_pdu)
        self._watch.taps.append(tap)

    def _show(self, direction: Direction, data: bytes) -> None:
        """What passes, to the taps; one that raises ends the watching, not the session."""
        try:
            cast(Watch, self._watch).see(direction, data, self._seconds())
        except Exception:
            self.log.failure("{peer}: a tap failed, nothing is shown any more", peer=self.peer)
            self._watch = None

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
