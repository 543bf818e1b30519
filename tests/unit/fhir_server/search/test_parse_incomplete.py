"""A parameter that not everything is indexed by yet is refused wherever in a search it is named."""

from __future__ import annotations

import pytest

from fhir_server.errors import BadRequest
from fhir_server.search.check_parameter import definition_of
from fhir_server.search.parameters import Addition, Registry
from fhir_server.search.parse import parse
from tests.fakes.own_parameters import own

EYES = definition_of(own())
CLINIC = definition_of(
    own(
        "clinic",
        code="clinic",
        type="reference",
        expression="Patient.managingOrganization | Patient.contact.organization",
    )
)
REGISTRY = Registry([Addition(EYES, complete=False), Addition(CLINIC, complete=False)])


@pytest.mark.parametrize(
    ("type", "name", "value"),
    [
        ("Patient", "eye-colour", "blue"),
        ("Patient", "eye-colour:not", "blue"),
        ("Patient", "eye-colour:missing", "true"),
        ("Patient", "_sort", "-eye-colour"),
        ("Patient", "_include", "Patient:clinic"),
        ("Patient", "clinic.name", "x"),
        ("Patient", "_filter", "eye-colour eq blue"),
        ("Observation", "subject:Patient.eye-colour", "blue"),
        ("Observation", "subject.eye-colour", "blue"),
        ("Organization", "_has:Patient:organization:eye-colour", "blue"),
        ("Organization", "_has:Patient:clinic:gender", "male"),
        ("Organization", "_revinclude", "Patient:clinic"),
    ],
)
def test_it_is_refused_by_name_and_ignored_with_a_warning(type: str, name: str, value: str) -> None:
    options = {"base": "http://localhost/fhir", "now": 0}
    with pytest.raises(BadRequest, match="is still being indexed by it") as caught:
        parse(type, [(name, value)], REGISTRY, **options)
    assert [issue.code for issue in caught.value.issues] == ["incomplete"]
    found = parse(type, [(name, value)], REGISTRY, **options, lenient=True)
    assert found == parse(type, [], REGISTRY, **options).__class__(found.targets, warnings=found.warnings)
    assert [(issue.severity, issue.code) for issue in found.warnings] == [("warning", "incomplete")]
