"""What a message centre is asked at its control socket: dead letters, alerts (D29, W10)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from centre_kit import WANTED, World, both_stores
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs

from twisted_smpp import CommandStatus as S
from twisted_smpp.daemon.control import StatusFactory
from twisted_smpp.daemon.questions import Questions


class Socket:
    """A connection to the control socket of a message centre."""

    def __init__(self, ask: Any) -> None:
        self.protocol = StatusFactory(dict, lambda transport: 0, ask).buildProtocol(None)
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)

    def write(self, **request: Any) -> None:
        self.protocol.dataReceived(json.dumps(request).encode() + b"\n")

    def read(self) -> list[Any]:
        lines = self.transport.value().splitlines()
        self.transport.clear()
        return [json.loads(line) for line in lines]


def asked(world: World, **request: Any) -> Any:
    connection = Socket(Questions(world.centre).ask)
    connection.write(**request)
    world.turn()
    (answer,) = connection.read()
    return answer


@both_stores
def test_d29_an_operator_sees_dead_letters_and_has_them_delivered_again(
    kind: str, tmp_path: Path
) -> None:
    world = World(kind, tmp_path)
    shop = world.bound()
    world.answers["shop"] = S.ESME_RX_P_APPN
    with capturedLogs() as logs:
        message_id = world.submit(shop, "1", **WANTED)
        world.turn(60)
    assert asked(world, dead_letters="bank") == {"dead_letters": [], "more": False}

    answer = asked(world, dead_letters="shop", id=7)

    (letter,) = answer["dead_letters"]
    page = (Path(__file__).parents[1] / "docs/reference/control.md").read_text("utf-8")
    (line,) = [each for each in page.splitlines() if each.startswith('{"dead_letters"')]
    assert set(letter) == set(json.loads(line)["dead_letters"][0])
    assert (answer["id"], answer["more"]) == (7, False)
    assert letter["message_id"] == message_id
    assert letter["tries"] == 1
    assert (letter["source"], letter["destination"]) == ("1", "100")
    assert "ESME_RX_P_APPN" in letter["why"]
    assert 6.9 * 86_400 < letter["until"] - world.now() < 7 * 86_400
    (warning,) = [event for event in logs if "put aside" in event["log_format"]]
    assert (warning["account"], warning["message_id"]) == ("'shop'", message_id)
    world.answers["shop"] = None
    assert asked(world, revive="shop") == {"revived": 1}
    world.turn(1)
    assert [each.message_id for each in world.receipts()] == [message_id] * 2
    assert asked(world, dead_letters="shop")["dead_letters"] == []
    world.end()


def test_who_receives_is_told_that_a_mobile_can_be_reached(tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    world.bound("shop")
    world.bound("shop", "transmitter")
    assert asked(world, alert="shop", source="4917") == {"alerted": 1}
    assert asked(world, alert="nobody", source="4917") == {"alerted": 0}
    assert "nobody" not in world.centre.customers
    assert "source_addr" in asked(world, alert="shop", source="4" * 99)["error"]
    world.turn(1)
    assert [pdu.command for _, pdu in world.got] == ["alert_notification"]
    world.end()


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({}, '{"status": true}, "dead_letters", "revive" or "alert" is needed'),
        ({"to": "49", "text": "x"}, '{"status": true}, "dead_letters", "revive" or "alert"'),
        ({"revive": 5}, "revive has to be a string"),
        ({"alert": "shop"}, "source has to be a string"),
        ({"alert": "shop", "sorce": "1"}, "'sorce': there is no such field, do you mean source?"),
        ({"revive": "shop", "alert": "shop"}, "'alert': there is no such field"),
    ],
)
def test_w10_what_is_no_request_is_told(request_: Any, error: str, tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    assert asked(world, **request_)["error"].startswith(error)
    world.end()


def test_w10_a_request_that_fails_is_answered_and_told_to_the_log(logged_errors: Any) -> None:
    connection = Socket(lambda request: 1 / 0)
    connection.write(id=1, revive="shop")
    assert connection.read() == [{"id": 1, "error": "it failed; the log says why"}]
    assert len(logged_errors.flush(ZeroDivisionError)) == 1


def test_w10_who_asks_much_is_not_read_until_it_is_answered() -> None:
    waiting: list[Deferred[Any]] = []

    def ask(request: Any) -> Deferred[Any]:
        waiting.append(Deferred())
        return waiting[-1]

    connection = Socket(ask)
    connection.protocol.dataReceived(b'{"revive": "a"}\n' * 1_000)
    assert connection.transport.producerState == "paused"
    waiting[0].callback({"revived": 0})
    assert connection.transport.producerState == "producing"
    assert connection.read() == [{"revived": 0}]
