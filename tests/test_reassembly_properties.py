# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Reassembly under schedules of all kinds, checked against a ledger of what went in.

After every call: each part that went in has come out, is still in, or was counted as a known
duplicate; the caps hold; what is handed over belongs together. Saving and restoring at any
point changes nothing.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from twisted_smpp.text.parts import Part
from twisted_smpp.text.reassembly import PART_OCTETS, Joined, Reassembly
from twisted_smpp.text.segments import plan
from twisted_smpp.text.udh import Concatenation, header_of

CI = bool(os.environ.get("CI"))
ACCOUNTS = ("one", "two", "three")
ADDRESSES = ("1", "2")
KINDS = (8, 16, 0)


def numbered(identity: str, which: Concatenation | None) -> Part:
    """A part whose text is its name."""
    body = identity.encode("ascii")
    if which is None:
        return Part.made(0, body, False)
    if which.width == 0:
        return Part.made(0, body, False, which)
    return Part.made(0, header_of([which]) + body, True)


class Ledger:
    """A reassembly and what has gone into it and come out."""

    def __init__(self, **limits: Any) -> None:
        self.limits = {
            "most_open": 1000,
            "most_octets": 4 << 20,
            "most_octets_in_all": 64 << 20,
            "seconds": 600.0,
            **limits,
        }
        self.reassembly = Reassembly(**self.limits)
        self.now = 0.0
        self.went: Counter[tuple[Any, ...]] = Counter()
        self.came: Counter[tuple[Any, ...]] = Counter()
        self.refused: set[tuple[Any, ...]] = set()
        self.whole: Joined | None = None  # the last one of several parts
        self.duplicates = 0  # before the last restart

    def add(self, account: str, source: str, destination: str, part: Part) -> list[Joined]:
        self.went[account, source, destination, part] += 1
        return self.taken(self.reassembly.add(account, source, destination, part, self.now))

    def expire(self) -> list[Joined]:
        return self.taken(self.reassembly.expire(self.now))

    def flush(self, account: str | None = None) -> list[Joined]:
        return self.taken(self.reassembly.flush(account))

    def take_back(self) -> list[Joined]:
        """The last whole message could not be handed over; its last part will come again."""
        joined, self.whole = self.whole, None
        if joined is None or (which := joined.parts[-1].concatenation) is None:
            return []
        key = [*joined[:3], which.reference, which.total, which.width]
        if key in [each["key"] for each in self.open()]:
            return []
        for part in joined.parts:
            self.came[*joined[:3], part] -= 1
        self.went[*joined[:3], joined.parts[-1]] -= 1
        self.refused.add((*joined[:3], joined.parts[-1]))
        self.reassembly.reopen(joined, joined.parts[-1], self.now)
        return self.expire()

    def restart(self) -> None:
        self.duplicates += self.reassembly.duplicates
        state = json.loads(json.dumps(self.reassembly.state()))
        octets, count = self.reassembly.octets, len(self.reassembly)
        deadline = self.reassembly.deadline()
        self.reassembly = Reassembly.restored(state, **self.limits)
        assert json.loads(json.dumps(self.reassembly.state())) == state
        assert (self.reassembly.octets, len(self.reassembly)) == (octets, count)
        assert self.reassembly.deadline() == deadline

    def taken(self, ready: list[Joined]) -> list[Joined]:
        for joined in ready:
            self.check_message(joined)
            for part in joined.parts:
                key = (joined.account, joined.source, joined.destination, part)
                self.came[key] += 1
                assert self.came[key] <= self.went[key], "it came out more often than it went in"
        self.check()
        return ready

    def check_message(self, joined: Joined) -> None:
        assert joined.parts
        assert bool(joined.reason) is bool(joined.missing) is not joined.complete
        numbers = [part.concatenation for part in joined.parts]
        if numbers == [None]:
            assert joined.complete
            return
        whole = {(each.reference, each.total, each.width) for each in numbers if each}
        assert len(whole) == 1, "of one message"
        ((_, total, _),) = whole
        have = [each.number for each in numbers if each]
        assert have == sorted(set(have)), "in order, none twice"
        assert sorted([*have, *joined.missing]) == [*range(1, total + 1)]
        if joined.complete and total > 1:
            self.whole = joined
        texts = joined.decode()
        assert len(texts) == (1 if joined.complete else len(have))
        said = "".join(each.text or "" for each in texts)
        assert said == "".join(part.body.decode() for part in joined.parts)

    def open(self) -> list[dict[str, Any]]:
        opened: list[dict[str, Any]] = self.reassembly.state()["open"]
        return opened

    def check(self) -> None:
        """Nothing is lost, and no cap is exceeded."""
        reassembly, limits = self.reassembly, self.limits
        opened = self.open()
        within = sum(len(each["parts"]) for each in opened)
        known = self.duplicates + reassembly.duplicates
        assert sum(self.went.values()) == sum(self.came.values()) + within + known
        assert len(reassembly) == len(opened)
        open_of, octets_of = Counter[str](), Counter[str]()
        for each in opened:
            account = each["key"][0]
            open_of[account] += 1
            octets_of[account] += sum(
                PART_OCTETS + len(part["octets"]) // 4 * 3 - part["octets"].count("=")
                for part in each["parts"]
            )
            assert each["since"] + limits["seconds"] > self.now, "too old"
            assert 0 < len(each["parts"]) < each["key"][4]
        assert max(open_of.values(), default=0) <= limits["most_open"]
        assert max(octets_of.values(), default=0) <= limits["most_octets"]
        assert reassembly.octets == sum(octets_of.values()) <= limits["most_octets_in_all"]
        oldest = min((each["since"] for each in opened), default=None)
        deadline = None if oldest is None else oldest + limits["seconds"]
        assert reassembly.deadline() == deadline

    def finish(self) -> None:
        """Every part that went in came out at least once, and once if it went in once."""
        self.flush()
        assert (len(self.reassembly), self.reassembly.octets) == (0, 0)
        assert self.reassembly.deadline() is None
        assert set(+self.came) | self.refused == set(+self.went) | self.refused


# Any schedule, made by hypothesis.


class Machine(RuleBasedStateMachine):
    """Few keys, so that references meet; few contents, so that duplicates do and conflicts do."""

    @initialize(
        most_open=st.sampled_from([0, 1, 2, 5, 1000]),
        most_octets=st.sampled_from([0, 900, 1_700, 3_500, 4 << 20]),
        most_octets_in_all=st.sampled_from([0, 1_700, 5_000, 64 << 20]),
    )
    def begin(self, **limits: int) -> None:
        self.ledger = Ledger(seconds=10.0, **limits)
        self.twin = Ledger(seconds=10.0, **limits)

    def same(self, ready: list[Joined], twin: list[Joined]) -> None:
        assert ready == twin

    @rule(
        account=st.sampled_from(ACCOUNTS),
        source=st.sampled_from(ADDRESSES),
        numbers=st.sampled_from(
            [(total, number) for total in (1, 2, 3, 5) for number in range(1, total + 1)]
        ),
        reference=st.integers(0, 1),
        width=st.sampled_from(KINDS),
        content=st.sampled_from("AAAB"),
    )
    def add(
        self,
        account: str,
        source: str,
        numbers: tuple[int, int],
        reference: int,
        width: int,
        content: str,
    ) -> None:
        total, number = numbers
        part = numbered(f"{content}{number};", Concatenation(reference, total, number, width))
        self.same(
            self.ledger.add(account, source, "9", part), self.twin.add(account, source, "9", part)
        )

    @rule(number=st.integers(1, 3), reference=st.integers(0, 2), content=st.sampled_from("AAB"))
    def add_to_one(self, number: int, reference: int, content: str) -> None:
        """To messages that have a chance to become whole."""
        part = numbered(f"{content}{number};", Concatenation(reference, 3, number, 8))
        self.same(self.ledger.add("one", "1", "2", part), self.twin.add("one", "1", "2", part))

    @rule()
    def add_alone(self) -> None:
        part = numbered("alone", None)
        assert self.ledger.add("one", "1", "2", part)[-1].parts == (part,)
        self.twin.add("one", "1", "2", part)

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 9.5, 10.0, 25.0]))
    def wait(self, seconds: float) -> None:
        self.ledger.now += seconds
        self.twin.now += seconds
        self.same(self.ledger.expire(), self.twin.expire())

    @rule(account=st.sampled_from([None, *ACCOUNTS, "nobody"]))
    def flush(self, account: str | None) -> None:
        self.same(self.ledger.flush(account), self.twin.flush(account))

    @rule()
    def take_back(self) -> None:
        self.same(self.ledger.take_back(), self.twin.take_back())

    @rule()
    def restart(self) -> None:
        """Of one of the two: what they do is the same before and after."""
        self.ledger.restart()

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.check()

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.same(self.ledger.flush(), self.twin.flush())
            self.ledger.finish()
            known = self.ledger.duplicates + self.ledger.reassembly.duplicates
            assert known == self.twin.reassembly.duplicates


def test_T05_T06_T07_every_schedule_keeps_the_ledger() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=250 if CI else 30, stateful_step_count=50),
    )


# Long schedules, by a seed.


def messages(random: Random, count: int) -> list[tuple[tuple[str, str, str], str, list[Part]]]:
    """Different messages: key, text and parts."""
    made = []
    for identity in range(count):
        key = (random.choice(ACCOUNTS), random.choice(ADDRESSES), str(identity % 7))
        width = random.choice(KINDS)
        total = random.choice((1, 2, 2, 3, 3, 5, 17))
        reference = identity % (200 if width == 8 else 0x10000)
        parts = [
            numbered(f"{identity}.{number};", Concatenation(reference, total, number, width))
            for number in range(1, total + 1)
        ]
        made.append((key, "".join(part.body.decode() for part in parts), parts))
    return made


def test_T07_field_8_all_messages_come_out_once_in_any_order() -> None:
    """Twenty at a time are under way, their parts shuffled; restarts now and then."""
    for seed in range(10 if CI else 3):
        random = Random(seed)
        ledger = Ledger()
        waiting = messages(random, 150)
        wanted = Counter((*key, text) for key, text, _ in waiting)
        found: Counter[tuple[Any, ...]] = Counter()
        under_way: list[tuple[tuple[str, str, str], Part]] = []
        while waiting or under_way:
            while waiting and len(under_way) < 60:
                key, _, parts = waiting.pop()
                under_way += [(key, part) for part in parts]
            key, part = under_way.pop(random.randrange(len(under_way)))
            for joined in ledger.add(*key, part):
                assert joined.complete
                text = joined.decode()[0].text
                found[joined.account, joined.source, joined.destination, text] += 1
            ledger.now += random.choice((0.0, 0.0, 1.0))
            if random.random() < 0.05:
                ledger.restart()
        assert found == wanted
        assert ledger.reassembly.duplicates == len(ledger.reassembly) == 0


def test_T06_duplicates_anywhere_change_nothing() -> None:
    """Parts come up to three times, before and after their message is whole.

    Behind the end one of them never comes again: else it would be the message sent again.
    """
    for seed in range(10 if CI else 3):
        random = Random(seed)
        ledger = Ledger()
        wanted, found, extra = Counter[str](), Counter[str](), 0
        for key, text, parts in messages(random, 60):
            wanted[text] += 1
            random.shuffle(parts)
            before = [part for part in parts[1:] for _ in range(random.randint(1, 3))]
            behind = [part for part in parts[1:] for _ in range(random.randint(0, 2))]
            random.shuffle(before)
            random.shuffle(behind)
            for part in (*before, parts[0], *behind):
                for joined in ledger.add(*key, part):
                    assert joined.complete
                    found[joined.decode()[0].text or ""] += 1
                if random.random() < 0.05:
                    ledger.restart()
            extra += len(before) + 1 + len(behind) - len(parts)
        assert found == wanted
        assert ledger.flush() == []
        assert ledger.duplicates + ledger.reassembly.duplicates == extra > 0


def test_T05_floods_stay_within_the_caps() -> None:
    """Parts of which one is always missing, with small caps, for as long as it takes."""
    random = Random(11)
    ledger = Ledger(most_open=20, most_octets=40_000, most_octets_in_all=70_000, seconds=50.0)
    reasons = Counter[str]()
    for _ in range(8_000 if CI else 2_000):
        key = (random.choice(ACCOUNTS), random.choice(ADDRESSES), "2")
        total = random.choice((2, 5, 255))
        number = random.randint(1, total - 1)
        width = random.choice(KINDS)
        reference = random.randrange(60)
        identity = f"{reference}.{number}" + "x" * random.choice((0, 0, 0, 100, 5_000))
        which = Concatenation(reference, total, number, width)
        for joined in ledger.add(*key, numbered(identity, which)):
            reasons[joined.reason] += 1
            assert not joined.complete
        ledger.now += 30.0 if random.random() < 0.03 else 0.0
        if random.random() < 0.01:
            ledger.restart()
    ledger.finish()
    assert {reason.split(" within")[0] for reason in reasons} == {
        "too many incomplete messages",
        "too many octets of the account",
        "too many octets of all accounts",
        "its reference is used anew",
        "not complete",
    }


def test_T07_real_texts_of_many_senders_at_once() -> None:
    """All in the air together, shuffled, with references that collide between senders."""
    random = Random(4)
    texts = {}
    air = []
    for sender in range(60):
        text = "".join(random.choices("aé€ж👋 \r\n", k=random.randint(200, 900)))
        texts[str(sender)] = text
        found = plan(text)
        assert found.parts > 1
        air += [(str(sender), Part.of(each)) for each in found.segments(7)]
    random.shuffle(air)
    ledger = Ledger()
    got = {}
    for sender, part in air:
        for joined in ledger.reassembly.add("acme", sender, "2", part, 0.0):
            got[joined.source] = joined.decode()[0].text
    assert got == texts
