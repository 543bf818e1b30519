"""Translations by a ConceptMap, in its direction or against it (http://hl7.org/fhir/R4/conceptmap.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from profiles.terminology.canonical import unversioned, version_of

Json = Mapping[str, Any]

NO_TRANSLATION = ("unmatched", "disjoint")
"""Equivalences that say there is no translation."""
_TURNED = {
    "wider": "narrower",
    "narrower": "wider",
    "subsumes": "specializes",
    "specializes": "subsumes",
}
"""What an equivalence becomes when the map is read from its targets; the others stay."""


@dataclass(frozen=True, slots=True)
class Source:
    """The code to translate, and what else is known: `dependencies` are (element, system or None, code)."""

    system: str
    code: str
    version: str | None = None
    target_system: str | None = None
    dependencies: tuple[tuple[str, str | None, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """One translation: `concept` and the concepts of `products` are Codings (R4 JSON), None where there is none.

    `map` is the canonical of the map that says it, `elsewhere` that of one to ask in its place.
    """

    equivalence: str
    concept: Json | None
    map: str
    products: tuple[tuple[str, Json], ...] = ()
    elsewhere: str | None = None


@dataclass(frozen=True, slots=True)
class ConceptMap:
    """A map with its elements by code: `forward` and `backward` have (group, element, target) under code."""

    url: str
    groups: tuple[Json, ...]
    elements: tuple[Mapping[str, Sequence[Json]], ...] = field(repr=False)
    backward: Mapping[str, Sequence[tuple[Json, Json, Json]]] = field(repr=False)
    name: str = ""

    def __len__(self) -> int:
        """Return how many codes it has, to weigh it by."""
        return sum(map(len, self.elements)) + len(self.backward)


def of_resource(resource: Json, name: str) -> ConceptMap:
    """Return the map that a ConceptMap resource (R4 JSON) defines; `name` stands for it where it has no url."""
    groups = tuple(resource.get("group", ()))
    elements: list[dict[str, list[Json]]] = []
    backward: dict[str, list[tuple[Json, Json, Json]]] = {}
    for group in groups:
        by_code: dict[str, list[Json]] = {}
        for element in group.get("element", ()):
            by_code.setdefault(element.get("code", ""), []).append(element)
            for target in element.get("target", ()):
                if "code" in target:
                    backward.setdefault(target["code"], []).append((group, element, target))
        elements.append(by_code)
    return ConceptMap(resource.get("url", name), groups, tuple(elements), backward, name)


def translate(concept_map: ConceptMap, source: Source) -> Iterator[Match]:
    """Yield the translations of a code of the map's source; a group that lacks the code does what it says of such."""
    for group, by_code in zip(concept_map.groups, concept_map.elements, strict=True):
        if not _of_system(group, "source", source.system, source.version):
            continue
        if source.target_system is not None and not _of_system(group, "target", source.target_system, None):
            continue
        elements = by_code.get(source.code)
        if elements is None:
            yield from _unmapped(concept_map, group, source)
            continue
        for element in elements:
            for target in element.get("target", ()):
                if all(_satisfied(each, source) for each in target.get("dependsOn", ())):
                    yield _match(concept_map, group, target)


def translate_back(concept_map: ConceptMap, source: Source) -> Iterator[Match]:
    """Yield the codes that the map translates to a code of its target; what depends on others is left out of it."""
    for group, element, target in concept_map.backward.get(source.code, ()):
        if not _of_system(group, "target", source.system, source.version) or "code" not in element:
            continue
        if target.get("dependsOn"):
            continue
        if source.target_system is not None and not _of_system(group, "source", source.target_system, None):
            continue
        equivalence: str = target.get("equivalence", "equivalent")
        coding = _coding(group, "source", element["code"], element.get("display"))
        yield Match(_TURNED.get(equivalence) or equivalence, coding, concept_map.url)


def _of_system(group: Json, end: str, system: str, version: str | None) -> bool:
    """Return whether an end of a group is of a system; a group that does not say is of any."""
    stated = group.get(end)
    if stated is not None and unversioned(stated) != unversioned(system):
        return False
    own = group.get(f"{end}Version") or (version_of(stated) if stated else None)
    return version is None or own is None or own == version


def _match(concept_map: ConceptMap, group: Json, target: Json) -> Match:
    coding = _coding(group, "target", target["code"], target.get("display")) if "code" in target else None
    products = tuple((each["property"], _product(each)) for each in target.get("product", ()))
    return Match(target.get("equivalence", "equivalent"), coding, concept_map.url, products)


def _product(row: Json) -> Json:
    coding = {"system": row.get("system"), "code": row.get("value"), "display": row.get("display")}
    return {name: value for name, value in coding.items() if value is not None}


def _coding(group: Json, end: str, code: str, display: str | None) -> Json:
    coding = {"system": group.get(end), "version": group.get(f"{end}Version"), "code": code, "display": display}
    return {name: value for name, value in coding.items() if value is not None}


def _satisfied(rule: Json, source: Source) -> bool:
    """Return whether one of the dependencies that came is what a target depends on."""
    return any(
        element == rule.get("property") and code == rule.get("value") and rule.get("system") in (None, system)
        for element, system, code in source.dependencies
    )


def _unmapped(concept_map: ConceptMap, group: Json, source: Source) -> Iterator[Match]:
    """Yield what a group says of codes that it does not have (http://hl7.org/fhir/R4/conceptmap.html#unmapped)."""
    rule = group.get("unmapped")
    if rule is None:
        return
    match rule.get("mode"):
        case "provided":
            yield Match("equal", _coding(group, "target", source.code, None), concept_map.url)
        case "fixed" if "code" in rule:
            # R4 does not say how close a fixed code is; it is close to none in particular.
            coding = _coding(group, "target", rule["code"], rule.get("display"))
            yield Match("relatedto", coding, concept_map.url)
        case "other-map" if "url" in rule:
            yield Match("", None, concept_map.url, elsewhere=rule["url"])
