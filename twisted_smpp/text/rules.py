"""What a link takes: its alphabets, and how it wants long texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from twisted_smpp.text.gsm0338 import Language

__all__ = ["DEFAULT_ALPHABETS", "Method", "TextRules"]

#: What may be behind data_coding 0.
DEFAULT_ALPHABETS = ("gsm0338", "gsm0338-packed", "latin-1", "ascii", "utf-8")


class Method(Enum):
    """How the parts of a long text are told apart.

    ``UDH_8`` and ``UDH_16`` put a header with a reference of so many bits in front of each
    part; ``SAR`` says the same in the three sar TLVs; ``PAYLOAD`` sends all of the text in
    one message_payload and leaves the cutting to the message centre.
    """

    UDH_8 = "udh8"
    UDH_16 = "udh16"
    SAR = "sar"
    PAYLOAD = "payload"

    @property
    def reference_bits(self) -> int:
        """How wide the reference of a message is, 0 when it has none."""
        return _NUMBERS[self._value_][0]

    @property
    def element_octets(self) -> int:
        """What numbering the parts takes of the header of each."""
        return _NUMBERS[self._value_][1]


#: With the sar TLVs the message centre writes the header, and needs room for the 16 bits.
_NUMBERS = {"udh8": (8, 5), "udh16": (16, 6), "sar": (16, 6), "payload": (0, 5)}


@dataclass(frozen=True)
class TextRules:
    """How text is written to a link, and read from it.

    Attributes:
        default_alphabet: what data_coding 0 stands for, one of
            :data:`DEFAULT_ALPHABETS`. GSM is one septet an octet unless it is packed.
        languages: the national languages whose shift tables may be written. Those of all
            languages are read.
        latin_1: whether data_coding 3 may be written.
        method: how long texts are sent.
        graphemes: whether what a reader sees as one character (a letter with its marks, an
            emoji with its skin colour, a flag) stays in one part.
        transliterate: whether characters that the GSM alphabet lacks are replaced by alike
            ones that it has, such as quotes and dashes.
        codecs: the Python codec of a data_coding, where a peer does not go by the standard:
            ``{1: "gsm0338"}``. For reading only.

    Raises:
        ValueError: a value is not allowed; says which are.
    """

    default_alphabet: str = "gsm0338"
    languages: tuple[Language, ...] = ()
    latin_1: bool = False
    method: Method = Method.UDH_8
    graphemes: bool = True
    transliterate: bool = False
    codecs: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.default_alphabet not in DEFAULT_ALPHABETS:
            raise ValueError(
                f"default_alphabet: {self.default_alphabet!r} is not one of "
                + ", ".join(DEFAULT_ALPHABETS)
            )
        object.__setattr__(self, "languages", tuple(map(_language, self.languages)))
        if not isinstance(self.method, Method):
            raise ValueError(
                f"method: {self.method!r} is not one of " + ", ".join(map(str, Method))
            )
        for data_coding, name in self.codecs.items():
            if not (isinstance(data_coding, int) and 0 <= data_coding <= 0xFF):
                raise ValueError(f"codecs: {data_coding!r} is not a data_coding, 0 to 255")
            _check_codec(name)
            if "packed" in name:
                raise ValueError(
                    f"codecs: {name!r} needs the header; packed text is the default_alphabet only"
                )


def _language(value: int) -> Language:
    try:
        return Language(value)
    except ValueError:
        allowed = ", ".join(f"{each.value} ({each.name.lower()})" for each in Language)
        raise ValueError(f"languages: {value!r} is not one of {allowed}") from None


def _check_codec(name: str) -> None:
    """A codec has to read whatever octets a peer sends."""
    try:
        bytes(range(256)).decode(name, "replace")
    except UnicodeError:
        raise ValueError(f"codecs: {name!r} cannot read every octet") from None
    except (LookupError, TypeError, ValueError):  # the last for a name with a NUL
        raise ValueError(f"codecs: Python has no text codec {name!r}") from None
