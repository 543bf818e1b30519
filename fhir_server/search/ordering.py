"""The order of matches: what `_sort` means (http://hl7.org/fhir/R4/search.html#sort).

The standard leaves open where resources without a value go: here they come last, in either direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from fhir_server.search.match import Candidate
from fhir_server.search.query import Sort
from fhir_server.search.values import IndexEntries, fold_code

T = TypeVar("T")


def ordered(
    rows: Sequence[T], sorts: Sequence[Sort], candidate: Callable[[T], Candidate], commit: Callable[[T], int]
) -> list[T]:
    """Return `rows` in the order of `sorts`; `commit` says when each was updated."""
    found = list(rows)
    for sort in reversed(sorts):
        if sort.kind == "updated":
            found.sort(key=commit, reverse=sort.descending)
            continue
        keyed: list[tuple[Any, T]] = [(key(sort, candidate(row)), row) for row in found]
        present = [pair for pair in keyed if pair[0] is not None]
        present.sort(key=lambda pair: pair[0], reverse=sort.descending)
        found = [row for _, row in present] + [row for value, row in keyed if value is None]
    return found


def key(sort: Sort, candidate: Candidate) -> Any | None:
    """Return what `candidate` is sorted by, None when it has nothing of the kind."""
    if sort.kind == "id":
        return candidate.id
    values = [] if candidate.entries is None else list(_values(sort, candidate.entries))
    if not values:
        return None
    return max(values) if sort.descending else min(values)


def _values(sort: Sort, entries: IndexEntries) -> Iterator[Any]:
    names = sort.names
    match sort.kind:
        case "token":
            yield from (fold_code(code) for name, _, code, _ in entries.tokens if name in names)
        case "string":
            yield from (norm for name, norm, exact, _ in entries.strings if name in names and exact)
        case "reference":
            pointed = ((type, id) for name, type, id, _, _ in entries.references if name in names)
            yield from (f"{type}/{id}" for type, id in pointed if sort.target in ("", type))
        case "uri":
            yield from (uri for name, uri, _, _ in entries.uris if name in names)
        case "date":
            yield from (high if sort.descending else low for name, low, high, _ in entries.dates if name in names)
        case "number":
            yield from (high if sort.descending else low for name, low, high, _ in entries.numbers if name in names)
        case "quantity":
            for name, _, _, low, high, _ in entries.quantities:
                if name in names:
                    yield high if sort.descending else low
