# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The options of the plugin and the services they make; the processes run in interop."""

import gc
import os
import resource
import signal

import pytest
from accounts_kit import Hashing, account
from test_server_certificate import certificate
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import capturedLogs, eventAsText
from twisted.python.failure import Failure

from twisted_smpp import ESMEPool, ESMEService, Route, RouteKind, SMSCService
from twisted_smpp.daemon.checkers import AnyOf
from twisted_smpp.daemon.collector import THRESHOLDS, freeze_when_running
from twisted_smpp.daemon.keeping import default_store
from twisted_smpp.daemon.open_files import allow_open_files
from twisted_smpp.daemon.tap import Options, role_of
from twisted_smpp.interfaces import IAccount
from twisted_smpp.smsc.verifying import Verifier
from twisted_smpp.store import Record
from twisted_smpp.testing import success
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import BindTransceiver

SMSC = ("smsc", "--store", "memory", "--auth", "memory:me:secret")


def make(*arguments):
    options = Options()
    options.parseOptions(list(arguments))
    return role_of(options, reactor=MemoryReactorClock())


def error_of(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        make(*arguments)
    assert isinstance(ended.value.code, str)  # a text is printed, and the exit code is 1
    return ended.value.code


def test_smsc_listens_where_it_is_told():
    reactor = MemoryReactorClock()
    options = Options()
    options.parseOptions([*SMSC, "--listen", "tcp:4000:interface=127.0.0.1"])

    service = role_of(options, reactor=reactor)
    service.privilegedStartService()
    service.startService()

    assert isinstance(service.smsc, SMSCService)
    assert [(server[0], server[3]) for server in reactor.tcpServers] == [(4000, "127.0.0.1")]


def test_smsc_listens_on_this_machine_only_by_default():
    reactor = MemoryReactorClock()
    options = Options()
    options.parseOptions([*SMSC])

    role_of(options, reactor=reactor).startService()

    assert [(server[0], server[3]) for server in reactor.tcpServers] == [(2775, "127.0.0.1")]


def test_O12_smsc_listens_at_several_places_and_says_so():
    reactor = MemoryReactorClock()
    options = Options()
    where = ["tcp:4000:interface=127.0.0.1", "tcp6:4000:interface=::1".replace("::", r"\:\:")]
    options.parseOptions([*SMSC, "--listen", where[0], "-l", where[1]])
    service = role_of(options, reactor)

    with capturedLogs() as logs:
        service.startService()

    assert [(each[0], each[3]) for each in reactor.tcpServers] == [
        (4000, "127.0.0.1"),
        (4000, "::1"),
    ]
    lines = [eventAsText(each, includeTimestamp=False) for each in logs]
    assert [line.partition("listening at ")[2] for line in lines if "listening at" in line] == where
    assert success(service.smsc.when_listening()).getHost().port == 4000
    service.stopService()


def test_O12_a_listener_that_cannot_listen_ends_all(capsys, monkeypatch):
    class Reactor(MemoryReactorClock):
        def listenTCP(self, port, factory, backlog=50, interface=""):
            if port == 4001:
                raise CannotListenError(interface, port, OSError(98, "Address already in use"))
            ports.append(super().listenTCP(port, factory, backlog, interface))
            monkeypatch.setattr(
                ports[-1], "stopListening", lambda: stopped.append(port) or Deferred()
            )
            return ports[-1]

    ports, stopped = [], []
    monkeypatch.setattr("sys.__stderr__", None)
    options = Options()
    options.parseOptions([*SMSC, "--listen", "tcp:4000", "--listen", "tcp:4001"])
    service = role_of(options, Reactor())

    with pytest.raises(SystemExit) as ended:
        service.startService()

    assert ended.value.code == 1
    assert stopped == [4000]
    assert capsys.readouterr().err == (
        "twistd smpp smsc: Couldn't listen on any:4001: [Errno 98] Address already in use.\n"
    )


def test_O10_each_certificate_is_read_again(tmp_path):
    endpoint = f"ssl:4000:privateKey={tmp_path}/key.pem:certKey={tmp_path}/cert.pem"
    certificate(tmp_path)
    service = make(*SMSC, "--listen", endpoint, "--listen", endpoint.replace("4000", "4001"))
    before = [each._options for each in service._certificates]

    service._reload()

    assert len(before) == 2
    assert not set(before) & {each._options for each in service._certificates}


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_accounts_come_from_a_checker(kind, tmp_path):
    (tmp_path / "passwords").write_text("me:secret\nother:word\n")
    argument = "memory:me:secret:other:word" if kind == "memory" else f"file:{tmp_path}/passwords"
    service = make("smsc", "--store", "memory", "--auth", argument)

    login = service.smsc._portal.login(UsernamePassword(b"other", b"word"), None, IAccount)

    assert success(login)[0] is IAccount


def test_accounts_come_from_every_checker_that_is_named(tmp_path):
    (tmp_path / "passwords").write_text("third:three\n")
    checkers = ["memory:me:secret", "memory:other:word", f"file:{tmp_path}/passwords"]
    service = make(*SMSC[:3], *[part for each in checkers for part in ("--auth", each)])

    def login(name, word):
        return service.smsc._portal.login(UsernamePassword(name, word), None, IAccount)

    for name, word in ((b"me", b"secret"), (b"other", b"word"), (b"third", b"three")):
        assert success(login(name, word))[0] is IAccount
        refused = []
        login(name, b"guess").addErrback(refused.append)
        assert refused[0].check(UnauthorizedLogin)


def test_a_checker_that_fails_is_no_refusal_of_the_next():
    class Broken:
        def requestAvatarId(self, credentials):
            raise ZeroDivisionError

    broken = []
    AnyOf([Broken(), Broken()]).requestAvatarId(None).addErrback(broken.append)
    assert broken[0].check(ZeroDivisionError)


def test_file_that_does_not_exist_is_an_error_at_once(capsys, tmp_path):
    error = error_of(capsys, "smsc", "--auth", f"file:{tmp_path}/none")

    assert "there is no file" in error


def test_timers_and_window_reach_the_sessions():
    service = make(
        *SMSC,
        "--window",
        "7",
        "--enquire-interval",
        "0",
        "--response-timeout",
        "5",
    )

    assert service.smsc.factory.window == 7
    assert service.smsc.factory.timers.enquire_interval is None
    assert service.smsc.factory.timers.response == 5
    assert service.smsc.factory.timers.bind == 5


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("--window", "0", "--window is 0, at least 1 is needed"),
        ("--enquire-interval", "-1", "--enquire-interval is negative; 0 switches it off"),
        ("--response-timeout", "0", "--response-timeout has to be more than 0 seconds"),
        ("--window", "many", "--window: 'many' is no whole number"),
    ],
)
def test_wrong_numbers_are_named(capsys, option, value, error):
    assert error in error_of(capsys, "smsc", "--auth", "memory:me:secret", option, value)


def test_esme_reads_its_password_from_the_first_line_of_a_file(tmp_path):
    (tmp_path / "password").write_text("secret\r\nnot this\n")

    service = make(
        "esme",
        "--system-id",
        "me",
        "--password-file",
        f"{tmp_path}/password",
        "--bind",
        "receiver",
        "--system-type",
        "VMS",
    )

    assert isinstance(service, ESMEService)  # a receiver keeps nothing
    bind = service.factory.bind_request()
    assert bind.command == "bind_receiver"
    assert (bind.system_id, bind.password, bind.system_type) == ("me", "secret", "VMS")


def test_esme_with_several_binds_is_a_pool(capsys):
    service = make("esme", "--system-id", "me", "--bind", "transmitter", "--binds", "3")

    assert isinstance(service.link, ESMEPool)
    assert [link.bind for link in service.link.links] == ["transmitter"] * 3
    assert {link.outbox for link in service.link.links} == {service.link._desk.outbox}
    error = error_of(capsys, "esme", "--system-id", "me", "--binds", "0")
    assert "--binds is 0, at least 1 is needed" in error


def test_role_is_needed(capsys):
    assert error_of(capsys) == (
        "twistd smpp: say which role: smsc or esme (--help shows the options)"
    )


def test_version_is_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        Options().parseOptions(["--version"])

    assert not ended.value.code
    assert capsys.readouterr().out.startswith("twisted_smpp ")


# Accounts.


@pytest.fixture
def accounts(tmp_path):
    path = tmp_path / "accounts.toml"
    path.write_text(account("shop"))
    path.chmod(0o600)
    return path


def test_accounts_of_a_file(accounts):
    service = make(
        *("smsc", "--store", "memory", "--accounts", str(accounts)),
        *("--max-sessions", "5", "--max-unbound", "7"),
    )

    assert service._accounts.settings("shop").system_id == "shop"
    assert (service.smsc._defence.limits.sessions, service.smsc._defence.limits.unbound) == (5, 7)


def test_O16_accounts_that_cannot_be_used_are_one_line(accounts, capsys):
    accounts.write_text(account("shop", rat=1))

    assert error_of(capsys, "smsc", "--accounts", str(accounts)) == (
        "twistd smpp smsc: accounts.toml: accounts.shop.rat: unknown, do you mean rate?"
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "--accounts or --auth is needed: nobody could bind"),
        (["--accounts", "a", "--auth", "memory:a:b"], "either --accounts or --auth, not both"),
        (["--accounts", "a", "--max-sessions", "0"], "--max-sessions is 0, at least 1 is needed"),
        (
            ["--accounts", "a", "--max-unbound-per-address", "0"],
            "--max-unbound-per-address is 0, at least 1 is needed",
        ),
        (["--accounts", "a", "--proxy", "1.2.3.4/8"], "--proxy: 1.2.3.4/8 has host bits set"),
        (["--accounts", "a", "--proxy", "::1"], "--listen haproxy: and --proxy need each other"),
        (["--accounts", "a", "--listen", "haproxy:tcp:1"], "and --proxy need each other"),
        (["--accounts", "a", "--client-ca", "ca.pem"], "--client-ca needs --listen ssl:"),
        (
            ["--accounts", "a", "--listen", "haproxy:tcp:1", "--listen", "tcp:2", "--proxy", "::1"],
            "--listen haproxy: and --proxy need each other, for all listeners or for none",
        ),
        (["--accounts", "a", "--connect-rate", "0"], "--connect-rate has to be more than 0"),
        (["--accounts", "a", "--connect-burst", "0"], "--connect-burst has to be 1 or more"),
        (["--accounts", "a", "--outbind-password-file", "/no"], "--outbind-password-file: cannot"),
        (["--accounts", "/nowhere"], "/nowhere: cannot be read: No such file or directory"),
    ],
)
def test_options_that_do_not_fit_together(capsys, arguments, error):
    assert error in error_of(capsys, "smsc", *arguments)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], 1),
        (["--listen", "haproxy:tcp:1", "--proxy", "::1"], 0),  # its own plugin may ask
    ],
)
def test_an_account_that_cannot_bind_for_want_of_certificates_is_told(accounts, options, told):
    accounts.write_text(account("shop") + '[accounts.bank]\ncertificate_name = "bank.example"\n')
    with capturedLogs() as logs:
        make("smsc", "--store", "memory", "--accounts", str(accounts), *options)
    names = [event["name"] for event in logs if "--client-ca" in event["log_format"]]
    assert names == ["'bank'"] * told


def test_O04_sighup_reads_the_accounts_again(accounts):
    reactor = MemoryReactorClock()
    reactor.callFromThread = lambda function: function()
    options = Options()
    options.parseOptions(["smsc", "--store", "memory", "--accounts", str(accounts)])
    service = role_of(options, reactor=reactor)
    before = signal.getsignal(signal.SIGHUP)
    service.startService()
    accounts.write_text(account("bank"))

    os.kill(os.getpid(), signal.SIGHUP)

    assert service._accounts.settings("shop") is None
    assert service._accounts.settings("bank") is not None
    service.stopService()
    assert signal.getsignal(signal.SIGHUP) is before


def test_status_counts_what_was_put_aside(accounts):
    service = make("smsc", "--store", "memory", "--accounts", str(accounts))
    assert service.status()["put_aside"] == 0
    service.store.put_aside = 3
    assert service.status()["put_aside"] == 3


def test_sighup_ends_no_daemon_that_has_nothing_to_read():
    reactor = MemoryReactorClock()
    reactor.callFromThread = lambda function: function()
    options = Options()
    options.parseOptions([*SMSC])
    service = role_of(options, reactor=reactor)
    before = signal.getsignal(signal.SIGHUP)
    service.startService()

    with capturedLogs() as logs:
        os.kill(os.getpid(), signal.SIGHUP)

    assert [event["log_format"] for event in logs] == [
        "SIGHUP: there are no accounts and no certificate to be read again"
    ]
    service.stopService()
    assert signal.getsignal(signal.SIGHUP) is before


def test_accounts_file_counts_where_no_option_has_a_route(accounts):
    accounts.write_text(account("shop", routes=["4917*", "1"]))
    arguments = ["--accounts", str(accounts), "--route", "49=loopback"]
    service = make("smsc", "--store", "memory", *arguments)

    find = service.centre.routes.find
    assert find("4917") == Route(RouteKind.LOOPBACK)
    assert find("1") == Route(RouteKind.ACCOUNT, "shop")
    assert find("12") == Route(RouteKind.AT_ONCE)


def test_sighup_renews_what_is_agreed_with_an_account_that_stays_bound(accounts):
    service = make("smsc", "--store", "memory", "--accounts", str(accounts))
    shop = service.centre.customer("shop")
    assert (shop.terms.id_style, shop.terms.seconds_in_receipts) == ("hex", False)
    assert shop.terms.most_waiting == 1_000_000
    accounts.write_text(account("shop", message_ids="decimal", receipts="seconds", max_waiting=7))

    assert service._accounts.reload()

    assert (shop.terms.id_style, shop.terms.seconds_in_receipts) == ("decimal", True)
    assert shop.terms.most_waiting == 7


def test_an_account_that_sleeps_is_paged_where_the_file_says_now(accounts, tmp_path):
    (tmp_path / "word").write_text("wake\n")
    accounts.write_text(account("shop"))
    reactor = MemoryReactorClock()
    options = Options()
    arguments = ["--store", "memory", "--accounts", str(accounts)]
    proxy = ["--listen", "haproxy:tcp:4000", "--proxy", "192.0.2.1/32"]  # has no say in this
    options.parseOptions(
        ["smsc", *arguments, *proxy, "--outbind-password-file", str(tmp_path / "word")]
    )
    service = role_of(options, reactor=reactor)
    pager = service.centre.pager
    pager.page("shop", lambda: succeed(True))
    assert reactor.tcpClients == []
    accounts.write_text(account("shop", outbind="tcp:127.0.0.1:2776"))
    assert service._accounts.reload()

    pager.page("shop", lambda: succeed(True))

    assert list(pager._endpoints) == ["shop"]
    reactor.advance(1)
    ((host, port, factory, *_),) = reactor.tcpClients
    assert (host, port) == ("127.0.0.1", 2776)
    protocol = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 2776))
    transport = StringTransport()
    protocol.makeConnection(transport)
    page = decode(transport.value())
    assert (page.command, page.system_id, page.password) == ("outbind", "twisted_smpp", "wake")
    accounts.write_text(account("shop", outbind="tcp:127.0.0.1:2776", disabled=True))
    service._accounts.reload()
    assert len(pager._endpoints) == 0
    protocol.connectionLost(Failure(ConnectionDone()))


def test_an_account_for_which_something_waits_is_paged_as_soon_as_the_file_says_where(accounts):
    accounts.write_text(account("shop"))
    reactor = MemoryReactorClock()
    options = Options()
    options.parseOptions(["smsc", "--store", "memory", "--accounts", str(accounts)])
    service = role_of(options, reactor=reactor)
    centre = service.centre
    dispatch = centre.customer("shop").dispatch
    centre.store.add(Record(1, 1, dispatch.queue, due=0.0, state=1, pdu=b"x"))
    dispatch.count = 1
    dispatch.nobody_is_there()
    reactor.advance(1)
    assert reactor.tcpClients == []

    accounts.write_text(account("shop", outbind="tcp:127.0.0.1:2776"))
    assert service._accounts.reload()
    reactor.advance(1)

    assert [client[:2] for client in reactor.tcpClients] == [("127.0.0.1", 2776)]
    centre.pager.stop()


@pytest.mark.parametrize(
    ("soft", "hard", "after"),
    [(2128, 9999, 2128), (5000, 9999, 5000), (1024, 9999, 2128), (-1, -1, -1), (1024, -1, 2128)],
)
def test_A04_as_many_files_may_be_open_as_there_may_be_connections(monkeypatch, soft, hard, after):
    limits = [soft, hard]
    monkeypatch.setattr(resource, "getrlimit", lambda which: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda which, new: limits.__setitem__(0, new[0]))

    allow_open_files(1000, 1000)

    assert limits[0] == after


def test_S20_the_rate_of_new_connections_is_an_option():
    limits = make(*SMSC, "--connect-rate", "2.5", "--connect-burst", "7").smsc._defence.limits

    assert (limits.connects, limits.connect_burst) == (2.5, 7)
    usual = make(*SMSC).smsc._defence.limits
    assert (usual.connects, usual.connect_burst) == (10, 50)


def test_A03_how_many_may_be_unbound_is_an_option():
    limits = make(*SMSC, "--max-unbound", "50", "--max-unbound-per-address", "30")
    defence = limits.smsc._defence.limits

    assert (defence.unbound, defence.unbound_per_address) == (50, 30)
    assert make(*SMSC).smsc._defence.limits.unbound_per_address == 20


@pytest.mark.parametrize(
    ("endpoints", "error"),
    [
        (["tcp:1", "tcp:1"], "--listen tcp:1: it is there twice"),
        (["pigeon:1"], "pigeon"),
        (["systemd:domain=INET:index=9"], "endpoint systemd:domain=INET:index=9: "),
    ],
)
def test_O12_an_endpoint_that_cannot_be_used_is_one_line(capsys, endpoints, error):
    arguments = [each for endpoint in endpoints for each in ("--listen", endpoint)]
    assert error in error_of(capsys, *SMSC, *arguments)


def test_A04_it_does_not_start_when_they_may_not(monkeypatch, capsys, accounts):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, 2000))

    assert error_of(capsys, "smsc", "--accounts", str(accounts)) == (
        "twistd smpp smsc: 2128 open files are needed (--max-sessions 1000, --max-unbound 1000 "
        "and 128), and the limit of the process is 2000 (ulimit -n)"
    )


def test_A14_the_address_that_a_listed_proxy_tells_is_that_of_the_esme(accounts):
    accounts.write_text(account("shop", networks=["198.51.100.0/24"]))
    arguments = ["--listen", "haproxy:tcp:4000", "--proxy", "192.0.2.1/32"]
    reactor = MemoryReactorClock()
    options = Options()
    options.parseOptions(["smsc", "--store", "memory", "--accounts", str(accounts), *arguments])
    service = role_of(options, reactor=reactor)
    service._accounts._verifier = Verifier(reactor, Hashing(), b"k" * 32)
    service.startService()
    factory = reactor.tcpServers[0][1]

    def connect(proxy, source):
        transport = StringTransport(peerAddress=IPv4Address("TCP", proxy, 5))
        protocol = factory.buildProtocol(transport.getPeer())
        protocol.makeConnection(transport)
        if transport.disconnected or transport.disconnecting:
            return None
        protocol.dataReceived(f"PROXY TCP4 {source} 192.0.2.9 1000 2775\r\n".encode())
        bind = BindTransceiver(system_id="shop", password="secret")
        protocol.dataReceived(bind.encode())
        reactor.advance(1)
        bound = len(service.smsc.sessions)
        protocol.connectionLost(Failure(ConnectionDone()))
        return bound

    assert connect("192.0.2.2", "198.51.100.7") is None
    assert connect("192.0.2.1", "198.51.100.7") == 1
    assert connect("192.0.2.1", "192.0.2.1") == 0
    service.stopService()


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("--route", "49", "--route 49: is no PREFIX=account:NAME, loopback, at-once or nowhere"),
        ("--route", "49=pigeon", "--route: pigeon is none of"),
        ("--route", "49=account:", "--route: account: is none of"),
        (
            "--route",
            "49=account:" + "n" * 16,
            "system_id: takes 17 octets with its NUL, at most 16",
        ),
        ("--default-route", "sink:x", "--default-route: sink:x is none of"),
        ("--validity", "0", "--validity is 0, more than 0"),
        ("--retention", "0", "--retention has to be more than 0 seconds"),
        ("--retention-count", "-1", "--retention-count is negative"),
        ("--free-space", "-1", "--free-space is negative"),
        ("--store-limit", "0", "--store-limit has to be 1 MiB or more"),
        ("--failed-starts", "-2", "--failed-starts is a number of starts, or -1 for no care"),
        ("--max-unanswered", "0", "--max-unanswered has to be 1 or more"),
        ("--drain", "0", "--drain has to be more than 0 seconds"),
        ("--store", "", "--store is empty"),
    ],
)
def test_wrong_options_of_the_store_are_named(capsys, option, value, error):
    assert error in error_of(capsys, *SMSC, option, value)


def test_routes_reach_the_centre():
    service = make(*SMSC, "--route", "+49=account:b", "--route", "4=loopback")

    find = service.centre.routes.find
    assert find("+4917") == Route(RouteKind.ACCOUNT, "b")
    assert find("44") == Route(RouteKind.LOOPBACK)
    assert find("1") == Route(RouteKind.AT_ONCE)


def test_default_store_does_not_depend_on_the_folder():
    home = {"XDG_STATE_HOME": "/home/me/state"}
    assert str(default_store(home)) == "/home/me/state/twisted_smpp/smsc.db"
    assert str(default_store({**home, "STATE_DIRECTORY": "/a:/b"})) == "/a/smsc.db"
    assert default_store({"XDG_STATE_HOME": "relative"}).is_absolute()


def test_what_there_is_at_the_start_is_left_out_of_collections():
    def is_looked_at():
        return any(each is thing for each in gc.get_objects())

    reactor, thing = MemoryReactorClock(), [object()]
    before = gc.get_threshold()
    freeze_when_running(reactor)
    assert is_looked_at()
    try:
        reactor.run()
        assert not is_looked_at()
        assert gc.get_threshold() == THRESHOLDS
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
