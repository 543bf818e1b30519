"""Go a path and write at its end, making what is missing on the way; or take away what is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mappings.concepts.names import EMPTY
from mappings.paths.path import Condition, Json, Leaf, Path, Step
from mappings.paths.read_path import children, fulfils, read_path


def write_path(path: Path, resource: Json, leaf: Leaf | None) -> None:
    """Make `leaf` the first that the path leads to, in place; None takes away all that it leads to.

    An object is laid over the one that is there, a key of it whose value is None is taken away. A value of one type of
    a choice takes the place of one of another. What only existed to hold the element goes with it: empty objects, and
    items of which nothing is left but what the path asks of them.
    """
    if leaf is None:
        _remove(resource, path.steps)
        return
    there = next(read_path(path, resource), None) is not None
    _set(_holder(resource, path.steps, there), path.steps[-1], leaf)


def _holder(node: Json, steps: Sequence[Step], there: bool) -> Json:
    """Return the object that has the last step: the first in which it is, where it is somewhere, else a new one."""
    *before, last = steps
    if not before:
        return node
    found = [each for each in children(node, before[0]) if isinstance(each, dict)]
    if there:
        rest = tuple(steps[1:])
        for each in found:
            if next(read_path(Path("", "", rest), each), None) is not None:
                return _holder(each, rest, True)
    child = found[0] if found else _new(node, before[0])
    return _holder(child, [*before[1:], last], False)


def _new(node: Json, step: Step) -> Json:
    """Put a new object under a step, like its conditions want it."""
    _clear_choice(node, step)
    item: Json = {}
    _meet(item, step.conditions)
    if step.repeats:
        node.setdefault(step.key, []).append(item)
        return item
    there = node.setdefault(step.key, item)
    if there is not item:
        _meet(there, step.conditions)
    return there if isinstance(there, dict) else item


def _meet(item: Json, conditions: Sequence[Condition]) -> None:
    for condition in conditions:
        if condition.begins or fulfils(item, (condition,)):
            continue
        holder = _holder(item, condition.steps, False)
        if condition.equals is None:
            _new(holder, condition.steps[-1])
        else:
            holder[condition.steps[-1].key] = condition.equals


def _set(holder: Json, step: Step, leaf: Leaf) -> None:
    if isinstance(leaf.value, dict):
        found = [each for each in children(holder, step) if isinstance(each, dict)]
        target = found[0] if found else _new(holder, step)
        merged = {key: value for key, value in (target | leaf.value).items() if value is not None}
        target.clear()
        target.update(merged)
        return
    if leaf != Leaf(None):
        _clear_choice(holder, step)
    for key, value in ((step.key, leaf.value), (step.beside, _beside(holder.get(step.beside), leaf.beside))):
        if value is None:
            holder.pop(key, None)
        else:
            holder[key] = value


def _clear_choice(holder: Json, step: Step) -> None:
    """Take away what is there in another type of the choice (http://hl7.org/fhir/R4/formats.html#choice)."""
    for name in step.instead:
        holder.pop(name, None)
        holder.pop(f"_{name}", None)


def _beside(there: Json | None, new: Json | None) -> Json | None:
    """Return what stands beside a primitive: what others have put there, and what the new value brings."""
    kept = dict(there or {})
    extensions = [each for each in kept.pop("extension", ()) if each.get("url") != EMPTY["url"]]
    extensions += (new or {}).get("extension", ())
    return kept | ({"extension": extensions} if extensions else {}) or None


def _remove(node: Json, steps: Sequence[Step]) -> None:
    first, *rest = steps
    if not rest and not first.conditions:
        node.pop(first.key, None)
        node.pop(first.beside, None)
        return
    value = node.get(first.key)
    kept: list[Any] = []
    for each in value if isinstance(value, list) else [] if value is None else [value]:
        if fulfils(each, first.conditions):
            if not rest:
                continue
            _remove(each, rest)
            if _is_bare(each, first.conditions):
                continue
        kept.append(each)
    if not kept:
        node.pop(first.key, None)
    elif isinstance(value, list):
        node[first.key] = kept


def _is_bare(item: Json, conditions: Sequence[Condition]) -> bool:
    """Return whether nothing is in an item but what `_new` would make."""
    made: Json = {}
    _meet(made, conditions)
    return item in ({}, made)
