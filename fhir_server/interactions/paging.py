"""Pages of a search or a history: the links of a Bundle, and the cursor that makes the next page the same walk.

The next link repeats what was asked and adds `_cursor`: an opaque, signed token that holds where the page ended and as
of which commit the walk answers. It goes with its own URL only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from msgspec import Struct

from fhir_server.errors import BadRequest, Gone
from fhir_server.interactions.call import Call, Limits
from fhir_server.model.bundle import Link, url_with
from fhir_server.search.cursor import PARAMETER, Cursor, seal, unseal
from fhir_server.store.base import CursorExpired, Page

CURSOR = PARAMETER
COUNT_DIGITS = 9

T = TypeVar("T")


class Walk(Struct, frozen=True):
    """A page walk as it was asked for: `path` below the base, `applied` what the self link says."""

    path: str
    applied: tuple[tuple[str, str], ...]


def without_cursor(parameters: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the parameters that make the walk."""
    return [pair for pair in parameters if pair[0] != CURSOR]


def place(call: Call, walk: Walk) -> Cursor | None:
    """Return where the walk goes on, None on its first page. Raises BadRequest for a bad cursor, Gone when too old."""
    cursors = [value for name, value in call.parameters if name == CURSOR]
    if not cursors:
        return None
    if len(cursors) > 1:
        raise BadRequest(f"{CURSOR} may be given once: follow the link 'next' as it was given.", expression=CURSOR)
    services = call.services
    return unseal(
        cursors[0],
        walk.path,
        walk.applied,
        services.secret,
        now=services.now(),
        lifetime=services.limits.cursor_lifetime,
    )


def following(call: Call, walk: Walk, page: Page, cursor: Cursor | None, *, issued: int | None = None) -> str | None:
    """Return the cursor behind `page`, None at the end of the walk; the arguments are those of `links`."""
    if page.next is None:
        return None
    first = call.services.now() if issued is None else issued
    return _sealed(Cursor(page.position, page.next, first if cursor is None else cursor.issued), call, walk)


def links(call: Call, walk: Walk, page: Page | None, cursor: Cursor | None, *, issued: int | None = None) -> list[Link]:
    """Return the self link, and the next link when the walk goes on behind `page` (`cursor` is what led to it).

    `issued` is the time its first page was asked for (None: now), where the answer hangs on it.
    """
    services = call.services
    url = f"{services.base}/{walk.path}" if walk.path else services.base
    asked = (*walk.applied, *call.protocol)
    whole, goes_on = url_with(url, asked), f"{'&' if asked else '?'}{CURSOR}="
    # The letters of a cursor are those of URLs.
    found = [("self", whole if cursor is None else f"{whole}{goes_on}{_sealed(cursor, call, walk)}")]
    word = None if page is None else following(call, walk, page, cursor, issued=issued)
    if word is not None:
        found.append(("next", f"{whole}{goes_on}{word}"))
    return found


def _sealed(cursor: Cursor, call: Call, walk: Walk) -> str:
    return seal(cursor, walk.path, walk.applied, call.services.secret)


def count(value: str, limits: Limits) -> int:
    """Return the page size that `_count` asks for, cut down to the most there is. Raises BadRequest."""
    if not (value.isascii() and value.isdigit()) or len(value) > COUNT_DIGITS or not int(value):
        raise BadRequest("_count takes a whole number from 1, of nine digits at most.", expression="_count")
    return min(int(value), limits.page_max)


async def unexpired(page: Awaitable[T]) -> T:
    """Return the page. Raises Gone when the store has swept what the walk would need."""
    try:
        return await page
    except CursorExpired:
        raise Gone(
            "This page walk is too old to go on. Start again with its first page.", expression=CURSOR, code="expired"
        ) from None
