# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Sessions that come and go by the ten thousand leave nothing behind (S20)."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from accounts_kit import AccountsWorld, account
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from twisted_smpp.smsc import DefenceLimits
from twisted_smpp.wire.pdus import BindTransceiver, SubmitSM, Unbind

CYCLES = 10_000
#: How a cycle ends.
ENDS = ("unbind", "lost", "refused", "malformed", "before the bind")
UNBIND = Unbind(sequence_number=9).encode()
SUBMIT = SubmitSM(sequence_number=2, short_message=b"Hi").encode()


def bind(password: str = "secret") -> bytes:
    return BindTransceiver(system_id="esme", password=password, sequence_number=1).encode()


class Churn:
    """A message centre with accounts, and connections to it that come and go."""

    def __init__(self, folder: Path) -> None:
        limits = DefenceLimits(entries=10)
        self.world = AccountsWorld(folder, account(), limits)
        self.count = 0
        #: Called with each session.
        self.look: Callable[[Any], object] = lambda session: None

    def cycle(self) -> None:
        """One connection, from its begin to its end."""
        self.count += 1
        host = f"198.51.{self.count // 250 % 250}.{self.count % 250}"
        end = ENDS[self.count % len(ENDS)]
        peer = IPv4Address("TCP", host, 4711)
        transport: Any = StringTransport(peerAddress=peer)
        transport.abortConnection = transport.loseConnection
        session: Any = self.world.service.factory.buildProtocol(peer)
        session.makeConnection(transport)
        self.look(session)
        if end != "before the bind":
            session.dataReceived(bind("wrong" if end == "refused" else "secret"))
            assert session.session.bound is (end != "refused")
        if end == "refused":
            self.world.clock.advance(1)
        elif end == "malformed":
            session.dataReceived(b"GET / HTTP/1.1\r\n")
        elif end == "unbind":
            session.dataReceived(SUBMIT + UNBIND)
        session.connectionLost()
        self.world.clock.advance(0.1)

    def objects(self) -> Counter[str]:
        """What is alive, by its type."""
        self.world.account.calls.clear()
        self.world.hashing.asked.clear()
        self.world.clock.advance(1000)  # whatever is awaited, is over
        gc.collect()
        return Counter(type(each).__qualname__ for each in gc.get_objects())


@pytest.mark.slow
def test_S20_ten_thousand_sessions_leave_nothing(tmp_path: Path) -> None:
    churn = Churn(tmp_path)
    for _ in range(500):  # the tables are full, and what is made once is there
        churn.cycle()
    gc.collect()
    gc.freeze()  # what was there before is not counted, nor looked through
    try:
        before = churn.objects()
        for _ in range(CYCLES):
            churn.cycle()
        more = churn.objects() - before
    finally:
        gc.unfreeze()
    assert sum(more.values()) < 100, more
    churn.world.ends()


def test_S20_the_count_sees_what_a_session_leaves(tmp_path: Path) -> None:
    churn = Churn(tmp_path)
    kept: list[Any] = []
    churn.look = kept.append
    gc.collect()
    gc.freeze()
    try:
        before = churn.objects()
        for _ in range(200):
            churn.cycle()
        more = churn.objects() - before
    finally:
        gc.unfreeze()
    assert len(kept) == 200
    assert more["SMPPProtocol"] >= 200
