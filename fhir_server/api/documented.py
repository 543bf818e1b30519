"""What OpenAPI says of routes that answer with a JSON view: made from the description of the view.

Records are named schemas (`MedicalRecord`, `NewMedicalRecord`, `MedicalRecordChanges`), so that whoever generates types
from the document gets types with these names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import FastAPI

from fhir_server.api.callers import BEARER
from fhir_server.api.errors import Described
from fhir_server.views.forwarding import COLLECTIONS
from mappings.views import appointment, consent, medical_record, notification, slot
from mappings.views.view import Field, View

NULL = {"type": "null"}
SUPPLIED: Mapping[str, Sequence[str]] = {
    medical_record.VIEW.name: ("doctor_id",),
    appointment.VIEW.name: ("patient_id", "doctor_id"),
}
"""Views that clients write, with the fields that the server supplies for new records: who asks is one of the sides."""
EMPTY_AT_FIRST: Mapping[str, Sequence[str]] = {medical_record.VIEW.name: ("attachments",)}
"""Lists that a new record cannot have anything in yet."""
VIEWS = (medical_record.VIEW, appointment.VIEW, slot.VIEW, notification.VIEW, consent.VIEW)


class Whole(NamedTuple):
    """A whole number from 1 to `most`; `usual` where nothing is said."""

    usual: int
    most: int


PAGES: Mapping[str, Whole] = {"page": Whole(1, 1_000_000), "per_page": Whole(20, 100)}
"""What says which page of a list is asked for, besides a cursor."""
CURSOR = 512
"""Characters of a cursor at most."""
KEPT_IN_ANSWERS = ("type", "enum", "format", "minimum", "maximum", "items", "properties", "required", "anyOf")
"""What a schema says of values that are shown: patterns and lengths are about what is sent."""
BUNDLE: Mapping[str, Any] = {
    "type": "object",
    "description": "A FHIR R4 Bundle (http://hl7.org/fhir/R4/bundle.html).",
    "properties": {
        "resourceType": {"const": "Bundle"},
        "type": {"type": "string"},
        "entry": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["resourceType", "type"],
}


def document_views(api: FastAPI, described: Sequence[View] = ()) -> None:
    """Let the document of an API have the schemas of the views, those that files describe among them."""
    plain = api.openapi

    def openapi() -> dict[str, Any]:
        made = plain()
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(_schemas(described))
        for name, path in made["paths"].items():
            for operation in path.values():
                _drop_assumed(operation["responses"])
                _add_moved(name, operation["responses"])
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        return made

    api.openapi = openapi  # type: ignore[method-assign]


def _drop_assumed(responses: dict[str, Any]) -> None:
    """Take away the 422 that FastAPI assumes where there are parameters: here it is told by those that answer it."""
    schema = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if schema.get("$ref", "").endswith("/HTTPValidationError"):
        del responses["422"]


def _add_moved(path: str, responses: dict[str, Any]) -> None:
    """Say where ids of a platform that has moved in are answered with the path of now."""
    words = path.removeprefix("/api/v1/").split("/")
    if words[0] in COLLECTIONS and len(words) > 1 and words[1].startswith("{") and "404" in responses:
        told = "The id is one of a platform that has moved in: it is at the Location now."
        responses["308"] = {"description": told, "headers": {"Location": header("The path with the ids of now.")}}


def _schemas(described: Sequence[View]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "Bundle", dict(BUNDLE)
    for view in (*VIEWS, *described):
        yield _title(view), _shown(view)
    for view in (*(each for each in VIEWS if each.name in SUPPLIED), *described):
        supplied = SUPPLIED.get(view.name, ())
        yield f"New{_title(view)}", _new(view, supplied)
        yield f"{_title(view)}Changes", _said(view, ())


def one(view: View, status: int = 200, *, tagged: bool = False) -> Described:
    """Return what an answer with one record is; `tagged` when it has the version in an ETag."""
    told: dict[str, Any] = {"description": "The record.", "content": json(data(ref(_title(view))))}
    if tagged:
        told["headers"] = {"ETag": header("The version that was read, for If-Match.")}
    return {status: told}


def many(view: View, *counts: str) -> Described:
    """Return what a page is; `counts` are further numbers of its `meta`."""
    numbers = {name: {"type": "integer"} for name in ("page", "per_page", "total", *counts)}
    page = data({"type": "array", "items": ref(_title(view))}, meta=_object(numbers, list(numbers)))
    link = header("The first page, and the next one if there is one.")
    return {200: {"description": "A page.", "content": json(page), "headers": {"Link": link}}}


def every(view: View) -> Described:
    """Return what an answer with all the records there are is."""
    listed = {"type": "array", "items": ref(_title(view))}
    return {200: {"description": "The records.", "content": json(data(listed))}}


def filters(view: View, *, without: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a list is asked by: a token, and as query parameters its page, its order, and its filters."""
    names = [each for each in view.filters if each not in without]
    asked = [*map(_page, PAGES), _CURSOR]
    asked += [_query(name, view.filters[name].kind.name, view.filters[name].kind.schema) for name in names]
    ways = [way for name in view.sorts for way in (name, f"-{name}")]
    if ways:
        asked.append(_query("sort", "a field, with - for the greatest first", {"type": "string", "enum": ways}))
    return {"parameters": asked, "security": [{BEARER.scheme_name: []}]}


def new(view: View) -> dict[str, Any]:
    """Return the body that makes a record: what a client says of it, under its name."""
    return body(_object({view.name: ref(f"New{_title(view)}")}, [view.name]))


def changed(view: View) -> dict[str, Any]:
    """Return the body that changes a record: what is not said stays."""
    return body(_object({view.name: ref(f"{_title(view)}Changes")}, [view.name]))


def body(schema: Mapping[str, Any], *, required: bool = True) -> dict[str, Any]:
    """Return a JSON body."""
    return {"requestBody": {"required": required, "content": json(schema)}}


def data(schema: Mapping[str, Any], **beside: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an answer: below `data`, with what stands beside it."""
    return _object({"data": schema, **beside}, ["data", *beside])


def json(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return content of that schema."""
    return {"application/json": {"schema": dict(schema)}}


def ref(name: str) -> dict[str, Any]:
    """Return the reference to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _title(view: View) -> str:
    return "".join(word.capitalize() for word in view.name.split("_"))


def header(told: str) -> dict[str, Any]:
    """Return a header that every such answer has."""
    return {"description": told, "required": True, "schema": {"type": "string"}}


def _query(name: str, told: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    choice = schema.get("enum")
    allowed = {"type": "string", "enum": ["", *choice]} if choice else {"anyOf": [dict(schema), {"const": ""}]}
    return {"name": name, "in": "query", "description": f"{told}; empty is none".capitalize(), "schema": allowed}


def _page(name: str) -> dict[str, Any]:
    usual, most = PAGES[name]
    return {
        "name": name,
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": most, "default": usual},
    }


_CURSOR = {
    "name": "cursor",
    "in": "query",
    "description": "As in the links of the Link header.",
    "schema": {"type": "string", "maxLength": CURSOR},
}


def _shown(view: View) -> dict[str, Any]:
    return _grouped((each.name, _answer(each)) for each in view.fields)


def _answer(field: Field) -> dict[str, Any]:
    if field.shows is not None:
        return _loose(field.shows)
    found = _loose(field.kind.schema)
    never_null = field.required or field.kept or field.default is not None or field.shown is not None
    return found if never_null else {"anyOf": [found, NULL]}


def _loose(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a schema says of values that are shown."""
    found = {name: schema[name] for name in KEPT_IN_ANSWERS if name in schema}
    if "anyOf" in schema:
        found["anyOf"] = [_loose(each) for each in schema["anyOf"]]
    if "items" in schema:
        found["items"] = _loose(schema["items"])
    if "properties" in schema:
        found["properties"] = {name: _loose(each) for name, each in schema["properties"].items()}
    if schema.get("format") == "uri-reference":
        del found["format"]
    return found


def _grouped(fields: Iterator[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return the schema of an object in which every field is there."""
    made: dict[str, Any] = {}
    for whole, schema in fields:
        group, _, name = whole.rpartition(".")
        holder = made.setdefault(group, _object({}, []))["properties"] if group else made
        holder[name] = schema
    for each in made.values():
        if "properties" in each:
            each["required"] = list(each["properties"])
    return _object(made, list(made))


def _new(view: View, supplied: Sequence[str]) -> dict[str, Any]:
    needed = [
        each.name
        for each in view.fields
        if each.required and each.default is None and not each.kept and each.name not in supplied
    ]
    made = _said(view, needed)
    for name in EMPTY_AT_FIRST.get(view.name, ()):
        made["properties"][name]["maxItems"] = 0
    return made


def _said(view: View, needed: Sequence[str]) -> dict[str, Any]:
    """Return the schema of what a client may say; what the server keeps it may send back, and it is not looked at."""
    made: dict[str, Any] = {}
    for each in view.fields:
        group, _, name = each.name.rpartition(".")
        holder = made.setdefault(group, _closed({}, []))["properties"] if group else made
        holder[name] = {"description": "Kept by the server: not looked at."} if each.kept or each.given else _sent(each)
    return _closed(made, list(needed))


def _sent(field: Field) -> dict[str, Any]:
    return dict(field.kind.schema) if field.required else {"anyOf": [dict(field.kind.schema), NULL]}


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    return made | ({"required": required} if required else {})


def _closed(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return _object(properties, required) | {"additionalProperties": False}
