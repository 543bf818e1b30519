"""$events: `[base]/Subscription/[id]/$events`, of Subscriptions R5 Backport.

The events of a subscription that are kept, acknowledged or not, as a notification
(http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-events.html):
from `eventsSinceNumber` to `eventsUntilNumber`, both included, with as much `content` as is asked for. What the caller
may not read now has its number alone. There are as many as one notification has room for: who wants more asks on.
"""

from __future__ import annotations

from fhir_server.errors import BadRequest, Forbidden, NotFound
from fhir_server.interactions import audit
from fhir_server.interactions.access import demand
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.subscribing.tables import TYPE, Owner, events_after
from fhir_server.interactions.telling.made import ROOM, Made
from fhir_server.interactions.telling.owners import OwnerGone, Standing
from fhir_server.interactions.telling.viewing import Viewer
from fhir_server.operations.parameters import texts
from fhir_server.operations.status import own
from realtime.subscriptions.subscription import CONTENTS, Content

NAMES = ("eventsSinceNumber", "eventsUntilNumber", "content")
MOST = 1000
"""Most events of one answer."""


async def events(call: Call) -> Result:
    """Return the events: 200. Raises NotFound for a subscription that is not the caller's."""
    demand(call, "read", TYPE)
    given = dict(texts(call, "events", NAMES))
    since, until = _number(given, "eventsSinceNumber", 1), _number(given, "eventsUntilNumber", None)
    entry = await own(call, call.id or "")
    if entry is None:
        raise NotFound(f"{TYPE}/{call.id} does not exist.")

    async def caller(owner: Owner) -> Standing:
        return Standing(call.principal)

    content = _content(given, entry.asked.content if entry.asked.topic is not None else "id-only")
    made = Made(call.services, entry, Viewer(call.services, caller), content)
    try:
        for event in await events_after(call.reader, entry.id, (since or 1) - 1, MOST):
            if (until is not None and event.number > until) or made.size > ROOM:
                break
            await made.add(event)
    except OwnerGone as gone:
        raise Forbidden(str(gone)) from None
    result = Result(200, resource=made.bundle("query-event"), patients=made.patients)
    return await audit.seen(call, "$events", result, {"shown": list(made.shown)})


def _number(given: dict[str, str], name: str, unsaid: int | None) -> int | None:
    text = given.get(name)
    if text is None:
        return unsaid
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise BadRequest(f"The parameter {name} is the number of an event.", expression=name)
    return max(int(text), 1)


def _content(given: dict[str, str], unsaid: Content) -> Content:
    asked = given.get("content")
    if asked is None:
        return unsaid
    found = next((each for each in CONTENTS if each == asked), None)
    if found is None:
        raise BadRequest(f"The parameter content is one of {', '.join(CONTENTS)}.", expression="content")
    return found
