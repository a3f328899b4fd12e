"""The accounts of a message centre, in a TOML file.

::

    [defaults]                        # of every account that does not say otherwise
    rate = 50

    [accounts.shop]                   # the system_id
    password = "scrypt$16384$8$1$..." # smpp account add writes it
    networks = ["192.0.2.0/24"]
    sources = ["Shop", "4915*"]

Nothing in it is guessed: a key that is not known and a value that cannot be used are
errors, and a list that is empty allows nothing. docs/reference/accounts-file.md has all
keys.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from twisted_smpp.factory import BIND_MODES
from twisted_smpp.smsc.hashes import PasswordHash
from twisted_smpp.smsc.networks import Network, read_network
from twisted_smpp.wire.pdus import BindTransceiver

__all__ = [
    "ANY",
    "MESSAGE_IDS",
    "OPERATIONS",
    "AccountSettings",
    "Accounts",
    "AccountsError",
    "AddressList",
]

#: What an account may be allowed to ask for; broadcast_sm stands for all that broadcasts.
OPERATIONS = (
    "submit_sm",
    "submit_multi",
    "data_sm",
    "query_sm",
    "cancel_sm",
    "replace_sm",
    "broadcast_sm",
)
#: How the ids of messages are written.
MESSAGE_IDS = ("hex", "decimal")
#: How the dates of receipts are written: with ten digits, or with twelve.
RECEIPTS = ("standard", "seconds")

_MOST_RATE = 1e6
_MOST_COUNT = 100_000
_MOST_WAITING = 10_000_000
_MOST_ADDRESS = 64
_MOST_OCTETS_OF_FILE = 64 * 2**20
#: What one account has to itself, and no default may say.
_OWN = frozenset({"password", "certificate_name", "certificate_sha256", "routes", "outbind"})


class AccountsError(ValueError):
    """An accounts file cannot be used.

    Attributes:
        problems: each that was found, as a line that names file, account, key and limit.
    """

    def __init__(self, problems: list[str]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = problems


@dataclass(frozen=True)
class AddressList:
    """Addresses: each is exact, or, with ``*`` at its end, the beginning of others.

    A ``+`` in front makes no difference.
    """

    patterns: tuple[str, ...]
    _exact: frozenset[str] = field(init=False, repr=False, compare=False)
    _prefixes: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        plain = [each.removeprefix("+") for each in self.patterns]
        prefixes = tuple(each[:-1] for each in plain if each.endswith("*"))
        object.__setattr__(self, "_prefixes", prefixes)
        object.__setattr__(self, "_exact", frozenset(plain))

    def __contains__(self, address: str) -> bool:
        address = address.removeprefix("+")
        return address.startswith(self._prefixes) or (
            address in self._exact and not address.endswith("*")
        )


#: Every address.
ANY = AddressList(("*",))


@dataclass(frozen=True)
class AccountSettings:
    """What one account may do.

    Attributes:
        system_id: its name.
        password: the hash of its password; None: a certificate is enough.
        certificate_name: the common name that its TLS certificate has to have, or None.
        certificate_sha256: the fingerprint that it has to have, as 64 hex digits, or None.
        disabled: whether nobody may bind.
        modes: how it may bind.
        networks: where it may come from; None for anywhere.
        operations: what it may ask for; see :data:`OPERATIONS`. None for everything, the
            commands of 3.3 and of vendors, too.
        sources, destinations: the addresses that it may send from and to.
        routes: the addresses whose messages go to it.
        window: deliveries to one session that may wait for their responses.
        rate: requests/s; None for no limit.
        burst: requests at once after a rest; None for a second of the rate.
        max_binds: sessions at a time.
        max_transmitters, max_receivers, max_transceivers: of each kind; None for no limit
            besides ``max_binds``.
        max_waiting: messages and receipts that may wait for it.
        message_ids: how the ids of its messages are written; see :data:`MESSAGE_IDS`.
        receipts: how its receipts are written; see :data:`RECEIPTS`.
        silence: minutes without a message from it until it is warned of; None: what the daemon
            was told, if anything.
        dedup: seconds for which a message that it submits again, octet for octet, is the same one,
            up to 600; None: never.
        outbind: the client endpoint at which it listens for outbind, or None.
    """

    system_id: str
    password: PasswordHash | None = None
    certificate_name: str | None = None
    certificate_sha256: str | None = None
    disabled: bool = False
    modes: frozenset[str] = frozenset(BIND_MODES)
    networks: tuple[Network, ...] | None = None
    operations: frozenset[str] | None = None
    sources: AddressList = ANY
    destinations: AddressList = ANY
    routes: AddressList = AddressList(())
    window: int = 10
    rate: float | None = None
    burst: float | None = None
    max_binds: int = 10
    max_transmitters: int | None = None
    max_receivers: int | None = None
    max_transceivers: int | None = None
    max_waiting: int = 1_000_000
    message_ids: str = "hex"
    receipts: str = "standard"
    silence: float | None = None
    dedup: float | None = None
    outbind: str | None = None

    @property
    def needs_certificate(self) -> bool:
        """Whether only a TLS client with the right certificate may bind."""
        return self.certificate_name is not None or self.certificate_sha256 is not None

    def most(self, mode: str) -> int:
        """How many sessions may be bound as ``mode``."""
        limit: int | None = getattr(self, f"max_{mode}s")
        return self.max_binds if limit is None else min(limit, self.max_binds)


# How the value of each key is read; a ValueError says what is allowed.


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _password(value: Any) -> PasswordHash:
    if not isinstance(value, str):
        raise ValueError("it is not a text")
    return PasswordHash.parse(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{_shown(value)} is neither true nor false")
    return value


def _count(least: int, most: int = _MOST_COUNT) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole and least <= value <= most):
            raise ValueError(f"{_shown(value)} is not a whole number, {least} to {most}")
        return int(value)

    return read


def _number(least: float, most: float) -> Callable[[Any], float | None]:
    def read(value: Any) -> float | None:
        if value is False:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and least <= value <= most):
            raise ValueError(f"{_shown(value)} is not a number, {least:g} to {most:g}, nor false")
        return float(value)

    return read


def _one_of(known: Mapping[str, Any] | tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"{_shown(value)} is not one of {', '.join(known)}")
        return value

    return read


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{_shown(value)} is not a list of texts")
    return value


def _some_of(known: Mapping[str, Any] | tuple[str, ...]) -> Callable[[Any], frozenset[str]]:
    return lambda value: frozenset(_one_of(known)(each) for each in _texts(value))


def _networks(value: Any) -> tuple[Network, ...]:
    made = []
    for each in _texts(value):
        try:
            made.append(read_network(each))
        except ValueError:
            raise ValueError(
                f"{_shown(each)} is not a network such as 192.0.2.0/24 or 2001:db8::/32"
            ) from None
    return tuple(made)


def _addresses(value: Any) -> AddressList:
    for each in _texts(value):
        fits = len(each) <= _MOST_ADDRESS and each.isprintable()
        if not fits or "*" in each[:-1]:
            raise ValueError(
                f"{_shown(each)} is not an address of at most {_MOST_ADDRESS} characters, "
                "with * at its end only"
            )
    return AddressList(tuple(value))


def _name(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 256:
        raise ValueError(f"{_shown(value)} is not a text of 1 to 256 characters")
    return value


def _fingerprint(value: Any) -> str:
    digits = value.replace(":", "").lower() if isinstance(value, str) else ""
    if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise ValueError(f"{_shown(value)} is not 64 hex digits")
    return digits


def _called_at(value: Any) -> str:
    kind, *where = value.split(":") if isinstance(value, str) else [""]
    port = where[1] if len(where) > 1 else ""
    is_port = len(port) <= 5 and port.isascii() and port.isdecimal() and 0 < int(port) < 65_536
    if kind not in ("tcp", "tls") or not where[:1] or not where[0] or not is_port:
        raise ValueError(f"{_shown(value)} is not an endpoint, tcp:HOST:PORT or tls:HOST:PORT")
    return str(value)


_READ: dict[str, Callable[[Any], Any]] = {
    "password": _password,
    "certificate_name": _name,
    "certificate_sha256": _fingerprint,
    "disabled": _boolean,
    "modes": _some_of(BIND_MODES),
    "networks": _networks,
    "operations": _some_of(OPERATIONS),
    "sources": _addresses,
    "destinations": _addresses,
    "routes": _addresses,
    "window": _count(1),
    "rate": _number(0.01, _MOST_RATE),
    "burst": _number(1, _MOST_RATE),
    "max_binds": _count(0),
    "max_transmitters": _count(0),
    "max_receivers": _count(0),
    "max_transceivers": _count(0),
    "max_waiting": _count(1, _MOST_WAITING),
    "message_ids": _one_of(MESSAGE_IDS),
    "receipts": _one_of(RECEIPTS),
    "silence": _number(0.1, 525_600),
    "dedup": _number(0, 600),
    "outbind": _called_at,
}


class Accounts(Mapping[str, AccountSettings]):
    """The accounts of one file, by system_id; they do not change.

    Attributes:
        warnings: what is unwise about the file, in words.
    """

    def __init__(self, settings: Mapping[str, AccountSettings], warnings: list[str]) -> None:
        self._settings = dict(settings)
        self.warnings = warnings
        self._routes = {
            pattern.removeprefix("+"): each
            for each in self._settings.values()
            for pattern in each.routes.patterns
        }

    def __getitem__(self, system_id: str) -> AccountSettings:
        return self._settings[system_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def routed(self, address: str) -> AccountSettings | None:
        """The account that messages to an address go to: that with the longest match."""
        address = address.removeprefix("+")
        if address in self._routes and not address.endswith("*"):
            return self._routes[address]
        for size in range(min(len(address), _MOST_ADDRESS), -1, -1):
            if found := self._routes.get(f"{address[:size]}*"):
                return found
        return None

    @classmethod
    def load(cls, path: str | Path) -> Accounts:
        """Reads a file.

        Raises:
            AccountsError: it cannot be read, or something in it cannot be used.
        """
        name = os.path.basename(path)
        try:
            with open(path, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                octets = file.read(_MOST_OCTETS_OF_FILE + 1)
            if len(octets) > _MOST_OCTETS_OF_FILE:
                raise AccountsError([f"{name}: longer than {_MOST_OCTETS_OF_FILE} octets"])
            made = cls.parse(octets.decode("utf-8"), name)
        except OSError as error:
            raise AccountsError([f"{path}: cannot be read: {error.strerror}"]) from None
        except UnicodeDecodeError:
            raise AccountsError([f"{name}: it is not UTF-8"]) from None
        if mode & 0o077:
            bits = stat.filemode(mode)
            made.warnings.append(f"{name}: others may read the hashes ({bits}); chmod 600 {name}")
        return made

    @classmethod
    def parse(cls, text: str, name: str = "accounts") -> Accounts:
        """The accounts that a text in TOML describes.

        Raises:
            AccountsError: something in it cannot be used.
        """
        try:
            data = tomllib.loads(text)
        except RecursionError:
            raise AccountsError([f"{name}: it is nested too deeply"]) from None
        except ValueError as error:
            raise AccountsError([f"{name}: {error}"]) from None
        reading = _Reading(name)
        settings = reading.file(data)
        if reading.problems:
            raise AccountsError(reading.problems)
        return cls(settings, [])


class _Reading:
    """One reading of a file: it goes on after a problem, to find them all."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.problems: list[str] = []

    def file(self, data: dict[str, Any]) -> dict[str, AccountSettings]:
        self._known("", data, ("defaults", "accounts"))
        default_keys = [key for key in _READ if key not in _OWN]
        defaults = self._values("defaults", data.get("defaults", {}), default_keys)
        tables = data.get("accounts", {})
        if not isinstance(tables, dict):
            self._problem("accounts", "tables are needed, [accounts.NAME]")
            return {}
        made = {name: self._account(name, table, defaults) for name, table in tables.items()}
        self._check_routes(made)
        return made

    def _account(self, name: str, table: Any, defaults: dict[str, Any]) -> AccountSettings:
        where = f"accounts.{_key(name)}"
        try:
            BindTransceiver(system_id=name).encode()
            if not name or not name.isprintable():
                raise ValueError
        except ValueError:
            self._problem(where, "a system_id has 1 to 15 printable latin-1 characters")
        count = len(self.problems)
        made = AccountSettings(name, **{**defaults, **self._values(where, table, list(_READ))})
        known = made.password is not None or made.needs_certificate
        if not known and count == len(self.problems):
            self._problem(where, "it has neither a password nor a certificate")
        return made

    def _values(self, where: str, table: Any, known: list[str]) -> dict[str, Any]:
        if not isinstance(table, dict):
            self._problem(where, "a table is needed")
            return {}
        self._known(where, table, known)
        made = {}
        for key in known:
            if key in table:
                try:
                    made[key] = _READ[key](table[key])
                except ValueError as error:
                    self._problem(f"{where}.{key}", str(error))
        return made

    def _known(self, where: str, table: dict[str, Any], known: Any) -> None:
        for key in table:
            if key in known:
                continue
            near = get_close_matches(key[:100], known, 1)
            hint = f"do you mean {near[0]}?" if near else f"it is one of {', '.join(known)}"
            self._problem(f"{where}.{_key(key)}" if where else _key(key), f"unknown, {hint}")

    def _check_routes(self, made: dict[str, AccountSettings]) -> None:
        owners: dict[str, str] = {}
        for name, settings in made.items():
            for pattern in settings.routes.patterns:
                owner = owners.setdefault(pattern.removeprefix("+"), name)
                if owner != name:
                    where = f"accounts.{_key(name)}.routes"
                    self._problem(where, f"{_shown(pattern)} belongs to {_key(owner)} already")

    def _problem(self, where: str, what: str) -> None:
        self.problems.append(f"{self._name}: {where}: {what}")


def _key(name: str) -> str:
    return name if name.isprintable() and len(name) <= 40 else _shown(name)
