"""Go a path and tell what stands at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mappings.paths.path import Condition, Leaf, Path, Step


def read_path(path: Path, resource: Mapping[str, Any]) -> Iterator[Leaf]:
    """Yield what stands at the end of `path`, in order; a primitive without a value but with extensions too."""
    return _leaves(resource, path.steps)


def children(node: Mapping[str, Any], step: Step) -> list[Any]:
    """Return the values of one property that fulfil the step's conditions."""
    value = node.get(step.key)
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [each for each in items if fulfils(each, step.conditions)] if step.conditions else items


def fulfils(item: Any, conditions: Sequence[Condition]) -> bool:
    """Return whether an item of an array is like that."""
    return isinstance(item, Mapping) and all(_holds(item, each) for each in conditions)


def _holds(item: Mapping[str, Any], condition: Condition) -> bool:
    if condition.equals is None:
        return next(_leaves(item, condition.steps), None) is not None
    values = [leaf.value for leaf in _leaves(item, condition.steps)]
    if condition.begins:
        return len(values) == 1 and str(values[0]).startswith(str(condition.equals))
    return values == [condition.equals]


def _leaves(node: Mapping[str, Any], steps: Sequence[Step]) -> Iterator[Leaf]:
    first, *rest = steps
    if rest:
        for child in children(node, first):
            if isinstance(child, Mapping):
                yield from _leaves(child, rest)
        return
    beside = node.get(f"_{first.key}")
    if isinstance(beside, dict):
        yield Leaf(node.get(first.key), beside)
    else:
        yield from (Leaf(value) for value in children(node, first))
