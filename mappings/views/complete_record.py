"""What follows from a record: the date of the document, who answers for it, and what its Encounter says."""

from __future__ import annotations

from mappings.concepts.names import RECORD, definition
from mappings.paths.path import Json
from mappings.views.consultation import finish, is_of_room
from mappings.views.moments import is_before
from mappings.views.soap import NOTE, is_soap_note
from mappings.views.view import Parts


def complete_record(parts: Parts) -> None:
    """Bring what follows from the record up to date: dates, attestation, and the Encounter."""
    composition = parts["Composition"][0]
    moments = {each["url"]: each.get("valueInstant") for each in composition.get("extension", ())}
    written = moments.get(definition("updated-at"))
    if written:
        _keep_consultation(parts)
        composition["date"] = written
    if not is_soap_note(composition):
        # A note of others that has lost its last part is a record by its type from now on, as an empty one of ours is.
        kind = composition.setdefault("type", {})
        kind["coding"] = [*kind.get("coding", ()), dict(zip(("system", "code"), NOTE, strict=True))]
    attesters = composition.get("attester", [])
    is_own = composition.get("identifier", {}).get("system") == RECORD
    if is_own and written and composition["status"] in ("final", "amended") and not _is_signed(attesters):
        party = {"reference": composition["author"][0]["reference"]}
        composition["attester"] = [*attesters, {"mode": "legal", "time": written, "party": party}]
    for encounter in parts.get("Encounter", ()):
        follow(encounter, composition)


def _keep_consultation(parts: Parts) -> None:
    """Say in a note of others, before its date moves, when the consultation was that only its date has told."""
    composition = parts["Composition"][0]
    told = any("start" in each.get("period", {}) for each in parts.get("Encounter", ()))
    if "date" in composition and "event" not in composition and not told:
        composition["event"] = [{"period": {"start": composition["date"]}}]


def _is_signed(attesters: list[Json]) -> bool:
    return any(each.get("mode") == "legal" for each in attesters)


def follow(encounter: Json, composition: Json) -> None:
    """Bring the Encounter of a record up to date, in place; one of a room only ever goes forward."""
    started = [each["period"]["start"] for each in composition.get("event", ()) if "start" in each.get("period", {})]
    if is_of_room(encounter):
        if composition.get("status") in ("final", "amended"):
            finish(encounter, started[0] if started else None, composition["date"])
        return
    if encounter.get("status", "in-progress") in ("in-progress", "finished"):
        encounter["status"] = "in-progress" if composition.get("status") == "preliminary" else "finished"
    if "subject" not in encounter and "subject" in composition:
        encounter["subject"] = {"reference": composition["subject"]["reference"]}
    authors = [each for each in composition.get("author", ()) if "reference" in each]
    if "participant" not in encounter and authors:
        encounter["participant"] = [{"individual": {"reference": authors[0]["reference"]}}]
    if "period" not in encounter and started:
        encounter["period"] = {"start": started[0]}
    period = encounter.get("period", {})
    if "start" in period and "end" in period and is_before(period["end"], period["start"]):
        # A consultation that is said to have begun later than it ended (per-1) has lost its end.
        encounter["period"] = {name: value for name, value in period.items() if name not in ("end", "_end")}
