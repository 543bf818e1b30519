"""The schemas: one per resource type, quick to make, and quick to ask."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import jsonschema_rs
import pytest

from profiles.definitions import resource_types
from profiles.validation.schema import primitive_schema, resource_schema


def compiled(type_name: str) -> jsonschema_rs.Draft4Validator:
    return jsonschema_rs.Draft4Validator(resource_schema(type_name), validate_formats=False)


@pytest.mark.parametrize("type_name", resource_types())
def test_every_resource_type_compiles(type_name: str) -> None:
    schema = compiled(type_name)

    assert not schema.is_valid({"resourceType": type_name, "unknown": 1})
    assert not schema.is_valid({"resourceType": "Foo"})
    assert not schema.is_valid([])


@pytest.mark.parametrize(
    ("type_name", "right", "wrong"),
    [
        ("integer", [0, -(2**31)], [Decimal("1.0"), Decimal("1E1"), True, "1", 2**31]),
        ("positiveInt", [1], [0, Decimal("1.0")]),
        ("decimal", [1, Decimal("1.10"), Decimal("1E-400")], [True, "1", None]),
        ("boolean", [True], [1, 0, "true"]),
    ],
)
def test_numbers_are_told_apart_as_fhir_does(type_name: str, right: list[Any], wrong: list[Any]) -> None:
    schema = jsonschema_rs.Draft4Validator(primitive_schema(type_name))

    assert all(schema.is_valid(value) for value in right)
    assert not any(schema.is_valid(value) for value in wrong)


def test_a_type_is_ready_in_a_moment() -> None:
    compiled("Patient")
    best = 1.0
    for _ in range(5):
        begun = time.perf_counter()
        compiled("Observation")
        best = min(best, time.perf_counter() - begun)

    assert best < 0.1
