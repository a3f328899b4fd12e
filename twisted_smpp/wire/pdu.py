"""What all PDUs have in common: the header, TLVs, text forms and the registry.

A concrete PDU is a class with annotated fields; see :mod:`twisted_smpp.wire.pdus`. A
vendor's command is declared and thereby registered the same way::

    class AuthAccResp(Response, command_id=0x81000001):
        version: int = u8()

    class AuthAcc(Request[AuthAccResp], command_id=0x01000001, esme_in=BOUND):
        account: str = cstring(16)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from struct import error as StructError
from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform, get_args

from twisted_smpp.errors import FieldError, FramingError, PDUError
from twisted_smpp.states import State
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.codec import (
    HEADER,
    Opaque,
    compile_method,
    decode_source,
    encode_source,
    init_source,
    tail_octets,
)
from twisted_smpp.wire.fields import Field
from twisted_smpp.wire.tlv import TLV, TLVs, by_name, by_tag

__all__ = [
    "ALL_VERSIONS",
    "PDU",
    "RESPONSE_BIT",
    "Request",
    "Response",
    "UnknownPDU",
    "decode",
    "decoders",
    "encoders",
    "registry",
]

RESPONSE_BIT = 0x80000000
ALL_VERSIONS = (InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0)
LATEST = InterfaceVersion.V5_0

Decoder = Callable[[bytes, str, int, int, int, int], "PDU"]
Encoder = Callable[[Any], bytes]
Where = Iterable[State] | Mapping[InterfaceVersion, Iterable[State]]

#: command_id -> class, of every PDU that is known.
registry: dict[int, type[PDU]] = {}
_decoders: dict[InterfaceVersion, dict[int, Decoder]] = {v: {} for v in ALL_VERSIONS}


class _Encoders(dict[type, Encoder]):
    """PDU class -> its encoder for one version, made when first asked for."""

    def __init__(self, version: InterfaceVersion) -> None:
        self.version = version

    def __missing__(self, cls: type[PDU]) -> Encoder:
        encoder: Encoder = cls.encode
        if cls is not UnknownPDU:
            source = encode_source(cls, self.version)
            if source != encode_source(cls, None):
                encoder = compile_method(cls, f"encode_{self.version.name}", source, self.version)
        self[cls] = encoder
        return encoder


_encoders = {version: _Encoders(version) for version in ALL_VERSIONS}


def decoders(version: InterfaceVersion) -> dict[int, Decoder]:
    """command_id -> the function that decodes such a PDU under the limits of ``version``."""
    return _decoders[version]


def encoders(version: InterfaceVersion) -> Mapping[type, Encoder]:
    """PDU class -> the function that encodes it for a peer of that version."""
    return _encoders[version]


@dataclass_transform(kw_only_default=True)
class PDUMeta(type):
    """Collects the fields of a class body, makes its methods and registers it."""

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        command_id: int | None = None,
        command: str = "",
        versions: tuple[InterfaceVersion, ...] = ALL_VERSIONS,
        esme_in: Where = (),
        mc_in: Where = (),
        moves_to: State | Mapping[InterfaceVersion, State] | None = None,
        requires: tuple[TLV[Any], ...] = (),
    ) -> PDUMeta:
        own = {key: value for key, value in namespace.items() if isinstance(value, Field)}
        for key, field in own.items():
            field.name = key
            del namespace[key]
        inherited = tuple(f for base in bases for f in getattr(base, "fields", ()))
        for slot in namespace.setdefault("__slots__", tuple(own)):
            namespace.pop(slot, None)  # a default for type checkers only
        cls: Any = super().__new__(mcs, name, bases, namespace)
        cls.fields = inherited + tuple(own.values())
        if command_id is not None:
            cls.command_id = command_id
            cls.command = command or _command_name(name)
            cls.versions = versions
            cls.esme_in = _by_version(esme_in, versions)
            cls.mc_in = _by_version(mc_in, versions)
            cls.moves_to = _by_version(moves_to, versions)
            cls.requires = requires
            cls.answer = _answer_of(namespace)
            _complete(cls)
            if cls.answer is not None:
                cls.answer.request = cls
        return cls  # type: ignore[no-any-return]

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: Any, **_: Any) -> None:
        super().__init__(name, bases, namespace)


def _command_name(name: str) -> str:
    """``BindTransmitterResp`` -> ``bind_transmitter_resp``, ``SubmitSM`` -> ``submit_sm``."""
    spaced = "".join(f"_{c}" if c.isupper() else c for c in name.replace("SM", "Sm"))
    return spaced.lower().lstrip("_")


def _by_version(value: Any, versions: tuple[InterfaceVersion, ...]) -> Any:
    if isinstance(value, Mapping):
        return {v: value.get(v, value.get(InterfaceVersion.V3_4)) for v in versions}
    return dict.fromkeys(versions, value)


def _answer_of(namespace: dict[str, Any]) -> Any:
    """``Request[SubmitSMResp]`` -> SubmitSMResp."""
    for base in namespace.get("__orig_bases__", ()):
        for argument in get_args(base):
            if isinstance(argument, PDUMeta):
                return argument
    return None


def _complete(cls: Any) -> None:
    known = registry.get(cls.command_id)
    if known is not None:
        raise ValueError(f"command_id {cls.command_id:#010x} is {known.command}")
    cls.__init__ = compile_method(cls, "__init__", init_source(cls))
    cls.encode = compile_method(cls, "encode", encode_source(cls, None))
    cls.encode.__doc__ = PDU.encode.__doc__
    widest = decode_source(cls, LATEST)
    decoder = compile_method(cls, "decode", widest, LATEST)
    for version in ALL_VERSIONS:
        source, own = decode_source(cls, version), decoder
        if source != widest:
            own = compile_method(cls, f"decode_{version.name}", source, version)
        _decoders[version][cls.command_id] = own
    registry[cls.command_id] = cls


class _TLVsOfPDU:
    """The attribute ``tlvs``: reads the octets of the TLVs when first asked for."""

    def __get__(self, pdu: Any, owner: Any = None) -> TLVs:
        if pdu is None:
            return self  # type: ignore[return-value]
        tail = pdu._tail
        if not isinstance(tail, TLVs):
            if isinstance(tail, Opaque):
                return TLVs()
            tail = pdu._tail = TLVs.from_octets(tail)
        return tail

    def __set__(self, pdu: Any, values: Mapping[Any, Any] | TLVs | None) -> None:
        pdu._tail = TLVs(values)


class _WithTail:
    """Where a PDU keeps what follows its fields; see :mod:`twisted_smpp.wire.codec`."""

    __slots__ = ("_tail",)

    _tail: Any


class PDU(_WithTail, metaclass=PDUMeta):
    """One protocol data unit.

    Every PDU takes its fields, ``tlvs`` (a mapping of TLV, tag or name to value),
    ``command_status`` and ``sequence_number`` as keyword arguments. A session gives a
    request its sequence_number when it is sent, and a response that of its request.
    """

    __slots__ = ("command_status", "sequence_number")

    fields: ClassVar[tuple[Field, ...]] = ()
    command: ClassVar[str] = ""
    command_id: ClassVar[int] = 0
    versions: ClassVar[tuple[InterfaceVersion, ...]] = ()
    esme_in: ClassVar[Mapping[InterfaceVersion, Iterable[State]]] = {}
    mc_in: ClassVar[Mapping[InterfaceVersion, Iterable[State]]] = {}
    moves_to: ClassVar[Mapping[InterfaceVersion, State | None]] = {}
    requires: ClassVar[tuple[TLV[Any], ...]] = ()
    is_response: ClassVar[bool] = False
    answer: ClassVar[Any] = None
    request: ClassVar[type[PDU] | None] = None

    # For type checkers, what every __init__ takes besides the fields; slots at run time.
    tlvs: _TLVsOfPDU = _TLVsOfPDU()
    command_status: int = 0
    sequence_number: int = 0

    def encode(self) -> bytes:
        """The octets of the PDU.

        Raises:
            FieldError: a value is not one that the field can carry; it names the field.
        """
        raise NotImplementedError

    def octets_of_tail(self) -> bytes | None:
        """What follows the mandatory fields; None when the PDU has no body at all."""
        tail = self._tail
        return tail if tail.__class__ is bytes else tail_octets(tail)

    def show(self, text: bool = False) -> str:
        """One line: what differs from the defaults, enumerations by name.

        Args:
            text: whether the octets of the message are shown. A password never is.
        """
        parts = []
        if self.command_status:
            parts.append(f"command_status={_status_name(self.command_status)}")
        parts.append(f"sequence_number={self.sequence_number}")
        return f"{self.__class__.__name__}({', '.join(parts + self.details(text))})"

    def details(self, text: bool = False) -> list[str]:
        """The fields and TLVs that differ from the defaults, as ``name=value``."""
        parts = []
        for field in self.fields:
            value = getattr(self, field.name, None)
            if value != field.default and value != []:
                parts.append(f"{field.name}={field.show(value, text)}")
        tail = self.octets_of_tail()
        if isinstance(tail, Opaque):
            parts.append(f"body=<{len(tail)} octets>")
        elif tail:
            parts.append(f"tlvs={self.tlvs.show(text)}")
        return parts

    def __repr__(self) -> str:
        return self.show()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PDU) or other.__class__ is not self.__class__:
            return NotImplemented
        return (
            self.command_id == other.command_id
            and self.command_status == other.command_status
            and self.sequence_number == other.sequence_number
            and all(getattr(self, f.name) == getattr(other, f.name) for f in self.fields)
            and self.octets_of_tail() == other.octets_of_tail()
        )

    __hash__ = None  # type: ignore[assignment]

    def to_dict(self) -> dict[str, Any]:
        """The PDU as data for JSON, with the standard's names; octets are hex.

        A password and the text of the message are part of it.
        """
        tail = self.octets_of_tail()
        data: dict[str, Any] = {
            "command": self.command or None,
            "command_id": f"{self.command_id:#010x}",
            "command_status": self.command_status,
            "sequence_number": self.sequence_number,
        }
        if tail is None or isinstance(tail, Opaque):
            data["body"] = None if tail is None else tail.hex()
            return data
        for field in self.fields:
            data[field.name] = field.to_json(getattr(self, field.name))
        data["tlvs"] = []
        for tag, octets in self.tlvs.items():
            name = by_tag[tag].name if tag in by_tag else None
            data["tlvs"].append({"tag": f"{tag:#06x}", "name": name, "value": octets.hex()})
        if self.tlvs.trailing():
            data["trailing"] = self.tlvs.trailing().hex()
        return data

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> PDU:
        """The inverse of :meth:`to_dict`; what is left out takes its default.

        Raises:
            PDUError: a command or field that does not exist, or a value that is none.
        """
        try:
            return _from_dict(dict(data))
        except PDUError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise PDUError(f"not a PDU: {error!r}") from None


def _status_name(status: Any) -> str:
    # Whatever somebody has set can be shown: a refusal to encode it shows it, too.
    known = isinstance(status, int) and 0 <= status <= 0xFFFFFFFF
    return str(CommandStatus(status).name) if known else repr(status)


def _from_dict(data: dict[str, Any]) -> PDU:
    cls = _class_of(data.pop("command", None), data.get("command_id"))
    command_id = data.pop("command_id", None)
    if cls is not UnknownPDU and command_id is not None and int(command_id, 16) != cls.command_id:
        raise PDUError(f"{cls.command} has command_id {cls.command_id:#010x}, not {command_id}")
    header = {key: data.pop(key, 0) for key in ("command_status", "sequence_number")}
    header_only = "tlvs" not in data
    tlvs, trailing = data.pop("tlvs", ()), bytes.fromhex(data.pop("trailing", ""))
    if cls is UnknownPDU:
        return UnknownPDU(int(command_id, 16), bytes.fromhex(data.pop("body", "") or ""), **header)
    has_body, body = "body" in data, data.pop("body", None)
    fields = {field.name: field for field in cls.fields}
    for name in data:
        if name not in fields:
            raise PDUError(f"{cls.command} has no field {name}")
    values = {name: fields[name].from_json(value) for name, value in data.items()}
    pdu = cls(**values, **header)
    if has_body:
        pdu._tail = None if body is None else Opaque(bytes.fromhex(body))
    elif not header_only or trailing:
        pdu._tail = b"".join(map(_tlv_octets, tlvs)) + trailing
    return pdu


def _class_of(command: str | None, command_id: str | None) -> type[PDU]:
    if command is None:
        if command_id is None:
            raise PDUError("neither command nor command_id given")
        return registry.get(int(command_id, 16), UnknownPDU)
    for cls in registry.values():
        if cls.command == command:
            return cls
    raise PDUError(f"no command is called {command}")


def _tlv_octets(item: Mapping[str, Any]) -> bytes:
    tag = int(item["tag"], 16) if "tag" in item else by_name[item["name"]].tag
    value = bytes.fromhex(item["value"])
    return tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


R_co = TypeVar("R_co", bound="Response | None", covariant=True)


class Response(PDU):
    """The answer to a request: same sequence_number, a command_status, maybe a body.

    One that is made with a status other than ESME_ROK has no body, whatever its fields say.
    """

    __slots__ = ()
    is_response = True


class Request(PDU, Generic[R_co]):
    """Something that one side asks of the other.

    Attributes:
        answer: the class of its response, or None for the two notifications that have
            none (outbind and alert_notification).
    """

    __slots__ = ()


class UnknownPDU(PDU):
    """A PDU whose command_id is not registered, kept octet for octet.

    Args:
        command_id: its command_id; with bit 31 set it is a response.
        body: everything behind the header.
    """

    __slots__ = ("body", "command_id", "is_response")
    command = ""

    def __init__(
        self,
        command_id: int,
        body: bytes = b"",
        *,
        command_status: int = 0,
        sequence_number: int = 0,
    ) -> None:
        self.command_id = command_id  # type: ignore[misc]
        self.is_response = bool(command_id & RESPONSE_BIT)  # type: ignore[misc]
        if not isinstance(body, bytes):
            raise FieldError("body", f"{type(body).__name__} given, bytes wanted")
        self.body = body
        self.command_status = command_status
        self.sequence_number = sequence_number
        self._tail = Opaque(body)

    def encode(self) -> bytes:
        """The octets of the PDU."""
        try:
            return (
                HEADER.pack(
                    16 + len(self.body), self.command_id, self.command_status, self.sequence_number
                )
                + self.body
            )
        except (StructError, TypeError) as error:
            raise PDUError(f"command_id {self.command_id!r}: {error}") from None

    def show(self, text: bool = False) -> str:
        """One line: the command_id and how many octets follow."""
        status = (
            f", command_status={_status_name(self.command_status)}" if self.command_status else ""
        )
        return (
            f"UnknownPDU({self.command_id:#010x}, sequence_number={self.sequence_number}"
            f"{status}, body=<{len(self.body)} octets>)"
        )


def decode(octets: bytes, version: InterfaceVersion = LATEST) -> PDU:
    """The PDU that ``octets`` are, whole and nothing else.

    ``decode(octets).encode() == octets`` for everything that is accepted: also unknown
    commands, unknown or repeated TLVs, reserved values and refusals with or without body.

    Args:
        octets: one PDU with its header.
        version: whose limits count; 5.0 allows what the others allow.

    Raises:
        FramingError: the length is not what command_length says.
        FieldError: a field or TLV is wrong; it names it and has the status to answer.
    """
    if len(octets) < 16:
        raise FramingError(f"{len(octets)} octets given, a header takes 16")
    length, command_id, command_status, sequence_number = HEADER.unpack_from(octets)
    if length != len(octets):
        raise FramingError(
            f"command_length is {length}, {len(octets)} octets given", sequence_number
        )
    known = _decoders[version].get(command_id)
    if known is None:
        return UnknownPDU(
            command_id,
            bytes(octets[16:]),
            command_status=command_status,
            sequence_number=sequence_number,
        )
    octets = bytes(octets)
    text = octets.decode("latin-1")
    return known(octets, text, 16, length, command_status, sequence_number)
