"""What passes between a message centre and each account, in both directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_smpp.smsc.centre import MessageCentre

__all__ = ["Traffic"]

#: Seconds between two looks for accounts that are silent.
LOOK_SECONDS = 15.0


class Traffic:
    """Figures of each account, and who is silent for too long.

    Args:
        centre: whose accounts they are.
        silence: returns, for a system_id, after how many seconds without a message from it an
            account counts as silent; None: never.
        names: returns the accounts that may be silent, besides those that have been bound.
        clock: an ``IReactorTime``.

    Attributes:
        silent: the accounts that are, by their system_id.
    """

    log = Logger()

    def __init__(
        self,
        centre: MessageCentre,
        silence: Callable[[str], float | None],
        names: Callable[[], Any],
        clock: IReactorTime,
    ) -> None:
        self._centre = centre
        self._silence = silence
        self._names = names
        self._clock = clock
        self._call: IDelayedCall | None = None
        self._since = 0.0
        self.silent: set[str] = set()

    def start(self) -> None:
        """Looks from now on."""
        self._since = self._clock.seconds()
        self._call = self._clock.callLater(LOOK_SECONDS, self._look)

    def stop(self) -> None:
        """Looks no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = self._clock.callLater(LOOK_SECONDS, self._look)
        names = {*self._centre.customers, *self._names()}
        self.silent &= names
        for name in names:
            self._judge(name, self._silence(name))

    def _judge(self, name: str, most: float | None) -> None:
        customer = self._centre.customers.get(name)
        heard_at = self._since
        if customer is not None and customer.accepted_at is not None:
            heard_at = max(heard_at, customer.accepted_at)
        seconds = self._clock.seconds() - heard_at
        is_silent = most is not None and seconds >= most
        if is_silent and name not in self.silent:
            self.silent.add(name)
            self.log.warn(
                "{name}: no message from it for {minutes:g} minutes",
                name=ascii(name),
                minutes=round(seconds / 60) or round(seconds / 60, 1),
            )
        elif not is_silent and name in self.silent:
            self.silent.discard(name)
            self.log.info("{name}: messages come from it again", name=ascii(name))

    def status(self) -> dict[str, dict[str, Any]]:
        """For each account that has been bound or is in the file: its figures.

        ``accepted`` and ``delivered`` count messages from it and to it (receipts are among the
        latter), ``last_accepted`` and ``last_delivered`` are seconds since 1970 or None.
        """
        names = {*self._centre.customers, *self._names()}
        return {name: self._figures(name) for name in sorted(names)}

    def _figures(self, name: str) -> dict[str, Any]:
        customer = self._centre.customers.get(name)
        figures: dict[str, Any] = {
            "accepted": 0,
            "last_accepted": None,
            "delivered": 0,
            "last_delivered": None,
            "waiting": 0,
            "receivers": 0,
            "silent": name in self.silent,
        }
        if customer is not None:
            figures["accepted"] = customer.accepted
            figures["last_accepted"] = self._wall(customer.accepted_at)
            figures["delivered"] = customer.sessions.delivered
            figures["last_delivered"] = self._wall(customer.sessions.delivered_at)
            figures["waiting"] = customer.dispatch.count
            figures["receivers"] = len(customer.sessions.sessions)
        return figures

    def _wall(self, at: float | None) -> float | None:
        if at is None:
            return None
        return round(self._centre.now() - (self._clock.seconds() - at), 3)
