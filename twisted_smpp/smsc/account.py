"""The account that there is when an application has none of its own.

It accepts messages, gives each an id and, when one is asked for, answers with a receipt
that says DELIVRD. Nothing is delivered anywhere and nothing outlives the process: it is
there to try an ESME against.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from twisted_smpp.errors import RequestRefused
from twisted_smpp.interfaces import IAccount
from twisted_smpp.protocol import Answer, SMPPProtocol
from twisted_smpp.smsc.receipts import Receipts
from twisted_smpp.status import CommandStatus
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.values import EsmClass, InterfaceVersion, MessageState, RegisteredDelivery
from twisted_smpp.wire.lists import SMEAddress
from twisted_smpp.wire.tlvs import message_payload

__all__ = ["Account", "AccountRealm"]


class MessageIds:
    """Ids that do not repeat: a counter from a random start, in hexadecimal."""

    def __init__(self, random: random.Random) -> None:
        self._next = random.getrandbits(64)

    def make(self, version: InterfaceVersion) -> str:
        """16 characters; 8 for a peer of 3.3, which cannot take more."""
        self._next = (self._next + 1) & 0xFFFFFFFFFFFFFFFF
        digits = f"{self._next:016x}"
        return digits[-8:] if version < InterfaceVersion.V3_4 else digits


@implementer(IAccount)
class Account:
    """One customer, with all its sessions.

    Args:
        clock: an ``IReactorTime``.
        ids: where message ids come from.
        now: returns the present local time, for receipts.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        ids: MessageIds,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._ids = ids
        self._now = now
        self._sessions: list[SMPPProtocol] = []
        self._receipts = Receipts(clock, self._sessions)

    def bind(self, session: SMPPProtocol, request: Any) -> Answer:
        """Accepts every kind of bind."""
        return None

    def bound(self, session: SMPPProtocol) -> None:
        """Sends the receipts that waited for a receiver."""
        self._sessions.append(session)
        self._receipts.go_on()

    def unbound(self, session: SMPPProtocol, reason: str) -> None:
        """One session less."""
        self._sessions.remove(session)
        if not self._sessions:
            self._receipts.pause()

    def submit_sm(self, session: SMPPProtocol, request: Any) -> Answer:
        """Accepts a message and gives it an id."""
        check_message(request)
        message_id = self._ids.make(session.session.version)
        self._receipt(request, message_id, _address(request))
        return request.answer(message_id=message_id)  # type: ignore[no-any-return]

    data_sm = submit_sm

    def submit_multi(self, session: SMPPProtocol, request: Any) -> Answer:
        """Accepts a message to addresses; it knows no distribution lists."""
        check_message(request)
        if not all(isinstance(each, SMEAddress) for each in request.dest_address):
            return CommandStatus.ESME_RINVDLNAME
        message_id = self._ids.make(session.session.version)
        for each in request.dest_address:
            self._receipt(request, message_id, each)
        return request.answer(message_id=message_id)  # type: ignore[no-any-return]

    def query_sm(self, session: SMPPProtocol, request: Any) -> Answer:
        """It keeps no messages."""
        return CommandStatus.ESME_RQUERYFAIL

    def cancel_sm(self, session: SMPPProtocol, request: Any) -> Answer:
        """Every message is delivered already."""
        return CommandStatus.ESME_RCANCELFAIL

    def replace_sm(self, session: SMPPProtocol, request: Any) -> Answer:
        """Every message is delivered already."""
        return CommandStatus.ESME_RREPLACEFAIL

    def broadcast(self, session: SMPPProtocol, request: Any) -> Answer:
        """It has no cells."""
        return CommandStatus.ESME_RBCASTFAIL

    def other(self, session: SMPPProtocol, request: Any) -> Answer:
        """It knows no other command."""
        return CommandStatus.ESME_RINVCMDID

    # Receipts.

    def _receipt(self, request: Any, message_id: str, destination: SMEAddress) -> None:
        wanted = request.registered_delivery & 0x03
        if wanted not in (RegisteredDelivery.RECEIPT, RegisteredDelivery.RECEIPT_ON_SUCCESS):
            return
        now = self._now()
        text = getattr(request, "short_message", b"")
        receipt = Receipt.build(
            message_id, MessageState.DELIVERED, submitted=now, done=now, text=text
        )
        self._receipts.add(
            {
                "source_addr_ton": destination.dest_addr_ton,
                "source_addr_npi": destination.dest_addr_npi,
                "source_addr": destination.destination_addr,
                "dest_addr_ton": request.source_addr_ton,
                "dest_addr_npi": request.source_addr_npi,
                "destination_addr": request.source_addr,
                **receipt.fields_of_pdu(),
            }
        )


def _address(request: Any) -> SMEAddress:
    return SMEAddress(request.dest_addr_ton, request.dest_addr_npi, request.destination_addr)


def check_message(request: Any) -> None:
    """What no account may submit, whoever it is.

    Raises:
        RequestRefused: a receipt (only a message centre makes them), a header announced
            without any octets, or two texts at once.
    """
    octets = getattr(request, "short_message", b"")
    has_payload = message_payload in request.tlvs
    if request.esm_class & 0x3C in (
        EsmClass.MC_DELIVERY_RECEIPT,
        EsmClass.INTERMEDIATE_NOTIFICATION,
    ):
        raise RequestRefused(CommandStatus.ESME_RINVESMCLASS, "receipts are not submitted")
    if request.esm_class & EsmClass.UDHI and not octets and not has_payload:
        raise RequestRefused(CommandStatus.ESME_RINVESMCLASS, "UDHI without user data")
    if octets and has_payload:
        raise RequestRefused(
            CommandStatus.ESME_ROPTPARNOTALLWD, "both short_message and message_payload"
        )


@implementer(IRealm)
class AccountRealm:
    """A ``twisted.cred`` realm with one :class:`Account` for each system_id.

    Args:
        clock: an ``IReactorTime``.
        random: for the start of the message ids; None for one seeded by the system.
        make: makes an account of a clock and ids.
    """

    def __init__(
        self,
        clock: IReactorTime,
        random: random.Random | None = None,
        make: Callable[[IReactorTime, MessageIds], Any] = Account,
    ) -> None:
        self._clock = clock
        self._ids = MessageIds(random if random is not None else _system_random())
        self._make = make
        self.accounts: dict[bytes, Any] = {}

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        """Twisted: the account of a system_id that has shown its password."""
        if IAccount not in interfaces:
            raise NotImplementedError("only IAccount is known here")
        account = self.accounts.get(avatarId)
        if account is None:
            account = self.accounts[avatarId] = self._make(self._clock, self._ids)
        return IAccount, account, lambda: None


def _system_random() -> random.Random:
    return random.SystemRandom()
