"""What is special about one message centre, in a small file.

A profile is a TOML file; every key may be left out::

    [text]
    default_alphabet = "latin-1"     # what data_coding 0 stands for
    languages = ["turkish"]
    latin_1 = true
    method = "sar"                   # udh8, udh16, sar, payload
    codecs = { 1 = "gsm0338" }       # data_coding 1 is read as GSM

    [receipts]
    ids = "hex-decimal"              # how the ids of receipts are compared
    form = "vodafone"                # how receipts are written
    seconds = 86400                  # how long one is waited for
    query_after = 3600               # seconds without one until query_sm asks

    [link]
    window = 5
    rate = 20.0                      # messages/s
    burst = 5
    interface_version = "3.4"
    system_type = "VMA"

    [timers]                         # seconds; false switches one off
    response = 60
    enquire_interval = 15

    [submit_sm]                      # fields of each submit_sm
    service_type = "CMT"

    [tlvs]                           # of each submit_sm, by name or tag
    0x1400 = "hex:31313031"
    dest_addr_subunit = 1
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from twisted_smpp.events import Timers
from twisted_smpp.text.gsm0338 import Language
from twisted_smpp.text.message_id import STRATEGIES
from twisted_smpp.text.receipt_forms import FORMS, STANDARD, Form
from twisted_smpp.text.rules import Method, TextRules
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdu import PDU
from twisted_smpp.wire.pdus import BindTransceiver, SubmitSM
from twisted_smpp.wire.tlv import TLV, by_name, by_tag

__all__ = ["Profile", "ProfileError", "names"]

_SECTIONS = ("text", "receipts", "link", "timers", "submit_sm", "tlvs")
_LINK = ("window", "rate", "burst", "interface_version", "system_type")
_RECEIPTS = ("ids", "form", "seconds", "query_after")
_VERSIONS = {version.text: version for version in InterfaceVersion}
#: The greatest number of seconds or messages that makes sense.
_MOST = 1e9
#: What send() decides itself.
_RESERVED = frozenset(
    ("short_message", "data_coding", "esm_class", "destination_addr", "dest_addr_ton")
)


class ProfileError(ValueError):
    """A profile cannot be read, or a value in it cannot be used."""


@dataclass(frozen=True)
class Profile:
    """What is special about one message centre.

    Attributes:
        name: of the profile.
        text: how it takes text.
        ids: how the ids of its receipts are compared.
        form: how it writes receipts.
        receipt_seconds: how long a receipt is waited for; None for the usual time.
        query_after: seconds without one after which the message centre is asked; None for
            never.
        link: settings of the link: window, rate, burst, interface_version, system_type.
        timers: the deadlines of a session.
        fields: of each submit_sm.
        tlvs: of each submit_sm.
    """

    name: str = "standard"
    text: TextRules = field(default_factory=TextRules)
    ids: str = "learn"
    form: Form = STANDARD
    receipt_seconds: float | None = None
    link: Mapping[str, Any] = field(default_factory=dict)
    timers: Timers = field(default_factory=Timers)
    fields: Mapping[str, Any] = field(default_factory=dict)
    tlvs: Mapping[TLV[Any] | int, Any] = field(default_factory=dict)
    query_after: float | None = None

    @classmethod
    def load(cls, name: str) -> Profile:
        """The profile in a file, or one that comes with the package.

        Args:
            name: a path, if it has a ``/`` or ends in ``.toml``; else one of :func:`names`.

        Raises:
            ProfileError: there is none, or it says something that cannot be used; the text
                names the file, the key and what is allowed.
        """
        if "/" in name or name.endswith(".toml"):
            try:
                text = Path(name).read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "it is not UTF-8"
                raise ProfileError(f"{name}: cannot be read: {why}") from None
        elif name in names():
            text = (files(__package__) / "profiles" / f"{name}.toml").read_text("utf-8")
        else:
            raise ProfileError(f"profile {name!r} is not one of {', '.join(names())}")
        return cls.parse(text, name)

    @classmethod
    def parse(cls, text: str, name: str) -> Profile:
        """The profile that a text in TOML describes.

        Raises:
            ProfileError: as for :meth:`load`.
        """
        try:
            data = tomllib.loads(text)
            return cls._made(data, Path(name).stem)
        except tomllib.TOMLDecodeError as error:
            raise ProfileError(f"{name}: {error}") from None
        except (ValueError, TypeError) as error:
            raise ProfileError(f"{name}: {error}") from None

    @classmethod
    def _made(cls, data: dict[str, Any], name: str) -> Profile:
        _check_keys("", data, _SECTIONS)
        for section, values in data.items():
            if not isinstance(values, dict):
                raise ProfileError(f"{section}: a table is needed, [{section}]")
        receipts = data.get("receipts", {})
        _check_keys("receipts", receipts, _RECEIPTS)
        ids = receipts.get("ids", "learn")
        _one_of("receipts.ids", ids, STRATEGIES)
        seconds, query_after = receipts.get("seconds"), receipts.get("query_after")
        return cls(
            name,
            _text(data.get("text", {})),
            ids,
            _one_of("receipts.form", receipts.get("form", "standard"), FORMS),
            None if seconds is None else _number("receipts.seconds", seconds),
            _link(data.get("link", {})),
            _timers(data.get("timers", {})),
            _fields(data.get("submit_sm", {})),
            _tlvs(data.get("tlvs", {})),
            None if query_after is None else _number("receipts.query_after", query_after),
        )


def names() -> list[str]:
    """The profiles that come with the package."""
    folder = files(__package__) / "profiles"
    return sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if _is_profile(each))


def _is_profile(file: Any) -> bool:
    return bool(file.name.endswith(".toml"))


def _check_keys(section: str, values: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in values:
        if key not in known:
            where = f"{section}.{_line(key)}" if section else _line(key)
            raise ProfileError(f"{where}: unknown, it is one of {', '.join(known)}")


def _line(key: str) -> str:
    return key if key.isprintable() else repr(key)


def _number(name: str, value: Any, least: float = 0.0) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and least <= value <= _MOST and value):
        allowed = f"of at least {least:g}" if least else "above 0"
        raise ProfileError(f"{name}: {value!r} is not a number {allowed} and at most {_MOST:g}")
    return float(value)


def _encodes(where: str, value: Any, make: Callable[[], PDU]) -> None:
    """Whether a PDU with the value can be sent."""
    try:
        make().encode()
    except ValueError as error:
        raise ProfileError(f"{where} = {value!r}: {getattr(error, 'reason', error)}") from None


def _text(values: dict[str, Any]) -> TextRules:
    known = ("default_alphabet", "languages", "latin_1", "method", "graphemes")
    _check_keys("text", values, (*known, "transliterate", "codecs"))
    made = dict(values)
    for name in ("latin_1", "graphemes", "transliterate"):
        if not isinstance(made.get(name, False), bool):
            raise ProfileError(f"text.{name}: {made[name]!r} is neither true nor false")
    if "method" in made:
        made["method"] = _one_of(
            "text.method", made["method"], {each.value: each for each in Method}
        )
    if "languages" in made:
        made["languages"] = _languages(made["languages"])
    if "codecs" in made:
        made["codecs"] = _codecs(made["codecs"])
    try:
        return TextRules(**made)
    except ValueError as error:
        raise ProfileError(f"text.{error}") from None


def _languages(value: Any) -> tuple[Language, ...]:
    if not isinstance(value, list):
        raise ProfileError(f"text.languages: {value!r} is not a list")
    known = {language.name.lower(): language for language in Language}
    return tuple(_one_of("text.languages", each, known) for each in value)


def _codecs(value: Any) -> dict[int, Any]:
    if not isinstance(value, dict):
        raise ProfileError(f"text.codecs: {value!r} is not a table")
    made = {}
    for key, codec in value.items():
        try:
            made[int(key, 0)] = codec
        except ValueError:
            raise ProfileError(f"text.codecs: {key!r} is not a data_coding, 0 to 255") from None
    return made


def _one_of(name: str, value: Any, known: Mapping[str, Any]) -> Any:
    if not isinstance(value, str) or value not in known:
        raise ProfileError(f"{name}: {value!r} is not one of {', '.join(known)}")
    return known[value]


def _link(values: dict[str, Any]) -> dict[str, Any]:
    _check_keys("link", values, _LINK)
    made = dict(values)
    for name, least in (("rate", 0.0), ("burst", 1.0)):
        if name in made:
            made[name] = _number(f"link.{name}", made[name], least)
    window = made.get("window", 1)
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise ProfileError(f"link.window: {window!r} is not a whole number above 0")
    if "interface_version" in made:
        version = str(made["interface_version"])
        made["interface_version"] = _one_of("link.interface_version", version, _VERSIONS)
    system_type = made.get("system_type", "")
    _encodes("link.system_type", system_type, lambda: BindTransceiver(system_type=system_type))
    return made


def _timers(values: dict[str, Any]) -> Timers:
    _check_keys("timers", values, Timers._fields)
    made: dict[str, float | None] = {}
    for name, value in values.items():
        may_be_off = name in ("enquire_interval", "idle")
        made[name] = None if value is False and may_be_off else _number(f"timers.{name}", value)
    return Timers(**made)  # type: ignore[arg-type]


def _fields(values: dict[str, Any]) -> dict[str, Any]:
    known = tuple(each.name for each in SubmitSM.fields if each.name not in _RESERVED)
    _check_keys("submit_sm", values, known)
    for name, value in values.items():
        _encodes(f"submit_sm.{name}", value, partial(SubmitSM, **{name: value}))
    return dict(values)


def _tlvs(values: dict[str, Any]) -> dict[TLV[Any] | int, Any]:
    made: dict[TLV[Any] | int, Any] = {}
    for name, value in values.items():
        where = f"tlvs.{_line(name)}"
        key = _tlv(where, name)
        if key in made:
            raise ProfileError(f"{where}: given twice")
        made[key] = _octets(where, key, value)
        _encodes(where, value, partial(SubmitSM, tlvs={key: made[key]}))
    _encodes("tlvs", [*values], partial(SubmitSM, tlvs=made))
    return made


def _tlv(where: str, name: str) -> TLV[Any] | int:
    if name in by_name:
        return by_name[name]
    try:
        tag = int(name, 0)
    except ValueError:
        raise ProfileError(f"{where}: neither a TLV nor a tag") from None
    return by_tag.get(tag, tag)


def _octets(where: str, key: TLV[Any] | int, value: Any) -> Any:
    """A value as the TLV takes it: text stands for octets where nothing else is known."""
    try:
        if isinstance(value, str) and value.startswith("hex:"):
            return bytes.fromhex(value.removeprefix("hex:"))
        if isinstance(value, str) and isinstance(key, int):
            return value.encode("latin-1")
    except ValueError as error:
        raise ProfileError(f"{where} = {value!r}: {error}") from None
    return value
