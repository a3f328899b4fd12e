"""``smpp listen``: what comes from a message centre, as it comes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_smpp.cli.interrupts import interrupts
from twisted_smpp.cli.link_options import link_options, link_settings
from twisted_smpp.cli.message import receipt_dict
from twisted_smpp.cli.printing import put
from twisted_smpp.cli.text_options import plain
from twisted_smpp.esme import ESMEService
from twisted_smpp.esme.link import LinkChange
from twisted_smpp.esme.receiving import Received
from twisted_smpp.status import CommandStatus
from twisted_smpp.text.receipt import Receipt

__all__ = ["listen"]


@click.command(
    epilog="""Exit codes: 0 ended by --count, Ctrl-C or SIGTERM; 1 what comes cannot be printed;
2 wrong usage.

Examples:

\b
  smpp listen -u me -p pw.txt -c tls:smsc.example:3550
  smpp listen -u me --bind receiver --json --count 1 | jq .text
"""
)
@link_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many.")
def listen(**options: Any) -> None:
    """Bind and print messages and receipts as they come.

    What is printed has been accepted: the message centre does not send it again. Long
    messages are put together first. The link is made again whenever it breaks.
    """
    settings = link_settings(options, useless="transmitter")
    react(lambda reactor: Listening(reactor, settings, options).run())


class Listening:
    """One run of the command."""

    def __init__(self, reactor: Any, settings: dict[str, Any], options: dict[str, Any]) -> None:
        self._reactor = reactor
        self._as_json = options["as_json"]
        self._left = options["count"]
        self._is_unwritable = False
        self._done: Deferred[None] = Deferred()
        try:
            self._service = ESMEService(
                **settings,
                on_message=self._message,
                on_receipt=self._receipt,
                on_state=self._state,
                reactor=reactor,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    def run(self) -> Deferred[None]:
        """Fires when it was asked to end."""
        return Deferred.fromCoroutine(self._run())

    async def _run(self) -> None:
        with interrupts(self._reactor, self._end):
            self._service.startService()
            try:
                await self._done
            finally:
                await self._service.stopService()
                self._service.hand_over()
        if self._is_unwritable:
            raise SystemExit(1)

    def _end(self) -> None:
        if not self._done.called:
            self._done.callback(None)

    def _state(self, change: LinkChange) -> None:
        wait = f", next attempt in {change.seconds:.1f} s" if change.seconds else ""
        click.echo(f"smpp listen: {change.state.value}: {plain(change.reason)}{wait}", err=True)

    def _message(self, message: Received) -> int | None:
        data: dict[str, Any] = {
            "source": message.source,
            "destination": message.destination,
            "text": message.text,
        }
        if message.text is None or message.damaged:
            data["octets"] = message.octets.hex()
        if message.ports is not None:
            data["ports"] = message.ports._asdict()
        if message.missing:
            data["missing_parts"] = list(message.missing)
        text = f"{len(message.octets)} octets" if message.text is None else plain(message.text)
        gaps = f" [without part {', '.join(map(str, message.missing))}]" if message.missing else ""
        line = f"{plain(message.source)} to {plain(message.destination)}: {text}{gaps}"
        return self._print("message", data, line, is_refusable=message.pdu is not None)

    def _receipt(self, receipt: Receipt, pdu: Any) -> int | None:
        data = {
            "source": pdu.source_addr,
            "destination": pdu.destination_addr,
            **receipt_dict(receipt),
        }
        state = receipt.stat or (receipt.message_state and receipt.message_state.name) or "?"
        line = f"receipt for {plain(receipt.message_id)}: {plain(state)}"
        return self._print("receipt", data, line)

    def _print(
        self, kind: str, data: dict[str, Any], line: str, is_refusable: bool = True
    ) -> int | None:
        """What nobody has seen stays with the message centre."""
        if self._left == 0 and is_refusable:
            return CommandStatus.ESME_RX_T_APPN
        now = datetime.now(UTC).astimezone()
        if self._as_json:
            text = json.dumps({"time": now.isoformat(), "kind": kind, **data})
        else:
            text = f"{now:%H:%M:%S} {line}"
        if self._is_unwritable or not put(text):
            self._is_unwritable = True
            self._reactor.callLater(0, self._end)
            return CommandStatus.ESME_RX_T_APPN
        if self._left:
            self._left -= 1
            if self._left == 0:
                self._reactor.callLater(0, self._end)
        return None
