"""At the control socket it is decided what becomes of messages whose outcome is unknown."""

from __future__ import annotations

import pytest
from outbox_kit import Process
from outbox_kit import silent as unanswered
from pool_kit import silent
from store_kit import World
from test_control import Daemon
from test_outbox_pool import Process as PoolProcess

from twisted_smpp.daemon import held as held_module
from twisted_smpp.daemon.control import ControlFactory
from twisted_smpp.daemon.held import HeldMessages, Refused
from twisted_smpp.esme.message import Progress
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.esme.sending import Sending

P = Progress


class Holding(Daemon):
    """A daemon that holds what it has sent: nobody has answered."""

    def __init__(self, folder):
        self.process = Process(World(folder), sending=Sending(unknown=UnknownPolicy.HOLD))
        self.client = None
        self.listen()

    def listen(self):
        self.factory = ControlFactory(
            self.process.service, self.process.outbox, lambda transport: transport.uid
        )
        self.client = self.connect()

    def holds(self, *texts, to="491761234567", **more):
        """Sends texts that are not answered; the numbers of the messages."""
        process = self.process
        process.centre.answer = unanswered
        if process.service.session is None:
            process.bind()
        messages = [process.send(each, to, **more) for each in texts]
        process.settle()
        process.passes(33)
        process.centre.answer = lambda request: None
        if process.service.session is None:  # three that are not answered end it
            process.bind()
        assert all(each.progress is P.HELD for each in messages)
        return [process.outbox.number(each) for each in messages]

    def restart(self, **settings):
        """The process is killed, and another one started."""
        self.process = self.process.crash(**settings)
        self.listen()
        self.process.bind()

    def says(self, **request):
        self.client.ask(**request)
        (answer,) = self.client.answers()
        return answer


@pytest.fixture
def daemon(tmp_path):
    daemon = Holding(tmp_path / "store")
    yield daemon
    daemon.process.stores.abandon()


def test_what_is_held_is_listed_without_what_it_says(daemon):
    assert daemon.says(held=True, id=1) == {"id": 1, "held": [], "more": False}
    (one,) = daemon.holds("secret", source="Shop", key="order 17")
    (two,) = daemon.holds("x" * 200)
    at = daemon.process.records()[0].at

    answer = daemon.says(held=True)

    assert answer["more"] is False
    first, second = answer["held"]
    assert first == {
        "number": one,
        "to": "491761234567",
        "source": "Shop",
        "key": "order 17",
        "at": at,
        "parts": 1,
        "held": [1],
        "message_ids": [None],
        "possible_duplicates": 0,
        "error": first["error"],
    }
    assert "within 30 s" in first["error"]
    assert "secret" not in str(answer)
    assert (second["number"], second["parts"], second["held"]) == (two, 2, [1, 2])
    assert daemon.says(status=True)["status"]["held"] == 3
    daemon.process.stop()


def test_one_is_sent_again_and_one_is_given_up(daemon):
    one, two, three = daemon.holds("a", "b", "c")
    accepted = daemon.process.centre.texts

    assert daemon.says(resend=two) == {"resent": 1, "more": False}
    assert daemon.says(give_up=one) == {"given_up": 1, "more": False}

    assert daemon.process.centre.texts == [*accepted, b"b"]
    assert [each["number"] for each in daemon.says(held=True)["held"]] == [three]
    states = {each.number: each.state for each in daemon.process.records()}
    assert states == {two: P.ACCEPTED, three: P.HELD}
    daemon.process.stop()


def test_of_a_long_message_it_is_decided_about_the_parts_that_are_held(daemon):
    process = daemon.process
    process.bind()
    process.centre.answer = lambda request: (
        unanswered(request) if b"y" in request.short_message else None
    )
    message = process.send("x" * 153 + "y" * 40)
    process.settle()
    process.passes(31)
    assert [each.progress for each in message.parts] == [P.ACCEPTED, P.HELD]
    (listed,) = daemon.says(held=True)["held"]
    assert (listed["held"], listed["parts"]) == ([2], 2)
    assert listed["message_ids"] == ["A1", None]

    process.centre.answer = lambda request: None
    daemon.says(resend="all")

    assert message.message_ids == ("A1", "A2")
    assert message.possible_duplicates == 1
    process.stop()


def test_all_are_decided_about_so_many_at_a_time(daemon, monkeypatch):
    monkeypatch.setattr(held_module, "MOST_HELD", 2)
    numbers = daemon.holds("a", "b", "c", "d", "e")
    pages, after = [], 0
    while True:
        answer = daemon.says(held=True, after=after)
        pages.append([each["number"] for each in answer["held"]])
        after = pages[-1][-1]
        if not answer["more"]:
            break
    assert pages == [numbers[:2], numbers[2:4], numbers[4:]]
    assert daemon.says(held=True, after=after) == {"held": [], "more": False}

    assert daemon.says(give_up="all") == {"given_up": 2, "more": True}
    assert daemon.says(resend="all") == {"resent": 2, "more": True}
    assert daemon.says(resend="all") == {"resent": 1, "more": False}
    assert daemon.says(resend="all") == {"resent": 0, "more": False}

    assert daemon.process.centre.texts == [b"c", b"d", b"e"]
    daemon.process.stop()


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"held": False}, "held has to be true"),
        ({"held": True, "after": "1"}, "after has to be the number of a message"),
        ({"held": True, "after": -1}, "after has to be the number of a message"),
        ({"held": True, "afterwards": 1}, "'afterwards': there is no such field"),
        ({"resend": True}, 'the number of a message is needed, or "all"'),
        ({"resend": "some"}, 'the number of a message is needed, or "all"'),
        ({"give_up": None}, 'the number of a message is needed, or "all"'),
        ({"give_up": 99}, "message 99 is not held"),
        ({"give_up": 99, "resend": 99}, "'give_up': there is no such field"),
        ({"resend": 1, "to": "4917", "text": "x"}, "'to': there is no such field"),
    ],
)
def test_what_cannot_be_done_is_told(daemon, request_, error):
    assert daemon.says(id="i", **request_) == {"id": "i", "error": error}


def test_it_is_not_decided_twice(daemon):
    (number,) = daemon.holds("a")
    daemon.says(resend=number)
    assert daemon.says(resend=number) == {"error": f"message {number} is not held"}
    assert daemon.says(give_up=number) == {"error": f"message {number} is not held"}
    assert daemon.process.centre.texts == [b"a"]
    daemon.process.stop()


def test_what_is_held_is_so_after_a_restart_and_by_the_same_number(daemon):
    one, two = daemon.holds("a", "b", key="k")
    before = daemon.says(held=True)["held"]

    daemon.restart()

    after = daemon.says(held=True)["held"]
    assert [each.pop("error", None) for each in after] == [None, None]
    for each in before:
        del each["error"]
    assert after == before
    assert daemon.process.centre.accepted == []
    daemon.says(give_up=one)
    daemon.says(resend=two)
    assert daemon.process.centre.texts == [b"b"]
    daemon.process.stop()


def test_what_was_being_sent_when_the_process_was_killed_is_held(daemon):
    daemon.process.centre.answer = unanswered
    daemon.process.bind()
    daemon.process.send("a")
    daemon.process.settle()
    daemon.process.centre.answer = lambda request: None

    daemon.restart()

    (listed,) = daemon.says(held=True)["held"]
    assert "the process ended while it was sent" in listed["error"]
    daemon.process.stop()


@pytest.mark.parametrize("policy", list(UnknownPolicy))
def test_a_decision_is_answered_once_it_is_on_the_disk_and_outlives_the_process(daemon, policy):
    one, two = daemon.holds("a", "b")
    process = daemon.process
    process.session.transport.loseConnection()  # nothing can be sent again now
    process.settle()
    daemon.client.ask(resend=one)
    daemon.client.ask(give_up=two)
    process.steps.turn()
    process.steps.work()
    assert daemon.client.read() == []
    assert daemon.client.answers() == [
        {"resent": 1, "more": False},
        {"given_up": 1, "more": False},
    ]
    assert process.centre.accepted == []

    daemon.restart(sending=Sending(unknown=policy))

    assert daemon.process.centre.texts == [b"a"]
    assert daemon.says(held=True)["held"] == []
    daemon.process.stop()


def test_followers_hear_of_it(daemon):
    follower = daemon.connect()
    follower.ask(follow=True)
    client_number = daemon.says(to="491761234567", text="Hello")["number"]
    daemon.process.centre.answer = unanswered
    daemon.process.bind()
    daemon.process.passes(31)
    daemon.says(give_up=client_number)
    daemon.process.settle()
    _, *events = follower.read()
    told = [(each["number"], each["progress"], each["final"]) for each in events]
    assert told == [(client_number, "held", False), (client_number, "lost", True)]
    daemon.process.stop()


def test_a_store_that_fails_is_told(daemon, logged_errors):
    (number,) = daemon.holds("a")
    daemon.process.store._transaction = lambda batch: 1 / 0
    assert "division by zero" in daemon.says(give_up=number)["error"]
    logged_errors.flush()


def test_of_a_pool_it_is_decided_wherever_they_wait(tmp_path):
    stores = World(tmp_path / "store")
    process = PoolProcess(stores, sending=Sending(unknown=UnknownPolicy.HOLD))
    process.start()
    silent(process.world, 0, 3)
    silent(process.world, 1, 3)
    messages = [process.pool.send(f"49176{number:06}", "Hello") for number in range(3)]
    process.settle()
    process.world.drops(0)
    process.world.drops(1)
    process.settle()
    held = HeldMessages(process.pool, process.outbox)
    numbers = [process.outbox.number(each) for each in messages]
    assert [each["number"] for each in held.ask({"held": True})["held"]] == numbers
    assert process.pool.held == 3

    held.ask({"give_up": numbers[1]})

    assert [each.progress for each in messages] == [P.HELD, P.LOST, P.HELD]
    with pytest.raises(Refused, match=f"message {numbers[1]} is not held"):
        held.ask({"resend": numbers[1]})
    process.settle()
    stores.abandon()
