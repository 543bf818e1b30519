"""Which types can be about a patient, and which search parameters say whom a resource is about.

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

from profiles import definitions

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


@cache
def owning(type: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the search parameters that tell whom a `type` is about, and those that do where it does not say."""
    inside = definitions.compartments()[PATIENT].get(type, ())
    known = tuple(OTHERWISE.get(type, tuple(code for code in inside if code in TELLING)))
    rest = () if type in OTHERWISE else tuple(code for code in inside if code not in known)
    return known, rest


@cache
def record_types() -> tuple[str, ...]:
    """Return the types that can be about a patient, sorted: what a patient's record consists of."""
    every = {PATIENT, *(type for type in definitions.compartments()[PATIENT] if any(owning(type)))}
    return tuple(sorted(every))
