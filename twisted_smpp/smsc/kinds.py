"""What the records of a message centre are, and the names of its queues."""

from __future__ import annotations

from twisted_smpp.values import MessageState

__all__ = [
    "BROADCAST",
    "FINAL",
    "MESSAGE",
    "RECEIPT",
    "account_queue",
    "dead_queue",
    "sink_queue",
    "taken_queue",
]

#: A message that was submitted; its ``state`` is a MessageState, its ``pdu`` the submission.
MESSAGE = 1
#: A receipt or an intermediate notification on its way; its ``pdu`` is the deliver_sm.
RECEIPT = 2
#: A broadcast_sm.
BROADCAST = 3

#: The states that a message does not leave again.
FINAL = frozenset(
    {
        MessageState.DELIVERED,
        MessageState.EXPIRED,
        MessageState.DELETED,
        MessageState.UNDELIVERABLE,
        MessageState.REJECTED,
        MessageState.SKIPPED,
    }
)


def account_queue(name: str) -> str:
    """The queue of what waits for an account."""
    return f"account:{name}"


def sink_queue(name: str) -> str:
    """The queue of what waits for an object of the application."""
    return f"sink:{name}"


def dead_queue(name: str) -> str:
    """The queue of the receipts that an account did not take."""
    return f"dead:{name}"


def taken_queue(name: str) -> str:
    """The queue of what an object of the application has taken and will report of."""
    return f"taken:{name}"
