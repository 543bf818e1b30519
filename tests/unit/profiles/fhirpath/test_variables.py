"""%variables, $this, $index, $total."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from profiles.fhirpath.errors import FhirPathError

Evaluate = Callable[..., list[Any]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%ucum", ["http://unitsofmeasure.org"]),
        ("%sct", ["http://snomed.info/sct"]),
        ("%loinc", ["http://loinc.org"]),
        ("%`vs-administrative-gender`", ["http://hl7.org/fhir/ValueSet/administrative-gender"]),
        ("%'ext-patient-birthTime'", ["http://hl7.org/fhir/StructureDefinition/patient-birthTime"]),
        ("%resource.id", ["example"]),
        ("%rootResource.id", ["example"]),
        ("%context.id", ["example"]),
        ("name.where(%context.active).family", ["Chalmers", "Windsor"]),
        ("contained.select(%resource.id)", ["example"]),
        ("name.given.where($this = 'Jim')", ["Jim"]),
        ("name.given.where(substring($this.length()-3) = 'ter')", ["Peter", "Peter"]),
        ("name.where($index = 1).given", ["Jim"]),
        ("name.select(given.select($index) | $index)", [0, 1, 0, 1, 0, 1, 2]),
        ("$this.id", ["example"]),
        ("(1|2|3).aggregate($this + $total, 0)", [6]),
        ("(1|2|3|4).aggregate(iif($total.empty(), $this, iif($this < $total, $this, $total)))", [1]),
        ("$index", []),
        ("$total", []),
    ],
)
def test_variables_have_their_meaning(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text) == expected


def test_a_caller_may_give_variables(evaluate: Evaluate) -> None:
    given = {"n": 3, "list": [1, "a"], "other": {"resourceType": "Group", "id": "g"}, "none": None}
    assert evaluate("%n + 1", variables=given) == [4]
    assert evaluate("%list", variables=given) == [1, "a"]
    assert evaluate("%other.id", variables=given) == ["g"]
    assert evaluate("%none", variables=given) == []


def test_an_unknown_variable_is_an_error(evaluate: Evaluate) -> None:
    with pytest.raises(FhirPathError, match="%nope"):
        evaluate("%nope")
    with pytest.raises(FhirPathError, match="Node"):
        evaluate("%element", variables={"element": {"value": 3}})
