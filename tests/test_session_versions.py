# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Which version two sides speak, and what it changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions import BIND_FOR, V3_3, V3_4, V5_0, bind_of, bound, link, message, receive, sent

from twisted_smpp.errors import FieldError, NotPermitted
from twisted_smpp.events import Violation
from twisted_smpp.session import Session
from twisted_smpp.states import BOUND, Role, State
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdu import UnknownPDU
from twisted_smpp.wire.pdus import (
    BindTransceiverResp,
    DataSM,
    DataSMResp,
    GenericNack,
    QueryBroadcastSM,
    SubmitSM,
    SubmitSMResp,
)
from twisted_smpp.wire.tlvs import (
    message_payload,
    sar_msg_ref_num,
    sar_segment_seqnum,
    sc_interface_version,
    user_message_reference,
)


def one(events: list[Any]) -> Any:
    (event,) = events
    return event


@pytest.mark.parametrize("ours", [V3_3, V3_4, V5_0])
@pytest.mark.parametrize("theirs", [V3_3, V3_4, V5_0])
@pytest.mark.parametrize("says", [True, False])
def test_the_older_version_of_the_two_is_spoken(
    ours: InterfaceVersion, theirs: InterfaceVersion, says: bool
) -> None:
    esme = Session(Role.ESME, now=0.0, version=theirs)
    mc = Session(Role.MC, now=0.0, version=ours)
    esme.request(bind_of(theirs, State.BOUND_TX), 0.0)
    bind = one(link(esme, mc)[1])
    mc.answer(bind, bind.answer())
    spoken = min(ours, theirs)
    response = one(sent(mc))
    told = response.tlvs.get(sc_interface_version)
    assert told == (None if spoken is V3_3 else spoken)
    if not says:
        response.tlvs = None
    receive(esme, response)
    assert mc.version is spoken
    # A message centre that says nothing is taken at the word of the bind.
    assert esme.version is (spoken if says and spoken is not V3_3 else theirs)


@given(
    value=st.integers(0, 255), mode=st.sampled_from(BOUND), ours=st.sampled_from([V3_3, V3_4, V5_0])
)
def test_A15_an_odd_version_never_fails_a_bind(
    value: int, mode: State, ours: InterfaceVersion
) -> None:
    mc = Session(Role.MC, now=0.0, version=ours)
    asked = BIND_FOR[mode](interface_version=value, sequence_number=1)
    events = receive(mc, asked)
    if ours is V3_3 and mode is State.BOUND_TRX:
        assert isinstance(one(events), Violation)
        return
    bind = one(events)
    assert mc.answer(bind, bind.answer())
    assert mc.state is mode
    expected = V3_3 if value < 0x34 else V3_4 if value < 0x50 else V5_0
    assert mc.version is min(ours, expected)
    (response,) = sent(mc)
    version = min(ours, expected)
    assert response.tlvs.get(sc_interface_version) == (None if version is V3_3 else version)


@pytest.mark.parametrize(
    ("told", "version"),
    [(0x00, V3_3), (0x33, V3_3), (0x34, V3_4), (0x4F, V3_4), (0x50, V5_0), (0xFF, V5_0)],
)
def test_A15_an_odd_answer_never_fails_a_bind(told: int, version: InterfaceVersion) -> None:
    esme = Session(Role.ESME, now=0.0, version=V5_0)
    esme.request(bind_of(V5_0), 0.0)
    receive(esme, BindTransceiverResp(sequence_number=1, tlvs={sc_interface_version: told}))
    assert esme.state is State.BOUND_TRX
    assert esme.version is version


def test_A15_a_version_of_a_wrong_size_is_as_good_as_none() -> None:
    esme = Session(Role.ESME, now=0.0, version=V5_0)
    esme.request(bind_of(V3_4), 0.0)
    receive(esme, UnknownPDU(0x80000009, bytes.fromhex("00 0210 0002 3434"), sequence_number=1))
    assert esme.state is State.BOUND_TRX
    assert esme.version is V3_4


def test_a_message_centre_of_5_0_does_not_raise_a_bind_of_3_4() -> None:
    # jsmpp announces 5.0 to everybody.
    esme = Session(Role.ESME, now=0.0, version=V5_0)
    esme.request(bind_of(V3_4), 0.0)
    receive(esme, BindTransceiverResp(sequence_number=1, tlvs={sc_interface_version: 0x50}))
    assert esme.version is V3_4


def test_to_a_peer_of_3_3_no_tlvs_are_sent_and_ids_are_short() -> None:
    mc = bound(Role.MC, version=V3_3, state=State.BOUND_TX)
    request = one(receive(mc, message(Role.ESME, number=5)))
    with pytest.raises(FieldError, match="message_id"):
        mc.answer(request, SubmitSMResp(message_id="123456789"))
    mc.answer(request, SubmitSMResp(message_id="12345678"))
    assert one(sent(mc)).message_id == "12345678"


@pytest.mark.parametrize("tlv", [message_payload, sar_msg_ref_num, sar_segment_seqnum])
def test_to_a_peer_of_3_3_no_message_goes_that_needs_its_tlvs(tlv: Any) -> None:
    esme = bound(Role.ESME, version=V3_3, state=State.BOUND_TX)
    value = b"text" if tlv is message_payload else 1
    with pytest.raises(FieldError, match=r"SMPP 3\.3 has no TLVs") as caught:
        esme.request(SubmitSM(tlvs={user_message_reference: 1, tlv: value}), 0.0)
    assert caught.value.field == tlv.name
    assert caught.value.command_status == 0xC1
    assert esme.in_flight == 0
    assert esme.request(SubmitSM(tlvs={user_message_reference: 1}), 0.0)
    assert len(one(sent(esme)).tlvs) == 0


def test_commands_of_5_0_need_5_0() -> None:
    for version in (V3_4, V5_0):
        esme = bound(Role.ESME, version=version)
        if version is V5_0:
            assert esme.request(QueryBroadcastSM(message_id="1"), 0.0)
        else:
            with pytest.raises(NotPermitted):
                esme.request(QueryBroadcastSM(message_id="1"), 0.0)


def test_a_session_may_set_its_own_sc_interface_version() -> None:
    mc = Session(Role.MC, now=0.0)
    bind = one(receive(mc, bind_of(V5_0)))
    mc.answer(bind, bind.answer(tlvs={sc_interface_version: 0x34}))
    assert one(sent(mc)).tlvs[sc_interface_version] == 0x34


# Answers to what is accepted by a looser rule than that of sending.


@pytest.mark.parametrize("version", [V3_4, V5_0])
@pytest.mark.parametrize(
    ("role", "state"), [(Role.MC, State.BOUND_RX), (Role.ESME, State.BOUND_TX)]
)
def test_data_sm_that_is_accepted_is_answered(
    version: InterfaceVersion, role: Role, state: State
) -> None:
    session = bound(role, version=version, state=state)
    request = one(receive(session, DataSM(sequence_number=6)))
    assert session.answer(request, request.answer())
    assert sent(session) == [DataSMResp(sequence_number=6)]
    assert session.state is state


@pytest.mark.parametrize("version", [V3_3, V3_4, V5_0])
def test_a_bind_may_be_nacked_in_every_version(version: InterfaceVersion) -> None:
    mc = Session(Role.MC, now=0.0, version=version)
    bind = one(receive(mc, bind_of(version, State.BOUND_TX)))
    assert mc.answer(bind, GenericNack(command_status=3))
    assert sent(mc) == [GenericNack(command_status=3, sequence_number=1)]
    assert mc.binding is None
    assert mc.state is State.OPEN


def test_a_response_of_another_command_is_not_let_through() -> None:
    mc = bound(Role.MC, state=State.BOUND_RX)
    request = one(receive(mc, DataSM(sequence_number=6)))
    assert not mc.answer(request, SubmitSMResp())
    assert mc.data_to_send() == b""
    other = DataSM(sequence_number=7)
    mc.lost()
    assert not mc.answer(other, other.answer())
