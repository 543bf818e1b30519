"""The filters of a value set over a loaded code system, as rules that a store can follow.

What a filter means is said in `filters`, for code systems in memory (http://hl7.org/fhir/R4/codesystem.html#filters);
SNOMED CT and LOINC add some of their own (http://hl7.org/fhir/R4/snomedct.html, http://hl7.org/fhir/R4/loinc.html).
"""

from __future__ import annotations

from decimal import Decimal

from profiles.terminology.errors import NotExpandable
from profiles.terminology.head import Head
from profiles.terminology.patterns import MAX_PATTERN
from profiles.terminology.selection import (
    Above,
    Active,
    Below,
    Beside,
    Codes,
    Existing,
    Having,
    Like,
    Not,
    Rule,
    either,
)
from profiles.terminology.value_set import Filter

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
REFSET = "refset"
"""The property that says of which reference sets a SNOMED CT concept is a member."""

_CODE_ITSELF = ("concept", "code")
_NEIGHBOURS = {"parent": "children", "child": "parents"}


def rule_of(head: Head, asked: Filter) -> Rule:
    """Return what a filter selects. Raises NotExpandable for a filter that cannot be followed."""
    values = tuple(value.strip() for value in asked.value.split(",")) if asked.op in ("in", "not-in") else ()
    if asked.property in _CODE_ITSELF:
        return _of_code(head, asked, values)
    if asked.property == "ancestor" and head.url == LOINC and asked.op == "=":
        return Below(asked.value, itself=False)
    match asked.op:
        case "=":
            return _having(head, asked, (asked.value,))
        case "in":
            return _having(head, asked, values)
        case "not-in":
            return Not(_having(head, asked, values))
        case "exists" if asked.value in ("true", "false"):
            _demand_property(head, asked)
            there: Rule = Existing(asked.property)
            return there if asked.value == "true" else Not(there)
        case "exists":
            raise refused(head, asked, "has a value that is neither true nor false", "correct the value")
        case "regex":
            _demand_property(head, asked)
            return _like(head, asked)
    raise refused(head, asked, "is not supported", "list the codes, or use is-a, descendent-of, is-not-a, =, in")


def _of_code(head: Head, asked: Filter, values: tuple[str, ...]) -> Rule:
    code = asked.value
    if asked.op in ("is-a", "descendent-of", "is-not-a", "generalizes"):
        if head.hierarchical and not head.subsuming:
            raise refused(head, asked, "needs a hierarchy that means is-a", "list the codes")
        return _hierarchical(head, asked.op, code)
    if asked.op == "in" and head.url == SNOMED and len(values) == 1:
        # In SNOMED CT this names a reference set, not a code.
        return Having(REFSET, values)
    match asked.op:
        case "=":
            return Codes((code,))
        case "in":
            return Codes(values)
        case "not-in":
            return Not(Codes(values))
        case "regex":
            return _like(head, asked)
    raise refused(head, asked, "is not supported", "list the codes, or use is-a, descendent-of, is-not-a, =, in")


def _hierarchical(head: Head, op: str, code: str) -> Rule:
    # Where there is no hierarchy at all, a code is a kind of itself alone, and R4 uses that.
    below: Rule = Below(code) if head.hierarchical else Codes((code,))
    match op:
        case "is-a":
            return below
        case "is-not-a":
            return Not(below)
        case "descendent-of":
            return Below(code, itself=False)
    return Above(code)


def _having(head: Head, asked: Filter, values: tuple[str, ...]) -> Rule:
    name = asked.property
    if name in _NEIGHBOURS:
        return Beside(values, "children" if name == "parent" else "parents")
    if name == "inactive":
        states: list[Rule] = [Active() if value == "false" else Not(Active()) for value in values]
        if not set(values) <= {"true", "false"}:
            raise refused(head, asked, "has a value that is neither true nor false", "correct the value")
        return either(*states)
    kind = _demand_property(head, asked)
    if kind == "Coding":
        raise refused(head, asked, "compares a property of type Coding, which is not supported", "list the codes")
    if kind in ("integer", "decimal"):
        try:
            values = tuple(plain_number(Decimal(value)) for value in values)
        except ArithmeticError:
            raise refused(head, asked, "compares a number with something else", "correct the value") from None
    return Having(name, values)


def plain_number(value: Decimal) -> str:
    """Return a number as the concept store compares it: 1.0 and 1 are the same."""
    return f"{value.normalize():f}"


def _demand_property(head: Head, asked: Filter) -> str:
    """Return the type of the filter's property. Raises NotExpandable when the code system does not have it."""
    if asked.property in ("display", *_NEIGHBOURS):
        return "string"
    kind = head.properties.get(asked.property)
    if kind is None:
        raise refused(head, asked, "names a property that the code system does not have", "list the codes")
    return kind


def _like(head: Head, asked: Filter) -> Rule:
    if len(asked.value) > MAX_PATTERN:
        raise refused(
            head,
            Filter(asked.property, asked.op, f"{asked.value[:20]}…"),
            f"has a regular expression of more than {MAX_PATTERN} characters",
            "write it simpler, or list the codes",
        )
    if asked.property in _NEIGHBOURS:
        raise refused(head, asked, "is not supported", "use = or in for what is next to a code")
    return Like("code" if asked.property in _CODE_ITSELF else asked.property, asked.value)


def refused(head: Head, asked: Filter, fault: str, way_out: str) -> NotExpandable:
    """Return the refusal of a filter."""
    where = f"the filter '{asked.property} {asked.op} {asked.value}' on {head.url}"
    return NotExpandable(head.url, f"{where} {fault}", way_out)
