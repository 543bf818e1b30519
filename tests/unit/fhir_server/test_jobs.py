"""Background jobs: begun when due, resumed at the start, left alone at the stop, tried again when the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from fhir_server import jobs
from fhir_server.app import Tenant, open_tenant
from fhir_server.errors import StoreUnavailable
from fhir_server.interactions.call import ANONYMOUS, Call, Services
from fhir_server.interactions.update import update
from fhir_server.operations import reindexing
from fhir_server.settings import Settings
from fhir_server.store.base import Record
from tests.fakes.own_parameters import Json, own, with_eyes

BLUE = (("eye-colour", "http://example.org/colours|blue"),)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RETRY", 0.01)
    monkeypatch.setattr(reindexing, "SLICE", 2)


def settings(tmp_path: Path) -> Settings:
    """Without the parameters that the software brings, whose indexing is a job too."""
    return Settings(store=f"sqlite:///{tmp_path}/fhir.db", telemed_profiles=False)


async def put(tenant: Tenant, resource: Json) -> None:
    await update(Call(tenant.services, ANONYMOUS, "r", resource["resourceType"], resource["id"], resource=resource))


async def complete(tenant: Tenant) -> None:
    """Wait until the parameter is served."""
    await until(lambda: "eye-colour" in tenant.services.registry.all_for("Patient"))


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not come to that")


async def test_a_new_parameter_is_indexed_without_being_asked_for(tmp_path: Path) -> None:
    async with open_tenant(settings(tmp_path)) as tenant:
        tenant.jobs.begin(tenant.services)
        for n in range(5):
            await put(tenant, with_eyes(str(n), "blue"))
        await put(tenant, own())
        await complete(tenant)
        found = await reindexing.finished(tenant.services.store)
        assert [reindexing.figures(job) for job in found] == [(5, 5)]


async def test_what_was_not_finished_goes_on_with_the_next_start(tmp_path: Path) -> None:
    async with open_tenant(settings(tmp_path)) as tenant:
        for n in range(5):
            await put(tenant, with_eyes(str(n), "blue"))
        await put(tenant, own())
        await reindexing.due(tenant.services)
        (job,) = await reindexing.unfinished(tenant.services.store)
        job = await reindexing.advance(tenant.services, await reindexing.advance(tenant.services, job))
        assert reindexing.figures(job) == (2, 5)
    async with open_tenant(settings(tmp_path)) as tenant:
        assert "eye-colour" not in tenant.services.registry.all_for("Patient")
        tenant.jobs.begin(tenant.services)
        await complete(tenant)
        (ended,) = await reindexing.finished(tenant.services.store)
        assert ended.key == job.key


async def test_a_store_that_is_away_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [StoreUnavailable("locked"), StoreUnavailable("locked")]
    kind = jobs.KINDS[0]

    async def advance(services: Services, job: Record) -> Record:
        if failures:
            raise failures.pop()
        return await kind.advance(services, job)

    monkeypatch.setattr(jobs, "KINDS", (jobs.Kind(kind.due, kind.unfinished, advance),))
    async with open_tenant(settings(tmp_path)) as tenant:
        tenant.jobs.begin(tenant.services)
        await put(tenant, own())
        await complete(tenant)
    assert failures == []


async def test_a_fault_is_logged_without_its_text_and_the_jobs_live_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kind = jobs.KINDS[0]
    faults = [RuntimeError("about Camille Moreau")]

    async def advance(services: Services, job: Record) -> Record:
        if faults:
            raise faults.pop()
        return await kind.advance(services, job)

    monkeypatch.setattr(jobs, "KINDS", (jobs.Kind(kind.due, kind.unfinished, advance),))
    async with open_tenant(settings(tmp_path)) as tenant:
        tenant.jobs.begin(tenant.services)
        await put(tenant, own())
        await until(lambda: not faults)
        tenant.jobs.wake()
        await complete(tenant)
    assert "a background job failed" in caplog.text
    assert "Moreau" not in caplog.text
    assert [record.__dict__["error"] for record in caplog.records if "error" in record.__dict__] == ["RuntimeError"]


async def test_the_registry_tells_how_far_the_job_under_way_is(tmp_path: Path) -> None:
    async with open_tenant(settings(tmp_path)) as tenant:
        for n in range(4):
            await put(tenant, with_eyes(str(n), "blue"))
        seen: list[tuple[int, int] | None] = []
        job = await reindexing.request(tenant.services, ["Patient"])
        registry = tenant.services.registry
        await jobs.finish(tenant.services, job, reindexing.advance, moved=lambda now: seen.append(registry.progress))
        assert seen == [(0, 4), (2, 4), (4, 4), (4, 4)]
        assert registry.progress is None
