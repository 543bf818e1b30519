"""AuditEvents that other systems bring: kept like any resource, told apart by a tag, and never changed.

The server's own trail is not among them and cannot be written: its events have numbers for ids, which nobody else's
AuditEvent may have.
"""

from __future__ import annotations

from typing import Any

from fhir_server.errors import MethodNotAllowed
from fhir_server.interactions.audit_events.project import place_of
from fhir_server.interactions.call import Call
from fhir_server.store.base import Key

TYPE = "AuditEvent"
SYSTEM, CODE = "urn:fhir-health-server:audit-origin", "external"
NEVER = frozenset(("patch", "delete"))
"""Interactions that AuditEvents do not have."""
TAG = f"{SYSTEM}|{CODE}"

Json = dict[str, Any]


def tagged(resource: Json) -> Json:
    """Return an AuditEvent that comes from outside with the tag that says so."""
    meta = resource.get("meta", {})
    tags = meta.get("tag", []) if isinstance(meta, dict) else []
    if not isinstance(tags, list) or not isinstance(meta, dict):
        # What is no list of tags is for validation to tell.
        return resource
    if any(isinstance(tag, dict) and (tag.get("system"), tag.get("code")) == (SYSTEM, CODE) for tag in tags):
        return resource
    return resource | {"meta": meta | {"tag": [*tags, {"system": SYSTEM, "code": CODE}]}}


def demand_new(key: Key, before: object | None) -> None:
    """Raise MethodNotAllowed when writing `key` after `before` would change an AuditEvent or pass for our own."""
    if key.type == TYPE and (before is not None or place_of(key.id) is not None):
        raise refusal()


def demand_changeable(type: str | None) -> None:
    """Raise MethodNotAllowed for a type whose resources are never patched nor deleted."""
    if type == TYPE:
        raise refusal()


def refusal() -> MethodNotAllowed:
    """Return the refusal of whatever would change an AuditEvent."""
    return MethodNotAllowed(
        "An AuditEvent is never changed or deleted, and those of this server are written by itself alone: their ids "
        "are numbers. An event of another system is brought by POST, or by PUT under an id of its own that is new."
    )


def is_external(call: Call) -> bool:
    """Return whether a search is for what other systems brought: it names their tag."""
    return ("_tag", TAG) in call.parameters


def is_own(type: str | None, id: str | None) -> bool:
    """Return whether an id is that of an event of the server's own trail."""
    return type == TYPE and id is not None and place_of(id) is not None
