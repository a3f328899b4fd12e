"""Who may send what in which state: the operation matrix, from the PDUs' declarations.

Both ends of a session are always in the same state, so one table serves both: what a
side may receive is what the other may send, and a little more, because a peer that
follows the looser text of another version does no harm:

- 3.4 lets both sides send data_sm in every bound state, 5.0 restricts it: sent by the
  5.0 rule, accepted by the 3.4 one;
- 3.4 lists replace_sm for transmitters only, although its text gives a transceiver all
  that a transmitter may do: allowed to both;
- 3.4 lists enquire_link and generic_nack for bound states only: accepted in all.

Source: SMPP 5.0, 2.4 (operation matrix) and 2.3 (states); SMPP 3.4, 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from twisted_smpp.errors import FieldError
from twisted_smpp.states import BOUND, CONNECTED, Role, State
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire import pdus
from twisted_smpp.wire.pdu import PDU, RESPONSE_BIT, Request, Response, encoders, registry
from twisted_smpp.wire.tlvs import sc_interface_version

__all__ = [
    "BINDS",
    "LINK",
    "Moves",
    "announced",
    "answers",
    "consents",
    "may_receive",
    "may_receive_messages",
    "may_send",
    "message_answers",
    "windowed",
]

BINDS = (pdus.BindReceiver, pdus.BindTransmitter, pdus.BindTransceiver)
BIND_RESPONSES = (pdus.BindReceiverResp, pdus.BindTransmitterResp, pdus.BindTransceiverResp)

#: The requests that keep the link; they are no messages and never wait for a window.
LINK = frozenset({*BINDS, pdus.EnquireLink, pdus.Unbind})

#: command_id -> the state that it leads to, or None when the session stays where it is.
Moves = Mapping[int, State | None]

_ACCEPTED_ALSO: tuple[tuple[type[Any], tuple[State, ...]], ...] = (
    (pdus.DataSM, BOUND),
    (pdus.DataSMResp, BOUND),
    (pdus.EnquireLink, CONNECTED),
    (pdus.EnquireLinkResp, CONNECTED),
    (pdus.GenericNack, CONNECTED),
)


def may_send(role: Role, version: InterfaceVersion, state: State) -> Moves:
    """What ``role`` may send in ``state``, and where it leads when it says ESME_ROK."""
    return _sends(role, version, state, len(registry))


def may_receive(role: Role, version: InterfaceVersion, state: State) -> Moves:
    """What ``role`` accepts in ``state``, and where it leads when it says ESME_ROK."""
    return _receives(role, version, state, len(registry))


def may_receive_messages(role: Role, version: InterfaceVersion, state: State) -> frozenset[int]:
    """The requests among them that are for the application and move nothing."""
    return _messages(role, version, state, len(registry))


def windowed(role: Role, version: InterfaceVersion, state: State) -> frozenset[type[Any]]:
    """The classes of the requests that ``role`` may send and that need a place in the window."""
    return _windowed(role, version, state, len(registry))


def message_answers(role: Role, version: InterfaceVersion, state: State) -> frozenset[type[Any]]:
    """The classes of the responses that ``role`` may send, and that move nothing."""
    return _message_answers(role, version, state, len(registry))


def consents(
    role: Role, version: InterfaceVersion, state: State
) -> Mapping[type[Any], tuple[bytes, bytes]]:
    """For each class of messages that ``role`` accepts the response that says ESME_ROK only.

    It is what stands before its sequence_number, and what stands behind.
    """
    return _consents(role, version, state, len(registry))


def accepts(role: Role, version: InterfaceVersion, state: State) -> Mapping[type[Any], int]:
    """Messages that ``role`` accepts and whose response may be a message_id and nothing more.

    With the command_id of that response.
    """
    return _accepts(role, version, state, len(registry))


# The size of the registry is part of the key: a vendor's command may be declared later.


@cache
def _sends(role: Role, version: InterfaceVersion, state: State, known: int) -> Moves:
    moves: dict[int, State | None] = {}
    for cls in registry.values():
        if version in cls.versions and state in _states(cls, role, version):
            moves[cls.command_id] = cls.moves_to[version]
    return moves


@cache
def _receives(role: Role, version: InterfaceVersion, state: State, known: int) -> Moves:
    moves = dict(_sends(role.peer, version, state, known))
    for cls, states in _ACCEPTED_ALSO:
        if state in states and version in cls.versions:
            moves.setdefault(cls.command_id, None)
    return moves


@cache
def _messages(role: Role, version: InterfaceVersion, state: State, known: int) -> frozenset[int]:
    messages = set()
    for command_id, move in _receives(role, version, state, known).items():
        cls = registry[command_id]
        if not cls.is_response and cls not in LINK and move is None:
            messages.add(command_id)
    return frozenset(messages)


@cache
def _windowed(
    role: Role, version: InterfaceVersion, state: State, known: int
) -> frozenset[type[Any]]:
    allowed = (registry[command_id] for command_id in _sends(role, version, state, known))
    return frozenset(cls for cls in allowed if cls.answer is not None and cls not in LINK)


@cache
def _message_answers(
    role: Role, version: InterfaceVersion, state: State, known: int
) -> frozenset[type[Any]]:
    moves = _sends(role, version, state, known)
    return frozenset(registry[each] for each, move in moves.items() if move is None)


@cache
def _consents(
    role: Role, version: InterfaceVersion, state: State, known: int
) -> Mapping[type[Any], tuple[bytes, bytes]]:
    pieces = {}
    for command_id in _messages(role, version, state, known):
        cls = registry[command_id]
        if cls.answer is not None:
            octets = encoders(version)[cls.answer](cls.answer())
            pieces[cls] = octets[:12], octets[16:]
    return pieces


@cache
def _accepts(
    role: Role, version: InterfaceVersion, state: State, known: int
) -> Mapping[type[Any], int]:
    if role is not Role.MC or version < InterfaceVersion.V3_4:
        return {}
    found = {}
    for cls in (pdus.SubmitSM, pdus.DataSM):
        if cls.command_id in _messages(role, version, state, known):
            found[cls] = cls.answer.command_id
    return found


def _states(cls: Any, role: Role, version: InterfaceVersion) -> tuple[State, ...]:
    """The states in which ``role`` may send a PDU; a response follows its request."""
    if cls.is_response and cls.request is not None:
        cls, role = cls.request, role.peer
    allowed = cls.esme_in if role is Role.ESME else cls.mc_in
    return tuple(allowed[version] or ())


def answers(response: PDU, request: Request[Any]) -> bool:
    """Whether a response is one to that request; some peers mix up the three binds."""
    cls = response.__class__
    if cls is pdus.GenericNack or response.command_id == request.command_id | RESPONSE_BIT:
        return True
    return cls in BIND_RESPONSES and request.__class__ in BINDS


def announced(response: Response, default: InterfaceVersion) -> InterfaceVersion:
    """What the message centre says it speaks; many say nothing and mean what was asked."""
    try:
        value = response.tlvs.get(sc_interface_version)
    except FieldError:
        value = None
    return default if value is None else InterfaceVersion.of(value)
