"""How a link sends messages, and how long it waits for what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from twisted_smpp.esme.attempts import UnknownPolicy
from twisted_smpp.esme.confirming import Confirming
from twisted_smpp.esme.profile import Profile
from twisted_smpp.esme.retries import Retries
from twisted_smpp.text.receipt_forms import STANDARD, Form

__all__ = ["Sending", "confirming_of"]


@dataclass(frozen=True)
class Sending:
    """How messages are sent, and matched with what becomes of them.

    Attributes:
        rate: messages/s that were agreed; None for no limit.
        burst: messages that may go at once after a rest; None for a tenth of a second of
            the rate.
        most_waiting: when so many parts wait to be sent, or for a decision about what is held,
            no more messages are taken.
        retries: what to do with refusals.
        unknown: what to do when a response is lost: an
            :class:`~twisted_smpp.UnknownPolicy`, or its value.
        ids: how the ids of receipts are compared, see :mod:`twisted_smpp.text.message_id`.
        receipt_form: how the message centre writes receipts.
        receipt_seconds: how long a receipt is waited for.
        parked_seconds: how long a receipt waits for its message.
        query_after: seconds without a final receipt after which the message centre is asked
            by query_sm, and again each time that the message has waited twice as long; None
            for never. It is looked every 30 seconds.

    Raises:
        ValueError: there is no such policy, or a number is too small.
    """

    rate: float | None = None
    burst: float | None = None
    most_waiting: int = 10_000
    retries: Retries = field(default_factory=Retries)
    unknown: UnknownPolicy | str = UnknownPolicy.RESEND
    ids: str = "learn"
    receipt_form: Form = STANDARD
    receipt_seconds: float = 3 * 86_400.0
    parked_seconds: float = 86_400.0
    query_after: float | None = None

    @classmethod
    def of(cls, profile: Profile, **changes: Any) -> Sending:
        """What a profile says, with some of it, or more, as the application wants it.

        Args:
            profile: see :meth:`twisted_smpp.Profile.load`.
            changes: attributes that are to be other than the profile says.

        Raises:
            ValueError: as for the class itself.
        """
        told: dict[str, Any] = {
            "rate": profile.link.get("rate"),
            "burst": profile.link.get("burst"),
            "ids": profile.ids,
            "receipt_form": profile.form,
            "receipt_seconds": profile.receipt_seconds or cls.receipt_seconds,
            "query_after": profile.query_after,
        }
        return cls(**{**told, **changes})

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "unknown", UnknownPolicy(self.unknown))
        except ValueError:
            known = ", ".join(policy.value for policy in UnknownPolicy)
            raise ValueError(f"unknown: {self.unknown!r} is not one of {known}") from None
        if self.most_waiting < 1:
            raise ValueError(f"most_waiting: {self.most_waiting}, at least 1 is needed")
        for name in ("receipt_seconds", "parked_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: {getattr(self, name)}, more than 0 is needed")
        if self.query_after is not None and not self.query_after > 0:
            raise ValueError(f"query_after: {self.query_after}, more than 0 is needed")


def confirming_of(sending: Sending, system_id: str) -> Confirming:
    """Where the parts of a link await their receipts.

    Args:
        sending: how ids are compared, and how long receipts are waited for.
        system_id: of the bind, for what is logged.
    """
    return Confirming(
        sending.ids,
        name=system_id,
        receipt_seconds=sending.receipt_seconds,
        parked_seconds=sending.parked_seconds,
    )
