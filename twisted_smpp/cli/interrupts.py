"""What Ctrl-C does."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["interrupts"]


@contextlib.contextmanager
def interrupts(reactor: Any, interrupted: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C ends the run in good order, once; a second one at once.

    Args:
        reactor: for ``callFromThread``.
        interrupted: called in the reactor's thread.
    """

    def handle(*_: Any) -> None:
        signal.signal(signal.SIGINT, previous)
        reactor.callFromThread(interrupted)

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
