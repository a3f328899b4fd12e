"""The repeated structures: destinations, failed destinations and message ids.

Source: SMPP 5.0, 4.2.3 (submit_multi); SMPP 3.3 for ``query_last_msgs_resp``.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from twisted_smpp.errors import FieldError
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import NPI, TON, InterfaceVersion
from twisted_smpp.wire.fields import U8, CString, Field, Limits, Row, limit

__all__ = ["DistributionList", "SMEAddress", "UnsuccessSME", "repeated"]


def _address(name: str, max: int, status: CommandStatus) -> CString:
    field = CString(max, (), status, False, "")
    field.name = name
    return field


def _octet(name: str, enum: Any) -> U8:
    field = U8(0, CommandStatus.ESME_RINVPARLEN, enum, "")
    field.name = name
    return field


class SMEAddress(NamedTuple):
    """One destination of submit_multi: an address (dest_flag 1)."""

    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""


class DistributionList(NamedTuple):
    """One destination of submit_multi: a list that the message centre knows (dest_flag 2)."""

    dl_name: str = ""


class UnsuccessSME(NamedTuple):
    """A destination of submit_multi that the message centre refused, and why."""

    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    error_status_code: int = 0


_SME_FIELDS: tuple[Field, ...] = (
    _octet("dest_addr_ton", TON),
    _octet("dest_addr_npi", NPI),
    _address("destination_addr", 21, CommandStatus.ESME_RINVDSTADR),
)
_LIST_FIELDS: tuple[Field, ...] = (_address("dl_name", 21, CommandStatus.ESME_RINVDLNAME),)
_ID_FIELDS: tuple[Field, ...] = (_address("message_id", 9, CommandStatus.ESME_RINVMSGID),)
_V5 = InterfaceVersion.V5_0


def _read(fields: tuple[Field, ...], octets: bytes, pos: int, end: int) -> tuple[list[Any], int]:
    values = []
    for field in fields:
        value, pos = field.read(octets, pos, end, _V5, True)
        values.append(value)
    return values, pos


def _write(fields: tuple[Field, ...], values: tuple[Any, ...]) -> str:
    return "".join([f.write(v, _V5) for f, v in zip(fields, values, strict=True)])


class Destination:
    """Reads and writes one element of ``dest_address``."""

    kinds: ClassVar[dict[int, tuple[type[Any], tuple[Field, ...]]]] = {
        1: (SMEAddress, _SME_FIELDS),
        2: (DistributionList, _LIST_FIELDS),
    }

    @classmethod
    def read(cls, octets: bytes, pos: int, end: int) -> tuple[Any, int]:
        """The element at ``pos`` and the position behind it."""
        kind = cls.kinds.get(octets[pos])
        if kind is None:
            raise FieldError(
                "dest_flag", f"{octets[pos]} is not 1 or 2", CommandStatus.ESME_RINVDESTFLAG
            )
        values, pos = _read(kind[1], octets, pos + 1, end)
        return kind[0](*values), pos

    @classmethod
    def write(cls, value: Any) -> str:
        """The octets of an element."""
        for flag, (kind, fields) in cls.kinds.items():
            if isinstance(value, kind):
                return chr(flag) + _write(fields, value)
        raise FieldError(
            "dest_address",
            f"{type(value).__name__} given, SMEAddress or DistributionList wanted",
            CommandStatus.ESME_RINVDESTFLAG,
        )

    @classmethod
    def to_json(cls, value: Any) -> Any:
        """A dict with the standard's names."""
        flag = next(flag for flag, (kind, _) in cls.kinds.items() if isinstance(value, kind))
        return {"dest_flag": flag, **value._asdict()}

    @classmethod
    def from_json(cls, value: Any) -> Any:
        """The inverse of :meth:`to_json`."""
        fields = dict(value)
        return cls.kinds[fields.pop("dest_flag")][0](**fields)


class Failure:
    """Reads and writes one element of ``unsuccess_sme``."""

    @classmethod
    def read(cls, octets: bytes, pos: int, end: int) -> tuple[Any, int]:
        """The element at ``pos`` and the position behind it."""
        values, pos = _read(_SME_FIELDS, octets, pos, end)
        if pos + 4 > end:
            raise FieldError(
                "error_status_code", "the PDU ends before it", CommandStatus.ESME_RINVCMDLEN
            )
        code = int.from_bytes(octets[pos : pos + 4], "big")
        return UnsuccessSME._make([*values, code]), pos + 4

    @classmethod
    def write(cls, value: Any) -> str:
        """The octets of an element."""
        if not isinstance(value, UnsuccessSME):
            raise FieldError("unsuccess_sme", f"{type(value).__name__} given, UnsuccessSME wanted")
        code = value.error_status_code
        if not isinstance(code, int) or not 0 <= code <= 0xFFFFFFFF:
            raise FieldError("error_status_code", f"{code!r} is not within 0 to 0xffffffff")
        return _write(_SME_FIELDS, value[:3]) + code.to_bytes(4, "big").decode("latin-1")

    @classmethod
    def to_json(cls, value: Any) -> Any:
        """A dict with the standard's names."""
        return value._asdict()

    @classmethod
    def from_json(cls, value: Any) -> Any:
        """The inverse of :meth:`to_json`."""
        return UnsuccessSME(**value)


class MessageId:
    """Reads and writes one element of ``message_ids``."""

    @classmethod
    def read(cls, octets: bytes, pos: int, end: int) -> tuple[Any, int]:
        """The element at ``pos`` and the position behind it."""
        return _ID_FIELDS[0].read(octets, pos, end, _V5, True)

    @classmethod
    def write(cls, value: Any) -> str:
        """The octets of an element."""
        return _ID_FIELDS[0].write(value, _V5)

    @classmethod
    def to_json(cls, value: Any) -> Any:
        """The id itself."""
        return value

    @classmethod
    def from_json(cls, value: Any) -> Any:
        """The id itself."""
        return value


class Repeated(Field):
    """Elements of one kind behind an octet that counts them."""

    def __init__(
        self,
        element: Any,
        type: str,
        count: str,
        least: int,
        most: Limits,
        status: CommandStatus,
        doc: str,
    ) -> None:
        super().__init__((), status, doc)
        self.element = element
        self.type = type
        self.count = count
        self.least = least
        self.most = most

    def rows(self) -> list[Row]:
        return [Row(self.count, "int1", 1), Row(self.name, self.type, limit(self.most, _V5))]

    def read(
        self, octets: bytes, pos: int, end: int, version: InterfaceVersion, strict: bool
    ) -> tuple[list[Any], int]:
        if pos >= end:
            raise self.fail("the PDU ends before its count", CommandStatus.ESME_RINVCMDLEN)
        count, most = octets[pos], limit(self.most, version)
        if strict and not self.least <= count <= most:
            raise self.fail(f"{self.count} is {count}, {self.least} to {most} are allowed")
        values: list[Any] = []
        pos += 1
        for index in range(count):
            if pos >= end:
                raise self.fail(f"{self.count} is {count}, but the PDU holds {index}")
            value, pos = self.element.read(octets, pos, end)
            values.append(value)
        return values, pos

    def write(self, value: Any, version: InterfaceVersion | None, strict: bool = True) -> str:
        try:
            count = len(value)
        except TypeError:
            raise self.fail(f"{type(value).__name__} given, a sequence wanted") from None
        most = limit(self.most, version)
        if count > 255 or (strict and not self.least <= count <= most):
            raise self.fail(f"{count} elements, {self.least} to {most} are allowed")
        return chr(count) + "".join([self.element.write(item) for item in value])

    def decode_source(self, version: InterfaceVersion, strict: bool) -> list[str]:
        name = self.name
        call = f"FIELDS['{name}'].read(buf, pos, end, version, {strict})"
        # The limit is there to tell apart the sources of versions that differ in it.
        return [f"self.{name}, pos = {call}  # at most {limit(self.most, version)}"]

    def encode_source(
        self, version: InterfaceVersion | None, strict: bool
    ) -> tuple[list[str], list[str]]:
        return [], [f"FIELDS['{self.name}'].write(self.{self.name}, version, {strict})"]

    def to_json(self, value: Any) -> Any:
        return [self.element.to_json(item) for item in value]

    def from_json(self, value: Any) -> Any:
        return [self.element.from_json(item) for item in value]


def repeated(
    kind: str,
    *,
    count: str,
    least: int = 0,
    most: Limits = 255,
    status: CommandStatus = CommandStatus.ESME_RINVNUMDESTS,
    doc: str = "",
) -> Any:
    """Elements of ``kind`` (dest_addresses, unsuccess_smes or message_ids) and their count."""
    elements = {"dest_addresses": Destination, "unsuccess_smes": Failure, "message_ids": MessageId}
    return Repeated(elements[kind], kind, count, least, most, status, doc)
