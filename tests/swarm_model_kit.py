"""What a message centre has promised, by what passes on its connections, and what it may do.

The model knows nothing of the message centre but the octets of its sessions, the calls of its
sinks, and what its store would still have if the process ended now. Whatever it objects to is in
``wrongs``, which whoever moves the world looks at after each move.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from twisted_smpp.limits import LATE_SECONDS
from twisted_smpp.smsc import Keeping
from twisted_smpp.store import Record
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire import tlvs
from twisted_smpp.wire.lists import DistributionList

#: What a receiver says so that it is tried again.
TEMPORARY = frozenset({0x08, 0x14, 0x58, 0x64})
FINAL = frozenset({M.DELIVERED, M.EXPIRED, M.DELETED, M.UNDELIVERABLE, M.REJECTED, M.SKIPPED})
TOKEN = re.compile(rb"#\d+")
_SUBMISSIONS = ("submit_sm", "data_sm", "submit_multi", "broadcast_sm")
_CHANGES = ("cancel_sm", "replace_sm", "cancel_broadcast_sm")


@dataclass(eq=False)
class Attempt:
    """Something was handed to somebody once; ``outcome`` is what the centre knows of it."""

    at: float
    wire: Any = None
    number: int = 0
    #: open; ok, refused or final; timeout or lost; crashed.
    outcome: str = "open"
    ended: float = 0.0
    state: int = M.DELIVERED
    #: Whether a crash cannot make it undone any more; and whether one may have.
    safe: bool = False
    doubtful: bool = False
    #: What was sent, and when a consent to it has come after it timed out.
    octets: bytes = b""
    late: float | None = None
    late_is_sure: bool = True
    item: Any = None

    def look(self, now: float) -> None:
        """Whether it is still open: a session may have ended, or lost its patience."""
        if self.outcome != "open" or self.wire is None:
            return
        protocol = self.wire.protocol
        if protocol._lost:
            self.end("lost", now)
        elif self.number not in protocol.session._pending:
            self.end("timeout", now)

    def end(self, outcome: str, now: float) -> None:
        self.outcome, self.ended = outcome, now


@dataclass(eq=False)
class Item:
    """What is to come to somebody once: a message to one destination, or a receipt."""

    what: str
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def arrived(self) -> bool:
        return any(each.outcome == "ok" for each in self.attempts)

    @property
    def is_open(self) -> bool:
        """Whether somebody has it now."""
        return any(each.outcome == "open" for each in self.attempts)

    @property
    def came(self) -> bool:
        """Whether somebody has said that it has, in time or late."""
        return self.arrived or any(each.late is not None for each in self.attempts)

    @property
    def failures(self) -> int:
        counted = ("refused", "final", "timeout", "lost")
        return sum(each.outcome in counted for each in self.attempts)


@dataclass(eq=False)
class Message(Item):
    """A message to one destination."""

    owner: str = ""
    token: bytes = b""
    source: str = ""
    destination: str = ""
    #: What may hold: a change that nobody has confirmed leaves two of each.
    registered: set[int] = field(default_factory=set)
    ever: set[int] = field(default_factory=set)
    expires: set[float | None] = field(default_factory=set)
    scheduled: float | None = None
    #: The latest that the wall clock has shown since, before it was set.
    seen: float = 0.0
    message_id: str = ""
    #: asked, promised or refused; of what was asked nobody may ever hear.
    status: str = "asked"
    changed: float = -1.0
    #: Whether it may have been cancelled, and whether that was confirmed.
    may_end: bool = False
    is_cancelled: bool = False
    told: int | None = None
    reported: list[int] = field(default_factory=list)
    receipts: dict[tuple[int, bool], Item] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"{self.what} {self.token!r} of {self.owner} to {self.destination}"


class Wire:
    """A tap on one session of the message centre."""

    def __init__(self, model: Model, name: str, protocol: Any) -> None:
        self.model, self.name, self.protocol = model, name, protocol
        self.asked: dict[int, Any] = {}
        self.asked_for: dict[int, list[Message]] = {}
        self.sent: dict[int, Attempt] = {}
        #: Whether the peer has said good-bye: what it says behind that is not heard.
        self.is_over = False

    def __call__(self, direction: str, pdu: Any, octets: bytes, now: float) -> None:
        if direction == "received":
            if pdu.command in ("unbind", "unbind_resp"):
                self.is_over = True
            if not pdu.is_response:
                self.asked[pdu.sequence_number] = pdu
                self.asked_for[pdu.sequence_number] = self.model.asked(self, pdu)
            elif pdu.sequence_number in self.sent:
                self._answered(pdu, self.sent.pop(pdu.sequence_number), now)
        elif pdu.is_response:
            request = self.asked.pop(pdu.sequence_number, None)
            messages = self.asked_for.pop(pdu.sequence_number, [])
            if request is None:
                self.model.wrong("I11", f"{pdu.command} answers nothing, or again")
            else:
                self.model.said(self, request, pdu, messages)
        elif pdu.command in ("deliver_sm", "data_sm"):
            attempt = Attempt(now, self, pdu.sequence_number, octets=octets[16:])
            self.sent[pdu.sequence_number] = attempt
            self.model.delivers(self.name, pdu, attempt)

    def _answered(self, pdu: Any, attempt: Attempt, now: float) -> None:
        if self.is_over or self.protocol._closing is not None:
            self.model.seen["unheard answer"] += 1
            return  # the session is about to end, and with it what it was given
        attempt.look(now)
        status, session = pdu.command_status, self.protocol.session
        if attempt.outcome == "open":
            outcome = "ok" if not status else "refused" if status in TEMPORARY else "final"
            attempt.end(outcome, now)
        elif (
            attempt.number not in (session._late or ())
            or attempt.at < now - LATE_SECONDS - session.timers.response
        ):
            return  # nobody knows of it any more
        else:
            attempt.late = None if status else now
            self.model.seen["late refusal" if status else "late consent"] += 1
            self.model.seen["late and under way again"] += attempt.item.is_open
        self.model.answered[self.name] = self.model.answered.get(self.name, 0) + (not status)


class Model:
    """All that was promised.

    Args:
        seconds, now: the clock of the reactor, and the one on the wall.
        image: of an id, the messages that a crash would leave.
        receiver: of a destination and an owner, the account or sink that gets it; None for
            nobody, "" for what counts as delivered at once.
        keeping: what was agreed of tries.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        now: Callable[[], float],
        image: Callable[[str], list[Record]],
        receiver: Callable[[str, str], str | None],
        keeping: Keeping,
    ) -> None:
        self.seconds, self.now, self.image = seconds, now, image
        self.receiver, self.keeping = receiver, keeping
        self.wrongs: list[str] = []
        self.wires: list[Wire] = []
        self.by_token: dict[tuple[bytes, str], Message] = {}
        self.by_id: dict[tuple[str, str], Message] = {}
        self.messages: list[Message] = []
        #: By account, since the process began: what was accepted, and what was taken.
        self.accepted: dict[str, int] = {}
        self.answered: dict[str, int] = {}
        #: What happened, and how often.
        self.seen: Counter[str] = Counter()
        self.crashes: list[float] = []
        self.jumps: list[float] = []
        self.latest = self.now()
        #: Whether the store has failed: what is refused for that may be in it all the same.
        self.is_failing = False

    def wrong(self, invariant: str, why: str) -> None:
        self.wrongs.append(f"{invariant} at {self.seconds():g} s: {why}")

    def jumps_now(self) -> None:
        """The wall clock is about to be set."""
        self.jumps.append(self.seconds())
        self.latest = max(self.latest, self.now())
        for message in self.messages:
            message.seen = max(message.seen, self.now())

    # What is submitted.

    def asked(self, wire: Wire, pdu: Any) -> list[Message]:
        """A request came; the messages that it may bring or change."""
        if pdu.command in _CHANGES:
            return self._may_change(wire.name, pdu)
        if pdu.command not in _SUBMISSIONS:
            return []
        if pdu.command == "broadcast_sm" and pdu.replace_if_present_flag:
            return self._replaces_broadcast(wire.name, pdu)
        if pdu.command == "submit_multi":
            addresses = [
                each.destination_addr
                for each in pdu.dest_address
                if not isinstance(each, DistributionList)
            ]
        else:
            addresses = [getattr(pdu, "destination_addr", "")]
        return [self._message(wire.name, pdu, address) for address in addresses]

    def _message(self, owner: str, pdu: Any, destination: str) -> Message:
        message = Message(pdu.command, owner=owner, token=token_of(pdu), destination=destination)
        message.source = pdu.source_addr
        message.registered = {getattr(pdu, "registered_delivery", 0)}
        message.ever = {*message.registered}
        message.scheduled = self._moment(getattr(pdu, "schedule_delivery_time", ""))
        message.expires = {self._moment(getattr(pdu, "validity_period", ""))}
        self.by_token[message.token, destination] = message
        self.messages.append(message)
        if getattr(pdu, "replace_if_present_flag", 0):
            for each in self.between(owner, pdu.source_addr, destination, pdu.command):
                if each is not message:
                    each.may_end = True
        return message

    def _moment(self, text: str) -> float | None:
        """A relative time of hours, minutes and seconds."""
        if not text:
            return None
        return self.now() + int(text[6:8]) * 3600 + int(text[8:10]) * 60 + int(text[10:12])

    def between(self, owner: str, source: str, destination: str, what: str) -> list[Message]:
        is_broadcast = what.endswith("broadcast_sm")
        return [
            each
            for each in self.messages
            if (each.owner, each.source, each.destination) == (owner, source, destination)
            and (each.what == "broadcast_sm") == is_broadcast
            and each.status != "refused"
        ]

    def _may_change(self, owner: str, pdu: Any) -> list[Message]:
        """What a cancel or a replace may concern, whatever comes of it."""
        if pdu.message_id:
            found = [
                each
                for each in self.messages
                if (each.message_id, each.owner) == (pdu.message_id, owner)
            ]
        else:
            to = getattr(pdu, "destination_addr", "")
            found = self.between(owner, pdu.source_addr, to, pdu.command)
        for message in found:
            if pdu.command != "replace_sm":
                message.may_end = True
                continue
            message.registered.add(pdu.registered_delivery)
            message.ever.add(pdu.registered_delivery)
            if pdu.validity_period:
                message.expires.add(self._moment(pdu.validity_period))
            message.scheduled = None  # one of two
            self.by_token[token_of(pdu), message.destination] = message
        return found

    def _replaces_broadcast(self, owner: str, pdu: Any) -> list[Message]:
        found = [
            each
            for each in self.between(owner, pdu.source_addr, "", pdu.command)
            if pdu.message_id in ("", each.message_id)
        ]
        for message in found:
            self.by_token[token_of(pdu), ""] = message
            message.changed = self.seconds()  # it is due anew
            message.expires.add(self._moment(pdu.validity_period))
            message.scheduled = None
        return []

    # What it is answered.

    def said(self, wire: Wire, request: Any, response: Any, messages: list[Message]) -> None:
        """The octets of a response are about to leave."""
        is_ok = response.command_status == 0
        self.seen[f"{request.command} {'accepted' if is_ok else 'refused'}"] += 1
        is_submission = request.command in _SUBMISSIONS
        if is_submission:
            if not is_ok and not (self.is_failing and response.command_status == 0x08):
                self._refused(messages)
            elif is_ok and messages:
                self._promised(wire, request, response, messages)
        elif request.command in ("cancel_sm", "cancel_broadcast_sm") and is_ok:
            self._cancelled(request, messages)
        elif request.command == "replace_sm" and is_ok:
            self._replaced(request, messages)
        elif request.command in ("query_sm", "query_broadcast_sm") and is_ok:
            self._told(request, response)
        version = wire.protocol.session.version
        is_told = tlvs.congestion_state in (response.tlvs or ())
        if is_told != (version >= 0x50 and is_ok and bool(messages) and is_submission):
            self.wrong("congestion", f"{response.command} of {version:#x}: {is_told}")

    def outcomes(self) -> Counter[str]:
        """What came of all that was handed to somebody, and how messages ended, if it was told."""
        items = [*self.messages, *(e for m in self.messages for e in m.receipts.values())]
        found = Counter(each.outcome for item in items for each in item.attempts)
        return found + Counter(M(e.told).name for e in self.messages if e.told is not None)

    def _refused(self, messages: Iterable[Message]) -> None:
        for message in messages:
            message.status = "refused"
            if message.attempts:
                self.wrong("I3", f"{message} was delivered and is refused")

    def _promised(self, wire: Wire, request: Any, response: Any, messages: list[Message]) -> None:
        refused = [each.destination_addr for each in getattr(response, "unsuccess_sme", ())]
        message_id = response.message_id
        if len(set(refused)) < len(refused) or not {*refused} <= {m.destination for m in messages}:
            self.wrong("P15", f"{refused} is not exact")
        self._refused(each for each in messages if each.destination in refused)
        kept = [each for each in messages if each.destination not in refused]
        rows = [each.destination for each in self.image(message_id)]
        self.accepted[wire.name] = self.accepted.get(wire.name, 0) + len(kept)
        for message in kept:
            if (message_id, message.destination) in self.by_id and not message.message_id:
                self.wrong("I6", f"the id of {message} was given before")
            self.by_id[message_id, message.destination] = message
            message.message_id, message.status = message_id, "promised"
            if self.receiver(message.destination, message.owner) is None and message.destination:
                self.wrong("P15", f"{message} leads nowhere and is accepted")
            if message.destination not in rows:
                self.wrong("I1", f"{message} is promised and not in the store")

    def _cancelled(self, request: Any, messages: list[Message]) -> None:
        waiting = [each for each in messages if not each.arrived]
        if not messages:
            self.wrong("R07", f"{request.command} of nothing is confirmed")
        if request.message_id and len(messages) == len(waiting) == 1:
            waiting[0].is_cancelled = True
            rows = self.image(request.message_id)
            if [each.state for each in rows] != [M.DELETED]:
                self.wrong("I1", f"the end of {waiting[0]} is confirmed and not in the store")

    def _replaced(self, request: Any, messages: list[Message]) -> None:
        if not messages:
            self.wrong("R07", "replace_sm of nothing is confirmed")
        if len(messages) == 1:
            messages[0].registered = {request.registered_delivery}

    def _told(self, request: Any, response: Any) -> None:
        if request.command == "query_sm":
            state = response.message_state
        else:
            state = response.tlvs[tlvs.message_state]
        found = [
            each for (message_id, _), each in self.by_id.items() if message_id == request.message_id
        ]
        if len(found) == 1:
            self.state_told(found[0], state)

    def state_told(self, message: Message, state: int) -> None:
        """Somebody was told of a state; a final one is for ever."""
        if message.told is not None and state != message.told:
            self.wrong("I8", f"{message} was {message.told} and is {state}")
        if state in FINAL:
            message.told = state

    def reported(self, message: Message, state: int) -> None:
        """A sink was told that its report counts."""
        if message.reported:
            self.wrong("R06", f"two reports of {message} count")
        message.reported.append(state)
        rows = [
            e.state for e in self.image(message.message_id) if e.destination == message.destination
        ]
        if message.attempts[-1].outcome != "open" and rows != [state]:
            self.wrong("I1", f"the report of {message} counts and is not in the store")

    # What is delivered.

    def delivers(self, name: str, pdu: Any, attempt: Attempt) -> None:
        """A delivery is about to leave to a session of an account."""
        if pdu.esm_class & 0x3C in (0x04, 0x20):
            self._receipt(name, pdu, attempt)
            return
        message = self._of(pdu)
        if message is None:
            self.wrong("I5", f"{pdu.command} {token_of(pdu)!r} was never submitted")
            return
        if self.receiver(message.destination, message.owner) != name:
            self.wrong("I7", f"{message} goes to {name}")
        if pdu.registered_delivery & 0x0C not in {each & 0x0C for each in message.registered}:
            self.wrong("T09", f"{message} asks for {pdu.registered_delivery:#x}")
        self._message_attempt(message, attempt)

    def sinks(self, name: str, submitted: Any, attempt: Attempt) -> None:
        """A sink is given a message."""
        message = self._of(submitted.pdu)
        if message is None:
            self.wrong("I5", f"{submitted} was never submitted")
            return
        to = self.receiver(message.destination, message.owner)
        if (to, message.owner) != (name, submitted.account):
            self.wrong("I7", f"{message} goes to {name}")
        self._message_attempt(message, attempt)

    def _of(self, pdu: Any) -> Message | None:
        token = token_of(pdu)
        to = getattr(pdu, "destination_addr", "")
        # What comes back to its sender has its addresses swapped.
        return self.by_token.get((token, to)) or self.by_token.get((token, pdu.source_addr))

    def _message_attempt(self, message: Message, attempt: Attempt) -> None:
        if message.status == "refused":
            self.wrong("I3", f"{message} was refused and is delivered")
        if message.is_cancelled:
            self.wrong("I8", f"{message} was cancelled and is delivered")
        if message.status == "asked" and not self._has_lost_its_session(message):
            self.wrong("I1", f"{message} is delivered before its sender hears of it")
        now = self.now()
        if all(each is not None and each <= now for each in message.expires):
            self.wrong("D22", f"{message} has expired {now - max(message.expires):g} s ago")  # type: ignore[type-var, operator]
        is_too_early = message.scheduled is not None and message.scheduled > max(now, message.seen)
        if is_too_early and not message.attempts:
            self.wrong("D22", f"{message} comes before its time")
        self._attempt(message, attempt)

    def _has_lost_its_session(self, message: Message) -> bool:
        wires = (each for each in self.wires if not each.protocol._lost)
        return not any(message in found for each in wires for found in each.asked_for.values())

    def _receipt(self, name: str, pdu: Any, attempt: Attempt) -> None:
        receipt = Receipt.of(pdu)
        message = self.by_id.get((receipt.message_id, pdu.source_addr))
        if message is None:
            message = self._stranger(name, receipt, pdu.source_addr)
        if message is None:
            self.wrong("I7", f"a receipt of {pdu.source_addr} comes to {name} and has no message")
            return
        if message.owner != name or pdu.destination_addr != message.source:
            self.wrong("I7", f"the receipt of {message} comes to {name}")
        is_intermediate = bool(pdu.esm_class & 0x20)
        state = receipt.message_state or 0
        if not is_intermediate:
            self.state_told(message, state)
        key = (state, is_intermediate)
        item = message.receipts.setdefault(key, Item(f"receipt {key} of {message}"))
        self.seen["intermediate notification" if is_intermediate else "receipt"] += 1
        self._attempt(item, attempt)

    def _stranger(self, name: str, receipt: Receipt, destination: str) -> Message | None:
        """A message whose sender never heard of its id."""
        found = TOKEN.match(receipt.raw.partition(b" text:")[2])
        if found:
            chosen = [self.by_token[found[0], destination]]
        else:  # the text of data_sm is in no receipt
            chosen = [e for e in self.messages if e.what == "data_sm"]
        for message in chosen:
            if (message.owner, message.destination, message.status, message.message_id) == (
                *(name, destination, "asked"),
                "",
            ):
                message.message_id = receipt.message_id
                self.by_id[receipt.message_id, destination] = message
                return message
        return None

    def _attempt(self, item: Item, attempt: Attempt) -> None:
        """It is tried once more, if it may be."""
        now = self.seconds()
        for each in item.attempts:
            each.look(now)
            if each.outcome == "open":
                self.wrong("I4", f"{item} is tried twice at a time")
            elif each.outcome in ("ok", "final"):
                self.wrong("I4", f"{item} comes again after its answer {each.outcome}")
            elif (
                each.late is not None
                and each.late_is_sure
                and each.late < now
                and each.octets == attempt.octets
            ):
                self.wrong("I4", f"{item} comes again after it was taken late")
        disturbed = max([getattr(item, "changed", -1.0), *self.jumps], default=-1.0)
        if item.attempts and item.attempts[-1].ended > disturbed:
            self._check_delay(item, now)
        item.attempts.append(attempt)
        attempt.item = item

    def _check_delay(self, item: Item, now: float) -> None:
        last = item.attempts[-1]
        since = self.crashes[-1] if self.crashes else -1.0
        tries = sum(each.ended > since for each in item.attempts)
        if tries >= self.keeping.attempts:
            self.wrong("D15", f"{item} is tried {tries + 1} times")
        if last.outcome in ("refused", "timeout"):
            delay = self.keeping.delay(sum(e.outcome != "crashed" for e in item.attempts))
            # A timeout is told a little after it has happened.
            if not self.crashes and last.outcome == "refused" and now < last.ended + delay - 0.01:
                self.wrong("D29", f"{item} comes again {now - last.ended:g} s after its refusal")

    # A crash.

    def crashed(self) -> None:
        """The process ends now: what is in flight is unknown, and what is not in the store undone.

        To be called before the octets that are under way are lost, and with a store that
        shows what it has written.
        """
        now = self.seconds()
        self.crashes.append(now)
        for message in self.messages:
            if any(not each.safe for each in message.attempts):
                is_safe = self._has_left(message)
                for each in message.attempts:
                    each.doubtful = each.outcome == "ok" and not message.message_id
                    self._crash(each, now, is_safe)
            for (state, _), item in message.receipts.items():
                if any(not each.safe for each in item.attempts):
                    is_safe = not self.waits(message, state)
                    for each in item.attempts:
                        self._crash(each, now, is_safe)
        self.accepted.clear()
        self.answered.clear()

    def _has_left(self, message: Message) -> bool:
        """Whether its end, or that a sink has it, would outlive a crash."""
        return any(
            row.destination == message.destination
            and (row.done is not None or row.queue.startswith("taken:"))
            for row in self.image(message.message_id)
        )

    #: Whether the receipt of a state of a message still waits, by what a crash would leave.
    waits: Callable[[Message, int], bool]

    def _crash(self, attempt: Attempt, now: float, is_safe: bool) -> None:
        attempt.look(now)
        if attempt.outcome == "open" or (
            attempt.outcome in ("ok", "final") and not (attempt.safe or is_safe)
        ):
            attempt.end("crashed", now)
        if not (attempt.safe or is_safe):
            attempt.late_is_sure = False  # nobody may know of it any more
        attempt.safe = True


def token_of(pdu: Any) -> bytes:
    """What tells a message from all others."""
    text = getattr(pdu, "short_message", b"")
    if not text and pdu.tlvs and tlvs.message_payload in pdu.tlvs:
        text = pdu.tlvs[tlvs.message_payload]
    found = TOKEN.match(text)
    return found[0] if found else bytes(text)
