"""The kit for tests is tested itself: what it carries, when, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest
from pairs import bound_pair, ignore, silent, submit
from sessions import frames
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IPushProducer, ITransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import MemoryTransport, Pair, connect, failure, success


@implementer(IPushProducer)
class End:
    """A protocol and producer that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def dataReceived(self, data: bytes) -> None:
        self.told.append(data)

    def connectionLost(self, reason: Failure) -> None:
        self.told.append(reason.type)

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


def ends() -> tuple[MemoryTransport, MemoryTransport, Clock]:
    clock = Clock()
    one, other = MemoryTransport(clock, "one"), MemoryTransport(clock, "other")
    one.other, other.other = other, one
    for end in (one, other):
        end.protocol = End()
        end.registerProducer(end.protocol, True)
    return one, other, clock


# The transport.


def test_it_is_a_transport() -> None:
    one, _, _ = ends()
    assert verifyObject(ITransport, one)
    assert repr(one) == "<MemoryTransport of the one>"
    assert one.getPeer().host != one.getHost().host


def test_it_keeps_what_is_written_and_counts_the_writes() -> None:
    one, _, _ = ends()
    one.write(b"ab")
    one.write(b"")
    one.writeSequence([b"c", b"de"])
    assert one.written == b"abcde"
    assert one.writes == 2
    assert one.taken(2) == b"ab"
    assert one.taken(100) == b"cde"
    assert one.taken(1) == b""


def test_the_producer_is_paused_above_64_kib_and_resumed_when_all_is_read() -> None:
    one, _, _ = ends()
    one.write(bytes(65_536))
    assert one.protocol.told == []
    one.write(b"x")
    one.write(b"x")
    assert one.protocol.told == ["pause"]
    one.taken(65_537)
    assert one.protocol.told == ["pause"]
    one.taken(1)
    assert one.protocol.told == ["pause", "resume"]
    one.unregisterProducer()
    one.write(bytes(70_000))
    assert one.protocol.told == ["pause", "resume"]


def test_the_protocol_may_stop_the_reading() -> None:
    one, _, _ = ends()
    one.pauseProducing()
    assert not one.reading
    one.resumeProducing()
    assert one.reading
    one.stopProducing()
    assert one.disconnecting


def test_nothing_is_written_to_a_transport_that_closes_or_is_lost() -> None:
    one, other, _ = ends()
    one.write(b"before")
    one.loseConnection()
    one.write(b"after")
    assert one.written == b"before"
    other.cut()
    other.write(b"x")
    assert other.written == b""


def test_an_abort_drops_what_is_written_and_cuts_at_the_next_turn() -> None:
    one, other, clock = ends()
    one.write(b"x")
    one.abortConnection()
    one.abortConnection()
    assert len(clock.getDelayedCalls()) == 1
    assert one.written == b""
    assert not one.lost
    clock.advance(0)
    assert one.protocol.told == [ConnectionAborted]
    assert other.protocol.told == [ConnectionLost]
    one.abortConnection()
    clock.advance(0)
    assert len(one.protocol.told) == 1


def test_each_end_hears_of_the_loss_once() -> None:
    one, other, _ = ends()
    one.cut()
    other.cut()
    one.closed()
    assert one.protocol.told == other.protocol.told == [ConnectionLost]
    one, other, _ = ends()
    one.closed()
    other.cut()
    assert one.protocol.told == other.protocol.told == [ConnectionDone]


# The pair.


def test_nothing_passes_before_it_is_flushed() -> None:
    asked: list[Any] = []
    pair = connect(on_request=lambda s, r: asked.append(r))
    assert pair.smsc_transport.writes == 0
    assert not pair.esme.bound
    passed = pair.flush()
    assert passed > 50
    assert pair.esme.bound
    assert pair.flush() == 0
    submit(pair)
    assert asked == []
    pair.flush()
    assert len(asked) == 1


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_flush_may_carry_small_pieces(chunk: int) -> None:
    pair = bound_pair()
    reads: list[int] = []
    original = pair.smsc.dataReceived
    pair.smsc.dataReceived = lambda data: reads.append(len(data)) or original(data)
    responses = [submit(pair) for _ in range(3)]
    pair.flush(chunk)
    for response in responses:
        success(response)
    assert max(reads) == min(chunk, sum(reads))
    assert sum(reads[:-1]) % chunk == 0


def test_flush_carries_nothing_to_an_end_that_does_not_read() -> None:
    pair = bound_pair()
    pair.smsc.pause_reading()
    response = submit(pair)
    assert pair.flush() == 0
    assert len(frames(pair.esme_transport.written)) == 1
    pair.smsc.resume_reading()
    pair.flush()
    success(response)


def test_bind_says_when_it_failed() -> None:
    pair = connect(on_bind=lambda s, r: S.ESME_RINVPASWD, esme={"on_refused": ignore})
    with pytest.raises(AssertionError, match="Session ESME"):
        pair.bind()


def test_time_passes_in_steps_with_octets_in_between() -> None:
    pair = bound_pair()
    pair.advance(3600.5)
    assert pair.clock.seconds() == pytest.approx(3600.5)
    assert pair.esme.bound
    assert pair.smsc.bound
    pair.drop()


def test_drop_loses_what_was_not_read() -> None:
    asked: list[Any] = []
    lost: list[Any] = []
    pair = bound_pair(
        on_request=lambda s, r: asked.append(r),
        esme={"on_lost": lambda s, why: lost.append("esme")},
        smsc={"on_lost": lambda s, why: lost.append("smsc")},
    )
    response = submit(pair)
    pair.drop()
    pair.drop()
    assert pair.flush() == 0
    assert asked == []
    assert sorted(lost) == ["esme", "smsc"]
    assert "outcome is unknown" in str(failure(response))
    assert pair.clock.getDelayedCalls() == []


def test_an_orderly_close_waits_until_all_is_read() -> None:
    pair = bound_pair(on_request=silent)
    submit(pair).addErrback(ignore)
    asked: list[Any] = []
    pair.smsc._on_request = lambda s, r: asked.append(r)
    pair.esme_transport.loseConnection()
    assert not pair.esme_transport.lost
    pair.flush()
    assert len(asked) == 1
    assert pair.esme_transport.lost
    assert pair.smsc_transport.lost


def test_an_abort_is_no_orderly_close() -> None:
    lost: list[str] = []
    pair = bound_pair(smsc={"on_lost": lambda s, why: lost.append(why)})
    pair.esme.abort()
    pair.flush()
    assert lost == []
    pair.clock.advance(0)
    assert lost == [str(ConnectionLost())]


def test_two_pairs_may_share_a_clock_and_a_factory() -> None:
    clock = Clock()
    one, two = connect(clock=clock), connect(clock=clock)
    third = Pair(one.esme.factory, two.smsc.factory, clock)
    for pair in (one, two, third):
        pair.bind()
        pair.drop()
    assert clock.getDelayedCalls() == []


# Results.


def test_success_and_failure() -> None:
    assert success(succeed(5)) == 5
    with pytest.raises(ZeroDivisionError):
        success(fail(ZeroDivisionError()))
    assert isinstance(failure(fail(ZeroDivisionError())), ZeroDivisionError)
    with pytest.raises(AssertionError, match="fired with 5"):
        failure(succeed(5))
    for result in (success, failure):
        with pytest.raises(AssertionError, match="has not fired"):
            result(Deferred())
