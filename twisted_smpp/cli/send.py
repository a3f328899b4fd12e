"""``smpp send``: bind, send messages, wait for their receipts."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.task import deferLater, react

from twisted_smpp.cli.handing import MOST_SAID, HandingRun
from twisted_smpp.cli.interrupts import interrupts
from twisted_smpp.cli.link_options import link_settings, optional_link_options
from twisted_smpp.cli.printing import put
from twisted_smpp.cli.recipients import Recipient, recipients
from twisted_smpp.cli.results import Row, ids_in_row, print_counts, write_rows
from twisted_smpp.cli.text_options import plain, rules_of, standard_input, text_options
from twisted_smpp.errors import RequestRefused, SessionLost
from twisted_smpp.esme import ESMEPool, ESMEService
from twisted_smpp.esme.link import LinkChange, LinkState
from twisted_smpp.esme.message import Message, MessagePart, Progress
from twisted_smpp.esme.sending import Sending
from twisted_smpp.status import CommandStatus
from twisted_smpp.text.receipt import STAT, Receipt
from twisted_smpp.text.segments import NotText
from twisted_smpp.trace import line

__all__ = ["send"]

SENT, REFUSED, UNREACHABLE, INTERRUPTED = 0, 1, 2, 130
NOT_SENT = "not sent"
#: Columns of the bar that shows the progress.
BAR = 36
#: Messages that may be on their way at once, besides what the window holds.
AHEAD = 1000
#: Seconds that a receipt waits for the response to its message. A message centre may take no
#: more messages until it has the answer to its receipt.
EARLY = 5.0
#: Options that make sense with a daemon; all others are its own to say.
_WITH_CONTROL = frozenset(
    ("text", "to", "file", "source", "receipt", "timeout", "result", "control")
)


@click.command(
    epilog="""Exit codes: 0 all accepted, and delivered when receipts were asked for; 1 one was
refused, not delivered, or had no receipt in time; 2 cannot connect or bind, or wrong usage;
130 interrupted, by Ctrl-C or SIGTERM.

Examples:

\b
  smpp send --system-id smppclient1 --password-file pw.txt --to 491761234567 'Hello'
  SMPP_PASSWORD=... smpp send -c tls:smsc.example:3550 -u me --from Shop \\
      --to 491761234567 --no-receipt 'Your parcel is here'
  smpp send -u me -p pw.txt --recipients customers.csv --rate 20 --result result.csv \\
      'Dear $name, your parcel $number is here'
  smpp send --control /run/smpp/control --to 491761234567 --no-receipt 'Hello'
"""
)
@click.argument("text", required=False, metavar="[TEXT|-]")
@click.option("--to", multiple=True, metavar="ADDRESS", help="Who gets it; may be given again.")
@click.option(
    "--recipients",
    "file",
    metavar="FILE|-",
    help="CSV with a column to, perhaps text and others that TEXT names by $name; or an "
    "address a line.",
)
@click.option("--from", "source", default="", metavar="ADDRESS", help="Who sends it.")
@click.option(
    "--control",
    type=click.Path(dir_okay=False),
    metavar="PATH",
    help="Bind nowhere; hand the messages to the twistd smpp esme that listens at this control "
    "socket. With --no-receipt it is over when they are stored.",
)
@optional_link_options
@click.option("--receipt/--no-receipt", default=True, help="Whether to wait for receipts.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds to wait for receipts, after the last message was accepted.",
)
@click.option("--window", type=click.IntRange(min=1), help="Requests in flight.  [default: 10]")
@click.option(
    "--binds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Connections that share the sending.",
)
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), help="Messages a second, at most."
)
@click.option(
    "--result",
    type=click.Path(dir_okay=False, writable=True),
    help="CSV file to write: what became of each message.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print each PDU that passes.")
@text_options
def send(text: str | None, **options: Any) -> None:
    """Bind, send TEXT to addresses and wait for the delivery receipts.

    The text is sent in the GSM alphabet if that has all of it, else in UCS-2, in as many
    parts as it takes: smpp text shows how. What the message centre refuses because of its
    load is sent again, in order; so is what was on its way when the link broke.

    - reads the text from standard input, without its last line end.
    """
    is_handed = options["control"] is not None
    if is_handed:
        _check_handed()
    else:
        settings = link_settings(options, useless="receiver")
        rules = rules_of(options, settings["profile"].text)
    file = options.pop("file")
    wanted = _wanted(options.pop("to"), file, text)
    if options["result"] is not None:
        _check_result(options["result"], file)

    from twisted.internet import reactor

    # Before the reactor runs: wrong usage is said at once.
    the_run: HandingRun | SendRun
    if is_handed:
        endpoint = UNIXClientEndpoint(reactor, options["control"])
        the_run = HandingRun(reactor, endpoint, wanted, options)
    else:
        the_run = SendRun(reactor, settings, rules, wanted, options)

    async def run() -> None:
        code = await the_run.run()
        if code:
            raise SystemExit(code)

    react(lambda _: Deferred.fromCoroutine(run()))


def _wanted(to: tuple[str, ...], file: str | None, text: str | None) -> list[Recipient]:
    """The messages; the reactor, which takes Ctrl-C otherwise, does not run yet."""
    try:
        if text == "-":
            if file == "-":
                raise click.UsageError("standard input is the text or the recipients, not both")
            text = standard_input().removesuffix("\n")
        return recipients(to, file, text)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _check_handed() -> None:
    """The daemon has its message centre, and how it sends texts."""
    context = click.get_current_context()
    for each in context.command.params:
        name = each.name or ""
        source = context.get_parameter_source(name)
        if source is ParameterSource.COMMANDLINE and name not in _WITH_CONTROL:
            raise click.UsageError(f"{each.opts[-1]}: with --control the daemon says that")


def _check_result(path: str, file: str | None) -> None:
    """What became of messages that were sent cannot be told later if it cannot be written."""
    if file not in (None, "-") and Path(path).exists() and Path(path).samefile(str(file)):
        raise click.UsageError(f"--result {plain(path)} would replace the recipients")
    try:
        with Path(path).open("a"):
            pass
    except OSError as error:
        raise click.UsageError(f"cannot write {plain(path)}: {error.strerror}") from None


class SendRun:
    """One run of the command."""

    def __init__(
        self,
        reactor: Any,
        settings: dict[str, Any],
        rules: Any,
        wanted: list[Recipient],
        options: dict[str, Any],
    ) -> None:
        self._reactor = reactor
        self._wanted = wanted
        self._bind = settings["bind"]
        self._options = options
        self._messages: list[Message] = []
        #: Of each that was tried: the message, or why it cannot be sent.
        self._tried: list[Message | str] = []
        self._refusals = 0
        #: The statuses with which messages were refused for the time being.
        self._put_off: set[int] = set()
        self._awaited: Deferred[Any] | None = None
        self._given_up = False
        self._shows_bar = False
        self._code = SENT
        self._was_bound = False
        self._all_accepted = False
        #: Receipts that came before the responses to their messages.
        self._early: dict[Deferred[None], Receipt] = {}
        window = options["window"]
        if window is not None:
            settings["window"] = window
        try:
            self._service = self._make_service(settings, rules)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        self._service.confirming.unparked = self._found

    def _make_service(self, settings: dict[str, Any], rules: Any) -> ESMEService | ESMEPool:
        options, profile = self._options, settings["profile"]
        rate, burst = options["rate"] or profile.link.get("rate"), profile.link.get("burst")
        settings = {
            **settings,
            "text": rules,
            "on_receipt": self._receipt,
            "taps": [self._show] if options["verbose"] else [],
            "reactor": self._reactor,
        }
        if options["binds"] == 1:
            sending = Sending.of(profile, rate=rate, burst=burst)
            return ESMEService(**settings, sending=sending, on_state=self._state)
        sending = Sending.of(profile, rate=None, burst=None)
        return ESMEPool(
            **settings,
            binds=options["binds"],
            rate=rate,
            burst=burst,
            sending=sending,
            on_state=lambda link, change: self._state(change),
        )

    async def run(self) -> int:
        """Returns the exit code."""
        self._service.startService()
        with interrupts(self._reactor, lambda: self._give_up(INTERRUPTED)):
            try:
                if await self._wait(self._service.when_bound()):
                    await self._send_all()
            except SessionLost as error:
                self._say(str(error))
                self._code = UNREACHABLE
            finally:
                self._accepted_all()
                await self._service.stopService()
        self._report()
        if self._code:
            return self._code
        good = (Progress.DELIVERED,) if self._waits_for_receipts else _ACCEPTED
        return SENT if all(each.progress in good for each in self._messages) else REFUSED

    @property
    def _waits_for_receipts(self) -> bool:
        return bool(self._options["receipt"]) and self._bind != "transmitter"

    async def _send_all(self) -> None:
        with self._progress("sent") as bar:
            submitted: deque[Deferred[None]] = deque()
            for wanted in self._wanted:
                if not await self._wait(self._service.slot()):
                    return
                message = self._send(wanted)
                if message is None:
                    bar.update(1)
                    continue
                submitted.append(message.submitted.addBoth(self._submitted, message, bar))
                if len(submitted) > AHEAD and not await self._wait(submitted.popleft()):
                    return
            for each in submitted:
                if not await self._wait(each):
                    return
            # The last response may be just about to tell which early receipts are ours.
            if not await self._wait(deferLater(self._reactor, 0)):
                return
        self._accepted_all()
        if self._waits_for_receipts:
            await self._await_receipts()

    async def _wait(self, awaited: Deferred[Any]) -> bool:
        """Whether it came, before the run was given up."""
        self._awaited = awaited
        try:
            if self._given_up:
                awaited.cancel()
            await awaited
        except CancelledError:
            pass
        finally:
            self._awaited = None
        return not self._given_up

    def _send(self, wanted: Recipient) -> Message | None:
        try:
            message = self._service.send(
                wanted.to,
                wanted.text,
                source=self._options["source"],
                receipt=self._options["receipt"],
            )
        except NotText as error:
            self._cannot(wanted, f"not valid UTF-8 at character {error.position + 1}")
            return None
        except ValueError as error:
            self._cannot(wanted, plain(str(error)))
            return None
        message.on_progress = self._moved
        self._moved(message)
        self._messages.append(message)
        self._tried.append(message)
        return message

    def _moved(self, message: Message) -> None:
        """Says once why it takes so long."""
        for part in message.parts:
            error = part.error
            if part.progress is Progress.QUEUED and isinstance(error, RequestRefused):
                status = error.command_status
                if status not in self._put_off:
                    self._put_off.add(status)
                    self._say(f"{error}; sent again later")

    def _cannot(self, wanted: Recipient, why: str) -> None:
        self._tried.append(why)
        self._code = REFUSED
        self._refusals += 1
        if self._refusals <= MOST_SAID:
            to = f" to {plain(wanted.to)}" if len(self._wanted) > 1 else ""
            self._say(f"the message{to} cannot be sent: {why}")

    def _submitted(self, result: Any, message: Message, bar: Any) -> None:
        bar.update(1)
        if len(self._wanted) > 1 and not self._options["verbose"]:
            return
        if message.error is not None:
            self._say(str(message.error))
        for part in message.parts:
            if part.message_id is not None:
                many = len(message.parts)
                which = f" ({part.number} of {many})" if many > 1 else ""
                self._print(f"accepted{which}, message_id {plain(part.message_id)}")

    async def _await_receipts(self) -> None:
        timeout = self._options["timeout"]
        call = self._reactor.callLater(timeout, self._give_up, REFUSED)
        with self._progress("receipts") as bar:
            for message in self._messages:
                if not message.progress.final and not await self._wait(message.final):
                    break
                bar.update(1)
        if call.active():
            call.cancel()
            return
        waiting = [
            part
            for message in self._messages
            for part in message.parts
            if part.progress is Progress.ACCEPTED
        ]
        last = next((_said(part) for part in waiting if part.receipt), "")
        many = f" for {len(waiting)} parts" if len(waiting) > 1 else ""
        said = f", the last one said {last}" if last else ""
        self._say(f"no final receipt{many} within {timeout:g} s{said}")

    def _give_up(self, code: int) -> None:
        self._code = code if code == INTERRUPTED else self._code or code
        self._given_up = True
        if self._awaited is not None:
            self._awaited.cancel()

    # What the service tells.

    def _state(self, change: LinkChange) -> None:
        if change.state is LinkState.BOUND:
            self._was_bound = True
        elif change.state is LinkState.WAITING:
            if self._was_bound:
                self._say(f"{plain(change.reason)}; next attempt in {change.seconds:.1f} s")
            else:
                self._say(plain(change.reason))
                if self._none_connects():
                    self._give_up(UNREACHABLE)

    def _none_connects(self) -> bool:
        links = getattr(self._service, "links", [self._service])
        return all(link.change.state is LinkState.WAITING for link in links)

    async def _receipt(self, receipt: Receipt, pdu: Any) -> int | None:
        """Takes the receipts of our messages; those of others stay with the message centre."""
        if not receipt.matched and not self._all_accepted:
            found: Deferred[None] = Deferred()
            self._early[found] = receipt
            await found.addTimeout(EARLY, self._reactor, lambda *_: None)
            self._early.pop(found, None)
        return None if receipt.matched else CommandStatus.ESME_RX_T_APPN

    def _found(self, message_id: str) -> None:
        early = [each for each, of in self._early.items() if of.message_id == message_id]
        # Of receipts that say the same the service keeps one.
        is_matched = any(self._early[each].matched for each in early)
        for each in early:
            self._early[each].matched = is_matched
        self._answer_early(early)

    def _accepted_all(self) -> None:
        self._all_accepted = True
        self._answer_early(list(self._early))

    def _answer_early(self, early: list[Deferred[None]]) -> None:
        for found in early:
            del self._early[found]
            found.callback(None)

    def _show(self, direction: Any, pdu: Any, octets: bytes, time: float) -> None:
        self._print(line(direction, pdu, time))

    # What people see.

    @contextlib.contextmanager
    def _progress(self, label: str) -> Iterator[Any]:
        """A bar at a terminal, as wide as there is room for it."""
        self._shows_bar = len(self._wanted) > 1 and sys.stderr.isatty()
        width = BAR if shutil.get_terminal_size().columns >= 2 * BAR else 0
        file = sys.stderr if self._shows_bar else io.StringIO()
        length = len(self._wanted)
        try:
            with click.progressbar(length=length, label=label, width=width, file=file) as bar:
                yield bar
        finally:
            self._shows_bar = False

    def _report(self) -> None:
        if self._refusals > MOST_SAID:
            self._say(f"{self._refusals - MOST_SAID} more messages cannot be sent")
        if self._options["result"] is not None:
            self._write_result(self._options["result"])
        if len(self._wanted) == 1:
            for message in self._messages:
                if self._waits_for_receipts:
                    for said in dict.fromkeys(
                        _said(part) for part in message.parts if part.receipt
                    ):
                        if message.progress.final:
                            self._print(said)
            return
        in_order = sorted(self._messages, key=lambda message: message.progress)
        counts = Counter(_became(message) for message in in_order)
        not_sent = counts.pop(NOT_SENT, 0) + len(self._wanted) - len(self._messages)
        if not_sent:
            counts[NOT_SENT] = not_sent
        if not print_counts(counts):
            self._code = self._code or REFUSED

    def _write_result(self, path: str) -> None:
        not_tried = [""] * (len(self._wanted) - len(self._tried))
        rows = map(_row, self._wanted, [*self._tried, *not_tried])
        try:
            write_rows(path, rows)
        except OSError as error:
            self._cannot_write(path, error)

    def _cannot_write(self, path: str, error: OSError) -> None:
        self._say(f"cannot write {plain(path)}: {error.strerror}")
        self._code = self._code or REFUSED

    def _print(self, text: str) -> None:
        if not put(text):
            self._code = self._code or REFUSED

    def _say(self, text: str) -> None:
        clear = "\r\x1b[K" if self._shows_bar else ""
        click.echo(f"{clear}smpp send: {text}", err=True)


_ACCEPTED = (Progress.SENT, Progress.ACCEPTED, Progress.DELIVERED)


def _became(message: Message) -> str:
    """What became of a message, in a word; nothing waits any more."""
    if message.progress is Progress.QUEUED and not any(message.message_ids):
        return Progress.UNKNOWN.name.lower() if message.possible_duplicates else NOT_SENT
    return message.progress.name.lower()


def _row(wanted: Recipient, message: Message | str) -> Row:
    """What became of a message, or why it was not sent."""
    if isinstance(message, str):
        return Row(wanted.to, NOT_SENT, 0, "", 0, message)
    return Row(
        message.destination,
        _became(message),
        len(message.parts),
        ids_in_row(message.message_ids),
        sum(part.attempts for part in message.parts),
        str(message.error or ""),
    )


def _said(part: MessagePart) -> str:
    receipt = part.receipt
    if receipt is None:
        return ""
    by_tlv = "" if receipt.message_state is None else STAT.get(receipt.message_state)
    return plain(receipt.stat) or by_tlv or "in an unknown state"
