"""What a data_coding says: the character set, the message class, message waiting.

The field has two readings that overlap. SMPP lists values of its own below 0x0F; above them
the values are those of the data coding scheme of GSM, whose groups begin at 0x10. Where both
give a value a meaning, SMPP's counts.

Source: SMPP 5.0, 4.7.7; 3GPP TS 23.038, 4 (the groups of the data coding scheme).
"""

from __future__ import annotations

from enum import Enum, IntEnum
from functools import lru_cache
from typing import NamedTuple

from twisted_smpp.values import DataCoding

__all__ = ["Charset", "MessageWaiting", "Scheme", "Waiting", "data_coding", "scheme"]


class Charset(Enum):
    """What the octets of a message are; the values are names for people and settings.

    ``DEFAULT`` is whatever the link agreed on, ``GSM`` the GSM 7-bit alphabet for certain,
    ``OCTETS`` no text.
    """

    DEFAULT = "default"
    GSM = "gsm0338"
    ASCII = "ascii"
    LATIN_1 = "latin-1"
    CYRILLIC = "iso8859-5"
    HEBREW = "iso8859-8"
    UCS2 = "ucs-2"
    JIS = "shift-jis"
    ISO_2022_JP = "iso2022-jp"
    KANJI = "euc-jp"
    KOREAN = "euc-kr"
    OCTETS = "octets"


class Waiting(IntEnum):
    """What kind of message waits (3GPP TS 23.038, 4)."""

    VOICEMAIL = 0
    FAX = 1
    EMAIL = 2
    OTHER = 3


class MessageWaiting(NamedTuple):
    """A message waiting indication.

    Attributes:
        kind: what waits.
        active: True to switch the indication on, False to switch it off.
        store: whether the message is to be kept, or discarded once it has been noticed.
    """

    kind: Waiting
    active: bool
    store: bool


class Scheme(NamedTuple):
    """One data_coding, taken apart.

    Attributes:
        charset: what the octets are.
        message_class: 0 (shown at once) to 3; None when it has none.
        waiting: the message waiting indication, if it is one.
        compressed: whether the text is compressed (3GPP TS 23.042), so not readable here.
        delete: whether the telephone deletes the message once it is read.
    """

    charset: Charset
    message_class: int | None = None
    waiting: MessageWaiting | None = None
    compressed: bool = False
    delete: bool = False


_SMPP = {
    DataCoding.MC_DEFAULT: Charset.DEFAULT,
    DataCoding.ASCII: Charset.ASCII,
    DataCoding.OCTETS_2: Charset.OCTETS,
    DataCoding.LATIN_1: Charset.LATIN_1,
    DataCoding.OCTETS: Charset.OCTETS,
    DataCoding.JIS: Charset.JIS,
    DataCoding.CYRILLIC: Charset.CYRILLIC,
    DataCoding.LATIN_HEBREW: Charset.HEBREW,
    DataCoding.UCS2: Charset.UCS2,
    DataCoding.PICTOGRAM: Charset.OCTETS,
    DataCoding.ISO_2022_JP: Charset.ISO_2022_JP,
    DataCoding.EXTENDED_KANJI_JIS: Charset.KANJI,
    DataCoding.KS_C_5601: Charset.KOREAN,
}
_BY_CHARSET = {
    charset: int(value)
    for value, charset in _SMPP.items()
    if value not in (DataCoding.OCTETS_2, DataCoding.PICTOGRAM)
} | {Charset.GSM: int(DataCoding.MC_DEFAULT)}

_GSM_BITS = (Charset.GSM, Charset.OCTETS, Charset.UCS2, Charset.OCTETS)


@lru_cache(maxsize=256)
def scheme(data_coding: int) -> Scheme:
    """What a data_coding stands for; a reserved value stands for octets.

    3GPP TS 23.038 has telephones take reserved values for the GSM alphabet. Here they stay
    octets, which lose nothing; ``TextRules.codecs`` can say otherwise for a link.

    Args:
        data_coding: 0 to 255.
    """
    charset = _SMPP.get(DataCoding(data_coding))
    if charset is not None:
        return Scheme(charset)
    if 0x10 <= data_coding <= 0x7F:
        compressed = bool(data_coding & 0x20)
        return Scheme(
            Charset.OCTETS if compressed else _GSM_BITS[data_coding >> 2 & 3],
            data_coding & 3 if data_coding & 0x10 else None,
            compressed=compressed,
            delete=data_coding >= 0x40,
        )
    if 0xC0 <= data_coding <= 0xEF:
        waiting = MessageWaiting(
            Waiting(data_coding & 3), bool(data_coding & 8), store=data_coding >= 0xD0
        )
        return Scheme(Charset.UCS2 if data_coding >= 0xE0 else Charset.GSM, waiting=waiting)
    if data_coding >= 0xF0:
        return Scheme(Charset.OCTETS if data_coding & 4 else Charset.GSM, data_coding & 3)
    return Scheme(Charset.OCTETS)


def data_coding(
    charset: Charset,
    message_class: int | None = None,
    waiting: MessageWaiting | None = None,
) -> int:
    """The data_coding that says so: the inverse of :func:`scheme`.

    Args:
        charset: what the octets are; ``DEFAULT`` with a class or an indication is taken
            for the GSM alphabet, as the standard has no other there.
        message_class: 0 to 3, or None.
        waiting: a message waiting indication, or None.

    Raises:
        ValueError: there is no value that says all of it.
    """
    if charset is Charset.DEFAULT and not (message_class is None and waiting is None):
        charset = Charset.GSM
    if waiting is not None:
        if message_class is not None:
            raise ValueError("a data_coding has a message class or message waiting, not both")
        return _waiting(charset, waiting)
    if message_class is None:
        return _BY_CHARSET[charset]
    if not 0 <= message_class <= 3:
        raise ValueError(f"message_class: {message_class!r} is not 0, 1, 2 or 3")
    base = {Charset.GSM: 0xF0, Charset.OCTETS: 0xF4, Charset.UCS2: 0x18}.get(charset)
    if base is None:
        raise ValueError(f"a message in {charset.value} cannot have a message class")
    return base | message_class


def _waiting(charset: Charset, waiting: MessageWaiting) -> int:
    if charset is Charset.GSM:
        base = 0xD0 if waiting.store else 0xC0
    elif charset is Charset.UCS2 and waiting.store:
        base = 0xE0
    else:
        what = "stored" if waiting.store else "discarded"
        raise ValueError(f"no message waiting indication in {charset.value} that is {what}")
    return base | waiting.active << 3 | waiting.kind
