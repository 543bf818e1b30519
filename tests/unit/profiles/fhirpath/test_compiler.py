"""What is found out when an expression is compiled."""

from __future__ import annotations

import pytest

from profiles.fhirpath.engine import compile_expression
from profiles.fhirpath.errors import FhirPathSyntaxError, FhirPathTypeError


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("name.wher(a)", 5, "where() is meant"),
        ("name.where()", 5, "takes 1 argument, not 0"),
        ("name.substring()", 5, "1 to 2"),
        ("name.first(1)", 5, "takes 0 arguments"),
        ("name.is(Nope)", 8, "no type"),
        ("@2015-02-30", 0, "not a date"),
        ("@T25:00", 0, "not a date or time"),
        ("name.elementDefinition()", 5, "profiles"),
        ("name.slice('a', 'b')", 5, "profiles"),
    ],
)
def test_mistakes_are_found_before_any_resource_is_seen(text: str, position: int, hint: str) -> None:
    with pytest.raises(FhirPathSyntaxError) as caught:
        compile_expression(text)
    assert caught.value.position == position
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    "text", [" + ".join(["1"] * 500), "a" + ".first()" * 500, ".".join(["a"] * 500), "a" + "[0]" * 500, "-" * 200 + "1"]
)
def test_endless_chains_are_refused(text: str) -> None:
    with pytest.raises(FhirPathSyntaxError):
        compile_expression(text)


def test_long_unions_and_conditions_are_no_chains() -> None:
    patient = {"resourceType": "Patient", "active": True}
    assert compile_expression(" | ".join(["active"] * 500)).evaluate(patient) == [True]
    assert compile_expression(" and ".join(["active"] * 500)).test(patient) is True
    assert compile_expression(" or ".join(["active.not()"] * 500)).test(patient) is False


def test_the_deepest_expressions_that_compile_also_run() -> None:
    patient = {"resourceType": "Patient", "name": [{"family": "a"}]}
    nested = "name.where(" * 70 + "true" + ")" * 70
    assert compile_expression(nested).evaluate(patient) == [] or compile_expression(nested).test(patient) is not None
    chained = "1" + " + 1" * 140
    assert compile_expression(chained).evaluate(patient) == [141]
    parentheses = "(" * 95 + "1" + ")" * 95
    assert compile_expression(parentheses).evaluate(patient) == [1]


def test_a_known_root_drops_the_branches_of_other_types() -> None:
    text = (
        "Patient.name.where(family = 'a') | (Group.value as Quantity) | Group.extension('x') | Group.member.resolve()"
    )
    assert compile_expression(text, root="Patient").evaluate(
        {"resourceType": "Patient", "name": [{"family": "a"}]}
    ) == [{"family": "a"}]
    group = compile_expression("Group.value.select(x).ofType(string)", root="Patient")
    assert group.evaluate({"resourceType": "Patient"}) == []


def test_the_root_is_held_to() -> None:
    with pytest.raises(FhirPathTypeError, match="compiled for Patient"):
        compile_expression("id", root="Patient").evaluate({"resourceType": "Group"})
    with pytest.raises(FhirPathTypeError, match="no type"):
        compile_expression("id", root="Nope")
    assert compile_expression("Observation.status | id", root="Resource").evaluate(
        {"resourceType": "Observation", "id": "1", "status": "final"}
    ) == ["final", "1"]
