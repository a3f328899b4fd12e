"""The control socket: what is answered, what is refused, and that nothing grows."""

from __future__ import annotations

import json
import os

import pytest
from outbox_kit import Process
from store_kit import World
from twisted.internet.testing import StringTransport

from twisted_smpp.daemon import control as control_module
from twisted_smpp.daemon.control import MOST_IN_FLIGHT, ControlFactory


class Transport(StringTransport):
    """One that can be aborted, and whose other end has a user."""

    aborted = False
    uid = os.getuid()

    def abortConnection(self):
        self.aborted = True


class Daemon:
    """The factory, with a process that sends."""

    def __init__(self, folder):
        self.process = Process(World(folder)).start()
        self.factory = ControlFactory(
            self.process.service, self.process.outbox, lambda transport: transport.uid
        )

    def connect(self, uid=None):
        transport = Transport()
        transport.uid = os.getuid() if uid is None else uid
        protocol = self.factory.buildProtocol(None)
        protocol.makeConnection(transport)
        return Client(self, protocol, transport)


class Client:
    """One connection, and what was answered on it."""

    def __init__(self, daemon, protocol, transport):
        self.daemon, self.protocol, self.transport = daemon, protocol, transport

    def write(self, octets):
        self.protocol.dataReceived(octets)

    def ask(self, **request):
        self.write(json.dumps(request).encode() + b"\n")

    def read(self):
        lines = self.transport.value().splitlines()
        self.transport.clear()
        return [json.loads(line) for line in lines]

    def answers(self):
        self.daemon.process.settle()
        return self.read()


@pytest.fixture
def daemon(tmp_path):
    daemon = Daemon(tmp_path / "store")
    yield daemon
    daemon.process.stores.abandon()


def test_a_message_is_answered_once_it_is_on_the_disk(daemon):
    client = daemon.connect()
    client.ask(to="491761234567", text="Hello", source="Shop", key="order 17", id=[1])
    daemon.process.steps.turn()
    daemon.process.steps.work()
    assert client.read() == []

    (answer,) = client.answers()

    (record,) = daemon.process.records()
    assert answer == {"id": [1], "stored": True, "number": record.number}
    assert (record.owner, record.source, record.destination) == ("order 17", "Shop", "491761234567")


def test_a_message_goes_as_it_was_asked_for(daemon):
    client = daemon.connect()
    client.ask(to="4917", text="x" * 200, receipt=False, validity=60)
    client.answers()

    daemon.process.bind()

    one, two = daemon.process.centre.accepted
    assert (one.registered_delivery, one.validity_period) == (0, "000000000100000R")
    assert len(one.short_message) + len(two.short_message) == 200 + 12
    daemon.process.passes(1)
    assert daemon.process.records() == []
    daemon.process.stop()


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"hello", "a line is no JSON"),
        (b"\xff", "a line is no JSON"),
        (b"[" * 60_000, "a line is no JSON"),
        (b"[]", "a line is no JSON object"),
        (b"{}", "to is needed"),
        (b'{"to":"4917"}', "text is needed"),
        (b'{"to":4917,"text":"x"}', "to has to be a string"),
        (b'{"to":"4917","text":"x","receipt":1}', "receipt has to be true or false"),
        (b'{"to":"4917","text":"x","validity":true}', "validity has to be a number"),
        (b'{"to":"4917","text":"x","key":null}', "key has to be a string"),
        (b'{"to":"4917","text":"x","validty":1}', "'validty': there is no such field"),
        (b'{"status":1}', "'status': there is no such field"),
        (b'{"follow":false}', "'follow': there is no such field"),
    ],
)
def test_what_is_no_request_is_told_and_the_connection_goes_on(daemon, line, error):
    client = daemon.connect()
    client.write(line + b"\n")

    assert client.read() == [{"error": error}]
    client.ask(to="4917", text="x")
    assert client.answers()[0]["stored"] is True


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"to": "4" * 30}, "destination_addr"),
        ({"text": "\ud800"}, "surrogate"),
        ({"text": "x" * 60_000}, "parts"),
        ({"validity": -1}, "whole seconds"),
        ({"validity": 1e300}, "int"),
        ({"validity": float("nan")}, "NaN"),
        ({"key": "\ud800"}, "owner"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_sent_is_told_with_its_id(daemon, change, error):
    client = daemon.connect()

    client.ask(**{"id": 7, "to": "4917", "text": "x", **change})

    (answer,) = client.answers()
    assert answer["id"] == 7
    assert error in answer["error"]
    assert daemon.process.records() == []


def test_status_has_the_figures_of_each_link(daemon):
    client = daemon.connect()
    client.ask(to="4917", text="x")
    client.answers()

    client.ask(status=True, id="s")

    (answer,) = client.read()
    assert answer["id"] == "s"
    assert answer["status"]["parts"] == 1
    assert answer["status"]["links"]["1"]["waiting"] == 1
    assert answer["status"]["links"]["1"]["too_many_unmatched"] is False


def test_followers_hear_what_becomes_of_messages_of_this_process_and_of_those_before(daemon):
    client = daemon.connect()
    client.ask(to="4917", text="x", key="k")
    (stored,) = client.answers()
    process = daemon.process = daemon.process.crash()
    daemon.factory = ControlFactory(process.service, process.outbox, lambda _: os.getuid())
    process.outbox._on_recovered = daemon.factory.watch
    follower, other = daemon.connect(), daemon.connect()
    follower.ask(follow=True)
    assert follower.read() == [{"follow": True}]

    process.bind()
    process.receipt("A1")

    event, last = follower.answers()
    assert event == {
        "number": stored["number"],
        "to": "4917",
        "key": "k",
        "progress": "accepted",
        "final": False,
        "parts": 1,
        "message_ids": ["A1"],
        "possible_duplicates": 0,
    }
    assert (last["progress"], last["final"]) == ("delivered", True)
    assert other.read() == []
    process.stop()


def test_followers_hear_what_is_on_the_disk(daemon):
    client = daemon.connect()
    client.ask(follow=True)
    client.ask(to="4917", text="x", receipt=False)
    client.answers()
    store, too_early = daemon.process.store, []
    transaction = store._transaction

    def look_first(batch):
        too_early.extend(client.read())
        return transaction(batch)

    store._transaction = look_first
    daemon.process.bind()

    (event,) = client.answers()
    assert (event["progress"], event["final"]) == ("sent", True)
    assert too_early == []
    daemon.process.stop()


def test_followers_hear_nothing_that_could_not_be_written(daemon, logged_errors):
    client = daemon.connect()
    client.ask(follow=True)
    client.ask(to="4917", text="x", receipt=False)
    client.answers()
    daemon.process.store._transaction = lambda batch: 1 / 0
    daemon.process.bind()

    assert client.answers() == []
    logged_errors.flush()


def test_status_says_whether_what_was_left_is_read(daemon):
    client = daemon.connect()
    client.ask(to="4917", text="x")
    client.answers()
    process = daemon.process = daemon.process.crash()
    daemon.factory = ControlFactory(process.service, process.outbox, lambda _: os.getuid())
    client = daemon.connect()
    client.ask(status=True)
    process.start()
    client.ask(status=True)

    before, after = [each["status"] for each in client.read()]

    assert (before["recovered"], before["parts"]) == (False, 0)
    assert (after["recovered"], after["parts"]) == (True, 1)


def test_a_follower_that_does_not_read_has_to_go(daemon, logged_errors):
    follower = daemon.connect()
    follower.ask(follow=True)
    follower.transport.producer.pauseProducing()
    client = daemon.connect()
    client.ask(to="4917", text="x")

    daemon.process.bind()
    daemon.process.settle()

    assert follower.transport.aborted
    assert daemon.process.centre.texts == [b"x"]
    daemon.process.stop()


def test_w10_a_line_that_is_too_long_ends_the_connection(daemon):
    client = daemon.connect()

    client.write(b"x" * 70_000)

    assert client.read() == [{"error": "a line has more than 65536 octets"}]
    assert client.transport.disconnecting


@pytest.mark.parametrize("uid", [12345, 65534])
def test_w10_other_users_are_not_heard(daemon, uid):
    client = daemon.connect(uid)
    client.ask(to="4917", text="x")

    assert client.transport.aborted
    assert client.answers() == []
    assert daemon.process.records() == []


def test_w10_root_is_heard(daemon):
    client = daemon.connect(0)
    client.ask(to="4917", text="x")
    assert client.answers()[0]["stored"] is True


def test_w10_there_are_no_more_than_so_many_connections(daemon, monkeypatch):
    monkeypatch.setattr(control_module, "MOST_CONNECTIONS", 2)
    first, _ = daemon.connect(), daemon.connect()

    third = daemon.connect()

    assert third.read() == [{"error": "2 connections are open, no more are taken"}]
    assert third.transport.disconnecting
    third.protocol.connectionLost(None)
    first.protocol.connectionLost(None)
    assert daemon.connect().read() == []


def test_w10_who_asks_too_much_is_not_read_until_it_is_answered(daemon):
    client = daemon.connect()
    line = b'{"to":"4917","text":"x"}\n'

    client.write(line * (MOST_IN_FLIGHT + 500))

    assert client.transport.producerState == "paused"
    assert daemon.process.service.sender.waiting == MOST_IN_FLIGHT
    assert client.protocol.paused
    assert len(client.answers()) == MOST_IN_FLIGHT + 500
    assert not client.protocol.paused


def test_who_does_not_read_answers_is_not_read_either(daemon):
    client = daemon.connect()
    client.transport.producer.pauseProducing()
    client.ask(to="4917", text="x")

    assert client.protocol.paused
    assert daemon.process.service.sender.waiting == 0
    client.transport.producer.resumeProducing()
    assert client.answers()[0]["stored"] is True


def test_a_queue_that_is_full_is_told(daemon):
    daemon.process.service.sender._most_waiting = 0
    client = daemon.connect()

    client.ask(to="4917", text="x", id=1)

    assert client.answers() == [
        {"id": 1, "error": "0 message parts wait to be sent, at most 0 may"}
    ]


def test_a_store_that_fails_is_told(daemon, logged_errors):
    client = daemon.connect()
    daemon.process.store._transaction = lambda batch: 1 / 0

    client.ask(to="4917", text="x", id=1)
    client.ask(to="4917", text="y", id=2)
    answers = client.answers()
    client.ask(to="4917", text="z", id=3)
    answers += client.answers()

    assert [each["id"] for each in answers] == [1, 2, 3]
    assert all("division by zero" in each["error"] for each in answers)
    logged_errors.flush()
