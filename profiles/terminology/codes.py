"""The codes that a required binding allows, from R4's own value sets and code systems, without any server.

`expansion(url)` answers for enumerable value sets; open systems (BCP-13, UCUM, ...) have a syntax instead, in
`SYNTAX`. What is neither is not checked (http://hl7.org/fhir/R4/terminologies.html#required).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from profiles.datatypes.ucum import is_unit
from profiles.definitions import value_sets
from profiles.terminology.canonical import unversioned
from profiles.terminology.errors import NotExpandable
from profiles.terminology.expand import expand
from profiles.terminology.value_set import Coded

BCP13 = "urn:ietf:bcp:13"
BCP47 = "urn:ietf:bcp:47"
UCUM = "http://unitsofmeasure.org"
FORMATS = "http://hl7.org/fhir/ValueSet/mimetypes#formats"
"""Ours: mime types where R4 also allows the short names of FHIR's own formats, as in CapabilityStatement.format."""

_LONGEST = 200
_TOKEN = "[A-Za-z0-9!#$&^_.+\\-]+"
_MIME = f"{_TOKEN}/(?:{_TOKEN}|\\*)(?: ?; ?[^\\x00-\\x20;]+(?: [^\\x00-\\x20;]+)*)*"
SYNTAX: Mapping[str, str] = {
    BCP13: _MIME,
    FORMATS: f"xml|json|ttl|none|{_MIME}",
    BCP47: "[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*",
    UCUM: "[!-~]+",
}
"""Open code system -> expression its codes match (written for Python's and Rust's engines alike)."""


@cache
def expansion(url: str) -> Coded | None:
    """Return every (system, code) of the value set `url` (with or without version), None when it is not enumerable.

    A binding means R4's own value set, whichever version it states, and what a tenant has stored does not change it.
    """
    try:
        return expand(unversioned(url), lambda _: None, limit=None) or None
    except NotExpandable:
        return None


def open_system(url: str) -> str | None:
    """Return the code system with a syntax that the value set `url` consists of, None when there is none."""
    if url == FORMATS:
        return FORMATS
    definition = value_sets().get(unversioned(url))
    if definition is None or definition.get("exclude"):
        return None
    includes = definition.get("include", ())
    if len(includes) != 1 or set(includes[0]) - {"system", "version"}:
        return None
    system = includes[0].get("system")
    return system if system in SYNTAX else None


def has_syntax(system: str) -> bool:
    """Return whether a code of `system` can be told by its syntax: by a grammar, where nobody lists the codes."""
    return system in (BCP13, BCP47, UCUM)


def fits_syntax(system: str, code: str) -> bool:
    """Return whether `code` has the syntax of an open system; what is longer than 200 characters has none."""
    if system == UCUM:
        return is_unit(code)
    return len(code) <= _LONGEST and re.fullmatch(SYNTAX[system], code) is not None
