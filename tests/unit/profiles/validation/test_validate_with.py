"""Base, claims, policy and what is asked for, together, on a resource and those inside it."""

from __future__ import annotations

from typing import Any

from profiles.issues import Issue
from profiles.validation.profiled.context import Context
from profiles.validation.validate_with import validate_with
from profiles.validation.validator import MAX_ISSUES, Validator
from tests.fakes.profiled import URL, element, known, structure, told

Json = dict[str, Any]
NAMED = structure("named", element("Patient.name", min=1))
BORN = structure("born", element("Patient.birthDate", min=1))
PATIENT: Json = {"resourceType": "Patient"}


def issues(resource: Json, *asked: str, context: Context | None = None, **more: Any) -> list[Issue]:
    return validate_with(resource, asked, context or known(NAMED, BORN), validator=Validator(), **more)


def claiming(*urls: str) -> Json:
    return {**PATIENT, "meta": {"profile": [*urls]}}


def test_profiles_asked_for_claimed_and_demanded_all_speak() -> None:
    found = issues(claiming(URL + "born"), URL + "named")
    assert {each.profile for each in found} == {URL + "named", URL + "born"}
    found = issues(PATIENT, policy={"Patient": (URL + "named", URL + "born")})
    assert [each.expression for each in found] == ["Patient.name", "Patient.birthDate"]


def test_a_profile_named_twice_speaks_once() -> None:
    assert len(issues(claiming(URL + "named"), URL + "named", policy={"Patient": (URL + "named",)})) == 1


def test_an_unknown_profile_is_an_error_where_it_is_asked_for_and_a_warning_where_it_is_claimed() -> None:
    assert told(issues(PATIENT, "http://unknown")) == [("error", "not-found", "Patient")]
    assert told(issues(claiming("http://unknown"))) == [("warning", "not-found", "Patient")]
    assert issues(claiming("http://unknown"), claims=False) == []


def test_the_types_of_r4_are_profiles_of_what_is_of_them() -> None:
    core = "http://hl7.org/fhir/StructureDefinition/"
    assert issues(claiming(core + "Patient", core + "DomainResource")) == []
    assert [each.severity for each in issues(PATIENT, core + "Group")] == ["error"]


def test_resources_inside_are_asked_about_their_own_claims() -> None:
    contained = {**claiming(URL + "named"), "id": "p", "link": []}
    del contained["link"]
    holder = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "a"},
        "contained": [contained],
        "subject": {"reference": "#p"},
    }
    assert told(issues(holder)) == [("error", "required", "Observation.contained[0].name")]


def test_what_cannot_be_read_is_not_asked_about() -> None:
    found = issues({**PATIENT, "active": "yes"}, URL + "named")
    assert [each.profile for each in found] == [None]


def test_findings_that_are_given_are_not_sought_again() -> None:
    assert issues({**PATIENT, "gender": "?"}, base=[]) == []


def test_so_many_findings_and_no_more() -> None:
    many = {**PATIENT, "extension": [{"url": f"http://x/{n}", "valueString": "a"} for n in range(MAX_ISSUES + 5)]}
    found = issues(many)
    assert len(found) == MAX_ISSUES + 1
    assert found[-1].code == "incomplete"
