"""`_include` and `_revinclude` (http://hl7.org/fhir/R4/search.html#include)."""

from __future__ import annotations

import pytest

from fhir_server.search.query import Canonical, Include
from tests.fakes.searching import parsed, refusal

QUESTIONNAIRE = Canonical("Questionnaire", "url", "version")


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "include"),
    [
        ("MedicationRequest", "_include", "MedicationRequest:requester", Include("MedicationRequest", ("requester",))),
        ("Observation", "_include", "Observation:patient", Include("Observation", ("subject",), "Patient")),
        ("Observation", "_include", "Observation:subject:Group", Include("Observation", ("subject",), "Group")),
        ("Observation", "_include:iterate", "Patient:link", Include("Patient", ("link",), iterate=True)),
        ("MedicationRequest", "_revinclude", "Provenance:target", Include("Provenance", ("target",), reverse=True)),
        (
            "Patient",
            "_revinclude:iterate",
            "Observation:patient",
            Include("Observation", ("subject",), "Patient", reverse=True, iterate=True),
        ),
        (
            "Patient",
            "_revinclude",
            "Observation:subject:Patient",
            Include("Observation", ("subject",), "Patient", reverse=True),
        ),
        (
            "QuestionnaireResponse",
            "_include",
            "QuestionnaireResponse:questionnaire",
            Include("QuestionnaireResponse", ("questionnaire",), canonicals=(QUESTIONNAIRE,)),
        ),
        (
            "Questionnaire",
            "_revinclude",
            "QuestionnaireResponse:questionnaire",
            Include("QuestionnaireResponse", ("questionnaire",), reverse=True, canonicals=(QUESTIONNAIRE,)),
        ),
        (
            "PlanDefinition",
            "_include",
            "PlanDefinition:depends-on:Library",
            Include("PlanDefinition", ("depends-on",), "Library", canonicals=(Canonical("Library", "url", "version"),)),
        ),
    ],
)
def test_includes_follow_the_entries_of_a_parameter(
    resource_type: str, name: str, value: str, include: Include
) -> None:
    found = parsed(resource_type, (name, value))
    assert (found.includes, found.applied) == ((include,), ((name, value),))
    assert found.includes[0].asked == f"{name}={value}"


def test_an_asterisk_is_every_reference_of_the_source() -> None:
    (whole,) = parsed("Observation", ("_include", "*")).includes
    assert parsed("Observation", ("_include", "Observation:*")).includes == (whole,)
    # http://hl7.org/fhir/R4/observation.html#search: patient is subject, and there are no canonicals.
    assert set(whole.names) == {
        *("based-on", "derived-from", "device", "encounter", "focus", "has-member", "part-of", "performer"),
        *("specimen", "subject"),
    }
    (reverse,) = parsed("Patient", ("_revinclude", "Provenance:*")).includes
    assert reverse == Include("Provenance", ("agent", "entity", "location", "target"), reverse=True)
    (narrowed,) = parsed("Observation", ("_include", "Observation:*:Device")).includes
    assert (narrowed.target, "encounter" in narrowed.names, "device" in narrowed.names) == ("Device", False, True)


def test_canonicals_lead_to_the_types_that_have_a_url_and_a_version() -> None:
    (include,) = parsed("PlanDefinition", ("_include", "PlanDefinition:depends-on")).includes
    led = {each.type: (each.url, each.version) for each in include.canonicals}
    assert led["Library"] == led["PlanDefinition"] == ("url", "version")
    # http://hl7.org/fhir/R4/codesystem.html#search: system and url search the same element.
    assert led["CodeSystem"] == ("system", "version")
    assert led.keys().isdisjoint({"Patient", "Device", "Contract", "Subscription", "NamingSystem"})


def test_an_asterisk_alone_is_for_each_type_searched() -> None:
    found = parsed(("Observation", "Condition"), ("_include", "*")).includes
    assert [each.source for each in found] == ["Observation", "Condition"]


def test_an_asterisk_alone_in_reverse_is_for_each_type_that_may_refer_to_the_one_searched() -> None:
    found = {each.source: each for each in parsed("Slot", ("_revinclude", "*")).includes}
    # http://hl7.org/fhir/R4/appointment.html#search: slot leads to one, actor and practitioner do not.
    assert "slot" in found["Appointment"].names
    assert not {"actor", "practitioner", "location"} & set(found["Appointment"].names)
    assert {(each.reverse, each.any, each.iterate, each.target) for each in found.values()} == {
        (True, True, False, "Slot")
    }
    assert found.keys().isdisjoint({"AuditEvent", "Encounter"}), "the trail, and what refers to no slot"


def test_an_asterisk_alone_goes_on_along_every_reference_of_whatever_was_added() -> None:
    found = {each.source: each for each in parsed("Slot", ("_include:iterate", "*")).includes}
    assert {"Slot", "Schedule", "Encounter"} <= found.keys()
    assert found["Schedule"] == Include("Schedule", ("actor",), iterate=True)
    several = parsed(("Slot", "Schedule"), ("_revinclude", "*")).includes
    assert {each.target for each in several} == {""}


def test_the_same_include_twice_is_one() -> None:
    twice = parsed("Observation", ("_include", "Observation:patient"), ("_include", "Observation:subject:Patient"))
    assert len(twice.includes) == 1


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("_include", "Observation", "Source:parameter"),
        ("_include", "Observation:subject:Patient:x", "Source:parameter"),
        ("_include", "Observation::Patient", "Source:parameter"),
        ("_include", "Nonsense:subject", "'Nonsense' is none"),
        ("_include", "Observation:subject:Human", "'Human' is none"),
        ("_include", "Observation:subject:Practitioner", "never points to a Practitioner"),
        ("_include", "Observation:patient:Group", "never points to a Group"),
        ("_include", "Observation:nonsense", "'nonsense' of Observation"),
        ("_include", "Observation:code", "'code' of Observation"),
        ("_include", "PlanDefinition:depends-on:Patient", "never points to a Patient"),
        ("_include:recurse", "Observation:subject", ":iterate"),
        ("_include:sometimes", "Observation:subject", ":sometimes"),
    ],
)
def test_what_leads_nowhere_is_refused_by_name(name: str, value: str, says: str) -> None:
    refused = refusal("Observation", (name, value))
    assert (refused.status, refused.issues[0].expression) == (400, name.partition(":")[0])
    assert says in str(refused)
