"""$validate-code and $expand in this process: the whole road of the interaction, audit row included, without HTTP."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from typing import Any

from fhir_server.app import open_tenant
from fhir_server.interactions.call import ANONYMOUS, Call, Services
from fhir_server.interactions.update import update
from fhir_server.model.fhir_json import encode
from fhir_server.operations.registry import OPERATIONS
from fhir_server.settings import Settings
from fhir_server.store.base import AuditRow
from tests.benchmarks.figures import Figure

URL = "http://example.org/fhir/benchmark"
CODES = 1000
CALLS = 4000


def _call(services: Services, type: str, **query: str) -> Call:
    call = Call(services, ANONYMOUS, "benchmark", type)
    call.parameters = tuple(query.items())
    return call


async def _store(services: Services) -> None:
    concepts = [{"code": f"c{n}", "display": f"Concept number {n}"} for n in range(CODES)]
    system: dict[str, Any] = {"url": f"{URL}/cs", "content": "complete", "concept": concepts}
    value_set = {"url": f"{URL}/vs", "compose": {"include": [{"system": f"{URL}/cs"}]}}
    for type, content in ("CodeSystem", system), ("ValueSet", value_set):
        call = Call(services, ANONYMOUS, "benchmark", type, "benchmark")
        call.resource = {"resourceType": type, "id": "benchmark", "status": "active", **content}
        await update(call)


async def _measured() -> tuple[float, float, float]:
    """Return codes validated a second, and the median and the worst milliseconds of an expansion, encoded."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(store=f"sqlite:///{folder}/fhir.db", auth="open")
        async with open_tenant(settings) as tenant:
            services = tenant.services
            await _store(services)
            validate, expand = OPERATIONS["validate-code"].perform, OPERATIONS["expand"].perform
            query = {"url": f"{URL}/vs", "system": f"{URL}/cs"}
            await validate(_call(services, "ValueSet", **query, code="c1"))
            started = time.perf_counter()
            for number in range(CALLS):
                answer = await validate(_call(services, "ValueSet", **query, code=f"c{number % CODES}"))
                if not (answer.resource or {})["parameter"][0]["valueBoolean"]:
                    raise RuntimeError("every code of the benchmark is in its value set")
                # Others get their turn, as between requests: the audit rows are written meanwhile.
                await asyncio.sleep(0)
            await services.store.audit(AuditRow(services.now(), "benchmark", "end", "", 200, "benchmark"), wait=True)
            rate = CALLS / (time.perf_counter() - started)
            times = []
            for _ in range(100):
                started = time.perf_counter()
                encode((await expand(_call(services, "ValueSet", url=f"{URL}/vs"))).resource)
                times.append(1000 * (time.perf_counter() - started))
    return rate, statistics.median(times), max(times)


def measure() -> list[Figure]:
    """Return both figures."""
    rate, median, worst = asyncio.run(_measured())
    expanded = f"p50 {median:.1f} ms, worst {worst:.1f} ms"
    return [
        Figure("$validate-code of a stored value set, one process", f"{rate:,.0f}/s", "2,000/s", rate >= 2000),
        Figure(f"$expand of {CODES:,} codes", expanded, "p50 under 20 ms", median < 20),
    ]
