"""The canonicals that a definition rests on: without them it cannot be used whole.

Of a StructureDefinition its base, the profiles of its types and the value sets it binds; of a ValueSet the value sets
it includes and the code systems it takes whole or by filter; of a CodeSystem what it supplements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def needs_of(resource: Mapping[str, Any]) -> Iterator[str]:
    """Yield the canonicals (`url` or `url|version`) that `resource` needs, with repetitions. Never raises."""
    match resource.get("resourceType"):
        case "StructureDefinition":
            yield from _texts(resource.get("baseDefinition"))
            for view in ("differential", "snapshot"):
                for element in _objects(_object(resource.get(view)).get("element")):
                    yield from _element(element)
        case "ValueSet":
            compose = _object(resource.get("compose"))
            for part in (*_objects(compose.get("include")), *_objects(compose.get("exclude"))):
                yield from _texts(part.get("valueSet"))
                if "concept" not in part:
                    version = next(_texts(part.get("version")), "")
                    yield from (f"{system}|{version}" if version else system for system in _texts(part.get("system")))
        case "CodeSystem":
            yield from _texts(resource.get("supplements"))


def _element(element: Mapping[str, Any]) -> Iterator[str]:
    yield from _texts(_object(element.get("binding")).get("valueSet"))
    for type in _objects(element.get("type")):
        yield from _texts(type.get("profile"))
        yield from _texts(type.get("targetProfile"))


def _texts(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, str) and each and not each.startswith("#"):
            yield each.partition("#")[0]


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    for each in value if isinstance(value, list) else ():
        if isinstance(each, Mapping):
            yield each
