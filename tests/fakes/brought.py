"""What every tenant has from its first start on, and what a test counts beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from fhir_server.model.fhir_json import parse
from fhir_server.search.parameters import Registry
from profiles.packages.telemed import NAME, telemed

BROUGHT = Counter(each.type for each in telemed().definitions)
"""Definitions of this software's own package, by type."""
PARAMETERS = frozenset(parse(each.text)["code"] for each in telemed().definitions if each.type == "SearchParameter")
"""Codes of the search parameters of this software's own package."""
OWN_GUIDE = "urn:fhir-health-server:telemed/ImplementationGuide/telemed|0.1.0"


def added(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of a store, by type, without what the software has brought."""
    return {type: number - BROUGHT[type] for type, number in counts.items() if number != BROUGHT[type]}


def others(resources: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the resources that the software has not brought."""
    return [each for each in resources if not _is_own(each)]


def other_codes(registry: Registry) -> list[str]:
    """Return the codes of the search parameters beyond R4's that the software has not brought."""
    codes = [each.definition.code for each in registry.additions]
    return [each for each in codes if each not in PARAMETERS]


def _is_own(resource: Mapping[str, Any]) -> bool:
    tags = resource.get("meta", {}).get("tag", ())
    return any(tag.get("code", "").startswith(f"{NAME}#") for tag in tags)
