"""A page of records of a view, by one search with all that is shown of them.

The store walks by cursors, not by numbers. The next page is found by the cursor that the page before it has given; a
page that is asked for by its number alone is looked for from the first match on, and that only so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fhir_server.interactions.paging import CURSOR
from fhir_server.interactions.search import search
from fhir_server.interactions.seek import seek
from fhir_server.model.fhir_json import parse
from fhir_server.views.acting import Acting
from fhir_server.views.find import resources
from fhir_server.views.former_people import of_now
from fhir_server.views.roles import with_roles
from mappings.errors import Unfit
from mappings.views.gather import gather
from mappings.views.searching import search as asked
from mappings.views.view import Parts, View
from profiles.issues import Issue

FURTHEST = 1000
"""Matches that may lie before a page that is asked for by its number alone."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page of which list: `cursor` is what led to it, if anything did, `sort` a field with or without `-`."""

    filters: Mapping[str, str] = field(default_factory=dict)
    page: int = 1
    per_page: int = 20
    sort: str | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """The page: its records, how many there are on all pages, and the cursor of the next one, if there is one."""

    records: list[Parts]
    total: int
    next: str | None


async def listing(acting: Acting, view: View, wanted: Wanted) -> Listed:
    """Return the page. Raises Unfit for a page too far to be looked for, BadRequest and Gone for bad cursors."""
    filters = await of_now(acting, wanted.filters)
    parameters = [
        *await _asked(acting, view, filters, wanted.sort),
        ("_count", str(wanted.per_page)),
        ("_total", "accurate"),
    ]
    call = acting.call(view.root, parameters=parameters)
    before = (wanted.page - 1) * wanted.per_page
    if wanted.cursor is not None or before:
        _demand_near(wanted, before)
        found = await seek(call, before, wanted.cursor)
        if found is None:
            return Listed([], await number(acting, view, filters), None)
        call = replace(call, parameters=found)
    result = await search(call)
    bundle: Any = parse(result.body or b"{}")
    return Listed(gather(view, resources(result)), bundle["total"], _next(bundle))


async def number(acting: Acting, view: View, filters: Mapping[str, str]) -> int:
    """Return how many records there are, without reading them."""
    includes = ("_include", "_sort")
    parameters = [pair for pair in await _asked(acting, view, filters) if pair[0] not in includes]
    result = await search(acting.call(view.root, parameters=[*parameters, ("_summary", "count")]))
    return int(parse(result.body or b"{}")["total"])


async def _asked(
    acting: Acting, view: View, filters: Mapping[str, str], sort: str | None = None
) -> list[tuple[str, str]]:
    parameters = asked(view, filters, sort)
    return await with_roles(acting, parameters, filters["doctor_id"]) if "doctor_id" in filters else parameters


def _demand_near(wanted: Wanted, before: int) -> None:
    if wanted.cursor is None and before > FURTHEST:
        last = FURTHEST // wanted.per_page + 1
        message = f"must be at most {last} here; to go further, follow the next links of the Link header"
        raise Unfit([Issue("error", "too-costly", message, "page")])


def _next(bundle: Mapping[str, Any]) -> str | None:
    for link in bundle.get("link", ()):
        if link["relation"] == "next":
            return str(parse_qs(urlsplit(link["url"]).query)[CURSOR][0])
    return None
