"""Extraction by a tenant's own parameters."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.search.check_parameter import definition_of
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Addition, Registry
from fhir_server.search.values import decimal_key
from tests.fakes.own_parameters import own


@pytest.mark.parametrize(
    ("expression", "type", "kind", "expected"),
    [
        ("Patient.name.empty()", "token", "tokens", [("x", "http://hl7.org/fhir/special-values", "true", 0)]),
        ("Patient.name.count()", "number", "numbers", [("x", decimal_key(0), decimal_key(0), 0)]),
        ("Patient.deceased.where($this is boolean)", "token", "tokens", []),
        ("Patient.contact.where(gender = 'male').name", "string", "strings", []),
    ],
)
def test_an_expression_of_a_tenants_own_is_asked_where_its_first_element_is_absent(
    expression: str, type: str, kind: str, expected: list[Any]
) -> None:
    mine = definition_of(own(code="x", expression=expression, type=type))
    found = Extractor(Registry([Addition(mine)])).entries({"resourceType": "Patient"}, base="")
    assert [entry for entry in getattr(found, kind) if entry[0] == "x"] == expected


def test_a_parameter_of_a_tenants_own_that_cannot_be_evaluated_refuses_the_resource() -> None:
    mine = definition_of(own(expression="Patient.name.where(family.single() = 'x').given", type="string"))
    extractor = Extractor(Registry([Addition(mine)]))
    extractor.entries({"resourceType": "Patient"}, base="")
    mine = definition_of(own(expression="Patient.name.single().given", type="string"))
    extractor = Extractor(Registry([Addition(mine)]))
    with pytest.raises(Unprocessable, match="'eye-colour' of this server"):
        extractor.entries({"resourceType": "Patient", "name": [{"given": ["A"]}, {"given": ["B"]}]}, base="")
