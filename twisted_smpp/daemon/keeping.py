"""Options of ``twistd smpp smsc`` for where messages are kept, how long, and where they go."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.python import usage

from twisted_smpp.errors import FieldError
from twisted_smpp.smsc import AccountsFile, Keeping, Route, RouteKind, Routes, Terms
from twisted_smpp.store import MemoryStore, SQLiteStore
from twisted_smpp.wire.pdus import BindTransceiver

__all__ = [
    "KEEPING",
    "STORE",
    "RouteOptions",
    "check_keeping",
    "check_store",
    "default_store",
    "keeping_of",
    "routes_of",
    "silence_of",
    "store_of",
    "terms_of",
]

MIB = 1024 * 1024

STORE: list[list[Any]] = [
    ["store", None, None, 'File that keeps the messages, or "memory"; the default is shown below.'],
    ["free-space", None, None, "MiB of the disk that stay free (512, or 5 % if less).", float],
    ["store-limit", None, None, "MiB that the store may have (no limit but the disk).", float],
    ["failed-starts", None, 2, "Starts that fail in a row before one is careful, or -1.", int],
]

KEEPING: list[list[Any]] = [
    *STORE,
    ["default-route", None, "at-once", "Where all other messages go, see --route."],
    ["validity", None, 172_800.0, "Seconds a message is tried that does not say itself.", float],
    ["retention", None, 86_400.0, "Seconds a message is known that came to its end.", float],
    ["retention-count", None, 500_000, "Messages that came to their end that are known.", int],
]

_KINDS = "account:NAME, loopback, at-once or nowhere"


class RouteOptions(usage.Options):
    """Has ``--route``, which may be given again."""

    def opt_route(self, value: str) -> None:
        """PREFIX=account:NAME|loopback|at-once|nowhere; given again, the longest PREFIX counts."""
        prefix, is_there, target = value.partition("=")
        digits = prefix.removeprefix("+")
        if not is_there or not digits or not digits.isascii():
            raise usage.UsageError(f"--route {value}: is no PREFIX={_KINDS}")
        self.setdefault("routes", {})[digits] = route_of("--route", target)


def route_of(option: str, text: str) -> Route:
    """The route that an option names.

    Raises:
        UsageError: it names none.
    """
    kind, _, name = text.partition(":")
    if kind == "account" and name:
        try:
            BindTransceiver(system_id=name).encode()
        except FieldError as error:
            raise usage.UsageError(f"{option}: account {name!a}: {error}") from None
        return Route(RouteKind.ACCOUNT, name)
    if text in ("loopback", "at-once", "nowhere"):
        return Route(RouteKind(text))
    raise usage.UsageError(f"{option}: {text or 'nothing'} is none of {_KINDS}")


class _Routes(Routes):
    """Those of the options, and behind them those of the accounts file as it is now.

    Args:
        default: where everything else goes.
        accounts: the file, or None.
    """

    def __init__(self, default: Route, accounts: AccountsFile | None) -> None:
        super().__init__(default)
        self._accounts = accounts

    def find(self, destination: str) -> Route:
        """Where a message to ``destination`` goes."""
        found = super().find(destination)
        if found is self.default and self._accounts is not None:
            account = self._accounts.accounts.routed(destination)
            if account is not None:
                return Route(RouteKind.ACCOUNT, account.system_id)
        return found


def terms_of(
    options: Mapping[str, Any], accounts: AccountsFile | None = None
) -> Callable[[str], Terms]:
    """What the options say of all accounts, and the accounts file of each."""
    usual = Terms(default_validity=options["validity"])

    def terms(name: str) -> Terms:
        settings = None if accounts is None else accounts.settings(name)
        if settings is None:
            return usual
        return replace(
            usual,
            id_style=settings.message_ids,
            seconds_in_receipts=settings.receipts == "seconds",
            dedup_seconds=settings.dedup or 0.0,
            most_waiting=settings.max_waiting,
        )

    return terms


def silence_of(
    options: Mapping[str, Any], accounts: AccountsFile | None = None
) -> Callable[[str], float | None]:
    """Seconds without a message after which an account is silent; None: never.

    What the accounts file says of an account counts before the option.
    """
    usual = None if options["silence"] is None else options["silence"] * 60

    def silence(name: str) -> float | None:
        settings = None if accounts is None else accounts.settings(name)
        if settings is None or settings.silence is None:
            return usual
        return settings.silence * 60

    return silence


def routes_of(options: Mapping[str, Any], accounts: AccountsFile | None = None) -> Routes:
    """The table of the options, and of the accounts.

    Raises:
        UsageError: the default names no route.
    """
    routes = _Routes(route_of("--default-route", options["default-route"]), accounts)
    for prefix, route in options.get("routes", {}).items():
        routes.add(prefix, route)
    return routes


def default_store(environment: Mapping[str, str] | None = None, name: str = "smsc.db") -> Path:
    """Where messages are kept if nobody says: always the same file, wherever it is started.

    It is the file ``name`` in the folder that systemd gives (``StateDirectory=``), or else in that
    of this user for what programs have to remember (``XDG_STATE_HOME``).

    Raises:
        ValueError: this user has no folder.
    """
    environment = os.environ if environment is None else environment
    folder = environment.get("STATE_DIRECTORY", "").split(":")[0]
    if folder:
        return Path(folder) / name
    home = environment.get("XDG_STATE_HOME", "")
    if home.startswith("/"):
        return Path(home) / "twisted_smpp" / name
    try:
        state = Path.home() / ".local" / "state"
    except RuntimeError:
        raise ValueError("--store is needed: this user has no home folder") from None
    return state / "twisted_smpp" / name


def store_of(options: Mapping[str, Any], reactor: Any, name: str = "smsc.db") -> Any:
    """The store of the options; it is not open yet.

    Args:
        options: with those of :data:`STORE`.
        reactor: of the process.
        name: of the file, if nobody says.
    """
    where = options["store"]
    if where == "memory":
        return MemoryStore()
    return SQLiteStore(
        Path(where) if where else default_store(name=name),
        reactor=reactor,
        floor=_octets(options["free-space"]),
        most_octets=_octets(options["store-limit"]),
        failed_starts=options["failed-starts"] if options["failed-starts"] >= 0 else None,
    )


def _octets(mebibytes: float | None) -> int | None:
    return None if mebibytes is None else int(mebibytes * MIB)


def keeping_of(options: Mapping[str, Any]) -> Keeping:
    """How long messages are kept, by the options."""
    return Keeping(final_seconds=options["retention"], most_final=options["retention-count"])


def check_store(options: Mapping[str, Any]) -> None:
    """Names what makes no sense of the options :data:`STORE`.

    Raises:
        UsageError: there is something.
    """
    if options["store"] == "":
        raise usage.UsageError('--store is empty; name a file, or "memory"')
    if options["free-space"] is not None and not options["free-space"] >= 0:
        raise usage.UsageError("--free-space is negative")
    if options["store-limit"] is not None and not options["store-limit"] >= 1:
        raise usage.UsageError("--store-limit has to be 1 MiB or more")
    if options["failed-starts"] < -1:
        raise usage.UsageError("--failed-starts is a number of starts, or -1 for no care")


def check_keeping(options: Mapping[str, Any]) -> None:
    """Names a number that makes no sense.

    Raises:
        UsageError: there is one.
    """
    check_store(options)
    routes_of(options)
    if not 0 < options["validity"] <= Terms.longest_validity:
        raise usage.UsageError(
            f"--validity is {options['validity']:g}, more than 0 and at most "
            f"{Terms.longest_validity:.0f} seconds are possible"
        )
    if not options["retention"] > 0:
        raise usage.UsageError("--retention has to be more than 0 seconds")
    count = options["retention-count"]
    if count < 0:
        raise usage.UsageError("--retention-count is negative")
    if options["store"] == "memory" and count >= MemoryStore.MOST:
        raise usage.UsageError(
            f"--retention-count is {count}, less than {MemoryStore.MOST} are possible in memory"
        )
