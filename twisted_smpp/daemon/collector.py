"""The garbage collector of a daemon, which is nobody's library.

What a process has when it begins to run stays until its end: modules, classes, services. The
collector would look through all of that again and again while messages come and go, which took
up to a quarter of the time of a message. It is told to leave that alone.
"""

from __future__ import annotations

import gc
from typing import Any

__all__ = ["freeze_when_running"]


def freeze_when_running(reactor: Any) -> None:
    """Leaves out of every later collection what there is when the reactor begins to run."""
    reactor.callWhenRunning(_freeze)


def _freeze() -> None:
    gc.collect()
    gc.freeze()
