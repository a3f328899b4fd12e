"""How one mandatory parameter of a PDU is declared, read, written and checked.

A field does each thing twice. :meth:`Field.decode_source` and :meth:`Field.encode_source`
give the lines from which :mod:`twisted_smpp.wire.codec` makes the fast methods of a PDU
class; those only notice *that* something is wrong. :meth:`Field.read` and
:meth:`Field.write` do the same work step by step and say *what* is wrong: they run when
the fast code has failed, and in the tests as its judge.

Text is written as ``str`` whose characters are the octets (latin-1): joining strings and
encoding them once is faster than joining encoded pieces, and every wrong type or value
fails on the way.

Limits differ between versions only as data: ``max`` may be a mapping from
:class:`~twisted_smpp.values.InterfaceVersion`, with what is read from any peer under
``None``. The same ``None`` in place of a version, when writing, stands for "whatever is
read", so that everything that was read can be written again. ``strict`` is false for the
fields of responses: nobody can be told that a response is wrong, so they are read
leniently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from twisted_smpp.errors import FieldError
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion

__all__ = [
    "CHARACTER",
    "Field",
    "Limits",
    "Row",
    "counted_octets",
    "cstring",
    "u8",
]

V5_0 = InterfaceVersion.V5_0

Limits = int | Mapping[InterfaceVersion | None, int]

#: Octet -> the character that stands for it. A dict: unlike a sequence it has no -1.
CHARACTER: dict[int, str] = {octet: chr(octet) for octet in range(256)}


class Row(NamedTuple):
    """One line of the standard's table of a PDU: what the reference and the tests read."""

    name: str
    type: str
    max: int
    sizes: tuple[int, ...] = ()


class Field:
    """One mandatory parameter.

    Attributes:
        name: the standard's name, set by the class that declares the field.
        doc: what it is for.
        default: its value when not given.
        status: the command_status that a bad value is answered with.
        enum: the enumeration that names its values, if there is one.
        secret: whether its value must never be shown.
        text: whether its value is the text of a message, shown only when asked for.
    """

    name = ""
    secret = False
    text = False
    enum: Any = None

    def __init__(self, default: Any, status: CommandStatus, doc: str) -> None:
        self.default = default
        self.status = status
        self.doc = doc

    def rows(self) -> list[Row]:
        """The lines that this field takes in the standard's table."""
        raise NotImplementedError

    def read(
        self, octets: bytes, pos: int, end: int, version: InterfaceVersion, strict: bool
    ) -> tuple[Any, int]:
        """Value at ``pos`` and the position behind it.

        Raises:
            FieldError: the octets up to ``end`` do not hold such a value.
        """
        raise NotImplementedError

    def write(self, value: Any, version: InterfaceVersion | None, strict: bool = True) -> str:
        """The octets of ``value``, as latin-1 text.

        Raises:
            FieldError: it cannot be sent to a peer of that version.
        """
        raise NotImplementedError

    def decode_source(self, version: InterfaceVersion, strict: bool) -> list[str]:
        """Lines that read the field at ``pos`` of ``buf`` and move ``pos``.

        ``text`` is ``buf`` in latin-1, so that positions are the same.
        """
        raise NotImplementedError

    def encode_source(
        self, version: InterfaceVersion | None, strict: bool
    ) -> tuple[list[str], list[str]]:
        """Lines that check, and the expressions to join."""
        raise NotImplementedError

    def to_json(self, value: Any) -> Any:
        """``value`` as JSON can carry it."""
        return value

    def from_json(self, value: Any) -> Any:
        """The inverse of :meth:`to_json`."""
        return value

    def show(self, value: Any, text: bool = False) -> str:
        """``value`` for a person; the octets of a message only when ``text`` is true."""
        if self.secret:
            return "<hidden>"
        if self.enum is not None and isinstance(value, int) and 0 <= value <= 255:
            return str(self.enum(value).name)
        return repr(value)

    def fail(self, reason: str, status: CommandStatus | None = None) -> FieldError:
        """The error of this field."""
        return FieldError(self.name, reason, self.status if status is None else status)


def limit(limits: Limits, version: InterfaceVersion | None) -> int:
    """The limit for a version; what is read from any peer when it has none of its own."""
    if isinstance(limits, int):
        return limits
    return limits.get(version, limits[None])


class U8(Field):
    """An unsigned integer of one octet."""

    def __init__(self, default: int, status: CommandStatus, enum: Any, doc: str) -> None:
        super().__init__(default, status, doc)
        self.enum = enum

    def rows(self) -> list[Row]:
        return [Row(self.name, "int1", 1)]

    def read(
        self, octets: bytes, pos: int, end: int, version: InterfaceVersion, strict: bool
    ) -> tuple[int, int]:
        if pos >= end:
            raise self.fail("the PDU ends before it", CommandStatus.ESME_RINVCMDLEN)
        return octets[pos], pos + 1

    def write(self, value: Any, version: InterfaceVersion | None, strict: bool = True) -> str:
        if not isinstance(value, int):
            raise self.fail(f"{type(value).__name__} given, an integer wanted")
        if not 0 <= value <= 255:
            raise self.fail(f"{value} is not within 0 to 255")
        return chr(value)

    def decode_source(self, version: InterfaceVersion, strict: bool) -> list[str]:
        return [f"self.{self.name} = buf[pos]", "pos += 1"]

    def encode_source(
        self, version: InterfaceVersion | None, strict: bool
    ) -> tuple[list[str], list[str]]:
        return [], [f"CHARACTER[self.{self.name}]"]


class CString(Field):
    """A string ended by NUL; ``max`` and ``sizes`` count the NUL, as the standard does."""

    def __init__(
        self,
        max: Limits,
        sizes: tuple[int, ...],
        status: CommandStatus,
        secret: bool,
        doc: str,
    ) -> None:
        super().__init__("", status, doc)
        self.max = max
        self.sizes = sizes
        self.secret = secret

    def rows(self) -> list[Row]:
        return [Row(self.name, "cstring", limit(self.max, V5_0), self.sizes)]

    def read(
        self, octets: bytes, pos: int, end: int, version: InterfaceVersion, strict: bool
    ) -> tuple[str, int]:
        most = limit(self.max, None)
        stop = octets.find(0, pos, min(end, pos + most))
        if stop < 0:
            if end - pos < most:
                raise self.fail("not ended by NUL before the end of the PDU")
            raise self.fail(f"longer than {most} octets with its NUL")
        if strict and self.sizes and stop + 1 - pos not in self.sizes:
            raise self.fail(f"takes {stop + 1 - pos} octets, not {_either(self.sizes)}")
        return octets[pos:stop].decode("latin-1"), stop + 1

    def write(self, value: Any, version: InterfaceVersion | None, strict: bool = True) -> str:
        if not isinstance(value, str):
            raise self.fail(f"{type(value).__name__} given, str wanted")
        size, most = len(value) + 1, limit(self.max, version)
        if size > most:
            raise self.fail(f"takes {size} octets with its NUL, at most {most} are allowed")
        if strict and self.sizes and size not in self.sizes:
            raise self.fail(f"takes {size} octets with its NUL, not {_either(self.sizes)}")
        if "\0" in value:
            raise self.fail("holds a NUL, which would end it early")
        if not value.isascii() and max(value) > "\xff":
            raise self.fail("holds a character outside latin-1")
        return value + "\0"

    def decode_source(self, version: InterfaceVersion, strict: bool) -> list[str]:
        checks = []
        if strict and self.sizes:
            allowed = tuple(size - 1 for size in self.sizes if size > 1)
            checks = [f"    if stop - pos not in {allowed}: raise ValueError"]
        return [
            "if buf[pos]:",
            f"    stop = find(NUL, pos, pos + {limit(self.max, None)})",
            *checks,
            f"    self.{self.name} = text[pos:stop]",
            "    pos = stop + 1",
            "else:",
            f"    self.{self.name} = ''",
            "    pos += 1",
        ]

    def encode_source(
        self, version: InterfaceVersion | None, strict: bool
    ) -> tuple[list[str], list[str]]:
        name = self.name
        wrong = f"len({name}) > {limit(self.max, version) - 1} or '\\0' in {name}"
        if strict and self.sizes:
            allowed = tuple(size - 1 for size in self.sizes if size > 1)
            wrong = f"len({name}) not in {allowed} or {wrong}"
        checks = [f"{name} = self.{name}", f"if {name} and ({wrong}): raise ValueError"]
        return checks, [name, "'\\0'"]


class CountedOctets(Field):
    """Octets behind an octet that counts them; the count is no field of its own."""

    text = True

    def __init__(self, count: str, max: Limits, status: CommandStatus, doc: str) -> None:
        super().__init__(b"", status, doc)
        self.count = count
        self.max = max

    def rows(self) -> list[Row]:
        return [Row(self.count, "int1", 1), Row(self.name, "octets", limit(self.max, V5_0))]

    def read(
        self, octets: bytes, pos: int, end: int, version: InterfaceVersion, strict: bool
    ) -> tuple[bytes, int]:
        if pos >= end:
            raise self.fail("the PDU ends before its length", CommandStatus.ESME_RINVCMDLEN)
        size, most = octets[pos], limit(self.max, version)
        if size > most:
            raise self.fail(f"{self.count} is {size}, at most {most} is allowed")
        if pos + 1 + size > end:
            raise self.fail(f"{self.count} is {size}, but {end - pos - 1} octets are left")
        return octets[pos + 1 : pos + 1 + size], pos + 1 + size

    def write(self, value: Any, version: InterfaceVersion | None, strict: bool = True) -> str:
        if not isinstance(value, bytes):
            raise self.fail(f"{type(value).__name__} given, bytes wanted")
        most = limit(self.max, version)
        if len(value) > most:
            raise self.fail(f"{len(value)} octets, at most {most} are allowed")
        return chr(len(value)) + value.decode("latin-1")

    def decode_source(self, version: InterfaceVersion, strict: bool) -> list[str]:
        most = limit(self.max, version)
        check = [] if most >= 255 else [f"if buf[pos] > {most}: raise ValueError"]
        return [
            *check,
            "stop = pos + 1 + buf[pos]",
            f"self.{self.name} = buf[pos + 1:stop]",
            "pos = stop",
        ]

    def encode_source(
        self, version: InterfaceVersion | None, strict: bool
    ) -> tuple[list[str], list[str]]:
        name, most = self.name, limit(self.max, version)
        checks = [f"{name} = self.{name}", f"size = len({name})"]
        if most < 255:
            checks.append(f"if size > {most}: raise ValueError")
        return checks, ["CHARACTER[size]", f"{name}.decode('latin-1')"]

    def to_json(self, value: Any) -> Any:
        return value.hex()

    def from_json(self, value: Any) -> Any:
        return bytes.fromhex(value)

    def show(self, value: Any, text: bool = False) -> str:
        if text:
            return repr(value)
        return f"<{len(value)} octets>" if isinstance(value, bytes) else f"<{type(value).__name__}>"


def _either(sizes: Sequence[int]) -> str:
    return " or ".join(map(str, sizes))


# The constructors say Any so that a type checker sees the annotation of the attribute,
# as dataclasses do: ``source_addr: str = cstring(21)``.


def u8(
    enum: Any = None,
    *,
    default: int = 0,
    status: CommandStatus = CommandStatus.ESME_RINVPARLEN,
    doc: str = "",
) -> Any:
    """An octet; ``enum`` names its values."""
    return U8(default, status, enum, doc)


def cstring(
    max: Limits,
    *,
    sizes: tuple[int, ...] = (),
    status: CommandStatus = CommandStatus.ESME_RINVPARLEN,
    secret: bool = False,
    doc: str = "",
) -> Any:
    """A C-octet string of at most ``max`` octets with its NUL, or of just these sizes."""
    return CString(max, sizes, status, secret, doc)


def counted_octets(
    max: Limits,
    *,
    count: str = "sm_length",
    status: CommandStatus = CommandStatus.ESME_RINVMSGLEN,
    doc: str = "",
) -> Any:
    """Octets behind their count, which the standard lists as the field ``count``."""
    return CountedOctets(count, max, status, doc)
