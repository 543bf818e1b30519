"""Relations told anew are those that were told as it happened: of older data, after a kill, by another policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fhir_server.interactions.call import Principal
from fhir_server.model.resource import instant
from fhir_server.operations import relating_anew
from fhir_server.operations.reindexing import TABLE
from fhir_server.store.base import Key, Transaction
from profiles.restriction import ATTACHMENTS, RELATIONS, RULES, About
from tests.fakes.callers import OWNER, doctor, patient
from tests.fakes.server import Server, content
from tests.unit.fhir_server.interactions.test_relating import DAY, appointment, clinic, consent, sees, team

pytestmark = pytest.mark.anyio
assert clinic  # a fixture
Json = dict[str, Any]
A, D, E = patient("a"), doctor("d"), doctor("e")
DENY = {"type": "deny", "actor": [{"role": {"text": "r"}, "reference": {"reference": "Practitioner/d"}}]}


async def written(server: Server, who: Principal, resource: Json, id: str | None = None) -> Json:
    server.principal = who
    name, path = ("update", f"{resource['resourceType']}/{id}") if id else ("create", resource["resourceType"])
    return content(await server.do(name, path, resource=resource | ({"id": id} if id else {})))


async def told(server: Server) -> dict[str, Any]:
    """Return all relations and refusals by their keys."""
    records = server.services.store.records
    found = [each for table in (RELATIONS, RULES) for each in await records.scan(table)]
    return {each.key: (dict(each.value), each.expires) for each in found}


async def forget(server: Server) -> None:
    """Take all of them away, as if they had never been told."""

    async def work(tx: Transaction) -> None:
        for table in (RELATIONS, RULES):
            for each in await tx.records.scan(table):
                await tx.records.delete(table, each.key)

    await server.services.store.write(work)


async def anew(server: Server) -> None:
    """Do what is due."""
    await relating_anew.due(server.services)
    while jobs := await relating_anew.unfinished(server.services.store):
        await relating_anew.advance(server.services, jobs[0])


async def test_what_was_there_before_is_told_once(clinic: Server) -> None:
    await written(clinic, A, appointment("Patient/a", "Practitioner/d"))
    await written(clinic, OWNER, team("PractitionerRole/e"))
    await written(clinic, A, consent(DENY))
    before = await told(clinic)
    assert len(before) == 3
    await forget(clinic)
    assert not await sees(clinic, E)
    await anew(clinic)
    assert await told(clinic) == before
    assert await sees(clinic, E)
    assert not await sees(clinic, D)
    # It is done: nothing is due until the policy is another one.
    await forget(clinic)
    await anew(clinic)
    assert await told(clinic) == {}


async def test_what_a_professional_wrote_opens_nothing_then_either(clinic: Server) -> None:
    made = await written(clinic, A, appointment("Patient/a", "Practitioner/d"))
    await written(clinic, D, appointment("Patient/a", "Practitioner/d", "Practitioner/e"))
    await written(
        clinic, D, made | {"participant": appointment("Patient/a", "Practitioner/e")["participant"]}, made["id"]
    )
    before = await told(clinic)
    assert before == {}
    await anew(clinic)
    assert await told(clinic) == before


async def test_what_a_patient_has_agreed_to_is_told_as_it_was(clinic: Server) -> None:
    made = await written(clinic, A, appointment("Patient/a", "Practitioner/d"))
    far = appointment("Patient/a", "Practitioner/d", "Practitioner/e", start="2090-01-01T09:00:00Z")
    clinic.clock.advance(20 * DAY)
    later = instant(clinic.clock() + DAY * 1_000_000)
    await written(clinic, A, made | {"start": later, "end": later}, made["id"])
    await written(clinic, D, far | {"end": "2090-01-01T10:00:00Z"}, made["id"])
    await written(clinic, A, far | {"end": "2090-01-01T10:00:00Z", "comment": "So late?"}, made["id"])
    # The time that was agreed to at first is over, the second is not.
    clinic.clock.advance(20 * DAY)
    before = await told(clinic)
    assert [key.partition("|")[2] for key in before] == ["d/a"]
    await anew(clinic)
    assert await told(clinic) == before


async def test_what_was_cancelled_or_is_over_stays_closed(clinic: Server) -> None:
    made = await written(clinic, A, appointment("Patient/a", "Practitioner/d"))
    await written(clinic, A, made | {"status": "cancelled"}, made["id"])
    await written(clinic, A, team("Practitioner/e", period={"end": "2020-01-01"}))
    await anew(clinic)
    assert await told(clinic) == {}


async def test_telemedicine_that_was_revoked_meanwhile_opens_nothing_of_before(clinic: Server) -> None:
    given = await written(clinic, A, consent({"type": "permit"}, kind="telemedicine_usage"))
    await written(clinic, A, appointment("Patient/a", "Practitioner/d"))
    clinic.clock.advance(DAY)
    await written(clinic, A, given | {"status": "inactive"}, given["id"])
    clinic.clock.advance(DAY)
    await written(clinic, A, given, given["id"])
    await written(clinic, A, appointment("Patient/a", "Practitioner/e"))
    before = await told(clinic)
    assert [key.partition("|")[2] for key in before] == ["e/a"]
    await anew(clinic)
    assert await told(clinic) == before


async def test_another_policy_is_another_reason(clinic: Server) -> None:
    await written(clinic, A, appointment("Patient/a", "Practitioner/d"))
    await anew(clinic)
    ((_, ends),) = (await told(clinic)).values()
    longer = replace(clinic.services.access, days_after=clinic.services.access.days_after + 10)
    clinic.services = replace(clinic.services, access=longer)
    await anew(clinic)
    ((_, later),) = (await told(clinic)).values()
    assert later - ends == 10 * DAY * 1_000_000
    job = await clinic.services.store.records.get(TABLE.name, relating_anew.KIND)
    assert job is not None
    assert (job.value["status"], job.value["types"]) == ("completed", [["Appointment", 1, 1]])


async def test_it_goes_on_where_it_was_stopped(clinic: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relating_anew, "SLICE", 2)
    for _ in range(5):
        await written(clinic, A, team("Practitioner/d"))
    before = await told(clinic)
    await forget(clinic)
    await relating_anew.due(clinic.services)
    for expected in (2, 4, 5):
        (job,) = await relating_anew.unfinished(clinic.services.store)
        await relating_anew.advance(clinic.services, job)
        assert len(await told(clinic)) == expected
    await anew(clinic)
    assert await told(clinic) == before


async def test_whose_the_binaries_are_is_told_of_what_was_there_before(clinic: Server) -> None:
    scan = await written(clinic, OWNER, {"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="})
    content = [{"attachment": {"url": f"Binary/{scan['id']}"}}]
    subject = {"reference": "Patient/a"}
    made = {"resourceType": "DocumentReference", "status": "current", "subject": subject, "content": content}
    document = await written(clinic, OWNER, made)
    key = Key("Binary", scan["id"])

    async def before(tx: Transaction) -> None:
        for each in await tx.records.scan(ATTACHMENTS):
            await tx.records.delete(ATTACHMENTS, each.key)
        await tx.own(key, 1, [])

    await clinic.services.store.write(before)
    assert await clinic.services.store.read(key, restriction=About("a")) is None
    await anew(clinic)
    assert await clinic.services.store.read(key, restriction=About("a"))
    (record,) = await clinic.services.store.records.find(ATTACHMENTS, "binary", f"Binary/{scan['id']}")
    assert record.value["holder"] == f"DocumentReference/{document['id']}"
