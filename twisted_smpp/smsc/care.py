"""After starts that did not last: records of before go to their receivers one at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.python.failure import Failure

from twisted_smpp.smsc.dispatch import Dispatch, Outlet
from twisted_smpp.store import Record
from twisted_smpp.store.caution import Caution

__all__ = ["OneByOne", "take_care"]


class OneByOne:
    """A way to a receiver, with caution.

    Args:
        outlet: the way itself.
        caution: whose turn it is, in the whole process.
    """

    def __init__(self, outlet: Outlet, caution: Caution) -> None:
        self._outlet = outlet
        self._caution = caution

    def is_open(self) -> bool:
        """Whether anybody is there."""
        return self._outlet.is_open()

    def has_room(self, record: Record) -> bool:
        """Whether a record would be sent at once."""
        return not self._caution.is_busy and self._outlet.has_room(record)

    def send(self, record: Record, told: Callable[[Any, Record], object]) -> None:
        """Sends a record when it is its turn; tells what came of it."""
        if not self._caution.concerns(record.number):
            self._outlet.send(record, told)
            return
        self._caution.turn(record.number, partial(self._begin, record, told))

    def _begin(self, record: Record, told: Callable[[Any, Record], object]) -> None:
        settle = partial(self._told, told)
        try:
            self._outlet.send(record, settle)
        except Exception:
            settle(Failure(), record)
        self._outlet.flush()

    def _told(self, told: Callable[[Any, Record], object], result: Any, record: Record) -> None:
        self._caution.leave(record.number)
        told(result, record)

    def flush(self) -> None:
        """Nothing more is sent at the moment."""
        self._outlet.flush()


def take_care(dispatch: Dispatch, store: Any) -> None:
    """Makes a queue send with caution, if the last starts of the process have not lasted.

    Args:
        dispatch: the queue.
        store: where it is; one without ``caution`` has no starts that count.
    """
    caution: Caution | None = getattr(store, "caution", None)
    if caution is not None and not isinstance(dispatch.outlet, OneByOne):
        dispatch.outlet = OneByOne(dispatch.outlet, caution)
        caution.when_free.append(dispatch.go_on)
