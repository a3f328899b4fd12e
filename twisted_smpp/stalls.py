"""Where the reactor stands still: code that does not return holds up every session."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from threading import TIMEOUT_MAX, Event, Thread, get_ident
from traceback import format_stack
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

__all__ = ["StallWatch"]

#: The pause between two questions, as a part of the seconds that are waited for an answer.
_PAUSE = 0.25


class StallWatch(Service):
    """Says in the log which code the reactor does not come back from.

    A callback that waits (``time.sleep``, a slow query) holds up all sessions of the process: no
    response goes out, and peers hang up before long. One thread asks the reactor for an answer.
    When none comes, the stack of the reactor's thread is logged as a warning, and again each time
    that it has lasted twice as long; and when it is over, how long it took. A stack has places in
    the code, and no values.

    What was not running at all, a process that was stopped or C code that does not let others
    run, is seen afterwards only, and has no stack.

    Args:
        seconds: without an answer after which it is told.
        reactor: that is watched.
        monotonic: returns a time in seconds.
        make_event, make_thread: make what :mod:`threading` has.

    Attributes:
        count: how often the reactor has stood still, since the start.
        longest: seconds of the longest of these times.

    Raises:
        ValueError: the seconds are not more than 0.
    """

    log = Logger()

    def __init__(
        self,
        seconds: float = 1.0,
        *,
        reactor: Any = None,
        monotonic: Callable[[], float] = time.monotonic,
        make_event: Callable[[], Any] = Event,
        make_thread: Callable[..., Any] = Thread,
    ) -> None:
        if not seconds > 0:
            raise ValueError(f"seconds: {seconds!r} is not more than 0")
        if reactor is None:
            from twisted.internet import reactor
        self.seconds = seconds
        self.count = 0
        self.longest = 0.0
        self._reactor = reactor
        self._monotonic = monotonic
        self._make_event = make_event
        self._make_thread = make_thread
        self._stop: Any = None

    def startService(self) -> None:
        """Begins to watch, as soon as the reactor runs."""
        super().startService()  # type: ignore[no-untyped-call]
        self._stop = self._make_event()
        self._reactor.callWhenRunning(self._begin, self._stop)

    def stopService(self) -> None:
        """Ends; the thread is gone after ``seconds`` at most."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._stop is not None:
            self._stop.set()

    def _begin(self, stop: Any) -> None:
        if not stop.is_set():
            arguments = (stop, get_ident())
            self._make_thread(
                target=self._watch, args=arguments, name="stalls", daemon=True
            ).start()

    # In the thread.

    def _watch(self, stop: Any, watched: int) -> None:
        while not self._wait(stop, self.seconds * _PAUSE)[0]:
            answer = self._make_event()
            self._reactor.callFromThread(answer.set)
            self._await(answer, stop, watched)

    def _await(self, answer: Any, stop: Any, watched: int) -> None:
        begin, due = self._monotonic(), self.seconds
        told = False
        while True:
            answered, overslept = self._wait(answer, begin + due - self._monotonic())
            lasts = self._monotonic() - begin
            if stop.is_set():
                return
            if overslept:
                begin, due, told = self._monotonic(), self.seconds, False
            elif not answered:
                self._tell(lasts, watched)
                told, due = True, 2 * due
            if answered:
                break
        if told:
            self._over(lasts)
            self.log.warn("the reactor goes on after {seconds:.1f} s", seconds=lasts)

    def _wait(self, event: Any, seconds: float) -> tuple[bool, bool]:
        """Whether it was set in that time; and whether this thread did not run either."""
        begin = self._monotonic()
        is_set = event.wait(min(max(0.0, seconds), TIMEOUT_MAX))
        lasted = self._monotonic() - begin
        overslept = lasted - seconds > self.seconds
        if overslept:
            self._over(lasted)
            self.log.warn(
                "the process has stood still for {seconds:.1f} s: it was stopped, or C code has "
                "let nothing else run",
                seconds=lasted,
            )
        return is_set, overslept

    def _over(self, seconds: float) -> None:
        self.count += 1
        self.longest = max(self.longest, seconds)

    def _tell(self, seconds: float, watched: int) -> None:
        frame = sys._current_frames().get(watched)
        self.log.warn(
            "the reactor has stood still for {seconds:.1f} s, here:\n{stack}",
            seconds=seconds,
            stack="".join(format_stack(frame)).rstrip(),
        )
