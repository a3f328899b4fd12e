"""What a store is asked to do, and who is told when that is done.

Whoever has given many records hears of all of them that went to the disk together by one call:
a Deferred for each would cost more than the record itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_smpp.errors import StoreError
from twisted_smpp.store.record import Row, marked

__all__ = [
    "Intent",
    "Mark",
    "Read",
    "Told",
    "Write",
    "last_of",
    "never_mind",
    "nobody",
    "tell",
    "written",
]

#: Called with what was given for each record, in order, and the StoreError or None.
Told = Callable[[list[Any], StoreError | None], object]

log = Logger()


class Write:
    """A row to be put, with another one perhaps, or a number whose row is to go."""

    __slots__ = ("also", "context", "is_new", "number", "row", "told")

    def __init__(
        self,
        number: int,
        row: tuple[Any, ...] | None,
        is_new: bool,
        told: Told,
        context: Any,
        also: tuple[Any, ...] | None = None,
    ) -> None:
        self.number = number
        self.row = row
        self.is_new = is_new
        self.told = told
        self.context = context
        self.also = also


class Mark:
    """Another state and number of tries for a record that is there."""

    __slots__ = ("context", "number", "state", "told", "tries")

    def __init__(self, number: int, state: int, tries: int, told: Told, context: Any) -> None:
        self.number = number
        self.state = state
        self.tries = tries
        self.told = told
        self.context = context


class Read:
    """A question; it is its own context."""

    __slots__ = ("ask", "deferred", "result", "told")

    def __init__(self, ask: Callable[[sqlite3.Connection], Any]) -> None:
        self.ask = ask
        self.result: Any = None
        self.deferred: Deferred[Any] = Deferred(never_mind)
        self.told: Told = answered

    @property
    def context(self) -> Read:
        """No attribute: an answer of megabytes would wait for the garbage collector."""
        return self


Intent = Write | Mark | Read


def last_of(
    intents: Iterable[Intent],
) -> tuple[dict[int, Row | None], dict[int, tuple[int, int]]]:
    """The last of what is asked for of each record, which is the one that counts.

    Returns:
        the rows that are to be put, or None for those that are to go; and the state and tries of
        rows that are to be marked before that; all by their numbers.
    """
    rows: dict[int, Row | None] = {}
    marks: dict[int, tuple[int, int]] = {}
    for intent in intents:
        number = intent.number  # type: ignore[union-attr]
        if isinstance(intent, Write):
            rows[number] = intent.row
            if intent.also is not None:
                rows[intent.also[0]] = intent.also
        elif isinstance(intent, Mark):
            if number not in rows:
                marks[number] = intent.state, intent.tries
            elif (row := rows[number]) is not None:
                rows[number] = marked(row, intent.state, intent.tries)
    return rows, marks


def never_mind(deferred: Deferred[Any]) -> None:
    """Cancelling does not undo what was given to the store; it is not waited for any more."""


def nobody(_contexts: list[None], _error: StoreError | None) -> None:
    """Tells nobody."""


def written(deferreds: list[Deferred[None]], error: StoreError | None) -> None:
    """Fires the Deferreds of those who have asked for one."""
    for deferred in deferreds:
        if not deferred.called:
            if error is None:
                deferred.callback(None)
            else:
                deferred.errback(error)


def answered(questions: list[Read], error: StoreError | None) -> None:
    for question in questions:
        if not question.deferred.called:
            if error is None:
                question.deferred.callback(question.result)
            else:
                question.deferred.errback(error)


def tell(intents: Iterable[Intent], error: StoreError | None = None) -> None:
    """Tells whoever gave them, in their order; those in a row with the same ``told`` at once."""
    for told, group in groupby(intents, _told):
        try:
            told([intent.context for intent in group], error)
        except Exception:
            log.failure("whoever was told of what was written has failed")


def _told(intent: Intent) -> Told:
    return intent.told
