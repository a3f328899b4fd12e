"""``smpp probe``: what a message centre supports and what it violates."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from typing import Any

import click
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_smpp.cli.interrupts import interrupts
from twisted_smpp.cli.link_options import VERSIONS, account_options, password
from twisted_smpp.cli.printing import output
from twisted_smpp.cli.text_options import plain
from twisted_smpp.factory import BIND_MODES
from twisted_smpp.probe import Check, Finding, Probe, Report, Verdict

__all__ = ["probe"]

GOOD, BAD, UNREACHABLE, INTERRUPTED = 0, 1, 2, 130

_DEFAULT_PORT = 2775
#: host, host:port, [IPv6 address] and [IPv6 address]:port; anything else is an endpoint.
_HOST = re.compile(r"(?:\[(?P<ip>[0-9a-fA-F:.]+)\]|(?P<host>[^:=\[\]]+))(?::(?P<port>\d+))?")
_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command(
    epilog="""Exit codes: 0 every bind that was tried was accepted and nothing violates the
standard; 1 a bind was not accepted, or something does; 2 cannot connect, or wrong usage;
130 interrupted.

Examples:

\b
  smpp probe smsc.example --system-id me --password-file pw.txt
  smpp probe tls:smsc.example:3550 -u me -p pw.txt --version 3.4 --json
  smpp probe smsc.example:2776 -u me -p pw.txt --to 491761234567 --from Shop
"""
)
@click.argument("endpoint", metavar="ENDPOINT|HOST[:PORT]")
@account_options
@click.option(
    "--bind",
    "binds",
    multiple=True,
    type=click.Choice(list(BIND_MODES)),
    help="A kind of bind to try; may be given again.  [default: all]",
)
@click.option(
    "--version",
    "versions",
    multiple=True,
    type=click.Choice(list(VERSIONS)),
    help="An SMPP version to try; may be given again.  [default: all]",
)
@click.option("--to", default="", metavar="ADDRESS", help="Send messages too, to this address.")
@click.option("--from", "source", default="", metavar="ADDRESS", help="Who sends them.")
@click.option(
    "--timeout",
    type=_SECONDS,
    default=10.0,
    show_default=True,
    help="Seconds for a connection, and for each answer.",
)
@click.option(
    "--receipt-timeout",
    type=_SECONDS,
    default=60.0,
    show_default=True,
    help="Seconds to wait for a receipt.",
)
@click.option(
    "--pause",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Seconds between two binds.",
)
@click.option(
    "--window",
    type=click.IntRange(min=1, max=1000),
    default=10,
    show_default=True,
    help="Requests that are outstanding at once.",
)
@click.option("--wrong-password", is_flag=True, help="Try one too; it may lead to a ban.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def probe(endpoint: str, as_json: bool, **options: Any) -> None:
    """Find out what a message centre supports and what it violates.

    Binds in each mode and version, and checks how the message centre answers. Messages are
    only sent with --to. What it delivers meanwhile is refused for now, but for the receipts
    of those messages.
    """
    options["password"] = password(options.pop("password_file"))
    options["system_type"] = options["system_type"] or ""
    options["binds"] = options["binds"] or tuple(BIND_MODES)
    options["versions"] = [VERSIONS[each] for each in options["versions"] or VERSIONS]

    from twisted.internet import reactor

    # Before the reactor runs: wrong usage is said at once.
    the_run = ProbeRun(reactor, endpoint_of(endpoint), as_json, options)

    async def run() -> None:
        code = await the_run.run()
        if code:
            raise SystemExit(code)

    react(lambda _: Deferred.fromCoroutine(run()))


def endpoint_of(text: str) -> str:
    """The description of an endpoint for a host, with or without a port."""
    found = _HOST.fullmatch(text)
    if found is None:
        return text
    host = found["host"] or found["ip"].replace(":", r"\:")
    return f"tcp:{host}:{found['port'] or _DEFAULT_PORT}"


class ProbeRun:
    """One run of the command."""

    def __init__(self, reactor: Any, endpoint: Any, as_json: bool, options: dict[str, Any]) -> None:
        self._reactor = reactor
        self._as_json = as_json
        self._shows_progress = sys.stderr.isatty()
        self._to = options["to"]
        try:
            self._probe = Probe(endpoint, reactor=reactor, on_progress=self._progress, **options)
        except ValueError as error:
            raise click.UsageError(plain(str(error))) from None

    async def run(self) -> int:
        """Returns the exit code."""
        if self._probe.messages:
            self._say(f"sends {self._probe.messages} messages to {plain(self._to)}")
        with interrupts(self._reactor, self._probe.stop):
            report = await self._probe.run()
        self._clear()
        with output():
            if self._as_json:
                click.echo(json.dumps(report.as_dict(), indent=2))
            elif report.reached:
                _print(report)
        if report.interrupted:
            return INTERRUPTED
        if not report.reached:
            self._say(plain(report.unreachable or "nothing was tried"))
            return UNREACHABLE
        return GOOD if report.passed else BAD

    def _progress(self, check: Check) -> None:
        if self._shows_progress:
            click.echo(f"\r\x1b[K{check.title} ...", err=True, nl=False)

    def _clear(self) -> None:
        if self._shows_progress:
            click.echo("\r\x1b[K", err=True, nl=False)

    def _say(self, text: str) -> None:
        click.echo(f"smpp probe: {text}", err=True)


_COLOURS = {
    Verdict.SUPPORTED: "green",
    Verdict.VIOLATION: "red",
    Verdict.NOT_SUPPORTED: "yellow",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_TRIED: None,
}


def _print(report: Report) -> None:
    tried = [each for each in report.findings if each.verdict is not Verdict.NOT_TRIED]
    width = max((len(finding.title) for finding in tried), default=0)
    click.echo(f"message centre  {plain(report.system_id) or '(says no name)'}")
    click.echo()
    for finding in tried:
        _print_finding(finding, width)
    _print_not_tried(report)
    _print_violations(report)
    if report.refused_deliveries:
        click.echo(f"\n{report.refused_deliveries} deliveries for others were refused for now")
    count = Counter(finding.verdict for finding in report.findings)
    summary = ", ".join(f"{count[each]} {each.value}" for each in Verdict if count[each])
    click.echo(f"\n{summary}")


def _print_finding(finding: Finding, width: int) -> None:
    verdict = click.style(f"{finding.verdict.value:<13}", fg=_COLOURS[finding.verdict])
    click.echo(f"{finding.title:<{width}}  {verdict}  {plain(finding.said)}")


def _print_not_tried(report: Report) -> None:
    """Those that were left out, by the reason."""
    titles: dict[str, list[str]] = {}
    for finding in report.findings:
        if finding.verdict is Verdict.NOT_TRIED:
            titles.setdefault(finding.said, []).append(finding.title)
    for said, left_out in titles.items():
        click.echo(f"\nnot tried: {plain(said)}")
        text = "; ".join(left_out)
        click.echo(click.wrap_text(text, initial_indent="  ", subsequent_indent="  "))


def _print_violations(report: Report) -> None:
    """What the session noticed, each kind once."""
    if not report.violations:
        return
    click.echo("\nnoticed besides")
    seen = Counter((check, event.reason, event.command_id) for check, event in report.violations)
    for (check, reason, command_id), times in seen.items():
        often = f", {times} times" if times > 1 else ""
        click.echo(f"  {check}: {plain(reason)}, command_id {command_id:#010x}{often}")
