"""The demo clinic is R4 without a finding, hangs together, and nobody in it can be real."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from fhir_server.model.fhir_json import parse
from mappings.views import appointment, slot
from mappings.views.show import show
from profiles.validation.validator import Validator

BUNDLE: dict[str, Any] = parse((files("fhir_server.demo") / "clinic.json").read_bytes())
RESOURCES: list[dict[str, Any]] = [entry["resource"] for entry in BUNDLE["entry"]]
INS_DEMO = "urn:oid:1.2.250.1.213.1.4.11"
INS_REAL = ("urn:oid:1.2.250.1.213.1.4.8", "urn:oid:1.2.250.1.213.1.4.9")


def of(kind: str) -> list[dict[str, Any]]:
    return [resource for resource in RESOURCES if resource["resourceType"] == kind]


def values(tree: Any, name: str) -> Iterator[Any]:
    """Yield every value of the property `name`, however deep."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == name:
                yield value
            yield from values(value, name)
    elif isinstance(tree, list):
        for each in tree:
            yield from values(each, name)


def identifiers(system: str) -> list[str]:
    found = [group if isinstance(group, list) else [group] for group in values(RESOURCES, "identifier")]
    return [identifier["value"] for group in found for identifier in group if identifier["system"] == system]


def test_no_resource_has_a_finding() -> None:
    validator = Validator()
    assert [issue for resource in RESOURCES for issue in validator.validate(resource)] == []


def test_every_reference_leads_to_a_resource_of_the_clinic() -> None:
    there = {f"{resource['resourceType']}/{resource['id']}" for resource in RESOURCES}
    assert {reference for reference in values(RESOURCES, "reference") if isinstance(reference, str)} <= there


def test_every_entry_puts_its_resource_under_its_id() -> None:
    assert BUNDLE["type"] == "transaction"
    for entry in BUNDLE["entry"]:
        name = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        assert entry["request"] == {"method": "PUT", "url": name}


def test_it_is_a_telemedicine_practice() -> None:
    assert len(of("Patient")) == 6
    assert {encounter["class"]["code"] for encounter in of("Encounter")} == {"VR"}
    for view in (appointment.VIEW, slot.VIEW):
        assert {show(view, {view.root: [each]})["kind"] for each in of(view.root)} == {"video"}
    assert len(of("Composition")) == len(of("Encounter")) == 5
    for composition in of("Composition"):
        codes = [section["code"]["coding"][0]["code"] for section in composition["section"]]
        assert codes == ["61150-9", "61149-1", "51848-0", "18776-5"]
    assert {consent["patient"]["reference"] for consent in of("Consent")} == {
        f"Patient/{patient['id']}" for patient in of("Patient")
    }


def test_insurance_numbers_are_of_the_demo_system_with_a_place_of_birth_that_is_none_and_a_right_key() -> None:
    numbers = identifiers(INS_DEMO)
    assert len(numbers) == 5
    for number in numbers:
        assert len(number) == 15
        assert number[5:10] == "99999"
        assert 97 - int(number[:13]) % 97 == int(number[13:])
    assert [identifiers(system) for system in INS_REAL] == [[], []]


def test_the_practitioners_register_numbers_are_of_no_series_in_use_with_a_right_check_digit() -> None:
    numbers = identifiers("https://rpps.esante.gouv.fr")
    assert len(numbers) == 3
    for number in numbers:
        assert len(number) == 11
        assert number.startswith("999")
        doubled = [int(d) * 2 if i % 2 else int(d) for i, d in enumerate(reversed(number))]
        assert sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0
    assert sorted(identifiers("urn:oid:1.2.250.1.71.4.2.1")) == sorted(f"8{number}" for number in numbers)
