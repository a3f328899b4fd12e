"""What tests of segments share: a second reckoning of sizes, from tests/data, and texts.

The reckoning goes by the tables of gsm0338.json and the ``regex`` package, and by nothing of
the package under test. Filling one part after the other with clusters is the best there is, so
the least number of parts is that of the best of all codings.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

import regex
from hypothesis import strategies as st
from wire_data import load

from twisted_smpp.text.gsm0338 import Language
from twisted_smpp.text.parts import Part
from twisted_smpp.text.reassembly import Joined, Reassembly
from twisted_smpp.text.rules import DEFAULT_ALPHABETS, Method, TextRules
from twisted_smpp.text.udh import Concatenation, MessageIndication, Ports, Unknown, header_of

DATA = load("gsm0338.json")
USER_DATA_OCTETS = 140

# Alphabets.


def _table(codes: dict[str, str] | None) -> dict[int, str]:
    return {int(code, 16): chr(int(point[2:], 16)) for code, point in (codes or {}).items()}


DEFAULT = _table(DATA["default_alphabet"]["codes"])
EXTENSION = _table(DATA["default_extension"]["codes"])
LOCKING: dict[int, dict[int, str]] = {0: DEFAULT}
SINGLE: dict[int, dict[int, str]] = {0: EXTENSION}
for _each in DATA["national_language_tables"]:
    _language = _each["national_language_identifier"]
    LOCKING[_language] = _table(_each["locking_shift"]) or DEFAULT
    SINGLE[_language] = _table(_each["single_shift"]) or EXTENSION


@lru_cache(maxsize=200)
def _septets(locking: int, single: int) -> dict[str, int]:
    """What each character costs."""
    two = dict.fromkeys(SINGLE[single].values(), 2)
    return {**two, **dict.fromkeys(LOCKING[locking].values(), 1)}


def gsm_text(octets: bytes, locking: int = 0, single: int = 0) -> str:
    """The text of septets that our side wrote: each has a character."""
    text, shifted = [], False
    for octet in octets:
        if not shifted and octet == 0x1B:
            shifted = True
            continue
        text.append((SINGLE[single] if shifted else LOCKING[locking])[octet])
        shifted = False
    assert not shifted, "an escape at the end"
    return "".join(text)


def unpacked(octets: bytes, header_octets: int) -> bytes:
    """Septets behind a header, read bit by bit, what only fills the last octet included."""
    bits = "".join(f"{octet:08b}"[::-1] for octet in octets)[-header_octets * 8 % 7 :]
    return bytes(int(bits[at : at + 7][::-1], 2) for at in range(0, len(bits) - 6, 7))


# Sizes.


class Way(NamedTuple):
    """One way to write a text."""

    charset: str
    locking: int = 0
    single: int = 0

    def costs(self, text: str) -> list[int] | None:
        """Units of each character; None when one is missing."""
        if self.charset == "gsm":
            septets = _septets(self.locking, self.single)
            costs = [septets.get(character, 0) for character in text]
            return None if 0 in costs else costs
        if self.charset == "ucs2":
            return [1 + (character > "\uffff") for character in text]
        try:
            return [len(character.encode(self.charset)) for character in text]
        except UnicodeEncodeError:
            return None

    def header_octets(self, elements: int, method: Method | None) -> int:
        """With its length octet; in SAR and PAYLOAD what the message centre will need."""
        concatenation = {None: 0, Method.UDH_8: 5, Method.UDH_16: 6}
        concatenation |= {Method.SAR: 6, Method.PAYLOAD: 5}
        shifts = 3 * bool(self.locking) + 3 * bool(self.single)
        octets = elements + shifts + concatenation[method]
        return octets + 1 if octets else 0

    def capacity(self, elements: int, method: Method | None) -> int:
        octets = USER_DATA_OCTETS - self.header_octets(elements, method)
        if self.charset == "gsm":
            return octets * 8 // 7
        return octets // 2 if self.charset == "ucs2" else octets


def ways(rules: TextRules, message_class: int | None = None) -> list[Way]:
    """All that the rules allow; packed GSM counts as GSM."""
    found = []
    if rules.default_alphabet.startswith("gsm") or message_class is not None:
        found += [
            Way("gsm", locking, single)
            for locking in (0, *rules.languages)
            for single in (0, *rules.languages)
        ]
    else:
        found.append(Way(rules.default_alphabet))
    if rules.latin_1 and message_class is None:
        found.append(Way("latin-1"))
    return [*found, Way("ucs2")]


def clusters(text: str) -> list[str]:
    return regex.findall(r"\X", text)


def filled(costs: list[int], room: int) -> int:
    """How many parts of ``room`` units, when no cost may be cut in two."""
    parts, used = 1, 0
    for cost in costs:
        if used + cost > room:
            parts, used = parts + 1, 0
        used += cost
    return parts


def parts_of(
    way: Way, text: str, method: Method, elements: int, graphemes: bool, spare: int = 0
) -> int | None:
    """How many parts a text takes; None when it cannot be written so.

    Args:
        spare: units that stay free in every part.
    """
    costs = way.costs(text)
    if costs is None:
        return None
    if sum(costs) <= way.capacity(elements, None) - spare:
        return 1
    if method in (Method.SAR, Method.PAYLOAD) and (elements or way.locking or way.single):
        return None
    room = way.capacity(elements, method) - spare
    if room < 8:
        return None
    if graphemes:
        left = iter(costs)
        costs = [sum(next(left) for _ in cluster) for cluster in clusters(text)]
        if max(costs) > room:
            return None
    return filled(costs, room)


def fewest(
    text: str,
    rules: TextRules,
    elements: int = 0,
    message_class: int | None = None,
    spare: int = 0,
) -> int | None:
    """The least number of parts; None when a cluster alone takes more than one."""
    found = [
        parts_of(way, text, rules.method, elements, rules.graphemes, spare)
        for way in ways(rules, message_class)
    ]
    return min((parts for parts in found if parts is not None), default=None)


# Texts.

#: Extension characters, both ends of lines, "@" which is zero, letters of all kinds.
_GSM = (*"@€[]{}^~|\\\f\r\n\r\r'\"", *"aéZ 1Δ_¡ø", "\r\n", "Hello, world. ", "Ol\u00e9! ", "x" * 9)
#: What has gone wrong somewhere, by what it is written with.
FAMILIES = (
    _GSM,
    _GSM,
    (*_GSM, *"ğşİıçÇ"),
    (*_GSM, *"ãõêáÁóÍú`"),
    (*"íóúÁç a€", "sí "),
    ("नमस्ते", "क्षि", "हिन्दी ", "१२", "a{A}"),
    ("پاکستان ", "ٹھیک", "۱۲", "a{A}"),
    ("தமிழ் ", "க்ஷ", "௧", "a{A}"),
    (*"éàÿ¾Þ`@~", "Hello. "),
    ("Привет, мир. ", "žluťoučký", "漢字", "한국", "한", "مرحبا", "\u00a0", "`"),
    (
        "\U00020000",
        "👋",
        "👍🏽",
        "👩\u200d👩\u200d👧\u200d👦",
        "🏳️\u200d🌈",
        "🇩🇪",
        "🇩🇪🇫",
        "1\ufe0f\u20e3",
        "x",
    ),
    (
        "e\u0301",
        "o\u0308\u0323",
        "1\ufe0f\u20e3",
        "\u200d",
        "\ufeff",
        "\x00",
        "\x1b",
        "\x1a",
        "\ufffd",
        "x",
    ),
)
PIECES = tuple(dict.fromkeys(piece for family in FAMILIES for piece in family))


def _runs(pieces: tuple[str, ...]) -> st.SearchStrategy[str]:
    run = st.tuples(st.sampled_from(pieces), st.sampled_from((1, 1, 1, 2, 3, 7, 30, 60)))
    runs = st.lists(run, max_size=10)
    return runs.map(lambda runs: "".join([piece * times for piece, times in runs]))


_MIXED = st.sampled_from([*FAMILIES, PIECES]).flatmap(_runs)
_NEAR_FULL = st.builds(
    lambda filler, count, rest: filler * count + rest,
    st.sampled_from("ax@éżß"),
    st.sampled_from(
        [n + d for n in (63, 66, 67, 70, 127, 133, 134, 140, 145, 152, 153, 160) for d in (-2, -1)]
    ),
    _MIXED,
)
#: Any text, with more of what is hard.
TEXTS: st.SearchStrategy[str] = st.one_of(
    _MIXED,
    _MIXED,
    _NEAR_FULL,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(lambda text: text * 20),
)

_LANGUAGES = (
    (),
    (Language.TURKISH,),
    (Language.SPANISH, Language.PORTUGUESE),
    (Language.HINDI, Language.TURKISH),
    (Language.URDU, Language.TAMIL),
    tuple(Language),
)

#: Any rules, transliteration apart.
RULES: st.SearchStrategy[TextRules] = st.sampled_from(
    [
        TextRules(alphabet, languages, latin_1, method, graphemes)
        for alphabet in (*DEFAULT_ALPHABETS, "gsm0338", "gsm0338-packed")
        for languages in (_LANGUAGES if alphabet.startswith("gsm") else _LANGUAGES[:2])
        for latin_1 in (False, True)
        for method in Method
        for graphemes in (True, False)
    ]
)

#: What an application may put in front of each part.
ELEMENTS: st.SearchStrategy[tuple[Any, ...]] = st.sampled_from(
    [
        (),
        (),
        (Ports(9200, 9201),),
        (Ports(4, 5, 8),),
        (MessageIndication(0x80, 3), Ports(1, 2)),
        (Unknown(0x70, b"security"),),
        (Unknown(0x0A, bytes(80)),),
        (Unknown(0x0A, bytes(100)),),
        (Unknown(0x0A, bytes(110)),),
    ]
)

SCRIPTS = (
    "abcdefghijklmnopqrstuvwxyz ABCXYZ 0123456789 .,;:!?@$_#%&'()*+-/<=>\"",
    "äöüßÄÖÜñÑåÅøØæÆéèùìòÇ£¥§¡¿¤ΔΦΓΛΩΠΨΣΘΞ \n\r",
    "{}[]~^|\\€ {€}",
    "ğüşıöçĞÜŞİÖÇ abc",
    "ãõâêôáéíóúàç ABC",
    "áíóúñÁÍÓÚç¿¡ abc",
    "àâçéèêëîïôùûüÿœ ",
    "ąćęłńóśźż ĄĆĘŁ",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя ",
    "αβγδεζηθικλμνξοπρστυφχψω ",
    "אבגדהוזחטיכלמנסעפצקרשת ",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي ",
    "اآبپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنوہھءیے ",
    "अआइईउऊऋएऐओऔकखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहािीुूेैोौ्ं ",
    "அஆஇஈஉஊஎஏஐஒஓகஙசஜஞடணதநனபமயரறலளழவஷஸஹாிீுூெேைொோௌ் ",
    "กขคงจฉชซญดตถทธนบปผฝพฟภมยรลวศษสหอฮะาิีืุูเแโ่้ ",
    "漢字仮名交文日本語中国語東京北京上海電話短信",
    "あいうえおかきくけこアイウエオカキクケコー。、",
    "가나다라마바사아자차카타파하한국어문자",
    "👋👍😀🚗🏠 ok",
    ("👩\u200d👩\u200d👧", "👍🏽", "🇩🇪", "🏳️\u200d🌈", "e\u0301", " ", "x"),
)


def sample(random: Random, script: int | None = None) -> str:
    """Some text in one script or, now and then, two."""
    chosen = [SCRIPTS[random.randrange(len(SCRIPTS)) if script is None else script]]
    if random.random() < 0.2:
        chosen.append(random.choice(SCRIPTS))
    size = random.choice((1, 7, 8, 30, 66, 67, 69, 70, 71, 140, 152, 153, 159, 160, 161, 350, 700))
    characters = [character for script in chosen for character in script]
    return "".join(random.choices(characters, k=size))


# Parts.

KEY = ("acme", "1", "2")


def part(
    number: int, total: int, reference: int = 7, body: bytes | None = None, width: int = 8
) -> Part:
    """One with a text that says which."""
    if body is None:
        body = b"<%d>" % number
    which = Concatenation(reference, total, number, width)
    if width == 0:
        return Part.made(0, body, False, which)
    return Part.made(0, header_of([which]) + body, True)


def text(joined: Joined) -> str | None:
    (decoded,) = joined.decode()
    return decoded.text


def add_all(reassembly: Reassembly, parts: Any, now: float = 0.0) -> list[Joined]:
    return [joined for each in parts for joined in reassembly.add(*KEY, each, now)]
