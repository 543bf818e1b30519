"""$reindex: `POST [base]/$reindex`, `GET [base]/$reindex?job=[id]`.

Index what is stored anew, of some types or of all of them, in the background (http://hl7.org/fhir/R4/async.html): POST
answers 202 and where to ask how far it is, GET tells that: 202 while it goes on, 200 when it has ended. Without `job`
GET tells of the job under way, or of the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.errors import BadRequest, NotFound, Unprocessable
from fhir_server.interactions import audit
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.model.issues import operation_outcome
from fhir_server.model.resource import instant
from fhir_server.operations import reindexing
from fhir_server.operations.parameters import texts
from fhir_server.search.parameters import types_of
from fhir_server.store.base import Record
from profiles import definitions
from profiles.issues import Issue

NAMES = ("type", "parameter")


async def reindex(call: Call) -> Result:
    """Begin a job (202), or tell of one. Raises NotFound for an unknown job."""
    asked = [value for name, value in call.parameters if name == "job"]
    if asked or call.method == "GET":
        return await audit.seen(call, "$reindex", await _tell(call, asked))
    job = await reindexing.request(call.services, _types(call))
    call.services.wake_jobs()
    url = f"{call.services.base}/$reindex?job={job.key}"
    begun = Issue("information", "informational", f"Indexing goes on in the background. How far it is: GET {url}")
    result = Result(202, resource=operation_outcome([begun]), headers={"Content-Location": url})
    return await audit.seen(call, "$reindex", result, {"job": job.key})


async def _tell(call: Call, asked: Sequence[str]) -> Result:
    records = call.reader.records
    if asked:
        job = await records.get(reindexing.TABLE.name, asked[0])
    else:
        jobs = await reindexing.unfinished(call.reader) or await reindexing.finished(call.reader)
        job = jobs[0] if jobs else None
    if job is None or job.value["kind"] != reindexing.KIND:
        raise NotFound("There is no such job: its id is in the Content-Location of the answer that began it.")
    ended = job.value["status"] not in reindexing.OPEN
    done, total = reindexing.figures(job)
    headers = {} if ended else {"X-Progress": f"{job.value['status']}, {done} of {total}", "Retry-After": "1"}
    return Result(200 if ended else 202, resource=progress(job), headers=headers)


def progress(job: Record) -> Resource:
    """Return a job as Parameters: job, status, total, done, created, started, finished, error, and each type."""
    value = job.value
    done, total = reindexing.figures(job)
    parameter: list[dict[str, Any]] = [
        {"name": "job", "valueString": job.key},
        {"name": "status", "valueCode": value["status"]},
        {"name": "total", "valueInteger": total},
        {"name": "done", "valueInteger": done},
    ]
    parameter += [
        {"name": name, "valueInstant": instant(value[name])}
        for name in ("created", "started", "finished")
        if name in value
    ]
    if "error" in value:
        parameter.append({"name": "error", "valueString": value["error"]})
    for type, number, ready in value["types"] if value["status"] != reindexing.ACCEPTED else ():
        part = [
            {"name": "name", "valueCode": type},
            {"name": "total", "valueInteger": number},
            {"name": "done", "valueInteger": ready},
        ]
        parameter.append({"name": "type", "part": part})
    return {"resourceType": "Parameters", "parameter": parameter}


def _types(call: Call) -> tuple[str, ...]:
    """Return the types asked for by name or by parameter; none for all. Raises BadRequest, Unprocessable."""
    found: list[str] = []
    for name, value in texts(call, "reindex", NAMES):
        if name == "type":
            if not definitions.is_resource_type(value):
                raise BadRequest(f"{value[:64]} is not a resource type of FHIR R4.", expression="type")
            found.append(value)
        else:
            found += _types_of_parameter(call, value.partition("|")[0])
    return tuple(found)


def _types_of_parameter(call: Call, url: str) -> tuple[str, ...]:
    own = [each.definition for each in call.services.registry.additions]
    bases = [each.base for each in (*own, *definitions.search_parameters()) if each.url == url]
    if not bases:
        raise Unprocessable(f"There is no search parameter {url[:200]} here.", expression="parameter", code="not-found")
    return types_of(bases[0])
