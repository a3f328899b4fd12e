# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Times of PDUs: by the standard's table and examples, both ways, and by the calendar."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from text_kit import text_examples
from wire_data import load, outcome

from twisted_smpp.errors import FieldError
from twisted_smpp.status import CommandStatus
from twisted_smpp.text import times
from twisted_smpp.text.times import Relative

TABLE = load("values.json")["values"]["time_format"]
BY_NAME = {row["meaning"]: row for row in TABLE["fields"]}
EXAMPLES = {item["text"]: item for item in TABLE["examples"]}
SUBMITTED: list[str] = TABLE["where"]["absolute_or_relative"]
REPORTED: list[str] = TABLE["where"]["absolute_only"]
STATUS = {
    "schedule_delivery_time": CommandStatus.ESME_RINVSCHED,
    "validity_period": CommandStatus.ESME_RINVEXPIRY,
}

QUARTER = timedelta(minutes=15)
#: Months and days are printed from 01, but 00 is what is sent.
MOST = [row["relative"][1] for row in TABLE["fields"][:6]]
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ABSOLUTE, RELATIVE = "240229235959000+", "020610233429000R"
FIELDS = st.sampled_from([*SUBMITTED, *REPORTED, "?"])

ZONES = st.integers(-48, 48).map(lambda quarters: timezone(quarters * QUARTER))
MOMENTS = st.datetimes(datetime(1938, 1, 1), datetime(2037, 12, 31, 23, 59, 59), timezones=ZONES)
PERIODS = st.builds(Relative, *(st.integers(0, most) for most in MOST))


class CentralEurope(tzinfo):
    """An hour ahead of UTC, and two in the summer of 2024; needs no data base of zones."""

    def dst(self, moment: datetime | None) -> timedelta:
        assert moment is not None
        local = moment.replace(tzinfo=None)
        end = datetime(2024, 10, 27, 2 if moment.fold else 3)
        summer = datetime(2024, 3, 31, 2) <= local < end
        return timedelta(hours=1 if summer else 0)

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=1) + self.dst(moment)

    def tzname(self, moment: datetime | None) -> str:
        return "CET"


CET = CentralEurope()


def refusal(text: str, field: str = "validity_period") -> FieldError:
    with pytest.raises(FieldError) as caught:
        times.decode(text, field)
    error = caught.value
    assert error.field == field
    assert error.command_status == STATUS.get(field, CommandStatus.ESME_RINVPARLEN)
    assert not error.fatal
    return error


def put(text: str, name: str, value: object) -> str:
    """``text`` with another value in one of the standard's fields."""
    row = BY_NAME[name]
    start, length = row["offset"], row["length"]
    return text[:start] + str(value).zfill(length) + text[start + length :]


# By the standard's examples.


@pytest.mark.parametrize("field", SUBMITTED)
@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_of_the_standard(text: str, field: str) -> None:
    got = times.decode(text, field)

    expected: Any = EXAMPLES[text].get("relative")
    if expected:
        assert got == Relative(**expected)
    else:
        assert got == datetime.fromisoformat(EXAMPLES[text]["absolute_utc"])
    assert times.encode(got) == text


def test_empty_is_no_time() -> None:
    assert times.encode(None) == ""
    assert times.decode("", "final_date") is None
    assert times.resolve(None, NOW) is None


# By its table.


def row_limits(kind: str) -> list[tuple[str, int, int]]:
    """Of each number of a time: its name and limits, with the 00 that all send."""
    rows = [row for row in TABLE["fields"] if row["name"] not in ("t", "p")]
    if kind == "relative":
        rows = [row for row in rows if row["name"] != "nn"]
    return [
        (row["meaning"], 0 if kind == "relative" else row[kind][0], row[kind][1]) for row in rows
    ]


@pytest.mark.parametrize(("name", "low", "high"), row_limits("absolute"))
def test_P22_the_limits_of_an_absolute_time(name: str, low: int, high: int) -> None:
    for number in range(100):
        text = put("240101000000000+", name, number)
        if low <= number <= high:
            got = times.decode(text, "validity_period")
            assert times.encode(got) == text
        else:
            assert f"{number:02d}" in refusal(text).reason
            assert f"{high:02d}" in refusal(text).reason


@pytest.mark.parametrize(("name", "low", "high"), row_limits("relative"))
def test_P22_the_limits_of_a_relative_time(name: str, low: int, high: int) -> None:
    for number in range(100):
        text = put("000000000000000R", name, number)
        wanted = Relative(**{f"{name}s": number})
        if low <= number <= high:
            assert times.decode(text, "validity_period") == wanted
            assert times.encode(wanted) == text
        else:
            assert refusal(text).reason == f"{name}s {number:02d} is not in 00 to {high:02d}"
            with pytest.raises(ValueError, match=f"^{name}s {number:02d} is not in 00 to {high}"):
                times.encode(wanted)


@pytest.mark.parametrize("text", ["000099000000000R", "000032000000000R"])
@pytest.mark.parametrize("field", SUBMITTED)
def test_P22_a_99_day_relative_time_is_refused(text: str, field: str) -> None:
    assert refusal(text, field).reason == f"days {text[4:6]} is not in 00 to 31"


def test_P22_tenths_and_offset_of_a_relative_time_do_not_matter() -> None:
    for end in ("012", "949", "999"):
        assert times.decode(RELATIVE[:12] + end + "R", "validity_period") == Relative(
            2, 6, 10, 23, 34, 29
        )


@pytest.mark.parametrize("year", range(100))
def test_the_window_of_a_century(year: int) -> None:
    text = f"{year:02d}0102030405000+"
    got = times.decode(text, "final_date")
    window = "00-37" if year <= 37 else "38-99"
    first, last = map(int, TABLE["century"][window].split("-"))
    assert isinstance(got, datetime)
    assert got.year % 100 == year
    assert first <= got.year <= last
    assert times.encode(got) == text


# Absolute times.


@text_examples
@given(MOMENTS, FIELDS)
def test_P22_absolute_times_come_back(moment: datetime, field: str) -> None:
    text = times.encode(moment)
    got = times.decode(text, field)

    assert len(text) + 1 in TABLE["length_octets"]
    assert isinstance(got, datetime)
    assert got.utcoffset() == moment.utcoffset()
    # What is below a tenth of a second is cut off.
    assert got == moment.replace(microsecond=moment.microsecond // 100_000 * 100_000)
    assert times.encode(got) == text


@pytest.mark.parametrize("quarters", [-48, -47, -1, 0, 1, 22, 47, 48])
def test_P22_quarter_hour_offsets_up_to_48(quarters: int) -> None:
    moment = datetime(2024, 2, 29, 12, tzinfo=timezone(quarters * QUARTER))
    sign = "-" if quarters < 0 else "+"
    assert times.encode(moment) == f"2402291200000{abs(quarters):02d}{sign}"


@pytest.mark.parametrize("sign", "+-")
def test_P22_a_quarter_hour_offset_of_49_is_refused(sign: str) -> None:
    assert refusal(f"240229120000049{sign}").reason == "49 quarter hours are more than 48"


@pytest.mark.parametrize(
    "offset",
    [
        timedelta(hours=12, minutes=15),
        timedelta(hours=13),
        timedelta(hours=-12, minutes=-15),
        timedelta(minutes=7),
        timedelta(minutes=-15, seconds=1),
        timedelta(seconds=1),
    ],
)
def test_P22_other_offsets_are_written_in_utc(offset: timedelta) -> None:
    moment = datetime(2024, 3, 1, 1, 2, 3, 456_789, tzinfo=timezone(offset))
    text = times.encode(moment)
    assert text.endswith("400+")
    assert times.decode(text, "final_date") == moment.replace(microsecond=400_000)


def test_no_minute_of_a_zone_is_lost_to_summer_time() -> None:
    twice = datetime(2024, 10, 27, 2, 30, tzinfo=CET)
    assert times.encode(twice) == "241027023000008+"
    assert times.encode(twice.replace(fold=1)) == "241027023000004+"


def test_minus_zero_is_utc() -> None:
    got = times.decode("240101000000000-", "final_date")
    assert got == datetime(2024, 1, 1, tzinfo=UTC)
    assert times.encode(got) == "240101000000000+"


@pytest.mark.parametrize("year", range(1938, 2038))
def test_P22_leap_days(year: int) -> None:
    text = f"{year % 100:02d}0229000000000+"
    if calendar.isleap(year):
        assert times.decode(text, "validity_period") == datetime(year, 2, 29, tzinfo=UTC)
    else:
        assert refusal(text).reason == "days 29 is not in 01 to 28"


@pytest.mark.parametrize("month", range(1, 13))
def test_P22_the_last_day_of_a_month(month: int) -> None:
    last = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    got = times.decode(f"24{month:02d}{last}000000000+", "validity_period")
    assert got == datetime(2024, month, last, tzinfo=UTC)
    assert f" {last + 1} " in refusal(f"24{month:02d}{last + 1}000000000+").reason


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1937, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2038, 1, 1, tzinfo=UTC),
        # The year that counts is the one that is written.
        datetime(1938, 1, 1, tzinfo=timezone(timedelta(hours=13))),
        datetime(2037, 12, 31, 23, tzinfo=timezone(timedelta(hours=-13))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=13))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-13))),
    ],
)
def test_years_that_would_be_read_as_others_are_refused(moment: datetime) -> None:
    with pytest.raises(ValueError, match=r"^year \d+ is not in 1938 to 2037$"):
        times.encode(moment)


def test_the_first_and_the_last_moment() -> None:
    assert times.encode(datetime(1938, 1, 1, tzinfo=UTC)) == "380101000000000+"
    assert times.encode(datetime(2037, 12, 31, 23, 59, 59, 999_999, UTC)) == "371231235959900+"


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match=r"naive.*tzinfo"):
        times.encode(datetime(2024, 1, 1))


# Times that a message centre reports.


@pytest.mark.parametrize("field", REPORTED)
def test_the_short_form_is_in_the_time_of_the_message_centre(field: str) -> None:
    local = datetime(2024, 2, 29, 23, 59, 58)
    assert times.decode("240229235958", field) == local
    got = times.decode("240229235958", field, CET)
    assert got == local.replace(tzinfo=CET)
    assert times.encode(got) == "240229235958004+"


def test_the_long_form_tells_its_own_zone() -> None:
    got = times.decode("240101000000508+", "final_date", timezone(timedelta(hours=9)))
    assert got == datetime(2023, 12, 31, 22, 0, 0, 500_000, UTC)


@pytest.mark.parametrize("field", SUBMITTED)
def test_P22_the_short_form_is_refused_where_an_esme_writes(field: str) -> None:
    assert "12 characters, not the 16" in refusal("240229235959", field).reason


@pytest.mark.parametrize("field", [*REPORTED, "something_else"])
def test_a_reported_time_is_not_relative(field: str) -> None:
    assert "only an absolute" in refusal(RELATIVE, field).reason


def test_the_short_form_is_checked_too() -> None:
    assert refusal("230229235958", "final_date").reason == "days 29 is not in 01 to 28"


# Relative times.


@text_examples
@given(PERIODS, st.sampled_from(SUBMITTED))
def test_P22_relative_times_come_back(period: Relative, field: str) -> None:
    text = times.encode(period)
    assert len(text) + 1 in TABLE["length_octets"]
    assert times.decode(text, field) == period


@text_examples
@given(st.integers(0, 32 * 86400 - 1))
@example(63 * 3600)
@example(0)
@example(32 * 86400 - 1)
def test_P22_timedeltas_up_to_31_days_come_back(seconds: int) -> None:
    period = timedelta(seconds=seconds)
    got = times.decode(times.encode(period), "validity_period")

    assert got == Relative.of(period)
    assert isinstance(got, Relative)
    assert (got.years, got.months) == (0, 0)
    assert times.resolve(got, NOW) == times.resolve(period, NOW) == NOW + period


def test_63_hours_are_2_days_and_15_hours() -> None:
    assert times.encode(timedelta(hours=63)) == "000002150000000R"
    assert times.encode(timedelta(days=31, hours=23, minutes=59, seconds=59)) == "000031235959000R"


@pytest.mark.parametrize(
    "period",
    [
        timedelta(days=32),
        timedelta(days=63),
        timedelta(days=99),
        timedelta.max,
        timedelta(seconds=-1),
        timedelta(microseconds=-1),
        timedelta(seconds=1.5),
    ],
)
def test_P22_timedeltas_that_cannot_be_written_exactly_are_refused(period: timedelta) -> None:
    with pytest.raises(ValueError, match=r"31 days, 23:59:59.*aware datetime.*Relative"):
        times.encode(period)


@pytest.mark.parametrize("wrong", [Relative(seconds=-1), Relative(years=100), Relative(days=99)])
def test_P22_numbers_out_of_range_are_not_written(wrong: Relative) -> None:
    with pytest.raises(ValueError, match="is not in 00 to"):
        times.encode(wrong)


@pytest.mark.parametrize("wrong", [3600, "240229235959000+", (0, 0, 1, 0, 0, 0)])
def test_what_is_no_time_is_not_written(wrong: Any) -> None:
    with pytest.raises(TypeError, match="not a datetime, timedelta or Relative"):
        times.encode(wrong)


# From relative to absolute.


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        ("2026-01-31T12:00", Relative(months=1), "2026-02-28T12:00"),
        ("2024-01-31T12:00", Relative(months=1), "2024-02-29T12:00"),
        ("2024-02-29T12:00", Relative(years=1), "2025-02-28T12:00"),
        ("2024-02-29T12:00", Relative(years=4), "2028-02-29T12:00"),
        ("2096-02-29T12:00", Relative(years=4), "2100-02-28T12:00"),
        ("2023-02-28T12:00", Relative(years=1), "2024-02-28T12:00"),
        ("2026-12-31T12:00", Relative(months=2), "2027-02-28T12:00"),
        ("2026-11-30T12:00", Relative(months=12), "2027-11-30T12:00"),
        ("2026-12-15T12:00", Relative(months=12), "2027-12-15T12:00"),
        ("2026-12-15T12:00", Relative(years=1, months=1), "2028-01-15T12:00"),
        # Days are counted when the month has been clamped.
        ("2024-01-31T12:00", Relative(months=1, days=1), "2024-03-01T12:00"),
        ("2024-02-28T12:00", Relative(days=1), "2024-02-29T12:00"),
        ("2026-01-31T12:00", Relative(2, 6, 10, 23, 34, 29), "2028-08-11T11:34:29"),
        ("2026-01-31T12:00", Relative(), "2026-01-31T12:00"),
    ],
)
def test_P22_periods_go_by_the_calendar(start: str, period: Relative, end: str) -> None:
    moment = datetime.fromisoformat(start)
    assert period.after(moment) == datetime.fromisoformat(end)
    got = times.resolve(period, moment.replace(tzinfo=UTC))
    assert got == datetime.fromisoformat(end).replace(tzinfo=UTC)


@text_examples
@given(PERIODS, MOMENTS)
def test_P22_any_period_can_be_added(period: Relative, moment: datetime) -> None:
    end = period.after(moment)
    rest = timedelta(
        days=period.days, hours=period.hours, minutes=period.minutes, seconds=period.seconds
    )
    begun = end - rest
    months = (begun.year - moment.year) * 12 + begun.month - moment.month

    assert end.tzinfo is moment.tzinfo
    assert months == period.years * 12 + period.months
    assert begun.time() == moment.time()
    if begun.day != moment.day:
        assert begun.day == calendar.monthrange(begun.year, begun.month)[1] < moment.day


def test_a_day_has_24_hours_when_the_clocks_are_changed() -> None:
    before = datetime(2024, 3, 30, 12, tzinfo=CET)
    for period in (Relative(days=1), timedelta(days=1)):
        end = times.resolve(period, before)
        assert end is not None
        assert end.tzinfo is CET
        assert end.replace(tzinfo=None) == datetime(2024, 3, 31, 13)
    # A month is one by the calendar.
    assert Relative(months=1).after(before).replace(tzinfo=None) == datetime(2024, 4, 30, 12)


def test_a_naive_now_has_no_clock_to_change() -> None:
    naive = datetime(2024, 3, 30, 12)
    assert times.resolve(Relative(days=1), naive) == datetime(2024, 3, 31, 12)
    assert times.resolve(timedelta(days=1), naive) == datetime(2024, 3, 31, 12)


def test_an_absolute_time_stays() -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    assert times.resolve(moment, NOW) is moment


# What is no time.


@pytest.mark.parametrize("field", [*SUBMITTED, *REPORTED])
@pytest.mark.parametrize(
    "text",
    [
        "0",
        "24022923595900+",
        "2402292359590000+",
        "240229235959000",
        "240229235959000r",
        "240229235959000Z",
        "240229235959000 ",
        " 40229235959000+",
        "2402292359590+0+",
        "240229235959000+\n",
        "240229235959\n",
        "24022923595",
        "2402292359590",
        "24-02-29 23:59:59",
        # Digits, but not these ones.
        "２４0229235959000+",
        "24022923595٩000+",
        "\0" * 16,
    ],
)
def test_P22_other_forms_are_refused(text: str, field: str) -> None:
    reason = refusal(text, field).reason
    assert repr(text[:17]) in reason
    assert f"({len(text)} characters)" in reason
    assert TABLE["layout"] in reason


def test_a_reason_is_short() -> None:
    assert len(refusal("9" * 100_000).reason) < 100


def check_garbage(text: str, field: str) -> None:
    got = outcome(times.decode, text, field)
    if isinstance(got, FieldError):
        assert got.field == field
        assert got.command_status == STATUS.get(field, CommandStatus.ESME_RINVPARLEN)
        assert got.reason
        return
    assert (got is None) is (text == "")
    if isinstance(got, Relative):
        assert times.encode(got)[:12] == text[:12]
    elif got is not None and got.tzinfo is not None:
        assert times.encode(got)[:15] == text[:15]


@text_examples
@given(st.text() | st.text("0123456789+-R", min_size=10, max_size=17), FIELDS)
def test_P22_garbage_is_a_field_error(text: str, field: str) -> None:
    check_garbage(text, field)


@text_examples
@given(
    st.sampled_from([*EXAMPLES, "240229235959"]),
    st.integers(0, 16),
    st.integers(0, 2),
    st.text(max_size=2) | st.text("0123456789+-R", max_size=2),
    FIELDS,
)
def test_P22_a_mutated_time_is_one_or_a_field_error(
    text: str, at: int, removed: int, put_in: str, field: str
) -> None:
    check_garbage(text[:at] + put_in + text[at + removed :], field)
