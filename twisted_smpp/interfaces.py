"""What an application provides to the two roles."""

from __future__ import annotations

from zope.interface import Interface

__all__ = ["IAccount", "IMessageReceiver"]


class IAccount(Interface):
    """What one account of the message centre may do: the avatar of ``twisted.cred``.

    Every method that gets a ``request`` answers it: it returns a response, a
    command_status, None for ESME_ROK, or a Deferred or coroutine of one of these, or
    raises :class:`~twisted_smpp.errors.RequestRefused`. ``session`` is the
    :class:`~twisted_smpp.protocol.SMPPProtocol` of the connection; the account may hold
    several.
    """

    def bind(session, request):
        """The credentials were right; may it bind like this?"""

    def bound(session):
        """The bind was answered: messages may pass."""

    def unbound(session, reason):
        """A session that was bound has ended; ``reason`` says why in words."""

    def submit_sm(session, request):
        """A short message."""

    def submit_multi(session, request):
        """A short message to many destinations."""

    def data_sm(session, request):
        """Data."""

    def query_sm(session, request):
        """What became of a message?"""

    def cancel_sm(session, request):
        """Do not deliver a message."""

    def replace_sm(session, request):
        """Replace a message that waits."""

    def broadcast(session, request):
        """One of broadcast_sm, query_broadcast_sm and cancel_broadcast_sm (5.0)."""

    def other(session, request):
        """A command of 3.3 or of a vendor that is registered."""


class IMessageReceiver(Interface):
    """An application of the ESME role: ``ESMEService(..., application=...)``.

    One object may be the application of several services, such as those of a transmitter and
    of a receiver. What :meth:`message` and :meth:`receipt` return is what the message centre
    is answered: a response, a command_status, None for ESME_ROK, or a Deferred or coroutine
    of one of these; or they raise :class:`~twisted_smpp.errors.RequestRefused`. Any other
    exception is logged and answered ESME_RX_T_APPN, so that the message centre tries again.
    """

    def message(received):
        """A :class:`~twisted_smpp.esme.receiving.Received` message, put together and read."""

    def receipt(receipt, pdu):
        """A :class:`~twisted_smpp.text.receipt.Receipt`, after it was matched, and its PDU."""

    def alert(pdu):
        """An alert_notification; it has no answer."""

    def link_changed(change):
        """A :class:`~twisted_smpp.esme.link.LinkChange`: the link is somewhere else now."""
