"""Where in the tree an element of a differential belongs; what is not spelled out yet is spelled out on the way.

Below an element stand the children of its type, of the profile its type names, or of the element it refers to by
contentReference. A slice begins as a copy of what it slices (http://hl7.org/fhir/R4/profiling.html#slicing).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from profiles.snapshot.errors import SnapshotError
from profiles.snapshot.merge import PREFIX, type_code
from profiles.snapshot.tree import Address, Node, element_id

if TYPE_CHECKING:
    from profiles.snapshot.snapshot import Generation

Json = dict[str, Any]
BY_URL: Json = {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "open"}
BY_TYPE: Json = {"discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": "open"}
EXTENSIONS = ("extension", "modifierExtension")


class Locator:
    """Finds the elements of one differential in the tree `root`, a copy of the tree `base`."""

    def __init__(self, generation: Generation, root: Node, base: Node) -> None:
        self._generation = generation
        self._root = root
        self._base = base
        self._sliced: dict[int, tuple[str, Node]] = {}
        self._shortcuts: dict[int, list[str]] = {}

    def find(self, address: Address, element: Mapping[str, Any]) -> Node:
        """Return the node for `address`, ready for `element` to be merged into it. Raises SnapshotError."""
        if address[0] != (self._root.name, ""):
            raise SnapshotError(element_id(address)[:300], "element-unknown", f"the type is {self._root.name[:80]}")
        node, inside_new = self._root, False
        for depth, (name, slice_name) in enumerate(address[1:], 2):
            where = element_id(address[:depth])[:300]
            self._unfold(node, where)
            node = self._child(node, name, slice_name, where, inside_new)
            inside_new = inside_new or node.new
        self._take_profile(node, element)
        return node

    def check(self) -> None:
        """Refuse slices without a rule for telling them apart."""
        for where, node in self._sliced.values():
            if "slicing" not in node.element:
                raise SnapshotError(
                    where, "slicing", "the element has slices, and no slicing says how to tell them apart"
                )

    def _child(self, parent: Node, name: str, slice_name: str, where: str, inside_new: bool) -> Node:
        children = parent.children or {}
        child = children.get(name)
        if child is None:
            choice = _choice(children, name)
            if choice is None:
                raise SnapshotError(where, "element-unknown", f"the base has no element {name[:80]} here")
            return self._shortcut(*choice, name, where, inside_new)
        return self._slice(child, slice_name, where) if slice_name else child

    def _shortcut(self, child: Node, entry: Json, name: str, where: str, inside_new: bool) -> Node:
        """Return the node for `valueQuantity` where the base has `value[x]`: the choice is left to that type."""
        known = child.slices.get(name)
        if known is not None:
            return known
        if len(child.element.get("type", ())) == 1 or (inside_new and not child.slices):
            child.element = {**child.element, "type": [entry]}
            return child
        pristine = child.element
        chosen = self._shortcuts.setdefault(id(child), [])
        node = self._slice(child, name, where)
        if "slicing" not in pristine or chosen:
            chosen.append(type_code(entry))
            types = [*([] if len(chosen) == 1 else pristine["type"]), entry]
            child.element = {**child.element, "slicing": {**BY_TYPE, "rules": "closed"}, "type": types}
        node.element = {**node.element, "type": [entry]}
        return node

    def _slice(self, sliced: Node, name: str, where: str) -> Node:
        known = sliced.slices.get(name)
        if known is not None:
            return known
        origin = sliced.slices.get(name.rpartition("/")[0], sliced)
        before = origin.origin or origin
        slicing = sliced.element.get("slicing", {})
        if origin is sliced and slicing.get("rules") == "closed" and id(sliced) not in self._sliced and sliced.slices:
            raise SnapshotError(where, "slicing", f"the base has closed the slicing; {name[:80]} is a new slice")
        made = self._generation.copy(Node(before.name, before.element, "", before.children), where)
        made.slice_name, made.new, made.sliced = name, True, sliced
        made.element = {key: value for key, value in before.element.items() if key != "slicing"} | {"min": 0}
        if sliced.name.endswith("[x]"):
            made.element = _only_type(made.element, sliced.name, name)
        if not slicing and (sliced.name in EXTENSIONS or sliced.name.endswith("[x]")):
            sliced.element = {**sliced.element, "slicing": BY_URL if sliced.name in EXTENSIONS else BY_TYPE}
        self._sliced.setdefault(id(sliced), (where, sliced))
        sliced.slices[name] = made
        return made

    def _unfold(self, node: Node, where: str) -> None:
        """Give `node` the children that its type, its type's profile or its contentReference says it has."""
        if node.children is not None:
            return
        reference = node.element.get("contentReference")
        if reference:
            origin = self._content(str(reference), where)
            node.element = {key: value for key, value in node.element.items() if key != "contentReference"}
            node.element["type"] = origin.element.get("type", [])
        else:
            origin = self._type(node.element.get("type", ()), where)
        made = self._generation.copy(Node(origin.name, origin.element, "", origin.children or {}), where)
        node.children = made.children
        _bind(node)

    def _content(self, reference: str, where: str) -> Node:
        node: Node | None = self._base
        for name in reference.partition("#")[2].split(".")[1:]:
            node = node.named(name) if node else None
        if node is None or node.children is None:
            raise SnapshotError(where, "element-unknown", f"the content reference {reference[:200]} leads nowhere")
        return node

    def _type(self, types: Any, where: str) -> Node:
        if not types:
            raise SnapshotError(where, "element-unknown", "the element above has no type that could have elements")
        profile = _only_profile(types)
        if profile is not None:
            if self._generation.pending(profile):
                raise SnapshotError(where, "base-circular", f"it looks into {profile[:300]}, which is built on it")
            canonical = profile
        else:
            code = type_code(types[0]) if len(types) == 1 else "Element"
            canonical = code if "://" in code else PREFIX + code
        found = self._generation.tree(canonical)
        if found is None:
            raise SnapshotError(
                where, "profile-missing", f"{canonical[:300]} is not known; add the package that has it"
            )
        return found

    def _take_profile(self, node: Node, element: Mapping[str, Any]) -> None:
        """Let `node` take over what the root of the profile says that `element` names as its one type."""
        profile = _only_profile(element.get("type", ()))
        root = None if profile is None or self._generation.pending(profile) else self._generation.tree(profile)
        if root is None:
            return
        made = dict(node.element)
        known = {str(each.get("key")) for each in made.get("constraint", ())}
        more = [each for each in root.element.get("constraint", ()) if str(each.get("key")) not in known]
        if more:
            made["constraint"] = [*made.get("constraint", ()), *more]
        if root.element.get("condition"):
            made["condition"] = sorted({*made.get("condition", ()), *root.element["condition"]})
        if root.element.get("isModifier"):
            made["isModifier"] = True
        if node.new and root.name == "Extension":
            made["min"], made["max"] = root.element.get("min", 0), root.element.get("max", "*")
        node.element = made


def _bind(node: Node) -> None:
    """Give what is inside a new slice the bindings that the definition at hand gave to the same in what is sliced.

    Rules about an element that is sliced hold for all its slices (http://hl7.org/fhir/R4/profiling.html#slicing).
    """
    sliced = node.sliced.children if node.sliced is not None else None
    for name, child in (node.children or {}).items() if sliced else ():
        like = (sliced or {}).get(name)
        if like is None:
            continue
        child.sliced = like
        stated, first = like.element.get("binding"), like.origin.element.get("binding") if like.origin else None
        if stated is not None and stated is not first and child.element.get("binding") == first:
            child.element = {**child.element, "binding": stated}


def _only_profile(types: Any) -> str | None:
    """Return the profile that an element's type must have, when there is one type and one profile."""
    if len(types) != 1:
        return None
    profiles = types[0].get("profile", ())
    return str(profiles[0]) if len(profiles) == 1 else None


def _choice(children: Mapping[str, Node], name: str) -> tuple[Node, Json] | None:
    """Return the choice element and the type that `valueQuantity` means."""
    for key, child in children.items():
        if key.endswith("[x]") and name.startswith(key[:-3]):
            for entry in child.element.get("type", ()):
                if _suffixed(key, type_code(entry)) == name:
                    return child, entry
    return None


def _suffixed(choice: str, code: str) -> str:
    return choice[:-3] + code[:1].upper() + code[1:]


def _only_type(element: Json, choice: str, slice_name: str) -> Json:
    """Return the slice `valueQuantity` with the one type that its name says, when it says one."""
    found = [each for each in element.get("type", ()) if _suffixed(choice, type_code(each)) == slice_name]
    return {**element, "type": found} if found else element
