# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The heartbeat of a protocol: one timer, enquiries, dead peers, binds that do not come."""

from __future__ import annotations

from typing import Any

import pytest
from pairs import Held, beats_at, bound_pair, ignore, silent, submit
from sessions import frames
from twisted.internet.task import Clock

from twisted_smpp.errors import (
    ResponseTimeout,
)
from twisted_smpp.events import Timers
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import connect, failure, success
from twisted_smpp.wire.pdus import (
    BindTransceiver,
    EnquireLink,
    Unbind,
)


def test_one_timer_for_a_session_whatever_it_does() -> None:
    held = Held()
    pair = bound_pair(on_request=held, smsc={"answer_timeout": 1000})
    assert len(beats_at(pair)) == 2
    responses = [submit(pair) for _ in range(30)]
    pair.flush()
    assert len(beats_at(pair)) == 2
    for n in range(30):
        held.asked[n][1].callback(None)
        pair.flush()
        assert len(beats_at(pair)) == 2
    pair.advance(100)
    assert len(beats_at(pair)) == 2
    assert pair.esme.bound
    pair.drop()
    assert beats_at(pair) == []
    for response in responses:
        success(response)


def test_an_idle_session_wakes_up_for_its_enquiry_only() -> None:
    pair = bound_pair(smsc={"timers": Timers(enquire_interval=None)})
    pair.clock.advance(10.0)  # the bind timers are forgotten
    assert beats_at(pair)[0] == pytest.approx(20.0)


def test_an_enquiry_goes_out_to_the_second() -> None:
    seen: list[tuple[float, str]] = []

    def tap(direction: str, pdu: Any, octets: bytes, time: float) -> None:
        seen.append((time, pdu.command))

    pair = connect(
        esme={"timers": Timers(enquire_interval=2, enquire=10)},
        smsc={"timers": Timers(enquire_interval=None), "taps": [tap]},
    )
    pair.bind()
    seen.clear()
    for _ in range(70):
        pair.clock.advance(0.1)
        pair.flush()
    times = [round(time, 3) for time, command in seen if command == "enquire_link"]
    assert times == pytest.approx([2.0, 4.0, 6.0], abs=0.11)


@pytest.mark.parametrize("when", ["idle", "busy"])
def test_S07_a_dead_peer_is_noticed_within_45_seconds(when: str) -> None:
    lost: list[str] = []
    pair = bound_pair(
        on_request=silent,
        esme={"on_lost": lambda s, why: lost.append(why)},
        smsc={"answer_timeout": 1000},
    )
    responses = [submit(pair) for _ in range(2)] if when == "busy" else []
    pair.flush()
    # The cable is pulled: nothing arrives, nothing is closed.
    for _ in range(449):
        if not lost:
            pair.clock.advance(0.1)
    assert lost == ["the peer does not answer enquire_link"]
    for response in responses:
        failure(response)


def test_S07_a_peer_that_only_answers_is_not_dead() -> None:
    pair = bound_pair()
    pair.advance(600)
    assert pair.esme.bound
    assert pair.smsc.bound
    assert pair.esme.session.violations == 0


def test_Q09_three_timeouts_in_a_row_end_the_session_with_an_unbind() -> None:
    lost: list[str] = []
    pair = bound_pair(
        on_request=silent,
        esme={"timers": Timers(response=5), "on_lost": lambda s, why: lost.append(why)},
        smsc={"answer_timeout": 100},
    )
    seen: list[Any] = []
    pair.smsc.add_tap(lambda direction, pdu, octets, time: seen.append((direction, pdu)))
    responses = [submit(pair) for _ in range(3)]
    pair.advance(5.1)
    for response in responses:
        assert isinstance(failure(response), ResponseTimeout)
    assert [type(pdu) for direction, pdu in seen if direction == "received"][-1] is Unbind
    assert lost == ["3 requests in a row were not answered"]


def test_idle_sessions_are_unbound() -> None:
    lost: list[str] = []
    pair = bound_pair(smsc={"timers": Timers(idle=60), "on_lost": lambda s, why: lost.append(why)})
    pair.advance(59)
    assert pair.esme.bound
    pair.advance(2)
    assert lost == ["no message for 60 s"]


def test_A01_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    pair = connect(esme={"on_refused": ignore})
    pair.esme_transport.written = b""
    pair.clock.advance(4.9)
    assert not pair.smsc_transport.disconnecting
    pair.clock.advance(0.2)
    assert pair.smsc_transport.disconnecting
    assert pair.smsc_transport.written == b""
    assert pair.smsc_transport.writes == 0
    pair.flush()
    assert pair.smsc_transport.lost


def test_A02_enquiries_do_not_hold_an_unbound_connection() -> None:
    pair = connect(esme={"on_refused": ignore})
    pair.esme_transport.written = b""
    answered = 0
    for number in range(60):
        pair.esme_transport.write(EnquireLink(sequence_number=number).encode())
        pair.smsc.dataReceived(pair.esme_transport.taken(16))
        answered += len(frames(pair.smsc_transport.taken(len(pair.smsc_transport.written))))
        pair.clock.advance(0.1)
    assert answered == 5
    assert pair.smsc_transport.disconnecting
    pair.flush()


def test_an_answer_to_a_bind_that_takes_long_does_not_spin_the_clock() -> None:
    held = Held()
    pair = connect(on_bind=held, esme={"timers": Timers(bind=60), "on_refused": ignore})
    pair.advance(4)
    pair.advance(2)  # the bind timer of the message centre is over
    assert all(seconds > 1 for seconds in beats_at(pair))
    held.asked[0][1].callback(S.ESME_RINVPASWD)
    pair.clock.advance(0.01)
    assert pair.smsc_transport.disconnecting
    pair.flush()


def test_every_timer_of_the_session_is_in_the_factory() -> None:
    clock = Clock()
    pair = connect(clock=clock, esme={"on_refused": ignore})
    assert pair.smsc.session.timers.bind == 5
    assert pair.esme.session.timers.bind == 10
    assert pair.esme.session.timers.response == 30
    pair.drop()
    assert clock.getDelayedCalls() == []


def test_the_state_can_be_read() -> None:
    pair = connect()
    assert pair.esme.state is State.OPEN
    assert not pair.esme.bound
    assert pair.esme.peer == "192.0.2.1:2775"
    pair.bind()
    assert pair.esme.state is State.BOUND_TRX
    assert isinstance(pair.esme.bind_request, BindTransceiver)
    assert pair.smsc.bind_request == pair.esme.bind_request
    pair.drop()
    assert pair.esme.state is State.CLOSED
    assert not pair.esme.bound
