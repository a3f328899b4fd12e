"""``smpp account``: the accounts file of a message centre, changed without a text editor."""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from twisted_smpp.cli.accounts_text import changed_password, with_account, without_account
from twisted_smpp.cli.atomically import write_atomically
from twisted_smpp.passwords import read_password
from twisted_smpp.smsc.accounts import Accounts, AccountsError, AccountSettings, AddressList
from twisted_smpp.smsc.hashes import PasswordHash
from twisted_smpp.wire.pdus import BindTransceiver

__all__ = ["account"]

_FILE = click.argument("file", type=click.Path(dir_okay=False))
_SYSTEM_ID = click.argument("system_id")
_PASSWORD_FILE = click.option(
    "-p",
    "--password-file",
    type=click.Path(dir_okay=False),
    help="File whose first line is the password; else the variable SMPP_PASSWORD, or a prompt.",
)


@click.group(
    epilog="""Examples:

\b
  smpp account add /etc/smpp/accounts.toml shop --network 192.0.2.0/24
  smpp account check /etc/smpp/accounts.toml
""",
)
def account() -> None:
    """Accounts of a message centre: the file of twistd smpp smsc --accounts.

    Exit codes: 0; 1 the file cannot be used, or there is no such account; 2 wrong usage.
    """


@account.command(
    epilog="""Examples:

\b
  smpp account add /etc/smpp/accounts.toml shop --network 192.0.2.0/24
  smpp account add accounts.toml bank --set 'modes=["receiver"]' --set window=20
""",
)
@_FILE
@_SYSTEM_ID
@_PASSWORD_FILE
@click.option("--network", multiple=True, help="Where it may come from; may be given again.")
@click.option("--rate", type=float, help="Requests a second.")
@click.option("--max-binds", type=int, help="Sessions at a time.")
@click.option("--set", "others", multiple=True, help="KEY=VALUE: any other, as the file has it.")
def add(file: str, system_id: str, password_file: str | None, **keys: Any) -> None:
    """Add an account. FILE is made if there is none."""
    accounts, text = _read(file) if os.path.exists(file) else (Accounts.parse(""), "")
    if system_id in accounts:
        _fail(f"there is an account {system_id!r} already; see smpp account password")
    others = _values(keys["others"])
    values = {
        "password": _hash(password_file),
        "networks": list(keys["network"]) or None,
        "rate": keys["rate"],
        "max_binds": keys["max_binds"],
        **others,
    }
    _write(file, with_account(text, system_id, values), accounts, system_id, values["password"])


@account.command(
    epilog="""Examples:

\b
  smpp account password /etc/smpp/accounts.toml shop
""",
)
@_FILE
@_SYSTEM_ID
@_PASSWORD_FILE
def password(file: str, system_id: str, password_file: str | None) -> None:
    """Give an account another password."""
    accounts, text = _read(file)
    _check_known(accounts, system_id)
    word = _hash(password_file)
    _write(file, changed_password(text, system_id, word), accounts, system_id, word)


@account.command(
    epilog="""Examples:

\b
  smpp account remove /etc/smpp/accounts.toml shop
""",
)
@_FILE
@_SYSTEM_ID
def remove(file: str, system_id: str) -> None:
    """Remove an account. A daemon unbinds its sessions when it reads the file again."""
    accounts, text = _read(file)
    _check_known(accounts, system_id)
    _write(file, without_account(text, system_id), accounts, system_id, None)


@account.command(
    "list",
    epilog="""Examples:

\b
  smpp account list /etc/smpp/accounts.toml
  smpp account list /etc/smpp/accounts.toml --json
""",
)
@_FILE
@click.option("--json", "as_json", is_flag=True, help="A JSON array; hashes are left out.")
def list_(file: str, as_json: bool) -> None:
    """List the accounts."""
    accounts, _ = _read(file)
    if as_json:
        click.echo(json.dumps([_as_dict(each) for each in accounts.values()], indent=2))
        return
    for each in accounts.values():
        rate = "no limit" if each.rate is None else f"{each.rate:g}/s"
        networks = "anywhere" if each.networks is None else ", ".join(map(str, each.networks))
        state = "disabled" if each.disabled else f"at most {each.max_binds} binds"
        click.echo(f"{each.system_id}  {state}, {rate}, from {networks or 'nowhere'}")


@account.command(
    epilog="""Examples:

\b
  smpp account check /etc/smpp/accounts.toml
""",
)
@_FILE
def check(file: str) -> None:
    """Look for mistakes: one line for each, and exit code 1."""
    accounts, _ = _read(file)
    for warning in accounts.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{len(accounts)} accounts")


def _values(texts: Sequence[str]) -> dict[str, Any]:
    """The values of ``--set``; whether they fit is found out when the file is read again."""
    made: dict[str, Any] = {}
    for text in texts:
        try:
            ((key, value),) = tomllib.loads(text).items()
            json.dumps(value)
        except (ValueError, TypeError, RecursionError):
            raise click.UsageError(
                f"--set {ascii(text)[:60]} is no KEY=VALUE; texts are in quotes, lists in [ ]"
            ) from None
        if key == "password":
            raise click.UsageError("--set has no password: it would be seen by everybody")
        made[key] = value
    return made


def _read(file: str) -> tuple[Accounts, str]:
    try:
        accounts = Accounts.load(file)
    except AccountsError as error:
        _fail(*error.problems)
    return accounts, Path(file).read_text("utf-8")


def _check_known(accounts: Accounts, system_id: str) -> None:
    if system_id not in accounts:
        _fail(f"there is no account {system_id!r}")


def _fail(*lines: str) -> Any:
    for line in lines:
        click.echo(f"smpp account: {line}", err=True)
    sys.exit(1)


def _hash(password_file: str | None) -> str:
    """The hash of the password that the user gives."""
    word = os.environ.get("SMPP_PASSWORD")
    try:
        if password_file is not None:
            word = read_password(password_file)
        elif word is None:
            word = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        BindTransceiver(password=word).encode()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if not word:
        raise click.UsageError("the password is empty")
    return PasswordHash.of(word.encode("latin-1"), secrets.token_bytes(16)).text()


def _write(file: str, text: str, before: Accounts, system_id: str, word: Any) -> None:
    """Replaces the file, if nothing but one account is different in the new text.

    Args:
        file: its path.
        text: the new text.
        before: the accounts of the old one.
        system_id: whose account is different.
        word: the hash that it should have then; None when it should be gone.
    """
    try:
        accounts = dict(Accounts.parse(text, os.path.basename(file)))
    except AccountsError as error:
        if system_id not in before:
            _fail(*error.problems)
        accounts = {}
    changed = accounts.pop(system_id, None)
    others = {name: each for name, each in before.items() if name != system_id}
    known = changed and changed.password
    if accounts != others or (known and known.text()) != word:
        _fail(f"{file} is written in a way that only you can change; nothing was done")
    try:
        write_atomically(Path(file), text)
    except OSError as error:
        _fail(f"{file}: cannot be written: {error.strerror}")


def _as_dict(settings: AccountSettings) -> dict[str, Any]:
    """What may be shown of an account."""
    made: dict[str, Any] = {}
    for each in dataclasses.fields(settings):
        value = getattr(settings, each.name)
        if each.name == "password":
            value = value is not None
        elif isinstance(value, AddressList):
            value = list(value.patterns)
        elif isinstance(value, frozenset):
            value = sorted(value)
        elif isinstance(value, tuple):
            value = [str(one) for one in value]
        made[each.name] = value
    return made
