"""What the tests of sessions share: octets to PDUs, and sessions that are bound."""

from __future__ import annotations

from typing import Any

from twisted_smpp.events import Event
from twisted_smpp.session import Session
from twisted_smpp.states import Role, State
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdu import PDU, Request, decode
from twisted_smpp.wire.pdus import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DeliverSM,
    SubmitSM,
)

V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0

BIND_FOR: dict[State, Any] = {
    State.BOUND_TX: BindTransmitter,
    State.BOUND_RX: BindReceiver,
    State.BOUND_TRX: BindTransceiver,
}


def frames(octets: bytes) -> list[bytes]:
    """A stream cut at its PDUs; what is left over would be an error."""
    cut = []
    while octets:
        length = int.from_bytes(octets[:4], "big")
        assert 16 <= length <= len(octets), "the stream does not end with a whole PDU"
        cut.append(octets[:length])
        octets = octets[length:]
    return cut


def pdus(octets: bytes) -> list[PDU]:
    """The PDUs of a stream."""
    return [decode(octets) for octets in frames(octets)]


def sent(session: Session) -> list[PDU]:
    """What a session has queued; the queue is empty afterwards."""
    return pdus(session.data_to_send())


def octets_of(*parts: PDU | bytes) -> bytes:
    """PDUs and octets as one stream."""
    return b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)


def receive(session: Session, *parts: PDU | bytes, now: float = 0.0) -> list[Event]:
    """What happens when PDUs or octets arrive together."""
    return list(session.receive(octets_of(*parts), now))


def answered(request: PDU, number: int | None = None, **fields: Any) -> bytes:
    """The response to a request that was sent."""
    assert isinstance(request, Request)
    number = request.sequence_number if number is None else number
    response: PDU = request.answer(sequence_number=number, **fields)
    return response.encode()


def bind_of(version: InterfaceVersion, state: State = State.BOUND_TRX, number: int = 1) -> Any:
    return BIND_FOR[state](
        system_id="esme",
        password="secret",
        interface_version=int(version),
        sequence_number=number,
    )


def bound(
    role: Role,
    *,
    version: InterfaceVersion = V5_0,
    state: State = State.BOUND_TRX,
    now: float = 0.0,
    **settings: Any,
) -> Session:
    """A session that has bound already; its queue is empty, and nothing is in flight."""
    session = Session(role, now=now, version=version, **settings)
    bind = bind_of(version, state)
    if role is Role.ESME:
        session.request(bind, now)
        tlvs = {"sc_interface_version": int(version)} if version > V3_3 else None
        assert receive(session, answered(bind, system_id="smsc", tlvs=tlvs), now=now)
    else:
        (request,) = receive(session, bind, now=now)
        assert isinstance(request, Request)
        assert session.answer(request, request.answer())
    assert session.state is state
    assert session.version is version
    session.data_to_send()
    return session


def message(role: Role, text: bytes = b"text", number: int = 0) -> Any:
    """A message that a side may send once it is bound as transceiver."""
    cls: Any = SubmitSM if role is Role.ESME else DeliverSM
    return cls(source_addr="1", destination_addr="2", short_message=text, sequence_number=number)


def link(one: Session, other: Session, now: float = 0.0) -> tuple[list[Event], list[Event]]:
    """Carries octets between two sessions until none are left; the events of each."""
    events: tuple[list[Event], list[Event]] = ([], [])
    moved = True
    while moved:
        moved = False
        for source, target, seen in ((one, other, events[1]), (other, one, events[0])):
            data = source.data_to_send()
            if data:
                moved = True
                seen.extend(target.receive(data, now))
    return events
