"""What one element of a differential makes of the element it constrains; contradictions are refused.

The rules are those of http://hl7.org/fhir/R4/profiling.html#limits and http://hl7.org/fhir/R4/elementdefinition.html:
a constraint says less than its base allows, never more. What a base and its differential both may say is united
(constraints, conditions), everything else is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from profiles import definitions
from profiles.snapshot.errors import Rule, SnapshotError
from profiles.snapshot.tree import PLACE

Json = dict[str, Any]
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
SYSTEM_TYPE = "http://hl7.org/fhirpath/System."
PREFIX = "http://hl7.org/fhir/StructureDefinition/"
STRENGTHS = ("example", "preferred", "extensible", "required")
RULES = ("open", "openAtEnd", "closed")
ANYTHING = frozenset(("Resource", "Element", "*"))
Derives = Callable[[str, frozenset[str]], bool]
"""Whether the definition of a canonical is one of some urls or derives from one, or cannot be looked into."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a merge happens: the element's id for messages, and who knows what derives from what."""

    element: str
    derives: Derives

    def refuse(self, rule: Rule, detail: str) -> SnapshotError:
        """Return the refusal of this element."""
        return SnapshotError(self.element, rule, detail)


def type_code(entry: Mapping[str, Any]) -> str:
    """Return the FHIR type of an ElementDefinition.type, also where it is written as a FHIRPath system type."""
    code = str(entry.get("code", ""))
    if code.startswith(SYSTEM_TYPE):
        for extension in entry.get("extension", ()):
            if extension.get("url") == FHIR_TYPE:
                return str(extension.get("valueUrl") or extension.get("valueUri") or code)
    return code.removeprefix(PREFIX)


def merge(base: Json, constraint: Mapping[str, Any], place: Place) -> Json:
    """Return `base` as `constraint`, an element of a differential, leaves it. Raises SnapshotError."""
    made = dict(base)
    for key, value in constraint.items():
        if key in PLACE or key in ("min", "max", "base"):
            continue
        special = SPECIAL.get(key)
        if special is not None:
            made[key] = special(base, constraint, place)
            if made[key] is None:
                del made[key]
        elif key == "condition":
            made[key] = list(dict.fromkeys((*base.get(key, ()), *value)))
        elif key.startswith(("fixed", "pattern")):
            _value(made, key, value, place)
        else:
            made[key] = value
    _cardinality(made, constraint, place)
    return made


def _cardinality(made: Json, constraint: Mapping[str, Any], place: Place) -> None:
    low, high = constraint.get("min"), constraint.get("max")
    if low is not None:
        if not isinstance(low, int) or low < 0:
            raise place.refuse("cardinality", "min is no number")
        if low < made.get("min", 0):
            raise place.refuse("cardinality", f"min {low} is below the base's {made['min']}")
        made["min"] = low
    if high is not None:
        if not isinstance(high, str) or not (high == "*" or (high.isascii() and high.isdigit() and len(high) < 10)):
            raise place.refuse("cardinality", "max is neither a number nor *")
        if not _within(high, made.get("max", "*")):
            raise place.refuse("cardinality", f"max {high} is above the base's {made['max']}")
        made["max"] = high
    if made.get("max", "*") != "*" and made.get("min", 0) > int(made["max"]):
        raise place.refuse("cardinality", f"min {made['min']} is above max {made['max']}")


def _within(high: str, limit: str) -> bool:
    return limit == "*" or (high != "*" and int(high) <= int(limit))


def _types(base: Json, constraint: Mapping[str, Any], place: Place) -> list[Json]:
    allowed = {type_code(each): each for each in base.get("type", ())}
    made: list[Json] = []
    for each in constraint["type"]:
        code = type_code(each)
        wider = _wider(code, allowed)
        if allowed and wider is None:
            raise place.refuse(
                "type", f"the type {code[:80]} is not among the base's ({', '.join(sorted(allowed))[:200]})"
            )
        _targets(each, allowed.get(code, {}), place)
        made.append(dict(each))
    return made


def _wider(code: str, allowed: Mapping[str, Json]) -> str | None:
    """Return the type of the base that `code` is or specialises."""
    if code in allowed:
        return code
    return next((each for each in allowed if each in ANYTHING or definitions.is_a(code, each)), None)


def _targets(entry: Mapping[str, Any], base: Mapping[str, Any], place: Place) -> None:
    limits = frozenset(each.partition("|")[0] for each in base.get("targetProfile", ()))
    if not limits or f"{PREFIX}Resource" in limits:
        return
    for target in entry.get("targetProfile", ()):
        if not place.derives(target, limits):
            raise place.refuse("target", f"{target[:200]} is no target that the base allows")


def _value(made: Json, key: str, value: Any, place: Place) -> None:
    """Set fixed[x] or pattern[x]; a fixed value stays what it is."""
    stem = "fixed" if key.startswith("fixed") else "pattern"
    for other in [each for each in made if each.startswith(stem)]:
        if stem == "fixed" and (other, made[other]) != (key, value):
            raise place.refuse("fixed", "the base has fixed another value")
        del made[other]
    made[key] = value


def _binding(base: Json, constraint: Mapping[str, Any], place: Place) -> Json | None:
    ours, theirs = constraint["binding"], base.get("binding", {})
    strength = ours.get("strength", theirs.get("strength"))
    if strength is None and "valueSet" not in ours:
        return None
    if strength not in STRENGTHS:
        raise place.refuse("binding", "the binding has no strength that FHIR knows")
    before = theirs.get("strength")
    if before in STRENGTHS and STRENGTHS.index(strength) < STRENGTHS.index(before):
        raise place.refuse("binding", f"the binding is {strength}, in the base it is {before}")
    kept = {key: theirs[key] for key in ("valueSet",) if key in theirs}
    return {**kept, **ours, "strength": strength}


def _constraints(base: Json, constraint: Mapping[str, Any], _: Place) -> list[Json]:
    known = {str(each.get("key")) for each in base.get("constraint", ())}
    return [
        *base.get("constraint", ()),
        *(each for each in constraint["constraint"] if str(each.get("key")) not in known),
    ]


def _must_support(base: Json, constraint: Mapping[str, Any], place: Place) -> bool:
    if base.get("mustSupport") and constraint["mustSupport"] is False:
        raise place.refuse("must-support", "mustSupport is true in the base and cannot be withdrawn")
    return bool(constraint["mustSupport"])


def _slicing(base: Json, constraint: Mapping[str, Any], place: Place) -> Json | None:
    """Return the slicing of both: the stricter rules, ordered if either is, discriminators of both.

    None when that says nothing: open, unordered, and no way to tell slices apart.
    """
    ours, theirs = constraint["slicing"], base.get("slicing", {})
    if ours.get("rules", "open") not in RULES:
        raise place.refuse("slicing", "slicing has rules that FHIR does not know")
    made = {**theirs, **ours}
    made["rules"] = max(ours.get("rules", "open"), theirs.get("rules", "open"), key=RULES.index)
    if ours.get("ordered") or theirs.get("ordered"):
        made["ordered"] = True
    both = (*theirs.get("discriminator", ()), *ours.get("discriminator", ()))
    united = {(str(each.get("type")), str(each.get("path"))): each for each in both}
    if united:
        made["discriminator"] = list(united.values())
    return made if united or made["rules"] != "open" or made.get("ordered") else None


SPECIAL: Mapping[str, Callable[[Json, Mapping[str, Any], Place], Any]] = {
    "type": _types,
    "binding": _binding,
    "constraint": _constraints,
    "mustSupport": _must_support,
    "slicing": _slicing,
}
