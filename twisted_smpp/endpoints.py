"""Endpoints from their descriptions, with one kind of error for all that can be wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from OpenSSL.crypto import Error as OpenSSLError
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint

__all__ = ["client_endpoint", "server_endpoint"]

_FUNCTION = re.compile(r"^[\w.]+\(\) ")
_NO_NUMBER = re.compile(r"invalid literal for int\(\) with base 10: (.*)")


def client_endpoint(reactor: Any, description: str) -> IStreamClientEndpoint:
    """What connects to ``"tcp:host:port"``, ``"tls:host:port"`` and so on.

    Raises:
        ValueError: the description is incomplete or of no known kind, or names a file that
            cannot be read or is no certificate or key.
    """
    return cast(IStreamClientEndpoint, _parse(clientFromString, reactor, description))


def server_endpoint(reactor: Any, description: str) -> IStreamServerEndpoint:
    """What listens as ``"tcp:port"``, ``"ssl:port:privateKey=..."`` and so on say.

    Raises:
        ValueError: the description is incomplete or of no known kind, or names what is not
            there: a file, or a socket of systemd.
    """
    return cast(IStreamServerEndpoint, _parse(serverFromString, reactor, description))


def _parse(parse: Callable[[Any, str], Any], reactor: Any, description: str) -> Any:
    try:
        return parse(reactor, description)
    except (TypeError, ValueError, LookupError, OSError, OpenSSLError) as error:
        raise ValueError(f"endpoint {ascii(description)[1:-1]}: {_why(error)}") from None


def _why(error: Exception) -> str:
    """What is wrong with a description, without the functions of Twisted that found it."""
    if isinstance(error, OpenSSLError):
        return "a PEM file, perhaps of trustRoots, lacks the certificate or private key it needs"
    text = _FUNCTION.sub("", str(error))
    if text.startswith("Unknown endpoint type"):
        return f"{text}; it begins with its kind, such as tcp:"
    no_number = _NO_NUMBER.fullmatch(text)
    if no_number is not None:
        return f"{no_number[1]} is no number"
    # A folder that cannot be listed says nothing itself.
    return text or str(getattr(error, "originalException", type(error).__name__))
