"""Dates with precision: ranges, comparison, movement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.datatypes.temporal import (
    DAY,
    MINUTE,
    MONTH,
    SECOND,
    YEAR,
    Temporal,
    as_date_time,
    compare,
    date_range,
    moved,
    of_datetime,
    parse_date_time,
    parse_time,
)

SECOND_SPAN = 1_000_000
DAY_SPAN = 86_400 * SECOND_SPAN


def micros(*parts: int) -> int:
    return (datetime(*parts, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("1970", 0, 365 * DAY_SPAN - 1),
        ("2016", micros(2016, 1, 1), micros(2017, 1, 1) - 1),
        ("2015-02", micros(2015, 2, 1), micros(2015, 3, 1) - 1),
        ("2016-02", micros(2016, 2, 1), micros(2016, 3, 1) - 1),
        ("1970-01-01", 0, DAY_SPAN - 1),
        ("2015-02-04T14:34", micros(2015, 2, 4, 14, 34), micros(2015, 2, 4, 14, 35) - 1),
        ("2015-02-04T14:34:28", micros(2015, 2, 4, 14, 34, 28), micros(2015, 2, 4, 14, 34, 29) - 1),
        ("2015-02-04T14:34:28Z", micros(2015, 2, 4, 14, 34, 28), micros(2015, 2, 4, 14, 34, 29) - 1),
        ("2015-02-04T14:34:28+02:00", micros(2015, 2, 4, 12, 34, 28), micros(2015, 2, 4, 12, 34, 29) - 1),
        ("2015-02-04T14:34:28-05:30", micros(2015, 2, 4, 20, 4, 28), micros(2015, 2, 4, 20, 4, 29) - 1),
        ("1970-01-01T00:00:00.5Z", 500_000, 599_999),
        ("1970-01-01T00:00:00.123Z", 123_000, 123_999),
        ("1970-01-01T00:00:00.123+00:00", 123_000, 123_999),
        ("1970-01-01T00:00:00.123456Z", 123_456, 123_456),
        ("1970-01-01T00:00:00.123456789Z", 123_456, 123_456),
        ("2016-12-31T23:59:60Z", micros(2017, 1, 1), micros(2017, 1, 1, 0, 0, 1) - 1),
        ("0001", micros(1, 1, 1), micros(2, 1, 1) - 1),
        ("9999-12", micros(9999, 12, 1), micros(9999, 12, 31) + DAY_SPAN - 1),
        ("0001-01-01T00:00:00+14:00", micros(1, 1, 1) - 14 * 3600 * SECOND_SPAN, None),
        ("9999-12-31T23:59:59-14:00", micros(9999, 12, 31, 23, 59, 59) + 14 * 3600 * SECOND_SPAN, None),
    ],
)
def test_a_date_means_the_closed_range_up_to_its_precision(text: str, low: int, high: int | None) -> None:
    assert date_range(text) == (low, low + SECOND_SPAN - 1 if high is None else high)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2015-02-30",
        "2015-13",
        "2015-00",
        "0000",
        "2015-2-4",
        "15-02-04",
        "2015-02-04T14",
        "2015-02-04T24:00:00Z",
        "2015-02-04T14:60:00Z",
        "2015-02-04T14:34:61Z",
        "2015-02-04T14:34:28+15:00",
        "2015-02-04T14:34:28+14:01",
        "2015-02-04T14:34:28+13:75",
        "2015-02-04T14:34:28.Z",
        "2015-02-04T14:34:28,123Z",
        "2015-02-04 14:34:28Z",
        "2015-02-04T14:34:28Zulu",
        "2015-W06-3T14:34:28Z",
        "２015-02-04T14:34:28Z",
        "2015T",
        "2015Z",
        "2015-02T14:34:28Z",
        "14:34:28",
        " 2015",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        date_range(text)


zones = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31), timezones=zones)


@given(instants)
def test_any_instant_is_the_microsecond_that_datetime_says(moment: datetime) -> None:
    low = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert date_range(moment.isoformat(timespec="microseconds")) == (low, low)


@given(instants)
def test_ranges_nest_as_precision_falls(moment: datetime) -> None:
    text = moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    forms = [text[:4], text[:7], text[:10], text[:16] + "Z", text]
    ranges = [date_range(form) for form in forms]
    for (low, high), (inner_low, inner_high) in pairwise(ranges):
        assert low <= inner_low <= inner_high <= high


@pytest.mark.parametrize(
    ("text", "kind", "precision", "zone"),
    [
        ("2015", "date", YEAR, None),
        ("2015T", "dateTime", YEAR, None),
        ("2015-02", "date", MONTH, None),
        ("2015-02-04", "date", DAY, None),
        ("2015-02-04T14:34", "dateTime", MINUTE, None),
        ("2015-02-04T14:34:28.5-05:00", "dateTime", SECOND, -300),
    ],
)
def test_a_temporal_knows_kind_precision_and_zone(text: str, kind: str, precision: int, zone: int | None) -> None:
    value = parse_date_time(text)
    assert (value.kind, value.precision, value.zone, value.text) == (kind, precision, zone, text)


def test_a_time_counts_from_midnight() -> None:
    assert (parse_time("00:01").low, parse_time("00:01").high) == (60 * SECOND_SPAN, 120 * SECOND_SPAN - 1)
    with pytest.raises(ValueError):
        parse_time("25:00:00")


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("2012-01-01", "2012-01-02", -1),
        ("2012-01-01", "2012-01-01", 0),
        ("2012", "2012-06", None),
        ("2012", "2013-06", -1),
        ("2012-06", "2011", 1),
        ("2012-01-01T10:00:00Z", "2012-01-01T10:00:00.000Z", 0),
        ("2012-01-01T10:00:00Z", "2012-01-01T12:00:00+02:00", 0),
        ("2012-01-01T10:00:00Z", "2012-01-01T10:00:00+02:00", 1),
        ("2012-01-01T10:00Z", "2012-01-01T10:00:30Z", None),
        ("2012-01-01", "2012-01-01T23:00:00-05:00", None),
        ("2012-01-01", "2012-01-02T00:00:00-05:00", -1),
    ],
)
def test_comparison_is_open_where_precision_leaves_it_so(left: str, right: str, order: int | None) -> None:
    assert compare(parse_date_time(left), parse_date_time(right)) == order
    assert compare(parse_date_time(right), parse_date_time(left)) == (None if order is None else -order)


def test_a_date_time_without_a_zone_is_local_when_the_other_has_one() -> None:
    bare, zoned = parse_date_time("2012-01-01T10:00:00"), parse_date_time("2012-01-01T08:00:00Z")
    assert compare(bare, zoned, local_zone=120) == 0
    assert compare(bare, zoned, local_zone=0) == 1


def test_times_and_dates_do_not_compare() -> None:
    with pytest.raises(TypeError):
        compare(parse_time("10:00"), parse_date_time("2012"))


@given(st.lists(instants, min_size=3, max_size=3))
def test_order_is_transitive(moments: list[datetime]) -> None:
    a, b, c = sorted((of_datetime(moment) for moment in moments), key=lambda value: value.low)
    assert (compare(a, b), compare(b, c)) != (1, 1)
    assert compare(a, c) in (-1, 0)


def move(text: str, **amount: int) -> str | None:
    value = moved(parse_date_time(text), **amount)
    return value.text if value else None


def test_a_move_keeps_the_form() -> None:
    assert move("2014-01-31", months=1) == "2014-02-28"
    assert move("2016-02-29", months=12) == "2017-02-28"
    assert move("2014-03", months=-3) == "2013-12"
    assert move("2014", months=24) == "2016"
    assert move("2014-12-31T23:59:59.5+01:00", micros=SECOND_SPAN) == "2015-01-01T00:00:00.5+01:00"
    assert move("2014-12-31T23:59:59Z", micros=1500) == "2014-12-31T23:59:59.0015Z"
    assert move("2014T", months=12) == "2015"


def test_a_move_out_of_the_calendar_is_none() -> None:
    assert move("9999-12-31", micros=DAY_SPAN) is None
    assert move("0001-01", months=-1) is None


def test_times_go_round_at_midnight() -> None:
    value = moved(parse_time("23:30"), micros=3600 * SECOND_SPAN)
    assert value is not None
    assert value.text == "00:30"


def test_a_date_becomes_a_date_time_of_the_same_precision() -> None:
    value: Temporal = as_date_time(parse_date_time("2015-02"))
    assert (value.kind, value.precision) == ("dateTime", MONTH)
