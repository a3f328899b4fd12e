"""A message centre whose sessions and sinks are watched by a model, and that may crash."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random
from typing import Any

from centre_kit import World
from swarm_model_kit import Attempt, Model, Wire
from twisted.internet.defer import Deferred, fail

from twisted_smpp.errors import RequestRefused, StoreError
from twisted_smpp.factory import ESMEFactory
from twisted_smpp.smsc.ids import numbers_of
from twisted_smpp.smsc.kinds import RECEIPT
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.store import Record
from twisted_smpp.store.record import COLUMNS
from twisted_smpp.testing import Pair
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire import tlvs

NAMES = ("shop", "bank", "news")
#: By the first digit of a destination: who gets it; "" counts as delivered at once.
RECEIVERS = {"1": "shop", "2": "bank", "3": "news", "5": "app", "6": "", "7": "app"}
NOWHERE = "8"
#: A destination with this end is refused for now, for ever.
POISON = "9"
V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0
AREAS = {
    tlvs.broadcast_area_identifier: [b"\x00alpha"],
    tlvs.broadcast_content_type: b"\x01\x00\x10",
    tlvs.broadcast_frequency_interval: b"\x09\x00\x01",
    tlvs.broadcast_rep_num: 1,
}


class Planned(Exception):
    """What an application raises that is meant to."""


def never_mind(asked: Deferred[Any]) -> None:
    """The model hears of the answer at the other end."""
    asked.addErrback(lambda _: None)


def relative(seconds: int) -> str:
    """So many seconds from now, fewer than an hour, as PDUs say it."""
    return f"00000000{seconds // 60:02}{seconds % 60:02}000R"


def source_of(name: str) -> str:
    """The address of an account, by which it is reached."""
    return next(first for first, each in RECEIVERS.items() if each == name) + "0"


class Swarm(World):
    """A world whose sessions are all watched by a model."""

    model: Model

    def __init__(self, life: Any, kind: str, path: Path, **settings: Any) -> None:
        self.life = life
        super().__init__(kind, path, **settings)

    def connect(self, name: str, bind: str, version: int, buffer: int) -> Pair:
        """A session that is bound."""
        client = ESMEFactory(
            name,
            "secret",
            bind=bind,
            interface_version=InterfaceVersion(version),
            on_request=lambda _, request: self.life.receive(name, request),
            clock=self.clock,
            answer_timeout=1e6,
            max_unanswered=10**6,
        )
        pair = Pair(client, self.service.factory, self.clock)
        pair.smsc_transport.buffer_size = buffer
        wire = Wire(self.model, name, pair.smsc)
        pair.smsc.add_tap(wire)
        self.model.wires = [each for each in self.model.wires if not each.protocol._lost]
        self.model.wires.append(wire)
        self.pairs = [each for each in self.pairs if not each.esme_transport.lost]
        self.pairs.append(pair)
        for _ in range(5):
            pair.flush()
            self.clock.advance(0)
        return pair

    def query_all(self, where: str, *values: Any) -> list[Record]:
        """The records that there would be after a crash."""
        if self.kind == "sqlite":
            select = f"SELECT {', '.join(COLUMNS)} FROM message WHERE {where}"
            return [Record.of(row) for row in self.store._connection.execute(select, values)]
        found = [*self.store._records.values(), *map(Record.of, self.store._rows.values())]
        connection = sqlite3.connect(":memory:")
        columns = ", ".join(COLUMNS)
        connection.execute(f"CREATE TABLE message ({columns})")
        place = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO message VALUES ({place})", [r.row() for r in found])
        select = f"SELECT {columns} FROM message WHERE {where}"
        rows = connection.execute(select, values).fetchall()
        connection.close()
        return [Record.of(row) for row in rows]

    def image(self, message_id: str) -> list[Record]:
        """The messages of an id, as a crash would leave them."""
        for number in numbers_of(message_id):
            kept = self._image(number, message_id)
            if kept:
                return kept
        return []

    def _image(self, first: int, message_id: str) -> list[Record]:
        if self.kind == "sqlite":
            where = "number BETWEEN ? AND ? AND message_id = ? AND kind <> ?"
            return self.query_all(where, first, first + 254, message_id, RECEIPT)
        rows, records = self.store._rows, self.store._records
        numbers = range(first, first + 255)
        found = [Record.of(rows[n]) for n in numbers if n in rows and rows[n][7] == message_id]
        found += [records[n] for n in numbers if n in records]
        return [e for e in found if e.message_id == message_id and e.kind != RECEIPT]

    def creep(self, random: Random) -> None:
        """One small thing happens: some octets pass one way, or one call that is due."""
        live = [each for each in self.pairs if not each.esme_transport.lost]
        if not live or random.random() < 0.6:
            self.clock.turn_once(1)
            return
        pair = random.choice(live)
        source = random.choice([pair.esme_transport, pair.smsc_transport])
        if source.written and source.other.reading and not source.other.lost:
            octets = source.taken(random.choice([7, 50, len(source.written)]))
            source.other.protocol.dataReceived(octets)

    def crash(self) -> None:
        """As kill -9, and a start; what had left on a connection still arrives, or not."""
        self.model.crashed()
        for pair in self.pairs:
            pair.smsc_transport.written = b""
        self.kill()
        self.start()

    def break_store(self, is_written: bool) -> None:
        """The next transaction fails, and may be on the disk all the same."""
        transaction = self.store._transaction

        def fails(batch: Any) -> None:
            if is_written:
                transaction(batch)
            raise sqlite3.OperationalError("disk I/O error")

        self.model.is_failing = True
        self.store._transaction = fails

    def restart_in_order(self) -> None:
        """As SIGTERM and a start."""
        self.service.stopService()
        self.turn(36)
        self.centre.stop()
        self._settle()
        self.model.crashed()  # what a sink has not answered is given to it again
        closing = self.store.close()
        self._settle()
        assert closing is None or closing.called
        self.start()


class Application:
    """The sink of the application."""

    def __init__(self, life: Any) -> None:
        self.life = life
        self.open: list[tuple[Deferred[Any], Attempt]] = []
        self.taken: list[tuple[str, str]] = []

    def deliver(self, submitted: Any) -> Any:
        life, attempt = self.life, Attempt(self.life.world.clock.seconds())
        life.model.sinks("app", submitted, attempt)
        how = "None" if life.is_healed else life.random.choice(life.sink_answers)
        if submitted.destination.endswith(POISON):
            how = "raise"
        return getattr(self, f"_{how}")(submitted, attempt)

    def _end(self, attempt: Attempt, outcome: str, state: int = M.DELIVERED) -> None:
        attempt.state = state
        attempt.end(outcome, self.life.world.clock.seconds())

    def _None(self, submitted: Any, attempt: Attempt) -> None:  # noqa: N802
        self._end(attempt, "ok")

    def _state(self, submitted: Any, attempt: Attempt) -> M:
        state = self.life.random.choice([M.DELIVERED, M.REJECTED, M.UNDELIVERABLE, M.EXPIRED])
        self._end(attempt, "ok", state)
        return state

    def _accept(self, submitted: Any, attempt: Attempt) -> M:
        self.taken.append((submitted.message_id, submitted.destination))
        self._end(attempt, "ok", M.ACCEPTED)
        return M.ACCEPTED

    def _early(self, submitted: Any, attempt: Attempt) -> M:
        """It reports before it has returned."""
        self.report(submitted.message_id, submitted.destination, M.DELIVERED)
        return self._accept(submitted, attempt)

    async def _coroutine(self, submitted: Any, attempt: Attempt) -> M:
        return self._state(submitted, attempt)

    def _later(self, submitted: Any, attempt: Attempt) -> Deferred[Any]:
        deferred: Deferred[Any] = Deferred(lambda _: self._end(attempt, "lost"))
        self.open.append((deferred, attempt))
        return deferred

    def _raise(self, submitted: Any, attempt: Attempt) -> None:
        self._end(attempt, "refused")
        raise Planned("not now")

    def _temporary(self, submitted: Any, attempt: Attempt) -> Deferred[Any]:
        self._end(attempt, "refused")
        return fail(RequestRefused(S.ESME_RTHROTTLED))

    def _refuse(self, submitted: Any, attempt: Attempt) -> None:
        self._end(attempt, "final")
        raise RequestRefused(S.ESME_RINVDSTADR)

    def answer(self, deferred: Deferred[Any], attempt: Attempt, is_good: bool) -> None:
        """What was open gets its answer, if anybody still waits for it."""
        if deferred.called:
            return
        self._end(attempt, "ok" if is_good else "refused")
        if is_good:
            deferred.callback(None)
        else:
            deferred.errback(RequestRefused(S.ESME_RMSGQFUL))

    def report(self, message_id: str, destination: str, state: int) -> None:
        """What was taken has come to its end, it says."""
        model, centre = self.life.model, self.life.world.centre

        def heard(is_first: bool) -> None:
            message = model.by_id.get((message_id, destination))
            if is_first and message is not None:
                model.reported(message, state)

        told = centre.report(message_id, state, destination=destination)
        told.addCallbacks(heard, lambda failure: failure.trap(StoreError) and None)
