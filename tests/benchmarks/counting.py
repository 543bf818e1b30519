"""How long it takes to count many matches, and whether the number is right.

Over HTTP on one connection, and once more in this process for a caller who may not see everything: a restriction takes
away the shortcuts that hold for those who may.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from pathlib import Path
from urllib.parse import quote

from fhir_server.errors import Refusal
from fhir_server.interactions.call import Principal, system_clock
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from profiles.restriction import HasLabel, Not
from profiles.validation.validator import Validator
from tests.benchmarks.figures import Figure
from tests.benchmarks.million import CODE, LOINC, RESTRICTED, unlabelled
from tests.benchmarks.processes import our_server
from tests.benchmarks.walking import Client, Refused, client
from tests.fakes.clock import Clock
from tests.fakes.rights import limited_to
from tests.fakes.server import Server, content, services_at

REPEAT = 15
LIMIT = 0.3
CODES = {"system|code": f"{LOINC}|{CODE}", "code": CODE}


def measure(store: Path, matching: int) -> list[Figure]:
    """Return the figures of counting `matching` Observations."""
    with our_server(store) as (base, _), client(base) as asked:
        figures = [_over_http(asked, shown, code, matching) for shown, code in CODES.items()]
    return [*figures, asyncio.run(_restricted(store, unlabelled(matching)))]


def _over_http(asked: Client, shown: str, code: str, matching: int) -> Figure:
    work = f"Observation?code={shown}&_summary=count"
    took, totals = [], set()
    try:
        for _ in range(REPEAT):
            started = time.perf_counter()
            body = asked.get(f"Observation?code={quote(code)}&_summary=count")
            took.append(time.perf_counter() - started)
            totals.add(int(json.loads(body)["total"]))
    except Refused as refused:
        return _figure(work, matching, f"refused: {refused}")
    return _timed(work, matching, took, totals)


async def _restricted(store: Path, matching: int) -> Figure:
    work = f"the same for a caller who may not see the label {RESTRICTED[1]}"
    clock = Clock(system_clock())
    services = await services_at(f"sqlite:///{store}", Registry(), Extractor(Registry()), Validator(), clock)
    server = Server(services, clock)
    server.principal = Principal("bench", limited_to(Not(HasLabel(*RESTRICTED))))
    query = (("code", f"{LOINC}|{CODE}"), ("_summary", "count"))
    took, totals = [], set()
    try:
        for _ in range(REPEAT):
            started = time.perf_counter()
            answer = await server.do("search", "Observation", query=query)
            took.append(time.perf_counter() - started)
            totals.add(int(content(answer)["total"]))
    except Refusal as refusal:
        return _figure(work, matching, f"refused: {refusal.status} {refusal.issues[0].message}")
    finally:
        await services.store.close()
    return _timed(work, matching, took, totals)


def _timed(work: str, matching: int, took: list[float], totals: set[int]) -> Figure:
    if totals != {matching}:
        return _figure(work, matching, f"wrong: {', '.join(f'{each:,}' for each in sorted(totals))}")
    middle = statistics.median(took)
    return _figure(work, matching, f"{1000 * middle:.0f} ms, at most {1000 * max(took):.0f} ms", reached=middle < LIMIT)


def _figure(work: str, matching: int, measured: str, *, reached: bool = False) -> Figure:
    return Figure(f"{work}, {matching:,} matches", measured, f"under {LIMIT} s", reached)
