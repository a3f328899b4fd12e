# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Requests and their Deferreds, and the window: on a clock, in memory."""

from __future__ import annotations

from typing import Any

import pytest
from pairs import PENDING, Held, bound_pair, ignore, outcome, silent, submit
from sessions import V3_4, bind_of, frames, message, pdus
from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from wire_data import frame
from zope.interface import implementer

from twisted_smpp.errors import (
    BindRefused,
    FieldError,
    Nacked,
    NotPermitted,
    PDUError,
    RequestRefused,
    ResponseTimeout,
    SessionLost,
    Throttled,
    WindowFull,
)
from twisted_smpp.events import LateResponse, Timers
from twisted_smpp.factory import SMSCFactory
from twisted_smpp.states import Role
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import MemoryTransport, connect, failure, success
from twisted_smpp.wire.pdus import (
    DataSMResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    SubmitSM,
    SubmitSMResp,
)

# Outcomes of a request.


def test_a_request_fires_with_its_response() -> None:
    pair = bound_pair(on_request=lambda s, r: r.answer(message_id="id-1"))
    response = submit(pair)
    pair.flush()
    assert success(response) == SubmitSMResp(message_id="id-1", sequence_number=2)
    assert pair.esme.session.in_flight == 0


def test_responses_in_any_order_find_their_requests() -> None:
    held = Held()
    pair = bound_pair(on_request=held)
    responses = [submit(pair, b"%d" % n) for n in range(5)]
    pair.flush()
    for request, deferred in [held.asked[n] for n in (3, 0, 4, 1, 2)]:
        deferred.callback(request.answer(message_id=request.short_message.decode()))
    pair.flush()
    assert [success(response).message_id for response in responses] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (S.ESME_RSYSERR, RequestRefused),
        (S.ESME_RTHROTTLED, Throttled),
        (S.ESME_RMSGQFUL, Throttled),
        (0x0400, RequestRefused),
        (0xFFFFFFFF, RequestRefused),
    ],
)
def test_a_refusal_is_an_error_of_its_class(status: int, kind: type[RequestRefused]) -> None:
    pair = bound_pair(on_request=lambda s, r: status)
    response = submit(pair)
    pair.flush()
    error = failure(response)
    assert type(error) is kind
    assert isinstance(error, RequestRefused)
    assert error.command_status == status
    assert isinstance(error.request, SubmitSM)
    assert isinstance(error.response, SubmitSMResp)


@pytest.mark.parametrize("status", [S.ESME_RINVCMDID, S.ESME_ROK])
def test_P21_a_generic_nack_is_a_nack_whatever_its_status(status: int) -> None:
    pair = bound_pair(on_request=lambda s, r: GenericNack(command_status=status))
    response = submit(pair)
    pair.flush()
    error = failure(response)
    assert type(error) is Nacked
    assert error.command_status == status
    assert pair.esme.bound


def test_a_refused_bind_is_an_error_of_its_class() -> None:
    refused: list[Any] = []
    pair = connect(
        on_bind=lambda s, r: S.ESME_RINVPASWD,
        esme={"on_refused": lambda session, error: refused.append(error)},
    )
    pair.flush()
    (error,) = refused
    assert type(error) is BindRefused
    assert error.command_status == S.ESME_RINVPASWD
    assert pair.esme_transport.lost


def test_a_response_that_is_not_readable_is_an_error() -> None:
    pair = bound_pair(on_request=silent)
    response = submit(pair)
    pair.flush()
    pair.smsc_transport.write(frame(SubmitSMResp.command_id, b"no NUL", number=2))
    pair.flush()
    assert isinstance(failure(response), PDUError)
    assert pair.esme.bound


def test_a_value_that_cannot_be_sent_is_an_error_and_nothing_is_written() -> None:
    pair = bound_pair()
    error = failure(pair.esme.submit_sm(destination_addr="1" * 21))
    assert isinstance(error, FieldError)
    assert error.field == "destination_addr"
    assert pair.esme_transport.written == b""


def test_what_is_not_permitted_is_an_error_and_nothing_is_written() -> None:
    pair = bound_pair(esme={"bind": "receiver"})
    error = failure(submit(pair))
    assert isinstance(error, NotPermitted)
    assert error.state == "BOUND_RX"
    assert pair.esme_transport.written == b""


def test_a_request_before_the_bind_is_not_permitted() -> None:
    pair = connect()
    assert isinstance(failure(submit(pair)), NotPermitted)
    pair.bind()


def test_a_timeout_is_an_error_at_its_time() -> None:
    pair = bound_pair(on_request=silent, esme={"timers": Timers(response=7)})
    response = submit(pair)
    pair.flush()
    pair.advance(6.9)
    assert outcome(response) == PENDING
    pair.advance(0.2)
    error = failure(response)
    assert isinstance(error, ResponseTimeout)
    assert isinstance(error, TimeoutError)
    assert "within 7 s" in str(error)
    assert isinstance(error.request, SubmitSM)
    assert pair.esme.bound


def test_S14_a_bind_that_is_not_answered_times_out_and_closes() -> None:
    refused: list[Any] = []
    timers = Timers(bind=6, enquire=3)
    pair = connect(
        on_bind=silent,
        esme={"timers": timers, "on_refused": lambda s, error: refused.append(error)},
        smsc={"answer_timeout": 60},
    )
    pair.advance(5.9)
    assert not refused
    pair.advance(0.2)
    (error,) = refused
    assert isinstance(error, ResponseTimeout)
    assert "within 6 s" in str(error)
    assert pair.esme_transport.lost


def test_a_lost_connection_is_an_error_of_unknown_outcome() -> None:
    pair = bound_pair(on_request=silent)
    response = submit(pair)
    pair.flush()
    pair.drop()
    error = failure(response)
    assert isinstance(error, SessionLost)
    assert str(error) == f"{error.reason}; the outcome is unknown"
    assert isinstance(failure(submit(pair)), NotPermitted)


def test_what_has_no_response_fires_when_it_is_written() -> None:
    pair = bound_pair()
    deferred = pair.smsc.alert_notification(source_addr="1", esme_addr="2")
    assert success(deferred) is None
    assert pair.smsc_transport.written != b""
    pair.flush()


def test_both_sides_may_ask() -> None:
    pair = bound_pair(on_deliver=lambda s, r: S.ESME_RX_R_APPN)
    deferred = pair.smsc.deliver_sm(short_message=b"x")
    enquiry = pair.smsc.enquire_link()
    pair.flush()
    assert failure(deferred).command_status == S.ESME_RX_R_APPN
    assert isinstance(success(enquiry), EnquireLinkResp)


def test_Q06_a_response_of_another_command_leaves_the_timer_to_decide() -> None:
    pair = bound_pair(on_request=silent, esme={"timers": Timers(response=5)})
    response = submit(pair)
    pair.flush()
    pair.smsc_transport.write(DataSMResp(sequence_number=2).encode())
    pair.flush()
    assert outcome(response) == PENDING
    pair.advance(5.1)
    assert isinstance(failure(response), ResponseTimeout)


def test_Q07_the_second_response_fires_nothing() -> None:
    pair = bound_pair(on_request=lambda s, r: r.answer(message_id="a"))
    response = submit(pair)
    pair.smsc_transport.write(SubmitSMResp(message_id="b", sequence_number=2).encode())
    pair.flush()
    assert success(response).message_id == "b"
    assert pair.esme.session.violations == 1
    assert pair.esme.bound


def test_Q08_a_late_response_is_told_to_the_factory() -> None:
    held, late = Held(), []
    pair = bound_pair(
        on_request=held,
        smsc={"answer_timeout": 60},
        esme={
            "timers": Timers(response=5),
            "on_late_response": lambda session, event: late.append(event),
        },
    )
    response = submit(pair)
    pair.advance(5.1)
    assert isinstance(failure(response), ResponseTimeout)
    request, deferred = held.asked[0]
    deferred.callback(request.answer(message_id="late"))
    pair.flush()
    (event,) = late
    assert isinstance(event, LateResponse)
    assert event.response.message_id == "late"
    assert pair.esme.session.violations == 0


# The window and those who wait for it.


def test_Q12_requests_wait_for_a_place_in_order() -> None:
    held = Held()
    pair = bound_pair(on_request=held, esme={"window": 2})
    responses = [submit(pair, b"%d" % n) for n in range(5)]
    pair.flush()
    assert pair.esme.session.in_flight == 2
    texts = []
    for n in range(5):
        assert len(held.asked) == min(2 + n, 5)
        request, deferred = held.asked[n]
        texts.append(request.short_message)
        deferred.callback(None)
        pair.flush()
        assert [outcome(r) != PENDING for r in responses] == [m <= n for m in range(5)]
    assert texts == [b"0", b"1", b"2", b"3", b"4"]
    assert pair.esme.session.in_flight == 0


def test_Q12_so_many_may_wait() -> None:
    pair = bound_pair(on_request=silent, esme={"window": 2, "max_waiting": 3})
    responses = [submit(pair) for _ in range(6)]
    assert [outcome(response) for response in responses[:5]] == [PENDING] * 5
    error = failure(responses[5])
    assert isinstance(error, WindowFull)
    assert "2 requests are in the window of 2 and 3 wait for it" in str(error)
    assert len(frames(pair.esme_transport.written)) == 2
    pair.drop()
    for response in responses[:2]:
        assert "the outcome is unknown" in str(failure(response))
    for response in responses[2:5]:
        error = failure(response)
        assert isinstance(error, SessionLost)
        assert "never sent" in str(error)


def test_Q12_the_default_is_a_window_of_10_and_1000_that_wait() -> None:
    pair = bound_pair(on_request=silent)
    responses = [submit(pair) for _ in range(1011)]
    assert pair.esme.session.in_flight == 10
    assert isinstance(failure(responses[-1]), WindowFull)
    pair.drop()
    for response in responses[:-1]:
        failure(response)


def test_what_cannot_be_sent_does_not_wait() -> None:
    pair = bound_pair(on_request=silent, esme={"window": 1})
    first = submit(pair)
    error = failure(pair.esme.submit_sm(destination_addr="1" * 21))
    assert isinstance(error, FieldError)
    pair.drop()
    failure(first)


def test_the_link_does_not_wait_for_the_window() -> None:
    pair = bound_pair(on_request=silent, esme={"window": 1})
    responses = [submit(pair), submit(pair)]
    enquiry = pair.esme.enquire_link()
    pair.flush()
    assert isinstance(success(enquiry), EnquireLinkResp)
    pair.drop()
    for response in responses:
        failure(response)


def test_a_timeout_makes_room_in_the_window() -> None:
    held = Held()
    pair = bound_pair(
        on_request=held,
        smsc={"answer_timeout": 60},
        esme={"window": 1, "timers": Timers(response=5)},
    )
    first, second = submit(pair, b"1"), submit(pair, b"2")
    pair.advance(5.1)
    assert isinstance(failure(first), ResponseTimeout)
    assert [request.short_message for request, _ in held.asked] == [b"1", b"2"]
    held.asked[1][1].callback(None)
    pair.flush()
    success(second)


@pytest.mark.parametrize("which", ["in flight", "waiting"])
def test_Q10_cancelling_frees_what_it_should(which: str) -> None:
    held = Held()
    pair = bound_pair(on_request=held, esme={"window": 1, "max_waiting": 2})
    responses = [submit(pair, b"%d" % n) for n in range(3)]
    pair.flush()
    if which == "in flight":
        responses[0].cancel()
        assert isinstance(failure(responses[0]), CancelledError)
        pair.flush()
        assert [request.short_message for request, _ in held.asked] == [b"0", b"1"]
        # The response to what was given up is late, and takes no place from anybody.
        held.asked[0][1].callback(None)
        pair.flush()
        assert pair.esme.session.violations == 0
        assert pair.esme.session.in_flight == 1
    else:
        responses[1].cancel()
        assert isinstance(failure(responses[1]), CancelledError)
        fourth = submit(pair, b"3")
        assert outcome(fourth) == PENDING
        held.asked[0][1].callback(None)
        pair.flush()
        assert [request.short_message for request, _ in held.asked] == [b"0", b"2"]
        success(responses[0])
        fourth.cancel()
        failure(fourth)
    for response in responses:
        response.addErrback(ignore)
    pair.drop()


def test_Q10_cancelling_twice_or_after_the_end_is_nothing() -> None:
    pair = bound_pair()
    response = submit(pair)
    response.cancel()
    response.cancel()
    failure(response)
    response = submit(pair)
    pair.flush()
    response.cancel()
    success(response)
    assert pair.esme.session.in_flight == 0


@pytest.mark.parametrize("how", ["timeout", "loss", "unbind"])
def test_Q10_an_errback_may_cancel_the_others(how: str) -> None:
    pair = bound_pair(
        on_request=silent, esme={"window": 2, "timers": Timers(response=5), "drain": 1}
    )
    ended: list[str] = []
    pair.esme.factory.on_lost = lambda *_: ended.append("lost")
    responses = [submit(pair) for _ in range(4)]
    errors: list[Any] = []

    def cancel_all(reason: Any) -> None:
        errors.append(reason.value)
        for response in responses:
            response.cancel()

    for response in responses:
        response.addErrback(cancel_all)
    pair.flush()
    if how == "timeout":
        pair.advance(5.1)
        assert pair.esme.bound
    elif how == "loss":
        pair.drop()
        assert ended == ["lost"]
    else:
        end = pair.esme.unbind()
        pair.advance(20)
        assert success(end) is None
        assert ended == ["lost"]
    assert len(errors) == 4
    assert sum(isinstance(error, CancelledError) for error in errors) == 3


def test_Q10_one_pdu_object_may_be_sent_twice() -> None:
    pair = bound_pair(on_request=silent, esme={"timers": Timers(response=5), "window": 3})
    pdu = message(Role.ESME)
    first, second, third = (pair.esme.request(pdu) for _ in range(3))
    first.cancel()
    assert pair.esme.session.in_flight == 2
    pair.advance(5.1)
    assert isinstance(failure(first), CancelledError)
    for deferred in (second, third):
        assert isinstance(failure(deferred), ResponseTimeout)
    assert pair.esme.session.in_flight == 0
    assert pair.esme.bound


def test_a_callback_may_ask_again_at_once() -> None:
    pair = bound_pair(esme={"window": 1})
    done: list[int] = []

    def next_one(_: object) -> None:
        done.append(1)
        if len(done) < 200:
            submit(pair).addCallback(next_one)

    submit(pair).addCallback(next_one)
    pair.flush()
    assert len(done) == 200


# One write per read.


def test_all_that_one_read_causes_leaves_in_one_write() -> None:
    pair = bound_pair()
    before = pair.smsc_transport.writes
    stream = b"".join(message(Role.ESME, number=n).encode() for n in range(50))
    stream += EnquireLink(sequence_number=50).encode() + frame(0x999, number=51)
    pair.esme_transport.write(stream)
    pair.flush()
    assert pair.smsc_transport.writes == before + 1


def test_responses_and_the_requests_they_make_room_for_leave_in_one_write() -> None:
    pair = bound_pair(esme={"window": 3})
    for _ in range(6):
        submit(pair)
    before = pair.esme_transport.writes
    pair.smsc.dataReceived(pair.esme_transport.taken(len(pair.esme_transport.written)))
    pair.esme.dataReceived(pair.smsc_transport.taken(len(pair.smsc_transport.written)))
    assert pair.esme_transport.writes == before + 1
    assert len(frames(pair.esme_transport.written)) == 3
    pair.flush()


def test_a_read_that_causes_nothing_writes_nothing() -> None:
    pair = bound_pair()
    before = pair.smsc_transport.writes
    pair.esme_transport.write(message(Role.ESME).encode()[:20])
    pair.flush()
    assert pair.smsc_transport.writes == before


def test_Q11_a_response_in_the_same_turn_finds_its_request() -> None:
    pair = bound_pair()

    def write_and_answer(data: bytes) -> None:
        for pdu in pdus(data):
            if isinstance(pdu, SubmitSM):
                response = SubmitSMResp(sequence_number=pdu.sequence_number)
                pair.esme.dataReceived(response.encode())

    pair.esme_transport.write = write_and_answer
    assert isinstance(success(submit(pair)), SubmitSMResp)


def test_a_request_that_waited_may_be_one_that_is_not_permitted() -> None:
    pair = bound_pair(esme={"bind": "receiver"})
    pair.esme.pauseProducing()
    first, second = submit(pair), pair.esme.enquire_link()
    assert outcome(first) == PENDING
    pair.esme.resumeProducing()
    assert isinstance(failure(first), NotPermitted)
    pair.flush()
    success(second)


def test_what_has_no_response_may_wait_too() -> None:
    pair = bound_pair()
    pair.smsc.pauseProducing()
    alert = pair.smsc.alert_notification()
    assert outcome(alert) == PENDING
    pair.smsc.resumeProducing()
    assert success(alert) is None
    pair.flush()


@implementer(ITCPTransport)
class Descriptor(MemoryTransport, FileDescriptor):
    """A transport that is a descriptor, as that of TCP."""

    def __init__(self, clock: Clock, name: str) -> None:
        super().__init__(clock, name)
        self.told: list[Any] = []

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.told.append(("no delay", enabled))

    def doWrite(self) -> None:
        assert not self.disconnecting, "its result would be lost"
        self.told.append(("write", len(self.written)))


def descriptor_with(application: Any) -> tuple[Descriptor, Any]:
    clock = Clock()
    factory = SMSCFactory(lambda s, r: None, on_request=application, clock=clock)
    transport = Descriptor(clock, "SMSC")
    protocol = transport.protocol = factory.buildProtocol(None)
    protocol.makeConnection(transport)
    assert transport.told == [("no delay", True)]
    protocol.dataReceived(bind_of(V3_4).encode())
    transport.told.clear()
    return transport, protocol


def test_what_a_read_causes_is_written_at_once() -> None:
    transport, protocol = descriptor_with(lambda s, r: None)
    before = len(transport.written)
    protocol.dataReceived(message(Role.ESME, number=2).encode() * 3)
    assert transport.told == [("write", before + 3 * len(SubmitSMResp().encode()))]
    protocol.dataReceived(SubmitSMResp().encode()[:10])
    assert len(transport.told) == 1
    transport.cut()


def test_a_connection_that_the_application_closes_is_left_to_the_reactor() -> None:
    transport, protocol = descriptor_with(lambda s, r: s.transport.loseConnection())
    protocol.dataReceived(message(Role.ESME, number=2).encode())
    assert transport.told == []
    transport.cut()
