"""`near` (http://hl7.org/fhir/R4/location.html#search)."""

from __future__ import annotations

import pytest

from fhir_server.search.query import Near, Or
from tests.fakes.searching import refusal, where


@pytest.mark.parametrize(
    ("value", "latitude", "longitude", "metres"),
    [
        ("-83.694810|42.256500|11.20|km", -836_948_100, 422_565_000, 11_200.0),
        ("48.8566|2.3522", 488_566_000, 23_522_000, 20_000.0),
        ("48.8566|2.3522|5", 488_566_000, 23_522_000, 5_000.0),
        ("48.8566|2.3522||", 488_566_000, 23_522_000, 20_000.0),
        ("48.8566|2.3522|350.5|m", 488_566_000, 23_522_000, 350.5),
        # A mile of the United States survey is 5280 feet of 1200/3937 metres.
        ("0|-180|1|[mi_us]", 0, -1_800_000_000, 1_609.347),
    ],
)
def test_a_position_and_a_distance_are_read(value: str, latitude: int, longitude: int, metres: float) -> None:
    assert where("Location", "near", value) == Near("near", latitude, longitude, metres)


def test_several_positions_are_alternatives() -> None:
    assert where("Location", "near", "1|1|1,2|2|1") == Or(
        (Near("near", 10_000_000, 10_000_000, 1000.0), Near("near", 20_000_000, 20_000_000, 1000.0))
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("48.8", "latitude|longitude|distance|unit"),
        ("1|2|3|km|x", "latitude|longitude|distance|unit"),
        ("90.1|0", "from -90 to 90"),
        ("0|-180.1", "from -180 to 180"),
        ("1e300|0", "from -90 to 90"),
        ("x|0", "a number is written"),
        ("1|2|far", "a number is written"),
        ("1|2|-5", "from 0"),
        ("1|2|1e12|km", "on Earth"),
        ("1|2|5|kg", "unit of length"),
        ("1|2|5|mile", "unit of length"),
    ],
)
def test_what_is_no_place_is_refused(value: str, says: str) -> None:
    assert says in str(refusal("Location", ("near", value)))


def test_other_types_have_no_position() -> None:
    assert "no such parameter" in str(refusal("Patient", ("near", "1|1")))
