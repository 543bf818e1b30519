"""Whom a resource is about: the patients to whom it belongs, and not those who only play a part in it.

The compartment of a patient (http://hl7.org/fhir/R4/compartmentdefinition-patient.html) also has what one performs,
recommends or receives for somebody else. Whose data a resource is, is narrower:

- a Patient is about itself, and not about those it is linked to;
- of the parameters that lead into the compartment, `patient` and `subject` tell, where a type has one of them; the
  beneficiary does of a Coverage;
- a resource that leaves its subject out is about the patients who take part in it in any role: an Appointment, a
  message to a patient;
- membership tells nothing: a Group, a Person and a Schedule are about nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from fhir_server.search.parameters import standard_parameters
from fhir_server.search.values import IndexEntries
from profiles import definitions

Owner = tuple[str, str]

PATIENT = "Patient"
TELLING = ("patient", "subject")
"""Parameters that say whom a resource is about, in the types that have one of them in the compartment."""
OTHERWISE: Mapping[str, Sequence[str]] = {
    "Coverage": ("beneficiary",),
    "Group": (),
    PATIENT: (),
    "Person": (),
    "Schedule": (),
}
"""Types of which other parameters of the compartment tell, or none."""
_ELEMENTS = ("subject", "patient", "beneficiary", "target")
"""Where a resource says whom it is about: one that says so, in whatever way, is about nobody else."""


@cache
def owning(type: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the search parameters that tell whom a `type` is about, and those that do where it does not say."""
    inside = definitions.compartments()[PATIENT].get(type, ())
    known = tuple(OTHERWISE.get(type, tuple(code for code in inside if code in TELLING)))
    rest = () if type in OTHERWISE else tuple(code for code in inside if code not in known)
    return known, rest


def types() -> tuple[str, ...]:
    """Return the types that can be about a patient, sorted."""
    every = {PATIENT, *(type for type in definitions.compartments()[PATIENT] if any(owning(type)))}
    return tuple(sorted(every))


def subjects(resource: Mapping[str, Any], entries: IndexEntries) -> list[Owner]:
    """Return the patients that a valid `resource` is about as (type, id), from its index `entries`."""
    type = resource["resourceType"]
    if type == PATIENT:
        return [(PATIENT, resource["id"])] if "id" in resource else []
    known, rest = _names(type)
    says = any(element in resource for element in _ELEMENTS)
    names = known if says or not rest else known | rest
    found = [(kind, id) for name, kind, id, _, _ in entries.references if kind == PATIENT and name in names]
    return list(dict.fromkeys(found))


@cache
def _names(type: str) -> tuple[frozenset[str], frozenset[str]]:
    parameters = standard_parameters(type)
    known, rest = owning(type)
    return _answers(parameters, known), _answers(parameters, rest)


def _answers(parameters: Mapping[str, Any], codes: Sequence[str]) -> frozenset[str]:
    return frozenset(answer.name for code in codes if code in parameters for answer in parameters[code].answers)
