"""Names of people as one line of text."""

from __future__ import annotations

from mappings.paths.path import Leaf
from mappings.views.kind import TEXT, Kind


def _read(leaf: Leaf) -> str | None:
    if not isinstance(leaf.value, dict):
        return None
    name = leaf.value
    text = TEXT.read(Leaf(name.get("text"), name.get("_text")))
    if text is not None:
        return str(text)
    return " ".join(each for each in (*name.get("given", ()), name.get("family")) if each) or None


NAME = Kind("name", TEXT.schema, TEXT.fault, Leaf, _read)
"""A HumanName, shown as its text or as given names and family name."""
