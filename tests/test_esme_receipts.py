# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Receipts through the service: matched, early, late, for nobody."""

from __future__ import annotations

from typing import Any

from message_centre_kit import Centre, receipt_of
from twisted.internet.defer import Deferred

from twisted_smpp.esme import ESMEService
from twisted_smpp.esme.confirming import Confirming
from twisted_smpp.esme.message import Progress
from twisted_smpp.esme.sending import Sending
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import success
from twisted_smpp.values import MessageState

QUEUED, SENDING, UNKNOWN, HELD, ACCEPTED = list(Progress)[:5]
DELIVERED = Progress.DELIVERED


def started(**settings: Any) -> Centre:
    centre = Centre(**settings)
    centre.start()
    return centre


# Receipts.


def test_6_R03_a_receipt_may_overtake_the_response() -> None:
    centre = started()
    answer: Deferred[Any] = Deferred()
    centre.script.append(answer)
    message = centre.send()
    assert success(centre.says("7b")).command_status == 0
    assert message.progress is SENDING
    answer.callback(centre.submitted[0].answer(message_id="7B"))
    centre.flush()
    assert message.progress is DELIVERED
    centre.stops()


def test_R03_a_receipt_may_come_on_the_next_bind() -> None:
    """The response was lost with the link; the receipt finds its message by the second id."""
    centre = started()
    centre.script.append(Deferred())
    message = centre.send()
    centre.drops()
    centre.rebinds()
    assert message.message_ids == ("1",)
    centre.says("the-first")
    assert message.progress is ACCEPTED
    centre.says("1")
    assert message.progress is DELIVERED
    assert centre.service.confirming.parked == 1
    centre.stops()


def test_R04_a_transmitter_and_a_receiver_may_share_what_they_know() -> None:
    confirming = Confirming()
    sends = started(bind="transmitter", confirming=confirming)
    hears = started(bind="receiver", confirming=confirming)
    assert sends.service.confirming is confirming
    message = sends.send()
    hears.says("1")
    assert message.progress is DELIVERED
    waits = hears.send()
    hears.passes(10)
    assert waits.progress is QUEUED
    assert hears.submitted == []
    assert hears.service.sender._link is None  # it is not even tried
    sends.stops()
    hears.stops()


def test_S16_the_answer_of_on_receipt_counts(logged_errors: Any) -> None:
    got: list[Any] = []
    answers: list[Any] = [ZeroDivisionError, S.ESME_RX_P_APPN, None]

    def on_receipt(receipt: Any, pdu: Any) -> Any:
        got.append((receipt, pdu))
        answer = answers.pop(0)
        if answer is ZeroDivisionError:
            raise answer
        return answer

    centre = started(on_receipt=on_receipt)
    message = centre.send()
    statuses = []
    for _ in range(3):
        response = centre.says("1")
        response.addErrback(lambda failure: failure.value)
        statuses.append(success(response).command_status)
    assert statuses == [S.ESME_RX_T_APPN, S.ESME_RX_P_APPN, 0]
    assert [receipt for receipt, _ in got] == [receipt_of("1")] * 3
    assert got[0][1].source_addr == "49"
    assert message.progress is DELIVERED
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    centre.stops()


def test_on_receipt_sees_a_message_that_knows_already() -> None:
    seen: list[Any] = []
    centre = started(on_receipt=lambda receipt, pdu: seen.append(message.progress))
    message = centre.send()
    centre.says("1", MessageState.UNDELIVERABLE)
    assert seen == [Progress.UNDELIVERABLE]
    centre.stops()


def test_R10_receipts_for_nobody_are_accepted_and_do_not_stay() -> None:
    centre = started(confirming=Confirming(parked_seconds=100.0))
    for number in range(50):
        assert success(centre.says(f"x{number}")).command_status == 0
    assert centre.service.confirming.parked == 50
    centre.passes(150)
    assert centre.service.confirming.parked == 0
    assert centre.service.confirming.dropped == 50
    centre.stops()


def test_Q13_nothing_is_left_of_10000_messages() -> None:
    centre = started(window=100, sending=Sending(most_waiting=20_000))
    messages = [centre.service.send("+491761234567", "Hi") for _ in range(10_000)]
    centre.flush()
    for number in range(1, 10_001):
        fields = receipt_of(f"{number:x}").fields_of_pdu()
        centre.session.deliver_sm(**fields)
        if not number % 100:
            centre.flush()
    assert {message.progress for message in messages} == {DELIVERED}
    service: ESMEService = centre.service
    assert service.session is not None
    assert service.session.session.in_flight == 0
    centre.passes(631)
    assert service.sender.idle
    assert service.confirming.idle
    assert len(service.confirming.ids) == 0
    centre.stops()
