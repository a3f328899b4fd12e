# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The link that stays bound: on a clock, with an endpoint that the test plays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from esme_kit import World, quiet
from pairs import PENDING, outcome
from sessions import pdus
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import TimeoutError
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

from twisted_smpp.errors import FieldError, SessionLost
from twisted_smpp.esme.link import Link, LinkChange, LinkState
from twisted_smpp.events import Timers
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import failure, success
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdus import SubmitSM, SubmitSMResp, Unbind

STOPPED, CONNECTING, BOUND = LinkState.STOPPED, LinkState.CONNECTING, LinkState.BOUND
WAITING, STOPPING = LinkState.WAITING, LinkState.STOPPING
PEER = "192.0.2.1:2775"


# Connecting and binding.


def test_it_binds_and_sends() -> None:
    world = World()
    assert world.service.state is State.CLOSED
    world.start()
    assert world.service.state is State.BOUND_TRX
    assert isinstance(world.service.session, SMPPProtocol)
    response = world.service.submit_sm(destination_addr="1")
    world.flush()
    assert isinstance(success(response), SubmitSMResp)
    world.stopped(world.service.stopService())


def test_any_request_can_be_sent() -> None:
    world = World()
    world.start()
    response = world.service.request(SubmitSM(destination_addr="9"))
    enquiry = world.service.enquire_link()
    world.flush()
    assert isinstance(success(response), SubmitSMResp)
    success(enquiry)
    world.stopped(world.service.stopService())


def test_the_settings_of_the_bind() -> None:
    timers = Timers(response=7.0)
    version = InterfaceVersion.V5_0
    world = World(
        bind="receiver", system_type="VMS", window=3, timers=timers, interface_version=version
    )
    world.service.startService()
    world.endpoint.accepts()
    (bind,) = pdus(world.endpoint.ends[0][0].written)
    assert bind.command == "bind_receiver"
    assert (bind.system_id, bind.password, bind.system_type) == ("esme", "pw", "VMS")
    assert bind.interface_version == version
    world.flush()
    assert world.service.session is not None
    assert world.service.session.session.window == 3
    assert world.service.factory.timers is timers
    world.stopped(world.service.stopService())


def test_wrong_settings_are_refused_at_once() -> None:
    with pytest.raises(FieldError):
        World(system_type="x" * 99)
    with pytest.raises(FieldError):
        World(password=lambda: "x" * 99)
    with pytest.raises(ValueError, match="bind is 'both'"):
        World(bind="both")
    with pytest.raises(ValueError, match="nonsense"):
        Link("nonsense:1", "esme", reactor=Clock())
    with pytest.raises(ValueError, match="nonsense"):
        Link(["tcp:192.0.2.9:2775", "nonsense:1"], "esme", reactor=Clock())
    with pytest.raises(ValueError, match="endpoint: none given"):
        Link([], "esme", reactor=Clock())


def test_an_endpoint_may_be_a_description() -> None:
    reactor = MemoryReactorClock()
    service = Link("tcp:192.0.2.9:2775", "esme", reactor=reactor)
    service.startService()
    ((host, port, *_),) = reactor.tcpClients
    assert (host, port) == ("192.0.2.9", 2775)
    service.stopService()


@pytest.mark.parametrize(
    ("description", "why"),
    [
        ("tcp:192.0.2.9:x", "'x' is no number"),
        ("tcp:192.0.2.9", "missing 1 required positional argument: 'port'"),
        (
            "192.0.2.9",
            "Unknown endpoint type: '192.0.2.9'; it begins with its kind, such as tcp:",
        ),
        ("tls:smsc:3550:trustRoots=/no/such", "[Errno 2] No such file or directory: '/no/such'"),
    ],
)
def test_what_is_wrong_with_a_description_is_said(description: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'endpoint {description}: {why}')}$"):
        Link(description, "esme", reactor=MemoryReactorClock())


@pytest.mark.parametrize("option", ["trustRoots={}", "certificate={}/me.pem"])
@pytest.mark.parametrize("kind", ["CERTIFICATE", "NOTHING"])
def test_a_file_that_has_not_what_is_looked_for_is_said(
    option: str, kind: str, tmp_path: Path
) -> None:
    (tmp_path / "me.pem").write_text(f"-----BEGIN {kind}-----\nMIIB\n-----END {kind}-----\n")
    description = f"tls:smsc:3550:{option.format(tmp_path)}"
    why = "a PEM file, perhaps of trustRoots, lacks the certificate or private key it needs"
    with pytest.raises(ValueError, match=f"^{re.escape(f'endpoint {description}: {why}')}$"):
        Link(description, "esme", reactor=MemoryReactorClock())


def test_an_endpoint_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="endpoint None is neither a description nor an endpoint"):
        Link(["tcp:192.0.2.9:2775", None], "esme", reactor=MemoryReactorClock())  # type: ignore[list-item]


def test_without_a_reactor_it_takes_the_global_one() -> None:
    from twisted.internet import reactor

    assert Link("tcp:192.0.2.9:2775", "esme").factory.clock is reactor


def test_endpoints_may_be_descriptions() -> None:
    reactor = MemoryReactorClock()
    ways = ("tcp:192.0.2.9:2775", "tcp:192.0.2.10:2776:timeout=5")
    service = Link(ways, "esme", reactor=reactor)
    service.startService()
    ((_, _, factory, *_),) = reactor.tcpClients
    factory.clientConnectionFailed(None, TimeoutError())
    assert [client[:2] for client in reactor.tcpClients] == [
        ("192.0.2.9", 2775),
        ("192.0.2.10", 2776),
    ]
    assert reactor.tcpClients[1][3] == 5
    service.stopService()


def test_S13_the_password_is_asked_for_each_bind() -> None:
    passwords = ["first", "first", "second", "third"]
    world = World(password=lambda: passwords.pop(0))
    assert len(passwords) == 3  # looked at once at the start: a mistake is heard of at once
    world.start()
    for _ in range(2):
        world.endpoint.drops()
        world.next_attempt()
        world.endpoint.binds()
    assert [bind.password for bind in world.endpoint.binds_seen] == ["first", "second", "third"]
    assert passwords == []
    world.stopped(world.service.stopService())


def test_S13_a_password_that_cannot_be_had_is_like_a_failed_connection() -> None:
    answers: list[Any] = ["pw", OSError("no such file"), "x" * 99, "pw"]

    def password() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    world = quiet(password=password)
    world.service.startService()
    delays = []
    for _ in range(2):
        world.endpoint.binds()
        assert world.service.change.state is WAITING
        delays.append(world.next_attempt())
    assert delays == [1, 2]
    assert [change.reason for change in world.changes if change.state is WAITING] == [
        f"bind to {PEER} failed: no such file",
        f"bind to {PEER} failed: password: takes 100 octets with its NUL, at most 9 are allowed",
    ]
    world.endpoint.binds()
    assert world.service.state is State.BOUND_TRX
    world.stopped(world.service.stopService())


def test_without_on_request_the_message_centre_keeps_what_it_sends() -> None:
    world = World()
    smsc = world.start()
    response = smsc.deliver_sm()
    world.flush()
    assert failure(response).command_status == S.ESME_RX_T_APPN  # type: ignore[attr-defined]
    world.stopped(world.service.stopService())


def test_on_request_answers_with_the_session_before_it() -> None:
    asked: list[Any] = []

    def on_request(session: Any, request: Any) -> int:
        asked.append((session, request.command))
        return int(S.ESME_RX_R_APPN)

    world = World(on_request=on_request)
    smsc = world.start()
    response = smsc.deliver_sm()
    world.flush()
    assert failure(response).command_status == S.ESME_RX_R_APPN  # type: ignore[attr-defined]
    assert asked == [(world.service.session, "deliver_sm")]
    world.stopped(world.service.stopService())


# when_bound and request.


def test_when_bound_fires_at_the_bind_and_at_once_afterwards() -> None:
    world = World()
    waiting = [world.service.when_bound() for _ in range(2)]
    world.service.startService()
    assert [outcome(each) for each in waiting] == [PENDING] * 2
    world.endpoint.accepts()
    assert [outcome(each) for each in waiting] == [PENDING] * 2
    world.flush()
    session = world.service.session
    assert [success(each) for each in (*waiting, world.service.when_bound())] == [session] * 3
    world.stopped(world.service.stopService())


def test_when_bound_waits_again_once_the_link_is_lost() -> None:
    world = World()
    world.start()
    world.endpoint.drops()
    again = world.service.when_bound()
    assert outcome(again) == PENDING
    world.next_attempt()
    world.endpoint.binds()
    assert success(again) is world.service.session
    world.stopped(world.service.stopService())


def test_when_bound_may_be_cancelled() -> None:
    world = World()
    first, second, third = (world.service.when_bound() for _ in range(3))
    second.cancel()
    assert isinstance(failure(second), CancelledError)
    first.addCallback(lambda _: third.cancel())
    world.start()
    assert isinstance(failure(third), CancelledError)
    world.stopped(world.service.stopService())


def test_the_callback_of_one_may_cancel_those_behind_it() -> None:
    world = World()
    waiting = [world.service.when_bound() for _ in range(4)]
    waiting[0].addCallback(lambda _: waiting[1].cancel())
    world.start()
    assert isinstance(failure(waiting[1]), CancelledError)
    assert success(waiting[2]) is success(waiting[3]) is world.service.session
    world.stopped(world.service.stopService())


def test_the_errback_of_one_may_cancel_those_behind_it() -> None:
    world = World()
    waiting = [world.service.when_bound() for _ in range(3)]
    waiting[0].addErrback(lambda _: waiting[1].cancel())
    world.service.startService()
    world.stopped(world.service.stopService())
    assert isinstance(failure(waiting[1]), CancelledError)
    assert isinstance(failure(waiting[2]), SessionLost)


def test_the_callback_of_one_may_stop_before_those_behind_it() -> None:
    world = World()
    stopping: list[Any] = []
    first, second = world.service.when_bound(), world.service.when_bound()
    first.addCallback(lambda _: stopping.append(world.service.stopService()))
    world.start()
    world.stopped(*stopping)
    assert isinstance(failure(second), SessionLost)


def test_when_bound_fails_when_the_link_stops_before() -> None:
    world = World()
    waiting = world.service.when_bound()
    world.service.startService()
    stopping = world.service.stopService()
    error = failure(waiting)
    assert isinstance(error, SessionLost)
    assert not error.sent
    world.stopped(stopping)


def test_a_request_that_nobody_can_take_was_never_sent() -> None:
    world = World()

    def never_sent() -> None:
        error = failure(world.service.submit_sm())
        assert isinstance(error, SessionLost)
        assert "never sent" in str(error)
        assert not error.sent

    never_sent()
    world.service.startService()
    never_sent()
    world.endpoint.binds()
    world.endpoint.drops()
    never_sent()
    world.stopped(world.service.stopService())


def test_who_waits_again_at_once_waits_for_the_next_start() -> None:
    world = World()
    world.service.startService()
    tries: list[Any] = []

    def again(_: object = None) -> None:
        tries.append(world.service.when_bound().addCallbacks(tries.append, again))

    again()
    world.stopped(world.service.stopService())
    assert len(tries) == 2
    world.start()
    assert len(tries) == 3
    world.stopped(world.service.stopService())


def test_a_session_that_ends_is_not_handed_out() -> None:
    world = World()
    world.start()
    world.endpoint.answer = Deferred()
    held = world.service.submit_sm()
    ended = world.service.session.unbind()
    next_one = world.service.when_bound()
    assert outcome(next_one) == PENDING
    world.endpoint.answer.callback(None)
    world.flush()
    success(held)
    success(ended)
    world.stopped(world.service.stopService())
    assert isinstance(failure(next_one), SessionLost)


# Stopping.


def test_stop_during_the_connection_attempt() -> None:
    world = World()
    world.service.startService()
    world.stopped(world.service.stopService())
    assert world.states == [CONNECTING, STOPPING, STOPPED]


def test_stop_while_waiting_for_the_next_attempt() -> None:
    world = World()
    world.service.startService()
    world.endpoint.refuses()
    world.stopped(world.service.stopService())
    assert world.states == [CONNECTING, WAITING, STOPPING, STOPPED]


def test_stop_during_the_bind_is_no_error() -> None:
    world = quiet(ways=2)
    world.service.startService()
    world.endpoint.accepts()
    world.stopped(world.service.stopService())
    assert world.states == [CONNECTING, STOPPING, STOPPED]
    assert world.service.log.errors == []
    world.start()  # it is no reason to try the other one either
    world.stopped(world.service.stopService())


def test_stop_awaits_what_is_in_flight_and_unbinds() -> None:
    world = World()
    world.endpoint.answer = Deferred()
    smsc = world.start()
    seen: list[Any] = []
    smsc.add_tap(lambda direction, pdu, octets, time: seen.append(type(pdu)))
    response = world.service.submit_sm()
    stopping = world.service.stopService()
    world.flush()
    assert outcome(stopping) == PENDING
    assert Unbind not in seen
    assert world.states[-1] is STOPPING
    world.endpoint.answer.callback(None)
    world.flush()
    success(response)
    assert Unbind in seen
    world.stopped(stopping)
    assert world.states[-1] is STOPPED
    assert len(world.endpoint.attempts) == 1


def test_stop_does_not_wait_for_ever() -> None:
    world = World(drain=3.0)
    world.endpoint.answer = Deferred()
    world.endpoint.smsc.answer_timeout = 1000
    world.start()
    response = world.service.submit_sm()
    stopping = world.service.stopService()
    world.flush()
    world.passes(10)
    assert isinstance(failure(response), SessionLost)
    world.stopped(stopping)


def test_the_link_may_break_while_it_stops() -> None:
    world = World()
    world.endpoint.answer = Deferred()
    world.start()
    response = world.service.submit_sm()
    stopping = world.service.stopService()
    world.endpoint.drops()
    assert isinstance(failure(response), SessionLost)
    world.stopped(stopping)


def test_stop_without_a_start_is_nothing() -> None:
    world = World()
    world.stopped(world.service.stopService())
    assert world.endpoint.attempts == []


def test_stop_twice_stops_once() -> None:
    world = World()
    world.start()
    first, second = world.service.stopService(), world.service.stopService()
    world.stopped(first)
    assert success(second) is None


def test_start_twice_starts_once() -> None:
    world = World()
    world.start()
    world.service.startService()
    assert world.states == [CONNECTING, BOUND]
    assert len(world.endpoint.attempts) == 1
    world.stopped(world.service.stopService())


def test_it_may_be_started_again() -> None:
    world = World()
    for _ in range(3):
        world.start()
        assert world.service.state is State.BOUND_TRX
        world.stopped(world.service.stopService())
    assert world.states == [CONNECTING, BOUND, STOPPING, STOPPED] * 3


def test_it_may_be_started_again_while_it_stops() -> None:
    world = World()
    world.endpoint.answer = Deferred()
    world.start()
    response = world.service.submit_sm()
    stopping = world.service.stopService()
    world.service.startService()
    assert world.states[-1] is CONNECTING
    world.endpoint.answer.callback(None)
    world.flush()
    success(response)
    success(stopping)
    assert world.service.running
    world.clock.advance(60)
    assert len(world.endpoint.attempts) == 2
    world.endpoint.binds()
    assert world.service.state is State.BOUND_TRX
    assert world.states == [
        CONNECTING,
        BOUND,
        STOPPING,
        CONNECTING,
        WAITING,
        CONNECTING,
        BOUND,
    ]
    world.stopped(world.service.stopService())


def test_it_may_be_started_again_at_the_very_end_of_the_stop() -> None:
    world = World()
    world.start()
    session = world.service.session
    stopping = world.service.stopService()
    session.unbind().addCallback(lambda _: world.service.startService())
    world.flush()
    success(stopping)
    assert world.states == [CONNECTING, BOUND, STOPPING, CONNECTING]
    assert len(world.endpoint.attempts) == 2
    world.endpoint.binds()
    world.stopped(world.service.stopService())


def test_it_may_be_stopped_once_more_at_the_very_end_of_the_stop() -> None:
    world = World()
    world.start()
    stopping = world.service.stopService()
    stopping.addCallback(lambda _: world.service.stopService())
    world.flush()
    world.stopped(stopping)
    world.start()
    stopping = world.service.stopService()

    def again(_: None) -> Any:
        world.service.startService()
        return world.service.stopService()

    stopping.addCallback(again)
    world.flush()
    world.stopped(stopping)
    assert world.service.change.state is STOPPED


def test_who_hears_of_the_stop_may_start_again() -> None:
    world = World()
    waiting = world.service.when_bound()
    waiting.addErrback(lambda _: world.service.startService())
    world.service.startService()
    success(world.service.stopService())
    assert world.service.running
    world.endpoint.binds()
    assert world.service.state is State.BOUND_TRX
    world.stopped(world.service.stopService())


@pytest.mark.parametrize("where", [CONNECTING, WAITING, BOUND])
def test_on_state_may_start_again_once_it_has_stopped(where: LinkState) -> None:
    def again(change: LinkChange) -> None:
        world.changes.append(change)
        if world.states.count(STOPPED) == 1 and change.state is STOPPED:
            world.service.startService()

    world = World(on_state=again)
    world.service.startService()
    if where is WAITING:
        world.endpoint.refuses()
    elif where is BOUND:
        world.endpoint.binds()
    success_of = world.service.stopService()
    world.flush()
    success(success_of)
    assert world.states[-2:] == [STOPPED, CONNECTING]
    world.endpoint.binds()
    world.stopped(world.service.stopService())


def test_an_endpoint_may_stop_it_while_it_is_asked_to_connect() -> None:
    world = World()
    stopping: list[Any] = []
    connect = world.endpoint.connect

    def stops(factory: Any) -> Any:
        stopping.append(world.service.stopService())
        return connect(factory)

    world.endpoint.connect = stops  # type: ignore[method-assign]
    world.service.startService()
    world.clock.advance(0)
    world.stopped(*stopping)
    assert world.states == [CONNECTING, STOPPING, STOPPED]


@pytest.mark.parametrize("where", [CONNECTING, WAITING, BOUND])
def test_on_state_may_stop_it(where: LinkState) -> None:
    stopping: list[Any] = []

    def stop(change: LinkChange) -> None:
        world.changes.append(change)
        if change.state is where:
            stopping.append(world.service.stopService())

    world = World(on_state=stop)
    waiting = world.service.when_bound()
    world.service.startService()
    if where is WAITING:
        world.endpoint.refuses()
    elif where is BOUND:
        world.endpoint.binds()
    world.flush()
    world.clock.advance(0)
    world.stopped(*stopping)
    assert isinstance(failure(waiting), SessionLost)
    assert world.states[-3:] == [where, STOPPING, STOPPED]
    assert len(world.endpoint.attempts) == (where is not CONNECTING)
    world.clock.advance(3600)
    assert len(world.endpoint.attempts) == (where is not CONNECTING)
