"""The options of the plugin and the services they make; the processes run in interop."""

import pytest
from twisted.cred.credentials import UsernamePassword
from twisted.internet.testing import MemoryReactorClock

from twisted_smpp import ESMEPool, ESMEService, SMSCService
from twisted_smpp.daemon.tap import Options, makeService
from twisted_smpp.interfaces import IAccount
from twisted_smpp.testing import success


def make(*arguments):
    options = Options()
    options.parseOptions(list(arguments))
    return makeService(options, reactor=MemoryReactorClock())


def error_of(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        make(*arguments)
    assert isinstance(ended.value.code, str)  # a text is printed, and the exit code is 1
    return ended.value.code


def test_smsc_listens_where_it_is_told():
    reactor = MemoryReactorClock()
    options = Options()
    options.parseOptions(
        ["smsc", "--listen", "tcp:4000:interface=127.0.0.1", "--auth", "memory:me:secret"]
    )

    service = makeService(options, reactor=reactor)
    service.privilegedStartService()
    service.startService()

    assert isinstance(service, SMSCService)
    assert [(server[0], server[3]) for server in reactor.tcpServers] == [(4000, "127.0.0.1")]


def test_smsc_listens_on_this_machine_only_by_default():
    reactor = MemoryReactorClock()
    options = Options()
    options.parseOptions(["smsc", "--auth", "memory:me:secret"])

    makeService(options, reactor=reactor).startService()

    assert [(server[0], server[3]) for server in reactor.tcpServers] == [(2775, "127.0.0.1")]


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_accounts_come_from_a_checker(kind, tmp_path):
    (tmp_path / "passwords").write_text("me:secret\nother:word\n")
    argument = "memory:me:secret:other:word" if kind == "memory" else f"file:{tmp_path}/passwords"
    service = make("smsc", "--auth", argument)

    login = service._portal.login(UsernamePassword(b"other", b"word"), None, IAccount)

    assert success(login)[0] is IAccount


def test_file_that_does_not_exist_is_an_error_at_once(capsys, tmp_path):
    error = error_of(capsys, "smsc", "--auth", f"file:{tmp_path}/none")

    assert "there is no file" in error


def test_timers_and_window_reach_the_sessions():
    service = make(
        "smsc",
        "--auth",
        "memory:me:secret",
        "--window",
        "7",
        "--enquire-interval",
        "0",
        "--response-timeout",
        "5",
    )

    assert service.factory.window == 7
    assert service.factory.timers.enquire_interval is None
    assert service.factory.timers.response == 5
    assert service.factory.timers.bind == 5


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("--window", "0", "--window is 0, at least 1 is needed"),
        ("--enquire-interval", "-1", "--enquire-interval is negative; 0 switches it off"),
        ("--response-timeout", "0", "--response-timeout has to be more than 0 seconds"),
        ("--window", "many", "Parameter type enforcement failed"),
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

    assert isinstance(service, ESMEService)
    bind = service.factory.bind_request()
    assert bind.command == "bind_receiver"
    assert (bind.system_id, bind.password, bind.system_type) == ("me", "secret", "VMS")


def test_esme_with_several_binds_is_a_pool(capsys):
    service = make("esme", "--system-id", "me", "--bind", "transmitter", "--binds", "3")

    assert isinstance(service, ESMEPool)
    assert [link.bind for link in service.links] == ["transmitter"] * 3
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
