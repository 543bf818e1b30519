"""Topics: what can be subscribed to by name, read from files that have the shape of R5's SubscriptionTopic.

R4 has no such resource, so a topic is configuration: its canonical is advertised, and its file says which changes of
which resources are events (`resourceTrigger`), what may be filtered by (`canFilterBy`) and what is told besides the
resource itself (`notificationShape.include`). What a file says and this server does not follow is refused when it
starts (http://hl7.org/fhir/R5/subscriptiontopic.html).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

Json = Mapping[str, Any]
Interaction = Literal["create", "update", "delete"]
Result = Literal["test-passes", "test-fails"]
INTERACTIONS: tuple[Interaction, ...] = get_args(Interaction)

_TOPIC = frozenset(("resourceType", "url", "version", "title", "status", "description", "resourceTrigger"))
_TOPIC |= {"canFilterBy", "notificationShape", "id", "name", "date", "publisher", "purpose", "experimental"}
_TRIGGER = frozenset(("description", "resource", "supportedInteraction", "queryCriteria"))
_QUERY = frozenset(("previous", "resultForCreate", "current", "resultForDelete", "requireBoth"))
_FILTER = frozenset(("description", "resource", "filterParameter", "modifier"))
_SHAPE = frozenset(("resource", "include"))


class TopicError(ValueError):
    """A file is no topic that can be followed; the text says why."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Which changes of resources of one type are events.

    `previous` and `current` are search criteria without the type, None where nothing is asked of that version; `both`
    says that both must hold, not one of them. `at_create` and `at_delete` say how a version that is not there does.
    """

    type: str
    interactions: tuple[Interaction, ...]
    previous: str | None = None
    current: str | None = None
    both: bool = False
    at_create: bool = True
    at_delete: bool = False

    def fires(self, interaction: Interaction, previous: bool | None, current: bool | None) -> bool:
        """Return whether a change is an event: whether each version passes its test, None where there is no version."""
        if interaction not in self.interactions:
            return False
        if self.previous is None and self.current is None:
            return True
        tests = []
        if self.previous is not None:
            tests.append(self.at_create if previous is None else previous)
        if self.current is not None:
            tests.append(self.at_delete if current is None else current)
        return all(tests) if self.both else any(tests)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. `filters` are the names of parameters by type, `includes` those of references (`patient`) by type."""

    url: str
    title: str
    triggers: tuple[Trigger, ...]
    filters: Mapping[str, frozenset[str]]
    includes: Mapping[str, tuple[str, ...]]

    def triggers_of(self, type: str) -> Sequence[Trigger]:
        """Return the triggers that look at resources of `type`."""
        return [each for each in self.triggers if each.type == type]

    @property
    def types(self) -> tuple[str, ...]:
        """The types that it looks at."""
        return tuple(dict.fromkeys(each.type for each in self.triggers))


def read_topic(said: Json) -> Topic:
    """Return the topic that a file describes. Raises TopicError."""
    if said.get("resourceType") != "SubscriptionTopic":
        raise TopicError("its resourceType is not SubscriptionTopic")
    _known(said, _TOPIC, "a topic")
    url = said.get("url")
    if not isinstance(url, str) or ":" not in url or "|" in url:
        raise TopicError("its url is no canonical: write an absolute one, without a version")
    triggers = tuple(_trigger(each) for each in _rows(said, "resourceTrigger"))
    if not triggers:
        raise TopicError("it has no resourceTrigger, so nothing would ever be told")
    filters: dict[str, frozenset[str]] = {}
    for each in _rows(said, "canFilterBy"):
        _known(each, _FILTER, "canFilterBy")
        type = _type(each.get("resource") or triggers[0].type)
        filters[type] = filters.get(type, frozenset()) | {str(each.get("filterParameter", ""))}
    includes: dict[str, tuple[str, ...]] = {}
    for each in _rows(said, "notificationShape"):
        _known(each, _SHAPE, "notificationShape")
        type = _type(each.get("resource"))
        includes[type] = (*includes.get(type, ()), *(_include(type, one) for one in each.get("include", ())))
    return Topic(url, str(said.get("title", url)), triggers, filters, includes)


def _trigger(said: Json) -> Trigger:
    _known(said, _TRIGGER, "resourceTrigger")
    asked = tuple(said.get("supportedInteraction", INTERACTIONS))
    if not asked or not set(asked) <= set(INTERACTIONS):
        raise TopicError("supportedInteraction is one of create, update and delete")
    query: Json = said.get("queryCriteria") or {}
    _known(query, _QUERY, "queryCriteria")
    for name in ("previous", "current"):
        if name in query and not (isinstance(query[name], str) and query[name]):
            raise TopicError(f"queryCriteria.{name} holds search criteria")
    return Trigger(
        _type(said.get("resource")),
        cast("tuple[Interaction, ...]", asked),
        query.get("previous"),
        query.get("current"),
        query.get("requireBoth", False) is True,
        _passes(query, "resultForCreate", "test-passes"),
        _passes(query, "resultForDelete", "test-fails"),
    )


def _passes(query: Json, name: str, unsaid: Result) -> bool:
    found = query.get(name, unsaid)
    if found not in get_args(Result):
        raise TopicError(f"queryCriteria.{name} is test-passes or test-fails")
    return bool(found == "test-passes")


def _include(type: str, written: object) -> str:
    """Return the parameter of `Encounter:patient`."""
    kind, colon, name = str(written).partition(":")
    if kind != type or not colon or not name or ":" in name:
        raise TopicError(f"the include {str(written)[:60]!r} is not like {type}:patient, a type and a parameter of it")
    return name


def _type(written: object) -> str:
    """Return a resource type, which may come as the URL of its definition."""
    found = str(written or "").removeprefix("http://hl7.org/fhir/StructureDefinition/")
    if not found.isalpha():
        raise TopicError("resource names the resource type that it is about")
    return found


def _rows(said: Json, name: str) -> Sequence[Json]:
    rows = said.get(name, ())
    if not isinstance(rows, list | tuple) or not all(isinstance(each, Mapping) for each in rows):
        raise TopicError(f"{name} is no list of objects")
    return rows


def _known(said: Json, names: frozenset[str], what: str) -> None:
    if unknown := sorted(set(said) - names):
        raise TopicError(f"{what} has {unknown[0]}, which this server does not follow: take it out")
