"""``smpp send``: bind, send one message in as many parts as it takes, wait for receipts."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectError
from twisted.internet.task import react

from twisted_smpp.cli.text_options import plain, rules_of, text_options
from twisted_smpp.endpoints import client_endpoint
from twisted_smpp.errors import (
    BindRefused,
    FieldError,
    NotPermitted,
    RequestRefused,
    SMPPError,
)
from twisted_smpp.factory import ESMEFactory
from twisted_smpp.passwords import read_password
from twisted_smpp.status import CommandStatus
from twisted_smpp.text.receipt import STAT, Receipt, is_receipt
from twisted_smpp.text.references import References
from twisted_smpp.text.segments import NotText, Segment, TextTooLong, plan
from twisted_smpp.trace import line
from twisted_smpp.values import NPI, TON, MessageState, RegisteredDelivery
from twisted_smpp.wire.pdus import DataSM, DeliverSM, SubmitSM

__all__ = ["send"]

SENT, REFUSED, UNREACHABLE = 0, 1, 2
#: A message centre says these on the way, whatever the standard calls final.
_NOT_FINAL = (MessageState.SCHEDULED, MessageState.ENROUTE, MessageState.ACCEPTED)


@click.command(
    epilog="""Exit codes: 0 accepted, and delivered when a receipt was asked for; 1 refused,
not delivered, or no receipt in time; 2 cannot connect or bind, or wrong usage.

Examples:

\b
  smpp send --system-id smppclient1 --password-file pw.txt --to 491761234567 'Hello'
  SMPP_PASSWORD=... smpp send -c tls:smsc.example:3550 -u me --from Shop \\
      --to 491761234567 --no-receipt 'Your parcel is here'
"""
)
@click.argument("text")
@click.option("--to", "destination", required=True, metavar="ADDRESS", help="Who gets it.")
@click.option("--from", "source", default="", metavar="ADDRESS", help="Who sends it.")
@click.option(
    "-c",
    "--connect",
    default="tcp:127.0.0.1:2775",
    show_default=True,
    metavar="ENDPOINT",
    help="The message centre: a Twisted client endpoint (tcp:, tls:, ...).",
)
@click.option("-u", "--system-id", required=True, help="Who you are to the message centre.")
@click.option(
    "-p",
    "--password-file",
    type=click.Path(dir_okay=False),
    help="File whose first line is the password; else the variable SMPP_PASSWORD.",
)
@click.option("--system-type", default="", help="If the message centre asks for it.")
@click.option(
    "--bind",
    type=click.Choice(["transceiver", "transmitter"]),
    default="transceiver",
    show_default=True,
    help="A transmitter gets no receipt on this connection.",
)
@click.option("--receipt/--no-receipt", default=True, help="Whether to wait for a receipt.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds to wait for the receipt.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print each PDU that passes.")
@text_options
def send(**options: Any) -> None:
    """Bind, send TEXT to an address and wait for its delivery receipts.

    The text is sent in the GSM alphabet if that has all of it, else in UCS-2, in as many
    parts as it takes: smpp text shows how.
    """
    try:
        found = plan(options["text"], rules_of(options))
    except NotText as error:
        raise click.UsageError(f"TEXT: not valid UTF-8 at character {error.position + 1}") from None
    except TextTooLong as error:
        raise click.UsageError(str(error)) from None
    reference = References().next(options["source"], options["destination"])
    options["password"] = password(options["password_file"])
    try:
        react(lambda reactor: Sending(reactor, options, found.segments(reference)).run())
    except KeyboardInterrupt:
        sys.exit(130)


def password(path: str | None) -> str:
    """The password, from a file or the environment."""
    if path is None:
        return os.environ.get("SMPP_PASSWORD", "")
    try:
        return read_password(path)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def ton_npi(address: str) -> tuple[int, int]:
    """Type of number and numbering plan, by the look of an address."""
    digits = address.removeprefix("+")
    if not digits.isdecimal():
        return (TON.ALPHANUMERIC, NPI.UNKNOWN) if address else (TON.UNKNOWN, NPI.UNKNOWN)
    if len(digits) <= 6:
        return TON.UNKNOWN, NPI.UNKNOWN
    return TON.INTERNATIONAL, NPI.ISDN


def _state(receipt: Receipt) -> str:
    by_tlv = "" if receipt.message_state is None else STAT.get(MessageState(receipt.message_state))
    return plain(receipt.stat) or by_tlv or "in an unknown state"


def _is_final(receipt: Receipt | None) -> bool:
    return receipt is not None and receipt.message_state not in _NOT_FINAL


class Sending:
    """One run of the command."""

    def __init__(self, reactor: Any, options: dict[str, Any], segments: list[Segment]) -> None:
        self._reactor = reactor
        self._options = options
        self._segments = segments
        #: What is known of each part that was accepted, by its id.
        self._receipts: dict[str, Receipt | None] = {}
        self._all_accepted: Deferred[None] = Deferred()
        self._all_final: Deferred[None] = Deferred()

    def run(self) -> Deferred[None]:
        """Fires when all is done, with SystemExit for an exit code other than 0."""
        return Deferred.fromCoroutine(self._run())

    async def _run(self) -> None:
        try:
            session = await self._bind()
        except (ConnectError, SMPPError, TimeoutError, ValueError, OSError) as error:
            what = "refused the bind" if isinstance(error, BindRefused) else "cannot be reached"
            self._say(f"the message centre {what}: {error}")
            raise SystemExit(UNREACHABLE) from None
        try:
            code = await self._send(session)
        finally:
            await session.unbind()
        if code:
            raise SystemExit(code)

    async def _bind(self) -> Any:
        bound: Deferred[Any] = Deferred()
        options = self._options
        factory = ESMEFactory(
            options["system_id"],
            options["password"],
            bind=options["bind"],
            system_type=options["system_type"],
            on_request=self._requested,
            on_bound=bound.callback,
            on_refused=lambda session, error: bound.errback(error),
            taps=[self._show] if options["verbose"] else [],
            clock=self._reactor,
        )
        endpoint = client_endpoint(self._reactor, options["connect"])
        await endpoint.connect(factory)
        return await bound

    async def _send(self, session: Any) -> int:
        try:
            for segment in self._segments:
                response = await session.request(self._request(segment))
                self._receipts[response.message_id] = None
                which = f" ({segment.number} of {segment.total})" if segment.total > 1 else ""
                click.echo(f"accepted{which}, message_id {plain(response.message_id)}")
        except RequestRefused as error:
            self._say(str(error))
            return REFUSED
        except (FieldError, NotPermitted) as error:
            self._say(f"the message cannot be sent: {error}")
            return REFUSED
        except SMPPError as error:
            self._say(f"it is not known whether the message was accepted: {error}")
            return REFUSED
        finally:
            self._all_accepted.callback(None)
        if not self._options["receipt"] or self._options["bind"] == "transmitter":
            return SENT
        return await self._await_receipts()

    def _request(self, segment: Segment) -> SubmitSM:
        options = self._options
        source_ton, source_npi = ton_npi(options["source"])
        dest_ton, dest_npi = ton_npi(options["destination"])
        return SubmitSM(
            source_addr_ton=source_ton,
            source_addr_npi=source_npi,
            source_addr=options["source"].removeprefix("+"),
            dest_addr_ton=dest_ton,
            dest_addr_npi=dest_npi,
            destination_addr=options["destination"].removeprefix("+"),
            registered_delivery=RegisteredDelivery.RECEIPT if options["receipt"] else 0,
            **segment.fields,
        )

    async def _await_receipts(self) -> int:
        self._all_final.addTimeout(self._options["timeout"], self._reactor)
        try:
            await self._all_final
        except TimeoutError:
            last = next((_state(each) for each in self._receipts.values() if each), "")
            said = f", the last one said {last}" if last else ""
            waiting = sum(not _is_final(each) for each in self._receipts.values())
            many = "" if len(self._receipts) == 1 else f" for {waiting} parts"
            self._say(f"no final receipt{many} within {self._options['timeout']:g} s{said}")
            return REFUSED
        receipts = [each for each in self._receipts.values() if each is not None]
        for state in dict.fromkeys(map(_state, receipts)):
            click.echo(state)
        return SENT if all(each.delivered for each in receipts) else REFUSED

    async def _requested(self, session: Any, request: Any) -> int | None:
        """Takes the receipts of our message; all else stays with the message centre."""
        if not isinstance(request, DeliverSM | DataSM) or not is_receipt(request):
            return CommandStatus.ESME_RX_T_APPN
        receipt = Receipt.of(request)
        if receipt.message_id not in self._receipts and not self._all_accepted.called:
            waiting: Deferred[None] = Deferred()
            self._all_accepted.addCallback(lambda _: waiting.callback(None))
            await waiting
        if receipt.message_id not in self._receipts or not self._options["receipt"]:
            return CommandStatus.ESME_RX_T_APPN
        if not _is_final(self._receipts[receipt.message_id]):
            self._receipts[receipt.message_id] = receipt
        complete = all(map(_is_final, self._receipts.values()))
        if complete and self._all_accepted.called and not self._all_final.called:
            self._all_final.callback(None)
        return None

    def _show(self, direction: Any, pdu: Any, octets: bytes, time: float) -> None:
        click.echo(line(direction, pdu, time))

    def _say(self, text: str) -> None:
        click.echo(f"smpp send: {text}", err=True)
