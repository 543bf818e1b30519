"""Who may enter the room of an Appointment, and when: pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from auth.relations import RoleOf, practitioner_of
from profiles.datatypes.temporal import date_range

MINUTE = 60_000_000


@dataclass(frozen=True, slots=True)
class Opening:
    """When rooms are open: minutes before the start and after the end, the statuses of Appointments, and whether
    patients wait until somebody admits them.
    """

    before: int = 15
    after: int = 60
    statuses: Collection[str] = ("booked", "arrived", "checked-in")
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Party:
    """Whom an Appointment brings together: references to patients and practitioners who have not declined."""

    patients: tuple[str, ...]
    practitioners: tuple[str, ...]


def party_of(appointment: Mapping[str, Any], role_of: RoleOf) -> Party:
    """Return who takes part; `role_of` tells the practitioner behind each PractitionerRole."""
    patients: dict[str, None] = {}
    practitioners: dict[str, None] = {}
    for each in appointment.get("participant", ()):
        reference = each.get("actor", {}).get("reference", "")
        if each.get("status") == "declined":
            continue
        practitioner = practitioner_of(reference, role_of)
        if reference.startswith("Patient/"):
            patients[reference] = None
        elif practitioner is not None:
            practitioners[f"Practitioner/{practitioner}"] = None
    return Party(tuple(patients), tuple(practitioners))


def is_open(appointment: Mapping[str, Any], opening: Opening, now: int) -> bool:
    """Return whether the room is open at `now`, in microseconds since 1970."""
    start, end = appointment.get("start"), appointment.get("end")
    if appointment.get("status") not in opening.statuses or start is None or end is None:
        return False
    begins, ends = date_range(start)[0], date_range(end)[1]
    return begins - opening.before * MINUTE <= now <= ends + opening.after * MINUTE
