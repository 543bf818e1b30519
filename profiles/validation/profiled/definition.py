"""The snapshot of a StructureDefinition as a tree: elements, their children and their slices.

The tree follows paths and slice names in the order of the snapshot, so that definitions without element ids are read
too (http://hl7.org/fhir/R4/profiling.html#snapshot).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

MAX_ELEMENTS = 20_000
"""A snapshot has at most so many elements; the largest of R4 has some hundreds."""
MAX_DEPTH = 64


class ProfileError(Exception):
    """A profile that cannot be used; the message is fit for an OperationOutcome and names it."""


class Definition:
    """One element of a snapshot; `raw` is its ElementDefinition, `slices` those of it, `name` the path's last part.

    `least` and `most` are its cardinality, None for `*`.
    """

    __slots__ = ("children", "id", "least", "most", "name", "path", "raw", "slice_name", "slices")

    def __init__(self, raw: Json) -> None:
        self.raw = raw
        self.path: str = raw["path"]
        self.name = self.path.rpartition(".")[2]
        self.slice_name: str | None = raw.get("sliceName")
        self.id: str = raw.get("id") or (f"{self.path}:{self.slice_name}" if self.slice_name else self.path)
        least, most = raw.get("min", 0), raw.get("max", "*")
        self.least: int = least if isinstance(least, int) else 0
        self.most: int | None = int(most) if isinstance(most, str) and most.isdecimal() else None
        self.children: list[Definition] = []
        self.slices: list[Definition] = []

    def child(self, name: str) -> Definition | None:
        """Return the child with that FHIRPath name; `value` finds `value[x]`."""
        return next((each for each in self.children if each.name.removesuffix("[x]") == name), None)

    @property
    def types(self) -> list[Json]:
        """The `type` rows of the element."""
        found = self.raw.get("type")
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def value_of(self, name: str) -> tuple[str, Any] | None:
        """Return (type, value) of a choice such as `fixed` or `pattern` (`fixedUri` -> (`Uri`, ...)), None without."""
        for key, value in self.raw.items():
            if key.startswith(name) and key[len(name) : len(name) + 1].isupper():
                return key[len(name) :], value
        return None


def definition_tree(structure: Json) -> Definition:
    """Return the root element of a StructureDefinition with a snapshot. Raises ProfileError when it cannot be read."""
    url = structure.get("url", "without url")
    snapshot = structure.get("snapshot")
    rows = snapshot.get("element") if isinstance(snapshot, dict) else None
    if not isinstance(rows, list) or not rows:
        raise ProfileError(f"the profile {url} has no snapshot; generate one from its base first")
    if len(rows) > MAX_ELEMENTS:
        raise ProfileError(f"the snapshot of the profile {url} has more than {MAX_ELEMENTS:,} elements; split it")
    if not all(isinstance(row, dict) and isinstance(row.get("path"), str) for row in rows):
        raise ProfileError(f"the snapshot of the profile {url} has an element without path; give each its path")
    root = Definition(rows[0])
    open_at: dict[str, Definition] = {root.path: root}
    for row in rows[1:]:
        _add(Definition(row), open_at, str(url))
    return root


def _add(element: Definition, open_at: dict[str, Definition], url: str) -> None:
    """Put an element below the last one of its parent's path; a slice beside the element that it is a slice of."""
    if element.path.count(".") > MAX_DEPTH:
        raise ProfileError(f"the snapshot of the profile {url} nests more than {MAX_DEPTH} deep; flatten it")
    parent = open_at.get(element.path.rpartition(".")[0])
    if parent is None:
        what = f"has the element {element.path} before its parent; write parents first"
        raise ProfileError(f"the snapshot of the profile {url} {what}")
    whole = next((each for each in parent.children if each.path == element.path), None)
    if element.slice_name is None or whole is None:
        if whole is None or element.slice_name is None:
            parent.children.append(element)
    else:
        _sliced(whole, element.slice_name).slices.append(element)
    open_at[element.path] = element


def _sliced(whole: Definition, slice_name: str) -> Definition:
    """Return what a slice is a slice of: for `a/b` the slice `a`, else the whole."""
    before = slice_name.rpartition("/")[0]
    while before:
        found = _slice_named(whole, before)
        if found is not None:
            return found
        before = before.rpartition("/")[0]
    return whole


def _slice_named(whole: Definition, name: str) -> Definition | None:
    for each in whole.slices:
        found = each if each.slice_name == name else _slice_named(each, name)
        if found is not None:
            return found
    return None
