"""Criteria that are evaluated on one version as it is written, by the same `match` that defines search.

They look at that version alone: what would have to look at other resources (chains, `_has`, hierarchies, value sets)
is refused, because what those are by the time is not what they were, and no write or delivery searches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fhir_server.errors import BadRequest
from fhir_server.search.match import Candidate, World, match
from fhir_server.search.match_rule import Kept
from fhir_server.search.parse import criteria
from fhir_server.search.query import And, Chain, Has, Hierarchy, Node, Not, Or, Selected, Together
from fhir_server.search.subjects import subjects
from fhir_server.search.terminology import Meant, NotExpandable, Terminology
from fhir_server.store.base import Version
from profiles.terminology.selection import Selection
from realtime.subscriptions.subscription import split

if TYPE_CHECKING:
    from fhir_server.interactions.call import Services

WAY_OUT = (
    "Subscriptions look at the resource that was written alone: chains, _has, hierarchies and value sets are not "
    "answered here. Ask for what stands in the resource itself."
)

UNTOLD = frozenset(("AuditEvent", "Subscription"))
"""Types of which no change is an event: the trail is no part of the feed, and of a subscription its owner has heard."""


class Alone(World):
    """A world in which there is nothing besides the resource that is looked at."""

    def one(self, type: str, id: str) -> Candidate | None:
        """See `World.one`."""
        return None

    def all(self, type: str) -> Iterable[Candidate]:
        """See `World.all`."""
        return ()

    def kept(self, table: str, field: str, value: str) -> Iterable[Kept]:
        """See `World.kept`."""
        return ()

    def selects(self, selection: Selection, code: str) -> bool:
        """See `World.selects`."""
        return False


class _Unasked(Terminology):
    """What value sets and hierarchies hold may change any day, and a subscription does not follow that."""

    def members(self, value_set: str) -> Meant:
        raise NotExpandable("a subscription looks at the resource alone")

    def below(self, system: str, code: str) -> Meant:
        raise NotExpandable("a subscription looks at the resource alone")

    def above(self, system: str, code: str) -> Meant:
        raise NotExpandable("a subscription looks at the resource alone")


ALONE = Alone()
UNASKED = _Unasked()


def read_criteria(services: Services, written: str) -> tuple[str, Node]:
    """Return type and condition of criteria like `Observation?code=a`. Raises BadRequest for what is not answered."""
    try:
        type, parameters = split(written)
    except ValueError:
        raise BadRequest(
            "The criteria cannot be read: write them as in Observation?code=http://loinc.org|29463-7, percent-encoded "
            "where a value holds & or #."
        ) from None
    return type, read_parameters(services, type, parameters)


def demand_told(type: str) -> None:
    """Raise BadRequest for a type of whose resources nobody is told."""
    if type in UNTOLD:
        raise BadRequest(f"Nobody is told of {type}: search for what there is, [base]/{type}.", code="not-supported")


def read_parameters(services: Services, type: str, parameters: tuple[tuple[str, str], ...]) -> Node:
    """Return the condition of parameters. Raises BadRequest for what is not answered."""
    demand_told(type)
    read = criteria(services.registry, base=services.base, now=services.now(), terminology=UNASKED)
    node = read(type, parameters)
    if _looks_beyond(node):
        raise BadRequest(WAY_OUT)
    return node


def candidate(services: Services, version: Version, resource: Mapping[str, Any]) -> Candidate:
    """Return a version with its parsed body as search sees it, its index entries extracted anew."""
    entries = services.extractor.entries(resource, base=services.base)
    return Candidate(
        version.key.type,
        version.key.id,
        version.time,
        version.author,
        services.extractor.owners(resource, entries),
        services.extractor.labels(resource),
        entries,
        [id for type, id in subjects(resource, entries) if type == "Patient"],
    )


def holds(node: Node, version: Candidate) -> bool:
    """Return whether a version meets criteria."""
    return match(node, version, ALONE)


def _looks_beyond(node: Node) -> bool:
    match node:
        case And(nodes) | Or(nodes):
            return any(map(_looks_beyond, nodes))
        case Not(inner):
            return _looks_beyond(inner)
        case Together(parts):
            return any(_looks_beyond(each) for part in parts for each in part)
    return isinstance(node, Chain | Has | Hierarchy | Selected)
