# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Random lives of a message centre, with all that may be submitted and all that may go wrong.

``CENTRE_SCHEDULES=2000`` runs so many seeds. To see one again:
``Life(seed, "sqlite", folder).run(MOVES)``; the message of a failure begins with its seed.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from centre_kit import both_stores
from swarm_kit import Life
from twisted.internet.defer import Deferred

from twisted_smpp.smsc.broadcasts import Broadcasts
from twisted_smpp.smsc.centre import MessageCentre
from twisted_smpp.smsc.customer import Customer
from twisted_smpp.smsc.dispatch import Dispatch
from twisted_smpp.smsc.enquiries import cancel
from twisted_smpp.smsc.outlets import Sessions, Sink
from twisted_smpp.store import SQLiteStore
from twisted_smpp.values import MessageState as M

SEEDS = int(os.environ.get("CENTRE_SCHEDULES", "60"))
MOVES = 80
#: So many seeds are enough to find any of the bugs that are planted.
MOST_SEEDS = 20


@both_stores
@pytest.mark.parametrize("first", range(0, SEEDS, 10))
def test_D15_D22_D29_D30_every_promise_is_kept(
    kind: str, first: int, tmp_path: Path, logged_errors: Any
) -> None:
    for seed in range(first, first + 10):
        live(seed, kind, tmp_path / str(seed))
    logged_errors.flush()  # each life has judged what it logged


#: What a schedule is for: without it a check of it would hold for nothing.
EVENTS = """
    ok, refused, final, timeout, lost, crashed
    late consent, late refusal, late and under way again
    DELIVERED, EXPIRED, DELETED, UNDELIVERABLE, REJECTED
    receipt, intermediate notification
    submit_sm accepted, submit_sm refused, data_sm accepted, submit_multi accepted
    submit_multi refused, broadcast_sm accepted, broadcast_sm refused
    query_sm accepted, cancel_sm accepted, cancel_sm refused, replace_sm accepted
    replace_sm refused, query_broadcast_sm accepted, cancel_broadcast_sm accepted
    cancel_broadcast_sm refused, unbind accepted
    crash, restart in order, break store, fill up, jump, stall, drop, burst
"""


def test_each_kind_of_event_occurs(tmp_path: Path, logged_errors: Any) -> None:
    seen: Counter[str] = Counter()
    for seed in range(20):
        path = tmp_path / str(seed)
        path.mkdir()
        life = Life(seed, "sqlite", path)
        life.run(MOVES)
        seen += life.model.seen + life.model.outcomes()
    logged_errors.flush()
    expected = re.split(r",\s+|\n\s*", EVENTS.strip())
    assert [each for each in expected if not seen[each]] == []
    assert seen["late consent"] >= 20


def live(seed: int, kind: str, path: Path) -> None:
    path.mkdir()
    Life(seed, kind, path).run(MOVES)


# Bugs that are planted: each has to be found.

PLANTED: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None]]] = {}


def planted(invariants: str) -> Callable[[Any], Any]:
    """A function that plants a bug, and which invariants may say so first."""

    def keep(plant: Callable[[pytest.MonkeyPatch], None]) -> Any:
        PLANTED[plant.__name__] = invariants, plant
        return plant

    return keep


@planted("I1 I2")
def acknowledged_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    keep = SQLiteStore.keep

    def keeps(self: Any, record: Any, also: Any, told: Any, context: Any) -> bool:
        keep(self, record, also, lambda *_: None, None)
        told([context], None)
        return False

    def at_once(self: Any, record: Any, also: Any, told: Any, context: Any) -> bool:
        self._reactor.callLater(0, keeps, self, record, also, told, context)
        return False

    patch.setattr(SQLiteStore, "keep", at_once)


@planted("I7")
def a_receipt_is_kept_after_the_end(patch: pytest.MonkeyPatch) -> None:
    """A crash in between forgets it."""
    keep_receipt = MessageCentre._keep_receipt

    def late(self: Any, receipt: Any) -> None:
        self.clock.callLater(2, keep_receipt, self, receipt)

    patch.setattr(MessageCentre, "_keep_receipt", late)


@planted("D30 D23")
def what_waits_is_forgotten_at_a_restart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Dispatch, "expect", lambda self, due: None)
    patch.setattr(Dispatch, "look", lambda self: None)
    begin = Dispatch.__init__

    def knows_nothing(self: Any, *args: Any) -> None:
        begin(self, *args)
        self._has_more = False

    patch.setattr(Dispatch, "__init__", knows_nothing)


@planted("I4")
def delivered_again_after_it_was_taken(patch: pytest.MonkeyPatch) -> None:
    taken = MessageCentre._taken

    def takes(self: Any, record: Any, result: Any) -> None:
        if record.number % 7 or record.kind != 1:
            taken(self, record, result)
        else:
            record.tries += 1  # as one that was not taken
            self._again(record)

    patch.setattr(MessageCentre, "_taken", takes)


@planted("I7")
def the_receipt_goes_to_the_receiver(patch: pytest.MonkeyPatch) -> None:
    keep_receipt = MessageCentre._keep_receipt

    def misled(self: Any, receipt: Any) -> None:
        if receipt.number % 5 == 0:
            receipt.queue, receipt.owner = "account:bank", "bank"
        keep_receipt(self, receipt)

    patch.setattr(MessageCentre, "_keep_receipt", misled)


@planted("I1")
def the_last_destination_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    keep_one = Customer._keep_one

    def forgets(self: Any, single: Any, record: Any) -> Any:
        of = (record.data or {}).get("of", 1)
        first = int(record.message_id[:16], 16)
        if of > 1 and record.number == first + of - 1:
            return None
        return keep_one(self, single, record)

    patch.setattr(Customer, "_keep_one", forgets)


@planted("P15")
def a_refused_destination_is_not_named(patch: pytest.MonkeyPatch) -> None:
    answer = Customer._multi_answer

    def unnamed(self: Any, session: Any, request: Any, kept: Any, refused: Any) -> Any:
        return answer(self, session, request, kept, refused[1:])

    patch.setattr(Customer, "_multi_answer", unnamed)


@planted("D22")
def what_has_expired_is_sent(patch: pytest.MonkeyPatch) -> None:
    send = Dispatch._send

    def sends(self: Any, record: Any) -> None:
        record.expires = None
        send(self, record)

    patch.setattr(Dispatch, "_send", sends)


@planted("D22")
def a_schedule_is_ignored(patch: pytest.MonkeyPatch) -> None:
    is_early, offer = Dispatch._is_early, Dispatch.offer

    def never(self: Any, record: Any, now: float) -> bool:
        return record.state != M.SCHEDULED and is_early(self, record, now)

    def offers(self: Any, record: Any) -> None:
        record.state = M.ENROUTE
        offer(self, record)

    patch.setattr(Dispatch, "_is_early", never)
    patch.setattr(Dispatch, "offer", offers)


@planted("I9 D23 I2")
def the_answer_of_a_sink_is_lost(patch: pytest.MonkeyPatch) -> None:
    send = Sink.send

    def loses(self: Any, record: Any, told: Any) -> None:
        send(self, record, (lambda *_: None) if record.number % 9 == 0 else told)

    patch.setattr(Sink, "send", loses)


@planted("I1")
def a_report_counts_before_it_is_kept(patch: pytest.MonkeyPatch) -> None:
    reported = MessageCentre._reported

    def reports(self: Any, *args: Any) -> Any:
        result = reported(self, *args)
        if isinstance(result, bool):
            return result
        self.watch(result)
        return True

    patch.setattr(MessageCentre, "_reported", reports)


@planted("I1 I8")
def a_cancel_is_confirmed_before_it_is_kept(patch: pytest.MonkeyPatch) -> None:
    def at_once(centre: Any, *args: Any) -> Any:
        result = cancel(centre, *args)
        if isinstance(result, Deferred):
            centre.watch(result)
            return None
        return result

    patch.setattr("twisted_smpp.smsc.enquiries.cancel", at_once)


@planted("I3 I15")
def refused_and_kept_all_the_same(patch: pytest.MonkeyPatch) -> None:
    submit = Customer._submit

    def refuses(self: Any, session: Any, request: Any, told: Any) -> Any:
        answer = submit(self, session, request, told)
        return 0x08 if request.sequence_number % 7 == 0 else answer

    patch.setattr(Customer, "_submit", refuses)


@planted("D29")
def refused_for_now_is_tried_at_once(patch: pytest.MonkeyPatch) -> None:
    def is_early(self: Any, record: Any, now: float) -> bool:
        return bool(record.state == M.SCHEDULED and record.due > now)

    patch.setattr(Dispatch, "_is_early", is_early)


@planted("D15")
def tried_for_ever(patch: pytest.MonkeyPatch) -> None:
    not_taken = MessageCentre._not_taken

    def again(self: Any, record: Any, failure: Any) -> None:
        record.tries = min(record.tries, 3)
        not_taken(self, record, failure)

    patch.setattr(MessageCentre, "_not_taken", again)


@planted("D30")
def whoever_binds_is_looked_at_later(patch: pytest.MonkeyPatch) -> None:
    def bound(self: Any, session: Any) -> None:
        self.sessions.add(session)
        self._centre.clock.callLater(3, self.dispatch.go_on)

    patch.setattr(Customer, "bound", bound)


@planted("I9")
def a_place_in_the_window_is_not_given_back(patch: pytest.MonkeyPatch) -> None:
    done = Dispatch._done

    def settles(self: Any, result: Any, record: Any) -> None:
        done(self, result, record)
        if record.number % 9 == 0:
            self._in_flight.add(record.number)

    patch.setattr(Dispatch, "_done", settles)


@planted("I15")
def what_waits_is_counted_wrong(patch: pytest.MonkeyPatch) -> None:
    gone = MessageCentre._gone

    def goes(self: Any, queue: str) -> None:
        gone(self, queue)
        if queue.startswith("sink:"):
            gone(self, queue)

    patch.setattr(MessageCentre, "_gone", goes)


@planted("congestion")
def congestion_is_told_to_everybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("twisted_smpp.smsc.customer._V5_0", 0)


@planted("I5 I7")
def a_broadcast_loses_its_text(patch: pytest.MonkeyPatch) -> None:
    fill = Broadcasts._fill

    def fills(self: Any, record: Any, request: Any, *times: Any) -> None:
        del request.tlvs[0x0424]
        fill(self, record, request, *times)

    patch.setattr(Broadcasts, "_fill", fills)


@planted("I7 I5")
def a_message_goes_to_any_session(patch: pytest.MonkeyPatch) -> None:
    everybody: list[Any] = []

    def add(self: Any, session: Any) -> None:
        self.sessions.append(session)
        everybody.append(session)

    def choose(self: Any, record: Any) -> Any:
        return next((each for each in everybody if each.has_room), None)

    patch.setattr(Sessions, "add", add)
    patch.setattr(Sessions, "_choose", choose)


@pytest.mark.parametrize("name", PLANTED)
def test_planted_bugs_are_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged_errors: Any
) -> None:
    invariants, plant = PLANTED[name]
    plant(monkeypatch)
    for seed in range(MOST_SEEDS):
        try:
            live(seed, "sqlite", tmp_path / str(seed))
        except AssertionError as error:
            found = str(error)
            break
    else:
        pytest.fail(f"{MOST_SEEDS} seeds have not found it")
    print(f"{name}: seed {seed}: {found.splitlines()[0]}")
    assert any(each in found for each in invariants.split()), found
    logged_errors.flush()
