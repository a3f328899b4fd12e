# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The window is conserved, whatever happens in whatever order."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sessions import bound, message, octets_of, pdus

from twisted_smpp.errors import NotPermitted, WindowFull
from twisted_smpp.events import Close, Flood, LateResponse, Pending, TimedOut, Timers, Violation
from twisted_smpp.limits import MAX_SEQUENCE_NUMBER
from twisted_smpp.session import Session
from twisted_smpp.states import Role
from twisted_smpp.wire.pdu import UnknownPDU
from twisted_smpp.wire.pdus import (
    AlertNotification,
    DeliverSM,
    DeliverSMResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    SubmitSMResp,
    Unbind,
)

TIMERS = Timers(response=20.0, enquire_interval=30.0, enquire=10.0)


class Window(RuleBasedStateMachine):
    """A message centre that delivers, and a peer that answers as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.session: Session = bound(
            Role.MC,
            window=4,
            timers=TIMERS,
            # The numbers wrap early on.
            first_sequence_number=MAX_SEQUENCE_NUMBER - 3,
        )
        self.waiting: dict[object, Pending] = {}
        self.ended: dict[object, str] = {}
        self.numbers: dict[object, int] = {}
        self.sent: list[int] = []

    # What this side does.

    @rule(kind=st.sampled_from([DeliverSM, EnquireLink, AlertNotification]))
    def ask(self, kind: Any) -> None:
        context = object()
        pdu = message(Role.MC) if kind is DeliverSM else kind()
        full = self.session.in_flight == self.session.window
        try:
            pending = self.session.request(pdu, self.now, context)
        except WindowFull:
            assert full
            assert kind is DeliverSM
            return
        except NotPermitted:
            assert not self.session.bound
            return
        assert not full or kind is not DeliverSM
        if kind is AlertNotification:
            assert pending is None
            return
        assert isinstance(pending, Pending)
        number = pending.request.sequence_number
        taken = [self.numbers[each] for each in self.waiting]
        assert number not in taken, "two requests wait with one number"
        self.waiting[context] = pending
        self.numbers[context] = number

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        context = data.draw(st.sampled_from(list(self.waiting)))
        pending = self.session.pending_for(context)
        assert pending is self.waiting[context]
        assert self.session.give_up(pending)
        assert not self.session.give_up(pending)
        self.end(context, "given up")

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 11.0, 21.0]))
    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.happened(self.session.tick(self.now))

    # What the peer does.

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), wrong=st.booleans(), cut=st.integers(0, 20))
    def answer(self, data: st.DataObject, wrong: bool, cut: int) -> None:
        context = data.draw(st.sampled_from(list(self.waiting)))
        request = self.waiting[context].request
        cls: Any = SubmitSMResp if wrong else request.answer
        octets = cls(sequence_number=self.numbers[context]).encode()
        self.receive(octets[:cut])
        self.receive(octets[cut:])
        assert (context in self.waiting) is wrong

    @precondition(lambda self: self.numbers)
    @rule(
        data=st.data(),
        cls=st.sampled_from([DeliverSMResp, EnquireLinkResp, GenericNack]),
        status=st.sampled_from([0, 0x58]),
    )
    def answer_any(self, data: st.DataObject, cls: Any, status: int) -> None:
        """Duplicates, late ones, those of another command, of numbers never used."""
        number = data.draw(st.sampled_from([*self.numbers.values(), 0, 77777]))
        self.receive(cls(sequence_number=number, command_status=status))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def answer_unreadably(self, data: st.DataObject) -> None:
        number = self.numbers[data.draw(st.sampled_from(list(self.waiting)))]
        self.receive(UnknownPDU(DeliverSMResp.command_id, b"no NUL", sequence_number=number))

    @rule(number=st.integers(0, 5))
    def ask_back(self, number: int) -> None:
        self.receive(message(Role.ESME, number=number), EnquireLink(sequence_number=number))

    @rule()
    def lose(self) -> None:
        # Without a context: the session's own enquire_link.
        lost = [pending for pending in self.session.lost() if pending.context is not None]
        assert {id(pending) for pending in lost} == {id(p) for p in self.waiting.values()}
        for pending in lost:
            self.end(pending.context, "lost")
        self.session = bound(Role.MC, window=4, timers=TIMERS, now=self.now)
        self.numbers.clear()

    # What came of it.

    def receive(self, *parts: Any) -> None:
        self.happened(list(self.session.receive(octets_of(*parts), self.now)))

    def happened(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, Pending) and event.context is not None:
                assert (event.response is None) <= (event.error is not None)
                self.end(event.context, "answered")
            elif isinstance(event, TimedOut) and event.pending.context is not None:
                assert event.pending.response is None
                self.end(event.pending.context, "timed out")
            elif isinstance(event, LateResponse):
                context = event.pending.context
                assert context is None or self.ended[context] in {"given up", "timed out"}
            else:
                assert isinstance(event, Violation | Flood | Close | Pending | TimedOut) or (
                    event.sequence_number <= 5
                )

    def end(self, context: object, how: str) -> None:
        assert context not in self.ended, "a request ended twice"
        del self.waiting[context]
        self.ended[context] = how

    @invariant()
    def the_window_is_conserved(self) -> None:
        messages = [p for p in self.waiting.values() if not isinstance(p.request, EnquireLink)]
        assert self.session.in_flight == len(messages)
        free = self.session.window - self.session.in_flight
        assert 0 <= free <= self.session.window

    @invariant()
    def what_is_sent_are_pdus(self) -> None:
        for pdu in pdus(self.session.data_to_send()):
            if not pdu.is_response:
                assert 1 <= pdu.sequence_number <= MAX_SEQUENCE_NUMBER
                assert not isinstance(pdu, Unbind)

    @invariant()
    def nothing_waits_for_ever(self) -> None:
        by = self.session.deadline()
        assert by is not None or not self.waiting
        if self.waiting:
            assert by is not None
            assert by <= self.now + TIMERS.response


Window.TestCase.settings = settings(
    max_examples=300 if os.environ.get("CI") else 60, stateful_step_count=40, deadline=None
)


class TestQ10Window(Window.TestCase):
    """Q10: the slot is released on every path, and every request ends exactly once."""


def test_Q13_after_ten_thousand_requests_nothing_is_left() -> None:
    esme = bound(Role.ESME, window=10)
    for number in range(1000):
        now = number / 100
        for _ in range(10):
            esme.request(message(Role.ESME), now)
        responses = b"".join(
            pdu.answer(sequence_number=pdu.sequence_number).encode()
            for pdu in pdus(esme.data_to_send())
        )
        assert len(list(esme.receive(responses, now))) == 10
    assert esme.in_flight == 0
    assert not esme._link
    assert not esme._late
    assert esme.framing.partial == 0
    assert esme.violations == 0
