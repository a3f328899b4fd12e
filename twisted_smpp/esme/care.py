"""After starts that did not last: messages of before are sent one part at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted_smpp.errors import SMPPError
from twisted_smpp.esme.attempts import Link
from twisted_smpp.esme.message import Message, MessagePart, Progress
from twisted_smpp.store.caution import Caution

__all__ = ["PartByPart"]


class PartByPart:
    """Stands between an outbox and the sender, and between it and the messages of before.

    Args:
        outbox: an :class:`~twisted_smpp.esme.outbox.Outbox`.
        caution: whose turn it is, in the whole process.
    """

    def __init__(self, outbox: Any, caution: Caution) -> None:
        self._outbox = outbox
        self._caution = caution

    @property
    def telling(self) -> set[Link] | None:
        """As that of the outbox."""
        return self._outbox.telling  # type: ignore[no-any-return]

    def attempting(
        self, part: MessagePart, told: Callable[[MessagePart, SMPPError | None], object]
    ) -> bool:
        """As that of the outbox, when it is the turn of the part."""
        number = self._outbox.number_of(part)
        if number is None or not self._caution.concerns(number):
            return bool(self._outbox.attempting(part, told))
        numbers = map(self._outbox.number_of, part.message.parts)
        together = tuple(each for each in numbers if each is not None)
        self._caution.turn(number, partial(self._begin, part, told), together)
        return False

    def _begin(
        self, part: MessagePart, told: Callable[[MessagePart, SMPPError | None], object]
    ) -> None:
        if self._outbox.attempting(part, told):
            told(part, None)

    def changed(self, message: Message) -> None:
        """As that of the outbox; a part that is not being sent any more lets others go on."""
        for part in message.parts:
            if part.progress is not Progress.SENDING:
                number = self._outbox.number_of(part)
                if number is not None:
                    self._caution.leave(number)
        self._outbox.changed(message)
