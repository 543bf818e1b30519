"""Reading and creating over HTTP at 32 connections, against an empty FastAPI route under the same uvicorn."""

from __future__ import annotations

import json
import statistics
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from fhir_server.model import fhir_json
from tests.benchmarks import load
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import calibration, our_server
from tests.fakes.shared import synthea_bundles

ROUNDS = 3
SECONDS = 3.0
SAMPLE = 500


def observations() -> list[dict[str, object]]:
    """Return Synthea Observations with references that stand alone."""
    found = []
    for bundle in synthea_bundles("s-*.json.gz"):
        for entry in bundle["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] == "Observation":
                resource = {k: v for k, v in resource.items() if k not in ("id", "encounter")}
                resource["subject"] = {"reference": "Patient/synthea"}
                found.append(resource)
                if len(found) == SAMPLE:
                    return found
    return found


def create(base: str, resource: dict[str, object]) -> str:
    """POST `resource`, return its id."""
    body = fhir_json.encode(resource)
    headers = {"Content-Type": "application/fhir+json"}
    with urllib.request.urlopen(urllib.request.Request(f"{base}/Observation", body, headers)) as answer:
        return str(json.loads(answer.read())["id"])


def requests_file(folder: Path, name: str, requests: Iterator[bytes]) -> Path:
    """Write `requests` where the load generator reads them."""
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(json.dumps(each.decode()) for each in requests))
    return path


def measure() -> list[Figure]:
    """Return the figures of read and create."""
    samples = observations()
    with (
        tempfile.TemporaryDirectory() as name,
        calibration() as other,
        our_server(Path(name) / "fhir.db") as (base, _),
    ):
        folder = Path(name)
        ids = [create(base, resource) for resource in samples]
        reads = requests_file(folder, "reads", (load.request(f"{base}/Observation/{i}") for i in ids))
        content = [("Content-Type", "application/fhir+json")]
        bodies = (fhir_json.encode(each) for each in samples)
        creates = requests_file(
            folder, "creates", (load.request(f"{base}/Observation", "POST", body, content) for body in bodies)
        )
        rows: dict[str, list[load.Load]] = {"empty": [], "bare": [], "read": [], "create": []}
        for _ in range(ROUNDS):
            rows["empty"].append(load.run(f"{other}/empty", seconds=SECONDS))
            rows["read"].append(load.run(base, seconds=SECONDS, requests=reads))
            rows["create"].append(load.run(base, seconds=SECONDS, requests=creates))
            rows["bare"].append(load.run(f"{other}/bare", seconds=SECONDS))
    refused = sum(each.refused for kind in rows.values() for each in kind)
    if refused:
        raise RuntimeError(f"{refused} answers were not 2xx: the figures would mean nothing")
    return [
        figure("GET /fhir/Observation/{id}, 32 connections", "read", rows, 1.4),
        figure("POST /fhir/Observation, 32 connections", "create", rows, 0.3),
    ]


def figure(work: str, kind: str, rows: dict[str, list[load.Load]], aim: float) -> Figure:
    """Return one row: the median of the ratios round by round."""
    ratio = statistics.median(a.rate / b.rate for a, b in zip(rows[kind], rows["empty"], strict=True))
    bare = statistics.median(a.rate / b.rate for a, b in zip(rows[kind], rows["bare"], strict=True))
    rate = statistics.median(each.rate for each in rows[kind])
    p99 = statistics.median(each.p99 for each in rows[kind])
    measured = f"{ratio:.2f} x FastAPI, {bare:.2f} x bare ASGI ({rate:,.0f}/s, p99 {p99:.1f} ms)"
    return Figure(work, measured, f"{aim} x an empty FastAPI route", ratio >= aim)
