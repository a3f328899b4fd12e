"""The messages of an id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed

from twisted_smpp.interfaces import IMessageStore
from twisted_smpp.smsc.freshness import Freshness
from twisted_smpp.smsc.ids import numbers_of
from twisted_smpp.smsc.kinds import RECEIPT
from twisted_smpp.store import Record

__all__ = ["Finding"]

#: Of a record or None: a list of it, if it is one that is looked for.
_Fits = Callable[[Record | None], list[Record]]


class Finding:
    """Finds messages by their ids.

    Args:
        store: where they are.
        fresh: what has changed while it was asked.
    """

    def __init__(self, store: IMessageStore, fresh: Freshness) -> None:
        self._store: Any = store
        self._fresh = fresh

    def find(self, message_id: str, owner: str | None, source: str) -> Deferred[list[Record]]:
        """See :meth:`twisted_smpp.smsc.MessageCentre.find`."""

        def fits(record: Record | None) -> list[Record]:
            if record is None or record.kind == RECEIPT or record.message_id != message_id:
                return []
            is_own = owner is None or (record.owner == owner and record.source == source)
            return [record] if is_own else []

        found: Deferred[list[Record]] = succeed([])
        for number in numbers_of(message_id):
            found.addCallback(self._or_get, number, fits)
        return found

    def _or_get(self, found: list[Record], number: int, fits: _Fits) -> Any:
        if found:
            return found
        asked: Deferred[Any] = self._fresh.of(self._store.get(number).addCallback(fits))
        return asked.addCallback(self._with_others, fits)

    def _with_others(self, records: list[Record], fits: _Fits) -> Any:
        """The other destinations of a submit_multi have the numbers that follow."""
        if not records:
            return []
        first = records[0]
        all_of_it: Deferred[list[Record]] = succeed(records)
        for number in range(first.number + 1, first.number + (first.data or {}).get("of", 1)):
            all_of_it.addCallback(self._and_one, number, fits)
        return self._fresh.of(all_of_it)

    def _and_one(self, records: list[Record], number: int, fits: _Fits) -> Any:
        asked: Deferred[Any] = self._store.get(number).addCallback(fits)
        return asked.addCallback(lambda more: records + more)
