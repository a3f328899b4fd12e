"""Receipts that fit no message: how many there are, and whether they are too many."""

from __future__ import annotations

from collections import deque

from twisted.logger import Logger

__all__ = ["Unmatched"]

#: So long a receipt may be earlier than the response with the id of its message.
EARLY_SECONDS = 60.0
#: What counts for the share of those that fit nothing.
WINDOW = 3600.0
#: One in TOO_MANY is too many, if there are FEWEST; below one in FEW_AGAIN that is over.
TOO_MANY, FEW_AGAIN, FEWEST = 100, 200, 10


class Unmatched:
    """The receipts of an account that found no message, within a minute of their coming or ever.

    It is warned of when in the last hour 1 % of all receipts were such, and 10 at least; and told
    when it is less than 0.5 % again.

    Args:
        name: of the account, for the log.

    Attributes:
        count: how many there were, since it was made.
        too_many: whether it was warned of, and is not over.
    """

    log = Logger()

    def __init__(self, name: str) -> None:
        self._name = name
        self.count = 0
        self.too_many = False
        #: By their ids, the oldest first: until when they are only early, and how many they are.
        self._early: dict[str, tuple[float, int]] = {}
        #: What was counted at the last look.
        self._counted = (0, 0)
        #: Of the last hour: when it was looked, and what was matched and not matched since before.
        self._looks: deque[tuple[float, int, int]] = deque()
        self._matched = self._unmatched = 0

    def came(self, message_id: str, now: float) -> None:
        """A receipt with an id that is not known, and was not before."""
        self._early[message_id] = now + EARLY_SECONDS, 1

    def came_again(self, message_id: str) -> None:
        """One more with that id, while the first still waits."""
        early = self._early.get(message_id)
        if early is None:
            self.count += 1
        else:
            self._early[message_id] = early[0], early[1] + 1

    def found(self, message_id: str) -> None:
        """Those with that id have found their message."""
        self._early.pop(message_id, None)

    def dropped(self, message_id: str) -> None:
        """Those with that id wait no longer."""
        self.count += self._early.pop(message_id, (0.0, 0))[1]

    def look(self, matched: int, now: float) -> None:
        """Looks whether they are too many.

        Args:
            matched: how many receipts have found their message, since it was made.
            now: the time, in seconds.
        """
        while self._early:
            message_id, (until, count) = next(iter(self._early.items()))
            if until > now:
                break
            del self._early[message_id]
            if until > now - WINDOW:  # those of an earlier process may be much older
                self.count += count
        before, self._counted = self._counted, (matched, self.count)
        self._looks.append((now, matched - before[0], self.count - before[1]))
        self._matched += matched - before[0]
        self._unmatched += self.count - before[1]
        while self._looks[0][0] <= now - WINDOW:
            _, old_matched, old_unmatched = self._looks.popleft()
            self._matched -= old_matched
            self._unmatched -= old_unmatched
        self._judge()

    def _judge(self) -> None:
        count, all_of_them = self._unmatched, self._matched + self._unmatched
        if not self.too_many:
            if count >= FEWEST and count * TOO_MANY >= all_of_them:
                self.too_many = True
                self.log.warn(
                    "{name}: {count} of {all} receipts of the last hour fit no message",
                    name=ascii(self._name),
                    count=count,
                    all=all_of_them,
                )
        elif not count or count * FEW_AGAIN < all_of_them:
            self.too_many = False
            self.log.info(
                "{name}: receipts fit their messages again ({count} of {all} did not)",
                name=ascii(self._name),
                count=count,
                all=all_of_them,
            )
