"""Profiles as short as a test can write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiles.snapshot.core import core_resolve
from profiles.snapshot.snapshot import snapshot

R4 = "http://hl7.org/fhir/StructureDefinition/"
MINE = "http://example.org/"


def profile(
    type_name: str, *elements: Mapping[str, Any], base: str = "", name: str = "p", **more: Any
) -> dict[str, Any]:
    """Return a profile of `type_name` with that differential."""
    facts = {"resourceType": "StructureDefinition", "url": MINE + name, "type": type_name, "kind": "resource"}
    view = {"differential": {"element": list(elements)}}
    return {**facts, "derivation": "constraint", "baseDefinition": base or R4 + type_name, **view, **more}


def generated(definition: Mapping[str, Any], *others: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the elements of the snapshot by id, `others` being known besides R4."""
    known = {each["url"]: each for each in others}
    made = snapshot(definition, lambda url: known.get(url) or core_resolve(url))
    return {each["id"]: each for each in made["snapshot"]["element"]}
