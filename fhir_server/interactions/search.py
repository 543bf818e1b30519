"""search of one type: `GET [base]/[type]?...` and `POST [base]/[type]/_search` (http://hl7.org/fhir/R4/search.html).

`fhir_server.search` reads and defines the language, the store finds; here is the page: which part of each match to
show, the total, the links, and what lenient handling ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fhir_server.errors import BadRequest, NotSupported
from fhir_server.interactions import audit, binary, paging, part
from fhir_server.interactions.access import restriction_for
from fhir_server.interactions.call import Call, Result
from fhir_server.model import bundle
from fhir_server.search.parse import Search, parse
from fhir_server.search.query import Query
from fhir_server.store.base import Page

TOTALS = ("none", "estimate", "accurate")
SHOWING = frozenset({"_summary", "_elements", "_total", paging.CURSOR})


@dataclass(frozen=True, slots=True)
class _Asked:
    """A search as it was asked for; `count` 0 and `_summary=count` both mean the number only."""

    search: Search
    part: part.Part
    total: str | None
    count: int
    walk: paging.Walk

    @property
    def only_number(self) -> bool:
        """Whether no matches are to be shown."""
        return self.count == 0 or self.part.summary == "count"


async def search(call: Call) -> Result:
    """Return a page of matches as a searchset Bundle. Raises BadRequest for parameters that cannot be answered."""
    if call.type is None:
        raise NotSupported(
            "This release searches one resource type at a time: GET [base]/[type]?..., as in [base]/Patient?name=..."
        )
    asked = _asked(call, call.type, call.services.now())
    place = paging.place(call, asked.walk)
    if place is not None:
        asked = _asked(call, call.type, place.issued)
    restriction = restriction_for(call)
    where = asked.search.where
    if asked.only_number:
        number = await call.reader.count(call.type, where, restriction=restriction)
        body = bundle.searchset(number, paging.links(call, asked.walk, None, None), _outcome(asked.search))
        return await audit.seen(call, "search", Result(200, body=body), _details(asked, number))
    query = Query(
        call.type, where, asked.count, place.after if place else 0, position=place.position if place else None
    )
    page = await paging.unexpired(call.reader.search(query, restriction=restriction))
    total = await _total(call, asked, page, first=place is None)
    body = bundle.searchset(
        total,
        paging.links(call, asked.walk, page, place),
        _entries(call, asked, page, await binary.wholes(call, page.versions)),
    )
    patients = tuple({patient: None for version in page.versions for patient in audit.patients_of(version)})
    return await audit.seen(
        call, "search", Result(200, body=body, patients=patients), _details(asked, len(page.versions))
    )


def _asked(call: Call, type: str, now: int) -> _Asked:
    services = call.services
    found = parse(
        type,
        [pair for pair in call.parameters if pair[0] not in SHOWING],
        services.registry,
        base=services.base,
        now=now,
        or_values=services.limits.or_values,
        page_max=services.limits.page_max,
        lenient=call.prefer.lenient,
    )
    shown = part.wanted(call.parameters)
    totals = [value for name, value in call.parameters if name == "_total"]
    if len(totals) > 1 or (totals and totals[0] not in TOTALS):
        raise BadRequest(f"_total must be one of {', '.join(TOTALS)}, given once.", expression="_total")
    repeated = [pair for pair in call.parameters if pair[0] in SHOWING and pair[0] != paging.CURSOR]
    return _Asked(
        search=found,
        part=shown,
        total=totals[0] if totals else None,
        count=services.limits.page_default if found.count is None else found.count,
        walk=paging.Walk(type, (*found.applied, *repeated)),
    )


async def _total(call: Call, asked: _Asked, page: Page, *, first: bool) -> int | None:
    """Return the number of matches when it was asked for, or is known because the first page is all there is."""
    if asked.total in ("accurate", "estimate"):
        return await call.reader.count(
            asked.search.type, asked.search.where, restriction=restriction_for(call), position=page.position
        )
    return len(page.versions) if first and page.next is None and asked.total is None else None


def _entries(call: Call, asked: _Asked, page: Page, bodies: list[bytes]) -> Iterator[bytes]:
    base = f"{call.services.base}/{asked.search.type}/"
    for version, body in zip(page.versions, bodies, strict=True):
        yield bundle.search_entry(base + version.key.id, part.of(body, asked.part))
    yield from _outcome(asked.search)


def _outcome(search: Search) -> Iterator[bytes]:
    if search.warnings:
        yield bundle.outcome_entry(search.warnings)


def _details(asked: _Asked, matches: int) -> dict[str, object]:
    """Tell the names of the parameters: their values may be personal data."""
    return {"parameters": list(dict.fromkeys(name for name, _ in asked.search.applied)), "matches": matches}
