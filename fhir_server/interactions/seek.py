"""From a number of matches to the cursor behind them: for pages that are asked for by their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.interactions import paging
from fhir_server.interactions.asking import asking
from fhir_server.interactions.call import Call
from fhir_server.interactions.search import reach
from fhir_server.search.cursor import Cursor, seal


async def seek(call: Call, skip: int, cursor: str | None = None) -> Sequence[tuple[str, str]] | None:
    """Return the parameters of the page of a search that stands behind `cursor`, or else behind the first matches.

    `skip` is how many those are. None when there are no more than these. What is included is not read on the way.
    """
    asked = await asking(call)
    applied, services = asked.walk.applied, call.services
    if cursor is None:
        query = replace(asked.query, count=skip)
        page = await paging.unexpired(call.reader.search(query, restriction=reach(call, asked)))
        if page.next is None:
            return None
        cursor = seal(Cursor(page.position, page.next, asked.now), asked.walk.path, applied, services.secret)
    return [*applied, (paging.CURSOR, cursor)]
