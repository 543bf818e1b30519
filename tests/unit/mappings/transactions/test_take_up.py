"""A record of a consultation that was held in a room refers to the Encounter of the room: one consultation has one."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.transactions.act import Act
from mappings.transactions.record import create_record, etag, remove_record, update_record
from mappings.transactions.take_up import candidates, taken
from mappings.views.gather import gather
from mappings.views.medical_record import VIEW
from mappings.views.show import show
from mappings.views.view import Parts
from profiles.validation.validator import Validator
from tests.fakes.shared import needs_shared_data
from tests.fakes.telemed import france, judge, known
from tests.unit.mappings.transactions.test_record import RECORD, act, requests, stored

Json = dict[str, Any]
SYSTEM = "urn:fhir-health-server:telemed/consultation"
PRIORITY = "urn:fhir-health-server:telemed/CodeSystem/telemed-priority"
ACTS = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
ROOM: Json = {
    "resourceType": "Encounter",
    "id": "room",
    "meta": {"versionId": "4", "profile": ["urn:fhir-health-server:telemed/StructureDefinition/telemed-encounter"]},
    "identifier": [{"system": SYSTEM, "value": "a"}],
    "status": "finished",
    "statusHistory": [
        {"status": "planned", "period": {"end": "2026-03-02T09:25:00+01:00"}},
        {"status": "arrived", "period": {"start": "2026-03-02T09:25:00+01:00", "end": "2026-03-02T09:31:07+01:00"}},
        {"status": "in-progress", "period": {"start": "2026-03-02T09:31:07+01:00", "end": "2026-03-02T09:48:12+01:00"}},
    ],
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR", "display": "virtual"},
    "priority": {"coding": [{"system": PRIORITY, "code": "normal"}, {"system": ACTS, "code": "R"}]},
    "subject": {"reference": "Patient/p"},
    "participant": [{"individual": {"reference": f"Practitioner/{each}"}} for each in ("other", "d")],
    "appointment": [{"reference": "Appointment/a"}],
    "period": {"start": "2026-03-02T09:31:07+01:00", "end": "2026-03-02T09:48:12+01:00"},
}


def of_room(**more: Any) -> Act:
    return taken(act(appointment="a"), ROOM | more)


def both(bundle: Json, encounter: Json = ROOM) -> Parts:
    """Return the parts of a record as a store would have them."""
    written = [each["resource"] for each in bundle["entry"]]
    here = [] if any(each["resourceType"] == "Encounter" for each in written) else [encounter]
    (parts,) = gather(VIEW, [*stored(bundle)["Composition"], *here, *written[1:]])
    return parts


def test_a_record_of_what_a_room_knows_all_about_is_a_composition_and_no_second_encounter() -> None:
    bundle = create_record(RECORD, of_room())
    assert requests(bundle) == [("PUT", "Composition/2-0", "*"), ("POST", "Provenance")]
    composition, provenance = (each["resource"] for each in bundle["entry"])
    assert composition["encounter"] == {"reference": "Encounter/room"}
    assert composition["type"]["coding"][0]["code"] == "85208-7"
    assert [each["reference"] for each in provenance["target"]] == ["Composition/2-0", "Patient/p"]
    assert Validator().validate(bundle) == []
    record = show(VIEW, both(bundle))
    assert record["consultation_date"] == RECORD["consultation_date"]
    assert (record["priority"], record["status"], record["doctor_id"]) == ("normal", "draft", "d")


def test_the_priority_that_a_record_says_is_written_and_nothing_else_of_the_room() -> None:
    bundle = create_record(RECORD | {"priority": "urgent", "status": "final"}, of_room())
    assert requests(bundle)[1] == ("PUT", "Encounter/room", 'W/"4"')
    encounter = bundle["entry"][1]["resource"]
    codes = [each["code"] for each in encounter["priority"]["coding"]]
    assert codes == ["urgent", "UR"]
    assert encounter | {"priority": ROOM["priority"]} == ROOM
    assert show(VIEW, both(bundle))["priority"] == "urgent"


def test_a_priority_that_nobody_says_is_that_of_the_consultation() -> None:
    emergency = {"coding": [{"system": ACTS, "code": "EM"}]}
    for said in {}, {"priority": "urgent"}:
        bundle = create_record(RECORD | said, of_room(priority=emergency))
        assert [each["resource"]["resourceType"] for each in bundle["entry"]] == ["Composition", "Provenance"]
    without = {name: value for name, value in ROOM.items() if name != "priority"}
    made = create_record(RECORD, taken(act(), without))["entry"][1]["resource"]
    assert made["priority"] == ROOM["priority"]


@pytest.mark.parametrize(
    ("status", "record", "after", "start"),
    [
        ("planned", "draft", "planned", ROOM["period"]["start"]),
        ("in-progress", "draft", "in-progress", ROOM["period"]["start"]),
        ("finished", "draft", "finished", ROOM["period"]["start"]),
        ("planned", "final", "finished", RECORD["consultation_date"]),
        ("arrived", "amended", "finished", RECORD["consultation_date"]),
        ("in-progress", "final", "finished", ROOM["period"]["start"]),
    ],
)
def test_the_encounter_of_a_room_goes_forward_only(status: str, record: str, after: str, start: str) -> None:
    history = [each for each in ROOM["statusHistory"] if each["status"] != status]
    there = ROOM | {"status": status, "period": {"start": ROOM["period"]["start"]}, "statusHistory": history}
    draft = both(create_record(RECORD, taken(act(appointment="a"), there)), there)
    assert draft["Encounter"] == [there]
    bundle = update_record({"status": record, "soap": {"plan": "Repos"}}, draft, act(3))
    (encounter,) = both(bundle, there)["Encounter"]
    assert (encounter["status"], encounter["period"]["start"]) == (after, start)
    at_once = both(create_record(RECORD | {"status": record}, taken(act(appointment="a"), there)), there)
    assert at_once["Encounter"][0]["status"] == after
    assert Validator().validate(encounter) == []


def test_a_change_of_the_date_is_none_of_what_the_room_knows() -> None:
    parts = both(create_record(RECORD, of_room()))
    bundle = update_record({"consultation_date": "2026-03-03T08:00:00Z"}, parts, act(3))
    assert requests(bundle) == [("PUT", "Composition/2-0", 'W/"1"'), ("POST", "Provenance")]
    assert show(VIEW, both(bundle))["consultation_date"] == "2026-03-03T08:00:00Z"


def test_a_record_that_is_removed_leaves_the_encounter_and_another_one_takes_it_again() -> None:
    parts = both(create_record(RECORD, of_room()))
    bundle = remove_record(parts, act(3))
    assert requests(bundle) == [("PUT", "Composition/2-0", 'W/"1"'), ("POST", "Provenance")]
    again = create_record(RECORD, taken(act(4, appointment="a"), parts["Encounter"][0]))
    assert again["entry"][0]["resource"]["encounter"] == {"reference": "Encounter/room"}


def test_what_a_removed_record_has_left_says_what_the_next_one_does() -> None:
    said = RECORD | {"priority": "urgent", "status": "final"}
    first = stored(create_record(said, act(appointment="a", remote=False)))
    later = {"consultation_date": "2026-03-02T09:40:00+01:00"}
    way = taken(act(4, appointment="a", ended="2026-03-02T09:50:00+01:00"), first["Encounter"][0])
    bundle = create_record(RECORD | later, way)
    composition, encounter = (each["resource"] for each in bundle["entry"][:2])
    assert bundle["entry"][1]["request"] == {"method": "PUT", "url": "Encounter/2-1", "ifMatch": 'W/"1"'}
    assert encounter["period"] == {"start": later["consultation_date"], "end": "2026-03-02T09:50:00+01:00"}
    assert (encounter["status"], encounter["class"]["code"]) == ("in-progress", "AMB")
    assert composition["type"]["coding"][0]["code"] == "11488-4"
    assert show(VIEW, both(bundle))["priority"] == "normal"


def test_the_etag_of_a_record_does_not_move_with_the_room_but_with_the_priority() -> None:
    parts = both(create_record(RECORD, of_room()))
    before = etag(parts)
    parts["Encounter"] = [ROOM | {"meta": {"versionId": "5"}, "status": "finished"}]
    assert etag(parts) == before
    urgent = {"coding": [{"system": PRIORITY, "code": "urgent"}]}
    parts["Encounter"] = [ROOM | {"priority": urgent}]
    assert etag(parts) != before


MADE = {"id": "made", "identifier": [{"system": SYSTEM, "value": "made"}], "statusHistory": None}
FORMER = {"use": "old", "system": "urn:fhir-health-server:telemed/former/medical-record", "value": "40"}


@pytest.mark.parametrize(
    ("remote", "more", "may"),
    [
        (True, {}, True),
        (False, {}, True),
        (False, {"status": "in-progress"}, True),
        (True, {"status": "planned"}, True),
        (False, {"status": "planned"}, False),
        (False, {"status": "arrived"}, False),
        (True, {"status": "cancelled"}, False),
        (True, {"status": "entered-in-error"}, False),
        (True, MADE, True),
        (True, {**MADE, "status": "planned"}, False),
        (True, {**MADE, "identifier": [*MADE["identifier"], FORMER]}, False),
        (True, {**MADE, "identifier": [{"system": "https://ehr.example", "value": "1"}]}, False),
    ],
)
def test_which_encounters_a_record_may_take(remote: bool, more: Json, may: bool) -> None:
    there = {name: value for name, value in (ROOM | more).items() if value is not None}
    assert bool(candidates(act(appointment="a", remote=remote), [there])) is may


def test_that_of_the_room_comes_first() -> None:
    made = {name: value for name, value in (ROOM | MADE).items() if value is not None}
    assert [each["id"] for each in candidates(act(appointment="a"), [made, ROOM])] == ["room", "made"]


@needs_shared_data
def test_where_fr_core_is_installed_the_encounter_of_a_room_conforms_to_it_once_it_has_a_record() -> None:
    bundle = create_record(RECORD, taken(act(appointment="a", french=True), ROOM))
    encounter = bundle["entry"][1]["resource"]
    assert "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-encounter" in encounter["meta"]["profile"]
    assert encounter["meta"]["versionId"] == "4"
    issues = judge(known(*france()))(encounter, [], True)
    assert [each for each in issues if each.severity in ("error", "fatal")] == []
