"""The order of business versions, and of definitions that share a canonical url.

R4 leaves the order of versions open (http://hl7.org/fhir/R4/references.html#canonical): numbers count as numbers, and
what is in force comes before a draft.
"""

from __future__ import annotations

import re

Order = tuple[tuple[int, int, str], ...]

_RANK = {"active": 2, "draft": 1}


def natural(version: str) -> Order:
    """Return what sorts 4.10 behind 4.9, and 1.0 behind 1.0-beta."""
    parts = re.findall(r"[0-9]+|[^0-9.]+", version)
    # An int of thousands of digits is refused by Python: no version needs more than a time stamp has.
    known = [(1, int(part[:40]), "") if part.isdigit() else (-1, 0, part) for part in parts]
    return (*known, (0, 0, ""))


def preference(status: str, version: str) -> tuple[int, Order]:
    """Return what sorts retired definitions before drafts, these before active ones, and each by version."""
    return _RANK.get(status, 0), natural(version)
