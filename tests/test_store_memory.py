"""The store in memory when it is full."""

import pytest
from store_kit import fired, record

from twisted_smpp.errors import StoreFull
from twisted_smpp.store import MemoryStore


def keep_done(store, *numbers):
    for number in numbers:
        store.keep(record(number, due=None, done=float(number)).row(), None, None, None)


def test_the_oldest_that_is_done_makes_room_for_what_is_new():
    store = MemoryStore(300)
    store.add(record(1))
    keep_done(store, *range(2, 301))
    assert not store.full

    store.add(record(301))

    left = [number for number in range(1, 302) if fired(store.get(number)) is not None]
    assert left == [1, *range(33, 302)]  # a tenth more than has to
    keep_done(store, *range(302, 900))
    assert len(store) <= 300


def test_a_message_and_its_receipt_need_two_places():
    store = MemoryStore(10)
    for number in range(1, 10, 2):
        done = record(number, due=None, done=1.0).row()
        assert store.keep(done, None, None, None)
        assert store.keep(record(number + 100, due=None, done=1.0), record(number + 1), None, None)
        assert len(store) <= 10
    for number in range(1000, 1005):
        store.add(record(number))
    assert store.full
    with pytest.raises(StoreFull):
        store.keep(record(2000, due=None, done=1.0), record(2001), None, None)
    assert len(store) <= 10
