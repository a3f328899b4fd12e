# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Deadlines of a session, to the second: it is told the time and never looks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions import V3_4, V5_0, answered, bind_of, bound, message, octets_of, receive, sent
from wire_data import frame

from twisted_smpp.events import Close, Pending, TimedOut, Timers, Violation
from twisted_smpp.limits import SLACK, TIMEOUTS_IN_A_ROW
from twisted_smpp.session import Session
from twisted_smpp.states import Role, State
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.wire.pdus import (
    AlertNotification,
    BindTransceiver,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Unbind,
)

OFF = Timers(enquire_interval=None)
#: So much before a deadline nothing is due yet.
JUST = 2 * SLACK

each_role = pytest.mark.parametrize("role", list(Role))


def one(events: list[Any]) -> Any:
    (event,) = events
    return event


def nothing_until(session: Session, by: float) -> None:
    """It says when it is due, and is not due before."""
    assert session.deadline() == by
    assert session.tick(by - JUST) == []
    assert session.data_to_send() == b""


# Binding.


@each_role
def test_A01_a_bind_must_come_in_time(role: Role) -> None:
    session = Session(role, now=100.0, timers=Timers(bind=5))
    nothing_until(session, 105.0)
    assert one(session.tick(105.0)) == Close("not bound within 5 s")
    assert session.data_to_send() == b""
    assert session.deadline() is None
    assert session.tick(1000.0) == []


def test_A02_nothing_but_a_bind_stops_that_timer() -> None:
    mc = Session(Role.MC, now=0.0, timers=Timers(bind=5))
    for second in range(5):
        receive(mc, EnquireLink(sequence_number=second), now=second)
        bind = one(receive(mc, bind_of(V3_4), now=second))
        mc.answer(bind, bind.answer(command_status=S.ESME_RINVPASWD))
    mc.data_to_send()
    nothing_until(mc, 5.0)
    assert isinstance(one(mc.tick(5.0)), Close)


def test_the_time_that_the_application_takes_for_a_bind_is_not_charged() -> None:
    mc = Session(Role.MC, now=0.0, timers=Timers(bind=5))
    bind = one(receive(mc, bind_of(V3_4), now=4.0))
    assert mc.deadline() is None
    assert mc.tick(9.0) == []
    mc.answer(bind, bind.answer(command_status=S.ESME_RINVPASWD))
    assert mc.deadline() == 5.0
    assert one(mc.tick(9.0)) == Close("not bound within 5 s")


def test_a_bound_session_has_no_bind_timer() -> None:
    assert bound(Role.MC, timers=OFF).deadline() is None


def test_S14_a_bind_that_is_not_answered_ends_the_connection() -> None:
    esme = Session(Role.ESME, now=0.0, timers=Timers(bind=7))
    esme.request(bind_of(V3_4), 0.0)
    esme.data_to_send()
    nothing_until(esme, 7.0)
    events = esme.tick(7.0)
    assert Close("not bound within 7 s") in events
    assert Close("bind_transceiver was not answered") in events
    assert [type(e.pending.request) for e in events if isinstance(e, TimedOut)] == [BindTransceiver]


def test_an_unbind_that_is_not_answered_ends_the_connection() -> None:
    esme = bound(Role.ESME, timers=Timers(enquire_interval=None, enquire=4))
    esme.request(Unbind(), 10.0)
    esme.data_to_send()
    nothing_until(esme, 14.0)
    timed_out, close = esme.tick(14.0)
    assert isinstance(timed_out, TimedOut)
    assert close == Close("unbind was not answered")


# Responses.


def test_Q09_a_response_must_come_in_time() -> None:
    esme = bound(Role.ESME, timers=Timers(response=20, enquire_interval=None))
    first = esme.request(message(Role.ESME), 1.0)
    second = esme.request(message(Role.ESME), 2.5)
    esme.data_to_send()
    nothing_until(esme, 21.0)
    assert esme.tick(21.0) == [TimedOut(first)]
    assert esme.in_flight == 1
    nothing_until(esme, 22.5)
    assert esme.tick(22.5) == [TimedOut(second)]
    assert esme.deadline() is None
    assert esme.bound


def test_Q09_several_due_at_once_come_in_the_order_of_sending() -> None:
    esme = bound(Role.ESME, timers=Timers(response=20, enquire_interval=None))
    waiting = [esme.request(message(Role.ESME), 0.0) for _ in range(2)]
    assert [event.pending for event in esme.tick(50.0)] == waiting


def test_Q09_three_timeouts_in_a_row_end_the_session() -> None:
    esme = bound(Role.ESME, timers=Timers(response=20, enquire_interval=None))
    for number in range(TIMEOUTS_IN_A_ROW):
        esme.request(message(Role.ESME), float(number))
    assert len(esme.tick(21.0)) == 2
    *timed_out, close = esme.tick(22.0)
    assert len(timed_out) == 1
    assert close == Close("3 requests in a row were not answered", unbind=True)


@pytest.mark.parametrize("late", [False, True])
def test_Q09_only_a_response_in_time_begins_the_row_anew(late: bool) -> None:
    esme = bound(Role.ESME, timers=Timers(response=20, enquire_interval=None))
    waiting = [esme.request(message(Role.ESME), 0.0) for _ in range(3)]
    if late:
        # What was given up already says nothing of those that wait.
        esme.give_up(waiting[0])
        esme.request(message(Role.ESME), 0.0)
    receive(esme, answered(waiting[0].request), now=1.0)
    ended = [event for event in esme.tick(20.0) if isinstance(event, Close)]
    assert len(ended) == (1 if late else 0)


def test_S08_a_peer_that_answers_nothing_but_enquiries_is_stuck() -> None:
    esme = bound(Role.ESME, timers=Timers(response=20, enquire_interval=None))
    for number in range(TIMEOUTS_IN_A_ROW):
        now = 20.0 * number
        esme.request(message(Role.ESME), now)
        enquiry = esme.request(EnquireLink(), now)
        assert receive(esme, answered(enquiry.request), now=now) == [enquiry]
        events = esme.tick(now + 20.0)
    assert Close("3 requests in a row were not answered", unbind=True) in events


def test_Q09_a_nack_in_time_begins_the_row_anew() -> None:
    esme = bound(Role.ESME, timers=Timers(response=20, enquire_interval=None))
    waiting = [esme.request(message(Role.ESME), 0.0) for _ in range(2)]
    assert len(esme.tick(20.0)) == 2
    nacked = esme.request(message(Role.ESME), 20.0)
    nack = GenericNack(command_status=3, sequence_number=nacked.request.sequence_number)
    assert receive(esme, nack, now=21.0) == [nacked]
    last = esme.request(message(Role.ESME), 21.0)
    assert esme.tick(41.0) == [TimedOut(last)]
    assert waiting


def test_the_deadline_follows_the_oldest_request() -> None:
    esme = bound(Role.ESME, timers=Timers(response=20, enquire_interval=None))
    waiting = [esme.request(message(Role.ESME), float(n)) for n in range(3)]
    assert esme.deadline() == 20.0
    receive(esme, answered(waiting[0].request), now=3.0)
    assert esme.deadline() == 21.0
    esme.give_up(waiting[1])
    assert esme.deadline() == 22.0


def test_the_earliest_of_different_deadlines_counts() -> None:
    timers = Timers(bind=10, enquire=2, response=30)
    esme = Session(Role.ESME, now=0.0, timers=timers)
    esme.request(bind_of(V5_0), 0.0)
    esme.request(EnquireLink(), 1.0)
    assert esme.deadline() == 3.0


# Is the peer there?


@each_role
def test_silence_is_followed_by_an_enquiry(role: Role) -> None:
    session = bound(role, now=50.0, timers=Timers(enquire_interval=30, enquire=10))
    nothing_until(session, 80.0)
    assert session.tick(80.0) == []
    assert [type(pdu) for pdu in sent(session)] == [EnquireLink]
    nothing_until(session, 90.0)
    assert session.in_flight == 0


@each_role
def test_S07_a_peer_that_does_not_answer_it_is_dead(role: Role) -> None:
    session = bound(role, now=0.0)
    session.tick(30.0)
    session.data_to_send()
    timed_out, close = session.tick(40.0)
    assert isinstance(timed_out, TimedOut)
    assert close == Close("the peer does not answer enquire_link", grace=0)


def signs_of_life(role: Role) -> list[Any]:
    return [
        EnquireLinkResp(sequence_number=2),
        EnquireLink(sequence_number=9),
        message(role.peer, number=9),
        message(role.peer),
        message(role).answer(sequence_number=99),
        GenericNack(sequence_number=99),
        frame(0x999),
        frame(message(role.peer).command_id),  # malformed: it has no body
    ]


@each_role
@pytest.mark.parametrize("which", range(len(signs_of_life(Role.MC))))
def test_any_pdu_is_a_sign_of_life(role: Role, which: int) -> None:
    session = bound(role, now=0.0)
    sign = signs_of_life(role)[which]
    receive(session, sign, now=29.0)
    session.data_to_send()
    nothing_until(session, 59.0)
    session.tick(59.0)
    assert type(one(sent(session))) is EnquireLink
    receive(session, sign, now=60.0)
    session.data_to_send()
    events = session.tick(69.0)
    assert not any(isinstance(event, Close) for event in events)
    nothing_until(session, 90.0)


def test_half_a_pdu_is_no_sign_of_life() -> None:
    mc = bound(Role.MC, now=0.0)
    receive(mc, message(Role.ESME).encode()[:30], now=29.5)
    assert mc.tick(30.0) == []
    assert type(one(sent(mc))) is EnquireLink


def test_the_answer_to_an_enquiry_is_awaited_before_the_next() -> None:
    esme = bound(Role.ESME, timers=Timers(enquire_interval=2, enquire=10))
    esme.tick(2.0)
    assert type(one(sent(esme))) is EnquireLink
    nothing_until(esme, 12.0)
    receive(esme, EnquireLinkResp(sequence_number=2), now=3.0)
    nothing_until(esme, 5.0)
    esme.tick(5.0)
    assert one(sent(esme)).sequence_number == 3


def test_an_answered_enquiry_of_the_application_is_its_own_affair() -> None:
    esme = bound(Role.ESME)
    asked = esme.request(EnquireLink(), 1.0, "mine")
    assert receive(esme, answered(asked.request), now=2.0) == [asked]
    assert esme.deadline() == 32.0


def test_without_an_interval_nobody_is_asked() -> None:
    esme = bound(Role.ESME, timers=OFF)
    assert esme.deadline() is None
    assert esme.tick(1e9) == []
    assert esme.data_to_send() == b""


@pytest.mark.parametrize("state", [State.OPEN, State.UNBOUND])
def test_nobody_is_asked_unless_the_session_is_bound(state: State) -> None:
    esme = Session(Role.ESME, now=0.0) if state is State.OPEN else bound(Role.ESME)
    if state is State.UNBOUND:
        unbind = esme.request(Unbind(), 0.0)
        receive(esme, answered(unbind.request))
        assert esme.deadline() is None
        esme.data_to_send()
    esme.tick(1000.0)
    assert esme.data_to_send() == b""


def test_enquire_link_is_answered_and_not_reported() -> None:
    for role in Role:
        session = bound(role)
        assert receive(session, EnquireLink(sequence_number=5)) == []
        assert sent(session) == [EnquireLinkResp(sequence_number=5)]


# Nothing to do.


def test_a_session_without_messages_ends() -> None:
    mc = bound(Role.MC, timers=Timers(idle=60, enquire_interval=None))
    nothing_until(mc, 60.0)
    assert one(mc.tick(60.0)) == Close("no message for 60 s", unbind=True)
    assert mc.deadline() == pytest.approx(120.0, abs=JUST)


@each_role
def test_S09_messages_of_both_directions_keep_it_and_the_link_does_not(role: Role) -> None:
    session = bound(role, timers=Timers(idle=60, enquire_interval=None))
    receive(session, EnquireLink(sequence_number=1), now=10.0)
    assert session.deadline() == 60.0
    receive(session, message(role.peer, number=2), now=20.0)
    assert session.deadline() == 80.0
    pending = session.request(message(role), 30.0)
    receive(session, answered(pending.request), now=31.0)
    assert session.deadline() == 90.0
    enquiry = session.request(EnquireLink(), 40.0)
    receive(session, answered(enquiry.request), now=41.0)
    assert session.deadline() == 90.0


# Half a PDU.


@pytest.mark.parametrize("octets", [1, 4, 15, 16, 30])
@pytest.mark.parametrize("bound_already", [True, False])
def test_F07_a_pdu_that_has_begun_must_be_whole_in_time(octets: int, bound_already: bool) -> None:
    timers = Timers(bind=1000, enquire_interval=None)
    mc = Session(Role.MC, now=0.0, timers=timers)
    if bound_already:
        mc = bound(Role.MC, timers=timers)
    pdu = octets_of(message(Role.ESME))
    receive(mc, pdu[:octets], now=100.0)
    claimed = 4 if octets < 4 else 16 if octets < 16 else len(pdu)
    by = 100.0 + (10 if bound_already else 5) + (claimed - octets) / 1024
    nothing_until(mc, by)
    assert one(mc.tick(by)) == Close("a PDU was begun and not finished in time", grace=0)
    assert mc.data_to_send() == b""


def test_F07_trickling_does_not_put_it_off() -> None:
    mc = bound(Role.MC, timers=OFF)
    pdu = octets_of(message(Role.ESME))
    receive(mc, pdu[:20], now=0.0)
    by = mc.deadline()
    for second in range(1, 9):
        receive(mc, pdu[19 + second : 20 + second], now=float(second))
        assert mc.deadline() == by


def test_F08_a_long_pdu_has_a_second_more_for_each_kilobyte() -> None:
    mc = bound(Role.MC, timers=OFF)
    octets = (65_552).to_bytes(4, "big") + bytes.fromhex("00000004 00000000 00000001")
    receive(mc, octets, now=0.0)
    assert mc.deadline() == 10.0 + 65_536 / 1024


def test_the_next_pdu_has_its_own_time() -> None:
    mc = bound(Role.MC, timers=OFF)
    pdu = octets_of(message(Role.ESME))
    receive(mc, pdu[:16], now=0.0)
    receive(mc, pdu[16:] + pdu[:16], now=9.0)
    assert mc.deadline() == pytest.approx(19.0 + (len(pdu) - 16) / 1024)
    receive(mc, pdu[16:], now=10.0)
    assert mc.deadline() is None


def test_a_pdu_is_not_late_while_nothing_is_read() -> None:
    mc = bound(Role.MC, timers=OFF)
    pdu = octets_of(message(Role.ESME))
    receive(mc, pdu[:20], now=0.0)
    mc.hold()
    assert mc.deadline() is None
    assert mc.tick(100.0) == []
    assert receive(mc, b"", now=100.0) == []
    assert mc.deadline() == pytest.approx(110.0 + (len(pdu) - 20) / 1024)


# Clocks.


def test_a_deadline_this_near_is_due() -> None:
    mc = Session(Role.MC, now=0.0, timers=Timers(bind=5))
    assert mc.tick(5.0 - SLACK / 2)


@given(st.lists(st.floats(0.1, 40.0), max_size=30))
def test_ticks_at_any_time_change_nothing_that_is_not_due(steps: list[float]) -> None:
    esme = bound(Role.ESME, timers=Timers(response=20, enquire_interval=30, enquire=10))
    waiting = [esme.request(message(Role.ESME), 0.0), esme.request(message(Role.ESME), 5.0)]
    now, timed_out = 0.0, []
    for step in steps:
        now += step
        by = esme.deadline()
        events = esme.tick(now)
        if by is None or by > now + SLACK:
            assert events == []
        for event in events:
            if isinstance(event, TimedOut) and event.pending in waiting:
                assert now + SLACK >= event.pending.sent_at + 20
                timed_out.append(event.pending)
        # An event that is due is told once.
        again = esme.tick(now)
        assert again == []
    expected = [p for p in waiting if isinstance(p, Pending) and now + SLACK >= p.sent_at + 20]
    assert timed_out == expected


def test_a_violation_says_nothing_of_time() -> None:
    assert not {"now", "time"} & set(Violation._fields)


def test_alert_notification_awaits_nothing() -> None:
    mc = bound(Role.MC, timers=OFF)
    assert mc.request(AlertNotification(), 0.0) is None
    assert mc.in_flight == 0
    assert mc.deadline() is None


def test_nobody_is_dead_while_we_do_not_read() -> None:
    session = bound(Role.ESME)
    session.hold()
    for now in range(1, 200):
        assert not [each for each in session.tick(float(now)) if isinstance(each, Close)]
    # From here on silence counts again.
    list(session.receive(b"", 200.0))
    assert not [each for each in session.tick(229.0) if isinstance(each, Close)]
