"""What a JSON view is: its fields, each with the place in FHIR where its value stands.

A view is read from and written to *parts*: the resources it is made of, by type. One of them is the root, the others
are what it refers to. Most fields are a name, a kind and a FHIRPath; a field that needs code brings two functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mappings.paths.path import Json
from mappings.views.kind import FILLED, Kind, one_of

Parts = dict[str, list[Json]]
"""Resources by their type. Of the root there is one."""
Values = Mapping[str, Any]


Rules = Callable[[Values], Iterator[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed by: the `kind` of its values, and search parameters of the root for such a value."""

    kind: Kind
    write: Callable[[str], Sequence[tuple[str, str]]]


def parameter(
    name: str, pattern: str = "{}", codes: Mapping[str, str] | None = None, *, kind: Kind | None = None
) -> Filter:
    """Return a filter by one search parameter; `pattern` says how the value is written, `codes` translates it.

    Values are of `kind`, else one of `codes`, else any text.
    """

    def write(value: str) -> Sequence[tuple[str, str]]:
        return ((name, pattern.format(escaped((codes or {}).get(value, value)))),)

    return Filter(kind or (one_of(tuple(codes)) if codes else FILLED), write)


def escaped(text: str) -> str:
    """Return a text as a search writes it (http://hl7.org/fhir/R4/search.html#escaping)."""
    for each in ("\\", ",", "|", "$"):
        text = text.replace(each, f"\\{each}")
    return text


@dataclass(frozen=True, slots=True)
class At:
    """A place where a value stands: a FHIRPath that begins with the type of a part, and how it stands there.

    `kind` is that of the field where None. With `only_read` it is looked at when the places before it have nothing.
    """

    path: str
    kind: Kind | None = None
    only_read: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its `name` (`soap.plan` is `plan` in the object `soap`), its kind and its places.

    The first place that has a value is the truth; all are written. `default` is what a new resource gets when nothing
    is said, and what is shown when nothing is there; with `shown` something else is shown. A `required` one is never
    null. One that is `given` stands in no resource: who shows the view brings it. One that is `kept` is the server's:
    who writes the view sets it. `shows` is the JSON schema of what is shown where resources of others can make that
    more than the kind, or nothing.
    `read` and `write` are the code of a field that needs some, in place of places.
    """

    name: str
    kind: Kind
    at: tuple[At, ...] = ()
    default: Any = None
    shown: Any = None
    required: bool = False
    given: bool = False
    kept: bool = False
    shows: Mapping[str, Any] | None = None
    read: Callable[[Parts], Any] | None = None
    write: Callable[[Parts, Any], None] | None = None


def at(*paths: str | At) -> tuple[At, ...]:
    """Return places, of which plain ones may be written as their path."""
    return tuple(each if isinstance(each, At) else At(each) for each in paths)


@dataclass(frozen=True, slots=True)
class View:
    """A JSON view: `name`, the type of its `root`, and its fields in the order in which they are shown.

    `links` are the types of the other parts with the path of the reference to them. `new` are the parts that writing
    makes, with what every one of them holds; parts that are not in it are only read. `complete` brings what follows
    from the rest up to date after a write. `rules` tell what is wrong with a record as a whole, as field and message
    that completes "The field ...". `hides` tells of a root that it is not in the view, and `listed` are the search
    parameters that leave such roots out. `filters` are what lists can be narrowed by, `order` is the `_sort` they come
    in, `sorts` are fields that can be sorted by, with the search parameters that do it. `included` are the search
    parameters by which the other parts come with the roots, `standing_in` those of parts that are looked at only for a
    root that `lacks` something which they may say.
    """

    name: str
    root: str
    fields: tuple[Field, ...]
    links: Mapping[str, str] = field(default_factory=dict)
    new: Mapping[str, Json] = field(default_factory=dict)
    complete: Callable[[Parts], None] | None = None
    rules: Rules | None = None
    hides: Callable[[Json], bool] = field(default=lambda root: False)
    listed: Sequence[tuple[str, str]] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    order: str = "_id"
    sorts: Mapping[str, str] = field(default_factory=dict)
    included: Sequence[str] = ()
    standing_in: Sequence[str] = ()
    lacks: Callable[[Json], bool] = field(default=lambda root: False)

    def field(self, name: str) -> Field:
        """Return the field of that name. Raises KeyError."""
        for each in self.fields:
            if each.name == name:
                return each
        raise KeyError(name)
