"""The medical record: the shape of the contract, records of others, and what follows from a record."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mappings.views.gather import gather
from mappings.views.medical_record import VIEW
from mappings.views.show import show
from mappings.views.write import write
from tests.fakes.foreign_notes import PATIENT, ROLE, note, section
from tests.fakes.telemed import good

PLAN = section("18776-5", "Rest")
KEYS = (
    *("id", "nom", "age", "category", "priority", "status", "soap", "consultation_date", "follow_up_date", "tags"),
    *("attachments", "patient_id", "doctor_id", "inserted_at", "updated_at"),
)


def shown(*resources: dict[str, Any]) -> dict[str, Any]:
    (parts,) = gather(VIEW, resources)
    return show(VIEW, parts)


def test_the_shape_is_the_contract() -> None:
    record = shown(good("composition"), good("encounter"))
    assert tuple(record) == KEYS
    assert record == {
        "id": "note-1",
        "nom": "Marie Curie",
        "age": 0,
        "category": "Cardiologie ",
        "priority": record["priority"],
        "status": "archived",
        "soap": {
            "subjective": "  Palpitations depuis\r\n trois jours ",
            "objective": "",
            "assessment": "HTA probable",
            "plan": "Holter, contrôle dans 1 mois",
        },
        "consultation_date": "2026-03-02T09:30:00+01:00",
        "follow_up_date": "2026-04-02",
        "tags": ["hta", " À revoir "],
        "attachments": [],
        "patient_id": "marie-curie",
        "doctor_id": "helene-garnier",
        "inserted_at": "2026-03-02T10:01:02.123456+01:00",
        "updated_at": "2026-03-03T08:00:00Z",
    }


def test_a_whole_number_may_be_written_with_a_point() -> None:
    parts = {"Composition": [good("composition")], "Encounter": [good("encounter")]}
    (composition,) = write(VIEW, {"age": Decimal("41.0")}, parts)["Composition"]
    (age,) = (each["valueQuantity"] for each in composition["extension"] if each["url"].endswith("telemed-age"))
    assert (age["value"], type(age["value"])) == (41, int)


def test_a_note_of_others_is_shown_as_well_as_it_can_be() -> None:
    record = shown(note(section("61150-9", "Cough"), section("18776-5", "Rest")), PATIENT, ROLE)
    assert record == {
        "id": "note",
        "nom": "Anna Eva Meyer",
        "age": None,
        "category": None,
        "priority": "normal",
        "status": "final",
        "soap": {"subjective": "Cough", "objective": None, "assessment": None, "plan": "Rest"},
        "consultation_date": "2026-03-05T00:00:00Z",
        "follow_up_date": None,
        "tags": [],
        "attachments": [],
        "patient_id": "anna",
        "doctor_id": "ben",
        "inserted_at": "2026-03-05T00:00:00Z",
        "updated_at": "2026-03-05T12:00:00Z",
    }


def test_what_was_not_written_in_a_record_of_ours_is_not_taken_from_elsewhere() -> None:
    composition = good("composition-draft")
    composition["category"] = [{"text": "Autre système"}]
    composition["subject"] = {"reference": "Patient/anna"}
    record = shown(composition, PATIENT)
    assert (record["nom"], record["category"]) == (None, None)


@pytest.mark.parametrize(("act", "priority"), [("R", "normal"), ("A", "high"), ("UR", "urgent"), ("EM", "urgent")])
def test_the_priority_of_others_is_understood(act: str, priority: str) -> None:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActPriority", "code": act, "display": "x"}
    encounter = {"resourceType": "Encounter", "id": "e", "priority": {"coding": [coding]}}
    composition = note(PLAN, encounter={"reference": "Encounter/e"})
    assert shown(composition, encounter)["priority"] == priority
    (parts,) = gather(VIEW, [composition, encounter])
    changed = write(VIEW, {"priority": "high" if priority != "high" else "normal"}, parts)
    codings = changed["Encounter"][0]["priority"]["coding"]
    assert "display" not in codings[0]
    assert codings[0]["code"] == ("A" if priority != "high" else "R")


@pytest.mark.parametrize(
    "change", [{"priority": "urgent"}, {"soap": {"plan": "Rest more"}}, {"tags": ["x"]}, {"status": "archived"}]
)
@pytest.mark.parametrize("period", [None, {"start": "2026-03-04T08:00:00+01:00"}])
def test_a_change_to_a_note_of_others_leaves_what_it_does_not_say(
    change: dict[str, Any], period: dict[str, str] | None
) -> None:
    encounter = {"resourceType": "Encounter", "id": "e", "period": period}
    others = [note(PLAN, encounter={"reference": "Encounter/e"}), encounter] if period else [note(PLAN)]
    (parts,) = gather(VIEW, [*others, PATIENT])
    before = show(VIEW, parts)
    made = write(VIEW, change | {"updated_at": "2026-06-01T10:00:00Z"}, parts)
    after = show(VIEW, made)
    assert made["Composition"][0]["date"] == "2026-06-01T10:00:00Z"
    assert {name for name in after if after[name] != before[name]} == {*change, "updated_at"}
    if not period:
        assert made["Composition"][0]["event"] == [{"period": {"start": "2026-03-05"}}]


def test_an_encounter_is_made_for_a_note_of_others_only_when_it_is_needed() -> None:
    (parts,) = gather(VIEW, [note(PLAN)])
    assert "Encounter" not in write(VIEW, {"nom": "Anna"}, parts)
    made = write(VIEW, {"priority": "urgent"}, parts)
    assert show(VIEW, made)["priority"] == "urgent"
    assert made["Encounter"][0]["subject"] == {"reference": "Patient/anna"}
    (elsewhere,) = gather(VIEW, [note(PLAN, encounter={"reference": "Encounter/other"})])
    assert "Encounter" not in write(VIEW, {"priority": "urgent"}, elsewhere)


def test_what_was_entered_in_error_or_is_no_soap_note_is_not_in_the_view() -> None:
    soap = section("61150-9", "Cough")
    assert gather(VIEW, [note(soap, status="entered-in-error"), note(section("48765-2", "None"))]) == []
    assert len(gather(VIEW, [note(soap), good("composition-draft")])) == 2


def test_an_archived_record_stays_amended_and_comes_back() -> None:
    (parts,) = gather(VIEW, [note(PLAN, status="amended")])
    archived = write(VIEW, {"status": "archived"}, parts)
    assert (archived["Composition"][0]["status"], show(VIEW, archived)["status"]) == ("amended", "archived")
    again = write(VIEW, {"status": "amended"}, archived)
    assert show(VIEW, again)["status"] == "amended"
    assert "extension" not in again["Composition"][0]


def test_a_point_in_time_of_others_gives_way_to_a_day() -> None:
    url = "urn:fhir-health-server:telemed/StructureDefinition/telemed-follow-up-date"
    (parts,) = gather(VIEW, [note(PLAN, extension=[{"url": url, "valueDateTime": "2026-04-02T10:00:00Z"}])])
    assert show(VIEW, parts)["follow_up_date"] == "2026-04-02"
    changed = write(VIEW, {"follow_up_date": "2026-05-01"}, parts)
    assert changed["Composition"][0]["extension"] == [{"url": url, "valueDate": "2026-05-01"}]


def test_a_note_of_others_stays_a_record_without_its_last_part() -> None:
    category = [{"coding": [{"system": "http://loinc.org", "code": "LP173421-1", "display": "Report"}]}]
    patient = {"resourceType": "Patient", "id": "p", "name": [{"text": "Marie"}]}
    (parts,) = gather(
        VIEW, [note(PLAN, type={"text": "Note"}, category=category, subject={"reference": "Patient/p"}), patient]
    )
    before = show(VIEW, parts)
    after = write(VIEW, {"soap": {"plan": None}}, parts)
    (root,) = after["Composition"]
    assert not VIEW.hides(root)
    assert root["type"]["text"] == "Note"
    assert show(VIEW, after) == before | {"soap": dict.fromkeys(before["soap"])}


def test_the_filters_of_a_list_are_searches() -> None:
    assert VIEW.filters["category"].write("a,b") == (("record-category:exact", "a\\,b"),)
    assert VIEW.filters["status"].write("final") == (("status", "final"), ("record-status:not", "archived"))
    assert VIEW.filters["status"].write("archived") == (("record-status", "archived"),)
    assert VIEW.filters["tag"].write("a,c") == (("_tag", "urn:fhir-health-server:telemed/tag|a\\,c"),)
