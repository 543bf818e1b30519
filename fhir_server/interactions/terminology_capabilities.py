"""terminology_capabilities: `GET [base]/metadata?mode=terminology`.

What the terminology service knows and does (http://hl7.org/fhir/R4/terminologycapabilities.html): the code systems that
are loaded, those that are stored, and R4's own; their parameters and operations as they are answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir_server.interactions.call import Services
from fhir_server.interactions.loaded import by_url
from profiles import definitions

Json = dict[str, Any]

PARAMETERS = (
    *("url", "valueSet", "valueSetVersion", "filter", "offset", "count", "includeDesignations", "designation"),
    *("includeDefinition", "activeOnly", "excludeNested", "excludeNotForUI", "displayLanguage", "exclude-system"),
)
"""The parameters of $expand that are followed."""


def terminology_capabilities(services: Services) -> Json:
    """Return the TerminologyCapabilities of a tenant."""
    facts = services.capabilities
    return {
        "resourceType": "TerminologyCapabilities",
        "url": f"{services.base}/metadata?mode=terminology",
        "version": facts["version"],
        "name": "FhirServerTerminology",
        "title": "FHIR health data server: terminology",
        "status": "active",
        "date": facts["date"],
        "kind": "instance",
        "software": {"name": "fhir-health-server", "version": facts["version"]},
        "implementation": {"description": "FHIR R4 health data server", "url": services.base},
        "codeSystem": list(_code_systems(services)),
        "expansion": {
            "hierarchical": True,
            "paging": True,
            "incomplete": False,
            "parameter": [{"name": name} for name in PARAMETERS],
            "textFilter": "Each word begins a word of the code or of one of its names, in any order and letter case.",
        },
        "codeSearch": "all",
        "validateCode": {"translations": False},
        "translation": {"needsMap": True},
        "closure": {"translation": False},
    }


def _code_systems(services: Services) -> Iterator[Json]:
    told: set[str] = set()
    for url, versions in by_url(services.store.concepts.heads()).items():
        told.add(url)
        rows = [_version(each.version, each is versions[-1]) for each in versions]
        yield {"uri": url, **_versions(rows), "subsumption": versions[-1].subsuming}
    stored: dict[str, list[str]] = {}
    for entry in services.catalogue.entries("CodeSystem"):
        stored.setdefault(entry.url, []).append(entry.version)
    for url, names in sorted(stored.items()):
        if url not in told:
            told.add(url)
            yield {"uri": url, **_versions([_version(each, None) for each in sorted(names)])}
    for url, definition in sorted(definitions.code_systems().items()):
        if url not in told and definition.get("content") == "complete":
            yield {"uri": url, **_versions([_version(definition.get("version"), None)])}


def _version(code: str | None, default: bool | None) -> Json:
    said: Json = {"code": code} if code else {}
    return said if default is None or not code else {**said, "isDefault": default}


def _versions(rows: list[Json]) -> Json:
    known = [row for row in rows if row]
    return {"version": known} if known else {}
