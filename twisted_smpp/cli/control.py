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
  smpp control held /run/smpp/control
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


@control.command(
    epilog="""Examples:

\b
  smpp control held /run/smpp/control
  smpp control held /run/smpp/control --after 4711 --json
""",
)
@_PATH
@click.option(
    "--after",
    type=click.IntRange(min=0),
    default=0,
    metavar="NUMBER",
    help="Only those with a greater number: the next page.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@_TIMEOUT
def held(path: str, after: int, as_json: bool, timeout: float) -> None:
    """List the messages of an ESME that nobody knows to be accepted.

    With --unknown hold they wait until resend or give-up decides. The oldest come first, 1000 at
    most.
    """
    answer = _ask(path, timeout, held=True, after=after)
    messages = answer["held"]
    if as_json:
        click.echo(json.dumps(messages, indent=2))
    else:
        for each in messages:
            click.echo(_held_line(each))
        if not messages:
            click.echo("there are none", err=True)
    if answer["more"]:
        click.echo(f"there are more, --after {messages[-1]['number']}", err=True)


def _held_line(message: dict[str, Any]) -> str:
    taken = time.strftime("%Y-%m-%d %H:%M", time.localtime(message["at"]))
    line = (
        f"number {message['number']}, from {ascii(message['source'])[1:-1]}, "
        f"to {ascii(message['to'])[1:-1]}, taken {taken}"
    )
    if "key" in message:
        line += f", key {ascii(message['key'])[1:-1]}"
    if message["parts"] > 1:
        line += f", parts {' '.join(map(str, message['held']))} of {message['parts']}"
    if message["possible_duplicates"]:
        line += f", possible duplicates {message['possible_duplicates']}"
    return line


_NUMBERS = click.argument("numbers", metavar="[NUMBER]...", type=click.IntRange(min=0), nargs=-1)


@control.command(
    epilog="""Examples:

\b
  smpp control resend /run/smpp/control 4711 4712
  smpp control resend /run/smpp/control --all
""",
)
@_PATH
@_NUMBERS
@click.option("--all", "every", is_flag=True, help="All that are held, 1000 at most.")
@_TIMEOUT
def resend(path: str, numbers: tuple[int, ...], every: bool, timeout: float) -> None:
    """Send held messages again: who has one already gets it twice."""
    _decide(path, numbers, every, timeout, "resend", "resent")


@control.command(
    "give-up",
    epilog="""Examples:

\b
  smpp control give-up /run/smpp/control 4711 4712
  smpp control give-up /run/smpp/control --all
""",
)
@_PATH
@_NUMBERS
@click.option("--all", "every", is_flag=True, help="All that are held, 1000 at most.")
@_TIMEOUT
def give_up(path: str, numbers: tuple[int, ...], every: bool, timeout: float) -> None:
    """Count held messages as lost: they are not sent again, and nothing is heard of them."""
    _decide(path, numbers, every, timeout, "give_up", "given_up")


def _decide(
    path: str, numbers: tuple[int, ...], every: bool, timeout: float, what: str, done: str
) -> None:
    if every is bool(numbers):
        raise click.UsageError("NUMBER or --all is needed, and not both")
    words = "sent again" if what == "resend" else "given up"
    if every:
        answer = _ask(path, timeout, **{what: "all"})
        click.echo(f"{answer[done]} are {words}")
        if answer["more"]:
            click.echo("there are more", err=True)
        return
    refused = False
    for number in numbers:
        answer = _answer(path, timeout, {what: number})
        if "error" in answer:
            refused = True
            _say(f"{number} is not {words}: {_shown(answer['error'])}")
        else:
            click.echo(f"{number} is {words}")
    if refused:
        sys.exit(REFUSED)


def _ask(path: str, timeout: float, **request: Any) -> dict[str, Any]:
    """What the daemon answers; ends the process when it refuses, or does not answer."""
    answer = _answer(path, timeout, request)
    if "error" in answer:
        _fail(_shown(answer["error"]), REFUSED)
    return answer


def _answer(path: str, timeout: float, request: dict[str, Any]) -> dict[str, Any]:
    """What the daemon answers, an error too; ends the process when it does not."""
    shown = _shown(path)
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
    return answer


def _shown(text: Any) -> str:
    return ascii(str(text))[1:-1]


def _say(line: str) -> None:
    click.echo(f"smpp control: {line}", err=True)


def _fail(line: str, code: int) -> Any:
    _say(line)
    sys.exit(code)
