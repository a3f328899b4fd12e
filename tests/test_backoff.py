# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The delay before the next attempt, by what ended the last one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_smpp.errors import BindRefused, SessionLost
from twisted_smpp.esme.backoff import STABLE_SECONDS, Backoff
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.wire.pdus import BindTransceiver

CREDENTIALS = (S.ESME_RINVPASWD, S.ESME_RINVSYSID, S.ESME_RINVSYSTYP)


def backoff(drawn: float = 1.0, first: float = 1.0, longest: float = 60.0) -> Backoff:
    return Backoff(first, longest, lambda: drawn)


def refusal(status: int) -> BindRefused:
    request = BindTransceiver()
    error = BindRefused.from_response(request, request.answer(command_status=status))
    assert isinstance(error, BindRefused)
    assert error.command_status == status
    return error


def refused(it: Backoff, status: int, count: int) -> list[float]:
    """The delays after so many refusals; each connection itself was made."""
    delays = []
    for _ in range(count):
        it.refused(refusal(status))
        delays.append(it.delay(1))
    return delays


def failed(it: Backoff, count: int) -> list[float]:
    """The delays after so many failed connections in a row."""
    return [it.delay(number) for number in range(1, count + 1)]


def test_S13_failed_connections_double_to_the_longest() -> None:
    assert failed(backoff(), 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert failed(backoff(first=0.5, longest=3.0), 5) == [0.5, 1, 2, 3, 3]
    assert failed(backoff(first=9.0, longest=3.0), 2) == [3, 3]
    assert backoff().delay(10**9) == 60


@given(drawn=st.floats(0, 1), count=st.integers(1, 2000))
def test_S13_their_jitter_is_full(drawn: float, count: int) -> None:
    delay = backoff(drawn).delay(count)
    assert delay == pytest.approx(min(60.0, 2.0 ** min(count - 1, 9)) * drawn)


def test_S13_the_random_number_is_drawn_anew_each_time() -> None:
    drawn = [0.1, 0.9, 0.5]
    it = Backoff(1.0, 60.0, lambda: drawn.pop(0))
    assert failed(it, 3) == pytest.approx([0.1, 1.8, 2.0])


@pytest.mark.parametrize("status", CREDENTIALS)
def test_S13_after_wrong_credentials_a_minute_to_a_quarter_of_an_hour(status: int) -> None:
    assert refused(backoff(), status, 7) == [60, 120, 240, 480, 900, 900, 900]
    assert refused(backoff(0.0), status, 6) == [30, 60, 120, 240, 450, 450]
    assert refused(backoff(0.5), status, 2) == [45, 90]


@pytest.mark.parametrize("drawn", [0.0, 0.5, 1.0])
def test_A13_already_bound_is_a_minute_or_more_with_jitter(drawn: float) -> None:
    delays = refused(backoff(drawn), S.ESME_RALYBND, 5)
    assert delays == pytest.approx([60 + 30 * drawn, *[80 + 40 * drawn] * 4])


@pytest.mark.parametrize(
    "status", [S.ESME_RBINDFAIL, S.ESME_RSYSERR, S.ESME_RTHROTTLED, 0x400, 0x4FF, 0xFFFFFFFF]
)
def test_S13_other_refusals_are_5_to_60_seconds(status: int) -> None:
    assert refused(backoff(), status, 6) == [5, 10, 20, 40, 60, 60]
    assert refused(backoff(0.0), status, 5) == [2.5, 5, 10, 20, 30]


def test_S13_the_longest_of_the_link_is_none_of_refusals() -> None:
    assert refused(backoff(first=0.1, longest=1.0), S.ESME_RINVPASWD, 2) == [60, 120]


def test_S13_a_bind_without_an_answer_is_like_a_failed_connection() -> None:
    it = backoff()
    delays = []
    for _ in range(4):
        it.refused(SessionLost("gone"))
        delays.append(it.delay(1))
    assert delays == [1, 2, 4, 8]


def test_S13_another_status_goes_on_where_the_first_was() -> None:
    it = backoff()
    assert refused(it, S.ESME_RSYSERR, 2) == [5, 10]
    assert refused(it, S.ESME_RINVPASWD, 1) == [240]
    assert refused(it, S.ESME_RSYSERR, 1) == [40]


def test_S13_once_nobody_is_there_the_refusal_is_history() -> None:
    it = backoff()
    assert refused(it, S.ESME_RINVPASWD, 3) == [60, 120, 240]
    # The message centre does not listen any more, so nobody shuts a door.
    it_fails = [it.delay(number) for number in range(2, 6)]
    assert it_fails == [4, 4, 8, 16]


def test_S13_the_door_stays_shut_for_the_first_bind_behind_a_failed_connection() -> None:
    it = backoff()
    assert refused(it, S.ESME_RINVPASWD, 2) == [60, 120]
    assert it.delay(2) == 2
    assert refused(it, S.ESME_RINVPASWD, 1) == [240]


def test_S13_who_waits_to_be_called_is_there_again_at_once() -> None:
    it = backoff()
    for seconds in (1.0, 1.0, 100.0):
        assert it.bound_for(seconds, listens=True)
        assert it.delay(1) == 0
    assert [it.delay(number) for number in (2, 3)] == [2, 4]  # it cannot listen
    assert not it.bound_for(1.0)
    assert it.delay(1) == 1


def test_S13_a_bind_that_was_accepted_forgets_the_refusals() -> None:
    it = backoff()
    refused(it, S.ESME_RINVPASWD, 4)
    it.bound_for(61.0)
    assert it.delay(1) == 1
    assert refused(it, S.ESME_RINVPASWD, 1) == [60]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.0, 8), (59.9, 8), (STABLE_SECONDS, 1), (86_400.0, 1)]
)
def test_S13_only_a_bind_that_held_a_minute_begins_anew(seconds: float, expected: float) -> None:
    it = backoff()
    for number in range(3):
        it.bound_for(float(number))
        assert it.delay(1) == 2**number
    it.bound_for(seconds)
    assert it.delay(1) == expected


def test_S13_short_binds_and_failed_connections_do_not_add_up_to_a_storm() -> None:
    it = backoff()
    delays = []
    for _ in range(4):
        it.bound_for(1.0)
        delays += [it.delay(1), it.delay(2)]
    assert delays == [1, 2, 2, 2, 4, 4, 8, 8]


def test_S13_a_refused_bind_makes_the_next_loss_no_early_one() -> None:
    it = backoff()
    refused(it, S.ESME_RSYSERR, 3)
    it.bound_for(1.0)
    assert it.delay(1) == 8


@given(
    events=st.lists(
        st.sampled_from([0, S.ESME_RINVPASWD, S.ESME_RALYBND, S.ESME_RSYSERR, "lost", "bound"]),
        min_size=1,
        max_size=200,
    ),
    drawn=st.floats(0, 1),
)
def test_S13_no_delay_is_out_of_bounds(events: list[object], drawn: float) -> None:
    it = backoff(drawn)
    in_a_row = 0
    for event in events:
        in_a_row = in_a_row + 1 if event == 0 else 1
        if event == "lost":
            it.refused(SessionLost("gone"))
        elif event == "bound":
            it.bound_for(1.0)
        elif isinstance(event, S):
            it.refused(refusal(event))
        delay = it.delay(in_a_row)
        assert 0 <= delay <= 900
        if event == S.ESME_RINVPASWD:
            assert delay >= 30
        elif event == S.ESME_RALYBND:
            assert delay >= 60
        elif event == S.ESME_RSYSERR:
            assert delay >= 2.5
        elif event in ("lost", "bound"):
            assert delay <= 60
