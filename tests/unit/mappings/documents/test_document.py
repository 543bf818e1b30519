"""A document is whole: the Composition, all it speaks of, nothing else; what is missing is named."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.documents.document import document, wanted
from mappings.errors import Incomplete
from mappings.transactions.act import Act
from mappings.transactions.record import File, create_record
from profiles.validation.validator import Validator
from tests.fakes.foreign_notes import PATIENT, ROLE, note, section

Json = dict[str, Any]
BASE = "https://clinic.example/fhir"
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
MOMENT = "2026-11-26T08:00:00+01:00"
RECORD: Json = {
    "soap": {"subjective": "Palpitations"},
    "status": "final",
    "consultation_date": "2026-03-02T09:30:00+01:00",
    "patient_id": "p",
    "doctor_id": "d",
}
PEOPLE: list[Json] = [
    {"resourceType": "Patient", "id": "p", "generalPractitioner": [{"reference": "Practitioner/other"}]},
    {"resourceType": "Practitioner", "id": "d", "name": [{"family": "Garnier"}]},
]


def resources() -> list[Json]:
    ids = iter("abcdefgh")
    act = Act("Practitioner/d", MOMENT, lambda: next(ids))
    bundle = create_record(RECORD, act, [File("ecg.pdf", "application/pdf", b"%PDF")])
    return [each["resource"] for each in bundle["entry"]]


def made(composition: Json, others: list[Json]) -> Json:
    return document(composition, others, identifier=UUID, moment=MOMENT, base=BASE)


def test_a_document_begins_with_the_composition_and_holds_what_it_refers_to() -> None:
    composition, *others = resources()
    bundle = made(composition, [*PEOPLE, *others])
    urls = [each["fullUrl"].removeprefix(f"{BASE}/") for each in bundle["entry"]]
    assert urls == ["Composition/a", "Patient/p", "Encounter/b", "Practitioner/d", "DocumentReference/c", "Binary/d"]
    assert (bundle["type"], bundle["timestamp"]) == ("document", MOMENT)
    assert bundle["identifier"] == {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{UUID}"}
    assert [each for each in Validator().validate(bundle) if each.severity != "information"] == []


def test_what_is_missing_is_named_and_asked_for_step_by_step() -> None:
    composition, *others = resources()
    assert wanted(composition, []) == ["Patient/p", "Encounter/b", "Practitioner/d", "DocumentReference/c"]
    assert wanted(composition, [each for each in others if each["resourceType"] != "Binary"] + PEOPLE) == ["Binary/d"]
    with pytest.raises(Incomplete) as caught:
        made(composition, PEOPLE)
    assert caught.value.references == ("Encounter/b", "DocumentReference/c")


def test_a_role_brings_who_has_it() -> None:
    assert wanted(note(section("18776-5", "Rest")), [PATIENT, ROLE]) == ["Practitioner/ben"]


def test_own_addresses_are_followed_and_those_of_others_are_not() -> None:
    composition = note(
        subject={"reference": f"{BASE}/Patient/anna/_history/2"},
        author=[{"reference": "https://other.example/fhir/Practitioner/x"}],
        custodian={"reference": "#org"},
    )
    assert wanted(composition, [], BASE) == ["Patient/anna"]
    assert wanted(composition, []) == []
