"""A message centre that lives by chance: who submits, receives, answers, goes and comes back.

Each seed first draws which moves it knows and how its receivers answer, so that rare
combinations occur undiluted; then it moves, looks after each move, heals, and judges.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from centre_kit import routes, to_account
from swarm_judge_kit import heal, judge, look
from swarm_model_kit import Message, Model
from swarm_world_kit import (
    AREAS,
    NAMES,
    NOWHERE,
    POISON,
    RECEIVERS,
    V3_3,
    V3_4,
    V5_0,
    Application,
    Planned,
    Swarm,
    never_mind,
    relative,
    source_of,
)
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from twisted_smpp.smsc import Keeping, Route, RouteKind
from twisted_smpp.smsc.kinds import RECEIPT
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import Pair
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire import tlvs
from twisted_smpp.wire.lists import DistributionList, SMEAddress
from twisted_smpp.wire.pdu import decode

SINK_ANSWERS = [
    "state",
    "accept",
    "accept",
    "early",
    "coroutine",
    "later",
    "raise",
    "temporary",
    "refuse",
]


@contextmanager
def captured() -> Iterator[list[LogEvent]]:
    """What is logged meanwhile; Twisted's own goes on for ever when an error leaves it."""
    events: list[LogEvent] = []
    observer: Any = events.append
    globalLogPublisher.addObserver(observer)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(observer)


class Life:
    """One schedule.

    Args:
        seed: of all that is left to chance.
        kind: of the store.
        path: a folder of its own.
    """

    def __init__(self, seed: int, kind: str, path: Path) -> None:
        self.random = random = Random(seed)
        self.seed, self.is_healed, self.count = seed, False, 0
        table = routes(
            p1=to_account("shop"),
            p2=to_account("bank"),
            p3=to_account("news"),
            p4=Route(RouteKind.LOOPBACK),
            p5=Route(RouteKind.SINK, "app"),
            p7=Route(RouteKind.SINK, "app"),
            p8=Route(RouteKind.NOWHERE),
        )
        delays, attempts = random.choice(
            [((1.0, 2.0), 20), ((1.0, 2.0), 20), ((1.0, 2.0), 5), ((5.0, 30.0, 120.0), 5)]
        )
        keeping = Keeping(delays=delays, attempts=attempts, final_seconds=1e7)
        self.app = Application(self)
        self.broadcast_sink = random.choice(["app", None])
        self.world = Swarm(
            self,
            kind,
            path,
            routes=table,
            keeping=keeping,
            sinks={"app": self.app},
            broadcast_sink=self.broadcast_sink,
        )
        self.model = self.world.model = Model(
            self.world.clock.seconds, self.world.now, self.world.image, self.receiver, keeping
        )
        self.model.waits = self.receipt_waits
        self.late: list[Deferred[Any]] = []
        #: So many of the next deliveries.
        self.will_be_late = 0
        #: Three deliveries without an answer are the end of a session, and then none is late.
        self.most_late = random.choice([2, 1000])
        self.answers = [None] * 6 + random.sample(
            [S.ESME_RX_T_APPN, S.ESME_RMSGQFUL, S.ESME_RX_R_APPN, "never", "late", "raise"],
            random.randint(0, 4),
        )
        self.sink_answers = ["None", "None", *random.sample(SINK_ANSWERS, random.randint(1, 6))]
        self.moves = self._draw()

    def _draw(self) -> list[Any]:
        """The moves of this life, as often as they are likely."""
        random = self.random
        found = [self.submit] * 8 + [self.turn] * 4
        for move, weight in (
            (self.multi, 3),
            (self.data, 2),
            (self.broadcast, 2),
            (self.change, 3),
            (self.change_broadcast, 1),
            (self.bind, 2),
            (self.drop, 1),
            (self.unbind, 1),
            (self.stall, 1),
            (self.read_again, 1),
            (self.answer_late, 2),
            (self.answer_too_late, 2),
            (self.report, 2),
            (self.creep, 4),
            (self.crash, 1),
            (self.restart_in_order, 1),
            (self.break_store, 1),
            (self.fill_up, 1),
            (self.jump, 1),
            (self.burst, 1),
            (self.wrong_submission, 1),
            (self.wait, 1),
        ):
            if random.random() < 0.5:
                found += [move] * weight
        return found

    def receiver(self, destination: str, owner: str) -> str | None:
        if not destination:
            return self.broadcast_sink or ""
        if destination[0] == "4":
            return owner
        return RECEIVERS.get(destination[0])

    # The sessions.

    def live(self, name: str = "", sends: bool = False) -> list[Pair]:
        return [
            each
            for each in self.world.pairs
            if each.esme.bound
            and each.smsc.bound
            and (not name or each.esme.bind_request.system_id == name)
            and (not sends or each.esme.bind_request.command != "bind_receiver")
        ]

    def sender(self, version: int = 0) -> Pair:
        found = [e for e in self.live(sends=True) if e.smsc.session.version >= version]
        if found and self.random.random() < 0.9:
            return self.random.choice(found)
        return self._connect(self.random.choice(NAMES), "transceiver", version or V3_4)

    def _connect(self, name: str, bind: str, version: int) -> Pair:
        buffer = 65_536 if self.is_healed else self.random.choice([65_536, 65_536, 400])
        return self.world.connect(name, bind, version, buffer)

    def bind(self) -> None:
        bind = self.random.choice(["transceiver", "receiver", "transmitter"])
        versions = [V3_4, V5_0] if bind == "transceiver" else [V3_3, V3_4, V5_0]
        if len(self.live()) < 6:
            self._connect(self.random.choice(NAMES), bind, self.random.choice(versions))

    def drop(self) -> None:
        if found := self.live():
            self.random.choice(found).drop()

    def unbind(self) -> None:
        if found := self.live():
            self.random.choice(found).esme.unbind(self.random.choice([0.0, None]))

    def stall(self) -> None:
        if found := self.live():
            self.random.choice(found).esme_transport.reading = False

    def read_again(self) -> None:
        for pair in self.live():
            pair.esme_transport.reading = True

    # What is delivered.

    def receive(self, name: str, request: Any) -> Any:
        """An ESME is given something, and answers as it likes."""
        destination = request.destination_addr
        is_receipt = request.esm_class & 0x3C in (0x04, 0x20)
        if destination.endswith(POISON) and not is_receipt:
            return S.ESME_RX_T_APPN
        if self.is_healed:
            return None
        if request.registered_delivery & 0x0C and self.random.random() < 0.5:
            self._acknowledge(name, request)
        answer = self.random.choice(self.answers)
        if self.will_be_late:
            self.will_be_late -= 1
            answer = "late"
        if answer == "raise":
            raise Planned("not here")
        if answer == "late" and len(self.late) >= self.most_late:
            return None
        if answer in ("never", "late"):
            deferred: Deferred[Any] = Deferred()
            if answer == "late":
                self.late.append(deferred)
            return deferred
        return answer

    def _acknowledge(self, name: str, request: Any) -> None:
        """The acknowledgement of the receiving SME, or of its user."""
        found = self.live(name, sends=True)
        if not found:
            return
        kind = 0x08 if request.registered_delivery & 0x04 else 0x10
        self._submit(found[0], request.source_addr, esm_class=kind)

    def answer_late(self) -> None:
        late, self.late = self.late, []
        for deferred in late:
            deferred.callback(self.random.choice([None, None, S.ESME_RX_T_APPN]))
        open_, self.app.open = self.app.open, []
        for deferred, attempt in open_:
            self.app.answer(deferred, attempt, self.random.random() < 0.7)

    def answer_too_late(self) -> None:
        """Somebody has lost its patience by then; the next try may be under way."""
        self.will_be_late = 2
        self.submit()
        self.submit()
        self.world.turn(self.random.choice([31.0, 31.0, 33.0]))
        self.will_be_late = 0
        self.answer_late()

    def report(self) -> None:
        if self.app.taken:
            state = self.random.choice([M.DELIVERED, M.UNDELIVERABLE])
            self.app.report(*self.random.choice(self.app.taken), state)

    # What is submitted.

    def token(self) -> bytes:
        self.count += 1
        return b"#%d %s" % (self.count, b"x" * self.random.choice([0, 5, 120]))

    def destination(self, firsts: str = "12345672315") -> str:
        last = POISON if self.random.random() < 0.04 else self.random.choice("12")
        return self.random.choice(firsts) + last

    def wishes(self) -> dict[str, Any]:
        """When, until when, and what of it shall be told."""
        random = self.random
        wanted = random.choice([0, 1, 1, 2, 3]) | random.choice([0, 0, 0x10, 0x04, 0x08])
        fields: dict[str, Any] = {"registered_delivery": wanted}
        if random.random() < 0.15:
            fields["schedule_delivery_time"] = relative(random.choice([2, 10, 40]))
        if random.random() < 0.25:
            fields["validity_period"] = relative(random.choice([45, 100, 130]))
        return fields

    def _submit(self, pair: Pair, to: str, **fields: Any) -> None:
        fields = {"short_message": self.token(), **fields}
        source = source_of(pair.esme.bind_request.system_id)
        never_mind(pair.esme.submit_sm(source_addr=source, destination_addr=to, **fields))

    def submit(self) -> None:
        fields = self.wishes()
        if self.random.random() < 0.05:
            fields["replace_if_present_flag"] = 1
        self._submit(self.sender(), self.destination(), **fields)

    def burst(self) -> None:
        pair, to = self.sender(), self.destination("123")
        for _ in range(self.random.choice([20, 180])):
            self._submit(pair, to)

    def wrong_submission(self) -> None:
        wrong: dict[str, Any] = self.random.choice(
            [
                {"to": NOWHERE + "1"},
                {"to": "21", "esm_class": 0x04},
                {"to": "21", "esm_class": 0x20},
                {"to": "21", "validity_period": "260101000000000+"},
                {"to": "21", "schedule_delivery_time": "261399000000000+"},
                {"to": ""},
            ]
        )
        self._submit(self.sender(), **wrong)

    def data(self) -> None:
        pair = self.sender(V3_4)
        wanted = self.wishes()["registered_delivery"]
        never_mind(
            pair.esme.data_sm(
                source_addr=source_of(pair.esme.bind_request.system_id),
                destination_addr=self.destination(),
                registered_delivery=wanted,
                tlvs={tlvs.message_payload: self.token()},
            )
        )

    def multi(self) -> None:
        pair, random = self.sender(V3_4), self.random
        numbers = {self.destination("123456785") for _ in range(random.randint(1, 6))}
        addresses: list[Any] = [SMEAddress(1, 1, each) for each in sorted(numbers)]
        if random.random() < 0.05:
            addresses.append(DistributionList("friends"))
        never_mind(
            pair.esme.submit_multi(
                source_addr=source_of(pair.esme.bind_request.system_id),
                dest_address=addresses,
                short_message=self.token(),
                **self.wishes(),
            )
        )

    def broadcast(self, **more: Any) -> None:
        pair, fields = self.sender(V5_0), {**self.wishes(), **more}
        del fields["registered_delivery"]
        described = {**AREAS, tlvs.message_payload: self.token()}
        source = source_of(pair.esme.bind_request.system_id)
        never_mind(pair.esme.broadcast_sm(source_addr=source, tlvs=described, **fields))

    # What is asked and changed.

    def _known(self, is_broadcast: bool) -> Message | None:
        found = [
            each
            for each in self.model.messages
            if each.message_id and (each.what == "broadcast_sm") == is_broadcast
        ]
        return self.random.choice(found[-40:]) if found else None

    def change(self) -> None:
        message = self._known(False)
        if message is None:
            return
        is_foreign = self.random.random() < 0.1
        pair = self.sender()
        if not is_foreign:
            found = self.live(message.owner, sends=True)
            pair = found[0] if found else self._connect(message.owner, "transceiver", V3_4)
        fields: dict[str, Any] = {
            "message_id": message.message_id,
            "source_addr": message.source,
        }
        what = self.random.choice(["query", "cancel", "cancel", "cancel_by_address", "replace"])
        if what == "query":
            asked = pair.esme.query_sm(**fields)
        elif what == "cancel":
            asked = pair.esme.cancel_sm(**fields)
        elif what == "cancel_by_address":
            fields["message_id"] = ""
            asked = pair.esme.cancel_sm(destination_addr=message.destination, **fields)
        else:
            wishes = self.wishes()
            wishes.pop("schedule_delivery_time", None)
            asked = pair.esme.replace_sm(short_message=self.token(), **wishes, **fields)
        never_mind(asked)

    def change_broadcast(self) -> None:
        if self.random.random() < 0.5:
            self.broadcast(schedule_delivery_time=relative(40))
            self.world.turn()
        message = self._known(True)
        if message is None:
            return
        found = [e for e in self.live(message.owner, True) if e.smsc.session.version >= V5_0]
        pair = found[0] if found else self._connect(message.owner, "transceiver", V5_0)
        fields: dict[str, Any] = {"message_id": message.message_id, "source_addr": message.source}
        if self.random.random() < 0.5:
            never_mind(pair.esme.query_broadcast_sm(**fields))
        elif self.random.random() < 0.5:
            never_mind(pair.esme.cancel_broadcast_sm(**fields))
        else:
            described = {**AREAS, tlvs.message_payload: self.token()}
            never_mind(pair.esme.broadcast_sm(replace_if_present_flag=1, tlvs=described, **fields))

    # What happens to the centre.

    def turn(self) -> None:
        self.world.turn(self.random.choice([0.0, 0.0, 1.0, 3.0]))

    def wait(self) -> None:
        self.world.turn(self.random.choice([10.0, 35.0]))

    def creep(self) -> None:
        for _ in range(self.random.randint(1, 15)):
            self.world.creep(self.random)

    def crash(self) -> None:
        for _ in range(self.random.randint(0, 15)):
            self.world.creep(self.random)
        self.world.crash()

    def break_store(self) -> None:
        if self.world.kind == "sqlite":
            self.world.break_store(self.random.random() < 0.5)
            for _ in range(self.random.randint(0, 3)):
                self.submit()
            self.creep()
            self.turn()
            self.world.crash()
            self.model.is_failing = False

    def fill_up(self) -> None:
        """There is no room for anything new, until something was written that is old."""
        if self.world.kind == "sqlite":
            self.world.store.full = True
            for _ in range(self.random.randint(0, 3)):
                self.random.choice([self.submit, self.multi, self.change])()

    def restart_in_order(self) -> None:
        if self.random.random() < 0.3:
            self.world.restart_in_order()

    def jump(self) -> None:
        self.model.jumps_now()
        self.world.step = self.random.choice([-300.0, -5.0, 5.0, 90.0, 900.0])

    def receipt_waits(self, message: Message, state: int) -> bool:
        """Whether a receipt of this state of a message would still be there after a crash."""
        for record in self.world.query_all(
            "kind = ? AND message_id = ? AND queue = ?",
            RECEIPT,
            message.message_id,
            f"account:{message.owner}",
        ):
            pdu: Any = decode(record.pdu)
            if (pdu.source_addr, Receipt.of(pdu).message_state) == (message.destination, state):
                return True
        return False

    def run(self, moves: int) -> None:
        """Moves, and looks after each move; then heals, and judges.

        Raises:
            AssertionError: an invariant does not hold.
        """
        with captured() as logs:
            for _ in range(moves):
                move = self.random.choice(self.moves)
                self.model.seen[move.__name__.replace("_", " ")] += 1
                move()
                self.model.latest = max(self.model.latest, self.world.now())
                look(self)
            heal(self)
            judge(self)
            self.world.end()
        for event in logs:
            failure = event.get("log_failure")
            is_planned = failure is not None and failure.check(Planned)
            if event["log_namespace"] == "twisted_smpp.store.sqlite.SQLiteStore":
                is_planned = "disk I/O error" in event.get("error", "")
            if event["log_level"] >= LogLevel.error and not is_planned:
                raise AssertionError(f"seed {self.seed}: logged {event['log_format']!r} {failure}")
