"""The states of a session and its two sides (SMPP 5.0, 2.3; SMPP 3.4, 2.2)."""

from __future__ import annotations

from enum import Enum

__all__ = ["BOUND", "CONNECTED", "Role", "State"]


class State(Enum):
    """Where a session is. Both sides are always in the same one."""

    CLOSED = "no network connection"
    OPEN = "connected, no bind accepted yet"
    OUTBOUND = "the message centre has sent outbind"
    BOUND_TX = "bound as transmitter"
    BOUND_RX = "bound as receiver"
    BOUND_TRX = "bound as transceiver"
    UNBOUND = "unbind was answered, the connection is about to close"


class Role(Enum):
    """The side of a session that somebody is on."""

    ESME = "ESME"
    MC = "MC"

    @property
    def peer(self) -> Role:
        """The other side."""
        return Role.MC if self is Role.ESME else Role.ESME


BOUND = (State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX)
CONNECTED = (State.OPEN, State.OUTBOUND, *BOUND, State.UNBOUND)
