"""Equality, order, logic and membership (http://hl7.org/fhirpath/N1/#operations)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from profiles.fhirpath.errors import FhirPathTypeError

Evaluate = Callable[..., list[Any]]
T, F, E = [True], [False], []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 = 1", T),
        ("1 = 2", F),
        ("1 = 1.0", T),
        ("1.10 = 1.1", T),
        ("'a' = 'a'", T),
        ("'a' = 'A'", F),
        ("1 = '1'", F),
        ("true = 1", F),
        ("{} = {}", E),
        ("true = {}", E),
        ("(1|2) = (1|2)", T),
        ("(1|2) = (2|1)", F),
        ("(1|2) = 1", F),
        ("1 != 2", T),
        ("{} != 1", E),
        ("name = name", T),
        ("name != name", F),
        ("name.take(2) = name.take(2).first() | name.take(2).last()", T),
        ("name.take(2) = name.take(2).last() | name.take(2).first()", F),
        ("active = true", T),
        ("birthDate = @1974-12-25", T),
        ("birthDate = '1974-12-25'", F),
        ("birthDate != @T12:14:15", T),
        ("@2012-04-15 = @2012-04-15T10:00:00", E),
        ("@2012-04-15 = @2012-04-16T10:00:00", F),
        ("@2012 = @2012-01", E),
        ("@2012-01-01T10:30:00 = @2012-01-01T10:30:00.000", T),
        ("@2012-01-01T10:30 = @2012-01-01T10:30:00", E),
        ("@2017-11-05T01:30:00.0-04:00 = @2017-11-05T00:30:00.0-05:00", T),
        ("@T10:30 = @T10:31", F),
        ("4.0000 'g' = 4000.0 'mg'", T),
        ("4 'g' != 4040 'mg'", T),
        ("4 'g' = 4 'm'", E),
        ("7 days = 1 week", T),
        ("1 year = 1 'a'", E),
        ("1 second = 1 's'", T),
        ("1 '1' = 1", T),
    ],
)
def test_equality(evaluate: Evaluate, text: str, expected: list[bool]) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 ~ 1.0", T),
        ("1.1 ~ 1.2", F),
        ("1.67 ~ 1.7", T),
        ("'a  B' ~ ' A b '", T),
        ("'a' !~ 'b'", T),
        ("{} ~ {}", T),
        ("{} ~ 1", F),
        ("(1|2) ~ (2|1)", T),
        ("(1|2) ~ (1|3)", F),
        ("@2012-04-15 ~ @2012-04-16", F),
        ("@2012 ~ @2012-01", F),
        ("@2012-01-01T10:00:00Z ~ @2012-01-01T12:00:00+02:00", T),
        ("4 'g' ~ 4040 'mg'", T),
        ("1 year ~ 1 'a'", T),
        ("name ~ name", T),
        ("name.given ~ (name.last().given | name.given)", F),
        ("name.first() ~ name.last()", F),
        ("true ~ 1", F),
    ],
)
def test_equivalence(evaluate: Evaluate, text: str, expected: list[bool]) -> None:
    assert evaluate(text) == expected


def test_equivalence_of_elements_ignores_case_and_order(evaluate: Evaluate) -> None:
    resource = {
        "resourceType": "Patient",
        "name": [{"given": ["Ann", "Eve"]}, {"given": ["eve", "ANN"]}],
    }
    assert evaluate("name[0] ~ name[1]", resource) == T
    assert evaluate("name[0] = name[1]", resource) == F


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 < 2", T),
        ("2 <= 2.0", T),
        ("1 > -2", T),
        ("'a' < 'b'", T),
        ("'A' < 'a'", T),
        ("1 < {}", E),
        ("@2014-12-12 < @2014-12-13", T),
        ("@2014-12 < @2014-12-13", E),
        ("@2014-11 < @2014-12-13", T),
        ("@2018-03-01T10:30 > @2018-03-01T10:30:00", E),
        ("@T12:00:00 < @T14:00:00", T),
        ("@2017-11-05T01:30:00.0-04:00 < @2017-11-05T01:15:00.0-05:00", T),
        ("birthDate < today()", T),
        ("now() > birthDate", T),
        ("4 'm' > 4 'cm'", T),
        ("4 'm' > 4 'g'", E),
        ("6 days < 1 week", T),
        ("1 year > 11 months", T),
        ("1 month > 29 days", E),
    ],
)
def test_order(evaluate: Evaluate, text: str, expected: list[bool]) -> None:
    assert evaluate(text) == expected


def test_a_fhir_quantity_compares_by_its_unit(evaluate: Evaluate, observation: dict[str, Any]) -> None:
    assert evaluate("Observation.value = 185 '[lb_av]'", observation) == T
    assert evaluate("Observation.value > 80 'kg'", observation) == T
    assert evaluate("Observation.value > 80 'cm'", observation) == E
    bound = {**observation, "valueQuantity": {**observation["valueQuantity"], "comparator": "<"}}
    assert evaluate("Observation.value < 200 '[lb_av]'", bound) == E


@pytest.mark.parametrize(
    "text", ["'a' < 1", "true < false", "@T10:00 < @2012", "name < name", "(1|2) < 3", "1 'g' < 'x'"]
)
def test_unlike_values_have_no_order(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(FhirPathTypeError):
        evaluate(text)


TABLE = {
    "and": "TFE FFF EFE",
    "or": "TTT TFE TEE",
    "xor": "FTE TFE EEE",
    "implies": "TFE TTT TEE",
}
VALUES = {"T": "true", "F": "false", "E": "{}"}


@pytest.mark.parametrize("operator", TABLE)
def test_logic_has_three_values(evaluate: Evaluate, operator: str) -> None:
    for left, row in zip("TFE", TABLE[operator].split(), strict=True):
        for right, expected in zip("TFE", row, strict=True):
            found = evaluate(f"{VALUES[left]} {operator} {VALUES[right]}")
            assert found == {"T": T, "F": F, "E": E}[expected], (left, operator, right)


def test_a_single_item_that_is_no_boolean_counts_as_true(evaluate: Evaluate) -> None:
    assert evaluate("name.first() and true") == T
    assert evaluate("0.not()") == F
    with pytest.raises(FhirPathTypeError):
        evaluate("name and true")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 in (1 | 2)", T),
        ("3 in (1 | 2)", F),
        ("1 in {}", F),
        ("{} in (1 | 2)", E),
        ("(1 | 2) contains 2", T),
        ("{} contains 1", F),
        ("'Jim' in name.given", T),
        ("'a' & 'b'", ["ab"]),
        ("'a' & {}", ["a"]),
        ("{} & {}", [""]),
        ("(1 | 2 | 2).count()", [2]),
        ("name.select(given | family).distinct()", ["Peter", "James", "Chalmers", "Jim", "Windsor"]),
    ],
)
def test_collections(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize("text", ["(1|2) in (1|2)", "(1|2) & 'b'", "1 & 'b'"])
def test_operators_on_single_items_refuse_several(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(FhirPathTypeError):
        evaluate(text)


def test_a_primitive_without_a_value_equals_nothing(evaluate: Evaluate) -> None:
    resource = {"resourceType": "Patient", "_gender": {"extension": [{"url": "x", "valueCode": "unknown"}]}}
    assert evaluate("gender = 'male'", resource) == E
    assert evaluate("gender != 'male'", resource) == E
    assert evaluate("gender.exists()", resource) == T
