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


HELD = {
    "number": 7,
    "to": "4917\x1b[2J",
    "source": "Shop",
    "at": 0,
    "parts": 1,
    "held": [1],
    "message_ids": [None],
    "possible_duplicates": 0,
}


def test_held_messages_are_listed_page_by_page(daemon):
    long = {
        **HELD,
        "number": 9,
        "key": "a\nb",
        "parts": 3,
        "held": [2, 3],
        "possible_duplicates": 1,
    }
    daemon.said = json.dumps({"held": [HELD, long], "more": True}).encode()
    done = smpp("control", "held", "c", "--after", "5")
    assert done.exit_code == 0
    one, two = done.stdout.splitlines()
    assert one.startswith("number 7, from Shop, to 4917\\x1b[2J, taken 1970-01-0")
    assert one.count(", ") == 3
    assert two.endswith(", key a\\nb, parts 2 3 of 3, possible duplicates 1")
    assert done.stderr == "there are more, --after 9\n"
    assert json.loads(daemon.asked) == {"held": True, "after": 5}
    assert json.loads(smpp("control", "held", "c", "--json").stdout) == [HELD, long]
    assert json.loads(daemon.asked) == {"held": True, "after": 0}
    daemon.said = b'{"held": [], "more": false}'
    assert smpp("control", "held", "c").stderr == "there are none\n"


@pytest.mark.parametrize(
    ("command", "asked", "done", "words"),
    [
        ("resend", "resend", "resent", "sent again"),
        ("give-up", "give_up", "given_up", "given up"),
    ],
)
def test_it_is_decided_about_held_messages(daemon, command, asked, done, words):
    daemon.said = json.dumps({done: 1, "more": False}).encode()
    assert smpp("control", command, "c", "7", "9").stdout == f"7 is {words}\n9 is {words}\n"
    assert json.loads(daemon.asked) == {asked: 9}
    daemon.said = json.dumps({done: 1000, "more": True}).encode()
    ended = smpp("control", command, "c", "--all")
    assert (ended.stdout, ended.stderr) == (f"1000 are {words}\n", "there are more\n")
    assert json.loads(daemon.asked) == {asked: "all"}
    for wrong in ([], ["7", "--all"]):
        ended = smpp("control", command, "c", *wrong)
        assert ended.exit_code == 2
        assert "NUMBER or --all is needed, and not both" in ended.stderr


def test_one_that_is_refused_keeps_nothing_from_the_others(daemon, monkeypatch):
    answers = [b'{"resent": 1}', b'{"error": "message 8 is\\nnot held"}', b'{"resent": 1}']
    monkeypatch.setattr(daemon, "readline", lambda *_: answers.pop(0))
    ended = smpp("control", "resend", "c", "7", "8", "9")
    assert (ended.exit_code, ended.stdout) == (1, "7 is sent again\n9 is sent again\n")
    assert ended.stderr == "smpp control: 8 is not sent again: message 8 is\\nnot held\n"
    answers = [b'{"resent": 1}', b""]
    ended = smpp("control", "resend", "c", "7", "8", "9")
    assert (ended.exit_code, ended.stdout) == (2, "7 is sent again\n")


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
