"""How long messages are kept and tried, for all accounts and for one."""

from __future__ import annotations

from dataclasses import dataclass

from twisted_smpp.smsc.ids import ID_STYLES

__all__ = ["Keeping", "Terms"]


def _positive(settings: object, *names: str) -> None:
    for name in names:
        if not getattr(settings, name) > 0:
            raise ValueError(f"{name}: {getattr(settings, name)!r}, more than 0 is needed")


@dataclass(frozen=True)
class Keeping:
    """How deliveries are tried again, and how long what has ended is known.

    Attributes:
        delays: seconds before the next try after the first, second, ... refusal; the last
            one goes on.
        attempts: how often a delivery may be refused, or have no known outcome.
        receipt_seconds: how long a receipt is tried.
        dead_seconds: how long a receipt is kept that was not taken.
        final_seconds: how long a message is known that has come to its end.
        most_final: how many of those, at most; looked after every ``sweep`` seconds. A store in
            memory has to have room for more.
        sweep: seconds between two looks for what has expired or is old.
    """

    delays: tuple[float, ...] = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 5400.0)
    attempts: int = 20
    receipt_seconds: float = 7 * 86_400.0
    dead_seconds: float = 7 * 86_400.0
    final_seconds: float = 86_400.0
    most_final: int = 500_000
    sweep: float = 5.0

    def __post_init__(self) -> None:
        if not self.delays or min(self.delays) < 1:
            raise ValueError(f"delays: {self.delays!r}, at least one of 1 s or more is needed")
        if self.most_final < 0:
            raise ValueError(f"most_final: {self.most_final!r}, 0 or more is needed")
        _positive(self, "attempts", "receipt_seconds", "dead_seconds", "final_seconds", "sweep")

    def delay(self, tries: int) -> float:
        """Seconds before the next try after so many."""
        return self.delays[min(tries, len(self.delays)) - 1]


@dataclass(frozen=True)
class Terms:
    """What is agreed with one account.

    Attributes:
        id_style: how ids are written, of :data:`~twisted_smpp.smsc.ids.ID_STYLES`.
        seconds_in_receipts: whether the dates in the text of receipts have seconds.
        default_validity: seconds that a message is worth delivering that does not say.
        longest_validity: seconds, at most, after it was submitted or scheduled.
        most_waiting: messages and receipts that may wait for the account; while there are as
            many, what would add to them is refused with ESME_RMSGQFUL.
        dedup_seconds: for so long a message that was submitted again, octet for octet, gets
            the id of the first one and is not delivered twice; 0 to 600, 0 for never.
    """

    id_style: str = "hex"
    seconds_in_receipts: bool = False
    default_validity: float = 2 * 86_400.0
    longest_validity: float = 63 * 86_400.0
    most_waiting: int = 1_000_000
    dedup_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.id_style not in ID_STYLES:
            raise ValueError(f"id_style: {self.id_style!r} is none of {', '.join(ID_STYLES)}")
        _positive(self, "default_validity", "longest_validity", "most_waiting")
        if not 0 <= self.dedup_seconds <= 600:
            raise ValueError(f"dedup_seconds: {self.dedup_seconds!r}, 0 to 600 are possible")
