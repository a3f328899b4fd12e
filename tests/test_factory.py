# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The factories: settings, binds of an ESME, and reconnecting the old way."""

from __future__ import annotations

from typing import Any

import pytest
from pairs import ignore
from sessions import pdus
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from twisted_smpp.errors import BindRefused, FieldError, SessionLost
from twisted_smpp.events import Timers
from twisted_smpp.factory import (
    ESMEFactory,
    ReconnectingESMEFactory,
    SMPPFactory,
    SMSCFactory,
    refuse,
)
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.states import Role, State
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import MemoryTransport, connect
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.framing import MAX_PDU
from twisted_smpp.wire.pdus import (
    BindReceiver,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    EnquireLinkResp,
)

MODES = {
    "transmitter": (BindTransmitter, State.BOUND_TX),
    "receiver": (BindReceiver, State.BOUND_RX),
    "transceiver": (BindTransceiver, State.BOUND_TRX),
}


# Settings.


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"system_id": "x" * 16}, "system_id"),
        ({"password": "x" * 9}, "password"),
        ({"system_type": "x" * 13}, "system_type"),
        ({"address_range": "x" * 41}, "address_range"),
        ({"system_id": "nul\0"}, "system_id"),
        ({"system_id": "łódź"}, "system_id"),
        ({"addr_ton": 256}, "addr_ton"),
        ({"addr_npi": -1}, "addr_npi"),
    ],
)
def test_a_bind_that_cannot_be_sent_is_refused_at_once(
    settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(FieldError) as caught:
        ESMEFactory(**{"system_id": "esme", **settings}, clock=Clock())
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)


def test_a_bind_mode_that_does_not_exist_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="'both', not one of transmitter, receiver, transceiver"):
        ESMEFactory("esme", bind="both", clock=Clock())


@pytest.mark.parametrize("name", ["drain", "write_timeout", "answer_timeout"])
@pytest.mark.parametrize("seconds", [0, -1.0])
def test_times_are_more_than_nothing(name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is {seconds}, more than 0 seconds are needed"):
        ESMEFactory("me", clock=Clock(), **{name: seconds})  # type: ignore[arg-type]


@pytest.mark.parametrize("window", [0, -1])
def test_a_window_needs_a_place(window: int) -> None:
    with pytest.raises(ValueError, match=f"window is {window}"):
        SMSCFactory(ignore, window=window, clock=Clock())


def test_a_peer_that_is_read_may_be_owed_an_answer() -> None:
    with pytest.raises(ValueError, match="max_unanswered is 0, at least 1 is needed"):
        SMSCFactory(ignore, max_unanswered=0, clock=Clock())


def test_settings_reach_the_session() -> None:
    timers = Timers(bind=1, response=2)
    pair = connect(
        esme={
            "window": 7,
            "timers": timers,
            "max_pdu": 5000,
            "interface_version": InterfaceVersion.V5_0,
        }
    )
    session = pair.esme.session
    assert (session.window, session.timers, session.version) == (7, timers, InterfaceVersion.V5_0)
    assert session.framing.max_pdu == 5000
    pair.bind()
    assert session.framing.max_pdu == 5000
    assert pair.smsc.session.framing.max_pdu == MAX_PDU
    pair.drop()


def test_the_defaults_of_both_roles() -> None:
    esme, smsc = ESMEFactory("esme", clock=Clock()), SMSCFactory(ignore, clock=Clock())
    assert esme.role is Role.ESME
    assert smsc.role is Role.MC
    assert esme.interface_version is InterfaceVersion.V3_4
    assert smsc.interface_version is InterfaceVersion.V5_0
    assert (esme.timers.bind, smsc.timers.bind) == (10.0, 5.0)
    assert esme.window == smsc.window == 10
    for factory in (esme, smsc):
        assert factory.on_request is refuse
        assert factory.max_unanswered == 100
        assert factory.max_waiting == 1000
        assert factory.answer_timeout == 10
        assert factory.write_timeout == 30
        assert isinstance(factory.buildProtocol(None), SMPPProtocol)


def test_taps_are_not_shared_between_factories() -> None:
    first, second = (ESMEFactory("esme", clock=Clock()) for _ in range(2))
    first.taps.append(ignore)
    assert second.taps == []


def test_without_a_clock_it_is_the_reactor() -> None:
    from twisted.internet import reactor

    assert ESMEFactory("esme").clock is reactor


def test_a_plain_factory_accepts_no_bind() -> None:
    factory = SMPPFactory(clock=Clock())
    assert factory.on_bind(None, None) == S.ESME_RBINDFAIL


# Binding.


@pytest.mark.parametrize("mode", MODES)
def test_an_esme_binds_when_it_is_connected(mode: str) -> None:
    cls, state = MODES[mode]
    bound: list[Any] = []
    settings = {
        "bind": mode,
        "system_type": "VMS",
        "addr_ton": 1,
        "addr_npi": 2,
        "address_range": "^49",
    }
    pair = connect(esme={**settings, "on_bound": bound.append}, smsc={"on_bound": bound.append})
    (bind,) = pdus(pair.esme_transport.written)
    assert bind == cls(
        system_id="esme",
        password="secret",
        system_type="VMS",
        interface_version=0x34,
        addr_ton=1,
        addr_npi=2,
        address_range="^49",
        sequence_number=1,
    )
    pair.bind()
    assert bound == [pair.smsc, pair.esme]
    assert pair.esme.state is pair.smsc.state is state
    pair.drop()


def test_a_refused_bind_is_told_and_closes() -> None:
    told: list[Any] = []
    pair = connect(
        on_bind=lambda s, r: S.ESME_RINVPASWD,
        esme={
            "on_refused": lambda session, error: told.append((session, error)),
            "on_bound": lambda session: told.append("bound"),
            "on_lost": lambda session, why: told.append(why),
        },
    )
    pair.flush()
    (session, error), why = told
    assert session is pair.esme
    assert isinstance(error, BindRefused)
    assert error.command_status == S.ESME_RINVPASWD
    assert why == "ended here"
    assert pair.esme_transport.lost
    assert pair.esme.bind_request is None
    assert pair.clock.getDelayedCalls() == []


def test_a_refused_bind_that_nobody_wants_to_know_is_logged(logged_errors: Any) -> None:
    pair = connect(on_bind=lambda s, r: S.ESME_RINVPASWD)
    pair.flush()
    (event,) = logged_errors.flush()
    assert "bind_transceiver refused: ESME_RINVPASWD" in event["error"]


def test_a_connection_that_breaks_before_the_answer_is_a_failed_bind() -> None:
    told: list[Any] = []
    pair = connect(esme={"on_refused": lambda session, error: told.append(error)})
    pair.drop()
    (error,) = told
    assert isinstance(error, SessionLost)


def test_the_reason_of_the_end_is_told_bound_or_not() -> None:
    told: list[str] = []
    for bind in (True, False):
        pair = connect(
            smsc={"on_lost": lambda session, why: told.append(why)}, esme={"on_refused": ignore}
        )
        if bind:
            pair.bind()
        pair.drop()
    assert told == [ConnectionLost().__str__()] * 2


# Reconnecting.


class Connector:
    """What ``reactor.connectTCP`` gives a client factory."""

    def __init__(self, clock: Clock, factory: ReconnectingESMEFactory) -> None:
        self.clock = clock
        self.factory = factory
        self.attempts: list[float] = []
        self.transport: MemoryTransport | None = None
        self.protocol: Any = None

    def connect(self) -> None:
        self.attempts.append(self.clock.seconds())

    def made(self) -> None:
        """The connection is there; the bind was written."""
        self.protocol = self.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 2775))
        self.transport = MemoryTransport(self.clock, "ESME")
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)

    def accepted(self) -> None:
        self.protocol.dataReceived(BindTransceiverResp(sequence_number=1).encode())

    def failed(self) -> None:
        self.factory.clientConnectionFailed(self, Failure(ConnectionRefusedError()))

    def lost(self) -> None:
        reason = Failure(ConnectionDone())
        self.protocol.connectionLost(reason)
        self.factory.clientConnectionLost(self, reason)

    def stopConnecting(self) -> None:
        """Twisted: an attempt is given up."""


@pytest.fixture
def connector() -> Connector:
    clock = Clock()
    factory = ReconnectingESMEFactory("esme", "pw", clock=clock, on_refused=ignore)
    factory.jitter = 0
    factory.noisy = False
    connector = Connector(clock, factory)
    factory.startedConnecting(connector)
    return connector


def delay_after(connector: Connector) -> float:
    """Seconds until it connects again."""
    before = connector.clock.seconds()
    (call,) = connector.clock.getDelayedCalls()
    seconds = call.getTime() - before
    connector.clock.advance(seconds)
    assert connector.attempts[-1] == pytest.approx(before + seconds)
    return round(seconds, 6)


def test_S13_delays_grow_up_to_a_minute(connector: Connector) -> None:
    delays = []
    for _ in range(9):
        connector.failed()
        delays.append(delay_after(connector))
    assert delays == sorted(delays)
    assert delays[0] < 4
    assert delays[-1] == delays[-2] == 60
    assert len(connector.attempts) == 9


def test_S13_a_connection_without_a_bind_does_not_reset_them(connector: Connector) -> None:
    delays = []
    for _ in range(5):
        connector.made()
        connector.lost()
        delays.append(delay_after(connector))
    assert delays == sorted(delays)
    assert delays[-1] > 10 * delays[0]


def test_a_bind_resets_them(connector: Connector) -> None:
    connector.failed()
    first = delay_after(connector)
    for _ in range(4):
        connector.failed()
        delay_after(connector)
    connector.made()
    connector.accepted()
    assert connector.protocol.bound
    connector.lost()
    assert delay_after(connector) == first


def test_stop_trying_ends_it(connector: Connector) -> None:
    connector.failed()
    connector.factory.stopTrying()
    assert connector.clock.getDelayedCalls() == []
    connector.made()
    connector.accepted()
    connector.lost()
    assert connector.clock.getDelayedCalls() == []
    assert connector.attempts == []


def test_a_reconnecting_factory_tells_what_others_tell() -> None:
    told: list[Any] = []
    clock = Clock()
    factory = ReconnectingESMEFactory(
        "esme",
        bind="receiver",
        clock=clock,
        on_bound=lambda session: told.append("bound"),
        on_lost=lambda session, why: told.append("lost"),
    )
    connector = Connector(clock, factory)
    connector.made()
    (bind,) = pdus(connector.transport.written)
    assert isinstance(bind, BindReceiver)
    connector.protocol.dataReceived(bind.answer(sequence_number=1).encode())
    connector.lost()
    assert told == ["bound", "lost"]
    factory.stopTrying()
    assert clock.getDelayedCalls() == []


def test_violations_of_the_peer_are_told():
    told = []
    pair = connect(esme={"on_violation": lambda session, event: told.append((session, event))})
    pair.bind()
    pair.smsc_transport.write(EnquireLinkResp(sequence_number=77).encode())
    pair.flush()
    [(session, event)] = told
    assert session is pair.esme
    assert (event.reason, event.sequence_number) == ("response to no request", 77)
