"""The matrix over a socket, with tokens of real accounts, apps and services; and nothing without a token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from profiles.definitions import resource_types
from tests.authorization import matrix
from tests.authorization.clinic import CALLERS, PATIENTS, team
from tests.authorization.live import Live, live
from tests.authorization.matrix import EVERY, KEPT, OF_PATIENTS
from tests.fakes.bare import bare
from tests.fakes.server import bundle_of, entry

pytestmark = pytest.mark.slow
PRIVACY = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
READING = (matrix.check_reading, matrix.check_searching, matrix.check_choosing_an_id)
WRITING = (matrix.check_creating, matrix.check_changing, matrix.check_deleting)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("live")) as found:
        yield found


@pytest.mark.parametrize("type", resource_types())
def test_nobody_gets_anything_without_a_token(server: Live, type: str) -> None:
    resource = bare(type, "a", "a")
    for method, path, body in (
        ("GET", f"{type}/a", None),
        ("HEAD", f"{type}/a", None),
        ("GET", f"{type}/a/_history", None),
        ("GET", f"{type}/a/_history/1", None),
        ("GET", f"{type}/_history", None),
        ("GET", type, None),
        ("POST", f"{type}/_search", None),
        ("GET", f"Patient/a/{type}", None),
        ("POST", type, resource),
        ("PUT", f"{type}/a", resource),
        ("PUT", f"{type}?_id=a", resource),
        ("PATCH", f"{type}/a", [{"op": "add", "path": "/language", "value": "fr"}]),
        ("DELETE", f"{type}/a", None),
        ("DELETE", f"{type}?_id=a", None),
        ("POST", f"{type}/$validate", resource),
    ):
        answer = server.ask("none", method, path, body)
        assert answer.status == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "etag" not in answer.headers


@pytest.mark.parametrize(("who", "type"), KEPT)
def test_reading(server: Live, who: str, type: str) -> None:
    for check in READING:
        check(server, who, type)


@pytest.mark.parametrize(("who", "type"), EVERY)
def test_writing(server: Live, who: str, type: str) -> None:
    for check in WRITING:
        check(server, who, type)


@pytest.mark.parametrize("type", OF_PATIENTS)
def test_a_patient_changes_what_the_patient_wrote(server: Live, type: str) -> None:
    matrix.check_changing_what_a_patient_wrote(server, type)


@pytest.mark.parametrize("who", CALLERS)
def test_the_trail_and_the_history_of_everything(server: Live, who: str) -> None:
    matrix.check_trail(server, who)
    matrix.check_history(server, who)


@pytest.mark.parametrize("who", ["unrelated", "ended", "pending"])
@pytest.mark.parametrize("type", ["CareTeam", "Appointment", "Consent", "Encounter", "EpisodeOfCare"])
def test_no_professional_lets_themselves_in(server: Live, who: str, type: str) -> None:
    resource = granting(type, who)
    assert server.ask(who, "POST", type, resource).status == 403
    assert server.ask(who, "POST", type, resource, if_none_exist="_id=none").status == 403
    for id in (f"new-{who}-grant", "a"):
        assert server.ask(who, "PUT", f"{type}/{id}", resource | {"id": id}).status in (403, 405)
        added = [{"op": "add", "path": "/participant", "value": resource.get("participant", [])}]
        assert server.ask(who, "PATCH", f"{type}/{id}", added).status in (403, 404)
    assert server.ask(who, "PUT", f"{type}?_id=none", resource).status == 403
    assert server.ask(who, "PUT", f"{type}?_id=a", resource).status == 403
    for more in ((), (entry("GET", "Patient/a"),)):
        inside = bundle_of(entry("POST", type, resource), *more)
        assert server.ask(who, "POST", "", inside).status == 403
        batch = server.ask(who, "POST", "", inside | {"type": "batch"})
        assert {each["response"]["status"][:3] for each in batch.json["entry"]} <= {"403", "404"}
    for patient in PATIENTS:
        assert server.ask(who, "GET", f"Patient/{patient}").status == (403 if who == "pending" else 404)


@pytest.mark.parametrize("colleague", ["unrelated", "ended"])
@pytest.mark.parametrize("type", ["CareTeam", "Appointment", "Encounter"])
def test_who_is_let_in_lets_nobody_else_in(server: Live, type: str, colleague: str) -> None:
    """Writes that are allowed, in every form: they open nothing for others, and nothing with another patient."""
    resource = joined(granting(type, colleague), granting(type, "related"))
    made = server.ask("related", "POST", type, resource)
    assert made.status == 201, made.body
    id = made.json["id"]
    participants = [{"op": "replace", "path": "/participant", "value": resource["participant"]}]
    written = [
        server.ask("related", "PUT", f"{type}/{id}", resource | {"id": id}),
        server.ask("related", "PATCH", f"{type}/{id}", participants),
        server.ask("related", "PUT", f"{type}?_id={id}", resource),
        server.ask("related", "POST", type, resource, if_none_exist="_id=none"),
        server.ask("related", "POST", "", bundle_of(entry("POST", type, resource))),
        server.ask("related", "POST", "", bundle_of(entry("PUT", f"{type}/{id}", resource | {"id": id}))),
    ]
    assert [each.status for each in written] == [200, 200, 200, 201, 200, 200]
    if type == "CareTeam":
        # The very team that the patient's relation with the one rests on.
        assert server.ask("related", "PUT", "CareTeam/one", resource | {"id": "one"}).status == 200
    for patient in PATIENTS:
        assert server.ask(colleague, "GET", f"Patient/{patient}").status == 404
    other = moved(resource)
    for answer in (
        server.ask("related", "POST", type, other),
        server.ask("related", "PUT", f"{type}/{id}", other | {"id": id}),
        server.ask("related", "PUT", f"{type}?_id={id}", other),
        server.ask("related", "POST", "", bundle_of(entry("POST", type, other), entry("GET", "Patient/b"))),
    ):
        assert answer.status == 403, answer.body
    assert server.ask("related", "GET", "Patient/b").status == 404
    assert server.ask("related", "GET", "Patient/a").status == 200


def joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return a resource with the participants of both."""
    everybody = [*one["participant"], *other["participant"]]
    return one | {"participant": [each for at, each in enumerate(everybody) if each not in everybody[:at]]}


def moved(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the same about patient b."""
    text = json.dumps(resource).replace("Patient/a", "Patient/b")
    made: dict[str, Any] = json.loads(text)
    return made


def granting(type: str, who: str) -> dict[str, Any]:
    """Return a resource that would let `who` into the record of patient a, if a patient wrote it."""
    patient, professional = {"reference": "Patient/a"}, {"reference": f"Practitioner/{who}"}
    match type:
        case "CareTeam":
            made = team("x", who)
            del made["id"]
            return made
        case "Appointment":
            taking = [{"actor": each, "status": "accepted"} for each in (patient, professional)]
            return {"resourceType": type, "status": "proposed", "participant": taking}
        case "Consent":
            actor = [{"role": {"text": "r"}, "reference": professional}]
            return {
                "resourceType": type,
                "status": "active",
                "scope": {"coding": [PRIVACY]},
                "category": [{"text": "x"}],
                "patient": patient,
                "policyRule": {"text": "x"},
                "provision": {"type": "permit", "actor": actor},
            }
        case "Encounter":
            visit = {"status": "in-progress", "class": {"code": "VR"}, "subject": patient}
            return {"resourceType": type, "participant": [{"individual": professional}]} | visit
    return {"resourceType": type, "status": "active", "patient": patient, "careManager": professional}
