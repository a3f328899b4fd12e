"""``smpp send --control``: against a control socket in memory, on a clock."""

import csv
import json

import pytest
from esme_kit import FakeReactor
from test_cli import smpp
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from twisted_smpp.cli import handing
from twisted_smpp.cli.handing import HandingRun
from twisted_smpp.cli.recipients import Recipient
from twisted_smpp.testing import success


class Endpoint:
    """Connects at once, or refuses to."""

    def __init__(self, error=None):
        self.error = error
        self.transport = StringTransport()
        self.protocol = None

    def connect(self, factory):
        if self.error is not None:
            return fail(self.error)
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        return succeed(self.protocol)


class World:
    """One run, and the daemon's side of the socket."""

    def __init__(self, *texts, error=None, **options):
        self.clock = FakeReactor()
        self.endpoint = Endpoint(error)
        known = {"receipt": True, "timeout": 60.0, "source": "Shop", "result": None}
        known |= {"control": "/run/control", **options}
        wanted = [Recipient(f"49{number}", text) for number, text in enumerate(texts)]
        run = HandingRun(self.clock, self.endpoint, wanted, known, token="t")
        self.done = Deferred.fromCoroutine(run.run())

    def requests(self):
        lines = self.endpoint.transport.value().splitlines()
        self.endpoint.transport.clear()
        return [json.loads(line) for line in lines]

    def says(self, **said):
        self.endpoint.protocol.dataReceived(json.dumps(said).encode() + b"\n")

    def event(self, number, progress, final, key=None, **more):
        key = f"t:{number}" if key is None else key
        self.says(number=7, key=key, progress=progress, final=final, parts=1, **more)


def test_messages_are_handed_over_and_followed_to_their_receipts(capsys):
    world = World("Hello")
    follow, request = world.requests()
    assert follow == {"follow": True}
    assert request == {
        "id": 0,
        "to": "490",
        "text": "Hello",
        "source": "Shop",
        "receipt": True,
        "key": "t:0",
    }
    world.says(follow=True)
    world.says(id=0, stored=True, number=42)
    world.event(0, "accepted", False, message_ids=["A1"])
    assert not world.done.called
    world.event(0, "delivered", True, message_ids=["A1"])
    assert success(world.done) == 0
    assert capsys.readouterr().out == "stored, number 42; delivered, message_id A1\n"
    assert world.endpoint.transport.disconnecting
    assert world.clock.getDelayedCalls() == []


def test_without_receipts_stored_is_enough():
    world = World("a", "b", receipt=False)
    world.says(id=1, stored=True, number=2)
    assert not world.done.called
    world.says(id=0, stored=True, number=1)
    assert success(world.done) == 0


def test_without_receipts_what_is_stored_and_refused_for_the_time_being_is_well():
    world = World("a", "b", receipt=False)
    world.says(id=0, stored=True, number=1)
    world.event(0, "queued", False)
    world.says(id=1, stored=True, number=2)
    assert success(world.done) == 0


def test_an_event_may_come_before_the_answer():
    world = World("a")
    world.event(0, "delivered", True, message_ids=["A1"])
    assert not world.done.called
    world.says(id=0, stored=True, number=1)
    assert success(world.done) == 0


def test_events_of_others_and_answers_to_nothing_are_not_ours():
    world = World("a")
    for key in ("other:0", "t:1", "t:x", "", "t:-1"):
        world.event(0, "delivered", True, key=key)
    for number in (1, -1, "0", None):
        world.says(id=number, stored=True, number=1)
    world.says(id=0, stored=True, number=1)
    world.says(id=0, stored=True, number=1)
    assert not world.done.called
    world.event(0, "undeliverable", True)
    assert success(world.done) == 1


def test_what_the_daemon_refuses_is_said(capsys):
    world = World("a", "b")
    world.says(id=0, error="to: '490' is no address")
    world.says(id=1, stored=True, number=1)
    world.event(1, "delivered", True)
    assert success(world.done) == 1
    out, err = capsys.readouterr()
    assert "the message cannot be sent: to: '490' is no address" in err
    assert out.split() == ["1", "delivered", "1", "not", "stored"]


def test_a_text_that_makes_too_long_a_line_is_not_sent(capsys):
    world = World("x" * 70_000)
    assert world.requests() == [{"follow": True}]
    assert success(world.done) == 1
    assert "too long" in capsys.readouterr().err


def test_receipts_that_do_not_come_in_time(capsys):
    world = World("a", "b")
    for number in (0, 1):
        world.says(id=number, stored=True, number=number)
    world.event(0, "delivered", True)
    world.clock.advance(60)
    assert success(world.done) == 1
    assert "no final receipt for 1 of 2 messages within 60 s" in capsys.readouterr().err


def test_no_more_than_some_wait_for_the_disk(monkeypatch):
    monkeypatch.setattr(handing, "AHEAD", 2)
    world = World("a", "b", "c", receipt=False)
    assert len(world.requests()) == 3  # with follow
    world.says(id=0, stored=True, number=1)
    assert [each["id"] for each in world.requests()] == [2]
    world.says(id=1, stored=True, number=2)
    world.says(id=2, stored=True, number=3)
    assert success(world.done) == 0


def test_the_daemon_is_not_given_more_than_it_can_send(monkeypatch):
    monkeypatch.setattr(handing, "MOST_UNSENT", 2)
    world = World("a", "b", "c", receipt=False)
    for number in (0, 1):
        world.says(id=number, stored=True, number=number)
        world.event(number, "sending", False)
    assert len(world.requests()) == 3  # with follow
    world.event(0, "accepted", False, message_ids=["A1"])
    assert [each["id"] for each in world.requests()] == [2]
    world.event(0, "delivered", True, message_ids=["A1"])
    world.says(id=2, stored=True, number=2)
    assert success(world.done) == 0


def test_not_every_refusal_is_a_line(capsys):
    world = World(*("abcdefghijklm"))
    for number in range(13):
        world.says(id=number, error="full")
    assert success(world.done) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[-1] == "smpp send: 3 more messages cannot be sent"


def test_nobody_listens(capsys):
    world = World("a", error=ConnectError())
    assert success(world.done) == 2
    assert "cannot connect to /run/control" in capsys.readouterr().err


def test_the_connection_breaks(capsys):
    world = World("a", "b")
    world.says(id=0, stored=True, number=1)
    world.endpoint.protocol.connectionLost(Failure(ConnectionDone()))
    assert success(world.done) == 2
    assert "broke; 1 messages may be stored or not" in capsys.readouterr().err


@pytest.mark.parametrize("line", [b"220 mail ESMTP", b"[1]", b"\xff", b'{"error": "full"}'])
def test_something_else_listens_there(line, capsys):
    world = World("a")
    world.endpoint.protocol.dataReceived(line + b"\r\n")
    assert success(world.done) == 2
    assert "/run/control" in capsys.readouterr().err


def test_the_result_goes_into_a_file_that_no_spreadsheet_runs(tmp_path):
    path = tmp_path / "result.csv"
    world = World("a", result=str(path))
    world.says(id=0, stored=True, number=1)
    world.event(0, "failed", True, message_ids=[None], error="=1+1")
    assert success(world.done) == 1
    row = ["490", "failed", "1", "", "", "'=1+1"]
    assert list(csv.reader(path.read_text().splitlines()))[1] == row


def test_a_result_file_that_cannot_be_written(tmp_path, capsys):
    world = World("a", receipt=False, result=str(tmp_path / "no" / "folder"))
    world.says(id=0, stored=True, number=1)
    assert success(world.done) == 1
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [["-u", "me"], ["--connect", "tcp:h:1"], ["--rate", "1"], ["--method", "sar"]]
)
def test_what_the_daemon_says_cannot_be_said_with_control(options):
    result = smpp("send", "--control", "x", "--to", "49", *options, "text")
    assert result.exit_code == 2
    assert "with --control the daemon says that" in result.output


def test_without_control_it_has_to_be_known_who_binds():
    result = smpp("send", "--to", "49", "text")
    assert result.exit_code == 2
    assert "Missing option '-u' / '--system-id'" in result.output
