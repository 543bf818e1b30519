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
from mappings.paths.parse_path import parse_path
from mappings.views.kind import ADDRESS, DATE, FILLED, ID, MOMENT, TEXT, Kind, one_of, reference
from mappings.views.moments import COMPLETED, DAY
from mappings.views.view import At, Field, Filter, View, parameter
from profiles.definitions import is_resource_type

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
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


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
    view = View(
        name=name,
        root=root,
        fields=_fields(said, root, tables),
        links=_links(said, root),
        new={root: {"resourceType": root, **_table(said, "new")}},
        hides=_hidden(gone),
        listed=tuple(_texts("listed", _table(said, "listed")).items()),
        filters={each: _filter(f"filters.{each}", it, tables) for each, it in _table(said, "filters").items()},
        order=_text({"order": "_id"} | said, "order"),
        sorts=_texts("sorts", _table(said, "sorts")),
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
        found.append(_field(where, name, entry, types, tables))
    if len(found) == 1:
        raise Misdescribed("fields: a view has some")
    return tuple(found)


def _field(where: str, name: str, entry: Mapping[str, Any], types: set[str], tables: Mapping[str, Bijection]) -> Field:
    _demand_known(entry, FIELD_ENTRIES, where)
    kind = _kind(where, entry, tables)
    for value in ("default", "shown"):
        if value in entry and (fault := kind.fault(entry[value])):
            raise Misdescribed(f"{where}.{value} {fault}")
    return Field(
        name,
        _value_kind(kind, entry, tables),
        _places(where, entry, kind, types),
        default=entry.get("default"),
        shown=entry.get("shown"),
        required=bool(entry.get("required")),
        kept=bool(entry.get("kept")),
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
        table = tables.get(str(entry.get("codes")))
        if table is None:
            raise Misdescribed(f"{where}.codes must name a table of codes")
        return one_of(tuple(table.forward), coding=entry.get("coding"), by=table)
    kind = KINDS.get(str(type))
    if kind is None:
        raise Misdescribed(f"{where}.type must be one of code, reference, {', '.join(KINDS)}")
    return kind


def _value_kind(kind: Kind, entry: Mapping[str, Any], tables: Mapping[str, Bijection]) -> Kind:
    """Return what values of the view are: codes are those of the view, however they stand in FHIR."""
    return one_of(tuple(tables[entry["codes"]].forward)) if entry["type"] == "code" else kind


def _places(where: str, entry: Mapping[str, Any], kind: Kind, types: set[str]) -> tuple[At, ...]:
    at = entry.get("at")
    listed = at if isinstance(at, list) else [at]
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
        found.append(At(place["path"], kind, bool(place.get("only_read"))))
    return tuple(found)


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


def _filter(where: str, entry: Any, tables: Mapping[str, Bijection]) -> Filter:
    if not isinstance(entry, dict) or not isinstance(entry.get("parameter"), str):
        raise Misdescribed(f"{where} must be a table with the search parameter")
    _demand_known(entry, FILTER_ENTRIES, where)
    pattern, codes = entry.get("pattern", "{}"), entry.get("codes")
    if not isinstance(pattern, str) or pattern.count("{}") != 1 or set(pattern.replace("{}", "")) & set("{}"):
        raise Misdescribed(f"{where}.pattern must have {{}} once, where the value goes")
    if codes is not None and codes not in tables:
        raise Misdescribed(f"{where}.codes must name a table of codes")
    if entry.get("type", "filled text") not in KINDS:
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
