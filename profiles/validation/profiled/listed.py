"""Codes that definitions list: those of value sets and concept maps, against the code systems that are here whole.

http://hl7.org/fhir/R4/valueset.html, http://hl7.org/fhir/R4/conceptmap.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from profiles.issues import Severity
from profiles.terminology.canonical import unversioned, version_of
from profiles.validation.profiled.at import At
from profiles.validation.profiled.coded import has_code
from profiles.validation.profiled.run import Run
from profiles.validation.prose.finding import objects

RULE = "code-known"
Json = dict[str, Any]


class _Listed(NamedTuple):
    below: str
    system: Any
    version: Any
    code: Any


def check_listed(at: At, run: Run) -> None:
    """Add the findings about the codes that a ValueSet or ConceptMap lists of a code system that does not have them.

    A value set without such a code still means something, a translation of it does not.
    """
    value_set = at.shape.type == "ValueSet"
    severity: Severity = "warning" if value_set and not run.context.strict else "error"
    for each in _of_value_set(at.value) if value_set else _of_map(at.value):
        if not isinstance(each.system, str) or not isinstance(each.code, str):
            continue
        version = each.version if isinstance(each.version, str) else version_of(each.system)
        if has_code(unversioned(each.system), version, each.code, run) is False:
            what = f"is no code of the code system {unversioned(each.system)}; use one that it has, or leave it out"
            run.add(severity, "code-invalid", f"{at.path}.{each.below}", what, RULE)


def _of_value_set(value: Json) -> Iterator[_Listed]:
    compose = value.get("compose")
    for part in ("include", "exclude"):
        for inside, each in objects(compose, part) if isinstance(compose, dict) else ():
            for below, concept in objects(each, "concept"):
                place = f"compose.{inside}.{below}.code"
                yield _Listed(place, each.get("system"), each.get("version"), concept.get("code"))


def _of_map(value: Json) -> Iterator[_Listed]:
    for group, each in objects(value, "group"):
        for below, element in objects(each, "element"):
            place = f"{group}.{below}"
            yield _Listed(f"{place}.code", each.get("source"), each.get("sourceVersion"), element.get("code"))
            for inside, target in objects(element, "target"):
                if target.get("equivalence") != "unmatched":
                    at = f"{place}.{inside}.code"
                    yield _Listed(at, each.get("target"), each.get("targetVersion"), target.get("code"))
