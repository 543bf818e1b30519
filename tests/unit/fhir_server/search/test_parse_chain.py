"""Chains, _has and _list (http://hl7.org/fhir/R4/search.html#chaining, #has, #list)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.search.query import (
    And,
    Canonical,
    Chain,
    Has,
    Id,
    Node,
    Not,
    Or,
    Present,
    Reference,
    String,
    Token,
)
from tests.fakes.searching import parsed, refusal, where

ACME = String("name", "acme")
QUESTIONNAIRE = Canonical("Questionnaire", "url", "version")
PETER = String("name", "peter")


def reached(name: str, type: str, leaf: Token | String) -> Or:
    """The resource referred to is stored, or contained: then what it has is indexed with its container."""
    return Or((Chain(name, type, leaf), replace(leaf, name=f"{name}.{type}.{leaf.name}")))


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "node"),
    [
        ("DiagnosticReport", "subject:Patient.name", "Peter", reached("subject", "Patient", PETER)),
        (
            "DiagnosticReport",
            "subject.name",
            "peter",
            Or((*reached("subject", "Patient", PETER).nodes, *reached("subject", "Location", PETER).nodes)),
        ),
        ("Observation", "patient.name", "peter", reached("subject", "Patient", PETER)),
        ("Observation", "subject:Patient.name:exact", "P", reached("subject", "Patient", String("name", "P", "exact"))),
        (
            "Observation",
            "subject:Patient.gender:not",
            "male",
            Or(
                (
                    Chain("subject", "Patient", Not(Token("gender", None, "male"))),
                    And((Present("subject.Patient"), Not(Token("subject.Patient.gender", None, "male")))),
                )
            ),
        ),
        (
            "Encounter",
            "subject:Patient.link",
            "Patient/1",
            Or(
                (
                    Chain("subject", "Patient", Reference("link", "Patient", "1")),
                    Reference("subject.Patient.link", "Patient", "1"),
                )
            ),
        ),
        (
            "QuestionnaireResponse",
            "questionnaire.title",
            "mood",
            Chain("questionnaire", "Questionnaire", String("title", "mood"), QUESTIONNAIRE),
        ),
        (
            "Questionnaire",
            "_has:QuestionnaireResponse:questionnaire:status",
            "completed",
            Has("QuestionnaireResponse", "questionnaire", Token("status", None, "completed"), QUESTIONNAIRE),
        ),
        ("Observation", "subject:Patient._id", "a,b", Chain("subject", "Patient", Id(("a", "b")))),
        (
            "Observation",
            "subject:Patient.general-practitioner:Organization.name",
            "acme",
            Or(
                (
                    Chain("subject", "Patient", reached("general-practitioner", "Organization", ACME)),
                    Chain("subject.Patient.general-practitioner", "Organization", ACME),
                )
            ),
        ),
        (
            "Patient",
            "_has:Observation:patient:code",
            "1234-5",
            Has("Observation", "subject", Token("code", None, "1234-5")),
        ),
        (
            "Patient",
            "_has:Observation:patient:code",
            "123,456",
            Has("Observation", "subject", Or((Token("code", None, "123"), Token("code", None, "456")))),
        ),
        (
            "Patient",
            "_has:Observation:patient:_has:AuditEvent:entity:agent",
            "Practitioner/1",
            Has("Observation", "subject", Has("AuditEvent", "entity", Reference("agent", "Practitioner", "1"))),
        ),
        (
            "Observation",
            "subject:Patient._has:Group:member:code",
            "x",
            Chain("subject", "Patient", Has("Group", "member", Token("code", None, "x"))),
        ),
        (
            "Patient",
            "_has:Observation:patient:encounter:Encounter.status",
            "finished",
            Has("Observation", "subject", reached("encounter", "Encounter", Token("status", None, "finished"))),
        ),
        (
            "Patient",
            "_has:Observation:patient:code:not",
            "x",
            Has("Observation", "subject", Not(Token("code", None, "x"))),
        ),
        ("Patient", "_list", "42", Has("List", "item", Id(("42",)))),
        ("Patient", "_list", "42,43", Has("List", "item", Id(("42", "43")))),
    ],
)
def test_chains_lead_to_other_resources(resource_type: str, name: str, value: str, node: Node) -> None:
    assert where(resource_type, name, value) == node


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "says"),
    [
        ("Observation", "subject.nonsense", "1", "Group, Device, Patient, Location"),
        ("Observation", "subject:Patient.nonsense", "1", "Patient has no such parameter"),
        ("Observation", "subject:Practitioner.name", "x", "never points to a Practitioner"),
        ("Observation", "patient:Group.name", "x", "never points to a Group"),
        ("Observation", "subject:identifier.name", "x", "without any other modifier"),
        ("Observation", "status.name", "x", "only references lead on"),
        ("Observation", "nonsense.name", "x", "no such parameter"),
        ("Observation", "subject:Patient.birthdate", "2020-13-45", "'2020-13-45' is no date"),
        ("Observation", "subject:Patient._count", "1", "stands by itself"),
        ("Observation", "subject:Patient._filter", "x", "stands by itself"),
        ("Observation", "subject:Patient.", "x", "no such parameter"),
        ("Observation", "subject:.name", "x", "behind a colon"),
        ("QuestionnaireResponse", "questionnaire:Patient.name", "x", "never points to a Patient"),
        ("ActivityDefinition", "depends-on:Patient.name", "x", "never points to a Patient"),
        ("Patient", "_has:ActivityDefinition:depends-on:name", "x", "never points to a Patient"),
        ("Patient", "_has:Observation:patient", "x", "_has:Type:reference:parameter"),
        ("Patient", "_has", "x", "_has:Type:reference:parameter"),
        ("Patient", "_hasty:Observation:patient:code", "x", "no such parameter"),
        ("Patient", "_has:Nonsense:patient:code", "x", "no resource type"),
        ("Patient", "_has:Observation:code:status", "x", "only references lead on"),
        ("Practitioner", "_has:Observation:subject:code", "x", "never points to a Practitioner"),
        ("Patient", "_has:Observation:patient:nonsense", "x", "Observation has no such parameter"),
        ("Patient", "_list", "$current-allergies", "functional lists"),
        ("Patient", "_list", "https://example.org/List/1", "1 to 64"),
    ],
)
def test_chains_to_nowhere_are_refused_by_name(resource_type: str, name: str, value: str, says: str) -> None:
    refused = refusal(resource_type, (name, value))
    assert (refused.status, refused.issues[0].expression) == (400, name.partition(":")[0].partition(".")[0])
    assert says in str(refused)


def test_a_chain_has_at_most_eight_links() -> None:
    eight = "partof." * 8 + "name"
    assert parsed("Location", (eight, "x")).applied == ((eight, "x"),)
    assert "9 links; at most 8" in str(refusal("Location", ("partof." * 9 + "name", "x")))
    assert "3 links; at most 2" in str(
        refusal(
            "Patient",
            ("_has:Observation:patient:_has:Provenance:target:_has:Provenance:target:agent", "x"),
            chain_depth=2,
        )
    )
    assert "2 links; at most 1" in str(
        refusal("Patient", ("_has:Observation:patient:encounter.status", "x"), chain_depth=1)
    )


def test_a_chain_through_any_type_is_limited() -> None:
    assert "narrow it" in str(refusal("Basic", ("subject.subject.subject.subject.identifier", "x")))
    assert "none of the types" in str(refusal("Basic", ("subject." * 8 + "nonsense", "x")))


def test_what_many_values_stand_for_is_limited() -> None:
    ids = ",".join(map(str, range(200)))
    assert "more than 20000" in str(refusal("Provenance", ("target", ids)))
    assert "more than 20000" in str(refusal("AuditEvent", ("entity.identifier", ids)))
    assert "200 values; at most 100" in str(refusal("Patient", ("_list", ids), or_values=100))
    assert parsed("Provenance", ("target:Patient", ids)).applied == (("target:Patient", ids),)


def test_lenient_handling_ignores_a_chain_to_nowhere() -> None:
    found = parsed("Observation", ("subject.nonsense", "1"), lenient=True)
    assert (found.applied, [each.expression for each in found.warnings]) == ((), ["subject"])
