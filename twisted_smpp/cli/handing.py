"""``smpp send --control``: hands messages to a running ``twistd smpp esme``."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
import click
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from twisted_smpp.cli.interrupts import interrupts
from twisted_smpp.cli.printing import put
from twisted_smpp.cli.recipients import Recipient
from twisted_smpp.cli.results import Row, ids_in_row, print_counts, write_rows
from twisted_smpp.cli.text_options import plain

__all__ = ["HandingRun"]

SENT, REFUSED, UNREACHABLE, INTERRUPTED = 0, 1, 2, 130
#: Messages that wait at once for the daemon to say that they are stored.
AHEAD = 500
#: Messages that the daemon has and the message centre has not: its queue has an end.
MOST_UNSENT = 5_000
#: Messages whose refusal is said; of the others only how many they are.
MOST_SAID = 10
#: Octets of a line that the daemon reads, and of one that is read from it.
MOST_SENT, MOST_READ = 65_536, 1_048_576
#: What is said of a message that the message centre has not accepted yet.
_ON_ITS_WAY = frozenset(("queued", "sending", "unknown", "held"))


@attrs.define
class _Handed:
    """One message, and what the daemon has said of it."""

    to: str
    number: int | None = None
    progress: str = "not stored"
    final: bool = False
    parts: int = 0
    message_ids: str = ""
    error: str = ""
    is_answered: bool = False
    is_sent: bool = False


class _Client(LineReceiver):
    """The connection to the control socket."""

    delimiter = b"\n"
    MAX_LENGTH = MOST_READ

    def __init__(self, run: HandingRun) -> None:
        self._run = run

    def lineReceived(self, line: bytes) -> None:
        """Twisted: an answer, or an event."""
        self._run.heard(line)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Twisted: the daemon has gone."""
        self._run.lost()


class HandingRun:
    """One run of the command.

    Args:
        reactor: ``IReactorTime``, and ``callFromThread``.
        endpoint: an ``IStreamClientEndpoint`` of the control socket.
        wanted: the messages.
        options: of the command: ``source``, ``receipt``, ``timeout``, ``result``, and
            ``control``, the path of the socket.
        token: what tells the messages of this run from those of others.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: Any,
        wanted: list[Recipient],
        options: dict[str, Any],
        token: str | None = None,
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._wanted = wanted
        self._options = options
        self._path = plain(str(options["control"]))
        self._token = secrets.token_hex(8) if token is None else token
        self._handed: list[_Handed] = []
        self._unanswered = self._unfinished = self._unsent = self._refusals = 0
        self._awaited: Deferred[None] | None = None
        self._client: _Client | None = None
        self._given_up = False
        self._is_over = False
        self._code = SENT

    async def run(self) -> int:
        """Returns the exit code."""
        with interrupts(self._reactor, lambda: self._give_up(INTERRUPTED)):
            try:
                client = await connectProtocol(self._endpoint, _Client(self))
            except Exception as error:
                self._say(f"cannot connect to {self._path}: {error}")
                self._say("is twistd smpp esme running, with this --control?")
                return UNREACHABLE
            self._client = client
            if await self._hand_all():
                await self._await_ends()
            self._is_over = True
            client.transport.loseConnection()
        self._report()
        return self._code or self._worst()

    def _worst(self) -> int:
        good = {"delivered"}
        if not self._options["receipt"]:
            good |= {"stored", "accepted", "sent", *_ON_ITS_WAY}
        return SENT if all(each.progress in good for each in self._handed) else REFUSED

    async def _hand_all(self) -> bool:
        self._write({"follow": True})
        for wanted in self._wanted:
            if not await self._until(self._has_room):
                return False
            self._hand(wanted)
        return await self._until(lambda: not self._unanswered)

    def _has_room(self) -> bool:
        return self._unanswered < AHEAD and self._unsent < MOST_UNSENT

    def _hand(self, wanted: Recipient) -> None:
        number, handed = len(self._handed), _Handed(wanted.to)
        self._handed.append(handed)
        self._unanswered += 1
        self._unfinished += 1
        self._unsent += 1
        request = {
            "id": number,
            "to": wanted.to,
            "text": wanted.text,
            "source": self._options["source"],
            "receipt": self._options["receipt"],
            "key": f"{self._token}:{number}",
        }
        if not self._write(request):
            self._refused(handed, f"its text is too long: more than {MOST_SENT} octets of JSON")

    def _write(self, request: dict[str, Any]) -> bool:
        line = json.dumps(request).encode()
        if len(line) > MOST_SENT:
            return False
        if self._client is not None and not self._is_over:
            self._client.sendLine(line)  # type: ignore[no-untyped-call]
        return True

    async def _await_ends(self) -> None:
        if not self._options["receipt"]:
            return
        timeout = self._options["timeout"]
        call = self._reactor.callLater(timeout, self._give_up, REFUSED)
        await self._until(lambda: not self._unfinished)
        if call.active():
            call.cancel()
        elif self._unfinished:
            self._say(
                f"no final receipt for {self._unfinished} of {len(self._wanted)} messages within "
                f"{timeout:g} s; the daemon goes on with them"
            )

    async def _until(self, done: Callable[[], bool]) -> bool:
        """Whether it came to that, before the run was given up."""
        while not done() and not self._given_up:
            self._awaited = Deferred()
            await self._awaited
        return not self._given_up

    def _changed(self) -> None:
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            awaited.callback(None)

    def _give_up(self, code: int) -> None:
        self._code = code if code == INTERRUPTED else self._code or code
        self._given_up = True
        self._changed()

    # What the daemon says.

    def heard(self, line: bytes) -> None:
        """A line has come."""
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if self._is_over:
            return
        if not isinstance(said, dict):
            self._say(f"{self._path} is no control socket of twistd smpp esme")
            self._give_up(UNREACHABLE)
        elif "progress" in said:
            self._happened(said)
        elif "id" in said:
            self._answered(said)
        elif "error" in said:
            self._say(f"{self._path}: {plain(str(said['error']))}")
            self._give_up(UNREACHABLE)

    def _answered(self, said: dict[str, Any]) -> None:
        number = said["id"]
        if not isinstance(number, int) or not 0 <= number < len(self._handed):
            return
        handed = self._handed[number]
        if handed.is_answered:
            return
        if said.get("stored") is True:
            handed.is_answered = True
            handed.number = said.get("number")
            if handed.progress == "not stored":
                handed.progress = "stored"
            self._unanswered -= 1
            self._changed()
        else:
            self._refused(handed, plain(str(said.get("error", "no reason"))))

    def _refused(self, handed: _Handed, why: str) -> None:
        handed.is_answered = handed.final = True
        handed.error = why
        self._refusals += 1
        if self._refusals <= MOST_SAID:
            self._say(f"the message cannot be sent: {why}")
        self._unanswered -= 1
        self._unfinished -= 1
        self._is_sent(handed)
        self._changed()

    def _is_sent(self, handed: _Handed) -> None:
        """The daemon has it no more among those that wait."""
        self._unsent -= not handed.is_sent
        handed.is_sent = True

    def _happened(self, event: dict[str, Any]) -> None:
        token, _, number = str(event.get("key", "")).partition(":")
        if token != self._token or not number.isdecimal() or int(number) >= len(self._handed):
            return  # of somebody else
        handed = self._handed[int(number)]
        if handed.final:
            return
        handed.progress = str(event["progress"])
        handed.parts = int(event.get("parts", 0))
        ids = [each and plain(each) for each in event.get("message_ids", ())]
        handed.message_ids = ids_in_row(ids)
        handed.error = plain(str(event.get("error", "")))
        if handed.progress not in _ON_ITS_WAY:
            self._is_sent(handed)
        if event.get("final") is True:
            handed.final = True
            self._unfinished -= 1
        self._changed()

    def lost(self) -> None:
        """The connection is gone."""
        if not self._is_over and not self._given_up:
            self._say(
                f"the connection to {self._path} broke; {self._unanswered} messages may be stored "
                f"or not"
            )
            self._give_up(UNREACHABLE)
        self._is_over = True

    # What people see.

    def _report(self) -> None:
        if self._refusals > MOST_SAID:
            self._say(f"{self._refusals - MOST_SAID} more messages cannot be sent")
        if self._options["result"] is not None:
            self._write_result(self._options["result"])
        if len(self._wanted) == 1:
            for each in self._handed:
                if each.number is not None:
                    became = "" if each.progress == "stored" else f"; {each.progress}"
                    known = f", message_id {each.message_ids}" if each.message_ids else ""
                    why = f": {each.error}" if each.error else ""
                    self._print(f"stored, number {each.number}{became}{known}{why}")
            return
        counts = dict(sorted(Counter(each.progress for each in self._handed).items()))
        not_handed = len(self._wanted) - len(self._handed)
        if not_handed:
            counts["not handed over"] = not_handed
        if not print_counts(counts):
            self._code = self._code or REFUSED

    def _print(self, text: str) -> None:
        if not put(text):
            self._code = self._code or REFUSED

    def _write_result(self, path: str) -> None:
        rows = [
            Row(each.to, each.progress, each.parts, each.message_ids, "", each.error)
            for each in self._handed
        ]
        rest = self._wanted[len(rows) :]
        rows += [Row(each.to, "not handed over", 0, "", "", "") for each in rest]
        try:
            write_rows(path, rows)
        except OSError as error:
            self._say(f"cannot write {plain(path)}: {error.strerror}")
            self._code = self._code or REFUSED

    def _say(self, text: str) -> None:
        click.echo(f"smpp send: {text}", err=True)
