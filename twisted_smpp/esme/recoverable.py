"""Whoever waits until all that an earlier process has left goes on."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from twisted_smpp.interfaces import IMessageStore

__all__ = ["Recoverable"]


class Recoverable:
    """What is read from a store when a process begins.

    Args:
        store: where it is.
        name: of the account or link.

    Attributes:
        store, name: the same.
        recovered: whether all of it was read.
    """

    def __init__(self, store: IMessageStore, name: str) -> None:
        self.store: Any = store
        self.name = name
        self.recovered = False
        #: How many messages were read so far.
        self._read_count = 0
        self._recovering: list[Deferred[int]] = []
        self._owner: object = None

    def read_for(self, owner: object) -> None:
        """Says for whom it is read: for two, all would be there twice, and be sent twice.

        Args:
            owner: a service, or the pool of several.

        Raises:
            ValueError: it is another's.
        """
        if self._owner not in (None, owner):
            raise ValueError("outbox: another service has it; links that share one are an ESMEPool")
        self._owner = owner

    def when_recovered(self) -> Deferred[int]:
        """Fires with the number of messages that earlier processes have left, when all go on.

        At once when they do already. Until the service is started, it is waited for. May be
        cancelled.

        Returns:
            a new Deferred. It errbacks with :class:`~twisted_smpp.errors.StoreFailed` when the
            store has failed or was closed, with :class:`~twisted_smpp.errors.SessionLost` when
            the service was stopped, and else with what the store could not be read for: that is
            tried again some time later, which another Deferred waits for.
        """
        if self.recovered:
            return succeed(self._read_count)
        if self.store.failed is not None:
            return fail(self.store.failed)
        deferred: Deferred[int] = Deferred(self._recovering.remove)
        self._recovering.append(deferred)
        return deferred

    def tell_recovered(self, result: Any) -> None:
        """All goes on, or not yet: tells those who have waited until now, but none that comes.

        Args:
            result: how many messages there are, or an error.
        """
        for deferred in list(self._recovering):
            if deferred in self._recovering:  # the callback of one may cancel another
                self._recovering.remove(deferred)
                deferred.callback(result)
