# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""A rate that nobody has said is found out by what a message centre refuses."""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random

import pytest

from twisted_smpp.esme.found_rate import LASTS, FoundRate
from twisted_smpp.esme.pace import Pace

SECONDS = 600.0


class Allowing:
    """A message centre that allows so many a second, of which so many at once after a rest."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self.tokens, self.at = burst, 0.0

    def takes(self, now: float) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1 - 1e-9:
            return False
        self.tokens -= 1
        return True


def driven(
    pace: Pace, centre: Allowing, round_trip: float, seconds: float = SECONDS
) -> tuple[float, float]:
    """What share of what is allowed was accepted, and how many were refused for each of those,
    but for the first windows."""
    now, in_flight, accepted, refused = 0.0, list[tuple[float, float]](), 0, 0
    while now < seconds:
        while len(in_flight) < pace.window and pace.may_send(now):
            heappush(in_flight, (now + round_trip, now))
        moments = [in_flight[0][0]] if in_flight else []
        if len(in_flight) < pace.window:
            moments.append(now + max(0.001, pace.seconds_left(now)))
        now = min(moments)
        while in_flight and in_flight[0][0] <= now:
            _, sent_at = heappop(in_flight)
            if centre.takes(sent_at + round_trip / 2):
                accepted += 1
                pace.accepted(now)
            else:
                refused += 1
                pace.too_much(sent_at, now)
    return accepted / (seconds * centre.rate), (refused - 2 * pace.most_window) / accepted


@pytest.mark.parametrize("window", [1, 10, 100])
@pytest.mark.parametrize("rate", [1, 5, 50])
def test_D18_it_is_found_where_two_at_once_are_too_much(rate: float, window: int) -> None:
    pace = Pace(window, None, None, Random(1).random, 0.0)
    share, refusals = driven(pace, Allowing(rate, 1), 0.005)
    assert share > 0.65
    assert refusals < (0.25 if rate == 1 else 0.08)


@pytest.mark.parametrize("round_trip", [0.005, 0.1])
@pytest.mark.parametrize("rate", [5, 50, 500])
def test_D18_it_is_found_where_a_second_is_counted(rate: float, round_trip: float) -> None:
    pace = Pace(100, None, None, Random(1).random, 0.0)
    share, refusals = driven(pace, Allowing(rate, rate), round_trip)
    assert share > 0.95
    assert refusals < 0.05


def test_D18_it_is_no_more_when_nothing_was_refused_for_long() -> None:
    pace = Pace(10, None, None, Random(1).random, 0.0)
    driven(pace, Allowing(20, 1), 0.005, 60.0)
    assert pace.rate is not None
    for second in range(60, int(60 + LASTS) + 2):
        pace.accepted(float(second))
    assert pace.rate is None


def test_D18_nothing_is_found_of_what_was_agreed() -> None:
    pace = Pace(10, 100.0, None, Random(1).random, 0.0)
    driven(pace, Allowing(20, 1), 0.005, 60.0)
    assert pace._found is None
    assert pace.rate is not None
    assert pace.rate <= 100.0


def test_D18_pauses_come_first_then_what_was_accepted_meanwhile() -> None:
    found = FoundRate(0.0)
    for at in (1.0, 2.0):
        found.accepted(at, at)
        found.refused(at)
        assert found.bucket is None
    for at in (2.5, 2.75, 3.0):
        found.accepted(2.25, at)
    found.refused(4.0)
    assert found.bucket is not None
    assert found.bucket.rate == 1.5  # three in two seconds, with the pause


def test_D18_it_doubles_each_second_then_falls_and_grows_slowly() -> None:
    found = FoundRate(0.0)
    for at in (1.0, 2.0, 3.0):
        found.accepted(0.0, at)
        found.refused(at)
    bucket = found.bucket
    assert bucket is not None
    rates = []
    for at in (4.0, 5.0, 6.0):
        found.accepted(3.0, at)
        rates.append(bucket.rate)
    assert rates == [2.0, 4.0, 8.0]
    found.refused(6.0)
    assert bucket.rate == 4.0
    found.accepted(7.0, 7.5)  # half a second behind the pause
    assert bucket.rate == pytest.approx(4.2)
    found.accepted(7.0, 100.0)  # who sends little learns little
    assert bucket.rate == pytest.approx(4.6)
    found.refused(100.0)
    assert bucket.rate == pytest.approx(0.8 * 4.6)


def test_D18_what_goes_at_once_is_what_goes_in_a_step_of_a_timer() -> None:
    found = FoundRate(0.0)
    for at in (1.0, 2.0, 3.0):
        for _ in range(5000):
            found.accepted(0.0, at)
        found.refused(at)
    found.accepted(3.0, 4.0)
    assert found.bucket is not None
    assert (found.bucket.rate, found.bucket.burst) == (10_000.0, 20.0)


def test_O01_a_clock_that_is_set_back_keeps_it() -> None:
    pace = Pace(10, None, None, Random(1).random, 0.0)
    driven(pace, Allowing(20, 1), 0.005, 60.0)
    before = pace.rate
    assert pace.seconds_left(-3540.0) < 5.0
    pace.accepted(-3539.0)
    assert before is not None
    assert pace.rate == pytest.approx(before, rel=0.2)
    assert pace.rate >= before
