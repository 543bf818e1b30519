"""Which way a search starts, for the counts of rows that are given here."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fhir_server.store.sql.compile_plan import GLANCE, SAMPLE, consider
from fhir_server.store.sql.compile_start import Start
from fhir_server.store.sql.dialect import Statement
from tests.fakes.statements import FakeNames

LIVE = 100_000
PAGE = 51


class Counted(FakeNames):
    """Counts rows as told, and remembers what it was asked to count."""

    def __init__(self, rows: Mapping[str, int]) -> None:
        super().__init__(live=LIVE)
        self.counts = rows
        self.asked: list[tuple[str, int]] = []

    def estimate(self, statement: Statement, limit: int) -> int:
        table = statement.sql.split()[3]
        self.asked.append((table, limit))
        return min(limit, self.counts[table])


def start(table: str, rank: int, *, ordered: bool = True, countable: bool = True) -> Start:
    return Start(Statement(f"{table} x WHERE 1"), table, rank=rank, ordered=ordered, countable=countable)


TYPE = start("idx_type", 9, countable=False)
CODE, DATE, TEXT = start("code", 2), start("date", 4, ordered=False), start("text", 8, ordered=False, countable=False)


@pytest.mark.parametrize(
    ("found", "rows", "wanted", "best"),
    [
        # Few rows are taken at once, whatever else there is.
        ([TYPE, CODE, DATE], {"code": 3, "date": 1}, PAGE, "code"),
        ([TYPE, CODE, DATE], {"code": 4000, "date": 1}, PAGE, "date"),
        # All of them are wanted: the fewest rows.
        ([TYPE, CODE, DATE], {"code": 4000, "date": 2000}, None, "date"),
        ([TYPE, CODE, DATE], {"code": 2000, "date": 4000}, None, "code"),
        # To gather and sort rows costs half as much again.
        ([TYPE, CODE, DATE], {"code": 2900, "date": 2000}, None, "code"),
        # A page of rows in order is full soon where most of them match, and late where few do.
        ([TYPE, DATE], {"date": SAMPLE}, PAGE, "idx_type"),
        ([TYPE, DATE], {"date": 100}, PAGE, "date"),
        ([TYPE, DATE], {"date": SAMPLE}, None, "date"),
        ([TYPE, CODE], {"code": SAMPLE}, PAGE, "code"),
        # What cannot be counted counts as the whole type.
        ([TYPE, TEXT], {}, PAGE, "idx_type"),
        ([TYPE, TEXT, CODE], {"code": 4000}, None, "code"),
    ],
)
def test_the_way_that_reads_the_least_is_taken(
    found: list[Start], rows: dict[str, int], wanted: int | None, best: str
) -> None:
    considered = consider(found, "Observation", Counted(rows), wanted)
    assert considered[0].start.label == best
    assert considered == sorted(considered, key=lambda each: each.cost)


def test_the_only_way_and_one_of_rank_zero_are_not_counted() -> None:
    names = Counted({})
    ids = start("ids", 0, ordered=False)
    assert [each.start for each in consider([TYPE], "Observation", names, PAGE)] == [TYPE]
    assert [each.start for each in consider([TYPE, CODE, ids], "Observation", names, PAGE)] == [ids]
    assert names.asked == []


def test_the_likely_fewest_are_counted_first_and_little_at_that() -> None:
    names = Counted({"code": 5, "date": 1})
    consider([TYPE, DATE, CODE], "Observation", names, PAGE)
    assert names.asked == [("code", GLANCE)]


def test_nothing_is_counted_beyond_the_sample() -> None:
    names = Counted({"code": 10**9, "date": 10**9})
    considered = consider([TYPE, DATE, CODE], "Observation", names, PAGE)
    assert max(limit for _, limit in names.asked) == SAMPLE
    assert {each.start.label: each.rows for each in considered} == {"code": SAMPLE, "date": SAMPLE, "idx_type": LIVE}


def test_an_empty_type_divides_nothing_by_zero() -> None:
    names = Counted({"code": 100, "date": 100})
    names._live = 0
    assert len(consider([TYPE, DATE, CODE], "Observation", names, PAGE)) == 3
