"""The ids that things had on a platform which has moved here: identifiers of the resources that they are now.

A system for each kind, because a platform counts its users and its records apart. A record is found by that of its
Encounter: a Composition has one identifier at most (http://hl7.org/fhir/R4/composition.html), and that is the record's.
"""

from __future__ import annotations

import re
from typing import Any

from mappings.concepts.names import TELEMED
from mappings.paths.path import Json

KINDS = ("user", "consent", "appointment", "medical_record", "attachment", "notification")
_NUMBER = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,63}", re.ASCII)
FAULT = "must be a whole number, or a text of 1 to 64 letters, digits, - and . that is no number"


def former_system(kind: str) -> str:
    """Return the system of the former ids of a kind."""
    return f"{TELEMED}/former/{kind.replace('_', '-')}"


def add_former(resource: Json, kind: str, id: str) -> None:
    """Give a resource the id it had, beside its other identifiers."""
    resource.setdefault("identifier", []).append({"use": "old", "system": former_system(kind), "value": id})


def former_of(resource: Json, kind: str) -> str | None:
    """Return the id that a resource had, None for what was never anywhere else."""
    system = former_system(kind)
    found = [each for each in resource.get("identifier", ()) if each.get("system") == system]
    return found[0].get("value") if found else None


def former_text(value: Any) -> str | None:
    """Return a former id, which JSON has, as text; None when it is none. 17 is one, "a-17" is one, "17" is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if is_former_number(str(value)) else None
    if isinstance(value, str) and _NAME.fullmatch(value) and not value.isdigit():
        return value
    return None


def former_value(text: str) -> int | str:
    """Return a former id as JSON has it."""
    return int(text) if is_former_number(text) else text


def is_former_number(text: str) -> bool:
    """Whether a text is a former id that was a number."""
    return _NUMBER.fullmatch(text) is not None
