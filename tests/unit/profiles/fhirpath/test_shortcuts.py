"""What is answered from the JSON alone is what the specification says, siblings and all."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.fhirpath.engine import compile_expression

MARK = {"extension": [{"url": "http://example.org/mark", "valueBoolean": True}]}
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "active": True,
    "_gender": MARK,
    "birthDate": "1980-01-01",
    "_birthDate": MARK,
    "name": [{"family": "Martin", "given": ["Anne", None], "_given": [None, MARK], "use": "official"}, {"text": "AM"}],
    "contained": [{"resourceType": "Organization", "id": "o", "name": "X"}],
    "extension": [{"url": "http://example.org/a", "valueString": "1"}, {"url": "http://example.org/b"}],
    "deceasedBoolean": False,
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("gender.exists()", True),
        ("gender = 'male'", None),
        ("gender != 'male'", None),
        ("telecom.exists()", False),
        ("deceased.exists()", True),
        ("name.given.count() = 3", False),
        ("name.given.count() = 2", True),
        ("name.exists(use = 'official')", True),
        ("name.exists(use != 'official')", False),
        ("name.where(text = 'AM').exists()", True),
        ("birthDate = '1980-01-01'", False),
        ("contained.contained.empty()", True),
        ("contained.id.exists()", True),
        ("contained.name = 'X'", True),
        ("meta.tag.exists()", False),
        ("extension('http://example.org/a').value = '1'", True),
        ("extension('http://example.org/c').exists()", False),
        ("gender.extension('http://example.org/mark').value", True),
        ("birthDate.extension('http://example.org/mark').exists()", True),
        ("name.given.extension('http://example.org/mark').count() = 1", True),
        ("name.exists() = telecom.exists()", False),
        ("name.exists() != telecom.exists()", True),
        ("(gender = 'male') = name.exists()", None),
    ],
)
def test_shapes_of_rules(expression: str, expected: bool | None) -> None:
    assert compile_expression(expression).test(PATIENT) is expected
