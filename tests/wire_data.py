"""What the tests of the wire layer read from tests/data, which is their oracle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from twisted_smpp.errors import FieldError, PDUError
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire import pdus
from twisted_smpp.wire.pdu import PDU, decode, registry
from twisted_smpp.wire.tlv import TLV
from twisted_smpp.wire.tlvs import STANDARD

DATA = Path(__file__).parent / "data"

#: The versions as the JSON spells them.
VERSIONS = {
    "3.3": InterfaceVersion.V3_3,
    "3.4": InterfaceVersion.V3_4,
    "5.0": InterfaceVersion.V5_0,
}


def load(name: str) -> Any:
    """One of the JSON files."""
    return json.loads((DATA / name).read_text(encoding="ascii"))


#: Each declaration, registered by its import: a test may register more.
CLASSES: tuple[type[PDU], ...] = tuple(
    cls for cls in registry.values() if cls.__module__ == pdus.__name__
)
REQUESTS = [cls for cls in CLASSES if not cls.is_response]
BY_COMMAND: dict[str, type[PDU]] = {cls.command: cls for cls in CLASSES}
TLVS: tuple[TLV[Any], ...] = tuple(STANDARD.values())

COMMANDS: list[dict[str, Any]] = load("pdus.json")["commands"]
STRUCTURES: dict[str, Any] = load("pdus.json")["structures"]
CAPTURED: list[dict[str, Any]] = load("wire.json")

#: Whole PDUs to start from: each command's example and what real peers sent.
SAMPLES: tuple[bytes, ...] = tuple(
    [bytes.fromhex(command["example"]["hex"]) for command in COMMANDS]
    + [bytes.fromhex(item["hex"]) for item in CAPTURED]
)


def frame(command_id: int, body: bytes = b"", status: int = 0, number: int = 1) -> bytes:
    """A PDU with a true command_length."""
    header = (16 + len(body), command_id, status, number)
    return b"".join(value.to_bytes(4, "big") for value in header) + body


def tlv(tag: int, value: bytes = b"") -> bytes:
    """The octets of one TLV."""
    return tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def parts(octets: bytes) -> tuple[type[PDU], list[bytes], bytes]:
    """A known PDU cut up by the plain decoder: its class, each field's octets, the rest."""
    cls = registry[int.from_bytes(octets[4:8], "big")]
    cut, pos = [], 16
    for field in cls.fields:
        _, stop = field.read(octets, pos, len(octets), InterfaceVersion.V5_0, not cls.is_response)
        cut.append(octets[pos:stop])
        pos = stop
    return cls, cut, octets[pos:]


def with_field(octets: bytes, name: str, value: bytes) -> bytes:
    """A PDU with the octets of one of its fields replaced, and a true command_length."""
    cls, cut, rest = parts(octets)
    names = [field.name for field in cls.fields]
    cut[names.index(name)] = value
    return frame(cls.command_id, b"".join(cut) + rest)


def outcome(function: Any, *args: Any) -> Any:
    """What ``function`` returns, or the PDUError that it raises."""
    try:
        return function(*args)
    except PDUError as error:
        return error


def sample_of(cls: type[PDU]) -> bytes:
    return next(
        octets for octets in SAMPLES if int.from_bytes(octets[4:8], "big") == cls.command_id
    )


def refusal(octets: bytes, version: InterfaceVersion = InterfaceVersion.V5_0) -> FieldError:
    """The error of octets that are no PDU."""
    with pytest.raises(FieldError) as caught:
        decode(octets, version)
    assert not caught.value.fatal
    return caught.value
