# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""How sessions end: unbind from either side, abort, a lost connection, and in between."""

from __future__ import annotations

from typing import Any

import pytest
from pairs import PENDING, Held, bound_pair, ignore, outcome, silent, submit
from sessions import V3_4, V5_0, frames, message, pdus
from twisted.internet.defer import Deferred
from wire_data import frame

from twisted_smpp.errors import NotPermitted, ResponseTimeout, SessionLost
from twisted_smpp.events import Timers
from twisted_smpp.states import Role
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import Pair, connect, failure, success
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdus import (
    DeliverSMResp,
    EnquireLinkResp,
    GenericNack,
    SubmitSMResp,
    Unbind,
    UnbindResp,
)


class Ends:
    """Both sides tell why they ended, and every PDU that the message centre saw."""

    def __init__(self) -> None:
        self.esme: list[str] = []
        self.smsc: list[str] = []
        self.seen: list[tuple[str, Any]] = []

    def settings(self, **more: Any) -> dict[str, dict[str, Any]]:
        def tap(direction: str, pdu: Any, octets: bytes, time: float) -> None:
            self.seen.append((direction, type(pdu)))

        return {
            "esme": {"on_lost": lambda s, why: self.esme.append(why), **more.get("esme", {})},
            "smsc": {
                "on_lost": lambda s, why: self.smsc.append(why),
                "taps": [tap],
                **more.get("smsc", {}),
            },
        }


def nothing_left(pair: Pair) -> None:
    assert pair.esme_transport.lost
    assert pair.smsc_transport.lost
    assert pair.clock.getDelayedCalls() == []


@pytest.mark.parametrize("version", [V3_4, V5_0])
@pytest.mark.parametrize("side", ["esme", "smsc"])
def test_unbind_ends_both_sides(side: str, version: InterfaceVersion) -> None:
    ends = Ends()
    pair = bound_pair(**ends.settings(esme={"interface_version": version}))
    ended = getattr(pair, side).unbind()
    assert outcome(ended) == PENDING
    pair.flush()
    assert success(ended) is None
    other = "esme" if side == "smsc" else "smsc"
    assert getattr(ends, side) == ["unbound"]
    assert getattr(ends, other) == ["the peer has unbound"]
    first = "received" if side == "esme" else "sent"
    last = "sent" if side == "esme" else "received"
    assert ends.seen[-2:] == [(first, Unbind), (last, UnbindResp)]
    nothing_left(pair)


def test_unbind_before_the_bind_just_closes() -> None:
    pair = connect(esme={"on_refused": ignore})
    pair.esme_transport.written = b""
    ended = pair.smsc.unbind()
    pair.flush()
    assert success(ended) is None
    assert pair.smsc_transport.writes == 0
    nothing_left(pair)


def test_unbind_twice_and_after_the_end() -> None:
    pair = bound_pair()
    ended = [pair.esme.unbind(), pair.esme.unbind()]
    pair.flush()
    assert [success(each) for each in ended] == [None, None]
    assert success(pair.esme.unbind()) is None
    assert success(pair.esme.abort()) is None
    nothing_left(pair)


def test_unbind_awaits_the_responses_and_sends_those_that_wait() -> None:
    held, ends = Held(), Ends()
    pair = bound_pair(on_request=held, **ends.settings(esme={"window": 2}))
    responses = [submit(pair, b"%d" % n) for n in range(3)]
    ended = pair.esme.unbind()
    assert not pair.esme.bound
    error = failure(submit(pair))
    assert isinstance(error, NotPermitted)
    assert error.state == "UNBINDING"
    pair.flush()
    assert ("received", Unbind) not in ends.seen
    for n in range(3):
        assert outcome(ended) == PENDING
        held.asked[n][1].callback(None)
        pair.flush()
    for response in responses:
        success(response)
    assert success(ended) is None
    assert ends.seen[-2:] == [("received", Unbind), ("sent", UnbindResp)]
    nothing_left(pair)


def test_unbind_answers_first_what_the_peer_has_asked() -> None:
    held, ends = Held(), Ends()
    pair = bound_pair(on_request=held, **ends.settings())
    response = submit(pair)
    pair.flush()
    ended = pair.smsc.unbind()
    pair.flush()
    assert ("sent", Unbind) not in ends.seen
    held.asked[0][1].callback(None)
    pair.flush()
    success(response)
    success(ended)
    assert [kind for _, kind in ends.seen[-3:]] == [SubmitSMResp, Unbind, UnbindResp]


def test_what_comes_while_it_unbinds_is_to_be_tried_again() -> None:
    held = Held()
    pair = bound_pair(on_request=held, on_deliver=held)
    waiting = submit(pair)
    delivered = pair.smsc.deliver_sm()
    pair.flush()
    assert len(held.asked) == 2
    ended = [pair.smsc.unbind(), pair.esme.unbind()]
    pair.esme_transport.write(message(Role.ESME, number=900).encode())
    pair.smsc_transport.write(message(Role.MC, number=901).encode())
    seen: list[Any] = []
    for side in (pair.esme, pair.smsc):
        side.add_tap(lambda direction, pdu, octets, time: seen.append((direction, pdu)))
    pair.flush()
    assert len(held.asked) == 2
    refusals = [pdu for direction, pdu in seen if direction == "sent"]
    expected = [
        SubmitSMResp(command_status=S.ESME_RSYSERR, sequence_number=900),
        DeliverSMResp(command_status=S.ESME_RX_T_APPN, sequence_number=901),
    ]
    assert sorted(refusals, key=lambda pdu: pdu.sequence_number) == expected
    for _, deferred in held.asked:
        deferred.callback(None)
    pair.flush()
    success(waiting)
    success(delivered)
    for each in ended:
        success(each)
    nothing_left(pair)


def test_unbind_does_not_wait_for_ever() -> None:
    ends = Ends()
    pair = bound_pair(
        on_request=silent,
        **ends.settings(esme={"window": 1}, smsc={"answer_timeout": 1000}),
    )
    sent, waiting = submit(pair), submit(pair)
    ended = pair.esme.unbind(drain=8)
    pair.advance(7.9)
    assert ("received", Unbind) not in ends.seen
    pair.advance(0.2)
    assert ("received", Unbind) in ends.seen
    error = failure(waiting)
    assert isinstance(error, SessionLost)
    assert "never sent" in str(error)
    # The message centre owes an answer: it gives its application 5 s.
    pair.advance(5.1)
    success(ended)
    assert "the outcome is unknown" in str(failure(sent))
    nothing_left(pair)


def test_unbind_goes_on_when_the_last_request_times_out_or_is_cancelled() -> None:
    for how in ("timeout", "cancel"):
        ends = Ends()
        timers = Timers(response=5)
        pair = bound_pair(
            on_request=silent,
            **ends.settings(esme={"timers": timers, "drain": 60}, smsc={"answer_timeout": 1000}),
        )
        response = submit(pair)
        pair.flush()
        ended = pair.esme.unbind()
        if how == "cancel":
            response.cancel()
            pair.flush()
        else:
            pair.advance(5.1)
        assert ends.seen[-1] == ("received", Unbind)
        failure(response)
        pair.advance(5.1)
        success(ended)
        nothing_left(pair)


def test_an_unbind_that_is_not_answered_closes() -> None:
    ends = Ends()
    pair = bound_pair(**ends.settings())
    pair.smsc.pause_reading()
    ended = pair.esme.unbind()
    pair.clock.advance(9.9)
    assert outcome(ended) == PENDING
    pair.clock.advance(0.2)
    assert pair.esme_transport.disconnecting
    pair.clock.advance(10)
    pair.clock.advance(0)
    success(ended)
    nothing_left(pair)


def test_S10_the_unbind_of_the_peer_finishes_what_was_begun() -> None:
    held, ends = Held(), Ends()
    pair = bound_pair(on_request=held, **ends.settings())
    response = submit(pair)
    pair.flush()
    pair.esme_transport.write(Unbind(sequence_number=50).encode())
    pair.flush()
    assert ("sent", UnbindResp) not in ends.seen
    held.asked[0][1].callback(SubmitSMResp(message_id="done"))
    pair.flush()
    assert ends.seen[-2:] == [("sent", SubmitSMResp), ("sent", UnbindResp)]
    assert success(response).message_id == "done"
    assert ends.smsc == ["the peer has unbound"]
    nothing_left(pair)


def test_S10_at_most_for_five_seconds() -> None:
    ends = Ends()
    pair = bound_pair(on_request=silent, **ends.settings(smsc={"answer_timeout": 1000}))
    submit(pair).addErrback(ignore)
    pair.esme_transport.write(Unbind(sequence_number=50).encode())
    pair.advance(4.9)
    assert ("sent", UnbindResp) not in ends.seen
    pair.advance(0.2)
    assert ends.seen[-1] == ("sent", UnbindResp)
    nothing_left(pair)


def test_S10_our_requests_do_not_hold_the_unbind_of_the_peer() -> None:
    pair = bound_pair(on_deliver=silent, smsc={"window": 1})
    delivered = [pair.smsc.deliver_sm(), pair.smsc.deliver_sm()]
    pair.flush()
    pair.esme_transport.write(Unbind(sequence_number=50).encode())
    pair.smsc.dataReceived(pair.esme_transport.taken(16))
    assert pdus(pair.smsc_transport.written)[-1] == UnbindResp(sequence_number=50)
    pair.flush()
    assert [str(failure(each)).partition(";")[2].strip() for each in delivered] == [
        "the outcome is unknown",
        "it was never sent",
    ]


def test_S11_both_sides_unbind_together() -> None:
    for version in (V3_4, V5_0):
        ends = Ends()
        pair = bound_pair(**ends.settings(esme={"interface_version": version}))
        ended = [pair.esme.unbind(), pair.smsc.unbind()]
        pair.flush()
        pair.advance(1)
        assert [success(each) for each in ended] == [None, None]
        assert len(ends.esme) == len(ends.smsc) == 1
        assert {*ends.esme, *ends.smsc} <= {"the peer has unbound", "unbound"}
        assert {("sent", Unbind), ("received", Unbind), ("sent", UnbindResp)} <= {*ends.seen}
        nothing_left(pair)


def test_a_peer_that_unbinds_and_leaves_the_closing_to_us() -> None:
    # jsmpp's simulator, smscsim and osmo-msc.
    pair = bound_pair()
    ended = pair.esme.unbind()
    unbind = pdus(pair.esme_transport.taken(1000))[-1]
    pair.esme.dataReceived(UnbindResp(sequence_number=unbind.sequence_number).encode())
    assert pair.esme_transport.disconnecting
    pair.flush()
    success(ended)
    nothing_left(pair)


def test_a_transport_that_closes_waits_for_no_producer() -> None:
    pair = bound_pair()
    pair.esme.unbind()
    pair.esme.dataReceived(UnbindResp(sequence_number=2).encode())
    assert pair.esme_transport.disconnecting
    assert pair.esme_transport._producer is None
    pair.flush()


def test_abort_cuts_and_fails_what_waited() -> None:
    ends = Ends()
    pair = bound_pair(on_request=silent, **ends.settings())
    response = submit(pair)
    ended = pair.esme.abort()
    assert not pair.esme.bound
    assert outcome(ended) == PENDING
    pair.clock.advance(0)
    assert success(ended) is None
    assert "aborted here; the outcome is unknown" in str(failure(response))
    assert ends.esme == ["aborted here"]
    nothing_left(pair)


def test_S12_a_close_that_does_not_complete_is_cut() -> None:
    ends = Ends()
    pair = bound_pair(**ends.settings())
    pair.smsc_transport.reading = False
    ended = pair.esme.unbind()
    pair.clock.advance(10.1)  # no answer to the unbind: it closes
    assert pair.esme_transport.disconnecting
    assert not pair.esme_transport.lost
    pair.clock.advance(9.8)
    assert not pair.esme_transport.aborting
    pair.clock.advance(0.3)
    assert pair.esme_transport.aborting
    pair.clock.advance(0)
    success(ended)
    nothing_left(pair)


def test_R1_after_a_framing_error_the_farewell_has_a_second() -> None:
    pair = bound_pair(esme={"on_lost": ignore})
    pair.esme_transport.write(b"\xff" * 16)
    pair.esme_transport.reading = False
    pair.flush()
    nack = pdus(pair.smsc_transport.written)[-1]
    assert nack == GenericNack(command_status=S.ESME_RINVCMDLEN, sequence_number=0xFFFFFFFF)
    assert pair.smsc_transport.disconnecting
    pair.clock.advance(0.9)
    assert not pair.smsc_transport.aborting
    pair.clock.advance(0.2)
    assert pair.smsc_transport.aborting
    pair.clock.advance(0)
    nothing_left(pair)


def test_R1_nothing_behind_a_framing_error_is_processed() -> None:
    asked: list[Any] = []
    pair = bound_pair(on_request=lambda s, r: asked.append(r))
    good = message(Role.ESME, number=5).encode()
    pair.smsc.dataReceived(good + b"\0\0\0\1" + good)
    pair.smsc.dataReceived(good)
    assert len(asked) == 1
    pair.flush()
    nothing_left(pair)


def test_R5_too_many_malformed_pdus_end_with_an_unbind() -> None:
    ends = Ends()
    pair = bound_pair(**ends.settings())
    pair.esme_transport.write(frame(4) * 11)
    pair.flush()
    assert ends.smsc == ["too many malformed PDUs"]
    assert ends.seen[-1] == ("sent", Unbind)
    nothing_left(pair)


def test_A05_the_third_operation_before_the_bind_closes() -> None:
    lost: list[str] = []
    pair = connect(smsc={"on_lost": lambda s, why: lost.append(why)}, esme={"on_refused": ignore})
    pair.esme_transport.written = b""
    for number in (1, 2, 3):
        assert not pair.smsc_transport.disconnecting
        pair.smsc.dataReceived(message(Role.ESME, number=number).encode())
    assert pair.smsc_transport.disconnecting
    assert len(frames(pair.smsc_transport.written)) == 3
    pair.flush()
    assert lost == ["operations before a bind"]
    nothing_left(pair)


def test_F11_a_lost_connection_fails_everything_once() -> None:
    ends = Ends()
    pair = bound_pair(on_request=silent, **ends.settings(esme={"window": 2}))
    responses = [submit(pair) for _ in range(4)]
    enquiry = pair.esme.enquire_link()
    ended = [pair.esme.unbind(), pair.smsc.unbind()]
    pair.smsc.dataReceived(message(Role.ESME).encode()[:20])
    calls: list[Any] = []
    for deferred in (*responses, enquiry):
        deferred.addErrback(calls.append)
    pair.drop()
    assert len(calls) == 5
    assert all(call.check(SessionLost) for call in calls)
    for each in ended:
        success(each)
    assert len(ends.esme) == len(ends.smsc) == 1
    nothing_left(pair)


def test_nothing_is_asked_anew_from_the_errback_of_a_lost_connection() -> None:
    pair = bound_pair(on_request=silent)
    again: list[Deferred[Any]] = []
    submit(pair).addErrback(lambda _: again.append(submit(pair)))
    pair.drop()
    assert isinstance(failure(again[0]), NotPermitted)
    nothing_left(pair)


def test_S15_no_timer_is_left_whenever_the_connection_breaks() -> None:
    def stages() -> Any:
        yield lambda pair: None
        yield lambda pair: pair.flush()
        yield lambda pair: (pair.flush(), submit(pair).addErrback(ignore))
        yield lambda pair: (pair.flush(), submit(pair).addErrback(ignore), pair.flush())
        yield lambda pair: (pair.flush(), pair.esme.unbind())
        yield lambda pair: (pair.flush(), pair.smsc.unbind(), pair.esme.pause_reading())
        yield lambda pair: (pair.flush(), pair.esme.pauseProducing())
        yield lambda pair: (pair.flush(), pair.esme.dataReceived(b"\0\0\0\x10"))
        yield lambda pair: (pair.flush(), pair.esme.dataReceived(b"\0\0\0\0"))
        yield lambda pair: (pair.flush(), pair.clock.advance(31))
        yield lambda pair: (pair.esme.abort(), pair.smsc.abort())

    for stage in stages():
        pair = connect(on_request=silent, esme={"on_refused": ignore})
        stage(pair)
        pair.drop()
        pair.clock.advance(0)
        assert pair.clock.getDelayedCalls() == []
        pair.clock.advance(1000)


def test_a_callback_of_the_application_that_raises_ends_nothing(logged_errors: Any) -> None:
    def raises(*_: object) -> None:
        raise ZeroDivisionError

    pair = connect(
        esme={"on_bound": raises, "on_lost": raises, "on_late_response": raises},
        smsc={"on_bound": raises, "on_lost": raises},
    )
    pair.bind()
    assert len(logged_errors.flush(ZeroDivisionError)) == 2
    response = submit(pair)
    response.cancel()
    failure(response)
    pair.flush()
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    pair.drop()
    assert len(logged_errors.flush(ZeroDivisionError)) == 2
    nothing_left(pair)


def test_a_defect_of_ours_is_logged_and_ends_the_connection(logged_errors: Any) -> None:
    ends = Ends()
    pair = bound_pair(on_request=silent, **ends.settings())
    response = submit(pair)

    pair.esme.session = Broken(pair.esme.session)
    pair.clock.pump([1.0] * 31)
    pair.clock.advance(0)
    assert ends.esme == ["internal error"]
    assert isinstance(failure(response), SessionLost)
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    nothing_left(pair)


class Broken:
    """A session that fails when the time is told."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        if name == "tick":
            raise ZeroDivisionError
        return getattr(self._session, name)


def test_a_response_after_the_close_changes_nothing() -> None:
    pair = bound_pair(on_request=silent)
    response = submit(pair)
    pair.flush()
    pair.esme.abort()
    pair.esme.dataReceived(SubmitSMResp(sequence_number=2).encode())
    pair.esme.dataReceived(EnquireLinkResp(sequence_number=2).encode())
    pair.clock.advance(0)
    assert isinstance(failure(response), SessionLost)


def test_a_timeout_while_it_closes_is_told_once() -> None:
    pair = bound_pair(on_request=silent, esme={"timers": Timers(response=2)})
    response = submit(pair)
    pair.flush()
    pair.smsc_transport.reading = pair.esme_transport.reading = False
    pair.esme.unbind(drain=1)
    pair.clock.advance(1.1)
    pair.clock.advance(1)
    assert isinstance(failure(response), ResponseTimeout)
    pair.drop()
    nothing_left(pair)


def test_F12_the_connection_may_break_while_a_message_is_handled() -> None:
    lost: list[str] = []
    pair = bound_pair(
        on_request=lambda s, r: pair.drop(),
        smsc={"on_lost": lambda s, why: lost.append(why)},
    )
    responses = [submit(pair) for _ in range(3)]
    pair.flush()
    assert len(lost) == 1
    for response in responses:
        assert isinstance(failure(response), SessionLost)
    nothing_left(pair)


def test_F12_what_is_asked_and_answered_after_the_end_harms_nothing() -> None:
    held = Held()
    pair = bound_pair(on_request=held)
    submit(pair).addErrback(ignore)
    pair.flush()
    pair.drop()
    held.asked[0][1].callback(None)
    for side in (pair.esme, pair.smsc):
        side.dataReceived(message(side.session.role.peer).encode())
        side.pause_reading()
        side.resume_reading()
        side.resumeProducing()
        side.stopProducing()
        assert isinstance(failure(side.enquire_link()), NotPermitted)
        success(side.unbind())
        success(side.abort())
    nothing_left(pair)
