"""Every exception of the package, and what a peer is told for each.

::

    SMPPError                        command_status: what a peer is answered; fatal: the link closes
    ├ PDUError (ValueError)          octets or values that are not a PDU
    │  ├ FieldError                  field, reason; the status made for that field
    │  ├ UnknownCommand              ESME_RINVCMDID, by generic_nack
    │  └ FramingError                ESME_RINVCMDLEN; fatal: PDU boundaries are lost
    ├ SessionError
    │  ├ NotPermitted                command_id, state; ESME_RINVBNDSTS
    │  ├ WindowFull                  local only: too many requests wait already
    │  └ SessionLost                 reason; the outcome of the request is unknown
    ├ ResponseTimeout (TimeoutError) request; the outcome is unknown
    ├ RequestRefused                 request, response: the peer said no
    │  ├ BindRefused
    │  ├ Throttled                   ESME_RTHROTTLED, ESME_RMSGQFUL
    │  └ Nacked                      answered by generic_nack
    └ StoreError                     path, reason; what must outlive the process
       ├ StoreFull                   ESME_RMSGQFUL; there is no room, it goes on by itself
       ├ StoreFailed                 it could not be written; nothing more is taken
       ├ StoreInUse                  another process has it
       └ StoreDamaged                the file is damaged, foreign, or of a newer version

Nothing else leaves the wire layer, whatever a peer sends. No message of an exception
contains a password or the text of a short message.
"""

from __future__ import annotations

from typing import Any

from twisted_smpp.status import CommandStatus

__all__ = [
    "BindRefused",
    "FieldError",
    "FramingError",
    "Nacked",
    "NotPermitted",
    "PDUError",
    "RequestRefused",
    "ResponseTimeout",
    "SMPPError",
    "SessionError",
    "SessionLost",
    "StoreDamaged",
    "StoreError",
    "StoreFailed",
    "StoreFull",
    "StoreInUse",
    "Throttled",
    "UnknownCommand",
    "WindowFull",
]


class SMPPError(Exception):
    """Base of all errors of this package.

    Attributes:
        command_status: the status that a peer is answered when its request caused this.
        fatal: whether the connection cannot go on.
    """

    command_status: int = CommandStatus.ESME_RSYSERR
    fatal: bool = False


class PDUError(SMPPError, ValueError):
    """Octets that are not a PDU, or values that cannot become one."""

    command_status: int = CommandStatus.ESME_RINVCMDLEN


class FieldError(PDUError):
    """One mandatory parameter or TLV is wrong.

    Attributes:
        field: its name in the standard.
        reason: what is wrong with it, with the limit that it breaks.
    """

    def __init__(
        self, field: str, reason: str, command_status: int = CommandStatus.ESME_RINVPARLEN
    ) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.command_status = command_status


class UnknownCommand(PDUError):
    """A command_id that is not known, or not part of the version in use."""

    command_status: int = CommandStatus.ESME_RINVCMDID

    def __init__(self, command_id: int) -> None:
        super().__init__(f"unknown command_id {command_id:#010x}")
        self.command_id = command_id


class FramingError(PDUError):
    """A command_length that no PDU has: where the next PDU starts is unknown.

    Attributes:
        sequence_number: that of the offending header, or 0 when it was not read.
    """

    fatal: bool = True

    def __init__(self, reason: str, sequence_number: int = 0) -> None:
        super().__init__(reason)
        self.sequence_number = sequence_number


class SessionError(SMPPError):
    """The conversation does not allow what was asked."""


class NotPermitted(SessionError):
    """The operation is not allowed in the present session state.

    Attributes:
        command_id: of the PDU.
        state: the name of the state.
    """

    command_status: int = CommandStatus.ESME_RINVBNDSTS

    def __init__(self, command: str, command_id: int, state: str) -> None:
        super().__init__(f"{command} is not permitted in state {state}")
        self.command_id = command_id
        self.state = state


class WindowFull(SessionError):
    """The window is full and no more requests may wait for a place in it."""

    command_status: int = CommandStatus.ESME_RTHROTTLED


class SessionLost(SessionError):
    """The connection ended before the response came: the outcome is unknown.

    Attributes:
        reason: why, in words.
        sent: whether the request had been sent; if not, the peer never saw it.
    """

    def __init__(self, reason: str, *, sent: bool = True) -> None:
        super().__init__(f"{reason}; the outcome is unknown" if sent else reason)
        self.reason = reason
        self.sent = sent


class ResponseTimeout(SMPPError, TimeoutError):
    """No response came in time: the outcome is unknown.

    Attributes:
        request: the request PDU.
    """

    def __init__(self, request: Any, seconds: float) -> None:
        super().__init__(f"no response to {request!r} within {seconds:g} s")
        self.request = request


class RequestRefused(SMPPError):
    """The peer answered with a command_status that is not ESME_ROK.

    An application raises it itself to choose the status of its answer:
    ``raise RequestRefused(CommandStatus.ESME_RINVDSTADR)``.

    Attributes:
        command_status: what the peer said.
        request, response: the two PDUs; None when an application raised this.
    """

    def __init__(
        self,
        command_status: int,
        text: str = "",
        *,
        request: Any = None,
        response: Any = None,
    ) -> None:
        status = CommandStatus(command_status)
        what = f"{request.command} refused: " if request is not None else ""
        super().__init__(f"{what}{status.name} ({text or status.description})")
        self.command_status = int(command_status)
        self.request = request
        self.response = response

    @classmethod
    def from_response(cls, request: Any, response: Any) -> RequestRefused:
        """The right class of refusal for a response that is not ESME_ROK."""
        kind: type[RequestRefused] = RequestRefused
        if response.command == "generic_nack":
            kind = Nacked
        elif request.command.startswith("bind_"):
            kind = BindRefused
        elif response.command_status in Throttled.statuses:
            kind = Throttled
        return kind(response.command_status, request=request, response=response)


class BindRefused(RequestRefused):
    """The message centre refused a bind."""


class Throttled(RequestRefused):
    """The peer asks for patience; the request may be sent again later."""

    statuses = frozenset({CommandStatus.ESME_RTHROTTLED, CommandStatus.ESME_RMSGQFUL})


class Nacked(RequestRefused):
    """The peer answered with generic_nack: it did not understand the request."""


class StoreError(SMPPError):
    """A store of messages cannot do what it was asked.

    Attributes:
        path: of its file; empty when there is none.
        reason: why, in words.
        exit_code: what a daemon ends with that cannot start because of this, as in
            ``sysexits.h``.
    """

    exit_code = 74

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"store {path}: {reason}" if path else f"store: {reason}")
        self.path = path
        self.reason = reason


class StoreFull(StoreError):
    """There is no room for a new record; that may change."""

    command_status = CommandStatus.ESME_RMSGQFUL


class StoreFailed(StoreError):
    """The store could not be written, or has been closed: it takes nothing more."""


class StoreInUse(StoreError):
    """Another process has opened the store."""

    exit_code = 75


class StoreDamaged(StoreError):
    """The file is damaged, is no store, or was written by a newer version of this package."""

    exit_code = 78
