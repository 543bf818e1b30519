"""The audit trail as values: the rows of its chain, the events they tell of, and what can be asked about those.

A row tells of one request with all patients concerned. Each of them has a right to know of it without learning who the
others are, so a row is shown as *events*: one for each patient, or one where it concerns none. An event is named by the
row's sequence number and the place of its patient in the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from profiles import restriction as limits
from profiles.restriction import Restriction

MILLISECOND = 1000


class AuditRow(Struct, frozen=True, omit_defaults=True):
    """One request in the audit chain: compact, without personal data beyond identities.

    `time` is microseconds since 1970 UTC; `actor` who asked; `action` the interaction (`read`, `create`, ...);
    `target` (`Patient/1`, `Patient/1/_history/2`, `Observation`); `patients` the ids of the patients concerned;
    `status` the HTTP status; `request` the request id; `details` anything else, small (names of parameters, matches).
    `address` is the network address of the client, `client` the application and `grant` the session it came with,
    `purpose` a code of v3-ActReason such as BTG, each "" where there is none.
    """

    time: int
    actor: str
    action: str
    target: str
    status: int
    request: str
    patients: Sequence[str] = ()
    details: Mapping[str, Any] = msgspec.field(default_factory=dict)
    address: str = ""
    client: str = ""
    grant: str = ""
    purpose: str = ""


class Facts(NamedTuple):
    """What an event can be found by.

    `time` is that of its row, cut to milliseconds; `action` that of the row, `operation` for all of `$name`; `target`
    a resource as `Type/id`, without a version.
    """

    seq: int
    n: int
    time: int
    patient: str | None
    actor: str
    action: str
    status: int
    target: str | None


Place = tuple[int, int]
"""An event: sequence number of its row, and place of its patient there."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """Events whose `field` is one of `values`; an event without it is none of them."""

    field: Literal["patient", "actor", "action", "target"]
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """Events whose `field` is from `low` to `high`, both included; None is no bound."""

    field: Literal["time", "status"]
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """The events at `places`."""

    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Every:
    """What all of `parts` hold for; everything without any."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """What at least one of `parts` holds for; nothing without any."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Unless:
    """What `part` does not hold for."""

    part: Condition


Condition = OneOf | Between | Places | Every | Some | Unless


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """At most `count` events that `where` holds for, by time, then by row; `descending` is newest first.

    `until` is the last row there was when the walk began (None: it begins now), `after` the last event of the page
    before. Rows never change, so that is all a walk needs to be stable.
    """

    where: Condition = Every()
    descending: bool = True
    count: int = 50
    after: Place | None = None
    until: int | None = None


class AuditEvent(NamedTuple):
    """An event that was found, with its row."""

    seq: int
    n: int
    row: AuditRow

    @property
    def patient(self) -> str | None:
        """The id of the patient it tells of."""
        return subjects(self.row)[self.n]


class AuditPage(NamedTuple):
    """A page of events; `next` is what `after` of the following page must be, None at the end; `until` as asked."""

    events: Sequence[AuditEvent]
    next: Place | None
    until: int


class AuditTrail(Protocol):
    """The half of a store that keeps the audit chain. Every method that shows events takes `restriction`."""

    async def audit(self, row: AuditRow, *, wait: bool = False) -> None:
        """Append an audit row with the next commit, at most 50 ms later; `wait` until it is durable."""
        ...

    async def audit_rows(self, after: int = 0, limit: int = 100) -> list[tuple[int, AuditRow]]:
        """Return durable audit rows (sequence number, row) with sequence > `after`, in order."""
        ...

    async def audit_events(self, query: AuditQuery, *, restriction: Restriction) -> AuditPage:
        """Return a page of events, those of every durable row included."""
        ...

    async def audit_count(self, query: AuditQuery, *, restriction: Restriction) -> int:
        """Return how many events `query` finds on all its pages."""
        ...

    async def audit_head(self) -> tuple[int, bytes]:
        """Return the sequence number and the hash of the last durable row; (0, `audit_chain.START`) without any."""
        ...


def facts(seq: int, row: AuditRow) -> list[Facts]:
    """Return what the events of a row can be found by."""
    action = "operation" if row.action.startswith("$") else row.action
    target = None if row.action == "search" else resource_of(row.target)
    time = row.time - row.time % MILLISECOND
    return [
        Facts(seq, n, time, patient, row.actor, action, row.status, target) for n, patient in enumerate(subjects(row))
    ]


def subjects(row: AuditRow) -> Sequence[str | None]:
    """Return the patients that the events of a row tell of, one each; None alone where it concerns none.

    Whoever was refused a patient's record has seen nothing of it, and the patient may know all the same.
    """
    if row.patients:
        return row.patients
    type, _, id = (resource_of(row.target) or "").partition("/")
    return (id if type == "Patient" else None,)


def resource_of(target: str) -> str | None:
    """Return the resource that the target of a row is or is a version of, as `Type/id`; None for anything else."""
    type, _, rest = target.partition("/")
    id, slash, version = rest.partition("/")
    return f"{type}/{id}" if id and (not slash or version.startswith("_history/")) else None


def reach(restriction: Restriction) -> Condition:
    """Return which events exist for a caller under `restriction`.

    A patient's compartment holds the events that tell of the patient, and whoever made a request has made its events.
    Everything else that a restriction can say is about resources: no event is within it.
    """
    match restriction:
        case limits.All():
            return Every()
        case limits.AnyOf(items):
            return Some(tuple(map(reach, items)))
        case limits.AllOf(items):
            return Every(tuple(map(reach, items)))
        case limits.InCompartment("Patient", id) | limits.About(id):
            return OneOf("patient", (id,))
        case limits.Not(limits.HasLabel()):
            # Events carry no labels.
            return Every()
        case limits.OfTypes(types):
            return Every() if "AuditEvent" in types else Some()
        case limits.WrittenBy(author):
            return OneOf("actor", (author,))
    return Some()


def holds(condition: Condition, event: Facts) -> bool:
    """Return whether `condition` holds for an event: the definition that every store is held to."""
    match condition:
        case OneOf(field, values):
            return getattr(event, field) in values
        case Between(field, low, high):
            value = getattr(event, field)
            return (low is None or low <= value) and (high is None or value <= high)
        case Places(places):
            return (event.seq, event.n) in places
        case Every(parts):
            return all(holds(part, event) for part in parts)
        case Some(parts):
            return any(holds(part, event) for part in parts)
        case Unless(part):
            return not holds(part, event)
