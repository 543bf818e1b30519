"""Which part of each resource to show: `_summary` and `_elements` (http://hl7.org/fhir/R4/search.html#summary)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.errors import BadRequest
from fhir_server.model.fhir_json import encode, parse
from fhir_server.model.summary import elements, known_elements, summarize

MODES = ("true", "text", "data", "count", "false")
NAMES = frozenset({"_summary", "_elements"})

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Part:
    """What to show: `summary` is a mode of `_summary` other than `false`, or None; `elements` empty means all."""

    summary: str | None = None
    elements: tuple[str, ...] = ()


WHOLE = Part()


def wanted(parameters: Parameters) -> Part:
    """Return what `_summary` and `_elements` ask for. Raises BadRequest for an unknown mode, or both at once."""
    if not parameters:
        return WHOLE
    summary = _one(parameters, "_summary")
    if summary is not None and summary not in MODES:
        raise BadRequest(f"_summary must be one of {', '.join(MODES)}.", expression="_summary")
    mode = None if summary == "false" else summary
    asked = [value for name, value in parameters if name == "_elements"]
    names = tuple(dict.fromkeys(part.strip() for value in asked for part in value.split(",") if part.strip()))
    if asked and not names:
        raise BadRequest(
            "_elements needs the names of elements, as in _elements=name,birthDate.", expression="_elements"
        )
    if mode not in (None, "count") and names:
        raise BadRequest(f"_summary={mode} and _elements exclude each other: send one of them.", expression="_elements")
    return Part(mode, names)


def wanted_of_one(parameters: Parameters, type: str | None) -> Part:
    """Return what to show of a single resource, or each version of a history, of `type` (None: of any type).

    Raises BadRequest for `_summary=count`, which has no meaning there, and for names that the type does not have.
    """
    part = wanted(parameters)
    if part.summary == "count":
        raise BadRequest("_summary=count goes with a search, not with a single resource.", expression="_summary")
    demand_elements(part, type)
    return part


def demand_elements(part: Part, type: str | None) -> None:
    """Refuse an element of `_elements` that `type` does not have: nothing would be shown of it without a word."""
    known = known_elements(type) if type is not None and part.elements else part.elements
    for name in part.elements:
        if name not in known:
            raise BadRequest(
                f"_elements takes elements at the top of {type}, and {name[:40]} is none.", expression="_elements"
            )


def of(body: bytes, part: Part) -> bytes:
    """Return the stored JSON, or the part of it that is wanted."""
    if part.elements:
        return encode(elements(parse(body), part.elements))
    if part.summary is not None:
        return encode(summarize(parse(body), part.summary))
    return body


def _one(parameters: Parameters, name: str) -> str | None:
    values = [value for key, value in parameters if key == name]
    if len(values) > 1:
        raise BadRequest(f"{name} may be given once.", expression=name)
    return values[0] if values else None
