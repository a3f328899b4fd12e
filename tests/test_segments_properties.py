# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Properties of segments, against the reckoning of tests/segment_kit.py.

For all texts, rules and methods: nothing is lost, nothing is cut where it must not be, no part
is too large, and no other coding needs fewer of them.
"""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

import hypothesis
from hypothesis import given
from hypothesis import strategies as st
from segment_kit import (
    ELEMENTS,
    FAMILIES,
    PIECES,
    RULES,
    TEXTS,
    clusters,
    fewest,
    gsm_text,
    unpacked,
)
from text_kit import text_examples

from twisted_smpp.text.parts import Part, join
from twisted_smpp.text.rules import Method, TextRules
from twisted_smpp.text.segments import Plan, Segment, TextTooLong, plan, segments
from twisted_smpp.text.udh import Concatenation, LockingShift, SingleShift, UserDataHeader
from twisted_smpp.wire.pdu import decode
from twisted_smpp.wire.pdus import DataSM, DeliverSM, SubmitSM
from twisted_smpp.wire.tlvs import (
    message_payload,
    sar_msg_ref_num,
    sar_segment_seqnum,
    sar_total_segments,
)

REFERENCES = st.integers(0, 0x1FFFF)
CLASSES = st.sampled_from([None, None, None, 0, 1, 2, 3])
HEADERS = (Method.UDH_8, Method.UDH_16)


class Made(NamedTuple):
    """A plan, and what it was made from."""

    plan: Plan
    text: str
    rules: TextRules
    elements: tuple[Any, ...]
    message_class: int | None


@st.composite
def made(draw: Any) -> Made:
    text, rules = draw(TEXTS), draw(RULES)
    elements = draw(ELEMENTS) if rules.method in HEADERS else ()
    message_class = draw(CLASSES)
    try:
        found = plan(text, rules, elements=elements, message_class=message_class)
    except TextTooLong:  # behind the largest headers
        hypothesis.reject()
    return Made(found, text, rules, elements, message_class)


def user_data(segment: Segment) -> tuple[bytes, bytes]:
    """Header and text, taken apart by hand."""
    octets = segment.tlvs.get(message_payload, segment.short_message)
    if not segment.esm_class & 0x40:
        return b"", octets
    return octets[: octets[0] + 1], octets[octets[0] + 1 :]


def languages(header: bytes) -> tuple[int, int]:
    """Of the locking and the single shift; the elements have true lengths."""
    found = {0x25: 0, 0x24: 0}
    at = 1
    while at < len(header):
        if header[at] in found:
            found[header[at]] = header[at + 2]
        at += 2 + header[at + 1]
    return found[0x25], found[0x24]


def is_gsm(data_coding: int, rules: TextRules) -> bool:
    if data_coding == 0:
        return rules.default_alphabet.startswith("gsm")
    return data_coding in (0xF0, 0xF1, 0xF2, 0xF3)


def is_packed(data_coding: int, rules: TextRules) -> bool:
    return is_gsm(data_coding, rules) and rules.default_alphabet == "gsm0338-packed"


# Nothing is lost.


def test_T01_parts_joined_in_any_order_are_the_text() -> None:
    """And each part alone is its share, so none ends inside of a pair or a sequence."""

    @text_examples
    @given(made(), REFERENCES, st.integers(0, 2**32))
    def check(case: Made, reference: int, seed: int) -> None:
        found, text, rules = case.plan, case.text, case.rules
        parts = found.segments(reference)
        _check_each_part(found, parts, rules)
        Random(seed).shuffle(parts)
        joined = join(parts, rules)
        assert joined.text == text == found.text
        assert not joined.damaged
        assert join(map(Part.of, reversed(parts)), rules) == joined

    check()


def _check_each_part(found: Plan, parts: list[Segment], rules: TextRules) -> None:
    assert "".join(found.texts) == found.text
    assert len(found.texts) == found.parts
    assert found.text == "" or all(found.texts)
    if found.method is Method.PAYLOAD:
        assert len(parts) == 1
        return
    assert len(parts) == found.parts
    for segment, text in zip(parts, found.texts, strict=True):
        read = Part.of(segment).decode(rules)
        assert (read.text, read.damaged) == (text, False)
        plain = plainly(segment, rules)
        assert plain == text or (is_packed(segment.data_coding, rules) and plain == text + "\r")


def plainly(segment: Segment, rules: TextRules) -> str:
    """The text, read with Python's codecs and the tables of gsm0338.json."""
    header, body = user_data(segment)
    if is_packed(segment.data_coding, rules):
        return gsm_text(unpacked(body, len(header)), *languages(header))
    if is_gsm(segment.data_coding, rules):
        return gsm_text(body, *languages(header))
    if segment.data_coding in (0x08, 0x18, 0x19, 0x1A, 0x1B):
        return body.decode("utf-16-be")
    if segment.data_coding == 3:
        return body.decode("latin-1")
    assert segment.data_coding == 0
    return body.decode(rules.default_alphabet)


def test_T01_any_text_that_python_has() -> None:
    """Plain :func:`st.text`, with the rules that nobody has touched, and each method."""

    @text_examples
    @given(st.text(), st.integers(1, 300), st.sampled_from(Method))
    def check(text: str, times: int, method: Method) -> None:
        text = (text * times)[:2000]
        assert join(segments(text, method=method, reference=7)).text == text

    check()


# Nothing is cut where it must not be, and nothing is too large.


def test_T01_field_33_no_part_ends_inside_of_what_a_reader_sees_or_is_too_large() -> None:
    @text_examples
    @given(made(), REFERENCES)
    def check(case: Made, reference: int) -> None:
        found, rules = case.plan, case.rules
        if rules.graphemes:
            _check_cuts(found)
        if found.method is Method.PAYLOAD:
            return
        for segment in found.segments(reference):
            header, body = user_data(segment)
            # The message centre makes a header of the three TLVs.
            taken = 7 if found.method is Method.SAR else len(header)
            if is_packed(segment.data_coding, rules):
                assert len(unpacked(body, taken)) * 7 <= (140 - taken) * 8
            elif is_gsm(segment.data_coding, rules):
                body = bytes(-(-(-taken * 8 % 7 + 7 * len(body)) // 8))
            assert taken + len(body) <= 140

    check()


def _check_cuts(found: Plan) -> None:
    """Only a cluster that is larger than a part may be cut."""
    begins, at = [0], 0
    for cluster in clusters(found.text):
        at += len(cluster)
        begins.append(at)
    allowed, at = set(begins), 0
    for part in found.texts[:-1]:
        at += len(part)
        if at in allowed:
            continue
        begin = max(each for each in allowed if each < at)
        end = min(each for each in allowed if each > at)
        octets = found.coding.encode(found.text[begin:end])
        assert len(octets) // found.coding.unit_octets >= found.capacity


# The plan is the best there is, and what it says is what is sent.


def test_no_other_coding_needs_fewer_parts() -> None:
    @text_examples
    @given(made())
    def check(case: Made) -> None:
        found, rules = case.plan, case.rules
        size = sum(len(element.encode()) for element in case.elements)
        least = fewest(found.text, rules, size, case.message_class)
        if least is None:  # a cluster fills more than a part
            return
        if rules.default_alphabet != "gsm0338-packed":
            assert found.parts == least
        else:
            # A full part has no room for the mark behind some last characters; and a part that
            # ends in carriage returns may not be readable at all.
            spared = fewest(found.text, rules, size, case.message_class, spare=1)
            assert least <= found.parts
            if spared is not None and "\r" not in found.text:
                assert found.parts <= max(spared, least + 1)
        _check_preference(case)
        _check_numbers(found, rules)

    check()


def _check_preference(case: Made) -> None:
    """The preferred coding is taken when no other one needs fewer parts."""
    found, rules = case.plan, case.rules
    narrow = TextRules(rules.default_alphabet, method=rules.method, graphemes=rules.graphemes)
    try:
        alone = plan(case.text, narrow, elements=case.elements, message_class=case.message_class)
    except ValueError:  # leaves no room for text
        return
    is_preferred = alone.coding.name != "UCS-2" and alone.parts == found.parts
    assert ("has every character" in found.reason and "although" not in found.reason) is (
        found.coding is found._preferred
    )
    if is_preferred:
        assert found.coding.name == alone.coding.name
        assert found.culprits == ()
    for culprit in found.culprits:
        assert culprit.positions
        assert all(found.text[at] == culprit.character for at in culprit.positions)
        assert found.text.count(culprit.character) == len(culprit.positions)
        assert culprit.name
        assert "lacks" in found.reason


def _check_numbers(found: Plan, rules: TextRules) -> None:
    parts = found.segments(5)
    assert len(parts) == found.pdus
    assert [segment.number for segment in parts] == [*range(1, len(parts) + 1)]
    assert {segment.total for segment in parts} == {len(parts)}
    assert {segment.data_coding for segment in parts} == {found.data_coding}
    assert (found.method is None) is (found.parts == 1)
    assert 0 <= found.used <= found.capacity
    assert found.left == found.capacity - found.used
    if is_packed(found.data_coding, rules):
        return
    bodies = [user_data(segment)[1] for segment in parts]
    assert found.units * found.coding.unit_octets == sum(map(len, bodies))
    if found.method is not Method.PAYLOAD:
        assert found.used * found.coding.unit_octets == len(bodies[-1])


# PDUs.


def test_field_36_39_parts_are_ready_for_pdus() -> None:
    """Every PDU that carries text takes the fields, and they come back off the wire."""

    @text_examples
    @given(made(), REFERENCES, st.integers(0, 255), st.sampled_from([SubmitSM, DeliverSM]))
    def check(case: Made, reference: int, esm_class: int, cls: Any) -> None:
        came = []
        for segment in case.plan.segments(reference, esm_class=esm_class):
            _check_header(case, segment, reference)
            assert segment.esm_class & ~0x40 == esm_class & ~0x40
            address = {"source_addr": "1", "destination_addr": "2"}
            if reference % 3:
                sent = cls(**address, **segment.fields)
            else:
                sent = DataSM(**address, **segment.data_sm_fields)
            pdu: Any = decode(sent.encode())
            assert pdu == sent
            assert pdu.esm_class == segment.esm_class
            assert pdu.data_coding == segment.data_coding
            if reference % 3:
                assert pdu.short_message == segment.short_message
            assert Part.of(pdu) == Part.of(segment)
            came.append(pdu)
        assert join(came, case.rules).text == case.text

    check()


def _check_header(case: Made, segment: Segment, reference: int) -> None:
    """What was asked for, the languages and the number, announced exactly when there is one."""
    found = case.plan
    assert {type(each) for each in found.coding.elements} <= {LockingShift, SingleShift}
    wanted = (*case.elements, *found.coding.elements)
    tlvs: dict[Any, Any] = {}
    if found.method in HEADERS:
        width = 8 if found.method is Method.UDH_8 else 16
        number = Concatenation(reference % (1 << width), found.parts, segment.number, width)
        wanted = (number, *wanted)
    elif found.method is Method.SAR:
        tlvs[sar_msg_ref_num] = reference & 0xFFFF
        tlvs[sar_total_segments] = found.parts
        tlvs[sar_segment_seqnum] = segment.number
    elif found.method is Method.PAYLOAD:
        assert segment.short_message == b""
        tlvs[message_payload] = segment.tlvs[message_payload]
    assert segment.tlvs == tlvs
    header, body = user_data(segment)
    assert bool(segment.esm_class & 0x40) is bool(wanted) is bool(header)
    if wanted:
        assert UserDataHeader.split(header + body) == (UserDataHeader(wanted), body)


# Transliteration.


def test_transliteration_never_costs_a_part() -> None:
    @hypothesis.settings(text_examples, max_examples=text_examples.max_examples // 4)
    @given(TEXTS, RULES)
    def check(text: str, rules: TextRules) -> None:
        changing = TextRules(
            rules.default_alphabet,
            rules.languages,
            rules.latin_1,
            rules.method,
            rules.graphemes,
            transliterate=True,
        )
        kept, found = plan(text, rules), plan(text, changing)
        assert found.parts <= kept.parts
        assert join(found.segments(5), changing).text == found.text
        assert bool(found.changes) is (found.text != text)
        if found.changes:
            assert kept.coding.name == "UCS-2"
            assert found.parts < kept.parts or found.coding.name != "UCS-2"

    check()


# The tests themselves.


def test_the_texts_are_what_they_are_for() -> None:
    """Else the properties would be looked at with the wrong ones: several parts of each sort."""
    assert any(len(clusters(piece)) == 1 and len(piece) > 4 for piece in PIECES)
    assert {piece for piece in PIECES if len(clusters(piece)) < len(piece)} >= {"\r\n", "e\u0301"}
    assert all(set(family) <= set(PIECES) for family in FAMILIES)
    seen = set()

    @hypothesis.settings(max_examples=1000, derandomize=True, database=None)
    @given(made())
    def look(case: Made) -> None:
        if case.plan.parts > 2:
            seen.add((case.plan.method, case.plan.coding.name))

    look()
    assert {method for method, _ in seen} == set(Method)
    names = " / ".join(name for _, name in seen)
    for wanted in ("LATIN-1", "UTF-8", "UCS-2", "GSM 7-bit", "(", "packed"):
        assert wanted in names
