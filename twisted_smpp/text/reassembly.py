"""Parts that arrive in any order become the messages that they were.

Nothing that was added is ever dropped: what stays incomplete is handed over as it is, with
the numbers of what is missing, when it gets too old or there is too much of it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

from twisted_smpp.text.coding import Decoded
from twisted_smpp.text.parts import Part, join
from twisted_smpp.text.rules import TextRules
from twisted_smpp.text.udh import Concatenation, Ports

__all__ = ["Joined", "Reassembly"]

_DEFAULT_RULES = TextRules()

#: What keeping a part costs besides its octets, about.
PART_OCTETS = 800
#: Messages that were complete and are remembered, so that a repeated part is known as one.
MOST_REMEMBERED = 10_000

#: Account, source, destination, reference, total, width.
Key = tuple[str, str, str, int, int, int]


class Joined(NamedTuple):
    """A message whose parts came together, or did not.

    Attributes:
        account, source, destination: as they were given.
        parts: those that came, in order.
        missing: the numbers of the others; empty for a whole message.
        reason: why an incomplete one is handed over, in words; "" for a whole one.
    """

    account: str
    source: str
    destination: str
    parts: tuple[Part, ...]
    missing: tuple[int, ...] = ()
    reason: str = ""

    def __repr__(self) -> str:
        gap = f", missing {list(self.missing)}: {self.reason}" if self.missing else ""
        return f"Joined({self.source!r} to {self.destination!r}, {len(self.parts)} parts{gap})"

    @property
    def complete(self) -> bool:
        """Whether all parts are there."""
        return not self.missing

    def decode(self, rules: TextRules = _DEFAULT_RULES) -> list[Decoded]:
        """What it says: one text when it is complete, else one for each part there is."""
        if self.complete:
            return [join(self.parts, rules)]
        return [part.decode(rules) for part in self.parts]


class _Open:
    """Parts that have something in common, not all of them yet."""

    __slots__ = ("echo", "octets", "parts", "since")

    def __init__(self, since: float, echo: bytes | None) -> None:
        self.since = since
        #: Digests of the message of this key that was complete before.
        self.echo = echo
        self.parts: dict[int, Part] = {}
        self.octets = 0


class Reassembly:
    """Joins parts, of any number of accounts and sessions.

    The parts of a message have account, source, destination, reference, total and the width
    of the reference in common. A part that comes again unchanged is ignored, before and
    after the message is complete; one that comes with other octets means that the sender
    uses the reference anew, and begins another message. When all parts of a complete message
    come again, it was sent again, and is handed over again.

    Time is that of the caller, in seconds; with a clock that goes on while the process is
    down, state that is restored ages rightly.

    Args:
        most_open: incomplete messages of an account.
        most_octets: octets kept for an account, each part counted with 800 more.
        most_octets_in_all: likewise for all accounts.
        seconds: how long an incomplete message is kept from its first part on.

    Attributes:
        duplicates: how many parts were ignored because they had been there.
    """

    def __init__(
        self,
        *,
        most_open: int = 1000,
        most_octets: int = 4 << 20,
        most_octets_in_all: int = 64 << 20,
        seconds: float = 600.0,
    ) -> None:
        self._most_open = most_open
        self._most_octets = most_octets
        self._most_octets_in_all = most_octets_in_all
        self._seconds = seconds
        # Both in the order of their first parts.
        self._open: OrderedDict[Key, _Open] = OrderedDict()
        self._accounts: dict[str, OrderedDict[Key, _Open]] = {}
        self._octets_of: dict[str, int] = {}
        self._octets = 0
        self._complete: OrderedDict[Key, tuple[float, bytes]] = OrderedDict()
        self.duplicates = 0
        #: Restored or reopened: the next call looks at all that is open.
        self._is_unchecked = False

    def __len__(self) -> int:
        return len(self._open)

    @property
    def octets(self) -> int:
        """What is kept, each part counted with 800 octets more."""
        return self._octets

    def add(
        self, account: str, source: str, destination: str, part: Part, now: float
    ) -> list[Joined]:
        """Takes a part.

        Args:
            account: whose it is; accounts never mix.
            source, destination: the addresses, type and plan included where they matter.
            part: see :meth:`twisted_smpp.text.parts.Part.of`.
            now: the time, in seconds.

        Returns:
            What there is to hand over now: what became too old, the message that this part
            completes or is, and what has to go for lack of room. Mostly nothing, or one.
        """
        ready = self.expire(now)
        which = part.concatenation
        if which is None:
            ready.append(Joined(account, source, destination, (part,)))
            return ready
        key = (account, source, destination, which.reference, which.total, which.width)
        opened = self._open.get(key)
        if opened is not None and which.number in opened.parts:
            if opened.parts[which.number] == part:
                self.duplicates += 1
                return ready
            ready += self._hand_over(key, "its reference is used anew")
            opened = None
        if opened is None:
            opened = self._begin(key, now)
        self._keep(key, opened, which.number, part)
        if len(opened.parts) == which.total:
            ready.append(self._completed(key, now))
        else:
            ready += self._make_room(account)
        return ready

    def reopen(self, joined: Joined, without: Part, now: float) -> list[Joined]:
        """Takes back a whole message that could not be handed over.

        Args:
            joined: a message of several parts, as :meth:`add` returned it.
            without: the part that completed it, which its sender will send again.
            now: the time, in seconds.

        Returns:
            what there is to hand over: its other parts, if their reference is in use again.
        """
        which = without.concatenation
        if which is None or which.total == 1:
            return []
        key = (
            joined.account,
            joined.source,
            joined.destination,
            which.reference,
            which.total,
            which.width,
        )
        self._complete.pop(key, None)
        known = {part.concatenation.number: part for part in joined.parts if part.concatenation}
        del known[which.number]
        opened = self._open.get(key)
        if opened is None:
            opened = self._begin(key, now)
        opened.echo = None  # what is repeated has not been handed over
        if any(known.get(number, part) != part for number, part in opened.parts.items()):
            rest = tuple(part for _, part in sorted(known.items()))
            reason = "its reference is used anew"
            return [joined._replace(parts=rest, missing=(which.number,), reason=reason)]
        for number, part in known.items():
            if number not in opened.parts:
                self._keep(key, opened, number, part)
        self._is_unchecked = True
        return []

    def expire(self, now: float) -> list[Joined]:
        """What is too old at ``now``, to be handed over incomplete; the oldest first."""
        ready = []
        if self._is_unchecked:
            whole = [key for key, opened in self._open.items() if len(opened.parts) == key[4]]
            ready += [self._completed(key, now) for key in whole]
        while self._open:
            key, opened = next(iter(self._open.items()))
            if opened.since + self._seconds > now:
                break
            ready += self._hand_over(key, f"not complete within {self._seconds:g} s")
        while self._complete:
            key, (since, _) = next(iter(self._complete.items()))
            if since + self._seconds > now:
                break
            del self._complete[key]
        if self._is_unchecked:
            self._is_unchecked = False
            ready += [each for account in [*self._accounts] for each in self._make_room(account)]
        return ready

    def flush(self, account: str | None = None, reason: str = "flushed") -> list[Joined]:
        """Everything incomplete of an account, or of all, to be handed over at once."""
        keys = list(self._open if account is None else self._accounts.get(account, ()))
        return [each for key in keys for each in self._hand_over(key, reason)]

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do; None while nothing is open."""
        if not self._open:
            return None
        return next(iter(self._open.values())).since + self._seconds

    # Keeping.

    def _begin(self, key: Key, since: float) -> _Open:
        remembered = self._complete.get(key)
        opened = _Open(since, None if remembered is None else remembered[1])
        self._open[key] = opened
        self._accounts.setdefault(key[0], OrderedDict())[key] = opened
        return opened

    def _keep(self, key: Key, opened: _Open, number: int, part: Part) -> None:
        octets = len(part.octets) + PART_OCTETS
        opened.parts[number] = part
        opened.octets += octets
        self._octets += octets
        self._octets_of[key[0]] = self._octets_of.get(key[0], 0) + octets

    def _forget(self, key: Key) -> _Open:
        opened = self._open.pop(key)
        account = key[0]
        del self._accounts[account][key]
        self._octets -= opened.octets
        self._octets_of[account] -= opened.octets
        if not self._accounts[account]:
            del self._accounts[account], self._octets_of[account]
        return opened

    def _make_room(self, account: str) -> list[Joined]:
        ready = []
        while len(self._accounts.get(account, ())) > self._most_open:
            ready += self._hand_over(self._oldest(account), "too many incomplete messages")
        while self._octets_of.get(account, 0) > self._most_octets:
            ready += self._hand_over(self._oldest(account), "too many octets of the account")
        while self._octets > self._most_octets_in_all:
            ready += self._hand_over(next(iter(self._open)), "too many octets of all accounts")
        return ready

    def _oldest(self, account: str) -> Key:
        return next(iter(self._accounts[account]))

    # Handing over.

    def _completed(self, key: Key, now: float) -> Joined:
        opened = self._forget(key)
        self._complete.pop(key, None)
        self._complete[key] = (
            now,
            b"".join([_digest(opened.parts[number]) for number in range(1, key[4] + 1)]),
        )
        if len(self._complete) > MOST_REMEMBERED:
            self._complete.popitem(last=False)
        return _joined(key, opened, "")

    def _hand_over(self, key: Key, reason: str) -> list[Joined]:
        """One incomplete message; none if all its parts were handed over as a whole before."""
        opened = self._forget(key)
        if opened.echo is not None and all(
            opened.echo[8 * number - 8 : 8 * number] == _digest(part)
            for number, part in opened.parts.items()
        ):
            self.duplicates += len(opened.parts)
            return []
        return [_joined(key, opened, reason)]

    # Saving.

    def state(self) -> dict[str, Any]:
        """All that is kept, as numbers, strings, lists and dicts (what JSON has)."""
        return {
            "open": [
                {
                    "key": list(key),
                    "since": opened.since,
                    "echo": None if opened.echo is None else opened.echo.hex(),
                    "parts": [_part_state(part) for part in opened.parts.values()],
                }
                for key, opened in self._open.items()
            ],
            "complete": [
                [list(key), since, digests.hex()]
                for key, (since, digests) in self._complete.items()
            ],
        }

    @classmethod
    def restored(cls, state: dict[str, Any], **limits: Any) -> Reassembly:
        """One that goes on where ``state`` was taken.

        Args:
            state: what :meth:`state` gave.
            limits: as for the class; what is over them is handed over by the next call.

        Raises:
            ValueError, KeyError, TypeError: it is not such a state.
        """
        made = cls(**limits)
        for entry in state["open"]:
            key = _key_of_state(entry["key"])
            opened = made._begin(key, float(entry["since"]))
            opened.echo = None if entry["echo"] is None else bytes.fromhex(entry["echo"])
            if not entry["parts"]:
                raise ValueError("a message without parts")
            for part in map(_part_of_state, entry["parts"]):
                which = part.concatenation
                if which is None or not which.is_valid or key[3:] != (*which[:2], which.width):
                    raise ValueError("a part of another message")
                made._keep(key, opened, which.number, part)
        for key, since, digests in state["complete"]:
            made._complete[_key_of_state(key)] = float(since), bytes.fromhex(digests)
        made._is_unchecked = True
        return made


def _joined(key: Key, opened: _Open, reason: str) -> Joined:
    account, source, destination, _, total, _ = key
    parts = tuple(part for _, part in sorted(opened.parts.items()))
    missing = _missing(opened.parts, total)
    return Joined(account, source, destination, parts, missing, reason)


def _missing(numbers: Iterable[int], total: int) -> tuple[int, ...]:
    return tuple(sorted({*range(1, total + 1)}.difference(numbers)))


def _digest(part: Part) -> bytes:
    return blake2b(part.octets, digest_size=8, salt=bytes((part.data_coding,))).digest()


def _key_of_state(key: Any) -> Key:
    account, source, destination, reference, total, width = key
    return account, source, destination, reference, total, width


def _part_state(part: Part) -> dict[str, Any]:
    has_header = part.header is not None or part.broken_header
    return {
        "data_coding": part.data_coding,
        "octets": b64encode(part.octets).decode("ascii"),
        "header": has_header,
        "concatenation": part.concatenation,
        "ports": part.ports,
    }


def _part_of_state(state: dict[str, Any]) -> Part:
    return Part.made(
        state["data_coding"],
        b64decode(state["octets"], validate=True),
        state["header"],
        Concatenation(*state["concatenation"]),
        None if state["ports"] is None else Ports(*state["ports"]),
    )
