"""The Encounter of a consultation, pure: made from its Appointment, moved by what happens in the room.

planned -> arrived -> in-progress -> finished (http://hl7.org/fhir/R4/valueset-encounter-status.html), only forward. An
Encounter in another status is somebody else's and stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

Resource = dict[str, Any]
Status = Literal["planned", "arrived", "in-progress", "finished"]
ORDER: tuple[Status, ...] = ("planned", "arrived", "in-progress", "finished")
PROFILE = "urn:fhir-health-server:telemed/StructureDefinition/telemed-encounter"
IDENTIFIER = "urn:fhir-health-server:telemed/consultation"
"""System of the identifier, whose value is the Appointment's id."""
_PRIORITY = (
    ("urn:fhir-health-server:telemed/CodeSystem/telemed-priority", "normal"),
    ("http://terminology.hl7.org/CodeSystem/v3-ActPriority", "R"),
)


def planned(appointment: Mapping[str, Any], patient: str, practitioners: Sequence[str]) -> Resource:
    """Return the Encounter of an Appointment before anybody has come; references are such as `Patient/1`."""
    id = appointment["id"]
    return {
        "resourceType": "Encounter",
        "meta": {"profile": [PROFILE]},
        "identifier": [{"system": IDENTIFIER, "value": id}],
        "status": "planned",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR", "display": "virtual"},
        "priority": {"coding": [{"system": system, "code": code} for system, code in _PRIORITY]},
        "subject": {"reference": patient},
        "participant": [{"individual": {"reference": each}} for each in practitioners],
        "appointment": [{"reference": f"Appointment/{id}"}],
        "period": {"start": appointment["start"]},
    }


def moved(encounter: Mapping[str, Any], to: Status, at: str, present: Sequence[str] = ()) -> Resource | None:
    """Return the Encounter as it is once it has come to `to` at an instant; None when nothing changes.

    `present` are practitioners who are there: their time begins. A call that was ended, taken up and ended again has
    its end at the last time.
    """
    status = encounter["status"]
    if status not in ORDER:
        return None
    after = dict(encounter)
    if ORDER.index(to) > ORDER.index(status):
        _move(after, status, to, at)
    if to == "finished":
        after["period"] = {**after.get("period", {}), "end": at}
    if status != "finished":
        after["participant"] = _timed(after.get("participant", ()), at, present, ends=to == "finished")
    return None if after == encounter else after


def is_under_way(encounter: Mapping[str, Any]) -> bool:
    """Return whether both sides have met in the room, and nobody has ended the call.

    The draft of a record brings its Encounter in progress too, before anybody has come.
    """
    came = any("start" in each.get("period", {}) for each in encounter.get("participant", ()))
    return came and encounter["status"] == "in-progress"


def _move(after: Resource, status: str, to: Status, at: str) -> None:
    history = list(after.get("statusHistory", ()))
    begun = history[-1]["period"].get("end") if history else None
    # A planned Encounter is planned since it was made, which its own period does not tell.
    history.append({"status": status, "period": {"start": begun, "end": at} if begun else {"end": at}})
    after["status"], after["statusHistory"] = to, history
    if to == "in-progress" or (to == "finished" and status != "in-progress"):
        # What ends before it began has taken no time; it was planned for another one, perhaps a later one.
        after["period"] = {"start": at}


def _timed(participants: Sequence[Mapping[str, Any]], at: str, present: Sequence[str], *, ends: bool) -> list[Resource]:
    found: list[Resource] = []
    known = {each.get("individual", {}).get("reference") for each in participants}
    missing = [{"individual": {"reference": each}} for each in present if each not in known]
    for each in (*participants, *missing):
        period = dict(each.get("period", {}))
        if each.get("individual", {}).get("reference") in present:
            period.setdefault("start", at)
        if ends and "start" in period:
            period.setdefault("end", at)
        found.append({**each, "period": period} if period else dict(each))
    return found
