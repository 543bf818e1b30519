"""The profile that an Observation of a vital sign keeps, whether it claims it or not.

"If an Observation has one of these LOINC codes, it SHALL conform" (http://hl7.org/fhir/R4/observation-vitalsigns.html).
"""

from __future__ import annotations

from typing import Any

from profiles.validation.profiled.context import BASE

LOINC = "http://loinc.org"
PROFILES = {
    "85353-1": "vitalspanel",
    "9279-1": "resprate",
    "8867-4": "heartrate",
    "2708-6": "oxygensat",
    "8310-5": "bodytemp",
    "8302-2": "bodyheight",
    "9843-4": "headcircum",
    "29463-7": "bodyweight",
    "39156-5": "bmi",
    "85354-9": "bp",
}
"""LOINC code -> name of R4's profile."""


def vital_sign_profiles(resource: dict[str, Any]) -> tuple[str, ...]:
    """Return the canonicals of the vital signs profiles that the codes of an Observation demand."""
    code = resource.get("code") if resource.get("resourceType") == "Observation" else None
    codings = code.get("coding") if isinstance(code, dict) else None
    found: dict[str, None] = {}
    for each in codings if isinstance(codings, list) else ():
        if isinstance(each, dict) and each.get("system") == LOINC and each.get("code") in PROFILES:
            found[BASE + PROFILES[each["code"]]] = None
    return tuple(found)
