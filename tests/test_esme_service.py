# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The service that stays bound: on a clock, with an endpoint that the test plays."""

from __future__ import annotations

from typing import Any

import pytest
from pairs import PENDING, outcome
from sessions import pdus
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from twisted_smpp.errors import FieldError, SessionLost
from twisted_smpp.esme import ESMEService
from twisted_smpp.factory import SMSCFactory
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import MemoryTransport, failure, success
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.values import EsmClass
from twisted_smpp.wire.pdus import AlertNotification, SubmitSM, SubmitSMResp, Unbind


@implementer(IStreamClientEndpoint)
class Endpoint:
    """A message centre, or none, that the test plays."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.attempts: list[float] = []
        self.waiting: list[tuple[Any, Deferred[Any]]] = []
        self.ends: list[tuple[MemoryTransport, MemoryTransport]] = []
        self.bind_status = 0
        self.smsc = SMSCFactory(
            lambda s, r: self.bind_status, on_request=lambda s, r: self.answer, clock=clock
        )
        self.answer: Any = None

    def connect(self, factory: Any) -> Deferred[Any]:
        self.attempts.append(self.clock.seconds())
        deferred: Deferred[Any] = Deferred()
        self.waiting.append((factory, deferred))
        return deferred

    def refuses(self) -> None:
        self.waiting.pop()[1].errback(ConnectionRefusedError())

    def accepts(self) -> None:
        factory, deferred = self.waiting.pop()
        esme, smsc = MemoryTransport(self.clock, "ESME"), MemoryTransport(self.clock, "SMSC")
        esme.other, smsc.other = smsc, esme
        esme.protocol = factory.buildProtocol(None)
        smsc.protocol = self.smsc.buildProtocol(None)
        self.ends.append((esme, smsc))
        for end in (smsc, esme):
            end.protocol.makeConnection(end)
        deferred.callback(esme.protocol)

    def flush(self) -> None:
        moved = True
        while moved:
            moved = False
            for end in [end for ends in self.ends for end in ends]:
                if end.written and not end.other.lost:
                    moved = True
                    end.other.protocol.dataReceived(end.taken(len(end.written)))
                if end.disconnecting and not end.aborting and not end.written and not end.lost:
                    end.closed()
                    moved = True

    def binds(self) -> SMPPProtocol:
        """The whole way from the attempt to the bind; the message centre's side."""
        self.accepts()
        self.flush()
        protocol = self.ends[-1][1].protocol
        assert isinstance(protocol, SMPPProtocol)
        return protocol

    def drops(self) -> None:
        self.ends[-1][0].cut()


class World:
    """A service with what is around it."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint(self.clock)
        settings.setdefault("random", lambda: 1.0)
        self.service = ESMEService(self.endpoint, "esme", "pw", reactor=self.clock, **settings)

    def start(self) -> Any:
        self.service.startService()
        return self.endpoint.binds()

    def next_attempt(self) -> float:
        """Seconds until it connects again."""
        before = self.clock.seconds()
        calls = sorted(call.getTime() for call in self.clock.getDelayedCalls())
        count = len(self.endpoint.attempts)
        for at in calls:
            self.clock.advance(max(0.0, at - self.clock.seconds()))
            if len(self.endpoint.attempts) > count:
                return self.clock.seconds() - before
        raise AssertionError("it does not try again")

    def stopped(self, deferred: Deferred[None]) -> None:
        """It has stopped and nothing is left of it."""
        self.endpoint.flush()
        self.clock.advance(0)
        assert success(deferred) is None
        assert self.clock.getDelayedCalls() == []
        assert self.service.session is None
        assert all(end.lost for ends in self.endpoint.ends for end in ends)


def test_it_binds_and_sends() -> None:
    world = World()
    assert world.service.state is State.CLOSED
    world.start()
    assert world.service.state is State.BOUND_TRX
    assert isinstance(world.service.session, SMPPProtocol)
    response = world.service.submit_sm(destination_addr="1")
    world.endpoint.flush()
    assert isinstance(success(response), SubmitSMResp)
    world.stopped(world.service.stopService())


def test_the_settings_of_the_bind() -> None:
    world = World(bind="receiver", system_type="VMS", window=3)
    world.service.startService()
    world.endpoint.accepts()
    (bind,) = pdus(world.endpoint.ends[0][0].written)
    assert bind.command == "bind_receiver"
    assert (bind.system_id, bind.password, bind.system_type) == ("esme", "pw", "VMS")
    world.endpoint.flush()
    assert world.service.session is not None
    assert world.service.session.session.window == 3
    world.stopped(world.service.stopService())


def test_wrong_settings_are_refused_at_once() -> None:
    with pytest.raises(FieldError):
        World(system_type="x" * 99)
    with pytest.raises(ValueError, match="bind is 'both'"):
        World(bind="both")
    with pytest.raises(ValueError, match="nonsense"):
        ESMEService("nonsense:1", "esme", reactor=Clock())


def test_an_endpoint_may_be_a_description() -> None:
    from twisted.internet.testing import MemoryReactorClock

    reactor = MemoryReactorClock()
    service = ESMEService("tcp:192.0.2.9:2775", "esme", reactor=reactor)
    service.startService()
    ((host, port, *_),) = reactor.tcpClients
    assert (host, port) == ("192.0.2.9", 2775)
    service.stopService()


# when_bound and request.


def test_when_bound_fires_at_the_bind_and_at_once_afterwards() -> None:
    world = World()
    waiting = [world.service.when_bound() for _ in range(2)]
    world.service.startService()
    assert [outcome(each) for each in waiting] == [PENDING] * 2
    world.endpoint.accepts()
    assert [outcome(each) for each in waiting] == [PENDING] * 2
    world.endpoint.flush()
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


def test_when_bound_fails_when_the_service_stops_before() -> None:
    world = World()
    waiting = world.service.when_bound()
    world.service.startService()
    stopping = world.service.stopService()
    assert isinstance(failure(waiting), SessionLost)
    world.stopped(stopping)


def test_a_request_that_nobody_can_take_was_never_sent() -> None:
    world = World()

    def never_sent() -> None:
        error = failure(world.service.submit_sm())
        assert isinstance(error, SessionLost)
        assert "never sent" in str(error)

    never_sent()
    world.service.startService()
    never_sent()
    world.endpoint.binds()
    world.endpoint.drops()
    never_sent()
    world.stopped(world.service.stopService())


# Staying bound.


def test_S13_delays_double_up_to_the_longest() -> None:
    world = World()
    world.service.startService()
    delays = []
    for _ in range(9):
        world.endpoint.refuses()
        delays.append(round(world.next_attempt(), 6))
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert len(world.endpoint.attempts) == 10
    stopping = world.service.stopService()
    world.stopped(stopping)


@pytest.mark.parametrize("drawn", [0.0, 0.25, 0.999])
def test_S13_the_jitter_is_drawn_from_zero_to_the_delay(drawn: float) -> None:
    world = World(random=lambda: drawn, first_delay=2.0, longest_delay=5.0)
    world.service.startService()
    delays = []
    for _ in range(4):
        world.endpoint.refuses()
        delays.append(world.next_attempt())
    assert delays == pytest.approx([2 * drawn, 4 * drawn, 5 * drawn, 5 * drawn])
    world.stopped(world.service.stopService())


def test_S13_refused_binds_count_like_failed_connections() -> None:
    world = World()
    world.endpoint.bind_status = S.ESME_RINVPASWD
    errors: list[Any] = []
    world.service.log = Log(errors)
    world.service.startService()
    delays = []
    for _ in range(5):
        world.endpoint.binds()
        assert world.service.session is None
        delays.append(round(world.next_attempt(), 6))
    assert delays == [1, 2, 4, 8, 16]
    assert len(errors) == 5
    assert "ESME_RINVPASWD" in errors[0]
    world.stopped(world.service.stopService())


def test_S13_a_message_centre_that_accepts_and_drops_is_not_stormed() -> None:
    world = World()
    world.service.startService()
    delays = []
    for _ in range(5):
        world.endpoint.binds()
        world.endpoint.drops()
        delays.append(round(world.next_attempt(), 6))
    assert delays == [1, 2, 4, 8, 16]
    world.stopped(world.service.stopService())


def test_S13_a_bind_that_held_a_minute_begins_anew() -> None:
    world = World()
    world.service.startService()
    for seconds, expected in ((59.0, 2.0), (61.0, 1.0)):
        for _ in range(2):
            world.endpoint.binds()
            world.endpoint.drops()
            world.next_attempt()
        world.endpoint.binds()
        for _ in range(int(seconds)):
            world.clock.advance(1)
            world.endpoint.flush()
        world.endpoint.drops()
        assert world.next_attempt() >= expected
        if seconds > 60:
            assert world.clock.seconds() - world.endpoint.attempts[-2] == pytest.approx(62.0)
    world.stopped(world.service.stopService())


def test_the_name_is_resolved_anew_for_each_attempt() -> None:
    world = World()
    world.service.startService()
    for count in range(1, 4):
        assert len(world.endpoint.attempts) == count
        world.endpoint.refuses()
        world.next_attempt()
    world.stopped(world.service.stopService())


def test_one_attempt_at_a_time() -> None:
    world = World()
    world.service.startService()
    world.clock.advance(3600)
    assert len(world.endpoint.waiting) == 1
    world.stopped(world.service.stopService())


def test_a_dead_message_centre_is_left() -> None:
    world = World()
    world.start()
    for end in world.endpoint.ends[0]:
        end.written = b""
    world.clock.advance(30)
    world.clock.advance(10)
    world.clock.advance(0)
    assert world.service.session is None
    world.next_attempt()
    world.endpoint.binds()
    assert world.service.state is State.BOUND_TRX
    world.stopped(world.service.stopService())


# Stopping.


def test_stop_during_the_connection_attempt() -> None:
    world = World()
    world.service.startService()
    stopping = world.service.stopService()
    world.stopped(stopping)


def test_stop_while_waiting_for_the_next_attempt() -> None:
    world = World()
    world.service.startService()
    world.endpoint.refuses()
    world.stopped(world.service.stopService())


def test_stop_during_the_bind() -> None:
    world = World()
    world.service.log = Log([])
    world.service.startService()
    world.endpoint.accepts()
    stopping = world.service.stopService()
    world.stopped(stopping)


def test_stop_awaits_what_is_in_flight_and_unbinds() -> None:
    world = World()
    world.endpoint.answer = Deferred()
    smsc = world.start()
    seen: list[Any] = []
    smsc.add_tap(lambda direction, pdu, octets, time: seen.append(type(pdu)))
    response = world.service.submit_sm()
    stopping = world.service.stopService()
    world.endpoint.flush()
    assert outcome(stopping) == PENDING
    assert Unbind not in seen
    world.endpoint.answer.callback(None)
    world.endpoint.flush()
    success(response)
    assert Unbind in seen
    world.stopped(stopping)
    assert len(world.endpoint.attempts) == 1


def test_stop_does_not_wait_for_ever() -> None:
    world = World(drain=3.0)
    world.endpoint.answer = Deferred()
    world.endpoint.smsc.answer_timeout = 1000
    world.start()
    response = world.service.submit_sm()
    stopping = world.service.stopService()
    world.endpoint.flush()
    for _ in range(10):
        world.clock.advance(1)
        world.endpoint.flush()
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


def test_it_may_be_started_again() -> None:
    world = World()
    for _ in range(3):
        world.start()
        assert world.service.state is State.BOUND_TRX
        world.stopped(world.service.stopService())


def test_it_may_be_started_again_while_it_stops() -> None:
    world = World()
    world.endpoint.answer = Deferred()
    world.start()
    response = world.service.submit_sm()
    stopping = world.service.stopService()
    world.service.startService()
    world.endpoint.answer.callback(None)
    world.endpoint.flush()
    success(response)
    success(stopping)
    assert world.service.running
    world.clock.advance(60)
    assert len(world.endpoint.attempts) == 2
    world.endpoint.accepts()
    world.endpoint.flush()
    assert world.service.state is State.BOUND_TRX
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
    world.endpoint.flush()
    success(held)
    success(ended)
    world.stopped(world.service.stopService())
    assert isinstance(failure(next_one), SessionLost)


def test_stop_without_a_start_is_nothing() -> None:
    world = World()
    world.stopped(world.service.stopService())


# What the message centre sends.


def asked(world: World, send: Any) -> Any:
    """What a delivery is answered with."""
    smsc = world.start()
    response = send(smsc)
    world.endpoint.flush()
    result = outcome(response)
    response.addErrback(lambda _: None)
    world.stopped(world.service.stopService())
    return getattr(result, "command_status", result)


RECEIPT = b"id:42 sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:DELIVRD"


@pytest.mark.parametrize("command", ["deliver_sm", "data_sm"])
def test_messages_are_for_on_message(command: str) -> None:
    got: list[Any] = []
    world = World(on_message=got.append, on_receipt=lambda *what: got.append(what))
    assert asked(world, lambda smsc: getattr(smsc, command)(source_addr="7")) == 0
    (pdu,) = got
    assert (pdu.command, pdu.source_addr) == (command, "7")


def test_the_answer_of_on_message_counts() -> None:
    world = World(on_message=lambda pdu: S.ESME_RX_R_APPN)
    assert asked(world, lambda smsc: smsc.deliver_sm()) == S.ESME_RX_R_APPN

    async def later(pdu: Any) -> int:
        return int(S.ESME_RX_P_APPN)

    assert asked(World(on_message=later), lambda smsc: smsc.deliver_sm()) == S.ESME_RX_P_APPN


def test_without_on_message_the_message_centre_keeps_them() -> None:
    assert asked(World(), lambda smsc: smsc.deliver_sm()) == S.ESME_RX_T_APPN


@pytest.mark.parametrize("kind", [EsmClass.MC_DELIVERY_RECEIPT, EsmClass.INTERMEDIATE_NOTIFICATION])
def test_receipts_are_for_on_receipt(kind: int) -> None:
    got: list[Any] = []
    world = World(
        on_message=lambda pdu: got.append("message"),
        on_receipt=lambda receipt, pdu: got.append((receipt, pdu)),
    )
    assert asked(world, lambda s: s.deliver_sm(esm_class=kind, short_message=RECEIPT)) == 0
    ((receipt, pdu),) = got
    assert isinstance(receipt, Receipt)
    assert (receipt.message_id, receipt.stat, receipt.delivered) == ("42", "DELIVRD", True)
    assert pdu.short_message == RECEIPT


def test_without_on_receipt_they_are_messages() -> None:
    got: list[Any] = []
    world = World(on_message=got.append)
    kind = EsmClass.MC_DELIVERY_RECEIPT
    assert asked(world, lambda s: s.deliver_sm(esm_class=kind, short_message=RECEIPT)) == 0
    assert got[0].short_message == RECEIPT


def test_alerts_are_for_on_alert() -> None:
    got: list[Any] = []
    world = World(on_alert=got.append)
    assert asked(world, lambda smsc: smsc.alert_notification(source_addr="5")) is None
    (alert,) = got
    assert isinstance(alert, AlertNotification)
    assert alert.source_addr == "5"
    assert asked(World(), lambda s: s.alert_notification()) is None


def test_A17_an_outbind_is_no_alert_and_binds_nothing() -> None:
    got: list[Any] = []
    world = World(on_alert=got.append, on_message=got.append)
    world.service.startService()
    world.endpoint.accepts()
    esme, smsc = world.endpoint.ends[0]
    esme.written = b""
    smsc.protocol.outbind(system_id="mc")
    world.endpoint.flush()
    assert got == []
    assert esme.written == b""
    world.service.log = Log([])
    world.endpoint.drops()
    world.stopped(world.service.stopService())


class Log:
    """A log that keeps its errors for the test."""

    def __init__(self, errors: list[str]) -> None:
        self.errors = errors

    def error(self, format: str, **values: Any) -> None:
        self.errors.append(values["error"])

    def info(self, format: str, **values: Any) -> None:
        """Not kept."""


def test_any_request_can_be_sent() -> None:
    world = World()
    world.start()
    response = world.service.request(SubmitSM(destination_addr="9"))
    world.endpoint.flush()
    assert isinstance(success(response), SubmitSMResp)
    enquiry = world.service.enquire_link()
    world.endpoint.flush()
    success(enquiry)
    world.stopped(world.service.stopService())
