"""A JSON view that a file describes: fields with their kind, their places in FHIR and their codes; no code.

The file is TOML; docs/how-to/own-view.md has one. It is about one resource: others may be shown with it, by `links`,
and are not made by it. What is wrong with a description is told by the name of its entry.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mappings.concepts.bijection import Bijection
from mappings.paths.parse_path import leads_to, parse_path
from mappings.views.kind import ADDRESS, DATE, FILLED, ID, MOMENT, TEXT, Kind, one_of, reference
from mappings.views.moments import COMPLETED, DAY
from mappings.views.view import At, Field, Filter, View, parameter
from profiles.definitions import is_resource_type, structure

KINDS: Mapping[str, Kind] = {
    "text": TEXT,
    "filled text": FILLED,
    "id": ID,
    "address": ADDRESS,
    "date": DATE,
    "day": DAY,
    "moment": MOMENT,
    "completed moment": COMPLETED,
}
"""Kinds of values by their names; `code` and `reference` say more."""
ENTRIES = (
    *("name", "path", "root", "order", "gone", "new", "links", "included", "listed", "codes", "fields", "filters"),
    "sorts",
)
FIELD_ENTRIES = ("type", "at", "to", "codes", "coding", "default", "shown", "required", "kept")
PLACE_ENTRIES = ("path", "only_read")
FILTER_ENTRIES = ("parameter", "pattern", "codes", "type")
PAGING = ("page", "per_page", "sort", "cursor")
"""What lists are asked for besides their filters."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_BELONGS = {"to": "reference", "codes": "code", "coding": "code"}
_ADDRESSES = ("uri", "url", "canonical", "oid", "uuid")
_TEXTS = ("string", "markdown", "code", "id", *_ADDRESSES)
_MOMENTS = ("instant", "dateTime")
_STANDS_IN: Mapping[str, Sequence[str]] = {
    "address": ("string", *_ADDRESSES),
    "date": ("date", "dateTime"),
    "day": ("date", "dateTime"),
    "moment": _MOMENTS,
    "completed moment": _MOMENTS,
}
"""The types of R4 that a value of a kind can be written to, where those are not the types of texts."""


class Misdescribed(ValueError):
    """A description that cannot be followed: the message names the entry and the rule."""


@dataclass(frozen=True, slots=True)
class Described:
    """A view as its file describes it.

    `path` is the word that its records are under in the API, `gone` what a root says that is no record any more: None
    when records are not taken away.
    """

    view: View
    path: str
    gone: Mapping[str, Any] | None


def described(text: str) -> Described:
    """Return the view of a description. Raises Misdescribed."""
    try:
        said = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise Misdescribed(f"it is no TOML: {error}") from None
    _demand_known(said, ENTRIES, "")
    name, path, root = (_text(said, each) for each in ("name", "path", "root"))
    for entry, value in (("name", name), ("path", path)):
        if _NAME.fullmatch(value) is None:
            raise Misdescribed(f"{entry} must be lower case letters, digits and _, beginning with a letter")
    if not is_resource_type(root):
        raise Misdescribed(f"root: {root} is no resource type of R4")
    tables = {each: _codes(f"codes.{each}", table) for each, table in _table(said, "codes").items()}
    gone = said.get("gone")
    if gone is not None and (not isinstance(gone, dict) or not gone):
        raise Misdescribed("gone must be a table of elements of the root with their values")
    if not _is_json([gone, said.get("new")]):
        raise Misdescribed("new and gone hold what JSON can: a date is a text")
    _demand_elements("new", root, _table(said, "new"))
    _demand_elements("gone", root, gone or {})
    fields = _fields(said, root, tables)
    view = View(
        name=name,
        root=root,
        fields=fields,
        links=_links(said, root),
        new={root: {"resourceType": root, **_table(said, "new")}},
        hides=_hidden(gone),
        listed=tuple(_texts("listed", _table(said, "listed")).items()),
        filters=_filters(_table(said, "filters"), tables),
        order=_text({"order": "_id"} | said, "order"),
        sorts=_sorts(_table(said, "sorts"), {each.name for each in fields}),
        included=tuple(_texts("included", dict(enumerate(_list(said, "included")))).values()),
    )
    return Described(view, path, gone)


def _fields(said: Mapping[str, Any], root: str, tables: Mapping[str, Bijection]) -> tuple[Field, ...]:
    found = [Field("id", ID, (At(f"{root}.id"),), kept=True)]
    types = {root, *_table(said, "links")}
    for name, entry in _table(said, "fields").items():
        where = f"fields.{name}"
        if not isinstance(entry, dict):
            raise Misdescribed(f"{where} must be a table")
        if not all(_NAME.fullmatch(each) for each in name.split(".")) or name in ("id", "type"):
            raise Misdescribed(f"{where}: a field is called by lower case letters, digits and _; id is there by itself")
        if name.count(".") > 1:
            raise Misdescribed(f"{where} has more than one dot: an object stands in the record itself, not in another")
        if name.partition(".")[0] in _table(said, "fields") and "." in name:
            raise Misdescribed(f"{where}: {name.partition('.')[0]} is a field already; an object needs another name")
        found.append(_field(where, name, entry, root, types, tables))
    if len(found) == 1:
        raise Misdescribed("fields: a view has some")
    return tuple(found)


def _field(
    where: str, name: str, entry: Mapping[str, Any], root: str, types: set[str], tables: Mapping[str, Bijection]
) -> Field:
    _demand_known(entry, FIELD_ENTRIES, where)
    kind = _kind(where, entry, tables)
    for each, type in _BELONGS.items():
        if each in entry and entry["type"] != type:
            raise Misdescribed(f"{where}.{each} belongs to fields of the type {type}")
    places, kept = _places(where, entry, kind, root, types), _truth(where, entry, "kept")
    if not kept and all(each.only_read for each in places):
        raise Misdescribed(
            f"{where}: nothing that is sent could be kept: name a place in {root} without only_read, or say kept = true"
        )
    for value in ("default", "shown"):
        if value in entry and (fault := kind.fault(entry[value])):
            raise Misdescribed(f"{where}.{value} {fault}")
    required = _truth(where, entry, "required")
    if kept and required and "default" not in entry:
        raise Misdescribed(f"{where} is kept and required: nobody can send it, so it needs a default")
    return Field(
        name,
        _value_kind(kind, entry, tables),
        places,
        default=entry.get("default"),
        shown=entry.get("shown"),
        required=required,
        kept=kept,
    )


def _kind(where: str, entry: Mapping[str, Any], tables: Mapping[str, Bijection]) -> Kind:
    """Return how values stand at the places of a field."""
    type = entry.get("type")
    if type == "reference":
        to = entry.get("to")
        if not isinstance(to, list) or not to or not all(is_resource_type(str(each)) for each in to):
            raise Misdescribed(f"{where}.to must be a list of resource types")
        return reference(*to)
    if type == "code":
        named = entry.get("codes")
        table = tables.get(named) if isinstance(named, str) else None
        if table is None:
            raise Misdescribed(f"{where}.codes must name a table of codes")
        if not isinstance(entry.get("coding", ""), str):
            raise Misdescribed(f"{where}.coding must be a text, the system of the codes")
        return one_of(tuple(table.forward), coding=entry.get("coding"), by=table)
    kind = KINDS.get(str(type))
    if kind is None:
        raise Misdescribed(f"{where}.type must be one of code, reference, {', '.join(KINDS)}")
    return kind


def _value_kind(kind: Kind, entry: Mapping[str, Any], tables: Mapping[str, Bijection]) -> Kind:
    """Return what values of the view are: codes are those of the view, however they stand in FHIR."""
    return one_of(tuple(tables[entry["codes"]].forward)) if entry["type"] == "code" else kind


def _places(where: str, entry: Mapping[str, Any], kind: Kind, root: str, types: set[str]) -> tuple[At, ...]:
    at = entry.get("at")
    listed = at if isinstance(at, list) and at else [at]
    found = []
    for each in listed:
        place = {"path": each} if isinstance(each, str) else each
        if not isinstance(place, dict) or not isinstance(place.get("path"), str):
            raise Misdescribed(f"{where}.at must be a FHIRPath, or a list of them")
        _demand_known(place, PLACE_ENTRIES, f"{where}.at")
        try:
            path = parse_path(place["path"])
        except ValueError as error:
            raise Misdescribed(f"{where}.at: {error}") from None
        if path.type not in types:
            raise Misdescribed(f"{where}.at: {path.type} is neither the root nor among the links")
        # What links lead to is shown with a record and never written by it.
        only_read = _truth(f"{where}.at", place, "only_read") or path.type != root
        if not only_read:
            _demand_fit(where, entry, place["path"])
        found.append(At(place["path"], kind, only_read))
    return tuple(found)


def _demand_fit(where: str, entry: Mapping[str, Any], path: str) -> None:
    """Raise Misdescribed where values of a field cannot be written to what a path leads to."""
    type = entry["type"]
    if type == "reference" and parse_path(path).steps[-1].key != "reference":
        raise Misdescribed(
            f"{where}.at: {path!r} must end with the reference of a Reference, such as subject.reference"
        )
    fit = ("Coding",) if entry.get("coding") else _STANDS_IN.get(type, _TEXTS)
    found = leads_to(path)
    if found not in fit:
        told = f"is of the type {found}" if found else "has parts of its own"
        raise Misdescribed(f"{where}.at: {path!r} {told}; a {type} can be written to {', '.join(fit)}")


def _truth(where: str, entry: Mapping[str, Any], name: str) -> bool:
    found = entry.get(name, False)
    if not isinstance(found, bool):
        raise Misdescribed(f"{where}.{name} must be true or false, without quotation marks")
    return found


def _demand_elements(where: str, root: str, content: Mapping[str, Any]) -> None:
    """Raise Misdescribed for what the root does not have, and for its id, which is the server's."""
    known = {name for each in structure(root).root.children for name in each.json_names()} - {"id"}
    for name in content:
        if name.removeprefix("_") not in known:
            raise Misdescribed(f"{where}.{name}: a new {root} has no such element to be set")


def _links(said: Mapping[str, Any], root: str) -> Mapping[str, str]:
    links = _table(said, "links")
    for type, path in links.items():
        try:
            begins = parse_path(str(path)).type
        except ValueError as error:
            raise Misdescribed(f"links.{type}: {error}") from None
        if begins != root or not is_resource_type(type):
            raise Misdescribed(f"links.{type} must be a resource type, with the path of the reference to it in {root}")
    return links


def _codes(where: str, table: Any) -> Bijection:
    if not isinstance(table, dict) or not table or not all(isinstance(each, str) for each in table.values()):
        raise Misdescribed(f"{where} must be a table: each code of the view with that of FHIR")
    back = {code: name for name, code in table.items()}
    if len(back) < len(table):
        raise Misdescribed(f"{where}: two codes must not become one, because none could come back")
    return Bijection("", "", table, back, {})


def _sorts(sorts: Mapping[str, Any], fields: set[str]) -> Mapping[str, str]:
    found = _texts("sorts", sorts)
    for name, by in found.items():
        if name not in fields:
            raise Misdescribed(f"sorts.{name} is no field; there are {', '.join(sorted(fields))}")
        if by.startswith("-"):
            raise Misdescribed(f"sorts.{name} must be without -: who asks for a list says the direction")
    return found


def _filters(filters: Mapping[str, Any], tables: Mapping[str, Bijection]) -> Mapping[str, Filter]:
    for each in PAGING:
        if each in filters:
            raise Misdescribed(f"filters.{each}: every list has {', '.join(PAGING)}; call the filter something else")
    return {each: _filter(f"filters.{each}", entry, tables) for each, entry in filters.items()}


def _filter(where: str, entry: Any, tables: Mapping[str, Bijection]) -> Filter:
    if not isinstance(entry, dict) or not isinstance(entry.get("parameter"), str):
        raise Misdescribed(f"{where} must be a table with the search parameter")
    _demand_known(entry, FILTER_ENTRIES, where)
    pattern, codes = entry.get("pattern", "{}"), entry.get("codes")
    if not isinstance(pattern, str) or pattern.count("{}") != 1 or set(pattern.replace("{}", "")) & set("{}"):
        raise Misdescribed(f"{where}.pattern must have {{}} once, where the value goes")
    if codes is not None and (not isinstance(codes, str) or codes not in tables):
        raise Misdescribed(f"{where}.codes must name a table of codes")
    if str(entry.get("type", "filled text")) not in KINDS:
        raise Misdescribed(f"{where}.type must be one of {', '.join(KINDS)}")
    kind = KINDS[entry["type"]] if "type" in entry else None
    return parameter(entry["parameter"], pattern, tables[codes].forward if codes is not None else None, kind=kind)


def _hidden(gone: Mapping[str, Any] | None) -> Callable[[Mapping[str, Any]], bool]:
    return lambda root: bool(gone) and all(root.get(name) == value for name, value in (gone or {}).items())


def _table(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = said.get(name, {})
    if not isinstance(found, dict):
        raise Misdescribed(f"{name} must be a table")
    return found


def _is_json(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(map(_is_json, value.values() if isinstance(value, dict) else value))
    return value is None or isinstance(value, str | int | Decimal)


def _list(said: Mapping[str, Any], name: str) -> list[Any]:
    found = said.get(name, [])
    if not isinstance(found, list):
        raise Misdescribed(f"{name} must be a list")
    return found


def _texts(where: str, table: Mapping[Any, Any]) -> dict[Any, str]:
    for name, value in table.items():
        if not isinstance(value, str):
            raise Misdescribed(f"{where}.{name} must be a text")
    return dict(table)


def _text(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name)
    if not isinstance(found, str) or not found:
        raise Misdescribed(f"{name} is needed, a text")
    return found


def _demand_known(entry: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for each in entry:
        if each not in known:
            place = f"{where}.{each}" if where else each
            raise Misdescribed(f"{place} is no entry; there are {', '.join(known)}")
