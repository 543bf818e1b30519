"""The schemas: one per resource type, quick to make, and quick to ask."""

from __future__ import annotations

import time
from decimal import Decimal
from functools import cache
from typing import Any

import jsonschema_rs
import pytest

from profiles.definitions import resource_types
from profiles.validation.holding import is_bare
from profiles.validation.schema import primitive_schema, resource_schema
from tests.fakes.generated import generated_resource


@cache
def compiled(type_name: str, bare: bool = False) -> jsonschema_rs.Draft4Validator:
    return jsonschema_rs.Draft4Validator(resource_schema(type_name, bare=bare), validate_formats=False)


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("type_name", resource_types())
def test_every_resource_type_compiles(type_name: str, bare: bool) -> None:
    schema = compiled(type_name, bare)

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
    compiled.__wrapped__("Patient")
    best = 1.0
    for _ in range(5):
        begun = time.perf_counter()
        compiled.__wrapped__("Observation")
        best = min(best, time.perf_counter() - begun)

    assert best < 0.1


def test_a_bare_schema_says_of_what_has_no_extension_what_the_whole_one_says() -> None:
    answers = set()
    for seed in range(400):
        resource = _without_extensions(generated_resource(seed))
        assert is_bare(resource)
        right = compiled(resource["resourceType"]).is_valid(resource)
        assert compiled(resource["resourceType"], bare=True).is_valid(resource) == right, seed
        answers.add(right)
        resource.pop("status", None)
        right = compiled(resource["resourceType"]).is_valid(resource)
        assert compiled(resource["resourceType"], bare=True).is_valid(resource) == right, seed
        answers.add(right)

    assert answers == {True, False}


def test_a_bare_schema_leaves_extensions_to_the_whole_one() -> None:
    extension = {"url": "http://a", "valueCode": "b"}
    for more in ({"extension": [extension]}, {"_gender": {"extension": [extension]}}):
        assert compiled("Patient").is_valid({"resourceType": "Patient", "active": True, **more})
        assert not compiled("Patient", bare=True).is_valid({"resourceType": "Patient", "active": True, **more})


def _without_extensions(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_extensions(each) for each in node]
    if not isinstance(node, dict):
        return node
    names = [name for name in node if name not in ("extension", "modifierExtension") and name[:1] != "_"]
    return {name: _without_extensions(node[name]) for name in names}
