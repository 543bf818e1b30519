"""The definition of a value set, from R4's own or from a ValueSet resource, before it is expanded.

See http://hl7.org/fhir/R4/valueset.html#compositions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from profiles.definitions import value_sets
from profiles.terminology.concept import Concept, designations_of
from profiles.terminology.errors import NotExpandable

Coded = frozenset[tuple[str, str]]
"""(system, code) pairs."""

Contents = Mapping[tuple[str, str], Concept | None]
"""(system, code) pairs in the order of the definition, with what the value set itself says of them, if anything."""

_UNCLOSED = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"


@dataclass(frozen=True, slots=True)
class Filter:
    """One compose.include.filter: `property` `op` `value`."""

    property: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Include:
    """One include or exclude; `version` is that of `system` where stated, `codes` is None for all of it.

    `said` is what the include says of a code that it lists.
    """

    system: str | None
    version: str | None
    codes: tuple[str, ...] | None
    filters: tuple[Filter, ...]
    value_sets: tuple[str, ...]
    said: Mapping[str, Concept] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A value set; `listed` are the codes of a stored expansion where nothing else defines it.

    `active_only` is compose.inactive = false; `locked` that whole systems are meant as of a date (lockedDate).
    """

    url: str
    version: str | None
    includes: tuple[Include, ...]
    excludes: tuple[Include, ...]
    active_only: bool = False
    locked: bool = False
    listed: Contents | None = None


@cache
def of_r4(url: str) -> ValueSet | None:
    """Return R4's own value set `url` (without version), None where R4 has none."""
    definition = value_sets().get(url)
    if definition is None:
        return None
    # R4 was published as a whole: a version stated in it (that of a ballot, once) means the code system beside it.
    return ValueSet(
        url=url,
        version=definition.get("version"),
        includes=tuple(replace(each, version=None) for each in _includes(definition.get("include", ()))),
        excludes=tuple(replace(each, version=None) for each in _includes(definition.get("exclude", ()))),
    )


def of_resource(resource: Mapping[str, Any], name: str) -> ValueSet:
    """Return what a ValueSet resource (R4 JSON) defines; `name` stands for it where it has no url.

    Raises NotExpandable when it has no compose and its stored expansion is missing or only a part.
    """
    url = str(resource.get("url", name))
    compose = resource.get("compose")
    if compose is None:
        return ValueSet(url, resource.get("version"), (), (), listed=_listed(resource.get("expansion"), url))
    return ValueSet(
        url=url,
        version=resource.get("version"),
        includes=_includes(compose.get("include", ())),
        excludes=_includes(compose.get("exclude", ())),
        active_only=compose.get("inactive") is False,
        locked="lockedDate" in compose,
    )


def _includes(rows: Iterable[Mapping[str, Any]]) -> tuple[Include, ...]:
    return tuple(_include(row) for row in rows)


def _include(row: Mapping[str, Any]) -> Include:
    """Return one include; a resource has `concept` with objects, the compiled definitions `concepts` with rows."""
    codes: tuple[str, ...] | None = None
    said: dict[str, Concept] = {}
    if "concept" in row:
        codes = tuple(each["code"] for each in row["concept"])
        said = {each["code"]: _said(each) for each in row["concept"] if "display" in each or "designation" in each}
    elif "concepts" in row:
        codes = tuple(each[0] for each in row["concepts"])
        said = {each[0]: Concept(each[1]) for each in row["concepts"] if len(each) > 1}
    return Include(
        system=row.get("system"),
        version=row.get("version"),
        codes=codes,
        filters=tuple(Filter(each["property"], each["op"], each["value"]) for each in row.get("filter", ())),
        value_sets=tuple(row.get("valueSet", ())),
        said=said,
    )


def _said(row: Mapping[str, Any]) -> Concept:
    return Concept(row.get("display"), designations=designations_of(row))


def _listed(expansion: Mapping[str, Any] | None, url: str) -> Contents:
    if expansion is None:
        raise NotExpandable(
            url, f"the value set {url} has neither compose nor expansion", "give it a compose that defines its codes"
        )
    entries = list(_entries(expansion.get("contains", ())))
    unclosed = any(each.get("url") == _UNCLOSED and each.get("valueBoolean") for each in expansion.get("extension", ()))
    if unclosed or expansion.get("offset", 0) or expansion.get("total", 0) > len(entries):
        raise NotExpandable(
            url,
            f"the value set {url} holds only a part of its expansion and has no compose",
            "store it with the whole expansion, or with a compose",
        )
    # An abstract entry is there to find others by and is no member, one without code is a heading.
    return {
        (each.get("system", ""), each["code"]): _said(each)
        for each in entries
        if "code" in each and not each.get("abstract")
    }


def _entries(contains: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for entry in contains:
        yield entry
        yield from _entries(entry.get("contains", ()))
