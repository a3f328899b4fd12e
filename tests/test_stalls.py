# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The watch that says where the reactor stands still, with time and threads that are scripted."""

from __future__ import annotations

from collections.abc import Callable
from threading import TIMEOUT_MAX
from typing import Any

import pytest
from twisted.logger import LogEvent, globalLogPublisher

from twisted_smpp import StallWatch
from twisted_smpp.daemon.health import Health


class World:
    """A reactor that answers after ``answers[n]`` seconds, and threads that run when told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers: list[float] = []
        #: Seconds for which nothing runs, by when that begins.
        self.sleeps: dict[float, float] = {}
        self.due: list[tuple[float, Callable[[], object]]] = []
        self.threads: list[Callable[[], object]] = []
        self.begun: list[tuple[Any, ...]] = []
        self.service: Any = None

    # The reactor.

    def callWhenRunning(self, function: Any, *arguments: Any) -> None:
        self.begun.append((function, *arguments))

    def callFromThread(self, function: Callable[[], object]) -> None:
        if not self.answers:
            self.service.stopService()
            return
        self.due.append((self.now + self.answers.pop(0), function))

    def run(self) -> None:
        for function, *arguments in self.begun:
            function(*arguments)
        for thread in self.threads:
            thread()

    # Threads.

    def thread(self, target: Any, args: Any, **_: Any) -> World:
        self.threads.append(lambda: target(*args))
        return self

    def start(self) -> None:
        """As a thread."""

    def event(self) -> Event:
        return Event(self)

    def pass_until(self, event: Event, until: float) -> None:
        """Time goes by, until something is set or the time has come."""
        while not event.given and self.now < until:
            self.now = min([until, *(when for when, _ in self.due), *self.sleeps])
            if self.now in self.sleeps:
                self.now += self.sleeps.pop(self.now)
                return
            for each in [each for each in self.due if each[0] <= self.now]:
                self.due.remove(each)
                each[1]()


class Event:
    def __init__(self, world: World) -> None:
        self.world = world
        self.given = False

    def set(self) -> None:
        self.given = True

    def is_set(self) -> bool:
        return self.given

    def wait(self, seconds: float) -> bool:
        if seconds > TIMEOUT_MAX:
            raise OverflowError("timeout value is too large")  # as threading's
        self.world.pass_until(self, self.world.now + seconds)
        return self.given


class Watched:
    def __init__(self, *answers: float, seconds: float = 1.0) -> None:
        self.world = World()
        self.world.answers = list(answers)
        self.watch = StallWatch(
            seconds,
            reactor=self.world,
            monotonic=lambda: self.world.now,
            make_event=self.world.event,
            make_thread=self.world.thread,
        )
        self.world.service = self.watch
        self.lines: list[str] = []

    def run(self) -> list[str]:
        """Returns what is logged, until there are no more answers."""

        def observer(event: LogEvent) -> None:
            if event["log_namespace"] == "twisted_smpp.stalls.StallWatch":
                self.lines.append(event["log_format"].format(**event))

        globalLogPublisher.addObserver(observer)
        try:
            self.watch.startService()
            self.world.run()
        finally:
            globalLogPublisher.removeObserver(observer)
        return self.lines


def test_S17_who_answers_in_time_is_not_told_of() -> None:
    watched = Watched(0.0, 0.5, 0.99, 0.0)
    assert watched.run() == []
    assert (watched.watch.count, watched.watch.longest) == (0, 0.0)


def test_S17_a_standstill_is_told_with_the_stack_of_the_reactor() -> None:
    watched = Watched(0.1, 1.5, 0.1)
    stood, goes_on = watched.run()
    assert stood.startswith("the reactor has stood still for 1.0 s, here:\n  File ")
    # Its thread is this one.
    assert "in test_S17_a_standstill_is_told_with_the_stack_of_the_reactor\n" in stood
    assert goes_on == "the reactor goes on after 1.5 s"
    assert (watched.watch.count, watched.watch.longest) == (1, 1.5)


def test_S17_one_that_lasts_is_told_again_each_time_that_it_has_doubled() -> None:
    lines = Watched(3600.0).run()
    told = [line.split(",")[0].removeprefix("the reactor has stood still for ") for line in lines]
    assert told[:-1] == [f"{2.0**power} s" for power in range(12)]
    assert told[-1] == "the reactor goes on after 3600.0 s"


def test_S17_the_longest_is_kept_and_each_counts_once() -> None:
    watched = Watched(2.5, 9.0, 0.0, 1.25)
    watched.run()
    assert (watched.watch.count, watched.watch.longest) == (3, 9.0)
    status = Health(float, watch=watched.watch).status()
    assert (status["stalls"], status["longest_stall"]) == (3, 9.0)
    assert status["healthy"]


@pytest.mark.parametrize("at", [0.1, 0.3, 0.7])
def test_O07_a_process_that_was_stopped_is_not_taken_for_its_code(at: float) -> None:
    watched = Watched(0.5, 0.5)
    watched.world.sleeps[at] = 60.0
    (line,) = watched.run()
    assert line.startswith("the process has stood still for 60.")
    assert watched.watch.count == 1


def test_O07_code_that_stands_still_behind_that_is_told_as_well() -> None:
    watched = Watched(67.0)
    watched.world.sleeps[0.5] = 60.0
    first, *told, last = watched.run()
    assert first.startswith("the process has stood still for 60.")
    assert [line.split(",")[0] for line in told] == [
        f"the reactor has stood still for {seconds} s" for seconds in (1.0, 2.0, 4.0)
    ]
    assert last == "the reactor goes on after 6.8 s"


def test_nothing_is_told_once_it_is_stopped() -> None:
    watched = Watched(5.0)
    watched.world.due.append((2.5, watched.watch.stopService))
    assert [line.split(",")[0] for line in watched.run()] == [
        "the reactor has stood still for 1.0 s",
        "the reactor has stood still for 2.0 s",
    ]


def test_it_begins_when_the_reactor_runs_and_not_if_it_was_stopped_before() -> None:
    watched = Watched(5.0)
    watched.watch.startService()
    assert watched.world.threads == []
    watched.watch.stopService()
    watched.world.run()
    assert watched.world.threads == []


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_seconds_have_to_be_more_than_none(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"^seconds: .* is not more than 0$"):
        StallWatch(seconds)


@pytest.mark.parametrize("seconds", [float("inf"), 1e300, TIMEOUT_MAX * 3])
def test_seconds_may_be_more_than_a_thread_can_wait(seconds: float) -> None:
    watched = Watched(1.0, seconds=seconds)
    assert watched.run() == []


def test_one_that_was_never_started_can_be_stopped() -> None:
    Watched().watch.stopService()
