"""The operation matrix against the tables of the standard, and the moves between states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sessions import BIND_FOR, V3_3, V3_4, V5_0, bind_of, bound, link
from wire_data import BY_COMMAND, CLASSES, COMMANDS, VERSIONS, load

from twisted_smpp import matrix
from twisted_smpp.errors import NotPermitted
from twisted_smpp.session import Session
from twisted_smpp.states import BOUND, CONNECTED, Role, State
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire import pdu, pdus
from twisted_smpp.wire.pdu import Request, Response, UnknownPDU, decode, registry

TABLES: dict[str, Any] = load("session.json")
PERMITTED: dict[str, dict[str, dict[str, list[str]]]] = TABLES["permitted"]

DATA = {"data_sm", "data_sm_resp"}
ALIVE = {"enquire_link", "enquire_link_resp", "generic_nack"}
EXAMPLES = {command["name"]: bytes.fromhex(command["example"]["hex"]) for command in COMMANDS}


def standard(version: InterfaceVersion, state: State, role: Role) -> set[str]:
    """What the standard's table lets a side send."""
    return set(PERMITTED[version.text].get(state.name, {}).get(role.name, []))


def documented(version: InterfaceVersion, state: State, role: Role) -> set[str]:
    """The same with the notes of the table applied: what this package sends."""
    allowed = standard(version, state, role)
    if version is V3_4 and state is State.BOUND_TRX:
        allowed.add("replace_sm" if role is Role.ESME else "replace_sm_resp")
    if version is V3_4 and state in BOUND:
        # Sent by the rule of 5.0, which has no word for what 3.4 adds.
        allowed -= DATA - standard(V5_0, state, role)
    return allowed


CELLS = [
    pytest.param(version, state, role, id=f"{version.text}-{state.name}-{role.name}")
    for version in (V3_4, V5_0)
    for state in State
    for role in Role
]
each_cell = pytest.mark.parametrize(("version", "state", "role"), CELLS)


def names(moves: matrix.Moves) -> set[str]:
    by_id = {cls.command_id: cls.command for cls in CLASSES}
    return {by_id[command_id] for command_id in moves if command_id in by_id}


def test_the_tables_have_every_state_and_side() -> None:
    assert set(PERMITTED) == {"3.4", "5.0"}
    for version, states in PERMITTED.items():
        expected = {row["name"] for row in TABLES["states"] if version in row["versions"]}
        assert set(states) == expected
        assert all(set(sides) == {"ESME", "MC"} for sides in states.values())
    assert {row["name"] for row in TABLES["states"]} == {state.name for state in State}


@each_cell
def test_what_is_sent_is_what_the_standard_lists(
    version: InterfaceVersion, state: State, role: Role
) -> None:
    assert names(matrix.may_send(role, version, state)) == documented(version, state, role)


@each_cell
def test_what_is_accepted_is_what_the_other_may_send_and_the_looser_text(
    version: InterfaceVersion, state: State, role: Role
) -> None:
    expected = documented(version, state, role.peer)
    if state in BOUND:
        expected |= DATA
    if state in CONNECTED:
        expected |= ALIVE
    assert names(matrix.may_receive(role, version, state)) == expected


@pytest.mark.parametrize("state", [state for state in State if state is not State.OUTBOUND])
@pytest.mark.parametrize("role", list(Role))
def test_3_3_has_the_commands_of_3_4_that_it_knows_and_its_own(role: Role, state: State) -> None:
    own = {cls.command for cls in CLASSES if cls.versions == (V3_3,)}
    assert own == {
        *("param_retrieve", "query_last_msgs", "query_msg_details"),
        *("param_retrieve_resp", "query_last_msgs_resp", "query_msg_details_resp"),
    }
    asks = {name for name in own if not name.endswith("_resp")}
    expected = {name for name in documented(V3_4, state, role) if V3_3 in BY_COMMAND[name].versions}
    if state is State.BOUND_TX:
        expected |= asks if role is Role.ESME else own - asks
    assert names(matrix.may_send(role, V3_3, state)) == expected


def test_3_3_has_no_outbind_and_no_transceiver() -> None:
    sent = names(matrix.may_send(Role.ESME, V3_3, State.OPEN))
    assert sent == {"bind_receiver", "bind_transmitter"}
    assert "outbind" not in names(matrix.may_send(Role.MC, V3_3, State.OPEN))


@each_cell
def test_messages_are_the_requests_for_the_application(
    version: InterfaceVersion, state: State, role: Role
) -> None:
    accepted = names(matrix.may_receive(role, version, state))
    link = {"bind_receiver", "bind_transmitter", "bind_transceiver", "enquire_link", "unbind"}
    expected = {name for name in accepted - link if not BY_COMMAND[name].is_response}
    messages = matrix.may_receive_messages(role, version, state)
    # outbind moves the session: it is told to the application, but is no message.
    assert {cls.command for cls in CLASSES if cls.command_id in messages} == expected - {"outbind"}


def test_a_session_lets_the_application_send_only_what_the_table_has() -> None:
    for state in BOUND:
        for role in Role:
            allowed = documented(V5_0, state, role)
            for cls in CLASSES:
                if cls.is_response:
                    continue
                session = bound(role, state=state)
                if cls.command in allowed:
                    session.check(sample(cls))
                    session.request(sample(cls), 0.0)
                    assert session.data_to_send()
                else:
                    with pytest.raises(NotPermitted, match=f"{cls.command} is not permitted"):
                        session.request(sample(cls), 0.0)
                    assert session.data_to_send() == b""


def sample(cls: Any) -> Any:
    return decode(EXAMPLES[cls.command])


# The moves.


def test_every_move_of_the_table_is_tested_here() -> None:
    events = {row["event"] for row in TABLES["transitions"]}
    assert events == {
        "ESME connects to MC",
        "MC connects to ESME",
        "MC sends outbind",
        "bind_transmitter_resp with status 0",
        "bind_receiver_resp with status 0",
        "bind_transceiver_resp with status 0",
        "bind response with non-zero status",
        "ESME does not accept the outbind and disconnects",
        "unbind answered with unbind_resp",
        "unbind answered with unbind_resp, connection closed",
        "connection closed",
        "connection lost or closed by either side",
    }


def moves() -> Iterator[Any]:
    for row in TABLES["transitions"]:
        for start in row["from"].split("|"):
            for version in row["versions"]:
                yield pytest.param(
                    VERSIONS[version],
                    start,
                    row["event"],
                    State[row["to"]],
                    id=f"{version}-{start}-{row['event'].replace(' ', '_')}",
                )


class Both:
    """The two ends of one conversation."""

    def __init__(self, version: InterfaceVersion) -> None:
        self.esme = Session(Role.ESME, now=0.0, version=version)
        self.mc = Session(Role.MC, now=0.0, version=version)
        self.version = version

    @property
    def states(self) -> set[State]:
        return {self.esme.state, self.mc.state}

    def carry(self) -> list[Any]:
        _, told = link(self.esme, self.mc)
        return [event for event in told if isinstance(event, Request)]

    def bind(self, state: State, status: int = 0) -> None:
        self.esme.request(bind_of(self.version, state), 0.0)
        (bind,) = self.carry()
        self.mc.answer(bind, bind.answer(command_status=status))
        link(self.esme, self.mc)

    def outbind(self) -> None:
        assert self.mc.request(pdus.Outbind(system_id="mc"), 0.0) is None
        told, _ = link(self.esme, self.mc)
        (outbind,) = told
        assert isinstance(outbind, pdus.Outbind)

    def go_to(self, start: str) -> None:
        if start == "OUTBOUND" and self.version is V5_0:
            self.outbind()
        elif start in {"BOUND_TX", "BOUND_RX", "BOUND_TRX", "UNBOUND", "*"}:
            self.bind(State[start] if start.startswith("BOUND_") else State.BOUND_TRX)
        if start == "UNBOUND":
            self.unbind()

    def unbind(self) -> None:
        self.esme.request(pdus.Unbind(), 0.0)
        (unbind,) = self.carry()
        self.mc.answer(unbind, unbind.answer())
        link(self.esme, self.mc)

    def lost(self) -> None:
        self.esme.lost()
        self.mc.lost()

    def happens(self, event: str) -> None:
        binds = {f"{cls.command}_resp with status 0": state for state, cls in BIND_FOR.items()}
        if event in binds:
            self.bind(binds[event])
        elif event == "bind response with non-zero status":
            self.bind(State.BOUND_TRX, 0x0D)
        elif event == "MC sends outbind":
            self.outbind()
        elif event.startswith("unbind answered"):
            self.unbind()
        elif event not in {"ESME connects to MC", "MC connects to ESME"}:
            self.lost()


@pytest.mark.parametrize(("version", "start", "event", "end"), list(moves()))
def test_both_sides_move_as_the_standard_says(
    version: InterfaceVersion, start: str, event: str, end: State
) -> None:
    both = Both(version)
    both.go_to(start)
    both.happens(event)
    assert both.states == {end}


@pytest.mark.parametrize("state", BOUND)
def test_the_message_centre_may_unbind_too(state: State) -> None:
    both = Both(V5_0)
    both.bind(state)
    both.mc.request(pdus.Unbind(), 0.0)
    told, _ = link(both.esme, both.mc)
    (unbind,) = told
    both.esme.answer(unbind, unbind.answer())  # type: ignore[arg-type, union-attr]
    link(both.esme, both.mc)
    assert both.states == {State.UNBOUND}


@pytest.mark.parametrize("state", [State.UNBOUND, State.CLOSED])
def test_nothing_is_asked_of_the_application_after_the_end(state: State) -> None:
    for role in Role:
        assert matrix.may_receive_messages(role, V5_0, state) == frozenset()
        assert matrix.may_receive_messages(role, V3_4, state) == frozenset()


# Which response answers which request.


def test_a_response_answers_its_own_request_and_no_other() -> None:
    requests = [cls for cls in CLASSES if cls.answer is not None]
    binds = {cls.command for cls in matrix.BINDS}
    for cls in requests:
        request = cls(sequence_number=7)
        for other in requests:
            mixed = cls.command in binds and other.command in binds
            expected = cls is other or mixed
            assert matrix.answers(other.answer(sequence_number=7), request) is expected
        assert matrix.answers(pdus.GenericNack(), request)


def test_an_unknown_response_answers_the_request_of_its_number() -> None:
    submit = pdus.SubmitSM()
    assert not matrix.answers(UnknownPDU(0x80000999), submit)
    assert not matrix.answers(UnknownPDU(0x00000999), submit)


def test_a_command_declared_later_is_in_the_table() -> None:
    before = matrix.may_send(Role.ESME, V5_0, State.BOUND_TX)

    class LaterResp(Response, command_id=0x80010291):
        pass

    class Later(Request[LaterResp], command_id=0x00010291, esme_in=BOUND):
        pass

    try:
        after = matrix.may_send(Role.ESME, V5_0, State.BOUND_TX)
        assert set(after) - set(before) == {0x00010291}
        assert 0x80010291 in matrix.may_send(Role.MC, V5_0, State.BOUND_RX)
        assert 0x00010291 in matrix.may_receive_messages(Role.MC, V5_0, State.BOUND_TX)
    finally:
        for command_id in (0x80010291, 0x00010291):
            del registry[command_id]
            for version in pdu.ALL_VERSIONS:
                pdu._decoders[version].pop(command_id)
        for cached in (matrix._sends, matrix._receives, matrix._messages):
            cached.cache_clear()


def test_only_what_a_message_id_says_all_of_is_accepted_by_one() -> None:
    assert matrix.accepts(Role.MC, InterfaceVersion.V3_4, State.BOUND_TRX) == {
        pdus.SubmitSM: pdus.SubmitSMResp.command_id,
        pdus.DataSM: pdus.DataSMResp.command_id,
    }
    assert not matrix.accepts(Role.MC, InterfaceVersion.V3_3, State.BOUND_TRX)  # 9 octets, there
    # A receiver may send a data_sm, by a looser rule than that of sending.
    assert matrix.accepts(Role.MC, InterfaceVersion.V3_4, State.BOUND_RX).keys() == {pdus.DataSM}
    assert not matrix.accepts(Role.MC, InterfaceVersion.V3_4, State.CLOSED)
    assert not matrix.accepts(Role.ESME, InterfaceVersion.V3_4, State.BOUND_TRX)


def test_consent_is_what_an_answer_with_nothing_in_it_would_be() -> None:
    for version in InterfaceVersion:
        for role in Role:
            for state in BOUND:
                for cls, (before, behind) in matrix.consents(role, version, state).items():
                    response = cls.answer(sequence_number=0x12345678)
                    octets = pdu.encoders(version)[cls.answer](response)
                    assert before + b"\x12\x34\x56\x78" + behind == octets
    assert pdus.SubmitSM in matrix.consents(Role.MC, InterfaceVersion.V3_4, State.BOUND_TRX)
    assert pdus.DeliverSM in matrix.consents(Role.ESME, InterfaceVersion.V3_4, State.BOUND_TRX)
    assert not matrix.consents(Role.ESME, InterfaceVersion.V3_4, State.CLOSED)
