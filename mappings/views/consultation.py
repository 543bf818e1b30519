"""Whose word counts for when a consultation took place: that of the record, or that of the room it was held in.

An Encounter made for a record has an identifier whose value is its own id, one made for a room that of the Appointment.
A room that takes up what a record has made leaves a `statusHistory` (http://hl7.org/fhir/R4/encounter.html).
"""

from __future__ import annotations

from mappings.concepts.names import CONSULTATION
from mappings.paths.path import Json

NOT_OVER = ("planned", "arrived", "in-progress")


def is_of_record(encounter: Json) -> bool:
    """Return whether an Encounter was made for a record."""
    return _has(encounter, encounter.get("id"))


def is_of_room(encounter: Json) -> bool:
    """Return whether a room has made an Encounter, or moved it: then it knows when the consultation took place."""
    return "statusHistory" in encounter or any(
        _has(encounter, each.get("reference", "").removeprefix("Appointment/"))
        for each in encounter.get("appointment", ())
    )


def finish(encounter: Json, start: str | None, at: str) -> None:
    """Say of an Encounter of a room, in place, that it is over, as its record does at a dateTime `at`.

    Nobody has told when it ended. One that never began in the room did so elsewhere, at `start`.
    """
    status = encounter.get("status")
    if status not in NOT_OVER:
        return
    history = encounter.get("statusHistory", [])
    begun = {"start": history[-1]["period"]["end"]} if history and "end" in history[-1].get("period", {}) else {}
    encounter["statusHistory"] = [*history, {"status": status, "period": {**begun, "end": at}}]
    encounter["status"] = "finished"
    if status != "in-progress" and start is not None:
        encounter["period"] = {"start": start}


def _has(encounter: Json, value: str | None) -> bool:
    wanted = {"system": CONSULTATION, "value": value}.items()
    return any(wanted <= each.items() for each in encounter.get("identifier", ()))
