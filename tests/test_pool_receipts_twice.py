"""An account with several binds, whose message centre sends each receipt on every one of them."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from message_centre_kit import receipt_of
from pool_kit import PoolWorld
from store_kit import Steps, World

from twisted_smpp.esme import Outbox, Progress, Sending
from twisted_smpp.store import MemoryStore
from twisted_smpp.values import MessageState

P = Progress
DELIVERED, EXPIRED, ENROUTE = MessageState.DELIVERED, MessageState.EXPIRED, MessageState.ENROUTE


class Counted:
    """What is told of each message."""

    def __init__(self) -> None:
        self.final: Counter[int] = Counter()
        self.ends: Counter[int] = Counter()

    def follow(self, message: Any) -> Any:
        message.final.addCallback(lambda each: self.final.update([id(each)]))
        message.on_progress = self._progress
        return message

    def _progress(self, message: Any) -> None:
        if message.progress.final:
            self.ends[id(message)] += 1

    def once_for(self, messages: Any) -> bool:
        once = Counter({id(each): 1 for each in messages})
        return self.final == once and self.ends == once


def started(outbox: Outbox | None = None, **settings: Any) -> PoolWorld:
    settings.setdefault("sending", Sending(ids="verbatim"))
    return PoolWorld(2, window=10, outbox=outbox, **settings).start()


@pytest.mark.parametrize("is_early", [False, True], ids=["after the response", "before it"])
@pytest.mark.parametrize("keeps", [False, True], ids=["in memory", "in an outbox"])
def test_r04_each_message_ends_once_when_its_receipt_comes_on_both_binds(
    is_early: bool, keeps: bool
) -> None:
    outbox = Outbox(MemoryStore(), "pool") if keeps else None
    heard: Counter[str] = Counter()
    world = started(outbox, on_receipt=lambda receipt, pdu: heard.update([receipt.message_id]))
    told = Counted()
    answers: list[Any] = []
    accept = world.accept

    def accepts(request: Any) -> Any:
        response = accept(request)
        if is_early:  # they leave before the response does
            answers.extend(world.session(at).deliver_sm(**_receipt(response)) for at in (0, 1))
        return response

    world.accept = accepts  # type: ignore[method-assign]
    messages = []
    for number in range(60):
        messages.append(told.follow(world.pool.send(f"49176{number:07}", "Hi")))
        world.flush()
    if not is_early:
        order = [(at, part.message_id) for at in (0, 1) for m in messages for part in m.parts]
        Random(3).shuffle(order)
        answers = [world.says(at, message_id) for at, message_id in order]
    world.flush()

    assert Counter(each.progress for each in messages) == {P.DELIVERED: 60}
    assert told.once_for(messages)
    assert Counter(heard.values()) == {2: 60}  # on_receipt sees each of them
    assert len(answers) == 120
    assert all(each.result.command_status == 0 for each in answers)
    confirming = world.pool.confirming
    assert (confirming.waiting, confirming.parked, confirming.dropped) == (0, 0, 0)
    assert (confirming.unmatched.count, world.pool.waiting, world.pool.held) == (0, 0, 0)
    assert not [part.late for each in messages for part in each.parts if part.late]
    if outbox is not None:
        assert len(outbox) == 0
    world.stops()


def _receipt(response: Any) -> dict[str, Any]:
    fields = receipt_of(response.message_id).fields_of_pdu()
    return {"source_addr": "49", "destination_addr": "Shop", **fields}


def test_r04_a_long_message_ends_once_when_the_receipts_of_its_parts_come_on_both_binds() -> None:
    world, told = started(), Counted()
    message = told.follow(world.send(text="x" * 400))
    assert len(message.parts) == 3
    for part in message.parts:
        for at in (0, 1):
            world.says(at, part.message_id)
    assert message.progress is P.DELIVERED
    assert told.once_for([message])
    world.stops()


def test_r04_what_is_on_its_way_on_one_bind_and_at_its_end_on_the_other_ends_once() -> None:
    world, told = started(), Counted()
    one, other = (told.follow(world.send(f"4917{number}")) for number in range(2))
    (first,), (second,) = one.message_ids, other.message_ids
    for at in (0, 1):
        world.says(at, first, ENROUTE)
    for at in (1, 0):
        world.says(at, first, DELIVERED)
    world.says(0, first, ENROUTE)  # too late to be true
    world.says(0, second, DELIVERED)
    world.says(1, second, EXPIRED)
    assert (one.progress, other.progress) == (P.DELIVERED, P.DELIVERED)
    assert told.once_for([one, other])
    # The first end counts; that the other bind has said otherwise is kept.
    assert other.parts[0].late.message_state == EXPIRED
    world.stops()


def test_r04_the_second_receipt_comes_after_the_end_is_on_the_disk(tmp_path: Any) -> None:
    stores = World(tmp_path / "store")
    steps = stores.steps = Steps()
    store = stores.store = stores.make()
    outbox = Outbox(store, "pool")
    world = PoolWorld(2, outbox=outbox, sending=Sending(ids="verbatim"))
    steps.clock, steps.callLater = world.clock, world.clock.callLater
    store.open()
    world.start()
    told = Counted()
    message = told.follow(world.send())
    steps.run()
    world.flush()
    steps.run()
    (message_id,) = message.message_ids
    answers = []
    for at in (0, 1):
        answers.append(world.says(at, message_id))
        steps.run()
        world.flush()
        assert len(outbox) == 0
    assert [each.result.command_status for each in answers] == [0, 0]
    assert told.once_for([message])
    stores.abandon()
