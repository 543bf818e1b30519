"""The concept store in memory: the plain meaning of what every concept store answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec.structs import replace as altered

from fhir_server.search.values import fold_code, words
from fhir_server.store.concepts import Naming, NewConcept, UnknownLoad, value_of
from profiles.terminology.concept import Concept
from profiles.terminology.head import Head, Kind
from profiles.terminology.patterns import matches
from profiles.terminology.questions import Entry, Known
from profiles.terminology.selection import (
    Above,
    Active,
    AllOf,
    AnyOf,
    Below,
    Beside,
    Codes,
    Existing,
    Having,
    Like,
    Not,
    Rule,
    Selectable,
    Selection,
    Whole,
)


@dataclass(slots=True)
class System:
    """One version of a code system, while it is loaded and after."""

    head: Head
    concepts: dict[str, NewConcept] = field(default_factory=dict)
    parents: dict[str, set[str]] = field(default_factory=dict)
    children: dict[str, set[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Systems:
    """All of them: `loading` and `published` by key; `revision` as in `Concepts`."""

    loading: dict[int, System] = field(default_factory=dict)
    published: dict[int, System] = field(default_factory=dict)
    last: int = 0
    revision: int = 0

    def selects(self, selection: Selection, code: str) -> bool:
        """Return whether a code is, but for its case, that of a concept which is selected."""
        system = self.published.get(selection.key)
        return system is not None and any(
            fold_code(each) == fold_code(code) and selects(system, selection.rule, each) for each in system.concepts
        )


class MemoryConcepts:
    """See `Concepts`."""

    def __init__(self, systems: Systems) -> None:
        self.systems = systems

    def revision(self) -> int:
        """See `Concepts.revision`."""
        return self.systems.revision

    def heads(self) -> list[Head]:
        """See `Concepts.heads`."""
        found = (system.head for system in self.systems.published.values())
        return sorted(found, key=lambda head: (head.url, head.key))

    async def look(self, key: int, codes: Sequence[str]) -> dict[str, Entry]:
        """See `Concepts.look`."""
        system = self.systems.published.get(key)
        if system is None:
            return {}
        found = ((code, _actual(system, code)) for code in codes)
        return {code: _entry(system.concepts[actual]) for code, actual in found if actual is not None}

    async def detail(self, key: int, code: str) -> Known | None:
        """See `Concepts.detail`."""
        system = self.systems.published.get(key)
        actual = None if system is None else _actual(system, code)
        if system is None or actual is None:
            return None
        concept = system.concepts[actual]
        properties: dict[str, tuple[Any, ...]] = {}
        for name, kind, value in concept.properties:
            properties[name] = (*properties.get(name, ()), value_of(kind, value))
        parents, children = (tuple(sorted(edges.get(actual, ()))) for edges in (system.parents, system.children))
        return Known(_entry(concept), properties, parents, children)

    async def among(self, selection: Selection, codes: Sequence[str]) -> frozenset[str]:
        """See `Concepts.among`."""
        return self.glance(selection, codes)

    def glance(self, selection: Selection, codes: Sequence[str]) -> frozenset[str]:
        """See `Concepts.glance`."""
        system = self.systems.published.get(selection.key)
        if system is None:
            return frozenset()
        return frozenset(code for code in codes if code in system.concepts and selects(system, selection.rule, code))

    async def slice(self, selection: Selection, skip: int, count: int) -> tuple[Entry, ...]:
        """See `Concepts.slice`."""
        return tuple(_entry(each) for each in self._selected(selection)[skip : skip + count])

    async def count(self, selection: Selection) -> int:
        """See `Concepts.count`."""
        return len(self._selected(selection))

    def _selected(self, selection: Selection) -> list[NewConcept]:
        system = self.systems.published.get(selection.key)
        if system is None:
            return []
        return [
            concept
            for code, concept in system.concepts.items()
            if selects(system, selection.rule, code) and _reads(concept, selection.words)
        ]


def selects(system: System, rule: Rule, code: str) -> bool:
    """Return whether a rule selects a code that the system has."""
    concept = system.concepts[code]
    match rule:
        case Whole():
            return True
        case Codes():
            return code in rule.codes
        case Below():
            return rule.code in _closure(code, system.parents) and (rule.itself or rule.code != code)
        case Above():
            return code in _closure(rule.code, system.parents) and rule.code in system.concepts
        case Beside():
            edges = system.parents if rule.role == "children" else system.children
            return not edges.get(code, set()).isdisjoint(rule.codes)
        case Having():
            return not set(rule.values).isdisjoint(_values(system, code, rule.property))
        case Existing():
            return bool(list(_values(system, code, rule.property)))
        case Like():
            return any(matches(rule.pattern, each) for each in _values(system, code, rule.property))
        case Active():
            return not concept.inactive
        case Selectable():
            return not concept.abstract
        case AnyOf():
            return any(selects(system, each, code) for each in rule.rules)
        case AllOf():
            return all(selects(system, each, code) for each in rule.rules)
        case Not():
            return not selects(system, rule.rule, code)


def _values(system: System, code: str, name: str) -> Iterable[str]:
    concept = system.concepts[code]
    match name:
        case "display":
            return [concept.display] if concept.display is not None else []
        case "code":
            return [code]
        case "parent":
            return system.parents.get(code, set())
        case "child":
            return system.children.get(code, set())
    return [value for stated, _, value in concept.properties if stated == name]


def _actual(system: System, code: str) -> str | None:
    if code in system.concepts or system.head.case_sensitive:
        return code if code in system.concepts else None
    folded = fold_code(code)
    return next((each for each in system.concepts if fold_code(each) == folded), None)


def _closure(start: str, edges: dict[str, set[str]]) -> set[str]:
    found, waiting = {start}, deque([start])
    while waiting:
        new = edges.get(waiting.popleft(), set()) - found
        found |= new
        waiting.extend(new)
    return found


def _entry(concept: NewConcept) -> Entry:
    said = Concept(concept.display, concept.definition, tuple(concept.designations))
    return Entry(concept.code, said, concept.inactive, concept.abstract)


def _reads(concept: NewConcept, wanted: Sequence[str]) -> bool:
    there = words(" ".join((concept.display or "", *(each.value for each in concept.designations), concept.code)))
    return all(any(word.startswith(each) for word in there) for each in wanted)


class MemoryWritableConcepts(MemoryConcepts):
    """See `WritableConcepts`. What is published or removed is seen from `keep` on; `undo` takes everything back."""

    def __init__(self, systems: Systems, time: int) -> None:
        super().__init__(systems)
        self._time = time
        self._later: list[Callable[[], None]] = []
        self._before: dict[int, System | None] = {}

    async def begin(self, head: Head) -> int:
        """See `WritableConcepts.begin`."""
        self.systems.last += 1
        key = self.systems.last
        self.systems.loading[key] = System(replace(head, key=key))
        self._before[key] = None
        return key

    def _drop(self, key: int) -> None:
        self.systems.loading.pop(key, None)

    async def add(self, key: int, concepts: Sequence[NewConcept]) -> list[str]:
        """See `WritableConcepts.add`."""
        system = self._loading(key)
        again = []
        for each in concepts:
            if each.code in system.concepts:
                again.append(each.code)
            else:
                properties = tuple(dict.fromkeys(each.properties))
                system.concepts[each.code] = altered(each, properties=properties)
        return again

    async def name(self, key: int, namings: Sequence[Naming]) -> list[str]:
        """See `WritableConcepts.name`."""
        concepts = self._loading(key).concepts
        for each in (each for each in namings if each.code in concepts):
            had = concepts[each.code]
            concepts[each.code] = altered(
                had, display=each.display or had.display, designations=(*had.designations, *each.designations)
            )
        return [each.code for each in namings if each.code not in concepts]

    async def qualify(self, key: int, properties: Sequence[tuple[str, str, Kind, str]]) -> list[str]:
        """See `WritableConcepts.qualify`."""
        concepts = self._loading(key).concepts
        for code, *stated in properties:
            if code in concepts and tuple(stated) not in concepts[code].properties:
                had = concepts[code]
                concepts[code] = altered(had, properties=(*had.properties, tuple(stated)))
        return [each[0] for each in properties if each[0] not in concepts]

    async def relate(self, key: int, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """See `WritableConcepts.relate`."""
        system = self._loading(key)
        lost = []
        for child, parent in pairs:
            if child in system.concepts and parent in system.concepts:
                system.parents.setdefault(child, set()).add(parent)
                system.children.setdefault(parent, set()).add(child)
            else:
                lost.append((child, parent))
        return lost

    async def settle(self, key: int, after: int, count: int) -> tuple[int, int]:
        """See `WritableConcepts.settle`. Here nothing is derived."""
        end = min(after + count, len(self._loading(key).concepts))
        return end, end - after

    async def publish(self, key: int) -> Head:
        """See `WritableConcepts.publish`."""
        system = self._loading(key)
        kinds = {name: kind for each in system.concepts.values() for name, kind, _ in each.properties}
        head = replace(
            system.head,
            count=len(system.concepts),
            time=self._time,
            hierarchical=bool(system.parents),
            properties={**system.head.properties, **kinds},
        )

        def publish() -> None:
            system.head = head
            self._take_out(head)
            self.systems.published[key] = self.systems.loading.pop(key)

        self._later.append(publish)
        return head

    async def give_up(self, key: int) -> None:
        """See `WritableConcepts.give_up`."""
        self._loading(key)
        self._later.append(lambda: self._drop(key))

    async def remove(self, url: str, version: str | None) -> int:
        """See `WritableConcepts.remove`."""
        wanted = [
            system.head
            for system in self.systems.published.values()
            if system.head.url == url and (version is None or (system.head.version or "") == version)
            if not system.head.source
        ]
        return self._remove(wanted)

    async def withdraw(self, source: str) -> int:
        """See `WritableConcepts.withdraw`."""
        heads = [system.head for system in self.systems.published.values()]
        return self._remove([head for head in heads if head.source and head.source == source])

    def _remove(self, heads: Sequence[Head]) -> int:
        for head in heads:
            self._later.append(lambda head=head: self._take_out(head))  # type: ignore[misc]
        return len(heads)

    def _take_out(self, head: Head) -> None:
        """Take out what `head` takes the place of, or is."""
        for key, system in list(self.systems.published.items()):
            there = system.head
            same = (there.url, there.version) == (head.url, head.version) or bool(head.source)
            if there.source == head.source and same:
                del self.systems.published[key]

    async def sweep(self, count: int) -> bool:
        """See `WritableConcepts.sweep`. What is not published is gone already."""
        return False

    def _loading(self, key: int) -> System:
        if key not in self.systems.loading:
            raise UnknownLoad(f"no load {key} is under way")
        system = self.systems.loading[key]
        if key not in self._before:
            edges = ({code: set(each) for code, each in them.items()} for them in (system.parents, system.children))
            self._before[key] = System(system.head, dict(system.concepts), *edges)
        return system

    def keep(self) -> None:
        """The work has succeeded."""
        for each in self._later:
            each()
        self.systems.revision += bool(self._later)

    def undo(self) -> None:
        """The work has failed: every load is as it was before."""
        for key, system in self._before.items():
            if system is None:
                self._drop(key)
            else:
                self.systems.loading[key] = system
