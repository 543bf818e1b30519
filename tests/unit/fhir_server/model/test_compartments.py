"""The compartments (http://hl7.org/fhir/R4/compartmentdefinition.html)."""

from __future__ import annotations

import pytest

from fhir_server.errors import NotFound
from fhir_server.model.compartments import ALL_TYPES, URLS, check_type, types_in
from profiles import definitions


def test_there_are_five() -> None:
    assert set(URLS) == set(definitions.compartments())
    assert URLS["RelatedPerson"] == "http://hl7.org/fhir/CompartmentDefinition/relatedPerson"


@pytest.mark.parametrize("name", URLS)
def test_a_resource_is_in_its_own(name: str) -> None:
    assert name in types_in(name)


def test_a_patients_holds_clinical_types_and_no_administrative_ones() -> None:
    # http://hl7.org/fhir/R4/compartmentdefinition-patient.html
    assert {"Observation", "Condition", "Appointment", "Consent", "Patient"} <= set(types_in("Patient"))
    assert not {"Organization", "Location", "Medication", "ValueSet"} & set(types_in("Patient"))


@pytest.mark.parametrize("type", ["Observation", ALL_TYPES])
def test_what_it_holds_can_be_searched(type: str) -> None:
    check_type("Patient", "1", type)


@pytest.mark.parametrize(
    ("compartment", "id", "type", "message"),
    [
        ("Patient", "1", "Organization", "is not in the compartment"),
        ("Patient", "1", "Nothing", "is no resource type"),
        ("Patient", "a/b", "Observation", "nothing at this URL"),
        ("Group", "1", "Patient", "nothing at this URL"),
    ],
)
def test_anything_else_is_not_found(compartment: str, id: str, type: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        check_type(compartment, id, type)
