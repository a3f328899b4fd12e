"""Where text may be cut, against a plain reading of it from the start."""

from __future__ import annotations

import sys
import time
from itertools import accumulate

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from text_kit import text_examples

from twisted_smpp.text import graphemes
from twisted_smpp.text.graphemes import boundary

#: What a reader sees as one character each.
CLUSTERS = [
    "\r\n",
    "e\u0301",
    "q\u0323\u0307",
    "\U0001f44d\U0001f3fd",
    "\u2764\ufe0f",
    "1\ufe0f\u20e3",
    "\U0001f1e9\U0001f1ea",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0001f3f4\u200d\u2620\ufe0f",
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "\u1112\u1161\u11ab",
    "\uac00\u11a8",
    "\ud55c",
    "\u0915\u094d\u0937",
    "\u0915\u094d\u200d\u0937\u093f",
    "\u0995\u09cd\u09af",
    "\u0b95\u0bbe",
    "\u0e01\u0e33",
    "\u0600\u0661",
    "\U000110bd\U00011083",
    "\u00a9\ufe0f",
    "\u30cf\uff9e",
    "a\u200d",
]
#: Single characters of every kind, among them those that are looked up the short way.
SINGLES = (
    "a bz09.,é\u02ff\u0300\u036f\u0370я\u0482\u0483\u0489\u048a\u0590\u0591\r\n\t\x00\x85\xa0\xad"
    "\u1e00\u1fff\u200b\u200c\u200d\u200e\u2010\u2027\u2028\u20a0€\u20bf\u20d0\u3001\u3029\u302a"
    "あ\u3096\u3099\u309bア\u30ff\u4e00日\u9fff\uff01ｱ\uff9d\uff9e\uff9f"
    "\u1100\u1161\u11a8가각\u0915\u094d\u093f\u0e33\u0600\u06dd\u0903\ufe0f\u20e3"
    "\U0001f1e6\U0001f1ff\U0001f44d\U0001f3fb\U000e0061\U000e007f\u231a©®\ufffd\U000110bd"
)
PIECES = st.sampled_from([*CLUSTERS, *SINGLES, *SINGLES])
TEXTS = st.lists(PIECES, min_size=2, max_size=24).map("".join)


def boundaries(text: str) -> list[int]:
    """All of them, read plainly from the start."""
    return [0, *accumulate(map(len, regex.findall(r"\X", text)))]


@pytest.mark.parametrize("cluster", CLUSTERS, ids=ascii)
def test_field_33_nothing_seen_as_one_character_is_cut(cluster: str) -> None:
    assert boundaries(cluster) == [0, len(cluster)]
    text = f"ab{cluster}cd"
    for end in range(1, len(text)):
        assert boundary(text, 0, end) == (2 if 2 < end < 2 + len(cluster) else end)


def test_flags_are_cut_between_flags() -> None:
    text = "\U0001f1e9\U0001f1ea" * 10
    for end in range(2, 20):
        assert boundary(text, 0, end) == end - end % 2
        assert boundary("x" + text, 0, end + 1) == end - end % 2 + 1
        assert boundary("x" + text, 1, end + 1) == end - end % 2 + 1


@text_examples
@given(TEXTS, st.data())
def test_field_33_it_is_the_last_boundary_of_a_plain_reading(
    text: str, data: st.DataObject
) -> None:
    whole = boundaries(text)
    start = data.draw(st.sampled_from(whole[:-1]))
    for end in range(start + 1, len(text)):
        last = max((at for at in whole if start < at <= end), default=end)
        assert boundary(text, start, end) == last, end


@given(TEXTS, st.integers(2, 9))
def test_cut_into_parts_it_stays_whole(text: str, room: int) -> None:
    """A part is full, or ends where it may; what is longer than a part is cut anyhow."""
    at, whole = 0, set(boundaries(text))
    while at + room < len(text):
        cut = boundary(text, at, at + room)
        assert at < cut <= at + room
        if cut not in whole:
            # What is cut began with the part: then the receiver sees a new one begin.
            assert cut == at + room
            assert len(regex.findall(r"\X", text[at:cut])) == 1
            return
        at = cut


def test_a_single_huge_cluster_is_cut_where_it_must() -> None:
    text = "a" + "\u0301" * 1000 + "b"
    assert boundary(text, 0, 67) == 67
    assert boundary(text, 67, 134) == 134
    assert boundary("xyz" + text, 0, 67) == 3
    assert boundary("xyz" + text, 3, 67) == 67
    assert boundary(text, 0, 1001) == 1001
    # Where it ends, it is cut.
    assert boundary(text + "c", 938, 1001) == 1001
    assert boundary(text + "cd", 938, 1002) == 1002


# The short way.


def test_characters_of_the_short_way_never_join() -> None:
    """By the rules of UAX 29: each breaks from any other of them.

    Extended_Pictographic only joins behind a zero-width joiner, and LF only behind CR.
    """
    alone = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if graphemes._ALONE.match(character * 2)
    ]
    assert len(alone) > 20_000
    text = "".join(alone)
    for kind in (
        *("CR", "Extend", "ZWJ", "SpacingMark", "Prepend", "Regional_Indicator"),
        *("L", "V", "T", "LV", "LVT"),
    ):
        assert regex.findall(rf"\p{{Grapheme_Cluster_Break={kind}}}", text) == []
    harmless = regex.findall(r"\p{Grapheme_Cluster_Break=Other}", text)
    harmless += regex.findall(r"\p{Grapheme_Cluster_Break=Control}", text)
    harmless += regex.findall(r"\p{Grapheme_Cluster_Break=LF}", text)
    assert sorted(harmless) == alone
    assert regex.findall(r"\p{Extended_Pictographic}", text) == ["\xa9", "\xae"]
    assert len(regex.findall(r"\X", text)) == len(text)
    assert len(regex.findall(r"\X", text[::-1])) == len(text)


def test_what_is_common_takes_the_short_way() -> None:
    for text in ("Hello, world! ñ€", "Привет", "日本語", "カタカナ", "Ελληνικά", "a\nb"):
        for at in range(1, len(text)):
            assert graphemes._ALONE.match(text, at - 1)


# Cost.

HUGE = {
    "marks": "\u0301",
    "flags": "\U0001f1e6",
    "emoji": "\U0001f44d",
    "joined": "\U0001f44d\u200d",
    "conjuncts": "\u0915\u094d",
    "prepended": "\u0600",
    "jamo": "\u1100",
    "lines": "\r\n",
}


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_text_is_cut_soon(name: str) -> None:
    text = (HUGE[name] * 100_000)[:100_000]
    begin, at = time.process_time(), 0
    while at + 67 < len(text):
        at = boundary(text, at, at + 67)
    # It takes less than 0.1 s; looking at all that is before would take half a minute.
    assert time.process_time() - begin < 5


def test_it_looks_no_further_than_the_part(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []

    class Pattern:
        def finditer(self, text: str, *limits: int) -> object:
            looked_at.append(len(text))
            return cluster.finditer(text, *limits)

    cluster = graphemes._CLUSTER
    monkeypatch.setattr(graphemes, "_CLUSTER", Pattern())
    for text in ("\u0301" * 100_000, "\U0001f1e6" * 100_000):
        boundary(text, 50_000, 50_067)
    assert looked_at == [68, 68]
