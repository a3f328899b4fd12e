# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""A link that waits for the message centre to call: in memory, on a clock."""

from __future__ import annotations

from typing import Any

import pytest
from esme_kit import Log
from outbind_kit import HOST, Port, World
from pairs import PENDING, outcome
from sessions import pdus
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from zope.interface.verify import verifyObject

from twisted_smpp.errors import FieldError
from twisted_smpp.esme import Confirming, ESMEService, LinkState, OutbindEndpoint
from twisted_smpp.esme.message import Progress
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import MemoryTransport, failure, success
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdus import BindReceiver, EnquireLink, Outbind, SubmitSMResp


def cut(end: MemoryTransport) -> bool:
    """Whether our end of a connection was ended by us."""
    return end.lost or end.disconnecting


def test_it_is_an_endpoint() -> None:
    endpoint = OutbindEndpoint("tcp:2775", "mc", "", peers=[HOST], reactor=MemoryReactorClock())
    assert verifyObject(IStreamClientEndpoint, endpoint)
    assert str(endpoint) == "outbind on tcp:2775"


# The way to a session.


def test_A17_it_binds_on_the_connection_on_which_it_was_called() -> None:
    world = World()
    ours, smsc = world.port.called()
    world.turn()
    assert ours.written == b""  # nothing is said before the outbind
    assert world.state is State.CLOSED
    smsc.outbind(system_id="mc", password="secret")
    ours.protocol.dataReceived(ours.other.taken(len(ours.other.written)))
    (bind,) = pdus(ours.written)
    assert isinstance(bind, BindReceiver)
    assert (bind.system_id, bind.password) == ("esme", "pw")
    world.port.flush()
    assert world.state is State.BOUND_RX
    assert world.service.session is not None
    assert smsc.bound
    assert [(change.state, change.endpoint) for change in world.changes] == [
        (LinkState.CONNECTING, "outbind on tcp:2775"),
        (LinkState.BOUND, ""),
    ]
    world.stops()


@pytest.mark.parametrize(
    ("mode", "state"), [("receiver", State.BOUND_RX), ("transceiver", State.BOUND_TRX)]
)
@pytest.mark.parametrize("version", InterfaceVersion)
def test_how_it_binds_is_a_setting(mode: str, state: State, version: InterfaceVersion) -> None:
    if version is InterfaceVersion.V3_3 and mode == "transceiver":
        return
    world = World(bind=mode, interface_version=version)
    world.port.outbinds()
    assert world.state is state
    world.stops()


def test_what_comes_is_for_the_callbacks_of_the_service() -> None:
    got: list[Any] = []
    world = World(on_message=got.append, on_receipt=lambda receipt, pdu: got.append(receipt))
    smsc = world.port.outbinds()
    answers = [
        smsc.deliver_sm(source_addr="49", short_message=b"Hi"),
        smsc.deliver_sm(esm_class=4, short_message=b"id:1 stat:DELIVRD"),
    ]
    world.port.flush()
    assert [success(answer).command_status for answer in answers] == [0, 0]
    assert (got[0].text, got[1].stat) == ("Hi", "DELIVRD")
    world.stops()


def test_a_transceiver_sends() -> None:
    world = World(bind="transceiver")
    world.port.smsc.on_request = lambda session, request: SubmitSMResp(message_id="1")
    message = world.service.send("49176", "Hi", receipt=False)
    world.port.outbinds()
    world.port.flush()
    assert message.progress is Progress.SENT
    world.stops()


def test_receipts_of_another_link_are_matched_through_what_they_share() -> None:
    shared = Confirming()
    world = World(confirming=shared)
    other = Clock()
    centre = Port(other)
    sends = ESMEService(
        OutbindEndpoint(centre, "mc", "secret", peers=HOST, reactor=other),
        "esme",
        bind="transmitter",
        confirming=shared,
        reactor=other,
    )
    sends.startService()
    centre.smsc.on_request = lambda session, request: SubmitSMResp(message_id="7")
    message = sends.send("49176", "Hi")
    centre.outbinds()
    assert message.progress is Progress.ACCEPTED
    smsc = world.port.outbinds()
    smsc.deliver_sm(esm_class=4, short_message=b"id:7 stat:DELIVRD")
    world.port.flush()
    assert message.progress is Progress.DELIVERED
    world.stops()
    stopping = sends.stopService()
    centre.flush()
    success(stopping)


@pytest.mark.parametrize("size", [1, 3, 16, 17])
def test_octets_may_come_in_any_pieces(size: int) -> None:
    world = World()
    ours, _ = world.port.called()
    octets = Outbind(system_id="mc", password="secret").encode() + EnquireLink().encode()
    for at in range(0, len(octets), size):
        ours.protocol.dataReceived(octets[at : at + size])
    assert [pdu.command for pdu in pdus(ours.written)] == ["bind_receiver", "enquire_link_resp"]
    world.port.flush()
    assert world.state is State.BOUND_RX
    world.stops()


def test_octets_that_come_before_the_port_is_closed_are_not_lost() -> None:
    world = World()
    world.port.closing = Deferred()
    ours, smsc = world.port.called()
    smsc.outbind(system_id="mc", password="secret")
    world.port.flush()
    assert not ours.reading
    ours.protocol.dataReceived(EnquireLink().encode())  # TLS may have more in its hands
    assert ours.written == b""
    world.port.closing.callback(None)
    assert ours.reading
    assert [pdu.command for pdu in pdus(ours.written)] == ["bind_receiver", "enquire_link_resp"]
    world.port.flush()
    assert world.state is State.BOUND_RX
    world.stops()


# Who may call.


def refused_call(world: World, host: Any = HOST) -> bool:
    """Whether a caller from there is cut off at once."""
    ours, _ = world.port.called(host)
    was = cut(ours)
    ours.cut()
    return was


@pytest.mark.parametrize(
    ("peers", "good", "bad"),
    [
        (HOST, [HOST, "::ffff:192.0.2.1"], ["192.0.2.2", "::1", "::ffff:192.0.2.2"]),
        (["192.0.2.0/24"], ["192.0.2.0", "192.0.2.255"], ["192.0.3.0", "192.0.1.255"]),
        (["10.0.0.1", "2001:db8::/32"], ["10.0.0.1", "2001:db8:5::1"], ["10.0.0.2", "2001:db9::"]),
    ],
)
def test_A17_A14_only_hosts_that_are_allowed_may_call(peers: Any, good: Any, bad: Any) -> None:
    world = World(peers=peers)
    assert [refused_call(world, host) for host in good] == [False] * len(good)
    assert [refused_call(world, host) for host in bad] == [True] * len(bad)
    world.turn()
    world.stops()


@pytest.mark.parametrize("address", [UNIXAddress(b"/run/x"), object(), "smsc.example"])
def test_A14_who_has_no_address_may_not(address: Any) -> None:
    world = World(peers=["0.0.0.0/0", "::/0"])
    assert refused_call(world, address)
    world.turn()
    world.stops()


def test_A17_an_outbind_of_a_stranger_binds_nothing() -> None:
    world = World()
    with capturedLogs() as events:
        smsc = world.port.outbinds(host="192.0.2.2")
    world.turn()
    assert not smsc.bound
    assert world.state is State.CLOSED
    assert [event["host"] for event in events if "what" in event] == ["192.0.2.2"]
    world.stops()


def test_A17_without_an_outbind_endpoint_nothing_listens() -> None:
    reactor = MemoryReactorClock()
    service = ESMEService("tcp:192.0.2.9:2775", "esme", reactor=reactor)
    service.startService()
    assert reactor.tcpServers == []
    success(service.stopService())


@pytest.mark.parametrize(
    "credentials",
    [
        {"password": "guess"},
        {"password": ""},
        {"password": "secre"},
        {"system_id": "other"},
        {"system_id": ""},
        {"system_id": "other", "password": "guess"},
        {"system_id": "secret", "password": "mc"},
    ],
)
def test_A17_wrong_credentials_end_the_call_and_the_wait_goes_on(credentials: Any) -> None:
    world = World()
    with capturedLogs() as events:
        smsc = world.port.outbinds(**credentials)
    assert cut(world.port.ends[0][0])
    assert world.port.ends[0][0].written == b""
    world.turn()
    assert not smsc.bound
    (event,) = (event for event in events if "what" in event)
    assert event["what"] == "has sent outbind with wrong credentials"
    for value in credentials.values():
        assert not value or value not in str(event.values())
    assert "secret" not in str(event.values())
    world.port.outbinds()
    assert world.state is State.BOUND_RX
    world.stops()


def test_A17_the_password_may_be_a_function_that_is_asked_each_time() -> None:
    answers = ["first", "first", OSError("no such file"), "second"]

    def password() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    world = World(password=password)
    assert len(answers) == 3  # a mistake is heard of at once
    world.port.outbinds(password="second")
    with capturedLogs() as events:
        world.port.outbinds(password="second")
    assert ["no such file" in event["what"] for event in events if "what" in event] == [True]
    assert world.state is State.CLOSED
    world.turn()
    world.port.outbinds(password="second")
    assert world.state is State.BOUND_RX
    world.stops()


def test_credentials_that_no_outbind_can_spell_are_no_match() -> None:
    answers = ["pw", "\u20ac\ud800"]
    world = World(password=lambda: answers.pop(0))
    world.port.outbinds(password="?")
    world.turn()
    assert world.state is State.CLOSED
    world.stops()


@pytest.mark.parametrize(
    "octets",
    [
        EnquireLink().encode(),
        BindReceiver().encode(),
        SubmitSMResp().encode(),
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(16),
        (0x10000).to_bytes(4, "big") + bytes(12),
        (16).to_bytes(4, "big") + (0x0000000B).to_bytes(4, "big") + bytes(8),
        (16).to_bytes(4, "big") + (0x01010101).to_bytes(4, "big") + bytes(8),
    ],
)
def test_A17_whoever_says_something_else_first_is_cut_off(octets: bytes) -> None:
    world = World()
    ours, _ = world.port.called()
    ours.protocol.dataReceived(octets)
    ours.protocol.dataReceived(Outbind(system_id="mc", password="secret").encode())
    assert cut(ours)
    assert ours.written == b""
    world.turn()
    assert world.state is State.CLOSED
    world.stops()


# Time and number.


def test_A17_the_outbind_has_to_come_in_time_however_much_is_said() -> None:
    world = World()
    ours, _ = world.port.called()
    octets = Outbind(system_id="mc", password="secret").encode()
    for at in range(9):
        world.clock.advance(1)
        ours.protocol.dataReceived(octets[at : at + 1])
    world.clock.advance(0.9)
    assert not cut(ours)
    with capturedLogs() as events:
        world.clock.advance(0.2)
    assert cut(ours)
    assert [event["what"] for event in events if "what" in event] == [
        "has sent no outbind within 10 s"
    ]
    world.turn()
    world.stops()


def test_S14_the_bind_that_follows_is_given_up_after_its_own_time() -> None:
    world: Any = World()
    ours, smsc = world.port.called()
    smsc.outbind(system_id="mc", password="secret")
    ours.protocol.dataReceived(ours.other.taken(len(ours.other.written)))
    world.service.log = log = Log()
    world.clock.advance(10.1)
    assert cut(ours)
    assert len(log.errors) == 1
    world.clock.advance(10)
    world.port.flush()
    world.clock.advance(0)
    world.stops()


def test_A17_one_bind_at_a_time_and_nobody_can_call_meanwhile() -> None:
    world = World()
    world.port.closing = Deferred()
    first, second = world.port.called(), world.port.called()
    factory = world.port.factory
    first[1].outbind(system_id="mc", password="secret")
    second[1].outbind(system_id="mc", password="secret")
    world.port.flush()
    assert cut(second[0])
    world.port.factory = factory  # the port takes a moment to close
    assert cut(world.port.called()[0])
    world.port.closing.callback(None)
    world.port.factory = None
    world.port.flush()
    world.turn()
    assert world.state is State.BOUND_RX
    assert not second[1].bound
    assert world.port.listened == 1
    world.stops()


def test_A17_callers_that_say_nothing_are_bounded() -> None:
    world = World()
    callers = [world.port.called()[0] for _ in range(12)]
    assert [cut(each) for each in callers] == [False] * 10 + [True] * 2
    callers[0].cut()
    assert not cut(world.port.called()[0])
    world.clock.advance(10)
    world.turn()
    assert all(each.lost for each in callers)
    world.port.outbinds()
    assert world.state is State.BOUND_RX
    world.stops()


def test_callers_that_are_refused_do_not_fill_the_log() -> None:
    world = World()
    with capturedLogs() as events:
        for _ in range(100):
            refused_call(world, "192.0.2.66")
    assert len([event for event in events if "what" in event]) == 10
    world.turn()
    world.stops()


# What ends.


@pytest.mark.parametrize("held", [1.0, 100.0])
def test_S13_when_the_session_ends_it_waits_for_the_next_call_at_once(held: float) -> None:
    world = World()
    for count in range(1, 8):
        smsc = world.port.outbinds()
        assert world.state is State.BOUND_RX
        assert world.port.listened == count
        for _ in range(int(held)):
            world.clock.advance(1)
            world.port.flush()
        smsc.unbind()
        world.port.flush()
        world.turn()
    assert world.port.listened == 8
    world.stops()


def test_S13_after_a_bind_that_was_refused_it_rests() -> None:
    world: Any = World()
    world.port.bind_status = S.ESME_RINVPASWD
    world.service.log = Log()
    world.port.outbinds()
    world.clock.advance(59)
    assert world.port.listened == 1
    world.clock.advance(1)
    assert world.port.listened == 2
    world.port.bind_status = 0
    world.port.outbinds()
    assert world.state is State.BOUND_RX
    world.stops()


def test_S14_it_waits_for_a_call_without_an_end() -> None:
    world = World(connect_timeout=1.0)
    world.clock.advance(86_400)
    assert world.port.listened == 1
    world.stops()


def test_a_port_that_is_taken_is_like_a_failed_connection() -> None:
    world = World()
    smsc = world.port.outbinds()
    world.port.error = CannotListenError("", 2775, OSError("taken"))
    smsc.unbind()
    world.port.flush()
    world.turn()
    assert world.service.change.state is LinkState.WAITING
    assert "taken" in world.service.change.reason
    assert world.service.change.seconds == 2
    world.port.error = None
    world.clock.advance(2)
    world.port.outbinds()
    assert world.state is State.BOUND_RX
    world.stops()


def test_a_caller_that_goes_before_the_port_is_closed_is_a_lost_connection() -> None:
    clock = Clock()
    port = Port(clock)
    port.closing = Deferred()
    connecting = OutbindEndpoint(port, "mc", "", peers=HOST, reactor=clock).connect(port.smsc)
    port.outbinds(password="")
    port.ends[0][0].cut()
    assert outcome(connecting) == PENDING
    port.closing.callback(None)
    assert isinstance(failure(connecting), ConnectionLost)
    assert clock.getDelayedCalls() == []


def test_a_caller_that_goes_without_a_word_is_forgotten() -> None:
    world = World()
    ours, _ = world.port.called()
    ours.cut()
    (sweep,) = world.clock.getDelayedCalls()
    assert sweep is world.service._sweep.call
    world.port.outbinds()
    assert world.state is State.BOUND_RX
    world.stops()


@pytest.mark.parametrize("callers", [0, 3])
def test_stop_while_it_waits_closes_the_port_first(callers: int) -> None:
    world = World()
    world.port.closing = Deferred()
    ends = [world.port.called()[0] for _ in range(callers)]
    stopping = world.service.stopService()
    assert world.port.factory is None
    assert all(cut(end) for end in ends)
    assert outcome(stopping) == PENDING
    world.port.closing.callback(None)
    world.turn()
    success(stopping)
    assert world.clock.getDelayedCalls() == []
    world.service.startService()
    world.port.closing = None
    world.port.outbinds()
    assert world.state is State.BOUND_RX
    world.stops()


def test_stop_while_the_port_is_closed_leaves_no_caller() -> None:
    world = World()
    world.port.closing = Deferred()
    smsc = world.port.outbinds()
    assert world.state is State.CLOSED
    stopping = world.service.stopService()
    world.turn()
    success(stopping)
    assert all(end.lost for end in world.port.ends[0])
    assert smsc.state is State.CLOSED
    assert world.clock.getDelayedCalls() == []


# Settings.


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"peers": []}, "^peers: none given, so nobody could call$"),
        ({"peers": "smsc.example"}, "^peers: 'smsc.example' does not appear to be"),
        ({"peers": ["192.0.2.1/24"]}, "^peers: 192.0.2.1/24 has host bits set$"),
        ({"peers": [7]}, "^peers: '7' does not appear"),
        ({"timeout": 0}, "^timeout is 0, more than 0 seconds are needed$"),
        ({"timeout": float("nan")}, "^timeout is nan"),
        ({"endpoint": "nonsense:1"}, "nonsense"),
    ],
)
def test_wrong_settings_are_refused_at_once(settings: Any, message: str) -> None:
    known = {"endpoint": "tcp:2775", "peers": [HOST], "reactor": MemoryReactorClock()}
    with pytest.raises(ValueError, match=message):
        OutbindEndpoint(system_id="mc", password="", **{**known, **settings})


@pytest.mark.parametrize(
    "settings",
    [{"system_id": "x" * 16}, {"password": "x" * 9}, {"password": lambda: "\u20ac"}],
)
def test_credentials_that_no_outbind_can_have_are_refused_at_once(settings: Any) -> None:
    known = {"system_id": "mc", "password": "", "reactor": MemoryReactorClock(), **settings}
    with pytest.raises(FieldError) as caught:
        OutbindEndpoint("tcp:1", peers=[HOST], **known)
    assert "xxx" not in str(caught.value)


def test_without_a_reactor_it_takes_the_global_one() -> None:
    from twisted.internet import reactor

    assert OutbindEndpoint("tcp:2775", "mc", "", peers=[HOST]).clock is reactor
