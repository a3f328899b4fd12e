"""Room on the disk: kept free, and noticed before there is none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["Space"]

#: Octets that are given free when the disk is full, so that what is under way can be finished.
RESERVE_OCTETS = 16 * 1024 * 1024
#: The floor is this many octets, or this part of the disk if that is less.
FLOOR_OCTETS = 512 * 1024 * 1024
FLOOR_PART = 0.05
#: How often the disk is asked, in seconds.
INTERVAL = 1.0


class Space:
    """The free room where a store is.

    Args:
        path: of the store.
        floor: octets that have to stay free; None for 512 MiB or 5 % of the disk, whichever
            is less. What is free inside of the store counts, too: new records go there.
        reserve: octets of a file beside the store that are freed when the disk is full.
        most: octets that the records may take; None for as many as the disk lets them.
        free: returns the free octets and all octets of the disk.
    """

    def __init__(
        self,
        path: Path,
        floor: int | None = None,
        reserve: int = RESERVE_OCTETS,
        most: int | None = None,
        free: Callable[[Path], tuple[int, int]] | None = None,
    ) -> None:
        self._folder = path.parent
        self._reserve_file = Path(f"{path}.reserve")
        self._floor = floor
        self._reserve = reserve
        self._most = most
        self._free = free or _free
        self._asked_at = float("-inf")
        self._is_disk_low = False

    def look(self, now: float, used: int = 0, spare: int = 0) -> bool:
        """Whether there is no room for new records; asks the disk once a second at most.

        Args:
            now: the time, in seconds.
            used: octets that are taken inside of the store.
            spare: octets that are free inside of the store.
        """
        if now - self._asked_at >= INTERVAL:
            self._asked_at = now
            self._is_disk_low = self._ask(spare)
        return self._is_disk_low or (self._most is not None and used >= self._most)

    def _ask(self, spare: int) -> bool:
        try:
            free, total = self._free(self._folder)
        except OSError:
            # Nobody knows: what is refused now is not lost later.
            return True
        floor = self._floor
        if floor is None:
            floor = min(FLOOR_OCTETS, int(total * FLOOR_PART))
        if free >= floor + self._reserve:
            self._keep_reserve()
        return free + spare < floor

    def _keep_reserve(self) -> None:
        """Takes the reserve, if it is not there; does without when that fails."""
        if not self._reserve or self._has_reserve():
            return
        with contextlib.suppress(OSError):
            descriptor = os.open(self._reserve_file, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._reserve)
            except OSError:
                self._reserve_file.unlink()
            finally:
                os.close(descriptor)

    def _has_reserve(self) -> bool:
        try:
            # A crash may have left a part of it.
            return self._reserve_file.stat().st_size >= self._reserve
        except OSError:
            return False

    def give_reserve(self) -> bool:
        """Frees the reserve; whether there was one. From then on room is low."""
        self._is_disk_low = True
        try:
            self._reserve_file.unlink()
        except OSError:
            return False
        return True


def _free(folder: Path) -> tuple[int, int]:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
