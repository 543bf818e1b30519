"""`_sort` (http://hl7.org/fhir/R4/search.html#sort)."""

from __future__ import annotations

import pytest

from fhir_server.search.query import Sort
from tests.fakes.searching import parsed, refusal


@pytest.mark.parametrize(
    ("resource_type", "value", "rules"),
    [
        (
            "Observation",
            "status,-date,category",
            (Sort("token", ("status",)), Sort("date", ("date",), True), Sort("token", ("category",))),
        ),
        ("Patient", "-_lastUpdated,_id", (Sort("updated", (), True), Sort("id"))),
        ("Patient", "family", (Sort("string", ("family",)),)),
        ("Observation", "subject", (Sort("reference", ("subject",)),)),
        ("Observation", "-value-quantity", (Sort("quantity", ("value-quantity",), True),)),
        ("RiskAssessment", "probability", (Sort("number", ("probability",)),)),
        ("ValueSet", "url", (Sort("uri", ("url",)),)),
        ("QuestionnaireResponse", "questionnaire", (Sort("uri", ("questionnaire",)),)),
        ("Observation", "combo-code", (Sort("token", ("code", "component-code")),)),
    ],
)
def test_rules_are_read_in_order(resource_type: str, value: str, rules: tuple[Sort, ...]) -> None:
    found = parsed(resource_type, ("_sort", value))
    assert (found.sort, found.applied) == (rules, (("_sort", value),))


def test_a_repeated_sort_goes_on_from_the_first_and_a_repeated_rule_changes_nothing() -> None:
    found = parsed("Patient", ("_sort", "family"), ("_sort", "-family,birthdate"))
    assert found.sort == (Sort("string", ("family",)), Sort("date", ("birthdate",)))


def test_what_is_a_part_of_another_reference_is_sorted_by_that_part() -> None:
    (by_patient,) = parsed("Observation", ("_sort", "-patient")).sort
    assert by_patient == Sort("reference", ("subject",), descending=True, target="Patient")
    both = parsed("Observation", ("_sort", "patient,subject")).sort
    assert both == (Sort("reference", ("subject",), target="Patient"), Sort("reference", ("subject",)))


def test_several_types_are_sorted_by_what_is_the_same_in_all() -> None:
    assert parsed(("Observation", "DiagnosticReport"), ("_sort", "status")).sort == (Sort("token", ("status",)),)
    assert "no parameter 'family'" in str(refusal(("Patient", "Observation"), ("_sort", "family")))


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "says"),
    [
        ("Patient", "_sort", "nonsense", "no parameter 'nonsense'"),
        ("Patient", "_sort", "Smith 1970", "no parameter it"),
        ("Patient", "_sort", "family,,x", "rule 2 is empty"),
        ("Patient", "_sort", "-", "rule 1 is empty"),
        ("Patient", "_sort", "_score", "no score"),
        ("Patient", "_sort:desc", "family", "_sort=-name"),
        ("Observation", "_sort", "code-value-quantity", "code-value-quantity is of type composite"),
        ("Observation", "_sort", "date:desc", "rule 1 is more than a parameter"),
        ("Observation", "_sort", "status,subject.name", "rule 2 is more than a parameter"),
        ("Location", "_sort", "near", "near is of type special"),
        ("Patient", "_sort", "_content", "_content"),
        ("Patient", "_sort", ",".join(["family"] * 11), "at most 10"),
    ],
)
def test_what_has_no_order_is_refused_by_name(resource_type: str, name: str, value: str, says: str) -> None:
    refused = refusal(resource_type, (name, value))
    assert (refused.status, refused.issues[0].expression) == (400, "_sort")
    assert says in str(refused)


def test_lenient_handling_ignores_an_unknown_order() -> None:
    found = parsed("Patient", ("_sort", "nonsense"), lenient=True)
    assert (found.sort, found.applied, len(found.warnings)) == ((), (), 1)
