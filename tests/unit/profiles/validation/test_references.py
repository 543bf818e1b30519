"""What a literal reference may be (http://hl7.org/fhir/R4/references.html#literal)."""

from __future__ import annotations

import re

import pytest

from profiles.validation.references import reference_fault, reference_pattern, type_fault

SUBJECT = ("Patient", "Group")
ANY = ("Resource",)


@pytest.mark.parametrize(
    "text",
    [
        "Patient/1",
        "Group/a-B.9",
        "Patient/1/_history/2",
        "#p1",
        "#",
        "http://example.org/fhir/Practitioner/1",
        "https://example.org/anything?a=b",
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        "urn:uuid:C757873D-EC9A-4326-A141-556F43239520",
        "urn:oid:1.2.3",
    ],
)
def test_literal_references_are_right(text: str) -> None:
    assert reference_fault(text, SUBJECT) is None
    assert re.fullmatch(reference_pattern(SUBJECT), text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Practitioner/1", "may only point to Patient or Group"),
        ("Foo/1", "R4 does not have"),
        ("patient/1", "R4 does not have"),
        ("Patient?identifier=http://a|1", "conditional reference (Patient?...)"),
        ("Patient", "must be Type/id"),
        ("Patient/", "must be Type/id"),
        ("Patient/a b", "must be Type/id"),
        (f"Patient/{'x' * 65}", "must be Type/id"),
        ("/Patient/1", "must be Type/id"),
        ("Patient/1/_history/", "must be Type/id"),
        ("#a b", "must be Type/id"),
        ("urn:uuid:1", "must be Type/id"),
        ("urn:oid:1.02", "must be Type/id"),
        ("javascript:alert(1)", "must be Type/id"),
        ("http://a b", "must be Type/id"),
        ("", "must be Type/id"),
        ("Patient/1\n", "must be Type/id"),
    ],
)
def test_what_is_no_reference_to_the_target_is_told(text: str, told: str) -> None:
    fault = reference_fault(text, SUBJECT)

    assert fault is not None
    assert told in fault
    assert not re.fullmatch(reference_pattern(SUBJECT), text)


def test_an_element_that_may_point_to_anything_takes_every_r4_type() -> None:
    assert reference_fault("MedicinalProduct/1", ANY) is None
    assert reference_fault("Citation/1", ANY) is not None


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ({"type": "Patient", "reference": "Patient/1"}, None),
        ({"type": "http://hl7.org/fhir/StructureDefinition/Patient", "reference": "Patient/1"}, None),
        ({"type": "Patient", "reference": "#p"}, None),
        ({"type": "Patient", "reference": "http://a.example/fhir/Patient/1"}, None),
        ({"type": "Patient"}, None),
        ({"type": "http://example.org/logical"}, None),
        ({"reference": "Patient/1"}, None),
        ({"type": "Group", "reference": "Patient/1"}, "contradicts"),
        ({"type": "Group", "reference": "http://a.example/fhir/Patient/1"}, "contradicts"),
        ({"type": "Practitioner"}, "may only point to Patient or Group"),
    ],
)
def test_the_type_beside_a_reference_agrees_with_it(reference: dict[str, str], told: str | None) -> None:
    fault = type_fault(reference, SUBJECT)

    assert (fault is None) if told is None else (fault is not None and told in fault)
