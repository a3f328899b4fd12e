"""The garbage collector of a daemon, which is nobody's library.

What a process has when it begins to run stays until its end: modules, classes, services. The
collector would look through all of that again and again while messages come and go, which took
up to a quarter of the time of a message. It is told to leave that alone.

A message that is under way is some five containers, and a burst of messages no reason to look for
garbage: so it looks when 20,000 were made and not freed yet, instead of 700. What nobody refers to
any more is freed at once anyway, but for the few things that refer to each other.
"""

from __future__ import annotations

import gc
from typing import Any

__all__ = ["freeze_when_running", "settle"]

#: Containers made and not freed, after which the youngest are looked through; how many of such
#: looks make one at the middle-aged, and how many of those one at all.
THRESHOLDS = 20_000, 20, 100


def freeze_when_running(reactor: Any) -> None:
    """Leaves what there is when the reactor begins to run alone; looks less often at the rest."""
    reactor.callWhenRunning(settle)


def settle() -> None:
    """The same, at once."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
