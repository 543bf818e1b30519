"""Conditional headers: If-Match and If-None-Match of writes, conditional read (http://hl7.org/fhir/R4/http.html#cread).

A tombstone is no current representation: `If-Match: *` fails on it and `If-None-Match: *` holds.
"""

from __future__ import annotations

from fhir_server.errors import PreconditionFailed
from fhir_server.interactions.call import Call, Preconditions
from fhir_server.store.base import Version

SECOND = 1_000_000


def demand(preconditions: Preconditions, current: Version | None) -> None:
    """Refuse a write whose If-Match or If-None-Match does not hold. Raises PreconditionFailed (412)."""
    if preconditions.if_match is not None and not _matches(preconditions.if_match, current):
        raise PreconditionFailed(_if_match_message(preconditions.if_match, current))
    if preconditions.if_none_match is not None and _matches(preconditions.if_none_match, current):
        raise PreconditionFailed(
            f"If-None-Match: {_etag(preconditions.if_none_match)} does not hold: the resource exists. Write without "
            "the header to replace it."
        )


def unmodified(call: Call, version: Version) -> bool:
    """Return whether the caller already has `version`, so that 304 is the answer.

    If-Modified-Since counts in whole seconds, as HTTP dates do, and only without If-None-Match (RFC 9110, 13.1.3).
    """
    asked = call.preconditions
    if asked.if_none_match is not None:
        return asked.if_none_match == "*" or str(version.number) in asked.if_none_match.split(",")
    return asked.if_modified_since is not None and version.time // SECOND <= asked.if_modified_since // SECOND


def _matches(asked: str, current: Version | None) -> bool:
    if current is None:
        return False
    return not current.deleted if asked == "*" else asked == str(current.number)


def _if_match_message(asked: str, current: Version | None) -> str:
    if current is None:
        state = "the resource does not exist"
    elif current.deleted:
        state = f'the resource is deleted (version W/"{current.number}")'
    else:
        state = f'the current version is W/"{current.number}"'
    return f"If-Match: {_etag(asked)} does not hold: {state}. Read the resource again and repeat the change on that."


def _etag(asked: str) -> str:
    return "*" if asked == "*" else f'W/"{asked}"'
