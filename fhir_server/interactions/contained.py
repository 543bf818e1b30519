"""A contained resource as a match of its own (http://hl7.org/fhir/R4/search.html#contained)."""

from __future__ import annotations

from fhir_server.model.fhir_json import encode, parse_stored


def contained(body: bytes, place: int) -> tuple[str | None, bytes]:
    """Return the id and the JSON of the contained resource at `place` in the stored `body`; the id may be missing."""
    resource = parse_stored(body)["contained"][place]
    return resource.get("id"), encode(resource)
