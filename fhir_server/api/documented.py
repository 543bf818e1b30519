"""What OpenAPI says of routes that answer with a JSON view: made from the description of the view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.api.errors import REFUSALS, Failure
from mappings.views.view import Field, View

Described = dict[int | str, dict[str, Any]]
TOLD = {
    400: "Cannot be read.",
    403: "Not yours to do.",
    404: "Not within your reach.",
    409: "Not as things stand.",
    412: "Changed in between.",
}
VIEW_REFUSALS: Described = {**REFUSALS, **{status: {"model": Failure, "description": TOLD[status]} for status in TOLD}}


def one(view: View, status: int = 200) -> Described:
    """Return what an answer with one record is."""
    return {status: {"description": "The record.", "content": _json(_object({"data": record(view)}, ["data"]))}}


def many(view: View, *counts: str) -> Described:
    """Return what a page is; `counts` are further numbers of its `meta`."""
    numbers = {name: {"type": "integer"} for name in ("page", "per_page", "total", *counts)}
    content = {"data": {"type": "array", "items": record(view)}, "meta": _object(numbers, list(numbers))}
    link = {"Link": {"schema": {"type": "string"}, "description": "The first page, and the next one if there is one."}}
    return {200: {"description": "A page.", "content": _json(_object(content, list(content))), "headers": link}}


def filters(view: View, *, without: Sequence[str] = ()) -> dict[str, Any]:
    """Return the filters of a list as query parameters."""
    names = [each for each in view.filters if each not in without]
    return {"parameters": [{"name": each, "in": "query", "schema": {"type": "string"}} for each in names]}


def body(view: View) -> dict[str, Any]:
    """Return the body of a write: what a client may say of a record, under its name."""
    said = _grouped(view, [each for each in view.fields if not (each.kept or each.given)], needed=False)
    return {"requestBody": {"required": True, "content": _json(_object({view.name: said}, [view.name]))}}


def record(view: View) -> dict[str, Any]:
    """Return the JSON schema of a record that is shown."""
    return _grouped(view, view.fields, needed=True)


def _grouped(view: View, fields: Sequence[Field], *, needed: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for each in fields:
        group, _, name = each.name.rpartition(".")
        holder = made.setdefault(group, _object({}, []))["properties"] if group else made
        holder[name] = (
            dict(each.kind.schema) if each.required else {"anyOf": [dict(each.kind.schema), {"type": "null"}]}
        )
    for each in made.values():
        if needed and "properties" in each:
            each["required"] = list(each["properties"])
    return _object(made, list(made) if needed else [])


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
