"""The rate that a message centre allows, where nobody has said it: found by what it refuses."""

from __future__ import annotations

from twisted_smpp.tokens import TokenBucket

__all__ = ["FoundRate"]

#: Refusals, each behind a pause, after which pauses are not enough.
PAUSES = 3
#: The least messages/s that it begins with, and that are left of it.
LEAST = 0.5
#: What is left of the rate when it was too much, the first time and later.
FIRST_CUT, CUT = 0.5, 0.8
#: What it gets back in a second, of the rate that was too much.
GROWTH = 0.05
#: Seconds of messages that may go at once: a timer is no finer than a millisecond.
BURST_SECONDS = 0.002
#: Seconds without a refusal after which it is of no use.
LASTS = 600.0


class FoundRate:
    """Doubles each second until it is too much; then it falls a little and grows slowly.

    It begins when pauses alone have not helped, with the rate at which messages were accepted
    meanwhile, the pauses included.

    Args:
        now: the time, in seconds.

    Attributes:
        bucket: that keeps the rate; None until it begins.
    """

    def __init__(self, now: float) -> None:
        self.bucket: TokenBucket | None = None
        #: The rate that was too much; None while none was.
        self._too_much: float | None = None
        self._accepted = self._refused = 0
        self._since = self._grown_at = now

    def is_over(self, now: float) -> bool:
        """Whether nothing was refused for so long that it is of no use any more."""
        return now - self._since >= LASTS

    def refused(self, now: float) -> None:
        """A message was refused because of the load, behind the last pause."""
        bucket = self.bucket
        if bucket is not None:
            cut = FIRST_CUT if self._too_much is None else CUT
            self._too_much = bucket.rate
            self._go_on_with(bucket, max(LEAST, cut * bucket.rate), now)
        else:
            self._refused += 1
            if self._refused >= PAUSES:
                rate = self._accepted / max(0.001, now - self._since)
                self.bucket = TokenBucket(max(LEAST, rate), 1.0, now)
        self._accepted, self._since = 0, now

    def accepted(self, paused_until: float, now: float) -> None:
        """A message was accepted.

        Args:
            paused_until: the end of the last pause, in seconds.
            now: the time, in seconds.
        """
        self._accepted += 1
        bucket = self.bucket
        if bucket is None:
            return
        # Who sends little learns little: a rest of minutes says nothing.
        passed = min(1.0, max(0.0, now - max(self._grown_at, paused_until)))
        if self._too_much is None:
            rate = bucket.rate * 2.0**passed
        else:
            rate = bucket.rate + passed * GROWTH * self._too_much
        self._go_on_with(bucket, rate, now)

    def _go_on_with(self, bucket: TokenBucket, rate: float, now: float) -> None:
        bucket.slow_down(rate, now)
        bucket.burst = max(1.0, BURST_SECONDS * rate)
        self._grown_at = now

    def set_back(self, seconds: float) -> None:
        """The clock was set back."""
        self._since -= seconds
        self._grown_at -= seconds
