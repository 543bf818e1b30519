"""Which way a search starts: the one that is likely to read the least, by the counts of rows that are kept.

Rows that come in order of `v` have an advantage when there are many: a page is full long before all of them are read,
while others must all be gathered and sorted first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.search.values import is_inner
from fhir_server.store.sql.compile_start import WHOLE_TYPE, Start
from fhir_server.store.sql.dialect import Names

SAMPLE = 5000
"""Rows counted at most."""
ELSEWHERE = 4
"""What a row of another resource on the way costs, in rows."""
PIECE = 4
"""What beginning with one more piece costs, in rows."""
_BEYOND = 20
GLANCE = 64
"""Rows counted first: who has fewer is not compared any further."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A start and about how many rows it has, counted up to SAMPLE; `cost` in rows likely to be read."""

    start: Start
    rows: int
    cost: float


def consider(
    found: Sequence[Start], type: str, names: Names, wanted: int | None, *, told: bool = False
) -> list[Considered]:
    """Return the starts with their costs, the best first; `wanted` is how many matches are, None for all of them.

    `told` says that somebody will be told, so that the rest is counted even where the best is certain.
    """
    ranked = sorted(found, key=lambda each: each.rank)
    # Rows in order, next to the whole type in order: they are some of those, so there is nothing to count.
    alone = not told and len(ranked) == 2 and ranked[0].ordered and ranked[1].rank == WHOLE_TYPE
    if len(ranked) == 1 or ranked[0].rank == 0 or alone:
        return [Considered(ranked[0], 0, 0)]
    countable = [each for each in ranked if each.countable]
    for each in countable:
        rows = names.estimate(each.counted, GLANCE)
        if rows < (GLANCE if each.sample is None else GLANCE // ELSEWHERE):
            return [Considered(each, rows, rows)]
    whole = max(_inner_rows(ranked, names) if is_inner(type) else names.live(type), 1)
    counted = {id(each): names.estimate(each.counted, SAMPLE) for each in countable}
    rows_of = [counted.get(id(each), whole) for each in ranked]
    considered = [
        Considered(each, rows_of[at], _cost(each, rows_of[at], wanted, rows_of[:at] + rows_of[at + 1 :], whole))
        for at, each in enumerate(ranked)
    ]
    return sorted(considered, key=lambda each: each.cost)


def _inner_rows(found: Sequence[Start], names: Names) -> int:
    """Return about how many contained resources of a type there are: nobody counts them as they come and go."""
    rows = names.estimate(found[-1].counted, SAMPLE)
    return rows if rows < SAMPLE else SAMPLE * _BEYOND


def _cost(start: Start, rows: int, wanted: int | None, others: Sequence[int], whole: int) -> float:
    """Return the rows to read: all of them, or as many as a page takes when they come in order and others thin them."""
    if rows >= SAMPLE and rows < whole:
        # Counting was broken off: there may be as many as there are.
        rows = max(rows, whole // 2)
    if wanted is None or not (start.ordered or start.pieces):
        weight = 1.0 if start.ordered else 1.5
        return rows * (weight if start.sample is None else ELSEWHERE)
    passing = 1.0
    for other in others:
        passing *= min(1.0, max(other, 1) / whole) if other < SAMPLE else 1.0
    return min(rows, wanted / passing) + PIECE * len(start.pieces)
