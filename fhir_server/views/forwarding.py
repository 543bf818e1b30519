"""Where things are now that had another id on a platform which has moved here: within reach, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from auth.errors import Denied
from fhir_server.errors import Forbidden, NotFound
from fhir_server.views import notifications
from fhir_server.views.acting import Acting
from fhir_server.views.find import demand_there, find
from fhir_server.views.former import moved
from mappings.views import appointment, medical_record
from mappings.views.show import show

COLLECTIONS = {
    "medical_records": "medical_record",
    "attachments": "attachment",
    "appointments": "appointment",
    "notifications": "notification",
    "patients": "user",
    "doctors": "user",
}
"""The kind of the former ids behind each word of a path."""


async def forwarded(acting: Acting, path: Sequence[tuple[str, str]]) -> list[str] | None:
    """Return the ids of now of a path of collections with ids, from the outermost on.

    None when none of the ids is a former one, or what they lead to is not there for who asks.
    """
    records = acting.desk.services.store.records
    rows = [await moved(records, COLLECTIONS[name], id) if name in COLLECTIONS else None for name, id in path]
    if not any(rows):
        return None
    ids = [id if row is None else str(row["id"]) for row, (_, id) in zip(rows, path, strict=True)]
    try:
        files = await _reach(acting, path[0][0], ids[0])
    except (NotFound, Forbidden, Denied):
        return None
    return ids if set(ids[1:]) <= files else None


async def _reach(acting: Acting, collection: str, id: str) -> set[str]:
    """Return the ids of what is in a thing. Raises NotFound, Forbidden or Denied when it is not there for who asks."""
    match collection:
        case "medical_records":
            shown = show(medical_record.VIEW, await find(acting, medical_record.VIEW, id))
            return {each["id"] for each in shown["attachments"]}
        case "appointments":
            await find(acting, appointment.VIEW, id)
        case "notifications":
            await notifications.one(acting, id)
        case "patients":
            await demand_there(acting, "Patient", id, "patient")
        case "doctors":
            await demand_there(acting, "Practitioner", id, "doctor")
        case _:
            raise NotFound("There is nothing with that id.")
    return set()
