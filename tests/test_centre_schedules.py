"""Random lives of a message centre: whatever happens, nothing acknowledged is lost.

Each seed is one schedule of submissions, enquiries, refusals, lost sessions and restarts. At the
end everybody binds and takes what comes; then every message has one final state that it never
left, and each receipt that was wanted has come.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from centre_kit import World, both_stores, routes, to_account
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from twisted_smpp.smsc import Keeping, Route, RouteKind
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import Pair
from twisted_smpp.values import MessageState as M

SEEDS = 100
NAMES = ("shop", "bank", "news")
PATIENT = Keeping(delays=(1.0, 2.0), attempts=1000)


class Schedule:
    def __init__(self, seed: int, kind: str, path: Path) -> None:
        self.random = Random(seed)
        table = routes(
            p1=to_account("shop"),
            p2=to_account("bank"),
            p3=to_account("news"),
            p4=Route(RouteKind.LOOPBACK),
        )
        self.world = World(kind, path, routes=table, keeping=PATIENT)
        self.pairs: dict[str, Pair] = {}
        #: Of each acknowledged id: who sent it, and whether a receipt is wanted.
        self.sent: dict[str, tuple[str, bool]] = {}
        self.texts: dict[bytes, str] = {}
        self.final: dict[str, int] = {}
        self.unknown = 0
        self.count = 0
        for name in NAMES:
            self.world.answers[name] = self.answer

    def answer(self, request: Any) -> Any:
        return (
            self.random.choice([None, None, None, S.ESME_RX_T_APPN, S.ESME_RMSGQFUL])
            if not self.random.random() < 0.05
            else Deferred()
        )

    def pair(self, name: str) -> Pair:
        pair = self.pairs.get(name)
        if pair is None or not pair.esme.bound:
            pair = self.pairs[name] = self.world.bound(name)
        return pair

    def submit(self) -> None:
        name, self.count = self.random.choice(NAMES), self.count + 1
        wanted, text = self.random.random() < 0.5, str(self.count).encode()
        fields: dict[str, Any] = {"registered_delivery": int(wanted), "short_message": text}
        if self.random.random() < 0.2:
            fields["schedule_delivery_time"] = "000000000005000R"
        if self.random.random() < 0.2:
            fields["validity_period"] = "000000000020000R"
        asked = self.pair(name).esme.submit_sm(
            source_addr="7", destination_addr=self.random.choice("12345"), **fields
        )

        def accepted(response: Any) -> None:
            self.sent[response.message_id] = (name, wanted)
            self.texts[text] = response.message_id

        asked.addCallbacks(accepted, lambda _: None)

    def enquire(self) -> None:
        if not self.sent:
            return
        message_id = self.random.choice(sorted(self.sent))
        esme = self.pair(self.sent[message_id][0]).esme
        fields: Any = {"message_id": message_id, "source_addr": "7"}
        what = self.random.choice(["query", "cancel", "cancel", "replace"])
        if what == "query":
            esme.query_sm(**fields).addCallbacks(
                lambda told: self.told(message_id, told.message_state), lambda _: None
            )
        elif what == "cancel":
            esme.cancel_sm(**fields).addCallbacks(
                lambda _: self.told(message_id, M.DELETED), lambda _: None
            )
        else:
            wanted = int(self.sent[message_id][1])
            esme.replace_sm(short_message=b"new", registered_delivery=wanted, **fields).addErrback(
                lambda _: None
            )

    def told(self, message_id: str, state: int) -> None:
        """A final state is told for ever."""
        if message_id in self.final:
            assert state == self.final[message_id]
        elif state not in (M.SCHEDULED, M.ENROUTE):
            self.final[message_id] = state

    def drop(self) -> None:
        name = self.random.choice(NAMES)
        pair = self.pairs.pop(name, None)
        if pair is not None and not pair.esme_transport.lost:
            self.unknown += pair.smsc.session.in_flight
            pair.drop()

    def restart(self) -> None:
        if self.random.random() < 0.3:
            self.unknown += sum(
                each.smsc.session.in_flight
                for each in self.pairs.values()
                if not each.esme_transport.lost
            )
            self.pairs.clear()
            self.world.restart()

    def turn(self) -> None:
        self.world.turn(self.random.choice([0.0, 0.0, 1.0, 3.0]))

    def settle(self) -> None:
        """Everybody is there, and takes everything."""
        for name in NAMES:
            self.world.answers[name] = None
            self.drop_all(name)
        for name in NAMES:
            self.pair(name)
        self.world.turn(40)

    def drop_all(self, name: str) -> None:
        for pair in self.world.pairs:
            if not pair.esme_transport.lost:
                self.unknown += pair.smsc.session.in_flight
                pair.drop()


@both_stores
@pytest.mark.parametrize("first", range(0, SEEDS, 10))
def test_nothing_acknowledged_is_lost(
    kind: str, first: int, tmp_path: Path, logged_errors: Any
) -> None:
    for seed in range(first, first + 10):
        path = tmp_path / str(seed)
        path.mkdir()
        with capturedLogs():
            check(Schedule(seed, kind, path))
    logged_errors.flush(TimeoutError)  # of ESMEs that never answered


def check(schedule: Schedule) -> None:
    world = schedule.world
    moves = [schedule.submit] * 6 + [schedule.enquire] * 3 + [schedule.turn] * 4
    moves += [schedule.drop, schedule.restart]
    for _ in range(60):
        schedule.random.choice(moves)()
    world.turn(1)
    schedule.settle()
    for message_id, (name, _) in schedule.sent.items():
        state = world.query(schedule.pair(name), message_id, "7")
        assert state not in (M.SCHEDULED, M.ENROUTE), state
        schedule.told(message_id, state)
    come = Counter(each.message_id for name in NAMES for each in world.receipts(name))
    for message_id, (_, wanted) in schedule.sent.items():
        assert bool(come[message_id]) == wanted
    assert all(each.count == 0 for each in world.centre.dispatches.values())
    world.end()
