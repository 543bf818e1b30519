"""The REST surface: which interaction a method and a path ask for (http://hl7.org/fhir/R4/http.html#summary).

`ROUTES` and the registry of operations are the whole of it; the CapabilityStatement lists what stands there. A path is
split by hand and never matched against patterns: this is on the road of every request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fhir_server.errors import BadRequest, MethodNotAllowed, NotFound
from fhir_server.http.query import decode
from fhir_server.operations.registry import OPERATIONS, Operation, operation_at
from profiles.definitions import is_resource_type

Level = Literal["instance", "type", "system", ""]
Shape = Literal[
    "", "metadata", "_history", "_search", "type", "type/_history", "type/_search", "id", "history", "vid", "$"
]


@dataclass(frozen=True, slots=True)
class Route:
    """One row: `name` is the interaction's file and function, `code` what the CapabilityStatement calls it."""

    method: str
    shape: Shape
    name: str
    level: Level
    codes: tuple[str, ...]


ROUTES = (
    Route("GET", "id", "read", "instance", ("read",)),
    Route("GET", "vid", "vread", "instance", ("vread",)),
    Route("PUT", "id", "update", "instance", ("update",)),
    Route("PATCH", "id", "patch", "instance", ("patch",)),
    Route("DELETE", "id", "delete", "instance", ("delete",)),
    Route("GET", "history", "history", "instance", ("history-instance",)),
    Route("POST", "type", "create", "type", ("create",)),
    Route("GET", "type", "search", "type", ("search-type",)),
    Route("POST", "type/_search", "search", "type", ("search-type",)),
    Route("PUT", "type", "update", "type", ("update",)),
    Route("PATCH", "type", "patch", "type", ("patch",)),
    Route("DELETE", "type", "delete", "type", ("delete",)),
    Route("GET", "type/_history", "history", "type", ("history-type",)),
    Route("GET", "", "search", "system", ("search-system",)),
    Route("POST", "_search", "search", "system", ("search-system",)),
    Route("POST", "", "bundle", "system", ("batch", "transaction")),
    Route("GET", "_history", "history", "system", ("history-system",)),
    Route("GET", "metadata", "capabilities", "", ()),
)

_TABLE: Mapping[str, Mapping[str, Route]] = {
    shape: {route.method: route for route in ROUTES if route.shape == shape} for shape in {r.shape for r in ROUTES}
}

_OPERATIONS: Mapping[tuple[str, str], Route] = {
    (each.name, method): Route(method, "$", f"${each.name}", "", ())
    for each in OPERATIONS.values()
    for method in each.methods
}


class Match(NamedTuple):
    """A route and what the path names."""

    route: Route
    type: str | None = None
    id: str | None = None
    version: str | None = None


def find(method: str, path: str) -> Match:
    """Return the match of a method and a raw path below the base, as `Patient/1`; HEAD is answered as GET.

    Raises NotFound for a path without a route, MethodNotAllowed for one that does not take the method, BadRequest for
    a path that is not percent-encoded UTF-8.
    """
    parts = _split(path)
    if parts and parts[-1][:1] == "$":
        return _find_operation(method, parts)
    shape, type, id, version = _shape(parts)
    if type is not None and not is_resource_type(type):
        raise NotFound(_unknown_type(type), code="not-supported")
    route = _TABLE[shape].get("GET" if method == "HEAD" else method)
    if route is None:
        raise MethodNotAllowed(
            f"{method} does not go with this URL. It takes {', '.join(allowed(shape))}: see [base]/metadata."
        )
    return Match(route, type, id, version)


def _find_operation(method: str, parts: list[str]) -> Match:
    """Return the match of `$name`, `[type]/$name` or `[type]/[id]/$name`."""
    operation = _operation(parts)
    if operation is None:
        raise NotFound(
            "There is no such operation here: see [base]/metadata for those there are.", code="not-supported"
        )
    route = _OPERATIONS.get((operation.name, "GET" if method == "HEAD" else method))
    if route is None:
        raise MethodNotAllowed(
            f"{method} does not go with ${operation.name}. It takes {', '.join(_with_others(operation.methods))}."
        )
    return Match(route, *parts[:-1])


def _operation(parts: list[str]) -> Operation | None:
    type, id = (*parts[:-1], None, None)[:2]
    if len(parts) > 3 or (type is not None and not is_resource_type(type)):
        return None
    return operation_at(parts[-1][1:], type, id)


def plain_read(path: str) -> tuple[str, str] | None:
    """Return type and id when `path` can only be that of a read, None when `find` must look closer."""
    type, slash, id = path.partition("/")
    if not slash or not id or id[0] in "_$" or "/" in id or "%" in path or type == "Binary":
        return None
    return (type, id) if is_resource_type(type) else None


def methods(path: str) -> tuple[str, ...]:
    """Return the methods that the path takes; none when it has no route."""
    try:
        parts = _split(path)
        if parts and parts[-1][:1] == "$":
            operation = _operation(parts)
            return _with_others(operation.methods) if operation else ()
        shape, type, _, _ = _shape(parts)
    except (NotFound, BadRequest):
        return ()
    return allowed(shape) if type is None or is_resource_type(type) else ()


def allowed(shape: str) -> tuple[str, ...]:
    """Return the methods that a shape takes, HEAD and OPTIONS included."""
    return _with_others(tuple(_TABLE[shape]))


def _with_others(own: tuple[str, ...]) -> tuple[str, ...]:
    return (*own, "HEAD", "OPTIONS") if "GET" in own else (*own, "OPTIONS")


def _split(path: str) -> list[str]:
    parts = path.split("/")
    if not parts[-1]:
        parts.pop()
    if "%" in path:
        parts = [decode(part, "The path") for part in parts]
    return parts


def _shape(parts: list[str]) -> tuple[Shape, str | None, str | None, str | None]:
    """Return the shape of a path with the type, id and version it names. Raises NotFound."""
    match len(parts):
        case 2 if parts[1] == "_history" or parts[1] == "_search":
            return ("type/_history" if parts[1] == "_history" else "type/_search"), parts[0], None, None
        case 2:
            return "id", parts[0], parts[1], None
        case 1 if parts[0] in ("metadata", "_history", "_search"):
            return parts[0], None, None, None  # type: ignore[return-value]
        case 1:
            return "type", parts[0], None, None
        case 0:
            return "", None, None, None
        case 3 if parts[2] == "_history":
            return "history", parts[0], parts[1], None
        case 4 if parts[2] == "_history":
            return "vid", parts[0], parts[1], parts[3]
    raise NotFound("There is nothing at this URL: see [base]/metadata for what this server does.")


def _unknown_type(type: str) -> str:
    return f"{type[:64]} is not a resource type of FHIR R4. Type names are case sensitive, as in Patient."


def interactions() -> Mapping[str, tuple[str, ...]]:
    """Return the interaction codes of the CapabilityStatement: `type` (instance and type level) and `system`."""
    system = [code for route in ROUTES if route.level == "system" for code in route.codes]
    own = [code for route in ROUTES if route.level in ("instance", "type") for code in route.codes]
    return {"type": tuple(dict.fromkeys(own)), "system": tuple(dict.fromkeys(system))}
