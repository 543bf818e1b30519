"""FHIR date, dateTime, instant and time with their precision (http://hl7.org/fhir/R4/datatypes.html#dateTime).

A partial date stands for a closed range of microseconds since 1970-01-01T00:00:00Z. `date_range` gives that range and
nothing more, for the index; `Temporal` also remembers precision and zone, for FHIRPath.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

TemporalKind = Literal["date", "dateTime", "time"]

YEAR, MONTH, DAY, HOUR, MINUTE, SECOND = 1, 2, 3, 4, 5, 6
MICROSECONDS = 1_000_000
MINUTE_SPAN = 60 * MICROSECONDS
HOUR_SPAN = 60 * MINUTE_SPAN
DAY_SPAN = 24 * HOUR_SPAN
EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LIMIT = (date.max.toordinal() + 1 - EPOCH_DAY) * DAY_SPAN
_FLOOR = (1 - EPOCH_DAY) * DAY_SPAN

_DATE_TIME = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?)?"
    r"(?P<t>T(?:(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?)?"
)
_TIME = re.compile(r"(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?)?")


class Temporal(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A date, dateTime or time as written.

    `precision` is YEAR to SECOND (fractions are part of the second), `low` and `high` the closed range in
    microseconds: since 1970-01-01T00:00:00Z, for a time since midnight. Without a `zone` (minutes east of UTC) they
    are reckoned as if in UTC. Digits beyond the microsecond are kept in `text` only.
    """

    kind: TemporalKind
    text: str
    precision: int
    low: int
    high: int
    zone: int | None


def _zone_minutes(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    hours, minutes = int(text[1:3]), int(text[4:6])
    if minutes > 59 or hours * 60 + minutes > 840:
        raise ValueError(f"{text} is no time zone: they reach from -14:00 to +14:00")
    return (hours * 60 + minutes) * (-1 if text[0] == "-" else 1)


def _clock(match: re.Match[str]) -> tuple[int, int, int]:
    """Return (low since midnight, length of the range less one, precision) of the matched hours to fractions."""
    hour, minute, second, fraction = match["hour"], match["minute"], match["second"], match["fraction"]
    if int(hour) > 23 or int(minute or 0) > 59 or int(second or 0) > 60:
        raise ValueError(f"{match[0]} is no time: hours reach 23, minutes 59, seconds 59 or 60 for a leap second")
    low = int(hour) * HOUR_SPAN
    if minute is None:
        return low, HOUR_SPAN - 1, HOUR
    low += int(minute) * MINUTE_SPAN
    if second is None:
        return low, MINUTE_SPAN - 1, MINUTE
    low += int(second) * MICROSECONDS
    if fraction is None:
        return low, MICROSECONDS - 1, SECOND
    span = 10 ** (6 - len(fraction)) - 1 if len(fraction) < 6 else 0
    return low + int(fraction[:6].ljust(6, "0")), span, SECOND


def _days(year: int, month: str | None, day: str | None) -> tuple[int, int, int]:
    """Return (first day since 1970-01-01, number of days, precision). Raises ValueError for no such day."""
    if month is None:
        first = date(year, 1, 1).toordinal()
        return first - EPOCH_DAY, 366 if monthrange(year, 2)[1] == 29 else 365, YEAR
    if day is None:
        return date(year, int(month), 1).toordinal() - EPOCH_DAY, monthrange(year, int(month))[1], MONTH
    return date(year, int(month), int(day)).toordinal() - EPOCH_DAY, 1, DAY


def _parse(match: re.Match[str]) -> tuple[int, int, int, int | None]:
    """Return (low, high, precision, zone) of a match of _DATE_TIME."""
    first, count, precision = _days(int(match["year"]), match["month"], match["day"])
    low, zone = first * DAY_SPAN, _zone_minutes(match["zone"])
    if match["hour"] is None:
        if zone is not None:
            raise ValueError(f"{match[0]} has a time zone but no time")
        return low, low + count * DAY_SPAN - 1, precision, None
    if precision != DAY:
        raise ValueError(f"{match[0]} has a time but no day")
    clock, span, precision = _clock(match)
    low += clock - (zone or 0) * MINUTE_SPAN
    return low, low + span, precision, zone


def date_range(text: str) -> tuple[int, int]:
    """Return the closed range (low, high) in microseconds since 1970-01-01T00:00:00Z that a date or dateTime means.

    Without a zone it is UTC. Minutes may end the text, hours alone may not. Digits beyond the microsecond are cut off.
    Raises ValueError with the reason.
    """
    size = len(text)
    if size > 19 and text[4:17:3] == "--T::":
        # The usual forms by the C parser, which accepts more than FHIR does: hence the checks before it.
        zone = text[-6:] if text[-1] != "Z" else "Z"
        fraction = size - 19 - len(zone)
        if (zone == "Z" or (zone[0] in "+-" and zone[3] == ":" and zone[4] < "6" and zone[1:] <= "14:00")) and (
            fraction == 0 or (text[19] == "." and 2 <= fraction <= 7 and text[20 : 19 + fraction].isdigit())
        ):
            try:
                low = (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
            except ValueError:
                pass  # a leap second, or no date at all: the slow way tells them apart
            else:
                return low, low + (10 ** (7 - fraction) - 1 if fraction else 999_999)
    match = _DATE_TIME.fullmatch(text)
    if match is None or (match["t"] and match["minute"] is None):
        raise ValueError(
            f"{text!r} is no date: write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss and a zone, Z or +02:00"
        )
    low, high, _, _ = _parse(match)
    return low, high


def parse_date_time(text: str) -> Temporal:
    """Return a date, dateTime or instant, in FHIR's forms or FHIRPath's (`2015T`, `2015-02-04T14`).

    The kind is `dateTime` when there is a T, else `date`. Raises ValueError.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no date or dateTime")
    low, high, precision, zone = _parse(match)
    return Temporal("dateTime" if match["t"] else "date", text, precision, low, high, zone)


def parse_time(text: str) -> Temporal:
    """Return a time of day (`14:34`, `14:34:28.123`; FHIR itself has only the form with seconds). Raises ValueError."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time")
    low, span, precision = _clock(match)
    return Temporal("time", text, precision, low, low + span, None)


def as_date_time(value: Temporal) -> Temporal:
    """Return a date as the dateTime of the same precision; what is a dateTime already stays."""
    if value.kind != "date":
        return value
    return Temporal("dateTime", value.text, value.precision, value.low, value.high, value.zone)


def compare(left: Temporal, right: Temporal, local_zone: int = 0) -> int | None:
    """Return -1, 0 or 1 as `left` is before, equal to or after `right`; None where their precision leaves it open.

    A dateTime without a zone is in `local_zone` (minutes) when the other has one; a date is in the other's zone.
    Raises TypeError for a time against a date.
    """
    if (left.kind == "time") != (right.kind == "time"):
        raise TypeError("a time of day and a date cannot be compared")
    low, other_low = left.low, right.low
    if left.zone is None and right.zone is not None:
        low -= (local_zone if left.precision >= HOUR else right.zone) * MINUTE_SPAN
    elif right.zone is None and left.zone is not None:
        other_low -= (local_zone if right.precision >= HOUR else left.zone) * MINUTE_SPAN
    if left.precision == right.precision:
        return (low > other_low) - (low < other_low)
    high = low if left.precision == SECOND else low + left.high - left.low
    other_high = other_low if right.precision == SECOND else other_low + right.high - right.low
    if high < other_low:
        return -1
    if low > other_high:
        return 1
    return None


def zone_text(zone: int | None) -> str:
    """Return `Z`, `+02:00` or, for None, nothing."""
    if zone is None:
        return ""
    if zone == 0:
        return "Z"
    sign, minutes = ("-", -zone) if zone < 0 else ("+", zone)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


def clock_text(micros: int, precision: int, digits: int) -> str:
    """Return `14:34:28.123` for microseconds since midnight, to the precision; `digits` of the fraction at least."""
    seconds, fraction = divmod(micros, MICROSECONDS)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"[: 2 + 3 * (precision - HOUR)]
    if precision < SECOND:
        return text
    while digits < 6 and fraction % 10 ** (6 - digits):
        digits += 1
    return f"{text}.{fraction // 10 ** (6 - digits):0{digits}}" if digits else text


def of_datetime(moment: datetime) -> Temporal:
    """Return an aware datetime as a dateTime with milliseconds."""
    return parse_date_time(moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def moved(value: Temporal, months: int = 0, micros: int = 0) -> Temporal | None:
    """Return `value` moved by whole months, then by microseconds; None outside the years 1 to 9999.

    A day that the month does not have becomes its last. A time of day goes round at midnight. The amounts must suit
    the precision: what is finer than it is lost.
    """
    digits = len(value.text.rpartition(".")[2].rstrip("Z").partition("+")[0].partition("-")[0])
    digits = min(digits, 6) if "." in value.text else 0
    if value.kind == "time":
        return parse_time(clock_text((value.low + micros) % DAY_SPAN, value.precision, digits))
    local = value.low + (value.zone or 0) * MINUTE_SPAN
    if months:
        day, clock = divmod(local, DAY_SPAN)
        start = date.fromordinal(day + EPOCH_DAY)
        year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        if not 1 <= year <= 9999:
            return None
        last = monthrange(year, month + 1)[1]
        local = (date(year, month + 1, min(start.day, last)).toordinal() - EPOCH_DAY) * DAY_SPAN + clock
    local += micros
    if not _FLOOR <= local < _LIMIT:
        return None
    day, clock = divmod(local, DAY_SPAN)
    text = date.fromordinal(day + EPOCH_DAY).isoformat()[: (4, 7, 10)[min(value.precision, DAY) - 1]]
    if value.precision >= HOUR:
        text = f"{text}T{clock_text(clock, value.precision, digits)}{zone_text(value.zone)}"
    found = parse_date_time(text)
    return as_date_time(found) if value.kind == "dateTime" else found
