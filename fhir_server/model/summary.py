"""Parts of a resource: `_summary` and `_elements` (http://hl7.org/fhir/R4/search.html#summary).

Whatever is cut, the resource keeps its id, meta and mandatory elements, and is tagged SUBSETTED so that nobody stores
it over the whole one. `_summary=true` and `_elements` keep modifier elements too: without them the rest may mean the
opposite.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Literal

from fhir_server.model.layout import RESOURCE, Property, key_of, layout

Mode = Literal["true", "text", "data", "count", "false"]

SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "Resource encoded in summary mode",
}
_ALWAYS = ("resourceType", "id", "meta")

WHOLE = ""


def summarize(resource: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """Return what `_summary=mode` shows of a resource.

    `true`: the elements that the definitions mark as summary, at every level, and modifiers. `text`: the narrative
    and mandatory elements. `data`: all but the narrative. `count`: the identity alone. `false`: everything.
    Raises ValueError for any other.
    """
    if mode == "false":
        return dict(resource)
    if mode == "true":
        return _tagged(_pruned(resource, _summary_plan(key_of(RESOURCE, resource))))
    if mode == "text":
        return _tagged(_only(resource, _mandatory(key_of(RESOURCE, resource)) | {"text"}))
    if mode == "data":
        return _tagged({name: value for name, value in resource.items() if name not in ("text", "_text")})
    if mode == "count":
        return _tagged(_only(resource, frozenset()))
    raise ValueError(f"no such mode of _summary: {mode}")


def elements(resource: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return `resource` with only the top-level elements `names`, those every resource keeps, and modifiers.

    A choice is named without its type (`value`) or as it stands in JSON (`valueQuantity`).
    """
    key = key_of(RESOURCE, resource)
    asked = {name for name, each in layout(key).items() if name in names or each.element.name in names}
    return _tagged(_only(resource, asked | _mandatory(key) | _modifiers(key)))


@cache
def known_elements(type: str) -> frozenset[str]:
    """Return the names `elements` understands for a resource type. Raises KeyError for an unknown one."""
    properties = layout(type)
    return frozenset(properties) | {each.element.name for each in properties.values()}


@cache
def _mandatory(key: str) -> frozenset[str]:
    return frozenset(name for name, each in layout(key).items() if each.element.min > 0)


@cache
def _modifiers(key: str) -> frozenset[str]:
    return frozenset(name for name, each in layout(key).items() if each.element.modifier)


@cache
def _summary_plan(key: str) -> Mapping[str, str]:
    """Return what a summary keeps of a layout: property to the layout by which its value is cut, or WHOLE.

    Types without any marked element (Narrative, Extension) are kept whole where they are wanted at all.
    """
    plan = {}
    for name, each in layout(key).items():
        if each.element.summary and name != "meta":
            plan[name] = each.inside if each.inside == RESOURCE or _has_summary(each) else WHOLE
        elif name == "meta" or each.element.modifier or each.element.min > 0:
            plan[name] = WHOLE
    return plan


def _has_summary(property: Property) -> bool:
    return bool(property.inside) and any(each.element.summary for each in layout(property.inside).values())


def _pruned(node: Mapping[str, Any], plan: Mapping[str, str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in node.items():
        inside = plan.get(name.removeprefix("_"))
        if name == "resourceType" or inside == WHOLE:
            kept[name] = value
        elif inside is not None:
            kept[name] = _cut(value, inside)
    return kept


def _cut(value: Any, inside: str) -> Any:
    """Return a value or an array of them, cut; one of which nothing would be left stays whole."""
    if isinstance(value, list):
        return [_cut(each, inside) for each in value]
    if not isinstance(value, dict):
        return value
    return _pruned(value, _summary_plan(key_of(inside, value))) or value


def _only(resource: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name in _ALWAYS or name.removeprefix("_") in names}


def _tagged(resource: dict[str, Any]) -> dict[str, Any]:
    meta = resource.get("meta") or {}
    tags = meta.get("tag", ())
    if any(tag.get("code") == "SUBSETTED" and tag.get("system") == SUBSETTED["system"] for tag in tags):
        return resource
    marked = {**meta, "tag": [*tags, SUBSETTED]}
    if "meta" in resource:
        return {**resource, "meta": marked}
    first = {name: resource[name] for name in _ALWAYS if name in resource}
    return {**first, "meta": marked, **resource}
