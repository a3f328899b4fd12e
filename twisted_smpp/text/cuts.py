"""Where a long text is cut: never inside of a character."""

from __future__ import annotations

from twisted_smpp.text.coding import Coding, PackedGSM
from twisted_smpp.text.graphemes import boundary

__all__ = ["cuts"]


def cuts(
    text: str, coding: Coding, octets: bytes, room: int, graphemes: bool
) -> list[tuple[int, int]]:
    """Where each part ends: in the octets, and in the text.

    Args:
        text: what is cut.
        coding, octets: how it is written.
        room: octets of text that each part holds.
        graphemes: whether what a reader sees as one character stays in one part.
    """
    if len(octets) == len(text) * coding.unit_octets and not isinstance(coding, PackedGSM):
        return _even_cuts(text, coding.unit_octets, room, graphemes)
    ends = []
    start = at = 0
    while not coding.fits(octets, start, room):
        end = coding.retreat(octets, start + room)
        cut = at + coding.count(octets, start, end)
        if graphemes:
            safe = boundary(text, at, cut)
            if safe != cut:
                end -= len(coding.encode(text[safe:cut]))
                cut = safe
        ends.append((end, cut))
        start, at = end, cut
    ends.append((len(octets), len(text)))
    return ends


def _even_cuts(text: str, unit_octets: int, room: int, graphemes: bool) -> list[tuple[int, int]]:
    """The same where each character is one unit, which is most texts."""
    step = room // unit_octets
    last = len(text) - step
    ends = []
    at = 0
    while at < last:
        cut = at + step
        at = boundary(text, at, cut) if graphemes else cut
        ends.append((at * unit_octets, at))
    ends.append((len(text) * unit_octets, len(text)))
    return ends
