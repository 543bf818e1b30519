"""A page of records of a view, by one search with all that is shown of them.

The store walks by cursors, not by numbers. The next page is found by the cursor that the page before it has given; a
page that is asked for by its number alone is looked for from the first match on, and that only so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from msgspec import Raw

from fhir_server.interactions.call import Resource
from fhir_server.interactions.search import Matches, matches, search
from fhir_server.interactions.seek import seek
from fhir_server.model.fhir_json import encode, parse
from fhir_server.store.base import Key, Version
from fhir_server.views.acting import Acting
from fhir_server.views.former_people import of_now
from fhir_server.views.roles import with_roles
from mappings.errors import Unfit
from mappings.views.gather import gather
from mappings.views.searching import including
from mappings.views.searching import search as asked
from mappings.views.show import show
from mappings.views.view import Parts, View
from profiles.issues import Issue

FURTHEST = 1000
"""Matches that may lie before a page that is asked for by its number alone."""


NOTHING = Matches((), (), None, None)


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
    """The page as it is shown: its `records` are JSON, as a rule a whole array that is encoded already."""

    records: Raw | Sequence[Any]
    total: int
    next: str | None


async def listing(acting: Acting, view: View, wanted: Wanted) -> Listed:
    """Return the page. Raises Unfit for a page too far to be looked for, BadRequest and Gone for bad cursors."""
    found, total = await _matches(acting, view, wanted)
    heap = _parsed(found)
    others = await _standing_in(acting, view, _lacking(view, heap))
    return Listed(gather(view, [*heap, *_parsed(others)]), total, found.following)


async def showing(acting: Acting, view: View, wanted: Wanted) -> Shown:
    """Return the page as it is shown. Raises as `listing`.

    The versions say all that is shown: a page of the same ones is not made again.
    """
    found, total = await _matches(acting, view, wanted)
    pages, key = acting.desk.pages, (view.name, *map(_identity, found.versions))
    page: _Page = pages.get(key, lambda: _page(view, _parsed(found)))
    records = page.records
    if records is None:
        others = await _standing_in(acting, view, page.lacking)
        key = (*key, *map(_identity, others.versions))
        records = pages.get((*key, None), lambda: _rendered(view, [*_parsed(found), *_parsed(others)]))
    return Shown(records, total, found.following)


class _Page(NamedTuple):
    """A page that was made of what was found at once; None where roots lack what others may say: `lacking` has their
    ids.
    """

    records: Raw | None
    lacking: Sequence[str]


def _page(view: View, heap: Sequence[Resource]) -> _Page:
    lacking = _lacking(view, heap)
    return _Page(None if lacking else _rendered(view, heap), lacking)


def _rendered(view: View, heap: Sequence[Resource]) -> Raw:
    return Raw(encode([show(view, parts) for parts in gather(view, heap)]))


def _lacking(view: View, heap: Sequence[Resource]) -> list[str]:
    roots = (each for each in heap if each["resourceType"] == view.root)
    return [root["id"] for root in roots if not view.hides(root) and view.lacks(root)]


async def _standing_in(acting: Acting, view: View, lacking: Sequence[str]) -> Matches:
    """Return what may say what roots lack."""
    if not lacking:
        return NOTHING
    asked = [("_id", ",".join(lacking)), *including(view, view.standing_in), ("_count", str(len(lacking)))]
    found = await matches(acting.call(view.root, parameters=asked))
    kept = [at for at, each in enumerate(found.versions) if each.key.type != view.root]
    return Matches([found.versions[at] for at in kept], [found.bodies[at] for at in kept], None, None)


def _identity(version: Version) -> tuple[Key, int]:
    return version.key, version.number


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
            return NOTHING, await number(acting, view, filters)
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
    parameters = asked(view, filters, sort, whole=False)
    return await with_roles(acting, parameters, filters["doctor_id"]) if "doctor_id" in filters else parameters


def _demand_near(wanted: Wanted, before: int) -> None:
    if wanted.cursor is None and before > FURTHEST:
        last = FURTHEST // wanted.per_page + 1
        message = f"must be at most {last} here; to go further, follow the next links of the Link header"
        raise Unfit([Issue("error", "too-costly", message, "page")])
