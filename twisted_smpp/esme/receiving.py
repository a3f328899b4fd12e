"""Messages from the message centre: parts joined, text read, the callback awaited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.answering import Answer, awaited
from twisted_smpp.errors import RequestRefused
from twisted_smpp.status import CommandStatus
from twisted_smpp.text.coding import Decoded
from twisted_smpp.text.parts import Part, join
from twisted_smpp.text.reassembly import Joined, Reassembly
from twisted_smpp.text.rules import TextRules
from twisted_smpp.text.udh import Concatenation, Ports
from twisted_smpp.wire.pdu import Response

__all__ = ["Received", "Receiving"]


#: Source, destination, which part of what, and its octets.
_LastPart = tuple[str, str, Concatenation, bytes]


@dataclass(frozen=True, repr=False)
class Received:
    """A message that somebody has sent to us.

    Attributes:
        source, destination: the addresses.
        text: what it says; None when it is no text.
        octets: of the text, as they came, without headers.
        damaged: whether ``text`` has U+FFFD for what could not be read.
        data_coding: the field of that name.
        ports: the applications it is between; None when it is for a person.
        parts: the :class:`~twisted_smpp.text.parts.Part` of each PDU.
        missing: the numbers of parts that did not come in time; then this is one of the
            others, alone.
        pdu: the deliver_sm or data_sm that completed it; None when all of its parts were
            answered before, so that it is too late to refuse it.
    """

    source: str
    destination: str
    text: str | None
    octets: bytes
    damaged: bool
    data_coding: int
    ports: Ports | None
    parts: tuple[Part, ...]
    missing: tuple[int, ...]
    pdu: Any

    def __repr__(self) -> str:
        size = "octets" if self.text is None else f"{len(self.text)} characters"
        return f"<Received from {self.source!r} to {self.destination!r}: {size}>"


class _Asked(NamedTuple):
    """A whole message that the application has not answered yet."""

    joined: Joined
    last: Part
    until: float


class Receiving:
    """Joins parts and asks the application.

    A part of an incomplete message is answered ESME_ROK and kept. The one that completes it
    is answered as the application answers; if that refuses, or does not answer in time, all
    of it counts as not received, and the message centre sends the last part again. If that
    comes again before there is an answer, the message centre is asked to wait.

    Args:
        on_message: called with each :class:`Received`; answers like any request.
        rules: how the link writes text.
        reassembly: where parts wait.
        account: under which name.
        seconds: returns the time, in seconds.
        answer_timeout: seconds that the application has for a later answer.
    """

    log = Logger()

    def __init__(
        self,
        on_message: Callable[[Received], Answer],
        rules: TextRules,
        reassembly: Reassembly,
        account: str,
        seconds: Callable[[], float],
        answer_timeout: float = 10.0,
    ) -> None:
        self._on_message = on_message
        self._rules = rules
        self._reassembly = reassembly
        self._account = account
        self._seconds = seconds
        self._answer_timeout = answer_timeout
        #: By their last parts, the oldest first.
        self._asked: dict[_LastPart, _Asked] = {}

    @property
    def idle(self) -> bool:
        """Whether :meth:`expire` has nothing to do, now or later."""
        return not self._asked and self._reassembly.deadline() is None

    def take(self, pdu: Any) -> Answer:
        """A deliver_sm or data_sm; returns what it is answered."""
        part = Part.of(pdu)
        if part.concatenation is None:
            return self._on_message(self._single(pdu, part))
        now = self._seconds()
        self._give_up(now)
        source, destination = _address(pdu, "source"), _address(pdu, "dest")
        last = source, destination, part.concatenation, part.octets
        if last in self._asked:
            return CommandStatus.ESME_RX_T_APPN
        answer: Answer = None
        for joined in self._reassembly.add(self._account, source, destination, part, now):
            if joined.complete and any(each is part for each in joined.parts):
                self._asked[last] = _Asked(joined, part, now + self._answer_timeout)
                answer = self._hand_over(joined, pdu, last)
            else:
                self._rest(joined)
        return answer

    def expire(self) -> None:
        """Hands over what has become too old."""
        now = self._seconds()
        self._give_up(now)
        for joined in self._reassembly.expire(now):
            self._rest(joined)

    def flush(self) -> None:
        """Hands over all that is incomplete."""
        for joined in self._reassembly.flush(self._account, "asked to hand it over"):
            self._rest(joined)

    def _give_up(self, now: float) -> None:
        """Who has not answered in time has refused."""
        while self._asked:
            last, asked = next(iter(self._asked.items()))
            if asked.until > now:
                break
            self._not_taken(last)

    def _not_taken(self, last: _LastPart) -> None:
        asked = self._asked.pop(last)
        for joined in self._reassembly.reopen(asked.joined, asked.last, self._seconds()):
            self._rest(joined)

    def _single(self, pdu: Any, part: Part) -> Received:
        decoded = part.decode(self._rules)
        return _received(pdu.source_addr, pdu.destination_addr, decoded, (part,), pdu)

    def _hand_over(self, joined: Joined, pdu: Any, last: _LastPart) -> Answer:
        decoded, parts = join(joined.parts, self._rules), joined.parts
        received = _received(pdu.source_addr, pdu.destination_addr, decoded, parts, pdu)
        asked = self._asked[last]

        def came(result: Any) -> Any:
            if self._asked.get(last) is asked:
                if _is_consent(result):
                    del self._asked[last]
                else:
                    self._not_taken(last)
            return result

        answered: Deferred[Any] = maybeDeferred(_asks, self._on_message, received)
        return answered.addBoth(came)

    def _rest(self, joined: Joined) -> None:
        """Parts that all have been answered: it is too late to refuse them."""
        source, destination = _addr(joined.source), _addr(joined.destination)
        if joined.complete:
            decoded = join(joined.parts, self._rules)
            self._tell(_received(source, destination, decoded, joined.parts, None))
            return
        self.log.warn(
            "{count} parts of a message from {source} did not come ({reason})",
            count=len(joined.missing),
            source=ascii(joined.source),
            reason=joined.reason,
        )
        for part in joined.parts:
            decoded = part.decode(self._rules)
            self._tell(_received(source, destination, decoded, (part,), None, joined.missing))

    def _tell(self, received: Received) -> None:
        maybeDeferred(_asks, self._on_message, received).addErrback(self._lost)

    def _lost(self, failure: Failure) -> None:
        if failure.check(RequestRefused) is None:
            self.log.failure("what is left of a message was not taken", failure)


def _asks(callback: Callable[[Received], Answer], received: Received) -> Any:
    return awaited(callback(received))


def _received(
    source: str,
    destination: str,
    decoded: Decoded,
    parts: tuple[Part, ...],
    pdu: Any,
    missing: tuple[int, ...] = (),
) -> Received:
    return Received(
        source,
        destination,
        decoded.text,
        decoded.octets,
        decoded.damaged,
        parts[0].data_coding,
        parts[0].ports,
        parts,
        missing,
        pdu,
    )


def _is_consent(result: Any) -> bool:
    if isinstance(result, Response):
        return not result.command_status
    if isinstance(result, bool):
        return False  # that is no answer
    return result is None or (isinstance(result, int) and not result)


def _address(pdu: Any, which: str) -> str:
    """With type and plan, which make it another one."""
    if which == "source":
        return f"{pdu.source_addr_ton}:{pdu.source_addr_npi}:{pdu.source_addr}"
    return f"{pdu.dest_addr_ton}:{pdu.dest_addr_npi}:{pdu.destination_addr}"


def _addr(address: str) -> str:
    return address.split(":", 2)[2]
