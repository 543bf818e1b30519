"""A patient and an observation to evaluate on, and the shortest way to do it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from profiles.fhirpath.engine import Environment, compile_expression

Json = dict[str, Any]
Evaluate = Callable[..., list[Any]]

PATIENT: Json = {
    "resourceType": "Patient",
    "id": "example",
    "active": True,
    "birthDate": "1974-12-25",
    "_birthDate": {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                "valueDateTime": "1974-12-25T14:35:45-05:00",
            }
        ]
    },
    "name": [
        {"use": "official", "family": "Chalmers", "given": ["Peter", "James"]},
        {"use": "usual", "given": ["Jim"]},
        {"use": "maiden", "family": "Windsor", "given": ["Peter", "James"], "period": {"end": "2002"}},
    ],
    "telecom": [{"use": "home"}, {"system": "phone", "value": "(03) 5555 6473", "use": "work", "rank": 1}],
    "managingOrganization": {"reference": "#o"},
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Clinic", "partOf": {"reference": "#"}}],
    "multipleBirthInteger": 2,
}
OBSERVATION: Json = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": "Patient/example"},
    "valueQuantity": {
        "value": Decimal("185"),
        "unit": "lbs",
        "system": "http://unitsofmeasure.org",
        "code": "[lb_av]",
    },
}


@pytest.fixture
def patient() -> Json:
    """A Patient with names, a contained organization and an extension on its birth date."""
    return PATIENT


@pytest.fixture
def observation() -> Json:
    """An Observation with a Quantity in UCUM."""
    return OBSERVATION


@pytest.fixture
def evaluate() -> Evaluate:
    """Return a function that evaluates a text, on the Patient when no resource is given."""

    def run(text: str, resource: Json | None = None, **environment: Any) -> list[Any]:
        return compile_expression(text).evaluate(
            PATIENT if resource is None else resource, environment=Environment(**environment) if environment else None
        )

    return run
