"""Values of `near`, the distance of a Location (http://hl7.org/fhir/R4/location.html#search)."""

from __future__ import annotations

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.parse_number import read_decimal
from fhir_server.search.parse_value import by_answers, plain
from fhir_server.search.query import Near, Node
from fhir_server.search.refuse import refuse, shown
from fhir_server.search.text import split
from profiles.datatypes import ucum

DISTANCE = "20"
"""What near means without a distance, in kilometres."""
UNIT = "km"

_DEGREE = 10_000_000
_MILLIMETRES = 1000


def read_near(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read `latitude|longitude`, perhaps with `|distance` and `|unit`, a UCUM unit of length (km without one)."""
    code = parameter.code
    parts = split(text, "|")
    if not 2 <= len(parts) <= 4:
        raise refuse(code, "it is written latitude|longitude|distance|unit; distance and unit may be left out.")
    latitude = _degrees(code, parts[0], "latitude", 90)
    longitude = _degrees(code, parts[1], "longitude", 180)
    given = [*parts[2:], "", ""]
    metres = _metres(code, given[0] or DISTANCE, given[1] or UNIT)
    return by_answers(parameter, lambda name: Near(name, latitude, longitude, metres))


def _degrees(code: str, text: str, what: str, limit: int) -> int:
    degrees, _ = read_decimal(code, plain(code, text))
    if abs(degrees) > limit:
        raise refuse(code, f"a {what} is a number of degrees from -{limit} to {limit}.")
    return int((degrees * _DEGREE).to_integral_value())


def _metres(code: str, text: str, unit: str) -> float:
    distance, _ = read_decimal(code, plain(code, text))
    metres = ucum.convert(distance, plain(code, unit), "m")
    if metres is None:
        raise refuse(code, f"{shown(unit)} is no UCUM unit of length, such as km, m or [mi_us].")
    if distance < 0 or metres.adjusted() > 9:
        raise refuse(code, "its distance is a number from 0, on Earth.")
    return int((metres * _MILLIMETRES).to_integral_value()) / _MILLIMETRES
