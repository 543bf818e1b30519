"""The registry with a tenant's own parameters, which come and go while a server runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.search.check_parameter import definition_of
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import (
    Addition,
    Answer,
    Incomplete,
    Registry,
    fingerprint,
    standard_parameters,
    types_of,
)
from profiles import definitions
from tests.fakes.own_parameters import own, with_eyes

EYES = definition_of(own())
BLUE = ("eye-colour", "http://example.org/colours", "blue", 0)


def tokens(extractor: Extractor) -> list[tuple[str, str, str, int]]:
    found = extractor.entries(with_eyes("1", "blue"), base="http://localhost/fhir").tokens
    return [entry for entry in found if entry[0] == "eye-colour"]


def test_what_a_registry_learns_is_extracted_and_served_at_once() -> None:
    registry = Registry()
    extractor = Extractor(registry)
    assert tokens(extractor) == []
    registry.change([Addition(EYES)])
    assert tokens(extractor) == [BLUE]
    assert registry.get("Patient", "eye-colour") is registry.all_for("Patient")["eye-colour"]
    registry.change([])
    assert tokens(extractor) == []
    assert registry.get("Patient", "eye-colour") is None


def test_types_that_a_change_does_not_concern_keep_what_they_have() -> None:
    registry = Registry([Addition(EYES)])
    before = registry.indexed_for("Patient")
    assert registry.indexed_for("Claim") is standard_parameters("Claim")
    registry.change([Addition(EYES), Addition(replace(EYES, url="http://example.org/p", base=("Person",), code="p"))])
    assert registry.indexed_for("Patient") is before
    registry.change([Addition(replace(EYES, expression="Patient.maritalStatus"))])
    assert registry.indexed_for("Patient") is not before


def test_a_parameter_that_is_not_complete_is_indexed_and_not_served() -> None:
    registry = Registry([Addition(EYES, complete=False)])
    assert tokens(Extractor(registry)) == [BLUE]
    assert "eye-colour" not in registry.all_for("Patient")
    with pytest.raises(Incomplete, match="the indexing has not begun") as caught:
        registry.get("Patient", "eye-colour")
    assert [(issue.code, issue.expression) for issue in caught.value.issues] == [("incomplete", "eye-colour")]
    registry.progress = (400, 1000)
    with pytest.raises(Incomplete, match=r"400 of 1,000 resources are done"):
        registry.get("Patient", "eye-colour")
    registry.change([Addition(EYES)])
    assert registry.get("Patient", "eye-colour") is not None


def test_a_parameter_that_the_standards_answer_for_is_complete_from_the_beginning() -> None:
    born = replace(EYES, code="born", type="date", expression="Patient.birthDate")
    registry = Registry([Addition(born, complete=False)])
    found = registry.get("Patient", "born")
    assert found is not None
    assert found.answers == (Answer("birthdate"),)


def test_the_standards_parameters_are_stored_as_ever_whatever_a_tenant_adds() -> None:
    # Each of these would answer for, or tie into groups, what the standard stores, were it the standard's own.
    given = replace(EYES, code="first-name", type="string", expression="Patient.name.given")
    anything = replace(EYES, code="any-name", type="string", expression="Patient.name | Patient.contact.name")
    phone = ("http://hl7.org/fhir/SearchParameter/individual-telecom", "telecom")
    gender = ("http://hl7.org/fhir/SearchParameter/individual-gender", "gender")
    pair = replace(EYES, code="pair", type="composite", expression="Patient.contact", components=(phone, gender))
    additions = [replace(each, url=f"urn:{each.code}") for each in (given, anything, pair)]
    registry = Registry([Addition(each) for each in additions])
    found = registry.indexed_for("Patient")
    assert {code: each for code, each in found.items() if not each.custom} == standard_parameters("Patient")
    resource = with_eyes("1", "blue") | {
        "name": [{"family": "Moreau", "given": ["Camille"]}],
        "telecom": [{"system": "phone", "value": "1"}],
        "contact": [{"name": {"family": "Petit"}, "gender": "male"}],
    }
    plain, extended = (Extractor(each).entries(resource, base="") for each in (Registry(), registry))
    codes = {each.code for each in additions}
    for kind in plain.__slots__[:8]:
        ours = [entry for entry in getattr(extended, kind) if entry[0] not in codes]
        assert ours == getattr(plain, kind), kind


def test_no_addition_takes_the_place_of_a_parameter_of_the_standard() -> None:
    registry = Registry([Addition(replace(EYES, code="gender"))])
    assert registry.indexed_for("Patient") is standard_parameters("Patient")


def test_a_composite_is_served_with_all_its_components_only() -> None:
    status = ("http://hl7.org/fhir/SearchParameter/Observation-status", "status")
    pair = replace(
        EYES,
        code="pair",
        type="composite",
        base=("Observation",),
        expression="Observation",
        components=(status, ("http://example.org/gone", "code")),
    )
    assert Registry([Addition(pair)]).get("Observation", "pair") is None


def test_a_mark_tells_definitions_apart_and_not_how_far_they_are() -> None:
    other = replace(EYES, expression="Patient.maritalStatus", url="urn:other", code="other")
    marks = {Registry([Addition(each)]).mark for each in (EYES, other)} | {Registry().mark}
    assert len(marks) == 3
    assert Registry().mark == ""
    assert Registry([Addition(EYES, complete=False)]).mark == Registry([Addition(EYES)]).mark == fingerprint(EYES)
    both = [Addition(EYES), Addition(other)]
    assert Registry(both).mark == Registry(both[::-1]).mark


def test_abstract_bases_stand_for_the_types_below_them() -> None:
    assert types_of(("Person", "Patient")) == ("Patient", "Person")
    assert set(definitions.resource_types()) - set(types_of(("DomainResource",))) == {"Binary", "Bundle", "Parameters"}
    assert types_of(("Resource", "Patient")) == definitions.resource_types()
