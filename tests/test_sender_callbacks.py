# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The queue of parts: what the application does in the midst of it, and what is left."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

from message_centre_kit import Outbox, Session, numbers, states

from twisted_smpp.esme.message import Message, Progress
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.status import CommandStatus as S

QUEUED, SENDING, UNKNOWN = Progress.QUEUED, Progress.SENDING, Progress.UNKNOWN


# Callbacks of the application, in the midst of it.


def test_who_hears_of_an_end_may_send_at_once() -> None:
    outbox = Outbox(window=1)
    session = outbox.binds()
    sent: list[Message] = []
    outbox.send(receipt=False).final.addCallback(lambda _: sent.append(outbox.send()))
    outbox.send()
    session.accepts(0, "a")
    assert numbers(session) == ["1", "2"]
    session.accepts(1, "b")
    assert numbers(session) == ["1", "2", "3"]
    assert states(*sent) == [SENDING]


def test_who_hears_of_a_refusal_may_send_at_once_and_the_order_stays() -> None:
    outbox = Outbox(window=1)
    session = outbox.binds()
    message = outbox.send()

    def once(_: Message) -> None:
        message.on_progress = None
        outbox.send()

    message.on_progress = once
    session.refuses(0, 0x04)
    assert numbers(outbox.binds()) == ["1"]
    outbox.session.accepts(0, "a")
    assert numbers(outbox.session) == ["1", "2"]


def test_who_hears_of_an_end_may_stop_it() -> None:
    outbox = Outbox()
    outbox.send(validity=1.0).final.addCallback(lambda _: outbox.sender.stop())
    kept = outbox.send()
    outbox.clock.advance(1)
    assert numbers(outbox.binds()) == []
    assert kept.progress is QUEUED
    assert outbox.timers == []


def test_who_hears_of_an_end_may_end_the_session() -> None:
    outbox = Outbox()
    session = Session()
    outbox.send(validity=1.0).final.addCallback(lambda _: session.unbind())
    kept = outbox.send()
    outbox.clock.advance(1)
    outbox.sender.bound(session)
    assert session.sent == []
    assert kept.progress is QUEUED
    assert numbers(outbox.binds()) == ["2"]


def test_S16_what_on_progress_raises_loses_nothing(logged_errors: Any) -> None:
    outbox = Outbox()
    session = outbox.binds()
    message = outbox.send(receipt=False)
    message.on_progress = lambda _: 1 / 0
    session.refuses(0, 0x58)
    assert message.progress is QUEUED
    outbox.clock.advance(1)
    session.accepts(1, "a")
    assert message.progress is Progress.SENT
    assert len(logged_errors.flush(ZeroDivisionError)) == 2
    assert outbox.is_empty()


# What is left.


def test_the_parts_that_are_on_their_way() -> None:
    outbox = Outbox(window=4, unknown=UnknownPolicy.HOLD)
    session = outbox.binds()
    messages = [outbox.send() for _ in range(6)]
    session.times_out(0)
    session.refuses(2, 0x08)
    session.refuses(1, 0x58)
    assert {part.message for part in outbox.sender.parts()} == set(messages)
    counts = outbox.sender.in_flight, outbox.sender.waiting, outbox.sender.held
    assert counts == (3, 2, 1)
    assert sum(counts) == len(list(outbox.sender.parts()))


def test_who_looks_at_the_parts_may_decide_about_them() -> None:
    outbox = Outbox(unknown=UnknownPolicy.HOLD)
    outbox.binds()
    messages = [outbox.send() for _ in range(4)]
    outbox.breaks()
    for count, part in enumerate(outbox.sender.parts()):
        (outbox.sender.resend if count % 2 else outbox.sender.give_up)(part)
    assert sorted(states(*messages)) == [Progress.UNKNOWN] * 2 + [Progress.LOST] * 2


def test_the_parts_are_not_those_of_a_message_that_is_done() -> None:
    outbox = Outbox(window=2)
    session = outbox.binds()
    other = outbox.send()
    outbox.send(parts=3)  # which nobody keeps
    session.refuses(0, S.ESME_RTHROTTLED)
    session.refuses(1, S.ESME_RINVDSTADR)
    assert [part.message.destination for part in outbox.sender.parts()] == [other.destination]
    assert [part for _, part in outbox.sender.release(lambda part: bool(part.message.parts))] == [
        *other.parts
    ]
    assert outbox.sender.waiting == 0


def test_idle_is_when_nothing_can_get_old() -> None:
    outbox = Outbox(unknown=UnknownPolicy.FAIL)
    assert outbox.sender.idle
    outbox.send()
    assert not outbox.sender.idle
    session = outbox.binds()
    assert not outbox.sender.idle
    session.times_out(0)
    assert not outbox.sender.idle  # its response may still come
    outbox.clock.advance(600)
    outbox.sender.expire(outbox.clock.seconds())
    assert outbox.sender.idle
    assert outbox.is_empty()


def answered_somehow(session: Session, at: int) -> None:
    match at % 97:
        case 0:
            session.times_out(at)
        case 1:
            session.refuses(at, 0x08)
        case 2:
            session.refuses(at, 0x58 if at % 1000 < 97 else 0x08)
        case 3:
            session.refuses(at, 0x0B)
        case _:
            session.accepts(at, str(at))


def test_Q13_nothing_is_left_of_10000_messages() -> None:
    outbox = Outbox(window=50, most_waiting=10_000, delays=(5.0,), unknown_resends=10)
    session, at = outbox.binds(), 0
    live = [outbox.send(receipt=False) for _ in range(10_000)]
    while outbox.sender.waiting or outbox.sender.in_flight:
        while at < len(session.sent):
            answered_somehow(session, at)
            at += 1
        outbox.clock.advance(1)
    counts = Counter(states(*live))
    assert set(counts) == {Progress.SENT, Progress.FAILED}
    assert counts[Progress.SENT] > 9000
    assert len(outbox.ids) == counts[Progress.SENT]
    outbox.clock.advance(600)
    outbox.sender.expire(outbox.clock.seconds())
    assert outbox.is_empty()
    live.clear()
    outbox.ids.clear()
    session.forget()
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, Message)]


def test_who_hears_of_an_id_may_look_for_its_part() -> None:
    """A receipt may follow at once, in the same octets."""
    outbox = Outbox()
    session = outbox.binds()
    message = outbox.send()
    known: list[Any] = []
    message.on_progress = lambda _: known.extend(outbox.ids)
    message.submitted.addCallback(lambda _: known.extend(outbox.ids))
    session.accepts(0, "a")
    assert known == [(message.parts[0], "a")] * 2
