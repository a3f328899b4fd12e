"""``smpp listen``: against a message centre in memory, on a clock."""

import json

import pytest
from esme_kit import Endpoint, FakeReactor
from twisted.internet.defer import Deferred

from twisted_smpp import CommandStatus as S
from twisted_smpp import DeliverSM
from twisted_smpp.cli.listen import Listening
from twisted_smpp.esme.profile import Profile
from twisted_smpp.testing import success
from twisted_smpp.text import segments

LONG = "a" * 200


class World:
    """One run of the command, and the message centre."""

    def __init__(self, as_json=False, count=None):
        self.clock = FakeReactor()
        self.endpoint = Endpoint(self.clock)
        settings = {"endpoint": self.endpoint, "system_id": "me", "password": "pw"}
        settings |= {"bind": "transceiver", "profile": Profile()}
        self.listening = Listening(self.clock, settings, {"as_json": as_json, "count": count})
        self.done = Deferred.fromCoroutine(self.listening._run())
        self.smsc = self.endpoint.binds()

    def flush(self):
        for _ in range(3):
            self.endpoint.flush()
            self.clock.advance(0)

    def delivers(self, *texts, parts=slice(None)):
        """Delivers all at once; what they are answered."""
        answers = []
        for text in texts:
            for segment in segments(text, reference=1)[parts]:
                pdu = DeliverSM(source_addr="491", destination_addr="Shop", **segment.fields)
                answer = self.smsc.request(pdu)
                answer.addCallbacks(
                    lambda response: response.command_status,
                    lambda failure: failure.value.command_status,
                )
                answers.append(answer)
        self.flush()
        return [success(each) for each in answers]

    def ends(self):
        self.clock.terminates()
        self.flush()
        success(self.done)


def test_it_prints_what_comes(capsys):
    world = World()
    assert world.delivers("Hi", LONG) == [0, 0, 0]
    world.ends()
    lines = capsys.readouterr().out.splitlines()
    assert [line[9:] for line in lines] == ["491 to Shop: Hi", f"491 to Shop: {LONG}"]


def test_at_the_end_it_prints_what_is_incomplete(capsys):
    world = World()
    assert world.delivers("b" * 400, parts=slice(1, 3)) == [0, 0]
    assert capsys.readouterr().out == ""
    world.ends()
    lines = capsys.readouterr().out.splitlines()
    assert [line[9:] for line in lines] == [
        f"491 to Shop: {'b' * 153} [without part 1]",
        f"491 to Shop: {'b' * 94} [without part 1]",
    ]


def test_in_json_too_even_behind_the_last_that_was_asked_for(capsys):
    world = World(as_json=True, count=1)
    world.delivers(LONG, parts=slice(1))
    assert world.delivers("Hi") == [0]
    success(world.done)
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["text"], each.get("missing_parts")) for each in said] == [
        ("Hi", None),
        (LONG[:153], [2]),
    ]


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_more_than_asked_for_stays_with_the_message_centre(count, capsys):
    world = World(count=count)
    answers = world.delivers("1", "2", "3", "4")
    assert answers == [0] * count + [S.ESME_RX_T_APPN] * (4 - count)
    success(world.done)
    assert len(capsys.readouterr().out.splitlines()) == count
