"""JSON Patch over a resource (RFC 6902, http://hl7.org/fhir/R4/http.html#patch).

All operations or none: the input is never touched, and the first that fails refuses the patch with its number and
pointer. Arrays and objects that removals leave empty go too, for FHIR has no empty ones. Whether the outcome is a valid
resource is for the validator to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.model.fhir_json import MAX_DEPTH

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_BAD_ESCAPE = re.compile(r"~(?![01])")
_KEPT = ("resourceType", "id")
_MAX_COPIED = 16 * 1024 * 1024

Pointer = tuple[str, ...]


class _Failed(Exception):
    """An operation cannot be performed; the text says why."""


def json_patch(resource: Mapping[str, Any], operations: Any) -> dict[str, Any]:
    """Return `resource` after the JSON Patch `operations`.

    Raises BadRequest when it is not a JSON Patch, Unprocessable when an operation fails or the patch changes
    `resourceType` or `id`.
    """
    if not isinstance(operations, list):
        raise BadRequest("A JSON Patch is an array of operations.", code="structure")
    steps = [_step(number, each) for number, each in enumerate(operations)]
    document: Any = copied(dict(resource))
    state = _State()
    for number, (step, operation) in enumerate(zip(steps, operations, strict=True)):
        try:
            document = step(document, state)
        except _Failed as failure:
            raise Unprocessable(
                f"Operation {number} of the patch ({operation['op']} {_shown(operation['path'])}) fails: {failure}",
                expression=f"[{number}]",
            ) from None
    return checked(resource, without_emptied(document, state.emptied))


@dataclass(slots=True)
class _State:
    """What one patch has done so far: containers that removals emptied, and how much copies have added."""

    emptied: list[Any] = field(default_factory=list)
    copied: int = 0


def copied(value: Any) -> Any:
    """Return a copy of a JSON value that shares no array and no object with it."""
    if isinstance(value, dict):
        return {name: copied(each) for name, each in value.items()}
    return [copied(each) for each in value] if isinstance(value, list) else value


def without_emptied(document: Any, emptied: Sequence[Any]) -> Any:
    """Return `document` without those containers of `emptied` that are still empty, nor those that empties in turn."""
    gone = {id(each) for each in emptied if not each}

    def clean(node: Any) -> bool:
        """Clean what is inside; return whether nothing is left."""
        if isinstance(node, dict):
            for name in [name for name, each in node.items() if clean(each)]:
                del node[name]
                gone.add(id(node))
        elif isinstance(node, list):
            kept = [each for each in node if not clean(each)]
            if len(kept) < len(node):
                node[:] = kept
                gone.add(id(node))
        return isinstance(node, dict | list) and not node and id(node) in gone

    if gone:
        clean(document)
    return document


def checked(before: Mapping[str, Any], after: Any) -> dict[str, Any]:
    """Return the outcome `after` of a patch. Raises Unprocessable when it is another resource than `before`."""
    if not isinstance(after, dict):
        raise Unprocessable("The patch replaces the resource by something that is not an object.")
    for name in _KEPT:
        if after.get(name) != before.get(name):
            raise Unprocessable(
                f"The patch changes {name}, and a resource keeps its type and id; leave {name} as it is.",
                expression=f"{before.get('resourceType')}.{name}",
            )
    return after


def _step(number: int, operation: Any) -> Callable[[Any, _State], Any]:
    """Return the operation as a function from document to document. Raises BadRequest when its form is wrong."""

    def wrong(what: str) -> BadRequest:
        return BadRequest(f"Operation {number} of the patch {what}.", expression=f"[{number}]", code="structure")

    def pointer(member: str) -> Pointer:
        text = operation.get(member)
        if not isinstance(text, str):
            raise wrong(f"needs a string {member}")
        if (text and not text.startswith("/")) or _BAD_ESCAPE.search(text):
            raise wrong(f"has a {member} that is no JSON Pointer: it begins with / and writes ~ as ~0, / as ~1")
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])

    if not isinstance(operation, dict):
        raise wrong("is not an object")
    op, path = operation.get("op"), pointer("path")
    if op in ("add", "replace", "test"):
        if "value" not in operation:
            raise wrong("needs a value")
        value = operation["value"]
        act = {"add": _add, "replace": _replace, "test": _test}[op]
        return lambda document, state: act(document, path, value)
    if op == "remove":
        return lambda document, state: _remove(document, path, state)[0]
    if op in ("move", "copy"):
        source = pointer("from")
        if op == "move" and path[: len(source)] == source and len(path) > len(source):
            raise wrong("moves a place into itself")
        transfer = _move if op == "move" else _copy
        return lambda document, state: transfer(document, source, path, state)
    raise wrong("has an op other than add, remove, replace, move, copy and test")


def _add(document: Any, path: Pointer, value: Any) -> Any:
    value = _fitting(path, value)
    if not path:
        return value
    parent, last = _get(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(parent, last, len(parent)), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise _Failed(f"{_pointer(path[:-1])} is neither an object nor an array.")
    return document


def _fitting(path: Pointer, value: Any) -> Any:
    """Return a copy of `value`, which shall stand at `path`, where the document must not nest too deep."""
    if depth_of(value, MAX_DEPTH) + len(path) > MAX_DEPTH:
        raise _Failed(f"the resource would nest deeper than {MAX_DEPTH} levels.")
    return copied(value)


def depth_of(value: Any, limit: int) -> int:
    """Return how many levels of arrays and objects `value` has, at most `limit` + 1."""
    depth, level = 0, [value]
    while depth <= limit and (level := [each for each in level if isinstance(each, dict | list)]):
        depth += 1
        level = [child for each in level for child in (each.values() if isinstance(each, dict) else each)]
    return depth


def _remove(document: Any, path: Pointer, state: _State) -> tuple[Any, Any]:
    """Return the document without, and the value that was there."""
    if not path:
        raise _Failed("the whole resource cannot be removed by a patch; delete it.")
    value = _get(document, path)
    parent, last = _get(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        del parent[_index(parent, last, len(parent) - 1)]
    else:
        del parent[last]
    if not parent:
        state.emptied.append(parent)
    return document, value


def _replace(document: Any, path: Pointer, value: Any) -> Any:
    value = _fitting(path, value)
    if not path:
        return value
    _get(document, path)
    parent, last = _get(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent[_index(parent, last, len(parent) - 1)] = value
    else:
        parent[last] = value
    return document


def _move(document: Any, source: Pointer, path: Pointer, state: _State) -> Any:
    if source == path:
        _get(document, source)
        return document
    document, value = _remove(document, source, state)
    return _add(document, path, value)


def _copy(document: Any, source: Pointer, path: Pointer, state: _State) -> Any:
    value = _get(document, source)
    state.copied += _size(value)
    if state.copied > _MAX_COPIED:
        raise _Failed(f"the copies of the patch add more than {_MAX_COPIED // 1024 // 1024} MiB.")
    return _add(document, path, value)


def _size(value: Any) -> int:
    """Return about how many bytes a value has as JSON; the levels are few, the document is never too deep."""
    if isinstance(value, dict):
        return 2 + sum(len(name) + 4 + _size(each) for name, each in value.items())
    if isinstance(value, list):
        return 2 + sum(1 + _size(each) for each in value)
    return len(value) + 2 if isinstance(value, str) else 8


def _test(document: Any, path: Pointer, value: Any) -> Any:
    if not same(_get(document, path), value):
        raise _Failed("the value there is another one, so nothing was changed.")
    return document


def _get(document: Any, path: Pointer) -> Any:
    for depth, part in enumerate(path):
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(document, part, len(document) - 1)]
        else:
            raise _Failed(f"there is nothing at {_pointer(path[: depth + 1])}.")
    return document


def _index(array: list[Any], part: str, last: int) -> int:
    if part == "-":
        raise _Failed("- is the place after the last item, where only add may write.")
    if not _INDEX.fullmatch(part):
        raise _Failed("an array is indexed by a number without leading zeros.")
    if int(part) > last:
        raise _Failed(f"the array has {len(array)} items and none at index {part}.")
    return int(part)


def same(left: Any, right: Any) -> bool:
    """Return whether two JSON values are equal by RFC 6902: numbers by value, objects without order."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | Decimal) and isinstance(right, int | Decimal):
        return left == right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[name]) for name, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and bool(left == right)


def _pointer(path: Pointer) -> str:
    return _shown("/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path))


def _shown(pointer: str) -> str:
    """Return the pointer for a message: it names elements, never values, unless a client puts them there."""
    return pointer if len(pointer) <= 200 else pointer[:200] + "..."
