"""Whether profiles can be derived from their bases."""

from __future__ import annotations

from typing import Any

from profiles.validation.derivation import derivation_issues

R4 = "http://hl7.org/fhir/StructureDefinition/"


def told(base: str, element: dict[str, Any], **more: Any) -> list[tuple[str, str | None]]:
    definition = {
        "url": "http://example.org/p",
        "type": "Patient",
        "derivation": "constraint",
        "baseDefinition": base,
        "differential": {"element": [{"path": "Patient"}, element]},
        **more,
    }
    return [(each.severity, each.rule) for each in derivation_issues(definition, "StructureDefinition", lambda _: None)]


def test_what_agrees_with_its_base_is_told_nothing() -> None:
    assert told(R4 + "Patient", {"path": "Patient.gender", "min": 1}) == []
    assert told(R4 + "Patient", {"path": "Patient.gender", "max": "9"}, derivation="specialization") == []


def test_a_contradiction_is_an_error_with_its_rule() -> None:
    assert told(R4 + "Patient", {"path": "Patient.gender", "max": "2"}) == [("error", "cardinality")]
    assert told(R4 + "Patient", {"path": "Patient.sex"}) == [("error", "element-unknown")]
    assert told("http://example.org/p", {"path": "Patient.gender"}) == [("warning", "base-missing")]


def test_a_base_that_is_not_here_is_a_warning() -> None:
    assert told("http://example.org/elsewhere", {"path": "Patient.gender"}) == [("warning", "base-missing")]
