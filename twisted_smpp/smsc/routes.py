"""Where messages go, by the beginnings of their destinations."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["Route", "RouteKind", "Routes"]


class RouteKind(Enum):
    """Who gets a message.

    ``ACCOUNT``: another account that is bound here; ``LOOPBACK``: whoever sent it, with the
    addresses swapped; ``SINK``: an object of the application; ``AT_ONCE``: nobody, it counts
    as delivered at once, for trying an ESME; ``NOWHERE``: it is refused.
    """

    ACCOUNT = "account"
    LOOPBACK = "loopback"
    SINK = "sink"
    AT_ONCE = "at-once"
    NOWHERE = "nowhere"


class Route(NamedTuple):
    """Where a message goes.

    Attributes:
        kind: who gets it.
        name: of the account or of the sink; else empty.
    """

    kind: RouteKind
    name: str = ""


AT_ONCE = Route(RouteKind.AT_ONCE)


class Routes:
    """A table of beginnings; the longest that fits a destination counts.

    Args:
        default: where everything else goes.
    """

    def __init__(self, default: Route = AT_ONCE) -> None:
        self.default = default
        self._routes: dict[str, Route] = {}
        self._longest = 0

    def add(self, prefix: str, route: Route) -> None:
        """Sends all destinations that begin with ``prefix`` there; a leading + is dropped."""
        self._routes[prefix.removeprefix("+")] = route
        self._longest = max(map(len, self._routes))

    def remove(self, prefix: str) -> None:
        """Takes a beginning out again."""
        self._routes.pop(prefix.removeprefix("+"), None)
        self._longest = max(map(len, self._routes), default=0)

    def find(self, destination: str) -> Route:
        """Where a message to ``destination`` goes."""
        if not self._routes:
            return self.default
        destination = destination.removeprefix("+")
        for length in range(min(len(destination), self._longest), -1, -1):
            route = self._routes.get(destination[:length])
            if route is not None:
                return route
        return self.default
