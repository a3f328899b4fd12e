"""Passwords against their hashes, without holding the reactor up.

scrypt takes 16 MiB and a twentieth of a second for each password, in two threads. Those that
come meanwhile wait, up to a number; what is more, or has waited too long, is told that the
message centre is busy. A password that was right is remembered, as an HMAC with a key that only
this process has, so that a thousand sessions that come back after a restart of their side cost
nothing; and those of one account that come back after a restart of ours cost one hash, for which
they all wait.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from twisted_smpp.errors import RequestRefused
from twisted_smpp.smsc.hashes import DUMMY, PasswordHash
from twisted_smpp.status import CommandStatus

__all__ = [
    "AHEAD",
    "MOST_REMEMBERED",
    "MOST_SECONDS",
    "MOST_WAITING",
    "THREADS",
    "Verifier",
    "in_threads",
]

#: Passwords that are hashed at a time; those that wait; and how long they may.
THREADS, MOST_WAITING, MOST_SECONDS = 2, 256, 8.0
#: Passwords that the threads have before them.
AHEAD = 16
#: Passwords that are remembered.
MOST_REMEMBERED = 10_000

#: Calls a function with an argument elsewhere; fires with what it returns.
Run = Callable[[Callable[[bytes], bool], bytes], Deferred[bool]]


def in_threads(reactor: Any, make_pool: Callable[..., Any] = ThreadPool) -> Run:
    """Runs functions in two threads of their own, which end with the reactor."""
    pools: list[Any] = []

    def run(function: Callable[[bytes], bool], value: bytes) -> Deferred[bool]:
        if not pools:
            pools.append(make_pool(0, THREADS, "passwords"))
            pools[0].start()
            reactor.addSystemEventTrigger("during", "shutdown", pools[0].stop)
        return deferToThreadPool(reactor, pools[0], function, value)

    return run


class Verifier:
    """Finds out whether passwords are right.

    Args:
        clock: an ``IReactorTime``.
        run: where a password is hashed; see :func:`in_threads`.
        key: 32 random octets that nobody else knows.
        ahead: passwords that are given to ``run`` at a time. With more than there are threads
            none of these waits for a reactor that has ten thousand connections to accept.
    """

    def __init__(self, clock: IReactorTime, run: Run, key: bytes, ahead: int = THREADS) -> None:
        self._clock = clock
        self._run = run
        self._key = key
        self._ahead = ahead
        self._running = 0
        self._waiting: deque[tuple[float, PasswordHash, bytes, Deferred[bool]]] = deque()
        self._right: OrderedDict[bytes, None] = OrderedDict()
        #: Who else waits for a verdict that is under way.
        self._same: dict[bytes, list[Deferred[bool]]] = {}

    def verify(self, system_id: bytes, password: bytes, known: PasswordHash | None) -> Any:
        """Whether the password is that of the hash; None: of nobody, which takes as long.

        Returns:
            True, or a Deferred of a bool. It errbacks with
            :class:`~twisted_smpp.errors.RequestRefused`, ESME_RTHROTTLED, when too many
            wait.
        """
        # Nobody's passwords take the same way, except that they are never right.
        token = self._token(system_id, password, known or DUMMY)
        if token in self._right:
            self._right.move_to_end(token)
            return True
        if token in self._same:
            deferred: Deferred[bool] = Deferred()
            self._same[token].append(deferred)
            return deferred
        self._same[token] = []
        verdict = self._enqueue(known or DUMMY, password)
        verdict.addCallback(self._remember, token, known is not None)
        return verdict.addBoth(self._tell_others, token)

    def forget(self) -> None:
        """Forgets the passwords that were right."""
        self._right.clear()

    def _token(self, system_id: bytes, password: bytes, known: PasswordHash) -> bytes:
        # The hash is part of it: a verdict that is under way when the account changes is
        # then about the old password only.
        parts = (system_id, password, known.digest)
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._key, message, "sha256")

    def _remember(self, right: bool, token: bytes, is_somebody: bool) -> bool:
        right = right and is_somebody
        if right:
            self._right[token] = None
            if len(self._right) > MOST_REMEMBERED:
                self._right.popitem(last=False)
        return right

    def _tell_others(self, result: Any, token: bytes) -> Any:
        for each in self._same.pop(token):
            each.callback(result)  # a Failure errbacks
        return result

    def _enqueue(self, known: PasswordHash, password: bytes) -> Deferred[bool]:
        deferred: Deferred[bool] = Deferred()
        if self._running >= self._ahead and len(self._waiting) >= MOST_WAITING:
            deferred.errback(_busy())
            return deferred
        self._waiting.append((self._clock.seconds(), known, password, deferred))
        self._start()
        return deferred

    def _start(self) -> None:
        while self._waiting and self._running < self._ahead:
            since, known, password, deferred = self._waiting.popleft()
            if self._clock.seconds() - since > MOST_SECONDS:
                deferred.errback(_busy())
                continue
            self._running += 1
            running = maybeDeferred(self._run, known.matches, password)
            running.addBoth(self._done, deferred)

    def _done(self, result: Any, deferred: Deferred[bool]) -> None:
        self._running -= 1
        deferred.callback(result)  # a Failure errbacks
        self._start()


def _busy() -> RequestRefused:
    return RequestRefused(CommandStatus.ESME_RTHROTTLED, "too many passwords are being checked")
