"""`%variables` and `$this`, `$index`, `$total` (http://hl7.org/fhir/R4/fhirpath.html#variables)."""

from __future__ import annotations

from typing import Any

from profiles.fhirpath.code import NOTHING, Code, of_constant, of_items
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathError
from profiles.fhirpath.node import Scope

CONSTANTS = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
VALUE_SET = "http://hl7.org/fhir/ValueSet/"
EXTENSION = "http://hl7.org/fhir/StructureDefinition/"


def _this(frame: Frame, focus: Items) -> Items:
    # Outside of any criterion $this is the focus itself.
    return focus if frame.this is None else [frame.this]


def _index(frame: Frame, focus: Items) -> Items:
    return [] if frame.index is None else [frame.index]


def _total(frame: Frame, focus: Items) -> Items:
    return frame.total or []


def _resource(frame: Frame, focus: Items) -> Items:
    return [frame.scope.node()]


def _root_resource(frame: Frame, focus: Items) -> Items:
    return [frame.scope.container.node()]


def _context(frame: Frame, focus: Items) -> Items:
    return frame.context


SPECIAL = {"this": _this, "index": _index, "total": _total}
BUILT_IN = {"resource": _resource, "rootResource": _root_resource, "context": _context}


def as_items(value: Any) -> Items:
    """Return a value given from outside as a collection. Raises FhirPathError for an object that is no resource."""
    if value is None:
        return []
    if isinstance(value, list):
        return [item for each in value for item in as_items(each)]
    if isinstance(value, dict):
        if "resourceType" not in value:
            raise FhirPathError("a variable that is an element, not a resource, must be given as a Node")
        return [Scope.of(value).node()]
    return [value]


def _given(name: str) -> Code:
    def items(frame: Frame, focus: Items) -> Items:
        variables = frame.environment.variables
        if name not in variables:
            raise FhirPathError(
                f"%{name} is not defined here; known are %resource, %rootResource, %context, %ucum, ..."
            )
        return as_items(variables[name])

    return of_items(items)


def is_built_in(name: str) -> bool:
    """Return whether FHIR or FHIRPath defines a variable of that name."""
    return name in BUILT_IN or name in CONSTANTS or name.startswith(("vs-", "ext-"))


def defined(name: str) -> Code:
    """Return the code of a variable that defineVariable() has made known."""
    return of_items(lambda frame, focus: frame.defined[name])


def variable(name: str, special: bool, position: int) -> Code:
    """Return the code of a variable; a name that only the caller can know is looked up when it is evaluated."""
    if special:
        return of_items(SPECIAL[name]) if name in SPECIAL else NOTHING
    if name in BUILT_IN:
        return of_items(BUILT_IN[name])
    if name in CONSTANTS:
        return of_constant(CONSTANTS[name])
    if name.startswith("vs-"):
        return of_constant(VALUE_SET + name[3:])
    if name.startswith("ext-"):
        return of_constant(EXTENSION + name[4:])
    return _given(name)
