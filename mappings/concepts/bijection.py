"""Two sets of codes, one to one, as a ConceptMap says it (http://hl7.org/fhir/R4/conceptmap.html)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Bijection:
    """Codes of the system `source` and those of `target` that mean the same.

    `forward` and `back` undo each other. `related` are further codes of the target for a code: written beside the
    one that means the same, or understood where that is missing.
    """

    source: str
    target: str
    forward: Mapping[str, str]
    back: Mapping[str, str]
    related: Mapping[str, tuple[str, ...]]


@cache
def bijection(name: str) -> Bijection:
    """Return the table of the ConceptMap `name` of the telemedicine package.

    Raises ValueError when two codes are said to mean the same as a third.
    """
    return of_concept_map(_read(f"ConceptMap-{name}"))


def of_concept_map(resource: Mapping[str, Any]) -> Bijection:
    """Return the table of a ConceptMap (R4 JSON) with one group. Raises ValueError when it is not one to one."""
    (group,) = resource["group"]
    forward: dict[str, str] = {}
    related: dict[str, tuple[str, ...]] = {}
    for element in group["element"]:
        for target in element["target"]:
            code = element["code"]
            if target["equivalence"] in ("equal", "equivalent"):
                if code in forward:
                    raise ValueError(f"{resource['url']} translates {code} twice")
                forward[code] = target["code"]
            else:
                related[code] = (*related.get(code, ()), target["code"])
    back = {target: code for code, target in forward.items()}
    if len(back) != len(forward):
        raise ValueError(f"{resource['url']} translates two codes to one")
    return Bijection(group["source"], group["target"], forward, back, related)


@cache
def codes(name: str) -> tuple[str, ...]:
    """Return the codes of the CodeSystem `name` of the telemedicine package, in its order."""
    return tuple(each["code"] for each in _read(f"CodeSystem-{name}")["concept"])


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(files("profiles.data.telemed").joinpath(f"{name}.json").read_bytes())
    return content
