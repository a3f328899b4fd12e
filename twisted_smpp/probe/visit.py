"""One connection of a probe: what was asked on it, what came, and whether it still lives.

A session of ours neither sends what its state forbids nor waits for the answer to it. A
probe has to do both, so that such a request goes to the transport with a sequence_number
of its own, and the answer is taken from what passes on the connection.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.task import deferLater

from twisted_smpp.errors import NotPermitted, PDUError, ResponseTimeout, SessionLost, SMPPError
from twisted_smpp.events import Violation
from twisted_smpp.matrix import BINDS
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.status import CommandStatus
from twisted_smpp.tap import Direction
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdu import PDU, RESPONSE_BIT, Response
from twisted_smpp.wire.pdus import EnquireLink, GenericNack, Unbind
from twisted_smpp.wire.tlvs import congestion_state

__all__ = ["Reply", "Visit"]

#: Where the numbers begin of requests that the session does not know of.
_FIRST_NUMBER = 0x10000
#: Responses and violations that are remembered.
_MOST_ANSWERS, _MOST_VIOLATIONS = 10_000, 100
#: Seconds given to a connection to close on its own.
_CLOSES_WITHIN = 5.0


class Reply(NamedTuple):
    """What came for one request.

    Attributes:
        request: what was asked.
        pdu: the response; the error when it cannot be read; None when none came.
        octets: the response on the wire.
        why: why there is none, in words that follow "The message centre ...".
        lost: whether the connection is gone.
        seconds: from the request to the response.
        number: the sequence_number of a response of the right kind that nobody asked for.
    """

    request: Any
    pdu: PDU | PDUError | None = None
    octets: bytes = b""
    why: str = ""
    lost: bool = False
    seconds: float = 0.0
    number: int | None = None

    @property
    def status(self) -> int | None:
        """The command_status, None without a response."""
        return self.pdu.command_status if isinstance(self.pdu, PDU) else None

    @property
    def status_name(self) -> str:
        """The command_status in words."""
        return "no status" if self.status is None else CommandStatus(self.status).name

    @property
    def nacked(self) -> bool:
        """Whether it is a generic_nack."""
        return isinstance(self.pdu, GenericNack)

    @property
    def fits(self) -> bool:
        """Whether it is the response of the command, or a generic_nack."""
        if not isinstance(self.pdu, PDU):
            return False
        return self.nacked or self.pdu.command_id == self.request.command_id | RESPONSE_BIT


class Visit:
    """One connection, from connect to close.

    Args:
        clock: an ``IReactorTime``.
        mode, version: of the bind.
        seconds: for each answer.

    Attributes:
        mode, version: as given.
        protocol: the protocol, None before the connection is made.
        bind_reply: what the message centre answered to the bind.
        heard: PDUs that came, of any kind.
        congestion: the highest congestion_state that a response had, None without one.
        violations: what the session layer noticed.
    """

    def __init__(self, clock: Any, mode: str, version: InterfaceVersion, seconds: float) -> None:
        self._clock = clock
        self.mode = mode
        self.version = version
        self.seconds = seconds
        self.protocol: SMPPProtocol | None = None
        self.bind_reply = Reply(None, why="did not answer")
        self.heard = 0
        self.congestion: int | None = None
        self.violations: deque[Violation] = deque(maxlen=_MOST_VIOLATIONS)
        self.settled: Deferred[None] = Deferred()
        self._numbers = count(_FIRST_NUMBER)
        #: What waits for an answer that the session does not know of, by its number.
        self._raw: dict[int, Deferred[None]] = {}
        #: The numbers of all requests, and the first response with each number.
        self._used: set[int] = set()
        self._answers: dict[int, tuple[PDU | PDUError, bytes, float]] = {}
        self._sent_at = 0.0
        self._lost: str | None = None
        self._waiting: list[Deferred[None]] = []
        self._unbound = False

    # What the factory tells.

    def connected(self, protocol: SMPPProtocol) -> None:
        """The connection is made."""
        self.protocol = protocol

    def bind_accepted(self, protocol: SMPPProtocol) -> None:
        """The session is bound."""
        self._take_bind_reply({})
        self._settle()

    def bind_failed(self, protocol: SMPPProtocol, error: BaseException) -> None:
        """It is not."""
        self._take_bind_reply(_reason(error, self.seconds))
        self._settle()

    def lost(self, protocol: SMPPProtocol, why: str) -> None:
        """The connection is gone."""
        self._lost = why
        self._settle()
        waiting, self._waiting = self._waiting, []
        for each in (*waiting, *self._raw.values()):
            _fire(each)

    def violated(self, protocol: SMPPProtocol, event: Violation) -> None:
        """The session noticed something; answers that only the probe waits for are none."""
        if event.sequence_number not in self._raw:
            self.violations.append(event)

    def saw(self, direction: Direction, pdu: PDU | PDUError, octets: bytes, time: float) -> None:
        """A PDU passes."""
        if direction == "sent":
            if isinstance(pdu, BINDS):
                self.bind_reply = Reply(pdu)
                self._sent_at = time
            return
        self.heard += 1
        if len(octets) < 16 or not octets[4] & 0x80:
            return
        number = int.from_bytes(octets[12:16], "big")
        if number not in self._answers and len(self._answers) < _MOST_ANSWERS:
            self._answers[number] = (pdu, octets, time)
        if isinstance(pdu, Response) and congestion_state in pdu.tlvs:
            self._saw_congestion(pdu)
        if number in self._raw:
            # The session has not seen it yet: who waits goes on behind it.
            self._clock.callLater(0, _fire, self._raw[number])

    def _saw_congestion(self, pdu: Response) -> None:
        value = pdu.tlvs.get(congestion_state)
        self.congestion = max(self.congestion or 0, int(value or 0))

    def _settle(self) -> None:
        if not self.settled.called:
            self.settled.callback(None)

    # What checks do.

    @property
    def bound(self) -> bool:
        """Whether requests may be sent."""
        return self.protocol is not None and self.protocol.bound and not self._unbound

    @property
    def why_lost(self) -> str:
        """Why the connection is gone, "" while it is there."""
        return self._lost or ""

    async def ask(self, request: Any, *, raw: bool = False) -> Reply:
        """Sends a request and awaits its response; never raises an SMPPError.

        Args:
            request: any PDU.
            raw: whether it goes to the transport although the session would not have it.
        """
        if self.protocol is None or self._lost is not None:
            return Reply(request, why="has closed the connection", lost=True)
        at = self._clock.seconds()
        why = await (self._ask_raw(request) if raw else self._ask_session(request))
        self._used.add(request.sequence_number)
        return self._reply(request, at, why)

    async def _ask_session(self, request: Any) -> dict[str, Any]:
        try:
            await self.protocol.request(request)  # type: ignore[union-attr]
            why = {}
        except SMPPError as error:
            why = _reason(error, self.seconds)
        # What the session has to say about the same PDU it says behind this.
        await deferLater(self._clock, 0)
        return why

    async def _ask_raw(self, request: Any) -> dict[str, Any]:
        number = request.sequence_number = next(self._numbers)
        came = self._raw[number] = Deferred()
        transport: Any = self.protocol.transport  # type: ignore[union-attr]
        transport.write(request.encode())
        came.addTimeout(self.seconds, self._clock)
        try:
            await came
        except DeferredTimeout:
            return {"why": f"did not answer within {self.seconds:g} s"}
        return {"why": "closed the connection instead of answering", "lost": True}

    def _reply(self, request: Any, at: float, why: dict[str, Any]) -> Reply:
        """The answer that has come to a request, or else why there is none."""
        found = self._answers.get(request.sequence_number)
        if found is None:
            return Reply(request, **why, number=self._stray(request))
        pdu, octets, time = found
        return Reply(request, pdu, octets, seconds=time - at)

    def _take_bind_reply(self, why: dict[str, Any]) -> None:
        request = self.bind_reply.request
        if request is not None:
            self._used.add(request.sequence_number)
            self.bind_reply = self._reply(request, self._sent_at, why)
        else:
            self.bind_reply = Reply(None, **why)

    def _stray(self, request: Any) -> int | None:
        """The number of a response that would have been the right one."""
        for number, (pdu, _, _) in self._answers.items():
            wanted = request.command_id | RESPONSE_BIT
            if number not in self._used and isinstance(pdu, PDU) and pdu.command_id == wanted:
                return number
        return None

    async def closes(self, seconds: float) -> bool:
        """Whether the connection is gone within so many seconds."""
        if self._lost is None and self.protocol is not None:
            gone: Deferred[None] = Deferred()
            self._waiting.append(gone)
            gone.addTimeout(seconds, self._clock)
            try:
                await gone
            except DeferredTimeout:
                self._waiting.remove(gone)
        return self._lost is not None

    async def lives(self, enquires: bool) -> bool:
        """Whether the session is still up.

        Args:
            enquires: whether the message centre is known to answer enquire_link; else it
                is only looked whether the connection closes in a second.
        """
        if not enquires:
            return not await self.closes(1.0)
        return (await self.ask(EnquireLink())).pdu is not None

    async def unbind(self) -> tuple[Reply, bool]:
        """Unbinds and leaves the closing to the message centre: the reply, whether it closed."""
        self._unbound = True
        reply = await self.ask(Unbind(), raw=True)
        return reply, await self.closes(min(self.seconds, _CLOSES_WITHIN))

    async def leave(self) -> None:
        """Ends it, in good order if it can be."""
        protocol = self.protocol
        if protocol is None or self._lost is not None:
            return
        await (protocol.abort() if self._unbound else protocol.unbind(drain=0.0))

    def abort(self) -> None:
        """Ends it at once."""
        if self.protocol is not None:
            self.protocol.abort()


def _fire(waiting: Deferred[None]) -> None:
    if not waiting.called:
        waiting.callback(None)


def _reason(error: BaseException, seconds: float) -> dict[str, Any]:
    """Why there is no response, as fields of a :class:`Reply`."""
    if isinstance(error, ResponseTimeout):
        return {"why": f"did not answer within {seconds:g} s"}
    if isinstance(error, SessionLost | NotPermitted):
        why = getattr(error, "reason", "")
        because = f" ({why})" if why.startswith("TLS: ") else ""
        return {"why": f"closed the connection instead of answering{because}", "lost": True}
    return {"why": f"could not be asked: {error}"}
