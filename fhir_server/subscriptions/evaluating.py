"""Which changes are events for whom: each change is read once, and compared with what every subscription asks for.

It is done when the change is committed, by who follows the feed: no write waits for it, and nothing is searched.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.errors import StoreFull, StoreUnavailable
from fhir_server.interactions.call import Services
from fhir_server.interactions.subscribing.criteria import candidate
from fhir_server.interactions.subscribing.tables import Kept
from fhir_server.interactions.telling.owners import OwnerGone
from fhir_server.interactions.telling.viewing import Viewer
from fhir_server.model.fhir_json import parse
from fhir_server.search.match import Candidate
from fhir_server.store.base import Change, Key
from fhir_server.subscriptions.roster import Roster
from profiles.restriction import ALL

log = logging.getLogger("fhir_server")


@dataclass(frozen=True, slots=True)
class Found:
    """An event of a subscription, which has no number yet; None says that there was one, and its owner is gone, or that
    the server `failed` to compare the change with what the subscription asks for.
    """

    id: str
    event: Kept | None
    failed: bool = False


async def events_of(services: Services, roster: Roster, change: Change, viewer: Viewer) -> Sequence[Found]:
    """Return the events that a change is, for the subscriptions of `roster`. Others get a turn meanwhile."""
    asking = [
        (entry, conditions)
        for entry, conditions in roster.looking_at(change.key.type)
        if change.position > entry.progress.since
    ]
    if not asking:
        return ()
    await asyncio.sleep(0)
    after = None if change.method == "DELETE" else await _version(services, change.key, change.number)
    wanted = any(each.needs_previous for _, conditions in asking for each in conditions)
    before = await _version(services, change.key, change.number - 1) if wanted else None
    found = []
    for index, (entry, conditions) in enumerate(asking):
        if index % 50 == 49:
            await asyncio.sleep(0)
        event = Kept(0, change.key, change.number, change.time, change.method)
        try:
            # What the owner may not see must not even be counted.
            met = any(each.is_met(change.method, before, after) for each in conditions)
            if met and await viewer.version(entry.owner, event) is not None:
                found.append(Found(entry.id, event))
        except OwnerGone:
            found.append(Found(entry.id, None))
        except (StoreUnavailable, StoreFull):
            raise
        except Exception as error:
            # Its text may quote what it failed on. One subscription that the server fails at stops no other.
            log.error("a change could not be compared", extra={"subscription": entry.id, "error": type(error).__name__})
            found.append(Found(entry.id, None, failed=True))
    return found


async def _version(services: Services, key: Key, number: int) -> Candidate | None:
    """Return a version as search sees it, None where there is none or it is a tombstone."""
    if number < 1:
        return None
    # The server's own view: whether the owner may see it is asked beside.
    version = await services.store.vread(key, number, restriction=ALL)
    return None if version is None or version.deleted else candidate(services, version, parse(version.body))
