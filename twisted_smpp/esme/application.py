"""An object of the application, in the place of callbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted_smpp.interfaces import IMessageReceiver

__all__ = ["callbacks", "callbacks_of_pool"]

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


def callbacks_of_pool(
    application: Any, on_state: Callback | None, settings: Mapping[str, Any]
) -> tuple[Callback | None, dict[str, Any]]:
    """The callbacks of a pool, whose ``on_state`` is called with the link, too.

    Args:
        application: an ``IMessageReceiver``; None for the callbacks.
        on_state: called with a link and its change.
        settings: those of the links, with other callbacks.

    Returns:
        ``on_state``, and the settings without it.

    Raises:
        TypeError, ValueError: as for :func:`callbacks`.
    """
    given = {name: settings.get(name) for name in ("on_message", "on_receipt", "on_alert")}
    called = callbacks(application, {**given, "on_state": on_state})
    changed = called.pop("on_state")
    if application is None or changed is None:
        return changed, {**settings, **called}
    return lambda link, change: changed(change), {**settings, **called}
