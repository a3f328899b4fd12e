# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The texts of receipts: the dialects of message centres, and forms of vendors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_kit import text_examples

from twisted_smpp.text.receipt import Receipt
from twisted_smpp.text.receipt_forms import (
    FORMS,
    KEYS,
    MOST_COLONS,
    STANDARD,
    STATES,
    VODAFONE,
    Form,
    register_form,
)
from twisted_smpp.values import MessageState

parse = Receipt.parse


@pytest.mark.parametrize(
    ("text", "message_id", "stat", "state"),
    [
        (b"id:1 stat:DELIVRD", "1", "DELIVRD", MessageState.DELIVERED),
        (b"id:1 stat:delivrd text:", "1", "delivrd", MessageState.DELIVERED),
        (b"ID:abc STAT:UNDELIV ERR:0x1A", "abc", "UNDELIV", MessageState.UNDELIVERABLE),
        (b"stat:EXPIRED id:1", "1", "EXPIRED", MessageState.EXPIRED),
        (b"id: 1 stat: REJECTD ", "1", "REJECTD", MessageState.REJECTED),
        (b"id : 1 stat  :  REJECTD ", "1", "REJECTD", MessageState.REJECTED),
        (b" \r\n id:1 stat:DELETED", "1", "DELETED", MessageState.DELETED),
        (b"id:1 stat:STRANGE", "1", "STRANGE", None),
        (b"id:1\nstat:ENROUTE\r\nsub:1", "1", "ENROUTE", MessageState.ENROUTE),
        (b"id:1,sub:001,stat:ACCEPTD,err:000", "1", "ACCEPTD", MessageState.ACCEPTED),
        (b"id:1; stat:ACCEPTD; err:000;", "1", "ACCEPTD", MessageState.ACCEPTED),
        (b"id:1|stat:ACCEPTD", "1", "ACCEPTD", MessageState.ACCEPTED),
        (b"id:1\tstat:UNKNOWN\0", "1", "UNKNOWN", MessageState.UNKNOWN),
        (b"sub:001 dlvrd:001", "", "", None),
        (b"", "", "", None),
        (b":", "", "", None),
        (b"stat:\x85", "", "\x85", None),  # white space elsewhere, but not in ASCII
        (b"stat:DELIVRD\tto handset", "", "DELIVRD\tto handset", MessageState.DELIVERED),
        (b"nothing of the kind", "", "", None),
        (b"\xff\x00\xfe", "", "", None),
        (b"id:9f9e-uuid stat:ACCEPTD", "9f9e-uuid", "ACCEPTD", MessageState.ACCEPTED),
        (b"id:1 2 stat:DELIVRD to handset", "1 2", "DELIVRD to handset", MessageState.DELIVERED),
        (b"id:\xe9 stat:DELIVRD", "\xe9", "DELIVRD", MessageState.DELIVERED),
    ],
)
def test_R01_receipts_in_many_dialects(
    text: bytes, message_id: str, stat: str, state: int | None
) -> None:
    got = parse(text)
    assert (got.message_id, got.stat, got.message_state) == (message_id, stat, state)
    assert got.raw == text


def test_R01_dates_of_10_or_12_digits_and_the_text_as_it_is() -> None:
    got = parse(
        b"id:1 sub:001 dlvrd:001 submit date:260102030405 done date:2601020304 "
        b"stat:DELIVRD err:000 Text:id:2 stat:EXPIRED \xe9"
    )
    assert got.fields["submit date"] == "260102030405"
    assert got.fields["done date"] == "2601020304"
    assert got.fields["text"] == "id:2 stat:EXPIRED é"
    assert got.text == b"id:2 stat:EXPIRED \xe9"
    assert (got.message_id, got.stat) == ("1", "DELIVRD")


def test_R01_the_first_of_two_counts() -> None:
    got = parse(b"id:1 id:2 stat:DELIVRD stat:EXPIRED STAT:DELETED")
    assert (got.message_id, got.stat) == ("1", "DELIVRD")


@pytest.mark.parametrize(
    ("text", "message_id"),
    [
        (b"id:grid:5 stat:DELIVRD", "grid:5"),
        (b"id: grid:5 stat:DELIVRD", "grid:5"),
        (b"id:id:5", "id:5"),
        (b"id:sub:5", "sub:5"),
        (b"id:submit date:5", "submit"),
        (b"id:1xid:2", "1xid:2"),
        (b"id:10:20:30 stat:DELIVRD", "10:20:30"),
        (b"id: a: b", ""),
    ],
)
def test_R01_a_key_begins_the_text_or_follows_a_separator(text: bytes, message_id: str) -> None:
    got = parse(text)
    if message_id:
        assert got.message_id == message_id
    else:
        assert got.fields == {"id": "a: b"}


def test_R01_keys_of_two_words_with_any_spaces_between() -> None:
    got = parse(b"id:1 Submit  Date:2601020304,DONE\tDATE : 2601020305")
    assert got.submit_date == datetime(2026, 1, 2, 3, 4)
    assert got.done_date == datetime(2026, 1, 2, 3, 5)
    assert tuple(got.fields) == ("id", "submit date", "done date")


def test_R01_fields_of_a_vendor_end_values_and_are_kept() -> None:
    got = parse(b"id:1 mccmnc:26201 stat:DELIVRD price_1:0.02 err:000 1st:x text:a key:b")
    assert got.fields == {
        "id": "1",
        "mccmnc": "26201",
        "stat": "DELIVRD",
        "price_1": "0.02",
        "err": "000 1st:x",
        "text": "a key:b",
    }
    assert parse(b"x" * 33 + b":1 id:2 " + b"y" * 32 + b":3").fields == {"id": "2", "y" * 32: "3"}


def test_R01_no_more_colons_than_a_receipt_has_are_looked_at() -> None:
    key = b"a%d:1 "
    most = b"".join(key % number for number in range(MOST_COLONS - 1))
    assert parse(most + b"id:7 x").message_id == "7 x"
    assert parse(most + key % 99 + b"id:7").message_id == ""
    assert parse(b"id:7 " + b"x:" * 500).message_id.startswith("7")


def test_R01_names_that_message_centres_have_for_the_fields() -> None:
    for key, field in KEYS.items():
        got = parse(b"stray " + key.upper().encode() + b":2601")
        assert got.fields == {field: "2601"}


def test_R01_words_that_message_centres_have_for_the_states() -> None:
    for word, state in STATES.items():
        assert parse(b"stat:" + word.encode()).message_state is state
        assert parse(b"stat:" + word.lower().encode()).message_state is state
    assert STATES["FAILED"] is STATES["UNDELIVERABLE"] is MessageState.UNDELIVERABLE
    assert set(STATES.values()) == set(MessageState)


# What is there but cannot be read.


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2601020304", datetime(2026, 1, 2, 3, 4)),
        ("9912312359", datetime(2099, 12, 31, 23, 59)),
        ("260102030405", datetime(2026, 1, 2, 3, 4, 5)),
        ("202601020304", datetime(2026, 1, 2, 3, 4)),
        ("201506201641", datetime(2015, 6, 20, 16, 41)),
        ("201201020304", datetime(2020, 12, 1, 2, 3, 4)),
        ("20260102030405", datetime(2026, 1, 2, 3, 4, 5)),
        ("180711070003912+", datetime(2018, 7, 11, 7, 0, 3, 900_000)),
        ("180711070003012-", datetime(2018, 7, 11, 7, 0, 3)),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5)),
        ("2026-01-02T03:04:05+01:00", datetime(2026, 1, 2, 3, 4, 5)),
        ("0000000000", None),
        ("000000000000", None),
        ("", None),
    ],
)
def test_R01_times_in_many_forms(value: str, expected: datetime | None) -> None:
    got = parse(f"id:1 submit date:{value} done date:{value} stat:DELIVRD".encode())
    assert got.submit_date == got.done_date == expected
    assert got.problems == ()
    assert got.stat == "DELIVRD"


@pytest.mark.parametrize(
    "value",
    [
        "99",
        "2613020304",
        "2602300000",
        "26010203045",
        "260102030461",
        "20260230000000",
        "260102030400000000",
        "180711070003912R",
        "2026-13-01 00:00:00",
        "\xb22601020304",
        "+601020304",
    ],
)
def test_field_31_no_time_is_a_problem_and_no_error(value: str) -> None:
    got = parse(f"submit date:2601020304 done date:{value}".encode("latin-1"))
    assert got.done_date is None
    (problem,) = got.problems
    assert problem.startswith(f"done date: not a time: {value.partition(' ')[0]!r}")
    assert got.fields["done date"] == value


@pytest.mark.parametrize("value", ["1a", "-1", "1.5", "\xb2", "1234567890", "001 001", "9" * 5000])
def test_field_31_no_number_is_a_problem_and_no_error(value: str) -> None:
    got = parse(f"sub:{value} dlvrd:{value}".encode("latin-1"))
    assert got.sub is got.dlvrd is None
    assert [problem.partition(":")[0] for problem in got.problems] == ["sub", "dlvrd"]
    assert len("".join(got.problems)) < 250


def test_field_31_counts_of_any_width() -> None:
    got = parse(b"sub:1 dlvrd:0028")
    assert (got.sub, got.dlvrd, got.problems) == (1, 28, ())


def test_field_31_an_unknown_word_is_a_problem_and_no_error() -> None:
    got = parse(b"stat:BROKEN err:E12")
    assert got.problems == ("stat: not a word for a state: 'BROKEN'",)
    assert got.err == "E12"


@pytest.mark.parametrize(
    "text",
    [
        # Seconds, and four digits of error; a library ended its session at each of these.
        b"id:1 sub:001 dlvrd:001 submit date:170627162405 done date:170627162406 stat:DELIVRD "
        b"err:5107 text:Hllo world",
        # No sub.
        b"id:1526758174 submit date:1701240904 done date:1701240904 stat:DELIVRD err:000 text:hi",
        # Nothing but an id, a state and an error that is no number.
        b"id:c449 stat:DELIVRD err:21b",
    ],
)
def test_field_32_what_other_parsers_stumble_over(text: bytes) -> None:
    got = parse(text)
    assert got.delivered
    assert got.err in ("5107", "000", "21b")
    assert got.problems == ()


# Forms of vendors.


def test_field_32_commas_and_no_keys() -> None:
    delivered = b"00,0210021543,0210021500,,447887123456,10110200000000,we2345678i9o03er45ty67u"
    got = parse(delivered, VODAFONE)
    assert got.delivered
    assert got.done_date == datetime(2002, 10, 2, 15, 43)
    assert got.submit_date == datetime(2002, 10, 2, 15, 0)
    assert got.fields["destination"] == "447887123456"
    assert got.fields["source"] == "10110200000000"
    assert got.fields["reserved"] == "we2345678i9o03er45ty67u"
    assert (got.err, got.message_id) == ("", "")
    assert got.missing == ("id", "sub", "dlvrd", "err", "text")
    assert got.problems == ()
    later = parse(b"01, 0210021543,0210021500,30,447887123456,10110200000999,a,b", VODAFONE)
    assert (later.message_state, later.err) == (MessageState.ENROUTE, "30")
    assert later.done_date == datetime(2002, 10, 2, 15, 43)
    assert later.fields["reserved"] == "a,b"


def test_field_32_a_text_with_keys_is_read_by_its_keys_nevertheless() -> None:
    got = parse(b"id:1 sub:001 stat:DELIVRD text:a,b,c", VODAFONE)
    assert (got.message_id, got.message_state) == ("1", MessageState.DELIVERED)


@pytest.fixture
def forms() -> Iterator[dict[str, Form]]:
    before = dict(FORMS)
    yield FORMS
    FORMS.clear()
    FORMS.update(before)


def test_field_32_a_form_of_ones_own(forms: dict[str, Form]) -> None:
    form = register_form(
        Form(
            "mine",
            keys={"Ticket No": "id", "Outcome": "stat", "cell": "cell"},
            states={"0": MessageState.DELIVERED, "Lost": MessageState.UNKNOWN},
            separators="/",
        )
    )
    assert forms["mine"] is form
    assert repr(form) == "<Form mine>"
    got = parse(b"TICKET NO:7/outcome:0/cell:Z,9/err:1;stat:2 text:/x", form)
    assert (got.message_id, got.message_state) == ("7", MessageState.DELIVERED)
    assert got.fields["cell"] == "Z,9"
    assert got.err == "1;stat:2"
    assert got.text == b"/x"
    assert parse(b"outcome:lost", form).message_state is MessageState.UNKNOWN
    assert parse(b"outcome:REJECTD", form).message_state is MessageState.REJECTED
    # The standard form has learnt nothing by it.
    assert parse(b"id:7/err:1", STANDARD).message_id == "7/err:1"


def test_field_32_columns_may_end_in_the_text() -> None:
    form = Form("columns", columns=("id", "stat", "text"))
    got = parse(b"7,DELIVRD, Hello, you ", form)
    assert (got.message_id, got.stat) == ("7", "DELIVRD")
    assert got.text == b" Hello, you "
    assert got.fields["text"] == "Hello, you"


def test_field_32_a_name_is_given_once(forms: dict[str, Form]) -> None:
    assert forms == {"standard": STANDARD, "vodafone": VODAFONE}
    with pytest.raises(ValueError, match="there is a form of the name 'standard'"):
        register_form(Form("standard"))
    assert forms["standard"] is STANDARD


@pytest.mark.parametrize("key", ["", "a b c", "id:", ","])
def test_field_32_a_key_is_one_or_two_words(key: str) -> None:
    with pytest.raises(ValueError, match="is not one or two words without a colon"):
        Form("bad", keys={key: "id"})


# Any order, spacing and case.

VALUE = st.text("abcXYZ0123456789-_.", min_size=1, max_size=12)
CASES = (str.lower, str.upper, str.title)
SPACES = st.sampled_from(["", " ", "  "])
GAPS = st.sampled_from([" ", "  ", "\n", "\r\n", "\t", ",", ", ", ";", " | ", "\0"])


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """A text, and the fields that it has."""
    keys = draw(st.permutations(sorted(KEYS)))[: draw(st.integers(0, len(KEYS)))]
    keys = [key for key in keys if KEYS[key] != "text"]
    text, fields = draw(SPACES), {}
    for key in keys:
        value = draw(VALUE)
        fields.setdefault(KEYS[key], value)
        text += draw(st.sampled_from(CASES))(key) + draw(SPACES) + ":" + draw(SPACES) + value
        text += draw(GAPS)
    if draw(st.booleans()):
        fields["text"] = draw(st.text(st.characters(codec="latin-1"), max_size=30))
        text += "Text:" + fields["text"]
        fields["text"] = fields["text"].strip(" \t\n\v\f\r\0")
    return text, fields


@given(texts())
@text_examples
def test_R01_any_order_spacing_and_case(example: tuple[str, dict[str, str]]) -> None:
    text, fields = example
    got = parse(text.encode("latin-1"))
    assert got.fields == fields
    if "text" in fields:
        assert got.text.decode("latin-1").strip(" \t\n\v\f\r\0") == fields["text"]
    else:
        assert got.text == b""
    assert set(got.missing) == {
        "id", "sub", "dlvrd", "submit date", "done date", "stat", "err", "text",
    } - set(fields)  # fmt: skip


def test_R01_keys_without_a_space() -> None:
    got = parse(b"id:1,sub:001,dlvrd:001,submitdate:2601020304,donedate:2601020506,stat:DELIVRD")
    assert got.missing == ("err", "text")
    assert got.done_date == datetime(2026, 1, 2, 5, 6)
