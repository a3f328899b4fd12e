"""Times as PDUs carry them: an absolute one is a datetime, a relative one a period from now.

Both are 16 characters, ``YYMMDDhhmmsstnnp``: two digits each for year to second, tenths of a
second, the distance to UTC in quarters of an hour and its sign; ``R`` in the place of the
sign makes it relative. Empty stands for no time.

The standard prints 01 to 12 for the months and 01 to 31 for the days of a relative time too.
Taken at its word, a period shorter than a month and a day could not be written, so nobody
does that: 00 is read from every peer, and written to every peer, whatever its version.

A message centre of SMPP 3.4 reports times as ``YYMMDDhhmmss``, in its own local time; where
the standard says that times are reported, that is read too.

Source: SMPP 3.4, 7.1.1; SMPP 5.0, 4.7.23.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from twisted_smpp.errors import FieldError
from twisted_smpp.status import CommandStatus

__all__ = ["Relative", "decode", "encode", "resolve"]

# The fields that an ESME fills in, which may be relative, with the answer to a bad one.
_SUBMITTED = {
    "schedule_delivery_time": CommandStatus.ESME_RINVSCHED,
    "validity_period": CommandStatus.ESME_RINVEXPIRY,
}

_FORM = re.compile("[0-9]{15}[-+R]|[0-9]{12}")
_QUARTER = timedelta(minutes=15)
_MOST_QUARTERS = 48
_FIRST_YEAR = 1938


class Relative(NamedTuple):
    """A period that begins when the message centre reads it.

    Months and years have no fixed length, so that this is not a timedelta.

    Attributes:
        years: 0 to 99.
        months: 0 to 12.
        days: 0 to 31, of 24 hours each.
        hours: 0 to 23.
        minutes, seconds: 0 to 59.
    """

    years: int = 0
    months: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0

    @classmethod
    def of(cls, period: timedelta) -> Relative:
        """The same period without years and months.

        Raises:
            ValueError: that cannot be, as it is negative, 32 days or more, or has a
                fraction of a second.
        """
        if not timedelta(0) <= period < timedelta(days=32) or period.microseconds:
            raise ValueError(
                f"{period} is not in whole seconds from 0 to 31 days, 23:59:59; what is longer "
                "is written as an aware datetime, or as a Relative with months"
            )
        minutes, seconds = divmod(period.seconds, 60)
        return cls(0, 0, period.days, *divmod(minutes, 60), seconds)

    def after(self, moment: datetime) -> datetime:
        """When the period is over that begins at ``moment``.

        Years and months go by the calendar, in the time zone of ``moment``: a month after
        31 January is the last day of February. The rest is the time that passes, so a day
        is 24 hours even when clocks are changed meanwhile.

        Returns:
            A datetime with the tzinfo of ``moment``, or a naive one if that is naive.

        Raises:
            ValueError, OverflowError: that is after the year 9999.
        """
        years, month = divmod(moment.month - 1 + self.months, 12)
        year, month = moment.year + self.years + years, month + 1
        day = min(moment.day, monthrange(year, month)[1])
        _, _, days, hours, minutes, seconds = self
        rest = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return _later(moment.replace(year=year, month=month, day=day), rest)


_MOST = Relative(99, 12, 31, 23, 59, 59)


def encode(value: datetime | timedelta | Relative | None) -> str:
    """A time as a PDU carries it.

    Args:
        value: an aware datetime for an absolute time. It is written with its own distance to
            UTC, or in UTC if that is not of quarter hours or is more than 12 hours. Tenths of
            a second are kept, and what is below is cut off, so that nothing is a moment later
            than was asked for.
            A Relative, or a timedelta of at most 31 days, 23:59:59, for a relative time.
            None for no time.

    Returns:
        16 characters; "" for None.

    Raises:
        ValueError: it cannot be written: a datetime that is naive or, as written, not in
            1938 to 2037; a timedelta that :meth:`Relative.of` refuses; a Relative with a
            number out of its range.
        TypeError: it is nothing of these.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return _encode_absolute(value)
    if isinstance(value, timedelta):
        value = Relative.of(value)
    if not isinstance(value, Relative):
        raise TypeError(f"not a datetime, timedelta or Relative: {value!r}")
    _check(value, Relative(), _MOST)
    return "".join([f"{number:02d}" for number in value]) + "000R"


def decode(text: str, field: str, tz: tzinfo | None = None) -> datetime | Relative | None:
    """What a field of a PDU says.

    Args:
        text: its value.
        field: its name in the standard. ``schedule_delivery_time`` and ``validity_period``
            may be relative. Others, like ``final_date``, are reported by a message centre:
            these are absolute, and may have only the 12 characters up to the seconds.
        tz: the time zone of the message centre, which the short form does not tell.

    Returns:
        An aware datetime, years 38 to 99 being 1938 to 1999; a Relative; or None when the
        field is empty. Of the short form a naive datetime, if there is no ``tz``.

    Raises:
        FieldError: it is no time. Its command_status is ESME_RINVSCHED for
            schedule_delivery_time, ESME_RINVEXPIRY for validity_period, ESME_RINVPARLEN
            for others.
    """
    if not text:
        return None
    try:
        return _decode(text, field in _SUBMITTED, tz)
    except ValueError as error:
        status = _SUBMITTED.get(field, CommandStatus.ESME_RINVPARLEN)
        raise FieldError(field, str(error), status) from None


def resolve(value: datetime | timedelta | Relative | None, now: datetime) -> datetime | None:
    """The moment that a time stands for.

    Args:
        value: what :func:`decode` returns or :func:`encode` takes.
        now: when the message came; an aware datetime if it shall be comparable to others.

    Returns:
        A datetime as it is, a period added to ``now``, None for None.

    Raises:
        ValueError, OverflowError: that is after the year 9999.
    """
    if isinstance(value, Relative):
        return value.after(now)
    return _later(now, value) if isinstance(value, timedelta) else value


def _later(moment: datetime, period: timedelta) -> datetime:
    """The moment when a period has passed, which that on the clock may not be."""
    if moment.tzinfo is None:
        return moment + period
    return (moment.astimezone(UTC) + period).astimezone(moment.tzinfo)


def _encode_absolute(value: datetime) -> str:
    offset = value.utcoffset()
    if offset is None:
        raise ValueError("a naive datetime is no moment: give it a tzinfo, such as datetime.UTC")
    quarters, rest = divmod(offset, _QUARTER)
    # At the ends of Python's calendar there may be no such moment in UTC.
    if (rest or abs(quarters) > _MOST_QUARTERS) and MINYEAR < value.year < MAXYEAR:
        value, quarters = value.astimezone(UTC), 0
    if not _FIRST_YEAR <= value.year < _FIRST_YEAR + 100:
        raise ValueError(f"year {value.year} is not in {_FIRST_YEAR} to {_FIRST_YEAR + 99}")
    sign = "-" if quarters < 0 else "+"
    return f"{value:%y%m%d%H%M%S}{value.microsecond // 100_000}{abs(quarters):02d}{sign}"


def _decode(text: str, submitted: bool, tz: tzinfo | None) -> datetime | Relative:
    if not _FORM.fullmatch(text):
        raise ValueError(f"{text[:17]!r} ({len(text)} characters) is not YYMMDDhhmmsstnnp")
    numbers = Relative(*(int(text[at : at + 2]) for at in range(0, 12, 2)))
    kind = text[15:]
    if kind == "R" and submitted:
        _check(numbers, Relative(), _MOST)
        return numbers
    if kind == "R":
        raise ValueError("a relative time, where only an absolute one may be")
    if not kind and submitted:
        raise ValueError(f"{text!r} has 12 characters, not the 16 of YYMMDDhhmmsstnnp")
    return _absolute(numbers, text[12:], tz)


def _absolute(numbers: Relative, end: str, tz: tzinfo | None) -> datetime:
    """A datetime of numbers up to the seconds and of ``tnnp``, if there is that."""
    year, month = _FIRST_YEAR + (numbers.years - _FIRST_YEAR) % 100, numbers.months
    days = monthrange(year, month)[1] if 1 <= month <= 12 else 31
    _check(numbers, Relative(months=1, days=1), _MOST._replace(days=days))
    tenths = 0
    if end:
        tenths, quarters = int(end[0]), int(end[1:3])
        if quarters > _MOST_QUARTERS:
            raise ValueError(f"{quarters} quarter hours are more than {_MOST_QUARTERS}")
        tz = timezone(quarters * _QUARTER * (-1 if end[3] == "-" else 1))
    return datetime(year, *numbers[1:], tenths * 100_000, tz)


def _check(numbers: Relative, least: Relative, most: Relative) -> None:
    for name, number, low, high in zip(Relative._fields, numbers, least, most, strict=True):
        if not low <= number <= high:
            raise ValueError(f"{name} {number:02d} is not in {low:02d} to {high:02d}")
