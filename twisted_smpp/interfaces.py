"""What an application provides to the message centre role."""

from __future__ import annotations

from zope.interface import Interface

__all__ = ["IAccount"]


class IAccount(Interface):
    """What one account of the message centre may do: the avatar of ``twisted.cred``.

    Every method that gets a ``request`` answers it: it returns a response, a
    command_status, None for ESME_ROK, or a Deferred or coroutine of one of these, or
    raises :class:`~twisted_smpp.errors.RequestRefused`. ``session`` is the
    :class:`~twisted_smpp.protocol.SMPPProtocol` of the connection; the account may hold
    several.

    With an accounts file, what an account may not do never gets here. A submit_multi with
    one destination that is not allowed is refused as a whole, unless the avatar has an
    attribute ``checks_destinations`` that is True: then it asks
    :meth:`~twisted_smpp.smsc.policy.Policy.refusal_of_destination` for each itself.
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
