# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The session without a socket: binds, numbers, responses, versions."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import pytest
from sessions import (
    BIND_FOR,
    V3_3,
    V3_4,
    V5_0,
    answered,
    bind_of,
    bound,
    link,
    message,
    octets_of,
    receive,
    sent,
)

from twisted_smpp import errors, events, limits, matrix, session, states
from twisted_smpp.errors import FieldError, Nacked, NotPermitted, PDUError, WindowFull
from twisted_smpp.events import LateResponse, Pending, Timers, Violation
from twisted_smpp.limits import LATE_MOST, MAX_SEQUENCE_NUMBER
from twisted_smpp.session import Session
from twisted_smpp.states import BOUND, Role, State
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.wire.pdu import UnknownPDU
from twisted_smpp.wire.pdus import (
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitterResp,
    DataSM,
    DeliverSMResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    QuerySM,
    SubmitSM,
    SubmitSMResp,
    Unbind,
    UnbindResp,
)

each_role = pytest.mark.parametrize("role", list(Role))
each_mode = pytest.mark.parametrize("state", BOUND)


def one(events: list[Any]) -> Any:
    (event,) = events
    return event


@pytest.mark.parametrize("module", [session, events, limits, matrix, states, errors])
def test_the_session_has_no_clock_no_chance_and_no_network_of_its_own(module: Any) -> None:
    imported = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported <= {"__future__", "collections", "enum", "functools", "typing", "twisted_smpp"}


# Binds.


@each_mode
@each_role
def test_a_bind_moves_both_sides(role: Role, state: State) -> None:
    esme = Session(Role.ESME, now=0.0)
    mc = Session(Role.MC, now=0.0)
    pending = esme.request(bind_of(V5_0, state), 0.0, "context")
    assert pending is not None
    assert esme.state is State.OPEN
    bind = one(receive(mc, esme.data_to_send()))
    assert type(bind) is BIND_FOR[state]
    assert bind.system_id == "esme"
    assert mc.state is State.OPEN
    assert mc.binding is bind
    assert mc.answer(bind, bind.answer(system_id="smsc"))
    assert mc.binding is None
    got = one(receive(esme, mc.data_to_send()))
    assert got is pending
    assert got.context == "context"
    assert got.response.system_id == "smsc"
    assert esme.state is mc.state is state
    assert esme.bound
    assert mc.bound


@each_mode
def test_a_refused_bind_leaves_both_open_and_may_be_tried_again(state: State) -> None:
    esme, mc = Session(Role.ESME, now=0.0), Session(Role.MC, now=0.0)
    for status, after in ((S.ESME_RINVPASWD, State.OPEN), (S.ESME_ROK, state)):
        pending = esme.request(bind_of(V5_0, state), 0.0)
        bind = one(receive(mc, esme.data_to_send()))
        mc.answer(bind, bind.answer(command_status=status))
        octets = mc.data_to_send()
        if status:
            assert octets == answered(bind, command_status=status)
            assert len(octets) == 16
        assert receive(esme, octets) == [pending]
        assert pending is not None
        assert pending.response is not None
        assert pending.response.command_status == status
        assert esme.state is mc.state is after


def test_what_is_behind_a_bind_waits_for_its_answer() -> None:
    mc = Session(Role.MC, now=0.0)
    stream = octets_of(bind_of(V3_4), message(Role.ESME, number=2), EnquireLink(sequence_number=3))
    bind = one(receive(mc, stream))
    assert receive(mc, message(Role.ESME, number=4)) == []
    assert mc.data_to_send() == b""
    mc.answer(bind, bind.answer())
    numbers = [event.sequence_number for event in receive(mc, b"")]
    assert numbers == [2, 4]
    assert [type(pdu) for pdu in sent(mc)] == [BindTransceiverResp, EnquireLinkResp]


def test_what_is_behind_a_bind_answered_at_once_is_judged_by_its_result() -> None:
    mc = Session(Role.MC, now=0.0)
    stream = octets_of(bind_of(V3_4), message(Role.ESME, number=2))
    seen = []
    for event in mc.receive(stream, 0.0):
        seen.append(event)
        if event is mc.binding:
            mc.answer(event, event.answer(command_status=S.ESME_RBINDFAIL))
    bind, violation = seen
    assert isinstance(bind, BindTransceiver)
    assert isinstance(violation, Violation)
    assert violation.answered == S.ESME_RINVBNDSTS


def test_an_answer_of_another_bind_is_taken_for_the_bind_that_was_sent() -> None:
    # osmo-msc answers bind_receiver with bind_transmitter_resp.
    esme = Session(Role.ESME, now=0.0)
    esme.request(bind_of(V3_4, State.BOUND_RX), 0.0)
    (pending,) = receive(esme, BindTransmitterResp(sequence_number=1))
    assert isinstance(pending, Pending)
    assert esme.state is State.BOUND_RX


def test_a_generic_nack_without_a_reason_is_no_consent_to_a_bind() -> None:
    esme = Session(Role.ESME, now=0.0)
    esme.request(bind_of(V3_4), 0.0)
    pending = one(receive(esme, GenericNack(sequence_number=1)))
    assert esme.state is State.OPEN
    assert isinstance(pending.error, Nacked)
    assert pending.error.command_status == 0
    assert pending.error.response is pending.response


def test_a_bind_may_be_answered_with_generic_nack() -> None:
    for status in (S.ESME_RINVCMDID, S.ESME_ROK):
        mc = Session(Role.MC, now=0.0)
        bind = one(receive(mc, bind_of(V3_4)))
        assert mc.answer(bind, GenericNack(command_status=status))
        assert mc.data_to_send() == GenericNack(command_status=status, sequence_number=1).encode()
        assert mc.state is State.OPEN


def test_outbind_moves_both_sides_in_5_0_and_none_in_3_4() -> None:
    for version, state in ((V3_4, State.OPEN), (V5_0, State.OUTBOUND)):
        esme = Session(Role.ESME, now=0.0, version=version)
        mc = Session(Role.MC, now=0.0, version=version)
        assert mc.request(Outbind(system_id="mc", password="pw"), 0.0) is None
        assert mc.in_flight == 0
        outbind = one(receive(esme, mc.data_to_send()))
        assert outbind == Outbind(system_id="mc", password="pw", sequence_number=1)
        assert esme.data_to_send() == b""
        assert esme.state is mc.state is state
        esme.request(bind_of(version, State.BOUND_RX), 0.0)
        bind = one(link(esme, mc)[1])
        mc.answer(bind, bind.answer())
        link(esme, mc)
        assert esme.state is mc.state is State.BOUND_RX


def test_outbind_is_not_sent_twice_in_5_0() -> None:
    mc = Session(Role.MC, now=0.0)
    mc.request(Outbind(), 0.0)
    with pytest.raises(NotPermitted, match="outbind is not permitted in state OUTBOUND"):
        mc.request(Outbind(), 0.0)


@each_role
def test_unbind_ends_both_sides(role: Role) -> None:
    for version, end in ((V3_3, State.CLOSED), (V3_4, State.CLOSED), (V5_0, State.UNBOUND)):
        state = State.BOUND_TX if version is V3_3 else State.BOUND_TRX
        asks = bound(role, version=version, state=state)
        other = bound(role.peer, version=version, state=state)
        pending = asks.request(Unbind(), 0.0)
        unbind = one(receive(other, asks.data_to_send()))
        assert other.state is state
        assert other.answer(unbind, UnbindResp())
        assert other.state is end
        assert receive(asks, other.data_to_send()) == [pending]
        assert asks.state is end
        with pytest.raises(NotPermitted):
            asks.request(message(role), 0.0)
        assert not other.answer(message(role), SubmitSMResp())


def test_lost_gives_back_what_waited_in_the_order_in_which_it_was_sent() -> None:
    esme = bound(Role.ESME)
    first = esme.request(message(Role.ESME), 1.0)
    second = esme.request(Unbind(), 2.0)
    third = esme.request(message(Role.ESME), 3.0)
    assert esme.lost() == [first, second, third]
    assert esme.lost() == []
    assert esme.state is State.CLOSED
    assert esme.in_flight == 0
    assert esme.data_to_send() == b""
    assert esme.deadline() is None
    with pytest.raises(NotPermitted, match="in state CLOSED"):
        esme.request(EnquireLink(), 4.0)


# Numbers.


def test_numbers_start_at_1_and_grow_by_1() -> None:
    esme = Session(Role.ESME, now=0.0)
    esme.request(bind_of(V3_4), 0.0)
    receive(esme, BindTransceiverResp(sequence_number=1))
    for _ in range(3):
        esme.request(message(Role.ESME), 0.0)
    esme.request(EnquireLink(), 0.0)
    assert [pdu.sequence_number for pdu in sent(esme)] == [1, 2, 3, 4, 5]


def test_Q01_numbers_wrap_to_1() -> None:
    esme = bound(Role.ESME, first_sequence_number=MAX_SEQUENCE_NUMBER - 2)
    for _ in range(4):
        esme.request(message(Role.ESME), 0.0)
    numbers = [pdu.sequence_number for pdu in sent(esme)]
    assert numbers == [0x7FFFFFFE, 0x7FFFFFFF, 1, 2]


def test_Q01_numbers_that_wait_are_skipped() -> None:
    esme = bound(Role.ESME, window=20, version=V3_4)
    waiting = [esme.request(message(Role.ESME), 0.0) for _ in range(5)]  # 2 to 6
    enquiry = esme.request(EnquireLink(), 0.0)  # 7
    late = waiting[3]
    assert late is not None
    esme.give_up(late)  # 5: its response would be taken for that of the next one
    receive(esme, answered(waiting[1].request))  # 3 is free
    assert enquiry is not None
    esme._next_number = MAX_SEQUENCE_NUMBER
    esme.data_to_send()
    for _ in range(4):
        esme.request(message(Role.ESME), 0.0)
    assert [pdu.sequence_number for pdu in sent(esme)] == [0x7FFFFFFF, 1, 3, 8]


def test_Q01_the_skipping_wraps_as_well() -> None:
    esme = bound(Role.ESME, first_sequence_number=MAX_SEQUENCE_NUMBER)
    assert esme._next_number == 1
    esme._next_number = MAX_SEQUENCE_NUMBER - 1
    first = esme.request(message(Role.ESME), 0.0)
    second = esme.request(message(Role.ESME), 0.0)
    esme._next_number = MAX_SEQUENCE_NUMBER - 1
    third = esme.request(message(Role.ESME), 0.0)
    numbers = [pending.request.sequence_number for pending in (first, second, third) if pending]
    assert numbers == [MAX_SEQUENCE_NUMBER - 1, MAX_SEQUENCE_NUMBER, 1]


def test_Q02_the_two_directions_do_not_meet() -> None:
    esme, mc = bound(Role.ESME), bound(Role.MC, first_sequence_number=2)
    ours = [esme.request(message(Role.ESME), 0.0) for _ in range(3)]
    theirs = [mc.request(message(Role.MC), 0.0) for _ in range(3)]
    from_esme, from_mc = esme.data_to_send(), mc.data_to_send()
    asked_of_mc, asked_of_esme = receive(mc, from_esme), receive(esme, from_mc)
    both = [event.sequence_number for event in asked_of_mc + asked_of_esme]
    assert both == [2, 3, 4, 2, 3, 4]
    for end, asked in ((mc, asked_of_mc), (esme, asked_of_esme)):
        for request in reversed(asked):
            end.answer(request, request.answer())
    assert receive(esme, mc.data_to_send()) == ours[::-1]
    assert receive(mc, esme.data_to_send()) == theirs[::-1]
    assert all(isinstance(p.response, SubmitSMResp) for p in ours if p)
    assert all(isinstance(p.response, DeliverSMResp) for p in theirs if p)


def test_Q03_two_requests_of_one_number_are_both_answered() -> None:
    mc = bound(Role.MC)
    one, two = receive(mc, message(Role.ESME, b"1", 9), message(Role.ESME, b"2", 9))
    assert isinstance(one, SubmitSM)
    assert isinstance(two, SubmitSM)
    mc.answer(two, two.answer(message_id="two"))
    mc.answer(one, one.answer(message_id="one"))
    answers: list[Any] = sent(mc)
    assert [(pdu.sequence_number, pdu.message_id) for pdu in answers] == [(9, "two"), (9, "one")]
    assert mc.bound


@pytest.mark.parametrize("number", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@each_role
def test_Q04_any_number_of_the_peer_is_echoed(role: Role, number: int) -> None:
    session = bound(role)
    request = one(receive(session, message(role.peer, number=number)))
    session.answer(request, request.answer())
    receive(session, EnquireLink(sequence_number=number))
    assert [pdu.sequence_number for pdu in sent(session)] == [number, number]
    receive(session, UnknownPDU(0x999, sequence_number=number))
    assert one(sent(session)).sequence_number == number


# Responses.


@each_role
def test_Q05_a_response_to_no_request_is_ignored(role: Role) -> None:
    session = bound(role)
    response = message(role).answer(sequence_number=77)
    violation = one(receive(session, response))
    assert violation == Violation("response to no request", response.command_id, 77, 0, None)
    assert session.violations == 1
    assert session.data_to_send() == b""
    assert session.bound


def test_Q06_a_response_of_another_command_does_not_end_the_request() -> None:
    esme = bound(Role.ESME)
    pending = esme.request(message(Role.ESME), 0.0)
    assert pending is not None
    number = pending.request.sequence_number
    for wrong in (EnquireLinkResp(), DeliverSMResp(), UnbindResp(), BindReceiverResp()):
        wrong.sequence_number = number
        violation = one(receive(esme, wrong))
        assert violation.reason == "response of another command"
        assert violation.answered is None
    assert esme.in_flight == 1
    assert pending.response is None
    assert receive(esme, answered(pending.request)) == [pending]


def test_Q06_nor_does_it_end_an_enquiry() -> None:
    esme = bound(Role.ESME)
    pending = esme.request(EnquireLink(), 0.0)
    assert pending is not None
    number = pending.request.sequence_number
    assert isinstance(one(receive(esme, SubmitSMResp(sequence_number=number))), Violation)
    assert receive(esme, EnquireLinkResp(sequence_number=number)) == [pending]


def test_Q07_a_second_response_is_ignored() -> None:
    esme = bound(Role.ESME)
    pending = esme.request(message(Role.ESME), 0.0)
    assert pending is not None
    response = answered(pending.request, message_id="a")
    again = answered(pending.request, message_id="b")
    first, second = receive(esme, response, again)
    assert first is pending
    assert pending.response is not None
    assert pending.response.message_id == "a"
    assert isinstance(second, Violation)
    assert esme.violations == 1


def test_Q08_a_response_after_it_was_given_up_is_late() -> None:
    esme = bound(Role.ESME, timers=Timers(response=5))
    pending = esme.request(message(Role.ESME), 0.0, "context")
    assert pending is not None
    esme.tick(5.0)
    late = one(receive(esme, answered(pending.request, message_id="a"), now=9.0))
    assert isinstance(late, LateResponse)
    assert late.pending is pending
    assert late.pending.context == "context"
    assert late.response.message_id == "a"
    again = one(receive(esme, answered(pending.request, message_id="b"), now=9.0))
    assert again.reason == "response to no request"


def test_Q08_a_wrong_response_does_not_use_up_the_late_one() -> None:
    esme = bound(Role.ESME)
    pending = esme.request(message(Role.ESME), 0.0)
    assert pending is not None
    esme.give_up(pending)
    number = pending.request.sequence_number
    assert isinstance(one(receive(esme, EnquireLinkResp(sequence_number=number))), Violation)
    assert isinstance(one(receive(esme, answered(pending.request))), LateResponse)


def test_Q08_late_responses_are_known_for_ten_minutes() -> None:
    for later, kind in ((629.0, LateResponse), (631.0, Violation)):
        esme = bound(Role.ESME, timers=Timers(response=30, enquire_interval=None))
        pending = esme.request(message(Role.ESME), 0.0)
        assert pending is not None
        esme.tick(30.0)
        assert isinstance(one(receive(esme, answered(pending.request), now=later)), kind)


def test_Q08_so_many_late_responses_are_known() -> None:
    esme = bound(Role.ESME, window=LATE_MOST + 1)
    waiting = [esme.request(message(Role.ESME), 0.0) for _ in range(LATE_MOST + 1)]
    for pending in waiting:
        assert pending is not None
        assert esme.give_up(pending)
    oldest, second, last = waiting[0], waiting[1], waiting[-1]
    assert oldest
    assert second
    assert last
    assert isinstance(one(receive(esme, answered(oldest.request))), Violation)
    assert isinstance(one(receive(esme, answered(second.request))), LateResponse)
    assert isinstance(one(receive(esme, answered(last.request))), LateResponse)


def test_Q08_the_answer_to_an_enquiry_may_be_late_too() -> None:
    esme = bound(Role.ESME)
    enquiry = esme.request(EnquireLink(), 0.0)
    assert enquiry is not None
    receive(esme, message(Role.MC, number=1), now=5.0)
    esme.tick(10.0)
    late = one(receive(esme, answered(enquiry.request), now=11.0))
    assert isinstance(late, LateResponse)


def test_a_response_that_is_not_readable_fails_its_request_only() -> None:
    esme = bound(Role.ESME)
    pending = esme.request(message(Role.ESME), 0.0)
    other = esme.request(message(Role.ESME), 0.0)
    assert pending is not None
    number = pending.request.sequence_number
    unended = UnknownPDU(SubmitSMResp.command_id, b"no NUL", sequence_number=number)
    esme.data_to_send()
    got, violation = receive(esme, unended)
    assert got is pending
    assert isinstance(pending.error, PDUError)
    assert pending.response is None
    assert isinstance(violation, Violation)
    assert violation.answered is None
    assert esme.data_to_send() == b""
    assert esme.in_flight == 1
    assert receive(esme, answered(other.request)) == [other]


def test_an_unreadable_response_of_another_command_fails_nothing() -> None:
    esme = bound(Role.ESME)
    pending = esme.request(QuerySM(message_id="1"), 0.0)
    assert pending is not None
    number = pending.request.sequence_number
    unended = UnknownPDU(SubmitSMResp.command_id, b"no NUL", sequence_number=number)
    assert isinstance(one(receive(esme, unended)), Violation)
    assert esme.in_flight == 1


@each_role
def test_P21_generic_nack_fails_the_request_of_its_number(role: Role) -> None:
    session = bound(role)
    first = session.request(message(role), 0.0)
    second = session.request(message(role), 0.0)
    assert second is not None
    nack = GenericNack(
        command_status=S.ESME_RINVCMDLEN, sequence_number=second.request.sequence_number
    )
    assert receive(session, nack) == [second]
    assert second.response == nack
    assert second.error is None
    assert session.in_flight == 1
    assert first is not None
    assert first.response is None


def test_P21_generic_nack_of_number_0_fails_nothing_and_is_not_answered() -> None:
    esme = bound(Role.ESME)
    esme.request(message(Role.ESME), 0.0)
    esme.data_to_send()
    event = one(receive(esme, GenericNack(command_status=S.ESME_RINVCMDLEN)))
    assert isinstance(event, Violation)
    assert event.answered is None
    assert esme.in_flight == 1
    assert esme.data_to_send() == b""


def test_a_generic_nack_without_a_reason_is_an_error_of_its_request() -> None:
    # aiosmpplib answers data_sm so.
    mc = bound(Role.MC, state=State.BOUND_RX)
    pending = mc.request(DataSM(), 0.0)
    assert pending is not None
    number = pending.request.sequence_number
    assert receive(mc, GenericNack(sequence_number=number)) == [pending]
    assert isinstance(pending.error, Nacked)
    assert pending.error.request is pending.request


# What the application asks for.


def test_a_value_that_cannot_be_sent_takes_no_place_and_no_number() -> None:
    esme = bound(Role.ESME)
    with pytest.raises(FieldError, match="destination_addr"):
        esme.request(SubmitSM(destination_addr="1" * 21), 0.0)
    assert esme.in_flight == 0
    assert esme.data_to_send() == b""
    esme.request(message(Role.ESME), 0.0)
    assert one(sent(esme)).sequence_number == 2


def test_an_answer_that_cannot_be_sent_leaves_the_request_open() -> None:
    mc = bound(Role.MC)
    request = one(receive(mc, message(Role.ESME, number=3)))
    with pytest.raises(FieldError, match="message_id"):
        mc.answer(request, SubmitSMResp(message_id="x" * 65))
    assert mc.data_to_send() == b""
    assert mc.answer(request, SubmitSMResp(message_id="x" * 64))


def test_a_bind_answer_that_cannot_be_sent_leaves_the_bind_open() -> None:
    mc = Session(Role.MC, now=0.0)
    bind = one(receive(mc, bind_of(V3_4)))
    with pytest.raises(FieldError, match="system_id"):
        mc.answer(bind, bind.answer(system_id="x" * 16))
    assert mc.binding is bind
    assert mc.state is State.OPEN
    assert mc.answer(bind, bind.answer(command_status=S.ESME_RSYSERR))


def test_the_octets_of_check_are_sent_with_their_number() -> None:
    esme = bound(Role.ESME)
    pdu = message(Role.ESME)
    octets = esme.check(pdu)
    assert esme.data_to_send() == b""
    pending = esme.request(pdu, 0.0, octets=octets)
    assert pending is not None
    assert pending.request.sequence_number == 2
    assert esme.data_to_send() == pdu.encode()


def test_Q12_the_window_bounds_messages_but_not_the_link() -> None:
    esme = bound(Role.ESME, window=2)
    first = esme.request(message(Role.ESME), 0.0)
    esme.request(message(Role.ESME), 0.0)
    assert esme.in_flight == esme.window == 2
    with pytest.raises(WindowFull, match="2 requests wait"):
        esme.request(message(Role.ESME), 0.0)
    assert esme.request(EnquireLink(), 0.0)
    assert esme.in_flight == 2
    assert first is not None
    receive(esme, answered(first.request))
    assert esme.in_flight == 1
    assert esme.request(message(Role.ESME), 0.0)
    assert esme.request(Unbind(), 0.0)


def test_Q10_giving_up_frees_the_place_once() -> None:
    esme = bound(Role.ESME, window=1)
    pending = esme.request(message(Role.ESME), 0.0, context := object())
    assert pending is not None
    assert esme.pending_for(context) is pending
    assert esme.give_up(pending)
    assert not esme.give_up(pending)
    assert esme.pending_for(context) is None
    assert esme.in_flight == 0


def test_Q10_one_pdu_object_may_be_under_way_twice() -> None:
    esme = bound(Role.ESME, timers=Timers(response=5))
    pdu = message(Role.ESME)
    first, second = esme.request(pdu, 0.0), esme.request(pdu, 1.0)
    assert first is not None
    assert second is not None
    assert esme.give_up(first)
    assert esme.in_flight == 1
    events = esme.tick(6.0)
    assert [event.pending for event in events] == [second]
    assert esme.in_flight == 0
    for number in (2, 3):
        assert isinstance(one(receive(esme, SubmitSMResp(sequence_number=number))), LateResponse)


def test_Q11_a_request_is_known_before_its_octets_can_leave() -> None:
    esme = bound(Role.ESME)
    pending = esme.request(message(Role.ESME), 0.0)
    assert receive(esme, answered(one(sent(esme)))) == [pending]


def test_repr_tells_the_state() -> None:
    esme = bound(Role.ESME)
    esme.request(message(Role.ESME), 0.0)
    assert repr(esme) == "<Session ESME BOUND_TRX in_flight=1>"


def test_receive_closed_early_goes_on_with_the_rest() -> None:
    mc = bound(Role.MC)
    stream = octets_of(*(message(Role.ESME, number=n) for n in (1, 2, 3)))
    events = mc.receive(stream, 0.0)
    assert next(events).sequence_number == 1
    events.close()
    rest = receive(mc, b"")
    assert [event.sequence_number for event in rest] == [2, 3]
