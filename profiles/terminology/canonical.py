"""Canonical urls with an optional version (http://hl7.org/fhir/R4/references.html#canonical)."""

from __future__ import annotations


def unversioned(url: str) -> str:
    """Return a canonical without its `|version`."""
    return url.partition("|")[0]


def version_of(url: str) -> str | None:
    """Return the version behind the `|` of a canonical, None where it has none."""
    return url.partition("|")[2] or None
