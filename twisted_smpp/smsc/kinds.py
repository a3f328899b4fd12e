"""What the records of a message centre are."""

from __future__ import annotations

__all__ = ["MESSAGE", "RECEIPT", "account_queue", "sink_queue"]

#: A message that was submitted; its ``state`` is a MessageState, its ``pdu`` the submission.
MESSAGE = 1
#: A receipt or an intermediate notification on its way; its ``pdu`` is the deliver_sm.
RECEIPT = 2


def account_queue(name: str) -> str:
    """The queue of what waits for an account."""
    return f"account:{name}"


def sink_queue(name: str) -> str:
    """The queue of what waits for an object of the application."""
    return f"sink:{name}"
