# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What applications answer: at once or later, in any order, wrongly or never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pairs import PENDING, Held, bound_pair, ignore, outcome, submit
from sessions import bind_of, message, octets_of, pdus
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs

from twisted_smpp.answering import Accepted
from twisted_smpp.errors import RequestRefused
from twisted_smpp.events import Timers
from twisted_smpp.factory import refuse
from twisted_smpp.states import Role
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import connect, failure, success
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdus import (
    AlertNotification,
    BindTransceiverResp,
    DataSMResp,
    DeliverSMResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    SubmitSMResp,
)

V3_4 = InterfaceVersion.V3_4


class AwaitMe:
    """An awaitable that is no coroutine."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Any:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value
        yield


async def coroutine(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


def at_once(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


def fired(value: Any) -> Deferred[Any]:
    return fail(value) if isinstance(value, Exception) else succeed(value)


WAYS = {"at once": at_once, "Deferred": fired, "coroutine": coroutine, "awaitable": AwaitMe}
each_way = pytest.mark.parametrize("way", list(WAYS.values()), ids=list(WAYS))


def answer_of(value: Callable[[Any], Any], way: Callable[[Any], Any]) -> Any:
    """What the peer gets when an application answers ``value(request)`` in that way."""
    pair = bound_pair(on_request=lambda session, request: way(value(request)))
    response = submit(pair)
    pair.flush()
    assert pair.esme.bound
    assert pair.smsc.bound
    assert pair.esme.session.in_flight == 0
    result = outcome(response)
    response.addErrback(ignore)
    pair.drop()
    return result


@each_way
def test_a_response_is_sent_as_it_is(way: Any) -> None:
    result = answer_of(lambda request: SubmitSMResp(message_id="id"), way)
    assert result == SubmitSMResp(message_id="id", sequence_number=2)


@each_way
@pytest.mark.parametrize("message_id", ["", "id", "x" * 64])
def test_a_message_id_is_the_response_that_has_it(way: Any, message_id: str) -> None:
    result = answer_of(lambda request: Accepted(message_id), way)
    assert result == SubmitSMResp(message_id=message_id, sequence_number=2)


@each_way
@pytest.mark.parametrize("message_id", ["x" * 65, "a\0b", "\N{EURO SIGN}"], ids=repr)
def test_a_message_id_that_cannot_be_sent_is_logged(
    way: Any, message_id: str, logged_errors: Any
) -> None:
    result = answer_of(lambda request: Accepted(message_id), way)
    assert result.command_status == S.ESME_RSYSERR
    (event,) = logged_errors.flush()
    assert "message_id" in event["error"]


def test_a_message_id_is_no_answer_to_what_has_none(logged_errors: Any) -> None:
    pair = bound_pair(on_request=lambda session, request: Accepted("id"))
    response = pair.esme.cancel_sm(message_id="1", source_addr="1", destination_addr="2")
    pair.flush()
    assert failure(response).command_status == S.ESME_RSYSERR
    assert "cancel_sm_resp has no message_id" in str(
        logged_errors.flush(TypeError)[0]["log_failure"].value
    )


def test_before_3_4_a_message_id_has_eight_digits() -> None:
    pair = bound_pair(
        on_request=lambda session, request: Accepted("12345678"),
        esme={"interface_version": InterfaceVersion.V3_3, "bind": "transmitter"},
    )
    response = submit(pair)
    pair.flush()
    assert success(response).message_id == "12345678"


@each_way
def test_none_is_consent(way: Any) -> None:
    assert answer_of(lambda request: None, way) == SubmitSMResp(sequence_number=2)


@each_way
@pytest.mark.parametrize("status", [S.ESME_ROK, 0x0B, S.ESME_RINVDSTADR, 0x0400, 0xFFFFFFFF])
def test_a_number_is_the_status(way: Any, status: int) -> None:
    result = answer_of(lambda request: status, way)
    if status:
        assert isinstance(result, RequestRefused)
        assert result.command_status == status
    else:
        assert result == SubmitSMResp(sequence_number=2)


@each_way
def test_raising_a_refusal_chooses_the_status(way: Any) -> None:
    result = answer_of(lambda request: RequestRefused(S.ESME_RINVDSTADR), way)
    assert result.command_status == S.ESME_RINVDSTADR


@each_way
def test_S16_any_other_exception_is_logged_and_answered(way: Any, logged_errors: Any) -> None:
    result = answer_of(lambda request: ZeroDivisionError("bug"), way)
    assert result.command_status == S.ESME_RSYSERR
    (event,) = logged_errors.flush(ZeroDivisionError)
    assert event["command"] == "submit_sm"
    assert event["peer"] == "192.0.2.1:2775"


@each_way
def test_S16_a_delivery_that_fails_is_to_be_tried_again(way: Any, logged_errors: Any) -> None:
    pair = bound_pair(on_deliver=lambda session, request: way(ZeroDivisionError("bug")))
    for response in (pair.smsc.deliver_sm(), pair.smsc.data_sm()):
        pair.flush()
        assert failure(response).command_status == S.ESME_RX_T_APPN
    assert len(logged_errors.flush(ZeroDivisionError)) == 2
    assert pair.esme.bound


@each_way
@pytest.mark.parametrize(
    "wrong", ["ok", b"ok", [0], {"status": 0}, 1.5, {1}, True, False], ids=repr
)
def test_S16_what_is_no_answer_is_logged_and_answered(
    way: Any, wrong: Any, logged_errors: Any
) -> None:
    result = answer_of(lambda request: wrong, way)
    assert result.command_status == S.ESME_RSYSERR
    (event,) = logged_errors.flush(TypeError)
    name = str(wrong) if isinstance(wrong, bool) else type(wrong).__name__
    assert name in str(event["log_failure"].value)


@each_way
@pytest.mark.parametrize("wrong", [DeliverSMResp, DataSMResp, EnquireLinkResp])
def test_S16_a_response_of_another_command_is_no_answer(
    way: Any, wrong: Any, logged_errors: Any
) -> None:
    result = answer_of(lambda request: wrong(), way)
    assert result.command_status == S.ESME_RSYSERR
    (event,) = logged_errors.flush(TypeError)
    assert "does not answer submit_sm" in str(event["log_failure"].value)


@each_way
def test_S16_an_answer_that_cannot_be_sent_is_logged_and_answered(
    way: Any, logged_errors: Any
) -> None:
    for wrong in (SubmitSMResp(message_id="x" * 65), -1, 1 << 32):
        result = answer_of(lambda request, wrong=wrong: wrong, way)
        assert result.command_status == S.ESME_RSYSERR
        (event,) = logged_errors.flush()
        assert event["command"] == "submit_sm"
        assert "cannot be sent" in event["log_format"]


def test_S16_an_answer_of_an_esme_that_cannot_be_sent_is_to_be_tried_again(
    logged_errors: Any,
) -> None:
    pair = bound_pair(on_deliver=lambda s, r: DeliverSMResp(message_id="x" * 65))
    response = pair.smsc.deliver_sm()
    pair.flush()
    assert failure(response).command_status == S.ESME_RX_T_APPN
    logged_errors.flush()


def test_an_application_may_answer_with_generic_nack() -> None:
    result = answer_of(lambda request: GenericNack(command_status=S.ESME_RINVCMDID), at_once)
    assert result.command_status == S.ESME_RINVCMDID


def test_no_application_refuses_so_that_nothing_is_lost() -> None:
    pair = bound_pair(on_request=refuse, on_deliver=refuse)
    submitted, delivered = submit(pair), pair.smsc.deliver_sm()
    pair.flush()
    assert failure(submitted).command_status == S.ESME_RSYSERR
    assert failure(delivered).command_status == S.ESME_RX_T_APPN


def test_what_has_no_response_gets_none() -> None:
    seen: list[Any] = []

    def application(session: Any, request: Any) -> Any:
        seen.append(request)
        return (None, S.ESME_RSYSERR, DeliverSMResp(), succeed(5))[len(seen) - 1]

    pair = bound_pair(on_deliver=application)
    writes = pair.esme_transport.writes
    for _ in range(4):
        pair.smsc.alert_notification()
        pair.flush()
    assert [type(request) for request in seen] == [AlertNotification] * 4
    assert pair.esme_transport.writes == writes


# Later.


def test_answers_leave_in_the_order_in_which_they_come() -> None:
    held = Held()
    pair = bound_pair(on_request=held)
    for n in range(4):
        submit(pair, b"%d" % n).addErrback(ignore)
    pair.flush()
    for n in (2, 0, 3, 1):
        held.asked[n][1].callback(n)
    numbers = [pdu.sequence_number for pdu in pdus(pair.smsc_transport.written)]
    assert numbers == [4, 2, 5, 3]
    pair.flush()


def test_an_answer_at_once_does_not_wait_for_one_that_is_due_earlier() -> None:
    later: Deferred[Any] = Deferred()
    answers = iter([later, None])
    pair = bound_pair(on_request=lambda s, r: next(answers))
    first, second = submit(pair), submit(pair)
    pair.flush()
    assert outcome(first) == PENDING
    success(second)
    later.callback(None)
    pair.flush()
    success(first)


def test_a_coroutine_may_wait() -> None:
    pair = connect()

    async def application(session: Any, request: Any) -> Any:
        await deferLater(pair.clock, 3, lambda: None)
        return request.answer(message_id="waited")

    pair.smsc.factory.on_request = application
    pair.smsc._on_request = application
    pair.bind()
    response = submit(pair)
    pair.advance(2.9)
    assert outcome(response) == PENDING
    pair.advance(0.2)
    assert success(response).message_id == "waited"


def test_the_link_is_served_while_the_application_works() -> None:
    held = Held()
    pair = bound_pair(on_request=held)
    responses = [submit(pair) for _ in range(10)]
    enquiry = pair.esme.enquire_link()
    pair.flush()
    assert isinstance(success(enquiry), EnquireLinkResp)
    assert len(held.asked) == 10
    assert [outcome(response) for response in responses] == [PENDING] * 10
    for _, deferred in held.asked:
        deferred.callback(None)
    pair.flush()


def test_S16_one_that_never_answers_has_its_time(logged_errors: Any) -> None:
    held = Held()
    pair = bound_pair(on_request=held, on_deliver=held)
    submitted = submit(pair)
    pair.advance(1)
    delivered = pair.smsc.deliver_sm()
    pair.advance(8.9)
    assert outcome(submitted) == PENDING
    pair.advance(0.2)
    assert failure(submitted).command_status == S.ESME_RSYSERR
    assert outcome(delivered) == PENDING
    pair.advance(1)
    assert failure(delivered).command_status == S.ESME_RX_T_APPN
    assert len(logged_errors.flush(TimeoutError)) == 2
    assert pair.esme.bound


def test_S16_its_time_is_up_to_the_second(logged_errors: Any) -> None:
    timers = Timers(enquire_interval=None)
    pair = bound_pair(
        on_request=Held(), smsc={"timers": timers, "answer_timeout": 3}, esme={"timers": timers}
    )
    pair.clock.advance(100)  # no other deadline is near
    response = submit(pair)
    pair.flush()
    pair.clock.advance(2.9)
    assert pair.smsc_transport.written == b""
    pair.clock.advance(0.2)
    pair.flush()
    assert failure(response).command_status == S.ESME_RSYSERR
    logged_errors.flush(TimeoutError)


@pytest.mark.parametrize("how", ["answer", "failure"])
def test_S16_an_answer_after_its_time_is_dropped(how: str, logged_errors: Any) -> None:
    held = Held()
    pair = bound_pair(on_request=held)
    response = submit(pair)
    pair.advance(10.1)
    assert failure(response).command_status == S.ESME_RSYSERR
    logged_errors.flush(TimeoutError)
    writes = pair.smsc_transport.writes
    with capturedLogs() as logs:
        if how == "answer":
            held.asked[0][1].callback(SubmitSMResp(message_id="late"))
        else:
            held.asked[0][1].errback(ZeroDivisionError())
            logged_errors.flush(ZeroDivisionError)
    assert any("came too late" in event["log_format"] for event in logs)
    assert pair.smsc_transport.writes == writes


@pytest.mark.parametrize("how", ["answer", "failure"])
def test_an_answer_after_the_end_is_dropped(how: str, logged_errors: Any) -> None:
    held = Held()
    pair = bound_pair(on_request=held)
    submit(pair).addErrback(ignore)
    pair.flush()
    pair.drop()
    if how == "answer":
        held.asked[0][1].callback(SubmitSMResp(message_id="late"))
    else:
        held.asked[0][1].errback(ZeroDivisionError())
        logged_errors.flush(ZeroDivisionError)
    assert pair.clock.getDelayedCalls() == []


def test_S05_so_many_may_be_unanswered_then_the_peer_is_not_read() -> None:
    held = Held()
    pair = bound_pair(on_request=held, esme={"window": 100}, smsc={"max_unanswered": 5})
    responses = [submit(pair, b"%d" % n) for n in range(12)]
    pair.flush()
    assert len(held.asked) == 5
    assert not pair.smsc_transport.reading
    held.asked[1][1].callback(None)
    assert pair.smsc_transport.reading is False
    assert len(held.asked) == 6
    for n in range(12):
        if n != 1:
            held.asked[n][1].callback(None)
            pair.flush()
    assert pair.smsc_transport.reading
    assert [request.short_message for request, _ in held.asked] == [b"%d" % n for n in range(12)]
    for response in responses:
        success(response)


def test_S05_the_default_is_100() -> None:
    held = Held()
    pair = bound_pair(on_request=held, esme={"window": 200})
    for _ in range(150):
        submit(pair).addErrback(ignore)
    pair.flush()
    assert len(held.asked) == 100
    pair.drop()


# Binds.


def test_what_follows_a_bind_waits_until_it_is_answered() -> None:
    held, asked = Held(), []
    pair = connect(
        on_bind=held, on_request=lambda s, r: asked.append(r), esme={"on_refused": ignore}
    )
    pair.flush()
    assert not pair.smsc_transport.reading
    pair.esme_transport.write(message(Role.ESME, number=9).encode())
    pair.flush()
    assert not asked
    held.asked[0][1].callback(None)
    pair.flush()
    assert pair.smsc_transport.reading
    assert pair.smsc.bound
    assert [request.sequence_number for request in asked] == [9]


@pytest.mark.parametrize("one_read", [True, False])
def test_A06_more_than_a_bind_before_its_answer_is_cut(one_read: bool) -> None:
    held, lost = Held(), []
    pair = connect(
        on_bind=held,
        esme={"on_refused": ignore},
        smsc={"on_lost": lambda session, why: lost.append(why)},
    )
    bind = pair.esme_transport.taken(1000)
    behind = message(Role.ESME, number=9).encode() * 106
    assert 4096 < len(behind) < 4200
    if one_read:
        pair.smsc.dataReceived(bind + behind)
    else:
        pair.smsc.dataReceived(bind)
        pair.smsc.dataReceived(behind[:2000])
        assert not pair.smsc_transport.disconnecting
        pair.smsc.dataReceived(behind[2000:])
    pair.clock.advance(0)
    assert lost == ["more than a bind before the bind was answered"]
    assert pair.smsc_transport.writes == 0


def test_A06_a_little_behind_the_bind_is_kept() -> None:
    held, asked = Held(), []
    pair = connect(on_bind=held, on_request=lambda s, r: asked.append(r))
    behind = message(Role.ESME, number=9).encode() * 100
    pair.esme_transport.write(behind)
    pair.flush()
    assert not pair.smsc_transport.disconnecting
    held.asked[0][1].callback(None)
    pair.flush()
    assert len(asked) == 100


def test_a_bind_that_is_answered_at_once_pauses_nothing() -> None:
    asked: list[Any] = []
    pair = connect(on_request=lambda s, r: asked.append(r))
    stream = octets_of(bind_of(V3_4), message(Role.ESME, number=2), EnquireLink(sequence_number=3))
    pair.esme_transport.written = b""
    pair.smsc.dataReceived(stream)
    assert len(asked) == 1
    kinds = [type(pdu) for pdu in pdus(pair.smsc_transport.written)]
    assert kinds == [BindTransceiverResp, SubmitSMResp, EnquireLinkResp]
    assert pair.smsc_transport.writes == 1
    pair.esme.factory.on_refused = ignore
    pair.drop()


@each_way
@pytest.mark.parametrize(
    ("value", "status"), [(None, 0), (S.ESME_RINVPASWD, 0x0E), (ZeroDivisionError(), 0x08)]
)
def test_a_bind_may_be_answered_in_each_way(
    way: Any, value: Any, status: int, logged_errors: Any
) -> None:
    told: list[Any] = []
    pair = connect(
        on_bind=lambda session, request: way(value),
        esme={"on_refused": lambda session, error: told.append(error.command_status)},
        smsc={"on_bound": lambda session: told.append(0)},
    )
    pair.flush()
    assert told == [status]
    assert pair.smsc.bound is not bool(status)
    assert len(logged_errors.flush(ZeroDivisionError)) == (status == 0x08)


def test_S16_a_bind_that_the_application_never_answers(logged_errors: Any) -> None:
    refused: list[Any] = []
    pair = connect(on_bind=Held(), esme={"on_refused": lambda s, error: refused.append(error)})
    pair.esme.session.timers = pair.esme.session.timers._replace(bind=60)
    pair.advance(10.1)
    assert [error.command_status for error in refused] == [S.ESME_RSYSERR]
    logged_errors.flush(TimeoutError)
    assert pair.smsc_transport.lost


def test_the_application_may_end_the_session_while_it_answers() -> None:
    for end in ("unbind", "abort"):
        pair = bound_pair(on_request=lambda s, r, end=end: getattr(s, end)() and None)
        response = submit(pair)
        pair.flush()
        pair.advance(1)
        if end == "unbind":
            success(response)
        else:
            failure(response)
        assert pair.smsc_transport.lost


def test_Q03_two_requests_of_one_number_are_both_answered() -> None:
    held = Held()
    pair = bound_pair(on_request=held)
    pair.esme_transport.write(message(Role.ESME, b"1", 9).encode() * 2)
    pair.flush()
    held.asked[1][1].callback(SubmitSMResp(message_id="two"))
    held.asked[0][1].callback(SubmitSMResp(message_id="one"))
    answers: list[Any] = pdus(pair.smsc_transport.written)
    assert [(pdu.sequence_number, pdu.message_id) for pdu in answers] == [(9, "two"), (9, "one")]
    pair.flush()
    assert pair.smsc.bound
