"""A token bucket, which keeps a rate for either role."""

from __future__ import annotations

__all__ = ["TokenBucket"]


class TokenBucket:
    """So many a second, and so many at once after a rest.

    Args:
        rate: tokens a second, above 0.
        burst: tokens that may gather, at least 1.
        now: the time, in seconds.

    Raises:
        ValueError: the rate or the burst is too small.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        if not 0 < rate < float("inf"):
            raise ValueError(
                f"rate is {rate!r}, more than 0 messages/s are needed (None: no limit)"
            )
        if not burst >= 1:
            raise ValueError(f"burst is {burst!r}, at least 1 message is needed")
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._at = now

    def has(self, now: float) -> bool:
        """Whether there is a token."""
        self._fill(now)
        return self._tokens >= 1 - 1e-9

    def take(self, now: float, count: int = 1) -> bool:
        """Takes ``count`` tokens if there is one at least; False when there is none.

        More than there are leave a debt, which has to be paid before the next is given.
        """
        # As _fill and has, without their calls: a peer that floods is told no at this place.
        tokens, elapsed = self._tokens, now - self._at
        if elapsed > 0:
            tokens += elapsed * self.rate
        if tokens > self.burst:
            tokens = self.burst
        self._at = now
        if tokens < 1 - 1e-9:
            self._tokens = tokens
            return False
        self._tokens = tokens - count
        return True

    def seconds_left(self, now: float) -> float:
        """Until the next token, in seconds."""
        self._fill(now)
        return max(0.0, (1 - self._tokens) / self.rate)

    def slow_down(self, rate: float, now: float) -> None:
        """Goes on with another rate; what has gathered is kept."""
        self._fill(now)
        self.rate = rate

    def _fill(self, now: float) -> None:
        # A clock that is set back, as that of a reactor may be, takes no tokens away.
        self._tokens = min(self.burst, self._tokens + max(0.0, now - self._at) * self.rate)
        self._at = now
