"""What the control socket of a message centre tells: figures, silence, health (O13, O14)."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest
from centre_kit import START, World, both_stores, to_account
from centre_kit import routes as routes_of
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import Logger, LogPublisher

from twisted_smpp.daemon.control import StatusFactory
from twisted_smpp.daemon.health import UNWELL_SECONDS, Health
from twisted_smpp.daemon.keeping import silence_of
from twisted_smpp.smsc.traffic import Traffic

BANK = to_account("bank")


class Lines:
    """The log of one class."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warn(self, format: str, **values: Any) -> None:
        self.lines.append(format.format(**values))

    info = warn


def traffic_of(world: World, silence: float | None = None) -> Traffic:
    traffic = Traffic(world.centre, lambda name: silence, lambda: ("news",), world.clock)
    traffic.log = Lines()  # type: ignore[assignment]
    traffic.start()
    return traffic


@both_stores
def test_o13_figures_are_separate_by_account_and_direction(kind: str, tmp_path: Path) -> None:
    world = World(kind, tmp_path, routes=routes_of(p49=BANK))
    traffic = traffic_of(world)
    shop = world.bound()
    world.bound("bank")
    world.turn(100)
    world.submit(shop, "49")
    world.turn(50)
    world.submit(shop, "1")  # delivered at once
    multi = shop.esme.submit_sm(destination_addr="1", registered_delivery=1)
    world.ask(multi)

    status = traffic.status()

    assert status["shop"] == {
        "accepted": 3,
        "last_accepted": START + 150,
        "delivered": 1,
        "last_delivered": START + 150,
        "waiting": 0,
        "receivers": 1,
        "silent": False,
    }
    assert status["bank"]["accepted"] == 0
    assert status["bank"]["last_accepted"] is None
    assert (status["bank"]["delivered"], status["bank"]["last_delivered"]) == (1, START + 100)
    assert status["news"]["accepted"] == status["news"]["receivers"] == 0
    traffic.stop()
    world.end()


def test_o13_what_is_refused_does_not_count(tmp_path: Path) -> None:
    world = World("sqlite", tmp_path, routes=routes_of(p49=BANK))
    traffic = traffic_of(world)
    shop = world.bound()
    world.bound("bank")
    world.answers["bank"] = lambda request: 0x14
    world.submit(shop, "49")
    for refused in (
        shop.esme.submit_sm(destination_addr=""),
        shop.esme.submit_sm(destination_addr="49", validity_period="x"),
    ):
        world.ask(refused.addErrback(lambda _: None))
    assert traffic.status()["shop"]["accepted"] == 1
    assert traffic.status()["bank"]["delivered"] == 0
    traffic.stop()
    world.end()


def test_o13_silence_is_told_once_and_its_end(tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    traffic = traffic_of(world, 300.0)
    shop = world.bound()
    world.turn(200)
    world.submit(shop)
    world.turn(290)
    assert "shop" not in traffic.silent
    world.turn(1000)
    assert traffic.status()["shop"]["silent"]
    world.submit(shop)
    world.turn(20)
    assert not traffic.status()["shop"]["silent"]
    assert [line for line in traffic.log.lines if "shop" in line] == [  # type: ignore[attr-defined]
        "'shop': no message from it for 5 minutes",
        "'shop': messages come from it again",
    ]
    assert traffic.silent == {"news"}
    traffic.stop()
    world.end()


def test_o13_a_short_silence_is_told_in_parts_of_a_minute(tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    traffic = traffic_of(world, silence=6.0)
    world.turn(20)
    assert traffic.log.lines == [  # type: ignore[attr-defined]
        "'news': no message from it for 0.2 minutes"
    ]
    traffic.stop()
    world.end()


def test_o13_nobody_is_silent_by_default(tmp_path: Path) -> None:
    world = World("memory", tmp_path)
    traffic = traffic_of(world)
    world.bound()
    world.turn(1000)
    assert (traffic.silent, traffic.log.lines) == (set(), [])  # type: ignore[attr-defined]
    traffic.stop()
    world.end()


@pytest.mark.parametrize(
    ("option", "own", "seconds"),
    [(None, None, None), (5.0, None, 300.0), (5.0, 1.0, 60.0), (None, 2.0, 120.0)],
)
def test_o13_an_account_may_say_its_own(
    option: float | None, own: float | None, seconds: float | None
) -> None:
    class File:
        def settings(self, name: str) -> Any:
            return self

        silence = own

    assert silence_of({"silence": option}, File())("shop") == seconds  # type: ignore[arg-type]
    assert silence_of({"silence": option})("shop") == (None if option is None else option * 60)


# Health.


class Store:
    full = False
    failed: Any = None


def test_o14_a_failure_that_nobody_has_caught_is_no_health() -> None:
    clock, publisher, store = Clock(), LogPublisher(), Store()
    health = Health(clock.seconds, store, publisher)
    health.start()
    log = Logger(namespace="here", observer=publisher)
    log.error("only an error")
    assert health.status()["healthy"]

    try:
        raise ZeroDivisionError("the text of a message")
    except ZeroDivisionError:
        log.failure("Unhandled error in Deferred")
    clock.advance(5)

    assert health.status() == {
        "healthy": False,
        "failures": 1,
        "last_failure": "ZeroDivisionError in here",
        "last_failure_ago": 5,
        "store": "ok",
        "log_lines_lost": 0,
        "stalls": 0,
        "longest_stall": 0.0,
    }
    clock.advance(UNWELL_SECONDS)
    assert health.status()["healthy"]
    store.full = True
    assert (health.status()["healthy"], health.status()["store"]) == (False, "full")
    store.failed = object()
    assert health.status()["store"] == "failed"
    health.stop()
    log.critical("nobody hears it")
    assert health.status()["failures"] == 1


def test_o14_what_a_deferred_or_a_timer_raised_is_noticed(logged_errors: Any) -> None:
    clock = Clock()
    health = Health(clock.seconds)
    health.start()
    deferred: Deferred[None] = Deferred()
    deferred.addCallback(lambda _: 1 / 0)  # type: ignore[arg-type]
    deferred.callback(None)
    del deferred
    gc.collect()
    health.stop()
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    assert health.status()["last_failure"].startswith("ZeroDivisionError in twisted.internet.defer")


def test_o13_the_socket_tells_only_that() -> None:
    factory = StatusFactory(lambda: {"healthy": True}, lambda transport: 0)
    protocol = factory.buildProtocol(None)
    transport = StringTransport()
    protocol.makeConnection(transport)
    for request in ({"status": True, "id": 1}, {"to": "49", "text": "x"}, {"follow": True}):
        protocol.dataReceived(json.dumps(request).encode() + b"\n")
    only = {"error": 'only {"status": true} is answered here'}
    answers = [json.loads(line) for line in transport.value().splitlines()]
    assert answers == [{"id": 1, "status": {"healthy": True}}, only, only]
