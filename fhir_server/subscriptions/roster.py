"""The subscriptions that are followed, in memory: what each asks for, ready to be compared with what is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fhir_server.errors import Refusal
from fhir_server.interactions.call import Services
from fhir_server.interactions.subscribing.criteria import demand_told, holds, read_criteria, read_parameters
from fhir_server.interactions.subscribing.entry import Entry
from fhir_server.search.match import Candidate
from fhir_server.search.query import And, Node
from realtime.subscriptions.subscription import Subscription, split
from realtime.subscriptions.topic import Interaction, Topic, Trigger

WORDS: Mapping[str, Interaction] = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Condition:
    """Which changes of resources of one type are events for a subscription: by `where`, and a topic's `trigger`."""

    where: Node
    trigger: Trigger | None = None
    previous: Node | None = None
    current: Node | None = None

    @property
    def needs_previous(self) -> bool:
        """Whether the version before must be looked at."""
        return self.previous is not None or self.trigger is not None

    def is_met(self, method: str, before: Candidate | None, after: Candidate | None) -> bool:
        """Return whether a change is an event: from `before` to `after`, None where there is no such version."""
        if self.trigger is None:
            return after is not None and holds(self.where, after)
        shown = before if after is None else after
        if shown is None or not holds(self.where, shown):
            return False
        interaction: Interaction = "create" if before is None else WORDS[method]
        tests = (_passes(self.previous, before), _passes(self.current, after))
        return self.trigger.fires(interaction, *tests)


def _passes(node: Node | None, version: Candidate | None) -> bool | None:
    return None if node is None or version is None else holds(node, version)


@dataclass(slots=True)
class Roster:
    """All of them, by id, and the conditions of each by the type that they look at."""

    entries: dict[str, Entry] = field(default_factory=dict)
    _by_type: dict[str, dict[str, list[Condition]]] = field(default_factory=dict)

    def put(self, services: Services, entry: Entry) -> None:
        """Follow a subscription. Raises Refusal for one whose criteria are not answered (any more)."""
        self.drop(entry.id)
        conditions = conditions_of(services, entry.asked)
        self.entries[entry.id] = entry
        for type, each in conditions.items():
            self._by_type.setdefault(type, {})[entry.id] = each

    def drop(self, id: str) -> Entry | None:
        """Follow it no more."""
        for each in self._by_type.values():
            each.pop(id, None)
        return self.entries.pop(id, None)

    def clear(self) -> None:
        """Follow nothing."""
        self.entries.clear()
        self._by_type.clear()

    def looking_at(self, type: str) -> Iterator[tuple[Entry, list[Condition]]]:
        """Yield the subscriptions that look at resources of a type, with their conditions."""
        for id, conditions in self._by_type.get(type, {}).items():
            yield self.entries[id], conditions

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.entries)


def conditions_of(services: Services, asked: Subscription) -> Mapping[str, list[Condition]]:
    """Return what a subscription looks at, by type. Raises Refusal."""
    if asked.topic is None:
        type, node = read_criteria(services, asked.criteria)
        return {type: [Condition(node)]}
    topic = services.subscribing.topics.get(asked.topic)
    if topic is None:
        raise Refusal("This server does not have the topic any more.")
    triggers = {type: topic.triggers_of(type) for type in topic.types}
    return {type: [_condition(services, topic, each, asked) for each in found] for type, found in triggers.items()}


def check_topic(services: Services, topic: Topic) -> None:
    """Raise Refusal, or ValueError, for a topic whose types, criteria or references are not answered."""
    for type in topic.types:
        demand_told(type)
    for type, names in topic.includes.items():
        for name in names:
            parameter = services.registry.get(type, name)
            if parameter is None or parameter.type != "reference":
                raise ValueError(f"{type}:{name} is no reference of that type")
    for trigger in topic.triggers:
        for written in (trigger.previous, trigger.current):
            _of_topic(services, trigger.type, written)


def _condition(services: Services, topic: Topic, trigger: Trigger, asked: Subscription) -> Condition:
    filters = (split(each) for each in asked.filters)
    nodes = tuple(read_parameters(services, type, pairs) for type, pairs in filters if type == trigger.type)
    previous, current = (_of_topic(services, trigger.type, each) for each in (trigger.previous, trigger.current))
    return Condition(And(nodes), trigger, previous, current)


def _of_topic(services: Services, type: str, written: str | None) -> Node | None:
    if written is None:
        return None
    query = written.removeprefix(f"{type}?")
    return read_parameters(services, type, split(f"{type}?{query}")[1])
