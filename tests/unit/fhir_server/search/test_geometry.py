"""Distances on the earth: known ones, the poles, the date line, and the latitudes within reach."""

from __future__ import annotations

from decimal import Decimal
from math import pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.geometry import RADIUS, UNIT, distance, latitudes

Position = tuple[int, int]


def at(latitude: str, longitude: str) -> Position:
    return int(Decimal(latitude) * UNIT), int(Decimal(longitude) * UNIT)


PARIS, LYON, LONDON = at("48.8566", "2.3522"), at("45.7640", "4.8357"), at("51.5074", "-0.1278")
EAST, WEST = at("0", "179.9"), at("0", "-179.9")
NORTH_POLE, SOUTH_POLE = at("90", "0"), at("-90", "0")
AROUND = 2 * pi * RADIUS
LATITUDE = st.integers(-90 * UNIT, 90 * UNIT)
LONGITUDE = st.integers(-180 * UNIT, 180 * UNIT)


@pytest.mark.parametrize(
    ("here", "there", "metres", "within"),
    [
        (PARIS, LYON, 392_000, 1000),
        (PARIS, LONDON, 344_000, 1000),
        (at("0", "0"), at("1", "0"), AROUND / 360, 1),
        (at("0", "0"), at("0", "1"), AROUND / 360, 1),
        (at("60", "10"), at("60", "11"), AROUND / 720, 30),
        (EAST, WEST, AROUND / 1800, 1),
        (at("10", "180"), at("10", "-180"), 0, 0.001),
        (NORTH_POLE, SOUTH_POLE, AROUND / 2, 1),
        (at("90", "120"), NORTH_POLE, 0, 0.001),
        (at("89", "0"), at("89", "180"), AROUND / 180, 1),
        (at("0", "0"), at("0", "180"), AROUND / 2, 1),
        (PARIS, PARIS, 0, 0),
    ],
)
def test_known_distances(here: Position, there: Position, metres: float, within: float) -> None:
    assert distance(*here, *there) == pytest.approx(metres, rel=0, abs=within)


@given(st.tuples(LATITUDE, LONGITUDE), st.tuples(LATITUDE, LONGITUDE))
def test_a_distance_is_the_same_both_ways_and_never_beyond_half_the_earth(here: Position, there: Position) -> None:
    there_and_back = distance(*here, *there), distance(*there, *here)
    assert there_and_back[0] == pytest.approx(there_and_back[1], abs=0.001)
    assert 0 <= there_and_back[0] <= AROUND / 2 + 0.001


@given(st.tuples(LATITUDE, LONGITUDE), st.tuples(LATITUDE, LONGITUDE))
def test_all_within_a_distance_lies_within_its_latitudes(here: Position, there: Position) -> None:
    low, high = latitudes(here[0], distance(*here, *there))
    assert low <= there[0] <= high


def test_the_latitudes_within_reach_are_not_wider_than_they_must_be() -> None:
    low, high = latitudes(PARIS[0], AROUND / 360)
    assert PARIS[0] - UNIT - 2 <= low <= PARIS[0] - UNIT
    assert PARIS[0] + UNIT <= high <= PARIS[0] + UNIT + 2
