"""The factories: settings of a session, and what a role does at bind and end.

:class:`ESMEFactory` binds as soon as it is connected; :class:`SMSCFactory` is asked to
accept binds; :class:`ReconnectingESMEFactory` is for code that still uses
``reactor.connectTCP``. For a service that stays bound see
:class:`twisted_smpp.esme.ESMEService`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory, Protocol, ReconnectingClientFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_smpp.events import LateResponse, Timers, Violation
from twisted_smpp.protocol import Answer, SMPPProtocol
from twisted_smpp.session import Session
from twisted_smpp.states import Role
from twisted_smpp.status import CommandStatus
from twisted_smpp.tap import Tap
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.framing import MAX_PDU
from twisted_smpp.wire.pdu import Request
from twisted_smpp.wire.pdu import decoders as usual_decoders
from twisted_smpp.wire.pdus import BindReceiver, BindTransceiver, BindTransmitter

__all__ = [
    "BIND_MODES",
    "ESMEFactory",
    "OnRequest",
    "ReconnectingESMEFactory",
    "SMPPFactory",
    "SMSCFactory",
]

#: An application: called with the protocol and the request, returns an answer.
OnRequest = Callable[[SMPPProtocol, Any], Answer]

BIND_MODES: dict[str, type[BindReceiver] | type[BindTransmitter] | type[BindTransceiver]] = {
    "transmitter": BindTransmitter,
    "receiver": BindReceiver,
    "transceiver": BindTransceiver,
}


def refuse(protocol: SMPPProtocol, request: Request[Any]) -> int:
    """The application that there is when none was given: it refuses, so nothing is lost."""
    if protocol.session.role is Role.ESME:
        return CommandStatus.ESME_RX_T_APPN
    return CommandStatus.ESME_RSYSERR


class SMPPFactory(Factory):
    """What all sessions of one kind share.

    Args:
        on_request: called as ``on_request(protocol, request)`` for every message of the
            peer. Returns a response, a command_status, None for ESME_ROK, or a Deferred
            or coroutine of one. Raising
            :class:`~twisted_smpp.errors.RequestRefused` chooses the status; any other
            exception is logged and answered ESME_RSYSERR (ESME_RX_T_APPN to a delivery).
        on_bound: called with the protocol when a bind was accepted.
        on_lost: called with the protocol and the reason, in words, when a connection
            ended, bound or not.
        on_late_response: called with the protocol and a
            :class:`~twisted_smpp.session.LateResponse`.
        on_violation: called with the protocol and a
            :class:`~twisted_smpp.events.Violation` when the peer broke the rules.
        clock: an ``IReactorTime``; None for the global reactor.
        window: requests of ours that may wait for their responses.
        max_waiting: requests that may wait for a place in the window.
        max_unanswered: requests of the peer that the application may still owe an answer;
            at so many the peer is not read.
        timers: the deadlines of the session.
        answer_timeout: seconds an application has for a later answer.
        write_timeout: seconds a peer has to read what was written, or a KiB of it as long as
            the transport is not full.
        drain: seconds that :meth:`SMPPProtocol.unbind` waits for what is in flight.
        interface_version: the newest version spoken.
        max_pdu: the longest PDU accepted, in octets.
        taps: see :mod:`twisted_smpp.tap`.
        decoders: returns for a version what decodes each command_id; None for
            :func:`twisted_smpp.wire.pdu.decoders`.
    """

    role: Role
    log = Logger()
    noisy = False
    protocol: Any = SMPPProtocol
    timers = Timers()

    def __init__(
        self,
        *,
        on_request: OnRequest = refuse,
        on_bound: Callable[[SMPPProtocol], object] | None = None,
        on_lost: Callable[[SMPPProtocol, str], object] | None = None,
        on_late_response: Callable[[SMPPProtocol, LateResponse], object] | None = None,
        on_violation: Callable[[SMPPProtocol, Violation], object] | None = None,
        clock: IReactorTime | None = None,
        window: int = 10,
        max_waiting: int = 1000,
        max_unanswered: int = 100,
        timers: Timers | None = None,
        answer_timeout: float = 10.0,
        write_timeout: float = 30.0,
        drain: float = 30.0,
        interface_version: InterfaceVersion = InterfaceVersion.V5_0,
        max_pdu: int = MAX_PDU,
        taps: list[Tap] | None = None,
        decoders: Callable[[InterfaceVersion], Mapping[int, Any]] | None = None,
    ) -> None:
        waits = {"answer_timeout": answer_timeout, "write_timeout": write_timeout, "drain": drain}
        _check({"window": window, "max_unanswered": max_unanswered}, waits)
        if clock is None:
            from twisted.internet import reactor

            clock = IReactorTime(reactor)
        self.on_request = on_request
        self.on_bound = on_bound
        self.on_lost = on_lost
        self.on_late_response = on_late_response
        self.on_violation = on_violation
        self.clock = clock
        self.window = window
        self.max_waiting = max_waiting
        self.max_unanswered = max_unanswered
        self.timers = timers or self.timers
        self.answer_timeout = answer_timeout
        self.write_timeout = write_timeout
        self.drain = drain
        self.interface_version = interface_version
        self.max_pdu = max_pdu
        #: The protocols that are connected, bound or not.
        self.connections: set[SMPPProtocol] = set()
        self.taps: list[Tap] = taps if taps is not None else []
        self._decoders = decoders or usual_decoders

    def make_session(self, now: float) -> Session:
        """The session of a new connection."""
        return Session(
            self.role,
            now=now,
            version=self.interface_version,
            window=self.window,
            timers=self.timers,
            max_pdu=self.max_pdu,
            decoders=self._decoders,
        )

    # What the protocol tells.

    def connected(self, protocol: SMPPProtocol) -> None:
        """A connection was made."""
        self.connections.add(protocol)

    def on_bind(self, protocol: SMPPProtocol, request: Any) -> Answer:
        """The peer wants to bind; answered like any request."""
        return CommandStatus.ESME_RBINDFAIL

    def bound(self, protocol: SMPPProtocol) -> None:
        """A bind was accepted."""
        self._tell(self.on_bound, protocol)

    def disconnected(self, protocol: SMPPProtocol, why: str) -> None:
        """A connection ended."""
        self.connections.discard(protocol)
        self._tell(self.on_lost, protocol, why)

    def drained(self, protocol: SMPPProtocol) -> None:
        """A transport that was full is empty again."""
        self._tell(protocol.on_drained)

    def late_response(self, protocol: SMPPProtocol, event: LateResponse) -> None:
        """A response came after its request was given up."""
        if protocol._may_log():
            self.log.info("{peer}: a response came too late", peer=protocol.peer)
        self._tell(getattr(event.pending.context, "late", None), event)
        self._tell(self.on_late_response, protocol, event)

    def violation(self, protocol: SMPPProtocol, event: Violation) -> None:
        """The peer said something it should not have."""
        self._tell(self.on_violation, protocol, event)

    def _tell(self, callback: Callable[..., object] | None, *values: Any) -> None:
        """Calls the application; what it raises is its own affair and ends nothing."""
        if callback is None:
            return
        try:
            callback(*values)
        except Exception:
            self.log.failure("a callback of the application failed")


def _check(counts: Mapping[str, int], waits: Mapping[str, float]) -> None:
    """
    Raises:
        ValueError: one of the counts or seconds is too small.
    """
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} is {count}, at least 1 is needed")
    for name, seconds in waits.items():
        if not seconds > 0:
            raise ValueError(f"{name} is {seconds!r}, more than 0 seconds are needed")


class ESMEFactory(SMPPFactory):
    """Connections that bind to a message centre.

    Args:
        system_id, system_type, address_range, addr_ton, addr_npi: of the bind.
        password: of the bind, or a function that returns it and is called for each bind.
        bind: ``"transceiver"``, ``"transmitter"`` or ``"receiver"``.
        on_refused: called with the protocol and the
            :class:`~twisted_smpp.errors.SMPPError` when a bind failed; the connection
            is closed afterwards.
        settings: those of :class:`SMPPFactory`.
    """

    role = Role.ESME

    def __init__(
        self,
        system_id: str,
        password: str | Callable[[], str] = "",
        *,
        bind: str = "transceiver",
        system_type: str = "",
        address_range: str = "",
        addr_ton: int = 0,
        addr_npi: int = 0,
        interface_version: InterfaceVersion = InterfaceVersion.V3_4,
        on_refused: Callable[[SMPPProtocol, BaseException], object] | None = None,
        **settings: Any,
    ) -> None:
        if bind not in BIND_MODES:
            raise ValueError(f"bind is {bind!r}, not one of {', '.join(BIND_MODES)}")
        super().__init__(interface_version=interface_version, **settings)
        self.on_refused = on_refused
        self._bind = {
            "system_id": system_id,
            "system_type": system_type,
            "address_range": address_range,
            "addr_ton": addr_ton,
            "addr_npi": addr_npi,
            "interface_version": int(interface_version),
        }
        self._password = password
        self._bind_class: Any = BIND_MODES[bind]
        if InterfaceVersion.of(interface_version) not in self._bind_class.versions:
            raise ValueError(f"bind as {bind} is not part of SMPP {interface_version.text}")
        # A value that cannot be sent is a mistake of the caller: he hears of it here.
        self.bind_request().encode()

    def bind_request(self) -> Request[Any]:
        """The bind that is sent on a new connection."""
        password = self._password() if callable(self._password) else self._password
        return self._bind_class(password=password, **self._bind)  # type: ignore[no-any-return]

    def connected(self, protocol: SMPPProtocol) -> None:
        """Binds."""
        super().connected(protocol)
        try:
            bind = self.bind_request()
        except Exception as error:  # of the function that knows the password
            self.refused(protocol, error)
            protocol.unbind()
            return

        def accepted(_: object) -> None:
            protocol.bind_request = bind
            self.bound(protocol)
            protocol._rearm_sooner()

        def refused(failure: Failure) -> None:
            self.refused(protocol, failure.value)
            protocol.unbind()

        protocol.request(bind).addCallbacks(accepted, refused).addErrback(protocol._broken)

    def refused(self, protocol: SMPPProtocol, error: BaseException | None) -> None:
        """The message centre did not accept the bind, or the connection broke before."""
        if self.on_refused is None:
            self.log.error("{peer}: {error}", peer=protocol.peer, error=str(error))
        self._tell(self.on_refused, protocol, error)


class ReconnectingESMEFactory(ESMEFactory, ReconnectingClientFactory):  # type: ignore[misc]
    """For ``reactor.connectTCP(host, port, ReconnectingESMEFactory(...))``.

    Connects again with growing delays; a bind that was accepted resets them.
    ``stopTrying()`` ends it.
    """

    maxDelay = 60

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.continueTrying = True

    def bound(self, protocol: SMPPProtocol) -> None:
        """A bind was accepted: the next loss is retried soon."""
        trying = self.continueTrying
        self.resetDelay()  # type: ignore[no-untyped-call]
        self.continueTrying = trying  # stopTrying() while it was binding still counts
        super().bound(protocol)


class Unwanted(Protocol):
    """A connection that is cut as soon as it is made."""

    def connectionMade(self) -> None:
        """Twisted: the connection is there."""
        # Under TLS the factory cannot do it itself by making no protocol.
        cast(Any, self.transport).abortConnection()


class SMSCFactory(SMPPFactory):
    """Connections of ESMEs to a message centre.

    Args:
        on_bind: called as ``on_bind(protocol, request)`` with a bind request; answers
            like ``on_request``, so that ESME_ROK accepts it.
        admits: called with the address of a new connection; False cuts it at once. None
            admits all.
        on_connected: called with the protocol when a connection was made.
        settings: those of :class:`SMPPFactory`. The bind timer is 5 s here.
    """

    role = Role.MC
    timers = Timers(bind=5.0)

    def __init__(
        self,
        on_bind: OnRequest,
        *,
        admits: Callable[[Any], bool] | None = None,
        on_connected: Callable[[SMPPProtocol], object] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self._on_bind = on_bind
        self._admits = admits
        self._on_connected = on_connected

    def buildProtocol(self, addr: Any) -> Any:
        """Twisted: the protocol of a new connection."""
        if self._admits is not None and not self._admits(addr):
            return Unwanted()
        return self.build_calling(addr)

    def build_calling(self, addr: Any) -> Any:
        """The protocol of a connection that is made from here, for an outbind.

        Args:
            addr: of the peer; ``admits`` is not asked.
        """
        return super().buildProtocol(addr)

    def connected(self, protocol: SMPPProtocol) -> None:
        """A connection was made."""
        super().connected(protocol)
        self._tell(self._on_connected, protocol)

    def on_bind(self, protocol: SMPPProtocol, request: Any) -> Answer:
        """Asks whether a bind is accepted."""
        return self._on_bind(protocol, request)
