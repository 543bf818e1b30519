"""The concept maps of $translate: which there are for a code, and what one of them says, through others it refers to.

See http://hl7.org/fhir/R4/conceptmap-operation-translate.html.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Call
from fhir_server.interactions.paging import unexpired
from fhir_server.interactions.terminology import Reading
from fhir_server.model.fhir_json import parse_stored
from fhir_server.operations.consulting import Subject
from fhir_server.operations.parameters import Given
from fhir_server.search.parse import parse
from fhir_server.search.query import Query
from fhir_server.search.text import escape
from profiles.restriction import ALL
from profiles.terminology import concept_map
from profiles.terminology.canonical import unversioned
from profiles.terminology.concept_map import ConceptMap, Match, Source, translate, translate_back
from profiles.terminology.errors import NotExpandable
from profiles.validation.well_formed import well_formed

MAPS = 100
"""How many maps to ask when none is named."""
_DEEPEST = 8
"""How many maps may refer to one another."""


async def candidates(
    call: Call, systems: Collection[str], target_system: str | None, *, reverse: bool
) -> Sequence[Subject]:
    """Return the maps from the code systems (or to them, `reverse`) that are in use, those in force first.

    Everybody's, whatever the caller may read: see `interactions.terminology`. Raises BadRequest for more than `MAPS`.
    """
    ends = ("target-system", "source-system") if reverse else ("source-system", "target-system")
    asked = [(ends[0], ",".join(escape(each) for each in sorted(systems)))]
    if target_system is not None:
        asked.append((ends[1], escape(target_system)))
    services = call.services
    asked.append(("status", "active,draft"))
    found = parse(("ConceptMap",), asked, services.registry, base=services.base, now=services.now())
    page = await unexpired(call.reader.search(Query(found.targets, MAPS), restriction=ALL))
    if page.next is not None:
        raise BadRequest(
            f"More than {MAPS} concept maps translate codes of that system: name one by the parameter url.",
            expression="url",
            code="too-costly",
        )
    # Maps that are not of their form, as packages may bring them, translate nothing.
    stored = [(parse_stored(each.body), each) for each in page.versions]
    resources = [each for each in stored if well_formed(each[0])]
    resources.sort(key=lambda each: each[0].get("status") != "active")
    return [Subject("url", resource=resource, key=(*version.key, version.number)) for resource, version in resources]


def dependencies(given: Given) -> Iterator[tuple[str, str | None, str]]:
    """Yield the values that other elements have: (element, system, code). Raises BadRequest for one without both."""
    for row in given.all("dependency"):
        by_name = {each["name"]: each for each in row}
        element = by_name.get("element", {})
        concept = by_name.get("concept", {}).get("valueCodeableConcept", {})
        name = element.get("valueUri") or element.get("valueUrl") or element.get("valueCanonical")
        coded = [each for each in concept.get("coding", ()) if "code" in each]
        if name is None or not (coded or "text" in concept):
            raise BadRequest(
                "The parameter dependency has an element (valueUri) and a concept (valueCodeableConcept).",
                expression="dependency",
            )
        yield from ((name, each.get("system"), each["code"]) for each in coded)
        if not coded:
            yield name, None, concept["text"]


def matches(
    reading: Reading, subject: Subject, source: Source, reverse: bool, sets: tuple[str | None, str | None]
) -> list[Match]:
    """Return what a map says of a code; `sets` are the value sets that it has to be from and to, where they are named.

    Raises NotExpandable for a map that is not here.
    """
    resource = _resource(reading, subject)
    asked = tuple(reversed(sets)) if reverse else sets
    for value_set, end in zip(asked, ("source", "target"), strict=True):
        if value_set is not None and not _concerns(resource, end, value_set):
            return []
    made = _made(reading, subject, resource)
    if reverse:
        return list(translate_back(made, source))
    return _followed(reading, translate(made, source), source, [made.url])


def _followed(reading: Reading, found: Iterator[Match], source: Source, path: list[str]) -> list[Match]:
    """Return the matches, with those of another map in place of a word that it is to be asked."""
    whole: list[Match] = []
    for each in found:
        if each.elsewhere is None:
            whole.append(each)
            continue
        if each.elsewhere in path or len(path) == _DEEPEST:
            reason = f"the concept map {each.elsewhere} is asked again by the maps that it refers to"
            raise NotExpandable(each.elsewhere, reason, "break the circle")
        other = Subject("url", canonical=each.elsewhere)
        made = _made(reading, other, _resource(reading, other))
        whole += _followed(reading, translate(made, source), source, [*path, each.elsewhere])
    return whole


def _resource(reading: Reading, subject: Subject) -> Mapping[str, Any]:
    resource = subject.resource if subject.resource is not None else reading.concept_map(subject.canonical)
    if resource is None:
        url = subject.canonical
        raise NotExpandable(url, f"the concept map {url} is not known here", "store it with that url", "not-found")
    return resource


def _made(reading: Reading, subject: Subject, resource: Mapping[str, Any]) -> ConceptMap:
    key = subject.key or subject.canonical
    if not key:
        return concept_map.of_resource(resource, "")
    return reading.make(("map", key), lambda: concept_map.of_resource(resource, subject.canonical))


def _concerns(resource: Mapping[str, Any], end: str, value_set: str) -> bool:
    """Return whether a map is from (to) a value set; one that does not say may be."""
    stated = resource.get(f"{end}Canonical") or resource.get(f"{end}Uri")
    if stated is None:
        return True
    return bool(stated == value_set or unversioned(stated) == value_set)
