"""The resources and narratives inside a resource, with where they are.

A resource holds others as `contained`, as the entries of a Bundle and as parameters of Parameters; everything else in
R4 refers (http://hl7.org/fhir/R4/references.html#contained).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

CARRIERS = frozenset({"Bundle", "Parameters"})
"""The types that carry other resources besides contained ones."""
BUNDLE = "Bundle"
SECTIONED = "Composition"
"""The type whose narratives are not only its own, but its sections' too."""


def contained_resources(resource: Json) -> Iterator[tuple[str, Any]]:
    """Yield (`contained[0]`, resource) for each contained resource, whatever JSON stands there."""
    contained = resource.get("contained")
    if isinstance(contained, list):
        for index, each in enumerate(contained):
            yield f"contained[{index}]", each


def member_resources(resource: Json) -> Iterator[tuple[str, Any]]:
    """Yield (`entry[3].resource`, resource) for each resource that a Bundle or Parameters carries."""
    kind = resource.get("resourceType")
    if kind == BUNDLE:
        for where, entry in _objects(resource, "entry"):
            if "resource" in entry:
                yield f"{where}.resource", entry["resource"]
            response = entry.get("response")
            if isinstance(response, dict) and "outcome" in response:
                yield f"{where}.response.outcome", response["outcome"]
    elif kind == "Parameters":
        yield from _of_parameters(resource, "parameter", "")


def _of_parameters(holder: Json, name: str, before: str) -> Iterator[tuple[str, Any]]:
    for where, parameter in _objects(holder, name):
        if "resource" in parameter:
            yield f"{before}{where}.resource", parameter["resource"]
        yield from _of_parameters(parameter, "part", f"{before}{where}.")


def narratives(resource: Json) -> Iterator[tuple[str, str]]:
    """Yield (`text.div`, XHTML) for each narrative of the resource itself; those inside nested resources are theirs."""
    text = resource.get("text")
    if isinstance(text, dict) and isinstance(text.get("div"), str):
        yield "text.div", text["div"]
    if resource.get("resourceType") == SECTIONED:
        yield from _of_sections(resource, "")


def _of_sections(holder: Json, before: str) -> Iterator[tuple[str, str]]:
    for where, section in _objects(holder, "section"):
        text = section.get("text")
        if isinstance(text, dict) and isinstance(text.get("div"), str):
            yield f"{before}{where}.text.div", text["div"]
        yield from _of_sections(section, f"{before}{where}.")


def _objects(holder: Json, name: str) -> Iterator[tuple[str, Json]]:
    items = holder.get(name)
    if isinstance(items, list):
        for index, each in enumerate(items):
            if isinstance(each, dict):
                yield f"{name}[{index}]", each
