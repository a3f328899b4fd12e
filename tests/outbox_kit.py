"""What tests of the outbox share: processes that end in any moment, and a message centre that
does not."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from esme_kit import ServiceWorld
from message_centre_kit import receipt_of
from store_kit import MemoryWorld, Steps, World
from twisted.internet.defer import Deferred

from twisted_smpp.esme.message import Message
from twisted_smpp.esme.outbox import Outbox
from twisted_smpp.esme.sending import Sending
from twisted_smpp.store import MemoryStore, Record
from twisted_smpp.testing import success
from twisted_smpp.values import MessageState

if TYPE_CHECKING:
    from pathlib import Path

WALL = 1_800_000_000.0


class Centre:
    """Accepts what it is sent; it outlives the processes that send."""

    def __init__(self) -> None:
        self.accepted: list[Any] = []
        #: What becomes of a request instead: called with it, returns an answer or None.
        self.answer: Callable[[Any], Any] = lambda request: None
        #: Called with each request before it is answered.
        self.look: Callable[[Any], object] = lambda request: None

    def __call__(self, session: Any, request: Any) -> Any:
        self.look(request)
        answer = self.answer(request)
        return self.accept(request) if answer is None else answer

    def accept(self, request: Any) -> Any:
        self.accepted.append(request)
        return request.answer(message_id=f"{0xA0 + len(self.accepted):X}")

    @property
    def texts(self) -> list[bytes]:
        return [request.short_message for request in self.accepted]

    @property
    def deliveries(self) -> Counter[Any]:
        return Counter((each.destination_addr, each.short_message) for each in self.accepted)


def silent(request: Any) -> Any:
    """It is accepted nowhere, and not answered."""
    return Deferred()


class Process:
    """An ESME with an outbox, from its start to its end, or its crash."""

    def __init__(
        self, stores: World, centre: Centre | None = None, wall: float = WALL, **settings: Any
    ) -> None:
        self.stores = stores
        self.centre = Centre() if centre is None else centre
        self.settings = settings
        self.steps = stores.steps = Steps()
        stores.store = store = stores.make()
        self.store: Any = store
        self.recovered: list[Message] = []
        self.outbox = Outbox(store, "link", on_recovered=self.recovered.append, now=self.now)
        settings = {"window": 10, "sending": Sending(), **settings}
        self.world = ServiceWorld(outbox=self.outbox, **settings)
        self.clock = self.steps.clock = self.world.clock
        self.steps.callLater = self.clock.callLater
        self.service: Any = self.world.service
        self.wall = wall
        store.open()
        self.world.endpoint.smsc.on_request = self.centre
        self.world.endpoint.smsc.answer_timeout = 1e6

    def now(self) -> float:
        return self.wall + self.clock.seconds()

    # What happens.

    def start(self) -> Process:
        self.service.startService()
        self.settle()
        return self

    def bind(self) -> Any:
        """The message centre's end of a new session."""
        if not self.service.running:
            self.start()
        session = self.world.endpoint.binds()
        self.settle()
        return session

    @property
    def session(self) -> Any:
        return self.world.endpoint.ends[-1][1].protocol

    def settle(self) -> None:
        """All that needs no time."""
        for _ in range(4):
            self.steps.run()
            self.world.flush()
        self.steps.run()

    def passes(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.settle()

    def send(self, text: str = "Hello", to: str = "491761234567", **more: Any) -> Message:
        message: Message = self.service.send(to, text, **more)
        message.submitted.addErrback(lambda _: None)
        return message

    def receipt(self, message_id: str, state: int = MessageState.DELIVERED) -> Deferred[Any]:
        """The response to a receipt that the message centre sends."""
        answered: Deferred[Any] = self.session.deliver_sm(
            **receipt_of(message_id, state).fields_of_pdu()
        )
        return answered

    # How it ends.

    def crash(self, **settings: Any) -> Process:
        """The next process, with the files as they are in this moment."""
        stores = self.stores
        if not isinstance(stores, MemoryWorld):
            stores = World(_copied(stores.path))
            self.stores.abandon()
        return Process(stores, self.centre, self.now() + 1, **{**self.settings, **settings})

    def stop(self) -> None:
        stopping = self.service.stopService()
        self.settle()
        for _ in range(40):  # what is in flight has its time
            if not stopping.called:
                self.passes(1)
        assert success(stopping) is None
        assert self.clock.getDelayedCalls() == []
        closing = self.store.close()
        self.steps.run()
        if closing is not None:
            assert success(closing) is None

    def next(self, **settings: Any) -> Process:
        """The next process after a stop in good order."""
        self.stop()
        return Process(self.stores, self.centre, self.now() + 1, **{**self.settings, **settings})

    def records(self) -> list[Record]:
        """What is in the store; the same whoever asks."""
        asked = self.store.unfinished("outbox:link", 0, 1_000_000)
        self.steps.run()
        found: list[Record] = success(asked)
        return found


class Memory(MemoryWorld):
    """A store in memory that outlives its process, for what does not depend on a disk."""

    kept: MemoryStore | None = None

    def make(self) -> Any:
        self.kept = MemoryStore() if self.kept is None else self.kept
        return self.kept


_copies = 0


def _copied(path: Path) -> Path:
    """A folder with copies of the files of a store."""
    global _copies
    _copies += 1
    folder = path.parent.with_name(f"copy{_copies}")
    folder.mkdir()
    for suffix in ("", "-wal"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            shutil.copy(source, folder)
    return folder
