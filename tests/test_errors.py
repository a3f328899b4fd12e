"""The tree of errors, what a peer is told for each, and what they say."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from twisted_smpp import errors
from twisted_smpp.errors import (
    BindRefused,
    FieldError,
    FramingError,
    Nacked,
    NotPermitted,
    PDUError,
    RequestRefused,
    ResponseTimeout,
    SessionError,
    SessionLost,
    SMPPError,
    StoreDamaged,
    StoreError,
    StoreFailed,
    StoreFull,
    StoreInUse,
    Throttled,
    UnknownCommand,
    WindowFull,
)
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.wire.pdus import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    GenericNack,
    SubmitSM,
)

TREE: dict[type[Exception], tuple[type[Exception], ...]] = {
    SMPPError: (Exception,),
    PDUError: (SMPPError, ValueError),
    FieldError: (PDUError,),
    UnknownCommand: (PDUError,),
    FramingError: (PDUError,),
    SessionError: (SMPPError,),
    NotPermitted: (SessionError,),
    WindowFull: (SessionError,),
    SessionLost: (SessionError,),
    ResponseTimeout: (SMPPError, TimeoutError),
    RequestRefused: (SMPPError,),
    BindRefused: (RequestRefused,),
    Throttled: (RequestRefused,),
    Nacked: (RequestRefused,),
    StoreError: (SMPPError,),
    StoreFull: (StoreError,),
    StoreFailed: (StoreError,),
    StoreInUse: (StoreError,),
    StoreDamaged: (StoreError,),
}


def test_the_tree() -> None:
    classes = {
        cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, Exception)
    }
    assert classes == set(TREE)
    assert {cls.__name__ for cls in classes} == set(errors.__all__)
    for cls, bases in TREE.items():
        assert cls.__bases__ == bases


def test_the_picture_in_the_documentation_names_each() -> None:
    assert errors.__doc__ is not None
    for cls in TREE:
        assert cls.__name__ in errors.__doc__


@pytest.mark.parametrize(
    ("error", "status", "fatal"),
    [
        (SMPPError(), S.ESME_RSYSERR, False),
        (PDUError(), S.ESME_RINVCMDLEN, False),
        (FieldError("f", "r"), S.ESME_RINVPARLEN, False),
        (FieldError("f", "r", S.ESME_RINVSRCADR), S.ESME_RINVSRCADR, False),
        (UnknownCommand(0x999), S.ESME_RINVCMDID, False),
        (FramingError("r"), S.ESME_RINVCMDLEN, True),
        (NotPermitted("submit_sm", 4, "OPEN"), S.ESME_RINVBNDSTS, False),
        (WindowFull(), S.ESME_RTHROTTLED, False),
        (RequestRefused(S.ESME_RINVDSTADR), S.ESME_RINVDSTADR, False),
    ],
)
def test_what_a_peer_is_told(error: SMPPError, status: int, fatal: bool) -> None:
    assert error.command_status == status
    assert error.fatal is fatal


@pytest.mark.parametrize(
    ("error", "text", "attributes"),
    [
        (
            FieldError("source_addr", "21 octets, at most 20"),
            "source_addr: 21 octets, at most 20",
            {"field": "source_addr", "reason": "21 octets, at most 20"},
        ),
        (UnknownCommand(0x999), "unknown command_id 0x00000999", {"command_id": 0x999}),
        (FramingError("too long", 7), "too long", {"sequence_number": 7}),
        (
            NotPermitted("submit_sm", 4, "OPEN"),
            "submit_sm is not permitted in state OPEN",
            {"command_id": 4, "state": "OPEN"},
        ),
        (
            SessionLost("it rained"),
            "it rained; the outcome is unknown",
            {"reason": "it rained", "sent": True},
        ),
        (SessionLost("not bound", sent=False), "not bound", {"reason": "not bound"}),
        (
            RequestRefused(S.ESME_RINVDSTADR),
            "ESME_RINVDSTADR (Bad destination address.)",
            {"request": None, "response": None, "command_status": 0x0B},
        ),
        (RequestRefused(0x0400, "own text"), "VENDOR_0x00000400 (own text)", {}),
    ],
)
def test_what_they_say(error: Any, text: str, attributes: dict[str, Any]) -> None:
    assert str(error) == text
    for name, value in attributes.items():
        assert getattr(error, name) == value


def test_a_timeout_names_its_request_without_the_text() -> None:
    request = SubmitSM(short_message=b"private", sequence_number=5)
    error = ResponseTimeout(request, 30.0)
    assert error.request is request
    assert "SubmitSM(sequence_number=5" in str(error)
    assert "within 30 s" in str(error)
    assert "private" not in str(error)


@pytest.mark.parametrize("bind", [BindReceiver, BindTransmitter, BindTransceiver])
def test_a_refused_bind(bind: Any) -> None:
    request = bind(password="secret")
    response = request.answer(command_status=S.ESME_RINVPASWD)
    error = RequestRefused.from_response(request, response)
    assert type(error) is BindRefused
    assert str(error).startswith(f"{bind.command} refused: ESME_RINVPASWD")
    assert "secret" not in str(error)
    assert error.request is request
    assert error.response is response


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (S.ESME_RTHROTTLED, Throttled),
        (S.ESME_RMSGQFUL, Throttled),
        (S.ESME_RSYSERR, RequestRefused),
        (0x4FF, RequestRefused),
    ],
)
def test_a_refused_message(status: int, kind: Any) -> None:
    request = SubmitSM()
    error = RequestRefused.from_response(request, request.answer(command_status=status))
    assert type(error) is kind
    assert error.command_status == status
    assert type(error.command_status) is int


@pytest.mark.parametrize("request_", [SubmitSM(), BindTransceiver()])
def test_a_nack(request_: Any) -> None:
    response = GenericNack(command_status=S.ESME_RTHROTTLED)
    assert type(RequestRefused.from_response(request_, response)) is Nacked


def test_throttled_statuses() -> None:
    assert Throttled.statuses == {0x58, 0x14}
