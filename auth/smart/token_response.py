"""What the token endpoint answers: tokens, what was granted, and the launch context (SMART App Launch 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth.grants import Grant

Answer = dict[str, Any]


def token_response(
    grant: Grant, access: str, seconds: int, *, refresh: str | None = None, identity: str | None = None
) -> Answer:
    """Return the answer. `seconds` is how long the access token lives."""
    return {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": seconds,
        "scope": " ".join(grant.scopes),
        **_some({"refresh_token": refresh, "id_token": identity}),
        **launch_context(grant),
    }


def launch_context(grant: Grant) -> Mapping[str, Any]:
    """Return what the app is told of where it was opened."""
    return {**_some({"patient": grant.patient, "encounter": grant.encounter}), **grant.context}


def _some(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
