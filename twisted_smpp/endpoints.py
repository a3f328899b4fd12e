"""Endpoints from their descriptions, with one kind of error for all that can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint

__all__ = ["client_endpoint", "server_endpoint"]


def client_endpoint(reactor: Any, description: str) -> IStreamClientEndpoint:
    """What connects to ``"tcp:host:port"``, ``"tls:host:port"`` and so on.

    Raises:
        ValueError: the description is incomplete, or names a file that cannot be read.
    """
    return cast(IStreamClientEndpoint, _parse(clientFromString, reactor, description))


def server_endpoint(reactor: Any, description: str) -> IStreamServerEndpoint:
    """What listens as ``"tcp:port"``, ``"ssl:port:privateKey=..."`` and so on say.

    Raises:
        ValueError: the description is incomplete, or names a file that cannot be read.
    """
    return cast(IStreamServerEndpoint, _parse(serverFromString, reactor, description))


def _parse(parse: Callable[[Any, str], Any], reactor: Any, description: str) -> Any:
    try:
        return parse(reactor, description)
    except (TypeError, OSError, LookupError) as error:
        raise ValueError(f"endpoint {description}: {error}") from None
