"""What an ESME is asked at its control socket about messages whose outcome is unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from twisted_smpp.esme.message import Message, MessagePart, Progress
from twisted_smpp.esme.outbox import Outbox

__all__ = ["MOST_HELD", "HeldMessages", "Refused"]

#: Messages that one request lists or decides about.
MOST_HELD = 1_000
#: The fields of each request, the one that makes it what it is first.
_FIELDS = {"held": ("held", "after"), "resend": ("resend",), "give_up": ("give_up",)}


class Refused(Exception):
    """A request that is not done, and why."""


class HeldMessages:
    """Answers requests about the messages that a link holds.

    Args:
        link: an :class:`~twisted_smpp.esme.service.ESMEService` or
            :class:`~twisted_smpp.esme.pool.ESMEPool`.
        outbox: where it keeps messages.
    """

    def __init__(self, link: Any, outbox: Outbox) -> None:
        self._link = link
        self._outbox = outbox

    def concerns(self, request: dict[str, Any]) -> bool:
        """Whether a request is one of these."""
        return not _FIELDS.keys().isdisjoint(request)

    def ask(self, request: dict[str, Any]) -> dict[str, Any] | Deferred[dict[str, Any]]:
        """The answer to a request; once what it decides is on the disk, a Deferred of it.

        Raises:
            Refused: it cannot be done.
        """
        kind = next(each for each in _FIELDS if each in request)
        for name in request:
            if name not in (*_FIELDS[kind], "id"):
                raise Refused(f"{ascii(name)[:40]}: there is no such field")
        if kind == "held":
            return self._list(request)
        if kind == "resend":
            return self._decide("resent", request[kind], self._link.resend)
        return self._decide("given_up", request[kind], self._link.give_up)

    def _held(self) -> dict[int, Message]:
        """The messages with parts that are held, by their numbers, the oldest first."""
        messages = {part.message for part in self._link.parts() if _is_held(part)}
        numbered = [(self._outbox.number(each), each) for each in messages]
        return dict(sorted([(n, each) for n, each in numbered if n is not None], key=_number_of))

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        after = request.get("after", 0)
        if request["held"] is not True:
            raise Refused("held has to be true")
        if not _is_number(after):
            raise Refused("after has to be the number of a message")
        found = [each for each in self._held().items() if each[0] > after]
        listed = [self._of(number, message) for number, message in found[:MOST_HELD]]
        return {"held": listed, "more": len(found) > MOST_HELD}

    def _of(self, number: int, message: Message) -> dict[str, Any]:
        """A message as an object of JSON, without what it says."""
        held = [part for part in message.parts if _is_held(part)]
        listed: dict[str, Any] = {
            "number": number,
            "to": message.destination,
            "source": message.source,
            "at": self._outbox.taken_at(message),
            "parts": len(message.parts),
            "held": [part.number for part in held],
            "message_ids": message.message_ids,
            "possible_duplicates": message.possible_duplicates,
        }
        if message.key is not None:
            listed["key"] = message.key
        if held[0].error is not None:
            listed["error"] = str(held[0].error)
        return listed

    def _decide(
        self, done: str, which: Any, decide: Callable[[MessagePart], object]
    ) -> dict[str, Any] | Deferred[dict[str, Any]]:
        held = self._held()
        if which != "all":
            if not _is_number(which):
                raise Refused('the number of a message is needed, or "all"')
            if which not in held:
                raise Refused(f"message {which} is not held")
            held = {which: held[which]}
        chosen = list(held.values())[:MOST_HELD]
        for message in chosen:
            for part in message.parts:
                if _is_held(part):
                    decide(part)
        answer = {done: len(chosen), "more": len(held) > MOST_HELD}
        settled = self._outbox.settled()
        return answer if settled is None else settled.addCallback(lambda _: answer)


def _is_held(part: MessagePart) -> bool:
    return part.progress is Progress.HELD


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _number_of(numbered: tuple[int, Message]) -> int:
    return numbered[0]
