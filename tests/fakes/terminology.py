"""Small ValueSet and CodeSystem resources, and a resolver over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiles.terminology.sources import Resolve

SYSTEM = "http://example.org/CodeSystem/animals"

ANIMALS: Mapping[str, Any] = {
    "resourceType": "CodeSystem",
    "url": SYSTEM,
    "version": "2",
    "status": "active",
    "content": "complete",
    "hierarchyMeaning": "is-a",
    "property": [
        {"code": "legs", "type": "integer"},
        {"code": "tame", "type": "boolean"},
        {"code": "like", "type": "Coding"},
        {"code": "broader", "type": "code", "uri": "http://hl7.org/fhir/concept-properties#parent"},
    ],
    "concept": [
        {
            "code": "mammal",
            "concept": [
                {
                    "code": "dog",
                    "property": [{"code": "legs", "valueInteger": 4}, {"code": "tame", "valueBoolean": True}],
                },
                {
                    "code": "bat",
                    "property": [{"code": "parent", "valueCode": "flier"}, {"code": "legs", "valueInteger": 2}],
                },
                {"code": "mammoth", "property": [{"code": "status", "valueCode": "retired"}]},
            ],
        },
        {"code": "flier", "property": [{"code": "child", "valueCode": "owl"}, {"code": "child", "valueCode": "fairy"}]},
        {"code": "bird"},
        {"code": "owl", "property": [{"code": "broader", "valueCode": "bird"}, {"code": "legs", "valueInteger": 2}]},
        {
            "code": "dodo",
            "property": [{"code": "subsumedBy", "valueCode": "bird"}, {"code": "inactive", "valueBoolean": True}],
        },
    ],
}
"""Nesting and every property that draws a hierarchy; `bat` and `owl` have two parents, `fairy` is no concept."""

EVERY_ANIMAL = frozenset(["mammal", "dog", "bat", "mammoth", "flier", "bird", "owl", "dodo"])


def value_set(name: str, *includes: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a ValueSet of those includes; `more` are other elements of its compose."""
    url = f"http://example.org/ValueSet/{name}"
    compose = {"include": list(includes), **more}
    return {"resourceType": "ValueSet", "url": url, "status": "active", "compose": compose}


def listed(system: str, *codes: str) -> dict[str, Any]:
    """Return an include that lists codes."""
    return {"system": system, "concept": [{"code": code} for code in codes]}


def filtered(name: str, op: str, value: str, system: str = SYSTEM) -> dict[str, Any]:
    """Return an include with one filter."""
    return {"system": system, "filter": [{"property": name, "op": op, "value": value}]}


def imported(*names: str) -> dict[str, Any]:
    """Return an include of other value sets made by `value_set`."""
    return {"valueSet": [f"http://example.org/ValueSet/{name}" for name in names]}


def stored(*resources: Mapping[str, Any]) -> Resolve:
    """Return a resolver that has these resources, by url and by `url|version`."""
    by_canonical = {each["url"]: each for each in resources}
    by_canonical |= {f"{each['url']}|{each['version']}": each for each in resources if "version" in each}
    return by_canonical.get


def nothing(canonical: str) -> None:
    """Resolve nothing: R4's own definitions alone."""
