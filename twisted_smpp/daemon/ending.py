"""How the process ends: in good order, and with an exit code that says how it went.

``twistd`` ends itself by the signal that it was sent, even after an orderly stop: for a
supervisor that is a death. Here the first signal stops the reactor and the exit code is 0; a
second one, whose handler is the system's again, ends the process at once.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from typing import Any

from twisted.logger import Logger

__all__ = ["Ending", "exit_with"]

#: The handlers of Twisted that are replaced; any other handler has its reasons and stays.
_HANDLERS = {signal.SIGINT: "sigInt", signal.SIGTERM: "sigTerm"}


def exit_with(code: int, line: str) -> None:
    """Ends the process that has not started yet, with one line.

    Raises:
        SystemExit: always.
    """
    # Not sys.stderr, which twistd has put into the log by now.
    with suppress(OSError):  # of one that was closed; the code tells it all the same
        (sys.__stderr__ or sys.stderr).write(f"{line}\n")
    sys.exit(code)


class Ending:
    """The end of a process that runs a reactor.

    Args:
        reactor: that runs; it is stopped once.
        at_exit: registers what is called when the interpreter ends.
    """

    log = Logger()

    def __init__(self, reactor: Any, at_exit: Any = atexit.register) -> None:
        self._reactor = reactor
        self._is_stopping = False
        #: The exit code.
        self.code = 0
        # What is registered first is called last: others have something to write yet.
        at_exit(self._exit)

    def take_signals(self) -> None:
        """From when the reactor runs, SIGTERM and SIGINT stop it and the exit code is 0."""
        # Twisted sets its own handlers when it starts to run.
        self._reactor.callWhenRunning(self._replace_handlers)

    def _replace_handlers(self) -> None:
        for number, name in _HANDLERS.items():
            if signal.getsignal(number) == getattr(self._reactor, name, None):
                signal.signal(number, self._signalled)

    def _signalled(self, number: int, frame: Any) -> None:
        for each in _HANDLERS:
            if signal.getsignal(each) == self._signalled:
                signal.signal(each, signal.SIG_DFL)
        self._reactor.callFromThread(self._stop_for, number)

    def _stop_for(self, number: int) -> None:
        self.log.info("received {name}: stopping", name=signal.Signals(number).name)
        self.stop()

    def stop(self, code: int = 0) -> None:
        """Stops the reactor.

        Args:
            code: what the process is to exit with; the first that is not 0 counts.
        """
        if not self.code:
            self.code = code
        if not self._is_stopping:
            self._is_stopping = True
            self._reactor.stop()

    def _exit(self) -> None:
        """Ends the process, as the last of what it does: ``twistd`` knows no exit codes."""
        if self.code:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.code)
