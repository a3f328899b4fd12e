# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Messages whose receipts do not come: the message centre is asked for them by query_sm."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from message_centre_kit import Centre, text_of
from pool_kit import PoolWorld
from twisted.internet.defer import Deferred

from twisted_smpp.errors import RequestRefused, SessionLost
from twisted_smpp.esme.message import Progress
from twisted_smpp.esme.sending import Sending
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import failure, success
from twisted_smpp.values import MessageState
from twisted_smpp.wire.pdus import QuerySM, QuerySMResp, SubmitSM

ACCEPTED, DELIVERED = Progress.ACCEPTED, Progress.DELIVERED


def answer(state: int = MessageState.DELIVERED, **fields: Any) -> Any:
    """An answer of a script."""
    return lambda request: request.answer(
        message_id=request.message_id, message_state=state, **fields
    )


def started(after: float | None = None, **settings: Any) -> Centre:
    centre = Centre(sending=Sending(query_after=after), **settings)
    centre.start()
    return centre


def queries(centre: Any) -> list[str]:
    """The ids that were asked for."""
    return [each.message_id for each in centre.submitted if isinstance(each, QuerySM)]


# By the application.


def test_an_answer_counts_like_a_receipt() -> None:
    centre = started()
    message = centre.send(source="Shop")
    final = message.final
    centre.script.append(answer(final_date="261123181230000+", error_code=7))
    asked = centre.service.query(message)
    centre.flush()

    assert success(asked) is success(final) is message
    query = centre.submitted[-1]
    assert (query.message_id, query.source_addr, query.source_addr_ton) == ("1", "Shop", 5)
    receipt = message.parts[0].receipt
    assert (message.progress, receipt.message_id, receipt.stat) == (DELIVERED, "1", "DELIVRD")
    assert (receipt.done_date, receipt.err) == (datetime(2026, 11, 23, 18, 12, 30), "007")
    assert receipt.message_state is MessageState.DELIVERED
    centre.stops()


@pytest.mark.parametrize("date", ["", "x" * 16, "999999999999000+"])
def test_a_date_that_is_none_does_no_harm(date: str) -> None:
    centre = started()
    message = centre.send()
    centre.script.append(QuerySMResp(message_id="1", message_state=5, final_date=date))
    centre.service.query(message)
    centre.flush()
    assert message.progress is Progress.UNDELIVERABLE
    assert message.parts[0].receipt.done_date is None
    centre.stops()


def test_each_part_is_asked_for() -> None:
    centre = started()
    message = centre.send(text=text_of(3))
    centre.script.extend([answer(), answer(MessageState.ENROUTE), answer()])
    asked = centre.service.query(message)
    centre.flush()
    assert success(asked) is message
    assert queries(centre) == ["1", "2", "3"]
    assert [part.progress for part in message.parts] == [DELIVERED, ACCEPTED, DELIVERED]
    assert message.parts[1].receipt.stat == "ENROUTE"
    assert not message.progress.final
    centre.stops()


def test_R06_what_is_final_stays_so_and_the_answer_is_kept() -> None:
    centre = started()
    message = centre.send(receipt=False)
    assert message.progress is Progress.SENT
    centre.script.append(answer(MessageState.EXPIRED))
    centre.service.query(message)
    centre.flush()
    assert message.progress is Progress.SENT
    assert message.parts[0].late.stat == "EXPIRED"
    centre.stops()


def test_a_refusal_is_told_and_changes_nothing() -> None:
    centre = started()
    message = centre.send()
    centre.script.append(S.ESME_RQUERYFAIL)
    asked = centre.service.query(message)
    centre.flush()
    error = failure(asked)
    assert isinstance(error, RequestRefused)
    assert error.command_status == S.ESME_RQUERYFAIL
    assert message.progress is ACCEPTED
    centre.stops()


def test_D16_a_message_without_an_id_cannot_be_asked_for() -> None:
    centre = started()
    centre.script.append(Deferred())
    message = centre.send()
    assert success(centre.service.query(message)) is message
    assert queries(centre) == []
    centre.stops_by_force()


def test_nobody_is_asked_while_nobody_is_bound() -> None:
    centre = started()
    message = centre.send()
    centre.drops()
    error = failure(centre.service.query(message))
    assert isinstance(error, SessionLost)
    assert not error.sent
    centre.stops()


def test_a_pool_asks_on_any_link_that_sends() -> None:
    world = PoolWorld({"receiver": 1, "transmitter": 1})
    world.start()
    message = world.send()
    world.scripts[1].append(answer())
    asked = world.pool.query(message)
    world.flush()
    assert success(asked) is message
    assert message.progress is DELIVERED
    assert isinstance(world.submitted[-1][1], QuerySM)
    world.stops()


# By itself.


def test_R03_after_a_time_without_a_receipt_it_is_asked() -> None:
    centre = started(after=3600.0)
    first, second = centre.send(), centre.send()
    centre.says("1")
    centre.passes(3570)
    assert queries(centre) == []
    centre.script.append(answer())
    centre.passes(60)
    assert queries(centre) == ["2"]
    assert [first.progress, second.progress] == [DELIVERED, DELIVERED]
    centre.stops()


def test_what_is_not_final_is_asked_for_again_when_it_has_waited_twice_as_long() -> None:
    centre = started(after=60.0)
    message = centre.send()
    centre.script.extend([answer(MessageState.ENROUTE), S.ESME_RQUERYFAIL, answer()])
    asked = []
    for seconds in range(0, 600, 30):
        before = len(queries(centre))
        centre.passes(30)
        if len(queries(centre)) > before:
            asked.append(seconds + 30)
    assert asked == [60, 120, 240]
    assert message.progress is DELIVERED
    centre.stops()


def test_it_is_asked_after_the_next_bind() -> None:
    centre = started(after=60.0)
    message = centre.send()
    centre.drops()
    centre.clock.advance(90)
    assert queries(centre) == []
    centre.rebinds()
    centre.script.append(answer())
    centre.passes(30)
    assert message.progress is DELIVERED
    centre.stops()


def test_a_message_centre_without_query_sm_is_asked_once() -> None:
    centre = started(after=60.0)
    messages = [centre.send() for _ in range(3)]
    centre.script.append(S.ESME_RINVCMDID)
    centre.passes(600)
    assert queries(centre) == ["1"]
    assert {message.progress for message in messages} == {ACCEPTED}
    centre.stops()


def test_S08_a_message_centre_that_does_not_answer_is_asked_once() -> None:
    centre = started(after=60.0)
    for _ in range(3):
        centre.send()
    centre.script.append(Deferred())
    centre.passes(600)
    assert queries(centre) == ["1"]
    assert centre.service.session is not None
    centre.stops_by_force()


def test_a_link_that_breaks_meanwhile_loses_no_turn() -> None:
    centre = started(after=60.0)
    messages = [centre.send() for _ in range(2)]
    centre.script.append(Deferred())
    centre.passes(60)
    assert queries(centre) == ["1"]
    centre.drops()
    centre.rebinds()
    centre.script.extend([answer(), answer()])
    centre.passes(60)
    assert queries(centre) == ["1", "1", "2"]
    assert [message.progress for message in messages] == [DELIVERED] * 2
    centre.stops()


def test_without_it_nothing_is_asked() -> None:
    centre = started()
    centre.send()
    centre.passes(7200)
    assert all(isinstance(each, SubmitSM) for each in centre.submitted)
    centre.stops()


def test_a_pool_asks_once_for_all_its_links() -> None:
    world = PoolWorld(2, sending=Sending(query_after=60.0))
    world.start()
    message = world.send()
    for script in world.scripts:
        script.append(answer())
    for _ in range(4):
        world.passes(30)
    assert message.progress is DELIVERED
    assert sum(isinstance(request, QuerySM) for _, request in world.submitted) == 1
    world.stops()


def test_a_time_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="query_after: 0, more than 0 is needed"):
        Sending(query_after=0)
