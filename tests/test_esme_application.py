# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""One object in the place of callbacks."""

from __future__ import annotations

from typing import Any

import pytest
from esme_kit import World
from message_centre_kit import Centre
from pairs import PENDING, outcome
from pool_kit import PoolWorld
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from zope.interface import implementer
from zope.interface.verify import verifyObject

from twisted_smpp.errors import RequestRefused
from twisted_smpp.esme import LinkState
from twisted_smpp.interfaces import IMessageReceiver
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import success

RECEIPT = b"id:7 stat:DELIVRD"


@implementer(IMessageReceiver)
class Application:
    """Keeps what it is told, and answers as the test says."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.answer: Any = None

    def _answered(self) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer() if callable(self.answer) else self.answer

    def message(self, received: Any) -> Any:
        self.told.append(("message", received.text))
        return self._answered()

    def receipt(self, receipt: Any, pdu: Any) -> Any:
        self.told.append(("receipt", receipt.message_id, pdu.command))
        return self._answered()

    def alert(self, pdu: Any) -> None:
        self.told.append(("alert", pdu.source_addr))

    def link_changed(self, change: Any) -> None:
        self.told.append(change.state)


def started(application: Any, **settings: Any) -> Centre:
    centre = Centre(on_state=None, application=application, **settings)
    centre.start()
    return centre


def answered(centre: Centre, **fields: Any) -> Any:
    """The status of the answer to a delivery."""
    response = centre.delivers(source_addr="49", **fields)
    result = outcome(response)
    response.addErrback(lambda _: None)
    return getattr(result, "command_status", result)


def test_it_is_told_all() -> None:
    application = Application()
    assert verifyObject(IMessageReceiver, application)
    centre = started(application)
    assert answered(centre, short_message=b"Hi") == 0
    assert answered(centre, esm_class=4, short_message=RECEIPT) == 0
    centre.session.alert_notification(source_addr="5")
    centre.flush()
    centre.stops()
    assert application.told == [
        LinkState.CONNECTING,
        LinkState.BOUND,
        ("message", "Hi"),
        ("receipt", "7", "deliver_sm"),
        ("alert", "5"),
        LinkState.STOPPING,
        LinkState.STOPPED,
    ]


async def coroutine() -> int:
    return int(S.ESME_RX_R_APPN)


@pytest.mark.parametrize(
    "octets", [{"short_message": b"Hi"}, {"esm_class": 4, "short_message": RECEIPT}]
)
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (None, 0),
        (S.ESME_RX_P_APPN, S.ESME_RX_P_APPN),
        (coroutine, S.ESME_RX_R_APPN),
        (RequestRefused(S.ESME_RX_R_APPN), S.ESME_RX_R_APPN),
    ],
)
def test_its_answers_are_those_of_callbacks(octets: Any, answer: Any, status: int) -> None:
    application = Application()
    application.answer = answer
    centre = started(application)
    assert answered(centre, **octets) == status
    centre.stops()


def test_it_may_answer_later() -> None:
    application = Application()
    application.answer = later = Deferred[Any]()
    centre = started(application)
    response = centre.delivers(source_addr="49", short_message=b"Hi")
    assert outcome(response) == PENDING
    later.callback(None)
    centre.flush()
    assert success(response).command_status == 0
    centre.stops()


def test_S16_what_it_raises_keeps_the_message_with_the_message_centre(logged_errors: Any) -> None:
    application = Application()
    application.answer = ZeroDivisionError()
    centre = started(application)
    assert answered(centre, short_message=b"Hi") == S.ESME_RX_T_APPN
    assert centre.service.session.bound
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    centre.stops()


def test_S16_an_answer_that_never_comes_is_given_after_10_s(logged_errors: Any) -> None:
    application = Application()
    application.answer = Deferred
    centre = started(application)
    response = centre.delivers(source_addr="49", short_message=b"Hi")
    centre.passes(9)
    assert outcome(response) == PENDING
    centre.passes(2)
    result = outcome(response)
    response.addErrback(lambda _: None)
    assert result.command_status == S.ESME_RX_T_APPN
    assert centre.service.session.bound
    assert len(logged_errors.flush(TimeoutError)) == 1
    centre.stops()


def test_S16_what_link_changed_raises_harms_nothing(logged_errors: Any) -> None:
    application = Application()
    application.link_changed = lambda change: 1 / 0  # type: ignore[assignment, method-assign]
    centre = started(application)
    assert centre.service.session.bound
    centre.stops()
    assert len(logged_errors.flush(ZeroDivisionError)) == 4


@pytest.mark.parametrize("name", ["on_message", "on_receipt", "on_alert", "on_state"])
def test_it_is_one_or_the_other(name: str) -> None:
    with pytest.raises(ValueError, match=f"^application and {name} were given"):
        Centre(**{"on_state": None, name: print, "application": Application()})


def test_all_that_were_given_are_named() -> None:
    with pytest.raises(ValueError, match="application and on_message, on_state were given"):
        Centre(on_message=print, on_state=print, application=Application())


def test_what_provides_nothing_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="application: World does not provide IMess"):
        Centre(on_state=None, application=World())


def test_a_pool_has_one_for_all_its_links() -> None:
    application = Application()
    world = PoolWorld(2, on_state=None, application=application).start()
    for at in (0, 1):
        assert success(world.delivers(at, short_message=b"Hi")).command_status == 0
    success(world.says(1, "7"))
    world.session(0).alert_notification(source_addr="49", esme_addr="Shop")
    world.flush()
    assert application.told == [
        *[LinkState.CONNECTING] * 2,
        *[LinkState.BOUND] * 2,
        ("message", "Hi"),
        ("message", "Hi"),
        ("receipt", "7", "deliver_sm"),
        ("alert", "49"),
    ]
    world.stops()


@pytest.mark.parametrize("callback", ["on_message", "on_receipt", "on_alert", "on_state"])
def test_a_pool_takes_the_one_or_the_other(callback: str) -> None:
    settings = {"on_state": None, callback: print, "application": Application()}
    with pytest.raises(ValueError, match=f"application and {callback} were given"):
        PoolWorld(2, **settings)


@pytest.mark.parametrize("world_class", [Centre, PoolWorld])
def test_it_may_hear_of_the_link_in_a_coroutine(world_class: Any, logged_errors: Any) -> None:
    class Slow(Application):
        async def link_changed(self, change: Any) -> None:  # type: ignore[override]
            await deferLater(world.clock, 1, lambda: None)
            super().link_changed(change)
            if change.state is LinkState.BOUND:
                raise ZeroDivisionError

    application = Slow()
    world = world_class(on_state=None, application=application)
    world.start()
    assert application.told == []
    world.clock.advance(1)
    count = 1 if world_class is Centre else 2
    assert application.told == [LinkState.CONNECTING] * count + [LinkState.BOUND] * count
    assert len(logged_errors.flush(ZeroDivisionError)) == count


def test_what_would_never_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="on_request: it would not be called; take a Link, or on_"):
        Centre(on_request=print)
