"""The five compartments: whose they are, and which types they hold (http://hl7.org/fhir/R4/compartmentdefinition.html)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from fhir_server.errors import NotFound
from fhir_server.model.resource import is_id
from profiles import definitions

URLS: Mapping[str, str] = {
    name: f"http://hl7.org/fhir/CompartmentDefinition/{name[0].lower()}{name[1:]}"
    for name in ("Device", "Encounter", "Patient", "Practitioner", "RelatedPerson")
}
"""The definition of each compartment, by the type of the resource that has one."""
ALL_TYPES = "*"
"""Stands in the URL for every type of a compartment."""


@cache
def types_in(compartment: str) -> tuple[str, ...]:
    """Return the resource types in the compartment of a `compartment`, its own type among them, sorted."""
    return tuple(sorted({compartment, *definitions.compartments()[compartment]}))


def check_type(compartment: str, id: str, type: str) -> None:
    """Raise NotFound when `compartment`/`id` is no place to search `type` in (ALL_TYPES: everything there)."""
    if compartment not in URLS or not is_id(id):
        raise NotFound("There is nothing at this URL: see [base]/metadata for what this server does.")
    if type == ALL_TYPES or type in types_in(compartment):
        return
    what = "is not in the compartment" if definitions.is_resource_type(type) else "is no resource type of FHIR R4"
    raise NotFound(
        f"{type[:64]} {what}: [base]/{compartment}/[id]/[type] searches the types that the compartment of a "
        f"{compartment} holds, [base]/{compartment}/[id]/* all of them ({URLS[compartment]}).",
        code="not-supported",
    )
