"""What tests of accounts share: a message centre with an accounts file, and ESMEs from anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from test_smsc_service import Endpoint, Realm, Recorder
from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from twisted_smpp.factory import ESMEFactory
from twisted_smpp.smsc import AccountsFile, Defence, DefenceLimits, SMSCService
from twisted_smpp.smsc.hashes import DUMMY, PasswordHash
from twisted_smpp.smsc.verifying import Verifier
from twisted_smpp.testing import MemoryTransport, Pair

PASSWORD = "secret"
#: Its hash, worked out once.
HASH = PasswordHash.of(PASSWORD.encode(), b"sixteen octets!!").text()


def account(name: str = "esme", **keys: Any) -> str:
    """The table of an account, as TOML."""
    keys = {"password": HASH, **keys}
    lines = [f"{key} = {toml(value)}" for key, value in keys.items() if value is not None]
    return "\n".join([f"[accounts.{name}]", *lines, ""])


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if not isinstance(value, str) else f"'{value}'"


class Hashing:
    """Stands for the threads: knows the one right password, and counts the work."""

    def __init__(self) -> None:
        self.asked: list[tuple[PasswordHash, bytes]] = []
        self.waiting: list[tuple[Deferred[bool], bool]] = []
        self.at_once = True

    def __call__(self, function: Callable[[bytes], bool], password: bytes) -> Deferred[bool]:
        known: PasswordHash = function.__self__  # type: ignore[attr-defined]
        self.asked.append((known, password))
        right = known != DUMMY and password == PASSWORD.encode()
        if self.at_once:
            return succeed(right)
        deferred: Deferred[bool] = Deferred()
        self.waiting.append((deferred, right))
        return deferred

    def finish(self) -> None:
        """One of them is done."""
        deferred, right = self.waiting.pop(0)
        deferred.callback(right)


class From(Pair):
    """A pair whose ESME comes from an address of the test's choice."""

    def __init__(self, host: str, *args: Any) -> None:
        kind: Any = IPv6Address if ":" in host else IPv4Address
        self._address = kind("TCP", host, 4711)
        super().__init__(*args)

    def _connect(self, factory: Any, transport: MemoryTransport) -> Any:  # type: ignore[override]
        transport.getPeer = lambda: self._address  # type: ignore[method-assign]
        return super()._connect(factory, transport)


class AccountsWorld:
    """A message centre with an accounts file, on a clock."""

    def __init__(
        self,
        folder: Path,
        text: str = "",
        limits: DefenceLimits | None = None,
        proxies: Any = None,
        **settings: Any,
    ) -> None:
        self.clock = Clock()
        self.hashing = Hashing()
        self.path = folder / "accounts.toml"
        self.write(text or account())
        verifier = Verifier(self.clock, self.hashing, b"k" * 32)
        self.file = AccountsFile(self.path, verifier=verifier)
        self.realm = Realm()
        self.defence = Defence(self.clock, limits or DefenceLimits(), proxies)
        self.service = SMSCService(
            Endpoint(),
            Portal(self.realm, [self.file]),
            accounts=self.file,
            defence=self.defence,
            reactor=self.clock,
            **settings,
        )
        self.service.startService()
        self.refused: list[Any] = []
        self.pairs: list[Pair] = []

    @property
    def account(self) -> Recorder:
        return self.realm.account

    def write(self, text: str) -> None:
        self.path.write_text(text)
        self.path.chmod(0o600)

    def reload(self, text: str) -> bool:
        self.write(text)
        return self.file.reload()

    def connect(self, host: str = "192.0.2.1", **settings: Any) -> Pair:
        """An ESME that has sent its bind; it is not carried yet."""
        settings = {"system_id": "esme", "password": PASSWORD, **settings}
        client = ESMEFactory(
            clock=self.clock,
            on_refused=lambda session, error: self.refused.append(error),
            **settings,
        )
        self.pairs.append(From(host, client, self.service.factory, self.clock))
        return self.pairs[-1]

    def passes(self, seconds: int) -> None:
        """Time passes for everybody, and what is written arrives."""
        self.pairs = [pair for pair in self.pairs if not pair.smsc_transport.lost]
        for second in range(seconds + 1):
            for pair in self.pairs:
                pair.flush()
            if second < seconds:
                self.clock.advance(1)

    def tries(self, host: str = "192.0.2.1", **settings: Any) -> Any:
        """The status that a bind is answered with; 0, and it is bound. None: it was cut."""
        self.refused.clear()
        pair = self.connect(host, **settings)
        for _ in range(7):
            if self.refused or pair.esme.bound or pair.smsc_transport.lost:
                break
            self.passes(1)
        if pair.smsc_transport.lost and not hasattr(pair.smsc, "session"):
            return None
        if pair.esme.bound:
            return 0
        pair.drop()
        return getattr(self.refused[0], "command_status", None)

    def bound(self, host: str = "192.0.2.1", **settings: Any) -> Pair:
        pair = self.connect(host, **settings)
        pair.bind()
        return pair

    def ends(self) -> None:
        """Everything is closed, and nothing is left."""
        for session in list(self.service.factory.connections):
            session.transport.cut()
        assert len(self.service._logins) == 0
        assert not self.service._logins._by_name
        assert not self.defence._unbound
        assert not self.defence._per_block
        assert self.clock.getDelayedCalls() == []
