"""The control socket of the daemon: how it is doing, and other programs hand messages to an ESME.

One JSON object a line goes each way. What is answered ``stored`` is on the disk: it is sent,
whatever happens to the process. The file of the socket belongs to one user, and only that user
(and root) is heard; see ``docs/reference/control.md``.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from twisted_smpp.daemon.held import HeldMessages, Refused
from twisted_smpp.errors import SMPPError, StoreError
from twisted_smpp.esme import Message
from twisted_smpp.esme.outbox import Outbox

__all__ = [
    "Control",
    "ControlFactory",
    "ControlUnusable",
    "Refused",
    "StatusFactory",
    "listen",
    "peer_uid",
]

#: Octets of a line, its end not counted.
MOST_OCTETS = 65_536
#: Requests of one connection that may wait for their answers; then it is not read.
MOST_IN_FLIGHT = 1_000
#: Connections at a time.
MOST_CONNECTIONS = 100

#: The fields of a request for a message: what they have to be.
_FIELDS: dict[str, tuple[type, ...]] = {
    "to": (str,),
    "text": (str,),
    "source": (str,),
    "receipt": (bool,),
    "validity": (int, float),
    "key": (str,),
}
_WORDS = {str: "a string", bool: "true or false", int: "a number"}
_KNOWN = frozenset({*_FIELDS, "id"})


#: What Twisted says of the socket of a process that is alive.
_LOCKED = "Cannot acquire lock"


class ControlUnusable(Exception):
    """Nothing can listen at the path of a control socket; the text says why."""


def peer_uid(transport: Any) -> int:
    """The user of the process at the other end of a Unix socket."""
    credentials = transport.getHandle().getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
    )
    uid: int = struct.unpack("3i", credentials)[1]
    return uid


class Control(LineReceiver):
    """One connection."""

    delimiter = b"\n"
    MAX_LENGTH = MOST_OCTETS
    log = Logger()
    factory: StatusFactory

    def __init__(self) -> None:
        self._in_flight = 0
        self._is_full = False
        self.follows = False

    def connectionMade(self) -> None:
        """Twisted: somebody has connected; he may have to go at once."""
        transport: Any = self.transport
        uid = self.factory.uid_of(transport)
        if uid not in (os.getuid(), 0):
            self.log.warn("user {uid} may not control this process", uid=uid)
            transport.abortConnection()
        elif len(self.factory.connections) >= MOST_CONNECTIONS:
            self._send({"error": f"{MOST_CONNECTIONS} connections are open, no more are taken"})
            transport.loseConnection()
        else:
            self.factory.connections[self] = None
            transport.registerProducer(_Peer(self), True)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Twisted: it is gone; what was taken from it goes on."""
        self.factory.connections.pop(self, None)

    def lineReceived(self, line: bytes) -> None:
        """Twisted: one request."""
        if self not in self.factory.connections:
            return
        request: Any = None
        try:
            request = _object(line)
            self._do(request)
        except Refused as error:
            self._answer(request, {"error": str(error)})

    def lineLengthExceeded(self, line: bytes) -> None:
        """Twisted: nobody knows where the next request begins."""
        self._send({"error": f"a line has more than {MOST_OCTETS} octets"})
        self.transport.loseConnection()  # type: ignore[union-attr]

    def _do(self, request: dict[str, Any]) -> None:
        if request.get("status") is True:
            self._answer(request, {"status": self.factory.status()})
        elif not isinstance(self.factory, ControlFactory) or self.factory.held.concerns(request):
            self._in_flight += 1
            self._throttle()
            asked = maybeDeferred(self.factory.ask, request)
            asked.addCallbacks(partial(self._done, request), self._not_answered, (), {}, (request,))
        elif request.get("follow") is True:
            self.follows = True
            self._answer(request, {"follow": True})
        else:
            message = self.factory.send(request)
            self._in_flight += 1
            self._throttle()
            number = self.factory.outbox.number(message)
            message.stored.addCallbacks(
                self._stored, self._not_stored, (request, number), {}, (request,)
            )

    def _stored(self, _: Message, request: dict[str, Any], number: int) -> None:
        self._done(request, {"stored": True, "number": number})

    def _not_stored(self, failure: Failure, request: dict[str, Any]) -> None:
        self._done(request, {"error": failure.getErrorMessage()})

    def _not_answered(self, failure: Failure, request: dict[str, Any]) -> None:
        why = failure.getErrorMessage()
        if not failure.check(Refused, StoreError):
            self.log.failure("a request is not answered", failure)
            why = "it failed; the log says why"
        self._done(request, {"error": why})

    def _done(self, request: dict[str, Any], answer: dict[str, Any]) -> None:
        self._in_flight -= 1
        self._answer(request, answer)
        self._throttle()

    def _answer(self, request: Any, answer: dict[str, Any]) -> None:
        if isinstance(request, dict) and "id" in request:
            answer = {"id": request["id"], **answer}
        self._send(answer)

    def _send(self, answer: dict[str, Any]) -> None:
        self.sendLine(json.dumps(answer).encode())  # type: ignore[no-untyped-call]

    def tell(self, event: dict[str, Any]) -> None:
        """An event, for who follows; who does not read them has to go."""
        if self._is_full:
            self.log.warn("a follower does not read: its connection is closed")
            self.transport.abortConnection()  # type: ignore[union-attr]
        else:
            self._send(event)

    # How much is read.

    def full(self, is_full: bool) -> None:
        """Whether the other end leaves too much unread."""
        self._is_full = is_full
        self._throttle()

    def _throttle(self) -> None:
        has_to_wait = self._is_full or self._in_flight >= MOST_IN_FLIGHT
        if has_to_wait and not self.paused:
            self.pauseProducing()  # type: ignore[no-untyped-call]
        elif self.paused and not has_to_wait:
            self.resumeProducing()  # type: ignore[no-untyped-call]


class _Peer:
    """Twisted: what the transport pauses when the other end does not read."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def pauseProducing(self) -> None:
        """Too much is unread."""
        self._control.full(True)

    def resumeProducing(self) -> None:
        """There is room."""
        self._control.full(False)

    def stopProducing(self) -> None:
        """The connection is gone, which connectionLost tells."""


def listen(reactor: Any, path: str, factory: StatusFactory) -> Any:
    """Listens at a control socket; the ``IListeningPort``.

    Args:
        reactor: of the process.
        path: of the socket. What a killed process has left there is taken over.
        factory: of its connections.

    Raises:
        ControlUnusable: another process listens there, or the path cannot be used.
    """
    try:
        return reactor.listenUNIX(path, factory, mode=0o600, wantPID=True)
    except CannotListenError as error:
        is_in_use = error.socketError == _LOCKED
        why = "another process listens there" if is_in_use else _strerror(error.socketError)
    except OSError as error:
        why = _strerror(error)
    raise ControlUnusable(f"--control {path}: {why}")


def _strerror(error: Any) -> str:
    return getattr(error, "strerror", None) or str(error)


def _nothing_else(request: dict[str, Any]) -> Any:
    raise Refused('only {"status": true} is answered here')


class StatusFactory(ServerFactory):
    """Makes a :class:`Control` of each connection, which tells how the process is doing.

    Args:
        status: returns that, as an object of JSON.
        uid_of: returns the user at the other end of a transport.
        ask: returns the answer to any other request, or a Deferred of it; it may raise
            :class:`Refused`.
    """

    protocol: Any = Control
    noisy = False

    def __init__(
        self,
        status: Callable[[], dict[str, Any]],
        uid_of: Callable[[Any], int] = peer_uid,
        ask: Callable[[dict[str, Any]], Any] = _nothing_else,
    ) -> None:
        self.status = status
        self.ask = ask
        self.uid_of = uid_of
        self.connections: dict[Control, None] = {}


class ControlFactory(StatusFactory):
    """Makes a :class:`Control` of each connection, which takes messages.

    Args:
        link: an :class:`~twisted_smpp.esme.service.ESMEService` or
            :class:`~twisted_smpp.esme.pool.ESMEPool`.
        outbox: where it keeps messages.
        uid_of: returns the user at the other end of a transport.
        health: returns whether the process is well, as an object of JSON.
    """

    def __init__(
        self,
        link: Any,
        outbox: Outbox,
        uid_of: Callable[[Any], int] = peer_uid,
        health: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        #: Answers what is asked about messages whose outcome is unknown.
        self.held = HeldMessages(link, outbox)
        super().__init__(self._status, uid_of, self.held.ask)
        self._link = link
        self.outbox = outbox
        self._health = health

    def send(self, request: dict[str, Any]) -> Message:
        """The message of a request, on its way.

        Raises:
            Refused: it cannot be sent.
        """
        _check(request)
        seconds = request.get("validity")
        try:
            message: Message = self._link.send(
                request["to"],
                request["text"],
                source=request.get("source", ""),
                receipt=request.get("receipt", True),
                validity=None if seconds is None else timedelta(seconds=seconds),
                key=request.get("key"),
            )
        except (SMPPError, ValueError, OverflowError) as error:
            raise Refused(str(error)) from None
        self.watch(message)
        return message

    def watch(self, message: Message) -> None:
        """Followers are told what becomes of a message."""
        number = self.outbox.number(message)
        message.on_progress = lambda message: self._tell(message, number)

    def _tell(self, message: Message, number: int | None) -> None:
        if not any(each.follows for each in self.connections):
            return
        event = _event(message, number)
        settled = self.outbox.settled()
        if settled is None:
            self._tell_followers(None, event)
        else:
            # What a follower has heard of stays true when the process is killed now.
            settled.addCallbacks(self._tell_followers, self._not_settled, (event,))

    def _tell_followers(self, _: object, event: dict[str, Any]) -> None:
        for each in [each for each in self.connections if each.follows]:
            each.tell(event)

    def _not_settled(self, failure: Failure) -> None:
        """The store has failed, which ends the process; what is not written is not told."""
        failure.trap(SMPPError)

    def _status(self) -> dict[str, Any]:
        """Whether all is well, and the figures of each link, by its name."""
        figures = self._link.figures()
        links = figures if isinstance(figures, dict) else {"1": figures}
        return {
            **self._health(),
            "parts": len(self.outbox),
            "held": self._link.held,
            "recovered": self.outbox.recovered,
            "put_aside": getattr(self.outbox.store, "put_aside", 0),
            "links": {name: asdict(each) for name, each in links.items()},
        }


def _event(message: Message, number: int | None) -> dict[str, Any]:
    progress, error = message.progress, message.error
    event: dict[str, Any] = {
        "number": number,
        "to": message.destination,
        "progress": progress.name.lower(),
        "final": progress.final and all(part.progress.final for part in message.parts),
        "parts": len(message.parts),
        "message_ids": message.message_ids,
        "possible_duplicates": message.possible_duplicates,
    }
    if message.key is not None:
        event["key"] = message.key
    if error is not None:
        event["error"] = str(error)
    return event


def _object(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise Refused("a line is no JSON") from None
    if not isinstance(request, dict):
        raise Refused("a line is no JSON object")
    return request


def _check(request: dict[str, Any]) -> None:
    for name in request:
        if name not in _KNOWN:
            raise Refused(f"{ascii(name)[:40]}: there is no such field")
    for name in ("to", "text"):
        if name not in request:
            raise Refused(f"{name} is needed")
    for name, value in request.items():
        kinds = _FIELDS.get(name)
        is_bool = isinstance(value, bool)
        if kinds and not (isinstance(value, kinds) and is_bool is (kinds == (bool,))):
            raise Refused(f"{name} has to be {_WORDS[kinds[0]]}")
