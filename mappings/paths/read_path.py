"""Go a path and tell what stands at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mappings.paths.path import Condition, Leaf, Path, Step


def read_path(path: Path, resource: Mapping[str, Any]) -> Iterator[Leaf]:
    """Yield what stands at the end of `path`, in order; a primitive without a value but with extensions too."""
    return _leaves(resource, path.steps, 0)


def children(node: Mapping[str, Any], step: Step) -> Sequence[Any]:
    """Return the values of one property that fulfil the step's conditions."""
    value = node.get(step.key)
    if value is None:
        return ()
    items = value if isinstance(value, list) else (value,)
    return [each for each in items if fulfils(each, step.conditions)] if step.conditions else items


def fulfils(item: Any, conditions: Sequence[Condition]) -> bool:
    """Return whether an item of an array is like that."""
    if not isinstance(item, dict):
        return False
    for each in conditions:
        steps = each.steps
        # Most conditions are of one property: the url of an extension, the system of a coding.
        if len(steps) == 1 and each.equals is not None and not each.begins and not steps[0].repeats:
            if item.get(steps[0].key) != each.equals:
                return False
        elif not _holds(item, each):
            return False
    return True


def _holds(item: Mapping[str, Any], condition: Condition) -> bool:
    if condition.equals is None:
        return next(_leaves(item, condition.steps, 0), None) is not None
    values = [leaf.value for leaf in _leaves(item, condition.steps, 0)]
    if condition.begins:
        return len(values) == 1 and str(values[0]).startswith(str(condition.equals))
    return values == [condition.equals]


def _leaves(node: Mapping[str, Any], steps: Sequence[Step], at: int) -> Iterator[Leaf]:
    step = steps[at]
    if at + 1 < len(steps):
        for child in children(node, step):
            if isinstance(child, dict):
                yield from _leaves(child, steps, at + 1)
        return
    beside = node.get(step.beside)
    if isinstance(beside, dict):
        yield Leaf(node.get(step.key), beside)
    else:
        for value in children(node, step):
            yield Leaf(value)
