"""``twistd smpp esme`` with its store: options, order of start and stop, errors."""

from __future__ import annotations

import os
import stat
from typing import Any

import pytest
import pytest_twisted
from test_daemon import error_of, make
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.python.failure import Failure

from twisted_smpp import ESMEService, Timers, UnknownPolicy
from twisted_smpp.daemon.control import ControlFactory, peer_uid
from twisted_smpp.daemon.ending import Ending
from twisted_smpp.daemon.outgoing import OutgoingService
from twisted_smpp.daemon.tap import Options, role_of
from twisted_smpp.errors import StoreFailed
from twisted_smpp.esme.outbox import Outbox
from twisted_smpp.store import MemoryStore, SQLiteStore
from twisted_smpp.testing import success

ME = ("esme", "--system-id", "me")


def test_the_store_is_one_of_the_account(monkeypatch, tmp_path):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))

    service = make("esme", "--system-id", "a/../b", "--free-space", "1", "--store-limit", "2")

    assert isinstance(service, OutgoingService)
    assert service.store.path == tmp_path / "esme-a%2F..%2Fb.db"
    assert service.link.outbox.store is service.store
    assert service.store._space._most == 2 * 1024 * 1024


def test_a_store_is_named(tmp_path):
    service = make(*ME, "--store", f"{tmp_path}/x.db", "--control", f"{tmp_path}/control")

    assert isinstance(service.store, SQLiteStore)
    assert service.store.path == tmp_path / "x.db"


def test_without_a_store_nothing_is_kept():
    service = make(*ME, "--store", "memory")

    assert isinstance(service, ESMEService)
    assert service.outbox is None


PROFILE = """
[receipts]
ids = "hex to decimal"
[link]
window = 5
rate = 20.0
system_type = "VMA"
interface_version = "5.0"
[timers]
response = 60
enquire_interval = false
"""


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "carrier.toml"
    path.write_text(PROFILE)
    return str(path)


def test_a_profile_says_what_the_options_leave_open(profile):
    link = make(*ME, "--store", "memory", "--profile", profile)

    assert link.factory.window == 5
    assert link.sender.pace.rate == 20
    assert link.factory.timers == Timers(response=60, enquire_interval=None)
    bind = link.factory.bind_request()
    assert (bind.system_type, bind.interface_version) == ("VMA", 0x50)
    assert link.confirming.ids.strategy == "hex to decimal"
    assert link._sending.unknown is UnknownPolicy.RESEND


def test_options_count_more_than_a_profile(profile):
    numbers = ("--window", "7", "--rate", "3", "--response-timeout", "5")
    words = ("--interface-version", "3.4", "--system-type", "X", "--unknown", "fail")
    times = ("--enquire-interval", "9")
    link = make(*ME, "--store", "memory", "--profile", profile, *numbers, *words, *times)

    assert link.factory.window == 7
    assert link.sender.pace.rate == 3
    assert link.factory.timers == Timers(response=5, enquire_interval=9)
    bind = link.factory.bind_request()
    assert (bind.system_type, bind.interface_version) == ("X", 0x34)
    assert link.confirming.ids.strategy == "hex to decimal"
    assert link._sending.unknown is UnknownPolicy.FAIL


def test_what_is_unknown_is_held_where_somebody_can_decide(tmp_path):
    where = ("--store", str(tmp_path / "store.db"), "--control", str(tmp_path / "control"))
    service = make(*ME, *where, "--unknown", "hold")
    assert service.link._sending.unknown is UnknownPolicy.HOLD


def test_the_rate_is_that_of_all_binds(profile):
    pool = make(*ME, "--store", "memory", "--binds", "2", "--profile", profile)

    assert pool._shared.rate == 20
    assert [link.sender.pace.rate for link in pool.links] == [None, None]
    assert pool.confirming.ids.strategy == "hex to decimal"


def test_several_ways_to_the_message_centre():
    reactor = MemoryReactorClock()
    options = Options()
    options.parseOptions(
        [*ME, "--store", "memory", "-c", "tcp:192.0.2.1:1", "-c", "tcp:192.0.2.2:2"]
    )
    link = role_of(options, reactor)
    link.startService()
    factory = reactor.tcpClients[0][2]
    factory.clientConnectionFailed(None, ConnectionRefusedError())

    assert link.change.endpoint == "tcp:192.0.2.2:2"
    link.stopService()


def test_the_password_is_read_for_each_bind(tmp_path, monkeypatch):
    file = tmp_path / "password"
    file.write_text("old\n")
    monkeypatch.chdir(tmp_path)
    link = make(*ME, "--store", "memory", "--password-file", "password")
    monkeypatch.chdir("/")  # as twistd does in the background
    assert link.factory.bind_request().password == "old"
    file.write_text("new\n")
    assert link.factory.bind_request().password == "new"


def test_the_password_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("SMPP_PASSWORD", "secret")
    assert make(*ME, "--store", "memory").factory.bind_request().password == "secret"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--profile", "nope"], "--profile: profile 'nope' is not one of"),
        (["--unknown", "hope"], "--unknown is one of resend, fail, hold"),
        (["--unknown", "hold"], "--unknown hold needs --control: smpp control decides"),
        (["--interface-version", "9"], "--interface-version is one of 3.3, 3.4, 5.0"),
        (["--rate", "0"], "--rate has to be more than 0 messages a second"),
        (["--window", "0"], "--window is 0, at least 1 is needed"),
        (["--response-timeout", "0"], "--response-timeout has to be more than 0 seconds"),
        (["--enquire-interval", "-1"], "--enquire-interval is negative; 0 switches it off"),
        (["--connect", "tcp:host:x"], "twistd smpp esme: endpoint tcp:host:x: 'x' is no number"),
        (["--store", ""], "--store is empty"),
        (["--store-limit", "0"], "--store-limit has to be 1 MiB or more"),
        (["--longest-delay", "0"], "--longest-delay has to be more than 0 seconds"),
        (["--free-space", "-1"], "--free-space is negative"),
        (["--store", "memory", "--control", "x"], "--control takes messages"),
        (["--bind", "receiver", "--control", "x"], "--control takes messages"),
    ],
)
def test_options_that_make_no_sense_are_named(capsys, options, error):
    assert error in error_of(capsys, *ME, *options)


class Link:
    """What is started and stopped."""

    held = 0

    def __init__(self) -> None:
        self.events: list[str] = []
        self.stopped: Deferred[None] = Deferred()

    def startService(self) -> None:
        self.events.append("start")

    def stopService(self) -> Deferred[None]:
        self.events.append("stop")
        return self.stopped


class Reactor(MemoryReactorClock):
    """One that counts how often it is stopped."""

    stops = 0

    def stop(self) -> None:
        self.stops += 1


def outgoing(store: Any, path: str | None = None, **more: Any) -> Any:
    reactor, link = Reactor(), Link()
    ending = Ending(reactor, lambda *_: None)
    control = ControlFactory(link, Outbox(store, "me"))
    return OutgoingService(link, store, ending, reactor, control, path, **more)


class Store(MemoryStore):
    """One that tells what is done with it."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.events: list[str] = []
        self.error = error

    def open(self) -> None:
        if self.error is not None:
            raise self.error
        self.events.append("open")

    def close(self) -> None:
        self.events.append("close")


def test_it_stops_in_the_other_order():
    service = outgoing(Store())
    service.startService()
    stopping = service.stopService()
    assert service.store.events == ["open"]

    service.link.stopped.callback(None)

    assert success(stopping) is None
    assert service.link.events == ["start", "stop"]
    assert service.store.events == ["open", "close"]


@pytest.mark.parametrize(
    ("held", "path", "line"),
    [
        (0, None, None),
        (2, "c", "2 message parts are held until smpp control decides"),
        (
            1,
            None,
            "1 message parts are held until smpp control decides, which needs a start with "
            "--control",
        ),
    ],
)
def test_what_an_earlier_process_has_left_undecided_is_in_the_log(held, path, line):
    lines = []
    service = outgoing(Store(), path)
    service._listen = lambda: None
    service.link.held = held
    with capturedLogs() as logged:
        service.startService()
        assert [each for each in logged if each["log_level"] is LogLevel.warn] == []
        service._control.outbox.recovered = True
        service._control.outbox.tell_recovered(7)
        lines += [formatEvent(each) for each in logged if each["log_level"] is LogLevel.warn]
    assert lines == ([] if line is None else [line])


def test_why_nothing_goes_on_is_told_by_others(logged_errors):
    service = outgoing(Store())
    service.startService()
    service._control.outbox.tell_recovered(Failure(StoreFailed("x.db", "the disk is gone")))
    assert logged_errors.flush() == []


def test_a_store_that_cannot_be_opened_ends_it_with_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.__stderr__", None)
    (tmp_path / "x.db").write_bytes(b"x" * 5000)
    service = outgoing(SQLiteStore(tmp_path / "x.db", reactor=Reactor()))

    with pytest.raises(SystemExit) as ended:
        service.startService()

    assert ended.value.code == 78
    assert capsys.readouterr().err.startswith("twistd smpp esme: ")
    assert service.link.events == []


def test_in_the_background_twistd_tells_of_the_error(tmp_path, logged_errors):
    (tmp_path / "x.db").write_bytes(b"x" * 5000)
    store = SQLiteStore(tmp_path / "x.db", reactor=Reactor())
    service = outgoing(store, in_foreground=False)

    with pytest.raises(Exception, match=r"x\.db"):
        service.startService()

    assert len(logged_errors.flush()) == 1


def test_a_store_that_fails_ends_the_process():
    store = Store()
    service = outgoing(store)
    service.startService()

    store._failing.pop().callback(StoreFailed("x.db", "the disk is gone"))

    assert service._ending.code == 74
    assert service._reactor.stops == 1


@pytest_twisted.ensureDeferred
async def test_w10_the_socket_is_for_one_user_and_tells_who_asks(tmp_path):
    from twisted.internet import reactor

    path = tmp_path / "control"
    seen: Deferred[int] = Deferred()

    class Peer(Protocol):
        def connectionMade(self) -> None:
            seen.callback(peer_uid(self.transport))
            self.transport.loseConnection()  # type: ignore[union-attr]

    port = reactor.listenUNIX(str(path), Factory.forProtocol(Peer), mode=0o600, wantPID=True)
    lost: Deferred[None] = Deferred()

    class Asking(Protocol):
        def connectionLost(self, reason: Any = None) -> None:
            lost.callback(None)

    await connectProtocol(UNIXClientEndpoint(reactor, str(path)), Asking())
    assert await seen == os.getuid()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await lost
    await port.stopListening()
    assert not path.exists()
