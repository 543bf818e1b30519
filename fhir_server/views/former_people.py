"""People by the ids that they had on a platform which has moved here, where a filter or a body names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from fhir_server.errors import NotFound
from fhir_server.views.acting import Acting
from fhir_server.views.find import demand_there
from fhir_server.views.former import moved

T = TypeVar("T")
PEOPLE = {"patient_id": "Patient", "doctor_id": "Practitioner"}
"""The fields and filters that name users, and the type of what stands behind them."""


async def of_now(acting: Acting, values: Mapping[str, T]) -> dict[str, T | str]:
    """Return values with the ids of now for former ids of users.

    An id that somebody has now is theirs, and who is out of reach is not known by a former id either: both stay.
    """
    found: dict[str, T | str] = dict(values)
    for name, type in PEOPLE.items():
        id = values.get(name)
        row = await moved(acting.desk.services.store.records, "user", id) if isinstance(id, str) else None
        if row is None or await is_there(acting, type, str(id)):
            continue
        if await is_there(acting, type, str(row["id"])):
            found[name] = str(row["id"])
    return found


async def is_there(acting: Acting, type: str, id: str) -> bool:
    """Return whether a resource is within reach."""
    try:
        await demand_there(acting, type, id, type)
    except NotFound:
        return False
    return True
