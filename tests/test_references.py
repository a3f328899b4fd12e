# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""References: a counter for each pair of addresses, in memory or wherever the caller keeps it."""

from __future__ import annotations

import json
from collections import UserDict
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from text_kit import text_examples

from twisted_smpp.text.parts import Part
from twisted_smpp.text.references import References
from twisted_smpp.text.rules import Method
from twisted_smpp.text.segments import segments


def test_a_counter_goes_up_and_around() -> None:
    references = References({("a", "b"): 0xFFFD})
    assert [references.next("a", "b") for _ in range(4)] == [0xFFFE, 0xFFFF, 0, 1]


def test_no_reference_comes_again_before_all_others() -> None:
    references = References()
    seen = [references.next("a", "b") for _ in range(0x10000)]
    assert sorted(seen) == [*range(0x10000)]
    assert references.next("a", "b") == seen[0]
    lower = [reference & 0xFF for reference in seen]
    assert all(len(set(lower[at : at + 256])) == 256 for at in range(0, 1000, 7))


def test_field_10_each_pair_has_a_counter_of_its_own() -> None:
    references = References(random=Random(5))
    pairs = [("a", "b"), ("b", "a"), ("a", "c"), ("c", "b"), ("", ""), ("ab", ""), ("", "ab")]
    first = {pair: references.next(*pair) for pair in pairs}
    for turn in range(1, 50):
        for pair in pairs:
            assert references.next(*pair) == (first[pair] + turn) % 0x10000


def test_a_start_is_random() -> None:
    references = References(random=Random(1))
    starts = {references.next("a", str(number)) for number in range(200)}
    assert len(starts) > 190
    assert max(starts) > 0xF000
    assert min(starts) < 0x1000
    assert References(random=Random(1)).next("a", "0") == References(random=Random(1)).next(
        "a", "0"
    )
    two = {References().next("a", "b") for _ in range(20)}
    assert len(two) > 10, "not seeded alike"


def test_T07_counters_of_the_caller_go_on_after_a_restart() -> None:
    """They need no more than to be a mapping with keys of two strings."""

    class Durable(UserDict[tuple[str, str], int]):
        def saved(self) -> str:
            return json.dumps([[*key, number] for key, number in self.items()])

    counters = Durable()
    references = References(counters)
    last = [references.next("a", "b") for _ in range(3)][-1]
    assert counters == {("a", "b"): last}
    again = Durable({(a, b): number for a, b, number in json.loads(counters.saved())})
    assert References(again).next("a", "b") == (last + 1) % 0x10000


def test_counters_in_memory_are_not_more_than_asked_for() -> None:
    references = References(random=Random(3), most=3)
    last = {name: references.next("x", name) for name in "abc"}
    last["a"] = references.next("x", "a")  # now "b" is the one used longest ago
    references.next("x", "d")
    assert len(references._counters) == 3
    assert references.next("x", "a") == (last["a"] + 1) % 0x10000
    assert references.next("x", "c") == (last["c"] + 1) % 0x10000
    assert ("x", "b") not in references._counters


def test_many_pairs_take_little_room() -> None:
    references = References()
    for number in range(20_000):
        references.next("x", str(number))
    assert len(references._counters) == 10_000


def test_the_reference_of_a_method() -> None:
    references = References({("1", "2"): 0x12FE})
    for method, wanted in ((Method.UDH_8, 0xFF), (Method.UDH_16, 0x1300), (Method.SAR, 0x1301)):
        parts = segments("a" * 400, method=method, reference=references.next("1", "2"))
        for part in map(Part.of, parts):
            assert part.concatenation is not None
            assert part.concatenation.reference == wanted


def test_messages_that_follow_each_other_differ() -> None:
    @text_examples
    @given(st.lists(st.tuples(st.text(max_size=2), st.text(max_size=2)), max_size=40), st.randoms())
    def check(pairs: list[tuple[str, str]], random: Random) -> None:
        references = References(random=random)
        last: dict[tuple[str, str], int] = {}
        for pair in pairs:
            reference = references.next(*pair)
            assert 0 <= reference <= 0xFFFF
            if pair in last:
                assert reference == (last[pair] + 1) % 0x10000
            last[pair] = reference

    check()
