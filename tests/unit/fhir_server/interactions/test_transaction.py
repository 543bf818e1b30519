"""transaction: order, atomicity, conditional entries and refusals (http://hl7.org/fhir/R4/http.html#transaction)."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from fhir_server.errors import BadRequest, PreconditionFailed, Unprocessable
from fhir_server.interactions.answer import answer
from fhir_server.interactions.bundle import bundle
from fhir_server.interactions.call import Prefer
from fhir_server.interactions.transaction import settle
from fhir_server.store.base import Transaction
from tests.fakes.server import BASE, Server, bundle_of, entry, errors, identified, observation, patient

pytestmark = pytest.mark.anyio


def status(answers: list[dict[str, Any]]) -> list[str]:
    return [answer["response"]["status"][:3] for answer in answers]


async def test_the_answers_come_in_the_order_of_the_entries_whatever_order_they_are_done_in(server: Server) -> None:
    await server.put(patient("gone"))
    await server.put(patient("old"))
    answers = await server.bundle(
        entry("GET", "Patient/new"),
        entry("PUT", "Patient/new", patient("new")),
        entry("PUT", "Patient/old", patient("old", active=True)),
        entry("POST", "Patient", patient("ignored")),
        entry("DELETE", "Patient/gone"),
        entry("GET", "Patient?active=true"),
    )
    assert status(answers) == ["200", "201", "200", "201", "204", "200"]
    assert answers[0]["resource"]["id"] == "new"
    assert [each["resource"]["id"] for each in answers[5]["resource"]["entry"]] == ["old"]
    assert answers[1]["response"]["location"] == "Patient/new/_history/1"
    assert answers[2]["response"]["etag"] == 'W/"2"'
    assert answers[3]["response"]["location"].startswith("Patient/new-")
    assert answers[4]["response"]["etag"] == 'W/"2"'
    assert answers[1]["response"]["lastModified"] == "2025-06-15T15:06:40.000Z"
    assert "resource" not in answers[1]


async def test_prefer_decides_what_the_entries_show(server: Server) -> None:
    made = entry("POST", "Patient", patient(active=True))
    shown = await server.bundle(made, prefer=Prefer("representation"))
    assert shown[0]["resource"]["active"] is True
    told = await server.bundle(made, prefer=Prefer("OperationOutcome"))
    assert told[0]["response"]["outcome"]["resourceType"] == "OperationOutcome"


async def test_all_of_it_is_one_commit_with_one_audit_row(server: Server) -> None:
    before = await server.services.store.position()
    await server.bundle(entry("PUT", "Patient/1", patient("1")), entry("POST", "Observation", observation("Patient/2")))
    assert len({change.position for change in await server.services.store.changes(before)}) == 1
    (row,) = await server.audit_rows()
    assert (row.action, row.status, sorted(row.patients)) == ("transaction", 200, ["1", "2"])


async def test_one_bad_entry_in_500_is_named_and_undoes_all(server: Server) -> None:
    entries = [entry("POST", "Patient", patient()) for _ in range(500)]
    entries[321]["resource"]["active"] = "yes"
    refusal = await server.bundle_refusal(*entries)
    assert isinstance(refusal, Unprocessable)
    assert [issue.expression for issue in errors(refusal)] == ["Bundle.entry[321].resource.active"]
    assert await server.services.store.counts() == {}


async def test_an_entry_that_fails_inside_the_write_undoes_all(server: Server) -> None:
    refusal = await server.bundle_refusal(
        entry("PUT", "Patient/1", patient("1")),
        entry("PUT", "Patient/2", patient("2"), ifMatch='W/"1"'),
    )
    assert isinstance(refusal, PreconditionFailed)
    assert refusal.issues[0].expression == "Bundle.entry[1]"
    assert await server.services.store.counts() == {}
    missing = await server.bundle_refusal(entry("PUT", "Patient/1", patient("1")), entry("GET", "Patient/2"))
    assert missing.status == 404
    assert await server.services.store.counts() == {}


async def test_findings_of_all_entries_come_together(server: Server) -> None:
    bad = entry("POST", "Patient", patient(active="yes"))
    refusal = await server.bundle_refusal(bad, entry("POST", "Patient", patient()), bad)
    assert [issue.expression for issue in errors(refusal)] == [
        "Bundle.entry[0].resource.active",
        "Bundle.entry[2].resource.active",
    ]
    many = await server.bundle_refusal(*[bad] * 300)
    assert 100 < len(many.issues) <= 102


@pytest.mark.parametrize(
    "entries",
    [
        [entry("PUT", "Patient/1", patient("1")), entry("PUT", "Patient/1", patient("1"))],
        [entry("PUT", "Patient/1", patient("1")), entry("DELETE", "Patient/1")],
        [entry("DELETE", "Patient/1"), entry("DELETE", f"{BASE}/Patient/1")],
        [entry("DELETE", "Patient/7"), entry("PUT", "Patient?identifier=urn:s|7", identified("7", id="7"))],
        [
            entry("POST", "Patient", identified("9"), ifNoneExist="identifier=urn:s|9"),
            entry("POST", "Patient", identified("9"), ifNoneExist="identifier=urn:s|9"),
        ],
        [
            entry("PUT", "Patient?identifier=urn:s|9", identified("9")),
            entry("POST", "Patient", identified("9")),
        ],
    ],
)
async def test_two_entries_for_one_resource_are_refused(server: Server, entries: list[dict[str, Any]]) -> None:
    await server.put(identified("7", id="7"))
    refusal = await server.bundle_refusal(*entries)
    assert isinstance(refusal, BadRequest)
    assert "Bundle.entry[" in str(refusal)
    assert (refusal.issues[0].expression or "").startswith("Bundle.entry[")
    assert await server.services.store.counts() == {"Patient": 1}
    assert (await server.show("Patient/7"))["meta"]["versionId"] == "1"


async def test_if_none_exist_finds_what_is_there(server: Server) -> None:
    once = entry("POST", "Patient", identified("7"), ifNoneExist="identifier=urn:s|7")
    assert status(await server.bundle(once)) == ["201"]
    found = await server.bundle(once)
    assert status(found) == ["200"]
    assert found[0]["response"]["location"].endswith("/_history/1")
    assert await server.services.store.counts() == {"Patient": 1}


async def test_deletes_come_first_so_that_a_replacement_is_created(server: Server) -> None:
    await server.put(identified("7", id="old"))
    answers = await server.bundle(
        entry("POST", "Patient", identified("7"), ifNoneExist="identifier=urn:s|7"), entry("DELETE", "Patient/old")
    )
    assert status(answers) == ["201", "204"]


async def test_conditional_update_delete_and_patch_work_in_entries(server: Server) -> None:
    for number in ("1", "2", "3"):
        await server.put(identified(number, id=number))
    steps = base64.b64encode(json.dumps([{"op": "add", "path": "/active", "value": True}]).encode()).decode()
    binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": steps}
    answers = await server.bundle(
        entry("PUT", "Patient?identifier=urn:s|1", identified("1", active=True)),
        entry("DELETE", "Patient?identifier=urn:s|2"),
        entry("PATCH", "Patient?identifier=urn:s|3", binary),
        entry("PUT", "Patient?identifier=urn:s|4", identified("4")),
    )
    assert status(answers) == ["200", "204", "200", "201"]
    assert (await server.show("Patient/1"))["active"] is True
    assert (await server.show("Patient/3"))["active"] is True
    assert (await server.refusal("read", "Patient/2")).status == 410


async def test_reads_of_every_kind_see_the_result(server: Server) -> None:
    answers = await server.bundle(
        entry("PUT", "Patient/1", patient("1")),
        entry("GET", "Patient/1/_history"),
        entry("GET", "Patient/1/_history/1"),
        entry("HEAD", "Patient/1"),
        entry("GET", "Patient/1", ifNoneMatch='W/"1"'),
        entry("GET", "_history"),
        entry("GET", "Patient?_id=1&_summary=count"),
    )
    assert status(answers) == ["201", "200", "200", "200", "304", "200", "200"]
    assert len(answers[1]["resource"]["entry"]) == 1
    assert answers[2]["resource"]["id"] == "1"
    assert "resource" not in answers[3]
    assert answers[6]["resource"]["total"] == 1


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        ("nothing", "Bundle.entry[1]"),
        ({}, "Bundle.entry[1].request"),
        ({"request": {"method": "COPY", "url": "Patient"}}, "Bundle.entry[1].request.method"),
        ({"request": {"method": "GET"}}, "Bundle.entry[1].request.url"),
        (entry("GET", "Nonsense/1"), "Bundle.entry[1].request.url"),
        (entry("GET", "http://elsewhere.org/fhir/Patient/1"), "Bundle.entry[1].request.url"),
        (entry("DELETE", "_history"), "Bundle.entry[1].request"),
        (entry("POST", "Patient", patient(), ifNoneExists="identifier=1"), "Bundle.entry[1].request"),
        (entry("POST", "Patient"), "Bundle.entry[1]"),
        (entry("PUT", "Patient/1", patient("2")), "Bundle.entry[1].resource.id"),
        (entry("POST", "Group", patient("2")), "Bundle.entry[1]"),
        (entry("POST", "Patient", patient(), ifNoneExist="nonsense=1"), "Bundle.entry[1].request.url"),
        (entry("GET", "Patient/1", ifModifiedSince="soon"), "Bundle.entry[1].request.ifModifiedSince"),
    ],
)
async def test_an_entry_that_cannot_be_read_is_named(server: Server, bad: Any, place: str) -> None:
    refusal = await server.bundle_refusal(entry("POST", "Patient", patient()), bad)
    assert isinstance(refusal, BadRequest)
    assert (refusal.issues[0].expression or "").startswith(place)
    assert await server.services.store.counts() == {}


@pytest.mark.parametrize("body", [None, patient(), bundle_of(type="searchset"), bundle_of() | {"type": None}])
async def test_only_batches_and_transactions_can_be_posted_to_the_base(server: Server, body: Any) -> None:
    with pytest.raises(BadRequest, match="batch or transaction"):
        await bundle(server.call(resource=body))


async def test_entries_that_are_no_array_are_refused(server: Server) -> None:
    with pytest.raises(BadRequest, match=r"Bundle\.entry"):
        await bundle(server.call(resource=bundle_of() | {"entry": {}}))


async def test_an_empty_transaction_has_an_empty_answer(server: Server) -> None:
    assert await server.bundle() == []


async def test_what_runs_along_commits_with_the_bundle_or_not_at_all(server: Server) -> None:
    async def note(tx: Transaction) -> None:
        await tx.records.put("done", "file", {"end": 1})

    bad = bundle_of(entry("PUT", "Patient/1", patient("1"), ifMatch='W/"7"'))
    with pytest.raises(PreconditionFailed):
        await settle(server.call(resource=bad), answer, also=note)
    assert await server.services.store.records.get("done", "file") is None
    await settle(server.call(resource=bundle_of(entry("PUT", "Patient/1", patient("1")))), answer, also=note)
    assert await server.services.store.records.get("done", "file") is not None


async def test_transactions_at_the_same_time_agree_on_who_creates(server: Server) -> None:
    once = entry("POST", "Patient", identified("7"), ifNoneExist="identifier=urn:s|7")
    answers = await asyncio.gather(*(server.bundle(once) for _ in range(8)))
    assert sorted(status(answer)[0] for answer in answers) == ["200"] * 7 + ["201"]
    assert await server.services.store.counts() == {"Patient": 1}


async def test_25000_entries_go_in_and_others_get_their_turn(server: Server) -> None:
    entries = [entry("POST", "Basic", {"resourceType": "Basic", "code": {"text": "x"}}) for _ in range(25_000)]
    turns, done = 0, False

    async def watch() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    watcher = asyncio.create_task(watch())
    answers = await server.bundle(*entries)
    done = True
    await watcher
    assert len(answers) == 25_000
    assert await server.services.store.counts() == {"Basic": 25_000}
    assert turns > 25_000 / 1000, "one turn of the others for a thousand entries at least"
