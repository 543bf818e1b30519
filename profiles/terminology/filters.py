"""The filters of a value set over the concepts of a code system (http://hl7.org/fhir/R4/codesystem.html#filters)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from profiles.terminology.code_system import CodeSystem
from profiles.terminology.errors import NotExpandable
from profiles.terminology.patterns import BadPattern, matching
from profiles.terminology.value_set import Filter

_CODE_ITSELF = ("concept", "code")
_DISPLAY = "display"
_HIERARCHICAL = ("is-a", "descendent-of", "is-not-a", "generalizes")
_FALSE_IF_ABSENT = "inactive"
"""The one property whose definition gives a default value."""


def keep(system: CodeSystem, rule: Filter) -> frozenset[str]:
    """Return the codes of `system` that `rule` keeps. Raises NotExpandable for a rule that cannot be followed."""
    if rule.property in _CODE_ITSELF and rule.op in _HIERARCHICAL:
        return _by_hierarchy(system, rule)
    if rule.op == "=":
        return _having(system, rule, (rule.value,))
    if rule.op in ("in", "not-in"):
        kept = _having(system, rule, tuple(value.strip() for value in rule.value.split(",")))
        return kept if rule.op == "in" else frozenset(system.concepts) - kept
    if rule.op == "exists":
        return _existing(system, rule)
    if rule.op == "regex":
        return _like(system, rule)
    raise _refused(system, rule, "is not supported", "list the codes, or use is-a, descendent-of, is-not-a, =, in")


def _existing(system: CodeSystem, rule: Filter) -> frozenset[str]:
    """Return the codes that have a value of the property, or for `false` those that have none."""
    if rule.value not in ("true", "false"):
        raise _refused(system, rule, "has a value that is neither true nor false", "correct the value")
    having = {code for code in system.concepts if _values(system, rule, code)}
    return frozenset(having) if rule.value == "true" else frozenset(system.concepts) - having


def _like(system: CodeSystem, rule: Filter) -> frozenset[str]:
    """Return the codes one of whose values of the property the expression matches from end to end."""
    texts = {code: [each for each in _values(system, rule, code) if isinstance(each, str)] for code in system.concepts}
    try:
        kept = matching(rule.value, dict.fromkeys(text for each in texts.values() for text in each))
    except BadPattern as error:
        raise _refused(system, rule, str(error), "write it simpler, or list the codes") from error
    return frozenset(code for code, each in texts.items() if not kept.isdisjoint(each))


def _values(system: CodeSystem, rule: Filter, code: str) -> tuple[Any, ...]:
    """Return the values of the rule's property that a code has."""
    name = rule.property
    if name in _CODE_ITSELF:
        return (code,)
    if name == _DISPLAY:
        return (system.displays[code],) if code in system.displays else ()
    if name in system.parent_names:
        return tuple(sorted(system.parents.get(code, ())))
    if name in system.child_names:
        return tuple(sorted(system.children.get(code, ())))
    if name not in system.declared and name != _FALSE_IF_ABSENT:
        raise _refused(system, rule, "names a property that the code system does not have", "list the codes")
    return system.concepts[code].get(name, ())


def _by_hierarchy(system: CodeSystem, rule: Filter) -> frozenset[str]:
    _known(system, rule, (rule.value,))
    # Where there is no hierarchy at all, a code is a kind of itself alone, and R4 uses that.
    if system.parents and not system.subsuming:
        raise _refused(system, rule, "needs a hierarchy that means is-a", "list the codes")
    if rule.op == "generalizes":
        return system.above(rule.value)
    below = system.below(rule.value)
    if rule.op == "descendent-of":
        return below - {rule.value}
    return below if rule.op == "is-a" else frozenset(system.concepts) - below


def _having(system: CodeSystem, rule: Filter, values: tuple[str, ...]) -> frozenset[str]:
    """Return the codes one of whose values of the rule's property is one of `values`."""
    name = rule.property
    if name in _CODE_ITSELF:
        _known(system, rule, values)
        return frozenset(values)
    if name in system.parent_names:
        return _neighbours(values, system.children)
    if name in system.child_names:
        return _neighbours(values, system.parents)
    if name == _DISPLAY:
        return frozenset(code for code, display in system.displays.items() if display in values)
    if name not in system.declared and name != _FALSE_IF_ABSENT:
        raise _refused(system, rule, "names a property that the code system does not have", "list the codes")
    absent = (False,) if name == _FALSE_IF_ABSENT else ()
    return frozenset(
        code
        for code, properties in system.concepts.items()
        if any(_equal(value, each, system, rule) for value in properties.get(name, absent) for each in values)
    )


def _neighbours(values: tuple[str, ...], edges: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(edges.get(value, frozenset()) for value in values))


def _equal(value: Any, wanted: str, system: CodeSystem, rule: Filter) -> bool:
    if isinstance(value, bool):
        return wanted == ("true" if value else "false")
    if isinstance(value, str):
        return value == wanted
    if isinstance(value, int | Decimal):
        return _number(wanted, system, rule) == value
    raise _refused(system, rule, "compares a property of type Coding, which is not supported", "list the codes")


def _number(text: str, system: CodeSystem, rule: Filter) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise _refused(system, rule, "compares a number with something else", "correct the value") from None


def _known(system: CodeSystem, rule: Filter, codes: tuple[str, ...]) -> None:
    if not system.concepts.keys() >= set(codes):
        raise _refused(system, rule, "names a code that the code system does not have", "correct the value")


def _refused(system: CodeSystem, rule: Filter, fault: str, way_out: str) -> NotExpandable:
    where = f"the filter '{rule.property} {rule.op} {rule.value}' on {system.url}"
    return NotExpandable(system.url, f"{where} {fault}", way_out)
