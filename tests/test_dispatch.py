"""The queue of one receiver: what it asks the store for, and how often."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from twisted_smpp.errors import StoreError
from twisted_smpp.smsc.dispatch import Dispatch
from twisted_smpp.store import MemoryStore, Record
from twisted_smpp.values import MessageState


class Outlet:
    """A receiver that is there, and takes what a test lets it."""

    def __init__(self) -> None:
        self.room = 0
        self.sent: list[int] = []

    def is_open(self) -> bool:
        return True

    def has_room(self, _: Record) -> bool:
        return self.room > 0

    def send(self, record: Record, told: Any) -> None:
        self.room -= 1
        self.sent.append(record.number)
        told(None, record)

    def flush(self) -> None:
        """There is nothing to be written."""


class Asked(MemoryStore):
    """Counts how often it is asked."""

    count = 0

    def due(self, queue: str, now: float, most: int) -> Any:
        self.count += 1
        if self.count > 20:
            raise StoreError("again and again")  # a clock would never come to an end
        return super().due(queue, now, most)


def record(store: MemoryStore, due: float, tries: int) -> Record:
    new = Record(
        store.next_number(), 1, "q", due=due, tries=tries, state=int(MessageState.ENROUTE), at=0.0
    )
    store.add(new)
    return new


def test_what_has_its_time_to_come_is_not_found_again_and_again() -> None:
    clock, store, outlet = Clock(), Asked(), Outlet()

    def sent(record: Record, result: Any) -> None:
        store.remove(record.number)
        record.due = None

    dispatch = Dispatch(
        "q", outlet, store, clock, clock.seconds, sent, lambda record: None, lambda tries: 2.0
    )
    dispatch.count = 200
    # The wall clock was set back: what was never tried is sent, although it is due in the future.
    for _ in range(40):
        dispatch.offer(record(store, 5.0, 0))
    dispatch.go_on()
    clock.advance(0)
    # The store gives as many as are here, and a hundred.
    for _ in range(100):
        record(store, 2.0, 1)
    for _ in range(60):
        record(store, 6.0, 0)
    dispatch.look()
    for _ in range(100):
        clock.advance(0)

    assert store.count < 5
    assert not outlet.sent
    outlet.room = 300
    for _ in range(30):
        clock.advance(0.1)
    assert len(outlet.sent) == 200
    assert dispatch.idle
