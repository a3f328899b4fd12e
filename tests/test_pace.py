# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""How fast a link may be driven: the token bucket, and what too much does to the pace."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twisted_smpp.esme.pace import (
    CONGESTED,
    FIRST_PAUSE,
    LEAST_RATE,
    LONGEST_PAUSE,
    RATE_GROWTH,
    Pace,
    SharedRate,
    TokenBucket,
)

# The token bucket.


def taken(bucket: TokenBucket, now: float, most: int = 10_000) -> int:
    """How many tokens it gives at once."""
    for count in range(most):
        if not bucket.take(now):
            return count
    raise AssertionError(f"it gives {most} tokens and more")


def test_a_bucket_gives_its_burst_at_once_then_the_rate() -> None:
    bucket = TokenBucket(10.0, 5, 100.0)
    assert taken(bucket, 100.0) == 5
    assert taken(bucket, 100.05) == 0
    assert taken(bucket, 100.0999) == 0
    assert taken(bucket, 100.1) == 1
    assert taken(bucket, 100.4) == 3
    assert taken(bucket, 1000.0) == 5


def test_O02_a_jump_of_ten_minutes_gives_one_burst() -> None:
    bucket = TokenBucket(100.0, 10, 0.0)
    assert taken(bucket, 0.0) == 10
    assert taken(bucket, 600.0) == 10
    assert taken(bucket, 600.0) == 0


@pytest.mark.parametrize("back", [0.001, 3600.0, 1e6])
def test_O01_a_clock_that_is_set_back_takes_nothing_away(back: float) -> None:
    bucket = TokenBucket(10.0, 5, 1e6)
    assert taken(bucket, 1e6) == 5
    now = 1e6 - back
    assert taken(bucket, now) == 0
    assert bucket.seconds_left(now) == pytest.approx(0.1)
    assert taken(bucket, now + 0.2) == 2
    bucket = TokenBucket(10.0, 5, 1e6)
    assert taken(bucket, now) == 5


def test_O01_a_clock_that_stands_still_gives_one_burst() -> None:
    bucket = TokenBucket(1000.0, 3, 7.0)
    assert sum(bucket.take(7.0) for _ in range(100)) == 3
    assert bucket.seconds_left(7.0) == pytest.approx(0.001)


@given(
    rate=st.floats(0.01, 10_000),
    burst=st.floats(1, 100),
    steps=st.lists(
        st.tuples(st.floats(-1000, 1000) | st.floats(0, 0.1) | st.just(0.0), st.integers(1, 20)),
        max_size=60,
    ),
)
@example(rate=0.1, burst=1.0, steps=[(10.0, 2)] * 20)
def test_never_more_than_burst_and_rate_in_any_interval(
    rate: float, burst: float, steps: list[tuple[float, int]]
) -> None:
    bucket = TokenBucket(rate, burst, 0.0)
    now = elapsed = 0.0
    given_at: list[float] = []
    for step, wanted in steps:
        now += step
        elapsed += max(0.0, step)
        given_at += [elapsed for _ in range(wanted) if bucket.take(now)]
    for count in range(len(given_at)):
        for first in range(len(given_at) - count):
            seconds = given_at[first + count] - given_at[first]
            assert count + 1 <= burst + rate * seconds + 1e-6


@given(
    rate=st.floats(0.01, 10_000),
    burst=st.floats(1, 100),
    steps=st.lists(st.floats(0, 100) | st.floats(-100, 0), max_size=20),
)
def test_a_token_is_there_when_the_seconds_are_over(
    rate: float, burst: float, steps: list[float]
) -> None:
    bucket = TokenBucket(rate, burst, 0.0)
    now = 0.0
    for step in steps:
        now += step
        left = bucket.seconds_left(now)
        assert 0 <= left <= 1 / rate + 1e-6
        if left > 1e-6:
            assert not bucket.take(now)
        now += left + 1e-6
        assert bucket.take(now)


def test_another_rate_counts_from_now_on() -> None:
    bucket = TokenBucket(10.0, 5, 0.0)
    assert taken(bucket, 0.0) == 5
    bucket.slow_down(1.0, 0.2)  # two have gathered
    assert taken(bucket, 0.2) == 2
    assert bucket.seconds_left(0.2) == pytest.approx(1.0)
    assert taken(bucket, 1.2) == 1
    assert (bucket.rate, bucket.burst) == (1.0, 5)


@pytest.mark.parametrize("rate", [0, 0.0, -1, float("nan"), float("inf")])
def test_D24_a_rate_that_is_none_is_refused(rate: float) -> None:
    text = f"rate is {rate!r}, more than 0 messages/s are needed (None: no limit)"
    for make in (lambda: TokenBucket(rate, 1, 0.0), lambda: pace(rate=rate, burst=1)):
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            make()


@pytest.mark.parametrize("burst", [0, 0.99, -3, float("nan")])
def test_D24_a_burst_below_one_is_refused(burst: float) -> None:
    text = f"burst is {burst!r}, at least 1 message is needed"
    for make in (lambda: TokenBucket(1.0, burst, 0.0), lambda: pace(rate=1.0, burst=burst)):
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            make()


# What may be sent now.


def pace(
    window: int = 16,
    rate: float | None = None,
    burst: float | None = None,
    drawn: Any = 1.0,
    now: float = 0.0,
) -> Pace:
    random = drawn if callable(drawn) else lambda: drawn
    return Pace(window, rate, burst, random, now)


def sent(it: Pace, now: float, most: int = 1000) -> int:
    """How many messages may go at once."""
    for count in range(most):
        if not it.may_send(now):
            return count
    return most


def test_without_a_rate_there_is_no_limit() -> None:
    it = pace()
    assert it.rate is None
    assert sent(it, 0.0) == 1000
    assert it.seconds_left(0.0) == 0.0
    it.accepted(1.0)
    assert it.rate is None


def test_without_a_rate_too_much_pauses_and_halves_the_window() -> None:
    it = pace()
    it.too_much(0.5, 1.0)
    assert (it.rate, it.window, it.paused_for(1.0)) == (None, 8, 1.0)
    assert (sent(it, 1.9), sent(it, 2.0)) == (0, 1000)
    it.congested(100, 10.0)
    it.accepted(20.0)
    assert it.rate is None


@pytest.mark.parametrize(
    ("rate", "burst", "expected"),
    [(100.0, None, 10), (25.0, None, 2), (5.0, None, 1), (0.1, None, 1), (5.0, 4, 4), (100, 1, 1)],
)
def test_the_burst_is_a_tenth_of_a_second_or_as_given(
    rate: float, burst: float | None, expected: int
) -> None:
    it = pace(rate=rate, burst=burst)
    assert sent(it, 0.0) == expected
    assert it.rate == rate


def test_a_rate_is_kept() -> None:
    it = pace(rate=10.0)
    assert sum(it.may_send(now / 100) for now in range(1001)) in (100, 101)
    assert it.seconds_left(10.01) == pytest.approx(0.09)


def test_O02_after_a_jump_of_ten_minutes_there_is_one_burst() -> None:
    it = pace(rate=50.0, burst=5)
    assert sent(it, 0.0) == 5
    assert sent(it, 600.0) == 5
    it.too_much(600.0, 600.1)
    assert sent(it, 1200.0) == 5
    it.accepted(1200.0)
    assert sent(it, 1200.0) == 0


def test_the_later_of_pause_and_token_counts() -> None:
    it = pace(rate=0.5, burst=1)
    assert it.may_send(0.0)
    it.too_much(0.0, 0.5)  # a pause of one second, and then a rate of 1/4
    assert it.seconds_left(0.5) == pytest.approx(3.0)
    quick = pace(rate=100.0, burst=1)
    assert quick.may_send(0.0)
    quick.too_much(0.0, 0.5)
    assert quick.seconds_left(0.5) == 1.0
    assert quick.seconds_left(1.2) == pytest.approx(0.3)
    assert quick.seconds_left(1.5) == 0.0


# Too much.


def test_D18_throttled_halves_window_and_rate_and_pauses_the_link() -> None:
    it = pace(window=10, rate=40.0)
    it.too_much(1.0, 1.2)
    assert (it.window, it.rate) == (5, 20.0)
    assert it.paused_for(1.2) == pytest.approx(1.0)
    assert (sent(it, 1.2), sent(it, 2.1)) == (0, 0)
    assert sent(it, 2.2) > 0
    assert it.throttled == 1


def test_D18_one_burst_of_refusals_is_one_signal() -> None:
    it = pace(window=16, rate=16.0)
    for late in range(10):
        it.too_much(0.9 + late / 1000, 1.0 + late / 100)
    assert (it.window, it.rate, it.throttled) == (8, 8.0, 10)
    # Those that come when the pause is over were sent before it, too.
    it.too_much(0.95, 5.0)
    it.too_much(1.0, 5.0)
    assert (it.window, it.rate, it.throttled) == (8, 8.0, 12)
    assert it.paused_for(5.0) == 0.0
    it.too_much(2.01, 5.0)
    assert (it.window, it.rate, it.throttled) == (4, 4.0, 13)
    assert it.paused_for(5.0) == 2.0


def test_D18_all_at_one_moment_is_one_signal() -> None:
    it = pace(window=16, rate=16.0)
    for _ in range(10):
        it.too_much(3.0, 3.0)
    assert (it.window, it.rate, it.paused_for(3.0)) == (8, 8.0, 1.0)


def throttled_again(it: Pace, now: float) -> float:
    """Sends something when the pause is over, which is refused; how long the next one is."""
    it.too_much(now, now + 0.01)
    return it.paused_for(now + 0.01)


def test_D18_pauses_double_to_a_minute() -> None:
    it = pace()
    now, pauses = 0.0, []
    for _ in range(9):
        now += it.paused_for(now) + 0.1
        pauses.append(round(throttled_again(it, now), 6))
        now += 0.01
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@given(drawn=st.floats(0, 1), count=st.integers(1, 12))
def test_D18_each_pause_is_drawn_from_half_to_all(drawn: float, count: int) -> None:
    it = pace(drawn=drawn)
    now = 0.0
    for number in range(count):
        now += it.paused_for(now) + 0.1
        most = min(FIRST_PAUSE * 2**number, LONGEST_PAUSE)
        pause = throttled_again(it, now)
        assert most / 2 - 1e-9 <= pause <= most + 1e-9
        assert pause == pytest.approx(most * (0.5 + drawn / 2))
        now += 0.01


def test_D18_pauses_are_short_again_after_a_calm() -> None:
    it = pace()
    assert throttled_again(it, 0.0) == pytest.approx(1.0)
    assert throttled_again(it, 2.0) == pytest.approx(2.0)  # until 4.01; the next is of 4 s
    assert throttled_again(it, 5.0) == pytest.approx(4.0)  # until 9.01; the next is of 8 s
    it.accepted(20.1)
    assert throttled_again(it, 20.2) == pytest.approx(1.0)


def test_D18_a_pause_after_which_something_was_accepted_is_halved() -> None:
    it = pace()
    now, pauses = 0.0, []
    for count in range(9):
        now += it.paused_for(now) + 0.1
        if count > 5:
            it.accepted(now)
        pauses.append(round(throttled_again(it, now), 6))
        now += 0.01
    assert pauses == [1, 2, 4, 8, 16, 32, 15, 7.5, 3.75]


def test_D18_what_was_accepted_behind_a_refusal_counts() -> None:
    it = pace()
    throttled_again(it, 0.0)
    throttled_again(it, 2.0)  # until 4.01
    throttled_again(it, 5.0)  # until 9.01
    it.accepted(5.02)  # sent with the one that was refused
    assert throttled_again(it, 10.0) == pytest.approx(2.0)


def kept_busy(it: Pace, allowed: float, seconds: float) -> tuple[int, int]:
    """Sends all the time to a message centre that allows so many a second: taken, refused."""
    bucket = TokenBucket(allowed, allowed, 0.0)
    now, taken, refused = 0.0, 0, 0
    while now < seconds:
        sent_at = now
        answers = [bucket.take(now) for _ in range(it.window) if it.may_send(now)]
        now += 0.002
        for good in answers:
            if good:
                it.accepted(now)
            else:
                it.too_much(sent_at, now)
        taken += sum(answers)
        refused += len(answers) - sum(answers)
        now += it.seconds_left(now)
    return taken, refused


@pytest.mark.parametrize("rate", [None, 200.0])
@pytest.mark.parametrize("allowed", [5.0, 50.0, 500.0])
def test_D18_the_rate_that_a_message_centre_allows_is_found(
    rate: float | None, allowed: float
) -> None:
    drawn = itertools.cycle((0.1, 0.9, 0.5))
    taken, refused = kept_busy(pace(10, rate, drawn=lambda: next(drawn)), allowed, 600)
    assert taken > 0.8 * 600 * min(allowed, rate or allowed)
    assert refused < 8 * 600


def test_D18_nothing_accepted_is_no_calm() -> None:
    it = pace()
    throttled_again(it, 0.0)
    assert throttled_again(it, 1000.0) == pytest.approx(2.0)


def test_D18_the_window_is_never_below_one_and_the_rate_keeps_its_least() -> None:
    it = pace(window=10, rate=100.0)
    now = 0.0
    windows, rates = [], []
    for _ in range(10):
        now += 100
        throttled_again(it, now)
        windows.append(it.window)
        rates.append(it.rate)
    assert windows == [5, 2, 1, 1, 1, 1, 1, 1, 1, 1]
    assert rates[:6] == [50, 25, 12.5, 6.25, 3.125, LEAST_RATE * 100]
    assert rates[-1] == LEAST_RATE * 100
    now += it.paused_for(now)
    assert it.seconds_left(now) < 1.0


def test_D18_the_rate_grows_by_a_twentieth_of_the_agreed_one_a_second() -> None:
    it = pace(rate=100.0)
    it.too_much(0.0, 1.0)
    assert it.rate == 50.0
    it.accepted(2.0)  # the pause is over
    assert it.rate == pytest.approx(50.0)
    for tenth in range(1, 11):
        it.accepted(2.0 + tenth / 10)
    assert it.rate == pytest.approx(50 + 100 * RATE_GROWTH)
    it.accepted(8.0)
    assert it.rate == pytest.approx(80.0)
    it.accepted(12.0)
    assert it.rate == 100.0
    it.accepted(50.0)
    assert it.rate == 100.0


def test_D18_a_rate_that_was_reached_long_ago_gives_no_credit() -> None:
    it = pace(rate=100.0)
    it.accepted(1000.0)
    it.too_much(1000.0, 1001.0)
    it.accepted(1002.5)
    assert it.rate == pytest.approx(52.5)


def test_D18_a_long_pause_gives_nothing_back_by_itself() -> None:
    it = pace(rate=100.0)
    now = 0.0
    for _ in range(7):
        now += it.paused_for(now) + 0.001
        throttled_again(it, now)
    assert it.paused_for(now + 0.01) == pytest.approx(60.0)
    slow = it.rate
    assert slow == LEAST_RATE * 100
    it.accepted(now + 5)  # of what was under way
    assert it.rate == slow
    it.accepted(now + 60.01)
    assert it.rate == pytest.approx(slow)
    it.accepted(now + 61.01)
    assert it.rate == pytest.approx(slow + 5)


def test_D18_the_window_grows_by_one_for_each_window_accepted() -> None:
    it = pace(window=16)
    it.too_much(0.0, 1.0)
    assert it.window == 8
    grown = []
    for _ in range(140):
        it.accepted(5.0)
        grown.append(it.window)
    assert grown[:8] == [8] * 8
    assert grown[9] == 9
    assert grown == sorted(grown)
    assert grown[-1] == 16
    it.accepted(6.0)
    assert it.window == 16


def test_D18_a_window_of_one_stays_one() -> None:
    it = pace(window=1)
    it.too_much(0.0, 1.0)
    assert it.window == 1
    it.accepted(5.0)
    assert it.window == 1


events = st.lists(
    st.tuples(
        st.sampled_from(["too_much", "too_much_late", "congested", "accepted", "send"]),
        st.floats(0, 90) | st.floats(-4000, 0) | st.just(0.0),
    ),
    max_size=60,
)


@given(
    window=st.integers(1, 100),
    rate=st.none() | st.floats(0.01, 1000),
    drawn=st.floats(0, 1),
    events=events,
)
def test_D18_window_and_rate_and_pause_keep_their_bounds(
    window: int, rate: float | None, drawn: float, events: list[tuple[str, float]]
) -> None:
    it = pace(window, rate, drawn=drawn, now=100.0)
    now = 100.0
    for what, step in events:
        now += step
        before = it.window
        if what.startswith("too_much"):
            it.too_much(now - (50 if what.endswith("late") else 0), now)
        elif what == "congested":
            it.congested(90, now)
        elif what == "accepted":
            it.accepted(now)
        else:
            it.may_send(now)
        assert 1 <= it.window <= window
        assert it.window <= before + 1
        if rate is not None and it.rate is not None:
            assert LEAST_RATE * rate <= it.rate <= rate
        assert 0 <= it.paused_for(now) <= LONGEST_PAUSE
        left = it.seconds_left(now)
        assert it.paused_for(now) <= left
        assert math.isfinite(left)
        assert rate is None or left <= LONGEST_PAUSE + 1 / (LEAST_RATE * rate) + 1e-6


# A clock that is set back.


def test_O01_a_clock_that_is_set_back_makes_no_pause_longer() -> None:
    it = pace(now=10_000.0, rate=10.0)
    it.too_much(9_999.0, 10_000.0)
    assert it.paused_for(6_400.0) == pytest.approx(1.0)
    assert it.seconds_left(6_400.0) == pytest.approx(1.0)
    assert not it.may_send(6_400.9)
    assert it.may_send(6_401.1)


def test_O01_it_pauses_and_grows_after_the_clock_was_set_back() -> None:
    it = pace(now=10_000.0, rate=100.0)
    it.too_much(9_999.0, 10_000.0)
    assert not it.may_send(6_400.0)
    it.too_much(9_999.5, 6_400.5)  # sent before the pause, and before the clock was set back
    assert it.rate == 50.0
    it.accepted(6_402.0)
    assert it.rate == pytest.approx(55.0)
    it.too_much(6_401.5, 6_402.0)
    assert it.rate == pytest.approx(27.5)
    assert it.paused_for(6_402.0) == 1.0
    it.accepted(2_000.0)
    assert it.rate == pytest.approx(27.5)
    it.congested(90, 2_001.5)
    assert it.rate == pytest.approx(13.75)


# congestion_state.


@pytest.mark.parametrize("state", [0, 50, CONGESTED - 1])
def test_a_state_that_is_not_high_is_nothing(state: int) -> None:
    it = pace(window=8, rate=8.0)
    it.congested(state, 10.0)
    assert (it.window, it.rate) == (8, 8.0)


@pytest.mark.parametrize("state", [CONGESTED, 99, 100, 255])
def test_D18_a_high_state_slows_down_without_a_pause(state: int) -> None:
    it = pace(window=8, rate=8.0)
    it.congested(state, 10.0)
    assert (it.window, it.rate, it.throttled) == (4, 4.0, 0)
    assert it.paused_for(10.0) == 0.0
    assert it.may_send(10.0)


def test_D18_a_high_state_takes_away_what_time_would_have_given() -> None:
    it = pace(rate=100.0)
    it.congested(90, 10.0)
    it.accepted(10.5)
    assert it.rate == pytest.approx(52.5)


def test_D18_a_high_state_counts_once_a_second() -> None:
    it = pace(window=64)
    windows = []
    for tenth in range(25):
        it.congested(90, 10 + tenth / 10)
        windows.append(it.window)
    assert windows == [32] * 10 + [16] * 10 + [8] * 5


def test_D18_a_high_state_right_after_a_refusal_says_nothing_new() -> None:
    it = pace(window=64)
    it.too_much(9.0, 10.0)
    it.congested(90, 10.5)
    assert it.window == 32
    it.congested(90, 11.0)
    assert it.window == 16


def test_D18_a_refusal_right_after_a_high_state_pauses_and_halves_no_more() -> None:
    it = pace(window=64, rate=64.0)
    it.congested(90, 10.0)
    it.too_much(9.9, 10.1)
    assert (it.window, it.rate, it.paused_for(10.1)) == (32, 32.0, 1.0)
    it.congested(90, 12.0)
    it.too_much(12.1, 12.2)
    assert (it.window, it.rate, it.paused_for(12.2)) == (8, 8.0, 2.0)


# A rate that several links share.


def test_a_shared_rate_is_taken_in_turns() -> None:
    shared = SharedRate(TokenBucket(1.0, 1.0, 0.0))
    links = ["a", "b", "c"]
    served = []
    for second in range(9):
        # All wake up at once, and those that let others pass once more.
        served += [link for link in links + links if shared.take(link, float(second))]
    assert [served.count(link) for link in links] == [3, 3, 3]
    assert shared.rate == 1.0


def test_a_link_that_has_gone_holds_nobody_up() -> None:
    shared = SharedRate(TokenBucket(1.0, 1.0, 0.0))
    assert shared.take("a", 0.0)
    assert not shared.take("b", 0.5)
    assert not shared.take("a", 1.0)  # lets b pass
    assert shared.take("a", 1.001)  # which does not come
    assert shared.take("a", 2.5)
    shared.forget("a")
    assert shared.seconds_left(2.5) == 1.0


def test_the_shared_rate_counts_besides_that_of_the_link() -> None:
    shared = SharedRate(TokenBucket(1.0, 1.0, 0.0))
    pace = Pace(10, 2.0, 1.0, lambda: 1.0, 0.0)
    pace.shared = shared
    assert pace.may_send(0.0)
    assert pace.seconds_left(0.0) == 1.0
    assert not pace.may_send(0.75)  # its own token is there, that of all is not
    assert pace.may_send(1.0)
    pace.shared = SharedRate(TokenBucket(100.0, 100.0, 1.0))
    assert not pace.may_send(1.25)
    assert pace.shared.seconds_left(1.25) == 0.0
    assert pace.may_send(1.5)
