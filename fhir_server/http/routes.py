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
from fhir_server.interactions.audit_events import external
from fhir_server.model.compartments import ALL_TYPES, check_type
from fhir_server.operations.registry import OPERATIONS, Operation, operation_at
from profiles.definitions import is_resource_type

Level = Literal["instance", "type", "system", ""]
Shape = Literal[
    "",
    "metadata",
    "_history",
    "_search",
    "type",
    "type/_history",
    "type/_search",
    "id",
    "history",
    "vid",
    "compartment",
    "compartment/_search",
    "$",
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
    Route("GET", "compartment", "search", "", ()),
    Route("POST", "compartment/_search", "search", "", ()),
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
    """A route and what the path names; `compartment` is the (type, id) of the resource whose compartment it is."""

    route: Route
    type: str | None = None
    id: str | None = None
    version: str | None = None
    compartment: tuple[str, str] | None = None


class Path(NamedTuple):
    """The shape of a path, and what it names."""

    shape: Shape
    type: str | None = None
    id: str | None = None
    version: str | None = None
    compartment: tuple[str, str] | None = None


def find(method: str, path: str) -> Match:
    """Return the match of a method and a raw path below the base, as `Patient/1`; HEAD is answered as GET.

    Raises NotFound for a path without a route, MethodNotAllowed for one that does not take the method, BadRequest for
    a path that is not percent-encoded UTF-8.
    """
    parts = _split(path)
    if parts and parts[-1][:1] == "$":
        return _find_operation(method, parts)
    found = _path(parts)
    shape, type = found.shape, found.type
    if type is not None and not is_resource_type(type):
        raise NotFound(_unknown_type(type), code="not-supported")
    route = _TABLE[shape].get("GET" if method == "HEAD" else method)
    if route is None:
        raise MethodNotAllowed(
            f"{method} does not go with this URL. It takes {', '.join(allowed(shape))}: see [base]/metadata."
        )
    return Match(route, *found[1:])


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
    type, id = (*parts[:-1], None, None)[:2]
    return Match(route, type, id)


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
        found = _path(parts)
    except (NotFound, BadRequest):
        return ()
    if found.type is not None and not is_resource_type(found.type):
        return ()
    never = {route.method for route in _TABLE[found.shape].values() if route.name in external.NEVER}
    hidden = never if found.type == external.TYPE else frozenset[str]()
    return tuple(method for method in allowed(found.shape) if method not in hidden)


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


def _path(parts: list[str]) -> Path:
    """Return the shape of a path with what it names. Raises NotFound."""
    match len(parts):
        case 2 if parts[1] == "_history" or parts[1] == "_search":
            return Path("type/_history" if parts[1] == "_history" else "type/_search", parts[0])
        case 2:
            return Path("id", parts[0], parts[1])
        case 1 if parts[0] in ("metadata", "_history", "_search"):
            return Path(parts[0])  # type: ignore[arg-type]
        case 1:
            return Path("type", parts[0])
        case 0:
            return Path("")
        case 3 if parts[2] == "_history":
            return Path("history", parts[0], parts[1])
        case 3 if parts[2] == "_search":
            return _inside("compartment/_search", parts[0], parts[1], ALL_TYPES)
        case 3:
            return _inside("compartment", parts[0], parts[1], parts[2])
        case 4 if parts[2] == "_history":
            return Path("vid", parts[0], parts[1], parts[3])
        case 4 if parts[3] == "_search":
            return _inside("compartment/_search", parts[0], parts[1], parts[2])
    raise NotFound("There is nothing at this URL: see [base]/metadata for what this server does.")


def _inside(shape: Shape, compartment: str, id: str, type: str) -> Path:
    check_type(compartment, id, type)
    return Path(shape, None if type == ALL_TYPES else type, compartment=(compartment, id))


def _unknown_type(type: str) -> str:
    return f"{type[:64]} is not a resource type of FHIR R4. Type names are case sensitive, as in Patient."


def interactions() -> Mapping[str, tuple[str, ...]]:
    """Return the interaction codes of the CapabilityStatement: `type` (instance and type level) and `system`."""
    system = [code for route in ROUTES if route.level == "system" for code in route.codes]
    own = [code for route in ROUTES if route.level in ("instance", "type") for code in route.codes]
    return {"type": tuple(dict.fromkeys(own)), "system": tuple(dict.fromkeys(system))}
