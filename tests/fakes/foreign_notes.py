"""A SOAP note as another system writes it through FHIR: LOINC sections, narratives, none of our extensions."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def narrative(xhtml: str) -> Json:
    """Return a Narrative with that XHTML inside."""
    return {"status": "additional", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{xhtml}</div>'}


def section(code: str, xhtml: str | None, **more: Any) -> Json:
    """Return a section with one LOINC code."""
    made: Json = {"title": "Section", "code": {"coding": [{"system": "http://loinc.org", "code": code}]}} | more
    return made | ({"text": narrative(xhtml)} if xhtml else {})


def note(*sections: Json, **more: Any) -> Json:
    """Return a Composition of others; `more` are elements that it has besides, or in place of its own."""
    return {
        "resourceType": "Composition",
        "id": "note",
        "meta": {"versionId": "3", "lastUpdated": "2026-03-05T12:00:00Z"},
        "status": "final",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
        "subject": {"reference": "Patient/anna"},
        "date": "2026-03-05",
        "author": [{"reference": "PractitionerRole/role"}],
        "title": "Progress note",
        "section": list(sections),
    } | more


PATIENT: Json = {"resourceType": "Patient", "id": "anna", "name": [{"family": "Meyer", "given": ["Anna", "Eva"]}]}
ROLE: Json = {"resourceType": "PractitionerRole", "id": "role", "practitioner": {"reference": "Practitioner/ben"}}
