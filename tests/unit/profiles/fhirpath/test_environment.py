"""The budget of an evaluation, and its clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from profiles.fhirpath.errors import FhirPathBudgetError, FhirPathError

Evaluate = Callable[..., list[Any]]
MANY = "(" + " | ".join(map(str, range(40))) + ")"


@pytest.mark.parametrize(
    "text",
    [
        f"{MANY}.aggregate($total.combine($total), 1)",
        f"{MANY}.aggregate($total & $total, 'ab')",
        f"{MANY}.aggregate($total + $total, 'ab')",
        f"{MANY}.aggregate($total.replace('a', 'aa'), 'a')",
        f"{MANY}.select({MANY}.select({MANY}.select({MANY})))",
        f"{MANY}.where({MANY}.exists({MANY}.all({MANY}.exists($this > 100).not())))",
        f"{MANY}.repeat($this + 1)",
        "descendants().select(%resource.descendants().select(%resource.descendants().select(%resource.descendants())))",
    ],
)
def test_work_that_grows_without_end_is_stopped(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(FhirPathError) as caught:
        evaluate(text, steps=100_000)
    assert isinstance(caught.value, FhirPathBudgetError) or "characters" in str(caught.value)


def test_the_budget_is_a_setting(evaluate: Evaluate) -> None:
    with pytest.raises(FhirPathBudgetError, match="3 steps"):
        evaluate("name.given.where($this = 'Jim')", steps=3)
    assert evaluate("name.given.where($this = 'Jim')", steps=100) == ["Jim"]


def test_time_can_be_a_budget_too(evaluate: Evaluate) -> None:
    with pytest.raises(FhirPathBudgetError, match="0 s"):
        evaluate("name.given.where($this = 'Jim')", seconds=0)
    assert evaluate("name.given.where($this = 'Jim')", seconds=60) == ["Jim"]


def test_the_clock_stands_still_within_an_evaluation(evaluate: Evaluate) -> None:
    moment = datetime(2024, 2, 29, 23, 30, 15, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert evaluate("now()", now=moment) == ["2024-02-29T23:30:15.123+02:00"]
    assert evaluate("today()", now=moment) == ["2024-02-29"]
    assert evaluate("timeOfDay()", now=moment) == ["23:30:15.123"]
    assert evaluate("now() = now()") == [True]


def test_the_zone_of_now_is_that_of_dates_without_one(evaluate: Evaluate) -> None:
    text = "@2024-01-01T10:00:00 = @2024-01-01T08:00:00Z"
    assert evaluate(text, now=datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == [True]
    assert evaluate(text, now=datetime(2024, 1, 1, tzinfo=UTC)) == [False]
    assert evaluate(text, now=datetime(2024, 1, 1)) == [False]


def test_trace_shows_what_passes(evaluate: Evaluate) -> None:
    shown: list[tuple[str, int]] = []

    def show(name: str, items: list[Any]) -> None:
        shown.append((name, len(items)))

    assert evaluate("name.trace('names', given).count()", trace=show) == [3]
    assert shown == [("names", 5)]
    with pytest.raises(FhirPathError):
        evaluate("name.trace(1)", trace=show)


def test_a_resource_that_nests_without_end_is_an_error(evaluate: Evaluate) -> None:
    extension: dict[str, Any] = {"url": "x"}
    for _ in range(5000):
        extension = {"url": "x", "extension": [extension]}
    deep = {"resourceType": "Patient", "extension": [extension, dict(extension)]}
    with pytest.raises(FhirPathBudgetError, match="deeply"):
        evaluate("extension[0] ~ extension[1]", deep)
