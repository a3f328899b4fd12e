"""Room on the disk: kept free, and noticed before there is none."""

from __future__ import annotations

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
            is less.
        reserve: octets of a file beside the store that are freed when the disk is full.
        free: returns the free octets and all octets of the disk.
    """

    def __init__(
        self,
        path: Path,
        floor: int | None = None,
        reserve: int = RESERVE_OCTETS,
        free: Callable[[Path], tuple[int, int]] | None = None,
    ) -> None:
        self._folder = path.parent
        self._reserve_file = Path(f"{path}.reserve")
        self._floor = floor
        self._reserve = reserve
        self._free = free or _free
        self._asked_at = float("-inf")
        self.low = False

    def look(self, now: float) -> bool:
        """Whether there is less than the floor; asks the disk once a second at most.

        Args:
            now: the time, in seconds.
        """
        if now - self._asked_at >= INTERVAL:
            self._asked_at = now
            free, total = self._free(self._folder)
            floor = min(FLOOR_OCTETS, int(total * FLOOR_PART))
            self.low = free < (floor if self._floor is None else self._floor)
            if not self.low:
                self._keep_reserve()
        return self.low

    def _keep_reserve(self) -> None:
        """Takes the reserve, if it is not there and there is room."""
        if not self._reserve or self._reserve_file.exists():
            return
        descriptor = os.open(self._reserve_file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._reserve)
        except OSError:
            self._reserve_file.unlink()
        finally:
            os.close(descriptor)

    def give_reserve(self) -> bool:
        """Frees the reserve; whether there was one. From then on room is low."""
        self.low = True
        if not self._reserve_file.exists():
            return False
        self._reserve_file.unlink()
        return True


def _free(folder: Path) -> tuple[int, int]:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
