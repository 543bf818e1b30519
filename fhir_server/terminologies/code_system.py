"""CodeSystem resources in JSON files (http://hl7.org/fhir/R4/codesystem.html), their concepts nested or not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fhir_server.errors import ParseFailed
from fhir_server.model.fhir_json import parse
from fhir_server.store.concepts import NewConcept
from fhir_server.terminologies.item import Content, Edge, Fault, Item, Wish
from fhir_server.terminologies.release import Release, ReleaseError
from profiles.terminology.concept import designations_of
from profiles.terminology.head import Head, Kind
from profiles.terminology.rules import plain_number

LARGEST = 512 << 20
"""Bytes of a file: it is read as a whole, other than the tables of publishers."""

_VALUES: Mapping[str, Kind] = {
    "valueCode": "code",
    "valueString": "string",
    "valueBoolean": "boolean",
    "valueInteger": "integer",
    "valueDecimal": "decimal",
    "valueDateTime": "dateTime",
    "valueCoding": "Coding",
}
_DRAWN = {"parent": False, "subsumedBy": False, "child": True}
"""Properties that draw the hierarchy, and whether they point downwards."""


def code_system(release: Release, wish: Wish) -> Content:
    """Return what is in the file of a CodeSystem. Raises ReleaseError for what is none, or not complete."""
    (name,) = release.names(r".*\.json")
    if release.sizes[name] > LARGEST:
        raise ReleaseError(f"{name} is larger than {LARGEST:,} bytes: a CodeSystem of that size is no file to read.")
    with release.open(name) as file:
        resource = _parsed(name, file.read())
    return content_of(name, resource, release.sizes[name], wish)


def content_of(name: str, resource: Mapping[str, Any], size: int, wish: Wish) -> Content:
    """Return what is in a CodeSystem. Raises ReleaseError when its codes are not all there."""
    url = wish.url or resource.get("url")
    if resource.get("resourceType") != "CodeSystem" or not isinstance(url, str):
        raise ReleaseError(f"{name} is no CodeSystem with a url: fhir-server load takes other resources.")
    if resource.get("content") != "complete":
        raise ReleaseError(
            f"{name} has content {resource.get('content')!r}: only a CodeSystem with content 'complete' has all codes."
        )
    named = resource.get("property", ())
    head = Head(
        key=0,
        url=url,
        version=wish.version or resource.get("version"),
        name=resource.get("title") or resource.get("name") or url,
        language=wish.language or resource.get("language"),
        case_sensitive=resource.get("caseSensitive"),
        meaning=resource.get("hierarchyMeaning"),
        compositional=bool(resource.get("compositional")),
        properties={each["code"]: each["type"] for each in named if each.get("code") and each.get("type")},
    )
    return Content(head, size, _items(name, resource.get("concept", ()), named))


def _parsed(name: str, text: bytes) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = parse(text)
        return parsed
    except ParseFailed as refusal:
        raise ReleaseError(f"{name}: {refusal}") from None


def _items(name: str, concepts: Sequence[Any], named: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    drawn = dict(_DRAWN)
    for each in named:
        for role, down in (("parent", False), ("child", True)):
            if str(each.get("uri", "")) == f"http://hl7.org/fhir/concept-properties#{role}":
                drawn[str(each.get("code"))] = down
    for at, (concept, _) in enumerate(_walk(concepts), 1):
        yield Item(name, at, _concept(concept, drawn))
    for at, (concept, above) in enumerate(_walk(concepts), 1):
        if not isinstance(concept, dict) or not isinstance(code := concept.get("code"), str):
            continue
        if above is not None:
            yield Item(name, at, Edge(code, above))
        for stated in concept.get("property", ()):
            points = drawn.get(stated.get("code"))
            for value in (str(value) for key, value in stated.items() if key.startswith("value")):
                if points is not None:
                    yield Item(name, at, Edge(value, code) if points else Edge(code, value), loose=True)


def _walk(concepts: Sequence[Any]) -> Iterator[tuple[Any, str | None]]:
    """Yield every concept with the code of the one it is nested in, without a limit of depth."""
    waiting: list[tuple[Iterator[Any], str | None]] = [(iter(concepts), None)]
    while waiting:
        level, above = waiting[-1]
        concept = next(level, None)
        if concept is None:
            waiting.pop()
            continue
        yield concept, above
        if isinstance(concept, dict) and concept.get("concept"):
            waiting.append((iter(concept["concept"]), concept.get("code")))


def _concept(concept: Any, drawn: Mapping[str, bool]) -> NewConcept | Fault:
    if not isinstance(concept, dict) or not isinstance(concept.get("code"), str):
        return Fault("the concept (counted from 1, nested ones behind theirs) has no code")
    properties: list[tuple[str, Kind, str]] = []
    inactive = abstract = False
    for stated in concept.get("property", ()):
        name = stated.get("code")
        for key, value in stated.items():
            if key in _VALUES and name not in drawn:
                properties.append((str(name), _VALUES[key], _text(value, _VALUES[key])))
            retired = name == "status" and value in ("retired", "inactive")
            inactive = inactive or retired or (name == "inactive" and value is True)
            abstract = abstract or (name in ("notSelectable", "abstract") and value is True)
    return NewConcept(
        concept["code"],
        concept.get("display"),
        concept.get("definition"),
        inactive,
        abstract,
        designations_of(concept),
        properties,
    )


def _text(value: Any, kind: Kind) -> str:
    match kind:
        case "boolean":
            return "true" if value else "false"
        case "integer" | "decimal":
            return plain_number(Decimal(value))
        case "Coding":
            return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
