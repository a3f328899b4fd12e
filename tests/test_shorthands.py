"""``session.submit_sm(...)`` for ``session.request(SubmitSM(...))``."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from wire_data import BY_COMMAND

from twisted_smpp.esme import ESMEService
from twisted_smpp.protocol import SMPPProtocol
from twisted_smpp.shorthands import Shorthands
from twisted_smpp.wire.pdus import SubmitSM

NAMES = [
    name
    for name, _ in inspect.getmembers(Shorthands, inspect.isfunction)
    if not name.startswith("_") and name != "request"
]


class Sender(Shorthands):
    """Keeps what it is to send."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.result: Deferred[Any] = Deferred()

    def request(self, pdu: Any) -> Any:
        self.asked.append(pdu)
        return self.result


@pytest.mark.parametrize("name", NAMES)
def test_each_sends_the_request_of_its_name(name: str) -> None:
    sender = Sender()
    assert getattr(sender, name)() is sender.result
    (pdu,) = sender.asked
    assert type(pdu) is BY_COMMAND[name]


def test_the_fields_are_passed_on() -> None:
    sender = Sender()
    sender.submit_sm(destination_addr="1", short_message=b"x", tlvs={"source_port": 7})
    assert sender.asked == [
        SubmitSM(destination_addr="1", short_message=b"x", tlvs={"source_port": 7})
    ]
    with pytest.raises(TypeError):
        sender.submit_sm(destination="1")


def test_there_is_one_for_each_request_but_binds_and_those_of_3_3_only() -> None:
    link = {"bind_receiver", "bind_transmitter", "bind_transceiver", "unbind"}
    requests = {name for name, cls in BY_COMMAND.items() if not cls.is_response}
    old = {
        name
        for name in requests
        if len(BY_COMMAND[name].versions) == 1 and BY_COMMAND[name].versions[0] == 0x33
    }
    assert set(NAMES) == requests - link - old


def test_sessions_and_services_have_them() -> None:
    assert issubclass(SMPPProtocol, Shorthands)
    assert issubclass(ESMEService, Shorthands)
    with pytest.raises(NotImplementedError):
        Shorthands().enquire_link()
