"""What an account may ask for, from which addresses, to which, and how often."""

from __future__ import annotations

from typing import Any

from twisted_smpp.errors import RequestRefused
from twisted_smpp.smsc.accounts import AccountSettings
from twisted_smpp.status import CommandStatus
from twisted_smpp.tokens import TokenBucket
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.lists import SMEAddress
from twisted_smpp.wire.pdus import SubmitMulti

__all__ = ["Policy"]

_BROADCASTS = ("broadcast_sm", "query_broadcast_sm", "cancel_broadcast_sm")
_FROM_SOMEBODY = frozenset({"submit_sm", "submit_multi", "data_sm", "broadcast_sm"})
_TO_SOMEBODY = frozenset({"submit_sm", "data_sm"})


class Policy:
    """The rules of one account, for all its sessions together.

    Args:
        settings: of the account.
        now: the time, in seconds.

    Attributes:
        settings: those in force; :meth:`change` gives it others.
    """

    def __init__(self, settings: AccountSettings, now: float) -> None:
        self._bucket: TokenBucket | None = None
        self.change(settings, now)

    def change(self, settings: AccountSettings, now: float) -> None:
        """Goes on with other settings; what is left of the rate is kept."""
        self.settings = settings
        if settings.rate is None:
            self._bucket = None
            return
        burst = max(1.0, settings.rate) if settings.burst is None else settings.burst
        if self._bucket is None:
            self._bucket = TokenBucket(settings.rate, burst, now)
        else:
            self._bucket.slow_down(settings.rate, now)
            self._bucket.burst = burst

    def refusal(self, request: Any, version: int, now: float, *, each: bool = False) -> int:
        """The status that a request is refused with, ESME_ROK if it is not.

        The rate comes first, so that what is too much costs next to nothing. Every request
        takes of it, and submit_multi as many times as it has destinations.

        Args:
            request: the PDU.
            version: the SMPP version in use: before 5.0 there is no ESME_RPROHIBITED.
            now: the time, in seconds.
            each: whether the caller asks :meth:`refusal_of_destination` for every
                destination of a submit_multi; else it is refused when one of them is.
        """
        multi = request.__class__ is SubmitMulti
        bucket = self._bucket
        count = max(1, len(request.dest_address)) if multi else 1
        if bucket is not None and not bucket.take(now, count):
            return CommandStatus.ESME_RTHROTTLED
        settings = self.settings
        command = "broadcast_sm" if request.command in _BROADCASTS else request.command
        if settings.operations is not None and command not in settings.operations:
            if version < InterfaceVersion.V5_0:
                return CommandStatus.ESME_RINVCMDID
            return CommandStatus.ESME_RPROHIBITED
        if request.command in _FROM_SOMEBODY and request.source_addr not in settings.sources:
            return CommandStatus.ESME_RINVSRCADR
        return self._refusal_of_destinations(request, multi and not each)

    def _refusal_of_destinations(self, request: Any, all_of_them: bool) -> int:
        if request.command in _TO_SOMEBODY:
            return self.refusal_of_destination(request.destination_addr)
        if all_of_them:
            for one in request.dest_address:
                if isinstance(one, SMEAddress) and (
                    status := self.refusal_of_destination(one.destination_addr)
                ):
                    return status
        return CommandStatus.ESME_ROK

    def refusal_of_destination(self, address: str) -> int:
        """The status that one destination is refused with, ESME_ROK if it is not."""
        if address in self.settings.destinations:
            return CommandStatus.ESME_ROK
        return CommandStatus.ESME_RINVDSTADR

    def check(self, request: Any, version: int, now: float, *, each: bool = False) -> None:
        """As :meth:`refusal`, for those who prefer an exception.

        Raises:
            RequestRefused: with that status.
        """
        status = self.refusal(request, version, now, each=each)
        if status:
            raise RequestRefused(status)
