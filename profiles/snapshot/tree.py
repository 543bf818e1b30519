"""The elements of a StructureDefinition as a tree: children by name, slices beside what they slice.

A snapshot lists an element, then what is inside of it, then its slices with what is inside of each; `parse` and
`flatten` go between that list and the tree (http://hl7.org/fhir/R4/elementdefinition.html#id). The dict of an element
has no id, path or sliceName here: these follow from its place. It is shared between trees and never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from profiles.snapshot.errors import SnapshotError

DEPTH = 64
LENGTH = 1_000
PLACE = frozenset(("id", "path", "sliceName"))
Json = dict[str, Any]
Step = tuple[str, str]
"""The name of an element and of its slice, "" outside of any: `("value[x]", "valueQuantity")`."""
Address = tuple[Step, ...]


@dataclass(slots=True)
class Node:
    """One element. `children` is None as long as nothing below its type is spelled out.

    `new` marks a slice that the definition at hand makes, and `sliced` is what a node in it is a slice of. `origin` is
    the node that this one is a copy of, as it was before the definition at hand constrained it.
    """

    name: str
    element: Json
    slice_name: str = ""
    children: dict[str, Node] | None = None
    slices: dict[str, Node] = field(default_factory=dict)
    new: bool = False
    origin: Node | None = None
    sliced: Node | None = None

    def named(self, name: str, slice_name: str = "") -> Node | None:
        """Return the child called `name`, or its slice."""
        child = (self.children or {}).get(name)
        return child if child is None or not slice_name else child.slices.get(slice_name)


def addresses(elements: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Address, Mapping[str, Any]]]:
    """Yield each element with its place in the tree: from its id where that fits, else from path, sliceName and order.

    Raises SnapshotError for an element that is not an ElementDefinition, is deeper than DEPTH, or has a list of more
    than LENGTH entries.
    """
    last: dict[str, Address] = {}
    for number, element in enumerate(elements):
        path = element.get("path") if isinstance(element, Mapping) else None
        if not isinstance(path, str) or not path:
            raise SnapshotError("", "element-malformed", f"element {number} has no path")
        names = path.split(".")
        if len(names) > DEPTH:
            raise SnapshotError(path[:200], "too-large", f"more than {DEPTH} levels")
        _well_formed(element, path[:200])
        address = _from_id(element, names) or _from_order(element, names, last)
        last[path] = address
        yield address, element


def _well_formed(element: Mapping[str, Any], where: str) -> None:
    """Refuse what cannot be read as an ElementDefinition, or is too long to be one."""
    slicing, binding, types = element.get("slicing", {}), element.get("binding", {}), element.get("type", [])
    fine = (
        isinstance(slicing, Mapping) and isinstance(binding, Mapping) and isinstance(element.get("sliceName", ""), str)
    )
    if fine:
        rows = (types, element.get("constraint", []), slicing.get("discriminator", []))
        fine = all(_list_of(each, Mapping, where) for each in rows)
    if fine:
        texts = [each.get(key, []) for each in types for key in ("profile", "targetProfile")]
        fine = all(_list_of(each, str, where) for each in (element.get("condition", []), *texts))
    if not fine:
        raise SnapshotError(where, "element-malformed", "it is no ElementDefinition")


def _list_of(value: Any, kind: type, where: str) -> bool:
    if isinstance(value, list | tuple) and len(value) > LENGTH:
        raise SnapshotError(where, "too-large", f"a list of more than {LENGTH} entries")
    return isinstance(value, list | tuple) and all(isinstance(each, kind) for each in value)


def _from_id(element: Mapping[str, Any], names: list[str]) -> Address | None:
    given = element.get("id")
    if not isinstance(given, str):
        return None
    steps = [part.partition(":")[::2] for part in given.split(".")]
    if len(steps) != len(names) or steps[-1][1] != (element.get("sliceName") or ""):
        return None
    if not all(_same(step[0], name) for step, name in zip(steps, names, strict=True)):
        return None
    return tuple(steps)


def _same(step: str, name: str) -> bool:
    """Say whether an id and a path mean one element; a path may write `valueQuantity` for `value[x]`."""
    return step == name or (step.endswith("[x]") and name.startswith(step[:-3]))


def _from_order(element: Mapping[str, Any], names: list[str], last: Mapping[str, Address]) -> Address:
    slice_name = element.get("sliceName") or ""
    for length in range(len(names) - 1, 0, -1):
        above = last.get(".".join(names[:length]))
        if above is not None:
            return (*above, *((name, "") for name in names[length:-1]), (names[-1], slice_name))
    return (*((name, "") for name in names[:-1]), (names[-1], slice_name))


def element_id(address: Address) -> str:
    """Return the id of an element in the official form: `Patient.identifier:INS.system`."""
    return ".".join(f"{name}:{slice_name}" if slice_name else name for name, slice_name in address)


def parse(elements: Iterable[Mapping[str, Any]]) -> Node:
    """Return the tree of a snapshot. Raises SnapshotError: it has no root, or an element without a parent."""
    root: Node | None = None
    for address, element in addresses(elements):
        content = {key: value for key, value in element.items() if key not in PLACE}
        name, slice_name = address[-1]
        node = Node(name, content, slice_name)
        if root is None:
            if len(address) != 1:
                raise SnapshotError(element_id(address), "element-unknown", "the first element is not the root")
            root = node
        else:
            _insert(root, address, node)
    if root is None:
        raise SnapshotError("", "no-elements", "no elements")
    return root


def _insert(root: Node, address: Address, node: Node) -> None:
    parent: Node | None = root
    for step in address[1:-1]:
        parent = parent.named(*step) if parent else None
    if parent is None or len(address) == 1:
        raise SnapshotError(element_id(address), "element-unknown", "the snapshot has no element above this one")
    if parent.children is None:
        parent.children = {}
    if not node.slice_name:
        parent.children[node.name] = node
        return
    sliced = parent.children.setdefault(node.name, Node(node.name, {**node.element}))
    sliced.slices[node.slice_name] = node


def flatten(root: Node) -> list[Json]:
    """Return the elements of the tree in the order and with the ids and paths of a snapshot."""
    found: list[Json] = []

    def visit(node: Node, above: str, path: str) -> None:
        here = f"{above}{node.name}:{node.slice_name}" if node.slice_name else above + node.name
        name = {"sliceName": node.slice_name} if node.slice_name else {}
        found.append({"id": here, "path": path + node.name, **name, **node.element})
        for child in (node.children or {}).values():
            visit(child, f"{here}.", f"{path}{node.name}.")
        for each in _nested(node.slices):
            visit(each, above, path)

    visit(root, "", "")
    return found


def _nested(slices: Mapping[str, Node]) -> Iterator[Node]:
    """Yield slices in order, a slice of a slice (`a/b`) behind the one it belongs to."""
    inside: dict[str, list[str]] = {}
    for name in slices:
        above = name.rpartition("/")[0]
        inside.setdefault(above if above in slices else "", []).append(name)
    stack = inside.get("", [])[::-1]
    while stack:
        name = stack.pop()
        yield slices[name]
        stack.extend(inside.get(name, ())[::-1] if name else ())
