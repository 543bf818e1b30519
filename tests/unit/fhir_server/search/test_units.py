"""Quantities in base units (https://ucum.org/ucum)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir_server.search.units import canonical


@pytest.mark.parametrize(
    ("value", "unit", "expected", "name"),
    [
        ("5.4", "g/dL", "54000", "g.m-3"),
        ("54", "g/L", "54000", "g.m-3"),
        ("37", "Cel", "310.15", "K"),
        ("120", "mm[Hg]", "15998640", "g.m-1.s-2"),
        ("50", "%", "0.5", "1"),
    ],
)
def test_quantities_are_brought_to_base_units(value: str, unit: str, expected: str, name: str) -> None:
    assert canonical(Decimal(value), unit) == (Decimal(expected), name)


@pytest.mark.parametrize("unit", ["nonsense", "", "kg.", ".".join(["Ym99"] * 30)])
def test_what_has_no_base_units_is_none(unit: str) -> None:
    assert canonical(1, unit) is None
