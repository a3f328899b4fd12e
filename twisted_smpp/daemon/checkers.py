"""Several checkers of ``--auth``: a portal of Twisted asks only the last of those it is given."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["AnyOf"]


@implementer(ICredentialsChecker)
class AnyOf:
    """Accepts whom one of its checkers accepts.

    Args:
        checkers: asked one after the other.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, checkers: list[Any]) -> None:
        self.checkers = list(checkers)

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Twisted: the name that the first one gives; errbacks with UnauthorizedLogin."""
        first, *others = self.checkers
        asked: Deferred[Any] = maybeDeferred(first.requestAvatarId, credentials)
        for checker in others:
            asked.addErrback(self._next, checker, credentials)
        return asked

    def _next(self, failure: Failure, checker: Any, credentials: Any) -> Any:
        failure.trap(UnauthorizedLogin)
        return checker.requestAvatarId(credentials)
