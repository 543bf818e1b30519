"""JSON Patch over a resource (RFC 6902, http://hl7.org/fhir/R4/http.html#patch).

All operations or none: the input is never touched, and the first that fails refuses the patch with its number and
pointer. Whether the outcome is a valid resource is for the validator to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.model.fhir_json import check_depth

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_BAD_ESCAPE = re.compile(r"~(?![01])")
_KEPT = ("resourceType", "id")

Pointer = tuple[str, ...]


class _Failed(Exception):
    """An operation cannot be performed; the text says why."""


def json_patch(resource: Mapping[str, Any], operations: Any) -> dict[str, Any]:
    """Return `resource` after the JSON Patch `operations`.

    Raises BadRequest when it is not a JSON Patch, Unprocessable when an operation fails, when the patch changes
    `resourceType` or `id`, or when the outcome nests too deep.
    """
    if not isinstance(operations, list):
        raise BadRequest("A JSON Patch is an array of operations.", code="structure")
    steps = [_step(number, each) for number, each in enumerate(operations)]
    document: Any = deepcopy(dict(resource))
    for number, (step, operation) in enumerate(zip(steps, operations, strict=True)):
        try:
            document = step(document)
        except _Failed as failure:
            raise Unprocessable(
                f"Operation {number} of the patch ({operation['op']} {_shown(operation['path'])}) fails: {failure}",
                expression=f"[{number}]",
            ) from None
    _check_outcome(resource, document)
    return document  # type: ignore[no-any-return]


def _check_outcome(before: Mapping[str, Any], after: Any) -> None:
    if not isinstance(after, dict):
        raise Unprocessable("The patch replaces the resource by something that is not an object.")
    for name in _KEPT:
        if after.get(name) != before.get(name):
            raise Unprocessable(
                f"The patch changes {name}, and a resource keeps its type and id; leave {name} as it is.",
                expression=f"{before.get('resourceType')}.{name}",
            )
    check_depth(after)


def _step(number: int, operation: Any) -> Callable[[Any], Any]:
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
        return lambda document: act(document, path, value)
    if op == "remove":
        return lambda document: _remove(document, path)[0]
    if op in ("move", "copy"):
        source = pointer("from")
        if op == "move" and path[: len(source)] == source and len(path) > len(source):
            raise wrong("moves a place into itself")
        return lambda document: (_move if op == "move" else _copy)(document, source, path)
    raise wrong("has an op other than add, remove, replace, move, copy and test")


def _add(document: Any, path: Pointer, value: Any) -> Any:
    value = deepcopy(value)
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


def _remove(document: Any, path: Pointer) -> tuple[Any, Any]:
    """Return the document without, and the value that was there."""
    if not path:
        raise _Failed("the whole resource cannot be removed by a patch; delete it.")
    value = _get(document, path)
    parent, last = _get(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        del parent[_index(parent, last, len(parent) - 1)]
    else:
        del parent[last]
    return document, value


def _replace(document: Any, path: Pointer, value: Any) -> Any:
    value = deepcopy(value)
    if not path:
        return value
    _get(document, path)
    parent, last = _get(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent[_index(parent, last, len(parent) - 1)] = value
    else:
        parent[last] = value
    return document


def _move(document: Any, source: Pointer, path: Pointer) -> Any:
    if source == path:
        _get(document, source)
        return document
    document, value = _remove(document, source)
    return _add(document, path, value)


def _copy(document: Any, source: Pointer, path: Pointer) -> Any:
    return _add(document, path, _get(document, source))


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
