# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Several binds behind one send()."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

import pytest
from message_centre_kit import message_of, text_of
from pool_kit import PoolWorld
from twisted.application.service import IService
from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from twisted_smpp.errors import SessionLost, WindowFull
from twisted_smpp.esme import ESMEPool, ESMEService, LinkState, Progress, Retries, Sending
from twisted_smpp.esme.choice import ByDestination
from twisted_smpp.esme.receiving import Received
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import failure, success
from twisted_smpp.text.segments import plan
from twisted_smpp.wire.pdus import QuerySM

QUEUED, SENDING, UNKNOWN, HELD, ACCEPTED = list(Progress)[:5]
DELIVERED, FAILED = Progress.DELIVERED, Progress.FAILED


def started(binds: Any = 2, bound: int | None = None, **settings: Any) -> PoolWorld:
    return PoolWorld(binds, **settings).start(bound)


def silent(world: PoolWorld, at: int, count: int = 1) -> list[Deferred[Any]]:
    """The next requests on a link are answered by whoever fires these."""
    answers: list[Deferred[Any]] = [Deferred() for _ in range(count)]
    world.scripts[at] += answers
    return answers


def answers(world: PoolWorld, at: int, deferred: Deferred[Any], index: int = 0) -> None:
    """The message centre accepts what came on a link so many requests ago."""
    requests = [request for each, request in world.submitted if each == at]
    deferred.callback(world.accept(requests[index]))
    world.flush()


# What it is made of.


@pytest.mark.parametrize(
    ("binds", "kinds"),
    [
        (3, ["transceiver"] * 3),
        (["transmitter", "receiver"], ["transmitter", "receiver"]),
        ({"transmitter": 2, "receiver": 1}, ["transmitter"] * 2 + ["receiver"]),
        ([{"bind": "receiver", "window": 3}, "transceiver"], ["receiver", "transceiver"]),
    ],
)
def test_binds(binds: Any, kinds: list[str]) -> None:
    pool = ESMEPool("tcp:127.0.0.1:2775", "esme", "pw", binds=binds)
    assert [link.bind for link in pool.links] == kinds
    assert [link.name for link in pool.links] == [str(at + 1) for at in range(len(kinds))]
    assert pool.getServiceNamed("1") is pool.links[0]
    assert pool.links[0].factory.window == (
        3 if isinstance(binds, list) and kinds[0] == "receiver" else 10
    )


def test_kind_of_a_number_of_binds() -> None:
    pool = ESMEPool("tcp:127.0.0.1:2775", "esme", "pw", bind="receiver", binds=2)
    assert [link.bind for link in pool.links] == ["receiver", "receiver"]


@pytest.mark.parametrize(
    ("binds", "says"),
    [
        (0, "binds: none given"),
        ([], "binds: none given"),
        ({"receiver": 0}, "binds: none given"),
        ("receiver", "binds: 'receiver', a sequence"),
        (["transciever"], "bind is 'transciever'"),
    ],
)
def test_wrong_binds(binds: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ESMEPool("tcp:127.0.0.1:2775", "esme", "pw", binds=binds)


def test_it_sends_like_a_service() -> None:
    assert inspect.signature(ESMEPool.send) == inspect.signature(ESMEService.send)
    assert inspect.signature(ESMEPool.slot) == inspect.signature(ESMEService.slot)
    assert verifyObject(IService, ESMEPool("tcp:127.0.0.1:2775", "esme"))


def test_every_argument_of_send_arrives() -> None:
    world = started(1)
    world.send(
        "+49176",
        "x" * 200,
        source="Shop",
        receipt=False,
        validity=timedelta(hours=1),
        schedule=timedelta(minutes=5),
        priority=2,
        message_class=1,
        method=None,
        tlvs={0x1400: b"x"},
        service_type="CMT",
    )
    request = world.submitted[0][1]
    assert (request.destination_addr, request.source_addr) == ("49176", "Shop")
    assert (request.registered_delivery, request.priority_flag) == (0, 2)
    assert request.validity_period == "000000010000000R"
    assert request.schedule_delivery_time == "000000000500000R"
    assert (request.service_type, request.data_coding & 3) == ("CMT", 1)
    assert request.tlvs[0x1400] == b"x"
    assert len(world.submitted) == 2
    world.stops()


def test_states_say_which_link() -> None:
    world = started(2, bound=1)
    assert (world.changes[:2]) == [("1", LinkState.CONNECTING), ("2", LinkState.CONNECTING)]
    assert world.changes[2:] == [("1", LinkState.BOUND)]
    world.endpoints[1].binds()
    assert world.changes[3:] == [("2", LinkState.BOUND)]
    world.stops()


# Which link.


def test_messages_spread_over_the_links() -> None:
    world = started(3)
    for _ in range(9):
        world.send()
    assert world.counts() == [3, 3, 3]
    world.stops()


def test_the_link_with_the_most_room_is_taken() -> None:
    world = started([{"window": 10}, {"window": 2}])
    waiting = silent(world, 0, 10) + silent(world, 1, 2)
    for _ in range(12):
        world.send()
    assert world.counts() == [10, 2]
    assert [figures.in_flight for figures in world.pool.figures()] == [10, 2]
    assert (world.pool.in_flight, world.pool.window) == (12, 12)
    last = world.send()
    assert (last.progress, world.pool.waiting) == (QUEUED, 1)
    answers(world, 1, waiting[10])
    assert world.counts() == [10, 3]
    assert last.progress is ACCEPTED
    world.stops_with_waiting(11, 40)


def test_none_waits_behind_a_slow_link() -> None:
    """What a link has no room for waits for whoever has it first."""
    world = started(2, window=1)
    silent(world, 0)
    messages = [world.send(text=str(at)) for at in range(20)]
    assert world.counts() == [1, 19]
    assert [message.progress for message in messages] == [SENDING] + [ACCEPTED] * 19
    world.stops_with_waiting(1, 40)


def test_D25_all_parts_of_a_message_take_one_link_in_order() -> None:
    world = started(3, window=2)
    for _ in range(6):
        world.send(text=text_of(5))
    by_reference: dict[int, list[tuple[int, int]]] = {}
    for at, request in world.submitted:
        octets = request.short_message
        by_reference.setdefault(octets[3], []).append((at, octets[5]))
    assert len(by_reference) == 6
    for parts in by_reference.values():
        assert [number for _, number in parts] == [1, 2, 3, 4, 5]
        assert len({at for at, _ in parts}) == 1
    assert len({parts[0][0] for parts in by_reference.values()}) == 3
    world.stops()


def test_D25_a_part_that_fails_for_good_takes_the_rest_with_it() -> None:
    world = started(2, window=1)
    world.scripts[0].append(S.ESME_RINVDSTADR)
    world.scripts[1].append(S.ESME_RINVDSTADR)
    message = world.send(text=text_of(3))
    assert message.progress is FAILED
    assert [part.attempts for part in message.parts] == [1, 0, 0]
    assert world.pool.waiting == 0
    world.stops()


def test_no_reference_twice_between_two_addresses() -> None:
    world = started(2)
    for _ in range(10):
        world.send(text=text_of(2), source="Shop")
    references = [request.short_message[3] for _, request in world.submitted]
    assert len(set(references)) == 10
    world.stops()


def test_receivers_get_nothing_to_send() -> None:
    world = started({"transmitter": 2, "receiver": 1})
    for _ in range(6):
        world.send()
    assert world.counts() == [3, 3, 0]
    assert [figures.sends for figures in world.pool.figures()] == [True, True, False]
    assert world.pool.window == 20
    world.stops()


# Nobody is bound.


def test_D23_messages_wait_for_the_first_bind() -> None:
    world = started(2, bound=0)
    messages = [world.send(text=str(at)) for at in range(3)]
    world.passes(7200)
    assert [message.progress for message in messages] == [QUEUED] * 3
    while not world.endpoints[1].waiting:
        world.passes(1)
    world.endpoints[1].binds()
    world.flush()
    assert world.to(1) == ["0", "1", "2"]
    world.stops()


def test_D23_validity_ends_what_waits() -> None:
    world = started(2, bound=0)
    message = world.send(validity=timedelta(seconds=40))
    lasting = world.send()
    world.passes(100)
    assert message.progress is Progress.EXPIRED
    assert lasting.progress is QUEUED
    world.stops_with_waiting(1)


def test_the_bound_is_that_of_the_whole_pool() -> None:
    world = started(2, window=1, sending=Sending(most_waiting=3))
    waiting = silent(world, 0) + silent(world, 1)
    for at in range(5):
        world.send(text=str(at))
    assert (world.pool.in_flight, world.pool.waiting) == (2, 3)
    with pytest.raises(WindowFull, match="3 message parts wait"):
        world.pool.send("4917", "Hi")
    slot = world.pool.slot()
    assert not slot.called
    answers(world, 0, waiting[0])
    assert success(slot) is None
    world.stops_with_waiting(None, 40)


def test_the_bound_counts_what_waits_with_the_links() -> None:
    world = started(2, window=1, ordered=True, sending=Sending(most_waiting=3))
    for at in range(2):
        silent(world, at)
    for _ in range(4):
        world.send("4917")
    with pytest.raises(WindowFull):
        world.pool.send("4917", "Hi")
    world.stops_with_waiting(4, 40)


# A link is lost.


def test_what_a_lost_link_has_not_sent_goes_to_the_others() -> None:
    world = started(2, window=1, ordered=True)
    destination = next(str(at) for at in range(99) if world.link_of(str(at)) == 0)
    silent(world, 0)
    messages = [world.send(destination, str(at)) for at in range(4)]
    assert world.to(0) == ["0"]
    assert world.links[0].sender.waiting == 3
    world.drops(0)
    assert world.to(1) == ["0", "1", "2", "3"]
    assert [message.progress for message in messages] == [ACCEPTED] * 4
    assert [message.possible_duplicates for message in messages] == [1, 0, 0, 0]
    world.stops()


@pytest.mark.parametrize(
    ("policy", "progress", "counts"),
    [
        (UnknownPolicy.RESEND, ACCEPTED, [1, 1]),
        (UnknownPolicy.HOLD, HELD, [1, 0]),
        (UnknownPolicy.FAIL, Progress.LOST, [1, 0]),
    ],
)
def test_unknown_outcomes_follow_the_policy(
    policy: UnknownPolicy, progress: Progress, counts: list[int]
) -> None:
    world = started(2, sending=Sending(unknown=policy))
    silent(world, 0)
    message = world.send()
    world.drops(0)
    assert (message.progress, world.counts()) == (progress, counts)
    assert world.pool.held == (progress is HELD)
    world.stops()


def test_a_held_part_is_sent_again_on_another_link() -> None:
    world = started(2, sending=Sending(unknown=UnknownPolicy.HOLD))
    silent(world, 0)
    message = world.send()
    world.drops(0)
    world.pool.resend(message.parts[0])
    world.flush()
    assert (message.progress, world.counts()) == (ACCEPTED, [1, 1])
    assert world.pool.held == 0
    world.stops()


def test_a_held_part_is_given_up() -> None:
    world = started(2, sending=Sending(unknown=UnknownPolicy.HOLD))
    silent(world, 0)
    message = world.send()
    world.passes(31)
    assert message.progress is HELD
    assert list(world.pool.parts()) == [message.parts[0]]
    world.pool.give_up(message.parts[0])
    assert message.progress is Progress.LOST
    assert list(world.pool.parts()) == []
    world.stops(10)


def test_a_late_response_ends_the_wait_of_a_part_that_has_moved() -> None:
    """Its link is drained while the response is overdue; the answer comes before the unbind."""
    world = started(2, window=1)
    late, keeps = silent(world, 0, 1)[0], silent(world, 1, 1)[0]
    message = world.send()
    world.send()  # so that the other link is busy
    world.passes(30)
    assert message.progress is UNKNOWN
    moved = world.links[0].sender.release()
    world.links[1].sender.adopt(moved)
    answers(world, 0, late)
    assert message.progress is ACCEPTED
    assert message.parts[0] not in list(world.pool.parts())
    assert world.counts()[0] == 1
    assert not keeps.called
    world.stops_with_waiting(None, 60)


def test_a_late_refusal_leaves_a_part_where_it_is() -> None:
    world = started(2, window=1, ordered=True)
    first, second = (
        next(str(at) for at in range(99) if world.link_of(str(at)) == link) for link in (0, 1)
    )
    late = silent(world, 0)[0]
    silent(world, 1)
    message = world.send(first)
    world.passes(20)
    world.send(second)  # so that the other link is busy
    world.passes(10)
    assert message.progress is UNKNOWN
    world.links[1].sender.adopt(world.links[0].sender.release())
    late.callback(S.ESME_RSYSERR)
    world.flush()
    assert message.progress is QUEUED
    assert message.parts[0].refusals == 1
    assert message.parts[0] in list(world.links[1].sender.parts())
    assert list(world.pool.parts()).count(message.parts[0]) == 1
    world.stops_with_waiting(None, 60)


# Throttling.


def test_a_throttled_link_gets_nothing_and_keeps_nothing() -> None:
    world = started(2)
    world.scripts[0].append(S.ESME_RTHROTTLED)
    messages = [world.send(text=str(at)) for at in range(5)]
    assert [message.progress for message in messages] == [ACCEPTED] * 5
    assert world.to(0) == ["0"]
    assert sorted(world.to(1)) == ["0", "1", "2", "3", "4"]
    assert [figures.throttled for figures in world.pool.figures()] == [1, 0]
    assert [figures.window for figures in world.pool.figures()] == [5, 10]
    world.passes(2)
    world.send(text="5")
    world.send(text="6")
    assert world.counts() == [2, 6]
    world.stops()


def test_all_links_throttled_go_on_after_their_pause() -> None:
    world = started(2)
    for script in world.scripts:
        script.append(S.ESME_RTHROTTLED)
    messages = [world.send(text=str(at)) for at in range(4)]
    assert len(world.submitted) == 2
    assert world.pool.waiting == 4
    world.passes(2)
    assert [message.progress for message in messages] == [ACCEPTED] * 4
    world.stops()


def test_a_message_in_parts_stays_with_its_throttled_link() -> None:
    world = started(2)
    world.scripts[0] += [world.accept, S.ESME_RTHROTTLED]
    message = world.send(text=text_of(3))
    world.passes(2)
    assert message.progress is ACCEPTED
    assert world.counts() == [4, 0]
    world.stops()


@pytest.mark.parametrize("ordered", [False, True])
def test_one_rate_for_all_links(ordered: bool) -> None:
    world = started(4, rate=10.0, ordered=ordered)
    for at in range(60):
        world.pool.send(str(at), "Hi")
    world.flush()
    assert len(world.submitted) == 1
    for _ in range(50):
        world.clock.advance(0.1)
        world.clock.advance(0.002)  # who let another pass comes again after a millisecond
        world.flush()
    assert 49 <= len(world.submitted) <= 53
    if ordered:
        assert min(world.counts()) >= 8  # no link starves
    world.stops_with_waiting(None)


def test_the_rate_of_sending_is_that_of_each_link() -> None:
    world = started(4, sending=Sending(rate=1.0))
    for _ in range(60):
        world.pool.send("4917", "Hi")
    world.flush()
    assert world.counts() == [1, 1, 1, 1]
    world.passes(3)
    assert world.counts() == [4, 4, 4, 4]
    assert [figures.waiting for figures in world.pool.figures()] == [1, 1, 1, 1]
    world.stops_with_waiting(None)


def test_the_rate_of_a_profile_is_that_of_the_account(tmp_path: Any) -> None:
    profile = tmp_path / "carrier.toml"
    profile.write_text("[link]\nrate = 2\nburst = 1\n")
    world = started(4, profile=str(profile))
    for _ in range(20):
        world.pool.send("4917", "Hi")
    for _ in range(10):
        world.passes(0.5)
    assert len(world.submitted) == 11
    world.stops_with_waiting(None)


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
