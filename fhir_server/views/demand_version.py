"""`If-Match` on a view: of two writers who have read the same, one is told."""

from __future__ import annotations

from fhir_server.errors import PreconditionFailed


def demand_version(tag: str, if_match: str | None) -> None:
    """Raise PreconditionFailed when the client has seen another version than `tag`; without If-Match nothing is asked.

    http://hl7.org/fhir/R4/http.html#concurrency
    """
    if if_match is not None and if_match != "*" and tag not in [each.strip() for each in if_match.split(",")]:
        raise PreconditionFailed("It was changed since you read it: read it again, and send your change anew.")
