"""Parts that are held take up room among those that wait: nothing grows without bound."""

from __future__ import annotations

from typing import Any

import pytest
from message_centre_kit import Outbox
from outbox_kit import Memory, Process, silent
from pool_kit import silent as says_nothing
from pool_kit import started

from twisted_smpp.errors import WindowFull
from twisted_smpp.esme.message import Progress
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.esme.sending import Sending

HOLD = UnknownPolicy.HOLD
SAID = (
    "0 message parts wait to be sent and 3 are held until it is decided about them, at most 3 may"
)


def test_links_that_break_again_and_again_do_not_fill_the_memory() -> None:
    outbox = Outbox(window=2, unknown=HOLD, most_waiting=5)
    taken = 0
    for _ in range(10):
        outbox.binds()
        for _ in range(2):
            try:
                outbox.send()
            except WindowFull:
                continue
            taken += 1
        outbox.breaks()
    assert (taken, outbox.sender.held) == (6, 6)


def test_what_waits_and_what_is_held_are_counted_together() -> None:
    outbox = Outbox(window=2, unknown=HOLD, most_waiting=5)
    outbox.binds()
    for _ in range(2):
        outbox.send()
    outbox.breaks()
    for _ in range(3):
        outbox.send()
    with pytest.raises(WindowFull, match=r"^3 message parts wait to be sent and 2 are held "):
        outbox.send()


@pytest.mark.parametrize("decision", ["resend", "give_up", "late"])
def test_who_waits_for_room_gets_it_when_it_is_decided(decision: str) -> None:
    outbox = Outbox(window=3, unknown=HOLD, most_waiting=3)
    session = outbox.binds()
    messages = [outbox.send() for _ in range(3)]
    for index in range(3):
        session.times_out(index)
    with pytest.raises(WindowFull, match=f"^{SAID}$"):
        outbox.send()
    slot = outbox.sender.slot()
    assert not slot.called
    if decision == "late":
        outbox.late(0, "a")
    else:
        getattr(outbox.sender, decision)(messages[0].parts[0])
    assert slot.called


@pytest.fixture
def process(tmp_path: Any) -> Any:
    settings = {"window": 3, "sending": Sending(unknown=HOLD, most_waiting=3)}
    process = Process(Memory(tmp_path), **settings)
    process.bind()
    return process


def test_nothing_is_stored_that_has_no_room_and_what_is_held_counts_after_a_restart(
    process: Any,
) -> None:
    process.centre.answer = silent
    for _ in range(3):
        process.send()
    process.settle()
    after = process.crash()
    after.bind()
    assert after.service.held == 3
    for more in ({}, {"key": "1"}):
        with pytest.raises(WindowFull, match=f"^{SAID}$"):
            after.send(**more)
    assert len(after.outbox) == 3
    assert [part.progress for part in after.service.parts()] == [Progress.HELD] * 3


@pytest.mark.parametrize("decide", ["resend", "give_up"])
def test_a_pool_counts_what_is_held_anywhere(decide: str) -> None:
    world = started(3, sending=Sending(unknown=HOLD, most_waiting=3))
    messages = []
    for link in range(3):
        says_nothing(world, link)
        messages.append(world.send())
    world.drops(0)
    world.passes(31)
    assert world.pool.held == 3
    with pytest.raises(WindowFull, match=f"^{SAID}$"):
        world.send()
    slot = world.pool.slot()
    assert not slot.called
    getattr(world.pool, decide)(messages[0].parts[0])
    assert slot.called
    world.flush()
    world.stops(10)
