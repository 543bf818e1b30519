"""The snapshot of a StructureDefinition, generated from its differential and its base.

The base's elements become a tree; each element of the differential is found in it, spelled out as far as needed, and
merged (http://hl7.org/fhir/R4/profiling.html#snapshot). Bases without a snapshot are generated first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from profiles import definitions
from profiles.snapshot.errors import SnapshotError
from profiles.snapshot.locate import Locator
from profiles.snapshot.merge import PREFIX, Place, merge
from profiles.snapshot.tree import Node, addresses, element_id, flatten, parse

Resolve = Callable[[str], Mapping[str, Any] | None]
ELEMENTS = 20_000
LEVELS = 32


def snapshot(definition: Mapping[str, Any], resolve: Resolve) -> Mapping[str, Any]:
    """Return `definition` with the `snapshot` that its differential and its base make.

    `resolve` gives a StructureDefinition by `url` or `url|version`, or None. A snapshot that the definition brings
    is used when it is no constraint of another, or when a definition it is built on cannot be resolved.

    Raises SnapshotError, which names the element and the rule: the differential contradicts the base, a definition is
    missing or circular, the definition is a logical model, or the result would have more than ELEMENTS elements.
    """
    tree = Generation(resolve).generate(definition)
    return {**definition, "snapshot": {"element": flatten(tree)}}


class Generation:
    """One call of `snapshot`: the trees of the definitions it met, and how much more it may make."""

    def __init__(self, resolve: Resolve) -> None:
        self.resolve = resolve
        self.left = ELEMENTS * 5
        self._trees: dict[str, Node | None] = {}
        self._pending: list[str] = []

    def generate(self, definition: Mapping[str, Any]) -> Node:
        """Return the tree of `definition`, which is not looked up. Raises SnapshotError."""
        url = str(definition.get("url", ""))[:300]
        try:
            return self._generate(definition, url)
        except SnapshotError as error:
            if error.rule in ("base-missing", "profile-missing") and (supplied := _supplied(definition)):
                return parse(supplied)
            raise error if error.url else SnapshotError(error.element, error.rule, error.detail, url) from error

    def _generate(self, definition: Mapping[str, Any], url: str) -> Node:
        supplied = _supplied(definition)
        if definition.get("kind") == "logical":
            raise SnapshotError("", "not-supported", "it is a logical model; only profiles of R4's types are supported")
        if definition.get("derivation") != "constraint":
            if supplied is None:
                raise SnapshotError("", "not-supported", "it defines a type of its own and brings no snapshot")
            return parse(supplied)
        if url in self._pending:
            raise SnapshotError("", "base-circular", "it is built on itself: " + " > ".join((*self._pending[:8], url)))
        if len(self._pending) >= LEVELS:
            raise SnapshotError("", "too-large", f"more than {LEVELS} definitions are built on each other")
        self._pending.append(url)
        try:
            return self._derive(definition)
        finally:
            self._pending.pop()

    def _derive(self, definition: Mapping[str, Any]) -> Node:
        canonical = definition.get("baseDefinition")
        if not isinstance(canonical, str) or not canonical:
            raise SnapshotError("", "base-missing", "it names no baseDefinition")
        base = self.tree(canonical)
        if base is None:
            raise SnapshotError(
                "", "base-missing", f"its base {canonical[:300]} is not known; add the package that has it"
            )
        if definition.get("type") != base.name:
            raise SnapshotError("", "type-mismatch", f"its type is not {base.name[:80]}, the type of its base")
        differential = _elements(definition, "differential") or []
        root = self.copy(base, "")
        locator = Locator(self, root, base)
        for address, element in addresses(differential):
            where = element_id(address)[:300]
            node = locator.find(address, element)
            node.element = merge(node.element, element, Place(where, self.derives))
        _source(root, str(definition.get("url", "")))
        locator.check()
        return root

    def tree(self, canonical: str) -> Node | None:
        """Return the snapshot of the definition `canonical` as a tree, None when there is no such definition."""
        if canonical in self._trees:
            return self._trees[canonical]
        found = self.resolve(canonical)
        made = None
        if found is not None:
            supplied = _supplied(found)
            made = parse(supplied) if supplied is not None else self.generate(found)
        self._trees[canonical] = made
        return made

    def pending(self, canonical: str) -> bool:
        """Say whether the definition is being generated right now."""
        return canonical.partition("|")[0] in self._pending

    def copy(self, node: Node, where: str) -> Node:
        """Return a copy of the tree below `node`; the elements themselves are shared."""
        self.left -= 1
        if self.left < 0:
            raise SnapshotError(where, "too-large", f"more than {ELEMENTS * 5} elements on the way to the snapshot")
        children = node.children
        return Node(
            node.name,
            node.element,
            node.slice_name,
            None if children is None else {name: self.copy(child, where) for name, child in children.items()},
            {name: self.copy(each, where) for name, each in node.slices.items()} if node.slices else {},
            origin=node,
        )

    def derives(self, canonical: str, ancestors: frozenset[str]) -> bool:
        """Say whether a definition is one of `ancestors` (urls) or derives from one; an unknown one may do so."""
        for _ in range(LEVELS):
            url = canonical.partition("|")[0]
            if url in ancestors:
                return True
            name = url.removeprefix(PREFIX)
            if name in definitions.type_names():
                return any(PREFIX + each in ancestors for each in definitions.ancestors(name))
            found = self.resolve(canonical)
            if found is None:
                return True
            canonical = str(found.get("baseDefinition", ""))
        return False


def _supplied(definition: Mapping[str, Any]) -> list[Any] | None:
    """Return the elements of the snapshot that a definition brings, if it does."""
    return _elements(definition, "snapshot") or None


def _elements(definition: Mapping[str, Any], view: str) -> list[Any] | None:
    """Return the elements of the `snapshot` or `differential`, None when there is no such view."""
    if view not in definition:
        return None
    content = definition[view]
    elements = content.get("element") if isinstance(content, Mapping) else None
    if not isinstance(elements, list):
        raise SnapshotError("", "element-malformed", f"{view}.element is no list of elements")
    if len(elements) > ELEMENTS:
        raise SnapshotError("", "too-large", f"the {view} has more than {ELEMENTS} elements")
    return elements


def _source(root: Node, url: str) -> None:
    """Write into each constraint without a source that it comes from this definition."""
    stack = [root]
    while stack:
        node = stack.pop()
        rules = node.element.get("constraint", ())
        if any("source" not in each for each in rules):
            node.element = {
                **node.element,
                "constraint": [each if "source" in each else {**each, "source": url} for each in rules],
            }
        stack.extend((node.children or {}).values())
        stack.extend(node.slices.values())
