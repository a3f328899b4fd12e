"""Several binds of one account behind one ``send()``.

Messages wait in one place, the lobby, until a link takes them: no more than it can send soon,
so that none waits with a link that is slow while another is idle. What a link has not sent
when it is lost, drained or told to pause goes back to the lobby, and on to the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_smpp.errors import SessionLost
from twisted_smpp.esme.addresses import Address
from twisted_smpp.esme.application import callbacks_of_pool
from twisted_smpp.esme.choice import ByDestination, Choice, LeastLoaded
from twisted_smpp.esme.figures import LinkFigures
from twisted_smpp.esme.link import Endpoint, LinkChange, LinkState
from twisted_smpp.esme.message import Message, MessagePart
from twisted_smpp.esme.pace import SharedRate, TokenBucket
from twisted_smpp.esme.permitted import Validity
from twisted_smpp.esme.pool_link import Desk, PoolLink
from twisted_smpp.esme.sender import BUSY_SECONDS, Sender
from twisted_smpp.esme.sending import Sending
from twisted_smpp.esme.service import ESMEService
from twisted_smpp.esme.sweeping import Sweep
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.shorthands import Shorthands
from twisted_smpp.states import State
from twisted_smpp.text.rules import Method
from twisted_smpp.wire.pdu import Request, Response

__all__ = ["ESMEPool", "PoolLink"]

R = TypeVar("R", bound=Response | None)

Binds = int | Sequence[str | Mapping[str, Any]] | Mapping[str, int]

_SENDING = (State.BOUND_TX, State.BOUND_TRX)
#: Seconds that a link has to be bound again after a restart.
RESTART_SECONDS = 60.0


class ESMEPool(Shorthands, MultiService):
    """Several links to a message centre, for one account, that send as one.

    It is used like an :class:`~twisted_smpp.esme.service.ESMEService`::

        pool = ESMEPool("tcp:smsc.example:2775", "shop", password, binds=4, rate=100)
        pool.startService()
        message = pool.send("+491761234567", "Your parcel is here")

    Every link has its own window, and slows down and connects again by itself. Receipts, the
    parts of received messages and the references of long ones are shared, so that each may
    come on any link.

    Args:
        endpoint, system_id, password: as for :class:`~twisted_smpp.esme.link.Link`. Several
            endpoints are several ways, tried in turn by each link.
        binds: how many links, all of the kind that ``bind`` says; or a sequence of kinds, such
            as ``["transceiver"] * 4``; or how many of each, such as
            ``{"transmitter": 2, "receiver": 1}``. In a sequence a mapping has the settings of
            one link that are others than those of the pool, such as
            ``{"endpoint": "tcp:smsc2.example:2775", "window": 50}``.
        ordered: whether all messages to one destination take one link. Without it a message
            takes the link that has the least to do.
        rate, burst: messages/s of all links together, and how many may go at once after a
            rest; None for those of the profile, unless ``sending`` is given. The rate of
            ``sending`` is that of each link.
        on_state: called with the :class:`PoolLink` and a
            :class:`~twisted_smpp.esme.link.LinkChange`, an ``application`` with the latter; may
            be a coroutine.
        sending: see :class:`~twisted_smpp.esme.sending.Sending`; ``most_waiting`` counts the
            parts of all links.
        settings: those of :class:`~twisted_smpp.esme.service.ESMEService`, for each link.

    Attributes:
        confirming: where parts await their receipts.

    Raises:
        ValueError: there are no binds, or a value cannot be used.
    """

    log = Logger()
    _call: IDelayedCall | None = None

    def __init__(
        self,
        endpoint: Endpoint | Sequence[Endpoint],
        system_id: str,
        password: str | Callable[[], str] = "",
        *,
        binds: Binds = 2,
        ordered: bool = False,
        rate: float | None = None,
        burst: float | None = None,
        on_state: Callable[[PoolLink, LinkChange], object] | None = None,
        application: Any = None,
        sending: Sending | None = None,
        bind: str = "transceiver",
        **settings: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._on_state, settings = callbacks_of_pool(application, on_state, settings)
        self._choice: Choice = ByDestination() if ordered else LeastLoaded()
        #: The links that are able to send, in the order of all.
        self._able: list[PoolLink] = []
        self._waiting: list[Deferred[SMPPProtocol]] = []
        self._feeding = self._rolling = False
        self._count = 0
        self._desk = desk = Desk(self, endpoint, system_id, password, sending=sending, **settings)
        self._clock: IReactorTime = desk._clock
        self._sweep = Sweep(self._clock, self._expire)
        self.confirming, self.stuck = desk.confirming, desk.stuck
        if rate is None and sending is None:
            rate, burst = desk._sending.rate, desk._sending.burst
            desk._sending = replace(desk._sending, rate=None, burst=None)
        self._shared = None if rate is None else self._share(rate, burst)
        self._settings = {
            **settings,
            "endpoint": endpoint,
            "system_id": system_id,
            "password": password,
            "bind": bind,
            "sending": desk._sending,
            "confirming": desk.confirming,
        }
        self._lobby: Any = desk.sender
        #: What waits until others to the same destination have an outcome.
        self._aside = ESMEService._make_sender(desk, desk._sending)
        self._senders: list[Sender] = [self._lobby, self._aside]
        for sender in self._senders:
            sender.peers = self._senders
        self._lobby.on_change = self._feed
        for each in _each(binds, bind):
            self.add(**each)

    def _share(self, rate: float, burst: float | None) -> SharedRate:
        most = max(1.0, rate / 10) if burst is None else burst
        return SharedRate(TokenBucket(rate, most, self._clock.seconds()))

    # The links.

    @property
    def links(self) -> tuple[PoolLink, ...]:
        """All links, the oldest first."""
        return tuple(self.services)

    def add(self, **settings: Any) -> PoolLink:
        """Makes one more link, and starts it when the pool runs.

        Args:
            settings: what is to be other than the pool says, such as ``bind``, ``endpoint``
                or ``window``.

        Raises:
            ValueError: a value cannot be used.
        """
        name = str(self._count + 1)
        link: PoolLink = PoolLink(
            self,
            name,
            on_state=lambda change: self._told(link, change),
            **{**self._settings, **settings},
        )
        self._count += 1
        # Parts of one message may come on several links, and its last part on another once more.
        link._receiving = self._desk._receiving
        link.stuck = self.stuck
        link.sender.pace.shared = self._shared
        self._senders.append(link.sender)
        link.sender.peers = self._senders
        link.setServiceParent(self)  # type: ignore[no-untyped-call]
        return link

    def remove(self, link: PoolLink) -> Deferred[None]:
        """Drains a link and takes it out of the pool for good; fires when that is done.

        Raises:
            ValueError: it is none of this pool.
        """
        return self.drain(link).addCallback(self._removed, link)

    def _removed(self, _: None, link: PoolLink) -> None:
        if link not in self.links:
            return
        self._senders.remove(link.sender)
        self.confirming.senders.remove(link.sender)
        # What is being written of it, for an attempt, comes back when it is.
        link.sender.on_change = lambda: self._lobby.adopt(link.sender.release())
        if self._shared is not None:
            self._shared.forget(link.sender.pace)
        link.disownServiceParent()  # type: ignore[no-untyped-call]

    def drain(self, link: PoolLink) -> Deferred[None]:
        """Takes a link out of use: it sends nothing more, awaits what is in flight, unbinds.

        What it has not sent goes to the other links. It stays stopped until :meth:`restart`,
        or until the pool is started anew.

        Returns:
            a Deferred that fires when it is unbound; cancelling it changes nothing.

        Raises:
            ValueError: it is none of this pool.
        """
        if link not in self.links:
            raise ValueError(f"link: {link!r} is none of this pool")
        if link.change.state is LinkState.STOPPED:
            return succeed(None)
        drained: Deferred[None] = Deferred(lambda _: None)
        link.stopService().addBoth(self._drained, drained)
        return drained

    def _drained(self, result: Any, drained: Deferred[None]) -> None:
        # ClientService may be in the midst of a step, in which it cannot be stopped or started.
        self._clock.callLater(0, lambda: None if drained.called else drained.callback(result))

    def restart(self, link: PoolLink, timeout: float = RESTART_SECONDS) -> Deferred[None]:
        """Drains a link and starts it anew.

        Args:
            link: one of this pool.
            timeout: seconds that it has to be bound again.

        Returns:
            a Deferred that fires when it is bound again. It errbacks with
            :class:`TimeoutError` when that takes too long (the link goes on trying), and with
            :class:`~twisted_smpp.errors.SessionLost` when it or the pool is stopped
            meanwhile.

        Raises:
            ValueError: it is none of this pool.
        """
        return Deferred.fromCoroutine(self._restart(link, self.drain(link), timeout))

    async def _restart(self, link: PoolLink, drained: Deferred[None], timeout: float) -> None:
        try:
            await drained
        except CancelledError:
            if self.running:
                link.startService()  # once it has stopped
            raise
        if not self.running or link not in self.links:
            raise SessionLost(f"link {link.name} was stopped", sent=False)
        link.startService()
        try:
            await link.when_bound().addTimeout(timeout, self._clock)
        except TimedOut:
            raise TimeoutError(
                f"link {link.name} was not bound again within {timeout:g} s"
            ) from None

    def rolling_restart(
        self,
        timeout: float = RESTART_SECONDS,
        on_progress: Callable[[PoolLink, int, int], object] | None = None,
    ) -> Deferred[int]:
        """Restarts the bound links, one after the other, while the others go on.

        Those that are not bound are left alone: they are being made anew anyway.

        Args:
            timeout: seconds that each link has to be bound again.
            on_progress: called with each link that is bound again, how many have been
                restarted, and how many there are to restart.

        Returns:
            a Deferred that fires with how many were restarted. It errbacks like
            :meth:`restart` when one is not bound again; those after it are left alone. It
            may be cancelled: the others are left alone.

        Raises:
            RuntimeError: the links are being restarted already.
        """
        if self._rolling:
            raise RuntimeError("the links are being restarted already")
        self._rolling = True
        return Deferred.fromCoroutine(self._roll(timeout, on_progress)).addBoth(self._rolled)

    async def _roll(
        self, timeout: float, on_progress: Callable[[PoolLink, int, int], object] | None
    ) -> int:
        links = [link for link in self.links if link.session is not None]
        done = 0
        for link in links:
            if link in self.links and link.session is not None:
                await self.restart(link, timeout)
                done += 1
                if on_progress is not None:
                    on_progress(link, done, len(links))
        return done

    def _rolled(self, result: Any) -> Any:
        self._rolling = False
        return result

    # IService.

    def startService(self) -> None:
        """Starts all links; what waits is sent as soon as one is bound."""
        if self.running:
            return
        super().startService()  # type: ignore[no-untyped-call]
        self._sweep_later()
        self._desk._recover()

    def stopService(self) -> Deferred[None]:
        """Awaits what is in flight on each link, unbinds; fires when it is done.

        Messages that wait stay, and go on after the next start.
        """
        self._desk._recover_no_more()
        stopping: Deferred[Any] = super().stopService()  # type: ignore[no-untyped-call]
        self._cancel()
        return stopping.addCallback(self._stopped)

    def hand_over(self) -> None:
        """What :meth:`ESMEService.hand_over` does, for the parts of all links."""
        self._desk.hand_over()

    def _stopped(self, _: Any) -> None:
        if self.running:
            return
        self._sweep.stop()
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            if not deferred.called:  # the errback of one may cancel another
                deferred.errback(SessionLost("the pool was stopped", sent=False))

    # For the application.

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
        """Sends a text; just like :meth:`twisted_smpp.esme.service.ESMEService.send`.

        Raises:
            WindowFull: too many parts wait in the pool already: await :meth:`slot` first.
            ValueError: the text is too long, or a value cannot be sent.
        """
        return self._desk.send(
            to,
            text,
            source=source,
            receipt=receipt,
            validity=validity,
            schedule=schedule,
            priority=priority,
            method=method,
            message_class=message_class,
            tlvs=tlvs,
            key=key,
            **fields,
        )

    def slot(self) -> Deferred[None]:
        """Fires when there is room for one more message, in the order of asking."""
        return self._desk.slot()

    def when_bound(self) -> Deferred[SMPPProtocol]:
        """Fires with a session once a link is bound that can send, at once when one is.

        In a pool of receivers any link will do. Errbacks with
        :class:`~twisted_smpp.errors.SessionLost` when the pool stops before; one that is not
        running yet, or no more, is waited for. May be cancelled.
        """
        for link in self.links:
            if link.session is not None and link.session.bound and self._will_do(link.session):
                return succeed(link.session)
        deferred: Deferred[SMPPProtocol] = Deferred(self._forget)
        self._waiting.append(deferred)
        return deferred

    def request(self, pdu: Request[R]) -> Deferred[R]:
        """Sends a request on the bound link that has the least in flight.

        Errbacks with :class:`~twisted_smpp.errors.SessionLost` when none is bound: the
        request was not sent.
        """
        sessions = [link.session for link in self._able if link.session is not None]
        if not sessions:
            sessions = [link.session for link in self.links if link.session is not None]
        if not sessions:
            return fail(SessionLost("no link is bound; it was never sent", sent=False))
        return min(sessions, key=lambda each: each.session.in_flight).request(pdu)

    def query(self, message: Message) -> Deferred[Message]:
        """Asks what became of a message; like
        :meth:`twisted_smpp.esme.service.ESMEService.query`, on any link.
        """
        return self._desk.query(message)

    def resend(self, part: MessagePart) -> None:
        """Sends a held part again, on any link; it may arrive twice."""
        for sender in list(self._senders):
            sender.resend(part)

    def give_up(self, part: MessagePart) -> None:
        """Counts a held part as lost."""
        for sender in list(self._senders):
            sender.give_up(part)

    def parts(self) -> Iterator[MessagePart]:
        """Every part that has not been accepted and has not failed."""
        for sender in list(self._senders):
            yield from sender.parts()

    @property
    def waiting(self) -> int:
        """Parts that wait to be sent, now or later, on any link."""
        waiting: int = self._lobby.own
        return waiting + sum(sender.waiting for sender in self._senders[1:])

    @property
    def in_flight(self) -> int:
        """Parts that were sent and have no response yet."""
        return sum(sender.in_flight for sender in self._senders)

    @property
    def held(self) -> int:
        """Parts whose outcome is unknown, and that wait for a decision."""
        return sum(sender.held for sender in self._senders)

    @property
    def window(self) -> int:
        """How many parts may be in flight now, on all links that can send."""
        return sum(link.sender.pace.window for link in self.links if link.sender.able)

    def figures(self) -> dict[str, LinkFigures]:
        """How each link is doing, by its name."""
        return {link.name: link.figures() for link in self.links}

    # What the links tell.

    def _told(self, link: PoolLink, change: LinkChange) -> object:
        return None if self._on_state is None else self._on_state(link, change)

    def _bound(self, session: SMPPProtocol) -> None:
        if self._will_do(session):
            waiting, self._waiting = self._waiting, []
            for deferred in waiting:
                if not deferred.called:  # the callback of one may cancel another
                    deferred.callback(session)

    def _will_do(self, session: SMPPProtocol) -> bool:
        sends = any(link.bind != "receiver" for link in self.links)
        return session.state in _SENDING or not sends

    def _forget(self, deferred: Deferred[SMPPProtocol]) -> None:
        if deferred in self._waiting:
            self._waiting.remove(deferred)

    def _changed(self, link: PoolLink) -> None:
        """A link has more room, or less to do, or is able to send or no more."""
        back: list[tuple[float, MessagePart]] = []
        if link.sender.able is not (link in self._able):
            self._able = [each for each in self.links if each.sender.able]
            back = self._choice.changed(self._able, self.links) + self._aside.release()
        back += self._taken_back(link)
        settled = self._choice.settled()
        if settled:
            for sender in self._senders[1:]:
                back += sender.release(lambda part: part.message.destination in settled)
        if back:
            self._lobby.adopt(back)  # which feeds the links
        else:
            self._feed()

    def _taken_back(self, link: PoolLink) -> list[tuple[float, MessagePart]]:
        """What a link cannot send, or not soon: it goes to others."""
        sender = link.sender
        if not sender.able:
            return sender.release() if sender.waiting or sender.held else []
        if sender.ready and sender.rests_for(self._clock.seconds()):
            return sender.release(self._choice.may_move)
        return []

    # From the lobby to the links.

    def _feed(self) -> None:
        """Gives the links what they have room for."""
        if self._feeding:
            return
        if self._able and self._lobby.own:
            self._feeding = True
            try:
                self._assign()
            finally:
                self._feeding = False
        self._lobby.give_slots()
        self._arm()

    def _assign(self) -> None:
        now = self._clock.seconds()
        part = self._lobby.first(now)
        while part is not None and self.running:
            if self._choice.is_pinned(part.message):
                self._aside.adopt(self._lobby.shift(now))
            else:
                link = self._choice.of(part.message, self._able, now)
                if link is None:
                    break
                link.sender.adopt(self._lobby.shift(now))
            part = self._lobby.first(now)

    def _arm(self) -> None:
        """One timer, for the next moment at which a link may take something."""
        due: list[float] = []
        if self.running and self._able and self._lobby.own:
            now = self._clock.seconds()
            due = [rest for link in self._able if (rest := link.sender.rests_for(now))]
            later = self._lobby.due_in(now)
            if later is not None:
                due.append(later)
        if not due:
            self._cancel()
            return
        seconds = max(0.001, min(due))
        if self._call is None:
            self._call = self._clock.callLater(seconds, self._due)
        else:
            self._call.reset(seconds)

    def _due(self) -> None:
        self._call = None
        try:
            self._feed()
        except Exception:
            self.log.failure("the links were given nothing, but are again soon")
            self._call = self._call or self._clock.callLater(BUSY_SECONDS, self._due)

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    # What gets old.

    def _sweep_later(self) -> None:
        if self.running:
            self._sweep.later()

    def _expire(self, now: float) -> bool:
        """Ends what is too old; whether nothing is left that could become so."""
        for sender in list(self._senders):
            sender.expire(now)
        first = [order for each in self._senders if (order := each.first_order) is not None]
        last = self._lobby.last_order
        self.stuck.look(min(first, default=None), last, self.waiting, self._why_waiting, now)
        if self._able:
            self._desk._asking.sweep()
        self.confirming.expire(now)
        receiving = self._desk._receiving
        if receiving is not None:
            receiving.expire()
        idle = self.confirming.idle and all(sender.idle for sender in self._senders)
        return idle and (receiving is None or receiving.idle)

    def _why_waiting(self) -> str:
        link = next(iter(self._able or self.links), None)
        if link is None:
            return "the pool has no links"
        return f"link {link.name}: {link._why_waiting()}"


def _each(binds: Binds, bind: str) -> list[Mapping[str, Any]]:
    """The settings of each bind."""
    if isinstance(binds, int):
        binds = [bind] * binds
    elif isinstance(binds, Mapping):
        binds = [kind for kind, count in binds.items() for _ in range(count)]
    elif isinstance(binds, str):
        raise ValueError(f"binds: {binds!r}, a sequence of kinds is needed, such as [{binds!r}]")
    if not binds:
        raise ValueError("binds: none given, at least 1 is needed")
    return [{"bind": each} if isinstance(each, str) else each for each in binds]
