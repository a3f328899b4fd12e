"""Which of several links takes a message.

Either the one with the least to do, so that all are used; or always the same one for one
destination, so that messages to it arrive in the order in which they were sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from twisted_smpp.esme.message import Message, MessagePart, Progress

__all__ = ["ByDestination", "Choice", "LeastLoaded"]

Waiting = list[tuple[float, MessagePart]]


class Choice(Protocol):
    """How the link of a message is chosen."""

    def of(self, message: Message, able: Sequence[Any], now: float) -> Any:
        """The link that takes a message; None when it has to wait."""

    def changed(self, able: Sequence[Any], every: Sequence[Any]) -> Waiting:
        """Other links are able to send than before.

        Returns:
            parts that waited with a link that is not theirs any more.
        """

    def is_pinned(self, message: Message) -> bool:
        """Whether it has to wait for others that are in flight on another link."""

    def settled(self) -> set[str]:
        """Destinations whose messages need not wait any more."""

    def may_move(self, part: MessagePart) -> bool:
        """Whether a part may leave a link that pauses."""


class LeastLoaded:
    """The link that has the most room for its window; those that are equal take turns.

    All parts of one message take one link, while it is there and does not pause.
    """

    def __init__(self) -> None:
        #: The link of each message in several parts.
        self._homes: WeakKeyDictionary[Message, Any] = WeakKeyDictionary()
        self._last: Any = None

    def of(self, message: Message, able: Sequence[Any], now: float) -> Any:
        """The link that takes a message; None when none has room."""
        if len(message.parts) > 1:
            home: Any = self._homes.get(message)
            if home in able and not home.sender.rests_for(now):
                return home
        best, most = None, 0.0
        start = able.index(self._last) + 1 if self._last in able else 0
        for link in [*able[start:], *able[:start]]:
            room = link.sender.room(now) / link.sender.pace.window
            if room > most:
                best, most = link, room
        if best is not None:
            self._last = best
            if len(message.parts) > 1:
                self._homes[message] = best
        return best

    def changed(self, able: Sequence[Any], every: Sequence[Any]) -> Waiting:
        """Nothing waits with a link that cannot send it soon."""
        return []

    def is_pinned(self, message: Message) -> bool:
        """Never."""
        return False

    def settled(self) -> set[str]:
        """None."""
        return set()

    def may_move(self, part: MessagePart) -> bool:
        """Unless others of its message were sent on this link."""
        parts = part.message.parts
        return len(parts) == 1 or not any(each.attempts for each in parts)


class ByDestination:
    """The link that a hash of the destination says (rendezvous hashing).

    When a link is lost only its destinations move, and they come back with it. A destination
    that moves waits until what is in flight to it on its former link has an outcome.
    """

    def __init__(self) -> None:
        #: Parts in flight on a link that is not that of their destination now.
        self._pins: dict[str, list[MessagePart]] = {}

    def of(self, message: Message, able: Sequence[Any], now: float) -> Any:
        """The link of the destination; None when there is none at all."""
        destination = message.destination.encode("utf-8", "surrogatepass")
        return max(able, key=lambda link: _weight(link.name, destination), default=None)

    def changed(self, able: Sequence[Any], every: Sequence[Any]) -> Waiting:
        """Notes what is in flight elsewhere; takes back what waits elsewhere."""
        moved: Waiting = []
        self._pins.clear()
        for link in every:

            def is_elsewhere(part: MessagePart, link: Any = link) -> bool:
                return self.of(part.message, able, 0.0) is not link

            moved += link.sender.release(is_elsewhere)
            for part in link.sender.parts():
                if is_elsewhere(part):
                    self._pins.setdefault(part.message.destination, []).append(part)
        return moved

    def is_pinned(self, message: Message) -> bool:
        """Whether something is in flight to its destination on another link."""
        return message.destination in self._pins

    def settled(self) -> set[str]:
        """Destinations to which nothing is in flight elsewhere any more."""
        gone = {
            destination
            for destination, parts in self._pins.items()
            if not any(part.progress is Progress.SENDING for part in parts)
        }
        for destination in gone:
            del self._pins[destination]
        return gone

    def may_move(self, part: MessagePart) -> bool:
        """Never: the others of its destination may be in flight."""
        return False


def _weight(name: str, destination: bytes) -> bytes:
    """The same for ever: a restart of the process moves nothing."""
    return blake2b(destination, digest_size=8, key=name.encode()).digest()
