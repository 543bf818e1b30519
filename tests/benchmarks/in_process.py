"""Validation and index extraction of Synthea Observations, and FHIRPath against `fhirpathpy`, in this process."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import fhirpathpy
import jiter

from fhir_server.model import fhir_json
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from profiles.definitions import search_parameters
from profiles.fhirpath.engine import compile_expression
from profiles.validation.validator import Validator
from tests.benchmarks.figures import Figure, median_time
from tests.fakes.shared import synthea_bundles

BASE = "http://127.0.0.1/fhir"


def resources(kind: str, limit: int) -> list[dict[str, Any]]:
    """Return up to `limit` Synthea resources of a type, with references as the server stores them."""
    found = []
    for bundle in synthea_bundles("[bs]-*.json.gz"):
        for entry in bundle["entry"]:
            if entry["resource"]["resourceType"] == kind:
                found.append(_settled(entry["resource"]))
                if len(found) == limit:
                    return found
    return found


def _settled(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _reference(v) if k == "reference" else _settled(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_settled(each) for each in value]
    return value


def _reference(text: str) -> str:
    return (
        text.replace("urn:uuid:", "Patient/")
        if text.startswith("urn:uuid:")
        else text.replace("?identifier=", "/")[:40]
    )


def _per_resource(work: Callable[[Any], object], samples: list[Any]) -> float:
    def once(sample: Any) -> float:
        return median_time(lambda: work(sample), repeat=5, loops=20)

    return statistics.median(once(sample) for sample in samples) * 1e6


def validation_and_extraction() -> list[Figure]:
    """Return the figures for structure + extraction, and with invariants."""
    bodies = [fhir_json.encode(each) for each in _observations()]
    parsed = [fhir_json.parse(body) for body in bodies]
    extractor, plain, full = Extractor(Registry()), Validator(invariants=False), Validator()
    wrong = [issue for each in parsed for issue in full.validate(each) if issue.is_error]
    if wrong:
        raise RuntimeError(f"the samples must be valid: {wrong[0]}")
    parse = _per_resource(lambda body: jiter.from_json(body, float_mode="decimal"), bodies)
    short = _per_resource(lambda each: (plain.validate(each), extractor.entries(each, base=BASE)), parsed)
    long = _per_resource(lambda each: (full.validate(each), extractor.entries(each, base=BASE)), parsed)
    return [
        _microseconds("structural validation + extraction, Observation", short, parse, 60, 9),
        _microseconds("the same with invariants", long, parse, 250, 36),
    ]


def _observations() -> list[dict[str, Any]]:
    samples = resources("Observation", 60)
    for sample in samples:
        sample["subject"] = {"reference": "Patient/synthea"}
        if "encounter" in sample:
            sample["encounter"] = {"reference": "Encounter/synthea"}
    return samples


def _microseconds(work: str, took: float, parse: float, limit: float, ratio: float) -> Figure:
    measured = f"{took:.0f} µs, {took / parse:.1f} x its jiter parse ({parse:.1f} µs)"
    return Figure(work, measured, f"under {limit:.0f} µs or {ratio:.0f} x", took < limit or took / parse < ratio)


def fhirpath() -> list[Figure]:
    """Return the figure of the search expressions both engines can evaluate."""
    ours, theirs, count = 0.0, 0.0, 0
    for kind in ("Observation", "Patient"):
        samples = resources(kind, 20)
        for parameter in search_parameters():
            if kind not in parameter.base or not parameter.expression:
                continue
            mine = compile_expression(parameter.expression, root=kind, lenient=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                other = _theirs(parameter.expression, samples[0])
            if other is None:
                continue
            count += 1
            ours += _whole(lambda each, mine=mine: mine.evaluate(each), samples)
            theirs += _whole(other, samples)
    measured = f"{theirs / ours:.1f} x fhirpathpy over {count} expressions"
    return [Figure("FHIRPath: search expressions of Observation and Patient", measured, "10 x", theirs / ours >= 10)]


def _theirs(expression: str, sample: dict[str, Any]) -> Callable[[Any], object] | None:
    try:
        compiled = fhirpathpy.compile(expression)
        compiled(sample)
    except Exception:
        return None
    return compiled  # type: ignore[no-any-return]


def _whole(work: Callable[[Any], object], samples: list[Any]) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        for sample in samples:
            work(sample)
        best = min(best, time.perf_counter() - started)
    return best


def measure() -> list[Figure]:
    """Return all figures of this file."""
    return [*validation_and_extraction(), *fhirpath()]
