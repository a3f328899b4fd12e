# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What is wrong on the command line of a daemon is told in one line that names it."""

import io
import sys

import pytest
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock

from twisted_smpp.daemon.control import ControlUnusable, StatusFactory, listen
from twisted_smpp.daemon.tap import Options, role_of
from twisted_smpp.endpoints import server_endpoint

SMSC = ("smsc", "--store", "memory", "--auth", "memory:me:secret")


def made(*arguments):
    options = Options()
    options.parseOptions(list(arguments))
    return role_of(options, reactor=MemoryReactorClock())


def error_of(*arguments):
    with pytest.raises(SystemExit) as ended:
        made(*arguments)
    assert isinstance(ended.value.code, str)  # a text is printed, and the exit code is 1
    return ended.value.code


@pytest.mark.parametrize("role", ["smsc", "esme"])
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--window", "1.5"], "--window: '1.5' is no whole number"),
        (["--response-timeout", "soon"], "--response-timeout: 'soon' is no number"),
        (["--response-timeout", "nan"], "--response-timeout: 'nan' is no number"),
        (["--enquire-interval", "inf"], "--enquire-interval: 'inf' is no number"),
        (["--free-space", "1e999"], "--free-space: '1e999' is no number"),
        (["--failed-starts", "\x1b[2J"], "--failed-starts: '\\x1b[2J' is no whole number"),
        (["now"], "'now' is no option"),
    ],
)
def test_O16_a_wrong_value_is_told_with_its_option(role, arguments, error):
    line = error_of(role, *arguments)

    assert line == f"twistd smpp {role}: {error} (--help shows the options)"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["smsc", "--lissten", "tcp:1"], "--lissten not recognized, do you mean --listen?"),
        (["esme", "--pasword-file", "p"], "not recognized, do you mean --password-file?"),
        (["smsc", "--xyzzy"], "option --xyzzy not recognized (--help"),
    ],
)
def test_O16_an_unknown_option_is_told_with_what_was_meant(arguments, error):
    assert error in error_of(*arguments)


@pytest.mark.parametrize(
    ("checker", "error"),
    [
        ("memory:me", "--auth memory: argstring must be in format U:P:..."),
        ("bogus:secret", "--auth bogus: Auth plugin not recognized: bogus"),
        ("file:none", "--auth: there is no file none"),
        (
            "anonymous",
            "--auth anonymous: Auth plugin not supported: twisted.cred.credentials.IAnonymous",
        ),
    ],
)
def test_a_checker_that_cannot_work_is_told_without_passwords(checker, error, capsys):
    line = error_of("smsc", "--auth", checker)

    assert line == f"twistd smpp smsc: {error} (--help shows the options)"
    assert "secret" not in line
    assert capsys.readouterr() == ("", "")  # it is one line


@pytest.mark.parametrize(
    "description",
    ["", "tcp", "tcp:abc", "bogus:1", "ssl:1", "unix:/x:mode=abc", "systemd:domain=INET:index=5"],
)
def test_an_endpoint_that_is_none_is_told_as_it_was_written(description):
    with pytest.raises(ValueError, match="endpoint") as caught:
        server_endpoint(MemoryReactorClock(), description)

    assert str(caught.value).startswith(f"endpoint {description}: ")


class Ports(MemoryReactorClock):
    """A reactor that knows, as a real one does, which ports there are."""

    def listenTCP(self, port, *args, **keywords):
        if not 0 <= port <= 65535:
            raise OverflowError("bind(): port must be 0-65535.")
        return super().listenTCP(port, *args, **keywords)


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_is_none_ends_the_daemon_with_one_line(port, monkeypatch):
    options = Options()
    options.parseOptions([*SMSC, "--listen", f"tcp:{port}"])
    service = role_of(options, reactor=Ports())
    lines = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", lines)

    with pytest.raises(SystemExit) as ended:
        service.startService()

    assert ended.value.code == 1
    line = "twistd smpp smsc: cannot listen: bind(): port must be 0-65535.\n"
    assert lines.getvalue() == line
    service.stopService()


class Unix:
    """A reactor whose Unix sockets cannot be used."""

    def __init__(self, error):
        self.error = error

    def listenUNIX(self, *args, **keywords):
        raise self.error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (CannotListenError(None, "c", "Cannot acquire lock"), "another process listens there"),
        (CannotListenError(None, "c", OSError(98, "in use")), "in use"),
        (CannotListenError(None, "c", OSError("AF_UNIX path too long")), "AF_UNIX path too long"),
        (OSError(2, "No such file or directory"), "No such file or directory"),
    ],
)
def test_W10_a_control_socket_that_cannot_be_used_is_told_with_its_path(error, why):
    with pytest.raises(ControlUnusable) as caught:
        listen(Unix(error), "run/c", StatusFactory(dict))

    assert str(caught.value) == f"--control run/c: {why}"
