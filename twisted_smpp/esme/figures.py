"""How a link is doing, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["LinkFigures"]


@dataclass(frozen=True)
class LinkFigures:
    """What :meth:`~twisted_smpp.esme.service.ESMEService.figures` has found; it stays as it is.

    Attributes:
        window: requests that may be in flight now; less than was asked for while the message
            centre is short of room.
        in_flight: requests that await their responses.
        waiting: message parts that wait to be sent.
        held: message parts whose outcome is unknown, and that wait for a decision.
        rate: messages/s that may be sent now, as it was agreed or found out; None for no limit.
        paused: seconds until something is sent again, after the message centre said that it
            was too much; else 0.0.
        throttled: how often it said so, since the service was made.
        resends: how often a message part was sent again although its outcome was unknown.
        round_trip: seconds from a request to its response, smoothed over the last dozen or so
            (of the bind, before there were messages); None while no session is bound.
        link_round_trip: seconds of the last enquire_link (of the bind, before there was
            one); None while no session is bound.
        unconfirmed: message parts that await receipts.
        parked: ids of receipts that wait for their messages.
        unmatched: receipts that found no message within a minute, since the service was made.
        too_many_unmatched: whether they are 1 % or more of the receipts of an hour, and were not
            less than 0.5 % since.
        oldest_waiting: seconds for which the first part that waits to be sent has waited, at
            least; looked at every half minute, on all links of the account.
        stuck: whether that was five minutes, and was not half of it since; the log says why.
    """

    window: int
    in_flight: int
    waiting: int
    held: int
    rate: float | None
    paused: float
    throttled: int
    resends: int
    round_trip: float | None
    link_round_trip: float | None
    unconfirmed: int
    parked: int
    unmatched: int
    too_many_unmatched: bool
    oldest_waiting: float
    stuck: bool

    @classmethod
    def of(cls, sender: Any, confirming: Any, stuck: Any, session: Any, now: float) -> LinkFigures:
        """The figures of now.

        Args:
            sender: the :class:`~twisted_smpp.esme.sender.Sender`.
            confirming: the :class:`~twisted_smpp.esme.confirming.Confirming`.
            stuck: the :class:`~twisted_smpp.esme.stuck.Stuck`.
            session: the :class:`~twisted_smpp.protocol.SMPPProtocol` that is bound, or None.
            now: the time, in seconds.
        """
        pace = sender.pace
        core = None if session is None else session.session
        return cls(
            window=pace.window,
            in_flight=0 if core is None else core.in_flight,
            waiting=sender.waiting,
            held=sender.held,
            rate=pace.rate,
            paused=pace.paused_for(now),
            throttled=pace.throttled,
            resends=sender.resends,
            round_trip=None if core is None else core.round_trip,
            link_round_trip=None if core is None else core.link_round_trip,
            unconfirmed=confirming.waiting,
            parked=confirming.parked,
            unmatched=confirming.unmatched.count,
            too_many_unmatched=confirming.unmatched.too_many,
            oldest_waiting=stuck.seconds,
            stuck=stuck.too_long,
        )
