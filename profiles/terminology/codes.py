"""The codes that a required binding allows, from R4's own value sets and code systems, without any server.

`expansion(url)` answers for enumerable value sets; open systems (BCP-13, UCUM, ...) have a syntax instead, in
`SYNTAX`. What is neither is not checked (http://hl7.org/fhir/R4/terminologies.html#required).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from profiles.definitions import code_systems, value_sets
from profiles.terminology.currencies import CURRENCIES

Coded = frozenset[tuple[str, str]]

BCP13 = "urn:ietf:bcp:13"
BCP47 = "urn:ietf:bcp:47"
ISO4217 = "urn:iso:std:iso:4217"
UCUM = "http://unitsofmeasure.org"
FORMATS = "http://hl7.org/fhir/ValueSet/mimetypes#formats"
"""Ours: mime types where R4 also allows the short names of FHIR's own formats, as in CapabilityStatement.format."""

_TOKEN = "[A-Za-z0-9!#$&^_.+\\-]+"
_MIME = f"{_TOKEN}/(?:{_TOKEN}|\\*)(?: ?; ?[^\\x00-\\x20;]+(?: [^\\x00-\\x20;]+)*)*"
SYNTAX: Mapping[str, str] = {
    BCP13: _MIME,
    FORMATS: f"xml|json|ttl|none|{_MIME}",
    BCP47: "[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*",
    UCUM: "[!-~]+",
}
"""Open code system -> expression its codes match (written for Python's and Rust's engines alike)."""


def unversioned(url: str) -> str:
    """Return a canonical without its `|version`."""
    return url.partition("|")[0]


@cache
def expansion(url: str) -> Coded | None:
    """Return every (system, code) of the value set `url` (with or without version), None when it is not enumerable."""
    return _expand(unversioned(url), ())


def open_system(url: str) -> str | None:
    """Return the code system with a syntax that the value set `url` consists of, None when there is none."""
    if url == FORMATS:
        return FORMATS
    definition = value_sets().get(unversioned(url))
    if definition is None or definition.get("exclude"):
        return None
    includes = definition.get("include", ())
    if len(includes) != 1 or set(includes[0]) - {"system", "version"}:
        return None
    system = includes[0].get("system")
    return system if system in SYNTAX else None


def _expand(url: str, seen: tuple[str, ...]) -> Coded | None:
    definition = value_sets().get(url)
    if definition is None or url in seen:
        return None
    found: set[tuple[str, str]] = set()
    for include in definition.get("include", ()):
        part = _part(include, (*seen, url))
        if part is None:
            return None
        found |= part
    for exclude in definition.get("exclude", ()):
        part = _part(exclude, (*seen, url))
        if part is None:
            return None
        found -= part
    return frozenset(found) or None


def _part(include: Mapping[str, Any], seen: tuple[str, ...]) -> Coded | None:
    """Return the codes of one include: those of its system that are also in each of the value sets it names."""
    found: Coded | None = None
    if "system" in include:
        found = _of_system(include)
        if found is None:
            return None
    for url in include.get("valueSet", ()):
        other = _expand(unversioned(url), seen)
        if other is None:
            return None
        found = other if found is None else found & other
    return found


def _of_system(include: Mapping[str, Any]) -> Coded | None:
    system = include["system"]
    if "concepts" in include:
        return frozenset((system, concept[0]) for concept in include["concepts"])
    if system == ISO4217:
        return frozenset((system, code) for code in CURRENCIES)
    definition = code_systems().get(system)
    if definition is None or definition.get("content") != "complete":
        return None
    concepts = list(_concepts(definition.get("concepts", ()), ()))
    for rule in include.get("filter", ()):
        chosen = _filtered(concepts, rule)
        if chosen is None:
            return None
        concepts = chosen
    return frozenset((system, code) for code, _, _ in concepts)


_Concept = tuple[str, tuple[str, ...], Mapping[str, Any]]


def _concepts(rows: Any, above: tuple[str, ...]) -> Iterator[_Concept]:
    """Yield (code, ancestors, properties) of a nested concept list, ancestors from the outermost."""
    for row in rows:
        code: str = row[0]
        properties: Mapping[str, Any] = row[3] if len(row) > 3 else {}
        yield code, above, properties
        if len(row) > 2:
            yield from _concepts(row[2], (*above, code))


def _filtered(concepts: list[_Concept], rule: Mapping[str, Any]) -> list[_Concept] | None:
    """Return the concepts that a `compose.include.filter` keeps, None where R4's data is not enough to tell."""
    name, operator, value = rule.get("property"), rule.get("op"), rule.get("value")
    if name != "concept" or operator not in ("is-a", "descendent-of", "is-not-a"):
        return None
    if any("parent" in properties or "subsumedBy" in properties for _, _, properties in concepts):
        # Such a system has several parents per concept, and its nesting says nothing.
        return None
    below = {code for code, above, _ in concepts if value in above or (code == value and operator != "descendent-of")}
    return [each for each in concepts if (each[0] in below) == (operator != "is-not-a")]
