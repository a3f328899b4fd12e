"""``smpp control``: against a daemon that says what a test wants."""

import json
import socket

import pytest
from test_cli import smpp

from twisted_smpp.cli import control


class Connection:
    """A socket whose other end has answered already."""

    said = b""
    error: Exception | None = None
    asked = b""

    def __init__(self, family):
        assert family == socket.AF_UNIX

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def settimeout(self, seconds):
        assert seconds > 0

    def connect(self, path):
        if self.error is not None:
            raise self.error

    def sendall(self, octets):
        type(self).asked = octets

    def makefile(self, mode):
        return self

    def readline(self, most):
        return self.said[:most]


@pytest.fixture
def daemon(monkeypatch):
    class Daemon(Connection):
        pass

    monkeypatch.setattr(control.socket, "socket", Daemon)
    return Daemon


def test_status_is_shown_and_its_health_is_the_exit_code(daemon):
    daemon.said = b'{"status": {"healthy": true, "sessions": 3}}\n'
    done = smpp("control", "status", "c")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"healthy": True, "sessions": 3})
    assert json.loads(daemon.asked) == {"status": True}
    daemon.said = b'{"status": {"healthy": false}}\n'
    assert smpp("control", "status", "c").exit_code == 1


def test_d29_dead_letters_are_listed_with_their_reason(daemon):
    letter = {
        "message_id": "a1",
        "source": "49\x1b[2J",
        "destination": "Shop",
        "why": "refused",
        "tries": 1,
        "at": 0,
        "until": 86_400,
    }
    daemon.said = json.dumps({"dead_letters": [letter], "more": True}).encode()
    done = smpp("control", "dead-letters", "c", "shop")
    assert done.exit_code == 0
    assert done.stdout.startswith("message_id a1, from 49\\x1b[2J, to Shop, kept until 1970-01-0")
    assert done.stdout.endswith(", why refused\n")
    assert done.stderr == "there are more\n"
    assert json.loads(daemon.asked) == {"dead_letters": "shop"}
    assert json.loads(smpp("control", "dead-letters", "c", "shop", "--json").stdout) == [letter]
    daemon.said = b'{"dead_letters": [], "more": false}'
    assert smpp("control", "dead-letters", "c", "shop").stderr == "there are none\n"


def test_d29_dead_letters_are_delivered_again(daemon):
    daemon.said = b'{"revived": 12}'
    done = smpp("control", "revive", "c", "shop")
    assert (done.exit_code, done.stdout) == (0, "12 are delivered again\n")
    assert json.loads(daemon.asked) == {"revive": "shop"}


@pytest.mark.parametrize(("sessions", "code"), [(2, 0), (0, 1)])
def test_an_alert_tells_how_many_heard_of_it(daemon, sessions, code):
    daemon.said = json.dumps({"alerted": sessions}).encode()
    done = smpp("control", "alert", "c", "shop", "4917")
    assert (done.exit_code, done.stdout) == (code, f"sent to {sessions} sessions\n")
    assert json.loads(daemon.asked) == {"alert": "shop", "source": "4917"}


@pytest.mark.parametrize(
    ("error", "said", "code", "line"),
    [
        (FileNotFoundError(2, "No such file"), b"", 2, "cannot ask c: No such file"),
        (OSError("AF_UNIX path too long"), b"", 2, "cannot ask c: AF_UNIX path too long"),
        (TimeoutError(), b"", 2, "c does not answer within 10 s"),
        (None, b"", 2, "c has closed the connection"),
        (None, b'{"error": "no\\nroom"}', 1, "no\\nroom"),
    ],
)
def test_who_cannot_be_asked_is_one_line(daemon, error, said, code, line):
    daemon.error, daemon.said = error, said
    done = smpp("control", "revive", "c", "shop")
    assert (done.exit_code, done.stderr) == (code, f"smpp control: {line}\n")
