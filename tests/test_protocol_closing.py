# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""However a connection comes to its end, it ends: together, in any order, and in time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from pairs import Held, bound_pair, ignore, silent, submit
from sessions import V3_4, V5_0, message, pdus
from twisted.logger import LogLevel, capturedLogs

from twisted_smpp.events import Timers
from twisted_smpp.states import Role
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import MemoryTransport, Pair, connect, success
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdus import EnquireLink, SubmitSMResp, Unbind, UnbindResp

ENDS = ("esme_transport", "smsc_transport")


def recorded(pair: Pair) -> dict[str, list[bytes]]:
    """What each side writes from now on."""
    found: dict[str, list[bytes]] = {name: [] for name in ENDS}

    def record(transport: MemoryTransport, writes: list[bytes]) -> None:
        write = transport.write

        def recording(data: bytes) -> None:
            writes.append(data)
            write(data)

        transport.write = recording  # type: ignore[method-assign]

    for name in ENDS:
        record(getattr(pair, name), found[name])
    return found


def unbinds(writes: list[bytes]) -> list[type[Any]]:
    """What was written of the end, in its order."""
    kinds = [type(pdu) for pdu in pdus(b"".join(writes))]
    return [kind for kind in kinds if kind in (Unbind, UnbindResp)]


def carry(transport: MemoryTransport, octets: int) -> None:
    """One read of the other end; one that closes is closed when all of it was read."""
    other = transport.other
    if transport.written and not other.lost:
        data = transport.taken(octets)
        other.protocol.dataReceived(data)
    if transport.disconnecting and not transport.written and not transport.lost:
        transport.closed()


@pytest.mark.parametrize("version", [V3_4, V5_0])
@pytest.mark.parametrize("octets", [16, 7, 1000])
def test_S11_in_every_order_of_the_octets(version: InterfaceVersion, octets: int) -> None:
    for order in product(ENDS, repeat=6):
        pair = bound_pair(esme={"interface_version": version})
        written = recorded(pair)
        with capturedLogs() as logs:
            ended = [pair.esme.unbind(), pair.smsc.unbind()]
            for name in order:
                carry(getattr(pair, name), octets)
            pair.flush()
            pair.advance(1)
        for name, writes in written.items():
            assert unbinds(writes) == [Unbind, UnbindResp], (order, name)
        assert [success(each) for each in ended] == [None, None]
        assert [each for each in logs if each["log_level"] >= LogLevel.warn] == []
        assert pair.esme_transport.lost
        assert pair.smsc_transport.lost
        assert pair.clock.getDelayedCalls() == []


def test_S11_with_messages_on_their_way_in_both_directions() -> None:
    held, delivered = Held(), Held()
    pair = bound_pair(on_request=held, on_deliver=delivered)
    written = recorded(pair)
    answers = [submit(pair), pair.smsc.deliver_sm(short_message=b"text")]
    pair.flush()
    with capturedLogs() as logs:
        ended = [pair.esme.unbind(), pair.smsc.unbind()]
        pair.flush()
        assert not any(map(unbinds, written.values()))
        for _, answer in (*held.asked, *delivered.asked):
            answer.callback(None)
        pair.flush()
        pair.advance(1)
    assert [success(each).command_status for each in answers] == [S.ESME_ROK] * 2
    assert [success(each) for each in ended] == [None, None]
    for writes in written.values():
        assert unbinds(writes)
    every = [kind for writes in written.values() for kind in unbinds(writes)]
    assert every.count(Unbind) == every.count(UnbindResp)
    assert [each for each in logs if each["log_level"] >= LogLevel.warn] == []
    assert pair.clock.getDelayedCalls() == []


# Each way to a close that should be orderly, and the seconds until it is begun.


def unbound_without_answer(pair: Pair) -> None:
    pair.esme.dataReceived = ignore  # type: ignore[method-assign]
    pair.smsc.unbind()


def unbound_while_requests_hang(pair: Pair) -> None:
    pair.smsc.deliver_sm(short_message=b"text").addErrback(ignore)
    pair.esme.dataReceived = ignore  # type: ignore[method-assign]
    pair.smsc.unbind()


def unbound_and_answered(pair: Pair) -> None:
    pair.smsc.unbind()
    unbind = pdus(pair.smsc_transport.taken(1000))[-1]
    pair.smsc.dataReceived(UnbindResp(sequence_number=unbind.sequence_number).encode())


def unbound_by_the_peer(pair: Pair) -> None:
    pair.smsc.dataReceived(Unbind(sequence_number=9).encode())


def unbound_by_the_peer_while_answers_hang(pair: Pair) -> None:
    pair.smsc.dataReceived(message(Role.ESME, number=8).encode())
    pair.smsc.dataReceived(Unbind(sequence_number=9).encode())


def without_framing(pair: Pair) -> None:
    pair.smsc.dataReceived(b"\xff" * 16)


def too_many_malformed(pair: Pair) -> None:
    good = message(Role.ESME, number=8).encode()
    broken = (len(good) - 3).to_bytes(4, "big") + good[4:-3]
    for _ in range(12):
        pair.smsc.dataReceived(broken)


def too_many_responses(pair: Pair) -> None:
    for number in range(1000, 1102):
        pair.smsc.dataReceived(SubmitSMResp(sequence_number=number).encode())


def too_many_enquiries(pair: Pair) -> None:
    for _ in range(400):
        pair.smsc.dataReceived(EnquireLink(sequence_number=5).encode() * 10)


def requests_not_answered(pair: Pair) -> None:
    for _ in range(3):
        pair.smsc.deliver_sm(short_message=b"text").addErrback(ignore)


def nothing_said(pair: Pair) -> None:
    """Until it is too long."""


CLOSES: dict[str, tuple[Callable[[Pair], None], float, dict[str, Any]]] = {
    "unbound, no answer": (unbound_without_answer, 10, {}),
    "unbound, requests hang": (unbound_while_requests_hang, 40, {"enquire_interval": None}),
    "unbound, answered": (unbound_and_answered, 0, {}),
    "unbound by the peer": (unbound_by_the_peer, 0, {}),
    "unbound by the peer, answers hang": (unbound_by_the_peer_while_answers_hang, 5, {}),
    "framing": (without_framing, 0, {}),
    "malformed": (too_many_malformed, 0, {}),
    "responses to nothing": (too_many_responses, 0, {}),
    "enquire_links": (too_many_enquiries, 20, {}),
    "requests not answered": (requests_not_answered, 30, {"enquire_interval": None}),
    "idle": (nothing_said, 50, {"idle": 50.0, "enquire_interval": None}),
}


@pytest.mark.parametrize("way", CLOSES)
def test_S12_a_bound_session(way: str) -> None:
    begin, seconds, timers = CLOSES[way]
    pair = bound_pair(
        on_request=silent,
        esme={"timers": Timers(response=1e6, enquire_interval=None)},
        smsc={"timers": Timers(**timers), "answer_timeout": 99.0},
    )
    with capturedLogs():
        begin(pair)
        stays_and_is_cut(pair, pair.smsc_transport, seconds)


def never_bound(pair: Pair) -> None:
    pair.esme_transport.written = b""


def operations_before_a_bind(pair: Pair) -> None:
    pair.esme_transport.written = b""
    for number in range(3):
        pair.smsc.dataReceived(message(Role.ESME, number=number).encode())


def ended_here(pair: Pair) -> None:
    pair.smsc.unbind()


@pytest.mark.parametrize(
    ("begin", "seconds"), [(never_bound, 5), (operations_before_a_bind, 0), (ended_here, 0)]
)
def test_S12_one_that_is_not_bound(begin: Callable[[Pair], None], seconds: float) -> None:
    pair = connect(esme={"on_refused": ignore})
    with capturedLogs():
        begin(pair)
        stays_and_is_cut(pair, pair.smsc_transport, seconds)


@pytest.mark.parametrize(("answer", "seconds"), [(S.ESME_RINVPASWD, 0), (None, 10)])
def test_S12_an_esme_whose_bind_is_refused_or_not_answered(answer: Any, seconds: float) -> None:
    on_bind = silent if answer is None else lambda session, request: answer
    pair = connect(
        on_bind=on_bind,
        esme={"on_refused": ignore},
        smsc={"timers": Timers(bind=1e6), "answer_timeout": 1e6},
    )
    with capturedLogs():
        pair.smsc.dataReceived(pair.esme_transport.taken(1000))
        pair.esme.dataReceived(pair.smsc_transport.taken(1000))
        stays_and_is_cut(pair, pair.esme_transport, seconds)


def stays_and_is_cut(pair: Pair, transport: MemoryTransport, seconds: float) -> None:
    """The close is begun in so many seconds and never completes by itself: it is cut."""
    waited = 0.0
    while not transport.disconnecting and waited <= seconds:
        pair.clock.advance(0.25)
        waited += 0.25
        transport.taken(len(transport.written))
    assert transport.disconnecting
    assert not transport.aborting
    pair.clock.pump([0.25] * 41)
    assert transport.lost
    assert pair.clock.getDelayedCalls() == []


def test_S12_a_second_reason_to_close_does_not_put_off_the_end() -> None:
    pair = bound_pair(smsc={"timers": Timers(response=8.0)})
    pair.smsc.deliver_sm(short_message=b"text").addErrback(ignore)
    pair.smsc.deliver_sm(short_message=b"text").addErrback(ignore)
    pair.smsc.deliver_sm(short_message=b"text").addErrback(ignore)
    pair.smsc.dataReceived(Unbind(sequence_number=9).encode())
    assert pair.smsc_transport.disconnecting
    pair.clock.pump([0.25] * 41)  # after 8 s of them three requests were not answered
    assert pair.smsc_transport.lost
    assert pair.clock.getDelayedCalls() == []
