"""What the caller of an interaction may do, and what of the store exists for them.

The only place where interactions ask. `demand` says whether a type is in scope for an action: if not, 403, by name.
What `within` and `restriction_for` return goes with every store call: what it leaves out is not there, which is 404.
The rights themselves are built by whoever authenticated the caller (`auth.policy`); here they are only looked up.
"""

from __future__ import annotations

from auth.rights import Action, Power
from fhir_server.errors import Forbidden, MethodNotAllowed
from fhir_server.interactions.call import Call
from profiles.restriction import ALL, Restriction

TRAIL = "AuditEvent"
_DOING = {
    "read": "read",
    "history": "read the history of",
    "search": "search",
    "create": "create",
    "update": "change",
    "delete": "delete",
}


def demand(call: Call, action: Action, type: str) -> None:
    """Raise Forbidden unless `type` is in scope for `action`, MethodNotAllowed for what nobody may do."""
    rights = call.principal.rights
    if rights.limited and type == TRAIL and action in ("update", "delete"):
        raise MethodNotAllowed(f"An {TRAIL} is never changed or deleted: what happened has happened.")
    if not rights.may(action, type):
        raise Forbidden(f"Your access does not let you {_DOING[action]} {type}: the type is not in its scope.")


def restriction_for(call: Call, action: Action = "search", types: frozenset[str] | None = None) -> Restriction:
    """Return what is within the caller's reach, among resources of all types: for what looks at several of them.

    `types` are the only ones that it looks at, if that is known.
    """
    rights = call.principal.rights
    return rights.restriction(action, call.services.now(), types) if rights.limited else ALL


def within(call: Call, action: Action, type: str) -> Restriction:
    """Return what is within the caller's reach among the resources of one type."""
    rights = call.principal.rights
    return rights.of_type(action, type, call.services.now()) if rights.limited else ALL


def demand_power(call: Call, power: Power, what: str) -> None:
    """Raise Forbidden unless the caller has `power`; `what` is the beginning of the sentence that says so."""
    if not call.principal.rights.has(power):
        raise Forbidden(f"{what} needs a right that your access does not have: {power}.")


def trail_restriction_for(call: Call, action: Action = "search") -> Restriction:
    """Return which events of the audit trail the caller may see (`store.audit.reach`).

    Raises Forbidden where AuditEvent is not in scope.
    """
    demand(call, action, "AuditEvent")
    return within(call, action, "AuditEvent")


def demand_plans(call: Call) -> None:
    """Raise Forbidden unless the caller may see how searches are answered.

    A plan tells how many rows there are of what, whoever may see them.
    """
    if not call.principal.rights.sees_plans:
        raise Forbidden("_explain is for administrators, and for everybody in open mode only.", expression="_explain")
