"""Resolve references: inside the resource, inside its Bundle, by the caller, or at least to a type.

http://hl7.org/fhir/R4/references.html, http://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

from typing import Any

from profiles.definitions import is_resource_type
from profiles.fhirpath.environment import Frame
from profiles.fhirpath.node import Json, Node, Scope
from profiles.fhirpath.shapes import resource_shape, shape

LINKS = frozenset({"uri", "url", "canonical", "uuid", "oid"})


def reference_text(item: Any) -> str | None:
    """Return what an item refers to: a Reference's `reference`, a uri, a string; None for anything else."""
    if item.__class__ is str:
        return str(item)
    if item.__class__ is not Node:
        return None
    value = item.value
    if value.__class__ is dict:
        text = value.get("reference") if item.shape.type == "Reference" else None
        return text if isinstance(text, str) else None
    return value if isinstance(value, str) and ("uri" in item.shape.ancestors or item.shape.type == "string") else None


def named_type(text: str) -> tuple[str, str] | None:
    """Return (type, id) of `Patient/1`, also at the end of a URL and with a version; None where it names no type."""
    parts = text.partition("?")[0].partition("#")[0].rsplit("/", 3)
    if len(parts) == 4 and parts[2] == "_history":
        parts = [*parts[0].rsplit("/", 1), parts[1]]
    if len(parts) < 2 or not parts[-1] or not is_resource_type(parts[-2]):
        return None
    return parts[-2], parts[-1]


def resolve(item: Any, frame: Frame) -> Node | None:
    """Return the resource an item refers to, None if it cannot be found.

    Without a `resolve` hook what is elsewhere becomes a stub, `{"resourceType", "id"}`, of the type the reference or
    `Reference.type` names: enough to ask `resolve() is Patient`, and no store is needed.
    """
    text = reference_text(item)
    scope = item.scope if item.__class__ is Node else frame.scope
    if text is not None:
        if text.startswith("#"):
            return _contained(text[1:], scope.container)
        found = _in_bundle(text, scope)
        if found is not None:
            return found
    hook = frame.environment.resolve
    if hook is not None:
        resource = hook(text) if text is not None else None
        kind = resource_shape(resource)
        return Scope(resource, kind).node() if resource is not None and kind is not None else None
    return _stub(item, text)


def _contained(local_id: str, container: Scope) -> Node | None:
    if not local_id:
        return container.node()
    for each in container.resource.get("contained") or ():
        kind = resource_shape(each)
        if kind is not None and each.get("id") == local_id:
            return Scope(each, kind, container, True).node()
    return None


def _in_bundle(text: str, scope: Scope) -> Node | None:
    """Look among the entries of the Bundle that `scope` is in: by fullUrl, or relative to that of its own entry."""
    bundle = scope
    entry: Scope = scope.container
    while bundle.shape.type != "Bundle":
        if bundle.parent is None:
            return None
        entry, bundle = bundle.container, bundle.parent
    entries = [each for each in bundle.resource.get("entry") or () if isinstance(each, dict)]
    wanted = {text.partition("/_history/")[0]}
    if named_type(text) and "://" not in text:
        wanted |= _absolute(next(iter(wanted)), entries, entry.resource)
    for each in entries:
        if each.get("fullUrl") in wanted:
            kind = resource_shape(each.get("resource"))
            return Scope(each["resource"], kind, bundle).node() if kind is not None else None
    return None


def _absolute(relative: str, entries: list[Json], resource: Json) -> set[str]:
    """Return the URLs a relative reference may stand for: on the server its own entry is from."""
    for each in entries:
        url = each.get("fullUrl")
        if each.get("resource") is resource and isinstance(url, str):
            base = url.rsplit("/", 2)
            return {f"{base[0]}/{relative}"} if len(base) == 3 and "://" in url else set()
    return set()


def _stub(item: Any, text: str | None) -> Node | None:
    named = named_type(text) if text is not None else None
    stub: Json
    if named is not None:
        stub = {"resourceType": named[0], "id": named[1]}
    else:
        claimed = item.value.get("type") if item.__class__ is Node and item.value.__class__ is dict else None
        if not isinstance(claimed, str) or not is_resource_type(claimed):
            return None
        stub = {"resourceType": claimed}
    kind = shape(stub["resourceType"])
    return Node(stub, kind, None, Scope(stub, kind))
