"""From text to the parts that are sent, and what that will cost.

:func:`plan` looks for the coding that needs the fewest parts and says why; the plan makes
the :class:`Segment` of each part, ready for the fields of a PDU. A part never ends inside of
a character, nor, unless asked, inside of what a reader sees as one.

Source: 3GPP TS 23.040, 9.2.3.24.1 and 8 (concatenation); SMPP 5.0, 4.8.4 (the sar TLVs,
message_payload).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

from twisted_smpp.text import gsm0338
from twisted_smpp.text.coding import (
    GSM,
    LATIN_1,
    SURROGATE,
    UCS2,
    UTF8,
    Coding,
    PackedGSM,
    codings,
)
from twisted_smpp.text.cuts import cuts
from twisted_smpp.text.data_coding import MessageWaiting
from twisted_smpp.text.parts import join
from twisted_smpp.text.rules import Method, TextRules
from twisted_smpp.text.transliterate import Change, transliterate
from twisted_smpp.text.udh import Concatenation, Element, header_of
from twisted_smpp.values import EsmClass
from twisted_smpp.wire.tlvs import (
    message_payload,
    sar_msg_ref_num,
    sar_segment_seqnum,
    sar_total_segments,
)

__all__ = ["MOST_PARTS", "Culprit", "NotText", "Plan", "Segment", "TextTooLong", "plan", "segments"]

#: What the number of parts, an octet, can say.
MOST_PARTS = 255
#: What the length of a TLV can say.
MOST_PAYLOAD_OCTETS = 0xFFFF
_UDHI = int(EsmClass.UDHI)  # looked up once: an enumeration is slow at it
_NO_TLVS: Mapping[Any, Any] = MappingProxyType({})
_OCTET = [bytes((value,)) for value in range(256)]

_DEFAULT_RULES = TextRules()
_PACKED = TextRules(default_alphabet="gsm0338-packed")


class TextTooLong(ValueError):
    """The text needs more parts, or octets, than can be numbered."""


class _NoRoom(ValueError):
    """The header leaves too little of each part."""


class NotText(ValueError):
    """The text has a lone surrogate, half of a character, which no coding has.

    Attributes:
        position: its index.
    """

    def __init__(self, position: int) -> None:
        super().__init__(f"the character at index {position} is a lone surrogate, which is no text")
        self.position = position


class Culprit(NamedTuple):
    """A character that the preferred coding does not have.

    Attributes:
        character: one code point.
        positions: where it is in the text, from 0.
    """

    character: str
    positions: tuple[int, ...]

    @property
    def name(self) -> str:
        """Its name in Unicode, or its code point when it has none."""
        return unicodedata.name(self.character, f"U+{ord(self.character):04X}")


class Segment(NamedTuple):
    """One part, as the fields of a PDU have it.

    Attributes:
        number: 1 for the first part.
        total: how many there are.
        short_message: the header, if any, and the octets of the text.
        esm_class: with UDHI exactly when there is a header.
        data_coding: of all parts alike.
        tlvs: those that the part needs: message_payload, or the three sar ones.
    """

    number: int
    total: int
    short_message: bytes
    esm_class: int
    data_coding: int
    tlvs: Mapping[Any, Any]

    def __repr__(self) -> str:
        octets = len(self.tlvs.get(message_payload, self.short_message))
        return f"Segment({self.number} of {self.total}, {octets} octets)"

    @property
    def fields(self) -> dict[str, Any]:
        """For a submit_sm or deliver_sm: ``SubmitSM(..., **segment.fields)``."""
        return {
            "short_message": self.short_message,
            "esm_class": self.esm_class,
            "data_coding": self.data_coding,
            "tlvs": self.tlvs,
        }

    @property
    def data_sm_fields(self) -> dict[str, Any]:
        """For a data_sm, which has its octets in message_payload."""
        payload = self.tlvs.get(message_payload, self.short_message)
        return {
            "esm_class": self.esm_class,
            "data_coding": self.data_coding,
            "tlvs": {**self.tlvs, message_payload: payload},
        }


class Plan:
    """How a text will be sent: what :func:`plan` found.

    Attributes:
        text: as it will be sent.
        changes: what transliteration replaced in the text that was given.
        coding: the :class:`~twisted_smpp.text.coding.Coding`.
        method: how the parts are told apart; None when there is only one.
        parts: short messages that the receiver gets, which is what is usually paid for.
    """

    def __init__(
        self,
        text: str,
        coding: Coding,
        octets: bytes,
        ends: list[tuple[int, int]],
        method: Method | None,
        elements: tuple[Element, ...],
        preferred: Coding,
    ) -> None:
        self.text = text
        self.coding = coding
        self.method = method
        self.parts = len(ends)
        self.changes: tuple[Change, ...] = ()
        self._octets = octets
        self._ends = ends
        self._elements = elements
        self._preferred = preferred

    def __repr__(self) -> str:
        method = "" if self.method is None else f", {self.method.value}"
        return f"Plan({self.coding.name}, parts={self.parts}{method})"

    @property
    def data_coding(self) -> int:
        """The field of that name."""
        return self.coding.data_coding

    @property
    def pdus(self) -> int:
        """How many PDUs carry it: one when the message centre does the cutting."""
        return 1 if self.method is Method.PAYLOAD else self.parts

    @property
    def unit(self) -> str:
        """What the capacity counts: septets, octets or UTF-16 units."""
        return self.coding.unit

    @property
    def capacity(self) -> int:
        """Units that each part holds."""
        return self.coding.capacity(_header_octets(self._elements, self.method))

    @property
    def units(self) -> int:
        """Units of the whole text."""
        return len(self._octets) // self.coding.unit_octets

    @property
    def used(self) -> int:
        """Units in the last part."""
        start = self._ends[-2][0] if self.parts > 1 else 0
        return (len(self._octets) - start) // self.coding.unit_octets

    @property
    def left(self) -> int:
        """Units that could still be added before one more part is needed."""
        return self.capacity - self.used

    @cached_property
    def culprits(self) -> tuple[Culprit, ...]:
        """The characters because of which the preferred coding was not taken."""
        if self.coding is self._preferred:
            return ()
        positions: dict[str, list[int]] = {}
        for at, character in enumerate(self.text):
            positions.setdefault(character, []).append(at)
        return tuple(
            Culprit(character, tuple(where))
            for character, where in positions.items()
            if self._preferred.try_encode(character) is None
        )

    @property
    def reason(self) -> str:
        """Why this coding, in words."""
        preferred = self._preferred.name
        if self.coding is self._preferred:
            return f"{preferred} has every character"
        if not self.culprits:
            return f"it needs the fewest parts, although {preferred} has every character"
        many = len(self.culprits)
        return (
            f"{preferred} lacks {many} of the characters"
            if many > 1
            else (f"{preferred} lacks one of the characters")
        )

    def segments(self, reference: int | None = None, *, esm_class: int = 0) -> list[Segment]:
        """The parts, in order.

        Args:
            reference: what the parts have in common, if there are several; one more for
                each message between the same two addresses. It is cut to the width of the
                method, 8 or 16 bits.
            esm_class: its other bits; UDHI is set exactly when there is a header.

        Raises:
            ValueError: there are several parts and no reference.
        """
        esm_class &= ~_UDHI
        method = self.method
        if method is None or method is Method.PAYLOAD:
            return [self._single(esm_class)]
        if reference is None:
            raise ValueError(
                f"a text of {self.parts} parts needs a reference, the next one of its source "
                "and destination: see twisted_smpp.text.References"
            )
        reference &= (1 << method.reference_bits) - 1
        if method is Method.SAR:
            return self._with_tlvs(reference, esm_class)
        return self._with_headers(method, reference, esm_class)

    def _single(self, esm_class: int) -> Segment:
        octets, coding = b"", self.coding
        if self._elements:
            octets = header_of(self._elements)
            esm_class |= _UDHI
        octets += coding.finish(self._octets, len(octets))
        tlvs = _NO_TLVS
        if self.method is Method.PAYLOAD:
            octets, tlvs = b"", {message_payload: octets}
        return Segment(1, 1, octets, esm_class, coding.data_coding, tlvs)

    def _with_headers(self, method: Method, reference: int, esm_class: int) -> list[Segment]:
        total, data_coding, pieces = self.parts, self.data_coding, self._pieces()
        header = header_of((Concatenation(reference, total, 1, method.reference_bits),))
        behind = b"".join([element.encode() for element in self._elements])
        # Only the number differs from part to part: the last octet of the first element.
        before = bytes((header[0] + len(behind),)) + header[1:-1]
        if isinstance(self.coding, PackedGSM):
            size = len(header) + len(behind)
            pieces = [self.coding.finish(octets, size) for octets in pieces]
        esm_class |= _UDHI
        return [
            Segment(
                number,
                total,
                before + _OCTET[number] + behind + octets,
                esm_class,
                data_coding,
                _NO_TLVS,
            )
            for number, octets in enumerate(pieces, 1)
        ]

    def _with_tlvs(self, reference: int, esm_class: int) -> list[Segment]:
        total, data_coding, finish = self.parts, self.data_coding, self.coding.finish
        return [
            Segment(
                number,
                total,
                finish(octets, 0),
                esm_class,
                data_coding,
                {
                    sar_msg_ref_num: reference,
                    sar_total_segments: total,
                    sar_segment_seqnum: number,
                },
            )
            for number, octets in enumerate(self._pieces(), 1)
        ]

    def _pieces(self) -> list[bytes]:
        octets, start = self._octets, 0
        pieces = []
        for end, _ in self._ends:
            pieces.append(octets[start:end])
            start = end
        return pieces

    @property
    def texts(self) -> list[str]:
        """The text of each part."""
        starts = [0, *(end for _, end in self._ends)]
        return [self.text[start:end] for start, end in pairwise(starts)]


def plan(
    text: str,
    rules: TextRules = _DEFAULT_RULES,
    *,
    method: Method | None = None,
    elements: Sequence[Element] = (),
    message_class: int | None = None,
    waiting: MessageWaiting | None = None,
) -> Plan:
    """How ``text`` is best sent.

    Args:
        text: of any length.
        rules: what the link takes.
        method: how a long text is sent, instead of what ``rules`` say.
        elements: of a user data header in front of each part, such as ports; not those that
            number the parts or name a language, which are written where they are needed.
        message_class: 0 (shown at once) to 3.
        waiting: a message waiting indication that data_coding gives.

    Raises:
        TextTooLong: it takes more than 255 parts, or 65,535 octets of message_payload.
        ValueError: a lone surrogate, which no coding has (a UnicodeEncodeError); a header
            that the method does not allow, that leaves no room for text, or has elements
            that are not for the caller; a message class that does not exist.
        TypeError: the text is none.
    """
    _check_elements(elements)
    if not isinstance(text, str):
        raise TypeError(f"text: {type(text).__name__} given, a str wanted")
    method = rules.method if method is None else method
    if not isinstance(method, Method):
        raise ValueError(f"method: {method!r} is not one of {', '.join(map(str, Method))}")
    if not elements:
        short = _short(text, rules, message_class, waiting)
        if short is not None:
            return short

    def best(text: str) -> Plan:
        return _best(text, rules, method, tuple(elements), message_class, waiting)

    return _transliterated(text, rules, best) if rules.transliterate else best(text)


def _short(
    text: str, rules: TextRules, message_class: int | None, waiting: MessageWaiting | None
) -> Plan | None:
    """The plan of a text that fits into one part of plain GSM: the same, in half of the time."""
    alphabet, languages = rules.default_alphabet, rules.languages
    coding = codings(alphabet, languages, rules.latin_1, message_class, waiting)[0]
    if coding.__class__ is not GSM or len(text) > (most := coding.capacity(0)):
        return None
    octets = coding.try_encode(text)
    if octets is None or len(octets) > most:
        return None
    return Plan(text, coding, octets, [(len(octets), len(text))], None, (), coding)


def _transliterated(text: str, rules: TextRules, best: Callable[[str], Plan]) -> Plan:
    """As it is when that needs no UCS-2; else what is cheapest, changed only if that helps."""
    plans: list[Plan] = []
    failure: TextTooLong | None = None
    for plain, changes in _spellings(text, rules):
        try:
            found = best(plain)
        except TextTooLong as error:
            failure = failure or error
            continue
        found.changes = changes
        plans.append(found)
        if not changes and not isinstance(found.coding, UCS2):
            break
    if failure is not None and not plans:
        raise failure
    return min(
        plans, key=lambda each: (each.parts, isinstance(each.coding, UCS2), len(each.changes))
    )


def _spellings(text: str, rules: TextRules) -> Iterator[tuple[str, tuple[Change, ...]]]:
    """The text as it is, then written with the characters of one alphabet after the other."""
    yield text, ()
    if len(text) > MOST_PAYLOAD_OCTETS:
        return  # it is too long in any spelling
    for keep in _kept(text, rules):
        yield transliterate(text, keep)


def _kept(text: str, rules: TextRules) -> Iterator[Container[str]]:
    """What transliteration may leave: the characters of one alphabet after the other."""
    if not rules.default_alphabet.startswith("gsm0338"):
        yield _Writable(codings(rules.default_alphabet)[0])
        return
    yield gsm0338.CHARACTERS
    characters = set(text)
    for language in rules.languages:
        own = gsm0338.alphabet(language, language).characters
        if not characters.isdisjoint(own - gsm0338.CHARACTERS):
            yield own
    if rules.latin_1:
        yield _Writable(LATIN_1)


class _Writable:
    """The characters of a coding."""

    def __init__(self, coding: Coding) -> None:
        self._coding = coding

    def __contains__(self, character: object) -> bool:
        return self._coding.try_encode(str(character)) is not None


def segments(
    text: str,
    rules: TextRules = _DEFAULT_RULES,
    *,
    reference: int | None = None,
    method: Method | None = None,
    elements: Sequence[Element] = (),
    message_class: int | None = None,
    waiting: MessageWaiting | None = None,
    esm_class: int = 0,
) -> list[Segment]:
    """The parts of ``text``, ready to be sent: what :func:`plan` finds, carried out.

    Args:
        text, rules, method, elements, message_class, waiting: as for :func:`plan`.
        reference, esm_class: as for :meth:`Plan.segments`.

    Raises:
        TextTooLong, ValueError: as for :func:`plan` and :meth:`Plan.segments`.
    """
    found = plan(
        text,
        rules,
        method=method,
        elements=elements,
        message_class=message_class,
        waiting=waiting,
    )
    return found.segments(reference, esm_class=esm_class)


def _best(
    text: str,
    rules: TextRules,
    method: Method,
    elements: tuple[Element, ...],
    message_class: int | None,
    waiting: MessageWaiting | None,
) -> Plan:
    """The coding with the fewest parts; of equals the preferred one."""
    alphabet, languages = rules.default_alphabet, rules.languages
    ways = codings(alphabet, languages, rules.latin_1, message_class, waiting)
    best: Plan | None = None
    failure: ValueError | None = None
    for coding in ways:
        if best is not None and _is_beaten(coding, best, elements):
            break
        octets = coding.try_encode(text)
        if octets is None:
            continue
        try:
            found = _fit(text, coding, octets, method, elements, rules.graphemes, ways[0])
        except (TextTooLong, _NoRoom) as error:
            failure = failure or error
            continue
        if found is not None and (best is None or found.parts < best.parts):
            best = found
    if best is None:
        lone = SURROGATE.search(text)
        if lone is not None:
            raise NotText(lone.start())
        raise failure or ValueError("waiting: no coding that is discarded has every character")
    return best


def _is_beaten(coding: Coding, best: Plan, elements: tuple[Element, ...]) -> bool:
    """Whether one more coding can do no better.

    UCS-2 can, when the best so far is UTF-8, or when a large header leaves less to a national
    language, which has one of its own.
    """
    if best.parts == 1:
        return True
    return isinstance(coding, UCS2) and not isinstance(best.coding, UTF8) and not elements


def _fit(
    text: str,
    coding: Coding,
    octets: bytes,
    method: Method,
    elements: tuple[Element, ...],
    graphemes: bool,
    preferred: Coding,
) -> Plan | None:
    """The parts in one coding; None when this coding cannot be used like that."""
    elements += coding.elements
    if coding.fits(octets, 0, _room(coding, elements, None, least=0)):
        ends = [(len(octets), len(text))]
        return _faithful(Plan(text, coding, octets, ends, None, elements, preferred))
    if elements and method in (Method.SAR, Method.PAYLOAD):
        if coding.elements:
            return None
        raise ValueError(
            f"method: {method.value} has no place for elements of a user data header when the "
            "text is long; udh8 and udh16 have"
        )
    if method is Method.PAYLOAD:
        length = len(coding.finish(octets, 0))
        if length > MOST_PAYLOAD_OCTETS:
            raise TextTooLong(
                f"the text takes {length} octets in {coding.name}, message_payload holds at "
                f"most {MOST_PAYLOAD_OCTETS}"
            )
    ends = cuts(text, coding, octets, _room(coding, elements, method), graphemes)
    if len(ends) > MOST_PARTS and method is not Method.PAYLOAD:
        raise TextTooLong(
            f"the text takes {len(ends)} parts in {coding.name}, at most {MOST_PARTS} can be "
            "numbered"
        )
    return _faithful(Plan(text, coding, octets, ends, method, elements, preferred))


def _faithful(plan: Plan) -> Plan | None:
    """A plan, if a reader gets back exactly its text: packed septets may end ambiguously."""
    if not isinstance(plan.coding, PackedGSM):
        return plan
    return plan if join(plan.segments(0), _PACKED).text == plan.text else None


def _header_octets(elements: tuple[Element, ...], method: Method | None) -> int:
    """What the header of each part takes of its 140 octets."""
    if not elements:
        return 0 if method is None else 1 + method.element_octets
    octets = len(header_of(elements))
    return octets if method is None else octets + method.element_octets


def _room(
    coding: Coding, elements: tuple[Element, ...], method: Method | None, least: int = 8
) -> int:
    """Octets of text in each part, before the last step of the coding."""
    header_octets = _header_octets(elements, method)
    units = coding.capacity(header_octets)
    if units < least:
        raise _NoRoom(f"a user data header of {header_octets} octets leaves no room for text")
    return units * coding.unit_octets


#: The identifiers of concatenation and of the shift tables.
_WRITTEN_HERE = (0x00, 0x08, 0x24, 0x25)


def _check_elements(elements: Sequence[Element]) -> None:
    """A reader would believe the last one of a kind, which may not be the true one."""
    for element in elements:
        if element.encode()[0] in _WRITTEN_HERE:
            raise ValueError(f"elements: {type(element).__name__} is written where it is needed")
