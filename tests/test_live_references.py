"""What is alive is held by whoever it lives in, not by who asked for it (O15)."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any
from weakref import ref

from centre_kit import World, to_account
from centre_kit import routes as routes_of
from message_centre_kit import Centre
from twisted.internet.defer import Deferred

from twisted_smpp.testing import connect


def test_o15_a_request_that_nobody_keeps_is_answered() -> None:
    pair = connect(on_request=lambda session, request: request.answer(message_id="1"))
    pair.bind()
    told: list[Any] = []
    asked = pair.esme.submit_sm(destination_addr="49")
    asked.addCallback(lambda response: told.append(response.message_id))
    weak = ref(asked)
    del asked
    gc.collect()
    assert weak() is not None
    pair.flush()
    assert told == ["1"]
    gc.collect()
    assert weak() is None  # and it is not held for longer


def test_o15_a_message_that_nobody_keeps_gets_its_receipt() -> None:
    centre = Centre()
    centre.start()
    told: list[str] = []
    message = centre.send()
    message.final.addCallback(lambda done: told.append(done.progress.name))
    weak = ref(message)
    del message
    centre.passes(1)
    gc.collect()
    assert weak() is not None
    centre.says("1")
    assert told == ["DELIVERED"]
    centre.stops()


def test_o15_sessions_of_a_message_centre_stay(tmp_path: Path) -> None:
    world = World("memory", tmp_path, routes=routes_of(p49=to_account("bank")))
    shop = world.bound()
    answer: Deferred[Any] = Deferred()
    world.answers["bank"] = lambda request: answer
    world.bound("bank")
    (bank,) = world.centre.customer("bank").sessions.sessions
    weak = ref(bank)
    del bank
    world.submit(shop, "49", registered_delivery=1)
    gc.collect()
    assert weak() is not None
    assert world.receipts() == []
    answer.callback(None)
    world.turn()
    assert [each.stat for each in world.receipts()] == ["DELIVRD"]
    world.end()
    world.pairs.clear()
