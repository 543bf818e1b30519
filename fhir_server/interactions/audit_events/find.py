"""`GET [base]/AuditEvent?...` and `GET [base]/Patient/[id]/AuditEvent`: the server's own trail, newest first.

What other systems brought is not among the answers: it is searched like any type, by its tag (`external.TAG`).
"""

from __future__ import annotations

from fhir_server.interactions import audit, paging, part
from fhir_server.interactions.access import trail_restriction_for
from fhir_server.interactions.asking import Asked, asking
from fhir_server.interactions.audit_events.condition import condition, newest_first
from fhir_server.interactions.audit_events.external import TAG, TYPE
from fhir_server.interactions.audit_events.project import id_of
from fhir_server.interactions.audit_events.show import demand_no_transaction, shown
from fhir_server.interactions.call import Call, Result
from fhir_server.model import bundle
from fhir_server.search.refuse import refuse
from fhir_server.store.audit import AuditPage, AuditQuery, Place
from fhir_server.store.base import Page
from profiles.issues import Issue
from profiles.restriction import ALL

PLACES = 24
"""Bits of a cursor that tell the place in a row; the others tell the row."""


async def find(call: Call) -> Result:
    """Return a page of events as a searchset Bundle. Raises BadRequest for what the trail cannot be asked for."""
    demand_no_transaction(call)
    asked = await asking(call)
    query = _query(asked)
    store, restriction = call.services.store, trail_restriction_for(call)
    details = audit.searched(call, asked.search.applied)
    if asked.only_number:
        number = await store.audit_count(query, restriction=restriction)
        body = bundle.searchset(number, paging.links(call, asked.walk, None, None), ())
        return await audit.seen(call, "search", Result(200, body=body), details | {"matches": number})
    page = await store.audit_events(query, restriction=restriction)
    total = None
    if asked.total in ("accurate", "estimate"):
        counted = AuditQuery(query.where, until=page.until)
        total = await store.audit_count(counted, restriction=restriction)
    elif asked.place is None and page.next is None and asked.total is None:
        total = len(page.events)
    walked = Page((), None if page.next is None else _packed(page.next), page.until)
    links = paging.links(call, asked.walk, walked, asked.place, issued=asked.now)
    body = bundle.searchset(total, links, [*_entries(call, asked, page), *await _notes(call, asked)])
    patients = tuple(dict.fromkeys(each.patient for each in page.events if each.patient is not None))
    result = Result(200, body=body, patients=patients)
    return await audit.seen(call, "search", result, details | {"matches": len(page.events)})


def _query(asked: Asked) -> AuditQuery:
    if asked.explain:
        raise refuse("_explain", "the audit trail is searched by a way of its own; leave it out.", "not-supported")
    if asked.search.includes:
        raise refuse(
            "_include" if not asked.search.includes[0].reverse else "_revinclude",
            "nothing is included with AuditEvents: ask for what they refer to by its own type and _id.",
            "not-supported",
        )
    return AuditQuery(
        condition(asked.search.where),
        newest_first(asked.search.sort),
        asked.count,
        _unpacked(asked.place.after) if asked.place else None,
        asked.position,
    )


def _entries(call: Call, asked: Asked, page: AuditPage) -> list[bytes]:
    base = f"{call.services.base}/{TYPE}/"
    return [
        bundle.search_entry(base + id_of(event.seq, event.n), part.of(shown(call, event), asked.part), "match")
        for event in page.events
    ]


async def _notes(call: Call, asked: Asked) -> list[bytes]:
    """Tell of what lenient handling ignored, and of events that are to be had by another search."""
    issues = list(asked.warnings)
    if trail_restriction_for(call) == ALL and (await call.services.store.counts()).get(TYPE):
        text = f"AuditEvents that other systems brought are not among these: search for them with _tag={TAG}."
        issues.append(Issue("information", "informational", text))
    return [bundle.outcome_entry(issues)] if issues else []


def _packed(place: Place) -> int:
    return place[0] << PLACES | place[1]


def _unpacked(after: int) -> Place:
    return after >> PLACES, after & (1 << PLACES) - 1
