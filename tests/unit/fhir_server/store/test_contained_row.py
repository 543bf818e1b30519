"""The numbers of contained resources."""

from __future__ import annotations

from itertools import pairwise

from fhir_server.store.contained_row import FIRST, LAST, contained_row, container_of, is_contained, place_of


def test_they_tell_container_and_place() -> None:
    for v, place in ((1, 0), (7, 3), (1 << 40, (1 << 20) - 1)):
        row = contained_row(v, place)
        assert (container_of(row), place_of(row)) == (v, place)
        assert is_contained(row)


def test_they_are_beyond_all_versions_in_the_order_of_those() -> None:
    rows = [contained_row(v, place) for v in (1, 2, 3) for place in (0, 1, (1 << 20) - 1)]
    assert all(first < second for first, second in pairwise(rows))
    assert rows[0] >= FIRST
    assert contained_row((1 << 41) - 1, (1 << 20) - 1) < LAST


def test_a_version_is_its_own_container() -> None:
    assert (container_of(7), place_of(7), is_contained(7)) == (7, None, False)
