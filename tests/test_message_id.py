# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Message ids that a receipt writes otherwise than the response: by strategy, and learnt."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_kit import text_examples

from twisted_smpp.text.message_id import SETTLE_AFTER, STRATEGIES, Match, MessageIds

LOOSE = ("case-insensitive", "leading zeros", "hex to decimal", "decimal to hex")


def ids(strategy: str, *pairs: tuple[str, Any], **more: Any) -> MessageIds[Any]:
    made: MessageIds[Any] = MessageIds(strategy, **more)
    for message_id, item in pairs:
        made.add(message_id, item)
    return made


def test_one_id_of_two_messages_is_ambiguous_also_once_it_is_known_how_ids_are_written() -> None:
    pairs = [(f"id-{number}", number) for number in range(SETTLE_AFTER)]
    made = ids("learn", *pairs, ("twice", "a"), ("twice", "b"))
    assert [made.match(message_id) for message_id, _ in pairs] == list(range(SETTLE_AFTER))
    assert made.settled == "verbatim"
    assert made.find("twice") == Match(ambiguous=True)
    assert made.find("id-1") == Match(1, "verbatim")
    assert (made.matched, made.ambiguous) == (SETTLE_AFTER + 1, 1)


# Fixed strategies.


@pytest.mark.parametrize(
    ("submitted", "receipt_id", "fits"),
    [
        ("1A2B", "1A2B", ("verbatim", *LOOSE)),
        ("1a2b", "1A2B", ("case-insensitive", "leading zeros")),
        # Leading zeros, and the case too, as one went lost together with them.
        ("0e999f21-81ef", "e999f21-81ef", ("leading zeros",)),
        ("0e999f21-81ef", "E999F21-81EF", ("leading zeros",)),
        ("7", "0000000007", ("leading zeros", "hex to decimal", "decimal to hex")),
        ("000", "0", ("leading zeros", "hex to decimal", "decimal to hex")),
        ("33E95179", "870928761", ("hex to decimal",)),
        ("33e95179", "0870928761", ("hex to decimal",)),
        ("870928761", "33E95179", ("decimal to hex",)),
        ("0870928761", "0033e95179", ("decimal to hex",)),
        ("10C8F40D", "281605133", ("hex to decimal",)),
        ("1891273321", "70BA8A69", ("decimal to hex",)),
        ("F" * 16, "18446744073709551615", ("hex to decimal",)),
        # Not the same in any way.
        ("1A2B", "1A2C", ()),
        ("1A2B", "", ()),
        ("1A2B", "1A2B ", ()),
        ("xyz", "XYZ0", ()),
        ("12", "1_2", ()),
        ("12", "+12", ()),
        ("12", "\xb92", ()),
        ("12", "\u0661\u0662", ()),
        ("12", "\uff11\uff18", ()),
        ("12", "0x0C", ()),
        ("x" * 65, "X" * 65, ()),
        ("1", "0" * 64 + "1", ()),
    ],
)
def test_R02_what_counts_as_the_same(
    submitted: str, receipt_id: str, fits: tuple[str, ...]
) -> None:
    for strategy in ("verbatim", *LOOSE):
        found = ids(strategy, (submitted, "it")).match(receipt_id)
        assert (found == "it") is (strategy in fits or submitted == receipt_id), strategy
    both = {"hex to decimal", "decimal to hex"} & set(fits) or submitted == receipt_id
    assert ids("hex-decimal", (submitted, "it")).match(receipt_id) == ("it" if both else None)
    assert ids("learn", (submitted, "it")).match(receipt_id) == ("it" if fits else None)


@pytest.mark.parametrize("strategy", ["verbatim", "case-insensitive", "leading zeros"])
def test_R02_the_same_characters_come_first(strategy: str) -> None:
    many = ids(strategy, ("10", "a"), ("A", "b"), ("16", "c"), ("010", "d"), ("0A", "e"))
    assert [many.match(each) for each in ("10", "A", "16", "010", "0A")] == list("abcde")
    assert many.find("A").strategy == "verbatim"
    assert many.ambiguous == 0


def test_R02_the_same_digits_may_be_another_number() -> None:
    pairs = ("10", "sixteen"), ("16", "twenty-two")
    assert ids("hex to decimal", *pairs).find("16") == ("sixteen", "hex to decimal", False)
    assert ids("hex to decimal", *pairs).find("22") == ("twenty-two", "hex to decimal", False)
    assert ids("decimal to hex", *pairs).find("10") == ("twenty-two", "decimal to hex", False)
    assert ids("hex to decimal", *pairs).match("10") == "sixteen"  # not converted by the sender
    for undecided in ("hex-decimal", "learn"):
        assert ids(undecided, *pairs).find("16") == (None, "", True)


def test_R02_what_was_learnt_tells_which_number_it_is() -> None:
    made = ids("learn", *((f"{number:x}", number) for number in range(200, 210)))
    assert [made.match(str(number)) for number in range(200, 210)] == list(range(200, 210))
    assert made.settled == "hex to decimal"
    made.add("10", "sixteen")
    assert made.match("16") == "sixteen"
    made.add("16", "twenty-two")
    assert made.match("16") == "sixteen"
    # What was not converted was so once, and may be again: then nobody can tell.
    made.add("5555", "not converted")
    assert made.match("5555") == "not converted"
    assert made.find("16") == (None, "", True)
    assert MessageIds(state=made.state())._is_mixed

    made = ids("learn", *((f"{number}x", number) for number in range(10)))
    assert [made.match(f"{number}x") for number in range(10)] == list(range(10))
    assert made.settled == "verbatim"
    made.add("10", "ten")
    made.add("16", "sixteen")
    assert made.match("16") == "sixteen"


def learnt_to_convert() -> MessageIds[int]:
    made = ids("learn", *((f"{number:x}", number) for number in range(200, 210)))
    assert [made.match(str(number)) for number in range(200, 210)] == list(range(200, 210))
    assert made.settled == "hex to decimal"
    return made


@pytest.mark.parametrize("not_converted", ["ABCDEF", "12ab", "5555"])
def test_R02_one_that_was_not_converted_leaves_two_that_fit(not_converted: str) -> None:
    made = learnt_to_convert()
    for message_id, item in (("10", 16), ("16", 22), (not_converted, 1)):
        made.add(message_id, item)
    assert made.match("16") == 16
    assert made.match(not_converted) == 1
    assert made.find("16") == (None, "", True)


def test_R02_one_to_come_may_be_the_one_where_not_each_is_converted() -> None:
    made = learnt_to_convert()
    made.add("10", 16)
    assert not made.may_change("16")  # found by its number, as all have been
    made.add("12ab", 1)
    assert made.match("12ab") == 1
    assert made.may_change("16")
    made.add("16", 22)
    assert not made.may_change("16")  # it fits two, and will


def test_R02_an_id_to_come_may_change_what_a_short_number_belongs_to() -> None:
    for strategy in ("learn", "hex-decimal", "decimal to hex"):
        assert ids(strategy, ("10", "ten")).may_change("10"), strategy
        assert not ids(strategy, ("9", "nine")).may_change("9"), strategy  # nine in both
        assert not ids(strategy, ("123456789", "long")).may_change("123456789"), strategy
        assert ids(strategy, ("12345678", "short")).may_change("12345678"), strategy
    both = ("10", "ten"), ("16", "sixteen")
    assert not ids("decimal to hex", *both).may_change("10")  # found by its number
    assert not ids("decimal to hex", *both).may_change("message-10")
    assert ids("learn", *both).may_change("message-10")  # perhaps in another case
    for strategy in ("verbatim", "case-insensitive", "leading zeros"):
        assert not ids(strategy, *both).may_change("10"), strategy


def test_R02_nothing_is_learnt_from_what_fits_both_ways() -> None:
    made = ids("learn", *((str(number), number) for number in range(1, 10)), settle_after=5)
    assert [made.match(str(number)) for number in range(1, 10)] == list(range(1, 10))
    assert made.settled is None
    made.add("27", 27)
    assert made.match("27") == 27
    assert made.settled == "verbatim"


@pytest.mark.parametrize(
    ("strategy", "submitted", "receipt_id"),
    [
        ("verbatim", ("1", "1"), "1"),
        ("case-insensitive", ("ab", "AB"), "Ab"),
        ("leading zeros", ("01", "001"), "1"),
        ("hex to decimal", ("0A", "A"), "10"),
        ("decimal to hex", ("10", "010"), "A"),
        ("hex-decimal", ("A", "16"), "10"),
        ("learn", ("ab", "AB"), "Ab"),
        ("learn", ("010", "A"), "10"),
    ],
)
def test_R02_an_ambiguous_match_is_none(
    strategy: str, submitted: tuple[str, str], receipt_id: str
) -> None:
    two = ids(strategy, (submitted[0], "a"), (submitted[1], "b"))
    assert two.match(receipt_id) is None
    assert two.find(receipt_id) == Match(None, "", ambiguous=True)
    assert (two.matched, two.unknown, two.ambiguous) == (0, 0, 2)
    two.discard(submitted[0], "a")
    assert two.find(receipt_id).item == "b"
    assert (two.matched, two.unknown, two.ambiguous) == (1, 0, 2)
    two.discard(submitted[1], "b")
    assert two.find(receipt_id) == Match(None, "", ambiguous=False)
    assert (two.matched, two.unknown, two.ambiguous) == (1, 1, 2)


def test_R02_two_ids_of_one_item_are_not_ambiguous() -> None:
    """The parts of a long message have one handle."""
    parts = ids("leading zeros", ("01", "it"), ("001", "it"))
    assert parts.match("1") == "it"
    parts.discard("01", "it")
    assert parts.match("1") == "it"
    parts.add("01", "it")
    parts.add("0001", "other")
    assert parts.match("1") is None
    parts.discard("0001", "other")
    assert parts.match("1") == "it"
    parts.discard("001", "it")
    assert parts.match("1") == "it"
    parts.discard("01", "it")
    assert parts.match("1") is None


def test_field_5_ids_are_never_changed() -> None:
    match = ids("leading zeros", ("007", "it")).find("7")
    assert match == Match("it", "leading zeros", ambiguous=False)
    zeros = ids("verbatim", ("007", "it"))
    assert (zeros.match("7"), zeros.match("007")) == (None, "it")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("submitted", "received"), [("33E95179", "870928761"), ("16", "010")])
def test_receipts_may_wait_for_their_response_instead(
    strategy: str, submitted: str, received: str
) -> None:
    responses = ids(strategy, (submitted, "it"))
    receipts = ids(strategy, (received, "it"), of_receipts=True)
    assert receipts.match(submitted) == responses.match(received)
    receipts.discard(received, "it")
    assert receipts.match(submitted) is None
    assert tables(receipts) == [{}] * 3


def test_the_same_pair_is_there_once() -> None:
    one = ids("learn", ("Ab", "it"), ("Ab", "it"), ("", "it"))
    assert len(one) == 1
    one.discard("Ab", "other")
    one.discard("ab", "it")
    one.discard("", "it")
    assert (len(one), one.match("aB")) == (1, "it")
    one.discard("Ab", "it")
    one.discard("Ab", "it")
    assert len(one) == 0
    assert one.match("Ab") is one.match("aB") is None


def test_one_id_for_every_message_is_no_id() -> None:
    """A message centre was seen that gives all messages the same one."""
    many = ids("learn", *(("msg_id_not_implemented", number) for number in range(50_000)))
    start = process_time()
    for _ in range(2_000):
        assert many.find("msg_id_not_implemented").ambiguous
    assert process_time() - start < 0.5, "it takes as long as there are items"
    for number in range(49_999):
        many.discard("msg_id_not_implemented", number)
    assert many.match("MSG_ID_NOT_IMPLEMENTED") == 49_999


def test_nothing_is_kept_of_what_is_discarded() -> None:
    pairs = [(f"{number:08x}", number % 7) for number in range(1000)]
    made = ids("learn", *pairs)
    for pair in pairs:
        made.discard(*pair)
    assert tables(made) == [{}] * 3


def tables(made: MessageIds[Any]) -> list[dict[str, Any]]:
    every = made._verbatim, made._in_lower_case, made._made_plain
    return [table.all_items for table in every]


def test_an_id_that_is_written_plainly_is_kept_once() -> None:
    made = ids("learn", *((f"{number:x}", number) for number in range(1, 100)))
    assert [len(table) for table in tables(made)] == [99, 0, 0]


@pytest.mark.parametrize("wrong", [{"strategy": "loose"}, {"settle_after": 0}])
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MessageIds(**wrong)


# Learning.

#: For each way to write an id: those of responses and of receipts.
WAYS = {
    "verbatim": (lambda number: f"{number:08X}x", lambda number: f"{number:08X}x"),
    "case-insensitive": (lambda number: f"{number:08X}x", lambda number: f"{number:08x}x"),
    "leading zeros": (lambda number: f"{number:08X}x", lambda number: f"{number:x}X"),
    "hex to decimal": (lambda number: f"{number:08X}", lambda number: f"{number}"),
    "decimal to hex": (lambda number: f"{number}", lambda number: f"{number:x}"),
}
#: Numbers whose digits are different in each way to write them.
NUMBERS = [0x0ABCDE00 + 7919 * number for number in range(200)]


def learn(made: MessageIds[int], way: str, numbers: list[int]) -> list[int | None]:
    """Submits and receives each number; returns what was matched."""
    matches = []
    for number in numbers:
        submitted, received = (write(number) for write in WAYS[way])
        made.add(submitted, number)
        matches.append(made.match(received))
        made.discard(submitted, number)
    return matches


@pytest.mark.parametrize("way", WAYS)
def test_field_4_it_learns_how_this_message_centre_writes_ids(way: str) -> None:
    made: MessageIds[int] = MessageIds()
    assert learn(made, way, NUMBERS[: SETTLE_AFTER - 1]) == NUMBERS[: SETTLE_AFTER - 1]
    assert made.settled is None
    assert f"{SETTLE_AFTER - 1} for {way!r}" in made.report()
    assert learn(made, way, NUMBERS[:1]) == NUMBERS[:1]
    assert made.settled == way
    assert f"learnt {way!r}; {SETTLE_AFTER} receipts matched" in made.report()
    assert learn(made, way, NUMBERS) == NUMBERS


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("other", WAYS)
def test_field_4_what_it_has_learnt_is_all_that_counts(way: str, other: str) -> None:
    made: MessageIds[int] = MessageIds(settle_after=3)
    learn(made, way, NUMBERS[:3])
    assert made.settled == way
    matches = learn(made, other, NUMBERS[:2])
    explained = other in (way, "verbatim") or (way, other) == ("leading zeros", "case-insensitive")
    assert matches == (NUMBERS[:2] if explained else [None, None])
    assert made.unknown == (0 if explained else 2)
    # The third receipt that it does not explain makes it begin anew, and three more settle.
    learn(made, other, NUMBERS[:1])
    assert made.settled == (way if explained else None)
    learn(made, other, NUMBERS[:3])
    assert made.settled == (way if explained else other)


def test_field_4_one_that_does_not_fit_begins_the_row_anew() -> None:
    made: MessageIds[int] = MessageIds(settle_after=3)
    learn(made, "hex to decimal", NUMBERS[:2])
    learn(made, "case-insensitive", NUMBERS[:2])
    learn(made, "hex to decimal", NUMBERS[:2])
    assert made.settled is None
    learn(made, "hex to decimal", NUMBERS[:1])
    assert made.settled == "hex to decimal"


def test_field_4_the_strictest_that_explains_all_is_taken() -> None:
    made: MessageIds[int] = MessageIds(settle_after=3)
    learn(made, "case-insensitive", NUMBERS[:2])
    learn(made, "leading zeros", NUMBERS[:1])
    assert made.settled == "leading zeros"


def test_field_4_verbatim_receipts_speak_against_nothing() -> None:
    """A TLV may be right where the text is not."""
    made: MessageIds[int] = MessageIds(settle_after=3)
    for start in range(3):
        learn(made, "verbatim", NUMBERS[:2])
        assert learn(made, "hex to decimal", NUMBERS[start : start + 1]) == [NUMBERS[start]]
    assert made.settled == "hex to decimal"


def test_field_4_unknown_and_ambiguous_receipts_teach_nothing() -> None:
    made: MessageIds[int] = MessageIds(settle_after=2)
    made.add("ab", 1)
    made.add("AB", 2)
    before = made.state()
    for _ in range(5):
        assert made.match("aB") is made.match("nothing") is None
    assert made.state() == before
    assert (made.unknown, made.ambiguous) == (5, 5)


def test_field_4_now_and_then_a_stray_receipt_does_not_unsettle_it() -> None:
    made: MessageIds[int] = MessageIds(settle_after=3)
    learn(made, "hex to decimal", NUMBERS[:3])
    for _ in range(20):
        assert learn(made, "case-insensitive", NUMBERS[:1]) == [None]
        assert learn(made, "hex to decimal", NUMBERS[:1]) == NUMBERS[:1]
    assert made.settled == "hex to decimal"


def test_field_4_what_several_could_explain_otherwise_does_not_unsettle_it() -> None:
    made = ids("learn", settle_after=2)
    learn(made, "hex to decimal", NUMBERS[:2])
    made.add("ab", 1)
    made.add("AB", 2)
    for _ in range(5):
        assert made.match("aB") is None
    assert made.settled == "hex to decimal"
    assert (made.unknown, made.ambiguous) == (5, 0)


def test_field_4_it_can_be_told_to_forget() -> None:
    made: MessageIds[int] = MessageIds(settle_after=2)
    learn(made, "decimal to hex", NUMBERS[:2])
    made.forget()
    assert made.settled is None
    assert made.state() == MessageIds().state()


def test_field_4_its_state_is_plain_data() -> None:
    made: MessageIds[int] = MessageIds(settle_after=3)
    learn(made, "leading zeros", NUMBERS[:2])
    state, text = made.state(), json.dumps(made.state())
    assert json.loads(text) == state
    again: MessageIds[int] = MessageIds(settle_after=3, state=state)
    learn(again, "leading zeros", NUMBERS[:1])
    learn(made, "case-insensitive", NUMBERS[:1])
    assert again.settled == "leading zeros"
    assert json.dumps(state) == text, "it is shared"
    settled = MessageIds(state=json.loads(json.dumps(again.state())))
    assert settled.settled == "leading zeros"
    assert learn(settled, "case-insensitive", NUMBERS[:1]) == NUMBERS[:1]
    assert learn(settled, "hex to decimal", NUMBERS[:1]) == [None]
    assert settled.state()["against"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"for": {"verbatim": 1}},
        {"for": []},
        {"settled": "hex-decimal"},
        {"settled": ["verbatim"]},
        {"against": None},
        {"against": -1},
        {"for": dict.fromkeys(("verbatim", *LOOSE), "1")},
    ],
)
def test_field_4_what_is_no_state_is_refused(wrong: dict[str, Any]) -> None:
    state = {**MessageIds().state(), **wrong} if wrong else {}
    with pytest.raises(ValueError, match=r"^state: "):
        MessageIds(state=state)


def test_a_state_is_of_one_strategy() -> None:
    learnt = {**MessageIds("verbatim").state(), "settled": "verbatim"}
    with pytest.raises(ValueError, match="state: settled on 'verbatim' is not a state of"):
        MessageIds("verbatim", state=learnt)
    with pytest.raises(ValueError, match="is not a state of 'verbatim'"):
        MessageIds("verbatim", state=MessageIds().state())
    assert MessageIds("verbatim", state=MessageIds("verbatim").state()).settled == "verbatim"


def test_reports_and_reprs_are_words_without_ids() -> None:
    made = ids("leading zeros", ("secret", 1))
    made.match("SECRET")
    made.match("else")
    text = "leading zeros; 1 receipts matched, 1 of unknown messages, 0 ambiguous"
    assert made.report() == text
    assert repr(made) == f"<MessageIds {text}>"
    assert made.settled == "leading zeros"
    assert MessageIds().report().startswith("learning (nothing seen yet); 0 receipts")


# Against a model that looks at everything.

IDS = st.text("01aAbB9x", max_size=3) | st.sampled_from(["10", "16", "A", "0a", "00"])


def same(strategy: str, submitted: str, received: str) -> bool:
    """Whether two ids count as the same, spelt out."""

    def number(digits: str, base: int) -> int | None:
        allowed = "0123456789abcdef"[:base]
        return int(digits, base) if digits and set(digits.lower()) <= set(allowed) else None

    if strategy == "verbatim":
        return submitted == received
    if strategy == "case-insensitive":
        return submitted.lower() == received.lower()
    if strategy == "leading zeros":
        return submitted.lower().lstrip("0") == received.lower().lstrip("0")
    bases = (16, 10) if strategy == "hex to decimal" else (10, 16)
    value = number(submitted, bases[0])
    return value is not None and value == number(received, bases[1])


def expected(
    strategy: str, pairs: set[tuple[str, int]], message_id: str, of_receipts: bool
) -> set[int]:
    """What a look at every id finds."""

    def by(*ways: str) -> set[int]:
        return {
            item
            for added, item in pairs
            for pair in [(message_id, added) if of_receipts else (added, message_id)]
            if message_id and any(same(way, *pair) for way in ways)
        }

    exact = {item for submitted, item in pairs if submitted == message_id}
    ways = STRATEGIES[strategy]
    converted = by(*(way for way in ways if " to " in way))
    if strategy in ("hex to decimal", "decimal to hex"):
        return converted or exact
    return exact | converted if exact else by(*ways)


@given(
    st.sampled_from(sorted(STRATEGIES)),
    st.lists(st.tuples(st.sampled_from("++-?"), IDS, st.integers(0, 2)), max_size=30),
    st.booleans(),
)
@text_examples
def test_R02_it_finds_what_looking_at_every_id_finds(
    strategy: str, steps: list[tuple[str, str, int]], of_receipts: bool
) -> None:
    made: MessageIds[int] = MessageIds(strategy, settle_after=1_000, of_receipts=of_receipts)
    pairs: set[tuple[str, int]] = set()
    for step, message_id, item in steps:
        if step == "+":
            made.add(message_id, item)
            pairs |= {(message_id, item)} if message_id else set()
        elif step == "-":
            made.discard(message_id, item)
            pairs.discard((message_id, item))
        found = made.find(message_id)
        fitting = expected(strategy, pairs, message_id, of_receipts)
        assert found.item == (fitting.copy().pop() if len(fitting) == 1 else None)
        assert found.ambiguous is (len(fitting) > 1)
        assert bool(found.strategy) is (len(fitting) == 1)
        assert len(made) == len(pairs)


@given(
    st.lists(st.tuples(st.sampled_from("++-???"), IDS, st.integers(0, 2)), max_size=40),
    st.sampled_from([1, 2, 3]),
)
@text_examples
def test_match_is_find_also_once_something_is_learnt(
    steps: list[tuple[str, str, int]], settle_after: int
) -> None:
    one: MessageIds[int] = MessageIds(settle_after=settle_after)
    other: MessageIds[int] = MessageIds(settle_after=settle_after)
    for step, message_id, item in steps:
        if step == "?":
            assert one.match(message_id) == other.find(message_id).item
            assert one.state() == other.state()
            assert one.report() == other.report()
            continue
        for each in (one, other):
            (each.add if step == "+" else each.discard)(message_id, item)
