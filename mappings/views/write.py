"""View -> FHIR: the resources of a record, new ones or stored ones with what the record changes.

A field whose value is the one that the stored resources already show is not written. So whatever a view has no word
for stays as it is, and showing and writing again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from mappings.errors import Unfit
from mappings.paths.parse_path import parse_path
from mappings.paths.path import Json
from mappings.paths.write_path import write_path
from mappings.views.check import check, flat
from mappings.views.gather import linked
from mappings.views.show import show, value_of
from mappings.views.view import Field, Parts, Values, View
from profiles.issues import Issue


def write(view: View, record: Values, stored: Parts | None = None, *, start: Parts | None = None) -> Parts:
    """Return the parts that hold the record; `stored` is left as it is.

    Fields that the record does not have keep their value, in new resources their default. Fields that are given are
    not written: they are not in FHIR. `start` is what new resources have besides: elements that no field names. Raises
    Unfit, naming fields.
    """
    issues = check(view, record)
    values = flat(view, record)
    if stored is None:
        values = {each.name: each.default for each in view.fields} | values
        issues += _missing(view, values, issues)
    if issues:
        raise Unfit(issues)
    parts, blank = _copies(view, stored or {}, start or {})
    changed = [
        each
        for each in view.fields
        if each.name in values
        and not each.given
        and (stored is None or not same(values[each.name], value_of(each, parts)))
    ]
    untouched = [] if stored is None else [each for each in view.fields if each not in changed and not each.given]
    before = {each.name: value_of(each, stored or {}) for each in untouched} if changed else {}
    for field in changed:
        _write(field, parts, values[field.name])
    if stored is not None:
        _drop_blank(parts, blank)
    if changed and view.complete is not None:
        view.complete(parts)
    _keep(untouched, parts, before)
    if view.rules is not None and (broken := list(view.rules(flat(view, show(view, parts))))):
        raise Unfit([Issue("error", "business-rule", message, name) for name, message in broken])
    return parts


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same; true is not 1."""
    return type(one) is type(other) and bool(one == other)


def _copies(view: View, stored: Parts, start: Parts) -> tuple[Parts, Parts]:
    """Return parts that can be changed, and of a stored record the new ones, as they are before anything is written.

    What the root refers to and `stored` does not have is somewhere else: it is not made anew.
    """
    parts: Parts = {type: list(resources) for type, resources in stored.items()}
    blank: Parts = {}
    for type, content in view.new.items():
        if parts.get(type):
            parts[type] = deepcopy(parts[type])
        elif not any(linked(view, parts, type)):
            begun: Json = content | start.get(type, [{}])[0]
            parts[type] = [deepcopy(begun)]
            if stored:
                blank[type] = [deepcopy(begun)]
    return parts, blank


def _drop_blank(parts: Parts, blank: Parts) -> None:
    """Take away parts that a stored record did not have and that nothing was written to."""
    for type, resources in blank.items():
        if parts[type] == resources:
            del parts[type]


def _keep(fields: Iterable[Field], parts: Parts, before: Values) -> None:
    """Write what fields showed that are not written and would show something else now.

    A note of others shows as its consultation the date of the document, which a change moves.
    """
    for field in fields:
        value = before.get(field.name)
        if value is not None and not same(value, value_of(field, parts)):
            _write(field, parts, value)


def _missing(view: View, values: Values, issues: list[Issue]) -> list[Issue]:
    told = {each.expression for each in issues}
    lacking = [each.name for each in view.fields if each.required and not each.given and values[each.name] is None]
    return [Issue("error", "required", "is needed", name) for name in lacking if name not in told]


def _write(field: Field, parts: Parts, value: Any) -> None:
    if field.write is not None:
        field.write(parts, value)
        return
    for place in field.at:
        path = parse_path(place.path)
        if place.only_read:
            continue
        for resource in parts.get(path.type, ())[:1]:
            write_path(path, resource, None if value is None else (place.kind or field.kind).write(value))
