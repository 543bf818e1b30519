"""What the routes of JSON views are given: who acts, the body, the list that is asked for; and how they answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Header, Request, Response

from fhir_server.api.callers import Signed, asker_of, desk_of, reader_of
from fhir_server.api.documented import CURSOR, PAGES
from fhir_server.errors import ParseFailed
from fhir_server.model.fhir_json import encode
from fhir_server.views.acting import Acting
from fhir_server.views.listing import Shown, Wanted
from mappings.errors import Unfit
from mappings.views.show import show
from mappings.views.view import Parts, View
from profiles.issues import Issue

PAGING = frozenset((*PAGES, "sort", "cursor"))


async def acting_of(request: Request, _: Signed = None) -> Acting:
    """Return who acts, with the rights of their session."""
    # What this needs is called and not declared, as lists call this: to solve a dependency takes FastAPI longer than to
    # be one.
    caller = await reader_of(request)
    return Acting(await desk_of(request), caller.principal, caller.account, await asker_of(request))


ActingHere = Annotated[Acting, Depends(acting_of)]
IfMatch = Annotated[str | None, Header(description="The ETag of the record as it was read.")]


async def body_of(request: Request) -> dict[str, Any]:
    """Return the body, a JSON object; nothing stands for an empty one. Raises ParseFailed, Unfit."""
    raw = await request.body()
    found = _parsed(raw) if raw.strip() else {}
    if not isinstance(found, dict):
        raise Unfit([Issue("error", "invalid", "must be a JSON object", "body")])
    return found


def _parsed(raw: bytes) -> Any:
    # Not FHIR's reader: characters that FHIR forbids are told of by the name of the field, which that does not know.
    try:
        return json.loads(raw, parse_float=Decimal, parse_constant=_refused, object_pairs_hook=_object)
    except (ValueError, ArithmeticError, RecursionError):
        raise ParseFailed("The body is not JSON that can be read, with each name of an object once.") from None


def _refused(name: str) -> None:
    raise ValueError(name)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name is there twice")
    return made


BodyHere = Annotated[dict[str, Any], Depends(body_of)]


def named(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the record that a body has under its name. Raises Unfit."""
    found = body.get(name)
    if not isinstance(found, dict):
        raise Unfit([Issue("error", "required", "is needed, an object", name)])
    return found


async def listing_of(request: Request) -> tuple[Acting, Wanted]:
    """Return who asks for a list, and which one. Raises as `acting_of`, and Unfit.

    A route that calls this says in its `openapi_extra`, by `filters`, that it asks for a token.
    """
    return await acting_of(request), _wanted(request)


def _wanted(request: Request) -> Wanted:
    """Return the list that is asked for: every other parameter is a filter, and an empty one is none. Raises Unfit."""
    asked = request.query_params
    numbers = {name: asked[name] for name in PAGES if name in asked}
    faults = {
        name: f"must be a whole number from 1 to {PAGES[name].most}"
        for name, value in numbers.items()
        if not _is_whole(value, PAGES[name].most)
    }
    cursor = asked.get("cursor") or None
    if cursor is not None and len(cursor) > CURSOR:
        faults["cursor"] = "must be as in the links of the Link header"
    if len(asked.multi_items()) > len(asked):
        faults |= {name: "must be there once only" for name in asked if len(asked.getlist(name)) > 1}
    if faults:
        raise Unfit([Issue("error", "invalid", fault, name) for name, fault in faults.items()])
    page, per_page = (int(numbers.get(name, each.usual)) for name, each in PAGES.items())
    filters = {name: value for name, value in asked.items() if name not in PAGING and value}
    return Wanted(filters, page, per_page, asked.get("sort") or None, cursor)


def _is_whole(value: str, most: int) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= len(str(most)) and 1 <= int(value) <= most


def unnamed(wanted: Wanted, name: str) -> None:
    """Raise Unfit when a list is to be narrowed by what its path says already."""
    if name in wanted.filters:
        raise Unfit([Issue("error", "invalid", "is no filter here: the path says it", name)])


def answered(view: View, parts: Parts, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a record as the answer."""
    return data(show(view, parts), status, headers)


def data(content: Any, status: int = 200, headers: Mapping[str, str] | None = None, **beside: Any) -> Response:
    """Return content below `data`, with what stands beside it."""
    return Response(encode({"data": content, **beside}), status, dict(headers or {}), "application/json")


def listed(
    request: Request,
    wanted: Wanted,
    found: Shown,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """Return a page as the answer, with `meta` and links; `more` goes into `meta`."""
    meta = {"page": wanted.page, "per_page": wanted.per_page, "total": found.total, **(more or {})}
    sort = {"sort": wanted.sort} if wanted.sort else {}
    asked = urlencode({**wanted.filters, **sort, "per_page": str(wanted.per_page)})
    page = f"{request.scope['path']}?{asked}&page="
    links = [f'<{page}1>; rel="first"']
    if found.next is not None:
        # The letters of a cursor are those of URLs.
        links.append(f'<{page}{wanted.page + 1}&cursor={found.next}>; rel="next"')
    return data(found.records, 200, {"Link": ", ".join(links)}, meta=meta)
