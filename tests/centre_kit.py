# ruff: noqa: N802 - Twisted's names.
"""What tests of the message centre share: accounts, their sessions, and a store of each kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from twisted_smpp.factory import ESMEFactory
from twisted_smpp.smsc import MessageCentre, Route, RouteKind, Routes, SMSCService
from twisted_smpp.store import MemoryStore, SQLiteStore
from twisted_smpp.testing import Pair, success
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.values import EsmClass, InterfaceVersion

#: 2026-03-04 05:06:00 UTC.
START = datetime(2026, 3, 4, 5, 6, tzinfo=UTC).timestamp()
NAMES = ("shop", "bank", "news", "phone")
WANTED = {"registered_delivery": 1}

both_stores = pytest.mark.parametrize("kind", ["memory", "sqlite"])


class Reactor(Clock):
    """A clock that also has the one thing that a store asks of a reactor."""

    def callFromThread(self, function: Callable[..., object], *args: Any) -> None:
        self.callLater(0, function, *args)

    def turn_once(self, most: int | None = None) -> None:
        """As a turn of a real reactor, which leaves what is begun meanwhile for the next one.

        A Clock does that at once as well.
        """
        due = [each for each in self.calls if each.getTime() <= self.seconds()]
        for call in due[:most]:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)


class AtOncePool:
    """A pool of threads that does everything at once, in this one."""

    def start(self) -> None:
        """It is always ready."""

    stop = start

    def callInThread(self, function: Callable[..., object], *args: Any) -> None:
        function(*args)


class NoEndpoint:
    """A service that is not listened to."""


class Sinking:
    """An object of the application; what it answers is up to the test."""

    def __init__(self, answer: Any = None) -> None:
        self.got: list[Any] = []
        self.answer = answer

    def deliver(self, message: Any) -> Any:
        self.got.append(message)
        return self.answer(message) if callable(self.answer) else self.answer


def to_account(name: str) -> Route:
    return Route(RouteKind.ACCOUNT, name)


def routes(**prefixes: Route) -> Routes:
    """Routes by prefixes ``p49=...``; everything else counts as delivered at once."""
    found = Routes()
    for prefix, route in prefixes.items():
        found.add(prefix[1:], route)
    return found


class World:
    """A message centre, its service, and ESMEs that bind to it."""

    def __init__(self, kind: str, path: Path, **settings: Any) -> None:
        self.kind = kind
        self.path = path / "messages.db"
        self.clock = Reactor()
        self.step = 0.0
        self.settings = settings
        self.pairs: list[Pair] = []
        #: What each session was delivered, and how ESMEs answer: by session or account.
        self.got: list[tuple[str, Any]] = []
        self.answers: dict[Any, Any] = {}
        self.store: Any = None
        self.start()

    def now(self) -> float:
        return START + self.step + self.clock.seconds()

    def start(self) -> None:
        settings = dict(self.settings)
        service, options = settings.pop("service", {}), settings.pop("store", {})
        if self.kind == "sqlite":
            options = {"floor": 0, "reserve": 0, **options}
            self.store = SQLiteStore(self.path, reactor=self.clock, pool=AtOncePool(), **options)
        elif self.store is None:
            self.store = MemoryStore()
        self.store.open()
        self.centre = MessageCentre(
            self.store,
            clock=self.clock,
            now=self.now,
            local=lambda at: datetime.fromtimestamp(at, UTC).replace(tzinfo=None),
            **settings,
        )
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        checker.users = {name.encode(): b"secret" for name in NAMES}
        self.service = SMSCService(
            NoEndpoint(), Portal(self.centre, [checker]), reactor=self.clock, **service
        )
        self.service.running = True
        self.centre.start()
        self.turn()

    def bound(self, name: str = "shop", bind: str = "transceiver", **settings: Any) -> Pair:
        def delivered(session: Any, request: Any) -> Any:
            self.got.append((name, request))
            answer = self.answers.get(session, self.answers.get(name))
            return answer(request) if callable(answer) else answer

        client = ESMEFactory(
            name, "secret", bind=bind, on_request=delivered, clock=self.clock, **settings
        )
        pair = Pair(client, self.service.factory, self.clock)
        self.pairs.append(pair)
        for _ in range(5):
            pair.flush()
            self.clock.advance(0)
        assert pair.esme.bound
        return pair

    def flush(self) -> None:
        for pair in self.pairs:
            pair.flush()

    def turn(self, seconds: float = 0.0) -> None:
        """Time passes, and octets and commits with it."""
        while True:
            self._settle()
            if seconds <= 0:
                return
            step = min(1.0, seconds)
            self.clock.advance(step)
            seconds -= step

    def _settle(self) -> None:
        # One at a time, when receivers that never answer have all other places of the window.
        for _ in range(2000):
            self.flush()
            now = self.clock.seconds()
            if not any(call.getTime() <= now for call in self.clock.getDelayedCalls()):
                return
            self.clock.advance(0)
        raise AssertionError("it does not come to rest")

    def ask(self, deferred: Deferred[Any]) -> Any:
        """The response to a request that was sent."""
        self.turn()
        return success(deferred)

    def submit(self, pair: Pair, to: str = "491", **fields: Any) -> str:
        """The id of a message."""
        fields = {"source_addr": "100", "short_message": b"text", **fields}
        response = self.ask(pair.esme.submit_sm(destination_addr=to, **fields))
        message_id: str = response.message_id
        return message_id

    def query(self, pair: Pair, message_id: str, source: str = "100") -> int:
        response = self.ask(pair.esme.query_sm(message_id=message_id, source_addr=source))
        state: int = response.message_state
        return state

    def record(self, message_id: str) -> Any:
        """What the store has of a message."""
        found = self.centre.find(message_id)
        self.turn()
        return success(found)[0]

    def receipts(self, name: str = "shop") -> list[Receipt]:
        return [Receipt.of(pdu) for who, pdu in self.got if who == name and is_receipt(pdu)]

    def messages(self, name: str) -> list[Any]:
        return [pdu for who, pdu in self.got if who == name and not is_receipt(pdu)]

    def kill(self) -> None:
        """As kill -9: what was not written is gone; nothing is told to anybody."""
        self.centre.stop()
        for pair in self.pairs:
            if not pair.esme_transport.lost:
                pair.drop()
        self.pairs.clear()
        if self.kind == "sqlite":
            self.store._next.clear()
            self.store._connection.close()
            self.store._file.release()
        for call in self.clock.getDelayedCalls():
            call.cancel()

    def restart(self) -> None:
        self.kill()
        self.start()

    def end(self) -> None:
        """Stops; no timer may be left."""
        for pair in self.pairs:
            if not pair.esme_transport.lost:
                pair.drop()
        self.centre.stop()
        closing = self.store.close()
        self._settle()
        if closing is not None:
            success(closing)
        assert self.clock.getDelayedCalls() == []


def is_receipt(pdu: Any) -> bool:
    return bool(pdu.esm_class & 0x3C in (EsmClass.MC_DELIVERY_RECEIPT, 0x20))


V3_3, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V5_0
