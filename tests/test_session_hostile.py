# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What a peer should not say, and what it is told: rules R1 to R5 of the house."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions import (
    V3_3,
    V3_4,
    V5_0,
    bind_of,
    bound,
    frames,
    message,
    octets_of,
    receive,
    sent,
)
from wire_data import CLASSES, COMMANDS, frame

from twisted_smpp.events import Close, Pending, Timers, Violation
from twisted_smpp.limits import (
    MALFORMED_PER_MINUTE,
    UNBOUND_BUFFER,
    UNBOUND_ENQUIRIES,
    UNBOUND_ERRORS,
    UNMATCHED_PER_MINUTE,
    Budget,
)
from twisted_smpp.session import Session
from twisted_smpp.states import BOUND, Role, State
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.framing import MAX_PDU, MAX_PDU_UNBOUND
from twisted_smpp.wire.pdu import Request, UnknownPDU, decode
from twisted_smpp.wire.pdus import (
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BroadcastSM,
    DeliverSM,
    DeliverSMResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    QueryBroadcastSM,
    SubmitSM,
    SubmitSMResp,
    Unbind,
)

EXAMPLES = {command["name"]: bytes.fromhex(command["example"]["hex"]) for command in COMMANDS}
REQUESTS = [cls for cls in CLASSES if not cls.is_response]
each_role = pytest.mark.parametrize("role", list(Role))

SUBMIT = message(Role.ESME, number=7).encode()
#: A submit_sm whose source_addr is too long.
BAD_SOURCE = frame(4, b"\0" + b"\1\1" + b"1" * 21 + b"\0" + SUBMIT[21:], number=8)


def one(events: list[Any]) -> Any:
    (event,) = events
    return event


# R1: the stream is out of step.


@pytest.mark.parametrize("length", [0, 1, 15, MAX_PDU + 1, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("octets", [4, 12, 16, 40])
def test_F01_F02_F03_a_wrong_length_is_answered_once_and_ends(length: int, octets: int) -> None:
    mc = bound(Role.MC)
    bad = length.to_bytes(4, "big") + bytes.fromhex("00000004 00000000 00000009") + bytes(24)
    first, close = receive(mc, SUBMIT, bad[:octets])
    assert isinstance(first, SubmitSM)
    assert isinstance(close, Close)
    assert close.grace == 1.0
    assert not close.unbind
    assert str(length) in close.reason
    number = 9 if octets >= 16 else 0
    assert sent(mc) == [GenericNack(command_status=S.ESME_RINVCMDLEN, sequence_number=number)]
    assert mc.violations == 1
    assert mc.framing.partial <= len(bad)


def test_F04_another_protocol_is_named_and_its_octets_are_no_number() -> None:
    mc = Session(Role.MC, now=0.0)
    close = one(receive(mc, b"GET / HTTP/1.1\r\nHost: smsc\r\n\r\n"))
    assert "looks like HTTP" in close.reason
    assert sent(mc) == [GenericNack(command_status=S.ESME_RINVCMDLEN)]


@pytest.mark.parametrize("over", [0, 1])
def test_F10_the_limit_counts_before_and_after_the_bind(over: int) -> None:
    for session, limit in (
        (Session(Role.MC, now=0.0), MAX_PDU_UNBOUND),
        (bound(Role.MC), MAX_PDU),
        (bound(Role.MC, max_pdu=1000), 1000),
        (Session(Role.ESME, now=0.0), MAX_PDU),
    ):
        body = bytes(limit - 16 + over)
        event = one(receive(session, frame(0x999, body)))
        assert isinstance(event, Close if over else Violation)


def test_the_limit_changes_behind_a_bind_of_the_same_read() -> None:
    mc = Session(Role.MC, now=0.0)
    seen = []
    for event in mc.receive(octets_of(bind_of(V3_4), frame(0x999, bytes(5000))), 0.0):
        if event is mc.binding:
            mc.answer(event, event.answer())
        else:
            seen.append(event)
    assert [event.reason for event in seen] == ["unknown command"]


# R2: an intact frame with a wrong body.


@each_role
@pytest.mark.parametrize("cls", REQUESTS, ids=lambda cls: cls.command)
def test_R2_a_malformed_request_is_answered_with_its_response(role: Role, cls: Any) -> None:
    session = bound(role)
    if not cls.fields:
        return
    # Without its last octets, or with no NUL at all.
    for body in (b"", b"x" * 200):
        event = receive(session, frame(cls.command_id, body, number=5))[0]
        assert isinstance(event, Violation)
        assert event.command_id == cls.command_id
        assert event.size == 16 + len(body)
        if cls.answer is None:
            assert event.answered is None
            assert session.data_to_send() == b""
        else:
            answer = one(sent(session))
            part_of_it = session.version in cls.versions
            assert type(answer) is (cls.answer if part_of_it else GenericNack)
            assert answer.command_status == event.answered != 0
            assert answer.sequence_number == 5
            assert len(answer.encode()) == 16


def test_R2_the_status_is_that_of_the_field_and_the_session_stays() -> None:
    mc = bound(Role.MC)
    violation, good = receive(mc, BAD_SOURCE, SUBMIT)
    assert violation.answered == S.ESME_RINVSRCADR
    assert good == decode(SUBMIT)
    assert mc.bound
    assert one(sent(mc)).command_status == S.ESME_RINVSRCADR


def test_F13_good_pdus_behind_a_malformed_one_are_processed() -> None:
    mc = bound(Role.MC)
    events = receive(mc, SUBMIT, BAD_SOURCE, SUBMIT, BAD_SOURCE, SUBMIT)
    assert [type(event) for event in events] == [SubmitSM, Violation, SubmitSM, Violation, SubmitSM]


def test_R2_a_violation_has_no_value_of_the_pdu_in_it() -> None:
    mc = Session(Role.MC, now=0.0)
    bind = bind_of(V3_4)
    octets = bind.encode().replace(b"secret\0", b"secretsecretsecret\0")
    octets = frame(bind.command_id, octets[16:])
    violation = one(receive(mc, octets))
    assert violation.answered == S.ESME_RINVPASWD
    assert "secret" not in str(violation)
    assert mc.state is State.OPEN


def test_F14_a_status_in_a_request_is_ignored() -> None:
    mc = bound(Role.MC)
    event = one(receive(mc, frame(4, SUBMIT[16:], status=0x45, number=7)))
    assert isinstance(event, SubmitSM)


# R3: what nobody has declared.


@pytest.mark.parametrize("command_id", [0x999, 0x00010200, 0x000102FF, 0x7FFFFFFF, 0, 0x0A])
def test_R3_an_unknown_request_is_nacked_and_the_session_stays(command_id: int) -> None:
    mc = bound(Role.MC)
    unknown, good = receive(mc, frame(command_id, b"body", number=6), SUBMIT)
    assert unknown == Violation("unknown command", command_id, 6, 0, S.ESME_RINVCMDID)
    assert isinstance(good, SubmitSM)
    assert sent(mc) == [GenericNack(command_status=S.ESME_RINVCMDID, sequence_number=6)]


@pytest.mark.parametrize("command_id", [0x80000999, 0xFFFFFFFF, 0x8000000B])
def test_R3_an_unknown_response_is_ignored(command_id: int) -> None:
    mc = bound(Role.MC)
    pending = mc.request(message(Role.MC), 0.0)
    mc.data_to_send()
    unknown = UnknownPDU(command_id, sequence_number=pending.request.sequence_number)
    event = one(receive(mc, unknown))
    assert isinstance(event, Violation)
    assert event.answered is None
    assert mc.data_to_send() == b""
    assert mc.in_flight == 1


def test_F15_a_command_of_5_0_is_unknown_on_a_session_of_3_4() -> None:
    for version, status in ((V3_3, S.ESME_RINVCMDID), (V3_4, S.ESME_RINVCMDID), (V5_0, None)):
        mc = bound(Role.MC, version=version, state=State.BOUND_TX)
        event = one(receive(mc, QueryBroadcastSM(message_id="1", sequence_number=4)))
        if status is None:
            assert isinstance(event, QueryBroadcastSM)
        else:
            assert event.answered == status
            assert sent(mc) == [GenericNack(command_status=status, sequence_number=4)]
    assert BroadcastSM.versions == (V5_0,)


# R4: responses are never answered.


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 20), st.binary(max_size=40))))
def test_R4_no_response_is_ever_answered(responses: list[tuple[int, int, bytes]]) -> None:
    esme = bound(Role.ESME)
    for _ in range(3):
        esme.request(message(Role.ESME), 0.0)
    esme.data_to_send()
    for command_id, number, body in responses:
        for event in receive(esme, frame(command_id | 0x80000000, body, number=number)):
            assert isinstance(event, Violation | Pending | Close)
            if isinstance(event, Violation):
                assert event.answered is None
    assert esme.data_to_send() == b""


# Not permitted now.


@each_role
@pytest.mark.parametrize("state", BOUND)
@pytest.mark.parametrize("version", [V3_4, V5_0])
def test_what_is_not_permitted_is_answered_with_its_response(
    role: Role, state: State, version: InterfaceVersion
) -> None:
    for cls in REQUESTS:
        session = bound(role, state=state, version=version)
        pdu = decode(EXAMPLES[cls.command])
        pdu.sequence_number = 9
        event = one(receive(session, pdu) or [None])
        if not isinstance(event, Violation):
            continue
        if version not in cls.versions:
            assert sent(session) == [
                GenericNack(command_status=S.ESME_RINVCMDID, sequence_number=9)
            ]
        elif cls.answer is None:
            assert session.data_to_send() == b""
        else:
            status = S.ESME_RALYBND if "bind_" in cls.command else S.ESME_RINVBNDSTS
            expected = cls.answer(command_status=status, sequence_number=9)
            assert sent(session) == [expected]
            assert event.answered == status
        assert session.state is state


def test_A05_an_operation_before_the_bind_is_refused_and_the_third_ends_it() -> None:
    mc = Session(Role.MC, now=0.0)
    for number in range(1, UNBOUND_ERRORS):
        violation = one(receive(mc, message(Role.ESME, number=number)))
        assert violation.reason == "not permitted in state OPEN"
        assert violation.answered == S.ESME_RINVBNDSTS
    violation, close = receive(mc, message(Role.ESME, number=UNBOUND_ERRORS))
    assert violation.answered == S.ESME_RINVBNDSTS
    assert close == Close("operations before a bind")
    refusals = [
        SubmitSMResp(command_status=S.ESME_RINVBNDSTS, sequence_number=number)
        for number in range(1, UNBOUND_ERRORS + 1)
    ]
    assert sent(mc) == refusals
    assert UNBOUND_ERRORS == 3


def test_A05_unknown_commands_before_the_bind_count_as_well() -> None:
    mc = Session(Role.MC, now=0.0)
    receive(mc, frame(0x999), frame(0x998))
    *_, close = receive(mc, frame(0x997))
    assert isinstance(close, Close)


def test_A02_enquiries_before_the_bind_are_answered_five_times() -> None:
    for version in (V3_3, V3_4, V5_0):
        mc = Session(Role.MC, now=0.0, version=version)
        for number in range(1, UNBOUND_ENQUIRIES + 3):
            assert receive(mc, EnquireLink(sequence_number=number)) == []
        assert sent(mc) == [EnquireLinkResp(sequence_number=n) for n in (1, 2, 3, 4, 5)]


def test_A02_once_it_is_bound_all_are_answered() -> None:
    mc = Session(Role.MC, now=0.0)
    receive(mc, *[EnquireLink(sequence_number=n) for n in range(9)])
    bind = one(receive(mc, bind_of(V5_0)))
    mc.answer(bind, bind.answer())
    mc.data_to_send()
    receive(mc, *[EnquireLink(sequence_number=n) for n in range(9)])
    assert len(frames(mc.data_to_send())) == 9


@pytest.mark.parametrize("one_read", [True, False])
def test_A06_more_than_a_bind_before_its_answer_ends_the_connection(one_read: bool) -> None:
    mc = Session(Role.MC, now=0.0)
    bind = bind_of(V3_4)
    behind = SUBMIT * (UNBOUND_BUFFER // len(SUBMIT) + 1)
    fits = behind[:UNBOUND_BUFFER]
    if one_read:
        assert one(receive(mc, bind, fits)) == bind
        assert receive(mc, b"") == []
    else:
        assert one(receive(mc, bind)) == bind
        assert receive(mc, fits) == []
    assert mc.framing.partial == UNBOUND_BUFFER
    close = one(receive(mc, b"x"))
    assert close == Close("more than a bind before the bind was answered", grace=0)
    assert mc.data_to_send() == b""


@pytest.mark.parametrize("state", BOUND)
def test_A07_a_second_bind_is_refused_and_the_session_stays(state: State) -> None:
    mc = bound(Role.MC, state=state)
    violation = one(receive(mc, bind_of(V3_4, number=12)))
    assert violation.answered == S.ESME_RALYBND
    assert mc.state is state
    assert mc.binding is None
    expected = BindTransceiverResp(command_status=S.ESME_RALYBND, sequence_number=12)
    assert sent(mc) == [expected]


def test_a_message_centre_may_not_bind() -> None:
    esme = Session(Role.ESME, now=0.0)
    violation = one(receive(esme, bind_of(V3_4)))
    assert violation.answered == S.ESME_RINVBNDSTS
    assert esme.state is State.OPEN
    assert esme.binding is None


def test_nothing_is_answered_once_the_session_is_closed() -> None:
    esme = bound(Role.ESME, version=V3_4)
    esme.lost()
    event = one(receive(esme, message(Role.MC, number=1)))
    assert event.answered is None
    assert esme.data_to_send() == b""


# R5: how often.


def test_R5_so_many_malformed_pdus_a_minute() -> None:
    mc = bound(Role.MC)
    for _ in range(MALFORMED_PER_MINUTE):
        assert isinstance(one(receive(mc, BAD_SOURCE)), Violation)
    violation, close = receive(mc, BAD_SOURCE)
    assert violation.answered == S.ESME_RINVSRCADR
    assert close == Close("too many malformed PDUs", unbind=True)
    assert MALFORMED_PER_MINUTE == 10


def test_R5_before_the_bind_there_is_no_unbind() -> None:
    mc = Session(Role.MC, now=0.0)
    bad = frame(BindTransceiver.command_id)
    events = receive(mc, *[bad] * (MALFORMED_PER_MINUTE + 1))
    assert events[-1] == Close("too many malformed PDUs", unbind=False)


def test_R5_a_slow_trickle_of_malformed_pdus_is_borne() -> None:
    mc = bound(Role.MC)
    for second in range(0, 3600, 60 // MALFORMED_PER_MINUTE):
        assert isinstance(one(receive(mc, BAD_SOURCE, now=float(second))), Violation)


def test_Q05_so_many_responses_to_no_request_a_minute() -> None:
    esme = bound(Role.ESME)
    for _ in range(UNMATCHED_PER_MINUTE):
        assert isinstance(one(receive(esme, SubmitSMResp(sequence_number=99))), Violation)
    _, close = receive(esme, SubmitSMResp(sequence_number=99))
    assert close == Close("too many responses to no request", unbind=True)
    assert UNMATCHED_PER_MINUTE == 100


def test_violations_are_counted() -> None:
    mc = bound(Role.MC)
    receive(mc, BAD_SOURCE, frame(0x999), bind_of(V3_4), BindReceiverResp(), SUBMIT)
    assert mc.violations == 4


def test_a_budget_refills_evenly() -> None:
    budget = Budget(2, 60.0, 0.0)
    assert [budget.spend(0.0) for _ in range(3)] == [True, True, False]
    assert not budget.spend(29.0)
    assert budget.spend(59.1)
    assert not budget.spend(59.1)
    # However long it was left alone, it holds no more than its most.
    assert [budget.spend(1e6) for _ in range(3)] == [True, True, False]


# All of it.


@given(
    st.lists(
        st.one_of(
            st.sampled_from(sorted(EXAMPLES.values())),
            st.builds(
                frame,
                st.sampled_from([cls.command_id for cls in CLASSES]) | st.integers(0, 0xFFFFFFFF),
                st.binary(max_size=60),
                st.integers(0, 0xFFFFFFFF),
                st.integers(0, 5) | st.integers(0, 0xFFFFFFFF),
            ),
            st.binary(max_size=40),
        ),
        max_size=20,
    ),
    st.sampled_from([*BOUND, State.OPEN]),
    st.sampled_from(list(Role)),
)
def test_F09_any_octets_make_events_and_answers_that_are_pdus(
    parts: list[bytes], state: State, role: Role
) -> None:
    timers = Timers(enquire_interval=None)
    session = Session(role, now=0.0, timers=timers)
    if state is not State.OPEN:
        session = bound(role, state=state, timers=timers)
        session.request(EnquireLink(), 0.0)
        session.data_to_send()
    for part in parts:
        answered = 0
        for event in session.receive(part, 0.0):
            if isinstance(event, Request) and event.answer is not None:
                answered += session.answer(event, event.answer(command_status=8))
            elif isinstance(event, Close):
                break
        for pdu in sent(session):
            assert pdu.is_response
        assert session.state in State
    assert session.framing.partial <= sum(map(len, parts))


def test_deliveries_to_a_bound_esme_are_answered_with_the_version_in_use() -> None:
    esme = bound(Role.ESME, version=V3_3, state=State.BOUND_RX)
    event = one(receive(esme, DeliverSM(sequence_number=3)))
    assert esme.answer(event, DeliverSMResp())
    assert sent(esme) == [DeliverSMResp(sequence_number=3)]
    assert one(receive(esme, Unbind(sequence_number=4)))
