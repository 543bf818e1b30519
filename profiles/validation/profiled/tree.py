"""A profile's snapshot with what is needed to compile it: the tree, its context, and where content references lead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from profiles import definitions
from profiles.definitions import Element
from profiles.fhirpath.shapes import Child, Shape
from profiles.validation.profiled.check import Check, Rule
from profiles.validation.profiled.definition import Definition, definition_tree
from profiles.validation.profiled.members import Member
from profiles.validation.profiled.slicing import Slicing, slicing_of
from profiles.validation.profiled.values import value_rules

if TYPE_CHECKING:
    from profiles.validation.profiled.context import Context
    from profiles.validation.profiled.profile import Profile

MAX_NOTES = 50


class Tree:
    """The elements of one profile, and the checks compiled from them. `notes` are faults of the profile itself."""

    def __init__(self, structure: Mapping[str, Any], context: Context, find: Callable[[str], Profile | None]) -> None:
        self.url: str = structure.get("url", "")
        self.type: str = structure.get("type", "")
        self.context = context
        self.find = find
        self.root = definition_tree(structure)
        self.notes: list[tuple[str, str]] = []
        self._by_id: dict[str, Definition] | None = None

    def note(self, name: str, what: str) -> None:
        """Keep a fault of the profile itself: `what` continues the sentence that begins with the element's id."""
        if (name, what) not in self.notes and len(self.notes) < MAX_NOTES:
            self.notes.append((name, what))

    def children(self, definition: Definition) -> list[Definition]:
        """Return the child elements of one, those of what it refers to by contentReference included."""
        if definition.children:
            return definition.children
        reference = definition.raw.get("contentReference")
        if not isinstance(reference, str):
            return []
        target = self._at(reference.rpartition("#")[2])
        return target.children if target is not None else []

    def _at(self, name: str) -> Definition | None:
        if self._by_id is None:
            self._by_id = {}
            queue = [self.root]
            while queue:
                each = queue.pop()
                self._by_id.setdefault(each.id, each)
                if each.slice_name is None:
                    self._by_id.setdefault(each.path, each)
                queue += each.children + each.slices
        return self._by_id.get(name)

    def check(self, definition: Definition, base: Element | None) -> Check | None:
        """Return the check of the values of an element or slice, None where there is nothing to check."""
        rules: tuple[Rule, ...] = value_rules(definition, base, self)
        return Check(definition, self, rules) if rules or self.children(definition) else None

    def members(self, definition: Definition, shape: Shape) -> tuple[Member, ...]:
        """Return what is to be checked inside a value of the type `shape`, by the children of `definition`."""
        found = []
        for child in self.children(definition):
            properties = _properties(child, shape)
            if properties:
                member = self._member(child, properties, _base(shape, child))
                if not member.is_idle():
                    found.append(member)
        return tuple(found)

    def _member(self, definition: Definition, children: tuple[Child, ...], base: Element | None) -> Member:
        check = self.check(definition, base)
        if check is not None and not check.rules and not self._asks(definition, children):
            check = None
        slicing: Slicing | None = slicing_of(definition, base, self) if definition.slices else None
        if slicing is None and isinstance(definition.raw.get("slicing"), dict) and not definition.slices:
            slicing = slicing_of(definition, base, self) if definition.raw["slicing"].get("rules") == "closed" else None
        return Member(definition, children, _limits(definition, base), check, slicing)

    def _asks(self, definition: Definition, children: tuple[Child, ...]) -> bool:
        """Return whether something inside is to be checked. Circles of content references are taken as asking."""
        if not definition.children:
            return True
        return any(self.members(definition, child.shape) for child in children)


def _properties(definition: Definition, shape: Shape) -> tuple[Child, ...]:
    """Return the JSON properties an element stands for in a type; an old form names one of a choice, `valueString`."""
    name = definition.name.removesuffix("[x]")
    found = shape.children.get(name)
    if found is None:
        one = shape.by_json.get(name)
        return (one,) if one is not None else ()
    return tuple(found.values()) if isinstance(found, dict) else (found,)


def _base(shape: Shape, definition: Definition) -> Element | None:
    """Return R4's definition of the element in a type, None where it has none."""
    name = definition.name.removesuffix("[x]")
    children = definitions.at(shape.structure, shape.path).children
    found = next((each for each in children if each.name == name), None)
    return found or next((each for each in children if each.choice and name in each.json_names()), None)


def _limits(definition: Definition, base: Element | None) -> tuple[int, int | None]:
    """Return the cardinality where the profile narrows that of R4: (0, None) says that it does not."""
    least, most = definition.least, definition.most
    if base is None:
        return least, most
    of_base = None if base.max == definitions.UNBOUNDED else base.max
    narrowed = most is not None and (of_base is None or most < of_base)
    return (least if least > base.min else 0), (most if narrowed else None)
