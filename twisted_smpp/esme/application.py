"""An object of the application, in the place of callbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted_smpp.interfaces import IMessageReceiver

__all__ = ["callbacks"]

Callback = Callable[..., Any]


def callbacks(application: Any, given: Mapping[str, Callback | None]) -> dict[str, Callback | None]:
    """The callbacks that a service calls.

    Args:
        application: an ``IMessageReceiver``; None for those that were given.
        given: what was given, by name.

    Raises:
        TypeError: the application does not provide ``IMessageReceiver``.
        ValueError: both were given.
    """
    if application is None:
        return dict(given)
    if not IMessageReceiver.providedBy(application):
        raise TypeError(
            f"application: {type(application).__name__} does not provide IMessageReceiver"
        )
    both = [name for name, callback in given.items() if callback is not None]
    if both:
        raise ValueError(f"application and {', '.join(both)} were given: it is one or the other")
    return {
        "on_message": application.message,
        "on_receipt": application.receipt,
        "on_alert": application.alert,
        "on_state": application.link_changed,
    }
