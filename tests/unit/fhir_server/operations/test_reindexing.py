"""Indexing anew in slices: what a job covers, what happens beside it, and where it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import StoreUnavailable
from fhir_server.operations import reindexing
from fhir_server.operations.reindexing import advance, due, figures, request, unfinished
from fhir_server.store.base import Record, Transaction
from tests.fakes.own_parameters import index, own, with_eyes
from tests.fakes.server import Server, content, patient

pytestmark = pytest.mark.anyio

BLUE = [("eye-colour", "http://example.org/colours|blue")]


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "SLICE", 3)
    monkeypatch.setattr(reindexing, "TURN", 2)


async def blue(server: Server) -> list[str]:
    return sorted((await server.do("search", "Patient", query=BLUE)).patients)


async def patients(server: Server, number: int) -> None:
    for n in range(number):
        await server.put(with_eyes(f"p{n}", "blue"))


async def only(server: Server) -> Record:
    (job,) = await unfinished(server.services.store)
    return job


async def finish(server: Server, job: Record) -> dict[str, Any]:
    while job.value["status"] in reindexing.OPEN:
        job = await advance(server.services, job)
    return dict(job.value)


async def test_a_job_goes_slice_by_slice_and_writes_how_far_it_is(server: Server) -> None:
    await patients(server, 7)
    await server.put(own())
    await due(server.services)
    job = await only(server)
    assert (job.value["status"], figures(job)) == ("accepted", (0, 0))
    steps = []
    while job.value["status"] in reindexing.OPEN:
        job = await advance(server.services, job)
        kept = await server.services.store.records.get("job", job.key)
        assert kept is not None
        assert kept.value == job.value
        steps.append((job.value["status"], figures(job)))
    running = "in-progress"
    assert steps == [(running, (n, 7)) for n in (0, 3, 6, 7)] + [("completed", (7, 7))]
    assert await blue(server) == [f"p{n}" for n in range(7)]


async def test_what_is_written_meanwhile_is_found_as_it_is(server: Server) -> None:
    await patients(server, 7)
    await server.put(own())
    await due(server.services)
    job = await advance(server.services, await only(server))
    job = await advance(server.services, job)
    await server.put(with_eyes("p0", "green"))
    await server.put(with_eyes("p5", "green"))
    await server.do("delete", "Patient/p6")
    await server.put(with_eyes("new", "blue"))
    assert (await finish(server, job))["status"] == "completed"
    assert await blue(server) == ["new", "p1", "p2", "p3", "p4"]


async def test_a_version_that_changes_within_a_slice_keeps_its_own_entries(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await patients(server, 3)
    await server.put(own())
    await due(server.services)
    job = await advance(server.services, await only(server))
    extract, store = server.services.extractor.entries, server.services.store
    write = store.write

    async def overtaken(work: Any) -> Any:
        monkeypatch.setattr(store, "write", write)
        await server.put(with_eyes("p1", "green"))
        return await write(work)

    monkeypatch.setattr(store, "write", overtaken)
    await finish(server, job)
    assert server.services.extractor.entries == extract
    assert await blue(server) == ["p0", "p2"]


async def test_a_job_goes_on_where_it_was_in_another_process(server: Server) -> None:
    await patients(server, 7)
    await server.put(own())
    await due(server.services)
    await advance(server.services, await advance(server.services, await only(server)))
    await server.services.learned()
    await due(server.services)
    job = await only(server)
    assert figures(job) == (3, 7)
    await finish(server, job)
    assert len(await blue(server)) == 7


async def test_a_slice_that_was_extracted_by_other_parameters_is_done_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await patients(server, 2)
    await server.put(own())
    job = await advance(server.services, await request(server.services, ["Patient"]))
    store = server.services.store
    write = store.write

    async def overtaken(work: Any) -> Any:
        monkeypatch.setattr(store, "write", write)
        await server.put(own("other", code="other"))
        return await write(work)

    monkeypatch.setattr(store, "write", overtaken)
    assert await advance(server.services, job) == job
    assert (await finish(server, job))["status"] == "completed"


async def test_a_definition_that_changes_meanwhile_is_not_complete_with_the_job(server: Server) -> None:
    await patients(server, 4)
    await server.put(own())
    await due(server.services)
    job = await advance(server.services, await only(server))
    await server.put(own(expression="Patient.gender"))
    await finish(server, job)
    assert not server.services.registry.additions[0].complete
    await index(server.services)
    assert server.services.registry.additions[0].complete
    assert await blue(server) == []


async def test_nothing_is_due_when_everything_is_complete_or_on_its_way(server: Server) -> None:
    await due(server.services)
    assert await unfinished(server.services.store) == []
    await server.put(own())
    await due(server.services)
    await due(server.services)
    await finish(server, await only(server))
    await due(server.services)
    assert await unfinished(server.services.store) == []


async def test_what_cannot_be_indexed_fails_the_job_and_leaves_the_parameter_incomplete(server: Server) -> None:
    await server.put(patient("p0", name=[{"given": ["A"]}, {"given": ["B"]}]))
    await server.put(own(expression="Patient.name.single().given", type="string"))
    await due(server.services)
    value = await finish(server, await only(server))
    assert value["status"] == "failed"
    assert value["error"].startswith("Patient/p0: The search parameter 'eye-colour'")
    assert not server.services.registry.additions[0].complete
    await server.put(own())
    await index(server.services)
    assert server.services.registry.additions[0].complete


async def test_a_store_that_is_away_leaves_the_job_as_it_is(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    await patients(server, 2)
    job = await advance(server.services, await request(server.services, ["Patient"]))
    write = server.services.store.write

    async def away(work: Any) -> Any:
        raise StoreUnavailable("locked")

    monkeypatch.setattr(server.services.store, "write", away)
    with pytest.raises(StoreUnavailable):
        await advance(server.services, job)
    monkeypatch.setattr(server.services.store, "write", write)
    assert (await finish(server, job))["status"] == "completed"


async def test_page_walks_end_with_a_new_meaning_of_their_parameter_and_only_then(server: Server) -> None:
    await patients(server, 4)
    page = [*BLUE, ("_count", "2")]

    async def walk() -> list[tuple[str, str]]:
        from urllib.parse import parse_qsl, urlsplit

        found = content(await server.do("search", "Patient", query=page))
        (url,) = [link["url"] for link in found["link"] if link["relation"] == "next"]
        return parse_qsl(urlsplit(url).query)

    await server.put(own())
    await index(server.services)
    following = await walk()
    await server.put(own("second", code="second"))
    await index(server.services)
    assert len(content(await server.do("search", "Patient", query=following))["entry"]) == 2
    following = await walk()
    await server.put(own(expression=own()["expression"] + " | Patient.maritalStatus"))
    await index(server.services)
    refusal = await server.refusal("search", "Patient", query=following)
    assert (refusal.status, refusal.issues[0].code) == (410, "expired")


async def test_a_finished_job_can_be_asked_about_for_a_month(server: Server) -> None:
    job = await request(server.services, ["Patient"])
    await finish(server, job)
    server.clock.advance(29 * 24 * 3600)
    assert await server.services.store.records.get("job", job.key) is not None
    server.clock.advance(2 * 24 * 3600)
    assert await server.services.store.records.get("job", job.key) is None


async def test_all_types_that_there_are_are_indexed_when_none_is_named(server: Server) -> None:
    await patients(server, 2)
    await server.put({"resourceType": "Device", "id": "d"})

    async def spoil(tx: Transaction) -> None:
        from fhir_server.search.values import IndexEntries
        from fhir_server.store.base import Key

        assert await tx.reindex(Key("Device", "d"), 1, IndexEntries(tokens=[("status", "", "x", 0)]))

    await server.services.store.write(spoil)
    value = await finish(server, await request(server.services))
    assert value["types"] == [["Device", 1, 1], ["Patient", 2, 2]]
    assert content(await server.do("search", "Device", query=[("status", "x")])).get("entry", []) == []
