"""Answers of a store that may be older than what was done while it was asked.

A store is asked in another thread. Until the answer is back a message may have been
delivered: who then acted on the record as it was would take it back from its final state.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed

from twisted_smpp.interfaces import IMessageStore
from twisted_smpp.store import Record

__all__ = ["Freshness"]


class Freshness:
    """Asks again for the records that were changed meanwhile.

    Args:
        store: an :class:`~twisted_smpp.interfaces.IMessageStore`.
    """

    def __init__(self, store: IMessageStore) -> None:
        self._store: Any = store
        #: Of each question that is open, the numbers of what was changed since.
        self._open: list[set[int]] = []

    def changed(self, number: int) -> None:
        """A record is about to be saved."""
        for changed in self._open:
            changed.add(number)

    def of(self, asked: Deferred[list[Record]]) -> Deferred[list[Record]]:
        """Fires with the records of a question just asked, as they are when it fires.

        What they were chosen for may not be true of them any more.
        """
        changed: set[int] = set()
        self._open.append(changed)
        asked.addBoth(self._close, changed)
        return asked.addCallback(self._again, changed)

    def get(self, number: int) -> Deferred[Record | None]:
        """Fires with the record of a number, or None."""
        asked: Deferred[Record | None] = self._store.get(number)
        found = asked.addCallback(lambda record: [] if record is None else [record])
        return self.of(found).addCallback(lambda records: records[0] if records else None)

    def _close(self, result: Any, changed: set[int]) -> Any:
        # By identity: two that are empty are equal.
        self._open = [each for each in self._open if each is not changed]
        return result

    def _again(self, records: list[Record], changed: set[int]) -> Any:
        """The first that was changed is asked for again, then the next; what comes is true."""
        stale = [record.number for record in records if record.number in changed]
        if not stale:
            return records
        fresh = {record.number: record for record in records if record.number not in changed}
        again: Deferred[Any] = succeed(None)
        for number in stale:
            again.addCallback(self._get, number)
            again.addCallback(self._keep, fresh)
        # While these were asked for, others of them may have changed.
        return self.of(again.addCallback(lambda _: [fresh[key] for key in sorted(fresh)]))

    def _get(self, _: object, number: int) -> Any:
        return self._store.get(number)

    @staticmethod
    def _keep(record: Record | None, fresh: dict[int, Record]) -> None:
        if record is not None:
            fresh[record.number] = record
