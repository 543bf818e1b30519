"""$expand: `GET|POST [base]/ValueSet/$expand`, `[base]/ValueSet/[id]/$expand`.

Every code of a value set, with what people read of it (http://hl7.org/fhir/R4/valueset-operation-expand.html). The
whole expansion is made once and kept until a definition changes; `offset` and `count` cut a page out of it. Codes of
loaded code systems are found page by page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from fhir_server.errors import BadRequest, TooCostly
from fhir_server.interactions import audit
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.interactions.terminology import Reading
from fhir_server.model.resource import instant
from fhir_server.operations.consulting import Subject, consult, subject_of
from fhir_server.operations.expanding import Codes, Pair, Wish, entry, listed_codes, nested, selections_of
from fhir_server.operations.parameters import Given, read_parameters
from profiles.terminology import value_set
from profiles.terminology.canonical import unversioned
from profiles.terminology.questions import Count, Slice
from profiles.terminology.selection import Selection

_SHOWN = ("url", "version", "name", "title", "status", "experimental", "date", "publisher", "description")
_ECHOED = (
    *(("filter", "String"), ("offset", "Integer"), ("count", "Integer"), ("includeDesignations", "Boolean")),
    *(("designation", "String"), ("activeOnly", "Boolean"), ("excludeNested", "Boolean")),
    *(("excludeNotForUI", "Boolean"), ("displayLanguage", "Code"), ("exclude-system", "Uri")),
)
"""Parameters that the expansion says it was made with, and the type it says them in."""
_NOT_FOLLOWED = (
    *("context", "contextDirection", "date"),
    *("system-version", "check-system-version", "force-system-version"),
)


@dataclass(frozen=True, slots=True)
class _Asked:
    subject: Subject
    wish: Wish
    offset: int
    count: int | None
    nest: bool
    definition: bool
    limit: int


async def expand(call: Call) -> Result:
    """Return the ValueSet with its expansion: 200. Raises the refusal of what cannot be expanded in full."""
    given = read_parameters(call, "expand")
    given.refuse(*_NOT_FOLLOWED, way_out="name the value set by url and its version by valueSetVersion")
    subject = await subject_of(call, given, url="url", inline="valueSet", version="valueSetVersion")
    asked = _asked(call, given, subject)
    made = await consult(call, lambda reading: _expanded(reading, asked), subject.parameter)
    expansion = made.pop("expansion")
    head: Resource = {"timestamp": instant(call.services.now())}
    if subject.resource is None:
        # Pages of one expansion have one identifier; a change of what it rests on makes it another.
        name = f"{call.services.base}/ValueSet {subject.canonical} {made.get('version', '')} {expansion['total']}"
        head = {"identifier": uuid5(NAMESPACE_URL, name).urn, **head}
    echoed = [{"name": n, f"value{type}": value} for n, type in _ECHOED for value in given.all(n)]
    echoed += expansion.pop("parameter")
    if echoed:
        expansion = {**expansion, "parameter": echoed}
    order = ("total", "offset", "parameter", "contains")
    made["expansion"] = {**head, **{key: expansion[key] for key in order if key in expansion}}
    return await audit.seen(call, "$expand", Result(200, resource=made))


def _asked(call: Call, given: Given, subject: Subject) -> _Asked:
    offset, count = given.one("offset"), given.one("count")
    for name, value in (("offset", offset), ("count", count)):
        if value is not None and value < 0:
            raise BadRequest(f"The parameter {name} is a whole number that is not negative.", expression=name)
    wish = Wish(
        text=given.text("filter") or "",
        active_only=bool(given.one("activeOnly")),
        selectable_only=bool(given.one("excludeNotForUI")),
        without=frozenset(unversioned(each) for each in given.all("exclude-system")),
        language=given.text("displayLanguage"),
        with_designations=bool(given.one("includeDesignations")),
        designations=tuple(_token(each) for each in given.all("designation")),
    )
    paged = offset is not None or count is not None or bool(wish.text)
    nest = given.one("excludeNested") is False and not paged
    definition = bool(given.one("includeDefinition"))
    return _Asked(subject, wish, offset or 0, count, nest, definition, call.services.limits.expansion_codes)


def _token(text: str) -> Pair:
    system, bar, code = text.partition("|")
    if not bar or not code:
        raise BadRequest(
            "The parameter designation is a token: the system of a use or a language, |, and its code.",
            expression="designation",
        )
    return system, code


def _expanded(reading: Reading, asked: _Asked) -> Resource:
    """Return the value set with its expansion. Raises NotExpandable, TooCostly."""
    found = asked.subject.members(reading)
    head = _head(reading, asked)
    codes = Codes(reading, found)
    listed, selections = listed_codes(codes, found, asked.wish), selections_of(found, asked.wish)
    total = len(listed) + sum(reading.ask(Count(each)) for _, each in selections)
    left = max(0, total - asked.offset)
    length = left if asked.count is None else min(left, asked.count)
    if length > asked.limit:
        raise TooCostly(
            f"The expansion has {total:,} codes, and at most {asked.limit:,} go into one answer: ask for pages "
            "with count and offset, or for fewer codes with filter.",
            expression="count",
        )
    page = listed[asked.offset : asked.offset + length]
    codes.find(page)
    page += _selected(reading, codes, selections, max(0, asked.offset - len(listed)), length - len(page))
    entries = [entry(codes, pair, asked.wish) for pair in page]
    expansion: Resource = {"total": total, "parameter": _versions(codes, page)}
    if asked.offset or asked.count is not None:
        expansion["offset"] = asked.offset
    if entries:
        expansion["contains"] = nested(codes, page, entries) if asked.nest else entries
    return {**head, "expansion": expansion}


def _selected(
    reading: Reading, codes: Codes, selections: Sequence[tuple[str, Selection]], skip: int, count: int
) -> list[Pair]:
    """Return the codes of loaded systems on a page: `count` of them after `skip`."""
    page: list[Pair] = []
    for url, selection in selections:
        if len(page) == count:
            break
        many = reading.ask(Count(selection))
        if skip < many:
            page += codes.learn(url, reading.ask(Slice(selection, skip, count - len(page))))
        skip = max(0, skip - many)
    return page


def _versions(codes: Codes, page: list[Pair]) -> list[dict[str, Any]]:
    """Return the versions of the code systems that the displays come from."""
    systems = [codes.system(url) for url in dict.fromkeys(pair[0] for pair in page)]
    return [
        {"name": "version", "valueUri": f"{each.url}|{each.version}"}
        for each in systems
        if each is not None and each.version
    ]


def _head(reading: Reading, asked: _Asked) -> Resource:
    """Return the value set without its expansion, and without its definition unless that is asked for."""
    subject = asked.subject
    resource = subject.resource if subject.resource is not None else reading.resolve(subject.canonical)
    if isinstance(resource, Mapping):
        shown = (*_SHOWN, "compose") if asked.definition else _SHOWN
        return {"resourceType": "ValueSet", **{key: resource[key] for key in shown if key in resource}}
    if asked.definition:
        raise BadRequest(
            "The parameter includeDefinition is not answered here for a value set of the standard: leave it out.",
            expression="includeDefinition",
            code="not-supported",
        )
    url = unversioned(subject.canonical)
    own = value_set.of_r4(url)
    version = {"version": own.version} if own is not None and own.version else {}
    return {"resourceType": "ValueSet", "url": url, **version, "status": "active"}
