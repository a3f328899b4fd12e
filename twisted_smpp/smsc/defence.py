"""What a message centre does against those who are not its customers.

Guessing: so many wrong binds in a minute from one address for one system_id, and neither
is listened to for a while, together. Many more from one address, and that address is not
listened to at all. A system_id alone is never banned: anybody could lock a customer out.

Crowds: connections that are not bound are bounded, for each address and in all, and so is
the rate of new ones. What is more is closed at once, with one line in the log for ten
seconds. An IPv6 address counts with its /64.

Every table is bounded: what was used longest ago is forgotten.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.smsc.networks import Network, address_of, block_of, is_in
from twisted_smpp.tokens import TokenBucket

__all__ = ["Defence", "DefenceLimits"]

T = TypeVar("T")

_LOG_SECONDS = 10.0


@dataclass(frozen=True)
class DefenceLimits:
    """The numbers of a :class:`Defence`.

    Attributes:
        pair_failures, address_failures: wrong binds in ``window`` seconds for which an
            address is banned: for one system_id, and for all.
        window: seconds.
        ban: how long, in seconds.
        delay: seconds until a wrong bind is answered.
        unbound_per_address, unbound: connections that are not bound, from one address and
            in all.
        connects, connect_burst: new connections from one address in a second, and at once.
        sessions: that may be bound.
        entries: of each table.
    """

    pair_failures: int = 5
    address_failures: int = 20
    window: float = 60.0
    ban: float = 300.0
    delay: float = 1.0
    unbound_per_address: int = 20
    unbound: int = 1000
    connects: float = 10.0
    connect_burst: float = 50.0
    sessions: int = 1000
    entries: int = 10_000


class Table(Generic[T]):
    """So many entries; of more, the one that was used longest ago goes."""

    def __init__(self, most: int, make: Callable[[], T]) -> None:
        self._most = most
        self._make = make
        self._entries: OrderedDict[Any, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, key: Any) -> T:
        """The entry; made when there is none."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = self._make()
            if len(self._entries) > self._most:
                self._entries.popitem(last=False)
        self._entries.move_to_end(key)
        return entry

    def __setitem__(self, key: Any, entry: T) -> None:
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def get(self, key: Any) -> T | None:
        """The entry, or None."""
        return self._entries.get(key)

    def pop(self, key: Any) -> None:
        """Forgets an entry."""
        self._entries.pop(key, None)


class Defence:
    """Counts, and says who is not listened to.

    Args:
        clock: an ``IReactorTime``.
        limits: the numbers.
        proxies: the networks of those who may connect at all when they all are proxies
            (an ``haproxy:`` endpoint), and whose own addresses are therefore not counted;
            None when everybody connects for himself.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        limits: DefenceLimits = DefenceLimits(),
        proxies: Iterable[Network] | None = None,
    ) -> None:
        self._clock = clock
        self.limits = limits
        self._proxies = None if proxies is None else tuple(proxies)
        self._failures: Table[deque[float]] = Table(limits.entries, deque)
        self._bans: Table[float] = Table(limits.entries, float)
        self._connects: Table[TokenBucket] = Table(limits.entries, self._bucket)
        self._unbound: dict[SMPPProtocol, str] = {}
        self._per_block: dict[str, int] = {}
        self._closed = 0
        self._logged_at = float("-inf")

    def _bucket(self) -> TokenBucket:
        now = self._clock.seconds()
        return TokenBucket(self.limits.connects, self.limits.connect_burst, now)

    # Binds.

    def is_banned(self, peer: Any, system_id: str) -> bool:
        """Whether a bind is refused without a look at its password.

        Args:
            peer: the address that the transport tells.
            system_id: of the bind.
        """
        block = block_of(address_of(peer))
        return bool(block) and (self._in_force(block) or self._in_force((block, system_id)))

    def _in_force(self, key: Any) -> bool:
        until = self._bans.get(key)
        if until is not None and until <= self._clock.seconds():
            self._bans.pop(key)
            return False
        return until is not None

    def failed(self, peer: Any, system_id: str) -> None:
        """A bind was wrong; those that were right are never counted."""
        block = block_of(address_of(peer))
        if not block:
            return  # not an IP address: a Unix socket has its own permissions
        who = f"{system_id[:16]!a} from {block}"
        self._count((block, system_id), self.limits.pair_failures, who)
        self._count(block, self.limits.address_failures, f"everybody from {block}")

    def _count(self, key: Any, most: int, who: str) -> None:
        now = self._clock.seconds()
        failures = self._failures[key]
        failures.append(now)
        while failures[0] <= now - self.limits.window:
            failures.popleft()
        if len(failures) >= most:
            self._failures.pop(key)
            self._bans[key] = now + self.limits.ban
            self.log.warn(
                "{who} is banned for {seconds:g} s: {count} wrong binds in {window:g} s",
                who=who,
                seconds=self.limits.ban,
                count=most,
                window=self.limits.window,
            )

    # Connections.

    def admits(self, peer: Any) -> bool:
        """Whether a new connection may stay, as far as its address tells."""
        address = address_of(peer)
        if self._proxies is not None:
            admitted = is_in(address, self._proxies) and len(self._unbound) < self.limits.unbound
        else:
            admitted = self._has_place(block_of(address))
        if not admitted:
            self._closed += 1
            self._log_closed()
        return admitted

    def _has_place(self, block: str) -> bool:
        if len(self._unbound) >= self.limits.unbound:
            return False
        if not block:
            return True
        return (
            not self._in_force(block)
            and self._per_block.get(block, 0) < self.limits.unbound_per_address
            and self._connects[block].take(self._clock.seconds())
        )

    def _log_closed(self) -> None:
        now = self._clock.seconds()
        if now - self._logged_at >= _LOG_SECONDS:
            self.log.warn(
                "{count} connections were closed at once: too many, too fast, or banned",
                count=self._closed,
            )
            self._closed, self._logged_at = 0, now

    def connected(self, session: SMPPProtocol) -> None:
        """A connection was made; it is not bound."""
        block = ""
        if self._proxies is None and session.transport is not None:
            block = block_of(address_of(session.transport.getPeer()))
        self._unbound[session] = block
        if block:
            self._per_block[block] = self._per_block.get(block, 0) + 1

    def settled(self, session: SMPPProtocol) -> None:
        """A connection was bound, or is gone."""
        block = self._unbound.pop(session, "")
        if block:
            self._per_block[block] -= 1
            if not self._per_block[block]:
                del self._per_block[block]
