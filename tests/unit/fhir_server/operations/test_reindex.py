"""$reindex: what begins a job, and what is told of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fhir_server.errors import Refusal
from fhir_server.interactions.call import Principal, Result
from fhir_server.operations import reindexing
from fhir_server.operations.registry import OPERATIONS
from fhir_server.operations.reindex import reindex
from fhir_server.store.base import Record
from profiles.restriction import InCompartment
from tests.fakes.own_parameters import own, with_eyes
from tests.fakes.rights import limited_to
from tests.fakes.server import BASE, Server, content

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


async def post(server: Server, *parameters: Json, query: tuple[tuple[str, str], ...] = ()) -> Result:
    call = server.call(resource={"resourceType": "Parameters", "parameter": list(parameters)}, query=query)
    call.method = "POST"
    return await reindex(call)


async def ask(server: Server, *query: tuple[str, str]) -> Result:
    return await reindex(server.call(query=query))


async def jobs(server: Server) -> list[Record]:
    return await reindexing.unfinished(server.services.store)


def types(job: Record) -> list[str]:
    return [type for type, *_ in job.value["types"]]


def told(result: Result) -> dict[str, Any]:
    """Return the parameters by name; those of a type by its name."""
    found: dict[str, Any] = {}
    for each in content(result)["parameter"]:
        if "part" in each:
            name, total, done = (next(v for k, v in part.items() if k != "name") for part in each["part"])
            found[name] = (total, done)
        else:
            found[each["name"]] = next(value for key, value in each.items() if key != "name")
    return found


async def test_a_job_is_accepted_durable_and_told_where_to_ask(server: Server) -> None:
    result = await post(server)
    (job,) = await jobs(server)
    assert result.status == 202
    assert result.headers["Content-Location"] == f"{BASE}/$reindex?job={job.key}"
    assert "Patient" in types(job)
    assert len(types(job)) == 146
    (row,) = await server.audit_rows()
    assert (row.action, row.status, row.details) == ("$reindex", 202, {"job": job.key})


async def test_types_are_named_by_name_or_by_parameter(server: Server) -> None:
    await server.put(own())
    await post(server, {"name": "type", "valueCode": "Device"}, {"name": "type", "valueCode": "Claim"})
    await post(server, {"name": "parameter", "valueCanonical": own()["url"] + "|1.0"})
    await post(server, {"name": "parameter", "valueUri": "http://hl7.org/fhir/SearchParameter/Account-owner"})
    await post(server, query=(("type", "Person"),))
    assert [types(job) for job in await jobs(server)] == [["Claim", "Device"], ["Patient"], ["Account"], ["Person"]]


@pytest.mark.parametrize(
    ("parameter", "status", "says"),
    [
        ({"name": "type", "valueCode": "Martian"}, 400, "Martian is not a resource type"),
        ({"name": "parameter", "valueCanonical": "http://example.org/none"}, 422, "no search parameter"),
        ({"name": "speed", "valueCode": "high"}, 400, "no parameter 'speed'"),
        ({"name": "type"}, 400, "has a name and a valueCode"),
        ({"name": "type", "valueInteger": 1}, 400, "has a name and a valueCode"),
        ("type", 400, "has a name and a valueCode"),
    ],
)
async def test_what_is_no_parameter_of_it_is_refused(server: Server, parameter: Any, status: int, says: str) -> None:
    with pytest.raises(Refusal, match=says) as caught:
        await post(server, parameter)
    assert caught.value.status == status
    assert await jobs(server) == []


async def test_a_body_that_is_no_parameters_is_refused(server: Server) -> None:
    call = server.call(resource={"resourceType": "Patient"})
    call.method = "POST"
    with pytest.raises(Refusal, match="is a Parameters resource"):
        await reindex(call)


async def test_progress_is_told_while_it_goes_on_and_at_the_end(server: Server) -> None:
    for n in range(3):
        await server.put(with_eyes(str(n), "blue"))
    await post(server, {"name": "type", "valueCode": "Patient"})
    (job,) = await jobs(server)
    accepted = await ask(server, ("job", job.key))
    assert (accepted.status, told(accepted)["status"]) == (202, "accepted")
    job = await reindexing.advance(server.services, job)
    running = await ask(server)
    assert (running.status, running.headers["X-Progress"]) == (202, "in-progress, 0 of 3")
    while job.value["status"] in reindexing.OPEN:
        server.clock.advance(1)
        job = await reindexing.advance(server.services, job)
    ended = await ask(server, ("job", job.key))
    assert (ended.status, ended.headers) == (200, {})
    found = told(ended)
    assert found == {
        "job": job.key,
        "status": "completed",
        "total": 3,
        "done": 3,
        "created": "2025-06-15T15:06:40.000Z",
        "started": "2025-06-15T15:06:40.000Z",
        "finished": "2025-06-15T15:06:42.000Z",
        "Patient": (3, 3),
    }
    # Without a job: the last one.
    assert told(await ask(server)) == found


@pytest.mark.parametrize("query", [(("job", "none"),), ()])
async def test_an_unknown_job_is_not_found(server: Server, query: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(Refusal, match="no such job") as caught:
        await ask(server, *query)
    assert caught.value.status == 404


async def test_who_may_not_see_everything_may_not_ask(server: Server) -> None:
    server.principal = Principal("nurse", limited_to(InCompartment("Patient", "1")))
    with pytest.raises(Refusal) as caught:
        await OPERATIONS["reindex"].answer(server.call())
    assert caught.value.status == 403


async def test_what_runs_jobs_is_woken(server: Server) -> None:
    woken: list[int] = []
    server.services = replace(server.services, wake_jobs=lambda: woken.append(1))
    await post(server)
    assert woken == [1]
