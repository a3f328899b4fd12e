"""The ESME role as a service: texts go out, messages and receipts come in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from twisted.internet.defer import Deferred

from twisted_smpp.answering import awaited
from twisted_smpp.errors import SMPPError
from twisted_smpp.esme.addresses import Address
from twisted_smpp.esme.application import callbacks
from twisted_smpp.esme.asking import Asking
from twisted_smpp.esme.care import PartByPart
from twisted_smpp.esme.confirming import Confirming
from twisted_smpp.esme.figures import LinkFigures
from twisted_smpp.esme.lessons import Lessons
from twisted_smpp.esme.link import Endpoint, Link, LinkChange
from twisted_smpp.esme.message import RECEIPTS, Message, MessagePart, due_at
from twisted_smpp.esme.outbox import Outbox
from twisted_smpp.esme.pace import Pace
from twisted_smpp.esme.permitted import Validity, check_fields, check_tlvs, wanted
from twisted_smpp.esme.profile import Profile
from twisted_smpp.esme.receiving import Received, Receiving
from twisted_smpp.esme.recovering import Recovering
from twisted_smpp.esme.sender import Sender, UnknownPolicy
from twisted_smpp.esme.sending import Sending, confirming_of
from twisted_smpp.esme.stuck import Stuck, why_waiting
from twisted_smpp.esme.sweeping import Sweep
from twisted_smpp.esme.usual import Envelopes
from twisted_smpp.events import LateResponse
from twisted_smpp.protocol import Answer, SMPPProtocol
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus
from twisted_smpp.text import times
from twisted_smpp.text.reassembly import Reassembly
from twisted_smpp.text.receipt import Receipt, is_receipt
from twisted_smpp.text.receipt_octets import receipt_decoders
from twisted_smpp.text.references import References
from twisted_smpp.text.rules import Method, TextRules
from twisted_smpp.text.segments import Plan, plan
from twisted_smpp.text.times import Relative
from twisted_smpp.values import RegisteredDelivery
from twisted_smpp.wire.pdus import AlertNotification, DataSM, DeliverSM
from twisted_smpp.wire.sealed import SealedSubmitSM

__all__ = ["ESMEService"]

_RECEIPT = int(RegisteredDelivery.RECEIPT)  # looked up once: an enumeration is slow at it
_SENDING = (State.BOUND_TX, State.BOUND_TRX)
#: What send() is given besides the addresses and the text, if nothing.
_AS_USUAL: tuple[Any, ...] = (None, None, None, None, None, 0, {})


class ESMEService(Link):
    """One link to a message centre, with messages.

    :meth:`send` splits a text, sends its parts as fast as the window, the rate and the
    message centre allow, again where that helps, and returns a handle that follows them to
    their last receipts. What the message centre delivers is joined and read before
    ``on_message`` sees it. The methods of the session (:meth:`submit_sm` and so on) are there
    for everything else.

    Args:
        endpoint, system_id, password: as for :class:`~twisted_smpp.esme.link.Link`.
        on_message: called with each :class:`~twisted_smpp.esme.receiving.Received` message;
            answers like ``on_request`` of :class:`~twisted_smpp.factory.SMPPFactory`. Without
            it messages are refused with ESME_RX_T_APPN, so that the message centre keeps
            them.
        on_receipt: called with each :class:`~twisted_smpp.text.receipt.Receipt` and its PDU,
            after it was matched; answers likewise. Without it receipts are accepted once
            something was sent by :meth:`send`.
        on_alert: called with each alert_notification.
        on_state: called with a :class:`~twisted_smpp.esme.link.LinkChange`.
        application: an :class:`~twisted_smpp.interfaces.IMessageReceiver`, instead of the
            callbacks.
        sending: see :class:`Sending`; None for what the profile says, which
            :meth:`Sending.of` combines with what you want.
        text: how the link writes text; None for what the profile says.
        profile: what is special about the message centre, see
            :mod:`twisted_smpp.esme.profile`; its name, or one that was loaded. What is given
            as an argument counts more.
        references: where the references of long texts come from.
        reassembly: where parts of received messages wait.
        confirming: where parts await their receipts; give one to all links of an account
            whose message centre sends receipts on any of them, such as a transmitter and a
            receiver. It counts before what ``sending`` says of receipts.
        outbox: an :class:`~twisted_smpp.esme.outbox.Outbox`, so that messages outlive the
            process; None keeps them in memory.
        now: returns the present time, aware, for ``validity``.
        settings: those of :class:`~twisted_smpp.esme.link.Link`, but for ``on_request``, and
            :class:`~twisted_smpp.factory.ESMEFactory`; ``window`` is how many requests may be
            in flight.

    Raises:
        ValueError: the endpoint description or a value of the bind cannot be used, both an
            application and callbacks were given, or another service has the outbox.
        TypeError: the application does not provide ``IMessageReceiver``; ``on_request``.
    """

    #: What it is a part of.
    _pool: Any = None
    _recovering: Recovering | None = None
    # Most of what comes are receipts.
    decoders = staticmethod(receipt_decoders)

    def __init__(
        self,
        endpoint: Endpoint | Sequence[Endpoint],
        system_id: str,
        password: str | Callable[[], str] = "",
        *,
        on_message: Callable[[Received], Answer] | None = None,
        on_receipt: Callable[[Receipt, Any], Answer] | None = None,
        on_alert: Callable[[Any], Answer] | None = None,
        on_state: Callable[[LinkChange], object] | None = None,
        application: Any = None,
        sending: Sending | None = None,
        text: TextRules | None = None,
        references: References | None = None,
        reassembly: Reassembly | None = None,
        confirming: Confirming | None = None,
        outbox: Outbox | None = None,
        profile: Profile | str = "standard",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        **settings: Any,
    ) -> None:
        if "on_request" in settings:
            raise TypeError("on_request: it would not be called; take a Link, or on_message")
        profile = Profile.load(profile) if isinstance(profile, str) else profile
        link = {name: each for name, each in profile.link.items() if name not in ("rate", "burst")}
        called = {"on_message": on_message, "on_receipt": on_receipt, "on_alert": on_alert}
        called = callbacks(application, {**called, "on_state": on_state})
        settings = {"timers": profile.timers, **link, **settings, "on_state": called["on_state"]}
        super().__init__(endpoint, system_id, password, **settings)
        self._sending = sending or Sending.of(profile)
        self._receipt_form = self._sending.receipt_form
        self._on_receipt, self._on_alert = called["on_receipt"], called["on_alert"]
        self._profile = profile
        self._usual_fields = {"registered_delivery": _RECEIPT, **profile.fields}
        self._envelopes = Envelopes(self._usual_fields, profile.tlvs)
        self.text = text or profile.text
        self._now = now
        self._references = references or References()
        self._receiving = self._make_receiving(called["on_message"], reassembly, system_id)
        self.confirming = confirming or confirming_of(self._sending, system_id)
        self.stuck = Stuck(system_id)
        #: Whether there are messages that receipts may be about.
        self._follows = confirming is not None or outbox is not None
        self.outbox = outbox
        self._asking = self._make_asking(self._sending)
        self.sender = self._make_sender(self._sending)
        self.confirming.senders.append(self.sender)
        if outbox is not None:
            self._keeps_in(outbox)
        self._sweep = Sweep(self._clock, self._expire)

    def _make_receiving(
        self, on_message: Any, reassembly: Reassembly | None, system_id: str
    ) -> Receiving | None:
        if on_message is None:
            return None
        return Receiving(
            on_message,
            self.text,
            Reassembly() if reassembly is None else reassembly,
            system_id,
            self._clock.seconds,
            self.factory.answer_timeout,
        )

    def _make_sender(self, sending: Sending) -> Sender:
        window, random, now = self.factory.window, self._backoff.random, self._clock.seconds()
        return Sender(
            self._clock,
            Pace(window, sending.rate, sending.burst, random, now),
            sending.retries,
            UnknownPolicy(sending.unknown),
            sending.most_waiting,
            self._accepted,
        )

    def _make_asking(self, sending: Sending) -> Asking:
        return Asking(self.request, self.confirming, self._clock.seconds, sending.query_after)

    # IService.

    def startService(self) -> None:
        """Starts to connect; what waits is sent as soon as a session is bound."""
        super().startService()
        self._sweep_later()
        self._recover()

    # What outlives the process.

    def _keeps_in(self, outbox: Outbox) -> None:
        outbox.read_for(self._pool or self)
        self.sender.outbox = outbox
        outbox.on_refused = self.sender.withdraw
        self.confirming.unparked = outbox.unpark

    def _recover(self) -> None:
        """What an earlier process has left goes on."""
        if self.outbox is not None and self._recovering is None:
            caution = getattr(self.outbox.store, "caution", None)
            if caution is not None:
                self.sender.outbox = self.outbox.keeper = PartByPart(self.outbox, caution)
            self._recovering = Recovering(
                self._clock,
                self.outbox,
                Lessons(self.outbox, self.confirming),
                self._recovered,
                self._parked,
                self._all_recovered,
            )
        if self._recovering is not None:
            self._recovering.start()

    def _recovered(self, message: Message, age: float) -> None:
        for part in message.parts:
            for message_id in part.message_ids:
                self._accepted(part, message_id, age)
            self.sender.recover(part)

    def _parked(self, pdu: Any, number: int, age: float) -> None:
        receipt = self._read(pdu)
        outbox = cast(Outbox, self.outbox)
        outbox.parked(receipt.message_id, number)
        if self.confirming.receipt(receipt, self._clock.seconds() - age) is not None:
            outbox.unpark(receipt.message_id)

    def _all_recovered(self, count: int) -> None:
        self._sweep_later()
        if count:
            self.log.info("{count} messages of before go on", count=count)

    def stopService(self) -> Deferred[None]:
        """Sends nothing more, awaits what is in flight, unbinds; fires when it is done.

        Messages that wait stay, and go on after the next start.
        """
        self._recover_no_more()
        self.sender.stop()
        return super().stopService()

    def hand_over(self) -> None:
        """Calls ``on_message`` with what has come of incomplete messages, as after their time.

        For the end of a process: it was all answered, and does not come again.
        """
        if self._receiving is not None:
            self._receiving.flush()

    def _recover_no_more(self) -> None:
        if self._recovering is not None:
            self._recovering.stop()

    def _stopped(self, result: Any) -> None:
        if not self.running:
            self._sweep.stop()
        super()._stopped(result)

    # Sending.

    def send(
        self,
        to: str | Address,
        text: str,
        *,
        source: str | Address = "",
        receipt: bool = True,
        validity: Validity = None,
        schedule: Validity = None,
        priority: int = 0,
        method: Method | None = None,
        message_class: int | None = None,
        tlvs: Mapping[Any, Any] | None = None,
        key: str | None = None,
        **fields: Any,
    ) -> Message:
        """Sends a text, in as many parts as it takes; they wait while no session is bound.

        Args:
            to, source: addresses as people write them, or an
                :class:`~twisted_smpp.esme.addresses.Address`.
            text: of any length.
            receipt: whether one is asked for, of success and of failure.
            validity: an aware ``datetime``, a ``timedelta`` or a
                :class:`~twisted_smpp.text.times.Relative`; over before it is sent: ``EXPIRED``.
            schedule: when it is to be delivered first, likewise; a ``timedelta`` counts from now.
            priority: priority_flag, 0 to 3; with SMPP 5.0 to 4.
            method: how a long text is sent, instead of what the rules say.
            message_class: 0 (shown at once) to 3.
            tlvs: of each submit_sm: by :class:`~twisted_smpp.wire.tlv.TLV` or by tag.
            key: what the application calls it; kept with it in an outbox.
            fields: more fields of the submit_sm, such as ``service_type``.

        Returns:
            the :class:`~twisted_smpp.esme.message.Message`.

        Raises:
            WindowFull: too many parts wait already: await :meth:`slot` first.
            StoreFull, StoreFailed: the outbox has no room, or takes nothing more.
            ValueError: the text is too long; a FieldError names a value that is not allowed.
            TypeError: there is no such field, or it is made of the addresses and the text.
        """
        message = None
        if (validity, schedule, method, message_class, tlvs, priority, fields) == _AS_USUAL:
            message = self._usual(to, text, source, receipt)
        if message is None:
            planned = plan(text, self.text, method=method, message_class=message_class)
            fields = wanted(self._usual_fields, receipt, validity, schedule, priority, fields)
            message = self._message(to, source, planned, fields, tlvs, validity)
        return self._queue(message, key)

    def _usual(
        self, to: str | Address, text: str, source: str | Address, receipt: bool
    ) -> Message | None:
        """The message, and what is sent first of it; None when it is not as usual."""
        session = self.session
        if session is None:
            return None
        envelope = self._envelopes.of(source, receipt, self.text, session.session.version)
        made = envelope.message(to, text)
        if made is None:
            return None
        message, octets = made
        sealed = SealedSubmitSM()
        sealed.octets = octets
        sealed.command_status = sealed.sequence_number = 0
        message.parts[0].ready = sealed, octets, session
        return message

    def _queue(self, message: Message, key: str | None) -> Message:
        message.key = key
        if message.parts[0].ready is None:
            self._check(message)
        self._follows = True
        if self.outbox is None:
            self.sender.add(message)
        else:
            self._keep(self.outbox, message)
        if self._sweep.call is None:
            self._sweep_later()
        return message

    def _keep(self, outbox: Outbox, message: Message) -> None:
        """Queues a message, or begins to send it, and writes which."""
        sender, now = self.sender, self._clock.seconds()
        part = message.parts[0]
        is_usual = part.ready is not None and part.expires_at is None and message.key is None
        if is_usual and len(message.parts) == 1:
            if sender.is_free(now):
                outbox.keep_usual(message, True)
                sender.begin(part, now)
                return
            sender.check_room()
            outbox.keep_usual(message, False)
        else:
            sender.check_room()
            outbox.keep(message, now)
        sender.add(message)

    def _message(
        self,
        to: str | Address,
        source: str | Address,
        planned: Plan,
        fields: Mapping[str, Any],
        tlvs: Mapping[Any, Any] | None,
        validity: Validity,
    ) -> Message:
        source = source if isinstance(source, Address) else _guess(source)
        to = to if isinstance(to, Address) else Address.guess(to)
        fields = {
            "source_addr_ton": source.ton,
            "source_addr_npi": source.npi,
            "source_addr": source.addr,
            "dest_addr_ton": to.ton,
            "dest_addr_npi": to.npi,
            "destination_addr": to.addr,
            **fields,
        }
        tlvs = {**self._profile.tlvs, **tlvs} if tlvs else self._profile.tlvs
        session = self.session
        check_fields(
            fields, self.factory.interface_version if session is None else session.session.version
        )
        check_tlvs(tlvs)
        message = Message(
            source.addr,
            to.addr,
            planned,
            bool(fields["registered_delivery"] & RECEIPTS),
            fields,
            tlvs,
        )
        reference = None
        if planned.pdus > 1:
            reference = self._references.next(source.addr, to.addr)
        segments = planned.segments(reference)
        message.parts = tuple([MessagePart(message, each, 0) for each in segments])
        message.due_at = due_at(fields.get("schedule_delivery_time", ""), self._clock.seconds())
        self._expires(message, validity)
        return message

    def _check(self, message: Message) -> None:
        """Mistakes are heard of before a message is queued.

        What is made for that is what is sent first: to make it twice took a tenth of
        :meth:`send`.
        """
        part, session = message.parts[0], self.session
        pdu = part.make_pdu(self._clock.seconds())
        if session is None or message.has_relative_validity or message.due_at is not None:
            pdu.encode()
            return
        try:
            octets = session.session.check(pdu)
        except SMPPError:
            pdu.encode()  # what only the version of this session lacks fails when it is sent
        else:
            part.ready = pdu, octets, session

    def _expires(self, message: Message, validity: Validity) -> None:
        """Notes until when it is worth sending."""
        if validity is None:
            return
        message.has_relative_validity = isinstance(validity, timedelta)
        at = self._clock.seconds() + self._seconds_until(validity)
        for part in message.parts:
            part.expires_at = at

    def _seconds_until(self, validity: datetime | timedelta | Relative) -> float:
        now = self._now()
        moment = times.resolve(validity, now)
        return 0.0 if moment is None else (moment - now).total_seconds()

    def slot(self) -> Deferred[None]:
        """Fires when there is room for one more message, in the order of asking."""
        return self.sender.slot()

    def query(self, message: Message) -> Deferred[Message]:
        """Asks the message centre by query_sm what became of a message.

        Each part that has an id is asked for, and what the answer says counts like a receipt:
        ``final`` fires, ``progress`` moves, and ``part.receipt`` has it. What is final already
        stays so; if the answer says otherwise, it is in ``part.late``.

        Args:
            message: of this account; one whose response is lost has no id to ask for.

        Returns:
            a Deferred that fires with the message when all answers are there. It errbacks with
            :class:`~twisted_smpp.errors.RequestRefused` when the message centre does not know
            it (ESME_RINVMSGID, ESME_RQUERYFAIL) or has no query_sm (ESME_RINVCMDID), with
            :class:`~twisted_smpp.errors.SessionLost` when nobody is bound, and as
            :meth:`request` does.
        """
        return Deferred.fromCoroutine(self._asking.ask(message))

    def resend(self, part: MessagePart) -> None:
        """Sends a held part again; it may arrive twice."""
        self.sender.resend(part)

    def give_up(self, part: MessagePart) -> None:
        """Counts a held part as lost."""
        self.sender.give_up(part)

    def parts(self) -> Iterator[MessagePart]:
        """Every part that has not been accepted and has not failed."""
        return self.sender.parts()

    @property
    def held(self) -> int:
        """Parts whose outcome is unknown, and that wait for a decision."""
        return self.sender.held

    def figures(self) -> LinkFigures:
        """How the link is doing now: window, queue, rate, round trips."""
        now = self._clock.seconds()
        return LinkFigures.of(self.sender, self.confirming, self.stuck, self.session, now)

    def _accepted(self, part: MessagePart, message_id: str, age: float = 0.0) -> None:
        if part.wants_receipt:
            self.confirming.accepted(part, message_id, self._clock.seconds() - age)
            if self._sweep.call is None:
                self._sweep_later()

    # What the link tells.

    def _bound(self, session: SMPPProtocol) -> None:
        if session.state in _SENDING:
            self.sender.bound(session)
        super()._bound(session)

    def _lost(self, session: SMPPProtocol, why: str) -> None:
        self.sender.unbound(session)
        super()._lost(session, why)

    def _late(self, session: SMPPProtocol, event: LateResponse) -> None:
        self.sender.late(event.pending.request, event.response)

    def _requested(self, session: SMPPProtocol, request: Any) -> Answer:
        # By class, not isinstance: that is slow for classes with a metaclass.
        kind = request.__class__
        if kind is AlertNotification:
            return None if self._on_alert is None else self._on_alert(request)
        if kind is not DeliverSM and kind is not DataSM:
            return CommandStatus.ESME_RINVCMDID
        if is_receipt(request):
            return self._receipt(request)
        if self._receiving is None:
            return CommandStatus.ESME_RX_T_APPN
        answer = self._receiving.take(request)
        self._sweep_later()
        return answer

    def _receipt(self, pdu: Any) -> Answer:
        if not self._follows and self._on_receipt is None:
            return CommandStatus.ESME_RX_T_APPN  # nobody here knows what it is about
        if self.outbox is not None and self.outbox.store.waits_for_room:
            return CommandStatus.ESME_RX_T_APPN  # what it says could not be written
        receipt = Receipt.of(pdu, self._receipt_form)
        if self._follows:
            part = self.confirming.receipt(receipt, self._clock.seconds())
            if self._sweep.call is None:
                self._sweep_later()
            if self.outbox is not None:
                return self._kept_receipt(receipt, pdu, part)
        return None if self._on_receipt is None else self._on_receipt(receipt, pdu)

    def _read(self, pdu: Any) -> Receipt:
        return Receipt.of(pdu, self._receipt_form)

    def _kept_receipt(self, receipt: Receipt, pdu: Any, part: MessagePart | None) -> Answer:
        """The message centre may forget a receipt once what it says is on the disk.

        One about a message makes room there. One about none would take some: while there is none,
        the message centre keeps it.
        """
        outbox = cast(Outbox, self.outbox)
        if part is None and not outbox.park(receipt.message_id, pdu):
            return CommandStatus.ESME_RX_T_APPN

        def told(_: object) -> Any:
            return None if self._on_receipt is None else awaited(self._on_receipt(receipt, pdu))

        settled = outbox.settled(patient=False)
        if settled is None:
            return told(None)  # type: ignore[no-any-return]
        return settled.addCallbacks(told, lambda _: CommandStatus.ESME_RX_T_APPN)

    # What gets old.

    def _sweep_later(self) -> None:
        if self.running:
            self._sweep.later()

    def _expire(self, now: float) -> bool:
        """Ends what is too old; whether nothing is left that could become so."""
        sender = self.sender
        sender.expire(now)
        self.stuck.look(
            sender.first_order, sender.last_order, sender.waiting, self._why_waiting, now
        )
        if sender.able:
            self._asking.sweep()
        self.confirming.expire(now)
        receiving = self._receiving
        if receiving is not None:
            receiving.expire()
        idle = sender.idle and self.confirming.idle
        return idle and (receiving is None or receiving.idle)

    def _why_waiting(self) -> str:
        unbound = (self.session is None and self._why) or self.change.reason
        return why_waiting(self.sender, unbound, self._clock.seconds())


#: Many messages have the same source.
_guess = lru_cache(1024)(Address.guess)
