# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""State of a reassembly: flushed, saved and restored, and what is taken back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from segment_kit import KEY, add_all, part

from twisted_smpp.text.parts import Part
from twisted_smpp.text.reassembly import PART_OCTETS, Joined, Reassembly
from twisted_smpp.text.udh import Concatenation, Ports, header_of

ALONE = Part.made(0, b"alone", False)


def test_flushing_hands_over_everything() -> None:
    reassembly = Reassembly()
    for account in "abab":
        reassembly.add(account, "1", str(len(reassembly)), part(1, 2), 0.0)
    first = reassembly.flush("a")
    assert [joined.account for joined in first] == ["a", "a"]
    assert {joined.reason for joined in first} == {"flushed"}
    rest = reassembly.flush(reason="the process ends")
    assert [(joined.account, joined.reason) for joined in rest] == [("b", "the process ends")] * 2
    assert reassembly.flush() == reassembly.flush("nobody") == []
    assert (len(reassembly), reassembly.octets) == (0, 0)


def full() -> Reassembly:
    """One with every sort of entry."""
    reassembly = Reassembly(seconds=60)
    add_all(reassembly, [part(1, 2, 1), part(2, 2, 1)], 1.0)  # complete
    add_all(reassembly, [part(1, 2, 1)], 2.0)  # repeated
    which = Concatenation(5, 3, 2, 0)
    add_all(reassembly, [Part.made(8, b"\xd8\x3d", False, which, Ports(3, 4))], 3.0)
    which = Concatenation(6, 3, 2, 0)
    add_all(reassembly, [Part.made(8, b"\xff\0\1", True, which)], 4.0)  # a broken header
    octets = header_of([Concatenation(0x1234, 4, 1, 16), Ports(1, 2)]) + b"\xff\0"
    reassembly.add("ö", "", "\U0001f44b", Part.made(4, octets, True), 5.5)
    return reassembly


def test_T07_state_is_what_json_has_and_comes_back() -> None:
    reassembly = full()
    saved = json.loads(json.dumps(reassembly.state()))
    again = Reassembly.restored(saved, seconds=60)
    assert json.loads(json.dumps(again.state())) == saved
    assert (len(again), again.octets, again.deadline()) == (4, reassembly.octets, 62.0)
    assert again.expire(1000.0) == reassembly.expire(1000.0)
    assert again.duplicates == 1


def test_T07_nothing_is_shared_with_what_was_saved() -> None:
    reassembly = full()
    state = reassembly.state()
    frozen = json.dumps(state)
    again = Reassembly.restored(state, seconds=60)
    again.flush()
    reassembly.flush()
    assert json.dumps(state) == frozen


def test_an_empty_state() -> None:
    state = Reassembly().state()
    assert Reassembly.restored(state).state() == state == {"open": [], "complete": []}


def test_T07_what_is_over_new_limits_is_handed_over_by_the_next_call() -> None:
    """Of all accounts, not only of the one that the call is about."""
    state = full().state()
    for limits, reason, kept in (
        ({"most_open": 1}, "too many incomplete messages", 2),
        ({"most_octets": 820}, "too many octets of the account", 2),
        ({"most_octets_in_all": 0}, "too many octets of all accounts", 0),
    ):
        for call in ("expire", "add"):
            again = Reassembly.restored(state, seconds=60, **limits)
            ready = (
                again.expire(6.0) if call == "expire" else again.add("x", "", "", ALONE, 6.0)[:-1]
            )
            assert {joined.reason for joined in ready} == {reason}
            assert len(again) == kept
            assert again.expire(6.0) == []
    again = Reassembly.restored(state, seconds=1)
    assert {joined.reason for joined in again.expire(6.0)} == {"not complete within 1 s"}


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"open": []},
        {"complete": []},
        [],
        None,
        {"open": [{}], "complete": []},
        {"open": 5, "complete": []},
        {"open": [], "complete": [[["a", "b", "c", 1, 2, 8], 0.0]]},
        {"open": [], "complete": [[["a"], 0.0, "00"]]},
        {"open": [], "complete": [[["a", "b", "c", 1, 2, 8], 0.0, "xyz"]]},
        {"open": [{"key": [], "since": 0.0, "echo": None, "parts": []}], "complete": []},
        {"open": [{"key": ["a"] * 6, "since": 0.0, "echo": None, "parts": []}], "complete": []},
        {"open": [{"key": ["a"] * 6, "since": "x", "echo": None, "parts": []}], "complete": []},
        {"open": [{"key": ["a"] * 6, "since": 0.0, "echo": "x", "parts": []}], "complete": []},
        {"open": [{"key": ["a"] * 6, "since": 0.0, "echo": None, "parts": [{}]}], "complete": []},
    ],
)
def test_what_is_no_state_is_refused(state: Any) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Reassembly.restored(state)


@pytest.mark.parametrize(
    "change",
    [
        {"octets": "?"},
        {"octets": None},
        {"concatenation": None},
        {"concatenation": [1]},
        {"concatenation": [7, 2, 0, 0]},
        {"concatenation": [7, 2, 3, 0]},
        {"concatenation": [7, 3, 1, 0]},
        {"concatenation": [8, 2, 1, 0]},
        {"concatenation": [7, 2, 1, 8]},
        {"ports": [1]},
        {"header": True, "octets": "/w=", "concatenation": [1, 1, 9, 0]},
    ],
)
def test_a_part_that_is_none_is_refused(change: dict[str, Any]) -> None:
    reassembly = Reassembly()
    reassembly.add(*KEY, part(1, 2, width=0), 0.0)
    state = json.loads(json.dumps(reassembly.state()))
    state["open"][0]["parts"][0].update(change)
    with pytest.raises((ValueError, KeyError, TypeError)):
        Reassembly.restored(state)


# Taken back.


def whole(reassembly: Reassembly) -> tuple[Joined, Part]:
    """A message, and the part that completed it."""
    parts = [part(2, 3), part(3, 3), part(1, 3)]
    (joined,) = add_all(reassembly, parts)
    return joined, parts[-1]


def test_a_message_taken_back_is_whole_when_its_last_part_comes_again() -> None:
    reassembly = Reassembly(seconds=60)
    joined, last = whole(reassembly)
    reassembly.reopen(joined, last, 5.0)
    assert (len(reassembly), reassembly.deadline()) == (1, 65.0)
    assert reassembly.octets == sum(len(each.octets) + PART_OCTETS for each in joined.parts[1:])
    assert reassembly.add(*KEY, part(2, 3), 6.0) == []
    assert reassembly.add(*KEY, part(1, 3), 6.0) == [joined]
    assert reassembly.duplicates == 1


def test_what_is_taken_back_is_not_lost_when_nothing_comes_again() -> None:
    reassembly = Reassembly(seconds=60)
    joined, last = whole(reassembly)
    reassembly.reopen(joined, last, 5.0)
    (rest,) = reassembly.expire(65.0)
    assert rest.parts == (part(2, 3), part(3, 3))
    assert rest.missing == (1,)


@pytest.mark.parametrize("number", [1, 2])
def test_a_message_may_be_taken_back_after_a_repeated_part_came(number: int) -> None:
    reassembly = Reassembly(seconds=60)
    joined, last = whole(reassembly)
    assert reassembly.add(*KEY, part(number, 3), 1.0) == []
    reassembly.reopen(joined, last, 2.0)
    assert reassembly.octets == (4 - number) * (len(last.octets) + PART_OCTETS)
    ready = reassembly.expire(3.0) or reassembly.add(*KEY, part(1, 3), 3.0)
    assert ready == [joined]
    assert (len(reassembly), reassembly.octets) == (0, 0)


def test_what_was_taken_back_is_not_known_as_handed_over() -> None:
    """Neither a part that had been repeated already, nor one that comes later."""
    reassembly = Reassembly(seconds=60)
    joined, last = whole(reassembly)
    assert reassembly.add(*KEY, part(2, 3), 1.0) == []
    reassembly.reopen(joined, last, 2.0)
    (rest,) = reassembly.flush()
    assert rest.parts == (part(2, 3), part(3, 3))
    assert reassembly.add(*KEY, last, 3.0) == []
    (rest,) = reassembly.flush()
    assert rest.parts == (last,)


def test_a_message_taken_back_does_not_mix_with_another() -> None:
    reassembly = Reassembly(seconds=60)
    joined, last = whole(reassembly)
    assert reassembly.add(*KEY, part(2, 3, body=b"new"), 1.0) == []
    reassembly.reopen(joined, last, 2.0)
    (rest,) = reassembly.flush()
    assert rest.parts == (part(2, 3, body=b"new"),)


def test_what_is_taken_back_keeps_the_caps_from_the_next_call_on() -> None:
    reassembly = Reassembly(most_open=1)
    joined, last = whole(reassembly)
    reassembly.add("acme", "9", "2", part(1, 2), 1.0)
    reassembly.reopen(joined, last, 2.0)
    (oldest,) = reassembly.expire(2.0)
    assert oldest.source == "9"
    assert len(reassembly) == 1


def test_a_message_of_one_part_is_not_taken_back() -> None:
    reassembly = Reassembly()
    for alone in (ALONE, part(1, 1)):
        (joined,) = reassembly.add(*KEY, alone, 0.0)
        reassembly.reopen(joined, alone, 0.0)
        assert len(reassembly) == 0


def test_addresses_are_shown_by_repr_and_texts_are_not() -> None:
    (joined,) = add_all(Reassembly(), [part(1, 2, body=b"secret"), part(2, 2)])
    assert repr(joined) == "Joined('1' to '2', 2 parts)"
