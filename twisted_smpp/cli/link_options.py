"""The options that every command has which binds to a message centre."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from twisted_smpp.esme.profile import Profile, ProfileError, names
from twisted_smpp.passwords import read_password
from twisted_smpp.values import InterfaceVersion

__all__ = [
    "VERSIONS",
    "account_options",
    "link_options",
    "link_settings",
    "optional_link_options",
    "password",
]

C = TypeVar("C", bound=Callable[..., Any])

#: By their names.
VERSIONS = {version.text: version for version in InterfaceVersion}

_WHO = "Who you are to the message centre."

_SECRET = (
    click.option(
        "-p",
        "--password-file",
        type=click.Path(dir_okay=False),
        help="File whose first line is the password; else the variable SMPP_PASSWORD.",
    ),
    click.option("--system-type", help="If the message centre asks for it."),
)

_ACCOUNT = (click.option("-u", "--system-id", required=True, help=_WHO), *_SECRET)

_WHERE = (
    click.option(
        "-c",
        "--connect",
        default="tcp:127.0.0.1:2775",
        show_default=True,
        metavar="ENDPOINT",
        help="The message centre: a Twisted client endpoint (tcp:, tls:, ...).",
    ),
)

_HOW = (
    click.option(
        "--bind",
        type=click.Choice(["transceiver", "transmitter", "receiver"]),
        default="transceiver",
        show_default=True,
        help="What the connection is for.",
    ),
    click.option(
        "--version",
        "interface_version",
        type=click.Choice(list(VERSIONS)),
        help="The SMPP version to speak.  [default: 3.4]",
    ),
    click.option(
        "--profile",
        default="standard",
        show_default=True,
        metavar="NAME|FILE",
        help=f"What is special about the message centre: {', '.join(names())}, or a TOML file.",
    ),
)


def link_options(command: C) -> C:
    """Adds the options; :func:`link_settings` takes them back out."""
    return _with((*_WHERE, *_ACCOUNT, *_HOW), command)


def optional_link_options(command: C) -> C:
    """The same for a command that may do without a message centre of its own."""
    who = click.option("-u", "--system-id", help=_WHO)
    return _with((*_WHERE, who, *_SECRET, *_HOW), command)


def account_options(command: C) -> C:
    """Adds only those that say who binds."""
    return _with(_ACCOUNT, command)


def _with(options: tuple[Callable[[C], C], ...], command: C) -> C:
    for option in reversed(options):
        command = option(command)
    return command


def link_settings(options: dict[str, Any], useless: str) -> dict[str, Any]:
    """The arguments of an ESMEService that the options say; removes them from ``options``.

    Args:
        options: of the command.
        useless: the bind with which the command could only wait for ever.
    """
    if options["bind"] == useless:
        does = "send" if useless == "receiver" else "receive"
        raise click.UsageError(f"--bind {useless}: it does not {does} anything")
    if options["system_id"] is None:
        raise click.UsageError("Missing option '-u' / '--system-id'.")
    try:
        profile = Profile.load(options.pop("profile"))
    except ProfileError as error:
        raise click.UsageError(f"--profile: {error}") from None
    settings = {
        "endpoint": options.pop("connect"),
        "system_id": options.pop("system_id"),
        "password": password(options.pop("password_file")),
        "bind": options.pop("bind"),
        "profile": profile,
    }
    system_type, version = options.pop("system_type"), options.pop("interface_version")
    if system_type is not None:
        settings["system_type"] = system_type
    if version is not None:
        settings["interface_version"] = VERSIONS[version]
    return settings


def password(path: str | None) -> str:
    """The password, from a file or the environment; says so when it is in neither."""
    if path is None:
        if "SMPP_PASSWORD" not in os.environ:
            command = click.get_current_context().info_name
            click.echo(
                f"smpp {command}: binds without a password: neither --password-file nor the "
                f"variable SMPP_PASSWORD is given",
                err=True,
            )
        return os.environ.get("SMPP_PASSWORD", "")
    try:
        return read_password(path)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
