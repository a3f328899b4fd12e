"""What tests of pools share: several links, and one message centre that answers by a script."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any

from esme_kit import Endpoint
from message_centre_kit import receipt_of
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from twisted_smpp.esme import ESMEPool, LinkState, Message
from twisted_smpp.testing import success
from twisted_smpp.values import MessageState


class PoolWorld:
    """A pool, each of whose links has an endpoint of its own to one message centre.

    Without a script the message centre accepts, with ids that count up in hexadecimal. A script
    has statuses, Deferreds and functions of the request; there is one for each link.
    """

    def __init__(self, binds: Any = 2, **settings: Any) -> None:
        self.clock = Clock()
        self.endpoints: list[Endpoint] = []
        self.scripts: list[deque[Any]] = []
        #: What was submitted: on which link, counted from 0, and what.
        self.submitted: list[tuple[int, Any]] = []
        self.changes: list[tuple[str, LinkState]] = []
        self.count = 0
        if isinstance(binds, int):
            binds = ["transceiver"] * binds
        elif isinstance(binds, dict):
            binds = [kind for kind, count in binds.items() for _ in range(count)]
        kinds = [{"bind": each} if isinstance(each, str) else each for each in binds]
        settings.setdefault("random", lambda: 1.0)
        settings.setdefault(
            "on_state", lambda link, change: self.changes.append((link.name, change.state))
        )
        self.pool = ESMEPool(
            self.new_endpoint(),
            "esme",
            "pw",
            binds=[{**kind, "endpoint": self._endpoint_of(at)} for at, kind in enumerate(kinds)],
            reactor=self.clock,
            **settings,
        )

    def _endpoint_of(self, at: int) -> Endpoint:
        return self.endpoints[at] if at < len(self.endpoints) else self.new_endpoint()

    def new_endpoint(self) -> Endpoint:
        """One more way to the message centre, for :meth:`ESMEPool.add`."""
        endpoint = Endpoint(self.clock)
        at, script = len(self.endpoints), deque[Any]()

        def submitted(session: Any, request: Any) -> Any:
            self.submitted.append((at, request))
            answer = script.popleft() if script else self.accept
            return answer(request) if callable(answer) else answer

        endpoint.smsc.on_request = submitted
        endpoint.smsc.answer_timeout = 1e6
        self.endpoints.append(endpoint)
        self.scripts.append(script)
        return endpoint

    def accept(self, request: Any) -> Any:
        self.count += 1
        return request.answer(message_id=f"{self.count:x}")

    @property
    def links(self) -> Any:
        return self.pool.links

    # The course of events.

    def start(self, bound: int | None = None) -> Any:
        """Starts the pool, and binds all links, or the first few."""
        self.pool.startService()
        for endpoint in self.endpoints[:bound]:
            if endpoint.waiting:
                endpoint.binds()
        self.flush()
        return self

    def flush(self) -> None:
        moved = True
        while moved:
            moved = any(
                end.written
                for each in self.endpoints
                for ends in each.ends
                for end in ends
                if not end.lost and not end.other.lost
            )
            for endpoint in self.endpoints:
                endpoint.flush()

    def passes(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.flush()
        self.clock.advance(seconds % 1)
        self.flush()

    def session(self, at: int) -> Any:
        """The message centre's end of a link."""
        return self.endpoints[at].ends[-1][1].protocol

    def drops(self, at: int) -> None:
        self.endpoints[at].drops()
        self.clock.advance(0)
        self.flush()

    def rebinds(self, at: int) -> None:
        """Lets time pass until a link connects again, and binds it."""
        while not self.endpoints[at].waiting:
            self.passes(1)
        self.endpoints[at].binds()
        self.flush()

    def send(self, to: str = "491761234567", text: str = "Hi", **more: Any) -> Message:
        """Sends, and carries it to the message centre and back."""
        message: Message = self.pool.send(to, text, **more)
        self.flush()
        return message

    def says(self, at: int, message_id: str, state: int = MessageState.DELIVERED) -> Any:
        """A receipt on a link; what its deliver_sm is answered."""
        fields = receipt_of(message_id, state).fields_of_pdu()
        return self.delivers(at, source_addr="49", destination_addr="Shop", **fields)

    def delivers(self, at: int, **fields: Any) -> Any:
        response = self.session(at).deliver_sm(**fields)
        self.flush()
        return response

    def counts(self) -> list[int]:
        """How many requests came on each link."""
        return [sum(at == each for at, _ in self.submitted) for each in range(len(self.endpoints))]

    def to(self, at: int) -> list[str]:
        """The texts that came on a link."""
        return [request.short_message.decode() for each, request in self.submitted if each == at]

    def link_of(self, destination: str) -> int:
        """The link of a destination, counted from 0, in a pool that keeps order."""
        message = SimpleNamespace(destination=destination)
        return self.links.index(self.pool._choice.of(message, self.pool._able, 0.0))

    def stops(self, seconds: float = 0) -> None:
        """It stops, and nothing is left of it."""
        self.stops_with_waiting(0, seconds)

    def stops_with_waiting(self, waiting: int | None, seconds: float = 0) -> None:
        """The same, but for so many parts that still wait; None for any number."""
        stopping = self.pool.stopService()
        self.flush()
        self.passes(seconds)
        self.clock.advance(0)
        success(stopping)
        left = [str(call) for call in self.clock.getDelayedCalls()]
        assert left == []
        assert self.pool.in_flight == 0
        assert waiting is None or self.pool.waiting == waiting
        assert all(link.sender.waiting == 0 for link in self.links)
        assert all(end.lost for each in self.endpoints for ends in each.ends for end in ends)


def started(binds: Any = 2, bound: int | None = None, **settings: Any) -> PoolWorld:
    return PoolWorld(binds, **settings).start(bound)


def silent(world: PoolWorld, at: int, count: int = 1) -> list[Deferred[Any]]:
    """The next requests on a link are answered by whoever fires these."""
    answers: list[Deferred[Any]] = [Deferred() for _ in range(count)]
    world.scripts[at] += answers
    return answers


def answers(world: PoolWorld, at: int, deferred: Deferred[Any], index: int = 0) -> None:
    """The message centre accepts what came on a link so many requests ago."""
    requests = [request for each, request in world.submitted if each == at]
    deferred.callback(world.accept(requests[index]))
    world.flush()
