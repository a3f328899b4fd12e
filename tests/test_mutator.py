"""The invariant of tests/mutator.py for many frames: twenty thousand, in CI a million."""

from __future__ import annotations

import os
import secrets
from typing import Any

import pytest
from mutator import Broken, Mutator, run

from twisted_smpp.errors import FieldError
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire import pdu
from twisted_smpp.wire.framing import Framing
from twisted_smpp.wire.pdus import SubmitSM

CI = bool(os.environ.get("CI"))
FRAMES = 1_000_000 if CI else 20_000


def test_no_frame_breaks_the_invariant() -> None:
    # As with hypothesis: elsewhere other frames each time, in CI the same ones.
    seed = 1 if CI else secrets.randbits(32)
    print(f"replay: mutator.run({seed}, {FRAMES})")
    seen = run(seed, FRAMES)
    assert seen["accepted"] + seen["malformed"] + seen["unknown"] == FRAMES
    # It would show nothing if most frames were of one sort.
    assert seen["accepted"] > 0.3 * FRAMES
    assert seen["malformed"] > 0.2 * FRAMES
    assert seen["unknown"] > 0.02 * FRAMES
    assert seen["lies"] > 0


def test_a_seed_makes_the_same_frames_again() -> None:
    one, same, other = Mutator(7), Mutator(7), Mutator(8)
    frames = [one.frame() for _ in range(500)]
    assert frames == [same.frame() for _ in range(500)]
    assert frames != [other.frame() for _ in range(500)]


def test_its_frames_have_true_lengths_and_its_lies_have_not() -> None:
    mutator = Mutator(3)
    for _ in range(500):
        frame = mutator.frame()
        assert int.from_bytes(frame[:4], "big") == len(frame)
        assert not 16 <= int.from_bytes(mutator.lie(frame)[:4], "big") <= 73_728


def test_its_cuts_lose_nothing() -> None:
    mutator = Mutator(4)
    for size in (0, 1, 2, 500):
        stream = bytes(range(256)) * size
        assert b"".join(mutator.cut(stream)) == stream


def foreign_error(buf: bytes, pos: int, end: int, status: int, number: int) -> Any:
    return SubmitSM(short_message=buf[pos:end][9_999:10_000] or bytes([buf[end + 100_000]]))


def forgets_a_field(buf: bytes, pos: int, end: int, status: int, number: int) -> Any:
    return SubmitSM(sequence_number=number, command_status=status)


def claims_lost_boundaries(buf: bytes, pos: int, end: int, status: int, number: int) -> Any:
    error = FieldError("planted", "a bug")
    error.fatal = True
    raise error


@pytest.mark.parametrize("bug", [foreign_error, forgets_a_field, claims_lost_boundaries])
def test_a_planted_bug_is_found_and_can_be_replayed(
    bug: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in pdu.ALL_VERSIONS:
        monkeypatch.setitem(pdu.decoders(version), SubmitSM.command_id, bug)
    with pytest.raises(Broken, match=r"^seed 5, frames ") as first:
        run(5, 2_000)
    with pytest.raises(Broken) as again:
        run(5, 2_000)
    assert str(first.value) == str(again.value)
    assert "00000004" in str(first.value), "the octets are in the message"


def test_a_framing_that_loses_a_frame_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    receive = Framing.receive

    def forgetful(self: Framing, data: bytes = b"") -> Any:
        return [result for result in receive(self, data) if result.sequence_number % 50]

    monkeypatch.setattr(Framing, "receive", forgetful)
    with pytest.raises(Broken, match="of 64 frames came out"):
        run(6, 2_000)


def test_versions_take_turns() -> None:
    """Else the limits of two versions were never tried."""
    mutator = Mutator(1)
    drawn = {mutator.random.choice(pdu.ALL_VERSIONS) for _ in range(50)}
    assert drawn == set(InterfaceVersion)
