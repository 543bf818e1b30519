"""A terminology of 300,000 concepts in the store: its load in a process of its own, then questions over HTTP."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from tests.benchmarks import load
from tests.benchmarks.big_terminology import URL, code
from tests.benchmarks.figures import Figure
from tests.benchmarks.http_rates import requests_file
from tests.benchmarks.processes import REPOSITORY, calibration, our_server

CONCEPTS = 300_000
GROWTH = 150
"""MB by which the process that loads may grow."""
QUESTIONS = 2000
VALUE_SET = "http://example.org/fhir/ValueSet/below"
LOAD = """
import asyncio, json, sys, time
from fhir_server.app import open_tenant
from fhir_server.settings import Settings
from fhir_server.terminologies.load import load
from tests.benchmarks.big_terminology import big

def peak():
    line = next(each for each in open("/proc/self/status") if each.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024

async def main():
    async with open_tenant(Settings(store=sys.argv[1], auth="open")) as tenant:
        await load(tenant.services, big(1000, "small"))
        before, started = peak(), time.perf_counter()
        report = await load(tenant.services, big(int(sys.argv[2])))
        print(json.dumps([report.head.count, time.perf_counter() - started, before, peak()]))

asyncio.run(main())
"""


def loaded(store: Path, concepts: int) -> tuple[int, float, float, float]:
    """Load a generated system in a process of its own; return how many, the seconds, and MB before and at most."""
    arguments = [sys.executable, "-c", LOAD, f"sqlite:///{store}", str(concepts)]
    told = subprocess.run(arguments, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    count, seconds, before, most = json.loads(told)
    return count, seconds, before, most


def measure() -> list[Figure]:
    """Return the figures of the load and of the questions."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count, seconds, before, most = loaded(folder / "fhir.db", CONCEPTS)
        figures = [
            Figure(
                f"load of {count:,} concepts, with words and ancestors",
                f"{count / seconds:,.0f} concepts/s, peak memory + {most - before:.0f} MB",
                f"peak memory + {GROWTH} MB at most",
                most - before < GROWTH,
            )
        ]
        with calibration() as other, our_server(folder / "fhir.db") as (base, _):
            _store(base)
            figures += list(_asked(folder, base, other))
    return figures


def _store(base: str) -> None:
    """Keep a value set of a ninth of the concepts."""
    include = {"system": URL, "filter": [{"property": "concept", "op": "is-a", "value": code(1)}]}
    resource = {"resourceType": "ValueSet", "id": "below", "url": VALUE_SET, "status": "active"}
    body = json.dumps({**resource, "compose": {"include": [include]}}).encode()
    put = urllib.request.Request(
        f"{base}/ValueSet/below", body, {"Content-Type": "application/fhir+json"}, method="PUT"
    )
    with urllib.request.urlopen(put) as answer:
        answer.read()


def _asked(folder: Path, base: str, other: str) -> Iterator[Figure]:
    chance = random.Random(4)
    codes = [code(chance.randrange(CONCEPTS)) for _ in range(QUESTIONS)]
    of_system = (f"{base}/CodeSystem/$validate-code?{urlencode({'url': URL, 'code': each})}" for each in codes)
    query = {"url": VALUE_SET, "system": URL}
    of_set = (f"{base}/ValueSet/$validate-code?{urlencode({**query, 'code': each})}" for each in codes)
    for work, urls in (("CodeSystem", of_system), ("ValueSet by is-a", of_set)):
        found = _run(folder, base, urls)
        empty = load.run(f"{other}/empty", seconds=3.0)
        yield Figure(
            f"$validate-code over HTTP, {work}, {CONCEPTS:,} concepts",
            f"{found.rate:,.0f}/s, p99 {found.p99:.1f} ms ({found.rate / empty.rate:.2f} x an empty FastAPI route)",
            "2,000/s",
            found.rate >= 2000,
        )
    for work, query in (
        ("by is-a", {"url": VALUE_SET, "count": "1000"}),
        ("by is-a and words", {"url": VALUE_SET, "count": "1000", "filter": "fev"}),
    ):
        found = _run(folder, base, iter([f"{base}/ValueSet/$expand?{urlencode(query)}"]), connections=1)
        yield Figure(
            f"$expand of 1,000 codes over HTTP, {work}, {CONCEPTS:,} concepts",
            f"p50 {found.median:.1f} ms, p99 {found.p99:.1f} ms",
            "p50 under 20 ms",
            found.median < 20,
        )


def _run(folder: Path, base: str, urls: Iterator[str], connections: int = 32) -> load.Load:
    asked = requests_file(folder, "asked", (load.request(url) for url in urls))
    found = load.run(base, seconds=3.0, connections=connections, requests=asked)
    if found.refused:
        raise RuntimeError(f"{found.refused} answers were not 2xx: the figures would mean nothing")
    return found
