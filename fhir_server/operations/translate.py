"""$translate: `GET|POST [base]/ConceptMap/$translate`, `[base]/ConceptMap/[id]/$translate`.

A code of one system in the words of another (http://hl7.org/fhir/R4/conceptmap-operation-translate.html), by the map
that is named, or by all maps from its code system, or to the target, that are stored here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import BadRequest
from fhir_server.interactions import audit
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.interactions.terminology import Reading
from fhir_server.operations import mapping
from fhir_server.operations.consulting import Subject, consult, subject_of
from fhir_server.operations.parameters import Given, answer, parts, read_parameters
from profiles.terminology.concept_map import NO_TRANSLATION, Match, Source

_WAYS = ("code", "coding", "codeableConcept")


@dataclass(frozen=True, slots=True)
class _Asked:
    sources: tuple[Source, ...]
    reverse: bool
    source_set: str | None
    target_set: str | None


async def translate(call: Call) -> Result:
    """Return Parameters with result, message and the matches: 200. Raises NotFound for a map that is not here."""
    given = read_parameters(call, "translate")
    asked = _asked(given)
    if call.id is not None or "url" in given or "conceptMap" in given:
        subjects: Sequence[Subject] = (
            await subject_of(call, given, url="url", inline="conceptMap", version="conceptMapVersion"),
        )
    else:
        ends = {each.system for each in asked.sources}
        subjects = await mapping.candidates(call, ends, asked.sources[0].target_system, reverse=asked.reverse)

    def read(reading: Reading) -> list[Match]:
        found: list[Match] = []
        for source in asked.sources:
            for subject in subjects:
                found += mapping.matches(reading, subject, source, asked.reverse, (asked.source_set, asked.target_set))
        return list({_identity(each): each for each in found}.values())

    matches = await consult(call, read, "url")
    return await audit.seen(call, "$translate", Result(200, resource=_told(matches, bool(subjects))))


def _identity(match: Match) -> str:
    return repr((match.equivalence, match.concept, match.map, match.products))


def _asked(given: Given) -> _Asked:
    """Return what is to be translated. Raises BadRequest unless it came in one way."""
    ways = [name for name in _WAYS if name in given]
    if len(ways) != 1:
        told = f"{' and '.join(ways)} came" if ways else "none came"
        raise BadRequest(
            f"One of the parameters code, coding and codeableConcept says what is translated, and {told}: give one.",
            expression=ways[1] if ways else "code",
            code="invalid" if ways else "required",
        )
    if ways[0] == "code":
        system = given.demand("system", "a code means nothing without its code system")
        rows: list[Mapping[str, Any]] = [{"system": system, "code": given.one("code")}]
    else:
        rows = [given.one("coding")] if ways[0] == "coding" else given.one("codeableConcept").get("coding", [])
    if not rows:
        raise BadRequest(
            "The parameter codeableConcept has no coding.", expression="codeableConcept.coding", code="required"
        )
    for row in rows:
        for name in ("system", "code"):
            if name not in row:
                place = f"{ways[0]}.{name}"
                raise BadRequest(f"The parameter {ways[0]} has no {name}.", expression=place, code="required")
    target, dependencies = given.text("targetsystem"), tuple(mapping.dependencies(given))
    sources = [
        Source(row["system"], row["code"], row.get("version") or given.text("version"), target, dependencies)
        for row in rows
    ]
    return _Asked(tuple(sources), bool(given.one("reverse")), given.text("source"), given.text("target"))


def _told(matches: Sequence[Match], any_map: bool) -> Resource:
    """Return the answer: `result` says whether there is a translation, and not only the word that there is none."""
    good = any(each.equivalence not in NO_TRANSLATION for each in matches)
    message = None
    if not any_map:
        message = "There is no concept map here for that: store one, or name another."
    elif not good:
        message = "The map has no translation of the code."
    made = answer(("result", "Boolean", good), ("message", "String", message))
    for each in matches:
        inner = parts(("equivalence", "Code", each.equivalence), ("concept", "Coding", each.concept))
        for element, coding in each.products:
            product = parts(("element", "Uri", element), ("concept", "Coding", coding))
            inner.append({"name": "product", "part": product})
        inner += parts(("source", "Uri", each.map or None))
        made["parameter"].append({"name": "match", "part": inner})
    return made
