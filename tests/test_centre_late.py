# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Responses to deliveries that come when nobody waits for them any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from centre_kit import V3_3, WANTED, World, both_stores, is_receipt, routes, to_account
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from twisted_smpp.events import Timers
from twisted_smpp.smsc import Keeping
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import Pair, success
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire.pdus import GenericNack

#: Seconds until a delivery is given up, and from then to the next tries.
RESPONSE, FIRST, SECOND = 2.0, 5.0, 30.0


class LateWorld(World):
    """The bank answers when the test says so."""

    def __init__(self, kind: str, path: Path, **settings: Any) -> None:
        timers = Timers(bind=5.0, response=RESPONSE, enquire_interval=None)
        service = {"timers": timers, **settings.pop("service", {})}
        super().__init__(
            kind, path, routes=routes(p49=to_account("bank")), service=service, **settings
        )
        self.held: list[Deferred[Any]] = []
        self.answers["bank"] = self.hold
        self.shop = self.bound()

    def hold(self, request: Any) -> Any:
        self.held.append(Deferred())
        return self.held[-1]

    def bank(self, **settings: Any) -> Pair:
        return self.bound("bank", answer_timeout=1000.0, **settings)

    def says(self, number: int, answer: Any = None) -> None:
        self.held[number].callback(answer)
        self.turn()


@both_stores
@pytest.mark.parametrize("version", [V3_3, None])
def test_Q08_a_late_consent_calls_off_the_next_try(kind: str, version: Any, tmp_path: Path) -> None:
    world = LateWorld(kind, tmp_path)
    world.bank(**({"interface_version": version, "bind": "receiver"} if version else {}))
    message_id = world.submit(world.shop, **WANTED)
    world.turn(RESPONSE + FIRST - 1)
    assert world.query(world.shop, message_id) == M.ENROUTE
    world.says(0)
    assert world.query(world.shop, message_id) == M.DELIVERED
    assert [each.stat for each in world.receipts()] == ["DELIVRD"]
    bank = world.centre.customer("bank")
    assert (bank.dispatch.count, bank.sessions.delivered) == (0, 1)
    world.turn(200)
    assert len(world.messages("bank")) == 1
    world.end()


@both_stores
def test_Q08_it_is_called_off_when_it_is_about_to_be_sent(kind: str, tmp_path: Path) -> None:
    """The window is full: what is due again is out of the store, and waits for its turn."""
    world = LateWorld(kind, tmp_path, service={"window": 2})
    world.bank()
    late = [world.submit(world.shop) for _ in range(2)]
    world.turn(RESPONSE + FIRST - 1)
    others = [world.submit(world.shop) for _ in range(2)]
    world.turn(1.5)
    dispatch = world.centre.customer("bank").dispatch
    assert len(dispatch._ready) == 2
    world.says(0)
    assert [world.query(world.shop, each) for each in late] == [M.DELIVERED, M.ENROUTE]
    assert len(dispatch._ready) == 1
    for number in (2, 3, 4):
        world.says(number)
    world.turn(200)
    assert {world.query(world.shop, each) for each in late + others} == {M.DELIVERED}
    assert (dispatch.count, len(world.messages("bank"))) == (0, 5)
    world.end()


@both_stores
@pytest.mark.parametrize("second", [None, S.ESME_RX_P_APPN, S.ESME_RX_T_APPN, "silence", "loss"])
def test_Q08_a_late_consent_during_the_next_try(kind: str, second: Any, tmp_path: Path) -> None:
    world = LateWorld(kind, tmp_path)
    bank = world.bank()
    message_id = world.submit(world.shop, **WANTED)
    world.turn(RESPONSE + FIRST + 1)
    assert len(world.held) == 2
    world.says(0)
    assert world.query(world.shop, message_id) == M.ENROUTE
    if second == "loss":
        bank.drop()
        world.bank()
    elif second == "silence":
        world.turn(RESPONSE)
    else:
        world.says(1, second)
    world.turn(1)
    assert world.query(world.shop, message_id) == M.DELIVERED
    assert [each.stat for each in world.receipts()] == ["DELIVRD"]
    world.turn(200)
    assert len(world.messages("bank")) == 2
    assert world.centre._early == {}
    world.end()


@both_stores
def test_Q08_of_three_tries_the_first_one_may_still_be_answered(kind: str, tmp_path: Path) -> None:
    world = LateWorld(kind, tmp_path)
    world.bank()
    message_id = world.submit(world.shop)
    world.turn(RESPONSE + FIRST + RESPONSE + SECOND - 1)
    assert len(world.held) == 2
    world.says(0)
    assert world.query(world.shop, message_id) == M.DELIVERED
    world.says(1)
    world.turn(200)
    assert len(world.messages("bank")) == 2
    world.end()


@both_stores
def test_Q08_a_late_refusal_goes_by_the_table(kind: str, tmp_path: Path) -> None:
    world = LateWorld(kind, tmp_path)
    world.bank()
    ended = world.submit(world.shop, **WANTED)
    goes_on = world.submit(world.shop, **WANTED)
    world.turn(RESPONSE + 1)
    world.says(0, S.ESME_RX_P_APPN)
    world.says(1, S.ESME_RX_T_APPN)
    assert world.query(world.shop, ended) == M.UNDELIVERABLE
    assert world.query(world.shop, goes_on) == M.ENROUTE
    assert "ESME_RX_P_APPN" in world.record(ended).data["why"]
    world.turn(FIRST)
    world.says(2)
    assert world.query(world.shop, goes_on) == M.DELIVERED
    assert len(world.messages("bank")) == 3
    assert sorted(each.stat for each in world.receipts()) == ["DELIVRD", "UNDELIV"]
    world.end()


@both_stores
@pytest.mark.parametrize("status", [S.ESME_ROK, S.ESME_RINVCMDID])
def test_Q08_a_late_generic_nack_is_no_consent(kind: str, status: int, tmp_path: Path) -> None:
    world = LateWorld(kind, tmp_path)
    world.bank()
    message_id = world.submit(world.shop)
    world.turn(RESPONSE + 1)
    world.says(0, GenericNack(command_status=status))
    assert world.query(world.shop, message_id) == (M.UNDELIVERABLE if status else M.ENROUTE)
    world.turn(FIRST)
    assert len(world.messages("bank")) == (1 if status else 2)
    assert world.centre.customer("bank").sessions.delivered == 0
    world.end()


@both_stores
def test_Q08_a_late_refusal_says_nothing_of_the_next_try(kind: str, tmp_path: Path) -> None:
    world = LateWorld(kind, tmp_path)
    world.bank()
    message_id = world.submit(world.shop)
    world.turn(RESPONSE + FIRST + 1)
    world.says(0, S.ESME_RX_P_APPN)
    assert world.query(world.shop, message_id) == M.ENROUTE
    world.says(1)
    assert world.query(world.shop, message_id) == M.DELIVERED
    world.end()


@both_stores
def test_Q08_what_has_ended_stays_so(kind: str, tmp_path: Path) -> None:
    world = LateWorld(kind, tmp_path)
    world.bank()
    cancelled = world.submit(world.shop, **WANTED)
    expired = world.submit(world.shop, validity_period="000000000004000R")
    world.turn(RESPONSE + 1)
    world.ask(world.shop.esme.cancel_sm(message_id=cancelled, source_addr="100"))
    world.turn(10)
    world.says(0)
    world.says(1)
    assert world.query(world.shop, cancelled) == M.DELETED
    assert world.query(world.shop, expired) == M.EXPIRED
    assert [each.stat for each in world.receipts()] == ["DELETED"]
    world.end()


@both_stores
@pytest.mark.parametrize("answer", [None, S.ESME_RX_P_APPN])
def test_Q08_a_text_that_was_replaced_is_sent(kind: str, answer: Any, tmp_path: Path) -> None:
    world = LateWorld(kind, tmp_path)
    world.bank()
    message_id = world.submit(world.shop)
    world.turn(RESPONSE + 1)
    replaced = world.shop.esme.replace_sm(
        message_id=message_id, source_addr="100", short_message=b"new"
    )
    world.ask(replaced)
    world.says(0, answer)
    assert world.query(world.shop, message_id) == M.ENROUTE
    world.turn(FIRST)
    world.says(1)
    assert world.query(world.shop, message_id) == M.DELIVERED
    assert [each.short_message for each in world.messages("bank")] == [b"text", b"new"]
    world.end()


@both_stores
@pytest.mark.parametrize("answer", [None, S.ESME_RX_P_APPN, S.ESME_RX_T_APPN])
def test_Q08_a_receipt_that_is_taken_late_is_not_sent_again(
    kind: str, answer: Any, tmp_path: Path
) -> None:
    world = LateWorld(kind, tmp_path)
    world.shop.drop()
    world.answers["shop"] = lambda request: world.hold(request) if is_receipt(request) else None
    shop = world.bound("shop", answer_timeout=1000.0)
    world.submit(shop, "1", **WANTED)
    world.turn(RESPONSE + 1)
    with capturedLogs():
        world.says(0, answer)
    dead = world.centre.dead_letters("shop")
    world.turn(60)
    assert len(success(dead)) == (answer == S.ESME_RX_P_APPN)
    assert len(world.receipts()) == (1 if answer != S.ESME_RX_T_APPN else 3)
    world.end()


@both_stores
@pytest.mark.parametrize("answer", [None, S.ESME_RX_P_APPN])
def test_Q08_a_receipt_that_is_taken_very_late_is_no_dead_letter(
    kind: str, answer: Any, tmp_path: Path
) -> None:
    world = LateWorld(kind, tmp_path, keeping=Keeping(attempts=1))
    world.shop.drop()
    world.answers["shop"] = world.hold
    shop = world.bound("shop", answer_timeout=1000.0)
    with capturedLogs():
        world.submit(shop, "1", **WANTED)
        world.turn(RESPONSE + 1)
        for expected in (1, 0 if answer is None else 1):
            dead = world.centre.dead_letters("shop")
            world.turn()
            assert len(success(dead)) == expected
            if not world.held[0].called:
                world.says(0, answer)
    assert world.centre.customer("shop").dispatch.count == 0
    world.end()


def test_Q08_in_another_session_nobody_knows_of_it(tmp_path: Path) -> None:
    world = LateWorld("memory", tmp_path)
    first = world.bank()
    world.submit(world.shop)
    world.turn(RESPONSE + 1)
    first.drop()
    world.bank()
    world.held[0].callback(None)
    world.turn(FIRST)
    assert len(world.messages("bank")) == 2
    world.says(1)
    world.end()


def test_Q08_so_many_lines_a_minute_are_logged_of_it(tmp_path: Path) -> None:
    world = LateWorld("memory", tmp_path)
    world.bank()
    with capturedLogs() as logs:
        for number in range(0, 40, 2):
            world.submit(world.shop)
            world.turn(RESPONSE + 0.5)
            world.says(number)
            # Several in a row that are not answered in time end a session.
            world.submit(world.shop)
            world.says(number + 1)
    told = [each["log_format"] for each in logs if "log_format" in each]
    assert sum("came too late" in each for each in told) == 10
    assert len(world.messages("bank")) == world.centre.customer("bank").sessions.delivered == 40
    world.end()


def test_Q08_a_store_that_cannot_be_asked_tries_again(tmp_path: Path, logged_errors: Any) -> None:
    world = LateWorld("sqlite", tmp_path)
    world.bank()
    world.submit(world.shop)
    world.turn(RESPONSE + 1)
    world.store._connection.execute("DROP TABLE message")
    world.says(0)
    assert len(logged_errors.flush()) == 1
    world.kill()
