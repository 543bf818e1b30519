"""What the telemedicine package calls its code systems, extensions and profiles, and the systems beside them."""

from __future__ import annotations

from mappings.concepts.bijection import codes

TELEMED = "urn:fhir-health-server:telemed"
TAG = f"{TELEMED}/tag"
RECORD = f"{TELEMED}/medical-record"
"""System of the identifiers of records; those of their encounters are of CONSULTATION."""
CONSULTATION = f"{TELEMED}/consultation"
LOINC = "http://loinc.org"
HL7 = "http://terminology.hl7.org/CodeSystem"
ACT = f"{HL7}/v3-ActCode"
FRANCE = "https://hl7.fr/ig/fhir/core"


def system(name: str) -> str:
    """Return the url of a code system of the package."""
    return f"{TELEMED}/CodeSystem/telemed-{name}"


def definition(name: str) -> str:
    """Return the url of a profile or an extension of the package."""
    return f"{TELEMED}/StructureDefinition/telemed-{name}"


EMPTY = {"url": definition("empty"), "valueBoolean": True}
"""The extension of a string that is empty. Copy it before it is put into a resource."""


def category_code(text: str) -> str:
    """Return the code of a category that was written as text: `autre` for what the code system does not have."""
    return text if text in codes("telemed-category") else "autre"
