# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Several binds behind one send()."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

import pytest
from message_centre_kit import text_of
from pool_kit import answers, silent, started
from twisted.application.service import IService
from zope.interface.verify import verifyObject

from twisted_smpp.errors import WindowFull
from twisted_smpp.esme import ESMEPool, ESMEService, LinkState, Progress, Sending
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import success

QUEUED, SENDING, UNKNOWN, HELD, ACCEPTED = list(Progress)[:5]
DELIVERED, FAILED = Progress.DELIVERED, Progress.FAILED

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
    assert [figures.in_flight for figures in world.pool.figures().values()] == [10, 2]
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
    assert [link.sender.able for link in world.pool.links] == [True, True, False]
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
    world.links[1].sender.adopt((0.0, part) for _, part in moved)
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
    assert [figures.throttled for figures in world.pool.figures().values()] == [1, 0]
    assert [figures.window for figures in world.pool.figures().values()] == [5, 10]
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
    assert [figures.waiting for figures in world.pool.figures().values()] == [1, 1, 1, 1]
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
    assert [link.sender.pace.rate for link in world.links] == [None] * 4
    world.stops_with_waiting(None)


def test_what_waits_for_the_end_of_a_pause_needs_no_other_event() -> None:
    world = started(1)
    first, second = silent(world, 0, 2)
    messages = [world.send(text=str(at)) for at in range(2)]
    first.callback(S.ESME_RTHROTTLED)
    world.flush()
    answers(world, 0, second, 1)
    assert [message.progress for message in messages] == [QUEUED, ACCEPTED]
    world.passes(2)
    assert messages[0].progress is ACCEPTED
    world.stops()


def test_parts_that_come_back_stay_together() -> None:
    world = started(3)
    silent(world, 0, 4)
    message = world.send(text=text_of(4))
    world.drops(0)
    assert message.progress is ACCEPTED
    assert sorted(world.counts()) == [0, 4, 4]
    assert [part.attempts for part in message.parts] == [2] * 4
    world.stops()
