"""What is wrong with a record of a view, as findings that name its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mappings.views.view import Values, View
from profiles.issues import Issue


def check(view: View, record: Values) -> list[Issue]:
    """Return what cannot be written, one finding per field, its name as expression (`soap.plan`)."""
    return [Issue("error", "invalid", message, name) for name, message in _faults(view, record)]


def settable(view: View, record: Values) -> dict[str, Any]:
    """Return what a client may say of a record: without the fields that the server keeps or that are given."""
    owned = {each.name for each in view.fields if each.kept or each.given}
    return {name: value for name, value in record.items() if name not in owned}


def flat(view: View, record: Values) -> dict[str, Any]:
    """Return the fields that a record has, by their full names."""
    groups = {each.name.partition(".")[0] for each in view.fields if "." in each.name}
    found: dict[str, Any] = {}
    for name, value in record.items():
        if name in groups and isinstance(value, Mapping):
            found |= {f"{name}.{inner}": content for inner, content in value.items()}
        else:
            found[name] = value
    return found


def _faults(view: View, record: Values) -> Iterator[tuple[str, str]]:
    fields = {each.name: each for each in view.fields}
    groups = {name.partition(".")[0] for name in fields if "." in name}
    for name, value in flat(view, record).items():
        field = fields.get(name)
        if name in groups:
            yield name, "must be an object"
        elif field is None:
            yield name[:64], f"is no field of {view.name}"
        elif value is None:
            if field.required:
                yield name, "must not be null"
        elif not field.given and (fault := field.kind.fault(value)):
            yield name, fault
