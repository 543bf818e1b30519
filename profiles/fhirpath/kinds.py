"""What the items of an expression can be, as far as that is known before it is evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from profiles import definitions
from profiles.fhirpath.shapes import Shape, shape

Type = Shape | str
"""A type of FHIR, or the name of one of FHIRPath's own: `String`."""

_OF_PRIMITIVE = {
    "boolean": "Boolean",
    "integer": "Integer",
    "decimal": "Decimal",
    "date": "Date",
    "dateTime": "DateTime",
    "instant": "DateTime",
    "time": "Time",
}
NUMBERS = frozenset({"Integer", "Decimal"})
MEASURES = NUMBERS | {"Quantity"}
MOMENTS = frozenset({"Date", "DateTime"})
TEXT = frozenset({"String"})


@dataclass(frozen=True, slots=True)
class Kind:
    """The types that items may have, None for any; none at all for what is always empty.

    `ordered` says whether the order of the items means something.
    """

    types: frozenset[Type] | None
    ordered: bool = True

    @property
    def nothing(self) -> bool:
        """Whether there is never an item."""
        return self.types is not None and not self.types

    def values(self) -> frozenset[str] | None:
        """Return FHIRPath's own types that the items convert to, "" for complex ones, None for any."""
        return None if self.types is None else frozenset(map(_value, self.types))

    def may_be(self, wanted: frozenset[str]) -> bool:
        """Whether an item may convert to one of FHIRPath's own types; what is always empty may be anything."""
        found = self.values()
        return found is None or not found or not found.isdisjoint(wanted)

    def listed(self) -> str:
        """Return the types as a message names them."""
        names = sorted({each if isinstance(each, str) else _name(each) for each in self.types or ()})
        return " or ".join(names[:4]) + (" or others" if len(names) > 4 else "")


ANY = Kind(None)
NOTHING = Kind(frozenset())


def of_system(*names: str) -> Kind:
    """Return the kind of FHIRPath's own types."""
    return Kind(frozenset(names))


def of_shapes(shapes: Iterable[Shape]) -> Kind:
    """Return the kind of FHIR types; where any resource may stand, any kind."""
    found: frozenset[Type] = frozenset(shapes)
    if any(isinstance(each, Shape) and each.type in ("Resource", "DomainResource") for each in found):
        return ANY
    return Kind(found)


def merged(*kinds: Kind) -> Kind:
    """Return the kind of items from any of several expressions."""
    types: frozenset[Type] | None = frozenset()
    for each in kinds:
        types = None if types is None or each.types is None else types | each.types
    return Kind(types, all(each.ordered for each in kinds))


def narrowed(kind: Kind, name: str) -> Kind:
    """Return what `ofType(name)` and `as name` leave; the name must be one of a type."""
    namespace, _, local = name.rpartition(".")
    wanted: list[Type] = []
    if namespace != "System" and local in definitions.type_names():
        wanted.append(shape(local))
    if namespace == "System" or not wanted or local == "Quantity":
        wanted.append(local)
    if kind.types is None:
        return (
            replace(ANY, ordered=kind.ordered)
            if local in ("Resource", "DomainResource")
            else Kind(frozenset(wanted), kind.ordered)
        )
    left: set[Type] = set()
    for each in kind.types:
        for target in wanted:
            fits = _fitting(each, target)
            left |= set() if fits is None else {fits}
    return Kind(frozenset(left), kind.ordered)


def _fitting(own: Type, target: Type) -> Type | None:
    """Return the narrower of two types where one is the other's ancestor."""
    if isinstance(own, str) or isinstance(target, str):
        return own if own == target or target == "Any" else None
    if target.type in own.ancestors:
        return own
    return target if own.type in target.ancestors else None


def _value(of: Type) -> str:
    if isinstance(of, str):
        return of
    if not of.primitive:
        return "Quantity" if "Quantity" in of.ancestors else ""
    return next((value for name, value in _OF_PRIMITIVE.items() if name in of.ancestors), "String")


def _name(of: Shape) -> str:
    return f"{of.structure}.{of.path}" if of.path else of.type
