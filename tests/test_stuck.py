# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Messages that wait too long to be sent: warned of after five minutes, with the reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from message_centre_kit import Centre
from pool_kit import PoolWorld
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs, formatEvent

from twisted_smpp import CommandStatus, Sending
from twisted_smpp.esme.stuck import Stuck

MINUTE = 60


def passes(world: Any, seconds: float, is_down: bool = False) -> list[str]:
    """What is said meanwhile of messages that wait."""
    with capturedLogs() as logs:
        for _ in range(int(seconds)):
            for endpoint in world.endpoints if is_down else ():
                if endpoint.waiting:
                    endpoint.refuses()
            world.passes(1)
    return [
        formatEvent(each)
        for each in logs
        if each["log_namespace"] == "twisted_smpp.esme.stuck.Stuck"
    ]


def started(**settings: Any) -> Centre:
    centre = Centre(**settings)
    centre.start()
    return centre


def test_D23_an_hour_without_a_bind_is_told_with_the_reason_each_time_it_has_doubled() -> None:
    centre = Centre()
    centre.service.startService()
    messages = [centre.service.send("491761234567", "Hi") for _ in range(3)]
    assert passes(centre, 5 * MINUTE, is_down=True) == []
    lines = passes(centre, 55 * MINUTE, is_down=True)
    assert [line.split(":")[1] for line in lines] == [
        f" 3 message parts wait to be sent, the first for {minutes} min"
        for minutes in (5, 10, 20, 40)
    ]
    assert "no session that can send (the message centre at way 1 cannot be reached: " in lines[0]
    figures = centre.service.figures()
    assert figures.stuck
    assert 58 * MINUTE < figures.oldest_waiting <= 60 * MINUTE
    assert [each.progress.name for each in messages] == ["QUEUED"] * 3
    centre.stops()


def test_D23_it_is_over_when_nothing_waits() -> None:
    centre = Centre()
    centre.service.startService()
    centre.service.send("491761234567", "Hi", receipt=False)
    assert len(passes(centre, 7 * MINUTE, is_down=True)) == 1
    centre.rebinds()
    assert passes(centre, MINUTE) == ["'esme': messages do not wait long any more"]
    figures = centre.service.figures()
    assert (figures.stuck, figures.oldest_waiting) == (False, 0.0)
    centre.service.stopService()
    centre.flush()
    assert centre.clock.getDelayedCalls() == []


def test_D23_responses_that_do_not_come_are_the_reason() -> None:
    centre = started(window=2)
    centre.script += [Deferred() for _ in range(100)]
    for _ in range(3):
        centre.service.send("491761234567", "Hi")
    assert centre.service._why_waiting() == (
        "2 requests wait for their responses, which is the window"
    )
    centre.stops_by_force()


def test_D23_a_message_centre_that_says_it_is_too_much_is_the_reason() -> None:
    centre = started()
    centre.script += [CommandStatus.ESME_RTHROTTLED] * 100
    centre.service.send("491761234567", "Hi")
    (line,) = passes(centre, 8 * MINUTE)
    assert "the first for 5 min: the message centre has said " in line
    assert line.endswith("times that it is too much")
    centre.stops()


def test_D23_the_rate_is_the_reason_and_the_backlog_is_measured() -> None:
    centre = started(sending=Sending(rate=1, burst=1))
    for _ in range(900):
        centre.service.send("491761234567", "Hi", receipt=False)
    lines = passes(centre, 14 * MINUTE)
    assert len(lines) == 2  # after 5 and 10 minutes
    assert "the first for 5 min: no more than 1 messages/s may be sent" in lines[0]
    assert passes(centre, 2 * MINUTE) == ["'esme': messages do not wait long any more"]
    centre.stops()


def test_D23_what_is_tried_again_later_is_not_stuck() -> None:
    centre = started()
    centre.script += [CommandStatus.ESME_RX_T_APPN] * 100
    message = centre.service.send("491761234567", "Hi")
    assert passes(centre, 60 * MINUTE) == []
    assert message.progress.name == "QUEUED"
    assert centre.service.figures().oldest_waiting == 0.0
    centre.stops()


def test_D23_a_steady_stream_is_not_stuck() -> None:
    centre = started(sending=Sending(rate=2, burst=2))
    for _ in range(10 * MINUTE // 5):
        for _ in range(10):
            centre.service.send("491761234567", "Hi", receipt=False)
        assert passes(centre, 5) == []
    assert centre.service.figures().oldest_waiting <= 30
    centre.stops()


def test_D23_a_pool_tells_it_once_for_all_links() -> None:
    world = PoolWorld(3).start(bound=0)
    world.pool.send("491761234567", "Hi")
    (line,) = passes(world, 7 * MINUTE, is_down=True)
    assert line.startswith(
        "'esme': 1 message parts wait to be sent, the first for 5 min: link 1: "
        "no session that can send ("
    )
    assert {each.stuck for each in world.pool.figures().values()} == {True}
    world.rebinds(1)
    assert passes(world, MINUTE) == ["'esme': messages do not wait long any more"]
    world.stops()


def test_marks_are_bounded_and_never_make_a_wait_longer() -> None:
    stuck = Stuck("shop")
    with capturedLogs() as logs:
        for look in range(10_000):
            stuck.look(look // 2, look, 1, lambda: "why", look * 30.0)
            # What is first now came with the look of its own number.
            assert stuck.seconds <= (look - look // 2) * 30.0
            assert len(stuck._marks) <= 1000
    assert stuck.seconds >= 0.8 * 5000 * 30.0
    assert {each["log_level"] for each in logs} == {LogLevel.warn}


@pytest.mark.parametrize("kind", ["service", "pool"])
def test_a_service_that_the_end_of_a_message_stops_keeps_no_timer(kind: str) -> None:
    world: Any = Centre() if kind == "service" else PoolWorld()
    service = world.service if kind == "service" else world.pool
    service.startService()
    service.send("491761234567", "Hi")  # one that goes on waiting
    stopped: list[Any] = []
    message = service.send("491761234567", "Hi", validity=timedelta(seconds=60))
    message.final.addBoth(lambda _: stopped.append(service.stopService()))
    passes(world, 2 * MINUTE, is_down=True)
    assert message.progress.final
    assert stopped
    assert world.clock.getDelayedCalls() == []
