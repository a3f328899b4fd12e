"""Where text may be cut: between what a reader sees as characters.

Source: Unicode Standard Annex 29, 3 (extended grapheme clusters), as the ``regex`` package
implements it.
"""

from __future__ import annotations

import re

import regex

__all__ = ["boundary"]

_CLUSTER = regex.compile(r"\X")
#: Between two of these there is always a boundary: Latin, Greek, Cyrillic and Armenian
#: letters, punctuation, currency signs, Japanese and Chinese. It only saves time.
_ALONE = re.compile(
    "[\x00-\x0c\x0e-\u02ff\u0370-\u0482\u048a-\u0590\u1e00-\u1fff\u2010-\u2027\u20a0-\u20bf"
    "\u3001-\u3029\u3041-\u3096\u309b-\u30ff\u4e00-\u9fff\uff01-\uff9d]{2}"
)


def boundary(text: str, start: int, end: int) -> int:
    """The last boundary of a grapheme cluster that is not behind ``end``.

    Args:
        text: of any length.
        start: a boundary before ``end``.
        end: where a cut is wanted, less than the length of ``text``.

    Returns:
        An index above ``start``; ``end`` itself when a single cluster reaches from
        ``start`` beyond ``end``.
    """
    if _ALONE.match(text, end - 1):
        return end
    last = 0
    # Whether there is a boundary depends on what is before it and on one character behind.
    # A slice, as regex looks back beyond where it is told to start, over any number of flags.
    for cluster in _CLUSTER.finditer(text[start : end + 1]):
        if cluster.end() > end - start:
            break
        last = cluster.end()
    return start + last if last else end
