"""Code systems as a graph of concepts, from R4's own definitions or from CodeSystem resources.

See http://hl7.org/fhir/R4/codesystem.html. A concept may have several parents: one by nesting, others by the
properties `parent`, `subsumedBy` and, from the other side, `child`
(http://hl7.org/fhir/R4/codesystem-concept-properties.html).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple

from profiles.definitions import code_systems
from profiles.terminology.concept import Concept, Properties, designations_of
from profiles.terminology.currencies import CURRENCIES

ISO4217 = "urn:iso:std:iso:4217"

_PROPERTIES = "http://hl7.org/fhir/concept-properties#"
_NO_PROPERTIES: Properties = {}
_UNTOLD: Mapping[str, Any] = {}


class _Row(NamedTuple):
    """One concept: `above` is the code of the concept it is nested in, `stated` what else is said of it."""

    code: str
    above: str | None
    properties: Properties
    display: str | None = None
    stated: Mapping[str, Any] = _UNTOLD


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """A code system; `parents` and `children` have the immediate ones, codes without any have no entry.

    `meaning` is the stated hierarchyMeaning, `nested` whether any concept is nested, `declared` the codes of the
    properties it has. `parent_names` and `child_names` are the properties that draw the hierarchy. `displays` has the
    codes that have one, `stated` the concepts of which a definition or designations are known. `name` is what people
    call it, `language` that of its displays, `case_sensitive` is None where nothing is said of it.
    `mark` is another one when its codes or their hierarchy are others.
    """

    url: str
    version: str | None
    content: str
    meaning: str | None
    compositional: bool
    nested: bool
    concepts: Mapping[str, Properties]
    parents: Mapping[str, frozenset[str]]
    children: Mapping[str, frozenset[str]]
    declared: frozenset[str]
    parent_names: frozenset[str]
    child_names: frozenset[str]
    displays: Mapping[str, str]
    stated: Mapping[str, Mapping[str, Any]]
    name: str
    language: str | None
    case_sensitive: bool | None
    mark: str

    @property
    def complete(self) -> bool:
        """Whether every code of the system is here: none is left out, none is built by a grammar."""
        return self.content == "complete" and not self.compositional

    @property
    def subsuming(self) -> bool:
        """Whether its hierarchy means "is a": stated, or not stated and the concepts are nested."""
        return self.meaning == "is-a" or (self.meaning is None and self.nested)

    def below(self, code: str) -> frozenset[str]:
        """Return the code and everything below it; cycles do no harm."""
        return _closure(code, self.children)

    def above(self, code: str) -> frozenset[str]:
        """Return the code and everything above it."""
        return _closure(code, self.parents)

    @property
    def hierarchical(self) -> bool:
        """Whether any code is above another."""
        return bool(self.parents)

    def has(self, code: str) -> bool:
        """Return whether it has this code, letter by letter."""
        return code in self.concepts

    def properties_of(self, code: str) -> Properties:
        """Return the properties of a code, but not those that draw the hierarchy."""
        drawn = self.parent_names | self.child_names
        return {name: values for name, values in self.concepts.get(code, _NO_PROPERTIES).items() if name not in drawn}

    def parents_of(self, code: str) -> tuple[str, ...]:
        """Return the codes immediately above, in order."""
        return tuple(sorted(self.parents.get(code, ())))

    def children_of(self, code: str) -> tuple[str, ...]:
        """Return the codes immediately below, in order."""
        return tuple(sorted(self.children.get(code, ())))

    def subsumes(self, code: str, other: str) -> bool:
        """Return whether `other` is `code` or below it."""
        return other in self.below(code)

    def below_among(self, code: str, others: tuple[str, ...]) -> frozenset[str]:
        """Return those of `others` that are `code` or below it."""
        return self.below(code).intersection(others)

    def above_among(self, code: str, others: tuple[str, ...]) -> frozenset[str]:
        """Return those of `others` that are `code` or above it."""
        return self.above(code).intersection(others)

    def actual(self, code: str) -> str | None:
        """Return `code` as the system writes it, None when it does not have it.

        Letter case matters only where the system says so (http://hl7.org/fhir/R4/codesystem.html#caseSensitive).
        """
        if code in self.concepts:
            return code
        if self.case_sensitive:
            return None
        folded = code.casefold()
        return next((each for each in self.concepts if each.casefold() == folded), None)

    def concept(self, code: str) -> Concept:
        """Return what is known of a code that the system has."""
        stated = self.stated.get(code, _UNTOLD)
        return Concept(self.displays.get(code), stated.get("definition"), designations_of(stated))

    def abstract(self, code: str) -> bool:
        """Return whether the concept only groups others and is not to be chosen itself."""
        properties = self.concepts.get(code, _NO_PROPERTIES)
        return True in properties.get("notSelectable", ()) or True in properties.get("abstract", ())

    def inactive(self, code: str) -> bool:
        """Return whether the concept is marked as inactive or retired; a code that is not there is not."""
        properties = self.concepts.get(code, _NO_PROPERTIES)
        return True in properties.get("inactive", ()) or not {"retired", "inactive"}.isdisjoint(
            properties.get("status", ())
        )


def _closure(start: str, edges: Mapping[str, frozenset[str]]) -> frozenset[str]:
    found = {start}
    waiting = deque(found)
    while waiting:
        new = edges.get(waiting.popleft(), frozenset()) - found
        found |= new
        waiting.extend(new)
    return frozenset(found)


@cache
def of_r4(url: str) -> CodeSystem | None:
    """Return R4's own code system `url` (without version), None where R4 has none."""
    if url == ISO4217:
        rows = [_Row(code, None, _NO_PROPERTIES) for code in sorted(CURRENCIES)]
        return _built({"url": url, "content": "complete", "caseSensitive": True}, rows)
    definition = code_systems().get(url)
    if definition is None:
        return None
    return _built({**definition, "url": url}, list(_compiled_rows(definition.get("concepts", ()))))


def of_resource(resource: Mapping[str, Any]) -> CodeSystem:
    """Return the code system that a CodeSystem resource (R4 JSON) defines."""
    return _built(resource, list(_resource_rows(resource.get("concept", ()))))


def _compiled_rows(rows: Iterable[Any], above: str | None = None) -> Iterator[_Row]:
    for row in rows:
        code: str = row[0]
        properties = {name: tuple(values) for name, values in row[3].items()} if len(row) > 3 else _NO_PROPERTIES
        yield _Row(code, above, properties, row[1] if len(row) > 1 and row[1] else None)
        if len(row) > 2:
            yield from _compiled_rows(row[2], code)


def _resource_rows(concepts: Iterable[Mapping[str, Any]], above: str | None = None) -> Iterator[_Row]:
    for concept in concepts:
        properties: dict[str, tuple[Any, ...]] = {}
        for each in concept.get("property", ()):
            values = tuple(value for name, value in each.items() if name.startswith("value"))
            properties[each["code"]] = properties.get(each["code"], ()) + values
        stated = {name: concept[name] for name in ("definition", "designation") if name in concept}
        yield _Row(concept["code"], above, properties, concept.get("display"), stated)
        yield from _resource_rows(concept.get("concept", ()), concept["code"])


def _built(definition: Mapping[str, Any], rows: list[_Row]) -> CodeSystem:
    """Return the graph; a parent or child that is not itself a concept of the system is no edge."""
    named = definition.get("property", ())
    up = frozenset({"parent", "subsumedBy", *_meaning(named, "parent")})
    down = frozenset({"child", *_meaning(named, "child")})
    concepts = {row.code: row.properties for row in rows}
    edges = {edge for row in rows for edge in _edges(row, up, down) if edge[0] in concepts and edge[1] in concepts}
    return CodeSystem(
        url=definition.get("url", ""),
        version=definition.get("version"),
        content=definition.get("content", ""),
        meaning=definition.get("hierarchyMeaning"),
        compositional=definition.get("compositional", False),
        nested=any(row.above is not None for row in rows),
        concepts=concepts,
        parents=_grouped(edges),
        children=_grouped((parent, child) for child, parent in edges),
        declared=frozenset(each["code"] for each in named).union(*(row.properties for row in rows)),
        parent_names=up,
        child_names=down,
        displays={row.code: row.display for row in rows if row.display},
        stated={row.code: row.stated for row in rows if row.stated},
        name=definition.get("title") or definition.get("name") or definition.get("url", ""),
        language=definition.get("language"),
        case_sensitive=definition.get("caseSensitive"),
        mark=_mark(concepts, edges),
    )


def _mark(codes: Iterable[str], edges: Iterable[tuple[str, str]]) -> str:
    text = "\n".join((*sorted(codes), "", *sorted(f"{child}\t{parent}" for child, parent in edges)))
    return blake2b(text.encode(), digest_size=12).hexdigest()


def _meaning(named: Iterable[Mapping[str, Any]], role: str) -> Iterator[str]:
    """Yield the codes of the declared properties that are FHIR's `parent` or `child` under another name."""
    return (each["code"] for each in named if each.get("uri") == _PROPERTIES + role)


def _edges(row: _Row, up: frozenset[str], down: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the (child, parent) pairs that one concept states."""
    code = row.code
    if row.above is not None:
        yield code, row.above
    for name, values in row.properties.items():
        for value in values if name in up else ():
            yield code, str(value)
        for value in values if name in down else ():
            yield str(value), code


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    grouped: dict[str, set[str]] = {}
    for key, value in pairs:
        grouped.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in grouped.items()}
