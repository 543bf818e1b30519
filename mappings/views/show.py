"""FHIR -> view: a record of a JSON view from the resources it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.paths.parse_path import parse_path
from mappings.paths.path import Json
from mappings.paths.read_path import read_path
from mappings.views.view import Field, Parts, Values, View


def show(view: View, parts: Parts, given: Values | None = None) -> Json:
    """Return the record: every field of the view, null where nothing is there; `given` has those that are given."""
    record: Json = {}
    for each in view.fields:
        value = (given or {}).get(each.name) if each.given else value_of(each, parts)
        holder = record
        *groups, name = each.name.split(".")
        for group in groups:
            holder = holder.setdefault(group, {})
        holder[name] = value
    return record


def value_of(field: Field, parts: Parts) -> Any:
    """Return what a field says: its code's answer, or the first value at its places, or its default."""
    found = field.read(parts) if field.read is not None else next(_values(field, parts), None)
    if found is None:
        return field.default if field.shown is None else field.shown
    return found


def _values(field: Field, parts: Parts) -> Iterator[Any]:
    for place in field.at:
        path = parse_path(place.path)
        kind = place.kind or field.kind
        for resource in parts.get(path.type, ()):
            for leaf in read_path(path, resource):
                value = kind.read(leaf)
                if value is not None:
                    yield value
