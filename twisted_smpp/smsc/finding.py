"""The records of a message by its id."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed

from twisted_smpp.smsc.freshness import Freshness
from twisted_smpp.smsc.ids import numbers_of
from twisted_smpp.smsc.kinds import RECEIPT
from twisted_smpp.store import Record

__all__ = ["find"]

#: Of a record or None: a list of it, if it is one that is looked for.
_Fits = Callable[[Record | None], list[Record]]


def find(
    store: Any, fresh: Freshness, message_id: str, owner: str | None, source: str
) -> Deferred[list[Record]]:
    """Finds the messages of an id, as :meth:`~twisted_smpp.smsc.centre.MessageCentre.find` says.

    Args:
        store: an :class:`~twisted_smpp.interfaces.IMessageStore`.
        fresh: what has changed while it was asked.
        message_id, owner, source: as there.
    """

    def fits(record: Record | None) -> list[Record]:
        if record is None or record.kind == RECEIPT or record.message_id != message_id:
            return []
        is_own = owner is None or (record.owner == owner and record.source == source)
        return [record] if is_own else []

    def or_get(found: list[Record], number: int) -> Any:
        if found:
            return found
        asked: Deferred[Any] = fresh.of(store.get(number).addCallback(fits))
        return asked.addCallback(partial(_with_others, store, fresh, fits))

    found: Deferred[list[Record]] = succeed([])
    for number in numbers_of(message_id):
        found.addCallback(or_get, number)
    return found


def _with_others(store: Any, fresh: Freshness, fits: _Fits, records: list[Record]) -> Any:
    """The other destinations of a submit_multi have the numbers that follow."""
    if not records:
        return []

    def and_one(records: list[Record], number: int) -> Any:
        asked: Deferred[Any] = store.get(number).addCallback(fits)
        return asked.addCallback(lambda more: records + more)

    first = records[0]
    all_of_it: Deferred[list[Record]] = succeed(records)
    for number in range(first.number + 1, first.number + (first.data or {}).get("of", 1)):
        all_of_it.addCallback(and_one, number)
    return fresh.of(all_of_it)
