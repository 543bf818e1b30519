"""A page of records of a view, by one search with all that is shown of them.

The store walks by cursors, not by numbers. The next page is found by the cursor that the page before it has given; a
page that is asked for by its number alone is looked for from the first match on, and that only so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fhir_server.interactions.call import Resource
from fhir_server.interactions.search import Matches, matches, search
from fhir_server.interactions.seek import seek
from fhir_server.model.fhir_json import parse
from fhir_server.views.acting import Acting
from fhir_server.views.former_people import of_now
from fhir_server.views.roles import with_roles
from mappings.errors import Unfit
from mappings.views.gather import gather
from mappings.views.searching import search as asked
from mappings.views.show import show
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


@dataclass(frozen=True, slots=True)
class Shown:
    """The page as it is shown: each record is JSON, which others are shown as well and nobody may change."""

    records: Sequence[Any]
    total: int
    next: str | None


async def listing(acting: Acting, view: View, wanted: Wanted) -> Listed:
    """Return the page. Raises Unfit for a page too far to be looked for, BadRequest and Gone for bad cursors."""
    found, total = await _matches(acting, view, wanted)
    return Listed(gather(view, _parsed(found)), total, found.following)


async def showing(acting: Acting, view: View, wanted: Wanted) -> Shown:
    """Return the page as it is shown. Raises as `listing`.

    The versions say all that is shown: a page of the same ones is not made again.
    """
    found, total = await _matches(acting, view, wanted)
    key = (view.name, *((each.key, each.number) for each in found.versions))
    records = acting.desk.pages.get(key, lambda: [show(view, parts) for parts in gather(view, _parsed(found))])
    return Shown(records, total, found.following)


def _parsed(found: Matches) -> list[Resource]:
    return [parse(each) for each in found.bodies]


async def _matches(acting: Acting, view: View, wanted: Wanted) -> tuple[Matches, int]:
    """Return the page as the store has it, and how many matches there are on all pages."""
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
            return Matches((), (), None, None), await number(acting, view, filters)
        call = replace(call, parameters=found)
    page = await matches(call)
    assert page.total is not None
    return page, page.total


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
