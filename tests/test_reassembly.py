# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Reassembly by example: what belongs together, what is handed over, and when."""

from __future__ import annotations

import json
import os
from itertools import pairwise, permutations
from random import Random
from typing import Any

import pytest
from segment_kit import KEY, add_all, part, text

from twisted_smpp.text import reassembly as module
from twisted_smpp.text.parts import Part
from twisted_smpp.text.reassembly import PART_OCTETS, Joined, Reassembly
from twisted_smpp.text.rules import Method, TextRules
from twisted_smpp.text.segments import segments
from twisted_smpp.text.udh import Concatenation, Ports, header_of
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import DeliverSM, SubmitSM

CI = bool(os.environ.get("CI"))


def test_a_message_of_its_own_is_handed_over_at_once() -> None:
    reassembly = Reassembly()
    alone = Part.made(0, b"hello", False)
    (joined,) = reassembly.add(*KEY, alone, 0.0)
    assert joined == Joined("acme", "1", "2", (alone,))
    assert joined.complete
    assert joined.reason == ""
    assert text(joined) == "hello"
    assert (len(reassembly), reassembly.octets, reassembly.deadline()) == (0, 0, None)
    assert reassembly.add(*KEY, alone, 0.0) == [joined], "and again: it has no number"


def test_one_part_of_one_is_a_message() -> None:
    (joined,) = Reassembly().add(*KEY, part(1, 1), 0.0)
    assert joined.complete
    assert text(joined) == "<1>"


@pytest.mark.parametrize("order", [*permutations(range(1, 5))])
@pytest.mark.parametrize("width", [0, 8, 16])
def test_T07_field_8_parts_come_in_any_order(order: tuple[int, ...], width: int) -> None:
    reassembly = Reassembly()
    for number in order[:-1]:
        assert reassembly.add(*KEY, part(number, 4, width=width), 0.0) == []
        assert len(reassembly) == 1
    (joined,) = reassembly.add(*KEY, part(order[-1], 4, width=width), 0.0)
    assert text(joined) == "<1><2><3><4>"
    assert joined.missing == ()
    assert len(reassembly) == reassembly.octets == 0


def test_field_35_more_than_nine_parts_are_in_order() -> None:
    parts = [part(number, 255) for number in range(1, 256)]
    Random(1).shuffle(parts)
    (joined,) = add_all(Reassembly(), parts)
    assert text(joined) == "".join(f"<{number}>" for number in range(1, 256))


def test_T07_parts_come_over_two_sessions_and_a_restart() -> None:
    """A session is nothing that reassembly knows of; PDUs of both go to the same account."""
    message = "Здравствуйте! 👋🏽 " * 30
    rules = TextRules()
    pdus: list[Any] = [
        decode(DeliverSM(source_addr="1", destination_addr="2", **each.fields).encode())
        for each in segments(message, rules, method=Method.SAR, reference=77)
    ]
    reassembly = Reassembly()
    one, other = pdus[::2], pdus[1::2]
    for turn, pdu in enumerate([*one, *other[::-1]], 1):
        ready = reassembly.add("acme", pdu.source_addr, pdu.destination_addr, Part.of(pdu), turn)
        assert bool(ready) is (turn == len(pdus))
        saved = json.dumps(reassembly.state())
        reassembly = Reassembly.restored(json.loads(saved))
    assert ready[0].decode(rules)[0].text == message


def test_field_9_references_of_16_bits_and_other_elements_first() -> None:
    elements = [Ports(1, 2), Concatenation(0x1234, 2, 1, 16)]
    first = Part.made(0, header_of(elements) + b"a", True)
    second = Part.made(0, header_of([Concatenation(0x1234, 2, 2, 16)]) + b"b", True)
    (joined,) = add_all(Reassembly(), [second, first])
    assert text(joined) == "ab"


# What belongs together.


def test_T06_field_10_field_35_what_does_not_belong_together_is_kept_apart() -> None:
    """The same reference of another account, sender, receiver, total or width."""
    reassembly = Reassembly()
    cases = [
        (("acme", "1", "2"), 7, 2, 8),
        (("other", "1", "2"), 7, 2, 8),
        (("acme", "9", "2"), 7, 2, 8),
        (("acme", "1", "9"), 7, 2, 8),
        (("acme", "2", "1"), 7, 2, 8),
        (("acme", "1", "2"), 8, 2, 8),
        (("acme", "1", "2"), 7, 3, 8),
        (("acme", "1", "2"), 7, 2, 16),
        (("acme", "1", "2"), 7, 2, 0),
    ]
    for count, (key, reference, total, width) in enumerate(cases, 1):
        assert reassembly.add(*key, part(1, total, reference, b"%d" % count, width), 0.0) == []
        assert len(reassembly) == count
    for count, (key, reference, total, width) in enumerate(cases, 1):
        ready: list[Joined] = []
        for number in range(2, total + 1):
            assert ready == []
            ready = reassembly.add(*key, part(number, total, reference, b"!", width), 0.0)
        assert text(ready[0]) == f"{count}" + "!" * (total - 1)
        assert (ready[0].account, ready[0].source, ready[0].destination) == key
    assert len(reassembly) == 0


@pytest.mark.parametrize("body", [b"<1>", b""])
def test_T06_a_part_that_comes_again_is_ignored(body: bytes) -> None:
    reassembly = Reassembly()
    for turn in range(4):
        assert reassembly.add(*KEY, part(1, 2, body=body), float(turn)) == []
        assert reassembly.duplicates == turn
        assert len(reassembly) == 1
        assert reassembly.octets == len(part(1, 2, body=body).octets) + PART_OCTETS
    (joined,) = reassembly.add(*KEY, part(2, 2), 5.0)
    assert text(joined) == body.decode() + "<2>"
    assert reassembly.duplicates == 3


@pytest.mark.parametrize("again", [1, 2, 3])
def test_T06_a_part_that_comes_after_the_message_is_whole_is_ignored(again: int) -> None:
    reassembly = Reassembly(seconds=100)
    assert len(add_all(reassembly, [part(1, 3), part(2, 3), part(3, 3)])) == 1
    assert reassembly.add(*KEY, part(again, 3), 1.0) == []
    assert reassembly.add(*KEY, part(again, 3), 2.0) == []
    assert reassembly.expire(1000.0) == []
    assert reassembly.duplicates == 2
    assert len(reassembly) == 0


def test_T06_a_message_that_comes_again_as_a_whole_is_handed_over_again() -> None:
    reassembly = Reassembly()
    parts = [part(1, 2), part(2, 2)]
    for _ in range(3):
        (joined,) = add_all(reassembly, parts)
        assert text(joined) == "<1><2>"


@pytest.mark.parametrize("differing", [1, 2])
def test_T06_other_octets_begin_another_message(differing: int) -> None:
    reassembly = Reassembly()
    assert add_all(reassembly, [part(1, 3), part(2, 3)]) == []
    (old,) = reassembly.add(*KEY, part(differing, 3, body=b"new"), 1.0)
    assert not old.complete
    assert old.parts == (part(1, 3), part(2, 3))
    assert old.missing == (3,)
    assert old.reason == "its reference is used anew"
    assert len(reassembly) == 1
    rest = [part(number, 3, body=b"new") for number in (1, 2, 3) if number != differing]
    (joined,) = add_all(reassembly, rest)
    assert text(joined) == "newnewnew"


def test_T06_another_data_coding_is_not_what_was_handed_over() -> None:
    """Octets may be alike where the data_coding is not."""
    reassembly = Reassembly()
    for number in (1, 2):
        reassembly.add(*KEY, Part.made(0, b"a", False, Concatenation(7, 2, number, 0)), 0.0)
    reassembly.add(*KEY, Part.made(8, b"a", False, Concatenation(7, 2, 1, 0)), 0.0)
    assert len(reassembly.flush()) == 1


def test_T06_another_data_coding_or_ports_are_not_the_same_part() -> None:
    which = Concatenation(7, 2, 1, 0)
    variants = [
        Part.made(0, b"a", False, which),
        Part.made(8, b"a", False, which),
        Part.made(8, b"a", False, which, Ports(1, 2)),
        Part.made(8, header_of([]), True, which),
        Part.made(8, b"\0", False, which),
    ]
    reassembly = Reassembly()
    assert reassembly.add(*KEY, variants[0], 0.0) == []
    for before, variant in pairwise(variants):
        (old,) = reassembly.add(*KEY, variant, 0.0)
        assert old.parts == (before,)


def test_T06_the_reference_of_a_whole_message_may_be_used_anew() -> None:
    """At once, and with a part that both have in common."""
    reassembly = Reassembly()
    assert len(add_all(reassembly, [part(1, 2), part(2, 2)])) == 1
    (second,) = add_all(reassembly, [part(1, 2), part(2, 2, body=b"B")])
    assert text(second) == "<1>B"
    (third,) = add_all(reassembly, [part(2, 2, body=b"C"), part(1, 2, body=b"A")])
    assert text(third) == "AC"
    assert reassembly.duplicates == 0


def test_T06_a_repetition_of_the_old_message_does_not_hide_the_new_one() -> None:
    reassembly = Reassembly()
    add_all(reassembly, [part(1, 2), part(2, 2)])
    assert reassembly.add(*KEY, part(1, 2), 0.0) == []
    assert reassembly.add(*KEY, part(1, 2, body=b"A"), 0.0) == [], "the old one was only repeated"
    (joined,) = reassembly.add(*KEY, part(2, 2, body=b"B"), 0.0)
    assert text(joined) == "AB"
    assert reassembly.duplicates == 1


def test_what_is_part_old_and_part_new_is_handed_over() -> None:
    reassembly = Reassembly(seconds=10)
    add_all(reassembly, [part(1, 3), part(2, 3), part(3, 3)])
    add_all(reassembly, [part(1, 3), part(2, 3, body=b"B")])
    (joined,) = reassembly.expire(10.0)
    assert joined.parts == (part(1, 3), part(2, 3, body=b"B"))
    assert joined.missing == (3,)
    assert reassembly.duplicates == 0


@pytest.mark.parametrize(("total", "number"), [(0, 0), (0, 1), (2, 0), (2, 3)])
def test_T04_numbers_that_make_no_sense_are_passed_on_alone(total: int, number: int) -> None:
    reassembly = Reassembly()
    for width in (8, 16, 0):
        which = Concatenation(7, total, number, width)
        if width:
            pdu = SubmitSM(short_message=header_of([which]) + b"x", esm_class=0x40)
        else:
            tlvs = {0x20C: 7, 0x20E: total, 0x20F: number}
            pdu = SubmitSM(short_message=b"x", tlvs=tlvs)
        (joined,) = reassembly.add(*KEY, Part.of(pdu), 0.0)
        assert joined.complete
        assert text(joined) == "x"
    assert len(reassembly) == 0


def test_T03_a_broken_header_is_passed_on_alone() -> None:
    broken = Part.made(0, b"\x05\x00\x09\x01\x02\x01x", True)
    (joined,) = Reassembly().add(*KEY, broken, 0.0)
    assert joined.parts == (broken,)
    assert joined.decode()[0].text is None
    assert joined.decode()[0].damaged


# Time.


def test_field_8_what_stays_incomplete_is_handed_over_with_the_gaps() -> None:
    reassembly = Reassembly(seconds=60)
    add_all(reassembly, [part(4, 6), part(2, 6), part(5, 6)], 100.0)
    assert reassembly.deadline() == 160.0
    assert reassembly.expire(159.9) == []
    (joined,) = reassembly.expire(160.0)
    assert joined.parts == (part(2, 6), part(4, 6), part(5, 6))
    assert joined.missing == (1, 3, 6)
    assert joined.reason == "not complete within 60 s"
    assert not joined.complete
    assert [each.text for each in joined.decode()] == ["<2>", "<4>", "<5>"]
    assert repr(joined) == (
        "Joined('1' to '2', 3 parts, missing [1, 3, 6]: not complete within 60 s)"
    )
    assert (reassembly.expire(1e9), reassembly.deadline(), reassembly.octets) == ([], None, 0)


def test_the_first_part_counts_not_the_last() -> None:
    reassembly = Reassembly(seconds=60)
    reassembly.add(*KEY, part(1, 3), 0.0)
    reassembly.add(*KEY, part(2, 3), 59.0)
    (joined,) = reassembly.add(*KEY, part(3, 3), 60.0)
    assert joined.missing == (3,)
    assert len(reassembly) == 1, "the late part waits for the others again"


def test_adding_hands_over_what_is_too_old_first() -> None:
    reassembly = Reassembly(seconds=60)
    for reference in range(3):
        reassembly.add("acme", "1", "2", part(1, 2, reference), float(reference))
    first, second, own = reassembly.add("x", "y", "z", Part.made(0, b"hello", False), 61.5)
    assert [joined.parts[0].concatenation.reference for joined in (first, second)] == [0, 1]
    assert text(own) == "hello"
    assert len(reassembly) == 1


def test_a_whole_message_is_remembered_for_the_same_time() -> None:
    for when, is_known in ((59.9, True), (60.0, False)):
        reassembly = Reassembly(seconds=60)
        add_all(reassembly, [part(1, 2), part(2, 2)], 0.0)
        assert reassembly.add(*KEY, part(1, 2), when) == []
        late = reassembly.expire(1000.0)
        assert bool(late) is not is_known
        assert reassembly.duplicates == is_known


def test_no_more_messages_are_remembered_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 3)
    reassembly = Reassembly()
    for reference in (1, 2, 3, 1, 4):
        add_all(reassembly, [part(1, 2, reference), part(2, 2, reference)])
    assert [key[3] for key in reassembly._complete] == [3, 1, 4]


# Caps.


def test_T05_too_many_incomplete_messages_of_an_account() -> None:
    reassembly = Reassembly(most_open=3)
    reassembly.add("other", "1", "2", part(1, 2), 0.0)
    for reference in range(3):
        assert reassembly.add(*KEY, part(1, 2, reference), 0.0) == []
    for reference in range(3, 9):
        (joined,) = reassembly.add(*KEY, part(1, 2, reference), 0.0)
        assert joined.parts == (part(1, 2, reference - 3),)
        assert joined.missing == (2,)
        assert joined.reason == "too many incomplete messages"
        assert len(reassembly) == 4
    (joined,) = reassembly.add("other", "1", "2", part(2, 2), 0.0)
    assert joined.complete, "an account does not crowd out another"
    (joined,) = reassembly.add(*KEY, part(2, 2, 8), 0.0)
    assert joined.complete


def test_T05_a_whole_message_needs_no_room() -> None:
    reassembly = Reassembly(most_open=1, most_octets=2 * (PART_OCTETS + 9))
    reassembly.add(*KEY, part(1, 2, 1), 0.0)
    reassembly.add(*KEY, part(2, 3, 1), 0.0)
    (joined,) = reassembly.add(*KEY, part(1, 1, 2), 0.0)
    assert joined.complete
    assert len(reassembly) == 1


def test_T05_too_many_octets_of_an_account() -> None:
    size = len(part(1, 9).octets) + PART_OCTETS
    reassembly = Reassembly(most_octets=5 * size)
    assert add_all(reassembly, [part(number, 9, 1) for number in (1, 2, 3)]) == []
    assert add_all(reassembly, [part(number, 9, 2) for number in (1, 2)]) == []
    assert reassembly.octets == 5 * size
    (joined,) = reassembly.add(*KEY, part(3, 9, 2), 0.0)
    assert joined.parts == tuple(part(number, 9, 1) for number in (1, 2, 3))
    assert joined.reason == "too many octets of the account"
    assert reassembly.octets == 3 * size


def test_T05_too_many_octets_of_all_accounts() -> None:
    size = len(part(1, 9).octets) + PART_OCTETS
    reassembly = Reassembly(most_octets_in_all=3 * size)
    for account in "abc":
        assert reassembly.add(account, "1", "2", part(1, 9), 0.0) == []
    (joined,) = reassembly.add("b", "1", "2", part(2, 9), 0.0)
    assert (joined.account, joined.reason) == ("a", "too many octets of all accounts")
    (joined,) = reassembly.add("d", "1", "2", part(2, 9), 0.0)
    assert joined.account == "b", "its first part is the oldest"
    assert len(joined.parts) == 2
    assert reassembly.octets == 2 * size


def test_T05_a_part_larger_than_all_room_is_handed_over_alone() -> None:
    for limits in ({"most_octets": 100}, {"most_octets_in_all": 100}, {"most_open": 0}):
        reassembly = Reassembly(**limits)
        (joined,) = reassembly.add(*KEY, part(1, 2), 0.0)
        assert joined.missing == (2,)
        assert (len(reassembly), reassembly.octets) == (0, 0)


def test_T05_parts_that_are_never_completed_take_a_bounded_room() -> None:
    """100,000 references of 254 parts of 255, scaled down outside of CI's patience.

    Each part that went in comes out, in messages that say what is missing.
    """
    references = 2_000 if CI else 400
    reassembly = Reassembly()
    bodies = [
        header_of([Concatenation(0, 255, number, 16)]) + bytes(100) for number in range(1, 255)
    ]
    came = 0
    for reference in range(references):
        word = reference.to_bytes(2, "big")
        for number, body in enumerate(bodies, 1):
            octets = body[:3] + word + body[5:]
            for joined in reassembly.add("acme", "1", "2", Part.made(0, octets, True), 0.0):
                came += len(joined.parts)
                assert joined.missing == (255,) or number == 254
        assert len(reassembly) <= 1000
        assert reassembly.octets <= 4 << 20
    came += sum(len(joined.parts) for joined in reassembly.flush())
    assert came == 254 * references
    assert (len(reassembly), reassembly.octets) == (0, 0)


def test_T05_the_room_that_is_reckoned_is_about_the_room_that_is_taken() -> None:
    """Else a cap of 64 MiB would be none."""
    import tracemalloc

    reassembly = Reassembly(most_open=10**6, most_octets=1 << 40, most_octets_in_all=1 << 40)
    tracemalloc.start()
    try:
        for reference in range(300):
            for number in range(1, 21):
                body = bytes([number]) * 134
                reassembly.add("acme", f"{reference}", "2", part(number, 255, 7, body), 0.0)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 0.6 * reassembly.octets < taken < 1.2 * reassembly.octets
