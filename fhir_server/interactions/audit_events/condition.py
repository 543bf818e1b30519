"""A search for AuditEvents as a condition on the audit trail.

The language is read like that of every type (`search.parse`). Here is which of it the trail is asked for; what it
cannot be asked for is refused by name. A test holds this against what the projected resources say.
"""

from __future__ import annotations

from collections.abc import Callable

from fhir_server.errors import BadRequest
from fhir_server.interactions.audit_events.kinds import KINDS, OTHER, Code, Kind
from fhir_server.interactions.audit_events.project import AGENTS, place_of
from fhir_server.search import query as asked
from fhir_server.search.query import Node
from fhir_server.search.refuse import refuse
from fhir_server.store.audit import (
    Between,
    Condition,
    Every,
    OneOf,
    Places,
    Some,
    Unless,
)

PARAMETERS = ("_id", "_lastUpdated", "action", "agent", "date", "entity", "outcome", "patient", "subtype", "type")
"""What events are found by."""
SORTED_BY = (("date", ("date",)), ("updated", ()))

ACTION_SYSTEM = "http://hl7.org/fhir/audit-event-action"
OUTCOME_SYSTEM = "http://hl7.org/fhir/audit-event-outcome"
_OUTCOMES: tuple[tuple[str, Condition], ...] = (
    ("0", Between("status", None, 399)),
    ("4", Between("status", 400, 499)),
    ("8", Some((Between("status", 500, 502), Between("status", 504, 506), Between("status", 508)))),
    ("12", Some((Between("status", 503, 503), Between("status", 507, 507)))),
)


def condition(node: Node) -> Condition:
    """Return the condition that `node` is. Raises BadRequest for what the trail cannot be asked for."""
    match node:
        case asked.And(nodes):
            return Every(tuple(map(condition, nodes)))
        case asked.Or(nodes):
            return Some(tuple(map(condition, nodes)))
        case asked.Not(inner):
            return Unless(condition(inner))
        case asked.Id(ids):
            return Places(tuple(place for id in ids if (place := place_of(id)) is not None))
        case asked.LastUpdated(prefix, low, high) | asked.Date("date", prefix, low, high):
            return _moment(prefix, low, high)
        case asked.Owned(type, id):
            return _owned(type, id)
        case asked.Token("action" | "outcome" | "subtype" | "type"):
            return _token(node)
        case asked.Reference("agent" | "entity", version=0):
            return _reference(node)
        case asked.Uri("agent" | "entity"):
            # An address on another server: events are about what is here.
            return Some()
    raise not_answered(getattr(node, "name", "_text"))


def newest_first(sort: tuple[asked.Sort, ...]) -> bool:
    """Return the direction that is asked for. Raises BadRequest for any order but that of time."""
    if not sort:
        return True
    if len(sort) > 1 or (sort[0].kind, sort[0].names) not in SORTED_BY:
        raise refuse("_sort", "AuditEvents come in the order of date: _sort=date, or _sort=-date.", "not-supported")
    return sort[0].descending


def not_answered(name: str) -> BadRequest:
    """Return the refusal of a parameter that the trail cannot be asked for."""
    return refuse(
        name.partition(":")[0],
        f"AuditEvents of this server's own trail are found by {', '.join(PARAMETERS)}, with values of their own: "
        "without chains, :missing or :identifier.",
        "not-supported",
    )


def _moment(prefix: asked.Prefix, first: int, last: int) -> Condition:
    """Compare an event's time, which is a point, with the range `first`..`last` (`search.match`)."""
    match prefix:
        case "eq" | "ap":
            return Between("time", first, last)
        case "ne":
            return Unless(Between("time", first, last))
        case "gt" | "sa":
            return Between("time", last + 1)
        case "lt" | "eb":
            return Between("time", None, first - 1)
        case "ge":
            return Between("time", first)
        case "le":
            return Between("time", None, last)


def _owned(type: str, id: str) -> Condition:
    """The compartments that AuditEvent is in, by its parameters patient and agent (CompartmentDefinition)."""
    agent = OneOf("actor", (f"{type}/{id}",))
    if type == "Patient":
        return Some((OneOf("patient", (id,)), OneOf("target", (f"{type}/{id}",)), agent))
    return agent if type in AGENTS else Some()


def _reference(node: asked.Reference) -> Condition:
    name = f"{node.type}/{node.id}"
    if node.name == "agent":
        return OneOf("actor", (name,)) if node.type in AGENTS else Some()
    if node.type == "Patient":
        return Some((OneOf("patient", (node.id,)), OneOf("target", (name,))))
    return OneOf("target", (name,))


def _token(node: asked.Token) -> Condition:
    if node.name == "action":
        return _actions(lambda kind: _is(node, (ACTION_SYSTEM, kind.letter, "")))
    if node.name == "outcome":
        return Some(tuple(held for code, held in _OUTCOMES if _is(node, (OUTCOME_SYSTEM, code, ""))))
    if node.name == "type":
        return _actions(lambda kind: _is(node, kind.type))
    return _actions(lambda kind: kind.subtype is not None and _is(node, kind.subtype))


def _actions(wanted: Callable[[Kind], bool]) -> Condition:
    known = OneOf("action", tuple(action for action, kind in KINDS.items() if wanted(kind)))
    return Some((known, Unless(OneOf("action", tuple(KINDS))))) if wanted(OTHER) else known


def _is(node: asked.Token, code: Code) -> bool:
    if node.system is not None and node.system != code[0]:
        return False
    if node.code is None:
        return True
    return node.code == code[1] if node.case_sensitive else node.code.casefold() == code[1].casefold()
