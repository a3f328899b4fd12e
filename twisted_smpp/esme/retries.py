"""What to do with a message that the message centre did not take, by its status.

Four classes, as gateways have come to know them: the link is too fast; the message has a
chance later; the session is at fault, not the message; the message has no chance. A status
that is not listed, a vendor's or a reserved one, is tried a few times: to give up at once
loses messages, to go on for ever holds up the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from twisted_smpp.status import CommandStatus

__all__ = ["CLASSES", "Retries", "RetryClass"]

S = CommandStatus


class RetryClass(Enum):
    """What a status says about the next attempt.

    ``BACK_PRESSURE``: the link slows down, and the message waits in its place;
    ``TEMPORARY``: the message is tried again later; ``SESSION``: it is tried again at once,
    a few times; ``PERMANENT``: it has failed; ``UNLISTED``: tried again later, a few times.
    """

    BACK_PRESSURE = "back-pressure"
    TEMPORARY = "temporary"
    SESSION = "session"
    PERMANENT = "permanent"
    UNLISTED = "unlisted"


#: The class of each status.
CLASSES: Mapping[int, RetryClass] = MappingProxyType(
    {
        **dict.fromkeys([S.ESME_RTHROTTLED, S.ESME_RMSGQFUL], RetryClass.BACK_PRESSURE),
        **dict.fromkeys(
            [
                S.ESME_RSYSERR,
                S.ESME_RX_T_APPN,
                S.ESME_RSUBMITFAIL,
                S.ESME_RDELIVERYFAILURE,
                S.ESME_RUNKNOWNERR,
                S.ESME_RSERTYPUNAVAIL,
            ],
            RetryClass.TEMPORARY,
        ),
        **dict.fromkeys(
            [S.ESME_RINVBNDSTS, S.ESME_RINVCMDLEN, S.ESME_RINVCMDID], RetryClass.SESSION
        ),
        **dict.fromkeys(
            [
                S.ESME_RINVMSGLEN,
                S.ESME_RINVPRTFLG,
                S.ESME_RINVREGDLVFLG,
                S.ESME_RINVSRCADR,
                S.ESME_RINVDSTADR,
                S.ESME_RINVMSGID,
                S.ESME_RINVSERTYP,
                S.ESME_RINVNUMDESTS,
                S.ESME_RINVDLNAME,
                S.ESME_RINVDESTFLAG,
                S.ESME_RINVSUBREP,
                S.ESME_RINVESMCLASS,
                S.ESME_RCNTSUBDL,
                S.ESME_RINVSRCTON,
                S.ESME_RINVSRCNPI,
                S.ESME_RINVDSTTON,
                S.ESME_RINVDSTNPI,
                S.ESME_RINVREPFLAG,
                S.ESME_RINVNUMMSGS,
                S.ESME_RINVSCHED,
                S.ESME_RINVEXPIRY,
                S.ESME_RINVDFTMSGID,
                S.ESME_RX_P_APPN,
                S.ESME_RX_R_APPN,
                S.ESME_RINVOPTPARSTREAM,
                S.ESME_ROPTPARNOTALLWD,
                S.ESME_RINVPARLEN,
                S.ESME_RMISSINGOPTPARAM,
                S.ESME_RINVOPTPARAMVAL,
                S.ESME_RSERTYPUNAUTH,
                S.ESME_RPROHIBITED,
                S.ESME_RSERTYPDENIED,
                S.ESME_RINVDCS,
                S.ESME_RINVSRCADDRSUBUNIT,
                S.ESME_RINVDSTADDRSUBUNIT,
            ],
            RetryClass.PERMANENT,
        ),
    }
)


@dataclass(frozen=True)
class Retries:
    """How often and when a message is tried again.

    Attributes:
        classes: the class of a status, where it is to be another than in :data:`CLASSES`.
        delays: seconds before the next attempt after the first, second, ... temporary
            refusal; the last one goes on.
        attempts: how often a message may be refused for the time being.
        unlisted_attempts: how often with a status that is not listed.
        session_attempts: how often a session may be at fault before it is the message.
        unknown_resends: how often a message whose outcome is unknown is sent again.

    Raises:
        ValueError: a number is too small, there are no delays, or a class is none.
    """

    classes: Mapping[int, RetryClass] = field(default_factory=dict)
    delays: tuple[float, ...] = (5.0, 30.0, 120.0, 600.0, 1800.0)
    attempts: int = 20
    unlisted_attempts: int = 5
    session_attempts: int = 3
    unknown_resends: int = 3

    def __post_init__(self) -> None:
        for status, kind in self.classes.items():
            if not isinstance(kind, RetryClass):
                raise ValueError(f"classes: {status:#x}: {kind!r} is none of RetryClass")
        if not self.delays or min(self.delays) < 1:
            raise ValueError(f"delays: {self.delays!r}, at least one of 1 s or more is needed")
        for name in ("attempts", "unlisted_attempts", "session_attempts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)}, at least 1 is needed")
        if self.unknown_resends < 0:
            raise ValueError(f"unknown_resends: {self.unknown_resends}, at least 0 is needed")

    def class_of(self, command_status: int) -> RetryClass:
        """What a status says about the next attempt."""
        found = self.classes.get(command_status)
        return found or CLASSES.get(command_status, RetryClass.UNLISTED)

    def most_attempts(self, kind: RetryClass) -> int:
        """How often a message may be refused like that."""
        if kind is RetryClass.TEMPORARY:
            return self.attempts
        return self.session_attempts if kind is RetryClass.SESSION else self.unlisted_attempts

    def delay(self, refusals: int) -> float:
        """Seconds before the next attempt.

        Args:
            refusals: how often it was refused, from 1.
        """
        return self.delays[min(refusals, len(self.delays)) - 1]
