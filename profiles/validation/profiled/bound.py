"""Bindings of profiles: required is an error, extensible a warning, preferred information, example nothing.

http://hl7.org/fhir/R4/terminologies.html#strength
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from profiles.definitions import Element
from profiles.issues import Severity
from profiles.terminology.canonical import unversioned
from profiles.terminology.codes import SYNTAX
from profiles.terminology.errors import NotExpandable
from profiles.validation.profiled.at import At
from profiles.validation.profiled.definition import Definition
from profiles.validation.profiled.run import Run

if TYPE_CHECKING:
    from profiles.validation.profiled.check import Rule
    from profiles.validation.profiled.context import Context
    from profiles.validation.profiled.tree import Tree

SEVERITY: Mapping[str, Severity] = {"required": "error", "extensible": "warning", "preferred": "information"}
MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_WAYS = {
    "required": "use a code of it",
    "extensible": "use a code of it unless none of them fits the meaning",
    "preferred": "prefer a code of it",
}
_CODED = frozenset({"Coding", "Quantity"})


def binding_rules(definition: Definition, base: Element | None, tree: Tree) -> Iterator[Rule]:
    """Yield the rules of an element's binding; a required one that R4 has itself is not repeated."""
    binding = definition.raw.get("binding")
    if not isinstance(binding, dict):
        return
    strength, value_set = binding.get("strength"), binding.get("valueSet")
    if strength in SEVERITY and isinstance(value_set, str) and not _is_base(base, str(strength), value_set):
        yield _binding(value_set, str(strength), definition.id)
    for each in binding.get("extension", ()):
        largest = each.get("valueCanonical") if isinstance(each, dict) and each.get("url") == MAX_VALUE_SET else None
        if isinstance(largest, str) and not (base is not None and base.value_set == value_set):
            yield _binding(largest, "required", definition.id)


def _is_base(base: Element | None, strength: str, value_set: str) -> bool:
    if base is None or base.strength != "required" or strength != "required" or base.value_set is None:
        return False
    return unversioned(base.value_set) == unversioned(value_set)


def _binding(value_set: str, strength: str, name: str) -> Rule:
    severity = SEVERITY[strength]
    url = unversioned(value_set)

    def rule(at: At, run: Run) -> None:
        try:
            inside = value_in(at, value_set, run.context)
        except NotExpandable as error:
            if not has_code(at):
                return
            weak: Severity = "warning" if strength == "required" else "information"
            what = f"could not be checked against the {strength} value set {url}{_why(error, value_set)}"
            run.add(weak, "not-supported", at, what, name)
            return
        if inside is False:
            what = f"has no code of the {strength} value set {url} of the profile; {_WAYS[strength]}"
            run.add(severity, "code-invalid", at, what, name)

    return rule


def _why(error: NotExpandable, value_set: str) -> str:
    """Return the end of the sentence: why a value set cannot be told, and what helps."""
    if error.code == "not-found" and unversioned(error.url) == unversioned(value_set) and "version" not in error.reason:
        return ", which is not known here; install the package that defines it"
    reason = error.reason.replace(f"the value set {value_set} ", "it ", 1)
    return f": {reason}; {error.way_out}"


def has_code(at: At) -> bool:
    """Return whether there is a code at all."""
    if isinstance(at.value, dict):
        return any("code" in each for each in [at.value, *_codings(at.value)])
    return isinstance(at.value, str)


def _codings(concept: dict[str, Any]) -> list[dict[str, Any]]:
    found = concept.get("coding")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def value_in(at: At, value_set: str, context: Context) -> bool | None:
    """Return whether a coded value is in a value set, None for what has no code that could be.

    A CodeableConcept is when one of its codings is; one with text alone is not. Raises NotExpandable.
    """
    value, kind = at.value, at.shape.type
    if kind == "CodeableConcept" and isinstance(value, dict):
        codings = _codings(value)
        if not codings:
            return None if "extension" in value else False
        return any(_coded(each, value_set, context) for each in codings)
    if kind in _CODED or "Quantity" in at.shape.ancestors:
        if not isinstance(value, dict) or ("code" not in value and "extension" in value):
            return None
        return _coded(value, value_set, context) if "code" in value or kind == "Coding" else None
    return _is_member(None, value, value_set, context) if isinstance(value, str) else None


def _coded(coding: dict[str, Any], value_set: str, context: Context) -> bool:
    code, system = coding.get("code"), coding.get("system")
    return isinstance(code, str) and _is_member(system if isinstance(system, str) else "", code, value_set, context)


def _is_member(system: str | None, code: str, value_set: str, context: Context) -> bool:
    """Return whether a code is a member; `system` is None where the element has none to give."""
    if context.member_of is not None:
        answer = context.member_of(value_set, system, code)
        if answer is not None:
            return answer
    try:
        if system is None:
            return code in context.bare_codes(value_set)
        return (system, code) in context.codes(value_set)
    except NotExpandable:
        open_one = context.open_system(value_set)
        if open_one is None:
            raise
        return system in (None, open_one) and _form(open_one).fullmatch(code) is not None


@cache
def _form(system: str) -> re.Pattern[str]:
    return re.compile(SYNTAX[system])


def member_hook(context: Context) -> Callable[[Any, str], bool | None]:
    """Return what `memberOf()` in the rules of profiles asks: (string, Coding or CodeableConcept, value set)."""

    def member_of(value: Any, value_set: str) -> bool | None:
        try:
            if isinstance(value, str):
                return _is_member(None, value, value_set, context)
            if isinstance(value, dict):
                codings = _codings(value) if "coding" in value else [value]
                return any(_coded(each, value_set, context) for each in codings)
        except NotExpandable:
            return None
        return None

    return member_of
