"""Care relations over the life of what opens them: who can open one, who ends it, and when it counts."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import Forbidden, NotFound
from fhir_server.interactions.call import Principal
from fhir_server.interactions.relating import REVOKED_TABLE
from fhir_server.model.resource import instant
from profiles.restriction import RELATIONS, RULES
from tests.fakes.callers import OWNER, breaking_glass, caller, doctor, patient
from tests.fakes.clock import Clock
from tests.fakes.server import Server, content, entry, observation

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
A, D, E = patient("a"), doctor("d"), doctor("e")
DAY = 86_400
TODAY = instant(Clock()())
PRIVACY = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
TELEMED = "urn:fhir-health-server:telemed/CodeSystem"


@pytest.fixture
async def clinic(server: Server) -> Server:
    """Return a server with patients a and b, doctors d and e, and something about each patient."""
    for id in ("a", "b"):
        await server.put({"resourceType": "Patient", "id": id})
        await server.put(observation(f"Patient/{id}", f"of-{id}"))
    await server.put(observation("Patient/a", "second"))
    for id in ("d", "e"):
        await server.put({"resourceType": "Practitioner", "id": id})
        await server.put(
            {"resourceType": "PractitionerRole", "id": id, "practitioner": {"reference": f"Practitioner/{id}"}}
        )
    return server


def appointment(*actors: str, status: str = "booked", **more: Any) -> Json:
    taking = [{"actor": {"reference": each}, "status": "accepted"} for each in actors]
    made = {"resourceType": "Appointment", "status": status, "participant": taking}
    return made | {"start": TODAY, "end": TODAY} | more


def team(*members: str, subject: str = "Patient/a", **more: Any) -> Json:
    made = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": subject}}
    return made | {"participant": [{"member": {"reference": each}} for each in members]} | more


def consent(provision: Json, *, kind: str = "", status: str = "active") -> Json:
    category = [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}]
    if kind:
        category.append({"coding": [{"system": f"{TELEMED}/telemed-consent-type", "code": kind}]})
    return {
        "resourceType": "Consent",
        "status": status,
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
        },
        "category": category,
        "patient": {"reference": "Patient/a"},
        "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]},
        "provision": provision,
    }


async def created(server: Server, who: Principal, resource: Json) -> Json:
    server.principal = who
    return content(await server.do("create", resource["resourceType"], resource=resource))


async def sees(server: Server, who: Principal, path: str = "Observation/of-a") -> bool:
    server.principal = who
    try:
        await server.do("read", path)
    except NotFound:
        return False
    found = content(await server.do("search", "Observation", query=[("_id", path.partition("/")[2])]))
    assert found["total"] == 1
    return True


@pytest.mark.parametrize("actor", ["Practitioner/d", "PractitionerRole/d"])
async def test_booking_opens_a_relation_and_cancelling_ends_it(clinic: Server, actor: str) -> None:
    assert not await sees(clinic, D)
    booked = await created(clinic, A, appointment("Patient/a", actor))
    assert await sees(clinic, D)
    assert not await sees(clinic, E)
    assert not await sees(clinic, D, "Observation/of-b")
    clinic.principal = D
    await clinic.put(booked | {"status": "cancelled"})
    assert not await sees(clinic, D)


async def test_a_relation_ends_by_itself(clinic: Server) -> None:
    await created(clinic, A, appointment("Patient/a", "Practitioner/d"))
    clinic.clock.advance(30 * DAY - 1)
    assert await sees(clinic, D)
    clinic.clock.advance(2)
    assert not await sees(clinic, D)


async def test_a_deleted_appointment_and_one_without_the_doctor_end_the_relation(clinic: Server) -> None:
    for change in ("delete", "replace"):
        booked = await created(clinic, A, appointment("Patient/a", "Practitioner/d"))
        assert await sees(clinic, D)
        clinic.principal = OWNER if change == "delete" else A
        if change == "delete":
            await clinic.do("delete", f"Appointment/{booked['id']}")
        else:
            await clinic.put(booked | {"participant": appointment("Patient/a", "Practitioner/e")["participant"]})
        assert not await sees(clinic, D)


@pytest.mark.parametrize(
    "resource",
    [
        appointment("Patient/a", "Practitioner/d"),
        team("Practitioner/d"),
        {
            "resourceType": "Encounter",
            "status": "in-progress",
            "class": {"code": "VR"},
            "subject": {"reference": "Patient/a"},
            "participant": [{"individual": {"reference": "Practitioner/d"}}],
        },
    ],
    ids=["Appointment", "CareTeam", "Encounter"],
)
async def test_a_professional_opens_no_relation_in_whatever_way(clinic: Server, resource: Json) -> None:
    clinic.principal = D
    type = resource["resourceType"]
    ways = [
        lambda: clinic.do("create", type, resource=dict(resource)),
        lambda: clinic.put(dict(resource) | {"id": "mine"}),
        lambda: clinic.do("update", type, resource=dict(resource), query=[("_id", "none")]),
        lambda: clinic.bundle(entry("POST", type, dict(resource))),
        lambda: clinic.bundle(entry("POST", type, dict(resource)), entry("GET", "Observation/of-a")),
        lambda: clinic.bundle(
            entry("POST", "Observation", observation("Patient/a")), entry("POST", type, dict(resource))
        ),
    ]
    for way in ways:
        with pytest.raises(Exception) as caught:
            await way()
        assert getattr(caught.value, "status", 0) in (403, 404, 405)
    assert not await sees(clinic, D)
    clinic.principal = OWNER
    assert await clinic.services.store.records.scan(RELATIONS) == []
    counted = content(await clinic.do("search", "", query=[("_type", f"{type},Observation"), ("_summary", "count")]))
    assert counted["total"] == 3, "nothing of any of it was kept"


async def test_a_professional_gives_nobody_else_a_relation_and_does_not_prolong_the_own(clinic: Server) -> None:
    booked = await created(clinic, A, appointment("Patient/a", "Practitioner/d"))
    (before,) = await clinic.services.store.records.scan(RELATIONS)
    clinic.principal = D
    later = {"start": "2090-01-01T09:00:00Z", "end": "2090-01-01T10:00:00Z"}
    await clinic.put(appointment("Patient/a", "Practitioner/d", "Practitioner/e", **later) | {"id": booked["id"]})
    (after,) = await clinic.services.store.records.scan(RELATIONS)
    assert (after.key, after.expires) == (before.key, before.expires)
    assert not await sees(clinic, E)


async def test_a_patient_opens_relations_to_the_own_record_alone(clinic: Server) -> None:
    clinic.principal = A
    both = appointment("Patient/a", "Patient/b", "Practitioner/d")
    assert isinstance(await clinic.refusal("create", "Appointment", resource=both), Forbidden)
    assert isinstance(
        await clinic.refusal("create", "CareTeam", resource=team("Practitioner/d", subject="Patient/b")), Forbidden
    )
    assert not await sees(clinic, D, "Observation/of-b")


async def test_in_a_transaction_the_relation_is_the_one_of_before_whatever_the_order(clinic: Server) -> None:
    booked = await created(clinic, A, appointment("Patient/a", "Practitioner/d"))
    clinic.principal = D
    path = f"Appointment/{booked['id']}"
    cancel = entry("PUT", path, booked | {"status": "cancelled"})
    note = entry("POST", "Observation", observation("Patient/a"))
    last = entry("PUT", "Observation/of-a", observation("Patient/a", "of-a", status="amended"))
    answers = await clinic.bundle(cancel, note, last, entry("GET", "Observation/of-a"))
    assert [each["response"]["status"][:3] for each in answers] == ["200", "201", "200", "200"]
    assert not await sees(clinic, D, "Observation/second")
    refused = await clinic.bundle_refusal(note)
    assert refused.status == 403


async def test_what_was_opened_in_a_transaction_counts_from_its_commit(clinic: Server) -> None:
    clinic.principal = A
    await clinic.bundle(entry("POST", "Appointment", appointment("Patient/a", "Practitioner/d")))
    assert await sees(clinic, D)


async def test_an_administrator_opens_relations_without_seeing_the_record(clinic: Server) -> None:
    admin = caller("admin", "x")
    made = await created(clinic, admin, team("Practitioner/d"))
    assert await sees(clinic, D)
    clinic.principal = admin
    assert isinstance(await clinic.refusal("read", "Observation/of-a"), Forbidden)
    assert isinstance(await clinic.refusal("read", "Patient/a"), Forbidden)
    await clinic.put(made | {"status": "inactive"})
    assert not await sees(clinic, D)


async def test_who_has_broken_the_glass_opens_no_relation(clinic: Server) -> None:
    glass = breaking_glass("d", "a")
    assert await sees(clinic, glass)
    await created(clinic, glass, team("Practitioner/d"))
    assert not await sees(clinic, D)
    assert not await sees(clinic, breaking_glass("d", "b"))


async def test_a_doctor_whose_relation_has_ended_reads_what_they_wrote_and_writes_no_more(clinic: Server) -> None:
    booked = await created(clinic, A, appointment("Patient/a", "Practitioner/d"))
    note = await created(clinic, D, observation("Patient/a"))
    clinic.principal = A
    await clinic.put(booked | {"status": "cancelled"})
    assert await sees(clinic, D, f"Observation/{note['id']}")
    assert not await sees(clinic, D)
    clinic.principal = D
    assert isinstance(await clinic.refusal("update", f"Observation/{note['id']}", resource=note), Forbidden)
    assert isinstance(await clinic.refusal("create", "Observation", resource=observation("Patient/a")), Forbidden)


async def test_a_consent_opens_a_relation_refuses_and_ends_with_its_status(clinic: Server) -> None:
    recipient = [{"role": {"text": "r"}, "reference": {"reference": "Practitioner/d"}}]
    given = await created(clinic, A, consent({"type": "permit", "actor": recipient}))
    assert await sees(clinic, D)
    denied = await created(clinic, A, consent({"type": "deny", "actor": recipient}))
    assert not await sees(clinic, D)
    assert await sees(clinic, breaking_glass("d", "a"))
    clinic.principal = A
    await clinic.put(denied | {"status": "inactive"})
    assert await sees(clinic, D)
    await clinic_put(clinic, A, given | {"status": "inactive"})
    assert not await sees(clinic, D)
    assert await clinic.services.store.records.scan(RULES) == []


async def clinic_put(server: Server, who: Principal, resource: Json) -> None:
    server.principal = who
    await server.put(resource)


async def test_revoking_telemedicine_ends_its_relations_at_once_and_lets_none_be_opened(clinic: Server) -> None:
    given = await created(clinic, A, consent({"type": "permit"}, kind="telemedicine_usage"))
    kind = {"system": f"{TELEMED}/telemed-appointment-kind", "code": "office"}
    office = {"appointmentType": {"coding": [kind]}}
    await created(clinic, A, appointment("Patient/a", "Practitioner/d"))
    await created(clinic, A, appointment("Patient/a", "Practitioner/e", **office))
    note = await created(clinic, D, observation("Patient/a"))
    await clinic_put(clinic, A, given | {"status": "inactive"})
    assert not await sees(clinic, D)
    assert await sees(clinic, D, f"Observation/{note['id']}")
    assert await sees(clinic, E), "an appointment at the office is no telemedicine"
    await created(clinic, A, appointment("Patient/a", "Practitioner/d"))
    assert not await sees(clinic, D)
    await clinic_put(clinic, A, given)
    await created(clinic, A, appointment("Patient/a", "Practitioner/d"))
    assert await sees(clinic, D)


async def test_an_objection_to_data_processing_does_not_hide_the_record_from_care(
    clinic: Server,
) -> None:
    given = await created(clinic, A, consent({"type": "permit"}, kind="data_processing"))
    await created(clinic, A, appointment("Patient/a", "Practitioner/d"))
    await clinic_put(clinic, A, given | {"status": "inactive"})
    assert await sees(clinic, D)
    records = clinic.services.store.records
    assert await records.get(REVOKED_TABLE.name, "a/data_processing") is not None
    research = caller("system", "study", scopes="system/*.rs", purpose="HRESCH")
    assert not await sees(clinic, research)
    assert await sees(clinic, research, "Observation/of-b")
    assert await sees(clinic, caller("system", "backup", scopes="system/*.rs"))
