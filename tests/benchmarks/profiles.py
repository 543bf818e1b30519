"""FR Core: its installation, validation against one of its profiles, and rules of profiles against `fhirpathpy`."""

from __future__ import annotations

import contextlib
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import fhirpathpy

from fhir_server.interactions.judging import ProfileJudge
from fhir_server.packages.archive import open_package
from profiles.fhirpath.engine import compile_expression
from profiles.packages.catalogue import Catalogue
from profiles.validation.validator import Validator
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import REPOSITORY
from tests.fakes.shared import SHARED_DATA, parse

PACKAGE = SHARED_DATA / "french" / "packages" / "hl7.fhir.fr.core-2.2.0-combined.tgz"
PROFILE = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient"
EXAMPLE = SHARED_DATA / "french" / "frcore" / "Patient-FRCorePatientExample.json"
SECONDS, MEGABYTES = 20, 200
INSTALL = """
import sys
from fhir_server.cli import app
try:
    app(["package", "add", sys.argv[1], "--store", sys.argv[2]])
finally:
    line = next(each for each in open("/proc/self/status") if each.startswith("VmHWM:"))
    print("PEAK", int(line.split()[1]) / 1024)
"""


def measure() -> list[Figure]:
    """Return the figures."""
    return [_install(), *_judged()]


def _install() -> Figure:
    with tempfile.TemporaryDirectory() as name:
        arguments = [sys.executable, "-c", INSTALL, str(PACKAGE), f"sqlite:///{name}/fhir.db"]
        started = time.perf_counter()
        told = subprocess.run(arguments, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - started
        size = sum(each.stat().st_size for each in Path(name).iterdir()) / 1e6
    peak = float(told.rpartition("PEAK")[2])
    return Figure(
        "package add: FR Core 2.2.0 with its terminologies",
        f"{seconds:.1f} s, {peak:.0f} MB of memory, {size:.0f} MB on disk",
        f"under {SECONDS} s and {MEGABYTES} MB",
        seconds < SECONDS and peak < MEGABYTES,
    )


def _judged() -> list[Figure]:
    catalogue = Catalogue()
    package = open_package(PACKAGE)
    for each in package.definitions:
        if each.type in ("StructureDefinition", "ValueSet", "CodeSystem"):
            catalogue.keep(each.entry, parse(each.text), each.text)
    validator = Validator()
    judge = ProfileJudge(catalogue, validator)
    resource = parse(EXAMPLE.read_bytes())

    def judged() -> object:
        return [*validator.validate(resource), *judge(resource, [PROFILE], False)]

    errors = [f"{each.code} {each.expression}" for each in judge(resource, [PROFILE], False) if each.is_error]
    if errors:
        raise RuntimeError(f"the example of FR Core conforms to it: {errors}")
    spent = 1000 * _spent(judged)
    work = "base and FR Core profile of a Patient (slices, invariants)"
    return [Figure(work, f"{spent:.2f} ms of processor", "under 1 ms", spent < 1), _rules(catalogue, resource)]


def _spent(work: Callable[[], object], loops: int = 50) -> float:
    """Return the seconds of processor that one call takes, the median of nine: others on the machine do not count."""
    times = []
    for _ in range(9):
        started = time.process_time()
        for _ in range(loops):
            work()
        times.append((time.process_time() - started) / loops)
    return statistics.median(times)


def _rules(catalogue: Catalogue, resource: dict[str, Any]) -> Figure:
    """Compare the invariants of the profile's snapshot, which are R4's own and those of FR Core."""
    definition = catalogue.resolve(PROFILE)
    rules = {
        rule["expression"]
        for element in (definition or {})["snapshot"]["element"]
        if element["path"] == "Patient"
        for rule in element.get("constraint", ())
        if "expression" in rule
    }
    ours = theirs = 0.0
    count = 0
    for rule in sorted(rules):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            other = _theirs(rule, resource)
            if other is None:
                continue
            own = compile_expression(rule, root="Patient")
            theirs += _spent(partial(other, resource), 20)
            ours += _spent(partial(own.evaluate, resource), 20)
            count += 1
    ratio = theirs / ours
    measured = f"{ratio:.1f} x fhirpathpy over {count} rules"
    return Figure("invariants of the FR Core profile of a Patient", measured, "20 x fhirpathpy", ratio >= 20)


def _theirs(rule: str, resource: dict[str, Any]) -> Callable[[Any], object] | None:
    """Return the rule as fhirpathpy has it, None where it cannot: it refuses some of the standard's own."""
    try:
        compiled: Callable[[Any], object] = fhirpathpy.compile(rule)
        compiled(resource)
    except Exception:
        return None
    return compiled
