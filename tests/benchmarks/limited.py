"""What rights cost: searches and reads of a patient and of a doctor against the same ones in open mode.

In this process, without a socket: the figure is the ratio of the rates, in one run, best of several rounds. Both
callers ask for what they get, so that as much is found and shown: open mode names the patient, the patient need not.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from fhir_server.interactions.bundle import bundle
from fhir_server.interactions.call import ANONYMOUS, Principal
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from profiles.validation.validator import Validator
from tests.benchmarks.figures import Figure
from tests.fakes.callers import doctor, patient
from tests.fakes.clock import Clock
from tests.fakes.server import Server, content, services_at
from tests.fakes.shared import synthea_bundles

AIM = 0.6
BUNDLES = 12
ROUNDS, REPEAT = 7, 150
CODE = "http://loinc.org|29463-7"
"""Body weight, which every patient has."""


def measure() -> list[Figure]:
    """Return a figure for each kind of request."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[Figure]:
    registry = Registry()
    url = f"sqlite:///{folder / 'fhir.db'}"
    server = Server(await services_at(url, registry, Extractor(registry), Validator(), Clock()), Clock())
    try:
        id = await _filled(server)
        care = {"resourceType": "CareTeam", "id": "care", "status": "active", "subject": {"reference": f"Patient/{id}"}}
        await server.put(care | {"participant": [{"member": {"reference": "Practitioner/bench"}}]})
        query = [("code", CODE)]
        open_query = [*query, ("patient", id)]
        whole = await _rate(server, ANONYMOUS, "search", "Observation", open_query)
        own = await _rate(server, patient(id), "search", "Observation", query)
        named = await _rate(server, patient(id), "search", "Observation", open_query)
        cared = await _rate(server, doctor("bench"), "search", "Observation", open_query)
        read = await _rate(server, ANONYMOUS, "read", f"Patient/{id}")
        own_read = await _rate(server, patient(id), "read", f"Patient/{id}")
        cared_read = await _rate(server, doctor("bench"), "read", f"Patient/{id}")
    finally:
        await server.services.store.close()
    return [
        _figure("a patient's Observation?code=…, of open mode's with patient=", own / whole),
        _figure("the same with patient= as well", named / whole),
        _figure("a doctor's Observation?code=…&patient=", cared / whole),
        _figure("a patient's read", own_read / read),
        _figure("a doctor's read", cared_read / read),
    ]


async def _filled(server: Server) -> str:
    """Load some patients; return the id of one who has been weighed."""
    for number, each in enumerate(synthea_bundles()):
        if number == BUNDLES:
            break
        await bundle(server.call(resource=each))
    found = content(await server.do("search", "Observation", query=[("code", CODE), ("_count", "1")]))
    return str(found["entry"][0]["resource"]["subject"]["reference"].partition("/")[2])


async def _rate(
    server: Server, who: Principal, name: str, path: str, query: list[tuple[str, str]] | None = None
) -> float:
    """Return how often a request is answered in a second of this process, in the best of several rounds."""
    server.principal = who
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(REPEAT):
            given: Any = {"query": query} if query else {}
            await server.do(name, path, **given)
        best = min(best, time.process_time() - started)
    return REPEAT / best


def _figure(work: str, ratio: float) -> Figure:
    return Figure(work, f"{ratio:.2f} x", f"{AIM} x", ratio >= AIM)
