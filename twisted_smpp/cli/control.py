"""``smpp control``: asks a running daemon at its control socket."""

from __future__ import annotations

import json
import socket
import sys
import time
from typing import Any

import click

__all__ = ["control"]

REFUSED, UNREACHABLE = 1, 2
#: Octets of an answer, at most.
_MOST_READ = 64 * 2**20
_PATH = click.argument("path", type=click.Path())
_TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(0.1, 3600),
    default=10.0,
    show_default=True,
    help="Seconds to wait for the answer.",
)


@click.group(
    epilog="""Examples:

\b
  smpp control status /run/smpp/control
  smpp control dead-letters /run/smpp/control shop
""",
)
def control() -> None:
    """A daemon that runs: twistd smpp ... --control PATH.

    Exit codes: 0; 1 the daemon refuses; 2 it cannot be asked, or wrong usage.
    """


@control.command(
    epilog="""Examples:

\b
  smpp control status /run/smpp/control
""",
)
@_PATH
@_TIMEOUT
def status(path: str, timeout: float) -> None:
    """How a daemon is doing, as a JSON object.

    Exit codes: 0 it is healthy; 1 it is not; 2 it cannot be asked, or wrong usage.
    """
    answer = _ask(path, timeout, status=True)["status"]
    click.echo(json.dumps(answer, indent=2))
    if not answer.get("healthy", True):
        sys.exit(REFUSED)


@control.command(
    "dead-letters",
    epilog="""Examples:

\b
  smpp control dead-letters /run/smpp/control shop
  smpp control dead-letters /run/smpp/control shop --json
""",
)
@_PATH
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@_TIMEOUT
def dead_letters(path: str, account: str, as_json: bool, timeout: float) -> None:
    """List the receipts that an ACCOUNT did not take, and why.

    The oldest come first, 1000 at most. They are kept for a week.
    """
    answer = _ask(path, timeout, dead_letters=account)
    letters = answer["dead_letters"]
    if as_json:
        click.echo(json.dumps(letters, indent=2))
        return
    for each in letters:
        until = time.strftime("%Y-%m-%d %H:%M", time.localtime(each["until"]))
        click.echo(
            f"message_id {each['message_id']}, from {ascii(each['source'])[1:-1]}, "
            f"to {ascii(each['destination'])[1:-1]}, kept until {until}, why {each['why']}"
        )
    if not letters:
        click.echo("there are none", err=True)
    if answer["more"]:
        click.echo("there are more", err=True)


@control.command(
    epilog="""Examples:

\b
  smpp control revive /run/smpp/control shop
""",
)
@_PATH
@click.argument("account")
@_TIMEOUT
def revive(path: str, account: str, timeout: float) -> None:
    """Deliver again the receipts that an ACCOUNT did not take, 1000 at most."""
    answer = _ask(path, timeout, revive=account)
    click.echo(f"{answer['revived']} are delivered again")


@control.command(
    epilog="""Examples:

\b
  smpp control alert /run/smpp/control shop 491761234567
""",
)
@_PATH
@click.argument("account")
@click.argument("address")
@_TIMEOUT
def alert(path: str, account: str, address: str, timeout: float) -> None:
    """Tell an ACCOUNT that the mobile of an ADDRESS can be reached (alert_notification)."""
    answer = _ask(path, timeout, alert=account, source=address)
    click.echo(f"sent to {answer['alerted']} sessions")
    if not answer["alerted"]:
        sys.exit(REFUSED)


def _ask(path: str, timeout: float, **request: Any) -> dict[str, Any]:
    """What the daemon answers; ends the process when it does not."""
    shown = ascii(path)[1:-1]
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(path)
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = connection.makefile("rb").readline(_MOST_READ)
    except TimeoutError:
        _fail(f"{shown} does not answer within {timeout:g} s", UNREACHABLE)
    except (OSError, ValueError) as error:
        _fail(f"cannot ask {shown}: {getattr(error, 'strerror', None) or error}", UNREACHABLE)
    try:
        answer: dict[str, Any] = json.loads(line)
    except ValueError:
        _fail(f"{shown} has closed the connection", UNREACHABLE)
    if "error" in answer:
        _fail(ascii(str(answer["error"]))[1:-1], REFUSED)
    return answer


def _fail(line: str, code: int) -> Any:
    click.echo(f"smpp control: {line}", err=True)
    sys.exit(code)
