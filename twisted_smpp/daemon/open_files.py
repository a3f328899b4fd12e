"""How many files the process may have open: a connection is one of them."""

from __future__ import annotations

import resource

__all__ = ["RESERVE", "allow_open_files"]

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


def _fits(needed: int, limit: int) -> bool:
    return limit == resource.RLIM_INFINITY or needed <= limit
