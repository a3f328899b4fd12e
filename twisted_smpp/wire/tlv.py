"""What a TLV is, and the mapping of them that every PDU carries.

A PDU keeps its TLVs as the octets that came and checks only their structure: a value is
read when asked for. So unknown, repeated and vendor TLVs pass through byte for byte and
in their order, and a receipt that nobody looks into costs nothing.

Source: SMPP 5.0, 4.8; SMPP 3.4, 3.2.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from struct import Struct
from typing import Any, Generic, Literal, TypeVar, overload

from twisted_smpp.errors import FieldError
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion

__all__ = ["MAX_TLVS", "TLV", "TLVs", "by_name", "by_tag", "dropped", "register", "scan"]

T = TypeVar("T")
_head = Struct(">HH").pack
Kind = Literal["int", "cstring", "octets"]

#: More TLVs in one PDU than this are refused: no operation defines so many.
MAX_TLVS = 256

by_tag: dict[int, TLV[Any]] = {}
by_name: dict[str, TLV[Any]] = {}


class TLV(Generic[T]):
    r"""The declaration of one TLV: its tag, its name and how its value is written.

    Vendors' TLVs are declared and registered the same way::

        dlt_entity_id = register(TLV("dlt_entity_id", 0x1400, "cstring", 1, 31))

    after which ``tlvs={dlt_entity_id: "1101"}`` and ``pdu.tlvs[dlt_entity_id]`` work
    with text. Without it ``tlvs={0x1400: b"1101\0"}`` works with octets.

    Args:
        name: the standard's (or the vendor's) name.
        tag: 0 to 0xFFFF; vendors have 0x1400 to 0x3FFF.
        kind: ``"int"``, ``"cstring"`` or ``"octets"``.
        least, most: size of the value in octets; a cstring counts its NUL.
        sizes: the only sizes allowed, when that is not a plain range.
        also: sizes that real peers send against the standard: read, never written.
        enum: the enumeration that names the values.
        repeatable: whether a PDU may carry it several times.
        since: the first version that has it.
        aliases: other names of the same tag.
        text: whether the value is the text of a message, shown only when asked for.
    """

    def __init__(
        self,
        name: str,
        tag: int,
        kind: Kind,
        least: int,
        most: int,
        *,
        sizes: tuple[int, ...] = (),
        also: tuple[int, ...] = (),
        enum: Any = None,
        repeatable: bool = False,
        since: InterfaceVersion = InterfaceVersion.V3_4,
        aliases: tuple[str, ...] = (),
        text: bool = False,
    ) -> None:
        self.name = name
        self.tag = tag
        self.kind = kind
        self.least = least
        self.most = most
        self.sizes = sizes
        self.accepted = (
            frozenset(sizes or range(least, most + 1)) | set(also)
            if (sizes or also)
            else range(least, most + 1)
        )
        self._written = sizes or range(least, most + 1)
        self.enum = enum
        self.repeatable = repeatable
        self.since = since
        self.aliases = aliases
        self.text = text

    def __repr__(self) -> str:
        return f"<TLV {self.name} {self.tag:#06x}>"

    def _fail(self, reason: str, status: CommandStatus) -> FieldError:
        return FieldError(self.name, reason, status)

    def decode(self, octets: bytes) -> T:
        """The value that ``octets`` hold.

        Raises:
            FieldError: they are too many or too few (ESME_RINVPARLEN).
        """
        if len(octets) not in self.accepted:
            raise self._fail(
                f"{len(octets)} octets, {self._allowed()} are allowed",
                CommandStatus.ESME_RINVPARLEN,
            )
        value: Any = octets
        if self.kind == "int":
            value = int.from_bytes(octets, "big")
        elif self.kind == "cstring":
            value = octets.partition(b"\0")[0].decode("latin-1")
        return value  # type: ignore[no-any-return]

    def encode(self, value: T | None) -> bytes:
        """The octets of ``value``; None stands for an empty one where that is allowed.

        Raises:
            FieldError: the value has the wrong type or size (ESME_RINVOPTPARAMVAL,
                ESME_RINVPARLEN).
        """
        octets = b"" if value is None else self._octets(value)
        if len(octets) not in self._written:
            raise self._fail(
                f"{len(octets)} octets, {self._allowed()} are allowed",
                CommandStatus.ESME_RINVPARLEN,
            )
        return octets

    def _octets(self, value: Any) -> bytes:
        bad = CommandStatus.ESME_RINVOPTPARAMVAL
        if self.kind == "int":
            if not isinstance(value, int):
                raise self._fail(f"{type(value).__name__} given, an integer wanted", bad)
            if not 0 <= value < 1 << 8 * self.most:
                raise self._fail(f"{value} does not fit {self.most} octets", bad)
            return value.to_bytes(self.most, "big")
        if self.kind == "cstring":
            if not isinstance(value, str):
                raise self._fail(f"{type(value).__name__} given, str wanted", bad)
            if "\0" in value or (not value.isascii() and max(value) > "\xff"):
                raise self._fail("holds a NUL or a character outside latin-1", bad)
            return value.encode("latin-1") + b"\0"
        if not isinstance(value, bytes):
            raise self._fail(f"{type(value).__name__} given, bytes wanted", bad)
        return value

    def _allowed(self) -> str:
        if self.sizes:
            return " or ".join(map(str, self.sizes))
        return str(self.most) if self.least == self.most else f"{self.least} to {self.most}"

    def show(self, octets: bytes, text: bool = False) -> str:
        """The value for a person; message text only when ``text`` is true."""
        if self.text and not text:
            return f"<{len(octets)} octets>"
        try:
            value: Any = self.decode(octets)
        except FieldError:
            return f"<{len(octets)} octets, a wrong size>"
        if self.enum is not None:
            return str(self.enum(value).name)
        return value.hex() if isinstance(value, bytes) and not self.text else repr(value)


def register(tlv: TLV[T]) -> TLV[T]:
    """Makes a TLV known by its tag and names, and returns it.

    Raises:
        ValueError: its tag or a name of it belongs to another one.
    """
    known = by_tag.get(tlv.tag)
    if known is not None:
        raise ValueError(f"tag {tlv.tag:#06x} is {known.name}")
    for name in (tlv.name, *tlv.aliases):
        if name in by_name:
            raise ValueError(f"the name {name} has tag {by_name[name].tag:#06x}")
    by_tag[tlv.tag] = tlv
    _passed.clear()
    for name in (tlv.name, *tlv.aliases):
        by_name[name] = tlv
    return tlv


def scan(octets: bytes) -> None:
    """Checks the structure of TLVs, and the sizes of those that are known.

    Raises:
        FieldError: ESME_RINVOPTPARSTREAM when they do not parse or are too many,
            ESME_RINVPARLEN when a known one has a size it cannot have.
    """
    pos, end, count, size = 0, len(octets), 0, 0
    passed = _passed.get
    while pos < end:
        size = passed(octets[pos : pos + 4]) or _check(octets, pos)
        pos += size
        count += 1
    if pos > end:
        raise _stream(f"a TLV claims {size - 4} octets, {size - 4 - (pos - end)} are left")
    if count > MAX_TLVS:
        raise _stream(f"{count} TLVs, at most {MAX_TLVS} are allowed")


#: Octets of a TLV by its tag and length, if such a one was seen, and may be.
_passed: dict[bytes, int] = {}
_MOST_PASSED = 4096


def _check(octets: bytes, pos: int) -> int:
    """The octets that the TLV at ``pos`` takes; it may take more than there are."""
    left = len(octets) - pos
    if left < 4:
        raise _stream(f"{left} octets are left behind the last TLV")
    size = octets[pos + 2] << 8 | octets[pos + 3]
    tlv = by_tag.get(octets[pos] << 8 | octets[pos + 1])
    if tlv is not None and size not in tlv.accepted:
        if size <= left - 4:
            tlv.decode(octets[pos + 4 : pos + 4 + size])
        raise _stream(f"a TLV claims {size} octets, {left - 4} are left")
    if len(_passed) >= _MOST_PASSED:
        _passed.clear()
    _passed[octets[pos : pos + 4]] = 4 + size
    return 4 + size


#: Without these a message is another one: its text is missing, or what it is a part of.
_ESSENTIAL = {
    0x020C: "sar_msg_ref_num",
    0x020E: "sar_total_segments",
    0x020F: "sar_segment_seqnum",
    0x0424: "message_payload",
}


def dropped(octets: bytes) -> bytes:
    """What is left of TLVs for a peer of SMPP 3.3, which knows none: nothing.

    Raises:
        FieldError: ESME_ROPTPARNOTALLWD for one without which the message is another.
    """
    pos = 0
    while pos + 4 <= len(octets):
        name = _ESSENTIAL.get(octets[pos] << 8 | octets[pos + 1])
        if name is not None:
            raise FieldError(
                name,
                "SMPP 3.3 has no TLVs, and the message needs this one",
                CommandStatus.ESME_ROPTPARNOTALLWD,
            )
        pos += 4 + (octets[pos + 2] << 8 | octets[pos + 3])
    return b""


def _stream(reason: str) -> FieldError:
    return FieldError("TLVs", reason, CommandStatus.ESME_RINVOPTPARSTREAM)


Key = TLV[Any] | int | str


def _tag(key: Key) -> int:
    if isinstance(key, TLV):
        return key.tag
    if isinstance(key, str):
        try:
            return by_name[key].tag
        except KeyError:
            raise FieldError(
                key, "no TLV has this name", CommandStatus.ESME_RINVOPTPARAMVAL
            ) from None
    if not isinstance(key, int) or not 0 <= key <= 0xFFFF:
        raise FieldError("tag", f"{key!r} is not within 0 to 0xffff")
    return key


def _value_octets(tag: int, value: Any) -> bytes:
    tlv = by_tag.get(tag)
    if tlv is not None:
        return tlv.encode(value)
    if not isinstance(value, bytes):
        raise FieldError(
            f"TLV {tag:#06x}", f"{type(value).__name__} given; not registered, so bytes wanted"
        )
    if len(value) > 0xFFFF:
        raise FieldError(f"TLV {tag:#06x}", f"{len(value)} octets, at most 65535 fit")
    return value


def _items(tag: int, value: Any) -> list[tuple[int, bytes]]:
    values = value if isinstance(value, (list, tuple)) else (value,)
    return [(tag, _value_octets(tag, each)) for each in values]


class TLVs:
    """The TLVs of one PDU: a mapping that keeps order, repetitions and the octets.

    Keys are a :class:`TLV`, a tag or a name. A value is typed when the TLV is known and
    octets when it is not. Where a TLV is repeated the first one counts; :meth:`all` has
    the others. A list as value sets a repeated TLV.
    """

    __slots__ = ("_items", "_raw", "absent")

    def __init__(self, values: Mapping[Any, Any] | TLVs | None = None) -> None:
        self._items: list[tuple[int, bytes]] = []
        self._raw: bytes | None = None
        #: True while the PDU has no body at all, as a refusal has none.
        self.absent = False
        if isinstance(values, TLVs):
            self._items = list(values._items)
        elif values:
            if values.__class__ is not dict and not isinstance(values, Mapping):
                raise FieldError("tlvs", f"{type(values).__name__} given, a mapping wanted")
            for key, value in values.items():
                tag = _tag(key)
                if tag in self:  # by another name of it: the last one counts
                    del self[tag]
                self._items += _items(tag, value)

    @classmethod
    def from_octets(cls, octets: bytes | None) -> TLVs:
        """TLVs as they came; octets that do not parse are kept behind the last good one."""
        self = cls()
        self._raw = octets
        self.absent = octets is None
        octets = octets or b""
        pos, end = 0, len(octets)
        while end - pos >= 4:
            stop = pos + 4 + (octets[pos + 2] << 8 | octets[pos + 3])
            if stop > end:
                break
            self._items.append((octets[pos] << 8 | octets[pos + 1], octets[pos + 4 : stop]))
            pos = stop
        return self

    def encode(self) -> bytes:
        """Their octets: those that came, unless something was changed."""
        if self._raw is not None:
            return self._raw
        return b"".join([_head(tag, len(octets)) + octets for tag, octets in self._items])

    def _changed(self) -> None:
        self._raw = None
        self.absent = False

    @overload
    def __getitem__(self, key: TLV[T]) -> T: ...
    @overload
    def __getitem__(self, key: int | str) -> Any: ...
    def __getitem__(self, key: Key) -> Any:
        wanted = _tag(key)
        for tag, octets in self._items:
            if tag == wanted:
                tlv = by_tag.get(tag)
                return octets if tlv is None else tlv.decode(octets)
        raise KeyError(key)

    @overload
    def get(self, key: TLV[T]) -> T | None: ...
    @overload
    def get(self, key: TLV[T], default: T) -> T: ...
    @overload
    def get(self, key: int | str, default: Any = None) -> Any: ...
    def get(self, key: Key, default: Any = None) -> Any:
        """The first value of a TLV, or ``default`` when the PDU has none."""
        return self[key] if key in self else default  # noqa: SIM401  it is this method

    @overload
    def all(self, key: TLV[T]) -> list[T]: ...
    @overload
    def all(self, key: int | str) -> list[Any]: ...
    def all(self, key: Key) -> list[Any]:
        """Every value of a TLV, in order."""
        wanted = _tag(key)
        tlv = by_tag.get(wanted)
        return [v if tlv is None else tlv.decode(v) for t, v in self._items if t == wanted]

    def __setitem__(self, key: Key, value: Any) -> None:
        tag = _tag(key)
        new = _items(tag, value)
        self._items = [item for item in self._items if item[0] != tag] + new
        self._changed()

    def __delitem__(self, key: Key) -> None:
        if key not in self:
            raise KeyError(key)
        tag = _tag(key)
        self._items = [item for item in self._items if item[0] != tag]
        self._changed()

    def __contains__(self, key: Key) -> bool:
        tag = _tag(key)
        for known, _ in self._items:  # noqa: SIM110  any() takes three times as long
            if known == tag:
                return True
        return False

    def __iter__(self) -> Iterator[int]:
        return iter(dict.fromkeys(tag for tag, _ in self._items))

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Mapping):
            other = TLVs(other)
        return isinstance(other, TLVs) and self.encode() == other.encode()

    __hash__ = None  # type: ignore[assignment]

    def items(self) -> Iterable[tuple[int, bytes]]:
        """Each tag with its octets, in the order of the PDU, repetitions included."""
        return iter(self._items)

    def trailing(self) -> bytes:
        """Octets behind the last TLV that are not one."""
        if self._raw is None:
            return b""
        return self._raw[sum(4 + len(octets) for _, octets in self._items) :]

    def show(self, text: bool = False) -> str:
        """One line for a person; message text only when ``text`` is true."""
        parts = []
        for tag, octets in self._items:
            tlv = by_tag.get(tag)
            shown = f"<{len(octets)} octets>" if tlv is None else tlv.show(octets, text)
            parts.append(f"{f'{tag:#06x}' if tlv is None else tlv.name}: {shown}")
        if self.trailing():
            parts.append(f"<{len(self.trailing())} stray octets>")
        return "{" + ", ".join(parts) + "}"

    __repr__ = show
