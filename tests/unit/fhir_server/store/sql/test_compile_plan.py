"""Which way a search starts, for the counts of rows that are given here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fhir_server.store.sql.compile_plan import ELSEWHERE, GLANCE, PIECE, SAMPLE, consider
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


def pieces(count: int) -> Start:
    each = [Statement(f"code x WHERE {number}") for number in range(count)]
    return replace(start("code", 2, ordered=False), pieces=each)


@pytest.mark.parametrize(
    ("count", "dates", "wanted", "cost"),
    [
        # A page needs no more than its own rows of pieces that come in order, but each of them is begun.
        (2, SAMPLE, PAGE, PAGE + 2 * PIECE),
        (64, SAMPLE, PAGE, PAGE + 64 * PIECE),
        # 1 % of the type pass the other conjunct: a page of 51 is full after 5,100 rows, and there are 4,000.
        (2, LIVE // 100, PAGE, 4000 + 2 * PIECE),
        # All of the rows are wanted: they are gathered and sorted whatever pieces there are.
        (2, SAMPLE, None, 4000 * 1.5),
    ],
)
def test_pieces_in_order_cost_a_page_and_their_beginnings(
    count: int, dates: int, wanted: int | None, cost: float
) -> None:
    names = Counted({"code": 4000, "date": dates})
    considered = consider([TYPE, pieces(count), DATE], "Observation", names, wanted)
    assert next(each.cost for each in considered if each.start.label == "code") == cost


def test_rows_on_the_way_to_others_cost_more() -> None:
    chained = replace(start("chain", 3), sample=Statement("few x WHERE 1"))
    names = Counted({"few": 300, "code": 1100})
    considered = consider([TYPE, CODE, chained], "Observation", names, None)
    assert [(each.start.label, each.rows, each.cost) for each in considered] == [
        ("code", 1100, 1100.0),
        ("chain", 300, 300.0 * ELSEWHERE),
        ("idx_type", LIVE, float(LIVE)),
    ]


def test_contained_resources_are_counted_as_nobody_keeps_their_number() -> None:
    ids = start("ids", 9, ordered=False)
    for there, whole in ((300, 300), (SAMPLE, SAMPLE * 20)):
        considered = consider([DATE, ids], "#Medication", Counted({"date": 200, "ids": there}), None)
        assert {each.start.label: each.rows for each in considered} == {"date": 200, "ids": there}
        assert next(each.cost for each in considered if each.start is ids) == (
            1.5 * there if there < SAMPLE else 1.5 * max(SAMPLE, whole // 2)
        )
