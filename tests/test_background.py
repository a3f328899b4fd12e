"""What runs in the background goes on after an error in it, and the error is told (O14)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from centre_kit import World, to_account
from centre_kit import routes as routes_of
from message_centre_kit import Centre, Outbox, numbers
from pool_kit import started

from twisted_smpp.errors import StoreFailed
from twisted_smpp.session import Session
from twisted_smpp.smsc.paging import Pager
from twisted_smpp.testing import connect, success


class Raises:
    """Raises so often, and is then what it replaces."""

    def __init__(self, instead_of: Any, times: int = 1) -> None:
        self.instead_of, self.times = instead_of, times

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.times -= 1
        if self.times >= 0:
            raise ZeroDivisionError
        return self.instead_of(*args, **kwargs)


# Of both roles.


def test_o14_a_heartbeat_that_fails_ends_its_session(
    logged_errors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = connect()
    monkeypatch.setattr(Session, "tick", Raises(Session.tick))
    pair.advance(60)
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    assert pair.esme.state.name == pair.smsc.state.name == "CLOSED"


def test_o14_a_writer_that_fails_ends_the_promises(tmp_path: Path, logged_errors: Any) -> None:
    world = World("sqlite", tmp_path)
    shop = world.bound()
    failed = world.store.when_failed()
    world.store._transaction = Raises(None)
    refused = shop.esme.submit_sm(destination_addr="49", short_message=b"x")
    refused.addErrback(lambda failure: failure.value.command_status)
    assert world.ask(refused) == 0x08
    assert isinstance(success(failed), StoreFailed)
    logged_errors.flush()
    world.kill()


# The message centre.


def test_o14_the_sweep_looks_again(tmp_path: Path, logged_errors: Any) -> None:
    world = World("memory", tmp_path, routes=routes_of(p49=to_account("bank")))
    shop = world.bound()
    message_id = world.submit(shop, "49", validity_period="000000000010000R")
    world.store.expired = Raises(world.store.expired)
    world.turn(11 * 60)
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    assert world.query(shop, message_id) == 3
    world.end()


def test_o14_one_that_cannot_be_ended_holds_up_no_other(tmp_path: Path, logged_errors: Any) -> None:
    world = World("memory", tmp_path, routes=routes_of(p49=to_account("bank")))
    shop = world.bound()
    first, second = (world.submit(shop, "49", validity_period="000000000010000R") for _ in range(2))
    poison = world.record(first).number
    expire = world.centre._sweep._expire

    def expire_others(record: Any) -> bool:
        if record.number == poison:
            raise ZeroDivisionError
        return expire(record)

    world.centre._sweep._expire = expire_others
    world.turn(11 * 60)
    assert logged_errors.flush(ZeroDivisionError)
    assert world.query(shop, second) == 3
    world.end()


def test_o14_a_queue_goes_on(tmp_path: Path, logged_errors: Any) -> None:
    world = World("memory", tmp_path, routes=routes_of(p49=to_account("bank")))
    shop = world.bound()
    world.bound("bank")
    sessions = world.centre.customer("bank").sessions
    sessions.has_room = Raises(sessions.has_room)  # type: ignore[method-assign]
    world.submit(shop, "49")
    assert world.messages("bank") == []
    world.turn(6)
    assert len(world.messages("bank")) == 1
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    world.end()


def test_o14_what_expires_in_a_queue_holds_up_no_other(tmp_path: Path, logged_errors: Any) -> None:
    world = World("memory", tmp_path, routes=routes_of(p49=to_account("bank")))
    shop = world.bound()
    world.submit(shop, "49", validity_period="000000000001000R")
    world.submit(shop, "49", short_message=b"second")
    dispatch = world.centre.customer("bank").dispatch
    dispatch._expire = Raises(dispatch._expire)
    world.centre._sweep.stop()
    world.turn(120)
    world.bound("bank")
    world.turn()
    assert [each.short_message for each in world.messages("bank")] == [b"second"]
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    world.turn(6)
    assert dispatch.idle
    world.end()


def test_o14_a_page_that_fails_is_told_and_holds_up_nobody(tmp_path: Path) -> None:
    class Broken:
        connect = Raises(None, 2)

    world = World("memory", tmp_path, routes=routes_of(p49=to_account("bank")))
    pager = world.centre.pager = Pager(
        world.service.factory, {"bank": Broken()}, system_id="me", clock=world.clock
    )
    shop = world.bound()
    for _ in range(2):
        world.submit(shop, "49")
    assert world.centre.customer("bank").dispatch.count == 2
    world.turn(61)  # its turn has come once more
    assert Broken.connect.times == 0
    assert pager._connecting == {}
    assert set(pager._calls) == {"bank"}  # it is still asleep
    world.bound("bank")
    world.turn(61)
    assert pager._calls == {}
    world.end()


# The ESME.


def test_o14_the_timer_of_the_sender_goes_on(logged_errors: Any) -> None:
    outbox = Outbox()
    session = outbox.binds()
    outbox.send()
    session.refuses(0, 0x08)  # it is sent again some seconds later
    sender = outbox.sender
    sender._may_send = Raises(sender._may_send)  # type: ignore[method-assign]
    outbox.clock.pump([1] * 120)
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    assert numbers(session) == ["1", "1"]


def test_o14_a_part_that_cannot_be_made_ends_and_others_go_on(logged_errors: Any) -> None:
    outbox = Outbox(window=1)
    session = outbox.binds()
    first, second, third = (outbox.send() for _ in range(3))
    sender = outbox.sender
    sender._transmit = Raises(sender._transmit)  # type: ignore[method-assign]
    session.accepts(0, "a")
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    assert (second.progress.name, third.progress.name) == ("LOST", "SENDING")
    assert first.progress.name == "ACCEPTED"


def test_o14_the_sweep_of_an_esme_goes_on(logged_errors: Any) -> None:
    centre = Centre()
    centre.start()
    service = centre.service
    message = centre.send()
    service.confirming.expire = Raises(service.confirming.expire)
    centre.passes(8 * 24 * 3600)
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    assert service.confirming.idle
    assert message.progress.final
    centre.stops()


def test_o14_the_sweep_and_the_timer_of_a_pool_go_on(logged_errors: Any) -> None:
    world = started()
    world.send()
    pool = world.pool
    pool.confirming.expire = Raises(pool.confirming.expire)
    feed = pool._feed = Raises(pool._feed)
    pool._due()
    assert feed.times == 0
    world.passes(1)
    assert feed.times < 0
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    world.passes(8 * 24 * 3600)
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    assert pool.confirming.idle
    world.stops()
