"""Type specifiers and the operators `is`, `as` and ofType (http://hl7.org/fhirpath/N1/#types)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from profiles import definitions
from profiles.datatypes.quantity import Quantity
from profiles.datatypes.temporal import Temporal
from profiles.fhirpath.code import Code, of_items, of_truth
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathSyntaxError, FhirPathTypeError
from profiles.fhirpath.node import Node

Test = Callable[[Any], bool]

SYSTEM: dict[str, Test] = {
    "Any": lambda item: True,
    "Boolean": lambda item: item.__class__ is bool,
    "Integer": lambda item: item.__class__ is int,
    "Decimal": lambda item: item.__class__ is Decimal,
    "String": lambda item: item.__class__ is str,
    "Date": lambda item: item.__class__ is Temporal and item.kind == "date",
    "DateTime": lambda item: item.__class__ is Temporal and item.kind == "dateTime",
    "Time": lambda item: item.__class__ is Temporal and item.kind == "time",
    "Quantity": lambda item: item.__class__ is Quantity,
}


def type_test(name: str, position: int) -> Test:
    """Return the test whether an item is of the named type or derives from it.

    An unqualified name is FHIR's if FHIR has it, else FHIRPath's; `Quantity` alone is both. Raises
    FhirPathSyntaxError for a type that neither has.
    """
    namespace, _, local = name.rpartition(".")
    if namespace not in ("", "FHIR", "System"):
        raise FhirPathSyntaxError(f"{namespace} is no namespace of types; there are FHIR and System", position)
    if namespace != "System" and local in definitions.type_names():
        if local == "Quantity" and not namespace:
            return lambda item: (
                item.__class__ is Quantity or (item.__class__ is Node and "Quantity" in item.shape.ancestors)
            )
        return lambda item: item.__class__ is Node and local in item.shape.ancestors
    if namespace != "FHIR" and local in SYSTEM:
        return SYSTEM[local]
    if namespace == "System" and local in definitions.type_names():
        return lambda item: False
    hint = next((each for each in (*definitions.type_names(), *SYSTEM) if each.lower() == local.lower()), None)
    advice = f"; {hint} is meant, perhaps" if hint else ""
    raise FhirPathSyntaxError(f"{name} is no type of FHIR R4 or of FHIRPath{advice}", position)


def is_type(operand: Code, test: Test) -> Code:
    """Return code for `operand is Type`."""

    def truth(frame: Frame, focus: Items) -> bool | None:
        items = operand.items(frame, focus)
        if not items:
            return None
        if len(items) > 1:
            raise FhirPathTypeError(f"'is' takes a single item, there are {len(items)}; use all($this is ...)")
        return test(items[0])

    return of_truth(truth)


def of_type(operand: Code, test: Test) -> Code:
    """Return code for `operand.ofType(Type)`."""

    def items(frame: Frame, focus: Items) -> Items:
        found = operand.items(frame, focus)
        if len(found) == 1:
            return found if test(found[0]) else []
        return [item for item in found if test(item)]

    return of_items(items)


def as_type(operand: Code, test: Test, lenient: bool) -> Code:
    """Return code for `operand as Type`; `lenient` lets it filter collections as ofType does."""
    if lenient:
        return of_type(operand, test)

    def items(frame: Frame, focus: Items) -> Items:
        found = operand.items(frame, focus)
        if len(found) > 1:
            raise FhirPathTypeError(f"'as' takes a single item, there are {len(found)}; use ofType()")
        return found if found and test(found[0]) else []

    return of_items(items)
