"""From the declaration of a PDU to its fast methods.

For each class three functions are written as source text, compiled once and put into
``linecache``, so that a traceback or a debugger shows their lines:

- ``__init__(self, field=default, ..., tlvs=None, command_status=0, sequence_number=0)``
- ``decode(buf, text, pos, end, command_status, sequence_number)``: the PDU whose body is
  ``buf[pos:end]``; ``text`` is all of ``buf`` in latin-1, decoded once for a whole read
  because a slice of text costs half of slicing and decoding;
- ``encode(self)``: its octets.

``decode`` and ``encode`` exist once for each version of the protocol whose limits differ;
``encode`` once more without a version, for all that is read. They only notice that
something is wrong and then call :func:`blame_decode` or :func:`blame_encode`, which go
through the fields one by one and raise the error that names the culprit.

What follows the mandatory fields is kept in ``_tail``: the octets of the TLVs as they
came, or a :class:`~twisted_smpp.wire.tlv.TLVs` once somebody looked at them, or None for
a PDU without a body (a refusal), or :class:`Opaque` for the body of a refusal that makes
no sense and does not have to.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable
from struct import Struct
from struct import error as StructError
from typing import TYPE_CHECKING, Any

from twisted_smpp.errors import FieldError, PDUError
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.fields import CHARACTER, U8, CountedOctets, CString, Field, limit
from twisted_smpp.wire.lists import Repeated
from twisted_smpp.wire.tlv import TLVs, dropped, scan

if TYPE_CHECKING:
    from twisted_smpp.wire.pdu import PDU

__all__ = [
    "HEADER",
    "Opaque",
    "compile_method",
    "decode_source",
    "encode_source",
    "init_source",
    "tail_octets",
]

HEADER = Struct(">IIII")

NUL_AND = {octet: "\0" + character for octet, character in CHARACTER.items()}

#: What generated code raises when a peer's octets or a caller's values are wrong.
DECODE_FAILURES = (IndexError, ValueError)
ENCODE_FAILURES = (KeyError, TypeError, ValueError, AttributeError, StructError)


class Opaque(bytes):
    """The whole body of a PDU, not understood and kept as it is."""


def tail_octets(tail: Any) -> bytes | None:
    """The octets of a ``_tail``; None when the PDU has no body."""
    if isinstance(tail, TLVs):
        return None if tail.absent else tail.encode()
    return tail  # type: ignore[no-any-return]


def init_source(cls: type[PDU]) -> str:
    """The source of ``__init__``."""
    # On a refusal no TLVs means no body: the standard wants it header-only.
    empty = "None if command_status else b''" if cls.is_response and cls.fields else "b''"
    fields = [f"{field.name}={field.default!r}, " for field in cls.fields]
    lines = [f"def method(self, {''.join(fields)}tlvs=None, command_status=0, sequence_number=0):"]
    for field in cls.fields:
        value = field.name
        if isinstance(field, Repeated):  # what is no list at all is for encode to refuse
            value = f"list({field.name}) if hasattr({field.name}, '__iter__') else {field.name}"
        lines.append(f"    self.{field.name} = {value}")
    lines += [
        f"    self._tail = TLVs(tlvs) if tlvs else {empty}",
        "    self.command_status = command_status",
        "    self.sequence_number = sequence_number",
    ]
    return "\n".join(lines) + "\n"


def compile_method(
    cls: type[PDU], name: str, source: str, version: InterfaceVersion | None = None
) -> Callable[..., Any]:
    """The function that ``source`` defines, named ``name`` and visible to a debugger.

    ``version`` is only for finding the culprit: equal sources have equal limits.
    """
    filename = f"<twisted_smpp {cls.__name__}.{name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    names = {
        "cls": cls,
        "new": cls.__new__,
        "FIELDS": {field.name: field for field in cls.fields},
        "CHARACTER": CHARACTER,
        "NUL": "\0",
        "NUL_AND": NUL_AND,
        "DECODE_FAILURES": DECODE_FAILURES,
        "ENCODE_FAILURES": ENCODE_FAILURES,
        "dropped": dropped,
        "head": re.compile(_head_pattern(cls), re.DOTALL).match,
        "Opaque": Opaque,
        "TLVs": TLVs,
        "blame_decode": blame_decode,
        "blame_encode": blame_encode,
        "pack": HEADER.pack,
        "scan": scan,
        "strict": version is not None or not cls.is_response,
        "tail_octets": tail_octets,
        "version": version,
    }
    exec(compile(source, filename, "exec"), names)  # noqa: S102
    function: Callable[..., Any] = names["method"]  # type: ignore[assignment]
    function.__qualname__ = f"{cls.__name__}.{name}"
    return function


def decode_source(cls: type[PDU], version: InterfaceVersion) -> str:
    """The source of ``decode`` under the limits of a version."""
    strict = not cls.is_response
    lines = [
        "def method(buf, text, pos, end, command_status, sequence_number):",
        "    self = new(cls)",
        "    self.command_status = command_status",
        "    self.sequence_number = sequence_number",
    ]
    if cls.is_response and cls.fields:
        lines += ["    if pos == end:"]
        lines += [f"        self.{f.name} = {_default(f)}" for f in cls.fields]
        lines += ["        self._tail = None", "        return self"]
    lines += ["    start = pos", "    find = text.index", "    try:"]
    lines += [f"        {line}" for line in _read_lines(cls, version, strict)]
    lines += [
        "        if pos == end:",
        "            self._tail = b''",
        "        elif pos > end:",
        "            raise ValueError",
        "        else:",
        "            self._tail = buf[pos:end]",
    ]
    if strict and cls.fields:
        lines.append("            scan(self._tail)")
    lines += [
        "    except DECODE_FAILURES:",
        "        return blame_decode(self, buf, start, end, version)",
        "    return self",
    ]
    return "\n".join(lines) + "\n"


def _read_lines(cls: type[PDU], version: InterfaceVersion, strict: bool) -> list[str]:
    """The lines of all fields; a row of those that mostly are one octet each is read at once."""
    head = _head(cls)
    lines = _head_lines(head)
    row: list[Field] = []
    for field in cls.fields[len(head) :]:
        if isinstance(field, U8) or (isinstance(field, CString) and field.sizes):
            row.append(field)
            continue
        lines += _row_lines(row, version, strict)
        lines += field.decode_source(version, strict)
        row = []
    return lines + _row_lines(row, version, strict)


def _head(cls: type[PDU]) -> tuple[Field, ...]:
    """The fields up to the last of some strings, if nothing but single octets is between them."""
    strings = end = 0
    for place, field in enumerate(cls.fields, 1):
        if isinstance(field, CString) and not field.sizes:
            strings += 1
            end = place
        elif not isinstance(field, U8):
            break
    return cls.fields[:end] if strings > 1 else ()


def _head_pattern(cls: type[PDU]) -> str:
    """What finds the strings of the head, for a regular expression of characters."""
    return "".join(
        f"([^\\0]{{0,{limit(field.max, None) - 1}}})\\0" if isinstance(field, CString) else "."
        for field in _head(cls)
    )


def _head_lines(head: tuple[Field, ...]) -> list[str]:
    """One regular expression finds all of the strings in less time than one after the other."""
    if not head:
        return []
    strings = [field.name for field in head if isinstance(field, CString)]
    lines = [
        "found = head(text, pos, end)",
        "if found is None: raise ValueError",
        f"{', '.join(f'self.{name}' for name in strings)} = found.groups()",
    ]
    group = octets = 0
    for field in head:
        if isinstance(field, CString):
            group, octets = group + 1, 0
            continue
        if group and not octets:
            lines.append(f"pos = found.end({group}) + 1")
        at = f"pos + {octets}" if octets else "pos"
        lines.append(f"self.{field.name} = buf[{at}]")
        octets += 1
    return [*lines, "pos = found.end()"]


def _row_lines(row: list[Field], version: InterfaceVersion, strict: bool) -> list[str]:
    """The lines of integers of one octet, and of times, which mostly are empty."""
    if len(row) < 3:
        return _single_lines(row, version, strict)
    times = [field.name for field in row if isinstance(field, CString)]
    targets = [field.name if field.name in times else f"self.{field.name}" for field in row]
    lines = [f"{', '.join(targets)} = buf[pos:pos + {len(row)}]"]
    if not times:
        return [*lines, f"pos += {len(row)}"]
    return [
        *lines,
        f"if {' or '.join(times)}:",
        *(f"    {line}" for line in _single_lines(row, version, strict)),
        "else:",
        f"    {' = '.join(f'self.{name}' for name in times)} = ''",
        f"    pos += {len(row)}",
    ]


def _single_lines(row: list[Field], version: InterfaceVersion, strict: bool) -> list[str]:
    """The lines of each; integers that follow each other move ``pos`` once."""
    lines: list[str] = []
    octets = 0
    for field in row:
        if isinstance(field, U8):
            at = f"pos + {octets}" if octets else "pos"
            lines.append(f"self.{field.name} = buf[{at}]")
            octets += 1
            continue
        if octets:
            lines.append(f"pos += {octets}")
            octets = 0
        lines += field.decode_source(version, strict)
    return [*lines, f"pos += {octets}"] if octets else lines


def _default(field: Any) -> str:
    return "[]" if isinstance(field, Repeated) else repr(field.default)


def encode_source(cls: type[PDU], version: InterfaceVersion | None) -> str:
    """The source of ``encode`` for a peer of a version; with None, for all that is read."""
    strict = version is not None or not cls.is_response
    command_id = f"{cls.command_id:#010x}"
    lines = ["def method(self):", "    tail = self._tail", "    try:"]
    lines += [
        "        if tail.__class__ is not bytes:",
        "            tail = tail_octets(tail)",
        "            if tail is None or tail.__class__ is Opaque:",
        "                tail = tail or b''",
        f"                return pack(16 + len(tail), {command_id}, self.command_status, "
        "self.sequence_number) + tail",
    ]
    if version is not None and version < InterfaceVersion.V3_4:
        lines.append("        tail = dropped(tail)  # TLVs came with 3.4")
    parts: list[str] = []
    for field in cls.fields:
        checks, expressions = field.encode_source(version, strict)
        lines += [f"        {line}" for line in checks]
        parts += expressions
    last = cls.fields[-1] if cls.fields else None
    sizes, pieces = ["16"], [f"{command_id}, self.command_status, self.sequence_number)"]
    if isinstance(last, CountedOctets):
        parts.pop()
    parts = _with_nul(parts)
    if parts:
        # Joining pays from about five pieces on.
        joined = f"''.join(({', '.join(parts)}))" if len(parts) > 4 else f"({' + '.join(parts)})"
        lines.append(f"        head = {joined}.encode('latin-1')")
        sizes, pieces = [*sizes, "len(head)"], [*pieces, "head"]
    if isinstance(last, CountedOctets):
        sizes, pieces = [*sizes, "size"], [*pieces, last.name]
    lines += [
        "        if tail:",
        f"            return pack({' + '.join([*sizes, 'len(tail)'])}, {' + '.join(pieces)} + tail",
        f"        return pack({' + '.join(sizes)}, {' + '.join(pieces)}",
    ]
    lines += [
        "    except ENCODE_FAILURES:",
        "        raise blame_encode(self, version, strict) from None",
    ]
    return "\n".join(lines) + "\n"


def _with_nul(parts: list[str]) -> list[str]:
    """Fewer pieces to join: a NUL and the octet behind it are one."""
    merged: list[str] = []
    for part in parts:
        if merged and merged[-1] == "'\\0'" and part.startswith("CHARACTER["):
            merged[-1] = part.replace("CHARACTER[", "NUL_AND[", 1)
        else:
            merged.append(part)
    return merged


def blame_decode(pdu: PDU, buf: bytes, start: int, end: int, version: InterfaceVersion) -> PDU:
    """Reads field by field: raises what is wrong, or keeps the body of a refusal.

    Raises:
        FieldError: names the field, with the status that a peer is answered.
    """
    cls = type(pdu)
    strict = not cls.is_response
    pos = start
    try:
        for field in cls.fields:
            value, pos = field.read(buf, pos, end, version, strict)
            setattr(pdu, field.name, value)
        if strict and cls.fields:
            scan(buf[pos:end])
    except FieldError:
        if strict or not pdu.command_status:
            raise
        for field in cls.fields:
            setattr(pdu, field.name, list(field.default) if field.default == () else field.default)
        pdu._tail = Opaque(buf[start:end])
        return pdu
    raise PDUError(f"{cls.command}: the generated and the plain decoder disagree")


def blame_encode(pdu: PDU, version: InterfaceVersion | None, strict: bool) -> PDUError:
    """The error that names the field for which ``encode`` failed."""
    try:
        for name in ("command_status", "sequence_number"):
            value = getattr(pdu, name)
            if not isinstance(value, int) or not 0 <= value <= 0xFFFFFFFF:
                return FieldError(name, f"{value!r} is not within 0 to 0xffffffff")
        for field in pdu.fields:
            field.write(getattr(pdu, field.name), version, strict)
        if version is not None and version < InterfaceVersion.V3_4:
            dropped(pdu.octets_of_tail() or b"")
    except FieldError as error:
        return error
    except AttributeError as error:
        return PDUError(f"{pdu.command}: {error}")
    return PDUError(f"{pdu.command}: the generated and the plain encoder disagree")
