"""What each of the 256 data_codings says, by the tables of both standards, and back."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from wire_data import load

from twisted_smpp.text.data_coding import (
    Charset,
    MessageWaiting,
    Scheme,
    Waiting,
    data_coding,
    scheme,
)
from twisted_smpp.values import DataCoding

TABLE: dict[str, Any] = load("values.json")["values"]["data_coding"]

#: The names of the SMPP table, and of the alphabets of the GSM groups.
CHARSETS = {
    "MC default alphabet": Charset.DEFAULT,
    "IA5 / ASCII": Charset.ASCII,
    "octets, unspecified (8-bit binary)": Charset.OCTETS,
    "Latin 1 (ISO 8859-1)": Charset.LATIN_1,
    "JIS (X 0208-1990)": Charset.JIS,
    "Cyrillic (ISO 8859-5)": Charset.CYRILLIC,
    "Latin/Hebrew (ISO 8859-8)": Charset.HEBREW,
    "UCS-2 (ISO/IEC 10646), big-endian": Charset.UCS2,
    "pictogram": Charset.OCTETS,
    "ISO-2022-JP (music codes)": Charset.ISO_2022_JP,
    "extended Kanji JIS (X 0212-1990)": Charset.KANJI,
    "KS C 5601": Charset.KOREAN,
    "GSM 7-bit": Charset.GSM,
    "8-bit": Charset.OCTETS,
    "UCS-2": Charset.UCS2,
    "reserved": Charset.OCTETS,
}
KINDS = {
    "voicemail": Waiting.VOICEMAIL,
    "fax": Waiting.FAX,
    "electronic mail": Waiting.EMAIL,
    "other": Waiting.OTHER,
}


def row_of(rows: list[dict[str, Any]], value: int) -> dict[str, Any]:
    found = [row for row in rows if int(row["from"], 16) <= value <= int(row["to"], 16)]
    assert len(found) == 1
    return found[0]


def expected(value: int) -> Scheme:
    """The tables' reading: SMPP's where it has one, GSM's for the rest."""
    smpp = row_of(TABLE["smpp_table"], value)
    if value < 0x10:
        return Scheme(CHARSETS[smpp["name"]])
    group = row_of(TABLE["gsm_0338_dcs_groups"], value)
    bits = f"{value:08b}"
    assert all(p in ("x", b) for p, b in zip(group["pattern"], bits, strict=True))
    general = TABLE["gsm_0338_dcs_groups"][0]["bits"]
    indication = TABLE["gsm_0338_dcs_groups"][3]["bits"]
    match group["name"].partition(",")[0]:
        case "general data coding" | "automatic deletion after reading":
            is_compressed = bits[2] == "1"
            charset = CHARSETS[general["3-2"][bits[4:6]]]
            return Scheme(
                charset=Charset.OCTETS if is_compressed else charset,
                message_class=int(bits[6:], 2) if bits[3] == "1" else None,
                compressed=is_compressed,
                delete=group["pattern"].startswith("01"),
            )
        case "message waiting":
            kind = KINDS[indication["1-0"][bits[6:]]]
            store = group["name"].endswith("store message")
            waiting = MessageWaiting(kind, active=bits[4] == "1", store=store)
            return Scheme(CHARSETS[group["alphabet"]], waiting=waiting)
        case "data coding / message class":
            return Scheme(CHARSETS[group["bits"]["2"][bits[5]]], int(bits[6:], 2))
    assert group["name"] == "reserved groups"
    return Scheme(Charset.OCTETS)


each_group = pytest.mark.parametrize("group", range(0, 256, 16), ids="{:#04x}".format)


@each_group
def test_every_value_is_what_the_tables_say(group: int) -> None:
    for value in range(group, group + 16):
        assert scheme(value) == expected(value), hex(value)


def test_some_of_them_as_people_know_them() -> None:
    assert scheme(0) == Scheme(Charset.DEFAULT)
    assert scheme(8) == Scheme(Charset.UCS2)
    assert scheme(DataCoding.LATIN_1) == Scheme(Charset.LATIN_1)
    # A flash message; one with 8-bit data for the telephone; a flash in UCS-2.
    assert scheme(0x10) == scheme(0xF0) == Scheme(Charset.GSM, 0)
    assert scheme(0xF5) == Scheme(Charset.OCTETS, 1)
    assert scheme(0x18) == Scheme(Charset.UCS2, 0)
    assert scheme(0x32) == Scheme(Charset.OCTETS, 2, compressed=True)
    assert scheme(0x48) == Scheme(Charset.UCS2, delete=True)
    voicemail = MessageWaiting(Waiting.VOICEMAIL, active=True, store=False)
    assert scheme(0xC8) == Scheme(Charset.GSM, waiting=voicemail)
    assert scheme(0xE1).waiting == MessageWaiting(Waiting.FAX, active=False, store=True)
    assert scheme(0x80) == scheme(0xBF) == scheme(0x0F) == Scheme(Charset.OCTETS)


# And back.


def meaning(charset: Charset) -> Charset:
    """The GSM alphabet with neither class nor indication is what data_coding 0 is for."""
    return Charset.DEFAULT if charset is Charset.GSM else charset


@each_group
def test_every_value_said_again_says_the_same(group: int) -> None:
    for said in map(scheme, range(group, group + 16)):
        again = scheme(data_coding(said.charset, said.message_class, said.waiting))
        if said.message_class is None and said.waiting is None:
            said = said._replace(charset=meaning(said.charset))
        # There is no need to write what is compressed, or is to be deleted.
        assert again == said._replace(compressed=False, delete=False)


def test_values_that_peers_know_are_written() -> None:
    assert {charset: data_coding(charset) for charset in Charset} == {
        Charset.DEFAULT: 0,
        Charset.GSM: 0,
        Charset.ASCII: 1,
        Charset.LATIN_1: 3,
        Charset.OCTETS: 4,
        Charset.JIS: 5,
        Charset.CYRILLIC: 6,
        Charset.HEBREW: 7,
        Charset.UCS2: 8,
        Charset.ISO_2022_JP: 10,
        Charset.KANJI: 13,
        Charset.KOREAN: 14,
    }
    for number in range(4):
        assert data_coding(Charset.DEFAULT, number) == 0xF0 + number
        assert data_coding(Charset.GSM, number) == 0xF0 + number
        assert data_coding(Charset.OCTETS, number) == 0xF4 + number
        assert data_coding(Charset.UCS2, number) == 0x18 + number
    voicemail = MessageWaiting(Waiting.VOICEMAIL, active=True, store=False)
    assert data_coding(Charset.DEFAULT, waiting=voicemail) == 0xC8
    assert data_coding(Charset.GSM, waiting=voicemail._replace(store=True)) == 0xD8
    assert data_coding(Charset.UCS2, waiting=MessageWaiting(Waiting.OTHER, False, True)) == 0xE3


WAITING = [MessageWaiting(*each) for each in product(Waiting, (True, False), (True, False))]


def test_all_that_can_be_asked_for_is_said_or_refused() -> None:
    """Nothing is dropped in silence: what is written reads as what was asked for."""
    said = 0
    for charset, number, waiting in product(Charset, [None, 0, 1, 2, 3], [None, *WAITING]):
        try:
            value = data_coding(charset, number, waiting)
        except ValueError:
            assert number is not None or waiting is not None
            continue
        said += 1
        assert 0 <= value <= 255
        wanted = Scheme(charset, number, waiting)
        if number is None and waiting is None:
            assert scheme(value).charset is meaning(charset)
        else:
            if charset is Charset.DEFAULT:
                wanted = wanted._replace(charset=Charset.GSM)
            assert scheme(value) == wanted
    # Each character set; four classes of four; indications in GSM (twice) and UCS-2.
    assert said == len(Charset) + 4 * 4 + 2 * 16 + 8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((Charset.GSM, 4), r"message_class: 4 is not 0, 1, 2 or 3"),
        ((Charset.UCS2, -1), r"message_class: -1 is not 0, 1, 2 or 3"),
        ((Charset.LATIN_1, 0), r"a message in latin-1 cannot have a message class"),
        ((Charset.KOREAN, 1), r"a message in euc-kr cannot have a message class"),
        ((Charset.GSM, 1, WAITING[0]), r"a message class or message waiting, not both"),
        (
            (Charset.UCS2, None, MessageWaiting(Waiting.FAX, True, store=False)),
            r"no message waiting indication in ucs-2 that is discarded",
        ),
        (
            (Charset.ASCII, None, MessageWaiting(Waiting.FAX, True, store=True)),
            r"no message waiting indication in ascii that is stored",
        ),
    ],
)
def test_what_no_value_says_is_refused_in_words(arguments: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        data_coding(*arguments)
