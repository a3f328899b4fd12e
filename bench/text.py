"""Times the way from a text of 300 characters to its parts, beside python-smpplib's make_parts.

    python text.py                       all, about two minutes
    python text.py --fast                fewer processes
    python text.py -o text.json          keep the figures; then: python -m pyperf stats text.json

CPU microseconds, measured by pyperf in several processes: median. Both libraries take turns, so
that they see the same noise. smpplib tries the GSM alphabet character by character, then slices
octets wherever 134 are full; ours chooses the coding, keeps escapes, surrogate pairs and grapheme
clusters whole, and makes the fields of each PDU.
"""

import sys
import time

import pyperf
from smpplib.gsm import make_parts

from twisted_smpp.text import join, segments


def _300(text):
    return (text * (300 // len(text) + 1))[:300]


TEXTS = {
    "gsm": _300("The quick brown fox jumps over the lazy dog, 0123456789 times. "),
    "gsm-extension": _300("The quick brown fox {jumps} over the lazy dog, [01234] times. "),
    "ucs2-cyrillic": _300("Привет, мир! Это длинное сообщение для проверки. "),
    "ucs2-chinese": _300("你好，世界！这是一条很长的短信，用来测试分割。"),
}
# What makes many texts UCS-2: one character, somewhere in the middle.
TEXTS["ucs2-one-quote"] = TEXTS["gsm"][:150] + "’" + TEXTS["gsm"][151:]

LIBRARIES = {
    "twisted_smpp": lambda text: segments(text, reference=7),
    "smpplib": make_parts,
}


def timed(loops, library, name):
    """CPU time, not the clock on the wall."""
    function, text = LIBRARIES[library], TEXTS[name]
    rounds = range(loops)
    begin = time.process_time()
    for _ in rounds:
        function(text)
    return time.process_time() - begin


def main():
    for name, text in TEXTS.items():
        if join(segments(text, reference=7)).text != text:
            sys.exit(f"{name}: the parts do not join")
    runner = pyperf.Runner(processes=6, values=5)
    runner.argparser.description = __doc__
    options = runner.parse_args()
    rows = []
    for name in TEXTS:
        figures = {
            library: runner.bench_time_func(f"{library} {name}", timed, library, name)
            for library in LIBRARIES
        }
        if None not in figures.values():
            rows.append((name, *(each.median() * 1e6 for each in figures.values())))
    if not options.worker:
        print(
            f"{'300 characters':16} {'twisted_smpp us':>16} {'smpplib us':>12} {'ours/theirs':>12}"
        )
        for name, ours, theirs in rows:
            print(f"{name:16} {ours:12.2f} {theirs:12.2f} {ours / theirs:12.2f}")


if __name__ == "__main__":
    main()
