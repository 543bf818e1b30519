"""A profile that can be asked for without any package: what it demands is plain to see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.interactions.profiles import core_only
from profiles.issues import Issue

NAMED = "https://clinic.example/StructureDefinition/named-patient"
"""The profile of Patients that have a name."""
NAMELESS = Issue(
    "error", "required", "Patient.name is required; add it.", "Patient.name", f"{NAMED}|1.0", "Patient.name"
)


def knows_named(resource: dict[str, Any], profile: str) -> Sequence[Issue] | None:
    """Answer for `NAMED` and for the types of R4."""
    if profile == NAMED:
        return () if "name" in resource else (NAMELESS,)
    return core_only(resource, profile)
