"""What a sender has to do with others: the session, the outbox, and the answer to an attempt."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from twisted_smpp.errors import SMPPError
from twisted_smpp.esme.message import MessagePart

__all__ = ["Asking", "Attempt", "Journal", "Link", "UnknownPolicy"]


class UnknownPolicy(Enum):
    """What becomes of a message whose response is lost.

    ``RESEND`` sends it again, a few times: the receiver may get it twice. ``HOLD`` keeps it
    until the application decides by ``resend()`` or ``give_up()`` of the service or pool.
    ``FAIL`` counts it as lost.
    """

    RESEND = "resend"
    HOLD = "hold"
    FAIL = "fail"


class Link(Protocol):
    """What the sender needs of a session."""

    @property
    def bound(self) -> bool: ...
    def request(self, pdu: Any, octets: bytes | None, told: Any, flush: bool) -> object: ...
    def flush(self) -> None: ...
    def unbind(self) -> Deferred[None]: ...


class Asking(Protocol):
    """Who makes attempts."""

    def accepted(self, response: Any, part: MessagePart) -> None:
        """The response came, and says ESME_ROK."""

    def refused(self, error: BaseException, part: MessagePart) -> None:
        """It says something else, or did not come."""


class Attempt:
    """What a session tells the outcome of an attempt: a Deferred takes several times as long.

    Attributes:
        part: what is sent.
        sender: who sends it.
        called: whether the outcome was told; False at first.
    """

    # The sender fills it in: an ``__init__`` would take twice as long as all of that.
    __slots__ = ("called", "part", "sender")

    part: MessagePart
    sender: Asking
    called: bool

    def callback(self, response: Any) -> None:
        """The response came, and says ESME_ROK."""
        self.called = True
        self.sender.accepted(response, self.part)

    def errback(self, error: BaseException) -> None:
        """It was refused, or its outcome is unknown."""
        self.called = True
        self.sender.refused(error, self.part)


class Journal(Protocol):
    """What the sender needs of an outbox."""

    @property
    def telling(self) -> set[Link] | None: ...

    def attempting(
        self, part: MessagePart, told: Callable[[MessagePart, SMPPError | None], object]
    ) -> bool: ...
