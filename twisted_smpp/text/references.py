"""References: what the parts of one message have in common."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import MutableMapping
from random import Random

__all__ = ["References"]


class References:
    """A counter for each source and destination, from a random start.

    A telephone joins parts by sender and reference: so what matters is that two messages
    between the same two addresses differ, and that a counter does not begin anew at the
    same place after a restart.

    Args:
        counters: where the counters are kept, by source and destination; give one that is
            written to disk to go on after a restart. None keeps the last ``most`` of them
            in memory.
        random: where the starts come from; None for one seeded by the system.
        most: counters kept in memory.
    """

    def __init__(
        self,
        counters: MutableMapping[tuple[str, str], int] | None = None,
        random: Random | None = None,
        most: int = 10_000,
    ) -> None:
        self._counters = _Latest(most) if counters is None else counters
        self._random = Random() if random is None else random  # noqa: S311 - no secret

    def next(self, source: str, destination: str) -> int:
        """The reference for one more message, 0 to 65535.

        A method with 8 bits uses the lower ones.
        """
        key = source, destination
        last = self._counters.get(key)
        number = self._random.randrange(0x10000) if last is None else (last + 1) & 0xFFFF
        self._counters[key] = number
        return number


class _Latest(OrderedDict[tuple[str, str], int]):
    """The counters used last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: tuple[str, str], number: int) -> None:
        super().__setitem__(key, number)
        self.move_to_end(key)
        if len(self) > self._most:
            self.popitem(last=False)
