"""search: matches of one type, of several, or in a compartment (http://hl7.org/fhir/R4/search.html).

`GET [base]/[type]?...`, `GET [base]?_type=...`, `GET [base]/Patient/[id]/[type]?...`, and `POST .../_search` for each.
`fhir_server.search` reads and defines the language, the store finds; here is the page: which part of each match to
show, what to include beside them, the total, the links, and what was ignored or cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from fhir_server.interactions import audit, binary, paging, part
from fhir_server.interactions.access import restriction_for
from fhir_server.interactions.asking import Asked, asking
from fhir_server.interactions.audit_events.external import TYPE as AUDIT_EVENT
from fhir_server.interactions.audit_events.external import is_external
from fhir_server.interactions.audit_events.find import find
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.contained import contained
from fhir_server.interactions.explaining import explaining
from fhir_server.interactions.including import Included, including
from fhir_server.interactions.part import WHOLE, Part
from fhir_server.interactions.reaching import types_of
from fhir_server.model import bundle
from fhir_server.store.base import Page, Version
from fhir_server.store.one_budget import within_one_budget
from profiles.issues import Issue
from profiles.restriction import ALL, Restriction


@within_one_budget
async def search(call: Call) -> Result:
    """Return a page of matches as a searchset Bundle. Raises BadRequest for parameters that cannot be answered."""
    if call.type == AUDIT_EVENT and not is_external(call):
        return await find(call)
    asked = await asking(call)
    if asked.explain:
        plan = await explaining(call, asked.query)
        return await audit.seen(call, "search", Result(200, resource=plan), {**_details(call, asked), "explain": True})
    if asked.only_number:
        return await _number(call, asked)
    page, added, total = await _found(call, asked)
    bodies = await binary.wholes(call, (*page.versions, *added.versions))
    links = paging.links(call, asked.walk, page, asked.place, issued=asked.now)
    body = bundle.searchset(total, links, _entries(call, asked, page, added, bodies))
    return await _seen(call, asked, page, added, body)


class Matches(Struct, frozen=True):
    """A page of matches, what is included beside them behind, and their JSON; their number where it was asked for, and
    the cursor of the next page, None at the end.
    """

    versions: Sequence[Version]
    bodies: Sequence[bytes]
    total: int | None
    following: str | None


@within_one_budget
async def matches(call: Call) -> Matches:
    """Return what `search` puts into a Bundle, as the store has it: for who makes something else of it.

    Raises as `search`.
    """
    asked = await asking(call)
    page, added, total = await _found(call, asked)
    await _seen(call, asked, page, added)
    following = paging.following(call, asked.walk, page, asked.place, issued=asked.now)
    versions = (*page.versions, *added.versions)
    return Matches(versions, await binary.wholes(call, versions), total, following)


async def _found(call: Call, asked: Asked) -> tuple[Page, Included, int | None]:
    page = await paging.unexpired(call.reader.search(asked.query, restriction=reach(call, asked)))
    added = await including(call, page, asked.search.includes)
    return page, added, await _total(call, asked, page)


async def _seen(call: Call, asked: Asked, page: Page, added: Included, body: bytes | None = None) -> Result:
    details = _details(call, asked) | {"matches": len(page.versions)}
    if added.versions:
        details["included"] = len(added.versions)
    patients = audit.patients_of_all((*page.versions, *added.versions))
    return await audit.seen(call, "search", Result(200, body=body, patients=patients), details)


def reach(call: Call, asked: Asked) -> Restriction:
    """Return what of the matches exists for the caller."""
    if not call.principal.rights.limited:
        return ALL
    return restriction_for(call, types=types_of(asked.search))


async def _number(call: Call, asked: Asked) -> Result:
    number = await paging.unexpired(
        call.reader.count(asked.search.targets, restriction=reach(call, asked), position=asked.position)
    )
    body = bundle.searchset(number, paging.links(call, asked.walk, None, None), _outcome(asked.warnings))
    return await audit.seen(call, "search", Result(200, body=body), _details(call, asked) | {"matches": number})


async def _total(call: Call, asked: Asked, page: Page) -> int | None:
    """Return the number of matches when it was asked for, or is known because the first page is all there is."""
    if page.total is not None:
        return page.total
    if asked.total in ("accurate", "estimate"):
        return await paging.unexpired(
            call.reader.count(asked.search.targets, restriction=reach(call, asked), position=page.position)
        )
    return len(page.versions) if asked.place is None and page.next is None and asked.total is None else None


def _entries(call: Call, asked: Asked, page: Page, added: Included, bodies: Sequence[bytes]) -> list[bytes]:
    matches = len(page.versions)
    if any(target.inner == "contained" for target in asked.search.targets):
        entries = _shown_apart(call, page.versions, bodies[:matches], asked.part)
    else:
        entries = _shown(call, page.versions, bodies[:matches], asked.part, "match")
    if added.versions:
        # Elements are those of what is searched for; what is included comes whole, or as the summary of its own type.
        entries += _shown(call, added.versions, bodies[matches:], Part(asked.part.summary), "include")
    return entries + _outcome((*asked.warnings, *added.issues))


def _shown(
    call: Call, versions: Iterable[Version], bodies: Iterable[bytes], shown: Part, mode: bundle.SearchMode
) -> list[bytes]:
    if shown is not WHOLE and shown != WHOLE:
        bodies = [part.of(body, shown) for body in bodies]
    return bundle.search_entries(call.services.base, [version.key for version in versions], bodies, mode)


def _shown_apart(call: Call, versions: Iterable[Version], bodies: Iterable[bytes], shown: Part) -> list[bytes]:
    """Show the contained resources that were found without what contains them, stored ones as ever."""
    entries = []
    for version, body in zip(versions, bodies, strict=True):
        url: str | None = f"{call.services.base}/{version.key.type}/{version.key.id}"
        if version.contained is not None:
            id, body = contained(body, version.contained)
            # Without an id there is no URL that would lead to it.
            url = None if id is None else f"{url}#{id}"
        entries.append(bundle.search_entry(url, part.of(body, shown), "match"))
    return entries


def _outcome(issues: Sequence[Issue]) -> list[bytes]:
    return [bundle.outcome_entry(issues)] if issues else []


def _details(call: Call, asked: Asked) -> dict[str, Any]:
    return audit.searched(call, asked.search.applied)
