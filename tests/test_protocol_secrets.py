# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What is logged: few lines, and never a password or the text of a message."""

from __future__ import annotations

import base64
import json
import random
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from pairs import Held, bound_pair, ignore, submit
from sessions import message
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, eventAsText
from wire_data import frame

from twisted_smpp.errors import PDUError
from twisted_smpp.events import Timers
from twisted_smpp.smsc import MessageCentre, SMSCService
from twisted_smpp.states import Role
from twisted_smpp.testing import Pair, connect
from twisted_smpp.trace import line
from twisted_smpp.wire.pdus import BindTransceiver, Outbind, SubmitSM

LINES = 10


def warnings(logs: list[Any]) -> list[Any]:
    return [event for event in logs if event["log_level"] >= LogLevel.warn]


# R6: how much is logged.


def test_R6_so_many_lines_a_minute_about_one_peer() -> None:
    pair = bound_pair()
    with capturedLogs() as logs:
        for _ in range(50):
            pair.smsc.dataReceived(frame(0x999))
        assert len(warnings(logs)) == LINES
        pair.clock.advance(61)
        pair.smsc.dataReceived(frame(0x999))
        more = warnings(logs)[LINES:]
    assert [event["log_format"].partition(" ")[2] for event in more] == [
        "{count} more lines about it were left out",
        more[1]["log_format"].partition(" ")[2],
    ]
    assert more[0]["count"] == 40
    assert more[1]["command_id"] == 0x999
    pair.drop()


def test_R6_each_peer_has_its_own_lines() -> None:
    with capturedLogs() as logs:
        for _ in range(3):
            pair = bound_pair()
            for _ in range(20):
                pair.smsc.dataReceived(frame(0x999))
            pair.drop()
    # Each is told of at its end by one more: how many were left out.
    assert len(warnings(logs)) == 3 * (LINES + 1)


def test_R6_a_line_has_the_peer_the_command_its_number_and_size_and_the_reason() -> None:
    pair = bound_pair()
    with capturedLogs() as logs:
        pair.smsc.dataReceived(frame(4, b"\0", number=77))
    (event,) = warnings(logs)
    text = eventAsText(event)
    for part in ("192.0.2.1:2775", "0x00000004", "77", "17 octets", "ESME_RINV"):
        assert part in text
    assert "Traceback" not in text
    pair.drop()


def test_F04_another_protocol_is_named_in_the_log_without_a_traceback() -> None:
    pair = connect(esme={"on_refused": ignore})
    with capturedLogs() as logs:
        pair.smsc.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        pair.flush()
    text = "\n".join(eventAsText(event) for event in logs)
    assert "looks like HTTP" in text
    assert "Traceback" not in text


def test_F11_the_octets_of_an_unfinished_pdu_are_counted() -> None:
    pair = bound_pair()
    pair.smsc.dataReceived(b"\0\0\0\x40" + b"x" * 16)
    with capturedLogs() as logs:
        pair.drop()
    assert any(event.get("octets") == 20 for event in logs)


def test_A18_a_system_id_cannot_forge_lines() -> None:
    portal = Portal(MessageCentre(clock=Clock()))
    database = InMemoryUsernamePasswordDatabaseDontUse()
    evil = "a\r\n\x1b[31mroot"
    database.addUser(evil.encode(), b"pw")
    portal.registerChecker(database)
    service = SMSCService(NoEndpoint(), portal, reactor=Clock())
    service.running = True
    service.factory.clock = clock = Clock()
    pair = connect(clock=clock, esme={"system_id": evil, "password": "pw"})
    pair.smsc.factory.on_bound = service._bound
    pair.smsc.factory.on_lost = service._lost
    pair.smsc.factory._on_bind = service._bind
    with capturedLogs() as logs:
        pair.bind()
        pair.drop()
    text = "".join(eventAsText(event, includeTimestamp=False) for event in logs)
    assert "bound from" in text
    assert "\r" not in text
    assert "\x1b" not in text


class NoEndpoint:
    """What a service needs that never listens."""

    def listen(self, factory: Any) -> Any:
        raise NotImplementedError


# A16: secrets.


class Canary:
    """A password and a text that must not turn up anywhere, in any clothes."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
        self.password = "".join(chance.choices(letters, k=8))
        self.text = "".join(chance.choices(letters, k=24)).encode()

    def forms(self) -> list[str]:
        forms = []
        for secret in (self.password.encode(), self.text):
            forms += [
                secret.decode(),
                repr(secret)[2:-1],
                secret.hex(),
                secret.hex(" "),
                secret.hex(":"),
                str(list(secret))[1:-1],
            ]
            # Whatever stands before it shifts the groups of three.
            forms += [
                base64.b64encode(b"\0" * shift + secret).decode()[4 if shift else 0 : -4]
                for shift in (0, 1, 2)
            ]
        return forms

    def check(self, text: str) -> None:
        lower = text.lower()
        for form in self.forms():
            assert form not in text, f"{form!r} was told"
            if len(form) >= 16:
                assert form.lower() not in lower


Scenario = Callable[[Pair, Canary], object]


def malformed_bind(pair: Pair, canary: Canary) -> None:
    body = b"esme\0" + canary.password.encode() * 3 + b"\0"
    pair.smsc.dataReceived(frame(9, body))
    pair.smsc.dataReceived(frame(9, b"esme\0" + canary.password.encode()))


def malformed_message(pair: Pair, canary: Canary) -> None:
    pair.flush()
    octets = SubmitSM(short_message=canary.text).encode()
    pair.smsc.dataReceived(frame(4, octets[16:-3], number=5))
    pair.smsc.dataReceived(frame(4, octets[16:] + b"\0\1\2", number=5))
    pair.esme.dataReceived(frame(0x80000004, canary.text, number=5))


def unpermitted(pair: Pair, canary: Canary) -> None:
    pair.smsc.dataReceived(SubmitSM(short_message=canary.text, sequence_number=5).encode())
    pair.flush()
    pair.smsc.dataReceived(BindTransceiver(password=canary.password).encode())
    pair.esme.dataReceived(Outbind(password=canary.password).encode())


def not_sent(pair: Pair, canary: Canary) -> None:
    errors: list[Any] = []
    pair.flush()
    for pdu in (
        SubmitSM(short_message=canary.text * 20),
        SubmitSM(short_message=canary.text, source_addr="1" * 99),
        SubmitSM(short_message=canary.text.decode()),
        BindTransceiver(password=canary.password * 3),
        Outbind(password=canary.password),
    ):
        pair.esme.request(pdu).addErrback(errors.append)
    assert len(errors) == 5
    canary.check("\n".join(failure.getTraceback() + repr(failure.value) for failure in errors))


def timeouts(pair: Pair, canary: Canary) -> None:
    errors: list[Any] = []
    pair.flush()
    pair.smsc.pause_reading()
    for _ in range(3):
        submit(pair, canary.text).addErrback(errors.append)
    pair.advance(31)
    assert len(errors) == 3
    canary.check("\n".join(f"{e.getTraceback()}{e.value!r}{e.value.request!r}" for e in errors))


def refused(pair: Pair, canary: Canary) -> None:
    errors: list[Any] = []
    pair.smsc.factory.on_request = pair.smsc._on_request = lambda s, r: 8
    pair.flush()
    submit(pair, canary.text).addErrback(errors.append)
    pair.flush()
    (error,) = errors
    canary.check(f"{error.getTraceback()}{error.value!r}{error.value.request!r}")


def application_fails(pair: Pair, canary: Canary) -> None:
    def fails(session: Any, request: Any) -> None:
        raise ZeroDivisionError(request)

    pair.smsc.factory.on_request = pair.smsc._on_request = fails
    pair.flush()
    submit(pair, canary.text).addErrback(ignore)
    pair.flush()


def wrong_answers(pair: Pair, canary: Canary) -> None:
    for wrong in ("text", 1 << 40, SubmitSM(short_message=canary.text)):
        pair.smsc._on_request = lambda s, r, wrong=wrong: wrong
        pair.flush()
        submit(pair, canary.text).addErrback(ignore)
        pair.flush()


def lost(pair: Pair, canary: Canary) -> None:
    pair.smsc._on_request = Held()
    pair.flush()
    submit(pair, canary.text).addErrback(ignore)
    pair.flush()
    pair.smsc.dataReceived(SubmitSM(short_message=canary.text).encode()[:-4])
    pair.drop()


def garbage(pair: Pair, canary: Canary) -> None:
    pair.smsc.dataReceived(canary.password.encode() + canary.text)


def bind_fails(pair: Pair, canary: Canary) -> None:
    def fails(session: Any, request: Any) -> None:
        raise ZeroDivisionError(request)

    pair.smsc.factory._on_bind = fails
    pair.flush()


def shown(pair: Pair, canary: Canary) -> None:
    pair.flush()
    submit(pair, canary.text).addErrback(ignore)
    pair.flush()
    things: list[Any] = [pair.esme, pair.esme.session, pair.esme.bind_request, pair.esme.factory]
    things += [pair.smsc.bind_request, pair.esme_transport]
    canary.check("\n".join(f"{thing!r} {thing}" for thing in things))


SCENARIOS: list[Scenario] = [
    malformed_bind,
    malformed_message,
    unpermitted,
    not_sent,
    timeouts,
    refused,
    application_fails,
    wrong_answers,
    lost,
    garbage,
    bind_fails,
    shown,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.parametrize("seed", range(17))
def test_A16_no_secret_is_told(scenario: Scenario, seed: int, logged_errors: Any) -> None:
    canary = Canary(seed)
    told: list[str] = []

    def tap(direction: Any, pdu: Any, octets: bytes, time: float) -> None:
        told.append(line(direction, pdu, time))
        told.append(repr(pdu))

    with capturedLogs() as logs:
        pair = connect(
            esme={
                "password": canary.password,
                "taps": [tap],
                "on_refused": lambda session, error: told.append(
                    "".join(traceback.format_exception(error)) + repr(error)
                ),
                "timers": Timers(response=30, enquire_interval=None),
            },
            smsc={"taps": [tap], "timers": Timers(enquire_interval=None)},
        )
        scenario(pair, canary)
        pair.drop()
        pair.clock.advance(100)
    logged_errors.flush()
    assert told
    for event in logs:
        told.append(eventAsText(event))
        told.append(json.dumps(event, default=repr))
        if "log_failure" in event:
            told.append(event["log_failure"].getTraceback())
    canary.check("\n".join(told))


def test_A16_the_canary_would_be_found() -> None:
    canary = Canary(1)
    for secret in (canary.password.encode(), canary.text):
        for shown in (
            secret.decode(),
            secret.hex(),
            secret.hex(" "),
            base64.b64encode(b"x" + secret + b"yz").decode(),
            base64.b64encode(b"xyz" + secret + b"yz").decode(),
            repr(b"x" + secret),
            str(list(secret)),
        ):
            with pytest.raises(AssertionError, match="was told"):
                canary.check(f"... {shown} ...")


def test_A16_an_error_of_the_wire_has_no_value_in_it() -> None:
    canary = Canary(2)
    with pytest.raises(PDUError) as caught:
        BindTransceiver(password=canary.password * 2).encode()
    canary.check(str(caught.value))
    assert message(Role.ESME, canary.text).encode()
    canary.check(repr(message(Role.ESME, canary.text)))
