"""How fast a link may be driven: a rate that is agreed, and one that is found out.

A token bucket keeps the rate that was agreed. When the message centre says that it is too
much (ESME_RTHROTTLED, ESME_RMSGQFUL, a high congestion_state), the link pauses, its rate and
its window are halved, and both grow again slowly while messages are accepted: additive
increase, multiplicative decrease, as TCP does it. Where no rate was agreed and pauses alone do not
help, one is found out.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted_smpp.esme.found_rate import FoundRate
from twisted_smpp.tokens import TokenBucket

__all__ = ["Pace", "SharedRate", "TokenBucket"]

#: Pauses double from the first to the longest while nothing is accepted in between, and are
#: halved again when something is; each is drawn at random from half to all.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
#: What the rate gets back in a second, of the agreed one.
RATE_GROWTH = 0.05
#: The least that is left of the rate.
LEAST_RATE = 0.02
#: A congestion_state (0 to 100) from which a link slows down.
CONGESTED = 80


class SharedRate:
    """A rate that several links keep together; those that wait for it take turns.

    Args:
        bucket: of all of them.
    """

    def __init__(self, bucket: TokenBucket) -> None:
        self._bucket = bucket
        #: Who was refused and not served since; who has let another have the next token.
        self._waiting: set[object] = set()
        self._yielded: set[object] = set()
        #: When each was served last, as a count.
        self._served: dict[object, int] = {}
        self._count = 0

    @property
    def rate(self) -> float:
        """Messages/s of all links."""
        return self._bucket.rate

    def take(self, who: object, now: float) -> bool:
        """Takes a token for a link.

        Who was served later than another that waits lets it pass, once: that one has a timer
        for the same moment. If it does not come it has gone.
        """
        if not self._bucket.has(now):
            self._waiting.add(who)
            return False
        served = self._served.get(who, 0)
        before = {each for each in self._waiting if self._served.get(each, 0) < served}
        if before and who not in self._yielded:
            self._yielded.add(who)
            self._waiting.add(who)
            return False
        self._waiting -= {who, *before}
        self._yielded.clear()
        self._count += 1
        self._served[who] = self._count
        return self._bucket.take(now)

    def seconds_left(self, now: float) -> float:
        """Until the next token, in seconds."""
        return self._bucket.seconds_left(now)

    def forget(self, who: object) -> None:
        """A link that is no more."""
        self._served.pop(who, None)
        self._waiting.discard(who)
        self._yielded.discard(who)


class Pace:
    """What a link may send now.

    Args:
        window: requests that may be in flight, at most.
        rate: messages/s that were agreed; None for no limit.
        burst: messages that may go at once after a rest; None for a tenth of a second of
            the rate, at least one.
        random: returns a number from 0 to 1, for the pauses.
        now: the time, in seconds.

    Attributes:
        window: requests that may be in flight now.
        slowed: whether it is driven less fast than it was agreed, for what was refused before.
        throttled: how often the message centre said that it was too much.
    """

    def __init__(
        self,
        window: int,
        rate: float | None,
        burst: float | None,
        random: Callable[[], float],
        now: float,
    ) -> None:
        self._most_window = window
        self._window = float(window)
        self.window = window
        self._most_rate = rate
        self._bucket: TokenBucket | None = None
        if rate is not None:
            self._bucket = TokenBucket(rate, max(1.0, rate / 10) if burst is None else burst, now)
        self._random = random
        self._pause = FIRST_PAUSE
        self._paused_at = self._paused_until = self._slowed_at = float("-inf")
        self._grown_at = self._seen = now
        #: What is allowed where nobody has said it; None while nothing is too much.
        self._found: FoundRate | None = None
        #: Whether a message was accepted since the last pause began.
        self._had_room = False
        self.throttled = 0
        self.slowed = False
        #: The rate of all links of an account, besides that of this one.
        self.shared: SharedRate | None = None

    @property
    def most_window(self) -> int:
        """Requests that may be in flight when nothing slows the link down."""
        return int(self._most_window)

    @property
    def rate(self) -> float | None:
        """Messages/s now; None for no limit."""
        return None if self._bucket is None else self._bucket.rate

    def paused_for(self, now: float) -> float:
        """Seconds until the pause is over; 0.0 when there is none."""
        self._see(now)
        return max(0.0, self._paused_until - now)

    def is_free(self, now: float) -> bool:
        """Whether nothing but the window limits what may be sent."""
        return self._bucket is None and self.shared is None and self._paused_until <= now

    def may_send(self, now: float) -> bool:
        """Takes the right to send one message."""
        if now < self._seen:
            self._see(now)
        self._seen = now
        if self._paused_until > now:
            return False
        bucket, shared = self._bucket, self.shared
        if shared is not None:
            if bucket is not None and not bucket.has(now):
                return False
            if not shared.take(self, now):
                return False
        return bucket is None or bucket.take(now)

    def seconds_left(self, now: float) -> float:
        """Until :meth:`may_send` can say yes, in seconds."""
        left = self.paused_for(now)
        if self.shared is not None:
            left = max(left, self.shared.seconds_left(now))
        return left if self._bucket is None else max(left, self._bucket.seconds_left(now))

    def too_much(self, sent_at: float, now: float) -> None:
        """The message centre has refused a message because of its load.

        Args:
            sent_at: when that message was sent: what was sent before the last pause was
                over says nothing new.
            now: the time, in seconds.
        """
        self.throttled += 1
        if self.paused_for(now) or sent_at <= self._paused_at:
            return
        if sent_at > self._slowed_at:
            self._slow_down(now)
        if self._most_rate is None:
            self._find_rate(now)
        if self._had_room:  # the last pause, half of what is next, was long enough
            self._pause = max(self._pause / 4, FIRST_PAUSE)
        self._had_room = False
        self._paused_at = now
        self._paused_until = now + self._pause * (0.5 + self._random() / 2)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self.slowed = True

    def congested(self, state: int, now: float) -> None:
        """The message centre has told its congestion_state, 0 to 100, with a response."""
        self._see(now)
        if state >= CONGESTED and now - self._slowed_at >= 1.0:
            self._slow_down(now)

    def accepted(self, now: float) -> None:
        """The message centre has taken a message: the link may grow again."""
        if not self.slowed:
            return
        self._see(now)
        self._had_room = True
        if self._window < self._most_window:
            self._window = min(self._most_window, self._window + 1 / self._window)
            self.window = int(self._window)
        if self._pause > FIRST_PAUSE and now - self._paused_until > self._pause:
            self._pause = FIRST_PAUSE
        bucket, most = self._bucket, self._most_rate
        if bucket is not None and most is not None and bucket.rate < most:
            # What the pause took of the rate is not given back for having waited.
            since = max(self._grown_at, self._paused_until)
            grown = max(0.0, now - since) * RATE_GROWTH * most
            bucket.slow_down(min(most, bucket.rate + grown), now)
        self._grown_at = now
        found = self._found
        if found is not None:
            found.accepted(self._paused_until, now)
        self.slowed = (
            self._window < self._most_window
            or self._pause > FIRST_PAUSE
            or (bucket is not None and (most is None or bucket.rate < most))
        )
        if found is not None and (not self.slowed or found.is_over(now)):
            self._found = self._bucket = None

    def _find_rate(self, now: float) -> None:
        if self._found is None:
            self._found = FoundRate(now)
        self._found.refused(now)
        self._bucket = self._found.bucket

    def _slow_down(self, now: float) -> None:
        self._window = max(1.0, self._window / 2)
        self.window = int(self._window)
        if self._bucket is not None and self._most_rate is not None:
            least = LEAST_RATE * self._most_rate
            self._bucket.slow_down(max(least, self._bucket.rate / 2), now)
        self._slowed_at = self._grown_at = now
        self.slowed = True

    def _see(self, now: float) -> None:
        """Where the clock was set back, a pause lasts no longer for it."""
        back = self._seen - now
        if back > 0:
            self._paused_at -= back
            self._paused_until -= back
            self._slowed_at -= back
            self._grown_at -= back
            if self._found is not None:
                self._found.set_back(back)
        self._seen = now
