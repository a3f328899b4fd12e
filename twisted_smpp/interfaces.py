"""What an application, or another backend, provides."""

from __future__ import annotations

from zope.interface import Attribute, Interface

__all__ = ["IAccount", "IMessageReceiver", "IMessageSink", "IMessageStore"]


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
        """A :class:`~twisted_smpp.esme.link.LinkChange`: the link is somewhere else now.

        May be a coroutine; nothing waits for it.
        """


class IMessageSink(Interface):
    """Where the messages of a message centre go that an application delivers itself."""

    def deliver(message):
        """Takes a :class:`~twisted_smpp.smsc.submitted.Submitted` message, which is on the disk.

        It comes again after a crash, and when it was not taken: at least once, that is.
        Returns what became of it, or a Deferred or a coroutine of that:

        - None or ``MessageState.DELIVERED``: it was delivered;
        - another final MessageState: it came to that end;
        - ``MessageState.ACCEPTED``: the application has it and will report by
          :meth:`twisted_smpp.smsc.MessageCentre.report` what becomes of it.

        Raising :class:`~twisted_smpp.errors.RequestRefused` with a temporary status, or anything
        else, has it tried again later; a status that is final makes it UNDELIVERABLE.
        """


class IMessageStore(Interface):
    """Where messages are kept: what it has acknowledged, it still has after a crash.

    It keeps :class:`~twisted_smpp.store.Record` objects by their numbers. A method that may
    take its time returns None when it is done already, or a Deferred that fires when it is:
    for what is written, when that is safe. Everything happens in the order of the calls, so
    that what was given to the store is found by whoever asks afterwards.

    Deferreds errback with :class:`~twisted_smpp.errors.StoreFull`, and the record is not kept,
    or with :class:`~twisted_smpp.errors.StoreFailed`, and nobody knows: from then on the store
    takes nothing more.
    """

    failed = Attribute("The StoreFailed that ended it; None while it works.")
    full = Attribute("Whether it takes no new records for want of room.")
    waits_for_room = Attribute("Whether what is written of old records waits for room, too.")
    when_stuck = Attribute("Functions that are called when it begins to wait for room.")

    def open():
        """Makes it ready; blocks for as long as that takes.

        Raises StoreInUse, StoreDamaged or StoreFailed.
        """

    def close():
        """Writes what waits, and closes; a Deferred that fires when it is done."""

    def when_failed():
        """A Deferred that fires with the StoreFailed when the store has failed."""

    def next_number():
        """A number that no record has, nor ever had; greater than all before."""

    def add(record):
        """Keeps a new record; refused with StoreFull while the store is full."""

    def keep(record, also, told, context):
        """Keeps a new record, as :meth:`add` does, and says so without a Deferred.

        ``record`` may also be what ``row`` gives for one that is not due. ``also`` is
        another new record, or None: both are kept, or none of them. Returns True
        when they are kept already; else ``told`` is called later, once for all records that
        were kept together, as ``told(contexts, error)``: with a list of what ``context`` was for
        each of them, in the order of the calls, and None or the StoreFull or StoreFailed.

        Raises StoreFull or StoreFailed when it is known at once that they are not kept; ``told``
        is not called then.
        """

    def save(record):
        """Keeps a record as it is now; goes on while the store is full."""

    def remove(number):
        """Forgets a record."""

    def change(number, record, told, context):
        """Keeps a record as it is now, or with None forgets it, and says so without a Deferred.

        ``record`` may also be what ``row`` gives for one that is not due.

        Returns True when that is done already; else ``told`` is called as by :meth:`keep`. Goes
        on while the store is full. Raises StoreFailed when it is known at once that it is not done.
        """

    def mark(number, state, tries, told, context):
        """Changes no more than ``state`` and ``tries`` of a record, if there is one.

        Says so as :meth:`change` does. It is what happens most often to a record, and takes a
        third of the time of writing all of it.
        """

    def get(number):
        """A Deferred of the record, or of None."""

    def due(queue, now, most):
        """A Deferred of the records of ``queue`` that are due at ``now``, the earliest first."""

    def expired(now, most):
        """A Deferred of the records that are due, now or later, and have expired at ``now``."""

    def waiting():
        """A Deferred of a dict: of each queue the number of records that are due, now or
        later, and the earliest ``due``.
        """

    def unfinished(queue, after, most):
        """A Deferred of the records of ``queue`` that are not done and have a number greater
        than ``after``, by their numbers.
        """

    def by_address(owner, source, destination, most):
        """A Deferred of the records of ``owner`` that are due, now or later, with these
        addresses, by their numbers.
        """

    def ended():
        """A Deferred of how many records are done."""

    def purge(before, surplus, most):
        """Forgets records that are done: the oldest of them, as many as ``surplus``, and those
        since before ``before``; at most ``most``. A Deferred of how many.
        """
