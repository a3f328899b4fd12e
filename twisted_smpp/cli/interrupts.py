"""What Ctrl-C and SIGTERM do."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred

__all__ = ["interrupts"]


@contextlib.contextmanager
def interrupts(reactor: Any, interrupted: Callable[[], object]) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run in good order, once; a second Ctrl-C at once.

    Args:
        reactor: for ``callFromThread``; it takes SIGTERM itself, and stops, which waits until
            the run is over.
        interrupted: called in the reactor's thread.
    """
    over: Deferred[None] = Deferred()
    stops = False

    def handle(*_: Any) -> None:
        signal.signal(signal.SIGINT, previous)
        reactor.callFromThread(interrupted)

    def stopping() -> Deferred[None]:
        nonlocal stops
        stops = True
        interrupted()
        return over

    trigger = reactor.addSystemEventTrigger("before", "shutdown", stopping)
    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        if stops:
            reactor.callLater(0, over.callback, None)  # the exit code is known by then
        else:
            reactor.removeSystemEventTrigger(trigger)
