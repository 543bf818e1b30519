"""AuditEvents of the trail against the rules of IHE BALP 1.1, written down by hand from its profiles."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

import pytest

from fhir_server.interactions.audit_events.kinds import KINDS
from fhir_server.interactions.audit_events.project import id_of, place_of, project
from fhir_server.model.fhir_json import encode
from fhir_server.store.audit import AuditEvent, AuditRow
from profiles.validation.validator import Validator

BASE = "https://fhir.example.org/fhir"
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
DCM = "http://dicom.nema.org/resources/ontology/DCM"
ROLES = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
CUSTODIAN = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian")
SOURCE, DESTINATION = (DCM, "110153"), (DCM, "110152")
# Per interaction, what its BALP profile demands: profile, action, client, server, user.
BALP_RULES = {
    "read": ("Read", "R", DESTINATION, SOURCE, (ROLES, "IRCP")),
    "vread": ("Read", "R", DESTINATION, SOURCE, (ROLES, "IRCP")),
    "search": ("Query", "E", SOURCE, DESTINATION, (ROLES, "IRCP")),
    "create": ("Create", "C", SOURCE, DESTINATION, (ROLES, "AUT")),
    "update": ("Update", "U", SOURCE, DESTINATION, (ROLES, "AUT")),
    "patch": ("Update", "U", SOURCE, DESTINATION, (ROLES, "AUT")),
    "delete": ("Delete", "D", (DCM, "110150"), CUSTODIAN, (ROLES, "AUT")),
}
VALIDATOR = Validator()
Json = dict[str, Any]


def row(action: str, **more: Any) -> AuditRow:
    target = "Observation" if action == "search" else "Observation/7/_history/2"
    given: dict[str, Any] = {"target": target, "status": 200, "patients": ("1", "2"), "address": "192.0.2.7"} | more
    return AuditRow(1_700_000_000_123_456, given.pop("actor", "Practitioner/9"), action, request="req-1", **given)


def shown(made: AuditRow, n: int = 0, **how: Any) -> Json:
    event = project(AuditEvent(12, n, made), BASE, **how)
    assert [issue for issue in VALIDATOR.validate(event, encode(event)) if issue.is_error] == []
    return event


def code(concept: Json) -> tuple[str, str]:
    coding = concept.get("coding", [concept])[0]
    return coding["system"], coding["code"]


def slices(event: Json, type: str, role: str = "") -> list[Json]:
    return [
        each
        for each in event.get("entity", [])
        if each["type"]["code"] == type and (not role or each.get("role", {}).get("code") == role)
    ]


@pytest.mark.parametrize("action", BALP_RULES)
@pytest.mark.parametrize("patients", [(), ("1", "2")])
def test_an_interaction_keeps_the_rules_of_its_profile(action: str, patients: tuple[str, ...]) -> None:
    profile, letter, client, server, user = BALP_RULES[action]
    event = shown(row(action, patients=patients, client="growth-chart"), n=len(patients) and 1)
    assert event["meta"]["profile"] == [f"{BALP}{'Patient' if patients else ''}{profile}"]
    assert code(event["type"]) == ("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest")
    assert [code(each) for each in event["subtype"]] == [("http://hl7.org/fhir/restful-interaction", action)]
    assert (event["action"], event["outcome"], event["recorded"]) == (letter, "0", "2023-11-14T22:13:20.123Z")
    agents = {code(agent["type"]): agent for agent in event["agent"]}
    assert set(agents) == {client, server, user}
    assert agents[client]["who"] == {"identifier": {"value": "growth-chart"}}
    assert agents[client]["network"] == {"address": "192.0.2.7", "type": "2"}
    assert agents[server]["network"] == {"address": "fhir.example.org", "type": "1"}
    assert agents[user]["who"] == {"reference": "Practitioner/9"}
    assert [agent["requestor"] for agent in event["agent"]] == [False, False, True]
    assert "network" not in agents[user]
    (request,) = slices(event, "XrequestId")
    assert request["type"]["system"] == "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
    assert request["what"]["identifier"]["value"] == "req-1"
    assert [each["what"]["reference"] for each in slices(event, "1", "1")] == (["Patient/2"] if patients else [])
    (data,) = slices(event, "2", "24" if action == "search" else "4")
    if action == "search":
        assert not {"what", "lifecycle", "detail", "name"} & set(data)
    else:
        assert data["what"] == {"reference": "Observation/7/_history/2"}
        assert not {"lifecycle", "name", "query", "detail"} & set(data)


def test_the_query_leaves_values_out_unless_they_were_kept_and_may_be_told() -> None:
    details = {"parameters": ["family", "_sort"], "query": "family=Moreau&_sort=birthdate"}

    def query(made: AuditRow, **how: Any) -> str:
        return b64decode(slices(shown(made, **how), "2", "24")[0]["query"]).decode()

    assert query(row("search", details=details)) == "Observation?family=Moreau&_sort=birthdate"
    assert query(row("search", details=details), whole=False) == "Observation?family=&_sort="
    assert query(row("search", details={"parameters": ["family"]})) == "Observation?family="
    assert query(row("search", status=400)) == "Observation?"


def test_an_event_tells_of_one_patient_and_of_no_other() -> None:
    for n, patient in enumerate(("1", "2")):
        text = encode(shown(row("search", patients=("1", "2"), details={"parameters": ["code"]}), n)).decode()
        assert re.findall(r"Patient/(\d+)", text) == [patient]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "0"), (304, "0"), (400, "4"), (401, "4"), (403, "4"), (404, "4"), (500, "8"), (503, "12"), (507, "12")],
)
def test_the_outcome_follows_from_the_status(status: int, outcome: str) -> None:
    event = shown(row("read", status=status))
    assert event["outcome"] == outcome
    # The profiles of BALP are about what succeeded.
    assert ("profile" in event["meta"]) == (status < 400)


@pytest.mark.parametrize(
    ("actor", "client", "who"),
    [
        ("anonymous", "", {"identifier": {"value": "anonymous"}}),
        ("load", "", {"identifier": {"value": "load"}}),
        ("Client/backend", "", {"identifier": {"value": "backend"}}),
        ("Client/backend", "backend", {"identifier": {"value": "backend"}}),
    ],
)
def test_without_a_user_the_client_is_who_asked(actor: str, client: str, who: Json) -> None:
    event = shown(row("read", actor=actor, client=client, address=""))
    assert len(event["agent"]) == 2
    assert event["agent"][0]["who"] == who
    assert event["agent"][0]["requestor"] is True
    assert event["agent"][0]["network"] == {"address": "localhost", "type": "1"}


def test_a_user_who_is_no_agent_of_the_standard_is_named_by_identifier() -> None:
    assert shown(row("read", actor="Person/3"))["agent"][2]["who"] == {"identifier": {"value": "Person/3"}}


def test_breaking_the_glass_says_why() -> None:
    event = shown(row("break-glass", target="Patient/1", purpose="BTG", details={"reason": "unconscious"}))
    (purpose,) = event["purposeOfEvent"]
    assert code(purpose) == ("http://terminology.hl7.org/CodeSystem/v3-ActReason", "BTG")
    assert purpose["text"] == "unconscious"


@pytest.mark.parametrize("action", [*KINDS, "$validate", "something-else"])
def test_every_action_is_a_valid_audit_event_and_so_says_another_library(action: str) -> None:
    from fhir.resources.R4B.auditevent import AuditEvent as Model

    for patients in ((), ("1",)):
        for target in ("", "Observation", "Observation/7", "Patient/1/Observation"):
            event = shown(row(action, patients=patients, target=target))
            assert Model.model_validate(event).id == "12"


def test_ids_name_row_and_patient_in_one_way() -> None:
    for place in ((1, 0), (10, 0), (12, 1), (999_999, 31)):
        assert place_of(id_of(*place)) == place
    for id in ("", "0", "01", "1.0", "1.01", "1.", ".1", "1.2.3", "-1", "a", "²", "1" * 19, "new-1", "1.a"):
        assert place_of(id) is None
