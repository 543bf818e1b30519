"""The status of a record: `Composition.status`, and an extension for what that does not tell."""

from __future__ import annotations

from mappings.concepts.bijection import bijection
from mappings.concepts.names import definition
from mappings.views.view import Parts

STATUS = definition("record-status")
TABLE = "telemed-record-status-composition"


def read_status(parts: Parts) -> str | None:
    """Return the status of a record: archived where our extension says so, else what Composition.status says."""
    composition = parts["Composition"][0]
    told = next((each.get("valueCode") for each in composition.get("extension", ()) if each.get("url") == STATUS), None)
    return "archived" if told == "archived" else bijection(TABLE).back.get(composition.get("status", ""))


def write_status(parts: Parts, status: str) -> None:
    """Set the status; an archived record stays final or amended, whichever it was."""
    composition = parts["Composition"][0]
    extensions = [each for each in composition.pop("extension", ()) if each.get("url") != STATUS]
    if status == "archived":
        extensions.append({"url": STATUS, "valueCode": status})
        if composition.get("status") not in ("final", "amended"):
            composition["status"] = bijection(TABLE).related[status][0]
    else:
        composition["status"] = bijection(TABLE).forward[status]
    if extensions:
        composition["extension"] = extensions
