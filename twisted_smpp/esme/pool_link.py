"""The parts of a pool: its links, the desk that writes messages, the lobby where they wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from twisted_smpp.esme.asking import Asking
from twisted_smpp.esme.sender import Sender
from twisted_smpp.esme.sending import Sending
from twisted_smpp.esme.service import ESMEService
from twisted_smpp.protocol import SMPPProtocol

if TYPE_CHECKING:
    from twisted_smpp.esme.pool import ESMEPool

__all__ = ["Desk", "Lobby", "PoolLink"]


class _OfPool(ESMEService):
    """What is a part of a pool: the pool looks for what gets old."""

    def __init__(self, pool: ESMEPool, *args: Any, **settings: Any) -> None:
        self._pool = pool
        super().__init__(*args, **settings)

    def _sweep_later(self) -> None:
        self._pool._sweep_later()


class Desk(_OfPool):
    """Where messages are written; it is never started, and its sender is the lobby."""

    def _make_sender(self, sending: Sending) -> Sender:
        sender = super()._make_sender(sending)
        return Lobby(
            sender._clock,
            sender.pace,
            sending.retries,
            sending.unknown,
            sending.most_waiting,
            self._accepted,
            pool=self._pool,
        )

    def _make_asking(self, sending: Sending) -> Asking:
        """For all links: any that sends may ask."""
        pool = self._pool
        return Asking(pool.request, self.confirming, self._clock.seconds, sending.query_after)


class Lobby(Sender):
    """Where messages wait for a link; it has none of its own."""

    def __init__(self, *args: Any, pool: ESMEPool) -> None:
        super().__init__(*args)
        self._pool = pool

    @property
    def waiting(self) -> int:
        """Parts that wait anywhere in the pool: its bound is that of the whole."""
        return self._pool.waiting

    @property
    def _occupied(self) -> int:
        return self._pool.waiting + self._pool.held

    def check_room(self) -> None:
        """Raises WindowFull when there is no room in the pool for one more message."""
        if self._occupied >= self._most_waiting:
            self._no_room(self._pool.waiting, self._pool.held)

    @property
    def own(self) -> int:
        """Parts that wait here."""
        return super().waiting

    def due_in(self, now: float) -> float | None:
        """Seconds until a part is due that waits for its time; None when none does."""
        return self._later[0][0] - now if self._later else None

    def give_slots(self) -> None:
        """There may be room for more."""
        self._give_slots()


class PoolLink(_OfPool):
    """One link of a pool; :meth:`ESMEPool.add` makes it.

    Attributes:
        name: ``"1"`` for the first, and so on; none is given twice.
        bind: ``"transceiver"``, ``"transmitter"`` or ``"receiver"``.
    """

    def __init__(self, pool: ESMEPool, name: str, *args: Any, **settings: Any) -> None:
        super().__init__(pool, *args, **settings)
        self.name: str = name  # Twisted's: pool.getServiceNamed() finds it
        self.bind = settings["bind"]
        self.sender.on_change = self._changed

    def __repr__(self) -> str:
        return f"<PoolLink {self.name}: {self.change.state.name}>"

    def _changed(self) -> None:
        self._pool._changed(self)

    def _recover(self) -> None:
        """The desk does that, for all links."""

    def stopService(self) -> Deferred[None]:
        """Awaits what is in flight and unbinds; what was not sent goes to the other links."""
        stopping = super().stopService()
        self._changed()
        return stopping

    def _bound(self, session: SMPPProtocol) -> None:
        super()._bound(session)
        self._pool._bound(session)

    def _lost(self, session: SMPPProtocol, why: str) -> None:
        super()._lost(session, why)
        self._changed()
