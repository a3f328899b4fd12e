# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Links of a pool: order over them, drained, restarted, added; and what comes on them."""

from __future__ import annotations

from typing import Any

import pytest
from message_centre_kit import message_of, text_of
from pool_kit import PoolWorld, answers, silent, started
from twisted.internet.defer import CancelledError, Deferred

from twisted_smpp.errors import SessionLost
from twisted_smpp.esme import Confirming, LinkState, Progress, Retries, Sending
from twisted_smpp.esme.choice import ByDestination
from twisted_smpp.esme.receiving import Received
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import failure, success
from twisted_smpp.text.segments import plan
from twisted_smpp.wire.pdus import QuerySM

QUEUED, SENDING, UNKNOWN, HELD, ACCEPTED = list(Progress)[:5]
DELIVERED, FAILED = Progress.DELIVERED, Progress.FAILED

# Order.


def test_one_destination_takes_one_link() -> None:
    world = started(4, ordered=True)
    for at in range(40):
        world.send(str(at % 10), str(at))
    links: dict[str, set[int]] = {}
    for at, request in world.submitted:
        links.setdefault(request.destination_addr, set()).add(at)
    assert all(len(each) == 1 for each in links.values())
    assert len(set.union(*links.values())) > 1
    world.stops()


def test_a_lost_link_moves_only_its_destinations() -> None:
    world = started(4, ordered=True)
    destinations = [str(at) for at in range(200)]
    before = {each: world.link_of(each) for each in destinations}
    world.drops(2)
    after = {each: world.link_of(each) for each in destinations}
    assert {each for each in destinations if before[each] != after[each]} == {
        each for each in destinations if before[each] == 2
    }
    world.rebinds(2)
    assert {each: world.link_of(each) for each in destinations} == before
    assert all(30 <= list(before.values()).count(at) <= 70 for at in range(4))
    world.stops()


def test_the_hash_is_the_same_for_ever() -> None:
    world = started(4, ordered=True)
    assert [world.link_of(f"49176{at}") for at in range(6)] == [1, 3, 3, 3, 3, 0]
    world.stops()


def test_a_destination_that_moves_waits_for_what_is_in_flight() -> None:
    world = started(2, ordered=True)
    destination = next(str(at) for at in range(99) if world.link_of(str(at)) == 0)
    answer = silent(world, 0)[0]
    world.send(destination, "0")
    drained = world.pool.drain(world.links[0])
    second = world.send(destination, "1")
    assert (second.progress, world.to(1)) == (QUEUED, [])
    assert world.pool.waiting == 1
    answers(world, 0, answer)
    assert world.to(1) == ["1"]
    world.passes(1)
    assert success(drained) is None
    world.stops()


def test_what_is_refused_moves_with_its_destination() -> None:
    """It comes back from the former link, and those after it have not passed it."""
    world = started(2, ordered=True)
    destination = next(str(at) for at in range(99) if world.link_of(str(at)) == 0)
    world.drops(0)
    answer = silent(world, 1)[0]
    world.send(destination, "0")
    world.rebinds(0)
    world.send(destination, "1")
    assert world.to(0) == []
    answer.callback(S.ESME_RTHROTTLED)
    world.flush()
    assert world.to(0) == ["0", "1"]
    world.stops()


def test_no_link_no_choice() -> None:
    assert ByDestination().of(message_of(), [], 0.0) is None


# Drain, restart, add, remove.


def test_a_drained_link_loses_nothing() -> None:
    world = started(2, window=1)
    answer = silent(world, 0)[0]
    silent(world, 1)
    first = world.send(text="0")
    world.send(text="1")
    last = world.send(text="2")
    drained = world.pool.drain(world.links[0])
    world.passes(1)
    assert not drained.called
    assert last.progress is QUEUED
    answers(world, 0, answer)
    world.passes(1)
    assert success(drained) is None
    assert first.progress is ACCEPTED
    assert world.counts() == [1, 1]
    assert world.links[0].change.state is LinkState.STOPPED
    assert success(world.pool.drain(world.links[0])) is None
    world.stops_with_waiting(None, 40)


def test_cancelling_the_wait_for_a_drain_changes_nothing() -> None:
    world = started(2)
    answer = silent(world, 0)[0]
    message = world.send()
    drained = world.pool.drain(world.links[0])
    drained.cancel()
    assert isinstance(failure(drained), CancelledError)
    answers(world, 0, answer)
    world.passes(1)
    assert message.progress is ACCEPTED
    assert world.links[0].change.state is LinkState.STOPPED
    world.stops()


def test_a_link_is_restarted() -> None:
    world = started(2)
    restarted = world.pool.restart(world.links[0])
    world.passes(1)
    assert not restarted.called
    world.endpoints[0].binds()
    world.flush()
    assert success(restarted) is None
    for _ in range(4):
        world.send()
    assert world.counts() == [2, 2]
    world.stops()


def test_a_link_that_does_not_come_back() -> None:
    world = started(2)
    restarted = world.pool.restart(world.links[0], timeout=5)
    world.passes(8)
    error = failure(restarted)
    assert isinstance(error, TimeoutError)
    assert str(error) == "link 1 was not bound again within 5 s"
    assert world.links[0].running
    world.stops()


def test_a_restart_that_is_cancelled_leaves_the_link_running() -> None:
    world = started(2)
    silent(world, 0)
    world.send()
    restarted = world.pool.restart(world.links[0])
    restarted.cancel()
    assert isinstance(failure(restarted), CancelledError)
    world.passes(40)
    assert world.endpoints[0].waiting
    world.stops()


def test_a_stop_ends_a_restart() -> None:
    world = started(2)
    restarted = world.pool.restart(world.links[0])
    world.stops()
    assert isinstance(failure(restarted), SessionLost)


def test_links_are_restarted_one_after_the_other() -> None:
    world = started(3)
    seen: list[tuple[str, int, int]] = []
    rolled = world.pool.rolling_restart(
        on_progress=lambda link, done, total: seen.append((link.name, done, total))
    )
    with pytest.raises(RuntimeError, match="already"):
        world.pool.rolling_restart()
    for at in range(3):
        world.passes(1)
        unbound = [link.name for link in world.links if link.session is None]
        assert unbound == [str(at + 1)]
        world.send()
        world.endpoints[at].binds()
        world.flush()
        assert seen[-1] == (str(at + 1), at + 1, 3)
    assert success(rolled) == 3
    again = world.pool.rolling_restart()
    world.stops()
    assert isinstance(failure(again), SessionLost)


def test_a_rolling_restart_ends_at_a_link_that_does_not_come_back() -> None:
    world = started(3)
    rolled = world.pool.rolling_restart(timeout=5)
    world.passes(7)
    assert isinstance(failure(rolled), TimeoutError)
    assert [link.session is not None for link in world.links] == [False, True, True]
    world.stops()


def test_a_rolling_restart_leaves_alone_what_is_not_bound() -> None:
    world = started(2, bound=1)
    rolled = world.pool.rolling_restart()
    world.passes(1)
    world.endpoints[0].binds()
    world.flush()
    assert success(rolled) == 1
    world.stops()


def test_a_rolling_restart_passes_over_a_link_that_is_lost_meanwhile() -> None:
    world = started(3)
    rolled = world.pool.rolling_restart()
    world.passes(0.5)
    world.drops(1)
    world.passes(0.5)
    for at in (0, 2):
        assert not rolled.called
        world.rebinds(at)
        world.passes(0.5)
    assert success(rolled) == 2
    world.stops()


def test_a_link_is_added_while_the_pool_runs() -> None:
    world = started(1)
    link = world.pool.add(endpoint=world.new_endpoint(), window=3)
    assert (link.name, link.running, link.factory.window) == ("2", 1, 3)
    world.endpoints[1].binds()
    for _ in range(4):
        world.send()
    assert world.counts() == [2, 2]
    world.stops()


def test_a_link_is_removed() -> None:
    world = started(2, sending=Sending(unknown=UnknownPolicy.HOLD))
    link = world.links[0]
    silent(world, 0)
    message = world.send()
    world.passes(31)
    removed = world.pool.remove(link)
    world.passes(10)
    assert success(removed) is None
    assert [each.name for each in world.links] == ["2"]
    assert (message.progress, world.pool.held) == (HELD, 1)
    world.pool.resend(message.parts[0])
    world.flush()
    assert message.progress is ACCEPTED
    assert world.pool.add(endpoint=world.new_endpoint()).name == "3"
    for act in (world.pool.drain, world.pool.remove, world.pool.restart):
        with pytest.raises(ValueError, match="none of this pool"):
            act(link)
    world.stops()


# Bound, stopped.


def test_when_bound_waits_for_a_link_that_sends() -> None:
    world = PoolWorld(["receiver", "transmitter"])
    waiting, cancelled = world.pool.when_bound(), world.pool.when_bound()
    cancelled.cancel()
    assert isinstance(failure(cancelled), CancelledError)
    world.start(1)
    assert not waiting.called
    world.endpoints[1].binds()
    assert success(waiting) is world.links[1].session
    assert success(world.pool.when_bound()) is world.links[1].session
    world.stops()


def test_when_bound_of_receivers() -> None:
    world = PoolWorld(["receiver"])
    waiting = world.pool.when_bound()
    world.start()
    assert success(waiting) is world.links[0].session
    world.stops()


def test_a_stop_ends_the_wait_for_a_bind() -> None:
    world = started(2, bound=0)
    waiting = world.pool.when_bound()
    world.stops()
    assert isinstance(failure(waiting), SessionLost)


def test_what_waits_at_a_stop_goes_on_after_the_next_start() -> None:
    world = started(2, window=1)
    first = silent(world, 0) + silent(world, 1)
    messages = [world.send(text=str(at)) for at in range(6)]
    stopping = world.pool.stopService()
    answers(world, 0, first[0])
    answers(world, 1, first[1])
    world.passes(1)
    success(stopping)
    assert [message.progress for message in messages] == [ACCEPTED] * 2 + [QUEUED] * 4
    assert world.clock.getDelayedCalls() == []
    world.start()
    assert [message.progress for message in messages] == [ACCEPTED] * 6
    world.pool.startService()  # once more does nothing
    world.stops()


def test_other_requests_take_a_bound_link() -> None:
    world = started(2, bound=0)
    assert isinstance(failure(world.pool.query_sm(message_id="1")), SessionLost)
    world.endpoints[1].binds()
    response = world.pool.request(QuerySM(message_id="1"))
    world.flush()
    assert world.counts() == [0, 1]
    assert isinstance(world.submitted[0][1], QuerySM)
    success(response.addErrback(lambda _: None))
    world.stops()


# What comes.


def test_R04_a_receipt_may_come_on_any_link_of_the_account() -> None:
    receipts: list[Any] = []
    world = started(2, on_receipt=lambda receipt, pdu: receipts.append(receipt))
    message = world.send()
    assert world.counts() == [1, 0]
    assert success(world.says(1, "1")).command_status == 0
    assert message.progress is DELIVERED
    assert len(receipts) == 1
    world.stops()


def test_R04_a_receipt_may_come_on_a_link_that_shares_where_parts_await_them() -> None:
    confirming = Confirming()
    world = started(1, confirming=confirming)
    other = started(1, confirming=confirming)
    message = world.send()
    success(other.says(0, "1"))
    assert message.progress is Progress.DELIVERED
    world.stops()
    other.stops()


def test_R04_a_receipt_for_one_pool_touches_no_other() -> None:
    world, other = started(2), started(2)
    message, others = world.send(), other.send()
    assert message.message_ids == others.message_ids == ("1",)
    success(world.says(1, "1"))
    assert (message.progress, others.progress) == (DELIVERED, ACCEPTED)
    world.stops()
    other.stops()


def test_T07_parts_of_a_message_come_over_two_binds() -> None:
    received: list[Received] = []
    world = started(2, on_message=received.append)
    text = "Your parcel is here. " * 9
    first, second = plan(text).segments(7)
    for at, segment in ((1, second), (0, first)):
        fields = {"short_message": segment.short_message, "esm_class": segment.esm_class}
        response = world.delivers(at, source_addr="4917", destination_addr="1234", **fields)
        assert success(response).command_status == 0
    assert [message.text for message in received] == [text]
    world.stops()


def test_T07_what_is_incomplete_at_the_end_is_handed_over() -> None:
    received: list[Received] = []
    world = started(2, on_message=received.append)
    _, second = plan("Your parcel is here. " * 9).segments(7)
    fields = {"short_message": second.short_message, "esm_class": second.esm_class}
    success(world.delivers(1, source_addr="4917", destination_addr="1234", **fields))
    world.stops()
    assert received == []
    for _ in range(2):
        world.pool.hand_over()
        assert [message.missing for message in received] == [(1,)]
    senders = started(1)
    senders.pool.hand_over()  # it receives nothing
    senders.stops()


def test_T07_the_last_part_again_on_another_bind_while_it_is_looked_at() -> None:
    answer: Deferred[Any] = Deferred()
    seen: list[Received] = []
    world = started(2, on_message=lambda message: seen.append(message) or answer)
    segments = plan("Your parcel is here. " * 9).segments(7)
    fields = [
        {"short_message": each.short_message, "esm_class": each.esm_class, "source_addr": "4917"}
        for each in segments
    ]
    world.delivers(0, **fields[0])
    last = world.delivers(0, **fields[1])
    again = world.delivers(1, **fields[1])
    assert not last.called
    assert failure(again).command_status == S.ESME_RX_T_APPN
    answer.callback(None)
    world.flush()
    assert success(last).command_status == 0
    assert len(seen) == 1
    world.stops()


def test_alerts_come_on_any_link() -> None:
    alerts: list[Any] = []
    world = started(2, on_alert=alerts.append)
    for at in range(2):
        world.session(at).alert_notification(source_addr="1", esme_addr="2")
    world.flush()
    assert len(alerts) == 2
    world.stops()


def test_a_receipt_that_does_not_come_is_missed() -> None:
    """Although the link that sent the message is gone."""
    world = started(2, sending=Sending(receipt_seconds=100.0))
    message = world.send()
    removed = world.pool.remove(world.links[0])
    world.passes(1)
    success(removed)
    world.passes(131)
    assert message.progress is Progress.UNCONFIRMED
    world.stops()


def test_refusals_for_now_are_tried_again_on_any_link() -> None:
    world = started(2, sending=Sending(retries=Retries(delays=(5.0,))))
    world.scripts[0].append(S.ESME_RSYSERR)
    message = world.send()
    world.drops(0)
    assert message.progress is QUEUED
    world.passes(6)
    assert message.progress is ACCEPTED
    assert world.to(1) == ["Hi"]
    world.stops()


def test_a_stop_sends_nothing_on_the_links_that_are_left() -> None:
    world = started(2, ordered=True)
    destination = next(str(at) for at in range(99) if world.link_of(str(at)) == 1)
    world.scripts[1].append(S.ESME_RTHROTTLED)
    for at in range(3):
        world.send(destination, str(at))
    assert world.links[1].sender.waiting == 3
    world.stops_with_waiting(3)
    assert world.counts() == [0, 1]


@pytest.mark.parametrize("ordered", [False, True])
def test_D25_a_message_that_nobody_keeps_fails_while_its_link_pauses(ordered: bool) -> None:
    world = PoolWorld(1, ordered=ordered, window=3).start()
    first, refused, permanent = silent(world, 0, 3)
    kept = world.pool.send("491761234561", text_of(2))
    world.pool.send("491761234562", text_of(3))
    world.flush()
    refused.callback(S.ESME_RTHROTTLED)
    permanent.callback(S.ESME_RINVDSTADR)
    world.flush()
    answers(world, 0, first)
    assert world.links[0].session is not None
    world.drops(0)
    world.rebinds(0)
    world.passes(60)
    assert kept.progress is Progress.ACCEPTED
    assert world.pool.waiting == 0
    world.stops()
