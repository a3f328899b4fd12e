"""How many files the process may have open: a connection is one of them."""

from __future__ import annotations

import os
import resource

__all__ = ["RESERVE", "allow_open_files", "take_standard_files"]

#: Files that are no connections: the store, logs, what the libraries open.
RESERVE = 128


def allow_open_files(sessions: int, unbound: int) -> None:
    """Makes sure that there may be so many connections, raising the soft limit if need be.

    Args:
        sessions: connections that are bound.
        unbound: connections that are not bound yet.

    Raises:
        ValueError: the hard limit is too low.
    """
    needed = sessions + unbound + RESERVE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _fits(needed, soft):
        return
    if not _fits(needed, hard):
        raise ValueError(
            f"{needed} open files are needed (--max-sessions {sessions}, --max-unbound "
            f"{unbound} and {RESERVE}), and the limit of the process is {hard} (ulimit -n)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def take_standard_files() -> None:
    """Opens what is closed of the descriptors 0, 1 and 2: no file of ours is to have such a number.

    What a library writes there when something is wrong would stand in the middle of the store.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)


def _fits(needed: int, limit: int) -> bool:
    return limit == resource.RLIM_INFINITY or needed <= limit
