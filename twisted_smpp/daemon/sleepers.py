"""The accounts that sleep: where the accounts file says that they are reached by an outbind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from twisted_smpp.endpoints import client_endpoint
from twisted_smpp.smsc import AccountsFile

__all__ = ["Sleepers"]


class Sleepers(Mapping[str, Any]):
    """An ``IStreamClientEndpoint`` for each account that has an ``outbind``, as the file is now.

    Args:
        accounts: the file.
        reactor: connects.
    """

    def __init__(self, accounts: AccountsFile, reactor: Any) -> None:
        self._accounts = accounts
        self._reactor = reactor

    def __getitem__(self, name: str) -> Any:
        settings = self._accounts.settings(name)
        if settings is None or settings.outbind is None or settings.disabled:
            raise KeyError(name)
        return client_endpoint(self._reactor, settings.outbind)

    def __contains__(self, name: object) -> bool:
        settings = self._accounts.settings(str(name))
        return settings is not None and settings.outbind is not None and not settings.disabled

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._accounts.accounts if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
