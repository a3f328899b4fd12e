"""``smpp store``: the file that keeps messages, looked at, saved from damage, set right."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click

from twisted_smpp.errors import StoreError
from twisted_smpp.esme.lessons import LESSON, QUEUE
from twisted_smpp.esme.message import Progress
from twisted_smpp.esme.outbox import PARKED, PART
from twisted_smpp.smsc.kinds import BROADCAST, MESSAGE, RECEIPT
from twisted_smpp.store.aside import drop, release
from twisted_smpp.store.inspection import Aside, Findings, inspect, list_aside
from twisted_smpp.store.salvage import salvage
from twisted_smpp.store.schema import SCHEMA_VERSION
from twisted_smpp.values import MessageState

__all__ = ["store"]

#: Seconds between two signs of life.
_PATIENCE = 2.0
_KINDS = {MESSAGE: "message", RECEIPT: "receipt", BROADCAST: "broadcast"}
_OUTBOX = {PART: "part", PARKED: "receipt"}
_PATH = click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_NUMBER = click.IntRange(1, 2**62)


@click.group(
    epilog="""Examples:

\b
  smpp store check /var/lib/smpp/smsc.db
  smpp store quarantine /var/lib/smpp/smsc.db
""",
)
def store() -> None:
    """The file that keeps the messages of a daemon: twistd smpp ... --store."""


@store.command(
    epilog="""Examples:

\b
  smpp store check /var/lib/smpp/smsc.db
""",
)
@_PATH
def check(path: Path) -> None:
    """Read a store from end to end, and change nothing.

    Tells its format, how many records it has in each state, and what is wrong with it. A daemon
    may have it meanwhile.

    Exit codes: 0 it is sound; 1 it is damaged; 2 wrong usage.
    """
    with _errors("check"), _Signs("reading") as signs:
        findings = inspect(path, signs.alive)
    _tell(findings)
    for each in findings.problems:
        click.echo(f"damaged: {each}", err=True)
    if findings.problems:
        sys.exit(1)
    click.echo("sound")


@store.command(
    "salvage",
    epilog="""Examples:

\b
  smpp store salvage /var/lib/smpp/smsc.db /var/lib/smpp/saved.db
""",
)
@_PATH
@click.argument("new", type=click.Path(path_type=Path))
def salvage_(path: Path, new: Path) -> None:
    """Make a NEW store of all that can be read of a damaged one.

    The damaged one stays as it is. No daemon may have it. Records of which no message can be made
    are in the quarantine of the new one.

    Exit codes: 0 all was read; 1 something is lost, or nothing can be read; 2 wrong usage.
    """
    try:
        with _errors("salvage"), _Signs("reading") as signs:
            result = salvage(path, new, signs.alive)
    except FileExistsError as error:
        raise click.UsageError(str(error)) from None
    click.echo(f"{result.read:>8}  records read")
    click.echo(f"{result.unreadable:>8}  unreadable, in the quarantine now")
    click.echo(f"{result.put_aside:>8}  in the quarantine as before")
    more = "" if result.complete else " for certain; there may have been more"
    click.echo(f"{result.lost:>8}  lost{more}")
    if not result.complete:
        sys.exit(1)


@store.command(
    epilog="""Examples:

\b
  smpp store quarantine /var/lib/smpp/smsc.db
  smpp store quarantine /var/lib/smpp/smsc.db --json --pdu
  smpp store quarantine /var/lib/smpp/smsc.db --release 4711
""",
)
@_PATH
@click.option("--release", "released", type=_NUMBER, help="Put this record back to work.")
@click.option("--drop", "dropped", type=_NUMBER, help="Forget this record.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@click.option("--pdu", is_flag=True, help="Show the octets, for smpp decode: the text is in them.")
def quarantine(
    path: Path, released: int | None, dropped: int | None, as_json: bool, pdu: bool
) -> None:
    """List the records that were put aside, and why.

    What a record says is not shown, but with --pdu. --release and --drop take the number of a
    record, and mean all parts of its message. No daemon may have the store.

    Exit codes: 0; 1 there is no such record, or the store cannot be used; 2 wrong usage.
    """
    if (released is not None) + (dropped is not None) + (as_json or pdu) > 1:
        raise click.UsageError("one of --release, --drop, or the list")
    with _errors("quarantine"):
        if released is not None:
            _count(release(path, released), "put back")
        elif dropped is not None:
            _count(drop(path, dropped), "forgotten")
        else:
            _list(list_aside(path), as_json, pdu)


def _count(numbers: list[int], what: str) -> None:
    click.echo(f"{what}: {', '.join(map(str, numbers))}")


def _list(found: list[Aside], as_json: bool, pdu: bool) -> None:
    rows = [_row(each, pdu) for each in found]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("nothing is put aside", err=True)
    for row in rows:
        values = [f"{name} {value}" for name, value in row.items() if value not in (None, "")]
        click.echo(", ".join(map(str, values)))


def _row(each: Aside, pdu: bool) -> dict[str, Any]:
    """What may be shown: all but what a subscriber wrote."""
    octets = each.columns["pdu"]
    size = len(octets) if isinstance(octets, bytes | str) else 0
    row: dict[str, Any] = {"number": each.number, "reason": _shown(each.reason)}
    for name in ("queue", "owner", "message_id", "source", "destination", "state", "tries", "at"):
        row[name] = _shown(each.columns[name])
    row["octets"] = size
    if pdu:
        row["pdu"] = octets.hex() if isinstance(octets, bytes) else _shown(octets)
    return row


def _shown(value: Any) -> Any:
    """A value that cannot write to a terminal, whatever it is."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return value if abs(value) < 1e300 else str(value)
    return ascii(value)[1:-1] if isinstance(value, str) else value


def _tell(findings: Findings) -> None:
    if findings.version:
        older = "" if findings.version == SCHEMA_VERSION else f" (this version: {SCHEMA_VERSION})"
        click.echo(f"format {findings.version}{older}")
    if findings.in_use:
        click.echo("a process has it open")
    for key, many in sorted(findings.records.items()):
        click.echo(f"{many:>8}  {_name(*key)}")
    click.echo(f"{findings.put_aside:>8}  put aside")


def _name(queue: str, kind: int, state: int, is_done: bool) -> str:
    """What records are, in words."""
    queue = ascii(queue)[1:-1]
    try:
        if queue == "outbox":
            stands = f", {Progress(state).name.lower()}" if kind == PART else ""
            return f"{_OUTBOX[kind]} of an outbox{stands}"
        if (queue, kind) == (QUEUE, LESSON):
            return "lesson of an outbox: how ids are written"
        stands = "" if kind == RECEIPT else f", {MessageState(state).name.lower()}"
        return f"{_KINDS[kind]} for {queue}{stands}{', done' if is_done else ''}"
    except (KeyError, ValueError):
        return f"kind {kind} for {queue}, state {state}{', done' if is_done else ''}"


class _Signs:
    """Shows a person that the work goes on."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._begin = self._last = time.monotonic()
        self._is_seen = sys.stderr.isatty()
        self._has_shown = False

    def alive(self) -> None:
        now = time.monotonic()
        if self._is_seen and now - self._last >= _PATIENCE:
            self._last, self._has_shown = now, True
            click.echo(f"\r{self._what}, {now - self._begin:.0f} s", err=True, nl=False)

    def __enter__(self) -> _Signs:
        return self

    def __exit__(self, *_: object) -> None:
        if self._has_shown:
            click.echo("\r\033[K", err=True, nl=False)


@contextlib.contextmanager
def _errors(command: str) -> Iterator[None]:
    """One line instead of a traceback."""
    try:
        yield
    except (StoreError, LookupError, ValueError) as error:
        _fail(command, str(error.args[0] if error.args else error))


def _fail(command: str, line: str) -> NoReturn:
    click.echo(f"smpp store {command}: {ascii(line)[1:-1]}", err=True)
    sys.exit(1)
