"""What every tenant has from its first start on, and what a test counts beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from profiles.packages.telemed import NAME, telemed

BROUGHT = Counter(each.type for each in telemed().definitions)
"""Definitions of this software's own package, by type."""
OWN_GUIDE = "urn:fhir-health-server:telemed/ImplementationGuide/telemed|0.1.0"


def added(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of a store, by type, without what the software has brought."""
    return {type: number - BROUGHT[type] for type, number in counts.items() if number != BROUGHT[type]}


def others(resources: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the resources that the software has not brought."""
    return [each for each in resources if not _is_own(each)]


def _is_own(resource: Mapping[str, Any]) -> bool:
    tags = resource.get("meta", {}).get("tag", ())
    return any(tag.get("code", "").startswith(f"{NAME}#") for tag in tags)
