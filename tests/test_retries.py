# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What a refusal says about the next attempt: the class of each status, and the delays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_smpp.esme.retries import CLASSES, Retries, RetryClass
from twisted_smpp.esme.sender import UnknownPolicy
from twisted_smpp.esme.sending import Sending
from twisted_smpp.status import CommandStatus

BACK_PRESSURE, TEMPORARY = RetryClass.BACK_PRESSURE, RetryClass.TEMPORARY
SESSION, PERMANENT, UNLISTED = RetryClass.SESSION, RetryClass.PERMANENT, RetryClass.UNLISTED

# Written out by number, so that a slip in a name is found.
EXPECTED: dict[RetryClass, set[int]] = {
    BACK_PRESSURE: {0x58, 0x14},
    TEMPORARY: {0x08, 0x64, 0x45, 0xFE, 0xFF, 0x102},
    SESSION: {0x02, 0x03, 0x04},
    PERMANENT: {
        *(0x01, 0x06, 0x07, 0x0A, 0x0B, 0x0C, 0x15, 0x33, 0x34),
        *(0x40, 0x42, 0x43, 0x44, 0x48, 0x49, 0x50, 0x51, 0x54, 0x55),
        *(0x61, 0x62, 0x63, 0x65, 0x66),
        *range(0xC0, 0xC5),
        *(0x100, 0x101, 0x103, 0x104, 0x105, 0x106),
    },
}
# What answers no submit_sm: of binds, of the other operations, and success.
NOT_OF_MESSAGES = {
    *(0x00, 0x05, 0x0D, 0x0E, 0x0F, 0x53),
    *(0x11, 0x13, 0x67),
    *range(0x107, 0x113),
}


def test_D18_every_status_of_the_standard_has_its_class() -> None:
    retries = Retries()
    for status in CommandStatus:
        expected = [kind for kind, of_it in EXPECTED.items() if status in of_it]
        assert [retries.class_of(status)] == (expected or [UNLISTED]), status.name
        assert bool(expected) != (status in NOT_OF_MESSAGES), status.name


def test_D18_the_table_has_nothing_else_and_cannot_be_changed() -> None:
    assert set(CLASSES) == set().union(*EXPECTED.values())
    table: Any = CLASSES
    with pytest.raises(TypeError):
        table[0x400] = TEMPORARY


@pytest.mark.parametrize("status", [0x58, CommandStatus.ESME_RTHROTTLED])
def test_D18_throttled_is_back_pressure(status: int) -> None:
    assert Retries().class_of(status) is BACK_PRESSURE


def test_D19_a_full_queue_is_back_pressure() -> None:
    assert Retries().class_of(0x14) is BACK_PRESSURE


def test_D20_what_vendors_have_is_not_listed() -> None:
    assert {Retries().class_of(status) for status in range(0x400, 0x500)} == {UNLISTED}


@given(st.integers(0, 0xFFFFFFFF))
def test_D20_every_number_has_a_class(status: int) -> None:
    assert Retries().class_of(status) is CLASSES.get(status, UNLISTED)
    assert Retries().class_of(CommandStatus(status)) is Retries().class_of(status)


def test_D20_the_class_of_a_status_may_be_another() -> None:
    retries = Retries(
        classes={0x400: PERMANENT, 0x0B: TEMPORARY, CommandStatus.ESME_RTHROTTLED: UNLISTED}
    )
    assert retries.class_of(0x400) is PERMANENT
    assert retries.class_of(CommandStatus(0x400)) is PERMANENT
    assert retries.class_of(0x0B) is TEMPORARY
    assert retries.class_of(0x58) is UNLISTED
    assert retries.class_of(0x14) is BACK_PRESSURE
    assert retries.class_of(0x401) is UNLISTED
    assert Retries().class_of(0x0B) is PERMANENT


def test_the_delays_are_those_of_the_table() -> None:
    retries = Retries()
    assert [retries.delay(count) for count in range(1, 8)] == [5, 30, 120, 600, 1800, 1800, 1800]
    assert retries.delay(20) == 1800


def test_the_last_delay_goes_on() -> None:
    retries = Retries(delays=(1, 2.5))
    assert [retries.delay(count) for count in range(1, 5)] == [1, 2.5, 2.5, 2.5]
    assert Retries(delays=(7.0,)).delay(3) == 7.0


def test_D20_how_often_each_class_may_be_refused() -> None:
    retries = Retries()
    assert retries.most_attempts(TEMPORARY) == 20
    assert retries.most_attempts(UNLISTED) == 5
    assert retries.most_attempts(SESSION) == 3
    assert retries.unknown_resends == 3
    other = Retries(attempts=2, unlisted_attempts=7, session_attempts=9, unknown_resends=0)
    assert [other.most_attempts(kind) for kind in (TEMPORARY, UNLISTED, SESSION)] == [2, 7, 9]
    assert other.unknown_resends == 0


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"delays": ()}, r"delays: \(\), at least one of 1 s or more is needed"),
        ({"delays": (0.5,)}, r"delays: \(0.5,\), at least one of 1 s or more is needed"),
        ({"delays": (5, 0)}, r"delays: \(5, 0\), at least one of 1 s or more is needed"),
        ({"attempts": 0}, "attempts: 0, at least 1 is needed"),
        ({"unlisted_attempts": 0}, "unlisted_attempts: 0, at least 1 is needed"),
        ({"session_attempts": -1}, "session_attempts: -1, at least 1 is needed"),
        ({"unknown_resends": -1}, "unknown_resends: -1, at least 0 is needed"),
    ],
)
def test_a_number_that_is_too_small_is_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        Retries(**settings)


def test_the_least_is_allowed() -> None:
    Retries(delays=(1,), attempts=1, unlisted_attempts=1, session_attempts=1, unknown_resends=0)


def test_D20_a_class_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="classes: 0x45: 'never' is none of RetryClass"):
        Retries(classes={0x45: "never"})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"unknown": "often"}, "unknown: 'often' is not one of resend, hold, fail"),
        ({"most_waiting": 0}, "most_waiting: 0, at least 1 is needed"),
        ({"receipt_seconds": 0}, "receipt_seconds: 0, more than 0 is needed"),
        ({"parked_seconds": -1}, "parked_seconds: -1, more than 0 is needed"),
    ],
)
def test_settings_of_sending_that_make_no_sense_are_refused(settings: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Sending(**settings)


def test_the_policy_may_be_said_by_its_value() -> None:
    assert Sending(unknown="hold").unknown is UnknownPolicy.HOLD
