"""How a link is doing, in figures."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from esme_kit import World
from message_centre_kit import Centre, Outbox
from sessions import bound
from twisted.internet.defer import Deferred

from twisted_smpp.errors import SessionLost
from twisted_smpp.esme import ESMEService, LinkFigures, Sending
from twisted_smpp.states import Role
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import success
from twisted_smpp.wire.pdus import SubmitSM, SubmitSMResp


def never(request: Any) -> Deferred[Any]:
    """The message centre owes an answer."""
    return Deferred()


def figures(centre: Centre) -> LinkFigures:
    service: ESMEService = centre.service
    return service.figures()


def test_a_link_that_is_not_bound() -> None:
    centre = Centre(window=7, sending=Sending(rate=20))
    centre.service.send("49176", "Hi")
    assert figures(centre) == LinkFigures(
        window=7,
        in_flight=0,
        waiting=1,
        held=0,
        rate=20,
        paused=0.0,
        throttled=0,
        resends=0,
        round_trip=None,
        link_round_trip=None,
        unconfirmed=0,
        parked=0,
        unmatched=0,
        too_many_unmatched=False,
        oldest_waiting=0.0,
        stuck=False,
    )
    centre.stopped(centre.service.stopService())


def test_figures_stay_as_they_are() -> None:
    centre = Centre()
    centre.start()
    before = figures(centre)
    centre.send()
    assert before.unconfirmed == 0
    assert figures(centre).unconfirmed == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.waiting = 5  # type: ignore[misc]
    centre.stops()


def test_the_queue_and_the_window() -> None:
    centre = Centre(window=3)
    centre.start()
    centre.script.extend([never] * 3)
    for _ in range(5):
        centre.send()
    now = figures(centre)
    assert (now.window, now.in_flight, now.waiting) == (3, 3, 2)
    centre.drops()
    now = figures(centre)
    assert (now.in_flight, now.waiting, now.resends) == (0, 5, 0)
    centre.rebinds()
    centre.flush()
    now = figures(centre)
    assert (now.in_flight, now.waiting, now.resends, now.unconfirmed) == (0, 0, 3, 5)
    centre.stops()


def test_what_was_not_sent_again_after_all_does_not_count() -> None:
    outbox = Outbox()
    session = outbox.binds()
    outbox.send()
    outbox.breaks()
    session = outbox.binds()
    assert outbox.sender.resends == 1
    session.times_out(0)
    session.error = lambda: SessionLost("never sent", sent=False)
    outbox.clock.advance(5)
    assert outbox.sender.resends == 1
    session.error = None
    outbox.clock.advance(1)
    assert outbox.sender.resends == 2
    session.accepts(1, "1")


def test_throttling() -> None:
    centre = Centre(window=8, sending=Sending(rate=20, burst=100))
    centre.start()
    centre.script.append(lambda request: S.ESME_RTHROTTLED)
    centre.send()
    now = figures(centre)
    assert (now.throttled, now.window, now.rate, now.paused) == (1, 4, 10, 1.0)
    centre.clock.advance(0.25)
    assert figures(centre).paused == 0.75
    centre.passes(2)
    now = figures(centre)
    assert (now.throttled, now.paused, now.waiting) == (1, 0.0, 0)
    centre.stops()


def answered(world: World, seconds: float) -> None:
    """A request that is answered after so long."""
    world.endpoint.answer = later = Deferred[Any]()
    response = world.service.submit_sm()
    world.flush()
    world.clock.advance(seconds)
    later.callback(None)
    world.flush()
    assert isinstance(success(response), SubmitSMResp)


def test_round_trips() -> None:
    centre = World()
    centre.service = ESMEService(centre.endpoint, "esme", reactor=centre.clock)
    centre.service.startService()
    centre.endpoint.accepts()
    centre.clock.advance(0.25)
    centre.flush()
    now = centre.service.figures()
    assert (now.round_trip, now.link_round_trip) == (0.25, 0.25)  # those of the bind
    for _ in range(60):
        answered(centre, 1.0)
    assert centre.service.figures().round_trip == pytest.approx(1.0, abs=0.001)
    answered(centre, 9.0)
    now = centre.service.figures()
    assert now.round_trip == pytest.approx(2.0, abs=0.001)  # an eighth of the way
    assert now.link_round_trip == 0.25
    enquiry = centre.service.enquire_link()
    centre.clock.advance(0.5)
    centre.flush()
    success(enquiry)
    now = centre.service.figures()
    assert (now.round_trip, now.link_round_trip) == (pytest.approx(2.0, abs=0.001), 0.5)
    centre.endpoint.drops()
    now = centre.service.figures()
    assert (now.round_trip, now.link_round_trip) == (None, None)
    centre.stopped(centre.service.stopService())


def test_a_response_that_is_late_says_nothing_of_round_trips() -> None:
    session = bound(Role.ESME)
    pending = session.request(SubmitSM(), 0.0)
    assert pending is not None
    before = session.round_trip
    session.give_up(pending)
    number = pending.request.sequence_number
    list(session.receive(SubmitSMResp(sequence_number=number).encode(), 50.0))
    assert session.round_trip == before
