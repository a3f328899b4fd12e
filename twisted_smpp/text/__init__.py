"""Text of short messages: characters, octets, parts and receipts. Knows no Twisted.

The names here are public. :func:`segments` makes the parts of a text, :func:`plan` says
what they will cost, :class:`Part` and :func:`join` read them, :class:`Reassembly` collects
them, :class:`Receipt` and :class:`MessageIds` find out what became of them.

Importing this registers the GSM alphabets as Python codecs: ``"text".encode("gsm0338")``.
"""

from twisted_smpp.text import python_codecs as _python_codecs  # noqa: F401
from twisted_smpp.text import times
from twisted_smpp.text.coding import Decoded, decode
from twisted_smpp.text.data_coding import (
    Charset,
    MessageWaiting,
    Scheme,
    Waiting,
    data_coding,
    scheme,
)
from twisted_smpp.text.gsm0338 import Language
from twisted_smpp.text.message_id import STRATEGIES, Match, MessageIds
from twisted_smpp.text.parts import Part, join
from twisted_smpp.text.reassembly import Joined, Reassembly
from twisted_smpp.text.receipt import STAT, NetworkErrorCode, Receipt, is_receipt
from twisted_smpp.text.receipt_forms import FORMS, Form, register_form
from twisted_smpp.text.references import References
from twisted_smpp.text.rules import DEFAULT_ALPHABETS, Method, TextRules
from twisted_smpp.text.segments import (
    Culprit,
    NotText,
    Plan,
    Segment,
    TextTooLong,
    plan,
    segments,
)
from twisted_smpp.text.times import Relative
from twisted_smpp.text.transliterate import Change, Transliteration, transliterate
from twisted_smpp.text.udh import (
    Concatenation,
    LockingShift,
    MessageIndication,
    Ports,
    SingleShift,
    Unknown,
    UserDataHeader,
)

__all__ = [
    "DEFAULT_ALPHABETS",
    "FORMS",
    "STAT",
    "STRATEGIES",
    "Change",
    "Charset",
    "Concatenation",
    "Culprit",
    "Decoded",
    "Form",
    "Joined",
    "Language",
    "LockingShift",
    "Match",
    "MessageIds",
    "MessageIndication",
    "MessageWaiting",
    "Method",
    "NetworkErrorCode",
    "NotText",
    "Part",
    "Plan",
    "Ports",
    "Reassembly",
    "Receipt",
    "References",
    "Relative",
    "Scheme",
    "Segment",
    "SingleShift",
    "TextRules",
    "TextTooLong",
    "Transliteration",
    "Unknown",
    "UserDataHeader",
    "Waiting",
    "data_coding",
    "decode",
    "is_receipt",
    "join",
    "plan",
    "register_form",
    "scheme",
    "segments",
    "times",
    "transliterate",
]
