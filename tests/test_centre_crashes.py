"""A crash at every write and sync of a message centre's life: every promise outlives it (G06).

The run that is recorded has receipts of all kinds, submit_multi, sinks that answer at once, later
and by a report, cancels, replacements, refusals and restarts. What the disk may hold after a
crash at each instant is opened by the real store and compared with what was said until then;
at every few instants a message centre goes on with it to the end.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from centre_kit import AtOncePool, Reactor, Sinking, World, routes, to_account
from twisted.internet.defer import Deferred

from twisted_smpp.errors import StoreError
from twisted_smpp.smsc import Keeping, MessageCentre, Route, RouteKind
from twisted_smpp.smsc.ids import numbers_of
from twisted_smpp.smsc.kinds import FINAL, MESSAGE, RECEIPT
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.store import Record, SQLiteStore
from twisted_smpp.store.record import COLUMNS
from twisted_smpp.testing import Pair
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire.lists import SMEAddress
from twisted_smpp.wire.pdu import decode

crash_kit = pytest.importorskip("crash_kit", reason="needs apsw", exc_type=ImportError)

#: How much more than usual: so many runs of other seeds, all of them to the end.
THOROUGH = int(os.environ.get("STORE_CRASH_ROUNDS", "1"))
MODES = ("kept", "dropped", "torn", "subset")
#: At every so many instants a message centre goes on with what is left.
GO_ON_EVERY = 16 if THOROUGH == 1 else 1
FILE = "messages.db"
NAMES = ("shop", "bank")
TABLE = routes(
    p1=to_account("shop"),
    p2=to_account("bank"),
    p5=Route(RouteKind.SINK, "app"),
    p6=Route(RouteKind.SINK, "later"),
    p8=Route(RouteKind.NOWHERE),
)
KEEPING = Keeping(delays=(1.0,), attempts=1000)


class Recorded:
    """A life of a message centre on the recording disk, and what it said when.

    What it said is in the marks of the recording: what, a key, and more.
    """

    def __init__(self, folder: Path, seed: int, is_synced: bool = True) -> None:
        self.random, self.count, self.is_synced = Random(seed), 0, is_synced
        self.recording = crash_kit.Recording()
        vfs = crash_kit.RecordingVFS(f"centre{id(self)}", self.recording)
        self.app = Sinking(lambda _: self.random.choice([None, M.REJECTED, M.ACCEPTED]))
        self.open: list[Deferred[Any]] = []
        self.later = Sinking(self._later)
        self.refused: set[bytes] = set()
        self.world = World(
            "sqlite",
            folder,
            routes=TABLE,
            keeping=KEEPING,
            sinks={"app": self.app, "later": self.later},
            store={"connect": lambda path: crash_kit.Connection(path, vfs.vfs_name)},
        )
        try:
            self._live()
            self.world.end()
        finally:
            vfs.unregister()

    def _later(self, _: Any) -> Deferred[Any]:
        self.open.append(Deferred())
        return self.open[-1]

    def _bound(self) -> None:
        if not self.is_synced:
            self.world.store._connection.execute("PRAGMA synchronous = OFF")
        self.pairs = {name: self.world.bound(name) for name in NAMES}
        for name, pair in self.pairs.items():
            pair.smsc.add_tap(lambda *seen, name=name, asked={}: self._tap(name, asked, *seen))

    def _tap(self, name: str, asked: Any, direction: str, pdu: Any, *_: Any) -> None:
        """Marks what is said at the instant at which its octets are about to leave."""
        if direction == "received" and not pdu.is_response:
            asked[pdu.sequence_number] = pdu
        elif direction == "sent" and pdu.is_response:
            self._said(name, asked.pop(pdu.sequence_number), pdu)
        elif pdu.command == "deliver_sm" and pdu.esm_class & 0x3C == 0x04:
            receipt = Receipt.of(pdu)
            key = receipt.message_id, pdu.source_addr
            self.recording.acknowledge(("receipt", key, receipt.message_state))

    def _said(self, name: str, request: Any, response: Any) -> None:
        if response.command_status:
            if request.command in ("submit_sm", "submit_multi"):
                self.refused.add(request.short_message)
            return
        if request.command == "submit_sm":
            key = response.message_id, request.destination_addr
            self.recording.acknowledge(("promise", key, request.registered_delivery))
        elif request.command == "submit_multi":
            refused = {each.destination_addr for each in response.unsuccess_sme}
            for each in request.dest_address:
                if each.destination_addr not in refused:
                    key = response.message_id, each.destination_addr
                    self.recording.acknowledge(("promise", key, request.registered_delivery))
        elif request.command == "cancel_sm":
            self.recording.acknowledge(("end", (request.message_id, ""), M.DELETED))

    def _live(self) -> None:
        self._bound()
        world, random = self.world, self.random
        moves = (
            [self._submit] * 5 + [self._multi] * 3 + [self._cancel, self._cancel, self._replace] * 2
        )
        moves += [self._report, self._answer, self._answer_badly] * 2 + [self._pass] * 5
        for turn in range(80 * THOROUGH):
            random.choice(moves)()
            if turn % 40 == 39:
                world.restart()  # what was not written is lost
                self._bound()
                # In the middle of the run the log goes into the file.
                world.store._connection.execute("PRAGMA wal_autocheckpoint = 20")

    def _ask(self, asked: Deferred[Any]) -> None:
        asked.addErrback(lambda _: None)

    def _fields(self) -> dict[str, Any]:
        self.count += 1
        return {
            "source_addr": "10",
            "short_message": b"#%d %s" % (self.count, b"x" * self.random.choice([0, 100])),
            "registered_delivery": self.random.choice([0, 1, 1, 2, 3, 0x11]),
        }

    def _submit(self) -> None:
        to = self.random.choice(["21", "22", "51", "61", "71", "81"])
        fields = self._fields()
        if self.random.random() < 0.4:
            fields["schedule_delivery_time"] = "000000000010000R"
        if self.random.random() < 0.2:
            fields["replace_if_present_flag"] = 1
        self._ask(self.pairs["shop"].esme.submit_sm(destination_addr=to, **fields))

    def _multi(self) -> None:
        numbers = self.random.sample(["21", "22", "51", "61", "71", "72", "81"], 4)
        addresses = [SMEAddress(1, 1, each) for each in numbers]
        asked = self.pairs["shop"].esme.submit_multi(dest_address=addresses, **self._fields())
        self._ask(asked)

    def _known(self) -> str:
        """The id of a message to one destination, or nothing."""
        promises = [what[1] for _, what in self.recording.marks if what[0] == "promise"]
        counts = Counter(message_id for message_id, _ in promises)
        found = [each for each, count in counts.items() if count == 1]
        return self.random.choice(found[-5:]) if found else ""

    def _cancel(self) -> None:
        if message_id := self._known():
            fields = {"message_id": message_id, "source_addr": "10"}
            self._ask(self.pairs["shop"].esme.cancel_sm(**fields))

    def _replace(self) -> None:
        if message_id := self._known():
            fields: dict[str, Any] = {"message_id": message_id, "source_addr": "10"}
            asked = self.pairs["shop"].esme.replace_sm(
                short_message=b"new", registered_delivery=1, **fields
            )
            self._ask(asked)

    def _report(self) -> None:
        for each in self.app.got[-8:]:
            key = each.message_id, each.destination
            state = self.random.choice([M.DELIVERED, M.UNDELIVERABLE])

            def heard(is_first: bool, key: Any = key, state: int = state) -> None:
                if is_first:
                    self.recording.acknowledge(("end", key, state))

            told = self.world.centre.report(key[0], state, destination=key[1])
            told.addCallbacks(heard, lambda _: None)

    def _answer(self) -> None:
        answered, self.open = self.open, []
        for deferred in answered:
            if not deferred.called:
                deferred.callback(None)

    def _answer_badly(self) -> None:
        self.world.answers["bank"] = self.random.choice([None, S.ESME_RX_T_APPN])

    def _pass(self) -> None:
        self.world.turn(self.random.choice([0.0, 0.0, 1.0, 4.0]))

    def said(self, at: int) -> list[Any]:
        """What was said before an event."""
        return [what for place, what in self.recording.marks if place <= at]


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: what these tests lose is no power."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as name:
        yield Path(name)


def abandon(store: Any) -> None:
    """Closes what this process has of it, and nothing else."""
    store._connection.close()
    store._file.release()


def rows_of(store: Any) -> list[Record]:
    rows = store._connection.execute(f"SELECT {', '.join(COLUMNS)} FROM message").fetchall()
    return [Record.of(row) for row in rows]


def check(records: list[Record], run: Recorded, at: int) -> None:
    """What was said is still true."""
    messages = {(e.message_id, e.destination): e for e in records if e.kind == MESSAGE}
    receipts: set[tuple[str, str]] = set()
    for each in records:
        if each.kind == RECEIPT:
            pdu: Any = decode(each.pdu)
            receipts.add((each.message_id, pdu.source_addr))
        else:
            token = bytes(getattr(decode(each.pdu), "short_message", b"")) if each.pdu else b""
            assert token not in run.refused, f"{token!r} was refused and is there"
    said = run.said(at)
    sent = {key for what, key, _ in said if what == "receipt"}
    ends = {key: state for what, key, state in said if what == "end"}
    for what, key, wanted in said:
        if what != "promise":
            continue
        record = messages.get(key)
        assert record is not None, f"{key} was promised and is lost"
        assert record.due is not None or record.state in FINAL, f"{key} is nowhere"
        end = ends.get(key, ends.get((key[0], "")))
        assert end is None or record.state == end, f"the end of {key} was confirmed"
        # A receipt may be wanted since it was replaced; what was first asked for is enough here.
        if record.done is not None and wanted == 1:
            assert key in receipts or key in sent, f"the receipt of {key} is lost"


def goes_on(folder: Path, run: Recorded, at: int) -> None:
    """A message centre takes what is left, and brings everything to its end."""
    world = World(
        "sqlite",
        folder,
        routes=TABLE,
        keeping=KEEPING,
        sinks={"app": Sinking(), "later": Sinking()},
    )
    world.step = run.world.clock.seconds()  # the wall clock has gone on
    pairs: dict[str, Pair] = {name: world.bound(name) for name in NAMES}
    world.turn(25)
    got = Counter((each.message_id, each.message_state) for each in world.receipts("shop"))
    assert max(got.values(), default=0) <= 4, "a receipt for each destination of a submit_multi"
    promised = {key for what, key, _ in run.said(at) if what == "promise"}
    taken = {e.message_id for e in rows_of(world.store) if e.queue.startswith("taken:")}
    for message_id, _ in promised:
        if message_id not in taken:
            state = world.query(pairs["shop"], message_id, "10")
            assert state in FINAL, f"{message_id} is {M(state).name}"
    for dispatch in world.centre.dispatches.values():
        assert dispatch.count == 0
    world.end()


@pytest.mark.parametrize("mode", MODES)
def test_d03_a_crash_at_any_instant_keeps_every_promise(folder: Path, mode: str) -> None:
    points = 0
    for seed in range(THOROUGH):
        run = Recorded(folder / "run", seed)
        events = run.recording.events
        kinds = Counter(what[0] for _, what in run.recording.marks)
        assert kinds["promise"] > 40
        assert min(kinds["receipt"], kinds["end"]) > 4
        assert sum(each.what == "sync" and each.name == FILE for each in events) > 1
        points += crash_everywhere(folder / "crash", run, mode, seed)
        shutil.rmtree(folder / "run")
    print(f"{mode}: {points} instants, {dict(kinds)}")
    assert points > 400


def crash_everywhere(folder: Path, run: Recorded, mode: str, seed: int) -> int:
    """A crash before the first event, and behind each; how many that were."""
    disk, random, events = crash_kit.Disk(), Random(seed), run.recording.events
    crash(folder, run, 0, disk.after(mode, random))
    for at, event in enumerate(events, 1):
        disk.take(event)
        crash(folder, run, at, disk.after(mode, random))
    return len(events) + 1


@pytest.mark.parametrize("bug", ["no sync", "early cancel", "early promise", "no receipt"])
def test_planted_bugs_are_found_at_some_instant(
    folder: Path, bug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bug == "early cancel":
        monkeypatch.setattr(MessageCentre, "end", unheard(MessageCentre.end))
    elif bug == "early promise":
        monkeypatch.setattr(SQLiteStore, "keep", too_soon(SQLiteStore.keep))
    elif bug == "no receipt":
        monkeypatch.setattr(MessageCentre, "_keep_receipt", lambda *_: None)
    run = Recorded(folder / "run", 0, is_synced=bug != "no sync")
    with pytest.raises((AssertionError, StoreError)):
        crash_everywhere(folder / "crash", run, "dropped", 0)


def unheard(end: Any) -> Any:
    """It is not waited for what it has written."""
    return lambda self, *args: self.watch(end(self, *args))


def too_soon(keep: Any) -> Any:
    """Whoever waits is told before anything is written."""

    def keeps(self: Any, record: Any, also: Any, told: Any, context: Any) -> bool:
        self._reactor.callLater(0, told, [context], None)
        return bool(keep(self, record, also, lambda *_: None, None))

    return keeps


def crash(folder: Path, run: Recorded, at: int, files: dict[str, bytearray]) -> None:
    """The files are as a crash has left them: the real store opens them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files.setdefault(FILE, bytearray())
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    store = SQLiteStore(folder / FILE, reactor=Reactor(), pool=AtOncePool(), floor=0, reserve=0)
    store.open()
    try:
        connection: Any = store._connection
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        check(rows_of(store), run, at)
        highest = max([numbers_of(key[0])[0] for _, key, _ in run.said(at)], default=0)
        assert store.next_number() > highest
    finally:
        abandon(store)
    if at % GO_ON_EVERY == 0:
        goes_on(folder, run, at)


@pytest.mark.parametrize("lost", ["message", "receipt", "end"])
def test_the_check_finds_what_is_lost(folder: Path, lost: str) -> None:
    run = Recorded(folder / "run", 0)
    at = len(run.recording.events)
    store = SQLiteStore(
        folder / "run" / FILE, reactor=Reactor(), pool=AtOncePool(), floor=0, reserve=0
    )
    store.open()
    records = rows_of(store)
    abandon(store)
    check(records, run, at)
    said = run.said(at)
    if lost == "message":
        records = [each for each in records if each.kind != MESSAGE]
    elif lost == "receipt":
        run.recording.marks = [each for each in run.recording.marks if each[1][0] != "receipt"]
        records = [each for each in records if each.kind != RECEIPT]
    else:
        key = next(key for what, key, _ in said if what == "end")
        for each in records:
            if each.message_id == key[0]:
                each.state = M.EXPIRED
    with pytest.raises(AssertionError, match=r"lost|confirmed"):
        check(records, run, at)
