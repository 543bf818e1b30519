"""The order of matches: what each kind of sort compares, both directions, several at once, and what has no value."""

from __future__ import annotations

import pytest

from fhir_server.search.match import Candidate
from fhir_server.search.ordering import key, ordered
from fhir_server.search.query import Sort, SortKind
from fhir_server.search.values import IndexEntries, decimal_key


def version(id: str, **entries: object) -> Candidate:
    return Candidate("Observation", id, 0, "", (), (), IndexEntries(**entries))  # type: ignore[arg-type]


def ids(rows: list[Candidate], *sorts: Sort) -> str:
    """Return the ids of `rows`, which are given in the order of commits, in the order of `sorts`."""
    return " ".join(each.id for each in ordered(rows, sorts, lambda row: row, rows.index))


def dated(id: str, *ranges: tuple[int, int]) -> Candidate:
    return version(id, dates=[("date", low, high, 0) for low, high in ranges])


ROWS = [dated("b", (5, 9)), dated("none"), dated("a", (1, 20)), dated("c", (7, 8), (30, 31)), dated("same", (5, 9))]


def test_without_an_order_matches_come_as_they_were_committed() -> None:
    assert ids(ROWS) == "b none a c same"


def test_ranges_begin_in_ascending_order_and_end_in_descending_order() -> None:
    assert ids(ROWS, Sort("date", ("date",))) == "a b same c none"
    assert ids(ROWS, Sort("date", ("date",), descending=True)) == "c a b same none"


def test_equal_matches_stay_in_the_order_of_commits_in_either_direction() -> None:
    rows = [dated("z", (1, 1)), dated("y", (1, 1)), dated("x", (1, 1))]
    for descending in (False, True):
        assert ids(rows, Sort("date", ("date",), descending)) == "z y x"


def test_what_has_no_value_comes_last_in_either_direction() -> None:
    tombstone = Candidate("Observation", "gone", 0, "", (), (), None)
    rows = [tombstone, *ROWS]
    for descending in (False, True):
        assert ids(rows, Sort("date", ("date",), descending)).endswith("gone none")
        assert ids(rows, Sort("date", ("never",), descending)) == "gone b none a c same"


def test_a_later_order_parts_what_is_equal_in_an_earlier_one() -> None:
    rows = [
        version("1", tokens=[("code", "", "b", 0)], numbers=[("n", decimal_key(2), decimal_key(2), 0)]),
        version("2", tokens=[("code", "", "a", 0)], numbers=[("n", decimal_key(1), decimal_key(1), 0)]),
        version("3", tokens=[("code", "", "B", 0)], numbers=[("n", decimal_key(10), decimal_key(10), 0)]),
        version("4", tokens=[("code", "", "b", 0)]),
    ]
    code, number = Sort("token", ("code",)), Sort("number", ("n",), descending=True)
    assert ids(rows, code, number) == "2 3 1 4"
    assert ids(rows, number, code) == "3 1 2 4"


def test_commits_and_ids_are_orders_too() -> None:
    assert ids(ROWS, Sort("updated", descending=True)) == "same c a none b"
    assert ids(ROWS, Sort("updated")) == "b none a c same"
    assert ids(ROWS, Sort("id")) == "a b c none same"
    assert ids(ROWS, Sort("id", descending=True)) == "same none c b a"
    assert ids(ROWS, Sort("date", ("date",)), Sort("updated", descending=True)) == "a same b c none"


ALL_KINDS = version(
    "v",
    tokens=[("code", "http://s", "Zz", 0), ("code", "", "É", 0), ("other", "", "a", 0)],
    strings=[("name", "zoe", "Zoé", 0), ("given", "anna", "Anna", 0)],
    references=[("subject", "Patient", "2", 0, 0), ("subject", "Group", "9", 0, 0)],
    uris=[("url", "http://b", "1", 0), ("url", "http://a", "2", 0)],
    dates=[("date", 3, 4, 0)],
    numbers=[("n", decimal_key(1), decimal_key(5), 0)],
    quantities=[("q", "", "mg", decimal_key(-2), decimal_key(7), 0)],
)


@pytest.mark.parametrize(
    ("kind", "names", "first", "last"),
    [
        ("token", ("code",), "zz", "é"),
        ("token", ("code", "other"), "a", "é"),
        ("string", ("name",), "zoe", "zoe"),
        ("string", ("name", "given"), "anna", "zoe"),
        ("reference", ("subject",), "Group/9", "Patient/2"),
        ("uri", ("url",), "http://a", "http://b"),
        ("date", ("date",), 3, 4),
        ("number", ("n",), decimal_key(1), decimal_key(5)),
        ("quantity", ("q",), decimal_key(-2), decimal_key(7)),
        ("id", (), "v", "v"),
        ("date", ("never",), None, None),
    ],
)
def test_the_value_that_comes_first_counts(kind: SortKind, names: tuple[str, ...], first: object, last: object) -> None:
    assert key(Sort(kind, names), ALL_KINDS) == first
    assert key(Sort(kind, names, descending=True), ALL_KINDS) == last
