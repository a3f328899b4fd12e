# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The message centre as a service: who may bind, whose method is called, how it stops."""

from __future__ import annotations

from typing import Any

import pytest
from pairs import PENDING, ignore, outcome
from sessions import bind_of, frames, message, pdus
from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.task import Clock
from wire_data import COMMANDS
from zope.interface import implementer

from twisted_smpp.errors import BindRefused, SessionLost
from twisted_smpp.factory import ESMEFactory
from twisted_smpp.interfaces import IAccount
from twisted_smpp.smsc import SMSCService
from twisted_smpp.smsc.service import OPERATIONS
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import Pair, failure, success
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import (
    BindTransceiverResp,
    ParamRetrieve,
    ParamRetrieveResp,
    SubmitSMResp,
    Unbind,
)

EXAMPLES = {command["name"]: bytes.fromhex(command["example"]["hex"]) for command in COMMANDS}


@implementer(IAccount)
class Recorder:
    """An account that writes down what it is asked, and answers as the test says."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.answers: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def called(session: Any, what: Any = None) -> Any:
            self.calls.append((name, what))
            answer = self.answers.get(name)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return called

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


@implementer(IRealm)
class Realm:
    """One account for everybody, and how often it was left."""

    def __init__(self) -> None:
        self.account = Recorder()
        self.logouts = 0

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        assert IAccount in interfaces

        def logout() -> None:
            self.logouts += 1

        return IAccount, self.account, logout


@implementer(IStreamServerEndpoint)
class Endpoint:
    """What listens, or fails to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.factories: list[Any] = []
        self.stopped = 0

    def listen(self, factory: Any) -> Deferred[Any]:
        if self.error is not None:
            return fail(self.error)
        self.factories.append(factory)
        return succeed(self)

    def stopListening(self) -> None:
        self.stopped += 1


class World:
    """A service, its realm, and ESMEs that connect to it."""

    def __init__(self, checker: Any = None, **settings: Any) -> None:
        self.clock = Clock()
        self.realm = Realm()
        self.endpoint = Endpoint()
        if checker is None:
            checker = InMemoryUsernamePasswordDatabaseDontUse()
            checker.addUser(b"esme", b"secret")
        self.service = SMSCService(
            self.endpoint, Portal(self.realm, [checker]), reactor=self.clock, **settings
        )
        self.service.startService()
        self.refused: list[Any] = []

    def connect(self, **settings: Any) -> Pair:
        settings = {"system_id": "esme", "password": "secret", **settings}
        client = ESMEFactory(
            clock=self.clock,
            on_refused=lambda session, error: self.refused.append(error),
            **settings,
        )
        return Pair(client, self.service.factory, self.clock)

    def bound(self, **settings: Any) -> Pair:
        pair = self.connect(**settings)
        pair.bind()
        return pair

    @property
    def account(self) -> Recorder:
        return self.realm.account


# Who may bind.


def test_the_right_password_binds() -> None:
    world = World(system_id="centre")
    pair = world.connect()
    seen: list[Any] = []
    pair.esme.add_tap(lambda direction, pdu, octets, time: seen.append(pdu))
    pair.bind()
    response = seen[-1]
    assert isinstance(response, BindTransceiverResp)
    assert response.system_id == "centre"
    assert world.service.sessions == {pair.smsc}
    assert world.account.names == ["bind", "bound"]
    assert world.account.calls[0][1].system_id == "esme"
    pair.drop()
    assert world.service.sessions == set()
    assert world.account.names == ["bind", "bound", "unbound"]
    assert world.realm.logouts == 1
    assert not world.service._logins


def test_S07_a_peer_that_dies_right_behind_its_bind_is_noticed() -> None:
    world = World()
    pair = world.bound()
    pair.smsc_transport.other = None  # the network is cut, and nobody tells
    for _ in range(41):
        world.clock.advance(1)
    assert pair.smsc_transport.lost
    assert world.service.sessions == set()
    pair.drop()


@pytest.mark.parametrize(
    "who", [{"password": "wrong"}, {"password": ""}, {"system_id": "nobody"}, {"system_id": ""}]
)
def test_A09_a_wrong_password_and_an_unknown_name_are_told_the_same(who: dict[str, str]) -> None:
    world = World()
    pair = world.connect(**who)
    pair.flush()
    (error,) = world.refused
    assert error.command_status == S.ESME_RINVPASWD
    assert error.response.system_id == ""
    assert world.service.sessions == set()
    assert world.account.calls == []
    assert world.realm.logouts == 0


def test_P17_octets_beyond_ascii_are_compared_as_they_are() -> None:
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.addUser(b"\xe9sme", b"p\xff\x80")
    world = World(checker)
    pair = world.bound(system_id="\xe9sme", password="p\xff\x80")
    assert world.service.sessions == {pair.smsc}
    other = world.connect(system_id="\xe9sme", password="p\xff\x81")
    other.flush()
    assert world.refused[0].command_status == S.ESME_RINVPASWD
    pair.drop()


@pytest.mark.parametrize("status", [S.ESME_RALYBND, S.ESME_RINVSYSID])
def test_the_account_may_refuse_a_bind(status: int) -> None:
    world = World()
    world.account.answers["bind"] = status
    pair = world.connect()
    pair.flush()
    assert world.refused[0].command_status == status
    assert world.account.names == ["bind"]
    assert world.realm.logouts == 1
    assert world.service.sessions == set()
    assert pair.smsc_transport.lost


@pytest.mark.parametrize("consent", [None, 0, S.ESME_ROK, "response", "deferred"])
def test_the_account_may_accept_in_each_way(consent: Any) -> None:
    world = World(system_id="centre")
    answers = {"response": BindTransceiverResp(system_id="own"), "deferred": succeed(None)}
    world.account.answers["bind"] = answers.get(consent, consent)
    pair = world.connect()
    seen: list[Any] = []
    pair.esme.add_tap(lambda direction, pdu, octets, time: seen.append(pdu))
    pair.bind()
    assert seen[-1].system_id == ("own" if consent == "response" else "centre")
    pair.drop()


def test_an_account_that_fails_refuses_for_now(logged_errors: Any) -> None:
    world = World()
    world.account.answers["bind"] = ZeroDivisionError()
    world.connect().flush()
    assert world.refused[0].command_status == S.ESME_RSYSERR
    assert len(logged_errors.flush(ZeroDivisionError)) == 1


@implementer(ICredentialsChecker)
class SlowChecker:
    """A checker that decides when the test wants."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        self.asked.append(Deferred())
        return self.asked[-1]


@pytest.mark.parametrize("right", [True, False])
def test_a_checker_may_take_its_time(right: bool) -> None:
    checker = SlowChecker()
    world = World(checker)
    pair = world.connect()
    pair.advance(3)
    assert world.service.sessions == set()
    if right:
        checker.asked[0].callback(b"esme")
    else:
        checker.asked[0].errback(UnauthorizedLogin())
    pair.flush()
    assert bool(world.service.sessions) is right
    if right:
        pair.drop()
    else:
        assert world.refused[0].command_status == S.ESME_RINVPASWD


def test_who_left_while_it_was_checked_is_logged_out() -> None:
    checker = SlowChecker()
    world = World(checker)
    pair = world.connect()
    pair.flush()
    pair.drop()
    checker.asked[0].callback(b"esme")
    assert world.realm.logouts == 1
    assert world.service.sessions == set()
    assert not world.service._logins
    assert world.account.calls == []


def test_a_checker_that_fails_refuses_for_now(logged_errors: Any) -> None:
    checker = SlowChecker()
    world = World(checker)
    pair = world.connect()
    pair.flush()
    checker.asked[0].errback(ZeroDivisionError())
    pair.flush()
    assert world.refused[0].command_status == S.ESME_RSYSERR
    assert len(logged_errors.flush(ZeroDivisionError)) == 1


def test_a_second_login_on_one_connection_ends_the_first() -> None:
    world = World()
    world.account.answers["bind"] = S.ESME_RALYBND
    pair = world.connect()
    pair.esme_transport.written = b""
    for _ in range(2):
        pair.smsc.dataReceived(bind_of(InterfaceVersion.V3_4).encode().replace(b"x", b"x"))
    assert world.realm.logouts == 1
    pair.drop()
    assert world.realm.logouts == 2


# Whose method is called.


@pytest.mark.parametrize(
    ("command", "method"),
    [
        ("submit_sm", "submit_sm"),
        ("submit_multi", "submit_multi"),
        ("data_sm", "data_sm"),
        ("query_sm", "query_sm"),
        ("cancel_sm", "cancel_sm"),
        ("replace_sm", "replace_sm"),
        ("broadcast_sm", "broadcast"),
        ("query_broadcast_sm", "broadcast"),
        ("cancel_broadcast_sm", "broadcast"),
    ],
)
def test_each_operation_is_a_method_of_the_account(command: str, method: str) -> None:
    world = World()
    world.account.answers[method] = S.ESME_RPROHIBITED
    pair = world.bound(interface_version=InterfaceVersion.V5_0)
    request: Any = decode(EXAMPLES[command])
    response = pair.esme.request(request)
    pair.flush()
    assert failure(response).command_status == S.ESME_RPROHIBITED
    assert world.account.calls[2:] == [(method, request)]
    pair.drop()


def test_commands_of_3_3_are_others() -> None:
    world = World()
    world.account.answers["other"] = ParamRetrieveResp(param_value="v")
    pair = world.bound(interface_version=InterfaceVersion.V3_3, bind="transmitter")
    response = pair.esme.request(ParamRetrieve(param_name="p"))
    pair.flush()
    assert success(response).param_value == "v"
    assert world.account.names[2:] == ["other"]
    pair.drop()


def test_every_method_of_the_interface_is_used() -> None:
    used = {*(method for method in IAccount.names())}
    assert used == {
        *("bind", "bound", "unbound", "other", "broadcast"),
        *("submit_sm", "submit_multi", "data_sm", "query_sm", "cancel_sm", "replace_sm"),
    }
    assert len(OPERATIONS) == 8  # all but submit_sm, which has a way of its own


def test_an_account_that_fails_is_logged_and_the_session_stays(logged_errors: Any) -> None:
    world = World()
    world.account.answers["submit_sm"] = ZeroDivisionError()
    pair = world.bound()
    response = pair.esme.submit_sm()
    pair.flush()
    assert failure(response).command_status == S.ESME_RSYSERR
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    assert world.service.sessions == {pair.smsc}
    pair.drop()


@pytest.mark.parametrize("method", ["bound", "unbound"])
def test_an_account_that_fails_to_listen_is_logged_and_logged_out(
    method: str, logged_errors: Any
) -> None:
    world = World()
    world.account.answers[method] = ZeroDivisionError()
    pair = world.bound()
    pair.drop()
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    assert world.realm.logouts == 1
    assert world.service.sessions == set()


def test_an_account_may_hold_several_sessions() -> None:
    world = World()
    pairs = [world.bound(bind=mode) for mode in ("transmitter", "receiver", "transceiver")]
    assert world.service.sessions == {pair.smsc for pair in pairs}
    assert {session.state for session in world.service.sessions} == {
        State.BOUND_TX,
        State.BOUND_RX,
        State.BOUND_TRX,
    }
    for pair in pairs:
        pair.drop()
    assert world.service.sessions == set()


# Listening and stopping.


def test_it_listens_once_and_tells_the_port() -> None:
    world = World()
    world.service.privilegedStartService()
    service = SMSCService(Endpoint(), Portal(Realm()), reactor=Clock())
    with pytest.raises(RuntimeError, match="not started"):
        service.when_listening()
    service.privilegedStartService()
    service.startService()
    assert len(service._endpoint.factories) == 1
    assert success(service.when_listening()) is service._endpoint
    assert success(service.when_listening()) is service._endpoint
    assert service._endpoint.factories == [service.factory]


def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    error = CannotListenError("127.0.0.1", 2775, OSError(98, "in use"))
    for start in ("startService", "privilegedStartService"):
        service = SMSCService(Endpoint(error), Portal(Realm()), reactor=Clock())
        with pytest.raises(CannotListenError):
            getattr(service, start)()


def test_an_endpoint_that_does_not_exist_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        SMSCService("nonsense:1", Portal(Realm()), reactor=Clock())


def test_an_endpoint_may_be_a_description() -> None:
    from twisted.internet.testing import MemoryReactorClock

    reactor = MemoryReactorClock()
    service = SMSCService("tcp:2775:interface=127.0.0.1", Portal(Realm()), reactor=reactor)
    service.startService()
    ((port, factory, _, interface),) = reactor.tcpServers
    assert (port, interface) == (2775, "127.0.0.1")
    assert factory is service.factory or factory.wrappedFactory is service.factory


def test_stop_drains_and_unbinds_every_session() -> None:
    world = World()
    pairs = [world.bound(), world.bound()]
    answer: Deferred[Any] = Deferred()
    world.account.answers["submit_sm"] = answer
    response = pairs[0].esme.submit_sm()
    seen: list[Any] = []
    for pair in pairs:
        pair.esme.add_tap(lambda direction, pdu, octets, time: seen.append(type(pdu)))
        pair.flush()
    stopped = world.service.stopService()
    for pair in pairs:
        pair.flush()
    assert world.endpoint.stopped == 1
    assert outcome(stopped) == PENDING
    assert seen.count(Unbind) == 1
    answer.callback(SubmitSMResp(message_id="1"))
    pairs[0].flush()
    assert success(response).message_id == "1"
    assert seen.count(Unbind) == 2
    success(stopped)
    assert world.service.sessions == set()
    assert world.realm.logouts == 2
    assert world.clock.getDelayedCalls() == []


def test_stop_does_not_wait_for_a_login() -> None:
    checker = SlowChecker()
    world = World(checker)
    pair = world.connect()
    pair.flush()
    world.account.answers["bind"] = Deferred()
    checker.asked[0].callback(b"esme")
    stopped = world.service.stopService()
    world.clock.advance(0)
    success(stopped)
    assert pair.smsc_transport.lost
    assert world.realm.logouts == 1
    assert world.clock.getDelayedCalls() == []


def test_nobody_binds_once_it_has_stopped() -> None:
    world = World()
    pair = world.connect()
    stopped = world.service.stopService()
    pair.flush()
    pair.clock.advance(0)
    success(stopped)
    # Its bind was refused, or the connection was cut before.
    assert isinstance(world.refused[0], BindRefused | SessionLost)
    assert world.service.sessions == set()
    assert world.account.calls == []


def test_stop_without_a_session() -> None:
    world = World()
    success(world.service.stopService())
    success(world.service.stopService())
    assert world.endpoint.stopped == 1


def test_it_may_be_started_again() -> None:
    world = World()
    success(world.service.stopService())
    world.service.startService()
    assert len(world.endpoint.factories) == 2
    pair = world.bound()
    pair.drop()


def test_A05_nothing_reaches_an_account_before_the_bind() -> None:
    world = World()
    pair = world.connect()
    pair.esme_transport.written = b""
    pair.smsc.dataReceived(message(pair.esme.session.role, number=4).encode())
    answers = pdus(pair.smsc_transport.written)
    assert answers == [SubmitSMResp(command_status=S.ESME_RINVBNDSTS, sequence_number=4)]
    assert len(frames(pair.smsc_transport.written)) == 1
    assert world.account.calls == []
    pair.drop()
    ignore()
