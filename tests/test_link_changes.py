# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What a link tells of itself, and when it tries again: on a clock, with several endpoints."""

from __future__ import annotations

from typing import Any

import pytest
from esme_kit import World, quiet
from pairs import PENDING, outcome
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectBindError, DNSLookupError

from twisted_smpp.errors import ResponseTimeout, SessionLost
from twisted_smpp.esme.link import LinkChange, LinkState
from twisted_smpp.events import Timers
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import failure, success

STOPPED, CONNECTING, BOUND = LinkState.STOPPED, LinkState.CONNECTING, LinkState.BOUND
WAITING, STOPPING = LinkState.WAITING, LinkState.STOPPING
PEER = "192.0.2.1:2775"


# What it tells.


def test_every_change_is_told_with_its_reason() -> None:
    world = quiet()
    assert world.service.change == LinkChange(STOPPED, "not started")
    world.service.startService()
    world.endpoint.refuses(DNSLookupError("no such name"))
    world.next_attempt()
    world.endpoint.bind_status = S.ESME_RBINDFAIL
    world.endpoint.binds()
    world.next_attempt()
    world.endpoint.bind_status = 0
    world.endpoint.binds()
    world.endpoint.drops()
    world.next_attempt()
    world.endpoint.refuses(ConnectBindError())
    (error,) = world.service.log.errors
    lost = "Connection to the other side was lost in a non-clean fashion"
    again = LinkChange(CONNECTING, "connecting to way 1", 0.0, "way 1")
    assert world.changes == [
        LinkChange(CONNECTING, "started", 0.0, "way 1"),
        LinkChange(
            WAITING,
            "the message centre at way 1 cannot be reached: DNS lookup failed: no such name",
            1.0,
        ),
        again,
        LinkChange(WAITING, f"bind to {PEER} failed: {error}", 5.0),
        again,
        LinkChange(BOUND, f"bound to {PEER}"),
        LinkChange(WAITING, f"the link to {PEER} ended: {lost}", 2.0),
        again,
        LinkChange(
            WAITING,
            "the message centre at way 1 cannot be reached: Couldn't bind",
            2.0,
        ),
    ]
    assert "ESME_RBINDFAIL" in error
    assert world.service.change is world.changes[-1]
    world.stopped(world.service.stopService())
    assert world.changes[-2:] == [
        LinkChange(STOPPING, "asked to stop"),
        LinkChange(STOPPED, "asked to stop"),
    ]


def test_the_seconds_are_those_that_it_waits() -> None:
    world = World(random=lambda: 0.3)
    world.service.startService()
    for _ in range(5):
        world.endpoint.refuses()
        assert world.changes[-1].state is WAITING
        assert world.changes[-1].seconds == pytest.approx(world.next_attempt())
    world.stopped(world.service.stopService())


def test_at_the_bind_the_session_is_there_and_who_waits_comes_after() -> None:
    seen: list[Any] = []

    def tell(change: LinkChange) -> None:
        if change.state is BOUND:
            seen.append((world.service.session, outcome(world.service.when_bound())))

    world = World(on_state=tell)
    world.service.when_bound().addCallback(seen.append)
    world.start()
    session = world.service.session
    assert seen == [(session, session), session]
    world.stopped(world.service.stopService())


def test_reasons_are_not_those_of_the_last_time() -> None:
    world = World()
    world.start()
    world.stopped(world.service.stopService())
    world.service.startService()
    world.endpoint.refuses()
    assert "cannot be reached" in world.service.change.reason
    world.stopped(world.service.stopService())


def test_what_on_state_raises_is_logged_and_harms_nothing(logged_errors: Any) -> None:
    def broken(change: LinkChange) -> None:
        raise ZeroDivisionError

    world = World(on_state=broken)
    world.start()
    assert world.service.state is State.BOUND_TRX
    world.endpoint.drops()
    world.next_attempt()
    world.endpoint.binds()
    assert world.service.state is State.BOUND_TRX
    world.stopped(world.service.stopService())
    assert world.service.change.state is STOPPED
    assert len(logged_errors.flush(ZeroDivisionError)) == 7


def test_nobody_needs_to_listen() -> None:
    world = World(on_state=None)
    world.start()
    assert world.service.change.state is BOUND
    world.stopped(world.service.stopService())


def test_what_a_waiter_raises_harms_nothing(logged_errors: Any) -> None:
    world = World()
    first, second = world.service.when_bound(), world.service.when_bound()
    first.addCallback(lambda _: 1 / 0)
    world.start()
    assert success(second) is world.service.session
    world.stopped(world.service.stopService())
    del first
    assert len(logged_errors.flush(ZeroDivisionError)) == 1


# Staying bound.


def delays_of(world: World, what: Any, count: int) -> list[float]:
    """Seconds between the attempts when each ends like that."""
    delays = []
    for _ in range(count):
        what()
        delays.append(round(world.next_attempt(), 6))
    return delays


def test_S13_delays_double_up_to_the_longest() -> None:
    world = World()
    world.service.startService()
    delays = delays_of(world, world.endpoint.refuses, 9)
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert len(world.endpoint.attempts) == 10
    world.stopped(world.service.stopService())


@pytest.mark.parametrize("drawn", [0.0, 0.25, 0.999])
def test_S13_the_jitter_is_drawn_from_zero_to_the_delay(drawn: float) -> None:
    world = World(random=lambda: drawn, first_delay=2.0, longest_delay=5.0)
    world.service.startService()
    delays = delays_of(world, world.endpoint.refuses, 4)
    assert delays == pytest.approx([2 * drawn, 4 * drawn, 5 * drawn, 5 * drawn])
    world.stopped(world.service.stopService())


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (S.ESME_RINVPASWD, [60, 120, 240, 480, 900, 900]),
        (S.ESME_RINVSYSID, [60, 120, 240, 480, 900, 900]),
        (S.ESME_RINVSYSTYP, [60, 120, 240, 480, 900, 900]),
        (S.ESME_RALYBND, [90, 120, 120]),
        (S.ESME_RBINDFAIL, [5, 10, 20, 40, 60, 60]),
        (S.ESME_RSYSERR, [5, 10, 20, 40, 60, 60]),
        (S.ESME_RTHROTTLED, [5, 10, 20, 40, 60, 60]),
        (0x4FF, [5, 10, 20, 40, 60, 60]),
    ],
)
def test_S13_after_a_refused_bind_the_status_counts(status: int, expected: list[int]) -> None:
    world = quiet()
    world.endpoint.bind_status = status
    world.service.startService()
    assert delays_of(world, world.endpoint.binds, len(expected)) == expected
    assert world.service.session is None
    errors = world.service.log.errors
    assert len(errors) == len(expected)
    assert S(status).name in errors[0]
    world.stopped(world.service.stopService())


@pytest.mark.parametrize("drawn", [0.0, 0.5, 1.0])
def test_A13_on_RALYBND_it_waits_a_minute_at_least(drawn: float) -> None:
    world = quiet(random=lambda: drawn)
    world.endpoint.bind_status = S.ESME_RALYBND
    world.service.startService()
    for delay in delays_of(world, world.endpoint.binds, 4):
        assert 60 <= delay <= 120
    world.stopped(world.service.stopService())


def test_S13_a_message_centre_that_accepts_and_drops_is_not_stormed() -> None:
    world = World()
    world.service.startService()

    def binds_and_drops() -> None:
        world.endpoint.binds()
        world.endpoint.drops()

    assert delays_of(world, binds_and_drops, 8) == [1, 2, 4, 8, 16, 32, 60, 60]
    world.stopped(world.service.stopService())


def test_S13_a_message_centre_that_drops_before_the_bind_is_not_stormed() -> None:
    world = quiet()
    world.service.startService()

    def accepts_and_drops() -> None:
        world.endpoint.accepts()
        world.endpoint.drops()

    assert delays_of(world, accepts_and_drops, 8) == [1, 2, 4, 8, 16, 32, 60, 60]
    assert len(world.service.log.errors) == 8
    world.stopped(world.service.stopService())


@pytest.mark.parametrize(("seconds", "expected"), [(59.0, 4.0), (60.0, 1.0), (61.0, 1.0)])
def test_S13_a_bind_that_held_a_minute_begins_anew(seconds: float, expected: float) -> None:
    world = World()
    world.service.startService()
    for _ in range(2):
        world.endpoint.binds()
        world.endpoint.drops()
        world.next_attempt()
    world.endpoint.binds()
    world.passes(seconds)
    world.endpoint.drops()
    assert world.next_attempt() == expected
    world.stopped(world.service.stopService())


def test_S13_the_minute_is_that_of_the_last_bind() -> None:
    world = World()
    world.start()
    world.passes(100)
    world.endpoint.drops()
    assert world.next_attempt() == 1
    delays = []
    for _ in range(2):
        world.endpoint.binds()
        world.endpoint.drops()
        delays.append(world.next_attempt())
    assert delays == [1, 2]
    world.stopped(world.service.stopService())


def test_O06_the_name_is_resolved_anew_for_each_attempt() -> None:
    world = World()
    world.service.startService()
    for count in range(1, 4):
        assert len(world.endpoint.attempts) == count
        world.endpoint.refuses(DNSLookupError())
        world.next_attempt()
    world.stopped(world.service.stopService())


def test_S13_one_attempt_at_a_time() -> None:
    world = World()
    world.service.startService()
    for _ in range(3600):
        world.clock.advance(1)
        assert len(world.endpoint.waiting) <= 1
    assert len(world.endpoint.attempts) > 10
    world.stopped(world.service.stopService())


@pytest.mark.parametrize("seconds", [10.0, 3.0])
def test_S14_a_connection_that_is_not_made_is_given_up(seconds: float) -> None:
    settings = {} if seconds == 10.0 else {"connect_timeout": seconds}
    world = World(**settings)
    world.service.startService()
    world.clock.advance(seconds - 0.1)
    assert world.states == [CONNECTING]
    world.clock.advance(0.2)
    assert world.service.change.reason == (
        f"the message centre at way 1 cannot be reached: no connection within {seconds:g} s"
    )
    assert world.states == [CONNECTING, WAITING]
    world.next_attempt()
    world.endpoint.binds()
    world.passes(2 * seconds)
    assert world.service.state is State.BOUND_TRX
    world.stopped(world.service.stopService())


def test_S14_each_of_several_ways_has_its_time() -> None:
    world = World(ways=3)
    world.service.startService()
    for count in (1, 2, 3):
        assert [len(each.attempts) for each in world.endpoints] == [1] * count + [0] * (3 - count)
        world.clock.advance(10)
    assert world.states == [CONNECTING] * 3 + [WAITING]
    world.stopped(world.service.stopService())


def test_stop_asked_while_it_hears_of_an_attempt() -> None:
    stopping: list[Any] = []

    def tell(change: LinkChange) -> None:
        world.changes.append(change)
        if change.endpoint == "way 2":
            stopping.append(world.service.stopService())

    world = World(ways=3, on_state=tell)
    world.service.startService()
    world.endpoints[0].refuses()
    world.stopped(*stopping)
    assert world.states == [CONNECTING, CONNECTING, STOPPING, STOPPED]
    assert world.endpoints[2].attempts == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"first_delay": 0}, "first_delay is 0, more than 0 seconds are needed"),
        ({"first_delay": -1.0}, "first_delay is -1.0, more than 0 seconds are needed"),
        ({"first_delay": float("nan")}, "first_delay is nan, more than 0 seconds are needed"),
        ({"connect_timeout": 0.0}, "connect_timeout is 0.0, more than 0 seconds are needed"),
        ({"connect_timeout": float("inf")}, "connect_timeout is inf, more than 0 seconds"),
        (
            {"longest_delay": 0.5},
            "longest_delay is 0.5, at least the 1 seconds of first_delay are needed",
        ),
        ({"longest_delay": float("nan")}, "longest_delay is nan, at least the 1 seconds"),
        ({"longest_delay": float("inf")}, "longest_delay is inf, at least the 1 seconds"),
    ],
)
def test_S13_delays_that_cannot_be_are_refused_at_once(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        World(**settings)
    World(first_delay=5.0, longest_delay=5.0)


def test_O02_O07_after_a_standstill_a_link_that_was_dropped_is_made_again() -> None:
    world = World()
    world.endpoint.answer = Deferred()
    world.start()
    responses = [world.service.submit_sm() for _ in range(5)]
    world.flush()
    world.endpoint.drops()  # the peer has gone meanwhile, and we hear of it when we go on
    world.clock.advance(600)
    for response in responses:
        error = failure(response)
        assert isinstance(error, SessionLost)
        assert error.sent  # the outcome is unknown
    assert len(world.endpoint.attempts) == 2
    world.endpoint.binds()
    assert world.service.state is State.BOUND_TRX
    world.stopped(world.service.stopService())


@pytest.mark.parametrize("seconds", [31, 60, 600])
def test_O02_O07_after_a_standstill_what_was_answered_meanwhile_counts(seconds: float) -> None:
    world = World()
    world.start()
    responses = [world.service.submit_sm() for _ in range(5)]
    enquiry = world.service.enquire_link()
    esme, smsc = world.endpoint.ends[0]
    smsc.protocol.dataReceived(esme.taken(len(esme.written)))  # the message centre answers
    world.clock.advance(seconds)  # timers come before sockets in a turn of the reactor
    assert [outcome(each) for each in (*responses, enquiry)] == [PENDING] * 6
    world.flush()
    for response in responses:
        assert success(response).command_status == 0
    success(enquiry)
    world.passes(5)
    assert world.states == [CONNECTING, BOUND]
    world.stopped(world.service.stopService())


def test_O07_after_a_standstill_who_is_silent_still_is_late() -> None:
    world = World()
    world.endpoint.smsc.answer_timeout = 1e6
    world.endpoint.answer = Deferred()
    world.start()
    response = world.service.submit_sm()
    world.flush()
    world.clock.advance(60)
    world.flush()
    assert outcome(response) == PENDING
    world.clock.advance(1)
    assert isinstance(failure(response), ResponseTimeout)
    world.endpoint.answer.callback(None)
    world.flush()
    assert world.service.state is State.BOUND_TRX
    world.stopped(world.service.stopService())


def test_O02_after_a_standstill_an_idle_link_is_probed_once() -> None:
    world = World()
    smsc = world.start()
    asked: list[Any] = []
    smsc.add_tap(lambda direction, pdu, octets, time: asked.append((direction, pdu.command)))
    world.clock.advance(600)
    world.flush()
    world.passes(5)
    assert asked.count(("received", "enquire_link")) == 1
    assert world.service.state is State.BOUND_TRX
    assert world.states == [CONNECTING, BOUND]
    world.stopped(world.service.stopService())


def test_S14_a_bind_without_an_answer_is_given_up() -> None:
    world = quiet(timers=Timers(bind=10.0))
    world.service.startService()
    world.endpoint.accepts()
    world.clock.advance(9.9)
    assert world.states == [CONNECTING]
    world.clock.advance(0.2)
    world.clock.advance(10)  # the connection of one that does not read is cut
    world.clock.advance(0)
    assert world.states[-1] is WAITING
    assert world.service.session is None
    world.next_attempt()
    world.endpoint.binds()
    assert world.service.state is State.BOUND_TRX
    world.stopped(world.service.stopService())


def test_a_dead_message_centre_is_left() -> None:
    world = World()
    world.start()
    for end in world.endpoint.ends[0]:
        end.written = b""
    world.clock.pump([1.0] * 40)
    world.clock.advance(0)
    assert world.service.session is None
    world.next_attempt()
    world.endpoint.binds()
    assert world.service.state is State.BOUND_TRX
    world.stopped(world.service.stopService())


def test_the_message_centre_may_unbind() -> None:
    world = World()
    smsc = world.start()
    ended = smsc.unbind()
    world.flush()
    success(ended)
    assert world.states[-1] is WAITING
    assert "unbound" in world.service.change.reason
    assert world.next_attempt() == 1
    world.endpoint.binds()
    world.stopped(world.service.stopService())


# Several ways.


def binds_and_drops(endpoint: Any) -> None:
    endpoint.binds()
    endpoint.drops()


def test_S13_after_three_short_sessions_the_next_endpoint_has_its_turn() -> None:
    world = World(ways=2)
    first, second = world.endpoints
    world.service.startService()
    delays = []
    for endpoint in (first, first, first, second, second, second):
        binds_and_drops(endpoint)
        delays.append(world.next_attempt())
    assert (len(first.attempts), len(second.attempts)) == (4, 3)
    assert delays == [1, 2, 4, 8, 16, 32]
    world.stopped(world.service.stopService())


def test_S13_a_session_that_held_ends_the_row_of_short_ones() -> None:
    world = World(ways=2)
    first, second = world.endpoints
    world.service.startService()
    for short in (True, True, False, True, True):
        first.binds()
        world.passes(0 if short else 61)
        first.drops()
        world.next_attempt()
    assert (len(first.attempts), len(second.attempts)) == (6, 0)
    binds_and_drops(first)
    world.next_attempt()
    assert len(second.attempts) == 1
    world.stopped(world.service.stopService())


def test_S13_one_that_drops_before_the_bind_has_failed() -> None:
    world = quiet(ways=2)
    first, second = world.endpoints
    world.service.startService()
    first.accepts()
    first.drops()
    world.next_attempt()
    assert (len(first.attempts), len(second.attempts)) == (1, 1)
    second.binds()
    world.stopped(world.service.stopService())


def test_A13_S13_nobody_there_after_a_refusal_is_a_failed_connection() -> None:
    world = quiet()
    world.endpoint.bind_status = S.ESME_RALYBND
    world.service.startService()
    world.endpoint.binds()
    assert world.next_attempt() == 90
    world.endpoint.refuses()
    assert world.next_attempt() == 2
    world.endpoint.binds()
    assert world.next_attempt() == 120
    world.stopped(world.service.stopService())


def test_S13_the_next_endpoint_is_tried_at_once() -> None:
    world = World(ways=3)
    first, second, third = world.endpoints
    world.service.startService()
    first.refuses()
    assert (len(second.attempts), len(third.attempts)) == (1, 0)
    second.refuses()
    assert len(third.attempts) == 1
    assert [change.endpoint for change in world.changes] == ["way 1", "way 2", "way 3"]
    third.binds()
    assert world.states == [CONNECTING] * 3 + [BOUND]
    assert [each.attempts for each in world.endpoints] == [[0.0]] * 3
    world.stopped(world.service.stopService())


def test_S13_a_round_through_all_is_one_failure() -> None:
    world = World(ways=2)
    first, second = world.endpoints
    world.service.startService()

    def both() -> None:
        first.refuses()
        second.refuses(DNSLookupError("gone"))

    assert delays_of(world, both, 4) == [1, 2, 4, 8]
    waits = [change for change in world.changes if change.state is WAITING]
    assert len(waits) == 4
    assert all("DNS lookup failed: gone" in change.reason for change in waits)
    tried = [change.endpoint for change in world.changes if change.state is CONNECTING]
    assert tried == ["way 1", "way 2"] * 4 + ["way 1"]
    world.stopped(world.service.stopService())


def test_S13_it_comes_back_to_the_one_that_worked() -> None:
    world = World(ways=2)
    first, second = world.endpoints
    world.service.startService()
    first.refuses()
    second.binds()
    second.drops()
    world.next_attempt()
    assert (len(first.attempts), len(second.attempts)) == (1, 2)
    second.binds()
    assert world.service.state is State.BOUND_TRX
    world.stopped(world.service.stopService())


def test_S13_after_a_refused_bind_the_next_one_has_its_turn() -> None:
    world = quiet(ways=2)
    first, second = world.endpoints
    first.bind_status = second.bind_status = S.ESME_RINVSYSID
    world.service.startService()
    first.binds()
    assert world.next_attempt() == 60  # the credentials are the same there
    assert (len(first.attempts), len(second.attempts)) == (1, 1)
    second.binds()
    assert world.next_attempt() == 120
    assert (len(first.attempts), len(second.attempts)) == (2, 1)
    world.stopped(world.service.stopService())


def test_stop_while_the_second_is_tried() -> None:
    world = World(ways=3)
    first, second, third = world.endpoints
    world.service.startService()
    first.refuses()
    world.stopped(world.service.stopService())
    assert len(second.attempts) == 1
    assert second.waiting == []  # it was cancelled
    assert third.attempts == []
    world.service.startService()
    assert (len(first.attempts), len(second.attempts), len(third.attempts)) == (1, 2, 0)
    world.stopped(world.service.stopService())
