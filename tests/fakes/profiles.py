"""A profile that can be asked for without any package: what it demands is plain to see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.interactions.profiles import claimed, core_only
from profiles.issues import Issue

NAMED = "https://clinic.example/StructureDefinition/named-patient"
"""The profile of Patients that have a name."""
NAMELESS = Issue(
    "error", "required", "Patient.name is required; add it.", "Patient.name", f"{NAMED}|1.0", "Patient.name"
)


def knows_named(resource: dict[str, Any], profiles: Sequence[str], claims: bool) -> list[Issue]:
    """Judge by `NAMED` and by the types of R4."""
    asked = {*profiles, *((each for _, each in claimed(resource)) if claims else ())}
    others = core_only(resource, profiles, claims)
    found = [NAMELESS] if NAMED in asked and "name" not in resource else []
    return found + [each for each in others if each.profile != NAMED]
