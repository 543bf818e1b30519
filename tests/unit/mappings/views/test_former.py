"""Former ids: which values are some, and where they stand in FHIR."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.views.former import add_former, former_of, former_system, former_text, former_value


@pytest.mark.parametrize(
    "id", [0, 17, 9_223_372_036_854_775_807, "a", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "17a", "x.1"]
)
def test_an_id_comes_back_as_it_was(id: int | str) -> None:
    text = former_text(id)
    assert text is not None
    assert former_value(text) == id


@pytest.mark.parametrize(
    "value", [None, True, -1, 10**19, 1.0, "", "17", "007", "..", ".a", "a/b", "a b", "é", "x" * 65, [], {}]
)
def test_other_values_are_no_ids(value: Any) -> None:
    assert former_text(value) is None


def test_it_is_an_identifier_beside_the_others() -> None:
    patient = {"resourceType": "Patient", "identifier": [{"system": "urn:x", "value": "1"}]}
    assert former_of(patient, "user") is None
    add_former(patient, "user", "17")
    assert patient["identifier"] == [
        {"system": "urn:x", "value": "1"},
        {"use": "old", "system": "urn:fhir-health-server:telemed/former/user", "value": "17"},
    ]
    assert former_of(patient, "user") == "17"
    assert former_of(patient, "medical_record") is None
    assert former_system("medical_record").endswith("/former/medical-record")
