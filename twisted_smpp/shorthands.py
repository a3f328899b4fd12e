"""``session.submit_sm(...)`` instead of ``session.request(SubmitSM(...))``.

Every method takes the fields of its PDU and ``tlvs`` as keyword arguments, and returns
what ``request`` returns: a Deferred that fires with the response, or errbacks with a
:class:`~twisted_smpp.errors.SMPPError`.
"""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from twisted_smpp.wire import pdus
from twisted_smpp.wire.pdu import Request, Response

__all__ = ["Shorthands"]

R = TypeVar("R", bound=Response | None)


class Shorthands:
    """One method for each request that an application sends."""

    def request(self, pdu: Request[R]) -> Deferred[R]:
        """Sends a request; what it fires with depends on the class that mixes this in."""
        raise NotImplementedError

    def submit_sm(self, **fields: Any) -> Deferred[pdus.SubmitSMResp]:
        """Submits a short message."""
        return self.request(pdus.SubmitSM(**fields))

    def submit_multi(self, **fields: Any) -> Deferred[pdus.SubmitMultiResp]:
        """Submits a short message to many destinations."""
        return self.request(pdus.SubmitMulti(**fields))

    def deliver_sm(self, **fields: Any) -> Deferred[pdus.DeliverSMResp]:
        """Delivers a short message or a receipt to an ESME."""
        return self.request(pdus.DeliverSM(**fields))

    def data_sm(self, **fields: Any) -> Deferred[pdus.DataSMResp]:
        """Passes data in either direction."""
        return self.request(pdus.DataSM(**fields))

    def query_sm(self, **fields: Any) -> Deferred[pdus.QuerySMResp]:
        """Asks what became of a message."""
        return self.request(pdus.QuerySM(**fields))

    def cancel_sm(self, **fields: Any) -> Deferred[pdus.CancelSMResp]:
        """Cancels a message."""
        return self.request(pdus.CancelSM(**fields))

    def replace_sm(self, **fields: Any) -> Deferred[pdus.ReplaceSMResp]:
        """Replaces a message that waits."""
        return self.request(pdus.ReplaceSM(**fields))

    def broadcast_sm(self, **fields: Any) -> Deferred[pdus.BroadcastSMResp]:
        """Submits a message for broadcast."""
        return self.request(pdus.BroadcastSM(**fields))

    def query_broadcast_sm(self, **fields: Any) -> Deferred[pdus.QueryBroadcastSMResp]:
        """Asks what became of a broadcast."""
        return self.request(pdus.QueryBroadcastSM(**fields))

    def cancel_broadcast_sm(self, **fields: Any) -> Deferred[pdus.CancelBroadcastSMResp]:
        """Cancels a broadcast."""
        return self.request(pdus.CancelBroadcastSM(**fields))

    def enquire_link(self) -> Deferred[pdus.EnquireLinkResp]:
        """Asks whether the peer is alive."""
        return self.request(pdus.EnquireLink())

    def alert_notification(self, **fields: Any) -> Deferred[None]:
        """Tells an ESME that a mobile station can be reached; fires when it is sent."""
        return self.request(pdus.AlertNotification(**fields))

    def outbind(self, **fields: Any) -> Deferred[None]:
        """Asks an ESME to bind; fires when it is sent."""
        return self.request(pdus.Outbind(**fields))
